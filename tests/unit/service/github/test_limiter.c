/* SPDX-License-Identifier: MIT */
/* Counting from our side: gaps, windows, points, and GitHub's own word. */
#include "service/github/limiter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CHANGE true
#define READ false

static struct limiter *make(int64_t gap_ms, int per_minute, int per_hour)
{
	struct limiter_rules rules = {
		.gap_ms = gap_ms, .per_minute = per_minute, .per_hour = per_hour};

	return limiter_new(&rules);
}

static void a_gap_between_changes(void **state)
{
	struct limiter *l = make(1000, 60, 400);

	(void)state;
	assert_int_equal(limiter_wait(l, 7, CHANGE, 5000), 0);
	assert_int_equal(limiter_wait(l, 7, CHANGE, 5000), 1000);
	assert_int_equal(limiter_wait(l, 7, READ, 5000), 0);
	assert_int_equal(limiter_wait(l, 8, CHANGE, 5000), 0); /* its own account */
	assert_int_equal(limiter_wait(l, 7, CHANGE, 5999), 1);
	assert_int_equal(limiter_wait(l, 7, CHANGE, 6000), 0);
	limiter_free(l);
}

/* Asks without pause for an hour of made-up time; the most in any window. */
static void storm(struct limiter *l, int *ret_minute, int *ret_hour)
{
	static int64_t times[4000];
	int count = 0;
	int64_t now = 1;

	while (now < 2 * 3600 * 1000) {
		int64_t wait = limiter_wait(l, 7, CHANGE, now);
		if (wait == 0)
			times[count++] = now;
		else
			now += wait;
	}
	*ret_minute = *ret_hour = 0;
	for (int i = 0; i < count; i++) {
		int minute = 0;
		int hour = 0;

		for (int k = i; k < count && times[k] < times[i] + 3600 * 1000; k++) {
			hour++;
			minute += times[k] < times[i] + 60 * 1000;
		}
		*ret_minute = minute > *ret_minute ? minute : *ret_minute;
		*ret_hour = hour > *ret_hour ? hour : *ret_hour;
	}
}

static void windows_hold_in_a_storm(void **state)
{
	struct limiter *l = make(100, 60, 400);
	int minute = 0;
	int hour = 0;

	(void)state;
	storm(l, &minute, &hour);
	assert_int_equal(minute, 60);
	assert_int_equal(hour, 400);
	limiter_free(l);
}

static void points_stay_below_900_a_minute(void **state)
{
	struct limiter *l = make(1, 900, 1000);
	int64_t now = 1;
	int points = 0;

	(void)state;
	while (now < 60 * 1000) {
		int64_t wait = limiter_wait(l, 7, READ, now);
		points += wait == 0;
		now += wait;
	}
	assert_in_range(points, 700, 900);
	limiter_free(l);
}

static void github_s_word_counts_always(void **state)
{
	struct limiter *l = make(0, 60, 400);

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(limiter_wait(l, 7, CHANGE, 10), 0);
	limiter_block(l, 7, 5000, 10);
	limiter_block(l, 7, 100, 10); /* a shorter one takes nothing back */
	assert_int_equal(limiter_wait(l, 7, READ, 10), 5000);
	assert_int_equal(limiter_wait(l, 7, READ, 5009), 1);
	assert_int_equal(limiter_wait(l, 8, READ, 10), 0);
	assert_int_equal(limiter_wait(l, 7, READ, 5010), 0);
	limiter_free(l);
}

static void accounts_are_bounded(void **state)
{
	struct limiter *l = make(1000, 60, 400);

	(void)state;
	for (int64_t i = 1; i <= 3000; i++)
		assert_int_equal(limiter_wait(l, i, CHANGE, i), 0);
	assert_int_not_equal(limiter_wait(l, 3000, CHANGE, 3000), 0);
	assert_int_equal(limiter_wait(l, 1, CHANGE, 3000), 0); /* forgotten */
	limiter_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gap_between_changes),
		cmocka_unit_test(windows_hold_in_a_storm),
		cmocka_unit_test(points_stay_below_900_a_minute),
		cmocka_unit_test(github_s_word_counts_always),
		cmocka_unit_test(accounts_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
