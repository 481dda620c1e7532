// SPDX-License-Identifier: MIT
// GitHub's limits, measured for each installation as its documentation tells them: changes a
// minute and an hour, points a minute, one change at a time with a gap between two, and no call
// before the time that an answer named.  A seed's `limits` makes each breach a violation;
// `minute_ms` makes the minute (and with it the hour of 60) shorter.
import { performance } from 'node:perf_hooks';

const DEFAULTS = { minute_ms: 60000, gap_ms: 1000, per_minute: 80, per_hour: 500, points: 900 };

export class Limits {
  constructor(rules) {
    this.strict = Boolean(rules);
    this.rules = { ...DEFAULTS, ...rules };
    this.accounts = new Map();
  }

  of(installation) {
    if (!this.accounts.has(installation))
      this.accounts.set(installation, { changes: [], calls: [], running: 0, until: 0, least_gap: Infinity, overlaps: 0,
        early: 0, blocks: 0 });
    return this.accounts.get(installation);
  }

  // One call of an installation's token begins; -> what it breaks.
  begin(installation, method) {
    const a = this.of(installation);
    const now = performance.now();
    const change = method !== 'GET';
    const bad = [];
    if (now < a.until) {
      a.early++;
      bad.push(`${Math.round(a.until - now)} ms before the time that retry-after named`);
    }
    a.calls.push({ at: now, points: change ? 5 : 1 });
    if (!change) return bad;
    const gap = a.changes.length ? now - a.changes.at(-1) : Infinity;
    a.least_gap = Math.min(a.least_gap, gap);
    if (gap < this.rules.gap_ms) bad.push(`a change ${gap.toFixed(1)} ms after another`);
    if (a.running) {
      a.overlaps++;
      bad.push('a change while another is under way');
    }
    a.running++;
    a.changes.push(now);
    return bad;
  }

  end(installation, method, status, headers) {
    const a = this.of(installation);
    if (method !== 'GET') a.running--;
    const reset = headers['x-ratelimit-remaining'] === '0' ? Number(headers['x-ratelimit-reset']) - Date.now() / 1000 : 0;
    const wait = Number(headers['retry-after'] ?? Math.max(reset, 0));
    if (![403, 429].includes(status) || !wait) return;
    a.blocks++;
    a.until = Math.max(a.until, performance.now() + wait * 1000 - 5); // a clock's tick
  }

  // The most within any window.
  static most(times, window, weight = () => 1) {
    let [best, sum, from] = [0, 0, 0];
    for (let to = 0; to < times.length; to++) {
      sum += weight(times[to]);
      while ((times[to].at ?? times[to]) - (times[from].at ?? times[from]) >= window) sum -= weight(times[from++]);
      best = Math.max(best, sum);
    }
    return best;
  }

  // What was measured; `broken` is empty when all of it is inside the limits.
  report(installation) {
    const a = this.of(installation);
    const { minute_ms: minute, gap_ms: gap, per_minute: perMinute, per_hour: perHour, points } = this.rules;
    const told = { calls: a.calls.length, changes: a.changes.length,
      changes_a_minute: Limits.most(a.changes, minute), changes_an_hour: Limits.most(a.changes, 60 * minute),
      points_a_minute: Limits.most(a.calls, minute, (c) => c.points), least_gap_ms: Math.round(a.least_gap),
      overlaps: a.overlaps, early: a.early, blocks: a.blocks };
    told.broken = [told.changes_a_minute > perMinute && 'changes a minute', told.changes_an_hour > perHour && 'changes an hour',
      told.points_a_minute > points && 'points a minute', a.least_gap < gap && 'gap', a.overlaps && 'one change at a time',
      a.early && 'retry-after'].filter(Boolean);
    return told;
  }
}
