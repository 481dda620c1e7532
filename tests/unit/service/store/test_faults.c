/* SPDX-License-Identifier: MIT */
/*
 * service/store under a full disk and under kill -9: what was acknowledged is there, what
 * was not is no harm.
 *
 * Each case runs the store in a child process: the limit on file sizes and the signal
 * belong to a process.
 */
#include "boxcore/base/clock.h"
#include "boxcore/base/file.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "service/store/store_delivery.h"
#include "tests/lib/store_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];

static int set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/boxwright-faults-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int tear_down(void **state)
{
	struct err err = {0};

	(void)state;
	return file_remove_tree(dir, &err);
}

static struct store_delivery_new delivery(const char *id, const char *body)
{
	return (struct store_delivery_new){.id = id,
		.event = "push",
		.received_ms = 1,
		.body = body,
		.body_len = strlen(body),
		.reason_code = "x",
		.reason = "X."};
}

/* ---- a full disk ----------------------------------------------------------------------------- */

/* Random text: packing must not save the day. */
static void noise(char *body, size_t size, unsigned seed)
{
	for (size_t i = 0; i + 1 < size; i++) {
		seed = seed * 1664525 + 1013904223;
		body[i] = (char)(' ' + (seed >> 16) % 90);
	}
	body[size - 1] = '\0';
}

static int add(struct store *store, int number, struct err *err)
{
	struct store_delivery_added added;
	struct store_delivery_new what;
	struct store_task_new task = store_world_task("1#1", 1, 1);
	char id[32], body[40000];

	snprintf(id, sizeof id, "full-%d", number);
	noise(body, sizeof body, (unsigned)number);
	what = delivery(id, body);
	what.task = &task;
	return store_delivery_add(store, &what, &added, NULL, err);
}

#define CHECK(condition)                                                                 \
	do {                                                                             \
		if (!(condition)) {                                                      \
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition);          \
			_exit(1);                                                        \
		}                                                                        \
	} while (0)

/* Two ways to run out of space: a limit on the size of files (EFBIG), and a file system
 * of a few MiB (ENOSPC), for which one must be root. */
static void limit_files(bool full)
{
	struct rlimit limit = {full ? 5 << 18 : RLIM_INFINITY, RLIM_INFINITY};

	signal(SIGXFSZ, SIG_IGN);
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void limit_disk(bool full)
{
	CHECK(mount("none", dir, "tmpfs", MS_REMOUNT, full ? "size=2m" : "size=64m") ==
		0);
}

static void fill_disk(void (*limit)(bool full))
{
	struct store *store = NULL;
	struct store_figures figures;
	struct err err = {0};
	int stored = 0, refused = 0;

	CHECK(store_open(&store, dir, &err) == 0);
	limit(true);
	for (int i = 0; i < 120; i++) {
		if (add(store, i, &err) == 0) {
			stored++;
			continue;
		}
		refused++;
		CHECK(err.kind == ERR_TRANSIENT);
		if (!str_starts(err.text, "disk full"))
			fprintf(stderr, "%s\n", err.text);
		CHECK(str_starts(err.text, "disk full"));
	}
	CHECK(stored > 5 && refused > 5);
	CHECK(store_figures(store, &figures, &err) == 0); /* reading goes on */
	CHECK(figures.failed == refused);
	limit(false); /* there is space again, nothing is restarted */
	CHECK(add(store, 1000, &err) == 0);
	stored++;
	CHECK(store_check(store, &err) == 0);
	CHECK(store_figures(store, &figures, &err) == 0);
	for (size_t i = 0; i < figures.ncounts; i++)
		CHECK(figures.counts[i].count == stored);
	CHECK(figures.ncounts == 2); /* as many tasks as deliveries */
	store_close(store);
}

#define CHILD_MAY_NOT 77

static int in_child(void (*run)(void))
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		run();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void run_file_limit(void)
{
	fill_disk(limit_files);
}

static void run_small_disk(void)
{
	if (unshare(CLONE_NEWNS) < 0 ||
		mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("none", dir, "tmpfs", 0, "size=64m") < 0)
		_exit(CHILD_MAY_NOT);
	fill_disk(limit_disk);
}

static void test_files_that_cannot_grow(void **state)
{
	(void)state;
	assert_int_equal(in_child(run_file_limit), 0);
}

static void test_a_full_disk_refuses_and_recovers(void **state)
{
	int status = in_child(run_small_disk);

	(void)state;
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_MAY_NOT)
		skip(); /* no right to mount: the other case stands for it */
	assert_int_equal(status, 0);
}

/* ---- kill -9 --------------------------------------------------------------------------------- */

#define WRITERS 6
#define ROUNDS 12

struct load {
	struct store *store;
	int round, number;
	int out; /* a pipe: ids that were acknowledged */
};

/* Writes for ever; each id goes into the pipe only after it was acknowledged. */
static void *load_main(void *arg)
{
	struct load *load = arg;

	for (int i = 0;; i++) {
		struct store_delivery_added added;
		struct store_delivery_new what;
		struct store_task_new task = store_world_task("1#1", 1, 1);
		struct err err = {0};
		char id[32] = {0}, body[3000];

		snprintf(id, sizeof id, "%d-%d-%d", load->round, load->number, i);
		noise(body, sizeof body, (unsigned)i);
		what = delivery(id, body);
		what.task = &task;
		CHECK(store_delivery_add(load->store, &what, &added, NULL, &err) == 0);
		CHECK(!added.duplicate);
		CHECK(write(load->out, id, sizeof id) == (ssize_t)sizeof id);
	}
	return NULL;
}

/* In the child: writers that go on until it is killed. */
static void run_load(int round, int out, void *(*writer)(void *load))
{
	struct load loads[WRITERS];
	pthread_t thread;
	struct store *store = NULL;
	struct err err = {0};

	CHECK(store_open(&store, dir, &err) == 0);
	for (int i = 0; i < WRITERS; i++) {
		loads[i] = (struct load){store, round, i, out};
		CHECK(thread_start(&thread, "load", writer, &loads[i], &err) == 0);
	}
	pause();
}

/* What the child got an answer for until it was killed. */
static size_t collect(int in, char (**ids)[32])
{
	size_t count = 0, cap = 0;
	char id[32];
	ssize_t n;

	*ids = NULL;
	while ((n = read(in, id, sizeof id)) > 0) {
		assert_int_equal(n, sizeof id); /* smaller than PIPE_BUF: whole */
		if (count == cap) {
			cap = cap ? cap * 2 : 256;
			*ids = mem_grow(*ids, cap, sizeof **ids);
		}
		memcpy((*ids)[count++], id, sizeof id);
	}
	return count;
}

static void check_stored(char (*ids)[32], size_t count)
{
	struct store *store = NULL;
	struct store_figures figures;
	struct err err = {0};
	int64_t deliveries = 0, tasks = 0;

	if (store_open(&store, dir, &err) < 0 || store_check(store, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < count; i++) {
		CLEANUP(store_delivery) struct store_delivery row = {0};

		if (store_delivery_get(store, ids[i], true, &row, &err) < 0)
			fail_msg("acknowledged and lost: %s", err.text);
		assert_true(row.task_id > 0);
		assert_int_equal(strlen(row.body), 2999);
	}
	assert_int_equal(store_figures(store, &figures, &err), 0);
	for (size_t i = 0; i < figures.ncounts; i++)
		if (str_eq(figures.counts[i].table, "task"))
			tasks += figures.counts[i].count;
		else
			deliveries += figures.counts[i].count;
	assert_int_equal(tasks, deliveries); /* neither without the other */
	store_close(store);
}

static void test_what_was_acknowledged_outlives_kill_9(void **state)
{
	size_t all = 0;
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		char(*ids)[32];
		int ends[2], status;
		size_t count;
		pid_t pid;

		assert_int_equal(pipe(ends), 0);
		fflush(NULL);
		pid = fork();
		if (pid == 0) {
			close(ends[0]);
			run_load(round, ends[1], load_main);
			_exit(1);
		}
		close(ends[1]);
		/* It works from the first answer on; some time after that it dies.  The
		 * moment is the test's input. */
		struct pollfd answer = {ends[0], POLLIN, 0};
		assert_int_equal(poll(&answer, 1, 20000), 1);
		seed = seed * 1664525 + 1013904223;
		usleep(1000 + (seed >> 16) % 60000);
		kill(pid, SIGKILL);
		count = collect(ends[0], &ids);
		close(ends[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status)); /* not by a CHECK of its own */
		check_stored(ids, count);
		free(ids);
		all += count;
	}
	assert_true(all >= ROUNDS);
	print_message(
		"# %d kills, %zu deliveries acknowledged, none lost\n", ROUNDS, all);
}

/* ---- kill -9 between attempts ----------------------------------------------------------------- */

#define ATTEMPTS 3

static bool claim(struct store *store, const char *lease, struct store_task *ret)
{
	struct err err = {0};

	store_task_release(ret);
	int rc = store_task_claim(store, lease, 1000, ret, NULL, &err);
	CHECK(rc >= 0);
	return rc == 1;
}

/* One step of work on what was claimed: it is split, or ends. */
static void work_on(struct store *store, struct store_task *task)
{
	CLEANUP(store_tasks) struct store_tasks attempts = {0};
	struct err err = {0};

	CHECK(store_task_attempts(store, task->id, &attempts, &err) == 0);
	if (task->attempts > 1 && attempts.count == 0)
		CHECK(store_task_split(store, task, ATTEMPTS, 1, NULL, &err) == 0);
	else
		CHECK(store_task_finish(store, task, STORE_TASK_DONE, "x", "y", 2, NULL,
			      &err) == 0);
}

static void *split_main(void *arg)
{
	struct load *load = arg;
	char lane[32], lease[32];

	snprintf(lease, sizeof lease, "%d:%d", load->round, load->number);
	for (int i = 0;; i++) {
		CLEANUP(store_task) struct store_task row = {0};
		struct err err = {0};
		int64_t id;

		snprintf(lane, sizeof lane, "1/%d-%d-%d", load->round, load->number, i);
		struct store_task_new task = store_world_task(lane, 1, 1);
		task.attempts = ATTEMPTS;
		CHECK(store_task_add(load->store, &task, &id, NULL, &err) == 0);
		for (int n = 0; n <= ATTEMPTS && claim(load->store, lease, &row); n++)
			work_on(load->store, &row);
		CHECK(write(load->out, lane, sizeof lane) == (ssize_t)sizeof lane);
	}
	return NULL;
}

/* After recovery all that is left can be done, and nothing waits for ever. */
static int64_t do_the_rest(void)
{
	CLEANUP(store_task) struct store_task row = {0};
	struct store *store = NULL;
	struct store_recovered found;
	struct err err = {0};
	int64_t done = 0, last = 0;

	if (store_open(&store, dir, &err) < 0 || store_check(store, &err) < 0 ||
		store_recover(store, "rest", 1, &found, NULL, &err) < 0)
		fail_msg("%s", err.text);
	for (; claim(store, "rest:1", &row); done++) {
		work_on(store, &row);
		last = row.id > last ? row.id : last;
	}
	for (int64_t id = last; id > 0; id--) {
		CLEANUP(store_task) struct store_task task = {0};
		CLEANUP(store_tasks) struct store_tasks attempts = {0};

		assert_int_equal(store_task_get(store, id, &task, &err), 0);
		assert_int_equal(task.state, STORE_TASK_DONE);
		assert_false(task.waits);
		assert_int_equal(store_task_attempts(store, id, &attempts, &err), 0);
		assert_int_equal(attempts.count, task.parent_id ? 0 : ATTEMPTS);
	}
	store_close(store);
	return done;
}

static void test_attempts_outlive_kill_9(void **state)
{
	unsigned seed = 11;
	int64_t rest = 0;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		int ends[2], status;
		pid_t pid;

		assert_int_equal(pipe(ends), 0);
		fflush(NULL);
		pid = fork();
		if (pid == 0) {
			close(ends[0]);
			run_load(round, ends[1], split_main);
			_exit(1);
		}
		close(ends[1]);
		struct pollfd answer = {ends[0], POLLIN, 0};
		assert_int_equal(poll(&answer, 1, 20000), 1);
		seed = seed * 1664525 + 1013904223;
		usleep(1000 + (seed >> 16) % 20000);
		kill(pid, SIGKILL);
		close(ends[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		rest += do_the_rest();
	}
	print_message(
		"# %d kills, %lld claims to do the rest\n", ROUNDS, (long long)rest);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_files_that_cannot_grow),
		TEST(test_a_full_disk_refuses_and_recovers),
		TEST(test_what_was_acknowledged_outlives_kill_9),
		TEST(test_attempts_outlive_kill_9),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
