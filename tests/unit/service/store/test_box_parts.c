/* SPDX-License-Identifier: MIT */
/* service/store/box_log.c, box_snapshot.c, box_schedule.c, box_preview.c. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store_box_log.h"
#include "service/store/store_box_preview.h"
#include "service/store/store_box_schedule.h"
#include "service/store/store_box_snapshot.h"
#include "tests/lib/store_box_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct store_world world;

static int set_up(void **state)
{
	(void)state;
	store_world_start(&world);
	store_world_add_box(&world, "b", "a", NULL, 1);
	store_world_add_box(&world, "c", "a", NULL, 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	store_world_stop(&world);
	return 0;
}

static char *text(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* ---- logs ------------------------------------------------------------------------------- */

static void append(const char *box, int64_t at_ms, const char *message)
{
	store_box_log_append(world.store, box,
		&(struct store_box_log){.at_ms = at_ms,
			.level = text("warn"),
			.source = text("agent"),
			.message = text(message)});
}

static void test_log_in_order(void **state)
{
	CLEANUP(store_box_logs) struct store_box_logs list = {0};

	(void)state;
	append("b", 5, "one");
	append("c", 6, "other");
	append("b", 4, "two"); /* the order is that of writing */
	append("nil", 4, "lost");
	append("b", 7, "three");
	store_world_flush(&world);
	OK(store_box_log_list(world.store, "b", 0, 0, &list, err));
	assert_int_equal(list.count, 3);
	assert_string_equal(list.rows[0].message, "one");
	assert_string_equal(list.rows[0].level, "warn");
	assert_string_equal(list.rows[0].source, "agent");
	assert_int_equal(list.rows[0].at_ms, 5);
	assert_string_equal(list.rows[1].message, "two");
	assert_true(list.rows[1].seq > list.rows[0].seq);
	store_box_logs_release(&list);
	OK(store_box_log_list(world.store, "b", 1, 1, &list, err));
	assert_int_equal(list.count, 1);
	assert_string_equal(list.rows[0].message, "two");
	store_box_logs_release(&list);
	OK(store_box_log_list(world.store, "b", 3, 10, &list, err));
	assert_int_equal(list.count, 0);
	OK(store_box_log_list(world.store, "nil", -5, -5, &list, err));
	assert_int_equal(list.count, 0);
}

static void test_log_of_hostile_text(void **state)
{
	CLEANUP(store_box_logs) struct store_box_logs list = {0};
	CLEANUP(mem) char *long_text = mem_zalloc(LIMIT_MIB);

	(void)state;
	memset(long_text, 0xfe, LIMIT_MIB - 1);
	append("b", 1, long_text);
	append("b", 1, "\033[31mred\r");
	append("b", 1, NULL);
	store_world_flush(&world);
	OK(store_box_log_list(world.store, "b", 0, 0, &list, err));
	assert_int_equal(list.count, 3);
	assert_true(strlen(list.rows[0].message) <= LIMIT_LOG_LINE);
	assert_true(str_is_utf8(list.rows[0].message, strlen(list.rows[0].message)));
	assert_null(strchr(list.rows[1].message, '\033'));
	assert_string_equal(list.rows[2].message, "");
}

static void test_log_is_kept_short(void **state)
{
	CLEANUP(store_box_logs) struct store_box_logs list = {0};
	char message[32];

	(void)state;
	for (int i = 1; i <= LIMIT_BOX_LOG_ROWS + 700; i++) {
		snprintf(message, sizeof message, "%d", i);
		append("b", i, message);
	}
	append("c", 1, "stays");
	store_world_flush(&world);
	OK(store_box_log_list(world.store, "b", 0, 0, &list, err));
	assert_true(list.count >= LIMIT_BOX_LOG_ROWS);
	assert_true(list.count < LIMIT_BOX_LOG_ROWS + 200);
	assert_string_equal(list.rows[list.count - 1].message, message);
	assert_int_equal(list.rows[0].seq + (int64_t)list.count - 1,
		list.rows[list.count - 1].seq);
	store_box_logs_release(&list);
	OK(store_box_log_list(world.store, "c", 0, 0, &list, err));
	assert_int_equal(list.count, 1);
}

/* ---- snapshots -------------------------------------------------------------------------- */

static void add_snapshot(const char *id, const char *account, const char *box, int64_t ms)
{
	struct store_box_snapshot snapshot = {.id = text(id),
		.account = text(account),
		.box_id = text(box),
		.name = text("n"),
		.runtime = text("node"),
		.agent = text("codex"),
		.skills = text("[]"),
		.mcp = text("[]"),
		.sealed = text("s1.z"),
		.created_ms = ms};

	OK(store_box_snapshot_add(world.store, &snapshot, NULL, err));
}

static void test_snapshots_found(void **state)
{
	CLEANUP(store_box_snapshot) struct store_box_snapshot got = {0};
	CLEANUP(store_box_snapshots) struct store_box_snapshots all = {0};
	CLEANUP(store_box_snapshots) struct store_box_snapshots mine = {0};

	(void)state;
	add_snapshot("s1", "a", "b", 1);
	add_snapshot("s2", "a", "gone", 2);
	add_snapshot("s3", "a", "b", 2);
	add_snapshot("s4", "other", "b", 2);
	OK(store_box_snapshot_get(world.store, "a", "s1", &got, err));
	assert_string_equal(got.name, "n");
	assert_string_equal(got.agent, "codex");
	assert_null(got.model);
	assert_string_equal(got.sealed, "s1.z");
	assert_string_equal(got.image, "");
	assert_int_equal(got.state, STORE_SNAPSHOT_CREATING);
	REFUSED(store_box_snapshot_get(world.store, "a", "s4", &got, err), ERR_NOT_FOUND,
		"no such snapshot");
	OK(store_box_snapshot_list(world.store, "a", NULL, &all, err));
	assert_int_equal(all.count, 3);
	assert_string_equal(all.rows[0].id, "s3");
	assert_string_equal(all.rows[1].id, "s2");
	OK(store_box_snapshot_list(world.store, "a", "b", &mine, err));
	assert_int_equal(mine.count, 2);
	assert_string_equal(mine.rows[0].id, "s3");
	assert_string_equal(mine.rows[1].id, "s1");
}

static void test_snapshot_states(void **state)
{
	CLEANUP(store_box_snapshot) struct store_box_snapshot got = {0};
	CLEANUP(store_box_snapshots) struct store_box_snapshots making = {0};
	unsigned creating = STORE_SNAPSHOT_IN(STORE_SNAPSHOT_CREATING);

	(void)state;
	add_snapshot("s1", "a", "b", 1);
	add_snapshot("s2", "a", "b", 1);
	OK(store_box_snapshot_set_ready(world.store, "s1", "img:1", 99, NULL, err));
	OK(store_box_snapshot_get(world.store, "a", "s1", &got, err));
	assert_int_equal(got.state, STORE_SNAPSHOT_READY);
	assert_string_equal(got.image, "img:1");
	assert_int_equal(got.size_bytes, 99);
	REFUSED(store_box_snapshot_set_ready(world.store, "s1", "x", 1, NULL, err),
		ERR_CONFLICT, "the snapshot is ready");
	OK(store_box_snapshot_set_state(
		world.store, "s2", creating, STORE_SNAPSHOT_ERROR, "disk", NULL, err));
	REFUSED(store_box_snapshot_set_state(world.store, "s2", creating,
			STORE_SNAPSHOT_DELETING, NULL, NULL, err),
		ERR_CONFLICT, "the snapshot is error");
	REFUSED(store_box_snapshot_set_ready(world.store, "nil", "x", 1, NULL, err),
		ERR_NOT_FOUND, "no such snapshot");
	OK(store_box_snapshot_set_state(world.store, "s1", STORE_SNAPSHOT_ANY,
		STORE_SNAPSHOT_DELETING, NULL, NULL, err));
	store_box_snapshot_release(&got);
	OK(store_box_snapshot_get(world.store, "a", "s1", &got, err));
	assert_string_equal(got.image, "img:1"); /* stays, for whoever removes it */
	assert_int_equal(got.size_bytes, 99);
	add_snapshot("s3", "a", "b", 1);
	OK(store_box_snapshot_list_in(world.store,
		creating | STORE_SNAPSHOT_IN(STORE_SNAPSHOT_DELETING), &making, err));
	assert_int_equal(making.count, 2);
	OK(store_box_snapshot_delete(world.store, "s1", NULL, err));
	OK(store_box_snapshot_delete(world.store, "s1", NULL, err));
	REFUSED(store_box_snapshot_get(world.store, "a", "s1", &got, err), ERR_NOT_FOUND,
		"snapshot");
}

static void test_who_stands_on_an_image(void **state)
{
	int64_t boxes = -1, snapshots = -1;

	(void)state;
	OK(store_image_used(world.store, "nothing", &boxes, &snapshots, err));
	assert_int_equal(boxes, 0);
	assert_int_equal(snapshots, 0);
	add_snapshot("s1", "a", "b", 1);
	OK(store_box_snapshot_set_ready(
		world.store, "s1", "boxwright/base", 1, NULL, err));
	OK(store_image_used(world.store, "boxwright/base", &boxes, &snapshots, err));
	assert_int_equal(boxes, 2);
	assert_int_equal(snapshots, 1);
}

/* ---- schedules -------------------------------------------------------------------------- */

static struct store_box_schedule a_schedule(
	const char *id, const char *box, int64_t next_ms)
{
	return (struct store_box_schedule){.id = text(id),
		.box_id = text(box),
		.account = text("a"),
		.type = STORE_SCHEDULE_PROMPT,
		.cron = text("* * * * *"),
		.detail = text("{\"prompt\":\"x\"}"),
		.next_ms = next_ms,
		.created_ms = 1,
		.updated_ms = 1};
}

static void add_schedule(const char *id, const char *box, int64_t next_ms)
{
	struct store_box_schedule schedule = a_schedule(id, box, next_ms);

	OK(store_box_schedule_add(world.store, &schedule, NULL, err));
}

static void test_schedules_found(void **state)
{
	CLEANUP(store_box_schedule) struct store_box_schedule got = {0};
	CLEANUP(store_box_schedules) struct store_box_schedules list = {0};
	struct store_box_schedule lost = a_schedule("s9", "nil", 5);

	(void)state;
	add_schedule("s1", "b", 60);
	add_schedule("s2", "b", 60);
	add_schedule("s3", "c", 60);
	REFUSED(store_box_schedule_add(world.store, &lost, NULL, err), ERR_NOT_FOUND,
		"no such box");
	OK(store_box_schedule_get(world.store, "b", "s1", &got, err));
	assert_int_equal(got.type, STORE_SCHEDULE_PROMPT);
	assert_int_equal(got.state, STORE_SCHEDULE_ACTIVE);
	assert_string_equal(got.detail, "{\"prompt\":\"x\"}");
	assert_null(got.sealed);
	assert_int_equal(got.next_ms, 60);
	REFUSED(store_box_schedule_get(world.store, "c", "s1", &got, err), ERR_NOT_FOUND,
		"no such schedule");
	OK(store_box_schedule_list(world.store, "b", &list, err));
	assert_int_equal(list.count, 2);
	assert_string_equal(list.rows[0].id, "s1");
	REFUSED(store_box_schedule_delete(world.store, "c", "s1", NULL, err),
		ERR_NOT_FOUND, "schedule");
	OK(store_box_schedule_delete(world.store, "b", "s1", NULL, err));
	REFUSED(store_box_schedule_delete(world.store, "b", "s1", NULL, err),
		ERR_NOT_FOUND, "schedule");
}

static void test_a_slot_fires_once(void **state)
{
	CLEANUP(store_box_schedules) struct store_box_schedules due = {0};
	CLEANUP(store_box_schedule) struct store_box_schedule got = {0};

	(void)state;
	add_schedule("s1", "b", 120);
	add_schedule("s2", "b", 60);
	add_schedule("s3", "b", 0); /* no slot */
	OK(store_box_schedule_due(world.store, 59, 0, &due, err));
	assert_int_equal(due.count, 0);
	OK(store_box_schedule_due(world.store, 120, 0, &due, err));
	assert_int_equal(due.count, 2);
	assert_string_equal(due.rows[0].id, "s2");

	OK(store_box_schedule_fired(world.store, "s2", 60, 180, NULL, err));
	REFUSED(store_box_schedule_fired(world.store, "s2", 60, 180, NULL, err),
		ERR_CONFLICT, "slot");
	REFUSED(store_box_schedule_fired(world.store, "nil", 60, 180, NULL, err),
		ERR_CONFLICT, "slot");
	OK(store_box_schedule_set_state(
		world.store, "s1", STORE_SCHEDULE_PAUSED, 0, 9, NULL, err));
	REFUSED(store_box_schedule_fired(world.store, "s1", 0, 180, NULL, err),
		ERR_CONFLICT, "slot");
	OK(store_box_schedule_get(world.store, "b", "s1", &got, err));
	assert_int_equal(got.state, STORE_SCHEDULE_PAUSED);
	assert_int_equal(got.updated_ms, 9);
	REFUSED(store_box_schedule_set_state(
			world.store, "nil", STORE_SCHEDULE_PAUSED, 0, 9, NULL, err),
		ERR_NOT_FOUND, "schedule");
}

static void test_what_came_of_slots(void **state)
{
	CLEANUP(store_box_schedule) struct store_box_schedule got = {0};
	struct store_box_schedule change = a_schedule("s1", "b", 777);
	struct store *s = world.store;

	(void)state;
	add_schedule("s1", "b", 60);
	OK(store_box_schedule_ran(s, "s1", "r1", "completed", 61, NULL, err));
	OK(store_box_schedule_ran(s, "s1", "r2", "failed", 62, NULL, err));
	OK(store_box_schedule_ran(s, "s1", "r3", "skipped", 63, NULL, err));
	OK(store_box_schedule_ran(s, "nil", "r3", "skipped", 63, NULL, err));
	OK(store_box_schedule_get(s, "b", "s1", &got, err));
	assert_int_equal(got.total_runs, 2);
	assert_int_equal(got.total_failures, 1);
	assert_string_equal(got.last_run_id, "r3");
	assert_string_equal(got.last_status, "skipped");
	assert_int_equal(got.last_run_ms, 63);
	change.cron = text("0 0 * * *");
	change.sealed = text("s1.q");
	change.updated_ms = 70;
	OK(store_box_schedule_change(s, &change, NULL, err));
	store_box_schedule_release(&got);
	OK(store_box_schedule_get(s, "b", "s1", &got, err));
	assert_string_equal(got.cron, "0 0 * * *");
	assert_string_equal(got.sealed, "s1.q");
	assert_int_equal(got.next_ms, 777);
	assert_int_equal(got.total_runs, 2);
}

static void test_schedules_are_not_without_end(void **state)
{
	char id[32];

	(void)state;
	for (int i = 0; i < LIMIT_BOX_SCHEDULES; i++) {
		snprintf(id, sizeof id, "s%d", i);
		add_schedule(id, "b", 60);
	}
	struct store_box_schedule one = a_schedule("more", "b", 60);
	REFUSED(store_box_schedule_add(world.store, &one, NULL, err), ERR_QUOTA,
		"at most 100");
	add_schedule("more", "c", 60);
}

/* ---- previews --------------------------------------------------------------------------- */

static struct store_box_preview a_preview(const char *box, int port, int listen)
{
	return (struct store_box_preview){.box_id = text(box),
		.port = port,
		.account = text("a"),
		.listen_port = listen,
		.created_ms = 5};
}

static void test_previews(void **state)
{
	CLEANUP(store_box_preview) struct store_box_preview got = {0};
	CLEANUP(store_box_previews) struct store_box_previews list = {0};
	CLEANUP(store_box_previews) struct store_box_previews all = {0};
	struct store_box_preview preview = a_preview("b", 3000, 21000);
	struct store *s = world.store;

	(void)state;
	preview.token_hash = text("aa");
	OK(store_box_preview_put(s, &preview, NULL, err));
	preview = a_preview("b", 80, 0);
	OK(store_box_preview_put(s, &preview, NULL, err));
	preview = a_preview("c", 80, 0); /* several have no port of ours */
	OK(store_box_preview_put(s, &preview, NULL, err));
	OK(store_box_preview_by_listen(s, 21000, &got, err));
	assert_string_equal(got.box_id, "b");
	assert_int_equal(got.port, 3000);
	assert_string_equal(got.token_hash, "aa");
	assert_null(got.password_hash);
	REFUSED(store_box_preview_by_listen(s, 0, &got, err), ERR_NOT_FOUND, "preview");

	preview = a_preview("c", 3000, 21000);
	REFUSED(store_box_preview_put(s, &preview, NULL, err), ERR_CONFLICT,
		"port 21000 of ours leads to port 3000 of b");
	preview = a_preview("b", 3000, 21000); /* again: replaced with its secrets */
	preview.password_hash = text("bb");
	OK(store_box_preview_put(s, &preview, NULL, err));
	store_box_preview_release(&got);
	OK(store_box_preview_get(s, "b", 3000, &got, err));
	assert_null(got.token_hash);
	assert_string_equal(got.password_hash, "bb");
	preview = a_preview("nil", 3000, 0);
	REFUSED(store_box_preview_put(s, &preview, NULL, err), ERR_NOT_FOUND, "box");

	OK(store_box_preview_list(s, "b", &list, err));
	assert_int_equal(list.count, 2);
	assert_int_equal(list.rows[0].port, 80);
	OK(store_box_preview_list(s, NULL, &all, err));
	assert_int_equal(all.count, 3);
	OK(store_box_preview_delete(s, "b", 3000, NULL, err));
	REFUSED(store_box_preview_delete(s, "b", 3000, NULL, err), ERR_NOT_FOUND,
		"no such preview");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_log_in_order),
		TEST(test_log_of_hostile_text),
		TEST(test_log_is_kept_short),
		TEST(test_snapshots_found),
		TEST(test_snapshot_states),
		TEST(test_who_stands_on_an_image),
		TEST(test_schedules_found),
		TEST(test_a_slot_fires_once),
		TEST(test_what_came_of_slots),
		TEST(test_schedules_are_not_without_end),
		TEST(test_previews),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
