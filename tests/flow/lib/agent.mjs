// SPDX-License-Identifier: MIT
// Agents of the custom harness for tests: a few lines of Python that do as they are told,
// with say(event, **data), end(answer) and fail(reason) at hand.
import { until } from './boxwright.mjs';

const PRELUDE = `
import json, os, pathlib, subprocess, sys, time
def say(event, **data):
    print("event: %s\\ndata: %s\\n" % (event, json.dumps(data)), flush=True)
def end(answer):
    say("done", output=answer, input_tokens=10, output_tokens=5, total_cost_usd=0.01, session_id="s1")
    sys.exit(0)
def fail(reason):
    say("error", error=reason)
    sys.exit(1)
`;

// The service's configuration for such an agent.
export const scripted = (python, more = {}) => ({ agent: { harness: 'custom',
  command: ['python3', '-c', `${PRELUDE}\n${python}`] },
  box: { image: process.env.BOXWRIGHT_TEST_IMAGE ?? 'boxwright/base' },
  github: { comment_spacing_ms: 0 }, task: { retry_s: 0, ...more.task }, ...more.over });

// All events of a task, page by page.
export async function allEvents(world, task) {
  const events = [];
  for (let page; (page = await world.boxwright.events(task, events.at(-1)?.seq ?? 0)).length;)
    events.push(...page);
  return events;
}

// Waits for a line of the agent's in the task's log.
export const waitForText = (world, task, text, options) =>
  until(`the agent says ${text}`, async () =>
    (await allEvents(world, task)).find((e) => e.text.includes(text)), options);
