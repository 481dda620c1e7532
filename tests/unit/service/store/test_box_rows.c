/* SPDX-License-Identifier: MIT */
/* service/store/box.c, box_change.c, box_meter.c: the rows of boxes. */
#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "service/store/store_account.h"
#include "service/store/store_box_log.h"
#include "service/store/store_box_preview.h"
#include "service/store/store_box_schedule.h"
#include "service/store/store_box_snapshot.h"
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

/* ---- making and finding --------------------------------------------------------------- */

static void test_every_column_comes_back(void **state)
{
	CLEANUP(store_box) struct store_box got = {0};
	struct store_box box = {.id = (char[]){"b-1"},
		.account = (char[]){"a"},
		.name = (char[]){"web"},
		.state = STORE_BOX_CREATING,
		.error = (char[]){"e"},
		.runtime = (char[]){"python"},
		.image = (char[]){"img"},
		.snapshot_id = (char[]){"s-1"},
		.size = (char[]){"large"},
		.keep_alive = true,
		.ephemeral = true,
		.expires_ms = 9,
		.labels = (char[]){"[\"x\"]"},
		.network = (char[]){"{\"mode\":\"deny-all\"}"},
		.init_command = (char[]){"echo"},
		.git_name = (char[]){"N"},
		.git_email = (char[]){"E"},
		.agent = (char[]){"codex"},
		.model = (char[]){"m"},
		.runner = (char[]){"{}"},
		.skills = (char[]){"[1]"},
		.mcp = (char[]){"[2]"},
		.session_id = (char[]){"sess"},
		.sealed = (char[]){"s1.x"},
		.pause_reason = (char[]){"p"},
		.wake_reason = (char[]){"w"},
		.active_ms = 3,
		.created_ms = 4,
		.updated_ms = 5};

	(void)state;
	OK(store_box_add(world.store, &box, NULL, err));
	OK(store_box_get(world.store, "b-1", &got, err));
#define SAME(field) assert_string_equal(got.field, box.field)
	SAME(id), SAME(account), SAME(name), SAME(error), SAME(runtime), SAME(image);
	SAME(snapshot_id), SAME(size), SAME(labels), SAME(network), SAME(init_command);
	SAME(git_name), SAME(git_email), SAME(agent), SAME(model), SAME(runner);
	SAME(skills), SAME(mcp), SAME(session_id), SAME(sealed), SAME(pause_reason);
	SAME(wake_reason);
#undef SAME
	assert_int_equal(got.state, STORE_BOX_CREATING);
	assert_true(got.keep_alive && got.ephemeral);
	assert_int_equal(got.expires_ms, 9);
	assert_int_equal(got.active_ms, 3);
	assert_int_equal(got.created_ms, 4);
	assert_int_equal(got.updated_ms, 5);
	assert_null(got.boot);
	assert_int_equal(got.cpu_us, 0);
}

static void test_what_is_left_out(void **state)
{
	CLEANUP(store_box) struct store_box got = {0};
	struct store_box box = store_world_box("b", "a", NULL, 1);

	(void)state;
	box.id = (char[]){""};
	REFUSED(store_box_add(world.store, &box, NULL, err), ERR_INPUT, "id");
	box.id = (char[]){"b"};
	box.name = (char[]){""};
	REFUSED(store_box_add(world.store, &box, NULL, err), ERR_INPUT, "name");
	box.name = NULL;
	OK(store_box_add(world.store, &box, NULL, err));
	OK(store_box_get(world.store, "b", &got, err));
	assert_null(got.name);
	assert_null(got.agent);
	assert_string_equal(got.labels, "[]");
	assert_string_equal(got.skills, "[]");
	assert_string_equal(got.mcp, "[]");
	assert_string_equal(got.sealed, "");
}

static void test_names_are_unique_within_the_account(void **state)
{
	struct store_box box = store_world_box("b-2", "a", "web", 2);
	struct store_box_move move = {
		.from = STORE_BOX_ANY, .to = STORE_BOX_DELETING, .now_ms = 3};

	(void)state;
	store_world_add_box(&world, "b-1", "a", "web", 1);
	store_world_add_box(&world, "b-9", "other", "web", 1);
	REFUSED(store_box_add(world.store, &box, NULL, err), ERR_CONFLICT, "'web'");
	/* A name that is another's id, an id that is another's name. */
	box.name = (char[]){"b-1"};
	REFUSED(store_box_add(world.store, &box, NULL, err), ERR_CONFLICT, "'b-1'");
	box.id = (char[]){"web"};
	box.name = NULL;
	REFUSED(store_box_add(world.store, &box, NULL, err), ERR_CONFLICT, "'web'");
	box.id = (char[]){"b-9"}; /* ids are unique among all accounts */
	REFUSED(store_box_add(world.store, &box, NULL, err), ERR_CONFLICT, "'b-9'");
	/* One that is being deleted gives its name back. */
	OK(store_box_set_state(world.store, "b-1", &move, NULL, err));
	box = store_world_box("b-2", "a", "web", 2);
	OK(store_box_add(world.store, &box, NULL, err));
	CLEANUP(store_box) struct store_box got = {0};
	OK(store_box_find(world.store, "a", "web", &got, err));
	assert_string_equal(got.id, "b-2");
}

static void test_found_within_the_account_only(void **state)
{
	CLEANUP(store_box) struct store_box got = {0};

	(void)state;
	store_world_add_box(&world, "b-1", "a", "web", 1);
	OK(store_box_find(world.store, "a", "b-1", &got, err));
	store_box_release(&got);
	OK(store_box_find(world.store, "a", "web", &got, err));
	assert_string_equal(got.id, "b-1");
	REFUSED(store_box_find(world.store, "b", "b-1", &got, err), ERR_NOT_FOUND,
		"no such box");
	REFUSED(store_box_find(world.store, "b", "web", &got, err), ERR_NOT_FOUND,
		"no such box");
	REFUSED(store_box_find(world.store, "a", "we", &got, err), ERR_NOT_FOUND, "box");
	REFUSED(store_box_get(world.store, "web", &got, err), ERR_NOT_FOUND, "box");
	assert_string_equal(got.id, "b-1"); /* untouched by failures */
}

static void test_lists(void **state)
{
	CLEANUP(store_boxes) struct store_boxes all = {0};
	CLEANUP(store_boxes) struct store_boxes idle = {0};
	CLEANUP(store_boxes) struct store_boxes expired = {0};
	CLEANUP(store_boxes) struct store_boxes making = {0};
	struct store_box box = store_world_box("b-4", "a", NULL, 3);
	int64_t count = 0;

	(void)state;
	store_world_add_box(&world, "b-1", "a", NULL, 1);
	store_world_add_box(&world, "b-2", "a", NULL, 3);
	store_world_add_box(&world, "b-3", "b", NULL, 2);
	box.state = STORE_BOX_CREATING;
	box.ephemeral = true;
	box.expires_ms = 50;
	OK(store_box_add(world.store, &box, NULL, err));
	box = store_world_box("b-5", "c", NULL, 1);
	box.keep_alive = true;
	OK(store_box_add(world.store, &box, NULL, err));

	OK(store_box_list(world.store, "a", &all, err));
	assert_int_equal(all.count, 3);
	assert_string_equal(
		all.rows[0].id, "b-4"); /* the later of two at the same time */
	assert_string_equal(all.rows[1].id, "b-2");
	assert_string_equal(all.rows[2].id, "b-1");

	OK(store_box_list_idle(world.store, 3, 0, &idle, err));
	assert_int_equal(idle.count, 2);
	assert_string_equal(idle.rows[0].id, "b-1");
	assert_string_equal(idle.rows[1].id, "b-3");
	store_boxes_release(&idle);
	OK(store_box_list_idle(world.store, 3, 1, &idle, err));
	assert_int_equal(idle.count, 1);

	OK(store_box_list_expired(world.store, 49, 0, &expired, err));
	assert_int_equal(expired.count, 0);
	OK(store_box_list_expired(world.store, 50, 0, &expired, err));
	assert_int_equal(expired.count, 1);

	OK(store_box_list_in(world.store,
		STORE_BOX_IN(STORE_BOX_CREATING) | STORE_BOX_IN(STORE_BOX_DELETING),
		&making, err));
	assert_int_equal(making.count, 1);
	assert_string_equal(making.rows[0].id, "b-4");

	OK(store_box_count(world.store, "a", STORE_BOX_ANY, &count, err));
	assert_int_equal(count, 3);
	OK(store_box_count(world.store, "a", STORE_BOX_IN(STORE_BOX_READY), &count, err));
	assert_int_equal(count, 2);
	OK(store_box_count(world.store, NULL, STORE_BOX_ANY, &count, err));
	assert_int_equal(count, 5);
	OK(store_box_count(world.store, "nobody", STORE_BOX_ANY, &count, err));
	assert_int_equal(count, 0);
}

static void test_a_list_of_many_is_quick(void **state)
{
	enum { BOXES = 300, TRIES = 20 };
	CLEANUP(mem) char *script = mem_zalloc(16 * LIMIT_KIB);
	int64_t best_us = INT64_MAX;

	(void)state;
	memset(script, 'x', 16 * LIMIT_KIB - 1);
	for (int i = 0; i < BOXES; i++) {
		char id[32], name[32];
		struct store_box box;

		snprintf(id, sizeof id, "b-%d", i);
		snprintf(name, sizeof name, "name-%d", i);
		box = store_world_box(id, "a", name, i);
		box.init_command = script;
		OK(store_box_add(world.store, &box, NULL, err));
	}
	for (int i = 0; i < TRIES; i++) {
		CLEANUP(store_boxes) struct store_boxes list = {0};
		int64_t started = clock_mono_us();

		OK(store_box_list(world.store, "a", &list, err));
		int64_t took = clock_mono_us() - started;
		best_us = took < best_us ? took : best_us;
		assert_int_equal(list.count, BOXES);
		assert_string_equal(list.rows[0].name, "name-299");
	}
	print_message("# a list of %d boxes with 16 KiB each: %.2f ms\n", BOXES,
		(double)best_us / 1000);
	assert_true(best_us < 100000);
}

/* ---- state ---------------------------------------------------------------------------- */

static void test_moves_from_given_states_only(void **state)
{
	CLEANUP(store_box) struct store_box got = {0};
	struct store_box_move pause = {.from = STORE_BOX_IN(STORE_BOX_READY),
		.to = STORE_BOX_PAUSED,
		.pause_reason = "idle",
		.now_ms = 20};
	struct store_box_move wake = {.from = STORE_BOX_IN(STORE_BOX_PAUSED),
		.to = STORE_BOX_READY,
		.wake_reason = "exec",
		.now_ms = 30};
	struct store_box_move fail = {.from = STORE_BOX_ANY,
		.to = STORE_BOX_ERROR,
		.error = "no disk",
		.now_ms = 40};

	(void)state;
	store_world_add_box(&world, "b", "a", NULL, 10);
	REFUSED(store_box_set_state(world.store, "b", &wake, NULL, err), ERR_CONFLICT,
		"the box is ready");
	OK(store_box_set_state(world.store, "b", &pause, NULL, err));
	REFUSED(store_box_set_state(world.store, "b", &pause, NULL, err), ERR_CONFLICT,
		"the box is paused");
	OK(store_box_get(world.store, "b", &got, err));
	assert_int_equal(got.state, STORE_BOX_PAUSED);
	assert_string_equal(got.pause_reason, "idle");
	assert_int_equal(got.active_ms, 10);
	assert_int_equal(got.updated_ms, 20);
	store_box_release(&got);

	OK(store_box_set_state(world.store, "b", &wake, NULL, err));
	OK(store_box_get(world.store, "b", &got, err));
	assert_string_equal(got.pause_reason, "idle"); /* stays, for people */
	assert_string_equal(got.wake_reason, "exec");
	assert_int_equal(got.active_ms, 30); /* not paused again at once */
	store_box_release(&got);

	OK(store_box_set_state(world.store, "b", &fail, NULL, err));
	OK(store_box_get(world.store, "b", &got, err));
	assert_string_equal(got.error, "no disk");
	store_box_release(&got);
	wake.from = STORE_BOX_ANY;
	OK(store_box_set_state(world.store, "b", &wake, NULL, err));
	OK(store_box_get(world.store, "b", &got, err));
	assert_null(got.error);
	REFUSED(store_box_set_state(world.store, "nil", &wake, NULL, err), ERR_NOT_FOUND,
		"box");
}

static void test_a_used_box_is_not_paused(void **state)
{
	struct store_box_move pause = {.from = STORE_BOX_IN(STORE_BOX_READY),
		.to = STORE_BOX_PAUSED,
		.unless_active_after_ms = 15,
		.now_ms = 20};

	(void)state;
	store_world_add_box(&world, "b", "a", NULL, 10);
	store_box_touch(world.store, "b", 16); /* queued before: it counts */
	REFUSED(store_box_set_state(world.store, "b", &pause, NULL, err), ERR_CONFLICT,
		"used meanwhile");
	pause.unless_active_after_ms = 16;
	OK(store_box_set_state(world.store, "b", &pause, NULL, err));
}

/* ---- configuration -------------------------------------------------------------------- */

static void test_each_verb_writes_its_own_columns(void **state)
{
	CLEANUP(store_box) struct store_box got = {0};
	struct store *s = world.store;

	(void)state;
	store_world_add_box(&world, "b", "a", NULL, 1);
	store_world_add_box(&world, "c", "a", NULL, 1);
	OK(store_box_set_labels(s, "b", "[\"l\"]", 2, NULL, err));
	OK(store_box_set_network(s, "b", "{\"n\":1}", 2, NULL, err));
	OK(store_box_set_init(s, "b", "init", 2, NULL, err));
	OK(store_box_set_skills(s, "b", "[\"s\"]", 2, NULL, err));
	OK(store_box_set_sealed(s, "b", "sealed", 2, NULL, err));
	OK(store_box_set_git(s, "b", "N", NULL, 2, NULL, err));
	OK(store_box_set_git(s, "b", NULL, "E", 2, NULL, err));
	OK(store_box_set_agent(s, "b", "codex", "m", "{}", 2, NULL, err));
	OK(store_box_set_agent(s, "b", "codex", "n", NULL, 7, NULL, err));
	OK(store_box_get(s, "b", &got, err));
	assert_string_equal(got.labels, "[\"l\"]");
	assert_string_equal(got.network, "{\"n\":1}");
	assert_string_equal(got.init_command, "init");
	assert_string_equal(got.skills, "[\"s\"]");
	assert_string_equal(got.sealed, "sealed");
	assert_string_equal(got.git_name, "N");
	assert_string_equal(got.git_email, "E");
	assert_string_equal(got.agent, "codex");
	assert_string_equal(got.model, "n");
	assert_null(got.runner);
	assert_int_equal(got.updated_ms, 7);
	store_box_release(&got);
	OK(store_box_get(s, "c", &got, err)); /* another box is as it was */
	assert_string_equal(got.labels, "[]");
	assert_int_equal(got.updated_ms, 1);
	REFUSED(store_box_set_labels(s, "nil", "[]", 1, NULL, err), ERR_NOT_FOUND,
		"no such box");
}

/* Two that change different things at the same time do not undo each other. */
static void *label_many(void *arg)
{
	bool *ok = arg;

	for (int i = 0; i < 200; i++) {
		struct err err = {0};
		char text[32];

		snprintf(text, sizeof text, "[%d]", i);
		if (store_box_set_labels(world.store, "b", text, i, NULL, &err) < 0)
			return NULL;
	}
	*ok = true;
	return NULL;
}

static void test_changes_at_the_same_time(void **state)
{
	CLEANUP(store_box) struct store_box got = {0};
	struct err thread_err = {0};
	bool ok = false;
	pthread_t thread;

	(void)state;
	store_world_add_box(&world, "b", "a", NULL, 1);
	assert_int_equal(
		thread_start(&thread, "labels", label_many, &ok, &thread_err), 0);
	for (int i = 0; i < 200; i++) {
		char text[32];

		snprintf(text, sizeof text, "{\"n\":%d}", i);
		OK(store_box_set_network(world.store, "b", text, i, NULL, err));
	}
	thread_join(thread);
	assert_true(ok);
	OK(store_box_get(world.store, "b", &got, err));
	assert_string_equal(got.labels, "[199]");
	assert_string_equal(got.network, "{\"n\":199}");
}

/* ---- metering ------------------------------------------------------------------------- */

#define DAY_ONE 1769817600000LL /* 2026-01-31 */
#define DAY_TWO (DAY_ONE + 86400000)

static void meter(const char *boot, int64_t cpu_us, int64_t peak, int64_t now_ms)
{
	struct store_box_meter reading = {.boot = boot,
		.boot_cpu_us = cpu_us,
		.memory_peak = peak,
		.usd_per_cpu_us = 0.5,
		.now_ms = now_ms};

	store_box_meter(world.store, "b", &reading);
}

static void test_the_meter_counts_each_microsecond_once(void **state)
{
	CLEANUP(store_box) struct store_box got = {0};
	CLEANUP(store_usages) struct store_usages days = {0};

	(void)state;
	store_world_add_box(&world, "b", "a", NULL, 1);
	meter("x", 100, 70, DAY_ONE);
	meter("x", 100, 70, DAY_ONE); /* twice the same */
	meter("x", 250, 60, DAY_ONE);
	meter("x", 200, 60, DAY_ONE); /* overtaken */
	meter("y", 40, 50, DAY_TWO);  /* it was started anew */
	store_world_flush(&world);
	OK(store_box_get(world.store, "b", &got, err));
	assert_int_equal(got.cpu_us, 290);
	assert_int_equal(got.boot_cpu_us, 40);
	assert_string_equal(got.boot, "y");
	assert_int_equal(got.memory_peak, 70);
	assert_true(got.compute_usd > 144.9 && got.compute_usd < 145.1);

	OK(store_account_usage_list(
		world.store, "a", "2026-01-01", "2026-12-31", &days, err));
	assert_int_equal(days.count, 2);
	assert_string_equal(days.rows[0].day, "2026-01-31");
	assert_int_equal(days.rows[0].cpu_us, 250);
	assert_string_equal(days.rows[1].day, "2026-02-01");
	assert_int_equal(days.rows[1].cpu_us, 40);
	meter("y", 50, 0, DAY_TWO);
	store_box_meter(world.store, "nil", &(struct store_box_meter){.boot = "z"});
	store_world_again(&world); /* what is queued is not lost by a stop */
	store_box_release(&got);
	OK(store_box_get(world.store, "b", &got, err));
	assert_int_equal(got.cpu_us, 300);
}

static void test_disks_by_time(void **state)
{
	CLEANUP(store_box) struct store_box got = {0};
	CLEANUP(store_usages) struct store_usages days = {0};
	int64_t gib = 1024 * (int64_t)LIMIT_MIB;

	(void)state;
	store_world_add_box(&world, "b", "a", NULL, 1);
	store_box_set_disk(world.store, "b", gib, DAY_ONE);
	store_box_set_disk(world.store, "b", 2 * gib, DAY_ONE + 10000);
	store_box_set_disk(world.store, "b", 0, DAY_ONE + 15000);
	store_box_set_disk(world.store, "b", gib, DAY_ONE + 14000); /* overtaken */
	store_box_set_disk(world.store, "b", 5, DAY_ONE + 99000);
	store_world_flush(&world);
	OK(store_account_usage_list(
		world.store, "a", "2026-01-31", "2026-01-31", &days, err));
	assert_int_equal(days.count, 1);
	assert_int_equal(days.rows[0].storage_mb_s, 1024 * 10 + 2048 * 5);
	OK(store_box_get(world.store, "b", &got, err));
	assert_int_equal(got.disk_bytes, 5);
	assert_int_equal(got.disk_ms, DAY_ONE + 99000);
}

static void test_activity_goes_forward_only(void **state)
{
	CLEANUP(store_box) struct store_box got = {0};

	(void)state;
	store_world_add_box(&world, "b", "a", NULL, 10);
	store_box_touch(world.store, "b", 30);
	store_box_touch(world.store, "b", 20);
	store_box_touch(world.store, "nil", 20);
	store_world_flush(&world);
	OK(store_box_get(world.store, "b", &got, err));
	assert_int_equal(got.active_ms, 30);
	assert_int_equal(got.updated_ms, 10);
}

/* ---- the end -------------------------------------------------------------------------- */

static void fill(const char *box)
{
	struct store_box_schedule schedule = {.id = mem_printf("s-%s", box),
		.box_id = (char *)(uintptr_t)box,
		.account = (char[]){"a"},
		.cron = (char[]){"* * * * *"},
		.detail = (char[]){"{}"}};
	struct store_box_preview preview = {
		.box_id = (char *)(uintptr_t)box, .port = 80, .account = (char[]){"a"}};
	struct store_box_snapshot snapshot = {.id = mem_printf("snap-%s", box),
		.account = (char[]){"a"},
		.box_id = (char *)(uintptr_t)box,
		.name = (char[]){"n"}};

	OK(store_box_schedule_add(world.store, &schedule, NULL, err));
	OK(store_box_preview_put(world.store, &preview, NULL, err));
	OK(store_box_snapshot_add(world.store, &snapshot, NULL, err));
	for (int i = 0; i < 120; i++) {
		char id[64];
		struct store_box_run run;

		snprintf(id, sizeof id, "r-%s-%d", box, i);
		run = store_world_run(id, box, i);
		store_box_run_add_async(world.store, &run);
	}
	for (int i = 0; i < 2500; i++)
		store_box_log_append(world.store, box,
			&(struct store_box_log){.at_ms = i,
				.level = (char[]){"info"},
				.source = (char[]){"user"},
				.message = (char[]){"m"}});
	store_world_flush(&world);
	free(schedule.id);
	free(snapshot.id);
}

struct left {
	size_t runs, logs, schedules, previews, snapshots;
};

static struct left count_left(const char *box)
{
	CLEANUP(store_box_runs) struct store_box_runs runs = {0};
	CLEANUP(store_box_logs) struct store_box_logs logs = {0};
	CLEANUP(store_box_schedules) struct store_box_schedules schedules = {0};
	CLEANUP(store_box_previews) struct store_box_previews previews = {0};
	CLEANUP(store_box_snapshots) struct store_box_snapshots snapshots = {0};

	OK(store_box_run_list(world.store, box, 500, &runs, err));
	OK(store_box_log_list(world.store, box, 0, 0, &logs, err));
	OK(store_box_schedule_list(world.store, box, &schedules, err));
	OK(store_box_preview_list(world.store, box, &previews, err));
	OK(store_box_snapshot_list(world.store, "a", box, &snapshots, err));
	return (struct left){
		runs.count, logs.count, schedules.count, previews.count, snapshots.count};
}

static void test_deleted_with_all_but_its_snapshots(void **state)
{
	CLEANUP(store_box) struct store_box got = {0};
	struct left left;

	(void)state;
	store_world_add_box(&world, "b", "a", "web", 1);
	store_world_add_box(&world, "c", "a", NULL, 1);
	fill("b");
	fill("c");
	left = count_left("b");
	assert_true(left.runs == 120 && left.logs == 2500 && left.schedules == 1 &&
		    left.previews == 1 && left.snapshots == 1);
	OK(store_box_delete(world.store, "b", NULL, err));
	OK(store_box_delete(world.store, "b", NULL, err)); /* again is fine */
	REFUSED(store_box_get(world.store, "b", &got, err), ERR_NOT_FOUND, "box");
	left = count_left("b");
	assert_true(left.runs == 0 && left.logs == 0 && left.schedules == 0 &&
		    left.previews == 0 && left.snapshots == 1);
	left = count_left("c");
	assert_true(left.runs == 120 && left.logs == 2500 && left.schedules == 1 &&
		    left.previews == 1 && left.snapshots == 1);
}

/* ---- figures -------------------------------------------------------------------------- */

static int64_t figure(const char *table, const char *word)
{
	struct store_figures figures = {0};

	OK(store_figures(world.store, &figures, err));
	for (size_t i = 0; i < figures.ncounts; i++)
		if (str_eq(figures.counts[i].table, table) &&
			str_eq(figures.counts[i].state, word))
			return figures.counts[i].count;
	return 0;
}

static void test_figures_follow(void **state)
{
	struct store_box_move pause = {
		.from = STORE_BOX_ANY, .to = STORE_BOX_PAUSED, .now_ms = 2};
	struct store_box_run_end end = {.state = STORE_BOX_RUN_FAILED, .completed_ms = 3};

	(void)state;
	store_world_add_box(&world, "b", "a", NULL, 1);
	store_world_add_box(&world, "c", "a", NULL, 1);
	store_world_add_run(&world, "r", "b", 1);
	store_world_add_run(&world, "s", "b", 1);
	OK(store_box_set_state(world.store, "c", &pause, NULL, err));
	OK(store_box_run_finish(world.store, "r", &end, NULL, err));
	assert_int_equal(figure("box", "ready"), 1);
	assert_int_equal(figure("box", "paused"), 1);
	assert_int_equal(figure("box_run", "running"), 1);
	assert_int_equal(figure("box_run", "failed"), 1);
	OK(store_box_delete(world.store, "b", NULL, err));
	assert_int_equal(figure("box", "ready"), 0);
	assert_int_equal(figure("box_run", "running"), 0);
	assert_int_equal(figure("box_run", "failed"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_column_comes_back),
		TEST(test_what_is_left_out),
		TEST(test_names_are_unique_within_the_account),
		TEST(test_found_within_the_account_only),
		TEST(test_lists),
		TEST(test_a_list_of_many_is_quick),
		TEST(test_moves_from_given_states_only),
		TEST(test_a_used_box_is_not_paused),
		TEST(test_each_verb_writes_its_own_columns),
		TEST(test_changes_at_the_same_time),
		TEST(test_the_meter_counts_each_microsecond_once),
		TEST(test_disks_by_time),
		TEST(test_activity_goes_forward_only),
		TEST(test_deleted_with_all_but_its_snapshots),
		TEST(test_figures_follow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
