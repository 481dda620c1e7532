// SPDX-License-Identifier: MIT
// The service dies at every moment of what people do with it, and is started again: there is
// one of everything, nothing is lost, nothing is left behind.
//
//	BOXWRIGHT_LONG=1                     each call to GitHub of each story, both ways
//	BOXWRIGHT_STORY=talk,undo            these stories only
//	BOXWRIGHT_FROM=7 BOXWRIGHT_STEP=2    from this call on, every second one
//	BOXWRIGHT_ROUNDS=5                   instead: all stories at once, with seeds from BOXWRIGHT_FROM on
//	BOXWRIGHT_DEATHS=40                  at its own calls to the system (lib/death.c): so many of each story,
//	                                     or of each round
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { scripted } from './lib/agent.mjs';
import { Death, KINDS, MOMENTS } from './lib/death.mjs';
import { Killer, balance } from './lib/kills.mjs';
import { random } from './lib/random.mjs';
import { AGENT, FILE, Teller, stories } from './lib/stories.mjs';
import { startWorld } from './lib/world.mjs';

const LONG = Boolean(process.env.BOXWRIGHT_LONG);
const ONLY = process.env.BOXWRIGHT_STORY?.split(',');
const FROM = Number(process.env.BOXWRIGHT_FROM ?? 1);
const STEP = Number(process.env.BOXWRIGHT_STEP ?? 1);
const ROUNDS = Number(process.env.BOXWRIGHT_ROUNDS ?? 0);
const DEATHS = Number(process.env.BOXWRIGHT_DEATHS ?? (LONG ? 0 : 3));
const KILLS = LONG && !DEATHS ? 6 : LONG ? 0 : 3;
// How far apart they are, by kind: about as often as the service makes such calls.
const REACH = { row: 1500, net: 800, file: 300, child: 20 };
const SHORT = ['during', 'review', 'undo'];
const names = Object.keys(stories).filter((n) => ONLY ? ONLY.includes(n) : LONG || SHORT.includes(n));
let world, killer, repo, death;

before(async () => {
  repo = fs.mkdtempSync(path.join(os.tmpdir(), 'boxwright-kills-'));
  fs.cpSync('tests/demo/repo', repo, { recursive: true });
  fs.writeFileSync(path.join(repo, '.github/boxwright.yml'), JSON.stringify(FILE));
  fs.writeFileSync(path.join(repo, 'seed.txt'), 'seed\n');
  death = new Death();
  world = await startWorld({ env: death.env, repo: { fixture: repo, collaborators: { maintainer: 'write' } }, seed: { creations_per_minute: 100000 },
    config: scripted(AGENT, { over: { task: { retry_s: 0, attempts: 20, workers: 4 },
      github: { comment_spacing_ms: 0, write_spacing_ms: 0, timeout_s: 3, git_timeout_s: 10, rules_cache_s: 0 },
      conversation: { boxes: 1000 } } }) });
  killer = new Killer(world);
  killer.mortal(death);
  await world.standin.deliver('push', { repo: world.repo, sender: 'maintainer',
    push: { before: world.sha('main'), after: world.sha('main'), branch: 'main' } });
});
after(async () => {
  fs.rmSync(repo, { recursive: true, force: true });
  try {
    await killer?.settled();
  } finally {
    await world?.close();
    death?.close();
  }
});

const tell = async (name, plan, at) => {
  const teller = new Teller(world, killer);
  killer.arm(plan);
  if (at) death.arm(at);
  await stories[name](teller).catch((error) => {
    error.message = `${name}, ${JSON.stringify(at ?? plan)} (calls ${killer.calls.length}: ${killer.calls.slice(-3).join(', ')}): ${error.message}`;
    throw error;
  });
  const seen = killer.calls;
  killer.arm([]);
  death.disarm();
  await killer.settled();
  // The same deliveries once more are nothing new.
  for (const guid of teller.guids)
    assert.equal((await world.standin.hooks.redeliver(world.standin.hooks.list.find((d) => d.guid === guid))).status_code, 202);
  return seen;
};

const spot = (next, reach) => {
  const pick = (list) => list[Math.floor(next() * list.length)];
  const kind = pick(KINDS);
  return { kind, n: 1 + Math.floor(next() * reach[kind]), moment: pick(MOMENTS) };
};

// Lets it die so many times by its own calls, a few of them while it starts again.
function dying(next, times) {
  const told = [];
  let life = -1; // once in each: whose end is not seen yet has tasks that look less tired than they are
  const arm = (reach) => {
    life = killer.kills;
    told.push(spot(next, reach));
    death.arm(told.at(-1));
  };
  const few = Object.fromEntries(KINDS.map((k) => [k, REACH[k] / 20]));
  killer.onDeath = () => { if (told.length < times && next() < 0.3 && !killer.tired(1)) arm(few); };
  const timer = setInterval(() => {
    if (told.length < times && !killer.busy && killer.kills > life && !killer.tired()) arm(REACH);
  }, 250);
  return () => {
    clearInterval(timer);
    killer.onDeath = null;
    death.disarm();
    return told;
  };
}

// All of them at once, at moments that a number decides.
async function round(seed) {
  const next = random(seed);
  const pick = (list) => list[Math.floor(next() * list.length)];
  const plan = [];
  for (let at = 5, kills = 0; at < 600; at += 5 + Math.floor(next() * (LONG ? 40 : 10))) {
    const how = kills < KILLS ? pick(['silent', 'hang', 'silent', 'hang', 'lost', 'reset', 'status', 'truncate', 'secondary']) : pick(['lost', 'reset', 'status']);
    if (how === 'silent' || how === 'hang') {
      kills++;
      at += LONG ? 30 : 15; // a step that ends the service three times is given up
    }
    plan.push({ at, how });
  }
  killer.arm(plan);
  const stop = dying(random(seed + 1000), DEATHS);
  const tellers = names.map(() => new Teller(world, killer));
  const ends = await Promise.allSettled(names.map((name, i) => stories[name](tellers[i]).catch((error) => {
    throw new Error(`${name}: ${error.message}`, { cause: error });
  })));
  killer.arm([]);
  const deaths = stop();
  await killer.settled();
  // The same deliveries once more are nothing new.
  for (const guid of tellers.flatMap((t) => t.guids))
    assert.equal((await world.standin.hooks.redeliver(world.standin.hooks.list.find((d) => d.guid === guid))).status_code, 202);
  const bad = ends.filter((e) => e.reason).map((e) => e.reason.message);
  const books = await balance(world).catch((error) => { bad.push(`the books: ${error.message}`); });
  assert.equal(bad.length, 0, `seed ${seed}, ${JSON.stringify(deaths)}:\n${bad.join('\n======\n')}`);
  return books;
}

if (!LONG) {
  test('stories at once, killed at moments that a number decides', async (t) => {
    const books = await round(1);
    t.diagnostic(`${killer.kills} kills, ${JSON.stringify(books)}`);
  });
} else if (ROUNDS) {
  for (let i = 0; i < ROUNDS; i++)
    test(`round of seed ${FROM + i}`, async (t) => {
      const before = killer.kills;
      const books = await round(FROM + i);
      t.diagnostic(`${killer.kills - before} kills, ${JSON.stringify(books)}`);
      console.error(`seed ${FROM + i}: ${killer.kills - before} kills, ${JSON.stringify(books)}`);
    });
} else if (DEATHS) {
  for (const name of names)
    test(`${name}: at calls to the system`, async (t) => {
      const next = random(FROM);
      const from = death.counts();
      await tell(name, []);
      const to = death.counts();
      const reach = Object.fromEntries(KINDS.map((k) => [k, to[k] - from[k]]));
      const before = killer.kills;
      const bad = [];
      for (let i = 0; i < DEATHS; i++) {
        const at = spot(next, reach);
        await tell(name, [], at).catch((error) => {
          bad.push(error.message);
          console.error(`BAD ${error.message}`);
        });
      }
      const books = await balance(world).catch((error) => { bad.push(`the books: ${error.message}`); });
      console.error(`${name}: ${killer.kills - before} of ${DEATHS} deaths, ${JSON.stringify(reach)} calls; ${JSON.stringify(books)}`);
      t.diagnostic(`${killer.kills - before} deaths; ${JSON.stringify(books)}`);
      assert.deepEqual(bad, []);
    });
} else {
  for (const name of names)
    test(`${name}: at each call`, async (t) => {
      const calls = await tell(name, []);
      const bad = [];
      for (let at = FROM; at <= calls.length; at += STEP) {
        const how = ['silent', 'hang'][at % 2];
        const began = Date.now();
        const seen = await tell(name, [{ at, how }, { at: at + 5 + at % 7, how: 'lost' }]).catch((error) => {
          bad.push(error.message);
          console.error(`BAD ${error.message}`);
          return [];
        });
        console.error(`${name} ${how} at ${at} of ${calls.length} (${seen[at - 1]}): ${Date.now() - began} ms`);
      }
      const books = await balance(world);
      t.diagnostic(`${killer.kills} kills; ${JSON.stringify(books)}`);
      assert.deepEqual(bad, []);
    });
}
