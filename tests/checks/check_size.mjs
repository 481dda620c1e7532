// SPDX-License-Identifier: MIT
// No file grows beyond what a person reads at a sitting; tables that say on top that they
// are generated may.
import { fault, files, finish, read } from './lib.mjs';

for (const f of files(/\.(c|h|mjs|sh|mk|sql)$|^Makefile$/)) {
	const text = read(f);
	const n = text.split('\n').length - 1;
	const most = f.startsWith('tests/unit/') ? 1000 : 700; // tables of cases
	if (n > most && !/generated|written by \S+\.mjs/i.test(text.slice(0, 600))) fault(f, `${n} lines; ${most} is the most: divide it by subject`);
}
finish('file size');
