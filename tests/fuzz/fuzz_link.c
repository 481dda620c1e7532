/* SPDX-License-Identifier: MIT */
/*
 * A box that says anything: messages of the fuzzer's making, each in a correct frame, reach
 * the host's demultiplexer, with streams open.  It may end the link; it may not crash,
 * leak or hang.
 */
#include "boxcore/base/mem.h"
#include "boxcore/link/link-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct script {
	int fd;
	const uint8_t *data; /* messages: type, flags, stream, length, bytes */
	size_t left;
	uint8_t nonce[PROTO_NONCE_SIZE];
	bool greeted;
	bool ready; /* all streams are open */
};

static size_t frame_out(
	const struct script *script, uint8_t *out, const struct frame *given)
{
	struct frame frame = *given;

	frame.session = wire_get_u32(script->nonce);
	frame_header(out, &frame);
	if (frame.len > 0)
		memcpy(out + FRAME_HEADER_SIZE, frame.payload, frame.len);
	return FRAME_HEADER_SIZE + frame.len;
}

static ssize_t script_read(void *arg, void *buf, size_t size)
{
	struct script *script = arg;
	uint8_t ack[39] = {PROTO_VERSION};
	struct frame frame = {.type = PROTO_HELLO_ACK, .len = sizeof ack, .payload = ack};

	(void)size;
	if (wire_get_u32(script->nonce) == 0) {
		errno = EAGAIN;
		return -1;
	}
	if (!script->greeted) {
		script->greeted = true;
		memcpy(ack + 2, script->nonce, PROTO_NONCE_SIZE);
		return (ssize_t)frame_out(script, buf, &frame);
	}
	if (!script->ready) {
		errno = EAGAIN;
		return -1;
	}
	if (script->left < 4)
		return 0;
	frame = (struct frame){.type = script->data[0],
		.flags = script->data[1],
		.stream = script->data[2],
		.len = script->data[3],
		.payload = script->data + 4};
	script->data += 4;
	script->left -= 4;
	if (frame.len > script->left)
		frame.len = (uint32_t)script->left;
	script->data += frame.len;
	script->left -= frame.len;
	return (ssize_t)frame_out(script, buf, &frame);
}

/* The host's greeting is the first that is written: preamble, header, version, nonce.  Each
 * later frame comes alone, since we take all of it; LISTEN is the last that opens. */
static ssize_t script_write(void *arg, const void *data, size_t len)
{
	struct script *script = arg;
	const uint8_t *p = data;

	if (len >= PROTO_PREAMBLE + FRAME_HEADER_SIZE + 18 && !script->greeted) {
		memcpy(script->nonce, p + PROTO_PREAMBLE + FRAME_HEADER_SIZE + 2,
			PROTO_NONCE_SIZE);
		eventfd_write(script->fd, 1);
	} else if (len >= FRAME_HEADER_SIZE && p[8] == PROTO_LISTEN) {
		script->ready = true;
		eventfd_write(script->fd, 1);
	}
	return (ssize_t)len;
}

static void script_close(void *arg)
{
	close(((struct script *)arg)->fd);
	free(arg);
}

static void on_accept(void *arg, int fd)
{
	(void)arg;
	close(fd);
}

/* Streams 1 (a run), 3 (a connection as a socket) and 5 (a listener) are open. */
static void use(struct link *link)
{
	struct stream *run = NULL, *connection = NULL, *listener = NULL;
	struct cancel *cancel = cancel_new(NULL);
	struct stream_event event;
	struct err err = {0};
	int fd = -1;

	cancel_deadline(cancel, 2000, "the fuzzer's patience");
	if (stream_open(link, PROTO_START, "x", 1, &run, &err) == 0 &&
		stream_open(link, PROTO_CONNECT, "x", 1, &connection, &err) == 0 &&
		stream_socket(connection, &fd, &err) == 0) {
		connection = NULL;
		stream_listen(link, 80, on_accept, NULL, &listener, cancel, &err);
	}
	if (run)
		while (stream_read(run, &event, cancel, &err) == 0)
			continue;
	if (run)
		stream_close(run);
	if (connection)
		stream_close(connection);
	if (listener)
		stream_close(listener);
	if (fd >= 0)
		close(fd);
	cancel_free(cancel);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct link_loop *loop;
	struct script *script = mem_zalloc(sizeof *script);
	struct link_io io = {.arg = script,
		.read = script_read,
		.write = script_write,
		.close = script_close};
	struct link_options options = {.name = "fuzz", .hello_ms = 5000};
	struct link *link = NULL;
	struct err err = {0};

	if (!loop && link_loop_new(&loop, &err) < 0)
		abort();
	script->data = data;
	script->left = size;
	script->fd = io.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (link_open(loop, &io, &options, &link, NULL, &err) < 0)
		return 0; /* the script was over before the greeting was seen */
	use(link);
	link_close(link);
	return 0;
}
