/* SPDX-License-Identifier: MIT */
/*
 * Refuses hostile heads of requests.  Pure.
 *
 * libmicrohttpd 0.9.75 takes forms that another program on the way may read differently:
 * two Content-Lengths, Content-Length beside Transfer-Encoding, odd names, folded lines,
 * control characters.  Each of them is 400 and the connection is closed.
 */
#ifndef SERVICE_HTTP_GUARD_H
#define SERVICE_HTTP_GUARD_H

#include "boxcore/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUARD_HEADERS_MAX 100

struct guard {
	bool host, length, encoding, chunked;
	uint32_t seen; /* of the headers that may stand once only */
	size_t count;
	int64_t content_length; /* -1: none */
	struct err err;         /* the first fault */
};

#define GUARD_INIT                                                                       \
	{                                                                                \
		.content_length = -1                                                     \
	}

/* For each header in turn.  Sizes are those of the wire, so that a NUL is seen. */
void guard_header(struct guard *guard, const char *name, size_t name_len,
	const char *value, size_t value_len);

/* After the last one: 0, or an HTTP status (400, 411, 431, 505) with the sentence in
 * guard->err.  411 is given for a method with a body that has no Content-Length. */
int guard_finish(struct guard *guard, const char *method, const char *version);

#endif
