/* SPDX-License-Identifier: MIT */
/* Verbs that are one statement: bind, run, read. */
#include "service/store/store-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"

#include <string.h>

#define LOG_MODULE "store"
#include "boxcore/base/log.h"

struct stmt query_use(struct conn *conn, const struct query *query)
{
	struct stmt q = stmt_use(conn, query->statement);

	for (size_t i = 0; i < query->count; i++) {
		const struct value *value = &query->values[i];

		switch (value->kind) {
		case VALUE_INT: stmt_int(&q, value->number); break;
		case VALUE_REAL: stmt_real(&q, value->real); break;
		case VALUE_TEXT: stmt_optional(&q, value->text); break;
		case VALUE_NULL: stmt_optional(&q, NULL); break;
		}
	}
	return q;
}

int query_run(struct conn *conn, const struct query *query, struct err *err)
{
	CLEANUP(stmt) struct stmt q = query_use(conn, query);

	return stmt_run(&q, err);
}

static int run_update(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	(void)store;
	return query_run(conn, arg, err);
}

int store_update(struct store *store, const struct query *query, struct cancel *cancel,
	struct err *err)
{
	struct query copy = *query; /* borrows */

	return store_write(store, run_update, &copy, cancel, err);
}

int store_update_one(struct store *store, const struct query *query, const char *what,
	struct cancel *cancel, struct err *err)
{
	int rows = store_update(store, query, cancel, err);

	if (rows == 0)
		return err_set(err, ERR_NOT_FOUND, "no such %s", what);
	return rows < 0 ? -1 : 0;
}

/* ---- queued ---------------------------------------------------------------------------- */

struct queued {
	struct job job;
	struct store *store;
	const char *what;
	void (*release)(void *arg);
};

/* A full disk loses hundreds a second: one call every so often says how many. */
#define LOST_EVERY_MS 10000

static void tell_lost(struct store *store, const char *what, const struct err *err)
{
	int64_t now = clock_mono_ms(), count;

	if (err->kind == ERR_NOT_FOUND) {
		log_debug("%s: %s", what, err->text);
		return;
	}
	{
		LOCKED(&store->queue_lock);
		count = ++store->lost - store->lost_told;
		if (store->lost_told_ms && now < store->lost_told_ms + LOST_EVERY_MS)
			return;
		store->lost_told = store->lost;
		store->lost_told_ms = now;
	}
	if (store->on_lost)
		store->on_lost(store->on_lost_arg, what, count, err);
}

void store_on_lost(struct store *store, store_lost_fn fn, void *arg)
{
	store->on_lost = fn;
	store->on_lost_arg = arg;
}

static void on_done(struct job *job)
{
	struct queued *queued = (struct queued *)(void *)job;

	if (job->rc < 0)
		tell_lost(queued->store, queued->what, &job->err);
	queued->release(job->arg);
	free(queued);
}

void store_queue(struct store *store, const char *what, job_fn fn, void *arg,
	void (*release)(void *arg), size_t bytes)
{
	struct queued *queued = mem_zalloc(sizeof *queued);
	struct err err = {0};

	queued->job = (struct job){.run = fn,
		.arg = arg,
		.lazy = true,
		.done = on_done,
		.bytes = sizeof *queued + bytes};
	queued->store = store;
	queued->what = what;
	queued->release = release;
	if (store_write_async(store, &queued->job, &err) == 0)
		return;
	tell_lost(store, what, &err);
	release(arg);
	free(queued);
}

#define VALUES_MAX 12

/* One allocation: the values, then their texts. */
struct later {
	struct query query;
	struct value values[VALUES_MAX];
	char texts[];
};

void store_update_later(struct store *store, const struct query *query, const char *what)
{
	struct later *later;
	size_t bytes = 0;
	char *at;

	for (size_t i = 0; i < query->count; i++)
		if (query->values[i].text)
			bytes += strlen(query->values[i].text) + 1;
	later = mem_zalloc(sizeof *later + bytes);
	at = later->texts;
	later->query = *query;
	later->query.values = later->values;
	for (size_t i = 0; i < query->count && i < VALUES_MAX; i++) {
		const char *text = query->values[i].text;

		later->values[i] = query->values[i];
		if (!text)
			continue;
		memcpy(at, text, strlen(text) + 1);
		later->values[i].text = at;
		at += strlen(text) + 1;
	}
	store_queue(store, what, run_update, later, free, sizeof *later + bytes);
}

/* ---- reading --------------------------------------------------------------------------- */

int store_read_row(struct store *store, const struct query *query,
	const struct table *table, void *ret_row, const char *what, struct err *err)
{
	CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};

	if (!reader.conn)
		return -1;
	CLEANUP(stmt) struct stmt q = query_use(reader.conn, query);
	CLEANUP(mem) void *row = mem_zalloc(table->row_size);
	int rc = stmt_step(&q, err);

	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, "no such %s", what);
	if (rc < 0 || row_read(&q, table, row, err) < 0) {
		row_release(table, row);
		return -1;
	}
	memcpy(ret_row, row, table->row_size);
	return 0;
}

int store_read_int(struct store *store, const struct query *query, int64_t none,
	int64_t *ret, struct err *err)
{
	CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};

	if (!reader.conn)
		return -1;
	CLEANUP(stmt) struct stmt q = query_use(reader.conn, query);
	int rc = stmt_step(&q, err);

	if (rc < 0)
		return -1;
	*ret = rc > 0 ? stmt_get_int(&q) : none;
	return 0;
}

int store_read_page(struct store *store, const struct query *query,
	const struct table *table, size_t most, void **ret_rows, size_t *ret_count,
	struct err *err)
{
	CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};

	if (!reader.conn)
		return -1;
	CLEANUP(stmt) struct stmt q = query_use(reader.conn, query);
	return rows_read_page(&q, table, most, ret_rows, ret_count, err);
}
