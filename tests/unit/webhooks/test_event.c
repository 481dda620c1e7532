/* SPDX-License-Identifier: MIT */
/* webhooks/event.c: the fields, their absence, their bounds, and what is no event. */
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/strbuf.h"
#include "webhooks/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static enum event_result parse_as(
	const char *name, const char *body, size_t len, struct event *event)
{
	struct err err = {0};
	enum event_result result = event_parse(name, body, len, event, &err);

	assert_int_equal(result == EVENT_OK, err.kind == ERR_NONE);
	return result;
}

static enum event_result parse(const char *body, size_t len, struct event *event)
{
	return parse_as("issue_comment", body, len, event);
}

/* Of JSON with ' for ".  No member stands last, so that each is one that slim.c could have
 * left out: what a reader asks for has to be in its list. */
static void read_as(const char *name, const char *body, struct event *event)
{
	CLEANUP(strbuf) struct strbuf json = STRBUF_INIT(LIMIT_MIB);

	for (const char *at = body; *at; at++) {
		if (*at == '}' && at[-1] != '{')
			strbuf_adds(&json, ",\"last\":{}");
		strbuf_addc(&json, *at == '\'' ? '"' : *at);
	}
	assert_int_equal(parse_as(name, json.data, json.len, event), EVENT_OK);
}

static const char full[] =
	"{\"action\":\"created\",\"installation\":{\"id\":7001},"
	"\"repository\":{\"id\":5,\"name\":\"r\",\"full_name\":\"o/r\",\"private\":true,"
	"\"owner\":{\"id\":6,\"login\":\"o\",\"type\":\"Organization\"},"
	"\"default_branch\":\"trunk\",\"clone_url\":\"https://github.com/o/r.git\"},"
	"\"sender\":{\"id\":8,\"login\":\"octocat\",\"type\":\"User\"},"
	"\"issue\":{\"number\":12,\"id\":99,\"title\":\"T\",\"body\":null,"
	"\"state\":\"closed\",\"labels\":[{\"name\":\"bug\"},{\"id\":1},{\"name\":\"x\"}]"
	","
	"\"user\":{\"id\":9,\"login\":\"a\"},\"pull_request\":{\"url\":\"u\"}},"
	"\"comment\":{\"id\":77,\"body\":\"one\\r\\ntwo\\u0000\",\"html_url\":\"h\","
	"\"created_at\":\"2026-11-22T20:35:01Z\",\"user\":{\"id\":8,\"login\":"
	"\"octocat\"},"
	"\"performed_via_github_app\":{\"id\":4242}},\"label\":{\"name\":\"boxwright\"},"
	"\"pull_request\":{\"number\":3,\"merged\":true,\"draft\":true,\"state\":"
	"\"open\","
	"\"head\":{\"ref\":\"f\",\"sha\":\"s\",\"repo\":{\"id\":55}},"
	"\"base\":{\"ref\":\"m\",\"sha\":\"b\"},\"user\":{\"id\":1,\"login\":\"p\"}}}";

static void test_all_fields(void **state)
{
	CLEANUP(event) struct event e = {0};

	(void)state;
	read_as("issue_comment", full, &e);
	assert_string_equal(e.name, "issue_comment");
	assert_string_equal(e.action, "created");
	assert_int_equal(e.installation, 7001);
	assert_int_equal(e.repository.id, 5);
	assert_string_equal(e.repository.full_name, "o/r");
	assert_string_equal(e.repository.default_branch, "trunk");
	assert_string_equal(e.repository.clone_url, "https://github.com/o/r.git");
	assert_string_equal(e.repository.owner.login, "o");
	assert_true(e.repository.is_private);
	assert_string_equal(e.sender.type, "User");
	assert_int_equal(e.issue.number, 12);
	assert_null(e.issue.body);
	assert_true(e.issue.closed);
	assert_true(e.issue.is_pull_request);
	assert_int_equal(e.issue.label_count, 2);
	assert_string_equal(e.issue.labels[1], "x");
	assert_int_equal(e.comment.id, 77);
	assert_string_equal(e.comment.body, "one\ntwo\xef\xbf\xbd");
	assert_int_equal(e.comment.app_id, 4242);
	assert_string_equal(e.url, "h");
	assert_null(e.comment.path);

	/* Only what the event is about is read. */
	CLEANUP(event) struct event pull = {0};
	read_as("pull_request", full, &pull);
	assert_string_equal(pull.label, "boxwright");
	assert_int_equal(pull.pull_request.head_repository, 55);
	assert_true(pull.pull_request.merged && pull.pull_request.draft);
	assert_false(pull.pull_request.closed);
	assert_int_equal(pull.issue.number, 0);
	assert_int_equal(pull.comment.id, 0);
}

static void test_a_reviews_fields(void **state)
{
	CLEANUP(event) struct event e = {0}, line = {0}, file = {0};

	(void)state;
	read_as("pull_request_review",
		"{'action':'submitted','review':{'id':44,'state':'Changes_Requested',"
		"'body':'a\\r\\nb','html_url':'r','user':{'id':8,'login':'o'}},"
		"'pull_request':{'number':3,'title':'T','body':'B','html_url':'p',"
		"'state':'closed','user':{'id':9}}}",
		&e);
	assert_int_equal(e.review.id, 44);
	assert_string_equal(e.review.state, "changes_requested");
	assert_string_equal(e.review.body, "a\nb");
	assert_int_equal(e.review.author.id, 8);
	assert_string_equal(e.url, "r");
	assert_string_equal(e.pull_request.title, "T");
	assert_true(e.pull_request.closed);

	read_as("pull_request_review_comment",
		"{'comment':{'id':7,'path':'a.c','line':9,'side':'LEFT','diff_hunk':'@@',"
		"'in_reply_to_id':6,'pull_request_review_id':44,'body':'x'}}",
		&line);
	assert_string_equal(line.comment.path, "a.c");
	assert_int_equal(line.comment.line, 9);
	assert_string_equal(line.comment.side, "LEFT");
	assert_string_equal(line.comment.hunk, "@@");
	assert_int_equal(line.comment.in_reply_to, 6);
	assert_int_equal(line.comment.review, 44);

	/* A comment on a file, or on a line that is no more. */
	read_as("pull_request_review_comment",
		"{'comment':{'id':7,'path':'a.c','line':null,'diff_hunk':null}}", &file);
	assert_int_equal(file.comment.line, 0);
	assert_null(file.comment.hunk);
}

static void test_a_checks_fields(void **state)
{
	static const char *const names[] = {"check_run", "check_suite", "workflow_run"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		CLEANUP(event) struct event e = {0};
		CLEANUP(mem)
		char *body = mem_printf(
			"{'repository':{'id':5},'%s':{'id':31,'name':'n','html_url':'h',"
			"'conclusion':'failure','head_sha':'s','head_branch':'b',"
			"'check_suite':{'head_branch':'b'},'app':{'id':9,'name':'n'},"
			"'head_repository':{'id':6},'latest_check_runs_count':2,"
			"'pull_requests':[{'number':4,'base':{'repo':{'id':5}}}],"
			"'external_id':'e'},"
			"'requested_action':{'identifier':'stop'}}",
			names[i]);
		read_as(names[i], body, &e);
		assert_int_equal(e.check.id, 31);
		assert_string_equal(e.check.name, "n");
		assert_string_equal(e.check.conclusion, "failure");
		assert_string_equal(e.check.head_sha, "s");
		assert_string_equal(e.check.head_branch, "b");
		assert_int_equal(e.check.app_id, 9);
		assert_int_equal(e.check.head_repository, 6);
		assert_int_equal(e.check.pull_number, 4);
		assert_int_equal(e.check.runs, 2);
		assert_int_equal(e.check.button != NULL, i == 0);
		assert_int_equal(e.check.external_id != NULL, i == 0);
	}
	CLEANUP(event) struct event none = {0};
	read_as("check_run", "{'check_run':[],'requested_action':'x'}", &none);
	assert_int_equal(none.check.id, 0);
	assert_int_equal(none.check.runs, -1);
	assert_null(none.check.button);
}

static void test_a_pushes_fields(void **state)
{
	static const struct {
		const char *more;
		bool touches;
	} cases[] = {
		{"'commits':[{'modified':['a.c']}]", false},
		{"'commits':[{'added':['a'],'removed':['b'],'modified':[]},{}]", false},
		{"'commits':[{'modified':['a.c','.github/boxwright.yml']}]", true},
		{"'commits':[{},{'removed':['.github/boxwright.yaml']}]", true},
		{"'commits':[{'added':['boxwright.yml']}]", true},
		{"'commits':[{'added':['x/notboxwright.yml']}]", false},
		/* What is not told may be anything */
		{"'commits':[]", true},
		{"'commits':null", true},
		{"'commits':7", true},
		{"'x':1", true},
		{"'forced':true,'commits':[{'modified':['a.c']}]", true},
		{"'created':true,'commits':[{'modified':['a.c']}]", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(event) struct event e = {0};
		CLEANUP(mem)
		char *body = mem_printf(
			"{'ref':'refs/heads/m','before':'b','after':'a','deleted':true,"
			"'compare':'c',%s}",
			cases[i].more);
		read_as("push", body, &e);
		assert_string_equal(e.push.ref, "refs/heads/m");
		assert_string_equal(e.push.before, "b");
		assert_string_equal(e.push.after, "a");
		assert_true(e.push.deleted);
		assert_string_equal(e.url, "c");
		if (e.push.touches_rules != cases[i].touches)
			fail_msg("wrong for %s", cases[i].more);
	}
}

/* An organisation's repository has an owner with a name alone in some pushes. */
static void test_an_owner_by_name(void **state)
{
	CLEANUP(event) struct event e = {0};

	(void)state;
	read_as("push", "{'repository':{'id':5,'owner':{'name':'org','email':null}}}",
		&e);
	assert_string_equal(e.repository.owner.login, "org");
}

static void test_an_installations_fields(void **state)
{
	CLEANUP(event) struct event e = {0}, many = {0};
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_MIB);

	(void)state;
	read_as("installation_repositories",
		"{'installation':{'id':7,'account':{'id':6,'login':'o','type':'User'},"
		"'html_url':'i'},'repositories_added':[{'id':5,'full_name':'o/r'},{},7,"
		"{'id':'8','full_name':'o/s'},{'id':9,'full_name':'s'}],"
		"'repositories_removed':[{'id':4,'full_name':'o/q/z'}]}",
		&e);
	assert_int_equal(e.installation, 7);
	assert_string_equal(e.installed.account.login, "o");
	assert_string_equal(e.url, "i");
	assert_int_equal(e.installed.added_count, 1);
	assert_int_equal(e.installed.added[0].id, 5);
	assert_string_equal(e.installed.added[0].owner, "o");
	assert_string_equal(e.installed.added[0].name, "r");
	assert_int_equal(e.installed.removed_count, 1);
	assert_false(e.installed.cut);

	strbuf_adds(&body,
		"{'installation':{'id':7},'repositories':[{'id':1,'full_name':'o/r'}");
	for (int i = 0; i < EVENT_REPOSITORIES_MAX; i++)
		strbuf_adds(&body, ",{'id':1,'full_name':'o/r'}");
	strbuf_adds(&body, "]}");
	read_as("installation", strbuf_str(&body), &many);
	assert_int_equal(many.installed.added_count, EVENT_REPOSITORIES_MAX);
	assert_true(many.installed.cut);
}

static void test_an_edits_fields(void **state)
{
	CLEANUP(event) struct event e = {0}, title = {0};

	(void)state;
	read_as("issues",
		"{'issue':{'number':1,'body':'b'},'changes':{'body':{'from':'a'}}}", &e);
	assert_string_equal(e.issue.was_body, "a");
	read_as("issues",
		"{'issue':{'number':1,'body':'b'},'changes':{'title':{'from':'a'}}}",
		&title);
	assert_null(title.issue.was_body);
}

/* Of events that mean nothing to us, the address still answers "why did nothing happen?". */
static void test_other_events_keep_their_address(void **state)
{
	CLEANUP(event) struct event e = {0}, none = {0};

	(void)state;
	read_as("commit_comment",
		"{'comment':{'id':7,'body':'/boxwright fix','html_url':'https://x/7'}}",
		&e);
	assert_string_equal(e.url, "https://x/7");
	assert_int_equal(e.comment.id, 0);
	read_as("ping", "{'zen':'x','issue':{'html_url':7},'compare':''}", &none);
	assert_null(none.url);
}

static void test_absence_is_zero(void **state)
{
	CLEANUP(event) struct event e = {0};

	(void)state;
	assert_int_equal(parse("{}", 2, &e), EVENT_OK);
	assert_null(e.action);
	assert_int_equal(e.installation, 0);
	assert_int_equal(e.repository.id, 0);
	assert_null(e.repository.full_name);
	assert_int_equal(e.issue.number, 0);
	assert_null(e.issue.labels);
}

static void test_other_types_are_absence(void **state)
{
	static const char body[] =
		"{\"action\":7,\"installation\":[1],\"repository\":\"x\",\"sender\":{"
		"\"id\":1.0,"
		"\"login\":{}},\"issue\":{\"number\":-3,\"labels\":{\"name\":\"y\"},"
		"\"title\":[]},\"comment\":{\"id\":\"5\",\"body\":12},\"label\":\"z\"}";
	CLEANUP(event) struct event e = {0};

	(void)state;
	assert_int_equal(parse(body, strlen(body), &e), EVENT_OK);
	assert_null(e.action);
	assert_int_equal(e.installation, 0);
	assert_int_equal(e.sender.id, 0);
	assert_null(e.sender.login);
	assert_int_equal(e.issue.number, 0);
	assert_int_equal(e.issue.label_count, 0);
	assert_int_equal(e.comment.id, 0);
	assert_null(e.comment.body);
	assert_null(e.label);
}

static void test_what_is_no_event(void **state)
{
	static const struct {
		const char *body;
		enum event_result result;
	} bodies[] = {
		{"", EVENT_NOT_OBJECT},
		{"null", EVENT_NOT_OBJECT},
		{"[]", EVENT_NOT_OBJECT},
		{"42", EVENT_NOT_OBJECT},
		{"\"text\"", EVENT_NOT_OBJECT},
		{"payload=%7B%7D", EVENT_NOT_OBJECT},
		{"{\"a\":1", EVENT_NOT_OBJECT},
		{"{\"a\":{\"b\":1}", EVENT_NOT_OBJECT},
		{"{} {}", EVENT_NOT_OBJECT},
		{"{\"a\":\"\xff\"}", EVENT_NOT_OBJECT},
		{"{\"a\\u0000b\":1}", EVENT_BEYOND},
		{"{\"a\":9223372036854775808}", EVENT_BEYOND},
		{"{\"a\":1e999}", EVENT_BEYOND},
		{"{\"a\":\"\\ud800\"}", EVENT_BEYOND},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct event e;
		if (parse(bodies[i].body, strlen(bodies[i].body), &e) != bodies[i].result)
			fail_msg("wrong for %s", bodies[i].body);
		event_release(&e);
	}
}

static void test_deep_is_beyond(void **state)
{
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_MIB);
	struct event e;

	(void)state;
	strbuf_adds(&body, "{\"a\":");
	for (int i = 0; i < 50000; i++)
		strbuf_addc(&body, '[');
	for (int i = 0; i < 50000; i++)
		strbuf_addc(&body, ']');
	assert_int_equal(parse(body.data, body.len, &e), EVENT_NOT_OBJECT);
	strbuf_addc(&body, '}');
	assert_int_equal(parse(body.data, body.len, &e), EVENT_BEYOND);
}

static void fill(struct strbuf *body, const char *unit, size_t bytes)
{
	strbuf_adds(body, "{\"comment\":{\"id\":1,\"body\":\"");
	for (size_t n = 0; n < bytes; n += strlen(unit))
		strbuf_adds(body, unit);
	strbuf_adds(body, "\"}}");
}

static void test_long_text_is_cut_at_a_character(void **state)
{
	static const char *const units[] = {
		"a", "\xc3\xa9", "\xf0\x9f\x90\x99", "x\\r\\n", "\\u0001", "\\u0000"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(8 * LIMIT_MIB);
		CLEANUP(event) struct event e = {0};
		fill(&body, units[i], 8 * LIMIT_TASK_TEXT);
		assert_int_equal(parse(body.data, body.len, &e), EVENT_OK);
		assert_true(e.comment.body_cut);
		assert_in_range(
			strlen(e.comment.body), LIMIT_TASK_TEXT - 4, LIMIT_TASK_TEXT);
		assert_true(str_is_utf8(e.comment.body, strlen(e.comment.body)));
	}
}

static void test_text_of_the_limit_is_whole(void **state)
{
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(event) struct event e = {0};

	(void)state;
	fill(&body, "a", LIMIT_TASK_TEXT);
	assert_int_equal(parse(body.data, body.len, &e), EVENT_OK);
	assert_false(e.comment.body_cut);
	assert_int_equal(strlen(e.comment.body), LIMIT_TASK_TEXT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_fields),
		cmocka_unit_test(test_a_reviews_fields),
		cmocka_unit_test(test_a_checks_fields),
		cmocka_unit_test(test_a_pushes_fields),
		cmocka_unit_test(test_an_owner_by_name),
		cmocka_unit_test(test_an_installations_fields),
		cmocka_unit_test(test_an_edits_fields),
		cmocka_unit_test(test_other_events_keep_their_address),
		cmocka_unit_test(test_absence_is_zero),
		cmocka_unit_test(test_other_types_are_absence),
		cmocka_unit_test(test_what_is_no_event),
		cmocka_unit_test(test_deep_is_beyond),
		cmocka_unit_test(test_long_text_is_cut_at_a_character),
		cmocka_unit_test(test_text_of_the_limit_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
