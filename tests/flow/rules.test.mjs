// SPDX-License-Identifier: MIT
// Who may ask for what, and how often: every role with every verb, outsiders, bots by number,
// the service's own words, a repository's rules over its owner's, limits of a day in runs and money.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { overlay } from '../standin/hooks.mjs';
import { scripted } from './lib/agent.mjs';
import { startWorld, until } from './lib/world.mjs';

const ROLES = { stranger: 'none', reader: 'read', triager: 'triage', maintainer: 'write', keeper: 'maintain', boss: 'admin' };
const RANK = ['none', 'read', 'triage', 'write', 'maintain', 'admin', 'nobody'];
const LOGINS = Object.keys(ROLES);
const OPEN = 'octocat/open'; // public: GitHub calls everybody a reader of it
const BOT = 4711;
const CALL_USD = 0.2; // of one call of the model
const collaborators = Object.fromEntries(LOGINS.map((l) => [l, ROLES[l]]).filter(([, r]) => r !== 'none'));
// Calls the model until it is refused, when it is told to.
const AGENT = `
import http.client
prompt = sys.argv[sys.argv.index("-p") + 1]
calls = 0
if "do:spend" in prompt:
    while calls < 40:
        c = http.client.HTTPConnection("127.0.0.1", 7332, timeout=20)
        c.request("POST", "/v1/messages", json.dumps({"model": "echo", "max_tokens": 5,
            "messages": [{"role": "user", "content": "x"}]}), {"content-type": "application/json", "anthropic-version": "2023-06-01"})
        answer = c.getresponse(); answer.read()
        if answer.status != 200: break
        calls += 1
        time.sleep(0.2)
open("note.txt", "w").write("hello\\n")
end("Called %d times." % calls)
`;

let world, model;
before(async () => {
  model = http.createServer((req, res) => {
    req.resume().on('end', () => {
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ id: 'msg_1', type: 'message', role: 'assistant', model: 'echo', stop_reason: 'end_turn',
        content: [{ type: 'text', text: 'x' }], usage: { input_tokens: 1000, output_tokens: 1 } }));
    });
  });
  await new Promise((done) => { model.listen(0, '127.0.0.1', done); });
  world = await startWorld({ env: { BOXWRIGHT_MODEL_ANTHROPIC_KEY: 'sk-test-0123456789' },
    repo: { fixture: 'tests/demo/repo', collaborators },
    seed: { creations_per_minute: 100000, creations_per_hour: 100000, users: LOGINS, repos: [{ owner: 'octocat', name: 'open', private: false,
      fixture: 'tests/demo/repo', collaborators },
    { owner: 'octocat', name: '.github', private: true, fixture: 'tests/demo/repo' },
    ...['days', 'money', 'people'].map((name) => ({ owner: 'octocat', name, private: true, fixture: 'tests/demo/repo', collaborators }))] },
    config: scripted(AGENT, { task: { workers: 6 },
      over: { limits: { cost_usd_per_person_day: 0 },
        model: { anthropic: { base_url: `http://127.0.0.1:${model.address().port}` },
          prices: [{ model: 'echo', input: CALL_USD * 1000, output: 0 }] } } }) });
  await reconfigure({ github: { rules_cache_s: 0, minute_ms: 1000, allow_bots: [String(BOT), '4712'] } });
});
after(async () => {
  model.close();
  await world.close();
});

// The service with other settings, in the same folder.
async function reconfigure(more) {
  const config = JSON.parse(fs.readFileSync(world.boxwright.configFile, 'utf8'));
  await world.boxwright.kill();
  fs.writeFileSync(world.boxwright.configFile, JSON.stringify(overlay(config, more)));
  await world.boxwright.launch();
}

const rules = (text, repo = world.repo) => world.standin.commit({ repo, message: 'Rules',
  files: { '.github/boxwright.yml': text === null ? null : JSON.stringify({ version: 1, ...text }) } });

// A comment on an issue of its own; -> the delivery's story.
async function say(login, text, { repo = world.repo, issue, override } = {}) {
  const number = issue ?? (await world.standin.issue({ repo, login: 'octocat', title: 'A small thing', body: 'Please.' })).number;
  const comment = await world.standin.comment({ repo, issue: number, login, body: text });
  const delivery = await world.standin.deliver('issue_comment', { action: 'created', repo, issue: number,
    comment: comment.id, override });
  assert.equal(delivery.status_code, 202, delivery.answer);
  return { number, comment, guid: delivery.guid, repo };
}
const why = async ({ guid }) => (await world.boxwright.need('GET', `/v1/why?delivery=${guid}`)).answers[0];
const ended = (asked) => until(`an end of ${asked.guid}`, async () => {
  const answer = await why(asked);
  return (answer.task?.finished_ms || answer.command?.finished_ms) && answer;
});
const comments = async ({ repo, number }) => (await world.standin.upstream('GET',
  `/repos/${repo}/issues/${number}/comments?per_page=100`)).body.map((c) => c.body).slice(1);
const reactions = ({ repo, comment }) => (world.standin.local.reactions.get(`${repo} comment ${comment.id}`) ?? [])
  .map((r) => r.content ?? r);

// Whether the person may: asked where a day's runs are used up, so that those who may get no
// further than the limit, and nothing runs.
async function may(login, text, options) {
  const answer = await ended(await say(login, text, options));
  if (answer.command) return answer.command.outcome === 'done' || answer.command.outcome;
  if (['refused_limit', 'refused_verb'].includes(answer.task.outcome_code)) return true;
  assert.match(answer.task.outcome_code, /^refused_(role|off)$/, answer.task.outcome);
  return answer.task.outcome;
}
// What is stored when a stranger was shown often enough that they may not.
const TIRED = 'not answered: they have no role here, and were shown so often enough this hour';
const enough = (login, need) => RANK.indexOf(ROLES[login]) >= RANK.indexOf(need);

async function matrix(verbs, options) {
  for (const [verb, need] of Object.entries(verbs)) {
    const answers = await Promise.all(LOGINS.map((login) => may(login, `/boxwright ${verb}`, options)));
    LOGINS.forEach((login, i) => {
      if (enough(login, need)) assert.equal(answers[i], true, `${verb} by ${login}: ${answers[i]}`);
      else assert.match(String(answers[i]), answers[i] === TIRED && login === 'stranger' ? /./
        : need === 'nobody' ? /switched off/ : new RegExp(`needs ${need}`), `${verb} by ${login}`);
    });
  }
}
const TASKS = { fix: 'write', ask: 'read', plan: 'write', review: 'write', test: 'write', rebase: 'write', undo: 'write' };
const COMMANDS = { approve: 'write', 'reject no': 'write', 'budget +1': 'write', cancel: 'write', retry: 'write',
  status: 'read', help: 'read', dance: 'read' };

test('by default those who write may change, those who read may ask', async () => {
  const first = await ended(await say('boss', '/boxwright fix'));
  assert.equal(first.task.outcome_code, 'pull_request', first.task.outcome);
  rules({ limits: { runs_per_day: 1 } });
  await matrix(TASKS);
  await matrix(COMMANDS);
});

test('a repository says who may, but never less than the service', async () => {
  rules({ limits: { runs_per_day: 1 }, allow: { fix: 'maintain', ask: 'triage', plan: 'read', undo: 'nobody', test: 'admin',
    approve: 'admin', budget: 'write', status: 'write' } });
  await matrix({ fix: 'maintain', ask: 'triage', plan: 'write', undo: 'nobody', test: 'admin', rebase: 'write' });
  await matrix({ approve: 'admin', 'reject x': 'admin', 'budget +1': 'write', status: 'write', help: 'read' });
});

test("an owner's defaults lie beneath, and a repository's word is above them", async () => {
  rules({ allow: { fix: 'admin', ask: 'write' }, limits: { runs_per_day: 1 } }, 'octocat/.github');
  rules({ allow: { ask: 'read' } });
  await matrix({ fix: 'admin', ask: 'read', plan: 'write' });
  rules({ allow: { fix: 'king' } }, 'octocat/.github');
  rules({});
  const answer = await ended(await say('maintainer', '/boxwright fix'));
  rules({}, 'octocat/.github');
  assert.equal(answer.task.outcome_code, 'refused_config', answer.task.outcome);
  assert.match(answer.task.outcome, /octocat\/\.github:\.github\/boxwright\.yml:\d+:\d+: allow\.fix/);
});

test('rules that cannot be read let nobody do more than they may have said', async () => {
  rules({ allow: { status: 'admin', outsiders: ['help'] }, limits: { runs_per_day: 1 } });
  await matrix({ status: 'admin' });
  world.standin.commit({ repo: world.repo, message: 'Mistyped', files: { '.github/boxwright.yml': 'version: 1\nalow: {status: admin}\n' } });
  for (const verb of ['status', 'cancel', 'help', 'approve'])
    for (const [login, answer] of await Promise.all(LOGINS.map(async (l) => [l, await may(l, `/boxwright ${verb}`)]))) {
      if (login === 'boss') assert.equal(answer, true, `${verb} by ${login}: ${answer}`);
      else assert.match(String(answer), login === 'stranger' ? /needs admin|so often/ : /cannot be read.*needs admin: .*:2:1: /, `${verb} by ${login}`);
    }
  const told = await say('keeper', '/boxwright cancel');
  await ended(told);
  assert.match((await comments(told))[0], /@keeper: The repository's rules cannot be read.*`cancel` needs admin/);
  for (const login of ['maintainer', 'boss']) {
    const asked = await say(login, '/boxwright fix');
    const { task } = await ended(asked);
    assert.deepEqual([task.state, task.outcome_code], ['refused', 'refused_config'], task.outcome);
    assert.match((await comments(asked))[0], /nothing was started.*rules cannot be read.*:2:1: /s);
  }
});

test("an owner's schedules are those of a repository that has none", async () => {
  const repo = 'octocat/people';
  rules({ schedules: [{ name: 'chore', when: 'weekly on monday', run: 'true' }] }, 'octocat/.github');
  const { deliveries } = await world.standin.push({ repo, files: { 'other.txt': 'x\n' }, message: 'Something' });
  assert.ok(deliveries.length);
  await until('the schedule', async () =>
    JSON.stringify(await world.boxwright.need('GET', `/v1/schedules?repository=${repo}`)).includes('"chore"'));
  rules({}, 'octocat/.github');
});

test('people with a role are told, strangers get a reaction', async () => {
  rules({});
  const reader = await say('reader', '/boxwright fix');
  await ended(reader);
  const [words, ...more] = await comments(reader);
  assert.match(words, /nothing was started.*reader has the role read here; `fix` needs write/);
  assert.deepEqual(more, []);
  const repo = 'octocat/people'; // where nobody has heard of the stranger yet
  const stranger = await say('stranger', '/boxwright fix', { repo });
  await ended(stranger);
  assert.deepEqual(await comments(stranger), []);
  assert.deepEqual(reactions(stranger), ['confused']);
});

test('who only reads what all the world may read is an outsider', async () => {
  const first = await say('boss', '/boxwright fix', { repo: OPEN });
  await ended(first);
  rules({ limits: { runs_per_day: 1 } }, OPEN);
  const asked = await say('stranger', '/boxwright ask why?', { repo: OPEN });
  assert.equal((await ended(asked)).task.outcome_code, 'refused_role');
  assert.deepEqual(await comments(asked), []);
  assert.equal(await may('reader', '/boxwright ask why?', { repo: OPEN }), true);
  rules({ limits: { runs_per_day: 1 }, allow: { outsiders: ['ask', 'help'] } }, OPEN);
  assert.equal(await may('stranger', '/boxwright ask why?', { repo: OPEN }), true);
  const limited = await say('stranger', '/boxwright ask again?', { repo: OPEN });
  assert.equal((await ended(limited)).task.outcome_code, 'refused_limit');
  assert.deepEqual(await comments(limited), [], 'an outsider is not told of limits');
  assert.equal(await may('stranger', '/boxwright help', { repo: OPEN }), true);
  for (const verb of ['fix', 'plan', 'status', 'cancel'])
    assert.notEqual(await may('stranger', `/boxwright ${verb}`, { repo: OPEN }), true, verb);
});

test('an outsider who may is answered', async () => {
  rules({ allow: { outsiders: ['ask'] } }, OPEN);
  const asked = await say('stranger', '/boxwright ask what is it?', { repo: OPEN });
  const answer = await ended(asked);
  assert.equal(answer.task.outcome_code, 'answered', answer.task.outcome);
  assert.ok((await comments(asked)).some((c) => c.includes('Called 0 times')));
});

const bot = (id, login) => ({ sender: { id, login, type: 'Bot' }, comment: { user: { id, login, type: 'Bot' } } });

test('a bot may ask when service and repository let it in, by its number', async () => {
  rules({ limits: { runs_per_day: 1 } });
  const ask = async (id, login) => why(await say('octocat', '/boxwright fix', { override: bot(id, login) }));
  const outcome = async (id, login) => (await ended(await say('octocat', '/boxwright fix', { override: bot(id, login) }))).task.outcome_code;
  assert.equal(await outcome(BOT, 'helper[bot]'), 'refused_limit');
  assert.equal((await ask(4713, 'helper[bot]')).delivery.reason_code, 'bot_sender', 'the name alone lets nobody in');
  rules({ limits: { runs_per_day: 1 }, allow: { bots: [4712], budget: 'maintain' } });
  assert.equal(await outcome(BOT, 'helper[bot]'), 'refused_bot');
  assert.equal(await outcome(4712, 'other[bot]'), 'refused_limit');
  const keep = await ended(await say('octocat', '/boxwright budget +1', { override: bot(4712, 'other[bot]') }));
  assert.match(keep.command.outcome, /needs maintain/, 'a bot writes at best');
});

test('what the service wrote itself starts nothing', async () => {
  const self = await world.standin.bot();
  const own = await why(await say('octocat', '/boxwright fix', { override: bot(self.id, self.login) }));
  assert.equal(own.delivery.reason_code, 'own_sender');
  const renamed = await why(await say('octocat', '/boxwright fix',
    { override: { sender: { id: self.id, login: 'maintainer', type: 'User' }, comment: { user: { id: self.id, login: 'maintainer', type: 'User' } } } }));
  assert.equal(renamed.delivery.reason_code, 'own_sender', 'by number, whatever the name');
  rules({});
});

test('a login that changed hands is nobody', async () => {
  const other = { id: 999999, login: 'maintainer', type: 'User' };
  const answer = await ended(await say('maintainer', '/boxwright fix', { override: { sender: other, comment: { user: other } } }));
  assert.equal(answer.task.outcome_code, 'refused_role');
  assert.match(answer.task.outcome, /changed hands/);
});

test("a day's runs: as many as the limit says, in their order, and one comment", async () => {
  const repo = 'octocat/days';
  rules({ limits: { runs_per_person_day: 2 } }, repo);
  const before = (await world.boxwright.tasks('?limit=500')).filter((t) => t.requester_login === 'triager' && t.state !== 'refused').length;
  assert.equal(before, 0, 'this person has started nothing yet');
  rules({ limits: { runs_per_person_day: 2 }, allow: { fix: 'write' } }, repo);
  world.standin.roles.set(`${repo} triager`, 'write');
  const asked = [];
  for (let i = 0; i < 5; i++) asked.push(await say('triager', '/boxwright fix', { repo }));
  const codes = (await Promise.all(asked.map(ended))).map((a) => a.task.outcome_code);
  assert.deepEqual(codes, ['pull_request', 'pull_request', 'refused_limit', 'refused_limit', 'refused_limit']);
  const told = (await Promise.all(asked.slice(2).map(comments))).flat();
  assert.equal(told.length, 1, JSON.stringify(told));
  const day = new Date(Date.now() - Date.now() % 86400000 + 86400000).toISOString().replace('.000Z', 'Z');
  assert.match(told[0], new RegExp(`triager has started 2 tasks today.*free again at ${day}`, 's'));
  for (const one of asked.slice(2)) assert.ok(reactions(one).includes('confused'));
  // Another person is not shut out by it, until the repository's own runs are used up.
  assert.equal((await ended(await say('keeper', '/boxwright fix', { repo }))).task.outcome_code, 'pull_request');
  rules({ limits: { runs_per_day: 3 } }, repo);
  const last = await ended(await say('keeper', '/boxwright fix', { repo }));
  assert.equal(last.task.outcome_code, 'refused_limit');
  assert.match(last.task.outcome, /this repository has had 3 tasks today/);
});

test("a day's money holds while several run at once", async () => {
  const repo = 'octocat/money';
  const cap = 1;
  rules({ limits: { cost_usd_per_day: cap } }, repo);
  const asked = await Promise.all(Array.from({ length: 3 }, () => say('maintainer', '/boxwright fix do:spend', { repo })));
  const tasks = (await Promise.all(asked.map(ended))).map((a) => a.task);
  const spent = tasks.reduce((sum, t) => sum + t.cost_usd, 0);
  assert.ok(spent >= cap - 0.001, `the money was used: ${spent}`);
  assert.ok(spent <= cap + 3 * CALL_USD + 0.001, `at most a call each beyond it: ${spent}`);
  const next = await ended(await say('keeper', '/boxwright fix', { repo }));
  assert.equal(next.task.outcome_code, 'refused_limit');
  assert.match(next.task.outcome, /have cost \$1\.\d\d today, and \$1\.00 in a day are allowed/);
});

test("a person's money counts in all repositories, and another's is another's", async () => {
  const repo = 'octocat/people';
  rules({ limits: { cost_usd_per_person_day: 0.5 } }, repo);
  const poor = await ended(await say('maintainer', '/boxwright fix', { repo })); // spent it in octocat/money
  assert.equal(poor.task.outcome_code, 'refused_limit');
  assert.match(poor.task.outcome, /tasks of @maintainer have cost/);
  const rich = await ended(await say('boss', '/boxwright fix do:spend', { repo }));
  assert.ok(rich.task.cost_usd >= 0.5 - 0.001 && rich.task.cost_usd <= 0.5 + CALL_USD + 0.001, String(rich.task.cost_usd));
});
