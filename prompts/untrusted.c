/* SPDX-License-Identifier: MIT */
/* Text from GitHub, cleaned of what people cannot see and marked as data. */
#include "prompts/untrusted.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

#include <stdint.h>
#include <string.h>

struct range {
	uint32_t first;
	uint32_t last;
};

/* Characters without a glyph: a person who reads the text does not see them, a model does.
 * Ascending. */
static const struct range invisible[] = {
	{0x00ad, 0x00ad},   /* soft hyphen */
	{0x034f, 0x034f},   /* grapheme joiner */
	{0x061c, 0x061c},   /* Arabic letter mark */
	{0x115f, 0x1160},   /* Hangul fillers */
	{0x17b4, 0x17b5},   /* Khmer inherent vowels */
	{0x180b, 0x180f},   /* Mongolian selectors */
	{0x200b, 0x200f},   /* zero width, direction marks */
	{0x202a, 0x202e},   /* bidi embedding and override */
	{0x2060, 0x206f},   /* word joiner, invisible operators, bidi isolates */
	{0x2800, 0x2800},   /* Braille blank */
	{0x3164, 0x3164},   /* Hangul filler */
	{0xfe00, 0xfe0f},   /* variation selectors, which carry hidden bytes */
	{0xfeff, 0xfeff},   /* byte order mark */
	{0xffa0, 0xffa0},   /* half-width filler */
	{0xfff0, 0xfffb},   /* specials, interlinear annotation */
	{0x1bca0, 0x1bca3}, /* shorthand controls */
	{0x1d173, 0x1d17a}, /* musical controls */
	{0xe0000, 0xe0fff}, /* tags and further selectors */
};

static bool is_invisible(uint32_t c)
{
	for (size_t i = 0; i < ARRAY_LEN(invisible); i++) {
		if (c < invisible[i].first)
			return false;
		if (c <= invisible[i].last)
			return true;
	}
	return false;
}

/* Of text that is valid UTF-8. */
static uint32_t decode(const unsigned char *s, size_t *ret_len)
{
	if (s[0] < 0x80) {
		*ret_len = 1;
		return s[0];
	}
	size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	uint32_t c = s[0] & (0xffU >> (n + 1));
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3fU);
	*ret_len = n;
	return c;
}

/* What stands for the character at s: itself, "\n", or nothing. */
static void add_char(struct strbuf *out, const char *s, size_t n, uint32_t c, char next)
{
	if (c == '\r') {
		if (next != '\n')
			strbuf_addc(out, '\n');
	} else if (c == 0x2028 || c == 0x2029 || c == 0x85) {
		strbuf_addc(out, '\n');
	} else if (c == '\n' || c == '\t') {
		strbuf_add(out, s, n);
	} else if (c >= 0x20 && !(c >= 0x7f && c < 0xa0) && !is_invisible(c)) {
		strbuf_add(out, s, n);
	}
}

static const char comment_start[] = "<!--";
static const char comment_end[] = "-->";

/* Asked of the output after each character, so that what is left of one comment cannot
 * complete the beginning of another. */
static bool ends_in_comment_start(const struct strbuf *out, size_t from)
{
	size_t n = strlen(comment_start);

	return out->len >= from + n &&
	       memcmp(out->data + out->len - n, comment_start, n) == 0;
}

size_t prompt_clean_untrusted(struct strbuf *out, const char *text, size_t len)
{
	/* Each bad byte may become three. */
	CLEANUP(strbuf) struct strbuf valid = STRBUF_INIT(3 * LIMIT_TEXT_CLEAN);
	CLEANUP(strbuf) struct strbuf seen = STRBUF_INIT(3 * LIMIT_TEXT_CLEAN);
	size_t from = out->len;
	size_t dropped = 0;

	str_clean_utf8(&valid, text, len, true);
	/* First pass: what cannot be seen, or a comment could be hidden by it. */
	for (size_t at = 0, n; at < valid.len; at += n) {
		uint32_t c = decode((const unsigned char *)valid.data + at, &n);
		add_char(&seen, valid.data + at, n, c, valid.data[at + n]);
	}
	for (size_t at = 0; at < seen.len; at++) {
		strbuf_addc(out, seen.data[at]);
		if (seen.data[at] != '-' || !ends_in_comment_start(out, from))
			continue;
		const char *rest = seen.data + at + 1;
		const char *end = strstr(rest, comment_end);
		out->len -= strlen(comment_start);
		out->data[out->len] = '\0';
		dropped++;
		if (!end)
			break;
		at = (size_t)(end - seen.data) + strlen(comment_end) - 1;
	}
	if (strbuf_failed(&valid) || strbuf_failed(&seen))
		out->failed = true;
	return dropped;
}

/* A login as GitHub allows it, or "someone". */
static const char *safe_login(const char *login)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_[]";

	if (str_empty(login) || strlen(login) > 100 ||
		strspn(login, allowed) != strlen(login))
		return NULL;
	return login;
}

static void add_heading(struct strbuf *out, const struct prompt_source *source,
	const char *word, size_t comments, bool cut)
{
	const char *login = safe_login(source->login);

	strbuf_addf(out, "%s: %s, written by %s%s, who %s to this repository.",
		source->is_request ? "THE REQUEST" : "Information", source->what,
		login ? "@" : "somebody unknown", login ? login : "",
		source->may_write ? "may write" : "may NOT write");
	if (comments)
		strbuf_adds(out, " HTML comments were taken out.");
	if (cut)
		strbuf_adds(out, " It was too long and is cut at its end.");
	strbuf_addf(out, " It stands between the two lines with %s.\n", word);
}

int prompt_quote(struct strbuf *out, const struct prompt_source *source, const char *text,
	size_t len, size_t most, struct err *err)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(3 * LIMIT_TEXT_CLEAN);
	char word[33];

	if (len > LIMIT_TEXT_CLEAN)
		return err_set(err, ERR_LIMIT, "%s: longer than %lu bytes", source->what,
			LIMIT_TEXT_CLEAN);
	size_t comments = prompt_clean_untrusted(&clean, text, len);
	if (strbuf_check(&clean, source->what, err) < 0)
		return -1;
	size_t end = clean.len > most ? str_utf8_cut(clean.data, most) : clean.len;
	crypto_random_hex(word, 16);
	add_heading(out, source, word, comments, end < clean.len);
	strbuf_addf(out, "[%s begins]\n", word);
	strbuf_add(out, strbuf_str(&clean), end);
	if (end > 0 && clean.data[end - 1] != '\n')
		strbuf_addc(out, '\n');
	strbuf_addf(out, "[%s ends]\n", word);
	return strbuf_check(out, "the prompt", err);
}
