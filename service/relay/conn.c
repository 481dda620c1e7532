/* SPDX-License-Identifier: MIT */
/*
 * One connection from a box: read a request, answer it, read the next.  Blocking, in
 * straight lines; every wait has a limit and ends when the lease is cancelled.
 */
#include "service/relay/impl.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"

#include <string.h>

int conn_write(struct conn *conn, const void *data, size_t len, struct err *err)
{
	return relay_io_write(&conn->io, data, len, err);
}

/* Length of the head, 0 at the end of the connection, -1: nothing more can be said. */
static ssize_t read_head(struct conn *conn, struct call *call)
{
	struct err err = {0};
	int status;
	ssize_t n = relay_io_head(&conn->io, &status, &err);

	if (n < 0 && status)
		conn_refuse(conn, call, status, err.text);
	return n;
}

/* ---- the body -------------------------------------------------------------------------- */

/* What is buffered goes into the body first; then it is read in pieces.  0, or a status. */
static int read_plain(struct conn *conn, struct call *call, struct err *err)
{
	size_t want = (size_t)call->head.content_length;
	int64_t until = clock_mono_ms() + LIMIT_RELAY_BODY_MS;

	if (want > LIMIT_MODEL_REQUEST) {
		err_set(err, ERR_LIMIT, "the request has %zu bytes; %lu are allowed",
			want, LIMIT_MODEL_REQUEST);
		return 413;
	}
	if (!relay_hold(conn, want)) {
		err_set(err, ERR_TRANSIENT, "too many large requests at a time");
		return 503;
	}
	for (;;) {
		size_t left = want - call->body.len;
		size_t n = conn->io.in.len < left ? conn->io.in.len : left;
		strbuf_add(&call->body, strbuf_str(&conn->io.in), n);
		strbuf_consume(&conn->io.in, n);
		if (call->body.len == want)
			return 0;
		int rc = relay_io_read(&conn->io, until, err);
		if (rc == 0)
			err_set(err, ERR_INPUT, "the request's body was cut");
		if (rc <= 0)
			return rc < 0 && err->kind == ERR_TRANSIENT ? 408 : 400;
	}
}

static int read_chunked(struct conn *conn, struct call *call, struct err *err)
{
	struct relay_chunks chunks = {0};
	int64_t until = clock_mono_ms() + LIMIT_RELAY_BODY_MS;

	for (;;) {
		size_t used = 0;
		int rc = relay_chunks_feed(&chunks, strbuf_str(&conn->io.in),
			conn->io.in.len, &used, &call->body, err);
		strbuf_consume(&conn->io.in, used);
		if (rc < 0)
			return strbuf_failed(&call->body) ? 413 : 400;
		if (rc > 0)
			return 0;
		if (call->body.len > conn->held &&
			!relay_hold(conn, call->body.len - conn->held + LIMIT_MIB)) {
			err_set(err, ERR_TRANSIENT, "too many large requests at a time");
			return 503;
		}
		rc = relay_io_read(&conn->io, until, err);
		if (rc == 0)
			err_set(err, ERR_INPUT, "the request's body was cut");
		if (rc <= 0)
			return rc < 0 && err->kind == ERR_TRANSIENT ? 408 : 400;
	}
}

static int read_body(struct conn *conn, struct call *call, struct err *err)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	const struct relay_head *head = &call->head;

	if (!head->chunked && head->content_length == 0)
		return 0;
	if (head->expect_continue && conn->io.in.len == 0 &&
		(uint64_t)head->content_length <= LIMIT_MODEL_REQUEST &&
		conn_write(conn, go_on, strlen(go_on), err) < 0)
		return 400;
	return head->chunked ? read_chunked(conn, call, err)
			     : read_plain(conn, call, err);
}

/* ---- one request ----------------------------------------------------------------------- */

/* The head's slices point into `text`, which outlives the call. */
static int understand(
	struct conn *conn, struct call *call, const struct strbuf *text, struct err *err)
{
	int status = relay_head_parse(strbuf_str(text), text->len, &call->head, err);

	if (status)
		return status;
	call->route = relay_route_find(conn->lease, call, &status, err);
	if (!call->route)
		return status;
	return read_body(conn, call, err);
}

static void call_release(struct call *call)
{
	strbuf_release(&call->body);
}
DEFINE_CLEANUP(call, struct call, call_release(value))

/* false when the connection has ended. */
static bool serve_one(struct conn *conn)
{
	CLEANUP(call)
	struct call call = {
		.provider = conn->lease->allow[RELAY_ANTHROPIC] ? RELAY_ANTHROPIC
								: RELAY_OPENAI,
		.body = STRBUF_INIT(LIMIT_MODEL_REQUEST),
	};
	CLEANUP(strbuf) struct strbuf head = STRBUF_INIT(LIMIT_RELAY_HEAD);
	struct err err = {0};
	ssize_t n = read_head(conn, &call);

	if (n <= 0)
		return false;
	strbuf_add(&head, conn->io.in.data, (size_t)n);
	strbuf_consume(&conn->io.in, (size_t)n);
	int status = understand(conn, &call, &head, &err);
	if (status) {
		/* Where the next request would begin is not known any more. */
		if (err.kind != ERR_CANCELLED)
			conn_refuse(conn, &call, status, err.text);
		return false;
	}
	call.keep = !call.head.close;
	return relay_forward(conn, &call) && call.keep;
}

void conn_serve(struct conn *conn)
{
	while (serve_one(conn))
		relay_unhold(conn);
	relay_io_linger(&conn->io);
	relay_unhold(conn);
}
