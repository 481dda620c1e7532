/* SPDX-License-Identifier: MIT */
/* A look at the top level of a JSON object. */
#include "service/relay/scan.h"

#include "boxcore/base/str.h"

#include <string.h>

struct cursor {
	const char *p;
	const char *end;
};

static void skip_space(struct cursor *c)
{
	while (c->p < c->end &&
		(*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
		c->p++;
}

static bool take(struct cursor *c, char want)
{
	skip_space(c);
	if (c->p == c->end || *c->p != want)
		return false;
	c->p++;
	return true;
}

/* At a quote.  Gives the raw text between the quotes. */
static bool take_string(struct cursor *c, const char **ret_text, size_t *ret_len)
{
	if (!take(c, '"'))
		return false;
	*ret_text = c->p;
	for (; c->p < c->end; c->p++) {
		if (*c->p == '"') {
			*ret_len = (size_t)(c->p - *ret_text);
			c->p++;
			return true;
		}
		if (*c->p == '\\')
			c->p++;
	}
	return false;
}

/* Steps over an object or array, however deep, without recursion. */
static bool skip_nested(struct cursor *c)
{
	size_t depth = 0;
	const char *text;
	size_t len;

	while (c->p < c->end) {
		switch (*c->p) {
		case '"':
			if (!take_string(c, &text, &len))
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

/* A number or a word. */
static bool take_bare(struct cursor *c, const char **ret_text, size_t *ret_len)
{
	*ret_text = c->p;
	while (c->p < c->end &&
		(strchr("+-.", *c->p) || (*c->p >= '0' && *c->p <= '9') ||
			(*c->p >= 'a' && *c->p <= 'z') || *c->p == 'E') &&
		*c->p)
		c->p++;
	*ret_len = (size_t)(c->p - *ret_text);
	return *ret_len > 0;
}

/* Escapes in a name make it another name to us; the estimate suffers, nothing else. */
static bool is_name(const char *key, size_t len, const char *name)
{
	return strlen(name) == len && memcmp(key, name, len) == 0;
}

static void keep(struct relay_scan *scan, const char *key, size_t key_len, bool string,
	const char *value, size_t len)
{
	char number[24];
	int64_t n;

	if (is_name(key, key_len, "model") && string) {
		scan->model[0] = '\0';
		if (len < sizeof scan->model && !memchr(value, '\\', len)) {
			memcpy(scan->model, value, len);
			scan->model[len] = '\0';
		}
		return;
	}
	if (string || (!is_name(key, key_len, "max_tokens") &&
			      !is_name(key, key_len, "max_output_tokens") &&
			      !is_name(key, key_len, "max_completion_tokens")))
		return;
	if (len < sizeof number) {
		memcpy(number, value, len);
		number[len] = '\0';
		scan->max_tokens = str_to_i64(number, 0, 1000000000, &n) ? n : 0;
	}
}

static bool take_member(struct cursor *c, struct relay_scan *scan)
{
	const char *key;
	const char *value = NULL;
	size_t key_len;
	size_t len = 0;

	if (!take_string(c, &key, &key_len) || !take(c, ':'))
		return false;
	skip_space(c);
	if (c->p == c->end)
		return false;
	if (*c->p == '{' || *c->p == '[')
		return skip_nested(c);
	bool string = *c->p == '"';
	if (string ? !take_string(c, &value, &len) : !take_bare(c, &value, &len))
		return false;
	keep(scan, key, key_len, string, value, len);
	return true;
}

bool relay_scan(const char *text, size_t len, struct relay_scan *ret_scan)
{
	struct cursor c = {text, text + len};

	*ret_scan = (struct relay_scan){0};
	if (!take(&c, '{'))
		return false;
	if (take(&c, '}'))
		return true;
	do {
		if (!take_member(&c, ret_scan))
			return false;
	} while (take(&c, ','));
	return take(&c, '}');
}
