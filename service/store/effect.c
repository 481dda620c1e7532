/* SPDX-License-Identifier: MIT */
/* Effects: planned, sent, done or refused; each write is fenced by the key's lease. */
#include "service/store/store_effect.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"

#include <string.h>

struct mark {
	const struct store_effect_key *key;
	enum stmt_id statement;
	const char *text, *text2;
	int64_t now_ms;
	struct store_effect row;
	bool want_row;
};

static int check_key(const struct store_effect_key *key, struct err *err)
{
	if (str_empty(key->kind))
		return err_set(err, ERR_INPUT, "effect: kind is missing");
	return 0;
}

/* 0 when the lease holds, or when there is none to hold. */
static int fence(struct conn *conn, const struct store_effect_key *key, struct err *err)
{
	return key->lease ? task_fence(conn, key->task_id, key->lease, err) : 0;
}

static void bind_key(struct stmt *q, const struct store_effect_key *key)
{
	stmt_int(q, key->task_id);
	stmt_text(q, key->kind);
	stmt_text(q, key->slot);
}

static int read_effect(struct conn *conn, const struct store_effect_key *key,
	struct store_effect *ret, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_EFFECT_GET);
	int rc;

	bind_key(&q, key);
	rc = stmt_step(&q, err);
	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, "task %lld has no effect %s%s%s",
			(long long)key->task_id, key->kind, key->slot ? "/" : "",
			key->slot ? key->slot : "");
	return rc < 0 ? -1 : row_read(&q, &table_effect, ret, err);
}

static int run_plan(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct mark *mark = arg;
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_EFFECT_PLAN);

	(void)store;
	if (fence(conn, mark->key, err) < 0)
		return -1;
	bind_key(&q, mark->key);
	stmt_text(&q, mark->text);
	if (stmt_run(&q, err) < 0)
		return -1;
	return mark->want_row ? read_effect(conn, mark->key, &mark->row, err) : 0;
}

int store_effect_plan(struct store *store, const struct store_effect_key *key,
	const char *want, struct store_effect *ret, struct cancel *cancel,
	struct err *err)
{
	struct mark mark = {.key = key, .text = want, .want_row = ret != NULL};

	if (check_key(key, err) < 0)
		return -1;
	if (store_write(store, run_plan, &mark, cancel, err) < 0) {
		store_effect_release(&mark.row);
		return -1;
	}
	if (ret)
		*ret = mark.row;
	return 0;
}

/* Why a mark changed nothing: there is no such effect, or it is past that. */
static int not_marked(struct conn *conn, const struct mark *mark, struct err *err)
{
	CLEANUP(store_effect) struct store_effect row = {0};

	if (read_effect(conn, mark->key, &row, err) < 0)
		return -1;
	return err_set(err, ERR_CONFLICT, "task %lld: effect %s is %s already",
		(long long)mark->key->task_id, mark->key->kind,
		store_effect_state_name(row.state));
}

static int run_mark(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct mark *mark = arg;
	CLEANUP(stmt) struct stmt q = stmt_use(conn, mark->statement);
	int rows;

	(void)store;
	if (fence(conn, mark->key, err) < 0)
		return -1;
	if (mark->statement == STMT_EFFECT_SENT)
		stmt_int(&q, mark->now_ms);
	else
		stmt_optional(&q, mark->text);
	if (mark->statement == STMT_EFFECT_DONE)
		stmt_optional(&q, mark->text2);
	bind_key(&q, mark->key);
	rows = stmt_run(&q, err);
	if (rows < 0)
		return -1;
	return rows ? 0 : not_marked(conn, mark, err);
}

static int mark_effect(
	struct store *store, struct mark *mark, struct cancel *cancel, struct err *err)
{
	if (check_key(mark->key, err) < 0)
		return -1;
	return store_write(store, run_mark, mark, cancel, err);
}

int store_effect_sent(struct store *store, const struct store_effect_key *key,
	int64_t now_ms, struct cancel *cancel, struct err *err)
{
	struct mark mark = {.key = key, .statement = STMT_EFFECT_SENT, .now_ms = now_ms};

	return mark_effect(store, &mark, cancel, err);
}

int store_effect_done(struct store *store, const struct store_effect_key *key,
	const char *remote_id, const char *remote_url, struct cancel *cancel,
	struct err *err)
{
	struct mark mark = {.key = key,
		.statement = STMT_EFFECT_DONE,
		.text = remote_id,
		.text2 = remote_url};

	return mark_effect(store, &mark, cancel, err);
}

int store_effect_refused(struct store *store, const struct store_effect_key *key,
	const char *why, struct cancel *cancel, struct err *err)
{
	struct mark mark = {.key = key, .statement = STMT_EFFECT_REFUSED, .text = why};

	return mark_effect(store, &mark, cancel, err);
}

int store_effect_get(struct store *store, const struct store_effect_key *key,
	struct store_effect *ret, struct err *err)
{
	CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};
	CLEANUP(store_effect) struct store_effect row = {0};

	if (!reader.conn || check_key(key, err) < 0 ||
		read_effect(reader.conn, key, &row, err) < 0)
		return -1;
	*ret = row;
	memset(&row, 0, sizeof row);
	return 0;
}

int store_effect_list(
	struct store *store, int64_t task_id, struct store_effects *ret, struct err *err)
{
	CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};
	void *rows = NULL;

	if (!reader.conn)
		return -1;
	CLEANUP(stmt) struct stmt q = stmt_use(reader.conn, STMT_EFFECT_LIST);
	stmt_int(&q, task_id);
	stmt_int(&q, STORE_PAGE_MAX);
	if (rows_read(&q, &table_effect, &rows, &ret->count, err) < 0)
		return -1;
	ret->rows = rows;
	return 0;
}
