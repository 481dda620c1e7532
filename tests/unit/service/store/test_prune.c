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

#define DAY_MS (24LL * 3600 * 1000)

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

/* By a connection of its own. */
static void sql_run(const char *sql)
{
	CLEANUP(mem) char *path = mem_printf("%s/boxwright.db", world.dir);
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static bool is_there(int64_t id)
{
	CLEANUP(store_task) struct store_task row = {0};
	struct err err = {0};

	if (store_task_get(world.store, id, &row, &err) == 0)
		return true;
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	return false;
}

/* Of a task that told somebody of a limit; limits.c. */
static void tell(const char *key, int64_t task)
{
	CLEANUP(strbuf) struct strbuf first = STRBUF_INIT(100);
	CLEANUP(mem) char *value = mem_printf("%lld", (long long)task);
	struct err err = {0};

	OK(store_setting_once(world.store, key, value, &first, NULL, &err));
}

static bool was_told(const char *key)
{
	CLEANUP(strbuf) struct strbuf value = STRBUF_INIT(100);
	struct err err = {0};

	return store_setting_get(world.store, key, &value, &err) == 0;
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
	tell("limit/9/5/0", old);
	tell("limit/9/6/0", late);
	tell("limits", old);                /* another setting */
	assert_int_equal(prune(100, 0), 3); /* the task too */
	assert_int_equal(prune(100, 0), 1); /* and that it told of a limit */
	assert_false(was_told("limit/9/5/0"));
	assert_true(was_told("limit/9/6/0"));
	assert_true(was_told("limits"));
	assert_int_equal(steps_of(old) + effects_of(old), 0);
	assert_false(is_there(old));
	assert_true(is_there(late));
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
	assert_false(is_there(first));
	assert_true(is_there(last));
	struct err err = {0};
	OK(store_conversation_close(world.store, 1, NULL, &err));
	assert_int_equal(prune(101, 0), 1); /* the conversation; its task was looked at */
	assert_true(is_there(last));
	assert_int_equal(
		prune(100 + DAY_MS, 0), 2); /* a day later it is looked at again */
	assert_false(is_there(last));
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
	assert_true(is_there(offer));
	assert_false(is_there(other));
	OK(store_job_pull(world.store, 1, 0, NULL, NULL, &err));
	store_world_again(&world); /* it looks at each once more */
	prune(100, 0);
	assert_false(is_there(offer));
}

/* What `undo` and `approve` are about, and how a job went last. */
static void test_what_is_asked_about_stays(void **state)
{
	static const char *const why[] = {"undo_task_id", "plan_task_id"};
	struct store_job_new job = {.name = "tidy",
		.spec = "{}",
		.spec_hash = "h",
		.cron = "x",
		.timezone = "UTC"};
	struct err err = {0};
	int64_t kept[3], gone[3];

	(void)state;
	OK(store_jobs_sync(
		world.store, 1, 7, "o", "r", "repository", &job, 1, NULL, &err));
	for (int i = 0; i < 3; i++) {
		char lane[16];

		snprintf(lane, sizeof lane, "1/%d", i + 1);
		kept[i] = ended(lane, i == 2, 0, 10, i < 2);
		gone[i] = ended(lane, 0, 0, 20, i < 2);
		if (i < 2) /* the newest stays in any case */
			ended(lane, 0, 0, 500, true);
	}
	for (int i = 0; i < 2; i++) {
		CLEANUP(mem)
		char *sql = mem_printf("UPDATE conversation SET %s=%lld WHERE id=%d",
			why[i], (long long)kept[i], i + 1);
		sql_run(sql);
	}
	CLEANUP(mem)
	char *newest = mem_printf("UPDATE job SET task_id=%lld", (long long)kept[2]);
	sql_run(newest);
	prune(100, 0);
	for (int i = 0; i < 3; i++) {
		assert_true(is_there(kept[i]));
		assert_false(is_there(gone[i]));
	}
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
		TEST(test_what_is_asked_about_stays),
		TEST(test_commands_with_their_effects),
		TEST(test_closed_conversations_without_a_box),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
