/* SPDX-License-Identifier: MIT */
/*
 * One connection through a public URL: read the request's head, check the credentials, wake
 * the box, connect, pass bytes.  Blocking, in straight lines; every wait has a limit and
 * ends when the visit is cancelled.
 */
#include "boxcore/base/clock.h"
#include "boxcore/base/crypto.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "service/preview/preview-internal.h"
#include "service/preview/preview_head.h"
#include "service/relay/io.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE (64 * LIMIT_KIB)
#define RETRY_MS 100 /* between two tries to reach a port that does not listen yet */

DEFINE_CLEANUP(socket, int, if (*value >= 0) close(*value))

/* ---- bytes ----------------------------------------------------------------------------- */

static int send_all(
	struct visit *v, int fd, const void *data, size_t len, struct err *err)
{
	struct relay_io io = {.fd = fd, .cancel = v->cancel};

	return relay_io_write(&io, data, len, err);
}

/* More bytes into buf: 1, 0 at the end, -1. */
static int read_some(
	struct visit *v, int fd, struct strbuf *buf, int64_t until_ms, struct err *err)
{
	struct relay_io io = {.fd = fd, .cancel = v->cancel, .in = *buf};
	int rc = relay_io_read(&io, until_ms, err);

	*buf = io.in;
	return rc;
}

/* Reads until a whole head stands in buf: its length, or 0. */
static size_t read_head(struct visit *v, int fd, struct strbuf *buf, int64_t ms)
{
	int64_t until = clock_mono_ms() + ms;
	struct err err = {0};

	for (;;) {
		size_t n = relay_head_length(strbuf_str(buf), buf->len);

		if (n > 0 && n <= LIMIT_RELAY_HEAD)
			return n;
		if (n > 0 || buf->len > LIMIT_RELAY_HEAD ||
			read_some(v, fd, buf, until, &err) <= 0)
			return 0;
	}
}

/* ---- answers of our own ---------------------------------------------------------------- */

static void answer(struct visit *v, const char *status, const char *headers,
	const char *type, const char *text)
{
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_RELAY_HEAD);
	struct err err = {0};

	strbuf_addf(&out,
		"HTTP/1.1 %s\r\n%sContent-Type: %s; charset=utf-8\r\nContent-Length: "
		"%zu\r\n"
		"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
		"Connection: close\r\n\r\n%s",
		status, headers, type, strlen(text), text);
	struct relay_io io = {
		.fd = v->fd, .cancel = v->cancel, .in = STRBUF_INIT(2 * PIECE)};
	if (relay_io_write(&io, strbuf_str(&out), out.len, &err) == 0)
		relay_io_linger(&io);
	strbuf_release(&io.in);
}

static void refuse(struct visit *v, const char *status, const char *text)
{
	answer(v, status, "", "text/plain", text);
}

static void ask_for_key(struct visit *v, const struct store_box_preview *row)
{
	CLEANUP(strbuf) struct strbuf headers = STRBUF_INIT(512);

	if (row->token_hash)
		strbuf_adds(&headers, "WWW-Authenticate: Bearer\r\n");
	if (row->password_hash)
		strbuf_adds(&headers, "WWW-Authenticate: Basic realm=\"preview\"\r\n");
	answer(v, "401 Unauthorized", strbuf_str(&headers), "text/plain",
		"This URL asks for the credentials that it was made with.\n");
}

/* Browsers load again by themselves. */
static void not_yet(struct visit *v, const struct relay_head *head, const char *why)
{
	const struct slice *accept = relay_head_find(head, "accept");
	CLEANUP(strbuf) struct strbuf page = STRBUF_INIT(2 * LIMIT_KIB);

	if (!accept || !memmem(accept->p, accept->n, "text/html", strlen("text/html"))) {
		strbuf_addf(&page, "%s\n", why);
		answer(v, "503 Service Unavailable", "Retry-After: 5\r\n", "text/plain",
			strbuf_str(&page));
		return;
	}
	strbuf_addf(&page,
		"<!doctype html><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" "
		"content=\"5\"><title>Not ready yet</title><p>%s</p><p>This page loads "
		"again by itself.</p>\n",
		why);
	answer(v, "503 Service Unavailable", "Retry-After: 5\r\n", "text/html",
		strbuf_str(&page));
}

/* ---- the door -------------------------------------------------------------------------- */

static bool same_hash(const char *ours, const char *claimed)
{
	return ours && strlen(ours) == strlen(claimed) &&
	       crypto_equal(ours, claimed, strlen(ours));
}

/* `ret_used`: the Authorization header was for us, not for the program in the box. */
static bool may_enter(const struct store_box_preview *row, const struct relay_head *head,
	bool *ret_used)
{
	struct preview_claim claim;

	*ret_used = false;
	if (!row->token_hash && !row->password_hash)
		return true;
	preview_claim_read(head, &claim);
	*ret_used = same_hash(row->token_hash, claim.token) ||
		    same_hash(row->password_hash, claim.password);
	return *ret_used;
}

static int find_preview(struct visit *v, const struct relay_head *head,
	struct store_box_preview *ret, struct err *err)
{
	const struct slice *host = relay_head_find(head, "host");
	char box[PREVIEW_BOX_SIZE];
	int port;

	if (!v->previews->domain)
		return preview_of_visit(v->previews, v, NULL, 0, ret, err);
	if (!host || !preview_host_split(*host, v->previews->domain, box, &port))
		return err_set(err, ERR_NOT_FOUND, "no such name");
	return preview_of_visit(v->previews, v, box, port, ret, err);
}

/* A socket into the box, -1 when its port did not listen in time. */
static int connect_in(struct visit *v, const struct store_box_preview *row,
	struct cancel *limit, struct err *err)
{
	struct boxcore *core = v->previews->options.boxes->options.core;
	int fd = -1;

	while (box_connect(core, row->box_id, (uint16_t)row->port, &fd, limit, err) < 0) {
		struct err waited = {0};

		if (err->kind != ERR_TRANSIENT || cancel_fired(limit) ||
			cancel_sleep(limit, RETRY_MS, &waited) < 0)
			return -1;
	}
	return fd;
}

/* ---- passing --------------------------------------------------------------------------- */

/* One direction.  `left` < 0: without end. */
struct flow {
	int from, to;
	int64_t left;
	bool open;
};

/* Moves what is there; false when this direction is over. */
static bool move(struct visit *v, struct flow *flow, char *piece, struct err *err)
{
	size_t want = flow->left >= 0 && flow->left < (int64_t)PIECE ? (size_t)flow->left
								     : PIECE;
	ssize_t n = recv(flow->from, piece, want, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0 || send_all(v, flow->to, piece, (size_t)n, err) < 0)
		return false;
	if (flow->left > 0)
		flow->left -= n;
	return flow->left != 0;
}

/* Until the box has said everything; the visitor's end is passed on as a half-close. */
static void pass(struct visit *v, int box, int64_t body_left)
{
	struct flow in = {
		.from = v->fd, .to = box, .left = body_left, .open = body_left != 0};
	struct flow out = {.from = box, .to = v->fd, .left = -1, .open = true};
	char *piece = mem_alloc(PIECE);
	struct err err = {0};

	while (out.open) {
		/* A visitor that may say no more is still watched: it may go away. */
		struct pollfd fds[2] = {
			{.fd = box, .events = POLLIN},
			{.fd = v->fd, .events = in.open ? POLLIN : POLLRDHUP},
		};
		if (cancel_poll(v->cancel, fds, 2, -1, &err) < 0)
			break;
		if (fds[0].revents)
			out.open = move(v, &out, piece, &err);
		if (fds[1].revents && in.open) {
			in.open = move(v, &in, piece, &err);
			if (!in.open && in.left != 0)
				shutdown(box, SHUT_WR);
		} else if (fds[1].revents & (POLLHUP | POLLERR | POLLRDHUP))
			break;
	}
	free(piece);
}

/* The answer's head (and interim ones before it), rewritten.  What follows it stays in buf.
 * -1: none came. */
static int pass_answer_head(struct visit *v, int box, struct strbuf *buf, struct err *err)
{
	int status;

	do {
		CLEANUP(strbuf) struct strbuf head = STRBUF_INIT(2 * LIMIT_RELAY_HEAD);
		size_t n = read_head(v, box, buf, LIMIT_PREVIEW_ANSWER_MS);

		status = n ? preview_answer_head(&head, buf->data, n) : 0;
		if (status == 0)
			return err_set(err, ERR_INTERNAL, "no HTTP answer");
		strbuf_consume(buf, n);
		if (send_all(v, v->fd, strbuf_str(&head), head.len, err) < 0)
			return -1;
	} while (status < 200 && status != 101);
	return status;
}

/* ---- a visit --------------------------------------------------------------------------- */

struct request {
	struct relay_head head;
	struct strbuf text; /* the head; head's slices point into it */
	struct strbuf in;   /* what came behind it */
	bool drop_authorization;
};

static void request_release(struct request *r)
{
	strbuf_release(&r->text);
	strbuf_release(&r->in);
}
DEFINE_CLEANUP(request, struct request, request_release(value))

/* The head, and what of the body came with it; what is left of the body is pass_body()'s.
 * A visitor that waits for 100 Continue is told so here: the box would say it too late. */
static int send_request(
	struct visit *v, int box, struct request *r, int64_t *ret_left, struct err *err)
{
	CLEANUP(strbuf) struct strbuf head = STRBUF_INIT(2 * LIMIT_RELAY_HEAD);
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	int64_t left = r->head.chunked || r->head.upgrade ? -1 : r->head.content_length;
	size_t ready = r->in.len;

	if (left >= 0 && (int64_t)ready > left)
		ready = (size_t)left;
	if (r->head.expect_continue && ready == 0 &&
		send_all(v, v->fd, go_on, sizeof go_on - 1, err) < 0)
		return -1;
	preview_request_head(&head, &r->head, r->drop_authorization, v->peer);
	if (send_all(v, box, strbuf_str(&head), head.len, err) < 0 ||
		send_all(v, box, strbuf_str(&r->in), ready, err) < 0)
		return -1;
	*ret_left = left < 0 ? -1 : left - (int64_t)ready;
	return 0;
}

/* Passes the body on until the box begins to answer. */
static int pass_body(struct visit *v, int box, int64_t *left, struct err *err)
{
	struct flow in = {.from = v->fd, .to = box, .left = *left, .open = *left != 0};
	char *piece = mem_alloc(PIECE);
	int rc = 0;

	while (in.open && rc == 0) {
		struct pollfd fds[2] = {
			{.fd = box, .events = POLLIN}, {.fd = v->fd, .events = POLLIN}};
		rc = cancel_poll(v->cancel, fds, 2, LIMIT_PREVIEW_STALL_MS, err);
		if (rc < 0 || fds[0].revents)
			break;
		if (rc == 0)
			rc = err_set(err, ERR_TRANSIENT, "the request stopped half-way");
		else {
			rc = 0;
			in.open = move(v, &in, piece, err);
			if (!in.open && in.left != 0)
				shutdown(box, SHUT_WR);
		}
	}
	*left = in.open ? in.left : 0;
	free(piece);
	return rc < 0 ? -1 : 0;
}

static void exchange(struct visit *v, int box, struct request *r)
{
	CLEANUP(strbuf) struct strbuf buf = STRBUF_INIT(LIMIT_RELAY_HEAD + 2 * PIECE);
	struct err err = {0};
	int64_t left = 0;

	if (send_request(v, box, r, &left, &err) < 0 ||
		pass_body(v, box, &left, &err) < 0)
		return;
	int status = pass_answer_head(v, box, &buf, &err);
	if (status < 0) {
		if (err.kind == ERR_INTERNAL)
			refuse(v, "502 Bad Gateway",
				"The program in the box gave no HTTP answer.\n");
		return;
	}
	if (send_all(v, v->fd, strbuf_str(&buf), buf.len, &err) == 0)
		pass(v, box, status == 101 ? -1 : left);
}

/* Wakes the box and reaches its port, within the time that a visitor waits. */
static void enter(struct visit *v, const struct store_box_preview *row, struct request *r)
{
	struct box_caller owner = {.account = row->account, .write = true};
	CLEANUP(box_work) struct box_work work = {0};
	CLEANUP(cancel) struct cancel *limit = cancel_new(v->cancel);
	CLEANUP(socket) int box = -1;
	struct err err = {0};

	if (!door_enter(v, row->box_id, (int)row->port)) {
		refuse(v, "503 Service Unavailable",
			"Too many connections are open to this box.\n");
		return;
	}
	cancel_deadline(
		limit, LIMIT_PREVIEW_WAKE_MS, "the 30 seconds for waking the box");
	if (box_work_begin(v->previews->options.boxes, &owner, row->box_id,
		    BOX_WORK_QUIET, "a request to its public URL", &work, limit,
		    &err) < 0) {
		not_yet(v, &r->head, "The box is not available now.");
		return;
	}
	box = connect_in(v, row, limit, &err);
	if (box < 0)
		not_yet(v, &r->head, "Nothing listens on this port of the box yet.");
	else
		exchange(v, box, r);
}

void visit_serve(struct visit *v)
{
	CLEANUP(store_box_preview) struct store_box_preview row = {0};
	CLEANUP(request)
	struct request r = {.text = STRBUF_INIT(LIMIT_RELAY_HEAD),
		.in = STRBUF_INIT(LIMIT_RELAY_HEAD + 2 * PIECE)};
	struct err err = {0};
	size_t n = read_head(v, v->fd, &r.in, LIMIT_RELAY_HEAD_MS);

	if (n == 0) {
		if (r.in.len > LIMIT_RELAY_HEAD)
			refuse(v, "431 Request Header Fields Too Large",
				"The request's head is longer than 32 KiB.\n");
		return;
	}
	strbuf_add(&r.text, r.in.data, n);
	strbuf_consume(&r.in, n);
	if (relay_head_parse(strbuf_str(&r.text), r.text.len, &r.head, &err) != 0)
		refuse(v, "400 Bad Request", "The request is malformed.\n");
	else if (find_preview(v, &r.head, &row, &err) < 0)
		refuse(v, "404 Not Found", "There is no such public URL.\n");
	else if (!may_enter(&row, &r.head, &r.drop_authorization))
		ask_for_key(v, &row);
	else
		enter(v, &row, &r);
}
