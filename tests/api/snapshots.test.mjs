// SPDX-License-Identifier: MIT
// Snapshots through Box and EphemeralBox: make, list, restore, delete.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Agent, Box, EphemeralBox } from '@upstash/box';
import { listInstance } from '../flow/lib/engine.mjs';
import { refused, sh, until, useService } from './lib/service.mjs';

const s = useService();
const images = async () => (await listInstance(s.instance)).snapshots.length;

test('snapshot holds files, env, git identity and agent; not name, labels, init command, schedules', async (t) => {
  const box = await s.box(t, { name: 'source', labels: ['old'], keepAlive: true, initCommand: 'touch /tmp/init-ran',
    env: { SECRET: 's3cret', OVER: 'old' }, git: { userName: 'Ann', userEmail: 'a@example.com' },
    agent: { harness: Agent.Custom, model: 'custom/one', customHarness: { command: 'python3', args: ['/workspace/home/h.py'] } } });
  await box.files.write({ path: 'h.py', content:
    'import json\nprint("event: done\\ndata: " + json.dumps({"output": "from the harness"}) + "\\n", flush=True)\n' });
  await sh(box, 'echo state > file; sudo sh -c "echo system > /opt/system"; ln -s file link; chmod 751 file; mkdir empty; echo x > /tmp/kept');
  await box.schedule.exec({ cron: '0 0 1 1 *', command: ['true'] });
  const snap = await box.snapshot({ name: 'all of it' });
  assert.deepEqual([snap.name, snap.box_id, snap.status], ['all of it', box.id, 'ready']);
  assert.ok(snap.size_bytes > 0 && Math.abs(snap.created_at - Date.now() / 1000) < 60);
  const restored = await Box.fromSnapshot(snap.id, { env: { OVER: 'new', MORE: 'x' } });
  t.after(() => restored.delete());
  assert.equal(await sh(restored, 'cat file link /opt/system; stat -c %a file; ls -d empty; echo $SECRET $OVER $MORE; git config user.name'),
    'state\nstate\nsystem\n751\nempty\ns3cret new x\nAnn\n');
  assert.deepEqual(restored.modelConfig.model, 'custom/one');
  assert.equal((await restored.agent.run({ prompt: 'x' })).result, 'from the harness');
  const data = (await s.raw('GET', `/v2/box/${restored.id}`)).body;
  assert.deepEqual(data.labels ?? [], []);
  assert.notEqual(data.name, 'source');
  assert.equal(data.keep_alive ?? false, false);
  assert.deepEqual(await restored.schedule.list(), []);
  assert.equal((await s.raw('GET', `/v2/box/${restored.id}/startup`)).body.init_command ?? '', '');
  await Box.deleteSnapshots({ snapshotIds: snap.id });
});

test('snapshot of an idle box, a working one and a paused one', async (t) => {
  const box = await s.box(t);
  await sh(box, 'echo 1 > f');
  const a = await box.snapshot({ name: 'idle' });
  const work = box.exec.command('sleep 3; echo slept');
  const b = await box.snapshot({ name: 'working' });
  assert.equal((await work).stdout, 'slept\n', 'a snapshot disturbs no run');
  await box.pause();
  const c = await box.snapshot({ name: 'paused' });
  assert.equal((await box.getStatus()).status, 'paused', 'and wakes nobody');
  assert.deepEqual((await box.listSnapshots()).map((x) => x.name), ['paused', 'working', 'idle']);
  for (const snap of [a, b, c]) {
    const again = await s.box(t, undefined).then(async (x) => { await x.delete(); return Box.fromSnapshot(snap.id); });
    t.after(() => again.delete());
    assert.equal(await sh(again, 'cat f'), '1\n');
  }
});

test('snapshots of one box at the same time', async (t) => {
  const box = await s.box(t);
  await sh(box, 'echo same > f');
  const snaps = await Promise.all([1, 2, 3].map((i) => box.snapshot({ name: `n${i}` })));
  assert.equal(new Set(snaps.map((x) => x.id)).size, 3);
  assert.equal((await box.listSnapshots()).length, 3);
  await Box.deleteSnapshots({ snapshotIds: snaps.map((x) => x.id) });
  assert.deepEqual(await box.listSnapshots(), []);
});

test('a snapshot outlives its box, and its restored boxes outlive it', async (t) => {
  const box = await s.box(null);
  await sh(box, 'echo survivor > f');
  const snap = await box.snapshot({ name: 'later' });
  await box.delete();
  const [x, y] = await Promise.all([Box.fromSnapshot(snap.id), Box.fromSnapshot(snap.id)]);
  t.after(() => Box.delete({ boxIds: [x.id, y.id] }));
  await sh(x, 'echo changed > f');
  assert.equal(await sh(y, 'cat f'), 'survivor\n', 'branches do not see each other');
  assert.deepEqual(await Box.deleteSnapshots({ snapshotIds: snap.id }), { deleted: 1 });
  assert.equal(await sh(y, 'cat f'), 'survivor\n');
  await y.pause();
  assert.equal(await sh(y, 'cat f'), 'survivor\n');
  await refused(Box.fromSnapshot(snap.id), 404);
});

test('deleteSnapshot takes it from the list and from the Engine', async (t) => {
  const box = await s.box(t);
  const before = await images();
  const snap = await box.snapshot({ name: 'short' });
  assert.equal(await images(), before + 1);
  await box.deleteSnapshot(snap.id);
  assert.ok(!(await box.listSnapshots()).some((x) => x.id === snap.id));
  await until('the image is gone', async () => await images() === before);
  await refused(box.deleteSnapshot(snap.id), 404);
  await refused(box.deleteSnapshot('no-such'), 404);
});

test('deleteSnapshots without ids deletes all of the account', async (t) => {
  const box = await s.box(t);
  await box.snapshot({ name: 'a' });
  await box.snapshot({ name: 'b' });
  const { deleted } = await Box.deleteSnapshots();
  assert.ok(deleted >= 2);
  assert.deepEqual(await box.listSnapshots(), []);
  assert.deepEqual(await EphemeralBox.deleteSnapshots(), { deleted: 0 });
});

test('a snapshot of a snapshot\'s box holds both layers', async (t) => {
  const box = await s.box(t);
  await sh(box, 'echo 1 > one');
  const first = await box.snapshot({ name: 'first' });
  const second = await Box.fromSnapshot(first.id);
  t.after(() => second.delete());
  await sh(second, 'echo 2 > two; rm one');
  const snap = await second.snapshot({ name: 'second' });
  await Box.deleteSnapshots({ snapshotIds: first.id });
  const third = await Box.fromSnapshot(snap.id);
  t.after(() => third.delete());
  assert.equal(await sh(third, 'ls'), 'two\n');
  await Box.deleteSnapshots({ snapshotIds: [snap.id] });
});

test('fromSnapshot of what is not there, and with a bad name', async () => {
  await refused(Box.fromSnapshot('no-such-snapshot'), 404, /snapshot/);
  await refused(EphemeralBox.fromSnapshot('no-such-snapshot'), 404, /snapshot/);
  const answer = await s.raw('POST', '/v2/box/from-snapshot', { body: {} });
  assert.equal(answer.status, 400);
  assert.match(answer.body.error, /snapshot_id/);
});
