/* SPDX-License-Identifier: MIT */
/* Steps over the text of a JSON document. */
#include "service/relay/cursor.h"

#include <string.h>

char cursor_peek(struct cursor *c)
{
	while (c->p < c->end &&
		(*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
		c->p++;
	return (char)(c->p < c->end ? *c->p : '\0');
}

bool cursor_take(struct cursor *c, char want)
{
	if (cursor_peek(c) != want || c->p == c->end)
		return false;
	c->p++;
	return true;
}

bool cursor_string(struct cursor *c, struct slice *ret_text)
{
	if (!cursor_take(c, '"'))
		return false;
	ret_text->p = c->p;
	for (; c->p < c->end; c->p++) {
		if (*c->p == '"') {
			ret_text->n = (size_t)(c->p - ret_text->p);
			c->p++;
			return true;
		}
		if (*c->p == '\\' && ++c->p == c->end)
			return false;
	}
	return false;
}

bool cursor_bare(struct cursor *c, struct slice *ret_text)
{
	cursor_peek(c);
	ret_text->p = c->p;
	while (c->p < c->end && *c->p &&
		(strchr("+-.", *c->p) || (*c->p >= '0' && *c->p <= '9') ||
			(*c->p >= 'a' && *c->p <= 'z') || *c->p == 'E'))
		c->p++;
	ret_text->n = (size_t)(c->p - ret_text->p);
	return ret_text->n > 0;
}

static bool skip_nested(struct cursor *c)
{
	size_t depth = 0;
	struct slice text;

	while (c->p < c->end) {
		switch (*c->p) {
		case '"':
			if (!cursor_string(c, &text))
				return false;
			continue;
		case '{':
		case '[': depth++; break;
		case '}':
		case ']':
			if (--depth == 0) {
				c->p++;
				return true;
			}
			break;
		default: break;
		}
		c->p++;
	}
	return false;
}

bool cursor_skip(struct cursor *c)
{
	struct slice text;

	switch (cursor_peek(c)) {
	case '{':
	case '[': return skip_nested(c);
	case '"': return cursor_string(c, &text);
	default: return cursor_bare(c, &text);
	}
}
