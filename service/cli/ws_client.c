/* SPDX-License-Identifier: MIT */
/* Frames of a WebSocket's client; see ws_client.h. */
#include "service/cli/ws_client.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/limits.h"

#include <stdint.h>

enum { FIN = 0x80, MASKED = 0x80, LEN_16 = 126, LEN_64 = 127, MASK_SIZE = 4 };

static void put_length(struct strbuf *out, size_t len)
{
	if (len < LEN_16) {
		strbuf_addc(out, (char)(MASKED | len));
		return;
	}
	int bytes = len <= UINT16_MAX ? 2 : 8;
	strbuf_addc(out, (char)(MASKED | (bytes == 2 ? LEN_16 : LEN_64)));
	for (int i = bytes - 1; i >= 0; i--)
		strbuf_addc(out, (char)((uint64_t)len >> (8 * i)));
}

void ws_put(struct strbuf *out, enum ws_kind kind, const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint8_t mask[MASK_SIZE];

	crypto_random(mask, sizeof mask);
	strbuf_addc(out, (char)(FIN | (int)kind));
	put_length(out, len);
	strbuf_add(out, mask, sizeof mask);
	char *room = strbuf_room(out, len);
	if (!room)
		return;
	for (size_t i = 0; i < len; i++)
		room[i] = (char)(bytes[i] ^ mask[i % MASK_SIZE]);
	strbuf_grown(out, len);
}

int ws_next(const struct strbuf *in, struct ws_frame *ret, struct err *err)
{
	const uint8_t *p = (const uint8_t *)in->data;
	size_t head = 2;
	uint64_t len;

	if (in->len < head)
		return 0;
	if (!(p[0] & FIN) || (p[0] & 0x70) || (p[1] & MASKED))
		return err_set(err, ERR_INTERNAL,
			"the service sent a frame of a kind that it does not announce");
	len = p[1];
	if (len >= LEN_16) {
		head += len == LEN_16 ? 2 : 8;
		if (in->len < head)
			return 0;
		len = 0;
		for (size_t i = 2; i < head; i++)
			len = len << 8 | p[i];
	}
	if (len > LIMIT_MIB)
		return err_set(err, ERR_LIMIT, "a message of more than 1 MiB");
	if (in->len < head + len)
		return 0;
	*ret = (struct ws_frame){.kind = (enum ws_kind)(p[0] & 0x0f),
		.data = in->data + head,
		.len = (size_t)len,
		.size = head + (size_t)len};
	return 1;
}

void ws_drop(struct strbuf *in, const struct ws_frame *frame)
{
	strbuf_consume(in, frame->size);
}
