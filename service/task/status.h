/* SPDX-License-Identifier: MIT */
/*
 * What people read on GitHub about a task: the progress comment, the answer, the pull
 * request's text.  Internal to service/task.
 */
#ifndef SERVICE_TASK_STATUS_H
#define SERVICE_TASK_STATUS_H

#include "service/task/checks.h"
#include "service/task/context.h"

/* Brings the progress comment up to date while `step` is being done ("" when the task has
 * ended as ctx->outcome says). */
int status_update(struct task_ctx *ctx, const char *step, bool now, struct err *err);

/* Appends the pull request's body, with what the checks came to. */
int status_pull_body(struct task_ctx *ctx, const struct checks *checks,
	struct strbuf *out, struct err *err);

/* The title of the pull request and its first commit: one line, at most 72 characters. */
char *status_title(const struct task_ctx *ctx);
/* Of a commit: a further one is named by what was asked for. */
char *status_commit_title(const struct task_ctx *ctx);

/* Appends a foreign text for publication: known secrets replaced, made harmless
 * (github_text_safe), cut to `max` bytes.  It may stand behind other words on their line. */
void status_clean(struct strbuf *out, const char *text, size_t max);

/* The same as a sentence: plain words get a capital and a full stop. */
void status_sentence(struct strbuf *out, const char *text, size_t max);

#endif
