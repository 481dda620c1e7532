/* SPDX-License-Identifier: MIT */
/*
 * Looking at repositories without being told: pushes that did not reach us, and those that
 * only the operator's configuration names.
 */
#define LOG_MODULE "jobs"
#include "boxcore/base/clock.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/jobs/jobs-internal.h"

#include <string.h>

#define LOOK_EVERY_MS 10000
#define LOOKS_AT_ONCE 5
#define OPERATOR_EVERY_MS 3600000

static void look_at(
	struct jobs *jobs, int64_t repo_id, const char *name, struct cancel *cancel)
{
	struct err err = {0};

	if (jobs_sync_repo(jobs, repo_id, cancel, &err) < 0 && err.kind != ERR_CANCELLED)
		log_warn("schedules of %s: %s", name, err.text);
}

/* A repository that the configuration names and that no delivery came from yet. */
static void add_named(
	struct jobs *jobs, const struct config_schedule *job, struct cancel *cancel)
{
	CLEANUP(store_repository) struct store_repository row = {0};
	const char *slash = strchr(job->repository, '/');
	CLEANUP(mem)
	char *owner = mem_strndup(job->repository, (size_t)(slash - job->repository));
	struct github_repo repo = {.owner = owner, .name = slash + 1};
	struct github_repo_info info;
	struct err err = {0};

	if (str_eq(repo.name, "*") || store_repository_find(jobs->to.store, repo.owner,
					      repo.name, &row, &err) == 0)
		return;
	if (github_installation_find(jobs->to.github, repo.owner, repo.name,
		    &repo.installation_id, cancel, &err) < 0 ||
		github_repo_get(jobs->to.github, &repo, &info, cancel, &err) < 0 ||
		store_repository_put(jobs->to.store, info.id, repo.installation_id,
			info.owner, info.name, "active", cancel, &err) < 0) {
		log_warn("jobs of %s: %s", job->repository, err.text);
		return;
	}
	look_at(jobs, info.id, job->repository, cancel);
}

static void look_old(struct jobs *jobs, int64_t before_ms, struct cancel *cancel)
{
	CLEANUP(store_repositories) struct store_repositories list = {0};
	struct err err = {0};

	if (store_repository_list(jobs->to.store, 0, LOOKS_AT_ONCE, &list, &err) < 0) {
		log_error("repositories cannot be listed: %s", err.text);
		return;
	}
	for (size_t i = 0; i < list.count && !cancel_fired(cancel); i++)
		if (list.rows[i].looked_ms < before_ms)
			look_at(jobs, list.rows[i].repo_id, list.rows[i].repo, cancel);
}

void jobs_look(struct jobs *jobs, int64_t now_ms, struct cancel *cancel)
{
	const struct config_schedules *named = &jobs->to.config->jobs;
	int64_t mono = clock_mono_ms();

	if (mono >= jobs->operator_at_ms) {
		jobs->operator_at_ms = mono + OPERATOR_EVERY_MS;
		for (size_t i = 0; i < named->count && !cancel_fired(cancel); i++)
			add_named(jobs, &named->items[i], cancel);
	}
	if (mono < jobs->look_at_ms)
		return;
	jobs->look_at_ms = mono + LOOK_EVERY_MS;
	look_old(jobs, now_ms - CLOCK_DAY_MS, cancel);
}
