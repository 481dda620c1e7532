/* SPDX-License-Identifier: MIT */
/*
 * Prepared repositories: a snapshot of a box in which the repository is checked out and its
 * set-up commands have run.  Internal to service/task.
 */
#ifndef SERVICE_TASK_PREPARED_H
#define SERVICE_TASK_PREPARED_H

#include "service/store/store_prepared.h"
#include "service/task/context.h"

/* What every box of a task begins with: the place of the work (place.h), the rules, the best
 * snapshot; into the row, which is not saved.  May decide the outcome; *ret is empty then. */
int prepared_start(struct task_ctx *ctx, struct store_prepared *ret, struct err *err);

/* The snapshot that the task's box was started from; the best one that there is, when it is
 * gone. */
int prepared_again(struct task_ctx *ctx, struct store_prepared *ret, struct err *err);

/* Runs one set-up command in the box, with a line in the task's log as of `step`.  When it
 * fails, *ret_said (free(), else NULL) is how: the command, its exit code, the end of what it
 * said. */
int prepared_setup(struct task_ctx *ctx, const char *box, const char *step,
	const char *command, struct cancel *limit, char **ret_said, struct err *err);

#endif
