/* SPDX-License-Identifier: MIT */
/* A day's limits, by the rows: days, requests that a run takes up, money while it runs. */
#include "service/task/limits.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store_event.h"
#include "service/task/attempts.h"
#include "tests/lib/store_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define DAY_MS INT64_C(86400000)

static struct store_world world;

static int setup(void **state)
{
	(void)state;
	store_world_start(&world);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	store_world_stop(&world);
	return 0;
}

static void ask(int64_t person, int64_t at_ms, struct store_task *ret)
{
	struct store_task_new fresh = store_world_task("9/12", 9, at_ms);
	struct err err = {0};
	int64_t id;

	fresh.requester_id = person;
	fresh.now_ms = at_ms;
	assert_int_equal(store_task_add(world.store, &fresh, &id, NULL, &err), 0);
	assert_int_equal(store_task_get(world.store, id, ret, &err), 0);
}

static void a_request_beyond_the_limit_is_not_taken_up(void **state)
{
	CLEANUP(store_task) struct store_task first = {0};
	CLEANUP(store_task) struct store_task second = {0};
	CLEANUP(store_task) struct store_task other = {0};
	CLEANUP(store_task) struct store_task tomorrow = {0};
	struct task_env env = {.store = world.store};
	struct task_ctx ctx = {.env = &env, .task = &first};
	struct err err = {0};

	(void)state;
	ask(5, 10 * DAY_MS, &first);
	ask(5, 11 * DAY_MS - 1, &second);
	ask(6, 10 * DAY_MS + 2, &other);
	ask(5, 11 * DAY_MS, &tomorrow);
	assert_int_equal(limits_taken(&ctx, &second, &err), 1); /* no limit */
	ctx.file.runs_per_person_day = 1;
	assert_int_equal(limits_taken(&ctx, &first, &err), 1);
	assert_int_equal(limits_taken(&ctx, &second, &err), 0);
	assert_int_equal(limits_taken(&ctx, &other, &err), 1);
	assert_int_equal(limits_taken(&ctx, &tomorrow, &err), 1);
	ctx.file.runs_per_person_day = 2;
	assert_int_equal(limits_taken(&ctx, &second, &err), 1);
	ctx.file.runs_per_day = 2;
	assert_int_equal(limits_taken(&ctx, &other, &err), 0);
}

/* Whoever carries a request out, it is a run of the day. */
static void a_request_that_was_taken_up_is_a_run(void **state)
{
	CLEANUP(store_task) struct store_task first = {0};
	CLEANUP(store_task) struct store_task taken = {0};
	CLEANUP(store_task) struct store_task third = {0};
	struct task_env env = {.store = world.store};
	struct task_ctx ctx = {.env = &env, .task = &first};
	struct err err = {0};
	int64_t id;

	(void)state;
	ctx.file.runs_per_person_day = 2;
	ask(5, 10 * DAY_MS, &third);
	id = third.id;
	store_task_release(&third);
	assert_int_equal(store_world_claim(&world, "a:1", 10 * DAY_MS + 1, &first), id);
	ask(5, 10 * DAY_MS + 2, &third);
	assert_int_equal(limits_taken(&ctx, &third, &err), 1);
	assert_int_equal(store_task_take_up(world.store, &first, 10 * DAY_MS + 3, &taken,
				 NULL, &err),
		1);
	store_task_release(&third);
	ask(5, 10 * DAY_MS + 4, &third);
	assert_int_equal(limits_taken(&ctx, &third, &err), 0);
	ctx.file.runs_per_person_day = 3;
	assert_int_equal(limits_taken(&ctx, &third, &err), 1);
}

/* What the gate says of a task that is made at `at_ms`: NULL when it may pass.  free() */
static char *gate_says(int64_t at_ms, const struct repo_config *rules)
{
	CLEANUP(store_task) struct store_task made = {0};
	CLEANUP(store_task) struct store_task task = {0};
	struct task_env env = {.store = world.store};
	struct task_ctx ctx = {.env = &env, .task = &task};
	struct err err = {0};

	ask(5, at_ms, &made);
	assert_int_equal(store_world_claim(&world, "a:1", at_ms, &task), made.id);
	int rc = limits_gate(&ctx, rules, false, &err);
	assert_true(rc >= 0);
	char *said = rc == 0 ? mem_strdup(ctx.outcome) : NULL;
	free(ctx.outcome);
	assert_int_equal(store_task_finish(world.store, &task,
				 said ? STORE_TASK_REFUSED : STORE_TASK_DONE, "x", "x",
				 at_ms, NULL, &err),
		0);
	return said;
}

static void the_day_ends_at_midnight_utc(void **state)
{
	struct repo_config rules = {.runs_per_person_day = 1};
	const int64_t day = 20454; /* 2026-01-01 */

	(void)state;
	assert_null(gate_says(day * DAY_MS, &rules));
	CLEANUP(mem) char *said = gate_says((day + 1) * DAY_MS - 1, &rules);
	assert_non_null(said);
	assert_non_null(strstr(said, "refused_limit\n"));
	assert_non_null(strstr(said, "free again at 2026-01-02T00:00:00Z"));
	assert_null(gate_says((day + 1) * DAY_MS, &rules));
	CLEANUP(mem) char *next = gate_says((day + 1) * DAY_MS + 1, &rules);
	assert_non_null(next);
	assert_non_null(strstr(next, "free again at 2026-01-03T00:00:00Z"));
}

/* A task's money is that of the day on which it was made, also behind midnight. */
static void money_belongs_to_the_day_of_the_task(void **state)
{
	CLEANUP(store_task) struct store_task late = {0};
	CLEANUP(store_task) struct store_task spent = {0};
	struct task_env env = {.store = world.store};
	struct task_ctx ctx = {.env = &env, .task = &late};
	struct store_event_batch batch = {.run_offset = -1, .cost_usd = 1.5};
	struct err err = {0};

	(void)state;
	ask(5, 20 * DAY_MS + 1, &spent);
	int64_t id = spent.id;
	store_task_release(&spent);
	assert_int_equal(store_world_claim(&world, "a:1", 20 * DAY_MS + 2, &spent), id);
	assert_int_equal(store_events_append(world.store, &spent, &batch, NULL, &err), 0);
	ctx.file.cost_usd_per_day = 2;
	ask(6, 21 * DAY_MS - 1, &late); /* runs into the next day */
	assert_int_equal(limits_budget(&ctx, 5000000), 500000);
	assert_int_equal(limits_budget(&ctx, 300000), 300000);
	store_task_release(&late);
	ask(6, 21 * DAY_MS, &late);
	assert_int_equal(limits_budget(&ctx, 5000000), 2000000);
}

/* `x3` costs what one task may: the attempts share it, and what people added. */
static void attempts_share_the_money_of_one_task(void **state)
{
	struct store_task_new fresh = store_world_task("9/13", 9, 1);
	CLEANUP(store_task) struct store_task parent = {0};
	CLEANUP(store_tasks) struct store_tasks list = {0};
	struct task_env env = {.store = world.store};
	struct task_ctx ctx = {.env = &env};
	struct err err = {0};
	double sum = 0, added = 0;
	int64_t id;

	(void)state;
	fresh.attempts = 3;
	assert_int_equal(store_task_add(world.store, &fresh, &id, NULL, &err), 0);
	assert_int_equal(store_world_claim(&world, "a:1", 2, &parent), id);
	ctx.task = &parent;
	ctx.talk.budget_usd = 1.5;
	double usd = 6;
	assert_int_equal(attempts_share(&ctx, &usd, &err), 0);
	assert_true(usd == 6 && ctx.talk.budget_usd == 1.5); /* it is no attempt */
	assert_int_equal(store_task_split(world.store, &parent, 3, 3, NULL, &err), 0);
	assert_int_equal(store_task_attempts(world.store, id, &list, &err), 0);
	assert_int_equal(list.count, 3);
	for (size_t i = 0; i < list.count; i++) {
		struct task_ctx one = {.env = &env, .task = &list.rows[i]};

		one.talk.budget_usd = 1.5;
		usd = 6;
		assert_int_equal(attempts_share(&one, &usd, &err), 0);
		sum += usd;
		added += one.talk.budget_usd;
	}
	assert_true(sum > 5.999 && sum < 6.001);
	assert_true(added > 1.499 && added < 1.501);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_beyond_the_limit_is_not_taken_up),
		TEST(a_request_that_was_taken_up_is_a_run),
		TEST(the_day_ends_at_midnight_utc),
		TEST(money_belongs_to_the_day_of_the_task),
		TEST(attempts_share_the_money_of_one_task),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
