/* SPDX-License-Identifier: MIT */
/*
 * The one table of routes, and finding a route in it.  Matching is pure.
 */
#ifndef SERVICE_HTTP_ROUTE_H
#define SERVICE_HTTP_ROUTE_H

#include "boxcore/base/strbuf.h"
#include "service/http/target.h"

#include <stdbool.h>
#include <stddef.h>

struct request;

enum route_access {
	ACCESS_NONE,
	ACCESS_SIGNATURE, /* the handler checks the delivery's signature */
	ACCESS_KEY,       /* any key; one that may only look: GET alone */
	ACCESS_OPERATOR,  /* a key of the operator's */
};

enum route_thread {
	ROUTE_INLINE,  /* on the server's own thread: memory only; may answer later */
	ROUTE_HANDLER, /* on a handler thread: rows and little more, milliseconds */
	/* On a thread of the larger pool: works in boxes, for as long as that takes. */
	ROUTE_LONG,
	/* As ROUTE_LONG, and begins before the body is there: request_body_read(). */
	ROUTE_STREAMED,
};

#define ROUTE_PARAMS_MAX 4

struct route {
	const char *method; /* "GET"; NULL ends the table */
	/* "/v1/tasks/:id/events": a part with : takes any one segment; a last part with *
	 * takes all that follow, one at least. */
	const char *pattern;
	void (*handle)(struct request *request);
	enum route_access access;
	enum route_thread thread;
	size_t body_max; /* 0: no body */
	/* Looks at the head before the body is read, and may answer; may be NULL. */
	void (*head)(struct request *request);
	const char *sentence; /* what it is for */
};

/* All routes of the service. */
extern const struct route http_routes[];

struct route_found {
	const struct route *route; /* NULL: 404, or 405 when allow is not empty */
	const char *params[ROUTE_PARAMS_MAX]; /* segments of the target, in order */
	size_t param_count;
	size_t tail; /* of a pattern with *: its first segment; 0: none */
};

/* Of several patterns that fit the one wins whose parts are fixed earlier: "/v2/box/logs"
 * before "/v2/box/:id".  Appends to allow the methods of that pattern, "GET, POST", when
 * none fits. */
struct route_found route_match(const struct route *routes, const char *method,
	const struct target *target, struct strbuf *allow);

#endif
