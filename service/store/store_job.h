/* SPDX-License-Identifier: MIT */
/*
 * Maintenance jobs and the repositories that they belong to.
 *
 * A job's slot (a time at which it is due) is settled once: store_job_settle() moves
 * last_slot_ms on and makes the slot's task, or notes why there is none, in one
 * transaction that does nothing when the slot is settled already.  So a slot has at most
 * one task, whatever restarts, clocks and second callers do.  See store.h for errors,
 * memory and threads.
 */
#ifndef SERVICE_STORE_STORE_JOB_H
#define SERVICE_STORE_STORE_JOB_H

#include "service/store/store_task.h"

/* Strings are never NULL but for those marked (null). */
struct store_job {
	int64_t id;
	int64_t repo_id, installation_id;
	char *owner, *repo;
	char *name;   /* unique in the repository */
	char *source; /* "repository", "operator" */
	char *spec;   /* its settings as canonical JSON */
	char *spec_hash;
	char *cron, *timezone;
	int64_t next_ms; /* 0: never */
	int64_t last_slot_ms;
	char *state;      /* "active", "paused", "gone" */
	char *paused_why; /* (null) */
	int64_t failures; /* in a row */
	int64_t task_id;  /* the newest; 0: none yet */
	char *last_note;  /* (null) what became of the last slot */
	int64_t last_ms;
	int64_t pr_number; /* open now; 0: none */
	char *declined;    /* (null) tree that a closed pull request offered */
};
void store_job_release(struct store_job *job);
DEFINE_CLEANUP(store_job, struct store_job, store_job_release(value))

struct store_jobs {
	struct store_job *rows;
	size_t count;
};
void store_jobs_release(struct store_jobs *list);
DEFINE_CLEANUP(store_jobs, struct store_jobs, store_jobs_release(value))

/* What a source says now; borrowed. */
struct store_job_new {
	const char *name, *spec, *spec_hash, *cron, *timezone;
	int64_t next_ms; /* its first slot, for one that is new or has another hash */
};
#define STORE_JOBS_MAX 50 /* of one source and repository */

/* Makes the rows of (repository, source) be exactly these: new ones are added, those with
 * another hash are changed (active again, failures 0, declined forgotten, next_ms as
 * given), others of the source become "gone".  An unchanged one keeps all it has.  One that
 * was gone is active again from next_ms on; a closed pull request still counts if its hash is
 * the same.  A name that the operator's jobs have is theirs: the repository's is left out.
 * ERR_LIMIT for more than STORE_JOBS_MAX, ERR_INPUT for a name that is empty or there twice. */
int store_jobs_sync(struct store *store, int64_t repo_id, int64_t installation_id,
	const char *owner, const char *repo, const char *source,
	const struct store_job_new *jobs, size_t count, struct cancel *cancel,
	struct err *err);

int store_job_get(
	struct store *store, int64_t id, struct store_job *ret, struct err *err);
/* repo_id 0: all; "gone" ones are left out; by repository and name, `after_id` pages. */
int store_job_list(struct store *store, int64_t repo_id, int64_t after_id, int limit,
	struct store_jobs *ret, struct err *err);
/* Active ones whose next_ms has come, longest due first. */
int store_job_due(struct store *store, int64_t now_ms, int limit, struct store_jobs *ret,
	struct err *err);

/* Settles the slot: last_slot_ms = slot_ms, next_ms = next_ms, last_note and last_ms, and
 * with `task` (NULL: the slot is skipped, `note` says why) the task, whose id becomes the
 * job's task_id and which gets job_id.  *ret_task is 0 without one, also when the job's newest
 * task has not ended: then the slot is skipped, and last_note says so.  ERR_CONFLICT when
 * last_slot_ms >= slot_ms already or the job is not active: nothing was changed. */
int store_job_settle(struct store *store, int64_t id, int64_t slot_ms, int64_t next_ms,
	const char *note, const struct store_task_new *task, int64_t now_ms,
	int64_t *ret_task, struct cancel *cancel, struct err *err);
/* Outside of slots ("run now"): a task, unless the job's newest task has not ended:
 * ERR_CONFLICT, or the job is gone.  A paused one may be started. */
int store_job_start(struct store *store, int64_t id, const struct store_task_new *task,
	int64_t *ret_task, struct cancel *cancel, struct err *err);

/* What a job's task came to: failures is set to 0 or grows; at `pause_at` failures in a row
 * (0: never) the job is paused with `note` as the reason. */
int store_job_result(struct store *store, int64_t id, bool ok, const char *note,
	int64_t now_ms, int pause_at, struct cancel *cancel, struct err *err);
/* pr_number (0: none now) and declined (NULL: forget it). */
int store_job_pull(struct store *store, int64_t id, int64_t pr_number,
	const char *declined, struct cancel *cancel, struct err *err);
/* "paused" with a reason, or "active" from next_ms on with failures 0. */
int store_job_pause(struct store *store, int64_t id, const char *why,
	struct cancel *cancel, struct err *err);
int store_job_resume(struct store *store, int64_t id, int64_t next_ms,
	struct cancel *cancel, struct err *err);

/* ---- repositories ----------------------------------------------------------------------- */

struct store_repository {
	int64_t repo_id, installation_id;
	char *owner, *repo;
	char *state;     /* "active", "suspended", "gone" */
	char *rules_oid; /* (null) commit whose schedules were read last */
	int64_t looked_ms;
	int64_t dashboard;    /* number of the issue; 0: none */
	char *dashboard_hash; /* (null) */
};
void store_repository_release(struct store_repository *row);
DEFINE_CLEANUP(store_repository, struct store_repository, store_repository_release(value))
struct store_repositories {
	struct store_repository *rows;
	size_t count;
};
void store_repositories_release(struct store_repositories *list);
DEFINE_CLEANUP(
	store_repositories, struct store_repositories, store_repositories_release(value))

/* Adds it, or sets installation, names and state of the one that is there; with another
 * state, its looked_ms is 0 again. */
int store_repository_put(struct store *store, int64_t repo_id, int64_t installation_id,
	const char *owner, const char *repo, const char *state, struct cancel *cancel,
	struct err *err);
int store_repository_get(struct store *store, int64_t repo_id,
	struct store_repository *ret, struct err *err);
/* ERR_NOT_FOUND; names without regard to ASCII case. */
int store_repository_find(struct store *store, const char *owner, const char *repo,
	struct store_repository *ret, struct err *err);
/* Those of an installation that are not gone, or with installation 0 the active ones whose
 * looked_ms is oldest. */
int store_repository_list(struct store *store, int64_t installation_id, int limit,
	struct store_repositories *ret, struct err *err);
/* Whether schedules were read, and from which commit. */
int store_repository_looked(struct store *store, int64_t repo_id, const char *rules_oid,
	int64_t now_ms, struct cancel *cancel, struct err *err);
int store_repository_dashboard(struct store *store, int64_t repo_id, int64_t number,
	const char *hash, struct cancel *cancel, struct err *err);

#endif
