/* SPDX-License-Identifier: MIT */
/*
 * Effects at GitHub: planned as rows, marked as sent, looked for, made, marked as done.
 *
 * A comment or reaction that GitHub refuses for good (deleted issue, locked conversation) is
 * marked so and passed over: the work itself does not fail because nobody can be told.
 */
#include "service/task/effects.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/github/text.h"
#include "service/task/about.h"

#include <string.h>

#define FOUND_MAX 8

struct store_effect_key effect_key(
	const struct task_ctx *ctx, const char *kind, const char *slot)
{
	return (struct store_effect_key){
		.task_id = ctx->task->id,
		.lease = ctx->task->lease,
		.kind = kind,
		.slot = slot,
	};
}

int effect_find(const struct task_ctx *ctx, const char *kind, const char *slot,
	struct store_effect *ret, struct err *err)
{
	struct store_effect_key key = effect_key(ctx, kind, slot);
	struct err missing = {0};

	if (store_effect_get(ctx->env->store, &key, ret, &missing) == 0)
		return 1;
	if (missing.kind == ERR_NOT_FOUND)
		return 0;
	*err = missing;
	return -1;
}

bool effect_is_done(const struct task_ctx *ctx, const char *kind, const char *slot)
{
	CLEANUP(store_effect) struct store_effect row = {0};
	struct err ignored = {0};

	return effect_find(ctx, kind, slot, &row, &ignored) > 0 &&
	       row.state == STORE_EFFECT_DONE;
}

/* Refused for good, by GitHub and not by us? */
static bool for_good(const struct err *err)
{
	return err->kind == ERR_DENIED || err->kind == ERR_NOT_FOUND ||
	       err->kind == ERR_INPUT;
}

static int note_refusal(struct task_ctx *ctx, const struct store_effect_key *key,
	const struct err *why, struct err *err)
{
	if (store_effect_refused(ctx->env->store, key, why->text, ctx->cancel, err) < 0)
		return -1;
	return context_say(
		ctx, "error", err, "%s %s: %s", key->kind, key->slot, why->text);
}

/* Whether the request was written at a line of a pull request: it is answered there. */
static bool is_inline(const struct task_ctx *ctx)
{
	return ctx->task->comment_id > 0 && about_is_inline(ctx->task->about);
}

/* An attempt's words are its parent's; a job has nobody to talk to but its pull request. */
static bool is_silent(const struct task_ctx *ctx)
{
	return ctx->task->number == 0 || ctx->task->parent_id > 0;
}

static int react(struct task_ctx *ctx, const char *content, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	int64_t comment = ctx->task->comment_id;

	if (is_inline(ctx))
		return github_review_comment_react(
			ctx->env->github, &repo, comment, content, ctx->cancel, err);
	if (comment > 0)
		return github_comment_react(
			ctx->env->github, &repo, comment, content, ctx->cancel, err);
	return github_issue_react(
		ctx->env->github, &repo, ctx->task->number, content, ctx->cancel, err);
}

int effect_react(struct task_ctx *ctx, const char *content, struct err *err)
{
	struct store_effect_key key = effect_key(ctx, "reaction", content);
	struct store *store = ctx->env->store;
	CLEANUP(store_effect) struct store_effect row = {0};
	struct err why = {0};

	/* Nobody asked, or nowhere. */
	if (is_silent(ctx) || ctx->task->requester_id == 0)
		return 0;
	if (store_effect_plan(store, &key, "", &row, ctx->cancel, err) < 0)
		return -1;
	if (row.state == STORE_EFFECT_DONE || row.state == STORE_EFFECT_REFUSED)
		return 0;
	if (store_effect_sent(store, &key, clock_wall_ms(), ctx->cancel, err) < 0)
		return -1;
	if (react(ctx, content, &why) == 0)
		return store_effect_done(store, &key, NULL, NULL, ctx->cancel, err);
	if (for_good(&why))
		return note_refusal(ctx, &key, &why, err);
	*err = why;
	return err_wrap(err, "react with %s", content);
}

/* ---- comments ---- */

/* How many comments of the kind an earlier life of a retried task has made; false when that
 * cannot be read. */
static bool comments_before(
	const struct task_ctx *ctx, const char *kind, size_t *ret_count)
{
	CLEANUP(store_effects) struct store_effects list = {0};
	CLEANUP(mem) char *begin = mem_printf("%s-", kind);
	struct err ignored = {0};

	*ret_count = 0;
	if (store_effect_list(ctx->env->store, ctx->task->id, &list, &ignored) < 0)
		return false;
	for (size_t i = 0; i < list.count; i++)
		if (str_eq(list.rows[i].kind, "comment") &&
			str_starts(list.rows[i].slot, begin))
			(*ret_count)++;
	return true;
}

/* A retried task's words are told apart from those that it said before: "41", then "41-2". */
static bool marker_of(const struct task_ctx *ctx, const char *kind, char *ret)
{
	char task[48];
	size_t before;
	struct github_marker marker = {.repo_id = ctx->task->repo_id,
		.number = ctx->task->number,
		.task = task,
		.kind = kind};

	if (!comments_before(ctx, kind, &before))
		return false;
	if (before > 0)
		snprintf(task, sizeof task, "%lld-%zu", (long long)ctx->task->id,
			before + 1);
	else
		snprintf(task, sizeof task, "%lld", (long long)ctx->task->id);
	return github_marker(
		&marker, ctx->env->marker_key, sizeof ctx->env->marker_key, ret);
}

/* The comment that an earlier attempt may have made; doubles of a lost answer go away. */
static int adopt_comment(
	struct task_ctx *ctx, const char *marker, int64_t *ret_id, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	int64_t ids[FOUND_MAX];
	size_t count = 0;

	*ret_id = 0;
	if (github_comment_find(ctx->env->github, &repo, ctx->task->number,
		    ctx->task->created_ms / 1000 - 60, ctx->app.bot.id, marker, ids,
		    FOUND_MAX, &count, ctx->cancel, err) < 0)
		return -1;
	for (size_t i = 1; i < count; i++)
		if (github_comment_delete(
			    ctx->env->github, &repo, ids[i], ctx->cancel, err) < 0)
			return -1;
	if (count > 0)
		*ret_id = ids[0];
	return 0;
}

/* In the thread of the inline comment that asked.  Found again by its marker. */
static int reply_inline(struct task_ctx *ctx, const char *marker, const char *text,
	bool look, int64_t *ret_id, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	int64_t thread = about_number(ctx->task->about, "in_reply_to");
	struct err missing = {0};

	if (look && github_review_reply_find(ctx->env->github, &repo, ctx->task->number,
			    ctx->app.bot.id, marker, ret_id, ctx->cancel, &missing) == 0)
		return 0;
	if (look && missing.kind != ERR_NOT_FOUND) {
		*err = missing;
		return -1;
	}
	return github_review_reply(ctx->env->github, &repo, ctx->task->number,
		thread > 0 ? thread : ctx->task->comment_id, text, ret_id, ctx->cancel,
		err);
}

/* Makes the comment once.  *ret_id is 0 when GitHub refuses it for good. */
static int comment_once(struct task_ctx *ctx, const char *kind, const char *body,
	int64_t *ret_id, struct err *err)
{
	struct store_effect_key key = effect_key(ctx, "comment", kind);
	struct store *store = ctx->env->store;
	struct github_repo repo = context_repo(ctx);
	CLEANUP(store_effect) struct store_effect row = {0};
	CLEANUP(github_comment) struct github_comment made = {0};
	CLEANUP(strbuf)
	struct strbuf text = STRBUF_INIT(LIMIT_COMMENT + GITHUB_MARKER_SIZE);
	char marker[GITHUB_MARKER_SIZE];
	char remote[24];
	struct err why = {0};

	*ret_id = 0;
	if (is_silent(ctx))
		return 0;
	if (!marker_of(ctx, kind, marker))
		return err_set(
			err, ERR_INTERNAL, "no marker for a comment of kind %s", kind);
	if (store_effect_plan(store, &key, "", &row, ctx->cancel, err) < 0)
		return -1;
	if (row.state == STORE_EFFECT_REFUSED)
		return 0;
	if (row.state == STORE_EFFECT_DONE)
		return str_to_i64(row.remote_id, 1, INT64_MAX, ret_id)
			       ? 0
			       : err_set(err, ERR_INTERNAL, "comment without a number");
	bool look = row.state == STORE_EFFECT_SENT;
	bool thread = is_inline(ctx) && !str_eq(kind, "status");
	if (look && !thread && adopt_comment(ctx, marker, ret_id, err) < 0)
		return err_wrap(err, "look for our comment");
	if (*ret_id == 0) {
		strbuf_addf(&text, "%s\n%s", marker, body);
		if (store_effect_sent(store, &key, clock_wall_ms(), ctx->cancel, err) < 0)
			return -1;
		if ((thread ? reply_inline(
				      ctx, marker, strbuf_str(&text), look, ret_id, &why)
			    : github_comment_create(ctx->env->github, &repo,
				      ctx->task->number, strbuf_str(&text), &made,
				      ctx->cancel, &why)) < 0) {
			if (for_good(&why))
				return note_refusal(ctx, &key, &why, err);
			*err = why;
			return err_wrap(err, "comment");
		}
		if (!thread)
			*ret_id = made.id;
	}
	snprintf(remote, sizeof remote, "%lld", (long long)*ret_id);
	return store_effect_done(
		store, &key, remote, made.url[0] ? made.url : NULL, ctx->cancel, err);
}

/* An edit may simply be repeated; only the last one has to arrive. */
static int edit_comment(
	struct task_ctx *ctx, int64_t id, const char *body, bool now, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	CLEANUP(strbuf)
	struct strbuf text = STRBUF_INIT(LIMIT_COMMENT + GITHUB_MARKER_SIZE);
	char marker[GITHUB_MARKER_SIZE];
	struct err why = {0};

	if (!now && !github_may_edit(ctx->env->github, &repo))
		return 0;
	if (!marker_of(ctx, "status", marker))
		return err_set(err, ERR_INTERNAL, "no marker for the progress comment");
	strbuf_addf(&text, "%s\n%s", marker, body);
	if (github_comment_update(ctx->env->github, &repo, id, strbuf_str(&text),
		    ctx->cancel, &why) == 0 ||
		for_good(&why) || (!now && why.kind == ERR_TRANSIENT))
		return 0;
	*err = why;
	return err_wrap(err, "edit the progress comment");
}

int effect_status(struct task_ctx *ctx, const char *body, bool now, struct err *err)
{
	int64_t gap = ctx->env->config->github_comment_spacing_ms;
	bool fresh = ctx->task->comment_status_id == 0;
	int64_t id;

	if (!fresh && !now && clock_mono_ms() - ctx->commented_ms < gap)
		return 0;
	if (comment_once(ctx, "status", body, &id, err) < 0)
		return -1;
	if (id == 0)
		return 0;
	ctx->commented_ms = clock_mono_ms();
	if (fresh) {
		ctx->task->comment_status_id = id;
		return store_task_save(ctx->env->store, ctx->task, ctx->cancel, err);
	}
	return edit_comment(ctx, id, body, now, err);
}

int effect_answer(
	struct task_ctx *ctx, const char *kind, const char *body, struct err *err)
{
	int64_t id;

	return comment_once(ctx, kind, body, &id, err);
}

/* ---- branch and pull request ---- */

int effect_move_branch(struct task_ctx *ctx, const char *branch, const char *commit,
	const char *expected, char ret_found[REPO_OID_SIZE], struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	CLEANUP(secret) struct secret token = {0};
	struct repo_pushed pushed = {0};
	struct err ignored = {0};

	if (github_token(ctx->env->github, &repo, GITHUB_PUBLISH, &token, ctx->cancel,
		    err) < 0)
		return err_wrap(err, "get a token to push with");
	struct repo_remote remote = context_remote(ctx, &token);
	struct repo_push what = {
		.remote = &remote,
		.commit = commit,
		.branch = branch,
		.expected = expected ? expected : REPO_OID_ZERO,
	};
	int rc = repo_push(ctx->env->repos, &what, &pushed, ctx->cancel, err);
	if (ret_found)
		memcpy(ret_found, pushed.found, REPO_OID_SIZE);
	github_token_revoke(ctx->env->github, &token, NULL, &ignored);
	return rc < 0 ? err_wrap(err, "push %s", branch) : 0;
}

int effect_push(struct task_ctx *ctx, char ret_found[REPO_OID_SIZE], struct err *err)
{
	struct store_effect_key key = effect_key(ctx, "branch", ctx->task->commit_oid);
	struct store *store = ctx->env->store;
	CLEANUP(store_effect) struct store_effect row = {0};

	if (store_effect_plan(store, &key, ctx->task->branch, &row, ctx->cancel, err) < 0)
		return -1;
	if (row.state == STORE_EFFECT_DONE)
		return 0;
	if (store_effect_sent(store, &key, clock_wall_ms(), ctx->cancel, err) < 0 ||
		effect_move_branch(ctx, ctx->task->branch, ctx->task->commit_oid,
			ctx->task->head_oid, ret_found, err) < 0)
		return -1;
	return store_effect_done(
		store, &key, ctx->task->commit_oid, NULL, ctx->cancel, err);
}

/* 1 when it was found. */
static int find_pull(struct task_ctx *ctx, struct github_pull *ret, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	struct err missing = {0};

	if (github_pull_find(ctx->env->github, &repo, ctx->task->branch, ret, ctx->cancel,
		    &missing) == 0)
		return 1;
	if (missing.kind == ERR_NOT_FOUND)
		return 0;
	*err = missing;
	return err_wrap(err, "look for our pull request");
}

int effect_pull(struct task_ctx *ctx, const char *title, const char *body, bool draft,
	struct err *err)
{
	struct store_effect_key key = effect_key(ctx, "pull_request", "");
	struct store *store = ctx->env->store;
	struct github_repo repo = context_repo(ctx);
	CLEANUP(store_effect) struct store_effect row = {0};
	struct github_pull pull = {0};
	struct github_pull_new what = {.title = title,
		.body = body,
		.head = ctx->task->branch,
		.base = ctx->task->target,
		.draft = draft};
	char number[24];
	int found = 0;

	if (store_effect_plan(store, &key, ctx->task->branch, &row, ctx->cancel, err) < 0)
		return -1;
	if (row.state == STORE_EFFECT_DONE)
		return 0;
	if (row.state == STORE_EFFECT_SENT)
		found = find_pull(ctx, &pull, err);
	if (found < 0)
		return -1;
	if (!found) {
		if (store_effect_sent(store, &key, clock_wall_ms(), ctx->cancel, err) < 0)
			return -1;
		if (github_pull_create(ctx->env->github, &repo, &what, &pull, NULL,
			    ctx->cancel, err) < 0)
			return err_wrap(err, "open a pull request");
	}
	ctx->task->pr_number = pull.number;
	store_set(&ctx->task->pr_url, pull.url);
	if (store_task_save(store, ctx->task, ctx->cancel, err) < 0)
		return -1;
	snprintf(number, sizeof number, "%lld", (long long)pull.number);
	return store_effect_done(store, &key, number, pull.url, ctx->cancel, err);
}
