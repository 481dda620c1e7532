/* SPDX-License-Identifier: MIT */
/* Maintenance jobs: their slots, each settled once, and what becomes of them. */
#include "service/store/store_job.h"

#include "boxcore/base/mem.h"

#include "boxcore/base/str.h"
#include "service/store/store-internal.h"

int store_job_get(struct store *store, int64_t id, struct store_job *ret, struct err *err)
{
	return store_read_row(
		store, QUERY(STMT_JOB_GET, V_INT(id)), &table_job, ret, "job", err);
}

static int read_rows(struct store *store, const struct query *query,
	struct store_jobs *ret, struct err *err)
{
	void *rows = NULL;

	if (store_read_page(store, query, &table_job, SIZE_MAX, &rows, &ret->count, err) <
		0)
		return -1;
	ret->rows = rows;
	return 0;
}

int store_job_list(struct store *store, int64_t repo_id, int64_t after_id, int limit,
	struct store_jobs *ret, struct err *err)
{
	int64_t most = page_limit(limit, 50);

	if (repo_id)
		return read_rows(store,
			QUERY(STMT_JOB_LIST, V_INT(repo_id), V_INT(after_id),
				V_INT(most)),
			ret, err);
	return read_rows(
		store, QUERY(STMT_JOB_LIST_ALL, V_INT(after_id), V_INT(most)), ret, err);
}

int store_job_due(struct store *store, int64_t now_ms, int limit, struct store_jobs *ret,
	struct err *err)
{
	return read_rows(store,
		QUERY(STMT_JOB_DUE, V_INT(now_ms), V_INT(page_limit(limit, 50))), ret,
		err);
}

/* ---- slots ----------------------------------------------------------------------------- */

#define STILL_RUNNING "skipped: the last run has not ended"

struct look {
	enum look_state { JOB_ACTIVE, JOB_PAUSED, JOB_GONE_AWAY } state;
	int64_t last_slot_ms;
	bool at_work; /* its newest task has not ended */
};

static int look(struct conn *conn, int64_t id, struct look *ret, struct err *err)
{
	static const char *const words[] = {"active", "paused", "gone", NULL};
	CLEANUP(stmt) struct stmt q = query_use(conn, QUERY(STMT_JOB_LOOK, V_INT(id)));
	CLEANUP(mem) char *word = NULL;
	int rc = stmt_step(&q, err);
	int state;

	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, "no such job");
	if (rc < 0)
		return -1;
	word = stmt_get_text(&q);
	state = words_find(words, word);
	if (state < 0)
		return err_set(err, ERR_INTERNAL, "store: unknown state of a job");
	ret->state = (enum look_state)state;
	ret->last_slot_ms = stmt_get_int(&q);
	ret->at_work = stmt_get_int(&q) != 0;
	return 0;
}

struct settle {
	int64_t id, slot_ms, next_ms, now_ms;
	const char *note;
	const struct store_task_new *task;
	int64_t task_id;
};

static int add_task(
	struct store *store, struct conn *conn, struct settle *settle, struct err *err)
{
	struct store_task_new task = *settle->task; /* borrows */

	task.job_id = settle->id;
	return task_insert(store, conn, &task, NULL, &settle->task_id, err);
}

static int run_settle(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct settle *settle = arg;
	const char *note = settle->note;
	struct look job = {0};

	if (look(conn, settle->id, &job, err) < 0)
		return -1;
	if (job.last_slot_ms >= settle->slot_ms)
		return err_set(err, ERR_CONFLICT, "the slot is settled already");
	if (job.state != JOB_ACTIVE)
		return err_set(err, ERR_CONFLICT, "the job is %s",
			job.state == JOB_PAUSED ? "paused" : "gone");
	if (settle->task && job.at_work)
		note = STILL_RUNNING;
	else if (settle->task && add_task(store, conn, settle, err) < 0)
		return -1;
	return query_run(conn,
		       QUERY(STMT_JOB_SETTLE, V_INT(settle->slot_ms),
			       V_INT(settle->next_ms), V_OPT(note), V_INT(settle->now_ms),
			       V_INT(settle->task_id), V_INT(settle->id)),
		       err) < 0
		       ? -1
		       : 0;
}

int store_job_settle(struct store *store, int64_t id, int64_t slot_ms, int64_t next_ms,
	const char *note, const struct store_task_new *task, int64_t now_ms,
	int64_t *ret_task, struct cancel *cancel, struct err *err)
{
	struct settle settle = {.id = id,
		.slot_ms = slot_ms,
		.next_ms = next_ms,
		.now_ms = now_ms,
		.note = note,
		.task = task};

	if ((task && task_new_check(task, err) < 0) ||
		store_write(store, run_settle, &settle, cancel, err) < 0)
		return -1;
	if (ret_task)
		*ret_task = settle.task_id;
	return 0;
}

static int run_start(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct settle *settle = arg;
	struct look job = {0};

	if (look(conn, settle->id, &job, err) < 0)
		return -1;
	if (job.state == JOB_GONE_AWAY)
		return err_set(err, ERR_CONFLICT, "the job is gone");
	if (job.at_work)
		return err_set(err, ERR_CONFLICT, "the job's last run has not ended");
	if (add_task(store, conn, settle, err) < 0)
		return -1;
	return query_run(conn,
		       QUERY(STMT_JOB_SET_TASK, V_INT(settle->task_id),
			       V_INT(settle->id)),
		       err) < 0
		       ? -1
		       : 0;
}

int store_job_start(struct store *store, int64_t id, const struct store_task_new *task,
	int64_t *ret_task, struct cancel *cancel, struct err *err)
{
	struct settle settle = {.id = id, .task = task};

	if (task_new_check(task, err) < 0 ||
		store_write(store, run_start, &settle, cancel, err) < 0)
		return -1;
	*ret_task = settle.task_id;
	return 0;
}

/* ---- what becomes of it ---------------------------------------------------------------- */

int store_job_result(struct store *store, int64_t id, bool ok, const char *note,
	int64_t now_ms, int pause_at, struct cancel *cancel, struct err *err)
{
	return store_update_one(store,
		QUERY(STMT_JOB_RESULT, V_INT(ok), V_OPT(note), V_INT(now_ms),
			V_INT(pause_at), V_INT(id)),
		"job", cancel, err);
}

int store_job_pull(struct store *store, int64_t id, int64_t pr_number,
	const char *declined, struct cancel *cancel, struct err *err)
{
	return store_update_one(store,
		QUERY(STMT_JOB_PULL, V_INT(pr_number), V_OPT(declined), V_INT(id)), "job",
		cancel, err);
}

int store_job_pause(struct store *store, int64_t id, const char *why,
	struct cancel *cancel, struct err *err)
{
	return store_update_one(
		store, QUERY(STMT_JOB_PAUSE, V_TEXT(why), V_INT(id)), "job", cancel, err);
}

int store_job_resume(struct store *store, int64_t id, int64_t next_ms,
	struct cancel *cancel, struct err *err)
{
	return store_update_one(store, QUERY(STMT_JOB_RESUME, V_INT(next_ms), V_INT(id)),
		"job", cancel, err);
}
