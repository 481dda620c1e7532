// SPDX-License-Identifier: MIT
// Transcripts of the documents' examples, played on a world: who writes what, and what is
// seen then.  Lines:
//
//   issue "Title"                          a person opens an issue; what follows happens on it
//   on the pull request                    what follows happens on the pull request
//   maintainer> text                       a person comments (signed delivery)
//   boxwright> …words…more words…          the App answers; … stands for anything
//   reacts eyes                            on the person's last comment
//   opens "Title" / pushes                 a pull request / its branch moves
//   reviews "…words…" on path              a review has a comment on a line of path
//   branch has "file" / branch lacks "file"
//   maintainer commits "file" to the branch / to the base
//   check "name" fails on the pull request
//   nothing happens                        the delivery is ignored
//   why: …words…                           what `boxwright why` says of the last delivery
import assert from 'node:assert/strict';
import { until } from './boxwright.mjs';

// In this order, with anything between; white space counts as one blank.
export function matches(text, pattern) {
  const flat = (s) => s.replace(/\s+/g, ' ').toLowerCase();
  let rest = flat(text);
  for (const piece of pattern.split('…').map((s) => flat(s).trim()).filter(Boolean)) {
    const at = rest.indexOf(piece);
    if (at < 0) return false;
    rest = rest.slice(at + piece.length);
  }
  return true;
}

export class Transcript {
  constructor(world, { why }) {
    this.world = world;
    this.why = why; // (delivery's id) => text
    this.thread = this.pull = 0;
  }

  // A person's line begins when nothing is under way any more.
  async #idle() {
    await until('all tasks have ended', async () => {
      const tasks = await this.world.boxwright.tasks('?limit=50');
      return tasks.every((t) => !['ready', 'running'].includes(t.state));
    }, { ms: 120000 });
  }
  async #mark() {
    await this.#idle();
    this.seen = new Set([...await this.#comments(this.issue), ...await this.#comments(this.pull)].map((c) => c.id));
    this.pulls = new Set(this.world.pulls().map((p) => p.number));
    this.head = this.pull ? this.world.sha(this.branch) : null;
  }
  async #comments(number) { return number ? this.world.comments(number) : []; }

  rules = [
    [/^issue "(.+)"$/, async (title) => {
      await this.#idle();
      const made = await this.world.issue(title, 'See the title.');
      this.issue = this.thread = made.number ?? made;
      this.pull = 0;
    }],
    [/^on the pull request$/, async () => {
      assert.ok(this.pull, 'there is a pull request');
      this.thread = this.pull;
    }],
    [/^(\w+)> (.+)$/, async (who, text) => {
      if (who === 'boxwright') return this.#answered(text);
      await this.#mark();
      this.last = await this.world.comment(this.thread, text, who);
      assert.equal(this.last.delivery.status_code, 202, this.last.delivery.answer);
    }],
    [/^reacts (\S+)$/, (content) => until(`a reaction ${content}`, () =>
      this.world.reactions('comment', this.last.comment.id).some((r) => r.content === content))],
    [/^opens "(.+)"$/, (title) => until(`a pull request ${title}`, async () => {
      const fresh = this.world.pulls().find((p) => !this.pulls.has(p.number));
      if (!fresh) return false;
      assert.equal((await this.world.pull(fresh.number)).title, title);
      this.pull = fresh.number;
      this.branch = fresh.head?.ref ?? fresh.head;
      return true;
    }, { ms: 120000 })],
    [/^pushes$/, () => until('a push', () => this.world.sha(this.branch) !== this.head, { ms: 120000 })],
    [/^branch (has|lacks) "(.+)"$/, async (how, file) => {
      await this.#idle();
      const there = this.world.tree(this.branch).some((f) => f.path === file);
      assert.equal(there, how === 'has', `${file} on ${this.branch}`);
    }],
    [/^(\w+) commits "(.+)" to the (branch|base)$/, async (login, file, where) => {
      await this.#idle();
      await this.world.standin.push({ repo: this.world.repo, branch: where === 'base' ? 'main' : this.branch, login,
        files: { [file]: 'by hand\n' }, message: `add ${file}` });
    }],
    [/^check "(.+)" fails on the pull request$/, async (name) => {
      await this.#mark();
      await this.world.standin.checkRun({ repo: this.world.repo, sha: this.head, name, conclusion: 'failure',
        output: { title: name, summary: 'not ok 1 - adds' }, deliver: true });
    }],
    [/^reviews "(.+)" on (\S+)$/, (text, file) => until('a review', async () =>
      (await this.world.standin.upstream('GET', `/repos/${this.world.repo}/pulls/${this.pull}/comments`)).body
        .some((c) => c.path === file && matches(c.body, text)), { ms: 120000 })],
    [/^nothing happens$/, () => {
      assert.equal(JSON.parse(this.last.delivery.answer).outcome, 'none');
    }],
    [/^why: (.+)$/, async (text) => {
      await this.#idle();
      const said = await this.why(this.last.delivery.guid);
      assert.ok(matches(said, text), `${text}\n${said}`);
    }],
  ];

  #answered(text) {
    return until(`an answer like ${text}`, async () => {
      const fresh = [...await this.#comments(this.issue), ...await this.#comments(this.pull)]
        .filter((c) => !this.seen.has(c.id) && c.user.type === 'Bot');
      if (fresh.some((c) => matches(c.body, text))) return true;
      throw new Error(fresh.map((c) => c.body).join('\n----\n') || 'no answer at all');
    }, { ms: 120000 });
  }

  async play(text) {
    for (const line of text.trim().split('\n')) {
      const rule = this.rules.find(([form]) => form.test(line));
      assert.ok(rule, `a line that nobody understands: ${line}`);
      try {
        await rule[1](...rule[0].exec(line).slice(1));
      } catch (error) {
        throw new Error(`${line}: ${error.message}`, { cause: error });
      }
    }
  }
}
