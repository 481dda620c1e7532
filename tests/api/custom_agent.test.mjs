// SPDX-License-Identifier: MIT
// The agent namespace with a custom harness, a few lines of Python that do as the prompt says:
// run, stream, tools, sessions, cancel, webhooks, schemas, files, options, failures.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { Agent } from '@upstash/box';
import { z } from 'zod/v3';
import { receiver } from './lib/receiver.mjs';
import { refused, sh, until, useService } from './lib/service.mjs';

const HARNESS = `
import json, os, sys, time
args = sys.argv[1:]
opt = lambda name: args[args.index(name) + 1] if name in args else None
prompt, model, session = opt("-p"), opt("--model"), opt("--session")
def say(event, **data):
    sys.stdout.write("event: %s\\ndata: %s\\n\\n" % (event, json.dumps(data))); sys.stdout.flush()
def done(output, **more):
    say("done", output=output, input_tokens=11, output_tokens=7, cached_input_tokens=3, total_cost_usd=0.25, session_id="session-1", **more)
    sys.exit(0)
verb = prompt.split()[0]
print("noise for the log", file=sys.stderr, flush=True)
if verb == "echo": say("text", text="first "); say("text", text="second"); done("")
if verb == "tools":
    say("thinking", text="hm"); say("text", text="a")
    say("tool", name="Bash", input={"command": "ls"}, tool_call_id="t1"); say("tool_result", tool_call_id="t1", output="files"); done("final")
if verb == "context": done(json.dumps({"cwd": os.getcwd(), "model": model, "session": session, "stream": "--stream" in args, "user": os.getuid(), "env": os.environ.get("GIVEN"), "args": args}))
if verb == "slow":
    open("slow.pid", "w").write(str(os.getpid())); say("text", text="begun")
    time.sleep(600)
if verb == "later": say("text", text="begun"); time.sleep(2); open("later.txt", "w").write("x"); done("ended")
if verb == "fail": say("text", text="x"); say("error", error="it went wrong", input_tokens=5); sys.exit(1)
if verb == "die": say("text", text="half"); sys.exit(9)
if verb == "json": done(json.dumps({"name": "Ann", "age": 5}))
if verb == "nojson": done("this is no JSON")
if verb == "odd": say("custom-thing", x=[1]); sys.stdout.write(": comment\\n\\nnot a frame\\n\\n"); say("text", text="multi\\nline \\u00e9 \\U0001f389"); done("")
if verb == "file": done(open(prompt.split()[1]).read())
if verb == "search":
    import http.client
    c = http.client.HTTPConnection(os.environ["ANTHROPIC_BASE_URL"][7:])
    c.request("POST", "/v1/messages", json.dumps({"model": "m", "tools": [{"type": "web_search_20250305"}]}))
    done(json.loads(c.getresponse().read())["error"]["message"])
done("unknown " + prompt)
`;

const s = useService();
let box;
test('a box with a custom harness', async () => {
  box = await s.box(null, { env: { GIVEN: 'yes' }, agent: { harness: Agent.Custom, model: 'custom/test',
    customHarness: { command: 'python3', args: ['/workspace/home/harness.py'], protocol: 'box-sse-v1' } } });
  await box.files.write({ path: 'harness.py', content: HARNESS });
});
const collect = async (run) => { const all = []; for await (const c of run) all.push(c); return all; };

test('run: text, usage, cost, the run in the list', async () => {
  const run = await box.agent.run({ prompt: 'echo' });
  assert.equal(run.result, 'first second', 'an empty output keeps the text');
  assert.equal(run.status, 'completed');
  assert.deepEqual([run.cost.inputTokens, run.cost.outputTokens, run.cost.cachedInputTokens, run.cost.totalUsd], [11, 7, 3, 0.25]);
  const [listed] = await box.listRuns();
  assert.equal(listed.id, run.id, 'the server\'s id is the run\'s');
  assert.deepEqual([listed.type, listed.status, listed.prompt, listed.model, listed.output, listed.input_tokens, listed.output_tokens, listed.cached_input_tokens],
    ['agent', 'completed', 'echo', 'custom/test', 'first second', 11, 7, 3]);
  assert.ok(listed.cost_usd >= 0.25 && listed.cpu_ns > 0 && listed.memory_peak_bytes > 0);
  assert.ok((await run.logs()).length > 0);
  assert.ok((await box.logs()).some((l) => l.source === 'agent'));
  const data = (await s.raw('GET', `/v2/box/${box.id}`)).body;
  assert.ok(data.total_prompts >= 1 && data.total_input_tokens >= 11 && data.total_token_cost_usd >= 0.25);
});

test('what the provider would do on the network needs a box that may reach all of it', async () => {
  const search = async () => (await box.agent.run({ prompt: 'search' })).result;
  const refused = /"web_search_20250305" makes the provider reach the network.*model\.hosted_tools/;
  await box.updateNetworkPolicy({ mode: 'custom', allowedDomains: ['example.com'] });
  assert.match(await search(), refused);
  await box.updateNetworkPolicy({ mode: 'deny-all' });
  assert.match(await search(), refused);
  await box.updateNetworkPolicy({ mode: 'allow-all' });
  assert.match(await search(), /no key for this provider/);
});

test('stream: every event as its chunk, in order', async () => {
  const run = await box.agent.stream({ prompt: 'tools' });
  const chunks = await collect(run);
  assert.deepEqual(chunks.map((c) => c.type), ['start', 'reasoning', 'text-delta', 'tool-call', 'tool-result', 'finish', 'stats']);
  assert.equal(chunks[0].runId, run.id);
  assert.deepEqual(chunks[3], { type: 'tool-call', toolCallId: 't1', toolName: 'Bash', input: { command: 'ls' } });
  assert.deepEqual(chunks[4], { type: 'tool-result', toolCallId: 't1', output: 'files' });
  assert.deepEqual([chunks[5].output, chunks[5].sessionId, chunks[5].usage.inputTokens], ['final', 'session-1', 11]);
  assert.ok(chunks[6].cpuNs > 0 && chunks[6].memoryPeakBytes > 0);
  assert.deepEqual([run.result, run.status], ['final', 'completed']);
});

test('run: onToolUse and onToolResult', async () => {
  const seen = [];
  await box.agent.run({ prompt: 'tools', onToolUse: (x) => seen.push(x), onToolResult: (x) => seen.push(x) });
  assert.deepEqual(seen, [{ toolCallId: 't1', name: 'Bash', input: { command: 'ls' } }, { toolCallId: 't1', output: 'files' }]);
});

test('the harness gets prompt, model, stream, session, folder, env and user', async () => {
  await sh(box, 'mkdir -p deep/er');
  await box.cd('deep/er');
  const seen = JSON.parse((await box.agent.run({ prompt: 'context "quoted" $HOME\nline two' })).result);
  await box.cd('/workspace/home');
  assert.deepEqual([seen.cwd, seen.model, seen.session, seen.stream, seen.env], ['/workspace/home/deep/er', 'custom/test', 'session-1', true, 'yes']);
  assert.equal(seen.args[seen.args.indexOf('-p') + 1], 'context "quoted" $HOME\nline two');
  assert.ok(seen.user !== 0);
});

test('a first run has no session, the next continues it', async (t) => {
  const fresh = await s.box(t, { agent: { harness: Agent.Custom, customHarness: { command: 'python3', args: ['/workspace/home/h.py'] } } });
  await fresh.files.write({ path: 'h.py', content: HARNESS });
  const context = async () => JSON.parse((await fresh.agent.run({ prompt: 'context' })).result);
  assert.equal((await context()).session, null);
  assert.equal((await context()).session, 'session-1');
  await fresh.pause();
  assert.equal((await context()).session, 'session-1', 'also after a pause');
  assert.equal((await s.raw('GET', `/v2/box/${fresh.id}`)).body.session_id, 'session-1');
});

test('odd frames: unknown events pass, noise does not', async () => {
  const chunks = await collect(await box.agent.stream({ prompt: 'odd' }));
  assert.deepEqual(chunks.map((c) => c.type), ['start', 'unknown', 'text-delta', 'finish', 'stats']);
  assert.deepEqual(chunks[1], { type: 'unknown', event: 'custom-thing', data: { x: [1] } });
  assert.equal(chunks[2].text, 'multi\nline é 🎉');
});

test('an error of the harness is the run\'s; a death is one too; retries ask again', async () => {
  const before = (await box.listRuns()).length;
  await assert.rejects(box.agent.run({ prompt: 'fail' }), /it went wrong/);
  let [listed] = await box.listRuns();
  assert.deepEqual([listed.status, listed.error_message], ['failed', 'it went wrong']);
  await assert.rejects(collect(await box.agent.stream({ prompt: 'die' })), /9|exit|ended/);
  [listed] = await box.listRuns();
  assert.equal(listed.status, 'failed');
  assert.match(listed.error_message, /9|exit|ended/);
  await assert.rejects(box.agent.run({ prompt: 'fail', maxRetries: 1 }), /it went wrong/);
  assert.equal((await box.listRuns()).length, before + 4);
});

test('structured output by a zod schema', async () => {
  const responseSchema = z.object({ name: z.string(), age: z.number() });
  assert.deepEqual((await box.agent.run({ prompt: 'json', responseSchema })).result, { name: 'Ann', age: 5 });
  await assert.rejects(box.agent.run({ prompt: 'nojson', responseSchema }), /structured output|schema|JSON/i);
});

test('cancel ends the processes; the list says so', async () => {
  const run = await box.agent.stream({ prompt: 'slow' });
  // (Within the loop 0.5.5 leaves a rejection of its own to nobody.)
  for await (const chunk of run) if (chunk.type === 'text-delta') break;
  await sh(box, 'kill -0 $(cat slow.pid)');
  await run.cancel();
  assert.equal(run.status, 'cancelled');
  await until('cancelled', async () => (await box.listRuns()).find((r) => r.id === run.id).status === 'cancelled');
  assert.notEqual((await box.exec.command('kill -0 $(cat slow.pid)')).exitCode, 0);
});

test('who leaves a stream leaves the run running', async () => {
  await sh(box, 'rm -f later.txt');
  const run = await box.agent.stream({ prompt: 'later' });
  for await (const chunk of run) if (chunk.type === 'text-delta') break;
  assert.equal((await box.listRuns()).find((r) => r.id === run.id).status, 'running');
  assert.equal((await box.getStatus()).status, 'running');
  await until('it ends', async () => (await box.listRuns()).find((r) => r.id === run.id).status === 'completed');
  assert.equal(await sh(box, 'cat later.txt'), 'x');
});

test('a timeout of the client drops the connection only', async () => {
  await sh(box, 'rm -f later.txt');
  await assert.rejects(box.agent.run({ prompt: 'later', timeout: 700 }), /timed out/);
  await until('it ends', async () => (await box.exec.command('cat later.txt')).stdout === 'x');
});

test('webhook: accepted at once, told at the end, in the list by the same id', async (t) => {
  const hook = await receiver(t, { fail: 1 });
  const run = await box.agent.run({ prompt: 'tools', webhook: { url: hook.url, headers: { 'x-mine': 'yes', authorization: 'Bearer z' } } });
  assert.equal(run.status, 'running');
  let call = await hook.next();
  assert.ok(call.failed);
  call = await hook.next(); // told again, since it failed
  assert.deepEqual([call.method, call.headers['x-mine'], call.headers.authorization], ['POST', 'yes', 'Bearer z']);
  assert.match(call.headers['content-type'], /^application\/json/);
  assert.deepEqual([call.body.box_id, call.body.status, call.body.run_id, call.body.output], [box.id, 'completed', run.id, 'final']);
  assert.equal(call.body.metadata.input_tokens, 11);
  const listed = (await box.listRuns()).find((r) => r.id === run.id);
  assert.deepEqual([listed.status, listed.output], ['completed', 'final']);
});

test('webhook: a failure is told as one; a bad address is refused', async (t) => {
  const hook = await receiver(t);
  await box.agent.run({ prompt: 'fail', webhook: { url: hook.url } });
  const { body } = await hook.next();
  assert.deepEqual([body.status, body.error], ['failed', 'it went wrong']);
  await refused(box.agent.run({ prompt: 'echo', webhook: { url: 'file:///etc/passwd' } }), 400, /webhook/);
});

test('files in the prompt, as base64 and by path', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'api-prompt-'));
  const file = path.join(folder, 'notes é.txt');
  fs.writeFileSync(file, 'by path');
  try {
    const data = Buffer.from('by base64').toString('base64');
    for (const files of [[{ data, mediaType: 'text/plain', filename: 'notes.txt' }], [file]]) {
      const seen = JSON.parse((await box.agent.run({ prompt: 'context', files })).result);
      const prompt = seen.args[seen.args.indexOf('-p') + 1];
      const [at] = /\/\S*notes[^\n]*?\.txt/.exec(prompt) ?? [];
      assert.ok(at, `the prompt names the file: ${prompt}`);
      assert.equal(await box.files.read(at), files[0].data ? 'by base64' : 'by path');
    }
    await refused(box.agent.run({ prompt: 'echo', files: Array(11).fill({ data, mediaType: 'text/plain' }) }), 400, /files.*10/);
    await refused(box.agent.run({ prompt: 'echo', files: [{ data: '***', mediaType: 'text/plain' }] }), 400, /base64|files/);
  } finally { fs.rmSync(folder, { recursive: true }); }
});

test('prompts that are none, and options', async () => {
  await assert.rejects(box.agent.run({ prompt: '' }), /prompt is required/);
  assert.equal((await s.raw('POST', `/v2/box/${box.id}/run/stream`, { body: { prompt: '' } })).status, 400);
  assert.equal((await s.raw('POST', `/v2/box/${box.id}/run/stream`, { body: { prompt: 5 } })).status, 400);
  assert.equal((await box.agent.run({ prompt: 'echo', options: { maxTurns: 3 } })).result, 'first second');
});

test('a harness that is not there: a clear error, in the run too', async (t) => {
  const none = await s.box(t, { agent: { harness: Agent.Custom, customHarness: { command: 'no-such-harness' } } });
  await assert.rejects(none.agent.run({ prompt: 'x' }), /no-such-harness/);
  const [listed] = await none.listRuns();
  assert.equal(listed?.status ?? 'failed', 'failed');
});

test('a paused box is woken by a prompt', async () => {
  await box.pause();
  assert.equal((await box.agent.run({ prompt: 'echo' })).result, 'first second');
});
