// SPDX-License-Identifier: MIT
// From a comment to the agent's first output, step by step: a real service, the stand-in
// forge, an agent of the custom harness that speaks at once.  The first task makes the
// prepared snapshot and is told apart; the others start from it, each for an issue of its own.
// Then the second comments: in each conversation once more, in its own box, woken.
//
//	node tests/bench/flow.mjs [rows file to append to]      BENCH_TASKS (12)
//
// Times are of the service's own rows (steps, the agent's first event) and of the sender of
// the delivery, all on one machine's clock.
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { allEvents, scripted } from '../flow/lib/agent.mjs';
import { startWorld } from '../flow/lib/world.mjs';

const [out] = process.argv.slice(2);
const TASKS = Number(process.env.BENCH_TASKS ?? 12);
const FIRST = 'here is the first output';
const AGENT = `say("text", text=${JSON.stringify(FIRST)}); end("Nothing to change.")`;
const fixture = fileURLToPath(new URL('../demo/repo', import.meta.url));

const PARTS = [
  ['comment to accepted', 'the delivery is answered 202'],
  ['accepted to claimed', 'a worker takes the task'],
  ['gate', 'who asks, and may they'],
  ['prepare', 'mirror, configuration, snapshot, box'],
  ['box from snapshot', 'of these: box_create from the prepared snapshot'],
  ['agent to first output', 'start of the work to the first output'],
];

async function one(world, number) {
  const comment = await world.standin.comment({ repo: world.repo, issue: number,
    login: 'maintainer', body: '/boxwright fix' });
  const asked = Date.now();
  const delivery = await world.standin.deliver('issue_comment',
    { action: 'created', repo: world.repo, issue: number, comment: comment.id });
  const accepted = Date.now();
  if (delivery.status_code !== 202)
    throw new Error(`the delivery got ${delivery.status_code}: ${delivery.answer}`);
  const { id } = await world.boxwright.taskOf(delivery.guid, { every: 500 });
  const task = await world.boxwright.waitForTask(id, { ms: 60000 });
  if (task.state !== 'done') throw new Error(`the task is ${task.state}: ${task.outcome}`);
  const events = await allEvents(world, id);
  const first = events.find((e) => e.text.includes(FIRST));
  if (!first) throw new Error('the agent said nothing');
  const step = (name) => task.steps.find((s) => s.name === name);
  const ready = events.map((e) => /^box \S+ ready in (\d+) ms/.exec(e.text)).find(Boolean);
  return {
    'total': first.at_ms - asked,
    'comment to accepted': accepted - asked,
    'accepted to claimed': step('gate').started_ms - accepted,
    'gate': step('prepare').started_ms - step('gate').started_ms,
    'prepare': step('work').started_ms - step('prepare').started_ms,
    'box from snapshot': Number(ready?.[1] ?? NaN),
    'agent to first output': first.at_ms - step('work').started_ms,
  };
}

const at = (sorted, q) => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] / 1000;

function row(name, what, samples) {
  const sorted = samples.filter(Number.isFinite).sort((a, b) => a - b);
  const ours = { what, unit: 's', p50: at(sorted, 0.5), p99: at(sorted, 0.99), n: sorted.length };
  console.error(`      ${name.padEnd(44)} p50 ${ours.p50.toFixed(3).padStart(9)} s   p99 ${ours.p99.toFixed(3).padStart(9)} s   n ${ours.n}`);
  return `${JSON.stringify({ name, ours, peer: null, ratio: null })}\n`;
}

console.error('  comment to the agent\'s first output, from a prepared snapshot');
const world = await startWorld({ strict: false, repo: { fixture }, config: scripted(AGENT) });
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => { world.close().finally(() => process.exit(1)); });
try {
  const issue = async () => (await world.issue('A small thing', 'Please do it.')).number;
  const cold = await one(world, await issue());
  console.error(`      the first one, which makes the snapshot: ${(cold.total / 1000).toFixed(3)} s`);
  const all = [], again = [], issues = [];
  for (let i = 0; i < TASKS; i++) {
    issues.push(await issue());
    all.push(await one(world, issues[i]));
    if (i % 4 === 3) console.error(`      ${i + 1} of ${TASKS}`);
  }
  for (const number of issues) again.push(await one(world, number));
  const rows = [row('comment to first output', 'comment sent to the agent\'s first output', all.map((a) => a.total)),
    ...PARTS.map(([name, what], i) => row(`comment to first output, ${i + 1}: ${name}`, what, all.map((a) => a[name]))),
    row('second comment to first output', 'the same in a conversation whose box is paused', again.map((a) => a.total)),
    row('second comment to first output, prepare', 'of this: mirror, configuration, the box woken', again.map((a) => a.prepare)),
    row('comment to first output, snapshot made', 'the same with the snapshot made first', [cold.total])];
  if (out) fs.appendFileSync(out, rows.join(''));
} finally {
  await world.close();
}
