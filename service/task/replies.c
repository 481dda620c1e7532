/* SPDX-License-Identifier: MIT */
/* The last words to everybody who asked. */
#include "service/task/replies.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "prompts/prompts.h"
#include "service/github/text.h"
#include "service/task/checks.h"
#include "service/task/collect.h"
#include "service/task/effects.h"
#include "service/task/mend.h"
#include "service/task/rounds.h"
#include "service/task/status.h"

#include <string.h>

/* One request: the task's own, or one that was taken up, seen through a context of its own
 * so that its effects are rows of its task. */
struct request {
	struct task_ctx ctx;
	struct task_ctx *run; /* of the task that did the work */
	char *requester;      /* "@octocat" */
	char *reply;          /* what the agent said; NULL: nothing */
	bool failed;          /* its round did; reply tells why */
	bool own;
};

static void request_release(struct request *r)
{
	free(r->requester);
	free(r->reply);
}
DEFINE_CLEANUP(request, struct request, request_release(value))

/* Whom a text is for; what nobody asked for says why it was done. */
static char *requester_of(const struct store_task *task)
{
	if (task->requester_id > 0)
		return mem_printf("@%s", task->requester_login);
	if (str_eq(task->verb, "repair")) {
		CLEANUP(mem) char *name = mend_failed_name(task);

		return str_empty(name) ? mem_strdup("Checks failed")
				       : mem_printf("The check `%s` failed", name);
	}
	return mem_strdup(mend_is(task) ? "There was a conflict with the base"
					: "Without being asked");
}

static int request_fill(
	struct request *r, struct task_ctx *run, struct store_task *task, struct err *err)
{
	r->ctx = *run;
	r->ctx.task = task;
	r->run = run;
	r->own = task == run->task;
	r->requester = requester_of(task);
	if (!r->own)
		return rounds_reply(run, task->id, &r->reply, &r->failed, err);
	if (!str_empty(task->summary))
		r->reply = mem_strdup(task->summary);
	return 0;
}

static int say(struct request *r, const char *prompt, const struct prompt_var *vars,
	size_t nvars, struct err *err)
{
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_COMMENT * 2);

	if (prompt_render(prompt, vars, nvars, &body, err) < 0)
		return -1;
	github_text_cut(&body, LIMIT_COMMENT, "(The rest is left out here.)");
	return effect_answer(&r->ctx, "answer", strbuf_str(&body), err);
}

/* ---- a change -------------------------------------------------------------------------- */

/* The pull request tells of itself when this very task opened it. */
static bool opened(const struct task_ctx *run)
{
	return effect_is_done(run, "pull_request", NULL);
}

static int tell_change(struct request *r, struct err *err)
{
	const struct store_task *run = r->run->task;
	CLEANUP(strbuf) struct strbuf changes = STRBUF_INIT(LIMIT_COMMENT * 2);
	CLEANUP(strbuf) struct strbuf checked = STRBUF_INIT(LIMIT_COMMENT * 2);
	CLEANUP(checks) struct checks checks = {0};
	CLEANUP(mem)
	char *what = mem_printf("%s commit %.12s on `%s`, pull request #%lld.",
		str_eq(run->verb, "repair") ? "repaired in" : "done in", run->commit_oid,
		run->branch, (long long)run->pr_number);

	if (collect_changes(r->run, &changes, err) < 0 ||
		checks_load(r->run, &checks, err) < 0)
		return -1;
	if (checks.count > 0)
		checks_list(&checks, &checked);
	struct prompt_var vars[] = {
		{"requester", r->requester},
		{"what", what},
		{"answer", str_empty(r->reply) ? "(The agent said nothing.)" : r->reply},
		{"changes", strbuf_str(&changes)},
		{"checks", strbuf_str(&checked)},
	};
	return say(r, "changed", vars, ARRAY_LEN(vars), err);
}

static int tell_no_change(struct request *r, struct err *err)
{
	const struct store_task *run = r->run->task;
	const char *what = str_eq(run->verb, "rebase") ? "nothing had to be changed."
			   : run->pr_number > 0
				   ? "the agent ended its work without changing a "
				     "file, so the pull request is as it was. It says:"
				   : "the agent ended its work without changing a "
				     "file, so there is no pull request. It says:";
	struct prompt_var vars[] = {
		{"requester", r->requester},
		{"what", what},
		{"answer", str_empty(r->reply) ? "(nothing)" : r->reply},
		{"details", ""},
	};

	return say(r, "no_change", vars, ARRAY_LEN(vars), err);
}

/* ---- a failure ------------------------------------------------------------------------- */

static int tell_failed(struct request *r, const char *why, struct err *err)
{
	CLEANUP(strbuf) struct strbuf reason = STRBUF_INIT(LIMIT_COMMENT);
	CLEANUP(mem)
	char *details =
		mem_printf("`/boxwright retry` tries again. Whoever runs the service "
			   "finds the log with `boxwright task logs %lld`.",
			(long long)r->run->task->id);

	status_sentence(&reason, why, 8000);
	if (outcome_is(r->run, "failed_checks")) {
		CLEANUP(checks) struct checks checks = {0};

		if (checks_load(r->run, &checks, err) < 0)
			return -1;
		strbuf_adds(&reason, "\n\n");
		checks_list(&checks, &reason);
		checks_outputs(&checks, &reason);
	}
	struct prompt_var vars[] = {
		{"requester", r->requester},
		{"what", outcome_begins(r->run, "stopped_") ? "nothing was published."
			 : r->ctx.task->requester_id > 0    ? "this did not work."
							    : "working on it failed."},
		{"reason", strbuf_str(&reason)},
		{"details", details},
	};
	return say(r, "failed", vars, ARRAY_LEN(vars), err);
}

static int tell_outcome_failed(struct request *r, struct err *err)
{
	return tell_failed(r, outcome_sentence(r->run), err);
}

/* ---- one after the other --------------------------------------------------------------- */

static int react(struct request *r, const char *content, struct err *err)
{
	return effect_react(&r->ctx, content, err);
}

static int tell(struct request *r, struct err *err)
{
	bool changed = outcome_is(r->run, "pull_request");
	bool unchanged = outcome_is(r->run, "no_change");

	if (outcome_is(r->run, "cancelled"))
		return react(r, "confused", err);
	if (!changed && !unchanged)
		return tell_outcome_failed(r, err) < 0 ? -1 : react(r, "-1", err);
	/* Its own round went wrong, or was never begun; "": no words for whoever may not. */
	if (!r->own && (r->failed || !r->reply)) {
		if (r->reply && !*r->reply)
			return react(r, "confused", err);
		return tell_failed(r, r->reply ? r->reply : "the run ended before it",
			       err) < 0
			       ? -1
			       : react(r, "-1", err);
	}
	if (unchanged)
		return tell_no_change(r, err) < 0 ? -1 : react(r, "+1", err);
	if (r->own && opened(r->run))
		return react(r, "hooray", err);
	return tell_change(r, err) < 0 ? -1 : react(r, "hooray", err);
}

int replies_tell(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(store_tasks) struct store_tasks taken = {0};
	CLEANUP(request) struct request own = {0};

	if (request_fill(&own, ctx, ctx->task, err) < 0 || tell(&own, err) < 0 ||
		store_task_taken(ctx->env->store, ctx->task->id, &taken, err) < 0)
		return -1;
	for (size_t i = 0; i < taken.count; i++) {
		CLEANUP(request) struct request further = {0};

		if (request_fill(&further, ctx, &taken.rows[i], err) < 0 ||
			tell(&further, err) < 0)
			return -1;
	}
	return 0;
}

int replies_join(struct task_ctx *ctx, struct strbuf *out, struct err *err)
{
	CLEANUP(store_tasks) struct store_tasks taken = {0};

	if (!str_empty(ctx->task->summary))
		strbuf_adds(out, ctx->task->summary);
	if (store_task_taken(ctx->env->store, ctx->task->id, &taken, err) < 0)
		return -1;
	for (size_t i = 0; i < taken.count; i++) {
		CLEANUP(mem) char *reply = NULL;
		bool failed;

		if (rounds_reply(ctx, taken.rows[i].id, &reply, &failed, err) < 0)
			return -1;
		if (!failed && !str_empty(reply) && out->len + strlen(reply) < 40000)
			strbuf_addf(out, "\n\n%s", reply);
	}
	return 0;
}
