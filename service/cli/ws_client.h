/* SPDX-License-Identifier: MIT */
/*
 * The client's end of a WebSocket (RFC 6455) to the service: text messages both ways.
 * Pure: bytes in, bytes out.  The service is trusted not to be an enemy, but not to be
 * right: lengths are bounded, and what does not fit the protocol ends the connection.
 */
#ifndef SERVICE_CLI_WS_CLIENT_H
#define SERVICE_CLI_WS_CLIENT_H

#include "boxcore/base/err.h"
#include "boxcore/base/strbuf.h"

#include <stdbool.h>

enum ws_kind { WS_TEXT = 1, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

/* Appends a whole frame, masked as a client's must be. */
void ws_put(struct strbuf *out, enum ws_kind kind, const void *data, size_t len);

/* The first frame in `in`: 1 with its kind and payload, which is borrowed from `in` and ends
 * with ws_drop(); 0: it is not whole yet; -1. */
struct ws_frame {
	enum ws_kind kind;
	const char *data;
	size_t len;
	size_t size; /* with its head */
};
int ws_next(const struct strbuf *in, struct ws_frame *ret, struct err *err);
void ws_drop(struct strbuf *in, const struct ws_frame *frame);

#endif
