// SPDX-License-Identifier: MIT
// What people and other programs do at GitHub: each changes the stand-in's state and, unless
// `deliver` is false, sends the signed deliveries that GitHub would send for it.
import { ACTIONS } from './checks.mjs';

const DEFAULT_LOGIN = 'maintainer';

export const people = {
  async person(login) {
    return login === `${this.app.slug}[bot]` ? this.bot()
      : (await this.state.call('GET', `/users/${encodeURIComponent(login)}`, undefined, login)).body;
  },

  // {params, repo} of "owner/name".
  async at(full) {
    const [owner, name] = full.split('/');
    return { params: { owner, repo: name }, repo: await this.repo(owner, name) };
  },

  // A person's fork: a repository that the App is not installed on, with the branches of the
  // one that it was made of; push to it, and open pull requests of head "login:branch".
  async fork({ repo, login }) {
    const { params, repo: from } = await this.at(repo);
    const full = `${login}/${params.repo}`;
    const made = await this.state.call('POST', '/user/repos', { name: params.repo, private: from.private, auto_init: false }, login);
    if (made.status !== 201) throw new Error(`fork: ${JSON.stringify(made.body)}`);
    this.forks.set(full, repo);
    const dir = this.git.create(login, params.repo, { branch: from.default_branch });
    this.git.take(login, params.repo, this.git.dir(params.owner, params.repo), '*', 'refs/heads/*');
    return { full_name: full, id: made.body.id, dir };
  },

  // The fork is deleted; what it offered stays where it stood.
  async dropFork({ repo }) {
    for (const pull of this.local.pullsOf((await this.at(this.forks.get(repo))).params).values())
      if (pull.fork === repo) this.local.headOf((await this.at(this.forks.get(repo))).params, pull);
    this.forks.delete(repo);
    this.gone.add(repo);
  },

  // A person opens a pull request from a branch that is there, "branch" or a fork's "login:branch".  -> {number, pull, deliveries}
  async pull({ repo, login = DEFAULT_LOGIN, title = 'A change', body = '', head, base = 'main', draft = false, deliver = true }) {
    const at = await this.at(repo);
    const issue = await this.issue({ repo, login, title, body });
    const { git, local } = this;
    const [branch, owner] = head.split(':').reverse();
    const fork = owner && owner !== at.params.owner ? `${owner}/${at.params.repo}` : null;
    if (fork && this.forks.get(fork) !== repo) throw new Error(`${fork} is no fork of ${repo}`);
    const pull = { number: issue.number, head: branch, fork, base, base_sha: git.sha(at.params.owner, at.params.repo, base), draft,
      state: 'open', created_at: issue.created_at, user_id: issue.user.id, id: 7000000 + issue.id };
    if (!git.sha(owner ?? at.params.owner, at.params.repo, branch)) throw new Error(`there is no branch ${head}`);
    local.pullsOf(at.params).set(pull.number, pull);
    local.headOf(at.params, pull);
    const deliveries = deliver
      ? [await this.deliver('pull_request', { action: 'opened', repo, pull: pull.number, sender: login })] : [];
    return { number: pull.number, pull: await local.pullJson(at.params, at.repo, pull), deliveries };
  },

  // A review: state "commented", "changes_requested" or "approved"; comments [{path, line, body,
  // side?, start_line?}].  -> {review, comments: GitHub's objects, delivery, deliveries}: one
  // pull_request_review (delivery) and one pull_request_review_comment for each comment.
  async review({ repo, number, login = DEFAULT_LOGIN, state = 'commented', body = '', comments = [], deliver = true }) {
    const at = await this.at(repo);
    const pull = this.local.need(at.params, number);
    const review = this.reviews.add({ params: at.params, pull, user: await this.person(login),
      state: state.toUpperCase(), body, comments });
    const deliveries = [];
    if (deliver) {
      deliveries.push(await this.deliver('pull_request_review',
        { action: 'submitted', repo, pull: number, review: review.id, sender: login }));
      for (const c of review.comments)
        deliveries.push(await this.deliver('pull_request_review_comment',
          { action: 'created', repo, pull: number, reviewComment: c.id, sender: login }));
    }
    return { review: this.reviews.json(at, review), delivery: deliveries[0], deliveries,
      comments: review.comments.map((c) => this.reviews.commentJson(at, c)) };
  },

  // One inline comment, or with in_reply_to an answer in a thread; GitHub makes a review of it,
  // whose delivery comes first.  -> {comment, review, delivery: the comment's, deliveries}
  async reviewComment({ repo, number, login = DEFAULT_LOGIN, path, line, side, start_line, body, in_reply_to: replyTo,
    deliver = true }) {
    if (replyTo === undefined) {
      const made = await this.review({ repo, number, login, deliver, comments: [{ path, line, side, start_line, body }] });
      return { ...made, comment: made.comments[0], delivery: made.deliveries[1] };
    }
    const at = await this.at(repo);
    const to = this.reviews.needComment({ params: { ...at.params, comment_id: replyTo } });
    const made = this.reviews.answer({ params: at.params, pull: this.local.need(at.params, number),
      user: await this.person(login), to, body });
    const review = this.reviews.list.find((r) => r.id === made.review_id);
    const deliveries = deliver ? [
      await this.deliver('pull_request_review', { action: 'submitted', repo, pull: number, review: review.id, sender: login }),
      await this.deliver('pull_request_review_comment', { action: 'created', repo, pull: number, reviewComment: made.id,
        sender: login })] : [];
    return { comment: this.reviews.commentJson(at, made), review: this.reviews.json(at, review),
      delivery: deliveries[1], deliveries };
  },

  // A check run of GitHub Actions (or of `app`, any slug) on a commit: of `sha`, else of the head
  // of `branch`, else of pull request `number`.  `log` is what an Actions job printed (null: it is
  // gone).  `deliver`: true (check_run completed), false, or names out of check_run, check_suite.
  // -> {run: GitHub's object, delivery, deliveries}
  async checkRun({ repo, sha, branch, number, name = 'test', conclusion = 'failure', status, app = ACTIONS.slug, log,
    output, annotations = [], login, deliver = true, action }) {
    const at = await this.at(repo);
    const { owner, repo: short } = at.params;
    const pull = number && this.local.need(at.params, number);
    const head = sha ?? (pull && !branch ? this.local.headOf(at.params, pull) : this.git.sha(owner, short, branch));
    const told = pull?.fork && app === ACTIONS.slug ? pull.head : undefined;
    const run = this.checks.add(at.params, { name, head_sha: head, head_branch: told, status: status ?? (conclusion ? 'completed' : 'in_progress'),
      conclusion, output: { ...output, annotations } }, this.checks.app(app));
    run.log = log;
    const deliveries = [];
    const sender = login ?? (app === ACTIONS.slug ? owner : `${app.slug ?? app}`);
    const who = { sender: (await this.person(sender)).id ? sender : owner };
    for (const event of deliver === true ? ['check_run'] : deliver || [])
      deliveries.push(await this.deliver(event, { action: action ?? (run.status === 'completed' ? 'completed' : 'created'),
        repo, ...(event === 'check_run' ? { checkRun: run.id } : { checkSuite: run.suite.id }), ...who }));
    return { run: this.checks.json(at, run), suite: run.suite.id, delivery: deliveries[0], deliveries };
  },

  // A button of our own check run, or "Re-run": {repo, id, button: "stop", login} or {..., action: "rerequested"}.
  async press({ repo, id, button, action = 'requested_action', login = DEFAULT_LOGIN }) {
    return this.deliver('check_run', { action, repo, checkRun: id, sender: login, ...(button && { button }) });
  },

  // A run of a workflow with its jobs ([{name, conclusion, log, output}], each a check run).
  // Delivered: workflow_run completed only.  -> {id, runs, delivery}
  async workflowRun({ repo, sha, branch, number, name = 'CI', event = 'push', conclusion = 'failure', jobs = [{ name: 'test' }],
    login, deliver = true, action = 'completed' }) {
    const at = await this.at(repo);
    const { owner, repo: short } = at.params;
    const pull = number && this.local.need(at.params, number);
    const ref = branch ?? pull?.head ?? null;
    const head = sha ?? (pull ? this.local.headOf(at.params, pull) : this.git.sha(owner, short, ref));
    const runs = [];
    for (const job of jobs)
      runs.push((await this.checkRun({ repo, sha: head, number, conclusion, ...job, deliver: false })));
    const suite = runs[0]?.suite;
    const id = suite ?? this.checks.nextId++;
    const api = `${this.url}/repos/${repo}/actions/runs/${id}`;
    const html = `${this.url}/${repo}/actions/runs/${id}`;
    const actor = await this.person(login ?? owner);
    const [commit] = this.git.commits(owner, short, null, head).slice(-1);
    const run = { id, name, node_id: `WFR_${id}`, check_suite_id: suite, head_branch: ref ?? this.git.branchAt(owner, short, head),
      head_sha: head, path: '.github/workflows/ci.yml', run_number: 1, run_attempt: 1, event, status: 'completed', conclusion,
      url: api, html_url: html, jobs_url: `${api}/jobs`, logs_url: `${api}/logs`, actor, triggering_actor: actor,
      head_repository: pull?.fork ? await this.repo(...pull.fork.split('/')) : undefined,
      pull_requests: this.checks.pulls(at.params, head), head_commit: commit };
    const delivery = deliver ? await this.deliver('workflow_run', { action, repo, workflowRun: run, sender: actor.login }) : undefined;
    return { id, run, runs: runs.map((r) => r.run), delivery };
  },

  // pull_request closed (merged: false).  -> the delivery
  async closePull({ repo, number, login = DEFAULT_LOGIN, deliver = true }) {
    const at = await this.at(repo);
    await this.local.setState(at.repo, this.local.need(at.params, number), 'closed');
    return deliver ? this.deliver('pull_request', { action: 'closed', repo, pull: number, sender: login }) : undefined;
  },

  async reopenPull({ repo, number, login = DEFAULT_LOGIN, deliver = true }) {
    const at = await this.at(repo);
    await this.local.setState(at.repo, this.local.need(at.params, number), 'open');
    return deliver ? this.deliver('pull_request', { action: 'reopened', repo, pull: number, sender: login }) : undefined;
  },

  // A real merge on the bare repository; throws on a conflict.  pull_request closed (merged: true)
  // and push of the base.  -> {sha, delivery, deliveries}
  async mergePull({ repo, number, login = DEFAULT_LOGIN, deliver = true }) {
    const at = await this.at(repo);
    const { owner, repo: short } = at.params;
    const pull = this.local.need(at.params, number);
    const before = this.git.sha(owner, short, pull.base);
    pull.head_sha = this.local.headOf(at.params, pull);
    const sha = this.git.merge(owner, short, before, pull.head_sha, `Merge pull request #${number}`);
    if (!sha) throw new Error(`pull request ${number} has conflicts`);
    this.git.setBranch(owner, short, pull.base, sha);
    await this.local.setState(at.repo, pull, 'closed');
    Object.assign(pull, { merged_at: pull.closed_at, merge_commit_sha: sha, merged_by: await this.person(login) });
    const deliveries = deliver ? [
      await this.deliver('pull_request', { action: 'closed', repo, pull: number, sender: login }),
      await this.deliver('push', { repo, push: { before, after: sha, branch: pull.base, login }, sender: login })] : [];
    return { sha, delivery: deliveries[0], deliveries };
  },

  // A person's commit, nothing delivered: `files` {path: text, null: gone} over what the branch
  // holds, or `folder` (the whole tree; with `keep` its files over what is there).  -> the new id
  commit({ repo, files, folder, keep, branch = 'main', from, message, login }) {
    const [owner, name] = repo.split('/');
    const options = { branch, from, message, author: login };
    if (folder && !keep) return this.git.commitFolder(owner, name, folder, options);
    return this.git.commitFiles(owner, name, files ?? this.git.filesOf(folder), options);
  },

  // As commit(), with the deliveries: push, and pull_request synchronize of each open pull request
  // whose head it is.  -> {sha, before, delivery: the push, deliveries}
  async push({ deliver = true, ...what }) {
    const { repo, branch = 'main', login = DEFAULT_LOGIN } = what;
    const at = await this.at(repo);
    const before = this.git.sha(at.params.owner, at.params.repo, branch);
    const sha = this.commit({ login, ...what });
    const deliveries = [];
    if (deliver) {
      const base = this.forks.get(repo); // of a fork GitHub tells only what it offers
      if (!base) deliveries.push(await this.deliver('push', { repo, push: { before, after: sha, branch, login }, sender: login }));
      for (const pull of this.local.pullsOf((base ? await this.at(base) : at).params).values())
        if (pull.state === 'open' && pull.head === branch && (pull.fork ?? undefined) === (base && repo))
          deliveries.push(await this.deliver('pull_request', { action: 'synchronize', repo: base ?? repo, pull: pull.number, sender: login,
            override: { before, after: sha } }));
    }
    return { sha, before, delivery: deliveries[0], deliveries };
  },

  // issues edited: a person (or the App's own bot) changes title or body.  -> the delivery
  async editIssue({ repo, number, login = DEFAULT_LOGIN, title, body, state, deliver = true }) {
    const old = (await this.upstream('GET', `/repos/${repo}/issues/${number}`)).body;
    await this.upstream('PATCH', `/repos/${repo}/issues/${number}`, { title, body, state });
    const changes = { ...(title !== undefined && { title: { from: old.title } }),
      ...(body !== undefined && { body: { from: old.body } }) };
    const action = state === 'closed' ? 'closed' : state === 'open' ? 'reopened' : 'edited';
    return deliver ? this.deliver('issues', { action, repo, issue: number, sender: login,
      override: action === 'edited' ? { changes } : {} }) : undefined;
  },

  async label({ repo, number, label, login = DEFAULT_LOGIN, deliver = true }) {
    await this.upstream('POST', `/repos/${repo}/issues/${number}/labels`, { labels: [label] });
    const isPull = this.local.isPull({ ...(await this.at(repo)).params, issue_number: number });
    return deliver ? this.deliver(isPull ? 'pull_request' : 'issues', { action: 'labeled', repo,
      [isPull ? 'pull' : 'issue']: number, label, sender: login }) : undefined;
  },
};
