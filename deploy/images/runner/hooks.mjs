// SPDX-License-Identifier: MIT
// How Node finds and loads TypeScript: esbuild takes the types off, a file at a time.  Types
// are not checked.
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const typed = /\.[mc]?tsx?$/;
let entry;

export function initialize(data) {
	entry = data.entry;
}

// `./a`, `./a.js` and `./folder` may stand for TypeScript, as compilers have it.
export async function resolve(specifier, context, next) {
	try {
		return await next(specifier, context);
	} catch (error) {
		if (!/^(\.{1,2}\/|\/|file:)/.test(specifier)) throw error;
		const stem = specifier.replace(/\.([mc]?)js(x?)$/, '.$1ts$2');
		const tries = stem === specifier
			? ['.ts', '.tsx', '.mts', '.js', '/index.ts', '/index.js'].map((end) => specifier + end)
			: [stem];
		for (const name of tries) {
			try {
				return await next(name, context);
			} catch {
				// the next one
			}
		}
		throw error;
	}
}

export async function load(url, context, next) {
	const path = url.startsWith('file:') ? fileURLToPath(url) : '';
	if (typed.test(path)) return { format: 'module', source: strip(path), shortCircuit: true };
	if (path === entry) return { format: 'module', source: await readFile(path), shortCircuit: true };
	return next(url, context);
}

function strip(path) {
	const done = spawnSync('/opt/runner/esbuild', [
		path, '--format=esm', '--target=node18', '--platform=node', '--sourcemap=inline',
		'--sources-content=false', '--log-level=error',
	], { encoding: 'utf8', maxBuffer: 256 << 20 });
	if (done.error) throw done.error;
	if (done.status !== 0) {
		const error = new SyntaxError(`${path}\n${done.stderr.trim()}`);
		error.stack = error.message;
		throw error;
	}
	return done.stdout;
}
