/* SPDX-License-Identifier: MIT */
/* service/http/target.c: what passes, decoded once, and what is refused. */
#include "boxcore/base/cleanup.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "service/http/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static void test_segments_and_queries(void **state)
{
	CLEANUP(target) struct target t = {0};
	struct err err = {0};
	static const char raw[] =
		"/v1/t%C3%A4sks/a%20b?after=12&x=a+b%26c&flag&=v&after=13";

	(void)state;
	assert_int_equal(target_parse(&t, raw, strlen(raw), &err), 0);
	assert_int_equal(t.segment_count, 3);
	assert_string_equal(t.segments[0], "v1");
	assert_string_equal(t.segments[1], "t\xc3\xa4sks");
	assert_string_equal(t.segments[2], "a b");
	assert_string_equal(target_query(&t, "after"), "12");
	assert_string_equal(target_query(&t, "x"), "a b&c");
	assert_string_equal(target_query(&t, "flag"), "");
	assert_null(target_query(&t, "other"));
}

static void test_the_root_has_no_segment(void **state)
{
	CLEANUP(target) struct target t = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(target_parse(&t, "/?", 2, &err), 0);
	assert_int_equal(t.segment_count, 0);
	assert_int_equal(t.query_count, 0);
}

static void test_a_plus_in_a_path_stays(void **state)
{
	CLEANUP(target) struct target t = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(target_parse(&t, "/a+b", 4, &err), 0);
	assert_string_equal(t.segments[0], "a+b");
}

static void test_escapes_are_decoded_once(void **state)
{
	CLEANUP(target) struct target t = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(target_parse(&t, "/%252e%252e", 11, &err), 0);
	assert_string_equal(t.segments[0], "%2e%2e");
}

static void test_refused(void **state)
{
	static const char *const raws[] = {"", "*", "a/b", "http://evil/p", "//", "//a",
		"/a//b", "/a/", "/.", "/..", "/a/../b", "/a/./b", "/%2e", "/%2e%2e/x",
		"/a%2fb", "/a%2Fb", "/a%5cb", "/a%00", "/a%00b", "/a?b=%00", "/a%",
		"/a%4", "/a%zz", "/a%0ab", "/a%7f", "/a b", "/a\tb", "/a\"b", "/a<b",
		"/a\\b", "/a^b", "/a`b", "/a{b", "/a#b", "/a\x80", "/%ff", "/%c0%af",
		"/%ed%a0%80", "/a?x=%ff", "/a?x=%", "/1/2/3/4/5/6/7/8/9/10/11/12/13",
		"/?a=1&a=2&a=3&a=4&a=5&a=6&a=7&a=8&a=9&a=0&a=1&a=2&a=3&a=4&a=5&a=6&a=7"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(raws); i++) {
		CLEANUP(target) struct target t = {0};
		struct err err = {0};
		if (target_parse(&t, raws[i], strlen(raws[i]), &err) == 0)
			fail_msg("passed: %s", raws[i]);
		assert_true(err.kind == ERR_INPUT || err.kind == ERR_LIMIT);
		assert_null(t.text);
	}
}

static void test_a_nul_is_refused(void **state)
{
	CLEANUP(target) struct target t = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(target_parse(&t, "/a\0b", 4, &err), -1);
}

static void test_the_limit(void **state)
{
	CLEANUP(target) struct target t = {0};
	CLEANUP(mem) char *raw = mem_alloc(LIMIT_HTTP_TARGET + 1);
	struct err err = {0};

	(void)state;
	memset(raw, 'a', LIMIT_HTTP_TARGET + 1);
	raw[0] = '/';
	assert_int_equal(target_parse(&t, raw, LIMIT_HTTP_TARGET + 1, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_int_equal(target_parse(&t, raw, LIMIT_HTTP_TARGET, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segments_and_queries),
		cmocka_unit_test(test_the_root_has_no_segment),
		cmocka_unit_test(test_a_plus_in_a_path_stays),
		cmocka_unit_test(test_escapes_are_decoded_once),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_a_nul_is_refused),
		cmocka_unit_test(test_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
