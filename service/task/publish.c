/* SPDX-License-Identifier: MIT */
/*
 * The sixth step: commit, branch, pull request.
 *
 * The commit is the one that was verified: made of the row alone (commit.h), so that a repeat
 * makes the very same object and the push finds it already there.
 */
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/repo/branch.h"
#include "service/task/checks.h"
#include "service/task/commit.h"
#include "service/task/context.h"
#include "service/task/effects.h"
#include "service/task/status.h"

#include <string.h>

static void name_branch(struct task_ctx *ctx)
{
	char branch[BRANCH_SIZE];
	char id[24];
	CLEANUP(mem) char *prefix = mem_strdup(ctx->file.branch_prefix);
	size_t len = strlen(prefix);

	while (len > 0 && prefix[len - 1] == '/')
		prefix[--len] = '\0';
	snprintf(id, sizeof id, "t%lld", (long long)ctx->task->id);
	branch_make(branch, len > 0 ? prefix : NULL, "issue", ctx->task->number,
		ctx->task->title, id);
	store_set(&ctx->task->branch, branch);
}

/* Labels are worth no failure. */
static void add_labels(struct task_ctx *ctx)
{
	struct github_repo repo = context_repo(ctx);
	struct err err = {0};

	if (ctx->file.labels.count > 0 &&
		github_labels_add(ctx->env->github, &repo, ctx->task->pr_number,
			(const char *const *)ctx->file.labels.items,
			ctx->file.labels.count, ctx->cancel, &err) < 0)
		context_say(
			ctx, "error", &err, "labels of the pull request: %s", err.text);
}

/* A change whose checks fail is a draft, whatever the repository says of pull requests. */
static int open_pull(struct task_ctx *ctx, const char *title, const struct checks *checks,
	struct err *err)
{
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_COMMENT * 2);
	bool failed = checks->failed > 0;
	CLEANUP(mem)
	char *told = mem_printf("%s%s", failed ? "[checks fail] " : "", title);

	if (status_pull_body(ctx, checks, &body, err) < 0)
		return -1;
	return effect_pull(ctx, told, strbuf_str(&body), failed || ctx->file.draft, err);
}

int step_publish(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(mem) char *title = status_title(ctx);
	CLEANUP(checks) struct checks checks = {0};

	if (context_file(ctx, err) < 0 || status_update(ctx, "publish", false, err) < 0 ||
		checks_load(ctx, &checks, err) < 0)
		return -1;
	name_branch(ctx);
	if (commit_make(ctx, err) < 0 || effect_push(ctx, err) < 0 ||
		open_pull(ctx, title, &checks, err) < 0)
		return -1;
	add_labels(ctx);
	if (context_say(ctx, "publish", err, "pull request %s", ctx->task->pr_url) < 0)
		return -1;
	if (checks.failed > 0)
		return context_decide(ctx, "pull_request", err,
			"opened %s as a draft: %zu of %zu checks failed",
			ctx->task->pr_url, checks.failed, checks.count);
	return context_decide(ctx, "pull_request", err, "opened %s", ctx->task->pr_url);
}
