// SPDX-License-Identifier: MIT
// The rows of a bench as a table for people, and as bench.json.
//
//	node tests/bench/table.mjs <rows file> <bench.json>
//
// A row is {name, ours, peer, ratio}; ours and peer (or null) are {what, unit, p50, p99, n};
// ratio is ours to the peer's, of the p50 unless ratio_of says p99.  aim_at_most or
// aim_at_least is for the ratio, aim_ours_at_most or aim_ours_at_least for our own p50.
import fs from 'node:fs';

const [from, to] = process.argv.slice(2);
const rows = fs.readFileSync(from, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));

function verdict(row) {
  const { p50, unit } = row.ours;
  if (row.aim_ours_at_most !== undefined)
    return { aim: `at most ${row.aim_ours_at_most} ${unit}`, met: p50 <= row.aim_ours_at_most };
  if (row.aim_ours_at_least !== undefined)
    return { aim: `at least ${row.aim_ours_at_least} ${unit}`, met: p50 >= row.aim_ours_at_least };
  if (row.ratio === null) return {};
  if (row.aim_at_most !== undefined)
    return { aim: `at most ${row.aim_at_most}`, met: row.ratio <= row.aim_at_most };
  if (row.aim_at_least !== undefined)
    return { aim: `at least ${row.aim_at_least}`, met: row.ratio >= row.aim_at_least };
  return {};
}

const figure = (n) => (n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2));
const side = (s) => (s ? [figure(s.p50), figure(s.p99), s.unit, String(s.n)] : ['-', '-', '', '']);
const table = [['', 'ours p50', 'p99', '', 'n', 'peer p50', 'p99', '', 'n', 'ratio', 'aim', '']];
const out = [];
for (const row of rows) {
  const { aim, met } = verdict(row);
  const ratio = row.ratio === null ? '' : row.ratio.toFixed(3) + (row.ratio_of === 'p99' ? ' (p99)' : '');
  table.push([row.name, ...side(row.ours), ...side(row.peer), ratio, aim ?? '',
    met === undefined ? '' : met ? 'met' : 'MISSED']);
  out.push({ name: row.name, ours: row.ours, peer: row.peer, ratio: row.ratio,
    ...(row.ratio_of && { ratio_of: row.ratio_of }), ...(aim && { aim, met }) });
}
const widths = table[0].map((_, i) => Math.max(...table.map((line) => line[i].length)));
const left = (i) => i === 0 || i === 3 || i === 7 || i > 9;
for (const line of table)
  console.log(line.map((cell, i) => (left(i) ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ').trimEnd());
fs.writeFileSync(to, out.map((row) => `${JSON.stringify(row)}\n`).join(''));
