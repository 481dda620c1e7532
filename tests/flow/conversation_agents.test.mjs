// SPDX-License-Identifier: MIT
// The real Claude Code and the real Codex over a whole conversation: three comments on one pull
// request, one of them in the middle of a run, and a person's commit in between.  One box, one
// session, each answered once.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { startAnthropic } from '../model/anthropic.mjs';
import { startOpenAI } from '../model/openai.mjs';
import { git } from '../standin/git.mjs';
import { allEvents, waitForText } from './lib/agent.mjs';
import { binary } from './lib/boxwright.mjs';
import { boxIds, boxNamed } from './lib/engine.mjs';
import { startWorld, until } from './lib/world.mjs';

const IMAGE = process.env.BOXWRIGHT_AGENTS_IMAGE ?? 'boxwright/agents:latest';
const KEY = 'sk-canary-4f1c9a77e2d04b6c8b35';
const FOLDER = '/workspace/home/sample';
const AGENTS = {
  'claude-code': { provider: 'anthropic', start: startAnthropic, model: 'claude-sonnet-4-5',
    shell: (command) => ({ name: 'Bash', input: { command, description: 'work' } }),
    write: (name) => ({ name: 'Write', input: { file_path: `${FOLDER}/${name}.txt`, content: `${name}\n` } }),
    session: (call) => /session_[0-9a-f-]+|"session_id":"[^"]+"/.exec(call.body.metadata?.user_id ?? '')?.[0],
    said: (call) => call.body.messages },
  codex: { provider: 'openai', start: startOpenAI, model: 'gpt-5.5',
    shell: (cmd) => ({ name: 'exec_command', input: { cmd, yield_time_ms: 30000 } }),
    write: (name) => ({ name: 'apply_patch', input: { patch: `*** Begin Patch\n*** Add File: ${name}.txt\n+${name}\n*** End Patch\n` } }),
    session: (call) => call.body.prompt_cache_key,
    said: (call) => call.body.input },
};

// What the model does for each request, by a word of it.
const scripts = ({ shell, write }) => ({
  'the very first': [{ text: 'I look.', tools: [write('one')] }, { text: 'Answer one.' }],
  'comment alpha': [{ text: 'I see.', tools: [write('alpha')] }, { text: 'Answer alpha.' }],
  'comment beta': [{ text: 'I begin beta.', tools: [shell('cat theirs.txt && echo waiting in beta; while [ ! -e /tmp/go ]; do sleep 0.1; done')] },
    { tools: [write('beta')] }, { text: 'Answer beta.' }],
  'comment gamma': [{ text: 'I begin gamma.', tools: [write('gamma')] }, { text: 'Answer gamma.' }],
});

for (const [harness, agent] of Object.entries(AGENTS))
  test(`${harness}: three comments on one pull request, one of them in the middle of a run`, async (t) => {
    const model = await agent.start({ key: KEY, script: [], scripts: scripts(agent) });
    let world;
    try {
      world = await startWorld({ repo: { fixture: 'tests/demo/repo' }, env: { [`BOXWRIGHT_MODEL_${agent.provider.toUpperCase()}_KEY`]: KEY },
        config: { agent: { harness, model: agent.model }, github: { comment_spacing_ms: 0 },
          task: { retry_s: 0 }, box: { image: IMAGE }, model: { [agent.provider]: { base_url: model.url } } } });
      const { number } = await world.issue('Say hello', 'In a file.');
      const first = await world.fix(number, { text: '/boxwright fix the very first' });
      assert.equal(first.outcome_code, 'pull_request', `${first.outcome}\n${world.boxwright.tail()}`);
      const pr = first.pr_number;
      const box = await boxNamed(world.boxwright.instance, first.box_id);
      assert.equal(box.State.Running, false, 'paused between runs');

      const alpha = await world.fix(pr, { text: '/boxwright fix comment alpha' });
      assert.equal(alpha.outcome_code, 'pull_request', `${alpha.outcome}\n${world.boxwright.tail()}`);

      const { sha: theirs } = await world.standin.push({ repo: world.repo, branch: first.branch,
        files: { 'theirs.txt': 'by a person\n' }, message: 'By hand' });

      const beta = await world.comment(pr, '/boxwright fix comment beta');
      const run = await world.boxwright.taskOf(beta.delivery.guid);
      await waitForText(world, run.id, 'I begin beta.');
      const gamma = await world.comment(pr, '/boxwright fix comment gamma');
      const taken = await world.boxwright.taskOf(gamma.delivery.guid);
      const letGo = ['box', 'exec', first.box_id, '--', 'touch', '/tmp/go'];
      execFileSync(binary(), letGo, { env: { PATH: process.env.PATH, BOXWRIGHT_API: world.boxwright.url,
        BOXWRIGHT_API_KEY: world.boxwright.key } });
      const done = await world.boxwright.waitForTask(run.id);
      assert.equal(done.outcome_code, 'pull_request', `${done.outcome}\n${world.boxwright.tail()}`);
      const row = await until('the third is done', async () => {
        const now = await world.boxwright.task(taken.id);
        return now.state === 'done' && now;
      });
      assert.equal(row.outcome_code, 'taken_up');

      // One box, paused again.
      assert.deepEqual(await boxIds(world.boxwright.instance), [first.box_id]);
      const now = await boxNamed(world.boxwright.instance, first.box_id);
      assert.equal(now.Id, box.Id);
      assert.equal(now.State.Running, false);

      // One session: its last question to the model holds all that was said before, in order.
      const sessions = new Set(model.calls.map(agent.session));
      assert.equal(sessions.size, 1, [...sessions].join());
      assert.ok([...sessions][0], 'the program names its session');
      const said = JSON.stringify(agent.said(model.calls.at(-1)));
      const places = ['Answer one.', 'Answer alpha.', 'Answer beta.', 'I begin gamma.'].map((word) => said.indexOf(word));
      assert.ok(places.every((p, i) => p > (i ? places[i - 1] : -1)), `${places}`);
      // The agent read the person's file in its work tree.
      assert.match(said, /by a person/);
      // Each request was put to the model once: 2 + 2 + 3 + 2 answers.
      assert.equal(model.calls.length, 9, model.calls.map((c) => `${c.prompt.length}:${c.step}`).join());

      // Each task has the tokens of its own calls, though Codex counts from the session's beginning.
      assert.deepEqual([first, alpha, done].map((r) => [r.tokens_in, r.tokens_out]), [[200, 20], [200, 20], [500, 50]]);

      // The branch: ours, ours, the person's, ours.
      const history = git(world.standin.git.dir(world.owner, world.name), ['log', '--format=%H', first.branch]).trim().split('\n');
      assert.deepEqual(history, [done.commit_oid, theirs, alpha.commit_oid, first.commit_oid,
        ...git(world.standin.git.dir(world.owner, world.name), ['log', '--format=%H', 'main']).trim().split('\n')]);
      const files = world.tree(first.branch).map((e) => e.path);
      for (const name of ['one', 'alpha', 'theirs', 'beta', 'gamma']) assert.ok(files.includes(`${name}.txt`), name);
      assert.equal(world.pulls().length, 1);

      // Each comment is answered once, by what was done for it.
      const comments = await world.comments(pr);
      for (const [id, word] of [[alpha.id, 'alpha'], [run.id, 'beta'], [taken.id, 'gamma']]) {
        const told = comments.filter((c) => c.body.includes(`t=${id};k=answer`));
        assert.equal(told.length, 1, word);
        assert.match(told[0].body, new RegExp(`Answer ${word}\\.`));
        for (const other of ['alpha', 'beta', 'gamma'].filter((o) => o !== word))
          assert.doesNotMatch(told[0].body, new RegExp(`Answer ${other}\\.`));
      }
      for (const { comment } of [alpha, beta, gamma])
        assert.deepEqual(world.reactions('comment', comment.id).map((r) => r.content).sort(), ['eyes', 'hooray']);
      const events = await allEvents(world, run.id);
      assert.ok(events.some((e) => e.text === `the request of task ${taken.id} is taken up`));
      t.diagnostic(`alpha ${alpha.finished_ms - alpha.started_ms} ms, beta and gamma ${done.finished_ms - done.started_ms} ms, ${model.calls.length} calls`);
    } finally {
      await world?.close();
      await model.close();
    }
  });
