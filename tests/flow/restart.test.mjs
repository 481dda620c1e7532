// SPDX-License-Identifier: MIT
// kill -9 in the middle of an agent's run: the run goes on, its output is whole, and there
// is one of everything.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allEvents, scripted, waitForText } from './lib/agent.mjs';
import { boxNamed } from './lib/engine.mjs';
import { startWorld } from './lib/world.mjs';

const LINES = 400;
const AGENT = `
for i in range(${LINES}):
    say("text", text="line %d." % i)
    time.sleep(0.02)
open("result.txt", "w").write("pid %d\\n" % os.getpid())
end("Counted to ${LINES}.")
`;

test('a killed service takes the run up where it was', async () => {
  const world = await startWorld({ repo: { fixture: 'tests/demo/repo' }, config: scripted(AGENT) });
  try {
    const { number } = await world.issue('Count', 'Slowly.');
    const { delivery } = await world.comment(number, '/boxwright fix');
    const { id } = await world.boxwright.taskOf(delivery.guid);
    for (const line of [20, 210]) {
      await waitForText(world, id, `line ${line}.`);
      await world.boxwright.restart();
    }
    const task = await world.boxwright.waitForTask(id, { state: 'done' });
    const events = await allEvents(world, id);
    const lines = events.filter((e) => e.kind === 'text')
      .flatMap((e) => [...e.text.matchAll(/line (\d+)\./g)].map((m) => Number(m[1])));
    assert.deepEqual(lines, Array.from({ length: LINES }, (_, i) => i));
    assert.deepEqual(events.map((e) => e.seq), events.map((_, i) => i + 1));
    assert.equal(events.filter((e) => e.text === 'custom started').length, 1);
    assert.equal(events.filter((e) => e.text.startsWith('the run goes on')).length, 2);
    assert.equal(world.pulls().length, 1);
    assert.equal(task.pr_number, world.pulls()[0].number);
    const comments = await world.comments(number);
    assert.equal(comments.filter((c) => c.body.includes('k=status')).length, 1);
    assert.deepEqual(world.reactions('comment', task.comment_id).map((r) => r.content ?? r).sort(),
      ['eyes', 'hooray']);
  } finally {
    await world.close();
  }
});

test('a step that ends the service three times is given up, and people are told', async () => {
  const world = await startWorld({ repo: { fixture: 'tests/demo/repo' }, config: scripted(AGENT) });
  try {
    const { number } = await world.issue('Deadly', 'Please.');
    const { delivery } = await world.comment(number, '/boxwright fix');
    const { id } = await world.boxwright.taskOf(delivery.guid);
    await waitForText(world, id, 'line 5.');
    for (let i = 1; i <= 3; i++) {
      await world.boxwright.waitForTask(id, { when: (t) => t.state === 'running' && t.step === 'work' });
      await world.boxwright.restart();
    }
    const task = await world.boxwright.waitForTask(id, { state: 'failed' });
    assert.equal(task.outcome_code, 'failed_crash', task.outcome);
    const answers = (await world.comments(number)).filter((c) => c.body.includes('k=answer'));
    assert.equal(answers.length, 1);
    assert.match(answers[0].body, /ended 3 times during the step work/);
    assert.equal((await boxNamed(world.boxwright.instance, task.box_id)).State.Running, false);
  } finally {
    await world.close();
  }
});
