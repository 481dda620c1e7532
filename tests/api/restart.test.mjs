// SPDX-License-Identifier: MIT
// The service is killed at any moment: nothing is lost, nothing is left.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Agent, Box } from '@upstash/box';
import { listInstance, removeImage } from '../flow/lib/engine.mjs';
import { sh, until, useService } from './lib/service.mjs';

const s = useService();
const wait = (ms) => new Promise((done) => { setTimeout(done, ms); });
// Whatever is asked while the service dies.
const ask = (promise) => promise.then((value) => ({ value }), (error) => ({ error }));
const settled = () => until('no box is between two states', async () =>
  (await Box.list()).every((b) => !['creating', 'deleting'].includes(b.status)));

for (const ms of [15, 60, 150, 300])
  test(`killed ${ms} ms into the creation of four boxes`, async () => {
    const asked = Array.from({ length: 4 }, (_, i) => ask(s.raw('POST', '/v2/box', { body: { name: `made-${ms}-${i}` } })));
    await wait(ms);
    await s.boxwright.restart();
    const answers = await Promise.all(asked);
    await settled();
    const list = await Box.list();
    for (const { value } of answers)
      if (value?.status < 300) assert.ok(list.some((b) => b.id === value.body.id), 'what was confirmed is there');
    for (const b of list) {
      if (b.status === 'error') continue;
      assert.equal(await sh(await Box.get(b.id), 'echo usable'), 'usable\n');
    }
    const { boxes } = await listInstance(s.instance);
    assert.equal(boxes.length, list.filter((b) => b.status !== 'error').length, 'as many containers as boxes');
    await Box.delete({ boxIds: list.map((b) => b.id) });
    await until('none is left', async () => (await listInstance(s.instance)).boxes.length === 0);
  });

test('killed while commands run: each goes on, ends with its own code, and is listed once', async (t) => {
  const box = await s.box(t);
  const asked = [1, 2, 3].map((i) => ask(box.exec.command(`for n in 1 2 3 4 5 6; do echo ${i}-$n >> out-${i}; sleep 0.3; done; exit ${i - 1}`)));
  await until('they run', async () => (await box.listRuns()).filter((r) => r.status === 'running').length === 3, { every: 30 });
  await wait(300);
  await s.boxwright.kill();
  await wait(500);
  await s.boxwright.launch();
  await Promise.all(asked);
  const runs = await until('they have ended', async () => {
    const all = await box.listRuns();
    return all.every((r) => r.status !== 'running') && all;
  });
  assert.equal(runs.length, 3);
  for (const i of [1, 2, 3]) {
    const run = runs.find((r) => r.prompt.includes(`out-${i}`));
    assert.equal(run.status, i === 1 ? 'completed' : 'failed', run.prompt);
    assert.ok(run.duration_ms >= 1700 && run.completed_at >= run.created_at);
    assert.equal(await sh(box, `cat out-${i}`), [1, 2, 3, 4, 5, 6].map((n) => `${i}-${n}\n`).join(''));
  }
  assert.equal((await box.getStatus()).status, 'idle');
});

test('killed twice while an agent works: its output is whole, its webhook comes once', async (t) => {
  const { receiver } = await import('./lib/receiver.mjs');
  const hook = await receiver(t);
  const box = await s.box(t, { agent: { harness: Agent.Custom, customHarness: { command: 'python3', args: ['h.py'] } } });
  await box.files.write({ path: 'h.py', content: `
import json, time
def say(event, **data): print("event: %s\\ndata: %s\\n" % (event, json.dumps(data)), flush=True)
for i in range(12):
    say("text", text="%d " % i); time.sleep(0.25)
say("done", output="", input_tokens=100, output_tokens=10, total_cost_usd=0.5, session_id="s")` });
  const run = await box.agent.run({ prompt: 'count', webhook: { url: hook.url } });
  for (let i = 0; i < 2; i++) {
    await wait(700);
    await s.boxwright.restart();
  }
  const { body } = await hook.next();
  assert.deepEqual([body.run_id, body.status, body.output.trim()], [run.id, 'completed', '0 1 2 3 4 5 6 7 8 9 10 11']);
  const [listed] = await box.listRuns();
  assert.deepEqual([listed.id, listed.status, listed.input_tokens], [run.id, 'completed', 100], 'tokens are counted once');
  assert.equal((await s.raw('GET', `/v2/box/${box.id}`)).body.total_prompts, 1);
  await wait(1500);
  assert.equal(hook.calls.length, 1);
});

test('killed while a snapshot is made: it is ready or gone, and no image is left', async (t) => {
  const box = await s.box(t);
  await sh(box, 'head -c 30000000 /dev/urandom > big; echo x > f');
  for (const ms of [20, 120, 400]) {
    const asked = ask(s.raw('POST', `/v2/box/${box.id}/snapshots`, { body: { name: `at-${ms}` } }));
    await wait(ms);
    await s.boxwright.restart();
    const { value } = await asked;
    const list = await until('no snapshot is between two states', async () => {
      const all = await box.listSnapshots();
      return all.every((x) => x.status !== 'creating') && all;
    });
    if (value?.status < 300) assert.ok(list.some((x) => x.id === value.body.id && x.status === 'ready'), 'what was confirmed is there');
    for (const snap of list.filter((x) => x.status === 'ready' && x.name === `at-${ms}`)) {
      const again = await Box.fromSnapshot(snap.id);
      assert.equal(await sh(again, 'cat f; stat -c %s big'), 'x\n30000000\n');
      await again.delete();
    }
  }
  assert.equal(await sh(box, 'cat f'), 'x\n', 'the box itself goes on');
  await Box.deleteSnapshots();
  // What the Engine went on to commit for the dead has no name; it is swept when it is ten minutes old.
  await until('no named image is left', async () => (await listInstance(s.instance)).snapshots.every((i) => i.startsWith('sha256:')));
  for (const id of (await listInstance(s.instance)).snapshots) await removeImage(id);
});

test('killed while boxes are deleted: they go', async () => {
  const boxes = await Promise.all([1, 2, 3].map(() => s.box(null)));
  const asked = ask(s.raw('DELETE', '/v2/box', { body: { ids: boxes.map((b) => b.id) } }));
  await wait(25);
  await s.boxwright.restart();
  await asked;
  await settled();
  await until('no container is without a box', async () =>
    (await listInstance(s.instance)).boxes.length === (await Box.list()).length);
  const list = (await Box.list()).map((b) => b.id);
  await Box.delete({ boxIds: list });
});

test('killed between pause and resume: files, env and status are as they were', async (t) => {
  const box = await s.box(t, { env: { E: 'env' }, labels: ['l'], networkPolicy: { mode: 'deny-all' } });
  await sh(box, 'echo f > f');
  const paused = ask(box.pause());
  await wait(20);
  await s.boxwright.restart();
  await paused;
  assert.ok(['idle', 'paused'].includes((await box.getStatus()).status));
  await box.pause();
  await s.boxwright.restart();
  assert.equal((await box.getStatus()).status, 'paused');
  assert.equal(await sh(box, 'cat f; echo $E'), 'f\nenv\n');
  assert.equal((await box.exec.command('curl -s --max-time 5 https://example.com')).exitCode, 35, 'the policy too');
});

test('killed while files go up: no half a file under its name', async (t) => {
  const box = await s.box(t);
  await box.files.write({ path: 'whole', content: 'old' });
  const asked = ask(s.raw('POST', `/v2/box/${box.id}/files/write`, { body: { path: 'whole', content: 'n'.repeat(3000000) } }));
  await wait(8);
  await s.boxwright.restart();
  await asked;
  const size = (await sh(box, 'stat -c %s whole')).trim();
  assert.ok(size === '3' || size === '3000000', size);
});
