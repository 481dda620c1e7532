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

/* One call that is over at once, or does not wait. */
static int64_t ask(struct limiter *l, int64_t installation, bool change, int64_t now)
{
	struct limiter_turn turn = {.change = change};
	int64_t wait = limiter_wait(l, installation, &turn, now);

	limiter_done(l, installation, &turn, now);
	return wait;
}

static void a_gap_between_changes(void **state)
{
	struct limiter *l = make(1000, 60, 400);

	(void)state;
	assert_int_equal(ask(l, 7, CHANGE, 5000), 0);
	assert_int_equal(ask(l, 7, CHANGE, 5000), 1000);
	assert_int_equal(ask(l, 7, READ, 5000), 0);
	assert_int_equal(ask(l, 8, CHANGE, 5000), 0); /* its own account */
	assert_int_equal(ask(l, 7, CHANGE, 5999), 1);
	assert_int_equal(ask(l, 7, CHANGE, 6000), 0);
	limiter_free(l);
}

/* Asks without pause for an hour of made-up time; the most in any window. */
static void storm(struct limiter *l, int *ret_minute, int *ret_hour)
{
	static int64_t times[4000];
	int count = 0;
	int64_t now = 1;

	while (now < 2 * 3600 * 1000) {
		int64_t wait = ask(l, 7, CHANGE, now);
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
		int64_t wait = ask(l, 7, READ, now);
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
		assert_int_equal(ask(l, 7, CHANGE, 10), 0);
	limiter_block(l, 7, 5000, 10);
	limiter_block(l, 7, 100, 10); /* a shorter one takes nothing back */
	assert_int_equal(ask(l, 7, READ, 10), 5000);
	assert_int_equal(ask(l, 7, READ, 5009), 1);
	assert_int_equal(ask(l, 8, READ, 10), 0);
	assert_int_equal(ask(l, 7, READ, 5010), 0);
	limiter_free(l);
}

static void accounts_are_bounded(void **state)
{
	struct limiter *l = make(1000, 60, 400);

	(void)state;
	for (int64_t i = 1; i <= 3000; i++)
		assert_int_equal(ask(l, i, CHANGE, i), 0);
	assert_int_not_equal(ask(l, 3000, CHANGE, 3000), 0);
	assert_int_equal(ask(l, 1, CHANGE, 3000), 0); /* forgotten */
	limiter_free(l);
}

static void one_change_at_a_time_in_the_order_of_coming(void **state)
{
	struct limiter *l = make(1000, 60, 400);
	struct limiter_turn turns[4] = {
		{.change = true}, {.change = true}, {.change = true}, {.change = true}};
	struct limiter_turn read = {0};

	(void)state;
	assert_int_equal(limiter_wait(l, 7, &turns[0], 10), 0);
	/* The first is under way for long: nobody passes it, reads do. */
	for (int i = 1; i < 4; i++) {
		assert_true(limiter_wait(l, 7, &turns[i], 5000) > 0);
		assert_true(turns[i].queued);
	}
	assert_int_equal(limiter_wait(l, 7, &read, 5000), 0);
	limiter_done(l, 7, &turns[0], 6000);
	assert_int_equal(limiter_wait(l, 7, &turns[1], 6000), 1000);
	assert_true(limiter_wait(l, 7, &turns[3], 7000) > 0);
	assert_int_equal(limiter_wait(l, 7, &turns[1], 7000), 0);
	/* The second gives up, so the last is next. */
	limiter_done(l, 7, &turns[2], 7100);
	limiter_done(l, 7, &turns[1], 7200);
	assert_int_equal(limiter_wait(l, 7, &turns[3], 8199), 1);
	assert_int_equal(limiter_wait(l, 7, &turns[3], 8200), 0);
	limiter_done(l, 7, &turns[3], 8300);
	assert_int_equal(ask(l, 7, CHANGE, 9300), 0);
	limiter_free(l);
}

static void more_than_the_queue_holds_break_nothing(void **state)
{
	static struct limiter_turn turns[100];
	struct limiter *l = make(10, 600, 1000);
	int64_t now = 1;
	int gone = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		turns[i] = (struct limiter_turn){.change = true};
	while (gone < 100 && now < 100000) {
		int going = -1;

		for (int i = 0; i < 100; i++) {
			if (turns[i].ticket < 0 || limiter_wait(l, 7, &turns[i], now) > 0)
				continue;
			assert_int_equal(going, -1); /* one only */
			going = i;
		}
		now += 10;
		if (going < 0)
			continue;
		limiter_done(l, 7, &turns[going], now);
		turns[going].ticket = -1;
		gone++;
	}
	assert_int_equal(gone, 100);
	limiter_free(l);
}

static void progress_leaves_room_for_answers(void **state)
{
	struct limiter *l = make(1000, 60, 400);
	struct limiter_turn waiting[2] = {{.change = true}, {.change = true}};
	int shown = 0;
	int answers = 0;

	(void)state;
	/* Two hours of edits whenever they may: half of each hour's changes, and a few. */
	for (int64_t now = 1; now < 2 * 3600 * 1000; now += 1000)
		if (limiter_spare(l, 7, now) && ask(l, 7, CHANGE, now) == 0)
			shown++;
	assert_in_range(shown, 380, 440);
	/* All the rest of the hour is there for answers at once. */
	for (int64_t now = 2 * 3600 * 1000; now < 2 * 3600 * 1000 + 600 * 1000;
		now += 1000)
		answers += ask(l, 7, CHANGE, now) == 0;
	assert_in_range(answers, 180, 240);
	assert_false(limiter_spare(l, 7, 2 * 3600 * 1000 + 600 * 1000));
	/* While one is under way, or waits, or GitHub has spoken: no. */
	assert_true(limiter_spare(l, 8, 10));
	assert_int_equal(limiter_wait(l, 8, &waiting[0], 10), 0);
	assert_false(limiter_spare(l, 8, 5000));
	limiter_done(l, 8, &waiting[0], 5000);
	assert_true(limiter_spare(l, 8, 7000));
	assert_true(limiter_wait(l, 8, &waiting[1], 5001) > 0);
	assert_false(limiter_spare(l, 8, 7000));
	limiter_done(l, 8, &waiting[1], 7000);
	limiter_block(l, 8, 1000, 7000);
	assert_false(limiter_spare(l, 8, 7500));
	assert_int_equal(limiter_closed(l, 8, 7500), 500);
	assert_int_equal(limiter_closed(l, 8, 8000), 0);
	limiter_free(l);
}

/* Who only wants to say something is told to wait when three quarters of the hour's are gone,
 * others still go. */
static void a_quarter_of_the_hour_is_kept(void **state)
{
	struct limiter *l = make(1000, 60, 40);
	int64_t now = 0;

	(void)state;
	for (int i = 0; i < 30; i++, now += 1000) {
		assert_int_equal(limiter_closed(l, 7, now), 0);
		assert_int_equal(ask(l, 7, CHANGE, now), 0);
	}
	assert_int_equal(limiter_closed(l, 7, now), 3600 * 1000 - now);
	for (int i = 0; i < 10; i++, now += 1000)
		assert_int_equal(ask(l, 7, CHANGE, now), 0);
	assert_int_not_equal(ask(l, 7, CHANGE, now), 0);
	assert_int_equal(limiter_closed(l, 7, 3600 * 1000 + 10 * 1000), 0);
	limiter_free(l);
}

static void a_short_minute_is_the_same_in_small(void **state)
{
	struct limiter_rules rules = {
		.gap_ms = 1, .per_minute = 60, .per_hour = 400, .minute_ms = 600};
	struct limiter *l = limiter_new(&rules);
	int in_minute = 0;
	int in_hour = 0;

	(void)state;
	for (int64_t now = 1; now <= 36 * 1000; now++) {
		bool went = ask(l, 7, CHANGE, now) == 0;

		in_minute += went && now <= 600;
		in_hour += went;
	}
	assert_int_equal(in_minute, 60);
	assert_int_equal(in_hour, 400);
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
		cmocka_unit_test(one_change_at_a_time_in_the_order_of_coming),
		cmocka_unit_test(more_than_the_queue_holds_break_nothing),
		cmocka_unit_test(progress_leaves_room_for_answers),
		cmocka_unit_test(a_quarter_of_the_hour_is_kept),
		cmocka_unit_test(a_short_minute_is_the_same_in_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
