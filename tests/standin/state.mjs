// SPDX-License-Identifier: MIT
// The state engine (emulate) behind the gate: people, repositories, issues, comments and
// labels.  Ids are pushed apart at start, so that no number is by chance also another's.
import crypto from 'node:crypto';
import { createEmulator } from 'emulate';
import { freePort } from '../lib/port.mjs';

globalThis.crypto ??= crypto.webcrypto; // what emulate looks for, and Node 18 lacks

const PADDING = 'padding'; // an account that only uses up numbers
// The engine counts 5,000 calls an hour and token; limits are the stand-in's own to measure.
const TOKENS = 25, TOKEN_CALLS = 4000;
const PAD = { users: 20, repos: 90, issues: 12, comments: 50 };

export class State {
  static async start({ url, app, users, repos }) {
    const state = new State();
    const port = await freePort();
    state.url = url;
    state.base = `http://127.0.0.1:${port}`;
    state.app = app;
    const all = [...new Set([...users, ...repos.map((r) => r.owner)])];
    const pads = Array.from({ length: PAD.users }, (_, i) => `${PADDING}${i}`);
    const permissions = { ...app.permissions, issues: 'write', pull_requests: 'write', metadata: 'read' };
    const owners = [...new Set(repos.map((r) => r.owner)), PADDING];
    state.installations = new Map(owners.map((o, i) => [o, app.installation_id + i]));
    state.emulator = await createEmulator({ service: 'github', port, hostname: '127.0.0.1',
      baseUrl: url, seed: {
        tokens: Object.fromEntries([...all, PADDING].flatMap((login) => Array.from({ length: TOKENS }, (_, i) =>
          [`user-${login}-${i}`, { login, scopes: ['repo', 'user', 'admin:org'] }]))),
        github: {
          users: [PADDING, ...pads, ...all].map((login) => ({ login, name: login })),
          repos: [...Array.from({ length: PAD.repos }, (_, i) =>
            ({ owner: PADDING, name: `pad${i}`, auto_init: false })),
          ...repos.map((r) => ({ owner: r.owner, name: r.name, private: r.private ?? false,
            auto_init: false, default_branch: r.default_branch ?? 'main' }))],
          apps: [{ app_id: app.app_id, slug: app.slug, name: app.slug,
            private_key: app.private_key, webhook_secret: app.webhook_secret, permissions,
            events: app.events, installations: owners.map((account) => ({ account,
              installation_id: state.installations.get(account), repository_selection: 'all' })) }],
        } } });
    state.calls = 0;
    state.tokens = new Map();
    await state.#pad();
    return state;
  }

  async #pad() {
    const repo = `/repos/${PADDING}/pad0/issues`;
    for (let i = 0; i < PAD.issues; i++) await this.call('POST', repo, { title: 'x' }, PADDING);
    for (let i = 0; i < PAD.comments; i++)
      await this.call('POST', `${repo}/1/comments`, { body: 'x' }, PADDING);
    // The bot is a person from its first act on.
    const act = await this.callAsBot('POST', repo, { title: 'x' }, PADDING);
    this.bot = act.body.user;
  }

  jwt() {
    const part = (o) => Buffer.from(JSON.stringify(o)).toString('base64url');
    const now = Math.floor(Date.now() / 1000);
    const text = `${part({ alg: 'RS256', typ: 'JWT' })}.` +
      part({ iat: now - 60, exp: now + 500, iss: String(this.app.app_id) });
    return `${text}.${crypto.sign('sha256', Buffer.from(text), this.app.private_key).toString('base64url')}`;
  }

  async callAsBot(method, path, body, owner) {
    const old = this.tokens.get(owner);
    if (!old || old.calls++ === TOKEN_CALLS) {
      const made = await this.#fetch('POST',
        `/app/installations/${this.installations.get(owner)}/access_tokens`, {}, this.jwt());
      if (made.status !== 201) throw new Error(`emulate gives no token: ${JSON.stringify(made.body)}`);
      this.tokens.set(owner, { token: made.body.token, calls: 0 });
    }
    return this.#fetch(method, path, body, this.tokens.get(owner).token);
  }

  call(method, path, body, login) {
    return this.#fetch(method, path, body, `user-${login}-${Math.floor(this.calls++ / TOKEN_CALLS) % TOKENS}`);
  }

  // What the App sees of itself; its accounts are told in full, as GitHub does.
  async callAsApp(method, path) {
    const answer = await this.#fetch(method, path, undefined, this.jwt());
    const full = async (login) => (await this.call('GET', `/users/${login}`, undefined, login)).body;
    if (Array.isArray(answer.body))
      answer.body = answer.body.filter((one) => one.account?.login !== PADDING);
    for (const one of [].concat(answer.status === 200 ? answer.body : []))
      if (one.account) one.account = await full(one.account.login);
      else if ('owner' in one) one.owner ??= await full([...this.installations.keys()][0]);
    return answer;
  }

  async #fetch(method, path, body, token) {
    const ask = () => fetch(this.base + path, { method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body) });
    // The engine is in this process: a call fails only on a kept connection that it had closed
    // while git kept this process busy, and then it has not seen it.
    const answer = await ask().catch(ask);
    const text = await answer.text();
    const link = answer.headers.get('link');
    return { status: answer.status, body: text ? fixUrls(JSON.parse(text), this.url) : undefined,
      headers: link ? { link: link.replaceAll(this.base, this.url) } : {} };
  }

  close() { return this.emulator.close(); }
}

// "[bot]" in an address must be encoded; times have no milliseconds at GitHub.
function fixUrls(value, url) {
  if (Array.isArray(value)) return value.map((v) => fixUrls(v, url));
  if (value && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, fixUrls(v, url)]));
  if (typeof value !== 'string') return value;
  if (value.startsWith(url)) return value.replaceAll('[bot]', '%5Bbot%5D');
  return value.replace(/^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d+Z$/, '$1Z');
}
