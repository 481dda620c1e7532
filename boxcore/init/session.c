/* SPDX-License-Identifier: MIT */
/* What comes from the host: attach, requests, data for streams. */
#include "boxcore/init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE (256 * LIMIT_KIB)
#define READS_A_ROUND 4

static struct {
	struct source source;
	struct frame_decoder decoder;
	uint8_t *read_buf;
	bool readable;
	bool attached;
	uint32_t session;
	int64_t heard_at;
	/* A START in several frames. */
	uint8_t *start;
	size_t start_len;
	uint32_t start_stream;
	bool start_bad;
} session = {.source = {.fd = -1}};

static void on_readable(struct source *source, uint32_t events)
{
	(void)source;
	(void)events;
	session.readable = true;
}

void session_start(int fd)
{
	fcntl(fd, F_SETFL, O_NONBLOCK);
	session.read_buf = init_alloc(READ_SIZE);
	frame_decoder_init(&session.decoder, init_alloc(FRAME_SIZE_MAX), PROTO_HELLO);
	source_add(&session.source, fd, on_readable);
	session.readable = true;
}

/* ---- attach ---------------------------------------------------------------------------- */

void session_closed(struct stream *stream, enum proto_fail kind)
{
	uint8_t why = (uint8_t)kind;

	out_frame(PROTO_CLOSE, stream->id, &why, 1);
}

/* Takes a stream away from what it belongs to. */
static void drop_stream(struct stream *stream, bool keep)
{
	switch (stream->kind) {
	case STREAM_RUN: run_detach(stream); break;
	case STREAM_STOP: break;
	case STREAM_TCP:
	case STREAM_LISTEN: tcp_drop(stream, keep); break;
	case STREAM_GATE: gate_drop(); break;
	}
	stream_free(stream);
	if (stream->kind == STREAM_RUN)
		run_settle(stream->run);
}

void session_drop(void)
{
	struct stream *stream;

	while ((stream = stream_each(NULL)))
		drop_stream(stream, true);
	free(session.start);
	session.start = NULL;
	session.attached = false;
}

static void on_hello(struct wire *wire)
{
	uint8_t ack[2 + PROTO_NONCE_SIZE + sizeof init_boot_id + 5];
	uint16_t version = wire_u16(wire);

	if (wire->bad || wire->left < PROTO_NONCE_SIZE || version < PROTO_VERSION)
		return;
	session_drop();
	session.session = wire_get_u32(wire->at);
	session.attached = true;
	out_session(session.session);
	wire_set_u16(ack, PROTO_VERSION);
	memcpy(ack + 2, wire->at, PROTO_NONCE_SIZE);
	memcpy(ack + 18, init_boot_id, sizeof init_boot_id);
	wire_set_u32(ack + 34, init_self_crc);
	ack[38] = (uint8_t)(net_is_set() | net_is_gated() << 1);
	out_frame(PROTO_HELLO_ACK, 0, ack, sizeof ack);
	init_wake_in(PROTO_SILENCE_MS);
}

static void on_lost(void)
{
	static const char why[] = "a frame from the host was malformed";
	uint8_t payload[4 + sizeof why];

	if (!session.attached)
		return;
	wire_set_u32(payload, sizeof why - 1);
	memcpy(payload + 4, why, sizeof why - 1);
	out_frame(PROTO_LOST, 0, payload, 4 + sizeof why - 1);
	session_drop();
}

void session_tick(void)
{
	if (!session.attached)
		return;
	int64_t left = session.heard_at + PROTO_SILENCE_MS - init_now_ms();
	if (left > 0)
		init_wake_in(left);
	else if (!session.readable)
		session_drop();
}

/* ---- requests -------------------------------------------------------------------------- */

static void on_start(const struct frame *frame)
{
	if (session.start && session.start_stream != frame->stream) {
		free(session.start);
		session.start = NULL;
	}
	if (!session.start && !(frame->flags & FRAME_MORE)) {
		run_start(frame->stream, frame->payload, frame->len);
		return;
	}
	if (!session.start) {
		session.start = init_alloc(LIMIT_RUN_ARGS);
		session.start_len = 0;
		session.start_bad = false;
		session.start_stream = frame->stream;
	}
	if (session.start_len + frame->len > LIMIT_RUN_ARGS)
		session.start_bad = true;
	else
		memcpy(session.start + session.start_len, frame->payload, frame->len);
	if (!session.start_bad)
		session.start_len += frame->len;
	if (frame->flags & FRAME_MORE)
		return;
	if (session.start_bad)
		out_fail(frame->stream, PROTO_FAIL_LIMIT,
			"arguments and environment are larger than %lu bytes",
			LIMIT_RUN_ARGS);
	else
		run_start(frame->stream, session.start, session.start_len);
	free(session.start);
	session.start = NULL;
}

/* The run that a request names, or NULL with FAIL sent. */
static struct run *named_run(uint32_t stream, struct wire *wire)
{
	char id[64];

	wire_string(wire, id, sizeof id);
	if (wire->bad) {
		out_fail(stream, PROTO_FAIL_INPUT, "malformed request");
		return NULL;
	}
	struct run *run = run_find(id);
	if (!run)
		out_fail(stream, PROTO_FAIL_NOT_FOUND, "the box has no run %s", id);
	return run;
}

static void on_attach(uint32_t id, struct wire *wire)
{
	struct run *run = named_run(id, wire);
	uint64_t offset = wire_u64(wire);

	if (!run)
		return;
	if (!run->keep) {
		out_fail(id, PROTO_FAIL_NOT_FOUND, "the run %s is not kept", run->id);
		return;
	}
	struct stream *stream = stream_new(id, STREAM_RUN);
	if (!stream)
		out_fail(
			id, PROTO_FAIL_LIMIT, "more than %d streams", LIMIT_LINK_STREAMS);
	else
		run_attach(stream, run, offset);
}

static void on_signal(uint32_t id, struct wire *wire)
{
	struct run *run = named_run(id, wire);
	uint8_t number = wire_u8(wire);

	if (!run)
		return;
	if (wire->bad || number < 1 || number > 64)
		out_fail(id, PROTO_FAIL_INPUT, "no such signal");
	else if (run->gone || !run_tell(run, number, 0))
		out_fail(id, PROTO_FAIL_NOT_FOUND, "the run %s has ended", run->id);
	else
		out_reply(id, NULL, 0);
}

static void on_stop(uint32_t id, struct wire *wire)
{
	struct run *run = named_run(id, wire);
	uint32_t grace_ms = wire_u32(wire);

	if (!run)
		return;
	if (run->gone || !run_tell(run, 0, grace_ms)) {
		out_reply(id, NULL, 0);
		return;
	}
	struct stream *stream = stream_new(id, STREAM_STOP);
	if (stream)
		stream->run = run; /* answered when no process is left */
	else
		out_fail(
			id, PROTO_FAIL_LIMIT, "more than %d streams", LIMIT_LINK_STREAMS);
}

static void on_forget(uint32_t id, struct wire *wire)
{
	struct run *run = named_run(id, wire);

	if (!run)
		return;
	if (!run->finished) {
		out_fail(id, PROTO_FAIL_CONFLICT, "the run %s has not ended", run->id);
		return;
	}
	run_forget(run);
	out_reply(id, NULL, 0);
}

static void on_list(uint32_t id)
{
	size_t size = LIMIT_BOX_RUNS * (4 + 64 + 1 + 4 + 16), len = 0;
	uint8_t *list = init_alloc(size);

	for (struct run *run = run_each(NULL); run; run = run_each(run)) {
		size_t name = strlen(run->id);

		if (!run->keep || !run->started)
			continue;
		wire_set_u32(list + len, (uint32_t)name);
		memcpy(list + len + 4, run->id, name);
		len += 4 + name;
		list[len] = run->exited;
		wire_set_u32(list + len + 1, (uint32_t)run->code);
		wire_set_u64(list + len + 5, run->spool.first);
		wire_set_u64(list + len + 13, run->spool.end);
		len += 21;
	}
	out_reply(id, list, len);
	free(list);
}

/* ---- open streams ---------------------------------------------------------------------- */

static void on_data(struct stream *stream, const struct frame *frame)
{
	if (!stream_received(stream, frame->len)) {
		session_closed(stream, PROTO_FAIL_LIMIT);
		drop_stream(stream, false);
	} else if (stream->kind == STREAM_RUN) {
		run_input(stream->run, stream->id, frame->payload, frame->len);
	} else if (stream->kind == STREAM_TCP) {
		tcp_data(stream, frame->payload, frame->len);
	}
}

static void on_stream(struct stream *stream, const struct frame *frame, struct wire *wire)
{
	bool is_run = stream->kind == STREAM_RUN;
	uint16_t rows, cols;

	switch (frame->type) {
	case PROTO_DATA: on_data(stream, frame); break;
	case PROTO_EOF:
		if (is_run)
			run_input_end(stream->run);
		else if (stream->kind == STREAM_TCP)
			tcp_eof(stream);
		break;
	case PROTO_CREDIT:
		stream->credit += wire_u32(wire);
		stream_ready(stream);
		break;
	case PROTO_OPENED:
		if (stream->kind == STREAM_TCP && stream->offered)
			tcp_taken(stream);
		break;
	case PROTO_RESIZE:
		rows = wire_u16(wire);
		cols = wire_u16(wire);
		if (is_run && !wire->bad)
			run_resize(stream->run, rows, cols);
		break;
	case PROTO_ACK:
		if (is_run)
			output_acked(stream->run, wire_u64(wire));
		break;
	case PROTO_CLOSE:
		session_closed(stream, 0);
		drop_stream(stream, false);
		break;
	default: break; /* of a newer host */
	}
}

/* ---- frames ---------------------------------------------------------------------------- */

static void on_opening(const struct frame *frame, struct wire *wire)
{
	uint32_t id = frame->stream;

	switch (frame->type) {
	case PROTO_START: on_start(frame); break;
	case PROTO_ATTACH: on_attach(id, wire); break;
	case PROTO_CONNECT: tcp_connect(id, wire_u16(wire)); break;
	case PROTO_LISTEN: tcp_listen(id, wire_u16(wire)); break;
	case PROTO_GATE: gate_listen(id); break;
	case PROTO_SIGNAL: on_signal(id, wire); break;
	case PROTO_STOP: on_stop(id, wire); break;
	case PROTO_FORGET: on_forget(id, wire); break;
	case PROTO_LIST: on_list(id); break;
	case PROTO_STATS: stats_reply(id); break;
	case PROTO_NETWORK: net_setup(id, wire); break;
	case PROTO_OPENED:
	case PROTO_DATA:
	case PROTO_EOF:
	case PROTO_CREDIT:
	case PROTO_RESIZE:
	case PROTO_ACK:
	case PROTO_CLOSE: break; /* the stream has ended here; they crossed */
	default:
		out_fail(id, PROTO_FAIL_INPUT, "this boxinit has no request %u",
			frame->type);
	}
}

static void on_frame(const struct frame *frame)
{
	struct wire wire = {.at = frame->payload, .left = frame->len};

	if (frame->type == PROTO_HELLO && frame->stream == 0) {
		on_hello(&wire);
		return;
	}
	if (!session.attached || frame->session != session.session)
		return; /* late, of a former attach */
	if (frame->stream == 0) {
		if (frame->type == PROTO_PING)
			out_frame(PROTO_PONG, 0, frame->payload,
				frame->len < 8 ? frame->len : 8);
		return;
	}
	struct stream *stream = stream_find(frame->stream);
	if (stream)
		on_stream(stream, frame, &wire);
	else
		on_opening(frame, &wire);
}

bool session_read_left(void)
{
	return session.readable && !out_stuck();
}

void session_read(void)
{
	for (int i = 0; i < READS_A_ROUND && session_read_left(); i++) {
		ssize_t n = read(session.source.fd, session.read_buf, READ_SIZE);
		const uint8_t *data = session.read_buf;
		size_t len = n > 0 ? (size_t)n : 0;
		struct frame frame;
		enum frame_result result;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			session.readable = false; /* empty, or closed for good */
			return;
		}
		session.heard_at = init_now_ms();
		while ((result = frame_decode(&session.decoder, &data, &len, &frame)) !=
			FRAME_NEED) {
			if (result == FRAME_GOT)
				on_frame(&frame);
			else
				on_lost();
		}
	}
}
