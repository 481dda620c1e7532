/* SPDX-License-Identifier: MIT */
/* Streams as their users see them: open, read, write, close. */
#include "boxcore/link/link-internal.h"

#include "boxcore/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define GRANT_STEP ((uint32_t)LIMIT_STREAM_CREDIT / 4)
#define WRITE_MIN 4096 /* smaller credit is not worth a frame unless it is the rest */

/* ---- the table ------------------------------------------------------------------------- */

struct stream *stream_find(struct link *link, uint32_t id)
{
	struct stream *at = link->buckets[id % LINK_BUCKETS];

	while (at && at->id != id)
		at = at->next;
	return at;
}

struct stream *stream_add(struct link *link, uint32_t id)
{
	struct stream *stream = mem_zalloc(sizeof *stream);
	struct stream **bucket = &link->buckets[id % LINK_BUCKETS];

	stream->link = link;
	stream->id = id;
	stream->credit = stream->window = LIMIT_STREAM_CREDIT;
	stream->tail = &stream->head;
	cond_init(&stream->cond);
	stream->next = *bucket;
	*bucket = stream;
	link->stream_count++;
	return stream;
}

static void drop_nodes(struct stream *stream)
{
	while (stream->head) {
		struct node *node = stream->head;

		stream->head = node->next;
		free(node);
	}
	stream->tail = &stream->head;
	free(stream->current);
	stream->current = NULL;
}

void stream_delete(struct stream *stream)
{
	struct stream **at = &stream->link->buckets[stream->id % LINK_BUCKETS];

	while (*at != stream)
		at = &(*at)->next;
	*at = stream->next;
	stream->link->stream_count--;
	drop_nodes(stream);
	cond_release(&stream->cond);
	free(stream);
}

void stream_granted(struct stream *stream, size_t payload)
{
	struct link *link = stream->link;
	uint8_t more[4];

	stream->consumed += (uint32_t)payload + FRAME_HEADER_SIZE;
	if (stream->consumed < GRANT_STEP || stream->ended)
		return;
	wire_set_u32(more, stream->consumed);
	stream->window += stream->consumed;
	stream->consumed = 0;
	wire_queue(link, PROTO_CREDIT, 0, stream->id, more, sizeof more);
	wire_flush(link);
}

/* ---- open and close -------------------------------------------------------------------- */

struct stream *stream_begin(struct link *link, struct err *err)
{
	if (link->dead) {
		link_error(link, err);
		return NULL;
	}
	if (link->stream_count >= LIMIT_LINK_STREAMS) {
		err_set(err, ERR_LIMIT, "box %s has more than %d streams open",
			link->name, LIMIT_LINK_STREAMS);
		return NULL;
	}
	struct stream *stream = stream_add(link, link->next_id);
	link->next_id += 2;
	if (link->next_id > UINT32_MAX - 2)
		link_die(link, "its stream numbers are used up");
	link->used++;
	return stream;
}

/* An opening message in as many frames as it takes. */
void stream_send_opening(
	struct stream *stream, enum proto_type type, const uint8_t *payload, size_t len)
{
	do {
		size_t part = len < LIMIT_FRAME ? len : LIMIT_FRAME;

		len -= part;
		wire_queue(stream->link, type, len > 0 ? FRAME_MORE : 0, stream->id,
			payload, part);
		payload += part;
	} while (len > 0);
	wire_flush(stream->link);
}

int stream_open(struct link *link, enum proto_type type, const void *payload, size_t len,
	struct stream **ret_stream, struct err *err)
{
	static const uint8_t nothing[1];

	if (len > LIMIT_RUN_ARGS)
		return err_set(err, ERR_LIMIT,
			"a request to a box of %zu bytes is larger than %lu", len,
			LIMIT_RUN_ARGS);
	LOCKED(&link->lock);
	struct stream *stream = stream_begin(link, err);
	if (!stream)
		return -1;
	stream_send_opening(stream, type, payload ? payload : nothing, len);
	*ret_stream = stream;
	return 0;
}

void stream_close(struct stream *stream)
{
	struct link *link = stream->link;

	LOCKED(&link->lock);
	link->used--;
	stream->closed = true;
	while (stream->calling)
		cond_wait(&stream->cond, &link->lock);
	if (stream->ended || link->dead) {
		stream_delete(stream);
		return;
	}
	drop_nodes(stream);
	wire_queue(link, PROTO_CLOSE, 0, stream->id, NULL, 0);
	wire_flush(link);
}

/* ---- reading --------------------------------------------------------------------------- */

static enum err_kind kind_of_fail(uint8_t kind)
{
	switch (kind) {
	case PROTO_FAIL_INPUT: return ERR_INPUT;
	case PROTO_FAIL_DENIED: return ERR_DENIED;
	case PROTO_FAIL_NOT_FOUND: return ERR_NOT_FOUND;
	case PROTO_FAIL_CONFLICT: return ERR_CONFLICT;
	case PROTO_FAIL_LIMIT: return ERR_LIMIT;
	case PROTO_FAIL_TRANSIENT: return ERR_TRANSIENT;
	default: return ERR_INTERNAL;
	}
}

/* The box's words go into an error for people: printable only. */
static int fail_to_err(const struct node *node, struct err *err)
{
	struct wire wire = {.at = node->data, .left = node->len};
	uint8_t kind = wire_u8(&wire);
	uint32_t len = 0;
	const char *text = wire_text(&wire, &len);
	char clean[400];
	size_t n = 0;

	for (; text && n < len && n < sizeof clean - 1; n++)
		clean[n] = text[n] >= ' ' && text[n] <= '~' ? text[n] : '?';
	clean[n] = '\0';
	return err_set(err, kind_of_fail(kind), "%s", clean);
}

static bool has_message(void *arg)
{
	return ((struct stream *)arg)->head != NULL;
}

/* Takes the first message; its data are charged to the reader from now on. */
static struct node *take(struct stream *stream)
{
	struct node *node = stream->head;

	stream->head = node->next;
	if (!stream->head)
		stream->tail = &stream->head;
	stream->current = node;
	if (node->type == PROTO_DATA || node->type == PROTO_OUT ||
		node->type == PROTO_ERR)
		stream_granted(stream, node->len);
	if (stream->ended && !stream->head)
		stream->read_up = true;
	return node;
}

int stream_read(struct stream *stream, struct stream_event *ret_event,
	struct cancel *cancel, struct err *err)
{
	struct link *link = stream->link;

	LOCKED(&link->lock);
	free(stream->current);
	stream->current = NULL;
	if (stream->read_up)
		return err_set(err, ERR_INTERNAL, "a stream was read past its end");
	if (link_wait(link, &stream->cond, has_message, stream, -1, cancel, err) < 0)
		return -1;
	if (!stream->head)
		return link_error(link, err);
	const struct node *node = take(stream);
	if (node->type == PROTO_FAIL)
		return fail_to_err(node, err);
	*ret_event = (struct stream_event){.type = node->type,
		.more = node->more,
		.data = node->data,
		.len = node->len};
	return 0;
}

/* ---- writing --------------------------------------------------------------------------- */

int stream_send(struct stream *stream, enum proto_type type, const void *payload,
	size_t len, struct err *err)
{
	struct link *link = stream->link;

	LOCKED(&link->lock);
	if (link->dead)
		return link_error(link, err);
	if (!stream->ended)
		wire_queue(link, type, 0, stream->id, payload, len);
	wire_flush(link);
	return 0;
}

static bool may_write(void *arg)
{
	const struct stream *stream = arg;

	return stream->ended || (stream->credit >= WRITE_MIN + FRAME_HEADER_SIZE &&
					wire_queued(stream->link) < LINK_QUEUE_LOW);
}

static size_t write_some(struct stream *stream, const uint8_t *data, size_t len)
{
	size_t part = (size_t)stream->credit - FRAME_HEADER_SIZE;

	if (part > PROTO_DATA_MAX)
		part = PROTO_DATA_MAX;
	if (part > len)
		part = len;
	stream->credit -= (int64_t)part + FRAME_HEADER_SIZE;
	wire_queue(stream->link, PROTO_DATA, 0, stream->id, data, part);
	wire_flush(stream->link);
	return part;
}

int stream_write(struct stream *stream, const void *data, size_t len,
	struct cancel *cancel, struct err *err)
{
	struct link *link = stream->link;
	const uint8_t *p = data;

	LOCKED(&link->lock);
	while (len > 0) {
		link->out.waiting++;
		int rc = link_wait(
			link, &stream->cond, may_write, stream, -1, cancel, err);
		link->out.waiting--;
		if (rc < 0)
			return -1;
		if (link->dead)
			return link_error(link, err);
		if (stream->ended)
			return err_set(err, ERR_CONFLICT, "the other end has gone");
		size_t part = write_some(stream, p, len);
		p += part;
		len -= part;
	}
	return 0;
}

/* ---- both in one thread ---------------------------------------------------------------- */

static bool may_do_either(void *arg)
{
	return has_message(arg) || may_write(arg);
}

int stream_wait(struct stream *stream, bool write, struct stream_turn *ret_turn,
	struct cancel *cancel, struct err *err)
{
	struct link *link = stream->link;

	LOCKED(&link->lock);
	link->out.waiting += write;
	int rc = link_wait(link, &stream->cond, write ? may_do_either : has_message,
		stream, -1, cancel, err);
	link->out.waiting -= write;
	if (rc < 0)
		return -1;
	*ret_turn = (struct stream_turn){
		.readable = has_message(stream), .writable = write && may_write(stream)};
	return link->dead && !ret_turn->readable ? link_error(link, err) : 0;
}

size_t stream_write_now(struct stream *stream, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t done = 0;

	LOCKED(&stream->link->lock);
	while (done < len && !stream->ended && !stream->link->dead && may_write(stream))
		done += write_some(stream, p + done, len - done);
	return stream->ended ? len : done; /* nobody will read it */
}
