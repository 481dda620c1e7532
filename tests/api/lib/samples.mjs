// SPDX-License-Identifier: MIT
// The code samples of the public overview page, letter by letter, in their order.
export const SAMPLES = {
  'create or reconnect': `const box = await Box.create({ runtime: "node" })
const boxes = await Box.list()

// 👇 later, or in another serverless function
const sameBox = await Box.get(box.id)`,
  'check status and inspect activity': `const { status } = await box.getStatus()
const logs = await box.logs()
const runs = await box.listRuns()`,
  'pause or resume': `await box.pause()
await box.resume()`,
  'snapshot and restore': `const snapshot = await box.snapshot({ name: "after-setup" })
const restored = await Box.fromSnapshot(snapshot.id)`,
  delete: 'await box.delete()',
};

// Runs a sample with `scope` as what it finds; -> the variables of it that `leaves` names.
const AsyncFunction = (async () => {}).constructor;
export const runSample = (name, scope, leaves = []) =>
  new AsyncFunction(...Object.keys(scope), `${SAMPLES[name]}\nreturn { ${leaves.join(', ')} }`)(...Object.values(scope));
