/* SPDX-License-Identifier: MIT */
/*
 * Frames of a WebSocket's client: whole and byte by byte they mean the same; messages are
 * bounded UTF-8.  The same bytes are output too, through what keeps the last frame of a
 * stream from being imitated.
 */
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "boxcore/base/strbuf.h"
#include "service/http/neutral.h"
#include "service/http/websocket.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE = 1000 };

static void take(const uint8_t *data, size_t size, size_t piece, struct strbuf *out)
{
	struct websocket ws;
	int rc = 0;

	websocket_init(&ws, MESSAGE);
	for (size_t at = 0; at < size && rc >= 0;) {
		struct websocket_event event;
		size_t n = size - at < piece ? size - at : piece, used = 0;
		rc = websocket_take(&ws, data + at, n, &used, &event);
		if (used > n || (rc == 0 && used < n))
			abort();
		at += used;
		if (rc <= 0)
			continue;
		if (event.kind == WEBSOCKET_TEXT &&
			(event.len > MESSAGE || !str_is_utf8(event.text, event.len)))
			abort();
		if (event.kind != WEBSOCKET_TEXT && event.len > 125)
			abort();
		strbuf_addf(out, "%d:", (int)event.kind);
		strbuf_add(out, event.text, event.len);
	}
	if (rc < 0 && ws.fault == 0)
		abort();
	strbuf_addf(out, "!%d", rc < 0 ? (int)ws.fault : 0);
	websocket_release(&ws);
}

static void pass(const char *data, size_t size, size_t piece, struct strbuf *out)
{
	struct neutral neutral = NEUTRAL_INIT;

	while (size > 0) {
		size_t n = size < piece ? size : piece, used = 0;
		while (used < n) {
			bool space;
			size_t sent =
				neutral_next(&neutral, data + used, n - used, &space);
			strbuf_add(out, data + used, sent);
			if (space)
				strbuf_addc(out, ' ');
			used += sent;
		}
		data += n;
		size -= n;
	}
	if (out->len > 0 && (memmem(out->data, out->len, "event: exit\n", 12) ||
				    memmem(out->data, out->len, "event: error\n", 13)))
		abort();
}

static void same(const struct strbuf *a, const struct strbuf *b)
{
	if (a->len != b->len || (a->len > 0 && memcmp(a->data, b->data, a->len) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(strbuf) struct strbuf whole = STRBUF_INIT(4 * LIMIT_MIB);
	CLEANUP(strbuf) struct strbuf bytes = STRBUF_INIT(4 * LIMIT_MIB);

	if (size > LIMIT_MIB / 4)
		return 0;
	take(data, size, size ? size : 1, &whole);
	take(data, size, 1, &bytes);
	same(&whole, &bytes);
	strbuf_reset(&whole);
	strbuf_reset(&bytes);
	pass((const char *)data, size, size ? size : 1, &whole);
	pass((const char *)data, size, 3, &bytes);
	same(&whole, &bytes);
	return 0;
}
