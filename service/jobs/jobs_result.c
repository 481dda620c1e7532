/* SPDX-License-Identifier: MIT */
/* What a job's tasks and pull requests come to. */
#define LOG_MODULE "jobs"
#include "boxcore/base/clock.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/jobs/jobs-internal.h"
#include "service/store/store_effect.h"

#include <string.h>

#define PAUSE_AT 3 /* failures in a row */
#define NOTE_MAX 2000

static bool is_failure(enum store_task_state state)
{
	switch (state) {
	case STORE_TASK_FAILED: return true;
	case STORE_TASK_READY:
	case STORE_TASK_RUNNING:
	case STORE_TASK_DONE:
	case STORE_TASK_CANCELLED:
	case STORE_TASK_REFUSED: break;
	}
	return false;
}

/* A pull request was opened, or moved: it is offered now. */
static int keep_pull(struct jobs *jobs, const struct store_job *job, int64_t number,
	struct cancel *cancel, struct err *err)
{
	if (number == 0 || (number == job->pr_number && !job->declined))
		return 0;
	return store_job_pull(jobs->to.store, job->id, number, NULL, cancel, err);
}

int jobs_result(struct jobs *jobs, const struct store_task *task,
	enum store_task_state state, bool published, const char *note,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(store_job) struct store_job job = {0};
	struct err missing = {0};

	if (task->job_id == 0)
		return 0;
	if (store_job_get(jobs->to.store, task->job_id, &job, &missing) < 0) {
		if (missing.kind == ERR_NOT_FOUND)
			return 0;
		*err = missing;
		return -1;
	}
	/* The task's number makes a second telling of the same end known. */
	CLEANUP(mem)
	char *told = mem_printf("task %lld: %.*s", (long long)task->id, NOTE_MAX, note);
	if (str_eq(job.last_note, told))
		return 0;
	if (published && keep_pull(jobs, &job, task->pr_number, cancel, err) < 0)
		return -1;
	jobs_touch(jobs, job.repo_id, false);
	return store_job_result(jobs->to.store, job.id, !is_failure(state), told,
		clock_wall_ms(), PAUSE_AT, cancel, err);
}

/* ---- pull requests --------------------------------------------------------------------- */

/* What the job's newest pull request offered; NULL when nobody knows. */
static char *offer_of(struct jobs *jobs, const struct store_job *job)
{
	CLEANUP(store_task) struct store_task task = {0};
	CLEANUP(store_effect) struct store_effect row = {0};
	struct err err = {0};

	if (jobs_published(jobs, job, &task, &err) < 0)
		return NULL;
	struct store_effect_key key = {
		.task_id = task.id, .kind = JOBS_OFFER, .slot = task.tree_oid};
	if (store_effect_get(jobs->to.store, &key, &row, &err) < 0)
		return NULL;
	return TAKE(row.want);
}

int jobs_pull_closed(struct jobs *jobs, int64_t repo_id, int64_t number, bool merged,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(store_jobs) struct store_jobs list = {0};

	if (store_job_list(jobs->to.store, repo_id, 0, 2 * STORE_JOBS_MAX, &list, err) <
		0)
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		const struct store_job *job = &list.rows[i];

		if (job->pr_number != number)
			continue;
		CLEANUP(mem) char *offer = merged ? NULL : offer_of(jobs, job);
		log_info("job=%s of %s/%s: #%lld was %s", job->name, job->owner,
			job->repo, (long long)number, merged ? "merged" : "closed");
		jobs_touch(jobs, repo_id, false);
		return store_job_pull(jobs->to.store, job->id, 0, offer, cancel, err);
	}
	return 0;
}

int jobs_offer_look(struct jobs *jobs, const struct store_task *task, const char *offer,
	int64_t open_max, struct jobs_look *ret, struct cancel *cancel, struct err *err)
{
	CLEANUP(store_job) struct store_job job = {0};
	CLEANUP(store_jobs) struct store_jobs list = {0};

	(void)cancel;
	*ret = (struct jobs_look){0};
	if (store_job_get(jobs->to.store, task->job_id, &job, err) < 0 ||
		store_job_list(jobs->to.store, job.repo_id, 0, 2 * STORE_JOBS_MAX, &list,
			err) < 0)
		return -1;
	for (size_t i = 0; i < list.count; i++)
		ret->open += list.rows[i].pr_number > 0;
	ret->pr_number = job.pr_number;
	ret->declined = str_eq(job.declined, offer);
	ret->crowded = job.pr_number == 0 && open_max > 0 && ret->open >= open_max;
	if (job.pr_number > 0) {
		CLEANUP(mem) char *stands = offer_of(jobs, &job);
		ret->stands = str_eq(stands, offer);
	}
	return 0;
}
