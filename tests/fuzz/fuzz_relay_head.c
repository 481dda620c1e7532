/* SPDX-License-Identifier: MIT */
/*
 * Requests from a box: a head that is taken says one thing only, a body is the same in
 * pieces of any size, and a scan agrees with the JSON parser.
 */
#include "service/relay/head.h"
#include "service/relay/scan.h"

#include "boxcore/base/json.h"
#include "boxcore/base/str.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_head(const char *data, size_t size)
{
	struct relay_head head;
	struct err err = {0};
	size_t n = relay_head_length(data, size);

	if (!n || n > LIMIT_RELAY_HEAD)
		return;
	int status = relay_head_parse(data, n, &head, &err);
	if (status && (status < 400 || status > 599 || !err.text[0]))
		abort();
	if (status)
		return;
	if (head.path.p[0] != '/' || head.content_length < 0 ||
		(head.chunked && head.content_length) || memchr(data, '\0', n))
		abort();
	for (size_t i = 0; i < head.nheaders; i++) {
		if (memchr(head.headers[i].value.p, '\n', head.headers[i].value.n))
			abort();
	}
}

static int unchunk(
	const char *data, size_t size, size_t piece, struct strbuf *out, size_t *used)
{
	struct relay_chunks chunks = {0};
	struct err err = {0};
	int rc = 0;

	*used = 0;
	while (rc == 0 && *used < size) {
		size_t taken = 0;
		size_t n = size - *used < piece ? size - *used : piece;
		rc = relay_chunks_feed(&chunks, data + *used, n, &taken, out, &err);
		if (taken > n)
			abort();
		*used += taken;
	}
	return rc;
}

static void try_chunks(const char *data, size_t size)
{
	CLEANUP(strbuf) struct strbuf whole = STRBUF_INIT(LIMIT_RELAY_HEAD);
	CLEANUP(strbuf) struct strbuf pieces = STRBUF_INIT(LIMIT_RELAY_HEAD);
	size_t used = 0;
	size_t used_pieces = 0;
	int rc = unchunk(data, size, size, &whole, &used);

	if (unchunk(data, size, 3, &pieces, &used_pieces) != rc ||
		(rc > 0 && used != used_pieces))
		abort();
	if (!strbuf_failed(&whole) &&
		strcmp(strbuf_str(&whole), strbuf_str(&pieces)) != 0)
		abort();
}

/* Whatever the parser takes as an object, the scan must take, and find the same model. */
static void try_scan(const char *data, size_t size)
{
	struct relay_scan scan;
	struct err err = {0};
	bool taken = relay_scan(data, size, &scan);
	CLEANUP(json) json_t *json = json_parse(data, size, &err);

	if (!json_is_object(json))
		return;
	if (!taken)
		abort();
	const json_t *model = json_object_get(json, "model");
	if (scan.model[0] && !memmem(data, size, "\\", 1) && json_is_string(model) &&
		!str_eq(json_string_value(model), scan.model))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > LIMIT_RELAY_HEAD)
		return 0;
	try_head((const char *)data, size);
	try_chunks((const char *)data, size);
	try_scan((const char *)data, size);
	return 0;
}
