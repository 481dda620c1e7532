// SPDX-License-Identifier: MIT
// The exit frame, great amounts of output, slow readers, dropped connections, silence.
//
//	BOXWRIGHT_FRAMES=2000   how many short commands (default 10000)
//	BOXWRIGHT_LONG=1        also commands of more than five minutes
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { plainFetch } from './lib/contract.mjs';
import { sh, until, useService } from './lib/service.mjs';

const FRAMES = Number(process.env.BOXWRIGHT_FRAMES ?? 10000) / (process.env.BOXWRIGHT_VARIANT ? { asan: 10, tsan: 20 }[process.env.BOXWRIGHT_VARIANT] ?? 1 : 1);
const s = useService();
let box;
test('a box for all that follows', async () => { box = await s.box(null); });

test(`${FRAMES} short commands: no exit code is lost or wrong`, async (t) => {
  const started = Date.now();
  const rss = s.rss();
  const wrong = [];
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < FRAMES; i = next++) {
      const code = (i * 7) % 251;
      const run = await box.exec.stream(i % 3 ? `echo ${i}; exit ${code}` : `exit ${code}`);
      let output = '';
      let exits = 0;
      for await (const chunk of run) if (chunk.type === 'output') output += chunk.data; else exits++;
      if (run.exitCode !== code || exits !== 1 || output !== (i % 3 ? `${i}\n` : ''))
        wrong.push({ i, code, got: run.exitCode, exits, output });
    }
  };
  await Promise.all(Array.from({ length: 6 }, worker));
  const ms = Date.now() - started;
  t.diagnostic(`${FRAMES} in ${ms} ms, ${(FRAMES * 1000 / ms).toFixed(0)} a second; service ${((s.rss() - rss) / 1e6).toFixed(1)} MB more`);
  assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} of ${FRAMES} are wrong`);
});

test('exit codes right behind a great deal of output', async () => {
  for (let i = 0; i < 30; i++) {
    const run = await box.exec.stream(`head -c ${300000 + i * 7919} /dev/zero | tr '\\0' x; exit ${i}`);
    let size = 0;
    for await (const chunk of run) if (chunk.type === 'output') size += chunk.data.length;
    assert.deepEqual([size, run.exitCode], [300000 + i * 7919, i]);
  }
});

// The answer of exec-stream as bytes, past the client, which keeps all output in one string.
function streamed(command, onChunk) {
  return new Promise((done, fail) => {
    const body = JSON.stringify({ command: ['sh', '-c', command] });
    const request = http.request(`${s.url}/v2/box/${box.id}/exec-stream`, { method: 'POST',
      headers: { 'x-box-api-key': s.key, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } });
    request.on('error', fail).end(body);
    request.on('response', (answer) => {
      let size = 0;
      let end = Buffer.alloc(0);
      answer.on('data', (chunk) => {
        size += chunk.length;
        end = Buffer.concat([end, chunk.subarray(-200)]).subarray(-200);
        onChunk?.(answer, size);
      }).on('error', fail).on('end', () => {
        const frame = /event: exit\ndata: \{"exit_code":(\d+),"cpu_ns":\d+\}\n\n$/.exec(end.toString('latin1'));
        done({ size: size - (frame?.[0].length ?? 0), code: frame && Number(frame[1]) });
      });
    });
  });
}

// What a sanitizer keeps of freed memory is its own.
const flat = (bytes, most) => assert.ok(bytes < most || process.env.BOXWRIGHT_VARIANT in { asan: 1, tsan: 1 }, `${bytes} bytes more`);

test('1 GB of output passes with flat memory', async (t) => {
  await streamed('head -c 50000000 /dev/zero'); // what is reserved once
  const before = s.rss();
  let most = 0;
  const watch = setInterval(() => { most = Math.max(most, s.rss()); }, 50);
  const started = Date.now();
  const { size, code } = await streamed('head -c 1000000000 /dev/zero');
  clearInterval(watch);
  const ms = Date.now() - started;
  t.diagnostic(`${ms} ms, ${(1e6 / ms).toFixed(0)} MB/s; service ${(before / 1e6).toFixed(1)} MB before, at most ${((most - before) / 1e6).toFixed(1)} MB more, after ${((s.rss() - before) / 1e6).toFixed(1)}`);
  assert.deepEqual([size, code], [1000000000, 0]);
  flat(most - before, 32e6);
});

test('200 MB through the client itself', async (t) => {
  const started = Date.now();
  const run = await box.exec.stream('head -c 200000000 /dev/zero | tr "\\0" x; exit 6');
  let size = 0;
  for await (const chunk of run) if (chunk.type === 'output') size += chunk.data.length;
  t.diagnostic(`${(2e5 / (Date.now() - started)).toFixed(0)} MB/s`);
  assert.deepEqual([size, run.exitCode], [200000000, 6]);
});

test('a slow reader holds up neither a fast one nor the service\'s memory', async (t) => {
  const before = s.rss();
  let stopped;
  const slow = streamed('head -c 60000000 /dev/zero; exit 8', (answer, size) => {
    if (size > 100000 && !stopped) { stopped = answer; answer.pause(); }
  });
  await until('it is slow', () => stopped, { every: 10 });
  const started = Date.now();
  const fast = await Promise.all([1, 2, 3].map((i) => streamed(`head -c 50000000 /dev/zero; exit ${i}`)));
  const ms = Date.now() - started;
  assert.deepEqual(fast.map((x) => [x.size, x.code]), [1, 2, 3].map((i) => [50000000, i]));
  assert.equal((await box.exec.command('echo quick')).stdout, 'quick\n');
  t.diagnostic(`three fast ones in ${ms} ms beside it; service ${((s.rss() - before) / 1e6).toFixed(1)} MB more`);
  flat(s.rss() - before, 48e6);
  stopped.resume();
  assert.deepEqual(await slow, { size: 60000000, code: 8 });
});

test('a connection that is dropped amid output leaves the run running and listed; cancel by id works', async () => {
  await new Promise((done) => {
    streamed('echo $$ > dropped.pid; while :; do echo more; sleep 0.05; done', (answer, size) => {
      if (size > 20) { answer.destroy(); done(); }
    }).catch(() => done());
  });
  const run = await until('it is listed', async () => (await box.listRuns()).find((r) => r.status === 'running' && r.prompt.includes('dropped.pid')));
  await new Promise((done) => { setTimeout(done, 700); });
  await sh(box, 'kill -0 $(cat dropped.pid)');
  assert.equal((await s.raw('POST', `/v2/box/${box.id}/runs/${run.id}/cancel`)).status, 200);
  await until('it has ended', async () => (await box.exec.command('kill -0 $(cat dropped.pid)')).exitCode !== 0);
  assert.equal((await s.raw('GET', `/v2/box/${box.id}/runs/${run.id}`)).body.status, 'cancelled');
});

test('twenty clients that leave at once: all runs end by themselves, nothing is kept', async () => {
  const leave = async () => {
    const run = await box.exec.stream('echo x; sleep 1.5; head -c 3000000 /dev/zero; exit 0');
    for await (const chunk of run) if (chunk.type === 'output') break;
  };
  await Promise.all(Array.from({ length: 20 }, leave));
  await until('all have ended', async () => !(await box.listRuns()).some((r) => r.status === 'running'));
  assert.equal((await box.getStatus()).status, 'idle');
});

test('a background process survives its starter, and the stream ends with the starter', async () => {
  const run = await box.exec.stream('sleep 777 & echo $! > bg.pid; echo begun; exit 4');
  let output = '';
  for await (const chunk of run) if (chunk.type === 'output') output += chunk.data;
  assert.deepEqual([output, run.exitCode], ['begun\n', 4]);
  await sh(box, 'kill -0 $(cat bg.pid) && kill $(cat bg.pid)');
});

// Node's fetch gives up after five minutes without a head or a body; here its own program is
// made less patient instead of waiting that long.
test('a silent command outlives the patience of the client', { skip: !process.env.BOXWRIGHT_LONG && 'BOXWRIGHT_LONG=1 waits 320 s' }, async () => {
  const [silent, stream] = await Promise.all([
    box.exec.command('sleep 320; echo done; exit 5'),
    (async () => {
      const run = await box.exec.stream('for i in $(seq 32); do sleep 10; echo $i; done; exit 6');
      for await (const chunk of run) void chunk;
      return run;
    })()]);
  assert.deepEqual([silent.stdout, silent.exitCode, stream.exitCode], ['done\n', 5, 6]);
});

test('an answer that was begun by white space is still JSON', { skip: !process.env.BOXWRIGHT_LONG && 'BOXWRIGHT_LONG=1 waits 70 s' }, async () => {
  const answer = await plainFetch(`${s.url}/v2/box/${box.id}/exec`, { method: 'POST', headers: { 'x-box-api-key': s.key, 'content-type': 'application/json' },
    body: JSON.stringify({ command: ['sh', '-c', 'sleep 70; exit 3'] }) });
  const text = await answer.text();
  assert.match(text, /^ +\{/);
  assert.equal(JSON.parse(text).exit_code, 3);
});
