/* SPDX-License-Identifier: MIT */
/*
 * Scheduled maintenance: which jobs a repository has, when they are due, and what becomes of
 * each slot.
 *
 * A job is a row (store_job.h), made from `schedules:` of the repository's default branch or
 * from `jobs:` of the operator.  A slot that has come is settled once: a task of verb "job",
 * or a note why there is none (its last run still runs, a limit, nothing has changed since
 * its pull request was closed).  After downtime, only the newest slot that was missed is made
 * up for, in one run.  How a task of a job works stands in service/task/job_*.c.
 *
 * One `struct jobs` serves all threads.  Rows are the truth: any function may be called
 * twice, by anybody, and after a crash.  Errors as in store.h and github.h.
 */
#ifndef SERVICE_JOBS_JOBS_H
#define SERVICE_JOBS_JOBS_H

#include "service/config/config.h"
#include "service/github/github.h"
#include "service/store/store_job.h"

struct jobs;

struct jobs_options {
	const struct config *config;
	struct store *store;
	struct github *github;
};
/* All borrowed. */
struct jobs *jobs_new(const struct jobs_options *options);
void jobs_free(struct jobs *jobs); /* nobody inside any more; NULL is fine */
DEFINE_CLEANUP(jobs, struct jobs *, jobs_free(*value))

/* ---- what a repository says ------------------------------------------------------------- */

/* Reads the schedules of the head of the default branch and makes the rows so; the
 * operator's jobs likewise.  A file that cannot be read changes nothing and is an error
 * (ERR_INPUT with line and column), which the next look finds again. */
int jobs_sync_repo(
	struct jobs *jobs, int64_t repo_id, struct cancel *cancel, struct err *err);
/* By a push: as above when `branch` is the default one, and nothing else.  The repository
 * becomes known by it. */
int jobs_pushed(struct jobs *jobs, const struct github_repo *repo, const char *branch,
	struct cancel *cancel, struct err *err);

/* ---- the clock -------------------------------------------------------------------------- */

/* Settles what is due, reads schedules of repositories that nobody looked at for a day and
 * brings dashboards up to date; bounded work a call.  Returns when it wants to be called
 * again, in Unix milliseconds.  Logs what goes wrong. */
int64_t jobs_tick(struct jobs *jobs, int64_t now_ms, struct cancel *cancel);

/* ---- people ----------------------------------------------------------------------------- */

/* Now, out of turn; `by` is named in notes ("@octocat", "the API").  ERR_CONFLICT while its
 * last task has not ended; ERR_INPUT for one that is gone.  A paused job runs and stays
 * paused.  That its pull request was closed counts no more. */
int jobs_run(struct jobs *jobs, int64_t id, const char *by, int64_t *ret_task,
	struct cancel *cancel, struct err *err);
int jobs_pause(struct jobs *jobs, int64_t id, const char *by, struct cancel *cancel,
	struct err *err);
int jobs_resume(struct jobs *jobs, int64_t id, struct cancel *cancel, struct err *err);

/* Boxes of the dashboard were ticked: `about` is the command's (STORE_ABOUT, "ticked").
 * Those jobs run now; names that there are none of are passed over.  The boxes are unticked
 * by the next look at the dashboard. */
int jobs_ticked(struct jobs *jobs, int64_t repo_id, const char *about, const char *by,
	struct cancel *cancel, struct err *err);

/* The next `n` (at most JOBS_NEXT_MAX) times of a row, from now_ms on; 0 behind the last, and
 * all 0 for one that is switched off. */
#define JOBS_NEXT_MAX 10
int jobs_next(const struct store_job *job, int64_t now_ms, int64_t *ret, size_t n,
	struct err *err);

/* "2026-11-23 06:12 +01:00": what people read in the job's zone. */
#define JOBS_SHOWN_SIZE 32
int jobs_shown(const struct store_job *job, int64_t ms, char ret[JOBS_SHOWN_SIZE],
	struct err *err);

/* ---- tasks and pull requests ------------------------------------------------------------ */

/* A job's task has ended: counts failures, pauses at the third in a row, keeps the pull
 * request's number when one was `published`, and asks for the dashboard to be looked at.
 * `state` and `note`: how it ended, which the row does not say yet.  Nothing for a task
 * without a job_id; telling it twice is telling it once. */
int jobs_result(struct jobs *jobs, const struct store_task *task,
	enum store_task_state state, bool published, const char *note,
	struct cancel *cancel, struct err *err);

/* A pull request was closed: nothing unless it is a job's.  Not merged: what it offered is
 * declined until something changes. */
int jobs_pull_closed(struct jobs *jobs, int64_t repo_id, int64_t number, bool merged,
	struct cancel *cancel, struct err *err);

/* How the task of a job tells what it offers: the kind of the effect whose `want` it is. */
#define JOBS_OFFER "offer"

/* Whether an offer is worth a pull request. */
struct jobs_look {
	int64_t pr_number; /* the job's, open now; 0: none */
	int64_t open;      /* pull requests of all the repository's jobs */
	bool stands;       /* the open one offers exactly this */
	bool declined;     /* people closed one that offered exactly this */
	bool crowded;      /* there are open_max already */
};
int jobs_offer_look(struct jobs *jobs, const struct store_task *task, const char *offer,
	int64_t open_max, struct jobs_look *ret, struct cancel *cancel, struct err *err);

/* ---- the dashboard ---------------------------------------------------------------------- */

#define JOBS_DASHBOARD_MARKER "<!-- boxwright:dashboard -->"

#endif
