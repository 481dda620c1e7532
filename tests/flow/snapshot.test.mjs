// SPDX-License-Identifier: MIT
// Prepared once, restored for each task: what a snapshot saves, what makes a new one, what
// a wrong preparation is told as, and what is left on the Engine afterwards.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { allEvents, scripted } from './lib/agent.mjs';
import { git } from '../standin/git.mjs';
import { boxIds, boxNamed, listInstance, listVolumes, touchInBox } from './lib/engine.mjs';
import { rows } from './lib/kills.mjs';
import { startWorld, until } from './lib/world.mjs';

// Tells what it was given: the set-up's marks, the history and the work tree.
const AGENT = `
def out(*argv): return subprocess.run(argv, capture_output=True, text=True, check=True).stdout
def read(name):
    p = pathlib.Path(name); return p.read_text() if p.exists() else ""
seen = {
    "marks": read("/var/tmp/marks").split(), "kept": read("/opt/kept"),
    "log": out("git", "log", "--format=%s").split("\\n")[:-1], "head": out("git", "rev-parse", "HEAD").strip(),
    "branch": out("git", "branch", "--show-current").strip(), "status": out("git", "status", "--porcelain"),
    "files": sorted(out("git", "ls-files").split()), "version": read("version.txt"), "ignored": read("built/out.txt")}
open("seen.json", "w").write(json.dumps(seen))
end("Looked.")
`;
const SETUP = `version: 1
setup:
  - printf 'mark-%s ' "$(wc -w < /var/tmp/marks 2>/dev/null || echo 0)" >> /var/tmp/marks
  - mkdir -p built && cat version.txt > built/out.txt && sudo -n sh -c 'echo kept > /opt/kept'
`;

let world;
let folder;

const put = (name, text) => {
  fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  fs.writeFileSync(path.join(folder, name), text);
};
const commit = (message) => world.standin.git.commitFolder(world.owner, world.name, folder, { message });
const ask = async () => world.fix((await world.issue('Look', 'Tell what you see.')).number);
const seenBy = (task) => JSON.parse(world.blob(world.tree(task.branch).find((e) => e.path === 'seen.json').oid));
const rowOf = (where, id) => rows(where, `SELECT * FROM task WHERE id = ${id}`)[0];
const snapshots = async () => (await listInstance(world.boxwright.instance)).snapshots.length;
const setups = async (task) => (await allEvents(world, task.id)).filter((e) => e.text.startsWith('set-up $ ')).length;
const look = async () => {
  const task = await ask();
  assert.equal(task.outcome_code, 'pull_request', `${task.outcome}\n${world.boxwright.tail()}`);
  return { task, seen: seenBy(task), setups: await setups(task) };
};
// The service's own words to the person, and a task that ended for it.
const refused = async (code, ...reasons) => {
  const task = await ask();
  assert.equal(task.state, code.split('_')[0], task.outcome);
  assert.equal(task.outcome_code, code, task.outcome);
  const answer = (await world.comments(task.number)).map((c) => c.body).find((b) => b.includes('k=answer'));
  for (const reason of reasons) {
    assert.match(task.outcome, reason);
    assert.match(answer, reason);
  }
  assert.equal(task.attempt, 1);
  assert.equal(task.outcome.split('boxwright.yml').length <= 2, true, `the file is named once: ${task.outcome}`);
  return task;
};

before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'boxwright-snapshot-'));
  put('.github/boxwright.yml', SETUP);
  put('.gitignore', 'built/\n');
  put('version.txt', 'one\n');
  world = await startWorld({ repo: { fixture: folder }, config: scripted(AGENT,
    { over: { github: { comment_spacing_ms: 0, rules_cache_s: 0 } } }) });
});
after(async () => {
  await world.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

test('the first task prepares, the second restores', async (t) => {
  const first = await look();
  assert.equal(first.setups, 2);
  assert.deepEqual(first.seen.marks, ['mark-0']);
  assert.equal(first.seen.kept, 'kept\n');
  assert.equal(first.seen.ignored, 'one\n');
  assert.equal(first.seen.status, '', 'a set-up leaves no change behind for the pull request');
  assert.equal(first.seen.branch, 'main');
  assert.equal(await snapshots(), 1);
  const second = await look();
  assert.equal(second.setups, 0);
  assert.deepEqual(second.seen, { ...first.seen, files: second.seen.files });
  assert.equal(await snapshots(), 1);
  for (const { task } of [first, second]) {
    const step = (await world.boxwright.task(task.id)).steps.find((s) => s.name === 'prepare');
    t.diagnostic(`prepare: ${step.finished_ms - step.started_ms} ms`);
  }
});

test('a newer commit comes on top of the snapshot', async () => {
  put('version.txt', 'two\n');
  put('added.txt', 'new\n');
  const head = commit('Second');
  const { seen, setups: ran, task } = await look();
  assert.equal(ran, 0);
  assert.deepEqual(seen.marks, ['mark-0']);
  assert.equal(seen.head, head);
  assert.equal(seen.log[0], 'Second');
  assert.ok(seen.log.length >= 2, 'with its history');
  assert.equal(seen.version, 'two\n');
  assert.ok(seen.files.includes('added.txt'));
  assert.equal(seen.status, '');
  assert.equal(seen.ignored, 'one\n', 'what was prepared is the older commit’s');
  assert.equal(await snapshots(), 1);
  assert.ok((await allEvents(world, task.id)).some((e) => /brought forward by 1 commits/.test(e.text)));
  assert.deepEqual(world.tree(task.branch).map((e) => e.path).sort(),
    ['.github/boxwright.yml', '.gitignore', 'added.txt', 'seen.json', 'version.txt']);
});

test('a branch that was rewound is followed', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'boxwright-other-'));
  fs.cpSync(folder, dir, { recursive: true });
  fs.writeFileSync(path.join(dir, 'version.txt'), 'other\n');
  fs.rmSync(path.join(dir, 'added.txt'));
  // Another history with the same set-up: the default branch as a force-push leaves it.
  const other = world.standin.git.commitFolder(world.owner, world.name, dir,
    { branch: 'other', from: 'no-such-branch', message: 'Another beginning' });
  const { git } = await import('../standin/git.mjs');
  git(world.standin.git.dir(world.owner, world.name), ['update-ref', 'refs/heads/main', other]);
  fs.rmSync(dir, { recursive: true });
  const { seen } = await look();
  assert.equal(seen.head, other);
  assert.deepEqual(seen.log, ['Another beginning']);
  assert.equal(seen.version, 'other\n');
  assert.ok(!seen.files.includes('added.txt'));
  assert.equal(seen.status, '');
});

test('another set-up is another snapshot', async () => {
  put('.github/boxwright.yml', `${SETUP}  - printf 'third ' >> /var/tmp/marks\n`);
  commit('Third');
  const { seen, setups: ran } = await look();
  assert.equal(ran, 3);
  assert.deepEqual(seen.marks, ['mark-0', 'third']);
  assert.equal(await snapshots(), 2);
  put('.github/boxwright.yml', SETUP);
  commit('And back');
  const back = await look();
  assert.equal(back.setups, 0);
  assert.deepEqual(back.seen.marks, ['mark-0']);
  assert.equal(await snapshots(), 2);
});

test('a file that cannot be read is told with its line and column', async () => {
  put('.github/boxwright.yml', 'version: 1\nsetup:\n  - "no end\n');
  commit('Broken');
  await refused('refused_config', /\.github\/boxwright\.yml:4:1: /);
  put('.github/boxwright.yml', 'version: 1\nlimits:\n  minutes: soon\n');
  commit('Wrong');
  await refused('refused_config', /\.yml:3:12: /, /limits\.minutes/);
  put('.github/boxwright.yml', 'version: 1\nsetpu: [x]\n');
  commit('Mistyped');
  await refused('refused_config', /\.yml:2:1: /, /setpu/);
});

test('a set-up that fails is told with its words, and is tried anew when it was changed', async () => {
  const was = await snapshots();
  put('.github/boxwright.yml', "version: 1\nsetup:\n  - echo fine\n  - 'echo the pump is dry >&2; exit 7'\n  - touch /never\n");
  commit('Dry');
  const task = await refused('failed_setup', /ended with 7/, /the pump is dry/);
  assert.equal(await setups(task), 2);
  assert.equal(await snapshots(), was, 'nothing half prepared is kept');
  put('.github/boxwright.yml', SETUP);
  commit('Pumped');
  assert.equal((await look()).setups, 0);
});

test('two that come at once: one prepares, the other waits for it', async () => {
  put('.github/boxwright.yml', `${SETUP}  - sleep 2\n`);
  commit('Together');
  const was = await snapshots();
  const both = await Promise.all([ask(), ask()]);
  assert.deepEqual(both.map((task) => task.outcome_code), ['pull_request', 'pull_request']);
  const made = await Promise.all(both.map(setups));
  assert.deepEqual(made.sort(), [0, 3]);
  assert.equal(rowOf(world, both[0].id).prepared_key, rowOf(world, both[1].id).prepared_key);
  assert.equal(await snapshots(), was + 1);
});

test('the one who prepares is cancelled: who waited prepares', async () => {
  put('.github/boxwright.yml', `${SETUP}  - until test -e /tmp/go; do sleep 0.1; done\n`);
  commit('Cancelled');
  const begin = async () => {
    const { number } = await world.issue('Look', 'Tell what you see.');
    const { delivery } = await world.comment(number, '/boxwright fix');
    return (await world.boxwright.taskOf(delivery.guid)).id;
  };
  const prepares = async (id) => (await boxIds(world.boxwright.instance)).includes(`prep-${id}`);
  const first = await begin();
  await until('the first prepares', () => prepares(first));
  const second = await begin();
  const task = async (id) => world.boxwright.need('GET', `/v1/tasks/${id}`);
  await until('the second is at it', async () => (await task(second)).step === 'prepare');
  await world.boxwright.need('POST', `/v1/tasks/${first}/cancel`, { reason: 'enough' });
  assert.equal((await world.boxwright.waitForTask(first)).state, 'cancelled');
  await until('the second prepares', async () => (await boxNamed(world.boxwright.instance, `prep-${second}`))?.State?.Running);
  await touchInBox(world.boxwright.instance, `prep-${second}`, '/tmp/go');
  const done = await world.boxwright.waitForTask(second);
  assert.equal(done.outcome_code, 'pull_request', done.outcome);
  assert.equal(await setups(done), 3);
});

test('two services of one Engine have each a snapshot of their own', async () => {
  put('.github/boxwright.yml', SETUP);
  const other = await startWorld({ repo: { fixture: folder }, config: scripted(AGENT) });
  try {
    // The same commit of the same repository.
    commit('Neighbours');
    git(other.standin.git.dir(other.owner, other.name), ['fetch', '-q', world.standin.git.dir(world.owner, world.name), '+main:main']);
    const mine = (await look()).task;
    const task = await other.fix((await other.issue('Look', 'Tell what you see.')).number);
    assert.equal(task.outcome_code, 'pull_request', task.outcome);
    const [a, b] = [rowOf(world, mine.id), rowOf(other, task.id)];
    assert.deepEqual([a.repo_id, a.rules_oid, a.image], [b.repo_id, b.rules_oid, b.image]);
    assert.notEqual(a.prepared_key, b.prepared_key);
    const { snapshots: have } = await listInstance(other.boxwright.instance);
    assert.equal(have.length, 1);
    assert.equal((await listInstance(world.boxwright.instance)).snapshots.includes(have[0]), false);
  } finally {
    await other.close();
  }
});

test('a set-up that would never end is ended with the task', async () => {
  put('.github/boxwright.yml', 'version: 1\nsetup: [sleep 1000]\n');
  commit('Slow');
  const { number } = await world.issue('Slow', 'Slow.');
  const { delivery } = await world.comment(number, '/boxwright fix');
  const { id } = await world.boxwright.taskOf(delivery.guid);
  await until('the set-up runs', async () => (await boxIds(world.boxwright.instance)).includes(`prep-${id}`));
  await world.boxwright.need('POST', `/v1/tasks/${id}/cancel`, { reason: 'enough' });
  const task = await world.boxwright.waitForTask(id);
  assert.equal(task.state, 'cancelled', task.outcome);
});

test('nothing is left behind', async () => {
  // But for those that conversations keep, paused.
  await until('the boxes are gone', async () => (await boxIds(world.boxwright.instance)).every((b) => b.startsWith('conv-')));
  for (const id of await boxIds(world.boxwright.instance))
    assert.equal((await boxNamed(world.boxwright.instance, id)).State.Running, false, id);
  const volumes = (await listVolumes(world.boxwright.instance)).filter((n) => !n.startsWith('boxwright-init-'));
  assert.deepEqual(volumes, []);
  const left = fs.readdirSync(path.join(world.boxwright.dir, 'state', 'tasks'));
  assert.deepEqual(left, []);
  assert.deepEqual(fs.readdirSync(path.join(world.boxwright.dir, 'state', 'git-tmp')), []);
});
