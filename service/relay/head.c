/* SPDX-License-Identifier: MIT */
/* The parser of a request's head, and of its chunks. */
#include "service/relay/head.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

bool slice_eq(struct slice s, const char *text)
{
	return strlen(text) == s.n && memcmp(s.p, text, s.n) == 0;
}

bool slice_eq_nocase(struct slice s, const char *text)
{
	return strlen(text) == s.n && strncasecmp(s.p, text, s.n) == 0;
}

size_t relay_head_length(const char *data, size_t len)
{
	const char *end = memmem(data, len, "\r\n\r\n", 4);

	return end ? (size_t)(end - data) + 4 : 0;
}

static bool is_token(struct slice s)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || (c && strchr(marks, c));
		if (!fine)
			return false;
	}
	return s.n > 0;
}

/* Visible ASCII, and blanks where they are allowed. */
static bool is_printable(struct slice s, bool blanks)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool blank = c == ' ' || c == '\t';
		if (blank ? !blanks : c < 0x21 || c == 0x7f || (!blanks && c > 0x7f))
			return false;
	}
	return true;
}

static int refuse(struct err *err, int status, const char *what)
{
	err_set(err, ERR_INPUT, "%s", what);
	return status;
}

/* The next line without its CR LF; false when it holds a bare CR or LF. */
static bool next_line(struct slice *rest, struct slice *line)
{
	const char *end = memmem(rest->p, rest->n, "\r\n", 2);

	if (!end)
		return false;
	*line = (struct slice){rest->p, (size_t)(end - rest->p)};
	rest->p += line->n + 2;
	rest->n -= line->n + 2;
	return !memchr(line->p, '\n', line->n) && !memchr(line->p, '\r', line->n);
}

/* Each % begins an escape.  Nothing is decoded here: who compares paths compares bytes. */
static bool has_whole_escapes(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '%' &&
			(s.n - i < 3 || !isxdigit((unsigned char)s.p[i + 1]) ||
				!isxdigit((unsigned char)s.p[i + 2])))
			return false;
	return true;
}

static int parse_target(struct slice target, struct relay_head *head, struct err *err)
{
	const char *mark = memchr(target.p, '?', target.n);

	if (target.n == 0 || target.p[0] != '/' || !is_printable(target, false) ||
		memchr(target.p, '#', target.n) || !has_whole_escapes(target))
		return refuse(err, 400, "the request's target is malformed");
	head->path = target;
	head->query = (struct slice){target.p + target.n, 0};
	if (mark) {
		head->path.n = (size_t)(mark - target.p);
		head->query = (struct slice){mark + 1, target.n - head->path.n - 1};
	}
	return 0;
}

static int parse_request_line(struct slice line, struct relay_head *head, struct err *err)
{
	const char *first = memchr(line.p, ' ', line.n);

	if (!first)
		return refuse(err, 400, "the request line is malformed");
	head->method = (struct slice){line.p, (size_t)(first - line.p)};
	struct slice rest = {first + 1, line.n - head->method.n - 1};
	const char *second = memchr(rest.p, ' ', rest.n);
	if (!second || !is_token(head->method))
		return refuse(err, 400, "the request line is malformed");
	struct slice target = {rest.p, (size_t)(second - rest.p)};
	struct slice version = {second + 1, rest.n - target.n - 1};
	if (!slice_eq(version, "HTTP/1.1")) {
		bool http = version.n == 8 && memcmp(version.p, "HTTP/", 5) == 0;
		return refuse(err, http ? 505 : 400, "only HTTP/1.1 is spoken here");
	}
	return parse_target(target, head, err);
}

static int parse_header(struct slice line, struct relay_header *header, struct err *err)
{
	const char *colon = memchr(line.p, ':', line.n);

	if (!colon)
		return refuse(err, 400, "a header has no colon");
	header->name = (struct slice){line.p, (size_t)(colon - line.p)};
	header->value = (struct slice){colon + 1, line.n - header->name.n - 1};
	while (header->value.n && strchr(" \t", header->value.p[0])) {
		header->value.p++;
		header->value.n--;
	}
	while (header->value.n && strchr(" \t", header->value.p[header->value.n - 1]))
		header->value.n--;
	/* A fold begins with a blank, so its name is no token. */
	if (!is_token(header->name) || !is_printable(header->value, true))
		return refuse(err, 400, "a header holds a character that is not allowed");
	return 0;
}

const struct slice *relay_head_find(const struct relay_head *head, const char *name)
{
	const struct slice *found = NULL;

	for (size_t i = 0; i < head->nheaders; i++) {
		if (!slice_eq_nocase(head->headers[i].name, name))
			continue;
		if (found)
			return NULL;
		found = &head->headers[i].value;
	}
	return found;
}

static size_t count(const struct relay_head *head, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < head->nheaders; i++)
		n += slice_eq_nocase(head->headers[i].name, name);
	return n;
}

static int parse_length(struct slice value, int64_t *ret, struct err *err)
{
	int64_t n = 0;

	if (value.n == 0 || value.n > 15)
		return refuse(err, 400, "Content-Length is not a number");
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return refuse(err, 400, "Content-Length is not a number");
		n = n * 10 + (value.p[i] - '0');
	}
	*ret = n;
	return 0;
}

static int parse_framing(struct relay_head *head, struct err *err)
{
	size_t lengths = count(head, "content-length");
	size_t codings = count(head, "transfer-encoding");

	if (lengths + codings > 1)
		return refuse(err, 400, "the length of the body is told more than once");
	if (codings) {
		if (!slice_eq_nocase(
			    *relay_head_find(head, "transfer-encoding"), "chunked"))
			return refuse(
				err, 501, "no transfer coding but chunked is understood");
		head->chunked = true;
	}
	if (lengths)
		return parse_length(*relay_head_find(head, "content-length"),
			&head->content_length, err);
	return 0;
}

/* Whether a comma-separated list holds the word. */
static bool list_has(struct slice list, const char *word)
{
	while (list.n) {
		const char *comma = memchr(list.p, ',', list.n);
		struct slice item = {list.p, comma ? (size_t)(comma - list.p) : list.n};
		list.p += item.n + (comma ? 1 : 0);
		list.n -= item.n + (comma ? 1 : 0);
		while (item.n && strchr(" \t", item.p[0])) {
			item.p++;
			item.n--;
		}
		while (item.n && strchr(" \t", item.p[item.n - 1]))
			item.n--;
		if (slice_eq_nocase(item, word))
			return true;
	}
	return false;
}

static int parse_rest(struct relay_head *head, struct err *err)
{
	if (count(head, "host") != 1)
		return refuse(err, 400, "there must be one Host header");
	if (count(head, "expect")) {
		const struct slice *expect = relay_head_find(head, "expect");
		if (!expect || !slice_eq_nocase(*expect, "100-continue"))
			return refuse(
				err, 417, "nothing but 100-continue can be expected");
		head->expect_continue = true;
	}
	for (size_t i = 0; i < head->nheaders; i++) {
		const struct relay_header *header = &head->headers[i];
		if (slice_eq_nocase(header->name, "connection"))
			head->close |= list_has(header->value, "close");
		else if (slice_eq_nocase(header->name, "upgrade"))
			head->upgrade = true;
	}
	return parse_framing(head, err);
}

int relay_head_parse(
	const char *data, size_t len, struct relay_head *ret_head, struct err *err)
{
	struct slice rest = {data, len};
	struct slice line;
	int status;

	*ret_head = (struct relay_head){0};
	if (memchr(data, '\0', len) || !next_line(&rest, &line))
		return refuse(err, 400, "the head holds a bare CR, LF or NUL");
	if ((status = parse_request_line(line, ret_head, err)))
		return status;
	for (;;) {
		if (!next_line(&rest, &line))
			return refuse(err, 400, "the head holds a bare CR, LF or NUL");
		if (line.n == 0)
			break;
		if (ret_head->nheaders == LIMIT_RELAY_HEADERS)
			return refuse(err, 431, "there are too many headers");
		if ((status = parse_header(
			     line, &ret_head->headers[ret_head->nheaders++], err)))
			return status;
	}
	if (rest.n)
		return refuse(err, 400, "there is something behind the head");
	return parse_rest(ret_head, err);
}

/* ---- chunks ---------------------------------------------------------------------------- */

enum chunk_state { SIZE, SIZE_LF, DATA, DATA_CR, DATA_LF, END_CR, END_LF };

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int malformed(struct err *err)
{
	return err_set(err, ERR_INPUT, "the chunked body is malformed");
}

static int size_char(struct relay_chunks *chunks, char c, struct err *err)
{
	int digit = hex_digit(c);

	/* Extensions are refused: nobody needs them, and readers differ on them. */
	if (digit < 0) {
		if (c != '\r' || chunks->digits == 0)
			return malformed(err);
		chunks->state = SIZE_LF;
		return 0;
	}
	if (++chunks->digits > 8)
		return malformed(err);
	chunks->left = chunks->left << 4 | (uint64_t)digit;
	return 0;
}

static int mark_char(struct relay_chunks *chunks, char c, struct err *err)
{
	static const struct {
		char want;
		int next;
	} marks[] = {
		[SIZE_LF] = {'\n', DATA},
		[DATA_CR] = {'\r', DATA_LF},
		[DATA_LF] = {'\n', SIZE},
		[END_CR] = {'\r', END_LF}, /* no trailers */
		[END_LF] = {'\n', END_LF},
	};

	if (c != marks[chunks->state].want)
		return malformed(err);
	if (chunks->state == END_LF)
		return 1;
	if (chunks->state == SIZE_LF && chunks->left == 0)
		chunks->state = END_CR;
	else
		chunks->state = marks[chunks->state].next;
	if (chunks->state == SIZE)
		chunks->digits = 0;
	return 0;
}

int relay_chunks_feed(struct relay_chunks *chunks, const char *data, size_t len,
	size_t *ret_used, struct strbuf *out, struct err *err)
{
	size_t at = 0;
	int rc = 0;

	while (at < len && rc == 0) {
		if (chunks->state == DATA) {
			size_t n =
				len - at < chunks->left ? len - at : (size_t)chunks->left;
			strbuf_add(out, data + at, n);
			at += n;
			chunks->left -= n;
			if (chunks->left == 0)
				chunks->state = DATA_CR;
			if (strbuf_failed(out))
				rc = strbuf_check(out, "the request's body", err);
		} else if (chunks->state == SIZE) {
			rc = size_char(chunks, data[at++], err);
		} else {
			rc = mark_char(chunks, data[at++], err);
		}
	}
	*ret_used = at;
	return rc;
}
