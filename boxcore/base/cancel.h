/* SPDX-License-Identifier: MIT */
/*
 * Stopping what blocks.
 *
 * Every function that can block takes a `struct cancel *`.  A person's cancel, a deadline
 * and the shutdown of the service are the same path: the cancel fires, whatever waits is
 * woken within a millisecond, and the call returns ERR_CANCELLED (or ERR_TRANSIENT when
 * it was a deadline) with the reason as its text.  Firing is final; the first reason
 * stays.
 *
 * A cancel may have a parent: when the parent fires, the child fires with the same
 * reason. The parent must outlive the child.
 *
 * Who creates a cancel frees it, after everything that waits on it has returned.  All
 * functions are thread-safe.  NULL is accepted everywhere and never fires.
 */
#ifndef BOXCORE_BASE_CANCEL_H
#define BOXCORE_BASE_CANCEL_H

#include "boxcore/base/cleanup.h"
#include "boxcore/base/err.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

struct cancel;

struct cancel *cancel_new(struct cancel *parent);
void cancel_free(struct cancel *c);
DEFINE_CLEANUP(cancel, struct cancel *, cancel_free(*value))

/* `reason` is copied: "cancelled by @octocat". */
void cancel_fire(struct cancel *c, const char *reason);

/* Sets (or with 0 removes) a deadline `ms` milliseconds from now; `what` names it in the
 * error: "the task's limit of 30 minutes".  A call that blocks ends with ERR_TRANSIENT.
 */
void cancel_deadline(struct cancel *c, int64_t ms, const char *what);

bool cancel_fired(struct cancel *c); /* true also when the deadline has passed */

/* 0, or -1 with why it fired. */
int cancel_check(struct cancel *c, struct err *err);

/* Milliseconds that a wait may still last: the nearest deadline of c and its ancestors,
 * never more than `most` (< 0: no maximum; -1 is returned then if there is no deadline).
 */
int64_t cancel_remaining_ms(struct cancel *c, int64_t most);

/* Becomes readable when the cancel fires by cancel_fire() (not by a deadline); for
 * poll(). Owned by the cancel.  -1 for NULL. */
int cancel_fd(struct cancel *c);

/* poll() on fds until one is ready (returns > 0), timeout_ms has passed (returns 0; < 0
 * is no timeout), or the cancel fires (returns -1).  nfds at most CANCEL_POLL_MAX.  A
 * deadline that is set while this waits counts from the next call on. */
#define CANCEL_POLL_MAX 7
int cancel_poll(struct cancel *c, struct pollfd *fds, int nfds, int64_t timeout_ms,
	struct err *err);

/* Sleeps unless cancelled: 0 after `ms`, -1 when it fired. */
int cancel_sleep(struct cancel *c, int64_t ms, struct err *err);

/* Calls fn(arg) once when the cancel fires by cancel_fire(), on the firing thread, with
 * no lock held; at once if it has fired already.  The watch lives in the caller's memory
 * and is taken off with cancel_unwatch(), which returns only when fn is not running (so
 * fn must not take its own watch off). */
struct cancel_watch {
	void (*fn)(void *arg);
	void *arg;
	struct cancel_watch *next;
	struct cancel *owner;
	bool running;
};
void cancel_watch(
	struct cancel *c, struct cancel_watch *watch, void (*fn)(void *), void *arg);
void cancel_unwatch(struct cancel_watch *watch);

#endif
