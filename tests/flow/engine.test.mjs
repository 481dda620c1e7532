// SPDX-License-Identifier: MIT
// What becomes of the work when the Docker Engine is restarted in its middle, when somebody
// removes boxes and images by hand, and when the Engine's disk is full.  BOXWRIGHT_LONG=1, as
// root: it starts an Engine of its own.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { allEvents, scripted, waitForText } from './lib/agent.mjs';
import { listInstance, removeImage } from './lib/engine.mjs';
import { OwnEngine } from './lib/own_engine.mjs';
import { startWorld } from './lib/world.mjs';

const skip = !process.env.BOXWRIGHT_LONG || process.getuid() !== 0;
const IMAGE = process.env.BOXWRIGHT_TEST_IMAGE ?? 'boxwright/base';
const AGENT = `
import re
prompt = sys.argv[sys.argv.index("-p") + 1]
word, name = re.findall(r"do:(\\w+)-(\\w+)", prompt)[-1]
say("text", text="begun %s" % name)
if word == "slow": time.sleep(8)
if word == "big": open(".git/big", "wb").write(os.urandom(256 << 20))
open(name + ".txt", "w").write(name + "\\n")
end("Did %s." % name)
`;
let engine, world;

before(async () => {
  if (skip) return;
  engine = await OwnEngine.start({ image: IMAGE });
  process.env.DOCKER_HOST = engine.host;
  world = await startWorld({ repo: { fixture: 'tests/demo/repo' },
    config: scripted(AGENT, { over: { task: { retry_s: 1, attempts: 6 } } }) });
});
afterEach(() => engine?.free());
after(async () => {
  try {
    await world?.close();
  } finally {
    await engine?.close();
  }
});

const issue = async () => (await world.issue('A thing', 'Please.')).number;
const fix = (number, what) => world.fix(number, { text: `/boxwright fix do:${what}` });
const good = (task) => { assert.equal(task.outcome_code, 'pull_request', `${task.outcome}\n${world.boxwright.tail()}`); return task; };
const told = async (number, id, kind) => (await world.comments(number)).filter((c) => c.body.includes(`t=${id};k=${kind};`)).map((c) => c.body);
const containers = () => engine.docker('ps', '-aq', '--filter', `label=boxwright.instance=${world.boxwright.instance}`).split('\n').filter(Boolean);

for (const signal of ['SIGTERM', 'SIGKILL'])
  test(`the Engine is restarted in the middle of a run (${signal})`, { skip }, async (t) => {
    const number = await issue();
    const first = good(await fix(number, 'quick-one'));
    const { delivery } = await world.comment(first.pr_number, '/boxwright fix do:slow-two');
    const { id } = await world.boxwright.taskOf(delivery.guid);
    await waitForText(world, id, 'begun two');
    await engine.restart(signal);
    const task = good(await world.boxwright.waitForTask(id));
    t.diagnostic(`attempt ${task.attempt}, ${task.finished_ms - task.started_ms} ms`);
    assert.equal(task.pr_number, first.pr_number);
    assert.equal(world.sha(first.branch), task.commit_oid);
    assert.equal((await told(first.pr_number, id, 'answer')).length, 1);
    assert.equal((await told(first.pr_number, id, 'status')).length, 1);
    good(await fix(first.pr_number, 'quick-three'));
  });

test("a conversation's box is removed by hand: the next request has a fresh one", { skip }, async () => {
  const first = good(await fix(await issue(), 'quick-one'));
  for (const id of containers()) engine.docker('rm', '-f', id);
  const second = good(await fix(first.pr_number, 'quick-two'));
  assert.equal(second.pr_number, first.pr_number);
  // In the middle of the run too.
  const { delivery } = await world.comment(first.pr_number, '/boxwright fix do:slow-three');
  const { id } = await world.boxwright.taskOf(delivery.guid);
  await waitForText(world, id, 'begun three');
  engine.docker('rm', '-f', ...containers());
  const third = good(await world.boxwright.waitForTask(id));
  assert.equal(world.sha(first.branch), third.commit_oid);
});

test('all snapshots are removed by hand: the next request, an undo and another issue work', { skip }, async () => {
  const first = good(await fix(await issue(), 'quick-one'));
  good(await fix(first.pr_number, 'quick-two'));
  for (const id of containers()) engine.docker('rm', '-f', id);
  const { snapshots } = await listInstance(world.boxwright.instance);
  assert.ok(snapshots.length > 0);
  for (const name of snapshots) await removeImage(name);
  assert.equal((await listInstance(world.boxwright.instance)).snapshots.length, 0);
  const undone = await world.fix(first.pr_number, { text: '/boxwright undo' });
  assert.equal(undone.outcome_code, 'undone', undone.outcome);
  assert.equal(world.sha(first.branch), first.commit_oid);
  good(await fix(first.pr_number, 'quick-three'));
  good(await fix(await issue(), 'quick-four'));
});

test('the disk is full while a snapshot is made: the work goes on in a fresh box, and says so', { skip }, async () => {
  // What the first run leaves in its box is more than the disk has left for the way back.
  const first = good(await fix(await issue(), 'big-one'));
  engine.fill(16 << 20);
  const second = good(await fix(first.pr_number, 'quick-two'));
  assert.ok((await allEvents(world, second.id)).some((e) => /the box cannot be gone on with: keep the box as it was for `undo`/.test(e.text)));
  assert.equal(world.sha(first.branch), second.commit_oid);
  engine.free();
  const undone = await world.fix(first.pr_number, { text: '/boxwright undo' });
  assert.equal(undone.outcome_code, 'undone', undone.outcome);
  assert.equal(world.sha(first.branch), first.commit_oid);
  good(await fix(first.pr_number, 'quick-three'));
});

test('the disk is full while the agent works', { skip }, async () => {
  const first = good(await fix(await issue(), 'quick-one'));
  engine.fill(16 << 20);
  const full = await fix(first.pr_number, 'big-two');
  assert.equal(full.outcome_code, 'failed_agent', full.outcome);
  assert.match(full.outcome, /No space left on device/);
  const other = await issue();
  const waits = await fix(other, 'quick-three');
  assert.equal(waits.state, 'failed');
  assert.match(waits.outcome, /the engine's disk is full/);
  engine.free();
  good(await fix(first.pr_number, 'big-four'));
  good(await fix(other, 'quick-five'));
});
