/* SPDX-License-Identifier: MIT */
/* The one object, and what its files ask of a row. */
#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/jobs/jobs-internal.h"
#include "service/schedule/zone.h"

#include <string.h>

struct jobs *jobs_new(const struct jobs_options *options)
{
	struct jobs *jobs = mem_zalloc(sizeof *jobs);

	jobs->to = *options;
	lock_init(&jobs->lock);
	return jobs;
}

void jobs_free(struct jobs *jobs)
{
	if (!jobs)
		return;
	lock_release(&jobs->lock);
	free(jobs->boards);
	free(jobs);
}

void jobs_touch(struct jobs *jobs, int64_t repo_id, bool now)
{
	LOCKED(&jobs->lock);
	struct jobs_board *board = NULL;

	for (size_t i = 0; i < jobs->nboards && !board; i++)
		if (jobs->boards[i].repo_id == repo_id)
			board = &jobs->boards[i];
	if (!board) {
		jobs->boards =
			mem_grow(jobs->boards, jobs->nboards + 1, sizeof *jobs->boards);
		board = &jobs->boards[jobs->nboards++];
		*board = (struct jobs_board){.repo_id = repo_id};
	}
	board->dirty = true;
	if (now)
		board->after_ms = 0;
}

/* ---- slots ----------------------------------------------------------------------------- */

int jobs_slot_after(
	const struct store_job *job, int64_t after_ms, int64_t *ret_ms, struct err *err)
{
	CLEANUP(zone) struct zone *zone = NULL;
	struct cron cron;

	if (cron_parse(&cron, job->cron, err) < 0 ||
		zone_open(&zone, job->timezone, err) < 0)
		return -1;
	return zone_next(zone, &cron, after_ms, ret_ms, err);
}

int jobs_next(const struct store_job *job, int64_t now_ms, int64_t *ret, size_t n,
	struct err *err)
{
	CLEANUP(zone) struct zone *zone = NULL;
	int64_t after = now_ms;
	struct cron cron;

	memset(ret, 0, n * sizeof *ret);
	if (job->next_ms == 0)
		return 0;
	if (cron_parse(&cron, job->cron, err) < 0 ||
		zone_open(&zone, job->timezone, err) < 0)
		return -1;
	for (size_t i = 0; i < n && i < JOBS_NEXT_MAX; i++) {
		if (zone_next(zone, &cron, after, &ret[i], err) < 0)
			return -1;
		if (ret[i] == 0)
			break;
		after = ret[i];
	}
	return 0;
}

int jobs_shown(const struct store_job *job, int64_t ms, char ret[JOBS_SHOWN_SIZE],
	struct err *err)
{
	CLEANUP(zone) struct zone *zone = NULL;

	if (zone_open(&zone, job->timezone, err) < 0)
		return -1;
	return zone_show(zone, ms, ret, err);
}

/* ---- rows ------------------------------------------------------------------------------ */

struct github_repo jobs_repo_of(const struct store_repository *row)
{
	return (struct github_repo){.installation_id = row->installation_id,
		.id = row->repo_id,
		.owner = row->owner,
		.name = row->repo};
}

char *jobs_lane(int64_t repo_id, const char *name)
{
	return mem_printf("%lld/job/%s", (long long)repo_id, name);
}

struct store_task_new jobs_task(
	const struct store_job *job, const char *lane, const char *title, int64_t now_ms)
{
	return (struct store_task_new){.lane = lane,
		.verb = "job",
		.repo_id = job->repo_id,
		.installation_id = job->installation_id,
		.owner = job->owner,
		.repo = job->repo,
		.title = title,
		.trigger_kind = "schedule",
		.job_id = job->id,
		.now_ms = now_ms};
}

int jobs_published(struct jobs *jobs, const struct store_job *job, struct store_task *ret,
	struct err *err)
{
	CLEANUP(mem) char *lane = jobs_lane(job->repo_id, job->name);
	struct store_task_filter filter = {.lane = lane, .limit = 100};
	CLEANUP(store_tasks) struct store_tasks tasks = {0};

	if (store_task_list(jobs->to.store, &filter, &tasks, err) < 0)
		return -1;
	for (size_t i = 0; i < tasks.count; i++)
		if (str_eq(tasks.rows[i].outcome_code, "pull_request")) {
			*ret = tasks.rows[i];
			memset(&tasks.rows[i], 0, sizeof tasks.rows[i]);
			return 0;
		}
	return err_set(err, ERR_NOT_FOUND, "no run of %s has opened a pull request yet",
		job->name);
}
