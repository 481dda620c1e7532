/* SPDX-License-Identifier: MIT */
/*
 * Things that must happen once outside: each is a row, and is looked for before it is made
 * a second time.  Internal to service/task.
 *
 * Every function may be called any number of times, also after a crash between the doing
 * and the noting of it; when it returns 0 the thing exists exactly once.
 */
#ifndef SERVICE_TASK_EFFECTS_H
#define SERVICE_TASK_EFFECTS_H

#include "service/store/store_effect.h"
#include "service/task/context.h"

/* ---- rows ---- */

/* An effect of this task, fenced by its lease.  `kind` and `slot` (NULL: "") are borrowed. */
struct store_effect_key effect_key(
	const struct task_ctx *ctx, const char *kind, const char *slot);

/* 1 and its row (store_effect_release()), 0 when it was never planned, -1. */
int effect_find(const struct task_ctx *ctx, const char *kind, const char *slot,
	struct store_effect *ret, struct err *err);

/* Whether an effect of this task has been carried out; one that cannot be read has not. */
bool effect_is_done(const struct task_ctx *ctx, const char *kind, const char *slot);

/* ---- words ---- */

/* A reaction on what triggered the task: the comment, the inline comment, or the issue;
 * nothing for a task that nobody asked for. */
int effect_react(struct task_ctx *ctx, const char *content, struct err *err);

/* The progress comment: made once, edited afterwards (at most every
 * github.comment_spacing_ms unless `now`).  `body` without marker. */
int effect_status(struct task_ctx *ctx, const char *body, bool now, struct err *err);

/* A comment that people are notified of; `kind` ("answer") makes it one of its kind.  What was
 * asked in an inline comment is answered in its thread.  Attempts and jobs are silent. */
int effect_answer(
	struct task_ctx *ctx, const char *kind, const char *body, struct err *err);

/* ---- branch and pull request ---- */

/* An effect of each commit, since a task that is tried again may come to another one.
 * The branch from task->head_oid (NULL: it must not exist) to task->commit_oid.  ERR_CONFLICT
 * when it stands elsewhere, at ret_found: a person's work is never overwritten. */
int effect_push(struct task_ctx *ctx, char ret_found[REPO_OID_SIZE], struct err *err);
/* The same without a row, for any commit of the mirror, or REPO_OID_ZERO: then the branch is
 * deleted.  Where it stands there already is fine.
 * ret_found may be NULL. */
int effect_move_branch(struct task_ctx *ctx, const char *branch, const char *commit,
	const char *expected, char ret_found[REPO_OID_SIZE], struct err *err);

/* The pull request for task->branch; fills pr_number and pr_url. */
int effect_pull(struct task_ctx *ctx, const char *title, const char *body, bool draft,
	struct err *err);

#endif
