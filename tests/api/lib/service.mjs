// SPDX-License-Identifier: MIT
// A service for a file of client tests, and the published client pointed at it.
//
//   const s = useService({ config: {...} });      // hooks of the file: start, verify, end
//   test('...', async () => { const box = await s.box(); ... });
//
// After each test all traffic must have been as /openapi.json tells; at the end every box and
// snapshot is deleted through the API, and then nothing may be left: no container, volume,
// image, row or file.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, afterEach, before } from 'node:test';
import { Box, EphemeralBox } from '@upstash/box';
import { binary, startBoxwright, until } from '../../flow/lib/boxwright.mjs';
import { inspectBox, listInstance, listVolumes } from '../../flow/lib/engine.mjs';
import { startStandin } from '../../standin/standin.mjs';
import { Contract, plainFetch } from './contract.mjs';

export { until };

// A GitHub that is never asked: the App's identity is given, its address leads nowhere.
function noGitHub(dir) {
  const file = (name, text) => {
    fs.writeFileSync(path.join(dir, name), text, { mode: 0o600 });
    return path.join(dir, name);
  };
  const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } });
  return { app_id: 4242, slug: 'boxwright', bot_id: 4243, api_url: 'http://127.0.0.1:9', web_url: 'http://127.0.0.1:9',
    private_key_file: file('github.pem', privateKey), webhook_secret_file: file('github-webhook', 'a-webhook-secret\n') };
}

export class Service {
  // { config, env, repo: of the stand-in, which is started when it is given }
  static async start({ config = {}, env, repo } = {}) {
    const s = new Service();
    if (repo) {
      s.standin = await startStandin({ strict: false, seed: { users: ['maintainer', 'stranger'],
        repos: [{ owner: 'octocat', name: 'sample', collaborators: { maintainer: 'write' }, ...repo }] } });
    } else {
      s.dir = fs.mkdtempSync(path.join(process.env.TMPDIR ?? '/tmp', 'boxwright-api-'));
      config = { github: noGitHub(s.dir), ...config };
    }
    try {
      s.boxwright = await startBoxwright({ standin: s.standin, config, env });
      s.contract = await Contract.load(s.url, { 'x-box-api-key': s.key });
    } catch (error) {
      await s.boxwright?.stop().catch(() => {});
      await s.#clean();
      throw error;
    }
    s.contract.install();
    process.env.UPSTASH_BOX_BASE_URL = s.url;
    process.env.UPSTASH_BOX_API_KEY = s.key;
    return s;
  }

  get url() { return this.boxwright.url; }
  get key() { return this.boxwright.key; }
  get pid() { return this.boxwright.child.pid; }
  get instance() { return this.boxwright.instance; }

  // A box of the test: deleted when `t`, its context, ends.
  async box(t, options = {}) { return this.#ends(t, await Box.create(options)); }
  async ephemeral(t, options = {}) { return this.#ends(t, await EphemeralBox.create(options)); }
  #ends(t, box) {
    t?.after(() => box.delete().catch((error) => { if (error.statusCode !== 404) throw error; }));
    return box;
  }

  // A request as it is, past the client and the description. -> {status, headers, text, body}
  async raw(method, route, { body, headers = {}, key = this.key, timeout = 30000 } = {}) {
    const text = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    const answer = await plainFetch(this.url + route, { method, body: text, signal: AbortSignal.timeout(timeout),
      headers: { ...(key && { 'x-box-api-key': key }),
        ...(text !== undefined && { 'content-type': 'application/json' }), ...headers } });
    const said = await answer.text();
    let parsed;
    try { parsed = JSON.parse(said); } catch { /* as it is */ }
    return { status: answer.status, headers: answer.headers, text: said, body: parsed };
  }

  // Rows of the service's own database; it goes on meanwhile.
  rows(sql) { return this.rowsOf([sql])[0]; }
  rowsOf(queries) {
    const out = execFileSync('python3', ['-c', `
import json, sqlite3, sys
db = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True, timeout=10)
db.row_factory = sqlite3.Row
print(json.dumps([[dict(r) for r in db.execute(q)] for q in json.loads(sys.argv[2])]))`, this.#database(), JSON.stringify(queries)], { maxBuffer: 64 << 20 });
    return JSON.parse(out);
  }

  // Changes a row behind the service's back: only to bring times forward.
  change(sql, ...values) {
    execFileSync('python3', ['-c', `
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=10, isolation_level=None)
db.execute("PRAGMA wal_autocheckpoint=0")
db.execute(sys.argv[2], json.loads(sys.argv[3]))`, this.#database(), sql, JSON.stringify(values)]);
  }
  #database() {
    const state = path.join(this.boxwright.dir, 'state');
    return fs.readdirSync(state).map((f) => path.join(state, f)).find((f) => /\.(db|sqlite3?)$/.test(f));
  }

  // The program as people run it, against this service. -> {code, stdout, stderr}
  cli(...args) {
    return new Promise((done) => {
      execFile(path.resolve(binary()), args, { maxBuffer: 64 << 20, env: { ...process.env,
        BOXWRIGHT_API: this.url, BOXWRIGHT_API_KEY: this.key } },
      (error, stdout, stderr) => done({ code: error ? error.code : 0, stdout, stderr }));
    });
  }

  // A key of a row, made by the operator. -> {id, key}
  async makeKey({ name = 'test', account = 'other', scope = 'full' } = {}) {
    const answer = await this.raw('POST', '/v1/keys', { body: { name, account, scope } });
    assert.ok(answer.status < 300, `a key is made: ${answer.status} ${answer.text}`);
    return answer.body;
  }

  // The Engine's own view of a box. The container's label or name holds the box's id.
  async container(boxId) {
    const { boxes } = await listInstance(this.instance);
    for (const id of boxes) {
      const seen = await inspectBox(id);
      if (seen.Config?.Labels?.['boxwright.box'] === boxId || seen.Name?.includes(boxId)) return seen;
    }
    return null;
  }

  rss() { // bytes
    const line = /^VmRSS:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${this.pid}/status`, 'utf8'));
    return Number(line[1]) * 1024;
  }

  // Boxes, snapshots, volumes, rows and files that there still are, as text; "" is none.
  async left() {
    const engine = await listInstance(this.instance);
    const volumes = await listVolumes(this.instance);
    const rows = [];
    const tables = ['box', 'box_run', 'box_log', 'box_snapshot', 'box_schedule', 'box_preview'];
    for (const [i, [{ n }]] of this.rowsOf(tables.map((table) => `SELECT count(*) AS n FROM ${table}`)).entries())
      if (n) rows.push(`${n} rows of ${tables[i]}`);
    return [...engine.boxes.map((b) => `container ${b.slice(0, 12)}`),
      ...engine.snapshots.map((i) => `image ${i}`), ...volumes.map((v) => `volume ${v}`), ...rows].join(', ');
  }

  async close() {
    let failure;
    try {
      if (this.boxwright.ended) await this.boxwright.launch();
      for (const box of await Box.list()) await Box.delete({ boxIds: box.id });
      await Box.deleteSnapshots();
      let left = '?';
      await until('everything is gone', async () => (left = await this.left()) === '', { ms: 15000, every: 250 })
        .catch(() => { throw new Error(`after all deletions there is left: ${left}`); });
      await this.contract.verify();
    } catch (error) { failure = error; }
    this.contract.remove();
    try {
      await this.boxwright.stop();
    } finally {
      await this.#clean();
    }
    if (failure) throw new Error(`${failure.message}\n${this.boxwright.tail(15)}`, { cause: failure });
  }

  async #clean() {
    await this.standin?.close();
    if (this.dir) fs.rmSync(this.dir, { recursive: true, force: true });
  }
}

// The service of a test file, by hooks; members of the service are there within tests.
export function useService(options = {}) {
  let service;
  before(async () => { service = await Service.start(typeof options === 'function' ? await options() : options); });
  afterEach(() => service?.contract.verify());
  after(() => service?.close());
  return new Proxy({}, { get: (_, name) => {
    const value = service[name];
    return typeof value === 'function' ? value.bind(service) : value;
  } });
}

// What a promise is refused with. -> the error
export async function refused(promise, status, pattern) {
  const error = await promise.then(() => assert.fail('it was not refused'), (e) => e);
  assert.equal(error.name, 'BoxError', String(error.stack));
  if (status !== undefined) assert.equal(error.statusCode, status, error.message);
  if (pattern) assert.match(error.message, pattern);
  return error;
}

export const sh = async (box, command) => {
  const run = await box.exec.command(command);
  assert.equal(run.exitCode, 0, `${command}: ${run.exitCode} ${run.stderr}`);
  return run.stdout;
};
