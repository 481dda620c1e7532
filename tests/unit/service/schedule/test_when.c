/* SPDX-License-Identifier: MIT */
/* service/schedule/when.c: words, scattering, the least distance. */
#include "boxcore/base/str.h"
#include "service/schedule/when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cron parsed(const char *text, uint64_t hash, char *ret_text)
{
	char fields[CRON_TEXT_MAX + 1];
	struct cron cron;
	struct err err = {0};

	if (when_parse(text, false, hash, fields, &cron, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	if (ret_text)
		strcpy(ret_text, fields);
	return cron;
}

static void expect(const char *text, uint64_t hash, const char *want)
{
	char fields[CRON_TEXT_MAX + 1];

	parsed(text, hash, fields);
	if (!str_eq(fields, want))
		fail_msg("%s: \"%s\", not \"%s\"", text, fields, want);
}

static void test_exact_words(void **state)
{
	(void)state;
	expect("daily at 6:00", 12345, "0 6 * * *");
	expect("Daily AT 06:05", 12345, "5 6 * * *");
	expect("weekdays at 23:59", 1, "59 23 * * 1-5");
	expect("weekends at 0:00", 1, "0 0 * * 0,6");
	expect("weekly on monday at 9:30", 1, "30 9 * * 1");
	expect("weekly on mon, thu and sunday at 9:30", 1, "30 9 * * 0,1,4");
	expect("weekly friday at 9:30", 1, "30 9 * * 5");
	expect("monthly on 15 at 4:00", 1, "0 4 15 * *");
	expect("monthly on the 1st at 4:00", 1, "0 4 1 * *");
	/* cron is kept as it stands */
	expect("*/15 9-17 * * MON-FRI", 77, "*/15 9-17 * * MON-FRI");
	expect("@weekly", 77, "@weekly");
}

static void test_scattered_words(void **state)
{
	(void)state;
	expect("hourly", 61, "1 * * * *");
	expect("every hour", 61, "1 * * * *");
	expect("every 2 hours", 61, "1 1/2 * * *");
	expect("every 15 minutes", 61, "1/15 * * * *");
	expect("daily around 6:00", 61, "1 6 * * *");
	expect("daily around 23:30", 61, "31 23 * * *");
	expect("daily", 61, "10 1 * * *");
}

/* Whatever the hash: within what was said. */
static void test_bounds(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 3000; i++) {
		uint64_t hash = when_hash((int64_t)i, "tidy");
		struct cron cron = parsed("daily around 6:00", hash, NULL);

		assert_int_equal(cron.hours, 1U << 6);
		cron = parsed("daily around 9:30", hash, NULL);
		assert_true((cron.hours == 1U << 9 && cron.minutes >> 30) ||
			    (cron.hours == 1U << 10 && cron.minutes < 1ULL << 30));
		cron = parsed("daily around 23:50", hash, NULL);
		assert_true(cron.hours == 1U << 23 && cron.minutes >> 50);
		cron = parsed("weekly", hash, NULL);
		assert_true(
			cron.hours < 1U << 6 && __builtin_popcount(cron.weekdays) == 1);
		cron = parsed("monthly", hash, NULL);
		assert_true(cron.days < 1U << 29 && __builtin_popcount(cron.days) == 1);
		cron = parsed("every 4 hours", hash, NULL);
		assert_int_equal(__builtin_popcount(cron.hours), 6);
		cron = parsed("every 20 minutes", hash, NULL);
		assert_int_equal(__builtin_popcountll(cron.minutes), 3);
	}
}

/* The same for ever, and spread: no minute of the hour has a tenth of a thousand. */
static void test_hash(void **state)
{
	int of_minute[60] = {0};

	(void)state;
	assert_true(when_hash(7, "tidy") == when_hash(7, "tidy"));
	assert_true(when_hash(7, "tidy") != when_hash(7, "tidz"));
	assert_true(when_hash(7, "tidy") != when_hash(8, "tidy"));
	assert_true(when_hash(1296269, "dependencies") == 0x3b361a6a9ea12114ULL);
	for (int64_t i = 0; i < 1000; i++)
		of_minute[when_hash(i, "dependencies") % 60]++;
	for (int i = 0; i < 60; i++)
		assert_in_range(of_minute[i], 3, 50);
}

static void test_scatter(void **state)
{
	char fields[CRON_TEXT_MAX + 1];
	struct err err = {0};

	(void)state;
	assert_int_equal(when_parse("0 6 * * 1", true, 61, fields, NULL, &err), 0);
	assert_string_equal(fields, "1 6 * * 1");
	assert_int_equal(when_parse("*/30 6 * * 1", true, 61, fields, NULL, &err), -1);
	assert_non_null(strstr(err.text, "scatter"));
	assert_int_equal(when_parse("@daily", true, 61, fields, NULL, &err), -1);
}

static void refuse(const char *text, const char *word)
{
	char fields[CRON_TEXT_MAX + 1];
	struct err err = {0};

	if (when_parse(text, false, 61, fields, NULL, &err) == 0)
		fail_msg("\"%s\" is read as \"%s\"", text, fields);
	assert_int_equal(err.kind, ERR_INPUT);
	if (!strstr(err.text, word))
		fail_msg("%s: %s", text, err.text);
}

static void test_refused(void **state)
{
	static const char *const nonsense[] = {"", " ", "sometimes", "daily 6:00",
		"daily around", "daily at 24:00", "daily at 6:60", "daily at 6:0",
		"daily at 6", "every 5 hours", "every 0 hours", "every 24 hours",
		"every 25 minutes", "every minutes", "weekly on", "weekly on someday",
		"monthly on 29", "monthly on 0", "monthly on 15x", "daily at 6:00 please",
		"hourly at 6:00", "daily at :00", "every 10 minutes",
		"on on on on on on on on on on on on on on on on on on"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(nonsense); i++)
		refuse(nonsense[i], "says no time");
	refuse("* * * * *", "after 1 minutes");
	refuse("*/10 * * * *", "after 10 minutes");
	refuse("0,5 3 * * *", "after 5 minutes");
	refuse("59 23 * * *,", "day of week");
	refuse("0 0,23 * *", "five fields");
	/* the last of a day and the first of the next */
	refuse("0,50 0,23 * * *", "after 10 minutes");
	expect("0,59 6 * * *", 1, "0,59 6 * * *");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact_words),
		cmocka_unit_test(test_scattered_words),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_scatter),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
