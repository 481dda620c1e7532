// SPDX-License-Identifier: MIT
// Verbs by a real agent program: an answer, a plan that is carried out, a failed check that is
// repaired, a review with its lines, and attempts side by side.  Claude Code; BOXWRIGHT_TEST_HARNESS=codex
// runs the same with Codex.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startAnthropic } from '../model/anthropic.mjs';
import { startOpenAI } from '../model/openai.mjs';
import { allEvents } from './lib/agent.mjs';
import { startWorld, until } from './lib/world.mjs';

const harness = process.env.BOXWRIGHT_TEST_HARNESS ?? 'claude-code';
const KEY = 'sk-canary-4f1c9a77e2d04b6c8b35';
const [provider, startModel, model, shell] = harness === 'codex'
  ? ['openai', startOpenAI, 'gpt-5.5', (cmd) => ({ name: 'exec_command', input: { cmd, yield_time_ms: 30000 } })]
  : ['anthropic', startAnthropic, 'claude-sonnet-4-5', (command) => ({ name: 'Bash', input: { command, description: 'work' } })];

const FINDINGS = { summary: 'It adds a module that fails at once. Thanks @stranger.', findings: [
  { path: 'temperature/new.py', line: 2, severity: 'error', text: 'This divides by zero:\n\n```python\nb = a / 1\n```' },
  { path: 'temperature/new.py', line: 3, start_line: 1, severity: 'warning', text: 'Nothing tests it.' },
  { path: 'README.md', line: 1, severity: 'note', text: 'It does not name the module.' }] };
// What the model does, by what only that verb's prompt says.
const SCRIPTS = {
  'Answer the question at the end': [{ text: 'I look.', tools: [shell('ls temperature; echo x > left_behind.txt')] },
    { text: 'In `temperature/__init__.py:1`. Thanks @stranger, fixes #1.' }],
  'Make a plan for the work': [{ text: 'I read.', tools: [shell('cat README.md')] },
    { text: 'People can read a note.\n\n1. Write `note.txt`.\n2. Run the tests.' }],
  'was approved; it belongs to': [{ tools: [shell('test ! -e left_behind.txt && echo planned > note.txt')] },
    { text: 'Wrote `note.txt` as planned.' }],
  'Checks of the project failed': [{ text: 'I look at the log.', tools: [shell('echo repaired >> note.txt')] },
    { text: 'The note lacked a line; it has it now.' }],
  'Review the change of': [{ text: 'I read the diff.', tools: [shell('cat /tmp/boxwright/change.diff; echo x > tried.txt')] },
    { text: `I read it.\n\n\`\`\`json\n${JSON.stringify(FINDINGS, null, 2)}\n\`\`\`` }],
  // Each attempt is in a box of its own, told by the number in its name.
  'several ways': [{ tools: [shell('n=${HOSTNAME:-$(hostname)}; case $((${n##*-} % 3)) in 0) echo bad > bad.txt;; 1) seq 40 > note.txt;; 2) echo short > note.txt;; esac')] },
    { text: 'All tests pass.' }],
};

let world, asked;
before(async () => {
  asked = await startModel({ key: KEY, script: [], scripts: SCRIPTS });
  world = await startWorld({ repo: { fixture: 'tests/demo/repo', collaborators: { maintainer: 'write', author: 'write' } },
    seed: { users: ['maintainer', 'stranger', 'author'] }, env: { [`BOXWRIGHT_MODEL_${provider.toUpperCase()}_KEY`]: KEY },
    config: { agent: { harness, model }, github: { comment_spacing_ms: 0, rules_cache_s: 0 }, task: { retry_s: 0, workers: 4, check_repairs: 0 },
      box: { image: process.env.BOXWRIGHT_AGENTS_IMAGE ?? 'boxwright/agents:latest' }, model: { [provider]: { base_url: asked.url } } } });
});
after(async () => {
  await world?.close();
  await asked?.close();
});

const text = (task, name) => world.blob(world.tree(task.branch).find((e) => e.path === name).oid).toString();
const answerOf = async (number, task) => (await world.comments(number)).filter((c) => c.body.includes(`t=${task.id};k=answer`)).map((c) => c.body);
const upstream = async (route) => (await world.standin.upstream('GET', `/repos/${world.repo}/${route}?per_page=100`)).body;

let pull; // what the issue's conversation came to
test('ask, plan, approve: one session, and nothing is left of what ask did', async (t) => {
  const { number } = await world.issue('A small thing', 'Please write a note.');
  const question = await world.fix(number, { text: '/boxwright ask where is it?' });
  assert.equal(question.outcome_code, 'answered', `${question.outcome}\n${world.boxwright.tail()}`);
  const [told, ...more] = await answerOf(number, question);
  assert.deepEqual(more, []);
  assert.match(told, /@maintainer: In `temperature\/__init__\.py:1`\./);
  assert.doesNotMatch(told, /@stranger|fixes #1/);

  const plan = await world.fix(number, { text: '/boxwright plan' });
  assert.equal(plan.outcome_code, 'planned', plan.outcome);
  assert.match((await answerOf(number, plan))[0], /1\. Write `note\.txt`\.\n2\. Run the tests\.[\s\S]*approve` carries it out/);
  assert.equal(world.pulls().length, 0);

  await world.comment(number, '/boxwright approve');
  const { id } = await until('the work', async () => (await world.boxwright.tasks()).find((r) => r.number === number && r.id > plan.id));
  pull = await world.boxwright.waitForTask(id);
  assert.equal(pull.outcome_code, 'pull_request', pull.outcome);
  assert.equal(text(pull, 'note.txt'), 'planned\n');
  assert.ok(!world.tree(pull.branch).some((e) => e.path === 'left_behind.txt'));
  const said = JSON.stringify(asked.calls.at(-1).body);
  assert.ok(said.indexOf('In `temperature/__init__.py:1`') < said.indexOf('People can read a note'), 'one session');
  t.diagnostic([question, plan, pull].map((r) => `${r.verb} ${r.finished_ms - r.started_ms} ms`).join(', '));
});

test('a failed check of that pull request is repaired, with its log, in the same session', async () => {
  const check = await world.standin.checkRun({ repo: world.repo, number: pull.pr_number, name: 'unit', conclusion: 'failure',
    log: 'AssertionError: the note has no second line\n##[error]Process completed with exit code 1.', deliver: ['check_run'],
    login: `${world.standin.app.slug}[bot]` });
  const { guid } = check.delivery ?? check.deliveries[0];
  const task = await world.boxwright.waitForTask((await world.boxwright.taskOf(guid)).id);
  assert.equal(task.outcome_code, 'pull_request', `${task.outcome}\n${world.boxwright.tail()}`);
  assert.equal(task.verb, 'repair');
  assert.equal(text(task, 'note.txt'), 'planned\nrepaired\n');
  const said = JSON.stringify(asked.calls.at(-1).body);
  assert.match(said, /the note has no second line/);
  assert.match(said, /Wrote `note\.txt` as planned/);
  assert.match((await answerOf(pull.pr_number, task))[0], /The note lacked a line; it has it now\./);
});

test('review: the findings of a session stand at their lines', async () => {
  world.standin.commit({ repo: world.repo, branch: 'feature', from: 'main', keep: true, message: 'new',
    files: { 'temperature/new.py': 'a = 1\nb = a / 0\nprint(b)\n' } });
  const made = await world.standin.pull({ repo: world.repo, head: 'feature', base: 'main', title: 'A module', login: 'author' });
  const number = made.number ?? made.pull?.number;
  const task = await world.fix(number, { text: '/boxwright review' });
  assert.equal(task.outcome_code, 'reviewed', `${task.outcome}\n${world.boxwright.tail()}`);
  const [review, ...more] = await upstream(`pulls/${number}/reviews`);
  assert.deepEqual(more, []);
  assert.match(review.body, /It adds a module that fails at once/);
  assert.match(review.body, /`README\.md`, line 1, \*\*note\*\*/);
  assert.doesNotMatch(review.body, /@stranger/);
  const lines = await upstream(`pulls/${number}/comments`);
  assert.deepEqual(lines.map((c) => [c.start_line ?? 0, c.line]).sort(), [[0, 2], [1, 3]]);
  assert.match(lines.find((c) => c.line === 2).body, /\*\*error\*\*: This divides by zero:\n\n```python\nb = a \/ 1\n```/);
  assert.match(JSON.stringify(asked.calls.at(-1).body), /b\/temperature\/new\.py/);
  assert.ok(!world.tree('feature').some((e) => e.path === 'tried.txt'));
});

test('fix x3: the smaller of the two that pass is published', async (t) => {
  await world.standin.commit({ repo: world.repo, keep: true, message: 'Configure',
    files: { '.github/boxwright.yml': 'version: 1\ncheck: ["test ! -e bad.txt"]\n' } });
  const { number } = await world.issue('Try it in several ways', 'Please.');
  const { delivery } = await world.comment(number, '/boxwright fix x3');
  const parent = await until('the task', async () => (await world.boxwright.tasks()).find((r) => r.delivery_id === delivery.guid && !r.lane.includes('#')));
  const task = await world.boxwright.waitForTask(parent.id);
  assert.equal(task.outcome_code, 'pull_request', `${task.outcome}\n${world.boxwright.tail()}`);
  assert.equal(text(task, 'note.txt'), 'short\n');
  const { body } = await world.pull(task.pr_number);
  assert.match(body, /- passed: `test ! -e bad\.txt`/);
  assert.equal(body.match(/- (\*\*)?attempt \d/g).length, 3, body);
  assert.match(body, /1 of 1 checks? failed/);
  const events = (await allEvents(world, task.id)).map((e) => e.text);
  assert.ok(events.some((e) => /is the best one/.test(e)), events.join('\n'));
  t.diagnostic(`${task.finished_ms - task.created_ms} ms`);
});
