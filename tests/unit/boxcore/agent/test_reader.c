/* SPDX-License-Identifier: MIT */
/* What the lines of the agent programs mean, in pieces of any size, and after a restart. */
#include "boxcore/agent/harness.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Every event as "kind text|..." on a line of its own. */
static void note(void *arg, const struct agent_event *event)
{
	struct strbuf *log = arg;

	strbuf_addf(log, "%s %s%s%s%s\n", agent_event_name(event->kind),
		event->nested ? "(nested) " : "", event->is_error ? "(error) " : "",
		event->text[0] || !event->tool_id[0] ? event->text : event->tool_id,
		event->kind == AGENT_DONE ? " [session]" : "");
	if (event->kind == AGENT_OTHER)
		strbuf_addf(log, "  %s %s\n", event->tool, event->input);
	if (event->kind == AGENT_DONE)
		assert_string_not_equal(event->session_id, "");
}

struct outcome {
	struct strbuf log;
	struct agent_result result;
	struct err err;
	int rc;
};

static void outcome_release(struct outcome *outcome)
{
	strbuf_release(&outcome->log);
	agent_result_release(&outcome->result);
}
DEFINE_CLEANUP(outcome, struct outcome, outcome_release(value))

static void play(struct outcome *outcome, const char *harness, const char *output,
	size_t piece, int exit_code)
{
	CLEANUP(agent_reader)
	struct agent_reader *reader = agent_reader_new(harness_find(harness), NULL);
	size_t len = strlen(output);

	strbuf_init(&outcome->log, LIMIT_AGENT_LINE);
	for (size_t at = 0; at < len; at += piece) {
		size_t n = len - at < piece ? len - at : piece;
		agent_feed(reader, output + at, n, at + n, note, &outcome->log);
	}
	outcome->rc = agent_finish(reader, exit_code, &outcome->result, &outcome->err);
}

static const char claude_good[] =
	"{\"type\":\"system\",\"subtype\":\"hook_started\",\"session_id\":\"s-1\"}\n"
	"{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"s-1\",\"model\":"
	"\"claude-opus-4-8[1m]\"}\n"
	"{\"type\":\"assistant\",\"message\":{\"model\":\"m\",\"content\":[{\"type\":"
	"\"thinking\",\"thinking\":\"hm\"}]},\"parent_tool_use_id\":null}\n"
	"{\"type\":\"assistant\",\"message\":{\"model\":\"m\",\"content\":[{\"type\":"
	"\"text\",\"text\":\"I look.\"}]},\"parent_tool_use_id\":null}\n"
	"{\"type\":\"assistant\",\"message\":{\"model\":\"m\",\"content\":[{\"type\":"
	"\"tool_use\",\"id\":\"t1\",\"name\":\"Bash\",\"input\":{\"command\":\"ls\\n-"
	"la\","
	"\"description\":\"d\"}}]},\"parent_tool_use_id\":\"t0\"}\n"
	"{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":[{\"tool_use_id\":"
	"\"t1\",\"type\":\"tool_result\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
	"{\"type\":\"text\",\"text\":\"b\"}]}]},\"parent_tool_use_id\":null}\n"
	"{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":[{\"tool_use_id\":"
	"\"t2\",\"type\":\"tool_result\",\"content\":\"no\",\"is_error\":true}]}}\n"
	"this is not JSON\n"
	"{\"type\":\"of the future\",\"x\":1}\n"
	"{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"num_turns\":6,"
	"\"result\":\"Done.\",\"session_id\":\"s-1\",\"total_cost_usd\":0.039925,"
	"\"usage\":"
	"{\"input_tokens\":1},\"modelUsage\":{\"a\":{\"inputTokens\":1960,"
	"\"outputTokens\":"
	"185,\"cacheReadInputTokens\":13500,\"cacheCreationInputTokens\":3000},\"b\":"
	"{\"inputTokens\":40,\"outputTokens\":15}}}\n";

static const char claude_good_log[] = "start claude-opus-4-8[1m]\n"
				      "thinking hm\n"
				      "text I look.\n"
				      "tool (nested) Bash: ls -la\n"
				      "tool_result ab\n"
				      "tool_result (error) no\n"
				      "usage \n"
				      "done Done. [session]\n";

static void claude_a_good_run(void **state)
{
	CLEANUP(outcome) struct outcome got = {0};

	(void)state;
	play(&got, "claude-code", claude_good, 1000000, 0);
	assert_string_equal(strbuf_str(&got.log), claude_good_log);
	assert_int_equal(got.rc, 0);
	assert_string_equal(got.result.answer, "Done.");
	assert_string_equal(got.result.session_id, "s-1");
	assert_int_equal(got.result.turns, 6);
	assert_int_equal(got.result.usage.input_tokens, 2000);
	assert_int_equal(got.result.usage.output_tokens, 200);
	assert_int_equal(got.result.usage.cached_tokens, 13500);
	assert_int_equal(got.result.usage.cache_write_tokens, 3000);
	assert_true(got.result.usage.cost_usd > 0.0399);
}

static void pieces_of_any_size_mean_the_same(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 300; piece = piece * 3 / 2 + 1) {
		CLEANUP(outcome) struct outcome got = {0};
		play(&got, "claude-code", claude_good, piece, 0);
		assert_string_equal(strbuf_str(&got.log), claude_good_log);
		assert_int_equal(got.rc, 0);
	}
}

struct ending {
	const char *line;
	int exit_code;
	int rc;
	enum err_kind kind;
	const char *word;
};

static void check_endings(const char *harness, const struct ending *endings, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		CLEANUP(outcome) struct outcome got = {0};
		play(&got, harness, endings[i].line, 4096, endings[i].exit_code);
		if (got.rc != endings[i].rc ||
			(got.rc < 0 && (got.err.kind != endings[i].kind ||
					       !strstr(got.err.text, endings[i].word))))
			fail_msg("%s case %zu: rc %d, %s: %s", harness, i, got.rc,
				err_kind_name(got.err.kind), got.err.text);
	}
}

static void claude_endings(void **state)
{
	static const struct ending endings[] = {
		{"{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,"
		 "\"result\":\"x\","
		 "\"session_id\":\"s\"}\n",
			0, 0, ERR_NONE, ""},
		{"{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,"
		 "\"result\":\"x\","
		 "\"session_id\":\"s\"}\n",
			1, -1, ERR_INTERNAL, "exit 1"},
		{"{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"api_"
		 "error_status\":"
		 "401,\"result\":\"Invalid API key\"}\n",
			1, -1, ERR_DENIED, "Invalid API key"},
		{"{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"api_"
		 "error_status\":"
		 "402,\"result\":\"budget\"}\n",
			1, -1, ERR_LIMIT, "budget"},
		{"{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"api_"
		 "error_status\":"
		 "null,\"result\":\"refused\"}\n",
			1, -1, ERR_TRANSIENT, "refused"},
		{"{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"stop_"
		 "reason\":"
		 "\"refusal\",\"result\":\"cannot\"}\n",
			1, -1, ERR_INPUT, "cannot"},
		{"{\"type\":\"result\",\"subtype\":\"error_max_turns\",\"is_error\":true,"
		 "\"errors\":["
		 "\"Reached maximum number of turns (3)\"]}\n",
			1, -1, ERR_LIMIT, "turns (3)"},
		{"{\"type\":\"result\",\"subtype\":\"error_max_budget_usd\",\"is_error\":"
		 "true,"
		 "\"errors\":[\"Reached maximum budget ($1)\"]}\n",
			1, -1, ERR_LIMIT, "($1)"},
		/* An interrupt exits with 0. */
		{"{\"type\":\"result\",\"subtype\":\"error_during_execution\",\"is_"
		 "error\":true,"
		 "\"terminal_reason\":\"aborted_tools\"}\n",
			0, -1, ERR_TRANSIENT, "interrupted"},
		{"{\"type\":\"result\",\"subtype\":\"error_during_execution\",\"is_"
		 "error\":true,"
		 "\"num_turns\":0,\"errors\":[\"No conversation found\"]}\n",
			1, -1, ERR_INPUT, "No conversation"},
		/* Without is_error nothing is known: not a success. */
		{"{\"type\":\"result\",\"subtype\":\"success\"}\n", 0, -1, ERR_TRANSIENT,
			""},
		{"", 0, -1, ERR_INTERNAL, "without a result"},
		{"", 1, -1, ERR_INPUT, "exit 1"},
		{"", 127, -1, ERR_INPUT, "not in this image"},
		{"", 137, -1, ERR_TRANSIENT, "signal 9"},
		{"", -1, -1, ERR_TRANSIENT, "lost"},
		/* Killed in the middle of its last line. */
		{"{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false", 137,
			-1, ERR_TRANSIENT, "signal 9"},
	};

	(void)state;
	check_endings("claude-code", endings, ARRAY_LEN(endings));
}

static const char codex_good[] =
	"{\"type\":\"thread.started\",\"thread_id\":\"01a204a9-5b91\"}\n"
	"{\"type\":\"turn.started\"}\n"
	"{\"type\":\"item.completed\",\"item\":{\"id\":\"item_0\",\"type\":\"reasoning\","
	"\"text\":\"think\"}}\n"
	"{\"type\":\"item.completed\",\"item\":{\"id\":\"item_1\",\"type\":\"agent_"
	"message\","
	"\"text\":\"I look.\"}}\n"
	"{\"type\":\"item.started\",\"item\":{\"id\":\"item_2\",\"type\":"
	"\"command_execution\",\"command\":\"/bin/bash -lc "
	"ls\",\"aggregated_output\":\"\","
	"\"exit_code\":null,\"status\":\"in_progress\"}}\n"
	"{\"type\":\"item.completed\",\"item\":{\"id\":\"item_2\",\"type\":"
	"\"command_execution\",\"command\":\"/bin/bash -lc "
	"ls\",\"aggregated_output\":\"a\\u0000b\","
	"\"exit_code\":2,\"status\":\"failed\"}}\n"
	"{\"type\":\"item.started\",\"item\":{\"id\":\"item_3\",\"type\":\"file_change\","
	"\"changes\":[{\"path\":\"/w/a\",\"kind\":\"update\"},{\"path\":\"/w/"
	"b\",\"kind\":"
	"\"add\"}],\"status\":\"in_progress\"}}\n"
	"{\"type\":\"item.completed\",\"item\":{\"id\":\"item_3\",\"type\":\"file_"
	"change\","
	"\"changes\":[],\"status\":\"completed\"}}\n"
	"{\"type\":\"error\",\"message\":\"Reconnecting... 1/5\"}\n"
	"{\"type\":\"item.completed\",\"item\":{\"id\":\"item_4\",\"type\":\"agent_"
	"message\","
	"\"text\":\"All done.\"}}\n"
	"{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":5400,"
	"\"cached_input_tokens\":3900,\"output_tokens\":150}}\n";

static void codex_a_good_run(void **state)
{
	CLEANUP(outcome) struct outcome got = {0};

	(void)state;
	play(&got, "codex", codex_good, 77, 0);
	assert_string_equal(strbuf_str(&got.log),
		"start \n"
		"thinking think\n"
		"text I look.\n"
		"tool command: /bin/bash -lc ls\n"
		"tool_result (error) a b\n"
		"tool file_change: update /w/a, add /w/b\n"
		"tool_result item_3\n"
		"notice (error) Reconnecting... 1/5\n"
		"text All done.\n"
		"usage \n"
		"done All done. [session]\n");
	assert_int_equal(got.rc, 0);
	assert_string_equal(got.result.answer, "All done.");
	assert_int_equal(got.result.usage.input_tokens, 1500);
	assert_int_equal(got.result.usage.cached_tokens, 3900);
}

static void codex_totals_of_a_resumed_session(void **state)
{
	const struct agent_usage earlier = {
		.input_tokens = 1000, .cached_tokens = 3000, .output_tokens = 100};
	CLEANUP(agent_reader)
	struct agent_reader *reader = agent_reader_new(harness_find("codex"), &earlier);
	CLEANUP(strbuf) struct strbuf log = STRBUF_INIT(LIMIT_AGENT_LINE);
	CLEANUP(agent_result) struct agent_result result = {0};
	struct err err = {0};

	(void)state;
	agent_feed(reader, codex_good, strlen(codex_good), 1, note, &log);
	assert_int_equal(agent_finish(reader, 0, &result, &err), 0);
	assert_int_equal(result.usage.input_tokens, 500);
	assert_int_equal(result.usage.cached_tokens, 900);
	assert_int_equal(result.usage.output_tokens, 50);
}

static void codex_endings(void **state)
{
	static const struct ending endings[] = {
		{"{\"type\":\"turn.failed\",\"error\":{\"message\":\"unexpected status "
		 "401 "
		 "Unauthorized: no\"}}\n",
			1, -1, ERR_DENIED, "Unauthorized"},
		{"{\"type\":\"turn.failed\",\"error\":{\"message\":\"You exceeded your "
		 "current "
		 "quota\"}}\n",
			1, -1, ERR_LIMIT, "quota"},
		{"{\"type\":\"turn.failed\",\"error\":{\"message\":\"high demand\"}}\n",
			1, -1, ERR_TRANSIENT, "demand"},
		{"{\"type\":\"turn.failed\",\"error\":{\"message\":\"{\\\"error\\\":{"
		 "\\\"message\\\":\\\"too odd\\\"}}\"}}\n",
			1, -1, ERR_INPUT, "Codex: too odd"},
		{"{\"type\":\"error\",\"message\":\"Reconnecting... 1/5\"}\n", 143, -1,
			ERR_TRANSIENT, "signal 15"},
		{"Not inside a trusted directory\n", 1, -1, ERR_INPUT, "exit 1"},
		{"{\"type\":\"turn.started\"}\n", 0, -1, ERR_INTERNAL,
			"without a result"},
	};

	(void)state;
	check_endings("codex", endings, ARRAY_LEN(endings));
}

/* ---- OpenCode -------------------------------------------------------------------------- */

#define OC(type, rest)                                                                   \
	"{\"type\":\"" type "\",\"timestamp\":1,\"sessionID\":\"ses_1\"," rest "}\n"
#define OC_STEP(why)                                                                     \
	OC("step_finish",                                                                \
		"\"part\":{\"reason\":\"" why                                            \
		"\",\"type\":\"step-finish\",\"tokens\":{\"total\":140,\"input\":100,"   \
		"\"output\":20,\"reasoning\":5,\"cache\":{\"write\":7,\"read\":13}},"    \
		"\"cost\":0.25}")

static const char opencode_good[] = OC(
	"step_start", "\"part\":{\"type\":\"step-start\"}") OC("reasoning",
	"\"part\":{\"type\":\"reasoning\",\"text\":\"hm\"}") OC("text",
	"\"part\":{\"type\":\"text\",\"text\":\"I look.\"}") OC("tool_use",
	"\"part\":{\"type\":\"tool\",\"tool\":\"bash\",\"callID\":\"c1\",\"state\":{"
	"\"status\":\"completed\",\"input\":{\"command\":\"ls\"},\"output\":\"a b\"}}")
	OC("tool_use",
		"\"part\":{\"type\":\"tool\",\"tool\":\"read\",\"callID\":\"c2\","
		"\"state\":{"
		"\"status\":\"error\",\"input\":{\"filePath\":\"/w/x\"},\"error\":\"no "
		"file\"}}")
		OC_STEP("tool-calls") "not JSON\n" OC("of_the_future", "\"part\":7")
			OC("text", "\"part\":{\"type\":\"text\",\"text\":\"Done.\"}")
				OC_STEP("stop");

static void opencode_a_good_run(void **state)
{
	CLEANUP(outcome) struct outcome got = {0};

	(void)state;
	play(&got, "opencode", opencode_good, 77, 0);
	assert_string_equal(strbuf_str(&got.log), "start \n"
						  "thinking hm\n"
						  "text I look.\n"
						  "tool bash: ls\n"
						  "tool_result a b\n"
						  "tool read: /w/x\n"
						  "tool_result (error) no file\n"
						  "usage \n"
						  "text Done.\n"
						  "usage \n"
						  "done Done. [session]\n");
	assert_int_equal(got.rc, 0);
	assert_string_equal(got.result.answer, "Done.");
	assert_string_equal(got.result.session_id, "ses_1");
	assert_int_equal(got.result.turns, 2);
	assert_int_equal(got.result.usage.input_tokens, 200);
	assert_int_equal(got.result.usage.output_tokens, 50);
	assert_int_equal(got.result.usage.cached_tokens, 26);
	assert_int_equal(got.result.usage.cache_write_tokens, 14);
	assert_true(got.result.usage.cost_usd > 0.49 && got.result.usage.cost_usd < 0.51);
}

#define OC_ERROR(name, data)                                                             \
	OC("error", "\"error\":{\"name\":\"" name "\",\"data\":" data "}")

static void opencode_endings(void **state)
{
	static const struct ending endings[] = {
		{OC_ERROR("APIError", "{\"message\":\"bad key\",\"statusCode\":401}"), 1,
			-1, ERR_DENIED, "OpenCode: bad key"},
		{OC_ERROR("APIError", "{\"message\":\"spent\",\"statusCode\":402}"), 1,
			-1, ERR_LIMIT, "spent"},
		{OC_ERROR("APIError", "{\"message\":\"busy\",\"statusCode\":529}"), 1, -1,
			ERR_TRANSIENT, "busy"},
		{OC_ERROR("ProviderAuthError", "{\"message\":\"no key\"}"), 1, -1,
			ERR_DENIED, "no key"},
		{OC_ERROR("UnknownError", "{\"message\":\"Session not found: x\"}"), 1,
			-1, ERR_INPUT, "not found"},
		{OC_ERROR("Odd", "{}"), 1, -1, ERR_TRANSIENT, "Odd"},
		{OC("error", "\"error\":7"), 1, -1, ERR_TRANSIENT, "without a reason"},
		/* An end that is followed by an error was none. */
		{OC_STEP("stop") OC_ERROR("X", "{\"message\":\"late\"}"), 0, -1,
			ERR_TRANSIENT, "late"},
		{OC_STEP("tool-calls"), 0, -1, ERR_INTERNAL, "without a result"},
		{OC_STEP("stop"), 1, -1, ERR_INPUT, "exit 1"},
		{OC_STEP("tool-calls"), 143, -1, ERR_TRANSIENT, "signal 15"},
		{"", -1, -1, ERR_TRANSIENT, "lost with its box"},
		{"", 127, -1, ERR_INPUT, "not in this image"},
		{OC_STEP("stop"), 0, 0, ERR_NONE, ""},
	};

	(void)state;
	check_endings("opencode", endings, ARRAY_LEN(endings));
}

static void custom_frames(void **state)
{
	CLEANUP(outcome) struct outcome got = {0};

	(void)state;
	play(&got, "custom",
		": a comment\n\n"
		"event: text\ndata: {\"text\":\"one \"}\n\n"
		"event: thinking\r\ndata: {\"text\":\"hm\"}\r\n\r\n"
		"event: tool\ndata: "
		"{\"name\":\"sh\",\"input\":{\"cmd\":\"ls\"},\"toolCallId\":"
		"\"c1\"}\n\n"
		"event: tool_result\ndata: {\"id\":\"c1\",\"output\":{\"n\":1}}\n\n"
		"data: {\"text\":\"no event name\"}\n\n"
		"event: text\ndata: not json\n\n"
		"event: unknown\ndata: {\"x\": [1]}\n\n"
		"event: run_start\ndata: {\"run_id\":\"forged\"}\n\n"
		"event: text\ndata: {\"text\":\"two\"}\n\n"
		"event: done\ndata: "
		"{\"output\":\"\",\"input_tokens\":7,\"session_id\":\"x-1\"}\n\n",
		5, 0);
	assert_string_equal(strbuf_str(&got.log), "start \n"
						  "text one \n"
						  "thinking hm\n"
						  "tool sh: ls\n"
						  "tool_result {\"n\":1}\n"
						  "other \n  unknown {\"x\":[1]}\n"
						  "text two\n"
						  "usage \n"
						  "done one two [session]\n");
	assert_int_equal(got.rc, 0);
	assert_string_equal(got.result.answer, "one two");
	assert_string_equal(got.result.session_id, "x-1");
	assert_int_equal(got.result.usage.input_tokens, 7);
}

static void custom_endings(void **state)
{
	static const struct ending endings[] = {
		{"event: done\ndata: {\"output\":\"x\",\"session_id\":\"s\"}\n\n", 0, 0,
			ERR_NONE, ""},
		{"event: error\ndata: {\"error\":\"no model\"}\n\n", 1, -1, ERR_INPUT,
			"no model"},
		/* Having given up cannot be taken back. */
		{"event: error\ndata: {\"error\":\"no model\"}\n\nevent: done\ndata: "
		 "{}\n\n",
			0, -1, ERR_INPUT, "no model"},
		{"event: text\ndata: {\"text\":\"x\"}\n\n", 0, -1, ERR_INTERNAL,
			"without"},
		{"", 127, -1, ERR_INPUT, "not found"},
		{"", 137, -1, ERR_TRANSIENT, "signal 9"},
	};

	(void)state;
	check_endings("custom", endings, ARRAY_LEN(endings));
}

static void bad_bytes_are_mended(void **state)
{
	CLEANUP(outcome) struct outcome got = {0};

	(void)state;
	play(&got, "codex",
		"{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\","
		"\"text\":\"a\xff"
		"b\"}}\n"
		"{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\","
		"\"text\":"
		"\"\\ud83d half \\udc00 \\\\ud800 \\ud83d\\ude00\"}}\n",
		3, 0);
	assert_string_equal(strbuf_str(&got.log),
		"text a\xef\xbf\xbd"
		"b\n"
		"text \xef\xbf\xbd half \xef\xbf\xbd \\ud800 \xf0\x9f\x98\x80\n");
}

static void members_may_be_missing_or_of_another_type(void **state)
{
	static const char *const lines[] = {
		"{\"type\":\"item.started\",\"item\":{\"type\":\"command_execution\"}}\n",
		"{\"type\":\"item.started\",\"item\":{\"type\":\"file_change\","
		"\"changes\":7}}\n",
		"{\"type\":\"item.started\",\"item\":{\"type\":\"mcp_tool_call\"}}\n",
		"{\"type\":\"item.started\",\"item\":[]}\n{\"type\":\"item.completed\"}"
		"\n",
		"{\"type\":\"assistant\",\"message\":{\"content\":[7,null,{\"type\":"
		"\"tool_use\"}]}}\n",
		"{\"type\":\"user\",\"message\":{\"content\":[{\"type\":\"tool_result\"}]"
		"}}\n",
		"{\"type\":\"result\",\"is_error\":\"no\"}\n{\"type\":7}\n[]\n{}\n",
		"event: tool\ndata: {}\n\nevent: tool_result\ndata: {}\n\nevent: "
		"text\ndata: {}\n\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		for (size_t h = 0; harness_at(h); h++) {
			CLEANUP(outcome) struct outcome got = {0};
			play(&got, harness_name(harness_at(h)), lines[i], 9, 0);
			assert_int_equal(got.rc, -1);
		}
	}
}

static void a_session_id_cannot_be_an_option(void **state)
{
	CLEANUP(outcome) struct outcome got = {0};

	(void)state;
	play(&got, "codex", "{\"type\":\"thread.started\",\"thread_id\":\"--help\"}\n",
		99, 0);
	assert_string_equal(got.result.session_id, "");
}

static void an_endless_line_is_cut_and_the_next_is_read(void **state)
{
	CLEANUP(agent_reader)
	struct agent_reader *reader = agent_reader_new(harness_find("codex"), NULL);
	CLEANUP(strbuf) struct strbuf log = STRBUF_INIT(LIMIT_AGENT_LINE);
	CLEANUP(mem) char *much = mem_alloc(1 << 20);
	uint64_t offset = 0;
	static const char rest[] = "\n{\"type\":\"item.completed\",\"item\":{\"type\":"
				   "\"agent_message\",\"text\":\"after\"}}\n";

	(void)state;
	memset(much, 'x', 1 << 20);
	for (int i = 0; i < 40; i++) {
		offset += 1 << 20;
		agent_feed(reader, much, 1 << 20, offset, note, &log);
	}
	/* What was thrown away need not be read again. */
	assert_int_equal(agent_reader_offset(reader), offset);
	agent_feed(reader, rest, strlen(rest), offset + strlen(rest), note, &log);
	assert_string_equal(strbuf_str(&log),
		"notice (error) a line longer than 16777216 bytes was skipped\n"
		"text after\n");
}

static void long_texts_of_events_are_cut(void **state)
{
	CLEANUP(agent_reader)
	struct agent_reader *reader = agent_reader_new(harness_find("codex"), NULL);
	CLEANUP(strbuf) struct strbuf log = STRBUF_INIT(LIMIT_AGENT_LINE);
	CLEANUP(strbuf) struct strbuf line = STRBUF_INIT(LIMIT_AGENT_LINE);

	(void)state;
	strbuf_adds(&line,
		"{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\","
		"\"text\":\"");
	for (int i = 0; i < 100000; i++)
		strbuf_adds(&line, "\xc3\xa9");
	strbuf_adds(&line, "\"}}\n");
	agent_feed(reader, line.data, line.len, 1, note, &log);
	assert_true(log.len < LIMIT_AGENT_EVENT + 16);
	assert_true(str_is_utf8(log.data, log.len));
	assert_non_null(strstr(log.data, "[cut]"));
}

/*
 * The service dies after any of its feeds: what it stored (log and state, one transaction)
 * must, with the output from the stored offset on, give the same events once.
 */
static void play_with_restarts(const char *harness, const char *output, size_t piece,
	size_t second_piece, struct strbuf *log)
{
	size_t len = strlen(output);
	struct err err = {0};

	for (size_t stop = 0; stop < len; stop += piece) {
		CLEANUP(strbuf) struct strbuf got = STRBUF_INIT(LIMIT_AGENT_LINE);
		CLEANUP(strbuf) struct strbuf saved = STRBUF_INIT(LIMIT_AGENT_STATE);
		struct agent_reader *reader =
			agent_reader_new(harness_find(harness), NULL);
		for (size_t at = 0; at < stop; at += piece) {
			size_t n = len - at < piece ? len - at : piece;
			agent_feed(reader, output + at, n, at + n, note, &got);
		}
		agent_reader_save(reader, &saved);
		agent_reader_free(reader);
		assert_null(strchr(strbuf_str(&saved), '\n'));

		reader = agent_reader_load(
			harness_find(harness), strbuf_str(&saved), &err);
		assert_non_null(reader);
		size_t at = agent_reader_offset(reader);
		/* Offsets exist only where an event ended. */
		assert_true(at % piece == 0 && at <= stop);
		while (at < len) {
			size_t n = len - at < second_piece ? len - at : second_piece;
			agent_feed(reader, output + at, n, at + n, note, &got);
			agent_feed(reader, NULL, 0, at + n, note, &got);
			at += n;
		}
		CLEANUP(agent_result) struct agent_result result = {0};
		assert_int_equal(agent_finish(reader, 0, &result, &err), 0);
		agent_reader_free(reader);
		if (strcmp(strbuf_str(&got), strbuf_str(log)) != 0)
			fail_msg("stop at %zu, pieces of %zu and %zu:\n%s", stop, piece,
				second_piece, strbuf_str(&got));
	}
}

static void restarts_lose_and_double_nothing(void **state)
{
	static const size_t pieces[] = {1, 7, 64, 100, 333, 5000};
	static const struct {
		const char *harness;
		const char *output;
	} runs[] = {{"claude-code", claude_good}, {"codex", codex_good},
		{"opencode", opencode_good},
		{"custom", "event: text\ndata: {\"text\":\"a\"}\n\nevent: text\ndata: "
			   "{\"text\":\"b\"}\n\nevent: done\ndata: "
			   "{\"session_id\":\"s\"}\n\n"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
		CLEANUP(outcome) struct outcome whole = {0};
		play(&whole, runs[i].harness, runs[i].output, 1000000, 0);
		for (size_t p = 0; p < ARRAY_LEN(pieces); p++) {
			play_with_restarts(runs[i].harness, runs[i].output, pieces[p],
				pieces[p], &whole.log);
			play_with_restarts(runs[i].harness, runs[i].output, pieces[p], 11,
				&whole.log);
		}
	}
}

/* The link is lost after each piece, in the middle of lines, again and again. */
static void lost_links_lose_and_double_nothing(void **state)
{
	CLEANUP(outcome) struct outcome whole = {0};
	size_t len = strlen(codex_good);

	(void)state;
	play(&whole, "codex", codex_good, 1000000, 0);
	for (size_t piece = 40; piece < 700; piece += 13) {
		CLEANUP(strbuf) struct strbuf got = STRBUF_INIT(LIMIT_AGENT_LINE);
		CLEANUP(agent_reader)
		struct agent_reader *reader =
			agent_reader_new(harness_find("codex"), NULL);
		size_t n = piece;
		for (size_t at = 0; at < len;) {
			size_t some = len - at < n ? len - at : n;
			agent_feed(reader, codex_good + at, some, at + some, note, &got);
			agent_reader_rewind(reader);
			at = agent_reader_offset(reader);
			n += 50; /* until the longest line fits */
		}
		assert_string_equal(strbuf_str(&got), strbuf_str(&whole.log));
	}
}

/* What the worst text looks like as JSON must still fit. */
static void the_state_always_fits(void **state)
{
	CLEANUP(strbuf) struct strbuf line = STRBUF_INIT(LIMIT_AGENT_LINE);
	CLEANUP(strbuf) struct strbuf saved = STRBUF_INIT(LIMIT_AGENT_STATE);
	CLEANUP(agent_reader)
	struct agent_reader *reader = agent_reader_new(harness_find("codex"), NULL);
	static const char *const lines[] = {"{\"type\":\"item.completed\",\"item\":{"
					    "\"type\":\"agent_message\",\"text\":\"",
		"{\"type\":\"error\",\"message\":\""};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		strbuf_adds(&line, lines[i]);
		for (int k = 0; k < 100000; k++)
			strbuf_adds(&line, "\\u0001");
		strbuf_adds(&line, i ? "\"}\n" : "\"}}\n");
	}
	agent_feed(reader, line.data, line.len, 1, NULL, NULL);
	agent_reader_save(reader, &saved);
	assert_false(strbuf_failed(&saved));
	assert_true(saved.len > 300000);
}

static void the_offset_moves_on_in_a_steady_stream(void **state)
{
	CLEANUP(agent_reader)
	struct agent_reader *reader = agent_reader_new(harness_find("codex"), NULL);
	uint64_t offset = 0;

	(void)state;
	/* No event of the run ever ends where a line does. */
	for (int i = 0; i < 1000; i++) {
		offset += 10;
		agent_feed(reader, "567\n012345", 10, offset, NULL, NULL);
		assert_true(offset - agent_reader_offset(reader) <= 20);
	}
}

static void a_state_of_another_harness_is_refused(void **state)
{
	CLEANUP(agent_reader)
	struct agent_reader *reader = agent_reader_new(harness_find("codex"), NULL);
	CLEANUP(strbuf) struct strbuf saved = STRBUF_INIT(LIMIT_AGENT_STATE);
	struct err err = {0};

	(void)state;
	agent_reader_save(reader, &saved);
	assert_null(agent_reader_load(harness_find("custom"), saved.data, &err));
	assert_int_equal(err.kind, ERR_INTERNAL);
	assert_null(agent_reader_load(harness_find("custom"), "{", &err));
}

static void note_line(void *arg, const char *line)
{
	strbuf_addf(arg, "<%s>", line);
}

/* The last line that speaks of an error, in pieces of any size. */
static void last_words_are_told(void **state)
{
	static const char said[] = "warning: old\n\nerror: unknown option '--x'\r\n"
				   "  tip: see --help\n\377half";
	(void)state;

	for (size_t piece = 1; piece < sizeof said; piece += 7) {
		CLEANUP(agent_reader)
		struct agent_reader *reader =
			agent_reader_new(harness_find("claude-code"), NULL);
		CLEANUP(strbuf) struct strbuf lines = STRBUF_INIT(1000);
		CLEANUP(agent_result) struct agent_result result = {0};
		struct err err = {0};

		for (size_t at = 0; at < strlen(said); at += piece)
			agent_feed_stderr(reader, said + at,
				strlen(said) - at < piece ? strlen(said) - at : piece,
				note_line, &lines);
		assert_string_equal(strbuf_str(&lines),
			"<warning: old><error: unknown option '--x'>"
			"<  tip: see --help>");
		assert_false(agent_ended(reader));
		assert_int_equal(agent_finish(reader, 1, &result, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_string_equal(err.text,
			"Claude Code ended without a result (exit 1): error: unknown "
			"option '--x'");
	}
}

static void last_words_outlive_a_restart(void **state)
{
	CLEANUP(agent_reader)
	struct agent_reader *reader = agent_reader_new(harness_find("codex"), NULL);
	CLEANUP(strbuf) struct strbuf saved = STRBUF_INIT(LIMIT_AGENT_STATE);
	CLEANUP(agent_result) struct agent_result result = {0};
	CLEANUP(mem) char *endless = mem_zalloc(100000);
	struct err err = {0};
	(void)state;

	memset(endless, 'e', 99999);
	agent_feed_stderr(reader, endless, 99999, NULL, NULL);
	agent_feed_stderr(reader, "\nFatal: gone\n", 13, NULL, NULL);
	agent_reader_save(reader, &saved);
	CLEANUP(agent_reader)
	struct agent_reader *again =
		agent_reader_load(harness_find("codex"), strbuf_str(&saved), &err);
	assert_non_null(again);
	agent_feed_stderr(again, "a hint\n", 7, NULL, NULL);
	assert_int_equal(agent_finish(again, 0, &result, &err), -1);
	assert_int_equal(err.kind, ERR_INTERNAL);
	assert_string_equal(
		err.text, "Codex ended without a result (exit 0): Fatal: gone");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(claude_a_good_run),
		cmocka_unit_test(pieces_of_any_size_mean_the_same),
		cmocka_unit_test(claude_endings),
		cmocka_unit_test(codex_a_good_run),
		cmocka_unit_test(codex_totals_of_a_resumed_session),
		cmocka_unit_test(codex_endings),
		cmocka_unit_test(opencode_a_good_run),
		cmocka_unit_test(opencode_endings),
		cmocka_unit_test(custom_frames),
		cmocka_unit_test(custom_endings),
		cmocka_unit_test(last_words_are_told),
		cmocka_unit_test(last_words_outlive_a_restart),
		cmocka_unit_test(bad_bytes_are_mended),
		cmocka_unit_test(members_may_be_missing_or_of_another_type),
		cmocka_unit_test(a_session_id_cannot_be_an_option),
		cmocka_unit_test(an_endless_line_is_cut_and_the_next_is_read),
		cmocka_unit_test(long_texts_of_events_are_cut),
		cmocka_unit_test(restarts_lose_and_double_nothing),
		cmocka_unit_test(lost_links_lose_and_double_nothing),
		cmocka_unit_test(the_state_always_fits),
		cmocka_unit_test(the_offset_moves_on_in_a_steady_stream),
		cmocka_unit_test(a_state_of_another_harness_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
