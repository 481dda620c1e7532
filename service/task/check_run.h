/* SPDX-License-Identifier: MIT */
/*
 * The check run "Boxwright" on the head of a task's pull request: what the progress comment
 * says, with buttons.  Internal to service/task; the worker's thread.
 */
#ifndef SERVICE_TASK_CHECK_RUN_H
#define SERVICE_TASK_CHECK_RUN_H

#include "service/task/context.h"

/* Identifiers of the buttons, as a command `button` brings them back (about."button"). */
#define CHECK_BUTTON_STOP "stop"
#define CHECK_BUTTON_RETRY "retry"
#define CHECK_BUTTON_APPROVE "approve"

/* The effect's kind; its slot is the head. */
#define CHECK_RUN_EFFECT "check_run"

/* "task-<id>": about."check" of a button's event has it as its external_id.  0: not ours. */
int64_t check_run_task(const char *external_id);

/* Makes the check run on the head (task->commit_oid once it is pushed, else task->head_oid)
 * or brings it up to date; nothing when there is no head.  `title` is a sentence, `summary`
 * Markdown.  While the task runs at most every github.comment_spacing_ms unless `now`.  A
 * permission that is missing switches it off quietly. */
int check_run_update(struct task_ctx *ctx, const char *title, const char *summary,
	bool now, struct err *err);

#endif
