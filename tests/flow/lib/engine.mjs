// SPDX-License-Identifier: MIT
// The Docker Engine as a flow test needs it: what a service made there, and removing it.
import http from 'node:http';

// Looked up at each call: a test may have an Engine of its own (own_engine.mjs).
const socket = () => (process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock').replace(/^unix:\/\//, '');

function call(method, path, body) {
  return new Promise((done, fail) => {
    const request = http.request({ socketPath: socket(), method, path,
      headers: body ? { 'content-type': 'application/json' } : {} }, (answer) => {
      const chunks = [];
      answer.on('data', (c) => chunks.push(c));
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        let body = text;
        try { body = JSON.parse(text); } catch { /* 204 */ }
        done({ status: answer.statusCode, body });
      });
    });
    request.on('error', fail).end(body && JSON.stringify(body));
  });
}

const filter = (instance) =>
  encodeURIComponent(JSON.stringify({ label: [`boxwright.instance=${instance}`] }));

// Everything of one service: {boxes, snapshots}, names.
export async function listInstance(instance) {
  const boxes = (await call('GET', `/containers/json?all=1&filters=${filter(instance)}`)).body;
  const images = (await call('GET', `/images/json?filters=${filter(instance)}`)).body;
  return { boxes: boxes.map((b) => b.Id), snapshots: images.map((i) => i.RepoTags?.find((tag) => tag !== '<none>:<none>') ?? i.Id) };
}

export async function removeInstance(instance) {
  const { boxes, snapshots } = await listInstance(instance);
  for (const id of boxes) await call('DELETE', `/containers/${id}?force=1&v=1`);
  for (const name of snapshots) await call('DELETE', `/images/${encodeURIComponent(name)}?force=1`);
}

// The boxes of one service by their ids ("task-41"), those of tasks too, which no API lists.
export async function boxIds(instance) {
  const boxes = (await call('GET', `/containers/json?all=1&filters=${filter(instance)}`)).body;
  return boxes.map((b) => b.Labels['boxwright.box']);
}

// All that the Engine tells of a box or an image.
export const inspectBox = async (id) => (await call('GET', `/containers/${id}/json`)).body;
export const inspectImage = async (name) => (await call('GET', `/images/${encodeURIComponent(name)}/json`)).body;

// Names of the volumes that a service made, by label or name.
export async function listVolumes(instance) {
  const all = (await call('GET', '/volumes')).body.Volumes ?? [];
  return all.filter((v) => v.Labels?.['boxwright.instance'] === instance ||
    v.Name.includes(instance)).map((v) => v.Name);
}

// What the Engine measures of a container, once.
export const boxStats = async (id) => (await call('GET', `/containers/${id}/stats?stream=false&one-shot=true`)).body;
export const removeImage = (name) => call('DELETE', `/images/${encodeURIComponent(name)}?force=1`);
// As somebody who does not know the service would.
export const removeBox = (id) => call('DELETE', `/containers/${id}?force=1&v=1`);

// A sign for an agent that waits in a service's box of that id ("conv-4").
export async function touchInBox(instance, box, path) {
  const boxes = (await call('GET', `/containers/json?all=1&filters=${filter(instance)}`)).body;
  const { Id } = boxes.find((b) => b.Labels['boxwright.box'] === box);
  const made = await call('POST', `/containers/${Id}/exec`, { Cmd: ['touch', path], AttachStdout: true });
  if (made.status !== 201) throw new Error(`touch ${path} in ${box}: ${made.status} ${JSON.stringify(made.body)}`);
  await call('POST', `/exec/${made.body.Id}/start`, { Detach: false, Tty: true });
}
// One box of a service by its id, as the Engine inspects it.
export async function boxNamed(instance, id) {
  const boxes = (await call('GET', `/containers/json?all=1&filters=${filter(instance)}`)).body;
  const found = boxes.find((b) => b.Labels['boxwright.box'] === id);
  return found && inspectBox(found.Id);
}
