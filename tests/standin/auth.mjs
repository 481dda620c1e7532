// SPDX-License-Identifier: MIT
// Who calls: the App's JWT by GitHub's rules, installation tokens with their expiry,
// repositories and permissions.  The permission table is GitHub's own documentation.
import crypto from 'node:crypto';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const TABLE = require('@octokit/app-permissions/generated/api.github.com.json');
const RANK = { read: 1, write: 2, admin: 3 };

// "METHOD /path" -> [{permission, access}], any of which opens it.
const accepted = new Map();
for (const [permission, levels] of Object.entries(TABLE.permissions))
  for (const access of ['read', 'write'])
    for (const line of levels[access] ?? []) {
      const key = line.replace(/\{[^}]+\}/g, '{}');
      accepted.set(key, [...(accepted.get(key) ?? []), { permission, access }]);
    }

// The clock that tokens live by; a test that moves the service's clock moves it too.
export const wall = { now: () => Date.now() };

export class Refusal extends Error {
  constructor(status, message, extra = {}) {
    super(message);
    this.status = status;
    this.extra = extra;
  }
}

const parseJson = (part) => {
  try { return JSON.parse(Buffer.from(part, 'base64url').toString()); } catch { return null; }
};

export function checkJwt(token, app) {
  const parts = token.split('.');
  const [head, claims] = [parseJson(parts[0] ?? ''), parseJson(parts[1] ?? '')];
  if (parts.length !== 3 || !head || !claims || head.alg !== 'RS256')
    throw new Refusal(401, 'A JSON web token could not be decoded');
  const ok = crypto.verify('sha256', Buffer.from(`${parts[0]}.${parts[1]}`),
    crypto.createPublicKey(app.private_key), Buffer.from(parts[2], 'base64url'));
  if (!ok) throw new Refusal(401, 'A JSON web token could not be decoded');
  const now = Math.floor(wall.now() / 1000);
  if (!Number.isInteger(claims.exp))
    throw new Refusal(401, "Missing 'exp' claim in assertion");
  if (!Number.isInteger(claims.iat) || claims.iat > now)
    throw new Refusal(401, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued");
  if (claims.exp <= now)
    throw new Refusal(401, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires");
  if (claims.exp > now + 600)
    throw new Refusal(401, "'Expiration time' claim ('exp') is too far in the future");
  if (String(claims.iss) !== String(app.app_id))
    throw new Refusal(401, 'Integration must generate a public key');
}

export class Tokens {
  constructor(ttl = 3600) {
    this.ttl = ttl;
    this.held = new Map();
  }

  // The form since 2026: ghs_<app>_<something like a JWT>, about 520 characters.
  issue({ app, installation, permissions, repositories }) {
    const value = `ghs_${app}_${crypto.randomBytes(30).toString('base64url')}.` +
      `${crypto.randomBytes(300).toString('base64url')}.${crypto.randomBytes(40).toString('base64url')}`;
    const token = { value, installation, permissions, repositories,
      expires: wall.now() + this.ttl * 1000, left: 5000,
      reset: Math.floor(Date.now() / 1000) + 3600 };
    this.held.set(value, token);
    return token;
  }

  get(value) {
    const token = this.held.get(value);
    if (!token || token.expires <= wall.now()) throw new Refusal(401, 'Bad credentials');
    return token;
  }

  expireAll() { this.held.forEach((t) => { t.expires = 0; }); }
  revoke(value) { this.held.delete(value); }
}

export function holds(token, permission, access) {
  return (RANK[token.permissions[permission]] ?? 0) >= RANK[access];
}

// `isPull`: whether the issue number in the path is a pull request.
export function checkPermission(token, method, template, isPull) {
  const key = `${method} ${template}`.replace(/\{[^}]+\}/g, '{}');
  let any = accepted.get(key) ?? [];
  if (template.includes('/issues/') && isPull === false)
    any = any.filter((p) => p.permission !== 'pull_requests');
  any = any.filter((p) => p.permission !== 'metadata' || any.length === 1);
  if (!any.length || any.some((p) => p.permission === 'metadata')) return;
  if (any.some((p) => holds(token, p.permission, p.access))) return;
  throw new Refusal(403, 'Resource not accessible by integration',
    { 'x-accepted-github-permissions': any.map((p) => `${p.permission}=${p.access}`).join('; ') });
}
