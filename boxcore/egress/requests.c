/* SPDX-License-Identifier: MIT */
/* Where each request of an HTTP/1 connection begins and ends, and its Host (RFC 9112). */
#include "boxcore/egress/requests.h"

#include "boxcore/base/str.h"
#include "boxcore/egress/policy.h"

#include <string.h>
#include <strings.h>

#define CHUNK_LINE 1024 /* a size and what some put behind it */
#define LENGTH_DIGITS 15

struct text {
	const char *at;
	size_t len;
};

struct head {
	bool http_11, has_host, has_length, chunked, upgrade;
	uint64_t length;
	struct text host, target_host;
};

/* ---- pieces ---------------------------------------------------------------------------- */

static bool is_token(struct text text)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || (c && strchr(others, c));
		if (!fine)
			return false;
	}
	return text.len > 0;
}

static bool is_word(struct text text, const char *word)
{
	return text.len == strlen(word) && strncasecmp(text.at, word, text.len) == 0;
}

static struct text trimmed(struct text text)
{
	while (text.len > 0 && (*text.at == ' ' || *text.at == '\t')) {
		text.at++;
		text.len--;
	}
	while (text.len > 0 &&
		(text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t'))
		text.len--;
	return text;
}

/* The next line without its end; false when there is a bare CR, LF or NUL in it. */
static bool next_line(struct text *rest, struct text *ret_line)
{
	const char *end = memmem(rest->at, rest->len, "\r\n", 2);

	if (!end)
		return false;
	*ret_line = (struct text){rest->at, (size_t)(end - rest->at)};
	rest->len -= ret_line->len + 2;
	rest->at = end + 2;
	for (size_t i = 0; i < ret_line->len; i++)
		if ((unsigned char)ret_line->at[i] < ' ' && ret_line->at[i] != '\t')
			return false;
	return true;
}

/* "example.com:80" as a name; addresses in brackets have none. */
static bool normalize_host(struct text text, char *ret_name)
{
	const char *colon = memchr(text.at, ':', text.len);

	ret_name[0] = '\0';
	if (text.len == 0 || text.at[0] == '[')
		return true;
	if (colon) {
		for (const char *p = colon + 1; p < text.at + text.len; p++)
			if (*p < '0' || *p > '9')
				return false;
		text.len = (size_t)(colon - text.at);
	}
	return egress_name_normalize(text.at, text.len, ret_name);
}

/* ---- a head ---------------------------------------------------------------------------- */

static bool read_request_line(struct text line, struct head *head)
{
	const char *space = memchr(line.at, ' ', line.len);

	if (!space || line.len < 12)
		return false;
	struct text method = {line.at, (size_t)(space - line.at)};
	struct text version = {line.at + line.len - 9, 9};
	if (!is_token(method) || is_word(method, "CONNECT") || is_word(method, "PRI") ||
		space >= version.at || memcmp(version.at, " HTTP/1.", 8) != 0 ||
		(version.at[8] != '0' && version.at[8] != '1'))
		return false;
	head->http_11 = version.at[8] == '1';
	struct text target = {space + 1, (size_t)(version.at - space) - 1};
	if (target.len == 0 || memchr(target.at, ' ', target.len) ||
		memchr(target.at, '\t', target.len))
		return false;
	if (target.at[0] == '/' || is_word(target, "*"))
		return true;
	if (target.len < 8 || strncasecmp(target.at, "http://", 7) != 0)
		return false;
	head->target_host.at = target.at + 7;
	while (head->target_host.len < target.len - 7 &&
		!strchr("/?#", head->target_host.at[head->target_host.len]))
		head->target_host.len++;
	return true;
}

static bool read_length(struct text value, struct head *head)
{
	if (head->has_length || value.len == 0 || value.len > LENGTH_DIGITS)
		return false;
	head->has_length = true;
	for (size_t i = 0; i < value.len; i++) {
		if (value.at[i] < '0' || value.at[i] > '9')
			return false;
		head->length = head->length * 10 + (uint64_t)(value.at[i] - '0');
	}
	return true;
}

static bool read_field(struct text line, struct head *head)
{
	const char *colon = memchr(line.at, ':', line.len);

	if (!colon)
		return false;
	struct text name = {line.at, (size_t)(colon - line.at)};
	struct text value = trimmed(
		(struct text){colon + 1, line.len - (size_t)(colon - line.at) - 1});
	if (!is_token(name)) /* no white space before the colon, no folded line */
		return false;
	if (is_word(name, "host")) {
		if (head->has_host)
			return false;
		head->has_host = true;
		head->host = value;
	} else if (is_word(name, "content-length")) {
		return read_length(value, head);
	} else if (is_word(name, "transfer-encoding")) {
		if (head->chunked || !is_word(value, "chunked"))
			return false;
		head->chunked = true;
	} else if (is_word(name, "upgrade")) {
		head->upgrade = true;
	}
	return true;
}

static bool read_head(struct text text, struct head *head, char *ret_host)
{
	char in_target[LIMIT_EGRESS_NAME + 1];
	struct text line;

	if (!next_line(&text, &line) || !read_request_line(line, head))
		return false;
	while (text.len > 2)
		if (!next_line(&text, &line) || !read_field(line, head))
			return false;
	if ((head->chunked && (head->has_length || !head->http_11)) ||
		(head->http_11 && !head->has_host) || (head->upgrade && !head->http_11))
		return false;
	if (!normalize_host(head->host, ret_host))
		return false;
	return head->target_host.len == 0 ||
	       (normalize_host(head->target_host, in_target) &&
		       (!head->has_host || str_eq(in_target, ret_host)));
}

static enum requests_result on_head(
	struct requests *requests, const uint8_t *data, size_t len, size_t *pass)
{
	const uint8_t *from = data + *pass;
	const uint8_t *end = memmem(from, len - *pass, "\r\n\r\n", 4);
	struct head head = {.host = {"", 0}, .target_host = {"", 0}};

	if (!end)
		return len - *pass >= LIMIT_EGRESS_HEAD ? REQUESTS_BAD : REQUESTS_MORE;
	size_t size = (size_t)(end - from) + 4;
	if (size > LIMIT_EGRESS_HEAD ||
		!read_head(
			(struct text){(const char *)from, size}, &head, requests->host) ||
		(head.upgrade && requests->count > 0))
		return REQUESTS_BAD;
	if (!requests->head_known) {
		requests->head_known = true;
		return REQUESTS_JUDGE;
	}
	requests->head_known = false;
	requests->count = 1; /* or more */
	requests->left = head.length;
	requests->state = head.upgrade      ? REQUESTS_SWITCHING
			  : head.chunked    ? REQUESTS_CHUNK
			  : head.length > 0 ? REQUESTS_BODY
					    : REQUESTS_HEAD;
	*pass += size;
	/* A body before the switch is more than any client sends. */
	if (head.upgrade && (head.chunked || head.length > 0))
		return REQUESTS_BAD;
	return REQUESTS_JUDGE; /* replaced by the caller: goes on */
}

/* ---- bodies ---------------------------------------------------------------------------- */

static void on_body(struct requests *requests, size_t len, size_t *pass)
{
	size_t there = len - *pass;
	size_t part = requests->left < there ? (size_t)requests->left : there;

	*pass += part;
	requests->left -= part;
	if (requests->left > 0)
		return;
	requests->state =
		requests->state == REQUESTS_BODY ? REQUESTS_HEAD : REQUESTS_CHUNK;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A line of at most CHUNK_LINE bytes: its length with the end, 0 when more is needed, -1. */
static ssize_t line_size(const uint8_t *data, size_t len)
{
	const uint8_t *end = memmem(data, len, "\r\n", 2);
	size_t size = end ? (size_t)(end - data) : len;

	for (size_t i = 0; i < size; i++)
		if (data[i] == '\n' || data[i] == '\0' ||
			(data[i] == '\r' && i + 1 < len))
			return -1;
	if (size > CHUNK_LINE)
		return -1;
	return end ? (ssize_t)size + 2 : 0;
}

/* false: malformed.  *ret_more: more is needed. */
static bool on_chunk(struct requests *requests, const uint8_t *data, size_t len,
	size_t *pass, bool *ret_more)
{
	ssize_t size = line_size(data + *pass, len - *pass);
	uint64_t value = 0;
	int digits = 0;

	*ret_more = size == 0;
	if (size <= 0)
		return size == 0;
	const uint8_t *line = data + *pass;
	for (; hex_digit(line[digits]) >= 0; digits++) {
		if (digits == 12)
			return false;
		value = value * 16 + (uint64_t)hex_digit(line[digits]);
	}
	if (digits == 0 || (line[digits] != ';' && line[digits] != '\r'))
		return false;
	*pass += (size_t)size;
	requests->left = value + 2; /* and the line end behind */
	requests->state = value > 0 ? REQUESTS_CHUNK_DATA : REQUESTS_TRAILER;
	return true;
}

static bool on_trailer(struct requests *requests, const uint8_t *data, size_t len,
	size_t *pass, bool *ret_more)
{
	ssize_t size = line_size(data + *pass, len - *pass);

	*ret_more = size == 0;
	if (size <= 0)
		return size == 0;
	*pass += (size_t)size;
	if (size == 2)
		requests->state = REQUESTS_HEAD;
	return true;
}

/* ---- all ------------------------------------------------------------------------------- */

enum requests_result requests_scan(
	struct requests *requests, const uint8_t *data, size_t len, size_t *ret_pass)
{
	enum requests_result result;
	bool more = false, fine = true;

	*ret_pass = 0;
	while (fine && !more && *ret_pass < len) {
		switch (requests->state) {
		case REQUESTS_HEAD:
			result = on_head(requests, data, len, ret_pass);
			if (result != REQUESTS_JUDGE || requests->head_known)
				return result;
			break;
		case REQUESTS_BODY:
		case REQUESTS_CHUNK_DATA: on_body(requests, len, ret_pass); break;
		case REQUESTS_CHUNK:
			fine = on_chunk(requests, data, len, ret_pass, &more);
			break;
		case REQUESTS_TRAILER:
			fine = on_trailer(requests, data, len, ret_pass, &more);
			break;
		case REQUESTS_SWITCHING: more = true; break;
		case REQUESTS_RAW: *ret_pass = len; break;
		}
	}
	return fine ? REQUESTS_MORE : REQUESTS_BAD;
}

void requests_answered(struct requests *requests, const uint8_t *data, size_t len)
{
	static const char granted[] = "HTTP/1.1 101";

	if (requests->state != REQUESTS_SWITCHING)
		return;
	bool yes = len >= sizeof granted - 1 &&
		   memcmp(data, granted, sizeof granted - 1) == 0;
	requests->state = yes ? REQUESTS_RAW : REQUESTS_HEAD;
}
