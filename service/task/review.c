/* SPDX-License-Identifier: MIT */
/* A review on the pull request, with comments on its lines. */
#include "service/task/context.h"

int step_review(struct task_ctx *ctx, struct err *err)
{
	(void)ctx;
	return err_set(err, ERR_UNSUPPORTED, "not there yet");
}
