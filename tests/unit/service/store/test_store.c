/* SPDX-License-Identifier: MIT */
/* service/store/store.c, writer.c, setting.c, figures.c: the store itself. */
#include "service/store/store.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/file.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "service/store/store-internal.h"
#include "tests/lib/store_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- opening ------------------------------------------------------------------------------ */

static mode_t mode_of(const char *name)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof path, "%s%s%s", world.dir, *name ? "/" : "", name);
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void test_only_we_may_read_it(void **state)
{
	(void)state;
	store_world_add(&world, "1#1", 1, 1); /* so that there is a log */
	assert_int_equal(mode_of(""), 0700);
	assert_int_equal(mode_of("boxwright.db"), 0600);
	assert_int_equal(mode_of("boxwright.db-wal"), 0600);
	assert_int_equal(mode_of("boxwright.db-shm"), 0600);
	assert_int_equal(mode_of("lock"), 0600);
}

static void test_one_process_has_the_folder(void **state)
{
	struct store *second = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(store_open(&second, world.dir, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_non_null(strstr(err.text, "another boxwright runs"));
	assert_null(second);
	store_world_again(&world); /* and is free again when it was closed */
}

static void set_version(int version)
{
	char path[128], sql[64];
	sqlite3 *db = NULL;

	snprintf(path, sizeof path, "%s/boxwright.db", world.dir);
	snprintf(sql, sizeof sql, "PRAGMA user_version=%d", version);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_a_newer_database_is_refused(void **state)
{
	struct err err = {0};

	(void)state;
	store_close(world.store);
	world.store = NULL;
	set_version(migrations_count + 1);
	assert_int_equal(store_open(&world.store, world.dir, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, "start the newer program"));
	set_version(migrations_count);
	OK(store_open(&world.store, world.dir, &err));
}

static void test_garbage_is_no_database(void **state)
{
	char path[128];
	struct err err = {0};
	struct store *store = NULL;

	(void)state;
	snprintf(path, sizeof path, "%s/other", world.dir);
	OK(file_mkdirs(path, 0700, &err));
	snprintf(path, sizeof path, "%s/other/boxwright.db", world.dir);
	OK(file_write(path, "this is no database, it only looks like text......", 50,
		0600, &err));
	snprintf(path, sizeof path, "%s/other", world.dir);
	assert_int_equal(store_open(&store, path, &err), -1);
	assert_int_equal(err.kind, ERR_INTERNAL);
	assert_non_null(strstr(err.text, "not a database"));
}

static void test_a_folder_that_cannot_be(void **state)
{
	struct store *store = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(store_open(&store, "/proc/self/nothing", &err), -1);
	assert_null(store);
	store_close(NULL);
}

static void test_rows_outlive_the_process(void **state)
{
	int64_t id;

	(void)state;
	id = store_world_add(&world, "1#1", 1, 1);
	store_world_again(&world);
	assert_string_equal(store_world_state(&world, id), "ready");
}

/* ---- the queue ------------------------------------------------------------------------------ */

/* Holds the store's thread until it is let go, so that a batch gathers behind it. */
struct gate {
	struct lock lock;
	struct cond cond;
	bool entered, open;
};

static int run_gate(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct gate *gate = arg;

	(void)store;
	(void)conn;
	(void)err;
	LOCKED(&gate->lock);
	gate->entered = true;
	cond_wake_all(&gate->cond);
	while (!gate->open)
		cond_wait(&gate->cond, &gate->lock);
	return 0;
}

static void *gate_main(void *arg)
{
	struct err err = {0};

	if (store_write(world.store, run_gate, arg, NULL, &err) < 0)
		abort();
	return NULL;
}

static pthread_t gate_shut(struct gate *gate)
{
	pthread_t thread;
	struct err err = {0};

	*gate = (struct gate){.lock = LOCK_INIT};
	cond_init(&gate->cond);
	OK(thread_start(&thread, "gate", gate_main, gate, &err));
	LOCKED(&gate->lock);
	while (!gate->entered)
		cond_wait(&gate->cond, &gate->lock);
	return thread;
}

static void gate_open(struct gate *gate, pthread_t thread)
{
	{
		LOCKED(&gate->lock);
		gate->open = true;
		cond_wake_all(&gate->cond);
	}
	thread_join(thread);
	lock_release(&gate->lock);
	cond_release(&gate->cond);
}

static int64_t queued(void)
{
	LOCKED(&world.store->queue_lock);
	return world.store->queued;
}

static void wait_queued(int64_t count)
{
	while (queued() != count)
		usleep(200); /* the other thread is on its way into the queue */
}

struct writer {
	pthread_t thread;
	struct cancel *cancel;
	const char *lane;
	int rc;
	int64_t id;
	struct err err;
};

static void *writer_add(void *arg)
{
	struct writer *writer = arg;
	struct store_task_new task = store_world_task(writer->lane, 1, 1);

	writer->rc = store_task_add(
		world.store, &task, &writer->id, writer->cancel, &writer->err);
	return NULL;
}

static void test_a_cancel_takes_it_out_of_the_queue(void **state)
{
	struct gate gate;
	pthread_t held = gate_shut(&gate);
	struct writer writers[3] = {{.lane = "1#1"}, {.lane = "1#2"}, {.lane = "1#3"}};
	struct store_task_filter all = {0};
	CLEANUP(store_tasks) struct store_tasks list = {0};
	struct err err = {0};
	int64_t started;

	(void)state;
	for (int i = 0; i < 3; i++) {
		writers[i].cancel = cancel_new(NULL);
		OK(thread_start(&writers[i].thread, "w", writer_add, &writers[i], &err));
		wait_queued(i + 1);
	}
	started = clock_mono_ms();
	cancel_fire(writers[2].cancel, "cancelled by @octocat"); /* the last: the tail */
	thread_join(writers[2].thread);
	cancel_fire(writers[0].cancel, "shutdown"); /* the head */
	thread_join(writers[0].thread);
	assert_true(clock_mono_ms() - started < 1000);
	assert_int_equal(queued(), 1);
	gate_open(&gate, held);
	thread_join(writers[1].thread);
	assert_int_equal(writers[0].rc, -1);
	assert_int_equal(writers[0].err.kind, ERR_CANCELLED);
	assert_string_equal(writers[0].err.text, "shutdown");
	assert_int_equal(writers[1].rc, 0);
	assert_int_equal(writers[2].err.kind, ERR_CANCELLED);
	OK(store_task_list(world.store, &all, &list, &err));
	assert_int_equal(list.count, 1);
	assert_string_equal(list.rows[0].lane, "1#2");
	store_world_add(&world, "1#4", 1, 1); /* the queue is whole */
	for (int i = 0; i < 3; i++)
		cancel_free(writers[i].cancel);
}

static void test_a_deadline_takes_it_out_too(void **state)
{
	struct gate gate;
	pthread_t held = gate_shut(&gate);
	struct writer writer = {.lane = "1#1"};
	struct err err = {0};

	(void)state;
	writer.cancel = cancel_new(NULL);
	cancel_deadline(writer.cancel, 30, "the task's limit");
	OK(thread_start(&writer.thread, "w", writer_add, &writer, &err));
	thread_join(writer.thread); /* while the store's thread is held */
	gate_open(&gate, held);
	assert_int_equal(writer.rc, -1);
	assert_int_equal(writer.err.kind, ERR_TRANSIENT);
	assert_int_equal(writer.id, 0);
	cancel_free(writer.cancel);
}

static void test_a_cancel_that_has_fired_writes_nothing(void **state)
{
	CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);
	struct err err = {0};

	(void)state;
	cancel_fire(cancel, "too late");
	assert_int_equal(store_setting_put(world.store, "a", "b", cancel, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELLED);
}

/* Several verbs in one transaction, one of which fails in its middle. */
static int run_half(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct store_task_new task = store_world_task("9#9", 9, 1);
	int64_t id;

	(void)arg;
	if (task_insert(store, conn, &task, NULL, &id, err) < 0)
		return -1;
	return err_set(err, ERR_INTERNAL, "half done");
}

static void *half_main(void *arg)
{
	struct writer *writer = arg;

	writer->rc = store_write(world.store, run_half, NULL, NULL, &writer->err);
	return NULL;
}

static void test_one_that_fails_spoils_no_other(void **state)
{
	struct gate gate;
	pthread_t held = gate_shut(&gate);
	struct writer writers[3] = {{.lane = "1#1"}, {0}, {.lane = "1#3"}};
	CLEANUP(store_tasks) struct store_tasks list = {0};
	struct store_task_filter all = {0};
	struct store_figures before, after;
	struct err err = {0};

	(void)state;
	OK(store_figures(world.store, &before, &err));
	for (int i = 0; i < 3; i++) {
		OK(thread_start(&writers[i].thread, "w", i == 1 ? half_main : writer_add,
			&writers[i], &err));
		wait_queued(i + 1);
	}
	gate_open(&gate, held);
	for (int i = 0; i < 3; i++)
		thread_join(writers[i].thread);
	OK(store_figures(world.store, &after, &err));
	assert_int_equal(after.batches - before.batches, 1); /* all three in one */
	assert_int_equal(after.batch_max, 3);
	assert_int_equal(writers[0].rc, 0);
	assert_int_equal(writers[1].rc, -1);
	assert_string_equal(writers[1].err.text, "half done");
	assert_int_equal(writers[2].rc, 0);
	OK(store_task_list(world.store, &all, &list, &err));
	assert_int_equal(list.count, 2); /* not the half one */
}

/* ---- hints ------------------------------------------------------------------------------------ */

struct heard {
	struct lock lock;
	struct cond cond;
	int64_t last[STORE_CHANGE_COMMAND_READY + 1];
	int count[STORE_CHANGE_COMMAND_READY + 1];
};

static void on_change(void *arg, const struct store_change *change)
{
	struct heard *heard = arg;

	LOCKED(&heard->lock);
	heard->last[change->kind] = change->task_id;
	heard->count[change->kind]++;
	cond_wake_all(&heard->cond);
}

static void wait_heard(struct heard *heard, enum store_change_kind kind, int64_t id)
{
	LOCKED(&heard->lock);
	while (heard->last[kind] != id)
		assert_true(cond_wait_ms(&heard->cond, &heard->lock, 10000));
}

static void test_listeners_hear_of_commits_only(void **state)
{
	struct heard heard = {.lock = LOCK_INIT};
	CLEANUP(store_task) struct store_task row = {0};
	enum store_cancelled what;
	struct err err = {0};
	int64_t id;

	(void)state;
	cond_init(&heard.cond);
	store_on_change(world.store, on_change, &heard);
	id = store_world_add(&world, "1#1", 1, 1);
	wait_heard(&heard, STORE_CHANGE_TASK_READY, id);
	store_world_claim(&world, "a:1", 1, &row);
	wait_heard(&heard, STORE_CHANGE_TASK_STATE, id);
	OK(store_task_cancel(world.store, id, "no", 1, &what, NULL, &err));
	wait_heard(&heard, STORE_CHANGE_TASK_CANCEL, id);
	assert_int_equal(store_write(world.store, run_half, NULL, NULL, &err), -1);
	id = store_world_add(&world, "1#2", 1, 1); /* what comes after it was heard */
	wait_heard(&heard, STORE_CHANGE_TASK_READY, id);
	LOCKED(&heard.lock);
	assert_int_equal(heard.count[STORE_CHANGE_TASK_READY], 2);
}

/* ---- settings, figures, backup ---------------------------------------------------------------- */

static void test_settings(void **state)
{
	CLEANUP(strbuf) struct strbuf value = STRBUF_INIT(1024);
	struct err err = {0};

	(void)state;
	assert_int_equal(store_setting_get(world.store, "key", &value, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	OK(store_setting_once(world.store, "key", "first", &value, NULL, &err));
	assert_string_equal(value.data, "first");
	strbuf_reset(&value);
	OK(store_setting_once(world.store, "key", "second", &value, NULL, &err));
	assert_string_equal(value.data, "first");
	OK(store_setting_put(world.store, "key", "third", NULL, &err));
	store_world_again(&world);
	strbuf_reset(&value);
	OK(store_setting_get(world.store, "key", &value, &err));
	assert_string_equal(value.data, "third");
	assert_int_equal(store_setting_put(world.store, "", "x", NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
}

static int64_t count_of(const struct store_figures *figures, const char *state)
{
	for (size_t i = 0; i < figures->ncounts; i++)
		if (str_eq(figures->counts[i].table, "task") &&
			str_eq(figures->counts[i].state, state))
			return figures->counts[i].count;
	return 0;
}

static void test_counts_follow_the_states(void **state)
{
	CLEANUP(store_task) struct store_task row = {0};
	struct store_figures figures;
	struct err err = {0};

	(void)state;
	store_world_add(&world, "1#1", 1, 1);
	store_world_add(&world, "1#2", 1, 2);
	store_world_claim(&world, "a:1", 5, &row);
	OK(store_figures(world.store, &figures, &err));
	assert_int_equal(count_of(&figures, "ready"), 1);
	assert_int_equal(count_of(&figures, "running"), 1);
	OK(store_task_finish(
		world.store, &row, STORE_TASK_FAILED, "x", "X.", 9, NULL, &err));
	OK(store_figures(world.store, &figures, &err));
	assert_int_equal(count_of(&figures, "running"), 0);
	assert_int_equal(count_of(&figures, "failed"), 1);
	assert_true(figures.database_bytes > 0);
	assert_true(figures.wal_bytes > 0);
}

static void test_a_backup_is_whole(void **state)
{
	char path[160], folder[128];
	struct store *copy = NULL;
	CLEANUP(store_task) struct store_task row = {0};
	struct err err = {0};
	struct stat st;
	int64_t id;

	(void)state;
	id = store_world_add(&world, "1#1", 1, 1);
	snprintf(folder, sizeof folder, "%s/copy", world.dir);
	OK(file_mkdirs(folder, 0700, &err));
	snprintf(path, sizeof path, "%s/boxwright.db", folder);
	OK(store_backup(world.dir, path, &err));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(store_backup(world.dir, path, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT); /* nothing is overwritten */
	store_world_add(&world, "1#2", 1, 1);     /* not in the copy */
	OK(store_open(&copy, folder, &err));
	OK(store_check(copy, &err));
	OK(store_task_get(copy, id, &row, &err));
	assert_int_equal(store_task_get(copy, id + 1, &row, &err), -1);
	store_close(copy);
	assert_int_equal(store_backup(world.dir, "/proc/none/x.db", &err), -1);
	snprintf(path, sizeof path, "%s/none.db", folder);
	assert_int_equal(store_backup("/nowhere", path, &err), -1);
	assert_int_equal(access(path, F_OK), -1); /* no half copy stays */
}

/* ---- readers ---------------------------------------------------------------------------------- */

static void test_a_long_reader_is_cut_off(void **state)
{
	struct err err = {0};
	struct conn *conn = reader_take(world.store, &err);
	sqlite3_stmt *q = NULL;
	int rc;

	(void)state;
	assert_non_null(conn);
	conn->until_ms = clock_mono_ms() + 50;
	assert_int_equal(sqlite3_prepare_v2(conn->db,
				 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 "
				 "FROM n) SELECT count(*) FROM n",
				 -1, &q, NULL),
		SQLITE_OK);
	rc = sqlite3_step(q);
	assert_int_equal(rc, SQLITE_INTERRUPT);
	conn_err(conn, "count", &err);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	sqlite3_finalize(q);
	reader_give(world.store, conn);
}

static void test_a_reader_cannot_write(void **state)
{
	struct err err = {0};
	struct conn *conn = reader_take(world.store, &err);

	(void)state;
	assert_non_null(conn);
	assert_int_equal(conn_exec(conn, "DELETE FROM task", &err), -1);
	reader_give(world.store, conn);
}

/* ---- one lane, many workers --------------------------------------------------------------------- */

#define WORKERS 8
#define LANES 5
#define TASKS 150

struct crew {
	struct lock lock;
	int busy[LANES];
	int overlaps, finished;
};

static void *crew_main(void *arg)
{
	struct crew *crew = arg;
	static _Atomic int number;
	char lease[32];

	snprintf(lease, sizeof lease, "me:%d", ++number);
	for (;;) {
		CLEANUP(store_task) struct store_task row = {0};
		struct err err = {0};
		int rc = store_task_claim(world.store, lease, 100, &row, NULL, &err);
		int lane;

		if (rc < 0)
			abort();
		{
			LOCKED(&crew->lock);
			if (crew->finished == TASKS)
				return NULL;
			if (rc) {
				lane = row.lane[2] - '0';
				crew->overlaps += crew->busy[lane]++;
			}
		}
		if (!rc)
			continue;
		if (store_task_save(world.store, &row, NULL, &err) < 0)
			abort();
		{
			/* Before it ends: from then on another may have the lane. */
			LOCKED(&crew->lock);
			crew->busy[lane]--;
			crew->finished++;
		}
		if (store_task_finish(world.store, &row, STORE_TASK_DONE, "x", "X.", 1,
			    NULL, &err) < 0)
			abort();
	}
}

static void test_no_lane_ever_runs_twice(void **state)
{
	struct crew crew = {.lock = LOCK_INIT};
	pthread_t threads[WORKERS];
	struct store_figures figures;
	struct err err = {0};

	(void)state;
	for (int i = 0; i < TASKS; i++) {
		char lane[8];

		snprintf(lane, sizeof lane, "1#%d", i % LANES);
		store_world_add(&world, lane, i % LANES, 1);
	}
	for (int i = 0; i < WORKERS; i++)
		OK(thread_start(&threads[i], "worker", crew_main, &crew, &err));
	for (int i = 0; i < WORKERS; i++)
		thread_join(threads[i]);
	assert_int_equal(crew.overlaps, 0);
	OK(store_figures(world.store, &figures, &err));
	assert_int_equal(count_of(&figures, "done"), TASKS);
	assert_int_equal(count_of(&figures, "running"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_only_we_may_read_it),
		TEST(test_one_process_has_the_folder),
		TEST(test_a_newer_database_is_refused),
		TEST(test_garbage_is_no_database),
		TEST(test_a_folder_that_cannot_be),
		TEST(test_rows_outlive_the_process),
		TEST(test_a_cancel_takes_it_out_of_the_queue),
		TEST(test_a_deadline_takes_it_out_too),
		TEST(test_a_cancel_that_has_fired_writes_nothing),
		TEST(test_one_that_fails_spoils_no_other),
		TEST(test_listeners_hear_of_commits_only),
		TEST(test_settings),
		TEST(test_counts_follow_the_states),
		TEST(test_a_backup_is_whole),
		TEST(test_a_long_reader_is_cut_off),
		TEST(test_a_reader_cannot_write),
		TEST(test_no_lane_ever_runs_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
