// SPDX-License-Identifier: MIT
// EphemeralBox: what a short-lived box can do, and that it goes by itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Box, EphemeralBox } from '@upstash/box';
import { refused, sh, until, useService } from './lib/service.mjs';

const s = useService();

test('create is usable at once and tells when it ends; the default is three days', async (t) => {
  const box = await s.ephemeral(t, { name: 'short-one', labels: ['e'], env: { A: 'b' }, runtime: 'node' });
  assert.ok(Math.abs(box.expiresAt - (Date.now() / 1000 + 259200)) < 30, `${box.expiresAt}`);
  assert.equal(await sh(box, 'echo $A'), 'b\n');
  assert.equal((await box.getStatus()).status, 'idle');
  const data = (await s.raw('GET', `/v2/box/${box.id}`)).body;
  assert.deepEqual([data.ephemeral, data.expires_at, data.status], [true, box.expiresAt, 'idle']);
  assert.equal((await EphemeralBox.getByName('short-one')).id, box.id);
});

test('exec, code, streams, files, cd, schedule, network policy', async (t) => {
  const box = await s.ephemeral(t, { ttl: 600, networkPolicy: { mode: 'deny-all' } });
  assert.deepEqual(box.networkPolicy, { mode: 'deny-all' });
  assert.equal((await box.exec.code({ lang: 'js', code: 'console.log(6 * 7)' })).stdout, '42\n');
  const stream = await box.exec.stream('echo streamed; exit 2');
  let said = '';
  for await (const chunk of stream) if (chunk.type === 'output') said += chunk.data;
  assert.deepEqual([said, stream.exitCode], ['streamed\n', 2]);
  await box.files.write({ path: 'dir/f', content: 'x' });
  await box.cd('dir');
  assert.equal(box.cwd, '/workspace/home/dir');
  assert.equal(await box.files.read('f'), 'x');
  const schedule = await box.schedule.exec({ cron: '0 0 1 1 *', command: ['true'] });
  assert.deepEqual((await box.schedule.list()).map((x) => x.id), [schedule.id]);
});

test('snapshot, listSnapshots, fromSnapshot, deleteSnapshot', async (t) => {
  const box = await s.ephemeral(t, { ttl: 600 });
  await sh(box, 'echo kept > f');
  const snap = await box.snapshot({ name: 'of-short' });
  assert.deepEqual((await box.listSnapshots()).map((x) => x.id), [snap.id]);
  const again = await EphemeralBox.fromSnapshot(snap.id, { ttl: 300, env: { N: '1' } });
  t.after(() => again.delete());
  assert.ok(Math.abs(again.expiresAt - (Date.now() / 1000 + 300)) < 30);
  assert.equal(await sh(again, 'cat f; echo $N'), 'kept\n1\n');
  const ordinary = await Box.fromSnapshot(snap.id);
  t.after(() => ordinary.delete());
  assert.equal(await sh(ordinary, 'cat f'), 'kept\n');
  assert.ok(!(await s.raw('GET', `/v2/box/${ordinary.id}`)).body.ephemeral);
  await box.deleteSnapshot(snap.id);
  assert.deepEqual(await box.listSnapshots(), []);
});

test('it is deleted when its time has come, with all it had', async () => {
  const box = await EphemeralBox.create({ ttl: 3 });
  await sh(box, 'echo x > f');
  assert.ok(box.expiresAt - Date.now() / 1000 <= 4);
  await until('it is gone', async () => (await s.raw('GET', `/v2/box/${box.id}`)).status === 404, { every: 200 });
  assert.ok(Date.now() / 1000 >= box.expiresAt - 1, 'not before its time');
  await until('its container too', async () => await s.container(box.id) === null);
  assert.ok(!(await Box.list()).some((b) => b.id === box.id));
});

test('a paused one is deleted as well, and none before its time', async (t) => {
  const box = await EphemeralBox.create({ ttl: 5 });
  const other = await s.ephemeral(t, { ttl: 600 });
  await s.raw('POST', `/v2/box/${box.id}/pause`);
  await until('it is gone', async () => (await s.raw('GET', `/v2/box/${box.id}`)).status === 404, { every: 200 });
  assert.equal((await other.getStatus()).status, 'idle');
});

test('a time to live out of bounds is refused', async () => {
  for (const ttl of [0, -1, 259201, 1.5])
    await refused(EphemeralBox.create({ ttl }), 400, /ttl/);
});

test('delete and EphemeralBox.delete', async () => {
  const [a, b, c] = [await s.ephemeral(null), await s.ephemeral(null), await s.ephemeral(null)];
  await a.delete();
  await EphemeralBox.delete({ boxIds: [b.id, c.id] });
  for (const x of [a, b, c]) assert.equal((await s.raw('GET', `/v2/box/${x.id}`)).status, 404);
});
