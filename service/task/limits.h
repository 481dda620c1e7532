/* SPDX-License-Identifier: MIT */
/*
 * Limits per person, repository and UTC day, in runs and in money.
 *
 * A task belongs to the day on which it was made.  Runs are requests: those that a run takes up
 * on its way count as those that have a run of their own.  They are counted when a task passes
 * the gate: as many as the limit says of a day's tasks pass, in the order of their making.  Money
 * is looked at twice: the gate refuses a task when a day's money is spent, and the relay is
 * given min(the task's own budget, what is left of the day's), which is looked at again after
 * each call of each task: several tasks at once overrun a day's money by at most about one
 * call each.
 */
#ifndef SERVICE_TASK_LIMITS_H
#define SERVICE_TASK_LIMITS_H

#include "service/task/context.h"

/* For the gate: 1 go on, 0 decided against ("refused_limit", with when it is free again), -1.
 * With `words` the person is told, once a day and repository.  Attempts (parent_id) and what no
 * limit is set for pass; nobody's tasks (requester_id 0) count for the repository. */
int limits_gate(struct task_ctx *ctx, const struct repo_config *rules, bool words,
	struct err *err);

/* Whether `request` may be taken up by ctx's run without passing the gate itself: 1, 0 when a
 * limit of its day is used up, which the gate is to tell, -1.  ctx->file must have been read. */
int limits_taken(struct task_ctx *ctx, const struct store_task *request, struct err *err);

/* The budget for the task's relay lease in microdollars: `task_microusd` (0: no limit), or
 * less when the day has less left.  0: no limit; below 0: nothing at all.  ctx->file must have
 * been read. */
int64_t limits_budget(const struct task_ctx *ctx, int64_t task_microusd);

/* To be called from a lease's on_usage, after the call's cost was stored: ends the lease's
 * budget when the day's money is spent.  On a relay thread. */
void limits_usage(const struct task_ctx *ctx, struct relay_lease *lease,
	const struct relay_usage *total);

#endif
