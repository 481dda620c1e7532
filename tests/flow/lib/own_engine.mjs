// SPDX-License-Identifier: MIT
// A Docker Engine of a test's own, to be killed and filled: in a network namespace of its own,
// so that no other Engine's rules are touched, with its data in memory.  Needs root.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { until } from './boxwright.mjs';

export class OwnEngine {
  // `image` is copied from the Engine of $DOCKER_HOST.
  static async start({ image, size = '3g' }) {
    const e = new OwnEngine();
    e.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'boxwright-engine-'));
    e.data = path.join(e.dir, 'data');
    e.host = `unix://${path.join(e.dir, 'docker.sock')}`;
    fs.mkdirSync(e.data);
    fs.writeFileSync(path.join(e.dir, 'daemon.json'), '{}');
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', e.data]);
    try {
      await e.launch();
      const tar = path.join(e.dir, 'image.tar');
      execFileSync('docker', ['save', '-o', tar, image]);
      execFileSync('docker', ['-H', e.host, 'load', '-q', '-i', tar]);
      fs.rmSync(tar);
    } catch (error) {
      await e.close();
      throw error;
    }
    return e;
  }

  async launch() {
    const at = (name) => path.join(this.dir, name);
    const log = fs.openSync(at('log'), 'a');
    // What a killed one left of its containerd, which died with it.
    for (const name of ['containerd.pid', 'containerd.sock', 'containerd.sock.ttrpc'])
      fs.rmSync(path.join(at('exec'), 'containerd', name), { force: true });
    this.child = spawn('unshare', ['-n', 'dockerd', '--host', this.host, '--data-root', this.data, '--exec-root', at('exec'),
      '--pidfile', at('pid'), '--config-file', at('daemon.json'), '--bridge', 'none', '--log-level', 'warn'],
    { stdio: ['ignore', log, log], detached: true });
    fs.closeSync(log);
    this.exited = new Promise((done) => { this.child.once('close', done); });
    await until('the Engine answers', () => {
      execFileSync('docker', ['-H', this.host, 'version'], { stdio: 'ignore' });
      return true;
    }, { ms: 60000, every: 200 });
  }

  // "SIGTERM" takes its containers along; "SIGKILL" leaves them, and the next life ends them.
  async kill(signal) {
    this.child.kill(signal);
    await this.exited;
  }
  async restart(signal) {
    await this.kill(signal);
    await this.launch();
  }

  // Leaves that much room for what comes; free() gives it back.
  fill(leave) {
    const { bavail, bsize } = fs.statfsSync(this.data);
    execFileSync('fallocate', ['-l', String(Math.max(4096, bavail * bsize - leave)), path.join(this.data, 'filler')]);
  }
  free() { fs.rmSync(path.join(this.data, 'filler'), { force: true }); }

  docker(...args) { return execFileSync('docker', ['-H', this.host, ...args], { encoding: 'utf8' }).trim(); }

  async close() {
    // Its containerd is a child of its own that a kill leaves behind: an orderly end takes all along.
    if (this.child) {
      if (this.child.exitCode !== null || this.child.signalCode) await this.launch().catch(() => {});
      await this.kill('SIGTERM');
    }
    const mounts = fs.readFileSync('/proc/mounts', 'utf8').split('\n').map((l) => l.split(' ')[1])
      .filter((m) => m?.startsWith(`${this.dir}/`)).reverse();
    for (const mount of mounts) execFileSync('umount', ['-l', mount]);
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}
