/* SPDX-License-Identifier: MIT */
/* Whose a box or an image is, by its name alone. */
#include "service/task/task.h"

#include "boxcore/base/mem.h"
#include "service/task/undo_point.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void names_tell_the_task(void **state)
{
	static const struct {
		const char *box;
		int64_t task;
	} rows[] = {
		{"task-41", 41},
		{"prep-41", 41},
		{"task-41-check", 41},
		{"task-9223372036854775807-check", INT64_MAX},
		{"task-9223372036854775808", 0},
		{"task-99999999999999999999999999999999-check", 0},
		{"prep-41-check", 0},
		{"task-", 0},
		{"task--check", 0},
		{"task-check", 0},
		{"task-0", 0},
		{"task-4x", 0},
		{"task-4-check-check", 0},
		{"mybox", 0},
		{"", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(task_of_box(rows[i].box), rows[i].task);
}

static void names_of_images_tell_whose_they_are(void **state)
{
	static const struct {
		const char *image;
		int64_t talk, task;
	} rows[] = {
		{"boxwright-snap:conv-7-t41-abcdef-0123", 7, 41},
		{"boxwright-snap:conv-999999999999999999-t1-a-0", 999999999999999999, 1},
		{"boxwright-snap:conv-7-t41", 0, 0},
		{"boxwright-snap:conv-7-41-a-0", 0, 0},
		{"boxwright-snap:conv--7-t41-a-0", 0, 0},
		{"boxwright-snap:conv-7-t0-a-0", 0, 0},
		{"boxwright-snap:conv-9999999999999999999-t1-a-0", 0, 0},
		{"boxwright-snap:conv-x-t1-a-0", 0, 0},
		{"boxwright-snap:9-0123", 0, 0},
		{"sha256:0123", 0, 0},
		{NULL, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t talk = 0, task = 0;

		assert_int_equal(
			undo_point_owner(rows[i].image, &talk, &task), rows[i].talk > 0);
		assert_int_equal(talk, rows[i].talk);
		assert_int_equal(task, rows[i].task);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_tell_the_task),
		cmocka_unit_test(names_of_images_tell_whose_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
