/* SPDX-License-Identifier: MIT */
/* Connections and their prepared statements; SQLite's errors as ours. */
#include "service/store/store-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"

#include <errno.h>
#include <string.h>

const struct stmt_def stmt_defs[STMT_COUNT] = {
#define STMT(name, who, sql) {#name, who, sql},
#include "service/store/stmts.def"
#undef STMT
};

int conn_err(struct conn *conn, const char *what, struct err *err)
{
	int code = conn->db ? sqlite3_extended_errcode(conn->db) : SQLITE_NOMEM;
	int sys = conn->db ? sqlite3_system_errno(conn->db) : 0;
	const char *text = conn->db ? sqlite3_errmsg(conn->db) : "no connection";

	switch (code & 0xff) {
	case SQLITE_FULL:
		return err_set(err, ERR_TRANSIENT, "disk full: %s: %s", what, text);
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
		if (sys == ENOSPC || sys == EDQUOT || sys == EFBIG)
			return err_set(err, ERR_TRANSIENT, "disk full: %s: %s", what,
				strerror(sys));
		/* A commit that fails does not tell the errno; a quota is one such. */
		if (code == SQLITE_IOERR_WRITE && !sys)
			return err_set(err, ERR_TRANSIENT, "disk full or failing: %s: %s",
				what, text);
		return err_set(err, ERR_TRANSIENT, "disk error: %s: %s (code %d%s%s)",
			what, text, code, sys ? ", " : "", sys ? strerror(sys) : "");
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, ERR_TRANSIENT,
			"database busy, another program holds it: %s: %s", what, text);
	case SQLITE_INTERRUPT:
		return err_set(err, ERR_TRANSIENT, "%s: took longer than %d ms", what,
			LIMIT_STORE_READ_MS);
	case SQLITE_TOOBIG: return err_set(err, ERR_LIMIT, "%s: %s", what, text);
	default:
		return err_set(err, ERR_INTERNAL, "database: %s: %s (code %d)", what,
			text, code);
	}
}

int conn_exec(struct conn *conn, const char *sql, struct err *err)
{
	if (sqlite3_exec(conn->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return conn_err(conn, sql, err);
	return 0;
}

/* Readers are cut off: one that stays keeps the write-ahead log from being reset. */
static int on_progress(void *arg)
{
	struct conn *conn = arg;

	return conn->until_ms && clock_mono_ms() > conn->until_ms;
}

static int set_up(struct conn *conn, bool writer, struct err *err)
{
	sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	sqlite3_limit(conn->db, SQLITE_LIMIT_LENGTH, (int)(32 * LIMIT_MIB));
	sqlite3_extended_result_codes(conn->db, 1);
	sqlite3_busy_timeout(conn->db, 5000);
	if (conn_exec(conn,
		    "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
		    "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;",
		    err) < 0)
		return -1;
	if (writer)
		return conn_exec(conn,
			"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
			"PRAGMA journal_size_limit=16777216; PRAGMA cache_size=-16384;",
			err);
	sqlite3_progress_handler(conn->db, 10000, on_progress, conn);
	return conn_exec(conn, "PRAGMA query_only=ON; PRAGMA wal_autocheckpoint=0;", err);
}

int conn_open(struct conn *conn, const char *path, bool writer, struct err *err)
{
	int flags = (writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) |
		    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOFOLLOW;

	if (sqlite3_open_v2(path, &conn->db, flags, NULL) != SQLITE_OK)
		return conn_err(conn, "open", err);
	return set_up(conn, writer, err);
}

int conn_prepare(struct conn *conn, enum stmt_who who, struct err *err)
{
	for (int i = 0; i < STMT_COUNT; i++) {
		if (!(stmt_defs[i].who & who))
			continue;
		if (sqlite3_prepare_v3(conn->db, stmt_defs[i].sql, -1,
			    SQLITE_PREPARE_PERSISTENT, &conn->stmts[i],
			    NULL) != SQLITE_OK)
			return conn_err(conn, stmt_defs[i].name, err);
	}
	return 0;
}

void conn_close(struct conn *conn)
{
	for (int i = 0; i < STMT_COUNT; i++)
		sqlite3_finalize(conn->stmts[i]);
	sqlite3_close(conn->db);
	memset(conn, 0, sizeof *conn);
}

struct stmt stmt_use(struct conn *conn, enum stmt_id id)
{
	return (struct stmt){
		.handle = conn->stmts[id], .conn = conn, .name = stmt_defs[id].name};
}

void stmt_release(struct stmt *q)
{
	if (!q->handle)
		return;
	sqlite3_reset(q->handle);
	sqlite3_clear_bindings(q->handle);
	q->handle = NULL;
}

void stmt_int(struct stmt *q, int64_t value)
{
	sqlite3_bind_int64(q->handle, ++q->bound, value);
}

void stmt_real(struct stmt *q, double value)
{
	sqlite3_bind_double(q->handle, ++q->bound, value);
}

/* Bound without a copy: what is bound lives until the statement is released. */
void stmt_text_n(struct stmt *q, const char *text, size_t len)
{
	if (len > LIMIT_STORE_TEXT) {
		q->too_long = len;
		len = 0;
	}
	sqlite3_bind_text64(q->handle, ++q->bound, text, len, SQLITE_STATIC, SQLITE_UTF8);
}

void stmt_optional(struct stmt *q, const char *text)
{
	if (text)
		stmt_text_n(q, text, strlen(text));
	else
		sqlite3_bind_null(q->handle, ++q->bound);
}

void stmt_text(struct stmt *q, const char *text)
{
	stmt_optional(q, text ? text : "");
}

void stmt_blob(struct stmt *q, const void *data, size_t len)
{
	sqlite3_bind_blob64(q->handle, ++q->bound, data, len, SQLITE_STATIC);
}

int stmt_step(struct stmt *q, struct err *err)
{
	if (q->too_long)
		return err_set(err, ERR_LIMIT,
			"store: %s: a text of %zu bytes is over the limit of %lu",
			q->name, q->too_long, LIMIT_STORE_TEXT);
	q->column = 0;
	switch (sqlite3_step(q->handle)) {
	case SQLITE_ROW: return 1;
	case SQLITE_DONE: return 0;
	default: return conn_err(q->conn, q->name, err);
	}
}

int stmt_run(struct stmt *q, struct err *err)
{
	int rc;

	while ((rc = stmt_step(q, err)) > 0)
		;
	return rc < 0 ? -1 : sqlite3_changes(q->conn->db);
}

int64_t stmt_get_int(struct stmt *q)
{
	return sqlite3_column_int64(q->handle, q->column++);
}

double stmt_get_real(struct stmt *q)
{
	return sqlite3_column_double(q->handle, q->column++);
}

const void *stmt_get_blob(struct stmt *q, size_t *ret_len)
{
	const void *data = sqlite3_column_blob(q->handle, q->column);

	*ret_len = (size_t)sqlite3_column_bytes(q->handle, q->column++);
	return data;
}

char *stmt_get_text(struct stmt *q)
{
	const void *text = sqlite3_column_text(q->handle, q->column);
	int len = sqlite3_column_bytes(q->handle, q->column++);

	return text ? mem_strndup(text, (size_t)len) : NULL;
}
