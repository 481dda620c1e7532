// SPDX-License-Identifier: MIT
// A wall clock that a test moves: of the real program (clock.c), and of what the stand-in
// says of its tokens.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { wall } from '../../standin/auth.mjs';

const real = Date.now;
const source = path.join(path.dirname(new URL(import.meta.url).pathname), 'clock.c');

export class Clock {
  constructor(at) {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'boxwright-clock-'));
    const library = path.join(this.dir, 'clock.so');
    execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-fno-builtin', '-o', library, source]);
    this.file = path.join(this.dir, 'offset');
    this.set(at);
    const asan = process.env.BOXWRIGHT_VARIANT === 'asan' &&
      { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:verify_asan_link_order=0` };
    this.env = { LD_PRELOAD: library, BOXWRIGHT_TEST_CLOCK: this.file, ...asan };
    wall.now = () => Date.now() + this.offset;
  }

  // "2026-03-29T01:00:01Z"
  set(at) {
    this.offset = Date.parse(at) - Date.now();
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(this.offset));
    const fd = fs.openSync(this.file, fs.existsSync(this.file) ? 'r+' : 'w');
    fs.writeSync(fd, bytes, 0, 8, 0);
    fs.closeSync(fd);
  }

  close() {
    wall.now = () => Date.now();
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}
