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
	repo_config_setup_hash(&rc, rc.image, hex);
	return 0;
}
