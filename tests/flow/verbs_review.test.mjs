// SPDX-License-Identifier: MIT
// review: one review on a person's pull request, its comments on lines that the diff holds,
// once also when the answer is lost or the service dies.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { scripted, waitForText } from './lib/agent.mjs';
import { touchInBox } from './lib/engine.mjs';
import { startWorld, until } from './lib/world.mjs';

let world, serial = 0;
// The agent has the whole diff at hand, and answers as the request says.
const AGENT = `
prompt = sys.argv[sys.argv.index("-p") + 1]
def asked(word): return ("do:" + word) in prompt
if "Review the change" not in prompt:
    import re
    places = re.findall(r"THE REQUEST: (.*?), written by", prompt)
    said = [word for word in ("the sign is wrong", "and here too", "please look again") if word in prompt]
    if "Answer the question" not in prompt: open("note.txt", "a").write("x\\n")
    end("Asked: " + " | ".join(places) + "; said: " + " | ".join(said) + ("; hunk" if "part of the diff, up to" in prompt else ""))
diff = open("/tmp/boxwright/change.diff").read()
assert "+++ b/temperature/new.py" in diff and "temperature/new.py (+3 -0)" in prompt, prompt
assert "Review the change of pull request #" in prompt
open("left_behind.txt", "w").write("x\\n")
def found(*rows, summary="It adds a module. Thanks @stranger, fixes #1.", fence=True):
    text = json.dumps({"summary": summary, "findings": list(rows)})
    end("I read it.\\n\\n\`\`\`json\\n" + text + "\\n\`\`\`" if fence else text)
one = {"path": "temperature/new.py", "line": 2, "severity": "error", "text": "This divides by zero. @stranger"}
if asked("none"): found(fence=False)
if asked("words"): end("Looks fine, but I will not fill in forms.")
if asked("silent"): end("")
if asked("many"): found(*[dict(one, text="Number %d" % i) for i in range(60)])
if asked("slow"):
    say("text", text="reading")
    while not os.path.exists("/tmp/go"): time.sleep(0.05)
found(one, {"path": "./temperature/new.py", "line": 3, "start_line": 1, "severity": "warning", "text": "All of it."},
  {"path": "README.md", "line": 1, "severity": "note", "text": "Not in the diff."},
  {"path": "temperature/new.py", "line": 99, "severity": "note", "text": "Behind the end."},
  {"path": "", "severity": "warning", "text": "No test."})
`;

before(async () => {
  world = await startWorld({ repo: { fixture: 'tests/demo/repo', private: false,
    collaborators: { maintainer: 'write', author: 'write' } },
  seed: { users: ['maintainer', 'stranger', 'author'] }, config: scripted(AGENT) });
});
after(() => world?.close());
afterEach(() => world.standin.faults.clear());

// A person's pull request with a new file of three lines.
async function pull() {
  const head = `feature-${++serial}`;
  world.standin.commit({ repo: world.repo, branch: head, from: 'main', keep: true, message: 'new',
    files: { 'temperature/new.py': 'a = 1\nb = a / 0\nprint(b)\n' } });
  const made = await world.standin.pull({ repo: world.repo, head, base: 'main', title: 'A module', login: 'author' });
  return { number: made.number ?? made.pull?.number, head };
}
const reviews = async (number) => (await world.standin.upstream('GET',
  `/repos/${world.repo}/pulls/${number}/reviews?per_page=100`)).body;
const lines = async (number) => (await world.standin.upstream('GET',
  `/repos/${world.repo}/pulls/${number}/comments?per_page=100`)).body;
const review = (number, word = 'findings', more = {}) =>
  world.fix(number, { text: `/boxwright review do:${word}`, ...more });

test('findings stand at their lines, the others in the text, and nothing else happens', async () => {
  const { number, head } = await pull();
  const sha = world.sha(head);
  const task = await review(number);
  assert.equal(task.outcome_code, 'reviewed', task.outcome);
  assert.match(task.summary, /^It adds a module\./);
  const [made, ...others] = await reviews(number);
  assert.equal(others.length, 0);
  assert.equal(made.state, 'COMMENTED');
  assert.equal(made.commit_id, sha);
  assert.match(made.body, new RegExp(`Review of \`${sha.slice(0, 12)}\``));
  assert.match(made.body, /It adds a module/);
  assert.match(made.body, /2 findings stand at the lines below/);
  assert.match(made.body, /- `README\.md`, line 1, \*\*note\*\*: Not in the diff\./);
  assert.match(made.body, /- `temperature\/new\.py`, line 99, \*\*note\*\*: Behind the end\./);
  assert.match(made.body, /- \*\*warning\*\*: No test\./);
  assert.doesNotMatch(made.body, /@stranger|fixes #1/);
  const at = (await lines(number)).map((c) => [c.path, c.start_line ?? null, c.line, c.body]);
  assert.deepEqual(at.map((r) => r.slice(0, 3)).sort(), [['temperature/new.py', 1, 3], ['temperature/new.py', null, 2]].sort());
  assert.match(at.find((r) => r[2] === 2)[3], /^\*\*error\*\*: This divides by zero\./);
  assert.ok(at.every((r) => !/@stranger/.test(r[3])));
  assert.equal(world.sha(head), sha);
});

test('nothing found, no form, no answer, too many', async () => {
  const { number } = await pull();
  assert.equal((await review(number, 'none')).outcome_code, 'reviewed');
  assert.match((await reviews(number)).at(-1).body, /Nothing was found that has to be changed/);
  assert.equal((await review(number, 'words')).outcome_code, 'reviewed');
  assert.match((await reviews(number)).at(-1).body, /Looks fine[\s\S]*did not give its findings in the form/);
  assert.equal((await lines(number)).length, 0);
  assert.equal((await review(number, 'silent')).state, 'failed');
  assert.equal((await reviews(number)).length, 2);
  assert.equal((await review(number, 'many')).outcome_code, 'reviewed');
  assert.equal((await lines(number)).length, 50);
  assert.match((await reviews(number)).at(-1).body, /Findings that cannot stand at a line of the diff:[\s\S]*Number 59/);
});

test('a review is of a pull request: an issue gets one line, a stranger a reaction', async () => {
  const { number } = await world.issue('A small thing', 'Please do it.');
  const task = await review(number);
  assert.equal(task.state, 'refused');
  const answers = (await world.comments(number)).filter((c) => c.body.includes('k=answer'));
  assert.equal(answers.length, 1);
  assert.match(answers[0].body, /@maintainer: a review is of a pull request/);
  const theirs = await pull();
  assert.equal((await review(theirs.number, 'findings', { login: 'stranger' })).state, 'refused');
  assert.equal((await reviews(theirs.number)).length, 0);
});

test('a review whose answer is lost is made once', async () => {
  const { number } = await pull();
  world.standin.faults.add({ kind: 'lost', op: 'pulls/create-review', times: 1 });
  assert.equal((await review(number)).outcome_code, 'reviewed');
  assert.equal((await reviews(number)).length, 1);
  assert.equal((await lines(number)).length, 2);
});

test('kill -9 while the review is being posted makes one', async () => {
  const { number } = await pull();
  world.standin.faults.add({ kind: 'silent', op: 'pulls/create-review', times: 1 });
  const { delivery } = await world.comment(number, '/boxwright review do:findings');
  const { id } = await world.boxwright.taskOf(delivery.guid);
  await until('the review is there and its answer is not', async () => (await reviews(number)).length === 1);
  await world.boxwright.restart();
  assert.equal((await world.boxwright.waitForTask(id)).outcome_code, 'reviewed');
  assert.equal((await reviews(number)).length, 1);
});

test('a place that GitHub does not take does not lose the words', async () => {
  const { number } = await pull();
  world.standin.faults.add({ kind: 'status', status: 422, op: 'pulls/create-review', times: 1 });
  assert.equal((await review(number)).outcome_code, 'reviewed');
  const [made, ...others] = await reviews(number);
  assert.equal(others.length, 0);
  assert.match(made.body, /- `temperature\/new\.py`, line 2, \*\*error\*\*: This divides by zero/);
  assert.equal((await lines(number)).length, 0);
});

test('a branch that moves meanwhile: the review is of the commit that was read, and says so', async () => {
  const { number, head } = await pull();
  const before = world.sha(head);
  const { delivery } = await world.comment(number, '/boxwright review do:slow');
  const { id } = await world.boxwright.taskOf(delivery.guid);
  await waitForText(world, id, 'reading');
  await world.standin.push({ repo: world.repo, branch: head, keep: true, files: { 'temperature/more.py': 'x\n' }, login: 'author' });
  const { box_id: box } = await world.boxwright.task(id);
  await touchInBox(world.boxwright.instance, box, '/tmp/go');
  const task = await world.boxwright.waitForTask(id);
  assert.equal(task.outcome_code, 'reviewed', task.outcome);
  const [made] = await reviews(number);
  assert.equal(made.commit_id, before);
  assert.match(made.body, new RegExp(`moved on to \`${world.sha(head).slice(0, 12)}\``));
});

test('a question in a thread of the diff is answered there; so is a command', async () => {
  const { number } = await pull();
  const asked = await world.standin.reviewComment({ repo: world.repo, number, path: 'temperature/new.py', line: 2,
    body: '/boxwright ask is this right? the sign is wrong' });
  const { id } = await world.boxwright.taskOf((asked.deliveries ?? [asked.delivery]).at(-1).guid);
  const task = await world.boxwright.waitForTask(id);
  assert.equal(task.outcome_code, 'answered', task.outcome);
  const thread = async () => (await lines(number)).filter((c) => c.in_reply_to_id);
  const [answer, ...more] = await thread();
  assert.equal(more.length, 0);
  assert.match(answer.body, /Asked: review comment on `temperature\/new\.py`, line 2; said: the sign is wrong; hunk/);
  assert.equal((await world.comments(number)).filter((c) => c.body.includes('k=answer')).length, 0);
  await world.standin.reviewComment({ repo: world.repo, number, in_reply_to: answer.in_reply_to_id, body: '/boxwright status' });
  await until('the status', async () => (await thread()).some((c) => /tasks here, newest first/.test(c.body)));
});

test('a review on our pull request is one request, with each of its comments at its place', async () => {
  const { number } = await world.issue('A small thing', 'Please do it.');
  const first = await world.fix(number);
  assert.equal(first.outcome_code, 'pull_request', first.outcome);
  const review = await world.standin.review({ repo: world.repo, number: first.pr_number, state: 'changes_requested',
    body: 'please look again', comments: [{ path: 'note.txt', line: 1, body: 'and here too' }] });
  const guids = (review.deliveries ?? [review.delivery]).map((d) => d.guid);
  const made = await until('its task', async () => (await world.boxwright.tasks()).find((t) => guids.includes(t.delivery_id)));
  const task = await world.boxwright.waitForTask(made.id);
  assert.equal(task.state, 'done', task.outcome);
  assert.equal(task.pr_number, first.pr_number);
  assert.match(task.summary, /Asked: review \| review comment on `note\.txt`, line 1; said: and here too \| please look again; hunk/);
  assert.equal((await world.boxwright.tasks()).filter((t) => t.number === first.pr_number).length, 1);
});
