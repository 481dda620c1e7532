// SPDX-License-Identifier: MIT
// Many boxes at a time in one service: made, some of them busy, listed, deleted.
//
//   const seen = await many(service, { boxes: 200, busy: 50 });
//   seen.list        // milliseconds of each list call while it all runs
//   seen.idleBytes   // what the service's memory grew by for each idle box
//
// Throws at the first call that fails.  The busy ones print a line every 20 ms and use some
// processor time; each line must arrive, in order.
import assert from 'node:assert/strict';
import { Box } from '@upstash/box';

const LINES = 100;
const BUSY = `i=0; while [ $i -lt ${LINES} ]; do i=$((i+1)); echo line $i; python3 -c 'sum(range(200000))'; sleep 0.02; done; exit 7`;

// At most `wide` at a time.
async function each(items, wide, work) {
  const left = [...items.entries()];
  const results = [];
  await Promise.all(Array.from({ length: wide }, async () => {
    for (let next = left.shift(); next; next = left.shift()) results[next[0]] = await work(next[1], next[0]);
  }));
  return results;
}

async function keepBusy(box) {
  const stream = await box.exec.stream(BUSY);
  let text = '';
  let exit;
  for await (const chunk of stream) {
    if (chunk.type === 'exit') exit = chunk.exitCode;
    else text += chunk.data ?? '';
  }
  assert.equal(exit ?? stream.exitCode, 7, `exit code of ${box.id}`);
  assert.equal(text, Array.from({ length: LINES }, (_, i) => `line ${i + 1}\n`).join(''), `output of ${box.id}`);
}

export async function many(service, { boxes: count, busy, wide = 16, lists = 200 }) {
  const before = service.rss();
  const made = await each(Array.from({ length: count }), wide, () => Box.create({ labels: ['many'] }));
  assert.equal(new Set(made.map((b) => b.id)).size, count);
  const idleBytes = (service.rss() - before) / count;

  let running = true;
  const work = Promise.all(made.slice(0, busy).map(keepBusy)).finally(() => { running = false; });
  work.catch(() => {}); // told below
  const list = [];
  while (running || list.length < lists) {
    const start = performance.now();
    const { status, text } = await service.raw('GET', '/v2/box');
    list.push(performance.now() - start);
    assert.equal(status, 200);
    assert.equal(JSON.parse(text).length, count);
    await new Promise((done) => { setTimeout(done, 20); });
  }
  await work;
  const states = (await Box.list()).map((b) => b.status);
  assert.deepEqual([...new Set(states)], ['idle']);
  await each(made, wide, (box) => box.delete());
  return { list, idleBytes };
}
