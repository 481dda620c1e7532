// SPDX-License-Identifier: MIT
// The peer of the intake's bench: Probot that stores each delivery into SQLite as durably
// as we do (WAL, synchronous FULL) before it answers.
//
//	node probot_peer.mjs <folder with node_modules> <state folder> <secret>
import { createRequire } from 'node:module';
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, state, secret] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(modules), 'package.json'));
const Database = require('better-sqlite3');
const { createProbot, createNodeMiddleware } = await import(pathToFileURL(path.join(path.resolve(modules), 'node_modules/probot/lib/index.js')));

const db = new Database(path.join(state, 'peer.db'));
db.pragma('journal_mode = WAL');
db.pragma('synchronous = FULL');
db.exec('CREATE TABLE delivery(id TEXT PRIMARY KEY, event TEXT, body BLOB, got_at INT) WITHOUT ROWID');
const insert = db.prepare('INSERT OR IGNORE INTO delivery VALUES(?, ?, ?, ?)');

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048, privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } });
const probot = createProbot({ overrides: { appId: 4242, privateKey, secret, logLevel: 'fatal' }, env: {} });
const app = bot => {
	bot.onAny(({ id, name, payload }) => { insert.run(id, name, JSON.stringify(payload), Date.now()); });
};
const middleware = await createNodeMiddleware(app, { probot, webhooksPath: '/hooks/github' });
const server = createServer((req, res) => middleware(req, res, () => { res.writeHead(404).end(); }));
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
process.on('SIGTERM', () => { server.close(); server.closeAllConnections(); db.close(); process.exit(0); });
