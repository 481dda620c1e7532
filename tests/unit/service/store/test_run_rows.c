/* SPDX-License-Identifier: MIT */
/* service/store/step.c, event.c, effect.c, prepared.c: what a task leaves behind. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"
#include "tests/lib/store_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct store_world world;
static struct store_task task;

static int set_up(void **state)
{
	(void)state;
	store_world_start(&world);
	store_world_add(&world, "1#1", 1, 1);
	store_world_claim(&world, "a:1", 1, &task);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	store_task_release(&task);
	store_world_stop(&world);
	return 0;
}

#define OK(call)                                                                         \
	do {                                                                             \
		if ((call) < 0)                                                          \
			fail_msg("%s: %s", #call, err.text);                             \
	} while (0)

/* The task goes to another instance; ours becomes a ghost. */
static void lose_the_lease(void)
{
	struct store_recovered recovered;
	struct err err = {0};

	OK(store_recover(world.store, "b", 50, &recovered, NULL, &err));
}

/* ---- steps -------------------------------------------------------------------------------- */

static void test_steps_in_order(void **state)
{
	CLEANUP(store_steps) struct store_steps list = {0};
	CLEANUP(store_task) struct store_task row = {0};
	struct err err = {0};
	int64_t seq = 0;

	(void)state;
	store_set(&task.base_oid, "abc"); /* saved on the way */
	OK(store_step_begin(world.store, &task, "prepare", 10, &seq, NULL, &err));
	assert_int_equal(seq, 1);
	OK(store_step_end(world.store, &task, seq, true, "3 MB", "work", 20, NULL, &err));
	assert_string_equal(task.step, "work");
	OK(store_step_begin(world.store, &task, "work", 21, &seq, NULL, &err));
	OK(store_step_end(
		world.store, &task, seq, false, "no answer", NULL, 30, NULL, &err));
	assert_int_equal(
		store_step_end(world.store, &task, seq, true, "", NULL, 31, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	OK(store_step_list(world.store, task.id, &list, &err));
	assert_int_equal(list.count, 2);
	assert_string_equal(list.rows[0].name, "prepare");
	assert_int_equal(list.rows[0].state, STORE_STEP_DONE);
	assert_int_equal(list.rows[0].finished_ms, 20);
	assert_string_equal(list.rows[0].detail, "3 MB");
	assert_int_equal(list.rows[1].state, STORE_STEP_FAILED);
	assert_int_equal(list.rows[1].attempt, 1);
	OK(store_task_get(world.store, task.id, &row, &err));
	assert_string_equal(row.step, "work");
	assert_string_equal(row.base_oid, "abc");
}

static void test_a_step_that_was_cut_off_is_closed(void **state)
{
	CLEANUP(store_steps) struct store_steps list = {0};
	struct err err = {0};
	int64_t seq;

	(void)state;
	OK(store_step_begin(world.store, &task, "work", 10, &seq, NULL, &err));
	lose_the_lease();
	assert_int_equal(
		store_step_end(world.store, &task, seq, true, "", NULL, 60, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	store_world_claim(&world, "b:1", 60, &task);
	assert_int_equal(task.crashes, 1);
	OK(store_step_begin(world.store, &task, "work", 61, &seq, NULL, &err));
	assert_int_equal(task.crashes, 1); /* the same step: it counts on */
	OK(store_step_list(world.store, task.id, &list, &err));
	assert_int_equal(list.count, 2);
	assert_int_equal(list.rows[0].state, STORE_STEP_FAILED);
	assert_string_equal(list.rows[0].detail, "the service ended");
	assert_int_equal(list.rows[1].state, STORE_STEP_RUNNING);
}

/* ---- events ------------------------------------------------------------------------------- */

static int append(const char *const *texts, size_t count, int64_t offset, struct err *err)
{
	struct store_event_new events[8];
	struct store_event_batch what = {.events = events,
		.count = count,
		.run_offset = offset,
		.tokens_out = 3,
		.cost_usd = 0.25};

	for (size_t i = 0; i < count; i++)
		events[i] =
			(struct store_event_new){5, "text", texts[i], strlen(texts[i])};
	return store_events_append(world.store, &task, &what, NULL, err);
}

static void test_events_and_offset_move_together(void **state)
{
	static const char *const first[] = {"one", "two"}, *const second[] = {"three"};
	CLEANUP(store_events) struct store_events list = {0}, rest = {0};
	CLEANUP(store_task) struct store_task row = {0};
	struct err err = {0};

	(void)state;
	store_set(&task.branch, "not saved by this");
	OK(append(first, 2, 100, &err));
	assert_int_equal(task.run_offset, 100);
	OK(append(second, 1, 150, &err));
	OK(append(NULL, 0, -1, &err)); /* figures alone */
	OK(store_task_get(world.store, task.id, &row, &err));
	assert_int_equal(row.run_offset, 150);
	assert_int_equal(row.tokens_out, 9);
	assert_true(row.cost_usd > 0.74 && row.cost_usd < 0.76);
	assert_int_equal(task.tokens_out, 9);
	assert_null(row.branch);
	OK(store_events_read(world.store, task.id, 0, 0, &list, &err));
	assert_int_equal(list.count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(list.rows[i].seq, (int64_t)i + 1);
	assert_string_equal(list.rows[2].text, "three");
	OK(store_events_read(world.store, task.id, 1, 1, &rest, &err));
	assert_int_equal(rest.count, 1);
	assert_string_equal(rest.rows[0].text, "two");
}

static void test_a_ghost_appends_nothing(void **state)
{
	static const char *const texts[] = {"boo"};
	CLEANUP(store_events) struct store_events list = {0};
	struct err err = {0};

	(void)state;
	lose_the_lease();
	assert_int_equal(append(texts, 1, 100, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_int_equal(task.run_offset, 0);
	OK(store_events_read(world.store, task.id, 0, 0, &list, &err));
	assert_int_equal(list.count, 0);
}

static void test_text_is_cleaned_and_cut(void **state)
{
	CLEANUP(store_events) struct store_events list = {0};
	CLEANUP(mem) char *large = mem_alloc(LIMIT_TASK_EVENT + 3);
	struct store_event_new events[2] = {
		{1, "text", "a\0b\xff\x1b[31m", 9}, {2, "text", large, 0}};
	struct store_event_batch what = {.events = events, .count = 2, .run_offset = -1};
	struct err err = {0};

	(void)state;
	memset(large, 'x', LIMIT_TASK_EVENT + 2);
	memcpy(large + LIMIT_TASK_EVENT - 1, "\xc3\xa9", 2); /* across the edge */
	events[1].text_len = LIMIT_TASK_EVENT + 2;
	OK(store_events_append(world.store, &task, &what, NULL, &err));
	OK(store_events_read(world.store, task.id, 0, 0, &list, &err));
	assert_true(str_is_utf8(list.rows[0].text, strlen(list.rows[0].text)));
	assert_null(strchr(list.rows[0].text, 0x1b));
	assert_non_null(strstr(list.rows[0].text, "[31m"));
	assert_int_equal(strlen(list.rows[1].text), LIMIT_TASK_EVENT - 1);
	what.count = STORE_PAGE_MAX + 1;
	assert_int_equal(store_events_append(world.store, &task, &what, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
}

static void test_a_page_of_events_ends_by_bytes(void **state)
{
	CLEANUP(mem) char *large = mem_alloc(LIMIT_TASK_EVENT);
	struct store_event_new events[STORE_PAGE_MAX];
	struct store_event_batch what = {
		.events = events, .count = 200, .run_offset = -1};
	struct err err = {0};
	int64_t after = 0;
	size_t pages = 0;

	(void)state;
	memset(large, 'x', LIMIT_TASK_EVENT);
	for (int i = 0; i < STORE_PAGE_MAX; i++)
		events[i] = (struct store_event_new){1, "text", large, LIMIT_TASK_EVENT};
	OK(store_events_append(world.store, &task, &what, NULL, &err));
	for (;; pages++) {
		CLEANUP(store_events) struct store_events list = {0};

		OK(store_events_read(
			world.store, task.id, after, STORE_PAGE_MAX, &list, &err));
		if (!list.count)
			break;
		assert_true(list.count * LIMIT_TASK_EVENT <=
			    LIMIT_STORE_PAGE_BYTES + LIMIT_TASK_EVENT);
		assert_int_equal(list.rows[0].seq, after + 1);
		after = list.rows[list.count - 1].seq;
	}
	assert_int_equal(after, 200);
	assert_int_equal(pages, 2);
}

/* ---- effects ------------------------------------------------------------------------------- */

static void test_an_effect_is_planned_once(void **state)
{
	struct store_effect_key key = {task.id, "a:1", "comment", "status"};
	CLEANUP(store_effect) struct store_effect row = {0}, again = {0};
	struct err err = {0};

	(void)state;
	OK(store_effect_plan(world.store, &key, "hello", &row, NULL, &err));
	assert_int_equal(row.state, STORE_EFFECT_PLANNED);
	assert_string_equal(row.want, "hello");
	OK(store_effect_sent(world.store, &key, 77, NULL, &err));
	OK(store_effect_plan(world.store, &key, "other", &again, NULL, &err));
	assert_int_equal(again.state, STORE_EFFECT_SENT);
	assert_string_equal(again.want, "hello");
	assert_int_equal(again.sent_ms, 77);
	OK(store_effect_sent(world.store, &key, 78, NULL, &err)); /* after a probe */
	OK(store_effect_done(world.store, &key, "4711", "https://x", NULL, &err));
	OK(store_effect_done(world.store, &key, NULL, "https://y", NULL, &err));
	store_effect_release(&row);
	OK(store_effect_get(world.store, &key, &row, &err));
	assert_int_equal(row.state, STORE_EFFECT_DONE);
	assert_string_equal(row.remote_id, "4711");
	assert_string_equal(row.remote_url, "https://y");
	assert_int_equal(store_effect_sent(world.store, &key, 79, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_non_null(strstr(err.text, "is done already"));
	assert_int_equal(store_effect_refused(world.store, &key, "no", NULL, &err), -1);
}

static void test_refused_and_unknown_effects(void **state)
{
	struct store_effect_key key = {task.id, "a:1", "branch", NULL};
	CLEANUP(store_effects) struct store_effects list = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(store_effect_sent(world.store, &key, 1, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	OK(store_effect_plan(world.store, &key, NULL, NULL, NULL, &err));
	OK(store_effect_refused(world.store, &key, "GH013", NULL, &err));
	key.kind = "comment";
	OK(store_effect_plan(world.store, &key, NULL, NULL, NULL, &err));
	OK(store_effect_list(world.store, task.id, &list, &err));
	assert_int_equal(list.count, 2);
	assert_string_equal(list.rows[0].kind, "branch");
	assert_int_equal(list.rows[0].state, STORE_EFFECT_REFUSED);
	assert_string_equal(list.rows[0].err, "GH013");
	assert_string_equal(list.rows[0].slot, "");
}

static void test_a_ghost_has_no_effects(void **state)
{
	struct store_effect_key key = {task.id, "a:1", "comment", "status"};
	CLEANUP(store_effects) struct store_effects list = {0};
	struct err err = {0};

	(void)state;
	OK(store_effect_plan(world.store, &key, "x", NULL, NULL, &err));
	lose_the_lease();
	assert_int_equal(store_effect_sent(world.store, &key, 1, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	key.slot = "eyes";
	assert_int_equal(store_effect_plan(world.store, &key, "x", NULL, NULL, &err), -1);
	OK(store_effect_list(world.store, task.id, &list, &err));
	assert_int_equal(list.count, 1);
	key.lease = NULL; /* an answer to a command belongs to nobody's lease */
	key.task_id = 0;
	OK(store_effect_plan(world.store, &key, "x", NULL, NULL, &err));
}

/* ---- prepared repositories ------------------------------------------------------------------ */

static void put(const char *key, int64_t created, enum store_prepared_state state)
{
	char name[32], oid[] = "oid", image[] = "img", hash[] = "hash", snap[] = "snap";
	struct store_prepared row = {.key = name,
		.repo_id = 1,
		.base_oid = oid,
		.image = image,
		.setup_hash = hash,
		.snapshot_image = snap,
		.state = state,
		.size_bytes = 5,
		.layers = 2,
		.created_ms = created,
		.used_ms = created};
	struct err err = {0};

	str_copy(name, sizeof name, key);
	OK(store_prepared_put(world.store, &row, NULL, &err));
}

static void test_prepared_rows(void **state)
{
	CLEANUP(store_prepared) struct store_prepared row = {0};
	CLEANUP(store_prepared_rows) struct store_prepared_rows old = {0};
	struct err err = {0};

	(void)state;
	put("k1", 10, STORE_PREPARED_READY);
	put("k2", 20, STORE_PREPARED_READY);
	put("k3", 30, STORE_PREPARED_BUILDING);
	OK(store_prepared_newest(world.store, 1, "img", "hash", &row, &err));
	assert_string_equal(row.key, "k2");
	assert_string_equal(row.snapshot_image, "snap");
	assert_int_equal(row.layers, 2);
	assert_int_equal(
		store_prepared_newest(world.store, 1, "img", "else", &row, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	put("k3", 31, STORE_PREPARED_READY); /* replaces it */
	store_prepared_release(&row);
	OK(store_prepared_newest(world.store, 1, "img", "hash", &row, &err));
	assert_string_equal(row.key, "k3");
	OK(store_prepared_touch(world.store, "k1", 500, NULL, &err));
	OK(store_prepared_list_old(world.store, 100, 10, &old, &err));
	assert_int_equal(old.count, 2);
	assert_string_equal(old.rows[0].key, "k2");
	OK(store_prepared_delete(world.store, "k3", NULL, &err));
	OK(store_prepared_delete(world.store, "k3", NULL, &err));
	store_prepared_release(&row);
	assert_int_equal(store_prepared_get(world.store, "k3", &row, &err), -1);
	OK(store_prepared_get(world.store, "k1", &row, &err));
	assert_int_equal(row.used_ms, 500);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_steps_in_order),
		TEST(test_a_step_that_was_cut_off_is_closed),
		TEST(test_events_and_offset_move_together),
		TEST(test_a_ghost_appends_nothing),
		TEST(test_text_is_cleaned_and_cut),
		TEST(test_a_page_of_events_ends_by_bytes),
		TEST(test_an_effect_is_planned_once),
		TEST(test_refused_and_unknown_effects),
		TEST(test_a_ghost_has_no_effects),
		TEST(test_prepared_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
