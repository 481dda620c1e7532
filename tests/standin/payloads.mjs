// SPDX-License-Identifier: MIT
// What a delivery holds: GitHub's published example with the stand-in's own state laid over.
import { example, overlay } from './hooks.mjs';

const subjects = {
  async issue(s, at, number, payload) {
    const issue = (await s.upstream('GET', `/repos/${at.full}/issues/${number}`)).body;
    delete payload.issue?.pull_request;
    payload.issue = overlay(payload.issue ?? {},
      s.local.markPull({ ...at.params, issue_number: number }, at.repo, issue));
    // Lists are not merged, so an example's labels do not shine through.
    payload.issue.labels = issue.labels ?? [];
    payload.issue.assignees = [];
  },
  async comment(s, at, id, payload) {
    payload.comment = overlay(payload.comment ?? {},
      (await s.upstream('GET', `/repos/${at.full}/issues/comments/${id}`)).body);
  },
  async pull(s, at, number, payload, event) {
    const json = await s.local.pullJson(at.params, at.repo, s.local.need(at.params, number));
    payload.pull_request = overlay(payload.pull_request ?? {}, json);
    if ('number' in payload || event === 'pull_request') payload.number = number;
  },
  review(s, at, id, payload) {
    const review = s.reviews.list.find((r) => r.id === id);
    const json = s.reviews.json(at, review);
    payload.review = overlay(payload.review ?? {}, { ...json, state: json.state.toLowerCase(), body: json.body || null });
  },
  reviewComment(s, at, id, payload) {
    const { in_reply_to_id: _, start_line, original_start_line, start_side, ...old } = payload.comment ?? {};
    payload.comment = overlay({ ...old, start_line: null, original_start_line: null, start_side: null },
      s.reviews.commentJson(at, s.reviews.comments.find((c) => c.id === id)));
  },
  checkRun(s, at, id, payload) {
    const run = s.checks.runs.find((r) => r.id === id);
    payload.check_run = overlay(payload.check_run ?? {}, s.checks.json(at, run));
    payload.check_run.check_suite = overlay(payload.check_run.check_suite ?? {}, suiteJson(s, at, run.suite));
  },
  checkSuite(s, at, id, payload) {
    payload.check_suite = overlay(payload.check_suite ?? {}, suiteJson(s, at, s.checks.suites.find((x) => x.id === id)));
  },
  workflowRun(s, at, run, payload) {
    payload.workflow_run = overlay(payload.workflow_run ?? {}, run);
    payload.workflow_run.repository = overlay(payload.workflow_run.repository ?? {}, at.repo);
    payload.workflow_run.head_repository = overlay(payload.workflow_run.head_repository ?? {}, run.head_repository ?? at.repo);
    if (payload.workflow) payload.workflow.name = run.name;
  },
  push(s, at, { before, after, branch, login }, payload) {
    const zero = '0'.repeat(40);
    const commits = after ? s.git.commits(at.params.owner, at.params.repo, before, after) : [];
    Object.assign(payload, { ref: `refs/heads/${branch}`, before: before ?? zero, after: after ?? zero,
      created: !before, deleted: !after, forced: false, base_ref: null, commits,
      compare: `${s.url}/${at.full}/compare/${before?.slice(0, 12)}...${after?.slice(0, 12)}`,
      head_commit: commits.at(-1) ?? null, pusher: { name: login, email: `${login}@example.com` } });
  },
};

function suiteJson(s, at, suite) {
  const runs = s.checks.runs.filter((r) => r.suite === suite);
  const done = runs.every((r) => r.status === 'completed');
  const bad = runs.find((r) => !['success', 'neutral', 'skipped'].includes(r.conclusion));
  const api = `${s.url}/repos/${at.full}/check-suites/${suite.id}`;
  return { id: suite.id, node_id: `CS_${suite.id}`, head_branch: suite.branch, head_sha: suite.sha, app: suite.app,
    status: done ? 'completed' : 'in_progress', conclusion: done ? bad ? bad.conclusion : 'success' : null,
    url: api, check_runs_url: `${api}/check-runs`, after: suite.sha, latest_check_runs_count: runs.length,
    pull_requests: s.checks.pulls(at.params, suite.sha), created_at: suite.created_at, updated_at: suite.created_at };
}

const brief = ({ id, name, full_name: full, private: hidden }) =>
  ({ id, node_id: `R_${id}`, name, full_name: full, private: hidden ?? false });

// Events about an installation: who it is of, and its repositories.
async function ofInstallation(s, payload, event, { owner, repos }) {
  const account = (await s.state.call('GET', `/users/${owner}`, undefined, owner)).body;
  const list = (repos ?? s.known.filter((r) => r.owner === owner).map((r) => r.full_name))
    .map((full) => brief(s.known.find((r) => r.full_name === full) ?? { id: 999999, name: full.split('/')[1], full_name: full }));
  overlay(payload.installation, { id: s.state.installations.get(owner) ?? s.app.installation_id, account,
    app_id: s.app.app_id, target_id: account.id, permissions: s.app.permissions });
  const removed = payload.action === 'removed';
  if (event === 'installation') payload.repositories = list;
  else Object.assign(payload, { repositories_added: removed ? [] : list, repositories_removed: removed ? list : [] });
}

// { action, repo, issue, comment, pull, review, reviewComment, checkRun, checkSuite, workflowRun,
//   push, owner, repos, sender, label, button, override }
export async function payloadOf(s, event, what = {}) {
  const { action, repo, sender, label, button, override } = what;
  const payload = example(event, action);
  const about = ['installation', 'installation_repositories'].includes(event);
  if (about) payload.installation ??= {};
  else payload.installation = { id: s.app.installation_id, node_id: 'MDIzOkludGVncmF0aW9u' };
  if (repo) {
    const [owner, name] = repo.split('/');
    payload.repository = await s.repo(owner, name);
    payload.installation.id = s.state.installations.get(owner);
    const at = { params: { owner, repo: name }, repo: payload.repository, full: payload.repository.full_name };
    for (const [kind, lay] of Object.entries(subjects))
      if (what[kind] !== undefined) await lay(s, at, what[kind], payload, event);
  }
  if (about && (what.owner ?? s.known[0]?.owner))
    await ofInstallation(s, payload, event, { owner: s.known[0].owner, ...what });
  if (label) payload.label = { ...payload.label, name: label };
  if (button) payload.requested_action = { identifier: button };
  const login = sender ?? payload.comment?.user?.login ?? payload.review?.user?.login ??
    payload.pull_request?.user?.login ?? payload.issue?.user?.login;
  if ((repo || sender) && login) payload.sender = overlay(payload.sender ?? {}, await s.person(login));
  return overlay(payload, override);
}
