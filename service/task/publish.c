/* SPDX-License-Identifier: MIT */
/*
 * The sixth step: commit, branch, pull request.
 *
 * The branch moves only from where it stood when the work began.  When people pushed
 * meanwhile, nothing is overwritten: the task stops and says so, and a retry goes on on top of
 * their commits.  When the pull request was closed or merged meanwhile, nothing is pushed.
 *
 * The commit is the one that was verified: made of the row alone (commit.h), so that a repeat
 * makes the very same object and the push finds it already there.
 */
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/github/text.h"
#include "service/repo/branch.h"
#include "service/task/checks.h"
#include "service/task/commit.h"
#include "service/task/context.h"
#include "service/task/effects.h"
#include "service/task/pull_text.h"
#include "service/task/status.h"
#include "service/task/undo_point.h"

#include <string.h>

/* A job's branch has one name for good: the last word of its lane. */
static bool job_branch(struct task_ctx *ctx, const char *prefix)
{
	const char *name = strstr(ctx->task->lane, "/job/");

	if (!str_eq(ctx->task->verb, "job") || !name)
		return false;
	CLEANUP(mem) char *branch = mem_printf("%s/job-%s", prefix, name + 5);
	if (!branch_is_ours(branch))
		return false;
	store_set(&ctx->task->branch, branch);
	return true;
}

static void name_branch(struct task_ctx *ctx)
{
	char branch[BRANCH_SIZE];
	char id[24];
	CLEANUP(mem) char *prefix = mem_strdup(ctx->file.branch_prefix);
	size_t len = strlen(prefix);

	while (len > 0 && prefix[len - 1] == '/')
		prefix[--len] = '\0';
	if (job_branch(ctx, len > 0 ? prefix : "boxwright"))
		return;
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

/* ---- the branch ------------------------------------------------------------------------ */

/* Brings the mirror to where the branch stands now. */
static int fetch_theirs(struct task_ctx *ctx, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	CLEANUP(secret) struct secret token = {0};
	struct repo_mirror mirror;

	if (github_token(
		    ctx->env->github, &repo, GITHUB_CLONE, &token, ctx->cancel, err) < 0)
		return -1;
	struct repo_remote remote = context_remote(ctx, &token);
	return repo_mirror_update(ctx->env->repos, &remote, ctx->task->branch, NULL, NULL,
		&mirror, ctx->cancel, err);
}

/* What `want` has beyond `have`: commits, or -1 when it cannot be told. */
static int64_t commits_beyond(struct task_ctx *ctx, const char *want, const char *have)
{
	CLEANUP(mem) char *file = context_path(ctx, "theirs.pack");
	CLEANUP(repo_pack) struct repo_pack pack = {0};
	struct err ignored = {0};
	int rc = repo_pack(ctx->env->repos, ctx->task->repo_id, want, have, file, 0,
		&pack, ctx->cancel, &ignored);

	unlink(file);
	return rc < 0 ? -1 : pack.commits;
}

/* Somebody moved the branch while this ran. */
static int stopped(struct task_ctx *ctx, const char *found, struct err *err)
{
	const struct store_task *task = ctx->task;

	if (str_empty(task->head_oid))
		return context_decide(ctx, "stopped_person", err,
			"there is a branch %s already, at %.12s, which is not this "
			"task's: nothing was overwritten",
			task->branch, found);
	if (str_eq(found, REPO_OID_ZERO))
		return context_decide(ctx, "stopped_person", err,
			"the branch %s was deleted while this ran: nothing was pushed",
			task->branch);
	int64_t count = commits_beyond(ctx, found, task->head_oid);
	CLEANUP(mem)
	char *told = count > 0 ? mem_printf("by %lld commit%s ", (long long)count,
					 count == 1 ? "" : "s")
			       : mem_strdup("");
	return context_decide(ctx, "stopped_person", err,
		"the branch %s was moved %sfrom %.12s to %.12s while this ran: nothing "
		"was "
		"overwritten and nothing was pushed; a retry works on top of what is "
		"there "
		"now",
		task->branch, told, task->head_oid, found);
}

/* 1: pushed, 0: decided against it, -1. */
static int push(struct task_ctx *ctx, struct err *err)
{
	char found[REPO_OID_SIZE] = "";

	if (effect_push(ctx, found, err) == 0)
		return 1;
	if (err->kind != ERR_CONFLICT)
		return -1;
	if (str_eq(found, REPO_OID_ZERO))
		return stopped(ctx, found, err);
	if (fetch_theirs(ctx, err) < 0)
		return -1;
	/* A push whose answer was lost, and somebody's commits on top of it since. */
	if (commits_beyond(ctx, ctx->task->commit_oid, found) == 0)
		return 1;
	return stopped(ctx, found, err);
}

/* The conversation goes on from here. */
static int remember(struct task_ctx *ctx, struct err *err)
{
	struct store_conversation *talk = &ctx->talk;
	const struct store_task *task = ctx->task;
	CLEANUP(mem) char *old = NULL;
	struct err ignored = {0};

	store_set(&talk->branch, task->branch);
	store_set(&talk->head_oid, task->commit_oid);
	store_set(&talk->target, task->target);
	if (str_empty(talk->base_oid) || str_empty(task->head_oid) ||
		context_rebuilds(ctx))
		store_set(&talk->base_oid, task->base_oid);
	if (undo_point_take(ctx, &old, err) < 0 || context_keep(ctx, err) < 0)
		return -1;
	if (old)
		snapshot_delete(ctx->env->core, old, ctx->cancel, &ignored);
	return 0;
}

/* ---- the pull request ------------------------------------------------------------------ */

/* Whether this task opens the pull request: it has none, or has begun to make it. */
static bool opens(struct task_ctx *ctx)
{
	CLEANUP(store_effect) struct store_effect row = {0};
	struct err ignored = {0};

	return ctx->task->pr_number == 0 ||
	       effect_find(ctx, "pull_request", NULL, &row, &ignored) > 0;
}

/* 1: open, 0: decided, -1. */
static int still_open(struct task_ctx *ctx, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	struct github_pull pull = {0};

	if (github_pull_get(ctx->env->github, &repo, ctx->task->pr_number, &pull,
		    ctx->cancel, err) < 0)
		return err_wrap(
			err, "read pull request #%lld", (long long)ctx->task->pr_number);
	/* Pushed before a restart: then it is done, whatever became of it since. */
	if (pull.open || str_eq(ctx->talk.head_oid, ctx->task->commit_oid))
		return 1;
	return context_decide(ctx, "stopped_closed", err,
		"pull request #%lld was %s while this ran, so nothing was pushed; asked "
		"again on the issue, the work gets a pull request of its own",
		(long long)pull.number, pull.merged ? "merged" : "closed");
}

/* A change whose checks fail is a draft, whatever the repository says of pull requests. */
static int open_pull(struct task_ctx *ctx, const struct checks *checks, struct err *err)
{
	CLEANUP(mem) char *title = status_title(ctx);
	CLEANUP(strbuf) struct strbuf part = STRBUF_INIT(LIMIT_COMMENT * 2);
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_COMMENT * 2);
	bool failed = checks->failed > 0;
	CLEANUP(mem)
	char *told = mem_printf("%s%s", failed ? "[checks fail] " : "", title);

	if (status_pull_body(ctx, checks, &part, err) < 0)
		return -1;
	pull_text_wrap(strbuf_str(&part), &body);
	if (effect_pull(ctx, told, strbuf_str(&body), failed || ctx->file.draft, err) < 0)
		return -1;
	ctx->talk.pr_number = ctx->task->pr_number;
	store_set(&ctx->talk.pr_url, ctx->task->pr_url);
	ctx->talk.ours = true;
	if (context_keep(ctx, err) < 0)
		return -1;
	add_labels(ctx);
	return 0;
}

/* Our part of the text is brought up to date; an edit may simply be repeated.  A person's
 * pull request is left as it is. */
static int update_pull(struct task_ctx *ctx, const struct checks *checks, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	CLEANUP(github_issue) struct github_issue pull = {0};
	CLEANUP(strbuf) struct strbuf part = STRBUF_INIT(LIMIT_COMMENT * 2);
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_COMMENT * 4);
	int64_t number = ctx->task->pr_number;

	ctx->talk.pr_number = number;
	store_set(&ctx->talk.pr_url, ctx->task->pr_url);
	if (context_keep(ctx, err) < 0)
		return -1;
	if (!ctx->talk.ours)
		return 0;
	if (github_issue_get(ctx->env->github, &repo, number, &pull, ctx->cancel, err) <
			0 ||
		status_pull_body(ctx, checks, &part, err) < 0)
		return err_wrap(err, "the text of pull request #%lld", (long long)number);
	if (!pull_text_replace(pull.body, strbuf_str(&part), &body))
		return 0;
	github_text_cut(&body, LIMIT_COMMENT, NULL);
	return github_pull_update(ctx->env->github, &repo, number, NULL,
		strbuf_str(&body), ctx->cancel, err);
}

static int decide(
	struct task_ctx *ctx, const struct checks *checks, bool opened, struct err *err)
{
	const struct store_task *task = ctx->task;
	const char *how = opened ? "opened" : "brought up to date";

	if (context_say(ctx, "publish", err, "pull request %s", task->pr_url) < 0)
		return -1;
	if (checks->failed > 0)
		return context_decide(ctx, "pull_request", err,
			"%s %s%s: %zu of %zu checks failed", how, task->pr_url,
			opened ? " as a draft" : "", checks->failed, checks->count);
	return context_decide(ctx, "pull_request", err, "%s %s", how, task->pr_url);
}

int step_publish(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(checks) struct checks checks = {0};

	if (context_file(ctx, err) < 0 || status_update(ctx, "publish", false, err) < 0 ||
		checks_load(ctx, &checks, err) < 0)
		return -1;
	if (str_empty(ctx->task->branch))
		name_branch(ctx);
	if (commit_make(ctx, err) < 0)
		return -1;
	bool opening = opens(ctx);
	int rc = opening ? 1 : still_open(ctx, err);
	if (rc > 0)
		rc = push(ctx, err);
	if (rc <= 0)
		return rc;
	if (remember(ctx, err) < 0 || (opening ? open_pull(ctx, &checks, err)
					       : update_pull(ctx, &checks, err)) < 0)
		return -1;
	return decide(ctx, &checks, opening, err);
}
