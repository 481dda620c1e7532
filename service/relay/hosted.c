/* SPDX-License-Identifier: MIT */
/* What in a model request would make the provider reach the network. */
#include "service/relay/hosted.h"

#include "boxcore/base/str.h"
#include "service/relay/cursor.h"

#include <string.h>
#include <strings.h>

#define DEPTH_MAX 64 /* of what is judged; requests of agents have about ten */

/* What the object is that a member stands in. */
enum place {
	PLACE_TOP,
	PLACE_TOOL, /* an entry of `tools` */
	PLACE_LINK, /* the value of image_url and the like */
	PLACE_ELSE,
};

static int walk(struct cursor *c, enum place place, int depth, struct err *err);

static int unreadable(struct err *err)
{
	return err_set(err, ERR_INPUT,
		"the request is no JSON object that can be judged, and this box may not "
		"use "
		"what the provider reaches on the network");
}

/* Names and values in messages: no more than a line. */
static int refuse(struct err *err, const char *what, struct slice value)
{
	int n = (int)(value.n < 60 ? value.n : 60);

	return err_set(err, ERR_DENIED,
		"%s%s%.*s%s makes the provider reach the network, which this box may not "
		"(its network policy; model.hosted_tools)",
		what, n ? " \"" : "", n, value.p, n ? "\"" : "");
}

static bool is_one_of(struct slice name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (slice_eq_nocase(name, names[i]))
			return true;
	}
	return false;
}

static bool starts(struct slice text, const char *prefix)
{
	size_t n = strlen(prefix);

	return text.n >= n && strncasecmp(text.p, prefix, n) == 0;
}

/* ---- tools ----------------------------------------------------------------------------- */

/* Tools whose calls come back to the box as part of the answer. */
static bool runs_in_box(struct slice type)
{
	static const char *const whole[] = {"custom", "function", "namespace",
		"local_shell", "apply_patch", "computer", "computer_use_preview",
		"tool_search"};
	/* Anthropic's have a date behind the name.  The search is one among the tools. */
	static const char *const dated[] = {
		"bash_", "text_editor_", "computer_", "memory_", "tool_search_tool_"};

	if (is_one_of(type, whole, ARRAY_LEN(whole)))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(dated); i++) {
		if (starts(type, dated[i]))
			return true;
	}
	return false;
}

static int judge_tool_type(struct cursor *c, struct err *err)
{
	struct slice type;

	if (cursor_peek(c) == 'n') /* null: one of the caller's own, as without a type */
		return cursor_skip(c) ? 0 : unreadable(err);
	if (!cursor_string(c, &type))
		return unreadable(err);
	return runs_in_box(type) ? 0 : refuse(err, "the tool", type);
}

static int judge_tools(struct cursor *c, int depth, struct err *err)
{
	if (cursor_peek(c) == 'n')
		return cursor_skip(c) ? 0 : unreadable(err);
	if (!cursor_take(c, '['))
		return unreadable(err);
	if (cursor_take(c, ']'))
		return 0;
	do {
		if (cursor_peek(c) != '{')
			return unreadable(err);
		if (walk(c, PLACE_TOOL, depth, err) < 0)
			return -1;
	} while (cursor_take(c, ','));
	return cursor_take(c, ']') ? 0 : unreadable(err);
}

/* ---- members --------------------------------------------------------------------------- */

/* At the top level, whatever they hold but null or an empty list. */
static bool is_hosted(struct slice name)
{
	static const char *const names[] = {"mcp_servers", "container",
		"web_search_options", "search_parameters", "plugins", "prompt"};

	return is_one_of(name, names, ARRAY_LEN(names));
}

/* Documents of the caller's own that the provider does not act on: what a tool takes and was
 * called with. */
static bool is_opaque(struct slice name, enum place place)
{
	static const char *const names[] = {"input_schema", "input_examples",
		"parameters", "arguments", "schema", "metadata"};

	if (is_one_of(name, names, ARRAY_LEN(names)))
		return true;
	return place != PLACE_TOP && slice_eq_nocase(name, "input");
}

static bool is_link(struct slice name, enum place place)
{
	static const char *const names[] = {
		"image_url", "file_url", "video_url", "audio_url"};

	if (is_one_of(name, names, ARRAY_LEN(names)))
		return true;
	return place == PLACE_LINK && slice_eq_nocase(name, "url");
}

static int judge_hosted(struct cursor *c, struct slice name, struct err *err)
{
	bool nothing = false;

	switch (cursor_peek(c)) {
	case 'n': nothing = cursor_skip(c); break;
	case '[': nothing = cursor_take(c, '[') && cursor_take(c, ']'); break;
	default: break;
	}
	return nothing ? 0 : refuse(err, "the member", name);
}

static int judge_link(struct cursor *c, int depth, struct err *err)
{
	struct slice url;

	if (cursor_peek(c) == '{')
		return walk(c, PLACE_LINK, depth, err);
	if (cursor_peek(c) == 'n')
		return cursor_skip(c) ? 0 : unreadable(err);
	if (!cursor_string(c, &url))
		return unreadable(err);
	if (url.n && !starts(url, "data:"))
		return refuse(err, "the address", url);
	return 0;
}

/* A file's bytes in base64, where gateways to other models take an address as well. */
static int judge_bytes(struct cursor *c, struct err *err)
{
	struct slice data;

	if (cursor_peek(c) == 'n')
		return cursor_skip(c) ? 0 : unreadable(err);
	if (!cursor_string(c, &data))
		return unreadable(err);
	if (!starts(data, "data:") &&
		(memchr(data.p, ':', data.n) || memchr(data.p, '\\', data.n)))
		return refuse(err, "the address", data);
	return 0;
}

/* {"type": "url", "url": ...} is Anthropic's source of a picture or a document. */
static int judge_type(struct cursor *c, struct err *err)
{
	struct slice type;

	if (cursor_peek(c) != '"')
		return cursor_skip(c) ? 0 : unreadable(err);
	if (!cursor_string(c, &type))
		return unreadable(err);
	if (slice_eq_nocase(type, "url") || memchr(type.p, '\\', type.n))
		return refuse(err, "a source of the type", type);
	return 0;
}

/* Models that search whenever they are asked say so in their names. */
static int judge_model(struct cursor *c, struct err *err)
{
	struct slice model;

	if (!cursor_string(c, &model))
		return unreadable(err);
	for (size_t i = 0; i < model.n; i++) {
		struct slice rest = {model.p + i, model.n - i};
		if (*rest.p == '\\' || starts(rest, "-search") || starts(rest, ":online"))
			return refuse(err, "the model", model);
	}
	return 0;
}

static int judge_member(struct cursor *c, enum place place, int depth, struct err *err)
{
	struct slice name;

	/* No name that matters needs an escape, and one would hide it. */
	if (!cursor_string(c, &name) || !cursor_take(c, ':') ||
		memchr(name.p, '\\', name.n))
		return unreadable(err);
	if (place == PLACE_TOP && is_hosted(name))
		return judge_hosted(c, name, err);
	if (place == PLACE_TOP && slice_eq_nocase(name, "model"))
		return judge_model(c, err);
	if (slice_eq_nocase(name, "tools"))
		return judge_tools(c, depth, err);
	if (slice_eq_nocase(name, "type"))
		return place == PLACE_TOOL ? judge_tool_type(c, err) : judge_type(c, err);
	if (is_link(name, place))
		return judge_link(c, depth, err);
	if (slice_eq_nocase(name, "file_data"))
		return judge_bytes(c, err);
	if (is_opaque(name, place))
		return cursor_skip(c) ? 0 : unreadable(err);
	return walk(c, PLACE_ELSE, depth, err);
}

static int walk_object(struct cursor *c, enum place place, int depth, struct err *err)
{
	if (cursor_take(c, '}'))
		return 0;
	do {
		if (judge_member(c, place, depth, err) < 0)
			return -1;
	} while (cursor_take(c, ','));
	return cursor_take(c, '}') ? 0 : unreadable(err);
}

static int walk_list(struct cursor *c, int depth, struct err *err)
{
	if (cursor_take(c, ']'))
		return 0;
	do {
		if (walk(c, PLACE_ELSE, depth, err) < 0)
			return -1;
	} while (cursor_take(c, ','));
	return cursor_take(c, ']') ? 0 : unreadable(err);
}

static int walk(struct cursor *c, enum place place, int depth, struct err *err)
{
	if (depth >= DEPTH_MAX)
		return unreadable(err);
	if (cursor_take(c, '{'))
		return walk_object(c, place, depth + 1, err);
	if (cursor_take(c, '['))
		return walk_list(c, depth + 1, err);
	return cursor_skip(c) ? 0 : unreadable(err);
}

int relay_hosted_check(const char *text, size_t len, struct err *err)
{
	struct cursor c = {text, text + len};

	if (!cursor_take(&c, '{'))
		return unreadable(err);
	if (walk_object(&c, PLACE_TOP, 1, err) < 0)
		return -1;
	cursor_peek(&c);
	return c.p == c.end ? 0 : unreadable(err);
}
