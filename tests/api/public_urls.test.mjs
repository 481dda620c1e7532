// SPDX-License-Identifier: MIT
// Public URLs: get, list, delete, credentials, waking, WebSockets, and the older names.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import net from 'node:net';
import { test } from 'node:test';
import { plainFetch } from './lib/contract.mjs';
import { refused, sh, until, useService } from './lib/service.mjs';

const first = 21000 + (process.pid % 4000) * 10;
const s = useService({ config: { preview: { ports: `${first}-${first + 9}` } } });
const SERVER = `
import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.headers.get("Upgrade"):
            self.send_response(101); self.send_header("Upgrade", "echo"); self.send_header("Connection", "Upgrade"); self.end_headers()
            while True:
                line = self.rfile.readline()
                if not line: return
                self.wfile.write(b"back " + line); self.wfile.flush()
        body = ("app " + self.path + " " + str(self.headers.get("Authorization"))).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), H).serve_forever()
`;
const serve = async (box, port) => {
  await box.files.write({ path: 'app.py', content: SERVER });
  await sh(box, `python3 app.py ${port} &`);
  await until('it listens', async () => (await box.exec.command(`curl -sf localhost:${port}/`)).exitCode === 0);
};
const get = async (url, headers = {}) => {
  const answer = await plainFetch(url, { headers, signal: AbortSignal.timeout(20000) });
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
};
let box;
test('a box that serves on 3000', async () => { box = await s.box(null); await serve(box, 3000); });

test('getPublicURL: the page is there, bodies pass both ways', async () => {
  const made = await box.getPublicURL(3000);
  assert.deepEqual(Object.keys(made).sort(), ['port', 'url']);
  assert.equal(made.port, 3000);
  const answer = await get(new URL('deep/path?q=1', `${made.url.replace(/\/?$/, '/')}`));
  assert.equal(answer.status, 200);
  assert.match(answer.text, /^app \/deep\/path\?q=1 None$/);
  const bytes = crypto.randomBytes(2 << 20);
  const posted = await plainFetch(made.url, { method: 'POST', body: bytes });
  assert.ok(Buffer.from(await posted.arrayBuffer()).equals(bytes));
});

test('listPublicURLs tells no secrets; creating again replaces', async () => {
  const made = await box.getPublicURL(3000, { bearerToken: true });
  const { publicURLs } = await box.listPublicURLs();
  assert.equal(publicURLs.length, 1);
  const [entry] = publicURLs;
  assert.deepEqual([entry.id, entry.port, entry.url, entry.bearer_token, entry.basic_auth], [`${box.id}-3000`, 3000, made.url, true, false]);
  assert.ok(!JSON.stringify(publicURLs).includes(made.token));
});

test('credentials: bearer, basic, both; else 401', async () => {
  const { url, token, username, password } = await box.getPublicURL(3000, { bearerToken: true, basicAuth: true });
  assert.equal(username, 'user');
  assert.ok(token.length >= 20 && password.length >= 12);
  const basic = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  assert.equal((await get(url)).status, 401);
  assert.equal((await get(url, { authorization: 'Bearer wrong' })).status, 401);
  assert.equal((await get(url, { authorization: `Basic ${Buffer.from('user:wrong').toString('base64')}` })).status, 401);
  for (const authorization of [`Bearer ${token}`, basic]) {
    const answer = await get(url, { authorization });
    assert.equal(answer.status, 200);
    assert.match(answer.text, / None$/, 'the box does not see what opened the door');
  }
  const next = await box.getPublicURL(3000, { bearerToken: true });
  assert.notEqual(next.token, token);
  assert.equal((await get(next.url, { authorization: `Bearer ${token}` })).status, 401, 'the old one is void');
  await box.getPublicURL(3000);
});

test('a connection that is upgraded passes', async () => {
  const { url } = await box.getPublicURL(3000);
  const at = new URL(url);
  const socket = net.connect(Number(at.port), at.hostname);
  let said = '';
  socket.on('data', (d) => { said += d; });
  socket.write(`GET ${at.pathname} HTTP/1.1\r\nHost: ${at.host}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`);
  await until('101', () => / 101 /.test(said), { every: 20 });
  socket.write('one\n');
  await until('an echo', () => said.includes('back one\n'), { every: 20 });
  await new Promise((done) => { setTimeout(done, 1500); });
  socket.write('two\n');
  await until('another', () => said.includes('back two\n'), { every: 20 });
  socket.destroy();
});

test('a request wakes a paused box; nothing there to listen is 503', async (t) => {
  const other = await s.box(t, { keepAlive: false });
  await s.raw('PUT', `/v2/box/${other.id}/startup`, { body: { init_command: 'test -f app.py && python3 app.py 8080' } });
  await other.files.write({ path: 'app.py', content: SERVER });
  const made = await other.getPublicURL(8080, { bearerToken: true });
  await other.pause();
  assert.equal((await get(made.url)).status, 401);
  assert.equal((await other.getStatus()).status, 'paused', 'who is not let in does not wake it');
  const answer = await get(made.url, { authorization: `Bearer ${made.token}` });
  assert.equal(answer.status, 200, answer.text);
  assert.equal((await other.getStatus()).status, 'idle');
});

test('deletePublicURL; and the older names', async () => {
  const { url } = await box.getPreviewUrl(3000, { bearerToken: false });
  assert.equal((await get(url)).status, 200);
  assert.equal((await box.listPreviews()).previews.length, 1);
  await box.deletePreview(3000);
  assert.deepEqual(await box.listPublicURLs(), { publicURLs: [] });
  const gone = await get(url).catch((error) => error);
  assert.ok(gone instanceof Error || gone.status >= 400);
  await refused(box.deletePublicURL(3000), 404);
  await box.getPublicURL(3001);
  await box.deletePublicURL(3001);
});

test('a URL survives pause and a restart of the service, and goes with its box', async () => {
  const other = await s.box(null);
  await serve(other, 9000);
  const { url } = await other.getPublicURL(9000);
  assert.match((await get(url)).text, /^app/);
  await s.boxwright.restart();
  assert.match((await get(url)).text, /^app/);
  assert.equal((await other.listPublicURLs()).publicURLs.length, 1);
  await other.delete();
  const gone = await get(url).catch((error) => error);
  assert.ok(gone instanceof Error || gone.status >= 400);
});

test('ports that are none are refused; so are more than there is room for', async () => {
  for (const port of [0, -1, 65536, 1.5]) await refused(box.getPublicURL(port), 400, /port/);
  const error = await (async () => {
    for (let port = 4000; port < 4020; port++) await box.getPublicURL(port);
  })().catch((e) => e);
  assert.equal(error?.statusCode, 429, String(error));
});
