/* SPDX-License-Identifier: MIT */
/* The pull request's change on a newer base. */
#include "service/task/context.h"

int step_replay(struct task_ctx *ctx, struct err *err)
{
	(void)ctx;
	return err_set(err, ERR_UNSUPPORTED, "not there yet");
}
