/* SPDX-License-Identifier: MIT */
/* Conflict markers that are left, and lines of the list of files. */
#include "service/task/replay_marks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool marks(const char *text)
{
	return replay_has_marks(text, strlen(text));
}

static void markers_count_at_the_beginning_of_a_line(void **state)
{
	(void)state;
	assert_false(marks(""));
	assert_false(marks("a\nb\n"));
	assert_true(marks("<<<<<<< the new base\n"));
	assert_true(marks("a\n>>>>>>> this pull request"));
	assert_true(marks("x <<<<<<< the new base\n<<<<<<< the new base\n"));
	assert_false(marks("x <<<<<<< the new base\n"));
	/* Git's own, and a line of a document: not what was written here */
	assert_false(marks("<<<<<<< HEAD\n=======\n>>>>>>> main\n"));
	/* Behind a NUL too, and never past the end */
	assert_true(replay_has_marks("\0\n<<<<<<< the new base", 22));
	assert_false(replay_has_marks("<<<<<<< the new base", 19));
}

static void a_path_may_hold_what_parts_it(void **state)
{
	char plain[] = "src/x.c: changed on both sides";
	char odd[] = "a: b: added on both sides";
	char none[] = "nothing", empty[] = ": x";

	(void)state;
	assert_int_equal(replay_path_end(plain) - plain, 7);
	assert_int_equal(replay_path_end(odd) - odd, 4);
	assert_null(replay_path_end(none));
	assert_null(replay_path_end(empty));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(markers_count_at_the_beginning_of_a_line),
		cmocka_unit_test(a_path_may_hold_what_parts_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
