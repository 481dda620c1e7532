/* SPDX-License-Identifier: MIT */
/* The commit of a task's result. */
#include "service/task/commit.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/task/attempts.h"
#include "service/task/mend.h"
#include "service/task/replay.h"
#include "service/task/status.h"

#include <string.h>

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

char *commit_email(const struct task_ctx *ctx)
{
	return mem_printf("%lld+%s@users.noreply.github.com", (long long)ctx->app.bot.id,
		ctx->app.bot.login);
}

int commit_make(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(mem)
	char *title = str_eq(ctx->task->verb, "repair") ? mend_commit_title(ctx)
							: status_commit_title(ctx);
	CLEANUP(mem)
	char *co_author = person(ctx->task->requester_login, ctx->task->requester_id);
	CLEANUP(mem)
	char *agent = mem_printf("%s%s%s", ctx->task->harness,
		str_empty(ctx->task->model) ? "" : "/",
		str_empty(ctx->task->model) ? "" : ctx->task->model);
	CLEANUP(mem) char *number = mem_printf("%lld", (long long)ctx->task->id);
	CLEANUP(mem) char *email = commit_email(ctx);
	CLEANUP(replay) struct replay replay = {0};
	struct repo_trailer trailers[] = {
		{"Agent", agent}, {"Task", number}, {"Co-authored-by", co_author}};
	size_t ntrailers = ctx->task->requester_id > 0 ? 3 : 2; /* perhaps nobody asked */

	if (attempts_took_over(ctx))
		return 0;
	if (replay_load(ctx, &replay, err) < 0)
		return -1;
	struct repo_commit commit = {
		.repo_id = ctx->task->repo_id,
		.task = number,
		.base = replay.merge ? replay.head : ctx->task->base_oid,
		.merge = replay.merge ? replay.onto : NULL,
		.tree = ctx->task->tree_oid,
		.author_name = ctx->app.bot.login,
		.author_email = email,
		.time_s = ctx->task->created_ms / 1000,
		.message = title,
		.trailers = trailers,
		.ntrailers = ctx->env->config->pr_commit_trailers ? ntrailers : 0,
	};
	char oid[REPO_OID_SIZE];

	if (repo_commit(ctx->env->repos, &commit, oid, ctx->cancel, err) < 0)
		return err_wrap(err, "commit");
	store_set(&ctx->task->commit_oid, oid);
	return store_task_save(ctx->env->store, ctx->task, ctx->cancel, err);
}
