// SPDX-License-Identifier: MIT
// Scheduled jobs, with real boxes and real git: what becomes of each run, and what people do.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { scripted } from './lib/agent.mjs';
import { binary } from './lib/boxwright.mjs';
import { startWorld, until } from './lib/world.mjs';

const NEVER = '0 0 1 1 *'; // these run when somebody says so
const AGENT = `
prompt = sys.argv[sys.argv.index("-p") + 1]
open("agent.txt", "w").write("done for %s\\n" % ("Remove" if "Remove what is dead." in prompt else "?"))
end("Removed it.")
`;
let world, dueAt;

const schedules = [
  { name: 'count', when: NEVER, run: ['n=$(cat steps 2>/dev/null || echo 0)', 'echo "there are $(ls | wc -l) files" > report.txt; cat seed.txt >> report.txt; echo "Counted **files**, thanks @stranger." > $BOXWRIGHT_SUMMARY'],
    title: 'Bring the report up to date', labels: ['chore'] },
  { name: 'idle', when: 'daily around 6:00', timezone: 'Europe/Berlin', run: 'true' },
  { name: 'broken', when: NEVER, run: ['echo the end is near >&2; exit 7'] },
  { name: 'slow', when: NEVER, run: 'sleep 600' },
  { name: 'once', when: NEVER, run: ['echo first >> once.txt', 'echo second >> once.txt; sleep 3; echo third >> once.txt'] },
  { name: 'words', when: NEVER, prompt: 'Remove what is dead.' },
  { name: 'headers', when: NEVER, use: 'licence-headers', with: { header: 'SPDX-License-Identifier: MIT', paths: '*.py *.sh *.c' } },
  { name: 'format', when: NEVER, use: 'format', with: { command: 'tr -d "\\r" < crlf.txt > new && mv new crlf.txt' } },
];
const file = (list = schedules, more = {}) => JSON.stringify({ version: 1, schedules: list, ...more }, null, 1);
const push = (files, message) => world.standin.push({ repo: world.repo, branch: 'main', files, message });
const jobs = async () => (await world.boxwright.need('GET', '/v1/schedules')).schedules;
const job = async (name) => (await jobs()).find((j) => j.name === name);
const cli = (...args) => promisify(execFile)(binary(), ['schedule', ...args],
  { env: { ...process.env, BOXWRIGHT_API: world.boxwright.url, BOXWRIGHT_API_KEY: world.boxwright.key } })
  .then((r) => r.stdout);
const start = async (name) =>
  (await world.boxwright.need('POST', `/v1/schedules/${(await job(name)).id}/run`, {})).task_id;
const run = async (name) => {
  const task = await world.boxwright.waitForTask(await start(name));
  await until(`the job ${name} knows of task ${task.id}`, async () => (await job(name)).last_note?.includes(`task ${task.id}:`));
  return task;
};
// But that of the real clock, which comes when it comes.
const pulls = (state = 'open') => world.pulls().filter((p) => p.state === state && p.head !== 'boxwright/job-clock');
const text = (branch, path) => {
  const entry = world.tree(branch).find((e) => e.path === path);
  return entry && world.blob(entry.oid).toString();
};

before(async () => {
  world = await startWorld({ repo: { fixture: 'tests/demo/repo' }, config: scripted(AGENT) });
  // Due on the real clock while the other tests run: at the next minute but one at the latest.
  dueAt = new Date(Math.ceil((Date.now() + 20000) / 60000) * 60000);
  schedules.push({ name: 'clock', when: `${dueAt.getUTCMinutes()} ${dueAt.getUTCHours()} * * *`, run: 'date > date.txt' });
  await push({ '.github/boxwright.yml': file(), 'seed.txt': 'one\n', 'crlf.txt': 'a\r\nb\r\n',
    'tool.sh': '#!/bin/sh\necho hello\n', 'main.c': 'int main(void) { return 0; }\n',
    'has.py': '# SPDX-License-Identifier: MIT\nx = 1\n', 'odd name.py': 'y = 2\n' }, 'Schedules');
  await until('the jobs are known', async () => (await jobs()).length === schedules.length);
});
after(() => world.close());

test('a push of the default branch makes the jobs; the next three times are told', async () => {
  const idle = await job('idle');
  assert.match(idle.cron, /^\d+ 6 \* \* \*$/);
  assert.equal(idle.next.length, 3);
  for (const time of idle.next) assert.match(time, / 06:\d\d \+0[12]:00$/);
  const out = await cli('list');
  assert.match(out, new RegExp(`${world.repo}:idle +active +daily around 6:00 \\(Europe/Berlin\\)`));
  assert.match(out, /next: .* 06:\d\d \+0[12]:00, .*, /);
  assert.match(await cli('show', 'words'), /work +agent/);
});

test('commands make one pull request, without a model; the same again makes nothing', async () => {
  const task = await run('count');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.equal(task.cost_usd, 0);
  const pull = await world.pull(task.pr_number);
  assert.equal(pull.title, 'Bring the report up to date');
  assert.ok(pull.labels.some((l) => l.name === 'chore'));
  assert.match(pull.body, /scheduled job `count` ran without a model/);
  assert.match(pull.body, /^Counted \*\*files\*\*, thanks /m);
  assert.doesNotMatch(pull.body, /thanks @stranger/);
  assert.match(pull.body, /Made by Boxwright for a scheduled job\./);
  assert.equal(task.branch, 'boxwright/job-count');
  assert.match(text(task.branch, 'report.txt'), /files\none\n/);
  assert.equal((await job('count')).pr_number, task.pr_number);

  const before = world.sha(task.branch);
  const again = await run('count');
  assert.equal(again.outcome_code, 'no_change');
  assert.match(again.outcome, /offers the same already/);
  assert.equal(world.sha(task.branch), before);
  assert.equal(pulls().length, 1);
});

test('a second run with another result moves the same pull request, from the newest base', async () => {
  const { pr_number: number } = await job('count');
  await push({ 'seed.txt': 'two\n' }, 'More');
  const task = await run('count');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.equal(task.pr_number, number);
  assert.equal(pulls().length, 1);
  assert.match(text(task.branch, 'report.txt'), /files\ntwo\n/);
  assert.equal(task.base_oid, world.sha('main'));
});

test('no diff, no noise', async () => {
  const [, id] = /^idle: task (\d+)\n$/.exec(await cli('run', `${world.repo}:idle`));
  const task = await world.boxwright.waitForTask(id);
  assert.equal(task.outcome_code, 'no_change');
  assert.equal(pulls().length, 1);
  assert.equal(world.sha('boxwright/job-idle') ?? null, null);
  assert.match((await job('idle')).last_note, /nothing/);
});

test('a closed pull request means no until something changes', async () => {
  const { pr_number: number } = await job('count');
  await world.standin.closePull({ repo: world.repo, number });
  await until('the job knows', async () => (await job('count')).declined);
  assert.equal((await job('count')).pr_number, 0);
  // What the clock makes of that stands in schedule_clock.test.mjs; here the base changes.
  await push({ 'seed.txt': 'three\n' }, 'Something else');
  const task = await run('count');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.notEqual(task.pr_number, number);
  assert.equal(task.branch, 'boxwright/job-count');
  assert.equal(pulls().length, 1);
});

test("a person's commit on the branch is respected, and told once", async () => {
  const { pr_number: number } = await job('count');
  await world.standin.push({ repo: world.repo, branch: 'boxwright/job-count', files: { 'mine.txt': 'by hand\n' }, message: 'Mine' });
  const stands = world.sha('boxwright/job-count');
  await push({ 'seed.txt': 'four\n' }, 'Four');
  for (let i = 0; i < 2; i++) {
    const task = await run('count');
    assert.equal(task.outcome_code, 'stopped_person', task.outcome);
  }
  assert.equal(world.sha('boxwright/job-count'), stands);
  assert.equal((await world.comments(number)).filter((c) => c.body.includes('stops here')).length, 1);
  assert.equal((await job('count')).state, 'active');
});

test('three failures in a row pause the job, with the end of what it said', async () => {
  for (let i = 1; i <= 3; i++) {
    const task = await run('broken');
    assert.equal(task.outcome_code, 'failed_job', task.outcome);
    assert.match(task.outcome, /exit status 7/);
    assert.match(task.outcome, /the end is near/);
    const row = await job('broken');
    assert.equal(row.failures, i);
    assert.equal(row.state, i < 3 ? 'active' : 'paused');
  }
  assert.match((await job('broken')).paused_why, /exit status 7/);
  assert.match(await cli('resume', 'broken'), /active/);
  assert.equal((await job('broken')).failures, 0);
  assert.match(await cli('pause', 'broken'), /paused by the API/);
});

test('while one run works there is no other, and a cancel stops it', async () => {
  const id = await start('slow');
  const row = await job('slow');
  const answer = await world.boxwright.api('POST', `/v1/schedules/${row.id}/run`, {});
  assert.equal(answer.status, 409);
  await assert.rejects(cli('run', 'slow'), /not ended/);
  await until('it works', async () => (await world.boxwright.task(id)).step === 'job');
  await world.boxwright.need('POST', `/v1/tasks/${id}/cancel`, {});
  assert.equal((await world.boxwright.waitForTask(id)).state, 'cancelled');
  assert.equal((await job('slow')).failures, 0);
});

test('kill -9 in the middle of commands: they go on, and none runs twice', async () => {
  const id = await start('once');
  await until('the second command runs', async () => (await world.boxwright.events(id)).some((e) => /^\$ echo second/.test(e.text)));
  await world.boxwright.restart();
  const task = await world.boxwright.waitForTask(id);
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.equal(text(task.branch, 'once.txt'), 'first\nsecond\nthird\n');
});

test('a prompt is worked on by the agent', async () => {
  const task = await run('words');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.match(text(task.branch, 'agent.txt'), /Remove/);
  assert.ok(task.cost_usd > 0);
});

test('ready jobs: headers of licences, a formatter that is given', async () => {
  const headers = await run('headers');
  assert.equal(headers.outcome_code, 'pull_request', headers.outcome);
  assert.equal(text(headers.branch, 'tool.sh'), '#!/bin/sh\n# SPDX-License-Identifier: MIT\necho hello\n');
  assert.equal(text(headers.branch, 'odd name.py'), '# SPDX-License-Identifier: MIT\ny = 2\n');
  assert.equal(text(headers.branch, 'has.py'), '# SPDX-License-Identifier: MIT\nx = 1\n');
  assert.match(text(headers.branch, 'main.c'), /^\/\* SPDX-License-Identifier: MIT \*\/\nint main/);
  const format = await run('format');
  assert.equal(format.outcome_code, 'pull_request', format.outcome);
  assert.equal(text(format.branch, 'crlf.txt'), 'a\nb\n');
});

test('on the real clock: at its minute, once', async () => {
  const task = await until('the slot', async () => (await world.boxwright.tasks('?limit=500')).find((t) => t.lane.endsWith('/job/clock')), { ms: 90000 });
  assert.equal((await world.boxwright.waitForTask(task.id)).outcome_code, 'pull_request');
  assert.equal(task.trigger_kind, 'schedule');
  assert.ok(task.created_ms >= dueAt.getTime() && task.created_ms < dueAt.getTime() + 30000, `${task.created_ms - dueAt.getTime()} ms late`);
  assert.equal((await world.boxwright.tasks('?limit=500')).filter((t) => t.lane.endsWith('/job/clock')).length, 1);
  assert.ok((await job('clock')).next_ms[0] >= dueAt.getTime() + 86400000 - 1);
});

test('a closed pull request counts also when nobody told us', async () => {
  const { pr_number: number } = await job('format');
  await world.standin.closePull({ repo: world.repo, number, deliver: false });
  const task = await run('format');
  assert.equal(task.outcome_code, 'no_change', task.outcome);
  assert.match(task.outcome, /offered and closed before/);
  assert.equal((await job('format')).pr_number, 0);
});

test('at the limit of open pull requests no job opens another', async () => {
  const open = (await jobs()).filter((j) => j.pr_number > 0).length;
  await push({ '.github/boxwright.yml': file([...schedules, { name: 'extra', when: NEVER, run: 'date +%N > now.txt' }],
    { limits: { open_prs: open } }) }, 'A limit');
  await until('the new job', async () => await job('extra'));
  const task = await run('extra');
  assert.equal(task.outcome_code, 'no_change', task.outcome);
  assert.match(task.outcome, /limits\.open_prs/);
});

test('a broken file changes no job; a job that is taken out goes', async () => {
  const had = (await jobs()).length;
  await push({ '.github/boxwright.yml': 'version: 1\nschedules:\n  - name: x\n    when: sometimes\n    run: "true"\n' }, 'Broken');
  await until('the log tells the line', async () =>
    world.boxwright.lines.some((l) => /boxwright\.yml:\d+:\d+: schedules: line 4, column 11: 'sometimes' says no time/.test(l)));
  assert.equal((await jobs()).length, had);
  await push({ '.github/boxwright.yml': file(schedules.slice(0, 2)) }, 'Fewer');
  await until('they are gone', async () => (await jobs()).length === 2);
});
