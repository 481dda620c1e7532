/* SPDX-License-Identifier: MIT */
/*
 * Prepared repositories: a snapshot of a box in which the repository is checked out and its
 * set-up commands have run.  Internal to service/task.
 */
#ifndef SERVICE_TASK_PREPARED_H
#define SERVICE_TASK_PREPARED_H

#include "service/store/store_prepared.h"
#include "service/task/context.h"

/* The best snapshot to start from, made now if there is none.  A set-up command that fails
 * decides the task's outcome ("failed_setup") and leaves *ret empty. */
int prepared_find(struct task_ctx *ctx, struct store_prepared *ret, struct err *err);

/* The snapshot that the task's box was started from; the best one, as above, when it is
 * gone. */
int prepared_again(struct task_ctx *ctx, struct store_prepared *ret, struct err *err);

#endif
