/* SPDX-License-Identifier: MIT */
/* The agent's findings as one review of the pull request. */
#include "service/task/review.h"

#include "service/task/context.h"

void review_keep(struct store_task *task, const char *answer)
{
	store_set(&task->summary, answer);
}

int step_review(struct task_ctx *ctx, struct err *err)
{
	return context_decide(ctx, "reviewed", err, "there is a review");
}
