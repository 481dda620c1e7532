/* SPDX-License-Identifier: MIT */
/*
 * Repairs that nobody asked for: whether one is made, and how often in a row.
 *
 * A task that was let through counts by an effect of its own that holds the number which the
 * conversation's count becomes, so that a gate that is begun again counts it once.
 */
#include "service/task/mend.h"

#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "prompts/prompts.h"
#include "service/github/text.h"
#include "service/task/about.h"
#include "service/task/effects.h"
#include "service/task/mend_checks.h"
#include "service/task/rules.h"
#include "service/task/status.h"

#include <string.h>

#define LOOK_BACK                                                                        \
	200 /* tasks of the lane among which those of the same head are counted */

static bool is_rebase(const struct store_task *task)
{
	return str_eq(task->verb, "rebase");
}

bool mend_is(const struct store_task *task)
{
	return str_eq(task->verb, "repair") ||
	       (is_rebase(task) && str_eq(task->trigger_kind, MEND_BASE_MOVED));
}

char *mend_failed_name(const struct store_task *task)
{
	struct err ignored = {0};
	CLEANUP(json)
	json_t *about = str_empty(task->about)
				? NULL
				: json_parse(task->about, strlen(task->about), &ignored);
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_KIB * 4);
	const char *name = json_or_string(about, "check.name", "");

	str_clean_utf8(&clean, name, str_utf8_cut(name, strnlen(name, 100)), false);
	for (size_t i = 0; i < clean.len; i++)
		if (strchr("`\n\t", clean.data[i]))
			clean.data[i] = ' ';
	return mem_strdup(strbuf_str(&clean));
}

char *mend_commit_title(const struct task_ctx *ctx)
{
	CLEANUP(mem) char *name = mend_failed_name(ctx->task);
	struct strbuf title = STRBUF_INIT(512);

	if (str_empty(name))
		return mem_strdup("fix: repair what failed");
	strbuf_adds(&title, "fix: repair ");
	github_text_line(&title, name, strlen(name), 58);
	return strbuf_take(&title);
}

/* ---- the count ------------------------------------------------------------------------- */

/* Let through before, by a gate that is begun again. */
static bool counted(const struct task_ctx *ctx)
{
	return effect_is_done(ctx, "mend", "count");
}

static int count(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(store_effect) struct store_effect row = {0};
	CLEANUP(mem) char *want = mem_printf("%lld", (long long)ctx->talk.repairs + 1);
	struct store_effect_key key = effect_key(ctx, "mend", "count");
	int64_t number = ctx->talk.repairs + 1;

	if (store_effect_plan(ctx->env->store, &key, want, &row, ctx->cancel, err) < 0)
		return -1;
	if (row.state == STORE_EFFECT_DONE)
		return 0;
	str_to_i64(row.want, 1, INT64_MAX, &number);
	if (store_conversation_repairs(ctx->env->store, ctx->talk.id, number,
		    &ctx->talk.repairs, ctx->cancel, err) < 0)
		return -1;
	return store_effect_done(ctx->env->store, &key, NULL, NULL, ctx->cancel, err);
}

/* Earlier repairs that began at the same head, and whether one of them ended only after this
 * event had come: then it looked at the same failures. */
static int tries_of_head(struct task_ctx *ctx, const char *head, int64_t *ret,
	bool *ret_seen, struct err *err)
{
	CLEANUP(store_tasks) struct store_tasks list = {0};
	struct store_task_filter filter = {
		.lane = ctx->task->lane, .before_id = ctx->task->id, .limit = LOOK_BACK};

	*ret = 0;
	*ret_seen = false;
	if (store_task_list(ctx->env->store, &filter, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		const struct store_task *task = &list.rows[i];
		CLEANUP(mem) char *theirs = about_text(task->about, "head");

		if (!mend_is(task) || task->state == STORE_TASK_REFUSED ||
			!str_eq(theirs, head))
			continue;
		++*ret;
		*ret_seen |= str_eq(task->verb, ctx->task->verb) &&
			     task->finished_ms > ctx->task->created_ms;
	}
	return 0;
}

/* ---- giving up ------------------------------------------------------------------------- */

static int say_once(struct task_ctx *ctx, int64_t tries, bool of_head, struct err *err)
{
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_COMMENT);
	CLEANUP(mem) char *name = mend_failed_name(ctx->task);
	CLEANUP(strbuf) struct strbuf safe = STRBUF_INIT(LIMIT_COMMENT);
	CLEANUP(mem)
	char *reason =
		mem_printf("%lld of %lld tries %s are used up, and it still fails.",
			(long long)tries, (long long)tries,
			of_head ? "for this commit" : "in a row without a person's word");

	if (is_rebase(ctx->task))
		strbuf_adds(&safe, "There is a conflict with the base");
	else if (str_empty(name))
		strbuf_adds(&safe, "Checks fail");
	else
		strbuf_addf(&safe, "The check `%s` failed", name);
	struct prompt_var vars[] = {
		{"failed", strbuf_str(&safe)},
		{"reason", reason},
		{"details", "`repair.tries` in `.github/boxwright.yml` is the limit."},
	};
	if (prompt_render("mend_stopped", vars, ARRAY_LEN(vars), &body, err) < 0 ||
		effect_answer(ctx, "stopped", strbuf_str(&body), err) < 0)
		return -1;
	/* Past the limit nothing more is said, until a person's word sets it back. */
	return store_conversation_repairs(ctx->env->store, ctx->talk.id, tries + 1,
		&ctx->talk.repairs, ctx->cancel, err);
}

static int give_up(struct task_ctx *ctx, int64_t tries, bool of_head, struct err *err)
{
	if (ctx->talk.repairs <= tries && say_once(ctx, tries, of_head, err) < 0)
		return -1;
	return context_decide(ctx, "refused_tries", err, "%lld tries %s are used up",
		(long long)tries,
		of_head ? "for this commit" : "in a row without a person's word");
}

/* ---- the gate -------------------------------------------------------------------------- */

/* 1, 0, -1 as mend_gate(). */
static int is_wanted(struct task_ctx *ctx, int64_t *ret_tries, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	CLEANUP(repo_config) struct repo_config rules = {0};
	bool on;

	if (rules_load(ctx->env, &repo, NULL, &rules, ctx->cancel, err) < 0) {
		if (err->kind != ERR_INPUT && err->kind != ERR_LIMIT)
			return -1;
		CLEANUP(mem) char *why = mem_strdup(err->text);
		return context_decide(ctx, "refused_config", err, "%s", why);
	}
	on = is_rebase(ctx->task) ? rules.repair_conflicts : rules.repair_checks;
	*ret_tries = rules.repair_tries;
	if (!on || rules.repair_tries == 0)
		return context_decide(ctx, "refused_off", err,
			"the repository's configuration wants no repair (repair.%s)",
			!on && is_rebase(ctx->task) ? "conflicts"
			: !on                       ? "checks"
						    : "tries");
	if (ctx->talk.repairs_off)
		return context_decide(ctx, "refused_off", err,
			"repairs of this pull request were switched off by `cancel`");
	return 1;
}

static int still_conflicts(struct task_ctx *ctx, int64_t number, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	enum github_mergeable mergeable;

	if (github_pull_mergeable(
		    ctx->env->github, &repo, number, &mergeable, ctx->cancel, err) < 0)
		return err_wrap(err, "read pull request #%lld", (long long)number);
	if (mergeable == GITHUB_MERGEABLE_CLEAN)
		return context_decide(ctx, "refused_stale", err,
			"pull request #%lld is in conflict with its base no more",
			(long long)number);
	return 1;
}

static int is_still_so(struct task_ctx *ctx, const char *head, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	int64_t number = ctx->talk.pr_number ? ctx->talk.pr_number : ctx->task->number;
	struct github_pull pull = {0};
	bool failed = true;

	if (github_pull_get(ctx->env->github, &repo, number, &pull, ctx->cancel, err) < 0)
		return err_wrap(err, "read pull request #%lld", (long long)number);
	if (!pull.open)
		return context_decide(ctx, "refused_closed", err,
			"pull request #%lld is not open any more", (long long)number);
	/* A conflict is not one commit's: it stays when the branch gets another. */
	if (!is_rebase(ctx->task) && !str_empty(head) && !str_eq(pull.head_sha, head))
		return context_decide(ctx, "refused_stale", err,
			"the event spoke of commit %.12s; the branch stands at %.12s",
			head, pull.head_sha);
	if (is_rebase(ctx->task))
		return still_conflicts(ctx, number, err);
	if (mend_checks_fail(ctx, &failed, err) < 0)
		return -1;
	if (!failed)
		return context_decide(ctx, "refused_stale", err,
			"no check fails on commit %.12s any more", pull.head_sha);
	return 1;
}

/* A person asked for work: the count begins anew, and what `cancel` switched off may go on.
 * Questions do neither; outsiders may ask them. */
static int person_spoke(struct task_ctx *ctx, struct err *err)
{
	if (ctx->task->requester_id <= 0 || ctx->task->parent_id > 0 ||
		ctx->talk.id == 0 || !context_changes(ctx))
		return 1;
	if (ctx->talk.repairs > 0 &&
		store_conversation_repairs(ctx->env->store, ctx->talk.id, 0,
			&ctx->talk.repairs, ctx->cancel, err) < 0)
		return -1;
	if (!ctx->talk.repairs_off)
		return 1;
	if (store_conversation_repairs_off(
		    ctx->env->store, ctx->talk.id, false, ctx->cancel, err) < 0)
		return -1;
	ctx->talk.repairs_off = false;
	return 1;
}

int mend_gate(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(mem) char *head = about_text(ctx->task->about, "head");
	int64_t tries = 0, of_head = 0;
	bool seen = false;
	int rc;

	if (!mend_is(ctx->task))
		return person_spoke(ctx, err);
	rc = is_wanted(ctx, &tries, err);
	if (rc > 0)
		rc = is_still_so(ctx, head, err);
	if (rc <= 0)
		return rc;
	if (counted(ctx))
		return 1;
	if (!str_empty(head) && tries_of_head(ctx, head, &of_head, &seen, err) < 0)
		return -1;
	if (seen)
		return context_decide(ctx, "refused_stale", err,
			"a repair of the same commit ended after this event");
	if (ctx->talk.repairs >= tries)
		return give_up(ctx, tries, false, err);
	if (of_head >= tries)
		return give_up(ctx, tries, true, err);
	return count(ctx, err) < 0 ? -1 : 1;
}
