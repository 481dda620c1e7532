/* SPDX-License-Identifier: MIT */
/*
 * The making of containers, on threads of ours.
 *
 * The row comes first and says `creating`; a making turns it into `ready` or `error`.  Who
 * asked may wait for it a while.  A making whose box is deleted meanwhile is cancelled and
 * takes back what it has made.
 */
#ifndef SERVICE_BOX_MAKING_H
#define SERVICE_BOX_MAKING_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/err.h"

#include <stdint.h>

struct boxes;
struct makings;
struct making;

struct makings *makings_new(void);
void makings_free(struct makings *makings); /* after the crew has ended */

/* Begins to make the box of a row.  `clone_repo` (may be NULL) is cloned when it is ready;
 * `asked_ms`: when it was asked for, for the log; 0: taken up after a restart. */
int making_start(struct boxes *boxes, const char *id, const char *account,
	const char *clone_repo, int64_t asked_ms, struct making **ret_making,
	struct err *err);
/* 1 when it is ready (and cloned), 0 when it is not so far yet; -1: it failed, the row is
 * still there and whoever waited removes it.  Frees the caller's share in any case. */
int making_wait(
	struct making *making, int64_t ms, struct cancel *cancel, struct err *err);
/* Nobody waits: a failure ends in the row. */
void making_forget(struct making *making);

#endif
