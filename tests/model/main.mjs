// SPDX-License-Identifier: MIT
// A scripted model as a program, for tests that are not written in JavaScript:
//
//	node tests/model/main.mjs anthropic|openai KEY SCRIPT.json
//
// Prints {"url":"http://127.0.0.1:PORT"}, then a line for each request that it answers, and
// ends with its stdin.  SCRIPT.json holds a list of steps, or an object of lists by word.

import { readFileSync } from 'node:fs';
import { startAnthropic } from './anthropic.mjs';
import { startOpenAI } from './openai.mjs';

const [provider, key, file] = process.argv.slice(2);
const script = JSON.parse(readFileSync(file, 'utf8'));
const start = { anthropic: startAnthropic, openai: startOpenAI }[provider];
const model = await start({ key, ...(Array.isArray(script) ? { script } : { scripts: script }) });

process.stdout.write(`${JSON.stringify({ url: model.url })}\n`);
model.server.on('request', (req, res) => {
	res.on('close', () => {
		const record = model.requests.findLast((r) => r.url === req.url);
		process.stdout.write(`${JSON.stringify({ url: req.url, step: record?.step, status: res.statusCode })}\n`);
	});
});
process.stdin.resume();
process.stdin.on('end', async () => {
	await model.close();
	process.exit(0);
});
