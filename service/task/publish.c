/* SPDX-License-Identifier: MIT */
/*
 * The fifth step: commit, branch, pull request.
 *
 * The commit is made of the row alone, with the task's own time, so that a repeat makes the
 * very same object and the push finds it already there.
 */
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/repo/branch.h"
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

/* Trailers are one line each; a login holds nothing else, but it comes from outside. */
static char *person(const char *login, int64_t id)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(512);

	for (const char *c = login; *c && clean.len < 100; c++)
		if ((unsigned char)*c > ' ' && !strchr("<>\"\\", *c))
			strbuf_addc(&clean, *c);
	return mem_printf("%s <%lld+%s@users.noreply.github.com>", strbuf_str(&clean),
		(long long)id, strbuf_str(&clean));
}

static int make_commit(struct task_ctx *ctx, const char *title, struct err *err)
{
	CLEANUP(mem)
	char *co_author = person(ctx->task->requester_login, ctx->task->requester_id);
	CLEANUP(mem)
	char *agent = mem_printf("%s%s%s", ctx->task->harness,
		str_empty(ctx->task->model) ? "" : "/",
		str_empty(ctx->task->model) ? "" : ctx->task->model);
	CLEANUP(mem) char *number = mem_printf("%lld", (long long)ctx->task->id);
	CLEANUP(mem)
	char *email = mem_printf("%lld+%s@users.noreply.github.com",
		(long long)ctx->app.bot.id, ctx->app.bot.login);
	struct repo_trailer trailers[] = {
		{"Co-authored-by", co_author}, {"Agent", agent}, {"Task", number}};
	struct repo_commit commit = {
		.repo_id = ctx->task->repo_id,
		.task = number,
		.base = ctx->task->base_oid,
		.tree = ctx->task->tree_oid,
		.author_name = ctx->app.bot.login,
		.author_email = email,
		.time_s = ctx->task->created_ms / 1000,
		.message = title,
		.trailers = trailers,
		.ntrailers =
			ctx->env->config->pr_commit_trailers ? ARRAY_LEN(trailers) : 0,
	};
	char oid[REPO_OID_SIZE];

	if (repo_commit(ctx->env->repos, &commit, oid, ctx->cancel, err) < 0)
		return err_wrap(err, "commit");
	store_set(&ctx->task->commit_oid, oid);
	return store_task_save(ctx->env->store, ctx->task, ctx->cancel, err);
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

int step_publish(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(mem) char *title = status_title(ctx);
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_COMMENT * 2);

	if (context_file(ctx, err) < 0 || status_update(ctx, "publish", false, err) < 0)
		return -1;
	name_branch(ctx);
	if (make_commit(ctx, title, err) < 0 || effect_push(ctx, err) < 0)
		return -1;
	if (status_pull_body(ctx, &body, err) < 0 ||
		effect_pull(ctx, title, strbuf_str(&body), err) < 0)
		return -1;
	add_labels(ctx);
	if (context_say(ctx, "publish", err, "pull request %s", ctx->task->pr_url) < 0)
		return -1;
	return context_decide(ctx, "pull_request", err, "opened %s", ctx->task->pr_url);
}
