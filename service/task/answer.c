/* SPDX-License-Identifier: MIT */
/* The end of ask, plan, test and review: what was found out, in words. */
#include "service/task/answer.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "prompts/prompts.h"
#include "service/github/text.h"
#include "service/store/store_conversation.h"
#include "service/task/checks.h"
#include "service/task/effects.h"
#include "service/task/status.h"

static bool verb_is(const struct task_ctx *ctx, const char *verb)
{
	return str_eq(ctx->task->verb, verb);
}

/* ---- before ---------------------------------------------------------------------------- */

int answer_gate(struct task_ctx *ctx, struct err *err)
{
	if (verb_is(ctx, "review") && !ctx->task->is_pull)
		return context_decide(ctx, "refused_verb", err,
			"a review is of a pull request; ask for it in a comment on one");
	if (verb_is(ctx, "ask") && str_empty(ctx->task->text))
		return context_decide(ctx, "refused_verb", err,
			"what is the question? It stands behind `ask` in the same "
			"comment");
	return 1;
}

/* ---- how it ends ----------------------------------------------------------------------- */

/* From here on the plan waits; a repeat writes the same. */
static int decide_plan(struct task_ctx *ctx, struct err *err)
{
	if (store_conversation_plan(ctx->env->store, ctx->task->conversation_id,
		    ctx->task->summary, "waiting", ctx->task->id, ctx->cancel, err) < 0)
		return err_wrap(err, "keep the plan");
	return context_decide(ctx, "planned", err, "the plan waits for an approval");
}

static int decide_test(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(checks) struct checks checks = {0};
	CLEANUP(strbuf) struct strbuf words = STRBUF_INIT(200);

	if (checks_load(ctx, &checks, err) < 0)
		return -1;
	if (checks.count == 0)
		return context_decide(ctx, "tested", err, "no checks are configured");
	checks_words(&checks, &words);
	return context_decide(ctx, "tested", err, "%s", strbuf_str(&words));
}

int answer_decide(struct task_ctx *ctx, struct err *err)
{
	if (verb_is(ctx, "test"))
		return decide_test(ctx, err);
	if (!verb_is(ctx, "ask") && !verb_is(ctx, "plan"))
		return 0;
	if (str_empty(ctx->task->summary))
		return context_decide(
			ctx, "failed_agent", err, "the agent ended without an answer");
	if (verb_is(ctx, "plan"))
		return decide_plan(ctx, err);
	return context_decide(ctx, "answered", err, "the question was answered");
}

/* It came to what was asked for. */
static bool is_done(const struct task_ctx *ctx)
{
	return outcome_is(ctx, "answered") || outcome_is(ctx, "planned") ||
	       outcome_is(ctx, "tested") || outcome_is(ctx, "reviewed");
}

bool answer_is(const struct task_ctx *ctx)
{
	return is_done(ctx) || outcome_is(ctx, "refused_verb");
}

/* ---- what people are told -------------------------------------------------------------- */

/* Texts of the agent that go in were cleaned when they were kept. */
static int say(struct task_ctx *ctx, const char *prompt, const struct prompt_var *vars,
	size_t nvars, struct err *err)
{
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_COMMENT * 2);

	if (prompt_render(prompt, vars, nvars, &body, err) < 0)
		return -1;
	github_text_cut(&body, LIMIT_COMMENT, "(The rest is left out here.)");
	return effect_answer(ctx, "answer", strbuf_str(&body), err);
}

static int tell_test(struct task_ctx *ctx, const char *requester, struct err *err)
{
	CLEANUP(checks) struct checks checks = {0};
	CLEANUP(strbuf) struct strbuf list = STRBUF_INIT(LIMIT_COMMENT);
	CLEANUP(strbuf) struct strbuf outputs = STRBUF_INIT(LIMIT_COMMENT);
	CLEANUP(strbuf) struct strbuf words = STRBUF_INIT(200);
	CLEANUP(mem)
	char *commit =
		mem_printf("commit %.12s", ctx->task->commit_oid ? ctx->task->commit_oid
					   : ctx->task->base_oid ? ctx->task->base_oid
								 : "unknown");

	if (checks_load(ctx, &checks, err) < 0)
		return -1;
	if (checks.count == 0) {
		struct prompt_var none[] = {
			{"requester", requester}, {"file", REPO_CONFIG_PATH}};
		return say(ctx, "untested", none, ARRAY_LEN(none), err);
	}
	checks_words(&checks, &words);
	checks_list(&checks, &list);
	checks_outputs(&checks, &outputs);
	struct prompt_var vars[] = {
		{"requester", requester},
		{"result", strbuf_str(&words)},
		{"commit", commit},
		{"checks", strbuf_str(&list)},
		{"details", strbuf_str(&outputs)},
	};
	return say(ctx, "tested", vars, ARRAY_LEN(vars), err);
}

static int tell_words(struct task_ctx *ctx, const char *requester, struct err *err)
{
	bool plan = outcome_is(ctx, "planned");
	bool refused = outcome_is(ctx, "refused_verb");
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_COMMENT);

	if (refused)
		strbuf_addf(&text, "%s.", outcome_sentence(ctx));
	else
		strbuf_adds(&text, ctx->task->summary);
	struct prompt_var answer[] = {
		{"requester", requester}, {"answer", strbuf_str(&text)}, {"details", ""}};
	struct prompt_var planned[] = {{"requester", requester},
		{"plan", strbuf_str(&text)}, {"role", "start a `fix`"}};

	return plan ? say(ctx, "plan_answer", planned, ARRAY_LEN(planned), err)
		    : say(ctx, "answer", answer, ARRAY_LEN(answer), err);
}

int answer_tell(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(mem) char *requester = mem_printf("@%s", ctx->task->requester_login);
	int rc = 0;

	if (outcome_is(ctx, "tested"))
		rc = tell_test(ctx, requester, err);
	else if (!outcome_is(ctx, "reviewed"))
		rc = tell_words(ctx, requester, err);
	if (rc == 0 &&
		(!outcome_is(ctx, "refused_verb") || ctx->task->comment_status_id > 0))
		rc = status_update(ctx, "", true, err);
	return rc < 0 ? -1 : effect_react(ctx, is_done(ctx) ? "+1" : "confused", err);
}
