/* SPDX-License-Identifier: MIT */
/* The base and the goal of a task's work, from its conversation and what GitHub says now. */
#include "service/task/place.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/task/attempts.h"

#include <stdio.h>
#include <string.h>

/* Brings the mirror to one ref; *ret is its commit.  ERR_NOT_FOUND: there is none. */
static int fetch(struct task_ctx *ctx, const struct secret *token, const char *ref,
	struct repo_mirror *ret, struct err *err)
{
	struct repo_remote remote = context_remote(ctx, token);
	int64_t began = clock_mono_ms();

	if (repo_mirror_update(
		    ctx->env->repos, &remote, ref, NULL, NULL, ret, ctx->cancel, err) < 0)
		return err_wrap(err, "fetch %s", ref ? ref : "the repository");
	return context_say(ctx, "prepare", err,
		"mirror at %.12s of %s: %lld KiB fetched in %lld ms", ret->commit,
		ret->branch, (long long)(ret->received_bytes / 1024),
		(long long)(clock_mono_ms() - began));
}

/* The default branch is where rules are read, whatever is worked on. */
static int fetch_rules(struct task_ctx *ctx, const struct secret *token, struct err *err)
{
	struct repo_mirror mirror;

	if (fetch(ctx, token, ctx->repo.default_branch, &mirror, err) < 0)
		return -1;
	if (!str_eq(ctx->task->rules_oid, mirror.commit)) {
		repo_config_release(&ctx->file);
		ctx->file = (struct repo_config){0};
	}
	store_set(&ctx->task->rules_oid, mirror.commit);
	store_set(&ctx->task->default_branch, mirror.branch);
	return 0;
}

/* No pull request, or none any more. */
static void begin_anew(struct task_ctx *ctx)
{
	struct store_task *task = ctx->task;

	store_set(&task->target, task->default_branch);
	store_set(&task->base_oid, task->rules_oid);
	store_set(&task->head_oid, NULL);
	store_set(&task->branch, NULL);
	store_set(&task->pr_url, NULL);
	task->pr_number = 0;
}

/* The branch that the conversation pushed, of a pull request or before there was one.  1, 0
 * when it is gone, -1. */
static int stand_on_branch(struct task_ctx *ctx, const struct secret *token,
	const char *branch, const char *target, struct err *err)
{
	struct store_task *task = ctx->task;
	struct repo_mirror head, base;

	if (fetch(ctx, token, branch, &head, err) < 0)
		return err->kind == ERR_NOT_FOUND ? 0 : -1;
	store_set(&task->branch, branch);
	store_set(&task->head_oid, head.commit);
	store_set(&task->base_oid, head.commit);
	store_set(&task->target, target);
	if (!context_rebuilds(ctx))
		return 1;
	if (str_eq(target, task->default_branch)) {
		store_set(&task->base_oid, task->rules_oid);
		return 1;
	}
	if (fetch(ctx, token, target, &base, err) < 0)
		return err_wrap(err, "the branch that the pull request goes into");
	store_set(&task->base_oid, base.commit);
	return 1;
}

/* Work that is only looked at, as GitHub keeps it for every pull request. */
static int look_at_pull(struct task_ctx *ctx, const struct secret *token,
	const struct github_pull *pull, struct err *err)
{
	struct repo_mirror mirror;
	char ref[64];

	snprintf(ref, sizeof ref, "refs/pull/%lld/head", (long long)pull->number);
	if (fetch(ctx, token, ref, &mirror, err) < 0)
		return -1;
	store_set(&ctx->task->target, pull->base_ref);
	store_set(&ctx->task->base_oid, mirror.commit);
	return 0;
}

/* A job's branch is rebuilt each time, so a person's commits on it would be lost. */
static int keep_off(struct task_ctx *ctx, struct err *err)
{
	const struct store_task *task = ctx->task;

	if (!str_eq(task->verb, "job") || str_empty(ctx->talk.head_oid) ||
		str_empty(task->head_oid) || str_eq(task->head_oid, ctx->talk.head_oid))
		return 0;
	return context_decide(ctx, "stopped_person", err,
		"the branch %s stands at %.12s, where the job did not leave it: it is "
		"not "
		"touched; merge, close or reset it (the job left it at %.12s) and the "
		"job "
		"goes on",
		task->branch, task->head_oid, ctx->talk.head_oid);
}

/* Its branch is the default branch ("main into release"): a push would be a change that nobody
 * has looked at, where this service never pushes. */
static bool is_default(const struct task_ctx *ctx, const char *branch)
{
	return str_eq(branch, ctx->repo.default_branch);
}

/* An open pull request. */
static int stand_on_pull(struct task_ctx *ctx, const struct secret *token,
	const struct github_pull *pull, struct err *err)
{
	bool own = pull->head_repo_id == ctx->task->repo_id;

	if (own && context_changes(ctx) && is_default(ctx, pull->head_ref))
		return context_decide(ctx, "refused_default", err,
			"pull request #%lld is of the default branch %s, which is never "
			"pushed to; `ask`, `review` and `test` work there",
			(long long)pull->number, pull->head_ref);
	int rc = own ? stand_on_branch(ctx, token, pull->head_ref, pull->base_ref, err)
		     : 0;

	if (rc != 0)
		return rc < 0 ? -1 : keep_off(ctx, err);
	if (!context_changes(ctx))
		return look_at_pull(ctx, token, pull, err);
	if (own)
		return context_decide(ctx, "refused_gone", err,
			"the branch %s of pull request #%lld is gone, so there is "
			"nothing "
			"to push to",
			pull->head_ref, (long long)pull->number);
	return context_decide(ctx, "refused_fork", err,
		"pull request #%lld comes from a fork, where the App cannot push: `ask`, "
		"`review` and `test` work here; to have something changed, ask for it on "
		"an issue, or open the pull request from a branch of this repository",
		(long long)pull->number);
}

/* Pushed, and no pull request is open for it. */
static int find_branch(struct task_ctx *ctx, const struct secret *token, struct err *err)
{
	const struct store_conversation *talk = &ctx->talk;

	if (str_empty(talk->branch))
		return 0;
	if (stand_on_branch(ctx, token, talk->branch,
		    str_empty(talk->target) ? ctx->task->default_branch : talk->target,
		    err) < 0)
		return -1;
	return keep_off(ctx, err);
}

static int on_closed_pull(struct task_ctx *ctx, const struct secret *token,
	const struct github_pull *pull, struct err *err)
{
	bool asked_there = ctx->task->number == pull->number;

	if (asked_there && !context_changes(ctx))
		return look_at_pull(ctx, token, pull, err);
	if (asked_there)
		return context_decide(ctx, "refused_closed", err,
			"pull request #%lld is %s; ask on the issue, or open it again",
			(long long)pull->number, pull->merged ? "merged" : "closed");
	begin_anew(ctx);
	if (str_eq(ctx->task->verb, "job")) /* its branch has one name for good */
		return find_branch(ctx, token, err);
	return context_say(ctx, "prepare", err,
		"pull request #%lld is %s: the work gets a branch of its own",
		(long long)pull->number, pull->merged ? "merged" : "closed");
}

static int find_pull(
	struct task_ctx *ctx, const struct secret *token, int64_t number, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	struct github_pull pull = {0};

	if (github_pull_get(ctx->env->github, &repo, number, &pull, ctx->cancel, err) <
		0) {
		if (err->kind == ERR_NOT_FOUND && ctx->task->number != number)
			return 0; /* deleted with its issue: there is none */
		return err_wrap(err, "read pull request #%lld", (long long)number);
	}
	if (!pull.open)
		return on_closed_pull(ctx, token, &pull, err);
	ctx->task->pr_number = number;
	store_set(&ctx->task->pr_url, pull.url);
	ctx->talk.ours = pull.author.id == ctx->app.bot.id;
	return stand_on_pull(ctx, token, &pull, err);
}

static int find_place(struct task_ctx *ctx, const struct secret *token, struct err *err)
{
	const struct store_conversation *talk = &ctx->talk;
	int64_t number = talk->pr_number      ? talk->pr_number
			 : ctx->task->is_pull ? ctx->task->number
					      : 0;

	begin_anew(ctx);
	if (number > 0)
		return find_pull(ctx, token, number, err);
	return find_branch(ctx, token, err);
}

int place_find(struct task_ctx *ctx, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	CLEANUP(secret) struct secret token = {0};

	if (github_token(
		    ctx->env->github, &repo, GITHUB_CLONE, &token, ctx->cancel, err) < 0)
		return err_wrap(err, "get a token to clone with");
	if (fetch_rules(ctx, &token, err) < 0)
		return err_wrap(err, "the repository");
	if (attempts_is_one(ctx->task)) {
		begin_anew(ctx);
		return attempts_inherit(ctx, err);
	}
	return find_place(ctx, &token, err);
}
