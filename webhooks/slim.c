/* SPDX-License-Identifier: MIT */
/* One pass that knows no more of JSON than strings, brackets and commas; see slim.h. */
#include "webhooks/slim.h"

#include "boxcore/base/json.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define DIGITS_MAX 18 /* what surely fits into 63 bits */

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

/* Every name that the readers of events ask for as a text, number or word, by its length. */
static const char *const read2[] = {"id", NULL};
static const char *const read3[] = {"ref", "sha", NULL};
static const char *const read4[] = {
	"body", "from", "fork", "line", "name", "path", "side", "type", NULL};
static const char *const read5[] = {"after", "draft", "login", "state", "title", NULL};
static const char *const read6[] = {
	"action", "before", "forced", "locked", "merged", "number", NULL};
static const char *const read7[] = {"compare", "created", "deleted", "private", NULL};
static const char *const read8[] = {"archived", "head_sha", "html_url", NULL};
static const char *const read9[] = {"clone_url", "diff_hunk", "full_name", NULL};
static const char *const read10[] = {
	"conclusion", "created_at", "identifier", "updated_at", NULL};
static const char *const read11[] = {"external_id", "head_branch", NULL};
static const char *const read14[] = {"default_branch", "in_reply_to_id", NULL};
static const char *const read22[] = {"pull_request_review_id", NULL};
static const char *const read23[] = {"latest_check_runs_count", NULL};
static const char *const *const reads[] = {
	[2] = read2,
	[3] = read3,
	[4] = read4,
	[5] = read5,
	[6] = read6,
	[7] = read7,
	[8] = read8,
	[9] = read9,
	[10] = read10,
	[11] = read11,
	[14] = read14,
	[22] = read22,
	[23] = read23,
};

static bool is_read(const char *key, size_t len)
{
	if (len >= sizeof reads / sizeof *reads || !reads[len])
		return false;
	for (const char *const *name = reads[len]; *name; name++)
		if (memcmp(*name, key, len) == 0)
			return true;
	return false;
}

static const char *word_end(const char *at, const char *end)
{
	static const struct {
		const char *text;
		size_t len;
	} words[] = {{"true", 4}, {"false", 5}, {"null", 4}};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if ((size_t)(end - at) >= words[i].len &&
			memcmp(at, words[i].text, words[i].len) == 0)
			return at + words[i].len;
	return NULL;
}

static const char *number_end(const char *at, const char *end)
{
	const char *first;

	at += at < end && *at == '-';
	first = at;
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	if (at == first || at - first > DIGITS_MAX || (*first == '0' && at - first > 1))
		return NULL;
	return at;
}

/* Behind a value that is sure to be one, however strict the parser; NULL for all others. */
static const char *value_end(const char *at, const char *end)
{
	if (at == end)
		return NULL;
	if (*at == '"') {
		const char *close = plain_end(at + 1, end);
		return close ? close + 1 : NULL;
	}
	if (*at == '-' || (*at >= '0' && *at <= '9'))
		return number_end(at, end);
	return word_end(at, end);
}

/* The length of the member at the quote `at` with its comma, if it may be left out; else 0. */
static size_t droppable(const char *at, const char *end)
{
	const char *key = at + 1, *key_end = plain_end(key, end);

	if (!key_end || is_read(key, (size_t)(key_end - key)))
		return 0;
	if (end - key_end < 2 || memcmp(key_end, "\":", 2) != 0)
		return 0;
	const char *behind = value_end(key_end + 2, end);
	if (!behind || end - behind < 2 || memcmp(behind, ",\"", 2) != 0)
		return 0;
	return (size_t)(behind + 1 - at);
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
