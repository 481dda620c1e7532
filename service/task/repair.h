/* SPDX-License-Identifier: MIT */
/*
 * Rounds of repair: the same agent, in the same box and session, is told that checks fail.
 * Internal to service/task.
 *
 * A round is known by the name of the agent's run ("repair-1") in the task's row, and each is
 * an effect, so that a task has no more of them than task.check_repairs over all restarts.
 * What goes wrong in a round, other than by a cancel, ends the round and not the task: the
 * result that there was before it stands.
 */
#ifndef SERVICE_TASK_REPAIR_H
#define SERVICE_TASK_REPAIR_H

#include "service/task/checks.h"
#include "service/task/context.h"

/* 0: the agent's first run. */
int64_t repair_round(const struct task_ctx *ctx);

/* Begins a round for this result if there is one left, with money and time: the row then
 * names its run, and *ret_begun tells that `work` comes next. */
int repair_begin(struct task_ctx *ctx, bool *ret_begun, struct err *err);

/* The time that the round's run has. */
int64_t repair_left_ms(const struct task_ctx *ctx);

/* The round is given up because of `why`; verify is next and knows the earlier result. */
int repair_give_up(struct task_ctx *ctx, const char *why, struct err *err);

#endif
