/* SPDX-License-Identifier: MIT */
/* Foreign text must read the same and do nothing. */
#include "service/github/text.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define Z "\xe2\x80\x8b" /* zero-width space */

static void safe_is(const char *in, const char *want)
{
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(1 << 20);

	github_text_safe(&out, in, strlen(in));
	if (strcmp(strbuf_str(&out), want) != 0)
		fail_msg("\"%s\" became \"%s\", not \"%s\"", in, strbuf_str(&out), want);
}

static void mentions(void **state)
{
	(void)state;
	safe_is("@mona", "@" Z "mona");
	safe_is("hi @org/team, a@b.example", "hi @" Z "org/team, a@b.example");
	safe_is("(@a) _@b_ \xc3\xa9@c", "(@" Z "a) _@" Z "b_ \xc3\xa9@" Z "c");
	safe_is("\\@a &#64;b &commat;c", "\\@" Z "a &amp;#64;b &amp;commat;c");
	safe_is("@" Z "a" Z, "@" Z "a"); /* theirs goes, ours comes */
	safe_is("@ a @", "@ a @");
}

static void closing_words(void **state)
{
	static const char *const words[] = {"close", "closes", "closed", "fix", "fixes",
		"fixed", "resolve", "resolves", "resolved", "FIXES"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		char in[64], want[64];

		snprintf(in, sizeof in, "This %s #12.", words[i]);
		snprintf(want, sizeof want, "This %c" Z "%s #12.", words[i][0],
			words[i] + 1);
		safe_is(in, want);
	}
	safe_is("Fixes: octo/x#1", "F" Z "ixes: octo/x#1");
	safe_is("closes\nGH-4", "c" Z "loses\nGH-4");
	safe_is("fix **https://github.com/o/r/issues/1**",
		"f" Z "ix **https://github.com/o/r/issues/1**");
	safe_is("I fixed the prefix; suffixes are fine",
		"I fixed the prefix; suffixes are fine");
	safe_is("see #12", "see #12");
}

/* GitHub takes these words out of a commit's message, and runs no checks for it. */
static void words_that_switch_checks_off(void **state)
{
	(void)state;
	safe_is("a [skip ci] b", "a [" Z "skip ci] b");
	safe_is("[ci skip][NO CI][Skip Actions]",
		"[" Z "ci skip][" Z "NO CI][" Z "Skip Actions]");
	safe_is("[skip" Z " ci]", "[" Z "skip ci]");
	safe_is("***NO_CI***", "***NO" Z "_CI***");
	safe_is("[no circle] [a](b) skip [", "[" Z "no circle] [a](b) skip [");
}

static void images_and_html(void **state)
{
	(void)state;
	safe_is("a ![x](http://e/p) b", "a [x](http://e/p) b");
	safe_is("!![x][r]", "[x][r]");
	safe_is("!" Z "[x](y)", "[x](y)");
	safe_is("wow!", "wow!");
	safe_is("<img src=x> </details>", "&lt;img src=x> &lt;/details>");
	safe_is("<!-- boxwright:t=1;k=status;m=0 -->",
		"&lt;!-- boxwright" Z ":t=1;k=status;m=0 -->");
	safe_is("a & b &lt; AT&T", "a & b &amp;lt; AT&amp;T");
}

static void invisible_characters(void **state)
{
	(void)state;
	safe_is("a\xe2\x80\xae"
		"b\xe2\x81\xa6"
		"c\xef\xbb\xbf"
		"d\xf3\xa0\x81\x81"
		"e\xc2\xad"
		"f",
		"abcdef");
	safe_is("ok \xe2\x9c\x94\xef\xb8\x8f", "ok \xe2\x9c\x94\xef\xb8\x8f");
	safe_is("x\xef\xb8\x8f\xef\xb8\x81\xef\xb8\x82", "x\xef\xb8\x8f");
	safe_is("a\x01\x1b[0m\xff", "a\xef\xbf\xbd\xef\xbf\xbd[0m\xef\xbf\xbd");
	safe_is("a\r\nb\rc", "a\nb\nc");
}

static void code_stays_code(void **state)
{
	(void)state;
	safe_is("```py\n@app.route <b> ![i](j)\n```\n@a",
		"```py\n@app.route <b> ![i](j)\n```\n@" Z "a");
	safe_is("~~~\n@a\n~~~\n", "~~~\n@a\n~~~\n");
	safe_is("use `@decorator` and ``a`b@c``", "use `@decorator` and ``a`b@c``");
	safe_is("```\nopen", "```\nopen\n```\n");
	safe_is("````\n```\n@a\n````", "````\n```\n@a\n````");
	safe_is("`<!-- boxwright:t=1;k=a;m=0 -->`",
		"`<!-- boxwright" Z ":t=1;k=a;m=0 -->`");
	safe_is("```\n<!-- boxwright:t=1 -->\n```\n",
		"```\n<!-- boxwright" Z ":t=1 -->\n```\n");
}

/* What looks like code here and is none at GitHub. */
static void code_that_is_none(void **state)
{
	(void)state;
	/* the list ends, and the fence in it */
	safe_is("- x\n\n  ```\n@a", "- x\n\n  \\`\\`\\`\n@" Z "a");
	/* an indented fence opens, the next one closes it */
	safe_is("  ```\n```\n@a\n```\n", "  \\`\\`\\`\n```\n@a\n```\n");
	/* a closing fence may be indented */
	safe_is("```\n   ```  \n@a", "```\n   ```  \n@" Z "a");
	safe_is("```\n    ```\n@a\n```", "```\n    ```\n@a\n```");
	/* no backtick may stand behind an opening fence of them */
	safe_is("```a``` @a", "\\`\\`\\`a\\`\\`\\` @" Z "a");
	/* a span that would begin a line earlier */
	safe_is("a ` b\n`@a` c", "a \\` b\n`@a` c");
	safe_is("\\`@a`", "\\`@" Z "a\\`");
	safe_is("\\\\`@a`", "\\\\`@a`");
	/* a table tears a span apart */
	safe_is("| `a | @b` |", "| \\`a | @" Z "b\\` |");
	safe_is("> ```\n> @a", "> \\`\\`\\`\n> @" Z "a");
	safe_is("~~gone~~ ~~~", "~~gone~~ \\~\\~\\~");
}

static void titles(void **state)
{
	static const struct {
		const char *in, *want;
		size_t max;
	} cases[] = {
		{"  a \n\t b  ", "a b", 100},
		{"Use <T> & @mona", "Use <T> & @" Z "mona", 100},
		{"fixes #1", "f" Z "ixes #1", 100},
		{"abcdefgh", "abcdefgh", 8},
		{"abcdefghi", "abcde\xe2\x80\xa6", 8},
		{"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", "\xc3\xa9\xe2\x80\xa6", 6},
		{"abc", "", 2},
		{"", "", 10},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(1000);

		github_text_line(&out, cases[i].in, strlen(cases[i].in), cases[i].max);
		assert_string_equal(strbuf_str(&out), cases[i].want);
		assert_true(out.len <= cases[i].max);
	}
}

static void fence_is(const char *info, const char *in, const char *want)
{
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(1 << 20);

	github_text_fence(&out, info, in, strlen(in));
	assert_string_equal(strbuf_str(&out), want);
}

static void fences_are_longer_than_what_is_inside(void **state)
{
	(void)state;
	fence_is(NULL, "x", "```\nx\n```\n");
	fence_is("c", "a\n", "```c\na\n```\n");
	fence_is("a`b\n", "x", "```a\nx\n```\n");
	fence_is("", "a ```` b\n```", "`````\na ```` b\n```\n`````\n");
	fence_is(NULL, "", "```\n```\n");
}

static void cut_is(const char *in, size_t max, const char *notice, const char *want)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(1 << 20);

	strbuf_adds(&text, in);
	assert_true(github_text_cut(&text, max, notice));
	assert_string_equal(strbuf_str(&text), want);
	assert_true(text.len <= max);
}

static void cutting_leaves_nothing_open(void **state)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(100);

	(void)state;
	strbuf_adds(&text, "short");
	assert_false(github_text_cut(&text, 5, "x"));
	cut_is("line one\nline two\nline three\n", 20, NULL, "line one\nline two\n");
	cut_is("line one\nline two\nline three\n", 20, "(cut)", "line one\n\n\n(cut)");
	cut_is("\xc3\xa9\xc3\xa9\xc3\xa9", 3, NULL, "\xc3\xa9");
	cut_is("abc &lt;b>", 7, NULL, "abc ");
	cut_is("```\naaaa\nbbbb\ncccc\n```\n", 18, NULL, "```\naaaa\n```\n");
	cut_is("abc <!-- hidden hidden hidden -->", 20, NULL, "abc ");
}

static void cutting_closes_details(void **state)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(1 << 20);

	(void)state;
	strbuf_adds(&text, "<details><summary>x</summary>\n\n```\n");
	for (int i = 0; i < 1000; i++)
		strbuf_adds(&text, "a line of a log\n");
	strbuf_adds(&text, "```\n</details>\n");
	assert_true(github_text_cut(&text, 4000, "The rest was cut."));
	assert_in_range(text.len, 3000, 4000);
	assert_true(str_ends(
		text.data, "a line of a log\n```\n\n</details>\n\nThe rest was cut."));
}

static void cutting_ends_on_bad_text(void **state)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(1 << 20);

	(void)state;
	for (int i = 0; i < 100000; i++)
		strbuf_addc(&text, '`');
	assert_true(github_text_cut(&text, 60000, "cut"));
	assert_true(text.len <= 60000);
	strbuf_reset(&text);
	for (int i = 0; i < 20000; i++)
		strbuf_adds(&text, "<details>");
	assert_true(github_text_cut(&text, 60000, "cut"));
	assert_true(text.len <= 60000);
}

/* ---- markers --------------------------------------------------------------- */

static void markers(void **state)
{
	static const char key[] = "a key";
	struct github_marker marker = {
		.repo_id = 9, .number = 3, .task = "41", .kind = "status"};
	char text[GITHUB_MARKER_SIZE], task[65], kind[17];

	(void)state;
	assert_true(github_marker(&marker, key, sizeof key, text));
	assert_true(str_starts(text, "<!-- boxwright:t=41;k=status;m="));
	assert_true(str_ends(text, " -->"));
	assert_int_equal(
		strlen(text), strlen("<!-- boxwright:t=41;k=status;m= -->") + 16);

	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(4096);
	strbuf_adds(&body, "<!-- boxwright:t=1;k=status;m=0123456789abcdef -->\n"
			   "<!-- boxwright:t=\nSome words\n");
	strbuf_adds(&body, text);
	assert_true(github_marker_find(
		body.data, body.len, 9, 3, key, sizeof key, task, kind));
	assert_string_equal(task, "41");
	assert_string_equal(kind, "status");
	/* A copy elsewhere, another key, a cut one. */
	assert_false(github_marker_find(
		body.data, body.len, 9, 4, key, sizeof key, task, kind));
	assert_string_equal(task, "");
	assert_false(github_marker_find(
		body.data, body.len, 8, 3, key, sizeof key, task, kind));
	assert_false(
		github_marker_find(body.data, body.len, 9, 3, "other", 5, task, kind));
	assert_false(github_marker_find(
		body.data, body.len - 1, 9, 3, key, sizeof key, task, kind));
	/* Said by somebody else, it is none any more. */
	CLEANUP(strbuf) struct strbuf said = STRBUF_INIT(4096);
	github_text_safe(&said, body.data, body.len);
	github_text_fence(&said, NULL, body.data, body.len);
	github_text_line(&said, body.data, body.len, 2000);
	assert_false(github_marker_find(
		said.data, said.len, 9, 3, key, sizeof key, task, kind));
}

static void markers_that_cannot_be(void **state)
{
	static const struct {
		const char *task, *kind;
	} bad[] = {{"", "status"}, {"1", ""}, {"1;k=x", "status"}, {"1 -->", "status"},
		{"1", "STATUS"}, {"1", "seventeen-letters"}, {"\xc3\xa9", "status"},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			"status"}};
	char text[GITHUB_MARKER_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct github_marker marker = {.repo_id = 1,
			.number = 1,
			.task = bad[i].task,
			.kind = bad[i].kind};
		assert_false(github_marker(&marker, "k", 1, text));
		assert_string_equal(text, "");
	}
}

/* A note of a job hides no line behind it and shows nobody's image. */
static void inline_text_is_shown_as_it_is(void **state)
{
	static const char in[] =
		"a <!-- x\n- [x] `b` ![i](http://e/x.png) &lt; @mona \\[";
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(1000);

	(void)state;
	github_text_inline(&out, in, strlen(in), 300);
	assert_string_equal(strbuf_str(&out),
		"a &lt;!-- x - \\[x\\] 'b' !\\[i\\](http://e/x.png) &amp;lt; "
		"@\xe2\x80\x8bmona \\\\\\[");
}

static void names_as_code(void **state)
{
	static const struct {
		const char *name, *want;
	} cases[] = {
		{"src/__init__.py", "`src/__init__.py`"},
		{"<!-- x -->", "`<!-- x -->`"},
		{"a`b``c", "`a'b''c`"},
		{"\n\xe2\x80\xae", "`?`"},
		{"@all fixes #1", "`@" Z "all f" Z "ixes #1`"},
		{"[no  ci] [no \t\n ci]", "`[" Z "no ci] [" Z "no ci]`"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_MIB);
		github_text_code(&out, cases[i].name, strlen(cases[i].name), 100);
		assert_string_equal(strbuf_str(&out), cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mentions),
		cmocka_unit_test(closing_words),
		cmocka_unit_test(words_that_switch_checks_off),
		cmocka_unit_test(images_and_html),
		cmocka_unit_test(invisible_characters),
		cmocka_unit_test(code_stays_code),
		cmocka_unit_test(code_that_is_none),
		cmocka_unit_test(titles),
		cmocka_unit_test(fences_are_longer_than_what_is_inside),
		cmocka_unit_test(cutting_leaves_nothing_open),
		cmocka_unit_test(cutting_closes_details),
		cmocka_unit_test(cutting_ends_on_bad_text),
		cmocka_unit_test(markers),
		cmocka_unit_test(markers_that_cannot_be),
		cmocka_unit_test(inline_text_is_shown_as_it_is),
		cmocka_unit_test(names_as_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
