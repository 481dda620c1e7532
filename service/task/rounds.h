/* SPDX-License-Identifier: MIT */
/*
 * Requests that come while the agent works: each is a further round of the same run, in the
 * same box and session, and is answered by itself.  Internal to service/task.
 *
 * Behind each round its result is collected, so that a round that goes wrong ends itself only:
 * the result before it stands.  A round is known by the name of the agent's run ("more-41", 41
 * being the task of the request) in the row; what is left is told by store_task_taken().  When
 * the box is lost the work begins anew with the first request, and all rounds follow again.
 */
#ifndef SERVICE_TASK_ROUNDS_H
#define SERVICE_TASK_ROUNDS_H

#include "service/task/context.h"

#define ROUNDS_MAX 20 /* of one run; later requests are tasks of their own */

/* The request that the present round works on: 0 for the task's own. */
int64_t rounds_request(const struct task_ctx *ctx);
/* Its row, taken up by this task. */
int rounds_load(struct task_ctx *ctx, struct store_task *ret, struct err *err);

/* What the agent said at the end of the present round, for whoever asked; `failed`: why there
 * is no such word. */
int rounds_keep_reply(
	struct task_ctx *ctx, const char *reply, bool failed, struct err *err);
/* The reply to a request of this task's (0: the task's own).  *ret NULL when there is none;
 * *ret_failed tells of which kind it is.  free(). */
int rounds_reply(struct task_ctx *ctx, int64_t request, char **ret, bool *ret_failed,
	struct err *err);

/* Behind a round: begins the next one if a request waits (the row then names its run, and
 * *ret_begun tells that `work` is next). */
int rounds_begin(struct task_ctx *ctx, bool *ret_begun, struct err *err);
/* The present round is given up; the result before it goes on to verify, or there is none
 * and the task ends without a change. */
int rounds_give_up(struct task_ctx *ctx, const char *why, struct err *err);

/* How many requests the task works on, its own included: each has its own share of money. */
int rounds_count(struct task_ctx *ctx, int64_t *ret, struct err *err);

#endif
