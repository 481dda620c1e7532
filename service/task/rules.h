/* SPDX-License-Identifier: MIT */
/* The rules of a repository, as tasks and commands ask for them; see service/rules/rules.h. */
#ifndef SERVICE_TASK_RULES_H
#define SERVICE_TASK_RULES_H

#include "service/rules/rules.h"
#include "service/task/task.h"

/* rules_read() with what the tasks work with. */
int rules_load(struct task_env *env, const struct github_repo *repo, const char *oid,
	struct repo_config *ret, struct cancel *cancel, struct err *err);

#endif
