/* SPDX-License-Identifier: MIT */
/* Reading and writing the socket of a box. */
#include "service/relay/io.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "service/relay/head.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

int relay_io_write(struct relay_io *io, const void *data, size_t len, struct err *err)
{
	const char *p = data;

	while (len) {
		ssize_t n = send(io->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			p += n;
			len -= (size_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return err_errno(err, errno, "the box's connection");
		struct pollfd pfd = {.fd = io->fd, .events = POLLOUT};
		int ready = cancel_poll(io->cancel, &pfd, 1, LIMIT_RELAY_BODY_MS, err);
		if (ready < 0)
			return -1;
		if (ready == 0)
			return err_set(
				err, ERR_TRANSIENT, "the box does not read its answer");
	}
	return 0;
}

int relay_io_read(struct relay_io *io, int64_t until_ms, struct err *err)
{
	for (;;) {
		char *room = strbuf_room(&io->in, LIMIT_RELAY_READ);
		if (!room)
			return strbuf_check(&io->in, "the request", err);
		ssize_t n = recv(io->fd, room, LIMIT_RELAY_READ, MSG_DONTWAIT);
		if (n > 0) {
			strbuf_grown(&io->in, (size_t)n);
			return 1;
		}
		if (n == 0 || errno == ECONNRESET)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return err_errno(err, errno, "the box's connection");
		int64_t left = until_ms - clock_mono_ms();
		if (left <= 0)
			return err_set(
				err, ERR_TRANSIENT, "the request did not come in time");
		struct pollfd pfd = {.fd = io->fd, .events = POLLIN};
		if (cancel_poll(io->cancel, &pfd, 1, left, err) < 0)
			return -1;
	}
}

ssize_t relay_io_head(struct relay_io *io, int *ret_status, struct err *err)
{
	int64_t until = clock_mono_ms() + LIMIT_RELAY_IDLE_MS;
	bool begun = false;

	*ret_status = 0;
	for (;;) {
		size_t n = relay_head_length(strbuf_str(&io->in), io->in.len);
		if (n && n <= LIMIT_RELAY_HEAD)
			return (ssize_t)n;
		if (n || io->in.len > LIMIT_RELAY_HEAD) {
			*ret_status = 431;
			return err_set(err, ERR_LIMIT, "the request's head is too long");
		}
		if (!begun && io->in.len) {
			begun = true;
			until = clock_mono_ms() + LIMIT_RELAY_HEAD_MS;
		}
		int rc = relay_io_read(io, until, err);
		if (rc == 0)
			return 0;
		if (rc < 0 && begun && err->kind == ERR_TRANSIENT)
			*ret_status = 408;
		if (rc < 0)
			return -1;
	}
}

void relay_io_linger(struct relay_io *io)
{
	int64_t until = clock_mono_ms() + LIMIT_RELAY_LINGER_MS;
	struct err err = {0};

	shutdown(io->fd, SHUT_WR);
	for (size_t all = 0; all < LIMIT_MIB; all += io->in.len) {
		strbuf_reset(&io->in);
		if (relay_io_read(io, until, &err) <= 0)
			break;
	}
}
