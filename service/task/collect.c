/* SPDX-License-Identifier: MIT */
/*
 * The fourth step: what did the agent change?  Objects out of the box, every tree checked
 * and rebuilt on the host (repo_import), before anybody else sees them.
 */
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/github/text.h"
#include "service/task/box_git.h"
#include "service/task/collect.h"
#include "service/task/context.h"
#include "service/task/effects.h"
#include "service/task/repair.h"
#include "service/task/replay.h"
#include "service/task/rounds.h"
#include "service/task/status.h"

#include <signal.h>
#include <string.h>

#define COLLECT_MS 300000
#define SHOWN_FILES 60
#define CHANGES "changes" /* kind of effect, by tree */

/* The list of changed files for the pull request; kept as a row, because publish may run
 * in another process than collect. */
static int keep_changes(
	struct task_ctx *ctx, const struct repo_result *result, struct err *err)
{
	struct store_effect_key key = effect_key(ctx, CHANGES, result->tree);
	CLEANUP(strbuf) struct strbuf list = STRBUF_INIT(LIMIT_COMMENT);

	for (size_t i = 0; i < result->nchanges && i < SHOWN_FILES; i++) {
		const struct repo_change *c = &result->changes[i];

		strbuf_addf(&list, "- %s ", repo_status_name(c->status));
		github_text_code(&list, c->path, strlen(c->path), 200);
		if (c->binary)
			strbuf_adds(&list, " (binary)\n");
		else
			strbuf_addf(&list, " (+%lld -%lld)\n", (long long)c->added,
				(long long)c->deleted);
	}
	if (result->nchanges > SHOWN_FILES)
		strbuf_addf(&list, "- and %zu more\n", result->nchanges - SHOWN_FILES);
	if (strbuf_check(&list, "the list of changes", err) < 0)
		return -1;
	return store_effect_plan(
		ctx->env->store, &key, strbuf_str(&list), NULL, ctx->cancel, err);
}

int collect_changes(const struct task_ctx *ctx, struct strbuf *out, struct err *err)
{
	CLEANUP(store_effect) struct store_effect row = {0};
	int rc = str_empty(ctx->task->tree_oid)
			 ? 0
			 : effect_find(ctx, CHANGES, ctx->task->tree_oid, &row, err);

	if (rc > 0)
		strbuf_adds(out, row.want);
	return rc < 0 ? -1 : 0;
}

int collect_keep(struct task_ctx *ctx, const struct repo_result *result, struct err *err)
{
	store_set(&ctx->task->tree_oid, result->tree);
	store_set(&ctx->task->commit_oid, NULL); /* it was another result's */
	ctx->task->files = (int64_t)result->nchanges;
	ctx->task->added = result->added;
	ctx->task->deleted = result->deleted;
	return keep_changes(ctx, result, err);
}

static int take(struct task_ctx *ctx, struct repo_result *result, struct err *err)
{
	CLEANUP(mem) char *dir = context_dir(ctx);
	CLEANUP(mem) char *base = NULL;
	CLEANUP(mem) char *pack = context_path(ctx, "result.pack");
	struct box_git git = {
		.core = ctx->env->core, .box = ctx->task->box_id, .dir = dir};
	struct repo_policy policy = {
		.protect = (const char *const *)ctx->file.protect.items,
		.nprotect = ctx->file.protect.count};
	char tree[REPO_OID_SIZE];
	CLEANUP(cancel) struct cancel *limit = cancel_new(ctx->cancel);

	if (replay_work_base(ctx, &base, err) < 0)
		return -1;
	cancel_deadline(limit, COLLECT_MS, "the limit for collecting the change");
	int rc = box_git_collect(&git, base, pack, tree, limit, err);
	if (rc == 0)
		rc = repo_import(ctx->env->repos, ctx->task->repo_id, base, pack, tree,
			&policy, result, limit, err);
	unlink(pack);
	return rc < 0 ? -1 : replay_collected(ctx, result, err);
}

/* What came meanwhile is worked on before the result is checked and published. */
static int next_round(struct task_ctx *ctx, struct err *err)
{
	bool begun = false;

	if (rounds_begin(ctx, &begun, err) < 0)
		return -1;
	if (begun)
		ctx->go = "work";
	return 0;
}

static int nothing_yet(struct task_ctx *ctx, struct err *err)
{
	store_set(&ctx->task->tree_oid, NULL); /* a round may have taken all back */
	if (next_round(ctx, err) < 0)
		return -1;
	if (ctx->go)
		return 0;
	return context_decide(ctx, "no_change", err,
		"the agent changed nothing, so there is no pull request");
}

static int too_many(struct task_ctx *ctx, size_t count, struct err *err)
{
	CLEANUP(mem)
	char *why = mem_printf("it touches %zu files, the limit is %lld (limits.files)",
		count, (long long)ctx->file.files);

	if (rounds_request(ctx) > 0)
		return rounds_give_up(ctx, why, err);
	return context_decide(
		ctx, "failed_result", err, "the change cannot be published: %s", why);
}

int step_collect(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(repo_result) struct repo_result result = {0};
	struct err ignored = {0};

	if (context_file(ctx, err) < 0 || status_update(ctx, "collect", false, err) < 0)
		return -1;
	/* What the agent left running must not change files while we look. */
	run_signal(ctx->env->core, ctx->task->box_id, ctx->task->run_id, SIGKILL,
		ctx->cancel, &ignored);
	if (take(ctx, &result, err) < 0) {
		if (err->kind != ERR_INPUT && err->kind != ERR_LIMIT &&
			err->kind != ERR_DENIED)
			return -1;
		if (repair_round(ctx) > 0) {
			CLEANUP(mem) char *why = mem_strdup(err->text);
			return repair_give_up(ctx, why, err);
		}
		if (rounds_request(ctx) > 0) {
			CLEANUP(mem) char *why = mem_strdup(err->text);
			return rounds_give_up(ctx, why, err);
		}
		return context_decide(ctx, "failed_result", err,
			"the change cannot be published: %s", err->text);
	}
	if (repair_round(ctx) > 0 &&
		(result.no_change || (int64_t)result.nchanges > ctx->file.files))
		return repair_give_up(ctx,
			result.no_change ? "nothing is left of the change"
					 : "it touches too many files (limits.files)",
			err);
	if (result.no_change)
		return nothing_yet(ctx, err);
	if ((int64_t)result.nchanges > ctx->file.files)
		return too_many(ctx, result.nchanges, err);
	if (collect_keep(ctx, &result, err) < 0 ||
		context_say(ctx, "collect", err, "%lld files changed, +%lld -%lld",
			(long long)ctx->task->files, (long long)result.added,
			(long long)result.deleted) < 0)
		return -1;
	return next_round(ctx, err);
}
