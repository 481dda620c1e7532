// SPDX-License-Identifier: MIT
// How a task can end, and every reason for which none is started.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { git } from '../standin/git.mjs';
import { allEvents, scripted, waitForText } from './lib/agent.mjs';
import { touchInBox } from './lib/engine.mjs';
import { startWorld, until } from './lib/world.mjs';

let world;
// What the agent does is told by the request's text.
const AGENT = `
prompt = sys.argv[sys.argv.index("-p") + 1]
def asked(word): return ("do:" + word) in prompt
if asked("wait"):
    say("text", text="waiting")
    while not os.path.exists("/tmp/go"): time.sleep(0.05)
if asked("nothing"): end("There is nothing to change: it works as described.")
if asked("error"): fail("the model said no")
if asked("crash"):
    print("ValueError: @stranger broke it\\n  a hint", file=sys.stderr, flush=True)
    sys.exit(3)
if asked("silent"): sys.exit(0)
if asked("workflow"):
    os.makedirs(".github/workflows", exist_ok=True); open(".github/workflows/x.yml", "w").write("on: push\\n")
elif asked("escape"): os.symlink("../../etc/passwd", "out")
elif asked("gitmodules"): open(".gitmodules", "w").write("[submodule \\"x\\"]\\n")
elif asked("mention"):
    open("note.txt", "w").write("x\\n"); end("Fixed. Thanks @stranger, this fixes #99. ![x](http://evil/x.png) <!-- boxwright:t=9 -->")
else: open("note.txt", "a").write("hello\\n")
if asked("lingers"):
    say("done", output="Did it, and stay.")
    time.sleep(600)
end("Did it.")
`;

let lingering;
before(async () => {
  world = await startWorld({ repo: { fixture: 'tests/demo/repo' }, config: scripted(AGENT) });
  lingering = await world.comment(await issue(), '/boxwright fix do:lingers');
});
after(() => world.close());
afterEach(() => world.standin.faults.clear());

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

for (const [word, reason] of [['error', /the model said no/], ['crash', /exit 3.*: ValueError: @stranger broke it$/],
  ['silent', /exit 0.*: it wrote nothing on stderr/]])
  test(`an agent that ends with ${word} fails the task, and people are told`, async () => {
    const number = await issue();
    const task = await ask(number, word);
    assert.equal(task.state, 'failed', task.outcome);
    assert.match(task.outcome, reason);
    const answers = (await bodies(number)).filter((c) => c.includes('k=answer'));
    assert.equal(answers.length, 1);
    assert.doesNotMatch(answers[0], /@stranger/);
    if (word === 'crash')
      assert.deepEqual((await allEvents(world, task.id)).filter((e) => e.kind === 'stderr').map((e) => e.text),
        ['ValueError: @stranger broke it', '  a hint']);
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

// Begun in before(); it ends here, for the faults that follow would be its own too.
test('an agent that has given its last word and does not go has done its work', async () => {
  const { id } = await world.boxwright.taskOf(lingering.delivery.guid);
  const task = await world.boxwright.waitForTask(id);
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.equal(task.summary, 'Did it, and stay.');
});

// What happens to GitHub's side while the agent works.  -> the task's end
async function meanwhile(number, happens) {
  const { comment, delivery } = await world.comment(number, '/boxwright fix do:wait');
  const { id } = await world.boxwright.taskOf(delivery.guid);
  await waitForText(world, id, 'waiting').catch((e) => { throw new Error(e.message + world.boxwright.tail()); });
  await happens({ id, comment });
  await touchInBox(world.boxwright.instance, (await world.boxwright.task(id)).box_id, '/tmp/go');
  return { ...await world.boxwright.waitForTask(id), comment };
}
const fault = (kind, op, more) => world.standin.faults.add({ kind, op, ...more });
const remove = async (what, id) => {
  const { status } = await world.standin.upstream('DELETE', `/repos/${world.repo}/issues/comments/${id}`);
  assert.equal(status, 204, what);
};

test('tokens that end, comments that are deleted, words of people in our text: the work goes on', async () => {
  const number = await issue();
  const first = await ask(number, 'change');
  const title = 'As a person calls it';
  const task = await meanwhile(first.pr_number, async ({ id, comment }) => {
    world.standin.tokens.expireAll();
    const ours = (await world.comments(first.pr_number)).find((c) => c.body.includes(`t=${id};k=status`));
    await remove('our progress', ours.id);
    await remove('the request', comment.id);
    const { body } = await world.pull(first.pr_number);
    await world.standin.editIssue({ repo: world.repo, number: first.pr_number, title,
      body: `Read me first.\n\n${body}\n\nAnd me last.`, deliver: false });
  });
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  const pull = await world.pull(first.pr_number);
  assert.equal(pull.title, title);
  assert.match(pull.body, /^Read me first\.\n[^]*\nAnd me last\.$/);
  const said = await bodies(first.pr_number);
  assert.equal(said.filter((b) => b.includes(`t=${task.id};k=answer`)).length, 1, 'the answer is told all the same');
  assert.equal(said.filter((b) => b.includes(`t=${task.id};k=status`)).length, 0, 'what was deleted stays so');
});

test('a repository that moved: what git is told of it is asked for anew', async () => {
  const task = await meanwhile(await issue(), () =>
    fault('status', 'git/receive-pack', { method: 'GET', status: 301, headers: { location: 'http://127.0.0.1:1/elsewhere' } }));
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.ok(task.attempt > 1, `attempt ${task.attempt}`);
});

test('a pull request that somebody opened for our branch is taken for the one of the task', async () => {
  const number = await issue();
  let theirs;
  const take = world.standin.faults.take.bind(world.standin.faults);
  const task = await meanwhile(number, ({ id }) => {
    world.standin.faults.take = (op, method) => {
      if (op === 'pulls/create' && method === 'POST' && !theirs) {
        theirs = true;
        const head = git(world.standin.git.dir(world.owner, world.name), ['for-each-ref', '--format=%(refname:short)', 'refs/heads/boxwright'])
          .split('\n').find((b) => b.endsWith(`-t${id}`));
        theirs = world.standin.pull({ repo: world.repo, head, base: 'main', title: 'Quicker', body: 'Mine.', login: 'maintainer', deliver: false });
        return { kind: 'delay', ms: 300 };
      }
      return take(op, method);
    };
  }).finally(() => { world.standin.faults.take = take; });
  const made = await theirs;
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.equal(task.pr_number, made.number ?? made.pull.number);
  assert.equal(world.pulls().filter((p) => p.head === task.branch).length, 1);
});

const ARCHIVED = { status: 403, message: 'Repository was archived so is read-only.', times: 50 };
test('a repository that is archived meanwhile: the task ends with that, and waits for nothing', async () => {
  const task = await meanwhile(await issue(), () => {
    for (const op of ['git/receive-pack', 'issues/create-comment', 'issues/update-comment', 'reactions/create-for-issue-comment', 'pulls/create'])
      fault('status', op, ARCHIVED);
  });
  assert.equal(task.state, 'failed');
  assert.match(task.outcome, /archived/);
  assert.equal(task.attempt, 1);
});

test('the App is uninstalled meanwhile, and the delivery that says so is lost: the task ends with what to do', async () => {
  const task = await meanwhile(await issue(), () => {
    world.standin.tokens.expireAll();
    fault('status', 'apps/create-installation-access-token', { status: 404, message: 'Not Found', times: 50 });
  });
  assert.equal(task.state, 'failed');
  assert.match(task.outcome, /installed/);
  assert.equal(task.attempt, 1);
});

test('a branch that is deleted, a pull request that is merged meanwhile: nothing is pushed', async () => {
  for (const [what, code] of [['deleted', 'stopped_person'], ['merged', 'stopped_closed']]) {
    const first = await ask(await issue(), 'change');
    assert.equal(first.outcome_code, 'pull_request', first.outcome);
    const task = await meanwhile(first.pr_number, () => what === 'merged'
      ? world.standin.mergePull({ repo: world.repo, number: first.pr_number, deliver: false })
      : git(world.standin.git.dir(world.owner, world.name), ['update-ref', '-d', `refs/heads/${first.branch}`]));
    assert.equal(task.outcome_code, code, task.outcome);
    assert.match(task.outcome, new RegExp(`was ${what}`));
    assert.ok((await bodies(first.pr_number)).some((b) => b.includes(`t=${task.id};k=answer`) && b.includes(`was ${what}`)));
  }
});
