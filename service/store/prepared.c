/* SPDX-License-Identifier: MIT */
/* Prepared repositories. */
#include "service/store/store_prepared.h"

#include "boxcore/base/str.h"
#include "service/store/store-internal.h"

#include <string.h>

static int run_put(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	const struct store_prepared *prepared = arg;
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_PREPARED_PUT);

	(void)store;
	row_bind(&q, &table_prepared, prepared); /* ends with the state */
	return stmt_run(&q, err) < 0 ? -1 : 0;
}

int store_prepared_put(struct store *store, const struct store_prepared *prepared,
	struct cancel *cancel, struct err *err)
{
	struct store_prepared row = *prepared; /* borrows */

	if (str_empty(prepared->key))
		return err_set(err, ERR_INPUT, "prepared: key is missing");
	return store_write(store, run_put, &row, cancel, err);
}

struct by_key {
	enum stmt_id statement;
	const char *key;
	int64_t now_ms;
};

static int run_by_key(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct by_key *by_key = arg;
	CLEANUP(stmt) struct stmt q = stmt_use(conn, by_key->statement);

	(void)store;
	if (by_key->statement == STMT_PREPARED_TOUCH)
		stmt_int(&q, by_key->now_ms);
	stmt_text(&q, by_key->key);
	return stmt_run(&q, err) < 0 ? -1 : 0;
}

int store_prepared_touch(struct store *store, const char *key, int64_t now_ms,
	struct cancel *cancel, struct err *err)
{
	struct by_key by_key = {STMT_PREPARED_TOUCH, key, now_ms};

	return store_write(store, run_by_key, &by_key, cancel, err);
}

int store_prepared_delete(
	struct store *store, const char *key, struct cancel *cancel, struct err *err)
{
	struct by_key by_key = {STMT_PREPARED_DELETE, key, 0};

	return store_write(store, run_by_key, &by_key, cancel, err);
}

/* The one row of a statement that is bound. */
static int read_one(struct stmt *q, struct store_prepared *ret, struct err *err)
{
	CLEANUP(store_prepared) struct store_prepared row = {0};
	int rc = stmt_step(q, err);

	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, "no such prepared repository");
	if (rc < 0 || row_read(q, &table_prepared, &row, err) < 0)
		return -1;
	*ret = row;
	memset(&row, 0, sizeof row);
	return 0;
}

int store_prepared_get(
	struct store *store, const char *key, struct store_prepared *ret, struct err *err)
{
	CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};

	if (!reader.conn)
		return -1;
	CLEANUP(stmt) struct stmt q = stmt_use(reader.conn, STMT_PREPARED_GET);
	stmt_text(&q, key);
	return read_one(&q, ret, err);
}

int store_prepared_newest(struct store *store, int64_t repo_id, const char *image,
	const char *setup_hash, struct store_prepared *ret, struct err *err)
{
	CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};

	if (!reader.conn)
		return -1;
	CLEANUP(stmt) struct stmt q = stmt_use(reader.conn, STMT_PREPARED_NEWEST);
	stmt_int(&q, repo_id);
	stmt_text(&q, image);
	stmt_text(&q, setup_hash);
	return read_one(&q, ret, err);
}

int store_prepared_list_old(struct store *store, int64_t used_before_ms, int limit,
	struct store_prepared_rows *ret, struct err *err)
{
	CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};
	void *rows = NULL;

	if (!reader.conn)
		return -1;
	CLEANUP(stmt) struct stmt q = stmt_use(reader.conn, STMT_PREPARED_OLD);
	stmt_int(&q, used_before_ms);
	stmt_int(&q, page_limit(limit, 50));
	if (rows_read(&q, &table_prepared, &rows, &ret->count, err) < 0)
		return -1;
	ret->rows = rows;
	return 0;
}
