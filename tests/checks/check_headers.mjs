// SPDX-License-Identifier: MIT
// Each header compiles alone, is guarded by its own path, and begins with its manual.
// Each source file says in its second comment what it is for.
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fault, files, finish, read } from './lib.mjs';

const run = promisify(execFile);
const sources = files(/^(boxcore|service|webhooks|prompts|tests)\/.*\.[ch]$/);
for (const f of sources) {
	const text = read(f);
	if (!text.startsWith('/* SPDX-License-Identifier: MIT */\n')) fault(f, 'the first line is /* SPDX-License-Identifier: MIT */');
	const second = /^[^\n]*\n\s*\/\*([\s\S]*?)\*\//.exec(text);
	const words = (second?.[1] ?? '').replace(/[\s*]+/g, ' ').trim();
	if (words.length < 12) fault(f, 'below the SPDX line stands what the file is for');
	if (f.endsWith('.h') && !f.startsWith('tests/')) {
		const dir = path.dirname(f);
		const open = sources.some(o => path.dirname(o) !== dir && !o.startsWith('tests/') && read(o).includes(`#include "${f}"`));
		if (open && words.length < 40) fault(f, 'other folders use it, so its first comment is its manual: purpose, owners, threads, errors');
		const guard = f.replace(/[^A-Za-z0-9]/g, '_').toUpperCase();
		if (!text.includes(`#ifndef ${guard}\n#define ${guard}\n`)) fault(f, `its guard is ${guard}`);
	}
}

const headers = sources.filter(f => f.endsWith('.h'));
const pkgs = /^PKGS := (.*)$/m.exec(read('Makefile'))[1].trim().split(/\s+/);
const cflags = execFileSync('pkg-config', ['--cflags', ...pkgs]).toString().trim().split(/\s+/).filter(Boolean);
const dir = fs.mkdtempSync(os.tmpdir() + '/boxwright-headers.');
const queue = headers.map((h, i) => [h, `${dir}/h${i}.c`]);
async function worker() {
	for (let job = queue.shift(); job; job = queue.shift()) {
		fs.writeFileSync(job[1], `#include "${job[0]}"\n#include "${job[0]}"\n`);
		const own = job[0].startsWith('tests/') ? [] : ['-Wall', '-Wextra', '-Werror'];
		await run('gcc', ['-std=gnu17', '-D_GNU_SOURCE', '-I.', ...own, ...cflags, '-fsyntax-only', job[1]])
			.catch(e => fault(job[0], `does not compile alone: ${String(e.stderr).split('\n').find(l => /error/.test(l)) ?? e}`));
	}
}
await Promise.all([worker(), worker(), worker()]);
fs.rmSync(dir, { recursive: true });
finish('headers');
