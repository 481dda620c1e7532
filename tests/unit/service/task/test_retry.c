/* SPDX-License-Identifier: MIT */
/* Retries: by kind alone, doubling, never before a peer's own word. */
#include "service/task/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct err of(enum err_kind kind, int after)
{
	return (struct err){.kind = kind, .retry_after_s = after};
}

static void only_transient_errors_are_tried_again(void **state)
{
	(void)state;
	for (int kind = ERR_NONE; kind <= ERR_INTERNAL; kind++) {
		struct err err = of((enum err_kind)kind, 0);
		struct retry retry = retry_decide(&err, 1, 3, 1000, 0);
		assert_int_equal(retry.again, kind == ERR_TRANSIENT);
	}
}

static void attempts_end(void **state)
{
	struct err err = of(ERR_TRANSIENT, 0);

	(void)state;
	assert_true(retry_decide(&err, 2, 3, 1000, 0).again);
	assert_false(retry_decide(&err, 3, 3, 1000, 0).again);
	assert_false(retry_decide(&err, 4, 3, 1000, 0).again);
}

static void waits_double_up_to_an_hour(void **state)
{
	struct err err = of(ERR_TRANSIENT, 0);
	int64_t before = 0;

	(void)state;
	for (int64_t attempt = 1; attempt < 60; attempt++) {
		int64_t wait = retry_decide(&err, attempt, 100, 1000, 0).wait_ms;
		assert_true(wait == RETRY_WAIT_MAX_MS || wait == 1000LL << (attempt - 1));
		assert_true(wait >= before);
		before = wait;
	}
	assert_int_equal(before, RETRY_WAIT_MAX_MS);
}

static void limits_are_no_failures(void **state)
{
	struct err err = of(ERR_TRANSIENT, 30);

	(void)state;
	assert_true(retry_decide(&err, 1, 3, 1000, 0).counted);
	err.limited = true;
	struct retry retry = retry_decide(&err, 900, 3, 1000, 0);
	assert_true(retry.again);
	assert_false(retry.counted);
	assert_int_equal(retry.wait_ms, 30000);
}

static void a_peers_own_word_goes_first(void **state)
{
	struct err err = of(ERR_TRANSIENT, 77);

	(void)state;
	assert_int_equal(retry_decide(&err, 1, 3, 1000, 0).wait_ms, 77000);
	err.retry_after_s = 2;
	assert_int_equal(retry_decide(&err, 3, 9, 1000, 0).wait_ms, 4000);
}

static void spread_is_at_most_a_quarter(void **state)
{
	struct err err = of(ERR_TRANSIENT, 0);

	(void)state;
	for (uint32_t spread = 0; spread < 1000; spread++) {
		int64_t wait = retry_decide(&err, 1, 3, 1000, spread).wait_ms;
		assert_true(wait >= 1000 && wait <= 1250);
	}
}

static void a_last_write_is_repeated_until_the_service_stops(void **state)
{
	CLEANUP(cancel) struct cancel *stop = cancel_new(NULL);
	struct err full = of(ERR_TRANSIENT, 0), lost = of(ERR_CONFLICT, 0);
	int64_t wait_ms = 0;

	(void)state;
	assert_true(retry_write(&full, &wait_ms, stop));
	assert_int_equal(wait_ms, 500);
	assert_false(retry_write(&lost, &wait_ms, stop)); /* it is somebody else's */
	cancel_fire(stop, "the service stops");
	wait_ms = 20000;
	assert_false(retry_write(&full, &wait_ms, stop));
	assert_int_equal(wait_ms, 30000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_transient_errors_are_tried_again),
		cmocka_unit_test(attempts_end),
		cmocka_unit_test(waits_double_up_to_an_hour),
		cmocka_unit_test(limits_are_no_failures),
		cmocka_unit_test(a_peers_own_word_goes_first),
		cmocka_unit_test(spread_is_at_most_a_quarter),
		cmocka_unit_test(a_last_write_is_repeated_until_the_service_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
