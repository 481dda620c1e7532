// SPDX-License-Identifier: MIT
// Slots on a replaced clock, with the unchanged program: clocks set forward and back, months
// and a week of downtime, a second start, a clock that runs backwards.  Jobs of the operator.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { scripted } from './lib/agent.mjs';
import { binary } from './lib/boxwright.mjs';
import { Clock } from './lib/clock.mjs';
import { boxIds, inspectImage } from './lib/engine.mjs';
import { rows } from './lib/kills.mjs';
import { startWorld, until } from './lib/world.mjs';

const JOBS = [
  { repository: 'octocat/sample', name: 'early', when: '30 2 * * *', timezone: 'Europe/Berlin', run: 'echo early > early.txt' },
  { repository: 'octocat/*', name: 'beacon', when: '*/15 * * * *', run: 'sleep 3600' },
];
let world, clock;

before(async () => {
  clock = new Clock('2026-03-28T00:00:00Z');
  world = await startWorld({ repo: { fixture: 'tests/demo/repo' }, env: clock.env,
    config: scripted('open("note.txt", "a").write("x\\n")\nend("-")', { over: { jobs: JOBS,
      store: { keep_days: 0 } } }) }); // what ran is counted by its rows
  await until('the jobs are known', async () => (await jobs()).length === 2, { ms: 15000 })
    .catch((error) => { throw new Error(`${error.message}\n${world.boxwright.tail()}`, { cause: error }); });
});
after(async () => {
  try { await world?.close(); } finally { clock?.close(); }
});

const jobs = async () => (await world.boxwright.need('GET', '/v1/schedules')).schedules;
const job = async (name) => (await jobs()).find((j) => j.name === name);
const runs = async (name) => (await world.boxwright.tasks(`?limit=500&lane=${encodeURIComponent(`${(await world.standin.repo('octocat', 'sample')).id}/job/${name}`)}`));

// Moves the clock, and waits until that time has been looked at.  The beacon is due each quarter of
// an hour; its one run never ends, so each later slot of it is settled by a note alone.  A second
// quarter is settled by a later look than the first one.
async function at(time) {
  const quarter = 15 * 60000, target = Date.parse(time);
  for (const ms of [target, (Math.floor(target / quarter) + 1) * quarter + 1000]) {
    clock.set(new Date(ms).toISOString());
    const slot = Math.floor(ms / quarter) * quarter;
    await until(`the look of ${new Date(ms).toISOString()}`, async () => (await job('beacon')).last_ms >= slot);
    // A run that still works would have the next slot skipped.
    await until('the runs ended', async () => (await runs('early')).every((t) => !['ready', 'running'].includes(t.state)));
  }
}
const count = async () => (await runs('early')).length;

test('the hour that is left out: at the next minute that there is, once', async () => {
  await at('2026-03-28T01:30:01Z'); // 2:30
  assert.equal(await count(), 1);
  await at('2026-03-29T00:40:00Z'); // 1:40
  assert.equal(await count(), 1);
  await at('2026-03-29T01:00:01Z'); // 3:00, 2:30 never was
  assert.equal(await count(), 2);
  await at('2026-03-29T01:31:00Z'); // 3:31
  assert.equal(await count(), 2);
  await at('2026-03-30T00:30:01Z'); // 2:30
  assert.equal(await count(), 3);
});

test('a closed pull request is not offered again by the clock', async () => {
  const { pr_number: number } = await job('early');
  assert.ok(number > 0);
  assert.equal(world.pulls().length, 1); // three runs, one offer
  await world.standin.closePull({ repo: world.repo, number });
  await until('the job knows', async () => (await job('early')).declined);
  await at('2026-03-31T00:30:01Z');
  assert.equal(await count(), 4);
  assert.match((await job('early')).last_note, /offered and closed before/);
  assert.equal(world.pulls().length, 1);
  await world.standin.push({ repo: world.repo, files: { 'other.txt': 'x\n' }, message: 'Elsewhere' });
  await at('2026-04-01T00:30:01Z'); // the base has moved, the offer is the same
  assert.equal(world.pulls().length, 1);
  await world.standin.push({ repo: world.repo, files: { 'early.txt': 'late\n' }, message: 'Here' });
  await at('2026-04-02T00:30:01Z');
  assert.equal(world.pulls().length, 2);
});

test('months of downtime are made up for by one run', async () => {
  const had = await count();
  await world.boxwright.kill();
  clock.set('2026-10-24T12:00:00Z');
  await world.boxwright.launch();
  await at('2026-10-24T12:00:01Z');
  assert.equal(await count(), had + 1);
});

test('the hour that comes twice: once, the first time', async () => {
  const had = await count();
  await at('2026-10-25T00:10:00Z');
  assert.equal(await count(), had);
  await at('2026-10-25T00:30:01Z'); // 2:30 summer time
  assert.equal(await count(), had + 1);
  await at('2026-10-25T01:30:01Z'); // 2:30 winter time
  assert.equal(await count(), had + 1);
  await at('2026-10-26T01:30:01Z');
  assert.equal(await count(), had + 2);
});

test('a week of downtime: one run, the others are counted', async () => {
  const had = await count();
  await world.boxwright.kill();
  clock.set('2026-11-02T12:00:00Z');
  await world.boxwright.launch();
  await until('it is made up for', async () => (await count()) > had);
  await at('2026-11-02T12:16:00Z');
  assert.equal(await count(), had + 1);
  assert.ok(world.boxwright.lines.some((l) => /job=early .*started, after 6 times that were missed/.test(l)));
});

test('a second start on the same state is refused; a restart repeats no slot', async () => {
  const had = await count();
  const second = await new Promise((done) => {
    execFile(binary(), ['serve', '--config', world.boxwright.configFile], { timeout: 20000,
      env: { ...process.env, ...clock.env } }, (error, stdout, stderr) => done({ code: error?.code ?? 0, text: stdout + stderr }));
  });
  assert.notEqual(second.code, 0);
  assert.match(second.text, /another|in use|already/i);
  await world.boxwright.restart();
  await world.boxwright.restart();
  await at('2026-11-02T13:01:00Z');
  assert.equal(await count(), had);
});

test('a clock that runs backwards repeats no slot', async () => {
  await at('2026-11-03T01:30:01Z');
  const had = await count();
  clock.set('2026-11-03T01:20:00Z');
  await world.boxwright.restart();
  clock.set('2026-11-03T01:30:30Z');
  await at('2026-11-03T01:46:00Z');
  assert.equal(await count(), had);
});

// The janitor looks at its start.
async function launchAt(ms) {
  await world.boxwright.kill();
  clock.set(new Date(ms).toISOString());
  await world.boxwright.launch();
}
const DAY = 86400000;

test('a box that no conversation used for keep_days goes; one that lost its row in a crash goes with its snapshot', async () => {
  const talk = async (times) => {
    const { number } = await world.issue('A small thing', 'Please.');
    let task;
    for (let i = 0; i < times; i++) task = await world.fix(number);
    assert.equal(task.outcome_code, 'pull_request', task.outcome);
    return () => rows(world, `SELECT * FROM conversation WHERE number = ${number} AND is_pull = 0`)[0];
  };
  const old = await talk(1);
  await launchAt(old().used_ms + DAY);
  const young = await talk(2);
  const { box_id: gone } = old(), { id, box_id: box, undo_image: image } = young();
  assert.ok(gone && box && image);
  await launchAt(old().used_ms + 7 * DAY + 60000);
  await until('the old box is gone', async () => !old().box_id && !(await boxIds(world.boxwright.instance)).includes(gone));
  assert.equal(young().box_id, box);
  assert.ok((await inspectImage(image)).Id);
  // Killed right behind the row's change: nobody knows the two any more.
  await world.boxwright.kill();
  execFileSync('sqlite3', [path.join(world.boxwright.dir, 'state', 'boxwright.db'), `UPDATE conversation
    SET box_id = NULL, box_oid = NULL, session_id = NULL, undo_image = NULL, undo_oid = NULL, undo_task_id = 0 WHERE id = ${id}`]);
  await world.boxwright.launch();
  await until('both are gone', async () => !(await boxIds(world.boxwright.instance)).includes(box) && !(await inspectImage(image)).Id);
});

test('each slot had at most one task', async () => {
  const days = (await runs('early')).map((t) => new Date(t.created_ms + 2 * 3600000).toISOString().slice(0, 10));
  assert.equal(new Set(days).size, days.length);
  // The beacon's run is given up when kill -9 ends the service three times in its step; the next
  // slot begins another.
  const quarters = (await runs('beacon')).map((t) => Math.floor(t.created_ms / (15 * 60000)));
  assert.equal(new Set(quarters).size, quarters.length);
});
