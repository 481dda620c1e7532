/* SPDX-License-Identifier: MIT */
/*
 * An agent's answer against a schema: first a schema, then, behind a NUL, the answer.  What is
 * taken must be JSON that keeps to the schema when it is looked at again.
 */
#include "service/box/agent.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	struct err err = {0};

	if (!nul || size > LIMIT_AGENT_SCHEMA)
		return 0;
	size_t len = (size_t)(nul - data);
	CLEANUP(json) json_t *schema = json_parse((const char *)data, len, &err);
	if (!schema)
		return 0;
	CLEANUP(mem) char *answer = mem_strndup((const char *)nul + 1, size - len - 1);
	CLEANUP(mem) char *taken = agent_schema_answer(answer, schema, &err);
	if (!taken)
		return 0;
	CLEANUP(mem) char *again = agent_schema_answer(taken, schema, &err);
	if (!again || strcmp(again, taken) != 0)
		abort();
	return 0;
}
