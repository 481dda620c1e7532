// SPDX-License-Identifier: MIT
// The pull request's tree is the box's, byte for byte and mode for mode.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { git } from '../standin/git.mjs';
import { scripted } from './lib/agent.mjs';
import { startWorld } from './lib/world.mjs';

function fixture() {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'boxwright-tree-'));
  const put = (name, data, mode = 0o644) => {
    fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    fs.writeFileSync(path.join(dir, name), data, { mode });
  };
  put('README.md', 'hello\n');
  put('delete me.txt', 'gone soon\n');
  put('old name.txt', 'renamed as it is\n'.repeat(20));
  put('script.sh', '#!/bin/sh\necho hi\n');
  put('plain.sh', '#!/bin/sh\n', 0o755);
  put('binary.bin', Buffer.from([0, 1, 2, 3, 255, 254]));
  put('folder/deep/er/file', 'x\n');
  put('becomes-link', 'file\n');
  fs.symlinkSync('README.md', path.join(dir, 'becomes-file'));
  return dir;
}

// Does every kind of change, then tells a digest of what lies in the work tree.
const AGENT = `
import hashlib, random, stat
p = pathlib.Path
p("README.md").write_text("hello, edited\\n")
p("added.txt").write_text("new\\n")
p("delete me.txt").unlink()
p("old name.txt").rename("new näme.txt")
p("script.sh").chmod(0o755)
p("plain.sh").chmod(0o644)
p("link to readme").symlink_to("README.md")
p("folder/relative").symlink_to("deep/er/file")
p("becomes-link").unlink(); p("becomes-link").symlink_to("README.md")
p("becomes-file").unlink(); p("becomes-file").write_text("now a file\\n")
random.seed(7)
p("binary.bin").write_bytes(bytes(random.randrange(256) for _ in range(30000)) + b"\\0" * 9000)
p("late nul.txt").write_bytes(b"a" * 9000 + b"\\0" + b"b" * 10)
p("empty").write_bytes(b"")
p("spaces in name").mkdir(); p("spaces in name/ü ø 漢字 😀.txt").write_text("ünïcödé\\n")
p("crlf.txt").write_bytes(b"one\\r\\ntwo\\r\\n")
p("no newline").write_bytes(b"end")
p("bad utf8 inside").write_bytes(b"\\xff\\xfe\\x80")
p(".hidden").write_text("dot\\n")
p(".gitattributes").write_text("*.txt text=auto eol=crlf\\n*.md ident\\n")
p("folder/deep/er/file").unlink()
p("many").mkdir()
for i in range(2000):
    d = p("many/%02d" % (i % 40)); d.mkdir(exist_ok=True)
    (d / ("file %d.txt" % i)).write_text("number %d\\n" % i)
os.unlink(".gitattributes")
lines = []
for root, dirs, files in os.walk("."):
    if root == ".": dirs.remove(".git")
    for name in files + [d for d in dirs if os.path.islink(os.path.join(root, d))]:
        full = os.path.join(root, name)
        st = os.lstat(full)
        if stat.S_ISLNK(st.st_mode): mode, data = "120000", os.fsencode(os.readlink(full))
        else: mode, data = ("100755" if st.st_mode & 0o100 else "100644"), open(full, "rb").read()
        lines.append("%s %s %s" % (mode, hashlib.sha256(data).hexdigest(), os.path.relpath(full, ".")))
lines.sort()
end("manifest %d %s" % (len(lines), hashlib.sha256("\\n".join(lines).encode()).hexdigest()))
`;

function digest(bare, ref) {
  const entries = git(bare, ['ls-tree', '-r', '-z', ref]).split('\0').filter(Boolean).map((line) => {
    const [, mode, oid, name] = line.match(/^(\d+) \w+ ([0-9a-f]+)\t(.*)$/s);
    return { mode, oid, name };
  });
  // One process for all blobs: "<oid> blob <size>\\n<bytes>\\n" each.
  const batch = git(bare, ['cat-file', '--batch'], { encoding: 'buffer',
    input: Buffer.from(entries.map((e) => `${e.oid}\n`).join('')) });
  let at = 0;
  const lines = entries.map(({ mode, name }) => {
    const head = batch.indexOf(10, at);
    const size = Number(batch.subarray(at, head).toString().split(' ')[2]);
    const data = batch.subarray(head + 1, head + 1 + size);
    at = head + size + 2;
    return `${mode} ${crypto.createHash('sha256').update(data).digest('hex')} ${name}`;
  });
  const order = lines.map((line) => Buffer.from(line)).sort(Buffer.compare);
  const hash = crypto.createHash('sha256').update(Buffer.concat(order.flatMap((l, i) =>
    (i ? [Buffer.from('\n'), l] : [l]))));
  return { count: lines.length, hash: hash.digest('hex') };
}

test('every kind of change arrives exactly as the box has it', async () => {
  const folder = fixture();
  const world = await startWorld({ repo: { fixture: folder },
    config: scripted(AGENT, { task: { files: 5000 } }) });
  try {
    const { number } = await world.issue('Change all kinds of things', 'Please.');
    const task = await world.fix(number, { ms: 180000 });
    assert.equal(task.outcome_code, 'pull_request', task.outcome);
    const told = (await world.boxwright.events(task.id)).find((e) => e.kind === 'done').text;
    const [, count, hash] = told.match(/manifest (\d+) ([0-9a-f]{64})/);
    const seen = digest(world.standin.git.dir(world.owner, world.name), task.branch);
    assert.equal(seen.count, Number(count));
    assert.equal(seen.hash, hash);
    assert.ok(task.files >= 2015, `${task.files} files`);
    const commit = git(world.standin.git.dir(world.owner, world.name),
      ['cat-file', 'commit', task.commit_oid]);
    assert.match(commit, /^author .*\[bot\] <\d+\+.*\[bot\]@users\.noreply\.github\.com>/m);
    assert.match(commit, /^Co-authored-by: maintainer <\d+\+maintainer@users\.noreply\.github\.com>$/m);
    assert.ok(commit.includes(`parent ${task.base_oid}`));
    const pull = await world.pull(task.pr_number);
    assert.match(pull.body, new RegExp(`^Fixes #${number}$`, 'm'));
    for (const section of ['Summary', 'Changes', 'How it was checked', 'Not done, risks'])
      assert.ok(pull.body.includes(`## ${section}`), section);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
    await world.close();
  }
});
