/* SPDX-License-Identifier: MIT */
/* Reactions to what is not done: a few an hour, for each and for all. */
#include "service/task/quiet.h"

#include "boxcore/base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MINUTE 60000
#define HOUR (60 * MINUTE)

/* Only told apart by its address. */
static const struct github *other(int n)
{
	static char places[8];

	return (const struct github *)(const void *)&places[n];
}

static void a_stranger_gets_a_few_an_hour(void **state)
{
	const struct github *g = other(0);

	(void)state;
	for (int i = 0; i < LIMIT_STRANGER_REACTIONS; i++) {
		assert_false(quiet_known(g, 9, 5, 1000 + i));
		assert_true(quiet_stranger(g, 9, 5, 1000 + i));
	}
	assert_true(quiet_known(g, 9, 5, 2000));
	assert_false(quiet_stranger(g, 9, 5, 2000));
	assert_true(quiet_stranger(g, 9, 6, 2000)); /* somebody else */
	assert_true(quiet_stranger(g, 8, 5, 2000)); /* another repository */
	assert_true(quiet_stranger(other(1), 9, 5, 2000));
	assert_false(quiet_known(g, 9, 5, 1000 + HOUR));
	assert_true(quiet_stranger(g, 9, 5, 1000 + HOUR));
}

static void they_are_asked_about_once_a_minute(void **state)
{
	const struct github *g = other(2);
	int asked = 0;

	(void)state;
	for (int i = 0; i <= LIMIT_STRANGER_REACTIONS; i++)
		quiet_stranger(g, 9, 5, 1000);
	for (int64_t now = 1001; now < 1000 + 10 * MINUTE; now += 100)
		asked += !quiet_known(g, 9, 5, now);
	assert_int_equal(asked, 9);
	/* And whoever has a role by then is a stranger no more. */
	quiet_forget(g, 9, 5);
	assert_false(quiet_known(g, 9, 5, 1000 + 10 * MINUTE));
	assert_true(quiet_stranger(g, 9, 5, 1000 + 10 * MINUTE));
}

static void all_strangers_together_get_no_more_than(void **state)
{
	const struct github *g = other(3);
	int shown = 0;

	(void)state;
	for (int64_t person = 1; person <= 500; person++)
		shown += quiet_stranger(g, 9, person, 1000 + person);
	assert_int_equal(shown, LIMIT_STRANGERS_REACTIONS);
}

static void words_that_are_no_verbs(void **state)
{
	const struct github *g = other(4);
	int shown = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		shown += quiet_unknown(g, 9, 5, 1000);
	assert_int_equal(shown, LIMIT_UNKNOWN_REACTIONS);
	assert_true(quiet_stranger(g, 9, 5, 1000)); /* counted apart */
}

static void the_table_is_bounded(void **state)
{
	const struct github *g = other(5);

	(void)state;
	for (int64_t person = 1; person <= 3 * LIMIT_QUIET_PEOPLE; person++)
		assert_true(quiet_unknown(g, 9, person, 1000 + person));
	/* The newest is still known. */
	for (int i = 1; i < LIMIT_UNKNOWN_REACTIONS; i++)
		assert_true(quiet_unknown(g, 9, 3 * LIMIT_QUIET_PEOPLE, 9000));
	assert_false(quiet_unknown(g, 9, 3 * LIMIT_QUIET_PEOPLE, 9000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stranger_gets_a_few_an_hour),
		cmocka_unit_test(they_are_asked_about_once_a_minute),
		cmocka_unit_test(all_strangers_together_get_no_more_than),
		cmocka_unit_test(words_that_are_no_verbs),
		cmocka_unit_test(the_table_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
