// SPDX-License-Identifier: MIT
// Work on pull requests that people opened: their branch is pushed to, their text is left
// alone, and what cannot be pushed to is refused with the reason.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { git } from '../standin/git.mjs';
import { scripted } from './lib/agent.mjs';
import { boxIds } from './lib/engine.mjs';
import { startWorld, until } from './lib/world.mjs';

let world;
const AGENT = `
import re
prompt = sys.argv[sys.argv.index("-p") + 1]
name = re.findall(r"do:(\\w+)", prompt)[-1]
found = ",".join(sorted(p.name for p in pathlib.Path(".").glob("*.txt")))
if name != "look": open(name + ".txt", "w").write(name + "\\n")
end("Found %s, rules %s." % (found, pathlib.Path("AGENTS.md").exists()))
`;

before(async () => { world = await startWorld({ repo: { fixture: 'tests/demo/repo' }, config: scripted(AGENT) }); });
after(() => world.close());

const history = (branch) => git(world.standin.git.dir(world.owner, world.name), ['log', '--format=%H', branch])
  .trim().split('\n');
const fix = (number, word) => world.fix(number, { text: `/boxwright fix do:${word}` });
const answers = async (number, id) => (await world.comments(number)).filter((c) => c.body.includes(`t=${id};k=answer`)).map((c) => c.body);

// A person's branch with one commit, and the pull request of it.
async function theirs(branch, base) {
  const sha = world.standin.commit({ repo: world.repo, branch, files: { [`${branch}.txt`]: 'mine\n' }, message: branch });
  const { number } = await world.standin.pull({ repo: world.repo, head: branch, base, title: `My ${branch}`, body: 'All mine.' });
  return { number, sha };
}

test("on a person's pull request the work goes on top of their branch, and their text stays", async () => {
  const { number, sha } = await theirs('feature');
  const task = await fix(number, 'help');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.equal(task.branch, 'feature');
  assert.equal(task.pr_number, number);
  assert.match(task.summary, /Found feature\.txt/);
  assert.deepEqual(history('feature').slice(0, 2), [task.commit_oid, sha]);
  assert.equal((await world.pull(number)).body, 'All mine.');
  assert.equal((await world.pull(number)).title, 'My feature');
  assert.equal((await answers(number, task.id)).length, 1);
  const again = await fix(number, 'more');
  assert.equal(again.box_id, task.box_id);
  assert.deepEqual(history('feature').slice(0, 3), [again.commit_oid, task.commit_oid, sha]);
  const undone = await world.fix(number, { text: '/boxwright undo' });
  assert.equal(undone.outcome_code, 'undone', undone.outcome);
  assert.deepEqual(history('feature').slice(0, 2), [task.commit_oid, sha]);
  assert.equal((await world.pull(number)).body, 'All mine.');
});

test('a pull request into another branch than the default one is worked on where it stands', async () => {
  const stable = world.standin.commit({ repo: world.repo, branch: 'stable', files: { 'stable.txt': 'x\n' }, message: 'Stable' });
  world.standin.commit({ repo: world.repo, branch: 'backport', from: 'stable', files: { 'back.txt': 'x\n' }, message: 'Back' });
  const { number } = await world.standin.pull({ repo: world.repo, head: 'backport', base: 'stable', title: 'Back' });
  const task = await fix(number, 'port');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.match(task.summary, /Found back\.txt,stable\.txt/);
  assert.ok(history('backport').includes(stable));
  assert.equal(history('backport')[0], task.commit_oid);
});

test("the configuration of a pull request's branch counts for nothing", async () => {
  world.standin.commit({ repo: world.repo, branch: 'evil', message: 'Evil',
    files: { '.github/boxwright.yml': 'version: 1\nsetup: ["exit 9"]\ncheck: ["false"]\n' } });
  const { number } = await world.standin.pull({ repo: world.repo, head: 'evil', title: 'Evil' });
  const task = await fix(number, 'good');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.doesNotMatch((await answers(number, task.id))[0], /failed/);
});

test('a branch that was deleted is refused with the reason, and looked at all the same', async () => {
  const { number } = await theirs('gone');
  git(world.standin.git.dir(world.owner, world.name), ['update-ref', `refs/pull/${number}/head`, 'refs/heads/gone']);
  git(world.standin.git.dir(world.owner, world.name), ['update-ref', '-d', 'refs/heads/gone']);
  const task = await fix(number, 'help');
  assert.equal(task.outcome_code, 'refused_gone', task.outcome);
  assert.equal(task.state, 'refused');
  assert.match((await answers(number, task.id))[0], /branch gone of pull request .* is gone/);
  const look = await world.fix(number, { text: '/boxwright ask what is there? do:look' });
  assert.equal(look.outcome_code, 'answered', look.outcome);
  assert.match(look.summary, /gone\.txt/);
});

test('a pull request of the default branch is never pushed to', async () => {
  world.standin.commit({ repo: world.repo, branch: 'release', files: { 'release.txt': 'x\n' }, message: 'Release' });
  const base = history('main')[0];
  const { number } = await world.standin.pull({ repo: world.repo, head: 'main', base: 'release', title: 'Release it' });
  const task = await fix(number, 'sneak');
  assert.equal(task.outcome_code, 'refused_default', task.outcome);
  assert.equal(task.state, 'refused');
  assert.equal(history('main')[0], base);
  assert.match((await answers(number, task.id))[0], /default branch main, which is never pushed to/);
});

test('a pull request that is closed during the run gets nothing', async () => {
  const { number } = await world.issue('To be closed', 'Please.');
  const task = await fix(number, 'first');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  const { delivery } = await world.comment(number, '/boxwright fix do:second');
  const { id } = await world.boxwright.taskOf(delivery.guid);
  await until('the work', async () => (await world.boxwright.task(id)).steps.some((s) => s.name === 'work'), { every: 5 });
  await world.standin.closePull({ repo: world.repo, number: task.pr_number, login: 'maintainer', deliver: false });
  const ended = await world.boxwright.waitForTask(id);
  assert.equal(ended.outcome_code, 'stopped_closed', ended.outcome);
  assert.equal(history(task.branch)[0], task.commit_oid);
  const anew = await fix(number, 'third');
  assert.equal(anew.outcome_code, 'pull_request', anew.outcome);
  assert.notEqual(anew.pr_number, task.pr_number);
  assert.ok((await boxIds(world.boxwright.instance)).includes(task.box_id));
});
