/* SPDX-License-Identifier: MIT */
/*
 * Who is in which box now: in memory only, a row's work is lost with the process.
 *
 * Work holds a box; what changes its state (wake, pause, delete) seizes it.  At most one
 * seizes, and while it does nobody new gets a hold.  A box that nobody holds or seizes has
 * no entry, but for what is noted of it until the next round.
 */
#ifndef SERVICE_BOX_ACTIVE_H
#define SERVICE_BOX_ACTIVE_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct boxes_active;

struct boxes_active *active_new(void);
void active_free(struct boxes_active *active);

/* Grows with each seizing: a row that was read before it did may be stale. */
uint64_t active_turns(struct boxes_active *active);

/* Waits while the box is seized. */
int active_hold(struct boxes_active *active, const char *box, bool run,
	struct cancel *cancel, struct err *err);
void active_release(
	struct boxes_active *active, const char *box, bool run, int64_t now_ms);

/* Waits while another has it.  With `idle` only a box without holds is seized: else
 * ERR_CONFLICT. */
int active_seize(struct boxes_active *active, const char *box, bool idle,
	struct cancel *cancel, struct err *err);
void active_yield(struct boxes_active *active, const char *box);
/* Yields and holds in one step. */
void active_yield_to_hold(struct boxes_active *active, const char *box, bool run);

/* Notes work of the box that no hold shows. */
void active_note(struct boxes_active *active, const char *box, int64_t now_ms);

struct active_counts {
	int runs, quiet;
	bool seized;
	int64_t active_ms; /* last noted, 0: not since active_flush() */
};
struct active_counts active_look(struct boxes_active *active, const char *box);

/* Tells what was noted since the last time, and of each box that is held (now_ms). */
void active_flush(struct boxes_active *active, int64_t now_ms,
	void (*fn)(void *arg, const char *box, int64_t active_ms), void *arg);

#endif
