// SPDX-License-Identifier: MIT
// GitHub's own OpenAPI description, cut to the operations that we may use: fetched once
// from its npm package, kept below node_modules, its schemas made digestible for ajv.
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = '@octokit/openapi@23.0.2';
const FILE = 'package/generated/api.github.com.json';
const HERE = path.dirname(fileURLToPath(import.meta.url));

// Everything that the service may call; another call is "not in the contract".
export const OPERATIONS = [
  'actions/download-job-logs-for-workflow-run',
  'apps/create-from-manifest', 'apps/create-installation-access-token',
  'apps/get-authenticated', 'apps/get-installation', 'apps/get-repo-installation',
  'apps/get-webhook-delivery', 'apps/list-installations',
  'apps/list-repos-accessible-to-installation', 'apps/list-webhook-deliveries',
  'apps/redeliver-webhook-delivery', 'apps/revoke-installation-access-token',
  'checks/create', 'checks/get', 'checks/list-annotations', 'checks/list-for-ref', 'checks/update',
  'git/get-ref',
  'issues/add-labels', 'issues/create', 'issues/create-comment', 'issues/delete-comment',
  'issues/get', 'issues/get-comment', 'issues/list-comments', 'issues/list-for-repo',
  'issues/list-labels-on-issue', 'issues/update', 'issues/update-comment', 'pulls/create', 'pulls/create-reply-for-review-comment',
  'pulls/create-review', 'pulls/get', 'pulls/get-review', 'pulls/get-review-comment', 'pulls/list',
  'pulls/list-comments-for-review', 'pulls/list-review-comments', 'pulls/list-reviews', 'pulls/update',
  'reactions/create-for-issue', 'reactions/create-for-issue-comment',
  'reactions/create-for-pull-request-review-comment', 'reactions/list-for-issue',
  'reactions/list-for-issue-comment', 'reactions/list-for-pull-request-review-comment', 'repos/get',
  'repos/check-collaborator', 'repos/get-collaborator-permission-level', 'repos/get-content', 'users/get-by-username',
];

// OpenAPI 3.0 says `nullable`, JSON Schema does not know it.
function toJsonSchema(node) {
  if (Array.isArray(node)) return node.map(toJsonSchema);
  if (!node || typeof node !== 'object') return node;
  const out = {};
  for (const [key, value] of Object.entries(node)) {
    if (['nullable', 'example', 'examples', 'discriminator', 'xml'].includes(key) &&
        typeof value !== 'object') continue;
    out[key] = key === 'enum' || key === 'default' ? value : toJsonSchema(value);
  }
  if (node.nullable !== true) return out;
  if (out.type) out.type = [].concat(out.type, 'null');
  if (out.enum && !out.enum.includes(null)) out.enum = [...out.enum, null];
  return out.type ? out : { anyOf: [out, { type: 'null' }] };
}

function resolve(doc, ref) {
  return ref.slice(2).split('/').reduce((at, key) => at?.[key], doc);
}

// All components that the given node reaches, copied into `into`.
function gather(doc, node, into) {
  if (Array.isArray(node)) return node.forEach((n) => gather(doc, n, into));
  if (!node || typeof node !== 'object') return;
  const ref = node.$ref;
  if (typeof ref === 'string' && ref.startsWith('#/components/')) {
    const [, , kind, name] = ref.split('/');
    into[kind] ??= {};
    if (!(name in into[kind])) {
      into[kind][name] = resolve(doc, ref);
      gather(doc, into[kind][name], into);
    }
  }
  Object.values(node).forEach((n) => gather(doc, n, into));
}

export function cut(doc, operations = OPERATIONS) {
  const paths = {};
  const wanted = new Set(operations);
  for (const [template, methods] of Object.entries(doc.paths))
    for (const [method, op] of Object.entries(methods))
      if (wanted.delete(op.operationId)) (paths[template] ??= {})[method] = op;
  if (wanted.size) throw new Error(`not in GitHub's description: ${[...wanted]}`);
  const components = {};
  gather(doc, paths, components);
  // Renamed repositories redirect to this address, which the description leaves out.
  const get = paths['/repos/{owner}/{repo}'].get;
  paths['/repositories/{repository_id}'] = { get: { ...get, operationId: 'x/get-repo-by-id',
    parameters: [{ name: 'repository_id', in: 'path', required: true,
      schema: { type: 'integer' } }] } };
  components.schemas = toJsonSchema(components.schemas);
  for (const kind of ['responses', 'parameters'])
    for (const entry of Object.values(components[kind] ?? {})) schemasOf(entry);
  for (const methods of Object.values(paths)) Object.values(methods).forEach(schemasOf);
  return { paths, components };
}

// Converts the schemas of an operation, response or parameter in place; examples stay.
function schemasOf(node) {
  if (!node || typeof node !== 'object') return;
  for (const [key, value] of Object.entries(node)) {
    if (key === 'schema') node.schema = toJsonSchema(value);
    else if (key !== 'examples' && key !== 'example') schemasOf(value);
  }
}

function fetchDescription(folder) {
  const work = fs.mkdtempSync(path.join(folder, 'fetch-'));
  try {
    const name = execFileSync('npm', ['pack', '--silent', '--ignore-scripts', PACKAGE],
      { cwd: work, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
      .trim().split('\n').pop();
    execFileSync('tar', ['xzf', name, FILE], { cwd: work });
    return JSON.parse(fs.readFileSync(path.join(work, FILE), 'utf8'));
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

export function loadDescription() {
  const folder = path.join(HERE, '..', 'node_modules', '.cache', 'boxwright');
  // This file decides how the cut looks, so a change of it makes a new one.
  const hash = crypto.createHash('sha256').update(PACKAGE)
    .update(fs.readFileSync(fileURLToPath(import.meta.url))).digest('hex').slice(0, 16);
  const file = path.join(folder, `github-${hash}.json`);
  if (!fs.existsSync(file)) {
    fs.mkdirSync(folder, { recursive: true });
    const text = JSON.stringify(cut(fetchDescription(folder)));
    fs.writeFileSync(`${file}.${process.pid}`, text);
    fs.renameSync(`${file}.${process.pid}`, file);
  }
  return JSON.parse(fs.readFileSync(file, 'utf8'));
}
