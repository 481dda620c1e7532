// SPDX-License-Identifier: MIT
// Real git: bare repositories in a folder, served by `git http-backend` behind the check
// of an installation token; and questions that the pull requests ask of them.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Refusal, holds } from './auth.mjs';

// What git must not take from the person who runs the tests.
export const GIT_ENV = { PATH: process.env.PATH, HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'Mona', GIT_AUTHOR_EMAIL: 'mona@example.com',
  GIT_COMMITTER_NAME: 'Mona', GIT_COMMITTER_EMAIL: 'mona@example.com',
  LC_ALL: 'C.UTF-8' };

// GitHub's rule for Apps: workflow files need a permission of their own.
const PRE_RECEIVE = `#!/bin/sh
[ "$STANDIN_WORKFLOWS" = write ] && exit 0
while read old new ref; do
	case $new in *[!0]*) ;; *) continue ;; esac
	files=$(git diff-tree -r --root --no-commit-id --name-only "$new" -- .github/workflows
		case $old in *[!0]*) git diff --name-only "$old" "$new" -- .github/workflows ;; esac)
	if [ -n "$files" ]; then
		echo "refusing to allow a GitHub App to create or update workflow \\\`$files\\\` without \\\`workflows\\\` permission" >&2
		exit 1
	fi
done
`;

export function git(dir, args, options = {}) {
  return execFileSync('git', args, { cwd: dir, env: GIT_ENV, encoding: 'utf8',
    maxBuffer: 64 << 20, stdio: ['pipe', 'pipe', 'pipe'], ...options });
}

export class GitServer {
  constructor(folder) {
    this.folder = folder;
    this.children = new Set();
  }

  dir(owner, name) { return path.join(this.folder, owner, `${name}.git`); }
  has(owner, name) { return fs.existsSync(path.join(this.dir(owner, name), 'HEAD')); }

  // A bare repository; with `fixture` its first commit holds that folder as it is.
  create(owner, name, { branch = 'main', fixture } = {}) {
    const dir = this.dir(owner, name);
    fs.mkdirSync(dir, { recursive: true });
    git(dir, ['init', '-q', '--bare', `--initial-branch=${branch}`]);
    for (const [key, value] of [['http.receivepack', 'true'], ['uploadpack.allowFilter', 'true'],
      ['uploadpack.allowAnySHA1InWant', 'true'], ['receive.fsckObjects', 'true'],
      ['gc.auto', '0'], ['receive.denyDeleteCurrent', 'true']])
      git(dir, ['config', key, value]);
    fs.writeFileSync(path.join(dir, 'hooks', 'pre-receive'), PRE_RECEIVE, { mode: 0o755 });
    if (fixture) this.commitFolder(owner, name, fixture, { branch, message: 'Begin' });
    return dir;
  }

  // One more commit on a branch whose tree is the folder's; returns its id.  A branch that
  // is not there yet begins at `from`.
  commitFolder(owner, name, folder, { branch = 'main', from = 'main', message = 'Change' } = {}) {
    const dir = this.dir(owner, name);
    const index = path.join(dir, `index.${process.pid}`);
    const env = { ...GIT_ENV, GIT_DIR: dir, GIT_WORK_TREE: path.resolve(folder),
      GIT_INDEX_FILE: index };
    fs.rmSync(index, { force: true });
    git(folder, ['add', '-A', '-f', '.'], { env });
    const tree = git(folder, ['write-tree'], { env }).trim();
    fs.rmSync(index, { force: true });
    const parent = this.sha(owner, name, branch) ?? this.sha(owner, name, from);
    const commit = git(dir, ['commit-tree', tree, '-m', message,
      ...(parent ? ['-p', parent] : [])]).trim();
    git(dir, ['update-ref', `refs/heads/${branch}`, commit]);
    return commit;
  }

  // One more commit of `files` ({path: text, null: gone}) over what the branch holds; one that
  // is not there yet begins at `from`.  Returns its id.
  commitFiles(owner, name, files, { branch = 'main', from = 'main', message = 'Change', author = 'Mona' } = {}) {
    const dir = this.dir(owner, name);
    const index = path.join(dir, `index.${process.pid}.files`);
    const env = { ...GIT_ENV, GIT_DIR: dir, GIT_INDEX_FILE: index, GIT_AUTHOR_NAME: author,
      GIT_AUTHOR_EMAIL: `${author}@example.com` };
    fs.rmSync(index, { force: true });
    const parent = this.sha(owner, name, branch) ?? this.sha(owner, name, from);
    if (parent) git(dir, ['read-tree', parent], { env });
    for (const [file, text] of Object.entries(files)) {
      if (text === null) {
        git(dir, ['update-index', '--force-remove', '--', file], { env });
        continue;
      }
      const oid = git(dir, ['hash-object', '-w', '--stdin'], { env, input: text }).trim();
      git(dir, ['update-index', '--add', '--cacheinfo', `100644,${oid},${file}`], { env });
    }
    const tree = git(dir, ['write-tree'], { env }).trim();
    fs.rmSync(index, { force: true });
    const commit = git(dir, ['commit-tree', tree, '-m', message, ...(parent ? ['-p', parent] : [])], { env }).trim();
    git(dir, ['update-ref', `refs/heads/${branch}`, commit]);
    return commit;
  }

  // A branch of another repository under a ref of this one.
  take(owner, name, from, branch, ref) {
    git(this.dir(owner, name), ['fetch', '-q', '--no-tags', from, `+refs/heads/${branch}:${ref}`]);
  }

  // Merges with two parents; null when there are conflicts.
  merge(owner, name, base, head, message) {
    const dir = this.dir(owner, name);
    let tree;
    try { [tree] = git(dir, ['merge-tree', '--write-tree', base, head]).split('\n'); } catch { return null; }
    return git(dir, ['commit-tree', tree, '-m', message, '-p', base, '-p', head]).trim();
  }
  mergeable(owner, name, base, head) {
    try { git(this.dir(owner, name), ['merge-tree', '--write-tree', base, head]); return true; } catch { return false; }
  }

  diff(owner, name, base, head) {
    return git(this.dir(owner, name), ['-c', 'core.quotePath=false', 'diff', '--no-color', '--no-ext-diff', `${base}...${head}`]);
  }
  isAncestor(owner, name, old, head) {
    try { git(this.dir(owner, name), ['merge-base', '--is-ancestor', old, head]); return true; } catch { return false; }
  }
  // Whether a file is the same in two commits.
  same(owner, name, a, b, file) {
    try { git(this.dir(owner, name), ['diff', '--quiet', a, b, '--', file]); return true; } catch { return false; }
  }
  // The commit of a branch or of an id; null.
  commitOf(owner, name, ref) {
    return this.sha(owner, name, ref) ?? (this.exists(owner, name, ref) ? ref : null);
  }
  exists(owner, name, oid) {
    if (!/^[0-9a-f]{40,64}$/.test(oid)) return false;
    try { git(this.dir(owner, name), ['cat-file', '-e', `${oid}^{commit}`]); return true; } catch { return false; }
  }
  branchAt(owner, name, oid) {
    const [first] = git(this.dir(owner, name), ['for-each-ref', '--points-at', oid, '--format=%(refname:lstrip=2)',
      'refs/heads']).split('\n');
    return first || null;
  }
  setBranch(owner, name, branch, oid) {
    git(this.dir(owner, name), ['update-ref', `refs/heads/${branch}`, oid]);
  }
  // {path: text} of a folder.
  filesOf(folder) {
    const all = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((e) => e.isFile());
    return Object.fromEntries(all.map((e) => path.join(e.path ?? e.parentPath, e.name))
      .map((file) => [path.relative(folder, file), fs.readFileSync(file)]));
  }

  // [{id, message, author, added, modified, removed}] as a push tells them, oldest first.
  commits(owner, name, before, after) {
    const dir = this.dir(owner, name);
    const list = git(dir, ['rev-list', '--reverse', '--max-count=20', ...(before ? [`${before}..${after}`] : [after])])
      .split('\n').filter(Boolean);
    return list.map((id) => {
      const [tree, when, author, email, ...message] = git(dir, ['log', '-1', '--format=%T%n%cI%n%an%n%ae%n%B', id]).split('\n');
      const files = { A: [], M: [], D: [] };
      for (const line of git(dir, ['diff-tree', '-r', '--root', '--no-commit-id', '--name-status', '--no-renames', id])
        .split('\n').filter(Boolean))
        files[line[0] === 'T' ? 'M' : line[0]]?.push(line.slice(2));
      const person = { name: author, email };
      return { id, tree_id: tree, distinct: true, message: message.join('\n').trim(), timestamp: when,
        url: `http://127.0.0.1/${owner}/${name}/commit/${id}`, author: person, committer: person,
        added: files.A, removed: files.D, modified: files.M };
    });
  }

  sha(owner, name, branch) {
    try {
      return git(this.dir(owner, name),
        ['rev-parse', '--verify', '-q', `refs/heads/${branch}^{commit}`]).trim();
    } catch { return null; }
  }

  // [{mode, type, oid, path}] of a ref's whole tree.
  tree(owner, name, ref) {
    return git(this.dir(owner, name), ['ls-tree', '-r', '-z', '--full-tree', ref])
      .split('\0').filter(Boolean).map((line) => {
        const [head, file] = [line.slice(0, line.indexOf('\t')), line.slice(line.indexOf('\t') + 1)];
        const [mode, type, oid] = head.split(' ');
        return { mode, type, oid, path: file };
      });
  }

  blob(owner, name, oid) {
    return git(this.dir(owner, name), ['cat-file', 'blob', oid], { encoding: 'buffer' });
  }

  // What a pull request tells about its commits; null without common history.
  compare(owner, name, base, head) {
    const dir = this.dir(owner, name);
    try { git(dir, ['merge-base', base, head]); } catch { return null; }
    const range = `${base}...${head}`;
    const lines = git(dir, ['diff', '--numstat', '--no-renames', range]).split('\n').filter(Boolean);
    const sum = (i) => lines.reduce((n, l) => n + (Number(l.split('\t')[i]) || 0), 0);
    return { commits: Number(git(dir, ['rev-list', '--count', `${base}..${head}`])),
      additions: sum(0), deletions: sum(1), changed_files: lines.length };
  }

  // Time of a branch's last commit.
  time(owner, name, branch) {
    try {
      return new Date(Number(git(this.dir(owner, name), ['log', '-1', '--format=%ct', `refs/heads/${branch}`])) * 1000)
        .toISOString().replace(/\.\d+/, '');
    } catch { return null; }
  }

  // The service of one git request, "upload-pack" or "receive-pack"; null for others.
  static service(url) {
    const match = /^\/([^/]+)\/([^/]+?)\.git\/(info\/refs|git-upload-pack|git-receive-pack)$/
      .exec(url.pathname);
    if (!match) return null;
    const service = (url.searchParams.get('service') ?? match[3]).replace(/^git-/, '');
    return { owner: match[1], name: match[2], rest: match[3], service };
  }

  // Throws a Refusal unless the Basic credential may do this; returns the token.
  check(want, header, tokens, repo) {
    const challenge = { 'www-authenticate': 'Basic realm="GitHub"' };
    const write = want.service === 'receive-pack';
    const basic = /^Basic (.+)$/i.exec(header ?? '');
    if (!basic) {
      if (repo && !repo.private && !write) return null;
      throw new Refusal(401, 'Authentication required', challenge);
    }
    const [user, ...password] = Buffer.from(basic[1], 'base64').toString().split(':');
    let token;
    try { token = tokens.get(password.join(':')); } catch {
      throw new Refusal(401, 'Invalid username or token.', challenge);
    }
    if (user !== 'x-access-token') throw new Refusal(401, 'Invalid username or token.', challenge);
    if (!repo || !token.repositories.has(repo.id)) throw new Refusal(404, 'Repository not found.');
    if (!holds(token, 'contents', write ? 'write' : 'read'))
      throw new Refusal(403, write ? 'Write access to repository not granted.'
        : 'Resource not accessible by integration');
    return token;
  }

  serve(req, res, url, want, token, done) {
    const env = { ...GIT_ENV, GIT_PROJECT_ROOT: this.folder, GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: url.pathname, QUERY_STRING: url.search.slice(1), REQUEST_METHOD: req.method,
      CONTENT_TYPE: req.headers['content-type'] ?? '', REMOTE_USER: 'x-access-token',
      REMOTE_ADDR: '127.0.0.1', STANDIN_WORKFLOWS: token?.permissions.workflows ?? '',
      ...(req.headers['content-length'] && { CONTENT_LENGTH: req.headers['content-length'] }),
      ...(req.headers['content-encoding'] && { HTTP_CONTENT_ENCODING: req.headers['content-encoding'] }),
      ...(req.headers['git-protocol'] && { GIT_PROTOCOL: req.headers['git-protocol'] }) };
    // With those that it starts: it spins for ever when a body ends too early.
    const child = spawn('git', ['http-backend'], { env, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    this.children.add(child);
    child.on('close', (code) => { this.children.delete(child); done(code, res.statusCode); });
    child.stdin.on('error', () => {});
    child.stderr.resume();
    req.pipe(child.stdin);
    res.on('close', () => {
      if (res.writableFinished) return;
      // A push that has come whole is made, whoever hears of it.
      if (req.complete && url.pathname.endsWith('/git-receive-pack')) child.stdout.resume();
      else end(child);
    });
    relayCgi(child.stdout, res);
  }

  close() { this.children.forEach(end); }
}

function end(child) {
  try { process.kill(-child.pid, 'SIGKILL'); } catch { /* it has ended */ }
}

// CGI's header, then the body as it comes.
function relayCgi(stream, res) {
  let head = Buffer.alloc(0);
  stream.on('data', function onData(chunk) {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    stream.off('data', onData);
    for (const line of head.subarray(0, end).toString().split('\r\n')) {
      const at = line.indexOf(':');
      const [name, value] = [line.slice(0, at), line.slice(at + 1).trim()];
      if (name.toLowerCase() === 'status') res.statusCode = parseInt(value, 10);
      else res.setHeader(name, value);
    }
    res.write(head.subarray(end + 4));
    stream.pipe(res);
  });
  stream.on('end', () => { if (!res.writableEnded) res.end(); });
}
