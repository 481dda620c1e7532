// SPDX-License-Identifier: MIT
// A real boxwright for a flow test: its own folder, port and keys; killed and started
// again at will; its log is read and a line of level broken is a failure.
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePort } from '../../lib/port.mjs';
import { overlay } from '../../standin/hooks.mjs';
import { removeInstance } from './engine.mjs';

const SLOW = { asan: 3, tsan: 6 }[process.env.BOXWRIGHT_VARIANT] ?? 1;
const START_MS = 30000 * SLOW;
const STOP_MS = 20000 * SLOW;
const LOG_MAX = 50000; // lines

export const binary = () => process.env.BOXWRIGHT_BIN ?? 'build/debug/boxwright';

// Asks until it is true; the reason of the last try is told when it never was.
export async function until(what, ask, { ms = 60000, every = 100 } = {}) {
  const end = Date.now() + ms * SLOW;
  for (;;) {
    let last;
    try {
      const value = await ask();
      if (value) return value;
    } catch (error) { last = error; }
    if (Date.now() > end)
      throw new Error(`${what}: not within ${ms * SLOW} ms${last ? `: ${last.message}` : ''}`, { cause: last });
    await new Promise((done) => { setTimeout(done, every); });
  }
}

export class Boxwright {
  // { standin, config: laid over the defaults, env, dir, key: of the API }
  static async start({ standin, config = {}, env = {}, dir } = {}) {
    const b = new Boxwright();
    b.standin = standin;
    b.ownDir = !dir;
    b.dir = dir ?? fs.mkdtempSync(path.join(os.tmpdir(), 'boxwright-flow-'));
    b.port = await freePort();
    b.url = `http://127.0.0.1:${b.port}`;
    b.key = crypto.randomBytes(24).toString('hex');
    b.env = env;
    b.lines = [];
    b.expectBroken = false;
    b.#write(config);
    if (standin) standin.hooks.url = `${b.url}/hooks/github`;
    await b.launch();
    return b;
  }

  #secret(name, value) {
    const file = path.join(this.dir, name);
    fs.writeFileSync(file, `${value}\n`, { mode: 0o600 });
    return file;
  }

  // YAML is what the service reads, and JSON is YAML.
  #write(overrides) {
    const github = this.standin && { app_id: this.standin.app.app_id,
      private_key_file: this.#secret('app.pem', this.standin.app.private_key.trim()),
      webhook_secret_file: this.#secret('webhook', this.standin.app.webhook_secret),
      api_url: this.standin.url, web_url: this.standin.url, write_spacing_ms: 0 };
    const config = overlay({ listen: `127.0.0.1:${this.port}`,
      state_dir: path.join(this.dir, 'state'), api_keys_file: this.#secret('api-keys', this.key),
      ...(github && { github }) }, overrides);
    this.configFile = path.join(this.dir, 'boxwright.yml');
    fs.writeFileSync(this.configFile, JSON.stringify(config, null, 2));
  }

  // Starts the program in the same folder, also after kill() or stop().
  async launch() {
    const { PATH, HOME, DOCKER_HOST } = process.env;
    const sanitizers = Object.fromEntries(Object.entries(process.env)
      .filter(([k]) => /^(ASAN|LSAN|UBSAN|TSAN)_OPTIONS$/.test(k)));
    const argv = [binary(), 'serve', '--config', this.configFile];
    // ThreadSanitizer of gcc 12 wants its addresses where they always were.
    if (process.env.BOXWRIGHT_VARIANT === 'tsan') argv.unshift('setarch', '-R');
    this.child = spawn(argv[0], argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH, HOME, ...(DOCKER_HOST && { DOCKER_HOST }), LOG: 'info', ...sanitizers, ...this.env } });
    const child = this.child;
    this.exited = new Promise((done) => {
      child.once('error', (error) => { this.lines.push(`spawn: ${error.message}`); done({ code: -1 }); });
      child.once('close', (code, signal) => done({ code, signal }));
    });
    this.exited.then((how) => { if (this.child === child) this.ended = how; });
    this.ended = null;
    for (const stream of [child.stdout, child.stderr]) this.#read(stream);
    await until('boxwright is ready', async () => {
      if (this.ended) return true;
      const answer = await fetch(`${this.url}/healthz`, { signal: AbortSignal.timeout(2000) });
      await answer.arrayBuffer();
      return answer.ok && this.instance !== null;
    }, { ms: START_MS / SLOW, every: 50 }).catch((error) => {
      child.kill('SIGKILL');
      throw new Error(`${error.message}\n${this.tail()}`, { cause: error });
    });
    if (this.ended) throw new Error(`boxwright ended: ${JSON.stringify(this.ended)}\n${this.tail()}`);
  }

  #read(stream) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop();
      this.lines.push(...parts);
      if (this.lines.length > LOG_MAX) this.lines.splice(0, this.lines.length - LOG_MAX);
    });
  }

  tail(n = 40) { return this.lines.slice(-n).join('\n'); }
  broken() { return this.lines.filter((l) => /^\S+ BROKEN /.test(l) || /(ERROR|WARNING): \w+Sanitizer|runtime error:/.test(l)); }

  // At any instruction, as a power cut would.
  async kill() {
    this.killed = this.child;
    this.child.kill('SIGKILL');
    return this.exited;
  }

  async restart() {
    await this.kill();
    await this.launch();
  }

  // Its label on boxes and snapshots, from the log; null before it was ready.
  get instance() {
    for (const line of this.lines)
      this.known ??= /boxwright\.instance=([0-9a-f]+)/.exec(line)?.[1];
    return this.known ?? null;
  }

  // An orderly end; fails when it takes too long, when the program ended otherwise than asked
  // (a crash; a sanitizer that reported gives a status of its own), or on a BROKEN line.
  async stop() {
    if (!this.ended) {
      this.child.kill('SIGTERM');
      const timer = setTimeout(() => {
        this.late = true;
        this.child.kill('SIGKILL');
      }, STOP_MS);
      this.ended = await this.exited;
      clearTimeout(timer);
    }
    if (this.ownDir && !process.env.BOXWRIGHT_TEST_KEEP) {
      // What it made there has no owner once its folder is gone.
      if (this.instance) await removeInstance(this.instance);
      fs.rmSync(this.dir, { recursive: true, force: true });
    }
    if (this.late) throw new Error(`boxwright did not stop within ${STOP_MS} ms\n${this.tail()}`);
    const broken = this.broken();
    if (broken.length && !this.expectBroken) throw new Error(`the log tells of our own mistakes:\n${broken.join('\n')}`);
    if (this.ended.code !== 0 && this.killed !== this.child)
      throw new Error(`boxwright ended: ${JSON.stringify(this.ended)}\n${this.tail()}`);
    return this.ended;
  }

  // ---- its API ----------------------------------------------------------------------

  // -> {status, body}; body is parsed when it is JSON.
  async api(method, route, body, headers = {}) {
    const answer = await fetch(this.url + route, { method,
      headers: { authorization: `Bearer ${this.key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body) });
    const text = await answer.text();
    let parsed = text;
    try { parsed = JSON.parse(text); } catch { /* as it is */ }
    return { status: answer.status, body: parsed };
  }

  async need(method, route, body) {
    const answer = await this.api(method, route, body);
    if (answer.status >= 300)
      throw new Error(`${method} ${route}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async tasks(query = '') { return (await this.need('GET', `/v1/tasks${query}`)).tasks; }
  task(id) { return this.need('GET', `/v1/tasks/${id}`); }
  async events(id, after = 0) {
    return (await this.need('GET', `/v1/tasks/${id}/events?after=${after}`)).events;
  }

  // The task that a delivery made.
  taskOf(guid, options) {
    return until(`a task of delivery ${guid}`,
      async () => (await this.tasks()).find((t) => t.delivery_id === guid), options);
  }

  // Waits for an end (or `state`, or `when(task)`); fails early on another end.
  async waitForTask(id, { state, when, ms = 120000 } = {}) {
    const over = ['done', 'failed', 'cancelled', 'refused'];
    const task = await until(`task ${id} ${state ?? 'ends'}`, async () => {
      const now = await this.task(id);
      const good = when ? when(now) : state ? now.state === state : over.includes(now.state);
      return good || over.includes(now.state) ? now : null;
    }, { ms }).catch((error) => {
      const gone = this.ended ? `; boxwright has ended: ${JSON.stringify(this.ended)}` : '';
      throw new Error(`${error.message}${gone}\n${this.tail()}`, { cause: error });
    });
    if (state && task.state !== state && !when)
      throw new Error(`task ${id} is ${task.state}, not ${state}: ${task.outcome ?? task.last_error}\n${this.tail()}`);
    return task;
  }
}

export const startBoxwright = (options) => Boxwright.start(options);
