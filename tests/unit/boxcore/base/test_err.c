/* SPDX-License-Identifier: MIT */
/* Errors: kinds, wrapping, cutting at a character, an error's own text as its argument. */
#include "boxcore/base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

static void set_fills_all_and_returns_minus_one(void **state)
{
	struct err err = {.kind = ERR_INTERNAL, .retry_after_s = 7};

	(void)state;
	assert_int_equal(err_set(&err, ERR_LIMIT, "%d bytes", 12), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_int_equal(err.retry_after_s, 0);
	assert_string_equal(err.text, "12 bytes");
}

static void wrap_keeps_kind_and_retry(void **state)
{
	struct err err = {0};

	(void)state;
	err_set(&err, ERR_TRANSIENT, "rate limit");
	err.retry_after_s = 60;
	assert_int_equal(err_wrap(&err, "comment on #%d", 5), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_int_equal(err.retry_after_s, 60);
	assert_string_equal(err.text, "comment on #5: rate limit");
}

static void wrap_of_nothing_is_our_mistake(void **state)
{
	struct err err = {0};

	(void)state;
	err_wrap(&err, "what");
	assert_int_equal(err.kind, ERR_INTERNAL);
}

static void own_text_may_be_an_argument(void **state)
{
	struct err err = {0};

	(void)state;
	err_set(&err, ERR_INPUT, "inner");
	err_set(&err, ERR_INPUT, "outer (%s)", err.text);
	assert_string_equal(err.text, "outer (inner)");
	err_wrap(&err, "%s", err.text);
	assert_string_equal(err.text, "outer (inner): outer (inner)");
	err_errno(&err, ENOENT, "%s", err.text);
	assert_memory_equal(err.text, "outer (inner): outer (inner): No such", 37);
}

static void text_is_cut_at_a_character(void **state)
{
	struct err err = {0};
	char long_text[600];

	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		size_t n = 0;
		for (; n < shift; n++)
			long_text[n] = 'a';
		while (n + 3 < sizeof long_text) {
			memcpy(long_text + n, "\xe2\x82\xac", 3); /* EUR */
			n += 3;
		}
		long_text[n] = '\0';
		err_set(&err, ERR_INPUT, "%s", long_text);
		size_t len = strlen(err.text);
		assert_true(len >= sizeof err.text - 4 && len < sizeof err.text);
		assert_int_equal((len - shift) % 3, 0);
	}
}

static void plain_text_is_cut_at_the_end(void **state)
{
	struct err err = {0};

	(void)state;
	err_set(&err, ERR_INPUT, "%0600d", 1);
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

static void errno_decides_the_kind(void **state)
{
	static const struct {
		int errnum;
		enum err_kind kind;
	} table[] = {{ENOENT, ERR_NOT_FOUND}, {EACCES, ERR_DENIED},
		{EEXIST, ERR_CONFLICT}, {EINVAL, ERR_INPUT}, {EFBIG, ERR_LIMIT},
		{ENOSPC, ERR_TRANSIENT}, {ECONNREFUSED, ERR_TRANSIENT},
		{ECONNRESET, ERR_TRANSIENT}, {ECANCELED, ERR_CANCELLED},
		{EBADF, ERR_INTERNAL}};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		assert_int_equal(err_errno(&err, table[i].errnum, "open %s", "x"), -1);
		assert_int_equal(err.kind, table[i].kind);
		assert_memory_equal(err.text, "open x: ", 8);
		assert_string_equal(err.text + 8, strerror(table[i].errnum));
	}
}

static void each_kind_has_its_word(void **state)
{
	(void)state;
	for (int a = ERR_NONE; a <= ERR_INTERNAL; a++) {
		assert_string_not_equal(err_kind_name((enum err_kind)a), "unknown");
		for (int b = ERR_NONE; b < a; b++)
			assert_string_not_equal(err_kind_name((enum err_kind)a),
				err_kind_name((enum err_kind)b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_fills_all_and_returns_minus_one),
		cmocka_unit_test(wrap_keeps_kind_and_retry),
		cmocka_unit_test(wrap_of_nothing_is_our_mistake),
		cmocka_unit_test(own_text_may_be_an_argument),
		cmocka_unit_test(text_is_cut_at_a_character),
		cmocka_unit_test(plain_text_is_cut_at_the_end),
		cmocka_unit_test(errno_decides_the_kind),
		cmocka_unit_test(each_kind_has_its_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
