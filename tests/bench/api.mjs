// SPDX-License-Identifier: MIT
// The box API of a real service beside the docker program and the Engine's own API: making a
// box, commands, a stream, files, pausing, keeping and restoring.
//
//	node tests/bench/api.mjs <rows file to append to> <label of what the peers make>
//
// Both sides take turns.  Ours is HTTP on kept connections with a key, as a client's would
// be; "first output" is that of `echo`.  The Engine's side is its API on its socket, with the
// image and network of our boxes; "docker" is the program that people type.
import { execFile, spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { Service } from '../api/lib/service.mjs';
import { many } from '../lib/many.mjs';

const [out, label] = process.argv.slice(2);
const image = process.env.BOXWRIGHT_TEST_IMAGE ?? 'boxwright/base:latest';
const tag = `boxwright.bench=${label ?? 'api'}`;
const N = Number(process.env.BENCH_N ?? 10);
const MIB = 1 << 20;
const now = () => performance.now();
const rows = [];

// ---- the three sides ------------------------------------------------------------------

const agent = new http.Agent({ keepAlive: true, maxSockets: 128 });
let service;

function request(options, body, onData) {
  return new Promise((done, fail) => {
    const call = http.request(options, (answer) => {
      const chunks = [];
      answer.on('data', (d) => (onData ? onData(d) : chunks.push(d)));
      answer.on('error', fail);
      answer.on('end', () => {
        const text = Buffer.concat(chunks);
        if (answer.statusCode >= 400) fail(new Error(`${options.method} ${options.path}: ${answer.statusCode} ${text}`));
        else done(text);
      });
    });
    call.on('error', fail);
    call.end(body);
  });
}

function ours(method, route, body, onData) {
  const { hostname, port } = new URL(service.url);
  const text = body === undefined ? undefined : JSON.stringify(body);
  return request({ agent, hostname, port, method, path: `/v2/box${route}`, headers: { 'x-box-api-key': service.key,
    ...(text && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }) } }, text, onData);
}
const oursJson = async (...args) => JSON.parse(await ours(...args));

const engineAgent = new http.Agent({ keepAlive: true });
function engine(method, route, body) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return request({ agent: engineAgent, socketPath: process.env.DOCKER_HOST.replace('unix://', ''), method, path: `/v1.41${route}`,
    headers: text ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) } : {} }, text);
}
const engineJson = async (...args) => JSON.parse(await engine(...args));

function docker(...words) {
  return new Promise((done, fail) => execFile('docker', words, { maxBuffer: 64 * MIB }, (error, stdout) =>
    (error ? fail(new Error(`docker ${words.join(' ')}: ${error.message}`)) : done(stdout.trim()))));
}

async function engineExec(id, argv) {
  const { Id } = await engineJson('POST', `/containers/${id}/exec`, { Cmd: argv, AttachStdout: true });
  return engine('POST', `/exec/${Id}/start`, { Detach: false, Tty: false });
}
async function engineBox(from) {
  const { Id } = await engineJson('POST', '/containers/create', { Image: from, Cmd: ['sleep', '1000000'],
    Labels: { [tag.split('=')[0]]: tag.split('=')[1] }, HostConfig: { NetworkMode: 'boxwright', Init: true } });
  await engine('POST', `/containers/${Id}/start`);
  return Id;
}

// ---- measuring ------------------------------------------------------------------------

const time = async (what) => { const start = now(); const value = await what(); return { ms: now() - start, value }; };
const pick = (sorted, q) => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)];

function figures(what, unit, samples, higherIsBetter = false) {
  const sorted = [...samples].sort((a, b) => (higherIsBetter ? b - a : a - b));
  return { what, unit, p50: pick(sorted, 0.5), p99: pick(sorted, 0.99), n: sorted.length };
}

function row(name, us, them, more = {}) {
  const line = { name, ours: us, peer: them ?? null, ratio: them ? us.p50 / them.p50 : null, ...more };
  rows.push(line);
  const show = (f) => `p50 ${f.p50.toFixed(2)} p99 ${f.p99.toFixed(2)} ${f.unit} (${f.n})`;
  console.error(`      ${name.padEnd(44)} ${show(us)}${them ? `   peer ${show(them)}   ratio ${line.ratio.toFixed(3)}` : ''}`);
}

// n samples of each, taking turns; `sides` are functions that give milliseconds.
async function turns(n, sides) {
  const samples = sides.map(() => []);
  for (let i = 0; i < n; i++)
    for (const [k, side] of sides.entries()) samples[k].push(await side());
  return samples;
}

const gone = (id) => ours('DELETE', `/${id}`);

// ---- making ---------------------------------------------------------------------------

async function ourFirst() {
  const { ms, value } = await time(async () => {
    let box = await oursJson('POST', '', {});
    while (box.status === 'creating') { // more than 20 s: the client asks again, every 2 s
      await new Promise((done) => { setTimeout(done, 2000); });
      box = await oursJson('GET', `/${box.id}`);
    }
    await ours('POST', `/${box.id}/exec`, { command: ['echo', 'first'] });
    return box.id;
  });
  return { ms, end: () => gone(value) };
}
async function dockerFirst() {
  const { ms } = await time(() => docker('run', '--rm', '--label', tag, image, 'echo', 'first'));
  return { ms, end: async () => {} };
}

// All of a pattern at once or spread; -> milliseconds of each.
async function wave(side, count, gapMs) {
  const ends = await Promise.allSettled(Array.from({ length: count }, async (_, i) => {
    await new Promise((done) => { setTimeout(done, i * gapMs); });
    return side();
  }));
  const failed = ends.find((e) => e.status === 'rejected');
  if (failed) throw failed.reason;
  const all = ends.map((e) => e.value);
  for (const one of all) await one.end();
  return all.map((one) => one.ms);
}

async function making() {
  const each = (side) => async () => { const one = await side(); await one.end(); return one.ms; };
  const [us, them] = await turns(N, [each(ourFirst), each(dockerFirst)]);
  const peer = (s) => figures('docker run --rm IMAGE echo', 'ms', s);
  row('API: create to first output', figures('POST /v2/box, then exec echo', 'ms', us), peer(them));
  for (const [name, count, gap] of [['staggered, 20 at 200 ms', 20, 200], ['burst of 20', 20, 0], ['burst of 100', 100, 0]]) {
    const a = await wave(ourFirst, count, gap);
    const b = await wave(dockerFirst, count, gap);
    row(`API: create to first output, ${name}`, figures('the same', 'ms', a), peer(b));
  }
}

// ---- commands -------------------------------------------------------------------------

async function commands(box, peer) {
  const exec = async () => (await time(() => ours('POST', `/${box}/exec`, { command: ['echo', 'hi'] }))).ms;
  for (let i = 0; i < 20; i++) await exec();
  const samples = [];
  const theirs = [];
  for (let i = 0; i < N; i++) {
    for (let k = 0; k < 50; k++) samples.push(await exec());
    theirs.push((await time(() => docker('exec', peer, 'echo', 'hi'))).ms);
  }
  row('API: exec', figures('POST exec on a kept connection', 'ms', samples), figures('docker exec', 'ms', theirs), { aim_ours_at_most: 5 });
  const engines = [];
  for (let i = 0; i < N; i++) engines.push((await time(() => engineExec(peer, ['echo', 'hi']))).ms);
  row('API: exec, beside the Engine\'s API', figures('as above', 'ms', samples), figures('exec create and start', 'ms', engines));
}

const BYTES = 1 << 30;
async function streams(box, peer) {
  const rate = (bytes, ms) => bytes / 1e6 / (ms / 1000);
  // Both are read by a program that throws the bytes away: Node itself takes a core for it.
  const us = () => new Promise((done, fail) => {
    const start = now();
    const child = spawn('curl', ['-sS', '-K', '-', '-o', '/dev/null', '-w', '%{size_download}'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const body = JSON.stringify({ command: ['head', '-c', String(BYTES), '/dev/zero'] }).replaceAll('"', '\\"');
    let said = '';
    child.stdout.on('data', (d) => { said += d; });
    child.on('close', () => (Number(said) > BYTES ? done(rate(BYTES, now() - start)) : fail(new Error(`the stream brought ${said} bytes`))));
    child.stdin.end(`url = "${service.url}/v2/box/${box}/exec-stream"\nheader = "X-Box-Api-Key: ${service.key}"\ndata = "${body}"\n`);
  });
  const them = () => new Promise((done, fail) => {
    const start = now();
    const child = spawn('docker', ['exec', peer, 'head', '-c', String(BYTES), '/dev/zero'], { stdio: ['ignore', 'ignore', 'inherit'] });
    child.on('close', (code) => (code === 0 ? done(rate(BYTES, now() - start)) : fail(new Error(`docker exec ended with ${code}`))));
  });
  const [a, b] = await turns(5, [us, them]);
  row('API: stream of 1 GiB', figures('exec-stream', 'MB/s', a, true), figures('docker exec', 'MB/s', b, true), { aim_ours_at_least: 300 });
}

// ---- files ----------------------------------------------------------------------------

async function upload(box, to, file) {
  const boundary = crypto.randomBytes(12).toString('hex');
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="paths"\r\n\r\n${to}\r\n--${boundary}\r\nContent-Disposition: form-data; `
    + 'name="files"; filename="f"\r\nContent-Type: application/octet-stream\r\n\r\n';
  const tail = `\r\n--${boundary}--\r\n`;
  const { hostname, port } = new URL(service.url);
  const { size } = fs.statSync(file);
  await new Promise((done, fail) => {
    const call = http.request({ agent, hostname, port, method: 'POST', path: `/v2/box/${box}/files/upload`,
      headers: { 'x-box-api-key': service.key, 'content-type': `multipart/form-data; boundary=${boundary}`,
        'content-length': head.length + size + tail.length } }, (answer) => {
      answer.resume();
      answer.on('end', () => (answer.statusCode < 300 ? done() : fail(new Error(`upload: ${answer.statusCode}`))));
    });
    call.on('error', fail);
    call.write(head);
    fs.createReadStream(file, { highWaterMark: MIB }).on('data', (d) => call.write(d)).on('end', () => call.end(tail)).on('error', fail);
  });
}

async function files(box, peer, dir) {
  for (const [name, size, n] of [['1 KiB', 1024, N], ['1 MiB', MIB, N], ['100 MiB', 100 * MIB, 3]]) {
    const local = path.join(dir, 'file');
    fs.writeFileSync(local, crypto.randomBytes(size));
    const [w, pw] = await turns(n, [
      async () => (await time(() => upload(box, '/workspace/home/file', local))).ms,
      async () => (await time(() => docker('cp', local, `${peer}:/tmp/file`))).ms]);
    row(`API: file write, ${name}`, figures('upload', 'ms', w), figures('docker cp', 'ms', pw));
    const [r, pr] = await turns(n, [
      async () => {
        let seen = 0;
        const { ms } = await time(() => ours('GET', `/${box}/files/download?folder=/workspace/home/file`, undefined, (d) => { seen += d.length; }));
        if (seen !== size) throw new Error(`the download brought ${seen} bytes`);
        return ms;
      },
      async () => (await time(() => docker('cp', `${peer}:/tmp/file`, path.join(dir, 'back')))).ms]);
    row(`API: file read, ${name}`, figures('download', 'ms', r), figures('docker cp', 'ms', pr));
  }
}

// ---- pausing, keeping, restoring --------------------------------------------------------

async function pausing(box, peer) {
  const first = () => ours('POST', `/${box}/exec`, { command: ['echo', 'hi'] });
  const us = { pause: [], wake: [] };
  const them = { pause: [], wake: [], typed: [] };
  for (let i = 0; i < N; i++) {
    us.pause.push((await time(() => ours('POST', `/${box}/pause`))).ms);
    us.wake.push((await time(first)).ms);
    them.pause.push((await time(() => docker('stop', '-t', '5', peer))).ms);
    them.wake.push((await time(async () => { await engine('POST', `/containers/${peer}/start`); await engineExec(peer, ['echo', 'hi']); })).ms);
    await docker('stop', '-t', '0', peer);
    them.typed.push((await time(async () => { await docker('start', peer); await docker('exec', peer, 'echo', 'hi'); })).ms);
  }
  row('API: pause', figures('POST pause', 'ms', us.pause), figures('docker stop', 'ms', them.pause));
  row('API: resume to first output', figures('exec in a paused box', 'ms', us.wake), figures('the Engine\'s start and exec', 'ms', them.wake), { aim_at_most: 1.2 });
  row('API: resume to first output, beside docker', figures('as above', 'ms', us.wake), figures('docker start, docker exec', 'ms', them.typed));
}

async function keeping(box, peer) {
  await ours('POST', `/${box}/exec`, { command: ['sh', '-c', 'head -c 10000000 /dev/urandom > kept'] });
  await docker('exec', peer, 'sh', '-c', 'head -c 10000000 /dev/urandom > /tmp/kept');
  const snapshots = [];
  const kept = `boxwright-bench:${label ?? 'api'}`;
  const [us, them] = await turns(N, [
    async () => {
      const { ms, value } = await time(async () => {
        const snapshot = await oursJson('POST', `/${box}/snapshots`, { name: 'bench' });
        if (snapshot.status !== 'ready') throw new Error(`the snapshot is ${snapshot.status}`);
        return snapshot.id;
      });
      snapshots.push(value);
      return ms;
    },
    async () => (await time(() => docker('commit', peer, kept))).ms]);
  row('API: snapshot of 10 MB', figures('POST snapshots', 'ms', us), figures('docker commit', 'ms', them));
  const [restored, engines, typed] = await turns(N, [
    async () => {
      const { ms, value } = await time(async () => {
        const { id } = await oursJson('POST', '/from-snapshot', { snapshot_id: snapshots[0] });
        await ours('POST', `/${id}/exec`, { command: ['echo', 'hi'] });
        return id;
      });
      await gone(value);
      return ms;
    },
    async () => {
      const { ms, value } = await time(async () => { const id = await engineBox(kept); await engineExec(id, ['echo', 'hi']); return id; });
      await docker('rm', '-f', value);
      return ms;
    },
    async () => (await time(() => docker('run', '--rm', '--label', tag, kept, 'echo', 'hi'))).ms]);
  row('API: restore to first output', figures('from-snapshot, then exec', 'ms', restored), figures('the Engine\'s create, start, exec', 'ms', engines), { aim_at_most: 1.2 });
  row('API: restore to first output, beside docker', figures('as above', 'ms', restored), figures('docker run of a commit', 'ms', typed));
  await docker('rmi', kept);
}

// ---- many ------------------------------------------------------------------------------

async function crowd() {
  const boxes = Number(process.env.BENCH_BOXES ?? 200);
  const { list, idleBytes } = await many(service, { boxes, busy: Math.ceil(boxes / 4) });
  row(`API: list of ${boxes} boxes, a quarter of them busy`, figures('GET /v2/box', 'ms', list), null, { aim_ours_at_most: 20 });
  row('API: memory of the service for an idle box', figures(`of ${boxes}`, 'KiB', [idleBytes / 1024]));
}

// ---- all of it ------------------------------------------------------------------------

console.error('  the box API, beside docker and the Engine');
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'boxwright-bench-api-'));
service = await Service.start({ config: { box: { image } } });
service.contract.remove(); // checking each call would be measured too
let peer;
try {
  peer = await engineBox(image);
  const { id: box } = await oursJson('POST', '', {});
  await commands(box, peer);
  await streams(box, peer);
  await files(box, peer, dir);
  await pausing(box, peer);
  await keeping(box, peer);
  await making();
  await gone(box);
  await crowd();
} finally {
  if (out) fs.appendFileSync(out, rows.map((r) => `${JSON.stringify(r)}\n`).join(''));
  if (peer) await docker('rm', '-f', '-v', peer).catch(() => {});
  await service.close();
  fs.rmSync(dir, { recursive: true, force: true });
  agent.destroy();
  engineAgent.destroy();
}
