// SPDX-License-Identifier: MIT
// The dashboard issue: one of a repository, true to the jobs, a tick starts one.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { scripted } from './lib/agent.mjs';
import { startWorld, until } from './lib/world.mjs';

const NEVER = '0 0 1 1 *';
const MARKER = '<!-- boxwright:dashboard -->';
let world;

const schedules = [
  { name: 'count', when: NEVER, run: 'ls > list.txt' },
  { name: 'off', when: 'hourly', enabled: false, run: 'true' },
  { name: 'tidy', when: 'weekly on monday around 9:30', timezone: 'Australia/Lord_Howe', run: 'exit 3' },
];
const file = (more = {}, list = schedules) => JSON.stringify({ version: 1, schedules: list, ...more });
const push = (files) => world.standin.push({ repo: world.repo, files, message: 'Change' });
const jobs = async () => (await world.boxwright.need('GET', '/v1/schedules')).schedules;
const job = async (name) => (await jobs()).find((j) => j.name === name);
const issues = async () => (await world.standin.upstream('GET', `/repos/${world.repo}/issues?state=all&per_page=100`)).body
  .filter((i) => i.body?.includes(MARKER));
const board = async () => (await issues())[0];
const shows = (what, pattern) => until(what, async () => pattern.test((await board())?.body ?? ''))
  .catch(async (error) => { throw new Error(`${error.message}\n${(await board())?.body}\n${world.boxwright.tail(10)}`); });
// The schedules of the default branch have been read once more since `read` was counted.
const reads = () => world.standin.log.filter((e) => /contents\/\.github(%2F|\/)boxwright\.yml/i.test(e.path) && e.status).length;
const looked = (than = 0) => until('the schedules are read', () => reads() > than);
// A person ticks boxes in the issue's text.
async function tick(names, login = 'maintainer') {
  const { number, body } = await board();
  let now = body;
  for (const name of names) now = now.replace(`- [ ] <!-- job:${name} -->`, `- [x] <!-- job:${name} -->`);
  assert.notEqual(now, body);
  return world.standin.editIssue({ repo: world.repo, number, login, body: now });
}
const idle = () => until('the tasks ended', async () =>
  (await world.boxwright.tasks()).every((t) => !['ready', 'running'].includes(t.state)));

before(async () => {
  world = await startWorld({ repo: { fixture: 'tests/demo/repo' },
    config: scripted('end("-")', { over: { github: { comment_spacing_ms: 0, dashboard_spacing_ms: 0 } } }) });
});
after(() => world.close());

test('without a job there is none; the first job makes it', async () => {
  await push({ 'x.txt': 'x\n' });
  await looked();
  assert.equal((await issues()).length, 0);
  // The answer to the first try is lost on its way: the issue that it made is found again.
  world.standin.faults.add({ kind: 'lost', op: 'issues/create' });
  await push({ '.github/boxwright.yml': file() });
  await shows('both jobs', /\*\*count\*\*[^]*\*\*tidy\*\*/);
  await until('the issue is taken up', async () => world.standin.log.some((e) => e.method === 'PATCH'));
  assert.equal((await issues()).length, 1);
  const { title, body, user } = await board();
  assert.equal(title, 'Scheduled maintenance');
  assert.equal(user.login, `${world.standin.app.slug}[bot]`);
  assert.match(body, /- \[ \] <!-- job:tidy --> \*\*tidy\*\*: weekly on monday around 9:30 \(Australia\/Lord_Howe\)/);
  assert.match(body, /\*\*off\*\*: hourly \(UTC\)\n  - never by itself\n/);
  assert.match(body, /next: (\d{4}-\d\d-\d\d (09|10):\d\d \+1[01]:[03]0(, )?){3}/);
});

test('a tick runs the job once, and the box is unticked', async () => {
  const delivery = await tick(['count']);
  assert.equal(delivery.status_code, 202, delivery.answer);
  await shows('the pull request', /pull request: #\d+/);
  await shows('no tick', /- \[ \] <!-- job:count -->/);
  await idle();
  assert.equal((await world.boxwright.tasks()).length, 1);
  assert.equal((await issues()).length, 1);
  assert.match((await board()).body, /last: .*opened/);
});

test('a stranger ticks in vain', async () => {
  const had = (await world.boxwright.tasks()).length;
  await tick(['tidy'], 'stranger');
  // Their tick is undone with the next text; a job that a maintainer ticks later is one more.
  await tick(['count']);
  await until('the maintainer is served', async () => (await world.boxwright.tasks()).length === had + 1);
  await idle();
  assert.equal((await world.boxwright.tasks()).length, had + 1);
});

test('our own edits start nothing; the same text is not sent again', async () => {
  const sent = () => world.standin.log.filter((e) => e.method === 'PATCH' && /\/issues\/\d+$/.test(e.path)).length;
  await shows('the last result', new RegExp(`task ${(await job('count')).task_id}:`));
  const { number, body } = await board();
  const before = sent();
  const delivery = await world.standin.deliver('issues', { action: 'edited', repo: world.repo, issue: number,
    sender: `${world.standin.app.slug}[bot]`, override: { changes: { body: { from: body.replace('[ ]', '[x]') } } } });
  const row = await world.boxwright.need('GET', `/v1/deliveries/${delivery.guid}`);
  assert.equal(row.task_id ?? null, null);
  const read = reads();
  await push({ 'y.txt': 'y\n' }); // the schedules are read again, nothing is new
  await looked(read);
  await world.boxwright.need('POST', `/v1/schedules/${(await job('count')).id}/pause`, {});
  await shows('a pause', /count[^]*\*\*paused\*\*: paused by the API/);
  assert.equal(sent(), before + 1);
  await world.boxwright.need('POST', `/v1/schedules/${(await job('count')).id}/resume`, {});
  await shows('its times', /\*\*count\*\*: 0 0 1 1 \* \(UTC\)\n  - next: /);
});

test('three failures: paused, and the reason stands there', async () => {
  for (let i = 0; i < 3; i++) {
    await world.boxwright.need('POST', `/v1/schedules/${(await job('tidy')).id}/run`, {});
    await idle();
    await until('it is counted', async () => (await job('tidy')).failures === i + 1);
  }
  await shows('the pause', /\*\*paused\*\*: .*exit status 3/);
  await world.boxwright.need('POST', `/v1/schedules/${(await job('tidy')).id}/resume`, {});
  await shows('the next times again', /tidy[^]*next: \d{4}/);
});

test('after kill -9 the same issue goes on', async () => {
  await world.boxwright.restart();
  await push({ '.github/boxwright.yml': file({}, [...schedules, { name: 'third', when: NEVER, run: 'true' }]) });
  await shows('the third', /\*\*third\*\*/);
  assert.equal((await issues()).length, 1);
});

test('switched off it stays as it is, switched on it goes on', async () => {
  await push({ '.github/boxwright.yml': file({ dashboard: false }, schedules.slice(0, 1)) });
  await until('the jobs are fewer', async () => (await jobs()).length === 1);
  await world.boxwright.need('POST', `/v1/schedules/${(await job('count')).id}/run`, {});
  await idle();
  assert.match((await board()).body, /\*\*third\*\*/);
  await push({ '.github/boxwright.yml': file({ dashboard: true }, []) });
  await shows('no jobs', /There are no jobs now/);
});
