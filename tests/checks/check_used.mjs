// SPDX-License-Identifier: MIT
// What a header offers is asked for by another file than its own, or it is a part that a test
// looks at: else it is static, or nobody needs it.  boxcore's open headers are a library's.
// What is there for tests alone says so in its comment: "for tests".
import { code, fault, files, finish, read } from './lib.mjs';

const plain = f => code(read(f));
const sources = files(/^(boxcore|service|webhooks|prompts)\/.*\.(c|def)$/);
const headers = files(/^(boxcore|service|webhooks|prompts)\/.*\.h$/)
	.filter(f => !f.startsWith('boxcore/') || /-internal\.h$|\/impl\.h$/.test(f));

// A word: how often each source has it.
const words = new Map();
for (const f of sources)
	for (const [word] of plain(f).matchAll(/\b[a-z]\w+\b/g)) {
		const of = words.get(word) ?? words.set(word, new Map()).get(word);
		of.set(f, (of.get(f) ?? 0) + 1);
	}
const tested = new Set(files(/^tests\/.*\.[ch]$/).flatMap(f => plain(f).match(/\b[a-z]\w+\b/g) ?? []));
// Macros of headers ask on behalf of those who use them.
const macros = headers.map(f => plain(f).match(/^[ \t]*#define(?:[^\n]*\\\n)*[^\n]*|^DEFINE_CLEANUP[^;]*?\)\)\n/gm) ?? [])
	.flat().join('\n');

for (const f of headers) {
	const text = read(f);
	for (const m of plain(f).matchAll(/^(?!typedef|#|static|struct \w+ \{)[a-z][\w \t*]*?[ *](\w+)\((?!\*)/gm)) {
		const name = m[1];
		const users = words.get(name) ?? new Map();
		if (users.size > 1 || new RegExp(`\\b${name}\\(`).test(macros)) continue;
		const own = [...users.values()][0] ?? 0; // 1: its definition alone
		if (own > 1 && tested.has(name)) continue;
		const paragraph = text.slice(text.lastIndexOf('\n\n', m.index), text.indexOf('\n', m.index));
		if (/for tests/i.test(paragraph)) continue;
		fault(f, `${name}() is asked for by ${own > 1 ? 'its own file alone: make it static' : 'no source: let it go, or say that it is for tests'}`);
	}
}
finish('used');
