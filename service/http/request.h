/* SPDX-License-Identifier: MIT */
/*
 * A request and its answer, as handlers see them.  No library type shows here.
 *
 * A request belongs to the thread that runs its handler until it is answered; what the
 * getters return lives as long as the request.  Each request is answered exactly once, by
 * one of the reply_ functions; an answer may be given at once or, after reply_later(), by
 * another thread.  Errors are {"error": "<a plain sentence>", "code": "<word>"}.
 */
#ifndef SERVICE_HTTP_REQUEST_H
#define SERVICE_HTTP_REQUEST_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/err.h"
#include "boxcore/base/json.h"
#include "service/http/app.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct request;
struct box_caller;

const struct http_app *request_app(const struct request *request);
struct server *request_server(const struct request *request);
/* Fires when the server stops. */
struct cancel *request_cancel(const struct request *request);

/* Who calls, by the key that was sent: never NULL on a route that asks for a key. */
const struct box_caller *request_caller(const struct request *request);

const char *request_method(const struct request *request);
const char *request_pattern(const struct request *request); /* of its route */
/* The n-th `:name` of the route's pattern, decoded. */
const char *request_param(const struct request *request, size_t n);
size_t request_param_count(const struct request *request);
/* What the pattern's last part with * took: "owner/repo/name"; NULL: the route has none. */
const char *request_tail(const struct request *request);
/* As a positive number, or ERR_NOT_FOUND. */
int request_param_id(
	const struct request *request, size_t n, int64_t *ret, struct err *err);
const char *request_query(const struct request *request, const char *name); /* or NULL */
json_t *request_query_json(const struct request *request); /* all of it; the caller's */
/* The query's number, the fallback when it is absent, ERR_INPUT when it is none. */
int request_query_int(const struct request *request, const char *name, int64_t min,
	int64_t max, int64_t fallback, int64_t *ret, struct err *err);
const char *request_header(const struct request *request, const char *name); /* or NULL */
const char *request_body(const struct request *request, size_t *ret_len); /* never NULL */
/* The body as a JSON object, the caller's; an empty body is an empty object. */
json_t *request_json(const struct request *request, struct err *err);
/* The same, and the bytes are freed: for large ones. */
json_t *request_json_take(struct request *request, struct err *err);
/* The parameter of the body's type, "" when it has none or is of another type:
 *	request_boundary(): of "multipart/form-data; boundary=...". */
const char *request_boundary(const struct request *request);

/* On a ROUTE_STREAMED route: the next bytes of the body, at least one, 0 at its end, -1 when
 * the client has gone or the server stops.  Its handler thread only. */
ssize_t request_body_read(
	struct request *request, void *buf, size_t size, struct err *err);

/* ---- answers
 * ---------------------------------------------------------------------------- */

/* Before the answer.  Both are copied; control characters end the program. */
void reply_header(struct request *request, const char *name, const char *value);

void reply_json(struct request *request, int status, json_t *body); /* takes the body */
void reply_text(struct request *request, int status, const char *type, const char *text,
	size_t len);
void reply_error(struct request *request, int status, const char *code, const char *fmt,
	...) __attribute__((format(printf, 4, 5)));
/* Status and code by the error's kind, the text as it is (internal errors: logged, and
 * answered without their text). */
void reply_err(struct request *request, const struct err *err);
bool reply_given(const struct request *request);

/* An inline handler that answers later: it calls this, hands the request over, and
 * returns. Whoever then calls a reply_ function ends the request. */
void reply_later(struct request *request);

/* ---- streams
 * ---------------------------------------------------------------------------- */

/* A source of server-sent events: a small object that is asked for more now and then, on
 * the server's stream thread; it may read the store but not wait. */
struct stream_source {
	/* Appends whole events to out.  0: more may come, -1: the end.  Called when
	 * something may have changed, at least once a second. */
	int (*next)(void *arg, struct strbuf *out);
	void (*close)(void *arg); /* once, whatever happened */
	void *arg;
};

/* Answers 200 text/event-stream and feeds it; `: ping` goes out in silence.  Refused with
 * 503 when too many streams are open. */
void reply_events(struct request *request, const struct stream_source *source);

/* Answers 200 with raw bytes as they come, from a handler thread that goes on running:
 *	reply_pipe_open(), reply_pipe_write() ..., reply_pipe_close().
 * The request is the handler's until the close.  The bytes go straight from the caller's
 * memory to the socket: nothing is kept, and a slow client slows its own handler alone.
 * `size` < 0: not known, then the answer is chunked; else exactly so many bytes must come,
 * and the connection ends with them. */
void reply_pipe_open(struct request *request, const char *type, int64_t size);
/* Waits while the client is slow.  -1 when it is gone, or the server stops. */
int reply_pipe_write(
	struct request *request, const void *data, size_t len, struct err *err);
/* Ends the answer.  `last` (at most 4 KiB, may be NULL; not with a size) goes out in a send
 * of its own after everything before it has been taken by the client's side. */
void reply_pipe_close(struct request *request, const void *last, size_t len);
/* Ends it so that the client sees that it is not whole. */
void reply_pipe_cut(struct request *request);

/* ---- another protocol
 * ---------------------------------------------------------------------------- */

/* Answers 101 with `protocol` ("websocket") and the headers given before, and hands over the
 * socket: non-blocking, borrowed until reply_upgrade_end(), which every success needs.  The
 * first bytes of the new protocol may have come already: `early` is emptied, then filled.
 * From a handler thread.  -1 when the client has gone. */
int reply_upgrade(struct request *request, const char *protocol, int *ret_fd,
	struct strbuf *early, struct err *err);
void reply_upgrade_end(struct request *request);

#endif
