/* SPDX-License-Identifier: MIT */
/* Conversations: opened and saved by the task that runs, each fenced by its lease. */
#include "service/store/store_conversation.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"

#include <string.h>

/* ---- which one ------------------------------------------------------------------------- */

int conversation_of_pull(struct conn *conn, int64_t repo_id, int64_t pull_number,
	const char *branch, struct belongs *ret, struct err *err)
{
	CLEANUP(stmt) struct stmt q = {0};
	int rc;

	if (pull_number > 0)
		q = query_use(conn, QUERY(STMT_CONVERSATION_BELONGS_PULL, V_INT(repo_id),
					    V_INT(pull_number)));
	else if (!str_empty(branch))
		q = query_use(conn, QUERY(STMT_CONVERSATION_BELONGS_BRANCH,
					    V_INT(repo_id), V_TEXT(branch)));
	else
		return 0;
	rc = stmt_step(&q, err);
	if (rc <= 0)
		return rc;
	ret->id = stmt_get_int(&q);
	ret->lane = stmt_get_text(&q);
	ret->pr_number = stmt_get_int(&q);
	ret->ours = stmt_get_int(&q) != 0;
	ret->pushed = stmt_get_int(&q) != 0;
	return 0;
}

/* 1 and the row, 0 for none. */
static int read_row(struct conn *conn, const struct query *query,
	struct store_conversation *ret, struct err *err)
{
	CLEANUP(stmt) struct stmt q = query_use(conn, query);
	int rc = stmt_step(&q, err);

	if (rc > 0 && row_read(&q, &table_conversation, ret, err) < 0)
		return -1;
	return rc;
}

/* ---- open ------------------------------------------------------------------------------ */

struct open {
	const struct store_task *task;
	int64_t now_ms;
	struct store_conversation row;
};

static int find(struct conn *conn, struct open *open, struct err *err)
{
	const struct store_task *task = open->task;
	int rc = read_row(conn, QUERY(STMT_CONVERSATION_OF_LANE, V_TEXT(task->lane)),
		&open->row, err);

	if (rc == 0 && task->number > 0)
		rc = read_row(conn,
			QUERY(STMT_CONVERSATION_OF_PULL, V_INT(task->repo_id),
				V_INT(task->number)),
			&open->row, err);
	return rc;
}

/* A pull request's own number is known from the start, that of an issue's comes later. */
static int make(struct conn *conn, struct open *open, struct err *err)
{
	const struct store_task *task = open->task;

	if (query_run(conn,
		    QUERY(STMT_CONVERSATION_ADD, V_TEXT(task->lane), V_INT(task->repo_id),
			    V_INT(task->number), V_INT(task->is_pull),
			    V_INT(task->is_pull ? task->number : 0), V_INT(open->now_ms)),
		    err) < 0)
		return -1;
	return find(conn, open, err) == 1 ? 0 : -1;
}

/* A task of a pull request that was made before its conversation was known goes over to
 * the conversation's lane, unless another one is at work there. */
static int change_lane(struct conn *conn, struct open *open, struct err *err)
{
	CLEANUP(stmt)
	struct stmt q = query_use(conn, QUERY(STMT_TASK_LANE_BUSY, V_TEXT(open->row.lane),
						V_INT(open->task->id)));
	int rc = stmt_step(&q, err);

	if (rc < 0)
		return -1;
	if (rc > 0)
		return err_set(err, ERR_TRANSIENT,
			"task %lld is at work on this pull request's conversation",
			(long long)stmt_get_int(&q));
	return query_run(conn,
		       QUERY(STMT_TASK_SET_LANE, V_TEXT(open->row.lane),
			       V_INT(open->row.id), V_INT(open->task->id)),
		       err) < 0
		       ? -1
		       : 0;
}

static int run_open(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct open *open = arg;
	const struct store_task *task = open->task;
	int rc;

	(void)store;
	if (task_fence(conn, task->id, task->lease, err) < 0)
		return -1;
	rc = find(conn, open, err);
	if (rc < 0 || (rc == 0 && make(conn, open, err) < 0))
		return -1;
	if (query_run(conn,
		    QUERY(STMT_CONVERSATION_USE, V_INT(open->now_ms),
			    V_INT(open->row.id)),
		    err) < 0)
		return -1;
	if (!str_eq(task->lane, open->row.lane))
		return change_lane(conn, open, err);
	return query_run(conn,
		       QUERY(STMT_TASK_SET_CONVERSATION, V_INT(open->row.id),
			       V_INT(task->id)),
		       err) < 0
		       ? -1
		       : 0;
}

int store_conversation_open(struct store *store, struct store_task *task, int64_t now_ms,
	struct store_conversation *ret, struct cancel *cancel, struct err *err)
{
	struct open open = {.task = task, .now_ms = now_ms};

	if (task->parent_id)
		return err_set(err, ERR_INTERNAL,
			"task %lld is an attempt: it has no conversation",
			(long long)task->id);
	if (store_write(store, run_open, &open, cancel, err) < 0) {
		store_conversation_release(&open.row);
		return -1;
	}
	store_set(&open.row.state, "open");
	open.row.used_ms = now_ms;
	task->conversation_id = open.row.id;
	store_set(&task->lane, open.row.lane);
	*ret = open.row;
	return 0;
}

/* ---- save ------------------------------------------------------------------------------ */

struct save {
	const struct store_conversation *row;
	const struct store_task *task;
	struct task_saved saved;
	int64_t now_ms;
	int64_t pr_number;
};

/* A pull request has one conversation: that of the task which opened it.  A comment that
 * came before its number was known has made another one, which gives it up. */
static int settle_pull(struct conn *conn, struct save *save, struct err *err)
{
	CLEANUP(mem) char *lane = NULL;
	struct belongs other = {0};

	save->pr_number = save->row->pr_number;
	if (save->pr_number <= 0)
		return 0;
	if (conversation_of_pull(
		    conn, save->row->repo_id, save->pr_number, NULL, &other, err) < 0)
		return -1;
	lane = other.lane;
	if (!other.id || other.id == save->row->id)
		return 0;
	if (!save->row->ours || other.ours) {
		save->pr_number = 0;
		return 0;
	}
	return query_run(conn, QUERY(STMT_CONVERSATION_LEAVE_PULL, V_INT(other.id)),
		       err) < 0
		       ? -1
		       : 0;
}

static int run_save(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct save *save = arg;
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_CONVERSATION_SAVE);
	struct store_conversation facts = *save->row; /* borrows */
	int rows;

	if (task_save_facts(conn, save->task, NULL, &save->saved, err) < 0 ||
		settle_pull(conn, save, err) < 0)
		return -1;
	facts.pr_number = save->pr_number;
	row_bind(&q, &table_conversation_facts, &facts);
	stmt_int(&q, save->now_ms);
	stmt_int(&q, save->row->id);
	rows = stmt_run(&q, err);
	if (rows < 0)
		return -1;
	if (rows == 0)
		return err_set(err, ERR_NOT_FOUND, "no conversation %lld",
			(long long)save->row->id);
	store_note(store, STORE_CHANGE_TASK_STATE, save->task->id);
	return 0;
}

int store_conversation_save(struct store *store, struct store_conversation *row,
	struct store_task *task, int64_t now_ms, struct cancel *cancel, struct err *err)
{
	struct save save = {.row = row, .task = task, .now_ms = now_ms};
	int rc = store_write(store, run_save, &save, cancel, err);

	if (rc == 0) {
		task_saved_take(task, &save.saved);
		row->used_ms = now_ms;
		row->pr_number = save.pr_number;
	}
	free(save.saved.cancel_reason);
	return rc;
}

/* ---- a comment during a run ------------------------------------------------------------ */

struct take_up {
	const struct store_task *task;
	int64_t now_ms;
	struct store_task row;
};

/* Whoever claims runs on the same thread: the row is either still ready or not. */
static int run_take_up(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct take_up *take = arg;
	const struct store_task *task = take->task;
	int rc;

	if (task_fence(conn, task->id, task->lease, err) < 0)
		return -1;
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_TASK_TAKE_UP);
	stmt_int(&q, task->id);
	stmt_int(&q, take->now_ms);
	rc = stmt_step(&q, err);
	if (rc <= 0)
		return rc;
	if (row_read(&q, &table_task, &take->row, err) < 0 || stmt_run(&q, err) < 0)
		return -1;
	store_note(store, STORE_CHANGE_TASK_STATE, take->row.id);
	return 1;
}

int store_task_take_up(struct store *store, const struct store_task *task, int64_t now_ms,
	struct store_task *ret, struct cancel *cancel, struct err *err)
{
	struct take_up take = {.task = task, .now_ms = now_ms};
	int rc = store_write(store, run_take_up, &take, cancel, err);

	if (rc == 1)
		*ret = take.row;
	else
		store_task_release(&take.row);
	return rc;
}

int store_task_taken(
	struct store *store, int64_t task_id, struct store_tasks *ret, struct err *err)
{
	void *rows = NULL;

	if (store_read_page(store,
		    QUERY(STMT_TASK_TAKEN, V_INT(task_id), V_INT(STORE_PAGE_MAX)),
		    &table_task, SIZE_MAX, &rows, &ret->count, err) < 0)
		return -1;
	ret->rows = rows;
	return 0;
}
