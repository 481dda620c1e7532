/* SPDX-License-Identifier: MIT */
/*
 * The last step: people are told how it ended, and the box is paused for their next word.
 *
 * A pull request notifies by itself; without one, a new comment does (edits notify nobody).
 * A refused request gets a reaction and no words.
 */
#include "boxcore/base/clock.h"
#include "service/task/answer.h"
#include "service/task/context.h"
#include "service/task/effects.h"
#include "service/task/gate.h"
#include "service/task/job.h"
#include "service/task/quiet.h"
#include "service/task/replies.h"
#include "service/task/status.h"
#include "service/task/talk_box.h"
#include "service/task/undo_point.h"

/* Refused behind the gate, so it is no stranger: they are told why. */
static int tell_refused(struct task_ctx *ctx, struct err *err)
{
	if (ctx->talk.id > 0 && gate_tell(ctx, outcome_sentence(ctx), err) < 0)
		return -1;
	/* The progress comment of a request that went through the gate ends with it. */
	if (ctx->talk.id > 0 && ctx->task->comment_status_id > 0 &&
		status_update(ctx, "", true, err) < 0)
		return -1;
	if (ctx->talk.id == 0 && !quiet_stranger(ctx->env->github, ctx->task->repo_id,
					 ctx->task->requester_id, clock_mono_ms()))
		return 0;
	return effect_react(ctx, "confused", err);
}

static int tell(struct task_ctx *ctx, struct err *err)
{
	if (answer_is(ctx))
		return answer_tell(ctx, err);
	if (outcome_begins(ctx, "refused_"))
		return tell_refused(ctx, err);
	if (status_update(ctx, "", true, err) < 0)
		return -1;
	if (outcome_is(ctx, "undone"))
		return effect_react(ctx, "+1", err);
	return replies_tell(ctx, err);
}

/* The conversation's box is paused with what it knows; nothing planned is left over. */
static int put_to_rest(struct task_ctx *ctx, struct err *err)
{
	if (talk_box_rest(ctx, err) < 0)
		return -1;
	undo_point_drop(ctx);
	return context_keep(ctx, err);
}

int step_report(struct task_ctx *ctx, struct err *err)
{
	if (!ctx->outcome && answer_decide(ctx, err) < 0)
		return -1;
	if (!ctx->outcome)
		return err_set(err, ERR_INTERNAL, "the task came to its end undecided");
	int told = tell(ctx, err);
	if (told == 0)
		told = job_tell(ctx, err);
	struct err box = {0};
	/* The box is put to rest even when GitHub does not listen. */
	if (put_to_rest(ctx, &box) < 0 && told == 0) {
		*err = box;
		return -1;
	}
	return told;
}
