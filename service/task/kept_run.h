/* SPDX-License-Identifier: MIT */
/*
 * A kept run of a box, read to its end over however many links it takes.  Internal to
 * service/task.
 *
 * The run belongs to the box and spools its output there, so a link that breaks, or a service
 * that starts again, loses nothing: it is taken up behind the offset that the caller has got
 * to.  One thread.
 */
#ifndef SERVICE_TASK_KEPT_RUN_H
#define SERVICE_TASK_KEPT_RUN_H

#include "boxcore/boxcore.h"

/* The first four are set by the caller; strings are borrowed. */
struct kept_run {
	struct boxcore *core;
	const char *box, *name;
	const char *what; /* in errors: "the check" */
	struct run
		*run; /* NULL: there is no link; by run_start() or kept_run_take_up() */
	bool anew;    /* the last read came over a new link */
	bool gone;    /* the box does not know the run: it died with its box */
};
void kept_run_release(struct kept_run *kept); /* closes the link, the run goes on */
DEFINE_CLEANUP(kept_run, struct kept_run, kept_run_release(value))

/* ERR_NOT_FOUND, and `gone`, when the box does not know the run. */
int kept_run_take_up(
	struct kept_run *kept, uint64_t offset, struct cancel *cancel, struct err *err);

/* The next event.  A lost link is made again behind `offset`, a few times in a row with
 * growing pauses; then, and when the run is gone, ERR_TRANSIENT. */
int kept_run_read(struct kept_run *kept, uint64_t offset, struct run_event *ret_event,
	struct cancel *cancel, struct err *err);

/* Ends the run: TERM, and KILL after a moment, in which an agent writes its last line.  For a
 * task that is cancelled or out of time, so it heeds `stop` (the service's) alone.  What
 * cannot be ended ends with its box. */
void kept_run_end(const struct kept_run *kept, struct cancel *stop);

#endif
