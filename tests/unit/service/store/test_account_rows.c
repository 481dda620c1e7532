/* SPDX-License-Identifier: MIT */
/* service/store/key.c, account.c and prune.c. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store_account.h"
#include "service/store/store_delivery.h"
#include "service/store/store_event.h"
#include "service/store/store_key.h"
#include "tests/lib/store_box_world.h"
#include "tests/lib/store_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* ---- keys ------------------------------------------------------------------------------- */

static void add_key(const char *id, const char *account, const char *hash, int64_t ms)
{
	struct store_key key = {.id = text(id),
		.account = text(account),
		.name = text("ci"),
		.hash = text(hash),
		.hint = text("beef"),
		.scope = STORE_KEY_READ,
		.created_ms = ms};

	OK(store_key_add(world.store, &key, NULL, err));
}

static void test_keys(void **state)
{
	CLEANUP(store_key) struct store_key got = {0};
	CLEANUP(store_keys) struct store_keys mine = {0};
	CLEANUP(store_keys) struct store_keys all = {0};
	struct store_key bad = {.id = text("x"), .account = text("a")};
	struct store *s = world.store;

	(void)state;
	REFUSED(store_key_add(s, &bad, NULL, err), ERR_INPUT, "hash");
	add_key("k1", "a", "h1", 1);
	add_key("k2", "a", "h2", 2);
	add_key("k3", "b", "h3", 3);
	OK(store_key_find(s, "h1", &got, err));
	assert_string_equal(got.id, "k1");
	assert_string_equal(got.account, "a");
	assert_int_equal(got.scope, STORE_KEY_READ);
	assert_string_equal(got.hint, "beef");
	REFUSED(store_key_find(s, "h", &got, err), ERR_NOT_FOUND, "no such key");
	OK(store_key_list(s, "a", &mine, err));
	assert_int_equal(mine.count, 2);
	assert_string_equal(mine.rows[0].id, "k1");
	OK(store_key_list(s, NULL, &all, err));
	assert_int_equal(all.count, 3);

	REFUSED(store_key_revoke(s, "b", "k1", 9, NULL, err), ERR_NOT_FOUND, "key");
	OK(store_key_revoke(s, "a", "k1", 9, NULL, err));
	REFUSED(store_key_revoke(s, "a", "k1", 9, NULL, err), ERR_NOT_FOUND, "key");
	REFUSED(store_key_find(s, "h1", &got, err), ERR_NOT_FOUND, "key");
	OK(store_key_revoke(s, NULL, "k3", 9, NULL, err));
	store_keys_release(&all);
	OK(store_key_list(s, NULL, &all, err));
	assert_int_equal(all.count, 3); /* they stay in sight */
	assert_int_equal(all.rows[0].revoked_ms, 9);
}

static void test_use_is_noted_once_a_minute(void **state)
{
	CLEANUP(store_key) struct store_key got = {0};

	(void)state;
	add_key("k1", "a", "h1", 1);
	store_key_touch(world.store, "k1", 100000);
	store_key_touch(world.store, "k1", 159999);
	store_world_flush(&world);
	OK(store_key_find(world.store, "h1", &got, err));
	assert_int_equal(got.used_ms, 100000);
	store_key_touch(world.store, "k1", 160000);
	store_key_touch(world.store, "k1", 50);
	store_world_flush(&world);
	store_key_release(&got);
	OK(store_key_find(world.store, "h1", &got, err));
	assert_int_equal(got.used_ms, 160000);
}

/* ---- accounts --------------------------------------------------------------------------- */

static struct store_env env(const char *name, const char *sealed)
{
	return (struct store_env){text(name), text(sealed), 7};
}

static void test_variables(void **state)
{
	CLEANUP(store_envs) struct store_envs list = {0};
	struct store_env one = env("B", "1"), two[] = {env("X", "8"), env("Y", "9")};
	struct store_env bad[] = {env("Z", "8"), env("", "9")};
	struct store *s = world.store;

	(void)state;
	OK(store_account_env_put(s, "a", &one, NULL, err));
	one = env("A", "2");
	OK(store_account_env_put(s, "a", &one, NULL, err));
	OK(store_account_env_put(s, "other", &one, NULL, err));
	one = env("B", "3");
	OK(store_account_env_put(s, "a", &one, NULL, err));
	OK(store_account_env_list(s, "a", &list, err));
	assert_int_equal(list.count, 2);
	assert_string_equal(list.rows[0].name, "A");
	assert_string_equal(list.rows[1].sealed, "3");
	assert_int_equal(list.rows[1].updated_ms, 7);
	REFUSED(store_account_env_delete(s, "a", "C", NULL, err), ERR_NOT_FOUND,
		"no such variable");
	OK(store_account_env_delete(s, "a", "A", NULL, err));
	OK(store_account_env_replace(s, "a", two, 2, NULL, err));
	/* One that fails changes nothing. */
	REFUSED(store_account_env_replace(s, "a", bad, 2, NULL, err), ERR_INPUT, "name");
	store_envs_release(&list);
	OK(store_account_env_list(s, "a", &list, err));
	assert_int_equal(list.count, 2);
	assert_string_equal(list.rows[0].name, "X");
	store_envs_release(&list);
	OK(store_account_env_replace(s, "a", NULL, 0, NULL, err));
	OK(store_account_env_list(s, "a", &list, err));
	assert_int_equal(list.count, 0);
	OK(store_account_env_list(s, "other", &list, err));
	assert_int_equal(list.count, 1);
}

static void test_variables_are_not_without_end(void **state)
{
	struct store_env many[LIMIT_ACCOUNT_ENV + 1];
	char names[LIMIT_ACCOUNT_ENV + 1][16];
	struct store_env one;

	(void)state;
	for (int i = 0; i <= LIMIT_ACCOUNT_ENV; i++) {
		snprintf(names[i], sizeof names[i], "N%d", i);
		many[i] = env(names[i], "v");
	}
	REFUSED(store_account_env_replace(
			world.store, "a", many, LIMIT_ACCOUNT_ENV + 1, NULL, err),
		ERR_QUOTA, "at most 200");
	OK(store_account_env_replace(
		world.store, "a", many, LIMIT_ACCOUNT_ENV, NULL, err));
	one = env("N3", "again");
	OK(store_account_env_put(world.store, "a", &one, NULL, err));
	one = env("more", "v");
	REFUSED(store_account_env_put(world.store, "a", &one, NULL, err), ERR_QUOTA,
		"at most 200");
}

static void test_usage_by_day(void **state)
{
	CLEANUP(store_usages) struct store_usages days = {0};
	struct store_usage add = {.cpu_us = 1,
		.storage_mb_s = 2,
		.runs = 3,
		.tokens_in = 4,
		.tokens_out = 5,
		.compute_usd = 0.5,
		.tokens_usd = 0.25};
	int64_t day = 1769817600000LL; /* 2026-01-31 */

	(void)state;
	store_account_usage_add(world.store, "a", &add, day);
	store_account_usage_add(world.store, "a", &add, day + 86399999);
	store_account_usage_add(world.store, "a", &add, day + 86400000);
	store_account_usage_add(world.store, "b", &add, day);
	store_world_flush(&world);
	OK(store_account_usage_list(
		world.store, "a", "2026-01-31", "2026-01-31", &days, err));
	assert_int_equal(days.count, 1);
	assert_string_equal(days.rows[0].day, "2026-01-31");
	assert_int_equal(days.rows[0].cpu_us, 2);
	assert_int_equal(days.rows[0].storage_mb_s, 4);
	assert_int_equal(days.rows[0].runs, 6);
	assert_int_equal(days.rows[0].tokens_in, 8);
	assert_int_equal(days.rows[0].tokens_out, 10);
	assert_true(days.rows[0].compute_usd == 1.0);
	assert_true(days.rows[0].tokens_usd == 0.5);
	store_usages_release(&days);
	OK(store_account_usage_list(
		world.store, "a", "2026-01-01", "2026-12-31", &days, err));
	assert_int_equal(days.count, 2);
	assert_string_equal(days.rows[1].day, "2026-02-01");
}

/* ---- what is forgotten ------------------------------------------------------------------ */

/* A delivery that made a task, which ends at `end_ms` (0: goes on), with `events`. */
static int64_t a_task(int number, int64_t received_ms, int64_t end_ms, int events)
{
	struct store_event_new event = {
		.at_ms = 1, .kind = "log", .text = "x", .text_len = 1};
	CLEANUP(store_task) struct store_task task = {0};
	char lane[32], id[32], lease[32];
	struct store_task_new new_task;
	struct store_delivery_new delivery;
	struct store_delivery_added added = {0};

	snprintf(lane, sizeof lane, "1#%d", number);
	snprintf(id, sizeof id, "d-%d", number);
	snprintf(lease, sizeof lease, "a:%d", number);
	new_task = store_world_task(lane, number, 1);
	delivery = (struct store_delivery_new){.id = id,
		.event = "issues",
		.received_ms = received_ms,
		.body = "{}",
		.body_len = 2,
		.reason_code = "task",
		.reason = "",
		.task = &new_task};
	OK(store_delivery_add(world.store, &delivery, &added, NULL, err));
	store_world_claim(&world, lease, 1, &task);
	assert_int_equal(task.id, added.task_id);
	for (int i = 0; i < events; i++)
		OK(store_events_append(world.store, &task,
			&(struct store_event_batch){
				.events = &event, .count = 1, .run_offset = -1},
			NULL, err));
	if (end_ms)
		OK(store_task_finish(world.store, &task, STORE_TASK_DONE, "done", "",
			end_ms, NULL, err));
	return task.id;
}

static size_t events_of(int64_t task)
{
	CLEANUP(store_events) struct store_events list = {0};

	OK(store_events_read(world.store, task, 0, 500, &list, err));
	return list.count;
}

static bool delivery_is_there(const char *id)
{
	CLEANUP(store_delivery) struct store_delivery got = {0};
	struct err err = {0};

	return store_delivery_get(world.store, id, false, &got, &err) == 0;
}

static bool task_is_there(int64_t id)
{
	CLEANUP(store_task) struct store_task got = {0};
	struct err err = {0};

	return store_task_get(world.store, id, &got, &err) == 0;
}

static void test_old_things_go_bit_by_bit(void **state)
{
	int64_t old = a_task(1, 10, 20, 7), late = a_task(2, 10, 200, 3),
		open = a_task(3, 10, 0, 4), fresh = a_task(4, 150, 160, 2);
	int rows = -1, rounds = 0, total = 0;
	bool more = true;

	(void)state;
	while (more) {
		OK(store_prune(world.store, 100, 3, &rows, &more, NULL, err));
		assert_true(rows <= 3);
		total += rows;
		rounds++;
		assert_true(rounds < 10);
	}
	/* Two deliveries (that of the open task stays), and one task with its events. */
	assert_int_equal(total, 10);
	assert_false(task_is_there(old));
	assert_true(task_is_there(late));
	assert_int_equal(events_of(old), 0);
	assert_int_equal(events_of(late), 3);
	assert_int_equal(events_of(open), 4);
	assert_int_equal(events_of(fresh), 2);
	assert_false(delivery_is_there("d-1"));
	assert_false(delivery_is_there("d-2"));
	assert_true(delivery_is_there("d-3"));
	assert_true(delivery_is_there("d-4"));
	/* Later, others are old. */
	OK(store_prune(world.store, 1000, 0, &rows, &more, NULL, err));
	assert_int_equal(rows, 8);
	assert_false(task_is_there(late));
	assert_true(task_is_there(open));
	store_world_again(&world); /* and what it remembered is gone */
	OK(store_prune(world.store, 1000, 0, &rows, &more, NULL, err));
	assert_int_equal(rows, 0);
	assert_int_equal(events_of(open), 4);
}

/* Tasks whose events are gone cost little, and do not hide the next. */
static void test_many_empty_tasks_are_passed_over(void **state)
{
	bool more = true;
	int rows, rounds = 0, total = 0;
	int64_t last;

	(void)state;
	for (int i = 0; i < 1100; i++)
		a_task(i, 500, 20, 0);
	last = a_task(2000, 500, 30, 2);
	while (more) {
		OK(store_prune(world.store, 100, 0, &rows, &more, NULL, err));
		total += rows;
		rounds++;
	}
	assert_int_equal(total, 2);
	assert_int_equal(rounds, 2);
	assert_int_equal(events_of(last), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_keys),
		TEST(test_use_is_noted_once_a_minute),
		TEST(test_variables),
		TEST(test_variables_are_not_without_end),
		TEST(test_usage_by_day),
		TEST(test_old_things_go_bit_by_bit),
		TEST(test_many_empty_tasks_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
