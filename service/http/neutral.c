/* SPDX-License-Identifier: MIT */
/* Spaces before the ends of lines that a client would misread; see neutral.h. */
#include "service/http/neutral.h"

#include "boxcore/base/str.h"

#include <string.h>

static const char common[] = "event: e";
static const char *const markers[] = {"event: exit\n", "event: error\n"};

enum { COMMON = sizeof(common) - 1, LONGEST = 13 };

/* Whether the byte at `at` (a line's end) closes a marker. */
static bool closes_marker(const char *text, size_t at)
{
	for (size_t i = 0; i < ARRAY_LEN(markers); i++) {
		size_t len = strlen(markers[i]);
		if (at + 1 >= len && memcmp(text + at + 1 - len, markers[i], len) == 0)
			return true;
	}
	return false;
}

static void remember(struct neutral *neutral, const char *data, size_t len)
{
	size_t keep = LONGEST - 1;

	if (len < keep) {
		size_t old = neutral->len + len > keep ? keep - len : neutral->len;
		memmove(neutral->tail, neutral->tail + neutral->len - old, old);
		memcpy(neutral->tail + old, data, len);
		neutral->len = old + len;
		return;
	}
	memcpy(neutral->tail, data + len - keep, keep);
	neutral->len = keep;
}

/* A marker that began in what went before ends in the first bytes.  -1: none. */
static ptrdiff_t straddling(const struct neutral *neutral, const char *data, size_t len)
{
	char joint[2 * LONGEST];
	size_t head = len < LONGEST ? len : LONGEST;

	memcpy(joint, neutral->tail, neutral->len);
	memcpy(joint + neutral->len, data, head);
	for (size_t i = 0; i < head; i++)
		if (data[i] == '\n' && closes_marker(joint, neutral->len + i))
			return (ptrdiff_t)i;
	return -1;
}

/* The end of the first marker that lies whole in the data. */
static ptrdiff_t inside(const char *data, size_t len)
{
	const char *at = data, *end = data + len;

	while ((at = memmem(at, (size_t)(end - at), common, COMMON))) {
		const char *line = memchr(at, '\n', (size_t)(end - at));
		if (!line)
			return -1;
		if (line - at < LONGEST && closes_marker(data, (size_t)(line - data)))
			return line - data;
		at += COMMON - 1; /* its last letter may begin the next one */
	}
	return -1;
}

size_t neutral_next(
	struct neutral *neutral, const char *data, size_t len, bool *ret_space)
{
	ptrdiff_t at = -1;

	if (len > 0) {
		at = straddling(neutral, data, len);
		if (at < 0)
			at = inside(data, len);
	}
	*ret_space = at >= 0;
	if (at < 0) {
		remember(neutral, data, len);
		return len;
	}
	remember(neutral, data, (size_t)at);
	remember(neutral, " ", 1);
	return (size_t)at;
}
