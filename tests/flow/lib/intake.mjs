// SPDX-License-Identifier: MIT
// A server with a store and nothing else, and clients that may send it anything.
import { execFileSync, spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../../..');
const build = path.resolve(root, process.env.BOXWRIGHT_BUILD ?? 'build/debug');
const variant = process.env.BOXWRIGHT_VARIANT ?? path.basename(build);
const binary = process.env.INTAKE_SERVER ?? path.join(build, 'tests/bench/bench_intake_server');

export const SECRET = "It's a Secret to Everybody";
export const SECOND = 'the secret that comes next';
export const APP = 4242;
export const BOT = 1000;

// Made on first use: it is no part of the program.
function serverBinary() {
	if (process.env.INTAKE_SERVER) return binary;
	const env = { ...process.env };
	for (const name of ['MAKEFLAGS', 'MAKELEVEL', 'MFLAGS']) delete env[name];
	execFileSync('make', [`VARIANT=${variant}`, `BUILD=${path.dirname(build)}`, binary],
		{ cwd: root, env, stdio: ['ignore', 'ignore', 'inherit'] });
	return binary;
}

export class Intake {
	static async start(env = {}, dir = fs.mkdtempSync(path.join(os.tmpdir(), 'intake-'))) {
		const it = new Intake();
		it.dir = dir;
		it.child = spawn(serverBinary(), [dir], {
			env: { ...process.env, INTAKE_SECRET: SECRET, INTAKE_SECRET_2: SECOND,
				INTAKE_APP_ID: String(APP), INTAKE_BOT_ID: String(BOT), ...env },
			stdio: ['ignore', 'pipe', 'pipe'],
		});
		it.log = '';
		it.child.stderr.on('data', d => { it.log += d; });
		it.exited = once(it.child, 'exit');
		const lines = createInterface({ input: it.child.stdout });
		const first = await Promise.race([once(lines, 'line').then(([l]) => l), it.exited.then(() => '')]);
		if (!first.startsWith('listening ')) throw new Error(`no server: ${it.log}`);
		it.port = Number(first.split(' ')[1]);
		it.base = `http://127.0.0.1:${it.port}`;
		return it;
	}

	// Ends it, and fails when it said that something must not have happened.
	async stop({ signal = 'SIGTERM', keep = false } = {}) {
		this.child.kill(signal);
		const [code, by] = await this.exited;
		if (!keep) fs.rmSync(this.dir, { recursive: true, force: true });
		if (signal === 'SIGTERM' && (code !== 0 || /BROKEN/.test(this.log)))
			throw new Error(`the server ended with ${code ?? by}: ${this.log}`);
	}

	async get(target, headers = {}) {
		const answer = await fetch(this.base + target, { headers });
		return { status: answer.status, body: await answer.json() };
	}

	// Rows of the store by table: what "nothing is stored" is measured by.
	async rows() {
		const text = await (await fetch(`${this.base}/metrics`)).text();
		const rows = { delivery: 0, task: 0, command: 0 };
		for (const [, table, n] of text.matchAll(/^boxwright_rows\{table="(\w+)",state="\w+"\} (\d+)$/gm))
			rows[table] += Number(n);
		return rows;
	}

	deliver(event, body, { headers = {}, secret = SECRET, id = crypto.randomUUID() } = {}) {
		const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
		return fetch(`${this.base}/hooks/github`, {
			method: 'POST', body: bytes, headers: { ...deliveryHeaders(event, bytes, secret, id), ...headers },
		}).then(async a => ({ status: a.status, body: await a.json() }));
	}

	// Sends pieces (each a Buffer or string, or a number: milliseconds to wait) on a socket
	// of its own.  Resolves with what came, and how it ended.
	raw(pieces, { limit = 8000 } = {}) {
		return new Promise(resolve => {
			const socket = net.connect(this.port, '127.0.0.1');
			const started = Date.now();
			const chunks = [];
			let over = false, closed = false;
			const finish = end => {
				if (over) return;
				over = true;
				clearTimeout(timer);
				socket.destroy();
				const text = Buffer.concat(chunks).toString('latin1');
				resolve({ end, text, ms: Date.now() - started, closed,
					statuses: [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(m => Number(m[1])) });
			};
			const timer = setTimeout(() => finish('timeout'), limit);
			socket.on('data', d => chunks.push(d));
			socket.on('end', () => { closed = true; finish('closed'); });
			socket.on('error', e => finish(e.code));
			socket.on('connect', async () => {
				socket.setNoDelay(true);
				for (const piece of [pieces].flat()) {
					if (over || socket.destroyed) return;
					if (piece === 'FIN') socket.end();
					else if (piece === 'RST') socket.resetAndDestroy();
					else if (typeof piece === 'number') await new Promise(r => setTimeout(r, piece));
					else if (!socket.write(piece)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {});
				}
				if (socket.destroyed) finish('reset by us');
			});
		});
	}
}

export function sign(bytes, secret = SECRET, algorithm = 'sha256') {
	return `${algorithm}=${crypto.createHmac(algorithm, secret).update(bytes).digest('hex')}`;
}

export function deliveryHeaders(event, bytes, secret = SECRET, id = crypto.randomUUID()) {
	return {
		'content-type': 'application/json', 'user-agent': 'GitHub-Hookshot/044aadd', accept: '*/*',
		'x-github-event': event, 'x-github-delivery': id, 'x-github-hook-id': '101',
		'x-github-hook-installation-target-id': String(APP),
		'x-github-hook-installation-target-type': 'integration',
		'x-hub-signature': sign(bytes, secret, 'sha1'), 'x-hub-signature-256': sign(bytes, secret),
	};
}

// A whole request as bytes.  `headers` override (null: leave out); `lines` are put in raw;
// `first` replaces the request line.
export function request(body, { first = 'POST /hooks/github HTTP/1.1', headers = {}, lines = [], event = 'issue_comment' } = {}) {
	const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
	const all = { host: 'localhost', connection: 'close', 'content-length': String(bytes.length),
		...deliveryHeaders(event, bytes), ...headers };
	const head = [first, ...Object.entries(all).filter(([, v]) => v !== null).map(([k, v]) => `${k}: ${v}`), ...lines];
	return Buffer.concat([Buffer.from(head.join('\r\n') + '\r\n\r\n', 'latin1'), bytes]);
}

export function comment(text, over = {}) {
	return {
		action: 'created', installation: { id: 7001, node_id: 'x' },
		repository: { id: 5, name: 'hello', full_name: 'octo/hello', owner: { id: 6, login: 'octo', type: 'User' },
			default_branch: 'main', private: false, clone_url: 'https://github.com/octo/hello.git' },
		sender: { id: 8, login: 'octocat', type: 'User' },
		issue: { number: 12, id: 99, title: 'It breaks', body: 'Look.', state: 'open', labels: [], user: { id: 9, login: 'ann' } },
		comment: { id: 77, body: text, html_url: 'https://github.com/octo/hello/issues/12#issuecomment-77',
			created_at: '2026-11-22T20:35:01Z', user: { id: 8, login: 'octocat', type: 'User' } },
		...over,
	};
}
