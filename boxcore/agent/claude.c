/* SPDX-License-Identifier: MIT */
/* Claude Code: `claude -p` with one JSON object a line. */
#include "boxcore/agent/impl.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdlib.h>
#include <string.h>

/* ---- the command ----------------------------------------------------------------------- */

static void add_environment(const struct agent_request *request, struct agent_plan *plan)
{
	CLEANUP(mem)
	char *url = mem_printf("http://127.0.0.1:%u", (unsigned)request->relay_port);
	CLEANUP(mem)
	char *config = mem_printf("%s/.boxwright/claude", plan_home(request));

	plan_env(plan, "ANTHROPIC_BASE_URL", url);
	/* Not a key: the relay adds the real one outside the box. */
	plan_env(plan, "ANTHROPIC_API_KEY", "the-relay-adds-the-key");
	plan_env(plan, "CLAUDE_CONFIG_DIR", config);
	plan_env(plan, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
	plan_env(plan, "DISABLE_AUTOUPDATER", "1");
	/* The default of 10 takes three minutes to admit that a key is wrong. */
	plan_env(plan, "CLAUDE_CODE_MAX_RETRIES", "2");
	plan_file(plan, mem_printf("%s/settings.json", config), 0600,
		"{\"includeCoAuthoredBy\":false}\n",
		strlen("{\"includeCoAuthoredBy\":false}\n"));
}

static void add_prompt(const struct agent_request *request, struct agent_plan *plan)
{
	/* A leading slash would be one of the program's own commands. */
	CLEANUP(mem)
	char *prompt =
		mem_printf("%s%s", request->prompt[0] == '/' ? " " : "", request->prompt);

	if (strlen(prompt) > LIMIT_AGENT_ARG) {
		plan_input(plan, prompt);
		return;
	}
	plan_arg(plan, "--");
	plan_arg(plan, prompt);
}

/* thinking: {type: "adaptive"|"enabled"|"disabled", budgetTokens?} */
static int add_thinking(const json_t *options, struct agent_plan *plan, struct err *err)
{
	const json_t *thinking = option_get(options, "thinking");
	const char *type = NULL;
	double tokens = 0;
	char number[32];

	if (!thinking)
		return 0;
	if (!json_is_object(thinking))
		return err_set(
			err, ERR_INPUT, "agent option `thinking` must be an object");
	if (option_word(thinking, "type", &type, err) < 0 ||
		option_number(thinking, "budgetTokens", 0, 1e6, &tokens, err) < 0)
		return err_wrap(err, "agent option `thinking`");
	if (str_eq(type, "disabled"))
		tokens = 0;
	else if (tokens == 0)
		return 0; /* the program's own measure */
	snprintf(number, sizeof number, "%.0f", tokens);
	plan_env(plan, "MAX_THINKING_TOKENS", number);
	return 0;
}

/* systemPrompt: a text in place of the program's own, or {append} beside it. */
static int add_system_prompt(
	const struct agent_request *request, struct agent_plan *plan, struct err *err)
{
	const json_t *option = option_get(request->options, "systemPrompt");
	CLEANUP(mem) char *instructions = plan_instructions(request);
	const char *own = NULL, *more = NULL;

	if (json_is_object(option)) {
		if (option_text(option, "append", &more, err) < 0)
			return err_wrap(err, "agent option `systemPrompt`");
	} else if (option_text(request->options, "systemPrompt", &own, err) < 0) {
		return -1;
	}
	plan_option(plan, "--system-prompt", own);
	if (instructions && more) {
		CLEANUP(mem) char *both = mem_printf("%s\n\n%s", instructions, more);
		if (strlen(both) > LIMIT_AGENT_ARG)
			return err_set(err, ERR_LIMIT,
				"agent option `systemPrompt` and the instructions "
				"together are longer than %lu bytes",
				LIMIT_AGENT_ARG);
		plan_option(plan, "--append-system-prompt", both);
	} else {
		plan_option(plan, "--append-system-prompt",
			instructions ? instructions : more);
	}
	return 0;
}

/* The request's own limit and the option: the smaller counts. */
static double smaller(double a, double b)
{
	return a <= 0 ? b : b <= 0 ? a : a < b ? a : b;
}

static int add_limits(
	const struct agent_request *request, struct agent_plan *plan, struct err *err)
{
	double turns = 0, money = 0;
	char number[64];

	if (option_number(request->options, "maxTurns", 1, 1e6, &turns, err) < 0 ||
		option_number(request->options, "maxBudgetUsd", 1e-6, 1e6, &money, err) <
			0)
		return -1;
	turns = smaller(request->max_turns, turns);
	money = smaller(request->max_cost_usd, money);
	if (turns > 0) {
		snprintf(number, sizeof number, "%.0f", turns);
		plan_option(plan, "--max-turns", number);
	}
	if (money > 0) {
		snprintf(number, sizeof number, "%.4f", money);
		plan_option(plan, "--max-budget-usd", number);
	}
	return 0;
}

static int add_options(
	const struct agent_request *request, struct agent_plan *plan, struct err *err)
{
	CLEANUP(strbuf) struct strbuf tools = STRBUF_INIT(LIMIT_AGENT_EVENT);
	CLEANUP(strbuf) struct strbuf agents = STRBUF_INIT(LIMIT_AGENT_ARG);
	const json_t *options = request->options;
	const char *effort = NULL, *fallback = NULL;

	if (option_word(options, "effort", &effort, err) < 0 ||
		option_word(options, "fallbackModel", &fallback, err) < 0 ||
		option_words(options, "disallowedTools", &tools, err) < 0 ||
		option_object(options, "agents", &agents, err) < 0 ||
		add_thinking(options, plan, err) < 0)
		return -1;
	plan_option(plan, "--effort", effort);
	plan_option(plan, "--fallback-model", fallback);
	plan_option(plan, "--agents", strbuf_str(&agents));
	/* One argument: the flag would take those behind it, too. */
	if (tools.len > 0) {
		CLEANUP(mem)
		char *flag = mem_printf("--disallowedTools=%s", strbuf_str(&tools));
		plan_arg(plan, flag);
	}
	plan_option(plan, "--json-schema", request->json_schema);
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
	char *path = mem_printf("%s/.boxwright/claude/mcp.json", plan_home(request));
	CLEANUP(mem) char *flag = mem_printf("--mcp-config=%s", path);
	plan_arg(plan, flag);
	/* It would begin without a server that takes more than five seconds, as one does
	 * that npx has to fetch first. */
	plan_env(plan, "MCP_CONNECTION_NONBLOCKING", "0");
	plan_env(plan, "MCP_CONNECT_TIMEOUT_MS", "60000");
	plan_env(plan, "MCP_TIMEOUT", "60000");
	return plan_json_file(plan, path, mcp_common(servers, count), err);
}

static int claude_plan(
	const struct agent_request *request, struct agent_plan *plan, struct err *err)
{
	static const char *const fixed[] = {"claude", "-p", "--output-format",
		"stream-json", "--verbose", "--permission-mode", "bypassPermissions",
		/* Settings, hooks, servers and even CLAUDE.md of the repository are
		 * code of whoever wrote them: none of them is read. */
		"--setting-sources", "user", "--strict-mcp-config"};

	if (request->relay_port == 0)
		return err_set(err, ERR_INPUT, "agent: no port of the relay was given");
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		plan_arg(plan, fixed[i]);
	plan_option(plan, "--resume", request->session_id);
	plan_option(plan, "--model", request->model);
	add_environment(request, plan);
	if (add_system_prompt(request, plan, err) < 0 ||
		add_limits(request, plan, err) < 0 ||
		add_options(request, plan, err) < 0 ||
		add_servers(request, plan, err) < 0)
		return -1;
	add_prompt(request, plan);
	return 0;
}

/* ---- the lines ------------------------------------------------------------------------- */

static void on_system(struct agent_reader *reader, const json_t *line)
{
	const char *subtype = json_or_string(line, "subtype", "");

	if (str_eq(subtype, "init")) {
		reader_set_session(reader, json_or_string(line, "session_id", ""));
		reader_say(reader, AGENT_START, json_or_string(line, "model", ""), false);
	} else if (str_eq(subtype, "api_retry")) {
		CLEANUP(mem)
		char *text = mem_printf("model call failed (%lld %s), try %lld of %lld",
			(long long)json_or_int(line, "error_status", 0),
			json_or_string(line, "error", ""),
			(long long)json_or_int(line, "attempt", 0),
			(long long)json_or_int(line, "max_retries", 0));
		reader_say(reader, AGENT_NOTICE, text, true);
	}
}

static void say_nested(struct agent_reader *reader, enum agent_event_kind kind,
	const json_t *text, bool nested)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_AGENT_EVENT);

	reader_json_text(&clean, text);
	if (clean.len == 0)
		return;
	struct agent_event event = {
		.kind = kind, .text = strbuf_str(&clean), .nested = nested};
	reader_emit(reader, &event);
}

static void on_assistant(struct agent_reader *reader, const json_t *line)
{
	json_t *blocks = json_at(line, "message.content");
	bool nested = json_at(line, "parent_tool_use_id") != NULL;
	size_t i;
	json_t *block;

	/* Its own words about a failed call; the result line says the same. */
	if (str_eq(json_or_string(line, "message.model", ""), "<synthetic>"))
		return;
	json_array_foreach (blocks, i, block) {
		const char *type = json_or_string(block, "type", "");
		if (str_eq(type, "text"))
			say_nested(reader, AGENT_TEXT, json_at(block, "text"), nested);
		else if (str_eq(type, "thinking"))
			say_nested(reader, AGENT_THINKING, json_at(block, "thinking"),
				nested);
		else if (str_eq(type, "tool_use"))
			reader_tool(reader, json_or_string(block, "id", ""),
				json_or_string(block, "name", ""),
				json_at(block, "input"), nested);
	}
}

/* The content of a result is a string, or an array of blocks. */
static void result_text(struct strbuf *out, const json_t *content)
{
	size_t i;
	json_t *block;

	if (json_is_string(content)) {
		reader_json_text(out, content);
		return;
	}
	CLEANUP(strbuf) struct strbuf all = STRBUF_INIT(LIMIT_AGENT_LINE);
	json_array_foreach (content, i, block) {
		const json_t *text = json_at(block, "text");
		if (json_is_string(text))
			strbuf_add(
				&all, json_string_value(text), json_string_length(text));
	}
	reader_text(out, strbuf_str(&all), all.len);
}

static void on_user(struct agent_reader *reader, const json_t *line)
{
	json_t *blocks = json_at(line, "message.content");
	bool nested = json_at(line, "parent_tool_use_id") != NULL;
	size_t i;
	json_t *block;

	json_array_foreach (blocks, i, block) {
		if (!str_eq(json_or_string(block, "type", ""), "tool_result"))
			continue;
		CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_AGENT_EVENT);
		result_text(&text, json_at(block, "content"));
		reader_tool_result(reader, json_or_string(block, "tool_use_id", ""),
			strbuf_str(&text), json_or_bool(block, "is_error", false),
			nested);
	}
}

/* modelUsage holds all models of the process, usage only the main one's last turn. */
static void take_usage(struct agent_reader *reader, const json_t *line)
{
	json_t *models = json_at(line, "modelUsage");
	struct agent_usage *usage = &reader->usage;
	const char *name;
	json_t *model;

	*usage =
		(struct agent_usage){.cost_usd = json_or_real(line, "total_cost_usd", 0)};
	if (json_object_size(models) == 0) {
		usage->input_tokens = json_or_int(line, "usage.input_tokens", 0);
		usage->output_tokens = json_or_int(line, "usage.output_tokens", 0);
		usage->cached_tokens =
			json_or_int(line, "usage.cache_read_input_tokens", 0);
		usage->cache_write_tokens =
			json_or_int(line, "usage.cache_creation_input_tokens", 0);
		return;
	}
	json_object_foreach (models, name, model) {
		usage->input_tokens += json_or_int(model, "inputTokens", 0);
		usage->output_tokens += json_or_int(model, "outputTokens", 0);
		usage->cached_tokens += json_or_int(model, "cacheReadInputTokens", 0);
		usage->cache_write_tokens +=
			json_or_int(model, "cacheCreationInputTokens", 0);
	}
}

/* Why a result is an error.  `subtype` is "success" even then, so it is asked last. */
static void take_reason(struct agent_reader *reader, const json_t *line)
{
	const char *subtype = json_or_string(line, "subtype", "");
	const json_t *first = json_array_get(json_at(line, "errors"), 0);
	const char *text = json_or_string(line, "result", "");
	enum err_kind kind =
		reader_status_kind((int)json_or_int(line, "api_error_status", 0));

	if (str_empty(text) && json_is_string(first))
		text = json_string_value(first);
	if (str_starts(subtype, "error_max_"))
		kind = ERR_LIMIT;
	else if (str_eq(json_or_string(line, "stop_reason", ""), "refusal"))
		kind = ERR_INPUT;
	else if (str_starts(json_or_string(line, "terminal_reason", ""), "aborted"))
		text = "it was interrupted";
	else if (str_eq(subtype, "error_during_execution") &&
		 json_or_int(line, "num_turns", 1) == 0)
		kind = ERR_INPUT; /* a session that is not there */
	else if (strstr(text, "Please run /login"))
		kind = ERR_DENIED;
	reader_set_reason(reader, kind, str_empty(text) ? subtype : text);
}

/* What was asked for by --json-schema, as it was checked; else the text. */
static void set_answer(struct agent_reader *reader, const json_t *line)
{
	const json_t *structured = json_at(line, "structured_output");
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_AGENT_EVENT);
	struct err ignored = {0};

	if (structured && !json_is_null(structured) &&
		json_print(&text, structured, &ignored) == 0)
		reader_set_answer(reader, strbuf_str(&text));
	else
		reader_set_answer(reader, json_or_string(line, "result", ""));
}

static void on_result(struct agent_reader *reader, const json_t *line)
{
	take_usage(reader, line);
	reader->turns = (int)json_or_int(line, "num_turns", 0);
	reader_set_session(reader, json_or_string(line, "session_id", ""));
	if (json_or_bool(line, "is_error", true)) {
		take_reason(reader, line);
		reader_end(reader, AGENT_ENDED_BADLY);
		return;
	}
	set_answer(reader, line);
	reader_end(reader, AGENT_ENDED_WELL);
}

static void claude_line(struct agent_reader *reader, const char *text, size_t len)
{
	CLEANUP(json) json_t *line = reader_parse(text, len);
	const char *type = json_or_string(line, "type", "");

	if (str_eq(type, "system"))
		on_system(reader, line);
	else if (str_eq(type, "assistant"))
		on_assistant(reader, line);
	else if (str_eq(type, "user"))
		on_user(reader, line);
	else if (str_eq(type, "result"))
		on_result(reader, line);
}

/* A result line that is no error, and exit 0: an interrupt, too, exits with 0. */
static int claude_finish(
	const struct agent_reader *reader, int exit_code, struct err *err)
{
	if (reader->end == AGENT_ENDED_BADLY)
		return err_set(err, reader->reason_kind, "Claude Code: %s",
			strbuf_str(&reader->reason));
	if (reader->end == AGENT_OPEN || exit_code < 0 || exit_code >= 128)
		return reader_no_result(reader, "Claude Code", exit_code, err);
	if (exit_code != 0)
		return err_set(
			err, ERR_INTERNAL, "Claude Code ended with exit %d", exit_code);
	return 0;
}

const struct harness harness_claude = {
	.name = "claude-code",
	.provider = "anthropic",
	.program = "claude",
	.plan = claude_plan,
	.line = claude_line,
	.finish = claude_finish,
};
