// SPDX-License-Identifier: MIT
// kill -9 at chosen moments of what a service does, people who do not notice, and the books
// that have to balance afterwards.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { git } from '../../standin/git.mjs';
import { boxIds, boxNamed, inspectImage, listInstance } from './engine.mjs';
import { until } from './boxwright.mjs';

// Counts the calls that the stand-in sees, and does something at the n-th of them:
//   hang    dies before it is done        silent  dies when it is done and not yet told
//   lost    done, the connection breaks   secondary, status, reset: as the stand-in's faults
const DEADLY = ['hang', 'silent'];

export class Killer {
  constructor(world) {
    this.world = world;
    this.kills = 0;
    this.busy = null; // a kill that is under way
    this.plan = [];
    this.calls = [];
    const { faults } = world.standin;
    const take = faults.take.bind(faults);
    faults.take = (op, method) => take(op, method) ?? this.#seen(op, method);
  }

  // [{at, how}] counted from now; -> nothing.
  arm(plan) {
    this.calls = [];
    this.plan = [...plan].sort((a, b) => a.at - b.at);
  }

  #seen(op, method) {
    this.calls.push(`${method} ${op}`);
    if (this.plan[0]?.at !== this.calls.length) return null;
    const { how } = this.plan.shift();
    if (DEADLY.includes(how) && (this.busy || this.tired())) return null;
    if (DEADLY.includes(how)) {
      const entry = this.world.standin.log.findLast((e) => e.op === op && e.method === method);
      this.#kill(how === 'silent' && (() => op.startsWith('git/') ? this.world.standin.git.children.size === 0 : entry?.status));
    }
    return { kind: how, ...(how === 'secondary' && { retry_after: 1 }), ...(how === 'status' && { status: 502, html: true }) };
  }

  // A step that ended the service three times is given up, and rightly so.
  tired(than = 2) {
    return rows(this.world, "SELECT max(crashes) AS n FROM task WHERE state IN ('ready', 'running')")[0].n >= than;
  }

  #kill(ready) {
    this.busy = (async () => {
      if (ready) {
        await new Promise((done) => { setImmediate(done); });
        await until('the call is done', ready, { ms: 3000, every: 5 }).catch(() => {});
      }
      this.kills++;
      this.death?.disarm();
      await this.world.boxwright.restart();
    })().finally(() => { this.#free(); });
    this.busy.catch((error) => { this.failed = error; });
  }

  #free() {
    this.busy = null;
    if (this.death) this.#watch();
  }

  // Ends that the program comes to by itself (death.mjs) are noticed and followed by a start,
  // which may come to its end too.
  mortal(death) {
    this.death = death;
    this.#watch();
  }

  #watch() {
    const { boxwright } = this.world;
    boxwright.exited.then(({ signal }) => {
      if (this.busy || signal !== 'SIGKILL') return;
      this.busy = this.#again().finally(() => { this.#free(); });
      this.busy.catch((error) => { this.failed = error; });
    });
  }

  async #again() {
    const { boxwright } = this.world;
    for (let i = 0; ; i++) {
      this.kills++;
      this.onDeath?.();
      try {
        return await boxwright.launch();
      } catch (error) {
        if (i > 5 || boxwright.ended?.signal !== 'SIGKILL') throw error;
      }
    }
  }

  // At this very moment.
  async now() {
    if (!this.busy) this.#kill(null);
    await this.settled();
  }

  async settled() {
    while (this.busy) await this.busy;
    if (this.failed) throw this.failed;
  }
}

// What a person does reaches the service sooner or later, as GitHub's "redeliver" would bring
// it; the same id again is nothing new.
export async function arrives(world, killer, record) {
  for (let i = 0; ; i++) {
    await killer?.settled();
    if (record.status_code === 202) return record;
    assert.ok(i < 20 && (record.status_code === 0 || record.status_code === 503), `${record.status_code} ${record.answer}`);
    await new Promise((done) => { setTimeout(done, 100); });
    record = await world.standin.hooks.redeliver(record);
  }
}

// Rows of the store, while the service works on.
export const rows = (world, sql) => {
  const text = execFileSync('sqlite3', ['-readonly', '-json', '-cmd', '.timeout 5000',
    path.join(world.boxwright.dir, 'state', 'boxwright.db'), sql], { encoding: 'utf8', maxBuffer: 64 << 20 });
  return text.trim() ? JSON.parse(text) : [];
};

const doubles = (list) => [...new Set(list.filter((x, i) => list.indexOf(x) !== i))];

// Everything that anybody could count twice, or miss.  -> {tasks, deliveries, comments, ...}
export async function balance(world, { ms = 60000 } = {}) {
  const { standin, boxwright } = world;
  const full = world.repo;
  await until('all is over', () => {
    const open = rows(world, `SELECT 'task ' || id || ' ' || verb || ' ' || state || ' ' || step AS what FROM task WHERE state IN ('ready','running')
      UNION ALL SELECT 'command ' || id || ' ' || verb || ' ' || state FROM command WHERE state IN ('ready','taken')`);
    if (open.length) throw new Error(open.map((o) => o.what).join('; '));
    return true;
  }, { ms });
  // Deliveries: each that was taken has its row and a reason.
  const known = new Map(rows(world, `SELECT id, state, reason_code, task_id,
    (SELECT count(*) FROM command c WHERE c.delivery_id = delivery.id) AS commands FROM delivery`).map((r) => [r.id, r]));
  for (const { guid, event, status_code: code } of standin.hooks.list) {
    if (code !== 202) continue;
    const row = known.get(guid);
    assert.ok(row, `${event} ${guid} was taken and is not there`);
    assert.ok(row.reason_code, `${event} ${guid} has no reason`);
    assert.ok(row.state !== 'task' || row.task_id, `${event} ${guid} has no task`);
    assert.ok(row.state !== 'command' || row.commands > 0, `${event} ${guid} has no command`);
  }
  const tasks = rows(world, 'SELECT * FROM task');
  assert.deepEqual(tasks.filter((t) => t.outcome_code === 'failed_crash' || !t.outcome_code || !t.finished_ms)
    .map((t) => `${t.id} ${t.verb} ${t.outcome}`), [], 'tasks have ended');
  assert.deepEqual(rows(world, `SELECT e.* FROM effect e JOIN task t ON t.id = e.task_id WHERE e.state = 'sent' AND e.kind <> 'check'`)
    .map((e) => `${e.task_id} ${e.kind} ${e.slot}`), [], 'no effect is half done');
  // What stands on GitHub.
  const numbers = standin.state ? rows(world, `SELECT DISTINCT number AS n FROM task WHERE number > 0 UNION SELECT pr_number FROM task WHERE pr_number > 0
    UNION SELECT number FROM command WHERE number > 0`).map((r) => r.n) : [];
  let comments = 0;
  for (const n of numbers) {
    const ours = (await world.comments(n)).map((c) => /<!-- boxwright:(t=[^;]+;k=[^;]+);/.exec(c.body)?.[1]).filter(Boolean);
    comments += ours.length;
    assert.deepEqual(doubles(ours), [], `comments of #${n}`);
  }
  const pulls = world.pulls();
  assert.deepEqual(doubles(pulls.filter((p) => p.state === 'open').map((p) => p.head)), [], 'open pull requests of one branch');
  const branches = git(standin.git.dir(world.owner, world.name),
    ['for-each-ref', '--format=%(refname:short)', 'refs/heads/boxwright']).split('\n').filter(Boolean);
  assert.deepEqual(branches.filter((b) => !pulls.some((p) => p.head === b)), [], 'branches without a pull request');
  const checks = standin.checks.runs.filter((r) => r.app.id === standin.app.app_id);
  assert.deepEqual(doubles(checks.map((r) => `${r.head_sha} ${r.name} ${r.external_id}`)), [], 'check runs');
  assert.deepEqual(checks.filter((r) => r.status !== 'completed').map((r) => `${r.external_id} on ${r.head_sha} ${r.status}`), [], 'check runs that never end');
  const reviews = standin.reviews.list.filter((r) => /<!-- boxwright/.test(r.body ?? ''));
  assert.deepEqual(doubles(reviews.map((r) => `#${r.pull} ${r.body}`)), [], 'reviews');
  // Boxes and snapshots.
  await until('the boxes are those of the conversations', async () => {
    const want = rows(world, 'SELECT box_id FROM conversation WHERE box_id IS NOT NULL').map((r) => r.box_id).sort();
    assert.deepEqual((await boxIds(boxwright.instance)).sort(), want);
    for (const box of want)
      assert.equal((await boxNamed(boxwright.instance, box)).State.Running, false, `${box} runs`);
    return true;
  }, { ms });
  await until('the snapshots are those that are known', async () => {
    const names = rows(world, `SELECT snapshot_image AS i FROM prepared WHERE state = 'ready' AND snapshot_image <> ''
      UNION SELECT undo_image FROM conversation WHERE undo_image IS NOT NULL`).map((r) => r.i);
    const idOf = async (name) => (await inspectImage(name)).Id ?? `gone: ${name}`;
    const want = await Promise.all(names.map(idOf));
    // An undone run's box was made from the snapshot that it came back to.
    const used = await Promise.all((await boxIds(boxwright.instance)).map(async (b) => (await boxNamed(boxwright.instance, b)).Image));
    // Nor can a snapshot go before those that were made on top of it.
    for (const list of [want, used])
      for (const id of list) {
        const { Parent: parent } = await inspectImage(id);
        if (parent && !used.includes(parent)) used.push(parent);
      }
    // One that was cut off before it got its name is swept up when it is old enough.
    const snapshots = (await listInstance(boxwright.instance)).snapshots.filter((name) => !name.startsWith('sha256:'));
    const have = await Promise.all(snapshots.map(idOf));
    assert.deepEqual(snapshots.filter((_, i) => !want.includes(have[i]) && !used.includes(have[i])), [], 'snapshots that nobody knows');
    assert.deepEqual(names.filter((_, i) => !have.includes(want[i])), [], 'snapshots that are lost');
    return true;
  }, { ms: Math.min(ms, 20000) });
  return { repo: full, tasks: tasks.length, deliveries: known.size, comments, pulls: pulls.length, checks: checks.length, reviews: reviews.length };
}
