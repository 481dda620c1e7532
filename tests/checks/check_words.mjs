// SPDX-License-Identifier: MIT
// Words that do not belong in the project: names of package registries' hosts (ours come
// from the configuration of the machine), paths of somebody's workplace, leftovers.
import { fault, files, finish, read } from './lib.mjs';

const join = (...parts) => parts.join('');
const words = [
	[join('registry.', 'npmjs'), "a registry's host: leave it to the machine's configuration"],
	[join('registry.', 'yarnpkg'), "a registry's host"],
	[join('deb.', 'debian.org'), "a mirror's host: the machine or debootstrap knows one"],
	[join('pypi', '.org'), "a registry's host"],
	[join('/work/', 'main'), 'a path of a workplace'],
	[join('/work/', 'shared'), 'a path of a workplace'],
	[join('/work/', '.library'), 'a path of a workplace'],
	[join('XX', 'X:'), 'a note to oneself'], [join('FIX', 'ME'), 'a note to oneself'], [join('TO', 'DO:'), 'a note to oneself'],
];
for (const f of files(/./)) {
	if (/\.(png|gz|zst|pack|bin)$/.test(f) || f.startsWith('tests/fuzz/corpus/')) continue;
	const text = read(f);
	for (const [word, why] of words) {
		const at = text.indexOf(word);
		if (at >= 0) fault(`${f}:${text.slice(0, at).split('\n').length}`, `"${word}": ${why}`);
	}
	if (f.endsWith('package-lock.json') && /"resolved":/.test(text)) fault(f, 'names download addresses; npm: omit-lockfile-registry-resolved');
}
finish('words');
