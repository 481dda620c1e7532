// SPDX-License-Identifier: MIT
// Many people at many issues and their pull requests at once, with cancel, retry, undo, plans
// and approvals between: nothing waits for ever, each lane keeps its order, no worker is idle
// while there is work, and the books balance.  BOXWRIGHT_LONG=1: twenty people, ten issues.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { scripted } from './lib/agent.mjs';
import { arrives, balance, rows } from './lib/kills.mjs';
import { random } from './lib/random.mjs';
import { startWorld, until } from './lib/world.mjs';

const LONG = Boolean(process.env.BOXWRIGHT_LONG);
const PEOPLE = LONG ? 20 : 4, ISSUES = LONG ? 10 : 2, WORDS = 2, WORKERS = LONG ? 4 : 2;
const SEED = Number(process.env.BOXWRIGHT_SEED ?? 1);
const IDLE_MS = 5000; // how long a free worker may leave work that is due
const people = Array.from({ length: PEOPLE }, (_, i) => `person${i}`);
let world, stop;

const AGENT = `
import re, random
prompt = sys.argv[sys.argv.index("-p") + 1]
if "Make a plan" in prompt: end("Plan: write planned.txt.")
time.sleep(random.random())
if "The plan at the end of this message was approved" in prompt:
    open("planned.txt", "a").write("planned\\n")
    end("Did as planned.")
if "Answer the question" in prompt: end("So it is.")
words = re.findall(r"do:(\\w+)", prompt)
name = words[-1] if words else "nothing"
open(name + ".txt", "a").write(name + "\\n")
end("Did %s." % name)
`;

before(async () => {
  world = await startWorld({ seed: { users: ['maintainer', ...people], creations_per_minute: 100000 },
    repo: { fixture: 'tests/demo/repo', collaborators: Object.fromEntries(['maintainer', ...people].map((p) => [p, 'write'])) },
    config: scripted(AGENT, { over: { task: { retry_s: 0, attempts: 20, workers: WORKERS },
      github: { comment_spacing_ms: 0, write_spacing_ms: 0, timeout_s: 10 }, conversation: { boxes: 1000 } } }) });
});
after(async () => {
  stop?.();
  await world?.close();
});

const say = async (login, number, body) => {
  const comment = await world.standin.comment({ repo: world.repo, issue: number, login, body });
  const record = await world.standin.deliver('issue_comment', { action: 'created', repo: world.repo, issue: number, comment: comment.id, sender: login });
  return arrives(world, null, record);
};

// How long there was work that was due in a free lane, and a worker without any.
function watch() {
  const seen = { most: 0, samples: 0, running: 0 };
  let since = 0;
  const timer = setInterval(() => {
    const [{ running, due }] = rows(world, `SELECT (SELECT count(*) FROM task WHERE state = 'running') AS running,
      (SELECT count(*) FROM task t WHERE state = 'ready' AND waits = 0 AND run_at_ms <= ${Date.now()}
        AND NOT EXISTS (SELECT 1 FROM task o WHERE o.lane = t.lane AND o.state = 'running')) AS due`);
    seen.samples++;
    seen.running += running;
    if (!due || running >= WORKERS) since = 0;
    else since ||= Date.now();
    if (since) seen.most = Math.max(seen.most, Date.now() - since);
  }, 250);
  return () => { clearInterval(timer); return seen; };
}

test(`${PEOPLE} people at ${ISSUES} issues`, async (t) => {
  const next = random(SEED);
  const pick = (list) => list[Math.floor(next() * list.length)];
  const began = Date.now();
  stop = watch();
  const numbers = [];
  for (let i = 0; i < ISSUES; i++) numbers.push((await world.issue(`Issue ${i}`, 'Please.')).number);
  await Promise.all(numbers.map((n, i) => say(people[i], n, `/boxwright fix do:first${i}`)));
  await until('some have their pull request', () => world.pulls().length >= Math.ceil(ISSUES / 2), { ms: 240000 });
  const words = ['fix do:more', 'fix do:other', 'cancel', 'retry', 'undo', 'approve', 'plan', 'ask why?', 'status', 'budget +1', 'reject no', 'help'];
  let said = ISSUES;
  await Promise.all(people.map(async (login, i) => {
    for (let k = 0; k < WORDS; k++) {
      const { pr_number: pull } = rows(world, `SELECT pr_number FROM conversation WHERE number = ${numbers[i % ISSUES]}`)[0] ?? {};
      const number = pull && next() < 0.5 ? pull : numbers[i % ISSUES];
      await say(login, number, `/boxwright ${k === 0 && i % 2 === 0 ? `fix do:of${i}` : pick(words)}`);
      said++;
    }
  }));
  const books = await balance(world, { ms: LONG ? 600000 : 180000 });
  const { most, samples, running } = stop();
  const tasks = rows(world, 'SELECT id, lane, verb, state, started_ms, finished_ms, outcome_code, outcome FROM task ORDER BY id');
  for (const lane of new Set(tasks.map((x) => x.lane))) {
    const mine = tasks.filter((x) => x.lane === lane && x.started_ms && x.outcome_code !== 'taken_up');
    for (let i = 1; i < mine.length; i++)
      assert.ok(mine[i].started_ms >= mine[i - 1].finished_ms, `lane ${lane}: task ${mine[i].id} began before ${mine[i - 1].id} ended`);
  }
  const ends = {};
  for (const x of tasks) ends[`${x.verb} ${x.outcome_code}`] = (ends[`${x.verb} ${x.outcome_code}`] ?? 0) + 1;
  t.diagnostic(`${said} said in ${Date.now() - began} ms; ${JSON.stringify(ends)}; ${JSON.stringify(books)}; ` +
    `on average ${(running / samples).toFixed(1)} of ${WORKERS} workers, at most ${most} ms idle with work`);
  assert.deepEqual(tasks.filter((x) => /^failed_(crash|prepare|internal|report)/.test(x.outcome_code)).map((x) => `${x.id} ${x.verb}: ${x.outcome}`), []);
  assert.ok(most < IDLE_MS, `a worker was idle for ${most} ms while there was work`);
  // Everybody who asked for an answer once got it once, or was cancelled before it began.
  const commands = rows(world, 'SELECT id, verb, state, outcome FROM command');
  assert.deepEqual(commands.filter((c) => c.state !== 'done').map((c) => `${c.id} ${c.verb}: ${c.outcome}`), []);
  assert.equal(rows(world, 'SELECT count(*) AS n FROM delivery')[0].n, said);
});
