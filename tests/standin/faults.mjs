// SPDX-License-Identifier: MIT
// What goes wrong on purpose, and GitHub's limits: each in the order in which it was asked.
const UNICORN = '<!DOCTYPE html><html><head><title>Unicorn! &middot; GitHub</title></head></html>';

export class Faults {
  constructor() { this.list = []; }

  // {kind, op?, method?, times=1, ...}; op "git/receive-pack" and "git/upload-pack" too, whose
  // method tells the question (GET) from the deed (POST).
  add(fault) {
    const kinds = ['secondary', 'primary', 'status', 'reset', 'hang', 'delay', 'truncate', 'lost', 'silent'];
    if (!kinds.includes(fault.kind)) throw new Error(`unknown fault ${fault.kind}`);
    this.list.push({ times: 1, ...fault });
  }

  take(op, method) {
    const fault = this.list.find((f) => f.times > 0 && (!f.op || f.op === op) &&
      (!f.method || f.method === method));
    if (fault) fault.times--;
    this.list = this.list.filter((f) => f.times > 0);
    return fault ?? null;
  }

  clear() { this.list = []; }
}

// Answers in place of the call; true when it did.  `lost`, `silent`, `truncate` and `delay`
// let the call go on and are dealt with around it.
export async function applyBefore(fault, req, res, send) {
  if (!fault) return false;
  const status = fault.status;
  switch (fault.kind) {
    case 'secondary': {
      const wait = fault.retry_after === undefined ? 60 : fault.retry_after;
      send(status ?? 403, { message: 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.',
        documentation_url: 'https://docs.github.com/rest/overview/rate-limits-for-the-rest-api' },
      wait === null ? {} : { 'retry-after': String(wait) });
      return true;
    }
    case 'primary':
      send(status ?? 403, { message: 'API rate limit exceeded for installation ID 1.',
        documentation_url: 'https://docs.github.com/rest/overview/rate-limits-for-the-rest-api' },
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-limit': '5000',
        'x-ratelimit-reset': String(Math.floor(Date.now() / 1000) + (fault.reset_in ?? 60)) });
      return true;
    case 'status':
      if (fault.html) send(status, UNICORN, { 'content-type': 'text/html' });
      else send(status, { message: fault.message ?? 'Server Error' }, fault.headers ?? {});
      return true;
    case 'reset':
      req.socket.resetAndDestroy();
      return true;
    case 'hang':
      return true;
    case 'delay':
      await new Promise((done) => { setTimeout(done, fault.ms); });
      return false;
    default:
      return false;
  }
}

// 80 content-creating calls a minute; which those are, GitHub's description says.
export class Creations {
  constructor(perMinute = 80, minuteMs = 60000) {
    this.perMinute = perMinute;
    this.minuteMs = minuteMs;
    this.times = [];
  }

  // Seconds to wait, 0 when one more is fine.
  note(now = Date.now()) {
    this.times = this.times.filter((t) => t > now - this.minuteMs);
    if (this.times.length >= this.perMinute)
      return Math.ceil((this.times[0] + this.minuteMs - now) / 1000);
    this.times.push(now);
    return 0;
  }
}

export function rateHeaders(token) {
  if (!token) return {};
  return { 'x-ratelimit-limit': '5000', 'x-ratelimit-remaining': String(token.left),
    'x-ratelimit-used': String(5000 - token.left), 'x-ratelimit-reset': String(token.reset),
    'x-ratelimit-resource': 'core' };
}
