// SPDX-License-Identifier: MIT
// Accepted durable deliveries: 16 kept connections, each sending the next delivery when the
// last one was answered.  Beside it, with BENCH_PROBOT=1, Probot and SQLite as durable,
// taking turns with us on the same load.
//
//	node tests/bench/intake.mjs <bench_intake_server> [json file to append to]
//
// BENCH_SECONDS (2) for a round, BENCH_ROUNDS (9); figures are those of the median round.
import { execFileSync, spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const here = path.dirname(new URL(import.meta.url).pathname);
const root = path.resolve(here, '../..');
const [binary, out] = process.argv.slice(2);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 2), ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9);
const CONNECTIONS = 16, SECRET = 'a secret for the bench';
const scratch = fs.mkdtempSync(path.join(root, 'build', 'intake-bench-'));

// A comment of GitHub's own examples, about 13 KB.
const examples = createRequire(path.join(root, 'tests/package.json'))('@octokit/webhooks-examples/api.github.com/index.json');
const payload = { installation: { id: 7001, node_id: 'x' }, ...examples.find(e => e.name === 'issue_comment').examples[0] };
const body = Buffer.from(JSON.stringify(payload));
const signature = crypto.createHmac('sha256', SECRET).update(body).digest('hex');
const tail = Buffer.from(`\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nUser-Agent: GitHub-Hookshot/044aadd\r\nAccept: */*\r\n`
	+ `X-GitHub-Event: issue_comment\r\nX-GitHub-Hook-ID: 101\r\nX-Hub-Signature-256: sha256=${signature}\r\nContent-Length: ${body.length}\r\n\r\n`);

function one(port, until, times) {
	return new Promise((resolve, reject) => {
		const socket = net.connect(port, '127.0.0.1');
		let started = 0, pending = '';
		const send = () => {
			started = performance.now();
			socket.write(Buffer.concat([Buffer.from(`POST /hooks/github HTTP/1.1\r\nX-GitHub-Delivery: ${crypto.randomUUID()}`), tail, body]));
		};
		socket.setNoDelay(true);
		socket.on('connect', send);
		socket.on('error', reject);
		socket.on('data', d => {
			pending += d.toString('latin1');
			const head = pending.indexOf('\r\n\r\n');
			if (head < 0) return;
			const length = Number(/\r\ncontent-length: *(\d+)/i.exec(pending.slice(0, head + 2))?.[1] ?? NaN);
			const whole = Number.isNaN(length) ? pending.endsWith('0\r\n\r\n') : pending.length >= head + 4 + length;
			if (!whole) return;
			if (!/^HTTP\/1\.1 20[02] /.test(pending)) { reject(new Error(pending.slice(0, 200))); return; }
			times.push(performance.now() - started);
			pending = '';
			if (performance.now() < until) send();
			else { socket.destroy(); resolve(); }
		});
	});
}

const cpuOf = pid => fs.readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ').slice(11, 13).reduce((a, b) => a + Number(b), 0) / 100;
const rssOf = pid => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'latin1'))[1]) / 1024;

async function round(server) {
	const times = [], cpu = cpuOf(server.child.pid), started = performance.now();
	await Promise.all(Array.from({ length: CONNECTIONS }, () => one(server.port, started + SECONDS * 1000, times)));
	const seconds = (performance.now() - started) / 1000;
	times.sort((a, b) => a - b);
	const at = q => times[Math.min(times.length - 1, Math.floor(q * times.length))];
	return { rate: times.length / seconds, p50: at(0.5), p99: at(0.99), n: times.length,
		cpu: (cpuOf(server.child.pid) - cpu) / times.length * 1000, rss: rssOf(server.child.pid) };
}

async function start(name, argv, env = {}) {
	const child = spawn(argv[0], argv.slice(1), { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
	const [line] = await once(createInterface({ input: child.stdout }), 'line');
	return { name, child, port: Number(line.split(' ')[1]), rounds: [] };
}

const median = list => [...list].sort((a, b) => a.rate - b.rate)[Math.floor(list.length / 2)];
const folder = name => { const dir = path.join(scratch, name); fs.mkdirSync(dir); return dir; };

function peerModules() {
	const dir = path.join(root, 'build', 'peers', 'probot');
	if (fs.existsSync(path.join(dir, 'node_modules/better-sqlite3/build/Release'))) return dir;
	console.error('installing the peer into build/peers (some minutes)');
	fs.mkdirSync(dir, { recursive: true });
	fs.writeFileSync(path.join(dir, 'package.json'), '{"private":true}');
	execFileSync('npm', ['install', '--no-audit', '--no-fund', 'probot@14.3.2', 'better-sqlite3@12.11.1'], { cwd: dir, stdio: ['ignore', 'ignore', 'inherit'] });
	return dir;
}

const servers = [];
for (const signal of ['SIGINT', 'SIGTERM'])
	process.once(signal, () => {
		for (const s of servers) s.child.kill('SIGTERM');
		fs.rmSync(scratch, { recursive: true, force: true });
		process.exit(1);
	});
try {
	servers.push(await start('boxwright', [binary, folder('ours')], { INTAKE_SECRET: SECRET }));
	if (process.env.BENCH_PROBOT === '1')
		servers.push(await start('Probot 14 + SQLite FULL', [process.execPath, path.join(here, 'probot_peer.mjs'), peerModules(), folder('peer'), SECRET], { NODE_ENV: 'production' }));
	for (let i = 0; i <= ROUNDS; i++)
		for (const server of servers) {
			const got = await round(server);
			if (i > 0) server.rounds.push(got); // the first warms up
		}
	const [ours, peer] = servers.map(s => ({ what: s.name, all: s.rounds, ...median(s.rounds) }));
	for (const s of [ours, peer].filter(Boolean))
		console.log(`accepted deliveries, ${CONNECTIONS} connections, ${body.length} bytes  ${s.what.padEnd(24)} ${s.rate.toFixed(0).padStart(7)}/s  p50 ${s.p50.toFixed(2)} ms  p99 ${s.p99.toFixed(2)} ms  ${s.cpu.toFixed(3)} CPU s per 1,000  ${s.rss.toFixed(0)} MB`);
	if (peer) console.log(`ratio ${(ours.rate / peer.rate).toFixed(2)} (aim: at least 4), p99 ${(ours.p99 / peer.p99).toFixed(2)} (aim: at most 0.5)`);
	// Of the rate, p50 is the median round and p99 the worst one.
	const rate = s => s && { what: s.what, unit: '/s', p50: s.rate, p99: Math.min(...s.all.map(r => r.rate)), n: s.all.length };
	const wait = s => s && { what: s.what, unit: 'ms', p50: s.p50, p99: s.p99, n: s.n };
	const rows = [
		{ name: 'accepted deliveries a second', ours: rate(ours), peer: rate(peer) ?? null, ratio: peer ? ours.rate / peer.rate : null, aim_at_least: 4 },
		{ name: 'accepted deliveries, wait for the answer', ours: wait(ours), peer: wait(peer) ?? null, ratio: peer ? ours.p99 / peer.p99 : null, ratio_of: 'p99', aim_at_most: 0.5 },
	];
	if (out) fs.appendFileSync(out, rows.map(r => `${JSON.stringify(r)}\n`).join(''));
} finally {
	for (const s of servers) { s.child.kill('SIGTERM'); }
	await Promise.all(servers.map(s => once(s.child, 'exit')));
	fs.rmSync(scratch, { recursive: true, force: true });
}
