/* SPDX-License-Identifier: MIT */
/*
 * The last step: people are told how it ended, and the box goes.
 *
 * A pull request notifies by itself; without one, a new comment does (edits notify nobody).
 * A refused request gets a reaction and no words.
 */
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "prompts/prompts.h"
#include "service/github/text.h"
#include "service/task/answer.h"
#include "service/task/context.h"
#include "service/task/effects.h"
#include "service/task/status.h"

#include <string.h>

static int answer(struct task_ctx *ctx, const char *prompt, const struct prompt_var *vars,
	size_t nvars, struct err *err)
{
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_COMMENT * 2);

	if (prompt_render(prompt, vars, nvars, &body, err) < 0)
		return -1;
	github_text_cut(&body, LIMIT_COMMENT, NULL);
	return effect_answer(ctx, "answer", strbuf_str(&body), err);
}

static int answer_no_change(struct task_ctx *ctx, const char *requester, struct err *err)
{
	const char *said = ctx->task->summary;
	struct prompt_var vars[] = {
		{"requester", requester},
		{"answer", str_empty(said) ? "(nothing)" : said},
		{"details", ""},
	};

	return answer(ctx, "no_change", vars, ARRAY_LEN(vars), err);
}

static int answer_failed(struct task_ctx *ctx, const char *requester, struct err *err)
{
	CLEANUP(strbuf) struct strbuf reason = STRBUF_INIT(LIMIT_COMMENT);
	CLEANUP(mem)
	char *details =
		mem_printf("`/boxwright retry` tries again. Task %lld has the log.",
			(long long)ctx->task->id);
	CLEANUP(mem) char *code = mem_strndup(ctx->outcome, strcspn(ctx->outcome, "\n"));
	const char *word = str_starts(code, "failed_") ? code + 7 : code;

	status_clean(&reason, outcome_sentence(ctx), 8000);
	if (outcome_is(ctx, "failed_checks")) {
		CLEANUP(checks) struct checks checks = {0};

		if (checks_load(ctx, &checks, err) < 0)
			return -1;
		strbuf_adds(&reason, "\n\n");
		checks_list(&checks, &reason);
		checks_outputs(&checks, &reason);
	}
	struct prompt_var vars[] = {
		{"requester", requester},
		{"step", word},
		{"reason", strbuf_str(&reason)},
		{"details", details},
	};
	return answer(ctx, "failed", vars, ARRAY_LEN(vars), err);
}

static int tell(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(mem) char *requester = mem_printf("@%s", ctx->task->requester_login);

	if (answer_is(ctx))
		return answer_tell(ctx, err);
	if (outcome_begins(ctx, "refused_"))
		return effect_react(ctx, "confused", err);
	if (status_update(ctx, "", true, err) < 0)
		return -1;
	if (outcome_is(ctx, "pull_request"))
		return effect_react(ctx, "hooray", err);
	if (outcome_is(ctx, "no_change"))
		return answer_no_change(ctx, requester, err) < 0
			       ? -1
			       : effect_react(ctx, "+1", err);
	if (outcome_is(ctx, "cancelled"))
		return effect_react(ctx, "confused", err);
	return answer_failed(ctx, requester, err) < 0 ? -1 : effect_react(ctx, "-1", err);
}

static int remove_box(struct task_ctx *ctx, struct err *err)
{
	struct err gone = {0};

	if (str_empty(ctx->task->box_id))
		return 0;
	if (!str_empty(ctx->task->tree_oid) && checks_box_remove(ctx, err) < 0)
		return -1;
	if (box_delete(ctx->env->core, ctx->task->box_id, ctx->cancel, &gone) == 0 ||
		gone.kind == ERR_NOT_FOUND)
		return 0;
	*err = gone;
	return err_wrap(err, "delete the box");
}

int step_report(struct task_ctx *ctx, struct err *err)
{
	if (!ctx->outcome && answer_decide(ctx, err) < 0)
		return -1;
	if (!ctx->outcome)
		return err_set(err, ERR_INTERNAL, "the task came to its end undecided");
	int told = tell(ctx, err);
	struct err box = {0};
	/* The box goes even when GitHub does not listen. */
	if (remove_box(ctx, &box) < 0 && told == 0) {
		*err = box;
		return -1;
	}
	return told;
}
