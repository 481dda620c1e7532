// SPDX-License-Identifier: MIT
// What of a box is changed after its creation: model, harness, init command, skills, network.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { Agent, Box } from '@upstash/box';
import { refused, sh, until, useService } from './lib/service.mjs';

const s = useService();
const get = async (box) => (await s.raw('GET', `/v2/box/${box.id}`)).body;
const HARNESS = (word) => ({ command: 'python3', args: ['-c',
  `import json,sys\nprint("event: done\\ndata: " + json.dumps({"output": "${word} " + sys.argv[sys.argv.index("--model")+1]}) + "\\n", flush=True)`] });

test('configureModel shows in modelConfig and get; an agent-less box gets an agent', async (t) => {
  const box = await s.box(t);
  assert.throws(() => box.agent.run({ prompt: 'x' }), /No agent configured/);
  await box.configureModel('anthropic/claude-sonnet-4-5');
  const again = await Box.get(box.id);
  assert.deepEqual([again.modelConfig.model, again.modelConfig.harness], ['anthropic/claude-sonnet-4-5', 'claude-code']);
  await box.configureModel('openai/gpt-5.5');
  assert.equal((await get(box)).model, 'openai/gpt-5.5');
  await refused(box.configureModel(''), 400, /model/);
});

test('configureCustomHarness replaces the harness; configureModel its model', async (t) => {
  const box = await s.box(t, { agent: { harness: Agent.Custom, customHarness: HARNESS('first') } });
  assert.deepEqual(box.modelConfig, { harness: 'custom', provider: 'custom', runner: 'custom', model: 'custom' });
  assert.equal((await box.agent.run({ prompt: 'x' })).result, 'first custom');
  await box.configureCustomHarness(HARNESS('second'));
  await box.configureModel('custom/bigger');
  assert.equal((await box.agent.run({ prompt: 'x' })).result, 'second custom/bigger');
  await refused(box.configureCustomHarness({}), 400, /command/);
  await refused(box.configureCustomHarness({ command: '/etc/passwd' }), 400, /command/);
  const plain = await s.box(t, { agent: { harness: Agent.ClaudeCode, model: 'anthropic/claude-sonnet-4-5' } });
  await assert.rejects(plain.configureCustomHarness(HARNESS('x')), /custom agent boxes/);
  assert.equal((await s.raw('PUT', `/v2/box/${plain.id}/config/custom-runner`, { body: { custom_runner: HARNESS('x') } })).status, 409);
});

test('init command: runs at creation and at each resume; get, set, delete', async (t) => {
  const box = await s.box(t, { keepAlive: true, initCommand: 'echo $PWD $A >> /workspace/home/starts', env: { A: 'env' } });
  await until('it ran', async () => (await box.exec.command('cat starts')).stdout === '/workspace/home env\n');
  assert.equal(await box.getInitCommand(), 'echo $PWD $A >> /workspace/home/starts');
  await box.setInitCommand('sleep 30 & echo second >> /workspace/home/starts');
  assert.equal(await box.getInitCommand(), 'sleep 30 & echo second >> /workspace/home/starts');
  await box.deleteInitCommand();
  assert.equal(await box.getInitCommand(), '');
  const plain = await s.box(t); // 0.5.5 refuses this for ordinary boxes; newer clients do not
  await assert.rejects(plain.getInitCommand(), /keep-alive/);
  const put = (init_command) => s.raw('PUT', `/v2/box/${plain.id}/startup`, { body: { init_command } });
  await plain.pause();
  assert.equal((await put('echo up >> ups')).status, 200);
  assert.equal((await plain.getStatus()).status, 'paused', 'stored, not run');
  for (const wanted of ['up\n', 'up\nup\n']) {
    await plain.resume();
    await until('it ran', async () => (await plain.exec.command('cat ups')).stdout === wanted);
    await plain.pause();
  }
  assert.equal((await put('x'.repeat(65537))).status, 400);
  assert.equal((await put(5)).status, 400);
});

test('skills: add, list, remove', async (t) => {
  const box = await s.box(t);
  assert.deepEqual(await box.skills.list(), []);
  await refused(box.skills.add('not a skill'), 400, /skill/);
  const added = await box.skills.add('upstash/box/box-sdk').then(() => true, (error) => error);
  if (added !== true) {
    // Without the network a skill cannot be fetched: it must be said, and nothing changed.
    assert.ok(added.statusCode >= 400, String(added));
    assert.deepEqual(await box.skills.list(), []);
    return;
  }
  assert.deepEqual(await box.skills.list(), ['upstash/box/box-sdk']);
  await box.skills.remove('upstash/box/box-sdk');
  assert.deepEqual(await box.skills.list(), []);
});

test('network: deny-all cuts TLS after its hello, and names resolve', async (t) => {
  const box = await s.box(t, { networkPolicy: { mode: 'deny-all' } });
  assert.deepEqual((await Box.get(box.id)).networkPolicy, { mode: 'deny-all' });
  const run = await box.exec.command('curl -s --max-time 5 https://example.com');
  assert.deepEqual([run.exitCode, run.stdout], [35, '']);
  assert.equal((await box.exec.command('getent hosts example.com >/dev/null')).exitCode, 0);
  assert.notEqual((await box.exec.command('curl -sf --max-time 5 http://example.com')).exitCode, 0);
  await until('the run\'s log names it', async () => (await box.logs()).some((l) => l.message.includes('example.com') && l.level !== 'info'))
    .catch(async () => assert.ok((await box.logs()).some((l) => /refused|denied|blocked/.test(l.message)), 'what was refused is in the logs'));
});

test('network: custom echoes what was set; private ranges never', async (t) => {
  const server = http.createServer((q, r) => r.end('inside')).listen(0, '0.0.0.0');
  t.after(() => server.close());
  await new Promise((done) => { server.once('listening', done); });
  const policy = { mode: 'custom', allowedDomains: ['localhost', '*.example.org'], allowedCidrs: ['127.0.0.0/8', '172.16.0.0/12'] };
  const box = await s.box(t, { networkPolicy: policy });
  const stored = (await get(box)).network_policy;
  assert.deepEqual(stored, { mode: 'custom', allowed_domains: policy.allowedDomains, allowed_cidrs: policy.allowedCidrs });
  const { port } = server.address();
  for (const host of ['127.0.0.1', '172.17.0.1', '169.254.169.254', 'localhost'])
    assert.notEqual((await box.exec.command(`curl -sf --max-time 4 http://${host}:${port}/`)).stdout, 'inside', host);
  assert.equal((await box.exec.command('curl -s --max-time 5 https://example.com')).exitCode, 35, 'not on the list');
});

test('network: updateNetworkPolicy on a running box at once', async (t) => {
  const box = await s.box(t, { networkPolicy: { mode: 'custom', allowedDomains: ['example.org'] } });
  await box.updateNetworkPolicy({ mode: 'deny-all' });
  assert.deepEqual((await get(box)).network_policy, { mode: 'deny-all' });
  assert.equal((await box.exec.command('curl -s --max-time 5 https://example.org')).exitCode, 35);
  await box.updateNetworkPolicy({ mode: 'custom', allowedDomains: ['a.example'], deniedCidrs: ['1.2.3.0/24'] });
  assert.deepEqual((await Box.get(box.id)).networkPolicy,
    { mode: 'custom', allowedDomains: ['a.example'], allowedCidrs: undefined, deniedCidrs: ['1.2.3.0/24'] });
  await box.updateNetworkPolicy({ mode: 'allow-all' });
  assert.deepEqual((await Box.get(box.id)).networkPolicy, { mode: 'allow-all' });
  await refused(box.updateNetworkPolicy({ mode: 'custom', allowedDomains: ['bad domain!'] }), 400, /allowed_domains/);
  assert.deepEqual((await get(box)).network_policy, { mode: 'allow-all' }, 'a refusal changes nothing');
});

test('network: a deny-all box becomes allow-all and back, its processes stay', async (t) => {
  const box = await s.box(t, { networkPolicy: { mode: 'deny-all' } });
  await sh(box, 'sleep 1000 & echo $! > pid');
  await box.updateNetworkPolicy({ mode: 'allow-all' });
  await sh(box, 'kill -0 $(cat pid)');
  await box.updateNetworkPolicy({ mode: 'deny-all' });
  await sh(box, 'kill -0 $(cat pid)');
  assert.equal((await box.exec.command('curl -s --max-time 5 https://example.com')).exitCode, 35);
});

test('what is not built answers 501 with its code', async () => {
  const answer = await s.raw('POST', '/v2/box', { body: { attach_headers: { 'a.example': { x: 'y' } } } });
  assert.deepEqual([answer.status, answer.body.code], [501, 'not_supported']);
  assert.match(answer.body.error, /attach/i);
  const browser = await s.raw('POST', '/v2/box', { body: { browser: true } });
  assert.deepEqual([browser.status, browser.body.code], [501, 'not_supported']);
  assert.deepEqual(await Box.list(), []);
});
