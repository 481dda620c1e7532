/* SPDX-License-Identifier: MIT */
/* The members of a box's description, one by one. */
#include "service/box/asked.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <string.h>

#define PROTOCOL "box-sse-v1"

/* ---- plain members --------------------------------------------------------------------- */

static bool has_control(const char *text, bool lines)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (lines && (c == '\n' || c == '\t' || c == '\r'))
			continue;
		if (c < ' ' || c == 127)
			return true;
	}
	return false;
}

static int check_text(
	const json_t *value, const char *member, size_t max, bool lines, struct err *err)
{
	const char *text = json_string_value(value);

	if (!text || strlen(text) != json_string_length(value) ||
		has_control(text, lines))
		return err_set(err, ERR_INPUT, "`%s` must be a text without %s", member,
			lines ? "control characters but line ends and tabs"
			      : "control characters");
	if (json_string_length(value) > max)
		return err_set(
			err, ERR_INPUT, "`%s` has more than %zu bytes", member, max);
	return 0;
}

static int read_text(const json_t *body, const char *member, size_t max, bool lines,
	char **ret, struct err *err)
{
	const json_t *value = json_object_get(body, member);

	if (!value || json_is_null(value))
		return 0;
	if (check_text(value, member, max, lines, err) < 0)
		return -1;
	free(*ret);
	*ret = mem_strdup(json_string_value(value));
	return 0;
}

int asked_text(
	const json_t *body, const char *member, size_t max, char **ret, struct err *err)
{
	return read_text(body, member, max, false, ret, err);
}

int asked_lines(
	const json_t *body, const char *member, size_t max, char **ret, struct err *err)
{
	return read_text(body, member, max, true, ret, err);
}

int asked_bool(const json_t *body, const char *member, bool *ret, struct err *err)
{
	const json_t *value = json_object_get(body, member);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_boolean(value))
		return err_set(err, ERR_INPUT, "`%s` must be true or false", member);
	*ret = json_is_true(value);
	return 0;
}

/* ---- labels and skills ----------------------------------------------------------------- */

int asked_label(const json_t *label, struct err *err)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789._:-";
	const char *text = json_string_value(label);
	size_t len = json_string_length(label);

	if (!text || len == 0 || len > LIMIT_BOX_LABEL || strspn(text, allowed) != len)
		return err_set(err, ERR_INPUT,
			"a label must have 1 to %d characters of A-Z, a-z, 0-9, '.', "
			"'_', "
			"':' and '-'",
			LIMIT_BOX_LABEL);
	return 0;
}

/* One part of owner/repo/skill. */
static bool is_part(const char *text, size_t len)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789._-";

	return len > 0 && len <= 100 && text[0] != '.' && text[0] != '-' &&
	       strspn(text, allowed) >= len;
}

int asked_skill(const char *skill, const char *member, struct err *err)
{
	const char *at = skill ? skill : "";
	int parts = 0;

	for (;;) {
		size_t len = strcspn(at, "/");

		if (!is_part(at, len))
			break;
		parts++;
		if (!at[len] && (parts == 2 || parts == 3))
			return 0;
		if (!at[len] || parts == 3)
			break;
		at += len + 1;
	}
	return err_set(err, ERR_INPUT,
		"`%s`: a skill must be owner/repo or owner/repo/skill", member);
}

/* ---- the agent ------------------------------------------------------------------------- */

const char *asked_harness(const char *model)
{
	static const struct {
		const char *prefix, *harness;
	} table[] = {
		{"custom/", "custom"},
		{"cursor/", "cursor"},
		{"vercel/openai/", "codex"},
		{"opencode/", "opencode"},
		{"openai/", "codex"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (str_starts(model, table[i].prefix))
			return table[i].harness;
	}
	return str_eq(model, "custom") ? "custom" : "claude-code";
}

static bool is_runner_command(const char *command)
{
	static const char *const homes[] = {
		"/workspace/home/", "/work/", "/home/boxuser/"};

	if (str_empty(command))
		return false;
	if (!strchr(command, '/'))
		return command[0] != '-' && !strpbrk(command, " \t'\"$&;|<>()`\\*?");
	if (strstr(command, "/../") || str_ends(command, "/..") || str_ends(command, "/"))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(homes); i++) {
		if (str_starts(command, homes[i]))
			return true;
	}
	return false;
}

static int check_words(const json_t *list, const char *member, struct err *err)
{
	if (!list || json_is_null(list))
		return 0;
	if (!json_is_array(list) || json_array_size(list) > LIMIT_BOX_ARGS)
		return err_set(err, ERR_INPUT, "`%s` must be a list of at most %d texts",
			member, LIMIT_BOX_ARGS);
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (check_text(json_array_get(list, i), member, LIMIT_PATH, true, err) <
			0)
			return -1;
	}
	return 0;
}

int asked_runner(const json_t *runner, char **ret_text, struct err *err)
{
	const json_t *args = json_object_get(runner, "args");
	const json_t *protocol = json_object_get(runner, "protocol");
	CLEANUP(json) json_t *kept = json_object();
	CLEANUP(mem) char *command = NULL;

	if (!json_is_object(runner))
		return err_set(err, ERR_INPUT, "`custom_runner` must be an object");
	if (asked_text(runner, "command", LIMIT_PATH, &command, err) < 0)
		return err_wrap(err, "`custom_runner`");
	if (!is_runner_command(command))
		return err_set(err, ERR_INPUT,
			"`custom_runner.command` must be the bare name of a program, or "
			"an "
			"absolute path below /workspace/home or /home/boxuser");
	if (protocol && !json_is_null(protocol) &&
		!str_eq(json_string_value(protocol), PROTOCOL))
		return err_set(
			err, ERR_INPUT, "`custom_runner.protocol` must be " PROTOCOL);
	if (check_words(args, "custom_runner.args", err) < 0)
		return -1;
	json_put(kept, "command", json_str(command));
	if (json_is_array(args))
		json_put(kept, "args", json_deep_copy(args));
	json_put(kept, "protocol", json_str(PROTOCOL));
	free(*ret_text);
	*ret_text = json_dumps(kept, JSON_COMPACT);
	return 0;
}

/* ---- MCP servers ----------------------------------------------------------------------- */

static bool is_header_name(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t len = strlen(name);

	return len > 0 && len <= LIMIT_BOX_WORD && strspn(name, allowed) == len;
}

static int check_headers(const json_t *headers, struct err *err)
{
	json_t *object = (json_t *)(uintptr_t)headers; /* jansson's loop wants it so */
	const char *name = NULL;
	json_t *value = NULL;

	if (!headers || json_is_null(headers))
		return 0;
	if (!json_is_object(headers) || json_object_size(headers) > LIMIT_BOX_ARGS)
		return err_set(err, ERR_INPUT,
			"`mcp_servers.headers` must be an object of at most %d texts",
			LIMIT_BOX_ARGS);
	json_object_foreach (object, name, value) {
		if (!is_header_name(name))
			return err_set(err, ERR_INPUT,
				"`mcp_servers.headers`: \"%.80s\" is no header's name",
				name);
		if (check_text(value, "mcp_servers.headers", LIMIT_PATH, false, err) < 0)
			return -1;
	}
	return 0;
}

static int check_server(const json_t *server, const char *name, const char *what,
	bool url, struct err *err)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789._-";

	if (str_empty(name) || strlen(name) > LIMIT_BOX_NAME ||
		strspn(name, allowed) != strlen(name))
		return err_set(err, ERR_INPUT,
			"`mcp_servers.name` must have 1 to %d characters of A-Z, a-z, "
			"0-9, "
			"'.', '_' and '-'",
			LIMIT_BOX_NAME);
	if (str_empty(what) || what[0] == '-')
		return err_set(err, ERR_INPUT,
			"`mcp_servers.package_or_url` of %s is missing", name);
	if (url && !str_starts(what, "https://") && !str_starts(what, "http://"))
		return err_set(err, ERR_INPUT,
			"`mcp_servers.package_or_url` of %s must begin with https:// or "
			"http://",
			name);
	if (check_words(json_object_get(server, "args"), "mcp_servers.args", err) < 0)
		return -1;
	return check_headers(json_object_get(server, "headers"), err);
}

static int read_server(
	const json_t *server, json_t *list, json_t *headers, struct err *err)
{
	CLEANUP(mem) char *name = NULL;
	CLEANUP(mem) char *what = NULL;
	CLEANUP(mem) char *source = NULL;

	if (!json_is_object(server))
		return err_set(err, ERR_INPUT, "`mcp_servers` must be a list of objects");
	if (asked_text(server, "name", LIMIT_BOX_NAME, &name, err) < 0 ||
		asked_text(server, "package_or_url", LIMIT_PATH, &what, err) < 0 ||
		asked_text(server, "source", LIMIT_BOX_WORD, &source, err) < 0)
		return err_wrap(err, "`mcp_servers`");
	bool url = str_eq(source, "url");
	if (!url && !str_eq(source, "npm"))
		return err_set(err, ERR_INPUT, "`mcp_servers.source` must be npm or url");
	if (check_server(server, name, what, url, err) < 0)
		return -1;
	if (json_object_get(headers, name))
		return err_set(err, ERR_INPUT, "`mcp_servers`: %s stands twice", name);
	json_t *kept = json_pack(
		"{s:s,s:s,s:s}", "name", name, "source", source, "package_or_url", what);
	json_t *args = json_object_get(server, "args");
	if (!url && json_is_array(args))
		json_put(kept, "args", json_deep_copy(args));
	json_array_append_new(list, kept);
	json_t *given = json_object_get(server, "headers");
	json_put(headers, name,
		url && json_is_object(given) ? json_deep_copy(given) : json_object());
	return 0;
}

int asked_mcp(const json_t *list, char **ret_text, json_t **ret_headers, struct err *err)
{
	CLEANUP(json) json_t *kept = json_array();
	CLEANUP(json) json_t *headers = json_object();

	if (list && !json_is_null(list) &&
		(!json_is_array(list) || json_array_size(list) > LIMIT_BOX_MCP))
		return err_set(err, ERR_INPUT,
			"`mcp_servers` must be a list of at most %d objects",
			LIMIT_BOX_MCP);
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (read_server(json_array_get(list, i), kept, headers, err) < 0)
			return -1;
	}
	free(*ret_text);
	*ret_text = json_dumps(kept, JSON_COMPACT);
	*ret_headers = TAKE(headers);
	return 0;
}
