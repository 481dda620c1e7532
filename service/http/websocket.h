/* SPDX-License-Identifier: MIT */
/*
 * WebSocket (RFC 6455) from the server's side: the handshake's words and frames, strictly.
 * Pure: bytes in, bytes out.
 *
 * Taken: masked text, continuation, ping, pong and close frames, lengths in their shortest
 * form, no extension, messages up to a limit, valid UTF-8 in text.  All else ends the
 * connection with the status that the RFC gives.  Binary messages are refused (1003): the
 * protocol above is of text.
 */
#ifndef SERVICE_HTTP_WEBSOCKET_H
#define SERVICE_HTTP_WEBSOCKET_H

#include "boxcore/base/strbuf.h"

#include <stddef.h>
#include <stdint.h>

#define WEBSOCKET_VERSION "13"
#define WEBSOCKET_ACCEPT_SIZE 29 /* base64 of 20 bytes, and NUL */

/* Sec-WebSocket-Accept for a Sec-WebSocket-Key; false when that is not 16 bytes in base64. */
bool websocket_accept(const char *key, char ret[WEBSOCKET_ACCEPT_SIZE]);

enum websocket_kind {
	WEBSOCKET_TEXT = 1,
	WEBSOCKET_CLOSE = 8,
	WEBSOCKET_PING = 9,
	WEBSOCKET_PONG = 10,
};

enum websocket_status {
	WEBSOCKET_NORMAL = 1000,
	WEBSOCKET_AWAY = 1001,
	WEBSOCKET_PROTOCOL = 1002,
	WEBSOCKET_TYPE = 1003,
	WEBSOCKET_UTF8 = 1007,
	WEBSOCKET_POLICY = 1008,
	WEBSOCKET_SIZE = 1009,
	WEBSOCKET_FAULT = 1011,
};

#define WEBSOCKET_HEAD_MAX 14

struct websocket {
	struct strbuf message; /* what has come of the message; max is its limit */
	bool in_message;
	/* The frame under way */
	uint8_t head[WEBSOCKET_HEAD_MAX];
	size_t head_len;
	bool in_payload;
	uint64_t left, at; /* payload bytes to come, and how many have */
	char control[125];
	enum websocket_status fault; /* 0: none */
};

void websocket_init(struct websocket *ws, size_t message_max);
void websocket_release(struct websocket *ws);

/* A message, or a control frame; text is borrowed until the next call. */
struct websocket_event {
	enum websocket_kind kind;
	const char *text; /* followed by a NUL */
	size_t len;
};

/* Takes from data; *ret_used says how much.  1: an event; 0: it needs more bytes; -1: the
 * peer broke the rules, ws->fault tells how, and nothing more may be given. */
int websocket_take(struct websocket *ws, const void *data, size_t len, size_t *ret_used,
	struct websocket_event *ret);

/* Appends a whole unmasked frame. */
void websocket_put(
	struct strbuf *out, enum websocket_kind kind, const void *data, size_t len);
/* Appends a close frame; reason at most 120 bytes. */
void websocket_put_close(
	struct strbuf *out, enum websocket_status status, const char *reason);

#endif
