// SPDX-License-Identifier: MIT
// Every route of the description, called by those who may not and with what is no request:
// the right status, a plain {error, code}, and nothing changed.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { Box } from '@upstash/box';
import { useService } from './lib/service.mjs';

const s = useService({ config: { api: { cors_origins: ['https://app.example'] } } });
const LOOK = ['GET', 'HEAD', 'OPTIONS'];
let box;
let names;
let other;
let reader;
let routes;

test('a box with one of everything, and keys of three kinds', async () => {
  box = await s.box(null, { name: 'the-victim', labels: ['l1'], keepAlive: true });
  await box.files.write({ path: 'file', content: 'before' });
  const snapshot = await box.snapshot({ name: 'snap' });
  const schedule = await box.schedule.exec({ cron: '0 0 1 1 *', command: ['true'] });
  await box.exec.command('true');
  const [run] = await box.listRuns();
  await Box.setEnv('KEPT', 'value');
  other = await s.makeKey({ account: 'other', name: 'theirs' });
  reader = await s.makeKey({ account: 'operator', name: 'reader', scope: 'read' });
  names = { box: box.id, id: box.id, snapshot: snapshot.id, schedule: schedule.id, run: run.id, port: '3000', label: 'l1' };
  // Each operation with real names in its path.
  routes = s.contract.operations.filter((o) => o.template.startsWith('/v')).map((o) => ({ ...o, path: fill(o.template) }));
  assert.ok(routes.length >= 70, `${routes.length} operations`);
});
// Names by what stands before them in the path.
function fill(template) {
  const parts = template.split('/');
  return parts.map((part, i) => {
    if (!part.startsWith('{')) return part;
    return { box: names.box, snapshots: names.snapshot, schedules: names.schedule, runs: names.run, preview: names.port,
      labels: names.label, env: 'KEPT', keys: reader.id }[parts[i - 1]] ?? 'x1';
  }).join('/');
}

// All that a caller could have changed.
const state = async () => JSON.stringify([await box.files.read('file'), s.rowsOf([
  'SELECT id, name, state, labels, network, init_command, git_name, git_email, agent, model, runner, skills, sealed, keep_alive FROM box ORDER BY id',
  'SELECT id, state, name FROM box_snapshot ORDER BY id',
  'SELECT id, state, cron, detail FROM box_schedule ORDER BY id',
  'SELECT box_id, port, token_hash, password_hash FROM box_preview ORDER BY box_id, port',
  'SELECT id, state FROM box_run ORDER BY id',
  'SELECT account, name, sealed FROM account_env ORDER BY account, name',
  'SELECT id, revoked_ms FROM api_key ORDER BY id',
])]);
const BODY = { POST: '{}', PUT: '{}', PATCH: '{}' };

// Calls every route in one way; gathers what is not as it should be.
async function every(call, judge, chosen = routes) {
  const before = await state();
  const wrong = [];
  for (const route of chosen) {
    const answer = await call(route);
    if (!answer) continue;
    const bad = await judge(answer, route);
    if (bad) wrong.push(`${route.method} ${route.path}: ${bad} (${answer.status} ${answer.text.slice(0, 120)})`);
    if (answer.status >= 400 && (typeof answer.body?.error !== 'string' || typeof answer.body?.code !== 'string' ||
        answer.body.error.length > 500 || /\.[ch]:\d|0x[0-9a-f]{6}|sqlite/i.test(answer.body.error)))
      wrong.push(`${route.method} ${route.path}: no plain {error, code}: ${answer.text.slice(0, 200)}`);
  }
  assert.deepEqual(wrong, []);
  assert.equal(await state(), before, 'nothing has changed');
}
const send = (route, more) => s.raw(route.method, route.path, { body: BODY[route.method], ...more });
const open = (route) => route.op.security?.length === 0;

test('without a key: 401', () =>
  every((r) => open(r) ? null : send(r, { key: null }), (a) => a.status !== 401 && 'not 401'));

test('with a key that is none: 401', () =>
  every((r) => open(r) ? null : send(r, { key: `box_${'A'.repeat(43)}` }),
    (a) => (a.status !== 401 && 'not 401') || (r => !/Invalid box API key/.test(r.body.error) && 'another message')(a)));

test('the same by Authorization: Bearer', () =>
  every((r) => open(r) ? null : send(r, { key: null, headers: { authorization: `Bearer box_${'A'.repeat(43)}` } }), (a) => a.status !== 401 && 'not 401'));

// Requests that are in order, by the end of the path: what is refused is who asks.
const GOOD = { exec: { command: ['true'] }, 'exec-stream': { command: ['true'] }, code: { code: '1', language: 'js' },
  'code-stream': { code: '1', language: 'js' }, run: { prompt: 'x', webhook: { url: 'http://127.0.0.1:9/' } }, stream: { prompt: 'x' },
  write: { path: 'file', content: 'after' }, mkdir: { path: 'd' }, rename: { from: 'file', to: 'g' }, remove: { path: 'file' }, stat: { path: 'file' },
  clone: { repo: 'https://github.com/a/b' }, commit: { message: 'x' }, push: {}, 'create-pr': { title: 'x' }, checkout: { branch: 'x' },
  snapshots: { name: 'x' }, schedules: { type: 'exec', cron: '* * * * *', command: ['true'] }, preview: { port: 3000 },
  model: { model: 'custom/x' }, 'custom-runner': { custom_runner: { command: 'x' } }, 'network-policy': { mode: 'deny-all' },
  skills: { skill_id: 'a/b/c' }, labels: { label: 'x' }, startup: { init_command: 'x' }, 'git-config': { git_user_name: 'x' }, git: { git_user_name: 'x' } };
const good = (r) => r.path.endsWith('git/exec') ? { args: ['status'] } : GOOD[r.path.split('/').at(-1)] ?? {};

test('another account\'s key: what it is told of a box is what it is told of none', async () => {
  const ours = routes.filter((r) => r.template.startsWith('/v2/box/{'));
  for (const body of [good, () => ({})]) {
    const ask = (r, path) => s.raw(r.method, path, { key: other.key, ...(BODY[r.method] && { body: body(r) }) });
    await every((r) => ask(r, r.path), async (a, r) => {
      const none = await ask(r, r.path.replace(box.id, 'no-such-box'));
      if (a.status < 400) return 'it was let in';
      if (body === good && BODY[r.method] && !/upload|recordings|browser/.test(r.path) && a.status !== 404) return 'not 404';
      return (a.status !== none.status || a.text.replaceAll(box.id, 'no-such-box') !== none.text) && `otherwise than ${none.status} ${none.text}`;
    }, ours);
  }
  await every((r) => send(r, { key: other.key }), (a) => a.status !== 404 && 'not 404', routes.filter((r) => /^\/v1\/keys\/\{/.test(r.template)));
});

test('another account sees none of it in lists, and deletes none of it in bulk', async () => {
  const before = await state();
  const as = (method, path, body) => s.raw(method, path, { key: other.key, body });
  assert.deepEqual((await as('GET', '/v2/box')).body, []);
  assert.deepEqual((await as('GET', '/v2/box/settings/env')).body, { env_vars: {} });
  assert.equal((await as('DELETE', '/v2/box', { ids: [box.id, 'the-victim'] })).status, 200);
  assert.deepEqual((await as('DELETE', '/v2/box/snapshots', {})).body, { deleted: 0 });
  assert.deepEqual((await as('DELETE', '/v2/box/snapshots', { ids: [names.snapshot] })).body, { deleted: 0 });
  assert.equal((await as('POST', '/v2/box/from-snapshot', { snapshot_id: names.snapshot })).status, 404);
  assert.equal((await as('GET', '/v2/box/the-victim')).status, 404, 'nor by its name');
  const keys = await as('GET', '/v1/keys');
  assert.ok(!JSON.stringify(keys.body).includes(reader.id));
  for (const path of ['/v1/tasks', '/v1/deliveries']) assert.ok([401, 403, 404].includes((await as('GET', path)).status), path);
  assert.equal(await state(), before);
});

test('a key that may only look: 403 for all that changes', () =>
  every((r) => LOOK.includes(r.method) || open(r) ? null : send(r, { key: reader.key }), (a) => a.status !== 403 && 'not 403'));

test('a key that may only look looks', async () => {
  const as = (path) => s.raw('GET', path, { key: reader.key });
  assert.deepEqual((await as('/v2/box')).body.map((b) => b.id), [box.id]);
  for (const path of ['', '/status', '/logs', '/runs', '/snapshots', '/schedules', '/preview'])
    assert.equal((await as(`/v2/box/${box.id}${path}`)).status, 200, path);
});

test('a wrong method: 405 with what is allowed', async () => {
  const paths = [...new Set(routes.map((r) => r.template))].map((template) => ({ path: fill(template),
    has: routes.filter((r) => r.template === template).map((r) => r.method) }));
  const chosen = paths.flatMap(({ path, has }) => ['GET', 'POST', 'PUT', 'DELETE', 'PATCH']
    .filter((m) => !has.includes(m)).slice(0, 2).map((method) => ({ method, path, has })));
  await every(send, (a, r) => (a.status !== 405 && 'not 405') ||
    (!r.has.every((m) => (a.headers.get('allow') ?? '').includes(m)) && `allow: ${a.headers.get('allow')}`), chosen);
});

// Built routes that read members of a body.
const reading = () => routes.filter((r) => {
  const { thing } = s.contract.resolve(s.contract.resolve(r.op.requestBody, '').thing?.content?.['application/json']?.schema, '');
  return BODY[r.method] && !r.op.responses[501] && !r.path.startsWith('/v1/tasks') && Object.keys(thing?.properties ?? thing?.oneOf ?? thing?.anyOf ?? {}).length > 0;
});

test('a body that is no JSON, or no object: 400', async () => {
  const withBody = reading();
  assert.ok(withBody.length >= 20, `${withBody.length}`);
  for (const body of ['{"a":', '[]', '"x"', 'null', '{"a":1,"a":2}', `${'['.repeat(5000)}`, Buffer.from([0x7b, 0xff, 0x7d]), '{"x":"\u0000"}'])
    await every((r) => s.raw(r.method, r.path, { body }), (a) => a.status !== 400 && `not 400 for ${String(body).slice(0, 20)}`, withBody);
});

test('members of a wrong type: 400 that names one', async () => {
  const odd = { name: 5, labels: 'x', size: 1, runtime: [], env_vars: [1], network_policy: 'x', command: 7, code: {}, prompt: [],
    path: 4, content: 3, repo: 1, message: {}, args: 'x', branch: 2, title: 9, cron: 1, type: 7, port: 'x', model: 3, custom_runner: 5,
    mode: 8, skill_id: 1, label: 2, value: 3, ids: 'x', snapshot_id: 5, init_command: 5, git_user_name: 3, from: 1, to: 2, api_key: 1,
    mcp_servers: 'x', keep_alive: 'x', scope: 3 };
  await every((r) => s.raw(r.method, r.path.replace('credentials/x1', 'credentials/openai'), { body: odd }),
    (a, r) => (a.status !== 400 && 'not 400') || (!Object.keys(odd).some((k) => a.body.error.includes(k)) && 'no member is named'), reading());
});

// A head that announces more than any route takes, and the first bytes of it.
const oversized = (route) => new Promise((done, fail) => {
  const { port } = new URL(s.url);
  const socket = net.connect(Number(port), '127.0.0.1');
  let said = '';
  socket.setTimeout(8000, () => { socket.destroy(); done({ status: 0, text: 'no answer', body: {} }); });
  socket.on('error', (error) => (said ? undefined : fail(error)));
  socket.on('data', (d) => { said += d; if (/\r\n\r\n.*\}/s.test(said)) socket.destroy(); });
  socket.on('close', () => {
    const text = said.split('\r\n\r\n')[1] ?? '';
    let body;
    try { body = JSON.parse(text); } catch { /* told by its text */ }
    done({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(said)?.[1] ?? 0), text, body });
  });
  socket.write(`${route.method} ${route.path} HTTP/1.1\r\nHost: x\r\nX-Box-Api-Key: ${s.key}\r\nContent-Type: application/json\r\nContent-Length: 100000000000\r\n\r\n{"x":"`);
});

test('an oversized body: 413 from the head alone', () =>
  every((r) => BODY[r.method] && !/upload/.test(r.path) ? oversized(r) : null, (a) => a.status !== 413 && 'not 413'));

test('a body without an announced length is refused before it grows', async () => {
  const status = await new Promise((done) => {
    const request = http.request(`${s.url}/v2/box/${box.id}/exec`, { method: 'POST', headers: { 'x-box-api-key': s.key, 'content-type': 'application/json' } });
    let sent = 0;
    const more = setInterval(() => {
      if ((sent += 1 << 20) > 64 << 20) request.destroy(new Error('it takes everything'));
      else request.write(Buffer.alloc(1 << 20, 'x'));
    }, 10);
    const end = (what) => { clearInterval(more); done(what); };
    request.on('response', (answer) => { end(answer.statusCode); request.destroy(); });
    request.on('error', (error) => end(error.code ?? error.message));
  });
  assert.ok([411, 413, 'ECONNRESET', 'EPIPE'].includes(status), String(status));
});

test('a revoked key is refused from the next request on', async () => {
  const made = await s.makeKey({ account: 'operator', name: 'short' });
  assert.equal((await s.raw('GET', '/v2/box', { key: made.key })).status, 200);
  assert.equal((await s.raw('DELETE', `/v1/keys/${made.id}`)).status, 200);
  assert.equal((await s.raw('GET', '/v2/box', { key: made.key })).status, 401);
  const stored = JSON.stringify(s.rows('SELECT * FROM api_key'));
  assert.ok(!stored.includes(made.key) && !stored.includes(made.key.slice(4)), 'keys are stored as digests');
});

test('OPTIONS is answered for browsers', async () => {
  const answer = await s.raw('OPTIONS', '/v2/box', { key: null, headers: { origin: 'https://app.example', 'access-control-request-method': 'POST',
    'access-control-request-headers': 'x-box-api-key,content-type,upstash-telemetry-sdk' } });
  assert.ok(answer.status === 204 || answer.status === 200, answer.text);
  const allowed = (answer.headers.get('access-control-allow-headers') ?? '').toLowerCase();
  for (const name of ['x-box-api-key', 'content-type', 'upstash-telemetry-sdk', 'upstash-telemetry-runtime', 'upstash-telemetry-platform'])
    assert.ok(allowed.includes(name), name);
  assert.ok(answer.headers.get('access-control-allow-origin'));
});

test('the account is left as it was', () => Box.setAllEnv({}));
