// SPDX-License-Identifier: MIT
// Many boxes at a time: no error, no line lost, nothing left.  `make bench` does it with 200.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { many } from '../lib/many.mjs';
import { useService } from './lib/service.mjs';

const s = useService();
const boxes = Number(process.env.BOXWRIGHT_MANY ?? 40);

test(`${boxes} boxes, a quarter of them busy`, async () => {
  const seen = await many(s, { boxes, busy: Math.ceil(boxes / 4), lists: 20 });
  const sorted = seen.list.sort((a, b) => a - b);
  console.log(`# list p50 ${sorted[sorted.length >> 1].toFixed(1)} ms, ${(seen.idleBytes / 1024).toFixed(0)} KiB a box`);
  assert.equal(await s.left(), '');
});
