// SPDX-License-Identifier: MIT
// What can be known of deploy/ without running it: settings and files that it names are there,
// the example's keys are settings, the unit is one.  tests/deploy runs it all.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fault, finish, read } from './lib.mjs';

const settings = [...read('service/config/config.def').matchAll(/^PARAM\(\w+, "([\w.]+)"/gm)].map((m) => m[1]);
const variables = new Set(settings.flatMap((s) => {
	const name = `BOXWRIGHT_${s.replaceAll('.', '_').toUpperCase()}`;
	return name.endsWith('_FILE') ? [name, name.slice(0, -5)] : [name];
}));
for (const file of ['deploy/Dockerfile', 'deploy/compose.yml', 'deploy/boxwright.service', 'tests/deploy/inside.sh'])
	for (const [name] of read(file).matchAll(/\bBOXWRIGHT_[A-Z_]+/g))
		if (!variables.has(name)) fault(file, `${name} is no setting`);

// The example in block style: a key's path is that of its indentation; {key: ...} is one level more.
const above = [];
for (const line of read('deploy/boxwright.yml').split('\n')) {
	const [, indent, key, rest] = /^( *)(\w+):(.*)$/.exec(line) ?? [];
	if (!key) continue;
	above.length = indent.length / 2;
	above.push(key);
	const whole = above.join('.');
	const inner = /^\s*\{\s*(\w+):/.exec(rest)?.[1];
	const known = inner ? settings.includes(`${whole}.${inner}`) : settings.includes(whole) || settings.some((s) => s.startsWith(`${whole}.`));
	if (!known) fault('deploy/boxwright.yml', `${whole} is no setting`);
}

for (const [, from] of read('deploy/Dockerfile').matchAll(/^COPY (?!--from)(\S+) /gm))
	if (!fs.existsSync(from)) fault('deploy/Dockerfile', `${from} is not there`);
for (const [, file] of read('deploy/boxwright.service').matchAll(/\/etc\/boxwright\/([\w.-]+)/g))
	if (!read('deploy/install.sh').includes(file)) fault('deploy/boxwright.service', `install.sh does not know ${file}`);

// The program need not be installed for the unit to be looked at.
if (spawnSync('systemd-analyze', ['--version']).status === 0) {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'boxwright-unit-'));
	const unit = path.join(dir, 'boxwright.service');
	fs.writeFileSync(unit, read('deploy/boxwright.service').replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true'));
	const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', unit], { encoding: 'utf8' });
	for (const line of `${stdout}${stderr}`.split('\n'))
		if (line.includes('boxwright.service')) fault('deploy/boxwright.service', line);
	fs.rmSync(dir, { recursive: true });
}
if (JSON.parse(read('deploy/app-manifest.json')).hook_attributes.url.endsWith('/hooks/github') === false)
	fault('deploy/app-manifest.json', 'its webhook has to end in /hooks/github');
finish('deploy');
