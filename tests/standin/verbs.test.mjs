// SPDX-License-Identifier: MIT
// The service's own GitHub client against the stand-in: every call is as GitHub describes it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { startStandin } from './standin.mjs';

const REPO = 'octocat/sample';
const program = (name) => path.join(process.env.BOXWRIGHT_BUILD ?? 'build/debug', 'tests/unit/service/github', name);

async function run(name, env) {
  const argv = process.env.BOXWRIGHT_VARIANT === 'tsan' ? ['setarch', '-R', program(name)] : [program(name)];
  const child = spawn(argv[0], argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let out = '';
  child.stdout.on('data', (d) => { out += d; });
  child.stderr.on('data', (d) => { out += d; });
  const code = await new Promise((done, fail) => { child.once('error', fail).once('close', done); }); // not built: an error, and no close
  assert.equal(code, 0, out);
  assert.doesNotMatch(out, /SKIP/i);
}

test('every verb of the client keeps GitHub\'s contract', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'standin-verbs-'));
  fs.mkdirSync(path.join(dir, 'tree'));
  fs.writeFileSync(path.join(dir, 'tree', 'a'), 'one\n');
  const s = await startStandin({ strict: true, seed: { users: ['stranger', 'maintainer'], repos: [{ owner: 'octocat',
    name: 'sample', private: true, fixture: path.join(dir, 'tree'),
    collaborators: { maintainer: 'maintain' }, issues: [{ title: 'Bug' }, { title: 'Long' }] }] } });
  try {
    for (let i = 0; i < 205; i++) await s.comment({ repo: REPO, issue: 2, login: 'octocat', body: `the mark ${i}` });
    fs.writeFileSync(path.join(dir, 'tree', 'a'), 'two\n');
    s.git.commitFolder('octocat', 'sample', path.join(dir, 'tree'), { branch: 'fix' });
    const missed = await s.deliver('ping'); // nobody listens
    fs.writeFileSync(path.join(dir, 'key.pem'), s.app.private_key, { mode: 0o600 });
    const repo = await s.repo('octocat', 'sample');
    const before = s.log.length;
    const env = { STANDIN_URL: s.url, STANDIN_APP: String(s.app.app_id), STANDIN_KEY: path.join(dir, 'key.pem'),
      STANDIN_INSTALLATION: String(s.app.installation_id), STANDIN_REPO: String(repo.id) };
    await run('test_standin', env);
    await run('test_standin_reviews', env);
    const calls = s.log.slice(before).filter((e) => !e.path.startsWith('/_gate'));
    assert.ok(calls.length > 30);
    // The one 422 asks for a branch that is not there; nothing else breaks a rule.
    assert.deepEqual(calls.filter((e) => e.bad.length || e.left.length), []);
    assert.deepEqual(s.checks.strangers, [], 'no token of ours goes to the storage of logs');
    assert.equal(s.hooks.list.filter((d) => d.guid === missed.guid).length, 2);
    const marks = calls.filter((e) => e.op === 'issues/list-comments' && e.path.includes('/2/') ||
      e.path.includes('page='));
    assert.ok(marks.length >= 3, 'the list has three pages');
    const used = new Set(calls.map((e) => e.op));
    for (const op of ['apps/get-authenticated', 'apps/create-installation-access-token',
      'apps/revoke-installation-access-token', 'apps/get-repo-installation', 'apps/list-webhook-deliveries',
      'apps/redeliver-webhook-delivery', 'users/get-by-username', 'repos/get', 'x/get-repo-by-id',
      'repos/get-collaborator-permission-level', 'issues/get', 'issues/list-comments',
      'issues/create-comment', 'issues/update-comment', 'issues/delete-comment',
      'issues/add-labels', 'reactions/create-for-issue',
      'reactions/create-for-issue-comment', 'pulls/list', 'pulls/get', 'pulls/create', 'pulls/update',
      'pulls/create-review', 'pulls/list-reviews', 'pulls/list-comments-for-review', 'pulls/list-review-comments',
      'pulls/create-reply-for-review-comment', 'reactions/create-for-pull-request-review-comment', 'checks/create',
      'checks/update', 'checks/list-for-ref', 'checks/list-annotations', 'actions/download-job-logs-for-workflow-run',
      'repos/get-content', 'git/get-ref', 'issues/create', 'issues/update', 'issues/list-for-repo',
      'apps/list-repos-accessible-to-installation'])
      assert.ok(used.has(op), `${op} was not called`);
  } finally {
    await s.close();
    fs.rmSync(dir, { recursive: true, force: true });
  }
});
