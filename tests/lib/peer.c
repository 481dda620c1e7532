/* SPDX-License-Identifier: MIT */
/* The misbehaving server: one thread accepts, one thread a connection. */
#include "tests/lib/peer.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/thread.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>

#define PEER_MAX 256 /* connections of one test */

struct connection {
	struct peer *peer;
	pthread_t thread;
	int fd;
};

struct peer {
	peer_handler handler;
	void *arg;
	int listener;
	uint16_t port;
	char *path;
	pthread_t thread;
	struct lock lock;
	struct connection connections[PEER_MAX];
	int count;
	bool stopping;
};

static void *serve(void *arg)
{
	struct connection *c = arg;

	c->peer->handler(c->peer->arg, c->peer, c->fd);
	shutdown(c->fd,
		SHUT_RDWR); /* closed by peer_stop(), so that no number is reused */
	return NULL;
}

static void *accept_loop(void *arg)
{
	struct peer *peer = arg;
	struct err err = {0};

	for (;;) {
		int fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
		LOCKED(&peer->lock);
		if (fd < 0 || peer->stopping || peer->count == PEER_MAX) {
			if (fd >= 0)
				close(fd);
			return NULL;
		}
		struct connection *c = &peer->connections[peer->count++];
		c->peer = peer;
		c->fd = fd;
		if (thread_start(&c->thread, "peer", serve, c, &err) < 0)
			abort();
	}
}

static int listen_unix(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unlink(path);
	snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0)
		abort();
	return fd;
}

static int listen_loopback(uint16_t *ret_port)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t size = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 ||
		getsockname(fd, (struct sockaddr *)&at, &size) < 0)
		abort();
	*ret_port = ntohs(at.sin_port);
	return fd;
}

struct peer *peer_start(const char *path, peer_handler handler, void *arg)
{
	struct peer *peer = mem_zalloc(sizeof *peer);
	struct err err = {0};

	lock_init(&peer->lock);
	peer->handler = handler;
	peer->arg = arg;
	peer->path = mem_strdup(path);
	peer->listener = path ? listen_unix(path) : listen_loopback(&peer->port);
	if (listen(peer->listener, 64) < 0 ||
		thread_start(&peer->thread, "peer-accept", accept_loop, peer, &err) < 0)
		abort();
	return peer;
}

void peer_stop(struct peer *peer)
{
	if (!peer)
		return;
	lock_take(&peer->lock);
	peer->stopping = true;
	lock_give(&peer->lock);
	shutdown(peer->listener, SHUT_RDWR);
	thread_join(peer->thread);
	for (int i = 0; i < peer->count; i++)
		shutdown(peer->connections[i].fd, SHUT_RDWR);
	for (int i = 0; i < peer->count; i++) {
		thread_join(peer->connections[i].thread);
		close(peer->connections[i].fd);
	}
	close(peer->listener);
	if (peer->path)
		unlink(peer->path);
	free(peer->path);
	lock_release(&peer->lock);
	free(peer);
}

uint16_t peer_port(const struct peer *peer)
{
	return peer->port;
}

int peer_connections(struct peer *peer)
{
	LOCKED(&peer->lock);
	return peer->count;
}

bool peer_stopping(struct peer *peer)
{
	LOCKED(&peer->lock);
	return peer->stopping;
}

static bool read_byte(int fd, char *c)
{
	return recv(fd, c, 1, 0) == 1;
}

static bool read_line(int fd, struct strbuf *sb, size_t *ret_start)
{
	char c = 0;

	*ret_start = sb->len;
	while (c != '\n') {
		if (!read_byte(fd, &c))
			return false;
		strbuf_addc(sb, c);
	}
	return true;
}

static bool read_exactly(int fd, struct strbuf *sb, size_t len)
{
	char buf[65536];

	while (len > 0) {
		ssize_t n = recv(fd, buf, len < sizeof buf ? len : sizeof buf, 0);
		if (n <= 0)
			return false;
		strbuf_add(sb, buf, (size_t)n);
		len -= (size_t)n;
	}
	return true;
}

static bool read_chunks(int fd, struct strbuf *body)
{
	for (;;) {
		CLEANUP(strbuf) struct strbuf line = STRBUF_INIT(4096);
		size_t start = 0;

		if (!read_line(fd, &line, &start))
			return false;
		size_t len = strtoul(line.data, NULL, 16);
		if (!read_exactly(fd, body, len) || !read_line(fd, &line, &start))
			return false;
		if (len == 0)
			return true;
	}
}

bool peer_header(
	const struct peer_request *request, const char *name, char *buf, size_t size)
{
	size_t len = strlen(name);
	const char *line = strchr(request->head, '\n');

	for (; line; line = strchr(line, '\n')) {
		line++;
		if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
			const char *value = line + len + 1;
			value += strspn(value, " ");
			snprintf(buf, size, "%.*s", (int)strcspn(value, "\r\n"), value);
			return true;
		}
	}
	return false;
}

bool peer_request(int fd, struct peer_request *ret_request)
{
	CLEANUP(strbuf) struct strbuf head = STRBUF_INIT(LIMIT_HTTP_HEAD);
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_ENGINE_ANSWER);
	char value[64];
	size_t start = 0;

	*ret_request = (struct peer_request){0};
	do {
		if (!read_line(fd, &head, &start))
			return false;
	} while (strcmp(head.data + start, "\r\n") != 0);
	if (sscanf(head.data, "%15s %1023s", ret_request->method, ret_request->target) !=
		2)
		return false;
	ret_request->head = strbuf_take(&head);
	bool ok = true;
	if (peer_header(ret_request, "Transfer-Encoding", value, sizeof value))
		ok = read_chunks(fd, &body);
	else if (peer_header(ret_request, "Content-Length", value, sizeof value))
		ok = read_exactly(fd, &body, strtoul(value, NULL, 10));
	ret_request->body_len = body.len;
	strbuf_addc(&body, '\0');
	ret_request->body = strbuf_take(&body);
	if (!ok)
		peer_request_release(ret_request);
	return ok;
}

void peer_request_release(struct peer_request *request)
{
	free(request->head);
	free(request->body);
	*request = (struct peer_request){0};
}

bool peer_write(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

bool peer_printf(int fd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	CLEANUP(mem) char *text = mem_vprintf(fmt, ap);
	va_end(ap);
	return peer_write(fd, text, strlen(text));
}

bool peer_answer(int fd, int status, const char *type, const char *body)
{
	return peer_printf(fd,
		"HTTP/1.1 %d X\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s",
		status, type, strlen(body), body);
}

void peer_hang(int fd)
{
	char buf[4096];

	while (recv(fd, buf, sizeof buf, 0) > 0)
		continue;
}
