/* SPDX-License-Identifier: MIT */
/* The failed checks of a repair's commit, as GitHub tells them now.  Internal to
 * service/task. */
#ifndef SERVICE_TASK_MEND_CHECKS_H
#define SERVICE_TASK_MEND_CHECKS_H

#include "service/task/context.h"

/* Whether one still fails.  An event that spoke of a whole suite or workflow is believed. */
int mend_checks_fail(struct task_ctx *ctx, bool *ret, struct err *err);

/* Appends a marked block for each failed check: its name and the part of its log that tells
 * why; LIMIT_MEND_LOG bytes of logs in all. */
int mend_checks_quote(struct task_ctx *ctx, struct strbuf *out, struct err *err);

#endif
