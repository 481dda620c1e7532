/* SPDX-License-Identifier: MIT */
/*
 * The request target, taken apart once and strictly.  Pure.
 *
 * Only the origin form "/a/b?c=d" passes.  Refused: any byte that may not stand in a URI,
 * bad escapes, %00, an escaped slash or backslash, empty segments (//), "." and "..",
 * escapes that do not decode to UTF-8 text without control characters.
 */
#ifndef SERVICE_HTTP_TARGET_H
#define SERVICE_HTTP_TARGET_H

#include "boxcore/base/cleanup.h"
#include "boxcore/base/err.h"

#include <stddef.h>

#define TARGET_SEGMENTS_MAX 12
#define TARGET_QUERIES_MAX 16

struct target_query {
	char *name, *value; /* decoded; borrowed from the target */
};

struct target {
	char *text; /* decoded segments and queries, NUL-separated; owned */
	char *segments[TARGET_SEGMENTS_MAX];
	size_t segment_count; /* 0: "/" */
	struct target_query queries[TARGET_QUERIES_MAX];
	size_t query_count;
};

/* ERR_INPUT, or ERR_LIMIT when it is longer than LIMIT_HTTP_TARGET. */
int target_parse(struct target *ret, const char *raw, size_t len, struct err *err);
void target_release(struct target *target);
DEFINE_CLEANUP(target, struct target, target_release(value))

/* The segments from that one on with slashes between them; free() it. */
char *target_tail(const struct target *target, size_t from);

/* The first value of that name, or NULL. */
const char *target_query(const struct target *target, const char *name);

#endif
