/* SPDX-License-Identifier: MIT */
/*
 * A review: what the agent is shown of the change, and what it found on its way to GitHub.
 * Internal to service/task.
 */
#ifndef SERVICE_TASK_REVIEW_H
#define SERVICE_TASK_REVIEW_H

#include "service/task/context.h"

/* For the prompt: appends the sentence that says where the whole diff lies in the box (it is
 * put there), and blocks with the list of files and the diff, cut.  The places that can carry
 * comments are kept as a row, for the commit that the box is at. */
int review_changes(struct task_ctx *ctx, struct strbuf *where, struct strbuf *blocks,
	struct err *err);

/* For step_work() of the verb review: what the agent said is read once, as it came, and kept
 * in task->summary as JSON (review_parse.h).  Does not save the row. */
void review_keep(struct store_task *task, const char *answer);

#endif
