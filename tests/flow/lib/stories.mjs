// SPDX-License-Identifier: MIT
// What people do with the service, one story each, with all that has to be true at its end:
// told so that it can be interrupted anywhere.
import assert from 'node:assert/strict';
import { git } from '../../standin/git.mjs';
import { allEvents } from './agent.mjs';
import { touchInBox } from './engine.mjs';
import { arrives, rows } from './kills.mjs';
import { until } from './world.mjs';

export const AGENT = `
import re, socket
prompt = sys.argv[sys.argv.index("-p") + 1]
if "Make a plan" in prompt: end("Plan: write planned.txt.")
if "The plan at the end of this message was approved" in prompt:
    open("planned.txt", "w").write("planned\\n")
    end("Did as planned.")
if "Review the change of pull request #" in prompt:
    end("Read.\\n\\n\`\`\`json\\n" + json.dumps({"summary": "It adds a file.", "findings": [
        {"path": "theirs.txt", "line": 1, "severity": "warning", "text": "Mind this."}]}) + "\\n\`\`\`")
if "hold conflicts" in prompt:
    for name in subprocess.run(["git", "grep", "-l", "^<<<<<<<"], capture_output=True, text=True).stdout.split():
        p = pathlib.Path(name)
        p.write_text("".join(l for l in p.read_text().splitlines(True) if not re.match("<<<<<<<|=======|>>>>>>>", l)))
    end("Took both sides.")
wanted = re.search(r"WANTED (\\w+)", prompt)
word, arg = ("add", wanted[1]) if wanted else re.findall(r"do:(\\w+)-?(\\w*)", prompt)[-1]
if word == "try":
    size = 1 + 4 * (int(socket.gethostname().rsplit("-", 1)[1]) % 2)
    open(arg + ".txt", "w").write("line\\n" * size)
if word == "wait":
    say("text", text="waiting in %s" % arg)
    while not os.path.exists("/tmp/go-" + arg): time.sleep(0.05)
    word = "add"
if word == "add": open(arg + ".txt", "w").write(arg + "\\n")
if word == "set": open(arg + ".txt", "w").write("mine\\n")
end("Did %s %s." % (word, arg))
`;

export const FILE = { version: 1, check: ['! git grep -q "^<<<<<<<"'], repair: { tries: 3 },
  schedules: [{ name: 'count', when: '0 0 1 1 *', run: ['cat seed.txt > report.txt'], title: 'Report' }] };

export class Teller {
  constructor(world, killer) {
    this.world = world;
    this.killer = killer;
    this.guids = [];
  }

  async sent(promise) {
    const record = await arrives(this.world, this.killer, await promise);
    this.guids.push(record.guid);
    return record;
  }
  async say(number, body, more) {
    const { world } = this;
    const comment = await world.standin.comment({ repo: world.repo, issue: number, login: 'maintainer', body });
    const record = await this.sent(world.standin.deliver('issue_comment',
      { action: 'created', repo: world.repo, issue: number, comment: comment.id, ...more }));
    return { comment, record };
  }
  issue(title) { return this.world.standin.issue({ repo: this.world.repo, login: 'maintainer', title, body: 'Please.' }); }
  async task(record) { return this.world.boxwright.taskOf(record.guid, { ms: 90000 }); }
  async ended(id, code) {
    const task = await this.world.boxwright.waitForTask(id, { ms: 240000 });
    if (code) assert.equal(task.outcome_code, code, `task ${id} ${task.verb}: ${task.outcome}`);
    return task;
  }
  async asked(number, text, code = 'pull_request') {
    const { record, comment } = await this.say(number, text);
    return { ...await this.ended((await this.task(record)).id, code), comment };
  }
  bare() { return this.world.standin.git.dir(this.world.owner, this.world.name); }
  log(branch) { return git(this.bare(), ['log', '--format=%H', branch]).trim().split('\n'); }
  parents(ref) { return git(this.bare(), ['log', '-1', '--format=%P', ref]).trim().split(' '); }
  show(ref, file) { return git(this.bare(), ['show', `${ref}:${file}`]); }
  // Commits on a branch since a commit, newest first.
  since(branch, from) { return git(this.bare(), ['log', '--first-parent', '--format=%H', `${from}..${branch}`]).trim().split('\n').filter(Boolean); }
  async told(number, id, kind = 'answer') {
    return (await this.world.comments(number)).filter((c) => c.body.includes(`t=${id};k=${kind};`)).length;
  }
  async one(number, id, kind) { assert.equal(await this.told(number, id, kind), 1, `#${number}: ${kind} of task ${id}`); }
  tasks(lane) { return rows(this.world, `SELECT * FROM task WHERE lane = '${lane}' ORDER BY id`); }
}

let serial = 0;

export const stories = {
  async talk(t) {
    const { number } = await t.issue('Talk');
    const first = await t.asked(number, '/boxwright fix do:add-one');
    const second = await t.asked(first.pr_number, '/boxwright fix do:add-two');
    assert.equal(second.pr_number, first.pr_number);
    assert.equal(second.branch, first.branch);
    assert.deepEqual(t.since(first.branch, first.base_oid), [second.commit_oid, first.commit_oid]);
    assert.equal(t.tasks(first.lane).length, 2);
    await t.one(number, first.id, 'status');
    await t.one(first.pr_number, second.id);
    for (const x of [first, second])
      assert.deepEqual(t.world.reactions('comment', x.comment.id).map((r) => r.content).sort(), ['eyes', 'hooray']);
  },

  async during(t) {
    const { number } = await t.issue('During');
    const name = `x${++serial}`;
    const begun = await t.say(number, `/boxwright fix do:wait-${name}`);
    const { id } = await t.task(begun.record);
    await until('the agent waits', async () => (await allEvents(t.world, id)).some((e) => e.text.includes(`waiting in ${name}`)), { ms: 120000 });
    const more = await t.say(number, '/boxwright fix do:add-more');
    const { id: moreId } = await t.task(more.record);
    const task = await until('it ends', async () => {
      await touchInBox(t.world.boxwright.instance, (await t.world.boxwright.task(id)).box_id, `/tmp/go-${name}`).catch(() => {});
      const now = await t.world.boxwright.task(id);
      return now.finished_ms ? now : null;
    }, { ms: 180000 });
    assert.equal(task.outcome_code, 'pull_request', task.outcome);
    // One whose worker died between the agent's end and the look for more leaves it to itself.
    const other = await t.ended(moreId);
    assert.ok(other.outcome_code === 'taken_up' || (t.killer.kills && other.outcome_code === 'pull_request'), other.outcome);
    assert.deepEqual(t.since(task.branch, task.base_oid),
      other.outcome_code === 'taken_up' ? [task.commit_oid] : [other.commit_oid, task.commit_oid]);
    assert.equal(t.show(task.branch, `${name}.txt`) + t.show(task.branch, 'more.txt'), `${name}\nmore\n`);
    await t.one(number, id, 'status');
    await t.one(number, moreId);
  },

  async plan(t) {
    const { number } = await t.issue('Plan');
    const plan = await t.asked(number, '/boxwright plan', 'planned');
    await t.one(number, plan.id);
    await t.say(number, '/boxwright approve');
    const fix = await until('the work', () => t.tasks(plan.lane).find((x) => x.id > plan.id));
    const done = await t.ended(fix.id, 'pull_request');
    assert.equal(t.show(done.branch, 'planned.txt'), 'planned\n');
    assert.deepEqual(t.since(done.branch, done.base_oid), [done.commit_oid]);
    assert.equal(t.tasks(plan.lane).length, 2);
  },

  async review(t) {
    const { world } = t;
    const head = `feature-${++serial}`;
    world.standin.commit({ repo: world.repo, branch: head, from: 'main', message: 'new', files: { 'theirs.txt': 'a\nb\n' } });
    const made = await world.standin.pull({ repo: world.repo, head, base: 'main', title: 'A file', login: 'maintainer', deliver: false });
    const number = made.number ?? made.pull.number;
    await t.asked(number, '/boxwright review', 'reviewed');
    const reviews = (await world.standin.upstream('GET', `/repos/${world.repo}/pulls/${number}/reviews?per_page=100`)).body;
    assert.equal(reviews.length, 1);
    const lines = (await world.standin.upstream('GET', `/repos/${world.repo}/pulls/${number}/comments?per_page=100`)).body;
    assert.equal(lines.length, 1);
  },

  async attempts(t) {
    const { number } = await t.issue('Attempts');
    const { record } = await t.say(number, '/boxwright fix x2 do:try-best');
    const parent = await until('the parent', async () =>
      (await t.world.boxwright.tasks('?limit=100')).find((x) => x.delivery_id === record.guid && !x.lane.includes('#')));
    const task = await t.ended(parent.id, 'pull_request');
    const tries = rows(t.world, `SELECT * FROM task WHERE parent_id = ${parent.id}`);
    assert.deepEqual(tries.map((x) => x.outcome_code), ['attempted', 'attempted']);
    assert.equal(t.show(task.branch, 'best.txt'), 'line\n');
    assert.deepEqual(t.since(task.branch, task.base_oid), [task.commit_oid]);
    await t.one(number, task.id, 'status');
  },

  async job(t) {
    const { world } = t;
    const seed = `seed ${++serial}\n`;
    world.standin.commit({ repo: world.repo, branch: 'main', message: 'Seed', files: { 'seed.txt': seed } });
    const job = await until('the job is known', async () => (await world.boxwright.need('GET', '/v1/schedules')).schedules.find((j) => j.name === 'count'));
    const run = async () => {
      const last = rows(world, 'SELECT task_id FROM job')[0].task_id;
      const id = await until('the job begins', async () => {
        await world.boxwright.api('POST', `/v1/schedules/${job.id}/run`, {}).catch(() => {});
        const { task_id: now } = rows(world, 'SELECT task_id FROM job')[0];
        return now !== last ? now : null;
      });
      return t.ended(id);
    };
    const first = await run();
    assert.equal(first.outcome_code, 'pull_request', first.outcome);
    assert.equal(t.show(first.branch, 'report.txt'), seed);
    assert.deepEqual(t.since(first.branch, first.base_oid), [first.commit_oid]);
    const second = await run();
    assert.ok(['no_change', 'pull_request'].includes(second.outcome_code), second.outcome);
    assert.equal(t.since(second.branch ?? first.branch, t.parents(first.branch)[0]).length, 1);
    assert.equal(world.pulls().filter((p) => p.head === first.branch && p.state === 'open').length, 1);
    assert.equal(rows(world, "SELECT failures FROM job WHERE name = 'count'")[0].failures, 0);
  },

  async repair(t) {
    const { number } = await t.issue('Repair');
    const first = await t.asked(number, '/boxwright fix do:add-one');
    const { run, suite } = await t.world.standin.checkRun({ repo: t.world.repo, number: first.pr_number, name: 'unit', conclusion: 'failure',
      log: 'AssertionError: WANTED good\n', deliver: false });
    assert.ok(suite);
    const record = await t.sent(t.world.standin.deliver('check_run', { action: 'completed', repo: t.world.repo, checkRun: run.id, sender: 'maintainer' }));
    const task = await t.ended((await t.task(record)).id, 'pull_request');
    assert.equal(task.verb, 'repair');
    assert.deepEqual(t.since(first.branch, first.base_oid), [task.commit_oid, first.commit_oid]);
    assert.equal(t.show(first.branch, 'good.txt'), 'good\n');
    assert.equal(rows(t.world, `SELECT repairs FROM conversation WHERE id = ${task.conversation_id ?? 0} OR pr_number = ${first.pr_number}`)[0].repairs, 1);
  },

  async rebase(t) {
    const { world } = t;
    const { number } = await t.issue('Rebase');
    const name = `conf${++serial}`;
    const first = await t.asked(number, `/boxwright fix do:set-${name}`);
    world.standin.commit({ repo: world.repo, branch: 'main', message: 'The base moves', files: { [`${name}.txt`]: 'theirs\n' } });
    const task = await t.asked(first.pr_number, '/boxwright rebase');
    assert.equal(t.show(first.branch, `${name}.txt`), 'theirs\nmine\n');
    assert.deepEqual(t.parents(first.branch), [task.base_oid]);
    assert.ok(world.standin.git.isAncestor(world.owner, world.name, task.base_oid, 'main'));
    await t.one(first.pr_number, task.id);
  },

  async undo(t) {
    const { number } = await t.issue('Undo');
    const first = await t.asked(number, '/boxwright fix do:add-one');
    const second = await t.asked(first.pr_number, '/boxwright fix do:add-two');
    const undone = await t.asked(first.pr_number, '/boxwright undo', 'undone');
    assert.deepEqual(t.since(first.branch, first.base_oid), [first.commit_oid]);
    await t.one(first.pr_number, second.id);
    await t.one(first.pr_number, undone.id);
    const third = await t.asked(first.pr_number, '/boxwright fix do:add-three');
    assert.deepEqual(t.since(first.branch, first.base_oid), [third.commit_oid, first.commit_oid]);
    assert.ok(!world2files(t, first.branch).includes('two.txt'));
  },

  async cancel(t) {
    const { number } = await t.issue('Cancel');
    const { record } = await t.say(number, `/boxwright fix do:wait-never${++serial}`);
    const { id } = await t.task(record);
    await until('it works', async () => (await t.world.boxwright.task(id)).step === 'work', { ms: 120000 });
    await t.say(number, '/boxwright cancel');
    const task = await t.ended(id, 'cancelled');
    assert.equal(task.pr_number ?? 0, 0);
    assert.equal(await t.told(number, id, 'answer') + await t.told(number, id, 'status') >= 1, true);
  },
};

const world2files = (t, branch) => t.world.tree(branch).map((e) => e.path);
