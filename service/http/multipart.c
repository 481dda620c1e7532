/* SPDX-License-Identifier: MIT */
/* multipart/form-data, pulled part by part; see multipart.h. */
#include "service/http/multipart.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { WINDOW = 64 * 1024 };

enum where { AT_DELIMITER, IN_PART, AT_END };

struct multipart {
	multipart_source source;
	void *arg;
	enum where where;
	bool source_ended;
	char delimiter[MULTIPART_BOUNDARY_MAX + 8]; /* CR LF - - boundary */
	size_t delimiter_len;
	size_t from, to; /* what is in the window and not yet taken */
	size_t safe;     /* up to here the window is known to be the part's own */
	char window[WINDOW];
};

/* ---- the boundary ------------------------------------------------------------------------ */

static bool is_boundary_char(char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	return c != '\0' && strchr("'()+_,-./:=?", c);
}

bool multipart_boundary(const char *content_type, char ret[MULTIPART_BOUNDARY_MAX + 1])
{
	static const char type[] = "multipart/form-data";
	static const char word[] = "boundary=";
	const char *at = content_type;
	size_t n = 0;

	if (!at || strncasecmp(at, type, sizeof(type) - 1) != 0)
		return false;
	at += sizeof(type) - 1;
	do {
		at += strcspn(at, ";");
		if (*at == '\0')
			return false;
		at += 1 + strspn(at + 1, " \t");
	} while (strncasecmp(at, word, sizeof(word) - 1) != 0);
	at += sizeof(word) - 1;
	bool quoted = *at == '"';
	at += quoted;
	while (n <= MULTIPART_BOUNDARY_MAX && is_boundary_char(at[n]))
		n++;
	if (n == 0 || n > MULTIPART_BOUNDARY_MAX)
		return false;
	if (quoted ? at[n] != '"' : at[n] && !strchr("; \t", at[n]))
		return false;
	memcpy(ret, at, n);
	ret[n] = '\0';
	return true;
}

/* ---- the window -------------------------------------------------------------------------- */

struct multipart *multipart_new(const char *boundary, multipart_source source, void *arg)
{
	struct multipart *m = mem_alloc(sizeof(*m));

	m->source = source;
	m->arg = arg;
	m->where = AT_DELIMITER;
	m->source_ended = false;
	m->delimiter_len = (size_t)snprintf(
		m->delimiter, sizeof(m->delimiter), "\r\n--%s", boundary);
	/* The first delimiter stands at the very beginning, without a line before it. */
	memcpy(m->window, "\r\n", 2);
	m->from = m->safe = 0;
	m->to = 2;
	return m;
}

void multipart_free(struct multipart *multipart)
{
	free(multipart);
}

static size_t held(const struct multipart *m)
{
	return m->to - m->from;
}

/* One read into the window: 1, 0 at the source's end, -1. */
static int fill(struct multipart *m, struct err *err)
{
	ssize_t n;

	if (m->source_ended)
		return 0;
	if (m->from > 0) {
		memmove(m->window, m->window + m->from, held(m));
		m->to -= m->from;
		m->safe = m->safe > m->from ? m->safe - m->from : 0;
		m->from = 0;
	}
	n = m->source(m->arg, m->window + m->to, WINDOW - m->to, err);
	if (n < 0)
		return -1;
	m->source_ended = n == 0;
	m->to += (size_t)n;
	return n > 0;
}

static int cut_off(struct err *err)
{
	return err_set(
		err, ERR_INPUT, "The form ends before its last boundary (--boundary--)");
}

static int need(struct multipart *m, size_t bytes, struct err *err)
{
	while (held(m) < bytes) {
		int rc = fill(m, err);
		if (rc <= 0)
			return rc < 0 ? -1 : cut_off(err);
	}
	return 0;
}

/* ---- headers of a part ------------------------------------------------------------------- */

/* The end of the head in the window: behind the empty line. */
static int find_head_end(struct multipart *m, size_t *ret, struct err *err)
{
	for (;;) {
		const char *start = m->window + m->from;
		const char *end = memmem(start, held(m), "\r\n\r\n", 4);
		if (end) {
			*ret = (size_t)(end - start);
			return 0;
		}
		if (held(m) > LIMIT_PART_HEAD)
			return err_set(err, ERR_LIMIT,
				"A part of the form has more than %lu bytes of headers",
				LIMIT_PART_HEAD);
		int rc = fill(m, err);
		if (rc <= 0)
			return rc < 0 ? -1 : cut_off(err);
	}
}

static int bad_disposition(struct err *err)
{
	return err_set(err, ERR_INPUT,
		"A part of the form has a Content-Disposition that is no form-data with "
		"a name");
}

/* A quoted value from *at on, with \" and \\ taken back. */
static int read_quoted(const char **at, char *ret, size_t size, struct err *err)
{
	const char *s = *at;
	size_t n = 0;

	if (*s++ != '"')
		return bad_disposition(err);
	for (; *s != '"'; s++) {
		if (*s == '\\' && (s[1] == '"' || s[1] == '\\'))
			s++;
		if (*s == '\0')
			return bad_disposition(err);
		if (n + 1 == size)
			return err_set(err, ERR_LIMIT,
				"A name in the form is longer than %zu bytes", size - 1);
		ret[n++] = *s;
	}
	ret[n] = '\0';
	*at = s + 1;
	return 0;
}

static int read_disposition(
	const char *value, struct multipart_part *part, struct err *err)
{
	char other[1024] = "";

	if (strncasecmp(value, "form-data", 9) != 0)
		return bad_disposition(err);
	value += 9;
	for (;;) {
		value += strspn(value, " \t");
		if (*value == '\0')
			break;
		if (*value++ != ';')
			return bad_disposition(err);
		value += strspn(value, " \t");
		size_t len = strcspn(value, "=;");
		const char *word = value;
		if (value[len] != '=')
			return bad_disposition(err);
		value += len + 1;
		bool name = len == 4 && strncasecmp(word, "name", len) == 0;
		bool file = len == 8 && strncasecmp(word, "filename", len) == 0;
		if (!name && !file && *value != '"') {
			value += strcspn(value, "; \t"); /* filename*=UTF-8''... */
			continue;
		}
		part->is_file = part->is_file || file;
		char *to = name ? part->name : file ? part->filename : other;
		size_t size = name ? sizeof(part->name) : sizeof(other);
		if (read_quoted(&value, to, size, err))
			return -1;
	}
	return str_empty(part->name) ? bad_disposition(err) : 0;
}

static int read_header(char *line, struct multipart_part *part, struct err *err)
{
	char *colon = strchr(line, ':');

	if (!colon)
		return err_set(err, ERR_INPUT,
			"A part of the form has a header without a colon");
	*colon = '\0';
	char *value = colon + 1 + strspn(colon + 1, " \t");
	if (str_eq_nocase(line, "Content-Disposition"))
		return read_disposition(value, part, err);
	if (str_eq_nocase(line, "Content-Type") &&
		!str_copy(part->type, sizeof(part->type), value))
		part->type[0] = '\0';
	return 0;
}

static int read_head(struct multipart *m, struct multipart_part *part, struct err *err)
{
	size_t len = 0;

	if (find_head_end(m, &len, err))
		return -1;
	char *at = m->window + m->from, *end = at + len;
	m->from += len + 4;
	m->safe = m->from;
	if (memchr(at, '\0', len))
		return err_set(
			err, ERR_INPUT, "A part of the form has a NUL in its head");
	*end = '\0';
	while (at < end) {
		char *next = strstr(at, "\r\n");
		if (next)
			*next = '\0';
		if (read_header(at, part, err))
			return -1;
		at = next ? next + 2 : end;
	}
	return str_empty(part->name) ? bad_disposition(err) : 0;
}

/* ---- parts ------------------------------------------------------------------------------- */

static int pass_over(struct multipart *m, struct err *err)
{
	char dump[4096];
	ssize_t n;

	while ((n = multipart_read(m, dump, sizeof(dump), err)) > 0)
		;
	return n < 0 ? -1 : 0;
}

/* After the last boundary a line's end may come, and nothing else counts. */
static int finish(struct multipart *m, struct err *err)
{
	int rc;

	m->where = AT_END;
	do {
		m->from = m->to = m->safe = 0;
	} while ((rc = fill(m, err)) > 0);
	return rc;
}

int multipart_next(struct multipart *m, struct multipart_part *ret, struct err *err)
{
	memset(ret, 0, sizeof(*ret));
	if (m->where == AT_END)
		return 0;
	if (m->where == IN_PART && pass_over(m, err))
		return -1;
	if (need(m, m->delimiter_len + 2, err))
		return -1;
	const char *at = m->window + m->from;
	if (memcmp(at, m->delimiter, m->delimiter_len) != 0)
		return err_set(
			err, ERR_INPUT, "The form does not begin with its boundary");
	at += m->delimiter_len;
	m->from += m->delimiter_len + 2;
	if (memcmp(at, "--", 2) == 0)
		return finish(m, err);
	if (memcmp(at, "\r\n", 2) != 0)
		return err_set(err, ERR_INPUT,
			"A boundary of the form is followed by other text");
	if (read_head(m, ret, err))
		return -1;
	m->where = IN_PART;
	return 1;
}

/* Moves m->safe on to what is surely the part's; *ret_end when a boundary stands there. */
static int look(struct multipart *m, bool *ret_end, struct err *err)
{
	for (;;) {
		const char *start = m->window + m->from;
		const char *found =
			memmem(start, held(m), m->delimiter, m->delimiter_len);
		size_t keep = m->delimiter_len - 1;
		*ret_end = found == start;
		if (found)
			m->safe = (size_t)(found - m->window);
		else
			m->safe = held(m) > keep ? m->to - keep : m->from;
		if (found || m->safe > m->from)
			return 0;
		int rc = fill(m, err);
		if (rc <= 0)
			return rc < 0 ? -1 : cut_off(err);
	}
}

ssize_t multipart_read(struct multipart *m, void *buf, size_t size, struct err *err)
{
	bool end = false;

	if (m->where != IN_PART)
		return 0;
	if (m->safe <= m->from && look(m, &end, err))
		return -1;
	if (end) {
		m->where = AT_DELIMITER;
		return 0;
	}
	size_t n = m->safe - m->from;
	n = n < size ? n : size;
	memcpy(buf, m->window + m->from, n);
	m->from += n;
	return (ssize_t)n;
}
