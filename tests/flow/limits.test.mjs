// SPDX-License-Identifier: MIT
// A burst of 1,000 comments at once: every one is a row with its end, every call of GitHub's API is
// inside GitHub's limits (measured by the stand-in), strangers cannot spend them, and who cancels
// in the middle of it does not wait for words.  Time runs a hundred times as fast
// (github.write_spacing_ms and minute_ms, and the stand-in's limits with them), so that the limits
// of an hour are met within a minute.
//
//	BOXWRIGHT_LONG=1          nothing is scaled: six minutes to what words may have of an hour,
//	                          then the rest of that hour
//	BOXWRIGHT_MEMBERS=2       so many people ask (5): with two, all of it fits into six minutes
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import { overlay } from '../standin/hooks.mjs';
import { scripted } from './lib/agent.mjs';
import { startWorld, until } from './lib/world.mjs';

const LONG = Boolean(process.env.BOXWRIGHT_LONG);
const SPEED = LONG ? 1 : 100;
const LANES = 10;
const MEMBERS = ['maintainer', 'ann', 'ben', 'cem', 'dee'].slice(0, Number(process.env.BOXWRIGHT_MEMBERS ?? 5)); // "member" in turn
// [how many, who, text, what the delivery must become]
const MIX = [
  [95, 'member', '/boxwright status', 'command'],
  [95, 'member', '@boxwright help', 'command'],
  [210, 'maintainer', '/boxwright dance on the table', 'command'],
  [120, 'maintainer', 'Looks good to me.', 'none'],
  [30, 'maintainer', '> /boxwright fix\n\nno, not that', 'none'],
  [150, 'stranger', '/boxwright dance', 'command'],
  [100, 'stranger', '/boxwright status', 'command'],
  [100, 'stranger', '/boxwright fix it now', 'task'],
  [60, 'stranger', '@boxwright what is this?', null],
  [40, 'stranger', 'me too', 'none'],
];

// Works until it is told to stop.
const AGENT = 'if "take your time" in sys.argv[sys.argv.index("-p") + 1]: time.sleep(3600)\nend("nothing to do")';
const PROBE_MS = LONG ? 120000 : 2000; // into the burst

let world;
let issues;
const sent = []; // {who, text, want, delivery, comment}
before(async () => {
  world = await startWorld({ repo: { fixture: 'tests/demo/repo', collaborators: Object.fromEntries(MEMBERS.map((who) => [who, 'write'])) },
    seed: { users: [...MEMBERS, 'stranger'], limits: { minute_ms: 60000 / SPEED, gap_ms: 1000 / SPEED } },
    config: { ...scripted(AGENT),
      github: { write_spacing_ms: 1000 / SPEED, ...(LONG ? {} : { minute_ms: 60000 / SPEED }) } } });
  issues = [];
  for (let i = 0; i < LANES; i++) issues.push((await world.issue(`Lane ${i}`, 'Talk here.')).number);
});
after(() => world?.close());

const report = () => world.standin.limits.report(world.standin.app.installation_id);

// The comments exist before the first delivery leaves, so that nothing is between them.
const SENDERS = 100; // connections at a time: each delivery has ten seconds, also of this process
async function burst(mix) {
  const all = mix.flatMap(([n, who, text, want]) => Array.from({ length: n }, () => ({ who, text, want })));
  const template = new Map();
  // An issue and a person at a time, ten at once.
  await Promise.all(Array.from({ length: LANES }, async (_, lane) => { for (let i = lane; i < all.length; i += LANES) await make(all[i], i); }));
  async function make(one, i) {
    const issue = issues[i % LANES];
    if (one.who === 'member') one.who = MEMBERS[Math.floor(i / LANES) % MEMBERS.length];
    one.comment = await world.standin.comment({ repo: world.repo, issue, login: one.who, body: one.text });
    const key = `${issue} ${one.who}`;
    if (!template.has(key))
      template.set(key, await world.standin.payload('issue_comment',
        { action: 'created', repo: world.repo, issue, comment: one.comment.id }));
    one.payload = overlay(structuredClone(template.get(key)), { comment: one.comment });
    one.issue = issue;
  }
  const start = Date.now();
  await Promise.all(Array.from({ length: SENDERS }, async (_, from) => {
    for (let i = from; i < all.length; i += SENDERS) all[i].delivery = await world.standin.hooks.send('issue_comment', all[i].payload);
  }));
  sent.push(...all);
  return { all, ms: Date.now() - start };
}

async function row({ delivery }) {
  const found = await world.boxwright.need('GET', `/v1/deliveries/${delivery.guid}`);
  return found.task ? { ...found, task: await world.boxwright.task(found.task) } : found;
}

// Until nothing is left that could still be said.
async function settled(all, ms) {
  const open = new Set(all);
  await until('every delivery has its end', async () => {
    for (const one of [...open]) {
      one.row = await row(one);
      const over = one.row.command ? ['done', 'failed'].includes(one.row.command.state)
        : one.row.task ? !['ready', 'running'].includes(one.row.task.state) : true;
      if (!over) throw new Error(`${open.size} are open, such as ${JSON.stringify(one.row)}\n${world.boxwright.tail(5)}`);
      open.delete(one);
    }
    return true;
  }, { ms, every: LONG ? 10000 : 500 });
}

// The service's memory in KiB, from now until stop().
function memory() {
  const seen = [];
  const look = () => {
    const found = /VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${world.boxwright.child.pid}/status`, 'utf8'));
    seen.push(Number(found[1]));
  };
  look();
  const timer = setInterval(look, LONG ? 10000 : 250);
  return () => { clearInterval(timer); look(); return { start: seen[0], middle: seen[seen.length >> 1], end: seen.at(-1), most: Math.max(...seen) }; };
}

// A run that would go on for an hour, and is stopped in the middle of the burst.
async function longRun() {
  const issue = (await world.issue('Slow', 'take your time')).number;
  const { delivery } = await world.comment(issue, '/boxwright fix take your time');
  const { id } = await world.boxwright.taskOf(delivery.guid);
  await until('the agent is at work', async () => (await world.boxwright.task(id)).step === 'work');
  return { issue, id };
}

// How long people in other issues wait for what they ask in the middle of it.
async function probes({ issue, id }) {
  const start = Date.now();
  const cancel = (await world.comment(issue, '/boxwright cancel')).comment;
  const told = {};
  const wait = (name, ask) => until(name, ask, { ms: LONG ? 2 * 3600000 : 240000, every: 250 }).then(() => { told[name] = Date.now() - start; });
  const other = (await world.issue('Aside', 'How is it?')).number;
  const status = (await world.comment(other, '/boxwright status')).delivery;
  await Promise.all([
    wait('stopped', async () => (await world.boxwright.task(id)).state === 'cancelled'),
    wait('seen', () => world.reactions('comment', cancel.id).length > 0),
    wait('status', async () => (await row({ delivery: status })).command.state === 'done'),
  ]);
  return told;
}

const answers = async () => (await Promise.all(issues.map(async (number) => {
  const list = [];
  for (let page = 1; ; page++) {
    const { body } = await world.standin.upstream('GET', `/repos/${world.repo}/issues/${number}/comments?per_page=100&page=${page}`);
    list.push(...body);
    if (body.length < 100) return list.filter((c) => c.user.type === 'Bot');
  }
}))).flat();

test('1,000 comments at once: nothing is lost, and GitHub\'s limits hold', { timeout: LONG ? 3 * 3600000 : 300000 }, async (t) => {
  const count = MIX.reduce((n, [many]) => n + many, 0);
  assert.equal(count, 1000);
  const slow = await longRun();
  const rss = memory();
  const { all, ms } = await burst(MIX);
  t.diagnostic(`1,000 deliveries were taken in ${ms} ms`);
  assert.deepEqual(all.filter((one) => one.delivery.status_code !== 202).map((one) => one.delivery.answer), []);
  const start = Date.now();
  const probed = new Promise((done) => { setTimeout(done, PROBE_MS); }).then(() => probes(slow))
    .then((waits) => {
      t.diagnostic(`asked in the middle of it, ms until: ${JSON.stringify(waits)}`);
      // What changes something waits for no words, but for the change that is under way; in the
      // order of their coming it was six minutes.
      assert.ok(waits.stopped < 30000 && waits.seen < 30000, JSON.stringify(waits));
    });
  await settled(all, LONG ? 2.5 * 3600000 : 240000);
  await probed;
  const told = report();
  t.diagnostic(`memory of the service in KiB: ${JSON.stringify(rss())}`);
  t.diagnostic(`all ended ${Math.round((Date.now() - start) / 1000)} s later: ${JSON.stringify(told)}`);
  assert.deepEqual(told.broken, []);
  assert.deepEqual(world.standin.violations(), []);
  // What only says something leaves a quarter of the hour's 400 to others; five ask for more.
  assert.ok(MEMBERS.length < 5 || told.changes > 300, `${told.changes} changes`);
  assert.ok(told.changes_an_hour < 340, `${told.changes_an_hour} changes an hour`);

  // Each became what it had to become.
  for (const one of all) {
    const kind = one.row.command ? 'command' : one.row.task ? 'task' : 'none';
    if (one.want) assert.equal(kind, one.want, `${one.who}: ${one.text}: ${JSON.stringify(one.row)}`);
    if (kind === 'command') assert.equal(one.row.command.state, 'done', JSON.stringify(one.row.command));
  }
  // Members are answered in each issue, and see that each of their questions was heard; who asks
  // again before there was an answer has it once.
  const bot = await answers();
  for (const [verb, pattern] of [['status', /there is no task here yet|tasks here, newest first/], ['help', /\| `\/boxwright fix/]]) {
    const asked = all.filter((one) => one.row.command?.verb === verb && one.who !== 'stranger');
    for (const one of asked) assert.deepEqual(world.reactions('comment', one.comment.id).map((r) => r.content), ['+1']);
    const again = asked.filter((one) => /^asked again: answered once, as command \d+$/.test(one.row.command.outcome));
    const said = bot.filter((c) => pattern.test(c.body));
    t.diagnostic(`${asked.length} times ${verb}: ${said.length} answers`);
    assert.equal(said.length + again.length, asked.length);
    const places = new Set(asked.map((one) => `@${one.who} ${one.issue}`));
    assert.deepEqual(new Set(said.map((c) => `${/@\w+/.exec(c.body)[0]} ${c.issue_url.split('/').at(-1)}`)), places);
  }
  // A word that is no verb has its line once in each lane.
  assert.equal(bot.filter((c) => /` is no command\./.test(c.body)).length, LANES);
});

test('strangers get no words and a handful of reactions, and the rest has its reason', () => {
  const strangers = sent.filter((one) => one.who === 'stranger');
  const reacted = strangers.filter((one) => world.reactions('comment', one.comment.id).length);
  assert.ok(reacted.length >= 1 && reacted.length <= (LONG ? 12 : 6), /* two hours of it */ `${reacted.length} reactions for one stranger`);
  const quiet = strangers.filter((one) => one.row.command && !reacted.includes(one));
  assert.ok(quiet.length > 200);
  for (const one of quiet) assert.match(one.row.command.outcome, /not answered: they have no role here/);
  for (const one of strangers.filter((s) => s.row.task)) assert.equal(one.row.task.state, 'refused');
});

test('a secondary limit is obeyed to the second, and nothing is lost by it', { timeout: 300000 }, async (t) => {
  const before = report();
  const blocks = [{ op: 'issues/create-comment', retry_after: 3 }, { op: 'reactions/create-for-issue-comment', retry_after: 2 }];
  blocks.forEach((b) => world.standin.faults.add({ kind: 'secondary', ...b }));
  world.standin.faults.add({ kind: 'primary', op: 'repos/get-collaborator-permission-level', reset_in: 2 });
  const said = (await answers()).length;
  const { all } = await burst([[LANES, 'maintainer', '/boxwright help', 'command']]);
  await settled(all, 120000);
  const told = report();
  t.diagnostic(JSON.stringify(told));
  assert.equal(told.blocks - before.blocks, 3);
  assert.equal(told.early, 0);
  assert.deepEqual(told.broken, []);
  assert.equal((await answers()).length - said, LANES);
});
