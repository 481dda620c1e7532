/* SPDX-License-Identifier: MIT */
/*
 * A broken configuration is told on the commit that broke it, as a check run.
 */
#ifndef SERVICE_TASK_CONFIG_CHECK_H
#define SERVICE_TASK_CONFIG_CHECK_H

#include "service/store/store_command.h"
#include "service/task/task.h"

/* For a command `pushed`: when about."branch" is the default branch, reads the file at
 * about."head".  Broken: a check run "Boxwright configuration" that failed, with an annotation
 * at the line; repaired: one that succeeded; fine as before: nothing.  Once a head; may be
 * repeated.  A missing permission for checks is no error. */
int config_check_pushed(struct task_env *env, const struct store_command *command,
	struct cancel *cancel, struct err *err);

#endif
