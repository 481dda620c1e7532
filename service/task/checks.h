/* SPDX-License-Identifier: MIT */
/*
 * The repository's checks on a result: their rows, and the box they run in.  Internal to
 * service/task.
 *
 * A result's checks are known by a key over its tree, its base and the snapshot: a repeat of
 * a step finds the rows and runs nothing twice, another result has rows of its own.
 */
#ifndef SERVICE_TASK_CHECKS_H
#define SERVICE_TASK_CHECKS_H

#include "service/task/check_text.h"
#include "service/task/context.h"

#define CHECKS_KEY_SIZE 13

/* Of the result that the row holds. */
void checks_key(const struct task_ctx *ctx, char ret[CHECKS_KEY_SIZE]);

/* All rows of this result in order; none before there are any. */
int checks_load(struct task_ctx *ctx, struct checks *ret, struct err *err);
/* Stores one; the first of a key and index stays.  Nothing when it is there already. */
int checks_keep(
	struct task_ctx *ctx, size_t index, const struct check *check, struct err *err);
bool checks_known(struct task_ctx *ctx, size_t index);

/* "task-41-check"; free(). */
char *checks_box(const struct task_ctx *ctx);
/* 0 too when there is none. */
int checks_box_remove(struct task_ctx *ctx, struct err *err);

#endif
