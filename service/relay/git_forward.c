/* SPDX-License-Identifier: MIT */
/* From git's request to GitHub's answer: the streams both ways. */
#include "service/relay/git_impl.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- answers of our own ---------------------------------------------------------------- */

static void git_call_release(struct git_call *call)
{
	strbuf_release(&call->piece);
}
DEFINE_CLEANUP(git_call, struct git_call, git_call_release(value))

/* git shows the text of an error to people when it is plain. */
static void refuse(struct git_conn *conn, int status, const char *text)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_RELAY_ERROR);
	CLEANUP(strbuf) struct strbuf all = STRBUF_INIT(2 * LIMIT_RELAY_ERROR);
	struct err ignored = {0};

	secret_redact(&clean, text, strlen(text));
	strbuf_addf(&all,
		"HTTP/1.1 %d Refused\r\ncontent-type: text/plain; charset=utf-8\r\n"
		"content-length: %zu\r\nconnection: close\r\n\r\n",
		status, clean.len + 1);
	strbuf_add(&all, strbuf_str(&clean), clean.len);
	strbuf_addc(&all, '\n');
	relay_io_write(&conn->io, all.data, all.len, &ignored);
}

static void note_refused(struct git_relay *relay, int status)
{
	LOCKED(&relay->lock);
	relay->refused = status;
}

/* ---- the request's body ---------------------------------------------------------------- */

static int more_bytes(struct git_call *call, struct err *err)
{
	struct relay_io *io = &call->conn->io;

	if (io->in.len > 0)
		return 0;
	int rc = relay_io_read(io, clock_mono_ms() + LIMIT_RELAY_BODY_MS, err);
	if (rc == 0)
		return err_set(err, ERR_CONFLICT, "the box ended its request halfway");
	return rc < 0 ? -1 : 0;
}

static ssize_t known_length(
	struct git_call *call, void *buf, size_t size, struct err *err)
{
	struct strbuf *in = &call->conn->io.in;

	if (call->left == 0)
		return 0;
	if (more_bytes(call, err) < 0)
		return -1;
	size_t n = in->len < size ? in->len : size;
	if ((int64_t)n > call->left)
		n = (size_t)call->left;
	memcpy(buf, in->data, n);
	strbuf_consume(in, n);
	call->left -= (int64_t)n;
	call->body_done = call->left == 0;
	return (ssize_t)n;
}

static ssize_t in_chunks(struct git_call *call, void *buf, size_t size, struct err *err)
{
	struct strbuf *in = &call->conn->io.in;

	strbuf_reset(&call->piece);
	while (call->piece.len == 0 && !call->body_done) {
		size_t used = 0;

		if (more_bytes(call, err) < 0)
			return -1;
		int rc = relay_chunks_feed(&call->chunks, in->data,
			in->len < size ? in->len : size, &used, &call->piece, err);
		strbuf_consume(in, used);
		if (rc < 0)
			return -1;
		call->body_done = rc > 0;
	}
	memcpy(buf, strbuf_str(&call->piece), call->piece.len);
	return (ssize_t)call->piece.len;
}

static ssize_t next_piece(void *arg, void *buf, size_t size, struct err *err)
{
	struct git_call *call = arg;

	if (size > LIMIT_RELAY_READ)
		size = LIMIT_RELAY_READ;
	return call->head.chunked ? in_chunks(call, buf, size, err)
				  : known_length(call, buf, size, err);
}

/* ---- the answer on its way ------------------------------------------------------------- */

static void on_header(void *arg, int status, const char *name, const char *value)
{
	struct git_call *call = arg;

	call->status = status;
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return;
	if (str_eq(name, "content-type"))
		str_copy(call->content_type, sizeof call->content_type, value);
	else if (str_eq(name, "cache-control"))
		str_copy(call->cache_control, sizeof call->cache_control, value);
}

static int send_head(struct git_call *call, struct err *err)
{
	CLEANUP(strbuf) struct strbuf head = STRBUF_INIT(LIMIT_KIB);

	if (call->status != 200)
		return err_set(
			err, ERR_INTERNAL, "it answered with status %d", call->status);
	/* git would take a page for a repository without smart HTTP, an empty one. */
	if (!str_starts(call->content_type, "application/x-git-"))
		return err_set(err, ERR_INTERNAL, "its answer is not git's");
	call->head_sent = true;
	strbuf_adds(&head, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n");
	if (call->content_type[0])
		strbuf_addf(&head, "content-type: %s\r\n", call->content_type);
	if (call->cache_control[0])
		strbuf_addf(&head, "cache-control: %s\r\n", call->cache_control);
	strbuf_adds(&head, "\r\n");
	return relay_io_write(&call->conn->io, head.data, head.len, err);
}

static int on_data(void *arg, const void *data, size_t len, struct err *err)
{
	struct git_call *call = arg;
	struct relay_io *io = &call->conn->io;
	char size[24];

	if (len == 0)
		return 0;
	if (!call->head_sent && send_head(call, err) < 0)
		return -1;
	int n = snprintf(size, sizeof size, "%zx\r\n", len);
	if (relay_io_write(io, size, (size_t)n, err) < 0 ||
		relay_io_write(io, data, len, err) < 0)
		return -1;
	return relay_io_write(io, "\r\n", 2, err);
}

/* ---- the exchange ---------------------------------------------------------------------- */

#define HEADERS_MAX 8

struct outgoing {
	char *url;
	struct http_header headers[HEADERS_MAX];
	size_t nheaders;
	char *values[HEADERS_MAX];
};

static void outgoing_release(struct outgoing *out)
{
	free(out->url);
	for (size_t i = 0; i < HEADERS_MAX; i++)
		free(out->values[i]);
}
DEFINE_CLEANUP(outgoing, struct outgoing, outgoing_release(value))

/* Everything else that a box sends stays here: credentials, cookies, hop headers.  Nothing
 * is asked to come packed, so that what passes is what GitHub sent. */
static void prepare(
	struct outgoing *out, const struct git_conn *conn, const struct git_call *call)
{
	static const char *const passed[] = {"content-type", "content-encoding", "accept",
		"user-agent", "git-protocol"};
	const struct git_relay *relay = conn->relay;

	out->url = mem_printf(
		"%s/%s/%s.git%s", relay->web_url, relay->owner, relay->name, call->rest);
	for (size_t i = 0; i < ARRAY_LEN(passed); i++) {
		const struct slice *value = relay_head_find(&call->head, passed[i]);

		if (!value || value->n > 1024)
			continue;
		out->values[out->nheaders] = mem_strndup(value->p, value->n);
		out->headers[out->nheaders] = (struct http_header){
			.name = passed[i], .value = out->values[out->nheaders]};
		out->nheaders++;
	}
	out->headers[out->nheaders++] = (struct http_header){
		.name = "authorization", .value = "Basic ", .secret = &relay->basic};
}

static int perform(struct git_conn *conn, struct git_call *call,
	struct http_answer *answer, struct err *err)
{
	CLEANUP(outgoing) struct outgoing out = {0};
	bool post = slice_eq(call->head.method, "POST");
	bool body = call->head.chunked || call->head.content_length > 0;

	prepare(&out, conn, call);
	struct http_request request = {
		.method = post ? "POST" : "GET",
		.url = out.url,
		.headers = out.headers,
		.nheaders = out.nheaders,
		.body = post && !body ? "" : NULL,
		.source = body ? next_piece : NULL,
		.source_arg = call,
		.source_len = call->head.content_length,
		.sink = on_data,
		.sink_arg = call,
		.on_header = on_header,
		.on_header_arg = call,
		.max_body = SIZE_MAX,
		.silence_ms = LIMIT_GIT_SILENCE_MS,
	};
	return http_perform(conn->client, &request, answer, conn->io.cancel, err);
}

/* ---- how it ended ---------------------------------------------------------------------- */

static void on_refusal(struct git_conn *conn, struct git_call *call, int status)
{
	const struct git_relay *relay = conn->relay;
	CLEANUP(mem) char *text = NULL;

	note_refused(conn->relay, status);
	switch (status) {
	case 401: /* git would ask for a password, and there is none */
		status = 403;
		text = mem_strdup("GitHub does not know the token");
		break;
	case 403:
		text = mem_printf("the token may not %s %s/%s",
			relay->push ? "write to" : "read", relay->owner, relay->name);
		break;
	case 404:
		text = mem_printf("GitHub shows the token no repository %s/%s",
			relay->owner, relay->name);
		break;
	default:
		if (status < 400)
			text = mem_printf("%s/%s has moved: use its new name",
				relay->owner, relay->name);
		else
			text = mem_printf("GitHub answered with status %d", status);
		status = status < 400 ? 404 : status < 500 ? status : 502;
	}
	(void)call;
	refuse(conn, status, text);
}

/* true when the connection can go on. */
static bool forward(struct git_conn *conn, struct git_call *call)
{
	CLEANUP(http_answer) struct http_answer answer = {0};
	struct err err = {0};

	int rc = perform(conn, call, &answer, &err);
	/* Half an answer cannot be taken back: without its last chunk git sees the cut. */
	if (rc < 0 && (call->head_sent || err.kind == ERR_CANCELLED))
		return false;
	int status = call->status ? call->status : answer.status;
	if (status && status != 200) {
		on_refusal(conn, call, status);
		return false;
	}
	if (rc < 0) {
		CLEANUP(mem)
		char *text =
			mem_printf("GitHub does not answer as it should: %s", err.text);
		refuse(conn, err.kind == ERR_TRANSIENT ? 503 : 502, text);
		return false;
	}
	if (!call->head_sent && send_head(call, &err) < 0) {
		refuse(conn, 502, err.text);
		return false;
	}
	bool body = call->head.chunked || call->head.content_length > 0;
	return relay_io_write(&conn->io, "0\r\n\r\n", 5, &err) == 0 && call->keep &&
	       (!body || call->body_done);
}

/* ---- one request ----------------------------------------------------------------------- */

/* 0, or the status that the request deserves. */
static int understand(struct git_conn *conn, struct git_call *call,
	const struct strbuf *text, struct err *err)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	int status = relay_head_parse(strbuf_str(text), text->len, &call->head, err);

	if (status == 0)
		status = git_route_find(conn->relay, call, err);
	if (status)
		return status;
	call->keep = !call->head.close;
	call->left = call->head.content_length;
	if (call->head.expect_continue && conn->io.in.len == 0)
		relay_io_write(&conn->io, go_on, strlen(go_on), err);
	return 0;
}

static bool serve_one(struct git_conn *conn)
{
	CLEANUP(git_call)
	struct git_call call = {.conn = conn, .piece = STRBUF_INIT(2 * LIMIT_RELAY_READ)};
	CLEANUP(strbuf) struct strbuf head = STRBUF_INIT(LIMIT_RELAY_HEAD);
	struct err err = {0};
	int status;
	ssize_t n = relay_io_head(&conn->io, &status, &err);

	if (n == 0 || (n < 0 && status == 0))
		return false;
	if (n > 0) {
		strbuf_add(&head, conn->io.in.data, (size_t)n);
		strbuf_consume(&conn->io.in, (size_t)n);
		status = understand(conn, &call, &head, &err);
	}
	if (status) {
		refuse(conn, status, err.text);
		return false;
	}
	return forward(conn, &call);
}

void git_conn_serve(struct git_conn *conn)
{
	while (serve_one(conn))
		;
	relay_io_linger(&conn->io);
}
