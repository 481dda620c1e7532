/* SPDX-License-Identifier: MIT */
/* Box and branch back to before the last run. */
#include "service/task/context.h"

int step_undo(struct task_ctx *ctx, struct err *err)
{
	(void)ctx;
	return err_set(err, ERR_UNSUPPORTED, "not there yet");
}
