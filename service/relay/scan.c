/* SPDX-License-Identifier: MIT */
/* A look at the top level of a JSON object. */
#include "service/relay/scan.h"

#include "boxcore/base/str.h"
#include "service/relay/cursor.h"

#include <string.h>

static void keep_model(struct relay_scan *scan, struct slice value)
{
	scan->model[0] = '\0';
	if (value.n >= sizeof scan->model || memchr(value.p, '\\', value.n))
		return;
	memcpy(scan->model, value.p, value.n);
	scan->model[value.n] = '\0';
}

static void keep_tokens(struct relay_scan *scan, struct slice value)
{
	char number[24];
	int64_t n;

	if (value.n >= sizeof number)
		return;
	memcpy(number, value.p, value.n);
	number[value.n] = '\0';
	scan->max_tokens = str_to_i64(number, 0, 1000000000, &n) ? n : 0;
}

/* Escapes in a name make it another name to us; the estimate suffers, nothing else. */
static bool take_member(struct cursor *c, struct relay_scan *scan)
{
	struct slice key;
	struct slice value;

	if (!cursor_string(c, &key) || !cursor_take(c, ':'))
		return false;
	char first = cursor_peek(c);
	if (first == '"' && slice_eq(key, "model")) {
		if (!cursor_string(c, &value))
			return false;
		keep_model(scan, value);
		return true;
	}
	if (strchr("\"{[", first) ||
		(!slice_eq(key, "max_tokens") && !slice_eq(key, "max_output_tokens") &&
			!slice_eq(key, "max_completion_tokens")))
		return cursor_skip(c);
	if (!cursor_bare(c, &value))
		return false;
	keep_tokens(scan, value);
	return true;
}

bool relay_scan(const char *text, size_t len, struct relay_scan *ret_scan)
{
	struct cursor c = {text, text + len};

	*ret_scan = (struct relay_scan){0};
	if (!cursor_take(&c, '{'))
		return false;
	if (cursor_take(&c, '}'))
		return true;
	do {
		if (!take_member(&c, ret_scan))
			return false;
	} while (cursor_take(&c, ','));
	return cursor_take(&c, '}');
}
