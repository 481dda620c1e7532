/* SPDX-License-Identifier: MIT */
/* One pass that knows no more of JSON than strings, brackets and commas; see slim.h. */
#include "webhooks/slim.h"

#include "boxcore/base/json.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SUFFIX "_url"
#define SUFFIX_LEN (sizeof SUFFIX - 1)

struct slim {
	const char *at, *end;
	char *to;
	bool object[JSON_DEPTH_MAX + 1]; /* of each open bracket */
	size_t depth;
};

/* The bytes of a string's inside, up to its closing quote; NULL when it is not plain. */
static const char *plain_end(const char *at, const char *end)
{
	while (at < end && *at >= 0x20 && *at < 0x7f && *at != '"' && *at != '\\')
		at++;
	return at < end && *at == '"' ? at : NULL;
}

static bool is_read(const char *key, size_t len)
{
	static const char *const kept[] = {"html_url", "clone_url"};

	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		if (strlen(kept[i]) == len && memcmp(kept[i], key, len) == 0)
			return true;
	return false;
}

/* The length of the member at the quote `at` with its comma, if it may be left out; else 0. */
static size_t droppable(const char *at, const char *end)
{
	const char *key = at + 1, *key_end = plain_end(key, end);

	if (!key_end || (size_t)(key_end - key) < SUFFIX_LEN ||
		memcmp(key_end - SUFFIX_LEN, SUFFIX, SUFFIX_LEN) != 0 ||
		is_read(key, (size_t)(key_end - key)))
		return 0;
	if (end - key_end < 3 || memcmp(key_end, "\":\"", 3) != 0)
		return 0;
	const char *value_end = plain_end(key_end + 3, end);
	if (!value_end || end - value_end < 3 || memcmp(value_end, "\",\"", 3) != 0)
		return 0;
	return (size_t)(value_end + 2 - at);
}

static void copy_string(struct slim *s)
{
	const char *from = s->at++;

	while (s->at < s->end && *s->at != '"')
		s->at += *s->at == '\\' && s->end - s->at > 1 ? 2 : 1;
	if (s->at < s->end)
		s->at++;
	memcpy(s->to, from, (size_t)(s->at - from));
	s->to += s->at - from;
}

/* Copies one character outside strings; false when there are too many brackets.
 * *member tells whether an object's member may begin behind it. */
static bool copy_other(struct slim *s, bool *member)
{
	char c = *s->at++;

	*s->to++ = c;
	switch (c) {
	case '{':
	case '[':
		if (s->depth == sizeof s->object / sizeof *s->object)
			return false;
		s->object[s->depth++] = c == '{';
		*member = c == '{';
		return true;
	case '}':
	case ']':
		s->depth -= s->depth > 0;
		*member = false;
		return true;
	case ',': *member = s->depth > 0 && s->object[s->depth - 1]; return true;
	default: *member = false; return true;
	}
}

size_t slim_json(char *to, const char *text, size_t len)
{
	struct slim s = {.at = text, .end = text + len, .to = to};
	bool member = false;

	while (s.at < s.end) {
		size_t drop = member && *s.at == '"' ? droppable(s.at, s.end) : 0;
		if (drop > 0) {
			s.at += drop;
		} else if (*s.at == '"') {
			copy_string(&s);
			member = false;
		} else if (!copy_other(&s, &member)) {
			return 0;
		}
	}
	return (size_t)(s.to - to);
}
