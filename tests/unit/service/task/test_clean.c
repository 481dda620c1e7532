/* SPDX-License-Identifier: MIT */
/* Whose a box is, by its name alone. */
#include "service/task/task.h"

#include "boxcore/base/mem.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names_tell_the_task)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
