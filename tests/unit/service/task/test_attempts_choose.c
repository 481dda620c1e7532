/* SPDX-License-Identifier: MIT */
/* Which attempt is the best one. */
#include "service/task/attempts_choose.h"

#include "boxcore/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CHOOSE(...)                                                                      \
	attempts_choose((const struct attempt_facts[]){__VA_ARGS__},                     \
		sizeof((const struct attempt_facts[]){__VA_ARGS__}) /                    \
			sizeof(struct attempt_facts))

static void the_rule(void **state)
{
	(void)state;
	assert_int_equal(attempts_choose(NULL, 0), -1);
	assert_int_equal(CHOOSE({.result = false}, {.result = false, .failed = 0}), -1);
	/* checks go before size */
	assert_int_equal(CHOOSE({true, 1, 1, 1}, {true, 0, 900, 40}, {true, 2, 1, 1}), 1);
	/* then lines, then files */
	assert_int_equal(CHOOSE({true, 0, 30, 1}, {true, 0, 10, 9}, {true, 0, 20, 1}), 1);
	assert_int_equal(CHOOSE({true, 0, 10, 3}, {true, 0, 10, 2}, {true, 0, 10, 3}), 1);
	/* then the earlier */
	assert_int_equal(CHOOSE({true, 0, 10, 2}, {true, 0, 10, 2}), 0);
	/* one without a result is none, however small */
	assert_int_equal(CHOOSE({false, 0, 0, 0}, {true, 3, 999, 99}), 1);
	/* fewest failed when none is green */
	assert_int_equal(CHOOSE({true, 3, 1, 1}, {true, 2, 50, 5}), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_rule)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
