// SPDX-License-Identifier: MIT
// Writes fold_table.c from the Unicode data of Node:
//   node service/repo/fold_table.mjs > service/repo/fold_table.c
const invisible = /[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\u{e0000}-\u{e0fff}]/u;
const fold = (s) => s.normalize('NFD').toUpperCase().toLowerCase().normalize('NFD').replaceAll('\u03c2', '\u03c3');
const rows = [];
const marks = [];
for (let cp = 0x80; cp <= 0x10ffff; cp++) {
  if ((cp >= 0xd800 && cp <= 0xdfff) || (cp >= 0xac00 && cp <= 0xd7a3)) continue;
  const c = String.fromCodePoint(cp);
  if (/\p{Mn}/u.test(c)) {
    const last = marks.at(-1);
    if (last && last[1] === cp - 1) last[1] = cp;
    else marks.push([cp, cp]);
  }
  let to = c;
  for (let i = 0; i < 3; i++) to = fold(to);
  if (invisible.test(c)) to = '';
  if (to === c) continue;
  const out = [...to].map((x) => x.codePointAt(0));
  if (out.length > 4) throw new Error(`${cp.toString(16)} becomes ${out.length}`);
  rows.push([cp, ...out]);
}
const hex = (n) => `0x${n.toString(16)}`;
const lines = (items, each) => {
  let text = '';
  for (let i = 0; i < items.length; i += each) text += `\t${items.slice(i, i + each).join(', ')},\n`;
  return text;
};
process.stdout.write(`/* SPDX-License-Identifier: MIT */
/* Folding of Unicode ${process.versions.unicode}; written by fold_table.mjs. */
#include "service/repo/fold_table.h"

/* clang-format off */
const struct fold_row fold_rows[] = {
${lines(rows.map((r) => `{${hex(r[0])}, {${r.slice(1).map(hex).join(', ') || '0'}}}`), 3)}};
const size_t fold_nrows = sizeof fold_rows / sizeof fold_rows[0];

const uint32_t fold_marks[][2] = {
${lines(marks.map((m) => `{${hex(m[0])}, ${hex(m[1])}}`), 4)}};
const size_t fold_nmarks = sizeof fold_marks / sizeof fold_marks[0];
/* clang-format on */
`);
