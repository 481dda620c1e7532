// SPDX-License-Identifier: MIT
// `rebase`, and conflicts with the base that nobody asked about: replayed on the host when
// nothing is in conflict, resolved by the agent when something is, merged and never replaced
// as soon as a person's commits are there.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { git } from '../standin/git.mjs';
import { allEvents, scripted } from './lib/agent.mjs';
import { startWorld, until } from './lib/world.mjs';

// Writes what the request says ("file=text"), and resolves conflicts by taking both sides.
const AGENT = `
import re
prompt = sys.argv[sys.argv.index("-p") + 1]
say("text", text="told: " + prompt)
say("text", text="session " + (sys.argv[sys.argv.index("--session") + 1] if "--session" in sys.argv else "new"))
if "hold conflicts" in prompt:
    head = subprocess.run(["git", "log", "-1", "--format=%s"], capture_output=True, text=True).stdout.strip()
    say("text", text="HEAD is: " + head)
    marked = subprocess.run(["git", "grep", "-l", "^<<<<<<<"], capture_output=True, text=True).stdout.split()
    say("text", text="marked: " + " ".join(marked))
    if "slowly" in prompt: time.sleep(3)
    for name in marked:
        p = pathlib.Path(name)
        text = p.read_text()
        if "leave" not in text:
            p.write_text("".join(l for l in text.splitlines(True) if not re.match("<<<<<<<|=======|>>>>>>>", l)))
    end("Took both sides.")
for name, text in re.findall(r"(\\S+\\.txt)=(\\S+)", prompt.split("What follows")[-1]):
    pathlib.Path(name).write_text(text + "\\n")
end("Wrote it.")
`;
let world;
let repo;

before(async () => {
  repo = fs.mkdtempSync(path.join(os.tmpdir(), 'boxwright-rebase-'));
  fs.cpSync('tests/demo/repo', repo, { recursive: true });
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) fs.writeFileSync(path.join(repo, `${name}.txt`), 'before\n');
  fs.writeFileSync(path.join(repo, '.github/boxwright.yml'),
    JSON.stringify({ version: 1, check: ['! git grep -q "^<<<<<<<"'] }));
  world = await startWorld({ repo: { fixture: repo }, seed: { slow_mergeable: true },
    config: scripted(AGENT, { over: { github: { comment_spacing_ms: 0, rules_cache_s: 0 } } }) });
});
after(async () => {
  fs.rmSync(repo, { recursive: true, force: true });
  await world.close();
});

const bare = () => world.standin.git.dir(world.owner, world.name);
const show = (branch, file) => git(bare(), ['show', `${branch}:${file}`]);
const parents = (branch) => git(bare(), ['log', '-1', '--format=%P', branch]).trim().split(' ');
const subjects = (branch) => git(bare(), ['log', '--format=%s', `main..${branch}`]).trim().split('\n').filter(Boolean);
const main = (files) => world.standin.commit({ repo: world.repo, branch: 'main', files, message: 'The base moves' });
const open = async (title, request) => {
  const { number } = await world.issue(title, 'Please.');
  const task = await world.fix(number, { text: `/boxwright fix ${request}` });
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  return { issue: number, number: task.pr_number, branch: task.branch };
};
const ask = async (pull, words) => {
  const { delivery } = await world.comment(pull.number, `/boxwright ${words}`);
  return world.boxwright.waitForTask((await world.boxwright.taskOf(delivery.guid)).id);
};
const text = async (task) => (await allEvents(world, task.id)).map((e) => e.text).join('\n');
const said = async (pull) => (await world.comments(pull.number)).map((c) => c.body).join('\n---\n');
const rebases = async (pull) => (await world.boxwright.tasks()).filter((t) =>
  t.verb === 'rebase' && t.trigger_kind === 'base_moved' && t.number === pull.number);

test('nothing in conflict: one commit on the new base, checked, without an agent', async () => {
  const pull = await open('One', 'a.txt=mine');
  await ask(pull, 'fix new.txt=new');
  assert.equal(subjects(pull.branch).length, 2);
  main({ 'b.txt': 'theirs\n' });
  const task = await ask(pull, 'rebase');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.deepEqual(parents(pull.branch), [world.sha('main')]);
  assert.equal(subjects(pull.branch).length, 1);
  assert.deepEqual(['a.txt', 'b.txt', 'new.txt'].map((f) => show(pull.branch, f)), ['mine\n', 'theirs\n', 'new\n']);
  assert.ok(!task.steps.some((s) => s.name === 'work'), 'there is nothing for an agent to do');
  assert.equal(task.steps.find((s) => s.name === 'verify').detail, '1 check passed');
  assert.match(await said(pull), /Replayed on the newest commit of `main`/);
  const { body } = await world.pull(pull.number);
  assert.match(body, /a\.txt/);
  assert.doesNotMatch(body, /b\.txt/); // the change, not what the base brought
  // Once more: there is nothing to do.
  const again = await ask(pull, 'rebase');
  assert.equal(again.outcome_code, 'no_change', again.outcome);
  assert.match(await said(pull), /stands on the newest commit of `main` already/);
  // The conversation goes on, in its session, on top of it.
  const more = await ask(pull, 'fix c.txt=more');
  assert.equal(more.outcome_code, 'pull_request', more.outcome);
  assert.match(await text(more), /session s1/);
  assert.deepEqual(['b.txt', 'c.txt'].map((f) => show(pull.branch, f)), ['theirs\n', 'more\n']);
});

test('a conflict is resolved by the agent in a fresh box on the new base', async () => {
  const pull = await open('Two', 'd.txt=mine e.txt=kept');
  main({ 'd.txt': 'theirs\n', 'b.txt': 'again\n' });
  const task = await ask(pull, 'rebase');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  const told = await text(task);
  assert.match(told, /- `d\.txt`: changed on both sides/);
  assert.match(told, /marked: d\.txt$/m);
  assert.match(told, /HEAD is: The base moves/);
  assert.match(told, /session new/);
  assert.deepEqual(parents(pull.branch), [world.sha('main')]);
  assert.equal(show(pull.branch, 'd.txt'), 'theirs\nmine\n');
  assert.deepEqual(['b.txt', 'e.txt'].map((f) => show(pull.branch, f)), ['again\n', 'kept\n']);
  assert.match(await said(pull), /Took both sides/);
});

test('kill -9 while the conflict is resolved, and while it is published', async () => {
  const pull = await open('Killed slowly', 'c.txt=mine');
  main({ 'c.txt': 'theirs\n' });
  const { delivery } = await world.comment(pull.number, '/boxwright rebase');
  const { id } = await world.boxwright.taskOf(delivery.guid);
  await until('it is worked on', async () => (await text({ id })).includes('marked: c.txt'));
  await world.boxwright.restart();
  await until('it is checked', async () => (await text({ id })).includes('1 check passed'));
  await world.boxwright.restart();
  const task = await world.boxwright.waitForTask(id);
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.deepEqual(parents(pull.branch), [world.sha('main')]);
  assert.equal(show(pull.branch, 'c.txt'), 'theirs\nmine\n');
  assert.equal((await text({ id })).match(/HEAD is: /g).length, 1, 'the agent ran once');
});

test('markers that are left are never published', async () => {
  const pull = await open('Three', 'f.txt=leave');
  const head = world.sha(pull.branch);
  main({ 'f.txt': 'theirs\n' });
  const task = await ask(pull, 'rebase');
  assert.equal(task.outcome_code, 'failed_result', task.outcome);
  assert.match(task.outcome, /left all conflicts|conflict markers are left in f\.txt/);
  assert.equal(world.sha(pull.branch), head);
  assert.match(await said(pull), /cannot be published/);
});

test('a person\'s commits are merged with, not replaced', async () => {
  const pull = await open('Four', 'g.txt=mine');
  const theirs = world.standin.commit({ repo: world.repo, branch: pull.branch, files: { 'p.txt': 'p\n' }, message: 'By hand' });
  const person = world.sha(pull.branch);
  assert.ok(theirs);
  main({ 'g.txt': 'theirs\n' });
  const task = await ask(pull, 'rebase');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.deepEqual(parents(pull.branch), [person, world.sha('main')]);
  assert.ok(subjects(pull.branch).includes('By hand'));
  assert.equal(show(pull.branch, 'g.txt'), 'theirs\nmine\n');
  assert.equal(show(pull.branch, 'p.txt'), 'p\n');
});

test('a push of the base: one rebase of each pull request that conflicts, none of others', async () => {
  const pull = await open('Five', 'a.txt=five');
  const other = await open('Six', 'six.txt=six');
  const head = world.sha(other.branch);
  const { delivery } = await world.standin.push({ repo: world.repo, branch: 'main',
    files: { 'a.txt': 'pushed\n' }, message: 'Pushed' });
  const [made] = await until('a rebase is made', async () => {
    const list = await rebases(pull);
    return list.length ? list : null;
  });
  const task = await world.boxwright.waitForTask(made.id);
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.deepEqual(parents(pull.branch), [world.sha('main')]);
  assert.equal(show(pull.branch, 'a.txt'), 'pushed\nfive\n');
  assert.deepEqual(subjects(pull.branch), ['fix: Five']); // nobody asked: named by the pull request
  // The same push told again makes no other.
  await world.standin.deliver('push', { repo: world.repo,
    push: { before: git(bare(), ['rev-parse', 'main~1']).trim(), after: world.sha('main'), branch: 'main' } });
  assert.ok(delivery);
  const { comment } = await world.comment(other.number, '/boxwright status');
  await until('the commands before it are done', async () =>
    (await world.comments(other.number)).some((c) => c.id > comment.id));
  assert.equal((await rebases(pull)).length, 1);
  assert.equal((await rebases(other)).length, 0);
  assert.equal(world.sha(other.branch), head);
});

test('switched off, or stopped by `cancel`: the base may conflict', async () => {
  const pull = await open('Seven', 'b.txt=seven');
  await world.standin.push({ repo: world.repo, branch: 'main', message: 'Off',
    files: { 'b.txt': 'off\n', '.github/boxwright.yml': JSON.stringify({ version: 1, repair: { conflicts: false } }) } });
  const { comment } = await world.comment(pull.number, '/boxwright status');
  await until('the commands before it are done', async () =>
    (await world.comments(pull.number)).some((c) => c.id > comment.id));
  assert.equal((await rebases(pull)).length, 0);
  // Asked for, it is done all the same.
  const task = await ask(pull, 'rebase');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.equal(show(pull.branch, 'b.txt'), 'off\nseven\n');
});
