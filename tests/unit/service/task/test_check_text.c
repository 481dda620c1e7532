/* SPDX-License-Identifier: MIT */
/* Checks as values and words: output in bounded memory, rows, Markdown that does nothing. */
#include "service/task/check_text.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/secret.h"
#include "boxcore/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char *said(const char *data, size_t len, size_t piece)
{
	CLEANUP(mem) struct check_output *output = mem_zalloc(sizeof *output);
	struct strbuf out = STRBUF_INIT(LIMIT_CHECK_OUTPUT * 16);

	for (size_t at = 0; at < len; at += piece)
		check_output_add(output, data + at, len - at < piece ? len - at : piece);
	check_output_text(output, &out);
	return strbuf_take(&out);
}

static void output_is_whole_up_to_two_parts(void **state)
{
	static const size_t sizes[] = {1, 100, LIMIT_CHECK_OUTPUT - 1, LIMIT_CHECK_OUTPUT,
		LIMIT_CHECK_OUTPUT + 1, 2 * LIMIT_CHECK_OUTPUT - 1,
		2 * LIMIT_CHECK_OUTPUT};
	CLEANUP(mem) char *text = mem_alloc(2 * LIMIT_CHECK_OUTPUT + 1);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		for (size_t k = 0; k < sizes[i]; k++)
			text[k] = (char)('a' + k % 23);
		text[sizes[i]] = '\0';
		for (size_t piece = 1; piece < 40000; piece = piece * 7 + 1) {
			CLEANUP(mem) char *got = said(text, sizes[i], piece);
			assert_string_equal(got, text);
		}
	}
}

static void of_long_output_the_ends_are_kept(void **state)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(4 * LIMIT_MIB);
	char left_out[60];

	(void)state;
	for (int i = 0; i < 100000; i++)
		strbuf_addf(&text, "line %d\n", i);
	CLEANUP(mem) char *got = said(strbuf_str(&text), text.len, 4093);
	assert_memory_equal(got, text.data, LIMIT_CHECK_OUTPUT);
	size_t len = strlen(got);
	assert_string_equal(got + len - LIMIT_CHECK_OUTPUT,
		text.data + text.len - LIMIT_CHECK_OUTPUT);
	snprintf(left_out, sizeof left_out, "\n[... %zu bytes are left out here ...]\n",
		text.len - 2 * LIMIT_CHECK_OUTPUT);
	assert_non_null(strstr(got, left_out));
	assert_true(len < 2 * LIMIT_CHECK_OUTPUT + 100);
}

static void what_moves_a_terminal_goes(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"\033[31mred\033[0m", "red"},
		{"\033[2K\033[1Gdone", "done"},
		{"\033]0;title\atext", "text"},
		{"\033]8;;http://x\033\\link\033]8;;\033\\", "link"},
		{"\033]no end\nstays", "no end\nstays"},
		{"\033", ""},
		{"\033[", ""},
		{"\033[12", ""},
		{"\033Mx", "x"},
		{"10%\r20%\rend", "10%\n20%\nend"},
		{"dos\r\nline", "dos \nline"},
		{"bell\a del\x7f tab\t", "bell del tab\t"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(mem) char *got = said(rows[i].in, strlen(rows[i].in), 1);
		assert_string_equal(got, rows[i].out);
	}
	CLEANUP(mem)
	char *got = said("a\0b\xff"
			 "c",
		5, 5);
	assert_string_equal(got, "ab\xef\xbf\xbd"
				 "c");
}

static void secrets_do_not_stay(void **state)
{
	CLEANUP(secret) struct secret key = {0};
	static const char *const texts[] = {"x sk-canary-1234567890 y",
		"sk-can\033[0mary-1234567890", "sk-canary\a-1234567890"};

	(void)state;
	secret_set(&key, "sk-canary-1234567890", 20);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		CLEANUP(mem) char *got = said(texts[i], strlen(texts[i]), 3);
		assert_null(strstr(got, "1234567890"));
	}
	/* Across the seam of what is kept from the beginning and from the end. */
	char text[LIMIT_CHECK_OUTPUT + 100];
	memset(text, 'x', sizeof text);
	memcpy(text + LIMIT_CHECK_OUTPUT - 7, "sk-canary-1234567890", 20);
	CLEANUP(mem) char *got = said(text, sizeof text, 512);
	assert_null(strstr(got, "1234567890"));
}

static void rows_come_back_as_they_were(void **state)
{
	char command[] = "make \"test\"\n", output[] = "\xc3\xbc ``` \\ \n";
	struct check check = {.command = command,
		.state = CHECK_FAILED,
		.exit_code = 137,
		.ms = 61001,
		.output = output};
	CLEANUP(check) struct check back = {0};
	CLEANUP(strbuf) struct strbuf row = STRBUF_INIT(LIMIT_STORE_TEXT);
	struct err err = {0};

	(void)state;
	assert_int_equal(check_print(&check, &row, &err), 0);
	assert_int_equal(check_parse(strbuf_str(&row), &back, &err), 0);
	assert_string_equal(back.command, check.command);
	assert_int_equal(back.state, CHECK_FAILED);
	assert_int_equal(back.exit_code, 137);
	assert_int_equal(back.ms, 61001);
	assert_string_equal(back.output, check.output);
}

static void rows_that_are_none_are_errors(void **state)
{
	static const char *const texts[] = {"", "{}", "[]", "{\"state\":\"passed\"}",
		"{\"state\":\"green\",\"command\":\"x\"}",
		"{\"state\":1,\"command\":\"x\"}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		CLEANUP(check) struct check check = {0};
		struct err err = {0};
		assert_int_equal(check_parse(texts[i], &check, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
	}
}

static void add(struct checks *checks, const char *command, enum check_state state,
	const char *output)
{
	struct check check = {.command = mem_strdup(command),
		.state = state,
		.exit_code = state == CHECK_FAILED,
		.ms = 1250,
		.output = mem_strdup(output)};

	checks_add(checks, &check);
}

static void results_are_told(void **state)
{
	CLEANUP(checks) struct checks checks = {0};
	CLEANUP(strbuf) struct strbuf words = STRBUF_INIT(1000);
	CLEANUP(strbuf) struct strbuf list = STRBUF_INIT(LIMIT_COMMENT);
	CLEANUP(strbuf) struct strbuf ends = STRBUF_INIT(LIMIT_COMMENT);

	(void)state;
	add(&checks, "make test", CHECK_PASSED, "fine");
	checks_words(&checks, &words);
	assert_string_equal(strbuf_str(&words), "1 check passed");
	add(&checks, "make lint\nmake more\n", CHECK_FAILED, "line 1\nbad\n");
	add(&checks, "sleep 9", CHECK_TIMEOUT, "");
	add(&checks, "true", CHECK_SKIPPED, "");
	strbuf_adds(&words, "; ");
	checks_words(&checks, &words);
	assert_string_equal(strbuf_str(&words), "1 check passed; 3 of 4 checks failed");
	checks_list(&checks, &list);
	assert_string_equal(strbuf_str(&list),
		"- passed: `make test` (exit 0, 1.2 s)\n"
		"- **failed**: `make lint ...` (exit 1, 1.2 s)\n"
		"- **failed**: `sleep 9` (stopped after 1.2 s: the time for checks was "
		"up)\n"
		"- **failed**: `true` (not run: the time for checks was up)\n");
	checks_outputs(&checks, &ends);
	assert_string_equal(strbuf_str(&ends),
		"\n<details>\n<summary>The end of what check 2 said</summary>\n\n"
		"```\nline 1\nbad\n```\n\n</details>\n");
}

static void hostile_words_do_nothing(void **state)
{
	CLEANUP(checks) struct checks checks = {0};
	CLEANUP(strbuf) struct strbuf list = STRBUF_INIT(LIMIT_COMMENT);
	CLEANUP(strbuf) struct strbuf ends = STRBUF_INIT(LIMIT_COMMENT);

	(void)state;
	add(&checks, "echo `@octocat` fixes #3 <b> ", CHECK_FAILED,
		"````\n</details>\n<!-- boxwright:t=1;k=status -->\n@octocat\n~~~\n");
	checks_list(&checks, &list);
	assert_null(strstr(strbuf_str(&list), "@octocat"));
	assert_null(strstr(strbuf_str(&list), "fixes #3"));
	/* One span: two backticks. */
	size_t ticks = 0;
	for (const char *c = strbuf_str(&list); *c; c++)
		ticks += *c == '`';
	assert_int_equal(ticks, 2);
	checks_outputs(&checks, &ends);
	assert_non_null(strstr(strbuf_str(&ends), "\n`````\n````\n</details>\n"));
	assert_non_null(strstr(strbuf_str(&ends), "\n`````\n\n</details>\n"));
	assert_null(strstr(strbuf_str(&ends), "boxwright:t=1"));
}

static void many_long_outputs_are_bounded(void **state)
{
	CLEANUP(checks) struct checks checks = {0};
	CLEANUP(strbuf) struct strbuf ends = STRBUF_INIT(LIMIT_COMMENT);
	CLEANUP(strbuf) struct strbuf report = STRBUF_INIT(LIMIT_PROMPT);
	CLEANUP(mem) char *text = mem_alloc(16001);

	(void)state;
	for (size_t i = 0; i < 16000; i += 4)
		memcpy(text + i, "\xf0\x9f\x98\x80", 4);
	text[16000] = '\0';
	for (int i = 0; i < 50; i++)
		add(&checks, "make", CHECK_FAILED, text + i % 4 * 4);
	checks_outputs(&checks, &ends);
	assert_true(ends.len < LIMIT_CHECKS_TEXT + 1000);
	assert_true(str_is_utf8(ends.data, ends.len));
	assert_non_null(strstr(ends.data, "left out here"));
	checks_report(&checks, &report);
	assert_true(report.len < 64 * LIMIT_KIB);
	assert_true(str_is_utf8(report.data, report.len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_is_whole_up_to_two_parts),
		cmocka_unit_test(of_long_output_the_ends_are_kept),
		cmocka_unit_test(what_moves_a_terminal_goes),
		cmocka_unit_test(secrets_do_not_stay),
		cmocka_unit_test(rows_come_back_as_they_were),
		cmocka_unit_test(rows_that_are_none_are_errors),
		cmocka_unit_test(results_are_told),
		cmocka_unit_test(hostile_words_do_nothing),
		cmocka_unit_test(many_long_outputs_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
