/* SPDX-License-Identifier: MIT */
/*
 * The second step: a box with the commit that the work begins at, ready to work in.
 *
 * place.c says which commit that is.  A conversation's first box starts from the prepared
 * snapshot: exactly the default branch's newest commit if there is one, else the newest of
 * the same repository, image and set-up, brought forward by a pack of what is newer.  Only
 * when there is none at all is one made (prepared.c).  Later tasks wake the box.
 */
#include "boxcore/base/str.h"
#include "service/store/store_prepared.h"
#include "service/task/context.h"
#include "service/task/prepared.h"
#include "service/task/talk_box.h"

int step_prepare(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(store_prepared) struct store_prepared prepared = {0};

	if (prepared_start(ctx, &prepared, err) < 0)
		return -1;
	if (ctx->outcome)
		return 0;
	/* Checks have a box of their own, and a replay makes one if it needs it. */
	if (str_eq(ctx->task->verb, "test") || str_eq(ctx->task->verb, "rebase"))
		return store_task_save(ctx->env->store, ctx->task, ctx->cancel, err);
	return talk_box_open(ctx, &prepared, err);
}
