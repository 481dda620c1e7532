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
static const struct command_names names = {"boxwright-app", aliases, 2};

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
	static const struct command_names none = {0}, empty = {"", NULL, 0};
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
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_no_slug_no_mention),
		cmocka_unit_test(test_text_ends_at_its_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
