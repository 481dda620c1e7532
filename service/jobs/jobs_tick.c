/* SPDX-License-Identifier: MIT */
/*
 * What is due: each slot is settled once, by a task or by a note why there is none.
 */
#define LOG_MODULE "jobs"
#include "boxcore/base/clock.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/jobs/jobs-internal.h"
#include "service/jobs/spec.h"

#include <string.h>

#define DUE_AT_ONCE 50
#define TICK_MS 1000
#define MISSED_DAYS 40 /* further back slots are not counted one by one */

/* ---- which slot ------------------------------------------------------------------------ */

struct slot {
	int64_t at_ms;   /* the newest that has come */
	int64_t next_ms; /* the one behind it; 0: none */
	int64_t missed;  /* older ones that nobody settled */
	bool more;       /* and some that were not counted */
};

/* After downtime only the newest is made up for. */
static int find_slot(
	const struct store_job *job, int64_t now_ms, struct slot *ret, struct err *err)
{
	int64_t far = now_ms - MISSED_DAYS * CLOCK_DAY_MS, next;

	*ret = (struct slot){.at_ms = job->next_ms, .more = job->next_ms < far};
	if (jobs_slot_after(job, job->next_ms > far ? job->next_ms : far, &next, err) < 0)
		return -1;
	while (next > 0 && next <= now_ms) {
		ret->missed++;
		ret->at_ms = next;
		if (jobs_slot_after(job, next, &next, err) < 0)
			return -1;
	}
	ret->next_ms = next;
	return 0;
}

/* ---- whether it is made ---------------------------------------------------------------- */

/* Each of these: true and a sentence when the slot is to be skipped.  What cannot be told
 * now skips nothing; the task finds out. */

static bool still_running(struct jobs *jobs, const struct store_job *job, char **why)
{
	CLEANUP(store_task) struct store_task task = {0};
	struct err err = {0};

	if (job->task_id == 0 ||
		store_task_get(jobs->to.store, job->task_id, &task, &err) < 0 ||
		store_task_state_ended(task.state))
		return false;
	*why = mem_printf("skipped: task %lld still runs", (long long)job->task_id);
	return true;
}

static bool is_away(const struct store_repository *row, char **why)
{
	if (str_eq(row->state, "active"))
		return false;
	*why = mem_printf("skipped: the App's access to the repository is %s",
		str_eq(row->state, "gone") ? "gone" : "suspended");
	return true;
}

/* Commands tell by their result whether anything has changed, and cost nothing.  An agent
 * is not paid for until the code, or the job, is another than when people said no. */
static bool is_declined(struct jobs *jobs, const struct store_job *job,
	const struct spec *spec, const char *head, char **why)
{
	CLEANUP(store_task) struct store_task offered = {0};
	struct err err = {0};

	if (str_empty(job->declined) || !spec_has_agent(spec) || !head[0] ||
		jobs_published(jobs, job, &offered, &err) < 0 ||
		!str_eq(offered.base_oid, head))
		return false;
	*why = mem_printf("skipped: its pull request #%lld was closed, and nothing has "
			  "changed since",
		(long long)offered.pr_number);
	return true;
}

static int64_t open_pulls(struct jobs *jobs, int64_t repo_id)
{
	CLEANUP(store_jobs) struct store_jobs list = {0};
	struct err err = {0};
	int64_t open = 0;

	if (store_job_list(jobs->to.store, repo_id, 0, 2 * STORE_JOBS_MAX, &list, &err) <
		0)
		return 0;
	for (size_t i = 0; i < list.count; i++)
		open += list.rows[i].pr_number > 0;
	return open;
}

/* One that has a pull request open goes on with it. */
static bool is_crowded(struct jobs *jobs, const struct store_job *job,
	const struct github_repo *repo, const char *head, struct cancel *cancel,
	char **why)
{
	CLEANUP(repo_config) struct repo_config file = {0};
	int64_t open = job->pr_number > 0 ? 0 : open_pulls(jobs, job->repo_id);
	struct err err = {0};

	if (open == 0 || !head[0] ||
		jobs_config(jobs, repo, head, &file, cancel, &err) < 0 ||
		file.open_prs == 0 || open < file.open_prs)
		return false;
	*why = mem_printf("skipped: %lld pull requests of jobs are open "
			  "(limits.open_prs)",
		(long long)open);
	return true;
}

static bool is_skipped(struct jobs *jobs, const struct store_job *job,
	const struct spec *spec, struct cancel *cancel, char **why)
{
	CLEANUP(store_repository) struct store_repository row = {0};
	char head[GITHUB_OID_SIZE] = "";
	struct err err = {0};

	if (still_running(jobs, job, why))
		return true;
	if (store_repository_get(jobs->to.store, job->repo_id, &row, &err) < 0)
		return false;
	if (is_away(&row, why))
		return true;
	struct github_repo repo = jobs_repo_of(&row);
	struct github_repo_info info;
	/* GitHub is asked only where its answer may decide. */
	if ((str_empty(job->declined) && open_pulls(jobs, job->repo_id) == 0) ||
		github_repo_get(jobs->to.github, &repo, &info, cancel, &err) < 0 ||
		github_branch_head(jobs->to.github, &repo, info.default_branch, head,
			cancel, &err) < 0)
		return false;
	return is_declined(jobs, job, spec, head, why) ||
	       is_crowded(jobs, job, &repo, head, cancel, why);
}

/* ---- settling -------------------------------------------------------------------------- */

static char *note_of(const struct slot *slot, const char *why)
{
	const char *what = why ? why : "started";

	if (slot->missed > 0)
		return mem_printf("%s, after %s%lld times that were missed", what,
			slot->more ? "at least " : "", (long long)slot->missed);
	return mem_strdup(what);
}

static int settle(struct jobs *jobs, const struct store_job *job, int64_t now_ms,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(spec) struct spec spec = {0};
	CLEANUP(mem) char *lane = jobs_lane(job->repo_id, job->name);
	CLEANUP(mem) char *why = NULL;
	struct slot slot;
	int64_t task_id = 0;

	if (spec_read(&spec, job->spec, err) < 0 ||
		find_slot(job, now_ms, &slot, err) < 0)
		return -1;
	bool skipped = is_skipped(jobs, job, &spec, cancel, &why);
	CLEANUP(mem) char *title = spec_title(&spec);
	CLEANUP(mem) char *note = note_of(&slot, why);
	struct store_task_new task = jobs_task(job, lane, title, now_ms);
	if (store_job_settle(jobs->to.store, job->id, slot.at_ms, slot.next_ms, note,
		    skipped ? NULL : &task, now_ms, &task_id, cancel, err) < 0)
		return err->kind == ERR_CONFLICT ? 0 : -1; /* somebody else has */
	log_info("job=%s of %s/%s: %s task=%lld", job->name, job->owner, job->repo, note,
		(long long)task_id);
	jobs_touch(jobs, job->repo_id, false);
	return 0;
}

static void settle_due(struct jobs *jobs, int64_t now_ms, struct cancel *cancel)
{
	CLEANUP(store_jobs) struct store_jobs due = {0};
	struct err err = {0};

	if (store_job_due(jobs->to.store, now_ms, DUE_AT_ONCE, &due, &err) < 0) {
		log_error("due jobs cannot be read: %s", err.text);
		return;
	}
	for (size_t i = 0; i < due.count && !cancel_fired(cancel); i++) {
		const struct store_job *job = &due.rows[i];
		struct err paused = {0};

		if (settle(jobs, job, now_ms, cancel, &err) == 0 ||
			err.kind == ERR_CANCELLED || err.kind == ERR_TRANSIENT)
			continue;
		/* Its row is no good, now or in a second: people have to look. */
		log_warn("job=%s of %s/%s is paused: %s", job->name, job->owner,
			job->repo, err.text);
		store_job_pause(jobs->to.store, job->id, err.text, cancel, &paused);
	}
}

/* Their text tells of times that may have passed while nobody was here. */
static void touch_all(struct jobs *jobs)
{
	int64_t after = 0;

	for (;;) {
		CLEANUP(store_jobs) struct store_jobs list = {0};
		struct err err = {0};

		if (store_job_list(
			    jobs->to.store, 0, after, STORE_PAGE_MAX, &list, &err) < 0 ||
			list.count == 0)
			return;
		for (size_t i = 0; i < list.count; i++) {
			jobs_touch(jobs, list.rows[i].repo_id, false);
			after = list.rows[i].id;
		}
	}
}

int64_t jobs_tick(struct jobs *jobs, int64_t now_ms, struct cancel *cancel)
{
	if (!jobs->begun) {
		jobs->begun = true;
		touch_all(jobs);
	}
	settle_due(jobs, now_ms, cancel);
	jobs_look(jobs, now_ms, cancel);
	jobs_boards(jobs, now_ms, cancel);
	return now_ms + TICK_MS;
}
