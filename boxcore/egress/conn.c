/* SPDX-License-Identifier: MIT */
/* A connection from its first bytes to its end: reading, judging, connecting. */
#include "boxcore/egress/egress-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

void conn_deadline(struct conn *conn, int64_t ms)
{
	conn->egress->timed += (ms > 0) - (conn->deadline_ms > 0);
	conn->deadline_ms = ms > 0 ? clock_mono_ms() + ms : 0;
}

static bool watch(struct end *end, int fd)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = end};

	end->fd = fd;
	return epoll_ctl(end->conn->egress->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void close_end(struct end *end)
{
	if (end->fd >= 0)
		close(end->fd); /* leaves the epoll set by it */
	end->fd = -1;
	free(end->held);
	end->held = NULL;
	end->held_len = 0;
	end->readable = end->writable = end->hup = false;
}

void conn_end(struct conn *conn)
{
	struct egress *egress = conn->egress;

	if (conn->state == CONN_DEAD)
		return;
	conn_deadline(conn, 0);
	conn->state = CONN_DEAD;
	if (conn->lookup)
		lookup_abandon(egress->lookups, conn->lookup);
	conn->lookup = NULL;
	close_end(&conn->ends[BOX]);
	close_end(&conn->ends[SERVER]);
	*conn->link = conn->next;
	if (conn->next)
		conn->next->link = conn->link;
	conn->next = egress->dead;
	egress->dead = conn;
	egress_ended(conn);
}

/* ---- refusing -------------------------------------------------------------------------- */

static void answer_403(struct conn *conn, const char *name, const char *reason)
{
	char body[512], text[768];

	snprintf(body, sizeof body,
		"boxwright: the network policy of this box refuses %s: %s\n", name,
		reason);
	int len = snprintf(text, sizeof text,
		"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\n"
		"Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
		strlen(body), body);
	conn->state = CONN_LINGER;
	conn->ends[BOX].finish = true;
	conn_deadline(conn, LIMIT_EGRESS_LINGER_MS);
	carry_send(conn, BOX, (const uint8_t *)text, (size_t)len);
	if (conn->state == CONN_LINGER)
		carry_flush(conn, BOX);
}

static void refuse(
	struct conn *conn, const struct egress_address *address, const char *reason)
{
	char text[EGRESS_ADDRESS_TEXT];

	egress_tell(conn, address, false, reason);
	if (!conn->http || conn->state == CONN_CARRY) {
		conn_end(conn);
		return;
	}
	egress_address_print(&conn->target.address, text);
	answer_403(conn, conn->target.name[0] ? conn->target.name : text, reason);
}

/* ---- connecting ------------------------------------------------------------------------ */

static int open_socket(const struct conn *conn, const struct egress_address *address)
{
	bool v4 = egress_address_is_v4(address);
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(conn->port)};
	struct sockaddr_in6 in6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(conn->port)};
	int one = 1, idle_s = 60;
	int fd = socket(
		v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	memcpy(&in.sin_addr, address->bytes + 12, sizeof in.sin_addr);
	memcpy(&in6.sin6_addr, address->bytes, sizeof in6.sin6_addr);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
	int rc = v4 ? connect(fd, (const struct sockaddr *)&in, sizeof in)
		    : connect(fd, (const struct sockaddr *)&in6, sizeof in6);
	if (rc == 0 || errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

/* The next address that there is. */
static void try_next(struct conn *conn)
{
	close_end(&conn->ends[SERVER]);
	while (conn->address_at < conn->address_count) {
		int fd = open_socket(conn, &conn->addresses[conn->address_at++]);

		if (fd < 0)
			continue;
		size_t left = conn->address_count - conn->address_at + 1;
		conn->state = CONN_CONNECT;
		conn_deadline(conn, LIMIT_EGRESS_CONNECT_MS / (int64_t)left);
		if (!watch(&conn->ends[SERVER], fd))
			break;
		return;
	}
	/* As where nobody listens; the policy had nothing against it. */
	conn_end(conn);
}

static void on_connecting(struct conn *conn)
{
	struct end *server = &conn->ends[SERVER];
	int errnum = 0;
	socklen_t size = sizeof errnum;

	if (conn->ends[BOX].hup) {
		conn_end(conn);
		return;
	}
	if (!server->writable)
		return;
	getsockopt(server->fd, SOL_SOCKET, SO_ERROR, &errnum, &size);
	if (errnum != 0) {
		try_next(conn);
		return;
	}
	egress_tell(conn, &conn->addresses[conn->address_at - 1], true, "");
	conn->state = CONN_CARRY;
	conn_deadline(conn, 0);
	conn_read_more(conn);
	if (conn->state == CONN_CARRY)
		carry_step(conn);
}

/* ---- addresses ------------------------------------------------------------------------- */

/* Takes those that may be connected to; the reason of the last that may not. */
static const char *choose(
	struct conn *conn, const struct egress_address *addresses, size_t count)
{
	struct egress_host host = egress_host(conn->egress);
	const char *refused = NULL;

	conn->address_count = 0;
	for (size_t i = 0; i < count; i++) {
		const char *why =
			judge_address(conn->policy, conn->judge, &addresses[i], &host);

		if (why)
			refused = why;
		else
			conn->addresses[conn->address_count++] = addresses[i];
	}
	return conn->address_count > 0 ? NULL : refused;
}

/* Of the addresses that the target leads to. */
static void go_to(struct conn *conn, const struct egress_address *addresses, size_t count)
{
	const char *refused = choose(conn, addresses, count);

	if (count == 0)
		refuse(conn, &conn->target.address, "its name leads to no address");
	else if (refused)
		refuse(conn, &addresses[count - 1], refused);
	else
		try_next(conn);
}

void conn_looked_up(struct conn *conn, struct lookup *lookup)
{
	conn->lookup = NULL;
	go_to(conn, lookup->addresses, lookup->count);
}

/* It may go there: finds out where that is. */
static void go(struct conn *conn)
{
	const struct pretence *pretence =
		egress_pretence(conn->egress, conn->target.name);

	conn->port = conn->target.port;
	if (conn->judge == JUDGE_ADDRESS) {
		go_to(conn, &conn->target.address, 1);
	} else if (pretence && pretence->port == 0) {
		go_to(conn, &pretence->address, 1);
	} else if (pretence && conn->judge == JUDGE_NAME) {
		conn->addresses[0] = pretence->address;
		conn->address_count = 1;
		conn->port = pretence->port;
		try_next(conn);
	} else {
		conn->state = CONN_LOOKUP;
		conn_deadline(conn, LIMIT_EGRESS_RESOLVE_MS);
		conn->lookup = lookup_begin(
			conn->egress->lookups, conn->box->id, conn->target.name, conn);
	}
}

/* ---- the first bytes ------------------------------------------------------------------- */

/* Reads what the client has said so far: true when that is enough, with what it named. */
static bool understand(struct conn *conn, char *ret_said, bool *ret_bad)
{
	size_t pass = 0;
	enum hello hello = hello_read(conn->first, conn->first_len, ret_said);

	*ret_bad = hello == HELLO_BAD;
	if (hello != HELLO_HTTP)
		return hello != HELLO_MORE;
	conn->http = true;
	enum requests_result result =
		requests_scan(&conn->requests, conn->first, conn->first_len, &pass);
	*ret_bad = result == REQUESTS_BAD;
	str_copy(ret_said, LIMIT_EGRESS_NAME + 1, conn->requests.host);
	return result != REQUESTS_MORE;
}

/* 0: wait for more; 1: judged and fine; -1: refused. */
static int judge_first(struct conn *conn)
{
	char said[LIMIT_EGRESS_NAME + 1] = "";
	const char *reason = NULL;
	bool bad = false;

	if (!understand(conn, said, &bad))
		return 0;
	conn->judged = true;
	if (!bad)
		conn->judge = judge_target(conn->policy, &conn->target, said, &reason);
	if (bad || conn->judge == JUDGE_NO) {
		refuse(conn, &conn->target.address,
			bad ? "its first bytes are malformed" : reason);
		return -1;
	}
	return 1;
}

static void on_first(struct conn *conn)
{
	bool had = conn->first_len > 0;

	while (conn->state == CONN_FIRST && carry_read_first(conn))
		continue;
	if (conn->state != CONN_FIRST)
		return;
	if (conn->ends[BOX].hup || (conn->ends[BOX].eof && conn->first_len == 0)) {
		conn_end(conn);
		return;
	}
	if (conn->first_len == 0)
		return;
	if (!had)
		conn_deadline(conn, LIMIT_EGRESS_HELLO_MS);
	if (judge_first(conn) > 0)
		go(conn);
}

/* The client waits for the server to speak, or is slow: its destination decides whether it
 * is connected, and what it says then is judged before it goes on. */
static void on_silence(struct conn *conn)
{
	const char *reason = NULL;

	conn->judge = judge_target(conn->policy, &conn->target, "", &reason);
	if (conn->judge == JUDGE_NO)
		refuse(conn, &conn->target.address, reason);
	else
		go(conn);
}

static void shift_first(struct conn *conn, size_t size)
{
	conn->first_len -= size;
	memmove(conn->first, conn->first + size, conn->first_len);
	if (conn->first_len == 0) {
		free(conn->first);
		conn->first = NULL;
	}
}

static void pass_first(struct conn *conn, size_t size)
{
	carry_send(conn, SERVER, conn->first, size);
	if (conn->state == CONN_CARRY)
		shift_first(conn, size);
}

static void read_requests(struct conn *conn)
{
	while (conn->state == CONN_CARRY && conn->first_len > 0) {
		const char *reason = NULL;
		size_t pass = 0;
		enum requests_result result = requests_scan(
			&conn->requests, conn->first, conn->first_len, &pass);

		if (pass > 0)
			pass_first(conn, pass);
		if (conn->state != CONN_CARRY || result == REQUESTS_MORE)
			return;
		if (result == REQUESTS_BAD)
			refuse(conn, &conn->target.address, "a request is malformed");
		else if (judge_target(conn->policy, &conn->target, conn->requests.host,
				 &reason) == JUDGE_NO)
			refuse(conn, &conn->target.address, reason);
	}
}

void conn_read_more(struct conn *conn)
{
	if (!conn->judged) {
		if (conn->first_len == 0)
			return;
		int judged = judge_first(conn);
		if (judged == 0 && conn->deadline_ms == 0)
			conn_deadline(conn, LIMIT_EGRESS_HELLO_MS);
		if (judged <= 0)
			return;
		conn_deadline(conn, 0);
	}
	if (conn->http)
		read_requests(conn);
	else if (conn->first_len > 0)
		pass_first(conn, conn->first_len);
}

/* ---- steps ----------------------------------------------------------------------------- */

static void on_linger(struct conn *conn)
{
	carry_flush(conn, BOX);
	conn->first_len = 0; /* what it still says is thrown away */
	while (conn->state == CONN_LINGER && carry_read_first(conn))
		conn->first_len = 0;
	if (conn->state == CONN_LINGER && (conn->ends[BOX].eof || conn->ends[BOX].hup))
		conn_end(conn);
}

void conn_step(struct conn *conn)
{
	switch (conn->state) {
	case CONN_FIRST: on_first(conn); break;
	case CONN_LOOKUP:
		if (conn->ends[BOX].hup)
			conn_end(conn);
		break;
	case CONN_CONNECT: on_connecting(conn); break;
	case CONN_CARRY: carry_step(conn); break;
	case CONN_LINGER: on_linger(conn); break;
	case CONN_DEAD: break;
	}
}

void conn_tick(struct conn *conn, int64_t now_ms)
{
	if (conn->deadline_ms == 0 || now_ms < conn->deadline_ms)
		return;
	conn_deadline(conn, 0);
	switch (conn->state) {
	case CONN_FIRST:
		if (conn->first_len == 0)
			on_silence(conn);
		else
			refuse(conn, &conn->target.address,
				"its first bytes did not come in time");
		break;
	case CONN_CONNECT: try_next(conn); break;
	case CONN_CARRY: /* half open for long, or half a hello */
	case CONN_LOOKUP:
	case CONN_LINGER: conn_end(conn); break;
	case CONN_DEAD: break;
	}
}

void conn_start(struct conn *conn)
{
	int fd = conn->ends[BOX].fd;

	conn->ends[BOX].conn = conn->ends[SERVER].conn = conn;
	conn->ends[SERVER].fd = -1;
	conn->state = CONN_FIRST;
	conn_deadline(conn, LIMIT_EGRESS_FIRST_MS);
	if (!watch(&conn->ends[BOX], fd))
		conn_end(conn);
}
