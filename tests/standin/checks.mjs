// SPDX-License-Identifier: MIT
// Check runs and suites, and the logs of Actions jobs: these lie at an address of their own,
// where a token of ours has no business.
import crypto from 'node:crypto';
import http from 'node:http';
import { Refusal } from './auth.mjs';
import { now } from './local.mjs';

export const ACTIONS = { id: 15368, slug: 'github-actions', name: 'GitHub Actions' };

export class Checks {
  static async start(standin) {
    const c = new Checks();
    c.s = standin;
    c.runs = [];
    c.suites = [];
    c.logs = new Map(); // secret path -> text
    c.strangers = []; // requests for logs that brought a credential along
    c.nextId = 43000001;
    c.server = http.createServer((req, res) => c.#log(req, res));
    await new Promise((done) => { c.server.listen(0, '127.0.0.1', done); });
    c.logUrl = `http://127.0.0.1:${c.server.address().port}`;
    c.operations = {
      'checks/create': (call) => c.create(call), 'checks/update': (call) => c.update(call),
      'checks/get': (call) => ({ status: 200, body: c.json(call, c.need(call)) }),
      'checks/list-for-ref': (call) => c.ofRef(call),
      'checks/list-annotations': (call) => c.annotations(call),
      'actions/download-job-logs-for-workflow-run': (call) => c.jobLog(call),
    };
    return c;
  }

  close() {
    this.server.closeAllConnections();
    return new Promise((done) => { this.server.close(done); });
  }

  key(params) { return this.s.local.key(params); }
  need({ params }) {
    const run = this.runs.find((r) => r.id === Number(params.check_run_id ?? params.job_id) &&
      r.key === this.key(params));
    if (!run) throw new Refusal(404, 'Not Found');
    return run;
  }

  // ---- apps -----------------------------------------------------------------------

  app(which) {
    const { app } = this.s;
    const own = { id: app.app_id, slug: app.slug, name: app.slug };
    const other = which === undefined ? own
      : typeof which === 'object' ? which
        : which === ACTIONS.slug ? ACTIONS
          : { id: 20000 + crypto.createHash('md5').update(which).digest().readUInt16BE(), slug: which, name: which };
    return { ...this.s.contract.example('checks/get', 200).app, ...other };
  }

  suite({ key, repo, sha, app, branch }) {
    let found = this.suites.find((x) => x.key === key && x.sha === sha && x.app.id === app.id);
    if (!found) {
      found = { id: this.nextId++, key, sha, app, branch, created_at: now() };
      this.suites.push(found);
    }
    return found;
  }

  // ---- making ---------------------------------------------------------------------

  create({ params, body }) {
    if (!this.s.git.exists(params.owner, params.repo, body.head_sha))
      throw new Refusal(422, `No commit found for SHA: ${body.head_sha}`);
    const run = this.add(params, body, this.app());
    return { status: 201, body: this.json({ params, repo: this.repoOf(params) }, run) };
  }

  repoOf(params) { return { full_name: `${params.owner}/${params.repo}` }; }

  add(params, body, app) {
    const key = this.key(params);
    const { output, head_branch: told, ...rest } = body;
    const run = { id: this.nextId++, key, app, external_id: '', conclusion: null, details_url: null,
      started_at: now(), completed_at: null, annotations: [], actions: [], output: {}, ...rest };
    // A fork's branch is not looked for: there is none, but GitHub Actions tells its own.
    const branch = told ?? this.s.git.branchAt(params.owner, params.repo, run.head_sha);
    run.suite = this.suite({ key, sha: run.head_sha, app, branch });
    this.put(run, { output, ...rest });
    this.runs.push(run);
    return run;
  }

  // Annotations are added to those that are there, everything else replaces.
  put(run, { output, head_sha: _, ...rest }) {
    Object.assign(run, rest);
    if (rest.conclusion) run.status = 'completed';
    run.status ??= 'queued';
    if (run.status === 'completed') run.completed_at ??= now();
    if (run.status === 'completed' && !run.conclusion)
      throw new Refusal(422, 'Invalid request.\n\nMissing conclusion for a completed check run.');
    if (!output) return;
    const { annotations, images, ...texts } = output;
    for (const text of [texts.summary, texts.text])
      if (text && text.length > 65535) throw new Refusal(422, 'Only 65535 characters are allowed');
    run.output = { ...run.output, ...texts };
    run.annotations.push(...annotations ?? []);
  }

  update(call) {
    const run = this.need(call);
    if (run.app.id !== this.s.app.app_id)
      throw new Refusal(403, 'Invalid app_id `0` - check run can only be modified by the GitHub App that created it.');
    this.put(run, call.body ?? {});
    return { status: 200, body: this.json(call, run) };
  }

  // ---- telling --------------------------------------------------------------------

  pulls(params, sha) {
    const { git, local, url, known } = this.s;
    const id = known.find((r) => r.full_name.toLowerCase() === this.key(params))?.id;
    const api = `${url}/repos/${params.owner}/${params.repo}`;
    const side = (ref, oid) => ({ ref, sha: oid, repo: { id, url: api, name: params.repo } });
    return [...local.pullsOf(params).values()]
      .filter((p) => p.state === 'open' && !p.fork && git.sha(params.owner, params.repo, p.head) === sha)
      .map((p) => ({ url: `${api}/pulls/${p.number}`, id: p.id ?? 7000000 + p.number, number: p.number,
        head: side(p.head, sha), base: side(p.base, p.base_sha) }));
  }

  json({ params, repo }, run) {
    const api = `${this.s.url}/repos/${repo.full_name}/check-runs/${run.id}`;
    const html = `${this.s.url}/${repo.full_name}/${run.app.slug === ACTIONS.slug
      ? `actions/runs/${run.suite.id}/job` : 'runs'}/${run.id}`;
    return { id: run.id, node_id: `CR_${run.id}`, head_sha: run.head_sha, external_id: run.external_id, url: api,
      html_url: html, details_url: run.details_url ?? html, status: run.status, conclusion: run.conclusion,
      started_at: run.started_at, completed_at: run.completed_at, name: run.name,
      output: { title: run.output.title ?? null, summary: run.output.summary ?? null, text: run.output.text ?? null,
        annotations_count: run.annotations.length, annotations_url: `${api}/annotations` },
      check_suite: { id: run.suite.id }, app: run.app, pull_requests: this.pulls(params, run.head_sha) };
  }

  ofRef({ params, query, repo }) {
    const sha = this.s.git.commitOf(params.owner, params.repo, params.ref);
    if (!sha) throw new Refusal(422, `No commit found for SHA: ${params.ref}`);
    let list = this.runs.filter((r) => r.key === this.key(params) && r.head_sha === sha)
      .sort((a, b) => b.id - a.id)
      .filter((r) => (!query.check_name || r.name === query.check_name) &&
        (!query.status || r.status === query.status) && (!query.app_id || r.app.id === Number(query.app_id)));
    if ((query.filter ?? 'latest') === 'latest')
      list = list.filter((r, i) => list.findIndex((o) => o.name === r.name && o.suite.id === r.suite.id) === i);
    const page = this.s.local.page(list, query, `/repos/${repo.full_name}/commits/${params.ref}/check-runs`);
    return { ...page, body: { total_count: list.length,
      check_runs: page.body.map((r) => this.json({ params, repo }, r)) } };
  }

  annotations(call) {
    const run = this.need(call);
    const page = this.s.local.page(run.annotations, call.query,
      `/repos/${call.repo.full_name}/check-runs/${run.id}/annotations`);
    return { ...page, body: page.body.map((a) => ({ path: a.path, start_line: a.start_line,
      end_line: a.end_line ?? a.start_line, start_column: a.start_column ?? null, end_column: a.end_column ?? null,
      annotation_level: a.annotation_level ?? 'failure', title: a.title ?? null, message: a.message,
      raw_details: a.raw_details ?? null,
      blob_href: `${this.s.url}/repos/${call.repo.full_name}/git/blobs/${run.head_sha}` })) };
  }

  // ---- logs -----------------------------------------------------------------------

  jobLog(call) {
    const run = this.need(call);
    if (run.app.slug !== ACTIONS.slug || run.log === undefined) throw new Refusal(404, 'Not Found');
    if (run.log === null) throw new Refusal(410, 'Gone');
    const place = `/${run.id}/${crypto.randomBytes(16).toString('hex')}.txt`;
    this.logs.set(place, run.log);
    return { status: 302, headers: { location: `${this.logUrl}${place}?sig=${crypto.randomBytes(20).toString('hex')}` } };
  }

  #log(req, res) {
    const text = this.logs.get(new URL(req.url, this.logUrl).pathname);
    // A storage elsewhere refuses a credential that it does not know.
    if (req.headers.authorization) {
      this.strangers.push(req.url);
      res.writeHead(400).end('Authentication information is not given in the correct format.');
    } else if (text === undefined) res.writeHead(404).end();
    else res.writeHead(200, { 'content-type': 'text/plain' }).end(text);
  }
}
