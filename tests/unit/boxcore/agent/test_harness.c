/* SPDX-License-Identifier: MIT */
/* Commands that the harnesses build: nothing of a prompt may become an option. */
#include "boxcore/agent/harness.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct agent_request request_of(const char *prompt)
{
	return (struct agent_request){
		.prompt = prompt,
		.folder = "/workspace/home/demo",
		.relay_port = 7332,
	};
}

static int find(char **list, const char *what)
{
	for (int i = 0; list && list[i]; i++) {
		if (strcmp(list[i], what) == 0)
			return i;
	}
	return -1;
}

static int count(char **list)
{
	int n = 0;

	while (list && list[n])
		n++;
	return n;
}

static void plan_of(
	const char *name, const struct agent_request *request, struct agent_plan *plan)
{
	struct err err = {0};

	if (harness_plan(harness_find(name), request, plan, &err) < 0)
		fail_msg("%s", err.text);
}

static void the_table_is_complete(void **state)
{
	size_t n = 0;

	(void)state;
	for (; harness_at(n); n++)
		assert_ptr_equal(
			harness_find(harness_name(harness_at(n))), harness_at(n));
	assert_int_equal(n, 4);
	assert_null(harness_find("cursor"));
	assert_null(harness_find(NULL));
	assert_string_equal(harness_provider(harness_find("codex")), "openai");
	assert_string_equal(harness_program(harness_find("claude-code")), "claude");
}

static void claude_obeys_nothing_of_the_repository(void **state)
{
	struct agent_request request = request_of("-do it");
	CLEANUP(agent_plan) struct agent_plan plan = {0};

	(void)state;
	request.model = "claude-opus-4-8";
	request.session_id = "b648fb63-bbdf-4373-97e3-5df5853187fd";
	request.instructions = "-be brief";
	request.max_turns = 5;
	request.max_cost_usd = 1.5;
	plan_of("claude-code", &request, &plan);
	int n = count(plan.argv);
	assert_string_equal(plan.argv[0], "claude");
	assert_string_equal(plan.argv[n - 2], "--");
	assert_string_equal(plan.argv[n - 1], "-do it");
	assert_string_equal(plan.argv[find(plan.argv, "--setting-sources") + 1], "user");
	assert_true(find(plan.argv, "--strict-mcp-config") > 0);
	assert_true(find(plan.argv, "--verbose") > 0);
	assert_string_equal(
		plan.argv[find(plan.argv, "--resume") + 1], request.session_id);
	assert_string_equal(plan.argv[find(plan.argv, "--max-turns") + 1], "5");
	assert_string_equal(plan.argv[find(plan.argv, "--max-budget-usd") + 1], "1.5000");
	assert_string_equal(
		plan.argv[find(plan.argv, "--append-system-prompt") + 1], "-be brief");
	assert_true(find(plan.env, "ANTHROPIC_BASE_URL=http://127.0.0.1:7332") >= 0);
	assert_true(find(plan.env, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1") >= 0);
	assert_string_equal(plan.cwd, "/workspace/home/demo");
	assert_null(plan.input);
	assert_int_equal(plan.nfiles, 1);
	assert_string_equal(
		plan.files[0].path, "/home/boxuser/.boxwright/claude/settings.json");
}

static void a_leading_slash_is_no_command_of_claude(void **state)
{
	struct agent_request request = request_of("/clear everything");
	CLEANUP(agent_plan) struct agent_plan plan = {0};

	(void)state;
	plan_of("claude-code", &request, &plan);
	assert_string_equal(plan.argv[count(plan.argv) - 1], " /clear everything");
}

static void long_prompts_go_by_stdin(void **state)
{
	CLEANUP(mem) char *longer = mem_zalloc(300 * 1024 + 1);
	memset(longer, 'x', 300 * 1024);
	struct agent_request request = request_of(longer);
	struct err err = {0};
	static const char *const command[] = {"agent", NULL};

	(void)state;
	for (int i = 0; i < 2; i++) {
		CLEANUP(agent_plan) struct agent_plan plan = {0};
		plan_of(i ? "codex" : "claude-code", &request, &plan);
		assert_int_equal(plan.input_len, 300 * 1024);
		for (char **arg = plan.argv; *arg; arg++)
			assert_true(strlen(*arg) < 128 * 1024);
		assert_int_equal(find(plan.argv, "-") == count(plan.argv) - 1, i);
	}
	request.command = command;
	CLEANUP(agent_plan) struct agent_plan plan = {0};
	assert_int_equal(harness_plan(harness_find("custom"), &request, &plan, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
}

static void codex_is_configured_by_a_file(void **state)
{
	struct agent_request request = request_of("--help");
	CLEANUP(agent_plan) struct agent_plan plan = {0};

	(void)state;
	request.model = "gpt-5.5";
	request.folder = "/workspace/home/a \"quoted\" \\ name";
	request.instructions = "two\nlines \"q\" \x7f";
	request.session_id = "01a204a9-5b91-70e1-a703-0b2b434011ac";
	plan_of("codex", &request, &plan);
	int n = count(plan.argv);
	assert_string_equal(plan.argv[2], "resume");
	assert_string_equal(plan.argv[n - 3], "--");
	assert_string_equal(plan.argv[n - 2], request.session_id);
	assert_string_equal(plan.argv[n - 1], "--help");
	assert_true(find(plan.env, "CODEX_HOME=/home/boxuser/.boxwright/codex") >= 0);
	assert_int_equal(plan.nfiles, 1);
	const char *toml = plan.files[0].content;
	assert_non_null(strstr(toml, "model = \"gpt-5.5\"\n"));
	assert_non_null(strstr(toml, "base_url = \"http://127.0.0.1:7332/v1\"\n"));
	assert_non_null(
		strstr(toml, "[projects.\"/workspace/home/a \\\"quoted\\\" \\\\ name\"]\n"
			     "trust_level = \"untrusted\"\n"));
	assert_non_null(
		strstr(toml, "developer_instructions = \"two\\u000Alines \\\"q\\\""));
}

static void custom_follows_its_protocol(void **state)
{
	static const char *const command[] = {"/work/agent", "--fast", NULL};
	static const char *const env[] = {"EXTRA=1", "OPENAI_BASE_URL=http://x", NULL};
	struct agent_request request = request_of("do it");
	CLEANUP(agent_plan) struct agent_plan plan = {0};

	(void)state;
	request.command = command;
	request.env = env;
	request.session_id = "s1";
	plan_of("custom", &request, &plan);
	static const char *const want[] = {"/work/agent", "--fast", "-p", "do it",
		"--model", "custom", "--stream", "--session", "s1"};
	assert_int_equal(count(plan.argv), ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		assert_string_equal(plan.argv[i], want[i]);
	assert_true(find(plan.env, "EXTRA=1") >= 0);
	assert_true(find(plan.env, "OPENAI_BASE_URL=http://x") >= 0);
	assert_true(find(plan.env, "OPENAI_BASE_URL=http://127.0.0.1:7332/v1") < 0);
}

static void bad_requests_are_named(void **state)
{
	static const char *const bad_env[] = {"=x", NULL};
	CLEANUP(mem) char *huge = mem_zalloc(LIMIT_PROMPT + 2);
	memset(huge, 'x', LIMIT_PROMPT + 1);
	struct agent_request cases[9];
	static const char *const words[] = {"prompt is empty", "longer than", "UTF-8",
		"folder", "home", "model", "session id", "env", "relay"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		cases[i] = request_of("x");
	cases[0].prompt = "";
	cases[1].prompt = huge;
	cases[2].prompt = "\xff";
	cases[3].folder = "demo";
	cases[4].home = "home";
	cases[5].model = "--dangerous";
	cases[6].session_id = "a b";
	cases[7].env = bad_env;
	cases[8].relay_port = 0;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		CLEANUP(agent_plan) struct agent_plan plan = {0};
		assert_int_equal(
			harness_plan(harness_find("codex"), &cases[i], &plan, &err), -1);
		assert_true(err.kind == ERR_INPUT || err.kind == ERR_LIMIT);
		assert_non_null(strstr(err.text, words[i]));
		assert_null(plan.argv);
	}
}

static void long_instructions_are_cut_and_say_so(void **state)
{
	CLEANUP(mem) char *longer = mem_zalloc(200 * 1024 + 1);
	memset(longer, 'x', 200 * 1024);
	struct agent_request request = request_of("x");
	CLEANUP(agent_plan) struct agent_plan plan = {0};

	(void)state;
	request.instructions = longer;
	plan_of("claude-code", &request, &plan);
	const char *text = plan.argv[find(plan.argv, "--append-system-prompt") + 1];
	assert_true(strlen(text) < 66 * 1024);
	assert_non_null(strstr(text, "cut off"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_complete),
		cmocka_unit_test(claude_obeys_nothing_of_the_repository),
		cmocka_unit_test(a_leading_slash_is_no_command_of_claude),
		cmocka_unit_test(long_prompts_go_by_stdin),
		cmocka_unit_test(codex_is_configured_by_a_file),
		cmocka_unit_test(custom_follows_its_protocol),
		cmocka_unit_test(bad_requests_are_named),
		cmocka_unit_test(long_instructions_are_cut_and_say_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
