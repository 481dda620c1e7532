// SPDX-License-Identifier: MIT
// The real Claude Code, Codex and OpenCode in boxes, through the published client, against
// scripted models.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Agent } from '@upstash/box';
import { z } from 'zod/v3';
import { startAnthropic } from '../model/anthropic.mjs';
import { startOpenAI } from '../model/openai.mjs';
import { sh, useService } from './lib/service.mjs';

const KEY = 'sk-canary-1b7a4e02c9d64f5a8e21';
const OWN = 'sk-ownkey-77aa11bb22cc33dd44ee';
const anthropicScripts = {
  'say hello': [{ text: 'I look.', tools: [{ name: 'Bash', input: { command: 'echo hello > hello.txt; env | grep -c sk-[c]anary || true', description: 'write' } }], usage: { input: 1000, output: 50 } },
    { text: 'Said hello.', usage: { input: 10, output: 5 } }],
  'go on': [{ text: 'Went on.' }],
  'as json': [{ tools: [{ name: 'StructuredOutput', input: { name: 'Ann', age: 5 } }] }, { text: 'There it is.' }],
};
const openaiScripts = {
  'say hello': [{ text: 'I look.', tools: [{ name: 'exec_command', input: { cmd: 'echo hello > hello.txt', yield_time_ms: 30000 } }], usage: { input: 1000, output: 50 } },
    { text: 'Said hello.', usage: { input: 10, output: 5 } }],
  'go on': [{ text: 'Went on.' }],
  'as json': [{ text: '{"name":"Ann","age":5}' }],
};
let anthropic;
let openai;
const s = useService(async () => {
  anthropic = await startAnthropic({ key: KEY, scripts: anthropicScripts });
  openai = await startOpenAI({ key: KEY, scripts: openaiScripts });
  return { env: { BOXWRIGHT_MODEL_ANTHROPIC_KEY: KEY, BOXWRIGHT_MODEL_OPENAI_KEY: KEY },
    config: { model: { anthropic: { base_url: anthropic.url }, openai: { base_url: openai.url } } } };
});
after(async () => { await anthropic?.close(); await openai?.close(); });

const AGENTS = {
  'Claude Code': { agent: { harness: Agent.ClaudeCode, model: 'anthropic/claude-sonnet-4-5' }, model: () => anthropic, program: 'claude' },
  Codex: { agent: { harness: Agent.Codex, model: 'openai/gpt-5.5' }, model: () => openai, program: 'codex' },
};

for (const [name, { agent, model, program }] of Object.entries(AGENTS)) {
  let box;
  test(`${name} stands in the box`, async () => {
    box = await s.box(null, { agent });
    assert.deepEqual([box.modelConfig.harness, box.modelConfig.model], [agent.harness, agent.model]);
    assert.match(await sh(box, `${program} --version`), /\d+\.\d+/);
  });

  test(`${name}: run uses a tool, tells usage and cost, and has no key`, async (t) => {
    const tools = [];
    const run = await box.agent.run({ prompt: 'Please say hello in a file.', onToolUse: (x) => tools.push(x.name) });
    assert.equal(run.result, 'Said hello.');
    assert.equal(await sh(box, 'cat hello.txt'), 'hello\n');
    assert.ok(tools.length >= 1, 'the tool call is seen');
    assert.ok(run.cost.inputTokens >= 1000 && run.cost.outputTokens >= 55, JSON.stringify(run.cost));
    assert.ok(run.cost.totalUsd > 0);
    const listed = (await box.listRuns()).find((r) => r.id === run.id);
    assert.deepEqual([listed.type, listed.status, listed.model, listed.output], ['agent', 'completed', agent.model, 'Said hello.']);
    const found = await sh(box, `sudo grep -rlE 'sk-canar[y]' /home /workspace /tmp /proc/[0-9]*/environ 2>/dev/null || true`);
    assert.equal(found, '', 'the key is nowhere in the box');
    t.diagnostic(`${run.cost.computeMs} ms, $${run.cost.totalUsd}`);
  });

  test(`${name}: a second prompt goes on with the conversation, in a stream`, async () => {
    const run = await box.agent.stream({ prompt: 'Now go on.' });
    const chunks = [];
    for await (const chunk of run) chunks.push(chunk);
    assert.equal(run.result, 'Went on.');
    assert.equal(chunks[0].type, 'start');
    assert.ok(chunks.some((c) => c.type === 'text-delta'));
    const end = chunks.find((c) => c.type === 'finish');
    assert.ok(end.sessionId);
    assert.equal(chunks.at(-1).type, 'stats');
    assert.match(JSON.stringify(model().calls.at(-1).body), /Please say hello in a file/, 'the model sees the former prompt');
  });

  test(`${name}: structured output`, async () => {
    const responseSchema = z.object({ name: z.string(), age: z.number() });
    const run = await box.agent.run({ prompt: 'Tell me as json.', responseSchema });
    assert.deepEqual(run.result, { name: 'Ann', age: 5 });
  });

  test(`${name}: a box's own key is used for it, and told to nobody`, async (t) => {
    const own = await s.box(t, { agent: { ...agent, apiKey: OWN } });
    await assert.rejects(own.agent.run({ prompt: 'Please say hello.' }), (error) => {
      assert.ok(!error.message.includes(OWN));
      return /key|401|authenti/i.test(error.message);
    });
    assert.ok(model().requests.some((r) => JSON.stringify(r.headers).includes(OWN)), 'the model was asked with it');
    const told = JSON.stringify([await own.logs(), await own.listRuns(), (await s.raw('GET', `/v2/box/${own.id}`)).body]);
    assert.ok(!told.includes(OWN) && !s.boxwright.lines.some((l) => l.includes(OWN)));
    assert.equal(await sh(own, `sudo grep -rlE 'sk-ownke[y]' /home /workspace /tmp /proc/[0-9]*/environ 2>/dev/null || true`), '');
  });

  test(`${name}: the box goes`, () => box.delete());
}

test('OpenCode: run with a model of Anthropic', async (t) => {
  const box = await s.box(t, { agent: { harness: Agent.OpenCode, model: 'anthropic/claude-sonnet-4-5' } });
  if ((await box.exec.command('command -v opencode')).exitCode !== 0) return t.skip('the image has no opencode');
  const run = await box.agent.run({ prompt: 'Please go on.' });
  assert.match(run.result, /Went on\./);
  return undefined;
});

test('no key for the provider: the run fails and names the setting', async (t) => {
  const box = await s.box(t, { agent: { harness: Agent.ClaudeCode, model: 'anthropic/claude-sonnet-4-5', apiKey: 'STORED_KEY' } });
  await assert.rejects(box.agent.run({ prompt: 'x' }), /stored|key/i);
});

