// SPDX-License-Identifier: MIT
// What people do at the stand-in: state and deliveries fit together, and what GitHub refuses is refused.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { git } from './git.mjs';
import { placesOf } from './reviews.mjs';
import { startStandin } from './standin.mjs';

const REPO = 'octocat/sample';
const AT = { owner: 'octocat', repo: 'sample' };
const lines = (n) => Array.from({ length: n }, (_, i) => `line ${i + 1}`).join('\n') + '\n';

describe('what people do', () => {
  let s;
  let dir;
  let server;
  let number;
  const got = [];
  before(async () => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'standin-people-'));
    fs.writeFileSync(path.join(dir, 'a.txt'), lines(30));
    server = http.createServer((req, res) => {
      let body = '';
      req.on('data', (d) => { body += d; });
      req.on('end', () => { got.push([req.headers['x-github-event'], JSON.parse(body)]); res.writeHead(202).end('{}'); });
    });
    await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
    s = await startStandin({ strict: true, seed: { users: ['maintainer', 'stranger'], repos: [{ owner: 'octocat', name: 'sample',
      private: true, fixture: dir, collaborators: { maintainer: 'write' } }] } });
    s.hooks.url = `http://127.0.0.1:${server.address().port}/`;
    s.commit({ repo: REPO, branch: 'work', files: { 'a.txt': lines(30).replace('line 10\n', 'line ten\n'), 'new/b.txt': 'b\n' } });
    ({ number } = await s.pull({ repo: REPO, head: 'work', title: 'Ten' }));
  });
  after(async () => {
    await s.close();
    server.closeAllConnections();
    server.close();
    fs.rmSync(dir, { recursive: true });
  });

  test('a pull request is opened and follows its branch', async () => {
    const [event, payload] = got.shift();
    assert.equal(event, 'pull_request');
    assert.equal(payload.action, 'opened');
    assert.equal(payload.pull_request.head.sha, s.git.sha('octocat', 'sample', 'work'));
    assert.equal(payload.sender.login, 'maintainer');
    const { sha, before: old } = await s.push({ repo: REPO, branch: 'work', files: { c: 'c\n' } });
    const [push, sync] = got.splice(0);
    assert.equal(push[0], 'push');
    assert.deepEqual([push[1].ref, push[1].before, push[1].after, push[1].commits[0].added],
      ['refs/heads/work', old, sha, ['c']]);
    assert.deepEqual([sync[1].action, sync[1].after, sync[1].pull_request.head.sha], ['synchronize', sha, sha]);
    // The tree that was there is kept.
    assert.ok(s.git.tree('octocat', 'sample', 'work').some((f) => f.path === 'new/b.txt'));
  });

  test('a review with comments: places in the diff only', async () => {
    const made = await s.review({ repo: REPO, number, state: 'changes_requested', body: 'not yet',
      comments: [{ path: 'a.txt', line: 10, body: 'here' }, { path: 'a.txt', line: 10, side: 'LEFT', body: 'there' },
        { path: 'a.txt', line: 11, start_line: 9, body: 'all' }] });
    assert.equal(made.comments.length, 3);
    assert.match(made.comments[0].diff_hunk, /^@@ -7,7 \+7,7 @@[^\n]*\n.*\n\+line ten$/s);
    const [review, ...comments] = got.splice(0);
    assert.deepEqual([review[0], review[1].review.state, review[1].review.body], ['pull_request_review', 'changes_requested', 'not yet']);
    assert.deepEqual(comments.map((c) => [c[0], c[1].comment.line, c[1].comment.side, c[1].comment.start_line]),
      [['pull_request_review_comment', 10, 'RIGHT', null], ['pull_request_review_comment', 10, 'LEFT', null],
        ['pull_request_review_comment', 11, 'RIGHT', 9]]);
    assert.equal(comments[0][1].comment.in_reply_to_id, undefined);
    for (const place of [{ path: 'a.txt', line: 20 }, { path: 'nothing', line: 1 }, { path: 'a.txt', line: 10, start_line: 12 }])
      await assert.rejects(s.review({ repo: REPO, number, comments: [{ ...place, body: 'x' }] }), { status: 422 });
    const reply = await s.reviewComment({ repo: REPO, number, in_reply_to: made.comments[0].id, body: 'why?', login: 'stranger' });
    assert.equal(reply.comment.in_reply_to_id, made.comments[0].id);
    assert.equal(got.splice(0)[1][1].comment.in_reply_to_id, made.comments[0].id);
    await assert.rejects(s.reviewComment({ repo: REPO, number, in_reply_to: reply.comment.id, body: 'x' }), { status: 422 });
    const told = (await s.upstream('GET', `/repos/${REPO}/pulls/${number}/comments`)).body;
    assert.equal(told.length, 4);
    // The file changes: the place is outdated.
    s.commit({ repo: REPO, branch: 'work', files: { 'a.txt': lines(29) } });
    assert.equal((await s.upstream('GET', `/repos/${REPO}/pulls/${number}/comments`)).body[0].line, null);
  });

  test('checks, their suite and a workflow, with the pull request that they are of', async () => {
    const { run } = await s.checkRun({ repo: REPO, number, name: 'unit', conclusion: 'failure', log: 'boom\n',
      output: { title: 'T', summary: 'S' }, deliver: ['check_run', 'check_suite'],
      annotations: [{ path: 'a.txt', start_line: 3, end_line: 3, annotation_level: 'failure', message: 'm' }] });
    const [check, suite] = got.splice(0);
    assert.deepEqual([check[1].check_run.id, check[1].check_run.conclusion, check[1].check_run.pull_requests[0].number,
      check[1].check_run.app.slug], [run.id, 'failure', number, 'github-actions']);
    assert.deepEqual([suite[0], suite[1].check_suite.conclusion, suite[1].check_suite.id, suite[1].check_suite.head_sha],
      ['check_suite', 'failure', check[1].check_run.check_suite.id, run.head_sha]);
    const flow = await s.workflowRun({ repo: REPO, number, name: 'CI', jobs: [{ name: 'lint', log: 'l' }] });
    const [[event, payload]] = got.splice(0);
    assert.deepEqual([event, payload.workflow_run.id, payload.workflow_run.head_branch, payload.workflow_run.conclusion,
      payload.workflow_run.pull_requests[0].number], ['workflow_run', flow.id, 'work', 'failure', number]);
    await s.press({ repo: REPO, id: run.id, button: 'stop' });
    assert.equal(got.splice(0)[0][1].requested_action.identifier, 'stop');
  });

  test('comments on a pull request, labels and edits', async () => {
    const comment = await s.comment({ repo: REPO, issue: number, login: 'maintainer', body: 'hello' });
    await s.deliver('issue_comment', { action: 'created', repo: REPO, issue: number, comment: comment.id });
    const [[, payload]] = got.splice(0);
    assert.ok(payload.issue.pull_request.url.endsWith(`/pulls/${number}`));
    assert.equal(payload.issue.number, number);
    await s.label({ repo: REPO, number, label: 'boxwright' });
    assert.equal(got.splice(0)[0][0], 'pull_request');
    const issue = await s.issue({ repo: REPO, login: 'maintainer', title: 'One' });
    await s.editIssue({ repo: REPO, number: issue.number, body: 'two' });
    assert.deepEqual(got.splice(0)[0][1].changes, { body: { from: '' } });
    await s.deliver('issues', { action: 'opened', repo: REPO, issue: issue.number });
    assert.equal(got.splice(0)[0][1].issue.pull_request, undefined);
  });

  test('an installation tells its repositories', async () => {
    await s.deliver('installation', { action: 'created' });
    await s.deliver('installation_repositories', { action: 'removed', repos: [REPO] });
    const [made, removed] = got.splice(0);
    assert.deepEqual(made[1].repositories.map((r) => r.full_name), [REPO]);
    assert.equal(made[1].installation.id, s.app.installation_id);
    assert.deepEqual(removed[1].repositories_removed.map((r) => r.id), [s.known[0].id]);
    assert.deepEqual(removed[1].repositories_added, []);
  });

  test('mergeable is git\'s word; closing, merging', async () => {
    const see = async (n) => (await s.upstream('GET', `/repos/${REPO}/pulls/${n}`)).body;
    assert.equal((await see(number)).mergeable, true);
    s.commit({ repo: REPO, branch: 'main', files: { 'a.txt': lines(30).replace('line 30\n', 'thirty\n') } });
    assert.equal((await see(number)).mergeable, false);
    await assert.rejects(s.mergePull({ repo: REPO, number }), /conflicts/);
    await s.closePull({ repo: REPO, number });
    assert.deepEqual(got.splice(0).map((g) => [g[0], g[1].action, g[1].pull_request.merged, g[1].pull_request.state]),
      [['pull_request', 'closed', false, 'closed']]);
    s.commit({ repo: REPO, branch: 'good', files: { g: 'g\n' } });
    const second = await s.pull({ repo: REPO, head: 'good', deliver: false });
    const { sha } = await s.mergePull({ repo: REPO, number: second.number });
    const [closed, push] = got.splice(0);
    assert.deepEqual([closed[1].pull_request.merged, closed[1].pull_request.merge_commit_sha], [true, sha]);
    assert.deepEqual([push[1].ref, push[1].after], ['refs/heads/main', sha]);
    assert.equal(s.git.sha('octocat', 'sample', 'main'), sha);
  });

  test("a fork: its pull request is kept here, follows its branch, and outlives it", async () => {
    got.splice(0);
    const { id, full_name: fork } = await s.fork({ repo: REPO, login: 'stranger' });
    s.commit({ repo: fork, branch: 'work', files: { 'from-fork.txt': 'x\n' }, login: 'stranger' });
    const { number: theirs } = await s.pull({ repo: REPO, head: 'stranger:work', login: 'stranger' });
    const own = s.git.sha('octocat', 'sample', 'work');
    const kept = () => git(s.git.dir('octocat', 'sample'), ['rev-parse', `refs/pull/${theirs}/head`]).trim();
    const pull = async () => (await s.upstream('GET', `/repos/${REPO}/pulls/${theirs}`)).body;
    const [, opened] = got.shift();
    assert.deepEqual([opened.pull_request.head.repo.id, opened.pull_request.head.repo.fork, opened.pull_request.head.label],
      [id, true, 'stranger:work']);
    assert.notEqual(opened.repository.id, id);
    assert.equal((await pull()).head.sha, kept());
    assert.notEqual(kept(), own);
    const listed = async (head) => (await s.upstream('GET', `/repos/${REPO}/pulls?head=${head}`)).body.map((p) => p.number);
    assert.deepEqual(await listed('stranger:work'), [theirs]);
    assert.ok(!(await listed('octocat:work')).includes(theirs));
    // A push to the fork is told as a change of the pull request only.
    const { sha } = await s.push({ repo: fork, branch: 'work', login: 'stranger', files: { 'more.txt': 'x\n' } });
    assert.deepEqual(got.splice(0).map(([event, p]) => [event, p.action, p.number]), [['pull_request', 'synchronize', theirs]]);
    assert.equal(kept(), sha);
    // A check knows no pull request of a fork; GitHub Actions tells the fork's branch.
    await s.checkRun({ repo: REPO, number: theirs, deliver: ['check_run', 'check_suite'] });
    const [[, run], [, suite]] = got.splice(0);
    assert.deepEqual([run.check_run.head_sha, run.check_run.pull_requests, suite.check_suite.head_branch], [sha, [], 'work']);
    await s.workflowRun({ repo: REPO, number: theirs });
    assert.equal(got.splice(0)[0][1].workflow_run.head_repository.id, id);
    await s.dropFork({ repo: fork });
    assert.deepEqual([(await pull()).head.repo, (await pull()).head.sha, kept()], [null, sha, sha]);
    const told = await s.payload('pull_request', { action: 'edited', repo: REPO, pull: theirs });
    assert.equal(told.pull_request.head.repo, null);
    assert.deepEqual(s.violations(), []);
  });

  test('the state behind each payload passes GitHub\'s description', () => {
    assert.deepEqual(s.violations(), []);
    assert.ok(s.local.pullsOf(AT).size >= 2);
  });
});

test('places of a diff', () => {
  const places = placesOf('diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n a\n-b\n+c\n+--- d\n' +
    'diff --git a/gone b/gone\n--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-y\n\\ No newline at end of file\n');
  assert.deepEqual([...places.keys()], ['x', 'gone']);
  assert.deepEqual([...places.get('x').LEFT.keys()], [1, 2]);
  assert.deepEqual([...places.get('x').RIGHT.keys()], [1, 2, 3]);
  assert.equal(places.get('x').RIGHT.get(3).position, 4);
  assert.deepEqual([...places.get('gone').LEFT.keys()], [1]);
});
