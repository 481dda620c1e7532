/* SPDX-License-Identifier: MIT */
/*
 * The body of create: whatever the bytes, a refusal names something, and what is accepted is
 * within the limits of the contract and printable as rows.
 */
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "service/box/asked.h"
#include "service/box/names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check_list(const char *text, size_t most)
{
	struct err err = {0};
	CLEANUP(json) json_t *list = json_parse(text, strlen(text), &err);

	if (!json_is_array(list) || json_array_size(list) > most)
		abort();
}

static void check(const struct asked *asked)
{
	const struct store_box *row = &asked->row;
	struct err err = {0};

	if (row->name && name_check(row->name, &err) < 0)
		abort();
	if (asked->ttl_s < 0 || asked->ttl_s > LIMIT_BOX_TTL_S ||
		(asked->ttl_s > 0) != row->ephemeral)
		abort();
	if (row->init_command && strlen(row->init_command) > LIMIT_BOX_INIT)
		abort();
	if (row->runner && !str_eq(row->agent, "custom"))
		abort();
	if (row->model && !row->agent)
		abort();
	check_list(row->labels, LIMIT_BOX_LABELS);
	check_list(row->skills, LIMIT_BOX_SKILLS);
	check_list(row->mcp, LIMIT_BOX_MCP);
	CLEANUP(json)
	json_t *network = json_parse(row->network, strlen(row->network), &err);
	if (!json_is_object(network))
		abort();
	CLEANUP(mem) char *sealed = json_dumps(asked->secrets, JSON_COMPACT);
	if (!sealed)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(asked) struct asked asked = {0};
	struct err err = {0};

	if (size < 1 || size > LIMIT_API_BODY)
		return 0;
	CLEANUP(json)
	json_t *body = json_parse_strict((const char *)data + 1, size - 1, &err);
	if (!body)
		return 0;
	if (asked_read(body, data[0] & 1, &asked, &err) < 0) {
		if (err.kind == ERR_NONE || !err.text[0])
			abort();
		return 0;
	}
	check(&asked);
	return 0;
}
