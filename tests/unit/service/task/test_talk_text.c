/* SPDX-License-Identifier: MIT */
/* What conversations read out of names and texts that come from outside. */
#include "service/task/about.h"
#include "service/task/pull_text.h"
#include "service/task/task.h"
#include "service/task/undo_point.h"

#include "boxcore/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define OID "0123456789abcdef0123456789abcdef01234567"

static void test_our_part_of_a_text_is_replaced(void **state)
{
	CLEANUP(strbuf) struct strbuf first = STRBUF_INIT(1000);
	CLEANUP(strbuf) struct strbuf second = STRBUF_INIT(1000);

	(void)state;
	pull_text_wrap("old", &first);
	CLEANUP(mem) char *body = mem_printf("before %s after", strbuf_str(&first));
	assert_true(pull_text_replace(body, "new <!-- boxwright:end", &second));
	assert_string_equal(strbuf_str(&second),
		"before <!-- boxwright:begin -->\nnew <!-- boxwright:end\n"
		"<!-- boxwright:end --> after");
}

/* What the agent says about the hidden lines is no such line. */
static void test_our_part_ends_where_we_ended_it(void **state)
{
	CLEANUP(strbuf) struct strbuf first = STRBUF_INIT(1000);
	CLEANUP(strbuf) struct strbuf second = STRBUF_INIT(1000);

	(void)state;
	pull_text_wrap("`<!-- boxwright:end -->` all checks passed "
		       "`<!-- boxwright:begin -->`",
		&first);
	assert_true(pull_text_replace(strbuf_str(&first), "new", &second));
	assert_string_equal(strbuf_str(&second),
		"<!-- boxwright:begin -->\nnew\n<!-- boxwright:end -->");
}

static void test_a_text_without_our_part_is_a_persons(void **state)
{
	static const char *const bodies[] = {"", "mine", "<!-- boxwright:begin -->",
		"<!-- boxwright:end --> <!-- boxwright:begin -->",
		"<!-- boxwright:begin --> <!-- boxwright:en"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(1000);

		assert_false(pull_text_replace(bodies[i], "new", &out));
		assert_int_equal(out.len, 0);
	}
}

static void test_the_commit_is_in_the_image_name(void **state)
{
	char oid[REPO_OID_SIZE] = "";

	(void)state;
	assert_true(undo_point_oid("boxwright-snap:conv-7-t41-0a1b-" OID, oid));
	assert_string_equal(oid, OID);
	assert_true(undo_point_is("boxwright-snap:conv-7-t41-0a1b-" OID));
	assert_false(undo_point_is("boxwright-snap:" OID));
	assert_false(undo_point_is(NULL));
	assert_false(undo_point_oid("", oid));
	assert_false(undo_point_oid("boxwright-snap:" OID, oid));
	assert_false(undo_point_oid("boxwright-snap:conv-7-t41-" OID "0", oid));
	assert_false(undo_point_oid("boxwright-snap:conv-7-t41-0123", oid));
	assert_false(undo_point_oid(
		"boxwright-snap:conv-7-0123456789ABCDEF0123456789abcdef01234567", oid));
}

static void test_boxes_tell_whose_they_are(void **state)
{
	static const struct {
		const char *box;
		int64_t task, conversation;
	} cases[] = {{"task-41", 41, 0}, {"prep-41", 41, 0}, {"task-41-check", 41, 0},
		{"conv-7", 0, 7}, {"conv-", 0, 0}, {"conv-0", 0, 0}, {"conv-7x", 0, 0},
		{"conv--7", 0, 0}, {"conv-99999999999999999999", 0, 0},
		{"conv-7-check", 0, 0}, {"task-", 0, 0}, {"mine", 0, 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(task_of_box(cases[i].box), cases[i].task);
		assert_int_equal(
			task_box_conversation(cases[i].box), cases[i].conversation);
	}
}

static void test_about_may_hold_anything(void **state)
{
	static const char *const bad[] = {
		"", "x", "[]", "null", "{", "{\"path\":1,\"in_reply_to\":\"2\"}", "7"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CLEANUP(mem) char *text = about_text(bad[i], "path");

		assert_string_equal(text, "");
		assert_int_equal(about_number(bad[i], "in_reply_to"), 0);
		assert_false(about_flag(bad[i], "plan"));
		assert_false(about_is_inline(bad[i]));
	}
	const char *good =
		"{\"path\":\"a.c\",\"line\":3,\"in_reply_to\":5,\"plan\":true}";
	CLEANUP(mem) char *path = about_text(good, "path");
	assert_string_equal(path, "a.c");
	assert_int_equal(about_number(good, "in_reply_to"), 5);
	assert_true(about_flag(good, "plan"));
	assert_true(about_is_inline(good));
	assert_true(about_is_inline("{\"in_reply_to\":5}"));
	assert_int_equal(about_number("{\"line\":-4}", "line"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_our_part_of_a_text_is_replaced),
		cmocka_unit_test(test_our_part_ends_where_we_ended_it),
		cmocka_unit_test(test_a_text_without_our_part_is_a_persons),
		cmocka_unit_test(test_the_commit_is_in_the_image_name),
		cmocka_unit_test(test_boxes_tell_whose_they_are),
		cmocka_unit_test(test_about_may_hold_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
