/* SPDX-License-Identifier: MIT */
/*
 * What people are told at the end of a run: each request is answered once, by itself, where it
 * was asked; those that were taken up during the run too.  Internal to service/task.
 */
#ifndef SERVICE_TASK_REPLIES_H
#define SERVICE_TASK_REPLIES_H

#include "service/task/context.h"

/* A task that ended with a change, without one, in a failure or by a cancel. */
int replies_tell(struct task_ctx *ctx, struct err *err);

/* Appends what the agent said to all requests of the task, for the pull request. */
int replies_join(struct task_ctx *ctx, struct strbuf *out, struct err *err);

#endif
