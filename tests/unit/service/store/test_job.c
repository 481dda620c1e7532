/* SPDX-License-Identifier: MIT */
/* service/store/job.c, job_sync.c and repository.c. */
#include "boxcore/base/cleanup.h"
#include "boxcore/base/mem.h"
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

static struct store_job_new job_new(const char *name, const char *hash)
{
	return (struct store_job_new){.name = name,
		.spec = "{}",
		.spec_hash = hash,
		.cron = "0 6 * * *",
		.timezone = "UTC",
		.next_ms = 1000};
}

static void sync_jobs(const char *source, const struct store_job_new *jobs, size_t count)
{
	struct err err = {0};

	OK(store_jobs_sync(
		world.store, 1, 7, "octo", "hello", source, jobs, count, NULL, &err));
}

/* The one job of the name; zeroed when it is gone. */
static void find(const char *name, struct store_job *ret)
{
	struct store_jobs list = {0};
	struct err err = {0};

	store_job_release(ret);
	OK(store_job_list(world.store, 1, 0, 0, &list, &err));
	for (size_t i = 0; i < list.count; i++)
		if (str_eq(list.rows[i].name, name)) {
			*ret = list.rows[i];
			memset(&list.rows[i], 0, sizeof list.rows[i]);
		}
	store_jobs_release(&list);
}

static int64_t one_job(void)
{
	CLEANUP(store_job) struct store_job row = {0};
	struct store_job_new job = job_new("tidy", "h1");

	sync_jobs("repository", &job, 1);
	find("tidy", &row);
	return row.id;
}

static void test_sync_makes_rows_as_the_source_says(void **state)
{
	struct store_job_new jobs[3] = {
		job_new("a", "h1"), job_new("b", "h1"), job_new("c", "h1")};
	CLEANUP(store_job) struct store_job a = {0}, b = {0}, c = {0};
	struct err err = {0};

	(void)state;
	sync_jobs("repository", jobs, 3);
	find("a", &a);
	assert_string_equal(a.owner, "octo");
	assert_string_equal(a.cron, "0 6 * * *");
	assert_string_equal(a.source, "repository");
	assert_int_equal(a.next_ms, 1000);
	find("b", &b);
	OK(store_job_settle(
		world.store, a.id, 1000, 2000, "ran", NULL, 1001, NULL, NULL, &err));
	OK(store_job_pull(world.store, a.id, 9, "tree", NULL, &err));
	OK(store_job_result(world.store, b.id, false, "broke", 1, 1, NULL, &err));
	OK(store_job_pull(world.store, b.id, 9, "tree", NULL, &err));
	/* a as it was at another place, b changed, c no more. */
	jobs[0].next_ms = 5000;
	jobs[1].spec_hash = "h2";
	jobs[1].next_ms = 6000;
	OK(store_jobs_sync(
		world.store, 1, 8, "octo", "moved", "repository", jobs, 2, NULL, &err));
	find("a", &a);
	assert_int_equal(a.next_ms, 2000);
	assert_string_equal(a.declined, "tree");
	assert_string_equal(a.repo, "moved");
	assert_int_equal(a.installation_id, 8);
	find("b", &b);
	assert_int_equal(b.next_ms, 6000);
	assert_string_equal(b.state, "active");
	assert_int_equal(b.failures, 0);
	assert_null(b.paused_why);
	assert_null(b.declined);
	find("c", &c);
	assert_int_equal(c.id, 0);
	/* c comes back as it was: a closed pull request still counts. */
	jobs[2].next_ms = 7000;
	sync_jobs("repository", jobs, 3);
	find("c", &c);
	assert_string_equal(c.state, "active");
	assert_int_equal(c.next_ms, 7000);
}

static void test_what_comes_back_unchanged_is_still_declined(void **state)
{
	CLEANUP(store_job) struct store_job row = {0};
	struct store_job_new job = job_new("tidy", "h1");
	struct err err = {0};
	int64_t id = one_job();

	(void)state;
	OK(store_job_pull(world.store, id, 0, "tree", NULL, &err));
	sync_jobs("repository", NULL, 0);
	OK(store_job_get(world.store, id, &row, &err));
	assert_string_equal(row.state, "gone");
	sync_jobs("repository", &job, 1);
	find("tidy", &row);
	assert_int_equal(row.id, id);
	assert_string_equal(row.declined, "tree");
}

static void test_the_operators_name_stands_above(void **state)
{
	struct store_job_new theirs = job_new("tidy", "op"),
			     ours = job_new("tidy", "repo");
	CLEANUP(store_job) struct store_job row = {0};

	(void)state;
	sync_jobs("repository", &ours, 1);
	sync_jobs("operator", &theirs, 1);
	find("tidy", &row);
	assert_string_equal(row.source, "operator");
	sync_jobs("repository", &ours, 1);
	find("tidy", &row);
	assert_string_equal(row.spec_hash, "op");
	sync_jobs("repository", NULL, 0); /* not theirs to end */
	find("tidy", &row);
	assert_true(row.id > 0);
	sync_jobs("operator", NULL, 0);
	sync_jobs("repository", &ours, 1);
	find("tidy", &row);
	assert_string_equal(row.source, "repository");
}

static void test_sync_is_bounded(void **state)
{
	struct store_job_new jobs[STORE_JOBS_MAX + 1];
	struct err err = {0};

	(void)state;
	for (int i = 0; i <= STORE_JOBS_MAX; i++)
		jobs[i] = job_new("x", "h");
	assert_int_equal(store_jobs_sync(world.store, 1, 7, "o", "r", "repository", jobs,
				 STORE_JOBS_MAX + 1, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_int_equal(store_jobs_sync(world.store, 1, 7, "o", "r", "repository", jobs,
				 2, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, "'x'"));
	jobs[0].name = "";
	assert_int_equal(store_jobs_sync(world.store, 1, 7, "o", "r", "repository", jobs,
				 1, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_INPUT);
}

static void test_a_slot_is_settled_once(void **state)
{
	CLEANUP(store_job) struct store_job row = {0};
	CLEANUP(store_task) struct store_task task = {0};
	CLEANUP(store_tasks) struct store_tasks list = {0};
	struct store_task_new what = store_world_task("1/job/tidy", 1, 1001);
	struct err err = {0};
	int64_t id = one_job(), made = -1;

	(void)state;
	OK(store_job_settle(
		world.store, id, 1000, 2000, "started", &what, 1001, &made, NULL, &err));
	assert_true(made > 0);
	OK(store_task_get(world.store, made, &task, &err));
	assert_int_equal(task.job_id, id);
	OK(store_job_get(world.store, id, &row, &err));
	assert_int_equal(row.last_slot_ms, 1000);
	assert_int_equal(row.next_ms, 2000);
	assert_string_equal(row.last_note, "started");
	assert_int_equal(row.last_ms, 1001);
	assert_int_equal(row.task_id, made);
	for (int64_t slot = 999; slot <= 1000; slot++) {
		int64_t again = -1;

		assert_int_equal(store_job_settle(world.store, id, slot, 3000, "again",
					 &what, 1002, &again, NULL, &err),
			-1);
		assert_int_equal(err.kind, ERR_CONFLICT);
		assert_int_equal(again, -1);
	}
	store_job_release(&row);
	OK(store_job_get(world.store, id, &row, &err));
	assert_int_equal(row.next_ms, 2000);
	struct store_task_filter filter = {.job_id = id};
	OK(store_task_list(world.store, &filter, &list, &err));
	assert_int_equal(list.count, 1);
	filter.lane = "x";
	store_tasks_release(&list);
	assert_int_equal(store_task_list(world.store, &filter, &list, &err), -1);
	filter = (struct store_task_filter){.job_id = id, .state = "done"};
	OK(store_task_list(world.store, &filter, &list, &err));
	assert_int_equal(list.count, 0);
}

static void test_no_run_while_the_last_one_runs(void **state)
{
	CLEANUP(store_job) struct store_job row = {0};
	CLEANUP(store_task) struct store_task task = {0};
	struct store_task_new what = store_world_task("1/job/tidy", 1, 1001);
	struct err err = {0};
	int64_t id = one_job(), made = 0, second = -1;

	(void)state;
	OK(store_job_settle(
		world.store, id, 1000, 2000, NULL, &what, 1001, &made, NULL, &err));
	OK(store_job_settle(
		world.store, id, 2000, 3000, NULL, &what, 2001, &second, NULL, &err));
	assert_int_equal(second, 0);
	OK(store_job_get(world.store, id, &row, &err));
	assert_non_null(strstr(row.last_note, "has not ended"));
	assert_int_equal(row.task_id, made);
	assert_int_equal(row.next_ms, 3000);
	assert_int_equal(
		store_job_start(world.store, id, &what, &second, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	store_world_claim(&world, "w:1", 2001, &task);
	OK(store_task_finish(
		world.store, &task, STORE_TASK_DONE, "x", "y", 2002, NULL, &err));
	OK(store_job_start(world.store, id, &what, &second, NULL, &err));
	assert_true(second > made);
	store_job_release(&row);
	OK(store_job_get(world.store, id, &row, &err));
	assert_int_equal(row.task_id, second);
	assert_int_equal(row.last_slot_ms, 2000); /* no slot was used up */
}

static void test_results_pause_after_failures(void **state)
{
	CLEANUP(store_job) struct store_job row = {0};
	struct store_task_new what = store_world_task("1/job/tidy", 1, 1001);
	struct err err = {0};
	int64_t id = one_job(), made = 0;

	(void)state;
	OK(store_job_result(world.store, id, false, "one", 1, 3, NULL, &err));
	OK(store_job_result(world.store, id, true, "good", 2, 3, NULL, &err));
	for (int i = 0; i < 2; i++)
		OK(store_job_result(world.store, id, false, "bad", 3, 3, NULL, &err));
	OK(store_job_get(world.store, id, &row, &err));
	assert_string_equal(row.state, "active");
	assert_int_equal(row.failures, 2);
	OK(store_job_result(world.store, id, false, "third", 4, 3, NULL, &err));
	store_job_release(&row);
	OK(store_job_get(world.store, id, &row, &err));
	assert_string_equal(row.state, "paused");
	assert_string_equal(row.paused_why, "third");
	assert_int_equal(row.last_ms, 4);
	assert_int_equal(store_job_settle(world.store, id, 1000, 2000, NULL, &what, 5,
				 &made, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	OK(store_job_resume(world.store, id, 4000, NULL, &err));
	store_job_release(&row);
	OK(store_job_get(world.store, id, &row, &err));
	assert_string_equal(row.state, "active");
	assert_null(row.paused_why);
	assert_int_equal(row.failures, 0);
	assert_int_equal(row.next_ms, 4000);
	for (int i = 0; i < 9; i++)
		OK(store_job_result(world.store, id, false, "bad", 6, 0, NULL, &err));
	store_job_release(&row);
	OK(store_job_get(world.store, id, &row, &err));
	assert_string_equal(row.state, "active");
	OK(store_job_pause(world.store, id, "by @x", NULL, &err));
	assert_int_equal(store_job_pause(world.store, 77, "by @x", NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	OK(store_job_start(
		world.store, id, &what, &made, NULL, &err)); /* a person's wish */
}

static void test_what_is_gone_is_left_alone(void **state)
{
	CLEANUP(store_jobs) struct store_jobs list = {0};
	struct store_task_new what = store_world_task("1/job/tidy", 1, 1001);
	struct err err = {0};
	int64_t id = one_job(), made = 0;

	(void)state;
	sync_jobs("repository", NULL, 0);
	assert_int_equal(store_job_settle(world.store, id, 1000, 2000, NULL, &what, 5,
				 &made, NULL, &err),
		-1);
	assert_int_equal(store_job_start(world.store, id, &what, &made, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_int_equal(store_job_resume(world.store, id, 1, NULL, &err), -1);
	assert_int_equal(store_job_pause(world.store, id, "x", NULL, &err), -1);
	OK(store_job_due(world.store, 9000, 0, &list, &err));
	assert_int_equal(list.count, 0);
}

static void test_due_and_pages(void **state)
{
	CLEANUP(store_jobs) struct store_jobs list = {0};
	struct store_job_new jobs[3] = {
		job_new("c", "h"), job_new("a", "h"), job_new("b", "h")};
	struct err err = {0};

	(void)state;
	jobs[0].next_ms = 300;
	jobs[1].next_ms = 0; /* never */
	jobs[2].next_ms = 200;
	sync_jobs("repository", jobs, 3);
	OK(store_jobs_sync(world.store, 2, 7, "o", "r", "operator", jobs, 3, NULL, &err));
	OK(store_job_due(world.store, 199, 0, &list, &err));
	assert_int_equal(list.count, 0);
	store_jobs_release(&list);
	OK(store_job_due(world.store, 300, 3, &list, &err));
	assert_int_equal(list.count, 3);
	assert_int_equal(list.rows[0].next_ms, 200);
	assert_int_equal(list.rows[2].next_ms, 300);
	store_jobs_release(&list);
	/* All of them, two at a time, by repository and name. */
	const char *const names[] = {"a", "b", "c", "a", "b", "c"};
	int64_t after = 0;
	for (int i = 0; i < 6;) {
		OK(store_job_list(world.store, 0, after, 2, &list, &err));
		assert_int_equal(list.count, 2);
		for (size_t n = 0; n < 2; n++, i++) {
			assert_string_equal(list.rows[n].name, names[i]);
			assert_int_equal(list.rows[n].repo_id, i < 3 ? 1 : 2);
			after = list.rows[n].id;
		}
		store_jobs_release(&list);
	}
	OK(store_job_list(world.store, 0, after, 2, &list, &err));
	assert_int_equal(list.count, 0);
	store_jobs_release(&list);
	OK(store_job_list(world.store, 2, 0, 2, &list, &err));
	assert_int_equal(list.count, 2);
	after = list.rows[1].id;
	store_jobs_release(&list);
	OK(store_job_list(world.store, 2, after, 2, &list, &err));
	assert_int_equal(list.count, 1);
	assert_string_equal(list.rows[0].name, "c");
}

/* ---- two at the same slot --------------------------------------------------------------- */

#define CALLERS 6
#define SLOTS 40

struct caller {
	int64_t job;
	int made, skipped, late;
};

static void *settle_all(void *arg)
{
	struct caller *caller = arg;

	for (int64_t slot = 1; slot <= SLOTS; slot++) {
		char lane[32];
		struct store_task_new what = store_world_task(lane, 1, slot);
		struct err err = {0};
		int64_t made = 0;

		snprintf(lane, sizeof lane, "1/job/tidy");
		if (store_job_settle(world.store, caller->job, slot, slot + 1, NULL,
			    &what, slot, &made, NULL, &err) == 0) {
			caller->made += made > 0;
			caller->skipped += made == 0;
		} else {
			assert_int_equal(err.kind, ERR_CONFLICT);
			caller->late++;
		}
	}
	return NULL;
}

static void test_a_slot_from_many_sides_is_one(void **state)
{
	CLEANUP(store_tasks) struct store_tasks list = {0};
	struct caller callers[CALLERS] = {0};
	pthread_t threads[CALLERS];
	struct err err = {0};
	int64_t id = one_job();
	int made = 0, skipped = 0, late = 0;

	(void)state;
	for (int i = 0; i < CALLERS; i++) {
		callers[i].job = id;
		OK(thread_start(&threads[i], "tick", settle_all, &callers[i], &err));
	}
	for (int i = 0; i < CALLERS; i++) {
		thread_join(threads[i]);
		made += callers[i].made;
		skipped += callers[i].skipped;
		late += callers[i].late;
	}
	/* Nobody works: the first slot's task stands, the others are skipped, none twice. */
	assert_int_equal(made, 1);
	assert_true(made + skipped <= SLOTS);
	assert_int_equal(made + skipped + late, CALLERS * SLOTS);
	struct store_task_filter filter = {.job_id = id};
	OK(store_task_list(world.store, &filter, &list, &err));
	assert_int_equal(list.count, 1);
}

/* ---- repositories ----------------------------------------------------------------------- */

static void test_repositories(void **state)
{
	CLEANUP(store_repository) struct store_repository row = {0};
	CLEANUP(store_repositories) struct store_repositories list = {0};
	struct err err = {0};

	(void)state;
	OK(store_repository_put(
		world.store, 1, 7, "Octo", "Hello", "active", NULL, &err));
	OK(store_repository_put(world.store, 2, 7, "octo", "two", "active", NULL, &err));
	OK(store_repository_put(world.store, 3, 8, "cat", "three", "active", NULL, &err));
	OK(store_repository_find(world.store, "octo", "HELLO", &row, &err));
	assert_int_equal(row.repo_id, 1);
	assert_string_equal(row.owner, "Octo");
	assert_null(row.rules_oid);
	store_repository_release(&row);
	assert_int_equal(
		store_repository_find(world.store, "octo", "none", &row, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	OK(store_repository_looked(world.store, 1, "abc", 500, NULL, &err));
	OK(store_repository_looked(world.store, 2, NULL, 400, NULL, &err));
	OK(store_repository_dashboard(world.store, 1, 33, "hash", NULL, &err));
	OK(store_repository_get(world.store, 1, &row, &err));
	assert_string_equal(row.rules_oid, "abc");
	assert_int_equal(row.dashboard, 33);
	assert_string_equal(row.dashboard_hash, "hash");
	OK(store_repository_list(world.store, 0, 2, &list, &err));
	assert_int_equal(list.count, 2);
	assert_int_equal(list.rows[0].repo_id, 3); /* never looked at */
	assert_int_equal(list.rows[1].repo_id, 2);
	store_repositories_release(&list);
	/* The same again changes nothing; one that comes back is looked at anew. */
	OK(store_repository_put(
		world.store, 1, 7, "Octo", "Hello", "active", NULL, &err));
	store_repository_release(&row);
	OK(store_repository_get(world.store, 1, &row, &err));
	assert_int_equal(row.looked_ms, 500);
	OK(store_repository_put(world.store, 1, 7, "Octo", "Hello", "gone", NULL, &err));
	OK(store_repository_list(world.store, 7, 0, &list, &err));
	assert_int_equal(list.count, 1);
	assert_int_equal(list.rows[0].repo_id, 2);
	/* Another one has its name now. */
	OK(store_repository_put(
		world.store, 9, 8, "octo", "hello", "active", NULL, &err));
	store_repository_release(&row);
	OK(store_repository_find(world.store, "octo", "hello", &row, &err));
	assert_int_equal(row.repo_id, 9);
	OK(store_repository_put(world.store, 1, 7, "Octo", "Old", "active", NULL, &err));
	store_repository_release(&row);
	OK(store_repository_get(world.store, 1, &row, &err));
	assert_int_equal(row.looked_ms, 0);
	assert_int_equal(row.dashboard, 33);
	assert_int_equal(
		store_repository_looked(world.store, 77, "x", 1, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sync_makes_rows_as_the_source_says),
		TEST(test_what_comes_back_unchanged_is_still_declined),
		TEST(test_the_operators_name_stands_above),
		TEST(test_sync_is_bounded),
		TEST(test_a_slot_is_settled_once),
		TEST(test_no_run_while_the_last_one_runs),
		TEST(test_results_pause_after_failures),
		TEST(test_what_is_gone_is_left_alone),
		TEST(test_due_and_pages),
		TEST(test_a_slot_from_many_sides_is_one),
		TEST(test_repositories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
