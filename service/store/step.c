/* SPDX-License-Identifier: MIT */
/* Steps: begin and end move the task's own row in the same transaction. */
#include "service/store/store_step.h"

#include "boxcore/base/str.h"
#include "service/store/store-internal.h"

struct move {
	struct store_task *task;
	const char *name; /* the step to begin, or the next one */
	int64_t now_ms;
	int64_t seq;
	bool ok;
	const char *detail;
	struct task_saved saved;
};

static int end_lost(struct conn *conn, const struct move *move, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_STEP_LOST);

	stmt_int(&q, move->now_ms);
	stmt_int(&q, move->task->id);
	return stmt_run(&q, err);
}

static int run_begin(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct move *move = arg;
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_STEP_BEGIN);
	int rc;

	if (task_save_facts(conn, move->task, move->name, &move->saved, err) < 0 ||
		end_lost(conn, move, err) < 0)
		return -1;
	stmt_int(&q, move->task->id);
	stmt_text(&q, move->name);
	stmt_int(&q, move->task->attempt);
	stmt_int(&q, move->now_ms);
	rc = stmt_step(&q, err);
	if (rc <= 0)
		return rc < 0 ? -1 : err_set(err, ERR_INTERNAL, "step: not inserted");
	move->seq = stmt_get_int(&q);
	if (stmt_run(&q, err) < 0)
		return -1;
	store_note(store, STORE_CHANGE_TASK_STATE, move->task->id);
	return 0;
}

/* Runs it and, after the commit, brings the row up to date. */
static int moved(struct store *store, job_fn run, struct move *move,
	struct cancel *cancel, struct err *err)
{
	int rc = store_write(store, run, move, cancel, err);

	if (rc == 0) {
		task_saved_take(move->task, &move->saved);
		if (move->name)
			store_set(&move->task->step, move->name);
	}
	free(move->saved.cancel_reason);
	return rc;
}

int store_step_begin(struct store *store, struct store_task *task, const char *name,
	int64_t now_ms, int64_t *ret_seq, struct cancel *cancel, struct err *err)
{
	struct move move = {.task = task, .name = name, .now_ms = now_ms};

	if (str_empty(name))
		return err_set(err, ERR_INPUT, "step: name is missing");
	if (moved(store, run_begin, &move, cancel, err) < 0)
		return -1;
	*ret_seq = move.seq;
	return 0;
}

static int run_end(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct move *move = arg;
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_STEP_END);
	int rows;

	if (task_save_facts(conn, move->task, move->name, &move->saved, err) < 0)
		return -1;
	stmt_text(&q, move->ok ? "done" : "failed");
	stmt_int(&q, move->now_ms);
	stmt_text(&q, move->detail);
	stmt_int(&q, move->task->id);
	stmt_int(&q, move->seq);
	rows = stmt_run(&q, err);
	if (rows < 0)
		return -1;
	if (rows == 0)
		return err_set(err, ERR_CONFLICT, "task %lld: step %lld is not running",
			(long long)move->task->id, (long long)move->seq);
	store_note(store, STORE_CHANGE_TASK_STATE, move->task->id);
	return 0;
}

int store_step_end(struct store *store, struct store_task *task, int64_t seq, bool ok,
	const char *detail, const char *next, int64_t now_ms, struct cancel *cancel,
	struct err *err)
{
	struct move move = {.task = task,
		.name = next,
		.now_ms = now_ms,
		.seq = seq,
		.ok = ok,
		.detail = detail};

	return moved(store, run_end, &move, cancel, err);
}

int store_step_list(
	struct store *store, int64_t task_id, struct store_steps *ret, struct err *err)
{
	CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};
	void *rows = NULL;

	if (!reader.conn)
		return -1;
	CLEANUP(stmt) struct stmt q = stmt_use(reader.conn, STMT_STEP_LIST);
	stmt_int(&q, task_id);
	stmt_int(&q, STORE_PAGE_MAX);
	if (rows_read(&q, &table_step, &rows, &ret->count, err) < 0)
		return -1;
	ret->rows = rows;
	return 0;
}
