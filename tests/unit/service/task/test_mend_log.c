/* SPDX-License-Identifier: MIT */
/* Logs of failed checks: what is taken out, what is left, and where it is cut. */
#include "service/task/mend_log.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/secret.h"
#include "boxcore/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char *clean(const char *log, size_t max)
{
	struct strbuf out = STRBUF_INIT(LIMIT_MIB);

	mend_log_clean(log, strlen(log), max, &out);
	assert_true(out.len <= max);
	assert_true(str_is_utf8(strbuf_str(&out), out.len));
	char *text = mem_strdup(strbuf_str(&out));
	strbuf_release(&out);
	return text;
}

#define SAME(log, expected)                                                              \
	do {                                                                             \
		CLEANUP(mem) char *got = clean(log, LIMIT_MEND_LOG);                     \
		assert_string_equal(got, expected);                                      \
	} while (0)

#define T "2024-05-01T12:00:00.1234567Z "

static void noise_is_taken_out(void **state)
{
	(void)state;
	SAME("", "");
	SAME("\n\n\n", "");
	SAME("\xef\xbb\xbf" T "first\r\n" T "second\n", "first\nsecond\n");
	SAME(T "\033[31mred\033[0m \033]8;;http://x\alink\033]8;;\a\n", "red link\n");
	SAME(T "##[group]Run npm test\n" T "npm test\n" T "##[endgroup]\n" T
	       "##[debug]secret things\n" T "[command]/usr/bin/git version\n",
		"Run npm test\nnpm test\n/usr/bin/git version\n");
	SAME("a\n\n\n\nb\n", "a\n\nb\n");
	SAME("same\nsame\nsame\nother\n", "same  [3 times]\nother\n");
	SAME("loading 1\rloading 2\rloaded\nend\n", "loaded\nend\n");
	SAME("Receiving objects:   1% (1/90)\nReceiving objects:  50% (45/90)\n"
	     "Receiving objects: 100% (90/90), done.\nnext\n",
		"Receiving objects:  50% (45/90)\nReceiving objects: 100% (90/90), "
		"done.\n"
		"next\n");
	SAME("\001\002bad \xff\xfe bytes\x7f\n", "bad \xef\xbf\xbd\xef\xbf\xbd bytes\n");
	/* No timestamps: a date that belongs to the line */
	SAME("2024-05-01 is a day\n2024-05-01T12:00:00 local\n",
		"2024-05-01 is a day\n2024-05-01T12:00:00 local\n");
}

static void secrets_do_not_leave(void **state)
{
	CLEANUP(secret) struct secret key = {0};
	(void)state;

	secret_set(&key, "sk-abcdefghijklmnop", 19);
	SAME("key sk-abcdefghijklmnop end\n", "key *** end\n");
	SAME("key sk-abc\033[1mdefghijklmnop end\n", "key *** end\n");
}

/* 3,000 lines before, a failure in the middle of its step, 3,000 between it and the error. */
static void the_part_that_failed_is_left(void **state)
{
	CLEANUP(strbuf) struct strbuf log = STRBUF_INIT(LIMIT_MIB);
	(void)state;

	strbuf_adds(&log, T "##[group]Run make\n" T "error: this is another step's\n");
	for (int i = 0; i < 3000; i++)
		strbuf_addf(&log, T "early line %d of nothing\n", i);
	strbuf_adds(&log, T "##[group]Run tests\n" T "all 12 passed, 0 failed\n");
	for (int i = 0; i < 3000; i++)
		strbuf_addf(&log, T "passed %d\n", i);
	strbuf_adds(&log, T "just before\n" T "AssertionError: 1 != 2\n" T "at x.js:5\n");
	for (int i = 0; i < 3000; i++)
		strbuf_addf(&log, T "after %d\n", i);
	strbuf_adds(&log,
		T "last words\n" T "##[error]Process completed with exit code 1.\n");
	for (int i = 0; i < 3000; i++)
		strbuf_addf(&log, T "Post job cleanup %d\n", i);
	CLEANUP(mem) char *got = clean(strbuf_str(&log), 8000);
	assert_non_null(strstr(got, "just before\nAssertionError: 1 != 2\nat x.js:5\n"));
	assert_non_null(strstr(
		got, "last words\n##[error]Process completed with exit code 1.\n"));
	assert_null(strstr(got, "early line"));
	assert_null(strstr(got, "another step"));
	assert_non_null(strstr(got, "lines are left out here"));
	assert_true(strlen(got) > 7000);
}

static void a_log_that_names_no_error_shows_its_end(void **state)
{
	CLEANUP(strbuf) struct strbuf log = STRBUF_INIT(LIMIT_MIB);
	(void)state;

	for (int i = 0; i < 5000; i++)
		strbuf_addf(&log, "line %d\n", i);
	CLEANUP(mem) char *got = clean(strbuf_str(&log), 2000);
	assert_non_null(strstr(got, "line 4999\n"));
	assert_null(strstr(got, "line 100\n"));
}

static void every_size_is_kept(void **state)
{
	CLEANUP(strbuf) struct strbuf log = STRBUF_INIT(LIMIT_MIB);
	(void)state;

	for (int i = 0; i < 200; i++)
		strbuf_addf(&log, T "%.*s\xe2\x82\xac error: x\n", i * 20,
			"----------------------------------------------------------------"
			"---------------------------------------------------------------"
			"-");
	strbuf_adds(&log, "##[error]end\n");
	for (size_t i = 0; i < 3000; i++)
		strbuf_addc(&log, 'y');
	for (size_t max = 0; max < 12000; max += 37) {
		CLEANUP(mem) char *got = clean(strbuf_str(&log), max);
		(void)got;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(noise_is_taken_out),
		cmocka_unit_test(secrets_do_not_leave),
		cmocka_unit_test(the_part_that_failed_is_left),
		cmocka_unit_test(a_log_that_names_no_error_shows_its_end),
		cmocka_unit_test(every_size_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
