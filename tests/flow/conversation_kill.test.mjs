// SPDX-License-Identifier: MIT
// kill -9 in every step of a further request and of an undo; and what the janitor keeps of
// conversations that nobody goes on with.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { git } from '../standin/git.mjs';
import { scripted } from './lib/agent.mjs';
import { boxIds, listInstance } from './lib/engine.mjs';
import { startWorld, until } from './lib/world.mjs';

let world, issue, first;
const AGENT = `
import re
prompt = sys.argv[sys.argv.index("-p") + 1]
name = re.findall(r"do:(\\w+)", prompt)[-1]
time.sleep(0.3)
open(name + ".txt", "w").write(name + "\\n")
end("Did %s, session %s." % (name, "--session" in sys.argv))
`;

before(async () => {
  world = await startWorld({ repo: { fixture: 'tests/demo/repo' },
    config: { ...scripted(AGENT), conversation: { boxes: 1 } } });
  issue = (await world.issue('Make it good', 'Please.')).number;
  first = await world.fix(issue, { text: '/boxwright fix do:one' });
  assert.equal(first.outcome_code, 'pull_request', first.outcome);
});
after(() => world.close());

const history = (branch) => git(world.standin.git.dir(world.owner, world.name), ['log', '--format=%H', branch])
  .trim().split('\n');
const answers = async (number, id) => (await world.comments(number)).filter((c) => c.body.includes(`t=${id};k=answer`));
const images = async () => (await listInstance(world.boxwright.instance)).snapshots.filter((s) => s.startsWith('boxwright-snap:conv-'));

// Kills the service once the task is in that step.
async function killedIn(text, step) {
  const { delivery } = await world.comment(first.pr_number, text);
  const { id } = await world.boxwright.taskOf(delivery.guid);
  const seen = await until(`task ${id} in ${step}`, async () => {
    const t = await world.boxwright.task(id);
    return (t.steps.some((s) => s.name === step) || ['done', 'failed'].includes(t.state)) && t;
  }, { every: 5 });
  await world.boxwright.restart();
  return { ...await world.boxwright.waitForTask(id, { state: 'done' }), was: seen.state };
}

for (const step of ['gate', 'prepare', 'work', 'collect', 'publish', 'report'])
  test(`a further request that is killed in ${step} is done once`, async () => {
    const before = history(first.branch);
    const task = await killedIn(`/boxwright fix do:${step}`, step);
    assert.equal(task.outcome_code, 'pull_request', task.outcome);
    assert.deepEqual(history(first.branch), [task.commit_oid, ...before]);
    assert.match(task.summary, /session True/);
    assert.equal((await answers(first.pr_number, task.id)).length, 1);
    assert.equal(world.pulls().length, 1);
    assert.deepEqual(await boxIds(world.boxwright.instance), [first.box_id]);
    assert.equal((await images()).length, 1);
  });

for (const step of ['undo', 'report'])
  test(`an undo that is killed in ${step} is done once`, async () => {
    const before = history(first.branch);
    const task = await world.fix(first.pr_number, { text: `/boxwright fix do:a${step}` });
    assert.equal(task.outcome_code, 'pull_request', task.outcome);
    const undone = await killedIn('/boxwright undo', step);
    assert.equal(undone.outcome_code, 'undone', undone.outcome);
    assert.deepEqual(history(first.branch), before);
    assert.equal((await answers(first.pr_number, undone.id)).length, 1);
    const next = await world.fix(first.pr_number, { text: `/boxwright fix do:b${step}` });
    assert.match(next.summary, /session True/);
  });

test('of more boxes than are to be kept, the one that was idle longest goes', async () => {
  const { number } = await world.issue('Another', 'Please.');
  const second = await world.fix(number, { text: '/boxwright fix do:two' });
  assert.notEqual(second.box_id, first.box_id);
  await world.boxwright.restart(); // the janitor looks at once
  await until('one box is left', async () => (await boxIds(world.boxwright.instance)).length === 1);
  assert.deepEqual(await boxIds(world.boxwright.instance), [second.box_id]);
  await until('its images too', async () => (await images()).length === 0);
  const task = await world.fix(first.pr_number, { text: '/boxwright fix do:late' });
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.match(task.summary, /session False/);
});
