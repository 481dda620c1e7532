/* SPDX-License-Identifier: MIT */
/*
 * The commit of a task's result: what is verified and what is published.  Internal to
 * service/task.
 */
#ifndef SERVICE_TASK_COMMIT_H
#define SERVICE_TASK_COMMIT_H

#include "service/task/context.h"

/* Commits tree_oid on base_oid in the mirror and sets commit_oid.  It is made of the row
 * alone, with the task's own time, so a repeat makes the very same object. */
int commit_make(struct task_ctx *ctx, struct err *err);

/* The address that our commits are known by; free(). */
char *commit_email(const struct task_ctx *ctx);

#endif
