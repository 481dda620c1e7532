/* SPDX-License-Identifier: MIT */
/*
 * GitHub's limits, kept from our side: one account per installation.
 *
 * Before a call asks limiter_wait() for how long it has to wait; the answer is remembered
 * as taken when it is 0.  After each answer limiter_note() learns what GitHub said.  What
 * is counted: changes (a gap between two, a maximum a minute and an hour) and points (a
 * read costs 1, a change 5).  While GitHub has told an installation to wait, nothing at
 * all is sent for it.
 *
 * Thread-safe; one leaf lock.  Times are clock_mono_ms().
 */
#ifndef SERVICE_GITHUB_LIMITER_H
#define SERVICE_GITHUB_LIMITER_H

#include "boxcore/base/cleanup.h"

#include <stdbool.h>
#include <stdint.h>

struct limiter;

struct limiter_rules {
	int64_t gap_ms; /* 0: no limits of our own, only GitHub's word */
	int per_minute;
	int per_hour; /* at most LIMITER_HOUR_MAX */
};
#define LIMITER_HOUR_MAX 1000

struct limiter *limiter_new(const struct limiter_rules *rules);
void limiter_free(struct limiter *limiter);

/* 0: go, it is counted.  Else milliseconds until it is worth asking again. */
int64_t limiter_wait(
	struct limiter *limiter, int64_t installation, bool change, int64_t now_ms);

/* Nothing may be sent for the installation before now_ms + wait_ms. */
void limiter_block(
	struct limiter *limiter, int64_t installation, int64_t wait_ms, int64_t now_ms);

#endif
