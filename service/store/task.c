/* SPDX-License-Identifier: MIT */
/* Tasks: making, finding, and what a person does to them. */
#include "service/store/store_task.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"

#include <string.h>

int task_new_check(const struct store_task_new *task, struct err *err)
{
	if (str_empty(task->lane))
		return err_set(err, ERR_INPUT, "task: lane is missing");
	if (str_empty(task->verb))
		return err_set(err, ERR_INPUT, "task: verb is missing");
	if (task->about && strlen(task->about) > LIMIT_TASK_ABOUT)
		return err_set(err, ERR_LIMIT, "task: about has more than %lu bytes",
			LIMIT_TASK_ABOUT);
	return 0;
}

int task_insert(struct store *store, struct conn *conn, const struct store_task_new *task,
	const char *delivery_id, int64_t *ret_id, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_TASK_ADD);
	struct store_task_new row = *task; /* borrows */

	row.attempts = row.attempts > 1 ? row.attempts : 1;
	row_bind(&q, &table_task_given, &row);
	stmt_optional(&q, delivery_id);
	stmt_text(&q, task->step);
	stmt_text(&q, task->default_branch);
	stmt_int(&q, task->run_at_ms ? task->run_at_ms : task->now_ms);
	stmt_int(&q, task->now_ms);
	if (stmt_run(&q, err) < 0)
		return -1;
	*ret_id = sqlite3_last_insert_rowid(conn->db);
	store_note(store, STORE_CHANGE_TASK_READY, *ret_id);
	return 0;
}

struct add {
	const struct store_task_new *task;
	int64_t id;
};

static int run_add(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct add *add = arg;

	return task_insert(store, conn, add->task, NULL, &add->id, err);
}

int store_task_add(struct store *store, const struct store_task_new *task,
	int64_t *ret_id, struct cancel *cancel, struct err *err)
{
	struct add add = {task, 0};

	if (task_new_check(task, err) < 0 ||
		store_write(store, run_add, &add, cancel, err) < 0)
		return -1;
	*ret_id = add.id;
	return 0;
}

struct store_task_new store_task_like(const struct store_task *task, int64_t now_ms)
{
	return (struct store_task_new){
		.lane = task->lane,
		.verb = task->verb,
		.text = task->text,
		.repo_id = task->repo_id,
		.installation_id = task->installation_id,
		.owner = task->owner,
		.repo = task->repo,
		.number = task->number,
		.is_pull = task->is_pull,
		.title = task->title,
		.issue_body = task->issue_body,
		.issue_author_login = task->issue_author_login,
		.requester_id = task->requester_id,
		.requester_login = task->requester_login,
		.comment_id = task->comment_id,
		.comment_url = task->comment_url,
		.trigger_kind = task->trigger_kind,
		.default_branch = task->default_branch,
		.about = task->about,
		.attempts = task->attempts,
		.job_id = task->job_id,
		.now_ms = now_ms,
	};
}

/* ---- finding --------------------------------------------------------------------------- */

int store_task_get(
	struct store *store, int64_t id, struct store_task *ret, struct err *err)
{
	CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};
	CLEANUP(store_task) struct store_task row = {0};
	int rc;

	if (!reader.conn)
		return -1;
	CLEANUP(stmt) struct stmt q = stmt_use(reader.conn, STMT_TASK_GET);
	stmt_int(&q, id);
	rc = stmt_step(&q, err);
	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, "no task %lld", (long long)id);
	if (rc < 0 || row_read(&q, &table_task, &row, err) < 0)
		return -1;
	*ret = row;
	memset(&row, 0, sizeof row);
	return 0;
}

static enum stmt_id list_statement(const struct store_task_filter *filter)
{
	if (filter->lane)
		return STMT_TASK_LIST_LANE;
	if (filter->job_id)
		return STMT_TASK_LIST_JOB;
	if (filter->outcome_code)
		return STMT_TASK_LIST_OUTCOME;
	return filter->state ? STMT_TASK_LIST_STATE : STMT_TASK_LIST;
}

static void list_bind(struct stmt *q, const struct store_task_filter *filter)
{
	stmt_int(q, filter->before_id > 0 ? filter->before_id : INT64_MAX);
	if (filter->job_id) {
		stmt_int(q, filter->job_id);
		stmt_optional(q, filter->state);
	} else if (filter->lane || filter->outcome_code) {
		stmt_text(q, filter->lane ? filter->lane : filter->outcome_code);
		stmt_optional(q, filter->state);
	} else if (filter->state) {
		stmt_text(q, filter->state);
	}
	stmt_int(q, page_limit(filter->limit, 50));
}

int store_task_list(struct store *store, const struct store_task_filter *filter,
	struct store_tasks *ret, struct err *err)
{
	CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};
	void *rows = NULL;

	if (!reader.conn)
		return -1;
	if (!!filter->lane + !!filter->outcome_code + !!filter->job_id > 1)
		return err_set(err, ERR_INPUT,
			"tasks: lane, outcome_code and job_id: one of them");
	if (filter->state && words_find(words_task_state, filter->state) < 0)
		return err_set(err, ERR_INPUT, "tasks: there is no state '%.40s'",
			filter->state);
	CLEANUP(stmt) struct stmt q = stmt_use(reader.conn, list_statement(filter));
	list_bind(&q, filter);
	if (rows_read(&q, &table_task, &rows, &ret->count, err) < 0)
		return -1;
	ret->rows = rows;
	return 0;
}

int store_lane_tasks(
	struct store *store, const char *lane, struct store_tasks *ret, struct err *err)
{
	CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};
	void *rows = NULL;

	if (!reader.conn)
		return -1;
	CLEANUP(stmt) struct stmt q = stmt_use(reader.conn, STMT_TASK_OF_LANE);
	stmt_text(&q, lane);
	stmt_int(&q, STORE_PAGE_MAX);
	if (rows_read(&q, &table_task, &rows, &ret->count, err) < 0)
		return -1;
	ret->rows = rows;
	return 0;
}

int store_task_next_due(struct store *store, int64_t *ret_run_at_ms, struct err *err)
{
	CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};
	int rc;

	if (!reader.conn)
		return -1;
	CLEANUP(stmt) struct stmt q = stmt_use(reader.conn, STMT_TASK_NEXT_DUE);
	rc = stmt_step(&q, err);
	if (rc < 0)
		return -1;
	*ret_run_at_ms = rc ? stmt_get_int(&q) : -1;
	return 0;
}

/* ---- a person's verbs ------------------------------------------------------------------ */

struct change {
	int64_t id;
	const char *text; /* reason or step */
	int64_t command;  /* that asked for a retry; 0: none */
	int64_t now_ms;
	enum store_cancelled what;
};

/* The state for the message, or "no task". */
static int read_state(
	struct conn *conn, int64_t id, enum store_task_state *ret, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_TASK_STATE);
	CLEANUP(mem) char *word = NULL;
	int rc;

	stmt_int(&q, id);
	rc = stmt_step(&q, err);
	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, "no task %lld", (long long)id);
	if (rc < 0)
		return -1;
	word = stmt_get_text(&q);
	if (!store_task_state_parse(word, ret))
		return err_set(err, ERR_INTERNAL, "store: unknown state of a task");
	return 0;
}

/* With its attempts, when it waits for them; it may be one itself. */
static int end_ready(struct store *store, struct conn *conn, const struct change *change,
	struct err *err)
{
	if (query_run(conn,
		    QUERY(STMT_TASK_CANCEL_READY, V_TEXT(change->text),
			    V_INT(change->now_ms), V_INT(change->id)),
		    err) < 0 ||
		task_cancel_attempts(
			store, conn, change->id, change->text, change->now_ms, err) < 0)
		return -1;
	/* A lane may have become free. */
	store_note(store, STORE_CHANGE_TASK_READY, change->id);
	return task_wake_parent(store, conn, change->id, err);
}

static int cancel_ready(
	struct store *store, struct conn *conn, struct change *change, struct err *err)
{
	int begun = query_run(conn,
		QUERY(STMT_TASK_CANCEL_BEGUN, V_TEXT(change->text), V_INT(change->id)),
		err);

	if (begun < 0)
		return -1;
	change->what = begun ? STORE_CANCEL_ASKED : STORE_CANCEL_DONE;
	if (!begun)
		return end_ready(store, conn, change, err);
	store_note(store, STORE_CHANGE_TASK_READY, change->id);
	return task_cancel_attempts(
		store, conn, change->id, change->text, change->now_ms, err);
}

static int cancel_running(struct conn *conn, const struct change *change, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_TASK_CANCEL_RUNNING);

	stmt_text(&q, change->text);
	stmt_int(&q, change->id);
	return stmt_run(&q, err);
}

static int run_cancel(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct change *change = arg;
	enum store_task_state state;
	int rc = read_state(conn, change->id, &state, err);

	if (rc < 0)
		return -1;
	if (state == STORE_TASK_READY) {
		rc = cancel_ready(store, conn, change, err);
		store_note(store, STORE_CHANGE_TASK_STATE, change->id);
	} else if (state == STORE_TASK_RUNNING) {
		change->what = STORE_CANCEL_ASKED;
		rc = cancel_running(conn, change, err);
		store_note(store, STORE_CHANGE_TASK_CANCEL, change->id);
	} else {
		change->what = STORE_CANCEL_LATE;
	}
	return rc < 0 ? -1 : 0;
}

int store_task_cancel(struct store *store, int64_t id, const char *reason, int64_t now_ms,
	enum store_cancelled *ret, struct cancel *cancel, struct err *err)
{
	struct change change = {.id = id, .text = reason, .now_ms = now_ms};

	if (store_write(store, run_cancel, &change, cancel, err) < 0)
		return -1;
	*ret = change.what;
	return 0;
}

/* What it came to is open again: the end, its words, the checks of the result. */
static int retry_effects(struct conn *conn, const struct change *change, struct err *err)
{
	char task[24];

	snprintf(task, sizeof task, "%lld", (long long)change->id);
	if (query_run(conn,
		    QUERY(STMT_TASK_RETRY_EFFECTS, V_INT(change->id),
			    V_OPT(change->text)),
		    err) < 0 ||
		query_run(conn, QUERY(STMT_TASK_RETRY_ANSWER, V_INT(change->id)), err) <
			0)
		return -1;
	return change->command &&
			       query_run(conn,
				       QUERY(STMT_EFFECT_PLAN, V_INT(-change->command),
					       V_TEXT("retry"), V_TEXT(""), V_TEXT(task)),
				       err) < 0
		       ? -1
		       : 0;
}

static int run_retry(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct change *change = arg;
	enum store_task_state state;
	int64_t attempts = 0;
	int rows = query_run(conn,
		QUERY(STMT_TASK_RETRY, V_INT(change->now_ms), V_OPT(change->text),
			V_INT(change->id)),
		err);

	if (rows < 0)
		return -1;
	if (rows == 0) {
		if (read_state(conn, change->id, &state, err) < 0)
			return -1;
		return err_set(err, ERR_CONFLICT,
			"task %lld is %s: only a failed, cancelled or refused one that "
			"is no attempt can be tried again",
			(long long)change->id, store_task_state_name(state));
	}
	if (retry_effects(conn, change, err) < 0)
		return -1;
	store_note(store, STORE_CHANGE_TASK_READY, change->id);
	if (task_retry_attempts(store, conn, change->id, change->now_ms, &attempts, err) <
		0)
		return -1;
	return attempts && query_run(conn, QUERY(STMT_TASK_WAIT_ANEW, V_INT(change->id)),
				   err) < 0
		       ? -1
		       : 0;
}

int store_task_retry(struct store *store, int64_t id, const char *step, int64_t command,
	int64_t now_ms, struct cancel *cancel, struct err *err)
{
	struct change change = {
		.id = id, .text = step, .command = command, .now_ms = now_ms};

	return store_write(store, run_retry, &change, cancel, err);
}
