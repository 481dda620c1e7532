/* SPDX-License-Identifier: MIT */
/*
 * GitHub's limits, kept from our side: one account per installation.
 *
 * A call asks limiter_wait() until it is told to go, and says limiter_done() when its answer
 * is there.  What is kept: one change at a time, in the order in which they came; a gap
 * between two; a maximum of changes a minute and an hour; points (a read costs 1, a change
 * 5).  While GitHub has told an installation to wait, nothing at all is sent for it.
 *
 * Progress that is only nice to show has a share of its own (limiter_spare()), so that it
 * never takes the changes that answers need.
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
	int per_hour;      /* at most LIMITER_HOUR_MAX */
	int64_t minute_ms; /* 0: a minute; tests shorten it, and with it the hour of 60 */
};
#define LIMITER_HOUR_MAX 1000

struct limiter *limiter_new(const struct limiter_rules *rules);
void limiter_free(struct limiter *limiter);

/* One call's place in the order.  Zeroed, with `change` set, before the first question. */
struct limiter_turn {
	bool change;
	bool queued; /* set: only calls before it are in the way, no limit */
	bool going;  /* it was told to go */
	int64_t ticket;
};

/* 0: go, it is counted, and a change has the account to itself until limiter_done().  Else
 * milliseconds after which it is likely to be its turn; ask again then, or earlier. */
int64_t limiter_wait(struct limiter *limiter, int64_t installation,
	struct limiter_turn *turn, int64_t now_ms);
/* Behind a call that was told to go, or by one that does not wait any longer.  The gap begins
 * now. */
void limiter_done(struct limiter *limiter, int64_t installation,
	struct limiter_turn *turn, int64_t now_ms);

/* Nothing may be sent for the installation before now_ms + wait_ms. */
void limiter_block(
	struct limiter *limiter, int64_t installation, int64_t wait_ms, int64_t now_ms);

/* Whether a change is in order that nobody would miss: takes one of its share (half of the
 * hour's, evenly spread), never while other changes wait or the hour's run short. */
bool limiter_spare(struct limiter *limiter, int64_t installation, int64_t now_ms);

/* Milliseconds until the limits would let a change go, and leave a quarter of the hour's to
 * more important ones; 0: now. */
int64_t limiter_closed(struct limiter *limiter, int64_t installation, int64_t now_ms);

#endif
