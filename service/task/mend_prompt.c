/* SPDX-License-Identifier: MIT */
/* What the agent is told about failed checks. */
#include "service/task/mend.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "prompts/prompts.h"
#include "prompts/untrusted.h"
#include "service/task/mend_checks.h"
#include "service/task/request_quote.h"

#include <string.h>

#define THREAD_MAX (48 * LIMIT_KIB)

/* Title and text of the pull request as they are now: an event of a check carries none. */
int mend_quote_pull(struct task_ctx *ctx, struct strbuf *out, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	int64_t number = ctx->task->pr_number ? ctx->task->pr_number : ctx->task->number;
	CLEANUP(github_issue) struct github_issue pull = {0};

	if (context_goes_on(ctx))
		return 0;
	if (github_issue_get(ctx->env->github, &repo, number, &pull, ctx->cancel, err) <
		0) {
		if (err->kind == ERR_CANCELLED || err->kind == ERR_TRANSIENT)
			return -1;
		return 0;
	}
	CLEANUP(mem) char *text = mem_printf("%s\n\n%s", pull.title, pull.body);
	CLEANUP(mem)
	char *what = mem_printf("pull request #%lld: title and text", (long long)number);
	struct prompt_source source = {.what = what, .login = pull.author.login};
	return prompt_quote(out, &source, text, strlen(text), THREAD_MAX, err);
}

char *mend_branch(const char *name)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_KIB * 4);

	prompt_clean_untrusted(&clean, name, str_utf8_cut(name, strnlen(name, 250)));
	for (size_t i = 0; i < clean.len; i++)
		if (clean.data[i] == '`')
			clean.data[i] = ' ';
	return mem_printf("`%s`", strbuf_str(&clean));
}

char *mend_target(const struct task_ctx *ctx)
{
	return mend_branch(ctx->task->target ? ctx->task->target : "");
}

int mend_prompt(
	struct task_ctx *ctx, const char *dir, struct strbuf *out, struct err *err)
{
	CLEANUP(strbuf) struct strbuf failed = STRBUF_INIT(LIMIT_PROMPT);
	CLEANUP(strbuf) struct strbuf thread = STRBUF_INIT(LIMIT_PROMPT);
	CLEANUP(mem) char *checks = request_own_checks(ctx);
	CLEANUP(mem) char *target = mend_target(ctx);
	CLEANUP(mem)
	char *subject = mem_printf("pull request #%lld",
		(long long)(ctx->task->pr_number ? ctx->task->pr_number
						 : ctx->task->number));
	struct github_repo repo = context_repo(ctx);
	CLEANUP(mem) char *repository = mem_printf("%s/%s", repo.owner, repo.name);

	if (mend_checks_quote(ctx, &failed, err) < 0 ||
		mend_quote_pull(ctx, &thread, err) < 0)
		return -1;
	struct prompt_var vars[] = {
		{"repository", repository},
		{"folder", dir},
		{"subject", subject},
		{"head", ctx->task->base_oid ? ctx->task->base_oid : ""},
		{"target", target},
		{"checks", checks},
		{"failed", strbuf_str(&failed)},
		{"thread", strbuf_str(&thread)},
	};
	return prompt_render("mend", vars, ARRAY_LEN(vars), out, err);
}
