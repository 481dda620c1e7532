// SPDX-License-Identifier: MIT
// Every example of the pages about GitHub, run as it stands: transcripts are played on a real
// service with real boxes and git, files of a repository are read by the program and its
// schema, commands are run.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { scripted } from './lib/agent.mjs';
import { binary, until } from './lib/boxwright.mjs';
import { Transcript } from './lib/transcript.mjs';
import { startWorld } from './lib/world.mjs';

const PAGES = ['COMMANDS', 'CONVERSATIONS', 'REPAIRS', 'SCHEDULES', 'CONFIGURATION', 'PERMISSIONS', 'WHY'];

// Does what the pages tell of an agent: the request decides.
const AGENT = `
prompt = sys.argv[sys.argv.index("-p") + 1]
if "which file adds numbers" in prompt:
    end("src/sum.mjs adds them, in one line.")
if "edge cases" in prompt:
    end(json.dumps({"summary": "One remark.", "findings": [{"path": "src/sum.mjs", "line": 2, "severity": "note",
        "text": "What of an empty list?"}]}))
if "a plan" in prompt and "carry out" not in prompt and "approved" not in prompt:
    end("1. Add a function for it.\\n2. Test it.")
source = pathlib.Path("src/sum.mjs")
if "add a note too" in prompt:
    pathlib.Path("note.txt").write_text("noted\\n")
    end("Added note.txt.")
if "adds" in prompt and "not ok 1" in prompt:
    pathlib.Path("src/fixed.mjs").write_text("export const fixed = true\\n")
    end("The check test is repaired.")
source.write_text("// sums\\nexport const sum = (list) => list.reduce((a, b) => a + b, 0)\\n")
end("It adds now.")
`;

let world;
let folder;
before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'boxwright-docs-'));
  fs.mkdirSync(path.join(folder, 'repo/src'), { recursive: true });
  fs.mkdirSync(path.join(folder, 'bin'));
  fs.writeFileSync(path.join(folder, 'repo/src/sum.mjs'), 'export const sum = (list) => list.reduce((a, b) => a - b)\n');
  fs.symlinkSync(path.resolve(binary()), path.join(folder, 'bin/boxwright'));
  world = await startWorld({ config: scripted(AGENT),
    repo: { fixture: path.join(folder, 'repo'), collaborators: { maintainer: 'write', reader: 'read' } },
    seed: { users: ['maintainer', 'stranger', 'reader'] } });
});
after(async () => {
  await world.close();
  fs.rmSync(folder, { recursive: true });
});

const run = (program, args) => new Promise((done) => {
  execFile(program, args, { timeout: 60000, env: { ...process.env,
    PATH: `${path.join(folder, 'bin')}:${process.env.PATH}`, BOXWRIGHT_API: world.boxwright.url,
    BOXWRIGHT_API_KEY: world.boxwright.key } },
  (error, stdout, stderr) => done({ code: error ? error.code : 0, stdout, stderr }));
});
// Is it right?  And where a page goes on with commands, the repository has it from then on.
async function configure(text, page) {
  const file = path.join(folder, 'boxwright.yml');
  fs.writeFileSync(file, text);
  const { code, stderr } = await run('boxwright', ['schema', '--check', file]);
  assert.equal(code, 0, stderr);
  if (page !== 'SCHEDULES') return;
  await world.standin.push({ repo: world.repo, files: { '.github/boxwright.yml': text }, message: 'configure' });
  await until('the jobs are known', async () => (await run('boxwright', ['schedule', 'list'])).stdout.includes('format'));
}

const why = async (id) => (await run('boxwright', ['why', id])).stdout;

const play = {
  github: (text) => new Transcript(world, { why }).play(text),
  yaml: configure,
  'yaml broken': (text) => assert.rejects(configure(text), /:2:10: /),
  sh: async (text) => {
    const { code, stderr } = await run('bash', ['-euo', 'pipefail', '-c', text]);
    assert.equal(code, 0, stderr);
  },
};

for (const page of PAGES) {
  const text = fs.readFileSync(`${page}.md`, 'utf8');
  let heading = '';
  let count = 0;
  for (const [, title, kind, example] of text.matchAll(/^## (.+)$|^```(.+)\n([^]*?)^```$/gm)) {
    if (title) { heading = title; continue; }
    count++;
    test(`${page}, ${heading}: ${kind}`, async () => {
      assert.ok(play[kind], `nobody knows how to run ${kind}`);
      await play[kind](example, page);
    });
  }
  test(`${page} has examples`, () => assert.ok(count > 0));
}
