/* SPDX-License-Identifier: MIT */
/*
 * Reads multipart/form-data strictly, part by part, in a fixed amount of memory.
 *
 *	multipart_next() -> 1, multipart_read() until 0, multipart_next() -> 1 ... -> 0
 *
 * The bytes are pulled from a source, so a part may be larger than memory and goes on as it
 * comes.  Refused (ERR_INPUT): anything before the first boundary, a part without a name,
 * an end that is missing, headers above LIMIT_PART_HEAD.  One thread.
 */
#ifndef SERVICE_HTTP_MULTIPART_H
#define SERVICE_HTTP_MULTIPART_H

#include "boxcore/base/cleanup.h"
#include "boxcore/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define MULTIPART_BOUNDARY_MAX 70 /* RFC 2046 */

/* Writes the boundary of a Content-Type to ret; false when it is no multipart/form-data
 * with a proper one. */
bool multipart_boundary(const char *content_type, char ret[MULTIPART_BOUNDARY_MAX + 1]);

/* At least one byte, 0 at the end, -1 with err. */
typedef ssize_t (*multipart_source)(void *arg, void *buf, size_t size, struct err *err);

struct multipart_part {
	char name[128];
	bool is_file; /* it has a filename */
	char filename[1024];
	char type[128]; /* "" when it has none */
};

struct multipart;

struct multipart *multipart_new(const char *boundary, multipart_source source, void *arg);
void multipart_free(struct multipart *multipart);
DEFINE_CLEANUP(multipart, struct multipart *, multipart_free(*value))

/* The next part, after passing over what is left of this one: 1, 0 after the last, or -1. */
int multipart_next(
	struct multipart *multipart, struct multipart_part *ret, struct err *err);
/* The part's next bytes; 0 at its end.  -1 as of the source, or ERR_INPUT. */
ssize_t multipart_read(
	struct multipart *multipart, void *buf, size_t size, struct err *err);

#endif
