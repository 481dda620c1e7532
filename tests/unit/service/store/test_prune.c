/* SPDX-License-Identifier: MIT */
/* service/store/prune.c: what is forgotten after a time, and what is not. */
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

/* A task that ran a step, made an effect, and ended. */
static int64_t ended(
	const char *lane, int64_t job_id, int64_t pr, int64_t end_ms, bool open)
{
	CLEANUP(store_task) struct store_task row = {0};
	CLEANUP(store_conversation) struct store_conversation conversation = {0};
	struct store_task_new task = store_world_task(lane, 1, 1);
	struct store_effect_key key = {.kind = "comment", .slot = "x"};
	struct err err = {0};
	int64_t id, seq;

	task.job_id = job_id;
	OK(store_task_add(world.store, &task, &id, NULL, &err));
	assert_int_equal(store_world_claim(&world, lane, 1, &row), id);
	if (open)
		OK(store_conversation_open(
			world.store, &row, 1, &conversation, NULL, &err));
	row.pr_number = pr;
	OK(store_step_begin(world.store, &row, "gate", 1, &seq, NULL, &err));
	OK(store_step_end(world.store, &row, seq, true, "", "work", 1, NULL, &err));
	key.task_id = id;
	OK(store_effect_plan(world.store, &key, "want", NULL, NULL, &err));
	OK(store_task_finish(
		world.store, &row, STORE_TASK_DONE, "x", "y", end_ms, NULL, &err));
	return id;
}

static size_t steps_of(int64_t id)
{
	CLEANUP(store_steps) struct store_steps list = {0};
	struct err err = {0};

	OK(store_step_list(world.store, id, &list, &err));
	return list.count;
}

static size_t effects_of(int64_t id)
{
	CLEANUP(store_effects) struct store_effects list = {0};
	struct err err = {0};

	OK(store_effect_list(world.store, id, &list, &err));
	return list.count;
}

static int prune(int64_t before_ms, int limit)
{
	struct err err = {0};
	bool more = true;
	int rows, all = 0;

	for (int rounds = 0; more; rounds++) {
		OK(store_prune(world.store, before_ms, limit, &rows, &more, NULL, &err));
		assert_true(rows <= (limit ? limit : 200));
		all += rows;
		assert_true(rounds < 100);
	}
	return all;
}

static void test_steps_and_effects_go_with_their_task(void **state)
{
	int64_t old = ended("1/1", 0, 0, 10, false),
		late = ended("1/2", 0, 0, 500, false);

	(void)state;
	assert_int_equal(prune(100, 0), 2);
	assert_int_equal(steps_of(old) + effects_of(old), 0);
	assert_int_equal(steps_of(late), 1);
	assert_int_equal(effects_of(late), 1);
}

static void test_an_open_conversation_keeps_its_newest_effects(void **state)
{
	int64_t first = ended("1/1", 0, 0, 10, true), last = ended("1/1", 0, 0, 20, true);

	(void)state;
	prune(100, 0);
	assert_int_equal(effects_of(first), 0);
	assert_int_equal(effects_of(last), 1);
	assert_int_equal(steps_of(last), 0);
	struct err err = {0};
	OK(store_conversation_close(world.store, 1, NULL, &err));
	store_world_again(&world); /* it looks at each once more */
	prune(100, 0);
	assert_int_equal(effects_of(last), 0);
}

static void test_a_jobs_open_pull_request_keeps_them(void **state)
{
	struct store_job_new job = {.name = "tidy",
		.spec = "{}",
		.spec_hash = "h",
		.cron = "x",
		.timezone = "UTC"};
	struct err err = {0};

	(void)state;
	OK(store_jobs_sync(
		world.store, 1, 7, "o", "r", "repository", &job, 1, NULL, &err));
	int64_t offer = ended("1/job/tidy", 1, 40, 10, false);
	int64_t other = ended("1/job/tidy", 1, 39, 20, false);
	OK(store_job_pull(world.store, 1, 40, NULL, NULL, &err));
	prune(100, 0);
	assert_int_equal(effects_of(offer), 1);
	assert_int_equal(effects_of(other), 0);
	OK(store_job_pull(world.store, 1, 0, NULL, NULL, &err));
	store_world_again(&world);
	prune(100, 0);
	assert_int_equal(effects_of(offer), 0);
}

static void test_commands_with_their_effects(void **state)
{
	struct store_command_new command = {.lane = "1/1",
		.verb = "help",
		.word = "help",
		.repo_id = 1,
		.owner = "o",
		.repo = "r",
		.now_ms = 5};
	struct store_delivery_new what = {.event = "issue_comment",
		.received_ms = 5,
		.body = "{}",
		.body_len = 2,
		.command = &command};
	struct err err = {0};

	(void)state;
	for (int i = 1; i <= 3; i++) {
		CLEANUP(store_command) struct store_command row = {0};
		struct store_delivery_added added;
		char id[16];

		snprintf(id, sizeof id, "d-%d", i);
		what.id = id;
		OK(store_delivery_add(world.store, &what, &added, NULL, &err));
		OK(store_command_take(world.store, "a:1", 5, &row, NULL, &err));
		assert_int_equal(row.id, i);
		struct store_effect_key key = {.task_id = -row.id, .kind = "comment"};
		OK(store_effect_plan(world.store, &key, "", NULL, NULL, &err));
		if (i < 3)
			OK(store_command_finish(world.store, &row, true, "",
				i == 1 ? 10 : 500, NULL, &err));
	}
	assert_int_equal(
		prune(100, 1), 5); /* three deliveries, one command, its effect */
	for (int i = 1; i <= 3; i++) {
		CLEANUP(store_command) struct store_command row = {0};
		bool there = store_command_get(world.store, i, &row, &err) == 0;

		assert_int_equal(there, i > 1);
		assert_int_equal(effects_of(-i), i > 1);
	}
}

static void test_closed_conversations_without_a_box(void **state)
{
	struct err err = {0};

	(void)state;
	for (int i = 1; i <= 4; i++) {
		char lane[16];

		snprintf(lane, sizeof lane, "1/%d", i);
		ended(lane, 0, 0, 10, true);
		if (i > 1)
			OK(store_conversation_close(world.store, i, NULL, &err));
	}
	/* 1 is open; 3 has work to come; 4 was closed while a task saved a box. */
	store_world_add(&world, "1/3", 1, 9000);
	CLEANUP(store_task) struct store_task row = {0};
	CLEANUP(store_conversation) struct store_conversation box = {0};
	int64_t id = store_world_add(&world, "1/4", 1, 2);
	assert_int_equal(store_world_claim(&world, "w:1", 2, &row), id);
	OK(store_conversation_open(world.store, &row, 2, &box, NULL, &err));
	OK(store_conversation_close(world.store, 4, NULL, &err));
	store_set(&box.box_id, "conv-4");
	OK(store_conversation_save(world.store, &box, &row, 2, NULL, &err));
	OK(store_task_finish(
		world.store, &row, STORE_TASK_DONE, "x", "y", 10, NULL, &err));
	prune(100, 0);
	for (int i = 1; i <= 4; i++) {
		CLEANUP(store_conversation) struct store_conversation got = {0};
		bool there = store_conversation_get(world.store, i, &got, &err) == 0;

		assert_int_equal(there, i != 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_steps_and_effects_go_with_their_task),
		TEST(test_an_open_conversation_keeps_its_newest_effects),
		TEST(test_a_jobs_open_pull_request_keeps_them),
		TEST(test_commands_with_their_effects),
		TEST(test_closed_conversations_without_a_box),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
