// SPDX-License-Identifier: MIT
// OpenAI's Responses API, scripted.  See server.mjs for what a script is.
//
// Tools of Codex with gpt-5.5: exec_command { cmd }; apply_patch, whose input is { patch }.

import { Model, usageOf } from './server.mjs';

const answered = (item) => /_output$/.test(item.type ?? '');
const fromModel = (item) =>
	!answered(item) && (item.role === 'assistant' || /_call$|^reasoning$/.test(item.type ?? ''));

function textOf(item) {
	if (typeof item.content === 'string')
		return item.content;
	return (item.content ?? []).map((part) => part.text ?? '').join('');
}

// A step is a run of items by the model behind the newest message of the person.
function progress(body) {
	const input = Array.isArray(body.input) ? body.input : [{ role: 'user', content: body.input }];
	let prompt = '';
	let step = 0;
	let speaking = false;

	for (const item of input) {
		if (item.role === 'user') {
			prompt = textOf(item);
			step = 0;
		} else if (fromModel(item) && !speaking) {
			step++;
		}
		speaking = fromModel(item);
	}
	return { prompt, step };
}

function itemsOf(entry, step) {
	const items = [];
	if (entry.thinking)
		items.push({ type: 'reasoning', id: `rs_${step}`, summary: [{ type: 'summary_text', text: entry.thinking }] });
	if (entry.refuse)
		items.push({
			type: 'message', id: `msg_${step}`, role: 'assistant', status: 'completed',
			content: [{ type: 'refusal', refusal: 'I cannot help with that.' }],
		});
	else if (entry.text || !entry.tools?.length)
		items.push({
			type: 'message', id: `msg_${step}`, role: 'assistant', status: 'completed',
			content: [{ type: 'output_text', text: entry.text ?? '', annotations: [] }],
		});
	for (const [i, tool] of (entry.tools ?? []).entries()) {
		const ids = { id: `fc_${step}_${i}`, call_id: `call_${step}_${i}`, name: tool.name, status: 'completed' };
		if (tool.name === 'apply_patch')
			items.push({ ...ids, type: 'custom_tool_call', input: tool.input.patch });
		else
			items.push({ ...ids, type: 'function_call', arguments: JSON.stringify(tool.input) });
	}
	return items;
}

function response(entry, step, body) {
	const usage = usageOf(entry);
	return {
		id: `resp_${step}`,
		object: 'response',
		status: 'completed',
		model: body.model,
		output: itemsOf(entry, step),
		usage: {
			input_tokens: usage.input + usage.cached,
			input_tokens_details: { cached_tokens: usage.cached },
			output_tokens: usage.output,
			output_tokens_details: { reasoning_tokens: 0 },
			total_tokens: usage.input + usage.cached + usage.output,
		},
	};
}

// Codex is content with the item itself; the SDK that OpenCode uses wants to see it grow.
function itemEvents(item, output_index) {
	const at = { output_index, item_id: item.id };
	const events = [];
	const added = { ...item, status: 'in_progress' };

	if (item.type === 'message') {
		events.push({ type: 'response.output_item.added', output_index, item: { ...added, content: [] } });
		for (const [content_index, part] of item.content.entries()) {
			if (part.type !== 'output_text')
				continue;
			events.push(
				{ type: 'response.content_part.added', ...at, content_index, part: { ...part, text: '' } },
				{ type: 'response.output_text.delta', ...at, content_index, delta: part.text },
				{ type: 'response.output_text.done', ...at, content_index, text: part.text },
				{ type: 'response.content_part.done', ...at, content_index, part },
			);
		}
	} else if (item.type === 'function_call') {
		events.push(
			{ type: 'response.output_item.added', output_index, item: { ...added, arguments: '' } },
			{ type: 'response.function_call_arguments.delta', ...at, delta: item.arguments },
			{ type: 'response.function_call_arguments.done', ...at, arguments: item.arguments },
		);
	}
	return [...events, { type: 'response.output_item.done', output_index, item }];
}

const provider = {
	paths: ['/v1/responses'],
	authorized: (headers, key) => headers.authorization === `Bearer ${key}`,
	progress,
	error: (status, message) => ({
		error: { message, type: status === 401 ? 'invalid_request_error' : 'server_error', code: null, param: null },
	}),
	document: response,
	events: (entry, step, body) => [
		{ type: 'response.created', response: { ...response(entry, step, body), status: 'in_progress', output: [], usage: null } },
		...itemsOf(entry, step).flatMap(itemEvents),
		{ type: 'response.completed', response: { ...response(entry, step, body), output: [] } },
	],
};

/** options: { key, script, scripts, port }.  Gives { url, requests, calls, close() }. */
export function startOpenAI(options) {
	return new Model(provider, options).start(options.port);
}
