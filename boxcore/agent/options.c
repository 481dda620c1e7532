/* SPDX-License-Identifier: MIT */
/* What a caller may say of a harness: its options and MCP servers, judged as hostile. */
#include "boxcore/agent/impl.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <string.h>

#define WORD_MAX 64
#define TEXT_MAX (64 * LIMIT_KIB)
#define SERVER_ARGS_MAX 64

static int wrong(const char *key, const char *what, struct err *err)
{
	return err_set(err, ERR_INPUT, "agent option `%s` must be %s", key, what);
}

/* ---- options --------------------------------------------------------------------------- */

const json_t *option_get(const json_t *options, const char *key)
{
	const json_t *value = json_object_get(options, key);

	return json_is_null(value) ? NULL : value;
}

int option_text(
	const json_t *options, const char *key, const char **ret_text, struct err *err)
{
	const json_t *value = option_get(options, key);

	*ret_text = NULL;
	if (!value)
		return 0;
	if (!json_is_string(value))
		return wrong(key, "a string", err);
	const char *text = json_string_value(value);
	if (strlen(text) != json_string_length(value))
		return wrong(key, "a string without NUL", err);
	if (strlen(text) > TEXT_MAX)
		return err_set(err, ERR_LIMIT,
			"agent option `%s` is longer than %lu bytes", key, TEXT_MAX);
	*ret_text = text;
	return 0;
}

int option_word(
	const json_t *options, const char *key, const char **ret_word, struct err *err)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789._/:[]-";

	if (option_text(options, key, ret_word, err) < 0)
		return -1;
	const char *word = *ret_word;
	if (word && (!*word || *word == '-' || strlen(word) > WORD_MAX ||
			    strspn(word, allowed) != strlen(word)))
		return wrong(key, "one word of at most 64 letters", err);
	return 0;
}

int option_number(const json_t *options, const char *key, double least, double most,
	double *ret_number, struct err *err)
{
	const json_t *value = option_get(options, key);

	*ret_number = 0;
	if (!value)
		return 0;
	double number = json_number_value(value);
	if (!json_is_number(value) || !(number >= least && number <= most))
		return err_set(err, ERR_INPUT,
			"agent option `%s` must be a number from %g to %g", key, least,
			most);
	*ret_number = number;
	return 0;
}

int option_words(const json_t *options, const char *key, struct strbuf *ret_joined,
	struct err *err)
{
	const json_t *list = option_get(options, key), *item = NULL;
	size_t i = 0;

	if (!list)
		return 0;
	if (!json_is_array(list))
		return wrong(key, "a list of strings", err);
	json_array_foreach (list, i, item) {
		const char *text = json_string_value(item);
		if (str_empty(text) || strchr(text, ',') || text[0] == '-' ||
			strlen(text) != json_string_length(item))
			return wrong(key,
				"a list of strings, none empty, with a comma or with a "
				"dash in front",
				err);
		strbuf_addf(ret_joined, "%s%s", ret_joined->len ? "," : "", text);
	}
	return strbuf_check(ret_joined, "an agent's options", err);
}

int option_object(
	const json_t *options, const char *key, struct strbuf *ret_text, struct err *err)
{
	const json_t *value = option_get(options, key);

	if (!value)
		return 0;
	if (!json_is_object(value))
		return wrong(key, "an object", err);
	if (json_print(ret_text, value, err) < 0)
		return err_wrap(err, "agent option `%s`", key);
	return 0;
}

/* ---- MCP servers ----------------------------------------------------------------------- */

static int bad_server(size_t i, const char *what, struct err *err)
{
	return err_set(err, ERR_INPUT, "MCP server %zu: %s", i + 1, what);
}

static bool is_printable(const char *text)
{
	for (const char *p = text; *p; p++) {
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
			return false;
	}
	return true;
}

static bool is_server_name(const char *name)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	return name && *name && *name != '-' && strlen(name) <= WORD_MAX &&
	       strspn(name, allowed) == strlen(name);
}

static int check_target(struct mcp_server *server, size_t i, struct err *err)
{
	const char *target = server->target;

	if (str_empty(target) || strlen(target) > LIMIT_PATH || !is_printable(target))
		return bad_server(i, "`package_or_url` is missing or malformed", err);
	if (server->local && target[0] == '-')
		return bad_server(i, "the package begins with a dash", err);
	if (!server->local && !str_starts(target, "http://") &&
		!str_starts(target, "https://"))
		return bad_server(i, "`package_or_url` is not http:// or https://", err);
	return 0;
}

static int check_args(const json_t *args, size_t i, struct err *err)
{
	const json_t *arg = NULL;
	size_t k = 0;

	if (args && (!json_is_array(args) || json_array_size(args) > SERVER_ARGS_MAX))
		return bad_server(i, "`args` is not a list of at most 64 strings", err);
	json_array_foreach (args, k, arg) {
		if (!json_is_string(arg) ||
			strlen(json_string_value(arg)) != json_string_length(arg) ||
			json_string_length(arg) > LIMIT_PATH)
			return bad_server(
				i, "`args` holds something else than text", err);
	}
	return 0;
}

static int check_headers(json_t *headers, size_t i, struct err *err)
{
	const char *name = NULL;
	json_t *value = NULL;

	if (headers &&
		(!json_is_object(headers) || json_object_size(headers) > SERVER_ARGS_MAX))
		return bad_server(i, "`headers` is not an object of at most 64", err);
	json_object_foreach (headers, name, value) {
		const char *text = json_string_value(value);
		if (!text || strlen(text) != json_string_length(value) ||
			strlen(text) > LIMIT_PATH || strpbrk(text, "\r\n") || !*name ||
			!is_printable(name) || strchr(name, ':'))
			return bad_server(i, "`headers` holds a malformed header", err);
	}
	return 0;
}

static int read_server(
	const json_t *json, size_t i, struct mcp_server *server, struct err *err)
{
	const char *source = json_or_string(json, "source", "");

	*server = (struct mcp_server){.name = json_or_string(json, "name", NULL),
		.target = json_or_string(json, "package_or_url", NULL),
		.args = option_get(json, "args"),
		.headers = option_get(json, "headers"),
		.local = str_eq(source, "npm")};
	if (!json_is_object(json))
		return bad_server(i, "not an object", err);
	if (!is_server_name(server->name))
		return bad_server(
			i, "`name` is not of 1 to 64 letters, digits, _ and -", err);
	if (!server->local && !str_eq(source, "url"))
		return bad_server(i, "`source` is neither npm nor url", err);
	if (check_target(server, i, err) < 0 || check_args(server->args, i, err) < 0)
		return -1;
	return check_headers(json_object_get(json, "headers"), i, err);
}

int mcp_read(const json_t *mcp, struct mcp_server **ret_servers, size_t *ret_count,
	struct err *err)
{
	size_t count = json_array_size(mcp);
	CLEANUP(mem) struct mcp_server *servers = NULL;

	*ret_servers = NULL;
	*ret_count = 0;
	if (!mcp || json_is_null(mcp))
		return 0;
	if (!json_is_array(mcp))
		return err_set(err, ERR_INPUT, "MCP servers must be a list");
	if (count > LIMIT_AGENT_MCP)
		return err_set(
			err, ERR_LIMIT, "more than %d MCP servers", LIMIT_AGENT_MCP);
	servers = mem_array(count ? count : 1, sizeof *servers);
	for (size_t i = 0; i < count; i++) {
		if (read_server(json_array_get(mcp, i), i, &servers[i], err) < 0)
			return -1;
		for (size_t k = 0; k < i; k++) {
			if (str_eq(servers[i].name, servers[k].name))
				return bad_server(i, "its name is taken", err);
		}
	}
	*ret_servers = TAKE(servers);
	*ret_count = count;
	return 0;
}

json_t *mcp_command(const struct mcp_server *server)
{
	json_t *args = json_array(), *arg = NULL;
	size_t i = 0;

	json_array_append_new(args, json_str("-y"));
	json_array_append_new(args, json_str(server->target));
	json_array_foreach (server->args, i, arg)
		json_array_append(args, arg);
	return args;
}

json_t *mcp_headers(const struct mcp_server *server)
{
	return server->headers ? json_deep_copy(server->headers) : json_object();
}

json_t *mcp_common(const struct mcp_server *servers, size_t count)
{
	json_t *all = json_object(), *root = json_object();

	for (size_t i = 0; i < count; i++) {
		json_t *one = json_object();

		if (servers[i].local) {
			json_put(one, "command", json_str("npx"));
			json_put(one, "args", mcp_command(&servers[i]));
		} else {
			json_put(one, "type", json_str("http"));
			json_put(one, "url", json_str(servers[i].target));
			json_put(one, "headers", mcp_headers(&servers[i]));
		}
		json_put(all, servers[i].name, one);
	}
	json_put(root, "mcpServers", all);
	return root;
}

/* ---- a schema for programs that know of none -------------------------------------------- */

char *plan_prompt(const struct agent_request *request)
{
	if (str_empty(request->json_schema))
		return mem_strdup(request->prompt);
	return mem_printf(
		"%s\n\nYour last answer must be nothing but one JSON value, without "
		"a code fence, that keeps to this JSON Schema:\n%s",
		request->prompt, request->json_schema);
}
