// SPDX-License-Identifier: MIT
// Things that must stand in two places do: a corpus for each fuzz target, a README in each
// folder, each prompt and each migration in its list, each message of a commit in form.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fault, files, finish, layers, read } from './lib.mjs';

for (const f of files(/^tests\/fuzz\/fuzz_.*\.c$/)) {
	const corpus = `tests/fuzz/corpus/${path.basename(f, '.c').slice(5)}`;
	if (!fs.existsSync(corpus) || fs.readdirSync(corpus).length === 0) fault(f, `has no seeds in ${corpus}`);
}
const lists = read('prompts/prompts.def');
for (const f of files(/^prompts\/.*\.md$/))
	if (!f.endsWith('README.md') && !lists.includes(`PROMPT(${path.basename(f, '.md')},`)) fault(f, 'is compiled in nowhere');
const folders = ['boxcore', 'boxcore/init', 'service', 'tests', 'deploy', ...layers()];
for (const d of folders)
	if (fs.existsSync(d) && files(new RegExp(`^${d}/[^/]*\\.(c|h|sh|mjs)$`)).length > 0 && !fs.existsSync(`${d}/README.md`)) fault(d, 'has no README.md (ten lines: what it is, what it is not, where to begin)');

if (fs.existsSync('.git')) {
	const log = execFileSync('git', ['log', '-n', '200', '--no-merges', '--format=%h %s']).toString().trim().split('\n');
	for (const line of log) {
		const [, id, subject] = /^(\w+) (.*)$/.exec(line) ?? [];
		if (!/^[A-Za-z][\w ./-]*(, [A-Za-z][\w ./-]*)*: \S/.test(subject ?? '')) fault(`commit ${id}`, `"${subject}" is not "area: what it does"`);
		else if (subject.length > 110) fault(`commit ${id}`, `its subject has ${subject.length} characters; 110 is the most`);
	}
}
finish('folders and lists');
