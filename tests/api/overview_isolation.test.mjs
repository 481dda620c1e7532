// SPDX-License-Identifier: MIT
// What the public overview page promises of isolation, network, sizes, metering and agents.
import assert from 'node:assert/strict';
import http from 'node:http';
import os from 'node:os';
import { test } from 'node:test';
import { Agent, Box } from '@upstash/box';
import { refused, sh, until, useService } from './lib/service.mjs';

const s = useService();
let a;
let b;
test('two boxes', async () => { [a, b] = await Promise.all([s.box(null), s.box(null)]); });

test('each box has an id and a container of its own', async () => {
  assert.notEqual(a.id, b.id);
  const [x, y] = [await s.container(a.id), await s.container(b.id)];
  assert.notEqual(x.Id, y.Id);
});

test('files: nothing is shared between boxes or with the host', async () => {
  await sh(a, 'echo secret > /workspace/home/mine; echo t > /tmp/mine; sudo sh -c "echo r > /opt/mine"; echo shm > /dev/shm/mine');
  for (const file of ['/workspace/home/mine', '/tmp/mine', '/opt/mine', '/dev/shm/mine'])
    assert.equal((await b.exec.command(`test -e ${file}`)).exitCode, 1, file);
  const { Mounts, HostConfig } = await s.container(a.id);
  assert.deepEqual(Mounts.filter((m) => m.Type === 'bind'), [], 'no folder of the host');
  const others = (await s.container(b.id)).Mounts.map((m) => m.Name).filter(Boolean);
  assert.ok(!Mounts.some((m) => m.RW && others.includes(m.Name)), 'no volume that both could write');
  assert.equal(HostConfig.Privileged, false);
  assert.equal((await a.exec.command('test -e /var/run/docker.sock -o -e /run/boxwright')).exitCode, 1);
});

test('processes: one box neither sees nor signals another\'s', async () => {
  await sh(a, 'sleep 4242 & echo $! > pid');
  const seen = await sh(b, 'ps -eo args 2>/dev/null || for p in /proc/[0-9]*; do tr "\\0" " " < $p/cmdline; echo; done');
  assert.ok(!seen.includes('4242'), seen);
  assert.ok(!seen.includes('boxwright serve'), 'nor those of the host');
  const pid = (await sh(a, 'cat pid')).trim();
  await b.exec.command(`sudo kill -9 ${pid}; sudo pkill -9 -f "sleep 4242"`);
  await sh(a, 'kill -0 $(cat pid)');
  const { HostConfig } = await s.container(a.id);
  assert.ok(!HostConfig.PidMode && HostConfig.IpcMode !== 'host' && HostConfig.NetworkMode !== 'host');
});

test('network: a box reaches no other box', async () => {
  const at = (await sh(b, 'hostname -I 2>/dev/null || true')).trim().split(/\s+/)[0];
  await sh(b, 'python3 -m http.server 8555 --bind 0.0.0.0 >/dev/null 2>&1 &');
  await until('it serves', async () => (await b.exec.command('curl -sf -o /dev/null localhost:8555')).exitCode === 0);
  if (at) assert.notEqual((await a.exec.command(`curl -s --max-time 3 http://${at}:8555/`)).exitCode, 0, at);
  assert.notEqual((await a.exec.command(`curl -s --max-time 3 http://${b.id}:8555/`)).exitCode, 0);
});

test('network: a box does not reach the host or the service', async (t) => {
  const server = http.createServer((q, r) => r.end('the host'));
  await new Promise((done) => { server.listen(0, '0.0.0.0', done); });
  t.after(() => { server.closeAllConnections(); server.close(); });
  const { port } = server.address();
  const own = Object.values(os.networkInterfaces()).flat().filter((i) => i.family === 'IPv4').map((i) => i.address);
  assert.ok(own.some((x) => x !== '127.0.0.1'));
  for (const host of [...own, 'host.docker.internal'])
    for (const who of ['', 'sudo ']) {
      const run = await a.exec.command(`${who}curl -s --max-time 3 http://${host}:${port}/`);
      assert.notEqual(run.stdout, 'the host', host);
    }
  assert.notEqual((await a.exec.command(`curl -s --max-time 3 ${s.url}/healthz`)).exitCode, 0);
  assert.notEqual((await a.exec.command('curl -s --max-time 3 http://169.254.169.254/')).exitCode, 0, 'metadata');
});

test('network: names, TCP and HTTP go out', async (t) => {
  const find = "cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -om1 'https\\?://[^/ ]*' | cut -d/ -f3";
  const host = (await sh(a, find)).trim();
  const here = await fetch(`http://${host}/`, { signal: AbortSignal.timeout(8000) }).catch(() => null);
  if (!here) return t.skip(`this host itself cannot reach ${host}`);
  await sh(a, `getent hosts ${host.split(':')[0]}`);
  await sh(a, `timeout 8 bash -c 'exec 3<>/dev/tcp/${host.split(':')[0]}/${host.split(':')[1] ?? 80}'`);
  await sh(a, `curl -s -o /dev/null --max-time 10 http://${host}/`);
  return undefined;
});

test('it can install packages', async (t) => {
  const run = await a.exec.command('sudo apt-get -qq update >/dev/null 2>&1 && sudo DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends hello >/dev/null 2>&1 && hello');
  if (run.exitCode === 100) return t.skip('no Debian mirror is reached from here');
  assert.match(run.stdout, /Hello, world/);
  return undefined;
});

test('its size is what it says: small is 2 processors and 4 GiB', async () => {
  const { HostConfig } = await s.container(a.id);
  const cpus = HostConfig.NanoCpus / 1e9 || HostConfig.CpuQuota / HostConfig.CpuPeriod;
  assert.equal(cpus, 2);
  assert.ok(Math.abs(HostConfig.Memory - 4 * 2 ** 30) < 2 ** 20 || HostConfig.Memory === 4e9, `${HostConfig.Memory}`);
  assert.equal(a.size, 'small');
});

test('every call is authenticated', async () => {
  await refused(Box.list({ apiKey: 'wrong' }), 401);
  assert.equal((await s.raw('GET', '/v2/box', { key: null })).status, 401);
});

test('CPU is metered while it works, not while it idles', async (t) => {
  const box = await s.box(t);
  const total = async () => (await s.raw('GET', `/v2/box/${box.id}`)).body.total_cpu_ns;
  const before = await total();
  await sh(box, 'python3 -c "import time; e = time.process_time() + 0.6\nwhile time.process_time() < e: pass"');
  const worked = await until('it is metered', async () => { const now = await total(); return now - before > 0.55e9 && now; });
  assert.ok(worked - before < 1.5e9, `${worked - before}`);
  await new Promise((done) => { setTimeout(done, 3000); });
  assert.ok(await total() - worked < 0.1e9, 'idling is nearly free');
});

test('the built-in agents are there: Claude Code and Codex', async () => {
  assert.match(await sh(a, 'claude --version'), /\d+\.\d+/);
  assert.match(await sh(a, 'codex --version'), /\d+\.\d+/);
});

test('the model is chosen when a box is made; an agent has the box\'s shell, files and git', async (t) => {
  const box = await s.box(t, { agent: { harness: Agent.Custom, model: 'custom/chosen', customHarness: { command: 'python3', args: ['h.py'] } } });
  await box.files.write({ path: 'h.py', content: `
import json, pathlib, subprocess, sys
sh = lambda *argv: subprocess.run(argv, capture_output=True, text=True).stdout.strip()
model = sys.argv[sys.argv.index("--model") + 1]
sh("git", "init", "-q", "made"); pathlib.Path("made/file").write_text(sh("id", "-un"))
print("event: done\\ndata: " + json.dumps({"output": model, "session_id": "1"}) + "\\n", flush=True)` });
  assert.equal(box.modelConfig.model, 'custom/chosen');
  assert.equal((await box.agent.run({ prompt: 'x' })).result, 'custom/chosen');
  assert.equal(await box.files.read('made/file'), 'boxuser', 'it shares them with the API');
  await box.cd('made');
  assert.match(await box.git.status(), /\?\? file/);
});

test('the two boxes go', () => Box.delete({ boxIds: [a.id, b.id] }));
