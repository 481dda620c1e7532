// SPDX-License-Identifier: MIT
// The repository's checks on the result, in a second, clean box: what they come to, what is
// published of them, one round of repair, and every way to be interrupted.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { git } from '../standin/git.mjs';
import { allEvents, scripted, waitForText } from './lib/agent.mjs';
import { boxIds, inspectBox, listInstance } from './lib/engine.mjs';
import { startWorld, until } from './lib/world.mjs';

// Claims that all is well, whatever is so.  Its second prompt of a session is the repair's.
const AGENT = `
prompt = sys.argv[sys.argv.index("-p") + 1]
again = "--session" in sys.argv
def asked(word): return ("do:" + word) in prompt
note = pathlib.Path("note.txt")
if again:
    say("text", text="asked again in session " + sys.argv[sys.argv.index("--session") + 1])
    say("text", text="told: " + prompt[prompt.index("What follows"):])
    how = pathlib.Path("/tmp/how").read_text()
    if how == "repairs": note.write_text("good\\n")
    if how == "gives-up": fail("I cannot")
    if how == "reverts": note.unlink()
    if how == "sleeps":
        say("text", text="sleeping in the repair")
        time.sleep(600)
    end("Repaired. All tests pass.")
for how in ("repairs", "gives-up", "reverts", "sleeps", "insists"):
    if asked(how):
        pathlib.Path("/tmp/how").write_text(how)
        note.write_text("bad\\n")
        break
else:
    note.write_text("good\\n")
if asked("patch"):
    # Outside of the work tree, and inside where git does not look: none of it may be seen.
    subprocess.run("mkdir -p ~/bin; echo 'exit 0' > ~/bin/grep; echo 'export PATH=~/bin:$PATH' > ~/.profile; "
        "touch /tmp/leak ~/leak; echo leak >> .git/info/exclude; touch leak", shell=True, check=True)
    note.write_text("bad\\n")
end("Did it. All tests pass.")
`;
const RUNS = 'tests/demo/repo';
let world;
let repo;
let slow; // a task whose checks run into the limit of a minute, beside all others

before(async () => {
  repo = fs.mkdtempSync(path.join(os.tmpdir(), 'boxwright-verify-'));
  fs.cpSync(RUNS, repo, { recursive: true });
  world = await startWorld({ repo: { fixture: repo }, config: scripted(AGENT, { task: { check_minutes: 1 } }) });
  configure({ check: ['true', 'echo begun; sleep 600', 'echo never'] });
  slow = await begin('good');
  await waitForText(world, slow.id, '$ true');
});
after(async () => {
  fs.rmSync(repo, { recursive: true, force: true });
  await world.close();
});
afterEach(() => world.standin.faults.clear());

// The repository's file from now on; JSON is YAML.
const configure = (more) => {
  fs.writeFileSync(path.join(repo, '.github/boxwright.yml'), JSON.stringify({ version: 1, ...more }));
  world.standin.git.commitFolder(world.owner, world.name, repo, { message: 'Configure' });
};
const begin = async (word) => {
  const { number } = await world.issue(`Verify ${word}`, 'Please.');
  const { comment, delivery } = await world.comment(number, `/boxwright fix do:${word}`);
  assert.equal(delivery.status_code, 202, delivery.answer);
  return { number, comment, id: (await world.boxwright.taskOf(delivery.guid)).id };
};
const ask = async (word) => {
  const { number, id } = await begin(word);
  return { ...await world.boxwright.waitForTask(id), number };
};
const lines = async (id, kind = 'verify') => (await allEvents(world, id)).filter((e) => e.kind === kind).map((e) => e.text);
const checkLines = async (id) => (await lines(id)).filter((l) => l.startsWith('$ '));
const step = (task, name) => task.steps.filter((s) => s.name === name);
const checkBox = async (id) => (await Promise.all((await listInstance(world.boxwright.instance)).boxes.map(inspectBox)))
  .find((b) => b.Config?.Labels['boxwright.box'] === `task-${id}-check`);
const status = async (number) => (await world.comments(number)).map((c) => c.body).find((b) => b.includes('k=status'));
const noBoxes = async () => assert.deepEqual((await boxIds(world.boxwright.instance))
  .filter((b) => !b.startsWith(`task-${slow.id}`) && !b.startsWith('conv-')), []);

test('no check: no second box, no line about checks', async () => {
  configure({});
  const task = await ask('good');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.deepEqual(await lines(task.id), []);
  assert.match((await world.pull(task.pr_number)).body, /not repeated by the service/);
  assert.doesNotMatch(await status(task.number), /Checks/);
});

test('all checks pass: on the commit that is published, without network, in a clean box', async () => {
  configure({ pr: { draft: false }, check: ['grep -q good note.txt', 'git rev-parse HEAD; git status --short',
    '! curl -sS -m 5 https://example.com', 'test "$(ls /sys/class/net)" = lo && test "$CI" = true'] });
  const task = await ask('good');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  const told = await checkLines(task.id);
  assert.equal(told.length, 4, told.join('\n'));
  // The very commit, and nothing beside it.
  assert.ok(told[1].endsWith(`\n${task.commit_oid}\n`), told[1]);
  assert.equal(world.sha(task.branch), task.commit_oid);
  assert.equal(step(task, 'verify').at(-1).detail, '4 checks passed');
  assert.deepEqual(task.effects.filter((e) => e.kind === 'check').map((e) => [e.state, /^exit 0, /.test(e.remote_id)]),
    Array(4).fill(['done', true]));
  const { title, body } = await world.pull(task.pr_number);
  assert.match(title, /^fix: /);
  assert.match(body, /- passed: `grep -q good note.txt` \(exit 0, \d+\.\d s\)/);
  assert.equal(world.pulls().find((p) => p.number === task.pr_number).draft, false);
  assert.match(await status(task.number), /\[x\] Checks \(/);
  await noBoxes();
});

test('check_setup: what the change asks to be installed is there, and then the network goes', async () => {
  configure({ setup: ['cp -f note.txt /tmp/installed 2>/dev/null || echo none > /tmp/installed'], check_setup: true,
    check: ['grep -q good /tmp/installed', '! curl -sS -m 5 https://example.com'] });
  const task = await ask('good');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.equal(step(task, 'verify').at(-1).detail, '2 checks passed', (await lines(task.id)).join('\n'));
  assert.equal((await lines(task.id)).filter((l) => l.startsWith('set-up $')).length, 1);
  // Set-up that fails on the change is told, and the work is not lost.
  configure({ setup: ['test ! -e note.txt'], check_setup: true, check: ['true'] });
  const other = await ask('good');
  assert.match((await world.pull(other.pr_number)).body, /the set-up command `test ! -e note\.txt` ended with 1/);
  await noBoxes();
});

test('an agent that claims green and is not: a draft that says so, with the output', async () => {
  configure({ pr: { draft: false }, check: ['true', 'cat note.txt; grep good note.txt || { echo it is not good >&2; exit 3; }', 'exit 7'] });
  const task = await ask('insists');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  assert.match(task.outcome, /as a draft: 2 of 3 checks failed/);
  assert.equal(world.pulls().find((p) => p.number === task.pr_number).draft, true);
  const { title, body } = await world.pull(task.pr_number);
  assert.match(title, /^\[checks fail\] fix: /);
  assert.match(body, /All tests pass/); // its claim stands, and so does this:
  assert.match(body, /- \*\*failed\*\*: `cat note.txt; .*` \(exit 3, /);
  assert.match(body, /<details>\n<summary>The end of what check 2 said<\/summary>\n\n```\nbad\nit is not good\n```/);
  assert.match(body, /- \*\*failed\*\*: `exit 7` \(exit 7, /);
  assert.match(body, /Checks fail on this change/);
  assert.match(await status(task.number), /but checks fail on it/);
  // It was asked once more, changed nothing, and the same result was not run again.
  assert.equal((await checkLines(task.id)).length, 3);
  assert.equal((await lines(task.id)).filter((l) => l.startsWith('the agent is given')).length, 1);
  await noBoxes();
});

test('nothing of the box of the agent is there', async () => {
  configure({ check: ['grep -q good note.txt', 'test ! -e leak -a ! -e /tmp/leak -a ! -e ~/leak -a ! -e ~/bin'] });
  const task = await ask('patch');
  const told = await checkLines(task.id);
  assert.match(told[0], /exit 1, /);
  assert.match(told[1], /exit 0, /);
  assert.match((await world.pull(task.pr_number)).title, /^\[checks fail\]/);
});

test('a round of repair makes it green: same box, same session, told what failed', async () => {
  configure({ check: ['grep good note.txt || { echo "the note is bad"; exit 1; }'] });
  const task = await ask('repairs');
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  const said = (await lines(task.id, 'text')).join('\n');
  assert.match(said, /asked again in session s1/);
  assert.match(said, /may NOT write/);
  assert.match(said, /the note is bad/);
  assert.deepEqual(task.steps.map((s) => s.name),
    ['gate', 'prepare', 'work', 'collect', 'verify', 'work', 'collect', 'verify', 'publish', 'report']);
  assert.deepEqual(step(task, 'verify').map((s) => s.detail), ['1 of 1 check failed', '1 check passed']);
  const { title, body } = await world.pull(task.pr_number);
  assert.match(title, /^fix: /);
  assert.match(body, /- passed: /);
  assert.match(body, /Repaired/);
  const bare = world.standin.git.dir(world.owner, world.name);
  assert.equal(git(bare, ['show', `${task.branch}:note.txt`]), 'good\n');
  assert.equal(task.effects.filter((e) => e.kind === 'repair').length, 1);
});

for (const word of ['gives-up', 'reverts'])
  test(`an agent that ${word} in its repair: the result before it stands`, async () => {
    configure({ check: ['grep good note.txt'] });
    const task = await ask(word);
    assert.equal(task.outcome_code, 'pull_request', task.outcome);
    assert.match((await world.pull(task.pr_number)).title, /^\[checks fail\]/);
    const bare = world.standin.git.dir(world.owner, world.name);
    assert.equal(git(bare, ['show', `${task.branch}:note.txt`]), 'bad\n');
    assert.equal((await checkLines(task.id)).length, 1);
  });

test('check_required: no pull request, and a comment with the output', async () => {
  configure({ check_required: true, check: ['echo this is why; false'] });
  const task = await ask('insists');
  assert.equal(task.state, 'failed');
  assert.equal(task.outcome_code, 'failed_checks', task.outcome);
  assert.ok(!task.pr_url);
  assert.equal(world.sha(task.branch ?? 'none'), null);
  const answers = (await world.comments(task.number)).filter((c) => c.body.includes('k=answer'));
  assert.equal(answers.length, 1);
  assert.match(answers[0].body, /```\nthis is why\n```/);
  assert.match(answers[0].body, /check_required/);
});

test('what a check says cannot notify, close, load, hide or tell a secret', async () => {
  const secret = world.standin.app.webhook_secret;
  configure({ check: [`printf '%s\\n' '@stranger fixes #99 ![x](http://evil/x.png)' '\`\`\`' '@stranger fixes #99' '</details>' '<!-- boxwright:t=9;k=status -->' 'key ${secret} end'; printf '\\033[31mred\\033[0m\\000 \\377 bar\\rend\\n'; seq 1 20000; echo '~~~'; echo '@stranger fixes #98'; exit 1`] });
  const task = await ask('insists');
  const { body } = await world.pull(task.pr_number);
  const texts = [body, await status(task.number), JSON.stringify(await allEvents(world, task.id)), JSON.stringify(task)];
  for (const text of texts) assert.ok(!text.includes(secret), 'a secret is told');
  assert.match(texts[2], /bytes are left out here/);
  assert.doesNotMatch(texts[2], /\\u001b/);
  assert.doesNotMatch(body, /boxwright:t=9/);
  assert.match(body, /20000\n~~~\n@stranger fixes #98\n````*\n/); // within a fence: a text
  // In the list, outside of a fence, nothing acts.
  const outside = body.replace(/```[\s\S]*?\n````*/g, '');
  assert.doesNotMatch(outside, /@stranger/);
  assert.doesNotMatch(outside, /fixes #9/);
  assert.ok(body.length < 60000);
});

test('what a check leaves running is not in the way of the next one', async () => {
  configure({ check: ['(setsid sleep 300 &) ; (sleep 300 &) ; true', '! pgrep -x sleep'] });
  const task = await ask('good');
  assert.equal(step(task, 'verify').at(-1).detail, '2 checks passed', (await checkLines(task.id)).join('\n'));
});

const stuck = async () => {
  configure({ check: ['echo first', 'echo begun; sleep 600'] });
  const task = await begin('good');
  await waitForText(world, task.id, '$ echo first');
  assert.ok(await checkBox(task.id));
  return task;
};

test('a cancel in verify', async () => {
  const { id, number } = await stuck();
  const asked = Date.now();
  await world.boxwright.need('POST', `/v1/tasks/${id}/cancel`, { reason: 'enough' });
  const task = await world.boxwright.waitForTask(id, { state: 'cancelled' });
  assert.ok(Date.now() - asked < 60000, `${Date.now() - asked} ms`);
  assert.ok(!task.pr_url);
  assert.match(await status(number), /Cancelled/);
  await noBoxes();
});

test('a cancel in the repair', async () => {
  configure({ check: ['grep good note.txt'] });
  const { id } = await begin('sleeps');
  await waitForText(world, id, 'sleeping in the repair');
  await world.boxwright.need('POST', `/v1/tasks/${id}/cancel`, { reason: 'enough' });
  const task = await world.boxwright.waitForTask(id, { state: 'cancelled' });
  assert.ok(!task.pr_url);
  await noBoxes();
});

test('kill -9 in verify: the run is taken up, none runs twice', async () => {
  configure({ check: ['echo first; date +%s%N', 'for i in $(seq 1 60); do echo line $i; sleep 0.1; done; date +%s%N > /tmp/once', 'test $(ls /tmp/once | wc -l) = 1'] });
  const { id } = await begin('good');
  await waitForText(world, id, '$ echo first');
  await world.boxwright.restart();
  const task = await world.boxwright.waitForTask(id, { state: 'done' });
  const told = await checkLines(id);
  assert.equal(told.length, 3, told.join('\n'));
  assert.match(told[1], /exit 0, ([6-9]|\d\d)\.\d s/);
  for (let i = 1; i <= 60; i++) assert.equal(told[1].split(`line ${i}\n`).length, 2, `line ${i}`);
  assert.equal((await lines(id)).filter((l) => l.startsWith('box task-')).length, 1);
  assert.equal(step(task, 'verify').at(-1).detail, '3 checks passed');
  assert.equal(world.pulls().filter((p) => p.head === task.branch).length, 1);
  await noBoxes();
});

test('kill -9 in the repair', async () => {
  configure({ check: ['sleep 1; grep good note.txt'] });
  const { id } = await begin('repairs');
  await waitForText(world, id, 'the agent is given');
  await world.boxwright.restart();
  const task = await world.boxwright.waitForTask(id, { state: 'done' });
  assert.match((await world.pull(task.pr_number)).title, /^fix: /);
  assert.equal(task.effects.filter((e) => e.kind === 'repair').length, 1);
  assert.equal((await lines(id)).filter((l) => l.startsWith('the agent is given')).length, 1);
});

test('a box of checks that dies: they run again in another', async () => {
  configure({ check: ['echo first', 'sleep 3; echo second'] });
  const { id } = await begin('good');
  await waitForText(world, id, '$ echo first');
  const box = await checkBox(id);
  process.kill(box.State.Pid, 'SIGKILL');
  const task = await world.boxwright.waitForTask(id, { state: 'done' });
  assert.equal(step(task, 'verify').at(-1).detail, '2 checks passed');
  assert.equal((await lines(id)).filter((l) => l.startsWith('box task-')).length, 2);
  await noBoxes();
});

test('checks whose box dies at every attempt: a draft that says so', async () => {
  configure({ check: ['echo first', 'echo begun; sleep 600'] });
  const { id } = await begin('insists');
  const killed = new Set();
  const task = await until('its end', async () => {
    const box = await checkBox(id);
    const running = box?.State?.Running && box.State.Pid;
    if (running && !killed.has(running) && (await checkLines(id)).length > 0) {
      killed.add(running);
      process.kill(running, 'SIGKILL');
    }
    const now = await world.boxwright.task(id);
    return now.state === 'running' || now.state === 'ready' ? null : now;
  });
  assert.equal(task.outcome_code, 'pull_request', task.outcome);
  // Three attempts at it; one may lose its box more than once while that starts.
  assert.ok(killed.size >= 3, `${killed.size}`);
  assert.equal(step(task, 'verify').filter((s) => s.state === 'failed').length, 2);
  const { title, body } = await world.pull(task.pr_number);
  assert.match(title, /^\[checks fail\]/);
  assert.match(body, /- passed: `echo first`/);
  assert.match(body, /- \*\*failed\*\*: `echo begun; sleep 600` \(could not be run\)/);
  await noBoxes();
});

test('the time for checks is up: what ran is stopped, what is left is not begun', async () => {
  const task = await world.boxwright.waitForTask(slow.id, { state: 'done' });
  const { title, body } = await world.pull(task.pr_number);
  assert.match(title, /^\[checks fail\]/);
  assert.match(body, /- passed: `true`/);
  assert.match(body, /`echo begun; sleep 600` \(stopped after [56]\d\.\d s: the time for checks was up\)/);
  assert.match(body, /```\nbegun\n```/);
  assert.match(body, /`echo never` \(not run: the time for checks was up\)/);
  await noBoxes();
  assert.deepEqual((await boxIds(world.boxwright.instance)).filter((b) => !b.startsWith('conv-')), []);
});
