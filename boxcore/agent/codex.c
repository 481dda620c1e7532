/* SPDX-License-Identifier: MIT */
/* Codex: `codex exec --json`, configured by a file that is written anew for each run. */
#include "boxcore/agent/impl.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdlib.h>
#include <string.h>

/* ---- the command ----------------------------------------------------------------------- */

/* A basic string of TOML. */
static void toml_string(struct strbuf *out, const char *text)
{
	strbuf_addc(out, '"');
	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;
		if (c == '"' || c == '\\')
			strbuf_addf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			strbuf_addf(out, "\\u%04X", c);
		else
			strbuf_addc(out, *p);
	}
	strbuf_addc(out, '"');
}

static void toml_line(struct strbuf *out, const char *key, const char *value)
{
	if (str_empty(value))
		return;
	strbuf_adds(out, key);
	strbuf_adds(out, " = ");
	toml_string(out, value);
	strbuf_addc(out, '\n');
}

/* web_search: "disabled", "cached" or "live"; true is live. */
static int web_search(const json_t *options, const char **ret_word, struct err *err)
{
	const json_t *value = option_get(options, "web_search");

	*ret_word = json_is_true(value) ? "live" : "disabled";
	if (!value || json_is_boolean(value))
		return 0;
	return option_word(options, "web_search", ret_word, err);
}

static int write_options(
	struct strbuf *out, const struct agent_request *request, struct err *err)
{
	static const char *const keys[] = {
		"model_reasoning_effort", "model_reasoning_summary", "personality"};
	const char *word = NULL;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (option_word(request->options, keys[i], &word, err) < 0)
			return -1;
		toml_line(out, keys[i], word);
	}
	if (web_search(request->options, &word, err) < 0)
		return -1;
	toml_line(out, "web_search", word);
	return 0;
}

static void write_server(struct strbuf *out, const struct mcp_server *server)
{
	CLEANUP(json) json_t *args = mcp_command(server);
	CLEANUP(json) json_t *headers = mcp_headers(server);
	const char *name = NULL;
	json_t *value = NULL;
	size_t i = 0;

	strbuf_addf(
		out, "\n[mcp_servers.%s]\n", server->name); /* its letters are checked */
	if (server->local) {
		strbuf_adds(out, "command = \"npx\"\nargs = [");
		json_array_foreach (args, i, value) {
			strbuf_adds(out, i ? ", " : "");
			toml_string(out, json_string_value(value));
		}
		strbuf_adds(out, "]\nstartup_timeout_sec = 60\n"); /* npx may fetch it */
		return;
	}
	toml_line(out, "url", server->target);
	strbuf_adds(out, "http_headers = {");
	json_object_foreach (headers, name, value) {
		strbuf_adds(out, i++ ? ", " : " ");
		toml_string(out, name);
		strbuf_adds(out, " = ");
		toml_string(out, json_string_value(value));
	}
	strbuf_adds(out, " }\n");
}

static int write_servers(
	struct strbuf *out, const struct agent_request *request, struct err *err)
{
	CLEANUP(mem) struct mcp_server *servers = NULL;
	size_t count = 0;

	if (mcp_read(request->mcp, &servers, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		write_server(out, &servers[i]);
	return 0;
}

static int write_config(
	struct strbuf *out, const struct agent_request *request, struct err *err)
{
	CLEANUP(mem) char *instructions = plan_instructions(request);

	toml_line(out, "model", request->model);
	toml_line(out, "developer_instructions", instructions);
	/* The box is the sandbox; Codex's own cannot work inside one. */
	strbuf_adds(out, "model_provider = \"relay\"\n"
			 "approval_policy = \"never\"\n"
			 "sandbox_mode = \"danger-full-access\"\n"
			 "check_for_update_on_startup = false\n");
	if (write_options(out, request, err) < 0)
		return -1;
	/* Each of these would call a host of its own, or wait without limit. */
	strbuf_adds(out, "\n[analytics]\nenabled = false\n"
			 "\n[features]\nplugins = false\napps = false\n"
			 "unbounded_connection_retries = false\n");
	strbuf_addf(out,
		"\n[model_providers.relay]\nname = \"relay\"\n"
		"base_url = \"http://127.0.0.1:%u/v1\"\nwire_api = \"responses\"\n"
		"env_key = \"RELAY_KEY\"\nrequest_max_retries = 2\n"
		"stream_max_retries = 2\nstream_idle_timeout_ms = 300000\n",
		(unsigned)request->relay_port);
	/* A trusted project's .codex folder would be obeyed. */
	strbuf_adds(out, "\n[projects.");
	toml_string(out, request->folder);
	strbuf_adds(out, "]\ntrust_level = \"untrusted\"\n");
	if (write_servers(out, request, err) < 0)
		return -1;
	return strbuf_check(out, "Codex's configuration", err);
}

static int codex_plan(
	const struct agent_request *request, struct agent_plan *plan, struct err *err)
{
	CLEANUP(mem) char *home = mem_printf("%s/.boxwright/codex", plan_home(request));
	CLEANUP(strbuf) struct strbuf config = STRBUF_INIT(LIMIT_AGENT_STATE);
	bool by_argument = strlen(request->prompt) <= LIMIT_AGENT_ARG;

	if (request->relay_port == 0)
		return err_set(err, ERR_INPUT, "agent: no port of the relay was given");
	plan_arg(plan, "codex");
	plan_arg(plan, "exec");
	if (!str_empty(request->json_schema)) {
		char *schema = mem_printf("%s/schema.json", home);
		plan_option(plan, "--output-schema", schema);
		plan_file(plan, schema, 0600, request->json_schema,
			strlen(request->json_schema));
	}
	if (request->session_id)
		plan_arg(plan, "resume");
	plan_arg(plan, "--json");
	plan_arg(plan, "--skip-git-repo-check");
	plan_arg(plan, "--");
	if (request->session_id)
		plan_arg(plan, request->session_id);
	plan_arg(plan, by_argument ? request->prompt : "-");
	if (!by_argument)
		plan_input(plan, request->prompt);
	plan_env(plan, "CODEX_HOME", home);
	/* Not a key: the relay adds the real one outside the box. */
	plan_env(plan, "RELAY_KEY", "the-relay-adds-the-key");
	if (write_config(&config, request, err) < 0)
		return -1;
	plan_file(plan, mem_printf("%s/config.toml", home), 0600, strbuf_str(&config),
		config.len);
	return 0;
}

/* ---- the lines ------------------------------------------------------------------------- */

/* A call whose input is one member of the item, which a hostile line may lack. */
static void tool_of_member(struct agent_reader *reader, const char *id, const char *tool,
	const json_t *item, const char *member)
{
	CLEANUP(json) json_t *input = json_object();
	json_t *value = json_object_get(item, member);

	if (value)
		json_put(input, member, json_incref(value));
	reader_tool(reader, id, tool, input, false);
}

static void on_item_started(struct agent_reader *reader, const json_t *item)
{
	const char *type = json_or_string(item, "type", "");
	const char *id = json_or_string(item, "id", "");

	if (str_eq(type, "command_execution")) {
		tool_of_member(reader, id, "command", item, "command");
	} else if (str_eq(type, "file_change")) {
		tool_of_member(reader, id, "file_change", item, "changes");
	} else if (str_eq(type, "mcp_tool_call")) {
		CLEANUP(mem)
		char *name = mem_printf("%s.%s", json_or_string(item, "server", ""),
			json_or_string(item, "tool", ""));
		reader_tool(reader, id, name, json_at(item, "arguments"), false);
	}
}

static void say_text(
	struct agent_reader *reader, enum agent_event_kind kind, const json_t *text)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_AGENT_EVENT);

	reader_json_text(&clean, text);
	if (clean.len == 0)
		return;
	if (kind == AGENT_TEXT)
		reader_set_answer(reader, strbuf_str(&clean));
	reader_say(reader, kind, strbuf_str(&clean), kind == AGENT_NOTICE);
}

static void on_item_completed(struct agent_reader *reader, const json_t *item)
{
	const char *type = json_or_string(item, "type", "");
	bool ok = str_eq(json_or_string(item, "status", ""), "completed");

	if (str_eq(type, "reasoning")) {
		say_text(reader, AGENT_THINKING, json_at(item, "text"));
	} else if (str_eq(type, "agent_message")) {
		say_text(reader, AGENT_TEXT, json_at(item, "text"));
	} else if (str_eq(type, "error")) {
		say_text(reader, AGENT_NOTICE, json_at(item, "message"));
	} else if (str_eq(type, "command_execution") || str_eq(type, "file_change") ||
		   str_eq(type, "mcp_tool_call")) {
		CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_AGENT_EVENT);
		const json_t *output = json_at(item, "aggregated_output");
		if (!output)
			output = json_array_get(json_at(item, "result.content"), 0);
		reader_json_text(
			&text, json_is_object(output) ? json_at(output, "text") : output);
		reader_tool_result(reader, json_or_string(item, "id", ""),
			strbuf_str(&text), !ok, false);
	}
}

/* Codex tells the HTTP status only inside a sentence. */
static enum err_kind reason_kind(const char *text)
{
	const char *status = strstr(text, "status ");
	int number = 0;

	if (strstr(text, "quota") || strstr(text, "context window") ||
		strstr(text, "budget"))
		return ERR_LIMIT;
	if (status)
		/* allowed: three digits at most */
		sscanf(status, "status %3d", &number);
	return reader_status_kind(number);
}

/* Of an answer with 400, which it does not try again, Codex prints the body alone. */
static void take_reason(struct agent_reader *reader, const char *text)
{
	CLEANUP(json) json_t *body = reader_parse(text, strlen(text));
	const char *message = json_or_string(body, "error.message", NULL);

	if (!message)
		reader_set_reason(reader, reason_kind(text), text);
	else if (reason_kind(message) == ERR_LIMIT)
		reader_set_reason(reader, ERR_LIMIT, message);
	else
		reader_set_reason(reader, ERR_INPUT, message);
}

/* Not below zero: the totals come from the box. */
static int64_t less(int64_t total, int64_t part)
{
	return total > part ? total - part : 0;
}

static void take_usage(struct agent_reader *reader, const json_t *line)
{
	int64_t cached = json_or_int(line, "usage.cached_input_tokens", 0);
	int64_t input = json_or_int(line, "usage.input_tokens", 0);

	reader->usage = (struct agent_usage){
		.input_tokens = less(less(input, cached), reader->earlier.input_tokens),
		.cached_tokens = less(cached, reader->earlier.cached_tokens),
		.output_tokens = less(json_or_int(line, "usage.output_tokens", 0),
			reader->earlier.output_tokens),
		.cache_write_tokens =
			less(json_or_int(line, "usage.cache_write_input_tokens", 0),
				reader->earlier.cache_write_tokens),
	};
}

static void codex_line(struct agent_reader *reader, const char *text, size_t len)
{
	CLEANUP(json) json_t *line = reader_parse(text, len);
	const char *type = json_or_string(line, "type", "");

	if (str_eq(type, "thread.started")) {
		reader_set_session(reader, json_or_string(line, "thread_id", ""));
		reader_say(reader, AGENT_START, "", false);
	} else if (str_eq(type, "item.started")) {
		on_item_started(reader, json_at(line, "item"));
	} else if (str_eq(type, "item.completed")) {
		on_item_completed(reader, json_at(line, "item"));
	} else if (str_eq(type, "error")) {
		take_reason(reader, json_or_string(line, "message", ""));
		say_text(reader, AGENT_NOTICE, json_at(line, "message"));
	} else if (str_eq(type, "turn.completed")) {
		take_usage(reader, line);
		reader_end(reader, AGENT_ENDED_WELL);
	} else if (str_eq(type, "turn.failed")) {
		take_reason(
			reader, json_or_string(line, "error.message", "the turn failed"));
		reader_end(reader, AGENT_ENDED_BADLY);
	}
}

static int codex_finish(const struct agent_reader *reader, int exit_code, struct err *err)
{
	if (reader->end == AGENT_ENDED_WELL)
		return 0;
	if (reader->end == AGENT_ENDED_BADLY)
		return err_set(err, reader->reason_kind, "Codex: %s",
			strbuf_str(&reader->reason));
	return reader_no_result(reader, "Codex", exit_code, err);
}

const struct harness harness_codex = {
	.name = "codex",
	.provider = "openai",
	.program = "codex",
	.plan = codex_plan,
	.line = codex_line,
	.finish = codex_finish,
};
