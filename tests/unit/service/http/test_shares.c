/* SPDX-License-Identifier: MIT */
/* One account's requests and another's. */
#include "service/http/shares.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_one_does_not_shut_out_another(void **state)
{
	struct shares *shares = shares_new(2);

	(void)state;
	assert_true(shares_take(shares, "greedy"));
	assert_true(shares_take(shares, "greedy"));
	for (int i = 0; i < 100; i++)
		assert_false(shares_take(shares, "greedy"));
	assert_true(shares_take(shares, "other"));
	shares_give(shares, "greedy");
	assert_true(shares_take(shares, "greedy"));
	assert_false(shares_take(shares, "greedy"));
	assert_true(shares_take(shares, "other"));
	shares_give(shares, "other");
	shares_give(shares, "other");
	shares_give(shares, "nobody");
	assert_true(shares_take(shares, "other"));
	shares_free(shares);
	shares_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_does_not_shut_out_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
