// SPDX-License-Identifier: MIT
// Operations whose state the gate keeps itself, because the state engine lacks them or is
// too far from GitHub: pull requests (their heads stand in the git repositories),
// reactions, permissions of people, deliveries, the manifest, bot users.
import crypto from 'node:crypto';
import { Refusal } from './auth.mjs';

export const now = () => new Date().toISOString().replace(/\.\d+/, '');
const CONTENTS = ['+1', '-1', 'laugh', 'confused', 'heart', 'hooray', 'rocket', 'eyes'];

function validation(...errors) {
  return new Refusal(422, 'Validation Failed', { body: { message: 'Validation Failed', errors,
    documentation_url: 'https://docs.github.com/rest' } });
}

export class Local {
  // standin: { url, app, git, hooks, contract, upstream(), repo(), collaborators }
  constructor(standin) {
    this.s = standin;
    this.pulls = new Map(); // "owner/name" -> Map(number -> pull)
    this.reactions = new Map();
    this.nextId = 91000;
    this.operations = {
      'pulls/create': (c) => this.createPull(c), 'pulls/list': (c) => this.listPulls(c),
      'pulls/get': (c) => this.getPull(c), 'pulls/update': (c) => this.updatePull(c),
      'reactions/create-for-issue': (c) => this.react(c, `issue ${c.params.issue_number}`),
      'reactions/create-for-issue-comment': (c) => this.react(c, `comment ${c.params.comment_id}`),
      'reactions/list-for-issue': (c) => this.listReactions(c, `issue ${c.params.issue_number}`),
      'reactions/list-for-issue-comment': (c) =>
        this.listReactions(c, `comment ${c.params.comment_id}`),
      'repos/get-collaborator-permission-level': (c) => this.permission(c),
      'repos/check-collaborator': (c) => this.collaborator(c),
      'apps/list-webhook-deliveries': (c) => this.listDeliveries(c),
      'apps/get-webhook-delivery': (c) => this.getDelivery(c),
      'apps/redeliver-webhook-delivery': (c) => this.redeliver(c),
      'apps/create-from-manifest': (c) => this.manifest(c),
      'users/get-by-username': (c) => this.user(c), 'git/get-ref': (c) => this.getRef(c),
      'reactions/create-for-pull-request-review-comment': (c) => this.react(c, `review ${c.params.comment_id}`),
      'reactions/list-for-pull-request-review-comment': (c) => this.listReactions(c, `review ${c.params.comment_id}`),
    };
  }

  key({ owner, repo }) { return `${owner}/${repo}`.toLowerCase(); }
  pullsOf(params) {
    const key = this.key(params);
    if (!this.pulls.has(key)) this.pulls.set(key, new Map());
    return this.pulls.get(key);
  }
  // The newest commit of a pull request: of its branch, here or in the fork it came from, else
  // where it stood last.  What is open is kept at refs/pull/N/head too, also when it is a fork's.
  headOf(params, pull) {
    const { git, forks } = this.s;
    if (!pull.fork) return git.sha(params.owner, params.repo, pull.head) ?? pull.head_sha;
    const [owner, name] = pull.fork.split('/');
    const there = forks.has(pull.fork) ? git.sha(owner, name, pull.head) : null;
    if (there && there !== pull.head_sha && pull.state === 'open') {
      git.take(params.owner, params.repo, git.dir(owner, name), pull.head, `refs/pull/${pull.number}/head`);
      pull.head_sha = there;
    }
    return pull.head_sha;
  }
  isPull(params) { return this.pullsOf(params).has(Number(params.issue_number)); }

  // ---- pull requests ----------------------------------------------------------------

  async createPull({ params, body, repo }) {
    const [owner, branch] = body.head.includes(':') ? body.head.split(':') : [params.owner, body.head];
    const head = owner.toLowerCase() === params.owner.toLowerCase() &&
      this.s.git.sha(params.owner, params.repo, branch);
    const base = this.s.git.sha(params.owner, params.repo, body.base);
    const resource = 'PullRequest';
    if (!base) throw validation({ resource, field: 'base', code: 'invalid' });
    if (!head) throw validation({ resource, field: 'head', code: 'invalid' });
    for (const pull of this.pullsOf(params).values())
      if (pull.state === 'open' && !pull.fork && pull.head === branch && pull.base === body.base)
        throw validation({ resource, code: 'custom',
          message: `A pull request already exists for ${params.owner}:${branch}.` });
    const compared = this.s.git.compare(params.owner, params.repo, base, head);
    if (!compared)
      throw validation({ resource, field: 'base', code: 'custom',
        message: `The ${body.base} branch has no history in common with ${branch}` });
    if (!compared.commits)
      throw validation({ resource, code: 'custom', message: `No commits between ${body.base} and ${branch}` });
    const issue = await this.s.upstream('POST', `/repos/${repo.full_name}/issues`,
      { title: body.title, body: body.body ?? '' });
    const pull = { number: issue.body.number, head: branch, base: body.base, base_sha: base,
      draft: body.draft ?? false, state: 'open', created_at: now(), user_id: issue.body.user.id,
      id: 7000000 + issue.body.id };
    this.pullsOf(params).set(pull.number, pull);
    return { status: 201, body: await this.pullJson(params, repo, pull) };
  }

  async pullJson(params, repo, pull) {
    const { url, contract, git } = this.s;
    const issue = (await this.s.upstream('GET', `/repos/${repo.full_name}/issues/${pull.number}`)).body;
    const sha = this.headOf(params, pull);
    if (pull.state === 'open') pull.head_sha = sha;
    const side = (ref, oid, at = repo) => ({ label: `${at?.owner.login ?? 'unknown'}:${ref}`, ref, sha: oid,
      user: at?.owner ?? issue.user, repo: at });
    const headRepo = pull.fork ? await this.s.repo(...pull.fork.split('/')) : repo; // null: the fork is gone
    const api = `${url}/repos/${repo.full_name}/pulls/${pull.number}`;
    const html = `${url}/${repo.full_name}/pull/${pull.number}`;
    const { draft, state, merged_at: mergedAt = null } = pull;
    return { ...contract.example('pulls/get', 200), url: api, id: pull.id,
      node_id: `PR_${issue.id}`, html_url: html, diff_url: `${html}.diff`, patch_url: `${html}.patch`,
      issue_url: issue.url, commits_url: `${api}/commits`, review_comments_url: `${api}/comments`,
      comments_url: `${issue.url}/comments`, statuses_url: `${url}/repos/${repo.full_name}/statuses/${sha}`,
      number: pull.number, state, locked: false, title: issue.title, user: issue.user,
      body: issue.body, labels: issue.labels ?? [], milestone: null, assignee: null, assignees: [],
      requested_reviewers: [], requested_teams: [], draft, merged: Boolean(mergedAt),
      merged_at: mergedAt, merged_by: pull.merged_by ?? null, ...this.mergeable(params, pull, pull.head_sha),
      merge_commit_sha: pull.merge_commit_sha ?? null,
      created_at: pull.created_at, updated_at: now(), closed_at: pull.closed_at ?? null,
      head: side(pull.head, pull.head_sha, headRepo), base: side(pull.base, pull.base_sha), auto_merge: null,
      comments: issue.comments ?? 0,
      review_comments: this.s.reviews.comments.filter((c) => c.key === this.key(params) && c.pull === pull.number).length,
      ...git.compare(params.owner, params.repo, pull.base_sha, pull.head_sha) };
  }

  // By git itself.  With `slow_mergeable` the first question after a change of either side is
  // answered with null, as GitHub does while it computes.
  mergeable(params, pull, head) {
    if (pull.state !== 'open') return { mergeable: null, mergeable_state: 'unknown' };
    const base = this.s.git.sha(params.owner, params.repo, pull.base) ?? pull.base_sha;
    const asked = `${base} ${head}`;
    if (this.s.slowMergeable && pull.asked !== asked) {
      pull.asked = asked;
      return { mergeable: null, mergeable_state: 'unknown' };
    }
    const clean = this.s.git.mergeable(params.owner, params.repo, base, head);
    return { mergeable: clean, mergeable_state: clean ? pull.draft ? 'draft' : 'clean' : 'dirty' };
  }

  // A pull request is an issue too, and says so.
  markPull(params, repo, issue) {
    delete issue.pull_request;
    const pull = this.pullsOf(params).get(Number(params.issue_number));
    if (!pull) return issue;
    const html = `${this.s.url}/${repo.full_name}/pull/${pull.number}`;
    issue.pull_request = { url: `${this.s.url}/repos/${repo.full_name}/pulls/${pull.number}`, html_url: html,
      diff_url: `${html}.diff`, patch_url: `${html}.patch`, merged_at: pull.merged_at ?? null };
    issue.html_url = html;
    return issue;
  }

  async setState(repo, pull, state) {
    await this.s.upstream('PATCH', `/repos/${repo.full_name}/issues/${pull.number}`, { state });
    Object.assign(pull, { state, closed_at: state === 'closed' ? now() : null });
  }

  // GitHub ignores a head that is not OWNER:BRANCH, and so does this.
  async listPulls({ params, query, repo }) {
    const want = { state: query.state ?? 'open', head: query.head?.includes(':') ? query.head : null };
    const found = [...this.pullsOf(params).values()].filter((p) =>
      (want.state === 'all' || p.state === want.state) && (!query.base || p.base === query.base) &&
      (!want.head || want.head.toLowerCase() === `${p.fork?.split('/')[0] ?? params.owner}:${p.head}`.toLowerCase()));
    if ((query.direction ?? (query.sort ? 'asc' : 'desc')) === 'desc') found.reverse();
    const page = this.page(found, query, `/repos/${repo.full_name}/pulls`);
    page.body = await Promise.all(page.body.map((p) => this.pullJson(params, repo, p)));
    return page;
  }

  need(params, number) {
    const pull = this.pullsOf(params).get(Number(number));
    if (!pull) throw new Refusal(404, 'Not Found');
    return pull;
  }

  async getPull({ params, repo, accept }) {
    if (/diff/.test(accept ?? '')) {
      const pull = this.need(params, params.pull_number);
      const text = this.s.reviews.diff(params, pull);
      if (text.split('\n').length > 20000)
        throw new Refusal(406, 'Sorry, the diff exceeded the maximum number of lines (20000)');
      return { status: 200, raw: text, type: 'application/vnd.github.diff; charset=utf-8' };
    }
    return { status: 200, body: await this.pullJson(params, repo, this.need(params, params.pull_number)) };
  }

  async updatePull({ params, body, repo }) {
    const pull = this.need(params, params.pull_number);
    const { title, body: text, state } = body;
    if (state === 'open' && pull.state === 'closed' && !(pull.fork ? this.s.forks.has(pull.fork) : this.s.git.sha(params.owner, params.repo, pull.head)))
      throw validation({ resource: 'PullRequest', field: 'state', code: 'custom', message: 'state cannot be changed. The branch was deleted.' });
    await this.s.upstream('PATCH', `/repos/${repo.full_name}/issues/${pull.number}`,
      { ...(title !== undefined && { title }), ...(text !== undefined && { body: text }),
        ...(state && { state }) });
    if (state) Object.assign(pull, { state, closed_at: state === 'closed' ? now() : null });
    return this.getPull({ params, repo });
  }

  page(list, query, path) {
    const size = Math.min(Number(query.per_page ?? 30), 100);
    const at = Number(query.page ?? 1);
    const more = at * size < list.length;
    const rest = new URLSearchParams({ ...query, page: at + 1 });
    return { status: 200, body: list.slice((at - 1) * size, at * size),
      headers: more ? { link: `<${this.s.url}${path}?${rest}>; rel="next"` } : {} };
  }

  // ---- reactions --------------------------------------------------------------------

  async subject({ params, repo }, subject) {
    const [kind, id] = subject.split(' ');
    if (kind === 'review') this.s.reviews.needComment({ params: { ...params, comment_id: id } });
    else {
      const found = await this.s.upstream('GET',
        `/repos/${repo.full_name}/issues/${kind === 'issue' ? id : `comments/${id}`}`);
      if (found.status !== 200) throw new Refusal(404, 'Not Found');
    }
    const key = `${this.key(params)} ${subject}`;
    if (!this.reactions.has(key)) this.reactions.set(key, []);
    return this.reactions.get(key);
  }

  async react(call, subject) {
    const list = await this.subject(call, subject);
    const bot = await this.s.bot();
    if (!CONTENTS.includes(call.body.content)) throw validation({ resource: 'Reaction', field: 'content', code: 'invalid' });
    const old = list.find((r) => r.user.id === bot.id && r.content === call.body.content);
    if (old) return { status: 200, body: old };
    const made = { id: this.nextId++, node_id: `REA_${this.nextId}`, user: bot,
      content: call.body.content, created_at: now() };
    list.push(made);
    return { status: 201, body: made };
  }

  async listReactions(call, subject) {
    return { status: 200, body: await this.subject(call, subject) };
  }

  // ---- people -----------------------------------------------------------------------

  // GitHub tells four levels in `permission` and the finer one in role_name; a stranger
  // may read what is public.
  async permission({ params, repo }) {
    const user = await this.s.upstream('GET', `/users/${encodeURIComponent(params.username)}`);
    if (user.status !== 200) throw new Refusal(404, 'Not Found');
    const owns = repo.owner.login === user.body.login;
    const role = owns ? 'admin' : this.s.roles.get(`${repo.full_name} ${user.body.login}`) ??
      (repo.private ? 'none' : 'read');
    const coarse = { triage: 'read', maintain: 'write' }[role] ?? role;
    return { status: 200, body: { permission: coarse, role_name: role,
      user: { ...user.body, role_name: role } } };
  }

  // Whom all the world's reading does not count for.
  collaborator({ params, repo }) {
    const role = this.s.roles.get(`${repo.full_name} ${params.username}`) ?? 'none';
    if (repo.owner.login !== params.username && role === 'none') throw new Refusal(404, 'Not Found');
    return { status: 204 };
  }

  // Branches are made by pushes, so they stand in the git repositories.
  getRef({ params, repo }) {
    const [, branch] = /^heads\/(.+)$/.exec(decodeURIComponent(params.ref)) ?? [];
    const sha = branch && this.s.git.sha(params.owner, params.repo, branch);
    if (!sha) throw new Refusal(404, 'Not Found');
    const api = `${this.s.url}/repos/${repo.full_name}/git`;
    return { status: 200, body: { ref: `refs/heads/${branch}`, node_id: `REF_${sha}`, url: `${api}/refs/heads/${branch}`,
      object: { type: 'commit', sha, url: `${api}/commits/${sha}` } } };
  }

  async user({ params }) {
    if (params.username.endsWith('[bot]')) {
      const bot = await this.s.bot();
      if (bot.login !== params.username) throw new Refusal(404, 'Not Found');
      return { status: 200, body: bot };
    }
    return this.s.upstream('GET', `/users/${encodeURIComponent(params.username)}`);
  }

  // ---- the App ----------------------------------------------------------------------

  deliveryJson(d, full) {
    const { id, guid, delivered_at, redelivery, duration, status, status_code, event, action,
      installation_id, repository_id, throttled_at } = d;
    const brief = { id, guid, delivered_at, redelivery, duration, status, status_code, event,
      action, installation_id, repository_id, throttled_at };
    return full ? { ...brief, url: this.s.hooks.url ?? '', request: d.request,
      response: { headers: {}, payload: d.answer } } : brief;
  }

  listDeliveries({ query }) {
    const size = Math.min(Number(query.per_page ?? 30), 100);
    const ok = (d) => d.status_code >= 200 && d.status_code < 300;
    const list = this.s.hooks.list.filter((d) => !query.status || ok(d) === (query.status === 'success'))
      .reverse();
    const from = query.cursor ? list.findIndex((d) => `v1_${d.id}` === query.cursor) : 0;
    const page = from < 0 ? [] : list.slice(from, from + size);
    const next = from >= 0 && list[from + size];
    const rest = next && new URLSearchParams({ ...query, cursor: `v1_${next.id}` });
    return { status: 200, body: page.map((d) => this.deliveryJson(d, false)),
      headers: next ? { link: `<${this.s.url}/app/hook/deliveries?${rest}>; rel="next"` } : {} };
  }

  needDelivery(id) {
    const delivery = this.s.hooks.find(id);
    if (!delivery) throw new Refusal(404, 'Not Found');
    return delivery;
  }

  getDelivery({ params }) {
    return { status: 200, body: this.deliveryJson(this.needDelivery(params.delivery_id), true) };
  }

  redeliver({ params }) {
    const delivery = this.needDelivery(params.delivery_id);
    setImmediate(() => this.s.hooks.redeliver(delivery));
    return { status: 202, body: {} };
  }

  async manifest({ params }) {
    const { app } = this.s;
    if (params.code !== this.s.manifestCode) throw new Refusal(404, 'Not Found');
    this.s.manifestCode = null; // once
    const [login] = this.s.state.installations.keys();
    const owner = (await this.s.upstream('GET', `/users/${login}`)).body;
    return { status: 201, body: { id: app.app_id, slug: app.slug, node_id: 'A_1', name: app.slug,
      owner, client_id: `Iv1.${crypto.randomBytes(8).toString('hex')}`,
      client_secret: crypto.randomBytes(20).toString('hex'), webhook_secret: app.webhook_secret,
      pem: app.private_key, html_url: `${this.s.url}/apps/${app.slug}`, external_url: this.s.url,
      permissions: app.permissions, events: app.events, created_at: now(), updated_at: now(),
      description: '' } };
  }
}
