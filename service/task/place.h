/* SPDX-License-Identifier: MIT */
/*
 * Where a task's work begins and where its result goes.  Internal to service/task.
 */
#ifndef SERVICE_TASK_PLACE_H
#define SERVICE_TASK_PLACE_H

#include "service/task/context.h"

/*
 * Asks GitHub, brings the mirror up to date, and fills the row: rules_oid and default_branch;
 * target, base_oid, head_oid, branch, pr_number and pr_url.
 *
 *	no pull request            base is the head of the default branch, nothing is pushed yet
 *	pull request, ours or a person's of this repository
 *	                           base and head are its branch's head, so the new commit is on
 *	                           top of whatever people pushed meanwhile
 *	rebase, job                base is the newest head of the target, head its branch's
 *	fork, deleted branch       only to be looked at: base is refs/pull/N/head, no branch
 *	closed, merged             asked on the issue: the work begins anew, with a branch and
 *	                           pull request of its own; asked on the pull request: refused
 *
 * An attempt's are its parent's.  May decide the outcome: "refused_closed", "refused_fork",
 * "refused_default",
 * "refused_gone", "stopped_person" (a person's commits on a job's branch).  Does not save.
 */
int place_find(struct task_ctx *ctx, struct err *err);

#endif
