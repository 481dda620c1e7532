// SPDX-License-Identifier: MIT
// The files namespace: read, write, list, upload, download; and what newer clients call.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { refused, sh, useService } from './lib/service.mjs';

const s = useService();
let box;
test('a box for all that follows', async () => { box = await s.box(null); });

// The client writes downloads below the working folder.
async function inFolder(use) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'api-files-'));
  const old = process.cwd();
  process.chdir(dir);
  try { return await use(dir); } finally { process.chdir(old); fs.rmSync(dir, { recursive: true }); }
}

test('write and read text; parent folders are made', async () => {
  const content = 'é "quotes" \\ back\n\ttab 日本 🎉\r\nend without newline';
  await box.files.write({ path: 'deep/er/file.txt', content });
  assert.equal(await box.files.read('deep/er/file.txt'), content);
  assert.equal(await box.files.read('/workspace/home/deep/er/file.txt'), content);
  assert.equal(await box.files.read('/work/deep/er/file.txt'), content, '/work is the same folder');
  assert.equal(await sh(box, 'stat -c %U deep/er/file.txt deep'), 'boxuser\nboxuser\n');
  await box.files.write({ path: 'deep/er/file.txt', content: '' });
  assert.equal(await box.files.read('deep/er/file.txt'), '');
  await box.files.write({ path: '/tmp/elsewhere.txt', content: 'x' });
  assert.equal(await sh(box, 'cat /tmp/elsewhere.txt'), 'x');
});

test('bytes survive by base64', async () => {
  const bytes = crypto.randomBytes(300001);
  await box.files.write({ path: 'random.bin', content: bytes.toString('base64'), encoding: 'base64' });
  assert.ok(Buffer.from(await box.files.read('random.bin', { encoding: 'base64' }), 'base64').equals(bytes));
  assert.equal((await sh(box, 'sha256sum random.bin')).slice(0, 64), crypto.createHash('sha256').update(bytes).digest('hex'));
  await box.files.write({ path: 'mixed.bin', content: Buffer.from([0x61, 0xff, 0x62]).toString('base64'), encoding: 'base64' });
  assert.equal(await box.files.read('mixed.bin'), 'a\ufffdb', 'read as text: replacement characters');
  await refused(box.files.write({ path: 'bad', content: '***', encoding: 'base64' }), 400, /base64/);
  await refused(box.files.write({ path: 'bad', content: 'x', encoding: 'rot13' }), 400, /encoding/);
});

test('what is not there, or no file, is told', async () => {
  await refused(box.files.read('no/such.txt'), 404, /no\/such\.txt/);
  await refused(box.files.read('deep'), 400, /folder|directory/i);
  await refused(box.files.list('no-such-folder'), 404, /no-such-folder/);
  await refused(box.files.write({ path: 'deep', content: 'x' }), undefined);
  await refused(box.files.write({ path: '/etc/passwd', content: 'x' }), 403, /permi|denied/i);
  assert.match(await sh(box, 'head -1 /etc/passwd'), /^root:/);
  await refused(box.files.read('/etc/shadow'), 403, /permi|denied/i);
});

test('list: one level, with size, kind and time', async () => {
  await sh(box, 'mkdir -p ls/sub && printf 12345 > ls/five && ln -s five ls/link && printf x > "ls/a b é"');
  const files = await box.files.list('ls');
  assert.deepEqual(files.map((f) => f.name).sort(), ['a b é', 'five', 'link', 'sub']);
  const by = Object.fromEntries(files.map((f) => [f.name, f]));
  assert.deepEqual([by.five.size, by.five.is_dir, by.five.path], [5, false, '/workspace/home/ls/five']);
  assert.equal(by.sub.is_dir, true);
  assert.match(by.five.mod_time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/);
  assert.ok(Math.abs(Date.parse(by.five.mod_time) - Date.now()) < 120000);
  await sh(box, 'mkdir -p empty');
  assert.deepEqual(await box.files.list('empty'), []);
  assert.ok((await box.files.list()).some((f) => f.name === 'ls'), 'without a path: the workspace');
  await box.cd('ls');
  assert.ok((await box.files.list()).some((f) => f.name === 'five'), 'without a path: the folder of cd');
  assert.equal(await box.files.read('five'), '12345');
  await box.cd('/workspace/home');
});

test('a folder of thousands of files is listed', async () => {
  await sh(box, 'mkdir many && cd many && seq 3000 | xargs touch');
  assert.equal((await box.files.list('many')).length, 3000);
  await sh(box, 'rm -r many');
});

test('upload: several files, odd names, bytes as they are', async () => {
  await inFolder(async (dir) => {
    const bytes = crypto.randomBytes(3 << 20);
    fs.writeFileSync('a.bin', bytes);
    fs.writeFileSync('b.txt', 'text\r\n--boundary\r\n\r\n');
    fs.writeFileSync('empty', '');
    await box.files.upload([{ path: path.join(dir, 'a.bin'), destination: 'up/a.bin' },
      { path: 'b.txt', destination: 'up/with space "and" é.txt' }, { path: 'empty', destination: '/tmp/up/empty' }]);
    const sum = crypto.createHash('sha256').update(bytes).digest('hex');
    assert.equal((await sh(box, 'sha256sum < up/a.bin')).slice(0, 64), sum);
    assert.equal(await box.files.read('up/with space "and" é.txt'), 'text\r\n--boundary\r\n\r\n');
    assert.equal((await sh(box, 'stat -c %s /tmp/up/empty')).trim(), '0');
  });
});

test('download: the files of a folder, byte for byte', async () => {
  await sh(box, 'mkdir -p down/sub && head -c 2000000 /dev/urandom > down/big && printf é > down/é && : > down/none && echo x > down/sub/lost');
  const sum = (await sh(box, 'sha256sum < down/big')).slice(0, 64);
  await inFolder(async () => {
    await box.files.download({ folder: 'down' });
    assert.deepEqual(fs.readdirSync('down').sort(), ['big', 'none', 'é'].sort());
    assert.equal(crypto.createHash('sha256').update(fs.readFileSync('down/big')).digest('hex'), sum);
    assert.equal(fs.readFileSync('down/none').length, 0);
    await box.files.download();
    assert.ok(fs.existsSync('workspace'));
  });
});

test('download: of one file by the API, with its length; of a folder, a tar', async () => {
  const one = await s.raw('GET', `/v2/box/${box.id}/files/download?folder=${encodeURIComponent('/workspace/home/down/big')}`);
  assert.equal(one.status, 200);
  assert.equal(one.headers.get('content-type'), 'application/octet-stream');
  assert.equal(one.headers.get('content-length'), '2000000');
  const tar = await s.raw('GET', `/v2/box/${box.id}/files/download?folder=down`);
  assert.equal(tar.status, 200);
  assert.match(tar.text.slice(250, 270), /ustar/);
  assert.equal((await s.raw('GET', `/v2/box/${box.id}/files/download?folder=nothing-here`)).status, 404);
});

test('100 MB go up and down through the client', async (t) => {
  await inFolder(async (dir) => {
    const block = crypto.randomBytes(1 << 20);
    const hash = crypto.createHash('sha256');
    const fd = fs.openSync('source', 'w');
    for (let i = 0; i < 100; i++) { block.writeUInt32LE(i); fs.writeSync(fd, block); hash.update(block); }
    fs.closeSync(fd);
    const sum = hash.digest('hex');
    const rss = s.rss();
    let started = Date.now();
    await box.files.upload([{ path: path.join(dir, 'source'), destination: 'large/file' }]);
    t.diagnostic(`up in ${Date.now() - started} ms, service ${((s.rss() - rss) / 1e6).toFixed(1)} MB more`);
    assert.equal((await sh(box, 'sha256sum < large/file')).slice(0, 64), sum);
    started = Date.now();
    await box.files.download({ folder: 'large' });
    t.diagnostic(`down in ${Date.now() - started} ms, service ${((s.rss() - rss) / 1e6).toFixed(1)} MB more`);
    assert.equal(crypto.createHash('sha256').update(fs.readFileSync('large/file')).digest('hex'), sum);
    assert.ok(s.rss() - rss < 48 << 20, 'streamed, not held');
    await sh(box, 'rm -r large');
  });
});

test('an upload whose parts do not pair, or that is cut off, is refused', async () => {
  const form = new FormData();
  form.append('files', new Blob(['x']), 'x');
  const send = (body) => fetch(`${s.url}/v2/box/${box.id}/files/upload`, { method: 'POST', headers: { 'x-box-api-key': s.key }, body });
  assert.equal((await send(form)).status, 400);
  const cut = await s.raw('POST', `/v2/box/${box.id}/files/upload`, { headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body: '--b\r\ncontent-disposition: form-data; name="paths"\r\n\r\n/workspace/home/cut.txt\r\n--b\r\ncontent-disposition: form-data; name="files"; filename="x"\r\n\r\nhalf' });
  assert.equal(cut.status, 400, cut.text);
  assert.equal((await box.exec.command('test -e cut.txt')).exitCode, 1, 'half a file is not left');
});

test('newer clients: stat, mkdir, rename, remove', async () => {
  const verb = (method, name, body, query = '') => s.raw(method, `/v2/box/${box.id}/files/${name}${query}`, { body });
  const post = (name, body) => verb('POST', name, body);
  await box.files.write({ path: 'meta/a', content: '123' });
  for (const folder of ['meta/new', 'meta/new/deep']) assert.equal((await post('mkdir', { path: folder })).status, 200);
  assert.equal((await box.files.list('meta/new')).length, 1);
  assert.equal((await post('rename', { from: 'meta/a', to: 'meta/b' })).status, 200);
  assert.equal(await box.files.read('meta/b'), '123');
  const stat = await verb('GET', 'stat', undefined, '?path=meta/b');
  assert.equal(stat.status, 200, stat.text);
  assert.equal(stat.body.size, 3);
  assert.equal(stat.body.is_dir, false);
  const remove = (body) => s.raw('POST', `/v2/box/${box.id}/files/remove`, { body });
  assert.ok((await remove({ path: 'meta' })).status >= 400, 'a full folder only with recursive');
  assert.equal((await remove({ path: 'meta/b' })).status, 200);
  assert.equal((await remove({ path: 'meta', recursive: true })).status, 200);
  assert.equal((await box.exec.command('test -e meta')).exitCode, 1);
});

test('newer clients: a part of a file by offset and length', async () => {
  await box.files.write({ path: 'ranged', content: '0123456789' });
  const read = async (query) => (await s.raw('GET', `/v2/box/${box.id}/files/read?path=ranged${query}`)).body.content;
  assert.equal(await read('&offset=3&length=4'), '3456');
  assert.equal(await read('&offset=8'), '89');
  assert.equal(await read('&offset=50&length=4'), '');
  assert.equal(Buffer.from(await read('&offset=1&length=2&encoding=base64'), 'base64').toString(), '12');
  assert.equal((await s.raw('GET', `/v2/box/${box.id}/files/read?path=ranged&offset=-1`)).status, 400);
});

test('hostile paths stay in the box', async () => {
  assert.equal(await box.files.read('../../etc/hostname').then((x) => x.length > 0), true, 'a path may climb within the box');
  await sh(box, 'ln -sf /etc/shadow shadow-link; mkfifo fifo 2>/dev/null || true');
  await refused(box.files.read('shadow-link'), 403);
  await refused(box.files.read('fifo'), 400);
  await refused(box.files.read('/proc/1/environ'), 403);
  await refused(box.files.read(`x${'/y'.repeat(5000)}`), undefined);
  assert.equal((await s.raw('GET', `/v2/box/${box.id}/files/read?path=a%00b`)).status, 400);
  assert.equal((await s.raw('GET', `/v2/box/${box.id}/files/read`)).status, 400);
});
