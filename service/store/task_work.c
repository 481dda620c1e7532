/* SPDX-License-Identifier: MIT */
/* Tasks: the worker's verbs, each fenced by the lease. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"
#include "service/store/store_task.h"

#include <string.h>

int task_lease_lost(int64_t id, struct err *err)
{
	return err_set(err, ERR_CONFLICT, "task %lld: lease lost", (long long)id);
}

int task_fence(struct conn *conn, int64_t id, const char *lease, struct err *err)
{
	CLEANUP(stmt)
	struct stmt q = query_use(conn, QUERY(STMT_TASK_FENCE, V_INT(id), V_TEXT(lease)));
	int rc = stmt_step(&q, err);

	if (rc < 0)
		return -1;
	return rc ? 0 : task_lease_lost(id, err);
}

/* ---- claim ----------------------------------------------------------------------------- */

struct claim {
	const char *lease;
	int64_t now_ms;
	struct store_task row;
};

static int run_claim(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct claim *claim = arg;
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_TASK_CLAIM);
	int rc;

	stmt_int(&q, claim->now_ms);
	stmt_text(&q, claim->lease);
	stmt_int(&q, STORE_CRASHES_SUSPECT);
	rc = stmt_step(&q, err);
	if (rc <= 0)
		return rc;
	if (row_read(&q, &table_task, &claim->row, err) < 0 || stmt_run(&q, err) < 0)
		return -1;
	store_note(store, STORE_CHANGE_TASK_STATE, claim->row.id);
	return 1;
}

int store_task_claim(struct store *store, const char *lease, int64_t now_ms,
	struct store_task *ret, struct cancel *cancel, struct err *err)
{
	struct claim claim = {.lease = lease, .now_ms = now_ms};
	int rc;

	if (str_empty(lease))
		return err_set(err, ERR_INPUT, "task: lease is missing");
	rc = store_write(store, run_claim, &claim, cancel, err);
	if (rc == 1)
		*ret = claim.row;
	else
		store_task_release(&claim.row);
	return rc;
}

/* ---- save ------------------------------------------------------------------------------ */

int task_save_facts(struct conn *conn, const struct store_task *task, const char *step,
	struct task_saved *ret, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_TASK_SAVE);
	struct store_task facts = *task; /* borrows */
	int rc;

	if (step)
		facts.step = mem_strdup(step);
	row_bind(&q, &table_task_facts, &facts);
	stmt_int(&q, task->id);
	stmt_text(&q, task->lease);
	rc = stmt_step(&q, err);
	if (rc > 0) {
		ret->cancel_reason = stmt_get_text(&q);
		ret->crashes = stmt_get_int(&q);
		rc = stmt_run(&q, err) < 0 ? -1 : 0;
	} else if (rc == 0) {
		rc = task_lease_lost(task->id, err);
	}
	stmt_release(&q); /* before what is bound goes */
	if (step)
		free(facts.step);
	return rc;
}

void task_saved_take(struct store_task *task, struct task_saved *saved)
{
	free(task->cancel_reason);
	task->cancel_reason = TAKE(saved->cancel_reason);
	task->crashes = saved->crashes;
}

/* One structure for all that ends with a save. */
struct save {
	struct store_task *task;
	struct task_saved saved;
	enum store_task_state state;
	const char *code, *text;
	int64_t at_ms;
	bool count_attempt;
	int64_t run_at_ms, attempt; /* what came of putting it back */
};

static int run_save(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct save *save = arg;

	if (task_save_facts(conn, save->task, NULL, &save->saved, err) < 0)
		return -1;
	store_note(store, STORE_CHANGE_TASK_STATE, save->task->id);
	return 0;
}

int store_task_save(struct store *store, struct store_task *task, struct cancel *cancel,
	struct err *err)
{
	struct save save = {.task = task};
	int rc = store_write(store, run_save, &save, cancel, err);

	if (rc == 0)
		task_saved_take(task, &save.saved);
	free(save.saved.cancel_reason);
	return rc;
}

/* ---- finish ---------------------------------------------------------------------------- */

static int run_finish(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct save *save = arg;
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_TASK_FINISH);
	int rows;

	if (task_save_facts(conn, save->task, NULL, &save->saved, err) < 0)
		return -1;
	stmt_text(&q, words_task_state[save->state]);
	stmt_text(&q, save->code);
	stmt_text(&q, save->text);
	stmt_int(&q, save->at_ms);
	stmt_int(&q, save->task->id);
	stmt_text(&q, save->task->lease);
	rows = stmt_run(&q, err);
	if (rows < 0)
		return -1;
	if (rows == 0)
		return task_lease_lost(save->task->id, err);
	/* A lane may have become free. */
	store_note(store, STORE_CHANGE_TASK_READY, save->task->id);
	store_note(store, STORE_CHANGE_TASK_STATE, save->task->id);
	return task_wake_parent(store, conn, save->task->id, err);
}

int store_task_finish(struct store *store, struct store_task *task,
	enum store_task_state state, const char *outcome_code, const char *outcome,
	int64_t now_ms, struct cancel *cancel, struct err *err)
{
	struct save save = {.task = task,
		.state = state,
		.code = outcome_code,
		.text = outcome,
		.at_ms = now_ms};
	int rc;

	if (state == STORE_TASK_READY || state == STORE_TASK_RUNNING)
		return err_set(err, ERR_INTERNAL, "task: '%s' ends no task",
			store_task_state_name(state));
	rc = store_write(store, run_finish, &save, cancel, err);
	if (rc == 0) {
		task_saved_take(task, &save.saved);
		task->state = state;
		task->finished_ms = now_ms;
		store_set(&task->outcome_code, outcome_code ? outcome_code : "");
		store_set(&task->outcome, outcome ? outcome : "");
		store_set(&task->lease, NULL);
	}
	free(save.saved.cancel_reason);
	return rc;
}

/* ---- put back -------------------------------------------------------------------------- */

static int run_put_back(
	struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct save *save = arg;
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_TASK_PUT_BACK);
	int rc;

	if (task_save_facts(conn, save->task, NULL, &save->saved, err) < 0)
		return -1;
	stmt_optional(&q, save->text);
	stmt_int(&q, save->count_attempt ? 0 : 1);
	stmt_int(&q, save->at_ms);
	stmt_int(&q, save->task->id);
	stmt_text(&q, save->task->lease);
	rc = stmt_step(&q, err);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return task_lease_lost(save->task->id, err);
	save->run_at_ms = stmt_get_int(&q);
	save->attempt = stmt_get_int(&q);
	if (stmt_run(&q, err) < 0)
		return -1;
	store_note(store, STORE_CHANGE_TASK_READY, save->task->id);
	return 0;
}

int store_task_put_back(struct store *store, struct store_task *task, int64_t run_at_ms,
	bool count_attempt, const char *error, struct cancel *cancel, struct err *err)
{
	struct save save = {.task = task,
		.text = error,
		.at_ms = run_at_ms,
		.count_attempt = count_attempt};
	int rc = store_write(store, run_put_back, &save, cancel, err);

	if (rc == 0) {
		task_saved_take(task, &save.saved);
		task->state = STORE_TASK_READY;
		task->run_at_ms = save.run_at_ms;
		task->attempt = save.attempt;
		store_set(&task->last_error, error);
		store_set(&task->lease, NULL);
	}
	free(save.saved.cancel_reason);
	return rc;
}

/* ---- a look ---------------------------------------------------------------------------- */

int store_task_check(struct store *store, const struct store_task *task, bool *ret_go_on,
	char **ret_reason, struct err *err)
{
	CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};
	CLEANUP(mem) char *reason = NULL;
	bool ours;
	int rc;

	if (!reader.conn)
		return -1;
	CLEANUP(stmt) struct stmt q = stmt_use(reader.conn, STMT_TASK_CHECK);
	stmt_int(&q, task->id);
	stmt_optional(&q, task->lease);
	rc = stmt_step(&q, err);
	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, "no task %lld", (long long)task->id);
	if (rc < 0)
		return -1;
	ours = stmt_get_int(&q) != 0;
	reason = stmt_get_text(&q);
	*ret_go_on = ours && !reason;
	if (ret_reason)
		*ret_reason = TAKE(reason);
	return 0;
}
