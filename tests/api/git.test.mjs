// SPDX-License-Identifier: MIT
// The git namespace, against a GitHub that is held to GitHub's own description.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Box } from '@upstash/box';
import { refused, sh, useService } from './lib/service.mjs';

const s = useService({ repo: { private: true, fixture: 'tests/demo/repo' } });
const permissions = { metadata: 'read', contents: 'write', pull_requests: 'write' };
const token = (more) => {
  const issued = s.standin.tokens.issue({ app: 4242, installation: 70001, permissions: { ...permissions, ...more },
    repositories: new Set(s.standin.known.map((r) => r.id)) });
  return issued.value ?? issued.token ?? issued;
};
let box;
let secret;
const repo = () => `${s.standin.url}/octocat/sample`;
test('a box with a token', async () => {
  secret = token();
  box = await s.box(null, { git: { token: secret, userName: 'Ann', userEmail: 'ann@example.com' } });
});

test('clone of a private repository; the token is nowhere in the box', async () => {
  await box.git.clone({ repo: repo() });
  await box.cd('sample');
  assert.match(await sh(box, 'git log --oneline | head -3; ls'), /README/);
  const found = await box.exec.command(`grep -rl -- '${secret.slice(0, 30)}' /workspace /home /tmp /etc 2>/dev/null; git config --list | grep -c '${secret.slice(0, 20)}'`);
  assert.equal(found.stdout.trim(), '0', found.stdout);
});

test('clone: into an existing folder as its child, of a branch, of what is not there', async () => {
  await box.cd('/workspace/home');
  await sh(box, 'mkdir -p here');
  await box.cd('here');
  await box.git.clone({ repo: `${repo()}.git`, branch: 'main' });
  assert.match(await sh(box, 'ls sample'), /README/);
  const error = await refused(box.git.clone({ repo: `${s.standin.url}/octocat/nothing` }), undefined);
  assert.ok(error.statusCode >= 400 && error.statusCode < 500, `${error.statusCode} ${error.message}`);
  assert.ok(!error.message.includes(secret));
  await sh(box, 'mkdir there');
  await box.cd('there');
  await refused(box.git.clone({ repo: repo(), branch: 'no-such-branch' }), undefined, /no-such-branch/);
  await refused(box.git.clone({ repo: 'ext::sh -c id' }), 400);
  await refused(box.git.clone({ repo: '--upload-pack=id' }), 400);
  await box.cd('/workspace/home/sample');
});

test('status and diff: clean, changed, new files', async () => {
  assert.equal((await box.git.status()).trim(), '');
  assert.equal((await box.git.diff()).trim(), '');
  await sh(box, 'echo more >> README.md; echo new > new.txt');
  const status = await box.git.status();
  assert.match(status, /^ M README\.md$/m);
  assert.match(status, /^\?\? new\.txt$/m);
  assert.match(await box.git.diff(), /^\+more$/m);
  await sh(box, 'git add README.md');
  assert.match(await box.git.diff(), /^\+more$/m, 'what is staged is uncommitted too');
});

test('commit stages everything; nothing to commit is an error', async () => {
  const commit = await box.git.commit({ message: 'More\n\nAnd new.' });
  assert.match(commit.sha, /^[0-9a-f]{40}$/);
  assert.match(commit.message, /^More/);
  assert.equal(await sh(box, 'git log -1 --format="%an <%ae>%n%B" --name-only'),
    'Ann <ann@example.com>\nMore\n\nAnd new.\n\n\nREADME.md\nnew.txt\n');
  assert.equal((await sh(box, 'git rev-parse HEAD')).trim(), commit.sha);
  const error = await refused(box.git.commit({ message: 'again' }), undefined, /nothing/i);
  assert.ok(error.statusCode >= 400 && error.statusCode < 500);
  await sh(box, 'echo 2 >> new.txt');
  await box.git.commit({ message: 'by another', authorName: 'Bob', authorEmail: 'bob@example.com' });
  assert.equal(await sh(box, 'git log -1 --format="%an <%ae>"'), 'Bob <bob@example.com>\n');
});

test('exec: 200 also when git fails; argv untouched', async () => {
  const ok = await box.git.exec({ args: ['log', '-1', '--format=%an; $(id) "x"'] });
  assert.equal(ok.output.trim(), 'Bob; $(id) "x"');
  assert.equal(ok.exit_code, 0);
  const bad = await box.git.exec({ args: ['no-such-verb'] });
  assert.match(bad.output, /no-such-verb/);
  assert.equal(bad.exit_code, 1);
  await refused(box.git.exec({ args: [] }), 400, /args/);
});

test('checkout: an existing branch and a missing one', async () => {
  await box.git.exec({ args: ['branch', 'side'] });
  await box.git.checkout({ branch: 'side' });
  assert.equal((await box.git.exec({ args: ['branch', '--show-current'] })).output.trim(), 'side');
  const error = await refused(box.git.checkout({ branch: 'no-such' }), undefined, /no-such/);
  assert.ok(error.statusCode >= 400 && error.statusCode < 500);
  await refused(box.git.checkout({ branch: '--orphan' }), 400);
});

test('push: the current branch, then a branch by name', async () => {
  await box.git.push();
  const head = (await sh(box, 'git rev-parse HEAD')).trim();
  assert.equal(s.standin.git.sha('octocat', 'sample', 'side'), head);
  assert.equal((await sh(box, 'git branch --show-current')).trim(), 'side', 'one stays where one was');
  await box.git.push({ branch: 'other-name' });
  assert.equal(s.standin.git.sha('octocat', 'sample', 'other-name'), head);
  await sh(box, 'git checkout -q --detach');
  await refused(box.git.push(), 400, /branch|HEAD/);
  await sh(box, 'git checkout -q side');
});

test('createPR opens a pull request with the caller\'s token', async () => {
  const pr = await box.git.createPR({ title: 'My change', body: 'What it does.', base: 'main' });
  assert.equal(pr.title, 'My change');
  assert.equal(pr.base, 'main');
  assert.ok(pr.number > 0);
  assert.match(pr.url, new RegExp(`/octocat/sample/pull/${pr.number}$`));
  const [pull] = [...s.standin.local.pullsOf({ owner: 'octocat', repo: 'sample' }).values()];
  assert.equal(pull.number, pr.number);
});

test('updateConfig, by the client\'s path and by the newer one', async () => {
  assert.deepEqual(await box.git.updateConfig({ userName: 'Cleo' }), { git_user_name: 'Cleo', git_user_email: 'ann@example.com' });
  assert.equal(await sh(box, 'git config user.name'), 'Cleo\n');
  const newer = await s.raw('PUT', `/v2/box/${box.id}/config/git`, { body: { git_user_email: 'c@example.com' } });
  assert.deepEqual([newer.status, newer.body], [200, { git_user_name: 'Cleo', git_user_email: 'c@example.com' }]);
  await refused(box.git.updateConfig({ userName: 'a\nb' }), 400);
});

test('git works out of the box: identity, branch, no token', async (t) => {
  const plain = await s.box(t);
  await sh(plain, 'mkdir r && cd r && git init -q && git commit -q --allow-empty -m first');
  await plain.cd('r');
  assert.equal(await sh(plain, 'git log -1 --format="%an <%ae>"; git branch --show-current'), 'Upstash Box <box@upstash.com>\nmaster\n');
  await sh(plain, 'echo x > f');
  assert.match(await plain.git.status(), /\?\? f/);
  assert.match((await plain.git.commit({ message: 'second' })).sha, /^[0-9a-f]{40}$/);
  const push = await refused(plain.git.push(), undefined);
  assert.ok(push.statusCode >= 400 && push.statusCode < 500, push.message);
  await refused(plain.git.createPR({ title: 'x' }), undefined);
  await plain.cd('/tmp');
  const outside = await refused(plain.git.status(), undefined, /repository/);
  assert.ok(outside.statusCode >= 400 && outside.statusCode < 500);
  await plain.cd('/workspace/home/r');
  await sh(plain, 'rm -rf .git && git init -q && echo y > g && git add g && echo z >> g');
  assert.match(await plain.git.diff(), /\+z/, 'before the first commit');
});

test('a token given by Box.get is used for clone alone', async (t) => {
  const plain = await s.box(t);
  await refused(plain.git.clone({ repo: repo() }), undefined);
  const again = await Box.get(plain.id, { gitToken: token() });
  await again.git.clone({ repo: repo() });
  assert.match(await sh(plain, 'ls sample'), /README/);
  await refused((await Box.get(plain.id, { gitToken: 'ghp_not_a_token' })).git.clone({ repo: repo() }), undefined);
});
