// SPDX-License-Identifier: MIT
// A stand-in for GitHub beside an installed service: proves that what was started, however it
// was started, turns a signed delivery into a pull request.
//
//   node tests/deploy/deliver.mjs FOLDER START...
//
// Writes app.pem, webhook, api-keys and anthropic into FOLDER, then runs START, which gets
// GITHUB_URL and GITHUB_APP_ID and has to leave a service at SERVICE (http://127.0.0.1:7331).
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { startStandin } from '../standin/standin.mjs';
import { until } from '../flow/lib/boxwright.mjs';
import { openDoor } from './door.mjs';

const [folder, ...start] = process.argv.slice(2);
const service = process.env.SERVICE ?? 'http://127.0.0.1:7331';
const repo = 'octocat/sample';
const rules = `version: 1
agent: {harness: custom, command: [python3, -c, "import json; open('made.txt','w').write('made\\\\n'); print('event: done\\\\ndata: ' + json.dumps({'output': 'made it', 'input_tokens': 0, 'output_tokens': 0, 'session_id': 's'}) + '\\\\n')"]}
check: [test -s made.txt]
`;

const say = (text) => console.log(text);
const source = fs.mkdtempSync('/tmp/boxwright-deploy-');
fs.mkdirSync(path.join(source, '.github'));
fs.writeFileSync(path.join(source, '.github', 'boxwright.yml'), rules);
fs.writeFileSync(path.join(source, 'README.md'), '# Sample\n');
const standin = await startStandin({ seed: { users: ['maintainer'],
  repos: [{ owner: 'octocat', name: 'sample', private: true, collaborators: { maintainer: 'write' }, fixture: source }] } });

const door = openDoor('0.0.0.0', 0, '127.0.0.1', standin.port);
await new Promise((done) => { door.once('listening', done); });
fs.mkdirSync(folder, { recursive: true });
const key = fs.existsSync(path.join(folder, 'api-keys')) ? fs.readFileSync(path.join(folder, 'api-keys'), 'utf8').trim()
  : 'a-key-of-this-check-alone-0123456789';
const secrets = { 'app.pem': standin.app.private_key, webhook: standin.app.webhook_secret, 'api-keys': key,
  anthropic: 'sk-ant-none' };
for (const [name, value] of Object.entries(secrets))
  fs.writeFileSync(path.join(folder, name), `${value.trim()}\n`, { mode: 0o600 });

let failed = true;
try {
  const env = { ...process.env, GITHUB_APP_ID: String(standin.app.app_id), GITHUB_URL: standin.url,
    DOOR: String(door.address().port) };
  // Not spawnSync: the stand-in answers in this very process.
  const code = await new Promise((done, fail) => {
    spawn(start[0], start.slice(1), { stdio: 'inherit', env }).once('error', fail).once('close', done);
  });
  if (code !== 0) throw new Error(`${start.join(' ')} ended with ${code}`);
  const health = await until('/healthz answers', async () => {
    const answer = await fetch(`${service}/healthz`, { signal: AbortSignal.timeout(2000) });
    const body = await answer.text();
    if (!answer.ok) throw new Error(`${answer.status}: ${body}`);
    return body;
  }, { ms: 60000, every: 250 });
  say(`healthz: ${health.trim()}`);
  standin.hooks.url = `${service}/hooks/github`;
  const { number } = await standin.issue({ repo, login: 'maintainer', title: 'Something is missing', body: 'made.txt' });
  const comment = await standin.comment({ repo, issue: number, login: 'maintainer', body: '/boxwright fix' });
  const delivery = await standin.deliver('issue_comment', { action: 'created', repo, issue: number, comment: comment.id });
  say(`delivery ${delivery.guid}: ${delivery.status_code}`);
  const api = async (route) => (await fetch(service + route, { headers: { authorization: `Bearer ${key}` } })).json();
  const task = await until('the task ends', async () => {
    const [first] = (await api('/v1/tasks')).tasks;
    return ['done', 'failed', 'refused', 'cancelled'].includes(first?.state) ? first : null;
  }, { ms: 300000, every: 500 });
  say(`task ${task.id} is ${task.state}: ${task.outcome ?? task.last_error ?? ''}`);
  failed = !task.pr_url;
  say(failed ? 'FAILED: no pull request' : `pull request ${task.pr_url}`);
} catch (error) {
  say(`FAILED: ${error.message}${error.cause ? ` (${error.cause.message})` : ''}`);
} finally {
  door.close();
  await standin.close();
  fs.rmSync(source, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
