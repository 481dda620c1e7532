/* SPDX-License-Identifier: MIT */
/*
 * Tasks of verb "repair": a check failed on a pull request that the service works on.
 * Internal to service/task.
 *
 * Bounded twice: `repair.tries` for one head, and as many in a row without a person's
 * word between (store_conversation_repairs()).  Past that one comment says that the service
 * gives up and why; all further events are refused without a word.  Rebases that nobody
 * asked for (replay_pushed()) count in the same row.
 */
#ifndef SERVICE_TASK_MEND_H
#define SERVICE_TASK_MEND_H

#include "service/task/context.h"

/* What triggered a rebase that nobody asked for; see store_task.trigger_kind. */
#define MEND_BASE_MOVED "base_moved"

/* Nobody in person asked for this task: a repair, or a rebase after a push of the base. */
bool mend_is(const struct store_task *task);

/* For the gate, of every verb, behind its questions of role and state: 1 it may go on, 0 it
 * was decided against ("refused_..."), -1.  A person's task sets the conversation's count
 * back and its repairs on again. */
int mend_gate(struct task_ctx *ctx, struct err *err);

/* Appends the prompt of a repair: the failed checks of the head with what their logs say,
 * cut, cleaned, marked as foreign. */
int mend_prompt(
	struct task_ctx *ctx, const char *dir, struct strbuf *out, struct err *err);

/* The failed check's name as the event told it, for people; "" for none.  free(). */
char *mend_failed_name(const struct store_task *task);

/* What a repair's commit is called: one line.  free(). */
char *mend_commit_title(const struct task_ctx *ctx);

/* ---- parts that the prompts of repairs and replays share ---- */

/* A branch's name in code, which it cannot leave.  free(). */
char *mend_branch(const char *name);
/* The same of the target branch.  free(). */
char *mend_target(const struct task_ctx *ctx);
/* Appends title and text of the pull request, unless the session knows them. */
int mend_quote_pull(struct task_ctx *ctx, struct strbuf *out, struct err *err);

#endif
