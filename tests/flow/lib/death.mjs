// SPDX-License-Identifier: MIT
// kill -9 of the real program at one of its own calls to the system (death.c): at the n-th
// of a kind from now on, before it, in its middle or behind it.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const source = path.join(path.dirname(new URL(import.meta.url).pathname), 'death.c');
export const KINDS = ['row', 'net', 'file', 'child'];
export const MOMENTS = ['before', 'middle', 'behind'];
const SIZE = (2 * KINDS.length + 1) * 8;

export class Death {
  constructor() {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'boxwright-death-'));
    const library = path.join(this.dir, 'death.so');
    execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-o', library, source]);
    const file = path.join(this.dir, 'counts');
    fs.writeFileSync(file, Buffer.alloc(SIZE));
    this.fd = fs.openSync(file, 'r+');
    const asan = process.env.BOXWRIGHT_VARIANT === 'asan' &&
      { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:verify_asan_link_order=0` };
    this.env = { LD_PRELOAD: library, BOXWRIGHT_TEST_DEATH: file, ...asan };
  }

  #word(i, value) {
    const bytes = Buffer.alloc(8);
    if (value === undefined) {
      fs.readSync(this.fd, bytes, 0, 8, i * 8);
      return Number(bytes.readBigInt64LE());
    }
    bytes.writeBigInt64LE(BigInt(value));
    fs.writeSync(this.fd, bytes, 0, 8, i * 8);
    return value;
  }

  // {row, net, file, child}: calls so far, over all lives of the program.
  counts() { return Object.fromEntries(KINDS.map((k, i) => [k, this.#word(i)])); }

  // One death at a time.
  arm({ kind, n, moment }) {
    const i = KINDS.indexOf(kind);
    this.disarm();
    this.#word(2 * KINDS.length, MOMENTS.indexOf(moment));
    this.#word(KINDS.length + i, this.#word(i) + n);
  }
  disarm() { KINDS.forEach((_, i) => this.#word(KINDS.length + i, 0)); }
  get armed() { return KINDS.some((_, i) => this.#word(KINDS.length + i)); }

  close() {
    fs.closeSync(this.fd);
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}
