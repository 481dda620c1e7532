/* SPDX-License-Identifier: MIT */
/*
 * service/schedule/cron.c against a reference that tries minute after minute with the C
 * library's calendar, and against slots that were worked out by hand.
 */
#include "boxcore/base/clock.h"
#include "boxcore/base/str.h"
#include "service/schedule/cron.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t at(int year, int month, int day, int hour, int minute)
{
	struct tm tm = {.tm_year = year - 1900,
		.tm_mon = month - 1,
		.tm_mday = day,
		.tm_hour = hour,
		.tm_min = minute};

	return timegm(&tm);
}

static struct cron parsed(const char *text)
{
	struct cron cron;
	struct err err = {0};

	if (cron_parse(&cron, text, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	return cron;
}

static void expect(const char *text, int64_t after, int64_t want)
{
	struct cron cron = parsed(text);
	int64_t next = cron_next(&cron, after);

	if (next != want)
		fail_msg("%s after %lld: %lld, not %lld", text, (long long)after,
			(long long)next, (long long)want);
}

static void test_slots_by_hand(void **state)
{
	(void)state;
	/* Strictly after; a second of the minute before counts as that minute. */
	expect("* * * * *", at(2026, 1, 31, 23, 59), at(2026, 2, 1, 0, 0));
	expect("* * * * *", at(2026, 1, 31, 23, 59) + 59, at(2026, 2, 1, 0, 0));
	expect("* * * * *", at(2026, 2, 1, 0, 0) - 1, at(2026, 2, 1, 0, 0));
	expect("*/15 9-17 * * MON-FRI", at(2026, 8, 7, 17, 45), at(2026, 8, 10, 9, 0));
	expect("5/20 0 * * *", at(2026, 1, 1, 0, 5), at(2026, 1, 1, 0, 25));
	expect("0 0 29 2 *", at(2096, 3, 1, 0, 0), at(2104, 2, 29, 0, 0));
	expect("0 0 29 2 *", at(2026, 1, 1, 0, 0), at(2028, 2, 29, 0, 0));
	expect("0 0 31 * *", at(2026, 8, 31, 0, 0), at(2026, 10, 31, 0, 0));
	expect("59 23 31 dec *", at(2026, 12, 31, 23, 58), at(2026, 12, 31, 23, 59));
	expect("59 23 31 dec *", at(2026, 12, 31, 23, 59), at(2027, 12, 31, 23, 59));
	/* 13 August 2026 is a Thursday: the 13th or a Friday, whichever comes. */
	expect("0 12 13 * FRI", at(2026, 8, 12, 0, 0), at(2026, 8, 13, 12, 0));
	expect("0 12 13 * FRI", at(2026, 8, 13, 12, 0), at(2026, 8, 14, 12, 0));
	/* A star in one of the two days: both must fit. */
	expect("0 12 */2 * FRI", at(2026, 8, 14, 0, 0), at(2026, 8, 21, 12, 0));
}

static void test_sunday_has_two_numbers(void **state)
{
	static const char *const same[] = {"0 0 * * 0", "0 0 * * 7", "0 0 * * SUN",
		"0 0 * * sun", "0 0 * * 7/2", "0 0 * * 0,7", "@weekly"};
	struct cron zero = parsed(same[0]);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		struct cron cron = parsed(same[i]);
		assert_int_equal(cron.weekdays, zero.weekdays);
	}
	assert_int_equal(parsed("0 0 * * 5-7").weekdays, 1 | 1 << 5 | 1 << 6);
	assert_int_equal(parsed("0 0 * * */2").weekdays, 1 | 1 << 2 | 1 << 4 | 1 << 6);
	assert_int_equal(parsed("0 0 * * 1/2").weekdays, 1 << 1 | 1 << 3 | 1 << 5);
	assert_int_equal(parsed("0 0 * * 0-7").weekdays, 0x7f);
}

static void test_words_for_all(void **state)
{
	(void)state;
	expect("@hourly", at(2026, 1, 1, 0, 0), at(2026, 1, 1, 1, 0));
	expect("@daily", at(2026, 1, 1, 0, 0), at(2026, 1, 2, 0, 0));
	expect("@midnight", at(2026, 1, 1, 0, 0), at(2026, 1, 2, 0, 0));
	expect("@weekly", at(2026, 8, 3, 0, 0), at(2026, 8, 9, 0, 0));
	expect("@monthly", at(2026, 1, 1, 0, 0), at(2026, 2, 1, 0, 0));
	expect("@yearly", at(2026, 1, 1, 0, 0), at(2027, 1, 1, 0, 0));
	expect("@annually", at(2026, 1, 1, 0, 0), at(2027, 1, 1, 0, 0));
	expect("  0\t0   1 JAN *  ", at(2026, 1, 1, 0, 0), at(2027, 1, 1, 0, 0));
}

static void test_days_that_never_come(void **state)
{
	static const char *const never[] = {"0 0 30 2 *", "0 0 30,31 2 *", "* * 31 2 *",
		"0 0 31 4,6,9,11 *", "0 0 30-31 2 */7"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(never); i++)
		expect(never[i], at(2026, 1, 1, 0, 0), 0);
	/* With a weekday beside it, that one comes. */
	expect("0 0 30 2 MON", at(2026, 1, 1, 0, 0), at(2026, 2, 2, 0, 0));
}

static void test_refused_with_the_field_and_what_it_holds(void **state)
{
	static const struct {
		const char *text, *names;
	} bad[] = {
		{"", "five fields"},
		{"   ", "five fields"},
		{"* * * *", "five fields"},
		{"* * * * * *", "five fields"},
		{"@reboot", "five fields"},
		{"60 * * * *", "minute '60'"},
		{"-1 * * * *", "0-59"},
		{"* 24 * * *", "hour '24'"},
		{"* * 0 * *", "day of month '0'"},
		{"* * 32 * *", "1-31"},
		{"* * * 0 *", "month '0'"},
		{"* * * 13 *", "1-12 or JAN-DEC"},
		{"* * * JANUARY *", "month 'JANUARY'"},
		{"* * * MON *", "month 'MON'"},
		{"* * * * 8", "0-7 or SUN-SAT"},
		{"* * * * JAN", "day of week 'JAN'"},
		{"5-1 * * * *", "runs backwards"},
		{"* * * * FRI-MON", "runs backwards"},
		{"*/0 * * * *", "step"},
		{"*/ * * * *", "step"},
		{"*/100 * * * *", "step"},
		{"*/x * * * *", "step"},
		{"1/2/3 * * * *", "step"},
		{"1,,2 * * * *", "empty part"},
		{",1 * * * *", "empty part"},
		{"1, * * * *", "empty part"},
		{"1-2-3 * * * *", "minute '1-2-3'"},
		{"1- * * * *", "minute '1-'"},
		{"-5 * * * *", "minute '-5'"},
		{"*-5 * * * *", "minute '*-5'"},
		{"** * * * *", "minute '**'"},
		{"*5 * * * *", "minute '*5'"},
		{"001 * * * *", "minute '001'"},
		{"+1 * * * *", "minute '+1'"},
		{"1\n2 * * * *", "minute '1"},
		{"? * * * *", "minute '?'"},
		{"* * L * *", "day of month 'L'"},
		{"* * * * 5#2", "day of week '5#2'"},
		{"\xff * * * *", "minute"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct cron cron = {.minutes = 42};
		struct err err = {0};

		if (cron_parse(&cron, bad[i].text, &err) == 0)
			fail_msg("'%s' was accepted", bad[i].text);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_int_equal(cron.minutes, 42);
		if (!strstr(err.text, bad[i].names))
			fail_msg("'%s': %s", bad[i].text, err.text);
	}
}

static void test_long_text_is_refused(void **state)
{
	char text[CRON_TEXT_MAX + 2];
	struct cron cron;
	struct err err = {0};

	(void)state;
	memset(text, ' ', sizeof text);
	memcpy(text, "* * * * *", 9);
	text[sizeof text - 1] = '\0';
	assert_int_equal(cron_parse(&cron, text, &err), -1);
	assert_non_null(strstr(err.text, "256 bytes"));
	text[sizeof text - 2] = '\0';
	assert_int_equal(cron_parse(&cron, text, &err), 0);
}

/* ---- the reference ---------------------------------------------------------------------- */

/* Written from the manual page, not from the code: a list of numbers a field. */
struct reference {
	bool in[5][64];
	bool star[2];
};

static bool ref_fits(const struct reference *ref, int64_t when)
{
	time_t t = (time_t)when;
	struct tm tm;

	gmtime_r(&t, &tm);
	bool day = ref->in[2][tm.tm_mday];
	bool week = ref->in[4][tm.tm_wday];
	bool days = ref->star[0] || ref->star[1] ? day && week : day || week;
	return ref->in[0][tm.tm_min] && ref->in[1][tm.tm_hour] &&
	       ref->in[3][tm.tm_mon + 1] && days;
}

/* One random field as text and as a set. */
static void ref_field(struct reference *ref, int field, char *text, size_t size)
{
	static const int min[] = {0, 0, 1, 1, 0}, max[] = {59, 23, 31, 12, 6};
	int lo = min[field], hi = max[field], span = hi - lo + 1;
	int a = lo + rand() % span, b = a + rand() % (hi - a + 1), n = 1 + rand() % 7;
	int c = lo + rand() % span;
	int from = a, to = b, step = 1;

	switch (rand() % 6) {
	case 0: snprintf(text, size, "*"), from = lo, to = hi; break;
	case 1: snprintf(text, size, "*/%d", n), from = lo, to = hi, step = n; break;
	case 2: snprintf(text, size, "%d-%d", a, b); break;
	case 3: snprintf(text, size, "%d-%d/%d,%d", a, b, n, c), step = n; break;
	case 4: snprintf(text, size, "%d,%d", a, c), to = a; break;
	default: snprintf(text, size, "%d/%d", a, n), to = hi, step = n; break;
	}
	for (int i = from; i <= to; i += step)
		ref->in[field][i] = true;
	if (strchr(text, ','))
		ref->in[field][c] = true;
	if (field == 2 || field == 4)
		ref->star[field / 4] = text[0] == '*';
}

/* All slots of a stretch of time, one by one. */
static void compare(const struct reference *ref, const char *text, int64_t from, int days)
{
	struct cron cron = parsed(text);
	int64_t next = cron_next(&cron, from - 60);

	for (int64_t when = from; when < from + days * 86400LL; when += 60) {
		bool fits = ref_fits(ref, when);

		if (fits != (next == when))
			fail_msg("%s: at %lld the reference says %d, next is %lld", text,
				(long long)when, fits, (long long)next);
		if (fits)
			next = cron_next(&cron, when);
	}
}

static void test_random_expressions_against_the_reference(void **state)
{
	/* Leap days, ends of years, a century that is none and one that is. */
	const int64_t starts[] = {at(2024, 2, 20, 0, 0), at(2025, 12, 20, 0, 0),
		at(2100, 2, 20, 0, 0), at(2000, 2, 20, 0, 0), at(1970, 1, 1, 0, 1),
		at(2026, 6, 1, 0, 0)};

	(void)state;
	srand(7);
	for (int round = 0; round < 300; round++) {
		struct reference ref = {0};
		char part[5][32], text[200];

		for (int f = 0; f < 5; f++)
			ref_field(&ref, f, part[f], sizeof part[f]);
		snprintf(text, sizeof text, "%s %s %s %s %s", part[0], part[1], part[2],
			part[3], part[4]);
		compare(&ref, text, starts[round % (int)ARRAY_LEN(starts)], 20);
	}
}

/* Over nine years, with days of the month and of the week at once. */
static void test_nine_years_against_the_reference(void **state)
{
	static const char text[] = "30 6 13,29-31 2,3,7-9 5";
	struct reference ref = {0};

	(void)state;
	ref.in[0][30] = ref.in[1][6] = ref.in[4][5] = true;
	ref.in[2][13] = ref.in[2][29] = ref.in[2][30] = ref.in[2][31] = true;
	for (int m = 1; m <= 12; m++)
		ref.in[3][m] = m == 2 || m == 3 || (m >= 7 && m <= 9);
	compare(&ref, text, at(2023, 6, 1, 0, 0), 9 * 366);
}

static void test_never_slow(void **state)
{
	static const char *const texts[] = {"* * * * *", "0 0 29 2 *", "0 0 30 2 *",
		"0 0 31 2 1", "59 23 31 12 *", "0 0 29 2 1"};
	enum { ROUNDS = 2000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct cron cron = parsed(texts[i]);
		int64_t when = at(2026, 3, 1, 0, 0), started = clock_mono_ms();

		for (int n = 0; n < ROUNDS; n++) {
			int64_t next = cron_next(&cron, when + n);
			assert_true(next == 0 || next > when + n);
		}
		int64_t took = clock_mono_ms() - started;
		print_message("# %-14s %.2f us a step\n", texts[i],
			(double)took * 1000 / ROUNDS);
		assert_true(took < 500); /* 250 us each, under any sanitizer */
	}
}

static void test_local_minutes(void **state)
{
	struct cron cron = parsed("30 2 * * *");
	struct cron_minute minute = {2026, 12, 31, 2, 31};

	(void)state;
	assert_false(cron_next_minute(&cron, &minute, 2026));
	minute = (struct cron_minute){2026, 12, 31, 2, 30};
	assert_true(cron_next_minute(&cron, &minute, 2026));
	assert_int_equal(minute.day, 31); /* at or after */
	minute.minute++;
	assert_true(cron_next_minute(&cron, &minute, 2027));
	assert_int_equal(minute.year, 2027);
	assert_int_equal(minute.month, 1);
	assert_int_equal(minute.day, 1);
	assert_int_equal(minute.hour, 2);
	assert_int_equal(minute.minute, 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots_by_hand),
		cmocka_unit_test(test_sunday_has_two_numbers),
		cmocka_unit_test(test_words_for_all),
		cmocka_unit_test(test_days_that_never_come),
		cmocka_unit_test(test_refused_with_the_field_and_what_it_holds),
		cmocka_unit_test(test_long_text_is_refused),
		cmocka_unit_test(test_random_expressions_against_the_reference),
		cmocka_unit_test(test_nine_years_against_the_reference),
		cmocka_unit_test(test_never_slow),
		cmocka_unit_test(test_local_minutes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
