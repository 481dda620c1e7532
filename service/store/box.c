/* SPDX-License-Identifier: MIT */
/* Boxes: making, finding, removing. */
#include "service/store/store_box.h"

#include "boxcore/base/str.h"
#include "service/store/store-internal.h"

#include <string.h>

/* ---- making ---------------------------------------------------------------------------- */

/* A box is found by its id or its name, so these may not be mixed up. */
static int check_clash(struct conn *conn, const struct store_box *box, struct err *err)
{
	CLEANUP(stmt)
	struct stmt q = query_use(conn, QUERY(STMT_BOX_CLASH, V_TEXT(box->account),
						V_TEXT(box->id), V_OPT(box->name)));
	int rc = stmt_step(&q, err);

	if (rc > 0)
		return err_set(err, ERR_CONFLICT, "a box named '%s' exists already",
			box->name ? box->name : box->id);
	return rc;
}

static int run_add(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	const struct store_box *box = arg;

	(void)store;
	if (check_clash(conn, box, err) < 0)
		return -1;
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_BOX_ADD);
	row_bind(&q, &table_box_given, box);
	return stmt_run(&q, err) < 0 ? -1 : 0;
}

static void list_or_empty(char **list)
{
	static char none[] = "[]";

	if (!*list)
		*list = none;
}

int store_box_add(struct store *store, const struct store_box *box, struct cancel *cancel,
	struct err *err)
{
	struct store_box row = *box; /* borrows */

	if (str_empty(box->id) || str_empty(box->account))
		return err_set(err, ERR_INPUT, "box: id or account is missing");
	if (box->name && !*box->name)
		return err_set(err, ERR_INPUT, "box: the name is empty");
	list_or_empty(&row.labels);
	list_or_empty(&row.skills);
	list_or_empty(&row.mcp);
	return store_write(store, run_add, &row, cancel, err);
}

/* ---- finding --------------------------------------------------------------------------- */

int store_box_get(
	struct store *store, const char *id, struct store_box *ret, struct err *err)
{
	return store_read_row(
		store, QUERY(STMT_BOX_GET, V_TEXT(id)), &table_box, ret, "box", err);
}

int store_box_find(struct store *store, const char *account, const char *id_or_name,
	struct store_box *ret, struct err *err)
{
	struct err mine = {0};

	if (store_read_row(store,
		    QUERY(STMT_BOX_FIND_ID, V_TEXT(id_or_name), V_TEXT(account)),
		    &table_box, ret, "box", &mine) == 0)
		return 0;
	if (mine.kind == ERR_NOT_FOUND)
		return store_read_row(store,
			QUERY(STMT_BOX_FIND_NAME, V_TEXT(id_or_name), V_TEXT(account)),
			&table_box, ret, "box", err);
	*err = mine;
	return -1;
}

static int read_boxes(struct store *store, const struct query *query,
	struct store_boxes *ret, struct err *err)
{
	void *rows = NULL;

	if (store_read_page(store, query, &table_box, SIZE_MAX, &rows, &ret->count, err) <
		0)
		return -1;
	ret->rows = rows;
	return 0;
}

int store_box_list(struct store *store, const char *account, struct store_boxes *ret,
	struct err *err)
{
	return read_boxes(store, QUERY(STMT_BOX_LIST, V_TEXT(account)), ret, err);
}

/* The word of a state that is in the set, for a list of parameters; NULL for none. */
static const char *in(unsigned states, enum store_box_state state)
{
	return states & STORE_BOX_IN(state) ? words_box_state[state] : NULL;
}

#define V_STATES(states)                                                                 \
	V_OPT(in(states, STORE_BOX_CREATING)), V_OPT(in(states, STORE_BOX_READY)),       \
		V_OPT(in(states, STORE_BOX_PAUSED)), V_OPT(in(states, STORE_BOX_ERROR)), \
		V_OPT(in(states, STORE_BOX_DELETING))

int store_box_list_in(
	struct store *store, unsigned states, struct store_boxes *ret, struct err *err)
{
	return read_boxes(store, QUERY(STMT_BOX_LIST_IN, V_STATES(states)), ret, err);
}

int store_box_list_idle(struct store *store, int64_t before_ms, int limit,
	struct store_boxes *ret, struct err *err)
{
	return read_boxes(store,
		QUERY(STMT_BOX_LIST_IDLE, V_INT(before_ms), V_INT(page_limit(limit, 50))),
		ret, err);
}

int store_box_list_expired(struct store *store, int64_t now_ms, int limit,
	struct store_boxes *ret, struct err *err)
{
	return read_boxes(store,
		QUERY(STMT_BOX_LIST_EXPIRED, V_INT(now_ms), V_INT(page_limit(limit, 50))),
		ret, err);
}

int store_box_count(struct store *store, const char *account, unsigned states,
	int64_t *ret, struct err *err)
{
	if (!account)
		return store_read_int(
			store, QUERY(STMT_BOX_COUNT, V_STATES(states)), 0, ret, err);
	return store_read_int(store,
		QUERY(STMT_BOX_COUNT_OF, V_STATES(states), V_TEXT(account)), 0, ret, err);
}

/* ---- removing -------------------------------------------------------------------------- */

/* A verb holds up all others while it runs: rows that may be many go in steps. */
#define RUNS_STEP 50
#define LOG_STEP 1000
#define ALL_ROWS (1LL << 53)

static int run_delete(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	const char *id = arg;

	(void)store;
	if (query_run(conn, QUERY(STMT_BOX_DELETE_RUNS, V_TEXT(id), V_INT(-1)), err) <
			0 ||
		query_run(conn, QUERY(STMT_BOX_DELETE_LOG, V_TEXT(id), V_INT(ALL_ROWS)),
			err) < 0 ||
		query_run(conn, QUERY(STMT_BOX_DELETE_SCHEDULES, V_TEXT(id)), err) < 0 ||
		query_run(conn, QUERY(STMT_BOX_DELETE_PREVIEWS, V_TEXT(id)), err) < 0 ||
		query_run(conn, QUERY(STMT_BOX_DELETE, V_TEXT(id)), err) < 0)
		return -1;
	return 0;
}

static int delete_in_steps(struct store *store, const struct query *query, int step,
	struct cancel *cancel, struct err *err)
{
	int rows;

	do
		rows = store_update(store, query, cancel, err);
	while (rows >= step);
	return rows < 0 ? -1 : 0;
}

int store_box_delete(
	struct store *store, const char *id, struct cancel *cancel, struct err *err)
{
	if (delete_in_steps(store,
		    QUERY(STMT_BOX_DELETE_RUNS, V_TEXT(id), V_INT(RUNS_STEP)), RUNS_STEP,
		    cancel, err) < 0 ||
		delete_in_steps(store,
			QUERY(STMT_BOX_DELETE_LOG, V_TEXT(id), V_INT(LOG_STEP)), LOG_STEP,
			cancel, err) < 0)
		return -1;
	return store_write(store, run_delete, (void *)(uintptr_t)id, cancel, err);
}
