/* SPDX-License-Identifier: MIT */
/*
 * The boxes of attempts: each waits, paused, until the parent has chosen; the best one's
 * becomes the conversation's, with the agent's session in it.  Internal to service/task.
 */
#ifndef SERVICE_TASK_ATTEMPTS_BOX_H
#define SERVICE_TASK_ATTEMPTS_BOX_H

#include "service/task/context.h"

/* Makes the conversation's box from a snapshot of the attempt's.  A box that is gone is no
 * failure: then the conversation has none, and its next task gets a fresh one. */
int attempts_box_adopt(
	struct task_ctx *ctx, const struct store_task *best, struct err *err);

/* All boxes of this task's attempts; nothing for other tasks. */
int attempts_boxes_remove(struct task_ctx *ctx, struct err *err);

/* Whether a box of the ended task is still waited for: it is an attempt's, and its parent has
 * not chosen yet. */
bool attempts_box_waits(struct store *store, const struct store_task *task);

#endif
