/* SPDX-License-Identifier: MIT */
/* The life of boxes on a real engine. */
#include "boxcore/boxcore-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/crypto.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/engine/engine-internal.h"
#include "boxcore/link/link.h"
#include "boxcore/runtime.h"
#include "tests/lib/real_box.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct boxcore *core;
static struct err err;

static int open_core(void **state)
{
	(void)state;
	core = real_core_open();
	return 0;
}

static int close_core(void **state)
{
	(void)state;
	real_core_close(TAKE(core));
	return 0;
}

static int delete_all(void **state)
{
	(void)state;
	err = (struct err){0};
	return real_boxes_delete(core);
}

static enum box_state state_of(const char *id)
{
	struct box_info info = {0};

	if (box_get(core, id, &info, NULL, &err) < 0)
		fail_msg("%s", err.text);
	return info.state;
}

static size_t containers_with(const char *label)
{
	const char *labels[] = {label, NULL};
	struct engine_container *all = NULL;
	size_t count = 0;

	assert_int_equal(
		engine_container_list(core->engine, labels, &all, &count, NULL, &err), 0);
	engine_containers_free(all, count);
	return count;
}

/* Freezes a container as an interrupted commit leaves it; no verb of ours does that. */
static void freeze(const char *id)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	struct engine_call call = {.method = "POST", .what = "freeze", .path = &path};
	char name[BOX_CONTAINER_SIZE];

	box_container_name(core, id, name);
	strbuf_adds(&path, "/containers");
	engine_path_add(&path, name);
	strbuf_adds(&path, "/pause");
	if (engine_call(core->engine, &call, NULL, NULL, NULL, &err) < 0)
		fail_msg("%s", err.text);
}

/* ---- create, get, list ----------------------------------------------------------------- */

static void a_box_is_made_and_found(void **state)
{
	const char *labels[] = {"task=41", "empty=", NULL};
	struct box_spec spec = {.id = "one", .image = real_image(), .labels = labels};
	CLEANUP(engine_container) struct engine_container container = {0};
	struct box_info info, *boxes = NULL;
	size_t count = 0;
	char out[32];

	(void)state;
	assert_int_equal(box_create(core, &spec, NULL, &err), 0);
	assert_int_equal(box_get(core, "one", &info, NULL, &err), 0);
	assert_string_equal(info.id, "one");
	assert_int_equal(info.state, BOX_RUNNING);
	assert_string_equal(info.image, real_image());
	assert_in_range(info.created_s, clock_wall_s() - 60, clock_wall_s() + 60);
	assert_int_equal(box_list(core, &boxes, &count, NULL, &err), 0);
	assert_int_equal(count, 1);
	assert_string_equal(boxes[0].id, "one");
	assert_string_equal(boxes[0].container, info.container);
	free(boxes);
	assert_int_equal(box_inspect(core, "one", &container, NULL, &err), 0);
	assert_string_equal(core_label(container.labels, "task"), "41");
	assert_string_equal(core_label(container.labels, "empty"), "");
	assert_int_equal(real_sh(core, "one", false, "echo hello", out, sizeof out), 0);
	assert_string_equal(out, "hello\n");
	assert_int_equal(box_create(core, &spec, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_int_equal(real_sh(core, "one", false, "true", NULL, 0), 0); /* unharmed */
}

static void what_cannot_be_made_leaves_nothing(void **state)
{
	static const char *const bad_ids[] = {"", "A", "a/b", "../a", "a b", "ä",
		"0123456789012345678901234567890123456789012345678901234567890123"};
	const char *bad_label[] = {"boxwright.box=x", NULL}, *no_label[] = {"x", NULL};
	struct box_spec spec = {.id = "x", .image = "boxwright/no-such-image:1"};
	char label[80];

	(void)state;
	assert_int_equal(box_create(core, &spec, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	spec.image = real_image();
	for (size_t i = 0; i < ARRAY_LEN(bad_ids); i++) {
		spec.id = bad_ids[i];
		assert_int_equal(box_create(core, &spec, NULL, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_int_equal(box_delete(core, bad_ids[i], NULL, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
	}
	spec.id = "x";
	spec.labels = bad_label;
	assert_int_equal(box_create(core, &spec, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	spec.labels = no_label;
	assert_int_equal(box_create(core, &spec, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	spec.labels = NULL;
	spec.memory_bytes = 1000;
	assert_int_equal(box_create(core, &spec, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	spec.memory_bytes = 0;
	spec.image = "boxwright-void"; /* no shell, no folders: boxinit alone must do */
	int rc = box_create(core, &spec, NULL, &err);
	print_message("a box of an empty image: %s\n", rc == 0 ? "runs" : err.text);
	assert_int_equal(box_delete(core, "x", NULL, &err), 0);
	snprintf(label, sizeof label, LABEL_INSTANCE "=%s", real_instance());
	assert_int_equal(containers_with(label), 0);
}

static void a_cancelled_create_leaves_nothing(void **state)
{
	char label[80];

	(void)state;
	snprintf(label, sizeof label, LABEL_INSTANCE "=%s", real_instance());
	for (int ms = 1; ms < 400; ms += 40) {
		CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);
		struct box_spec spec = {.id = "late", .image = real_image()};

		cancel_deadline(cancel, ms, "the test's patience");
		int rc = box_create(core, &spec, cancel, &err);
		assert_int_equal(containers_with(label), rc == 0 ? 1 : 0);
		assert_int_equal(box_delete(core, "late", NULL, &err), 0);
	}
}

static void limits_reach_the_box(void **state)
{
	struct box_spec spec = {.id = "small",
		.image = real_image(),
		.memory_bytes = 96LL << 20,
		.pids_max = 77,
		.cpus = 1000, /* more than any host has */
		.disk_bytes = 1LL << 40};
	char out[256];

	(void)state;
	assert_int_equal(box_create(core, &spec, NULL, &err), 0);
	assert_int_equal(
		real_sh(core, "small", true,
			"cat /sys/fs/cgroup/memory/memory.limit_in_bytes "
			"/sys/fs/cgroup/memory.max 2>/dev/null;"
			"cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max "
			"2>/dev/null; ulimit -n; ulimit -c",
			out, sizeof out),
		0);
	assert_string_equal(out, "100663296\n77\n16384\n0\n");
}

/* ---- pause, resume, delete ------------------------------------------------------------- */

static void a_paused_box_keeps_its_files(void **state)
{
	char out[64];

	(void)state;
	real_box(core, "nap", BOX_NETWORK_TUNNEL);
	assert_int_equal(
		real_sh(core, "nap", false,
			"echo kept > /workspace/home/file; sleep 1000 >/dev/null "
			"2>&1 & echo $!",
			out, sizeof out),
		0);
	assert_int_equal(box_pause(core, "nap", NULL, &err), 0);
	assert_int_equal(state_of("nap"), BOX_PAUSED);
	assert_int_equal(box_pause(core, "nap", NULL, &err), 0);
	struct link *link = NULL;
	assert_int_equal(core_link_get(core, "nap", false, &link, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_int_equal(box_resume(core, "nap", NULL, &err), 0);
	assert_int_equal(box_resume(core, "nap", NULL, &err), 0);
	assert_int_equal(state_of("nap"), BOX_RUNNING);
	assert_int_equal(
		real_sh(core, "nap", false, "cat /workspace/home/file; pgrep -c sleep",
			out, sizeof out),
		1); /* pgrep found none */
	assert_string_equal(out, "kept\n0\n");
}

static void any_work_wakes_a_paused_box(void **state)
{
	char out[16];

	(void)state;
	real_box(core, "waker", BOX_NETWORK_TUNNEL);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(box_pause(core, "waker", NULL, &err), 0);
		assert_int_equal(
			real_sh(core, "waker", false, "echo up", out, sizeof out), 0);
		assert_string_equal(out, "up\n");
	}
}

static void a_box_that_died_wakes_like_a_paused_one(void **state)
{
	char name[BOX_CONTAINER_SIZE];

	(void)state;
	real_box(core, "victim", BOX_NETWORK_TUNNEL);
	assert_int_equal(real_sh(core, "victim", false, "true", NULL, 0), 0);
	box_container_name(core, "victim", name);
	assert_int_equal(
		engine_container_kill(core->engine, name, "KILL", NULL, &err), 0);
	int code = 0;
	assert_int_equal(engine_container_wait(core->engine, name, &code, NULL, &err), 0);
	assert_int_equal(code, 137);
	assert_int_equal(state_of("victim"), BOX_PAUSED);
	/* The link may not have noticed yet: then this one call fails, the next does not. */
	struct link *link = NULL;
	for (int i = 0; i < 50; i++) {
		if (core_link_get(core, "victim", true, &link, NULL, &err) == 0) {
			bool lost = link_lost(link);
			core_link_put(core, link);
			if (!lost)
				break;
		}
		usleep(20000);
	}
	assert_int_equal(real_sh(core, "victim", false, "true", NULL, 0), 0);
}

static void a_frozen_box_is_thawed(void **state)
{
	(void)state;
	real_box(core, "ice", BOX_NETWORK_TUNNEL);
	freeze("ice");
	assert_int_equal(state_of("ice"), BOX_RUNNING); /* box_get() thaws */
	assert_int_equal(real_sh(core, "ice", false, "true", NULL, 0), 0);
	freeze("ice");
	core_link_drop(core, "ice", "the test"); /* as after a restart of ours */
	assert_int_equal(real_sh(core, "ice", false, "true", NULL, 0), 0);
	freeze("ice");
	assert_int_equal(box_pause(core, "ice", NULL, &err), 0);
	assert_int_equal(state_of("ice"), BOX_PAUSED);
}

static void delete_from_every_state(void **state)
{
	static const char *const ids[] = {"running", "paused", "frozen"};
	struct box_info info;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		real_box(core, ids[i], BOX_NETWORK_ALL);
	assert_int_equal(box_pause(core, "paused", NULL, &err), 0);
	freeze("frozen");
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		assert_int_equal(box_delete(core, ids[i], NULL, &err), 0);
		assert_int_equal(box_delete(core, ids[i], NULL, &err), 0);
		assert_int_equal(box_get(core, ids[i], &info, NULL, &err), -1);
		assert_int_equal(err.kind, ERR_NOT_FOUND);
		assert_int_equal(box_resume(core, ids[i], NULL, &err), -1);
		assert_int_equal(err.kind, ERR_NOT_FOUND);
		assert_int_equal(box_pause(core, ids[i], NULL, &err), -1);
		assert_int_equal(err.kind, ERR_NOT_FOUND);
	}
}

/* ---- links ----------------------------------------------------------------------------- */

static void a_box_is_adopted_by_the_next_core(void **state)
{
	char out[64], again[64];

	(void)state;
	real_box(core, "heir", BOX_NETWORK_ALL);
	assert_int_equal(real_sh(core, "heir", false,
				 "echo here > /tmp/f; sleep 300 >/dev/null 2>&1 & "
				 "cat /proc/sys/kernel/random/boot_id /proc/1/stat | "
				 "cut -d' ' -f22",
				 out, sizeof out),
		0);
	boxcore_close(core); /* boxes go on */
	core = real_core_open();
	assert_int_equal(state_of("heir"), BOX_RUNNING);
	assert_int_equal(real_sh(core, "heir", false,
				 "cat /proc/sys/kernel/random/boot_id /proc/1/stat | "
				 "cut -d' ' -f22",
				 again, sizeof again),
		0);
	assert_string_equal(out, again); /* the same PID 1 */
	assert_int_equal(real_sh(core, "heir", false, "cat /tmp/f", out, sizeof out), 0);
	assert_string_equal(out, "here\n");
}

static void a_lost_link_is_made_anew(void **state)
{
	(void)state;
	real_box(core, "relink", BOX_NETWORK_TUNNEL);
	for (int i = 0; i < 10; i++) {
		struct link *link = NULL, *next = NULL;
		assert_int_equal(
			core_link_get(core, "relink", true, &link, NULL, &err), 0);
		link_fail(link, "the test");
		assert_int_equal(
			core_link_get(core, "relink", true, &next, NULL, &err), 0);
		assert_ptr_not_equal(link, next);
		core_link_put(core, link);
		core_link_put(core, next);
		assert_int_equal(real_sh(core, "relink", false, "true", NULL, 0), 0);
	}
}

#define CALLERS 12

static struct link *got[CALLERS];

static void *get_link(void *arg)
{
	size_t i = (size_t)arg;
	struct err mine = {0};

	if (core_link_get(core, "shared", true, &got[i], NULL, &mine) < 0)
		got[i] = NULL;
	return NULL;
}

static void many_callers_get_one_link(void **state)
{
	pthread_t threads[CALLERS];

	(void)state;
	real_box(core, "shared", BOX_NETWORK_TUNNEL);
	assert_int_equal(box_pause(core, "shared", NULL, &err), 0);
	for (size_t i = 0; i < CALLERS; i++)
		assert_int_equal(
			thread_start(&threads[i], "caller", get_link, (void *)i, &err),
			0);
	for (size_t i = 0; i < CALLERS; i++)
		thread_join(threads[i]);
	for (size_t i = 0; i < CALLERS; i++) {
		assert_non_null(got[i]);
		assert_ptr_equal(got[i], got[0]);
	}
	for (size_t i = 0; i < CALLERS; i++)
		core_link_put(core, got[i]);
}

static void waiting_for_a_box_can_be_cancelled(void **state)
{
	CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);
	struct link *link = NULL;

	(void)state;
	assert_int_equal(core_gate_enter(core, "busy", NULL, &err), 0);
	cancel_deadline(cancel, 50, "the test's patience");
	int64_t start = clock_mono_ms();
	assert_int_equal(core_link_get(core, "busy", true, &link, cancel, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_in_range(clock_mono_ms() - start, 45, 1000);
	core_gate_leave(core, "busy");
}

/* ---- other instances ------------------------------------------------------------------- */

/* Instance "t-x" with box "y-z" and instance "t-x-y" with box "z": one name, two boxes. */
static void instances_do_not_touch_each_other(void **state)
{
	char longer[40];
	struct boxcore_options options = {.instance = longer};
	struct boxcore *other = NULL;
	struct box_info info, *boxes = NULL;
	size_t count = 0;
	struct box_spec spec = {.id = "z", .image = real_image()};

	(void)state;
	snprintf(longer, sizeof longer, "%s-y", real_instance());
	real_box(core, "y-z", BOX_NETWORK_TUNNEL);
	assert_int_equal(boxcore_open(&other, &options, NULL, &err), 0);
	assert_int_equal(box_list(other, &boxes, &count, NULL, &err), 0);
	assert_int_equal(count, 0);
	free(boxes);
	assert_int_equal(box_get(other, "z", &info, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(box_delete(other, "z", NULL, &err), 0); /* nothing to delete */
	assert_int_equal(box_create(other, &spec, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	boxcore_close(other);
	assert_int_equal(state_of("y-z"), BOX_RUNNING);
}

/* ---- boxinit on the engine ------------------------------------------------------------- */

static void check_fill(const char *volume, const char *bytes)
{
	if (initvol_fill(core->engine, volume, bytes, strlen(bytes), NULL, &err) < 0)
		fail_msg("%s", err.text);
}

static void *fill_in_thread(void *arg)
{
	struct err mine = {0};

	return initvol_fill(core->engine, arg, "same", 4, NULL, &mine) < 0 ? arg : NULL;
}

static void a_volume_is_filled_whole_or_again(void **state)
{
	char volume[40], hex[9], helper[64];
	pthread_t threads[4];

	(void)state;
	crypto_random_hex(hex, 4);
	snprintf(volume, sizeof volume, "boxwright-test-%s", hex);
	check_fill(volume, "whole contents");
	check_fill(volume, "whole contents");
	check_fill(volume, "whole"); /* as if a fill had been cut off before: replaced */
	check_fill(volume, "whole contents");
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(
			thread_start(&threads[i], "fill", fill_in_thread, volume, &err),
			0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		void *failed = NULL;
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	snprintf(helper, sizeof helper, "%s-fill", volume);
	CLEANUP(engine_container) struct engine_container left = {0};
	assert_int_equal(
		engine_container_inspect(core->engine, helper, &left, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(engine_volume_remove(core->engine, volume, NULL, &err), 0);
	assert_int_equal(engine_volume_inspect(core->engine, volume, NULL, &err), -1);
}

static void boxinit_cannot_be_changed_from_inside(void **state)
{
	(void)state;
	real_box(core, "wall", BOX_NETWORK_TUNNEL);
	assert_int_not_equal(
		real_sh(core, "wall", true, "echo x > /.boxwright/boxinit", NULL, 0), 0);
	assert_int_not_equal(
		real_sh(core, "wall", true, "rm -f /.boxwright/boxinit", NULL, 0), 0);
	assert_int_not_equal(
		real_sh(core, "wall", true, "mount -o remount,rw /.boxwright 2>/dev/null",
			NULL, 0),
		0);
	assert_int_equal(real_sh(core, "wall", false, "sudo -n id -u", NULL, 0), 0);
}

/* ---- many ------------------------------------------------------------------------------ */

#define MANY 32
#define MAKERS 4

static void *make_some(void *arg)
{
	struct err mine = {0};
	char id[16], script[64], out[32];

	for (size_t i = (size_t)arg; i < MANY; i += MAKERS) {
		struct box_spec spec = {
			.id = id, .image = real_image(), .memory_bytes = 64LL << 20};
		snprintf(id, sizeof id, "many-%zu", i);
		if (box_create(core, &spec, NULL, &mine) < 0) {
			print_message("%s\n", mine.text);
			return arg ? arg : (void *)MAKERS;
		}
		snprintf(script, sizeof script, "echo %s", id);
		if (real_sh(core, id, false, script, out, sizeof out) != 0)
			return (void *)MAKERS;
	}
	return NULL;
}

static void *delete_some(void *arg)
{
	struct err mine = {0};
	char id[16];

	for (size_t i = (size_t)arg; i < MANY; i += MAKERS) {
		snprintf(id, sizeof id, "many-%zu", i);
		if (box_delete(core, id, NULL, &mine) < 0)
			return (void *)MAKERS;
	}
	return NULL;
}

static void in_threads(void *(*work)(void *))
{
	pthread_t threads[MAKERS];

	for (size_t i = 0; i < MAKERS; i++)
		assert_int_equal(
			thread_start(&threads[i], "maker", work, (void *)i, &err), 0);
	for (size_t i = 0; i < MAKERS; i++) {
		void *failed = NULL;
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
}

static void many_boxes_share_one_bridge(void **state)
{
	struct box_info *boxes = NULL;
	size_t count = 0;
	int64_t start = clock_mono_ms();

	(void)state;
	in_threads(make_some);
	int64_t made = clock_mono_ms();
	assert_int_equal(box_list(core, &boxes, &count, NULL, &err), 0);
	int64_t listed = clock_mono_ms();
	assert_int_equal(count, MANY);
	free(boxes);
	in_threads(delete_some);
	print_message("%d boxes by %d threads: made in %lld ms, listed in %lld, deleted "
		      "in %lld\n",
		MANY, MAKERS, (long long)(made - start), (long long)(listed - made),
		(long long)(clock_mono_ms() - listed));
	assert_int_equal(box_list(core, &boxes, &count, NULL, &err), 0);
	free(boxes);
	assert_int_equal(count, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_teardown(f, delete_all)
	const struct CMUnitTest tests[] = {
		T(a_box_is_made_and_found),
		T(what_cannot_be_made_leaves_nothing),
		T(a_cancelled_create_leaves_nothing),
		T(limits_reach_the_box),
		T(a_paused_box_keeps_its_files),
		T(any_work_wakes_a_paused_box),
		T(a_box_that_died_wakes_like_a_paused_one),
		T(a_frozen_box_is_thawed),
		T(delete_from_every_state),
		T(a_box_is_adopted_by_the_next_core),
		T(a_lost_link_is_made_anew),
		T(many_callers_get_one_link),
		T(waiting_for_a_box_can_be_cancelled),
		T(instances_do_not_touch_each_other),
		T(a_volume_is_filled_whole_or_again),
		T(boxinit_cannot_be_changed_from_inside),
		T(many_boxes_share_one_bridge),
	};

	return cmocka_run_group_tests(tests, open_core, close_core);
}
