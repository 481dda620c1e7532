/* SPDX-License-Identifier: MIT */
/* An agent's text may be read on GitHub and do nothing there. */
#include "prompts/published.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define Z "\xe2\x80\x8b"

static void nothing_notifies_closes_or_loads(void **state)
{
	static const char *const cases[][2] = {
		{"plain #3 and 5 < 6, a@ b", "plain #3 and 5 < 6, a@ b"},
		{"hi @octocat and @org/team", "hi @" Z "octocat and @" Z "org/team"},
		{"@\xe2\x80\x8boctocat", "@" Z "octocat"},
		{"`@octocat`", "`@" Z "octocat`"},
		{"Fixes #3", "F" Z "ixes #3"},
		{"this FIXED: octo/repo#3", "this F" Z "IXED: octo/repo#3"},
		{"closes\n\n**#12**", "c" Z "loses\n\n**#12**"},
		{"resolve https://github.com/o/r/issues/3",
			"r" Z "esolve https://github.com/o/r/issues/3"},
		{"resolves GH-3", "r" Z "esolves GH-3"},
		{"fixes the prefix", "fixes the prefix"},
		{"prefixes #3 unfixed #4", "prefixes #3 unfixed #4"},
		{"![x](https://evil/beacon.png)", "[x](https://evil/beacon.png)"},
		{"<img src=x> </details> <!doctype>",
			"<" Z "img src=x> <" Z "/details> <" Z "!doctype>"},
		{"a<!-- boxwright:task=9 -->b", "ab"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_COMMENT);
		prompt_clean_published(&out, cases[i][0], strlen(cases[i][0]), 10000);
		assert_string_equal(strbuf_str(&out), cases[i][1]);
	}
}

static void secrets_do_not_leave(void **state)
{
	CLEANUP(secret) struct secret key = {0};
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_COMMENT);
	static const char text[] = "the key is sk-ca\xe2\x80\x8bnary-1234567890.";

	(void)state;
	secret_set(&key, "sk-canary-1234567890", 20);
	prompt_clean_published(&out, text, strlen(text), 10000);
	assert_string_equal(out.data, "the key is ***.");
	strbuf_reset(&out);
	prompt_fence(&out, "", text, strlen(text), 10000);
	assert_string_equal(out.data, "```\nthe key is ***.\n```\n");
}

static void a_cut_closes_the_code(void **state)
{
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_COMMENT);
	static const char text[] =
		"one\n````c\nint a;\nint b;\nint cccccccccccccccc;\n````\n";

	(void)state;
	prompt_clean_published(&out, text, strlen(text), 30);
	assert_string_equal(out.data,
		"one\n````c\nint a;\nint b;\n````\n\n*(The rest was cut off.)*\n");
}

static void a_fence_holds_any_text(void **state)
{
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_COMMENT);
	static const char text[] = "first line\nsecond\n````\nlast";

	(void)state;
	prompt_fence(&out, "text", text, strlen(text), 20);
	assert_string_equal(out.data, "`````text\n...\nsecond\n````\nlast\n`````\n");
	strbuf_reset(&out);
	prompt_fence(&out, "", "", 0, 20);
	assert_string_equal(out.data, "```\n```\n");
	strbuf_reset(&out);
	prompt_fence(&out, "", "\xc3\xa9\xc3\xa9\xc3\xa9", 6, 3);
	assert_string_equal(out.data, "```\n...\n\xc3\xa9\n```\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_notifies_closes_or_loads),
		cmocka_unit_test(secrets_do_not_leave),
		cmocka_unit_test(a_cut_closes_the_code),
		cmocka_unit_test(a_fence_holds_any_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
