/* SPDX-License-Identifier: MIT */
/*
 * The first step: may this be done at all?
 *
 * The payload of a delivery is only a hint here; repository, issue and the person's role are
 * asked from GitHub now.  A person who may not gets a reaction and no comment: strangers
 * must not be able to make the service talk.
 */
#include "service/task/answer.h"
#include "service/task/context.h"
#include "service/task/effects.h"
#include "service/task/status.h"

/* 1: may go on, 0: decided against it, -1. */
static int check_issue(struct task_ctx *ctx, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	CLEANUP(github_issue) struct github_issue issue = {0};

	if (ctx->repo.archived)
		return context_decide(ctx, "refused_archived", err,
			"the repository is archived: nothing can be pushed to it");
	if (github_issue_get(ctx->env->github, &repo, ctx->task->number, &issue,
		    ctx->cancel, err) < 0)
		return err_wrap(err, "read issue #%lld", (long long)ctx->task->number);
	if (!issue.open)
		return context_decide(ctx, "refused_closed", err,
			"issue #%lld is closed; open it again to have it worked on",
			(long long)ctx->task->number);
	return 1;
}

static int check_role(struct task_ctx *ctx, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	struct err why = {0};
	enum github_role role = GITHUB_ROLE_NONE;

	if (github_role_get(ctx->env->github, &repo, ctx->task->requester_login,
		    ctx->task->requester_id, &role, ctx->cancel, &why) < 0) {
		*err = why;
		if (why.kind == ERR_TRANSIENT || why.kind == ERR_CANCELLED)
			return -1;
		/* Whoever cannot be asked about may not. */
		return context_decide(ctx, "refused_role", err,
			"the role of @%s could not be told: %s",
			ctx->task->requester_login, why.text);
	}
	if (role < GITHUB_ROLE_WRITE)
		return context_decide(ctx, "refused_role", err,
			"@%s has the role %s here; starting a task needs write",
			ctx->task->requester_login, github_role_name(role));
	return 1;
}

int step_gate(struct task_ctx *ctx, struct err *err)
{
	int rc = check_role(ctx, err);

	if (rc > 0 && context_open(ctx, err) < 0)
		return -1;
	if (rc > 0)
		rc = check_issue(ctx, err);
	if (rc > 0)
		rc = answer_gate(ctx, err);
	if (rc <= 0)
		return rc;
	if (effect_react(ctx, "eyes", err) < 0)
		return -1;
	return status_update(ctx, "gate", true, err);
}
