/* SPDX-License-Identifier: MIT */
/* The table of harnesses and what is common to their plans. */
#include "boxcore/agent/harness.h"

#include "boxcore/agent/impl.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <string.h>

static const struct harness *const harnesses[] = {
	&harness_claude,
	&harness_codex,
	&harness_opencode,
	&harness_custom,
};

const struct harness *harness_at(size_t i)
{
	return i < ARRAY_LEN(harnesses) ? harnesses[i] : NULL;
}

const struct harness *harness_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(harnesses); i++) {
		if (str_eq(harnesses[i]->name, name))
			return harnesses[i];
	}
	return NULL;
}

const char *harness_name(const struct harness *harness)
{
	return harness->name;
}

const char *harness_provider(const struct harness *harness)
{
	return harness->provider;
}

const char *harness_program(const struct harness *harness)
{
	return harness->program;
}

static int check_path(const char *what, const char *path, struct err *err)
{
	if (!path || path[0] != '/')
		return err_set(err, ERR_INPUT, "agent: %s is not an absolute path", what);
	if (strlen(path) > LIMIT_PATH)
		return err_set(err, ERR_LIMIT, "agent: %s is longer than %d bytes", what,
			LIMIT_PATH);
	return 0;
}

static int check_word(const char *what, const char *word, struct err *err)
{
	if (!word)
		return 0;
	/* These become arguments: one that begins with a dash would be an option. */
	if (word[0] == '-')
		return err_set(err, ERR_INPUT, "agent: %s begins with a dash", what);
	if (strlen(word) > 127)
		return err_set(
			err, ERR_LIMIT, "agent: %s is longer than 127 bytes", what);
	for (const char *p = word; *p; p++) {
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
			return err_set(err, ERR_INPUT,
				"agent: %s holds a character that is not allowed", what);
	}
	return 0;
}

static int check_request(const struct agent_request *request, struct err *err)
{
	if (str_empty(request->prompt))
		return err_set(err, ERR_INPUT, "agent: the prompt is empty");
	if (strlen(request->prompt) > LIMIT_PROMPT)
		return err_set(err, ERR_LIMIT,
			"agent: the prompt is longer than %lu bytes", LIMIT_PROMPT);
	if (!str_is_utf8(request->prompt, strlen(request->prompt)))
		return err_set(err, ERR_INPUT, "agent: the prompt is not UTF-8");
	if (check_path("folder", request->folder, err) < 0 ||
		check_path("home", plan_home(request), err) < 0 ||
		check_word("model", request->model, err) < 0 ||
		check_word("session id", request->session_id, err) < 0)
		return -1;
	if (request->json_schema && strlen(request->json_schema) > LIMIT_AGENT_SCHEMA)
		return err_set(err, ERR_LIMIT,
			"agent: the JSON Schema is longer than %lu bytes",
			LIMIT_AGENT_SCHEMA);
	if (request->options && !json_is_object(request->options))
		return err_set(err, ERR_INPUT, "agent options must be an object");
	for (const char *const *env = request->env; env && *env; env++) {
		if (!strchr(*env, '=') || (*env)[0] == '=')
			return err_set(
				err, ERR_INPUT, "agent: env holds an entry without name");
	}
	return 0;
}

static void add_request_env(struct agent_plan *plan, const struct agent_request *request)
{
	for (const char *const *env = request->env; env && *env; env++) {
		CLEANUP(mem)
		char *name = mem_strndup(*env, (size_t)(strchr(*env, '=') - *env));
		plan_env(plan, name, strchr(*env, '=') + 1);
	}
}

int harness_plan(const struct harness *harness, const struct agent_request *request,
	struct agent_plan *ret_plan, struct err *err)
{
	CLEANUP(agent_plan) struct agent_plan plan = {0};

	if (check_request(request, err) < 0)
		return -1;
	plan.cwd = mem_strdup(request->folder);
	/* An agent must never wait for a password, nor for an editor. */
	plan_env(&plan, "GIT_TERMINAL_PROMPT", "0");
	plan_env(&plan, "GIT_EDITOR", "true");
	if (harness->plan(request, &plan, err) < 0)
		return -1;
	add_request_env(&plan, request);
	*ret_plan = plan;
	plan = (struct agent_plan){0};
	return 0;
}

int harness_check(const struct harness *harness, const json_t *options, const json_t *mcp,
	struct err *err)
{
	static const char *const command[] = {"agent", NULL};
	CLEANUP(agent_plan) struct agent_plan plan = {0};
	struct agent_request request = {.prompt = "check",
		.model = "model",
		.folder = "/",
		.relay_port = 1,
		.command = command,
		.options = options,
		.mcp = mcp};

	return harness_plan(harness, &request, &plan, err);
}

int harness_check_command(const char *command, struct err *err)
{
	static const char *const roots[] = {
		"/workspace/home/", "/home/boxuser/", "/work/"};

	if (str_empty(command) || strlen(command) >= LIMIT_PATH)
		return err_set(err, ERR_INPUT,
			"the harness's command must have 1 to %d bytes", LIMIT_PATH - 1);
	if (command[0] != '-' && !strchr(command, '/'))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
		if (str_starts(command, roots[i]) && !strstr(command, "/../") &&
			!str_ends(command, "/..") && !str_ends(command, "/"))
			return 0;
	}
	return err_set(err, ERR_INPUT,
		"the harness's command `%.100s` is neither a name to be found in PATH "
		"nor a "
		"file below /workspace/home or /home/boxuser",
		command);
}
