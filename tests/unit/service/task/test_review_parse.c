/* SPDX-License-Identifier: MIT */
/* Findings out of an agent's answer: fenced, bare, wrong, too many. */
#include "service/task/review_parse.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ONE                                                                              \
	"{\"summary\": \"S\", \"findings\": [{\"path\": \"./a.c\", \"line\": 3, "        \
	"\"start_line\": 2, \"severity\": \"error\", \"text\": \"T\"}]}"

static struct review parse(const char *text)
{
	struct review review;

	review_parse(text, strlen(text), &review);
	return review;
}

static void the_object_is_found_wherever_it_stands(void **state)
{
	static const char *const answers[] = {
		ONE,
		"  \n" ONE "\n",
		"```json\n" ONE "\n```\n",
		"I looked at it.\n\n```json\n" ONE "\n```\n\nThat is all.",
		"~~~\n" ONE "\n~~~",
		"Here it is:\n" ONE,
		"```sh\nmake test\n```\nand\n```\n" ONE "\n```",
		"```json\n" ONE, /* an answer that was cut behind it */
		"{a: 1}\n" ONE,
		"```json\n{\"findings\": [{\"text\": \"not this\"}]}\n```\n```json\n" ONE
		"\n```",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		CLEANUP(review) struct review review = parse(answers[i]);

		assert_true(review.form);
		assert_string_equal(review.summary, "S");
		assert_int_equal(review.count, 1);
		assert_string_equal(review.rows[0].path, "a.c");
		assert_int_equal(review.rows[0].line, 3);
		assert_int_equal(review.rows[0].start, 2);
		assert_int_equal(review.rows[0].severity, REVIEW_ERROR);
		assert_string_equal(review.rows[0].text, "T");
	}
}

static void words_without_the_form_are_the_summary(void **state)
{
	static const char *const answers[] = {"Looks good to me.", "{\"summary\": 1}",
		"```json\n{\"findings\": \"none\"}\n```", "{", "}{", "[]"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		CLEANUP(review) struct review review = parse(answers[i]);

		assert_false(review.form);
		assert_string_equal(review.summary, answers[i]);
		assert_int_equal(review.count, 0);
	}
	CLEANUP(review) struct review none = parse("");
	assert_string_equal(none.summary, "");
}

static void wrong_members_do_no_harm(void **state)
{
	CLEANUP(review)
	struct review review = parse(
		"{\"findings\": [1, null, {}, {\"text\": \"  \"}, {\"text\": 5},"
		"{\"text\": \"a\", \"line\": 7},"
		"{\"path\": \"x\", \"text\": \"b\", \"line\": -4},"
		"{\"path\": \"x\", \"text\": \"c\", \"line\": \"12\"},"
		"{\"path\": \"x\", \"text\": \"d\", \"line\": 5, \"start_line\": 9},"
		"{\"path\": 3, \"text\": \"e\", \"line\": 1e300},"
		"{\"path\": \"x\", \"text\": \"f\", \"line\": 99999999999,"
		" \"severity\": \"CRITICAL\"},"
		"{\"path\": \"x\", \"text\": \"g\", \"severity\": \"nit\"}]}");
	static const struct {
		const char *text;
		int64_t line, start;
	} rows[] = {{"f", 0, 0}, {"a", 0, 0}, {"b", 0, 0}, {"c", 12, 0}, {"d", 5, 0},
		{"e", 0, 0}, {"g", 0, 0}};

	(void)state;
	assert_int_equal(review.dropped, 5);
	assert_int_equal(review.count, ARRAY_LEN(rows));
	for (size_t i = 0; i < ARRAY_LEN(rows);
		i++) { /* by severity, then as they came */
		assert_string_equal(review.rows[i].text, rows[i].text);
		assert_int_equal(review.rows[i].line, rows[i].line);
		assert_int_equal(review.rows[i].start, rows[i].start);
	}
	assert_int_equal(review.rows[6].severity, REVIEW_NOTE);
}

static void counts_and_lengths_are_bounded(void **state)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(16 * LIMIT_MIB);

	(void)state;
	strbuf_adds(&text, "{\"summary\": \"");
	for (int i = 0; i < 60000; i++)
		strbuf_adds(&text, "\xc3\xbc");
	strbuf_adds(&text, "\", \"findings\": [");
	for (int i = 0; i < 1000; i++)
		strbuf_addf(&text,
			"%s{\"path\": \"a\", \"line\": %d, \"text\": \"%09000d\"}",
			i ? "," : "", i + 1, i);
	strbuf_adds(&text, "]}");
	CLEANUP(review) struct review review = parse(strbuf_str(&text));
	assert_int_equal(review.count, REVIEW_FINDINGS_MAX);
	assert_int_equal(review.dropped, 1000 - REVIEW_FINDINGS_MAX);
	assert_int_equal(strlen(review.rows[0].text), REVIEW_TEXT_MAX);
	assert_int_equal(strlen(review.summary), REVIEW_SUMMARY_MAX);
	assert_true(str_is_utf8(review.summary, strlen(review.summary)));

	strbuf_reset(&text);
	for (int i = 0; i < 100000; i++)
		strbuf_adds(&text, "{\n```\n");
	CLEANUP(review) struct review many = parse(strbuf_str(&text));
	assert_false(many.form);
}

static void rows_come_back(void **state)
{
	static const char *const answers[] = {ONE, "only words \"quoted\" {",
		"{\"findings\": [], \"summary\": \"fine\"}", "{\"findings\": [{}]}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		CLEANUP(review) struct review review = parse(answers[i]);
		CLEANUP(strbuf) struct strbuf row = STRBUF_INIT(LIMIT_MIB);
		CLEANUP(strbuf) struct strbuf row2 = STRBUF_INIT(LIMIT_MIB);

		review_print(&review, &row);
		CLEANUP(review) struct review again = parse(strbuf_str(&row));
		assert_int_equal(again.form, review.form);
		assert_int_equal(again.dropped, review.dropped);
		review_print(&again, &row2);
		assert_string_equal(strbuf_str(&row), strbuf_str(&row2));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_object_is_found_wherever_it_stands),
		cmocka_unit_test(words_without_the_form_are_the_summary),
		cmocka_unit_test(wrong_members_do_no_harm),
		cmocka_unit_test(counts_and_lengths_are_bounded),
		cmocka_unit_test(rows_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
