/* SPDX-License-Identifier: MIT */
/*
 * Before a job's change is checked and published: is it worth a pull request?
 *
 * What a change offers is known by a digest over its diff without the places of its hunks, so
 * that it stays the same when other parts of the code move on.
 */
#include "boxcore/base/crypto.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "service/jobs/jobs.h"
#include "service/task/effects.h"
#include "service/task/job.h"

#include <string.h>

#define DIFF_MAX (4 * LIMIT_MIB)

static bool is_place(const char *line)
{
	return str_starts(line, "@@ ") || str_starts(line, "index ");
}

static int digest(struct task_ctx *ctx, char ret[SHA256_HEX_SIZE], struct err *err)
{
	CLEANUP(strbuf) struct strbuf diff = STRBUF_INIT(DIFF_MAX + LIMIT_KIB);
	CLEANUP(strbuf) struct strbuf kept = STRBUF_INIT(DIFF_MAX + LIMIT_KIB);

	if (repo_diff_text(ctx->env->repos, ctx->task->repo_id, ctx->task->base_oid,
		    ctx->task->tree_oid, DIFF_MAX, &diff, ctx->cancel, err) < 0)
		return err_wrap(err, "read the change");
	for (const char *line = strbuf_str(&diff); *line;) {
		size_t len = strcspn(line, "\n");

		len += line[len] == '\n';
		if (!is_place(line))
			strbuf_add(&kept, line, len);
		line += len;
	}
	/* A diff that is longer than what is looked at is known by its tree. */
	if (diff.len >= DIFF_MAX)
		strbuf_adds(&kept, ctx->task->tree_oid);
	crypto_sha256_hex(strbuf_str(&kept), kept.len, ret);
	return 0;
}

/* The word that the open pull request was closed may have been lost. */
static int look_at_pull(
	struct task_ctx *ctx, int64_t number, bool *ret_closed, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	struct github_pull pull = {0};
	struct err gone = {0};

	*ret_closed = false;
	if (number == 0)
		return 0;
	if (github_pull_get(ctx->env->github, &repo, number, &pull, ctx->cancel, &gone) <
			0 &&
		gone.kind != ERR_NOT_FOUND) {
		*err = gone;
		return err_wrap(err, "look at pull request #%lld", (long long)number);
	}
	if (pull.open)
		return 0;
	*ret_closed = true;
	return jobs_pull_closed(ctx->env->jobs, ctx->task->repo_id, number, pull.merged,
		ctx->cancel, err);
}

static int look_at_offer(
	struct task_ctx *ctx, const char *offer, struct jobs_look *ret, struct err *err)
{
	bool closed;

	if (jobs_offer_look(ctx->env->jobs, ctx->task, offer, ctx->file.open_prs, ret,
		    ctx->cancel, err) < 0 ||
		look_at_pull(ctx, ret->pr_number, &closed, err) < 0)
		return -1;
	return closed ? jobs_offer_look(ctx->env->jobs, ctx->task, offer,
				ctx->file.open_prs, ret, ctx->cancel, err)
		      : 0;
}

int step_offer(struct task_ctx *ctx, struct err *err)
{
	char offer[SHA256_HEX_SIZE];
	struct store_effect_key key = effect_key(ctx, JOBS_OFFER, ctx->task->tree_oid);
	struct jobs_look look;

	if (!ctx->env->jobs || ctx->task->job_id == 0)
		return 0;
	if (context_file(ctx, err) < 0 || digest(ctx, offer, err) < 0 ||
		store_effect_plan(ctx->env->store, &key, offer, NULL, ctx->cancel, err) <
			0 ||
		look_at_offer(ctx, offer, &look, err) < 0)
		return -1;
	if (look.stands)
		return context_decide(ctx, "no_change", err,
			"pull request #%lld offers the same already",
			(long long)look.pr_number);
	if (look.declined)
		return context_decide(ctx, "no_change", err,
			"the same was offered and closed before, so it is not offered "
			"again");
	if (look.crowded)
		return context_decide(ctx, "no_change", err,
			"there is a change, but %lld pull requests of jobs are open "
			"already (limits.open_prs)",
			(long long)look.open);
	return 0;
}
