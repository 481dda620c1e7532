/* SPDX-License-Identifier: MIT */
/* The table of outcomes. */
#include "service/task/outcome.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/task/context.h"

#include <string.h>

#define NEUTRAL "neutral"

/* The first line that fits counts.  What next steps people are told stands in why_words.c. */
static const struct outcome outcomes[] = {
	{"pull_request", STORE_TASK_DONE, OUTCOME_AS_CHECKED,
		"Done: the pull request is up to date.", true},
	{"no_change", STORE_TASK_DONE, NEUTRAL, "Done: nothing had to be changed.",
		false},
	{"undone", STORE_TASK_DONE, NEUTRAL, "Done: the last run was taken back.", false},
	{"answered", STORE_TASK_DONE, NEUTRAL, "Done: there is an answer.", true},
	{"planned", STORE_TASK_DONE, "action_required",
		"Done: there is a plan, which waits for `approve` or `reject`.", true},
	{"tested", STORE_TASK_DONE, OUTCOME_AS_CHECKED, "Done: the checks were run.",
		true},
	{"reviewed", STORE_TASK_DONE, NEUTRAL, "Done: there is a review.", true},
	{"attempted", STORE_TASK_DONE, NEUTRAL, "Done: one of several attempts.", false},
	{"cancelled", STORE_TASK_CANCELLED, "cancelled", "Cancelled.", false},
	{"refused_", STORE_TASK_REFUSED, NEUTRAL, "Nothing was started.", false},
	{"stopped_", STORE_TASK_FAILED, NEUTRAL, "Stopped: nothing was published.",
		false},
	{"failed_", STORE_TASK_FAILED, "failure", "This did not work.", false},
};

static bool fits(const struct outcome *row, const struct task_ctx *ctx)
{
	return str_ends(row->code, "_") ? outcome_begins(ctx, row->code)
					: outcome_is(ctx, row->code);
}

const struct outcome *outcome_of(const struct task_ctx *ctx)
{
	for (size_t i = 0; i < ARRAY_LEN(outcomes); i++)
		if (fits(&outcomes[i], ctx))
			return &outcomes[i];
	return &outcomes[ARRAY_LEN(outcomes) - 1];
}

bool outcome_begins(const struct task_ctx *ctx, const char *prefix)
{
	return str_starts(ctx->outcome, prefix);
}

bool outcome_is(const struct task_ctx *ctx, const char *code)
{
	size_t len = strlen(code);

	return outcome_begins(ctx, code) &&
	       (ctx->outcome[len] == '\n' || ctx->outcome[len] == '\0');
}

const char *outcome_sentence(const struct task_ctx *ctx)
{
	const char *line = ctx->outcome ? strchr(ctx->outcome, '\n') : NULL;

	return line ? line + 1 : "";
}

char *outcome_code(const struct task_ctx *ctx)
{
	const char *outcome = ctx->outcome ? ctx->outcome : "";

	return mem_strndup(outcome, strcspn(outcome, "\n"));
}
