/* SPDX-License-Identifier: MIT */
/* service/store/conversation.c and conversation_verbs.c. */
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

static int64_t add_task(const char *lane, int64_t number, bool is_pull, int64_t at_ms)
{
	struct store_task_new task = store_world_task(lane, 1, at_ms);
	struct err err = {0};
	int64_t id;

	task.number = number;
	task.is_pull = is_pull;
	OK(store_task_add(world.store, &task, &id, NULL, &err));
	return id;
}

/* A running task of the lane, with its conversation opened. */
static void start(const char *lane, int64_t number, bool is_pull, int64_t at_ms,
	struct store_task *task, struct store_conversation *row)
{
	struct err err = {0};
	int64_t id = add_task(lane, number, is_pull, at_ms);
	char lease[32];

	snprintf(lease, sizeof lease, "w:%lld", (long long)id);
	assert_int_equal(store_world_claim(&world, lease, at_ms, task), id);
	OK(store_conversation_open(world.store, task, at_ms, row, NULL, &err));
}

static void finish(struct store_task *task, int64_t now_ms)
{
	struct err err = {0};

	OK(store_task_finish(
		world.store, task, STORE_TASK_DONE, "x", "y", now_ms, NULL, &err));
}

/* With a pull request of ours, saved and done. */
static int64_t publish(const char *lane, int64_t number, int64_t pr, int64_t at_ms)
{
	CLEANUP(store_task) struct store_task task = {0};
	CLEANUP(store_conversation) struct store_conversation row = {0};
	struct err err = {0};
	char branch[32];

	start(lane, number, false, at_ms, &task, &row);
	snprintf(branch, sizeof branch, "boxwright/%lld", (long long)number);
	row.pr_number = pr;
	row.ours = true;
	store_set(&row.branch, branch);
	store_set(&row.target, "main");
	store_set(&row.head_oid, "h1");
	store_set(&row.box_id, "conv-1");
	OK(store_conversation_save(world.store, &row, &task, at_ms + 1, NULL, &err));
	finish(&task, at_ms + 2);
	return row.id;
}

static void test_the_first_task_makes_it_the_next_goes_on(void **state)
{
	CLEANUP(store_task) struct store_task task = {0}, read = {0};
	CLEANUP(store_conversation) struct store_conversation row = {0}, again = {0};
	struct err err = {0};

	(void)state;
	start("1/12", 12, false, 100, &task, &row);
	assert_string_equal(row.lane, "1/12");
	assert_int_equal(row.repo_id, 1);
	assert_int_equal(row.number, 12);
	assert_string_equal(row.state, "open");
	assert_string_equal(row.plan_state, "none");
	assert_int_equal(row.pr_number, 0);
	assert_null(row.box_id);
	assert_int_equal(task.conversation_id, row.id);
	OK(store_task_get(world.store, task.id, &read, &err));
	assert_int_equal(read.conversation_id, row.id);
	/* A second time, as after a restart. */
	OK(store_conversation_open(world.store, &task, 105, &again, NULL, &err));
	assert_int_equal(again.id, row.id);
	assert_int_equal(again.used_ms, 105);
	assert_int_equal(again.created_ms, 100);
	finish(&task, 110);
	OK(store_conversation_close(world.store, row.id, NULL, &err));
	store_conversation_release(&again);
	OK(store_conversation_get(world.store, row.id, &again, &err));
	assert_string_equal(again.state, "closed");
	int64_t first = row.id;
	store_conversation_release(&row);
	start("1/12", 12, false, 200, &task, &row);
	assert_int_equal(row.id, first);
	assert_string_equal(row.state, "open");
}

static void test_a_new_task_of_the_lane_knows_it_at_once(void **state)
{
	CLEANUP(store_task) struct store_task task = {0};
	struct err err = {0};
	int64_t id = publish("1/12", 12, 13, 100);

	(void)state;
	OK(store_task_get(world.store, add_task("1/12", 12, false, 200), &task, &err));
	assert_int_equal(task.conversation_id, id);
}

/* Every fact gets a value of its own, so that two swapped columns cannot hide. */
static void fill(struct store_conversation *row)
{
	for (size_t i = 0; i < table_conversation_facts.count; i++) {
		const struct field *field = &table_conversation_facts.fields[i];
		void *at = (char *)row + field->offset;
		int64_t number = (int64_t)(1000 + i);
		char text[32];

		snprintf(text, sizeof text, "fact %zu", i);
		if (field->kind == FIELD_INT)
			memcpy(at, &number, sizeof number);
		else if (field->kind == FIELD_BOOL)
			*(bool *)at = true;
		else
			store_set(at, text);
	}
}

static void assert_same(
	const struct store_conversation *a, const struct store_conversation *b)
{
	for (size_t i = 0; i < table_conversation_facts.count; i++) {
		const struct field *field = &table_conversation_facts.fields[i];
		const char *at_a = (const char *)a + field->offset;
		const char *at_b = (const char *)b + field->offset;

		if (field->kind == FIELD_INT)
			assert_memory_equal(at_a, at_b, 8);
		else if (field->kind == FIELD_BOOL)
			assert_memory_equal(at_a, at_b, 1);
		else
			assert_string_equal(*(char *const *)(const void *)at_a,
				*(char *const *)(const void *)at_b);
	}
}

static void test_save_writes_every_fact_and_the_tasks(void **state)
{
	CLEANUP(store_task) struct store_task task = {0}, read_task = {0};
	CLEANUP(store_conversation) struct store_conversation row = {0}, read = {0};
	struct err err = {0};

	(void)state;
	start("1/12", 12, false, 100, &task, &row);
	fill(&row);
	store_set(&task.commit_oid, "c1");
	OK(store_conversation_save(world.store, &row, &task, 150, NULL, &err));
	OK(store_conversation_get(world.store, row.id, &read, &err));
	assert_same(&row, &read);
	assert_int_equal(read.used_ms, 150);
	OK(store_task_get(world.store, task.id, &read_task, &err));
	assert_string_equal(read_task.commit_oid, "c1");
	/* Whoever lost the lease writes nothing. */
	store_set(&task.lease, "other:1");
	store_set(&row.branch, "stolen");
	assert_int_equal(
		store_conversation_save(world.store, &row, &task, 151, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	store_conversation_release(&read);
	assert_int_equal(
		store_conversation_open(world.store, &task, 151, &read, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	OK(store_conversation_get(world.store, row.id, &read, &err));
	assert_string_not_equal(read.branch, "stolen");
	assert_int_equal(read.used_ms, 150);
}

static void test_found_by_issue_and_by_pull_request(void **state)
{
	CLEANUP(store_conversation) struct store_conversation row = {0};
	struct err err = {0};
	int64_t id = publish("1/12", 12, 13, 100);

	(void)state;
	OK(store_conversation_find(world.store, 1, 12, &row, &err));
	assert_int_equal(row.id, id);
	store_conversation_release(&row);
	OK(store_conversation_find(world.store, 1, 13, &row, &err));
	assert_int_equal(row.id, id);
	store_conversation_release(&row);
	assert_int_equal(store_conversation_find(world.store, 2, 13, &row, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(store_conversation_find(world.store, 1, 0, &row, &err), -1);
	assert_int_equal(store_conversation_get(world.store, 99, &row, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

/* A task of the pull request's own lane, made before its number was known. */
static void test_a_pull_requests_task_joins_the_issues(void **state)
{
	CLEANUP(store_task) struct store_task task = {0}, busy = {0};
	CLEANUP(store_conversation) struct store_conversation row = {0};
	struct err err = {0};
	int64_t id = publish("1/12", 12, 13, 100);

	(void)state;
	add_task("1/13", 13, true, 200);
	assert_true(store_world_claim(&world, "w:a", 200, &task) > 0);
	int64_t other = add_task("1/12", 12, false, 201);
	assert_int_equal(store_world_claim(&world, "w:b", 201, &busy), other);
	assert_int_equal(
		store_conversation_open(world.store, &task, 202, &row, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_string_equal(task.lane, "1/13");
	finish(&busy, 203);
	OK(store_conversation_open(world.store, &task, 204, &row, NULL, &err));
	assert_int_equal(row.id, id);
	assert_string_equal(task.lane, "1/12");
	assert_int_equal(task.conversation_id, id);
	add_task("1/12", 12, false, 205);
	assert_int_equal(store_world_claim(&world, "w:b", 205, &busy), 0);
}

static void test_a_persons_pull_request_is_known_by_number(void **state)
{
	CLEANUP(store_task) struct store_task task = {0};
	CLEANUP(store_conversation) struct store_conversation row = {0};

	(void)state;
	start("1/40", 40, true, 100, &task, &row);
	assert_int_equal(row.pr_number, 40);
	assert_false(row.ours);
	assert_true(row.is_pull);
}

static void test_a_pull_request_has_one_conversation(void **state)
{
	CLEANUP(store_task) struct store_task issue = {0}, early = {0};
	CLEANUP(store_conversation)
	struct store_conversation ours = {0}, other = {0}, read = {0};
	struct err err = {0};

	(void)state;
	start("1/12", 12, false, 100, &issue, &ours);
	start("1/13", 13, true, 101, &early,
		&other); /* came before the number was saved */
	ours.pr_number = 13;
	ours.ours = true;
	OK(store_conversation_save(world.store, &ours, &issue, 102, NULL, &err));
	assert_int_equal(ours.pr_number, 13);
	OK(store_conversation_save(world.store, &other, &early, 103, NULL, &err));
	assert_int_equal(other.pr_number, 0);
	OK(store_conversation_find(world.store, 1, 13, &read, &err));
	assert_int_equal(read.id, ours.id);
}

static void test_an_attempt_has_none(void **state)
{
	CLEANUP(store_task) struct store_task task = {0}, attempt = {0};
	CLEANUP(store_conversation) struct store_conversation row = {0}, none = {0};
	struct err err = {0};

	(void)state;
	start("1/12", 12, false, 100, &task, &row);
	OK(store_task_split(world.store, &task, 1, 101, NULL, &err));
	store_world_claim(&world, "w:a", 101, &attempt);
	assert_int_equal(attempt.conversation_id, row.id);
	assert_int_equal(
		store_conversation_open(world.store, &attempt, 102, &none, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_INTERNAL);
}

static void test_lists(void **state)
{
	CLEANUP(store_conversations) struct store_conversations list = {0};
	CLEANUP(store_task) struct store_task task = {0};
	CLEANUP(store_conversation) struct store_conversation row = {0};
	struct err err = {0};
	int64_t a = publish("1/12", 12, 13, 100), b = publish("1/14", 14, 15, 200);

	(void)state;
	OK(store_conversation_list_target(world.store, 1, "main", &list, &err));
	assert_int_equal(list.count, 2);
	assert_int_equal(list.rows[0].id, b);
	store_conversations_release(&list);
	OK(store_conversation_list_target(world.store, 1, "dev", &list, &err));
	assert_int_equal(list.count, 0);
	OK(store_conversation_list_idle(world.store, 1000, 0, &list, &err));
	assert_int_equal(list.count, 2);
	assert_int_equal(list.rows[0].id, a);
	store_conversations_release(&list);
	OK(store_conversation_list_idle(world.store, 201, 0, &list, &err));
	assert_int_equal(list.count, 1);
	store_conversations_release(&list);
	/* One that is at work, or waits for its attempts, is not idle. */
	start("1/12", 12, false, 300, &task, &row);
	assert_int_equal(store_conversation_forget_box(world.store, a, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	OK(store_conversation_list_idle(world.store, 1000, 0, &list, &err));
	assert_int_equal(list.count, 1);
	store_conversations_release(&list);
	OK(store_task_split(world.store, &task, 1, 301, NULL, &err));
	OK(store_conversation_list_idle(world.store, 1000, 0, &list, &err));
	assert_int_equal(list.count, 1);
	assert_int_equal(list.rows[0].id, b);
	assert_int_equal(store_conversation_forget_box(world.store, a, NULL, &err), -1);
	OK(store_conversation_forget_box(world.store, b, NULL, &err));
	store_conversations_release(&list);
	OK(store_conversation_list_idle(world.store, 1000, 0, &list, &err));
	assert_int_equal(list.count, 0);
	assert_int_equal(store_conversation_forget_box(world.store, 77, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	OK(store_conversation_close(world.store, b, NULL, &err));
	OK(store_conversation_list_target(world.store, 1, "main", &list, &err));
	assert_int_equal(list.count, 1);
}

static void test_what_verbs_change(void **state)
{
	CLEANUP(store_conversation) struct store_conversation row = {0};
	struct err err = {0};
	int64_t id = publish("1/12", 12, 13, 100), n = -1;
	double usd = 0;

	(void)state;
	OK(store_conversation_plan(
		world.store, id, "1. Do it.", "waiting", 7, NULL, &err));
	OK(store_conversation_plan(world.store, id, NULL, "approved", 8, NULL, &err));
	OK(store_conversation_repairs(world.store, id, -1, &n, NULL, &err));
	assert_int_equal(n, 1);
	OK(store_conversation_repairs(world.store, id, -1, &n, NULL, &err));
	assert_int_equal(n, 2);
	OK(store_conversation_repairs(world.store, id, 5, NULL, NULL, &err));
	OK(store_conversation_repairs_off(world.store, id, true, NULL, &err));
	OK(store_conversation_budget(world.store, id, 1.5, &usd, NULL, &err));
	OK(store_conversation_budget(world.store, id, 1.0, &usd, NULL, &err));
	assert_true(usd == 2.5);
	OK(store_conversation_get(world.store, id, &row, &err));
	assert_string_equal(row.plan, "1. Do it.");
	assert_string_equal(row.plan_state, "approved");
	assert_int_equal(row.plan_task_id, 8);
	assert_int_equal(row.repairs, 5);
	assert_true(row.repairs_off);
	assert_string_equal(row.head_oid, "h1");
	assert_int_equal(
		store_conversation_repairs(world.store, 9, 0, &n, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	/* No such word: nothing changes. */
	assert_int_equal(
		store_conversation_plan(world.store, id, NULL, "maybe", 0, NULL, &err),
		-1);
}

/* ---- a comment during a run -------------------------------------------------------------- */

static void test_take_up_takes_the_oldest_fix(void **state)
{
	CLEANUP(store_task) struct store_task task = {0}, got = {0}, read = {0};
	CLEANUP(store_conversation) struct store_conversation row = {0};
	CLEANUP(store_tasks) struct store_tasks list = {0};
	struct err err = {0};

	(void)state;
	start("1/12", 12, false, 100, &task, &row);
	assert_int_equal(
		store_task_take_up(world.store, &task, 101, &got, NULL, &err), 0);
	struct store_task_new ask = store_world_task("1/12", 1, 101);
	int64_t id;
	ask.verb = "ask";
	OK(store_task_add(world.store, &ask, &id, NULL, &err));
	struct store_task_new many = store_world_task("1/12", 1, 101);
	many.attempts = 3;
	OK(store_task_add(world.store, &many, &id, NULL, &err));
	add_task("1/99", 99, false, 101); /* another lane */
	int64_t first = add_task("1/12", 12, false, 102);
	int64_t second = add_task("1/12", 12, false, 103);
	assert_int_equal(
		store_task_take_up(world.store, &task, 104, &got, NULL, &err), 1);
	assert_int_equal(got.id, first);
	assert_int_equal(got.taken_by, task.id);
	assert_int_equal(got.state, STORE_TASK_DONE);
	assert_string_equal(got.outcome_code, "taken_up");
	assert_int_equal(got.finished_ms, 104);
	store_task_release(&got);
	OK(store_task_take_up(world.store, &task, 105, &got, NULL, &err));
	assert_int_equal(got.id, second);
	store_task_release(&got);
	assert_int_equal(
		store_task_take_up(world.store, &task, 106, &got, NULL, &err), 0);
	OK(store_task_taken(world.store, task.id, &list, &err));
	assert_int_equal(list.count, 2);
	assert_int_equal(list.rows[0].id, first);
	/* Not one that was begun and put back, nor with a lost lease. */
	finish(&task, 107);
	int64_t begun = add_task("1/12", 12, false, 50);
	assert_int_equal(store_world_claim(&world, "w:x", 107, &read), begun);
	OK(store_task_put_back(world.store, &read, 9000, true, "later", NULL, &err));
	assert_true(store_world_claim(&world, "w:y", 107, &task) > 0);
	assert_int_equal(
		store_task_take_up(world.store, &task, 108, &got, NULL, &err), 0);
	store_set(&task.lease, "other:1");
	assert_int_equal(
		store_task_take_up(world.store, &task, 108, &got, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
}

#define COMMENTS 200

struct taker {
	struct store_task *task;
	int taken;
	bool ended;
};

static void *take_all(void *arg)
{
	struct taker *taker = arg;
	struct err err = {0};

	while (taker->taken < COMMENTS / 2) {
		CLEANUP(store_task) struct store_task got = {0};

		int rc = store_task_take_up(
			world.store, taker->task, 500, &got, NULL, &err);
		if (rc < 0)
			fail_msg("%s", err.text);
		taker->taken += rc;
	}
	finish(taker->task, 501);
	return NULL;
}

struct claimer {
	int claimed;
	int number;
};

static void *claim_all(void *arg)
{
	struct claimer *claimer = arg;
	struct err err = {0};
	char lease[16];

	snprintf(lease, sizeof lease, "c:%d", claimer->number);
	for (int idle = 0; idle < 200;) {
		CLEANUP(store_task) struct store_task row = {0};

		int rc = store_task_claim(world.store, lease, 1000, &row, NULL, &err);
		if (rc < 0)
			fail_msg("%s", err.text);
		if (rc == 0) {
			idle++;
			continue;
		}
		idle = 0;
		claimer->claimed++;
		assert_int_equal(row.taken_by, 0);
		finish(&row, 1001);
	}
	return NULL;
}

/* Comments come, the running task takes them up, it ends, others claim what is left: each is
 * either taken up or claimed, once. */
static void test_take_up_against_claim(void **state)
{
	CLEANUP(store_task) struct store_task task = {0};
	CLEANUP(store_conversation) struct store_conversation row = {0};
	CLEANUP(store_tasks) struct store_tasks list = {0};
	struct claimer claimers[2] = {{0, 1}, {0, 2}};
	struct taker taker = {.task = &task};
	struct err err = {0};
	pthread_t threads[3];

	(void)state;
	start("1/12", 12, false, 100, &task, &row);
	OK(thread_start(&threads[0], "take", take_all, &taker, &err));
	for (int i = 0; i < 2; i++)
		OK(thread_start(&threads[1 + i], "claim", claim_all, &claimers[i], &err));
	for (int i = 0; i < COMMENTS; i++)
		add_task("1/12", 12, false, 200 + i);
	for (int i = 0; i < 3; i++)
		thread_join(threads[i]);
	/* What came after both claimers gave up. */
	struct claimer rest = {0, 3};
	claim_all(&rest);
	OK(store_task_taken(world.store, task.id, &list, &err));
	assert_int_equal(list.count, taker.taken);
	assert_int_equal(
		taker.taken + claimers[0].claimed + claimers[1].claimed + rest.claimed,
		COMMENTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_first_task_makes_it_the_next_goes_on),
		TEST(test_a_new_task_of_the_lane_knows_it_at_once),
		TEST(test_save_writes_every_fact_and_the_tasks),
		TEST(test_found_by_issue_and_by_pull_request),
		TEST(test_a_pull_requests_task_joins_the_issues),
		TEST(test_a_persons_pull_request_is_known_by_number),
		TEST(test_a_pull_request_has_one_conversation),
		TEST(test_an_attempt_has_none),
		TEST(test_lists),
		TEST(test_what_verbs_change),
		TEST(test_take_up_takes_the_oldest_fix),
		TEST(test_take_up_against_claim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
