// SPDX-License-Identifier: MIT
// What callers entrust to the service is kept: not in its log, its figures, its answers, its
// database, a command line of the host, or what the Engine tells of boxes and images.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Box } from '@upstash/box';
import { inspectImage, listInstance } from '../flow/lib/engine.mjs';
import { sh, useService } from './lib/service.mjs';

const secrets = new Map();
const secret = (name, prefix = '') => {
  const value = `${prefix}${name}${crypto.randomBytes(16).toString('hex')}`;
  secrets.set(name, value);
  return value;
};
// Names of the secrets that stand in there, as they are, in base64 at any shift, or in hex.
const formsOf = (value) => [value, encodeURIComponent(value), Buffer.from(value).toString('hex'),
  ...[0, 1, 2].map((n) => Buffer.from('\0'.repeat(n) + value).toString('base64').slice(n ? 4 : 0, -4))];
const found = (data, but = []) => {
  const bytes = Buffer.isBuffer(data) ? data : Buffer.from(String(data));
  return [...secrets].filter(([name, value]) => !but.includes(name) && formsOf(value).some((f) => bytes.includes(f))).map(([n]) => n);
};

const s = useService();
const seen = []; // command lines of the host while it goes on
const look = () => {
  for (const pid of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    try {
      // What runs in a box is the box's own affair.
      if (fs.readlinkSync(`/proc/${pid}/ns/pid`) !== fs.readlinkSync('/proc/self/ns/pid')) continue;
      seen.push(fs.readFileSync(`/proc/${pid}/cmdline`));
    } catch { /* it has ended */ }
  }
};
const timer = setInterval(look, 20);

let box;
let restored;
let made;
test('much is entrusted, used, and goes wrong', async (t) => {
  const env = { A: secret('env') };
  await Box.setEnv('ACCOUNT', secret('accountenv'));
  await s.raw('PUT', '/v2/box/agent-credentials/anthropic', { body: { api_key: secret('stored', 'sk-') } });
  const create = await s.raw('POST', '/v2/box', { body: { env_vars: env, agent: 'claude-code', model: 'anthropic/claude-sonnet-4-5',
    agent_api_key: secret('agentkey', 'sk-'), github_token: secret('githubtoken', 'ghp_'),
    mcp_servers: [{ name: 'm', source: 'url', package_or_url: 'http://127.0.0.1:9/', headers: { authorization: `Bearer ${secret('mcpheader')}` } }] } });
  assert.equal(create.status, 201, create.text);
  box = await s.box(null, {}).then(async (other) => { await other.delete(); return Box.get(create.body.id); });
  assert.equal(await sh(box, 'printf %s "$A"'), secrets.get('env'), 'the box has what is its own');
  const post = (route, body) => s.raw('POST', `/v2/box/${box.id}/${route}`, { body, timeout: 60000 });
  // Nobody answers there.
  await post('git/clone', { repo: 'https://github.com/a/b', github_token: secret('clonetoken', 'ghp_') });
  await post('git/clone', { repo: `https://x-access-token:${secret('urltoken', 'ghp_')}@github.com/a/b` });
  await post('git/clone', { repo: `https://user:${secret('urlpassword')}@example.invalid/a/b` });
  await post('git/create-pr', { title: 'x', github_token: secret('prtoken', 'ghp_') });
  await post('run', { prompt: 'x', webhook: { url: `http://127.0.0.1:9/${secret('hookpath')}`, headers: { 'x-a': secret('hookheader') } } });
  await post('run', { prompt: 'x', webhook: { url: 'nonsense', headers: { 'x-a': secret('badheader') } } });
  made = (await post('schedules', { type: 'exec', cron: '0 0 1 1 *', command: ['true'], webhook_url: 'http://127.0.0.1:9/', webhook_headers: { 'x-a': secret('scheduleheader') } })).body;
  const preview = (await post('preview', { port: 3000, bearer_token: true, basic_auth: true })).body;
  secrets.set('previewtoken', preview.token);
  secrets.set('previewpassword', preview.password);
  const key = await s.makeKey({ name: 'k', account: 'other' });
  secrets.set('apikey', key.key);
  secrets.set('operatorkey', s.key);
  await s.raw('GET', '/v2/box', { key: key.key });
  await s.raw('GET', '/v2/box', { key: secret('wrongkey', 'box_') });
  for (const [route, body] of [['', { env_vars: { 'BAD NAME': secret('badenv') } }], ['', { agent: 'claude-code', agent_api_key: [secret('badagentkey')] }],
    ['', { github_token: { x: secret('badtoken') } }], ['/from-snapshot', { snapshot_id: 'none', env_vars: { X: secret('lostenv') } }]])
    assert.ok((await s.raw('POST', `/v2/box${route}`, { body })).status >= 400);
  const snapshot = await box.snapshot({ name: 'snap' });
  restored = await Box.fromSnapshot(snapshot.id, { env: { B: secret('restoredenv') } });
  assert.equal(await sh(restored, 'printf %s "$A"'), secrets.get('env'), 'a snapshot carries the variables');
  await box.pause();
  await box.resume();
  for (const form of formsOf(env.A)) assert.deepEqual(found(`x${form}x`), ['env'], 'what is searched for would be found');
  t.diagnostic(`${secrets.size} secrets`);
});

test('the service says none of it', async () => {
  for (const line of s.boxwright.lines) assert.deepEqual(found(line), [], line);
  assert.deepEqual(found((await s.raw('GET', '/metrics')).text), []);
  for (const route of s.contract.operations.filter((o) => o.method === 'GET' && !/download|exec-session|events|browser|recordings/.test(o.template))) {
    const at = route.template.replace(/\{[^}]*\}/, box.id).replace(/\{[^}]*\}/, made.id);
    const answer = await s.raw('GET', `${at}${/files\/(read|stat)/.test(at) ? '?path=.bashrc' : ''}`);
    // The contract shows a schedule as it was made to who may change it.
    assert.deepEqual(found(answer.text, /schedules/.test(at) ? ['scheduleheader'] : []), [], `${at}: ${answer.text}`);
  }
});

test('the database keeps none of it in the clear', () => {
  const state = path.join(s.boxwright.dir, 'state');
  let files = 0;
  const walk = (folder) => {
    for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
      const at = path.join(folder, entry.name);
      if (entry.isDirectory()) walk(at);
      else if (entry.isFile()) {
        files++;
        assert.deepEqual(found(fs.readFileSync(at)), [], at);
        if (/\.db|key|seal/.test(entry.name)) assert.equal(fs.statSync(at).mode & 0o077, 0, `${at} is for its owner alone`);
      }
    }
  };
  walk(state);
  assert.ok(files >= 2, `${files} files`);
});

test('nor does a command line of this host', () => {
  clearInterval(timer);
  assert.ok(seen.length > 50);
  for (const line of seen) assert.deepEqual(found(line), [], line.toString());
});

test('nor does the Engine know it', async () => {
  const { boxes, snapshots } = await listInstance(s.instance);
  assert.ok(boxes.length >= 2 && snapshots.length >= 1, `${boxes.length} boxes, ${snapshots.length} images`);
  for (const id of [box.id, restored.id]) assert.deepEqual(found(JSON.stringify(await s.container(id))), [], id);
  for (const name of snapshots) assert.deepEqual(found(JSON.stringify(await inspectImage(name))), [], name);
});

test('nor do the files of a box, beyond what is its own', async () => {
  const all = await sh(restored, 'echo read-this-too > /home/boxuser/new; sudo find /home /workspace /tmp /etc /opt /root /var/tmp /run -xdev -type f -size -2M -mmin -10 -exec cat {} + 2>/dev/null; true');
  assert.match(all, /read-this-too/);
  // An agent reads the headers of its MCP servers from a file.
  assert.deepEqual(found(all, ['mcpheader']), []);
  await restored.delete();
});
