/* SPDX-License-Identifier: MIT */
/* What is published of foreign text: harmless, without secrets, cut. */
#include "service/task/status.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void secrets_do_not_leave_even_when_split(void **state)
{
	CLEANUP(secret) struct secret key = {0};
	static const char *const texts[] = {
		"the key is sk-canary-1234567890.",
		"the key is sk-ca\xe2\x80\x8bnary-1234567890.",
		"the key is sk-canary<!-- x -->-1234567890.",
		"`sk-canary-1234567890`",
	};

	(void)state;
	secret_set(&key, "sk-canary-1234567890", 20);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_COMMENT);
		status_clean(&out, texts[i], 1000);
		assert_null(strstr(strbuf_str(&out), "canary-1234567890"));
	}
}

static void text_does_nothing_on_github(void **state)
{
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_COMMENT);

	(void)state;
	status_clean(&out,
		"thanks @octocat, fixes #3 ![x](http://evil/x.png) <!-- boxwright:t=1 "
		"--> <b>",
		1000);
	assert_null(strstr(out.data, "@octocat"));
	assert_null(strstr(out.data, "fixes #3"));
	assert_null(strstr(out.data, "!["));
	assert_null(strstr(out.data, "<!--"));
	assert_null(strstr(out.data, "<b>"));
}

/* "@who: " before it makes the first fence none: it would open at what closes it, and what
 * stood in it would be text. */
static void a_fence_begins_on_a_line_of_its_own(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"```\n@all\n```", "\n```\n@all\n```"},
		{"\xe2\x80\x8b~~~\n@all\n~~~", "\n~~~\n@all\n~~~"},
		{"`x` is there", "`x` is there"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_KIB);
		status_clean(&out, cases[i].text, 1000);
		assert_string_equal(strbuf_str(&out), cases[i].want);
	}
}

static void words_become_a_sentence(void **state)
{
	static const char *const rows[][2] = {
		{"the branch is gone", "The branch is gone."},
		{"it's closed already.", "It's closed already."},
		{"src/a.c is protected", "src/a.c is protected."},
		{"`make` ended with 2", "`make` ended with 2."},
		{"exit: boom\nat line 3", "exit: boom\nat line 3"},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_COMMENT);

		strbuf_adds(&out, "a ");
		status_sentence(&out, rows[i][0], 1000);
		assert_string_equal(strbuf_str(&out) + 2, rows[i][1]);
	}
}

static void long_text_is_cut_at_the_maximum(void **state)
{
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_COMMENT);
	CLEANUP(mem) char *text = mem_alloc(200001);

	(void)state;
	memset(text, '<', 200000); /* each becomes four bytes */
	text[200000] = '\0';
	status_clean(&out, text, 4000);
	assert_true(out.len <= 4000);
	assert_non_null(strstr(out.data, "left out"));
}

static void outcomes_are_told_by_their_word(void **state)
{
	char text[] = "failed_work\nthe agent gave up";
	struct task_ctx ctx = {.outcome = text};

	(void)state;
	assert_true(outcome_is(&ctx, "failed_work"));
	assert_false(outcome_is(&ctx, "failed"));
	assert_true(outcome_begins(&ctx, "failed_"));
	assert_string_equal(outcome_sentence(&ctx), "the agent gave up");
}

/* Whoever names an issue "#1 ..." does not close that one by our commit. */
static void a_title_closes_nothing(void **state)
{
	static const char *const titles[] = {"#1 breaks", " \xe2\x80\x8b#1 breaks",
		"octo/other#1 breaks", "GH-1 breaks",
		"https://github.com/octo/other/issues/1 breaks", "fix: #1 breaks",
		"fixes #1"};
	static const char *const bad[] = {
		"fix: #", "fix: octo", "fix: GH", "fix: http", "fixes #"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(titles); i++) {
		struct store_task task = {.verb = (char *)(uintptr_t) "fix",
			.title = (char *)(uintptr_t)titles[i]};
		struct task_ctx ctx = {.task = &task};
		CLEANUP(mem) char *title = status_title(&ctx);

		for (size_t k = 0; k < ARRAY_LEN(bad); k++)
			assert_null(strstr(title, bad[k]));
	}
	struct store_task task = {.verb = (char *)(uintptr_t) "fix",
		.title = (char *)(uintptr_t) "It breaks, see #1"};
	struct task_ctx ctx = {.task = &task};
	CLEANUP(mem) char *title = status_title(&ctx);
	assert_true(strncmp(title, "fix: It breaks", 14) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_do_not_leave_even_when_split),
		cmocka_unit_test(text_does_nothing_on_github),
		cmocka_unit_test(long_text_is_cut_at_the_maximum),
		cmocka_unit_test(a_title_closes_nothing),
		cmocka_unit_test(outcomes_are_told_by_their_word),
		cmocka_unit_test(a_fence_begins_on_a_line_of_its_own),
		cmocka_unit_test(words_become_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
