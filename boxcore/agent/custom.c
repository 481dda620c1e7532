/* SPDX-License-Identifier: MIT */
/*
 * Any command of the user's own that speaks box-sse-v1 on its stdout:
 *
 *	event: text
 *	data: {"text":"..."}
 *
 * with events text, thinking, tool, tool_result, done and error.  It is told the prompt, the
 * model and the session by arguments, and reaches a model through the relay.
 */
#include "boxcore/agent/impl.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdlib.h>
#include <string.h>

/* ---- the command ----------------------------------------------------------------------- */

static int check_command(const char *const *command, struct err *err)
{
	size_t total = 0;

	if (!command || str_empty(command[0]))
		return err_set(err, ERR_INPUT,
			"agent: the custom harness needs a command; none is configured");
	for (size_t i = 0; command[i]; i++)
		total += strlen(command[i]) + 1;
	if (total > LIMIT_AGENT_ARG)
		return err_set(err, ERR_LIMIT,
			"agent: the command is longer than %lu bytes", LIMIT_AGENT_ARG);
	return 0;
}

static int add_servers(
	const struct agent_request *request, struct agent_plan *plan, struct err *err)
{
	CLEANUP(mem) struct mcp_server *servers = NULL;
	size_t count = 0;

	if (mcp_read(request->mcp, &servers, &count, err) < 0)
		return -1;
	if (count == 0)
		return 0;
	char *path = mem_printf("%s/.boxwright/mcp.json", plan_home(request));
	plan_env(plan, "BOXWRIGHT_MCP", path);
	return plan_json_file(plan, path, mcp_common(servers, count), err);
}

static int custom_plan(
	const struct agent_request *request, struct agent_plan *plan, struct err *err)
{
	CLEANUP(mem)
	char *root = mem_printf("http://127.0.0.1:%u", (unsigned)request->relay_port);
	CLEANUP(mem) char *v1 = mem_printf("%s/v1", root);

	if (check_command(request->command, err) < 0)
		return -1;
	CLEANUP(mem) char *prompt = plan_prompt(request);
	if (strlen(prompt) > LIMIT_AGENT_ARG)
		return err_set(err, ERR_LIMIT,
			"agent: the prompt is longer than the %lu bytes that an argument "
			"may "
			"have",
			LIMIT_AGENT_ARG);
	for (const char *const *arg = request->command; *arg; arg++)
		plan_arg(plan, *arg);
	plan_option(plan, "-p", prompt);
	plan_option(
		plan, "--model", str_empty(request->model) ? "custom" : request->model);
	plan_arg(plan, "--stream");
	plan_option(plan, "--session", request->session_id);
	if (request->relay_port) {
		plan_env(plan, "ANTHROPIC_BASE_URL", root);
		plan_env(plan, "ANTHROPIC_API_KEY", "the-relay-adds-the-key");
		plan_env(plan, "OPENAI_BASE_URL", v1);
		plan_env(plan, "OPENAI_API_KEY", "the-relay-adds-the-key");
	}
	if (add_servers(request, plan, err) < 0)
		return -1;
	CLEANUP(mem) char *instructions = plan_instructions(request);
	if (instructions) {
		char *path =
			mem_printf("%s/.boxwright/instructions.md", plan_home(request));
		plan_env(plan, "BOXWRIGHT_INSTRUCTIONS", path);
		plan_file(plan, path, 0600, instructions, strlen(instructions));
	}
	return 0;
}

/* ---- the lines ------------------------------------------------------------------------- */

static const char *call_id(const json_t *data)
{
	static const char *const names[] = {
		"tool_call_id", "tool_use_id", "toolCallId", "id"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *id = json_or_string(data, names[i], "");
		if (*id)
			return id;
	}
	return "";
}

/* The answer is the sum of the texts unless `done` brings one. */
static void add_answer(struct agent_reader *reader, const json_t *text)
{
	size_t room = reader->answer.max - reader->answer.len;
	size_t len = json_string_length(text);

	if (!json_is_string(text))
		return;
	if (len > room)
		len = str_utf8_cut(json_string_value(text), room);
	strbuf_add(&reader->answer, json_string_value(text), len);
}

static void take_usage(struct agent_reader *reader, const json_t *data)
{
	reader->usage = (struct agent_usage){
		.input_tokens = json_or_int(data, "input_tokens", 0),
		.output_tokens = json_or_int(data, "output_tokens", 0),
		.cached_tokens = json_or_int(data, "cached_input_tokens", 0),
		.cost_usd = json_or_real(data, "total_cost_usd", 0),
	};
}

static void on_done(struct agent_reader *reader, const json_t *data)
{
	const char *output = json_or_string(data, "output", "");

	take_usage(reader, data);
	reader_set_session(reader, json_or_string(data, "session_id", ""));
	if (*output)
		reader_set_answer(reader, output);
	reader_end(reader, AGENT_ENDED_WELL);
}

static void on_error(struct agent_reader *reader, const json_t *data)
{
	take_usage(reader, data);
	reader_set_reason(reader, ERR_INPUT,
		json_or_string(data, "error", "the agent reported an error"));
	reader_end(reader, AGENT_ENDED_BADLY);
}

static void say(
	struct agent_reader *reader, enum agent_event_kind kind, const json_t *text)
{
	const char *at = json_string_value(text);
	size_t left = json_string_length(text);

	/* A text that is longer than an event is several. */
	while (at && left > 0) {
		CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_AGENT_EVENT);
		size_t n = left;

		if (n > LIMIT_AGENT_EVENT / 4)
			n = str_utf8_cut(at, LIMIT_AGENT_EVENT / 4);
		reader_text(&clean, at, n);
		if (clean.len > 0)
			reader_say(reader, kind, strbuf_str(&clean), false);
		at += n;
		left -= n;
	}
}

static void on_tool_result(struct agent_reader *reader, const json_t *data)
{
	const json_t *output = json_at(data, "output");
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_AGENT_EVENT);
	CLEANUP(strbuf) struct strbuf printed = STRBUF_INIT(LIMIT_AGENT_LINE);
	struct err ignored = {0};

	if (json_is_string(output))
		reader_json_text(&text, output);
	else if (output && json_print(&printed, output, &ignored) == 0)
		reader_text(&text, strbuf_str(&printed), printed.len);
	reader_tool_result(reader, call_id(data), strbuf_str(&text),
		json_or_bool(data, "is_error", false), false);
}

/* An event of a name that is none of the protocol's. */
static void on_other(struct agent_reader *reader, const char *name, const json_t *data)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789_.-";
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_AGENT_EVENT);
	struct err ignored = {0};

	/* Those two are for the one who relays the frames. */
	if (str_eq(name, "run_start") || str_eq(name, "stats") ||
		strspn(name, allowed) != strlen(name) ||
		json_print(&text, data, &ignored) < 0)
		return;
	struct agent_event event = {
		.kind = AGENT_OTHER, .tool = name, .input = strbuf_str(&text)};
	reader_emit(reader, &event);
}

static void on_frame(struct agent_reader *reader, const char *name, const json_t *data)
{
	if (!reader->started) {
		reader->started = true;
		reader_say(reader, AGENT_START, "", false);
	}
	if (str_eq(name, "text")) {
		add_answer(reader, json_at(data, "text"));
		say(reader, AGENT_TEXT, json_at(data, "text"));
	} else if (str_eq(name, "thinking")) {
		say(reader, AGENT_THINKING, json_at(data, "text"));
	} else if (str_eq(name, "tool")) {
		reader_tool(reader, call_id(data), json_or_string(data, "name", ""),
			json_at(data, "input"), false);
	} else if (str_eq(name, "tool_result")) {
		on_tool_result(reader, data);
	} else if (str_eq(name, "done")) {
		on_done(reader, data);
	} else if (str_eq(name, "error")) {
		on_error(reader, data);
	} else {
		on_other(reader, name, data);
	}
}

/* The value of "name: value", or NULL when the line has another name. */
static const char *field(const char *line, const char *name)
{
	size_t n = strlen(name);

	if (strncmp(line, name, n) != 0 || line[n] != ':')
		return NULL;
	return line + n + (line[n + 1] == ' ' ? 2 : 1);
}

static void custom_line(struct agent_reader *reader, const char *line, size_t len)
{
	const char *name = field(line, "event");
	const char *data = field(line, "data");

	if (name) {
		if (!str_copy(reader->frame, sizeof reader->frame, name))
			reader->frame[0] = '\0';
	} else if (data && reader->frame[0]) {
		CLEANUP(json)
		json_t *json = reader_parse(data, len - (size_t)(data - line));
		if (json)
			on_frame(reader, reader->frame, json);
	} else if (len == 0) {
		reader->frame[0] = '\0';
	}
}

static int custom_finish(
	const struct agent_reader *reader, int exit_code, struct err *err)
{
	if (reader->end == AGENT_ENDED_WELL)
		return 0;
	if (reader->end == AGENT_ENDED_BADLY)
		return err_set(err, reader->reason_kind, "the agent reported: %s",
			strbuf_str(&reader->reason));
	if (exit_code >= 128)
		return err_set(err, ERR_TRANSIENT, "the agent was ended by signal %d",
			exit_code - 128);
	if (exit_code < 0)
		return err_set(err, ERR_TRANSIENT, "the agent was lost with its box");
	if (exit_code == 127)
		return err_set(
			err, ERR_INPUT, "the agent's command was not found in the box");
	return err_set(err, ERR_INTERNAL,
		"the agent ended (exit %d) without a `done` or `error` event: %s",
		exit_code, reader_last_words(reader));
}

const struct harness harness_custom = {
	.name = "custom",
	.provider = "",
	.program = NULL,
	.plan = custom_plan,
	.line = custom_line,
	.finish = custom_finish,
};
