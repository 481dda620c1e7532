/* SPDX-License-Identifier: MIT */
/*
 * Several attempts of one task: the task waits, without a worker, until the last of them has
 * ended.  Whoever ends an attempt wakes it in the same transaction, so that none is
 * forgotten and none is woken twice.
 */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"
#include "service/store/store_task.h"

struct counts {
	int64_t all, open, done;
};

static int count_attempts(
	struct conn *conn, int64_t parent_id, struct counts *ret, struct err *err)
{
	CLEANUP(stmt)
	struct stmt q = query_use(conn, QUERY(STMT_TASK_ATTEMPTS_OPEN, V_INT(parent_id)));

	if (stmt_step(&q, err) <= 0)
		return -1;
	ret->all = stmt_get_int(&q);
	ret->open = stmt_get_int(&q);
	ret->done = stmt_get_int(&q);
	return 0;
}

/* Runs a statement that returns ids, and tells of each. */
static int tell_each(struct store *store, struct conn *conn, const struct query *query,
	enum store_change_kind kind, int64_t *ret, struct err *err)
{
	CLEANUP(stmt) struct stmt q = query_use(conn, query);
	int rc;

	while ((rc = stmt_step(&q, err)) > 0) {
		(*ret)++;
		store_note(store, kind, stmt_get_int(&q));
	}
	return rc;
}

int task_wake_parent(struct store *store, struct conn *conn, int64_t id, struct err *err)
{
	int64_t count = 0;

	return tell_each(store, conn, QUERY(STMT_TASK_WAKE_PARENT, V_INT(id)),
		STORE_CHANGE_TASK_READY, &count, err);
}

int task_cancel_attempts(struct store *store, struct conn *conn, int64_t parent_id,
	const char *reason, int64_t now_ms, struct err *err)
{
	int64_t count = 0;

	if (tell_each(store, conn,
		    QUERY(STMT_TASK_CANCEL_ATTEMPTS_READY, V_TEXT(reason), V_INT(now_ms),
			    V_INT(parent_id)),
		    STORE_CHANGE_TASK_STATE, &count, err) < 0)
		return -1;
	return tell_each(store, conn,
		QUERY(STMT_TASK_CANCEL_ATTEMPTS_RUNNING, V_TEXT(reason),
			V_INT(parent_id)),
		STORE_CHANGE_TASK_CANCEL, &count, err);
}

int task_retry_attempts(struct store *store, struct conn *conn, int64_t parent_id,
	int64_t now_ms, int64_t *ret, struct err *err)
{
	struct counts counts = {0};

	*ret = 0;
	if (count_attempts(conn, parent_id, &counts, err) < 0)
		return -1;
	*ret = counts.open;
	if (counts.all == 0 || counts.done > 0)
		return 0;
	if (query_run(conn, QUERY(STMT_TASK_ATTEMPTS_EFFECTS, V_INT(parent_id)), err) < 0)
		return -1;
	return tell_each(store, conn,
		QUERY(STMT_TASK_ATTEMPTS_RETRY, V_INT(now_ms), V_INT(parent_id)),
		STORE_CHANGE_TASK_READY, ret, err);
}

/* ---- split ----------------------------------------------------------------------------- */

struct split {
	struct store_task *task;
	int64_t count, now_ms;
	struct task_saved saved;
	int64_t run_at_ms, attempt;
	bool waits;
};

static int add_attempts(
	struct store *store, struct conn *conn, struct split *split, struct err *err)
{
	for (int64_t i = 1; i <= split->count; i++) {
		if (query_run(conn,
			    QUERY(STMT_TASK_ATTEMPT_ADD, V_INT(split->task->id), V_INT(i),
				    V_INT(split->now_ms)),
			    err) < 0)
			return -1;
		store_note(store, STORE_CHANGE_TASK_READY,
			sqlite3_last_insert_rowid(conn->db));
	}
	return 0;
}

static int put_back(struct conn *conn, struct split *split, struct err *err)
{
	CLEANUP(stmt)
	struct stmt q = query_use(
		conn, QUERY(STMT_TASK_PUT_BACK, V_NULL, V_INT(1), V_INT(split->now_ms),
			      V_INT(split->task->id), V_OPT(split->task->lease)));
	int rc = stmt_step(&q, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return task_lease_lost(split->task->id, err);
	split->run_at_ms = stmt_get_int(&q);
	split->attempt = stmt_get_int(&q);
	return stmt_run(&q, err) < 0 ? -1 : 0;
}

/* A task that was asked to stop makes none and is claimed at once, to say so. */
static int run_split(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct split *split = arg;
	struct counts counts = {0};

	if (task_save_facts(conn, split->task, NULL, &split->saved, err) < 0 ||
		count_attempts(conn, split->task->id, &counts, err) < 0)
		return -1;
	if (counts.all == 0 && !split->saved.cancel_reason) {
		if (add_attempts(store, conn, split, err) < 0)
			return -1;
		counts.open = split->count;
	}
	split->waits = counts.open > 0;
	if (put_back(conn, split, err) < 0)
		return -1;
	store_note(store, STORE_CHANGE_TASK_READY, split->task->id);
	if (split->waits)
		return query_run(conn, QUERY(STMT_TASK_WAIT, V_INT(split->task->id)),
			       err) < 0
			       ? -1
			       : 0;
	return 0;
}

int store_task_split(struct store *store, struct store_task *task, int64_t count,
	int64_t now_ms, struct cancel *cancel, struct err *err)
{
	struct split split = {.task = task, .count = count, .now_ms = now_ms};
	int rc;

	if (count < 1 || count > STORE_ATTEMPTS_MAX)
		return err_set(err, ERR_INPUT, "task: 1 to %d attempts, not %lld",
			STORE_ATTEMPTS_MAX, (long long)count);
	if (task->parent_id)
		return err_set(err, ERR_INPUT, "task: an attempt makes no attempts");
	rc = store_write(store, run_split, &split, cancel, err);
	if (rc == 0) {
		task_saved_take(task, &split.saved);
		task->state = STORE_TASK_READY;
		task->run_at_ms = split.run_at_ms;
		task->attempt = split.attempt;
		task->waits = split.waits;
		store_set(&task->last_error, NULL);
		store_set(&task->lease, NULL);
	}
	free(split.saved.cancel_reason);
	return rc;
}

int store_task_attempts(
	struct store *store, int64_t parent_id, struct store_tasks *ret, struct err *err)
{
	void *rows = NULL;

	if (store_read_page(store,
		    QUERY(STMT_TASK_ATTEMPTS, V_INT(parent_id), V_INT(STORE_PAGE_MAX)),
		    &table_task, SIZE_MAX, &rows, &ret->count, err) < 0)
		return -1;
	ret->rows = rows;
	return 0;
}

/* ---- how much was used ----------------------------------------------------------------- */

static int read_used(struct conn *conn, const struct query *query, struct store_used *ret,
	struct err *err)
{
	CLEANUP(stmt) struct stmt q = query_use(conn, query);

	if (stmt_step(&q, err) <= 0)
		return -1;
	ret->runs = stmt_get_int(&q);
	ret->cost_usd = stmt_get_real(&q);
	return 0;
}

int store_task_used(struct store *store, int64_t requester_id, int64_t repo_id,
	int64_t since_ms, int64_t but_id, struct store_used *ret_person,
	struct store_used *ret_repo, struct err *err)
{
	CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};
	struct store_used person = {0}, repo = {0};

	if (!reader.conn)
		return -1;
	if (requester_id > 0 && read_used(reader.conn,
					QUERY(STMT_TASK_USED, V_INT(requester_id),
						V_INT(since_ms), V_INT(but_id)),
					&person, err) < 0)
		return -1;
	if (read_used(reader.conn,
		    QUERY(STMT_TASK_USED_REPO, V_INT(repo_id), V_INT(since_ms),
			    V_INT(but_id)),
		    &repo, err) < 0)
		return -1;
	*ret_person = person;
	*ret_repo = repo;
	return 0;
}
