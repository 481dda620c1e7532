// SPDX-License-Identifier: MIT
// Box and its statics: make, find, list, label, size, pause, resume, delete, account env.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Box, BoxError, EphemeralBox } from '@upstash/box';
import { refused, sh, until, useService } from './lib/service.mjs';

const s = useService();
const get = async (box) => (await s.raw('GET', `/v2/box/${box.id}`)).body;

test('Box.create without options makes a node box that is idle at once', async (t) => {
  const started = Date.now();
  const box = await s.box(t);
  t.diagnostic(`${Date.now() - started} ms`);
  assert.match(box.id, /^[a-z0-9-]{3,63}$/);
  assert.equal(box.size, 'small');
  assert.equal(box.keepAlive, false);
  assert.equal(box.cwd, '/workspace/home');
  assert.deepEqual(box.networkPolicy, { mode: 'allow-all' });
  const data = await get(box);
  assert.equal(data.status, 'idle');
  assert.equal(data.runtime, 'node');
  assert.ok(Math.abs(data.created_at - Date.now() / 1000) < 60, 'seconds since 1970');
  for (const secret of ['env_vars', 'attach_headers', 'github_token', 'agent_api_key'])
    assert.ok(!(secret in data), secret);
});

test('Box.create takes name, labels, size, runtime, env and git identity', async (t) => {
  const box = await s.box(t, { name: 'my-box', labels: ['team:a', 'x_1.2-3'], size: 'small', runtime: 'python',
    env: { GREETING: 'hello world', EMPTY: '', QUOTED: 'a"b\'c$d\ne' },
    git: { userName: 'Ann', userEmail: 'ann@example.com' } });
  const data = await get(box);
  assert.equal(data.name, 'my-box');
  assert.deepEqual([...data.labels].sort(), ['team:a', 'x_1.2-3']);
  assert.equal(data.size, 'small');
  assert.equal(data.runtime, 'python');
  assert.equal(await sh(box, 'printf "%s|%s|%s" "$GREETING" "$EMPTY" "$QUOTED"'), 'hello world||a"b\'c$d\ne');
  assert.equal(await sh(box, 'git config user.name; git config user.email'), 'Ann\nann@example.com\n');
  assert.match(await sh(box, 'python3 --version'), /^Python 3/);
});

test('a size that the host cannot satisfy is refused, and told why', async () => {
  const before = (await Box.list()).length;
  const error = await Box.create({ size: 'large' }).then(async (box) => { await box.delete(); }, (e) => e);
  if (error) {
    assert.equal(error.statusCode, 422);
    assert.match(error.message, /large.*(processor|CPU|memory|GiB|GB|MiB)/i);
  }
  assert.equal((await Box.list()).length, before);
});

test('what is wrong in a creation is refused by its member\'s name', async () => {
  const before = (await Box.list()).length;
  for (const [options, member] of [
    [{ name: 'Not A Name' }, /name/], [{ name: 'snapshots' }, /name/], [{ name: 'x'.repeat(200) }, /name/],
    [{ labels: ['a', 'b', 'c', 'd', 'e', 'f'] }, /label/], [{ labels: ['a b'] }, /label/], [{ labels: ['x'.repeat(21)] }, /label/],
    [{ size: 'giant' }, /size/], [{ runtime: 'cobol' }, /runtime/], [{ env: { PATH: '/x' } }, /PATH/],
    [{ env: { LD_PRELOAD: '/x' } }, /LD_PRELOAD/], [{ env: { 'a=b': 'c' } }, /env_vars|a=b/],
    [{ networkPolicy: { mode: 'some' } }, /mode|network_policy/],
    [{ networkPolicy: { mode: 'custom', allowedCidrs: ['300.1.1.1/8'] } }, /cidr/i]])
    await refused(Box.create(options), 400, member);
  assert.equal((await Box.list()).length, before);
});

test('a name is given once', async (t) => {
  await s.box(t, { name: 'only-one' });
  await refused(Box.create({ name: 'only-one' }), 409, /only-one/);
});

test('Box.get and Box.getByName reopen a box; another name is not found', async (t) => {
  const box = await s.box(t, { name: 'by-name', keepAlive: true });
  await box.files.write({ path: 'a.txt', content: 'kept' });
  for (const again of [await Box.get(box.id), await Box.getByName('by-name'), await EphemeralBox.getByName('by-name')]) {
    assert.ok(again instanceof Box);
    assert.equal(again.keepAlive, true);
    assert.equal(await again.files.read('a.txt'), 'kept');
  }
  assert.equal((await Box.get(box.id)).id, box.id);
  const error = await refused(Box.get('no-such-box'), 404);
  assert.ok(error instanceof BoxError);
  assert.match(error.message, /no-such-box|box/);
});

test('Box.list shows newest first, and by label', async (t) => {
  const first = await s.box(t, { labels: ['blue', 'a:b'] });
  const second = await s.box(t, { labels: ['blue'] });
  const all = (await Box.list()).map((b) => b.id);
  assert.ok(all.indexOf(second.id) < all.indexOf(first.id));
  assert.deepEqual((await Box.list({ label: 'blue' })).map((b) => b.id), [second.id, first.id]);
  assert.deepEqual((await Box.list({ label: 'a:b' })).map((b) => b.id), [first.id]);
  assert.deepEqual(await Box.list({ label: 'a' }), []);
  for (const b of await Box.list()) assert.ok(b.size && b.status && b.created_at && b.updated_at);
});

test('labels.add, remove and list', async (t) => {
  const box = await s.box(t, { labels: ['one'] });
  assert.deepEqual([...await box.labels.add('two:2')].sort(), ['one', 'two:2']);
  assert.deepEqual([...await box.labels.add('two:2')].sort(), ['one', 'two:2'], 'again is no second one');
  assert.deepEqual([...await box.labels.list()].sort(), ['one', 'two:2']);
  assert.deepEqual(await box.labels.remove('two:2'), ['one']);
  await refused(box.labels.add('white space'), 400, /label/);
  for (const more of ['l2', 'l3', 'l4', 'l5']) await box.labels.add(more);
  await refused(box.labels.add('l6'), 400, /5|five/);
  assert.equal((await box.labels.list()).length, 5);
});

test('getStatus tells idle, running, paused', async (t) => {
  const box = await s.box(t);
  assert.equal((await box.getStatus()).status, 'idle');
  const work = box.exec.command('until [ -e go ]; do sleep 0.05; done');
  await until('running', async () => (await box.getStatus()).status === 'running', { every: 20 });
  await sh(box, 'touch go');
  await work;
  assert.equal((await box.getStatus()).status, 'idle');
  await box.pause();
  assert.equal((await box.getStatus()).status, 'paused');
  await box.resume();
  assert.equal((await box.getStatus()).status, 'idle');
});

test('pause ends processes and keeps files; every kind of work wakes', async (t) => {
  const box = await s.box(t, { env: { KEPT: 'yes' } });
  await sh(box, 'echo data > file; sleep 4321 &');
  const wake = { exec: () => sh(box, 'cat file'), read: () => box.files.read('file'), list: () => box.files.list(),
    git: () => box.git.exec({ args: ['--version'] }), code: () => box.exec.code({ lang: 'python', code: 'print(1)' }) };
  for (const [what, work] of Object.entries(wake)) {
    await box.pause();
    assert.equal((await box.getStatus()).status, 'paused');
    assert.equal((await s.container(box.id)).State.Running, false, 'its container has ended');
    await Box.get(box.id); await Box.list(); await box.listRuns(); await box.logs();
    assert.equal((await box.getStatus()).status, 'paused', 'looking does not wake');
    await work();
    assert.equal((await box.getStatus()).status, 'idle', what);
  }
  assert.equal(await sh(box, 'cat file; echo $KEPT; pgrep -f "sleep 432[1]" || echo ended'), 'data\nyes\nended\n');
  assert.ok((await box.logs()).some((l) => l.source === 'system' && /paus/i.test(l.message)), 'the log tells why it was paused');
});

test('pause and resume twice are fine; a box at work is paused all the same', async (t) => {
  const box = await s.box(t);
  await box.pause();
  await box.pause();
  await box.resume();
  await box.resume();
  const work = box.exec.command('sleep 300').then((r) => r, (e) => e);
  await until('running', async () => (await box.getStatus()).status === 'running', { every: 20 });
  const started = Date.now();
  await box.pause();
  const end = await work;
  assert.ok(Date.now() - started < 60000);
  assert.ok(end instanceof Error || end.exitCode !== 0);
  const [run] = await box.listRuns();
  assert.ok(['failed', 'cancelled'].includes(run.status), run.status);
});

test('a keep-alive box refuses to be paused', async (t) => {
  const box = await s.box(t, { keepAlive: true });
  assert.equal(box.keepAlive, true);
  await assert.rejects(box.pause(), /Keep-alive/); // the client's own word
  const answer = await s.raw('POST', `/v2/box/${box.id}/pause`);
  assert.equal(answer.status, 409);
  assert.match(answer.body.error, /keep.alive/i);
  assert.equal((await box.getStatus()).status, 'idle');
});

test('delete destroys; a second time it is not found', async () => {
  const box = await s.box(null);
  assert.ok(await s.container(box.id));
  await box.delete();
  assert.equal(await s.container(box.id), null);
  await refused(box.delete(), 404);
  await refused(Box.get(box.id), 404);
  await refused(box.exec.command('true'), 404);
  assert.ok(!(await Box.list()).some((b) => b.id === box.id));
});

test('Box.delete takes one id or many, and passes over those that are not', async () => {
  const [a, b, c] = await Promise.all([s.box(null), s.box(null), s.box(null)]);
  await Box.delete({ boxIds: a.id });
  await Box.delete({ boxIds: [b.id, 'no-such-box', c.id] });
  const left = (await Box.list()).map((x) => x.id);
  for (const gone of [a, b, c]) assert.ok(!left.includes(gone.id));
});

test('account env: setEnv, listEnv, deleteEnv, setAllEnv; new boxes get it, their own wins', async (t) => {
  t.after(() => Box.setAllEnv({}));
  await Box.setAllEnv({ A: 'account-a', B: 'account-b' });
  await Box.setEnv('C_KEY', 'account-secret-c');
  const listed = await Box.listEnv();
  assert.deepEqual(Object.keys(listed).sort(), ['A', 'B', 'C_KEY']);
  for (const v of Object.values(listed)) assert.doesNotMatch(v, /account-secret|account-[abc]$/, 'masked');
  const box = await s.box(t, { env: { B: 'box-b' } });
  assert.equal(await sh(box, 'echo $A $B $C_KEY'), 'account-a box-b account-secret-c\n');
  await Box.deleteEnv('C_KEY');
  assert.deepEqual(Object.keys(await Box.listEnv()).sort(), ['A', 'B']);
  await Box.setAllEnv({ ONLY: 'x' });
  assert.deepEqual(Object.keys(await Box.listEnv()), ['ONLY']);
  await refused(Box.setEnv('PATH', '/x'), 400, /PATH/);
  await refused(Box.setEnv('1-bad', 'x'), 400);
  await refused(Box.setAllEnv({ NODE_OPTIONS: 'x' }), 400, /NODE_OPTIONS/);
  assert.deepEqual(Object.keys(await Box.listEnv()), ['ONLY'], 'refusals change nothing');
});

test('cd is checked in the box; commands and files follow it', async (t) => {
  const box = await s.box(t);
  await sh(box, 'mkdir -p project/src && echo here > project/src/f');
  await box.cd('project/src');
  assert.equal(box.cwd, '/workspace/home/project/src');
  assert.equal(await sh(box, 'pwd'), '/workspace/home/project/src\n');
  assert.equal(await box.files.read('f'), 'here\n');
  assert.deepEqual((await box.files.list()).map((f) => f.name), ['f']);
  await box.cd('../..');
  assert.equal(await sh(box, 'pwd'), '/workspace/home\n');
  await box.cd('/tmp');
  assert.equal(await sh(box, 'pwd'), '/tmp\n');
  await assert.rejects(box.cd('/no/such'), /No such file/);
  assert.equal(box.cwd, '/tmp');
});

test('logs: offset and limit; entries have exactly their members', async (t) => {
  const box = await s.box(t);
  for (let i = 0; i < 3; i++) await sh(box, `echo line ${i}`);
  const all = await box.logs();
  assert.ok(all.length >= 3, 'each command leaves an entry at least');
  for (const entry of all) {
    assert.deepEqual(Object.keys(entry).sort(), ['level', 'message', 'source', 'timestamp']);
    assert.ok(Math.abs(entry.timestamp - Date.now() / 1000) < 120);
  }
  assert.deepEqual(await box.logs({ offset: 1, limit: 2 }), all.slice(1, 3));
  assert.deepEqual(await box.logs({ offset: 100000 }), []);
});

test('a wrong key is told in the contract\'s words', async () => {
  const error = await refused(Box.list({ apiKey: 'box_not_a_key' }), 401);
  assert.match(error.message, /Invalid box API key/);
});
