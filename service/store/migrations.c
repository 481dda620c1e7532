/* SPDX-License-Identifier: MIT */
/*
 * The steps from an empty database to today's tables, compiled in from migrations/.
 *
 * `user_version` is the number of steps done.  A step that was released is never changed;
 * a change of the tables is a new file and a new line in both lists below.
 */
#include "service/store/store-internal.h"

#include <stdio.h>

#define EMBED(symbol, file)                                                              \
	__asm__(".section .rodata\n"                                                     \
		".global " #symbol "\n" #symbol ":\n"                                    \
		".incbin \"service/store/migrations/" file "\"\n"                        \
		".byte 0\n"                                                              \
		".previous\n");                                                          \
	extern const char symbol[]

EMBED(migration_0001, "0001_start.sql");
EMBED(migration_0002, "0002_box.sql");
EMBED(migration_0003, "0003_conversation.sql");
EMBED(migration_0004, "0004_command.sql");

const struct migration migrations[] = {
	{"0001_start", migration_0001},
	{"0002_box", migration_0002},
	{"0003_conversation", migration_0003},
	{"0004_command", migration_0004},
};

const int migrations_count = (int)(sizeof migrations / sizeof migrations[0]);

static int read_version(struct conn *conn, int *ret, struct err *err)
{
	sqlite3_stmt *q = NULL;
	int rc = -1;

	if (sqlite3_prepare_v2(conn->db, "PRAGMA user_version", -1, &q, NULL) ==
			SQLITE_OK &&
		sqlite3_step(q) == SQLITE_ROW) {
		*ret = sqlite3_column_int(q, 0);
		rc = 0;
	} else {
		conn_err(conn, "read the version", err);
	}
	sqlite3_finalize(q);
	return rc;
}

static int run_one(struct conn *conn, int number, struct err *err)
{
	char version[64];

	snprintf(version, sizeof version, "PRAGMA user_version=%d", number);
	if (conn_exec(conn, "BEGIN IMMEDIATE", err) == 0 &&
		conn_exec(conn, migrations[number - 1].sql, err) == 0 &&
		conn_exec(conn, version, err) == 0 && conn_exec(conn, "COMMIT", err) == 0)
		return 0;
	if (!sqlite3_get_autocommit(conn->db))
		sqlite3_exec(conn->db, "ROLLBACK", NULL, NULL, NULL);
	return err_wrap(err, "migration %s", migrations[number - 1].name);
}

int migrations_run(struct conn *conn, int upto, struct err *err)
{
	int version = 0;

	if (read_version(conn, &version, err) < 0)
		return -1;
	if (version > migrations_count || version < 0)
		return err_set(err, ERR_INPUT,
			"the database has version %d, this program knows up to %d: "
			"start the newer program that made it, or restore a backup",
			version, migrations_count);
	while (version < upto)
		if (run_one(conn, ++version, err) < 0)
			return -1;
	return 0;
}
