// SPDX-License-Identifier: MIT
// Loaded before the file that is run.  A snippet may use `import`, `require` and a top-level
// `await`, whichever it likes: CommonJS stays what it is, all else becomes a module in
// which `require`, `__filename` and `__dirname` are there as globals.
import { readFileSync } from 'node:fs';
import { createRequire, register } from 'node:module';
import { dirname, resolve } from 'node:path';
import { Script } from 'node:vm';

// What V8 says of module syntax outside a module.
const signs = [
	'Cannot use import statement',
	"Unexpected token 'export'",
	"Cannot use 'import.meta'",
	'await is only valid',
];

function isModule(file) {
	let text;
	try {
		text = readFileSync(file, 'utf8').replace(/^#!.*/, '');
	} catch {
		return false; // Node says it better
	}
	try {
		new Script(`(function (exports, require, module, __filename, __dirname) {${text}\n})`, { filename: file });
	} catch (error) {
		return signs.some((sign) => String(error.message).includes(sign));
	}
	return false;
}

const file = resolve(process.argv[1] ?? '');
const typed = /\.[mc]?tsx?$/.test(file);

if (typed || (file.endsWith('.js') && isModule(file))) {
	Object.assign(globalThis, { require: createRequire(file), __filename: file, __dirname: dirname(file) });
	register('./hooks.mjs', import.meta.url, { data: { entry: file } });
}
