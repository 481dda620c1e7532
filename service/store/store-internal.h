/* SPDX-License-Identifier: MIT */
/*
 * Inside the store: connections, prepared statements, the writer's queue, rows.  Only for
 * the files of this folder.
 *
 * A writing verb fills a structure on its stack, hands it with a function to
 * store_write(), and copies results out when that returned 0.  The function runs on the
 * store's thread inside the transaction; it may run only statements, and keeps what it
 * finds in that structure until the commit is known.
 *
 *	static int run_touch(struct store *store, struct conn *conn, void *arg, err) {
 *		CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_PREPARED_TOUCH);
 *		stmt_int(&q, touch->now_ms);
 *		stmt_text(&q, touch->key);
 *		return stmt_run(&q, err);
 *	}
 */
#ifndef SERVICE_STORE_STORE_INTERNAL_H
#define SERVICE_STORE_STORE_INTERNAL_H

#include "boxcore/base/thread.h"
#include "service/store/columns.h"
#include "service/store/store.h"
#include "service/store/store_account.h"
#include "service/store/store_box.h"
#include "service/store/store_box_log.h"
#include "service/store/store_box_preview.h"
#include "service/store/store_box_run.h"
#include "service/store/store_box_schedule.h"
#include "service/store/store_box_snapshot.h"
#include "service/store/store_command.h"
#include "service/store/store_conversation.h"
#include "service/store/store_delivery.h"
#include "service/store/store_effect.h"
#include "service/store/store_event.h"
#include "service/store/store_job.h"
#include "service/store/store_key.h"
#include "service/store/store_prepared.h"
#include "service/store/store_step.h"
#include "service/store/store_task.h"

#include <sqlite3.h>

/* ---- statements (stmts.c) ------------------------------------------------------------ */

enum stmt_id {
#define STMT(name, who, sql) STMT_##name,
#include "service/store/stmts.def"
#undef STMT
	STMT_COUNT
};

enum stmt_who { WRITER = 1, READERS = 2, BOTH = 3 };

struct stmt_def {
	const char *name;
	enum stmt_who who;
	const char *sql;
};
extern const struct stmt_def stmt_defs[STMT_COUNT];

struct conn {
	sqlite3 *db;
	sqlite3_stmt *stmts[STMT_COUNT]; /* NULL where `who` says so */
	int64_t until_ms;                /* readers: when to give up */
	struct conn *next_free;
};

/* Opens with the settings that every connection has, and prepares. */
int conn_open(struct conn *conn, const char *path, bool writer, struct err *err);
int conn_prepare(struct conn *conn, enum stmt_who who, struct err *err);
void conn_close(struct conn *conn); /* zeroed is fine */
int conn_exec(struct conn *conn, const char *sql, struct err *err);
/* The error of the connection's last call as ours. */
int conn_err(struct conn *conn, const char *what, struct err *err);

/* A statement in use: bind in order, step, read columns in order. */
struct stmt {
	sqlite3_stmt *handle;
	struct conn *conn;
	const char *name;
	int bound;
	int column;
	size_t too_long; /* size of a text that was over the limit */
};

struct stmt stmt_use(struct conn *conn, enum stmt_id id);
void stmt_release(struct stmt *q); /* resets; the statement can be used again */
DEFINE_CLEANUP(stmt, struct stmt, stmt_release(value))

void stmt_int(struct stmt *q, int64_t value);
void stmt_real(struct stmt *q, double value);
void stmt_text(struct stmt *q, const char *text);     /* NULL becomes "" */
void stmt_optional(struct stmt *q, const char *text); /* NULL stays NULL */
void stmt_text_n(struct stmt *q, const char *text, size_t len);
void stmt_blob(struct stmt *q, const void *data, size_t len);

int stmt_step(struct stmt *q, struct err *err); /* 1: a row, 0: the end, -1 */
int stmt_run(struct stmt *q, struct err *err);  /* to the end: changed rows, or -1 */

int64_t stmt_get_int(struct stmt *q);
double stmt_get_real(struct stmt *q);
char *stmt_get_text(struct stmt *q); /* the caller frees; NULL for NULL */
const void *stmt_get_blob(
	struct stmt *q, size_t *ret_len); /* valid until the next step */

/* ---- rows (rows.c) ------------------------------------------------------------------- */

enum field_kind { FIELD_INT, FIELD_BOOL, FIELD_REAL, FIELD_TEXT, FIELD_OPT, FIELD_STATE };

struct field {
	enum field_kind kind;
	size_t offset;
	const char *const *words; /* FIELD_STATE: by number, NULL-ended */
};

struct table {
	const struct field *fields;
	size_t count;
	size_t row_size;
};

extern const struct table table_task, table_task_given, table_task_facts, table_command,
	table_command_given, table_conversation, table_conversation_facts, table_job,
	table_repository, table_delivery, table_step, table_event, table_effect,
	table_prepared, table_box, table_box_given, table_box_run, table_box_run_given,
	table_box_log, table_box_snapshot, table_box_schedule, table_box_schedule_given,
	table_box_preview, table_key, table_env, table_usage, table_usage_added;

extern const char *const words_task_state[],
	*const words_command_state[],
		*const words_delivery_state[],
			*const words_step_state[], *const words_effect_state[],
							   *const words_prepared_state[];
extern const char *const words_box_state[],
	*const words_box_run_type[],
		*const words_box_run_state[],
			*const words_webhook_state[],
				*const words_snapshot_state[],
					*const words_schedule_type[],
						*const words_schedule_state[],
							*const words_key_scope[];
/* The number of a word; -1. */
int words_find(const char *const *words, const char *word);

void row_bind(struct stmt *q, const struct table *table, const void *row);
/* The columns from the present one on; the row's former contents are released. */
int row_read(struct stmt *q, const struct table *table, void *row, struct err *err);
void row_release(const struct table *table, void *row);
/* `to` owns copies of the texts; returns their bytes. */
size_t row_copy(const struct table *table, void *to, const void *from);
/* Steps to the end, or until the rows hold `most` bytes of text; *ret_rows is one
 * allocation. */
int rows_read_page(struct stmt *q, const struct table *table, size_t most,
	void **ret_rows, size_t *ret_count, struct err *err);
int rows_read(struct stmt *q, const struct table *table, void **ret_rows,
	size_t *ret_count, struct err *err);
void rows_release(const struct table *table, void *rows, size_t count);

/* Text from outside, as it is kept: see str_clean_utf8(); of at most `most` bytes. */
void text_clean(struct strbuf *ret, const char *text, size_t most, bool keep_control);

/* The release functions that a header of the store promises. */
#define RELEASE_ROW(name)                                                                \
	void store_##name##_release(struct store_##name *row)                            \
	{                                                                                \
		row_release(&table_##name, row);                                         \
	}
#define RELEASE_ROWS(list, name)                                                         \
	void store_##list##_release(struct store_##list *rows)                           \
	{                                                                                \
		rows_release(&table_##name, rows->rows, rows->count);                    \
		rows->rows = NULL;                                                       \
		rows->count = 0;                                                         \
	}

/* 1 to STORE_PAGE_MAX; 0 gives `usual`. */
int page_limit(int limit, int usual);

/* ---- verbs that are one statement (query.c) ------------------------------------------ */

struct value {
	enum { VALUE_INT, VALUE_REAL, VALUE_TEXT, VALUE_NULL } kind;
	int64_t number;
	double real;
	const char *text; /* NULL stays NULL */
};

struct query {
	enum stmt_id statement;
	const struct value *values; /* in the order of the parameters */
	size_t count;
};

#define V_INT(n) ((struct value){.kind = VALUE_INT, .number = (n)})
#define V_REAL(r) ((struct value){.kind = VALUE_REAL, .real = (r)})
#define V_OPT(s) ((struct value){.kind = VALUE_TEXT, .text = (s)})
#define V_TEXT(s) ((struct value){.kind = VALUE_TEXT, .text = str_or_empty(s)})
#define V_NULL ((struct value){.kind = VALUE_NULL})
/* A `const struct query *` that lives as long as the block it stands in. */
#define QUERY(id, ...)                                                                   \
	(&(const struct query){.statement = (id),                                        \
		.values = (const struct value[]){__VA_ARGS__},                           \
		.count = sizeof((const struct value[]){__VA_ARGS__}) /                   \
			 sizeof(struct value)})

static inline const char *str_or_empty(const char *s)
{
	return s ? s : "";
}

/* The statement with its parameters bound. */
struct stmt query_use(struct conn *conn, const struct query *query);
/* Inside a job: runs it to the end; changed rows, or -1. */
int query_run(struct conn *conn, const struct query *query, struct err *err);
/* The same as a verb: in a transaction of its own. */
int store_update(struct store *store, const struct query *query, struct cancel *cancel,
	struct err *err);
/* 0; ERR_NOT_FOUND "no such WHAT" when it changed no row. */
int store_update_one(struct store *store, const struct query *query, const char *what,
	struct cancel *cancel, struct err *err);
/* The same, queued lazily; the texts are copied. */
void store_update_later(struct store *store, const struct query *query, const char *what);

/* The one row; ERR_NOT_FOUND "no such WHAT". */
int store_read_row(struct store *store, const struct query *query,
	const struct table *table, void *ret_row, const char *what, struct err *err);
/* The one number; `none` when there is no row. */
int store_read_int(struct store *store, const struct query *query, int64_t none,
	int64_t *ret, struct err *err);
int store_read_page(struct store *store, const struct query *query,
	const struct table *table, size_t most, void **ret_rows, size_t *ret_count,
	struct err *err);

/* ---- the writer (writer.c) ----------------------------------------------------------- */

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_FINISHED };

typedef int (*job_fn)(struct store *store, struct conn *conn, void *arg, struct err *err);

struct job {
	job_fn run;
	void *arg;
	bool lazy; /* may wait STORE_LAZY_MS for others to share a commit with */
	void (*done)(struct job *job); /* NULL: somebody waits on `finished` */
	struct cond finished;
	size_t bytes;   /* counts against LIMIT_STORE_QUEUE_BYTES */
	int64_t due_ms; /* of a lazy one: when it has waited enough */
	enum job_state state;
	int rc;
	struct err err;
	struct job *next;
};

/* Runs fn in a transaction on the store's thread and waits for the commit.  Returns what
 * fn returned (>= 0), or -1: then nothing was changed. */
int store_write(struct store *store, job_fn fn, void *arg, struct cancel *cancel,
	struct err *err);
/* Queues a job whose memory `done` frees; -1 when too much waits. */
int store_write_async(struct store *store, struct job *job, struct err *err);

/* A change that nobody waits for takes part in the next commit of somebody who does; when
 * there is none, it gets one of its own after so long. */
#define STORE_LAZY_MS 20

/* Queues fn lazily; `release` frees arg afterwards.  Of a failure store_on_lost() hears;
 * a row that is gone is none. */
void store_queue(struct store *store, const char *what, job_fn fn, void *arg,
	void (*release)(void *arg), size_t bytes);

/* Within a job: listeners hear of it after the commit. */
void store_note(struct store *store, enum store_change_kind kind, int64_t task_id);

int writer_start(struct store *store, struct err *err);
void writer_stop(struct store *store); /* does what is queued, then ends */

/* ---- readers (readers.c) ------------------------------------------------------------- */

int readers_open(struct store *store, struct err *err);
void readers_close(struct store *store);
/* NULL and the error when none became free in time. */
struct conn *reader_take(struct store *store, struct err *err);
void reader_give(struct store *store, struct conn *conn);

struct reader {
	struct store *store;
	struct conn *conn;
};
DEFINE_CLEANUP(
	reader, struct reader, if (value->conn) reader_give(value->store, value->conn))

/* ---- migrations (migrations.c) ------------------------------------------------------- */

struct migration {
	const char *name; /* "0001_start" */
	const char *sql;
};
extern const struct migration migrations[];
extern const int migrations_count;

/* Brings the database to version `upto` (migrations_count for the newest). */
int migrations_run(struct conn *conn, int upto, struct err *err);

/* ---- verbs that other verbs use, inside a job ---------------------------------------- */

int task_insert(struct store *store, struct conn *conn, const struct store_task_new *task,
	const char *delivery_id, int64_t *ret_id, struct err *err);
int command_insert(struct store *store, struct conn *conn,
	const struct store_command_new *command, const char *delivery_id,
	struct err *err);
int command_new_check(const struct store_command_new *command, struct err *err);
int task_new_check(const struct store_task_new *task, struct err *err);
/* 0 when the lease holds; "lease lost". */
int task_fence(struct conn *conn, int64_t id, const char *lease, struct err *err);
/* After the end of a task: when it was the last attempt of one that waits for its attempts,
 * that one is due. */
int task_wake_parent(struct store *store, struct conn *conn, int64_t id, struct err *err);
/* Ends the attempts of a task, or asks their workers to. */
int task_cancel_attempts(struct store *store, struct conn *conn, int64_t parent_id,
	const char *reason, int64_t now_ms, struct err *err);
/* The attempts of a failed task begin anew when none of them is done; *ret: how many the task
 * waits for now. */
int task_retry_attempts(struct store *store, struct conn *conn, int64_t parent_id,
	int64_t now_ms, int64_t *ret, struct err *err);

/* Which conversation a delivery belongs to. */
struct belongs {
	int64_t id; /* 0: none */
	char *lane; /* the caller frees; NULL without one */
	int64_t pr_number;
	bool ours;
	bool pushed; /* the service has moved its branch */
};
/* By the number of its pull request or, with number 0, by its branch. */
int conversation_of_pull(struct conn *conn, int64_t repo_id, int64_t pull_number,
	const char *branch, struct belongs *ret, struct err *err);

/* Adds to the account's usage of now_ms's day. */
int account_usage_insert(struct conn *conn, const char *account,
	const struct store_usage *add, int64_t now_ms, struct err *err);

/* What a save brings back. */
struct task_saved {
	char *cancel_reason;
	int64_t crashes;
};
/* Writes the facts with `step` (NULL: the row's); "lease lost". */
int task_save_facts(struct conn *conn, const struct store_task *task, const char *step,
	struct task_saved *ret, struct err *err);
/* After the commit. */
void task_saved_take(struct store_task *task, struct task_saved *saved);
int task_lease_lost(int64_t id, struct err *err);

/* ---- the store ----------------------------------------------------------------------- */

#define READERS_COUNT 4

struct listener {
	store_change_fn fn;
	void *arg;
};

struct store {
	char *dir;
	char *path;
	int lock_fd;

	struct conn writer; /* only the store's thread, once it runs */
	pthread_t thread;
	bool running;
	struct listener listeners[STORE_LISTENERS_MAX];
	size_t nlisteners;
	store_lost_fn on_lost;
	void *on_lost_arg;
	struct store_change *changes; /* of the present transaction */
	size_t nchanges, changes_cap;

	struct lock queue_lock;
	struct cond queue_work;
	struct job *queue_head, **queue_tail;
	size_t queue_bytes;
	bool stopping;
	int64_t pruned_ms, pruned_id; /* the last task that store_prune() looked at, */
	int64_t pruned_from_ms;       /* in the pass that began with this before_ms */
	int64_t lost, lost_told, lost_told_ms; /* changes that nobody waited for */
	int64_t urgent;                        /* of the queue: not lazy */
	int64_t queued, jobs, batches, batch_max, failed;

	struct lock readers_lock;
	struct cond readers_free;
	struct conn readers[READERS_COUNT];
	struct conn *reader_head;

	struct ZSTD_CCtx_s *_Atomic packer; /* delivery.c's, when nobody uses it */
};

/* delivery.c: nobody adds deliveries any more. */
void delivery_packer_free(struct store *store);

#endif
