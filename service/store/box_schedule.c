/* SPDX-License-Identifier: MIT */
/* Schedules of boxes. */
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"
#include "service/store/store_box_schedule.h"

static int check_room(struct conn *conn, const char *box_id, struct err *err)
{
	CLEANUP(stmt)
	struct stmt q = query_use(conn, QUERY(STMT_BOX_SCHEDULE_COUNT, V_TEXT(box_id)));

	if (stmt_step(&q, err) < 0)
		return -1;
	if (stmt_get_int(&q) >= LIMIT_BOX_SCHEDULES)
		return err_set(err, ERR_QUOTA, "a box has at most %d schedules",
			LIMIT_BOX_SCHEDULES);
	if (!stmt_get_int(&q))
		return err_set(err, ERR_NOT_FOUND, "no such box");
	return 0;
}

static int run_add(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	const struct store_box_schedule *schedule = arg;

	(void)store;
	if (check_room(conn, schedule->box_id, err) < 0)
		return -1;
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_BOX_SCHEDULE_ADD);
	row_bind(&q, &table_box_schedule_given, schedule);
	return stmt_run(&q, err) < 0 ? -1 : 0;
}

int store_box_schedule_add(struct store *store, const struct store_box_schedule *schedule,
	struct cancel *cancel, struct err *err)
{
	struct store_box_schedule row = *schedule; /* borrows */

	if (str_empty(row.id))
		return err_set(err, ERR_INPUT, "schedule: id is missing");
	return store_write(store, run_add, &row, cancel, err);
}

int store_box_schedule_get(struct store *store, const char *box_id, const char *id,
	struct store_box_schedule *ret, struct err *err)
{
	return store_read_row(store,
		QUERY(STMT_BOX_SCHEDULE_GET, V_TEXT(id), V_TEXT(box_id)),
		&table_box_schedule, ret, "schedule", err);
}

static int read_schedules(struct store *store, const struct query *query,
	struct store_box_schedules *ret, struct err *err)
{
	void *rows = NULL;

	if (store_read_page(store, query, &table_box_schedule, SIZE_MAX, &rows,
		    &ret->count, err) < 0)
		return -1;
	ret->rows = rows;
	return 0;
}

int store_box_schedule_list(struct store *store, const char *box_id,
	struct store_box_schedules *ret, struct err *err)
{
	return read_schedules(
		store, QUERY(STMT_BOX_SCHEDULE_LIST, V_TEXT(box_id)), ret, err);
}

int store_box_schedule_due(struct store *store, int64_t now_ms, int limit,
	struct store_box_schedules *ret, struct err *err)
{
	return read_schedules(store,
		QUERY(STMT_BOX_SCHEDULE_DUE, V_INT(now_ms), V_INT(page_limit(limit, 50))),
		ret, err);
}

/* ---- changing -------------------------------------------------------------------------- */

int store_box_schedule_fired(struct store *store, const char *id, int64_t slot_ms,
	int64_t next_ms, struct cancel *cancel, struct err *err)
{
	int rows = store_update(store,
		QUERY(STMT_BOX_SCHEDULE_FIRED, V_INT(next_ms), V_TEXT(id),
			V_INT(slot_ms)),
		cancel, err);

	if (rows == 0)
		return err_set(
			err, ERR_CONFLICT, "the slot was taken, or the schedule changed");
	return rows < 0 ? -1 : 0;
}

int store_box_schedule_ran(struct store *store, const char *id, const char *run_id,
	const char *status, int64_t run_ms, struct cancel *cancel, struct err *err)
{
	return store_update(store,
		       QUERY(STMT_BOX_SCHEDULE_RAN, V_OPT(run_id), V_TEXT(status),
			       V_INT(run_ms), V_TEXT(id)),
		       cancel, err) < 0
		       ? -1
		       : 0;
}

int store_box_schedule_set_state(struct store *store, const char *id,
	enum store_schedule_state state, int64_t next_ms, int64_t now_ms,
	struct cancel *cancel, struct err *err)
{
	return store_update_one(store,
		QUERY(STMT_BOX_SCHEDULE_SET_STATE, V_TEXT(words_schedule_state[state]),
			V_INT(next_ms), V_INT(now_ms), V_TEXT(id)),
		"schedule", cancel, err);
}

int store_box_schedule_change(struct store *store,
	const struct store_box_schedule *schedule, struct cancel *cancel, struct err *err)
{
	return store_update_one(store,
		QUERY(STMT_BOX_SCHEDULE_CHANGE, V_TEXT(schedule->cron),
			V_TEXT(schedule->detail), V_OPT(schedule->sealed),
			V_INT(schedule->next_ms), V_INT(schedule->updated_ms),
			V_TEXT(schedule->id)),
		"schedule", cancel, err);
}

int store_box_schedule_delete(struct store *store, const char *box_id, const char *id,
	struct cancel *cancel, struct err *err)
{
	return store_update_one(store,
		QUERY(STMT_BOX_SCHEDULE_DELETE, V_TEXT(id), V_TEXT(box_id)), "schedule",
		cancel, err);
}
