// SPDX-License-Identifier: MIT
// ask, plan with approve and reject, and test: what is answered, who may, and that nothing
// is changed by those that change nothing.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { scripted, waitForText } from './lib/agent.mjs';
import { boxIds, touchInBox } from './lib/engine.mjs';
import { startWorld, until } from './lib/world.mjs';

let world;
const AGENT = `
prompt = sys.argv[sys.argv.index("-p") + 1]
open("left_behind.txt", "a").write("x\\n")
session = sys.argv[sys.argv.index("--session") + 1] if "--session" in sys.argv else "new"
log = pathlib.Path.home() / "runs"
log.write_text((log.read_text() if log.exists() else "") + "x")
def end(answer):
    say("done", output=answer, input_tokens=10, output_tokens=5, total_cost_usd=0.01,
        session_id="s%d" % os.urandom(4)[0] if session == "new" else session)
    sys.exit(0)
if "do:wait" in prompt:
    say("text", text="waiting now")
    while not os.path.exists("/tmp/go"): time.sleep(0.05)
if "Answer the question" in prompt:
    where = "pull request" if "at the newest commit of pull request" in prompt else "default branch"
    end("It is in \`temperature/__init__.py:1\`, seen at the " + where + ". Thanks @stranger, fixes #1. Run %d, session %s." % (len(log.read_text()), session))
if "Make a plan" in prompt:
    again = "which was rejected" in prompt
    end("Plan %s: write note.txt.\\n/boxwright approve" % ("B" if again else "A"))
os.remove("left_behind.txt")
if "The plan at the end of this message was approved" in prompt:
    which = "B" if "Plan B" in prompt else "A" if "Plan A" in prompt else "none"
    open("note.txt", "w").write("as in plan %s\\n" % which)
    end("Did as planned.")
open("note.txt", "a").write("fixed\\n")
end("Fixed.")
`;

before(async () => {
  world = await startWorld({ repo: { fixture: 'tests/demo/repo', private: false,
    collaborators: { maintainer: 'write', reader: 'read' } },
  seed: { users: ['maintainer', 'stranger', 'reader'] }, config: scripted(AGENT) });
});
after(() => world?.close());

const issue = async () => (await world.issue('A small thing', 'Please do it.')).number;
const bodies = async (number) => (await world.comments(number)).map((c) => c.body);
const answers = async (number) => (await bodies(number)).filter((b) => b.includes('k=answer'));
const replies = async (number) => (await bodies(number)).filter((b) => b.includes('k=command'));
const reactions = (comment) => world.reactions('comment', comment.id).map((r) => r.content ?? r);
const reacted = (comment, what) => until(`a reaction ${what}`,
  async () => reactions(comment).includes(what));
const laneOf = async (number) =>
  (await world.boxwright.tasks()).filter((t) => t.number === number).sort((a, b) => a.id - b.id);

// A command of ours has no task: wait for what it does.
async function command(number, text, login, done) {
  const { comment, delivery } = await world.comment(number, text, login);
  assert.equal(delivery.status_code, 202, delivery.answer);
  await until(`${text} is done`, async () => done(comment));
  return comment;
}

test('ask answers in a comment and changes nothing', async () => {
  const number = await issue();
  const task = await world.fix(number, { text: '/boxwright ask where is it?' });
  assert.equal(task.outcome_code, 'answered', task.outcome);
  assert.equal(task.state, 'done');
  const [answer, ...more] = await answers(number);
  assert.deepEqual(more, []);
  assert.match(answer, /@maintainer: It is in `temperature\/__init__\.py:1`, seen at the default branch/);
  assert.doesNotMatch(answer, /@stranger|fixes #1/);
  assert.equal(world.pulls().length, 0);
  assert.deepEqual(reactions(task.comment).sort(), ['+1', 'eyes']);

  const fix = await world.fix(number);
  assert.equal(fix.outcome_code, 'pull_request', fix.outcome);
  const names = world.tree(fix.branch).map((e) => e.path);
  assert.ok(names.includes('note.txt'));
  assert.ok(!names.includes('left_behind.txt'), 'what ask changed is thrown away');

  const there = await world.fix(fix.pr_number, { text: '/boxwright ask and here?' });
  assert.equal(there.outcome_code, 'answered', there.outcome);
  assert.match((await answers(fix.pr_number)).at(-1), /It is in/);
});

// Their words must not be in the memory of a session that changes code later.
test('who may not fix asks in a box and session of their own, which go with the answer', async () => {
  const number = await issue();
  const fix = await world.fix(number);
  assert.equal(fix.outcome_code, 'pull_request', fix.outcome);
  const said = async (task) => /Run (\d+), session (\w+)/.exec(task.summary).slice(1, 3);
  const [, session] = await said(await world.fix(number, { text: '/boxwright ask what?' }));
  assert.match(session, /^s\d+$/);
  const theirs = await world.fix(number, { text: '/boxwright ask what?', login: 'reader' });
  assert.equal(theirs.outcome_code, 'answered', theirs.outcome);
  assert.match(theirs.summary, /seen at the pull request/);
  assert.deepEqual(await said(theirs), ['1', 'new']);
  // Also when the service dies in the middle of it.
  const { delivery } = await world.comment(fix.pr_number, '/boxwright ask do:wait', 'reader');
  const { id } = await world.boxwright.taskOf(delivery.guid);
  await waitForText(world, id, 'waiting now');
  await world.boxwright.restart();
  await touchInBox(world.boxwright.instance, (await world.boxwright.task(id)).box_id, '/tmp/go');
  const again = await world.boxwright.waitForTask(id);
  assert.equal(again.outcome_code, 'answered', again.outcome);
  assert.deepEqual(await said(again), ['1', 'new']);
  const boxes = await boxIds(world.boxwright.instance);
  assert.deepEqual(boxes.filter((box) => box.startsWith('task-')), []);
  assert.deepEqual(await said(await world.fix(number, { text: '/boxwright ask and now?' })), ['3', session]);
});

test('ask without a question gets one line; a reader may ask, and not fix', async () => {
  const number = await issue();
  const empty = await world.fix(number, { text: '/boxwright ask' });
  assert.equal(empty.state, 'refused');
  assert.match((await answers(number))[0], /@maintainer: what is the question\?/);
  const asked = await world.fix(number, { text: '/boxwright ask why?', login: 'reader' });
  assert.equal(asked.outcome_code, 'answered', asked.outcome);
  const fixed = await world.fix(number, { login: 'reader' });
  assert.equal(fixed.outcome_code, 'refused_role', fixed.outcome);
  const strange = await world.fix(number, { text: '/boxwright ask why?', login: 'stranger' });
  assert.equal(strange.state, 'refused', strange.outcome);
  assert.deepEqual(reactions(strange.comment), ['confused']);
});

test('a plan waits, is rejected for a reason, made anew, approved once and carried out', async () => {
  const number = await issue();
  const had = world.pulls().length;
  const planned = await world.fix(number, { text: '/boxwright plan' });
  assert.equal(planned.outcome_code, 'planned', planned.outcome);
  const [first] = await answers(number);
  assert.match(first, /this is the plan[\s\S]*Plan A: write note\.txt/);
  assert.match(first, /`\/boxwright approve` carries it out/);
  assert.equal(world.pulls().length, had);

  // Who may not.
  const reader = await command(number, '/boxwright approve', 'reader', async () => (await replies(number)).length === 1);
  assert.match((await replies(number))[0], /@reader has the role read here; `approve` needs write/);
  assert.deepEqual(reactions(reader), ['confused']);
  await command(number, '/boxwright approve', 'stranger', (c) => reactions(c).includes('confused'));
  assert.equal((await replies(number)).length, 1);

  await command(number, '/boxwright reject it is too long', 'maintainer', (c) => reactions(c).includes('+1'));
  const again = await until('another plan', async () => (await laneOf(number)).find((t) => t.id > planned.id && t.verb === 'plan'));
  assert.equal((await world.boxwright.waitForTask(again.id)).outcome_code, 'planned');
  assert.match((await answers(number)).at(-1), /Plan B/);

  await command(number, '/boxwright approve', 'maintainer', (c) => reactions(c).includes('+1'));
  const fix = await until('the work', async () => (await laneOf(number)).find((t) => t.id > again.id));
  const done = await world.boxwright.waitForTask(fix.id);
  assert.equal(done.outcome_code, 'pull_request', done.outcome);
  const note = world.tree(done.branch).find((e) => e.path === 'note.txt');
  assert.equal(String(world.blob(note.oid)), 'as in plan B\n');

  const before = (await laneOf(number)).length;
  await command(number, '/boxwright approve', 'maintainer', (c) => reactions(c).includes('confused'));
  assert.match((await replies(number)).at(-1), /no plan waits/);
  assert.equal((await laneOf(number)).length, before);
});

test('approve and reject without a plan say so; a plan can be dropped', async () => {
  const number = await issue();
  for (const verb of ['approve', 'reject']) {
    await command(number, `/boxwright ${verb}`, 'maintainer', (c) => reactions(c).includes('confused'));
    await until('words', async () => /no plan waits/.test((await replies(number)).at(-1)));
  }
  assert.equal((await world.fix(number, { text: '/boxwright plan' })).outcome_code, 'planned');
  await command(number, '/boxwright reject', 'maintainer', (c) => reactions(c).includes('+1'));
  await command(number, '/boxwright approve', 'maintainer', (c) => reactions(c).includes('confused'));
  assert.equal((await laneOf(number)).length, 1);
});

test('approve that dies behind its task makes no second one', async () => {
  const number = await issue();
  assert.equal((await world.fix(number, { text: '/boxwright plan' })).outcome_code, 'planned');
  // The reaction is made, its answer is lost, and the service dies: the command comes again.
  world.standin.faults.add({ kind: 'lost', op: 'reactions/create-for-issue-comment', times: 1 });
  const { comment } = await world.comment(number, '/boxwright approve');
  await until('the task', async () => (await laneOf(number)).length === 2);
  await world.boxwright.restart();
  await reacted(comment, '+1');
  const [, fix] = await laneOf(number);
  assert.equal((await world.boxwright.waitForTask(fix.id)).outcome_code, 'pull_request');
  await until('the plan is used up', async () => {
    const { comment: again } = await world.comment(number, '/boxwright approve');
    await reacted(again, 'confused');
    return true;
  });
  assert.equal((await laneOf(number)).length, 2);
});

test('test without checks says how to have some', async () => {
  const number = await issue();
  const task = await world.fix(number, { text: '/boxwright test' });
  assert.equal(task.outcome_code, 'tested', task.outcome);
  assert.match((await answers(number))[0], /no checks that could be run[\s\S]*check:/);
});

test('test runs the checks on the head, without an agent', async () => {
  await world.standin.commit({ repo: world.repo, keep: true, files: {
    '.github/boxwright.yml': 'version: 1\ncheck: ["test -f README.md", "echo broken; test -f missing"]\n' } });
  const number = await issue();
  const task = await world.fix(number, { text: '/boxwright test' });
  assert.equal(task.outcome_code, 'tested', task.outcome);
  const [answer] = await answers(number);
  assert.match(answer, /1 of 2 checks failed on commit [0-9a-f]{12}/);
  assert.match(answer, /- passed: `test -f README\.md`/);
  assert.match(answer, /- \*\*failed\*\*: `echo broken; test -f missing`/);
  assert.equal(task.tokens_in ?? 0, 0);
});

test('test on a pull request checks its head by the rules of the default branch', async () => {
  const sha = world.standin.commit({ repo: world.repo, branch: 'topic', from: 'main', keep: true, message: 'topic',
    files: { missing: 'here\n', '.github/boxwright.yml': 'version: 1\ncheck: ["true"]\n' } });
  const { number } = await world.standin.pull({ repo: world.repo, head: 'topic', base: 'main', title: 'Topic' });
  const task = await world.fix(number, { text: '/boxwright test' });
  assert.equal(task.outcome_code, 'tested', task.outcome);
  const [answer] = await answers(number);
  assert.match(answer, new RegExp(`2 checks passed on commit ${sha.slice(0, 12)}`));
  assert.match(answer, /- passed: `echo broken; test -f missing`/);
  assert.equal(world.sha('topic'), sha);
  // The head is the same: nothing is taken from before, everything is run once more.
  const again = await world.fix(number, { text: '/boxwright test' });
  assert.equal(again.outcome_code, 'tested');
  assert.equal((await answers(number)).length, 2);
});
