// SPDX-License-Identifier: MIT
// Commands that are answered without a box: cancel, retry, status, help, budget, words that are
// none; and what follows when things are closed, and when the App comes and goes.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { git } from '../standin/git.mjs';
import { scripted, waitForText } from './lib/agent.mjs';
import { boxIds, touchInBox } from './lib/engine.mjs';
import { startWorld, until } from './lib/world.mjs';

let world;
const AGENT = `
prompt = sys.argv[sys.argv.index("-p") + 1]
def asked(word): return ("do:" + word) in prompt
if asked("wait"):
    say("text", text="waiting")
    while not os.path.exists("/tmp/go"): time.sleep(0.05)
if asked("fail"):
    before = pathlib.Path("/home/boxuser/failed")
    if not before.exists():
        before.write_text("x")
        fail("not today")
open("note.txt", "a").write("x\\n")
end("Did it.")
`;

before(async () => {
  world = await startWorld({ repo: { fixture: 'tests/demo/repo', private: false,
    collaborators: { maintainer: 'write', reader: 'read', boss: 'maintain' } },
  seed: { users: ['maintainer', 'stranger', 'reader', 'boss'] }, config: scripted(AGENT) });
});
after(() => world?.close());
afterEach(() => world.standin.faults.clear());

const issue = async () => (await world.issue('A small thing', 'Please do it.')).number;
const replies = async (number) => (await world.comments(number)).map((c) => c.body).filter((b) => b.includes('k=command'));
const reactions = (comment) => world.reactions('comment', comment.id).map((r) => r.content ?? r);
const tasksOf = async (number) => (await world.boxwright.tasks()).filter((t) => t.number === number).sort((a, b) => a.id - b.id);
const ask = (number, word) => world.fix(number, { text: `/boxwright fix do:${word}` });

// A delivery's command has ended.
const over = (delivery) => until('the command is over', async () => ['done', 'failed'].includes(
  (await world.boxwright.need('GET', `/v1/deliveries/${delivery.guid}`)).command.state));

// Says it and waits for the sign; the newest words of ours when there are more than before.
async function say(number, text, sign, login = 'maintainer') {
  const before = (await replies(number)).length;
  const { comment, delivery } = await world.comment(number, text, login);
  assert.equal(delivery.status_code, 202, delivery.answer);
  await until(`${text} gets ${sign}`, async () => reactions(comment).includes(sign));
  // The words follow the sign; a command is finished behind both.
  await over(delivery);
  const now = await replies(number);
  return now.length > before ? now.at(-1) : null;
}
const begun = async (number, word) => {
  const { delivery } = await world.comment(number, `/boxwright fix do:${word}`);
  const { id } = await world.boxwright.taskOf(delivery.guid);
  await waitForText(world, id, 'waiting');
  return id;
};

test('status, budget and retry where nothing was ever done', async () => {
  const number = await issue();
  assert.match(await say(number, '/boxwright status', '+1'), /^@maintainer: there is no task here yet/m);
  assert.match(await say(number, '/boxwright retry', 'confused'), /no task here that could be tried again/);
  assert.match(await say(number, '/boxwright budget +2', 'confused', 'boss'), /no work here yet/);
  assert.equal(await say(number, '/boxwright cancel', 'confused'), null);
});

test('help lists every verb; a word that is none gets one line, once', async () => {
  const number = await issue();
  const help = await say(number, '/boxwright help', '+1');
  for (const verb of ['fix [xN] [text]', 'ask <question>', 'plan [text]', 'approve [text]', 'reject [why]', 'review [text]',
    'test', 'rebase', 'retry [from <step>]', 'undo', 'cancel', 'status', 'budget +<amount>', 'help'])
    assert.ok(help.includes(`| \`/boxwright ${verb}\` |`), verb);
  assert.match(help, /`\/boxwright ask <question>` \|[^|]*\| read \|/);
  assert.match(help, /`\/boxwright fix [^|]*\|[^|]*\| write \|/);
  const word = await say(number, '/boxwright dance', 'confused');
  assert.match(word, /@maintainer: `dance` is no command\. `\/boxwright help`/);
  assert.equal(word.trim().split('\n').length, 2, 'the marker and one line');
  assert.equal(await say(number, '/boxwright sing', 'confused'), null);
  assert.match(await say(await issue(), '/boxwright budget -3', 'confused'), /`budget -3` is not understood: it is `\/boxwright budget \+<amount>`/);
  assert.match(await say(await issue(), '/boxwright fix x9', 'confused'), /`fix x9` is not understood/);
});

test('strangers get a sign and no words, readers words about what they may', async () => {
  const number = await issue();
  assert.equal(await say(number, '/boxwright status', 'confused', 'stranger'), null);
  assert.equal(await say(number, '/boxwright dance', 'confused', 'stranger'), null);
  assert.match(await say(number, '/boxwright status', '+1', 'reader'), /no task here/);
  assert.match(await say(number, '/boxwright cancel', 'confused', 'reader'), /`cancel` needs write/);
  assert.match(await say(number, '/boxwright retry', 'confused', 'reader'), /`retry` needs write/);
  assert.match(await say(number, '/boxwright budget +5', 'confused', 'reader'), /^@reader has the role read here; `budget` needs write\./m);
});

test('cancel stops what runs and what waits', async () => {
  const number = await issue();
  const id = await begun(number, 'wait');
  await say(number, '/boxwright cancel', '+1');
  const task = await world.boxwright.waitForTask(id);
  assert.equal(task.state, 'cancelled');
  assert.match(task.outcome, /cancelled by @maintainer/);
  assert.match(await say(number, '/boxwright status', '+1'), new RegExp(`task ${id}, \`fix\`: cancelled[\\s\\S]*- box: `));
});

test('retry: the same request once more, and not while it runs', async () => {
  const number = await issue();
  const failed = await ask(number, 'fail');
  assert.equal(failed.state, 'failed', failed.outcome);
  await say(number, '/boxwright retry', '+1');
  const again = await until('a second task', async () => (await tasksOf(number))[1]);
  assert.equal((await world.boxwright.waitForTask(again.id)).outcome_code, 'pull_request');
  assert.equal((await tasksOf(number)).length, 2);
  const other = await issue();
  const id = await begun(other, 'wait');
  assert.match(await say(other, '/boxwright retry', 'confused'), /has not ended yet/);
  await touchInBox(world.boxwright.instance, (await world.boxwright.task(id)).box_id, '/tmp/go');
  assert.equal((await world.boxwright.waitForTask(id)).outcome_code, 'pull_request');
});

test('retry from a step: the same task goes on there; a step that there is not is told', async () => {
  const number = await issue();
  world.standin.faults.add({ kind: 'status', status: 403, op: 'pulls/create', times: 1 });
  const failed = await ask(number, 'change');
  assert.equal(failed.state, 'failed', failed.outcome);
  const words = await say(number, '/boxwright retry from nowhere', 'confused');
  assert.match(words, /`fix` has no such step; there are `gate`,.* `publish`\./);
  assert.doesNotMatch(words, /report/);
  await say(number, '/boxwright retry from publish', '+1');
  const task = await world.boxwright.waitForTask(failed.id, { when: (t) => t.state === 'done' });
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.equal((await tasksOf(number)).length, 1);
  assert.equal(world.pulls().filter((p) => p.number === task.pr_number).length, 1);
});

test('retry from a step behind a push: what is done anew is pushed, and it is retried once', async () => {
  const number = await issue();
  world.standin.faults.add({ kind: 'status', status: 403, op: 'pulls/create', times: 1 });
  const failed = await ask(number, 'change');
  assert.equal(failed.state, 'failed', failed.outcome);
  // The command's sign fails, and when the command comes again the task has ended once more.
  world.standin.faults.add({ kind: 'status', status: 502, op: 'reactions/create-for-issue-comment', times: 1 });
  await say(number, '/boxwright retry from work', '+1');
  const task = await world.boxwright.waitForTask(failed.id, { when: (t) => t.state === 'done' });
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.notEqual(task.commit_oid, failed.commit_oid);
  assert.equal(world.sha(task.branch), task.commit_oid);
  assert.equal(git(world.standin.git.dir(world.owner, world.name), ['show', `${task.branch}:note.txt`]), 'x\nx\n');
  assert.equal((await tasksOf(number)).length, 1);
});

test('what a retried task says is told beside what it said before', async () => {
  const number = await issue();
  world.standin.faults.add({ kind: 'status', status: 403, op: 'pulls/create', times: 2 });
  const failed = await ask(number, 'change');
  assert.equal(failed.state, 'failed', failed.outcome);
  // Said, and nobody hears that it was: it is looked for, and the first words are not it.
  world.standin.faults.add({ kind: 'lost', op: 'issues/create-comment', times: 1 });
  await say(number, '/boxwright retry from publish', '+1');
  const answers = await until('the second answer', async () => {
    const ours = (await world.comments(number)).map((c) => c.body).filter((b) => b.includes('k=answer'));
    return ours.length > 1 && (await world.boxwright.task(failed.id)).state === 'failed' && ours;
  });
  assert.deepEqual(answers.map((b) => /t=([^;]+);/.exec(b)[1]), [`${failed.id}`, `${failed.id}-2`]);
  assert.equal(world.standin.faults.list.length, 0);
});

test('budget counts up, once for each command', async () => {
  const number = await issue();
  const task = await ask(number, 'change');
  assert.match(await say(number, '/boxwright budget +2.50', '+1', 'boss'), /\$2\.50 more[\s\S]*\$2\.50 were added in all/);
  // The answer is lost: the command comes again, and adds nothing.
  world.standin.faults.add({ kind: 'lost', op: 'issues/create-comment', times: 1 });
  const { comment } = await world.comment(task.pr_number, '/boxwright budget +1', 'boss');
  await until('the sum is told', async () => (await replies(task.pr_number)).some((b) => b.includes('$3.50 were added')));
  await until('the sign', async () => reactions(comment).includes('+1'));
  assert.equal((await replies(task.pr_number)).length, 1);
  const status = await say(number, '/boxwright status', '+1');
  assert.match(status, /added to the budget: \$3\.50/);
  assert.match(status, new RegExp(`pull request: #${task.pr_number}\\n`));
  assert.match(status, /\$0\.01/);
});

test('a pull request that is merged ends its conversation: work stops, the box goes', async () => {
  const number = await issue();
  const task = await ask(number, 'change');
  const box = task.box_id;
  assert.ok((await boxIds(world.boxwright.instance)).includes(box));
  const { delivery } = await world.comment(task.pr_number, '/boxwright fix do:wait');
  const { id } = await world.boxwright.taskOf(delivery.guid);
  await waitForText(world, id, 'waiting');
  await world.standin.mergePull({ repo: world.repo, number: task.pr_number });
  const stopped = await world.boxwright.waitForTask(id);
  assert.equal(stopped.state, 'cancelled', stopped.outcome);
  assert.match(stopped.outcome, new RegExp(`pull request #${task.pr_number} was merged`));
  await until('the box is gone', async () => !(await boxIds(world.boxwright.instance)).includes(box));
});

test('an issue that is closed while its pull request is open ends nothing', async () => {
  const number = await issue();
  const task = await ask(number, 'change');
  await over(await world.standin.editIssue({ repo: world.repo, number, state: 'closed' }));
  const more = await world.fix(task.pr_number, { text: '/boxwright fix do:more' });
  assert.equal(more.state, 'done', more.outcome);
  assert.equal(more.box_id, task.box_id);
});

test('the App leaves a repository: its work stops; when it comes back, it works again', async () => {
  const number = await issue();
  const id = await begun(number, 'wait');
  await world.standin.deliver('installation_repositories', { action: 'removed', owner: world.owner, repos: [world.repo] });
  const task = await world.boxwright.waitForTask(id);
  assert.equal(task.state, 'cancelled', task.outcome);
  assert.match(task.outcome, /removed from the repository/);
  await world.standin.deliver('installation_repositories', { action: 'added', owner: world.owner, repos: [world.repo] });
  assert.equal((await ask(await issue(), 'change')).outcome_code, 'pull_request');
});
