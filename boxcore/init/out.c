/* SPDX-License-Identifier: MIT */
/* What goes to the host: one buffer that is written as far as stdout takes it. */
#include "boxcore/init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATA_FULL (4 * FRAME_SIZE_MAX) /* no more data frames behind so much */
#define STUCK (16 * FRAME_SIZE_MAX)    /* no more requests: their answers would pile up */

static struct {
	struct source source;
	uint8_t *buf;
	size_t cap, start, end;
	uint32_t session;
	bool blocked; /* stdout took less than was offered */
} out = {.source = {.fd = -1}};

static void on_writable(struct source *source, uint32_t events)
{
	(void)source;
	(void)events;
	out.blocked = false;
}

void out_start(int fd)
{
	struct stat st;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
		fcntl(fd, F_SETPIPE_SZ, 1 << 20); /* fewer turns; fine without */
	source_add(&out.source, fd, on_writable);
}

void out_session(uint32_t session)
{
	out.session = session;
	out.start = out.end = 0;
}

/* Room for `size` bytes at the end of the buffer. */
static uint8_t *room(size_t size)
{
	if (out.start == out.end)
		out.start = out.end = 0;
	if (out.cap - out.end < size && out.start > 0) {
		memmove(out.buf, out.buf + out.start, out.end - out.start);
		out.end -= out.start;
		out.start = 0;
	}
	if (out.cap - out.end < size) {
		out.cap = (out.end + size) * 2;
		out.buf = realloc(out.buf, out.cap);
		if (!out.buf) {
			init_log("out of memory", "");
			_exit(70);
		}
	}
	return out.buf + out.end;
}

/* A frame whose payload lies in place, behind where its header goes. */
static void commit(enum proto_type type, uint8_t flags, uint32_t stream, size_t len)
{
	uint8_t *at = out.buf + out.end;
	struct frame frame = {
		.session = out.session,
		.stream = stream,
		.type = (uint8_t)type,
		.flags = flags,
		.len = (uint32_t)len,
		.payload = at + FRAME_HEADER_SIZE,
	};

	frame_header(at, &frame);
	out.end += FRAME_HEADER_SIZE + len;
}

uint8_t *out_room(void)
{
	return room(FRAME_SIZE_MAX) + FRAME_HEADER_SIZE;
}

void out_commit(enum proto_type type, uint32_t stream, size_t len)
{
	commit(type, 0, stream, len);
}

void out_frame(enum proto_type type, uint32_t stream, const void *payload, size_t len)
{
	uint8_t *at = room(FRAME_HEADER_SIZE + len);

	if (len > 0)
		memcpy(at + FRAME_HEADER_SIZE, payload, len);
	commit(type, 0, stream, len);
}

void out_reply(uint32_t stream, const void *payload, size_t len)
{
	const uint8_t *p = payload;

	do {
		size_t part = len < LIMIT_FRAME ? len : LIMIT_FRAME;
		uint8_t *at = room(FRAME_HEADER_SIZE + part);

		if (part > 0)
			memcpy(at + FRAME_HEADER_SIZE, p, part);
		p += part;
		len -= part;
		commit(PROTO_REPLY, len > 0 ? FRAME_MORE : 0, stream, part);
	} while (len > 0);
}

void out_fail(uint32_t stream, enum proto_fail kind, const char *fmt, ...)
{
	uint8_t payload[405];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf((char *)payload + 5, sizeof payload - 5, fmt, ap);
	va_end(ap);
	size_t len = n < 0 ? 0 : (size_t)n;
	if (len > sizeof payload - 6)
		len = sizeof payload - 6;
	payload[0] = (uint8_t)kind;
	wire_set_u32(payload + 1, (uint32_t)len);
	out_frame(PROTO_FAIL, stream, payload, 5 + len);
}

enum proto_fail fail_of_errno(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
	case ESRCH: return PROTO_FAIL_NOT_FOUND;
	case EACCES:
	case EPERM:
	case EROFS: return PROTO_FAIL_DENIED;
	case EEXIST:
	case EBUSY:
	case EADDRINUSE:
	case ENOTEMPTY:
	case EISDIR: return PROTO_FAIL_CONFLICT;
	case EINVAL:
	case ENAMETOOLONG:
	case ELOOP:
	case ENOEXEC: return PROTO_FAIL_INPUT;
	case E2BIG:
	case EFBIG: return PROTO_FAIL_LIMIT;
	case EAGAIN:
	case ENOMEM:
	case ENOSPC:
	case EDQUOT:
	case EMFILE:
	case ENFILE:
	case ECONNREFUSED:
	case ECONNRESET:
	case EPIPE:
	case ETIMEDOUT: return PROTO_FAIL_TRANSIENT;
	default: return PROTO_FAIL_INTERNAL;
	}
}

void out_fail_errno(uint32_t stream, int errnum, const char *what)
{
	out_fail(stream, fail_of_errno(errnum), "%s: %s", what, strerror(errnum));
}

bool out_full(void)
{
	return out.blocked || out.end - out.start >= DATA_FULL;
}

bool out_stuck(void)
{
	return out.end - out.start >= STUCK;
}

void out_flush(void)
{
	while (!out.blocked && out.start < out.end) {
		ssize_t n =
			write(out.source.fd, out.buf + out.start, out.end - out.start);

		if (n > 0)
			out.start += (size_t)n;
		else if (n < 0 && errno == EINTR)
			continue;
		else if (n < 0 && errno == EAGAIN)
			out.blocked = true;
		else
			out.start = out.end; /* nobody there: as the Engine does */
	}
}
