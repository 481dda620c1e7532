/* SPDX-License-Identifier: MIT */
/* The pure parts: branch names, patterns, folding, tree bytes. */
#include "service/repo/branch.h"
#include "service/repo/fold.h"
#include "service/repo/policy.h"
#include "service/repo/tree_parse.h"
#include "service/repo/tree_rules.h"

#include "boxcore/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static void branches_are_made_of_hostile_titles(void **state)
{
	static const struct {
		const char *title;
		const char *want;
	} table[] = {
		{"Fix the parser", "boxwright/issue-12-fix-the-parser-k3x9"},
		{"", "boxwright/issue-12-k3x9"},
		{NULL, "boxwright/issue-12-k3x9"},
		{"$(id) `id` ; rm -rf /", "boxwright/issue-12-id-id-rm-rf-k3x9"},
		{"--upload-pack=x", "boxwright/issue-12-upload-pack-x-k3x9"},
		{"../../etc/passwd", "boxwright/issue-12-etc-passwd-k3x9"},
		{"a\nb\r\x1b[31m", "boxwright/issue-12-a-b-31m-k3x9"},
		{"caf\u00e9 \U0001f680", "boxwright/issue-12-caf-k3x9"},
		{"\u65e5\u672c\u8a9e", "boxwright/issue-12-k3x9"},
		{"x.lock", "boxwright/issue-12-x-lock-k3x9"},
		{"\xff\xfe", "boxwright/issue-12-k3x9"},
		{"this title goes on and on and on and on and on and on",
			"boxwright/"
			"issue-12-this-title-goes-on-and-on-and-on-and-on-k3x9"},
	};
	char name[BRANCH_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		branch_make(name, NULL, "issue", 12, table[i].title, "k3x9");
		assert_string_equal(name, table[i].want);
		assert_true(branch_is_ours(name) && branch_is_valid(name));
	}
	branch_make(name, "../evil", "is/sue", INT64_MAX, "x", "i/d.lock");
	assert_string_equal(name, "boxwright/issue-9223372036854775807-x-idlock");
	branch_make(name, "bot", "pr", 1,
		"0123456789012345678901234567890123456789012345678901234567890",
		"0123456789abcdefghij");
	assert_true(strlen(name) <= 100 && branch_is_ours(name));
}

static void branches_are_checked(void **state)
{
	static const char *const good[] = {"main", "a/b", "v1.2", "boxwright/x_y-z", "A"};
	static const char *const foreign[] = {
		"caf\u00e9", "user@host", "a+b", "#12", "dependabot/npm/x-1.0", "(x)"};
	static const char *const bad[] = {"", "/a", "a/", "a//b", "a..b", ".a", "a/.b",
		"a.", "a.lock", "a/b.LOCK", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[",
		"a\\b", "@", "a@{1}", "-x", "a\x7f", "a\tb", "\xff"};
	char longest[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(branch_is_ours(good[i]) && branch_is_valid(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
		assert_true(branch_is_valid(foreign[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_false(branch_is_ours(bad[i]));
		if (branch_is_valid(bad[i]))
			print_error("valid: %s\n", bad[i]);
		assert_false(branch_is_valid(bad[i]));
	}
	assert_false(branch_is_ours(NULL) || branch_is_valid(NULL));
	memset(longest, 'a', sizeof longest);
	longest[256] = '\0';
	assert_false(branch_is_valid(longest));
	longest[255] = '\0';
	assert_true(branch_is_valid(longest));
	longest[101] = '\0';
	assert_false(branch_is_ours(longest));
	longest[100] = '\0';
	assert_true(branch_is_ours(longest));
}

static void patterns(void **state)
{
	static const struct {
		const char *pattern;
		const char *path;
		bool match;
	} table[] = {
		{"a", "a", true},
		{"a", "b/a", false},
		{"a", "a/b", false},
		{"/a", "a", true},
		{"a/", "a/b/c", true},
		{"a/", "a", true},
		{"a/", "ab", false},
		{"a/*", "a/b", true},
		{"a/*", "a/b/c", false},
		{"a/**", "a/b/c", true},
		{"**/x", "x", true},
		{"**/x", "a/b/x", true},
		{"**/x", "a/b/xy", false},
		{"a/**/x", "a/x", true},
		{"a/**/x", "a/b/c/x", true},
		{"a/**/x", "b/x", false},
		{"**/b/**/x", "a/b/c/d/x", true},
		{"**", "anything/at/all", true},
		{"*.lock", "yarn.lock", true},
		{"*.lock", "a/yarn.lock", false},
		{"**/*.lock", "a/yarn.lock", true},
		{"?.c", "a.c", true},
		{"?.c", "\u00e9.c", false}, /* folded it is two characters */
		{"a*b*c", "aXbYc", true},
		{"a*b*c", "aXbY", false},
		{"*", "", true},
		{"", "a", false},
		{"A/B.TXT", "a/b.txt", true},
		{"CODEOWNERS", "CodeOwners", true},
		{"caf\u00e9", "cafe\u0301", true},
		{".github/", ".git\u200bhub/x", true},
		{"stra\u00dfe", "STRASSE", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		bool match = repo_pattern_match(table[i].pattern, table[i].path);
		if (match != table[i].match)
			print_error("%s on %s\n", table[i].pattern, table[i].path);
		assert_int_equal(match, table[i].match);
	}
}

/* Stars that could be tried in endless ways. */
static void patterns_take_little_time(void **state)
{
	char pattern[REPO_PATTERN_MAX + 1] = "", path[4000];

	(void)state;
	for (size_t i = 0; i < 120; i++)
		strcat(pattern, "*a");
	memset(path, 'a', sizeof path);
	path[sizeof path - 2] = 'b';
	path[sizeof path - 1] = '\0';
	assert_false(repo_pattern_match(pattern, path));
	strcpy(pattern, "");
	for (size_t i = 0; i < 50; i++)
		strcat(pattern, "**/a/");
	strcat(pattern, "b");
	for (size_t i = 0; i + 1 < sizeof path; i++)
		path[i] = i % 2 ? '/' : 'a';
	assert_false(repo_pattern_match(pattern, path));
}

static void the_built_in_list_is_sound(void **state)
{
	struct repo_policy policy = {.protect = repo_policy_default};
	struct err err = {0};

	(void)state;
	while (repo_policy_default[policy.nprotect])
		policy.nprotect++;
	assert_in_range(policy.nprotect, 40, REPO_PATTERNS_MAX);
	assert_int_equal(repo_policy_check(&policy, &err), 0);
	assert_null(repo_policy_protects(NULL, "src/main.c"));
	assert_null(repo_policy_protects(NULL, "README.md"));
	assert_null(repo_policy_protects(NULL, "package.json"));
	assert_non_null(repo_policy_protects(NULL, ".github/workflows/ci.yml"));
	assert_int_equal(repo_policy_check(NULL, &err), 0);
}

static void folding(void **state)
{
	static const char *const equal[][2] = {{"README", "readme"},
		{"\u00e9", "e\u0301"}, {"\u00c9", "e\u0301"}, {"\u017f", "S"},
		{"\u212a", "K"}, {"\u00df", "ss"}, {"\u1e9e", "\u00df"},
		{"\u0130", "i\u0307"}, {"\u03a3", "\u03c2"},
		{"\uac01", "\u1100\u1161\u11a8"}, {"a\u200db", "ab"}, {"\ufb03", "ffi"},
		{"a\u0301\u0323", "a\u0323\u0301"}, {"\U00010400", "\U00010428"},
		{"\u2126", "\u03c9"}, {"\u00c5", "\u212b"}};
	static const char *const differ[][2] = {{"a", "b"}, {"e", "\u00e9"},
		{"1", "\u0661"}, {"\u0430", "a"}, {"l", "I"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(equal) + ARRAY_LEN(differ); i++) {
		bool same = i < ARRAY_LEN(equal);
		const char *const *pair = same ? equal[i] : differ[i - ARRAY_LEN(equal)];
		CLEANUP(strbuf) struct strbuf a = STRBUF_INIT(256);
		CLEANUP(strbuf) struct strbuf b = STRBUF_INIT(256);
		fold_add(&a, pair[0], strlen(pair[0]));
		fold_add(&b, pair[1], strlen(pair[1]));
		if (str_eq(strbuf_str(&a), strbuf_str(&b)) != same)
			print_error("%s %s\n", pair[0], pair[1]);
		assert_int_equal(str_eq(strbuf_str(&a), strbuf_str(&b)), same);
	}
	CLEANUP(strbuf) struct strbuf bad = STRBUF_INIT(256);
	fold_add(&bad, "A\xff\xc3", 3);
	assert_string_equal(strbuf_str(&bad), "a\xff\xc3");
}

static void names_that_are_fine(void **state)
{
	static const char *const names[] = {"a", "README.md", ".gitignore",
		".gitattributes", ".github", "git", "gitx~1", ".gitx", "x.git", "-rf",
		"a b", " a", "con", "aux.c", "a:b", "$(id)", "caf\u00e9",
		"\u65e5\u672c.txt", "\U0001f680", "\u2764\ufe0f", ".a", "a..b", "~",
		"git~10", "\u00a0x"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *why = tree_name_refused(names[i], strlen(names[i]));
		if (why)
			print_error("%s %s\n", names[i], why);
		assert_null(why);
	}
}

static void links_that_are_fine(void **state)
{
	static const struct {
		const char *target;
		size_t depth;
	} table[] = {{"a", 0}, {"a/b/c", 0}, {"./a", 0}, {".", 0}, {"a//b", 0}, {"a/", 0},
		{"a/./b", 0}, {"../a", 1}, {"..", 1}, {"../../x", 2}, {"./../a", 1},
		{".../x", 0}};
	size_t refused = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *why = tree_link_refused(
			table[i].target, strlen(table[i].target), table[i].depth);
		refused += why != NULL;
		if (why && !str_eq(table[i].target, ".../x"))
			fail_msg("%s %s", table[i].target, why);
	}
	assert_int_equal(refused, 1); /* a name of dots alone ends in a dot */
}

static void trees_that_old_repositories_hold(void **state)
{
	static const char raw[] = "0100664 b\0aaaaaaaaaaaaaaaaaaaa"
				  "40000 a\0bbbbbbbbbbbbbbbbbbbb";
	CLEANUP(tree_list) struct tree_list list = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(tree_parse(raw, sizeof raw - 1, true, &list, &err), -1);
	assert_int_equal(tree_parse(raw, sizeof raw - 1, false, &list, &err), 0);
	assert_int_equal(list.n, 2);
	assert_int_equal(list.entries[0].mode, TREE_MODE_FILE);
	tree_sort_by_name(&list);
	assert_int_equal(list.entries[0].mode, TREE_MODE_DIR);
	struct tree_list none = {0};
	assert_int_equal(tree_parse("", 0, true, &none, &err), 0);
	assert_int_equal(none.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(branches_are_made_of_hostile_titles),
		cmocka_unit_test(branches_are_checked),
		cmocka_unit_test(patterns),
		cmocka_unit_test(patterns_take_little_time),
		cmocka_unit_test(the_built_in_list_is_sound),
		cmocka_unit_test(folding),
		cmocka_unit_test(names_that_are_fine),
		cmocka_unit_test(links_that_are_fine),
		cmocka_unit_test(trees_that_old_repositories_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
