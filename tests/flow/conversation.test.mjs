// SPDX-License-Identifier: MIT
// One issue, one box, one session, one branch, over many comments: what each of them finds,
// what the branch's history is then, and what people are told.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { git } from '../standin/git.mjs';
import { allEvents, scripted, waitForText } from './lib/agent.mjs';
import { binary } from './lib/boxwright.mjs';
import { boxIds, boxNamed, removeBox } from './lib/engine.mjs';
import { startWorld, until } from './lib/world.mjs';

let world;
// Does what the last "do:" of its prompt says, and tells which run of the box this is, which
// session it goes on with and what it finds.
const AGENT = `
import re
prompt = sys.argv[sys.argv.index("-p") + 1]
session = sys.argv[sys.argv.index("--session") + 1] if "--session" in sys.argv else "new"
log = pathlib.Path("/home/boxuser/runs")
log.write_text((log.read_text() if log.exists() else "") + "x")
word, arg = re.findall(r"do:(\\w+)-?(\\w*)", prompt)[-1]
files = sorted(p.name for p in pathlib.Path(".").glob("*.txt"))
if word == "wait":
    say("text", text="waiting in %s" % arg)
    while not os.path.exists("/tmp/go-" + arg): time.sleep(0.05)
    word = "add"
if word == "fail": say("text", text="I try."); open("half.txt", "w").write("half\\n"); fail("it did not work")
if word == "add": open(arg + ".txt", "w").write(arg + "\\n")
if word == "keep": os.makedirs("node_modules", exist_ok=True); open("node_modules/kept", "w").write("x"); open(arg + ".txt", "w").write("x\\n")
kept = os.path.exists("node_modules/kept")
say("text", text="run %d session %s" % (len(log.read_text()), session))
end("Did %s %s; run %d, session %s, found %s%s." % (word, arg, len(log.read_text()), session, ",".join(files), " kept" if kept else ""))
`;

before(async () => { world = await startWorld({ repo: { fixture: 'tests/demo/repo' }, config: scripted(AGENT) }); });
after(() => world.close());

// Newest first, with its parents.
const history = (branch) => git(world.standin.git.dir(world.owner, world.name), ['log', '--format=%H %P', branch])
  .trim().split('\n').map((line) => ({ sha: line.split(' ')[0], parents: line.split(' ').slice(1) }));
const onTop = (branch, from) => history(branch).slice(0, history(branch).findIndex((c) => c.sha === from));
const begin = async (number, word) => {
  const { delivery, comment } = await world.comment(number, `/boxwright fix do:${word}`);
  return { ...await world.boxwright.taskOf(delivery.guid), comment };
};
const ask = (number, word) => world.fix(number, { text: `/boxwright fix do:${word}` });
const say = async (number, text) => world.fix(number, { text });
const answers = async (number, id) => (await world.comments(number))
  .filter((c) => c.body.includes(`t=${id};k=answer`)).map((c) => c.body);
const files = (branch) => world.tree(branch).map((e) => e.path).filter((p) => p.endsWith('.txt'));
const boxOf = (name) => boxNamed(world.boxwright.instance, name);
const letGo = (box, word) => execFileSync(binary(), ['box', 'exec', box, '--', 'touch', `/tmp/go-${word}`],
  { env: { PATH: process.env.PATH, BOXWRIGHT_API: world.boxwright.url, BOXWRIGHT_API_KEY: world.boxwright.key } });
const push = (branch, file) => world.standin.git.commitFiles(world.owner, world.name,
  { [file]: 'theirs\n' }, { branch, message: `Add ${file}` });

let issue, first, box, container;

test('the first request opens a pull request, and its box is paused', async () => {
  issue = (await world.issue('Make it good', 'Please.')).number;
  first = await ask(issue, 'keep-one');
  assert.equal(first.outcome_code, 'pull_request', first.outcome);
  assert.match(first.summary, /run 1, session new/);
  box = first.box_id;
  assert.match(box, /^conv-\d+$/);
  container = await boxOf(box);
  assert.equal(container.State.Running, false);
  const [commit, ...rest] = history(first.branch);
  assert.deepEqual(rest.map((c) => c.sha), history('main').map((c) => c.sha));
  assert.equal(commit.sha, first.commit_oid);
});

test('a comment on the pull request goes to the same box and session, and is answered', async () => {
  const task = await ask(first.pr_number, 'add-two');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.equal(task.pr_number, first.pr_number);
  assert.equal(task.branch, first.branch);
  assert.equal(task.box_id, box);
  assert.equal((await boxOf(box)).Id, container.Id);
  assert.match(task.summary, /run 2, session s1, found one.txt,? ?.*kept/);
  assert.deepEqual(onTop(first.branch, first.commit_oid).map((c) => c.sha), [task.commit_oid]);
  const [answer, ...more] = await answers(first.pr_number, task.id);
  assert.deepEqual(more, []);
  assert.match(answer, new RegExp(`in commit ${task.commit_oid.slice(0, 12)} on \`${first.branch}\``));
  assert.match(answer, /added `two\.txt`/);
  assert.match(answer, /run 2, session s1/);
  const pull = await world.pull(first.pr_number);
  assert.match(pull.body, /run 2, session s1/);
  assert.match(pull.body, new RegExp(`Fixes #${issue}\\b`));
  assert.equal(world.pulls().length, 1);
});

test('so does one on the issue', async () => {
  const before = history(first.branch)[0].sha;
  const task = await ask(issue, 'add-three');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.match(task.summary, /run 3, session s1/);
  assert.deepEqual(onTop(first.branch, before).map((c) => c.sha), [task.commit_oid]);
  assert.equal((await answers(issue, task.id)).length, 1);
  assert.deepEqual(await answers(first.pr_number, task.id), []);
  assert.equal(world.pulls().length, 1);
});

test('a question changes nothing, and is answered in the same session', async () => {
  const before = history(first.branch)[0].sha;
  const task = await ask(first.pr_number, 'look');
  assert.equal(task.outcome_code, 'no_change', task.outcome);
  assert.match((await answers(first.pr_number, task.id))[0], /session s1, found one.txt,three.txt,two.txt/);
  assert.equal(history(first.branch)[0].sha, before);
});

test('what a failed run left half done is gone in the next one', async () => {
  const failed = await ask(first.pr_number, 'fail');
  assert.equal(failed.outcome_code, 'failed_agent', failed.outcome);
  const task = await ask(first.pr_number, 'add-four');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.doesNotMatch(task.summary, /half/);
  assert.match(task.summary, /session s1.* kept/);
  assert.ok(!files(first.branch).includes('half.txt'));
});

test("a person's commit between is worked on top of", async () => {
  const before = history(first.branch)[0].sha;
  const theirs = push(first.branch, 'theirs.txt');
  const task = await ask(first.pr_number, 'add-five');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.match(task.summary, /found .*theirs\.txt/);
  assert.deepEqual(onTop(first.branch, before).map((c) => c.sha), [task.commit_oid, theirs]);
  assert.equal((await boxOf(box)).Id, container.Id);
});

test("a person's commit during a run stops it, overwrites nothing, and a retry goes on", async () => {
  const { id } = await begin(first.pr_number, 'wait-six');
  await waitForText(world, id, 'waiting in six');
  push(first.branch, 'also.txt');
  const theirs = push(first.branch, 'more.txt');
  letGo(box, 'six');
  const task = await world.boxwright.waitForTask(id);
  assert.equal(task.outcome_code, 'stopped_person', task.outcome);
  assert.equal(task.state, 'failed');
  assert.match(task.outcome, new RegExp(`moved by 2 commits from \\w{12} to ${theirs.slice(0, 12)}`));
  assert.equal(history(first.branch)[0].sha, theirs);
  assert.match((await answers(first.pr_number, id))[0], /nothing was overwritten.*retry/s);
  const { delivery } = await world.comment(first.pr_number, '/boxwright retry');
  assert.equal(delivery.status_code, 202);
  const again = await until('the retry', async () => (await world.boxwright.tasks()).find((t) => t.id > id));
  const done = await world.boxwright.waitForTask(again.id, { state: 'done' });
  assert.match(done.summary, /found also\.txt.*more\.txt/);
  assert.deepEqual(onTop(first.branch, theirs).map((c) => c.sha), [done.commit_oid]);
});

test('comments during a run are taken up by it, each answered once, over kill -9 too', async () => {
  const before = history(first.branch)[0].sha;
  const { id, comment } = await begin(first.pr_number, 'wait-seven');
  await waitForText(world, id, 'waiting in seven');
  const second = await begin(first.pr_number, 'wait-eight');
  const third = await begin(issue, 'add-nine');
  letGo(box, 'seven');
  await waitForText(world, id, 'waiting in eight');
  await world.boxwright.restart();
  letGo(box, 'eight');
  const task = await world.boxwright.waitForTask(id, { state: 'done' });
  for (const taken of [second, third]) {
    const row = await world.boxwright.task(taken.id);
    assert.equal(row.state, 'done');
    assert.equal(row.outcome_code, 'taken_up');
  }
  assert.deepEqual(onTop(first.branch, before).map((c) => c.sha), [task.commit_oid]);
  for (const name of ['seven.txt', 'eight.txt', 'nine.txt']) assert.ok(files(first.branch).includes(name), name);
  const runs = (await allEvents(world, id)).filter((e) => /^run \d+ session/.test(e.text)).map((e) => e.text);
  assert.equal(runs.length, 3, runs.join());
  for (const run of runs) assert.match(run, /session s1/);
  for (const [number, who, word] of [[first.pr_number, { id }, 'seven'], [first.pr_number, second, 'eight'], [issue, third, 'nine']]) {
    const told = await answers(number, who.id);
    assert.equal(told.length, 1, word);
    assert.match(told[0], new RegExp(`Did add ${word};`));
    assert.match(told[0], new RegExp(task.commit_oid.slice(0, 12)));
  }
  for (const c of [comment, second.comment, third.comment])
    assert.deepEqual(world.reactions('comment', c.id).map((r) => r.content).sort(), ['eyes', 'hooray']);
});

test('a round that goes wrong ends itself only', async () => {
  const { id } = await begin(first.pr_number, 'wait-ten');
  await waitForText(world, id, 'waiting in ten');
  const second = await begin(first.pr_number, 'fail');
  letGo(box, 'ten');
  const task = await world.boxwright.waitForTask(id, { state: 'done' });
  assert.equal(task.outcome_code, 'pull_request');
  assert.ok(files(first.branch).includes('ten.txt'));
  assert.ok(!files(first.branch).includes('half.txt'));
  const [told] = await answers(first.pr_number, second.id);
  assert.match(told, /did not work.*it did not work/s);
});

test('a cancel in a further round ends the run, and everybody is told', async () => {
  const before = history(first.branch)[0].sha;
  const { id, comment } = await begin(first.pr_number, 'wait-eightytwo');
  await waitForText(world, id, 'waiting in eightytwo');
  const second = await begin(first.pr_number, 'wait-eightythree');
  letGo(box, 'eightytwo');
  await waitForText(world, id, 'waiting in eightythree');
  await world.comment(first.pr_number, '/boxwright cancel');
  await world.boxwright.waitForTask(id, { state: 'cancelled' });
  assert.equal(history(first.branch)[0].sha, before);
  for (const c of [comment, second.comment])
    assert.deepEqual(world.reactions('comment', c.id).map((r) => r.content).sort(), ['confused', 'eyes']);
});

test('undo takes the last run back, once; box and session are those before it', async () => {
  const before = history(first.branch)[0].sha;
  const task = await ask(first.pr_number, 'keep-eleven');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  const undone = await say(first.pr_number, '/boxwright undo');
  assert.equal(undone.outcome_code, 'undone', undone.outcome);
  assert.equal(undone.state, 'done');
  assert.equal(history(first.branch)[0].sha, before);
  assert.match((await answers(first.pr_number, undone.id))[0], new RegExp(before.slice(0, 12)));
  assert.match((await world.pull(first.pr_number)).body, /Undone:/);
  const twice = await say(first.pr_number, '/boxwright undo');
  assert.equal(twice.outcome_code, 'refused_undo', twice.outcome);
  assert.match((await answers(first.pr_number, twice.id))[0], /no run here/);
  const next = await ask(first.pr_number, 'add-twelve');
  assert.equal(next.outcome_code, 'pull_request', next.outcome);
  // The run that was taken back has never been in this box.
  const count = (t) => Number(/run (\d+),/.exec(t.summary)[1]);
  assert.equal(count(next), count(task));
  assert.match(next.summary, /session s1/);
  assert.ok(!files(first.branch).includes('eleven.txt'));
  assert.deepEqual(onTop(first.branch, before).map((c) => c.sha), [next.commit_oid]);
});

test("undo never takes a person's commit", async () => {
  const theirs = push(first.branch, 'late.txt');
  const task = await say(first.pr_number, '/boxwright undo');
  assert.equal(task.outcome_code, 'stopped_person', task.outcome);
  assert.equal(history(first.branch)[0].sha, theirs);
});

test('a box that was lost is made anew, and knows no session', async () => {
  await removeBox((await boxOf(box)).Id);
  const before = history(first.branch)[0].sha;
  const task = await ask(first.pr_number, 'add-thirteen');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.match(task.summary, /run 1, session new, found .*late\.txt/);
  assert.equal(task.box_id, box);
  assert.deepEqual(onTop(first.branch, before).map((c) => c.sha), [task.commit_oid]);
});

test('a merged pull request takes the box with it; the issue begins anew', async () => {
  await world.standin.mergePull({ repo: world.repo, number: first.pr_number, login: 'maintainer' });
  await until('the box is gone', async () => !(await boxIds(world.boxwright.instance)).includes(box));
  const task = await ask(issue, 'add-fourteen');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.notEqual(task.pr_number, first.pr_number);
  assert.notEqual(task.branch, first.branch);
});

test('undo of the first run closes the pull request and deletes the branch', async () => {
  const { number } = await world.issue('Another', 'Please.');
  const task = await ask(number, 'add-alone');
  const undone = await say(number, '/boxwright undo');
  assert.equal(undone.outcome_code, 'undone', undone.outcome);
  assert.equal(world.sha(task.branch), null);
  assert.equal((await world.pull(task.pr_number)).state, 'closed');
  const again = await ask(number, 'add-alone');
  assert.equal(again.outcome_code, 'pull_request', again.outcome);
  assert.notEqual(again.pr_number, task.pr_number);
});
