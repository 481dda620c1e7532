/* SPDX-License-Identifier: MIT */
/*
 * The rows of boxes under a full disk and under kill -9: a run that was acknowledged as
 * finished is settled, and what it used is booked exactly once, everywhere or nowhere.
 */
#include "boxcore/base/clock.h"
#include "boxcore/base/file.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "service/store/store_account.h"
#include "service/store/store_box_log.h"
#include "tests/lib/store_box_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define DAY 1769817600000LL /* 2026-01-31 */
#define CPU_US 7

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

#define CHECK(condition)                                                                 \
	do {                                                                             \
		if (!(condition)) {                                                      \
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition);          \
			_exit(1);                                                        \
		}                                                                        \
	} while (0)

static int run_once(
	struct store *store, const char *id, const char *output, struct err *err)
{
	struct store_box_run run = store_world_run(id, "b", DAY);
	struct store_box_run_end end = {.state = STORE_BOX_RUN_COMPLETED,
		.output = output,
		.cpu_us = CPU_US,
		.completed_ms = DAY};

	store_box_run_add_async(store, &run);
	store_box_touch(store, "b", DAY);
	return store_box_run_finish(store, id, &end, NULL, err);
}

/* Runs, the box and the account say the same. */
static int64_t count_settled(struct store *store)
{
	CLEANUP(store_box) struct store_box box = {0};
	CLEANUP(store_usages) struct store_usages days = {0};
	struct store_figures figures = {0};
	struct err err = {0};
	int64_t completed = 0;

	if (store_check(store, &err) < 0 || store_box_get(store, "b", &box, &err) < 0 ||
		store_figures(store, &figures, &err) < 0 ||
		store_account_usage_list(
			store, "a", "2026-01-31", "2026-01-31", &days, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	for (size_t i = 0; i < figures.ncounts; i++)
		if (str_eq(figures.counts[i].table, "box_run") &&
			str_eq(figures.counts[i].state, "completed"))
			completed = figures.counts[i].count;
	if (box.run_cpu_us != completed * CPU_US)
		return -1;
	if ((days.count ? days.rows[0].runs : 0) != completed)
		return -1;
	return completed;
}

static void open_with_box(struct store **ret)
{
	struct store_box box = store_world_box("b", "a", NULL, 1);
	struct err err = {0};

	CHECK(store_open(ret, dir, &err) == 0);
	if (store_box_add(*ret, &box, NULL, &err) < 0)
		CHECK(err.kind == ERR_CONFLICT);
}

/* ---- a full disk ------------------------------------------------------------------------ */

static void limit_files(bool full)
{
	struct rlimit limit = {full ? 1 << 20 : RLIM_INFINITY, RLIM_INFINITY};

	signal(SIGXFSZ, SIG_IGN);
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static int told;

static void on_lost(void *arg, const char *what, int64_t count, const struct err *err)
{
	(void)arg;
	CHECK(strstr(err->text, "disk full") && *what && count == 1);
	told++;
}

static void run_full(void)
{
	struct store_figures figures;
	char *output = mem_zalloc(40000);
	struct store *store = NULL;
	struct err err = {0};
	int stored = 0, refused = 0;
	char id[32];

	memset(output, 'x', 39999);
	open_with_box(&store);
	store_on_lost(store, on_lost, NULL);
	limit_files(true);
	for (int i = 0; i < 80; i++) {
		snprintf(id, sizeof id, "r%d", i);
		store_box_log_append(store, "b",
			&(struct store_box_log){.level = (char[]){"info"},
				.source = (char[]){"user"},
				.message = output});
		if (run_once(store, id, output, &err) == 0) {
			stored++;
			continue;
		}
		refused++;
		CHECK(err.kind == ERR_TRANSIENT);
	}
	CHECK(stored > 3 && refused > 3);
	limit_files(false);
	CHECK(run_once(store, "again", output, &err) == 0);
	CHECK(count_settled(store) == stored + 1);
	CHECK(store_figures(store, &figures, &err) == 0);
	CHECK(figures.lost > 3 && told == 1); /* not once for each */
	store_close(store);
	free(output);
}

static void test_a_full_disk_books_nothing_by_half(void **state)
{
	int status = -1;
	pid_t pid;

	(void)state;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		run_full();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- kill -9 ---------------------------------------------------------------------------- */

#define WRITERS 4
#define ROUNDS 8

struct load {
	struct store *store;
	int round, number, out;
};

static void *load_main(void *arg)
{
	struct load *load = arg;

	for (int i = 0;; i++) {
		struct err err = {0};
		char id[32] = {0};

		snprintf(id, sizeof id, "%d-%d-%d", load->round, load->number, i);
		CHECK(run_once(load->store, id, NULL, &err) == 0);
		CHECK(write(load->out, id, sizeof id) == (ssize_t)sizeof id);
	}
	return NULL;
}

static void run_load(int round, int out)
{
	struct load loads[WRITERS];
	pthread_t thread;
	struct store *store = NULL;
	struct err err = {0};

	open_with_box(&store);
	for (int i = 0; i < WRITERS; i++) {
		loads[i] = (struct load){store, round, i, out};
		CHECK(thread_start(&thread, "load", load_main, &loads[i], &err) == 0);
	}
	pause();
}

/* Each acknowledged run is there; returns how many there are. */
static int64_t check_stored(int in)
{
	struct store *store = NULL;
	struct err err = {0};
	int64_t acknowledged = 0, settled;
	char id[32];

	if (store_open(&store, dir, &err) < 0)
		fail_msg("%s", err.text);
	while (read(in, id, sizeof id) == (ssize_t)sizeof id) {
		CLEANUP(store_box_run) struct store_box_run run = {0};

		if (store_box_run_get(store, "b", id, &run, &err) < 0)
			fail_msg("acknowledged and lost: %s", id);
		assert_true(run.settled);
		acknowledged++;
	}
	settled = count_settled(store);
	assert_true(settled >= acknowledged);
	store_close(store);
	return acknowledged;
}

static void test_what_was_booked_outlives_kill_9(void **state)
{
	int64_t all = 0;
	unsigned seed = 11;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		int ends[2], status;
		pid_t pid;

		assert_int_equal(pipe(ends), 0);
		fflush(NULL);
		pid = fork();
		if (pid == 0) {
			close(ends[0]);
			run_load(round, ends[1]);
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
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		all += check_stored(ends[0]);
		close(ends[0]);
	}
	assert_true(all >= ROUNDS);
	print_message("# %d kills, %lld runs acknowledged, none lost or booked twice\n",
		ROUNDS, (long long)all);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_full_disk_books_nothing_by_half),
		TEST(test_what_was_booked_outlives_kill_9),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
