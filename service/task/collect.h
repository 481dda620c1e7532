/* SPDX-License-Identifier: MIT */
/* What a task's result is, in its row.  Internal to service/task. */
#ifndef SERVICE_TASK_COLLECT_H
#define SERVICE_TASK_COLLECT_H

#include "service/task/context.h"

/* Sets tree_oid, files, added and deleted, and keeps the list of changes for the pull
 * request.  The row is written with the step's end. */
int collect_keep(struct task_ctx *ctx, const struct repo_result *result, struct err *err);

/* Appends that list for the result that the row holds; nothing when it holds none. */
int collect_changes(const struct task_ctx *ctx, struct strbuf *out, struct err *err);

#endif
