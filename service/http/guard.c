/* SPDX-License-Identifier: MIT */
/* Refuses hostile heads of requests; see guard.h. */
#include "service/http/guard.h"

#include "boxcore/base/cleanup.h"
#include "boxcore/base/str.h"

#include <string.h>
#include <strings.h>

/* Headers whose second mention another reader might prefer. */
static const char *const once[] = {
	"Host",
	"Content-Length",
	"Transfer-Encoding",
	"Content-Type",
	"Authorization",
	"X-Box-Api-Key",
	"Origin",
	"X-Hub-Signature",
	"X-Hub-Signature-256",
	"X-GitHub-Delivery",
	"X-GitHub-Event",
	"X-GitHub-Hook-ID",
	"X-GitHub-Hook-Installation-Target-ID",
	"X-GitHub-Hook-Installation-Target-Type",
};
_Static_assert(ARRAY_LEN(once) <= 32, "struct guard has 32 bits for them");

enum { STATUS_BAD = 400, STATUS_LENGTH = 411, STATUS_LARGE = 431, STATUS_VERSION = 505 };

static bool is_token_char(char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	return c != '\0' && strchr("!#$%&'*+-.^_`|~", c);
}

static bool is_value_char(char c)
{
	unsigned char u = (unsigned char)c;

	return u == '\t' || (u >= 0x20 && u != 0x7f);
}

static bool all(const char *s, size_t len, bool (*test)(char))
{
	for (size_t i = 0; i < len; i++)
		if (!test(s[i]))
			return false;
	return true;
}

static bool same(const char *s, size_t len, const char *word)
{
	return len == strlen(word) && strncasecmp(s, word, len) == 0;
}

static void fault(struct guard *guard, const char *sentence)
{
	if (guard->err.kind == ERR_NONE)
		err_set(&guard->err, ERR_INPUT, "%s", sentence);
}

static void read_length(struct guard *guard, const char *value, size_t len)
{
	char digits[24];
	int64_t n = 0;

	if (len >= sizeof(digits)) {
		fault(guard, "Content-Length is not a number");
		return;
	}
	memcpy(digits, value, len);
	digits[len] = '\0';
	if (!str_to_i64(digits, 0, INT64_MAX, &n))
		fault(guard, "Content-Length is not a number");
	guard->length = true;
	guard->content_length = n;
}

static void note(struct guard *guard, const char *name, size_t name_len)
{
	for (size_t i = 0; i < ARRAY_LEN(once); i++) {
		if (!same(name, name_len, once[i]))
			continue;
		if (guard->seen & 1u << i)
			err_set(&guard->err, ERR_INPUT, "The header %s stands twice",
				once[i]);
		guard->seen |= 1u << i;
	}
}

void guard_header(struct guard *guard, const char *name, size_t name_len,
	const char *value, size_t value_len)
{
	guard->count++;
	if (name_len == 0 || !all(name, name_len, is_token_char))
		fault(guard, "A header has a name that is no token");
	if (!all(value, value_len, is_value_char))
		fault(guard, "A header has a control character in its value");
	note(guard, name, name_len);
	if (same(name, name_len, "Host")) {
		guard->host = value_len > 0;
	} else if (same(name, name_len, "Content-Length")) {
		read_length(guard, value, value_len);
	} else if (same(name, name_len, "Transfer-Encoding")) {
		guard->encoding = true;
		guard->chunked = same(value, value_len, "chunked");
	}
}

static bool has_body(const char *method)
{
	return str_eq(method, "POST") || str_eq(method, "PUT") || str_eq(method, "PATCH");
}

static int refuse(struct guard *guard, int status, const char *sentence)
{
	err_set(&guard->err, ERR_INPUT, "%s", sentence);
	return status;
}

int guard_finish(struct guard *guard, const char *method, const char *version)
{
	if (guard->err.kind != ERR_NONE)
		return STATUS_BAD;
	if (!str_eq(version, "HTTP/1.1") && !str_eq(version, "HTTP/1.0"))
		return refuse(guard, STATUS_VERSION, "Only HTTP/1.1 is spoken here");
	if (guard->count > GUARD_HEADERS_MAX)
		return refuse(guard, STATUS_LARGE, "The request has too many headers");
	if (!guard->host)
		return refuse(guard, STATUS_BAD, "The header Host is missing");
	if (guard->encoding && guard->length)
		return refuse(guard, STATUS_BAD,
			"Content-Length and Transfer-Encoding exclude each other");
	if (guard->encoding && !guard->chunked)
		return refuse(guard, STATUS_BAD, "Transfer-Encoding must be chunked");
	if (guard->encoding || (has_body(method) && !guard->length))
		return refuse(guard, STATUS_LENGTH,
			"A request with a body must say its Content-Length");
	return 0;
}
