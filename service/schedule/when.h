/* SPDX-License-Identifier: MIT */
/*
 * When a job is due, as people write it: words, or a cron expression (cron.h).
 *
 *	hourly                          a minute of each hour
 *	every 2 hours                   2, 3, 4, 6, 8 or 12
 *	every 15 minutes                15, 20 or 30
 *	daily                           a minute between 0:00 and 5:59
 *	daily at 6:00                   exactly then
 *	daily around 6:00               a minute of the hour that begins then, of the same day
 *	weekdays ...                    Monday to Friday; likewise weekends
 *	weekly ...                      a day by the name
 *	weekly on monday, thursday ...  these days; "on" may be left out
 *	monthly ...                     a day from 1 to 28
 *	monthly on 15 ...               that day, 1 to 28
 *
 * `...` is "at H:MM", "around H:MM" or nothing.  Words are read in either case.  What they
 * leave open (minute, hour, day) is scattered: chosen by a hash of the job's repository and
 * name, so that a job keeps its time and a thousand repositories do not begin together.
 * A cron expression is kept exactly, unless `scatter` says that its minute, which must be
 * one number, be chosen likewise.
 *
 * Two slots of a day may not be closer than WHEN_DISTANCE_MIN minutes.  Pure and
 * thread-safe.
 */
#ifndef SERVICE_SCHEDULE_WHEN_H
#define SERVICE_SCHEDULE_WHEN_H

#include "service/schedule/cron.h"

#define WHEN_DISTANCE_MIN 15

/* The hash that scatters, of a job in a repository: the same for ever. */
uint64_t when_hash(int64_t repo_id, const char *name);

/* Makes five fields of it: text into ret_text (as kept in rows), *ret (may be NULL) for
 * counting.  ERR_INPUT says what may be written. */
int when_parse(const char *text, bool scatter, uint64_t hash,
	char ret_text[CRON_TEXT_MAX + 1], struct cron *ret, struct err *err);

#endif
