// SPDX-License-Identifier: MIT
// The intake: good deliveries become rows once, everything else gets its status in time and
// leaves nothing behind.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { APP, BOT, Intake, SECOND, SECRET, comment, deliveryHeaders, request, sign } from './lib/intake.mjs';

const HEAD_MS = 700, BODY_MS = 700;
const DEADLINE = 2500; // for everything here, slow senders included
const good = JSON.stringify(comment('/boxwright fix it'));
const MIB = 1024 * 1024;

const header = (name, value) => request(good, { headers: { [name]: value } });
const line = text => request(good, { lines: [text] });
const bytes = (first, ...rest) => [first + '\r\nhost: localhost\r\nconnection: close\r\n' + rest.join('')];
// A signed body of any bytes.
const body = b => request(Buffer.isBuffer(b) ? b : Buffer.from(b));
const trickle = (text, ms) => [...text].flatMap(c => [c, ms]);
const headOf = r => r.subarray(0, r.indexOf('\r\n\r\n') + 4);

// [name, what is sent, the status; 0: the connection is closed without an answer]
const malformed = [
	// Signature
	['no signature', request(good, { headers: { 'x-hub-signature': null, 'x-hub-signature-256': null } }), 401],
	['SHA-1 alone', header('x-hub-signature-256', null), 401],
	['a wrong signature', header('x-hub-signature-256', `sha256=${'0'.repeat(64)}`), 401],
	['another secret', header('x-hub-signature-256', sign(good, 'guess')), 401],
	['an empty secret', header('x-hub-signature-256', sign(good, '')), 401],
	['upper-case digits', header('x-hub-signature-256', `sha256=${sign(good).slice(7).toUpperCase()}`), 401],
	['an upper-case prefix', header('x-hub-signature-256', `SHA256=${sign(good).slice(7)}`), 401],
	['no prefix', header('x-hub-signature-256', sign(good).slice(7)), 401],
	['63 digits', header('x-hub-signature-256', sign(good).slice(0, -1)), 401],
	['65 digits', header('x-hub-signature-256', `${sign(good)}0`), 401],
	['a list of signatures', header('x-hub-signature-256', `${sign(good)},${sign(good)}`), 401],
	['SHA-512', header('x-hub-signature-256', sign(good, SECRET, 'sha512')), 401],
	['an empty signature', header('x-hub-signature-256', ''), 401],
	['one byte changed after signing', request(good.replace('fix it', 'fix at'), { headers: { 'x-hub-signature-256': sign(good) } }), 401],
	['signed in another spelling', request(JSON.stringify(JSON.parse(good), null, 1), { headers: { 'x-hub-signature-256': sign(good) } }), 401],
	['two signatures', line(`X-Hub-Signature-256: ${sign(good)}`), 400],
	// Headers of a delivery
	['no id', header('x-github-delivery', null), 400],
	['an empty id', header('x-github-delivery', ''), 400],
	['an id that is a path', header('x-github-delivery', '../../etc/passwd'), 400],
	['an id of 4 KB', header('x-github-delivery', 'a'.repeat(4096)), 400],
	['an id of 3 digits', header('x-github-delivery', 'abc'), 400],
	['two ids', line(`X-GitHub-Delivery: ${crypto.randomUUID()}`), 400],
	['no event', header('x-github-event', null), 400],
	['an event in capitals', header('x-github-event', 'Issue_Comment'), 400],
	['an event with a command', header('x-github-event', 'push;reboot'), 400],
	['an event of 65 letters', header('x-github-event', 'e'.repeat(65)), 400],
	['two events', line('X-GitHub-Event: push'), 400],
	['a target that is no number', header('x-github-hook-installation-target-id', 'x'), 400],
	['the target of another App', header('x-github-hook-installation-target-id', String(APP + 1)), 400],
	['form-encoded', request(`payload=${encodeURIComponent(good)}`, { headers: { 'content-type': 'application/x-www-form-urlencoded' } }), 415],
	['plain text', header('content-type', 'text/plain'), 415],
	['no content type', header('content-type', null), 415],
	['JSON in Latin-1', header('content-type', 'application/json; charset=iso-8859-1'), 415],
	['two content types', line('Content-Type: application/json'), 400],
	// Method and path
	['GET', bytes('GET /hooks/github HTTP/1.1', '\r\n'), 405],
	['PUT', request(good, { first: 'PUT /hooks/github HTTP/1.1' }), 405],
	['DELETE', request('', { first: 'DELETE /hooks/github HTTP/1.1' }), 405],
	['post', request(good, { first: 'post /hooks/github HTTP/1.1' }), 405],
	['another path', request(good, { first: 'POST /hooks/gitlab HTTP/1.1' }), 404],
	['a slash behind', request(good, { first: 'POST /hooks/github/ HTTP/1.1' }), 400],
	['%00 in the path', request(good, { first: 'POST /hooks/github%00 HTTP/1.1' }), 400],
	['%2f in the path', request(good, { first: 'POST /hooks%2fgithub HTTP/1.1' }), 400],
	['.. in the path', request(good, { first: 'POST /hooks/../hooks/github HTTP/1.1' }), 400],
	['%2e%2e in the path', request(good, { first: 'POST /hooks/%2e%2e/hooks/github HTTP/1.1' }), 400],
	['// in the path', request(good, { first: 'POST /hooks//github HTTP/1.1' }), 400],
	['an absolute target', request(good, { first: 'POST http://localhost/hooks/github HTTP/1.1' }), 400],
	['a NUL in the target', request(good, { first: 'POST /hooks/github\0 HTTP/1.1' }), 400],
	['a target of 17,000 bytes', request(good, { first: `POST /hooks/github?${'a'.repeat(17000)} HTTP/1.1` }), 414],
	['OPTIONS *', bytes('OPTIONS * HTTP/1.1', '\r\n'), 400],
	['CONNECT', bytes('CONNECT localhost:80 HTTP/1.1', '\r\n'), 400],
	// Framing
	['no length', header('content-length', null), 411],
	['chunked', request(good, { headers: { 'content-length': null, 'transfer-encoding': 'chunked' } }), 411],
	['length and chunked', line('Transfer-Encoding: chunked'), 400],
	['two lengths', line('Content-Length: 3'), 400],
	['the same length twice', line(`Content-Length: ${good.length}`), 400],
	['an unknown encoding', request(good, { headers: { 'content-length': null, 'transfer-encoding': 'xchunked' } }), 400],
	['gzip as encoding', request(good, { headers: { 'content-length': null, 'transfer-encoding': 'gzip' } }), 400],
	['two encodings', request(good, { headers: { 'content-length': null, 'transfer-encoding': 'chunked' }, lines: ['Transfer-Encoding: identity'] }), 400],
	['a blank before the colon', line('Transfer-Encoding : chunked'), 400],
	['length -1', header('content-length', '-1'), 400],
	['length +5', header('content-length', '+5'), 400],
	['length 0x10', header('content-length', '0x10'), 400],
	['length "3, 3"', header('content-length', '3, 3'), 400],
	['an empty length', header('content-length', ''), 400],
	['length 2^64', header('content-length', '18446744073709551616'), [400, 413]],
	['a length over 25 MiB', header('content-length', String(25 * MIB + 1)), 413],
	['a body over 25 MiB, sent', request(Buffer.alloc(26 * MIB, ' ')), [413, 0]],
	['no host', header('host', null), 400],
	['two hosts', line('Host: other'), 400],
	['a folded header', line('X-A: b\r\n c'), 400],
	['lines that end in LF', Buffer.from(request(good).toString('latin1').replaceAll('\r\n', '\n'), 'latin1'), 400],
	['one line that ends in LF', line('X-A: b\nX-B: c'), 400],
	['a bare CR', line('X-A: b\rc'), 400],
	['a NUL in a value', line('X-A: b\0c'), 400],
	['a NUL in a name', line('X-A\0: b'), 400],
	['a control character', line('X-A: b\x01'), 400],
	['a blank in a name', line('X A: b'), 400],
	['no colon', line('nonsense'), [400, 0]],
	['HTTP/1.9', request(good, { first: 'POST /hooks/github HTTP/1.9' }), 505],
	['HTTP/2', ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'], [400, 505, 0]],
	['HTTP/0.9', ['GET /hooks/github\r\n\r\n'], [400, 505, 0]],
	['two blanks in the first line', request(good, { first: 'POST  /hooks/github HTTP/1.1' }), 400],
	['a blank in the target', request(good, { first: 'POST /hooks/github x HTTP/1.1' }), 400],
	['a header of 40 KB', header('x-a', 'b'.repeat(40 * 1024)), 431],
	['120 headers', request(good, { lines: Array.from({ length: 120 }, (_, i) => `X-${i}: y`) }), 431],
	['a TLS hello', [Buffer.from('16030100c8010000c40303', 'hex'), Buffer.alloc(200, 7), '\r\n\r\n'], [400, 0]],
	// The body, rightly signed
	['an empty body', body(''), 400],
	['null', body('null'), 400],
	['a number', body('42'), 400],
	['a string', body('"text"'), 400],
	['an array', body(`[${good}]`), 400],
	['cut JSON', body(good.slice(0, -1)), 400],
	['JSON cut at a bracket', body(good.slice(0, good.lastIndexOf('}', good.length - 2) + 1)), 400],
	['JSON and more', body(`${good}x`), 400],
	['two documents', body(good + good), 400],
	['bad UTF-8', body(Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])), 400],
	['overlong UTF-8', body(Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')])), 400],
	['a byte order mark', body(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(good)])), 400],
	['a raw NUL', body('{"a":"b\0c"}'), 400],
	['a raw line break in a string', body('{"a":"b\nc"}'), 400],
	['a form under the name of JSON', body(`payload=${encodeURIComponent(good)}`), 400],
	['100,000 open brackets', body(`{"a":${'['.repeat(100000)}`), 400],
	['a comma too much', body('{"a":1,}'), 400],
	['NaN', body('{"a":NaN}'), 400],
	// Senders that are late
	['nothing at all', [DEADLINE], 408],
	['half a head', [headOf(request(good)).subarray(0, 100), DEADLINE], 408],
	['a head byte by byte', trickle(headOf(request(good)).toString('latin1').slice(0, 60), 60), 408],
	['half a body', [request(good).subarray(0, -10), DEADLINE], 408],
	['a body byte by byte', [headOf(request(good)), ...trickle(good.slice(0, 40), 60)], 408],
	['a body that ends early', [request(good).subarray(0, -10), 'FIN'], [408, 0]],
	['a reset in the body', [request(good).subarray(0, -10), 50, 'RST'], 0],
];

describe('malformed requests', () => {
	let intake, rows;
	before(async () => { intake = await Intake.start({ INTAKE_HEAD_MS: HEAD_MS, INTAKE_BODY_MS: BODY_MS }); rows = await intake.rows(); });
	after(() => intake.stop());

	test('there are at least 60', () => assert.ok(malformed.length >= 60));
	for (const [name, pieces, status] of malformed)
		test(name, async () => {
			const answer = await intake.raw(pieces);
			const expected = [status].flat();
			assert.ok(expected.includes(answer.statuses[0] ?? 0), `${answer.statuses} (${answer.end}): ${answer.text.slice(0, 300)}`);
			// One answer, then the end: what follows is never taken for a second request.
			// (The library's own answer to a bad length has its head twice, and closes.)
			const own = answer.text.includes('<html>');
			assert.ok(answer.statuses.length <= (own ? 2 : 1), answer.text);
			assert.notEqual(answer.end, 'timeout');
			assert.ok(answer.ms < DEADLINE, `${answer.ms} ms`);
			assert.ok(!answer.text.includes(SECRET));
			assert.deepEqual(await intake.rows(), rows, 'something was stored');
		});

	test('405 tells the methods', async () => {
		const answer = await intake.raw(bytes('GET /hooks/github HTTP/1.1', '\r\n'));
		assert.match(answer.text, /\r\nAllow: POST\r\n/);
	});
	test('a form is told what to set', async () => {
		const answer = await intake.raw(request('payload=x', { headers: { 'content-type': 'application/x-www-form-urlencoded' } }));
		assert.match(answer.text, /set the content type to application\/json/);
	});
	test('200 half-open clients delay nobody', async () => {
		const slow = Array.from({ length: 200 }, () => intake.raw(['POST /hooks/github HTTP/1.1\r\nHo', DEADLINE]));
		const times = [];
		for (let i = 0; i < 20; i++) {
			const started = Date.now();
			assert.equal((await intake.deliver('push', { n: i })).status, 202);
			times.push(Date.now() - started);
		}
		assert.ok(Math.max(...times) < DEADLINE, `${times}`);
		for (const answer of await Promise.all(slow)) assert.equal(answer.statuses[0], 408);
	});
});

describe('deliveries', () => {
	let intake;
	before(async () => { intake = await Intake.start(); });
	after(() => intake.stop());

	test('a command becomes a task, before the answer', async () => {
		const id = crypto.randomUUID();
		const answer = await intake.deliver('issue_comment', comment('/boxwright fix the parser'), { id });
		assert.equal(answer.status, 202);
		assert.equal(answer.body.delivery, id);
		assert.equal(answer.body.outcome, 'task');
		assert.equal(answer.body.reason_code, 'comment');
		const task = (await intake.get(`/v1/tasks/${answer.body.task}`)).body;
		const { state, verb, text, lane, owner, repo, number, requester_login, comment_id, title, delivery_id, steps, effects } = task;
		assert.deepEqual({ state, verb, text, lane, owner, repo, number, requester_login, comment_id, title, delivery_id, steps, effects }, {
			state: 'ready', verb: 'fix', text: 'the parser', lane: '5/12', owner: 'octo', repo: 'hello', number: 12,
			requester_login: 'octocat', comment_id: 77, title: 'It breaks', delivery_id: id, steps: [], effects: [],
		});
		const why = (await intake.get(`/v1/deliveries/${id}`)).body;
		assert.equal(why.state, 'task');
		assert.equal(why.task, answer.body.task);
		assert.equal(why.event, 'issue_comment');
		assert.equal(why.action, 'created');
	});

	test('other verbs become commands', async () => {
		for (const [text, verb] of [['cancel', 'cancel'], ['status', 'status'], ['help', 'help'], ['retry', 'retry'], ['dance', 'unknown'],
			['approve', 'approve'], ['reject no', 'reject'], ['budget +2', 'budget'], ['budget 2', 'unknown']]) {
			const before = await intake.rows();
			const answer = await intake.deliver('issue_comment', comment(`/boxwright ${text}`));
			assert.equal(answer.status, 202);
			assert.equal(answer.body.outcome, 'command');
			assert.equal(answer.body.task, null);
			const { command } = (await intake.get(`/v1/deliveries/${answer.body.delivery}`)).body;
			assert.deepEqual([command.verb, command.lane, command.requester_login], [verb, '5/12', 'octocat']);
			assert.equal((await intake.rows()).command, before.command + 1);
		}
	});

	test('what starts nothing is kept with its reason', async () => {
		for (const [event, payload, reason] of [
			['issue_comment', comment('thanks!'), 'no_command'],
			['issue_comment', comment('/boxwright fix', { sender: { id: BOT, login: 'boxwright[bot]', type: 'Bot' } }), 'own_sender'],
			['issue_comment', comment('/boxwright fix', { sender: { id: 3, login: 'x[bot]', type: 'Bot' } }), 'bot_sender'],
			['issue_comment', comment('/boxwright fix', { action: 'edited' }), 'edited'],
			['issue_comment', comment('/boxwright fix', { action: 'never_heard_of' }), 'action_unused'],
			['never_heard_of', { some: 'thing' }, 'event_unused'],
			['push', {}, 'no_repository'],
		]) {
			const before = await intake.rows();
			const answer = await intake.deliver(event, payload);
			assert.equal(answer.status, 202);
			assert.equal(answer.body.reason_code, reason);
			assert.ok(answer.body.reason.endsWith('.'));
			const rows = await intake.rows();
			assert.deepEqual(rows, { ...before, delivery: before.delivery + 1 });
		}
	});

	test('JSON beyond the parser is kept raw', async () => {
		for (const raw of [
			'{"a\\u0000b":1}', '{"id":9223372036854775808}', '{"x":1e999}', '{"x":"\\ud800"}',
			`{"a":${'['.repeat(50000)}${']'.repeat(50000)}}`,
		]) {
			const id = crypto.randomUUID();
			const answer = await intake.deliver('issue_comment', raw, { id });
			assert.equal(answer.status, 202, raw.slice(0, 40));
			assert.equal(answer.body.reason_code, 'unparsed');
			const why = (await intake.get(`/v1/deliveries/${id}`)).body;
			assert.equal(why.state, 'unparsed');
			assert.equal(why.body_size, raw.length);
		}
	});

	test('an escaped NUL in a text is text', async () => {
		const answer = await intake.deliver('issue_comment', comment('/boxwright fix a\0b'));
		const task = (await intake.get(`/v1/tasks/${answer.body.task}`)).body;
		assert.equal(task.text, 'a\ufffdb');
	});

	test('a body of 25 MiB is taken', async () => {
		const frame = comment('/boxwright fix it', { pad: '' });
		const pad = 25 * MIB - JSON.stringify(frame).length;
		const answer = await intake.deliver('issue_comment', { ...frame, pad: 'x'.repeat(pad) });
		assert.equal(answer.status, 202);
		assert.ok(answer.body.task > 0);
	});

	test('a second delivery of an id changes nothing', async () => {
		const id = crypto.randomUUID();
		const before = await intake.rows();
		const answers = await Promise.all(Array.from({ length: 20 }, (_, i) =>
			intake.deliver('issue_comment', comment(`/boxwright fix ${i}`), { id })));
		assert.ok(answers.every(a => a.status === 202 && a.body.delivery === id));
		assert.equal(answers.filter(a => a.body.duplicate).length, 19);
		assert.equal(new Set(answers.map(a => a.body.task)).size, 1);
		assert.deepEqual(await intake.rows(), { ...before, delivery: before.delivery + 1, task: before.task + 1 });
	});

	test('both secrets count while one is changed for the other', async () => {
		assert.equal((await intake.deliver('push', {}, { secret: SECOND })).status, 202);
		assert.equal((await intake.deliver('push', {}, { secret: 'a third' })).status, 401);
	});

	test('a kept connection carries many', async () => {
		const one = request(good, { headers: { connection: 'keep-alive' } });
		const last = request(good);
		const answer = await intake.raw([one, one, one, last]);
		assert.deepEqual(answer.statuses, [202, 202, 202, 202]);
	});
});

describe('the tasks API', () => {
	let intake, task;
	before(async () => {
		intake = await Intake.start();
		task = (await intake.deliver('issue_comment', comment('/boxwright fix it'))).body.task;
	});
	after(() => intake.stop());

	test('lists and filters', async () => {
		assert.deepEqual((await intake.get('/v1/tasks?state=ready')).body.tasks.map(t => t.id), [task]);
		assert.deepEqual((await intake.get('/v1/tasks?state=done')).body.tasks, []);
		assert.deepEqual((await intake.get(`/v1/tasks?before=${task}`)).body.tasks, []);
		assert.equal((await intake.get('/v1/tasks?state=odd')).status, 400);
		assert.equal((await intake.get('/v1/tasks?limit=0')).status, 400);
		assert.equal((await intake.get('/v1/tasks/999999')).status, 404);
		assert.equal((await intake.get('/v1/tasks/x')).status, 404);
		assert.equal((await intake.get('/v1/deliveries/none')).status, 404);
		assert.deepEqual((await intake.get(`/v1/tasks/${task}/events?after=0`)).body.events, []);
	});

	test('cancels, and a stream of events ends with the task', async () => {
		const stream = await fetch(`${intake.base}/v1/tasks/${task}/events`, { headers: { accept: 'text/event-stream' } });
		assert.equal(stream.headers.get('content-type'), 'text/event-stream');
		const answer = await fetch(`${intake.base}/v1/tasks/${task}/cancel`, { method: 'POST', body: '{"reason":"no time"}' });
		assert.equal(answer.status, 200);
		assert.equal((await answer.json()).state, 'cancelled');
		const text = await stream.text();
		assert.match(text, /event: end\ndata: \{.*"state":"cancelled".*\}\n\n$/);
	});

	test('a cancel with a bad body changes nothing', async () => {
		const fresh = (await intake.deliver('issue_comment', comment('/boxwright fix it'))).body.task;
		for (const bad of ['[]', '{', '{"reason":1}', '{"a":1,"a":2}']) {
			const answer = await fetch(`${intake.base}/v1/tasks/${fresh}/cancel`, { method: 'POST', body: bad });
			assert.equal(answer.status, 400, bad);
			assert.equal(typeof (await answer.json()).error, 'string');
		}
		assert.equal((await intake.get(`/v1/tasks/${fresh}`)).body.state, 'ready');
	});

	test('health, figures and version', async () => {
		const health = await intake.get('/healthz');
		assert.deepEqual([health.status, health.body.status, health.body.store], [200, 'ok', 'ok']);
		const metrics = await (await fetch(`${intake.base}/metrics`)).text();
		assert.match(metrics, /^boxwright_rows\{table="task",state="cancelled"\} 1$/m);
		assert.match(metrics, /^boxwright_http_answers_total\{class="2xx"\} \d+$/m);
		assert.equal((await intake.get('/v1/version')).body.name, 'boxwright');
		assert.equal((await intake.get('/v2/box')).status, 503);
	});
});

test('with a key, every route that needs one refuses without it', async () => {
	const intake = await Intake.start({ INTAKE_KEY: 'box_0123456789abcdef' });
	try {
		for (const [method, target] of [['GET', '/v1/tasks'], ['GET', '/v1/tasks/1'], ['GET', '/v1/tasks/1/events'],
			['POST', '/v1/tasks/1/cancel'], ['POST', '/v1/tasks/1/retry'], ['GET', '/v1/deliveries'], ['GET', '/v1/deliveries/x'],
			['GET', '/v2/box'], ['GET', '/v2/box/x'], ['DELETE', '/v2/box/x'], ['POST', '/v2/box/x/exec'],
			['POST', '/v2/box/x/exec-stream'], ['GET', '/v2/box/x/logs'], ['GET', '/metrics']]) {
			const answer = await fetch(intake.base + target, { method });
			assert.equal(answer.status, 401, target);
			assert.equal((await answer.json()).code, 'key');
			const keyed = await fetch(intake.base + target, { method, headers: { 'x-box-api-key': 'box_0123456789abcdef' } });
			assert.notEqual(keyed.status, 401, target);
			await keyed.text();
		}
		assert.equal((await intake.deliver('push', {})).status, 202);
	} finally {
		await intake.stop();
	}
});

test('what was answered 202 survives kill -9', async () => {
	let intake = await Intake.start();
	const acked = new Set();
	for (let round = 0; round < 3; round++) {
		let go = true;
		const send = async () => {
			while (go) {
				const id = crypto.randomUUID();
				const answer = await intake.deliver('push', { round }, { id }).catch(() => null);
				if (answer?.status === 202) acked.add(id);
				else if (!answer) return;
			}
		};
		const senders = Array.from({ length: 8 }, send);
		await new Promise(r => setTimeout(r, 150 + 100 * round));
		await intake.stop({ signal: 'SIGKILL', keep: true });
		go = false;
		await Promise.all(senders);
		intake = await Intake.start({}, intake.dir);
	}
	assert.ok(acked.size > 20, `${acked.size}`);
	for (const id of acked) assert.equal((await intake.get(`/v1/deliveries/${id}`)).status, 200, id);
	assert.ok((await intake.rows()).delivery >= acked.size);
	await intake.stop();
});

test('a delivery for the intake needs a secret to be configured', async () => {
	const intake = await Intake.start({ INTAKE_SECRET: '', INTAKE_SECRET_2: '' });
	const bytes = Buffer.from('{}');
	for (const secret of ['', SECRET]) {
		const answer = await fetch(`${intake.base}/hooks/github`, { method: 'POST', body: bytes, headers: deliveryHeaders('push', bytes, secret) });
		assert.equal(answer.status, 401);
	}
	await intake.stop();
});
