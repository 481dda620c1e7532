/* SPDX-License-Identifier: MIT */
/*
 * How tasks end: what each code of context_decide() means, in one table (outcome.c).  Internal
 * to service/task.
 *
 * ctx->outcome is "code\nsentence", the code for programs, the sentence for people; NULL while
 * nothing is decided, which is none of the codes.
 */
#ifndef SERVICE_TASK_OUTCOME_H
#define SERVICE_TASK_OUTCOME_H

#include "service/store/store_task.h"

struct task_ctx;

/* Of the check run on the head, in GitHub's words but for the first. */
#define OUTCOME_AS_CHECKED NULL /* success or failure, as the checks went */

struct outcome {
	const char *
		code; /* "refused_": every code that begins so and has no line of its own */
	enum store_task_state state;
	const char *conclusion;
	const char *heading; /* of the progress comment */
	bool plain; /* the sentence says nothing that people do not read elsewhere */
};

/* What ctx->outcome means, which has been decided; static. */
const struct outcome *outcome_of(const struct task_ctx *ctx);

bool outcome_is(const struct task_ctx *ctx, const char *code);
/* "refused_", "stopped_". */
bool outcome_begins(const struct task_ctx *ctx, const char *prefix);
/* "" while nothing is decided; borrowed. */
const char *outcome_sentence(const struct task_ctx *ctx);
/* A copy of the code; free(). */
char *outcome_code(const struct task_ctx *ctx);

#endif
