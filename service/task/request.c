/* SPDX-License-Identifier: MIT */
/* The prompt of a task, from its row and its base commit. */
#include "service/task/request.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "prompts/prompts.h"
#include "prompts/untrusted.h"
#include "service/task/checks.h"

#include <string.h>

#define QUOTE_MAX (64 * LIMIT_KIB)
#define PROJECT_MAX (48 * LIMIT_KIB)

/* In the order of how widely they are read; the first one counts. */
static const char *const project_files[] = {
	"AGENTS.md", "CLAUDE.md", "GEMINI.md", ".github/copilot-instructions.md"};

static char *repository_name(const struct task_ctx *ctx)
{
	struct github_repo repo = context_repo(ctx);

	return mem_printf("%s/%s", repo.owner, repo.name);
}

/* Title and body of the issue; the request itself when the comment says no more. */
static int quote_issue(
	struct task_ctx *ctx, bool is_request, struct strbuf *out, struct err *err)
{
	const struct store_task *task = ctx->task;
	CLEANUP(mem) char *text = mem_printf("%s\n\n%s", task->title, task->issue_body);
	CLEANUP(mem)
	char *what = mem_printf("issue #%lld: title and text", (long long)task->number);
	struct prompt_source source = {.what = what,
		.login = task->issue_author_login,
		.may_write = str_eq(task->issue_author_login, task->requester_login),
		.is_request = is_request};

	return prompt_quote(out, &source, text, strlen(text), QUOTE_MAX, err);
}

static char *checks_of(const struct task_ctx *ctx)
{
	struct strbuf text = STRBUF_INIT(LIMIT_PROMPT);

	if (ctx->file.check.count == 0)
		return mem_strdup("");
	strbuf_adds(&text, "The project's own checks are:\n");
	for (size_t i = 0; i < ctx->file.check.count; i++)
		strbuf_addf(&text, "\n    %s", ctx->file.check.items[i]);
	return strbuf_take(&text);
}

int request_prompt(
	struct task_ctx *ctx, const char *dir, struct strbuf *out, struct err *err)
{
	const struct store_task *task = ctx->task;
	CLEANUP(mem) char *repository = repository_name(ctx);
	CLEANUP(mem) char *subject = mem_printf("issue #%lld", (long long)task->number);
	CLEANUP(mem) char *checks = checks_of(ctx);
	CLEANUP(strbuf) struct strbuf request = STRBUF_INIT(LIMIT_PROMPT);
	CLEANUP(strbuf) struct strbuf thread = STRBUF_INIT(LIMIT_PROMPT);
	bool own_words = !str_empty(task->text);

	if (own_words) {
		struct prompt_source source = {.what = "comment",
			.login = task->requester_login,
			.may_write = true,
			.is_request = true};
		if (prompt_quote(&request, &source, task->text, strlen(task->text),
			    QUOTE_MAX, err) < 0)
			return -1;
	}
	if (quote_issue(ctx, !own_words, own_words ? &thread : &request, err) < 0)
		return -1;
	struct prompt_var vars[] = {
		{"repository", repository},
		{"folder", dir},
		{"subject", subject},
		{"checks", checks},
		{"request", strbuf_str(&request)},
		{"thread", strbuf_str(&thread)},
	};
	return prompt_render("fix", vars, ARRAY_LEN(vars), out, err);
}

int request_more(struct task_ctx *ctx, const struct store_task *taken, const char *dir,
	struct strbuf *out, struct err *err)
{
	(void)dir;
	struct prompt_source source = {.what = "comment",
		.login = taken->requester_login,
		.may_write = true,
		.is_request = true};

	(void)ctx;
	return prompt_quote(
		out, &source, taken->text, strlen(taken->text), QUOTE_MAX, err);
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
	if (prompt_quote(&quoted, &source, strbuf_str(&failed), failed.len, QUOTE_MAX,
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
