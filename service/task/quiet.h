/* SPDX-License-Identifier: MIT */
/*
 * How often the service reacts to what it does not do.
 *
 * Each reaction is one of the few hundred changes an hour that GitHub gives an installation,
 * and anybody who can comment could spend them.  So people without a role here get
 * LIMIT_STRANGER_REACTIONS an hour and repository, all of them together
 * LIMIT_STRANGERS_REACTIONS, and words that are no verbs get LIMIT_UNKNOWN_REACTIONS a person.
 * Beyond that there is only the row with its reason.
 *
 * In memory, of this process: at most LIMIT_QUIET_PEOPLE are told apart, the one longest unheard
 * makes room.  Thread-safe; one leaf lock.
 */
#ifndef SERVICE_TASK_QUIET_H
#define SERVICE_TASK_QUIET_H

#include <stdbool.h>
#include <stdint.h>

struct github;

/* What is stored in place of a reaction. */
#define QUIET_STRANGER                                                                   \
	"not answered: they have no role here, and were shown so often enough this hour"
#define QUIET_UNKNOWN                                                                    \
	"not answered: nothing that is understood here, and they were shown so often "   \
	"enough this hour"

/* Whether GitHub need not even be asked about this person: beyond the bound, and asked about
 * less than a minute ago.  now_ms is clock_mono_ms(). */
bool quiet_known(
	const struct github *github, int64_t repo_id, int64_t user_id, int64_t now_ms);
/* They have a role after all. */
void quiet_forget(const struct github *github, int64_t repo_id, int64_t user_id);

/* Whether one more reaction is in order; it is counted. */
bool quiet_stranger(
	const struct github *github, int64_t repo_id, int64_t user_id, int64_t now_ms);
bool quiet_unknown(
	const struct github *github, int64_t repo_id, int64_t user_id, int64_t now_ms);

#endif
