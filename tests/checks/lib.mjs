// SPDX-License-Identifier: MIT
// What the checks share: the project's files, the layers of the Makefile, the tally.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

export const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../..');
process.chdir(root);

// Tracked files and new ones that are not ignored, that exist.
export function files(match) {
	const out = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { maxBuffer: 64 << 20 }).toString();
	return out.split('\0').filter(f => f && match.test(f) && fs.existsSync(f)).sort();
}
export const read = f => fs.readFileSync(f, 'utf8');

export function layers() {
	const all = read('Makefile').replace(/\\\n/g, ' ');
	return /^LAYERS := (.*)$/m.exec(all)[1].trim().split(/\s+/);
}

// C source without comments and the contents of literals; lines stay where they are.
export function code(text) {
	return text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'/g,
		m => m[0] === '/' ? m.replace(/[^\n]/g, ' ') : m[0] + m.slice(1, -1).replace(/[^\n]/g, ' ') + m[0]);
}

const faults = [];
export function fault(where, text) { faults.push(`${where}: ${text}`); }
export function finish(what) {
	if (faults.length === 0) process.exit(0);
	console.log(`${what}: ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}`);
	for (const f of faults.slice(0, 60)) console.log(`  ${f}`);
	if (faults.length > 60) console.log(`  and ${faults.length - 60} more`);
	process.exit(1);
}
