/* SPDX-License-Identifier: MIT */
/* Names, ids and paths of boxes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/boxes-internal.h"
#include "service/box/names.h"

#include <string.h>

static void ids_are_labels_of_dns_and_differ(void **state)
{
	char ids[200][BOX_ID_SIZE];

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct err err = {0};
		const char *last;

		name_make(ids[i]);
		assert_int_equal(name_check(ids[i], &err), 0);
		last = strrchr(ids[i], '-');
		assert_non_null(last);
		assert_int_equal(strlen(last + 1), 5);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(ids[i], ids[k]);
	}
}

static void check_name(const char *name, enum err_kind kind)
{
	struct err err = {0};

	name_check(name, &err);
	if (err.kind != kind)
		fail_msg("%s: %s", name, err.text);
}

static void names_are_checked(void **state)
{
	char longest[65];

	(void)state;
	memset(longest, 'a', sizeof longest);
	longest[63] = '\0';
	check_name(longest, ERR_NONE);
	longest[63] = 'a';
	longest[64] = '\0';
	check_name(longest, ERR_INPUT);
	check_name("a", ERR_NONE);
	check_name("my-box-1", ERR_NONE);
	check_name("", ERR_INPUT);
	check_name("Big", ERR_INPUT);
	check_name("a_b", ERR_INPUT);
	check_name("a/b", ERR_INPUT);
	check_name("snapshots", ERR_INPUT);
	check_name("settings", ERR_INPUT);
	check_name("from-snapshot", ERR_INPUT);
	check_name("logs", ERR_INPUT);
	check_name("github", ERR_INPUT);
	check_name("agent-credentials", ERR_INPUT);
	check_name("task-41", ERR_INPUT);
	check_name("prep-41", ERR_INPUT);
	check_name("task", ERR_NONE);
}

static void check_path(const char *given, const char *want)
{
	struct err err = {0};
	CLEANUP(mem) char *path = boxes_path(given, "path", &err);

	assert_non_null(path);
	assert_string_equal(path, want);
}

static void paths_become_absolute_and_plain(void **state)
{
	(void)state;
	check_path(NULL, "/workspace/home");
	check_path("", "/workspace/home");
	check_path(".", "/workspace/home");
	check_path("a/b", "/workspace/home/a/b");
	check_path("./a//b/", "/workspace/home/a/b");
	check_path("..", "/workspace");
	check_path("../../../..", "/");
	check_path("/", "/");
	check_path("//", "/");
	check_path("/a/./b/../c/", "/a/c");
	check_path("/a/..", "/");
	check_path("/a/...", "/a/...");
	check_path("/..a/b..", "/..a/b..");
}

static void long_paths_are_refused(void **state)
{
	struct err err = {0};
	CLEANUP(mem) char *text = mem_alloc(LIMIT_PATH + 2);

	(void)state;
	memset(text, 'a', LIMIT_PATH + 1);
	text[LIMIT_PATH + 1] = '\0';
	assert_null(boxes_path(text, "folder", &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, "`folder`"));
	err = (struct err){0};
	text[LIMIT_PATH - 5] = '\0'; /* fits, but not below the home */
	assert_null(boxes_path(text, "folder", &err));
	assert_int_equal(err.kind, ERR_INPUT);
	text[0] = '/';
	CLEANUP(mem) char *path = boxes_path(text, "folder", &err);
	assert_string_equal(path, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_labels_of_dns_and_differ),
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(paths_become_absolute_and_plain),
		cmocka_unit_test(long_paths_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
