/* SPDX-License-Identifier: MIT */
/* Small questions that every step asks about its task. */
#include "service/task/context.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store_effect.h"
#include "service/store/store_event.h"
#include "service/task/attempts.h"
#include "service/task/job.h"
#include "service/task/rules.h"

#include <stdarg.h>
#include <string.h>

struct github_repo context_repo(const struct task_ctx *ctx)
{
	return (struct github_repo){
		.installation_id = ctx->task->installation_id,
		.id = ctx->task->repo_id,
		.owner = ctx->repo.owner[0] ? ctx->repo.owner : ctx->task->owner,
		.name = ctx->repo.name[0] ? ctx->repo.name : ctx->task->repo,
	};
}

struct repo_remote context_remote(const struct task_ctx *ctx, const struct secret *token)
{
	return (struct repo_remote){.repo_id = ctx->task->repo_id,
		.url = ctx->repo.clone_url,
		.token = token};
}

/* GitHub allows [A-Za-z0-9._-]; whatever else a name holds is not for a path. */
char *context_dir(const struct task_ctx *ctx)
{
	char *dir = mem_printf("/workspace/home/%s", ctx->task->repo);
	char *name = dir + strlen("/workspace/home/");

	for (char *c = name; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567"
			    "89._-",
			    *c))
			*c = '_';
	if (name[0] == '.' || name[0] == '-' || name[0] == '\0') {
		free(dir);
		return mem_strdup("/workspace/home/repository");
	}
	return dir;
}

char *context_path(const struct task_ctx *ctx, const char *name)
{
	return mem_printf("%s/tasks/%lld-%s", store_dir(ctx->env->store),
		(long long)ctx->task->id, name);
}

int context_file(struct task_ctx *ctx, struct err *err)
{
	struct github_repo repo = context_repo(ctx);

	if (ctx->file.image)
		return 0;
	if (str_empty(ctx->task->rules_oid))
		return err_set(err, ERR_NOT_FOUND,
			"the default branch has not been fetched yet");
	/* Its errors name the file, with line and column. */
	if (rules_load(ctx->env, &repo, ctx->task->rules_oid, &ctx->file, ctx->cancel,
		    err) < 0)
		return -1;
	if (attempts_share(ctx, &ctx->file.cost_usd, err) < 0)
		return -1;
	return job_settings(ctx, err);
}

/* An attempt works for its parent's conversation and changes nothing in it. */
static int parents_talk(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(store_task) struct store_task parent = {0};

	if (store_task_get(ctx->env->store, ctx->task->parent_id, &parent, err) < 0)
		return err_wrap(err, "the task that this is an attempt of");
	if (parent.conversation_id == 0)
		return 0;
	return store_conversation_get(
		ctx->env->store, parent.conversation_id, &ctx->talk, err);
}

int context_open(struct task_ctx *ctx, struct err *err)
{
	store_conversation_release(&ctx->talk);
	ctx->talk = (struct store_conversation){0};
	if (ctx->task->parent_id > 0)
		return parents_talk(ctx, err);
	return store_conversation_open(ctx->env->store, ctx->task, clock_wall_ms(),
		&ctx->talk, ctx->cancel, err);
}

int context_be_guest(struct task_ctx *ctx, struct err *err)
{
	struct store_effect_key key = {.task_id = ctx->task->id,
		.lease = ctx->task->lease,
		.kind = CONTEXT_GUEST_EFFECT};

	if (store_effect_plan(ctx->env->store, &key, "", NULL, ctx->cancel, err) < 0)
		return -1;
	ctx->guest = true;
	return 0;
}

bool context_shares(const struct task_ctx *ctx)
{
	return ctx->task->parent_id == 0 && !ctx->guest;
}

int context_keep(struct task_ctx *ctx, struct err *err)
{
	if (ctx->talk.id == 0 || !context_shares(ctx))
		return store_task_save(ctx->env->store, ctx->task, ctx->cancel, err);
	return store_conversation_save(ctx->env->store, &ctx->talk, ctx->task,
		clock_wall_ms(), ctx->cancel, err);
}

bool context_goes_on(const struct task_ctx *ctx)
{
	return !str_empty(ctx->task->session_id);
}

bool context_changes(const struct task_ctx *ctx)
{
	const char *verb = ctx->task->verb;

	return str_eq(verb, "fix") || str_eq(verb, "repair") || str_eq(verb, "rebase") ||
	       str_eq(verb, "job");
}

bool context_rebuilds(const struct task_ctx *ctx)
{
	return str_eq(ctx->task->verb, "rebase") || str_eq(ctx->task->verb, "job");
}

int64_t context_round(const struct task_ctx *ctx, const char *prefix)
{
	const char *run = ctx->task->run_id;
	int64_t round;

	if (str_empty(run) || !str_starts(run, prefix))
		return 0;
	return str_to_i64(run + strlen(prefix), 1, INT64_MAX, &round) ? round : 0;
}

int context_say(
	struct task_ctx *ctx, const char *kind, struct err *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	CLEANUP(mem) char *text = mem_vprintf(fmt, ap);
	va_end(ap);
	struct store_event_new event = {.at_ms = clock_wall_ms(),
		.kind = kind,
		.text = text,
		.text_len = strlen(text)};
	struct store_event_batch append = {
		.events = &event, .count = 1, .run_offset = -1};

	/* The task of a request that was taken up has no log of its own. */
	if (!ctx->task->lease)
		return 0;
	return store_events_append(ctx->env->store, ctx->task, &append, ctx->cancel, err);
}

int context_decide(
	struct task_ctx *ctx, const char *code, struct err *err, const char *fmt, ...)
{
	CLEANUP(store_effect) struct store_effect effect = {0};
	struct store_effect_key key = {
		.task_id = ctx->task->id, .lease = ctx->task->lease, .kind = "outcome"};
	va_list ap;

	va_start(ap, fmt);
	CLEANUP(mem) char *sentence = mem_vprintf(fmt, ap);
	va_end(ap);
	CLEANUP(mem) char *want = mem_printf("%s\n%s", code, sentence);
	/* Not under the task's cancel: a cancel is itself a way to end. */
	if (store_effect_plan(ctx->env->store, &key, want, &effect, NULL, err) < 0)
		return -1;
	free(ctx->outcome);
	ctx->outcome = mem_strdup(effect.want);
	return 0;
}
