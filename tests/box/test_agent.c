/* SPDX-License-Identifier: MIT */
/*
 * The real Claude Code and the real Codex in real boxes without a network, against a scripted
 * model that they reach over the link and through the relay.
 */
#include "boxcore/agent/harness.h"
#include "boxcore/base/clock.h"
#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/net/http_client.h"
#include "service/relay/relay.h"
#include "tests/lib/model.h"
#include "tests/lib/real_box.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY "sk-canary-0123456789abcdef"
#define BOX "agent"
#define PORT 7332
#define FOLDER "/workspace/home/demo"

struct world {
	struct boxcore *core;
	struct model *model;
	struct relay *relay;
	struct relay_lease *lease;
	struct secret key;
};

struct outcome {
	struct strbuf log; /* an event a line */
	struct strbuf stderr_text;
	struct agent_result result;
	struct err err;
	int rc;
	int64_t first_ms;
	int64_t total_ms;
};

static void outcome_release(struct outcome *outcome)
{
	strbuf_release(&outcome->log);
	strbuf_release(&outcome->stderr_text);
	agent_result_release(&outcome->result);
}
DEFINE_CLEANUP(outcome, struct outcome, outcome_release(value))

/* ---- the world ------------------------------------------------------------------------- */

static const char *agents_image(void)
{
	const char *image = getenv("BOXWRIGHT_TEST_AGENTS_IMAGE");

	return str_empty(image) ? "boxwright/agents:latest" : image;
}

static int open_core(void **state)
{
	struct world *world = mem_zalloc(sizeof *world);
	struct err err = {0};

	if (http_global_init(&err) < 0)
		return -1;
	world->core = real_core_open();
	struct box_spec spec = {
		.id = BOX, .image = agents_image(), .network = BOX_NETWORK_TUNNEL};
	if (box_create(world->core, &spec, NULL, &err) < 0)
		fail_msg("%s (make images)", err.text);
	*state = world;
	return 0;
}

static int close_core(void **state)
{
	struct world *world = *state;

	real_core_close(world->core);
	http_global_cleanup();
	free(world);
	return 0;
}

static void fresh_repository(struct world *world)
{
	assert_int_equal(
		real_sh(world->core, BOX, false,
			"rm -rf " FOLDER " && mkdir -p " FOLDER " && cd " FOLDER
			" && git init -q && echo '# demo' >README.md && git add -A &&"
			" git -c user.name=a -c user.email=a@b commit -qm init",
			NULL, 0),
		0);
}

/* The model, with a relay that knows `key`, and the box's port. */
static void open_model(struct world *world, const char *provider, const char *script,
	const char *key, int64_t budget)
{
	struct relay_options options = {0};
	struct relay_lease_spec spec = {.name = "task-1", .budget_microusd = budget};
	bool openai = str_eq(provider, "openai");
	struct err err = {0};

	world->model = model_start(provider, KEY, script);
	secret_set(&world->key, key, strlen(key));
	options.providers[openai ? RELAY_OPENAI : RELAY_ANTHROPIC] =
		(struct relay_provider){.base_url = model_url(world->model),
			.key = &world->key,
			.plain_http = true};
	assert_int_equal(relay_open(&world->relay, &options, &err), 0);
	spec.allow[openai ? RELAY_OPENAI : RELAY_ANTHROPIC] = true;
	world->lease = relay_lease_new(world->relay, &spec);
	if (box_listen(world->core, BOX, PORT, relay_accept, world->lease, NULL, &err) <
		0)
		fail_msg("%s", err.text);
	fresh_repository(world);
}

static void close_model(struct world *world)
{
	box_unlisten(world->core, BOX, PORT);
	relay_lease_free(world->lease);
	relay_close(world->relay);
	secret_release(&world->key);
	model_stop(world->model);
}

/* ---- an agent's run -------------------------------------------------------------------- */

static void note(void *arg, const struct agent_event *event)
{
	struct outcome *outcome = arg;

	strbuf_addf(&outcome->log, "%s %s%s\n", agent_event_name(event->kind),
		event->is_error ? "(error) " : "", event->text);
}

static struct run *start(struct world *world, const struct harness *harness,
	const struct agent_request *request)
{
	CLEANUP(agent_plan) struct agent_plan plan = {0};
	struct run *run = NULL;
	struct err err = {0};

	if (harness_plan(harness, request, &plan, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < plan.nfiles; i++) {
		if (box_file_put(world->core, BOX, plan.files[i].path, plan.files[i].mode,
			    plan.files[i].content, plan.files[i].len, NULL, &err) < 0)
			fail_msg("%s: %s", plan.files[i].path, err.text);
	}
	struct run_spec spec = {
		.argv = (const char *const *)plan.argv,
		.env = (const char *const *)plan.env,
		.cwd = plan.cwd,
		.stdin_open = plan.input != NULL,
		.keep = true,
	};
	if (run_start(world->core, BOX, &spec, &run, NULL, &err) < 0)
		fail_msg("%s", err.text);
	if (plan.input && (run_write(run, plan.input, plan.input_len, NULL, &err) < 0 ||
				  run_close_stdin(run, NULL, &err) < 0))
		fail_msg("%s", err.text);
	return run;
}

/* Reads until the end, or until the log holds `until`: then true. */
static bool follow(struct run *run, struct agent_reader *reader, struct outcome *outcome,
	const char *until)
{
	CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);
	int64_t begun = clock_mono_ms();
	struct run_event event;

	cancel_deadline(cancel, 60000, "a minute");
	for (;;) {
		if (run_read(run, &event, cancel, &outcome->err) < 0)
			fail_msg("%s\n%s", outcome->err.text, strbuf_str(&outcome->log));
		if (event.kind == RUN_EXIT)
			break;
		if (!outcome->first_ms)
			outcome->first_ms = clock_mono_ms() - begun;
		bool out = event.kind == RUN_STDOUT;
		if (!out)
			strbuf_add(&outcome->stderr_text, event.data, event.len);
		agent_feed(reader, out ? event.data : NULL, out ? event.len : 0,
			event.offset, note, outcome);
		if (until && strstr(strbuf_str(&outcome->log), until))
			return true;
	}
	outcome->total_ms = clock_mono_ms() - begun;
	outcome->rc =
		agent_finish(reader, event.exit_code, &outcome->result, &outcome->err);
	return false;
}

static void play(struct world *world, const char *harness_name,
	struct agent_request *request, struct outcome *outcome)
{
	const struct harness *harness = harness_find(harness_name);
	CLEANUP(agent_reader)
	struct agent_reader *reader = agent_reader_new(harness, NULL);

	request->folder = FOLDER;
	request->relay_port = PORT;
	strbuf_init(&outcome->log, LIMIT_AGENT_LINE);
	strbuf_init(&outcome->stderr_text, LIMIT_AGENT_LINE);
	CLEANUP(run) struct run *run = start(world, harness, request);
	follow(run, reader, outcome, NULL);
	print_message("             %s: first line %lld ms, whole run %lld ms\n",
		harness_name, (long long)outcome->first_ms, (long long)outcome->total_ms);
}

static void expect_ok(const struct outcome *outcome)
{
	if (outcome->rc < 0)
		fail_msg("%s\n%s\n%s", outcome->err.text, strbuf_str(&outcome->log),
			strbuf_str(&outcome->stderr_text));
}

static void expect_in_box(struct world *world, const char *script, const char *want)
{
	char out[4096] = "";

	real_sh(world->core, BOX, false, script, out, sizeof out);
	assert_string_equal(out, want);
}

static const char *const agents[] = {"claude-code", "codex", "opencode"};

/* ---- a good day ------------------------------------------------------------------------ */

static const char claude_script[] =
	"[{\"text\":\"I look.\",\"tools\":[{\"name\":\"Bash\",\"input\":{\"command\":"
	"\"git log --oneline | wc -l; env; ls "
	"/sys/class/net\",\"description\":\"look\"}}],"
	"\"usage\":{\"input\":1000,\"output\":50}},"
	"{\"tools\":[{\"name\":\"Write\",\"input\":{\"file_path\":\"" FOLDER
	"/hello.txt\",\"content\":\"hello\\n\"}},{\"name\":\"Read\",\"input\":{\"file_"
	"path\":"
	"\"" FOLDER
	"/README.md\"}}],\"usage\":{\"input\":100,\"cached\":1000,\"output\":50}},"
	"{\"tools\":[{\"name\":\"Edit\",\"input\":{\"file_path\":\"" FOLDER
	"/README.md\",\"old_string\":\"# demo\",\"new_string\":\"# Demo\"}}]},"
	"{\"text\":\"Done: hello.txt and README.md.\"}]";

static void claude_edits_files(void **state)
{
	struct world *world = *state;
	CLEANUP(outcome) struct outcome got = {0};
	struct agent_request request = {.prompt = "do it",
		.model = "claude-opus-4-8",
		.instructions = "Be brief."};
	struct relay_usage usage;

	open_model(world, "anthropic", claude_script, KEY, 0);
	play(world, "claude-code", &request, &got);
	expect_ok(&got);
	assert_string_equal(got.result.answer, "Done: hello.txt and README.md.");
	assert_string_not_equal(got.result.session_id, "");
	assert_non_null(strstr(got.log.data, "tool Bash: git log"));
	assert_non_null(strstr(got.log.data, "done Done: hello.txt"));
	assert_null(strstr(got.log.data, KEY));
	expect_in_box(world,
		"cd " FOLDER " && cat hello.txt README.md && git status --short",
		"hello\n# Demo\n M README.md\n?? hello.txt\n");
	relay_lease_usage(world->lease, &usage);
	assert_int_equal(usage.calls, 4);
	assert_int_equal(usage.input_tokens, 1000 + 100 + 100 + 100);
	assert_int_equal(usage.cached_tokens, 1000);
	assert_int_equal(usage.output_tokens, 120);
	assert_int_equal(usage.estimated, 0);
	assert_int_equal(got.result.usage.input_tokens, usage.input_tokens);
	assert_int_equal(got.result.usage.output_tokens, usage.output_tokens);
	close_model(world);
}

static const char codex_script[] =
	"[{\"text\":\"I look.\",\"tools\":[{\"name\":\"exec_command\",\"input\":{\"cmd\":"
	"\"git log --oneline | wc -l; env\"}}],\"usage\":{\"input\":1000,\"output\":50}},"
	"{\"tools\":[{\"name\":\"apply_patch\",\"input\":{\"patch\":\"*** Begin "
	"Patch\\n*** Add "
	"File: hello.txt\\n+hello\\n*** Update File: README.md\\n@@\\n-# demo\\n+# "
	"Demo\\n*** End "
	"Patch\\n\"}}],\"usage\":{\"input\":100,\"cached\":1000,\"output\":50}},"
	"{\"text\":\"Done: hello.txt and README.md.\"}]";

static void codex_edits_files(void **state)
{
	struct world *world = *state;
	CLEANUP(outcome) struct outcome got = {0};
	struct agent_request request = {
		.prompt = "do it", .model = "gpt-5.5", .instructions = "Be \"brief\"."};
	struct relay_usage usage;

	open_model(world, "openai", codex_script, KEY, 0);
	play(world, "codex", &request, &got);
	expect_ok(&got);
	assert_string_equal(got.result.answer, "Done: hello.txt and README.md.");
	assert_non_null(strstr(got.log.data, "tool file_change: "));
	assert_null(strstr(got.log.data, KEY));
	expect_in_box(world,
		"cd " FOLDER " && cat hello.txt README.md && git status --short",
		"hello\n# Demo\n M README.md\n?? hello.txt\n");
	relay_lease_usage(world->lease, &usage);
	assert_int_equal(usage.calls, 3);
	assert_int_equal(usage.cached_tokens, 1000);
	assert_int_equal(got.result.usage.cached_tokens, usage.cached_tokens);
	assert_int_equal(got.result.usage.input_tokens, usage.input_tokens);
	close_model(world);
}

static const char opencode_script[] =
	"[{\"text\":\"I look.\",\"tools\":[{\"name\":\"bash\",\"input\":{\"command\":"
	"\"git log --oneline | wc -l\",\"description\":\"look\"}}],"
	"\"usage\":{\"input\":1000,\"output\":50}},"
	"{\"tools\":[{\"name\":\"write\",\"input\":{\"filePath\":\"" FOLDER
	"/hello.txt\",\"content\":\"hello\\n\"}},{\"name\":\"read\",\"input\":{"
	"\"filePath\":\"" FOLDER "/README.md\"}}]},"
	"{\"tools\":[{\"name\":\"edit\",\"input\":{\"filePath\":\"" FOLDER
	"/README.md\",\"oldString\":\"# demo\",\"newString\":\"# Demo\"}}]},"
	"{\"text\":\"Done: hello.txt and README.md.\"}]";

static void opencode_edits_files(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 2; i++) {
		CLEANUP(outcome) struct outcome got = {0};
		struct agent_request request = {.prompt = "-do it",
			.model = i ? "openai/gpt-4.1" : "anthropic/claude-opus-4-8",
			.instructions = "Be brief."};
		struct relay_usage usage;

		open_model(world, i ? "openai" : "anthropic", opencode_script, KEY, 0);
		play(world, "opencode", &request, &got);
		expect_ok(&got);
		assert_string_equal(got.result.answer, "Done: hello.txt and README.md.");
		assert_string_not_equal(got.result.session_id, "");
		assert_int_equal(got.result.turns, 4);
		assert_non_null(strstr(got.log.data, "tool bash: git log"));
		assert_non_null(strstr(got.log.data, "done Done: hello.txt"));
		assert_null(strstr(got.log.data, KEY));
		expect_in_box(world,
			"cd " FOLDER " && cat hello.txt README.md && git status --short",
			"hello\n# Demo\n M README.md\n?? hello.txt\n");
		relay_lease_usage(world->lease, &usage);
		assert_int_equal(usage.calls, 4); /* no title, no summary */
		assert_int_equal(got.result.usage.input_tokens, usage.input_tokens);
		assert_int_equal(got.result.usage.output_tokens, usage.output_tokens);
		close_model(world);
	}
}

/* The second prompt goes to the same conversation. */
static void sessions_go_on(void **state)
{
	struct world *world = *state;
	static const char *const harnesses[] = {"claude-code", "codex", "opencode"};

	for (size_t i = 0; i < ARRAY_LEN(harnesses); i++) {
		CLEANUP(outcome) struct outcome first = {0};
		CLEANUP(outcome) struct outcome second = {0};
		struct agent_request request = {
			.prompt = "alpha", .model = i ? "gpt-5.5" : "claude-opus-4-8"};
		open_model(world, i ? "openai" : "anthropic",
			"{\"alpha\":[{\"text\":\"first\"}],\"beta\":[{\"text\":"
			"\"second\"}]}",
			KEY, 0);
		play(world, harnesses[i], &request, &first);
		expect_ok(&first);
		request.prompt = "-beta"; /* nor is it an option */
		request.session_id = first.result.session_id;
		play(world, harnesses[i], &request, &second);
		expect_ok(&second);
		assert_string_equal(second.result.answer, "second");
		assert_string_equal(second.result.session_id, first.result.session_id);
		close_model(world);
	}
}

static void long_prompts_arrive(void **state)
{
	struct world *world = *state;
	CLEANUP(mem) char *text = mem_zalloc(300 * 1024 + 16);

	memset(text, 'x', 300 * 1024);
	memcpy(text + 300 * 1024, " gamma", 6);
	for (int i = 0; i < 3; i++) {
		CLEANUP(outcome) struct outcome got = {0};
		struct agent_request request = {
			.prompt = text, .model = i ? "gpt-5.5" : "claude-opus-4-8"};
		open_model(world, i ? "openai" : "anthropic",
			"{\"gamma\":[{\"text\":\"all of it\"}]}", KEY, 0);
		play(world, agents[i], &request, &got);
		expect_ok(&got);
		assert_string_equal(got.result.answer, "all of it");
		close_model(world);
	}
}

static void the_repository_configures_nothing(void **state)
{
	struct world *world = *state;
	static const char trap[] =
		"cd " FOLDER " && mkdir .claude .codex &&"
		" echo "
		"'{\"hooks\":{\"SessionStart\":[{\"hooks\":[{\"type\":\"command\","
		"\"command\":"
		"\"touch "
		"/tmp/trapped\"}]}]},\"env\":{\"ANTHROPIC_BASE_URL\":\"http://"
		"127.0.0.1:9\"}}'"
		" >.claude/settings.json &&"
		" echo "
		"'{\"mcpServers\":{\"x\":{\"command\":\"touch\",\"args\":[\"/tmp/"
		"trapped\"]}}}'"
		" >.mcp.json &&"
		" printf 'model = \"trapped\"\\n[mcp_servers.x]\\ncommand = "
		"\"touch\"\\nargs = "
		"[\"/tmp/trapped\"]\\n' >.codex/config.toml && rm -f /tmp/trapped";

	for (int i = 0; i < 3; i++) {
		CLEANUP(outcome) struct outcome got = {0};
		struct agent_request request = {
			.prompt = "go", .model = i ? "gpt-5.5" : "claude-opus-4-8"};
		open_model(world, i ? "openai" : "anthropic",
			"[{\"text\":\"untouched\"}]", KEY, 0);
		assert_int_equal(real_sh(world->core, BOX, false, trap, NULL, 0), 0);
		play(world, agents[i], &request, &got);
		expect_ok(&got);
		assert_string_equal(got.result.answer, "untouched");
		expect_in_box(world, "ls /tmp/trapped 2>/dev/null", "");
		close_model(world);
	}
}

/* A server of tools that the caller gives is started by each of them and its tool answers. */
static void servers_of_the_caller_are_started(void **state)
{
	struct world *world = *state;
	/* npx runs it without a network: a package that lies in the folder. */
	static const char server[] =
		"mkdir -p " FOLDER "/pack && cd " FOLDER "/pack &&"
		" echo '{\"name\":\"demo-server\",\"version\":\"1.0.0\",\"bin\":"
		"\"server.js\"}' >package.json && cat >server.js <<'END'\n"
		"#!/usr/bin/env node\n"
		"require('fs').appendFileSync('/tmp/served', "
		"process.argv.slice(2).join(' '));\n"
		"require('readline').createInterface({input: process.stdin}).on('line', "
		"(l) => {\n"
		" const m = JSON.parse(l); if (m.id === undefined) return;\n"
		" const r = m.method === 'initialize' ? {protocolVersion:"
		" m.params.protocolVersion, capabilities: {tools: {}}, serverInfo: {name:"
		" 'demo', version: '1'}} : m.method === 'tools/list' ? {tools: [{name: "
		"'add',"
		" description: 'adds', inputSchema: {type: 'object'}}]} : {};\n"
		" process.stdout.write(JSON.stringify({jsonrpc: '2.0', id: m.id, result: "
		"r}) +"
		" '\\n');\n});\nEND\nchmod +x server.js; rm -f /tmp/served";
/* Codex begins while its servers still start: the model's first wish is to wait. */
#define UNTIL_SERVED(tool, key)                                                          \
	"[{\"tools\":[{\"name\":\"" tool "\",\"input\":{\"" key                          \
	"\":\"timeout 30 sh -c 'until [ -s /tmp/served ]; do sleep 0.1; done'\","        \
	"\"description\":\"wait\"}}]},{\"text\":\"served\"}]"
	static const char *const waits[] = {UNTIL_SERVED("Bash", "command"),
		UNTIL_SERVED("exec_command", "cmd"), UNTIL_SERVED("bash", "command")};
	struct err err = {0};
	static const char text[] =
		"[{\"name\":\"demo\",\"source\":\"npm\",\"package_or_url\":\"" FOLDER
		"/pack\",\"args\":[\"--hello\"]}]";
	CLEANUP(json) json_t *mcp = json_parse(text, strlen(text), &err);

	assert_non_null(mcp);
	for (int i = 0; i < 3; i++) {
		CLEANUP(outcome) struct outcome got = {0};
		struct agent_request request = {.prompt = "go",
			.model = i ? "gpt-5.5" : "claude-opus-4-8",
			.mcp = mcp};
		open_model(world, i ? "openai" : "anthropic", waits[i], KEY, 0);
		assert_int_equal(real_sh(world->core, BOX, false, server, NULL, 0), 0);
		play(world, agents[i], &request, &got);
		expect_ok(&got);
		expect_in_box(world, "cut -c1-7 /tmp/served", "--hello\n");
		close_model(world);
	}
}

static void a_schema_is_given_to_the_model(void **state)
{
	struct world *world = *state;
	static const char schema[] =
		"{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}},"
		"\"required\":[\"n\"],\"additionalProperties\":false}";

	for (int i = 0; i < 3; i++) {
		CLEANUP(outcome) struct outcome got = {0};
		CLEANUP(json) json_t *answer = NULL;
		struct agent_request request = {.prompt = "go",
			.model = i ? "gpt-5.5" : "claude-opus-4-8",
			.json_schema = schema};
		open_model(world, i ? "openai" : "anthropic",
			i ? "[{\"text\":\"{\\\"n\\\":7}\"}]"
			  : "[{\"tools\":[{\"name\":\"StructuredOutput\",\"input\":{"
			    "\"n\":7}}]}]",
			KEY, 0);
		play(world, agents[i], &request, &got);
		expect_ok(&got);
		answer = json_parse(
			got.result.answer, strlen(got.result.answer), &got.err);
		assert_int_equal(json_or_int(answer, "n", 0), 7);
		if (i == 1) { /* a session that goes on takes one, too */
			CLEANUP(outcome) struct outcome again = {0};
			request.session_id = got.result.session_id;
			play(world, agents[i], &request, &again);
			expect_ok(&again);
		}
		close_model(world);
	}
}

/* ---- bad days -------------------------------------------------------------------------- */

struct failure {
	const char *script;
	const char *key;
	int64_t budget;
	enum err_kind kind;
	const char *word;
};

static void check_failure(struct world *world, bool openai, const struct failure *failure)
{
	CLEANUP(outcome) struct outcome got = {0};
	struct agent_request request = {
		.prompt = "do it", .model = openai ? "gpt-5.5" : "claude-opus-4-8"};

	open_model(world, openai ? "openai" : "anthropic", failure->script, failure->key,
		failure->budget);
	play(world, openai ? "codex" : "claude-code", &request, &got);
	if (got.rc == 0 || got.err.kind != failure->kind ||
		!strstr(got.err.text, failure->word))
		fail_msg("%s: rc %d, %s: %s\n%s", failure->script, got.rc,
			err_kind_name(got.err.kind), got.err.text, strbuf_str(&got.log));
	assert_true(got.total_ms < 60000);
	assert_null(strstr(strbuf_str(&got.log), KEY));
	close_model(world);
}

static const char two_calls[] = "[{\"tools\":[{\"name\":\"Bash\",\"input\":{\"command\":"
				"\"true\"}}],\"usage\":{\"input\":"
				"10000}},{\"text\":\"never\"}]";
static const char two_codex_calls[] = "[{\"tools\":[{\"name\":\"exec_command\",\"input\":"
				      "{\"cmd\":\"true\"}}],\"usage\":"
				      "{\"input\":10000}},{\"text\":\"never\"}]";

static void claude_failures_are_told_in_seconds(void **state)
{
	static const struct failure failures[] = {
		{"[]", "sk-the-wrong-key", 0, ERR_DENIED, "model.anthropic.key_file"},
		{"[{\"refuse\":true}]", KEY, 0, ERR_INPUT, ""},
		{"[{\"status\":400,\"message\":\"too odd\"}]", KEY, 0, ERR_INPUT,
			"too odd"},
		{"[{\"status\":529,\"message\":\"overloaded\"}]", KEY, 0, ERR_TRANSIENT,
			""},
		{"[{\"cut\":true,\"text\":\"half of an answer that is long enough to "
		 "arrive in several pieces, of which the last never come at all\"}]",
			KEY, 0, ERR_TRANSIENT, ""},
		{two_calls, KEY, 100, ERR_LIMIT, "the budget of task-1 is spent"},
	};

	for (size_t i = 0; i < ARRAY_LEN(failures); i++)
		check_failure(*state, false, &failures[i]);
}

static void codex_failures_are_told_in_seconds(void **state)
{
	static const struct failure failures[] = {
		{"[]", "sk-the-wrong-key", 0, ERR_DENIED, "model.openai.key_file"},
		{"[{\"status\":400,\"message\":\"too odd\"}]", KEY, 0, ERR_INPUT,
			"too odd"},
		{"[{\"status\":500,\"message\":\"broken\"}]", KEY, 0, ERR_TRANSIENT, ""},
		{two_codex_calls, KEY, 100, ERR_LIMIT, "the budget of task-1 is spent"},
	};

	for (size_t i = 0; i < ARRAY_LEN(failures); i++)
		check_failure(*state, true, &failures[i]);
}

/* Tools run in sessions of their own, and one of them hides further. */
static void a_cancel_ends_tools_too(void **state)
{
	struct world *world = *state;
	static const char *const scripts[] = {"[{\"tools\":[{\"name\":\"Bash\",\"input\":"
					      "{\"command\":\"setsid -f sleep 4711; "
					      "sleep 4711\"}}]}]",
		"[{\"tools\":[{\"name\":\"exec_command\",\"input\":{\"cmd\":\"setsid -f "
		"sleep 4711; "
		"sleep 4711\",\"yield_time_ms\":30000}}]}]"};

	for (int i = 0; i < 2; i++) {
		CLEANUP(outcome) struct outcome got = {0};
		const struct harness *harness = harness_find(i ? "codex" : "claude-code");
		CLEANUP(agent_reader)
		struct agent_reader *reader = agent_reader_new(harness, NULL);
		struct agent_request request = {.prompt = "wait",
			.folder = FOLDER,
			.relay_port = PORT,
			.model = i ? "gpt-5.5" : "claude-opus-4-8"};
		open_model(world, i ? "openai" : "anthropic", scripts[i], KEY, 0);
		strbuf_init(&got.log, LIMIT_AGENT_LINE);
		strbuf_init(&got.stderr_text, LIMIT_AGENT_LINE);
		CLEANUP(run) struct run *run = start(world, harness, &request);
		assert_true(follow(run, reader, &got, "sleep 4711"));
		for (int k = 0; k < 100; k++) {
			char out[16] = "";
			real_sh(world->core, BOX, false,
				"grep -lz '^4711$' /proc/[0-9]*/cmdline 2>/dev/null | wc "
				"-l",
				out, sizeof out);
			if (atoi(out) >= 2)
				break;
			usleep(50000);
		}
		int64_t begun = clock_mono_ms();
		assert_int_equal(
			run_stop(world->core, BOX, run_id(run), 2000, NULL, &got.err), 0);
		follow(run, reader, &got, NULL);
		print_message("             %s: stopped in %lld ms\n",
			harness_name(harness), (long long)(clock_mono_ms() - begun));
		assert_int_equal(got.rc, -1);
		assert_true(clock_mono_ms() - begun < 30000);
		expect_in_box(world,
			"grep -lz '^4711$' /proc/[0-9]*/cmdline 2>/dev/null | wc -l",
			"0\n");
		close_model(world);
	}
}

/* ---- a command of one's own ------------------------------------------------------------ */

static void any_command_can_be_an_agent(void **state)
{
	struct world *world = *state;
	static const char *const command[] = {"sh", "/tmp/agent.sh", NULL};
	static const char agent[] =
		"printf 'event: text\\ndata: {\"text\":\"working on %s\"}\\n\\n' \"$2\"\n"
		"echo \"$2\" >result.txt\n"
		"printf 'event: done\\ndata: "
		"{\"output\":\"\",\"session_id\":\"s1\"}\\n\\n'\n";
	struct agent_request request = {.prompt = "it", .command = command};
	CLEANUP(outcome) struct outcome got = {0};
	struct err err = {0};

	fresh_repository(world);
	assert_int_equal(box_file_put(world->core, BOX, "/tmp/agent.sh", 0755, agent,
				 strlen(agent), NULL, &err),
		0);
	play(world, "custom", &request, &got);
	expect_ok(&got);
	assert_string_equal(got.result.answer, "working on it");
	expect_in_box(world, "cat " FOLDER "/result.txt", "it\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_command_can_be_an_agent),
		cmocka_unit_test(claude_edits_files),
		cmocka_unit_test(codex_edits_files),
		cmocka_unit_test(opencode_edits_files),
		cmocka_unit_test(servers_of_the_caller_are_started),
		cmocka_unit_test(a_schema_is_given_to_the_model),
		cmocka_unit_test(sessions_go_on),
		cmocka_unit_test(long_prompts_arrive),
		cmocka_unit_test(the_repository_configures_nothing),
		cmocka_unit_test(claude_failures_are_told_in_seconds),
		cmocka_unit_test(codex_failures_are_told_in_seconds),
		cmocka_unit_test(a_cancel_ends_tools_too),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, open_core, close_core);
}
