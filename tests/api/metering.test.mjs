// SPDX-License-Identifier: MIT
// Active CPU of runs and boxes, beside the Engine's own counters, over pause, resume and a
// restart of the service; memory peaks, storage, cost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Box } from '@upstash/box';
import { boxStats } from '../flow/lib/engine.mjs';
import { sh, until, useService } from './lib/service.mjs';

const s = useService();
const burn = (seconds) => `python3 -c "import time; e = time.process_time() + ${seconds}
while time.process_time() < e: pass"`;
const data = async (box) => (await s.raw('GET', `/v2/box/${box.id}`)).body;
// The container's cgroup, as the Engine reads it, in nanoseconds.
const cgroup = async (box) => (await boxStats((await s.container(box.id)).Id)).cpu_stats.cpu_usage.total_usage;
let box;
test('a box for all that follows', async () => { box = await s.box(null); });

test('a run\'s CPU is what it burned, in the list and in the exit frame', async () => {
  await box.exec.command(burn(1));
  const [run] = await box.listRuns();
  assert.ok(run.cpu_ns > 0.95e9 && run.cpu_ns < 1.35e9, `${run.cpu_ns}`);
  assert.ok(Math.abs(run.compute_cost_usd - run.cpu_ns / 3.6e12 * 0.1) < 1e-9, `${run.compute_cost_usd}`);
  let end;
  for await (const chunk of await box.exec.stream(burn(0.5))) if (chunk.type === 'exit') end = chunk;
  assert.ok(end.cpuNs > 0.45e9 && end.cpuNs < 0.8e9, `${end.cpuNs}`);
  assert.ok(Math.abs((await box.listRuns())[0].cpu_ns - end.cpuNs) < 1e6);
});

test('children of children and both processors count; waiting does not', async () => {
  await box.exec.command(`(${burn(0.4)}) & (${burn(0.4)}) & wait`);
  const [both] = await box.listRuns();
  assert.ok(both.cpu_ns > 0.75e9 && both.cpu_ns < 1.3e9, `${both.cpu_ns}`);
  await box.exec.command('sleep 1');
  const [waiting] = await box.listRuns();
  assert.ok(waiting.cpu_ns < 0.05e9, `${waiting.cpu_ns}`);
  assert.ok(waiting.duration_ms >= 1000);
});

test('the box\'s total agrees with the cgroup, and with its runs', async (t) => {
  const own = await s.box(t);
  for (let i = 0; i < 3; i++) await own.exec.command(burn(0.4));
  // A burst of commands is one reading, taken a moment after the last.
  const total = await until('the total is read', async () => {
    const [mine, engine] = [(await data(own)).total_cpu_ns, await cgroup(own)];
    assert.ok(Math.abs(mine - engine) < 0.02 * engine, `we say ${mine}, the Engine ${engine}`);
    return { mine, engine };
  });
  const runs = (await own.listRuns()).reduce((sum, r) => sum + r.cpu_ns, 0);
  t.diagnostic(`runs ${runs / 1e6} ms, box ${total.mine / 1e6} ms, cgroup ${total.engine / 1e6} ms`);
  assert.ok(runs >= 1.15e9 && runs <= total.engine * 1.02, 'runs are a part of it');
  assert.ok(total.mine >= runs * 0.98, 'the box has no less than its runs');
  const cost = (await data(own)).total_compute_cost_usd;
  assert.ok(cost > 0 && Math.abs(cost - total.mine / 3.6e12 * 0.1) < cost * 0.2);
});

test('what a background process burns is the box\'s', async (t) => {
  const own = await s.box(t);
  const before = (await data(own)).total_cpu_ns;
  await sh(own, `(${burn(1)}) >/dev/null 2>&1 & `);
  await until('it is metered', async () => (await data(own)).total_cpu_ns - before > 0.9e9);
});

test('the total survives pause, resume and a kill of the service', async (t) => {
  const own = await s.box(t);
  await own.exec.command(burn(0.6));
  await own.pause();
  const first = (await data(own)).total_cpu_ns;
  assert.ok(first > 0.6e9, `${first}`);
  await own.resume();
  await own.exec.command(burn(0.6));
  await own.pause();
  const second = (await data(own)).total_cpu_ns;
  assert.ok(second - first > 0.6e9 && second - first < 1.4e9, `${second - first}: counted once, though the cgroup began anew`);
  await own.resume();
  await own.exec.command(burn(0.6));
  await s.boxwright.restart();
  await own.exec.command(burn(0.3));
  await own.pause();
  const third = (await data(own)).total_cpu_ns;
  assert.ok(third - second > 0.85e9 && third - second < 2e9, `${third - second}: nothing lost or doubled by the restart`);
});

test('a run over a kill of the service keeps its CPU', async (t) => {
  const own = await s.box(t);
  const asked = own.exec.command(`${burn(0.5)}; sleep 2; ${burn(0.5)}; echo over`).catch((error) => error);
  await new Promise((done) => { setTimeout(done, 1200); });
  await s.boxwright.restart();
  await asked;
  const run = await until('it has ended', async () => (await own.listRuns()).find((r) => r.status !== 'running'));
  assert.equal(run.status, 'completed');
  assert.ok(run.cpu_ns > 0.9e9 && run.cpu_ns < 1.6e9, `${run.cpu_ns}`);
});

test('usage of the account: boxes, days, total; it stays when boxes go', async () => {
  const own = await s.box(null, { name: 'metered' });
  await own.exec.command(burn(0.4));
  await own.pause();
  await own.delete();
  const usage = (await s.raw('GET', '/v2/box/usage')).body ?? {};
  const answer = usage.total ? usage : (await s.raw('GET', '/v1/usage')).body;
  assert.ok(answer.total, JSON.stringify(answer));
  assert.ok(Array.isArray(answer.boxes) && answer.days.length >= 1);
  const { code, stdout, stderr } = await s.cli('box', 'usage', '--json');
  assert.equal(code, 0, stderr);
  assert.ok(JSON.parse(stdout).total);
});

test('many metered runs at once add up', async (t) => {
  const own = await s.box(t);
  await Promise.all(Array.from({ length: 6 }, () => own.exec.command(burn(0.2))));
  const runs = await own.listRuns();
  for (const r of runs) assert.ok(r.cpu_ns > 0.18e9 && r.cpu_ns < 0.45e9, `${r.cpu_ns}: each its own, not its neighbours'`);
});

test('the box goes', () => Box.delete({ boxIds: box.id }));
