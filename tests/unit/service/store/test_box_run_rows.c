/* SPDX-License-Identifier: MIT */
/* service/store/box_run.c, box_run_end.c, and what waits for a commit (writer.c). */
#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "service/store/store-internal.h"
#include "tests/lib/store_box_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct store_world world;

static int set_up(void **state)
{
	(void)state;
	store_world_start(&world);
	store_world_add_box(&world, "b", "a", NULL, 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	store_world_stop(&world);
	return 0;
}

#define DAY 1769817600000LL /* 2026-01-31 */

static void get(const char *id, struct store_box_run *ret)
{
	store_box_run_release(ret);
	OK(store_box_run_get(world.store, "b", id, ret, err));
}

/* ---- from the beginning to the end ------------------------------------------------------ */

static void test_a_run_from_beginning_to_end(void **state)
{
	CLEANUP(store_box_run) struct store_box_run got = {0};
	CLEANUP(store_box) struct store_box box = {0};
	CLEANUP(store_usages) struct store_usages days = {0};
	struct store_box_run run = store_world_run("r", "b", DAY);
	struct store_box_run_end end = {.state = STORE_BOX_RUN_COMPLETED,
		.exit_code = 0,
		.output = "done",
		.session_id = "sess",
		.tokens_in = 10,
		.tokens_out = 20,
		.tokens_cached = 5,
		.tokens_usd = 0.25,
		.compute_usd = 0.125,
		.cpu_us = 700,
		.memory_peak = 900,
		.webhook = true,
		.completed_ms = DAY + 50};

	(void)state;
	run.type = STORE_BOX_RUN_AGENT;
	run.model = (char[]){"m"};
	run.schedule_id = (char[]){"s"};
	run.detail = (char[]){"{\"x\":1}"};
	run.sealed = (char[]){"s1.y"};
	OK(store_box_run_add(world.store, &run, NULL, err));
	get("r", &got);
	assert_int_equal(got.state, STORE_BOX_RUN_RUNNING);
	assert_int_equal(got.type, STORE_BOX_RUN_AGENT);
	assert_string_equal(got.prompt, "sh -c true");
	assert_string_equal(got.model, "m");
	assert_string_equal(got.schedule_id, "s");
	assert_string_equal(got.detail, "{\"x\":1}");
	assert_string_equal(got.sealed, "s1.y");
	assert_int_equal(got.exit_code, -1);
	assert_false(got.settled);
	assert_int_equal(got.webhook_state, STORE_WEBHOOK_NONE);

	OK(store_box_run_progress(world.store, "r", 77, "state", NULL, NULL, err));
	OK(store_box_run_progress(world.store, "r", 99, NULL, "early", NULL, err));
	get("r", &got);
	assert_int_equal(got.offset, 99);
	assert_string_equal(got.reader, "state");
	assert_string_equal(got.session_id, "early");

	OK(store_box_run_finish(world.store, "r", &end, NULL, err));
	get("r", &got);
	assert_int_equal(got.state, STORE_BOX_RUN_COMPLETED);
	assert_true(got.settled);
	assert_int_equal(got.exit_code, 0);
	assert_string_equal(got.output, "done");
	assert_null(got.error);
	assert_null(got.reader);
	assert_string_equal(got.session_id, "sess");
	assert_int_equal(got.tokens_in, 10);
	assert_int_equal(got.tokens_out, 20);
	assert_int_equal(got.tokens_cached, 5);
	assert_true(got.tokens_usd == 0.25);
	assert_true(got.compute_usd == 0.125);
	assert_int_equal(got.cpu_us, 700);
	assert_int_equal(got.memory_peak, 900);
	assert_int_equal(got.completed_ms, DAY + 50);
	assert_int_equal(got.webhook_state, STORE_WEBHOOK_DUE);

	OK(store_box_get(world.store, "b", &box, err));
	assert_int_equal(box.run_cpu_us, 700);
	assert_int_equal(box.cpu_us, 0); /* the meter's */
	assert_int_equal(box.tokens_in, 10);
	assert_int_equal(box.tokens_out, 20);
	assert_int_equal(box.tokens_cached, 5);
	assert_true(box.tokens_usd == 0.25);
	assert_int_equal(box.prompts, 1);
	assert_string_equal(box.session_id, "sess");
	OK(store_account_usage_list(
		world.store, "a", "2026-01-31", "2026-01-31", &days, err));
	assert_int_equal(days.count, 1);
	assert_int_equal(days.rows[0].runs, 1);
	assert_int_equal(days.rows[0].tokens_in, 10);
	assert_int_equal(days.rows[0].tokens_out, 20);
	assert_true(days.rows[0].tokens_usd == 0.25);
}

static void test_settled_by_exactly_one(void **state)
{
	CLEANUP(store_box) struct store_box box = {0};
	struct store_box_run_end end = {
		.state = STORE_BOX_RUN_COMPLETED, .cpu_us = 5, .completed_ms = DAY};

	(void)state;
	store_world_add_run(&world, "r", "b", 1);
	OK(store_box_run_finish(world.store, "r", &end, NULL, err));
	REFUSED(store_box_run_finish(world.store, "r", &end, NULL, err), ERR_CONFLICT,
		"completed");
	REFUSED(store_box_run_progress(world.store, "r", 1, NULL, NULL, NULL, err),
		ERR_CONFLICT, "ended");
	REFUSED(store_box_run_finish(world.store, "nil", &end, NULL, err), ERR_NOT_FOUND,
		"no such run");
	end.state = STORE_BOX_RUN_RUNNING;
	REFUSED(store_box_run_finish(world.store, "r", &end, NULL, err), ERR_INTERNAL,
		"running");
	OK(store_box_get(world.store, "b", &box, err));
	assert_int_equal(box.run_cpu_us, 5);
	assert_int_equal(box.prompts, 0);
}

static void test_a_cancelled_run_stays_cancelled(void **state)
{
	CLEANUP(store_box_run) struct store_box_run got = {0};
	CLEANUP(store_box_runs) struct store_box_runs open = {0};
	CLEANUP(store_box) struct store_box box = {0};
	struct store_box_run_end end = {.state = STORE_BOX_RUN_FAILED,
		.exit_code = 137,
		.error = "killed",
		.cpu_us = 5,
		.completed_ms = 30};
	bool was = false;

	(void)state;
	store_world_add_run(&world, "r", "b", 1);
	OK(store_box_run_cancel(world.store, "r", "asked", 20, &was, NULL, err));
	assert_true(was);
	OK(store_box_run_cancel(world.store, "r", "again", 25, &was, NULL, err));
	assert_false(was);
	OK(store_box_run_list_open(world.store, "b", &open, err));
	assert_int_equal(open.count, 1); /* its driver still has to settle it */
	OK(store_box_run_finish(world.store, "r", &end, NULL, err));
	get("r", &got);
	assert_int_equal(got.state, STORE_BOX_RUN_CANCELLED);
	assert_string_equal(got.error, "asked");
	assert_int_equal(got.completed_ms, 20);
	assert_int_equal(got.exit_code, 137);
	assert_int_equal(got.cpu_us, 5);
	OK(store_box_get(world.store, "b", &box, err));
	assert_int_equal(box.run_cpu_us, 5);
	OK(store_box_run_cancel(world.store, "r", "late", 40, &was, NULL, err));
	assert_false(was);
}

static void test_no_runs_without_a_box(void **state)
{
	struct store_box_run run = store_world_run("r", "task-41", 1);
	struct store_box_run_end end = {
		.state = STORE_BOX_RUN_COMPLETED, .completed_ms = 1};
	struct store_box_move move = {
		.from = STORE_BOX_ANY, .to = STORE_BOX_DELETING, .now_ms = 2};

	(void)state;
	REFUSED(store_box_run_add(world.store, &run, NULL, err), ERR_NOT_FOUND,
		"no such box");
	store_box_run_add_async(world.store, &run);
	REFUSED(store_box_run_finish(world.store, "r", &end, NULL, err), ERR_NOT_FOUND,
		"no such run");
	OK(store_box_set_state(world.store, "b", &move, NULL, err));
	run.box_id = (char[]){"b"};
	REFUSED(store_box_run_add(world.store, &run, NULL, err), ERR_NOT_FOUND, "box");
}

static void test_hostile_text_is_cut_and_cleaned(void **state)
{
	CLEANUP(store_box_run) struct store_box_run got = {0};
	struct store_box_run run = store_world_run("r", "b", 1);
	size_t len = 3 * LIMIT_MIB;
	CLEANUP(mem) char *text = mem_zalloc(len + 1);
	CLEANUP(mem) char *bad = mem_zalloc(LIMIT_BOX_RUN_OUTPUT + 1);
	struct store_box_run_end end = {.state = STORE_BOX_RUN_COMPLETED,
		.output = text,
		.error = bad,
		.completed_ms = 1};

	(void)state;
	memset(text, 'x', len);
	memset(bad, 0xff, LIMIT_BOX_RUN_OUTPUT); /* each becomes three bytes */
	run.prompt = text;
	store_box_run_add_async(world.store, &run);
	OK(store_box_run_finish(world.store, "r", &end, NULL, err));
	get("r", &got);
	assert_int_equal(strlen(got.prompt), LIMIT_BOX_RUN_PROMPT);
	assert_int_equal(strlen(got.output), LIMIT_BOX_RUN_OUTPUT);
	assert_true(strlen(got.error) <= LIMIT_STORE_TEXT);
	assert_true(str_is_utf8(got.error, strlen(got.error)));
	/* Other texts are refused over the limit, and nothing is changed. */
	run = store_world_run("s", "b", 1);
	run.detail = text;
	REFUSED(store_box_run_add(world.store, &run, NULL, err), ERR_LIMIT, "1048576");
	REFUSED(store_box_run_get(world.store, "b", "s", &got, err), ERR_NOT_FOUND,
		"run");
}

static void test_skipped(void **state)
{
	CLEANUP(store_box_run) struct store_box_run got = {0};
	CLEANUP(store_usages) struct store_usages days = {0};
	struct store_box_run run = store_world_run("r", "b", DAY);

	(void)state;
	run.schedule_id = (char[]){"s"};
	OK(store_box_run_add_skipped(world.store, &run, "still running", NULL, err));
	get("r", &got);
	assert_int_equal(got.state, STORE_BOX_RUN_SKIPPED);
	assert_true(got.settled);
	assert_string_equal(got.error, "still running");
	assert_int_equal(got.completed_ms, DAY);
	OK(store_account_usage_list(
		world.store, "a", "2026-01-31", "2026-01-31", &days, err));
	assert_int_equal(days.count, 0);
}

/* ---- lists ------------------------------------------------------------------------------ */

static void test_lists(void **state)
{
	CLEANUP(store_box_runs) struct store_box_runs list = {0};
	CLEANUP(store_box_runs) struct store_box_runs open = {0};
	CLEANUP(store_box_runs) struct store_box_runs mine = {0};
	struct store_box_run_end end = {
		.state = STORE_BOX_RUN_COMPLETED, .completed_ms = 1};

	(void)state;
	store_world_add_box(&world, "c", "a", NULL, 1);
	store_world_add_run(&world, "r1", "b", 5);
	store_world_add_run(&world, "r2", "b", 5);
	store_world_add_run(&world, "r3", "b", 4);
	store_world_add_run(&world, "r4", "c", 9);
	OK(store_box_run_finish(world.store, "r1", &end, NULL, err));
	OK(store_box_run_list(world.store, "b", 0, &list, err));
	assert_int_equal(list.count, 3);
	assert_string_equal(list.rows[0].id, "r2");
	assert_string_equal(list.rows[1].id, "r1");
	assert_string_equal(list.rows[2].id, "r3");
	store_box_runs_release(&list);
	OK(store_box_run_list(world.store, "b", 1, &list, err));
	assert_int_equal(list.count, 1);
	OK(store_box_run_list_open(world.store, NULL, &open, err));
	assert_int_equal(open.count, 3);
	OK(store_box_run_list_open(world.store, "b", &mine, err));
	assert_int_equal(mine.count, 2);
	CLEANUP(store_box_run) struct store_box_run got = {0};
	REFUSED(store_box_run_get(world.store, "c", "r1", &got, err), ERR_NOT_FOUND,
		"no such run"); /* of another box */
}

static void test_a_page_is_bounded_by_bytes(void **state)
{
	CLEANUP(store_box_runs) struct store_box_runs list = {0};
	CLEANUP(mem) char *text = mem_zalloc(LIMIT_BOX_RUN_OUTPUT + 1);
	struct store_box_run_end end = {
		.state = STORE_BOX_RUN_COMPLETED, .output = text, .completed_ms = 1};

	(void)state;
	memset(text, 'x', LIMIT_BOX_RUN_OUTPUT);
	for (int i = 0; i < 40; i++) {
		char id[32];

		snprintf(id, sizeof id, "r%d", i);
		store_world_add_run(&world, id, "b", i);
		OK(store_box_run_finish(world.store, id, &end, NULL, err));
	}
	OK(store_box_run_list(world.store, "b", 500, &list, err));
	assert_true(list.count >= 15 && list.count <= 17);
	assert_string_equal(list.rows[0].id, "r39");
}

static void test_old_runs_go(void **state)
{
	CLEANUP(store_box_run) struct store_box_run got = {0};
	struct store_figures figures = {0};
	int64_t total = 0;

	(void)state;
	store_world_add_run(&world, "first", "b", 0); /* is not settled: stays */
	for (int i = 0; i < LIMIT_BOX_RUN_ROWS + 600; i++) {
		char id[32];
		struct store_box_run run;

		snprintf(id, sizeof id, "r%d", i);
		run = store_world_run(id, "b", 1 + i);
		store_box_run_add_async(world.store, &run);
		/* Settled by hand: the verb would wait for each. */
		if (i % 1000 == 0)
			store_world_flush(&world);
	}
	store_world_flush(&world);
	{
		struct err err = {0};
		struct conn conn = {0};
		CLEANUP(mem) char *path = mem_strdup(world.store->path);

		assert_int_equal(conn_open(&conn, path, true, &err), 0);
		assert_int_equal(conn_exec(&conn,
					 "UPDATE box_run SET settled=1,state='completed' "
					 "WHERE id<>'first'",
					 &err),
			0);
		conn_close(&conn);
	}
	for (int i = 0; i < 600; i++) {
		char id[32];
		struct store_box_run run;

		snprintf(id, sizeof id, "s%d", i);
		run = store_world_run(id, "b", 100000 + i);
		store_box_run_add_async(world.store, &run);
	}
	store_world_flush(&world);
	OK(store_figures(world.store, &figures, err));
	for (size_t i = 0; i < figures.ncounts; i++)
		if (str_eq(figures.counts[i].table, "box_run"))
			total += figures.counts[i].count;
	assert_true(total > LIMIT_BOX_RUN_ROWS - 1);
	assert_true(total < LIMIT_BOX_RUN_ROWS + 300);
	get("first", &got);
	REFUSED(store_box_run_get(world.store, "b", "r0", &got, err), ERR_NOT_FOUND,
		"run");
}

/* Receivers of one account that hang do not hold up those of another. */
static void test_webhooks_of_many_accounts(void **state)
{
	CLEANUP(store_box_runs) struct store_box_runs due = {0};
	struct store_box_run_end end = {
		.state = STORE_BOX_RUN_FAILED, .completed_ms = 50, .webhook = true};
	struct store_box_run theirs = {.id = (char[]){"theirs"},
		.box_id = (char[]){"b"},
		.account = (char[]){"other"},
		.created_ms = 9,
		.prompt = (char[]){"x"}};
	char id[16];

	(void)state;
	for (int i = 0; i < 3 * LIMIT_WEBHOOKS_OF_ONE; i++) {
		snprintf(id, sizeof id, "greedy%d", i);
		store_world_add_run(&world, id, "b", 5);
		OK(store_box_run_finish(world.store, id, &end, NULL, err));
	}
	OK(store_box_run_add(world.store, &theirs, NULL, err));
	end.completed_ms = 60;
	OK(store_box_run_finish(world.store, "theirs", &end, NULL, err));
	OK(store_box_run_list_webhooks(
		world.store, 100, LIMIT_WEBHOOKS_AT_ONCE, &due, err));
	assert_int_equal(due.count, LIMIT_WEBHOOKS_OF_ONE + 1);
	assert_string_equal(due.rows[due.count - 1].id, "theirs");
}

static void test_webhooks(void **state)
{
	CLEANUP(store_box_runs) struct store_box_runs due = {0};
	CLEANUP(store_box_run) struct store_box_run got = {0};
	struct store_box_run_end end = {
		.state = STORE_BOX_RUN_FAILED, .completed_ms = 50, .webhook = true};

	(void)state;
	store_world_add_run(&world, "r", "b", 5);
	store_world_add_run(&world, "s", "b", 5);
	OK(store_box_run_finish(world.store, "r", &end, NULL, err));
	end.webhook = false;
	OK(store_box_run_finish(world.store, "s", &end, NULL, err));
	OK(store_box_run_list_webhooks(world.store, 49, 0, &due, err));
	assert_int_equal(due.count, 0);
	OK(store_box_run_list_webhooks(world.store, 50, 0, &due, err));
	assert_int_equal(due.count, 1);
	assert_string_equal(due.rows[0].id, "r");
	store_box_runs_release(&due);
	OK(store_box_run_set_webhook(world.store, "r", STORE_WEBHOOK_DUE, 80, NULL, err));
	OK(store_box_run_list_webhooks(world.store, 79, 0, &due, err));
	assert_int_equal(due.count, 0);
	OK(store_box_run_set_webhook(world.store, "r", STORE_WEBHOOK_SENT, 0, NULL, err));
	OK(store_box_run_list_webhooks(world.store, 500, 0, &due, err));
	assert_int_equal(due.count, 0);
	get("r", &got);
	assert_int_equal(got.webhook_state, STORE_WEBHOOK_SENT);
	assert_int_equal(got.webhook_tries, 2);
	REFUSED(store_box_run_set_webhook(
			world.store, "nil", STORE_WEBHOOK_SENT, 0, NULL, err),
		ERR_NOT_FOUND, "run");
}

/* ---- commits ---------------------------------------------------------------------------- */

static int64_t batches(void)
{
	struct store_figures figures = {0};

	OK(store_figures(world.store, &figures, err));
	return figures.batches;
}

/* What a short command writes: all of it in the one commit that somebody waits for. */
static void short_command(int i)
{
	struct store_box_run_end end = {
		.state = STORE_BOX_RUN_COMPLETED, .cpu_us = 900, .completed_ms = DAY};
	struct store_box_run run;
	char id[32];

	snprintf(id, sizeof id, "run-%d", i);
	run = store_world_run(id, "b", DAY);
	store_box_touch(world.store, "b", DAY + i);
	store_box_run_add_async(world.store, &run);
	OK(store_box_run_finish(world.store, id, &end, NULL, err));
	store_box_meter(world.store, "b",
		&(struct store_box_meter){
			.boot = "x", .boot_cpu_us = 1000L * i, .now_ms = DAY});
	store_box_touch(world.store, "b", DAY + i);
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void test_a_short_command_is_one_commit(void **state)
{
	enum { RUNS = 400 };
	CLEANUP(store_box) struct store_box box = {0};
	int64_t took[RUNS], before;

	(void)state;
	store_world_flush(&world);
	before = batches();
	for (int i = 0; i < RUNS; i++) {
		int64_t started = clock_mono_us();
		short_command(i);
		took[i] = clock_mono_us() - started;
	}
	int64_t commits = batches() - before;
	qsort(took, RUNS, sizeof *took, by_number);
	print_message("# a short command's rows: p50 %.2f ms, p95 %.2f ms, "
		      "%d of them in %lld commits\n",
		(double)took[RUNS / 2] / 1000, (double)took[RUNS * 95 / 100] / 1000, RUNS,
		(long long)commits);
	/* A slow disk lets lazy ones come due in between. */
	assert_true(commits <= RUNS + RUNS / 4);
	store_world_flush(&world);
	OK(store_box_get(world.store, "b", &box, err));
	assert_int_equal(box.run_cpu_us, 900 * RUNS);
	assert_int_equal(box.cpu_us, 1000 * (RUNS - 1));
}

static void *commands(void *arg)
{
	int first = *(int *)arg;

	for (int i = first; i < first + 100; i++) {
		struct store_box_run_end end = {
			.state = STORE_BOX_RUN_COMPLETED, .completed_ms = DAY};
		struct store_box_run run;
		struct err err = {0};
		char id[32];

		snprintf(id, sizeof id, "run-%d", i);
		run = store_world_run(id, "b", DAY);
		store_box_run_add_async(world.store, &run);
		if (store_box_run_finish(world.store, id, &end, NULL, &err) < 0)
			*(int *)arg = -1;
	}
	return NULL;
}

static void test_many_at_a_time(void **state)
{
	enum { THREADS = 8 };
	pthread_t threads[THREADS];
	int firsts[THREADS];
	struct err thread_err = {0};
	CLEANUP(store_usages) struct store_usages days = {0};

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		firsts[i] = i * 100;
		assert_int_equal(thread_start(&threads[i], "runs", commands, &firsts[i],
					 &thread_err),
			0);
	}
	for (int i = 0; i < THREADS; i++) {
		thread_join(threads[i]);
		assert_true(firsts[i] >= 0);
	}
	OK(store_account_usage_list(
		world.store, "a", "2026-01-31", "2026-01-31", &days, err));
	assert_int_equal(days.rows[0].runs, THREADS * 100);
}

/* Nobody waits, and it is written all the same, before long. */
static void test_lazy_ones_come_to_the_disk_by_themselves(void **state)
{
	CLEANUP(store_box) struct store_box box = {0};
	int64_t until = clock_mono_ms() + 5000;
	struct store_figures figures;

	(void)state;
	store_world_flush(&world);
	store_box_touch(world.store, "b", 12345);
	OK(store_figures(world.store, &figures, err));
	do {
		store_box_release(&box);
		OK(store_box_get(world.store, "b", &box, err));
	} while (box.active_ms != 12345 && clock_mono_ms() < until);
	assert_int_equal(box.active_ms, 12345);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_run_from_beginning_to_end),
		TEST(test_settled_by_exactly_one),
		TEST(test_a_cancelled_run_stays_cancelled),
		TEST(test_no_runs_without_a_box),
		TEST(test_hostile_text_is_cut_and_cleaned),
		TEST(test_skipped),
		TEST(test_lists),
		TEST(test_a_page_is_bounded_by_bytes),
		TEST(test_old_runs_go),
		TEST(test_webhooks),
		TEST(test_webhooks_of_many_accounts),
		TEST(test_a_short_command_is_one_commit),
		TEST(test_many_at_a_time),
		TEST(test_lazy_ones_come_to_the_disk_by_themselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
