/* SPDX-License-Identifier: MIT */
/* Bytes of a link: the queue towards the box, what comes from it, the Engine's headers. */
#define LOG_MODULE "link"

#include "boxcore/link/link-internal.h"

#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define READS_A_TURN 4

enum { STDCOPY_STDIN, STDCOPY_STDOUT, STDCOPY_STDERR, STDCOPY_ENGINE };

/* ---- out ------------------------------------------------------------------------------- */

size_t wire_queued(const struct link *link)
{
	return link->out.end - link->out.start;
}

static uint8_t *room(struct link *link, size_t size)
{
	if (link->out.start == link->out.end)
		link->out.start = link->out.end = 0;
	if (link->out.cap - link->out.end < size && link->out.start > 0) {
		memmove(link->out.buf, link->out.buf + link->out.start,
			wire_queued(link));
		link->out.end -= link->out.start;
		link->out.start = 0;
	}
	if (link->out.cap - link->out.end < size) {
		link->out.cap = (link->out.end + size) * 2;
		link->out.buf = mem_grow(link->out.buf, link->out.cap, 1);
	}
	return link->out.buf + link->out.end;
}

static void append(struct link *link, const struct frame *frame)
{
	uint8_t *at = room(link, FRAME_HEADER_SIZE + frame->len);

	frame_header(at, frame);
	if (frame->len > 0)
		memcpy(at + FRAME_HEADER_SIZE, frame->payload, frame->len);
	link->out.end += FRAME_HEADER_SIZE + frame->len;
}

void wire_queue(struct link *link, enum proto_type type, uint8_t flags, uint32_t stream,
	const void *payload, size_t len)
{
	struct frame frame = {
		.session = link->session,
		.stream = stream,
		.type = (uint8_t)type,
		.flags = flags,
		.len = (uint32_t)len,
		.payload = payload,
	};

	if (link->dead)
		return;
	append(link, &frame);
	if (wire_queued(link) > LIMIT_LINK_QUEUE)
		link_die(link, "the box takes nothing; more than %lu bytes are queued",
			LIMIT_LINK_QUEUE);
}

void wire_queue_hello(struct link *link)
{
	uint8_t payload[2 + PROTO_NONCE_SIZE];
	uint8_t *zeros = room(link, PROTO_PREAMBLE);

	memset(zeros, 0, PROTO_PREAMBLE);
	link->out.end += PROTO_PREAMBLE;
	wire_set_u16(payload, PROTO_VERSION);
	memcpy(payload + 2, link->nonce, PROTO_NONCE_SIZE);
	wire_queue(link, PROTO_HELLO, 0, 0, payload, sizeof payload);
}

/* Data may go on: those who waited for room. */
static void wake_writers(struct link *link)
{
	if (wire_queued(link) >= LINK_QUEUE_LOW)
		return;
	if (link->out.waiting > 0)
		for (int i = 0; i < LINK_BUCKETS; i++)
			for (struct stream *at = link->buckets[i]; at; at = at->next)
				cond_wake_all(&at->cond);
}

void wire_flush(struct link *link)
{
	while (!link->dead && !link->out.blocked && wire_queued(link) > 0) {
		ssize_t n = link->io.write(
			link->io.arg, link->out.buf + link->out.start, wire_queued(link));

		if (n > 0)
			link->out.start += (size_t)n;
		else if (n < 0 && errno == EINTR)
			continue;
		else if (n < 0 && errno == EAGAIN)
			link->out.blocked = true;
		else
			link_die(link, "write: %s", strerror(n < 0 ? errno : EPIPE));
	}
	wake_writers(link);
}

/* ---- in -------------------------------------------------------------------------------- */

static void feed(struct link *link, const uint8_t *data, size_t len)
{
	struct frame frame;

	while (!link->dead) {
		switch (frame_decode(&link->in.decoder, &data, &len, &frame)) {
		case FRAME_NEED: return;
		case FRAME_GOT: dispatch_frame(link, &frame); break;
		case FRAME_LOST: link_die(link, "the box sent a malformed frame"); return;
		}
	}
}

static void log_stderr(struct link *link, const uint8_t *data, size_t len)
{
	log_debug("boxinit says box=%s text=%.*s", link->name, len > 400 ? 400 : (int)len,
		(const char *)data);
}

/* One piece of the body of the Engine's frame. */
static void feed_body(struct link *link, const uint8_t *data, size_t len)
{
	if (link->in.head[0] == STDCOPY_STDOUT)
		feed(link, data, len);
	else
		log_stderr(link, data, len);
}

static void feed_stdcopy(struct link *link, const uint8_t *data, size_t len)
{
	while (len > 0 && !link->dead) {
		if (link->in.body_left == 0) {
			size_t take = sizeof link->in.head - link->in.head_len;

			if (take > len)
				take = len;
			memcpy(link->in.head + link->in.head_len, data, take);
			link->in.head_len += take;
			data += take;
			len -= take;
			if (link->in.head_len < sizeof link->in.head)
				return;
			link->in.head_len = 0;
			const uint8_t *h = link->in.head;
			link->in.body_left = (size_t)h[4] << 24 | (size_t)h[5] << 16 |
					     (size_t)h[6] << 8 | h[7];
			if (h[0] > STDCOPY_ENGINE || h[1] || h[2] || h[3])
				link_die(link, "the engine's stream is malformed");
			continue;
		}
		size_t take = len < link->in.body_left ? len : link->in.body_left;
		feed_body(link, data, take);
		link->in.body_left -= take;
		data += take;
		len -= take;
	}
}

bool wire_read(struct link *link)
{
	uint8_t *buf = loop_buffer(link->loop);

	for (int i = 0; i < READS_A_TURN && !link->dead; i++) {
		ssize_t n = link->io.read(link->io.arg, buf, LOOP_BUFFER);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n == 0)
			link_die(link, "the connection was closed");
		else if (n < 0)
			link_die(link, "read: %s", strerror(errno));
		else if (link->stdcopy)
			feed_stdcopy(link, buf, (size_t)n);
		else
			feed(link, buf, (size_t)n);
	}
	return !link->dead;
}
