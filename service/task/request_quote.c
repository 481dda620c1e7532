/* SPDX-License-Identifier: MIT */
/*
 * Blocks of foreign text for a prompt.
 *
 * Nothing here is an order because of where it stands: a hunk, a path and an issue's text
 * come from strangers.  What a person who may asked for is marked as the request.
 */
#include "service/task/request_quote.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "prompts/untrusted.h"
#include "service/task/about.h"
#include "webhooks/command.h"

#include <string.h>

#define HUNK_MAX 6000 /* bytes of a hunk; its last lines are those that are meant */
#define PLACE_MAX 300 /* bytes of a path in a block's heading */
#define REVIEW_MAX (24 * LIMIT_KIB)  /* all inline comments of a review together */
#define INLINE_MAX (8 * LIMIT_KIB)   /* one of them */
#define SUBJECT_MAX (24 * LIMIT_KIB) /* an issue that is not itself the request */

/* ---- who ------------------------------------------------------------------------------- */

/* Verbs that change are gated on it; a question may come from a reader.  Doubt is a no. */
static bool may_write(struct task_ctx *ctx, const struct store_task *task)
{
	struct github_repo repo = context_repo(ctx);
	enum github_role role = GITHUB_ROLE_NONE;
	struct err ignored = {0};

	if (!str_eq(task->verb, "ask"))
		return task->requester_id > 0;
	return github_role_get(ctx->env->github, &repo, task->requester_login,
		       task->requester_id, &role, ctx->cancel, &ignored) == 0 &&
	       role >= GITHUB_ROLE_WRITE;
}

/* ---- where ----------------------------------------------------------------------------- */

/* "src/x.c, line 12": the path is of a change by anybody. */
static void add_place(
	struct strbuf *out, const char *path, int64_t start, int64_t line, bool before)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_PATH * 4);

	prompt_clean_untrusted(&clean, path, strlen(path));
	/* It ends where its code does: what follows is said by us. */
	for (size_t i = 0; i < clean.len; i++)
		if ((unsigned char)clean.data[i] < ' ' || clean.data[i] == '`')
			clean.data[i] = ' ';
	strbuf_addf(out, "`%.*s`",
		(int)str_utf8_cut(strbuf_str(&clean),
			clean.len < PLACE_MAX ? clean.len : PLACE_MAX),
		strbuf_str(&clean));
	if (start > 0 && start < line)
		strbuf_addf(
			out, ", lines %lld to %lld", (long long)start, (long long)line);
	else if (line > 0)
		strbuf_addf(out, ", line %lld", (long long)line);
	if (before)
		strbuf_adds(out, " before the change");
}

static int quote_hunk(
	const char *place, const char *hunk, struct strbuf *out, struct err *err)
{
	size_t len = strlen(hunk);

	if (len == 0)
		return 0;
	CLEANUP(mem) char *what = mem_printf("part of the diff, up to %s", place);
	if (len > HUNK_MAX) {
		hunk += len - HUNK_MAX;
		const char *line = strchr(hunk, '\n');
		hunk = line ? line + 1 : hunk;
	}
	return request_quote_text(what, hunk, REQUEST_QUOTE_MAX, out, err);
}

/* ---- the request ----------------------------------------------------------------------- */

static int quote_words(struct task_ctx *ctx, const struct store_task *task,
	const char *place, struct strbuf *out, struct err *err)
{
	bool review = about_number(task->about, "review") > 0;
	CLEANUP(mem)
	char *what = !str_empty(place) ? mem_printf("review comment on %s", place)
				       : mem_strdup(review ? "review" : "comment");
	struct prompt_source source = {.what = what,
		.login = task->requester_login,
		.may_write = may_write(ctx, task),
		.is_request = true};

	if (str_empty(task->text))
		return 0;
	return prompt_quote(
		out, &source, task->text, strlen(task->text), REQUEST_QUOTE_MAX, err);
}

/* One of a review's inline comments with its lines. */
static int quote_inline(struct task_ctx *ctx, const struct store_task *task,
	const struct github_review_comment *row, struct strbuf *out, struct err *err)
{
	CLEANUP(strbuf) struct strbuf place = STRBUF_INIT(LIMIT_KIB);
	bool same = row->author.id == task->requester_id && row->author.id > 0;

	add_place(&place, row->path ? row->path : "", row->start, row->line, row->left);
	CLEANUP(mem) char *what = mem_printf("review comment on %s", strbuf_str(&place));
	struct prompt_source source = {.what = what,
		.login = row->author.login,
		.may_write = same && may_write(ctx, task),
		.is_request = same};

	if (row->hunk && quote_hunk(strbuf_str(&place), row->hunk, out, err) < 0)
		return -1;
	return prompt_quote(out, &source, row->body ? row->body : "",
		row->body ? strlen(row->body) : 0, INLINE_MAX, err);
}

/* A comment that begins with a command was a delivery and is a task of its own: see
 * webhooks/trigger.h. */
static bool is_own_request(
	const struct task_ctx *ctx, const struct github_review_comment *row)
{
	const struct config *config = ctx->env->config;
	struct command_names names = {.slug = ctx->app.slug,
		.aliases = (const char *const *)config->github_mentions.items,
		.alias_count = config->github_mentions.count,
		.bare_verbs = config->github_bare_verbs};
	struct command ignored;

	return row->body && command_parse(&names, row->body, strlen(row->body), &ignored);
}

/* A review that is gone by now is what its body said. */
static int quote_review(struct task_ctx *ctx, const struct store_task *task,
	int64_t review, struct strbuf *out, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	CLEANUP(github_review_comments) struct github_review_comments list = {0};
	size_t began = out->len;
	struct err why = {0};

	if (github_review_comments_get(ctx->env->github, &repo, task->number, review,
		    &list, ctx->cancel, &why) < 0) {
		if (why.kind == ERR_NOT_FOUND)
			return 0;
		*err = why;
		return err_wrap(err, "read the comments of the review");
	}
	for (size_t i = 0; i < list.count && out->len - began < REVIEW_MAX; i++)
		if (!is_own_request(ctx, &list.rows[i]) &&
			quote_inline(ctx, task, &list.rows[i], out, err) < 0)
			return -1;
	if (out->len == began && str_empty(task->text))
		strbuf_adds(out,
			"The review asks for nothing beyond those of its comments "
			"that are requests of their own: change nothing.\n");
	return 0;
}

static int quote_plan(struct task_ctx *ctx, struct strbuf *out, struct err *err)
{
	const char *plan = ctx->talk.plan;
	struct prompt_source source = {
		.what = "the plan that was approved by the person named here",
		.login = ctx->task->requester_login,
		.may_write = true,
		.is_request = true};

	if (str_empty(plan))
		return 0;
	return prompt_quote(out, &source, plan, strlen(plan), REQUEST_QUOTE_MAX, err);
}

int request_quote(struct task_ctx *ctx, const struct store_task *task, struct strbuf *out,
	struct err *err)
{
	CLEANUP(mem) char *path = about_text(task->about, "path");
	CLEANUP(mem) char *hunk = about_text(task->about, "hunk");
	CLEANUP(mem) char *side = about_text(task->about, "side");
	CLEANUP(strbuf) struct strbuf place = STRBUF_INIT(LIMIT_KIB);
	int64_t review = about_number(task->about, "review");

	if (about_flag(task->about, "plan") && quote_plan(ctx, out, err) < 0)
		return -1;
	if (about_flag(task->about, "rejected") && !str_empty(ctx->talk.plan) &&
		request_quote_text("the plan before this one, which was rejected",
			ctx->talk.plan, REQUEST_QUOTE_MAX, out, err) < 0)
		return -1;
	if (!str_empty(path)) {
		add_place(&place, path, 0, about_number(task->about, "line"),
			str_eq(side, "LEFT"));
		if (quote_hunk(strbuf_str(&place), hunk, out, err) < 0)
			return -1;
	}
	if (quote_words(ctx, task, strbuf_str(&place), out, err) < 0)
		return -1;
	/* A comment of a review tells the review too, but is a request of its own. */
	if (review > 0 && str_empty(path))
		return quote_review(ctx, task, review, out, err);
	return 0;
}

/* ---- what it belongs to ---------------------------------------------------------------- */

int request_quote_subject(
	struct task_ctx *ctx, bool is_request, struct strbuf *out, struct err *err)
{
	const struct store_task *task = ctx->task;
	CLEANUP(mem) char *text = mem_printf("%s\n\n%s", task->title, task->issue_body);
	CLEANUP(mem)
	char *what = mem_printf("%s #%lld: title and text",
		task->is_pull ? "pull request" : "issue", (long long)task->number);
	struct prompt_source source = {.what = what,
		.login = task->issue_author_login,
		.may_write = str_eq(task->issue_author_login, task->requester_login) &&
			     may_write(ctx, task),
		.is_request = is_request};

	return prompt_quote(out, &source, text, strlen(text),
		is_request ? REQUEST_QUOTE_MAX : SUBJECT_MAX, err);
}

int request_quote_text(const char *what, const char *text, size_t most,
	struct strbuf *out, struct err *err)
{
	struct prompt_source source = {.what = what};

	return prompt_quote(out, &source, text, strlen(text), most, err);
}

char *request_own_checks(const struct task_ctx *ctx)
{
	struct strbuf text = STRBUF_INIT(LIMIT_PROMPT);

	if (ctx->file.check.count == 0)
		return mem_strdup("");
	strbuf_adds(&text, "The project's own checks are:\n");
	for (size_t i = 0; i < ctx->file.check.count; i++)
		strbuf_addf(&text, "\n    %s", ctx->file.check.items[i]);
	return strbuf_take(&text);
}
