// SPDX-License-Identifier: MIT
// What a header declares begins with its subject: a word of the file's or the folder's name,
// or the name of a struct that the header is about.
import path from 'node:path';
import { code, fault, files, finish, read } from './lib.mjs';

// Files whose subject has more than one word, each for a reason.
const also = {
	'boxcore/base/thread.h': ['lock', 'cond'],       // three things that belong together
	'boxcore/base/cleanup.h': ['take', 'cleanup'],
};
for (const file of files(/^(boxcore|service|webhooks|prompts)\/.*\.h$/)) {
	const base = path.basename(file, '.h');
	const dir = path.dirname(file).split('/');
	const stems = new Set([...base.split('_'), base, ...dir, ...(also[file] ?? [])]
		.flatMap(w => [w, w.replace(/s$/, ''), w + 's']));
	for (const m of read(file).matchAll(/\bstruct (\w+)/g)) for (const w of [m[1], m[1].split('_')[0]]) stems.add(w);
	// Prototypes stand at the left edge and end with `);` or an attribute.
	const text = code(read(file)).replace(/^#(?:[^\n]*\\\n)*[^\n]*$/gm, '').replace(/\{[^{}]*\}/g, '{}').replace(/\{[^{}]*\}/g, '{}');
	for (const m of text.matchAll(/^(?!static|typedef|struct \w+ \{|enum|DEFINE|\s)[\w\s*]*?\*?\b(\w+)\s*\(/gm)) {
		const name = m[1];
		if (/^[A-Z_0-9]+$/.test(name) || /^__/.test(name)) continue;
		if (![...stems].some(s => name === s || name.startsWith(s + '_')))
			fault(file, `${name}() does not begin with the subject of its file or folder (${base}, ${dir.at(-1)})`);
	}
}
finish('names');
