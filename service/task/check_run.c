/* SPDX-License-Identifier: MIT */
/*
 * The check run on the head of a task's pull request.
 *
 * An effect a head ("check_run", slot: the commit), found again by its external id.  A head
 * that is no longer the newest gets its end when the next one begins.
 */
#define LOG_MODULE "checkrun"
#include "service/task/check_run.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/task/effects.h"
#include "service/task/status.h"

#include <stdatomic.h>
#include <string.h>

#define CHECK_NAME "Boxwright"

/* A permission that is missing is told once a process: `boxwright doctor` tells it too. */
static atomic_bool told;

int64_t check_run_task(const char *external_id)
{
	int64_t id;

	if (!str_starts(external_id, "task-") ||
		!str_to_i64(external_id + strlen("task-"), 1, INT64_MAX, &id))
		return 0;
	return id;
}

static bool for_good(const struct err *err)
{
	return err->kind == ERR_DENIED || err->kind == ERR_NOT_FOUND ||
	       err->kind == ERR_INPUT;
}

/* The effect is closed and the work goes on: nobody's task fails because of its check run. */
static int give_up(struct task_ctx *ctx, const struct store_effect_key *key,
	const struct err *why, struct err *err)
{
	if (!atomic_exchange(&told, true))
		log_warn("no check run: %s (`boxwright doctor` tells what the App lacks)",
			why->text);
	return store_effect_refused(ctx->env->store, key, why->text, ctx->cancel, err);
}

/* ---- what it says ------------------------------------------------------------------------ */

static const char *conclusion(struct task_ctx *ctx)
{
	CLEANUP(checks) struct checks checks = {0};
	const char *fixed = outcome_of(ctx)->conclusion;
	struct err ignored = {0};

	if (fixed != OUTCOME_AS_CHECKED)
		return fixed;
	return checks_load(ctx, &checks, &ignored) == 0 && checks.failed > 0 ? "failure"
									     : "success";
}

static void add_button(struct github_check_new *what, const char *label,
	const char *description, const char *identifier)
{
	what->buttons[what->nbuttons++] =
		(struct github_button){label, description, identifier};
}

static void describe(struct task_ctx *ctx, struct github_check_new *what)
{
	if (!ctx->outcome) {
		what->status = "in_progress";
		add_button(what, "Stop", "Stops this task", CHECK_BUTTON_STOP);
		return;
	}
	what->status = "completed";
	what->conclusion = conclusion(ctx);
	if (str_eq(what->conclusion, "action_required"))
		add_button(what, "Approve", "Carries out the plan", CHECK_BUTTON_APPROVE);
	add_button(what, "Retry", "Does this task once more", CHECK_BUTTON_RETRY);
}

/* ---- one head ---------------------------------------------------------------------------- */

static int found_before(struct task_ctx *ctx, const char *head, const char *external_id,
	int64_t *ret_id, struct err *err)
{
	struct github_repo repo = context_repo(ctx);

	if (github_check_find(ctx->env->github, &repo, head, CHECK_NAME, external_id,
		    ret_id, ctx->cancel, err) == 0)
		return 1;
	if (err->kind != ERR_NOT_FOUND)
		return -1;
	*err = (struct err){0};
	return 0;
}

static int make(struct task_ctx *ctx, const struct store_effect_key *key, bool sent,
	const struct github_check_new *what, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	char remote[24];
	int64_t id = 0;
	struct err why = {0};
	int found =
		sent ? found_before(ctx, what->head, what->external_id, &id, &why) : 0;

	if (found == 0 && store_effect_sent(ctx->env->store, key, clock_wall_ms(),
				  ctx->cancel, err) < 0)
		return -1;
	if (found < 0 || (found == 0 && github_check_create(ctx->env->github, &repo, what,
						&id, ctx->cancel, &why) < 0)) {
		if (for_good(&why))
			return give_up(ctx, key, &why, err);
		*err = why;
		return err_wrap(err, "make the check run");
	}
	snprintf(remote, sizeof remote, "%lld", (long long)id);
	return store_effect_done(ctx->env->store, key, remote, NULL, ctx->cancel, err);
}

/* An edit may simply be repeated; only the last one has to arrive. */
static int edit(struct task_ctx *ctx, const struct store_effect *row,
	const struct github_check_new *what, bool needed, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	struct err why = {0};
	int64_t id;

	if (!str_to_i64(row->remote_id, 1, INT64_MAX, &id))
		return err_set(err, ERR_INTERNAL, "check run without a number");
	if (!needed && !github_may_edit(ctx->env->github, &repo))
		return 0;
	if (github_check_update(ctx->env->github, &repo, id, what, ctx->cancel, &why) ==
			0 ||
		for_good(&why) || (!needed && why.kind == ERR_TRANSIENT))
		return 0;
	*err = why;
	return err_wrap(err, "bring the check run up to date");
}

/* One whose making nobody saw the end of: it may be there. */
static int settle(struct task_ctx *ctx, const struct store_effect *row,
	const char *external_id, struct store_effect *ret, struct err *err)
{
	struct store_effect_key key = effect_key(ctx, CHECK_RUN_EFFECT, row->slot);
	char remote[24];
	int64_t id = 0;
	int rc = found_before(ctx, row->slot, external_id, &id, err);

	if (rc < 0 && !for_good(err))
		return -1;
	if (rc <= 0) {
		*err = (struct err){0};
		return 0;
	}
	snprintf(remote, sizeof remote, "%lld", (long long)id);
	if (store_effect_done(ctx->env->store, &key, remote, NULL, ctx->cancel, err) <
			0 ||
		store_effect_get(ctx->env->store, &key, ret, err) < 0)
		return -1;
	return 1;
}

/* Check runs of this task on heads that the branch has left. */
static int end_older(
	struct task_ctx *ctx, const char *head, const char *external_id, struct err *err)
{
	CLEANUP(store_effects) struct store_effects list = {0};

	if (store_effect_list(ctx->env->store, ctx->task->id, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		const struct store_effect *row = &list.rows[i];
		CLEANUP(store_effect) struct store_effect settled = {0};
		CLEANUP(mem) char *summary = mem_printf("The work went on in %s.", head);
		struct github_check_new what = {.name = CHECK_NAME,
			.status = "completed",
			.conclusion = "neutral",
			.title = "The branch was moved on",
			.summary = summary};

		if (!str_eq(row->kind, CHECK_RUN_EFFECT) || str_eq(row->slot, head) ||
			str_eq(row->remote_url, "ended"))
			continue;
		if (row->state == STORE_EFFECT_SENT) {
			int rc = settle(ctx, row, external_id, &settled, err);
			if (rc < 0)
				return -1;
			if (rc > 0)
				row = &settled;
		}
		if (row->state != STORE_EFFECT_DONE)
			continue;
		struct store_effect_key key =
			effect_key(ctx, CHECK_RUN_EFFECT, row->slot);
		if (edit(ctx, row, &what, true, err) < 0 ||
			store_effect_done(ctx->env->store, &key, NULL, "ended",
				ctx->cancel, err) < 0)
			return -1;
	}
	return 0;
}

/* The commit that people see: ours once the branch is there. */
static const char *head_of(struct task_ctx *ctx)
{
	if (!str_empty(ctx->task->commit_oid) &&
		effect_is_done(ctx, "branch", ctx->task->commit_oid))
		return ctx->task->commit_oid;
	return str_empty(ctx->task->head_oid) ? NULL : ctx->task->head_oid;
}

int check_run_update(struct task_ctx *ctx, const char *title, const char *summary,
	bool now, struct err *err)
{
	const char *head = head_of(ctx);
	CLEANUP(store_effect) struct store_effect row = {0};
	CLEANUP(mem) char *id = mem_printf("task-%lld", (long long)ctx->task->id);
	CLEANUP(mem) char *details = NULL;

	/* A first run has no head before its pull request; an attempt has none of its own. */
	if (!head || ctx->task->parent_id > 0 ||
		(ctx->file.image && !ctx->file.check_run))
		return 0;
	struct store_effect_key key = effect_key(ctx, CHECK_RUN_EFFECT, head);
	if (store_effect_plan(ctx->env->store, &key, "", &row, ctx->cancel, err) < 0)
		return -1;
	if (row.state == STORE_EFFECT_REFUSED)
		return 0;
	bool fresh = row.state != STORE_EFFECT_DONE;
	if (!fresh && !now &&
		clock_mono_ms() - ctx->checked_ms <
			ctx->env->config->github_comment_spacing_ms)
		return 0;
	if (!str_empty(ctx->env->config->public_url))
		details = mem_printf("%s/v1/tasks/%lld/events",
			ctx->env->config->public_url, (long long)ctx->task->id);
	struct github_check_new what = {.name = CHECK_NAME,
		.head = head,
		.external_id = id,
		.details_url = details,
		.title = title,
		.summary = summary};
	describe(ctx, &what);
	ctx->checked_ms = clock_mono_ms();
	if (fresh && make(ctx, &key, row.state == STORE_EFFECT_SENT, &what, err) < 0)
		return -1;
	/* What was found again says what it said then. */
	bool found = row.state == STORE_EFFECT_SENT;
	if (found) {
		store_effect_release(&row);
		if (store_effect_get(ctx->env->store, &key, &row, err) < 0)
			return -1;
		found = row.state == STORE_EFFECT_DONE;
	}
	if ((!fresh || found) && edit(ctx, &row, &what, found || ctx->outcome, err) < 0)
		return -1;
	/* Also at the end, for a process that died between the two. */
	return fresh || ctx->outcome ? end_older(ctx, head, id, err) : 0;
}
