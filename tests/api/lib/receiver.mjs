// SPDX-License-Identifier: MIT
// A receiver of webhooks on loopback: keeps what it gets, and can fail first.
import http from 'node:http';

// { fail: n }: the first n calls get 500. -> { url, calls, next(): the next call }
export async function receiver(t, { fail = 0 } = {}) {
  const calls = [];
  const waiting = [];
  let read = 0;
  const server = http.createServer(async (request, answer) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const failed = fail-- > 0;
    answer.writeHead(failed ? 500 : 200).end();
    let body = text;
    try { body = JSON.parse(text); } catch { /* as it is */ }
    calls.push({ method: request.method, url: request.url, headers: request.headers, body, failed, at: Date.now() });
    waiting.splice(0).forEach((wake) => wake());
  });
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  t.after(() => { server.closeAllConnections(); server.close(); });
  return {
    calls,
    url: `http://127.0.0.1:${server.address().port}/hook`,
    async next(ms = 60000) {
      const end = Date.now() + ms;
      while (calls.length <= read) {
        if (Date.now() > end) throw new Error(`no webhook within ${ms} ms`);
        await new Promise((done) => { waiting.push(done); setTimeout(done, 250); });
      }
      return calls[read++];
    },
  };
}
