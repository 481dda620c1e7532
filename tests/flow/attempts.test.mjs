// SPDX-License-Identifier: MIT
// `fix x3`: three attempts side by side from one snapshot; the best by the checks, then by the
// smaller change, is published, and all are listed.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { git } from '../standin/git.mjs';
import { allEvents, scripted, waitForText } from './lib/agent.mjs';
import { boxIds } from './lib/engine.mjs';
import { startWorld, until } from './lib/world.mjs';

// Each attempt takes another word of the request's "plan:a,b,c", by the number in its box's
// name.  All of them claim green.
const AGENT = `
import re, socket
prompt = sys.argv[sys.argv.index("-p") + 1]
mine = pathlib.Path.home() / "mine"
if "--session" in sys.argv:
    say("text", text="went on in session %s after %s" % (sys.argv[sys.argv.index("--session") + 1],
        mine.read_text() if mine.exists() else "nothing"))
    pathlib.Path("more.txt").write_text("more\\n")
    end("Went on.")
plan = re.search(r"plan:([a-z,]+)", prompt)[1].split(",")
how = plan[int(socket.gethostname().rsplit("-", 1)[1]) % len(plan)]
say("text", text="I am " + how)
mine.write_text(how)
note = pathlib.Path("note.txt")
if how == "bad": note.write_text("bad\\n")
if how == "good": note.write_text("good\\n")
if how == "long": note.write_text("good\\n" + "line\\n" * 40)
if how == "longer": note.write_text("good\\n" + "line\\n" * 80)
if how == "fails": fail("I cannot")
if how == "sleeps":
    time.sleep(6)
    note.write_text("good\\nslept\\n")
if how == "hangs": time.sleep(600)
end("All tests pass: " + how + ".")
`;
let world;
let repo;

before(async () => {
  repo = fs.mkdtempSync(path.join(os.tmpdir(), 'boxwright-attempts-'));
  fs.cpSync('tests/demo/repo', repo, { recursive: true });
  world = await startWorld({ repo: { fixture: repo },
    config: scripted(AGENT, { task: { workers: 4, check_repairs: 0 } }) });
  fs.writeFileSync(path.join(repo, '.github/boxwright.yml'),
    JSON.stringify({ version: 1, check: ['grep -q good note.txt'], limits: { cost_usd: 3 } }));
  world.standin.git.commitFolder(world.owner, world.name, repo, { message: 'Configure' });
});
after(async () => {
  fs.rmSync(repo, { recursive: true, force: true });
  await world.close();
});

const mine = async (guid) => (await world.boxwright.tasks()).filter((t) => t.delivery_id === guid);
const parentOf = async (guid) => until('the parent', async () =>
  (await mine(guid)).find((t) => !t.lane.includes('#')));
const attemptsOf = async (guid) => (await mine(guid)).filter((t) => t.lane.includes('#'))
  .sort((a, b) => a.id - b.id);
const begin = async (plan) => {
  const { number } = await world.issue(`Attempt ${plan}`, 'Please.');
  const { comment, delivery } = await world.comment(number, `/boxwright fix x3 plan:${plan}`);
  assert.equal(delivery.status_code, 202, delivery.answer);
  return { number, comment, guid: delivery.guid, id: (await parentOf(delivery.guid)).id };
};
const ask = async (plan) => {
  const it = await begin(plan);
  return { ...it, ...await world.boxwright.waitForTask(it.id), attempts: await attemptsOf(it.guid) };
};
const published = (task, file = 'note.txt') =>
  git(world.standin.git.dir(world.owner, world.name), ['show', `${task.branch}:${file}`]);
const boxesOf = async (task) => (await boxIds(world.boxwright.instance))
  .filter((b) => task.attempts.some((a) => b === `task-${a.id}` || b === `task-${a.id}-check`));

test('the one that passes goes before the one that is smaller and only says so', async () => {
  const task = await ask('bad,long,longer');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.equal(task.attempts.length, 3);
  for (const a of task.attempts) assert.equal(a.outcome_code, 'attempted', a.outcome);
  // By the checks, and of those that pass by the size.
  assert.equal(published(task).split('\n').length, 42);
  const best = task.attempts.find((a) => a.commit_oid === task.commit_oid);
  assert.ok(best, 'the commit is an attempt\'s own, the one that was checked');
  assert.equal(world.sha(task.branch), best.commit_oid);
  // From one base and one snapshot, side by side.
  const full = await Promise.all(task.attempts.map((a) => world.boxwright.task(a.id)));
  assert.equal(new Set(full.map((a) => a.base_oid)).size, 1);
  assert.equal(new Set(full.map((a) => a.prepared_key)).size, 1);
  const snapshots = (await Promise.all(full.map((a) => allEvents(world, a.id)))).flat()
    .filter((e) => e.text.startsWith('prepared snapshot made'));
  assert.equal(snapshots.length, 0, 'no attempt makes a snapshot of its own');
  // All are listed, with checks, size and cost.
  const { body, title } = await world.pull(task.pr_number);
  assert.match(title, /^fix: /);
  assert.match(body, /attempt \d, published\*\*: 1 check passed, \+41 -0 in 1 file, \$0\.0100/);
  assert.match(body, /attempt \d: 1 of 1 check failed, \+1 -0 in 1 file, \$0\.0100/);
  assert.match(body, /attempt \d: 1 check passed, \+81 -0 in 1 file/);
  assert.match(body, /All tests pass: long/);
  assert.match(body, /- passed: `grep -q good note.txt`/);
  const comments = (await world.comments(task.number)).map((c) => c.body);
  assert.equal(comments.filter((b) => b.includes('k=status')).length, 1, 'attempts say nothing by themselves');
  assert.match(comments.find((b) => b.includes('k=status')), /attempt \d, published/);
  await until('the boxes of the attempts are gone', async () => (await boxesOf(task)).length === 0);

  // The conversation goes on in the box of the one that was published, in its session.
  const again = await world.comment(task.pr_number, '/boxwright fix more');
  const second = await world.boxwright.waitForTask((await world.boxwright.taskOf(again.delivery.guid)).id);
  assert.equal(second.outcome_code, 'pull_request', second.outcome);
  assert.match((await allEvents(world, second.id)).map((e) => e.text).join('\n'), /went on in session s1 after long/);
  assert.equal(published(second).split('\n').length, 42);
  assert.equal(published(second, 'more.txt'), 'more\n');
});

test('among equals by the checks, the smaller change', async () => {
  const task = await ask('long,good,longer');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.equal(published(task), 'good\n');
});

test('one that fails is listed and costs no result; kill -9 while they run', async () => {
  const it = await begin('sleeps,fails,bad');
  const running = await until('the attempts run', async () => {
    const list = await attemptsOf(it.guid);
    return list.length === 3 && list.some((a) => a.state === 'running') ? list : null;
  });
  await Promise.any(running.map((a) => waitForText(world, a.id, 'I am sleeps', { ms: 60000 })));
  await world.boxwright.restart();
  // And while the best one's box is taken over.
  const known = await boxIds(world.boxwright.instance);
  await until('its copy is made', async () => (await boxIds(world.boxwright.instance))
    .some((b) => b.startsWith('conv-') && !known.includes(b)), { every: 5, ms: 60000 });
  await world.boxwright.restart();
  const task = await world.boxwright.waitForTask(it.id);
  assert.deepEqual((await allEvents(world, it.id)).filter((e) => /cannot be gone on with/.test(e.text)), []);
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  const attempts = await attemptsOf(it.guid);
  assert.equal(attempts.length, 3, 'no attempt is made twice');
  assert.equal(world.pulls().filter((p) => p.head === task.branch).length, 1);
  assert.equal(published(task), 'good\nslept\n');
  const { body } = await world.pull(task.pr_number);
  assert.match(body, /attempt \d: no result \(the agent reported: I cannot/);
  await until('the boxes of the attempts are gone', async () => (await boxesOf({ attempts })).length === 0);
});

test('none comes to a result: it fails with what each of them said', async () => {
  const task = await ask('fails,fails,fails');
  assert.equal(task.outcome_code, 'failed_attempts', task.outcome);
  assert.equal(task.state, 'failed');
  assert.equal((task.outcome.match(/I cannot/g) ?? []).length, 3, task.outcome);
  assert.ok(!task.pr_url);
  const answers = (await world.comments(task.number)).filter((c) => c.body.includes('k=answer'));
  assert.equal(answers.length, 1);
  await until('no box is left', async () => (await boxesOf(task)).length === 0);
  // Tried again, each of them is.
  await world.comment(task.number, '/boxwright retry from gate');
  const again = await until('it is over again', async () => {
    const now = await world.boxwright.task(task.id);
    return now.finished_ms > task.finished_ms ? now : null;
  });
  assert.equal(again.outcome_code, 'failed_attempts', again.outcome);
  const runs = await Promise.all(task.attempts.map(async (a) =>
    (await allEvents(world, a.id)).filter((e) => e.text === 'I am fails').length));
  assert.deepEqual(runs, [2, 2, 2]);
});

test('cancel stops all of them', async () => {
  const it = await begin('hangs,hangs,hangs');
  const running = await until('they run', async () => {
    const list = await attemptsOf(it.guid);
    return list.length === 3 && list.every((a) => a.state === 'running') ? list : null;
  });
  await Promise.all(running.map((a) => waitForText(world, a.id, 'I am hangs')));
  const began = Date.now();
  await world.comment(it.number, '/boxwright cancel');
  const task = await world.boxwright.waitForTask(it.id);
  assert.equal(task.state, 'cancelled', task.outcome);
  for (const a of running) {
    const ended = await world.boxwright.waitForTask(a.id);
    assert.equal(ended.state, 'cancelled', ended.outcome);
  }
  assert.ok(Date.now() - began < 60000, `${Date.now() - began} ms`);
  await until('no box is left', async () => (await boxesOf({ attempts: running })).length === 0, { ms: 90000 });
});
