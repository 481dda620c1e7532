/* SPDX-License-Identifier: MIT */
/*
 * Frames: how messages lie in the byte stream of a link.  Pure code, shared with boxinit.
 *
 * A frame is a header of FRAME_HEADER_SIZE bytes and a payload of at most LIMIT_FRAME;
 * all numbers are little-endian:
 *
 *	u32 magic   u32 session   u8 type   u8 flags   u16 zero
 *	u32 stream  u32 length    u32 CRC of the payload   u32 CRC of the header before
 *
 * Both CRCs (Castagnoli) are verified before a frame is given out, so a frame that was
 * torn by a writer's death is never taken for data.  `session` names the attach that the
 * frame belongs to: a late frame of a former attach is whole, but is not ours.
 *
 * A decoder starts, and after anything malformed goes on, in search of one frame of its
 * sync type (HELLO in the box, HELLO_ACK on the host): bytes are skipped until a whole
 * and correct one is there; the payload of a frame that proved bad is dropped, not
 * searched.  It never reads past what it was given, keeps at most one
 * frame, and believes no length before the header's CRC.
 */
#ifndef BOXCORE_LINK_FRAME_H
#define BOXCORE_LINK_FRAME_H

#include "boxcore/base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADER_SIZE 28
#define FRAME_SIZE_MAX (FRAME_HEADER_SIZE + LIMIT_FRAME)
#define FRAME_SYNC_MAX 512 /* payload of a frame of the sync type */
#define FRAME_MORE 1 /* flag: the message goes on in the next frame of this stream */

struct frame {
	uint32_t session;
	uint32_t stream;
	uint8_t type;
	uint8_t flags;
	uint32_t len;
	const uint8_t *payload; /* of a decoded frame: borrowed until the next call */
};

/* Writes the header of `frame`, whose payload must be complete, into `out`. */
void frame_header(uint8_t out[FRAME_HEADER_SIZE], const struct frame *frame);

uint32_t frame_crc(uint32_t crc, const void *data, size_t len); /* start with 0 */

struct frame_decoder {
	uint8_t *buf; /* FRAME_SIZE_MAX bytes, for what lies across two reads */
	size_t len;   /* bytes in buf */
	size_t drop;  /* of these, given out by the last call */
	uint8_t sync_type;
	bool synced;
};

/* `buf` is the caller's: FRAME_SIZE_MAX bytes that live as long as the decoder. */
void frame_decoder_init(struct frame_decoder *decoder, uint8_t *buf, uint8_t sync_type);
/* Back into search, dropping what was kept. */
void frame_decoder_resync(struct frame_decoder *decoder);

enum frame_result {
	FRAME_NEED, /* all input was taken; more is needed */
	FRAME_GOT,  /* *ret is a frame; call again with what is left of the input */
	FRAME_LOST, /* malformed: the decoder is in search from now on; call again */
};
/* Takes from *data and *len. */
enum frame_result frame_decode(struct frame_decoder *decoder, const uint8_t **data,
	size_t *len, struct frame *ret);

/* ---- fields of a payload
 * --------------------------------------------------------------- Numbers little-endian;
 * a text is a u32 length and its bytes, without NUL. */

static inline void wire_set_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}
static inline void wire_set_u32(uint8_t *p, uint32_t v)
{
	wire_set_u16(p, (uint16_t)v);
	wire_set_u16(p + 2, (uint16_t)(v >> 16));
}
static inline void wire_set_u64(uint8_t *p, uint64_t v)
{
	wire_set_u32(p, (uint32_t)v);
	wire_set_u32(p + 4, (uint32_t)(v >> 32));
}
static inline uint32_t wire_get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}
static inline uint64_t wire_get_u64(const uint8_t *p)
{
	return wire_get_u32(p) | (uint64_t)wire_get_u32(p + 4) << 32;
}

/* Reads fields in order; a short payload sets `bad`, which sticks, and yields zeros. */
struct wire {
	const uint8_t *at;
	size_t left;
	bool bad;
};
uint8_t wire_u8(struct wire *wire);
uint16_t wire_u16(struct wire *wire);
uint32_t wire_u32(struct wire *wire);
uint64_t wire_u64(struct wire *wire);
/* A text, borrowed from the payload and not NUL-terminated; NULL when bad. */
const char *wire_text(struct wire *wire, uint32_t *ret_len);
/* A text copied into buf with NUL; bad when it does not fit or has a NUL within. */
void wire_string(struct wire *wire, char *buf, size_t size);
/* All read and nothing left. */
bool wire_end(const struct wire *wire);

#endif
