// SPDX-License-Identifier: MIT
// The box routes against a real box: looking, running, streaming, deleting.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Intake } from './lib/intake.mjs';

let intake;
before(async () => { intake = await Intake.start({ INTAKE_IMAGE: process.env.BOXWRIGHT_TEST_IMAGE ?? 'boxwright/base:latest' }); });
after(() => intake.stop());

const post = (target, body) => fetch(intake.base + target, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
const exec = async (body, box = 'first') => {
	const answer = await post(`/v2/box/${box}/exec`, body);
	return { status: answer.status, ...(await answer.json()) };
};

test('list and get', async () => {
	const list = (await intake.get('/v2/box')).body;
	assert.deepEqual(list.map(b => [b.id, b.status]), [['first', 'idle']]);
	const box = (await intake.get('/v2/box/first')).body;
	assert.equal(box.id, 'first');
	assert.ok(Math.abs(box.created_at - Date.now() / 1000) < 120);
	assert.equal((await intake.get('/v2/box/other')).status, 404);
	assert.equal((await intake.get('/v2/box/first/logs')).status, 404);
});

test('exec tells output, error and exit code', async () => {
	assert.deepEqual(await exec({ command: ['sh', '-c', 'echo out; echo err >&2; exit 3'] }),
		{ status: 200, exit_code: 3, output: 'out\n', error: 'err\n' });
	assert.equal((await exec({ command: ['pwd'], folder: '/tmp' })).output, '/tmp\n');
	assert.equal((await exec({ command: ['printf', 'é\\377'] })).output, 'é\ufffd');
	assert.equal((await exec({ command: ['echo', '$(id)', '; ls'] })).output, '$(id) ; ls\n');
});

test('exec refuses what is no command', async () => {
	for (const body of [{}, { command: [] }, { command: 'ls' }, { command: [1] }, { command: ['a\0b'] }, { command: [''] }, { command: ['ls'], folder: 5 }]) {
		const answer = await exec(body);
		assert.equal(answer.status, 400, JSON.stringify(body));
		assert.equal(typeof answer.error, 'string');
	}
	assert.equal((await exec({ command: ['ls'] }, 'other')).status, 404);
});

test('exec-stream: bytes as they come, then the exit frame whole', async () => {
	for (let i = 0; i < 20; i++) {
		const answer = await post('/v2/box/first/exec-stream', { command: ['sh', '-c', `printf one; printf two >&2; exit ${i}`] });
		assert.equal(answer.status, 200);
		const chunks = [];
		for await (const chunk of answer.body) chunks.push(Buffer.from(chunk).toString());
		// A read may hold output before the frame, but never a part of the frame.
		const frame = new RegExp(`event: exit\\ndata: \\{"exit_code":${i},"cpu_ns":\\d+\\}\\n\\n$`).exec(chunks.at(-1));
		assert.ok(frame, JSON.stringify(chunks));
		assert.equal(chunks.join('').length, 6 + frame[0].length);
	}
});

test('exec-stream shows output before the end', async () => {
	const started = Date.now();
	const answer = await post('/v2/box/first/exec-stream', { command: ['sh', '-c', 'echo first; sleep 1; echo second'] });
	const reader = answer.body.getReader();
	const { value } = await reader.read();
	assert.equal(Buffer.from(value).toString(), 'first\n');
	assert.ok(Date.now() - started < 900);
	await reader.cancel();
});

test('exec-stream carries 50 MB', async () => {
	const answer = await post('/v2/box/first/exec-stream', { command: ['head', '-c', '50000000', '/dev/zero'] });
	let size = 0, end = Buffer.alloc(0);
	for await (const chunk of answer.body) { size += chunk.length; end = Buffer.concat([end, chunk]).subarray(-100); }
	const frame = /event: exit\ndata: \{"exit_code":0,"cpu_ns":\d+\}\n\n$/.exec(end.toString('latin1'))[0];
	assert.equal(size - frame.length, 50000000);
});

test('delete', async () => {
	assert.equal((await fetch(`${intake.base}/v2/box/first`, { method: 'DELETE' })).status, 200);
	assert.deepEqual((await intake.get('/v2/box')).body, []);
	assert.equal((await fetch(`${intake.base}/v2/box/first`, { method: 'DELETE' })).status, 404);
});
