// SPDX-License-Identifier: MIT
// Reviews of pull requests and their inline comments.  A place must be in the pull
// request's diff, which is git's own; a place whose line has gone is outdated.
import { Refusal } from './auth.mjs';
import { now } from './local.mjs';

const STATES = { APPROVE: 'APPROVED', REQUEST_CHANGES: 'CHANGES_REQUESTED', COMMENT: 'COMMENTED' };

const refuse = (...errors) => new Refusal(422, 'Unprocessable Entity', { body: {
  message: 'Unprocessable Entity', errors, documentation_url: 'https://docs.github.com/rest' } });

// path -> {LEFT: Map(line -> {hunk, position}), RIGHT: ...} of a unified diff.
export function placesOf(diff) {
  const files = new Map();
  let file = null;
  let old = null;
  let hunk = [];
  let line = {};
  let position = 0;
  for (const text of diff.split('\n')) {
    const head = /^@@ -(\d+)(?:,\d+)? \+(\d+)/.exec(text);
    if (text.startsWith('diff --git ')) [file, hunk] = [null, []];
    else if (!hunk.length && text.startsWith('--- ')) old = text.slice(6);
    else if (!hunk.length && text.startsWith('+++ ')) {
      file = { LEFT: new Map(), RIGHT: new Map() };
      files.set(text === '+++ /dev/null' ? old : text.slice(6), file);
      position = -1;
    } else if (file && head) {
      line = { LEFT: Number(head[1]), RIGHT: Number(head[2]) };
      hunk = [text];
      position++;
    } else if (file && hunk.length && /^[ +-]/.test(text)) {
      hunk.push(text);
      position++;
      const place = { hunk: hunk.join('\n'), position };
      if (text[0] !== '+') file.LEFT.set(line.LEFT++, place);
      if (text[0] !== '-') file.RIGHT.set(line.RIGHT++, place);
    }
  }
  return files;
}

export class Reviews {
  constructor(standin) {
    this.s = standin;
    this.list = []; // of reviews
    this.comments = [];
    this.nextId = 610001;
    this.operations = {
      'pulls/create-review': (c) => this.create(c),
      'pulls/list-reviews': (c) => this.listed(c, this.reviewsOf(c), (r) => this.json(c, r), '/reviews'),
      'pulls/get-review': (c) => ({ status: 200, body: this.json(c, this.need(c)) }),
      'pulls/list-comments-for-review': (c) => this.ofReview(c),
      'pulls/list-review-comments': (c) => this.ofPull(c),
      'pulls/get-review-comment': (c) => ({ status: 200, body: this.commentJson(c, this.needComment(c)) }),
      'pulls/create-reply-for-review-comment': (c) => this.reply(c),
    };
  }

  key(params) { return this.s.local.key(params); }
  mine(call) {
    const pull = this.s.local.need(call.params, call.params.pull_number);
    return (x) => x.key === this.key(call.params) && x.pull === pull.number;
  }
  reviewsOf(call) { return this.list.filter(this.mine(call)); }
  listed({ query, params, repo }, list, json, tail) {
    const page = this.s.local.page(list, query, `/repos/${repo.full_name}/pulls/${params.pull_number}${tail}`);
    return { ...page, body: page.body.map(json) };
  }
  need(call) {
    const found = this.reviewsOf(call).find((r) => r.id === Number(call.params.review_id));
    if (!found) throw new Refusal(404, 'Not Found');
    return found;
  }
  needComment({ params }) {
    const found = this.comments.find((x) => x.id === Number(params.comment_id) && x.key === this.key(params));
    if (!found) throw new Refusal(404, 'Not Found');
    return found;
  }

  diff(params, pull, head) {
    const { git } = this.s;
    return git.diff(params.owner, params.repo, git.sha(params.owner, params.repo, pull.base) ?? pull.base_sha,
      head ?? this.s.local.headOf(params, pull));
  }

  // ---- making ---------------------------------------------------------------------

  async create(call) {
    const { params, body = {} } = call;
    const pull = this.s.local.need(params, params.pull_number);
    const user = await this.s.bot();
    const own = pull.user_id === user.id;
    if (own && ['APPROVE', 'REQUEST_CHANGES'].includes(body.event))
      throw refuse(`Can not ${body.event === 'APPROVE' ? 'approve' : 'request changes on'} your own pull request`);
    if (body.event !== 'APPROVE' && !body.body && !body.comments?.length)
      throw refuse('Review cannot be empty');
    const review = this.add({ params, pull, user, state: STATES[body.event] ?? 'PENDING', body: body.body,
      commit_id: body.commit_id, comments: body.comments });
    return { status: 200, body: this.json(call, review) };
  }

  // Nothing is kept when one place is refused.
  add({ params, pull, user, state, body, commit_id: commit, comments = [] }) {
    const head = commit ?? this.s.local.headOf(params, pull);
    if (!this.s.git.isAncestor(params.owner, params.repo, head, this.s.local.headOf(params, pull)))
      throw refuse('The commit_id is not part of the pull request');
    const places = placesOf(this.diff(params, pull, head));
    const review = { id: this.nextId++, key: this.key(params), pull: pull.number, user, state,
      body: body ?? '', commit_id: head, submitted_at: now() };
    const made = comments.map((c) => this.comment({ review, places, ...c }));
    this.list.push(review);
    this.comments.push(...made);
    review.comments = made;
    return review;
  }

  comment({ review, places, path, line, side = 'RIGHT', start_line = null, start_side = null, body, in_reply_to: replyTo }) {
    const file = places.get(path);
    if (!file) throw refuse('Path could not be resolved');
    const place = file[side]?.get(line);
    if (!place) throw refuse('Line could not be resolved');
    if (start_line !== null && !(start_line < line && file[start_side ?? side]?.get(start_line)))
      throw refuse('Start line could not be resolved');
    if (!body?.trim()) throw refuse('Body can\'t be blank');
    return { id: this.nextId++, key: review.key, pull: review.pull, review_id: review.id, user: review.user,
      path, line, side, start_line, start_side: start_line === null ? null : start_side ?? side, body,
      hunk: place.hunk, position: place.position, commit_id: review.commit_id, in_reply_to: replyTo,
      created_at: now() };
  }

  // An answer stands in its own review, as GitHub has it.
  answer({ params, pull, user, to, body }) {
    if (to.in_reply_to) throw refuse('Replies to replies are not supported');
    if (!body?.trim()) throw refuse('Body can\'t be blank');
    const review = { id: this.nextId++, key: to.key, pull: pull.number, user, state: 'COMMENTED', body: '',
      commit_id: to.commit_id, submitted_at: now() };
    const made = { ...to, id: this.nextId++, review_id: review.id, user, body, in_reply_to: to.id, created_at: now() };
    review.comments = [made];
    this.list.push(review);
    this.comments.push(made);
    return made;
  }

  async reply(call) {
    const pull = this.s.local.need(call.params, call.params.pull_number);
    const to = this.needComment(call);
    if (to.pull !== pull.number) throw new Refusal(404, 'Not Found');
    const made = this.answer({ params: call.params, pull, user: await this.s.bot(), to, body: call.body.body });
    return { status: 201, body: this.commentJson(call, made) };
  }

  // ---- telling --------------------------------------------------------------------

  json({ params, repo }, r) {
    const api = `${this.s.url}/repos/${repo.full_name}/pulls/${r.pull}`;
    const html = `${this.s.url}/${repo.full_name}/pull/${r.pull}`;
    return { id: r.id, node_id: `PRR_${r.id}`, user: r.user, body: r.body, state: r.state,
      html_url: `${html}#pullrequestreview-${r.id}`, pull_request_url: api, author_association: 'COLLABORATOR',
      _links: { html: { href: `${html}#pullrequestreview-${r.id}` }, pull_request: { href: api } },
      submitted_at: r.submitted_at, commit_id: r.commit_id };
  }

  outdated(params, c) {
    const pull = this.s.local.pullsOf(params).get(c.pull);
    const head = this.s.local.headOf(params, pull);
    return head !== c.commit_id && !this.s.git.same(params.owner, params.repo, c.commit_id, head, c.path);
  }

  commentJson({ params, repo }, c) {
    const api = `${this.s.url}/repos/${repo.full_name}/pulls`;
    const html = `${this.s.url}/${repo.full_name}/pull/${c.pull}#discussion_r${c.id}`;
    const gone = this.outdated(params, c);
    return { url: `${api}/comments/${c.id}`, pull_request_review_id: c.review_id, id: c.id, node_id: `PRRC_${c.id}`,
      diff_hunk: c.hunk, path: c.path, position: gone ? null : c.position, original_position: c.position,
      commit_id: c.commit_id, original_commit_id: c.commit_id, user: c.user, body: c.body,
      created_at: c.created_at, updated_at: c.created_at, html_url: html, pull_request_url: `${api}/${c.pull}`,
      author_association: 'COLLABORATOR', _links: { self: { href: `${api}/comments/${c.id}` },
        html: { href: html }, pull_request: { href: `${api}/${c.pull}` } },
      ...(c.start_line !== null && { start_line: gone ? null : c.start_line, original_start_line: c.start_line,
        start_side: c.start_side }),
      line: gone ? null : c.line, original_line: c.line, side: c.side, subject_type: 'line',
      ...(c.in_reply_to && { in_reply_to_id: c.in_reply_to }) };
  }

  // This list alone tells no lines, only positions and hunks.
  ofReview(call) {
    const review = this.need(call);
    return this.listed(call, this.comments.filter((c) => c.review_id === review.id), (c) => {
      const { line, original_line, side, start_line, original_start_line, start_side, subject_type, ...rest } =
        this.commentJson(call, c);
      return rest;
    }, `/reviews/${review.id}/comments`);
  }

  ofPull(call) {
    const list = this.comments.filter(this.mine(call));
    if ((call.query.direction ?? 'asc') === 'desc') list.reverse();
    return this.listed(call, list, (c) => this.commentJson(call, c), '/comments');
  }
}
