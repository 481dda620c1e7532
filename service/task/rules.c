/* SPDX-License-Identifier: MIT */
/* The rules of a repository for tasks and commands. */
#include "service/task/rules.h"

int rules_load(struct task_env *env, const struct github_repo *repo, const char *oid,
	struct repo_config *ret, struct cancel *cancel, struct err *err)
{
	struct rules_from from = {env->config, env->github, env->repos};

	return rules_read(&from, repo, oid, ret, cancel, err);
}
