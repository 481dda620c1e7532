// SPDX-License-Identifier: MIT
// Every delivery that GitHub publishes an example of, from github.com and from five of its
// servers, signed, through the intake: each is taken, and ends in a task, a command or a
// stored reason that the tables tell, none in an error of ours.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { APP, BOT, Intake } from './lib/intake.mjs';

const require = createRequire(import.meta.url);
const SOURCES = { 'api.github.com': 329, 'ghes-31': 49, 'ghes-32': 49, 'ghes-33': 50, 'ghes-34': 124, 'ghes-35': 125 };
const INSTALLATION = { id: 7001, node_id: 'x' };
const PERSON = { id: 8, login: 'octocat', type: 'User' };

// What becomes of the examples as they are, the App being installed.  Events that do not
// stand here are event_unused; "verb: reason" makes a task or command; | where the examples
// of an action differ.
const EXAMPLES = {
	'check_run created': 'action_unused',
	'check_run completed': 'check_passed|not_ours',
	'check_run requested_action': 'other_check',
	'check_run rerequested': 'other_check',
	'check_suite completed': 'check_passed',
	'check_suite requested': 'action_unused',
	'check_suite rerequested': 'bot_sender',
	'installation created': 'installed: installed',
	'installation new_permissions_accepted': 'installed: installed',
	'installation unsuspend': 'installed: installed',
	'installation deleted': 'removed: removed',
	'installation suspend': 'removed: removed',
	'installation_repositories added': 'installed: installed',
	'installation_repositories removed': 'removed: removed',
	'issue_comment created': 'no_command',
	'issue_comment deleted': 'action_unused',
	'issue_comment edited': 'edited',
	'issues assigned': 'action_unused',
	'issues deleted': 'closed: closed',
	'issues demilestoned': 'action_unused',
	'issues edited': 'edited',
	'issues labeled': 'label_other',
	'issues locked': 'action_unused',
	'issues milestoned': 'action_unused',
	'issues opened': 'no_command',
	'issues pinned': 'action_unused',
	'issues reopened': 'reopened: reopened',
	'issues transferred': 'closed: closed',
	'issues unassigned': 'action_unused',
	'issues unlabeled': 'action_unused',
	'issues unlocked': 'action_unused',
	'issues unpinned': 'action_unused',
	'pull_request assigned': 'action_unused',
	'pull_request closed': 'closed: closed',
	'pull_request converted_to_draft': 'action_unused',
	'pull_request labeled': 'label_other',
	'pull_request locked': 'action_unused',
	'pull_request opened': 'no_command',
	'pull_request ready_for_review': 'action_unused',
	'pull_request reopened': 'reopened: reopened',
	'pull_request review_request_removed': 'action_unused',
	'pull_request review_requested': 'reviewer_other',
	'pull_request synchronize': 'noted',
	'pull_request unassigned': 'action_unused',
	'pull_request unlabeled': 'action_unused',
	'pull_request unlocked': 'action_unused',
	'pull_request_review dismissed': 'action_unused',
	'pull_request_review submitted': 'review_no_command',
	'pull_request_review_comment created': 'review_counts',
	'pull_request_review_comment deleted': 'action_unused',
	'pull_request_review_comment edited': 'edited',
	push: 'not_a_branch|pushed: push',
	'workflow_run completed': 'check_passed',
	'workflow_run requested': 'action_unused',
};

// The same once they are armed (see arm()): only these change.
const ARMED = {
	'check_run completed': 'not_ours', // nothing of the repository is ours here
	'check_run requested_action': 'button: button',
	'check_run rerequested': 'button: button',
	'check_suite completed': 'not_ours',
	'check_suite rerequested': 'button: button',
	'issue_comment created': 'fix: comment',
	'issues labeled': 'fix: label',
	'issues opened': 'fix: issue',
	'pull_request labeled': 'fix: label',
	'pull_request opened': 'fix: pull_request',
	'pull_request review_requested': 'review: review_requested',
	'pull_request_review submitted': 'fix: review',
	'pull_request_review_comment created': 'fix: review_comment',
	'workflow_run completed': 'not_ours',
};

const examplesOf = source => require(`@octokit/webhooks-examples/${source}/index.json`)
	.flatMap(({ name, examples }) => examples.map(payload => ({ name, payload })));
const keyOf = (name, payload) => `${name}${payload.action ? ` ${payload.action}` : ''}`;
const installed = payload => ({ installation: INSTALLATION, ...payload });

// As if a person had asked, or a check had failed.
function arm(name, payload) {
	const armed = { ...structuredClone(installed(payload)), sender: PERSON, label: { name: 'boxwright' },
		requested_reviewer: { id: BOT, login: 'boxwright[bot]', type: 'Bot' } };
	for (const key of ['comment', 'review', 'issue', 'pull_request'])
		if (armed[key]) Object.assign(armed[key], { body: '/boxwright fix it', user: PERSON, performed_via_github_app: null,
			state: key === 'review' ? 'commented' : 'open',
			// Not the label that it was opened with: then its text is the request.
			...(payload.action === 'labeled' && { updated_at: '2030-01-01T00:00:00Z' }) });
	if (!/^(check_run|check_suite|workflow_run)$/.test(name)) return armed;
	const check = armed[name];
	const button = /^re/.test(payload.action) && payload.action !== 'requested';
	Object.assign(check, { conclusion: 'failure', head_branch: 'changes', latest_check_runs_count: 0,
		app: { ...check.app, id: button ? APP : 9 } });
	if (check.head_repository) check.head_repository = armed.repository;
	if (check.check_suite) check.check_suite.head_branch = 'changes';
	return armed;
}

async function send(intake, name, payload) {
	const id = crypto.randomUUID();
	const answer = await intake.deliver(name, payload, { id });
	assert.equal(answer.status, 202, `${name}: ${JSON.stringify(answer.body)}`);
	const { status, body } = await intake.get(`/v1/deliveries/${id}`);
	assert.equal(status, 200, id);
	const row = body.task ? (await intake.get(`/v1/tasks/${body.task}`)).body : body.command;
	// The answer tells what is stored, and that is no error of ours.
	assert.equal(answer.body.reason_code, body.reason_code);
	assert.equal(answer.body.reason, body.reason);
	assert.match(body.reason_code, /^[a-z_]+$/);
	assert.match(body.reason, /^[A-Z].*\.$/);
	assert.ok(['task', 'command', 'ignored'].includes(body.state), `${name}: ${body.state}`);
	assert.equal(answer.body.outcome, body.state === 'ignored' ? 'none' : body.state);
	assert.equal(row !== null, body.state !== 'ignored', name);
	return { word: row ? `${row.verb}: ${body.reason_code}` : body.reason_code, row };
}

function compare(seen, table) {
	for (const [key, words] of Object.entries(seen)) {
		const wanted = (table[key] ?? 'event_unused').split('|');
		assert.deepEqual([...words].sort(), wanted.sort(), key);
	}
}

async function sendAll(intake, list, change) {
	const seen = {};
	for (const { name, payload } of list) {
		const { word } = await send(intake, name, change(name, payload));
		(seen[keyOf(name, payload)] ??= new Set()).add(word);
	}
	return seen;
}

describe('examples of github.com', () => {
	const list = examplesOf('api.github.com');
	let intake;
	before(async () => { intake = await Intake.start(); });
	after(() => intake.stop());

	test('as they are', async () => {
		const before = await intake.rows();
		const seen = await sendAll(intake, list, (_, payload) => installed(payload));
		compare(seen, EXAMPLES);
		for (const key of Object.keys(EXAMPLES)) assert.ok(seen[key], `no example of ${key}`);
		assert.equal(new Set(list.map(({ name }) => name)).size, 58);
		assert.equal((await intake.rows()).delivery, before.delivery + SOURCES['api.github.com']);
	});

	test('as if a person had asked or a check had failed', async () =>
		compare(await sendAll(intake, list, arm), { ...EXAMPLES, ...ARMED }));

	test('of a webhook that is not the App\'s', async () => {
		for (const [key, words] of Object.entries(await sendAll(intake, list, (_, payload) => {
			const { installation, ...rest } = payload;
			return rest;
		}))) {
			const wanted = EXAMPLES[key] ? 'no_installation' : 'event_unused';
			assert.deepEqual([...words], [wanted], key);
		}
	});

	// A member that is missing or of another type makes less of an event, never an error.
	test('with each member gone, or something else', async () => {
		const once = new Map(list.filter(({ name, payload }) => EXAMPLES[keyOf(name, payload)])
			.map(({ name, payload }) => [keyOf(name, payload), arm(name, payload)]));
		let count = 0;
		for (const [key, armed] of once)
			for (const member of Object.keys(armed))
				for (const answer of await Promise.all([undefined, 7, 'text', [{}], {}].map(value =>
					intake.deliver(key.split(' ')[0], { ...armed, [member]: value })))) {
					assert.equal(answer.status, 202, `${key} ${member}: ${JSON.stringify(answer.body)}`);
					assert.notEqual(answer.body.reason_code, 'unparsed');
					count++;
				}
		assert.ok(count > 1500, `${count}`);
	});
});

describe('examples of GitHub Enterprise Server', () => {
	let intake;
	before(async () => { intake = await Intake.start(); });
	after(() => intake.stop());

	for (const [source, count] of Object.entries(SOURCES).slice(1))
		test(source, async () => {
			const list = examplesOf(source);
			assert.equal(list.length, count);
			const seen = await sendAll(intake, list, (_, payload) => installed(payload));
			for (const [key, words] of Object.entries(seen))
				for (const word of words)
					assert.ok((EXAMPLES[key] ?? 'event_unused').split('|').includes(word), `${key}: ${word}`);
			const armed = await sendAll(intake, list, arm);
			for (const [key, words] of Object.entries(armed))
				for (const word of words)
					assert.ok(({ ...EXAMPLES, ...ARMED }[key] ?? 'event_unused').split('|').includes(word), `${key}: ${word}`);
		});
});
