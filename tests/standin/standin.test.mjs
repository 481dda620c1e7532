// SPDX-License-Identifier: MIT
// The stand-in itself: it must refuse what GitHub refuses, or the tests on it prove nothing.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { GIT_ENV } from './git.mjs';
import { allEvents, examplesOf } from './hooks.mjs';
import { startStandin } from './standin.mjs';

const REPO = 'octocat/sample';
let s;
let repo;
let folder;

before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'standin-test-'));
  fs.writeFileSync(path.join(folder, 'README.md'), 'one\n');
  s = await startStandin({ strict: true, seed: { users: ['writer', 'stranger'],
    repos: [{ owner: 'octocat', name: 'sample', private: true, fixture: folder,
      collaborators: { writer: 'write', triager: 'triage' }, issues: [{ title: 'Bug', body: 'It is broken' }] },
    { owner: 'octocat', name: 'other', fixture: folder },
    { owner: 'hubot', name: 'foreign', fixture: folder }] } });
  repo = await s.repo('octocat', 'sample');
});
after(async () => {
  await s.close();
  fs.rmSync(folder, { recursive: true, force: true });
});
afterEach(() => s.faults.clear());

async function call(method, route, { token, body, raw, headers = {} } = {}) {
  const answer = await fetch(s.url + route, { method, body: raw ?? (body && JSON.stringify(body)),
    headers: { 'user-agent': 'test', ...(token && { authorization: `Bearer ${token}` }), ...headers } });
  const text = await answer.text();
  let parsed = text;
  try { parsed = text ? JSON.parse(text) : undefined; } catch { /* HTML */ }
  return { status: answer.status, body: parsed, headers: answer.headers };
}

async function mint(permissions, ids = [repo.id]) {
  const made = await call('POST', `/app/installations/${s.app.installation_id}/access_tokens`,
    { token: s.state.jwt(), body: { permissions, repository_ids: ids } });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  return made.body.token;
}

function jwt(claims, { key = s.app.private_key, alg = 'RS256' } = {}) {
  const part = (o) => Buffer.from(JSON.stringify(o)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const text = `${part({ alg, typ: 'JWT' })}.${part({ iat: now - 60, exp: now + 540,
    iss: String(s.app.app_id), ...claims })}`;
  const mac = alg === 'none' ? '' : crypto.sign('sha256', Buffer.from(text), key).toString('base64url');
  return `${text}.${mac}`;
}

describe('the contract', () => {
  test('a missing, a wrong and an unknown field', async () => {
    const token = await mint({ issues: 'write', pull_requests: 'write' });
    const at = `/repos/${REPO}/issues/1/comments`;
    assert.equal((await call('POST', at, { token, body: {} })).status, 422);
    assert.equal((await call('POST', at, { token, body: { body: 7 } })).status, 422);
    assert.equal((await call('POST', at, { token, raw: '{"body":' })).status, 400);
    assert.equal((await call('POST', at, { token })).status, 422);
    assert.equal((await call('GET', `/repos/${REPO}/issues/one`, { token })).status, 422);
    const before = s.violations().length;
    assert.equal((await call('POST', at, { token, body: { body: 'x', colour: 'red' } })).status, 201);
    assert.equal(s.violations().length, before + 1);
    assert.deepEqual(s.violations().at(-1).bad, ['unknown body colour']);
    const pulls = await call('POST', `/repos/${REPO}/pulls`, { token, body: { title: 'x', head: 'y' } });
    assert.equal(pulls.status, 422);
    assert.equal(pulls.body.errors[0].field, 'base');
  });

  test('calls that GitHub does not have, or we did not say that we use', async () => {
    const token = await mint({ issues: 'write' });
    assert.equal((await call('GET', '/repos/octocat/sample/nonsense', { token })).status, 404);
    assert.equal(s.log.at(-1).bad[0], 'not in contract');
  });

  test('manners: user agent and version', async () => {
    const bare = await new Promise((done) => {
      http.get(`${s.url}/app`, { headers: {} }, (r) => { r.resume(); done(r.statusCode); });
    });
    assert.equal(bare, 403);
    const version = { 'x-github-api-version': '1999-01-01' };
    assert.equal((await call('GET', '/app', { token: s.state.jwt(), headers: version })).status, 400);
  });

  test('every answer is as GitHub describes it', async () => {
    const token = await mint({ issues: 'write', pull_requests: 'write', contents: 'write' });
    const app = s.state.jwt();
    for (const [t, route] of [[app, '/app'], [app, '/app/installations'], [app, '/app/installations/70001'],
      [app, `/repos/${REPO}/installation`], [token, `/repos/${REPO}`], [token, `/repositories/${repo.id}`],
      [token, '/installation/repositories'], [token, `/repos/${REPO}/issues/1`],
      [token, `/repos/${REPO}/issues/1/comments`], [token, `/repos/${REPO}/issues/1/labels`],
      [token, `/repos/${REPO}/issues/1/reactions`], [token, `/repos/${REPO}/pulls`],
      [token, '/users/octocat'], [token, '/users/boxwright%5Bbot%5D'],
      [token, `/repos/${REPO}/collaborators/writer/permission`], [app, '/app/hook/deliveries']]) {
      const answer = await call('GET', route, { token: t });
      assert.equal(answer.status, 200, `${route}: ${JSON.stringify(answer.body)}`);
      assert.deepEqual(s.log.at(-1).left, [], route);
    }
  });
});

describe('who may', () => {
  test('bad App tokens', async () => {
    const now = Math.floor(Date.now() / 1000);
    const other = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const bad = [jwt({ exp: now + 700 }), jwt({ iat: now + 30 }), jwt({ exp: now - 1 }),
      jwt({ iss: '1' }), jwt({}, { alg: 'none' }), jwt({}, { key: other }), 'garbage',
      jwt({ iat: `${now}` }), jwt({ exp: undefined })];
    for (const token of bad) assert.equal((await call('GET', '/app', { token })).status, 401, token);
    assert.equal((await call('GET', '/app')).status, 401);
    assert.equal((await call('GET', '/app', { token: jwt({}) })).status, 200);
  });

  test('unknown, expired and revoked tokens', async () => {
    const at = `/repos/${REPO}`;
    assert.equal((await call('GET', at, { token: 'ghs_nonsense' })).status, 401);
    assert.equal((await call('GET', at)).status, 401);
    const token = await mint({ metadata: 'read' });
    assert.ok(token.length > 400);
    assert.equal((await call('GET', at, { token })).status, 200);
    assert.equal((await call('DELETE', '/installation/token', { token })).status, 204);
    assert.equal((await call('GET', at, { token })).status, 401);
    const second = await mint({ metadata: 'read' });
    s.tokens.expireAll();
    assert.equal((await call('GET', at, { token: second })).status, 401);
  });

  test('a missing permission, and the header that names it', async () => {
    const token = await mint({ contents: 'write' });
    const made = await call('POST', `/repos/${REPO}/issues/1/comments`, { token, body: { body: 'x' } });
    assert.equal(made.status, 403);
    assert.equal(made.body.message, 'Resource not accessible by integration');
    assert.match(made.headers.get('x-accepted-github-permissions'), /issues=write/);
    const reader = await mint({ issues: 'read' });
    assert.equal((await call('GET', `/repos/${REPO}/issues/1`, { token: reader })).status, 200);
    assert.equal((await call('POST', `/repos/${REPO}/issues/1/comments`,
      { token: reader, body: { body: 'x' } })).status, 403);
  });

  test('a token is for its repositories alone', async () => {
    const token = await mint({ issues: 'write' });
    assert.equal((await call('GET', '/repos/octocat/other', { token })).status, 404);
    const foreign = await s.repo('hubot', 'foreign');
    const ask = (body) => call('POST', '/app/installations/70001/access_tokens', { token: s.state.jwt(), body });
    assert.equal((await ask({ repository_ids: [foreign.id] })).status, 422);
    assert.equal((await ask({ permissions: { administration: 'write' } })).status, 422);
    assert.equal((await call('POST', '/app/installations/1/access_tokens', { token: s.state.jwt() })).status, 404);
  });

  test('levels of people', async () => {
    const token = await mint({ metadata: 'read' });
    const level = async (who, at = REPO) => {
      const answer = await call('GET', `/repos/${at}/collaborators/${who}/permission`, { token });
      return answer.status === 200 ? `${answer.body.permission} ${answer.body.role_name}` : answer.status;
    };
    assert.equal(await level('octocat'), 'admin admin');
    assert.equal(await level('writer'), 'write write');
    assert.equal(await level('stranger'), 'none none');
    assert.equal(await level('nobody-at-all'), 404);
  });
});

describe('issues and pull requests', () => {
  test('a comment is there afterwards, can be changed and goes away', async () => {
    const token = await mint({ issues: 'write' });
    const made = await call('POST', `/repos/${REPO}/issues/1/comments`, { token, body: { body: 'hello' } });
    assert.equal(made.status, 201);
    assert.equal(made.body.user.login, 'boxwright[bot]');
    assert.equal(made.body.user.type, 'Bot');
    const at = `/repos/${REPO}/issues/comments/${made.body.id}`;
    assert.equal((await call('PATCH', at, { token, body: { body: 'bye' } })).body.body, 'bye');
    assert.equal((await call('GET', at, { token })).body.body, 'bye');
    assert.equal((await call('DELETE', at, { token })).status, 204);
    assert.equal((await call('GET', at, { token })).status, 404);
  });

  test('a reaction is there once', async () => {
    const token = await mint({ issues: 'write' });
    const at = `/repos/${REPO}/issues/1/reactions`;
    assert.equal((await call('POST', at, { token, body: { content: 'eyes' } })).status, 201);
    assert.equal((await call('POST', at, { token, body: { content: 'eyes' } })).status, 200);
    assert.equal((await call('POST', at, { token, body: { content: 'love' } })).status, 422);
    assert.equal((await call('GET', at, { token })).body.length, 1);
  });

  test('a pull request needs a branch with commits, and there is one for a head', async () => {
    const token = await mint({ pull_requests: 'write', issues: 'read' });
    const at = `/repos/${REPO}/pulls`;
    const ask = (body) => call('POST', at, { token, body: { title: 'A fix', base: 'main', ...body } });
    assert.equal((await ask({ head: 'nowhere' })).status, 422);
    assert.equal((await ask({ head: 'main' })).status, 422);
    fs.writeFileSync(path.join(folder, 'more.txt'), 'two\n');
    const sha = s.git.commitFolder('octocat', 'sample', folder, { branch: 'fix' });
    fs.rmSync(path.join(folder, 'more.txt'));
    assert.equal((await ask({ head: 'fix', base: 'nowhere' })).status, 422);
    const made = await ask({ head: 'fix', draft: true, body: 'text' });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    assert.equal(made.body.head.sha, sha);
    assert.equal(made.body.head.repo.id, repo.id);
    assert.equal(made.body.draft, true);
    assert.equal(made.body.changed_files, 1);
    assert.equal(made.body.additions, 1);
    const again = await ask({ head: 'fix' });
    assert.equal(again.status, 422);
    assert.match(again.body.errors[0].message, /already exists for octocat:fix/);
    const find = (q) => call('GET', `${at}?${q}`, { token }).then((a) => a.body.map((p) => p.number));
    const { number } = made.body;
    assert.deepEqual(await find('head=octocat:fix'), [number]);
    assert.deepEqual(await find('head=octocat:other'), []);
    assert.deepEqual(await find('head=nonsense'), [number], 'GitHub ignores a head of another form');
    const issue = await call('GET', `/repos/${REPO}/issues/${number}`, { token });
    assert.ok(issue.body.pull_request);
    await call('PATCH', `${at}/${number}`, { token, body: { state: 'closed' } });
    assert.deepEqual(await find('head=octocat:fix'), []);
    assert.deepEqual(await find('head=octocat:fix&state=all'), [number]);
    assert.equal((await ask({ head: 'fix' })).status, 201, 'a closed one does not count');
  });

  test('pages', async () => {
    const token = await mint({ issues: 'write' });
    const { number } = await s.issue({ repo: REPO, login: 'octocat', title: 'Long' });
    for (let i = 0; i < 5; i++) await s.comment({ repo: REPO, issue: number, login: 'writer', body: `c${i}` });
    const seen = [];
    let next = `${s.url}/repos/${REPO}/issues/${number}/comments?per_page=2`;
    while (next) {
      const page = await call('GET', next.slice(s.url.length), { token });
      seen.push(...page.body.map((c) => c.body));
      next = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1];
    }
    assert.deepEqual(seen, ['c0', 'c1', 'c2', 'c3', 'c4']);
  });
});

describe('limits and faults', () => {
  test('the rate is told, and a 304 is free', async () => {
    const token = await mint({ issues: 'read' });
    const at = `/repos/${REPO}/issues/1`;
    const first = await call('GET', at, { token });
    const left = Number(first.headers.get('x-ratelimit-remaining'));
    const same = await call('GET', at, { token, headers: { 'if-none-match': first.headers.get('etag') } });
    assert.equal(same.status, 304);
    assert.equal(Number(same.headers.get('x-ratelimit-remaining')), left);
    s.tokens.get(token).left = 0;
    const empty = await call('GET', at, { token });
    assert.equal(empty.status, 403);
    assert.equal(empty.headers.get('x-ratelimit-remaining'), '0');
  });

  test('80 creations a minute', async () => {
    const token = await mint({ issues: 'write' });
    const held = s.creations.times;
    s.creations.times = Array(80).fill(Date.now());
    const refused = await call('POST', `/repos/${REPO}/issues/1/comments`, { token, body: { body: 'x' } });
    s.creations.times = held;
    assert.equal(refused.status, 403);
    assert.ok(Number(refused.headers.get('retry-after')) > 50);
  });

  test('a lost answer: the comment is made all the same', async () => {
    const token = await mint({ issues: 'write' });
    const { number } = await s.issue({ repo: REPO, login: 'octocat', title: 'Lost' });
    const at = `/repos/${REPO}/issues/${number}/comments`;
    s.faults.add({ kind: 'lost', op: 'issues/create-comment' });
    await assert.rejects(call('POST', at, { token, body: { body: 'made' } }));
    const list = (await call('GET', at, { token })).body;
    assert.deepEqual(list.map((c) => c.body), ['made']);
  });

  test('each kind of fault', async () => {
    const token = await mint({ issues: 'read' });
    const at = `/repos/${REPO}/issues/1`;
    const ask = () => call('GET', at, { token, headers: { connection: 'close' } });
    s.faults.add({ kind: 'secondary', op: 'issues/get', retry_after: 7 });
    let answer = await ask();
    assert.equal(`${answer.status} ${answer.headers.get('retry-after')}`, '403 7');
    s.faults.add({ kind: 'primary', status: 429, reset_in: 30 });
    answer = await ask();
    assert.equal(`${answer.status} ${answer.headers.get('x-ratelimit-remaining')}`, '429 0');
    s.faults.add({ kind: 'status', status: 502, html: true });
    answer = await ask();
    assert.equal(answer.status, 502);
    assert.match(answer.body, /Unicorn/);
    s.faults.add({ kind: 'reset' });
    await assert.rejects(ask());
    s.faults.add({ kind: 'truncate' });
    await assert.rejects(ask());
    s.faults.add({ kind: 'hang' });
    await assert.rejects(fetch(s.url + at, { headers: { authorization: `Bearer ${token}`, 'user-agent': 'x' },
      signal: AbortSignal.timeout(200) }));
    assert.equal((await ask()).status, 200);
    assert.throws(() => s.faults.add({ kind: 'nonsense' }));
  });
});

describe('git', () => {
  const git = (args, { token, ...options } = {}) => {
    const basic = token && Buffer.from(`x-access-token:${token}`).toString('base64');
    const env = { ...GIT_ENV, ...(basic && { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'http.extraHeader',
      GIT_CONFIG_VALUE_0: `Authorization: Basic ${basic}` }) };
    return new Promise((done, fail) => {
      execFile('git', args, { env, encoding: 'utf8', ...options },
        (error, out, err) => (error ? fail(new Error(err)) : done(out)));
    });
  };

  test('clone and push with a token, and not without', async () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'standin-git-'));
    const url = `${s.url}/${REPO}.git`;
    try {
      await assert.rejects(git(['clone', '-q', url, `${dir}/a`]), /terminal prompts disabled|Authentication/);
      await assert.rejects(git(['clone', '-q', url, `${dir}/a`], { token: 'ghs_wrong' }), /401|Authentication|prompts/);
      const issues = await mint({ issues: 'write' });
      await assert.rejects(git(['clone', '-q', url, `${dir}/a`], { token: issues }), /403/);
      const read = await mint({ contents: 'read' });
      await git(['clone', '-q', url, `${dir}/a`], { token: read });
      assert.equal(fs.readFileSync(`${dir}/a/README.md`, 'utf8'), 'one\n');
      fs.writeFileSync(`${dir}/a/run.sh`, '#!/bin/sh\n', { mode: 0o755 });
      const inside = { cwd: `${dir}/a` };
      await git(['add', '.'], inside);
      await git(['commit', '-qm', 'run'], inside);
      const push = ['push', '-q', 'origin', 'HEAD:refs/heads/run'];
      await assert.rejects(git(push, { ...inside, token: read }), /403/);
      const write = await mint({ contents: 'write' });
      await git(push, { ...inside, token: write });
      assert.deepEqual(s.git.tree('octocat', 'sample', 'run').map((e) => `${e.mode} ${e.path}`),
        ['100644 README.md', '100755 run.sh']);
      const other = await mint({ contents: 'write' }, [(await s.repo('octocat', 'other')).id]);
      await assert.rejects(git(push, { ...inside, token: other }), /404|not found/);
    } finally { fs.rmSync(dir, { recursive: true, force: true }); }
  });

  test('workflow files need a permission of their own', async () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'standin-git-'));
    try {
      const token = await mint({ contents: 'write' });
      await git(['clone', '-q', `${s.url}/${REPO}.git`, `${dir}/a`], { token });
      fs.mkdirSync(`${dir}/a/.github/workflows`, { recursive: true });
      fs.writeFileSync(`${dir}/a/.github/workflows/ci.yml`, 'on: push\n');
      const inside = { cwd: `${dir}/a`, token };
      await git(['add', '.'], inside);
      await git(['commit', '-qm', 'ci'], inside);
      await assert.rejects(git(['push', '-q', 'origin', 'HEAD:refs/heads/ci'], inside), /workflows. permission/);
      assert.equal(s.git.sha('octocat', 'sample', 'ci'), null);
    } finally { fs.rmSync(dir, { recursive: true, force: true }); }
  });

  test('a public repository is open to all for reading', async () => {
    const heads = await git(['ls-remote', `${s.url}/octocat/other.git`]);
    assert.match(heads, /refs\/heads\/main/);
  });

  test('a lost push happens', async () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'standin-git-'));
    try {
      const token = await mint({ contents: 'write' });
      await git(['clone', '-q', `${s.url}/${REPO}.git`, `${dir}/a`], { token });
      s.faults.add({ kind: 'delay', ms: 0, op: 'git/receive-pack' }); // the advertisement
      s.faults.add({ kind: 'lost', op: 'git/receive-pack' });
      await git(['commit', '-q', '--allow-empty', '-m', 'x'], { cwd: `${dir}/a` });
      await assert.rejects(git(['push', '-q', 'origin', 'HEAD:refs/heads/lost'], { cwd: `${dir}/a`, token }));
      assert.ok(s.git.sha('octocat', 'sample', 'lost'));
    } finally { fs.rmSync(dir, { recursive: true, force: true }); }
  });

  test('a push that is cut off in its middle leaves no process behind', async () => {
    const token = await mint({ contents: 'write' });
    const request = http.request(`${s.url}/${REPO}.git/git-receive-pack`, { method: 'POST', headers: { 'user-agent': 'x',
      authorization: `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`,
      'content-type': 'application/x-git-receive-pack-request', 'content-length': 1000 } });
    request.on('error', () => {});
    request.write('00a5');
    const end = Date.now() + 20000;
    const until = async (ok) => {
      while (!ok()) {
        assert.ok(Date.now() < end, `${s.git.children.size} processes`);
        await new Promise((done) => { setTimeout(done, 20); });
      }
    };
    await until(() => s.git.children.size === 1);
    request.destroy();
    await until(() => s.git.children.size === 0);
  });
});

describe('webhooks', () => {
  async function receiver(status) {
    const got = [];
    const server = http.createServer((req, res) => {
      const chunks = [];
      req.on('data', (c) => chunks.push(c));
      req.on('end', () => {
        got.push({ headers: req.headers, body: Buffer.concat(chunks) });
        res.writeHead(status()).end();
      });
    });
    await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
    s.hooks.url = `http://127.0.0.1:${server.address().port}/hooks/github`;
    return { got, close: () => { server.closeAllConnections(); server.close(); } };
  }

  test('a signed delivery with our state in GitHub\'s example', async () => {
    const r = await receiver(() => 202);
    try {
      const comment = await s.comment({ repo: REPO, issue: 1, login: 'writer', body: '/boxwright fix' });
      const d = await s.deliver('issue_comment', { action: 'created', repo: REPO, issue: 1, comment: comment.id });
      assert.equal(d.status_code, 202);
      const { headers, body } = r.got[0];
      const mac = crypto.createHmac('sha256', s.app.webhook_secret).update(body).digest('hex');
      assert.equal(headers['x-hub-signature-256'], `sha256=${mac}`);
      assert.equal(headers['x-github-event'], 'issue_comment');
      assert.equal(headers['x-github-delivery'], d.guid);
      assert.equal(headers['x-github-hook-installation-target-id'], '4242');
      assert.match(headers['user-agent'], /^GitHub-Hookshot\//);
      const payload = JSON.parse(body);
      assert.equal(payload.comment.id, comment.id);
      assert.equal(payload.comment.body, '/boxwright fix');
      assert.equal(payload.sender.login, 'writer');
      assert.equal(payload.sender.id, comment.user.id);
      assert.equal(payload.repository.id, repo.id);
      assert.equal(payload.installation.id, s.app.installation_id);
      assert.equal(payload.issue.number, 1);
      assert.equal(payload.issue.pull_request, undefined);
    } finally { r.close(); }
  });

  test('deliveries are listed, failed ones too, and come again with the same GUID', async () => {
    const token = s.state.jwt();
    let status = 500;
    const r = await receiver(() => status);
    try {
      s.hooks.list.length = 0;
      const failed = await s.deliver('ping');
      status = 202;
      await s.deliver('ping');
      const list = await call('GET', '/app/hook/deliveries?status=failure', { token });
      assert.deepEqual(list.body.map((d) => d.guid), [failed.guid]);
      const page = await call('GET', '/app/hook/deliveries?per_page=1', { token });
      assert.match(page.headers.get('link'), /cursor=v1_\d+/);
      const again = await call('POST', `/app/hook/deliveries/${failed.id}/attempts`, { token });
      assert.equal(again.status, 202);
      while (r.got.length < 3) await new Promise((done) => { setTimeout(done, 5); });
      assert.equal(r.got[2].headers['x-github-delivery'], failed.guid);
      assert.deepEqual(r.got[2].body, r.got[0].body);
      assert.equal((await call('POST', '/app/hook/deliveries/1/attempts', { token })).status, 404);
    } finally { r.close(); }
  });

  test('down: nothing arrives, and it is recorded', async () => {
    s.hooks.down = true;
    const d = await s.deliver('ping');
    s.hooks.down = false;
    assert.equal(d.status_code, 0);
  });

  test('every published event has examples', () => {
    assert.ok(allEvents().length >= 50);
    for (const event of allEvents()) assert.ok(examplesOf(event).length > 0, event);
    assert.throws(() => examplesOf('schedule'));
  });
});

describe('from outside', () => {
  test('the manifest\'s code is good once', async () => {
    const first = await call('POST', '/app-manifests/one-time-code/conversions');
    assert.equal(first.status, 201, JSON.stringify(first.body));
    assert.match(first.body.pem, /PRIVATE KEY/);
    assert.equal((await call('POST', '/app-manifests/one-time-code/conversions')).status, 404);
  });

  test('the program says when it is ready, and obeys', async () => {
    const seed = path.join(folder, 'seed.json');
    fs.writeFileSync(seed, JSON.stringify({ repos: [{ owner: 'octocat', name: 'x', fixture: '.' }] }));
    const child = spawn(process.execPath, [fileURLToPath(new URL('main.mjs', import.meta.url)),
      '--seed', seed], { stdio: ['ignore', 'pipe', 'inherit'] });
    const line = await new Promise((done) => { child.stdout.once('data', (d) => done(String(d))); });
    const { url } = JSON.parse(line);
    const post = (route, body) => fetch(url + route, { method: 'POST', body: JSON.stringify(body) }).then((r) => r.json());
    const issue = await post('/_gate/issue', { repo: 'octocat/x', login: 'octocat', title: 'T' });
    assert.equal(issue.number, 1);
    const said = await post('/_gate/comment', { repo: 'octocat/x', issue: 1, login: 'octocat', body: 'hi', deliver: true });
    assert.equal(said.delivery.status_code, 0); // nobody listens
    assert.match((await post('/_gate/faults', { kind: 'x' })).message, /unknown fault/);
    const tree = await fetch(`${url}/_gate/tree?repo=octocat/x&ref=main`).then((r) => r.json());
    assert.ok(tree.some((e) => e.path === 'README.md'));
    const end = new Promise((done) => { child.once('exit', done); });
    child.kill('SIGTERM');
    assert.equal(await end, 0);
    fs.rmSync(seed);
  });
});
