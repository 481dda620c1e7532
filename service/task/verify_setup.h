/* SPDX-License-Identifier: MIT */
/*
 * `check_setup: true`: the set-up commands run again in the box of the checks, on the commit
 * that is checked, so that a change of what they install counts.  Internal to service/task.
 *
 * They have the network as they had it when the snapshot was made; it is taken away before
 * the first check.
 */
#ifndef SERVICE_TASK_VERIFY_SETUP_H
#define SERVICE_TASK_VERIFY_SETUP_H

#include "service/task/context.h"

/* The network that the box of the checks is made with; NULL: none, for good. */
const struct box_policy *verify_setup_policy(const struct task_ctx *ctx);

/* Runs them and takes the network away; nothing when they are not wanted.  ERR_INPUT with the
 * end of what a command said when it failed. */
int verify_setup_run(struct task_ctx *ctx, const char *box, struct err *err);

#endif
