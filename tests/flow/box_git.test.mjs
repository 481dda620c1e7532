// SPDX-License-Identifier: MIT
// A private repository in a box of the API: cloned, changed, committed, pushed and proposed with
// the caller's token, which is then looked for in everything that the box is.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from './lib/boxwright.mjs';
import { startWorld } from './lib/world.mjs';

let world;
let id;
let token;
let repo;

const api = (method, route, body) => world.boxwright.api(method, `/v2/box${route}`, body);
const need = async (method, route, body, status = 200) => {
  const answer = await api(method, route, body);
  assert.equal(answer.status, status, `${method} ${route}: ${JSON.stringify(answer.body)}`);
  return answer.body;
};
const git = (verb, body) => need('POST', `/${id}/git/${verb}`, body);
const sh = async (script) => need('POST', `/${id}/exec`, { command: ['sh', '-c', script] });
const issue = (permissions, repositories = [world.standin.known[0].id]) => world.standin.tokens.issue({
  app: 4242, installation: 70001, permissions: { metadata: 'read', ...permissions },
  repositories: new Set(repositories) }).value;

before(async () => {
  world = await startWorld({ repo: { fixture: 'tests/demo/repo' },
    seed: { repos: [{ owner: 'octocat', name: 'other', private: true, fixture: 'tests/demo/repo' }] } });
  token = issue({ contents: 'write', pull_requests: 'write' }, world.standin.known.map((r) => r.id));
  repo = `${world.standin.url}/octocat/sample`;
  ({ id } = (await api('POST', '', { git_user_name: 'Ann', git_user_email: 'ann@example.com' })).body);
  await until('the box', async () => (await api('GET', `/${id}/status`)).body.status === 'idle');
});
after(() => world?.close());

test('without a token the box is told nothing of a private repository', async () => {
  const { status, body } = await api('POST', `/${id}/git/clone`, { repo });
  assert.ok(status >= 400 && status < 500, JSON.stringify(body));
});

test('clone, commit, push, pull request', async () => {
  await git('clone', { repo, github_token: token });
  await sh('cd sample && echo one > one.txt && git checkout -q -b work');
  const { sha } = await git('commit', { message: 'one', folder: 'sample' });
  await git('push', { folder: 'sample' });
  assert.equal(world.sha('work'), sha);
  const pull = await git('create-pr', { title: 'One', body: 'see one', folder: 'sample' });
  assert.equal(pull.base, 'main');
  assert.equal(pull.title, 'One');
  assert.match(pull.url, new RegExp(`/octocat/sample/pull/${pull.number}$`));
  assert.equal(world.pulls()[0].head, 'work');
});

test('what cannot be proposed says why', async () => {
  const refused = async (body) => api('POST', `/${id}/git/create-pr`, { folder: 'sample', ...body });
  assert.match((await refused({ title: 'Two' })).body.error, /already exists/);
  assert.equal((await refused({})).status, 400);
  await sh('cd sample && git checkout -q -b unpushed && git commit -q --allow-empty -m x');
  const missing = await refused({ title: 'Three' });
  assert.equal(missing.status, 404);
  assert.match(missing.body.error, /push it first/);
  assert.match((await refused({ title: 'Four', base: 'unpushed' })).body.error, /checked out/);
  await sh('cd sample && git remote set-url origin https://github.com.evil.example/octocat/sample');
  assert.equal((await refused({ title: 'Five' })).status, 400);
  await sh(`cd sample && git remote set-url origin ${repo}`);
});

test('the token is nowhere in the box', async () => {
  // While a clone runs, and all the while, from outside the commands that carry it.
  const clones = [1, 2, 3].map((n) => git('clone', { repo, folder: `again-${n}` }));
  const spy = sh('for i in $(seq 200); do cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null; sleep 0.01; done > /tmp/spied');
  await Promise.all([...clones, spy]);
  // As a file, so that the search itself does not hold it; gone before the next search.
  const parts = [token.slice(0, 40), token.slice(-40),
    Buffer.from(`x-access-token:${token}`).toString('base64').slice(0, 60)];
  const patterns = Buffer.from(`${parts.map((p) => Buffer.from(p).toString('hex')).join('\n')}\n`);
  await need('POST', `/${id}/files/write`, { path: '/tmp/patterns', content: patterns.toString('base64'), encoding: 'base64' });
  const script = `
import os, stat
patterns = [bytes.fromhex(l) for l in open('/tmp/patterns').read().split()]
found, files, size = [], 0, 0
for top, dirs, names in os.walk('/'):
    if top == '/': dirs[:] = [d for d in dirs if d not in ('proc', 'sys', 'dev')]
    for name in names:
        path = os.path.join(top, name)
        try:
            if not stat.S_ISREG(os.lstat(path).st_mode): continue
            data = open(path, 'rb').read()
        except OSError: continue
        files += 1; size += len(data)
        if any(p in data for p in patterns): found.append(path)
for pid in filter(str.isdigit, os.listdir('/proc')):
    for name in ('environ', 'cmdline'):
        try: data = open(f'/proc/{pid}/{name}', 'rb').read()
        except OSError: continue
        if any(p in data for p in patterns): found.append(f'{pid} {name}')
print(files, size, found)`;
  await need('POST', `/${id}/files/write`, { path: '/tmp/search.py', content: script });
  const { output, error } = await sh('sudo -n python3 /tmp/search.py 2>/dev/null || python3 /tmp/search.py');
  const [, files, size, found] = /^(\d+) (\d+) (\[.*\])/.exec(output) ?? assert.fail(output + error);
  assert.equal(found, '[]');
  assert.ok(Number(files) > 1000 && Number(size) > 1e8, `only ${files} files were read`);
  const spied = await sh('wc -c < /tmp/spied; grep -c 127.0.0.1:7333 /tmp/spied');
  assert.ok(parseInt(spied.output, 10) > 10000);
  const config = (await sh('cat sample/.git/config again-1/.git/config')).output;
  assert.equal(config.split(repo).length - 1, 2);
  assert.doesNotMatch(config, /7333|127\.0\.0\.1:73|token/);
});

test('another process of the box finds no door but to the one repository', async () => {
  world.standin.faults.add({ op: 'git/upload-pack', kind: 'silent', times: 1 });
  const clone = api('POST', `/${id}/git/clone`, { repo, folder: 'stuck' });
  const { output } = await sh(`for i in $(seq 200); do
    curl -s -o /dev/null http://127.0.0.1:7333/ && break; sleep 0.05; done
    for p in 'octocat/other.git/info/refs?service=git-upload-pack' 'octocat/sample.git/info/refs?service=git-receive-pack' \\
      'octocat/sample.git/HEAD' 'octocat/sample.git/../other.git/info/refs?service=git-upload-pack' \\
      'octocat%2Fother.git/info/refs?service=git-upload-pack'; do
      curl -s --path-as-is -o /dev/null -w '%{http_code} ' "http://127.0.0.1:7333/$p"; done`);
  assert.equal(output.trim(), '403 403 404 404 403');
  // The command ends, and with it the door.
  await sh('pkill -f git-remote-http; pkill -x git');
  assert.equal((await clone).status, 422);
  assert.equal((await sh('curl -s -o /dev/null http://127.0.0.1:7333/')).exit_code, 7);
});

test('a token of too little says so; a wrong one too', async () => {
  const clone = (github_token) => api('POST', `/${id}/git/clone`, { repo, folder: 'no', github_token });
  const wrong = await clone('ghp_0123456789012345678901234567890123456');
  assert.equal(wrong.status, 403);
  assert.match(wrong.body.error, /refused the token/);
  const foreign = await clone(issue({ contents: 'read' }, []));
  assert.equal(foreign.status, 404);
  // A token that may read only becomes the box's, and its push is refused.
  const reading = issue({ contents: 'read' });
  await git('clone', { repo, folder: 'reading', github_token: reading });
  await sh('cd reading && git commit -q --allow-empty -m x');
  const push = await api('POST', `/${id}/git/push`, { folder: 'reading' });
  assert.equal(push.status, 403, JSON.stringify(push.body));
});

test('the policy of the box holds for the relay too', async () => {
  await need('PUT', `/${id}/config/network-policy`, { mode: 'deny-all' });
  const { status, body } = await api('POST', `/${id}/git/clone`, { repo, folder: 'denied', github_token: token });
  assert.equal(status, 403);
  assert.match(body.error, /network policy/);
  await need('PUT', `/${id}/config/network-policy`, { mode: 'custom', allowed_domains: ['127.0.0.1'] })
    .catch(() => need('PUT', `/${id}/config/network-policy`, { mode: 'allow-all' }));
});
