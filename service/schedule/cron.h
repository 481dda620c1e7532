/* SPDX-License-Identifier: MIT */
/*
 * Cron expressions: five fields, and when the next slot is.
 *
 *	minute       0-59
 *	hour         0-23
 *	day of month 1-31
 *	month        1-12 or JAN-DEC
 *	day of week  0-7 or SUN-SAT; 0 and 7 are Sunday
 *
 * A field is a list of parts with commas: `*`, a number, a range `a-b`, each of the two
 * ranges with a step `/n`; `a/n` means `a-last/n`.  A range of weekdays may end with 7, no
 * range may run backwards.  Names are read in either case.  When both days are restricted
 * (begin with no `*`), a slot is where either fits.  @hourly, @daily, @midnight, @weekly,
 * @monthly, @yearly and @annually stand for whole expressions.
 *
 * Pure functions, no clock, no time zone: slots are minutes of a calendar without jumps.
 */
#ifndef SERVICE_SCHEDULE_CRON_H
#define SERVICE_SCHEDULE_CRON_H

#include "boxcore/base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define CRON_TEXT_MAX 256 /* bytes of an expression */

struct cron { /* read-only for callers: bit n is set when n is a slot */
	uint64_t minutes;
	uint32_t hours, days, months;
	uint8_t weekdays; /* 0 is Sunday */
	bool any_day, any_weekday;
};

/* ERR_INPUT names the field and what it may hold; *ret is written on success only. */
int cron_parse(struct cron *ret, const char *text, struct err *err);

/* The first slot after after_s, in UTC: Unix seconds, a whole minute.  0 when there is
 * none within eight years (30 February).  after_s: from 1970 to the year 9990. */
int64_t cron_next(const struct cron *cron, int64_t after_s);

/* A minute of some calendar day, as the people there read it. */
struct cron_minute {
	int year, month, day, hour, minute; /* month and day from 1 */
};

/* Moves *at to the first slot at or after it.  False when there is none before the year
 * `until_year` ends.  For time zones: which of such minutes exist is the caller's
 * business. */
bool cron_next_minute(const struct cron *cron, struct cron_minute *at, int until_year);

#endif
