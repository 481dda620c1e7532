// SPDX-License-Identifier: MIT
// Carries connections on: node tests/deploy/door.mjs HOST PORT TO-HOST TO-PORT.  A service in a
// container speaks http:// with its own loopback alone, and the stand-in is on ours.
import net from 'node:net';

export function openDoor(host, port, toHost, toPort) {
  return net.createServer((from) => {
    const to = net.connect(toPort, toHost);
    for (const [a, b] of [[from, to], [to, from]]) a.on('error', () => b.destroy()).pipe(b);
    // Nobody is behind it any more.
    to.once('error', (error) => { if (error.code === 'ECONNREFUSED' && process.argv[5]) process.exit(0); });
  }).listen(port, host);
}

if (process.argv[5]) openDoor(process.argv[2], Number(process.argv[3]), process.argv[4], Number(process.argv[5]));
