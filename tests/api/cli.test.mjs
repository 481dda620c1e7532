// SPDX-License-Identifier: MIT
// The command line of boxes against a running service: every command, as people type it.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { binary } from '../flow/lib/boxwright.mjs';
import { until, useService } from './lib/service.mjs';

const s = useService();
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'boxwright-cli-'));
const env = () => ({ ...process.env, BOXWRIGHT_API: s.url, BOXWRIGHT_API_KEY: s.key, SECRET_VALUE: 'from outside' });
let box;

// -> {code, out, err}; `input` goes to stdin.
const cli = (words, { input, ms = 60000 } = {}) => new Promise((done) => {
  const child = execFile(path.resolve(binary()), words, { env: env(), timeout: ms, maxBuffer: 64 << 20, encoding: 'buffer' },
    (error, out, err) => done({ code: error ? error.code ?? -1 : 0, out: out.toString(), bytes: out, err: err.toString() }));
  if (input !== undefined) child.stdin.end(input);
});
const good = async (...words) => {
  const { code, out, err } = await cli(['box', ...words]);
  assert.equal(code, 0, `box ${words.join(' ')}: ${err}`);
  return out;
};

after(() => fs.rmSync(dir, { recursive: true, force: true }));

test('create, list and get tell of the box; its variables are in it', async () => {
  box = (await good('create', '--name', 'tried', '--label', 'a:b', '--env', 'SECRET_VALUE', '--env', 'PLAIN=1')).trim();
  assert.match(box, /^[a-z0-9-]+$/);
  assert.match(await good('list'), new RegExp(`^${box} +idle .* tried$`, 'm'));
  assert.match(await good('list', '--label', 'a:b'), new RegExp(box));
  assert.doesNotMatch(await good('list', '--label', 'none'), new RegExp(box));
  assert.equal(JSON.parse(await good('get', 'tried', '--json')).id, box);
  assert.match(await good('get', box), /^labels +\["a:b"\]$/m);
  assert.equal(await good('exec', box, 'sh', '-c', 'echo "$SECRET_VALUE $PLAIN"'), 'from outside 1\n');
});

test('exec: both outputs, stdin, exit code, folder, variables, own options of the command', async () => {
  const both = await cli(['box', 'exec', box, 'sh', '-c', 'echo out; echo err >&2; exit 7']);
  assert.deepEqual([both.code, both.out, both.err], [7, 'out\n', 'err\n']);
  const bytes = crypto.randomBytes(3 << 20);
  const echoed = await cli(['box', 'exec', box, 'cat'], { input: bytes });
  assert.ok(echoed.bytes.equals(bytes), `${echoed.bytes.length} of ${bytes.length} bytes: ${echoed.err}`);
  assert.equal(await good('exec', '--folder', '/tmp', '--env', 'A=b c', box, 'sh', '-c', 'pwd; echo "$A"'), '/tmp\nb c\n');
  assert.equal(await good('exec', box, '--', 'printf', '%s ', '--folder', '--json'), '--folder --json ');
  const none = await cli(['box', 'exec', 'no-such-box', 'true']);
  assert.notEqual(none.code, 0);
  assert.match(none.err, /^boxwright: /);
});

test('a signal to us is one to the command', async () => {
  const child = spawn(path.resolve(binary()), ['box', 'exec', box, 'sh', '-c', 'trap "echo caught; exit 9" INT; echo ready; while :; do sleep 0.05; done'],
    { env: env(), stdio: ['pipe', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (d) => { out += d; });
  const ended = new Promise((done) => { child.once('exit', done); });
  await until('it runs', () => out.includes('ready'), { every: 20 });
  child.kill('SIGINT');
  assert.equal(await ended, 9);
  assert.match(out, /caught/);
});

test('shell: a terminal with its size, that ends with its shell', async () => {
  // Python's pty gives the program a terminal, as a person's would be.
  const script = `
import fcntl, os, pty, struct, sys, termios, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
seen = b""
def wait(word):
    global seen
    end = time.time() + 20
    while word not in seen:
        if time.time() > end: sys.exit("no %r in %r" % (word, seen))
        seen += os.read(fd, 4096)
wait(b"$ ")
os.write(fd, b"stty size; tty; echo don''e\\n")
wait(b"done")
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 122, 0, 0))
os.kill(pid, 28)
os.write(fd, b"sleep 100\\n")
time.sleep(0.5)
os.write(fd, b"\\x03")
os.write(fd, b"stty size; echo agai''n; exit 5\\n")
wait(b"again")
try:
    while True:
        piece = os.read(fd, 4096)
        if not piece: break
        seen += piece
except OSError: pass
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;
  const { code, out } = await new Promise((done) => {
    execFile('python3', ['-c', script, path.resolve(binary()), 'box', 'shell', box], { env: env(), timeout: 60000 },
      (error, stdout, stderr) => done({ code: error ? error.code : 0, out: stdout + stderr }));
  });
  assert.equal(code, 5, out);
  assert.match(out, /33 101\r\n\/dev\/pts/);
  assert.match(out, /44 122\r\n/);
});

test('files: put, ls, stat, cat, get, mv, mkdir, rm', async () => {
  const local = path.join(dir, 'local.bin');
  const back = path.join(dir, 'back.bin');
  fs.writeFileSync(local, crypto.randomBytes(5 << 20));
  assert.match(await good('files', 'put', box, local, '/workspace/home/sub/data.bin'), /5242880 bytes/);
  assert.match(await good('files', 'ls', box, 'sub'), / 5242880 .* data\.bin$/m);
  assert.equal(JSON.parse(await good('files', 'stat', box, '/workspace/home/sub/data.bin')).size, 5242880);
  await good('files', 'get', box, '/workspace/home/sub/data.bin', back);
  assert.ok(fs.readFileSync(back).equals(fs.readFileSync(local)));
  await good('files', 'mkdir', box, '/workspace/home/other');
  await good('files', 'mv', box, '/workspace/home/sub/data.bin', '/workspace/home/other/d');
  assert.equal((await cli(['box', 'files', 'cat', box, '/workspace/home/other/d'])).bytes.length, 5242880);
  await good('files', 'rm', box, '/workspace/home/other', '--recursive');
  const gone = await cli(['box', 'files', 'get', box, '/workspace/home/other/d', path.join(dir, 'none')]);
  assert.equal(gone.code, 1);
  assert.ok(!fs.existsSync(path.join(dir, 'none')) && !fs.existsSync(path.join(dir, 'none.part')));
});

test('git in the box', async () => {
  await good('exec', box, 'sh', '-c', 'git init -q repo && cd repo && echo one > a');
  assert.match(await good('git', box, 'status', '--folder', 'repo'), /\?\? a/);
  assert.match(await good('git', box, 'commit', '--folder', 'repo', '--message', 'first'), /^[0-9a-f]{40}$/m);
  await good('exec', box, 'sh', '-c', 'echo two >> repo/a');
  assert.match(await good('git', box, 'diff', '--folder', 'repo'), /^\+two$/m);
  assert.match(await good('git', '--folder', 'repo', box, 'exec', 'log', '--oneline'), /first/);
  assert.equal((await cli(['box', 'git', '--folder', 'repo', box, 'exec', 'no-such'])).code, 1);
});

test('runs, cancel, logs, usage', async () => {
  const runs = JSON.parse(await good('runs', box, '--json')).runs;
  assert.ok(runs.length > 3);
  assert.match(await good('runs', box), new RegExp(`^${runs[0].id}`, 'm'));
  assert.match(await good('cancel', box, runs[0].id), /cancelled/);
  assert.match(await good('logs', box), /^\d{4}-\d\d-\d\dT/m);
  assert.match(await good('usage'), new RegExp(`^${box} +\\d`, 'm'));
  assert.match(await good('usage'), /^total +\d/m);
});

test('schedule and url', async () => {
  const id = (await good('schedule', 'add', box, '--cron', '0 6 * * 1', '--', 'echo', 'weekly')).trim();
  assert.match(await good('schedule', 'list', box), new RegExp(`^${id} +active +0 6 \\* \\* 1 .*"weekly"`, 'm'));
  assert.match(await good('schedule', 'pause', box, id), /paused/);
  assert.match(await good('schedule', 'list', box), /paused/);
  assert.match(await good('schedule', 'delete', box, id), /deleted/);
  assert.doesNotMatch(await good('schedule', 'list', box), new RegExp(id));
  assert.match(await good('url', 'add', box, '8000', '--bearer'), /^http:.*\nAuthorization: Bearer \S{20,}$/m);
  assert.match(await good('url', 'list', box), /^ 8000 http.* bearer$/m);
  assert.match(await good('url', 'delete', box, '8000'), /deleted/);
});

test('pause, resume, snapshot, restore, delete', async () => {
  await good('exec', box, 'sh', '-c', 'echo kept > /workspace/home/kept');
  assert.match(await good('pause', box), /paused/);
  assert.match(await good('list'), new RegExp(`^${box} +paused`, 'm'));
  assert.match(await good('resume', box), /resumed/);
  const snapshot = (await good('snapshot', box, '--name', 'before')).trim();
  await until('it is ready', async () => new RegExp(`^${snapshot} +ready`, 'm').test(await good('snapshot', 'list', box)), { ms: 60000 });
  const other = (await good('restore', snapshot, '--name', 'restored')).trim();
  assert.equal(await good('exec', other, 'cat', '/workspace/home/kept'), 'kept\n');
  assert.match(await good('delete', other, box), new RegExp(`${other} deleted\n${box} deleted`));
  const gone = await cli(['box', 'get', box]);
  assert.equal(gone.code, 1);
  assert.match(await good('snapshot', 'delete', snapshot), /deleted/);
});

test('keys and variables of the account; completion; help; wrong words', async () => {
  const made = await cli(['key', 'create', 'ci', '--account', 'team', '--read-only']);
  assert.match(made.out, /^box_\S+\n$/);
  assert.match((await cli(['key', 'list'])).out, /team +read /);
  const id = /^key (\S+) /.exec(made.err)[1];
  assert.match((await cli(['key', 'revoke', id])).out, /revoked/);
  await good('env', 'set', 'SECRET_VALUE', 'OTHER=2');
  assert.match(await good('env', 'list'), /^OTHER=/m);
  assert.doesNotMatch(await good('env', 'list'), /from outside/);
  await good('env', 'delete', 'SECRET_VALUE', 'OTHER');
  const offered = async (...words) => (await cli(['complete', ...words])).out.trim().split('\n');
  assert.deepEqual(await offered('bo'), ['box']);
  assert.ok((await offered('box', '')).includes('snapshot'));
  assert.deepEqual(await offered('box', 'create', '--run'), ['--runtime']);
  for (const shell of ['bash', 'zsh', 'fish']) assert.match((await cli(['completion', shell])).out, /boxwright complete/);
  assert.match(await good('help'), /boxwright box restore/);
  for (const words of [['box', 'exec'], ['box', 'nothing'], ['box', 'files', 'ls'], ['box', 'url', 'add', 'x'], ['box', 'create', 'word'],
    ['box', 'create', '--nothing'], ['key', 'nothing'], ['completion', 'csh']]) {
    const { code, err } = await cli(words);
    assert.equal(code, 2, words.join(' '));
    assert.match(err, /boxwright help/);
  }
});
