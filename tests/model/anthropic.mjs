// SPDX-License-Identifier: MIT
// Anthropic's Messages API, scripted.  See server.mjs for what a script is.
//
// Tools of Claude Code: Bash { command, description }, Write { file_path, content },
// Read { file_path }, Edit { file_path, old_string, new_string }; Write wants a file that
// exists to have been read.

import { Model, usageOf } from './server.mjs';

// What the person said: the newest message of text that is no answer of a tool.
function progress(body) {
	let prompt = '';
	let step = 0;

	for (const message of body.messages ?? []) {
		const blocks = Array.isArray(message.content)
			? message.content
			: [{ type: 'text', text: String(message.content) }];
		if (message.role === 'assistant')
			step++;
		if (message.role !== 'user' || blocks.some((b) => b.type === 'tool_result'))
			continue;
		const said = blocks.filter((b) => b.type === 'text' && !b.text.startsWith('<system-reminder>'));
		if (said.length) {
			prompt = said.at(-1).text;
			step = 0;
		}
	}
	return { prompt, step };
}

// Names of messages and tool calls are of the whole conversation: a session that is gone on
// with holds those of its earlier prompts, and programs tell them apart by their names.
const place = (body) => (body.messages ?? []).filter((m) => m.role === 'assistant').length;

function usageFields(entry) {
	const usage = usageOf(entry);
	return {
		input_tokens: usage.input,
		cache_creation_input_tokens: usage.cacheWrite,
		cache_read_input_tokens: usage.cached,
		output_tokens: usage.output,
	};
}

function stopReason(entry) {
	return entry.refuse ? 'refusal' : entry.tools?.length ? 'tool_use' : 'end_turn';
}

function blocksOf(entry, step) {
	const blocks = [];
	if (entry.thinking)
		blocks.push({ type: 'thinking', thinking: entry.thinking, signature: 'c2lnbmVk' });
	if (entry.text || !entry.tools?.length)
		blocks.push({ type: 'text', text: entry.text ?? '' });
	for (const [i, tool] of (entry.tools ?? []).entries())
		blocks.push({ type: 'tool_use', id: `toolu_${step}_${i}`, name: tool.name, input: tool.input });
	return blocks;
}

function blockEvents(block, index) {
	const start = { ...block };
	const deltas = [];
	if (block.type === 'text') {
		start.text = '';
		for (let at = 0; at < block.text.length || at === 0; at += 20)
			deltas.push({ type: 'text_delta', text: block.text.slice(at, at + 20) });
	} else if (block.type === 'thinking') {
		start.thinking = start.signature = '';
		deltas.push({ type: 'thinking_delta', thinking: block.thinking });
		deltas.push({ type: 'signature_delta', signature: block.signature });
	} else {
		start.input = {};
		deltas.push({ type: 'input_json_delta', partial_json: JSON.stringify(block.input) });
	}
	return [
		{ type: 'content_block_start', index, content_block: start },
		...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
		{ type: 'content_block_stop', index },
	];
}

const provider = {
	paths: ['/v1/messages'],
	authorized: (headers, key) => headers['x-api-key'] === key,
	progress,
	error: (status, message) => ({
		type: 'error',
		error: { type: status === 401 ? 'authentication_error' : status === 529 ? 'overloaded_error' : 'api_error', message },
	}),
	document: (entry, _, body, step = place(body)) => ({
		id: `msg_${step}`,
		type: 'message',
		role: 'assistant',
		model: body.model,
		content: blocksOf(entry, step),
		stop_reason: stopReason(entry),
		stop_sequence: null,
		usage: usageFields(entry),
	}),
	events: (entry, _, body, step = place(body)) => [
		{
			type: 'message_start',
			message: {
				id: `msg_${step}`, type: 'message', role: 'assistant', model: body.model, content: [],
				stop_reason: null, stop_sequence: null, usage: { ...usageFields(entry), output_tokens: 1 },
			},
		},
		...blocksOf(entry, step).flatMap(blockEvents),
		{
			type: 'message_delta',
			delta: { stop_reason: stopReason(entry), stop_sequence: null },
			usage: { output_tokens: usageOf(entry).output },
		},
		{ type: 'message_stop' },
	],
};

/** options: { key, script, scripts, port }.  Gives { url, requests, calls, close() }. */
export function startAnthropic(options) {
	return new Model(provider, options).start(options.port);
}
