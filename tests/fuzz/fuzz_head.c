/* SPDX-License-Identifier: MIT */
/*
 * The head of a request: its first line is the target, each further line a header.  A
 * target that passes has no dangerous segment; a head that passes has one Host and no
 * doubled length.
 */
#include "boxcore/base/str.h"
#include "service/http/guard.h"
#include "service/http/target.h"

#include <string.h>

static void check_target(const char *raw, size_t len)
{
	CLEANUP(target) struct target target = {0};
	struct err err = {0};

	if (target_parse(&target, raw, len, &err)) {
		if (err.kind != ERR_INPUT && err.kind != ERR_LIMIT)
			abort();
		return;
	}
	for (size_t i = 0; i < target.segment_count; i++) {
		const char *s = target.segments[i];
		if (!*s || strchr(s, '/') || str_eq(s, ".") || str_eq(s, "..") ||
			!str_is_utf8(s, strlen(s)))
			abort();
	}
	target_query(&target, "after");
}

static void add_header(struct guard *guard, const char *line, size_t len)
{
	const char *colon = len ? memchr(line, ':', len) : NULL;
	size_t name = colon ? (size_t)(colon - line) : len;
	size_t skip = colon ? name + 1 : len;

	guard_header(guard, line, name, line + skip, len - skip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guard guard = GUARD_INIT;
	const char *at = (const char *)data, *end = at + size;
	bool first = true;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t len = stop ? (size_t)(stop - at) : (size_t)(end - at);
		if (first)
			check_target(at, len);
		else
			add_header(&guard, at, len);
		first = false;
		at += len + (stop ? 1 : 0);
	}
	int status = guard_finish(&guard, "POST", "HTTP/1.1");
	if (status == 0 && (!guard.host || guard.encoding || guard.content_length < 0))
		abort();
	if (status != 0 && guard.err.kind == ERR_NONE)
		abort();
	return 0;
}
