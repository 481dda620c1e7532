/* SPDX-License-Identifier: MIT */
/* TCP on the box's loopback: connections that the host makes, and ports it listens on. */
#include "boxcore/init/init.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static uint32_t next_accepted = 2;

/* Ports whose host has died: the next LISTEN takes them up again, and whoever connects
 * meanwhile waits in the kernel's queue. */
static struct {
	int fd;
	uint16_t port;
} parked[LIMIT_BOX_LISTENS];
static int parked_count;
static int listens;

/* Connections that were offered to a host which died before it took them.  Nothing was
 * read from them yet, so the next host gets them whole. */
static struct {
	int fd;
	uint16_t port;
} waiting[128];
static int waiting_count;

/* Nothing goes on in either direction: the last message. */
static bool end_if_done(struct stream *stream)
{
	if (!stream->sent_eof || !stream->writer.eof || stream->writer.head)
		return false;
	session_closed(stream, 0);
	stream_free(stream);
	return true;
}

static void end_broken(struct stream *stream, int errnum)
{
	session_closed(stream, fail_of_errno(errnum));
	stream_free(stream);
}

static void write_on(struct stream *stream)
{
	writer_flush(&stream->writer, stream->source.fd);
	if (stream->writer.eof && !stream->writer.head)
		shutdown(stream->source.fd, SHUT_WR);
	end_if_done(stream);
}

/* The connection has come about, or has failed; true when there is one. */
static bool connected(struct stream *stream)
{
	int errnum = 0;
	socklen_t size = sizeof errnum;

	getsockopt(stream->source.fd, SOL_SOCKET, SO_ERROR, &errnum, &size);
	stream->connecting = false;
	if (errnum == 0) {
		out_frame(PROTO_OPENED, stream->id, NULL, 0);
		return true;
	}
	out_fail(stream->id, fail_of_errno(errnum), "connect to port %u in the box: %s",
		stream->port, strerror(errnum));
	stream_free(stream);
	return false;
}

static void on_socket(struct source *source, uint32_t events)
{
	struct stream *stream = CONTAINER_OF(source, struct stream, source);

	if (stream->connecting) {
		if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) || !connected(stream))
			return;
	}
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		stream->readable = true;
		stream_ready(stream);
	}
	if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) && stream->writer.head)
		write_on(stream);
}

bool tcp_produce(struct stream *stream)
{
	int64_t most = stream_room(stream);

	if (stream->connecting || stream->offered || !stream->readable ||
		stream->sent_eof || most == 0)
		return false;
	ssize_t n = read(stream->source.fd, out_room(), (size_t)most);
	if (n > 0) {
		out_commit(PROTO_DATA, stream->id, (size_t)n);
		stream_spent(stream, (size_t)n);
		return true;
	}
	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && errno == EAGAIN) {
		stream->readable = false;
		return false;
	}
	if (n < 0) {
		end_broken(stream, errno);
		return false;
	}
	stream->sent_eof = true;
	out_frame(PROTO_EOF, stream->id, NULL, 0);
	end_if_done(stream);
	return false;
}

void tcp_data(struct stream *stream, const uint8_t *data, size_t len)
{
	if (stream->connecting || stream->writer.eof) {
		session_closed(stream, PROTO_FAIL_INPUT);
		stream_free(stream);
		return;
	}
	writer_add(&stream->writer, stream->source.fd, stream->id, data, len);
}

void tcp_eof(struct stream *stream)
{
	if (stream->connecting || stream->writer.eof)
		return;
	stream->writer.eof = true;
	if (!stream->writer.head)
		write_on(stream);
}

static int loopback_socket(uint16_t port, struct sockaddr_in *ret_addr)
{
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*ret_addr = (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

void tcp_connect(uint32_t id, uint16_t port)
{
	struct sockaddr_in addr;

	if (!net_is_set()) {
		out_fail(id, PROTO_FAIL_CONFLICT, "the box's network is not set up yet");
		return;
	}
	struct stream *stream = stream_new(id, STREAM_TCP);
	if (!stream) {
		out_fail(
			id, PROTO_FAIL_LIMIT, "more than %d streams", LIMIT_LINK_STREAMS);
		return;
	}
	stream->port = port;
	stream->connecting = true;
	int fd = loopback_socket(port, &addr);
	if (fd < 0 || (connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0 &&
			      errno != EINPROGRESS)) {
		out_fail_errno(id, errno, "connect in the box");
		if (fd >= 0)
			close(fd);
		stream_free(stream);
		return;
	}
	source_add(&stream->source, fd, on_socket); /* reports the outcome at once */
}

/* ---- listening ------------------------------------------------------------------------- */

/* Reads from it when the host has answered OPENED. */
bool tcp_offer(int fd, const uint8_t *payload, size_t len, bool gated)
{
	struct stream *stream = stream_new(next_accepted, STREAM_TCP);

	if (!stream) {
		close(fd);
		return false;
	}
	next_accepted += 2;
	stream->offered = true;
	stream->gated = gated;
	out_frame(PROTO_ACCEPT, stream->id, payload, len);
	source_add(&stream->source, fd, on_socket);
	return true;
}

static void offer(struct stream *listener, int fd)
{
	uint8_t payload[4];
	uint32_t id = next_accepted;

	wire_set_u32(payload, listener->id);
	if (tcp_offer(fd, payload, sizeof payload, false))
		stream_find(id)->port = listener->port;
}

void tcp_taken(struct stream *stream)
{
	stream->offered = false;
	stream_ready(stream);
}

static bool accept_one(struct stream *listener)
{
	int one = 1;
	int fd = accept4(listener->source.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return errno == EINTR || errno == ECONNABORTED;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	offer(listener, fd);
	return true;
}

static void offer_waiting(struct stream *listener)
{
	for (int i = 0; i < waiting_count;) {
		int fd = waiting[i].fd;

		if (waiting[i].port != listener->port) {
			i++;
			continue;
		}
		waiting[i] = waiting[--waiting_count];
		offer(listener, fd);
	}
}

static void on_listener(struct source *source, uint32_t events)
{
	(void)events;
	while (accept_one(CONTAINER_OF(source, struct stream, source)))
		continue;
}

static int take_parked(uint16_t port)
{
	for (int i = 0; i < parked_count; i++) {
		int fd = parked[i].fd;

		if (parked[i].port != port)
			continue;
		parked[i] = parked[--parked_count];
		return fd;
	}
	return -1;
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in addr;
	int one = 1;
	int fd = loopback_socket(port, &addr);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0 && listen(fd, 128) == 0)
		return fd;
	int errnum = errno;
	close(fd);
	errno = errnum;
	return -1;
}

void tcp_listen(uint32_t id, uint16_t port)
{
	if (!net_is_set()) {
		out_fail(id, PROTO_FAIL_CONFLICT, "the box's network is not set up yet");
		return;
	}
	int fd = take_parked(port);
	if (fd < 0 && listens + parked_count >= LIMIT_BOX_LISTENS) {
		out_fail(id, PROTO_FAIL_LIMIT, "more than %d listening ports",
			LIMIT_BOX_LISTENS);
		return;
	}
	if (fd < 0)
		fd = listen_on(port);
	struct stream *stream = fd < 0 ? NULL : stream_new(id, STREAM_LISTEN);
	if (!stream) {
		out_fail(id, fd < 0 ? fail_of_errno(errno) : PROTO_FAIL_LIMIT,
			"listen on port %u in the box: %s", port,
			fd < 0 ? strerror(errno) : "too many streams");
		if (fd >= 0)
			close(fd);
		return;
	}
	stream->port = port;
	listens++;
	out_frame(PROTO_OPENED, id, NULL, 0);
	offer_waiting(stream);
	source_add(&stream->source, fd, on_listener); /* reports queued ones at once */
}

static void drop_connection(struct stream *stream, bool keep)
{
	struct linger reset = {.l_onoff = 1, .l_linger = 0};
	int fd = stream->source.fd;

	if (keep && stream->offered && stream->gated && gate_keep(fd)) {
		source_forget(&stream->source);
		return;
	}
	if (keep && stream->offered && !stream->gated &&
		waiting_count < (int)(sizeof waiting / sizeof *waiting)) {
		source_forget(&stream->source);
		waiting[waiting_count].fd = fd;
		waiting[waiting_count++].port = stream->port;
		return;
	}
	/* Cut short: the peer shall not take it for a regular end. */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

void tcp_end_gated(void)
{
	struct stream *next, *at = stream_each(NULL);

	for (; at; at = next) {
		next = stream_each(at);
		if (!at->gated)
			continue;
		session_closed(at, PROTO_FAIL_DENIED);
		drop_connection(at, false);
		stream_free(at);
	}
}

bool tcp_end_stale(void)
{
	struct stream *oldest = NULL;

	for (struct stream *at = stream_each(NULL); at; at = stream_each(at))
		if (at->gated && at->writer.eof && !at->writer.head &&
			(!oldest || at->id < oldest->id))
			oldest = at;
	if (!oldest)
		return false;
	session_closed(oldest, PROTO_FAIL_LIMIT);
	drop_connection(oldest, false);
	stream_free(oldest);
	return true;
}

void tcp_drop(struct stream *stream, bool keep)
{
	if (stream->kind == STREAM_TCP) {
		drop_connection(stream, keep);
		return;
	}
	listens--;
	if (!keep)
		return;
	int fd = stream->source.fd;
	source_forget(&stream->source);
	parked[parked_count].fd = fd;
	parked[parked_count++].port = stream->port;
}
