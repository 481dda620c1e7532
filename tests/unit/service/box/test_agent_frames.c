/* SPDX-License-Identifier: MIT */
/* Frames as the published client reads them, and models by harness. */
#include "service/box/agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Readers never give NULL. */
static void expect(const struct agent_event *given, const char *want)
{
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_STORE_TEXT);
	struct agent_event event = *given;

	event.text = event.text ? event.text : "";
	event.tool = event.tool ? event.tool : "";
	event.tool_id = event.tool_id ? event.tool_id : "";
	event.input = event.input ? event.input : "";
	agent_frame_event(&out, &event);
	assert_string_equal(strbuf_str(&out), want);
}

#define EVENT(...) (&(const struct agent_event){__VA_ARGS__})

static void events_are_frames(void **state)
{
	(void)state;
	expect(EVENT(.kind = AGENT_TEXT, .text = "a\nb \"c\""),
		"event: text\ndata: {\"text\":\"a\\nb \\\"c\\\"\"}\n\n");
	expect(EVENT(.kind = AGENT_TEXT, .text = "helper", .nested = true),
		"event: thinking\ndata: {\"text\":\"helper\"}\n\n");
	expect(EVENT(.kind = AGENT_THINKING, .text = "hm"),
		"event: thinking\ndata: {\"text\":\"hm\"}\n\n");
	expect(EVENT(.kind = AGENT_TOOL, .tool = "sh", .tool_id = "t1",
		       .input = "{\"cmd\":\"ls\"}"),
		"event: tool\ndata: "
		"{\"name\":\"sh\",\"input\":{\"cmd\":\"ls\"},\"tool_call_id\":\"t1\"}"
		"\n\n");
	expect(EVENT(.kind = AGENT_TOOL, .tool = "sh"), /* an input that was too long */
		"event: tool\ndata: "
		"{\"name\":\"sh\",\"input\":{},\"tool_call_id\":\"\"}\n\n");
	expect(EVENT(.kind = AGENT_TOOL_RESULT, .tool_id = "t1", .text = "out"),
		"event: tool_result\ndata: "
		"{\"tool_call_id\":\"t1\",\"output\":\"out\"}\n\n");
	expect(EVENT(.kind = AGENT_OTHER, .tool = "own", .input = "{\"x\":[1]}"),
		"event: own\ndata: {\"x\":[1]}\n\n");
}

/* The client drops an empty text; the end of a run is told by the pump. */
static void others_are_none(void **state)
{
	(void)state;
	expect(EVENT(.kind = AGENT_TEXT), "");
	expect(EVENT(.kind = AGENT_START, .text = "model"), "");
	expect(EVENT(.kind = AGENT_USAGE), "");
	expect(EVENT(.kind = AGENT_NOTICE, .text = "retry"), "");
	expect(EVENT(.kind = AGENT_DONE, .text = "answer"), "");
	expect(EVENT(.kind = AGENT_ERROR, .text = "gone"), "");
}

/* No data of any text may hold a line end of its own, or the frame would be cut. */
static void no_text_breaks_a_frame(void **state)
{
	(void)state;
	for (int c = 1; c < 128; c++) {
		CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_STORE_TEXT);
		char text[4] = {'x', (char)c, 'y', '\0'};
		int lines = 0;

		agent_frame_event(&out, EVENT(.kind = AGENT_TEXT, .text = text));
		for (const char *p = strbuf_str(&out); *p; p++)
			lines += *p == '\n' || *p == '\r';
		assert_int_equal(lines, 3);
	}
}

static void expect_model(const char *harness, const char *model, const char *want_model,
	const char *want_provider)
{
	const char *got_model, *provider;
	struct err err = {0};

	if (agent_model(harness, model, &got_model, &provider, &err) < 0)
		fail_msg("%s %s: %s", harness, model, err.text);
	if (!want_model)
		assert_null(got_model);
	else
		assert_string_equal(got_model, want_model);
	assert_string_equal(provider, want_provider);
}

static void models(void **state)
{
	const char *model, *provider;
	struct err err = {0};

	(void)state;
	expect_model("claude-code", "anthropic/claude-x", "claude-x", "anthropic");
	expect_model("claude-code", "claude-x", "claude-x", "anthropic");
	expect_model("claude-code", NULL, NULL, "anthropic");
	expect_model("codex", "openai/gpt-5", "gpt-5", "openai");
	expect_model("opencode", "anthropic/claude-x", "claude-x", "anthropic");
	expect_model("opencode", "gpt-5", "gpt-5", "openai");
	expect_model("custom", "openrouter/any", "openrouter/any", "");
	assert_int_equal(
		agent_model("codex", "anthropic/claude-x", &model, &provider, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_int_equal(
		agent_model("opencode", "openrouter/x/y", &model, &provider, &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "openrouter/x/y"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_frames),
		cmocka_unit_test(others_are_none),
		cmocka_unit_test(no_text_breaks_a_frame),
		cmocka_unit_test(models),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
