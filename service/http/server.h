/* SPDX-License-Identifier: MIT */
/*
 * The HTTP server: moves bytes, guards the door, and hands requests to handlers.
 *
 * Two threads of libmicrohttpd move bytes and never block.  A request is looked at when
 * its head is complete: hostile forms are refused there (guard.h), then route, method,
 * key and size are checked, and only then is a body read.  A handler that may block runs
 * on a handler thread while its connection is suspended; an event stream is fed by its
 * source.  Requests that work in boxes have threads of their own (ROUTE_LONG), so that they
 * shut no short one out; when all are taken the answer is 429.  Output of commands goes from
 * the handler's memory to the socket by the handler's own thread (pipe.c); a large upload
 * runs through a ring of bounded size (stream_body.c).
 *
 * Every connection has deadlines of its own, since the library's timeout is one of
 * silence: one byte now and then would hold a connection for ever.  A sender that is late
 * with its head, or with any LIMIT_HTTP_BODY_STEP of its body, is answered 408 and cut.
 *
 * Access: a route needs nothing, a signature (checked by its handler), or a key in
 * X-Box-Api-Key or as Authorization: Bearer.  The keys of http_app are the operator's; those
 * that http_app.boxes knows belong to accounts, and one that may only look is refused
 * whatever is no GET.  Without any key of the operator's the server listens on loopback
 * addresses only, and programs of this machine are the operator without one; what a browser
 * sends for a foreign page (a foreign Host, or an Origin that api.cors_origins does not
 * name) is refused then.  Behind a reverse proxy always configure a key: the proxy is a
 * program of this machine too.
 */
#ifndef SERVICE_HTTP_SERVER_H
#define SERVICE_HTTP_SERVER_H

#include "boxcore/base/cleanup.h"
#include "boxcore/base/err.h"
#include "service/http/app.h"
#include "service/http/route.h"

#include <stddef.h>
#include <stdint.h>

struct server;

/* 0 or NULL takes the default in brackets. */
struct server_options {
	const char *address; /* numeric IPv4 or IPv6 ["127.0.0.1"] */
	int port;            /* [7331]; -1: any free one, see server_port() */
	int64_t head_ms;     /* to send a whole head [LIMIT_HEAD_MS] */
	int64_t body_ms;     /* to send each step of a body [LIMIT_BODY_MS] */
	int64_t idle_ms;   /* a kept connection without a request [LIMIT_HTTP_IDLE_MS] */
	int64_t reply_ms;  /* to take an answer that is no stream [LIMIT_HTTP_REPLY_MS] */
	int64_t stream_ms; /* life of an event stream [LIMIT_HTTP_STREAM_MS] */
	int64_t ping_ms;   /* silence in an event stream [LIMIT_HTTP_PING_MS] */
	unsigned connections;   /* at once [LIMIT_HTTP_CONNECTIONS] */
	unsigned per_address;   /* of them from one address [LIMIT_HTTP_PER_ADDRESS] */
	unsigned handlers;      /* handler threads at most [LIMIT_HTTP_HANDLERS] */
	unsigned long_handlers; /* of requests that take long [LIMIT_HTTP_LONG] */
	size_t bodies;          /* bytes of all bodies at once [LIMIT_HTTP_BODIES] */
};

/* Of libmicrohttpd, as it runs.  Constant. */
const char *server_library_version(void);

/* Listens and serves `routes` (ended by a NULL method; http_routes for all of ours).
 * ERR_DENIED when the address is not loopback and no key is configured.  Options are
 * copied, routes and app borrowed. */
int server_start(struct server **ret_server, const struct server_options *options,
	const struct route *routes, const struct http_app *app, struct err *err);

/* Stops listening, cancels handlers and streams, answers what is under way, ends.  NULL
 * is fine. */
void server_stop(struct server *server);
DEFINE_CLEANUP(server, struct server *, server_stop(*value))

int server_port(const struct server *server);

/* Rows that streams show have changed: a hint that may be lost.  Any thread. */
void server_wake(struct server *server);

/* For /metrics: requests answered by status class (index 2: 2xx ...), connections now. */
struct server_counts {
	uint64_t answered[6];
	uint64_t refused_heads; /* by the guard */
	uint64_t late;          /* cut by a deadline */
	unsigned connections;
	unsigned streams;
};
void server_counts(struct server *server, struct server_counts *ret);

#endif
