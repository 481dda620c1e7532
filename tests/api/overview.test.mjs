// SPDX-License-Identifier: MIT
// The public overview page of the hosted product: its samples run as they stand, and what it
// promises of the life of a box is shown.  Isolation, network and agents: overview_isolation.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Box } from '@upstash/box';
import { runSample } from './lib/samples.mjs';
import { refused, sh, until, useService } from './lib/service.mjs';

const s = useService();

test('sample: create, list, get', async () => {
  const { box, boxes, sameBox } = await runSample('create or reconnect', { Box }, ['box', 'boxes', 'sameBox']);
  assert.ok(box instanceof Box && sameBox instanceof Box);
  assert.equal(sameBox.id, box.id);
  assert.deepEqual(boxes.map((b) => b.id), [box.id]);
  await box.delete();
});

test('sample: getStatus, logs, listRuns', async (t) => {
  const box = await s.box(t);
  await box.exec.command('echo work');
  const { status, logs, runs } = await runSample('check status and inspect activity', { Box, box }, ['status', 'logs', 'runs']);
  assert.equal(status, 'idle');
  assert.ok(logs.length >= 1);
  assert.equal(runs.length, 1);
});

test('sample: pause, resume', async (t) => {
  const box = await s.box(t);
  await runSample('pause or resume', { Box, box });
  assert.equal((await box.getStatus()).status, 'idle');
  assert.match(JSON.stringify(await box.logs()), /paus/i);
});

test('sample: snapshot, fromSnapshot', async (t) => {
  const box = await s.box(t);
  await sh(box, 'echo prepared > setup');
  const { snapshot, restored } = await runSample('snapshot and restore', { Box, box }, ['snapshot', 'restored']);
  t.after(() => restored.delete());
  assert.equal(snapshot.name, 'after-setup');
  assert.equal(await sh(restored, 'cat setup'), 'prepared\n');
  await Box.deleteSnapshots({ snapshotIds: snapshot.id });
});

test('sample: delete', async () => {
  const box = await s.box(null);
  await runSample('delete', { Box, box });
  await refused(Box.get(box.id), 404);
});

test('all samples in their order, each with what the former ones left', async () => {
  const { box } = await runSample('create or reconnect', { Box }, ['box']);
  await runSample('check status and inspect activity', { Box, box });
  await runSample('pause or resume', { Box, box });
  const { snapshot, restored } = await runSample('snapshot and restore', { Box, box }, ['snapshot', 'restored']);
  await runSample('delete', { Box, box });
  await runSample('delete', { Box, box: restored });
  await Box.deleteSnapshots({ snapshotIds: snapshot.id });
  assert.deepEqual(await Box.list(), []);
});

test('commands go in, structured results come out, nothing to be managed', async (t) => {
  const box = await s.box(t);
  const run = await box.exec.command('echo out; echo err >&2; exit 4');
  assert.deepEqual([run.stdout, run.stderr, run.exitCode, run.status], ['out\n', 'err\n', 4, 'failed']);
});

test('state stays from run to run: files, packages, git history', async (t) => {
  const box = await s.box(t);
  await sh(box, 'printf "#!/bin/sh\\necho tool\\n" > own-tool && sudo install -m 755 own-tool /usr/local/bin/own-tool');
  await sh(box, 'git init -q . && git add -A && git commit -qm one');
  await sh(box, 'echo 2 >> own-tool && git commit -qam two');
  assert.equal(await sh(box, 'own-tool; git log --format=%s'), 'tool\ntwo\none\n');
});

test('a runtime is chosen: node, python', async (t) => {
  for (const [runtime, command, says] of [['node', 'node -e "console.log(1 + 1)"', '2\n'], ['python', 'python3 -c "print(1 + 1)"', '2\n']]) {
    const box = await s.box(t, { runtime });
    assert.equal(await sh(box, command), says);
  }
});

test('runtimes golang, ruby, rust', { skip: !process.env.BOXWRIGHT_LONG && 'BOXWRIGHT_LONG=1 builds their images' }, async (t) => {
  for (const [runtime, command] of [['golang', 'go version'], ['ruby', 'ruby --version'], ['rust', 'cargo --version && rustc --version']]) {
    const box = await s.box(t, { runtime });
    assert.match(await sh(box, command), /\d+\.\d+/);
  }
});

test('shell, files, git and snapshots are five minutes of one box', async (t) => {
  const box = await s.box(t);
  await box.files.write({ path: 'repo/a.txt', content: 'one\n' });
  await box.cd('repo');
  await sh(box, 'git init -q');
  await box.git.commit({ message: 'first' });
  await box.files.write({ path: 'a.txt', content: 'two\n' });
  assert.match(await box.git.diff(), /-one\n\+two/);
  assert.deepEqual((await box.files.list()).map((f) => f.name).filter((n) => n !== '.git'), ['a.txt']);
});

test('output streams back while the command runs, of both pipes', async (t) => {
  const box = await s.box(t);
  const read = [];
  const wait = (n) => `until [ -e read.${n} ]; do sleep 0.05; done`;
  for await (const c of await box.exec.stream(`echo one; ${wait(1)}; echo two >&2; ${wait(2)}; echo three`)) {
    if (c.type !== 'output') continue;
    read.push(c.data);
    await sh(box, `touch read.${read.length}`);
  }
  assert.deepEqual(read, ['one\n', 'two\n', 'three\n']);
});

test('no commands for 30 minutes: it is paused by itself; one that worked lately is not', async (t) => {
  const [idle, busy, kept] = [await s.box(t), await s.box(t), await s.box(t, { keepAlive: true })];
  await sh(idle, 'echo stays > f');
  await s.boxwright.kill();
  const ago = (minutes) => Date.now() - minutes * 60000;
  for (const [box, minutes] of [[idle, 31], [busy, 25], [kept, 31]])
    s.change('UPDATE box SET active_ms = ? WHERE id = ?', ago(minutes), box.id);
  await s.boxwright.launch();
  await until('it is paused', async () => (await idle.getStatus()).status === 'paused', { ms: 40000 });
  assert.equal((await busy.getStatus()).status, 'idle');
  assert.equal((await kept.getStatus()).status, 'idle', 'keep-alive');
  await until('it says why', async () => (await idle.logs()).some((l) => /idle/.test(l.message) && /30/.test(l.message)));
  assert.equal(await sh(idle, 'cat f'), 'stays\n', 'new work wakes it');
});

test('weeks later it is still there and goes on: no maximum session', async (t) => {
  const box = await s.box(t, { env: { WORD: 'kept' } });
  await sh(box, 'echo three weeks > f');
  await box.pause();
  assert.ok(!(await s.raw('GET', `/v2/box/${box.id}`)).body.expires_at);
  await s.boxwright.kill();
  const then = Date.now() - 21 * 86400000;
  s.change('UPDATE box SET active_ms = ?, created_ms = ?, updated_ms = ? WHERE id = ?', then, then, then, box.id);
  await s.boxwright.launch();
  await new Promise((done) => { setTimeout(done, 2500); });
  const again = await Box.get(box.id);
  assert.equal((await again.getStatus()).status, 'paused');
  await again.resume();
  assert.equal(await sh(again, 'cat f; echo $WORD'), 'three weeks\nkept\n');
});

test('paused: compute is given back, files and environment are kept, no CPU is charged', async (t) => {
  const box = await s.box(t, { env: { E: 'env' } });
  await sh(box, 'echo f > f; for i in $(seq 200000); do :; done');
  await box.pause();
  assert.equal((await s.container(box.id)).State.Running, false);
  const before = (await s.raw('GET', `/v2/box/${box.id}`)).body;
  await new Promise((done) => { setTimeout(done, 2500); });
  const after = (await s.raw('GET', `/v2/box/${box.id}`)).body;
  assert.equal(after.status, 'paused');
  assert.equal(after.total_cpu_ns, before.total_cpu_ns);
  assert.equal(after.total_compute_cost_usd, before.total_compute_cost_usd);
  assert.equal(await sh(box, 'cat f; echo $E'), 'f\nenv\n');
});

test('deletion is for good, and snapshots are not affected by it', async (t) => {
  const box = await s.box(null);
  await sh(box, 'echo saved > f');
  const snap = await box.snapshot({ name: 'before' });
  await box.delete();
  await refused(Box.get(box.id), 404);
  await refused(box.resume(), 404);
  const again = await Box.fromSnapshot(snap.id);
  t.after(() => again.delete());
  assert.equal(await sh(again, 'cat f'), 'saved\n');
  await Box.deleteSnapshots({ snapshotIds: snap.id });
});
