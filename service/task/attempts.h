/* SPDX-License-Identifier: MIT */
/*
 * `fix x3`: attempts of one request side by side from one snapshot; the best is published.
 * Internal to service/task.
 *
 * The parent's step prepares base and snapshot, splits (store_task_split()) and waits without
 * a worker.  Each attempt is a task of its own (parent_id) with a box of its own, and ends
 * with the outcome "attempted" and its commit in the mirror.  The last one's end wakes the
 * parent, which chooses (attempts_choose.h), takes over tree, commit, words and checks of the
 * best, and publishes that very commit.
 */
#ifndef SERVICE_TASK_ATTEMPTS_H
#define SERVICE_TASK_ATTEMPTS_H

#include "service/task/context.h"

/* This task is one of several attempts: no words on GitHub, no conversation. */
bool attempts_is_one(const struct store_task *task);

/* For an attempt: base_oid, head_oid, rules_oid, target and default_branch are its parent's.
 * Nothing for any other task. */
int attempts_inherit(struct task_ctx *ctx, struct err *err);

/* An attempt's share of the money: `limits.cost_usd` holds for the sum of all. */
int attempts_share(struct task_ctx *ctx, double *cost_usd, struct err *err);

/* The commit of the task's row is an attempt's: it is not made anew. */
bool attempts_took_over(const struct task_ctx *ctx);

/* Markdown: a line for each attempt with checks, size and cost; nothing for other tasks. */
int attempts_list(struct task_ctx *ctx, struct strbuf *out, struct err *err);

#endif
