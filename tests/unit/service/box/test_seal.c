/* SPDX-License-Identifier: MIT */
/* What callers entrust to us: sealed texts, and variables as a program gets them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "boxcore/base/file.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char folder[64];

static void open_key(struct boxes *boxes)
{
	struct err err = {0};

	*boxes = (struct boxes){.options.state_dir = folder};
	if (seal_open(boxes, &err) < 0)
		fail_msg("%s", err.text);
}

static json_t *parse(const char *text)
{
	struct err err = {0};
	json_t *json = json_parse(text, strlen(text), &err);

	assert_non_null(json);
	return json;
}

static void what_is_sealed_is_opened_by_the_same_key_alone(void **state)
{
	struct boxes boxes, again, stranger = {0};
	CLEANUP(json) json_t *secrets = parse("{\"env\":{\"A\":\"sesame-open\"}}");
	struct err err = {0};
	struct stat status;
	char path[80];

	(void)state;
	open_key(&boxes);
	CLEANUP(mem) char *sealed = boxes_seal(&boxes, secrets);
	assert_null(strstr(sealed, "sesame"));
	open_key(&again); /* of the file, not a new one */
	CLEANUP(json) json_t *opened = boxes_unseal(&again, sealed, &err);
	assert_true(json_equal(opened, secrets));
	assert_null(boxes_unseal(&stranger, sealed, &err));
	assert_int_equal(err.kind, ERR_INTERNAL);
	assert_non_null(strstr(err.text, "box.key"));
	sealed[strlen(sealed) / 2] ^= 1;
	assert_null(boxes_unseal(&again, sealed, &err));
	snprintf(path, sizeof path, "%s/box.key", folder);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void nothing_seals_to_nothing(void **state)
{
	struct boxes boxes;
	CLEANUP(json) json_t *none = json_object();
	struct err err = {0};

	(void)state;
	open_key(&boxes);
	CLEANUP(mem) char *sealed = boxes_seal(&boxes, none);
	assert_string_equal(sealed, "");
	CLEANUP(json) json_t *opened = boxes_unseal(&boxes, "", &err);
	assert_int_equal(json_object_size(opened), 0);
}

static void a_damaged_key_is_not_replaced(void **state)
{
	struct boxes boxes = {.options.state_dir = folder};
	char path[80];
	struct err err = {0};

	(void)state;
	snprintf(path, sizeof path, "%s/box.key", folder);
	assert_int_equal(file_write(path, "short", 5, 0600, &err), 0);
	assert_int_equal(seal_open(&boxes, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_int_equal(remove(path), 0);
}

static void variables_become_words(void **state)
{
	CLEANUP(json)
	json_t *env = parse("{\"A\":\"1\",\"EMPTY\":\"\",\"L\":\"a\\nb = c\"}");
	CLEANUP(mem) char **list = boxes_env_list(env);
	CLEANUP(mem) char **none = boxes_env_list(NULL);

	(void)state;
	assert_string_equal(list[0], "A=1");
	assert_string_equal(list[1], "EMPTY=");
	assert_string_equal(list[2], "L=a\nb = c");
	assert_null(list[3]);
	assert_null(none[0]);
}

static void too_many_and_too_long_variables(void **state)
{
	CLEANUP(json) json_t *many = json_object();
	CLEANUP(json) json_t *large = json_object();
	CLEANUP(json) json_t *sum = json_object();
	CLEANUP(mem) char *text = mem_alloc(LIMIT_BOX_ENV + 2);
	struct err err = {0};
	char name[16];

	(void)state;
	for (int i = 0; i <= LIMIT_BOX_ENVS; i++) {
		assert_int_equal(boxes_env_check(many, "env_vars", &err), 0);
		snprintf(name, sizeof name, "V%d", i);
		json_put(many, name, json_str("x"));
	}
	assert_int_equal(boxes_env_check(many, "env_vars", &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	memset(text, 'x', LIMIT_BOX_ENV + 1);
	text[LIMIT_BOX_ENV + 1] = '\0';
	json_put(large, "A", json_str(text));
	assert_int_equal(boxes_env_check(large, "env_vars", &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	text[LIMIT_BOX_ENV] = '\0';
	json_put(large, "A", json_str(text));
	assert_int_equal(boxes_env_check(large, "env_vars", &err), 0);
	for (int i = 0; i < 9; i++) {
		snprintf(name, sizeof name, "V%d", i);
		json_put(sum, name, json_str(text));
	}
	assert_int_equal(boxes_env_check(sum, "env_vars", &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/boxwright-seal-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct err err = {0};

	(void)state;
	return file_remove_tree(folder, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sealed_is_opened_by_the_same_key_alone),
		cmocka_unit_test(nothing_seals_to_nothing),
		cmocka_unit_test(a_damaged_key_is_not_replaced),
		cmocka_unit_test(variables_become_words),
		cmocka_unit_test(too_many_and_too_long_variables),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
