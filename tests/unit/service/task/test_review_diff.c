/* SPDX-License-Identifier: MIT */
/* The places of a diff: hunks by their counts, names as git writes them, text that looks like
 * structure. */
#include "service/task/review_diff.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char simple[] = "diff --git a/src/x.c b/src/x.c\n"
			     "index 111..222 100644\n"
			     "--- a/src/x.c\n"
			     "+++ b/src/x.c\n"
			     "@@ -1,3 +1,4 @@ int main(void)\n"
			     " one\n"
			     "-two\n"
			     "+zwei\n"
			     "+drei\n"
			     " four\n"
			     "@@ -20 +21 @@\n"
			     "-old\n"
			     "+new\n"
			     "\\ No newline at end of file\n";

static struct diff parse(const char *text)
{
	struct diff diff;

	diff_parse(text, strlen(text), &diff);
	return diff;
}

static void places_are_those_of_hunks(void **state)
{
	CLEANUP(diff) struct diff diff = parse(simple);

	(void)state;
	assert_false(diff.broken);
	assert_int_equal(diff.count, 1);
	assert_string_equal(diff.files[0].path, "src/x.c");
	assert_int_equal(diff.files[0].added, 3);
	assert_int_equal(diff.files[0].removed, 2);
	for (int line = -1; line < 30; line++)
		assert_int_equal(diff_has(&diff, "src/x.c", 0, line),
			(line >= 1 && line <= 4) || line == 21);
	assert_true(diff_has(&diff, "src/x.c", 1, 4));
	assert_false(diff_has(&diff, "src/x.c", 4, 21)); /* not in one hunk */
	assert_false(diff_has(&diff, "src/x.c", 3, 2));
	assert_false(diff_has(&diff, "src/x.c", 0, 0));
	assert_false(diff_has(&diff, "src/y.c", 0, 1));
	assert_false(diff_has(&diff, "", 0, 1));
}

/* A removed "-- a/evil" reads "--- a/evil", an added "++ b/evil" reads "+++ b/evil". */
static void text_is_no_structure(void **state)
{
	CLEANUP(diff)
	struct diff diff = parse("diff --git a/x.sql b/x.sql\n"
				 "--- a/x.sql\n"
				 "+++ b/x.sql\n"
				 "@@ -1,2 +1,3 @@\n"
				 "--- a/evil\n"
				 "+++ b/evil\n"
				 " diff --git a/evil b/evil\n"
				 "+@@ -1,99 +1,99 @@\n");

	(void)state;
	assert_false(diff.broken);
	assert_int_equal(diff.count, 1);
	assert_string_equal(diff.files[0].path, "x.sql");
	assert_true(diff_has(&diff, "x.sql", 0, 3));
	assert_false(diff_has(&diff, "x.sql", 0, 4));
}

static void names_are_read_as_git_writes_them(void **state)
{
	static const struct {
		const char *text, *path;
	} rows[] = {
		{"diff --git a/a b.c b/a b.c\n--- a/a b.c\t\n+++ b/a b.c\t\n", "a b.c"},
		{"diff --git \"a/\\303\\274.c\" \"b/\\303\\274.c\"\n"
		 "--- \"a/\\303\\274.c\"\n+++ \"b/\\303\\274.c\"\n",
			"\xc3\xbc.c"},
		{"diff --git a/\"q b/\"q\n--- \"a/\\\"q\"\n+++ \"b/\\\"q\"\n", "\"q"},
		{"diff --git a/old b/new\nsimilarity index 100%\nrename from old\n"
		 "rename to new\n",
			"new"},
		{"diff --git a/x.png b/x.png\nBinary files a/x.png and b/x.png differ\n",
			"x.png"},
		{"diff --git a/gone b/gone\ndeleted file mode 100644\n--- a/gone\n"
		 "+++ /dev/null\n@@ -1 +0,0 @@\n-x\n",
			"gone"},
		{"diff --git a/made b/made\nnew file mode 100644\n--- /dev/null\n"
		 "+++ b/made\n@@ -0,0 +1 @@\n+x\n",
			"made"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(diff) struct diff diff = parse(rows[i].text);

		assert_int_equal(diff.count, 1);
		assert_false(diff.broken);
		assert_string_equal(diff.files[0].path, rows[i].path);
		assert_int_equal(diff_has(&diff, rows[i].path, 0, 1),
			str_eq(rows[i].path, "made"));
	}
}

static void what_is_cut_or_wrong_keeps_what_came_before(void **state)
{
	static const char *const rest[] = {
		"@@ -1,9 +1,9 @@\n x\n",
		"@@ -1 +1 @@\nx\n",
		"@@ nothing @@\n",
		"@@ -1,2 +3,x @@\n",
		"@@ -99999999999999999999 +1 @@\n",
		"diff --git a/y b/y\n--- a/y\n+++ b/y\n@@ -1,3 +1,1 @@\n+a\n+b\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rest); i++) {
		CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_MIB);

		strbuf_addf(&text, "%s%s", simple, rest[i]);
		CLEANUP(diff) struct diff diff = parse(strbuf_str(&text));
		assert_true(diff.broken);
		assert_true(diff_has(&diff, "src/x.c", 0, 21));
	}
	CLEANUP(diff) struct diff none = parse("");
	assert_false(none.broken);
	CLEANUP(diff) struct diff words = parse("<html>not a diff</html>");
	assert_true(words.broken);
	assert_int_equal(words.count, 0);
}

static void counts_are_bounded(void **state)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(16 * LIMIT_MIB);

	(void)state;
	for (int i = 0; i < DIFF_FILES_MAX + 10; i++)
		strbuf_addf(
			&text, "diff --git a/%d b/%d\n--- a/%d\n+++ b/%d\n", i, i, i, i);
	CLEANUP(diff) struct diff files = parse(strbuf_str(&text));
	assert_int_equal(files.count, DIFF_FILES_MAX);
	assert_true(files.broken);

	strbuf_reset(&text);
	strbuf_adds(&text, "diff --git a/x b/x\n--- a/x\n+++ b/x\n");
	for (int i = 0; i < DIFF_HUNKS_MAX + 10; i++)
		strbuf_addf(&text, "@@ -%d +%d @@\n-a\n+b\n", i + 1, i + 1);
	CLEANUP(diff) struct diff hunks = parse(strbuf_str(&text));
	assert_int_equal(hunks.files[0].nhunks, DIFF_HUNKS_MAX);
	assert_true(hunks.broken);
}

static void rows_come_back(void **state)
{
	CLEANUP(diff) struct diff diff = parse(simple), again = {0}, wrong = {0};
	CLEANUP(strbuf) struct strbuf row = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(strbuf) struct strbuf list = STRBUF_INIT(LIMIT_MIB);
	struct err err = {0};

	(void)state;
	assert_int_equal(diff_print(&diff, &row, &err), 0);
	assert_string_equal(
		strbuf_str(&row), "{\"files\":[[\"src/x.c\",[[1,4],[21,21]]]]}");
	assert_int_equal(diff_load(strbuf_str(&row), &again, &err), 0);
	for (int line = 0; line < 30; line++)
		assert_int_equal(diff_has(&again, "src/x.c", 0, line),
			diff_has(&diff, "src/x.c", 0, line));
	assert_int_equal(diff_load("{\"files\":[[1]]}", &wrong, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	diff_list(&diff, 10, &list);
	assert_string_equal(strbuf_str(&list), "src/x.c (+3 -2)\n");
	strbuf_reset(&list);
	diff_list(&diff, 0, &list);
	assert_string_equal(strbuf_str(&list), "and 1 more\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_are_those_of_hunks),
		cmocka_unit_test(text_is_no_structure),
		cmocka_unit_test(names_are_read_as_git_writes_them),
		cmocka_unit_test(what_is_cut_or_wrong_keeps_what_came_before),
		cmocka_unit_test(counts_are_bounded),
		cmocka_unit_test(rows_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
