// SPDX-License-Identifier: MIT
// node tests/standin/main.mjs [--port N] [--seed seed.json] [--dir FOLDER] [--strict]
// Prints one line of JSON when it is ready; ends on SIGINT, SIGTERM or end of its parent.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startStandin } from './standin.mjs';

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' },
  seed: { type: 'string' }, dir: { type: 'string' }, strict: { type: 'boolean', default: false } } });
const seed = values.seed ? JSON.parse(fs.readFileSync(values.seed, 'utf8')) : {};
const beside = (file) => path.resolve(path.dirname(values.seed ?? '.'), file);
if (seed.app?.private_key_file)
  seed.app.private_key = fs.readFileSync(beside(seed.app.private_key_file), 'utf8');
for (const repo of seed.repos ?? []) if (repo.fixture) repo.fixture = beside(repo.fixture);

const standin = await startStandin({ port: Number(values.port), seed, dir: values.dir,
  strict: values.strict });
const { url, port, app } = standin;
console.log(JSON.stringify({ url, port, app_id: app.app_id, slug: app.slug,
  installations: Object.fromEntries(standin.state.installations),
  private_key: app.private_key, webhook_secret: app.webhook_secret }));

for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => standin.close().then(() => process.exit(0)));
