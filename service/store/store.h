/* SPDX-License-Identifier: MIT */
/*
 * The store: what the service knows and must not forget, in one SQLite database.
 *
 * The verbs stand in store_delivery.h, store_command.h, store_task.h, store_step.h,
 * store_event.h, store_effect.h, store_prepared.h, store_conversation.h and store_job.h, those of boxes in store_box.h,
 * store_box_*.h, store_key.h and store_account.h; this header has the store itself.
 * Each verb is one transaction; begin and commit are not offered, so that nobody can hold
 * one over a network call.  When a writing verb returns 0, its change has reached the
 * disk (synchronous=FULL); when it returns -1, nothing was changed.
 *
 * One thread of the store does all writing and all checkpoints.  Writers queue; what has
 * queued up while the disk was busy is written by one transaction and one fsync, each
 * verb in a savepoint of its own, so that one that fails spoils no other.  A writing verb
 * blocks until its commit.  Its `cancel` takes it out of the queue (ERR_CANCELLED or, for
 * a deadline, ERR_TRANSIENT: nothing changed); once it is being written the verb returns
 * what came of it.
 *
 * A few verbs only queue (those without a `cancel`): they share the next commit of a verb
 * that waits, or get one of their own within some milliseconds, in the order in which a
 * thread called them.  store_on_lost() hears of their failures; a kill -9 may lose the
 * last of them.
 *
 * Reading verbs use a small pool of read-only connections, see the last commit, do not
 * wait for writers, and are cut off after LIMIT_STORE_READ_MS (ERR_TRANSIENT).  Lists are
 * read in pages.
 *
 * Memory: what goes in is borrowed during the call and copied; rows that come out belong
 * to the caller, who releases them (zeroed rows are fine).  `ret_` parameters are written
 * on success only; a row given as `ret` is zeroed or released before.  Strings of rows
 * may be NULL where the comment says so.
 *
 * Errors: ERR_TRANSIENT for a full or failing disk ("disk full: ..."): later calls work
 * again when there is space; ERR_CONFLICT for a lost lease or a wrong state;
 * ERR_NOT_FOUND.
 *
 * All verbs are thread-safe.
 */
#ifndef SERVICE_STORE_STORE_H
#define SERVICE_STORE_STORE_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/cleanup.h"
#include "boxcore/base/err.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/* Opens (or makes: folder 0700, file 0600) the database in the folder `state_dir`, takes
 * the folder for this process (ERR_CONFLICT when another one has it), brings the tables
 * up to date and prepares every statement.  A database of a newer program and a folder on
 * a network file system are refused (ERR_INPUT, saying what to do). */
int store_open(struct store **ret_store, const char *state_dir, struct err *err);
/* Writes what is queued, checkpoints, closes.  No verb may run or start.  NULL is fine.
 */
void store_close(struct store *store);
DEFINE_CLEANUP(store, struct store *, store_close(*value))

/* Of SQLite, as it runs: "3.40.1".  Constant. */
const char *store_library_version(void);

/* The folder that was opened; borrowed. */
const char *store_dir(const struct store *store);

/* ---- what changed -------------------------------------------------------------------- */

enum store_change_kind {
	STORE_CHANGE_TASK_READY,  /* a task may be claimed, now or at its run_at_ms */
	STORE_CHANGE_TASK_STATE,  /* claimed, another step, finished */
	STORE_CHANGE_TASK_CANCEL, /* a running one is asked to stop: see cancel_reason */
	STORE_CHANGE_TASK_EVENTS, /* store_events_append() added some */
	STORE_CHANGE_COMMAND_READY, /* store_command_take() finds something */
};

struct store_change {
	enum store_change_kind kind;
	int64_t task_id; /* 0 for STORE_CHANGE_COMMAND_READY */
};

/* Adds a listener, called on the store's thread after each commit that made such a
 * change, with no lock held.  It must return at once and call no verb.  A hint only: it
 * is not called for what happened before a restart, and not when a run_at_ms is reached.
 * Before other threads use the store; at most STORE_LISTENERS_MAX. */
#define STORE_LISTENERS_MAX 4
typedef void (*store_change_fn)(void *arg, const struct store_change *change);
void store_on_change(struct store *store, store_change_fn fn, void *arg);

/* Sets who hears of changes that nobody waited for and that are lost: `what` and `err` of
 * the latest, `count` of them since the last call, at most every ten seconds.  On any
 * thread, with no lock held; it returns at once and calls no verb.  Before other threads
 * use the store. */
typedef void (*store_lost_fn)(
	void *arg, const char *what, int64_t count, const struct err *err);
void store_on_lost(struct store *store, store_lost_fn fn, void *arg);

/* ---- recovery ------------------------------------------------------------------------ */

struct store_recovered {
	int64_t ready;    /* running tasks that went back to ready */
	int64_t failed;   /* dead letters: finished with outcome_code "crashed" */
	int64_t commands; /* taken commands that went back to ready */
};

/* Once at start, before workers: every running task whose lease does not begin with
 * "<instance>:" is free again.  What killed the service cannot be told from what merely ran
 * beside it, so those with most crashes in their present step get one more, the others stay at
 * theirs; and of tasks with STORE_CRASHES_SUSPECT or more only one is claimed at a time: the one
 * that kills then counts on alone, and those beside it end well.  One that has crashed
 * STORE_CRASHES_MAX times in the same step is failed instead (store_task_list() by
 * outcome_code "crashed" finds them).  `instance` is made anew at each start:
 * crypto_random_hex(). */
#define STORE_CRASHES_SUSPECT 2
#define STORE_CRASHES_MAX 5 /* a worker gives up before, and says so: service/task */
int store_recover(struct store *store, const char *instance, int64_t now_ms,
	struct store_recovered *ret, struct cancel *cancel, struct err *err);

/* ---- settings ------------------------------------------------------------------------ */

/* Small facts by name; a value is at most LIMIT_STORE_SETTING bytes of text. */
int store_setting_put(struct store *store, const char *key, const char *value,
	struct cancel *cancel, struct err *err);
/* Appends to ret_value; ERR_NOT_FOUND. */
int store_setting_get(
	struct store *store, const char *key, struct strbuf *ret_value, struct err *err);
/* Stores `value` unless there is one, and appends the one that is there now: for keys
 * that are made once. */
int store_setting_once(struct store *store, const char *key, const char *value,
	struct strbuf *ret_value, struct cancel *cancel, struct err *err);

/* ---- forgetting ---------------------------------------------------------------------- */

/* Removes deliveries that came before before_ms, but not those of tasks that have not
 * ended; commands that ended before it; conversations that are closed, without a box and
 * were not used since; and tasks that ended before it with their events, steps and effects.
 * But row and effects stay of an open conversation's newest task and of a job's tasks while
 * their pull request is open, and the row of what can be undone or approved and of a job's
 * newest task.  About `limit` rows (1 to 500; 0: 200), so that others do not wait.
 * *ret_rows: as many as went; *ret_more: call again. */
int store_prune(struct store *store, int64_t before_ms, int limit, int *ret_rows,
	bool *ret_more, struct cancel *cancel, struct err *err);

/* ---- figures and backup -------------------------------------------------------------- */

struct store_count {
	char table
		[24]; /* "task", "delivery", "command", "conversation", "box", "box_run" */
	char state[16];
	int64_t count;
};

#define STORE_COUNTS_MAX 48
struct store_figures {
	struct store_count counts[STORE_COUNTS_MAX]; /* kept by triggers: no scan */
	size_t ncounts;
	int64_t database_bytes;
	int64_t wal_bytes;
	int64_t jobs;      /* writing verbs done since the start */
	int64_t batches;   /* transactions that they took */
	int64_t batch_max; /* most verbs in one */
	int64_t queued;    /* waiting now */
	int64_t failed;    /* batches lost to the disk */
	int64_t lost;      /* verbs that only queue, and failed */
};
int store_figures(struct store *store, struct store_figures *ret, struct err *err);

/* A consistent copy of the database of a state folder into a new file (0600; an existing file
 * is refused).  A service may work with it meanwhile, in this process or another; nobody
 * waits for the copy. */
int store_backup(const char *state_dir, const char *path, struct err *err);

/* For tests: SQLite's own check of the whole file; ERR_INTERNAL with the first finding.
 * Reads all of the database. */
int store_check(struct store *store, struct err *err);

#endif
