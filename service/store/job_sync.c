/* SPDX-License-Identifier: MIT */
/* The jobs of a repository become what their source says now. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"
#include "service/store/store_job.h"

#include <string.h>

struct sync {
	int64_t repo_id, installation_id;
	const char *owner, *repo, *source;
	const struct store_job_new *jobs;
	size_t count;
};

/* A row as it was before. */
struct old {
	int64_t id;
	char *name, *source, *hash, *state;
};

struct olds {
	struct old *rows;
	size_t count, cap;
};

static void olds_release(struct olds *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->rows[i].name);
		free(list->rows[i].source);
		free(list->rows[i].hash);
		free(list->rows[i].state);
	}
	free(list->rows);
}
DEFINE_CLEANUP(olds, struct olds, olds_release(value))

static int read_olds(
	struct conn *conn, int64_t repo_id, struct olds *ret, struct err *err)
{
	CLEANUP(stmt)
	struct stmt q = query_use(conn, QUERY(STMT_JOB_OF_REPOSITORY, V_INT(repo_id)));
	int rc;

	while ((rc = stmt_step(&q, err)) > 0) {
		if (ret->count == ret->cap) {
			ret->cap = ret->cap ? ret->cap * 2 : 16;
			ret->rows = mem_grow(ret->rows, ret->cap, sizeof *ret->rows);
		}
		struct old *row = &ret->rows[ret->count++];
		row->id = stmt_get_int(&q);
		row->name = stmt_get_text(&q);
		row->source = stmt_get_text(&q);
		row->hash = stmt_get_text(&q);
		row->state = stmt_get_text(&q);
	}
	return rc;
}

static const struct old *find_old(const struct olds *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (str_eq(list->rows[i].name, name))
			return &list->rows[i];
	return NULL;
}

static const struct store_job_new *find_new(const struct sync *sync, const char *name)
{
	for (size_t i = 0; i < sync->count; i++)
		if (str_eq(sync->jobs[i].name, name))
			return &sync->jobs[i];
	return NULL;
}

static int put(struct conn *conn, const struct sync *sync,
	const struct store_job_new *job, struct err *err)
{
	return query_run(conn,
		QUERY(STMT_JOB_ADD, V_INT(sync->repo_id), V_TEXT(job->name),
			V_INT(sync->installation_id), V_TEXT(sync->owner),
			V_TEXT(sync->repo), V_TEXT(sync->source), V_TEXT(job->spec),
			V_TEXT(job->spec_hash), V_TEXT(job->cron), V_TEXT(job->timezone),
			V_INT(job->next_ms)),
		err);
}

static int sync_one(struct conn *conn, const struct sync *sync,
	const struct store_job_new *job, const struct old *old, struct err *err)
{
	bool gone = old && str_eq(old->state, "gone");
	bool same_source = old && str_eq(old->source, sync->source);

	/* The operator's word stands above the repository's. */
	if (old && !gone && !same_source && str_eq(old->source, "operator"))
		return 0;
	if (!old || gone || !same_source || !str_eq(old->hash, job->spec_hash))
		return put(conn, sync, job, err);
	return query_run(conn,
		QUERY(STMT_JOB_HERE, V_INT(sync->installation_id), V_TEXT(sync->owner),
			V_TEXT(sync->repo), V_INT(old->id)),
		err);
}

static int run_sync(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	const struct sync *sync = arg;
	CLEANUP(olds) struct olds olds = {0};

	(void)store;
	if (read_olds(conn, sync->repo_id, &olds, err) < 0)
		return -1;
	for (size_t i = 0; i < sync->count; i++)
		if (sync_one(conn, sync, &sync->jobs[i],
			    find_old(&olds, sync->jobs[i].name), err) < 0)
			return -1;
	for (size_t i = 0; i < olds.count; i++) {
		const struct old *old = &olds.rows[i];

		if (!str_eq(old->source, sync->source) || str_eq(old->state, "gone") ||
			find_new(sync, old->name))
			continue;
		if (query_run(conn, QUERY(STMT_JOB_GONE, V_INT(old->id)), err) < 0)
			return -1;
	}
	return 0;
}

static int check(const struct sync *sync, struct err *err)
{
	if (sync->count > STORE_JOBS_MAX)
		return err_set(err, ERR_LIMIT, "jobs: %zu, at most %d", sync->count,
			STORE_JOBS_MAX);
	for (size_t i = 0; i < sync->count; i++) {
		if (str_empty(sync->jobs[i].name))
			return err_set(err, ERR_INPUT, "job: name is missing");
		if (find_new(sync, sync->jobs[i].name) != &sync->jobs[i])
			return err_set(err, ERR_INPUT, "job: '%.60s' is there twice",
				sync->jobs[i].name);
	}
	return 0;
}

int store_jobs_sync(struct store *store, int64_t repo_id, int64_t installation_id,
	const char *owner, const char *repo, const char *source,
	const struct store_job_new *jobs, size_t count, struct cancel *cancel,
	struct err *err)
{
	struct sync sync = {repo_id, installation_id, owner, repo, source, jobs, count};

	if (check(&sync, err) < 0)
		return -1;
	return store_write(store, run_sync, &sync, cancel, err);
}
