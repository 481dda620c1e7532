// SPDX-License-Identifier: MIT
// The exec namespace and its runs: command, code, stream, streamCode, cancel, logs, listRuns.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refused, sh, until, useService } from './lib/service.mjs';

const s = useService();
let box;
test('a box for all that follows', async () => { box = await s.box(null); });

const collect = async (run) => {
  const chunks = [];
  for await (const chunk of run) chunks.push(chunk);
  return chunks;
};
const text = (chunks) => chunks.filter((c) => c.type === 'output').map((c) => c.data).join('');

test('command: output, error, exit code and status', async () => {
  const good = await box.exec.command('echo out; echo warning >&2');
  assert.deepEqual([good.result, good.stdout, good.stderr, good.exitCode, good.status],
    ['out\n', 'out\n', 'warning\n', 0, 'completed']);
  const bad = await box.exec.command('echo out; echo wrong >&2; exit 7');
  assert.deepEqual([bad.result, bad.stdout, bad.exitCode, bad.status], ['wrong\n', 'out\n', 7, 'failed']);
  assert.equal((await box.exec.command('echo only out; exit 1')).result, 'only out\n');
  assert.ok(good.cost.computeMs >= 0 && good.cost.totalUsd === 0);
});

test('command: argv passes through untouched', async () => {
  const script = 'cat <<\'END\'\nline one\n\tline "two" $HOME `id` \\n é 日本 🎉\nEND\n';
  assert.equal(await sh(box, script), 'line one\n\tline "two" $HOME `id` \\n é 日本 🎉\n');
  assert.equal(await sh(box, ''), '');
  const long = 'x'.repeat(100000);
  assert.equal((await sh(box, `printf %s ${long} | wc -c`)).trim(), '100000');
});

test('command: signals, missing programs and dead shells are exit codes', async () => {
  assert.equal((await box.exec.command('kill -9 $$')).exitCode, 137);
  assert.equal((await box.exec.command('kill -TERM $$')).exitCode, 143);
  assert.equal((await box.exec.command('no-such-program')).exitCode, 127);
  const direct = await s.raw('POST', `/v2/box/${box.id}/exec`, { body: { command: ['/no/such/program'] } });
  assert.ok(direct.status === 200 ? direct.body.exit_code === 127 : direct.status === 400, direct.text);
});

test('command: full pipes on both sides end well', async () => {
  const run = await box.exec.command('head -c 3000000 /dev/zero | tr "\\0" e >&2; head -c 3000000 /dev/zero | tr "\\0" o');
  assert.equal(run.stdout.length, 3000000);
  assert.equal(run.stderr.length, 3000000);
});

test('command: bytes that are no text become replacement characters', async () => {
  assert.equal((await box.exec.command("printf 'a\\377b\\303\\251'")).stdout, 'a\ufffdbé');
});

test('command: a background process does not hold it, and survives it', async () => {
  await sh(box, 'python3 -m http.server 8123 & echo $! > server.pid');
  await until('it serves', async () => (await box.exec.command('curl -sf -o /dev/null localhost:8123')).exitCode === 0);
  await sh(box, 'nohup sleep 1000 >/dev/null 2>&1 & echo $! > sleep.pid');
  await sh(box, 'kill -0 $(cat sleep.pid) && kill -0 $(cat server.pid)');
  await sh(box, 'kill $(cat sleep.pid) $(cat server.pid)');
});

test('command: many at once do not wait for each other', async () => {
  // None ends before all have begun.
  const runs = await Promise.all(Array.from({ length: 20 }, (_, i) =>
    box.exec.command(`touch begun.${i}; until [ $(ls begun.* | wc -l) = 20 ]; do sleep 0.1; done; exit ${i}`)));
  assert.deepEqual(runs.map((r) => r.exitCode), Array.from({ length: 20 }, (_, i) => i));
  await sh(box, 'rm begun.*');
});

test('command: the user is boxuser with sudo, /work is the workspace', async () => {
  assert.equal(await sh(box, 'id -un; sudo -n id -un'), 'boxuser\nroot\n');
  await sh(box, 'echo x > /work/a.txt && cmp /work/a.txt /workspace/home/a.txt');
  await sh(box, 'command -v git curl sudo ssh ping python3 node');
});

test('code: js, ts and python', async () => {
  const js = await box.exec.code({ lang: 'js', code: 'console.log([1, 2].map((x) => x * 2).join(), typeof require)' });
  assert.equal(js.exitCode, 0, js.stderr);
  assert.match(js.stdout, /^2,4 /);
  const ts = await box.exec.code({ lang: 'ts', code: 'interface A { n: number }\nconst a: A = { n: 5 };\nconsole.log(a.n as number);' });
  assert.deepEqual([ts.exitCode, ts.stdout], [0, '5\n'], ts.stderr);
  const py = await box.exec.code({ lang: 'python', code: 'import sys\nprint("hi")\nprint("err", file=sys.stderr)\nsys.exit(4)' });
  assert.deepEqual([py.exitCode, py.stdout, py.stderr, py.result, py.status], [4, 'hi\n', 'err\n', 'err\n', 'failed']);
  const thrown = await box.exec.code({ lang: 'js', code: 'throw new Error("boom")' });
  assert.equal(thrown.exitCode, 1);
  assert.match(thrown.result, /boom/);
});

test('code: an unknown language is refused; its timeout ends all of it with 124', async () => {
  await refused(box.exec.code({ lang: 'cobol', code: 'x' }), 400, /language/);
  const started = Date.now();
  const late = await box.exec.code({ lang: 'python', timeout: 700,
    code: 'import subprocess, time\nprint("begun", flush=True)\nsubprocess.Popen(["sleep", "987"])\ntime.sleep(60)' });
  assert.ok(Date.now() - started < 30000);
  assert.equal(late.exitCode, 124);
  assert.equal(late.stdout, 'begun\n');
  assert.match(late.stderr, /time/i);
  assert.equal((await box.exec.command('pgrep -f "sleep 98[7]"')).exitCode, 1, 'the whole group has ended');
});

test('code runs in the folder of cd', async () => {
  await sh(box, 'mkdir -p sub');
  await box.cd('sub');
  assert.equal((await box.exec.code({ lang: 'python', code: 'import os; print(os.getcwd())' })).stdout, '/workspace/home/sub\n');
  assert.equal((await box.exec.code({ lang: 'js', code: 'console.log(process.cwd())' })).stdout, '/workspace/home/sub\n');
  await box.cd('/workspace/home');
});

test('stream: output of both pipes, then the exit code', async () => {
  const run = await box.exec.stream('echo out; echo err >&2; exit 5');
  const chunks = await collect(run);
  assert.deepEqual(text(chunks).split('\n').sort(), ['', 'err', 'out']);
  const end = chunks.at(-1);
  assert.equal(end.type, 'exit');
  assert.equal(end.exitCode, 5);
  assert.ok(end.cpuNs > 0);
  assert.deepEqual([run.exitCode, run.status, run.result], [5, 'failed', text(chunks)]);
});

test('stream: output arrives while it is made', async () => {
  // It goes on when what it said was read.
  const run = await box.exec.stream('for i in 1 2 3; do echo $i; until [ -e read.$i ]; do sleep 0.05; done; done');
  const outputs = [];
  for await (const chunk of run) {
    if (chunk.type !== 'output') continue;
    outputs.push(chunk.data);
    await sh(box, `touch read.${chunk.data}`);
  }
  assert.deepEqual(outputs, ['1\n', '2\n', '3\n']);
});

test('stream: what looks like the exit frame is no exit frame', async () => {
  const chunks = await collect(await box.exec.stream(
    "printf 'event: exit\\ndata: {\"exit_code\":0}\\n\\n'; echo after; exit 9"));
  assert.equal(chunks.at(-1).exitCode, 9, 'the status is the command\'s own');
  assert.match(text(chunks), /after/);
  const error = await collect(await box.exec.stream("printf 'event: error\\ndata: {\"error\":\"x\"}\\n\\n'; exit 3"));
  assert.equal(error.at(-1).exitCode, 3);
});

test('stream: letters of several bytes survive', async () => {
  const chunks = await collect(await box.exec.stream("printf '\\303'; sleep 0.2; printf '\\251'; printf '日本🎉'"));
  assert.equal(text(chunks), 'é日本🎉');
});

test('streamCode: as code, in a stream', async () => {
  const run = await box.exec.streamCode({ lang: 'python', code: 'import time\nfor i in range(3):\n  print(i, flush=True)\n  time.sleep(0.2)\nraise SystemExit(2)' });
  const chunks = await collect(run);
  assert.equal(text(chunks), '0\n1\n2\n');
  assert.equal(run.exitCode, 2);
  const late = await box.exec.streamCode({ lang: 'js', code: 'setInterval(() => {}, 1000)', timeout: 500 });
  await collect(late);
  assert.equal(late.exitCode, 124);
});

test('a stream that is left goes on, is listed as running, and is cancelled by its id', async () => {
  const run = await box.exec.stream('echo $$ > left.pid; echo go; exec sleep 600');
  for await (const chunk of run) if (chunk.type === 'output') break;
  assert.equal(run.status, 'detached');
  const listed = (await box.listRuns()).find((r) => r.status === 'running');
  assert.ok(listed, 'it is listed');
  assert.match(listed.prompt, /left\.pid/);
  await sh(box, 'kill -0 $(cat left.pid)');
  const answer = await s.raw('POST', `/v2/box/${box.id}/runs/${listed.id}/cancel`);
  assert.equal(answer.status, 200, answer.text);
  await until('cancelled', async () => (await s.raw('GET', `/v2/box/${box.id}/runs/${listed.id}`)).body.status === 'cancelled');
  assert.notEqual((await box.exec.command('kill -0 $(cat left.pid)')).exitCode, 0);
  assert.equal((await box.getStatus()).status, 'idle');
});

test('a dropped connection of command leaves it running to its end', async () => {
  const abort = new AbortController();
  const asked = fetch(`${s.url}/v2/box/${box.id}/exec`, { method: 'POST', signal: abort.signal,
    headers: { 'x-box-api-key': s.key, 'content-type': 'application/json' },
    body: JSON.stringify({ command: ['sh', '-c', 'until [ -e go ]; do sleep 0.05; done; echo done > dropped.txt'] }) }).catch(() => null);
  await until('it runs', async () => (await box.listRuns())[0].status === 'running', { every: 30 });
  abort.abort();
  await asked;
  await sh(box, 'touch go');
  await until('it has ended', async () => (await box.listRuns()).find((r) => r.prompt.includes('dropped.txt')).status === 'completed');
  assert.equal(await sh(box, 'cat dropped.txt'), 'done\n');
});

test('run.cancel of a command that is not known is passed over', async () => {
  const run = await box.exec.command('true');
  await run.cancel();
  assert.equal(run.status, 'cancelled');
  assert.equal((await s.raw('POST', `/v2/box/${box.id}/runs/${run.id}/cancel`)).status, 404);
});

test('run.logs shows what happened since its start', async () => {
  const run = await box.exec.command('echo visible-in-logs');
  const logs = await run.logs();
  assert.ok(logs.length >= 1);
  for (const l of logs) assert.deepEqual(Object.keys(l), ['timestamp', 'level', 'message']);
  assert.ok(logs.some((l) => l.message.includes('visible-in-logs')), JSON.stringify(logs.slice(-3)));
});

test('listRuns: newest first; a shell run has exactly its members', async () => {
  await box.exec.command('echo warmup');
  const [run, ...older] = await box.listRuns();
  assert.deepEqual(Object.keys(run).sort(), ['box_id', 'completed_at', 'compute_cost_usd', 'cost_usd', 'cpu_ns',
    'created_at', 'customer_id', 'duration_ms', 'id', 'input_tokens', 'output_tokens', 'prompt', 'status', 'type']);
  assert.deepEqual([run.box_id, run.type, run.status, run.prompt, run.input_tokens, run.output_tokens],
    [box.id, 'shell', 'completed', 'sh -c echo warmup', 0, 0]);
  assert.ok(run.cpu_ns > 0 && run.duration_ms >= 0 && run.compute_cost_usd >= 0);
  assert.equal(run.cost_usd, run.compute_cost_usd);
  assert.ok(older.length > 10);
  for (let i = 1; i < older.length; i++) assert.ok(older[i - 1].created_at >= older[i].created_at);
});

test('what is no command is refused and leaves no run', async () => {
  const before = (await box.listRuns()).length;
  for (const body of [{}, { command: [] }, { command: 'ls' }, { command: [1] }, { command: [''] }, { command: ['a\0b'] }, { command: ['ls'], folder: 5 }])
    assert.equal((await s.raw('POST', `/v2/box/${box.id}/exec`, { body })).status, 400, JSON.stringify(body));
  for (const body of [{}, { code: 1, language: 'js' }, { code: 'x' }, { code: 'x', language: 'js', timeout: -1 }])
    assert.equal((await s.raw('POST', `/v2/box/${box.id}/code`, { body })).status, 400, JSON.stringify(body));
  assert.equal((await box.listRuns()).length, before);
});
