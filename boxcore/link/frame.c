/* SPDX-License-Identifier: MIT */
/* Frames: CRC-32C, the header, the decoder, and the fields of a payload. */
#include "boxcore/link/frame.h"

#include <pthread.h>
#include <string.h>

#define MAGIC 0x31775842u /* "BXw1" */

/* ---- CRC-32C
 * --------------------------------------------------------------------------- */

static uint32_t crc_table[8][256]; /* eight bytes a step */
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;
static bool crc_hardware;

static void crc_prepare(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
		crc_table[0][i] = crc;
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int k = 1; k < 8; k++)
			crc_table[k][i] = crc_table[k - 1][i] >> 8 ^
					  crc_table[0][crc_table[k - 1][i] & 0xff];
#ifdef __x86_64__
	__builtin_cpu_init();
	crc_hardware = __builtin_cpu_supports("sse4.2");
#endif
}

static uint32_t crc_software(uint32_t crc, const uint8_t *p, size_t len)
{
	for (; len >= 8; len -= 8, p += 8) {
		uint32_t low = crc ^ wire_get_u32(p);
		uint32_t high = wire_get_u32(p + 4);

		crc = crc_table[7][low & 0xff] ^ crc_table[6][low >> 8 & 0xff] ^
		      crc_table[5][low >> 16 & 0xff] ^ crc_table[4][low >> 24] ^
		      crc_table[3][high & 0xff] ^ crc_table[2][high >> 8 & 0xff] ^
		      crc_table[1][high >> 16 & 0xff] ^ crc_table[0][high >> 24];
	}
	while (len--)
		crc = crc >> 8 ^ crc_table[0][(crc ^ *p++) & 0xff];
	return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc_sse42(
	uint32_t crc, const uint8_t *p, size_t len)
{
	uint64_t wide = crc;

	for (; len >= 8; len -= 8, p += 8) {
		uint64_t word;

		memcpy(&word, p, sizeof word);
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = (uint32_t)wide;
	while (len--)
		crc = __builtin_ia32_crc32qi(crc, *p++);
	return crc;
}
#endif

uint32_t frame_crc(uint32_t crc, const void *data, size_t len)
{
	pthread_once(&crc_once, crc_prepare);
#ifdef __x86_64__
	if (crc_hardware)
		return ~crc_sse42(~crc, data, len);
#endif
	return ~crc_software(~crc, data, len);
}

/* ---- the header
 * ------------------------------------------------------------------------ */

void frame_header(uint8_t out[FRAME_HEADER_SIZE], const struct frame *frame)
{
	wire_set_u32(out, MAGIC);
	wire_set_u32(out + 4, frame->session);
	out[8] = frame->type;
	out[9] = frame->flags;
	wire_set_u16(out + 10, 0);
	wire_set_u32(out + 12, frame->stream);
	wire_set_u32(out + 16, frame->len);
	wire_set_u32(out + 20, frame->len ? frame_crc(0, frame->payload, frame->len) : 0);
	wire_set_u32(out + 24, frame_crc(0, out, 24));
}

/* A correct header whose length may be believed. */
static bool header_parse(const uint8_t *p, struct frame *ret)
{
	if (wire_get_u32(p) != MAGIC || wire_get_u32(p + 24) != frame_crc(0, p, 24))
		return false;
	*ret = (struct frame){
		.session = wire_get_u32(p + 4),
		.type = p[8],
		.flags = p[9],
		.stream = wire_get_u32(p + 12),
		.len = wire_get_u32(p + 16),
		.payload = p + FRAME_HEADER_SIZE,
	};
	return ret->len <= LIMIT_FRAME;
}

static bool payload_right(const uint8_t *p, const struct frame *frame)
{
	uint32_t crc = frame->len ? frame_crc(0, p + FRAME_HEADER_SIZE, frame->len) : 0;

	return crc == wire_get_u32(p + 20);
}

/* ---- the decoder
 * ----------------------------------------------------------------------- */

void frame_decoder_init(struct frame_decoder *decoder, uint8_t *buf, uint8_t sync_type)
{
	*decoder = (struct frame_decoder){.buf = buf, .sync_type = sync_type};
}

void frame_decoder_resync(struct frame_decoder *decoder)
{
	decoder->len = decoder->drop = 0;
	decoder->synced = false;
}

static void drop(struct frame_decoder *decoder, size_t count)
{
	decoder->len -= count;
	if (count > 0 && decoder->len > 0)
		memmove(decoder->buf, decoder->buf + count, decoder->len);
}

/* Fills the buffer up to `want` bytes, taking no more than that. */
static bool fill(
	struct frame_decoder *decoder, const uint8_t **data, size_t *len, size_t want)
{
	if (decoder->len >= want)
		return true;
	size_t take = want - decoder->len;
	if (take > *len)
		take = *len;
	if (take > 0)
		memcpy(decoder->buf + decoder->len, *data, take);
	decoder->len += take;
	*data += take;
	*len -= take;
	return decoder->len >= want;
}

/* Drops what cannot begin a frame: at least one byte when `first` is known to be wrong.
 */
static void skip(struct frame_decoder *decoder, size_t first)
{
	const uint8_t *at = NULL;

	if (decoder->len > first)
		at = memchr(decoder->buf + first, MAGIC & 0xff, decoder->len - first);
	drop(decoder, at ? (size_t)(at - decoder->buf) : decoder->len);
}

/* Search: a whole, correct frame of the sync type, whatever comes before it. */
static enum frame_result search(struct frame_decoder *decoder, const uint8_t **data,
	size_t *len, struct frame *ret)
{
	for (;;) {
		struct frame frame;

		if (decoder->len == 0 && *len > 0) {
			const uint8_t *at = memchr(*data, MAGIC & 0xff, *len);
			size_t pass = at ? (size_t)(at - *data) : *len;

			*data += pass;
			*len -= pass;
		}
		if (!fill(decoder, data, len, FRAME_HEADER_SIZE))
			return FRAME_NEED;
		if (!header_parse(decoder->buf, &frame) ||
			frame.type != decoder->sync_type || frame.len > FRAME_SYNC_MAX) {
			skip(decoder, 1);
			continue;
		}
		if (!fill(decoder, data, len, FRAME_HEADER_SIZE + frame.len))
			return FRAME_NEED;
		if (!payload_right(decoder->buf, &frame)) {
			skip(decoder, 1);
			continue;
		}
		decoder->synced = true;
		decoder->drop = FRAME_HEADER_SIZE + frame.len;
		*ret = frame;
		return FRAME_GOT;
	}
}

/* What was gathered of the bad frame is dropped unread: a payload is data from anywhere
 * and must not be searched for a frame.  PROTO_PREAMBLE makes sure that no frame of the
 * sync type is lost with it. */
static enum frame_result lost(struct frame_decoder *decoder)
{
	frame_decoder_resync(decoder);
	return FRAME_LOST;
}

/* A frame that lies whole in the input needs no copy. */
static enum frame_result decode_in_place(struct frame_decoder *decoder,
	const uint8_t **data, size_t *len, struct frame *ret)
{
	struct frame frame;

	if (*len < FRAME_HEADER_SIZE)
		return FRAME_NEED;
	if (!header_parse(*data, &frame))
		return lost(decoder); /* nothing is taken: the search begins here */
	if (*len < FRAME_HEADER_SIZE + frame.len)
		return FRAME_NEED;
	bool right = payload_right(*data, &frame);
	*data += FRAME_HEADER_SIZE + frame.len;
	*len -= FRAME_HEADER_SIZE + frame.len;
	if (!right)
		return lost(decoder);
	*ret = frame;
	return FRAME_GOT;
}

enum frame_result frame_decode(struct frame_decoder *decoder, const uint8_t **data,
	size_t *len, struct frame *ret)
{
	struct frame frame;

	drop(decoder, decoder->drop);
	decoder->drop = 0;
	if (!decoder->synced)
		return search(decoder, data, len, ret);
	if (decoder->len == 0) {
		enum frame_result result = decode_in_place(decoder, data, len, ret);

		if (result != FRAME_NEED)
			return result;
	}
	if (!fill(decoder, data, len, FRAME_HEADER_SIZE))
		return FRAME_NEED;
	if (!header_parse(decoder->buf, &frame))
		return lost(decoder);
	if (!fill(decoder, data, len, FRAME_HEADER_SIZE + frame.len))
		return FRAME_NEED;
	if (!payload_right(decoder->buf, &frame))
		return lost(decoder);
	decoder->drop = FRAME_HEADER_SIZE + frame.len;
	*ret = frame;
	return FRAME_GOT;
}

/* ---- fields of a payload
 * --------------------------------------------------------------- */

static const uint8_t *take(struct wire *wire, size_t count)
{
	const uint8_t *at = wire->at;

	if (wire->bad || wire->left < count) {
		wire->bad = true;
		return NULL;
	}
	wire->at += count;
	wire->left -= count;
	return at;
}

uint8_t wire_u8(struct wire *wire)
{
	const uint8_t *p = take(wire, 1);

	return p ? *p : 0;
}

uint16_t wire_u16(struct wire *wire)
{
	const uint8_t *p = take(wire, 2);

	return (uint16_t)(p ? p[0] | p[1] << 8 : 0);
}

uint32_t wire_u32(struct wire *wire)
{
	const uint8_t *p = take(wire, 4);

	return p ? wire_get_u32(p) : 0;
}

uint64_t wire_u64(struct wire *wire)
{
	const uint8_t *p = take(wire, 8);

	return p ? wire_get_u64(p) : 0;
}

const char *wire_text(struct wire *wire, uint32_t *ret_len)
{
	uint32_t len = wire_u32(wire);

	*ret_len = len;
	return (const char *)take(wire, len);
}

void wire_string(struct wire *wire, char *buf, size_t size)
{
	uint32_t len;
	const char *text = wire_text(wire, &len);

	buf[0] = '\0';
	if (!text)
		return;
	if (len >= size || memchr(text, '\0', len)) {
		wire->bad = true;
		return;
	}
	memcpy(buf, text, len);
	buf[len] = '\0';
}

bool wire_end(const struct wire *wire)
{
	return !wire->bad && wire->left == 0;
}
