/* SPDX-License-Identifier: MIT */
/* Frames and messages of WebSockets; see websocket.h. */
#include "service/http/websocket.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdio.h>
#include <string.h>

enum {
	KEY_TEXT = 24, /* 16 bytes in base64 */
	OP_CONTINUATION = 0,
	OP_BINARY = 2,
	FIN = 0x80,
	RESERVED = 0x70,
	MASKED = 0x80,
	CONTROL = 0x08,
	CONTROL_MAX = 125,
	LEN_16 = 126,
	LEN_64 = 127,
};

bool websocket_accept(const char *key, char ret[WEBSOCKET_ACCEPT_SIZE])
{
	static const char salt[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	CLEANUP(strbuf) struct strbuf raw = STRBUF_INIT(KEY_TEXT);
	CLEANUP(strbuf) struct strbuf accept = STRBUF_INIT(WEBSOCKET_ACCEPT_SIZE);
	char joined[KEY_TEXT + sizeof(salt)];
	uint8_t digest[SHA1_SIZE];

	if (!key || strlen(key) != KEY_TEXT || !str_unbase64(&raw, key, KEY_TEXT) ||
		raw.len != 16)
		return false;
	snprintf(joined, sizeof(joined), "%s%s", key, salt);
	crypto_sha1(joined, strlen(joined), digest);
	str_base64(&accept, digest, sizeof(digest));
	return str_copy(ret, WEBSOCKET_ACCEPT_SIZE, strbuf_str(&accept));
}

void websocket_init(struct websocket *ws, size_t message_max)
{
	memset(ws, 0, sizeof(*ws));
	strbuf_init(&ws->message, message_max);
}

void websocket_release(struct websocket *ws)
{
	strbuf_release(&ws->message);
}

static int fault(struct websocket *ws, enum websocket_status status)
{
	ws->fault = status;
	return -1;
}

/* ---- the head of a frame ----------------------------------------------------------------- */

static unsigned opcode(const struct websocket *ws)
{
	return ws->head[0] & 0x0f;
}

static size_t head_size(const struct websocket *ws)
{
	unsigned len = ws->head[1] & 0x7f;
	size_t extra = len == LEN_16 ? 2 : len == LEN_64 ? 8 : 0;

	return ws->head_len < 2 ? 2 : 2 + extra + 4;
}

static int check_opcode(struct websocket *ws)
{
	bool fin = ws->head[0] & FIN;
	unsigned len = ws->head[1] & 0x7f;

	if (ws->head[0] & RESERVED || !(ws->head[1] & MASKED))
		return fault(ws, WEBSOCKET_PROTOCOL);
	switch (opcode(ws)) {
	case OP_CONTINUATION: return ws->in_message ? 0 : fault(ws, WEBSOCKET_PROTOCOL);
	case WEBSOCKET_TEXT: return ws->in_message ? fault(ws, WEBSOCKET_PROTOCOL) : 0;
	case OP_BINARY: return fault(ws, WEBSOCKET_TYPE);
	case WEBSOCKET_CLOSE:
	case WEBSOCKET_PING:
	case WEBSOCKET_PONG:
		return fin && len <= CONTROL_MAX ? 0 : fault(ws, WEBSOCKET_PROTOCOL);
	default: return fault(ws, WEBSOCKET_PROTOCOL);
	}
}

static int read_length(struct websocket *ws)
{
	unsigned len = ws->head[1] & 0x7f;
	uint64_t value = len;
	size_t extra = len == LEN_16 ? 2 : len == LEN_64 ? 8 : 0;

	if (extra > 0)
		value = 0;
	for (size_t i = 0; i < extra; i++)
		value = value << 8 | ws->head[2 + i];
	if ((extra == 2 && value < LEN_16) || (extra == 8 && value <= UINT16_MAX) ||
		value >> 63)
		return fault(ws, WEBSOCKET_PROTOCOL);
	/* A text frame begins a message, which still holds the one before. */
	size_t before = opcode(ws) == OP_CONTINUATION ? ws->message.len : 0;
	if (!(opcode(ws) & CONTROL) && value > ws->message.max - before)
		return fault(ws, WEBSOCKET_SIZE);
	ws->left = value;
	ws->at = 0;
	return 0;
}

/* 1 when the head is whole. */
static int take_head(struct websocket *ws, const uint8_t **data, size_t *len)
{
	while (ws->head_len < head_size(ws)) {
		if (*len == 0)
			return 0;
		ws->head[ws->head_len++] = *(*data)++;
		(*len)--;
		if (ws->head_len == 2 && check_opcode(ws))
			return -1;
	}
	if (read_length(ws))
		return -1;
	if (opcode(ws) == WEBSOCKET_TEXT)
		strbuf_reset(&ws->message);
	ws->in_payload = true;
	return 1;
}

/* ---- payload ----------------------------------------------------------------------------- */

static void take_payload(struct websocket *ws, const uint8_t **data, size_t *len)
{
	const uint8_t *mask = ws->head + head_size(ws) - 4;
	size_t n = ws->left < *len ? (size_t)ws->left : *len;
	char *to;

	if (n == 0)
		return;
	to = opcode(ws) & CONTROL ? ws->control + ws->at : strbuf_room(&ws->message, n);
	if (!to)
		abort(); /* read_length() has compared */
	for (size_t i = 0; i < n; i++)
		to[i] = (char)((*data)[i] ^ mask[(ws->at + i) & 3]);
	if (!(opcode(ws) & CONTROL))
		strbuf_grown(&ws->message, n);
	ws->at += n;
	ws->left -= n;
	*data += n;
	*len -= n;
}

/* The bytes of a close frame: none, or a status that may be sent and UTF-8. */
static bool is_close(const char *text, size_t len)
{
	if (len == 0)
		return true;
	if (len == 1)
		return false;
	unsigned status = (unsigned)(uint8_t)text[0] << 8 | (uint8_t)text[1];
	bool known = (status >= 1000 && status <= 1003) ||
		     (status >= 1007 && status <= 1014) ||
		     (status >= 3000 && status <= 4999);
	return known && str_is_utf8(text + 2, len - 2);
}

static int finish_frame(struct websocket *ws, struct websocket_event *ret)
{
	unsigned op = opcode(ws);
	bool fin = ws->head[0] & FIN;

	ws->head_len = 0;
	ws->in_payload = false;
	if (op & CONTROL) {
		*ret = (struct websocket_event){
			(enum websocket_kind)op, ws->control, (size_t)ws->at};
		if (op == WEBSOCKET_CLOSE && !is_close(ret->text, ret->len))
			return fault(ws, WEBSOCKET_PROTOCOL);
		return 1;
	}
	ws->in_message = !fin;
	if (!fin)
		return 0;
	*ret = (struct websocket_event){
		WEBSOCKET_TEXT, strbuf_str(&ws->message), ws->message.len};
	return str_is_utf8(ret->text, ret->len) ? 1 : fault(ws, WEBSOCKET_UTF8);
}

int websocket_take(struct websocket *ws, const void *data, size_t len, size_t *ret_used,
	struct websocket_event *ret)
{
	const uint8_t *at = data;
	size_t left = len;
	int rc = 0;

	while (rc == 0) {
		if (!ws->in_payload) {
			rc = take_head(ws, &at, &left);
			if (rc <= 0)
				break;
			rc = 0;
		}
		take_payload(ws, &at, &left);
		if (ws->left > 0)
			break;
		rc = finish_frame(ws, ret);
	}
	*ret_used = len - left;
	return rc;
}

/* ---- out --------------------------------------------------------------------------------- */

void websocket_put(
	struct strbuf *out, enum websocket_kind kind, const void *data, size_t len)
{
	uint8_t head[10] = {(uint8_t)(FIN | (unsigned)kind)};
	size_t size = 2;

	if (len < LEN_16) {
		head[1] = (uint8_t)len;
	} else {
		size_t extra = len <= UINT16_MAX ? 2 : 8;
		head[1] = extra == 2 ? LEN_16 : LEN_64;
		for (size_t i = 0; i < extra; i++)
			head[2 + i] = (uint8_t)((uint64_t)len >> 8 * (extra - 1 - i));
		size += extra;
	}
	strbuf_add(out, head, size);
	if (len > 0)
		strbuf_add(out, data, len);
}

void websocket_put_close(
	struct strbuf *out, enum websocket_status status, const char *reason)
{
	char payload[CONTROL_MAX];
	size_t len = strlen(reason);

	if (len > sizeof(payload) - 2)
		len = str_utf8_cut(reason, sizeof(payload) - 2);
	payload[0] = (char)((unsigned)status >> 8);
	payload[1] = (char)((unsigned)status & 0xff);
	memcpy(payload + 2, reason, len);
	websocket_put(out, WEBSOCKET_CLOSE, payload, len + 2);
}
