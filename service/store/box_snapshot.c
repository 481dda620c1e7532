/* SPDX-License-Identifier: MIT */
/* Snapshots of boxes. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"
#include "service/store/store_box_snapshot.h"

static int run_add(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_BOX_SNAPSHOT_ADD);

	(void)store;
	row_bind(&q, &table_box_snapshot, arg);
	return stmt_run(&q, err) < 0 ? -1 : 0;
}

int store_box_snapshot_add(struct store *store, const struct store_box_snapshot *snapshot,
	struct cancel *cancel, struct err *err)
{
	struct store_box_snapshot row = *snapshot; /* borrows */

	if (str_empty(row.id) || str_empty(row.account))
		return err_set(err, ERR_INPUT, "snapshot: id or account is missing");
	return store_write(store, run_add, &row, cancel, err);
}

int store_box_snapshot_get(struct store *store, const char *account, const char *id,
	struct store_box_snapshot *ret, struct err *err)
{
	return store_read_row(store,
		QUERY(STMT_BOX_SNAPSHOT_GET, V_TEXT(id), V_TEXT(account)),
		&table_box_snapshot, ret, "snapshot", err);
}

static int read_snapshots(struct store *store, const struct query *query,
	struct store_box_snapshots *ret, struct err *err)
{
	void *rows = NULL;

	if (store_read_page(store, query, &table_box_snapshot, SIZE_MAX, &rows,
		    &ret->count, err) < 0)
		return -1;
	ret->rows = rows;
	return 0;
}

int store_box_snapshot_list(struct store *store, const char *account, const char *box_id,
	struct store_box_snapshots *ret, struct err *err)
{
	if (!box_id)
		return read_snapshots(
			store, QUERY(STMT_BOX_SNAPSHOT_LIST, V_TEXT(account)), ret, err);
	return read_snapshots(store,
		QUERY(STMT_BOX_SNAPSHOT_LIST_BOX, V_TEXT(account), V_TEXT(box_id)), ret,
		err);
}

static const char *in(unsigned states, enum store_snapshot_state state)
{
	return states & STORE_SNAPSHOT_IN(state) ? words_snapshot_state[state] : NULL;
}

int store_box_snapshot_list_in(struct store *store, unsigned states,
	struct store_box_snapshots *ret, struct err *err)
{
	return read_snapshots(store,
		QUERY(STMT_BOX_SNAPSHOT_LIST_IN,
			V_OPT(in(states, STORE_SNAPSHOT_CREATING)),
			V_OPT(in(states, STORE_SNAPSHOT_READY)),
			V_OPT(in(states, STORE_SNAPSHOT_ERROR)),
			V_OPT(in(states, STORE_SNAPSHOT_DELETING))),
		ret, err);
}

/* ---- state ----------------------------------------------------------------------------- */

struct moving {
	const char *id;
	unsigned from;
	const struct query *set;
};

static int run_move(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	const struct moving *moving = arg;

	(void)store;
	{
		CLEANUP(stmt)
		struct stmt q = query_use(
			conn, QUERY(STMT_BOX_SNAPSHOT_STATE, V_TEXT(moving->id)));
		int rc = stmt_step(&q, err);

		if (rc <= 0)
			return rc < 0 ? -1
				      : err_set(err, ERR_NOT_FOUND, "no such snapshot");
		CLEANUP(mem) char *word = stmt_get_text(&q);
		int state = words_find(words_snapshot_state, word);
		if (state < 0 || !(moving->from & STORE_SNAPSHOT_IN(state)))
			return err_set(err, ERR_CONFLICT, "the snapshot is %s", word);
	}
	return query_run(conn, moving->set, err) < 0 ? -1 : 0;
}

int store_box_snapshot_set_ready(struct store *store, const char *id, const char *image,
	int64_t size_bytes, struct cancel *cancel, struct err *err)
{
	struct moving moving = {id, STORE_SNAPSHOT_IN(STORE_SNAPSHOT_CREATING),
		QUERY(STMT_BOX_SNAPSHOT_SET_STATE,
			V_TEXT(words_snapshot_state[STORE_SNAPSHOT_READY]), V_NULL,
			V_TEXT(image), V_INT(size_bytes), V_TEXT(id))};

	return store_write(store, run_move, &moving, cancel, err);
}

int store_box_snapshot_set_state(struct store *store, const char *id, unsigned from,
	enum store_snapshot_state to, const char *error, struct cancel *cancel,
	struct err *err)
{
	struct moving moving = {id, from,
		QUERY(STMT_BOX_SNAPSHOT_SET_STATE, V_TEXT(words_snapshot_state[to]),
			V_OPT(error), V_NULL, V_NULL, V_TEXT(id))};

	return store_write(store, run_move, &moving, cancel, err);
}

int store_box_snapshot_delete(
	struct store *store, const char *id, struct cancel *cancel, struct err *err)
{
	return store_update(store, QUERY(STMT_BOX_SNAPSHOT_DELETE, V_TEXT(id)), cancel,
		       err) < 0
		       ? -1
		       : 0;
}

int store_image_used(struct store *store, const char *image, int64_t *ret_boxes,
	int64_t *ret_snapshots, struct err *err)
{
	CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};

	if (!reader.conn)
		return -1;
	CLEANUP(stmt)
	struct stmt q = query_use(reader.conn, QUERY(STMT_IMAGE_USED, V_TEXT(image)));
	if (stmt_step(&q, err) < 0)
		return -1;
	*ret_boxes = stmt_get_int(&q);
	*ret_snapshots = stmt_get_int(&q);
	return 0;
}
