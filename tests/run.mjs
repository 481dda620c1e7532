// SPDX-License-Identifier: MIT
//
// Runs test programs and counts their cases.
//
//	node tests/run.mjs --build build/debug [--variant asan] [--only word,word] suite...
//
// Suites: checks unit box flow fuzz.  One line a program with its time, the whole output of
// a program only when it failed, and at the end `N passed, N failed` over all cases.  Each
// program runs in its own process group under a time limit; the group is ended with it.
//
// What makes a program fail besides its cases: a bad exit status, a report of a
// sanitizer (also of the service that a flow started), a line of level BROKEN in the
// log, no case at all.  After boxes and flows the Engine must hold nothing new.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const opt = { build: 'build/debug', variant: 'debug', only: [], case: '', suites: [] };
for (let i = 2; i < process.argv.length; i++) {
	const arg = process.argv[i];
	if (arg === '--build') opt.build = process.argv[++i];
	else if (arg === '--variant') opt.variant = process.argv[++i];
	else if (arg === '--only') opt.only = process.argv[++i].split(/[\s,]+/).filter(Boolean);
	else if (arg === '--case') opt.case = process.argv[++i];
	else opt.suites.push(arg);
}
const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '..');
process.chdir(root);
const build = path.resolve(opt.build);
const slow = { asan: 3, tsan: 5 }[opt.variant] ?? 1;
const OUTPUT_MAX = 4 << 20;

function walk(dir, match) {
	if (!fs.existsSync(dir)) return [];
	return fs.readdirSync(dir, { withFileTypes: true }).flatMap(e => {
		const at = path.join(dir, e.name);
		if (e.isDirectory()) return e.name === 'node_modules' ? [] : walk(at, match);
		return match.test(e.name) ? [at] : [];
	}).sort();
}

const program = (file, limit) => ({
	name: file.replace(/\.c$/, ''), argv: [path.join(build, file.replace(/\.c$/, ''))], parse: tap, limit,
});
const suites = {
	checks: () => walk('tests/checks', /^check_.*\.(mjs|sh)$/).map(f => ({
		name: f, argv: f.endsWith('.mjs') ? [process.execPath, f] : ['bash', f], parse: exitOnly, limit: 120,
	})),
	unit: () => walk('tests/unit', /^test_.*\.c$/).map(f => program(f, 120)),
	box: () => walk('tests/box', /^test_.*\.c$/).map(f => program(f, 300)),
	flow: () => [...walk('tests/flow', /\.test\.mjs$/), ...walk('tests/api', /\.test\.mjs$/),
		...walk('tests/standin', /\.test\.mjs$/)].map(f => ({
		name: f, parse: tap, limit: 600,
		argv: [process.execPath, '--test-reporter=tap', ...(opt.case ? [`--test-name-pattern=${opt.case}`] : []), f],
	})),
	fuzz: () => walk('tests/fuzz', /^fuzz_.*\.c$/).map(f => {
		const word = path.basename(f, '.c').replace(/^fuzz_/, '');
		return {
			name: `tests/fuzz/${word} (corpus)`, parse: exitOnly, limit: 120,
			argv: [path.join(build, '../fuzz', f.replace(/\.c$/, '')), '-runs=0', `tests/fuzz/corpus/${word}`],
		};
	}),
};

const count = text => (re) => { const all = [...text.matchAll(re)]; return all.length ? Number(all.at(-1)[1]) : null; };

// TAP of cmocka (flat) or of node:test (nested, with a summary that counts right).
function tap(text, status) {
	const last = count(text);
	const pass = last(/^# pass (\d+)$/gm);
	if (pass !== null) {
		const failed = (last(/^# fail (\d+)$/gm) ?? 0) + (last(/^# cancelled (\d+)$/gm) ?? 0);
		return { passed: pass, failed, skipped: last(/^# skipped (\d+)$/gm) ?? 0 };
	}
	const r = { passed: 0, failed: 0, skipped: 0 };
	for (const [, not, rest] of text.matchAll(/^(not )?ok \d+(.*)$/gm)) {
		if (/# SKIP/i.test(rest)) r.skipped++;
		else if (not) r.failed++;
		else r.passed++;
	}
	return r;
}
const exitOnly = (text, status) => ({ passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: 0 });

const reports = path.join(build, 'reports');
fs.rmSync(reports, { recursive: true, force: true });
fs.mkdirSync(reports, { recursive: true });
const suppress = kind => {
	const file = path.join(root, 'tests/lib', `${kind}.supp`);
	return fs.existsSync(file) ? `:suppressions=${file}` : '';
};
const log = 'log_path=@REPORTS@/san'; // a folder of its own for each program
const env = {
	...process.env,
	CMOCKA_MESSAGE_OUTPUT: 'TAP', TEST_CASE: opt.case,
	BOXWRIGHT_BIN: path.join(build, 'boxwright'), BOXWRIGHT_BOXINIT: path.join(build, 'boxinit'),
	BOXWRIGHT_BUILD: build, BOXWRIGHT_VARIANT: opt.variant,
	// tests/test.sh has just made it; a make from inside, by another name of the folder, would make all anew.
	...(fs.existsSync(path.join(build, 'tests/bench/bench_intake_server')) &&
		{ INTAKE_SERVER: path.join(build, 'tests/bench/bench_intake_server') }),
	BOXWRIGHT_TEST_IMAGE: process.env.BOXWRIGHT_TEST_IMAGE ?? 'boxwright/base:latest',
	BOXWRIGHT_AGENTS_IMAGE: process.env.BOXWRIGHT_AGENTS_IMAGE ?? 'boxwright/agents:latest',
	ASAN_OPTIONS: `${log}:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:allocator_may_return_null=0`,
	LSAN_OPTIONS: `print_suppressions=0${suppress('lsan')}`,
	UBSAN_OPTIONS: `${log}:print_stacktrace=1:halt_on_error=1`,
	TSAN_OPTIONS: `${log}:second_deadlock_stack=1:halt_on_error=0:history_size=5${suppress('tsan')}`,
};
// ThreadSanitizer of gcc 12 cannot map its shadow above 28 random bits.
const bits = Number(fs.existsSync('/proc/sys/vm/mmap_rnd_bits') ? fs.readFileSync('/proc/sys/vm/mmap_rnd_bits', 'utf8') : 0);
const wrap = opt.variant === 'tsan' && bits > 28 ? ['setarch', '-R'] : [];

const running = new Set();
function endGroup(pid) {
	try { process.kill(-pid, 'SIGKILL'); return true; } catch { return false; }
}
for (const sig of ['SIGINT', 'SIGTERM', 'SIGHUP'])
	process.on(sig, () => { for (const pid of running) endGroup(pid); process.exit(130); });

const total = { passed: 0, failed: 0, skipped: 0 };
const failures = [];

let programCount = 0;
function reportsOf() {
	const dir = path.join(reports, String(++programCount));
	fs.mkdirSync(dir);
	const own = Object.fromEntries(Object.entries(env).map(([k, v]) => [k, v.replace('@REPORTS@', dir)]));
	// Also what a killed program could not remove goes.
	own.TMPDIR = fs.mkdtempSync(path.join(os.tmpdir(), 'bw-'));
	return { own, clear: () => { if (!process.env.BOXWRIGHT_TEST_KEEP) fs.rmSync(own.TMPDIR, { recursive: true, force: true, maxRetries: 5 }); },
		read: () => fs.readdirSync(dir).map(f => fs.readFileSync(path.join(dir, f), 'utf8')).join('\n') };
}

function runOne(test) {
	return new Promise(resolve => {
		const started = Date.now();
		const limit = test.limit * slow;
		const chunks = [];
		let size = 0, timedOut = false, done = false;
		const sanitizer = reportsOf();
		const [cmd, ...args] = [...wrap, ...test.argv];
		const child = spawn(cmd, args, { env: sanitizer.own, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
		const take = chunk => { if (size < OUTPUT_MAX) chunks.push(chunk); size += chunk.length; };
		child.stdout.on('data', take);
		child.stderr.on('data', take);
		const timer = setTimeout(() => { timedOut = true; endGroup(child.pid); }, limit * 1000);
		const finish = (status, signal) => {
			if (done) return;
			done = true;
			clearTimeout(timer);
			running.delete(child.pid);
			endGroup(child.pid); // what the program left behind
			let text = Buffer.concat(chunks).toString('utf8');
			if (size > OUTPUT_MAX) text += `\n(output cut: ${size} bytes)\n`;
			const r = test.parse(text, status);
			const notes = [];
			if (timedOut) notes.push(`ended after its limit of ${limit} s`);
			else if (signal) notes.push(`ended by ${signal}`);
			else if (status !== 0 && r.failed === 0) notes.push(`exit status ${status}`);
			if (/^\d{4}-\d\d-\d\dT[\d:.]+Z BROKEN /m.test(text)) notes.push('a BROKEN line in the log');
			const report = sanitizer.read();
			sanitizer.clear();
			if (report) { notes.push('a sanitizer reported'); text += '\n' + report; }
			if (r.passed + r.failed + r.skipped === 0 && notes.length === 0 && !opt.case) notes.push('no case ran');
			if (notes.length && r.failed === 0) r.failed = 1;
			resolve({ ...r, notes, text, ms: Date.now() - started });
		};
		running.add(child.pid);
		child.on('error', e => { take(Buffer.from(String(e))); finish(127, null); });
		child.on('close', finish);
		// A grandchild that holds the pipes must not hold the whole suite.
		child.on('exit', (status, signal) => setTimeout(() => finish(status, signal), 2000));
	});
}

async function runSuite(name) {
	const tests = suites[name]().filter(t => opt.only.length === 0 || opt.only.some(w => t.name.includes(w)));
	// Flows and boxes mostly wait, each for an instance of its own; the longest begin first.
	const parallel = { unit: Math.min(4, os.cpus().length), checks: Math.min(4, os.cpus().length), box: 2, flow: 3 }[name] ?? 1;
	const long = ['box/test_agent', 'box/test_box_ends', 'flow/faults', 'flow/rules', 'flow/limits', 'flow/triggers', 'flow/repairs', 'flow/attempts', 'flow/rebase', 'flow/docs',
		'flow/schedule', 'flow/conversation', 'flow/kills', 'api/exec_frames', 'api/agents', 'flow/agents', 'api/overview', 'api/restart', 'flow/snapshot', 'flow/outcomes',
		'api/custom_agent', 'api/boxes', 'api/metering', 'api/schedule', 'api/snapshots'];
	const rank = t => { const i = long.findIndex(w => t.name.includes(w)); return i < 0 ? long.length : i; };
	const queue = tests.map(t => ({ ...t, suite: name })).sort((a, b) => rank(a) - rank(b));
	const worker = async () => {
		for (let t = queue.shift(); t; t = queue.shift()) {
			const r = await runOne(t);
			for (const k of ['passed', 'failed', 'skipped']) total[k] += r[k];
			const what = [`${r.passed} passed`, r.failed && `${r.failed} failed`, r.skipped && `${r.skipped} skipped`].filter(Boolean);
			console.log(`${r.failed ? 'FAIL' : 'ok  '} ${t.name.padEnd(52)} ${(r.ms / 1000).toFixed(2).padStart(7)} s  ${[...what, ...r.notes].join(', ')}`);
			if (r.failed) {
				failures.push(t.name);
				console.log(r.text.replace(/^/gm, '    | ').trimEnd());
			}
		}
	};
	await Promise.all(Array.from({ length: parallel }, worker));
	return tests.length;
}

// Boxes and snapshots that the Engine holds; the tests must leave as many as they found.
const onEngine = !opt.case && opt.suites.some(s => s === 'box' || s === 'flow');
function engineObjects() {
	const list = (...args) => execFileSync('docker', args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString().split('\n').filter(Boolean);
	try {
		return [
			...list('ps', '-a', '--filter', 'label=boxwright.box', '--format', 'box {{.Names}} ({{.Status}})'),
			...list('images', '--filter', 'label=boxwright.snapshot', '--format', 'snapshot {{.Repository}}:{{.Tag}}'),
		];
	} catch {
		return [];
	}
}
const objectsBefore = new Set(onEngine ? engineObjects().map(o => o.replace(/ \(.*/, '')) : []);

let programs = 0;
const started = Date.now();
for (const s of opt.suites) {
	if (!suites[s]) { console.error(`unknown suite ${s}; there are: ${Object.keys(suites).join(' ')}`); process.exit(2); }
	programs += await runSuite(s);
}
if (programs === 0 || (opt.case && total.passed + total.failed === 0)) {
	console.error(`no test matches ${JSON.stringify(opt.only)} ${opt.case}`);
	process.exit(2);
}
if (onEngine) {
	// What another program on this Engine has in use at the moment goes by itself.
	const isNew = o => !objectsBefore.has(o.replace(/ \(.*/, ''));
	let left = engineObjects().filter(isNew);
	for (let i = 0; left.length && i < 15; i++) {
		await new Promise(r => { setTimeout(r, 1000); });
		const now = engineObjects();
		left = left.filter(o => now.some(n => n.replace(/ \(.*/, '') === o.replace(/ \(.*/, '')));
	}
	total[left.length ? 'failed' : 'passed']++;
	console.log(`${left.length ? 'FAIL' : 'ok  '} nothing is left on the Engine${left.map(l => `\n    | ${l}`).join('')}`);
	if (left.length) failures.push('left-on-the-Engine');
}
if (failures.length) console.log(`failed: ${failures.join(' ')}`);
console.log(`${programs} programs in ${((Date.now() - started) / 1000).toFixed(1)} s${total.skipped ? `, ${total.skipped} cases skipped` : ''}`);
if (process.env.BOXWRIGHT_TALLY) fs.appendFileSync(process.env.BOXWRIGHT_TALLY, `${total.passed} ${total.failed}\n`);
else console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed ? 1 : 0);
