/* SPDX-License-Identifier: MIT */
/*
 * service/schedule/zone.c: days on which clocks are set, worked out by hand, and every slot of
 * two years in many zones against the C library's own reading of the zones.
 */
#include "boxcore/base/str.h"
#include "service/schedule/zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t utc(int year, int month, int day, int hour, int minute)
{
	struct tm tm = {.tm_year = year - 1900,
		.tm_mon = month - 1,
		.tm_mday = day,
		.tm_hour = hour,
		.tm_min = minute};

	return (int64_t)timegm(&tm) * 1000;
}

static int64_t next(const char *zone_name, const char *text, int64_t after_ms)
{
	CLEANUP(zone) struct zone *zone = NULL;
	struct cron cron;
	struct err err = {0};
	int64_t ms = 0;

	if (zone_open(&zone, zone_name, &err) < 0 || cron_parse(&cron, text, &err) < 0 ||
		zone_next(zone, &cron, after_ms, &ms, &err) < 0)
		fail_msg("%s in %s: %s", text, zone_name, err.text);
	return ms;
}

/* The slots behind a time, in order: Unix milliseconds, ends with 0. */
static void expect(const char *zone, const char *text, int64_t after, const int64_t *want)
{
	for (size_t i = 0; want[i]; i++) {
		after = next(zone, text, after);
		if (after != want[i])
			fail_msg("%s in %s, slot %zu: %lld, not %lld", text, zone, i,
				(long long)after, (long long)want[i]);
	}
}

static void test_clocks_forward(void **state)
{
	(void)state;
	/* Berlin, 29 March 2026: 2:00 is 3:00. */
	expect("Europe/Berlin", "30 2 * * *", utc(2026, 3, 28, 0, 0),
		(int64_t[]){utc(2026, 3, 28, 1, 30), utc(2026, 3, 29, 1, 0),
			utc(2026, 3, 30, 0, 30), 0});
	/* 2:00, 2:30 and 3:00 are one instant. */
	expect("Europe/Berlin", "0,30 2,3 * * *", utc(2026, 3, 29, 0, 0),
		(int64_t[]){utc(2026, 3, 29, 1, 0), utc(2026, 3, 29, 1, 30),
			utc(2026, 3, 30, 0, 0), 0});
	expect("America/New_York", "15 2 * * *", utc(2026, 3, 8, 0, 0),
		(int64_t[]){utc(2026, 3, 8, 7, 0), utc(2026, 3, 9, 6, 15), 0});
	/* Lord Howe sets its clocks by half an hour: 2:00 is 2:30 on 4 October 2026. */
	expect("Australia/Lord_Howe", "15 2 * * *", utc(2026, 10, 3, 0, 0),
		(int64_t[]){utc(2026, 10, 3, 15, 30), utc(2026, 10, 4, 15, 15), 0});
	/* Beirut did it at midnight: 0:00 of 26 March 2022 ... 27th is 1:00. */
	expect("Asia/Beirut", "0 0 * * *", utc(2022, 3, 26, 0, 0),
		(int64_t[]){utc(2022, 3, 26, 22, 0), utc(2022, 3, 27, 21, 0), 0});
}

static void test_clocks_back(void **state)
{
	(void)state;
	/* Berlin, 25 October 2026: 2:00 to 3:00 twice; once, the first time. */
	expect("Europe/Berlin", "30 2 * * *", utc(2026, 10, 24, 0, 0),
		(int64_t[]){utc(2026, 10, 24, 0, 30), utc(2026, 10, 25, 0, 30),
			utc(2026, 10, 26, 1, 30), 0});
	expect("Europe/Berlin", "0,30 * * * *", utc(2026, 10, 24, 23, 59),
		(int64_t[]){utc(2026, 10, 25, 0, 0), utc(2026, 10, 25, 0, 30),
			utc(2026, 10, 25, 2, 0), utc(2026, 10, 25, 2, 30), 0});
	/* Asked in the second pass. */
	assert_int_equal(next("Europe/Berlin", "30 2 * * *", utc(2026, 10, 25, 1, 10)),
		utc(2026, 10, 26, 1, 30));
	/* Lord Howe: 1:30 to 2:00 twice on 5 April 2026. */
	expect("Australia/Lord_Howe", "45 1 * * *", utc(2026, 4, 4, 0, 0),
		(int64_t[]){utc(2026, 4, 4, 14, 45), utc(2026, 4, 5, 15, 15), 0});
	/* At midnight: 23:00 to 24:00 twice, in Havana 0:00 to 1:00 (1 November 2026). */
	expect("America/Havana", "30 0 * * *", utc(2026, 11, 1, 0, 0),
		(int64_t[]){utc(2026, 11, 1, 4, 30), utc(2026, 11, 2, 5, 30), 0});
}

static void test_days_that_are_none(void **state)
{
	(void)state;
	/* Apia had no 30 December 2011: its slots are due when the 31st begins, as one. */
	expect("Pacific/Apia", "0 6 * * *", utc(2011, 12, 29, 0, 0),
		(int64_t[]){utc(2011, 12, 29, 16, 0), utc(2011, 12, 30, 10, 0),
			utc(2011, 12, 30, 16, 0), 0});
	expect("Pacific/Apia", "0 6 30 12 *", utc(2011, 12, 1, 0, 0),
		(int64_t[]){utc(2011, 12, 30, 10, 0), utc(2012, 12, 29, 16, 0), 0});
	assert_int_equal(next("UTC", "0 0 30 2 *", utc(2026, 1, 1, 0, 0)), 0);
}

static void test_names(void **state)
{
	static const char *const none[] = {"", "berlin", "Europe/berlin", "CET+1",
		"GMT+5", "Mars/Phobos", "Etc/Unknown", "../../etc/passwd",
		"Europe/Berlin ", "\xc3\xa4",
		"Europe/BerlinEurope/BerlinEurope/BerlinEurope/BerlinEurope/BerlinEuro"};
	static const char *const some[] = {"UTC", "Etc/UTC", "GMT", "Europe/Berlin",
		"America/Argentina/Buenos_Aires", "Asia/Calcutta", "Asia/Kolkata",
		"EST5EDT"};
	struct zone *zone = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		struct err err = {0};
		assert_int_equal(zone_open(&zone, none[i], &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_non_null(strstr(err.text, "time zone"));
	}
	for (size_t i = 0; i < ARRAY_LEN(some); i++) {
		struct err err = {0};
		if (zone_open(&zone, some[i], &err) < 0)
			fail_msg("%s: %s", some[i], err.text);
		zone_free(zone);
	}
}

static void test_shown(void **state)
{
	CLEANUP(zone) struct zone *zone = NULL;
	char shown[ZONE_SHOWN_SIZE];
	struct err err = {0};

	(void)state;
	assert_int_equal(zone_open(&zone, "America/St_Johns", &err), 0);
	assert_int_equal(zone_show(zone, utc(2026, 1, 1, 3, 0), shown, &err), 0);
	assert_string_equal(shown, "2025-12-31 23:30 -03:30");
}

/* ---- against the C library ---------------------------------------------------------------
 *
 * Its reading of /usr/share/zoneinfo is another program's over another copy of the data.  2019
 * to 2021 are over, so both copies say the same. */

static struct tm wall(int64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	localtime_r(&t, &tm);
	return tm;
}

static int64_t as_number(const struct tm *tm)
{
	return (((int64_t)tm->tm_year * 12 + tm->tm_mon) * 31 + tm->tm_mday - 1) * 1440 +
	       tm->tm_hour * 60 + tm->tm_min;
}

/* The slots of "M H * * *" by walking the clock minute by minute: the first minute at which
 * the wall shows the slot of a day or later. */
static void check_zone(const char *name, int hour, int minute)
{
	CLEANUP(zone) struct zone *zone = NULL;
	char text[32];
	struct cron cron;
	struct err err = {0};
	int64_t from = utc(2019, 12, 31, 12, 0), to = utc(2021, 12, 31, 0, 0), ms;

	snprintf(text, sizeof text, "%d %d * * *", minute, hour);
	assert_int_equal(cron_parse(&cron, text, &err), 0);
	assert_int_equal(zone_open(&zone, name, &err), 0);
	assert_int_equal(zone_next(zone, &cron, from, &ms, &err), 0);
	struct tm last = wall(from);
	int64_t high = as_number(&last);
	for (int64_t t = from + 60000; t <= to; t += 60000) {
		struct tm now = wall(t);
		int64_t number = as_number(&now);
		struct tm day = now;

		day.tm_hour = hour;
		day.tm_min = minute;
		int64_t slot = as_number(&day);
		bool due = high < slot && number >= slot;
		if (number > high)
			high = number;
		if (due != (t == ms))
			fail_msg("%s %s: %s at %lld, not %lld", name, text,
				due ? "due" : "not due", (long long)t, (long long)ms);
		if (due)
			assert_int_equal(zone_next(zone, &cron, t, &ms, &err), 0);
	}
}

static void test_against_c_library(void **state)
{
	static const char *const zones[] = {"UTC", "Europe/Berlin", "Europe/London",
		"America/New_York", "America/St_Johns", "America/Sao_Paulo",
		"Australia/Lord_Howe", "Pacific/Chatham", "Asia/Kathmandu",
		"Africa/Casablanca", "Asia/Beirut", "America/Havana", "Pacific/Apia",
		"Antarctica/Troll"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
		setenv("TZ", zones[i], 1);
		tzset();
		check_zone(zones[i], 2, 30);
		check_zone(zones[i], 0, 0);
	}
	unsetenv("TZ");
	tzset();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clocks_forward),
		cmocka_unit_test(test_clocks_back),
		cmocka_unit_test(test_days_that_are_none),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_shown),
		cmocka_unit_test(test_against_c_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
