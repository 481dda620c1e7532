/* SPDX-License-Identifier: MIT */
/* Streams of the present attach: their table, credit both ways, turns, input queues. */
#include "boxcore/init/init.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GRANT_STEP (LIMIT_STREAM_CREDIT / 4)

static struct stream *streams;
static size_t stream_count;
static struct stream *ready_head, **ready_tail = &ready_head;

struct stream *stream_new(uint32_t id, enum stream_kind kind)
{
	if (stream_count >= LIMIT_LINK_STREAMS)
		return NULL;
	struct stream *stream = init_alloc(sizeof *stream);
	stream->id = id;
	stream->kind = kind;
	stream->credit = stream->window = LIMIT_STREAM_CREDIT;
	stream->source.fd = -1;
	writer_start(&stream->writer);
	stream->next = streams;
	streams = stream;
	stream_count++;
	return stream;
}

struct stream *stream_find(uint32_t id)
{
	for (struct stream *at = streams; at; at = at->next)
		if (at->id == id)
			return at;
	return NULL;
}

struct stream *stream_each(struct stream *after)
{
	return after ? after->next : streams;
}

static void unready(struct stream *stream)
{
	for (struct stream **at = &ready_head; *at; at = &(*at)->next_ready) {
		if (*at != stream)
			continue;
		*at = stream->next_ready;
		if (ready_tail == &stream->next_ready)
			ready_tail = at;
		break;
	}
	stream->ready = false;
}

void stream_free(struct stream *stream)
{
	if (stream->ready)
		unready(stream);
	for (struct stream **at = &streams; *at; at = &(*at)->next) {
		if (*at == stream) {
			*at = stream->next;
			stream_count--;
			break;
		}
	}
	if (stream->gated)
		gate_ended();
	writer_clear(&stream->writer);
	source_close(&stream->source);
	init_free_later(stream);
}

void stream_ready(struct stream *stream)
{
	if (stream->ready)
		return;
	stream->ready = true;
	stream->next_ready = NULL;
	*ready_tail = stream;
	ready_tail = &stream->next_ready;
}

bool stream_pump_left(void)
{
	return ready_head && !out_full();
}

/* Each ready stream sends one frame in turn. */
void stream_pump(void)
{
	while (ready_head && !out_full()) {
		struct stream *stream = ready_head;
		bool more = false;

		unready(stream);
		uint32_t id = stream->id;
		if (stream->kind == STREAM_RUN)
			more = output_produce(stream);
		else if (stream->kind == STREAM_TCP)
			more = tcp_produce(stream);
		if (more && stream_find(id) == stream)
			stream_ready(stream);
		if (out_full())
			out_flush();
	}
}

/* ---- credit ---------------------------------------------------------------------------- */

int64_t stream_room(const struct stream *stream)
{
	int64_t room = stream->credit - FRAME_HEADER_SIZE - PROTO_RECORD_HEADER;

	return room < 0                         ? 0
	       : room > (int64_t)PROTO_DATA_MAX ? (int64_t)PROTO_DATA_MAX
						: room;
}

void stream_spent(struct stream *stream, size_t payload)
{
	stream->credit -= (int64_t)payload + FRAME_HEADER_SIZE;
}

bool stream_received(struct stream *stream, size_t payload)
{
	stream->window -= (int64_t)payload + FRAME_HEADER_SIZE;
	return stream->window >= 0;
}

static void stream_consumed(uint32_t id, size_t payload)
{
	struct stream *stream = stream_find(id);
	uint8_t more[4];

	if (!stream)
		return;
	stream->consumed += (uint32_t)payload + FRAME_HEADER_SIZE;
	if (stream->consumed < GRANT_STEP)
		return;
	wire_set_u32(more, stream->consumed);
	out_frame(PROTO_CREDIT, id, more, sizeof more);
	stream->window += stream->consumed;
	stream->consumed = 0;
}

/* ---- input queues ---------------------------------------------------------------------- */

struct chunk {
	struct chunk *next;
	uint32_t stream;
	size_t cost; /* payload of the frame that it came in */
	size_t len, at;
	uint8_t data[];
};

void writer_start(struct writer *writer)
{
	*writer = (struct writer){0};
	writer->tail = &writer->head;
}

/* How much of data fd took; sets broken when nobody will ever read. */
static size_t try_write(struct writer *writer, int fd, const uint8_t *data, size_t len)
{
	size_t done = 0;

	while (done < len && !writer->broken) {
		ssize_t n = write(fd, data + done, len - done);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			return done;
		else if (n < 0 && errno != EINTR)
			writer->broken = true;
	}
	return writer->broken ? len : done;
}

void writer_add(
	struct writer *writer, int fd, uint32_t stream, const uint8_t *data, size_t len)
{
	size_t done = 0;

	if (fd < 0)
		writer->broken = true;
	if (!writer->head)
		done = try_write(writer, fd, data, len);
	if (done == len) {
		stream_consumed(stream, len);
		return;
	}
	struct chunk *chunk = init_alloc(sizeof *chunk + len - done);
	*chunk = (struct chunk){.stream = stream, .cost = len, .len = len - done};
	memcpy(chunk->data, data + done, len - done);
	*writer->tail = chunk;
	writer->tail = &chunk->next;
	writer->bytes += sizeof *chunk + chunk->len;
}

static void drop_head(struct writer *writer)
{
	struct chunk *chunk = writer->head;

	writer->head = chunk->next;
	if (!writer->head)
		writer->tail = &writer->head;
	writer->bytes -= sizeof *chunk + chunk->len;
	free(chunk);
}

void writer_flush(struct writer *writer, int fd)
{
	while (writer->head) {
		struct chunk *chunk = writer->head;

		chunk->at += try_write(
			writer, fd, chunk->data + chunk->at, chunk->len - chunk->at);
		if (chunk->at < chunk->len)
			return;
		stream_consumed(chunk->stream, chunk->cost);
		drop_head(writer);
	}
}

void writer_clear(struct writer *writer)
{
	while (writer->head)
		drop_head(writer);
}

/* Numbers begin anew with each attach: no later stream may be granted this one's cost. */
void writer_disown(struct writer *writer, uint32_t stream)
{
	for (struct chunk *chunk = writer->head; chunk; chunk = chunk->next)
		if (chunk->stream == stream)
			chunk->stream = 0;
}
