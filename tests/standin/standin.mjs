// SPDX-License-Identifier: MIT
// A stand-in for GitHub on loopback: REST held against GitHub's own description, git over
// smart HTTP, webhooks out, faults on request.  Only the wiring is ours; see README.md.
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { Refusal, Tokens, checkJwt, checkPermission, wall } from './auth.mjs';
import { Checks } from './checks.mjs';
import { Contract } from './contract.mjs';
import { control } from './control.mjs';
import { Creations, Faults, applyBefore, rateHeaders } from './faults.mjs';
import { Files } from './files.mjs';
import { GitServer } from './git.mjs';
import { Hooks } from './hooks.mjs';
import { Limits } from './limits.mjs';
import { Local } from './local.mjs';
import { payloadOf } from './payloads.mjs';
import { people } from './people.mjs';
import { Reviews } from './reviews.mjs';
import { State } from './state.mjs';

const LOG_MAX = 20000;
const BODY_MAX = 8 << 20;
const NO_AUTH = new Set(['apps/create-from-manifest', 'users/get-by-username']);
// What App a person gets who follows our own manifest: so every flow shows that it is enough.
const { default_permissions: PERMISSIONS, default_events: EVENTS } = JSON.parse(fs.readFileSync(
  new URL('../../deploy/app-manifest.json', import.meta.url), 'utf8'));

function readBody(req) {
  return new Promise((done, fail) => {
    const chunks = [];
    let size = 0;
    req.on('data', (c) => {
      size += c.length;
      if (size > BODY_MAX) fail(new Refusal(413, 'Payload too large'));
      else chunks.push(c);
    });
    req.on('end', () => done(Buffer.concat(chunks)));
    req.on('error', fail);
  });
}

export class Standin {
  static async start(options = {}) {
    const s = new Standin();
    const seed = options.seed ?? {};
    s.strict = options.strict ?? seed.strict ?? false;
    s.own = !options.dir;
    s.dir = options.dir ?? fs.mkdtempSync(path.join(os.tmpdir(), 'standin-'));
    s.log = [];
    s.faults = new Faults();
    s.limits = new Limits(seed.limits);
    s.creations = new Creations(seed.creations_per_minute, s.limits.rules.minute_ms);
    s.tokens = new Tokens(seed.token_ttl);
    s.contract = new Contract();
    s.app = { app_id: 4242, slug: 'boxwright', webhook_secret: 'a-webhook-secret',
      installation_id: 70001, permissions: PERMISSIONS, events: EVENTS, ...seed.app };
    s.app.private_key ??= crypto.generateKeyPairSync('rsa', { modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' } }).privateKey;
    s.manifestCode = seed.manifest_code ?? 'one-time-code';
    s.git = new GitServer(s.dir);
    s.server = http.createServer((req, res) => s.#serve(req, res));
    s.server.keepAliveTimeout = 60000;
    await new Promise((done, fail) => {
      s.server.once('error', fail).listen(options.port ?? 0, '127.0.0.1', done);
    });
    s.port = s.server.address().port;
    s.url = `http://127.0.0.1:${s.port}`;
    const repos = seed.repos ?? [];
    s.state = await State.start({ url: s.url, app: s.app, users: seed.users ?? [], repos });
    s.hooks = new Hooks(s.app);
    s.hooks.url = seed.webhook_url ?? null;
    s.roles = new Map();
    s.letIn = new Map();
    s.forks = new Map(); // "login/name" -> of which repository
    s.gone = new Set(); // forks that were deleted
    s.known = []; // {id, owner, name, full_name} of every repository
    s.slowMergeable = seed.slow_mergeable ?? false;
    s.local = new Local(s);
    s.reviews = new Reviews(s);
    s.files = new Files(s);
    s.checks = await Checks.start(s);
    s.operations = { ...s.local.operations, ...s.reviews.operations, ...s.files.operations, ...s.checks.operations };
    for (const repo of repos) await s.#seedRepo(repo);
    return s;
  }

  async #seedRepo(repo) {
    const full = `${repo.owner}/${repo.name}`;
    const { id } = await this.repo(repo.owner, repo.name);
    this.known.push({ id, owner: repo.owner, name: repo.name, full_name: full });
    for (const [login, role] of Object.entries(repo.collaborators ?? {}))
      this.roles.set(`${full} ${login}`, role);
    if (repo.git !== false)
      this.git.create(repo.owner, repo.name,
        { branch: repo.default_branch ?? 'main', fixture: repo.fixture });
    for (const issue of repo.issues ?? [])
      await this.issue({ repo: full, login: issue.login ?? repo.owner, ...issue });
  }

  // ---- what tests use ---------------------------------------------------------------

  // As the App's bot, through the state engine; what only the gate knows is told by it.
  async upstream(method, route, body) {
    const url = new URL(route, this.url);
    const known = method === 'GET' && this.contract.find(method, url.pathname);
    if (known && /^(pulls|checks)\//.test(known.id)) {
      const repo = await this.repo(known.params.owner, known.params.repo);
      return this.operations[known.id]({ route: known, params: known.params, repo,
        query: Object.fromEntries(url.searchParams) });
    }
    const owner = /^\/repos\/([^/]+)\//.exec(route)?.[1] ?? [...this.state.installations.keys()][0];
    return this.state.callAsBot(method, route, body, decodeURIComponent(owner));
  }

  async bot() {
    const { id, node_id, type, site_admin } = this.state.bot;
    const url = `${this.url}/users/${this.app.slug}%5Bbot%5D`;
    return { ...this.contract.example('users/get-by-username', 200), login: `${this.app.slug}[bot]`,
      id, node_id, type, site_admin, user_view_type: 'public', url, email: null, name: null,
      html_url: `${this.url}/apps/${this.app.slug}`, notification_email: null };
  }

  // The repository as GitHub tells it, null when there is none.
  async repo(owner, name) {
    const answer = await this.state.call('GET', `/repos/${owner}/${name}`, undefined, owner);
    if (answer.status !== 200 || this.gone.has(`${owner}/${name}`)) return null;
    const repo = answer.body;
    repo.fork = this.forks.has(repo.full_name);
    const html = `${this.url}/${repo.full_name}`;
    Object.assign(repo, { html_url: html, clone_url: `${html}.git`, git_url: `${html}.git`,
      svn_url: html, ssh_url: `git@127.0.0.1:${repo.full_name}.git`,
      pushed_at: this.git.time(owner, name, repo.default_branch) ?? repo.created_at });
    const route = this.contract.find('GET', `/repos/${repo.full_name}`);
    this.contract.answer(route, 200, repo);
    return repo;
  }

  // A person opens an issue; returns GitHub's object.
  async issue({ repo, login, title, body = '' }) {
    const made = await this.state.call('POST', `/repos/${repo}/issues`, { title, body }, await this.#as(repo, login));
    if (made.status !== 201) throw new Error(`issue: ${JSON.stringify(made.body)}`);
    return made.body;
  }

  // A person comments; returns GitHub's object.
  async comment({ repo, issue, login, body }) {
    const made = await this.state.call('POST', `/repos/${repo}/issues/${issue}/comments`, { body },
      await this.#as(repo, login));
    if (made.status !== 201) throw new Error(`comment: ${JSON.stringify(made.body)}`);
    return made.body;
  }

  // The state engine lets only collaborators into a private repository: each once.
  async #as(repo, login) {
    const owner = repo.split('/')[0];
    if (login === owner) return login;
    const key = `${repo} ${login}`;
    if (!this.letIn.has(key))
      this.letIn.set(key, this.repo(...repo.split('/')).then((r) => r?.private &&
        this.state.call('PUT', `/repos/${repo}/collaborators/${login}`, { permission: 'push' }, owner)));
    await this.letIn.get(key);
    return login;
  }

  // GitHub's example of the event with our state in it: see payloads.mjs.
  payload(event, what) { return payloadOf(this, event, what); }

  // -> the delivery's record: {guid, status_code, answer, ...}
  async deliver(event, what = {}, options = {}) {
    return this.hooks.send(event, await this.payload(event, what), options);
  }

  // Calls since the start whose request broke the contract: CI wants none.
  violations() {
    return [...this.log.filter((e) => e.bad.length),
      ...this.checks.strangers.map((path) => ({ path, bad: ['a credential was sent to a storage elsewhere'] }))];
  }

  async close() {
    this.git.close();
    await this.checks.close();
    this.server.closeAllConnections();
    await Promise.all([new Promise((done) => { this.server.close(done); }), this.state.close()]);
    if (this.own) fs.rmSync(this.dir, { recursive: true, force: true });
  }

  // ---- serving ----------------------------------------------------------------------

  async #serve(req, res) {
    const start = Date.now();
    const entry = { at: start, method: req.method, path: req.url, op: null, status: 0, ms: 0,
      bad: [], unknown: [], added: [], left: [] };
    const send = (status, body, headers = {}) => this.#send(req, res, entry, status, body, headers);
    res.on('close', () => { entry.status ||= res.statusCode; entry.ms = Date.now() - start; });
    try {
      const url = new URL(req.url, this.url);
      if (url.pathname.startsWith('/_gate/')) return await control(this, req, res, url, readBody);
      this.log.push(entry);
      if (this.log.length > LOG_MAX) this.log.shift();
      const git = GitServer.service(url);
      if (git) return await this.#git(req, res, url, git, entry, send);
      return await this.#rest(req, res, url, entry, send);
    } catch (error) {
      if (!(error instanceof Refusal)) {
        entry.bad.push(`stand-in: ${error.stack}`);
        return send(500, { message: String(error) });
      }
      const { body, ...headers } = error.extra;
      return send(error.status, body ?? { message: error.message,
        documentation_url: 'https://docs.github.com/rest', status: String(error.status) }, headers);
    }
  }

  #send(req, res, entry, status, body, headers) {
    entry.status = status;
    if (res.destroyed || res.headersSent) return;
    const text = body === undefined ? Buffer.alloc(0)
      : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    const all = { date: new Date(wall.now()).toUTCString(), 'x-github-request-id': crypto.randomUUID().toUpperCase(),
      'x-github-media-type': 'github.v3; format=json',
      ...(text.length && { 'content-type': 'application/json; charset=utf-8' }), ...headers };
    res.told = all;
    if (entry.fault === 'silent') return;
    if (entry.fault === 'lost') return void req.socket.resetAndDestroy();
    if (entry.fault === 'truncate') {
      res.writeHead(status, { ...all, 'content-length': text.length + 100 });
      res.write(text);
      return void setTimeout(() => req.socket.destroy(), 20);
    }
    res.writeHead(status, { ...all, 'content-length': text.length });
    res.end(text);
  }

  async #git(req, res, url, want, entry, send) {
    entry.op = `git/${want.service}`;
    const fault = this.faults.take(entry.op, req.method);
    if (await applyBefore(fault, req, res, send)) return;
    const repo = this.git.has(want.owner, want.name) && await this.repo(want.owner, want.name);
    const token = this.git.check(want, req.headers.authorization, this.tokens, repo);
    // The push happens, the answer never arrives.
    if (['lost', 'silent'].includes(fault?.kind)) res.write = res.end = () => true;
    this.git.serve(req, res, url, want, token, () => {
      if (fault?.kind === 'lost') req.socket.resetAndDestroy();
    });
  }

  async #rest(req, res, url, entry, send) {
    const raw = await readBody(req);
    const route = this.contract.find(req.method, url.pathname);
    if (!route) {
      entry.bad.push('not in contract');
      throw new Refusal(404, 'Not Found');
    }
    entry.op = route.id;
    this.#manners(req);
    const token = this.#who(req, route);
    // A token's own death is no change that is limited.
    if (token && route.id !== 'apps/revoke-installation-access-token') {
      const bad = this.limits.begin(token.installation, req.method);
      if (this.limits.strict) entry.bad.push(...bad);
      res.on('close', () => this.limits.end(token.installation, req.method, res.statusCode, res.told ?? {}));
    }
    const fault = this.faults.take(route.id, req.method);
    entry.fault = fault?.kind;
    if (await applyBefore(fault, req, res, send)) return;
    const query = Object.fromEntries(url.searchParams);
    const body = this.#check(route, query, raw, entry);
    const repo = await this.#repoOf(route, token);
    if (token)
      checkPermission(token, req.method, route.template, route.params.issue_number === undefined
        ? undefined : this.local.isPull(route.params));
    const limits = this.#limits(token, route);
    const answer = await this.#perform(req, url, { route, params: route.params, query, body, token, repo,
      accept: req.headers.accept });
    if (answer.raw !== undefined)
      return send(answer.status, answer.raw, { ...limits, 'content-type': answer.type });
    if (answer.status < 300) {
      const told = this.contract.answer(route, answer.status, answer.body);
      Object.assign(entry, told);
      if (this.strict && told.left.length)
        throw new Error(`the answer is not GitHub's: ${told.left.join('; ')}`);
    }
    this.#finish(req, send, answer, limits, token);
  }

  #manners(req) {
    if (!req.headers['user-agent'])
      throw new Refusal(403, 'Request forbidden by administrative rules. Please make sure your request has a User-Agent header.');
    const version = req.headers['x-github-api-version'];
    if (version && !['2022-11-28', '2026-03-10'].includes(version))
      throw new Refusal(400, `Unsupported version: ${version}`);
  }

  // The token, or null for the App itself and for those who need none.
  #who(req, route) {
    const secret = /^(?:bearer|token) +(\S+)$/i.exec(req.headers.authorization ?? '')?.[1];
    const isApp = route.template.startsWith('/app/') || route.template === '/app' ||
      route.id === 'apps/get-repo-installation';
    if (isApp) {
      if (!secret) throw new Refusal(401, 'A JSON web token could not be decoded');
      checkJwt(secret, this.app);
      return null;
    }
    if (!secret && NO_AUTH.has(route.id)) return null;
    if (!secret) throw new Refusal(401, 'Requires authentication');
    return this.tokens.get(secret);
  }

  #check(route, query, raw, entry) {
    let body;
    if (raw.length) {
      try { body = JSON.parse(raw); } catch {
        entry.bad.push('body is no JSON');
        throw new Refusal(400, 'Problems parsing JSON');
      }
    }
    const { errors, unknown } = this.contract.request(route, query, body);
    entry.unknown = unknown;
    entry.bad.push(...unknown.map((u) => `unknown ${u}`));
    if (errors.length) {
      entry.bad.push(...errors.map((e) => `${e.where} ${e.field}: ${e.code}`));
      throw new Refusal(422, 'Validation Failed', { body: { message: 'Validation Failed', errors,
        documentation_url: 'https://docs.github.com/rest' } });
    }
    return body;
  }

  async #repoOf(route, token) {
    let { owner, repo: name, repository_id: id } = route.params;
    if (id) {
      const known = this.known.find((r) => r.id === Number(id));
      if (!known) throw new Refusal(404, 'Not Found');
      ({ owner, name } = known);
    }
    if (!owner) return null;
    const repo = await this.repo(owner, name);
    if (!repo || (token && !token.repositories.has(repo.id))) throw new Refusal(404, 'Not Found');
    route.params.owner = repo.owner.login;
    route.params.repo = repo.name;
    return repo;
  }

  #limits(token, route) {
    if (!token) return {};
    if (token.left <= 0) {
      throw new Refusal(403, `API rate limit exceeded for installation ID ${token.installation}.`,
        rateHeaders(token));
    }
    token.left--;
    const wait = route.op['x-github']?.triggersNotification ? this.creations.note() : 0;
    if (wait)
      throw new Refusal(403, 'You have exceeded a secondary rate limit and have been temporarily blocked from content creation. Please retry your request again later.',
        { 'retry-after': String(wait), ...rateHeaders(token) });
    return rateHeaders(token);
  }

  async #perform(req, url, call) {
    const own = this.operations[call.route.id];
    if (own) return own(call);
    switch (call.route.id) {
      case 'apps/create-installation-access-token': return this.#mint(call);
      case 'apps/revoke-installation-access-token':
        this.tokens.revoke(call.token.value);
        return { status: 204 };
      case 'repos/get': case 'x/get-repo-by-id': return { status: 200, body: call.repo };
      case 'apps/list-repos-accessible-to-installation': {
        const list = this.known.filter((r) => call.token.repositories.has(r.id));
        const page = this.local.page(list, call.query, '/installation/repositories');
        return { ...page, body: { total_count: list.length, repositories: await this.#told(page.body) } };
      }
      case 'issues/get': return this.#issueAnswer(await this.upstream('GET', url.pathname), call);
      default: break;
    }
    if (!call.token) {
      const answer = await this.state.callAsApp(req.method, url.pathname + url.search);
      return answer;
    }
    return this.upstream(req.method, url.pathname + url.search, call.body);
  }

  #issueAnswer(answer, { params, repo }) {
    if (answer.status === 200) this.local.markPull(params, repo, answer.body);
    return answer;
  }

  async #mint({ params, body = {} }) {
    const owner = [...this.state.installations].find(([, id]) => id === Number(params.installation_id))?.[0];
    if (!owner) throw new Refusal(404, 'Not Found');
    const all = this.known.filter((r) => r.owner === owner);
    const chosen = all.filter((r) => (!body.repository_ids && !body.repositories) ||
      body.repository_ids?.includes(r.id) || body.repositories?.includes(r.name));
    const wanted = new Set([...body.repository_ids ?? [], ...body.repositories ?? []]).size;
    if (wanted > chosen.length)
      throw new Refusal(422, 'There is at least one repository that does not exist or is not accessible to the parent installation.');
    const rank = { read: 1, write: 2, admin: 3 };
    for (const [name, level] of Object.entries(body.permissions ?? {}))
      if ((rank[this.app.permissions[name]] ?? 0) < rank[level])
        throw new Refusal(422, 'The permissions requested are not granted to this installation.');
    const token = this.tokens.issue({ app: this.app.app_id, installation: Number(params.installation_id),
      permissions: { metadata: 'read', ...(body.permissions ?? this.app.permissions) },
      repositories: new Set(chosen.map((r) => r.id)) });
    return { status: 201, body: { token: token.value,
      expires_at: new Date(token.expires).toISOString().replace(/\.\d+/, ''),
      permissions: token.permissions, repository_selection: wanted ? 'selected' : 'all',
      ...(wanted && { repositories: await this.#told(chosen) }) } };
  }

  #told(list) { return Promise.all(list.map((r) => this.repo(r.owner, r.name))); }

  #finish(req, send, answer, limits, token) {
    const headers = { ...limits, ...answer.headers };
    if (req.method === 'GET' && answer.status === 200) {
      const etag = `W/"${crypto.createHash('sha256').update(JSON.stringify(answer.body)).digest('hex')}"`;
      headers.etag = etag;
      if (req.headers['if-none-match'] === etag) {
        if (token) token.left++; // a 304 is free
        return send(304, undefined, { ...headers, ...(token ? rateHeaders(token) : {}) });
      }
    }
    return send(answer.status, answer.status === 204 ? undefined : answer.body, headers);
  }
}

Object.assign(Standin.prototype, people);

export const startStandin = (options) => Standin.start(options);
