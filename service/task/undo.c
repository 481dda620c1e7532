/* SPDX-License-Identifier: MIT */
/*
 * The last change of a conversation is taken back: the branch stands where it stood before,
 * and the box is made anew from how it was then, with the agent's session.
 *
 * What is to be done is an effect, planned before anything is changed, so that a repeat does
 * the same although the conversation's row has moved on.  A branch that people have moved is
 * left alone.  The first change of a conversation has nothing before it: its pull request is
 * closed and its branch deleted.
 */
#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "prompts/prompts.h"
#include "service/task/context.h"
#include "service/task/effects.h"
#include "service/task/pull_text.h"
#include "service/task/status.h"
#include "service/task/talk_box.h"
#include "service/task/undo_point.h"

#include <string.h>

/* From and to where; "" for nothing. */
struct undo {
	json_t *plan;
	const char *from, *to, *branch, *image, *session;
	int64_t task, pull;
};

static void undo_release(struct undo *u)
{
	json_decref(u->plan);
}
DEFINE_CLEANUP(undo, struct undo, undo_release(value))

static void put_text(json_t *json, const char *key, const char *value)
{
	json_put(json, key, json_str(value ? value : ""));
}

static int print_plan(const struct task_ctx *ctx, struct strbuf *out, struct err *err)
{
	const struct store_conversation *talk = &ctx->talk;
	CLEANUP(json) json_t *json = json_object();

	put_text(json, "from", talk->head_oid);
	put_text(json, "to", talk->undo_oid);
	put_text(json, "branch", talk->branch);
	put_text(json, "image", talk->undo_image);
	put_text(json, "session", talk->undo_session_id);
	json_put(json, "task", json_integer(talk->undo_task_id));
	json_put(json, "pull", json_integer(talk->pr_number));
	return json_print(out, json, err);
}

/* 1, 0 when there is nothing to take back, -1. */
static int plan(struct task_ctx *ctx, struct undo *ret, struct err *err)
{
	CLEANUP(store_effect) struct store_effect row = {0};
	CLEANUP(strbuf) struct strbuf want = STRBUF_INIT(LIMIT_COMMENT);
	struct store_effect_key key = effect_key(ctx, "undo", NULL);
	int rc = effect_find(ctx, "undo", NULL, &row, err);

	if (rc < 0)
		return -1;
	if (rc == 0) {
		if (ctx->talk.undo_task_id == 0 || str_empty(ctx->talk.branch) ||
			str_empty(ctx->talk.head_oid))
			return 0;
		if (print_plan(ctx, &want, err) < 0 ||
			store_effect_plan(ctx->env->store, &key, strbuf_str(&want), &row,
				ctx->cancel, err) < 0)
			return -1;
	}
	ret->plan = json_parse(row.want, strlen(row.want), err);
	if (!ret->plan)
		return -1;
	ret->from = json_or_string(ret->plan, "from", "");
	ret->to = json_or_string(ret->plan, "to", "");
	ret->branch = json_or_string(ret->plan, "branch", "");
	ret->image = json_or_string(ret->plan, "image", "");
	ret->session = json_or_string(ret->plan, "session", "");
	ret->task = json_or_int(ret->plan, "task", 0);
	ret->pull = json_or_int(ret->plan, "pull", 0);
	return 1;
}

/* ---- the branch ------------------------------------------------------------------------ */

/* The mirror must have the commit that the branch goes back to. */
static int look(struct task_ctx *ctx, const struct undo *u, char ret_head[REPO_OID_SIZE],
	struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	CLEANUP(secret) struct secret token = {0};
	CLEANUP(mem) char *ref = mem_printf("refs/heads/%s", u->branch);
	struct repo_mirror mirror;
	struct err missing = {0};

	if (github_token(
		    ctx->env->github, &repo, GITHUB_CLONE, &token, ctx->cancel, err) < 0)
		return err_wrap(err, "get a token to look with");
	struct repo_remote remote = context_remote(ctx, &token);
	if (repo_remote_ref(ctx->env->repos, &remote, ref, ret_head, ctx->cancel, err) <
		0)
		return err_wrap(err, "look at the branch %s", u->branch);
	if (str_eq(ret_head, REPO_OID_ZERO))
		return 0;
	if (repo_mirror_update(ctx->env->repos, &remote, u->branch, NULL, NULL, &mirror,
		    ctx->cancel, &missing) < 0 &&
		missing.kind != ERR_NOT_FOUND) {
		*err = missing;
		return -1;
	}
	return 0;
}

static int stopped(
	struct task_ctx *ctx, const struct undo *u, const char *head, struct err *err)
{
	if (str_eq(head, REPO_OID_ZERO))
		return context_decide(ctx, "stopped_person", err,
			"the branch %s is gone, so nothing was taken back", u->branch);
	return context_decide(ctx, "stopped_person", err,
		"the branch %s stands at %.12s, and the service left it at %.12s: "
		"somebody "
		"pushed to it, so nothing was taken back",
		u->branch, head, u->from);
}

/* 1: it stands where it has to, 0: decided against it, -1. */
static int move_branch(struct task_ctx *ctx, const struct undo *u, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	const char *to = *u->to ? u->to : REPO_OID_ZERO;
	char head[REPO_OID_SIZE];

	if (look(ctx, u, head, err) < 0)
		return -1;
	if (!str_eq(head, to)) {
		if (!str_eq(head, u->from))
			return stopped(ctx, u, head, err);
		if (effect_move_branch(ctx, u->branch, to, u->from, head, err) < 0)
			return err->kind == ERR_CONFLICT ? stopped(ctx, u, head, err)
							 : -1;
	}
	/* Behind the branch, which may be a person's by now.  GitHub closes it by itself, too. */
	if (!*u->to && u->pull > 0 &&
		github_pull_close(ctx->env->github, &repo, u->pull, ctx->cancel, err) < 0)
		return err_wrap(err, "close pull request #%lld", (long long)u->pull);
	return 1;
}

/* ---- the text -------------------------------------------------------------------------- */

/* The pull request's own text must not promise what is gone.  A person's is left alone. */
static int tell_pull(
	struct task_ctx *ctx, const struct undo *u, const char *what, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	CLEANUP(github_issue) struct github_issue pull = {0};
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_COMMENT * 4);

	if (u->pull == 0 || !ctx->talk.ours)
		return 0;
	if (github_issue_get(ctx->env->github, &repo, u->pull, &pull, ctx->cancel, err) <
		0)
		return err_wrap(err, "read pull request #%lld", (long long)u->pull);
	CLEANUP(mem)
	char *part = mem_printf(
		"**Undone:** %s Asked for by @%s.", what, ctx->task->requester_login);
	if (!pull_text_replace(pull.body, part, &body) || body.len > LIMIT_COMMENT)
		return 0;
	return github_pull_update(ctx->env->github, &repo, u->pull, NULL,
		strbuf_str(&body), ctx->cancel, err);
}

static char *sentence(const struct undo *u)
{
	if (*u->to)
		return mem_printf("the run of task %lld was taken back: `%s` stands at "
				  "%.12s again.",
			(long long)u->task, u->branch, u->to);
	return mem_printf("the run of task %lld was taken back: the pull request is "
			  "closed and `%s` deleted.",
		(long long)u->task, u->branch);
}

/* ---- the box --------------------------------------------------------------------------- */

/* As it was before the run; without an image the next task makes a fresh one. */
static int bring_box_back(struct task_ctx *ctx, const struct undo *u, struct err *err)
{
	struct store_conversation *talk = &ctx->talk;
	CLEANUP(mem) char *name = talk_box_name(talk->id);
	char oid[REPO_OID_SIZE];
	struct err gone = {0};

	if (talk_box_clear(ctx->env->core, name, u->image, ctx->cancel, err) < 0)
		return -1;
	store_set(&talk->box_id, NULL);
	store_set(&talk->box_oid, NULL);
	store_set(&talk->session_id, NULL);
	if (!undo_point_oid(u->image, oid))
		return 0;
	if (talk_box_create(ctx, name, u->image, &gone) < 0) {
		if (gone.kind != ERR_NOT_FOUND) {
			*err = gone;
			return -1;
		}
		return context_say(
			ctx, "undo", err, "the box cannot be had back: %s", gone.text);
	}
	if (box_pause(ctx->env->core, name, ctx->cancel, err) < 0)
		return err_wrap(err, "pause the box");
	store_set(&talk->box_id, name);
	store_set(&talk->box_oid, oid);
	store_set(&talk->session_id, *u->session ? u->session : NULL);
	return 0;
}

static int forget(struct task_ctx *ctx, const struct undo *u, struct err *err)
{
	struct store_conversation *talk = &ctx->talk;

	store_set(&talk->head_oid, *u->to ? u->to : NULL);
	store_set(&talk->undo_oid, NULL);
	store_set(&talk->undo_image, NULL);
	store_set(&talk->undo_session_id, NULL);
	talk->undo_task_id = 0;
	if (!*u->to) { /* the work begins anew */
		store_set(&talk->branch, NULL);
		store_set(&talk->pr_url, NULL);
		talk->pr_number = 0;
	}
	return context_keep(ctx, err);
}

static int tell(struct task_ctx *ctx, const char *what, struct err *err)
{
	CLEANUP(mem) char *requester = mem_printf("@%s", ctx->task->requester_login);
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_COMMENT);
	struct prompt_var vars[] = {
		{"requester", requester}, {"what", what}, {"details", ""}};

	if (prompt_render("undone", vars, ARRAY_LEN(vars), &body, err) < 0)
		return -1;
	return effect_answer(ctx, "answer", strbuf_str(&body), err);
}

int step_undo(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(undo) struct undo u = {0};
	int rc = plan(ctx, &u, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return context_decide(ctx, "refused_undo", err,
			"there is no run here that could be taken back; `undo` reverts "
			"only changes that this service made");
	rc = move_branch(ctx, &u, err);
	if (rc <= 0)
		return rc;
	CLEANUP(mem) char *what = sentence(&u);
	if (tell_pull(ctx, &u, what, err) < 0 || bring_box_back(ctx, &u, err) < 0 ||
		forget(ctx, &u, err) < 0 || tell(ctx, what, err) < 0)
		return -1;
	return context_decide(ctx, "undone", err, "%s", what);
}
