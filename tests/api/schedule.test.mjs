// SPDX-License-Identifier: MIT
// The schedule namespace.  A slot's time is brought forward in the database, so that no test
// waits for the next minute.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Agent, Box } from '@upstash/box';
import { receiver } from './lib/receiver.mjs';
import { refused, sh, until, useService } from './lib/service.mjs';

const s = useService();
const HARNESS = { command: 'python3', args: ['-c',
  'import json,sys\nprint("event: done\\ndata: " + json.dumps({"output": "did " + sys.argv[2]}) + "\\n", flush=True)'] };
let box;
test('a box for all that follows', async () => {
  box = await s.box(null, { env: { FROM: 'env' }, agent: { harness: Agent.Custom, customHarness: HARNESS } });
});
const due = (id) => s.change('UPDATE box_schedule SET next_ms = ? WHERE id = ?', Date.now() - 1000, id);
const runsOf = async (b, id) => (await b.listRuns()).filter((r) => r.schedule_id === id);
const fired = (b, id, n = 1) => until('the schedule has fired', async () => {
  const runs = await runsOf(b, id);
  return runs.length >= n && runs.every((r) => r.status !== 'running') && runs;
});

test('exec: create, list, get agree, webhook headers included', async () => {
  const made = await box.schedule.exec({ cron: '*/5 * * * 1-5', command: ['echo', 'a b'], folder: 'sub',
    webhookUrl: 'http://127.0.0.1:9/x', webhookHeaders: { authorization: 'Bearer hook' } });
  assert.deepEqual([made.box_id, made.type, made.cron, made.command, made.folder, made.status, made.total_runs, made.total_failures],
    [box.id, 'exec', '*/5 * * * 1-5', ['echo', 'a b'], '/workspace/home/sub', 'active', 0, 0]);
  assert.deepEqual(made.webhook_headers, { authorization: 'Bearer hook' });
  assert.ok(Math.abs(made.created_at - Date.now() / 1000) < 60);
  const list = await box.schedule.list();
  assert.ok(Array.isArray(list));
  assert.deepEqual(list, [made]);
  assert.deepEqual(await box.schedule.get(made.id), made);
  await box.schedule.delete(made.id);
  assert.deepEqual(await box.schedule.list(), []);
  await refused(box.schedule.get(made.id), 404);
});

test('agent: create with model, options and timeout', async () => {
  const made = await box.schedule.agent({ cron: '0 9 * * *', prompt: 'Look at it', model: 'custom/two', options: { effort: 'low' }, timeout: 5000 });
  assert.deepEqual([made.type, made.prompt, made.model, made.agent_options, made.timeout, made.folder],
    ['prompt', 'Look at it', 'custom/two', { effort: 'low' }, 5000, '/workspace/home']);
  await box.schedule.delete(made.id);
});

test('what is wrong is refused by its member\'s name', async () => {
  for (const cron of ['', '* * * *', '* * * * * *', '60 * * * *', 'x * * * *', '*/0 * * * *', '5-1 * * * *'])
    await refused(box.schedule.exec({ cron, command: ['true'] }), 400, /cron/);
  await refused(box.schedule.exec({ cron: '* * * * *', command: [] }), 400, /command/);
  await refused(box.schedule.agent({ cron: '* * * * *', prompt: '' }), 400, /prompt/);
  await refused(box.schedule.exec({ cron: '* * * * *', command: ['true'], webhookUrl: 'ftp://x' }), 400, /webhook_url/);
  const odd = await s.raw('POST', `/v2/box/${box.id}/schedules`, { body: { type: 'other', cron: '* * * * *' } });
  assert.equal(odd.status, 400);
  assert.deepEqual(await box.schedule.list(), []);
});

test('a command fires in its folder with the box\'s env, is listed, counted and told to the webhook', async (t) => {
  const hook = await receiver(t);
  await sh(box, 'mkdir -p sub');
  const made = await box.schedule.exec({ cron: '0 0 1 1 *', command: ['sh', '-c', 'echo $PWD $FROM >> /workspace/home/fired; echo seen'],
    folder: 'sub', webhookUrl: hook.url, webhookHeaders: { 'x-token': 't' } });
  await due(made.id);
  const [run] = await fired(box, made.id);
  assert.deepEqual([run.status, run.type, run.schedule_id], ['completed', 'shell', made.id]);
  assert.equal(await sh(box, 'cat fired'), '/workspace/home/sub env\n');
  const now = await until('it is counted', async () => {
    const x = await box.schedule.get(made.id);
    return x.total_runs === 1 && x;
  });
  assert.deepEqual([now.last_run_status, now.last_run_id, now.total_failures], ['completed', run.id, 0]);
  assert.ok(Math.abs(now.last_run_at - Date.now() / 1000) < 60);
  const told = await hook.next();
  assert.equal(told.headers['x-token'], 't');
  assert.deepEqual([told.body.box_id, told.body.status, told.body.run_id], [box.id, 'completed', run.id]);
  await box.schedule.delete(made.id);
});

test('a failing command counts as a failure; the webhook says failed', async (t) => {
  const hook = await receiver(t);
  const made = await box.schedule.exec({ cron: '0 0 1 1 *', command: ['sh', '-c', 'exit 3'], webhookUrl: hook.url });
  await due(made.id);
  const [run] = await fired(box, made.id);
  assert.equal(run.status, 'failed');
  assert.equal((await hook.next()).body.status, 'failed');
  const now = await until('it is counted', async () => {
    const x = await box.schedule.get(made.id);
    return x.total_runs === 1 && x;
  });
  assert.deepEqual([now.total_failures, now.last_run_status], [1, 'failed']);
  await box.schedule.delete(made.id);
});

test('a prompt runs the agent', async () => {
  const made = await box.schedule.agent({ cron: '0 0 1 1 *', prompt: 'the nightly look' });
  await due(made.id);
  const [run] = await fired(box, made.id);
  assert.deepEqual([run.type, run.status, run.prompt, run.output], ['agent', 'completed', 'the nightly look', 'did the nightly look']);
  await box.schedule.delete(made.id);
});

test('a schedule wakes a paused box; a paused schedule does not fire', async (t) => {
  const other = await s.box(t);
  const made = await other.schedule.exec({ cron: '0 0 1 1 *', command: ['true'] });
  await other.schedule.pause(made.id);
  assert.equal((await other.schedule.get(made.id)).status, 'paused');
  await other.pause();
  await due(made.id);
  await new Promise((done) => { setTimeout(done, 3500); });
  assert.deepEqual(await runsOf(other, made.id), []);
  assert.equal((await other.getStatus()).status, 'paused');
  await other.schedule.resume(made.id);
  assert.equal((await other.schedule.get(made.id)).status, 'active');
  assert.deepEqual(await runsOf(other, made.id), [], 'the slots that passed meanwhile are gone');
  await due(made.id);
  await fired(other, made.id);
  assert.equal((await other.getStatus()).status, 'idle');
});

test('a slot is skipped while the former run goes on', async () => {
  const made = await box.schedule.exec({ cron: '0 0 1 1 *', command: ['sh', '-c', 'until [ -e go ]; do sleep 0.1; done'] });
  await due(made.id);
  await until('it runs', async () => (await runsOf(box, made.id)).some((r) => r.status === 'running'));
  await due(made.id);
  await until('a slot is skipped', async () => (await runsOf(box, made.id)).some((r) => r.status === 'skipped'));
  await sh(box, 'touch go');
  const runs = await fired(box, made.id, 2);
  assert.deepEqual(runs.map((r) => r.status).sort(), ['completed', 'skipped']);
  await box.schedule.delete(made.id);
});

test('PATCH changes it, as newer clients do', async () => {
  const made = await box.schedule.exec({ cron: '0 0 1 1 *', command: ['true'] });
  const patch = (body) => s.raw('PATCH', `/v2/box/${box.id}/schedules/${made.id}`, { body });
  const changed = await patch({ cron: '30 4 * * 0', command: ['echo', 'x'] });
  assert.equal(changed.status, 200, changed.text);
  assert.deepEqual([changed.body.cron, changed.body.command], ['30 4 * * 0', ['echo', 'x']]);
  assert.equal((await patch({ cron: 'never' })).status, 400);
  assert.equal((await box.schedule.get(made.id)).cron, '30 4 * * 0');
  await box.schedule.delete(made.id);
});

test('the next slot is at the next minute of its cron expression, in UTC', async () => {
  const made = await box.schedule.exec({ cron: '15 3 29 2 *', command: ['true'] });
  const [{ next_ms }] = s.rows(`SELECT next_ms FROM box_schedule WHERE id = '${made.id}'`);
  const next = new Date(next_ms);
  assert.deepEqual([next.getUTCMonth(), next.getUTCDate(), next.getUTCHours(), next.getUTCMinutes(), next.getUTCSeconds()], [1, 29, 3, 15, 0]);
  assert.ok(next_ms > Date.now());
  await box.schedule.delete(made.id);
});

test('schedules go with their box', async () => {
  const other = await s.box(null);
  const made = await other.schedule.exec({ cron: '* * * * *', command: ['true'] });
  await other.delete();
  assert.deepEqual(s.rows(`SELECT id FROM box_schedule WHERE id = '${made.id}'`), []);
  assert.ok(!(await Box.list()).some((b) => b.id === other.id));
});
