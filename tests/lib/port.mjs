// SPDX-License-Identifier: MIT
// A TCP port on 127.0.0.1 for a program that is told where to listen, and that a test may kill
// and start again there.
//
// Below the range that the kernel gives to outgoing connections: between an end and a new
// start any of those could take a port of that range.  A UDP socket of the same number holds
// it until this process ends, so that no other test chooses it either.
import crypto from 'node:crypto';
import dgram from 'node:dgram';
import fs from 'node:fs';
import net from 'node:net';

const HOST = '127.0.0.1';
const COUNT = 10000;
const TRIES = 100;

function range() {
  const [low] = fs.readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/).map(Number);
  return low > COUNT + 1024 ? low - COUNT : 65536 - COUNT;
}

const hold = (port) => new Promise((done) => {
  const socket = dgram.createSocket('udp4');
  socket.once('error', () => socket.close(() => done(false)));
  socket.bind({ port, address: HOST, exclusive: true }, () => {
    socket.unref();
    done(true);
  });
});

const isFree = (port) => new Promise((done) => {
  const server = net.createServer().once('error', () => done(false));
  server.listen(port, HOST, () => server.close(() => done(true)));
});

export async function freePort() {
  const first = range();
  for (let i = 0; i < TRIES; i++) {
    const port = first + crypto.randomInt(COUNT);
    if (await hold(port) && await isFree(port)) return port;
  }
  throw new Error(`no port is free between ${first} and ${first + COUNT - 1}`);
}
