// SPDX-License-Identifier: MIT
// A file includes only its own folder and lower layers, siblings never each other, and
// each library's header has one home.
import path from 'node:path';
import { code, fault, files, finish, layers, read } from './lib.mjs';

const order = layers();
// Beside each other on one height: what they share is rows, or nothing.
const siblings = [
	['boxcore/engine', 'boxcore/link'],
	['webhooks', 'prompts', 'boxcore'], ['webhooks', 'prompts', 'boxcore/agent'],
	['service/store', 'service/github', 'service/repo', 'service/relay'],
];
// header (a prefix) -> where it may be included
const homes = {
	'curl/': ['boxcore/net'], 'git2': ['service/repo'], 'jwt.h': ['service/github'],
	'microhttpd.h': ['service/http'], 'sqlite3.h': ['service/store'],
	'jansson.h': ['boxcore/base/json.h'], 'openssl/': ['boxcore/base/crypto.c'],
	'unicode/': ['service/schedule'],
	'yaml.h': ['service/config', 'service/repo/settings'], 'zstd.h': ['service/store', 'boxcore'],
};
// boxinit is linked by itself: it shares the pure frames and nothing else.
const initMay = /^boxcore\/(init\/|link\/(frame|proto)\.h$)/;

for (const file of files(/^(boxcore|service|webhooks|prompts)\/.*\.[ch]$/)) {
	const dir = path.dirname(file);
	const height = order.indexOf(dir);
	const top = file === 'service/main.c';
	const init = dir === 'boxcore/init';
	if (height < 0 && !top && !init) fault(file, `the folder ${dir} is not in LAYERS of the Makefile`);
	const lines = read(file).split('\n');
	lines.forEach((line, i) => {
		const m = /^\s*#\s*include\s*([<"])([^>"]+)[>"]/.exec(line);
		if (!m) return;
		const [, kind, name] = m;
		const at = `${file}:${i + 1}`;
		for (const [lib, where] of Object.entries(homes))
			if (kind === '<' && name.startsWith(lib) && !where.some(w => file.startsWith(w)))
				fault(at, `<${name}> belongs to ${where.join(' or ')}; use what that folder offers`);
		if (kind === '<') return;
		if (!name.includes('/')) { fault(at, `write the path from the top: "${dir}/${name}"`); return; }
		const to = path.dirname(name);
		if (init) {
			if (!initMay.test(name)) fault(at, `boxinit may include only its own files and link/frame.h, link/proto.h`);
			return;
		}
		if (to === dir || top) return;
		const target = order.indexOf(to);
		if (name === 'boxcore/boxcore.h') return; // the types that the layers below it fill in
		if (target < 0) fault(at, `"${name}" is in no layer`);
		else if (target > height) fault(at, `"${name}" is a higher layer (${to} above ${dir})`);
		for (const group of siblings)
			if (group.includes(dir) && group.includes(to)) fault(at, `${dir} and ${to} are siblings and do not know each other`);
	});
}
finish('layers');
