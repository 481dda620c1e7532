/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.1 requests from a box, read as from an enemy: pure functions over bytes.
 *
 * What two readers might understand in two ways is refused, never mended: bare newlines,
 * folded headers, blanks before a colon, a second Content-Length, a length together with
 * chunks, transfer codings other than chunked, versions other than 1.1.
 */
#ifndef SERVICE_RELAY_HEAD_H
#define SERVICE_RELAY_HEAD_H

#include "boxcore/base/err.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the head that was parsed; not NUL-terminated. */
struct slice {
	const char *p;
	size_t n;
};

bool slice_eq(struct slice s, const char *text);
bool slice_eq_nocase(struct slice s, const char *text);

struct relay_header {
	struct slice name;
	struct slice value; /* trimmed */
};

struct relay_head {
	struct slice method;
	struct slice path;  /* begins with a slash */
	struct slice query; /* without the question mark */
	struct relay_header headers[LIMIT_RELAY_HEADERS];
	size_t nheaders;
	int64_t content_length; /* 0 when there is no body */
	bool chunked;
	bool close;
	bool expect_continue;
	bool upgrade;
};

/* Length of the head with its empty line, or 0 while it is not complete. */
size_t relay_head_length(const char *data, size_t len);

/* Parses data of just that length.  0, or the HTTP status that the request deserves, with
 * err.  The head points into data. */
int relay_head_parse(
	const char *data, size_t len, struct relay_head *ret_head, struct err *err);

/* The only header of that name; NULL when there is none or more than one. */
const struct slice *relay_head_find(const struct relay_head *head, const char *name);

/* A chunked body, fed as it comes.  Starts zeroed. */
struct relay_chunks {
	int state;
	int digits;
	uint64_t left;
};

/* Appends what belongs to the body to out and says in ret_used how many bytes were taken.
 * 1: complete, 0: more is needed, -1: malformed, or out is full (strbuf_failed()). */
int relay_chunks_feed(struct relay_chunks *chunks, const char *data, size_t len,
	size_t *ret_used, struct strbuf *out, struct err *err);

#endif
