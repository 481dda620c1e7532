// SPDX-License-Identifier: MIT
// The command line against a running service: every command, and what it says without one.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import { scripted, waitForText } from './lib/agent.mjs';
import { binary } from './lib/boxwright.mjs';
import { startStandin, startWorld } from './lib/world.mjs';

const AGENT = `
prompt = sys.argv[sys.argv.index("-p") + 1]
open("note.txt", "w").write("hello\\n")
if "do:sleep" in prompt:
    say("text", text="sleeping now")
    time.sleep(600)
end("Did it.")
`;
let world;
let task;
let running;

// The stand-in answers in this very process: it must not be blocked meanwhile.
const run = (env, ...words) => new Promise((done) => {
  execFile(binary(), words, { encoding: 'utf8', timeout: 60000, env }, (error, out, err) =>
    done({ code: error ? error.code : 0, out, err }));
});
function cli(...words) {
  const { PATH, HOME, DOCKER_HOST } = process.env;
  return run({ PATH, HOME, DOCKER_HOST, BOXWRIGHT_API: world.boxwright.url,
    BOXWRIGHT_API_KEY: world.boxwright.key }, ...words);
}
async function good(...words) {
  const { code, out, err } = await cli(...words);
  assert.equal(code, 0, `${words.join(' ')}: ${err}`);
  return out;
}

before(async () => {
  world = await startWorld({ repo: { fixture: 'tests/demo/repo' }, config: scripted(AGENT) });
  const { number } = await world.issue('A small thing', 'Please.');
  task = await world.fix(number);
  const second = await world.issue('Another', 'Please.');
  const { delivery } = await world.comment(second.number, '/boxwright fix do:sleep');
  running = await world.boxwright.taskOf(delivery.guid);
  await waitForText(world, running.id, 'sleeping now');
});
after(() => world.close());

test('task list, show, logs and why tell the same story', async () => {
  const list = await good('task', 'list');
  assert.match(list, new RegExp(`^${task.id} +done .*${world.repo}#1 .*/pull/`, 'm'));
  assert.match(list, new RegExp(`^${running.id} +running +work `, 'm'));
  assert.doesNotMatch(await good('task', 'list', '--state', 'done'), /running/);
  const shown = await good('task', 'show', String(task.id));
  for (const step of ['gate', 'prepare', 'work', 'collect', 'publish', 'report'])
    assert.match(shown, new RegExp(`^  ${step} +done `, 'm'));
  assert.equal(JSON.parse(await good('task', 'show', String(task.id), '--json')).id, task.id);
  assert.match(await good('task', 'logs', String(task.id)), /done +Did it\./);
  assert.match(await good('why', task.delivery_id), new RegExp(`task ${task.id}\\b`, 'i'));
});

test('the box of a task: exec and logs', async () => {
  const box = (await world.boxwright.task(running.id)).box_id;
  // The box of a task is reached by its name; lists are of the account's own boxes.
  assert.doesNotMatch(await good('box', 'list'), new RegExp(`^${box} `, 'm'));
  assert.equal(await good('box', 'exec', box, '--', 'sh', '-c', 'echo hi; id -un'), 'hi\nboxuser\n');
  assert.equal((await cli('box', 'exec', box, 'sh', '-c', 'exit 7')).code, 7);
  assert.match(await good('box', 'logs', box), /agent +info +sleeping now/);
  assert.match(await good('task', 'cancel', String(running.id), 'enough'), /task \d+/);
  await world.boxwright.waitForTask(running.id, { state: 'cancelled' });
  // It is its conversation's, and paused; it may go all the same.
  await good('box', 'delete', box);
  const gone = await cli('box', 'delete', box);
  assert.equal(gone.code, 1);
  assert.match(gone.err, /^boxwright: /);
});

test('task retry makes a new task of an ended one, and refuses a wrong one', async () => {
  const before = (await world.boxwright.tasks()).length;
  await good('task', 'retry', String(task.id));
  const tasks = await world.boxwright.tasks();
  assert.equal(tasks.length, before + 1);
  const again = await world.boxwright.waitForTask(tasks[0].id, { state: 'done' });
  // In the same conversation: what it asks for is there already.
  assert.equal(again.outcome_code, 'no_change');
  assert.equal(again.branch, task.branch);
  assert.equal((await cli('task', 'retry', '99999')).code, 1);
});

test('what is wrong is said with what to do next', async () => {
  for (const words of [['nonsense'], ['task', 'nonsense'], ['task', 'show'], ['task', 'show', 'x'],
    ['box', 'exec', 'a'], ['serve', '--nonsense']]) {
    const { code, err } = await cli(...words);
    assert.equal(code, 2, words.join(' '));
    assert.match(err, /boxwright help/);
  }
  const away = await run({ BOXWRIGHT_API: 'http://127.0.0.1:1' }, 'task', 'list');
  assert.equal(away.code, 1);
  assert.match(away.err, /boxwright serve/);
  const keyless = await run({ BOXWRIGHT_API: world.boxwright.url }, 'task', 'list');
  assert.match(keyless.err, /BOXWRIGHT_API_KEY/);
});

test('help names every command; version and doctor look at what there is', async () => {
  const help = await good('help');
  for (const word of ['serve', 'task list', 'task cancel', 'box help', 'doctor', 'version'])
    assert.ok(help.includes(`boxwright ${word}`), word);
  for (const word of ['task', 'why', 'schedule', 'schema', 'key', 'doctor'])
    assert.match(await good(word, '--help'), new RegExp(`^  boxwright ${word} `));
  assert.match(await good('serve', '--help'), /BOXWRIGHT_GITHUB_APP_ID/);
  assert.match(await good('version'), /^boxwright \d.*\n.*libgit2/);
  const doctor = await cli('doctor', '--config', world.boxwright.configFile);
  assert.match(doctor.out, /ok +engine/);
  assert.match(doctor.out, /ok +box image/);
  assert.match(doctor.out, /ok +GitHub/);
  assert.match(doctor.out, /^ready$/m);
  assert.equal(doctor.code, 0);
});

test('the manifest of the App is what the service handles and what the doctor asks for', async () => {
  const manifest = JSON.parse(fs.readFileSync('deploy/app-manifest.json', 'utf8'));
  const handled = [...fs.readFileSync('webhooks/event.c', 'utf8').matchAll(/\{"(\w+)", read_\w+\}/g)].map((m) => m[1]);
  // GitHub tells every App of its installations, and lets none subscribe to that.
  assert.deepEqual(handled.filter((e) => !e.startsWith('installation')).sort(), [...manifest.default_events].sort());
  const bare = await startStandin({ seed: { app: { private_key: world.standin.app.private_key,
    permissions: { metadata: 'read' }, events: [] } } });
  const { PATH, HOME, DOCKER_HOST } = process.env;
  const doctor = await run({ PATH, HOME, DOCKER_HOST, BOXWRIGHT_GITHUB_API_URL: bare.url },
    'doctor', '--config', world.boxwright.configFile);
  await bare.close();
  const lacks = [...doctor.out.matchAll(/(?:permission (\w+): (\w+)|event (\w+)) \(/g)];
  const { metadata, ...asked } = manifest.default_permissions;
  assert.equal(metadata, 'read');
  // The stand-in's App has these two always.
  assert.deepEqual({ issues: 'write', pull_requests: 'write',
    ...Object.fromEntries(lacks.filter((m) => m[1]).map((m) => [m[1], m[2]])) }, asked);
  assert.deepEqual(lacks.filter((m) => m[3]).map((m) => m[3]).sort(), [...manifest.default_events].sort());
});

test('a webhook secret that differs is found by the doctor, and the log tells of it once', async () => {
  const { app } = world.standin;
  const right = app.webhook_secret;
  app.webhook_secret = 'another';
  const { delivery } = await world.comment(1, 'no command');
  await world.comment(1, 'no command');
  app.webhook_secret = right;
  assert.equal(delivery.status_code, 401);
  const doctor = await cli('doctor', '--config', world.boxwright.configFile);
  assert.equal(doctor.code, 1);
  assert.match(doctor.out, /BAD +deliveries +2 of the last \d+ failed\n +-> we answered 401: .* are not the same/);
  assert.equal(world.boxwright.lines.filter((l) => l.includes('another webhook secret')).length, 1);
  await world.comment(1, 'no command');
  assert.match((await cli('doctor', '--config', world.boxwright.configFile)).out, /ok +deliveries/);
});
