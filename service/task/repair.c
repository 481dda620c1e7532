/* SPDX-License-Identifier: MIT */
/* Rounds of repair after a failed check. */
#include "service/task/repair.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/task/effects.h"
#include "service/task/job.h"

#include <string.h>

#define RUN_NAME "repair-"

int64_t repair_round(const struct task_ctx *ctx)
{
	return context_round(ctx, RUN_NAME);
}

int64_t repair_left_ms(const struct task_ctx *ctx)
{
	return ctx->file.minutes * 60000 - (clock_wall_ms() - ctx->task->started_ms);
}

/* The next round for this result: 0 when there is none. */
static int next_round(struct task_ctx *ctx, int64_t *ret, struct err *err)
{
	char result[CHECKS_KEY_SIZE];

	*ret = 0;
	checks_key(ctx, result);
	for (int64_t round = 1; round <= ctx->env->config->task_check_repairs; round++) {
		CLEANUP(store_effect) struct store_effect row = {0};
		char slot[24];

		snprintf(slot, sizeof slot, "%lld", (long long)round);
		struct store_effect_key key = effect_key(ctx, "repair", slot);
		if (round <= repair_round(ctx))
			continue;
		/* One that was planned for another result was used up in a box that is gone. */
		if (store_effect_plan(
			    ctx->env->store, &key, result, &row, ctx->cancel, err) < 0)
			return -1;
		if (!str_eq(row.want, result))
			continue;
		*ret = round;
		return 0;
	}
	return 0;
}

/* A round after which the result is the same would not help a second time. */
static bool changed_nothing(struct task_ctx *ctx)
{
	CLEANUP(store_effect) struct store_effect row = {0};
	struct err ignored = {0};
	char slot[24], result[CHECKS_KEY_SIZE];

	if (repair_round(ctx) == 0)
		return false;
	snprintf(slot, sizeof slot, "%lld", (long long)repair_round(ctx));
	checks_key(ctx, result);
	return effect_find(ctx, "repair", slot, &row, &ignored) > 0 &&
	       str_eq(row.want, result);
}

int repair_begin(struct task_ctx *ctx, bool *ret_begun, struct err *err)
{
	struct store_task *task = ctx->task;
	int64_t round;

	*ret_begun = false;
	if ((task->job_id > 0 && !job_has_agent(ctx)) || repair_left_ms(ctx) <= 0 ||
		changed_nothing(ctx) ||
		(ctx->file.cost_usd > 0 && task->cost_usd >= ctx->file.cost_usd))
		return 0;
	if (next_round(ctx, &round, err) < 0)
		return -1;
	if (round == 0)
		return 0;
	/* Said before the row is changed: saying reads the run's offset back into it.  The
	 * row is written with the step's end, so that a crash before it begins this anew. */
	if (context_say(ctx, "verify", err,
		    "the agent is given what failed, round %lld of %lld",
		    (long long)round,
		    (long long)ctx->env->config->task_check_repairs) < 0)
		return -1;
	CLEANUP(mem) char *run = mem_printf(RUN_NAME "%lld", (long long)round);
	store_set(&task->run_id, run);
	store_set(&task->run_state, NULL);
	task->run_offset = 0;
	*ret_begun = true;
	return 0;
}

int repair_give_up(struct task_ctx *ctx, const char *why, struct err *err)
{
	ctx->back = false;
	ctx->go = "verify";
	return context_say(ctx, "error", err,
		"the repair came to nothing, the result before it stands: %s", why);
}
