/* SPDX-License-Identifier: MIT */
/* A day's limits also hold for requests that a run takes up without their own gate. */
#include "service/task/limits.h"

#include "tests/lib/store_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_request_beyond_the_limit_is_not_taken_up, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
