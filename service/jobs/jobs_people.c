/* SPDX-License-Identifier: MIT */
/* What people do with jobs: run, pause, resume, tick boxes. */
#define LOG_MODULE "jobs"
#include "boxcore/base/clock.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/jobs/jobs-internal.h"
#include "service/jobs/spec.h"

#include <string.h>

static int get(struct jobs *jobs, int64_t id, struct store_job *ret, struct err *err)
{
	if (store_job_get(jobs->to.store, id, ret, err) < 0)
		return -1;
	if (str_eq(ret->state, "gone"))
		return err_set(err, ERR_NOT_FOUND,
			"the job %s is gone from its configuration", ret->name);
	return 0;
}

int jobs_run(struct jobs *jobs, int64_t id, const char *by, int64_t *ret_task,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(store_job) struct store_job job = {0};
	CLEANUP(spec) struct spec spec = {0};

	if (get(jobs, id, &job, err) < 0 || spec_read(&spec, job.spec, err) < 0)
		return -1;
	CLEANUP(mem) char *lane = jobs_lane(job.repo_id, job.name);
	CLEANUP(mem) char *title = spec_title(&spec);
	struct store_task_new task = jobs_task(&job, lane, title, clock_wall_ms());
	/* A person's word is a change: what was closed may be offered again. */
	if (job.declined &&
		store_job_pull(jobs->to.store, id, job.pr_number, NULL, cancel, err) < 0)
		return -1;
	if (store_job_start(jobs->to.store, id, &task, ret_task, cancel, err) < 0)
		return -1;
	log_info("job=%s of %s/%s: run by %s task=%lld", job.name, job.owner, job.repo,
		by, (long long)*ret_task);
	jobs_touch(jobs, job.repo_id, false);
	return 0;
}

int jobs_pause(struct jobs *jobs, int64_t id, const char *by, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(store_job) struct store_job job = {0};
	CLEANUP(mem) char *why = mem_printf("paused by %s", by);

	if (get(jobs, id, &job, err) < 0 ||
		store_job_pause(jobs->to.store, id, why, cancel, err) < 0)
		return -1;
	jobs_touch(jobs, job.repo_id, false);
	return 0;
}

int jobs_resume(struct jobs *jobs, int64_t id, struct cancel *cancel, struct err *err)
{
	CLEANUP(store_job) struct store_job job = {0};
	CLEANUP(spec) struct spec spec = {0};
	int64_t next_ms;

	if (get(jobs, id, &job, err) < 0 || spec_read(&spec, job.spec, err) < 0 ||
		jobs_slot_after(&job, clock_wall_ms(), &next_ms, err) < 0 ||
		store_job_resume(
			jobs->to.store, id, spec.enabled ? next_ms : 0, cancel, err) < 0)
		return -1;
	jobs_touch(jobs, job.repo_id, false);
	return 0;
}

/* ---- boxes ----------------------------------------------------------------------------- */

static bool is_ticked(const json_t *names, const char *name)
{
	size_t i;
	json_t *item;

	json_array_foreach (names, i, item)
		if (str_eq(json_string_value(item), name))
			return true;
	return false;
}

static int run_ticked(struct jobs *jobs, const struct store_job *job, const char *by,
	struct cancel *cancel, struct err *err)
{
	int64_t task;

	if (jobs_run(jobs, job->id, by, &task, cancel, err) == 0)
		return 0;
	return err->kind == ERR_CONFLICT ? 0 : -1; /* it runs already */
}

int jobs_ticked(struct jobs *jobs, int64_t repo_id, const char *about, const char *by,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(json) json_t *json = json_parse(about, strlen(about), err);
	CLEANUP(store_repository) struct store_repository row = {0};
	CLEANUP(store_jobs) struct store_jobs list = {0};

	if (!json || store_repository_get(jobs->to.store, repo_id, &row, err) < 0 ||
		store_job_list(
			jobs->to.store, repo_id, 0, 2 * STORE_JOBS_MAX, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.count; i++)
		if (is_ticked(json_at(json, "ticked"), list.rows[i].name) &&
			run_ticked(jobs, &list.rows[i], by, cancel, err) < 0)
			return -1;
	/* What stands there now is not what we wrote: the boxes are unticked again. */
	if (store_repository_dashboard(
		    jobs->to.store, repo_id, row.dashboard, NULL, cancel, err) < 0)
		return -1;
	jobs_touch(jobs, repo_id, true);
	return 0;
}
