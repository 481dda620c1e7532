// SPDX-License-Identifier: MIT
// The scripted models themselves: steps follow the conversation, the key is checked.

import assert from 'node:assert/strict';
import test from 'node:test';
import { startAnthropic } from './anthropic.mjs';
import { startOpenAI } from './openai.mjs';

const post = (url, headers, body) =>
	fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });

test('anthropic: step by step, with usage', async () => {
	const model = await startAnthropic({
		key: 'k',
		script: [
			{ status: 529, times: 1 },
			{ text: 'one', tools: [{ name: 'Bash', input: { command: 'ls' } }] },
			{ text: 'two', usage: { output: 7 } },
		],
	});
	const messages = [{ role: 'user', content: [{ type: 'text', text: '<system-reminder>x' }, { type: 'text', text: 'go' }] }];
	const ask = (key = 'k', stream = false) =>
		post(`${model.url}/v1/messages?beta=true`, { 'x-api-key': key }, { model: 'm', messages, stream });

	assert.equal((await ask('wrong')).status, 401);
	assert.equal((await ask()).status, 529);
	const one = await (await ask()).json();
	assert.equal(one.stop_reason, 'tool_use');
	assert.deepEqual((await (await ask()).json()).content, one.content);
	messages.push({ role: 'assistant', content: one.content });
	messages.push({ role: 'user', content: [{ type: 'tool_result', tool_use_id: 'x' }, { type: 'text', text: 'a note' }] });
	const two = await (await ask('k', true)).text();
	assert.match(two, /"text":"two"/);
	assert.match(two, /event: message_delta\n.*"output_tokens":7/);
	messages.push({ role: 'assistant', content: 'two' }, { role: 'user', content: 'again' });
	assert.equal((await (await ask()).json()).content[0].text, 'one');
	assert.deepEqual(model.calls.map((r) => r.step), [0, 0, 0, 1, 0]);
	await model.close();
});

test('openai: step by step, by word', async () => {
	const model = await startOpenAI({
		key: 'k',
		scripts: { alpha: [{ thinking: 't', text: 'a', tools: [{ name: 'exec_command', input: { cmd: 'ls' } }] }, { text: 'b' }] },
	});
	const input = [{ role: 'user', content: [{ type: 'input_text', text: 'do alpha' }] }];
	const ask = async () =>
		(await post(`${model.url}/v1/responses`, { authorization: 'Bearer k' }, { model: 'm', input, stream: true })).text();

	const one = await ask();
	assert.match(one, /"name":"exec_command"/);
	assert.ok(one.indexOf('response.completed') > one.indexOf('output_item.done'));
	input.push({ type: 'reasoning' }, { type: 'message', role: 'assistant', content: 'a' });
	input.push({ type: 'function_call' }, { type: 'function_call_output' });
	assert.match(await ask(), /"text":"b"/);
	assert.equal((await fetch(`${model.url}/v1/files`, { headers: { authorization: 'Bearer k' } })).status, 404);
	await model.close();
});

test('ways to fail', async () => {
	const model = await startOpenAI({ key: 'k', scripts: { cut: [{ text: 'x', cut: true }], hang: [{ hang: true }] } });
	const ask = (word, signal) =>
		fetch(`${model.url}/v1/responses`, {
			method: 'POST', signal, headers: { authorization: 'Bearer k' },
			body: JSON.stringify({ model: 'm', input: word, stream: true }),
		});

	await assert.rejects(async () => (await ask('cut')).text());
	await assert.rejects(ask('hang', AbortSignal.timeout(200)));
	await model.close();
});
