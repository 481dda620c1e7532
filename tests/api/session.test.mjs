// SPDX-License-Identifier: MIT
// exec-session, which newer clients speak: a WebSocket made by hand here, so that every byte is ours.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { useService } from './lib/service.mjs';

const s = useService();
let box;
test('a box for all that follows', async () => { box = await s.box(null, {}); });

class Session {
  constructor(socket) { Object.assign(this, { socket, bytes: Buffer.alloc(0), events: [], waiting: [], closed: false }); }

  static async open(path, headers = {}) {
    const url = new URL(s.url);
    const socket = net.connect(Number(url.port), url.hostname);
    const key = crypto.randomBytes(16).toString('base64');
    const all = { Host: url.host, Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': key, 'X-Box-Api-Key': s.key, ...headers };
    socket.write(`GET ${path} HTTP/1.1\r\n${Object.entries(all).filter(([, v]) => v).map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n`);
    const session = new Session(socket);
    socket.on('data', (d) => { session.bytes = Buffer.concat([session.bytes, d]); session.take(); });
    socket.on('close', () => { session.closed = true; session.wake(); });
    socket.on('error', () => {});
    await session.until(() => session.head);
    session.status = Number(session.head.split(' ')[1]);
    if (session.status === 101)
      assert.match(session.head, new RegExp(`sec-websocket-accept: ${crypto.createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest('base64').replace(/[+/]/g, '\\$&')}`, 'i'));
    return session;
  }

  take() {
    if (!this.head) {
      const end = this.bytes.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.head = this.bytes.subarray(0, end).toString();
      this.bytes = this.bytes.subarray(end + 4);
    }
    while (this.head.includes(' 101 ') && this.bytes.length >= 2) {
      let len = this.bytes[1] & 127, at = 2;
      assert.equal(this.bytes[1] & 128, 0, 'a server does not mask');
      if (len === 126) { if (this.bytes.length < 4) break; len = this.bytes.readUInt16BE(2); at = 4; }
      if (len === 127) { if (this.bytes.length < 10) break; len = Number(this.bytes.readBigUInt64BE(2)); at = 10; }
      if (this.bytes.length < at + len) break;
      const op = this.bytes[0] & 15, payload = this.bytes.subarray(at, at + len);
      if (op === 1) this.events.push(JSON.parse(payload));
      else this.events.push({ op, payload: Buffer.from(payload) });
      this.bytes = this.bytes.subarray(at + len);
    }
    this.wake();
  }
  wake() { this.waiting.splice(0).forEach((go) => go()); }
  async until(ready) {
    const end = Date.now() + 60000;
    while (!ready()) {
      if (Date.now() > end || this.closed)
        assert.fail(`it came only: ${this.head} ${JSON.stringify(this.events.slice(0, 5)).slice(0, 500)}`);
      await Promise.race([new Promise((go) => this.waiting.push(go)), sleep(200)]);
    }
  }
  frame(op, data, fin = true) {
    const mask = crypto.randomBytes(4), body = Buffer.from(data);
    const head = body.length < 126 ? Buffer.from([0, 128 | body.length])
      : body.length < 65536 ? Buffer.from([0, 254, body.length >> 8, body.length & 255])
      : (() => { const b = Buffer.alloc(10); b[1] = 255; b.writeBigUInt64BE(BigInt(body.length), 2); return b; })();
    head[0] = (fin ? 128 : 0) | op;
    for (let i = 0; i < body.length; i++) body[i] ^= mask[i & 3];
    this.socket.write(Buffer.concat([head, mask, body]));
  }
  send(message) { this.frame(1, JSON.stringify(message)); }
  text(type = 'stdout') { return Buffer.concat(this.events.filter((e) => e.type === type).map((e) => Buffer.from(e.data, 'base64'))).toString(); }
  find(type) { return this.events.find((e) => e.type === type); }
  async start(message) {
    this.send({ type: 'start', cwd: '/workspace/home', ...message });
    await this.until(() => this.find('started') || this.find('error'));
    return this.find('started');
  }
  async exit() {
    await this.until(() => this.find('exit'));
    await this.until(() => this.events.some((e) => e.op === 8));
    return this.find('exit').code;
  }
}
const open = (headers) => Session.open(`/v2/box/${box.id}/exec-session`, headers);
const exec = async (command) => (await box.exec.command(command)).result.trim();
const b64 = (text) => Buffer.from(text).toString('base64');

test('argv: started, both outputs, the exit code', async () => {
  const w = await open();
  assert.equal(w.status, 101);
  const started = await w.start({ argv: ['sh', '-c', 'echo out; echo err >&2; echo $PWD $FOO; exit 3'], cwd: '/tmp', env: ['FOO=bar'] });
  assert.ok(started.pid > 0 && started.execId);
  assert.equal(await w.exit(), 3);
  assert.equal(w.text(), 'out\n/tmp bar\n');
  assert.equal(w.text('stderr'), 'err\n');
});

test('cmd goes through bash; stdin until it is closed; a message in pieces; a ping between', async () => {
  const w = await open();
  await w.start({ cmd: 'wc -c' });
  w.send({ type: 'stdin', data: b64('hello ') });
  const message = JSON.stringify({ type: 'stdin', data: b64('world') });
  w.frame(1, message.slice(0, 10), false);
  w.frame(9, 'are you there');
  w.frame(0, message.slice(10));
  w.send({ type: 'stdin_close' });
  assert.equal(await w.exit(), 0);
  assert.equal(w.text().trim(), '11');
  assert.equal(String(w.events.find((e) => e.op === 10).payload), 'are you there');
});

test('a terminal has its size before the first read, is resized, and merges stderr', async () => {
  const w = await open();
  await w.start({ cmd: 'stty size; echo e >&2; read x; stty size; test -t 0 && echo tty', tty: true, rows: 33, cols: 101 });
  await w.until(() => w.text().includes('33 101'));
  w.send({ type: 'resize', rows: 40, cols: 120 });
  w.send({ type: 'stdin', data: b64('go\n') });
  assert.equal(await w.exit(), 0);
  assert.match(w.text(), /e\r\n[\s\S]*40 120\r\ntty\r\n/);
  assert.equal(w.text('stderr'), '');
});

test('signals reach the whole tree; terminate ends what ignores TERM', async () => {
  const one = await open();
  await one.start({ cmd: 'trap "echo caught; exit 7" INT; sleep 100 & wait' });
  await sleep(100);
  one.send({ type: 'signal', signal: 'INT' });
  assert.equal(await one.exit(), 7);
  assert.match(one.text(), /caught/);
  const two = await open();
  await two.start({ cmd: 'trap "" TERM; echo ready; while :; do sleep 1; done' });
  await two.until(() => two.text().includes('ready'));
  two.send({ type: 'signal', signal: 'NOPE' });
  await two.until(() => two.find('error'));
  two.send({ type: 'terminate', graceMs: 200 });
  assert.equal(await two.exit(), 137);
});

test('closing the socket kills the tree, with and without a close frame', async () => {
  for (const how of ['frame', 'socket', 'reset']) {
    const w = await open();
    await w.start({ cmd: `setsid sleep 98765${how.length} & sleep 98765${how.length}` });
    await sleep(100);
    if (how === 'frame') w.frame(8, Buffer.from([3, 232]));
    else if (how === 'socket') w.socket.end();
    else w.socket.resetAndDestroy();
    for (let i = 0; ; i++) {
      if (await exec(`pgrep -c -f "sleep 98765${how.length}$" || true`) === '0') break;
      assert.ok(i < 50, `${how}: it lives`);
      await sleep(100);
    }
    w.socket.destroy();
  }
});

test('a command that does not read holds up neither a signal nor the end', async () => {
  const w = await open();
  await w.start({ cmd: 'echo ready; sleep 1000' });
  await w.until(() => w.text().includes('ready'));
  for (let i = 0; i < 24; i++) w.send({ type: 'stdin', data: Buffer.alloc(60000, 'x').toString('base64') });
  w.send({ type: 'signal', signal: 'KILL' });
  assert.equal(await w.exit(), 137);
});

test('much output arrives whole, also to a slow reader', async () => {
  const w = await open();
  await w.start({ cmd: 'head -c 20000000 /dev/zero | tr "\\0" x' });
  w.socket.pause();
  await sleep(500);
  w.socket.resume();
  assert.equal(await w.exit(), 0);
  assert.equal(w.text().length, 20000000);
});

test('what cannot be started is told, and what breaks the rules is closed with the reason', async () => {
  const missing = await open();
  await missing.start({ argv: ['/no/such/program'] });
  assert.ok(missing.find('error') || await missing.exit() === 127);
  const first = await open();
  first.send({ type: 'stdin', data: '' });
  await first.until(() => first.events.some((e) => e.op === 8));
  assert.match(first.find('error').message, /start/);
  for (const [frame, status] of [[(w) => w.frame(2, 'binary'), 1003], [(w) => w.frame(1, Buffer.from([255])), 1007],
    [(w) => w.socket.write(Buffer.from([0x81, 1, 65])), 1002], [(w) => w.frame(1, Buffer.alloc(2 << 20, 'x')), 1009],
    [(w) => w.frame(1, '{"type"'), 1008]]) {
    const w = await open();
    frame(w);
    await w.until(() => w.events.some((e) => e.op === 8));
    assert.equal(w.events.find((e) => e.op === 8).payload.readUInt16BE(0), status);
  }
});

test('the handshake', async () => {
  for (const [headers, status] of [[{ 'X-Box-Api-Key': '' }, 401], [{ 'X-Box-Api-Key': 'box_wrong' }, 401], [{ Upgrade: '' }, 400],
    [{ Connection: 'close' }, 400], [{ 'Sec-WebSocket-Key': 'short' }, 400], [{ 'Sec-WebSocket-Version': '8' }, 426]])
    assert.equal((await open(headers)).status, status, JSON.stringify(headers));
  const none = await Session.open('/v2/box/no-such-box/exec-session');
  await none.start({ cmd: 'true' });
  assert.match(none.find('error').message, /no-such-box/);
  const reader = await s.makeKey({ name: 'looks', scope: 'read' });
  assert.equal((await open({ 'X-Box-Api-Key': reader.key })).status, 403);
});

test('sessions are runs: listed while they go and afterwards', async () => {
  const w = await open();
  const { execId } = await w.start({ cmd: 'read x' });
  assert.equal((await box.listRuns()).find((r) => r.id === execId)?.status, 'running');
  w.send({ type: 'stdin_close' });
  await w.exit();
  assert.notEqual((await box.listRuns()).find((r) => r.id === execId)?.status, 'running');
});
