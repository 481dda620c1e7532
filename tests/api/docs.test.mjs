// SPDX-License-Identifier: MIT
// Every example of BOXES.md, run as it stands: what a comment says it prints, it prints.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { binary } from '../flow/lib/boxwright.mjs';
import { useService } from './lib/service.mjs';

const s = useService();
const text = fs.readFileSync('BOXES.md', 'utf8');
const examples = [...text.matchAll(/^## (.+)$|^```(\w+)\n([^]*?)^```$/gm)];
const bin = fs.mkdtempSync('/tmp/boxwright-docs-');
fs.symlinkSync(path.resolve(binary()), path.join(bin, 'boxwright'));

// The key of the first example belongs to the shell that made it; all others have it from here.
const run = (program, args) => new Promise((done) => {
  execFile(program, args, { timeout: 120000, env: { ...process.env, PATH: `${bin}:${process.env.PATH}`,
    BOXWRIGHT_API: s.url, BOXWRIGHT_API_KEY: s.key, UPSTASH_BOX_BASE_URL: s.url, UPSTASH_BOX_API_KEY: s.key } },
  (error, stdout, stderr) => done({ code: error ? error.code : 0, stdout, stderr }));
});

let heading = '';
let count = 0;
for (const [, title, kind, code] of examples) {
  if (title) { heading = title; continue; }
  count++;
  test(`${heading}: ${kind}`, async () => {
    if (kind === 'sh') {
      const { code: exit, stderr } = await run('bash', ['-euo', 'pipefail', '-c', code]);
      assert.equal(exit, 0, stderr);
      return;
    }
    const file = path.resolve('tests/api', `.docs-${process.pid}-${count}.mjs`);
    fs.writeFileSync(file, code);
    try {
      const { code: exit, stdout, stderr } = await run(process.execPath, [file]);
      assert.equal(exit, 0, stderr);
      const said = [...code.matchAll(/console\.log\(.*\) +\/\/ (.+)$/gm)].map((m) => `${m[1]}\n`).join('');
      assert.equal(stdout, said);
    } finally { fs.rmSync(file); }
  });
}

test('there are examples, and nothing but js and sh', () => {
  fs.rmSync(bin, { recursive: true });
  assert.ok(count >= 7, `${count} examples`);
  for (const [, , kind] of examples) assert.ok(!kind || ['js', 'sh'].includes(kind), kind);
});
