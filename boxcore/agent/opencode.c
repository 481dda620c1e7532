/* SPDX-License-Identifier: MIT */
/* OpenCode: `opencode run --format json`, configured by a file that is written anew for each
 * run. */
#include "boxcore/agent/impl.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdlib.h>
#include <string.h>

#define DUMMY_KEY "the-relay-adds-the-key" /* outside the box */

/* ---- the command ----------------------------------------------------------------------- */

/* "anthropic/claude-x", "openai/gpt-y", "opencode/z" or a bare name: the API it is reached
 * by, and the name that the API knows. */
struct model {
	const char *name;
	bool anthropic;
};

static int read_model(
	const struct agent_request *request, struct model *model, struct err *err)
{
	static const char *const prefixes[] = {"opencode/", "anthropic/", "openai/"};
	const char *name = request->model;

	if (str_empty(name))
		return err_set(err, ERR_INPUT, "agent: OpenCode needs a model");
	*model = (struct model){.anthropic = str_starts(name, "anthropic/")};
	bool named = model->anthropic || str_starts(name, "openai/");
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		if (str_starts(name, prefixes[i])) {
			name += strlen(prefixes[i]);
			break;
		}
	}
	if (str_empty(name))
		return err_set(err, ERR_INPUT, "agent: the model `%s` has no name",
			request->model);
	model->name = name;
	if (request->provider)
		model->anthropic = str_eq(request->provider, "anthropic");
	else if (!named)
		model->anthropic = str_starts(name, "claude");
	return 0;
}

static int model_options(const json_t *options, json_t *out, struct err *err)
{
	static const char *const words[] = {
		"reasoningEffort", "textVerbosity", "reasoningSummary"};
	const json_t *thinking = option_get(options, "thinking");
	const char *word = NULL;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (option_word(options, words[i], &word, err) < 0)
			return -1;
		if (word)
			json_put(out, words[i], json_str(word));
	}
	if (!thinking)
		return 0;
	if (!json_is_object(thinking))
		return err_set(
			err, ERR_INPUT, "agent option `thinking` must be an object");
	json_put(out, "thinking", json_deep_copy(thinking));
	return 0;
}

static int add_provider(json_t *config, const struct agent_request *request,
	const struct model *model, struct err *err)
{
	json_t *providers = json_object(), *relay = json_object();
	json_t *reach = json_object(), *models = json_object(), *one = json_object();
	json_t *options = json_object();
	CLEANUP(mem)
	char *url = mem_printf("http://127.0.0.1:%u/v1", (unsigned)request->relay_port);
	CLEANUP(mem) char *full = mem_printf("relay/%s", model->name);

	json_put(config, "provider", providers);
	json_put(providers, "relay", relay);
	json_put(relay, "npm",
		json_str(model->anthropic ? "@ai-sdk/anthropic" : "@ai-sdk/openai"));
	json_put(relay, "name", json_str("relay"));
	json_put(relay, "options", reach);
	json_put(reach, "baseURL", json_str(url));
	json_put(reach, "apiKey", json_str(DUMMY_KEY));
	json_put(relay, "models", models);
	json_put(models, model->name, one);
	json_put(one, "name", json_str(model->name));
	json_put(one, "options", options);
	json_put(config, "model", json_str(full));
	json_put(config, "small_model", json_str(full));
	return model_options(request->options, options, err);
}

static int add_servers(
	json_t *config, const struct agent_request *request, struct err *err)
{
	CLEANUP(mem) struct mcp_server *servers = NULL;
	size_t count = 0;

	if (mcp_read(request->mcp, &servers, &count, err) < 0)
		return -1;
	json_t *all = json_object();
	json_put(config, "mcp", all);
	for (size_t i = 0; i < count; i++) {
		json_t *one = json_object();

		if (servers[i].local) {
			json_t *command = mcp_command(&servers[i]);
			json_array_insert_new(command, 0, json_str("npx"));
			json_put(one, "type", json_str("local"));
			json_put(one, "command", command);
		} else {
			json_put(one, "type", json_str("remote"));
			json_put(one, "url", json_str(servers[i].target));
			json_put(one, "headers", mcp_headers(&servers[i]));
		}
		json_put(one, "enabled", json_true());
		json_put(all, servers[i].name, one);
	}
	return 0;
}

static int add_config(const struct agent_request *request, const struct model *model,
	struct agent_plan *plan, struct err *err)
{
	CLEANUP(mem)
	char *folder = mem_printf("%s/.boxwright/opencode", plan_home(request));
	CLEANUP(mem) char *instructions = plan_instructions(request);
	CLEANUP(json) json_t *config = json_object();
	char *path = mem_printf("%s/opencode.json", folder);

	plan_env(plan, "OPENCODE_CONFIG", path);
	json_put(config, "share", json_str("disabled"));
	json_put(config, "autoupdate", json_false());
	json_put(config, "permission", json_str("allow")); /* the box is the sandbox */
	if (instructions) {
		char *text = mem_printf("%s/instructions.md", folder);
		json_t *list = json_array();
		json_array_append_new(list, json_str(text));
		json_put(config, "instructions", list);
		plan_file(plan, text, 0600, instructions, strlen(instructions));
	}
	if (add_provider(config, request, model, err) < 0 ||
		add_servers(config, request, err) < 0) {
		free(path);
		return -1;
	}
	return plan_json_file(plan, path, TAKE(config), err);
}

static void add_environment(struct agent_plan *plan)
{
	static const char *const on[] = {
		/* Configuration, commands, plugins and rules of the repository are code of
		 * whoever wrote them: none of them is read. */
		"OPENCODE_DISABLE_PROJECT_CONFIG", "OPENCODE_DISABLE_CLAUDE_CODE",
		"OPENCODE_DISABLE_EXTERNAL_SKILLS", "OPENCODE_PURE",
		/* No other host than the relay. */
		"OPENCODE_DISABLE_MODELS_FETCH", "OPENCODE_DISABLE_AUTOUPDATE",
		"OPENCODE_DISABLE_SHARE", "OPENCODE_DISABLE_LSP_DOWNLOAD"};

	for (size_t i = 0; i < ARRAY_LEN(on); i++)
		plan_env(plan, on[i], "1");
}

static int opencode_plan(
	const struct agent_request *request, struct agent_plan *plan, struct err *err)
{
	static const char *const fixed[] = {"opencode", "run", "--format", "json",
		"--thinking",
		/* Else a title is asked of the model, which costs. */
		"--title", "box"};
	struct model model = {0};

	if (request->relay_port == 0)
		return err_set(err, ERR_INPUT, "agent: no port of the relay was given");
	if (read_model(request, &model, err) < 0)
		return -1;
	CLEANUP(mem) char *full = mem_printf("relay/%s", model.name);
	CLEANUP(mem) char *prompt = plan_prompt(request);
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		plan_arg(plan, fixed[i]);
	plan_option(plan, "--model", full);
	plan_option(plan, "--session", request->session_id);
	add_environment(plan);
	if (add_config(request, &model, plan, err) < 0)
		return -1;
	/* Without an argument it takes all of stdin. */
	if (strlen(prompt) > LIMIT_AGENT_ARG) {
		plan_input(plan, prompt);
		return 0;
	}
	plan_arg(plan, "--");
	plan_arg(plan, prompt);
	return 0;
}

/* ---- the lines ------------------------------------------------------------------------- */

static void start(struct agent_reader *reader, const json_t *line)
{
	reader_set_session(reader, json_or_string(line, "sessionID", ""));
	if (reader->started)
		return;
	reader->started = true;
	reader_say(reader, AGENT_START, "", false);
}

static void say(
	struct agent_reader *reader, enum agent_event_kind kind, const json_t *text)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_AGENT_EVENT);

	reader_json_text(&clean, text);
	if (clean.len == 0)
		return;
	if (kind == AGENT_TEXT) /* the last text is the answer */
		reader_set_answer(reader, strbuf_str(&clean));
	reader_say(reader, kind, strbuf_str(&clean), false);
}

/* A call and its result come in one line, when it has ended. */
static void on_tool(struct agent_reader *reader, const json_t *part)
{
	const char *id = json_or_string(part, "callID", "");
	bool failed = str_eq(json_or_string(part, "state.status", ""), "error");
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_AGENT_EVENT);

	reader_tool(reader, id, json_or_string(part, "tool", ""),
		json_at(part, "state.input"), false);
	reader_json_text(&text, json_at(part, failed ? "state.error" : "state.output"));
	reader_tool_result(reader, id, strbuf_str(&text), failed, false);
}

static void on_step_finish(struct agent_reader *reader, const json_t *part)
{
	struct agent_usage *usage = &reader->usage;

	usage->input_tokens += json_or_int(part, "tokens.input", 0);
	usage->output_tokens += json_or_int(part, "tokens.output", 0) +
				json_or_int(part, "tokens.reasoning", 0);
	usage->cached_tokens += json_or_int(part, "tokens.cache.read", 0);
	usage->cache_write_tokens += json_or_int(part, "tokens.cache.write", 0);
	usage->cost_usd += json_or_real(part, "cost", 0);
	reader->turns++;
	/* There is no last line of its own: a step that called no tool is the last. */
	if (str_eq(json_or_string(part, "reason", ""), "tool-calls"))
		reader_say(reader, AGENT_USAGE, "", false);
	else
		reader_end(reader, AGENT_ENDED_WELL);
}

static void on_error(struct agent_reader *reader, const json_t *line)
{
	const char *name = json_or_string(line, "error.name", "");
	const char *text = json_or_string(line, "error.data.message", "");
	enum err_kind kind =
		reader_status_kind((int)json_or_int(line, "error.data.statusCode", 0));

	if (str_eq(name, "ProviderAuthError"))
		kind = ERR_DENIED;
	else if (str_eq(name, "MessageOutputLengthError") ||
		 str_eq(name, "ContextOverflowError"))
		kind = ERR_LIMIT;
	else if (str_starts(text, "Model not found") ||
		 str_starts(text, "Session not found"))
		kind = ERR_INPUT;
	if (str_empty(text))
		text = str_empty(name) ? "it gave up without a reason" : name;
	reader_set_reason(reader, kind, text);
	reader_end(reader, AGENT_ENDED_BADLY);
}

static void opencode_line(struct agent_reader *reader, const char *text, size_t len)
{
	CLEANUP(json) json_t *line = reader_parse(text, len);
	const char *type = json_or_string(line, "type", "");
	const json_t *part = json_at(line, "part");

	if (!line)
		return;
	start(reader, line);
	if (str_eq(type, "text"))
		say(reader, AGENT_TEXT, json_at(part, "text"));
	else if (str_eq(type, "reasoning"))
		say(reader, AGENT_THINKING, json_at(part, "text"));
	else if (str_eq(type, "tool_use"))
		on_tool(reader, part);
	else if (str_eq(type, "step_finish"))
		on_step_finish(reader, part);
	else if (str_eq(type, "error"))
		on_error(reader, line);
}

static int opencode_finish(
	const struct agent_reader *reader, int exit_code, struct err *err)
{
	if (reader->end == AGENT_ENDED_BADLY)
		return err_set(err, reader->reason_kind, "OpenCode: %s",
			strbuf_str(&reader->reason));
	if (reader->end == AGENT_ENDED_WELL && exit_code == 0)
		return 0;
	return reader_no_result(reader, "OpenCode", exit_code, err);
}

const struct harness harness_opencode = {
	.name = "opencode",
	.provider = "",
	.program = "opencode",
	.plan = opencode_plan,
	.line = opencode_line,
	.finish = opencode_finish,
};
