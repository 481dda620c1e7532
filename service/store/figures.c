/* SPDX-License-Identifier: MIT */
/* Figures for /metrics, backup and the check of the whole file. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int read_tally(struct conn *conn, struct store_figures *figures, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_TALLY);
	int rc;

	while ((rc = stmt_step(&q, err)) > 0 && figures->ncounts < STORE_COUNTS_MAX) {
		struct store_count *count = &figures->counts[figures->ncounts++];
		CLEANUP(mem) char *table = stmt_get_text(&q);
		CLEANUP(mem) char *state = stmt_get_text(&q);

		str_copy(count->table, sizeof count->table, table);
		str_copy(count->state, sizeof count->state, state);
		count->count = stmt_get_int(&q);
	}
	return rc < 0 ? -1 : 0;
}

static int read_size(struct conn *conn, int64_t *ret, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_PAGES);

	if (stmt_step(&q, err) <= 0)
		return -1;
	*ret = stmt_get_int(&q);
	return 0;
}

int store_figures(struct store *store, struct store_figures *ret, struct err *err)
{
	struct store_figures figures = {0};
	CLEANUP(mem) char *wal = mem_printf("%s-wal", store->path);
	struct stat st;

	if (stat(wal, &st) == 0)
		figures.wal_bytes = st.st_size;
	{
		CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};

		if (!reader.conn || read_tally(reader.conn, &figures, err) < 0 ||
			read_size(reader.conn, &figures.database_bytes, err) < 0)
			return -1;
	}
	LOCKED(&store->queue_lock);
	figures.jobs = store->jobs;
	figures.batches = store->batches;
	figures.batch_max = store->batch_max;
	figures.queued = store->queued;
	figures.failed = store->failed;
	figures.lost = store->lost;
	*ret = figures;
	return 0;
}

/* ---- backup ---------------------------------------------------------------------------- */

static int copy_all(struct conn *from, struct conn *to, const char *path, struct err *err)
{
	sqlite3_backup *backup;
	int rc = -1;

	if (sqlite3_open_v2(path, &to->db,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
			    SQLITE_OPEN_NOFOLLOW,
		    NULL) != SQLITE_OK)
		return conn_err(to, "open the copy", err);
	backup = sqlite3_backup_init(to->db, "main", from->db, "main");
	if (backup) {
		/* One step, so one reader's view: it never restarts, and nobody waits. */
		sqlite3_backup_step(backup, -1);
		rc = sqlite3_backup_finish(backup) == SQLITE_OK ? 0 : -1;
	}
	return rc < 0 ? conn_err(to, "copy", err) : 0;
}

int store_backup(const char *state_dir, const char *path, struct err *err)
{
	CLEANUP(mem) char *database = mem_printf("%s/boxwright.db", state_dir);
	struct conn from = {0}, to = {0};
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_errno(err, errno, "backup to %s", path);
	close(fd);
	int rc = conn_open(&from, database, false, err);
	if (rc == 0)
		rc = copy_all(&from, &to, path, err);
	conn_close(&from);
	conn_close(&to);
	if (rc == 0)
		return 0;
	unlink(path); /* half a copy is worse than none */
	return err_wrap(err, "backup of %s to %s", database, path);
}

/* ---- check ----------------------------------------------------------------------------- */

/* A connection of its own: the check takes as long as it takes. */
int store_check(struct store *store, struct err *err)
{
	struct conn conn = {0};
	sqlite3_stmt *q = NULL;
	int rc = conn_open(&conn, store->path, false, err);

	if (rc == 0 && (sqlite3_prepare_v2(conn.db, "PRAGMA integrity_check(1)", -1, &q,
				NULL) != SQLITE_OK ||
			       sqlite3_step(q) != SQLITE_ROW))
		rc = conn_err(&conn, "check", err);
	if (rc == 0) {
		const char *found = (const char *)sqlite3_column_text(q, 0);

		if (!str_eq(found, "ok"))
			rc = err_set(err, ERR_INTERNAL, "store: damaged: %s",
				found ? found : "?");
	}
	sqlite3_finalize(q);
	conn_close(&conn);
	return rc;
}
