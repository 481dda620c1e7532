/* SPDX-License-Identifier: MIT */
/*
 * Cron in a time zone: when the clock on a wall there shows a slot.
 *
 * A slot is a minute that the wall's clock shows, and it is due at the first instant at
 * which that clock has come to it: once in the hour that is repeated when the clock is set
 * back (the first time), and at the first minute behind a gap when the clock is set forward
 * over it, or when a place skips a day.  So each slot is due exactly once, in order, and
 * slots that fall into one instant are one.
 *
 * Zones are those of the IANA database as ICU has it (the one includer of ICU's calendar is
 * zone.c).  A `struct zone` belongs to one thread at a time; different ones may be used at
 * once.
 */
#ifndef SERVICE_SCHEDULE_ZONE_H
#define SERVICE_SCHEDULE_ZONE_H

#include "boxcore/base/cleanup.h"
#include "service/schedule/cron.h"

#define ZONE_NAME_MAX 64 /* the longest of IANA has 32 */
#define ZONE_UTC "UTC"

struct zone;

/* ERR_INPUT names a zone that there is none of ("Europe/Berlin" is one, "CET+1" and
 * "berlin" are not). */
int zone_open(struct zone **ret, const char *name, struct err *err);
void zone_free(struct zone *zone); /* NULL is fine */
DEFINE_CLEANUP(zone, struct zone *, zone_free(*value))

/* The first slot after after_ms (Unix milliseconds, from 1970 to the year 9000) into
 * *ret_ms; 0 when there is none within eight years. */
int zone_next(struct zone *zone, const struct cron *cron, int64_t after_ms,
	int64_t *ret_ms, struct err *err);

/* "2026-11-23 06:12 +01:00": what people there read. */
#define ZONE_SHOWN_SIZE 32
int zone_show(struct zone *zone, int64_t ms, char ret[ZONE_SHOWN_SIZE], struct err *err);

#endif
