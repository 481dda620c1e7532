/* SPDX-License-Identifier: MIT */
/* How boxes stop, what they change, how they queue up, and the images that they are made of. */
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

/* ---- how it came to stop ---------------------------------------------------------------- */

static struct box_info info_of(const char *id)
{
	struct box_info info = {0}, *boxes = NULL;
	size_t count = 0;

	if (box_get(core, id, &info, NULL, &err) < 0 ||
		box_list(core, &boxes, &count, NULL, &err) < 0)
		fail_msg("%s", err.text);
	/* The list says the same. */
	for (size_t i = 0; i < count; i++) {
		if (str_eq(boxes[i].id, id))
			assert_int_equal(boxes[i].end, info.end);
	}
	free(boxes);
	return info;
}

static void a_box_tells_why_it_stopped(void **state)
{
	char name[BOX_CONTAINER_SIZE];
	struct box_info info;
	int code = 0;

	(void)state;
	real_box(core, "ends", BOX_NETWORK_TUNNEL);
	box_container_name(core, "ends", name);
	assert_int_equal(info_of("ends").end, BOX_END_NONE);
	assert_int_equal(box_pause(core, "ends", NULL, &err), 0);
	assert_int_equal(info_of("ends").end, BOX_END_PAUSED);
	assert_int_equal(box_resume(core, "ends", NULL, &err), 0);
	assert_int_equal(
		engine_container_kill(core->engine, name, "KILL", NULL, &err), 0);
	assert_int_equal(engine_container_wait(core->engine, name, &code, NULL, &err), 0);
	info = info_of("ends");
	assert_int_equal(info.end, BOX_END_KILLED);
	assert_int_equal(info.exit_code, 137);
	/* It is none the worse for it. */
	assert_int_equal(real_sh(core, "ends", false, "true", NULL, 0), 0);
	assert_int_equal(info_of("ends").end, BOX_END_NONE);
}

/* A process that is killed for want of memory is not the box. */
static void a_greedy_process_does_not_end_its_box(void **state)
{
	struct box_spec spec = {.id = "greedy",
		.image = real_image(),
		.memory_bytes = 64LL << 20,
		.network = BOX_NETWORK_TUNNEL};

	(void)state;
	assert_int_equal(box_create(core, &spec, NULL, &err), 0);
	assert_int_equal(
		real_sh(core, "greedy", false,
			"python3 -c 'x = bytearray(200 << 20)' 2>/dev/null", NULL, 0),
		137);
	assert_int_equal(info_of("greedy").end, BOX_END_NONE);
	assert_int_equal(box_pause(core, "greedy", NULL, &err), 0);
	assert_int_equal(info_of("greedy").end, BOX_END_PAUSED);
}

static void a_box_tells_what_it_has_changed(void **state)
{
	int64_t before = 0, after = 0;

	(void)state;
	real_box(core, "disk", BOX_NETWORK_TUNNEL);
	assert_int_equal(box_disk(core, "disk", &before, NULL, &err), 0);
	assert_int_equal(
		real_sh(core, "disk", false,
			"head -c 3000000 /dev/urandom > /workspace/home/f", NULL, 0),
		0);
	assert_int_equal(box_pause(core, "disk", NULL, &err), 0);
	assert_int_equal(box_disk(core, "disk", &after, NULL, &err), 0);
	assert_in_range(after - before, 3000000, 3100000);
	assert_int_equal(info_of("disk").state, BOX_PAUSED);
	assert_int_equal(box_disk(core, "none", &after, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

/* ---- bursts ---------------------------------------------------------------------------- */

#define BURST 20

struct one_of_many {
	char id[24];
	struct err err;
	int rc;
};

static void *create_one(void *arg)
{
	struct one_of_many *one = arg;
	struct box_spec spec = {
		.id = one->id, .image = real_image(), .network = BOX_NETWORK_TUNNEL};

	one->rc = box_create(core, &spec, NULL, &one->err);
	return NULL;
}

static void a_burst_of_creates_waits_in_line(void **state)
{
	static struct one_of_many all[BURST];
	pthread_t threads[BURST];
	int64_t begin = clock_mono_ms();

	(void)state;
	for (int i = 0; i < BURST; i++) {
		snprintf(all[i].id, sizeof all[i].id, "burst-%d", i);
		if (thread_start(&threads[i], "burst", create_one, &all[i], &err) < 0)
			fail_msg("%s", err.text);
	}
	for (int i = 0; i < BURST; i++)
		thread_join(threads[i]);
	for (int i = 0; i < BURST; i++) {
		if (all[i].rc < 0)
			fail_msg("%s: %s", all[i].id, all[i].err.text);
		assert_int_equal(info_of(all[i].id).state, BOX_RUNNING);
	}
	print_message("             %d boxes at once: %lld ms\n", BURST,
		(long long)(clock_mono_ms() - begin));
}

/* Who waits in line is woken by its cancel, and nobody behind it is held up. */
static void a_place_in_line_can_be_given_up(void **state)
{
	CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);
	struct err why = {0};
	int taken = 0;

	(void)state;
	for (; taken < LIMIT_BOX_STARTS; taken++)
		assert_int_equal(core_starts_enter(core, NULL, &err), 0);
	cancel_deadline(cancel, 100, "a tenth of a second");
	assert_int_equal(core_starts_enter(core, cancel, &why), -1);
	core_starts_leave(core);
	assert_int_equal(core_starts_enter(core, NULL, &err), 0);
	for (; taken > 0; taken--)
		core_starts_leave(core);
}

/* ---- images of runtimes ---------------------------------------------------------------- */

static void count_line(void *arg, const char *line)
{
	int *lines = arg;

	assert_true(str_is_utf8(line, strlen(line)));
	assert_null(strchr(line, '\n'));
	++*lines;
}

/* From the plain image, so that the one of the agents and what is built on it stay. */
static void a_runtime_is_built_on_first_use(void **state)
{
	struct image_want want = {
		.runtime = runtime_find("ruby-alpine"), .base = "boxwright/base:latest"};
	char image[IMAGE_REF_SIZE], again[IMAGE_REF_SIZE], out[64];
	struct box_spec spec = {
		.id = "ruby", .image = image, .network = BOX_NETWORK_TUNNEL};
	int lines = 0;
	bool there = true;

	(void)state;
	assert_int_equal(image_exists(core, &want, &there, NULL, &err), 0);
	int64_t begin = clock_mono_ms();
	if (image_ensure(core, &want, image, count_line, &lines, NULL, &err) < 0)
		fail_msg("%s", err.text);
	print_message("             ruby: %s, %d lines in %lld ms\n", image, lines,
		(long long)(clock_mono_ms() - begin));
	assert_true(there ? lines == 0 : lines > 10);
	begin = clock_mono_ms();
	assert_int_equal(image_ensure(core, &want, again, NULL, NULL, NULL, &err), 0);
	assert_string_equal(again, image);
	assert_true(clock_mono_ms() - begin < 2000);
	assert_int_equal(box_create(core, &spec, NULL, &err), 0);
	assert_int_equal(
		real_sh(core, "ruby", false,
			"cd /work && touch x && ruby -e 'puts 6 * 7' && python3 -c "
			"'print(1)' && node -p 2 && git config user.name",
			out, sizeof out),
		0);
	assert_string_equal(out, "42\n1\n2\nUpstash Box\n");
	assert_int_equal(box_delete(core, "ruby", NULL, &err), 0);
	assert_int_equal(engine_image_remove(core->engine, image, NULL, &err), 0);
}

static void an_image_that_is_not_there_is_told(void **state)
{
	struct image_want want = {.image = "boxwright/never-made:1"};
	char image[IMAGE_REF_SIZE];
	bool there = true;

	(void)state;
	assert_int_equal(image_exists(core, &want, &there, NULL, &err), 0);
	assert_false(there);
	assert_int_equal(image_ensure(core, &want, image, NULL, NULL, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "never-made"));
	want.runtime = runtime_find("golang");
	want.base = "boxwright/never-made:2";
	err = (struct err){0};
	assert_int_equal(image_ensure(core, &want, image, NULL, NULL, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	want = (struct image_want){.image = "bad name"};
	err = (struct err){0};
	assert_int_equal(image_ensure(core, &want, image, NULL, NULL, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	want = (struct image_want){.image = real_image()};
	assert_int_equal(image_ensure(core, &want, image, NULL, NULL, NULL, &err), 0);
	assert_string_equal(image, real_image());
}

int main(void)
{
#define T(f) cmocka_unit_test_teardown(f, delete_all)
	const struct CMUnitTest tests[] = {
		T(a_box_tells_why_it_stopped),
		T(a_greedy_process_does_not_end_its_box),
		T(a_box_tells_what_it_has_changed),
		T(a_burst_of_creates_waits_in_line),
		T(a_place_in_line_can_be_given_up),
		T(a_runtime_is_built_on_first_use),
		T(an_image_that_is_not_there_is_told),
	};

	return cmocka_run_group_tests(tests, open_core, close_core);
}
