// SPDX-License-Identifier: MIT
// Webhooks: payloads made from GitHub's published examples with the stand-in's own state
// laid over them, signed and sent with GitHub's header set, recorded and sent again.
import crypto from 'node:crypto';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
let examples;

export function examplesOf(event) {
  examples ??= require('@octokit/webhooks-examples/api.github.com/index.json');
  const found = examples.find((e) => e.name === event);
  if (!found) throw new Error(`GitHub publishes no example of ${event}`);
  return found.examples;
}

export const allEvents = () => {
  examplesOf('ping');
  return examples.map((e) => e.name);
};

export function example(event, action) {
  const list = examplesOf(event);
  // Of some actions (synchronize) GitHub publishes none: another's with the action changed.
  const found = (action && list.find((p) => p.action === action)) ?? list.find((p) => !action || 'action' in p);
  return { ...structuredClone(found), ...(action && { action }) };
}

// Objects are merged, everything else replaces.
export function overlay(to, from) {
  for (const [key, value] of Object.entries(from ?? {})) {
    const both = value && to[key] && typeof value === 'object' && typeof to[key] === 'object' &&
      !Array.isArray(value) && !Array.isArray(to[key]);
    if (value === undefined) delete to[key];
    else if (both) overlay(to[key], value);
    else to[key] = value;
  }
  return to;
}

export function headersOf({ event, guid, body, secret, app }) {
  const mac = (name) => `${name}=${crypto.createHmac(name, secret).update(body).digest('hex')}`;
  return { 'content-type': 'application/json', 'user-agent': 'GitHub-Hookshot/044aadd',
    accept: '*/*', 'x-github-event': event, 'x-github-delivery': guid,
    'x-github-hook-id': '101', 'x-github-hook-installation-target-id': String(app.app_id),
    'x-github-hook-installation-target-type': 'integration',
    ...(secret && { 'x-hub-signature': mac('sha1'),
      'x-hub-signature-256': mac('sha256') }) };
}

const TIMEOUT_MS = 10000; // GitHub's own

export class Hooks {
  constructor(app) {
    this.app = app;
    this.url = null; // of the receiver
    this.down = false;
    this.list = []; // newest last
    this.nextId = 12345678000n;
  }

  // {guid?, secret?, headers?, body?} -> the record of the delivery, with the answer.
  async send(event, payload, options = {}) {
    const body = Buffer.from(options.body ?? JSON.stringify(payload));
    const guid = options.guid ?? crypto.randomUUID();
    const headers = { ...headersOf({ event, guid, body, app: this.app,
      secret: options.secret ?? this.app.webhook_secret }), ...options.headers };
    const record = { id: Number(this.nextId++), guid, event, action: payload?.action ?? null,
      delivered_at: new Date().toISOString().replace(/\.\d+/, ''),
      redelivery: options.redelivery ?? false, installation_id: payload?.installation?.id ?? null,
      repository_id: payload?.repository?.id ?? null, throttled_at: null,
      request: { headers, payload }, body };
    const start = Date.now();
    Object.assign(record, await this.#post(headers, body));
    record.duration = (Date.now() - start) / 1000;
    this.list.push(record);
    return record;
  }

  async #post(headers, body) {
    if (this.down || !this.url) return { status: 'failed to connect to host', status_code: 0, answer: '' };
    try {
      const answer = await fetch(this.url, { method: 'POST', headers, body,
        signal: AbortSignal.timeout(TIMEOUT_MS) });
      return { status: answer.ok ? 'OK' : `Invalid HTTP Response: ${answer.status}`,
        status_code: answer.status, answer: await answer.text() };
    } catch (error) {
      return { status: error.name === 'TimeoutError' ? 'timed out' : 'failed to connect to host',
        status_code: 0, answer: '' };
    }
  }

  find(id) { return this.list.find((d) => d.id === Number(id)); }

  redeliver(record) {
    return this.send(record.event, record.request.payload,
      { guid: record.guid, redelivery: true, body: record.body });
  }
}
