// SPDX-License-Identifier: MIT
// The guard of the other files finds what it should: answers, requests, statuses and types
// that a description does not have; and it leaves good traffic alone.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { Contract } from './lib/contract.mjs';

const DOC = { openapi: '3.1.0', info: { title: 'x', version: '1' },
  components: {
    schemas: { Thing: { type: 'object', required: ['id'], additionalProperties: false,
      properties: { id: { type: 'string' }, n: { type: ['integer', 'null'] } } },
    Error: { type: 'object', required: ['error', 'code'] } },
    responses: { Error: { description: 'e', content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } } },
    parameters: { n: { in: 'query', name: 'n', schema: { type: 'integer' } } } },
  paths: {
    '/v2/thing/{id}': { get: { parameters: [{ $ref: '#/components/parameters/n' }], responses: {
      200: { description: 'x', content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } } },
      default: { $ref: '#/components/responses/Error' } } } },
    '/v2/thing': { post: { requestBody: { required: true, content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } } },
      responses: { 201: { description: 'x', content: { 'application/json': { schema: { type: 'object' } } } }, '4XX': { $ref: '#/components/responses/Error' } } } },
    '/v2/thing/list': { get: { responses: { 200: { description: 'x', content: { 'application/json': { schema: { type: 'array' } } } } } } },
  } };

async function withServer(t, answer) {
  const server = http.createServer(async (request, response) => {
    for await (const chunk of request) void chunk;
    const [status, body, type = 'application/json'] = request.url === '/openapi.json' ? [200, DOC] : answer;
    response.writeHead(status, { 'content-type': type }).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  const contract = await Contract.load(`http://127.0.0.1:${server.address().port}`);
  contract.install();
  t.after(() => { contract.remove(); server.closeAllConnections(); server.close(); });
  return contract;
}

const cases = [
  ['a good answer', [200, { id: 'a', n: null }], '/v2/thing/x?n=1', {}, null],
  ['a wrong type', [200, { id: 5 }], '/v2/thing/x', {}, /\/id must be string/],
  ['a member too many', [200, { id: 'a', more: 1 }], '/v2/thing/x', {}, /additional/],
  ['no JSON', [200, 'OK'], '/v2/thing/x', {}, /no JSON/],
  ['another type', [200, 'OK', 'text/plain'], '/v2/thing/x', {}, /type text\/plain/],
  ['a member of the query', [200, { id: 'a' }], '/v2/thing/x?m=1', {}, /member m/],
  ['an unknown path', [200, {}], '/v2/other', {}, /no such operation/],
  ['an unknown method', [200, {}], '/v2/thing/x', { method: 'DELETE' }, /no such operation/],
  ['an error with its body', [404, { error: 'no thing x', code: 'not_found' }], '/v2/thing/x', {}, null],
  ['an error without a code', [404, { error: 'no' }], '/v2/thing/x', {}, /no \{error, code\}/],
  ['a status that is not described', [500, { error: 'x', code: 'y' }], '/v2/thing/list', {}, /status 500/],
  ['the literal path before the pattern', [200, []], '/v2/thing/list', {}, null],
  ['a bad request that is accepted', [201, {}], '/v2/thing', { method: 'POST', body: '{"id":1}', headers: { 'content-type': 'application/json' } }, /accepted what is described otherwise.*must be string/],
  ['a bad request that is refused', [400, { error: 'id', code: 'input' }], '/v2/thing', { method: 'POST', body: '{"id":1}', headers: { 'content-type': 'application/json' } }, null],
  ['no body', [201, {}], '/v2/thing', { method: 'POST' }, /no body/],
];
for (const [name, answer, path, init, pattern] of cases)
  test(name, async (t) => {
    const contract = await withServer(t, answer);
    const got = await fetch(contract.base + path, init);
    assert.equal(got.status, answer[0]);
    assert.equal(await got.text(), typeof answer[1] === 'string' ? answer[1] : JSON.stringify(answer[1]), 'the client gets all of it');
    if (pattern) await assert.rejects(contract.verify(), pattern);
    else await contract.verify();
    await contract.verify();
  });
