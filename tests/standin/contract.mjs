// SPDX-License-Identifier: MIT
// Requests and answers held against GitHub's schemas.  What the state engine leaves out of
// an answer is filled from GitHub's own example, and every fill is told.
import { createRequire } from 'node:module';
import { loadDescription } from './openapi.mjs';

const require = createRequire(import.meta.url);
const Ajv = require('ajv').default;
const addFormats = require('ajv-formats').default;
// Where the description contradicts what GitHub really answers: it wants an account that is a
// user and an enterprise at once, knows no outdated review comment, whose place is null, and no
// pull request whose fork is gone, which webhooks do describe.
const PLACE = /^(\/\d+)?\/(position|line|start_line) must be integer$/;
const NO_FORK = /^(\/\d+)?\/head\/repo must be object$/;
const WRONG = new Map([['apps/list-installations', /^\/\d+\/account( |$)/],
  ['pulls/get', NO_FORK], ['pulls/list', NO_FORK], ['pulls/update', NO_FORK],
  ...['get-review-comment', 'create-reply-for-review-comment', 'list-review-comments', 'list-comments-for-review']
    .map((op) => [`pulls/${op}`, PLACE])]);
const ROUNDS = 12; // of filling: each goes one level deeper

export class Contract {
  constructor() {
    this.doc = loadDescription();
    this.ajv = this.#ajv(false);
    this.ajvText = this.#ajv(true); // queries and paths arrive as text
    this.compiled = new Map();
    this.routes = [];
    for (const [template, methods] of Object.entries(this.doc.paths))
      for (const [method, op] of Object.entries(methods))
        this.routes.push({ method: method.toUpperCase(), template, op, ...pattern(template) });
    // Literal pieces win over parameters: /issues/comments/{id} over /issues/{number}/x.
    this.routes.sort((a, b) => b.literals - a.literals);
  }

  #ajv(coerceTypes) {
    const ajv = new Ajv({ strict: false, allErrors: true, coerceTypes, logger: false,
      validateFormats: true });
    addFormats(ajv);
    ajv.addSchema({ $id: 'github', components: { schemas: this.doc.components.schemas } });
    return ajv;
  }

  find(method, pathname) {
    for (const route of this.routes) {
      const match = route.method === method && route.regexp.exec(pathname);
      if (!match) continue;
      try {
        const params = Object.fromEntries(
          route.names.map((name, i) => [name, decodeURIComponent(match[i + 1])]));
        return { ...route, params, id: route.op.operationId };
      } catch { return null; }
    }
    return null;
  }

  #ref(node) {
    return node?.$ref ? node.$ref.slice(2).split('/').reduce((at, k) => at?.[k], this.doc) : node;
  }

  #validator(key, schema, text) {
    if (!this.compiled.has(key)) {
      const absolute = JSON.parse(JSON.stringify(schema)
        .replaceAll('"#/components/schemas/', '"github#/components/schemas/'));
      this.compiled.set(key, (text ? this.ajvText : this.ajv).compile(absolute));
    }
    return this.compiled.get(key);
  }

  // { errors: [...] in GitHub's form, unknown: [...] } of a request.
  request(route, query, body) {
    const errors = [];
    const unknown = [];
    const parameters = (route.op.parameters ?? []).map((p) => this.#ref(p));
    for (const where of ['path', 'query']) {
      const schema = { type: 'object', properties: {}, required: [] };
      for (const p of parameters.filter((q) => q.in === where)) {
        schema.properties[p.name] = p.schema;
        if (p.required) schema.required.push(p.name);
      }
      const values = { ...(where === 'path' ? route.params : query) };
      const check = this.#validator(`${route.id} ${where}`, schema, true);
      if (!check(values)) errors.push(...check.errors.map((e) => told(e, where)));
      for (const name of Object.keys(where === 'query' ? values : {}))
        if (!(name in schema.properties)) unknown.push(`query ${name}`);
    }
    const wanted = this.#ref(route.op.requestBody);
    const schema = wanted?.content?.['application/json']?.schema;
    if (body === undefined) {
      if (wanted?.required) errors.push({ field: 'body', code: 'missing_field' });
    } else if (!schema) {
      unknown.push('body');
    } else {
      const check = this.#validator(`${route.id} body`, schema, false);
      if (!check(body)) errors.push(...check.errors.map((e) => told(e, 'body')));
      const known = this.#properties(schema);
      if (known && body && typeof body === 'object' && !Array.isArray(body))
        for (const name of Object.keys(body))
          if (!known.has(name)) unknown.push(`body ${name}`);
    }
    return { errors, unknown };
  }

  #properties(schema) {
    const s = this.#ref(schema);
    const parts = s?.oneOf ?? s?.anyOf ?? s?.allOf;
    if (s?.properties) return new Set(Object.keys(s.properties));
    if (!parts) return null;
    return new Set(parts.flatMap((p) => [...(this.#properties(p) ?? [])]));
  }

  // Fills `body` in place; { added: [...], left: [...] }.
  answer(route, status, body) {
    const response = this.#ref(route.op.responses?.[status]);
    const content = response?.content?.['application/json'];
    if (!response) return { added: [], left: [`status ${status} is not described`] };
    if (!content?.schema) return { added: [], left: [] };
    const check = this.#validator(`${route.id} ${status}`, content.schema, false);
    const example = this.#ref(Object.values(content.examples ?? {})[0])?.value ??
      content.example;
    const added = [];
    for (let round = 0; round < ROUNDS; round++) {
      if (check(body)) return { added, left: [] };
      let filled = 0;
      for (const e of check.errors.filter((x) => x.keyword === 'required'))
        filled += fill(body, example, e, added);
      if (!filled) break;
    }
    const left = check(body) ? [] : check.errors.map((e) => `${e.instancePath} ${e.message}`);
    return { added, left: left.filter((l) => !WRONG.get(route.id)?.test(l)).slice(0, 10) };
  }

  example(operation, status) {
    for (const route of this.routes)
      if (route.op.operationId === operation) {
        const content = this.#ref(route.op.responses[status]).content['application/json'];
        return structuredClone(this.#ref(Object.values(content.examples)[0]).value);
      }
    throw new Error(`no operation ${operation}`);
  }
}

function pattern(template) {
  const names = [];
  const source = template.replace(/[.+]/g, '\\$&').replace(/\{([^}]+)\}/g, (_, name) => {
    names.push(name);
    return ['ref', 'path'].includes(name) ? '(.+)' : '([^/]+)'; // heads/feature/x
  });
  return { regexp: new RegExp(`^${source}$`), names,
    literals: template.split('/').filter((p) => p && !p.startsWith('{')).length };
}

function told(e, where) {
  const field = e.instancePath.slice(1).replaceAll('/', '.');
  if (e.keyword === 'required')
    return { field: e.params.missingProperty, code: 'missing_field', where };
  return { field: field || where, code: 'invalid', message: e.message, where };
}

function fill(body, example, error, added) {
  const name = error.params.missingProperty;
  let to = body;
  let from = example;
  for (const key of error.instancePath.split('/').slice(1)) {
    to = to?.[key];
    from = Array.isArray(from) ? from[key] ?? from[0] : from?.[key];
  }
  if (!to || typeof to !== 'object' || name in to) return 0;
  if (from?.[name] === undefined) return 0;
  to[name] = structuredClone(from[name]);
  added.push(`${error.instancePath}/${name}`);
  return 1;
}
