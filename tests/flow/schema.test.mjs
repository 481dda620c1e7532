// SPDX-License-Identifier: MIT
// The JSON Schema of .github/boxwright.yml and its parser say the same, and the file that
// editors are given is the one that the program prints.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import Ajv from 'ajv/dist/2020.js';
import { binary } from './lib/boxwright.mjs';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'boxwright-schema-'));
after(() => fs.rmSync(dir, { recursive: true, force: true }));

const printed = execFileSync(binary(), ['schema'], { encoding: 'utf8' });
const validate = new Ajv({ allErrors: true, strict: true, strictTypes: false, strictRequired: false })
  .compile(JSON.parse(printed));

// JSON is YAML, so one document goes to both.
function parser(text) {
  const file = path.join(dir, 'boxwright.yml');
  fs.writeFileSync(file, typeof text === 'string' ? text : JSON.stringify(text));
  const run = spawnSync(binary(), ['schema', '--check', file], { encoding: 'utf8' });
  assert.ok(run.status === 0 || run.status === 1, run.stderr);
  return { ok: run.status === 0, error: run.stderr.trim() };
}

const job = (more) => ({ schedules: [{ name: 'tidy', when: 'daily around 6:00', run: ['true'], ...more }] });

const GOOD = [
  {}, { image: 'ghcr.io/me/ci:1@sha256:0123' }, { runtime: 'node', setup: ['npm ci', 'a\nb'], check: [] },
  { check_required: true, check_setup: true, check_run: false, dashboard: false, protect: ['infra/**'] },
  { agent: { harness: 'custom', model: 'x', command: ['node', 'a.js'] } }, { agent: null },
  { agent: { model: 5 } }, { pr: { labels: [1, true, 'bot'], draft: false, branch_prefix: 'bots/x-' } },
  { limits: { minutes: 30, cost_usd: 2.5, files: 1, runs_per_person_day: 3, runs_per_day: 9,
    cost_usd_per_person_day: 0.01, cost_usd_per_day: 1, open_prs: 4 } },
  { allow: { fix: 'maintain', ask: 'read', plan: 'triage', undo: 'nobody', outsiders: ['ask', 'help'], bots: [7, '8'] } },
  { repair: { checks: true, conflicts: false, tries: 0 } },
  { schedules: [] }, job({}), job({ run: 'one command' }), job({ timezone: 'Europe/Berlin', scatter: false,
    enabled: false, labels: ['chore'], title: 'Tidy', minutes: 5, cost_usd: 1.5, model: 'haiku' }),
  { schedules: [{ name: 'a', when: '0 6 * * *', prompt: 'Remove dead code.' }] },
];
const BAD = [
  { version: 2 }, { version: '1' }, { steup: [] }, { agent: { modle: 'x' } }, { agent: [] }, { agent: 'codex' },
  { setup: 'npm ci' }, { setup: [''] }, { setup: [null] }, { setup: [['a']] }, { setup: Array(51).fill('a') },
  { setup: ['x'.repeat(8193)] }, { image: '' }, { image: '--privileged' }, { image: 'a b' }, { image: null },
  { runtime: 'perl' }, { runtime: '' }, { runtime: 'node', image: 'a' }, { check_required: 'true' }, { check_required: 1 }, { check_run: 'off' },
  { limits: { minutes: 0 } }, { limits: { minutes: 1.5 } }, { limits: { minutes: '30' } }, { limits: { files: 5001 } },
  { limits: { cost_usd: 0 } }, { limits: { runs_per_day: -1 } }, { limits: { cost_usd_per_day: '1' } },
  { pr: { branch_prefix: '/x' } }, { pr: { branch_prefix: 'a b' } }, { pr: { labels: Array(21).fill('a') } },
  { allow: { fix: 'king' } }, { allow: { fix: '' } }, { allow: { dance: 'read' } }, { allow: { outsiders: ['fix'] } },
  { allow: { outsiders: 'ask' } }, { allow: { bots: ['dependabot'] } }, { allow: { bots: [0] } }, { allow: { bots: [1.5] } },
  { repair: { tries: 21 } }, { repair: { checks: 'yes' } }, { repair: true }, { 'agent.model': 'x' },
  job({ name: undefined }), job({ name: 'Tidy Up' }), job({ when: undefined }), job({ prompt: 'and' }),
  job({ run: undefined }), job({ run: [] }), job({ run: undefined, use: 'no such' }), job({ minutes: 0 }), job({ dance: 1 }),
  job({ harness: 'other' }), job({ scatter: 'yes' }), job({ with: ['a'] }), { schedules: {} },
  { schedules: Array.from({ length: 51 }, (_, i) => job({ name: `j${i}` }).schedules[0]) },
];
const whole = (document) => ({ version: 1, ...document });

test('the file that editors are given is the one that the program prints', () => {
  assert.equal(fs.readFileSync('deploy/boxwright.schema.json', 'utf8'), printed);
});

test('what is right is right for both', () => {
  for (const document of GOOD.map(whole)) {
    const told = parser(document);
    assert.ok(told.ok, `${JSON.stringify(document)}: ${told.error}`);
    assert.ok(validate(document), `${JSON.stringify(document)}: ${JSON.stringify(validate.errors)}`);
  }
});

test('what is wrong is wrong for both', () => {
  for (const document of BAD.map(whole)) {
    assert.ok(!validate(JSON.parse(JSON.stringify(document))), `the schema takes ${JSON.stringify(document)}`);
    const told = parser(document);
    assert.ok(!told.ok, `the parser takes ${JSON.stringify(document)}`);
    assert.match(told.error, /boxwright\.yml:\d+:\d+: /);
  }
  assert.ok(!validate({}) && !parser({}).ok);
});

// One value of each kind in the place of each key: the schema never refuses what the parser
// takes, or an editor would call a file wrong that works.
test('no key is stricter in the schema than in the parser', () => {
  const values = [0, 1, 2.5, -1, 3000, true, 'x', 'read', 'node', '', '7', ['x'], ['ask'], [7], [], null, {}, 'a/b:c', [[]]];
  const { properties } = JSON.parse(printed);
  const places = Object.entries(properties).flatMap(([key, schema]) => (schema.properties
    ? Object.keys(schema.properties).map((sub) => (v) => ({ [key]: { [sub]: v } })) : [(v) => ({ [key]: v })]));
  let taken = 0;
  for (const place of places)
    for (const value of values) {
      const document = { version: 1, ...place(value) };
      if (validate(document)) continue;
      const told = parser(document);
      taken += 1;
      assert.ok(!told.ok, `the parser takes ${JSON.stringify(document)}: ${JSON.stringify(validate.errors)}`);
    }
  assert.ok(taken > 200, 'the schema refused something');
});
