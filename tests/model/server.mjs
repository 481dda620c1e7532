// SPDX-License-Identifier: MIT
// A scripted model: what both providers' stand-ins share.
//
// A script is a list of steps, one for each answer of the model:
//   { text: "I look.", thinking: "hm", tools: [{ name: "Bash", input: { command: "ls" } }],
//     usage: { input: 100, cached: 0, cacheWrite: 0, output: 10 } }
// or a way to fail:
//   { status: 529, message: "overloaded" }   an error answer; `times` of it, then the next step
//   { hang: true }      no answer      { cut: true }  half an answer
//   { stall: true }     a head, then silence
//   { refuse: true }    the model declines
// `delayMs` waits before the answer.  Which step is meant follows from the conversation in
// the request, so nothing is lost when a program asks again or the stand-in starts anew.
// Behind the last step the answer is "The script has ended."

import http from 'node:http';

export class Model {
	constructor(provider, options) {
		this.provider = provider;
		this.key = options.key;
		this.scripts = options.scripts ?? {}; // by a word that the prompt contains
		this.script = options.script ?? [];
		this.requests = []; // { method, url, headers, body, step, status }
		this.failures = new Map(); // how often a step with `times` has failed
		this.sockets = new Set();
	}

	async start(port = 0) {
		this.server = http.createServer((req, res) => this.#serve(req, res));
		this.server.on('connection', (socket) => {
			this.sockets.add(socket);
			socket.on('close', () => this.sockets.delete(socket));
		});
		// A WebSocket must fail in the way that programs fall back from.
		this.server.on('upgrade', (req, socket) => {
			this.requests.push({ method: req.method, url: req.url, headers: req.headers, status: 426 });
			socket.end('HTTP/1.1 426 Upgrade Required\r\ncontent-length: 0\r\n\r\n');
		});
		await new Promise((done) => this.server.listen(port, '127.0.0.1', done));
		this.url = `http://127.0.0.1:${this.server.address().port}`;
		return this;
	}

	async close() {
		for (const socket of this.sockets)
			socket.destroy();
		await new Promise((done) => this.server.close(done));
	}

	// The requests that the model was to answer.
	get calls() {
		return this.requests.filter((r) => r.step !== undefined);
	}

	async #serve(req, res) {
		const chunks = [];
		try {
			for await (const chunk of req)
				chunks.push(chunk);
		} catch {
			return;
		}
		const record = { method: req.method, url: req.url, headers: req.headers };
		this.requests.push(record);
		res.on('finish', () => (record.status = res.statusCode));
		if (req.method === 'HEAD')
			return res.writeHead(200).end();
		if (!this.provider.authorized(req.headers, this.key))
			return this.#fail(res, 401, 'the key is not the one that this model knows');
		if (!this.provider.paths.some((p) => req.url.split('?')[0] === p) || req.method !== 'POST')
			return this.#fail(res, 404, `${req.method} ${req.url} is not offered`);
		try {
			record.body = JSON.parse(Buffer.concat(chunks).toString());
		} catch {
			return this.#fail(res, 400, 'the body is not JSON');
		}
		const { prompt, step } = this.provider.progress(record.body);
		record.prompt = prompt;
		record.step = step;
		await this.#play(res, record, this.#stepOf(prompt, step), step);
	}

	#stepOf(prompt, step) {
		const name = Object.keys(this.scripts).find((word) => prompt.includes(word));
		const script = name ? this.scripts[name] : this.script;
		return this.#skipSpent(script, step) ?? { text: 'The script has ended.' };
	}

	// Steps that only fail leave no trace in the conversation.
	#skipSpent(script, step) {
		let answers = 0;
		for (const [i, entry] of script.entries()) {
			if (!entry.status) {
				if (answers++ === step)
					return entry;
			} else if (answers === step) {
				const failed = this.failures.get(entry) ?? 0;
				if (failed < (entry.times ?? Infinity)) {
					this.failures.set(entry, failed + 1);
					return entry;
				}
			}
			if (i > 1000)
				break;
		}
		return undefined;
	}

	async #play(res, record, entry, step) {
		if (entry.delayMs)
			await new Promise((done) => setTimeout(done, entry.delayMs));
		if (entry.hang)
			return undefined;
		if (entry.status)
			return this.#fail(res, entry.status, entry.message ?? 'the script says so');
		const stream = record.body.stream === true;
		// Programs ask again without a stream; that must not heal what is cut.
		if (!stream && (entry.cut || entry.stall))
			return entry.cut ? res.destroy() : undefined;
		if (!stream)
			return res
				.writeHead(200, { 'content-type': 'application/json' })
				.end(JSON.stringify(this.provider.document(entry, step, record.body)));
		res.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': `req_${step}` });
		const events = this.provider.events(entry, step, record.body);
		const half = entry.cut || entry.stall ? Math.ceil(events.length / 2) : events.length;
		for (const event of events.slice(0, half))
			res.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
		if (entry.cut)
			return setTimeout(() => res.destroy(), 20);
		return entry.stall ? undefined : res.end();
	}

	#fail(res, status, message) {
		res.writeHead(status, { 'content-type': 'application/json' })
			.end(JSON.stringify(this.provider.error(status, message)));
	}
}

export function usageOf(entry) {
	return { input: 100, cached: 0, cacheWrite: 0, output: 10, ...entry.usage };
}
