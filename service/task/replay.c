/* SPDX-License-Identifier: MIT */
/*
 * The step between prepare and work of a rebase: the merge, and the box if there is a conflict.
 *
 * What the merge came to is an effect under the two commits that were merged, so that every
 * later step, in whatever process, knows the same; a task that has to begin again on a newer
 * base makes another one.
 */
#include "service/task/replay.h"

#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "prompts/prompts.h"
#include "prompts/untrusted.h"
#include "service/github/text.h"
#include "service/task/box_git.h"
#include "service/task/collect.h"
#include "service/task/commit.h"
#include "service/task/effects.h"
#include "service/task/gate.h"
#include "service/task/mend.h"
#include "service/task/prepared.h"
#include "service/task/replay_marks.h"
#include "service/task/request_quote.h"
#include "service/task/talk_box.h"
#include "service/task/undo_point.h"

#include <string.h>
#include <unistd.h>

void replay_release(struct replay *replay)
{
	free(replay->onto);
	free(replay->head);
	free(replay->marked);
	free(replay->files);
	free(replay->person);
	*replay = (struct replay){0};
}

/* ---- the row --------------------------------------------------------------------------- */

#define KIND "replay"
#define SLOT_SIZE 32

/* The two commits that are merged. */
static const char *slot_of(const struct task_ctx *ctx, char slot[SLOT_SIZE])
{
	snprintf(
		slot, SLOT_SIZE, "%.12s-%.12s", ctx->task->base_oid, ctx->task->head_oid);
	return slot;
}

static int keep(struct task_ctx *ctx, const struct repo_replayed *r, const char *marked,
	struct err *err)
{
	CLEANUP(json) json_t *json = json_object();
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_STORE_TEXT);
	char slot[SLOT_SIZE];
	struct store_effect_key key = effect_key(ctx, KIND, slot_of(ctx, slot));
	size_t shown = strnlen(r->conflicts, LIMIT_MEND_LOG);

	json_put(json, "marked", json_str(marked));
	json_put(json, "clean", json_boolean(r->clean));
	json_put(json, "merge", json_boolean(r->person_commit[0] != '\0'));
	json_put(json, "files",
		json_text(r->conflicts, str_utf8_cut(r->conflicts, shown)));
	json_put(json, "count", json_integer(r->nconflicts));
	json_put(json, "person", json_str(r->person));
	if (json_print(&text, json, err) < 0)
		return -1;
	return store_effect_plan(
		ctx->env->store, &key, strbuf_str(&text), NULL, ctx->cancel, err);
}

int replay_load(struct task_ctx *ctx, struct replay *ret, struct err *err)
{
	const struct store_task *task = ctx->task;
	CLEANUP(store_effect) struct store_effect row = {0};
	CLEANUP(json) json_t *json = NULL;
	char slot[SLOT_SIZE];

	if (!str_eq(task->verb, "rebase") || str_empty(task->base_oid) ||
		str_empty(task->head_oid))
		return 0;
	int rc = effect_find(ctx, KIND, slot_of(ctx, slot), &row, err);
	if (rc <= 0)
		return rc;
	json = json_parse(row.want, strlen(row.want), err);
	if (!json)
		return err_wrap(err, "the row of the replay");
	*ret = (struct replay){
		.onto = mem_strdup(task->base_oid),
		.head = mem_strdup(task->head_oid),
		.marked = mem_strdup(json_or_string(json, "marked", "")),
		.clean = json_or_bool(json, "clean", false),
		.merge = json_or_bool(json, "merge", false),
		.files = mem_strdup(json_or_string(json, "files", "")),
		.person = mem_strdup(json_or_string(json, "person", "")),
		.nfiles = json_or_int(json, "count", 0),
	};
	return 1;
}

/* ---- the merge ------------------------------------------------------------------------- */

/* The merged tree as a commit, for the way into the box and as what the work is held
 * against.  It is never pushed. */
static int commit_marked(struct task_ctx *ctx, const struct repo_replayed *r,
	char ret[REPO_OID_SIZE], struct err *err)
{
	CLEANUP(mem) char *name = mem_printf("%lld-merged", (long long)ctx->task->id);
	CLEANUP(mem) char *email = commit_email(ctx);
	struct repo_commit commit = {
		.repo_id = ctx->task->repo_id,
		.task = name,
		.base = ctx->task->base_oid,
		.tree = r->tree,
		.author_name = ctx->app.bot.login,
		.author_email = email,
		.time_s = ctx->task->created_ms / 1000,
		.message = "The pull request merged with its new base",
	};

	return repo_commit(ctx->env->repos, &commit, ret, ctx->cancel, err);
}

/* Nothing to be done, and why; the words are the answer's. */
static int nothing(struct task_ctx *ctx, const char *what, struct err *err)
{
	CLEANUP(mem) char *target = mend_target(ctx);
	CLEANUP(mem) char *words = mem_printf("%s %s already.", what, target);

	store_set(&ctx->task->summary, words);
	return context_decide(ctx, "no_change", err, "%s", words);
}

/* 1: go on, 0: decided. */
static int merge(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(mem) char *email = commit_email(ctx);
	CLEANUP(repo_replayed) struct repo_replayed r = {0};
	struct repo_replay what = {.repo_id = ctx->task->repo_id,
		.onto = ctx->task->base_oid,
		.change = ctx->task->head_oid,
		.own_email = email};
	char marked[REPO_OID_SIZE];

	if (repo_replay(ctx->env->repos, &what, &r, ctx->cancel, err) < 0)
		return err_wrap(err, "merge the pull request with its base");
	if (r.up_to_date)
		return nothing(ctx, "The branch stands on the newest commit of", err);
	if (r.empty)
		return nothing(ctx, "All that the pull request changes is in", err);
	if (commit_marked(ctx, &r, marked, err) < 0 || keep(ctx, &r, marked, err) < 0)
		return -1;
	if (context_say(ctx, "replay", err, "%lld commits on %.12s: %s%lld conflicts%s",
		    (long long)r.commits, ctx->task->base_oid,
		    r.clean ? "no conflict, " : "", (long long)r.nconflicts,
		    r.person_commit[0] ? "; a person's commits are there, so the base is "
					 "merged into the branch"
				       : "") < 0)
		return -1;
	return 1;
}

/* Without a conflict the result is known. */
static int take_clean(struct task_ctx *ctx, const struct replay *replay, struct err *err)
{
	CLEANUP(repo_result) struct repo_result result = {0};
	CLEANUP(mem) char *target = mend_target(ctx);
	CLEANUP(mem)
	char *words = mem_printf(
		"%s the newest commit of %s (%.12s), without a conflict.",
		replay->merge ? "Merged with" : "Replayed on", target, replay->onto);

	if (undo_point_plan(ctx, false, err) < 0 ||
		repo_compare(ctx->env->repos, ctx->task->repo_id, replay->onto,
			replay->marked, &result, ctx->cancel, err) < 0 ||
		collect_keep(ctx, &result, err) < 0)
		return -1;
	store_set(&ctx->task->summary, words);
	store_set(&ctx->detail, "no conflict");
	ctx->go = "verify";
	return 0;
}

/* ---- the box --------------------------------------------------------------------------- */

/* The new base is HEAD, the merged files lie in the work tree. */
static int put_marked(struct task_ctx *ctx, const struct replay *replay, struct err *err)
{
	CLEANUP(mem) char *dir = context_dir(ctx);
	CLEANUP(mem) char *file = context_path(ctx, "merged.pack");
	CLEANUP(repo_pack) struct repo_pack pack = {0};
	const char *const argv[] = {
		"git", "-C", dir, "reset", "-q", "--soft", replay->onto, NULL};
	struct box_git git = {
		.core = ctx->env->core, .box = ctx->task->box_id, .dir = dir};
	CLEANUP(run_result)
	struct run_result said = {.out = STRBUF_INIT(LIMIT_GIT_TALK),
		.err_out = STRBUF_INIT(LIMIT_GIT_TALK)};
	struct run_spec spec = {.argv = argv, .cwd = "/"};

	if (repo_pack(ctx->env->repos, ctx->task->repo_id, replay->marked, replay->onto,
		    file, 0, &pack, ctx->cancel, err) < 0)
		return err_wrap(err, "pack the merged files");
	int rc = box_git_update(&git, ctx->task->default_branch, replay->marked, file,
		&pack, ctx->cancel, err);
	unlink(file);
	if (rc < 0)
		return err_wrap(err, "put the merged files into the box");
	if (run_capture(ctx->env->core, ctx->task->box_id, &spec, NULL, 0, &said,
		    ctx->cancel, err) < 0)
		return err_wrap(err, "git in the box");
	if (said.exit_code != 0)
		return err_set(err, ERR_INPUT,
			"git reset in the box ended with %d: %.200s", said.exit_code,
			strbuf_str(&said.err_out));
	return 0;
}

static int open_box(struct task_ctx *ctx, const struct replay *replay, struct err *err)
{
	CLEANUP(store_prepared) struct store_prepared prepared = {0};

	if (prepared_again(ctx, &prepared, err) < 0)
		return -1;
	if (ctx->outcome)
		return 0;
	if (talk_box_open(ctx, &prepared, err) < 0)
		return -1;
	return put_marked(ctx, replay, err);
}

int step_replay(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(replay) struct replay replay = {0};

	if (str_empty(ctx->task->head_oid)) {
		const char *why = "there is no open pull request here whose branch could "
				  "be replayed";
		if (gate_tell(ctx, why, err) < 0)
			return -1;
		return context_decide(ctx, "refused_verb", err, "%s", why);
	}
	if (context_file(ctx, err) < 0)
		return -1;
	int rc = replay_load(ctx, &replay, err);
	if (rc == 0) {
		rc = merge(ctx, err);
		if (rc > 0)
			rc = replay_load(ctx, &replay, err);
	}
	if (rc <= 0)
		return rc;
	return replay.clean ? take_clean(ctx, &replay, err) : open_box(ctx, &replay, err);
}

/* ---- what collect and the prompt ask --------------------------------------------------- */

int replay_work_base(struct task_ctx *ctx, char **ret, struct err *err)
{
	CLEANUP(replay) struct replay replay = {0};
	int rc = replay_load(ctx, &replay, err);

	if (rc < 0)
		return -1;
	*ret = mem_strdup(rc > 0 ? replay.marked : ctx->task->base_oid);
	return 0;
}

/* No marker of ours may be left in a file that was in conflict. */
static int check_marks(struct task_ctx *ctx, const struct replay *replay,
	const char *tree, struct err *err)
{
	CLEANUP(mem) char *list = mem_strdup(replay->files);
	char *rest = list, *line;

	while ((line = strsep(&rest, "\n"))) {
		CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_RESULT_BLOB);
		struct err why = {0};
		char *end = replay_path_end(line);

		if (!end)
			continue;
		*end = '\0';
		if (repo_file_read(ctx->env->repos, ctx->task->repo_id, tree, line,
			    LIMIT_RESULT_BLOB, &text, ctx->cancel, &why) < 0) {
			if (why.kind == ERR_CANCELLED || why.kind == ERR_TRANSIENT) {
				*err = why;
				return -1;
			}
			continue; /* deleted, or no file of lines */
		}
		if (replay_has_marks(strbuf_str(&text), text.len))
			return err_set(err, ERR_INPUT,
				"conflict markers are left in %.200s", line);
	}
	return 0;
}

int replay_collected(struct task_ctx *ctx, struct repo_result *result, struct err *err)
{
	CLEANUP(replay) struct replay replay = {0};
	CLEANUP(repo_result) struct repo_result shown = {0};
	char tree[REPO_OID_SIZE];
	int rc = replay_load(ctx, &replay, err);

	if (rc <= 0)
		return rc;
	if (result->no_change && !replay.clean)
		return err_set(
			err, ERR_INPUT, "the agent left all conflicts as they were");
	str_copy(tree, sizeof tree, result->tree);
	if (check_marks(ctx, &replay, tree, err) < 0 ||
		repo_compare(ctx->env->repos, ctx->task->repo_id, replay.onto, tree,
			&shown, ctx->cancel, err) < 0)
		return -1;
	repo_result_release(result);
	*result = shown;
	shown = (struct repo_result){0};
	return 0;
}

/* "- `path`: what", each line of the list. */
static void list_files(const struct replay *replay, struct strbuf *out)
{
	CLEANUP(mem) char *list = mem_strdup(replay->files);
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_PROMPT);
	char *rest, *line;
	int64_t shown = 0;

	prompt_clean_untrusted(&clean, list, strlen(list));
	free(TAKE(list));
	list = strbuf_take(&clean);
	rest = list;
	while (list && (line = strsep(&rest, "\n"))) {
		char *end = replay_path_end(line);

		if (!end)
			continue;
		*end = '\0';
		for (char *c = line; *c; c++)
			if (*c == '`')
				*c = '?';
		strbuf_addf(out, "- `%s`: %s\n", line, end + 2);
		shown++;
	}
	if (replay->nfiles > shown)
		strbuf_addf(out,
			"- and %lld more: `git grep -l '^<<<<<<< the new base'`\n",
			(long long)(replay->nfiles - shown));
}

int replay_prompt(
	struct task_ctx *ctx, const char *dir, struct strbuf *out, struct err *err)
{
	CLEANUP(replay) struct replay replay = {0};
	CLEANUP(strbuf) struct strbuf files = STRBUF_INIT(LIMIT_PROMPT);
	CLEANUP(strbuf) struct strbuf thread = STRBUF_INIT(LIMIT_PROMPT);
	CLEANUP(mem) char *checks = request_own_checks(ctx);
	CLEANUP(mem) char *target = mend_target(ctx);
	CLEANUP(mem)
	char *subject = mem_printf("Pull request #%lld", (long long)ctx->task->pr_number);
	struct github_repo repo = context_repo(ctx);
	CLEANUP(mem) char *repository = mem_printf("%s/%s", repo.owner, repo.name);
	int rc = replay_load(ctx, &replay, err);

	if (rc < 0 || mend_quote_pull(ctx, &thread, err) < 0)
		return -1;
	if (rc == 0)
		return err_set(err, ERR_INTERNAL, "a rebase without its merge");
	list_files(&replay, &files);
	struct prompt_var vars[] = {
		{"repository", repository},
		{"folder", dir},
		{"subject", subject},
		{"target", target},
		{"files", strbuf_str(&files)},
		{"checks", checks},
		{"thread", strbuf_str(&thread)},
	};
	return prompt_render("replay", vars, ARRAY_LEN(vars), out, err);
}
