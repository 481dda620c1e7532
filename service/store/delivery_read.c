/* SPDX-License-Identifier: MIT */
/* Deliveries: reading them again, with their bodies or without. */
#include "boxcore/base/mem.h"
#include "service/store/store-internal.h"
#include "service/store/store_delivery.h"

#include <string.h>
#include <zstd.h>

static int unpack(struct stmt *q, struct store_delivery *row, struct err *err)
{
	size_t packed_len, n;
	const void *packed = stmt_get_blob(q, &packed_len);
	size_t size = (size_t)row->body_raw_size;

	if (row->body_raw_size < 0 || size > LIMIT_DELIVERY_BODY)
		return err_set(err, ERR_INTERNAL, "delivery: stored size is %zu", size);
	row->body = mem_alloc(size + 1);
	n = ZSTD_decompress(row->body, size, packed, packed_len);
	if (ZSTD_isError(n) || n != size)
		return err_set(err, ERR_INTERNAL, "delivery: decompress: %s",
			ZSTD_isError(n) ? ZSTD_getErrorName(n) : "wrong size");
	row->body[size] = '\0';
	return 0;
}

static int read_body(struct conn *conn, struct store_delivery *row, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_DELIVERY_BODY);
	int rc;

	stmt_text(&q, row->id);
	rc = stmt_step(&q, err);
	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, "no delivery %s", row->id);
	return rc < 0 ? -1 : unpack(&q, row, err);
}

int store_delivery_get(struct store *store, const char *id, bool with_body,
	struct store_delivery *ret, struct err *err)
{
	CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};
	CLEANUP(store_delivery) struct store_delivery row = {0};
	int rc;

	if (!reader.conn)
		return -1;
	CLEANUP(stmt) struct stmt q = stmt_use(reader.conn, STMT_DELIVERY_GET);
	stmt_text(&q, id);
	rc = stmt_step(&q, err);
	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, "no delivery %s", id);
	if (rc < 0 || row_read(&q, &table_delivery, &row, err) < 0)
		return -1;
	if (with_body && read_body(reader.conn, &row, err) < 0)
		return -1;
	*ret = row;
	memset(&row, 0, sizeof row);
	return 0;
}

int store_delivery_list(struct store *store, int64_t before_ms, const char *before_id,
	int limit, struct store_deliveries *ret, struct err *err)
{
	CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};
	void *rows = NULL;

	if (!reader.conn)
		return -1;
	CLEANUP(stmt)
	struct stmt q = stmt_use(
		reader.conn, before_id ? STMT_DELIVERY_LIST_BEFORE : STMT_DELIVERY_LIST);
	if (before_id) {
		stmt_int(&q, before_ms);
		stmt_text(&q, before_id);
	}
	stmt_int(&q, page_limit(limit, 50));
	if (rows_read(&q, &table_delivery, &rows, &ret->count, err) < 0)
		return -1;
	ret->rows = rows;
	return 0;
}

int store_delivery_list_url(struct store *store, const char *url, int limit,
	struct store_deliveries *ret, struct err *err)
{
	void *rows = NULL;

	if (store_read_page(store,
		    QUERY(STMT_DELIVERY_LIST_URL, V_TEXT(url),
			    V_INT(page_limit(limit, 50))),
		    &table_delivery, SIZE_MAX, &rows, &ret->count, err) < 0)
		return -1;
	ret->rows = rows;
	return 0;
}

int store_delivery_command(
	struct store *store, const char *id, struct store_command *ret, struct err *err)
{
	return store_read_row(store, QUERY(STMT_COMMAND_OF_DELIVERY, V_TEXT(id)),
		&table_command, ret, "command", err);
}
