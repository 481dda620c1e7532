/* SPDX-License-Identifier: MIT */
/*
 * Several attempts at one request, side by side; the best one is published.
 *
 * Everything that the choice rests on is in rows of tasks that have ended, so the parent may
 * choose any number of times and comes to the same.  What it takes over are copies of those
 * rows; the commit is the attempt's own, the one that was checked.
 */
#include "service/task/attempts.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/secret.h"
#include "boxcore/base/str.h"
#include "service/github/text.h"
#include "service/task/attempts_box.h"
#include "service/task/attempts_choose.h"
#include "service/task/checks.h"
#include "service/task/commit.h"
#include "service/task/effects.h"
#include "service/task/place.h"
#include "service/task/prepared.h"
#include "service/task/status.h"

#include <string.h>

bool attempts_is_one(const struct store_task *task)
{
	return task->parent_id > 0;
}

bool attempts_took_over(const struct task_ctx *ctx)
{
	return ctx->task->attempts > 1 && !str_empty(ctx->task->commit_oid);
}

/* ---- an attempt ------------------------------------------------------------------------ */

static int parent_of(struct task_ctx *ctx, struct store_task *ret, struct err *err)
{
	if (store_task_get(ctx->env->store, ctx->task->parent_id, ret, err) < 0)
		return err_wrap(err, "the task that this is an attempt of");
	return 0;
}

int attempts_inherit(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(store_task) struct store_task parent = {0};
	struct store_task *task = ctx->task;

	if (!attempts_is_one(task))
		return 0;
	if (parent_of(ctx, &parent, err) < 0)
		return -1;
	if (str_empty(parent.base_oid))
		return err_set(err, ERR_INTERNAL, "the attempts' task has no base");
	store_set(&task->base_oid, parent.base_oid);
	store_set(&task->head_oid, parent.head_oid);
	store_set(&task->rules_oid, parent.rules_oid);
	store_set(&task->target, parent.target);
	store_set(&task->default_branch, parent.default_branch);
	return 0;
}

int attempts_share(struct task_ctx *ctx, double *cost_usd, struct err *err)
{
	CLEANUP(store_task) struct store_task parent = {0};

	if (!attempts_is_one(ctx->task))
		return 0;
	if (parent_of(ctx, &parent, err) < 0)
		return -1;
	*cost_usd /= (double)(parent.attempts > 1 ? parent.attempts : 1);
	ctx->talk.budget_usd /= (double)(parent.attempts > 1 ? parent.attempts : 1);
	return 0;
}

int step_attempted(struct task_ctx *ctx, struct err *err)
{
	if (commit_make(ctx, err) < 0)
		return -1;
	return context_decide(ctx, "attempted", err,
		"commit %.12s, %lld files, +%lld -%lld", ctx->task->commit_oid,
		(long long)ctx->task->files, (long long)ctx->task->added,
		(long long)ctx->task->deleted);
}

/* ---- what they came to ----------------------------------------------------------------- */

static bool has_result(const struct store_task *attempt)
{
	return attempt->state == STORE_TASK_DONE &&
	       str_eq(attempt->outcome_code, "attempted") &&
	       !str_empty(attempt->commit_oid);
}

static bool has_ended(const struct store_task *attempt)
{
	return attempt->state != STORE_TASK_READY && attempt->state != STORE_TASK_RUNNING;
}

/* The checks of another task's result, out of its rows. */
static int checks_of(struct task_ctx *ctx, struct store_task *attempt, struct checks *ret,
	struct err *err)
{
	struct task_ctx theirs = {
		.env = ctx->env, .task = attempt, .cancel = ctx->cancel};

	return checks_load(&theirs, ret, err);
}

/* The best one's place in the list, -1 for none; checks->... of each are looked up. */
static int choose(
	struct task_ctx *ctx, struct store_tasks *list, int *ret_best, struct err *err)
{
	struct attempt_facts facts[STORE_ATTEMPTS_MAX] = {0};
	size_t count =
		list->count < STORE_ATTEMPTS_MAX ? list->count : STORE_ATTEMPTS_MAX;

	for (size_t i = 0; i < count; i++) {
		struct store_task *row = &list->rows[i];
		CLEANUP(checks) struct checks checks = {0};

		if (checks_of(ctx, row, &checks, err) < 0)
			return -1;
		facts[i] = (struct attempt_facts){.result = has_result(row),
			.failed = checks.failed,
			.lines = row->added + row->deleted,
			.files = row->files};
	}
	*ret_best = attempts_choose(facts, count);
	return 0;
}

static void add_one(struct task_ctx *ctx, struct store_task *row, size_t index,
	bool chosen, struct strbuf *out)
{
	CLEANUP(checks) struct checks checks = {0};
	struct err ignored = {0};

	strbuf_addf(out, "- %sattempt %zu%s: ", chosen ? "**" : "", index + 1,
		chosen ? ", published**" : "");
	if (!has_result(row)) {
		const char *why = row->outcome ? row->outcome : "not ended";
		CLEANUP(strbuf) struct strbuf told = STRBUF_INIT(LIMIT_COMMENT);

		secret_redact(&told, why, str_utf8_cut(why, strnlen(why, 4000)));
		strbuf_adds(out, "no result (");
		github_text_inline(out, strbuf_str(&told), told.len, 300);
		strbuf_addc(out, ')');
	} else {
		if (checks_of(ctx, row, &checks, &ignored) == 0 && checks.count > 0)
			checks_words(&checks, out);
		else
			strbuf_adds(out, "no checks");
		strbuf_addf(out, ", +%lld -%lld in %lld file%s", (long long)row->added,
			(long long)row->deleted, (long long)row->files,
			row->files == 1 ? "" : "s");
	}
	strbuf_addf(out, ", $%.4f\n", row->cost_usd);
}

int attempts_list(struct task_ctx *ctx, struct strbuf *out, struct err *err)
{
	CLEANUP(store_tasks) struct store_tasks list = {0};
	int best = -1;

	if (ctx->task->attempts <= 1 || attempts_is_one(ctx->task))
		return 0;
	if (store_task_attempts(ctx->env->store, ctx->task->id, &list, err) < 0)
		return -1;
	if (list.count == 0)
		return 0;
	for (size_t i = 0; i < list.count; i++)
		if (has_result(&list.rows[i]) && attempts_took_over(ctx) &&
			str_eq(list.rows[i].commit_oid, ctx->task->commit_oid) &&
			best < 0)
			best = (int)i;
	strbuf_adds(out,
		"\n\nAttempts side by side, the best by the checks and then by the "
		"smaller change:\n\n");
	for (size_t i = 0; i < list.count; i++)
		add_one(ctx, &list.rows[i], i, best == (int)i, out);
	strbuf_addc(out, '\n');
	return 0;
}

/* ---- taking over ----------------------------------------------------------------------- */

static int copy_effect(
	struct task_ctx *ctx, const struct store_effect *row, struct err *err)
{
	struct store_effect_key key = effect_key(ctx, row->kind, row->slot);

	if (store_effect_plan(ctx->env->store, &key, row->want, NULL, ctx->cancel, err) <
		0)
		return -1;
	if (row->state != STORE_EFFECT_DONE)
		return 0;
	return store_effect_done(
		ctx->env->store, &key, row->remote_id, NULL, ctx->cancel, err);
}

/* Its results of checks and its list of changes: their keys hold what they are about, so
 * they are the parent's as soon as its row names the same. */
static int copy_effects(
	struct task_ctx *ctx, const struct store_task *best, struct err *err)
{
	CLEANUP(store_effects) struct store_effects list = {0};

	if (store_effect_list(ctx->env->store, best->id, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.count; i++)
		if ((str_eq(list.rows[i].kind, "check") ||
			    str_eq(list.rows[i].kind, "changes")) &&
			copy_effect(ctx, &list.rows[i], err) < 0)
			return -1;
	return 0;
}

static int take_over(struct task_ctx *ctx, const struct store_task *best, size_t index,
	struct err *err)
{
	struct store_task *task = ctx->task;

	if (copy_effects(ctx, best, err) < 0)
		return -1;
	store_set(&task->tree_oid, best->tree_oid);
	store_set(&task->commit_oid, best->commit_oid);
	store_set(&task->summary, best->summary);
	store_set(&task->prepared_key, best->prepared_key);
	store_set(&task->image, best->image);
	store_set(&task->harness, best->harness);
	store_set(&task->model, best->model);
	task->files = best->files;
	task->added = best->added;
	task->deleted = best->deleted;
	if (store_task_save(ctx->env->store, task, ctx->cancel, err) < 0)
		return -1;
	return context_say(ctx, "attempts", err,
		"attempt %zu (task %lld) is the best one", index + 1,
		(long long)best->id);
}

/* Nobody has anything to publish. */
static int all_failed(
	struct task_ctx *ctx, const struct store_tasks *list, struct err *err)
{
	CLEANUP(strbuf) struct strbuf words = STRBUF_INIT(16 * LIMIT_KIB);
	bool no_change = true;

	for (size_t i = 0; i < list->count; i++) {
		const struct store_task *row = &list->rows[i];

		no_change = no_change && str_eq(row->outcome_code, "no_change");
		strbuf_addf(&words, "%s%zu: %.500s", i ? "; " : "", i + 1,
			row->outcome ? row->outcome : "no outcome");
	}
	if (no_change)
		store_set(&ctx->task->summary, list->rows[0].summary);
	return context_decide(ctx, no_change ? "no_change" : "failed_attempts", err,
		"none of %zu attempts came to a result: %s", list->count,
		strbuf_str(&words));
}

static int conclude(struct task_ctx *ctx, struct store_tasks *list, struct err *err)
{
	int best = -1;

	if (choose(ctx, list, &best, err) < 0)
		return -1;
	if (best < 0)
		return all_failed(ctx, list, err) < 0 ? -1
						      : attempts_boxes_remove(ctx, err);
	if (take_over(ctx, &list->rows[best], (size_t)best, err) < 0 ||
		attempts_box_adopt(ctx, &list->rows[best], err) < 0 ||
		attempts_boxes_remove(ctx, err) < 0)
		return -1;
	ctx->go = "publish";
	return 0;
}

/* ---- the step -------------------------------------------------------------------------- */

/* All that is the same for all of them is made once: base, rules, snapshot. */
static int begin(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(store_prepared) struct store_prepared prepared = {0};

	if (prepared_start(ctx, &prepared, err) < 0)
		return -1;
	if (ctx->outcome)
		return 0;
	if (store_task_save(ctx->env->store, ctx->task, ctx->cancel, err) < 0 ||
		status_update(ctx, "work", false, err) < 0 ||
		context_say(ctx, "attempts", err, "%lld attempts begin at %.12s",
			(long long)ctx->task->attempts, ctx->task->base_oid) < 0)
		return -1;
	ctx->split = ctx->task->attempts < STORE_ATTEMPTS_MAX ? ctx->task->attempts
							      : STORE_ATTEMPTS_MAX;
	return 0;
}

int step_attempts(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(store_tasks) struct store_tasks list = {0};
	bool all = true;

	if (ctx->task->attempts <= 1 || attempts_is_one(ctx->task))
		return 0;
	if (store_task_attempts(ctx->env->store, ctx->task->id, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.count; i++)
		all = all && has_ended(&list.rows[i]);
	if (list.count == 0)
		return begin(ctx, err);
	if (!all) { /* woken too early: their base stays what it was */
		ctx->split = (int64_t)list.count;
		return 0;
	}
	if (context_file(ctx, err) < 0)
		return -1;
	return conclude(ctx, &list, err);
}
