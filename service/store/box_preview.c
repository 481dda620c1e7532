/* SPDX-License-Identifier: MIT */
/* Previews of boxes. */
#include "boxcore/base/mem.h"
#include "service/store/store-internal.h"
#include "service/store/store_box_preview.h"

#include <inttypes.h>

static int check_clash(
	struct conn *conn, const struct store_box_preview *preview, struct err *err)
{
	CLEANUP(stmt)
	struct stmt q =
		query_use(conn, QUERY(STMT_BOX_PREVIEW_CLASH, V_INT(preview->listen_port),
					V_TEXT(preview->box_id), V_INT(preview->port)));
	int rc = stmt_step(&q, err);

	if (rc <= 0)
		return rc;
	CLEANUP(mem) char *box_id = stmt_get_text(&q);
	return err_set(err, ERR_CONFLICT,
		"port %" PRId64 " of ours leads to port %" PRId64 " of %s already",
		preview->listen_port, stmt_get_int(&q), box_id);
}

static int run_put(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	const struct store_box_preview *preview = arg;
	int rows;

	(void)store;
	if (check_clash(conn, preview, err) < 0)
		return -1;
	rows = query_run(conn,
		QUERY(STMT_BOX_PREVIEW_PUT, V_TEXT(preview->box_id), V_INT(preview->port),
			V_TEXT(preview->account), V_OPT(preview->token_hash),
			V_OPT(preview->password_hash), V_INT(preview->listen_port),
			V_INT(preview->created_ms)),
		err);
	if (rows == 0)
		return err_set(err, ERR_NOT_FOUND, "no such box");
	return rows < 0 ? -1 : 0;
}

int store_box_preview_put(struct store *store, const struct store_box_preview *preview,
	struct cancel *cancel, struct err *err)
{
	struct store_box_preview row = *preview; /* borrows */

	return store_write(store, run_put, &row, cancel, err);
}

int store_box_preview_get(struct store *store, const char *box_id, int64_t port,
	struct store_box_preview *ret, struct err *err)
{
	return store_read_row(store,
		QUERY(STMT_BOX_PREVIEW_GET, V_TEXT(box_id), V_INT(port)),
		&table_box_preview, ret, "preview", err);
}

int store_box_preview_by_listen(struct store *store, int64_t listen_port,
	struct store_box_preview *ret, struct err *err)
{
	return store_read_row(store,
		QUERY(STMT_BOX_PREVIEW_BY_LISTEN, V_INT(listen_port)), &table_box_preview,
		ret, "preview", err);
}

int store_box_preview_list(struct store *store, const char *box_id,
	struct store_box_previews *ret, struct err *err)
{
	struct query all = {.statement = STMT_BOX_PREVIEW_LIST_ALL};
	void *rows = NULL;

	if (store_read_page(store,
		    box_id ? QUERY(STMT_BOX_PREVIEW_LIST, V_TEXT(box_id)) : &all,
		    &table_box_preview, SIZE_MAX, &rows, &ret->count, err) < 0)
		return -1;
	ret->rows = rows;
	return 0;
}

int store_box_preview_delete(struct store *store, const char *box_id, int64_t port,
	struct cancel *cancel, struct err *err)
{
	return store_update_one(store,
		QUERY(STMT_BOX_PREVIEW_DELETE, V_TEXT(box_id), V_INT(port)), "preview",
		cancel, err);
}
