// SPDX-License-Identifier: MIT
// The steering wheel, /_gate/*: for tests that run in another process, and for people.

const ACTS = ['pull', 'review', 'reviewComment', 'checkRun', 'press', 'workflowRun', 'closePull', 'reopenPull', 'mergePull',
  'commit', 'push', 'fork', 'dropFork', 'editIssue', 'label'];
const HANDLERS = {
  'GET /_gate/log': (s) => s.log,
  'GET /_gate/deliveries': (s) => s.hooks.list.map(({ body, ...d }) => d),
  'POST /_gate/faults': (s, b) => { [].concat(b).forEach((f) => s.faults.add(f)); },
  'DELETE /_gate/faults': (s) => { s.faults.clear(); },
  'POST /_gate/expire': (s) => { s.tokens.expireAll(); },
  'POST /_gate/down': (s, b) => { s.hooks.down = b.down; },
  'POST /_gate/receiver': (s, b) => { s.hooks.url = b.url; },
  'POST /_gate/role': (s, b) => { s.roles.set(`${b.repo} ${b.login}`, b.role); },
  'POST /_gate/issue': (s, b) => s.issue(b),
  'POST /_gate/comment': async (s, b) => {
    const comment = await s.comment(b);
    if (!b.deliver) return { comment };
    const delivery = await s.deliver('issue_comment',
      { action: 'created', repo: b.repo, issue: b.issue, comment: comment.id });
    return { comment, delivery: brief(delivery) };
  },
  'POST /_gate/deliver': async (s, b) => brief(b.payload
    ? await s.hooks.send(b.event, b.payload, b.options)
    : await s.deliver(b.event, b, b.options)),
  'POST /_gate/commit': (s, b) => ({ sha: s.git.commitFolder(...b.repo.split('/'), b.folder, b) }),
  'POST /_gate/act': (s, b, q) => ACTS.includes(q.get('do')) ? s[q.get('do')](b) : Promise.reject(new Error(`do: ${ACTS}`)),
  'GET /_gate/tree': (s, b, q) => s.git.tree(...q.get('repo').split('/'), q.get('ref')),
};

function brief({ id, guid, event, status, status_code, answer }) {
  return { id, guid, event, status, status_code, answer };
}

export async function control(standin, req, res, url, readBody) {
  const handler = HANDLERS[`${req.method} ${url.pathname}`];
  const raw = await readBody(req);
  let status = handler ? 200 : 404;
  let out = { message: `no such call; there are: ${Object.keys(HANDLERS).join(', ')}` };
  if (handler) {
    try {
      out = await handler(standin, raw.length ? JSON.parse(raw) : {}, url.searchParams) ?? { ok: true };
    } catch (error) {
      status = 400;
      out = { message: String(error.message) };
    }
  }
  const text = JSON.stringify(out);
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  res.end(text);
}
