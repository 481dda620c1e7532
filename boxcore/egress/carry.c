/* SPDX-License-Identifier: MIT */
/* Bytes both ways between a box and the server that it may talk to. */
#include "boxcore/egress/egress-internal.h"

#include "boxcore/base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS 16 /* parts moved for one connection before the others have theirs */

/* ---- to an end ------------------------------------------------------------------------- */

/* How much it took; an end that is broken ends the connection. */
static size_t try_send(struct end *end, const uint8_t *data, size_t len)
{
	size_t done = 0;

	while (done < len && end->writable && end->conn->state != CONN_DEAD) {
		ssize_t n = send(end->fd, data + done, len - done, MSG_NOSIGNAL);

		if (n >= 0)
			done += (size_t)n;
		else if (errno == EAGAIN)
			end->writable = false;
		else if (errno != EINTR)
			conn_end(end->conn);
	}
	return done;
}

static void shut_if_done(struct end *end)
{
	if (!end->finish || end->shut || end->held_len > 0)
		return;
	end->shut = true;
	shutdown(end->fd, SHUT_WR);
}

void carry_flush(struct conn *conn, int which)
{
	struct end *end = &conn->ends[which];

	if (end->held_len > 0) {
		size_t n = try_send(end, end->held + end->held_at, end->held_len);

		if (conn->state == CONN_DEAD)
			return;
		end->held_at += n;
		end->held_len -= n;
		if (end->held_len == 0) {
			free(end->held);
			end->held = NULL;
			end->held_at = 0;
		}
	}
	shut_if_done(end);
}

static void hold(struct end *end, const uint8_t *data, size_t len)
{
	uint8_t *all = mem_alloc(end->held_len + len);

	if (end->held_len > 0)
		memcpy(all, end->held + end->held_at, end->held_len);
	memcpy(all + end->held_len, data, len);
	free(end->held);
	end->held = all;
	end->held_at = 0;
	end->held_len += len;
}

void carry_send(struct conn *conn, int which, const uint8_t *data, size_t len)
{
	struct end *end = &conn->ends[which];
	size_t n = end->held_len > 0 ? 0 : try_send(end, data, len);

	if (n < len && conn->state != CONN_DEAD)
		hold(end, data + n, len - n);
}

/* ---- from an end ----------------------------------------------------------------------- */

/* recv() that knows of edges: bytes, 0 for nothing now; sets eof. */
static size_t receive(struct end *end, uint8_t *buf, size_t size)
{
	for (;;) {
		ssize_t n = recv(end->fd, buf, size, 0);

		if (n > 0)
			return (size_t)n;
		if (n < 0 && errno == EINTR)
			continue;
		end->readable = false;
		if (n == 0)
			end->eof = true;
		else if (errno != EAGAIN)
			conn_end(end->conn);
		return 0;
	}
}

bool carry_read_first(struct conn *conn)
{
	struct end *end = &conn->ends[BOX];

	if (!end->readable || end->eof || conn->first_len >= LIMIT_EGRESS_HEAD)
		return false;
	if (!conn->first)
		conn->first = mem_alloc(LIMIT_EGRESS_HEAD);
	size_t n = receive(
		end, conn->first + conn->first_len, LIMIT_EGRESS_HEAD - conn->first_len);
	conn->first_len += n;
	return n > 0;
}

static bool needs_reading(const struct conn *conn)
{
	if (conn->http)
		return conn->requests.state != REQUESTS_RAW || conn->first_len > 0;
	return !conn->judged;
}

static bool from_box(struct conn *conn)
{
	struct end *end = &conn->ends[BOX];

	if (!end->readable || end->eof || conn->ends[SERVER].held_len > 0)
		return false;
	if (needs_reading(conn)) {
		if (!carry_read_first(conn))
			return end->eof;
		conn_read_more(conn);
		return true;
	}
	size_t n = receive(end, conn->egress->buffer, LIMIT_EGRESS_BUFFER);
	if (n > 0)
		carry_send(conn, SERVER, conn->egress->buffer, n);
	return n > 0 || end->eof;
}

static bool from_server(struct conn *conn)
{
	struct end *end = &conn->ends[SERVER];
	uint8_t *buffer = conn->egress->buffer;

	if (!end->readable || end->eof || conn->ends[BOX].held_len > 0)
		return false;
	size_t n = receive(end, buffer, LIMIT_EGRESS_BUFFER);
	if (n == 0)
		return end->eof;
	/* A server that speaks first: what comes from the box is of no protocol that names
	 * servers.  What was read of it without being understood goes on too. */
	if (!conn->judged) {
		conn->judged = true;
		carry_send(conn, SERVER, conn->first, conn->first_len);
		conn->first_len = 0;
	}
	carry_send(conn, BOX, buffer, n);
	if (conn->http && conn->state != CONN_DEAD) {
		requests_answered(&conn->requests, buffer, n);
		conn_read_more(conn);
	}
	return true;
}

/* ---- all ------------------------------------------------------------------------------- */

/* What an end has said to its end is said to the other. */
static void pass_ends(struct conn *conn)
{
	struct end *box = &conn->ends[BOX], *server = &conn->ends[SERVER];

	if (server->eof && !box->finish) {
		box->finish = true;
		shut_if_done(box);
	}
	if (box->eof && !server->finish) {
		if (conn->first_len > 0) { /* the half of a hello or request */
			conn_end(conn);
			return;
		}
		server->finish = true;
		shut_if_done(server);
	}
	bool over = (box->shut && server->shut) ||
		    (box->hup && box->eof && server->held_len == 0) ||
		    (server->hup && server->eof && box->held_len == 0 && box->shut);
	if (over)
		conn_end(conn);
}

void carry_step(struct conn *conn)
{
	bool moved = true;

	carry_flush(conn, BOX);
	if (conn->state == CONN_CARRY)
		carry_flush(conn, SERVER);
	for (int i = 0; i < TURNS && moved && conn->state == CONN_CARRY; i++) {
		moved = from_box(conn);
		if (conn->state == CONN_CARRY)
			moved = from_server(conn) || moved;
	}
	if (conn->state != CONN_CARRY)
		return;
	pass_ends(conn);
	if (conn->state != CONN_CARRY)
		return;
	bool half = conn->ends[BOX].eof || conn->ends[SERVER].eof;
	if (half)
		conn_deadline(conn, LIMIT_EGRESS_HALF_MS);
	if (moved && !conn->again) {
		conn->again = true;
		conn->next_again = conn->egress->again;
		conn->egress->again = conn;
	}
}
