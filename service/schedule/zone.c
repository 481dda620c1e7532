/* SPDX-License-Identifier: MIT */
/*
 * Slots on a wall's clock, by the transitions of its zone.
 *
 * ICU is asked two things only: the offset at an instant, and the next change of it.  All
 * else follows from "the first instant at which the clock has come to that minute".
 */
#include "service/schedule/zone.h"

#include "boxcore/base/mem.h"

#include <stdio.h>
#include <string.h>
#include <unicode/ucal.h>
#include <unicode/ustring.h>

#define MINUTE_MS 60000.0
#define DAY_MS 86400000.0
/* No zone is further from UTC than 16 hours, nor jumps by more than a day. */
#define SURELY_BEFORE_MS (3 * DAY_MS)
#define YEARS 8
#define AFTER_MAX_MS 221845392000000LL /* the year 9000 */

struct zone {
	UCalendar *calendar;
};

static int fail(UErrorCode code, struct err *err)
{
	return err_set(err, ERR_INTERNAL, "time zones: %s", u_errorName(code));
}

static int no_zone(const char *name, struct err *err)
{
	return err_set(err, ERR_INPUT,
		"there is no time zone '%.64s'; it is a name of the IANA database, like "
		"UTC or Europe/Berlin",
		name);
}

/* ASCII of a zone's name; false for anything else. */
static bool widen(const char *name, UChar ret[ZONE_NAME_MAX + 1])
{
	size_t len = strlen(name);

	if (len == 0 || len > ZONE_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (name[i] <= ' ' || name[i] > '~')
			return false;
		ret[i] = (UChar)name[i];
	}
	ret[len] = 0;
	return true;
}

int zone_open(struct zone **ret, const char *name, struct err *err)
{
	UChar wide[ZONE_NAME_MAX + 1], canonical[ZONE_NAME_MAX + 1];
	UErrorCode code = U_ZERO_ERROR;
	UBool known = 0;

	if (!widen(name, wide))
		return no_zone(name, err);
	/* ICU makes something up for names that it does not know. */
	ucal_getCanonicalTimeZoneID(
		wide, -1, canonical, ZONE_NAME_MAX + 1, &known, &code);
	if (U_FAILURE(code) || !known)
		return no_zone(name, err);
	UCalendar *calendar = ucal_open(wide, -1, "en_US_POSIX", UCAL_GREGORIAN, &code);
	if (U_FAILURE(code))
		return fail(code, err);
	*ret = mem_zalloc(sizeof **ret);
	(*ret)->calendar = calendar;
	return 0;
}

void zone_free(struct zone *zone)
{
	if (!zone)
		return;
	ucal_close(zone->calendar);
	free(zone);
}

/* ---- what ICU knows -------------------------------------------------------------------- */

/* Milliseconds east of UTC at an instant. */
static double offset_at(const struct zone *zone, double ms, UErrorCode *code)
{
	ucal_setMillis(zone->calendar, ms, code);
	return ucal_get(zone->calendar, UCAL_ZONE_OFFSET, code) +
	       ucal_get(zone->calendar, UCAL_DST_OFFSET, code);
}

/* The next change of the offset behind an instant; false when there is none. */
static bool change_after(
	const struct zone *zone, double ms, double *ret_ms, UErrorCode *code)
{
	ucal_setMillis(zone->calendar, ms, code);
	return ucal_getTimeZoneTransitionDate(
		zone->calendar, UCAL_TZ_TRANSITION_NEXT, ret_ms, code);
}

/* ---- the wall's clock ------------------------------------------------------------------ */

/* Days since 1 January 1970 of a date, and back: years count from March. */
static int64_t days_of(int year, int month, int day)
{
	int y = month > 2 ? year : year - 1;
	int64_t era = y / 400, of_era = y % 400;

	of_era = of_era * 365 + of_era / 4 - of_era / 100 +
		 (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	return era * 146097 + of_era - 719468;
}

static double wall_of(const struct cron_minute *at)
{
	return (double)days_of(at->year, at->month, at->day) * DAY_MS +
	       (at->hour * 60 + at->minute) * MINUTE_MS;
}

static struct cron_minute minute_of(double wall_ms)
{
	int64_t minutes = (int64_t)(wall_ms / MINUTE_MS);
	int64_t since = minutes / 1440 + 719468, era = since / 146097;
	int64_t doe = since % 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int doy = (int)(doe - (365 * yoe + yoe / 4 - yoe / 100));
	int m = (5 * doy + 2) / 153, month = m < 10 ? m + 3 : m - 9;

	return (struct cron_minute){
		.year = (int)(yoe + era * 400) + (month <= 2),
		.month = month,
		.day = doy - (153 * m + 2) / 5 + 1,
		.hour = (int)(minutes / 60 % 24),
		.minute = (int)(minutes % 60),
	};
}

/* The first instant at which the clock on the wall shows `wall` or later. */
static double first_instant(const struct zone *zone, double wall, UErrorCode *code)
{
	double from = wall - SURELY_BEFORE_MS, change;

	for (;;) {
		double offset = offset_at(zone, from, code);
		bool more = change_after(zone, from, &change, code);

		if (U_FAILURE(*code) || !more || change + offset > wall)
			return from > wall - offset ? from : wall - offset;
		from = change;
	}
}

static void next_minute(struct cron_minute *at)
{
	*at = minute_of(wall_of(at) + MINUTE_MS);
}

int zone_next(struct zone *zone, const struct cron *cron, int64_t after_ms,
	int64_t *ret_ms, struct err *err)
{
	UErrorCode code = U_ZERO_ERROR;
	double after = (double)after_ms;

	*ret_ms = 0;
	if (after_ms < 0 || after_ms > AFTER_MAX_MS)
		return err_set(
			err, ERR_INPUT, "a time from 1970 to the year 9000 is needed");
	double wall = after + offset_at(zone, after, &code);
	if (wall < 0)
		wall = 0;
	struct cron_minute at = minute_of(wall);
	int until = at.year + YEARS;
	while (U_SUCCESS(code) && cron_next_minute(cron, &at, until)) {
		double instant = first_instant(zone, wall_of(&at), &code);

		if (U_SUCCESS(code) && instant > after) {
			*ret_ms = (int64_t)instant;
			return 0;
		}
		next_minute(&at);
	}
	return U_FAILURE(code) ? fail(code, err) : 0;
}

int zone_show(struct zone *zone, int64_t ms, char ret[ZONE_SHOWN_SIZE], struct err *err)
{
	UErrorCode code = U_ZERO_ERROR;
	double offset = offset_at(zone, (double)ms, &code);
	int minutes = (int)(offset / MINUTE_MS);
	int east = minutes < 0 ? -minutes : minutes;

	if (U_FAILURE(code) || ms < 0 || ms > AFTER_MAX_MS)
		return fail(code, err);
	struct cron_minute at =
		minute_of((double)ms + offset < 0 ? 0 : (double)ms + offset);
	snprintf(ret, ZONE_SHOWN_SIZE, "%04u-%02u-%02u %02u:%02u %c%02u:%02u",
		(unsigned)at.year % 10000U, (unsigned)at.month % 100U,
		(unsigned)at.day % 100U, (unsigned)at.hour % 100U,
		(unsigned)at.minute % 100U, minutes < 0 ? '-' : '+',
		(unsigned)(east / 60) % 100U, (unsigned)(east % 60) % 100U);
	return 0;
}
