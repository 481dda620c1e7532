/* SPDX-License-Identifier: MIT */
/* service/store/task.c, task_work.c and recover.c: the queue's rules, one by one. */
#include "boxcore/base/cleanup.h"
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"
#include "service/store/store_effect.h"
#include "tests/lib/store_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_a_new_task_keeps_what_it_was_given(void **state)
{
	struct store_task_new task = store_world_task("1#12", 1, 1000);
	CLEANUP(store_task) struct store_task row = {0};
	struct err err = {0};
	int64_t id;

	(void)state;
	task.is_pull = true;
	OK(store_task_add(world.store, &task, &id, NULL, &err));
	OK(store_task_get(world.store, id, &row, &err));
	assert_string_equal(row.lane, "1#12");
	assert_string_equal(row.text, "make it so");
	assert_int_equal(row.installation_id, 7);
	assert_true(row.is_pull);
	assert_string_equal(row.issue_body, "It really does.");
	assert_string_equal(row.requester_login, "octocat");
	assert_string_equal(row.default_branch, "main");
	assert_string_equal(row.step, "prepare");
	assert_int_equal(row.state, STORE_TASK_READY);
	assert_int_equal(row.run_at_ms, 1000);
	assert_int_equal(row.created_ms, 1000);
	assert_null(row.delivery_id);
	assert_null(row.base_oid);
	assert_null(row.lease);
}

static void test_the_missing_is_named(void **state)
{
	struct store_task_new task = store_world_task("", 1, 1000);
	CLEANUP(store_task) struct store_task row = {0};
	struct err err = {0};
	int64_t id = -5;

	(void)state;
	assert_int_equal(store_task_add(world.store, &task, &id, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, "lane"));
	assert_int_equal(id, -5);
	assert_int_equal(store_task_get(world.store, 4711, &row, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_string_equal(err.text, "no task 4711");
}

/* Every fact gets a value of its own, so that two swapped columns cannot hide. */
static void fill_facts(struct store_task *row)
{
	for (size_t i = 0; i < table_task_facts.count; i++) {
		const struct field *field = &table_task_facts.fields[i];
		void *at = (char *)row + field->offset;
		int64_t number = (int64_t)(1000 + i);
		double real = 0.5 + (double)i;
		char text[32];

		snprintf(text, sizeof text, "fact %zu", i);
		if (field->kind == FIELD_INT)
			memcpy(at, &number, sizeof number);
		else if (field->kind == FIELD_REAL)
			memcpy(at, &real, sizeof real);
		else
			store_set(at, text);
	}
}

static void assert_facts(const struct store_task *a, const struct store_task *b)
{
	for (size_t i = 0; i < table_task_facts.count; i++) {
		const struct field *field = &table_task_facts.fields[i];
		const char *at_a = (const char *)a + field->offset;
		const char *at_b = (const char *)b + field->offset;

		if (field->kind == FIELD_INT || field->kind == FIELD_REAL)
			assert_memory_equal(at_a, at_b, 8);
		else
			assert_string_equal(*(char *const *)(const void *)at_a,
				*(char *const *)(const void *)at_b);
	}
}

static void test_save_writes_every_fact(void **state)
{
	CLEANUP(store_task) struct store_task row = {0}, read = {0};
	struct err err = {0};
	int64_t id = store_world_add(&world, "1#1", 1, 10);

	(void)state;
	assert_int_equal(store_world_claim(&world, "a:1", 10, &row), id);
	fill_facts(&row);
	OK(store_task_save(world.store, &row, NULL, &err));
	OK(store_task_get(world.store, id, &read, &err));
	assert_facts(&row, &read);
	assert_string_equal(read.lane, "1#1");
}

/* The bytes of the structure that no table names would be lost without a word. */
static void test_the_tables_cover_the_structure(void **state)
{
	/* Each member takes 8 bytes: the bool and the state are padded to as much. */
	(void)state;
	assert_int_equal(8 * table_task.count, sizeof(struct store_task));
}

static void test_claim_takes_the_due_and_counts(void **state)
{
	CLEANUP(store_task) struct store_task row = {0};
	int64_t late = store_world_add(&world, "1#1", 1, 500);
	int64_t early = store_world_add(&world, "1#2", 1, 100);

	(void)state;
	assert_int_equal(store_world_claim(&world, "a:1", 99, &row), 0);
	assert_int_equal(store_world_claim(&world, "a:1", 600, &row), early);
	assert_string_equal(row.lease, "a:1");
	assert_int_equal(row.state, STORE_TASK_RUNNING);
	assert_int_equal(row.attempt, 1);
	assert_int_equal(row.started_ms, 600);
	assert_int_equal(store_world_claim(&world, "a:2", 600, &row), late);
	assert_int_equal(store_world_claim(&world, "a:3", 600, &row), 0);
}

static void test_a_lane_runs_one_at_a_time(void **state)
{
	CLEANUP(store_task) struct store_task first = {0}, second = {0};
	struct err err = {0};
	int64_t a = store_world_add(&world, "1#1", 1, 1);
	int64_t b = store_world_add(&world, "1#1", 1, 2);

	(void)state;
	assert_int_equal(store_world_claim(&world, "a:1", 10, &first), a);
	assert_int_equal(store_world_claim(&world, "a:2", 10, &second), 0);
	OK(store_task_finish(world.store, &first, STORE_TASK_DONE, "published", "Done.",
		20, NULL, &err));
	assert_int_equal(store_world_claim(&world, "a:2", 30, &second), b);
}

static void test_a_busy_repository_waits_for_an_idle_one(void **state)
{
	CLEANUP(store_task) struct store_task row = {0};
	int64_t other;

	(void)state;
	store_world_add(&world, "1#1", 1, 1);
	store_world_add(&world, "1#2", 1, 2);
	store_world_add(&world, "1#3", 1, 3);
	other = store_world_add(&world, "2#1", 2, 4);
	store_world_claim(&world, "a:1", 10, &row);
	assert_int_equal(row.repo_id, 1);
	assert_int_equal(store_world_claim(&world, "a:2", 10, &row), other);
}

static void test_a_lost_lease_writes_nothing(void **state)
{
	CLEANUP(store_task) struct store_task row = {0}, read = {0};
	struct store_recovered recovered;
	struct err err = {0};
	int64_t id = store_world_add(&world, "1#1", 1, 1);
	bool go_on = true;

	(void)state;
	store_world_claim(&world, "old:1", 10, &row);
	OK(store_recover(world.store, "new", 20, &recovered, NULL, &err));
	store_set(&row.branch, "boxwright/ghost");
	assert_int_equal(store_task_save(world.store, &row, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_non_null(strstr(err.text, "lease lost"));
	assert_int_equal(store_task_finish(world.store, &row, STORE_TASK_DONE, "x", "x",
				 30, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_int_equal(
		store_task_put_back(world.store, &row, 30, true, NULL, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	OK(store_task_check(world.store, &row, &go_on, NULL, &err));
	assert_false(go_on);
	OK(store_task_get(world.store, id, &read, &err));
	assert_null(read.branch);
	assert_int_equal(read.state, STORE_TASK_READY);
	/* A second claim under the same name is another lease only if the name differs:
	 * the worker before it still holds nothing. */
	CLEANUP(store_task) struct store_task again = {0};
	assert_int_equal(store_world_claim(&world, "new:1", 40, &again), id);
	assert_int_equal(store_task_save(world.store, &row, NULL, &err), -1);
}

static void test_finish_ends_it(void **state)
{
	CLEANUP(store_task) struct store_task row = {0}, read = {0};
	struct err err = {0};
	int64_t id = store_world_add(&world, "1#1", 1, 1);

	(void)state;
	store_world_claim(&world, "a:1", 10, &row);
	store_set(&row.pr_url, "https://github.com/octo/hello/pull/3");
	OK(store_task_finish(world.store, &row, STORE_TASK_DONE, "published",
		"Opened a pull request.", 77, NULL, &err));
	assert_int_equal(row.state, STORE_TASK_DONE);
	assert_null(row.lease);
	OK(store_task_get(world.store, id, &read, &err));
	assert_int_equal(read.state, STORE_TASK_DONE);
	assert_int_equal(read.finished_ms, 77);
	assert_string_equal(read.outcome_code, "published");
	assert_string_equal(read.outcome, "Opened a pull request.");
	assert_string_equal(read.pr_url, "https://github.com/octo/hello/pull/3");
	assert_null(read.lease);
	assert_int_equal(store_task_finish(world.store, &row, STORE_TASK_READY, "x", "x",
				 1, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_INTERNAL);
}

static void test_put_back_waits_for_its_time(void **state)
{
	CLEANUP(store_task) struct store_task row = {0};
	struct err err = {0};
	int64_t id = store_world_add(&world, "1#1", 1, 1), due = 0;

	(void)state;
	store_world_claim(&world, "a:1", 10, &row);
	OK(store_task_put_back(world.store, &row, 900, true, "engine away", NULL, &err));
	assert_int_equal(row.attempt, 1);
	assert_int_equal(store_world_claim(&world, "a:1", 899, &row), 0);
	OK(store_task_next_due(world.store, &due, &err));
	assert_int_equal(due, 900);
	assert_int_equal(store_world_claim(&world, "a:1", 900, &row), id);
	assert_int_equal(row.attempt, 2);
	assert_string_equal(row.last_error, "engine away");
	assert_int_equal(row.started_ms, 10);
	OK(store_task_put_back(world.store, &row, 900, false, NULL, NULL, &err));
	assert_int_equal(row.attempt, 1);
	assert_null(row.last_error);
}

/* What a worker has begun, a worker ends: there are words on GitHub to be ended too. */
static void test_cancel_of_one_that_was_put_back(void **state)
{
	CLEANUP(store_task) struct store_task row = {0};
	enum store_cancelled what = STORE_CANCEL_LATE;
	struct err err = {0};
	int64_t id = store_world_add(&world, "1#1", 1, 10);

	(void)state;
	assert_int_equal(store_world_claim(&world, "a:1", 10, &row), id);
	OK(store_task_put_back(world.store, &row, 9000, true, "later", NULL, &err));
	assert_int_equal(store_world_claim(&world, "a:1", 20, &row), 0);
	OK(store_task_cancel(world.store, id, "cancelled by @a", 20, &what, NULL, &err));
	assert_int_equal(what, STORE_CANCEL_ASKED);
	assert_string_equal(store_world_state(&world, id), "ready");
	assert_int_equal(store_world_claim(&world, "a:1", 20, &row), id);
	assert_string_equal(row.cancel_reason, "cancelled by @a");
}

static void test_cancel_in_each_state(void **state)
{
	CLEANUP(store_task) struct store_task row = {0};
	CLEANUP(mem) char *reason = NULL;
	enum store_cancelled what = STORE_CANCEL_LATE;
	struct err err = {0};
	int64_t id = store_world_add(&world, "1#1", 1, 1);
	bool go_on = false;

	(void)state;
	OK(store_task_cancel(world.store, id, "cancelled by @a", 5, &what, NULL, &err));
	assert_int_equal(what, STORE_CANCEL_DONE);
	OK(store_task_get(world.store, id, &row, &err));
	assert_int_equal(row.state, STORE_TASK_CANCELLED);
	assert_string_equal(row.outcome_code, "cancelled");
	assert_string_equal(row.outcome, "cancelled by @a");
	OK(store_task_cancel(world.store, id, "again", 6, &what, NULL, &err));
	assert_int_equal(what, STORE_CANCEL_LATE);

	id = store_world_add(&world, "1#2", 1, 1);
	store_world_claim(&world, "a:1", 10, &row);
	OK(store_task_check(world.store, &row, &go_on, &reason, &err));
	assert_true(go_on);
	OK(store_task_cancel(world.store, id, "cancelled by @b", 5, &what, NULL, &err));
	assert_int_equal(what, STORE_CANCEL_ASKED);
	OK(store_task_cancel(world.store, id, "cancelled by @c", 5, &what, NULL, &err));
	OK(store_task_check(world.store, &row, &go_on, &reason, &err));
	assert_false(go_on);
	assert_string_equal(reason, "cancelled by @b"); /* the first one stays */
	OK(store_task_save(world.store, &row, NULL, &err));
	assert_string_equal(row.cancel_reason, "cancelled by @b");
	/* Put back for later, it is due at once: nobody waits to stop. */
	OK(store_task_put_back(world.store, &row, 1000000, true, NULL, NULL, &err));
	assert_int_equal(store_world_claim(&world, "a:2", 11, &row), id);
	assert_string_equal(row.cancel_reason, "cancelled by @b");

	assert_int_equal(
		store_task_cancel(world.store, 999, "x", 1, &what, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void test_retry_keeps_facts_and_clears_the_end(void **state)
{
	CLEANUP(store_task) struct store_task row = {0}, read = {0};
	struct err err = {0};
	int64_t id = store_world_add(&world, "1#1", 1, 1);

	(void)state;
	assert_int_equal(store_task_retry(world.store, id, NULL, 0, 5, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_non_null(strstr(err.text, "is ready"));
	store_world_claim(&world, "a:1", 10, &row);
	store_set(&row.base_oid, "abc");
	OK(store_task_finish(world.store, &row, STORE_TASK_FAILED, "agent_failed",
		"The agent failed.", 20, NULL, &err));
	const struct store_effect_key gone[] = {{.task_id = id, .kind = "outcome"},
		{.task_id = id, .kind = "comment", .slot = "answer"},
		{.task_id = id, .kind = "check", .slot = "k/0"}};
	const struct store_effect_key kept[] = {{.task_id = id, .kind = "branch"},
		{.task_id = id, .kind = "comment", .slot = "status"}};
	for (size_t i = 0; i < ARRAY_LEN(gone); i++)
		OK(store_effect_plan(world.store, &gone[i], "x", NULL, NULL, &err));
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		OK(store_effect_plan(world.store, &kept[i], "x", NULL, NULL, &err));
	OK(store_task_retry(world.store, id, "work", 0, 30, NULL, &err));
	for (size_t i = 0; i < ARRAY_LEN(gone); i++) {
		struct store_effect none = {0};
		assert_int_equal(
			store_effect_get(world.store, &gone[i], &none, &err), -1);
		assert_int_equal(err.kind, ERR_NOT_FOUND);
	}
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		CLEANUP(store_effect) struct store_effect there = {0};
		OK(store_effect_get(world.store, &kept[i], &there, &err));
	}
	OK(store_task_get(world.store, id, &read, &err));
	assert_int_equal(read.state, STORE_TASK_READY);
	assert_string_equal(read.base_oid, "abc");
	assert_string_equal(read.step, "work");
	assert_int_equal(read.attempt, 0);
	assert_null(read.outcome_code);
	assert_int_equal(read.finished_ms, 0);
	assert_int_equal(store_task_retry(world.store, 999, NULL, 0, 5, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

/* Claims, "dies", recovers; returns what the recovery found. */
static struct store_recovered crash(const char *instance)
{
	CLEANUP(store_task) struct store_task row = {0};
	struct store_recovered recovered;
	struct err err = {0};

	assert_true(store_world_claim(&world, "dead:1", 100, &row) > 0);
	OK(store_recover(world.store, instance, 100, &recovered, NULL, &err));
	return recovered;
}

static void test_crashes_in_one_step_are_a_dead_letter(void **state)
{
	CLEANUP(store_task) struct store_task row = {0};
	struct err err = {0};
	int64_t id = store_world_add(&world, "1#1", 1, 1);
	struct store_recovered recovered;

	(void)state;
	crash("b");
	crash("c");
	/* Another step begins the count anew. */
	assert_int_equal(store_world_claim(&world, "d:1", 100, &row), id);
	assert_int_equal(row.crashes, 2);
	store_set(&row.step, "work");
	OK(store_task_save(world.store, &row, NULL, &err));
	assert_int_equal(row.crashes, 0);
	OK(store_task_put_back(world.store, &row, 100, true, NULL, NULL, &err));
	for (int i = 1; i < STORE_CRASHES_MAX; i++)
		assert_int_equal(crash("e").ready, 1);
	recovered = crash("f");
	assert_int_equal(recovered.failed, 1);
	assert_int_equal(recovered.ready, 0);
	store_task_release(&row);
	OK(store_task_get(world.store, id, &row, &err));
	assert_int_equal(row.state, STORE_TASK_FAILED);
	assert_string_equal(row.outcome_code, "crashed");
	assert_string_equal(
		row.outcome, "the service ended 5 times during the step work");

	struct store_task_filter filter = {.outcome_code = "crashed"};
	CLEANUP(store_tasks) struct store_tasks list = {0};
	OK(store_task_list(world.store, &filter, &list, &err));
	assert_int_equal(list.count, 1);
}

/* Two that merely run beside the one that kills the service are not given up with it. */
static void test_a_bystander_of_crashes_is_not_blamed(void **state)
{
	int64_t killer = store_world_add(&world, "1#1", 1, 1);
	int64_t others[] = {store_world_add(&world, "1#2", 1, 1),
		store_world_add(&world, "1#3", 1, 1)};
	int64_t left = 3, blamed = 0;
	struct err err = {0};

	(void)state;
	/* Each life claims all that it may: whoever is no killer ends well if it can. */
	for (int life = 0; left > 0 && life < 20; life++) {
		char lease[16], next[16];
		CLEANUP(store_task) struct store_task row = {0};
		struct store_recovered recovered;
		bool dies = false;
		int64_t id;

		snprintf(lease, sizeof lease, "l%d:1", life);
		snprintf(next, sizeof next, "l%d", life + 1);
		struct store_task running[3] = {0};
		int count = 0;
		while ((id = store_world_claim(&world, lease, 100 + life, &row)) > 0) {
			dies |= id == killer;
			running[count++] = row;
			row = (struct store_task){0};
		}
		assert_true(count > 0);
		for (int i = 0; i < count; i++) {
			if (running[i].crashes >= 3) { /* a worker gives up here */
				blamed += running[i].id;
				dies = false;
			}
			if (!dies) {
				OK(store_task_finish(world.store, &running[i],
					STORE_TASK_DONE, "x", "x", 200, NULL, &err));
				left--;
			}
			store_task_release(&running[i]);
		}
		OK(store_recover(world.store, next, 100, &recovered, NULL, &err));
	}
	assert_int_equal(left, 0);
	assert_int_equal(blamed, killer);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		assert_string_equal(store_world_state(&world, others[i]), "done");
}

static void test_recovery_leaves_its_own_instance_alone(void **state)
{
	CLEANUP(store_task) struct store_task row = {0};
	struct store_recovered recovered;
	struct err err = {0};
	int64_t id = store_world_add(&world, "1#1", 1, 1);

	(void)state;
	store_world_claim(&world, "abc:1", 10, &row);
	OK(store_recover(world.store, "abc", 20, &recovered, NULL, &err));
	assert_int_equal(recovered.ready, 0);
	assert_string_equal(store_world_state(&world, id), "running");
	/* "ab" is another instance, though its name begins alike. */
	OK(store_recover(world.store, "ab", 20, &recovered, NULL, &err));
	assert_int_equal(recovered.ready, 1);
	assert_string_equal(store_world_state(&world, id), "ready");
}

static size_t count_list(struct store_task_filter filter)
{
	CLEANUP(store_tasks) struct store_tasks list = {0};
	struct err err = {0};

	OK(store_task_list(world.store, &filter, &list, &err));
	for (size_t i = 1; i < list.count; i++)
		assert_true(list.rows[i].id < list.rows[i - 1].id);
	return list.count;
}

static void test_lists_filter_and_page(void **state)
{
	CLEANUP(store_task) struct store_task row = {0};
	CLEANUP(store_tasks) struct store_tasks lane = {0};
	struct store_task_filter bad = {.state = "sleeping"};
	struct err err = {0};
	int64_t last = 0;

	(void)state;
	for (int i = 0; i < 60; i++)
		last = store_world_add(&world, i % 2 ? "1#1" : "1#2", 1, i + 1);
	store_world_claim(&world, "a:1", 100, &row);
	assert_int_equal(count_list((struct store_task_filter){0}), 50);
	assert_int_equal(count_list((struct store_task_filter){.limit = 7}), 7);
	assert_int_equal(
		count_list((struct store_task_filter){.before_id = last - 50}), 9);
	assert_int_equal(count_list((struct store_task_filter){.state = "running"}), 1);
	assert_int_equal(count_list((struct store_task_filter){.lane = "1#1"}), 30);
	assert_int_equal(
		count_list((struct store_task_filter){.lane = "1#2", .state = "running"}),
		1);
	assert_int_equal(count_list((struct store_task_filter){.lane = "no"}), 0);
	OK(store_lane_tasks(world.store, "1#2", &lane, &err));
	assert_int_equal(lane.count, 30);
	assert_true(lane.rows[0].id < lane.rows[1].id);
	CLEANUP(store_tasks) struct store_tasks none = {0};
	assert_int_equal(store_task_list(world.store, &bad, &none, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
}

static void test_long_text_is_refused(void **state)
{
	struct store_task_new task = store_world_task("1#1", 1, 1);
	struct err err = {0};
	int64_t id = 0;
	CLEANUP(mem) char *text = malloc(LIMIT_STORE_TEXT + 2);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', LIMIT_STORE_TEXT + 1);
	text[LIMIT_STORE_TEXT + 1] = '\0';
	task.text = text;
	assert_int_equal(store_task_add(world.store, &task, &id, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_int_equal(id, 0);
	assert_int_equal(count_list((struct store_task_filter){0}), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_new_task_keeps_what_it_was_given),
		TEST(test_the_missing_is_named),
		TEST(test_save_writes_every_fact),
		TEST(test_the_tables_cover_the_structure),
		TEST(test_claim_takes_the_due_and_counts),
		TEST(test_a_lane_runs_one_at_a_time),
		TEST(test_a_busy_repository_waits_for_an_idle_one),
		TEST(test_a_lost_lease_writes_nothing),
		TEST(test_finish_ends_it),
		TEST(test_put_back_waits_for_its_time),
		TEST(test_cancel_of_one_that_was_put_back),
		TEST(test_cancel_in_each_state),
		TEST(test_retry_keeps_facts_and_clears_the_end),
		TEST(test_crashes_in_one_step_are_a_dead_letter),
		TEST(test_a_bystander_of_crashes_is_not_blamed),
		TEST(test_recovery_leaves_its_own_instance_alone),
		TEST(test_lists_filter_and_page),
		TEST(test_long_text_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
