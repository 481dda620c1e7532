// SPDX-License-Identifier: MIT
// The demo: a person asks in an issue of a stand-in forge, the service answers with a pull
// request, and a comment on that goes on in the same box.  Prints every step as it happens with its time; what is left is in build/demo.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startWorld } from '../flow/lib/world.mjs';
import { git } from '../standin/git.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.resolve('build/demo');
const started = Date.now();
const say = (text) => console.log(`${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}`);
const short = (text, n = 150) => (text.length > n ? `${text.slice(0, n)}...` : text).replaceAll('\n', ' | ');

// Which agent does the work: a real one when there is a key for it.
function agent() {
  const { ANTHROPIC_API_KEY: anthropic, OPENAI_API_KEY: openai } = process.env;
  const image = process.env.BOXWRIGHT_AGENTS_IMAGE;
  if (anthropic)
    return { name: 'Claude Code', config: { agent: { harness: 'claude-code' }, box: { image } },
      env: { BOXWRIGHT_MODEL_ANTHROPIC_KEY: anthropic } };
  if (openai)
    return { name: 'Codex', config: { agent: { harness: 'codex' }, box: { image } },
      env: { BOXWRIGHT_MODEL_OPENAI_KEY: openai } };
  const source = fs.readFileSync(path.join(here, 'agent.py'), 'utf8');
  return { name: 'the demo\'s own agent (no model)', env: {},
    config: { agent: { harness: 'custom', command: ['python3', '-c', source] },
      box: { image: process.env.BOXWRIGHT_TEST_IMAGE ?? 'boxwright/base' } } };
}

// Shows what the task does until it ends.
async function follow(boxwright, id, quiet = false) {
  let seen = 0;
  let step = '';
  for (;;) {
    const task = await boxwright.task(id);
    if (!quiet && task.step && task.step !== step) say(`step ${step = task.step}`);
    for (const event of await boxwright.events(id, seen)) {
      seen = event.seq;
      if (event.text && !quiet) say(`   ${event.kind}: ${short(event.text)}`);
    }
    if (['done', 'failed', 'cancelled', 'refused'].includes(task.state)) return task;
    await new Promise((done) => { setTimeout(done, 100); });
  }
}

// A comment on the pull request: the same box, the same session, one more commit.
async function goOn(first) {
  const text = '/boxwright fix also test that `273.15 K` is `0 C`';
  say(`@maintainer comments on #${first.pr_number}: "${text}"`);
  const { delivery } = await world.comment(first.pr_number, text);
  const { id } = await world.boxwright.taskOf(delivery.guid);
  const second = await follow(world.boxwright, id, true);
  if (second.state !== 'done' || !second.commit_oid)
    throw new Error(`task ${id} is ${second.state}: ${second.outcome}`);
  say(`task ${id} went on in ${second.box_id === first.box_id ? 'the same box' : 'another box'} and pushed ` +
    `${second.commit_oid.slice(0, 12)} on top of ${first.commit_oid.slice(0, 12)} (+${second.added} -${second.deleted})`);
  if (second.box_id !== first.box_id) throw new Error('the second comment got another box');
}

const doing = agent();
const [title, ...rest] = fs.readFileSync(path.join(here, 'issue.md'), 'utf8').trim().split('\n');
say('a stand-in for GitHub and the service start, on loopback');
const world = await startWorld({ strict: false, repo: { fixture: path.join(here, 'repo') },
  config: doing.config, env: doing.env });
let failed = true;
try {
  const { number } = await world.issue(title, rest.join('\n').trim());
  say(`issue #${number}: ${title}`);
  const asked = Date.now();
  const { delivery } = await world.comment(number, '/boxwright fix');
  say(`@maintainer comments "/boxwright fix"; delivery ${delivery.guid}: ${delivery.status_code}`);
  const { id } = await world.boxwright.taskOf(delivery.guid);
  say(`task ${id}, done by ${doing.name}`);
  const task = await follow(world.boxwright, id);
  fs.mkdirSync(out, { recursive: true });
  fs.writeFileSync(path.join(out, 'service.log'), `${world.boxwright.tail(100000)}\n`);
  fs.writeFileSync(path.join(out, 'task.json'), `${JSON.stringify(task, null, 2)}\n`);
  if (task.pr_url) {
    const diff = git(world.standin.git.dir(world.owner, world.name),
      ['diff', `${task.base_oid}..${task.branch}`]);
    const pull = await world.pull(task.pr_number);
    fs.writeFileSync(path.join(out, 'change.diff'), diff);
    fs.writeFileSync(path.join(out, 'pull-request.md'), `${pull.title}\n\n${pull.body}\n`);
    console.log(`\n${diff}`);
  }
  console.log('to look at: build/demo/service.log, task.json, change.diff, pull-request.md');
  failed = task.state !== 'done' || !task.pr_url;
  if (failed) console.log(`the task is ${task.state}: ${task.outcome}`);
  else {
    console.log(`pull request: ${task.pr_url} (${task.files} files, +${task.added} -${task.deleted}) ` +
      `in ${((Date.now() - asked) / 1000).toFixed(1)} s\n`);
    await goOn(task);
  }
} finally {
  await world.close();
}
process.exit(failed ? 1 : 0);
