/* SPDX-License-Identifier: MIT */
/* Rounds of a run for requests that came meanwhile. */
#include "service/task/rounds.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/task/effects.h"
#include "service/task/gate.h"
#include "service/task/limits.h"

#include <stdio.h>
#include <string.h>

#define RUN_NAME "more-"

int64_t rounds_request(const struct task_ctx *ctx)
{
	return context_round(ctx, RUN_NAME);
}

int rounds_load(struct task_ctx *ctx, struct store_task *ret, struct err *err)
{
	int64_t id = rounds_request(ctx);

	if (store_task_get(ctx->env->store, id, ret, err) < 0)
		return err_wrap(err, "the request that was taken up");
	if (ret->taken_by == ctx->task->id)
		return 0;
	store_task_release(ret);
	*ret = (struct store_task){0};
	return err_set(err, ERR_INTERNAL, "task %lld was not taken up by this one",
		(long long)id);
}

/* ---- replies ---- */

#define REPLY "reply"
#define SLOT_SIZE 24

/* The task of the request; 0 is the run's own. */
static const char *slot_of(
	const struct task_ctx *ctx, int64_t request, char slot[SLOT_SIZE])
{
	snprintf(slot, SLOT_SIZE, "%lld", (long long)(request ? request : ctx->task->id));
	return slot;
}

/* The last word counts: after a lost box the rounds are gone through again. */
static int keep_reply(struct task_ctx *ctx, int64_t request, const char *reply,
	bool failed, struct err *err)
{
	char slot[SLOT_SIZE];
	struct store_effect_key key = effect_key(ctx, REPLY, slot_of(ctx, request, slot));

	if (store_effect_plan(ctx->env->store, &key, "", NULL, NULL, err) < 0)
		return -1;
	return store_effect_done(
		ctx->env->store, &key, reply, failed ? "failed" : "said", NULL, err);
}

int rounds_keep_reply(
	struct task_ctx *ctx, const char *reply, bool failed, struct err *err)
{
	return keep_reply(ctx, rounds_request(ctx), reply, failed, err);
}

int rounds_reply(struct task_ctx *ctx, int64_t request, char **ret, bool *ret_failed,
	struct err *err)
{
	CLEANUP(store_effect) struct store_effect row = {0};
	char slot[SLOT_SIZE];

	*ret = NULL;
	*ret_failed = false;
	int rc = effect_find(ctx, REPLY, slot_of(ctx, request, slot), &row, err);
	if (rc <= 0)
		return rc;
	if (row.remote_id)
		*ret = mem_strdup(row.remote_id);
	*ret_failed = str_eq(row.remote_url, "failed");
	return 0;
}

/* ---- which is next ---- */

/* What a request was answered with.  "" as a failure: its person may not. */
static void reply_of(
	struct task_ctx *ctx, int64_t request, bool *ret_replied, bool *ret_refused)
{
	CLEANUP(mem) char *reply = NULL;
	struct err ignored = {0};
	bool failed;

	*ret_replied = *ret_refused = false;
	if (rounds_reply(ctx, request, &reply, &failed, &ignored) < 0 || !reply)
		return;
	*ret_replied = true;
	*ret_refused = failed && !*reply;
}

/* Of those that were taken up: the one behind the present round, which may have a reply of a
 * box that was lost, else one that has none yet.  NULL: none. */
static struct store_task *next_taken(struct task_ctx *ctx, struct store_tasks *taken)
{
	int64_t now = rounds_request(ctx);
	bool replied, refused;
	size_t from = 0;

	for (size_t i = 0; now > 0 && i < taken->count; i++)
		if (taken->rows[i].id == now)
			from = i + 1;
	for (size_t i = from; i < taken->count; i++) {
		reply_of(ctx, taken->rows[i].id, &replied, &refused);
		if (!refused)
			return &taken->rows[i];
	}
	for (size_t i = 0; i < from; i++) {
		reply_of(ctx, taken->rows[i].id, &replied, &refused);
		if (taken->rows[i].id != now && !replied)
			return &taken->rows[i];
	}
	return NULL;
}

/* A run for a plan's or an attempt's task takes nothing up; nor does a round of repair, whose
 * result is being checked: what comes then is a task of its own. */
static bool takes_up(const struct task_ctx *ctx)
{
	return str_eq(ctx->task->verb, "fix") && ctx->talk.id > 0 &&
	       ctx->task->parent_id == 0 && !str_starts(ctx->task->run_id, "repair-");
}

static int begin(struct task_ctx *ctx, int64_t request, bool *ret_begun, struct err *err)
{
	struct store_task *task = ctx->task;
	CLEANUP(mem) char *run = mem_printf(RUN_NAME "%lld", (long long)request);

	/* Said before the row is changed: saying reads the run's offset back into it.  The
	 * row is written with the step's end, so that a crash before it begins this anew. */
	if (context_say(ctx, "work", err, "the request of task %lld is taken up",
		    (long long)request) < 0)
		return -1;
	store_set(&task->run_id, run);
	store_set(&task->run_state, NULL);
	task->run_offset = 0;
	*ret_begun = true;
	return 0;
}

/* A request that is taken up does not pass the gate, so its question is asked here: whoever
 * may not is left to the gate.  1, 0, -1. */
static int may(struct task_ctx *ctx, const struct store_task *request, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	struct gate_person who = {
		.id = request->requester_id, .login = request->requester_login};
	struct gate_answer answer = {0};

	if (gate_may(ctx->env, &repo, &ctx->file, request->verb, &who, &answer,
		    ctx->cancel, err) < 0)
		return -1;
	return answer.may ? limits_taken(ctx, request, err) : 0;
}

static int see(struct task_ctx *ctx, struct store_task *request, struct err *err)
{
	struct task_ctx other = *ctx;

	other.task = request;
	return effect_react(&other, "eyes", err) < 0 ? -1 : 1;
}

/* One that is this task's by now.  It may have come in place of the one that was asked about
 * and cancelled meanwhile, and a crash hides which: it is asked about until it was seen.  1,
 * 0 when its person may not, which is kept, -1. */
static int admit(struct task_ctx *ctx, struct store_task *request, struct err *err)
{
	struct task_ctx other = *ctx;

	other.task = request;
	if (effect_is_done(&other, "reaction", "eyes"))
		return 1;
	int rc = may(ctx, request, err);
	if (rc == 0)
		return keep_reply(ctx, request->id, "", true, err);
	return rc < 0 ? -1 : see(ctx, request, err);
}

/* The request that store_task_take_up() would give.  1, 0 for none, -1. */
static int waiting(struct task_ctx *ctx, struct store_task *ret, struct err *err)
{
	CLEANUP(store_tasks) struct store_tasks lane = {0};

	if (store_lane_tasks(ctx->env->store, ctx->task->lane, &lane, err) < 0)
		return -1;
	for (size_t i = 0; i < lane.count; i++) {
		struct store_task *row = &lane.rows[i];

		if (row->state != STORE_TASK_READY || !str_eq(row->verb, "fix") ||
			row->attempts > 1 || row->parent_id > 0 || row->waits ||
			row->started_ms > 0 || row->cancel_reason)
			continue;
		*ret = *row;
		*row = (struct store_task){0};
		return 1;
	}
	return 0;
}

/* The next request whose person may, taken up.  1, 0, -1. */
static int take_up(struct task_ctx *ctx, struct store_task *ret, struct err *err)
{
	CLEANUP(store_task) struct store_task next = {0};
	int rc = waiting(ctx, &next, err);

	if (rc > 0)
		rc = may(ctx, &next, err);
	if (rc <= 0)
		return rc;
	rc = store_task_take_up(
		ctx->env->store, ctx->task, clock_wall_ms(), ret, ctx->cancel, err);
	if (rc <= 0)
		return rc;
	return ret->id == next.id ? see(ctx, ret, err) : admit(ctx, ret, err);
}

int rounds_begin(struct task_ctx *ctx, bool *ret_begun, struct err *err)
{
	CLEANUP(store_tasks) struct store_tasks taken = {0};
	CLEANUP(store_task) struct store_task request = {0};
	struct store_task *next;

	*ret_begun = false;
	if (!takes_up(ctx))
		return 0;
	if (store_task_taken(ctx->env->store, ctx->task->id, &taken, err) < 0)
		return -1;
	while ((next = next_taken(ctx, &taken))) {
		int rc = admit(ctx, next, err);
		if (rc != 0)
			return rc < 0 ? -1 : begin(ctx, next->id, ret_begun, err);
	}
	if (taken.count >= ROUNDS_MAX)
		return 0;
	int rc = take_up(ctx, &request, err);
	return rc <= 0 ? rc : begin(ctx, request.id, ret_begun, err);
}

int rounds_give_up(struct task_ctx *ctx, const char *why, struct err *err)
{
	ctx->back = false;
	if (rounds_keep_reply(ctx, why, true, err) < 0)
		return -1;
	if (str_empty(ctx->task->tree_oid))
		return context_decide(ctx, "no_change", err,
			"the agent changed nothing, so there is no pull request");
	ctx->go = "verify";
	return context_say(ctx, "error", err,
		"the request of task %lld came to nothing, the result before it stands: "
		"%s",
		(long long)rounds_request(ctx), why);
}

int rounds_count(struct task_ctx *ctx, int64_t *ret, struct err *err)
{
	CLEANUP(store_tasks) struct store_tasks taken = {0};

	if (store_task_taken(ctx->env->store, ctx->task->id, &taken, err) < 0)
		return -1;
	*ret = 1 + (int64_t)taken.count;
	return 0;
}
