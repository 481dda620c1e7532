// SPDX-License-Identifier: MIT
// The real Claude Code and the real Codex through the whole service: a comment, tool calls
// in a box, a pull request; and the ways in which a model can end a task.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { startAnthropic } from '../model/anthropic.mjs';
import { startOpenAI } from '../model/openai.mjs';
import { allEvents } from './lib/agent.mjs';
import { startWorld } from './lib/world.mjs';

const IMAGE = process.env.BOXWRIGHT_AGENTS_IMAGE ?? 'boxwright/agents:latest';
const KEY = 'sk-canary-4f1c9a77e2d04b6c8b35';
const FOLDER = '/workspace/home/sample';
// Looks for the key wherever a program could have left it, as the
// agent's user, who may read the agent's environment, and as root; and for the word that stands
// in its place, as a proof that it looks well.
const SEARCH = `cat > /var/tmp/search.py <<'END'
import os, re
files = ["/proc/%s/%s" % (p, f) for p in os.listdir("/proc") if p.isdigit() for f in ("environ", "cmdline")]
for top in ("/home", "/workspace", "/tmp", "/run", "/var", "/etc", "/root", "/.boxwright", "/dev/shm"):
    for folder, _, names in os.walk(top): files += [os.path.join(folder, n) for n in names]
real = dummy = 0
for name in files:
    try:
        if name.startswith("/proc") or (os.path.isfile(name) and os.path.getsize(name) < 8 << 20):
            data = open(name, "rb").read()
            real += len(re.findall(b"sk-[c]anary", data)); dummy += b"the-relay-" b"adds-the-key" in data
    except OSError: pass
print(real, dummy, len(files))
END
{ python3 /var/tmp/search.py; sudo -n python3 /var/tmp/search.py; } > found.txt`;

// Asks the relay for what the provider would do on the network, as any program of the box may.
const CARRY = (path, body) => `python3 - > carried.txt <<'END'
import http.client
c = http.client.HTTPConnection("127.0.0.1", 7332)
c.request("POST", "${path}", ${JSON.stringify(JSON.stringify(body))})
r = c.getresponse()
print(r.status, r.read().decode())
END`;

const AGENTS = {
  'claude-code': { provider: 'anthropic', start: startAnthropic, model: 'claude-sonnet-4-5',
    shell: (command) => ({ name: 'Bash', input: { command, description: 'look' } }),
    seen: (headers) => headers['x-api-key'],
    carry: CARRY('/v1/messages', { model: 'claude-sonnet-4-5', max_tokens: 9, messages: [{ role: 'user', content: 'the source: ...' }],
      tools: [{ type: 'web_fetch_20250910', name: 'web_fetch' }] }),
    edit: [{ name: 'Read', input: { file_path: `${FOLDER}/README.md` } },
      { name: 'Write', input: { file_path: `${FOLDER}/hello.txt`, content: 'hello\n' } }] },
  codex: { provider: 'openai', start: startOpenAI, model: 'gpt-5.5',
    shell: (cmd) => ({ name: 'exec_command', input: { cmd, yield_time_ms: 30000 } }),
    seen: (headers) => headers.authorization?.replace(/^Bearer /, ''),
    carry: CARRY('/v1/responses', { model: 'gpt-5.5', input: 'the source: ...',
      tools: [{ type: 'mcp', server_label: 'x', server_url: 'https://evil.example/' }] }),
    edit: [{ name: 'apply_patch',
      input: { patch: '*** Begin Patch\n*** Add File: hello.txt\n+hello\n*** End Patch\n' } }] },
};

async function withAgent(harness, { script, scripts = {}, over = {}, key = KEY, fixture = 'tests/demo/repo' }, use) {
  const agent = AGENTS[harness];
  const model = await agent.start({ key: KEY, script, scripts });
  let world;
  try {
    world = await startWorld({ repo: { fixture },
      env: { [`BOXWRIGHT_MODEL_${agent.provider.toUpperCase()}_KEY`]: key },
      config: { agent: { harness, model: agent.model }, github: { comment_spacing_ms: 0 },
        task: { retry_s: 0, ...over.task }, box: { image: IMAGE, ...over.box },
        model: { [agent.provider]: { base_url: model.url } } } });
    await use(world, model, agent);
  } finally {
    await world?.close();
    await model.close();
  }
}

const ask = async (world) => world.fix((await world.issue('Say hello', 'In a file.')).number);
const file = (world, task, name) => {
  const entry = world.tree(task.branch).find((e) => e.path === name);
  return entry && world.blob(entry.oid).toString();
};

for (const harness of Object.keys(AGENTS)) {
  const { shell, edit, carry } = AGENTS[harness];

  for (const network of ['allow-all', 'deny-all'])
    test(`${harness} changes a file and gets its pull request, network ${network}`, async (t) => {
      const script = [{ text: 'I look.', usage: { input: 1000, output: 50 },
        tools: [shell(network === 'deny-all' ? `${SEARCH}\n${carry}` : SEARCH)] },
        { tools: edit, usage: { input: 100, cached: 1000, output: 50 } },
        { text: 'Said hello.', usage: { input: 10, output: 5 } }];
      await withAgent(harness, { script, over: { box: { network } } }, async (world, model, agent) => {
        const task = await ask(world);
        assert.equal(task.outcome_code, 'pull_request', `${task.outcome}\n${world.boxwright.tail()}`);
        assert.equal(file(world, task, 'hello.txt'), 'hello\n');
        assert.equal(task.harness, harness);
        assert.equal(task.model, agent.model);
        assert.equal(task.summary, 'Said hello.');
        assert.deepEqual(model.calls.map((c) => c.step), [0, 1, 2]);
        for (const call of model.calls) assert.equal(agent.seen(call.headers), KEY);
        assert.deepEqual([task.tokens_in, task.tokens_cached, task.tokens_out], [1110, 1000, 105]);
        assert.ok(task.cost_usd > 0.001 && task.cost_usd < 0.1, `${task.cost_usd}`);
        const found = file(world, task, 'found.txt').trim().split('\n').map((l) => l.split(' ').map(Number));
        assert.equal(found.length, 2);
        for (const [real, , files] of found) {
          assert.equal(real, 0, 'the key is in the box');
          assert.ok(files > 100);
        }
        assert.ok(found[0][1] > 0, `the search would have found it: ${found}`);
        if (network === 'deny-all')
          assert.match(file(world, task, 'carried.txt'), /^403 .*(web_fetch_20250910|mcp).*model\.hosted_tools/);
        const events = await allEvents(world, task.id);
        assert.ok(events.some((e) => e.kind === 'tool'), JSON.stringify(events.map((e) => e.kind)));
        assert.ok(!events.some((e) => e.text.includes('unable to resolve')), 'a box knows its own name');
        const told = JSON.stringify([events, task, await world.comments(task.number)]);
        assert.ok(!told.includes(KEY));
        assert.ok(!world.boxwright.lines.some((l) => l.includes(KEY)));
        t.diagnostic(`${task.finished_ms - task.started_ms} ms, $${task.cost_usd}`);
      });
    });

  test(`${harness}: a model that refuses the key fails the task at once`, async (t) => {
    await withAgent(harness, { script: [], key: 'sk-not-the-key-00000000' }, async (world, model) => {
      const task = await ask(world);
      assert.equal(task.state, 'failed');
      assert.equal(task.outcome_code, 'failed_agent', task.outcome);
      assert.match(task.outcome, /key_file/);
      assert.equal(task.attempt, 1);
      assert.ok(model.requests.length >= 1 && model.requests.length < 6, `${model.requests.length}`);
      const work = (await world.boxwright.task(task.id)).steps.find((s) => s.name === 'work');
      const ms = work.finished_ms - work.started_ms;
      t.diagnostic(`${ms} ms: ${task.outcome}`);
      assert.ok(ms < 60000, `${ms} ms`);
      assert.equal(world.pulls().length, 0);
      const answer = (await world.comments(task.number)).find((c) => c.body.includes('k=answer'));
      assert.match(answer.body, /key_file/);
      assert.ok(!JSON.stringify([answer, task, await allEvents(world, task.id)]).includes('sk-not-the-key'));
    });
  });

  test(`${harness} claims green and is not, and repairs it in the same session`, async (t) => {
    const fixture = fs.mkdtempSync(path.join(os.tmpdir(), 'boxwright-agents-'));
    fs.cpSync('tests/demo/repo', fixture, { recursive: true });
    fs.writeFileSync(path.join(fixture, '.github/boxwright.yml'),
      'version: 1\ncheck: ["grep -q again hello.txt || { echo it must say it again; exit 1; }"]\n');
    const script = [{ tools: edit, usage: { input: 1000, cached: 100, output: 50 } },
      { text: 'Said hello. All tests pass.', usage: { input: 100, cached: 1000, output: 5 } }];
    const scripts = { 'Repair your change': [
      { tools: [shell('echo hello again > hello.txt')], usage: { input: 200, cached: 1000, output: 20 } },
      { text: 'Said hello again.', usage: { input: 10, cached: 1000, output: 5 } }] };
    try {
      await withAgent(harness, { script, scripts, fixture }, async (world, model) => {
        const task = await ask(world);
        assert.equal(task.outcome_code, 'pull_request', `${task.outcome}\n${world.boxwright.tail()}`);
        assert.equal(file(world, task, 'hello.txt'), 'hello again\n');
        const { title, body } = await world.pull(task.pr_number);
        assert.match(title, /^fix: /);
        assert.match(body, /- passed: `grep -q again hello.txt/);
        assert.match(body, /Said hello again\./);
        assert.equal(model.calls.length, 4);
        // What it was told and said before is before the model again, with what failed.
        const asked = JSON.stringify(model.calls[2].body);
        assert.match(asked, /Said hello\. All tests pass\./);
        assert.match(asked, /it must say it again/);
        assert.deepEqual([task.tokens_in, task.tokens_cached, task.tokens_out], [1310, 3100, 80]);
        t.diagnostic(`${task.finished_ms - task.started_ms} ms, $${task.cost_usd}`);
      });
    } finally {
      fs.rmSync(fixture, { recursive: true, force: true });
    }
  });

  test(`${harness}: a spent budget ends the task and says so`, async (t) => {
    const script = [{ tools: [shell('touch first.txt')], usage: { input: 100000, output: 1000 } },
      { tools: [shell('touch second.txt')] }, { text: 'Done.' }];
    await withAgent(harness, { script, over: { task: { cost_usd: 0.001 } } }, async (world, model) => {
      const task = await ask(world);
      assert.equal(task.state, 'failed');
      assert.match(task.outcome, /budget/);
      assert.equal(task.attempt, 1);
      assert.equal(model.calls.length, 1);
      assert.ok(task.cost_usd > 0.001);
      assert.equal(world.pulls().length, 0);
      t.diagnostic(`$${task.cost_usd}: ${task.outcome}`);
    });
  });
}

test('a model that is overloaded for a while is asked again', async () => {
  const script = [{ status: 529, message: 'overloaded', times: 1 },
    { tools: AGENTS['claude-code'].edit }, { text: 'Said hello.' }];
  await withAgent('claude-code', { script }, async (world) => {
    const task = await ask(world);
    assert.equal(task.outcome_code, 'pull_request', task.outcome);
    assert.equal(world.pulls().length, 1);
  });
});
