/* SPDX-License-Identifier: MIT */
/* One pass, nothing unknown, nothing unused; and the list agrees with the folder. */
#include "prompts/prompts.h"

#include "boxcore/base/cleanup.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int render(struct strbuf *out, const char *text, const struct prompt_var *vars,
	size_t n, struct err *err)
{
	strbuf_reset(out);
	return prompt_render_text(text, strlen(text), vars, n, out, err);
}

static void a_value_is_not_scanned_again(void **state)
{
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_PROMPT);
	const struct prompt_var vars[] = {{"a", "{{b}}"}, {"b", "{{a}} }} {{"}};
	struct err err = {0};

	(void)state;
	assert_int_equal(render(&out, "x{{a}}y{{b}}{{a}}", vars, 2, &err), 0);
	assert_string_equal(out.data, "x{{b}}y{{a}} }} {{{{b}}");
}

static void mistakes_of_ours_are_errors(void **state)
{
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_PROMPT);
	const struct prompt_var vars[] = {{"a", "1"}, {"b", "2"}};
	struct err err = {0};

	(void)state;
	assert_int_equal(render(&out, "{{a}} {{c}} {{b}}", vars, 2, &err), -1);
	assert_int_equal(err.kind, ERR_INTERNAL);
	assert_non_null(strstr(err.text, "{{c}}"));
	assert_int_equal(render(&out, "{{a}}", vars, 2, &err), -1);
	assert_non_null(strstr(err.text, "{{b}}"));
	assert_int_equal(render(&out, "{{a", vars, 1, &err), -1);
	assert_int_equal(render(&out, "{{}}", NULL, 0, &err), -1);
	assert_int_equal(prompt_render("nosuch", NULL, 0, &out, &err), -1);
	assert_non_null(strstr(err.text, "nosuch"));
}

static void the_maximum_is_kept(void **state)
{
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(10);
	const struct prompt_var vars[] = {{"a", "12345678"}};
	struct err err = {0};

	(void)state;
	assert_int_equal(render(&out, "{{a}}", vars, 1, &err), 0);
	assert_int_equal(render(&out, "x{{a}}{{a}}", vars, 1, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
}

static void an_empty_line_of_its_own_vanishes(void **state)
{
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_PROMPT);
	const struct prompt_var empty[] = {{"a", NULL}};
	const struct prompt_var full[] = {{"a", "A"}};
	struct err err = {0};

	(void)state;
	assert_int_equal(render(&out, "one\n\n{{a}}\n\ntwo\n", empty, 1, &err), 0);
	assert_string_equal(out.data, "one\n\ntwo\n");
	assert_int_equal(render(&out, "one\n\n{{a}}\n\ntwo\n", full, 1, &err), 0);
	assert_string_equal(out.data, "one\n\nA\n\ntwo\n");
	assert_int_equal(render(&out, "one {{a}}\ntwo\n", empty, 1, &err), 0);
	assert_string_equal(out.data, "one \ntwo\n");
	assert_int_equal(render(&out, "{{a}}\n\ntwo", empty, 1, &err), 0);
	assert_string_equal(out.data, "two");
	assert_int_equal(render(&out, "one\n{{a}}", empty, 1, &err), 0);
	assert_string_equal(out.data, "one\n");
}

/* Splits prompt_info.vars. */
static size_t split(char *names, struct prompt_var *vars, size_t max)
{
	size_t n = 0;
	char *save = NULL;

	for (char *p = strtok_r(names, " ", &save); p; p = strtok_r(NULL, " ", &save)) {
		assert_true(n < max);
		vars[n++] = (struct prompt_var){p, "value"};
	}
	return n;
}

static void every_text_uses_just_its_variables(void **state)
{
	(void)state;
	for (size_t i = 0; prompt_at(i); i++) {
		CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_PROMPT);
		char names[400];
		struct prompt_var vars[32];
		struct err err = {0};
		assert_true(str_copy(names, sizeof names, prompt_at(i)->vars));
		size_t n = split(names, vars, ARRAY_LEN(vars));
		if (prompt_render(prompt_at(i)->name, vars, n, &out, &err) < 0)
			fail_msg("%s", err.text);
		assert_true(out.len > 0 && out.data[out.len - 1] == '\n');
	}
}

static void every_file_is_listed(void **state)
{
	DIR *folder = opendir("prompts");
	size_t files = 0;
	size_t listed = 0;

	(void)state;
	assert_non_null(folder);
	while (prompt_at(listed))
		listed++;
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (!str_ends(entry->d_name, ".md") || str_eq(entry->d_name, "README.md"))
			continue;
		size_t i = 0;
		files++;
		while (prompt_at(i) && strncmp(prompt_at(i)->name, entry->d_name,
					       strlen(entry->d_name) - 3) != 0)
			i++;
		if (!prompt_at(i))
			fail_msg("prompts/%s is not in prompts.def", entry->d_name);
	}
	closedir(folder);
	assert_int_equal(files, listed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_is_not_scanned_again),
		cmocka_unit_test(mistakes_of_ours_are_errors),
		cmocka_unit_test(the_maximum_is_kept),
		cmocka_unit_test(an_empty_line_of_its_own_vanishes),
		cmocka_unit_test(every_text_uses_just_its_variables),
		cmocka_unit_test(every_file_is_listed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
