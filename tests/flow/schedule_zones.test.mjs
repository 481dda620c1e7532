// SPDX-License-Identifier: MIT
// Every slot of two years in every time zone that Node knows, against Node's own reading of
// the zones (another copy of ICU and of the data; 2020 and 2021 are over, so both say the
// same): once a day, at that time of day, the first time that it is shown, and behind a gap.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { binary } from './lib/boxwright.mjs';

const FROM = Date.UTC(2019, 11, 31, 12), TO = Date.UTC(2021, 11, 31);
const MINUTE = 60000;
// What the database said of these years was corrected later (2023d): copies may differ.
const CORRECTED = ['Antarctica/Casey', 'Antarctica/Vostok'];
const when = promisify(execFile);

// "2020-03-29 03:00" as a number that grows with the wall's clock.
function reader(zone) {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' });
  return (ms) => format.format(ms);
}

async function slots(zone, fields) {
  const { stdout } = await when(binary(), ['schedule', 'when', fields, '--timezone', zone, '--after', String(FROM / 1000),
    '--count', '740', '--json']);
  return stdout.trim().split('\n').map((line) => Number(line.split(' ')[0])).filter((ms) => ms < TO);
}

async function check(zone, hour, minute) {
  const wall = reader(zone);
  const time = `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
  let day = Date.parse(`${wall(FROM).slice(0, 10)}T00:00:00Z`);
  if (wall(FROM).slice(11) >= time) day += 86400000;
  const list = await slots(zone, `${minute} ${hour} * * *`);
  for (const ms of list) {
    const want = `${new Date(day).toISOString().slice(0, 10)} ${time}`;
    const shown = wall(ms);
    // It shows the slot, or, behind a gap, more than it; and a minute before it never had.
    assert.ok(shown >= want, `${zone}: ${want} at ${shown}`);
    assert.ok(wall(ms - MINUTE) < want, `${zone}: ${want} a minute late at ${shown}`);
    for (const hours of [0.5, 1, 2])
      assert.ok(wall(ms - hours * 60 * MINUTE) < want, `${zone}: ${want} again at ${shown}`);
    day += 86400000;
  }
  return list.length;
}

test('two years of days in all zones', async () => {
  const zones = Intl.supportedValuesOf('timeZone');
  const newer = []; // than the ICU that we run with
  let all = 0;
  let checked = 0;
  for (const zone of zones.filter((z) => !CORRECTED.includes(z))) {
    try {
      all += await check(zone, 2, 30);
      checked++;
    } catch (error) {
      if (!/there is no time zone/.test(error.stderr)) throw error;
      newer.push(zone);
    }
  }
  assert.ok(newer.length < 10, `${newer}`);
  // A slot a day, but for the days at both ends of the two years.
  assert.ok(checked > 400 && all >= checked * 728, `${checked} zones, ${all} slots`);
});

test('clocks that are set at midnight, by half an hour, and where few live', async () => {
  for (const zone of ['Australia/Lord_Howe', 'America/Havana', 'Asia/Beirut', 'America/Asuncion', 'Antarctica/Troll',
    'Pacific/Chatham', 'Asia/Amman', 'America/Scoresbysund', 'Atlantic/Azores'])
    for (const [hour, minute] of [[0, 0], [0, 30], [1, 45], [2, 0], [2, 59], [23, 59]]) await check(zone, hour, minute);
});

test('a name that is none is refused by name', async () => {
  await assert.rejects(when(binary(), ['schedule', 'when', 'daily', '--timezone', 'Mars/Phobos']),
    (error) => error.code === 1 && /no time zone 'Mars\/Phobos'/.test(error.stderr));
});
