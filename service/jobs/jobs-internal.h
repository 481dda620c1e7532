/* SPDX-License-Identifier: MIT */
/* What the files of this folder share. */
#ifndef SERVICE_JOBS_JOBS_INTERNAL_H
#define SERVICE_JOBS_JOBS_INTERNAL_H

#include "boxcore/base/thread.h"
#include "service/config/repo_config.h"
#include "service/jobs/jobs.h"

#define JOBS_MINUTE_MS 60000LL

/* A repository whose dashboard may have to be written. */
struct jobs_board {
	int64_t repo_id;
	int64_t after_ms; /* on clock_mono_ms(): not before */
	bool dirty;
};

struct jobs {
	struct jobs_options to;
	struct lock lock;
	/* Under the lock */
	struct jobs_board *boards;
	size_t nboards;
	/* Of the thread that ticks */
	int64_t look_at_ms;     /* on clock_mono_ms(): the next look at repositories */
	int64_t operator_at_ms; /* likewise, for the operator's repositories */
	bool begun;
};

/* The dashboard of the repository is to be looked at soon; `now`: without waiting. */
void jobs_touch(struct jobs *jobs, int64_t repo_id, bool now);

/* The next slot of a row behind after_ms; 0: none. */
int jobs_slot_after(
	const struct store_job *job, int64_t after_ms, int64_t *ret_ms, struct err *err);

struct github_repo jobs_repo_of(const struct store_repository *row);

/* The repository's own configuration at a commit of it. */
int jobs_config(struct jobs *jobs, const struct github_repo *repo, const char *commit,
	struct repo_config *ret, struct cancel *cancel, struct err *err);

/* The request of a job as a task; borrowed from both. */
struct store_task_new jobs_task(
	const struct store_job *job, const char *lane, const char *title, int64_t now_ms);
char *jobs_lane(int64_t repo_id, const char *name);

/* The newest task of the job that opened or moved its pull request; ERR_NOT_FOUND. */
int jobs_published(struct jobs *jobs, const struct store_job *job, struct store_task *ret,
	struct err *err);

/* jobs_look.c: repositories that nobody looked at for a day, and the operator's. */
void jobs_look(struct jobs *jobs, int64_t now_ms, struct cancel *cancel);
/* jobs_dashboard.c: those that are dirty and may be written. */
void jobs_boards(struct jobs *jobs, int64_t now_ms, struct cancel *cancel);

#endif
