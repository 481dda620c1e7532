/* SPDX-License-Identifier: MIT */
/* service/store/task_split.c: several attempts of a task, and how much was used. */
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

/* A task that was claimed and split into `count` attempts. */
static int64_t split(const char *lane, int64_t count, int64_t now_ms)
{
	CLEANUP(store_task) struct store_task row = {0};
	struct store_task_new task = store_world_task(lane, 1, now_ms);
	struct err err = {0};
	int64_t id;

	task.attempts = count;
	task.about = "{\"head\":\"abc\"}";
	OK(store_task_add(world.store, &task, &id, NULL, &err));
	assert_int_equal(store_world_claim(&world, "p:1", now_ms, &row), id);
	store_set(&row.base_oid, "base");
	store_set(&row.head_oid, "head");
	store_set(&row.rules_oid, "rules");
	store_set(&row.target, "main");
	OK(store_task_split(world.store, &row, count, now_ms + 1, NULL, &err));
	assert_true(row.waits);
	assert_int_equal(row.state, STORE_TASK_READY);
	assert_null(row.lease);
	assert_int_equal(row.attempt, 0); /* the wait is no failure */
	return id;
}

static void finish(struct store_task *row, enum store_task_state state, int64_t now_ms)
{
	struct err err = {0};

	OK(store_task_finish(world.store, row, state, "x", "y", now_ms, NULL, &err));
}

static bool is_waiting(int64_t id)
{
	CLEANUP(store_task) struct store_task row = {0};
	struct err err = {0};

	OK(store_task_get(world.store, id, &row, &err));
	return row.waits;
}

static void test_attempts_are_as_their_task(void **state)
{
	CLEANUP(store_tasks) struct store_tasks list = {0};
	struct err err = {0};
	int64_t id = split("1/5", 3, 100);

	(void)state;
	OK(store_task_attempts(world.store, id, &list, &err));
	assert_int_equal(list.count, 3);
	for (size_t i = 0; i < 3; i++) {
		const struct store_task *row = &list.rows[i];
		char lane[16];

		snprintf(lane, sizeof lane, "1/5#%zu", i + 1);
		assert_string_equal(row->lane, lane);
		assert_int_equal(row->parent_id, id);
		assert_int_equal(row->attempts, 1);
		assert_string_equal(row->step, "gate");
		assert_string_equal(row->text, "make it so");
		assert_string_equal(row->about, "{\"head\":\"abc\"}");
		assert_string_equal(row->base_oid, "base");
		assert_string_equal(row->head_oid, "head");
		assert_string_equal(row->rules_oid, "rules");
		assert_string_equal(row->target, "main");
		assert_string_equal(row->default_branch, "main");
		assert_int_equal(row->run_at_ms, 101);
		assert_int_equal(row->state, STORE_TASK_READY);
		assert_null(row->branch);
	}
}

static void test_the_last_end_wakes_the_task_before_its_lane(void **state)
{
	CLEANUP(store_task)
	struct store_task one = {0}, two = {0}, parent = {0}, none = {0};
	int64_t id = split("1/5", 2, 100);
	int64_t comment = store_world_add(&world, "1/5", 1, 102);

	(void)state;
	assert_true(store_world_claim(&world, "w:1", 1000, &one) > 0);
	assert_true(store_world_claim(&world, "w:2", 1000, &two) > 0);
	assert_int_equal(one.parent_id, id);
	assert_int_equal(two.parent_id, id);
	/* The lane is held, though nobody works on it. */
	assert_int_equal(store_world_claim(&world, "w:3", 1000, &none), 0);
	finish(&one, STORE_TASK_FAILED, 1001);
	assert_true(is_waiting(id));
	assert_int_equal(store_world_claim(&world, "w:3", 1001, &none), 0);
	finish(&two, STORE_TASK_DONE, 1002);
	assert_false(is_waiting(id));
	assert_int_equal(store_world_claim(&world, "w:3", 1002, &parent), id);
	assert_int_equal(store_world_claim(&world, "w:4", 1002, &none), 0);
	finish(&parent, STORE_TASK_DONE, 1003);
	assert_int_equal(store_world_claim(&world, "w:4", 1003, &none), comment);
}

static void test_a_waiting_task_is_not_due(void **state)
{
	CLEANUP(store_task) struct store_task row = {0};
	struct err err = {0};
	int64_t due;

	(void)state;
	split("1/5", 1, 100);
	assert_true(store_world_claim(&world, "w:1", 1000, &row) > 0);
	OK(store_task_next_due(world.store, &due, &err));
	assert_int_equal(due, -1);
	finish(&row, STORE_TASK_DONE, 1001);
	OK(store_task_next_due(world.store, &due, &err));
	assert_int_equal(due, 0);
}

static void test_a_second_split_adds_none(void **state)
{
	CLEANUP(store_task) struct store_task row = {0}, attempt = {0};
	CLEANUP(store_tasks) struct store_tasks list = {0};
	struct err err = {0};
	int64_t id = split("1/5", 1, 100);

	(void)state;
	store_world_claim(&world, "w:1", 1000, &attempt);
	finish(&attempt, STORE_TASK_DONE, 1001);
	assert_int_equal(store_world_claim(&world, "w:1", 1001, &row), id);
	OK(store_task_split(world.store, &row, 3, 1002, NULL, &err));
	assert_false(row.waits); /* nobody would wake it */
	OK(store_task_attempts(world.store, id, &list, &err));
	assert_int_equal(list.count, 1);
	assert_int_equal(store_world_claim(&world, "w:1", 1002, &row), id);
}

static void test_split_is_fenced_and_bounded(void **state)
{
	CLEANUP(store_task) struct store_task row = {0}, attempt = {0};
	CLEANUP(store_tasks) struct store_tasks list = {0};
	struct err err = {0};
	int64_t id = store_world_add(&world, "1/5", 1, 100);

	(void)state;
	store_world_claim(&world, "w:1", 100, &row);
	assert_int_equal(store_task_split(world.store, &row, 0, 1, NULL, &err), -1);
	assert_int_equal(store_task_split(world.store, &row, STORE_ATTEMPTS_MAX + 1, 1,
				 NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_INPUT);
	store_set(&row.lease, "other:1");
	assert_int_equal(store_task_split(world.store, &row, 2, 1, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	OK(store_task_attempts(world.store, id, &list, &err));
	assert_int_equal(list.count, 0);
	store_set(&row.lease, "w:1");
	OK(store_task_split(world.store, &row, 1, 1, NULL, &err));
	store_world_claim(&world, "w:2", 100, &attempt);
	assert_int_equal(store_task_split(world.store, &attempt, 2, 1, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
}

static void test_one_that_was_asked_to_stop_makes_none(void **state)
{
	CLEANUP(store_task) struct store_task row = {0};
	CLEANUP(store_tasks) struct store_tasks list = {0};
	enum store_cancelled what;
	struct err err = {0};
	int64_t id = store_world_add(&world, "1/5", 1, 100);

	(void)state;
	store_world_claim(&world, "w:1", 100, &row);
	OK(store_task_cancel(world.store, id, "by @x", 101, &what, NULL, &err));
	assert_int_equal(what, STORE_CANCEL_ASKED);
	OK(store_task_split(world.store, &row, 3, 102, NULL, &err));
	assert_false(row.waits);
	assert_string_equal(row.cancel_reason, "by @x");
	OK(store_task_attempts(world.store, id, &list, &err));
	assert_int_equal(list.count, 0);
	assert_int_equal(store_world_claim(&world, "w:1", 0, &row), id);
}

static void test_cancel_wakes_a_waiting_task_and_ends_its_attempts(void **state)
{
	CLEANUP(store_task) struct store_task one = {0}, next = {0}, parent = {0};
	CLEANUP(store_tasks) struct store_tasks list = {0};
	enum store_cancelled what;
	struct err err = {0};
	int64_t id = split("1/5", 3, 100);
	bool go_on = true;

	(void)state;
	store_world_claim(&world, "w:1", 1000, &one);
	OK(store_task_cancel(world.store, id, "by @x", 1001, &what, NULL, &err));
	assert_int_equal(what, STORE_CANCEL_ASKED);
	assert_false(is_waiting(id));
	OK(store_task_attempts(world.store, id, &list, &err));
	assert_int_equal(list.rows[0].state, STORE_TASK_RUNNING);
	assert_string_equal(list.rows[0].cancel_reason, "by @x");
	assert_int_equal(list.rows[1].state, STORE_TASK_CANCELLED);
	assert_int_equal(list.rows[2].state, STORE_TASK_CANCELLED);
	assert_string_equal(list.rows[2].outcome, "by @x");
	OK(store_task_check(world.store, &one, &go_on, NULL, &err));
	assert_false(go_on);
	/* A worker ends it, before all else of its lane; the late end wakes nobody. */
	int64_t later = store_world_add(&world, "1/5", 1, 1);
	assert_int_equal(store_world_claim(&world, "w:2", 1001, &parent), id);
	assert_string_equal(parent.cancel_reason, "by @x");
	finish(&parent, STORE_TASK_CANCELLED, 1002);
	finish(&one, STORE_TASK_CANCELLED, 1003);
	assert_string_equal(store_world_state(&world, id), "cancelled");
	assert_int_equal(store_world_claim(&world, "w:2", 1003, &next), later);
}

static void test_cancelling_the_last_attempt_wakes_the_task(void **state)
{
	CLEANUP(store_task) struct store_task row = {0};
	CLEANUP(store_tasks) struct store_tasks list = {0};
	enum store_cancelled what;
	struct err err = {0};
	int64_t id = split("1/5", 2, 100);

	(void)state;
	OK(store_task_attempts(world.store, id, &list, &err));
	OK(store_task_cancel(
		world.store, list.rows[0].id, "no", 1000, &what, NULL, &err));
	assert_true(is_waiting(id));
	OK(store_task_cancel(
		world.store, list.rows[1].id, "no", 1000, &what, NULL, &err));
	assert_false(is_waiting(id));
	assert_int_equal(store_world_claim(&world, "w:1", 1000, &row), id);
}

static void test_a_dead_letter_wakes_the_task(void **state)
{
	CLEANUP(store_task) struct store_task row = {0};
	struct store_recovered found = {0};
	struct err err = {0};
	int64_t id = split("1/5", 1, 100);

	(void)state;
	for (int i = 0; i < STORE_CRASHES_MAX; i++) {
		assert_true(is_waiting(id));
		assert_int_equal(store_world_claim(&world, "w:1", 1000, &row), id + 1);
		store_world_again(&world); /* as after a kill */
		OK(store_recover(world.store, "new", 1000, &found, NULL, &err));
	}
	assert_int_equal(found.failed, 1);
	assert_string_equal(store_world_state(&world, id + 1), "failed");
	assert_int_equal(store_world_claim(&world, "w:1", 1000, &row), id);
}

static void test_retry_takes_the_attempts_along(void **state)
{
	CLEANUP(store_task) struct store_task one = {0}, two = {0}, parent = {0};
	struct err err = {0};
	int64_t id = split("1/5", 2, 100);

	(void)state;
	store_world_claim(&world, "w:1", 1000, &one);
	store_world_claim(&world, "w:2", 1000, &two);
	store_set(&one.box_id, "task-2");
	store_set(&one.run_id, "r");
	store_set(&one.step, "verify");
	one.run_offset = 99;
	struct store_effect_key key = {.task_id = one.id, .kind = "outcome"};
	OK(store_effect_plan(world.store, &key, "failed", NULL, NULL, &err));
	finish(&one, STORE_TASK_FAILED, 1001);
	finish(&two, STORE_TASK_REFUSED, 1001);
	store_world_claim(&world, "w:3", 1001, &parent);
	finish(&parent, STORE_TASK_FAILED, 1002);
	assert_int_equal(
		store_task_retry(world.store, one.id, NULL, 0, 1003, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	OK(store_task_retry(world.store, id, "prepare", 0, 1003, NULL, &err));
	assert_true(is_waiting(id));
	assert_int_equal(store_world_claim(&world, "w:1", 1003, &one), id + 1);
	assert_string_equal(one.step, "gate");
	assert_null(one.box_id);
	assert_null(one.run_id);
	assert_int_equal(one.run_offset, 0);
	CLEANUP(store_effect) struct store_effect gone = {0};
	assert_int_equal(store_effect_get(world.store, &key, &gone, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(store_world_claim(&world, "w:2", 1003, &two), id + 2);
	finish(&one, STORE_TASK_DONE, 1004);
	finish(&two, STORE_TASK_FAILED, 1004);
	assert_int_equal(store_world_claim(&world, "w:3", 1004, &parent), id);
	assert_string_equal(parent.step, "gate");
	finish(&parent, STORE_TASK_FAILED, 1005);
	/* One was good: what failed is behind the attempts. */
	OK(store_task_retry(world.store, id, "publish", 0, 1006, NULL, &err));
	assert_false(is_waiting(id));
	assert_string_equal(store_world_state(&world, two.id), "failed");
	assert_int_equal(store_world_claim(&world, "w:3", 1006, &parent), id);
	assert_string_equal(parent.step, "publish");
}

/* ---- many at once ----------------------------------------------------------------------- */

#define ENDERS 5

static void *end_one(void *arg)
{
	struct store_task *row = arg;

	finish(row, STORE_TASK_DONE, 2000);
	return NULL;
}

/* All attempts end at the same moment: the task is woken once, by the last. */
static void test_attempts_that_end_together(void **state)
{
	(void)state;
	for (int round = 0; round < 20; round++) {
		struct store_task rows[ENDERS] = {0};
		CLEANUP(store_task) struct store_task parent = {0}, none = {0};
		pthread_t threads[ENDERS];
		struct err err = {0};
		char lane[16];

		snprintf(lane, sizeof lane, "1/%d", round);
		int64_t id = split(lane, ENDERS, 100);
		for (int i = 0; i < ENDERS; i++) {
			char lease[16];

			snprintf(lease, sizeof lease, "w:%d", i);
			assert_true(store_world_claim(&world, lease, 1000, &rows[i]) > 0);
			assert_int_equal(rows[i].parent_id, id);
		}
		for (int i = 0; i < ENDERS; i++)
			OK(thread_start(&threads[i], "end", end_one, &rows[i], &err));
		for (int i = 0; i < ENDERS; i++)
			thread_join(threads[i]);
		assert_int_equal(store_world_claim(&world, "p:2", 2000, &parent), id);
		assert_int_equal(store_world_claim(&world, "p:3", 2000, &none), 0);
		finish(&parent, STORE_TASK_DONE, 2001);
		for (int i = 0; i < ENDERS; i++)
			store_task_release(&rows[i]);
	}
}

/* ---- how much was used ------------------------------------------------------------------ */

static int64_t used_task(const char *lane, int64_t repo, int64_t person, int64_t at_ms,
	double cost, enum store_task_state end)
{
	CLEANUP(store_task) struct store_task row = {0};
	struct store_task_new task = store_world_task(lane, repo, at_ms);
	struct store_event_batch batch = {.run_offset = -1, .cost_usd = cost};
	struct err err = {0};
	int64_t id;

	task.requester_id = person;
	OK(store_task_add(world.store, &task, &id, NULL, &err));
	assert_int_equal(store_world_claim(&world, "u:1", at_ms, &row), id);
	OK(store_events_append(world.store, &row, &batch, NULL, &err));
	finish(&row, end, at_ms);
	return id;
}

static void test_what_was_used(void **state)
{
	struct store_used person, repo;
	struct err err = {0};

	(void)state;
	used_task("1/1", 1, 5, 10, 8.0, STORE_TASK_DONE); /* before */
	used_task("1/2", 1, 5, 100, 1.0, STORE_TASK_DONE);
	used_task("2/2", 2, 5, 101, 2.0, STORE_TASK_FAILED);
	used_task("1/3", 1, 6, 102, 4.0, STORE_TASK_CANCELLED);
	used_task("1/3", 1, 5, 103, 0.0, STORE_TASK_REFUSED);
	int64_t own = used_task("1/4", 1, 5, 104, 16.0, STORE_TASK_DONE);
	OK(store_task_used(world.store, 5, 1, 100, own, &person, &repo, &err));
	assert_int_equal(person.runs, 2);
	assert_true(person.cost_usd == 3.0);
	assert_int_equal(repo.runs, 2);
	assert_true(repo.cost_usd == 5.0);
	/* Attempts are money but no runs. */
	int64_t id = split("1/9", 2, 200);
	CLEANUP(store_task) struct store_task row = {0}, other = {0};
	struct store_event_batch batch = {.run_offset = -1, .cost_usd = 0.5};
	store_world_claim(&world, "w:1", 1000, &row);
	store_world_claim(&world, "w:2", 1000, &other);
	OK(store_events_append(world.store, &row, &batch, NULL, &err));
	OK(store_task_used(world.store, 5, 1, 200, 0, &person, &repo, &err));
	assert_int_equal(person.runs, 1);
	assert_true(person.cost_usd == 0.5);
	OK(store_task_used(world.store, 5, 1, 200, id, &person, &repo, &err));
	assert_int_equal(person.runs, 0);
	/* Nobody has used nothing, whatever others without a person did. */
	used_task("1/10", 1, 0, 300, 1.0, STORE_TASK_DONE);
	OK(store_task_used(world.store, 0, 1, 300, 0, &person, &repo, &err));
	assert_int_equal(person.runs, 0);
	assert_int_equal(repo.runs, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_attempts_are_as_their_task),
		TEST(test_the_last_end_wakes_the_task_before_its_lane),
		TEST(test_a_waiting_task_is_not_due),
		TEST(test_a_second_split_adds_none),
		TEST(test_split_is_fenced_and_bounded),
		TEST(test_one_that_was_asked_to_stop_makes_none),
		TEST(test_cancel_wakes_a_waiting_task_and_ends_its_attempts),
		TEST(test_cancelling_the_last_attempt_wakes_the_task),
		TEST(test_a_dead_letter_wakes_the_task),
		TEST(test_retry_takes_the_attempts_along),
		TEST(test_attempts_that_end_together),
		TEST(test_what_was_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
