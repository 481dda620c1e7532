// SPDX-License-Identifier: MIT
// A cancel reaches a task in every step, however stuck the step is: by comment, by the
// command line, by the API.  Nothing of the task stays behind.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { scripted, waitForText } from './lib/agent.mjs';
import { binary } from './lib/boxwright.mjs';
import { boxIds, boxNamed } from './lib/engine.mjs';
import { startWorld, until } from './lib/world.mjs';

const AGENT = `
prompt = sys.argv[sys.argv.index("-p") + 1]
open("note.txt", "w").write("hello\\n")
if "do:sleep" in prompt:
    # A tool in a session of its own, as real agents start them.
    subprocess.Popen(["sleep", "600"], start_new_session=True)
    say("text", text="sleeping now")
    time.sleep(600)
if "do:filter" in prompt:
    # git add never comes back from this.
    subprocess.run(["git", "config", "filter.slow.clean", "sleep 600"], check=True)
    open(".gitattributes", "w").write("note.txt filter=slow\\n")
end("Did it.")
`;
let world;
let repo;

before(async () => {
  repo = fs.mkdtempSync(path.join(os.tmpdir(), 'boxwright-cancel-'));
  fs.cpSync('tests/demo/repo', repo, { recursive: true });
  world = await startWorld({ repo: { fixture: repo }, config: scripted(AGENT) });
});
after(async () => {
  fs.rmSync(repo, { recursive: true, force: true });
  await world.close();
});
afterEach(() => world.standin.faults.clear());

const by = {
  api: async (id) => world.boxwright.need('POST', `/v1/tasks/${id}/cancel`, { reason: 'enough' }),
  cli: async (id) => execFileSync(binary(), ['task', 'cancel', String(id), 'enough'],
    { env: { PATH: process.env.PATH, BOXWRIGHT_API: world.boxwright.url,
      BOXWRIGHT_API_KEY: world.boxwright.key } }),
  comment: async (id, number) => world.comment(number, '/boxwright cancel'),
};

// Starts a task, waits until it is stuck where `stuck` says, cancels it.
async function cancelled({ how, word = 'change', step, fault, stuck }) {
  const { number } = await world.issue(`Cancel in ${step} by ${how}`, 'Please.');
  if (fault) world.standin.faults.add({ kind: 'hang', ...fault });
  const { comment, delivery } = await world.comment(number, `/boxwright fix do:${word}`);
  const { id } = await world.boxwright.taskOf(delivery.guid);
  await world.boxwright.waitForTask(id, { when: (t) => t.step === step && t.state === 'running' });
  await stuck(id);
  const asked = Date.now();
  await by[how](id, number);
  const task = await world.boxwright.waitForTask(id, { state: 'cancelled' });
  // Far below every deadline of a step: the stuck call itself was ended.
  assert.ok(Date.now() - asked < 20000, `${Date.now() - asked} ms`);
  assert.match(task.outcome, how === 'comment' ? /@maintainer/ : /enough|API/);
  assert.ok(!task.pr_url);
  const left = (await boxIds(world.boxwright.instance)).filter((b) => [`task-${id}`, `prep-${id}`, `task-${id}-check`].includes(b));
  assert.deepEqual(left, []);
  // What the conversation keeps is paused.
  if (task.box_id) assert.equal((await boxNamed(world.boxwright.instance, task.box_id))?.State.Running ?? false, false);
  const status = (await world.comments(number)).filter((c) => c.body.includes('k=status'));
  assert.ok(status.length <= 1);
  if (status.length) assert.match(status[0].body, /Cancelled/);
  return { task, comment, number };
}

// The stand-in's log shows a call of that operation that was not answered.
const hanging = () => until('the call hangs', async () => world.standin.faults.list.length === 0);

for (const how of ['api', 'cli', 'comment'])
  test(`in work, by ${how}`, async () => {
    await cancelled({ how, word: 'sleep', step: 'work',
      stuck: (id) => waitForText(world, id, 'sleeping now') });
  });

test('in gate, while GitHub does not answer', async () => {
  await cancelled({ how: 'api', step: 'gate', fault: { op: 'issues/get' }, stuck: hanging });
});

test('in prepare, while git does not answer', async () => {
  await cancelled({ how: 'api', step: 'prepare', fault: { op: 'git/upload-pack' }, stuck: hanging });
});

const configure = (text, message) => {
  fs.writeFileSync(path.join(repo, '.github/boxwright.yml'), `version: 1\n${text}`);
  world.standin.git.commitFolder(world.owner, world.name, repo, { message });
};

test('in prepare, while a set-up command runs for ever', async () => {
  configure('setup: ["sleep 600"]\n', 'Slow set-up');
  try {
    await cancelled({ how: 'cli', step: 'prepare', stuck: (id) => until('the box for it',
      async () => (await boxIds(world.boxwright.instance)).includes(`prep-${id}`)) });
  } finally {
    configure('', 'No set-up');
  }
});

test('in collect, while git in the box hangs', async () => {
  await cancelled({ how: 'api', word: 'filter', step: 'collect',
    stuck: () => new Promise((done) => { setTimeout(done, 300); }) });
});

for (const op of ['git/receive-pack', 'pulls/create'])
  test(`in publish, while ${op} hangs`, async () => {
    await cancelled({ how: 'api', step: 'publish', fault: { op }, stuck: hanging });
  });

test('before it is begun: the lane is busy', async () => {
  const { number } = await world.issue('Two at once', 'Please.');
  const first = await world.comment(number, '/boxwright fix do:sleep');
  const running = await world.boxwright.taskOf(first.delivery.guid);
  await waitForText(world, running.id, 'sleeping now');
  const second = await world.comment(number, '/boxwright fix do:change');
  const waiting = await world.boxwright.taskOf(second.delivery.guid);
  assert.equal((await world.boxwright.task(waiting.id)).state, 'ready');
  await by.comment(0, number);
  for (const { id } of [running, waiting])
    await world.boxwright.waitForTask(id, { state: 'cancelled' });
});
