/* SPDX-License-Identifier: MIT */
/*
 * Things that must happen once outside: each is a row, and is looked for before it is made
 * a second time.  Internal to service/task.
 *
 * Every function may be called any number of times, also after a crash between the doing
 * and the noting of it; when it returns 0 the thing exists exactly once.
 */
#ifndef SERVICE_TASK_EFFECTS_H
#define SERVICE_TASK_EFFECTS_H

#include "service/task/context.h"

/* A reaction on what triggered the task: the comment, or the issue. */
int effect_react(struct task_ctx *ctx, const char *content, struct err *err);

/* The progress comment: made once, edited afterwards (at most each comment_gap_ms unless
 * `now`).  `body` without marker. */
int effect_status(struct task_ctx *ctx, const char *body, bool now, struct err *err);

/* A comment that people are notified of; `kind` ("answer") makes it one of its kind. */
int effect_answer(
	struct task_ctx *ctx, const char *kind, const char *body, struct err *err);

/* The branch at task->commit_oid.  ERR_CONFLICT when it stands elsewhere: a person's work is
 * never overwritten. */
int effect_push(struct task_ctx *ctx, struct err *err);

/* The pull request for task->branch; fills pr_number and pr_url. */
int effect_pull(struct task_ctx *ctx, const char *title, const char *body, bool draft,
	struct err *err);

#endif
