/* SPDX-License-Identifier: MIT */
/*
 * Model requests: what a parser finds in one that takes data out by the provider, the walk over
 * its text has refused.
 */
#include "service/relay/hosted.h"

#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool is_text(const json_t *json, const char *beginning)
{
	return json_is_string(json) && str_starts(json_string_value(json), beginning);
}

static bool has_hosted_tool(const json_t *tools)
{
	const json_t *tool;
	size_t i;

	json_array_foreach (tools, i, tool) {
		const json_t *type = json_object_get(tool, "type");
		if (is_text(type, "web_") || is_text(type, "mcp") ||
			is_text(type, "code_"))
			return true;
	}
	return false;
}

static bool fetches(const json_t *block)
{
	const json_t *url = json_object_get(block, "image_url");
	const char *source = json_string_value(
		json_object_get(json_object_get(block, "source"), "type"));

	return is_text(url, "http") || is_text(json_object_get(url, "url"), "http") ||
	       is_text(json_object_get(block, "file_url"), "http") ||
	       (source && str_eq(source, "url"));
}

static bool has_address(const json_t *messages)
{
	const json_t *message;
	const json_t *block;
	size_t i;
	size_t k;

	json_array_foreach (messages, i, message) {
		json_array_foreach (json_object_get(message, "content"), k, block) {
			if (fetches(block) ||
				has_address(json_object_get(block, "content")))
				return true;
		}
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = {0};
	struct err ignored = {0};

	if (size > 16 * LIMIT_KIB)
		return 0;
	bool passed = relay_hosted_check((const char *)data, size, &err) == 0;
	if (!passed &&
		((err.kind != ERR_DENIED && err.kind != ERR_INPUT) || !err.text[0]))
		abort();
	CLEANUP(json) json_t *json = json_parse((const char *)data, size, &ignored);
	if (!json || !passed)
		return 0;
	if (!json_is_object(json) || has_hosted_tool(json_object_get(json, "tools")) ||
		has_address(json_object_get(json, "messages")) ||
		has_address(json_object_get(json, "input")) ||
		json_array_size(json_object_get(json, "mcp_servers")) ||
		json_is_object(json_object_get(json, "web_search_options")))
		abort();
	return 0;
}
