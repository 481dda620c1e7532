// SPDX-License-Identifier: MIT
// TLS that demands a client certificate, forwarded to a plain port; prints its own port.
//	node tls_peer.mjs FOLDER PORT
import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';

const [folder, port] = process.argv.slice(2);
const read = (name) => readFileSync(`${folder}/${name}`);
const server = tls.createServer(
  { key: read('server-key.pem'), cert: read('server.pem'), ca: read('ca.pem'),
    requestCert: true, rejectUnauthorized: true },
  (client) => {
    const plain = net.connect(Number(port), '127.0.0.1');
    client.pipe(plain).pipe(client);
    for (const socket of [client, plain]) {
      socket.on('error', () => { client.destroy(); plain.destroy(); });
    }
  });
server.on('tlsClientError', () => {});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
