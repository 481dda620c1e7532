/* SPDX-License-Identifier: MIT */
/* Commands that the harnesses build: nothing of a prompt may become an option. */
#include "boxcore/agent/harness.h"

#include "boxcore/base/json.h"
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

/* ---- options, servers, schemas --------------------------------------------------------- */

static json_t *json_of(const char *text)
{
	struct err err = {0};
	json_t *json = json_parse(text, strlen(text), &err);

	if (!json)
		fail_msg("%s: %s", text, err.text);
	return json;
}

static const struct agent_file *file_of(const struct agent_plan *plan, const char *end)
{
	for (size_t i = 0; i < plan->nfiles; i++) {
		if (str_ends(plan->files[i].path, end))
			return &plan->files[i];
	}
	fail_msg("there is no file %s", end);
	return NULL;
}

static const char *behind(const struct agent_plan *plan, const char *flag)
{
	int i = find(plan->argv, flag);

	if (i < 0)
		fail_msg("there is no %s", flag);
	return plan->argv[i + 1];
}

static void claude_takes_its_options(void **state)
{
	struct agent_request request = request_of("go");
	CLEANUP(agent_plan) struct agent_plan plan = {0};
	CLEANUP(json)
	json_t *options = json_of(
		"{\"maxTurns\":9,\"maxBudgetUsd\":0.5,\"effort\":\"high\",\"thinking\":{"
		"\"type\":\"enabled\",\"budgetTokens\":4096},\"disallowedTools\":[\"Bash("
		"rm "
		"*)\",\"WebFetch\"],\"agents\":{\"r\":{\"prompt\":\"p\"}},"
		"\"fallbackModel\":"
		"\"claude-haiku\",\"systemPrompt\":\"Be a "
		"pirate.\",\"promptSuggestions\":"
		"true,\"of the future\":[]}");

	(void)state;
	request.options = options;
	request.max_turns = 5; /* the smaller counts */
	request.json_schema = "{\"type\":\"object\"}";
	plan_of("claude-code", &request, &plan);
	assert_string_equal(behind(&plan, "--max-turns"), "5");
	assert_string_equal(behind(&plan, "--max-budget-usd"), "0.5000");
	assert_string_equal(behind(&plan, "--effort"), "high");
	assert_true(find(plan.env, "MAX_THINKING_TOKENS=4096") >= 0);
	assert_true(find(plan.argv, "--disallowedTools=Bash(rm *),WebFetch") > 0);
	assert_string_equal(behind(&plan, "--agents"), "{\"r\":{\"prompt\":\"p\"}}");
	assert_string_equal(behind(&plan, "--fallback-model"), "claude-haiku");
	assert_string_equal(behind(&plan, "--system-prompt"), "Be a pirate.");
	assert_string_equal(behind(&plan, "--json-schema"), "{\"type\":\"object\"}");
	assert_string_equal(plan.argv[count(plan.argv) - 1], "go");
}

static void codex_takes_its_options(void **state)
{
	struct agent_request request = request_of("go");
	CLEANUP(agent_plan) struct agent_plan plan = {0};
	CLEANUP(json)
	json_t *options = json_of("{\"model_reasoning_effort\":\"low\",\"personality\":"
				  "\"friendly\",\"web_search\":true}");

	(void)state;
	request.options = options;
	request.json_schema = "{}";
	plan_of("codex", &request, &plan);
	const char *config = file_of(&plan, "/config.toml")->content;
	assert_non_null(strstr(config, "\nmodel_reasoning_effort = \"low\"\n"));
	assert_non_null(strstr(config, "\npersonality = \"friendly\"\n"));
	assert_non_null(strstr(config, "\nweb_search = \"live\"\n"));
	assert_null(strstr(config, "disabled"));
	assert_true(strstr(config, "web_search") < strstr(config, "[analytics]"));
	assert_string_equal(
		behind(&plan, "--output-schema"), file_of(&plan, "/schema.json")->path);
}

static void opencode_is_configured_by_a_file(void **state)
{
	static const struct {
		const char *model, *provider, *npm, *name;
	} cases[] = {
		{"anthropic/claude-x", NULL, "@ai-sdk/anthropic", "relay/claude-x"},
		{"openai/gpt-y", NULL, "@ai-sdk/openai", "relay/gpt-y"},
		{"claude-x", NULL, "@ai-sdk/anthropic", "relay/claude-x"},
		{"opencode/gpt-y", NULL, "@ai-sdk/openai", "relay/gpt-y"},
		{"claude-x", "openai", "@ai-sdk/openai", "relay/claude-x"},
		{"openai/team/m:7", NULL, "@ai-sdk/openai", "relay/team/m:7"},
	};
	CLEANUP(json)
	json_t *options = json_of("{\"reasoningEffort\":\"high\",\"thinking\":{\"type\":"
				  "\"enabled\"}}");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct agent_request request = request_of("-do it");
		CLEANUP(agent_plan) struct agent_plan plan = {0};
		request.model = cases[i].model;
		request.provider = cases[i].provider;
		request.options = options;
		request.instructions = "Be brief.";
		request.session_id = "ses_1";
		plan_of("opencode", &request, &plan);
		const struct agent_file *file = file_of(&plan, "/opencode.json");
		CLEANUP(json) json_t *config = json_of(file->content);
		assert_string_equal(
			json_or_string(config, "provider.relay.npm", ""), cases[i].npm);
		assert_string_equal(json_or_string(config, "model", ""), cases[i].name);
		const json_t *model = json_object_get(
			json_at(config, "provider.relay.models"), cases[i].name + 6);
		assert_string_equal(
			json_or_string(model, "options.reasoningEffort", ""), "high");
		assert_string_equal(behind(&plan, "--model"), cases[i].name);
		assert_string_equal(behind(&plan, "--session"), "ses_1");
		assert_string_equal(plan.argv[count(plan.argv) - 2], "--");
		assert_string_equal(plan.argv[count(plan.argv) - 1], "-do it");
		assert_true(find(plan.env, "OPENCODE_DISABLE_PROJECT_CONFIG=1") >= 0);
		assert_string_equal(
			file_of(&plan, "/instructions.md")->content, "Be brief.");
	}
}

static void a_wrong_option_is_named(void **state)
{
	static const struct {
		const char *harness, *options, *word;
	} cases[] = {
		{"claude-code", "{\"maxTurns\":\"9\"}", "maxTurns"},
		{"claude-code", "{\"maxTurns\":0}", "maxTurns"},
		{"claude-code", "{\"maxBudgetUsd\":-1}", "maxBudgetUsd"},
		{"claude-code", "{\"effort\":7}", "effort"},
		{"claude-code", "{\"effort\":\"--resume\"}", "effort"},
		{"claude-code", "{\"effort\":\"a b\"}", "effort"},
		{"claude-code", "{\"thinking\":true}", "thinking"},
		{"claude-code", "{\"thinking\":{\"budgetTokens\":\"x\"}}",
			"budgetTokens"},
		{"claude-code", "{\"disallowedTools\":\"Bash\"}", "disallowedTools"},
		{"claude-code", "{\"disallowedTools\":[\"-p\"]}", "disallowedTools"},
		{"claude-code", "{\"disallowedTools\":[1]}", "disallowedTools"},
		{"claude-code", "{\"agents\":[]}", "agents"},
		{"claude-code", "{\"fallbackModel\":{}}", "fallbackModel"},
		{"claude-code", "{\"systemPrompt\":[]}", "systemPrompt"},
		{"claude-code", "{\"systemPrompt\":\"a\\u0000b\"}", "systemPrompt"},
		{"codex", "{\"model_reasoning_effort\":1}", "model_reasoning_effort"},
		{"codex", "{\"personality\":\"a\\nb\"}", "personality"},
		{"codex", "{\"web_search\":1}", "web_search"},
		{"opencode", "{\"textVerbosity\":[]}", "textVerbosity"},
		{"opencode", "{\"thinking\":\"yes\"}", "thinking"},
		{"opencode", "[]", "object"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(json) json_t *options = json_of(cases[i].options);
		struct err err = {0};
		if (harness_check(harness_find(cases[i].harness), options, NULL, &err) !=
				-1 ||
			err.kind != ERR_INPUT || !strstr(err.text, cases[i].word))
			fail_msg("%s: %s", cases[i].options, err.text);
	}
	CLEANUP(json) json_t *nulls = json_of("{\"maxTurns\":null,\"agents\":null}");
	struct err err = {0};
	assert_int_equal(
		harness_check(harness_find("claude-code"), nulls, NULL, &err), 0);
	assert_int_equal(harness_check(harness_find("custom"), nulls, NULL, &err), 0);
}

static void servers_are_written_for_each(void **state)
{
	CLEANUP(json)
	json_t *mcp = json_of(
		"[{\"name\":\"a-1\",\"source\":\"npm\",\"package_or_url\":\"@x/y@1.2\","
		"\"args\":[\"--k\",\"a \\\"b\\\"\"]},{\"name\":\"b\",\"source\":\"url\","
		"\"package_or_url\":\"https://h/"
		"mcp\",\"headers\":{\"X-Key\":\"s\\\"x\"}}]");
	static const char *const command[] = {"agent", NULL};
	struct agent_request request = request_of("go");

	(void)state;
	request.mcp = mcp;
	request.model = "m";
	request.command = command;
	for (int i = 0; i < 2; i++) {
		CLEANUP(agent_plan) struct agent_plan plan = {0};
		plan_of(i ? "custom" : "claude-code", &request, &plan);
		CLEANUP(json)
		json_t *json = json_of(file_of(&plan, "/mcp.json")->content);
		const json_t *a = json_at(json, "mcpServers.a-1");
		assert_string_equal(json_or_string(a, "command", ""), "npx");
		assert_string_equal(
			json_string_value(json_array_get(json_at(a, "args"), 1)),
			"@x/y@1.2");
		assert_int_equal(json_array_size(json_at(a, "args")), 4);
		assert_string_equal(
			json_or_string(json, "mcpServers.b.url", ""), "https://h/mcp");
		assert_string_equal(
			json_or_string(json, "mcpServers.b.headers.X-Key", ""), "s\"x");
	}
	CLEANUP(agent_plan) struct agent_plan codex = {0};
	plan_of("codex", &request, &codex);
	const char *config = file_of(&codex, "/config.toml")->content;
	assert_non_null(strstr(config,
		"[mcp_servers.a-1]\ncommand = \"npx\"\nargs = [\"-y\", \"@x/y@1.2\", "
		"\"--k\", \"a \\\"b\\\"\"]\n"));
	assert_non_null(strstr(config,
		"[mcp_servers.b]\nurl = \"https://h/mcp\"\nhttp_headers = { \"X-Key\" = "
		"\"s\\\"x\" }\n"));
	CLEANUP(agent_plan) struct agent_plan opencode = {0};
	plan_of("opencode", &request, &opencode);
	CLEANUP(json)
	json_t *json = json_of(file_of(&opencode, "/opencode.json")->content);
	assert_string_equal(json_or_string(json, "mcp.a-1.type", ""), "local");
	assert_string_equal(
		json_string_value(json_array_get(json_at(json, "mcp.a-1.command"), 0)),
		"npx");
	assert_string_equal(json_or_string(json, "mcp.b.type", ""), "remote");
}

static void a_wrong_server_is_refused(void **state)
{
	static const char *const cases[] = {
		"{}",
		"[1]",
		"[{\"name\":\"a\",\"source\":\"git\",\"package_or_url\":\"x\"}]",
		"[{\"name\":\"a]\\nx\",\"source\":\"npm\",\"package_or_url\":\"x\"}]",
		"[{\"name\":\"-a\",\"source\":\"npm\",\"package_or_url\":\"x\"}]",
		"[{\"name\":\"a\",\"source\":\"npm\"}]",
		"[{\"name\":\"a\",\"source\":\"npm\",\"package_or_url\":\"-c\"}]",
		"[{\"name\":\"a\",\"source\":\"npm\",\"package_or_url\":\"x y\"}]",
		"[{\"name\":\"a\",\"source\":\"url\",\"package_or_url\":\"file:///x\"}]",
		"[{\"name\":\"a\",\"source\":\"npm\",\"package_or_url\":\"x\",\"args\":"
		"\"y\"}]",
		"[{\"name\":\"a\",\"source\":\"npm\",\"package_or_url\":\"x\",\"args\":["
		"1]}]",
		"[{\"name\":\"a\",\"source\":\"url\",\"package_or_url\":\"http://h\","
		"\"headers\":{\"X\":\"a\\r\\nY: b\"}}]",
		"[{\"name\":\"a\",\"source\":\"url\",\"package_or_url\":\"http://h\","
		"\"headers\":{\"X:\":\"a\"}}]",
		"[{\"name\":\"a\",\"source\":\"npm\",\"package_or_url\":\"x\"},"
		"{\"name\":\"a\",\"source\":\"npm\",\"package_or_url\":\"y\"}]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(json) json_t *mcp = json_of(cases[i]);
		for (size_t h = 0; harness_at(h); h++) {
			struct err err = {0};
			if (harness_check(harness_at(h), NULL, mcp, &err) != -1 ||
				err.kind != ERR_INPUT || !strstr(err.text, "MCP server"))
				fail_msg("%s: %s", cases[i], err.text);
		}
	}
}

static void the_program_of_a_custom_harness_has_its_place(void **state)
{
	static const char *const good[] = {"python3", "my-agent.sh", "/workspace/home/a",
		"/home/boxuser/bin/b", "/work/c..d"};
	static const char *const bad[] = {"", "-x", "./a", "bin/a", "/usr/bin/env",
		"/workspace/home/../x", "/workspace/home/a/..", "/workspace/home/",
		"/workspace/homeless", "/home/boxuser"};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(harness_check_command(good[i], &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		err = (struct err){0};
		if (harness_check_command(bad[i], &err) != -1 || err.kind != ERR_INPUT)
			fail_msg("%s passed", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_complete),
		cmocka_unit_test(claude_takes_its_options),
		cmocka_unit_test(codex_takes_its_options),
		cmocka_unit_test(opencode_is_configured_by_a_file),
		cmocka_unit_test(a_wrong_option_is_named),
		cmocka_unit_test(servers_are_written_for_each),
		cmocka_unit_test(a_wrong_server_is_refused),
		cmocka_unit_test(the_program_of_a_custom_harness_has_its_place),
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
