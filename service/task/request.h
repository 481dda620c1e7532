/* SPDX-License-Identifier: MIT */
/* What the agent is told.  Internal to service/task. */
#ifndef SERVICE_TASK_REQUEST_H
#define SERVICE_TASK_REQUEST_H

#include "service/task/context.h"

/* Appends the prompt of the task's verb: our rules, then issue or pull request and the
 * request as marked foreign text, as they were when the delivery was signed.  With a session
 * that is gone on with, only the new request.  A review and an approved plan are read now
 * (GitHub, the conversation's row). */
int request_prompt(
	struct task_ctx *ctx, const char *dir, struct strbuf *out, struct err *err);

/* Appends what the same agent is told, in the same session, for a request that came while it
 * worked: `taken` is that request's task. */
int request_more(struct task_ctx *ctx, const struct store_task *taken, const char *dir,
	struct strbuf *out, struct err *err);

/* Appends the standing rules, with the repository's AGENTS.md or CLAUDE.md of the base
 * commit. */
int request_instructions(struct task_ctx *ctx, struct strbuf *out, struct err *err);

/* Appends what the same agent is told after failed checks; `dir` as above. */
int request_repair(
	struct task_ctx *ctx, const char *dir, struct strbuf *out, struct err *err);

#endif
