// SPDX-License-Identifier: MIT
// Each kind of event that may start something, as GitHub's example with the stand-in's state
// in it, through the service: what is stored, in which conversation, and what was it about.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { scripted } from './lib/agent.mjs';
import { startWorld, until } from './lib/world.mjs';

const AGENT = `
prompt = sys.argv[sys.argv.index("-p") + 1]
if "do:hold" in prompt: time.sleep(120)
with open("note.txt", "a") as f: f.write("a line\\n")
end("Did it. Saw: %s." % " ".join(w for w in ("the-body", "a-word", "this-line") if w in prompt))
`;
const BOT_ID = 49699333;

let world, s, repo, repoId;

// What became of a delivery: {state, reason_code, verb, lane, about, ...} as it is stored.
async function became(delivery) {
  assert.equal(delivery.status_code, 202, delivery.answer);
  const { body } = await world.boxwright.api('GET', `/v1/deliveries/${delivery.guid}`);
  const answer = JSON.parse(delivery.answer);
  assert.equal(answer.reason_code, body.reason_code);
  const row = body.task ? await world.boxwright.task(body.task) : body.command;
  return { ...row, kind: body.state, why: body.reason_code };
}

// Nothing of these tests has to run on: what is stored is what they are about.
async function cancel(row) {
  await world.boxwright.api('POST', `/v1/tasks/${row.id}/cancel`, { reason: 'seen' });
  await world.boxwright.waitForTask(row.id);
}

async function task(delivery, verb, why) {
  const row = await became(delivery);
  assert.deepEqual([row.kind, row.verb, row.why], ['task', verb, why], JSON.stringify(row.why));
  await cancel(row);
  return row;
}

async function command(delivery, verb, why) {
  const row = await became(delivery);
  assert.deepEqual([row.kind, row.verb, row.why], ['command', verb, why]);
  return row;
}

async function nothing(delivery, why) {
  const row = await became(delivery);
  assert.deepEqual([row.kind, row.why], ['ignored', why]);
}

const open = async (body = 'Please do it.', login = 'maintainer') =>
  world.standin.issue({ repo, login, title: 'A thing', body });

before(async () => {
  world = await startWorld({ repo: { fixture: 'tests/demo/repo' },
    config: scripted(AGENT, { over: { github: { comment_spacing_ms: 0, allow_bots: [String(BOT_ID)] } } }) });
  s = world.standin;
  repo = world.repo;
  repoId = (await s.repo(world.owner, world.name)).id;
});
after(() => world.close());

describe('issues', () => {
  test('a command in the text, the label, closing and opening', async () => {
    const issue = await open('/boxwright plan the work');
    const made = await task(await s.deliver('issues', { action: 'opened', repo, issue: issue.number }), 'plan', 'issue');
    assert.deepEqual([made.text, made.lane, made.requester_login, made.comment_id],
      ['the work', `${repoId}/${issue.number}`, 'maintainer', null]);
    // Opened with both at once, it is one request; labelled later it is another one.
    await nothing(await s.label({ repo, number: issue.number, label: 'boxwright' }), 'text_counts');
    await task(await s.deliver('issues', { action: 'labeled', repo, issue: issue.number, label: 'boxwright', sender: 'maintainer',
      override: { issue: { updated_at: new Date(Date.now() + 120000).toISOString().replace(/\.\d+/, '') } } }), 'fix', 'label');
    await nothing(await s.label({ repo, number: issue.number, label: 'bug' }), 'label_other');
    await nothing(await s.editIssue({ repo, number: issue.number, body: '/boxwright fix' }), 'edited');
    const closed = await command(await s.editIssue({ repo, number: issue.number, state: 'closed' }), 'closed', 'closed');
    assert.deepEqual([closed.number, closed.requester_id], [issue.number, null]);
    await nothing((await world.comment(issue.number, '/boxwright fix')).delivery, 'issue_closed');
    await command((await world.comment(issue.number, '/boxwright status')).delivery, 'status', 'comment');
    await command(await s.editIssue({ repo, number: issue.number, state: 'open' }), 'reopened', 'reopened');
  });

  test('a plain issue is none', async () => {
    const issue = await open('It says `/boxwright fix`.');
    await nothing(await s.deliver('issues', { action: 'opened', repo, issue: issue.number }), 'no_command');
    await nothing(await s.deliver('issues', { action: 'assigned', repo, issue: issue.number }), 'action_unused');
  });
});

describe('issue_comment', () => {
  let issue;
  before(async () => { issue = (await open()).number; });

  for (const [text, verb, more] of [
    ['/boxwright fix do:hold', 'fix', { text: 'do:hold', attempts: 1 }],
    ['/boxwright fix x2 do:hold', 'fix', { text: 'do:hold', attempts: 2 }],
    ['@boxwright do:hold', 'fix', { text: 'do:hold' }],
    ['/boxwright ask what do:hold is', 'ask', { text: 'what do:hold is' }],
    ['/boxwright plan do:hold', 'plan', {}],
    ['/boxwright test', 'test', {}],
    ['/boxwright rebase', 'rebase', {}],
    ['/boxwright undo', 'undo', {}],
  ])
    test(text, async () => {
      const row = await task((await world.comment(issue, text)).delivery, verb, 'comment');
      for (const [key, value] of Object.entries(more)) assert.equal(row[key], value);
      assert.equal(row.lane, `${repoId}/${issue}`);
    });

  for (const [text, verb, about] of [
    ['/boxwright approve', 'approve', null],
    ['/boxwright reject too much', 'reject', null],
    ['/boxwright retry', 'retry', null],
    ['/boxwright retry from verify', 'retry', { step: 'verify' }],
    ['/boxwright cancel', 'cancel', null],
    ['/boxwright status', 'status', null],
    ['/boxwright budget +2.50', 'budget', { amount: 2.5 }],
    ['/boxwright help', 'help', null],
    ['/boxwright frobnicate', 'unknown', null],
    ['/boxwright fix x9', 'unknown', null],
  ])
    test(text, async () => {
      const row = await command((await world.comment(issue, text)).delivery, verb, 'comment');
      assert.deepEqual(row.about, about);
    });

  test('none', async () => {
    for (const [text, why] of [['Thanks!', 'no_command'], ['> /boxwright fix', 'no_command'], ['`/boxwright fix`', 'no_command'],
      ['https://x.org/boxwright fix', 'no_command'], ['/fix', 'no_command'], ['I asked @boxwright', 'no_command']])
      await nothing((await world.comment(issue, text)).delivery, why);
    await nothing((await world.comment(issue, '/boxwright fix', 'maintainer', { action: 'edited' })).delivery, 'edited');
    await nothing((await world.comment(issue, '/boxwright fix', 'maintainer', { action: 'deleted' })).delivery, 'action_unused');
    const other = { type: 'Bot', login: 'other[bot]', id: 3 };
    await nothing((await world.comment(issue, '/boxwright fix', 'maintainer',
      { override: { sender: other, comment: { user: other } } })).delivery, 'bot_sender');
    await nothing((await world.comment(issue, '/boxwright fix', 'maintainer', { override: { sender: { id: 3 } } })).delivery, 'not_author');
    const ours = await s.bot();
    await nothing((await world.comment(issue, '/boxwright fix', 'maintainer',
      { override: { sender: ours, comment: { user: ours } } })).delivery, 'own_sender');
    // A bot that the operator allowed by its number.
    const allowed = { type: 'Bot', login: 'dependabot[bot]', id: BOT_ID };
    await task((await world.comment(issue, '/boxwright test', 'maintainer',
      { override: { sender: allowed, comment: { user: allowed } } })).delivery, 'test', 'comment');
  });
});

describe('on the pull request of the service', () => {
  let issue, pull, lane;
  before(async () => {
    issue = (await open()).number;
    const made = await world.fix(issue);
    assert.equal(made.outcome_code, 'pull_request', made.outcome);
    pull = world.pulls().find((p) => p.number === made.pr_number);
    lane = `${repoId}/${issue}`;
  });

  test('a comment is in the conversation of the issue', async () => {
    const { delivery } = await world.comment(pull.number, '/boxwright fix do:hold');
    const row = await task(delivery, 'fix', 'comment');
    assert.deepEqual([row.lane, row.number, row.is_pull], [lane, pull.number, true]);
    await nothing((await world.comment(pull.number, 'Rename it.')).delivery, 'no_command');
  });

  test('pull_request_review: changes requested, a command, and none', async () => {
    const place = { path: 'note.txt', line: 1 };
    const made = await s.review({ repo, number: pull.number, state: 'changes_requested', body: 'do:hold',
      comments: [{ ...place, body: 'Another word.' }] });
    const row = await task(made.deliveries[0], 'fix', 'review');
    assert.equal(row.lane, lane);
    assert.deepEqual([row.about.review, row.about.review_state, row.about.head],
      [made.review.id, 'changes_requested', world.sha(pull.head)]);
    // Its comments come as events too: none starts a second time.
    await nothing(made.deliveries[1], 'review_counts');
    const asked = await s.review({ repo, number: pull.number, body: '/boxwright test' });
    await task(asked.deliveries[0], 'test', 'review');
    await nothing((await s.review({ repo, number: pull.number, state: 'approved', body: 'Good.' })).delivery, 'review_no_command');
    await nothing((await s.review({ repo, number: pull.number, body: 'Hm.' })).delivery, 'review_no_command');
  });

  test('a review runs as one request, a command in it as another', async () => {
    const place = { path: 'note.txt', line: 1 };
    const { deliveries, comments } = await s.review({ repo, number: pull.number, state: 'changes_requested', body: 'the-body',
      comments: [{ ...place, body: 'a-word' }, { ...place, body: '/boxwright ask this-line' }] });
    const review = await became(deliveries[0]), asked = await became(deliveries[2]);
    assert.deepEqual([review.verb, asked.verb, (await became(deliveries[1])).why], ['fix', 'ask', 'review_counts']);
    const before = world.sha(pull.head);
    for (const { id } of [review, asked]) await world.boxwright.waitForTask(id, { state: 'done' });
    assert.notEqual(world.sha(pull.head), before);
    const said = (await world.comments(pull.number)).map((c) => c.body).filter((b) => b.includes(`t=${review.id};`));
    assert.ok(said.some((b) => b.includes('Saw: the-body a-word.')), said.join('\n'));
    const thread = (await s.upstream('GET', `/repos/${repo}/pulls/${pull.number}/comments`)).body
      .filter((c) => c.in_reply_to_id === comments[1].id).map((c) => c.body);
    assert.equal(thread.length, 1, thread.join('\n'));
    assert.match(thread[0], /Saw: .*this-line\./);
  });

  test('pull_request_review_comment: a command on a line, and in a thread', async () => {
    const made = await s.reviewComment({ repo, number: pull.number, path: 'note.txt', line: 1, body: '/boxwright fix do:hold' });
    const row = await task(made.deliveries[1], 'fix', 'review_comment');
    assert.deepEqual([row.about.path, row.about.line, row.about.side], ['note.txt', 1, 'RIGHT']);
    assert.match(row.about.hunk, /\+a line/);
    assert.equal(row.comment_id, made.comment.id);
    assert.equal(row.lane, lane);
    await nothing(made.deliveries[0], 'review_no_command');
    const reply = await s.reviewComment({ repo, number: pull.number, in_reply_to: made.comment.id, body: '@boxwright ask do:hold?' });
    assert.equal((await task(reply.delivery, 'ask', 'review_comment')).about.in_reply_to, made.comment.id);
    await nothing(await s.deliver('pull_request_review_comment', { action: 'edited', repo, pull: pull.number,
      reviewComment: made.comment.id, sender: 'maintainer' }), 'edited');
  });

  test('check_run, check_suite and workflow_run: one repair of a head', async () => {
    // Something runs in the lane, so that what comes waits.
    const { delivery } = await world.comment(pull.number, '/boxwright fix do:hold');
    const holds = await became(delivery);
    await world.boxwright.waitForTask(holds.id, { state: 'running' });
    const check = await s.checkRun({ repo, number: pull.number, name: 'unit', log: 'boom', deliver: ['check_run', 'check_suite'] });
    const flow = await s.workflowRun({ repo, number: pull.number });
    const row = await became(check.deliveries[0]);
    assert.deepEqual([row.kind, row.verb, row.why, row.lane], ['task', 'repair', 'check_failed', lane]);
    assert.deepEqual([row.about.check.kind, row.about.check.name, row.about.head], ['check_run', 'unit', world.sha(pull.head)]);
    assert.equal(row.requester_id, 0);
    await nothing(check.deliveries[1], 'check_suite_counts_its_runs');
    await nothing(flow.delivery, 'waiting_already');
    await cancel(row);
    await cancel(holds);
    await nothing((await s.checkRun({ repo, number: pull.number, name: 'good', conclusion: 'success' })).delivery, 'check_passed');
    // By the suite or the workflow alone.
    const suite = await s.checkRun({ repo, number: pull.number, name: 'again', deliver: false });
    await task(await s.deliver('check_suite', { action: 'completed', repo, checkSuite: suite.suite, sender: world.owner,
      override: { check_suite: { latest_check_runs_count: 0 } } }), 'repair', 'check_failed');
    await task((await s.workflowRun({ repo, number: pull.number, name: 'alone' })).delivery, 'repair', 'check_failed');
    await nothing((await s.checkRun({ repo, number: pull.number, name: 'runs', conclusion: null })).delivery, 'action_unused');
  });

  test('check_run: buttons of our own check', async () => {
    const own = s.checks.runs.filter((r) => r.app?.id === s.app.app_id || r.app?.slug === s.app.slug).at(-1);
    assert.ok(own, 'the service made a check run');
    const pressed = await command(await s.press({ repo, id: own.id, button: 'stop' }), 'button', 'button');
    assert.deepEqual([pressed.about.button, pressed.about.check.id, pressed.requester_login, pressed.lane],
      ['stop', own.id, 'maintainer', lane]);
    const again = await command(await s.press({ repo, id: own.id, action: 'rerequested' }), 'button', 'button');
    assert.equal(again.about.button, 'rerun');
    const foreign = await s.checkRun({ repo, number: pull.number, name: 'other', conclusion: 'success', deliver: false });
    await nothing(await s.press({ repo, id: foreign.run.id, button: 'stop' }), 'other_check');
  });

  test('pull_request: label, a review asked for, a person\'s commits, its end', async () => {
    const labeled = await task(await s.label({ repo, number: pull.number, label: 'boxwright' }), 'fix', 'label');
    assert.deepEqual([labeled.lane, labeled.about.branch], [lane, pull.head]);
    const bot = await s.bot();
    await task(await s.deliver('pull_request', { action: 'review_requested', repo, pull: pull.number, sender: 'maintainer',
      override: { requested_reviewer: bot } }), 'review', 'review_requested');
    await nothing(await s.deliver('pull_request', { action: 'review_requested', repo, pull: pull.number, sender: 'maintainer' }), 'reviewer_other');
    const pushed = await s.push({ repo, branch: pull.head, files: { 'person.txt': 'mine\n' } });
    await nothing(pushed.delivery, 'own_branch');
    await nothing(pushed.deliveries[1], 'noted');
    const closed = await command(await s.closePull({ repo, number: pull.number }), 'closed', 'closed');
    assert.deepEqual([closed.lane, closed.about.merged], [lane, false]);
    await nothing((await world.comment(pull.number, '/boxwright fix')).delivery, 'issue_closed');
    await command(await s.reopenPull({ repo, number: pull.number }), 'reopened', 'reopened');
  });
});

describe('elsewhere', () => {
  test('what counts only on our pull requests is not ours here', async () => {
    s.commit({ repo, branch: 'mine', from: 'main', files: { 'own.txt': 'x\n' }, login: 'maintainer' });
    const made = await s.pull({ repo, head: 'mine', title: 'By hand', body: '/boxwright ask do:hold?' });
    await task(made.deliveries[0], 'ask', 'pull_request');
    await nothing((await s.review({ repo, number: made.number, state: 'changes_requested', body: 'No.' })).delivery, 'not_ours');
    await nothing((await s.checkRun({ repo, number: made.number })).delivery, 'not_ours');
    await task((await world.comment(made.number, '/boxwright review')).delivery, 'review', 'comment');
  });

  test('push: the default branch, another, a tag, a branch that goes', async () => {
    const { delivery, sha, before: old } = await s.push({ repo, files: { 'x.txt': 'x\n' } });
    const row = await command(delivery, 'pushed', 'push');
    assert.deepEqual(row.about, { branch: 'main', head: sha, before: old, rules: false });
    const rules = await s.push({ repo, files: { '.github/boxwright.yml': 'version: 1\n' } });
    assert.equal((await command(rules.delivery, 'pushed', 'push')).about.rules, true);
    await command((await s.push({ repo, branch: 'topic', from: 'main', files: { 'y.txt': 'y\n' } })).delivery, 'pushed', 'push');
    const push = { before: old, after: sha, branch: 'main', login: 'maintainer' };
    await nothing(await s.deliver('push', { repo, push, sender: 'maintainer', override: { ref: 'refs/tags/v1' } }), 'not_a_branch');
    await nothing(await s.deliver('push', { repo, push, sender: 'maintainer', override: { deleted: true } }), 'branch_deleted');
    await nothing(await s.deliver('push', { repo, push, sender: `${s.app.slug}[bot]` }), 'own_sender');
  });

  test('installation and installation_repositories', async () => {
    const came = await command(await s.deliver('installation', { action: 'created' }), 'installed', 'installed');
    assert.match(came.lane, /^installation\/\d+$/);
    assert.deepEqual([came.owner, came.repo], [world.owner, '']);
    assert.deepEqual(came.about.repositories, [{ id: repoId, owner: world.owner, name: world.name }]);
    const more = await command(await s.deliver('installation_repositories', { action: 'added', repos: [repo] }), 'installed', 'installed');
    assert.deepEqual(more.about.repositories.map((r) => r.id), [repoId]);
    const gone = { id: 999999, owner: world.owner, name: 'other' };
    const less = await command(await s.deliver('installation_repositories', { action: 'removed', repos: [`${world.owner}/other`] }),
      'removed', 'removed');
    assert.deepEqual(less.about.removed, [gone]);
    for (const action of ['unsuspend', 'new_permissions_accepted'])
      await command(await s.deliver('installation', { action }), 'installed', 'installed');
    for (const action of ['suspend', 'deleted'])
      assert.equal((await command(await s.deliver('installation', { action }), 'removed', 'removed')).about.all, true);
  });

  test('every command was answered without an error of ours', async () => {
    const list = (await world.boxwright.api('GET', '/v1/deliveries?limit=500')).body.deliveries;
    assert.ok(list.length > 60, `${list.length}`);
    for (const { id, state } of list) {
      if (state !== 'command') continue;
      await until(`the command of ${id} ends`, async () => {
        const { command: row } = (await world.boxwright.api('GET', `/v1/deliveries/${id}`)).body;
        assert.notEqual(row.state, 'failed', `${row.verb}: ${row.outcome}`);
        return row.state === 'done';
      });
    }
  });
});
