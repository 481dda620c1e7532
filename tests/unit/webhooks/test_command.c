/* SPDX-License-Identifier: MIT */
/* webhooks/command.c: what is a command and what only looks like one. */
#include "boxcore/base/cleanup.h"
#include "webhooks/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static const char *const aliases[] = {"bw", "wright"};
static const struct command_names names = {"boxwright-app", aliases, 2, false};

static const struct {
	const char *body;
	enum command_verb verb;
	const char *word;
	const char *text;
} commands[] = {
	{"/boxwright fix", COMMAND_FIX, "fix", ""},
	{"/boxwright fix the parser\nand test it", COMMAND_FIX, "fix",
		"the parser\nand test it"},
	{"  \r\n\n /boxwright fix  spaces \r\n", COMMAND_FIX, "fix", "spaces"},
	{"/Boxwright FIX Now", COMMAND_FIX, "FIX", "Now"},
	{"/boxwright: fix: it", COMMAND_FIX, "fix", "it"},
	{"/boxwright cancel", COMMAND_CANCEL, "cancel", ""},
	{"/boxwright cancel!", COMMAND_CANCEL, "cancel", ""},
	{"/boxwright status", COMMAND_STATUS, "status", ""},
	{"/boxwright help", COMMAND_HELP, "help", ""},
	{"/boxwright", COMMAND_HELP, "", ""},
	{"/boxwright\n", COMMAND_HELP, "", ""},
	{"/boxwright retry", COMMAND_RETRY, "retry", ""},
	{"/boxwright frobnicate all", COMMAND_UNKNOWN, "frobnicate", "all"},
	{"/boxwright fixes it", COMMAND_UNKNOWN, "fixes", "it"},
	{"/boxwright fix-it now", COMMAND_UNKNOWN, "fix-it", "now"},
	{"/boxwright <img src=x> y", COMMAND_UNKNOWN, "", "src=x> y"},
	{"/boxwright aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b", COMMAND_UNKNOWN,
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "b"},
	/* Every verb */
	{"/boxwright ask why is it so?", COMMAND_ASK, "ask", "why is it so?"},
	{"/boxwright plan", COMMAND_PLAN, "plan", ""},
	{"/boxwright approve, and be quick", COMMAND_APPROVE, "approve", "and be quick"},
	{"/boxwright reject too much", COMMAND_REJECT, "reject", "too much"},
	{"/boxwright review the tests", COMMAND_REVIEW, "review", "the tests"},
	{"/boxwright test", COMMAND_TEST, "test", ""},
	{"/boxwright tests", COMMAND_UNKNOWN, "tests", ""},
	{"/boxwright rebase.", COMMAND_REBASE, "rebase", ""},
	{"/boxwright undo", COMMAND_UNDO, "undo", ""},
	{"/boxwright budget +2", COMMAND_BUDGET, "budget", ""},
	{"/boxwright why", COMMAND_UNKNOWN, "why", ""},
	{"@bw budget +2 please", COMMAND_BUDGET, "budget", "please"},
	{"@boxwright-app fix the typo", COMMAND_FIX, "fix", "the typo"},
	{"@BoxWright-App please fix", COMMAND_FIX, "", "please fix"},
	{"@boxwright-app, could you?", COMMAND_FIX, "", "could you?"},
	{"@boxwright-app", COMMAND_FIX, "", ""},
	{"@boxwright-app[bot] status", COMMAND_STATUS, "status", ""},
	{"@bw cancel", COMMAND_CANCEL, "cancel", ""},
	{"@wright\nretry", COMMAND_RETRY, "retry", ""},
	{"@bw fixing this is easy", COMMAND_FIX, "", "fixing this is easy"},
	{"<!-- a template's note -->\n/boxwright fix", COMMAND_FIX, "fix", ""},
	{"<!-- one --> <!-- two -->/boxwright fix", COMMAND_FIX, "fix", ""},
	{"   /boxwright fix", COMMAND_FIX, "fix", ""},
	{"\n\n    \n/boxwright fix", COMMAND_FIX, "fix", ""},
	{"/boxwright fix caf\xc3\xa9", COMMAND_FIX, "fix", "caf\xc3\xa9"},
};

/* Arguments of verbs: what they are, and that a wrong one makes the verb unknown. */
static const struct {
	const char *body;
	enum command_verb verb;
	const char *word, *text, *step;
	int attempts;
	int64_t cents;
} arguments[] = {
	{"/boxwright fix x3", COMMAND_FIX, "fix", "", "", 3, 0},
	{"/boxwright fix X5: the parser", COMMAND_FIX, "fix", "the parser", "", 5, 0},
	{"/boxwright fix x1 it", COMMAND_FIX, "fix", "it", "", 1, 0},
	{"@bw fix x2\nboth", COMMAND_FIX, "fix", "both", "", 2, 0},
	{"/boxwright fix x0", COMMAND_UNKNOWN, "fix x0", "x0", "", 1, 0},
	{"/boxwright FIX x9 it", COMMAND_UNKNOWN, "FIX x9", "x9 it", "", 1, 0},
	{"/boxwright fix x6", COMMAND_UNKNOWN, "fix x6", "x6", "", 1, 0},
	{"/boxwright fix x86 support", COMMAND_FIX, "fix", "x86 support", "", 1, 0},
	{"/boxwright fix x3000", COMMAND_FIX, "fix", "x3000", "", 1, 0},
	{"/boxwright fix x", COMMAND_FIX, "fix", "x", "", 1, 0},
	{"/boxwright fix x-rays", COMMAND_FIX, "fix", "x-rays", "", 1, 0},
	{"/boxwright fix x3d models", COMMAND_FIX, "fix", "x3d models", "", 1, 0},
	{"/boxwright fix the x3", COMMAND_FIX, "fix", "the x3", "", 1, 0},
	{"/boxwright plan x3", COMMAND_PLAN, "plan", "x3", "", 1, 0},
	{"/boxwright retry from verify", COMMAND_RETRY, "retry", "", "verify", 1, 0},
	{"/boxwright retry FROM Run_It now", COMMAND_RETRY, "retry", "now", "run_it", 1,
		0},
	{"/boxwright retry\nfrom\npublish.", COMMAND_RETRY, "retry", "", "publish", 1, 0},
	{"/boxwright retry from", COMMAND_UNKNOWN, "retry from", "from", "", 1, 0},
	{"/boxwright retry from ../x", COMMAND_UNKNOWN, "retry from", "from ../x", "", 1,
		0},
	{"/boxwright retry from a/b", COMMAND_UNKNOWN, "retry from", "from a/b", "", 1,
		0},
	{"/boxwright retry from aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		COMMAND_UNKNOWN, "retry from",
		"from aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "", 1, 0},
	{"/boxwright retry fromage", COMMAND_RETRY, "retry", "fromage", "", 1, 0},
	{"/boxwright budget +2.50", COMMAND_BUDGET, "budget", "", "", 1, 250},
	{"/boxwright budget +$2.5", COMMAND_BUDGET, "budget", "", "", 1, 250},
	{"/boxwright budget +0.01", COMMAND_BUDGET, "budget", "", "", 1, 1},
	{"/boxwright budget +1000", COMMAND_BUDGET, "budget", "", "", 1, 100000},
	{"/boxwright budget +1000.01", COMMAND_UNKNOWN, "budget +1000.01", "+1000.01", "",
		1, 0},
	{"/boxwright budget +0", COMMAND_UNKNOWN, "budget +0", "+0", "", 1, 0},
	{"/boxwright budget +0.00", COMMAND_UNKNOWN, "budget +0.00", "+0.00", "", 1, 0},
	{"/boxwright budget +0.005", COMMAND_UNKNOWN, "budget +0.005", "+0.005", "", 1,
		0},
	{"/boxwright budget 5", COMMAND_UNKNOWN, "budget 5", "5", "", 1, 0},
	{"/boxwright budget -5", COMMAND_UNKNOWN, "budget -5", "-5", "", 1, 0},
	{"/boxwright budget +-5", COMMAND_UNKNOWN, "budget +-5", "+-5", "", 1, 0},
	{"/boxwright budget", COMMAND_UNKNOWN, "budget", "", "", 1, 0},
	{"/boxwright budget +", COMMAND_UNKNOWN, "budget +", "+", "", 1, 0},
	{"/boxwright budget +5,00", COMMAND_UNKNOWN, "budget +5", "+5,00", "", 1, 0},
	{"/boxwright budget +1e3", COMMAND_UNKNOWN, "budget +1e3", "+1e3", "", 1, 0},
	{"/boxwright budget +2.", COMMAND_UNKNOWN, "budget +2.", "+2.", "", 1, 0},
	{"/boxwright budget +.5", COMMAND_UNKNOWN, "budget +.5", "+.5", "", 1, 0},
	{"/boxwright budget +99999999999999999999999999999999", COMMAND_UNKNOWN,
		"budget +999999999999999999999999", "+99999999999999999999999999999999",
		"", 1, 0},
};

static const char *const others[] = {
	"",
	" \n\t ",
	"hello",
	"please /boxwright fix",
	"> /boxwright fix",
	">/boxwright fix",
	"`/boxwright fix`",
	"```\n/boxwright fix\n```",
	"~~~\n/boxwright fix\n~~~",
	"    /boxwright fix",
	"\t/boxwright fix",
	"  \t/boxwright fix",
	"- /boxwright fix",
	"# /boxwright fix",
	"(/boxwright fix)",
	"**/boxwright fix**",
	"https://example.com/boxwright fix",
	"/boxwright/fix",
	"/boxwright.com fix",
	"/boxwrights fix",
	"/boxwright-ci fix",
	"/boxwright_x fix",
	"/box wright fix",
	"//boxwright fix",
	"/ boxwright fix",
	"/boxwright\xc2\xa0"
	"fix",
	"<!-- /boxwright fix -->",
	"<!-- /boxwright fix",
	"<!-- x -->    ",
	"<b>/boxwright fix</b>",
	"@boxwright fix",
	"@boxwright-app-ci fix",
	"@boxwright-app's work",
	"@boxwright-app/team fix",
	"@boxwright-app.example fix",
	"@boxwright-app@x fix",
	"x@boxwright-app fix",
	"@ boxwright-app fix",
	"@@boxwright-app fix",
	"@bwx fix",
	"@b w",
	"cc @bw fix",
	"`@bw` fix",
	"@boxwright-app\xc3\xa9 fix",
	"@",
	"/",
	"/fix",
	"/fix it",
	"/review",
	/* Quotes, code and addresses, wherever they stand; a name later in the text */
	"> quoted\n\n/boxwright fix",
	"``/boxwright fix``",
	"```c\n/boxwright fix",
	"> > @bw fix",
	">>> @bw fix",
	"1. @bw fix",
	"* @bw fix",
	"+ @bw fix",
	"| @bw fix |",
	"<@bw> fix",
	"[/boxwright fix](https://example.com)",
	"<https://example.com/boxwright>",
	"www.example.com/boxwright fix",
	"http://@bw/fix",
	"mailto:x@bw fix",
	"\\/boxwright fix",
	"Thanks.\n/boxwright fix",
	"Thanks.\n\n@bw fix",
	"I would say `/boxwright fix`, then wait",
	"<!-- x -->\n\n    /boxwright fix",
	"<!-- x\n/boxwright fix\n--> thanks",
	"<details>\n/boxwright fix\n</details>",
	"&#47;boxwright fix",
	"\xef\xbc\x8f"
	"boxwright fix",
};

static void test_commands(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		struct command c = {0};
		const char *body = commands[i].body;
		if (!command_parse(&names, body, strlen(body), &c))
			fail_msg("no command: %s", body);
		if (c.verb != commands[i].verb || strcmp(c.word, commands[i].word) != 0)
			fail_msg("%s: verb %s, word '%s'", body,
				command_verb_name(c.verb), c.word);
		if (c.text_len != strlen(commands[i].text) ||
			memcmp(c.text, commands[i].text, c.text_len) != 0)
			fail_msg("%s: text '%.*s'", body, (int)c.text_len, c.text);
	}
}

static void test_arguments(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(arguments); i++) {
		struct command c = {0};
		const char *body = arguments[i].body;
		if (!command_parse(&names, body, strlen(body), &c))
			fail_msg("no command: %s", body);
		if (c.verb != arguments[i].verb ||
			strcmp(c.word, arguments[i].word) != 0 ||
			strcmp(c.step, arguments[i].step) != 0 ||
			c.attempts != arguments[i].attempts ||
			c.cents != arguments[i].cents)
			fail_msg("%s: verb %s, word '%s', step '%s', x%d, %lld", body,
				command_verb_name(c.verb), c.word, c.step, c.attempts,
				(long long)c.cents);
		if (c.text_len != strlen(arguments[i].text) ||
			memcmp(c.text, arguments[i].text, c.text_len) != 0)
			fail_msg("%s: text '%.*s'", body, (int)c.text_len, c.text);
	}
}

/* With bare verbs on, a slash and a verb is a command; a slash and another word is
 * somebody else's. */
static void test_bare_verbs(void **state)
{
	static const struct command_names bare = {"boxwright-app", aliases, 2, true};
	static const struct {
		const char *body, *word, *text;
	} cases[] = {
		{"/fix", "fix", ""},
		{"/Fix it", "Fix", "it"},
		{"/fix x3", "fix", ""},
		{"/fix x9", "fix x9", "x9"},
		{"/budget +2", "budget", ""},
		{"/boxwright fix it", "fix", "it"},
		{"/boxwright", "", ""},
		{"/deploy now", NULL, NULL},
		{"/fixes it", NULL, NULL},
		{"/fix/it", NULL, NULL},
		{"/ fix", NULL, NULL},
		{"/", NULL, NULL},
		{"fix it", NULL, NULL},
		{"`/fix`", NULL, NULL},
		{"    /fix", NULL, NULL},
		{"> /fix", NULL, NULL},
		{"//fix", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct command c = {0};
		const char *body = cases[i].body;
		if (command_parse(&bare, body, strlen(body), &c) !=
			(cases[i].word != NULL))
			fail_msg("wrong for %s", body);
		if (cases[i].word && (strcmp(c.word, cases[i].word) != 0 ||
					     c.text_len != strlen(cases[i].text)))
			fail_msg("%s: word '%s'", body, c.word);
	}
}

static void test_every_verb_has_its_name(void **state)
{
	(void)state;
#define X(name, word, form, sentence)                                                    \
	assert_string_equal(command_verb_name(COMMAND_##name), word);                    \
	assert_int_equal(strncmp(form, word, strlen(word)), 0);
	COMMAND_VERBS(X)
#undef X
	assert_string_equal(command_verb_name(COMMAND_UNKNOWN), "unknown");
}

static void test_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct command c = {0};
		if (command_parse(&names, others[i], strlen(others[i]), &c))
			fail_msg("taken for a command: %s", others[i]);
	}
}

static void test_no_slug_no_mention(void **state)
{
	static const struct command_names none = {0}, empty = {.slug = ""};
	struct command c;

	(void)state;
	assert_false(command_parse(&none, "@boxwright fix", 14, &c));
	assert_false(command_parse(&empty, "@ fix", 5, &c));
	assert_true(command_parse(&none, "/boxwright fix", 14, &c));
}

/* The length counts, not a NUL behind it. */
static void test_text_ends_at_its_length(void **state)
{
	struct command c;

	(void)state;
	assert_true(command_parse(&names, "/boxwright fixed", 14, &c));
	assert_int_equal(c.verb, COMMAND_FIX);
	assert_int_equal(c.text_len, 0);
	assert_false(command_parse(&names, "/boxwright fix", 9, &c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_bare_verbs),
		cmocka_unit_test(test_every_verb_has_its_name),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_no_slug_no_mention),
		cmocka_unit_test(test_text_ends_at_its_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
