// SPDX-License-Identifier: MIT
// The check run on the head of a pull request, with its buttons; and the configuration that is
// told on the commit that broke it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { scripted, waitForText } from './lib/agent.mjs';
import { binary } from './lib/boxwright.mjs';
import { startStandin, startWorld, until } from './lib/world.mjs';

const AGENT = `
import random
prompt = sys.argv[sys.argv.index("-p") + 1]
if "do:wait" in prompt:
    say("text", text="waiting now")
    time.sleep(120)
if "do:fail" in prompt: fail("the model said no")
if "do:nothing" in prompt: end("There is nothing to change.")
if "/plan" in prompt or "do:plan" in prompt: end("First this, then that.")
open("note%d.txt" % random.randrange(10**9), "w").write("bad\\n" if "do:bad" in prompt else "good\\n")
end("Did it.")
`;
const PERMISSIONS = { metadata: 'read', contents: 'write', issues: 'write', pull_requests: 'write', actions: 'read' };

let world;
before(async () => {
  world = await startWorld({ repo: { fixture: 'tests/demo/repo' }, config: scripted(AGENT,
    { over: { public_url: 'https://boxwright.example.com' } }) });
});
after(() => world.close());

const rules = (text, push = false, repo = world.repo) => world.standin[push ? 'push' : 'commit']({ repo, message: 'Rules',
  files: { '.github/boxwright.yml': text } });
const issue = async () => (await world.issue('A small thing', 'Please.')).number;
const runs = async (sha, name = 'Boxwright') => (await world.standin.upstream('GET',
  `/repos/${world.repo}/commits/${sha}/check-runs?per_page=100`)).body.check_runs.filter((r) => r.name === name);
const buttons = (run) => world.standin.checks.runs.find((r) => r.id === run.id).actions?.map((a) => a.identifier) ?? [];
const updates = (from) => world.standin.log.slice(from).filter((e) => ['checks/create', 'checks/update'].includes(e.op));
const head = (task) => world.sha(task.branch);

test('a first run has its check run when there is a head, and it says what the comment says', async () => {
  const number = await issue();
  const task = await world.fix(number);
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  const [run, ...more] = await runs(head(task));
  assert.deepEqual(more, []);
  assert.deepEqual([run.status, run.conclusion, run.external_id], ['completed', 'success', `task-${task.id}`]);
  assert.equal(run.output.title, 'Done: there is a pull request.');
  for (const line of [/- \[x\] Request accepted \(\d+\.\d s\)/, /- \[x\] Pull request/, /- Pull request: http\S+\/pull\/\d+/, /Task: \d+, \d+ s/,
    /https:\/\/boxwright\.example\.com\/v1\/tasks\/\d+\/events/]) assert.match(run.output.summary, line);
  assert.equal(run.details_url, `https://boxwright.example.com/v1/tasks/${task.id}/events`);
  assert.deepEqual(buttons(run), ['retry']);
});

test('while it runs there is Stop; the next head has a check run of its own', async () => {
  const number = await issue();
  const first = await world.fix(number);
  const old = head(first);
  const { delivery } = await world.comment(number, '/boxwright fix do:wait');
  const { id } = await world.boxwright.taskOf(delivery.guid);
  await waitForText(world, id, 'waiting now');
  const [running] = (await runs(old)).filter((r) => r.external_id === `task-${id}`);
  assert.equal(running.status, 'in_progress');
  assert.deepEqual(buttons(running), ['stop']);
  const pressed = await world.standin.press({ repo: world.repo, id: running.id, button: 'stop' });
  assert.equal(pressed.status_code, 202, pressed.answer);
  assert.equal((await world.boxwright.waitForTask(id)).state, 'cancelled');
  const ended = (await runs(old)).find((r) => r.id === running.id);
  assert.deepEqual([ended.status, ended.conclusion], ['completed', 'cancelled']);
  assert.deepEqual(buttons(ended), ['retry']);
  const next = await world.fix(number, { text: '/boxwright fix more' });
  assert.equal(next.outcome_code, 'pull_request', next.outcome);
  assert.notEqual(head(next), old);
  assert.deepEqual((await runs(head(next))).map((r) => [r.external_id, r.conclusion]), [[`task-${next.id}`, 'success']]);
  const left = (await runs(old)).find((r) => r.external_id === `task-${next.id}`);
  assert.deepEqual([left.conclusion, left.output.title], ['neutral', 'The branch was moved on']);
});

test('Retry does it once more', async () => {
  const number = await issue();
  const task = await world.fix(number);
  const failed = await world.fix(number, { text: '/boxwright fix do:fail' });
  assert.equal(failed.state, 'failed');
  const run = (await runs(head(task))).find((r) => r.external_id === `task-${failed.id}`);
  assert.equal(run.conclusion, 'failure');
  assert.deepEqual(buttons(run), ['retry']);
  await world.standin.press({ repo: world.repo, id: run.id, button: 'retry' });
  const again = await until('a task more', async () =>
    (await world.boxwright.tasks()).find((t) => t.number === number && t.id > failed.id));
  await world.boxwright.waitForTask(again.id);
  // The button is that of its own task, whatever came after it.
  const first = world.standin.checks.runs.find((r) => r.external_id === `task-${task.id}`);
  await world.standin.press({ repo: world.repo, id: first.id, button: 'retry' });
  const own = await until('the first one once more', async () =>
    (await world.boxwright.tasks()).find((t) => t.number === number && t.id > again.id));
  assert.deepEqual([again.text, own.text], ['do:fail', '']);
  await world.boxwright.waitForTask(own.id);
});

test('a plan on a pull request waits, with Approve', async () => {
  const number = await issue();
  const task = await world.fix(number);
  const planned = await world.fix(task.pr_number, { text: '/boxwright plan do:plan' });
  assert.equal(planned.outcome_code, 'planned', planned.outcome);
  const run = (await runs(head(task))).find((r) => r.external_id === `task-${planned.id}`);
  assert.equal(run.conclusion, 'action_required');
  assert.deepEqual(buttons(run), ['approve', 'retry']);
});

test('checks that fail make it a failure, nothing to change makes it neutral', async () => {
  rules('version: 1\ncheck: ["! grep -rq bad --include=note* ."]\n');
  const number = await issue();
  const bad = await world.fix(number, { text: '/boxwright fix do:bad' });
  assert.equal(bad.outcome_code, 'pull_request', bad.outcome);
  assert.equal((await runs(head(bad)))[0].conclusion, 'failure');
  rules('version: 1\n');
  const nothing = await world.fix(number, { text: '/boxwright fix do:nothing' });
  const run = (await runs(head(bad))).find((r) => r.external_id === `task-${nothing.id}`);
  assert.equal(run.conclusion, 'neutral');
});

test('it can be switched off, and is off where the permission is missing', async () => {
  rules('version: 1\ncheck_run: false\n');
  const from = world.standin.log.length;
  const task = await world.fix(await issue());
  assert.equal(task.outcome_code, 'pull_request');
  assert.deepEqual(updates(from), []);
  rules('version: 1\n');
  const held = world.standin.app.permissions;
  world.standin.app.permissions = PERMISSIONS;
  await world.boxwright.kill(); // forgets its tokens
  await world.boxwright.launch();
  try {
    const without = await world.fix(await issue());
    assert.equal(without.outcome_code, 'pull_request', without.outcome);
    assert.deepEqual(await runs(head(without)), []);
    const lines = world.boxwright.lines.filter((l) => l.includes('no check run:'));
    assert.equal(lines.length, 1, lines.join('\n'));
  } finally {
    world.standin.app.permissions = held;
    await world.boxwright.kill();
    await world.boxwright.launch();
  }
});

test('doctor tells which permissions and events the App lacks', async () => {
  const poor = await startStandin({ seed: { app: { permissions: PERMISSIONS, events: ['issues', 'issue_comment'] },
    repos: [{ owner: 'octocat', name: 'sample' }] } });
  const config = JSON.parse(fs.readFileSync(world.boxwright.configFile, 'utf8'));
  const key = path.join(world.boxwright.dir, 'poor.pem');
  fs.writeFileSync(key, poor.app.private_key, { mode: 0o600 });
  Object.assign(config.github, { app_id: poor.app.app_id, private_key_file: key, api_url: poor.url });
  const file = path.join(world.boxwright.dir, 'poor.yml');
  fs.writeFileSync(file, JSON.stringify(config));
  const out = await new Promise((done) => { execFile(binary(), ['doctor', '--config', file], (error, text) => done(text)); });
  await poor.close();
  const line = out.split('\n').find((l) => l.includes('App settings'));
  assert.match(line, /^ +note +App settings +the App lacks permission checks: write \(check runs and their buttons\), event pull_request /);
  assert.doesNotMatch(line, /permission issues|event issues /);
});

test('a progress that is quick is told once, not a step at a time', async () => {
  const from = world.standin.log.length;
  const task = await world.fix(await issue());
  assert.equal(task.outcome_code, 'pull_request');
  const made = updates(from).map((e) => e.op);
  assert.equal(made.filter((op) => op === 'checks/create').length, 1, made.join());
});

test('killed at any time, there is one check run a head', async () => {
  const number = await issue();
  await world.fix(number);
  const { delivery } = await world.comment(number, '/boxwright fix do:wait');
  const { id } = await world.boxwright.taskOf(delivery.guid);
  await waitForText(world, id, 'waiting now');
  await world.boxwright.restart();
  world.standin.faults.add({ kind: 'lost', op: 'checks/update', times: 1 });
  await world.boxwright.need('POST', `/v1/tasks/${id}/cancel`, { reason: 'seen' });
  await world.boxwright.waitForTask(id);
  const task = (await world.boxwright.tasks()).find((t) => t.id === id);
  const list = (await runs(head(task))).filter((r) => r.external_id === `task-${id}`);
  assert.deepEqual(list.map((r) => r.conclusion), ['cancelled']);
});

// ---- the configuration ---------------------------------------------------------------------

const NAME = 'Boxwright configuration';
const settled = async (deliveries) => {
  for (const { guid } of [].concat(deliveries))
    await until('the push is looked at', async () => {
      const [answer] = (await world.boxwright.need('GET', `/v1/why?delivery=${guid}`)).answers;
      return !answer.command || answer.command.finished_ms;
    });
};
const pushed = async (text, options = {}) => {
  const { sha, deliveries } = await world.standin.push({ repo: world.repo, branch: 'main', message: 'Rules',
    files: text === null ? { 'other.txt': `${Date.now()}` } : { '.github/boxwright.yml': text }, ...options });
  await settled(deliveries);
  return { sha, list: await runs(sha, NAME), deliveries };
};

test('a configuration that breaks is told on its commit, at its line; then that it was repaired', async () => {
  assert.deepEqual((await pushed('version: 1\nlimits: {minutes: 30}\n')).list, [], 'fine is silent');
  const broken = await pushed('version: 1\nsetup: [npm ci]\nallow:\n  fix: king\n');
  assert.equal(broken.list.length, 1);
  const [run] = broken.list;
  assert.deepEqual([run.status, run.conclusion], ['completed', 'failure']);
  assert.match(run.output.summary, /line 4, column 8/);
  assert.match(run.output.summary, /allow\.fix: must be one of: read/);
  const [note] = (await world.standin.upstream('GET', `/repos/${world.repo}/check-runs/${run.id}/annotations`)).body;
  assert.deepEqual([note.path, note.start_line, note.annotation_level], ['.github/boxwright.yml', 4, 'failure']);
  // The same delivery again, and one more push that does not touch it.
  await world.standin.hooks.redeliver(broken.deliveries[0]);
  const other = await world.standin.deliver('push', { repo: world.repo, push: { before: broken.sha, after: broken.sha, branch: 'main' } });
  await settled(other);
  assert.equal((await runs(broken.sha, NAME)).length, 1, 'one a head');
  assert.equal((await pushed(null)).list[0].conclusion, 'failure', 'it is broken still');
  // A task says the same.
  const task = await world.fix(await issue());
  assert.equal(task.outcome_code, 'refused_config');
  assert.match(task.outcome, /:4:8: allow\.fix/);
  const repaired = await pushed('version: 1\n');
  assert.equal(repaired.list[0].conclusion, 'success');
  assert.deepEqual((await pushed('version: 1\ncheck: [make test]\n')).list, [], 'and is silent again');
});

test('schedules, a size beyond the bound and another branch', async () => {
  const jobs = await pushed('version: 1\nschedules:\n  - name: a\n    when: daily\n    run: "true"\n  - name: b\n    when: sometimes\n    run: "true"\n');
  const [note] = (await world.standin.upstream('GET', `/repos/${world.repo}/check-runs/${jobs.list[0].id}/annotations`)).body;
  assert.equal(note.start_line, 7);
  const big = await pushed(`version: 1\n${'#'.repeat(300 * 1024)}\n`);
  assert.equal(big.list[0].conclusion, 'failure');
  assert.equal((await pushed('version: 1\n')).list[0].conclusion, 'success');
  world.standin.commit({ repo: world.repo, branch: 'side', files: { 'x.txt': 'x\n' } });
  assert.deepEqual((await pushed('version: 9\n', { branch: 'side' })).list, []);
});
