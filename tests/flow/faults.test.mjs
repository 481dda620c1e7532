// SPDX-License-Identifier: MIT
// GitHub fails once at each call that a task makes, in each way, and the service is killed at
// each of them: there is one of everything all the same.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { git } from '../standin/git.mjs';
import { scripted } from './lib/agent.mjs';
import { startWorld, until } from './lib/world.mjs';

const AGENT = `
open("note.txt", "w").write("hello\\n")
end("Did it.")
`;
const CONFIG = scripted(AGENT, { over: { task: { retry_s: 0, attempts: 20 }, pr: { labels: ['robot'] },
  github: { comment_spacing_ms: 0, write_spacing_ms: 0 } } });
// Half of this file is waiting until a call is given up.  What a busy machine makes late by
// itself is begun again like all else.
const SLOW = { asan: 2, tsan: 4 }[process.env.BOXWRIGHT_VARIANT] ?? 1;
const IMPATIENT = { timeout_s: 2 * SLOW, git_timeout_s: 4 * SLOW };

const ALONE = [{ kind: 'lost' }];
const TOGETHER = [{ kind: 'truncate' }, { kind: 'status', status: 502, html: true },
  { kind: 'secondary', retry_after: 1 }, { kind: 'reset' }, { kind: 'hang' }];
// What must be among the calls that are made to fail.
const WRITES = ['POST issues/create-comment', 'PATCH issues/update-comment', 'POST pulls/create',
  'POST reactions/create-for-issue-comment', 'GET git/receive-pack', 'POST git/receive-pack'];

let world;
let calls; // "METHOD operation" of all that one task does

const branches = () => git(world.standin.git.dir(world.owner, world.name),
  ['for-each-ref', '--format=%(refname:short)', 'refs/heads/boxwright']).split('\n').filter(Boolean);
const made = () => ({ branches: branches().length, pulls: world.pulls().length });
const begin = async () => {
  const { number } = await world.issue('A thing', 'Do it.');
  const { comment, delivery } = await world.comment(number, '/boxwright fix');
  assert.equal(delivery.status_code, 202, delivery.answer);
  return { number, comment, id: (await world.boxwright.taskOf(delivery.guid)).id };
};

async function oneOfEach({ number, comment, id }, was) {
  const task = await world.boxwright.waitForTask(id, { ms: 180000 });
  assert.equal(task.outcome_code, 'pull_request', `${task.outcome}\n${world.boxwright.tail()}`);
  assert.deepEqual(made(), { branches: was.branches + 1, pulls: was.pulls + 1 });
  assert.equal(world.pulls().filter((p) => p.head === task.branch).length, 1);
  assert.equal(world.sha(task.branch), task.commit_oid);
  const ours = (await world.comments(number)).map((c) => c.body).filter((b) => b.includes('<!-- boxwright'));
  assert.equal(ours.length, 1, ours.join('\n---\n'));
  assert.match(ours[0], /there is a pull request/);
  assert.deepEqual(world.reactions('comment', comment.id).map((r) => r.content ?? r).sort(), ['eyes', 'hooray']);
  return task;
}

before(async () => {
  world = await startWorld({ repo: { fixture: 'tests/demo/repo' }, config: CONFIG,
    seed: { creations_per_minute: 100000 } });
  // The second task knows what the first had to ask for.
  await world.boxwright.waitForTask((await begin()).id, { state: 'done' });
  const from = world.standin.log.length;
  await world.boxwright.waitForTask((await begin()).id, { state: 'done' });
  calls = [...new Set(world.standin.log.slice(from).map((e) => `${e.method} ${e.op}`))];
  const config = JSON.parse(fs.readFileSync(world.boxwright.configFile, 'utf8'));
  Object.assign(config.github, IMPATIENT);
  await world.boxwright.kill();
  fs.writeFileSync(world.boxwright.configFile, JSON.stringify(config));
  await world.boxwright.launch();
});
after(() => world.close());

test('the calls that are made to fail are those that matter', (t) => {
  t.diagnostic(calls.join(', '));
  for (const write of WRITES) assert.ok(calls.includes(write), write);
});

for (const fault of ALONE)
  test(`${fault.kind} at one call after the other, a task for each`, async (t) => {
    const took = [];
    for (const call of calls) {
      const [method, op] = call.split(' ');
      const was = made();
      world.standin.faults.add({ ...fault, op, method });
      const start = Date.now();
      const task = await oneOfEach(await begin(), was).catch((error) => {
        error.message = `${fault.kind} at ${call}: ${error.message}`;
        throw error;
      });
      assert.equal(world.standin.faults.list.length, 0, `${call} was not made`);
      took.push(`${call} ${Date.now() - start} ms, attempt ${task.attempt}`);
    }
    t.diagnostic(took.join('; '));
  });

for (const fault of TOGETHER)
  test(`${fault.kind} at every call of one task`, async (t) => {
    const was = made();
    for (const call of calls) {
      const [method, op] = call.split(' ');
      world.standin.faults.add({ ...fault, op, method });
    }
    const task = await oneOfEach(await begin(), was);
    assert.deepEqual(world.standin.faults.list, []);
    assert.ok(task.attempt > 3, `attempt ${task.attempt}`);
    t.diagnostic(`attempt ${task.attempt}, ${task.finished_ms - task.started_ms} ms`);
  });

describe('kill -9', () => {
  for (const kind of ['hang', 'silent'])
    test(`at each call (${kind === 'hang' ? 'before it is done' : 'when it is done'})`, async () => {
      for (const call of calls) {
        const [method, op] = call.split(' ');
        const was = made();
        world.standin.faults.add({ kind, op, method });
        const task = await begin();
        await until(`${call} is made`, () => world.standin.faults.list.length === 0);
        if (kind === 'silent')
          await until(`${call} is done`, () => world.standin.log.findLast((e) =>
            e.op === op && e.method === method)?.status || op.startsWith('git/'));
        if (kind === 'silent' && call === 'POST git/receive-pack')
          await until('the branch is there', () => branches().length === was.branches + 1);
        await world.boxwright.restart();
        await oneOfEach(task, was).catch((error) => {
          error.message = `${kind} at ${call}: ${error.message}`;
          throw error;
        });
      }
    });
});

const nextBranch = (last, number) =>
  last.branch.replace(`issue-${last.number}`, `issue-${number}`).replace(/t\d+$/, `t${last.id + 1}`);

test("a person's commit on our branch is never overwritten", async () => {
  const last = await oneOfEach(await begin(), made());
  const { number } = await world.issue('A thing', 'Do it.');
  const branch = nextBranch(last, number);
  const theirs = world.standin.git.commitFolder(world.owner, world.name, 'tests/demo',
    { branch, message: 'Mine' });
  const pulls = world.pulls().length;
  const task = await world.fix(number);
  assert.equal(task.branch, branch);
  assert.equal(world.sha(branch), theirs);
  assert.equal(task.state, 'failed', task.outcome);
  assert.match(task.outcome, new RegExp(`there is a branch ${branch} already.*not this task's`));
  assert.equal(world.pulls().length, pulls);
  assert.ok((await world.comments(number)).some((c) => c.body.includes('k=answer') && c.body.includes(branch)));
});

test("a person's commit on top of our push, whose answer we never got, stays", async () => {
  world.standin.faults.add({ kind: 'silent', op: 'git/receive-pack', method: 'POST' });
  const was = branches();
  const { id } = await begin();
  const branch = await until('our push', () => branches().find((b) => !was.includes(b)));
  await world.boxwright.kill();
  const theirs = world.standin.git.commitFolder(world.owner, world.name, 'tests/demo',
    { branch, message: 'More' });
  await world.boxwright.launch();
  const task = await world.boxwright.waitForTask(id);
  assert.equal(world.sha(branch), theirs, task.outcome);
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.equal(world.pulls().find((p) => p.number === task.pr_number).head, branch);
});
