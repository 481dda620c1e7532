/* SPDX-License-Identifier: MIT */
/* A day's limits: counted from the rows, so that nothing is lost over a restart. */
#include "service/task/limits.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/task/gate.h"

#include <inttypes.h>
#include <string.h>

/* The UTC day on which the task was made: its own, also when it runs past midnight. */
static int64_t day_of(const struct store_task *task)
{
	return task->created_ms - task->created_ms % CLOCK_DAY_MS;
}

static int used(const struct task_ctx *ctx, struct store_used *person,
	struct store_used *repo, struct err *err)
{
	const struct store_task *task = ctx->task;

	if (store_task_used(ctx->env->store, task->requester_id, task->repo_id,
		    day_of(task), task->id, person, repo, err) < 0)
		return err_wrap(err, "count what was used today");
	if (task->requester_id == 0) /* nobody has no limit of their own */
		*person = (struct store_used){0};
	return 0;
}

static bool over(int64_t used_runs, int64_t most)
{
	return most > 0 && used_runs >= most;
}

static bool spent(double used_usd, double most)
{
	return most > 0 && used_usd >= most;
}

/* What is used up, as a sentence; NULL: nothing.  free() */
static char *used_up(const struct task_ctx *ctx, const struct repo_config *rules,
	const struct store_used *person, const struct store_used *repo)
{
	const char *login = ctx->task->requester_login;

	if (ctx->task->requester_id > 0 && over(person->runs, rules->runs_per_person_day))
		return mem_printf(
			"@%s has started %lld tasks today, and %lld in a day are "
			"allowed (limits.runs_per_person_day)",
			login, (long long)person->runs,
			(long long)rules->runs_per_person_day);
	if (over(repo->runs, rules->runs_per_day))
		return mem_printf(
			"this repository has had %lld tasks today, and %lld in a "
			"day are allowed (limits.runs_per_day)",
			(long long)repo->runs, (long long)rules->runs_per_day);
	if (ctx->task->requester_id > 0 &&
		spent(person->cost_usd, rules->cost_usd_per_person_day))
		return mem_printf(
			"the tasks of @%s have cost $%.2f today, and $%.2f in a "
			"day are allowed (limits.cost_usd_per_person_day)",
			login, person->cost_usd, rules->cost_usd_per_person_day);
	if (spent(repo->cost_usd, rules->cost_usd_per_day))
		return mem_printf(
			"this repository's tasks have cost $%.2f today, and $%.2f "
			"in a day are allowed (limits.cost_usd_per_day)",
			repo->cost_usd, rules->cost_usd_per_day);
	return NULL;
}

/* One comment a day to one person in one repository, whatever they ask for: the first task
 * that was refused has it. */
static int tell_once(struct task_ctx *ctx, const char *why, struct err *err)
{
	const struct store_task *task = ctx->task;
	CLEANUP(strbuf) struct strbuf first = STRBUF_INIT(LIMIT_STORE_SETTING);
	CLEANUP(mem)
	char *key = mem_printf("limit/%" PRId64 "/%" PRId64 "/%" PRId64, task->repo_id,
		task->requester_id, day_of(task) / CLOCK_DAY_MS);
	CLEANUP(mem) char *me = mem_printf("%" PRId64, task->id);

	if (store_setting_once(ctx->env->store, key, me, &first, ctx->cancel, err) < 0)
		return -1;
	return str_eq(strbuf_str(&first), me) ? gate_tell(ctx, why, err) : 0;
}

int limits_gate(struct task_ctx *ctx, const struct repo_config *rules, bool words,
	struct err *err)
{
	struct store_used person, repo;
	char until[CLOCK_ISO_SIZE];

	if (ctx->task->parent_id > 0)
		return 1;
	if (used(ctx, &person, &repo, err) < 0)
		return -1;
	CLEANUP(mem) char *what = used_up(ctx, rules, &person, &repo);
	if (!what)
		return 1;
	clock_iso((day_of(ctx->task) + CLOCK_DAY_MS) / 1000, until, sizeof until);
	CLEANUP(mem) char *why = mem_printf("%s; free again at %s", what, until);
	if (words && tell_once(ctx, why, err) < 0)
		return -1;
	return context_decide(ctx, "refused_limit", err, "%s", why);
}

int limits_taken(struct task_ctx *ctx, const struct store_task *request, struct err *err)
{
	struct store_used person, repo;

	if (store_task_used(ctx->env->store, request->requester_id, request->repo_id,
		    day_of(request), request->id, &person, &repo, err) < 0)
		return err_wrap(err, "count what was used today");
	struct task_ctx other = *ctx;
	other.task = (struct store_task *)(uintptr_t)request;
	CLEANUP(mem) char *what = used_up(&other, &ctx->file, &person, &repo);
	return !what;
}

/* ---- money while it runs ---------------------------------------------------------------- */

static int64_t microusd(double usd)
{
	return (int64_t)(usd * 1e6);
}

/* What the day leaves this task, counted from nothing: what it has spent itself counts as
 * left.  INT64_MAX: no limit.  Doubt is a no: what cannot be counted leaves nothing. */
static int64_t left(const struct task_ctx *ctx)
{
	const struct repo_config *rules = &ctx->file;
	struct store_used person, repo;
	struct err err = {0};
	int64_t least = INT64_MAX;

	if (rules->cost_usd_per_day <= 0 && rules->cost_usd_per_person_day <= 0)
		return least;
	if (used(ctx, &person, &repo, &err) < 0) {
		log_line(LOG_WARN, "task", "%s", err.text);
		return 0;
	}
	if (rules->cost_usd_per_day > 0)
		least = microusd(rules->cost_usd_per_day - repo.cost_usd);
	if (rules->cost_usd_per_person_day > 0 && ctx->task->requester_id > 0) {
		int64_t own = microusd(rules->cost_usd_per_person_day - person.cost_usd);

		least = own < least ? own : least;
	}
	return least > 0 ? least : 0;
}

int64_t limits_budget(const struct task_ctx *ctx, int64_t task_microusd)
{
	int64_t most = left(ctx);

	if (most == INT64_MAX)
		return task_microusd;
	if (most == 0)
		return -1;
	return task_microusd == 0 || most < task_microusd ? most : task_microusd;
}

void limits_usage(const struct task_ctx *ctx, struct relay_lease *lease,
	const struct relay_usage *total)
{
	int64_t most = left(ctx);

	if (most != INT64_MAX && total->cost_microusd >= most)
		relay_lease_budget(
			lease, total->cost_microusd > 0 ? total->cost_microusd : 1);
}
