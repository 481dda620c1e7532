// SPDX-License-Identifier: MIT
// A burst of 1,000 comments at once: every one is a row with its end, every call of GitHub's API is
// inside GitHub's limits (measured by the stand-in), and strangers cannot spend them.  Time runs a
// hundred times as fast (github.write_spacing_ms and minute_ms, and the stand-in's limits with
// them), so that the limits of an hour are met within a minute; BOXWRIGHT_LONG=1 runs it as it is.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { overlay } from '../standin/hooks.mjs';
import { scripted } from './lib/agent.mjs';
import { startWorld, until } from './lib/world.mjs';

const LONG = Boolean(process.env.BOXWRIGHT_LONG);
const SPEED = LONG ? 1 : 100;
const LANES = 10;
const OWN_WORDS = { status: 95, help: 95 }; // of a maintainer: two changes each
// [how many, who, text, what the delivery must become]
const MIX = [
  [OWN_WORDS.status, 'maintainer', '/boxwright status', 'command'],
  [OWN_WORDS.help, 'maintainer', '@boxwright help', 'command'],
  [210, 'maintainer', '/boxwright dance on the table', 'command'],
  [120, 'maintainer', 'Looks good to me.', 'none'],
  [30, 'maintainer', '> /boxwright fix\n\nno, not that', 'none'],
  [150, 'stranger', '/boxwright dance', 'command'],
  [100, 'stranger', '/boxwright status', 'command'],
  [100, 'stranger', '/boxwright fix it now', 'task'],
  [60, 'stranger', '@boxwright what is this?', null],
  [40, 'stranger', 'me too', 'none'],
];

let world;
let issues;
const sent = []; // {who, text, want, delivery, comment}
before(async () => {
  world = await startWorld({ repo: { fixture: 'tests/demo/repo' },
    seed: { limits: { minute_ms: 60000 / SPEED, gap_ms: 1000 / SPEED } },
    config: { ...scripted('end("nothing to do")'),
      github: { write_spacing_ms: 1000 / SPEED, ...(LONG ? {} : { minute_ms: 60000 / SPEED }) } } });
  issues = [];
  for (let i = 0; i < LANES; i++) issues.push((await world.issue(`Lane ${i}`, 'Talk here.')).number);
});
after(() => world?.close());

const report = () => world.standin.limits.report(world.standin.app.installation_id);

// The comments exist before the first delivery leaves, so that all leave at once.
async function burst(mix) {
  const all = mix.flatMap(([n, who, text, want]) => Array.from({ length: n }, () => ({ who, text, want })));
  const template = new Map();
  // An issue and a person at a time, ten at once.
  await Promise.all(Array.from({ length: LANES }, async (_, lane) => { for (let i = lane; i < all.length; i += LANES) await make(all[i], i); }));
  async function make(one, i) {
    const issue = issues[i % LANES];
    one.comment = await world.standin.comment({ repo: world.repo, issue, login: one.who, body: one.text });
    const key = `${issue} ${one.who}`;
    if (!template.has(key))
      template.set(key, await world.standin.payload('issue_comment',
        { action: 'created', repo: world.repo, issue, comment: one.comment.id }));
    one.payload = overlay(structuredClone(template.get(key)), { comment: one.comment });
    one.issue = issue;
  }
  const start = Date.now();
  await Promise.all(all.map(async (one) => { one.delivery = await world.standin.hooks.send('issue_comment', one.payload); }));
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
  }, { ms, every: 500 });
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
  const { all, ms } = await burst(MIX);
  t.diagnostic(`1,000 deliveries were taken in ${ms} ms`);
  assert.deepEqual(all.filter((one) => one.delivery.status_code !== 202).map((one) => one.delivery.answer), []);
  const start = Date.now();
  await settled(all, LONG ? 2.5 * 3600000 : 240000);
  const told = report();
  t.diagnostic(`all ended ${Math.round((Date.now() - start) / 1000)} s later: ${JSON.stringify(told)}`);
  assert.deepEqual(told.broken, []);
  assert.deepEqual(world.standin.violations(), []);
  // The limit of an hour was met, or the burst was too small to tell.
  assert.ok(told.changes > 400, `${told.changes} changes`);

  // Each became what it had to become.
  for (const one of all) {
    const kind = one.row.command ? 'command' : one.row.task ? 'task' : 'none';
    if (one.want) assert.equal(kind, one.want, `${one.who}: ${one.text}: ${JSON.stringify(one.row)}`);
    if (kind === 'command') assert.equal(one.row.command.state, 'done', JSON.stringify(one.row.command));
  }
  // Members are answered, each once.
  const bot = await answers();
  assert.equal(bot.filter((c) => /there is no task here yet|tasks here, newest first/.test(c.body)).length, OWN_WORDS.status);
  assert.equal(bot.filter((c) => c.body.includes('| `/boxwright fix')).length, OWN_WORDS.help);
  // A word that is no verb has its line once in each lane.
  assert.equal(bot.filter((c) => /` is no command\./.test(c.body)).length, LANES);
});

test('strangers get no words and a handful of reactions, and the rest has its reason', () => {
  const strangers = sent.filter((one) => one.who === 'stranger');
  const reacted = strangers.filter((one) => world.reactions('comment', one.comment.id).length);
  assert.ok(reacted.length >= 1 && reacted.length <= 6, `${reacted.length} reactions for one stranger`);
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
  const { all } = await burst([[12, 'maintainer', '/boxwright help', 'command']]);
  await settled(all, 120000);
  const told = report();
  t.diagnostic(JSON.stringify(told));
  assert.equal(told.blocks - before.blocks, 3);
  assert.equal(told.early, 0);
  assert.deepEqual(told.broken, []);
  assert.equal((await answers()).length - said, 12);
});
