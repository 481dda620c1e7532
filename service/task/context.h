/* SPDX-License-Identifier: MIT */
/*
 * What the steps of one running task share.  Internal to service/task; one thread.
 */
#ifndef SERVICE_TASK_CONTEXT_H
#define SERVICE_TASK_CONTEXT_H

#include "boxcore/base/log.h"
#include "service/config/repo_config.h"
#include "service/store/store_conversation.h"
#include "service/task/outcome.h"
#include "service/task/task.h"

struct task_ctx {
	struct task_env *env;
	struct store_task *task;
	struct cancel *cancel;
	struct github_app app;
	struct github_repo_info repo; /* as GitHub tells it now: names may have changed */
	/* What the lane's tasks share; id 0 before context_open().  An attempt's is its
	 * parent's, to be read only; so is a guest's: see context_shares(). */
	struct store_conversation talk;
	bool guest; /* whoever asked may not `fix` here: decided once, by the gate */
	struct repo_config
		file;   /* .github/boxwright.yml of rules_oid; see context_file() */
	const char *go; /* set by a step that is followed by another than its usual one */
	char *detail;   /* set by a step: what its row says about its end */
	int64_t split; /* set by a step: so many attempts are made, and the task waits for them */
	bool back;     /* set by a failed step: to prepare again, the box is no use */
	char *outcome; /* set by a step that decided how the task ends: outcome.h */
	int64_t commented_ms; /* last edit of the progress comment, on clock_mono_ms() */
	int64_t checked_ms;   /* likewise of the check run */
};

/* The repository as an argument of the GitHub verbs; valid as long as the ctx. */
struct github_repo context_repo(const struct task_ctx *ctx);
/* Where git fetches from and pushes to. */
struct repo_remote context_remote(const struct task_ctx *ctx, const struct secret *token);
/* The work tree in the box, "/workspace/home/<name>"; free(). */
char *context_dir(const struct task_ctx *ctx);
/* A file of ours for this task below state_dir/tasks; free(). */
char *context_path(const struct task_ctx *ctx, const char *name);
/* Reads .github/boxwright.yml of rules_oid, the head of the default branch, once; ERR_INPUT
 * tells line and column.  Before prepare has fetched that: ERR_NOT_FOUND. */
int context_file(struct task_ctx *ctx, struct err *err);
/* Notes that the task is a guest's; for the gate.  The note is an effect of this kind. */
#define CONTEXT_GUEST_EFFECT "guest"
int context_be_guest(struct task_ctx *ctx, struct err *err);
/* Opens the conversation of the task's lane into ctx->talk and notes it in the task; for the
 * gate, behind its decision that the person may.  An attempt gets its parent's. */
int context_open(struct task_ctx *ctx, struct err *err);
/* Whether the task works in the conversation's box and session and writes its row.  Not an
 * attempt, which works for its parent, and no guest: what is said by whoever may change nothing
 * must not be in the memory of a session that changes code later.  Both have a box of their own
 * (task-<id>), which goes with them. */
bool context_shares(const struct task_ctx *ctx);
/* Writes ctx->talk and the task in one transaction; the task alone if it does not share. */
int context_keep(struct task_ctx *ctx, struct err *err);
/* The agent's session is gone on with, so it knows what was said before. */
bool context_goes_on(const struct task_ctx *ctx);
/* Whether the verb works towards a commit: fix, repair, rebase, job. */
bool context_changes(const struct task_ctx *ctx);
/* The agent's run is built on the target's newest head each time and replaces the branch's
 * commits by one: rebase, job. */
bool context_rebuilds(const struct task_ctx *ctx);
/* The number behind `prefix` in the name of the row's run: which round the agent is in; 0 for
 * any other run. */
int64_t context_round(const struct task_ctx *ctx, const char *prefix);
/* A line into the task's log. */
int context_say(struct task_ctx *ctx, const char *kind, struct err *err, const char *fmt,
	...) __attribute__((format(printf, 4, 5)));
/* How the task ends.  The first decision stays, also over a restart; the step returns 0
 * after it, and report is next.  `code` is of the kinds in outcome.c. */
int context_decide(struct task_ctx *ctx, const char *code, struct err *err,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* ---- the steps, each in a file of its name ---- */

int step_gate(struct task_ctx *ctx, struct err *err);
int step_attempts(struct task_ctx *ctx, struct err *err);
int step_attempted(struct task_ctx *ctx, struct err *err);
int step_prepare(struct task_ctx *ctx, struct err *err);
int step_replay(struct task_ctx *ctx, struct err *err);
int step_undo(struct task_ctx *ctx, struct err *err);
int step_work(struct task_ctx *ctx, struct err *err);
int step_collect(struct task_ctx *ctx, struct err *err);
int step_verify(struct task_ctx *ctx, struct err *err);
int step_review(struct task_ctx *ctx, struct err *err);
int step_publish(struct task_ctx *ctx, struct err *err);
int step_report(struct task_ctx *ctx, struct err *err);

#endif
