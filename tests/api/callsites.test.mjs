// SPDX-License-Identifier: MIT
// Each call that the client can make meets a route: of the description, and of the service.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callSites, concrete } from './lib/callsites.mjs';
import { useService } from './lib/service.mjs';

const s = useService();
const { sites, mentions } = callSites();

test('the client\'s code is understood', (t) => {
  assert.equal(sites.length, mentions, 'every mention of the API is a call');
  const distinct = new Set(sites.map((x) => `${x.method} ${x.template.split('?')[0]}`));
  assert.ok(sites.length >= 60 && distinct.size >= 50, `${sites.length} call sites, ${distinct.size} routes`);
  const count = (method) => sites.filter((x) => x.method === method).length;
  for (const [method, least] of [['GET', 12], ['POST', 20], ['PUT', 6], ['DELETE', 10]])
    assert.ok(count(method) >= least, `${method} ${count(method)}`);
  t.diagnostic(`${sites.length} call sites, ${distinct.size} routes`);
});

test('what has no route is told apart from what is not found', async () => {
  const none = await s.raw('GET', '/v2/box/some/no/such/route/at/all');
  assert.equal(none.status, 404);
  assert.equal((await s.raw('PATCH', '/v2/box')).status, 405);
  assert.notEqual((await s.raw('GET', '/v2/box/no-such-box')).body.error, none.body.error);
});

test('every call site meets a described and a served route', async (t) => {
  const box = await s.box(t);
  const names = { 'this.id': box.id, boxId: box.id, 'data.id': box.id, 'this._box.id': box.id, 'this._id': 'no-run',
    'encodeURIComponent(key)': 'A_KEY', 'encodeURIComponent(label)': 'a%3Ab', snapshotId: 'no-snapshot', id: 'no-schedule',
    skillId: 'owner/repo/name', port: '3999' };
  const noRoute = (await s.raw('GET', '/v2/box/some/no/such/route/at/all')).body;
  // The box itself goes last.
  const last = (x) => Number(x.method === 'DELETE' && /^\/v2\/box\/\$\{this\.id\}$/.test(x.template));
  const wrong = [];
  for (const site of [...sites].sort((x, y) => last(x) - last(y))) {
    const path = concrete(site.template, names);
    const what = `${site.method} ${site.template} (line ${site.line})`;
    if (!s.contract.find(site.method, path)) wrong.push(`${what}: not described`);
    const body = ['POST', 'PUT'].includes(site.method) || path === '/v2/box' && site.method === 'DELETE' ? '{"x":' : undefined;
    const answer = await s.raw(site.method, path, { body: body && path !== '/v2/box/snapshots' ? body : undefined });
    if (answer.status === 405 || answer.status === 501 ||
        (answer.status === 404 && answer.body?.code === noRoute.code && answer.body?.error === noRoute.error))
      wrong.push(`${what}: ${answer.status} ${answer.text}`);
    else if (typeof answer.body !== 'object') wrong.push(`${what}: ${answer.status}, no JSON`);
  }
  assert.deepEqual(wrong, []);
});

test('every described operation is served', async () => {
  const wrong = [];
  for (const { method, template, op } of s.contract.operations) {
    const path = template.replace(/\{[^}]*\}/g, 'no-such-1');
    const answer = await s.raw(method, path, { key: op.security?.length === 0 ? null : s.key,
      body: ['POST', 'PUT', 'PATCH'].includes(method) ? '{"x":' : undefined });
    if (op.responses['501']) { // known, not built, and said so
      if (answer.status !== 501) wrong.push(`${method} ${template}: ${answer.status}, not 501`);
      continue;
    }
    if (answer.status === 405 || answer.status === 501 || answer.status >= 500) wrong.push(`${method} ${template}: ${answer.status} ${answer.text}`);
  }
  assert.deepEqual(wrong, []);
});
