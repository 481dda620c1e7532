/* SPDX-License-Identifier: MIT */
/*
 * What people wrote and what it was about, as marked blocks for a prompt.  Internal to
 * service/task.
 */
#ifndef SERVICE_TASK_REQUEST_QUOTE_H
#define SERVICE_TASK_REQUEST_QUOTE_H

#include "service/task/context.h"

/* Of one block's text.  All blocks of a prompt stay below LIMIT_AGENT_ARG together: a custom
 * agent gets it as one argument. */
#define REQUEST_QUOTE_MAX (40 * LIMIT_KIB)

/* Appends the request of `task` (ctx->task, or one that was taken up): the person's words,
 * the lines that a review comment is about, the inline comments of a submitted review (read
 * now), the approved plan.  Appends nothing when it has none of these: then the issue itself
 * is the request. */
int request_quote(struct task_ctx *ctx, const struct store_task *task, struct strbuf *out,
	struct err *err);

/* Appends title and text of the issue or pull request. */
int request_quote_subject(
	struct task_ctx *ctx, bool is_request, struct strbuf *out, struct err *err);

/* A paragraph that names the repository's own checks; "" when there are none.  free(). */
char *request_own_checks(const struct task_ctx *ctx);

/* Appends other foreign text. */
int request_quote_text(const char *what, const char *text, size_t most,
	struct strbuf *out, struct err *err);

#endif
