/* SPDX-License-Identifier: MIT */
/* The table of runtimes, and the recipe that is compiled in. */
#include "boxcore/runtime.h"

#include "boxcore/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void names_are_found(void **state)
{
	static const char *const names[] = {"node", "python", "golang", "ruby", "rust"};
	static const char *const none[] = {"", "-alpine", "nodejs", "go", "Node",
		"node-alpine-alpine", "node-slim", "node ", "nod"};
	size_t n = 0;

	(void)state;
	for (; runtime_at(n); n++) {
		char alpine[32];
		assert_string_equal(runtime_at(n)->name, names[n]);
		assert_ptr_equal(runtime_find(names[n]), runtime_at(n));
		assert_false(runtime_is_substitute(names[n]));
		str_copy(alpine, sizeof alpine, names[n]);
		strcat(alpine, "-alpine");
		assert_ptr_equal(runtime_find(alpine), runtime_at(n));
		assert_true(runtime_is_substitute(alpine));
		assert_non_null(runtime_at(n)->check[0]);
	}
	assert_int_equal(n, 5);
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		assert_null(runtime_find(none[i]));
		assert_false(runtime_is_substitute(none[i]));
	}
	assert_null(runtime_find(NULL));
	assert_false(runtime_is_substitute(NULL));
}

/* The Dockerfile knows each that needs an image of its own, and no other. */
static void the_recipe_knows_them(void **state)
{
	size_t len = 0;
	const char *text = runtime_dockerfile(&len);

	(void)state;
	assert_int_equal(strlen(text), len);
	assert_non_null(strstr(text, "FROM ${FROM}\n"));
	for (size_t i = 0; runtime_at(i); i++) {
		char row[40] = "\t";
		strcat(row, runtime_at(i)->name);
		strcat(row, ") set -- ");
		assert_int_equal(strstr(text, row) != NULL, runtime_at(i)->own_image);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(the_recipe_knows_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
