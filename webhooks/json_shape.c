/* SPDX-License-Identifier: MIT */
/* A grammar check of JSON without recursion; see json_shape.h. */
#include "webhooks/json_shape.h"

#include "boxcore/base/cleanup.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdint.h>
#include <string.h>

/* The open brackets, one bit each: 1 is an object. */
struct nesting {
	uint8_t *bits;
	size_t depth, room;
};

struct reader {
	const char *at, *end;
	struct nesting open;
};

static void nesting_push(struct nesting *open, bool object)
{
	if (open->depth == open->room) {
		open->room = open->room ? 2 * open->room : 1024;
		open->bits = mem_grow(open->bits, open->room / 8, 1);
	}
	uint8_t bit = (uint8_t)(1u << open->depth % 8);
	uint8_t *byte = &open->bits[open->depth / 8];
	*byte = object ? *byte | bit : *byte & (uint8_t)~bit;
	open->depth++;
}

static bool nesting_in_object(const struct nesting *open)
{
	size_t top = open->depth - 1;

	return open->bits[top / 8] >> top % 8 & 1;
}

static void skip_space(struct reader *r)
{
	while (r->at < r->end &&
		(*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
		r->at++;
}

static bool take(struct reader *r, char c)
{
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

static bool take_word(struct reader *r, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0)
		return false;
	r->at += n;
	return true;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool take_escape(struct reader *r)
{
	if (r->at == r->end)
		return false;
	char c = *r->at++;
	if (c != 'u')
		return c != '\0' && strchr("\"\\/bfnrt", c);
	for (int i = 0; i < 4; i++, r->at++)
		if (r->at == r->end || !is_hex(*r->at))
			return false;
	return true;
}

static bool take_string(struct reader *r)
{
	if (!take(r, '"'))
		return false;
	while (r->at < r->end) {
		unsigned char c = (unsigned char)*r->at++;
		if (c == '"')
			return true;
		if (c < 0x20 || (c == '\\' && !take_escape(r)))
			return false;
	}
	return false;
}

static bool take_digits(struct reader *r)
{
	const char *start = r->at;

	while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
		r->at++;
	return r->at > start;
}

static bool take_number(struct reader *r)
{
	take(r, '-');
	if (!take(r, '0') && !take_digits(r))
		return false;
	if (take(r, '.') && !take_digits(r))
		return false;
	if (!take(r, 'e') && !take(r, 'E'))
		return true;
	if (!take(r, '+'))
		take(r, '-');
	return take_digits(r);
}

static bool take_scalar(struct reader *r)
{
	if (r->at == r->end)
		return false;
	switch (*r->at) {
	case '"': return take_string(r);
	case 't': return take_word(r, "true");
	case 'f': return take_word(r, "false");
	case 'n': return take_word(r, "null");
	default: return take_number(r);
	}
}

static bool take_name(struct reader *r)
{
	skip_space(r);
	if (!take_string(r))
		return false;
	skip_space(r);
	return take(r, ':');
}

/* A scalar, an empty bracket pair, or the opening of a bracket up to its first value:
 * *ret_open tells that a value must follow. */
static bool take_value(struct reader *r, bool *ret_open)
{
	*ret_open = false;
	skip_space(r);
	bool object = take(r, '{');
	if (!object && !take(r, '['))
		return take_scalar(r);
	skip_space(r);
	if (take(r, object ? '}' : ']'))
		return true;
	nesting_push(&r->open, object);
	*ret_open = true;
	return !object || take_name(r);
}

/* After a value: closes brackets until a comma asks for another value. */
static bool take_rest(struct reader *r)
{
	while (r->open.depth > 0) {
		bool object = nesting_in_object(&r->open);
		skip_space(r);
		if (take(r, ','))
			return !object || take_name(r);
		if (!take(r, object ? '}' : ']'))
			return false;
		r->open.depth--;
	}
	return true;
}

bool json_shape_is_object(const char *text, size_t len)
{
	struct reader r = {.at = text, .end = text + len};
	bool good, open = false;

	if (!str_is_utf8(text, len))
		return false;
	skip_space(&r);
	if (r.at == r.end || *r.at != '{')
		return false;
	do {
		good = take_value(&r, &open) && (open || take_rest(&r));
	} while (good && r.open.depth > 0);
	free(r.open.bits);
	skip_space(&r);
	return good && r.at == r.end;
}
