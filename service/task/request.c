/* SPDX-License-Identifier: MIT */
/* The prompt of a task, from its row and its base commit. */
#include "service/task/request.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "prompts/prompts.h"
#include "prompts/untrusted.h"
#include "service/task/about.h"
#include "service/task/checks.h"
#include "service/task/job.h"
#include "service/task/mend.h"
#include "service/task/replay.h"
#include "service/task/request_quote.h"
#include "service/task/review.h"

#include <string.h>

#define PROJECT_MAX (48 * LIMIT_KIB)
#define SHOWN_MAX (64 * LIMIT_KIB) /* output of checks in one block */

/* In the order of how widely they are read; the first one counts. */
static const char *const project_files[] = {
	"AGENTS.md", "CLAUDE.md", "GEMINI.md", ".github/copilot-instructions.md"};

static char *repository_name(const struct task_ctx *ctx)
{
	struct github_repo repo = context_repo(ctx);

	return mem_printf("%s/%s", repo.owner, repo.name);
}

/* What the work tree stands at, for the first sentence. */
static char *place_of(const struct task_ctx *ctx)
{
	int64_t pull = ctx->talk.pr_number > 0 ? ctx->talk.pr_number
		       : ctx->task->is_pull    ? ctx->task->number
					       : 0;
	const char *target = ctx->task->target ? ctx->task->target : ctx->talk.target;

	if (pull == 0)
		return mem_strdup("at the newest commit of its default branch");
	CLEANUP(mem) char *name = target ? mend_branch(target) : NULL;
	return mem_printf("at the newest commit of pull request #%lld%s%s",
		(long long)pull, target ? ", which is to be merged into " : "",
		target ? name : "");
}

static int intro(
	struct task_ctx *ctx, const char *dir, struct strbuf *out, struct err *err)
{
	CLEANUP(mem) char *repository = repository_name(ctx);
	CLEANUP(mem) char *place = place_of(ctx);
	struct prompt_var vars[] = {
		{"repository", repository}, {"folder", dir}, {"place", place}};
	bool again = context_goes_on(ctx);
	int rc = prompt_render(again ? "intro_again" : "intro", vars,
		again ? ARRAY_LEN(vars) - 1 : ARRAY_LEN(vars), out, err);

	while (out->len > 0 && out->data[out->len - 1] == '\n')
		out->data[--out->len] = '\0';
	return rc;
}

/* The parts that the texts of all verbs are made of. */
struct parts {
	struct strbuf intro, request, thread;
	char *subject, *checks;
};

static void parts_release(struct parts *parts)
{
	strbuf_release(&parts->intro);
	strbuf_release(&parts->request);
	strbuf_release(&parts->thread);
	free(parts->subject);
	free(parts->checks);
}
DEFINE_CLEANUP(parts, struct parts, parts_release(value))

/* Without words of its own the request is the issue itself, also in a session that knows it:
 * that may have been edited. */
static int make_parts(
	struct task_ctx *ctx, const char *dir, struct parts *parts, struct err *err)
{
	const struct store_task *task = ctx->task;

	strbuf_init(&parts->intro, LIMIT_PROMPT);
	strbuf_init(&parts->request, LIMIT_PROMPT);
	strbuf_init(&parts->thread, LIMIT_PROMPT);
	parts->subject = mem_printf("%s #%lld", task->is_pull ? "pull request" : "issue",
		(long long)task->number);
	parts->checks = request_own_checks(ctx);
	if (intro(ctx, dir, &parts->intro, err) < 0 ||
		request_quote(ctx, task, &parts->request, err) < 0)
		return -1;
	if (parts->request.len == 0 && !str_eq(task->verb, "review"))
		return request_quote_subject(ctx, true, &parts->request, err);
	return context_goes_on(ctx)
		       ? 0
		       : request_quote_subject(ctx, false, &parts->thread, err);
}

static int review_prompt(struct task_ctx *ctx, const char *dir, const struct parts *parts,
	struct strbuf *out, struct err *err)
{
	CLEANUP(strbuf) struct strbuf where = STRBUF_INIT(LIMIT_PROMPT);
	CLEANUP(strbuf) struct strbuf changes = STRBUF_INIT(LIMIT_PROMPT);

	if (review_changes(ctx, &where, &changes, err) < 0)
		return -1;
	struct prompt_var vars[] = {
		{"intro", strbuf_str(&parts->intro)},
		{"folder", dir},
		{"subject", parts->subject},
		{"diff", strbuf_str(&where)},
		{"checks", parts->checks},
		{"request", strbuf_str(&parts->request)},
		{"thread", strbuf_str(&parts->thread)},
		{"changes", strbuf_str(&changes)},
	};
	return prompt_render("review", vars, ARRAY_LEN(vars), out, err);
}

/* Which text, and which of the variables it has: the last two are left out by some. */
static int verb_prompt(struct task_ctx *ctx, const char *dir, const struct parts *parts,
	struct strbuf *out, struct err *err)
{
	const char *verb = ctx->task->verb;
	bool carry_out = about_flag(ctx->task->about, "plan");
	bool again = str_eq(verb, "fix") && !carry_out && context_goes_on(ctx);
	bool ask = str_eq(verb, "ask");
	const char *name = carry_out              ? "plan_carry_out"
			   : again                ? "follow_up"
			   : ask                  ? "ask"
			   : str_eq(verb, "plan") ? "plan"
						  : "fix";
	struct prompt_var vars[6] = {
		{"intro", strbuf_str(&parts->intro)},
		{"folder", dir},
		{"subject", parts->subject},
		{"request", strbuf_str(&parts->request)},
	};
	size_t count = 4;

	if (!ask)
		vars[count++] = (struct prompt_var){"checks", parts->checks};
	if (!again)
		vars[count++] = (struct prompt_var){"thread", strbuf_str(&parts->thread)};
	return prompt_render(name, vars, count, out, err);
}

int request_prompt(
	struct task_ctx *ctx, const char *dir, struct strbuf *out, struct err *err)
{
	CLEANUP(parts) struct parts parts = {0};

	if (str_eq(ctx->task->verb, "job")) {
		CLEANUP(mem) char *checks = request_own_checks(ctx);
		return job_prompt(ctx, dir, checks, out, err);
	}
	if (str_eq(ctx->task->verb, "repair"))
		return mend_prompt(ctx, dir, out, err);
	if (str_eq(ctx->task->verb, "rebase"))
		return replay_prompt(ctx, dir, out, err);
	if (make_parts(ctx, dir, &parts, err) < 0)
		return -1;
	if (str_eq(ctx->task->verb, "review"))
		return review_prompt(ctx, dir, &parts, out, err);
	return verb_prompt(ctx, dir, &parts, out, err);
}

int request_more(struct task_ctx *ctx, const struct store_task *taken, const char *dir,
	struct strbuf *out, struct err *err)
{
	CLEANUP(strbuf) struct strbuf request = STRBUF_INIT(LIMIT_PROMPT);

	if (request_quote(ctx, taken, &request, err) < 0)
		return -1;
	if (request.len == 0 && request_quote_subject(ctx, true, &request, err) < 0)
		return -1;
	struct prompt_var vars[] = {{"folder", dir}, {"request", strbuf_str(&request)}};
	return prompt_render("more", vars, ARRAY_LEN(vars), out, err);
}

int request_repair(
	struct task_ctx *ctx, const char *dir, struct strbuf *out, struct err *err)
{
	CLEANUP(checks) struct checks checks = {0};
	CLEANUP(strbuf) struct strbuf failed = STRBUF_INIT(LIMIT_PROMPT);
	CLEANUP(strbuf) struct strbuf quoted = STRBUF_INIT(LIMIT_PROMPT);
	struct prompt_source source = {
		.what = "failed checks and the ends of their output"};

	if (checks_load(ctx, &checks, err) < 0)
		return -1;
	checks_report(&checks, &failed);
	if (prompt_quote(&quoted, &source, strbuf_str(&failed), failed.len, SHOWN_MAX,
		    err) < 0)
		return -1;
	struct prompt_var vars[] = {{"folder", dir}, {"checks", strbuf_str(&quoted)}};
	return prompt_render("repair", vars, ARRAY_LEN(vars), out, err);
}

int request_instructions(struct task_ctx *ctx, struct strbuf *out, struct err *err)
{
	CLEANUP(mem) char *repository = repository_name(ctx);
	CLEANUP(strbuf) struct strbuf project = STRBUF_INIT(PROJECT_MAX * 4);

	for (size_t i = 0; i < ARRAY_LEN(project_files) && project.len == 0; i++) {
		CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(PROJECT_MAX);
		struct err missing = {0};

		if (repo_file_read(ctx->env->repos, ctx->task->repo_id,
			    ctx->task->rules_oid, project_files[i], PROJECT_MAX, &text,
			    ctx->cancel, &missing) < 0) {
			if (missing.kind == ERR_CANCELLED ||
				missing.kind == ERR_TRANSIENT) {
				*err = missing;
				return -1;
			}
			continue;
		}
		strbuf_addf(&project,
			"The project's own %s, from its default branch:\n\n",
			project_files[i]);
		prompt_clean_untrusted(&project, strbuf_str(&text), text.len);
	}
	struct prompt_var vars[] = {
		{"repository", repository}, {"project", strbuf_str(&project)}};
	return prompt_render("instructions", vars, ARRAY_LEN(vars), out, err);
}
