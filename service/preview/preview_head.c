/* SPDX-License-Identifier: MIT */
/* Heads of requests and answers that pass a public URL; see preview_head.h. */
#include "service/preview/preview_head.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/str.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* ---- credentials ----------------------------------------------------------------------- */

static bool cut_word(struct slice *s, const char *word)
{
	size_t n = strlen(word);

	if (s->n <= n || strncasecmp(s->p, word, n) != 0 || s->p[n] != ' ')
		return false;
	s->p += n + 1;
	s->n -= n + 1;
	return true;
}

static void read_basic(struct slice encoded, struct preview_claim *claim)
{
	static const char user[] = "user:";
	CLEANUP(strbuf) struct strbuf plain = STRBUF_INIT(LIMIT_RELAY_HEAD);
	size_t n = sizeof user - 1;

	if (str_unbase64(&plain, encoded.p, encoded.n) && plain.len >= n &&
		memcmp(plain.data, user, n) == 0)
		crypto_sha256_hex(plain.data + n, plain.len - n, claim->password);
}

void preview_claim_read(const struct relay_head *head, struct preview_claim *ret_claim)
{
	const struct slice *header = relay_head_find(head, "authorization");

	*ret_claim = (struct preview_claim){0};
	if (!header)
		return;
	struct slice value = *header;
	if (cut_word(&value, "Bearer"))
		crypto_sha256_hex(value.p, value.n, ret_claim->token);
	else if (cut_word(&value, "Basic"))
		read_basic(value, ret_claim);
}

/* ---- names ----------------------------------------------------------------------------- */

/* "box-3000": the port is what follows the last dash. */
static bool split_label(struct slice label, char box[PREVIEW_BOX_SIZE], int *ret_port)
{
	const char *dash = memrchr(label.p, '-', label.n);
	char digits[8];
	uint64_t port;

	if (!dash || dash == label.p)
		return false;
	size_t n = (size_t)(dash - label.p), left = label.n - n - 1;
	if (n >= PREVIEW_BOX_SIZE || left == 0 || left >= sizeof digits)
		return false;
	for (size_t i = 0; i < n; i++)
		box[i] = (char)tolower((unsigned char)label.p[i]);
	box[n] = '\0';
	memcpy(digits, dash + 1, left);
	digits[left] = '\0';
	if (!str_to_u64(digits, 1, 65535, &port))
		return false;
	*ret_port = (int)port;
	return true;
}

bool preview_host_split(struct slice host, const char *domain,
	char ret_box[PREVIEW_BOX_SIZE], int *ret_port)
{
	const char *dot = memchr(host.p, '.', host.n);

	if (!dot)
		return false;
	struct slice label = {host.p, (size_t)(dot - host.p)};
	struct slice rest = {dot + 1, host.n - label.n - 1};
	const char *colon = memchr(rest.p, ':', rest.n);
	if (colon)
		rest.n = (size_t)(colon - rest.p);
	return slice_eq_nocase(rest, domain) && split_label(label, ret_box, ret_port);
}

/* ---- the request ----------------------------------------------------------------------- */

static bool is_one_of(struct slice name, const char *const *names)
{
	for (; *names; names++)
		if (slice_eq_nocase(name, *names))
			return true;
	return false;
}

/* What concerns this connection only, and what a visitor may not claim. */
static const char *const not_passed[] = {"connection", "keep-alive", "proxy-connection",
	"proxy-authorization", "te", "trailer", "expect", "upgrade", "x-forwarded-for",
	"x-real-ip", "forwarded", NULL};

static void add_header(struct strbuf *out, struct slice name, struct slice value)
{
	strbuf_add(out, name.p, name.n);
	strbuf_adds(out, ": ");
	strbuf_add(out, value.p, value.n);
	strbuf_adds(out, "\r\n");
}

void preview_request_head(struct strbuf *out, const struct relay_head *head,
	bool drop_authorization, const char *peer)
{
	const struct slice *upgrade = relay_head_find(head, "upgrade");

	strbuf_add(out, head->method.p, head->method.n);
	strbuf_addc(out, ' ');
	strbuf_add(out, head->path.p, head->path.n);
	if (head->query.n) {
		strbuf_addc(out, '?');
		strbuf_add(out, head->query.p, head->query.n);
	}
	strbuf_adds(out, " HTTP/1.1\r\n");
	for (size_t i = 0; i < head->nheaders; i++) {
		struct slice name = head->headers[i].name;

		if (is_one_of(name, not_passed) ||
			(drop_authorization && slice_eq_nocase(name, "authorization")))
			continue;
		add_header(out, name, head->headers[i].value);
	}
	strbuf_addf(out, "X-Forwarded-For: %s\r\n", peer);
	if (upgrade) {
		strbuf_adds(out, "Connection: Upgrade\r\nUpgrade: ");
		strbuf_add(out, upgrade->p, upgrade->n);
		strbuf_adds(out, "\r\n\r\n");
	} else
		strbuf_adds(out, "Connection: close\r\n\r\n");
}

/* ---- the answer ------------------------------------------------------------------------ */

static int answer_status(const char *data, size_t len)
{
	static const char version[] = "HTTP/1.";
	size_t n = sizeof version - 1;

	/* "HTTP/1.1 200" and a blank or the line's end */
	if (len < n + 7 || memcmp(data, version, n) != 0 || data[n + 1] != ' ')
		return 0;
	const char *code = data + n + 2;
	for (int i = 0; i < 3; i++)
		if (!isdigit((unsigned char)code[i]))
			return 0;
	if (code[0] == '0' || (code[3] != ' ' && code[3] != '\r'))
		return 0;
	return (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
}

/* The name of a header line, "" when it has none. */
static struct slice line_name(const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);

	return (struct slice){line, colon ? (size_t)(colon - line) : 0};
}

int preview_answer_head(struct strbuf *out, const char *data, size_t len)
{
	static const char *const ends[] = {"connection", "keep-alive", NULL};
	int status = answer_status(data, len);

	if (status == 0)
		return 0;
	if (status < 200) {
		strbuf_add(out, data, len);
		return status;
	}
	const char *end = data + len - 2; /* of the empty line */
	for (const char *line = data; line < end;) {
		const char *next = memmem(line, (size_t)(end - line), "\r\n", 2);
		size_t n = (next ? (size_t)(next - line) : (size_t)(end - line));

		if (line == data || !is_one_of(line_name(line, n), ends)) {
			strbuf_add(out, line, n);
			strbuf_adds(out, "\r\n");
		}
		line += n + 2;
	}
	strbuf_adds(out, "Connection: close\r\n\r\n");
	return status;
}
