// SPDX-License-Identifier: MIT
// What an account, a read-only key and a hostile box try: reaching the house by a webhook,
// reading what was entrusted, spending the server's money, writing to a person's terminal.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { Agent, Box } from '@upstash/box';
import { binary } from '../flow/lib/boxwright.mjs';
import { startAnthropic } from '../model/anthropic.mjs';
import { receiver } from './lib/receiver.mjs';
import { sh, until, useService } from './lib/service.mjs';

const KEY = 'sk-canary-5f20b1c7aa9d4e63b1f0';
let model;
const s = useService(async () => {
  // Three dollars a call.
  model = await startAnthropic({ key: KEY, scripts: { spend: [{ text: 'x', usage: { input: 1000000, output: 1 } }] } });
  return { env: { BOXWRIGHT_MODEL_ANTHROPIC_KEY: KEY },
    config: { model: { anthropic: { base_url: model.url } }, box: { agent_cost_usd: 5, agent_cost_usd_day: 8 } } };
});
after(() => model?.close());

test('a webhook of another account reaches nothing of the house', async (t) => {
  const hook = await receiver(t);
  const { port } = new URL(hook.url);
  const theirs = await s.makeKey({ account: 'other', name: 'theirs' });
  const as = (method, route, body) => s.raw(method, route, { key: theirs.key, body });
  const made = await as('POST', '/v2/box', { agent: 'custom', model: 'custom/x', custom_runner: { command: 'true' } });
  assert.equal(made.status, 201, made.text);
  const { id } = made.body;
  t.after(() => as('DELETE', `/v2/box/${id}`));
  const own = Object.values(os.networkInterfaces()).flat().find((i) => i.family === 'IPv4' && !i.internal)?.address;
  const hosts = ['127.0.0.1', 'localhost', '0.0.0.0', '[::ffff:127.0.0.1]', '2130706433', '127.1', '169.254.169.254', ...(own ? [own] : [])];
  for (const host of hosts) {
    const run = await as('POST', `/v2/box/${id}/run`, { prompt: 'x', webhook: { url: `http://${host}:${port}/` } });
    assert.ok(run.status < 300, run.text);
  }
  await until('each was refused once', async () => {
    const logs = JSON.stringify((await as('GET', `/v2/box/${id}/logs`)).body);
    return logs.split(/it is (?:a private|an address of this host|no address)/).length > hosts.length;
  }, { every: 250 });
  assert.deepEqual(hook.calls, []);
  // The operator's own may, unless box.webhook_private says otherwise.
  const box = await s.box(t, { agent: { harness: Agent.Custom, model: 'custom/x', customHarness: { command: 'true' } } });
  await s.raw('POST', `/v2/box/${box.id}/run`, { body: { prompt: 'x', webhook: { url: hook.url } } });
  await hook.next();
});

test('a key that may only look is not shown what was entrusted', async (t) => {
  const box = await s.box(t, {});
  const reader = await s.makeKey({ account: 'operator', name: 'looks', scope: 'read' });
  const made = await s.raw('POST', `/v2/box/${box.id}/schedules`, { body: { type: 'exec', cron: '0 0 1 1 *', command: ['true'],
    webhook_url: 'https://example.com/', webhook_headers: { authorization: 'Bearer entrusted-to-us' } } });
  assert.equal(made.status, 201, made.text);
  for (const route of ['', `/${made.body.id}`]) {
    const seen = await s.raw('GET', `/v2/box/${box.id}/schedules${route}`, { key: reader.key });
    assert.equal(seen.status, 200);
    assert.ok(!seen.text.includes('entrusted-to-us'), seen.text);
    assert.match(seen.text, /authorization/, 'that there is one is no secret');
  }
});

const SPENDER = `
import json, os, sys, urllib.request, urllib.error
told = []
for i in range(6):
    body = json.dumps({"model": "claude-sonnet-4-5", "max_tokens": 10, "messages": [{"role": "user", "content": "spend"}]}).encode()
    ask = urllib.request.Request(os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages", body, {"content-type": "application/json", "x-api-key": "none", "anthropic-version": "2023-06-01"})
    try: urllib.request.urlopen(ask).read(); told.append(200)
    except urllib.error.HTTPError as e: told.append([e.code, e.read().decode()]); break
print("event: done\\ndata: " + json.dumps({"output": json.dumps(told)}) + "\\n", flush=True)
`;

test('the server\'s key pays for a run, and for an account\'s day, only so much', async (t) => {
  const box = await s.box(t, { agent: { harness: Agent.Custom, model: 'custom/x', customHarness: { command: 'python3', args: ['/workspace/home/spend.py'] } } });
  await box.files.write({ path: 'spend.py', content: SPENDER });
  const spend = async (b) => JSON.parse((await b.agent.run({ prompt: 'spend' })).result);
  const [one, two, three] = await spend(box);
  assert.deepEqual([one, two], [200, 200], 'three dollars, and three more that pass the five');
  assert.equal(three[0], 402);
  assert.match(three[1], /box\.agent_cost_usd/);
  await until('it is booked', async () => (await s.raw('GET', `/v2/box/${box.id}`)).body.total_token_cost_usd >= 6);
  const again = await spend(box);
  assert.equal(again[0], 200, 'two dollars of the day are left');
  assert.equal(again[1][0], 402);
  await until('it is booked', async () => (await s.raw('GET', `/v2/box/${box.id}`)).body.total_token_cost_usd >= 9);
  // A custom program may have a model of its own; built-in agents are not begun.
  assert.equal((await spend(box))[0][0], 402);
  const builtIn = await s.box(t, { agent: { harness: Agent.ClaudeCode, model: 'anthropic/claude-sonnet-4-5' } });
  await assert.rejects(builtIn.agent.run({ prompt: 'spend' }), /box\.agent_cost_usd_day/);
  // Another account has its own day.
  const theirs = await s.makeKey({ account: 'third', name: 'theirs' });
  const other = await Box.create({ apiKey: theirs.key, agent: { harness: Agent.Custom, model: 'custom/x', customHarness: { command: 'python3', args: ['/workspace/home/spend.py'] } } });
  t.after(() => other.delete());
  await other.files.write({ path: 'spend.py', content: SPENDER });
  assert.equal((await spend(other))[0], 200);
});

test('a program that claims to have used less than nothing, or everything, changes nobody\'s sums', async (t) => {
  const theirs = await s.makeKey({ account: 'liar', name: 'theirs' });
  const box = await Box.create({ apiKey: theirs.key, agent: { harness: Agent.Custom, model: 'custom/x', customHarness: { command: 'sh', args: ['/workspace/home/lie.sh'] } } });
  t.after(() => box.delete());
  await box.files.write({ path: 'lie.sh', content: `printf 'event: done\\ndata: {"output":"x","input_tokens":-9000000000000000000,"output_tokens":-5,"cached_input_tokens":-1,"total_cost_usd":%s}\\n\\n' "$(cat claim)"` });
  for (const claim of ['-1000', '-1e300', '1e300', '1e308', '1e308']) {
    await box.files.write({ path: 'claim', content: claim });
    await box.agent.run({ prompt: 'x' });
    const usage = (await s.raw('GET', '/v1/usage', { key: theirs.key })).body;
    const seen = (await s.raw('GET', `/v2/box/${box.id}`, { key: theirs.key })).body;
    for (const n of [usage.total.token_cost_usd, usage.total.input_tokens, usage.total.output_tokens, seen.total_token_cost_usd, seen.total_input_tokens])
      assert.ok(n >= 0 && n <= 1e7, `${claim}: ${n}`);
  }
});

// The program on a terminal of its own. -> what it wrote
const onTerminal = (...args) => new Promise((done, fail) => {
  execFile('python3', ['-c', 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)', path.resolve(binary()), ...args],
    { encoding: 'latin1', env: { ...process.env, BOXWRIGHT_API: s.url, BOXWRIGHT_API_KEY: s.key } },
    (error, stdout) => (error ? fail(error) : done(stdout)));
});

test('names, logs and answers of a box are no commands to a terminal', async (t) => {
  const box = await s.box(t, {});
  await sh(box, `mkdir odd && cd odd && git init -q && python3 - <<'END'
for name in ("a\\x1b]0;title\\x07", "b\\x9b2J".encode("latin1"), "c\\nd"): open(name, "w")
END`);
  assert.match(await onTerminal('box', 'files', 'ls', box.id, 'odd'), /title/);
  for (const args of [['files', 'ls', box.id, 'odd'], ['git', box.id, 'exec', '-C', 'odd', '-c', 'core.quotePath=false', 'ls-files', '-o', '-z'],
    ['logs', box.id], ['runs', box.id], ['files', 'stat', box.id, 'odd']]) {
    const text = await onTerminal('box', ...args);
    // eslint-disable-next-line no-control-regex
    assert.ok(!/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]/.test(text), JSON.stringify(text));
  }
  const rows = (await onTerminal('box', 'files', 'ls', box.id, 'odd')).trimEnd().split('\n');
  assert.equal(rows.length, 4, 'one line for each of .git and three names');
  // What goes into a pipe stays as it is.
  const { stdout } = await s.cli('box', 'files', 'ls', box.id, 'odd');
  assert.ok(stdout.includes('\u001b]0;title'));
});
