// SPDX-License-Identifier: MIT
// What a flow test stands on: the stand-in, a service before it, and a person who asks.
//
//   const world = await startWorld({ repo: { fixture: 'tests/demo/repo' }, config: {...} });
//   const task = await world.fix(issue);          // comment, signed delivery, end of the task
//   world.tree(task.branch)                       // [{mode, type, oid, path}]
//   await world.close();
import { startStandin } from '../../standin/standin.mjs';
import { startBoxwright } from './boxwright.mjs';

export { startStandin, startBoxwright };
export { until } from './boxwright.mjs';

export class World {
  static async start({ repo = {}, seed = {}, config, env, strict = true } = {}) {
    const w = new World();
    const { owner = 'octocat', name = 'sample' } = repo;
    w.owner = owner;
    w.name = name;
    w.repo = `${owner}/${name}`;
    w.standin = await startStandin({ strict, seed: { users: ['maintainer', 'stranger'], ...seed,
      repos: [{ owner, name, private: true, collaborators: { maintainer: 'write' }, ...repo },
        ...(seed.repos ?? [])] } });
    try {
      w.boxwright = await startBoxwright({ standin: w.standin, config, env });
    } catch (error) {
      await w.standin.close();
      throw error;
    }
    return w;
  }

  issue(title, body, login = 'maintainer') {
    return this.standin.issue({ repo: this.repo, login, title, body });
  }

  // A person's comment, delivered as GitHub does; -> {comment, delivery}.
  async comment(issue, body, login = 'maintainer', options = {}) {
    const comment = await this.standin.comment({ repo: this.repo, issue, login, body });
    const delivery = await this.standin.deliver('issue_comment',
      { action: 'created', repo: this.repo, issue, comment: comment.id, ...options });
    return { comment, delivery };
  }

  // Asks for a fix and waits for the end of its task.
  async fix(issue, { text = '/boxwright fix', login, ms, state } = {}) {
    const { comment, delivery } = await this.comment(issue, text, login);
    if (delivery.status_code !== 202)
      throw new Error(`the delivery got ${delivery.status_code}: ${delivery.answer}`);
    const { id } = await this.boxwright.taskOf(delivery.guid);
    return { ...await this.boxwright.waitForTask(id, { ms, state }), comment };
  }

  tree(ref) { return this.standin.git.tree(this.owner, this.name, ref); }
  blob(oid) { return this.standin.git.blob(this.owner, this.name, oid); }
  sha(branch) { return this.standin.git.sha(this.owner, this.name, branch); }

  // What people see on an issue: comments as GitHub's API tells them.
  async comments(issue) {
    return (await this.standin.upstream('GET',
      `/repos/${this.repo}/issues/${issue}/comments?per_page=100`)).body;
  }
  reactions(kind, id) {
    return this.standin.local.reactions.get(`${this.repo} ${kind} ${id}`) ?? [];
  }
  // A pull request as people read it: {title, body, state, ...}.
  async pull(number) {
    return (await this.standin.upstream('GET', `/repos/${this.repo}/issues/${number}`)).body;
  }
  pulls() { return [...this.standin.local.pullsOf({ owner: this.owner, repo: this.name }).values()]; }

  // Ends everything; fails when a call to GitHub broke its contract.
  async close() {
    const violations = this.standin.violations();
    try {
      await this.boxwright.stop();
    } finally {
      await this.standin.close();
    }
    if (violations.length)
      throw new Error(`calls that GitHub would refuse: ${JSON.stringify(violations.slice(0, 5), null, 1)}`);
  }
}

export const startWorld = (options) => World.start(options);
