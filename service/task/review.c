/* SPDX-License-Identifier: MIT */
/*
 * The agent's findings as one review of the pull request.
 *
 * The review is of the commit that the agent read.  Which lines of it can carry a comment is
 * kept as a row when the prompt is made, for the branch may have moved on when the review is
 * ready.  What stands at no such line goes into the review's text: GitHub refuses a review as
 * a whole for one wrong place.
 */
#include "service/task/review.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/secret.h"
#include "boxcore/base/str.h"
#include "prompts/prompts.h"
#include "service/github/text.h"
#include "service/task/effects.h"
#include "service/task/request_quote.h"
#include "service/task/review_diff.h"
#include "service/task/review_parse.h"
#include "service/task/status.h"

#include <string.h>

#define DIFF_FILE "/tmp/boxwright/change.diff" /* in the box, outside of the work tree */
#define DIFF_SHOWN (24 * LIMIT_KIB)            /* of it in the prompt */
#define DIFF_FILES_SHOWN 500
#define DIFF_LIST_SHOWN (8 * LIMIT_KIB)
#define DIFF "diff" /* kind of effect: the places that can carry a comment, by commit */
#define DIFF_ROW_MAX (512 * LIMIT_KIB)
#define INLINE_MAX 50 /* more is noise */
#define FINDING_MAX 6000

/* ---- what the agent is shown ----------------------------------------------------------- */

/* Places count for the commit that the box is at, and for no other. */
static int keep_places(struct task_ctx *ctx, const struct diff *diff, struct err *err)
{
	struct store_effect_key key = effect_key(ctx, DIFF, ctx->task->base_oid);
	CLEANUP(strbuf) struct strbuf row = STRBUF_INIT(DIFF_ROW_MAX);
	struct err large = {0};

	if (diff_print(diff, &row, &large) < 0)
		return 0;
	return store_effect_plan(
		ctx->env->store, &key, strbuf_str(&row), NULL, ctx->cancel, err);
}

/* 1: read, for the commit that the box is at; 0: larger than GitHub shows, or the branch
 * has moved. */
static int read_diff(struct task_ctx *ctx, struct strbuf *text, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	struct github_pull pull;
	struct err why = {0};

	if (github_pull_diff(ctx->env->github, &repo, ctx->task->number,
		    LIMIT_REVIEW_DIFF, text, ctx->cancel, &why) < 0) {
		strbuf_reset(text);
		if (why.kind == ERR_LIMIT)
			return 0;
		*err = why;
		return err_wrap(err, "read the pull request's diff");
	}
	if (github_pull_get(ctx->env->github, &repo, ctx->task->number, &pull,
		    ctx->cancel, err) < 0)
		return err_wrap(err, "read the pull request");
	return str_eq(pull.head_sha, ctx->task->base_oid);
}

int review_changes(struct task_ctx *ctx, struct strbuf *where, struct strbuf *blocks,
	struct err *err)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_REVIEW_DIFF);
	CLEANUP(strbuf) struct strbuf list = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(diff) struct diff diff = {0};
	int rc = read_diff(ctx, &text, err);

	if (rc < 0)
		return -1;
	if (rc == 0 || text.len == 0) {
		strbuf_adds(where, "Its diff cannot be shown here; find it with git.");
		return 0;
	}
	diff_parse(strbuf_str(&text), text.len, &diff);
	diff_list(&diff, DIFF_FILES_SHOWN, &list);
	if (keep_places(ctx, &diff, err) < 0)
		return -1;
	if (box_file_put(ctx->env->core, ctx->task->box_id, DIFF_FILE, 0644,
		    strbuf_str(&text), text.len, ctx->cancel, err) < 0)
		return err_wrap(err, "write %s into the box", DIFF_FILE);
	strbuf_adds(where, "The whole diff lies in `" DIFF_FILE "`.");
	if (request_quote_text("the files that are changed, with lines added and removed",
		    strbuf_str(&list), DIFF_LIST_SHOWN, blocks, err) < 0)
		return -1;
	return request_quote_text("the diff", strbuf_str(&text), DIFF_SHOWN, blocks, err);
}

void review_keep(struct store_task *task, const char *answer)
{
	CLEANUP(strbuf) struct strbuf told = STRBUF_INIT(LIMIT_MIB * 2);
	CLEANUP(strbuf) struct strbuf row = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(review) struct review review = {0};

	if (str_empty(answer))
		return;
	secret_redact(&told, answer, strlen(answer));
	review_parse(strbuf_str(&told), told.len, &review);
	review_print(&review, &row);
	store_set(&task->summary, strbuf_str(&row));
}

/* ---- its text -------------------------------------------------------------------------- */

struct made {
	struct review review;
	struct diff places;
	struct github_review_comments inlines;
	struct strbuf rest; /* findings without a line of their own, as Markdown */
	size_t nrest;
	bool moved;                 /* the branch has, since the agent read it */
	char head[GITHUB_OID_SIZE]; /* now */
};

static void made_release(struct made *made)
{
	review_release(&made->review);
	diff_release(&made->places);
	github_review_comments_release(&made->inlines);
	strbuf_release(&made->rest);
}
DEFINE_CLEANUP(made, struct made, made_release(value))

static void add_text(const struct review_finding *f, struct strbuf *out)
{
	strbuf_addf(out, "**%s**: ", review_severity_name(f->severity));
	status_clean(out, f->text, FINDING_MAX);
}

static void add_inline(struct made *made, const struct review_finding *f)
{
	struct github_review_comment *row = &made->inlines.rows[made->inlines.count++];
	struct strbuf body = STRBUF_INIT(LIMIT_COMMENT);

	add_text(f, &body);
	*row = (struct github_review_comment){
		.path = mem_strdup(f->path),
		.line = f->line,
		.start = f->start,
		.body = strbuf_take(&body),
	};
}

static void add_rest(struct made *made, const struct review_finding *f)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_COMMENT);

	strbuf_adds(&text, "- ");
	if (!str_empty(f->path)) {
		github_text_code(&text, f->path, strlen(f->path), 200);
		if (f->line > 0)
			strbuf_addf(&text, ", line %lld", (long long)f->line);
		strbuf_adds(&text, ", ");
	}
	add_text(f, &text);
	strbuf_addc(&text, '\n');
	made->nrest++;
	if (made->rest.len + text.len < LIMIT_COMMENT - 10000)
		strbuf_add(&made->rest, strbuf_str(&text), text.len);
}

/* Where each finding goes.  A range that the diff does not hold may still end in it. */
static void place_findings(struct made *made)
{
	made->inlines.rows = mem_array(INLINE_MAX, sizeof *made->inlines.rows);
	for (size_t i = 0; i < made->review.count; i++) {
		struct review_finding *f = &made->review.rows[i];

		if (!diff_has(&made->places, f->path, f->start, f->line))
			f->start = 0;
		if (made->inlines.count < INLINE_MAX &&
			diff_has(&made->places, f->path, f->start, f->line))
			add_inline(made, f);
		else
			add_rest(made, f);
	}
}

static void add_notes(
	const struct task_ctx *ctx, const struct made *made, struct strbuf *out)
{
	if (made->moved)
		strbuf_addf(out,
			"The branch has moved on to `%.12s` since: this is a review of "
			"`%.12s`.\n",
			made->head, ctx->task->base_oid);
	if (made->review.dropped > 0)
		strbuf_addf(out, "%zu further findings are left out here.\n",
			made->review.dropped);
	if (!made->review.form)
		strbuf_adds(out, "The agent did not give its findings in the form that "
				 "can be put at lines.\n");
}

static void add_findings(const struct made *made, struct strbuf *out)
{
	if (made->review.count == 0 && made->review.form)
		strbuf_adds(out, "Nothing was found that has to be changed.");
	if (made->inlines.count > 0)
		strbuf_addf(out, "%zu %s at the lines below.", made->inlines.count,
			made->inlines.count == 1 ? "finding stands" : "findings stand");
	if (made->nrest > 0)
		strbuf_addf(out, "%s%s that cannot stand at a line of the diff:\n\n%s",
			made->inlines.count > 0 ? "\n\n" : "",
			made->nrest == 1 ? "One finding" : "Findings",
			strbuf_str(&made->rest));
}

static int write_body(struct task_ctx *ctx, const struct made *made, const char *marker,
	struct strbuf *out, struct err *err)
{
	CLEANUP(strbuf) struct strbuf summary = STRBUF_INIT(LIMIT_COMMENT);
	CLEANUP(strbuf) struct strbuf findings = STRBUF_INIT(LIMIT_COMMENT * 2);
	CLEANUP(strbuf) struct strbuf notes = STRBUF_INIT(LIMIT_COMMENT);
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_COMMENT * 4);
	CLEANUP(mem) char *requester = mem_printf("@%s", ctx->task->requester_login);
	CLEANUP(mem) char *commit = mem_printf("`%.12s`", ctx->task->base_oid);

	status_clean(&summary, made->review.summary, 8000);
	add_findings(made, &findings);
	add_notes(ctx, made, &notes);
	struct prompt_var vars[] = {
		{"commit", commit},
		{"summary", strbuf_str(&summary)},
		{"findings", strbuf_str(&findings)},
		{"notes", strbuf_str(&notes)},
		{"requester", requester},
	};
	if (prompt_render("review_body", vars, ARRAY_LEN(vars), &body, err) < 0)
		return -1;
	github_text_cut(&body, LIMIT_COMMENT - GITHUB_MARKER_SIZE,
		"(The rest is left out here.)");
	strbuf_addf(out, "%s\n%s", marker, strbuf_str(&body));
	return 0;
}

/* ---- making it ------------------------------------------------------------------------- */

static int load_places(struct task_ctx *ctx, struct diff *ret, struct err *err)
{
	CLEANUP(store_effect) struct store_effect row = {0};
	int rc = effect_find(ctx, DIFF, ctx->task->base_oid, &row, err);

	return rc > 0 ? diff_load(row.want, ret, err) : rc;
}

static int make(struct task_ctx *ctx, struct made *made, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	struct github_pull pull;

	strbuf_init(&made->rest, LIMIT_COMMENT * 2);
	if (github_pull_get(ctx->env->github, &repo, ctx->task->number, &pull,
		    ctx->cancel, err) < 0)
		return err_wrap(err, "read the pull request");
	str_copy(made->head, sizeof made->head, pull.head_sha);
	made->moved = !str_eq(pull.head_sha, ctx->task->base_oid);
	if (load_places(ctx, &made->places, err) < 0)
		return -1;
	review_parse(ctx->task->summary, strlen(ctx->task->summary), &made->review);
	place_findings(made);
	return 0;
}

/* GitHub's own view of the lines may differ from ours, and a commit may be gone: then the
 * words stand without places. */
static int post(struct task_ctx *ctx, struct made *made, const char *marker,
	int64_t *ret_id, char url[GITHUB_URL_SIZE], struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_COMMENT);
	struct err why = {0};

	if (write_body(ctx, made, marker, &body, err) < 0)
		return -1;
	if (github_review_create(ctx->env->github, &repo, ctx->task->number,
		    ctx->task->base_oid, "COMMENT", strbuf_str(&body), &made->inlines,
		    ret_id, url, ctx->cancel, &why) == 0)
		return 0;
	if (why.kind != ERR_INPUT) {
		*err = why;
		return err_wrap(err, "make the review");
	}
	if (context_say(ctx, "error", err, "the review without its lines: %s", why.text) <
		0)
		return -1;
	github_review_comments_release(&made->inlines);
	made->inlines = (struct github_review_comments){0};
	strbuf_reset(&made->rest);
	made->nrest = 0;
	for (size_t i = 0; i < made->review.count; i++)
		add_rest(made, &made->review.rows[i]);
	strbuf_reset(&body);
	if (write_body(ctx, made, marker, &body, err) < 0)
		return -1;
	if (github_review_create(ctx->env->github, &repo, ctx->task->number, made->head,
		    "COMMENT", strbuf_str(&body), &made->inlines, ret_id, url,
		    ctx->cancel, err) < 0)
		return err_wrap(err, "make the review");
	return 0;
}

/* 1 when an earlier attempt made it. */
static int find(
	struct task_ctx *ctx, const char *marker, int64_t *ret_id, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	struct err missing = {0};

	if (github_review_find(ctx->env->github, &repo, ctx->task->number,
		    ctx->app.bot.id, marker, ret_id, ctx->cancel, &missing) == 0)
		return 1;
	if (missing.kind == ERR_NOT_FOUND)
		return 0;
	*err = missing;
	return err_wrap(err, "look for our review");
}

/* Once, also when the answer to an earlier attempt was lost. */
static int make_once(struct task_ctx *ctx, const struct store_effect_key *key,
	const char *marker, struct err *err)
{
	CLEANUP(store_effect) struct store_effect row = {0};
	CLEANUP(made) struct made made = {0};
	char url[GITHUB_URL_SIZE] = "", remote[24];
	int64_t id = 0;
	int found = 0;

	if (store_effect_plan(ctx->env->store, key, "", &row, ctx->cancel, err) < 0)
		return -1;
	if (row.state == STORE_EFFECT_DONE)
		return 0;
	if (row.state == STORE_EFFECT_SENT)
		found = find(ctx, marker, &id, err);
	if (found < 0)
		return -1;
	if (!found && (make(ctx, &made, err) < 0 ||
			      store_effect_sent(ctx->env->store, key, clock_wall_ms(),
				      ctx->cancel, err) < 0 ||
			      post(ctx, &made, marker, &id, url, err) < 0))
		return -1;
	snprintf(remote, sizeof remote, "%lld", (long long)id);
	return store_effect_done(
		ctx->env->store, key, remote, url[0] ? url : NULL, ctx->cancel, err);
}

/* From here on the row says what the review said; a repeat reads it as the same words. */
static int keep_words(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(review) struct review review = {0};
	CLEANUP(strbuf) struct strbuf words = STRBUF_INIT(LIMIT_COMMENT);

	review_parse(ctx->task->summary, strlen(ctx->task->summary), &review);
	status_clean(&words, review.summary, 8000);
	store_set(&ctx->task->summary, strbuf_str(&words));
	return store_task_save(ctx->env->store, ctx->task, ctx->cancel, err);
}

int step_review(struct task_ctx *ctx, struct err *err)
{
	struct store_effect_key key = effect_key(ctx, "review", NULL);
	char task[24], marker[GITHUB_MARKER_SIZE];
	struct github_marker what = {.repo_id = ctx->task->repo_id,
		.number = ctx->task->number,
		.task = task,
		.kind = "review"};

	if (str_empty(ctx->task->summary))
		return context_decide(
			ctx, "failed_agent", err, "the agent ended without an answer");
	snprintf(task, sizeof task, "%lld", (long long)ctx->task->id);
	if (!github_marker(
		    &what, ctx->env->marker_key, sizeof ctx->env->marker_key, marker))
		return err_set(err, ERR_INTERNAL, "no marker for a review");
	if (status_update(ctx, "review", false, err) < 0 ||
		make_once(ctx, &key, marker, err) < 0 || keep_words(ctx, err) < 0)
		return -1;
	return context_decide(ctx, "reviewed", err, "there is a review");
}
