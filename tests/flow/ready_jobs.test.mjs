// SPDX-License-Identifier: MIT
// The commands of the ready jobs, as they are compiled in, in a real box: npm and pip against
// registries that run in the box, since none is to be reached from a test.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import { startWorld } from './lib/world.mjs';

// One package "leaf" in the versions 1.0.0 and 1.2.0, for npm and pip.
const REGISTRIES = `
import base64, hashlib, http.server, io, json, zipfile
VERSIONS = ["1.0.0", "1.2.0"]
def wheel(v):
    info = "leaf-%s.dist-info/" % v
    files = {"leaf.py": "version = '%s'\\n" % v, info + "METADATA": "Metadata-Version: 2.1\\nName: leaf\\nVersion: %s\\n" % v,
        info + "WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"}
    record = "".join("%s,sha256=%s,%d\\n" % (n, base64.urlsafe_b64encode(hashlib.sha256(t.encode()).digest()).decode().rstrip("="),
        len(t)) for n, t in files.items()) + info + "RECORD,,\\n"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for n, t in {**files, info + "RECORD": record}.items(): z.writestr(n, t)
    return out.getvalue()
def packument():
    return {"name": "leaf", "dist-tags": {"latest": VERSIONS[-1]}, "versions": {v: {"name": "leaf", "version": v, "dist": {
        "tarball": "http://127.0.0.1:4873/leaf-%s.tgz" % v, "integrity": "sha512-" + base64.b64encode(hashlib.sha512(v.encode()).digest()).decode()}}
        for v in VERSIONS}}
class Registry(http.server.BaseHTTPRequestHandler):
    def log_message(self, *a): pass
    def do_GET(self):
        body, kind = None, "text/html"
        if self.path == "/simple/leaf/":
            body = "".join('<a href="/leaf-%s-py3-none-any.whl">leaf-%s-py3-none-any.whl</a>' % (v, v) for v in VERSIONS).encode()
        elif self.path.endswith(".whl"): body, kind = wheel(self.path.split("-")[1]), "application/octet-stream"
        elif self.path == "/leaf": body, kind = json.dumps(packument()).encode(), "application/json"
        self.send_response(200 if body else 404)
        self.send_header("content-type", kind)
        self.end_headers()
        self.wfile.write(body or b"")
http.server.ThreadingHTTPServer(("127.0.0.1", 4873), Registry).serve_forever()
`;

const script = (job) => /\n```sh\n([^]*?)\n```\n/.exec(fs.readFileSync(`prompts/job_${job}.md`, 'utf8'))[1];

let world;
let boxwright;
let box;
before(async () => {
  // With BOXWRIGHT_TOOLS_IMAGE=<an image with go and cargo> these two are tried as well.
  const image = process.env.BOXWRIGHT_TOOLS_IMAGE;
  world = await startWorld({ config: { box: { image: process.env.BOXWRIGHT_TEST_IMAGE ?? 'boxwright/base', ...(image && { runtimes: [`tools=${image}`] }) } } });
  boxwright = world.boxwright;
  box = (await boxwright.need('POST', '/v2/box', { name: 'ready-jobs', ...(image && { runtime: 'tools' }) })).id;
  await write('registries.py', REGISTRIES);
  await sh('python3 registries.py >/dev/null 2>&1 & for i in $(seq 100); do curl -sf http://127.0.0.1:4873/leaf >/dev/null && exit 0; sleep 0.1; done; exit 1');
});
after(async () => {
  await boxwright.need('DELETE', `/v2/box/${box}`);
  await world.close();
});

const write = (path, content) => boxwright.need('POST', `/v2/box/${box}/files/write`, { path, content });
async function sh(command, { fails = false } = {}) {
  const { output, exit_code } = await boxwright.need('POST', `/v2/box/${box}/exec`, { command: ['sh', '-c', command] });
  assert.equal(exit_code !== 0, fails, output);
  return output;
}

// In a fresh folder with these files, in git.
async function job(name, files, env = {}, options) {
  await sh('rm -rf repo summary.md; mkdir repo');
  for (const [path, content] of Object.entries(files)) {
    await sh(`mkdir -p "$(dirname "repo/${path}")"`);
    await write(`repo/${path}`, content);
  }
  await write('job.sh', script(name));
  await sh('cd repo && git init -q && git add -A');
  const words = Object.entries(env).map(([k, v]) => `${k}='${v}'`).join(' ');
  return sh(`cd repo && env BOXWRIGHT_SUMMARY=../summary.md PIP_INDEX_URL=http://127.0.0.1:4873/simple npm_config_registry=http://127.0.0.1:4873 ${words} sh ../job.sh`, options);
}
const TABLE = '| package | from | to |\n|---|---|---|\n| `leaf` | 1.0.0 | 1.2.0 |\n';
const cat = (path) => sh(`cat repo/${path}`);

test('dependencies: npm goes to the newest version within the range', async () => {
  const lock = { name: 'x', version: '1.0.0', lockfileVersion: 3, packages: { '': { name: 'x', version: '1.0.0', dependencies: { leaf: '^1.0.0' } },
    'node_modules/leaf': { version: '1.0.0', resolved: 'http://127.0.0.1:4873/leaf-1.0.0.tgz' } } };
  await job('dependencies', { 'package.json': JSON.stringify({ name: 'x', version: '1.0.0', dependencies: { leaf: '^1.0.0' } }),
    'package-lock.json': JSON.stringify(lock) });
  assert.equal(JSON.parse(await cat('package-lock.json')).packages['node_modules/leaf'].version, '1.2.0');
  assert.equal(JSON.parse(await cat('package.json')).dependencies.leaf, '^1.2.0');
  assert.equal(await sh('cat summary.md'), TABLE);
});

test('dependencies: what an update only adds is listed as new', async () => {
  const root = { name: 'x', version: '1.0.0', dependencies: { leaf: '^1.0.0' } };
  await job('dependencies', { 'package.json': JSON.stringify(root),
    'package-lock.json': JSON.stringify({ name: 'x', version: '1.0.0', lockfileVersion: 3, packages: { '': root } }) });
  assert.equal(await sh('cat summary.md'), TABLE.replace('1.0.0', '(new)'));
});

test('dependencies: pip changes pinned versions and leaves all else of the file', async () => {
  await job('dependencies', { 'requirements.txt': '# ours\nLeaf==1.0.0  # why\n' });
  assert.equal(await cat('requirements.txt'), '# ours\nLeaf==1.2.0  # why\n');
  assert.equal(await sh('cat summary.md'), TABLE.replace('leaf', 'Leaf'));
});

// A proxy and a registry as folders: for an image with these tools, which ours lacks.
const GO = 'go 1.19\n\nrequire example.com/leaf v1.0.0\n';
const PACKAGES = `
import gzip, hashlib, io, json, os, tarfile, zipfile
for v in ("1.0.0", "1.2.0"):
    at = "/tmp/proxy/example.com/leaf/@v/"
    os.makedirs(at, exist_ok=True)
    mod = "module example.com/leaf\\n\\ngo 1.19\\n"
    open(at + "v%s.mod" % v, "w").write(mod)
    open(at + "v%s.info" % v, "w").write(json.dumps({"Version": "v" + v, "Time": "2024-01-0%sT00:00:00Z" % (int(v[2]) + 1)}))
    open(at + "list", "a").write("v%s\\n" % v)
    with zipfile.ZipFile(at + "v%s.zip" % v, "w") as z:
        z.writestr("example.com/leaf@v%s/go.mod" % v, mod)
        z.writestr("example.com/leaf@v%s/leaf.go" % v, "package leaf\\n")
    os.makedirs("/tmp/crates/index/le/af", exist_ok=True)
    crate = "/tmp/crates/leaf-%s.crate" % v
    with tarfile.open(crate, "w:gz") as t:
        for name, text in (("Cargo.toml", '[package]\\nname = "leaf"\\nversion = "%s"\\n' % v), ("src/lib.rs", "")):
            info = tarfile.TarInfo("leaf-%s/%s" % (v, name)); info.size = len(text)
            t.addfile(info, io.BytesIO(text.encode()))
    open("/tmp/crates/index/le/af/leaf", "a").write(json.dumps({"name": "leaf", "vers": v, "deps": [], "features": {}, "yanked": False,
        "cksum": hashlib.sha256(open(crate, "rb").read()).hexdigest()}) + "\\n")
`;
const has = async (t, tool) => {
  const there = (await sh(`command -v ${tool} || true`)).trim() !== '';
  if (!there) t.skip(`the image has no ${tool}`);
  else await write('packages.py', PACKAGES).then(() => sh('rm -rf /tmp/proxy /tmp/crates; python3 packages.py'));
  return there;
};

test('dependencies: go, also what tests alone need and what is vendored', async (t) => {
  if (!await has(t, 'go')) return;
  const env = { GOPROXY: 'file:///tmp/proxy', GOSUMDB: 'off' };
  await job('dependencies', { 'go.mod': `module example.com/app\n\n${GO}`, 'a.go': 'package app\n',
    'a_test.go': 'package app\n\nimport _ "example.com/leaf"\n',
    'vendor/modules.txt': '# example.com/leaf v1.0.0\n## explicit; go 1.19\nexample.com/leaf\n', 'vendor/example.com/leaf/leaf.go': 'package leaf\n' },
  { ...env, GOFLAGS: '-mod=mod' });
  assert.match(await cat('go.mod'), /require example\.com\/leaf v1\.2\.0/);
  assert.match(await cat('vendor/modules.txt'), /^# example\.com\/leaf v1\.2\.0/);
  assert.match(await sh('cat summary.md'), /\| `example\.com\/leaf` \| v1\.0\.0 \| v1\.2\.0 \|/);
  await sh('cd repo && go vet ./...');
});

test('dependencies: cargo', async (t) => {
  if (!await has(t, 'cargo')) return;
  const files = { 'Cargo.toml': '[package]\nname = "app"\nversion = "0.1.0"\n\n[dependencies]\nleaf = "1.0"\n', 'src/lib.rs': '', 'Cargo.lock': '',
    '.cargo/config.toml': '[source.crates-io]\nreplace-with = "here"\n\n[source.here]\nlocal-registry = "/tmp/crates"\n' };
  await job('dependencies', files, { JOB_COMMAND: 'cargo update && cargo update -p leaf --precise 1.0.0' });
  assert.match(await cat('Cargo.lock'), /name = "leaf"\nversion = "1\.0\.0"/);
  await sh('cd repo && env BOXWRIGHT_SUMMARY=../summary.md sh ../job.sh');
  assert.match(await cat('Cargo.lock'), /name = "leaf"\nversion = "1\.2\.0"/);
  assert.equal(await sh('cat summary.md'), TABLE);
});

test('dependencies: nothing to be found is a failure that says what to do', async () => {
  assert.match(await job('dependencies', { 'a.txt': 'a\n' }, {}, { fails: true }), /say with: \{command/);
});

test('dependencies: a command of the repository goes instead', async () => {
  await job('dependencies', { 'package-lock.json': '{}' }, { JOB_COMMAND: 'echo done > mine.txt' });
  assert.equal(await cat('mine.txt'), 'done\n');
});

test('licence headers: once in each file that lacks it, behind what must come first', async () => {
  const files = { 'a.c': 'int a;\n', 'b.sh': '#!/bin/sh\ntrue\n', 'c.py': '# SPDX-License-Identifier: MIT\n', 'd.bin': '\0\n' };
  const env = { JOB_HEADER: 'SPDX-License-Identifier: MIT' };
  assert.deepEqual((await job('licence_headers', files, env)).trim().split('\n'), ['a.c', 'b.sh']);
  assert.equal(await cat('a.c'), '/* SPDX-License-Identifier: MIT */\nint a;\n');
  assert.equal(await cat('b.sh'), '#!/bin/sh\n# SPDX-License-Identifier: MIT\ntrue\n');
  assert.equal(await sh('cd repo && git add -A && env JOB_HEADER="SPDX-License-Identifier: MIT" sh ../job.sh'), '', 'a second run changes nothing');
});
