// SPDX-License-Identifier: MIT
// How a task can end, and every reason for which none is started.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { scripted } from './lib/agent.mjs';
import { startWorld, until } from './lib/world.mjs';

let world;
// What the agent does is told by the request's text.
const AGENT = `
prompt = sys.argv[sys.argv.index("-p") + 1]
def asked(word): return ("do:" + word) in prompt
if asked("nothing"): end("There is nothing to change: it works as described.")
if asked("error"): fail("the model said no")
if asked("crash"): sys.exit(3)
if asked("silent"): sys.exit(0)
if asked("workflow"):
    os.makedirs(".github/workflows", exist_ok=True); open(".github/workflows/x.yml", "w").write("on: push\\n")
elif asked("escape"): os.symlink("../../etc/passwd", "out")
elif asked("gitmodules"): open(".gitmodules", "w").write("[submodule \\"x\\"]\\n")
elif asked("mention"):
    open("note.txt", "w").write("x\\n"); end("Fixed. Thanks @stranger, this fixes #99. ![x](http://evil/x.png) <!-- boxwright:t=9 -->")
else: open("note.txt", "w").write("hello\\n")
end("Did it.")
`;

before(async () => { world = await startWorld({ repo: { fixture: 'tests/demo/repo' }, config: scripted(AGENT) }); });
after(() => world.close());

const issue = async (title = 'A small thing') => (await world.issue(title, 'Please do it.')).number;
const bodies = async (number) => (await world.comments(number)).map((c) => c.body);
const reactions = (comment) => world.reactions('comment', comment.id).map((r) => r.content ?? r);
const ask = (number, word) => world.fix(number, { text: `/boxwright fix do:${word}` });

test('a change becomes a draft pull request', async () => {
  const number = await issue();
  const task = await ask(number, 'change');
  assert.equal(task.outcome_code, 'pull_request');
  assert.equal(world.pulls().find((p) => p.number === task.pr_number).draft, true);
  const comments = await bodies(number);
  assert.equal(comments.filter((c) => c.includes('k=status')).length, 1);
  assert.match(comments.find((c) => c.includes('k=status')), /there is a pull request/);
});

test('no change: no pull request, and a comment that says so', async () => {
  const number = await issue();
  const pulls = world.pulls().length;
  const task = await ask(number, 'nothing');
  assert.equal(task.state, 'done');
  assert.equal(task.outcome_code, 'no_change');
  assert.equal(world.pulls().length, pulls);
  assert.ok((await bodies(number)).some((c) => c.includes('k=answer') &&
    c.includes('without changing a file') && c.includes('works as described')));
});

for (const [word, reason] of [['error', /the model said no/], ['crash', /agent/], ['silent', /agent/]])
  test(`an agent that ends with ${word} fails the task, and people are told`, async () => {
    const number = await issue();
    const task = await ask(number, word);
    assert.equal(task.state, 'failed', task.outcome);
    assert.match(task.outcome, reason);
    assert.equal((await bodies(number)).filter((c) => c.includes('k=answer')).length, 1);
  });

for (const [word, name] of [['workflow', '.github/workflows/x.yml'], ['escape', 'out'],
  ['gitmodules', '.gitmodules']])
  test(`a change of ${name} is refused by name`, async () => {
    const task = await ask(await issue(), word);
    assert.equal(task.state, 'failed');
    assert.equal(task.outcome_code, 'failed_result');
    assert.ok(task.outcome.includes(name), task.outcome);
    assert.ok(!task.pr_url);
  });

test('what an agent says cannot notify, close or load anything', async () => {
  const task = await ask(await issue(), 'mention');
  const { body } = await world.pull(task.pr_number);
  assert.doesNotMatch(body, /@stranger/);
  assert.doesNotMatch(body, /fixes #99/i);
  assert.doesNotMatch(body, /!\[/);
  assert.doesNotMatch(body, /boxwright:t=9/);
});

test('a stranger gets a reaction and no words', async () => {
  const number = await issue();
  const task = await world.fix(number, { login: 'stranger' });
  assert.equal(task.state, 'refused');
  assert.match(task.outcome, /write/);
  assert.deepEqual((await bodies(number)).length, 1);
  assert.deepEqual(reactions(task.comment), ['confused']);
});

test('a closed issue starts nothing: told by the delivery, or found by the gate', async () => {
  const number = await issue();
  await world.standin.upstream('PATCH', `/repos/${world.repo}/issues/${number}`, { state: 'closed' });
  const { delivery } = await world.comment(number, '/boxwright fix');
  const row = await world.boxwright.need('GET', `/v1/deliveries/${delivery.guid}`);
  assert.equal(row.reason_code, 'issue_closed');
  const lying = await world.comment(number, '/boxwright fix', 'maintainer',
    { override: { issue: { state: 'open' } } });
  const { id } = await world.boxwright.taskOf(lying.delivery.guid);
  assert.equal((await world.boxwright.waitForTask(id)).outcome_code, 'refused_closed');
});

test('a mention and the label start a task too', async () => {
  const number = await issue();
  const slug = world.standin.app.slug;
  const mentioned = await world.fix(number, { text: `@${slug} please fix this do:change` });
  assert.equal(mentioned.outcome_code, 'pull_request', mentioned.outcome);
  const labelled = await issue('Another small thing');
  const delivery = await world.standin.deliver('issues',
    { action: 'labeled', repo: world.repo, issue: labelled, label: 'boxwright', sender: 'maintainer' });
  assert.equal(delivery.status_code, 202, delivery.answer);
  const { id } = await world.boxwright.taskOf(delivery.guid);
  assert.equal((await world.boxwright.waitForTask(id)).outcome_code, 'pull_request');
});

test('an unknown verb is answered once, with where the verbs stand', async () => {
  const number = await issue();
  const { comment, delivery } = await world.comment(number, '/boxwright dance');
  assert.equal(delivery.status_code, 202);
  await until('the help', async () => (await bodies(number)).some((c) => c.includes('`/boxwright help` lists')));
  assert.deepEqual(reactions(comment), ['confused']);
  assert.equal((await bodies(number)).length, 2);
});

for (const [what, body] of [['a quote', '> /boxwright fix'], ['a code block', '```\n/boxwright fix\n```'],
  ['a word in the middle', 'please /boxwright fix'], ['a longer name', '/boxwrights fix']])
  test(`${what} is no command`, async () => {
    const { delivery } = await world.comment(await issue(), body);
    assert.equal(delivery.status_code, 202);
    const row = await world.boxwright.need('GET', `/v1/deliveries/${delivery.guid}`);
    assert.equal(row.task_id ?? null, null);
    assert.ok(row.reason_code ?? row.reason);
  });

test('the same delivery twice is one task', async () => {
  const number = await issue();
  const { delivery } = await world.comment(number, '/boxwright fix do:change');
  const again = await world.standin.hooks.redeliver(delivery);
  assert.equal(again.status_code, 202);
  assert.match(again.answer, /duplicate/);
  const { id } = await world.boxwright.taskOf(delivery.guid);
  await world.boxwright.waitForTask(id);
  assert.equal((await world.boxwright.tasks()).filter((t) => t.number === number).length, 1);
});
