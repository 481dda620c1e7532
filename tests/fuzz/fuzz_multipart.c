/* SPDX-License-Identifier: MIT */
/*
 * A form: the first byte says in which pieces it comes, the rest is the body (boundary "b").
 * In any pieces, and read in any, it means the same.
 */
#include "boxcore/base/limits.h"
#include "boxcore/base/strbuf.h"
#include "service/http/multipart.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct feed {
	const uint8_t *at;
	size_t left, piece;
};

static ssize_t feed(void *arg, void *buf, size_t size, struct err *err)
{
	struct feed *f = arg;
	size_t n = f->left < f->piece ? f->left : f->piece;

	(void)err;
	n = n < size ? n : size;
	if (n > 0)
		memcpy(buf, f->at, n);
	f->at += n;
	f->left -= n;
	return (ssize_t)n;
}

static void read_all(struct feed *f, size_t take, struct strbuf *out)
{
	CLEANUP(multipart) struct multipart *m = multipart_new("b", feed, f);
	struct multipart_part part;
	struct err err = {0};
	char buf[256];
	int rc;

	while ((rc = multipart_next(m, &part, &err)) > 0) {
		ssize_t n;
		if (!*part.name || strlen(part.name) >= sizeof(part.name))
			abort();
		strbuf_addf(out, "[%s %d %s %s]", part.name, part.is_file, part.filename,
			part.type);
		while ((n = multipart_read(m, buf, take, &err)) > 0)
			strbuf_add(out, buf, (size_t)n);
		if (n < 0) {
			rc = -1;
			break;
		}
	}
	if (rc < 0 && err.kind != ERR_INPUT && err.kind != ERR_LIMIT)
		abort();
	if (rc == 0)
		strbuf_adds(out, "[end]");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(strbuf) struct strbuf whole = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(strbuf) struct strbuf pieces = STRBUF_INIT(LIMIT_MIB);

	if (size < 1 || size > LIMIT_MIB / 4)
		return 0;
	struct feed one = {data + 1, size - 1, size};
	struct feed many = {data + 1, size - 1, 1u + (data[0] & 15)};
	read_all(&one, 256, &whole);
	read_all(&many, 1u + (data[0] >> 4), &pieces);
	/* A part that is cut off may have given more or less of itself; ends are the same. */
	bool ended =
		whole.len >= 5 && memcmp(whole.data + whole.len - 5, "[end]", 5) == 0;
	if (ended && (whole.len != pieces.len ||
			     memcmp(whole.data, pieces.data, whole.len) != 0))
		abort();
	return 0;
}
