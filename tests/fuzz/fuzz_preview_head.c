/* SPDX-License-Identifier: MIT */
/*
 * Heads that pass a public URL.  The first byte chooses the side: a visitor's request, which
 * must pass on as a request that parses again with nothing of the connection's own in it; or
 * a box's answer.
 */
#include "boxcore/base/str.h"
#include "service/preview/preview_head.h"

#include <stdlib.h>
#include <string.h>

static void fuzz_request(const char *data, size_t len)
{
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(2 * LIMIT_RELAY_HEAD);
	struct relay_head head, again;
	struct preview_claim claim;
	struct err err = {0};
	char box[PREVIEW_BOX_SIZE];
	int port;
	size_t n = relay_head_length(data, len);

	if (n == 0 || n > LIMIT_RELAY_HEAD || relay_head_parse(data, n, &head, &err) != 0)
		return;
	preview_claim_read(&head, &claim);
	preview_host_split(*relay_head_find(&head, "host"), "p.example", box, &port);
	preview_request_head(&out, &head, true, "192.0.2.1");
	/* One header more than came may be one too many. */
	if (relay_head_length(strbuf_str(&out), out.len) != out.len)
		abort();
	if (head.nheaders < LIMIT_RELAY_HEADERS - 3 &&
		(relay_head_parse(strbuf_str(&out), out.len, &again, &err) != 0 ||
			relay_head_find(&again, "authorization") ||
			again.content_length != head.content_length ||
			again.chunked != head.chunked))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(2 * LIMIT_RELAY_HEAD);
	const char *text = (const char *)data + 1;

	if (size < 1)
		return 0;
	if (data[0] & 1) {
		fuzz_request(text, size - 1);
		return 0;
	}
	size_t n = relay_head_length(text, size - 1);
	if (n > 0 && n <= LIMIT_RELAY_HEAD)
		preview_answer_head(&out, text, n);
	return 0;
}
