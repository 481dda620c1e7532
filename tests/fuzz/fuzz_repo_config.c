/* SPDX-License-Identifier: MIT */
/*
 * A repository's configuration: whatever the bytes, a refusal names the file, and what is
 * accepted stays within the service's limits and holds only what its table allows.
 */
#include "boxcore/base/str.h"
#include "service/config/repo_config.h"

#include <stdint.h>
#include <string.h>

static void check(const struct repo_config *rc, const struct config *service)
{
	if (rc->minutes < 1 || rc->minutes > service->task_minutes || rc->files < 1 ||
		rc->files > service->task_files || rc->cost_usd > service->task_cost_usd)
		abort();
	if (str_empty(rc->image) || rc->image[0] == '-' || strchr(rc->image, ' ') ||
		!str_is_utf8(rc->image, strlen(rc->image)))
		abort();
	if (str_empty(rc->branch_prefix) || strstr(rc->branch_prefix, "..") ||
		rc->branch_prefix[0] == '/' || rc->branch_prefix[0] == '-')
		abort();
	if (rc->setup.count > REPO_CONFIG_COMMANDS_MAX ||
		rc->protect.count > REPO_CONFIG_PROTECT_MAX ||
		rc->labels.count > REPO_CONFIG_LABELS_MAX)
		abort();
	for (size_t i = 0; i < rc->setup.count; i++)
		if (str_empty(rc->setup.items[i]) ||
			strlen(rc->setup.items[i]) > REPO_CONFIG_COMMAND_SIZE)
			abort();
}

/* Who may is known for each verb, and never less than the service says. */
static void check_rules(const struct repo_config *rc, const struct config *service)
{
	static const char *const verbs[] = {"fix", "ask", "budget", "help", "what"};
	static const char *const roles[] = {
		"read", "triage", "write", "maintain", "admin", "nobody"};

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		const char *role = repo_config_role(rc, verbs[i]);
		bool known = false;

		for (size_t k = 0; k < ARRAY_LEN(roles); k++)
			known = known || str_eq(roles[k], role);
		if (!known || (str_eq(verbs[i], "fix") &&
				      (str_eq(role, "read") || str_eq(role, "triage"))))
			abort();
	}
	if (repo_config_outsider_may(rc, "fix") || repo_config_bot_may(rc, 1))
		abort(); /* the service lets no bot in */
	if (rc->runs_per_day > service->limits_runs_per_day || rc->runs_per_day < 1 ||
		rc->cost_usd_per_day > service->limits_cost_usd_per_day ||
		rc->repair_tries > service->repair_tries)
		abort();
}

/* A file over itself means the same; over or under nothing too. */
static void check_merge(const uint8_t *data, size_t size, const struct config *service)
{
	struct repo_config_source file = {
		REPO_CONFIG_PATH, size ? (const char *)data : "", size};
	CLEANUP(repo_config) struct repo_config twice = {0};
	CLEANUP(repo_config) struct repo_config under = {0};
	struct err err = {0};

	if (repo_config_merge(&twice, service, &file, &file, &err) < 0 ||
		repo_config_merge(&under, service, &file, NULL, &err) < 0)
		abort();
	check_rules(&twice, service);
	if (!str_eq(twice.image, under.image) || !str_eq(twice.model, under.model) ||
		twice.minutes != under.minutes || twice.setup.count != under.setup.count)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config service;
	CLEANUP(repo_config) struct repo_config rc = {0};
	char hex[SHA256_HEX_SIZE];
	struct err err = {0};

	if (!service.listen)
		config_defaults(&service);
	if (repo_config_parse(&rc, &service, size ? (const char *)data : "", size, &err) <
		0) {
		if (!str_starts(err.text, REPO_CONFIG_PATH) || rc.image ||
			(err.kind != ERR_INPUT && err.kind != ERR_LIMIT))
			abort();
		return 0;
	}
	check(&rc, &service);
	check_rules(&rc, &service);
	check_merge(data, size, &service);
	repo_config_setup_hash(&rc, rc.image, hex);
	return 0;
}
