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

static enum event_result parse(const char *body, size_t len, struct event *event)
{
	struct err err = {0};
	enum event_result result = event_parse("issue_comment", body, len, event, &err);

	assert_int_equal(result == EVENT_OK, err.kind == ERR_NONE);
	return result;
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
	assert_int_equal(parse(full, strlen(full), &e), EVENT_OK);
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
	assert_string_equal(e.label, "boxwright");
	assert_int_equal(e.pull_request.head_repository, 55);
	assert_true(e.pull_request.merged && e.pull_request.draft);
	assert_false(e.pull_request.closed);
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
		cmocka_unit_test(test_absence_is_zero),
		cmocka_unit_test(test_other_types_are_absence),
		cmocka_unit_test(test_what_is_no_event),
		cmocka_unit_test(test_deep_is_beyond),
		cmocka_unit_test(test_long_text_is_cut_at_a_character),
		cmocka_unit_test(test_text_of_the_limit_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
