// SPDX-License-Identifier: MIT
// Contents of files, branches and issues in the forms that the state engine lacks.
import { Refusal } from './auth.mjs';

const CONTENT_MAX = 1 << 20; // above it GitHub tells a size and no content

export class Files {
  constructor(standin) {
    this.s = standin;
    this.operations = {
      'repos/get-content': (c) => this.content(c),
      'issues/list-for-repo': (c) => this.issues(c),
    };
  }

  content({ params, query, repo }) {
    const { git, url } = this.s;
    const ref = query.ref ?? repo.default_branch;
    const commit = git.commitOf(params.owner, params.repo, ref);
    if (!commit) throw new Refusal(404, `No commit found for the ref ${ref}`);
    const all = git.tree(params.owner, params.repo, commit);
    const told = (entry) => {
      const api = `${url}/repos/${repo.full_name}`;
      const self = `${api}/contents/${entry.path}?ref=${ref}`;
      const html = `${url}/${repo.full_name}/blob/${ref}/${entry.path}`;
      const bytes = entry.type === 'commit' ? Buffer.alloc(0) : git.blob(params.owner, params.repo, entry.oid);
      return { bytes, json: { name: entry.path.split('/').pop(), path: entry.path, sha: entry.oid,
        size: bytes.length, url: self, html_url: html, git_url: `${api}/git/blobs/${entry.oid}`,
        download_url: `${url}/raw/${repo.full_name}/${ref}/${entry.path}`, type: typeOf(entry),
        _links: { self, git: `${api}/git/blobs/${entry.oid}`, html } } };
    };
    const file = all.find((e) => e.path === params.path);
    if (file) {
      const { bytes, json } = told(file);
      if (json.type === 'symlink') return { status: 200, body: { ...json, target: bytes.toString() } };
      if (json.type === 'submodule') return { status: 200, body: { ...json, submodule_git_url: url } };
      const small = bytes.length <= CONTENT_MAX;
      return { status: 200, body: { ...json, encoding: small ? 'base64' : 'none',
        content: small ? bytes.toString('base64').replace(/.{60}(?=.)|.$/g, '$&\n') : '' } };
    }
    const inside = all.filter((e) => e.path.startsWith(`${params.path}/`) &&
      !e.path.slice(params.path.length + 1).includes('/'));
    if (!inside.length) throw new Refusal(404, 'Not Found');
    return { status: 200, body: inside.map((e) => told(e).json) };
  }

  async issues({ params, query, repo }) {
    const { creator, per_page: size, page, ...rest } = query;
    const list = [];
    for (let at = 1; ; at++) {
      const q = new URLSearchParams({ ...rest, per_page: 100, page: at });
      const answer = await this.s.upstream('GET', `/repos/${repo.full_name}/issues?${q}`);
      list.push(...answer.body);
      if (answer.body.length < 100) break;
    }
    const mine = creator ? list.filter((i) => i.user.login.toLowerCase() === creator.toLowerCase()) : list;
    const out = this.s.local.page(mine, query, `/repos/${repo.full_name}/issues`);
    out.body.forEach((i) => this.s.local.markPull({ ...params, issue_number: i.number }, repo, i));
    return out;
  }
}

function typeOf({ mode, type }) {
  if (mode === '120000') return 'symlink';
  return type === 'commit' ? 'submodule' : 'file';
}
