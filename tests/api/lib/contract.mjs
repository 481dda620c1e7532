// SPDX-License-Identifier: MIT
// Holds all traffic of a client against the service's own description of its API.
//
// The global fetch, which is the client's only transport, is wrapped: each request and each
// answer is looked up in /openapi.json and validated.  The client sees the very same Response;
// what is read here is a clone.  Violations are gathered and told by verify().
import assert from 'node:assert/strict';
import Ajv from 'ajv';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const real = globalThis.fetch;
export const plainFetch = real; // for requests that break the description on purpose

const METHODS = ['get', 'put', 'post', 'delete', 'patch', 'options', 'head'];

export class Contract {
  static async load(base, headers = {}) {
    const c = new Contract();
    const answer = await real(`${base}/openapi.json`, { headers });
    assert.equal(answer.status, 200, 'the service serves its description');
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
    c.base = base;
    c.doc = await answer.json();
    assert.match(c.doc.openapi, /^3\.[01]\./);
    const Kind = c.doc.openapi.startsWith('3.1') ? Ajv2020 : Ajv;
    c.ajv = new Kind({ strict: false, allErrors: true, validateFormats: true });
    (addFormats.default ?? addFormats)(c.ajv);
    c.ajv.addSchema(c.doc, 'doc', false, false);
    c.compiled = new Map();
    c.violations = [];
    c.pending = new Set();
    c.seen = new Set(); // "METHOD /path/{x}" that has answered 2xx
    c.count = 0;
    c.operations = [];
    for (const [template, item] of Object.entries(c.doc.paths))
      for (const method of METHODS)
        if (item[method])
          c.operations.push({ method: method.toUpperCase(), template, item, op: item[method],
            pointer: `#/paths/${escape(template)}/${method}`, match: pattern(template),
            literal: template.replace(/\{[^}]*\}/g, '').length });
    c.operations.sort((a, b) => b.literal - a.literal);
    return c;
  }

  // The operation that a method and a path (without query) mean; also without the method.
  find(method, path) {
    return this.operations.find((o) => o.method === method && o.match.test(path));
  }
  knows(path) { return this.operations.some((o) => o.match.test(path)); }

  // $ref of what is no schema: parameters, answers, bodies.
  resolve(thing, pointer) {
    while (thing?.$ref) {
      pointer = thing.$ref;
      thing = pointer.slice(2).split('/').reduce(
        (at, part) => at?.[part.replaceAll('~1', '/').replaceAll('~0', '~')], this.doc);
    }
    return { thing, pointer };
  }

  // The errors of a value by the schema at a pointer into the description; null: none.
  errors(pointer, value) {
    let validate = this.compiled.get(pointer);
    if (!validate) {
      validate = this.ajv.compile({ $ref: `doc${encodeURI(pointer)}` });
      this.compiled.set(pointer, validate);
    }
    return validate(value) ? null
      : validate.errors.slice(0, 4).map((e) => `${e.instancePath || '/'} ${e.message} ${JSON.stringify(e.params)}`).join('; ');
  }

  #violate(what, text) {
    if (this.violations.length < 50) this.violations.push(`${what}: ${text}`);
  }

  #checkQuery(what, found, url) {
    const known = new Map();
    for (const p of [...(found.item.parameters ?? []), ...(found.op.parameters ?? [])]) {
      const { thing } = this.resolve(p, '');
      if (thing?.in === 'query') known.set(thing.name, thing);
    }
    for (const name of url.searchParams.keys())
      if (!known.has(name)) this.#violate(what, `the query member ${name} is not described`);
    for (const [name, p] of known)
      if (p.required && !url.searchParams.has(name)) this.#violate(what, `the query lacks ${name}`);
  }

  // What of the request breaks the description; a request that was refused may.
  #requestErrors(found, type, body) {
    if (!found.op.requestBody)
      return body ? 'a body where none is described' : null;
    const { thing, pointer } = this.resolve(found.op.requestBody, `${found.pointer}/requestBody`);
    if (!body) return thing.required ? 'no body' : null;
    const bare = type.split(';')[0].trim();
    if (!thing.content?.[bare]) return `a body of type ${bare} is not described`;
    if (bare !== 'application/json' || !thing.content[bare].schema) return null;
    return this.errors(`${pointer}/content/${escape(bare)}/schema`, JSON.parse(body));
  }

  async #checkAnswer(what, found, answer) {
    const { status } = answer;
    const described = found.op.responses?.[status] ? String(status)
      : found.op.responses?.[`${String(status)[0]}XX`] ? `${String(status)[0]}XX`
      : found.op.responses?.default ? 'default' : null;
    const type = (answer.headers.get('content-type') ?? '').split(';')[0].trim();
    if (status >= 400) {
      const text = await answer.text();
      let body;
      try { body = JSON.parse(text); } catch { /* told below */ }
      if (typeof body?.error !== 'string' || !body.error || typeof body?.code !== 'string')
        this.#violate(what, `${status} has no {error, code}: ${text.slice(0, 200)}`);
    }
    if (!described) return this.#violate(what, `the status ${status} is not described`);
    const { thing, pointer } = this.resolve(found.op.responses[described], `${found.pointer}/responses/${described}`);
    if (!thing.content) return status >= 400 ? undefined : this.#mustBeEmpty(what, answer);
    const key = Object.keys(thing.content).find((k) => k === type || k === '*/*' ||
      (k.endsWith('/*') && type.startsWith(k.slice(0, -1))));
    if (!key) return this.#violate(what, `an answer ${status} of type ${type || '(none)'} is not described`);
    if (type !== 'application/json' || !thing.content[key].schema || status >= 400) return undefined;
    const text = await answer.text();
    let value;
    try { value = JSON.parse(text); } catch { return this.#violate(what, `no JSON: ${text.slice(0, 200)}`); }
    const errors = this.errors(`${pointer}/content/${escape(key)}/schema`, value);
    if (errors) this.#violate(what, `the answer ${status}: ${errors}\n    ${text.slice(0, 400)}`);
    return undefined;
  }

  async #mustBeEmpty(what, answer) {
    if (await answer.text()) this.#violate(what, 'an answer with a body where none is described');
  }

  // Wraps the global fetch for what goes to the service.
  install() {
    globalThis.fetch = async (input, init = {}) => {
      const url = new URL(typeof input === 'string' || input instanceof URL ? input : input.url);
      if (!String(url).startsWith(`${this.base}/v`)) return real(input, init);
      const method = (init.method ?? 'GET').toUpperCase();
      const what = `${method} ${url.pathname}${url.search}`;
      const found = this.find(method, url.pathname);
      this.count++;
      if (!found) this.#violate(what, 'the description has no such operation');
      const answer = await real(input, init);
      if (found) this.#look(what, found, url, init, answer);
      return answer;
    };
  }
  remove() { globalThis.fetch = real; }

  #look(what, found, url, init, answer) {
    if (answer.ok) {
      this.seen.add(`${found.method} ${found.template}`);
      this.#checkQuery(what, found, url);
      const multipart = init.body instanceof FormData;
      const type = multipart ? 'multipart/form-data'
        : new Headers(init.headers).get('content-type') ?? '';
      const errors = this.#requestErrors(found, type, multipart ? 'parts' : init.body);
      if (errors) this.#violate(what, `accepted what is described otherwise: ${errors}`);
    }
    const streamed = /^(text\/event-stream|application\/(octet-stream|x-tar))/
      .test(answer.headers.get('content-type') ?? '');
    // A clone of a stream would hold all of it: there the head alone is looked at.
    const copy = streamed ? { status: answer.status, headers: answer.headers, text: async () => '' } : answer.clone();
    const work = this.#checkAnswer(what, found, copy).catch((error) => {
      // A body that the client itself has given up is no one's fault.
      if (error.name !== 'AbortError' && !init.signal?.aborted && !/terminated|abort/.test(error.message))
        this.#violate(what, String(error));
    }).finally(() => this.pending.delete(work));
    this.pending.add(work);
  }

  // Fails with all that was against the description since the last call.
  async verify() {
    await Promise.all(this.pending);
    const found = this.violations.splice(0);
    assert.equal(found.length, 0, `against the description:\n  ${found.join('\n  ')}`);
  }
}

const escape = (part) => part.replaceAll('~', '~0').replaceAll('/', '~1');
// {path*} and the like may hold slashes; an ordinary member may not.
const pattern = (template) => new RegExp(`^${template.split(/(\{[^}]*\})/).map((part) =>
  part.startsWith('{') ? (/[*+]\}$/.test(part) ? '.+' : '[^/]+') : part.replace(/[.*+?^$()|[\]\\]/g, '\\$&')).join('')}$`);
