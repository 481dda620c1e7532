/* SPDX-License-Identifier: MIT */
/* Conversations: finding them, and what changes one by verbs alone. */
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"
#include "service/store/store_conversation.h"

int store_conversation_get(
	struct store *store, int64_t id, struct store_conversation *ret, struct err *err)
{
	return store_read_row(store, QUERY(STMT_CONVERSATION_GET, V_INT(id)),
		&table_conversation, ret, "conversation", err);
}

int store_conversation_find(struct store *store, int64_t repo_id, int64_t number,
	struct store_conversation *ret, struct err *err)
{
	if (number <= 0)
		return err_set(err, ERR_NOT_FOUND, "no such conversation");
	return store_read_row(store,
		QUERY(STMT_CONVERSATION_FIND, V_INT(repo_id), V_INT(number)),
		&table_conversation, ret, "conversation", err);
}

static int read_rows(struct store *store, const struct query *query,
	struct store_conversations *ret, struct err *err)
{
	void *rows = NULL;

	if (store_read_page(store, query, &table_conversation, SIZE_MAX, &rows,
		    &ret->count, err) < 0)
		return -1;
	ret->rows = rows;
	return 0;
}

int store_conversation_list_target(struct store *store, int64_t repo_id,
	const char *target, struct store_conversations *ret, struct err *err)
{
	return read_rows(store,
		QUERY(STMT_CONVERSATION_LIST_TARGET, V_INT(repo_id), V_TEXT(target),
			V_INT(STORE_PAGE_MAX)),
		ret, err);
}

int store_conversation_list_idle(struct store *store, int64_t before_ms, int limit,
	struct store_conversations *ret, struct err *err)
{
	return read_rows(store,
		QUERY(STMT_CONVERSATION_LIST_IDLE, V_INT(before_ms),
			V_INT(page_limit(limit, 50))),
		ret, err);
}

/* ---- changing -------------------------------------------------------------------------- */

int store_conversation_plan(struct store *store, int64_t id, const char *plan,
	const char *plan_state, int64_t task_id, struct cancel *cancel, struct err *err)
{
	return store_update_one(store,
		QUERY(STMT_CONVERSATION_PLAN, V_OPT(plan), V_TEXT(plan_state),
			V_INT(task_id), V_INT(id)),
		"conversation", cancel, err);
}

/* One statement that says what it changed the row to. */
struct change {
	const struct query *query;
	int64_t number;
	double real;
};

static int run_change(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct change *change = arg;
	CLEANUP(stmt) struct stmt q = query_use(conn, change->query);
	int rc = stmt_step(&q, err);

	(void)store;
	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, "no such conversation");
	if (rc < 0)
		return -1;
	if (change->query->statement == STMT_CONVERSATION_BUDGET)
		change->real = stmt_get_real(&q);
	else
		change->number = stmt_get_int(&q);
	return stmt_run(&q, err) < 0 ? -1 : 0;
}

int store_conversation_repairs(struct store *store, int64_t id, int64_t n, int64_t *ret,
	struct cancel *cancel, struct err *err)
{
	struct change change = {
		.query = QUERY(STMT_CONVERSATION_REPAIRS, V_INT(n), V_INT(id))};

	if (store_write(store, run_change, &change, cancel, err) < 0)
		return -1;
	if (ret)
		*ret = change.number;
	return 0;
}

int store_conversation_repairs_off(
	struct store *store, int64_t id, bool off, struct cancel *cancel, struct err *err)
{
	return store_update_one(store,
		QUERY(STMT_CONVERSATION_REPAIRS_OFF, V_INT(off), V_INT(id)),
		"conversation", cancel, err);
}

int store_conversation_budget(struct store *store, int64_t id, double add_usd,
	double *ret_usd, struct cancel *cancel, struct err *err)
{
	struct change change = {
		.query = QUERY(STMT_CONVERSATION_BUDGET, V_REAL(add_usd), V_INT(id))};

	if (store_write(store, run_change, &change, cancel, err) < 0)
		return -1;
	if (ret_usd)
		*ret_usd = change.real;
	return 0;
}

int store_conversation_close(
	struct store *store, int64_t id, struct cancel *cancel, struct err *err)
{
	return store_update_one(store, QUERY(STMT_CONVERSATION_CLOSE, V_INT(id)),
		"conversation", cancel, err);
}

/* ---- the janitor ----------------------------------------------------------------------- */

static int check_idle(struct conn *conn, int64_t id, struct err *err)
{
	CLEANUP(store_conversation) struct store_conversation row = {0};
	CLEANUP(stmt)
	struct stmt q = query_use(conn, QUERY(STMT_CONVERSATION_GET, V_INT(id)));
	int rc = stmt_step(&q, err);

	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, "no such conversation");
	if (rc < 0 || row_read(&q, &table_conversation, &row, err) < 0)
		return -1;
	CLEANUP(stmt)
	struct stmt busy =
		query_use(conn, QUERY(STMT_TASK_LANE_BUSY, V_TEXT(row.lane), V_INT(0)));
	rc = stmt_step(&busy, err);
	if (rc > 0)
		return err_set(err, ERR_CONFLICT, "task %lld is at work on it",
			(long long)stmt_get_int(&busy));
	return rc;
}

static int run_forget(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	const int64_t *id = arg;

	(void)store;
	if (check_idle(conn, *id, err) < 0)
		return -1;
	return query_run(conn, QUERY(STMT_CONVERSATION_FORGET_BOX, V_INT(*id)), err) < 0
		       ? -1
		       : 0;
}

int store_conversation_forget_box(
	struct store *store, int64_t id, struct cancel *cancel, struct err *err)
{
	return store_write(store, run_forget, &id, cancel, err);
}
