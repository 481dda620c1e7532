// SPDX-License-Identifier: MIT
// "Why did nothing happen?": every delivery and every address of a comment has an answer.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { scripted, waitForText } from './lib/agent.mjs';
import { binary } from './lib/boxwright.mjs';
import { startWorld, until } from './lib/world.mjs';

const AGENT = `
prompt = sys.argv[sys.argv.index("-p") + 1]
for word, seconds in (("do:wait", 120), ("do:short", 6)):
    if word in prompt:
        say("text", text="waiting now")
        time.sleep(seconds)
open("note.txt", "w").write("hello\\n")
end("Did it.")
`;

let world;
before(async () => {
  world = await startWorld({ repo: { fixture: 'tests/demo/repo' }, seed: { repos: [{ owner: 'octocat', name: 'days',
    private: true, fixture: 'tests/demo/repo', collaborators: { maintainer: 'write' } }] },
  config: scripted(AGENT, { task: { workers: 2, attempts: 2 } }) });
});
after(() => world.close());

const issue = async (title = 'A small thing') => (await world.issue(title, 'Please.')).number;
// The command as people use it: what it prints, and as JSON.
const run = (...args) => new Promise((done) => {
  execFile(binary(), ['why', ...args], { env: { ...process.env, BOXWRIGHT_API: world.boxwright.url,
    BOXWRIGHT_API_KEY: world.boxwright.key } }, (error, out, err) => done({ code: error ? error.code : 0, out, err }));
});
async function why(about) {
  const told = await run(about, '--json');
  assert.equal(told.code, 0, told.err);
  const body = JSON.parse(told.out);
  return { ...body, first: body.answers[0], text: body.answers.map((a) => a.story.join('\n')).join('\n\n') };
}
const says = async (about, ...patterns) => {
  const answer = await why(about);
  for (const pattern of patterns) assert.match(answer.text, pattern);
  return answer;
};

test('no command', async () => {
  const { delivery, comment } = await world.comment(await issue(), 'just a remark');
  for (const about of [delivery.guid, comment.html_url])
    await says(about, /issue_comment created, came at .*signature was right/, /started nothing: The text does not begin/,
      /What to do: Begin a new comment/);
  const { out } = await run(comment.html_url);
  assert.match(out, /^Delivery [0-9a-f-]+, event issue_comment created/);
});

test('an edit, and our own words', async () => {
  const number = await issue();
  const { comment } = await world.comment(number, '/boxwright help');
  const edit = await world.standin.deliver('issue_comment', { action: 'edited', repo: world.repo, issue: number, comment: comment.id });
  await says(edit.guid, /Edited texts start nothing/, /Write a new comment/);
  const own = await world.standin.deliver('issue_comment', { action: 'created', repo: world.repo, issue: number,
    comment: comment.id, sender: `${world.standin.app.slug}[bot]` });
  await says(own.guid, /caused by the App itself/);
});

test('a stranger', async () => {
  const number = await issue();
  const { comment } = await world.fix(number, { login: 'stranger' });
  await says(comment.html_url, /became task \d+ \(fix\)/, /ended refused at .*has the role none here; `fix` needs write/,
    /What to do: Somebody with the role/);
});

test('a task that is done, by every form of its address', async () => {
  const number = await issue();
  const { comment, pr_url: pull } = await world.fix(number);
  const url = new URL(comment.html_url);
  const { first } = await says(comment.html_url, /ended done at .*/, /Pull request: http/, /gate: done, \d+\.\d s/, /work: done/,
    /publish: done/);
  assert.equal(first.task.pr_url, pull);
  assert.ok(first.task.steps.length >= 6);
  const withQuery = `${url.origin}${url.pathname}?notification=1${url.hash}`;
  assert.equal((await why(withQuery)).first.delivery.id, first.delivery.id);
  assert.equal((await why(`${url.origin}${url.pathname}/`)).first.delivery.id, first.delivery.id);
  assert.equal((await why(`${url.origin}${url.pathname.replace('/issues/', '/pull/')}`)).first.delivery.id, first.delivery.id);
});

test('a task that waits for another of its issue, and one that waits in the queue', async () => {
  const [one, two] = [await issue(), await issue()];
  const runs = [];
  for (const number of [one, two]) {
    const { delivery } = await world.comment(number, '/boxwright fix do:wait');
    const task = await world.boxwright.taskOf(delivery.guid);
    await waitForText(world, task.id, 'waiting now');
    runs.push({ ...task, guid: delivery.guid });
  }
  await says(runs[0].guid, /It is running since .*, in the step work/);
  const behind = await world.comment(one, '/boxwright plan something');
  await says(behind.comment.html_url, new RegExp(`waits for task ${runs[0].id} of the same conversation`));
  const queued = await world.comment(await issue(), '/boxwright fix');
  await says(queued.comment.html_url, /waits for a free worker; \d+ tasks stand before it/);
  for (const { id } of runs) await world.boxwright.need('POST', `/v1/tasks/${id}/cancel`, { reason: 'seen' });
  for (const { guid } of [...runs, behind.delivery, queued.delivery])
    await world.boxwright.waitForTask((await world.boxwright.taskOf(guid)).id);
  await says(runs[0].guid, /ended cancelled at .*cancelled over the API: seen/, /What to do: `\/boxwright retry`/);
});

test('a comment that a running task takes up', async () => {
  const number = await issue();
  const first = await world.comment(number, '/boxwright fix do:short');
  const task = await world.boxwright.taskOf(first.delivery.guid);
  await waitForText(world, task.id, 'waiting now');
  const second = await world.comment(number, '/boxwright fix and the other thing');
  await says(second.comment.html_url, new RegExp(`waits for task ${task.id}`));
  await world.boxwright.waitForTask(task.id, { state: 'done' });
  const { first: answer } = await says(second.comment.html_url,
    new RegExp(`Task ${task.id}, which was running then, took it up and answered it`));
  assert.equal(answer.task.taken_by, task.id);
});

test('a command, answered', async () => {
  const { delivery, comment } = await world.comment(await issue(), '/boxwright status');
  await until('its answer', async () => (await why(delivery.guid)).first.command.finished_ms);
  await says(comment.html_url, /became a command \(status\)/, /was answered at .*: done/);
});

test('a limit says when it is free again', async () => {
  const repo = 'octocat/days';
  world.standin.commit({ repo, files: { '.github/boxwright.yml': JSON.stringify({ version: 1, limits: { runs_per_day: 1 } }) } });
  const ask = async () => {
    const { number } = await world.standin.issue({ repo, login: 'maintainer', title: 'One more' });
    const comment = await world.standin.comment({ repo, issue: number, login: 'maintainer', body: '/boxwright fix' });
    const delivery = await world.standin.deliver('issue_comment', { action: 'created', repo, issue: number, comment: comment.id });
    await world.boxwright.waitForTask((await world.boxwright.taskOf(delivery.guid)).id);
    return comment;
  };
  await ask();
  const limited = await ask();
  await says(limited.html_url, /1 in a day are allowed \(limits\.runs_per_day\); free again at \d{4}-\d\d-\d\dT00:00:00Z/,
    /What to do: Ask again when the day is over/);
});

test('GitHub keeps it waiting', async () => {
  world.standin.faults.add({ kind: 'secondary', op: 'repos/get-collaborator-permission-level', retry_after: 2, times: 1 });
  const { delivery, comment } = await world.comment(await issue(), '/boxwright fix');
  await until('it waits', async () => /is tried again at .*, because: .*/.test((await why(delivery.guid)).text), { every: 30 });
  const task = await world.boxwright.waitForTask((await world.boxwright.taskOf(delivery.guid)).id);
  assert.equal(task.state, 'done', task.outcome);
  await says(comment.html_url, /gate: failed/, /ended done/);
});

test('what could not be read is kept, and says so', async () => {
  const { delivery } = await world.comment(await issue(), 'x', 'maintainer', { override: { comment: { id: 'no number' } } });
  const answer = await why(delivery.guid);
  assert.match(answer.text, /could not be read|started nothing/);
});

test('an address that nothing is known of', async () => {
  const base = world.standin.url;
  const other = await why(`${base}/somebody/else/issues/5#issuecomment-1`);
  assert.deepEqual(other.answers, []);
  assert.match(other.causes.join('\n'), /No delivery was about this address/);
  assert.match(other.causes.join('\n'), /The App is not installed on somebody\/else/);
  // A delivery that did not arrive stands in GitHub's own log.
  const number = await issue();
  world.standin.hooks.down = true;
  const lost = await world.standin.comment({ repo: world.repo, issue: number, login: 'maintainer', body: '/boxwright help' });
  const missed = await world.standin.deliver('issue_comment', { action: 'created', repo: world.repo, issue: number, comment: lost.id });
  world.standin.hooks.down = false;
  const here = await why(lost.html_url);
  assert.deepEqual(here.answers, []);
  assert.match(here.causes.join('\n'), new RegExp(`GitHub's delivery ${missed.guid} \\(issue_comment\\) of .* did not arrive`));
  assert.doesNotMatch(here.causes.join('\n'), /not installed/);
  // Of another comment there, the issue as a whole is told.
  const { comment } = await world.comment(number, 'a remark');
  const near = await why(lost.html_url);
  assert.equal(near.exact, false);
  assert.match(near.first.story.join('\n'), /does not begin with a command/);
  assert.match((await run(lost.html_url)).out, /^Nothing is known of that comment itself/);
  assert.equal((await why(comment.html_url)).exact, true);
});

test('wrong questions', async () => {
  for (const query of ['', '?url=x&delivery=y', '?url=ftp://x/y'])
    assert.equal((await world.boxwright.api('GET', `/v1/why${query}`)).status, 400, query);
  assert.equal((await world.boxwright.api('GET', '/v1/why?delivery=unknown')).status, 404);
  assert.equal((await run()).code, 2);
  const answer = await fetch(`${world.boxwright.url}/v1/why?delivery=x`);
  assert.equal(answer.status, 401);
});
