/* SPDX-License-Identifier: MIT */
/*
 * Frames of the box to their streams.  Everything here is judged as hostile: what the
 * protocol does not allow ends the link, and nothing is kept that was not granted.
 */
#include "boxcore/link/link-internal.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define CREDIT_MAX ((int64_t)1 << 31)

static void on_hello_ack(struct link *link, const struct frame *frame)
{
	struct wire wire = {.at = frame->payload, .left = frame->len};
	uint16_t version = wire_u16(&wire);

	if (link->attached) {
		link_die(link, "the box sent a second greeting");
		return;
	}
	if (wire.bad || wire.left < PROTO_NONCE_SIZE + sizeof link->boot_id + 5 ||
		!crypto_equal(wire.at, link->nonce, PROTO_NONCE_SIZE)) {
		frame_decoder_resync(&link->in.decoder); /* for another attach */
		return;
	}
	wire.at += PROTO_NONCE_SIZE;
	wire.left -= PROTO_NONCE_SIZE;
	memcpy(link->boot_id, wire.at, sizeof link->boot_id);
	wire.at += sizeof link->boot_id;
	wire.left -= sizeof link->boot_id;
	link->init_crc = wire_u32(&wire);
	uint8_t network = wire_u8(&wire);
	__atomic_store_n(&link->network_ready, network & 1, __ATOMIC_RELEASE);
	__atomic_store_n(&link->network_gated, network & 2, __ATOMIC_RELEASE);
	if (version != PROTO_VERSION) {
		link_die(link, "boxinit speaks version %u of the link, not %d", version,
			PROTO_VERSION);
		return;
	}
	link->attached = true;
	cond_wake_all(&link->changed);
}

static void on_link_message(struct link *link, const struct frame *frame)
{
	struct wire wire = {.at = frame->payload, .left = frame->len};
	char why[200];

	if (frame->type == PROTO_PONG)
		return;
	if (frame->type != PROTO_LOST) {
		link_die(link, "the box sent message %u, which is none of the link's",
			frame->type);
		return;
	}
	wire_string(&wire, why, sizeof why);
	for (char *at = why; *at; at++)
		if ((unsigned char)*at < ' ' || (unsigned char)*at > '~')
			*at = '?';
	link_die(link, "the box lost sync: %s", why);
}

/* ---- streams --------------------------------------------------------------------------- */

static bool needs_credit(uint8_t type)
{
	return type == PROTO_DATA || type == PROTO_OUT || type == PROTO_ERR;
}

static bool is_final(const struct frame *frame)
{
	return frame->type == PROTO_FAIL || frame->type == PROTO_EXIT ||
	       frame->type == PROTO_CLOSE ||
	       (frame->type == PROTO_REPLY && !(frame->flags & FRAME_MORE));
}

/* Does the frame keep to what the box was granted?  Else the link is dead. */
static bool afford(struct stream *stream, const struct frame *frame)
{
	if (needs_credit(frame->type)) {
		stream->window -= (int64_t)frame->len + FRAME_HEADER_SIZE;
		if (stream->window >= 0)
			return true;
		link_die(stream->link,
			"the box sent more on stream %u than it was granted", stream->id);
		return false;
	}
	stream->free_bytes += frame->len + FRAME_HEADER_SIZE;
	if (stream->free_bytes <= LIMIT_LINK_REPLY)
		return true;
	link_die(stream->link, "the box's messages on stream %u pass %lu bytes",
		stream->id, LIMIT_LINK_REPLY);
	return false;
}

static void keep(struct stream *stream, const struct frame *frame)
{
	struct node *node = mem_alloc(sizeof *node + frame->len);

	*node = (struct node){.type = frame->type,
		.more = frame->flags & FRAME_MORE,
		.len = frame->len};
	if (frame->len > 0)
		memcpy(node->data, frame->payload, frame->len);
	*stream->tail = node;
	stream->tail = &node->next;
	cond_wake_all(&stream->cond);
}

static void on_credit(struct stream *stream, const struct frame *frame)
{
	struct wire wire = {.at = frame->payload, .left = frame->len};

	stream->credit += wire_u32(&wire);
	if (!wire_end(&wire) || stream->credit > CREDIT_MAX) {
		link_die(stream->link, "the box granted an impossible amount");
		return;
	}
	if (stream->pump)
		pump_retry(stream->link);
	else
		cond_wake_all(&stream->cond);
}

static bool known_type(uint8_t type)
{
	switch (type) {
	case PROTO_OPENED:
	case PROTO_FAIL:
	case PROTO_REPLY:
	case PROTO_OUT:
	case PROTO_ERR:
	case PROTO_EXIT:
	case PROTO_DATA:
	case PROTO_EOF:
	case PROTO_CLOSE: return true;
	default: return false;
	}
}

/* Once each, and nothing but data behind. */
static bool in_order(struct stream *stream, const struct frame *frame)
{
	bool twice = (frame->type == PROTO_OPENED && stream->opened) ||
		     (frame->type == PROTO_EOF && stream->eof) ||
		     (frame->type == PROTO_DATA && stream->eof);

	if (twice || stream->ended || !known_type(frame->type)) {
		link_die(stream->link,
			"the box sent message %u on stream %u out of order", frame->type,
			stream->id);
		return false;
	}
	if (frame->type == PROTO_OPENED)
		stream->opened = true;
	if (frame->type == PROTO_EOF)
		stream->eof = true;
	return true;
}

static void on_stream(struct stream *stream, const struct frame *frame)
{
	if (frame->type == PROTO_CREDIT) {
		on_credit(stream, frame);
		return;
	}
	if (!in_order(stream, frame) || !afford(stream, frame))
		return;
	stream->ended = is_final(frame);
	if (stream->closed) {
		if (stream->ended)
			stream_delete(stream);
	} else if (!stream->pump) {
		keep(stream, frame);
	} else if (stream->ended) {
		pump_ended(stream);
	} else {
		pump_receive(stream, frame);
	}
}

/* Where a connection of a gate was to go. */
static void read_target(struct wire *wire, struct link_target *target)
{
	target->address = wire_u32(wire);
	target->port = wire_u16(wire);
	wire_string(wire, target->name, sizeof target->name);
	for (const char *at = target->name; *at; at++)
		if (*at <= ' ' || *at > '~')
			wire->bad = true;
}

static void on_accept(struct link *link, const struct frame *frame)
{
	struct wire wire = {.at = frame->payload, .left = frame->len};
	struct link_target target = {0};
	uint32_t listener = wire_u32(&wire);
	bool to_gate = wire.left > 0;

	if (to_gate)
		read_target(&wire, &target);
	if (!wire_end(&wire) || frame->stream % 2 != 0 || frame->stream == 0)
		link_die(link, "the box opened stream %u, which it may not",
			frame->stream);
	else if (link->stream_count >= LIMIT_LINK_STREAMS)
		link_die(link, "the box opened more than %d streams", LIMIT_LINK_STREAMS);
	else
		pump_accept(link, listener, frame->stream, to_gate ? &target : NULL);
}

void dispatch_frame(struct link *link, const struct frame *frame)
{
	if (frame->type == PROTO_HELLO_ACK && frame->stream == 0) {
		on_hello_ack(link, frame);
		return;
	}
	if (frame->session != link->session) {
		link_die(link, "the box sent a frame of another session");
		return;
	}
	if (frame->stream == 0) {
		on_link_message(link, frame);
		return;
	}
	struct stream *stream = stream_find(link, frame->stream);
	if (stream && frame->type != PROTO_ACCEPT)
		on_stream(stream, frame);
	else if (!stream && frame->type == PROTO_ACCEPT)
		on_accept(link, frame);
	else
		link_die(link, "the box sent message %u on stream %u, which is not open",
			frame->type, frame->stream);
}
