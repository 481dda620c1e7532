// SPDX-License-Identifier: MIT
// Pull requests from forks: what only looks works on them, what would push is refused with what
// to do instead, and nothing of a fork is taken for ours because it has the same name.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { git } from '../standin/git.mjs';
import { scripted } from './lib/agent.mjs';
import { startWorld, until } from './lib/world.mjs';

const AGENT = `
prompt = sys.argv[sys.argv.index("-p") + 1]
found = ",".join(sorted(p.name for p in pathlib.Path(".").glob("*.txt")))
if '"findings"' in prompt:
    end(json.dumps({"summary": "Found " + found, "findings": [{"path": "theirs.txt", "line": 1, "severity": "note", "text": "Why?"}]}))
open("made.txt", "a").write("made\\n")
end("Found %s." % found)
`;
const RULES = { '.github/boxwright.yml': 'version: 1\ncheck: ["test -f theirs.txt"]\n' };

let world;
let fork;
let theirs; // {number, sha}
before(async () => {
  world = await startWorld({ repo: { fixture: 'tests/demo/repo' }, config: scripted(AGENT) });
  world.standin.commit({ repo: world.repo, files: RULES, message: 'Rules' });
  fork = (await world.standin.fork({ repo: world.repo, login: 'stranger' })).full_name;
  theirs = await offer('patch-1');
});
after(() => world.close());

const bare = () => world.standin.git.dir(world.owner, world.name);
const refs = () => git(bare(), ['for-each-ref', '--format=%(objectname) %(refname)']);
const forkRefs = () => git(world.standin.git.dir(...fork.split('/')), ['for-each-ref', '--format=%(objectname) %(refname)']);
const ask = (number, text, login) => world.fix(number, { text: `/boxwright ${text}`, login });
const answer = async (number, id) => (await world.comments(number)).filter((c) => c.body.includes(`t=${id};k=answer`)).map((c) => c.body).join('\n');
const outcome = async ({ guid }) => {
  const delivery = world.standin.hooks.list.find((d) => d.guid === guid);
  return JSON.parse(delivery.answer);
};

// A stranger's commit on a branch of the fork, and the pull request of it.
async function offer(branch, deliver = false) {
  const sha = world.standin.commit({ repo: fork, branch, login: 'stranger', message: 'Theirs',
    files: { 'theirs.txt': 'theirs\n', '.github/boxwright.yml': 'version: 1\ncheck: ["false"]\nsetup: ["exit 9"]\n' } });
  const { number } = await world.standin.pull({ repo: world.repo, login: 'stranger', head: `stranger:${branch}`, title: 'Theirs', deliver });
  return { number, sha };
}

for (const [verb, code] of [['fix', 'refused_fork'], ['rebase', 'refused_fork'], ['undo', 'refused_undo']])
  test(`${verb} is refused, and says what to do instead`, async () => {
    const [own, other] = [refs(), forkRefs()];
    const task = await ask(theirs.number, verb);
    assert.equal(task.outcome_code, code, task.outcome);
    const said = await answer(theirs.number, task.id);
    assert.match(said, verb === 'undo' ? /There is no run here.*only changes that this service made\./
      : /Pull request #\d+ comes from a fork, where the App cannot push.*`ask`, `review` and `test` work here.*issue.*\./s);
    assert.doesNotMatch(said, /prepare|refs\//);
    assert.deepEqual([refs(), forkRefs()], [own, other]);
  });

test('ask, test and review work on what the fork offers, by the rules of the default branch', async () => {
  const [own, other] = [refs(), forkRefs()];
  const asked = await ask(theirs.number, 'ask what is there?');
  assert.equal(asked.outcome_code, 'answered', asked.outcome);
  assert.equal(asked.base_oid, theirs.sha);
  assert.match(await answer(theirs.number, asked.id), /theirs\.txt/);
  const tested = await ask(theirs.number, 'test');
  assert.equal(tested.state, 'done', tested.outcome);
  assert.match(await answer(theirs.number, tested.id), /1 check passed/);
  const reviewed = await ask(theirs.number, 'review');
  assert.equal(reviewed.state, 'done', reviewed.outcome);
  const lines = (await world.standin.upstream('GET', `/repos/${world.repo}/pulls/${theirs.number}/comments`)).body;
  assert.deepEqual(lines.map((c) => [c.path, c.line, c.commit_id]), [['theirs.txt', 1, theirs.sha]]);
  assert.deepEqual([refs(), forkRefs()], [own, other]);
});

test('a push to the fork is seen by the next question', async () => {
  const { sha } = await world.standin.push({ repo: fork, branch: 'patch-1', login: 'stranger', files: { 'later.txt': 'x\n' } });
  const asked = await ask(theirs.number, 'ask what is there now?');
  assert.equal(asked.base_oid, sha);
  assert.match(await answer(theirs.number, asked.id), /later\.txt/);
});

test('a failed check of a fork repairs nothing', async () => {
  const before = (await world.boxwright.tasks('?limit=50')).length;
  const run = await world.standin.checkRun({ repo: world.repo, number: theirs.number, deliver: ['check_run', 'check_suite'], log: 'not ok' });
  const flow = await world.standin.workflowRun({ repo: world.repo, number: theirs.number });
  for (const delivery of [...run.deliveries, flow.delivery])
    assert.equal((await outcome(delivery)).outcome, 'none', JSON.stringify(await outcome(delivery)));
  assert.equal((await world.boxwright.tasks('?limit=50')).length, before);
});

test("a fork's branch with the name of ours is another one", async () => {
  const { number } = await world.issue('Make it', 'Please.');
  const ours = await ask(number, 'fix');
  assert.equal(ours.outcome_code, 'pull_request', ours.outcome);
  const copy = await offer(ours.branch, true);
  const [own, other] = [refs(), forkRefs()];
  // Its comments are not of our conversation.
  const asked = await ask(copy.number, 'ask what is there?');
  assert.notEqual(asked.lane, ours.lane);
  assert.match(await answer(copy.number, asked.id), /theirs\.txt/);
  assert.doesNotMatch(await answer(copy.number, asked.id), /made\.txt/);
  const refused = await ask(copy.number, 'fix');
  assert.equal(refused.outcome_code, 'refused_fork', refused.outcome);
  // Its failed checks neither, although GitHub tells nothing but the branch's name.
  await world.standin.checkRun({ repo: world.repo, number: copy.number, deliver: ['check_run', 'check_suite'], log: 'not ok' });
  await until('all has ended', async () => (await world.boxwright.tasks('?limit=50')).every((t) => !['ready', 'running'].includes(t.state)),
    { ms: 60000 });
  const repairs = (await world.boxwright.tasks('?limit=50')).filter((t) => t.verb === 'repair');
  assert.deepEqual(repairs.map((t) => t.state).filter((s) => s !== 'refused'), []);
  assert.deepEqual([refs(), forkRefs()], [own, other]);
  // Closing it ends nothing of ours.
  await world.standin.closePull({ repo: world.repo, number: copy.number, login: 'stranger' });
  const again = await ask(ours.pr_number, 'fix more');
  assert.equal(again.outcome_code, 'pull_request', again.outcome);
  assert.equal(again.box_id, ours.box_id);
  assert.equal(again.branch, ours.branch);
});

test('a fork that is gone is looked at all the same, and not pushed to', async () => {
  const { number, sha } = await offer('late');
  await world.standin.dropFork({ repo: fork });
  const asked = await ask(number, 'ask what is there?');
  assert.equal(asked.base_oid, sha, asked.outcome);
  assert.match(await answer(number, asked.id), /theirs\.txt/);
  const refused = await ask(number, 'fix');
  assert.equal(refused.outcome_code, 'refused_fork', refused.outcome);
  assert.match(await answer(number, refused.id), /comes from a fork/);
});
