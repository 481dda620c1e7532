// SPDX-License-Identifier: MIT
// What a header declares begins with its subject: a word of the name of a file in its
// folder or of the folder, the name of a struct that the header is about, or a word that
// the header's manual speaks of.
import path from 'node:path';
import { code, fault, files, finish, read } from './lib.mjs';

// Files whose subject has more than one word, each for a reason.
const also = {
	'boxcore/boxcore-internal.h': ['core'],          // the inside of struct boxcore
	'boxcore/base/thread.h': ['lock', 'cond'],       // three things that belong together
	'service/http/handlers.h': ['head'],             // what a route does before the body
	'service/http/internal.h': ['head'],
	'service/http/listen.h': ['address'],            // as text
	'service/store/store-internal.h': ['words', 'page'],
	'service/task/status.h': ['outcome'],            // how a task ended, in words
	'boxcore/base/cleanup.h': ['take', 'cleanup'],
};
for (const file of files(/^(boxcore|service|webhooks|prompts)\/.*\.h$/)) {
	const base = path.basename(file, '.h');
	const dir = path.dirname(file).split('/');
	const beside = files(/\.[ch]$/).filter(f => path.dirname(f) === path.dirname(file)).map(f => path.basename(f).replace(/\.[ch]$/, ''));
	const stems = new Set([...beside.flatMap(b => [b, ...b.split(/[_-]/)]), base, ...dir, ...(also[file] ?? [])]
		.flatMap(w => [w, w.replace(/s$/, ''), w + 's']));
	for (const m of read(file).matchAll(/\bstruct (\w+)/g)) for (const w of [m[1], m[1].split('_')[0]]) stems.add(w);
	const manual = /\/\*(?! SPDX)([\s\S]*?)\*\//.exec(read(file))?.[1] ?? '';
	for (const m of manual.matchAll(/[a-z]{3,}/gi)) for (const w of [m[0], m[0].replace(/s$/, '')]) stems.add(w.toLowerCase());
	// Prototypes stand at the left edge and end with `);` or an attribute.
	const text = code(read(file)).replace(/^#(?:[^\n]*\\\n)*[^\n]*$/gm, '').replace(/\{[^{}]*\}/g, '{}').replace(/\{[^{}]*\}/g, '{}');
	for (const m of text.matchAll(/^(?!static|typedef|struct \w+ \{|enum|DEFINE|\s)[\w\s*]*?\*?\b(\w+)\s*\(/gm)) {
		const name = m[1];
		if (/^[A-Z_0-9]+$/.test(name) || /^__/.test(name)) continue;
		if (![...stems].some(s => name === s || name.startsWith(s + '_')))
			fault(file, `${name}() does not begin with the subject of its file or folder (${base}, ${dir.at(-1)}), nor does its manual speak of it`);
	}
}
finish('names');
