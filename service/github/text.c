/* SPDX-License-Identifier: MIT */
/* Foreign Markdown made harmless.  First what cannot be seen goes, then line by line. */
#include "service/github/text.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "service/github/fence.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ZWSP "\xe2\x80\x8b"
#define MARKER_WORD "boxwright:t="
#define MARKER_SPLIT 9 /* behind "boxwright" */

enum {
	KEYWORD_REACH = 200, /* bytes in which a reference behind a keyword counts */
	SILENCER_REACH = 40, /* bytes within brackets that are looked at */
};

/* ---- characters that cannot be seen ---------------------------------------- */

/* One character of valid UTF-8. */
static uint32_t decode(const char *s, size_t *ret_len)
{
	const unsigned char *u = (const unsigned char *)s;

	if (u[0] < 0x80) {
		*ret_len = 1;
		return u[0];
	}
	if (u[0] < 0xe0) {
		*ret_len = 2;
		return (uint32_t)(u[0] & 0x1f) << 6 | (u[1] & 0x3f);
	}
	if (u[0] < 0xf0) {
		*ret_len = 3;
		return (uint32_t)(u[0] & 0x0f) << 12 | (uint32_t)(u[1] & 0x3f) << 6 |
		       (u[2] & 0x3f);
	}
	*ret_len = 4;
	return (uint32_t)(u[0] & 0x07) << 18 | (uint32_t)(u[1] & 0x3f) << 12 |
	       (uint32_t)(u[2] & 0x3f) << 6 | (u[3] & 0x3f);
}

static bool is_selector(uint32_t c)
{
	return (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0xe0100 && c <= 0xe01ef);
}

static bool is_invisible(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x00ad, 0x00ad},   /* soft hyphen */
		{0x034f, 0x034f},   /* grapheme joiner */
		{0x061c, 0x061c},   /* Arabic letter mark */
		{0x115f, 0x1160},   /* Hangul fillers */
		{0x17b4, 0x17b5},   /* Khmer inherent vowels */
		{0x180b, 0x180f},   /* Mongolian selectors and separator */
		{0x200b, 0x200f},   /* zero width, direction marks */
		{0x202a, 0x202e},   /* direction overrides */
		{0x2060, 0x206f},   /* joiner, invisible operators, isolates */
		{0x3164, 0x3164},   /* Hangul filler */
		{0xfeff, 0xfeff},   /* byte order mark */
		{0xffa0, 0xffa0},   /* Hangul filler, half width */
		{0xfff9, 0xfffb},   /* interlinear annotation */
		{0x1d173, 0x1d17a}, /* musical controls */
		{0xe0000, 0xe007f}, /* tags */
		{0xe0100, 0xe01ef}, /* variation selectors of the second kind */
	};

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

/* Valid UTF-8 without controls and invisible characters; CR LF becomes LF. */
static void visible(struct strbuf *out, const char *text, size_t len)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_TEXT_CLEAN);
	bool after_selector = false;

	for (size_t i = 0; i < len; i++)
		if (text[i] != '\r')
			strbuf_addc(&clean, text[i]);
		else if (i + 1 == len || text[i + 1] != '\n')
			strbuf_addc(&clean, '\n'); /* GitHub ends a line there too */
	CLEANUP(strbuf) struct strbuf valid = STRBUF_INIT(LIMIT_TEXT_CLEAN);
	str_clean_utf8(&valid, strbuf_str(&clean), clean.len, false);
	for (size_t i = 0, n; i < valid.len; i += n) {
		uint32_t c = decode(valid.data + i, &n);
		bool selector = is_selector(c);

		if (!is_invisible(c) && !(selector && after_selector))
			strbuf_add(out, valid.data + i, n);
		after_selector = selector;
	}
}

/* ---- words that act -------------------------------------------------------- */

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Length of the closing keyword at s, 0 for none.  The caller knows that a word begins. */
static size_t keyword(const char *s, size_t len)
{
	static const char *const words[] = {"close", "closes", "closed", "fix", "fixes",
		"fixed", "resolve", "resolves", "resolved"};
	size_t n = 0;

	while (n < len && is_word(s[n]))
		n++;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strlen(words[i]) == n && strncasecmp(s, words[i], n) == 0)
			return n;
	return 0;
}

/* Whether a reference may stand within reach behind a keyword. */
static bool refers(const char *s, size_t len)
{
	static const char *const signs[] = {"#", "gh-", "/issues/", "/pull/"};

	if (len > KEYWORD_REACH)
		len = KEYWORD_REACH;
	for (size_t i = 0; i < len; i++)
		for (size_t k = 0; k < ARRAY_LEN(signs); k++) {
			size_t n = strlen(signs[k]);
			if (i + n <= len && strncasecmp(s + i, signs[k], n) == 0)
				return true;
		}
	return false;
}

/* Length of what is to be torn in "[skip ci]", "[no ci]", "***NO_CI***" and their kin at s, 0 for
 * none: in the message of a commit, also of the one that a merge makes of a pull request's
 * text, they keep the checks of many services from looking at it. */
static size_t silencer(const char *s, size_t len)
{
	char inside[SILENCER_REACH + 1];
	size_t n = 0, i = 1;

	if (len >= 5 && strncasecmp(s, "no_ci", 5) == 0)
		return 2;
	if (s[0] != '[')
		return 0;
	/* Blanks as one, as github_text_line() will have them. */
	for (; i < len && s[i] != ']' && n < SILENCER_REACH; i++) {
		bool blank = s[i] == ' ' || s[i] == '\n' || s[i] == '\t';
		if (!blank || n == 0 || inside[n - 1] != ' ')
			inside[n++] = (char)(blank ? ' ' : s[i]);
	}
	inside[n] = '\0';
	if (i == len || s[i] != ']')
		return 0;
	return strcasestr(inside, "skip") || strcasestr(inside, "no ci") ? 1 : 0;
}

/* Text in which nothing is Markdown any more or everything is code: only our marker is
 * broken up. */
static void add_code(struct strbuf *out, const char *s, size_t len)
{
	size_t n = strlen(MARKER_WORD);

	for (size_t i = 0; i < len; i++) {
		if (len - i >= n && memcmp(s + i, MARKER_WORD, n) == 0) {
			strbuf_add(out, s + i, MARKER_SPLIT);
			strbuf_adds(out, ZWSP);
			i += MARKER_SPLIT - 1;
		} else {
			strbuf_addc(out, s[i]);
		}
	}
}

/* A character that may begin a mention, a keyword or our marker, at s[i]: appends it and returns
 * how many bytes were taken, 0 when it is none of them.  `len` reaches to the end of the text: a
 * reference may stand on the next line. */
static size_t add_word(struct strbuf *out, const char *s, size_t i, size_t len)
{
	bool begins = i == 0 || !is_word(s[i - 1]);
	size_t marker = strlen(MARKER_WORD);

	if (len - i >= marker && memcmp(s + i, MARKER_WORD, marker) == 0) {
		add_code(out, s + i, marker);
		return marker;
	}
	if (s[i] == '@' && begins && i + 1 < len && is_word(s[i + 1])) {
		strbuf_adds(out, "@" ZWSP);
		return 1;
	}
	size_t n = silencer(s + i, len - i);
	if (n > 0) {
		strbuf_add(out, s + i, n);
		strbuf_adds(out, ZWSP);
		return n;
	}
	if (!begins || !is_word(s[i]))
		return 0;
	n = keyword(s + i, len - i);
	if (n == 0 || !refers(s + i + n, len - i - n))
		return 0;
	strbuf_addc(out, s[i]);
	strbuf_adds(out, ZWSP);
	strbuf_add(out, s + i + 1, n - 1);
	return n;
}

/* ---- lines ----------------------------------------------------------------- */

static size_t run_of(const char *s, size_t i, size_t end)
{
	size_t n = 0;

	while (i + n < end && s[i + n] == s[i])
		n++;
	return n;
}

/* Backticks at s[i] before `end`, the line's: length of the whole code span, or 0 when
 * they open none, or one that a table would tear apart. */
static size_t span_at(const char *s, size_t i, size_t end)
{
	size_t ticks = run_of(s, i, end);

	if (ticks > 2)
		return 0;
	for (size_t k = i + ticks; k < end;) {
		if (s[k] == '|')
			return 0;
		if (s[k] != '`') {
			k++;
			continue;
		}
		size_t n = run_of(s, k, end);
		k += n;
		if (n == ticks)
			return k - i;
	}
	return 0;
}

/* Characters that are Markdown or HTML, at s[i]; returns how many bytes were taken, 0 for
 * an ordinary character. */
static size_t add_markup(struct strbuf *out, const char *s, size_t i, size_t end)
{
	size_t n;

	switch (s[i]) {
	case '\\':
		/* The next character is taken as it is, so a backtick opens nothing. */
		if (i + 1 < end && s[i + 1] == '`') {
			strbuf_adds(out, "\\`");
			return 2;
		}
		if (i + 1 < end && s[i + 1] == '\\') {
			strbuf_adds(out, "\\\\");
			return 2;
		}
		return 0;
	case '`':
		n = span_at(s, i, end);
		if (n > 0) {
			add_code(out, s + i, n);
			return n;
		}
		n = run_of(s, i, end);
		for (size_t k = 0; k < n; k++)
			strbuf_adds(out, "\\`");
		return n;
	case '~':
		n = run_of(s, i, end);
		for (size_t k = 0; k < n; k++)
			strbuf_adds(out, n >= 3 ? "\\~" : "~");
		return n;
	case '!':
		n = run_of(s, i, end);
		if (i + n == end || s[i + n] != '[')
			strbuf_add(out, s + i, n);
		return n;
	case '<': strbuf_adds(out, "&lt;"); return 1;
	case '&':
		if (i + 1 < end && (s[i + 1] == '#' || is_word(s[i + 1])))
			strbuf_adds(out, "&amp;");
		else
			strbuf_addc(out, '&');
		return 1;
	default: return 0;
	}
}

/* s[start..end) is one line of text that is no code; len is the end of all. */
static void add_line(
	struct strbuf *out, const char *s, size_t start, size_t end, size_t len)
{
	for (size_t i = start; i < end;) {
		size_t n = add_markup(out, s, i, end);

		if (n == 0)
			n = add_word(out, s, i, len);
		if (n == 0) {
			strbuf_addc(out, s[i]);
			n = 1;
		}
		i += n;
	}
}

void github_text_safe(struct strbuf *out, const char *text, size_t len)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_TEXT_CLEAN);
	struct fence fence = {0};

	visible(&clean, text, len);
	const char *s = strbuf_str(&clean);
	for (size_t start = 0; start < clean.len;) {
		const char *newline = memchr(s + start, '\n', clean.len - start);
		size_t end = newline ? (size_t)(newline - s) : clean.len;
		bool inside = fence.len > 0;

		/* Only a fence in the first column is one wherever it stands; an indented
		 * one belongs to a list that may end before it does. */
		if (inside)
			fence_close(&fence, s + start, end - start);
		else
			fence_open(&fence, s + start, end - start, 0);
		if (inside || fence.len > 0)
			add_code(out, s + start, end - start);
		else
			add_line(out, s, start, end, clean.len);
		if (newline)
			strbuf_addc(out, '\n');
		start = end + 1;
	}
	fence_end(&fence, out);
}

void github_text_line(struct strbuf *out, const char *text, size_t len, size_t max)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_TEXT_CLEAN);
	CLEANUP(strbuf) struct strbuf line = STRBUF_INIT(LIMIT_TEXT_CLEAN);

	visible(&clean, text, len);
	const char *s = strbuf_str(&clean);
	for (size_t i = 0; i < clean.len;) {
		size_t n = 1;

		if (s[i] == ' ' || s[i] == '\n' || s[i] == '\t') {
			if (line.len > 0 && line.data[line.len - 1] != ' ')
				strbuf_addc(&line, ' ');
		} else {
			n = add_word(&line, s, i, clean.len);
			if (n == 0) {
				strbuf_addc(&line, s[i]);
				n = 1;
			}
		}
		i += n;
	}
	while (line.len > 0 && line.data[line.len - 1] == ' ')
		line.len--;
	static const char ellipsis[] = "\xe2\x80\xa6";
	if (line.len > max) {
		size_t room = max > strlen(ellipsis) ? max - strlen(ellipsis) : 0;
		add_code(out, line.data, str_utf8_cut(line.data, room));
		if (room > 0)
			strbuf_adds(out, ellipsis);
	} else {
		add_code(out, strbuf_str(&line), line.len);
	}
}

void github_text_code(struct strbuf *out, const char *text, size_t len, size_t max)
{
	CLEANUP(strbuf) struct strbuf line = STRBUF_INIT(LIMIT_TEXT_CLEAN);

	github_text_line(&line, text, len, max);
	strbuf_addc(out, '`');
	for (const char *s = line.len ? strbuf_str(&line) : "?"; *s; s++)
		strbuf_addc(out, *s == '`' ? '\'' : *s);
	strbuf_addc(out, '`');
}

void github_text_inline(struct strbuf *out, const char *text, size_t len, size_t max)
{
	CLEANUP(strbuf) struct strbuf line = STRBUF_INIT(LIMIT_TEXT_CLEAN);

	github_text_line(&line, text, len, max);
	for (const char *s = strbuf_str(&line); *s; s++)
		switch (*s) {
		case '<': strbuf_adds(out, "&lt;"); break;
		case '&': strbuf_adds(out, "&amp;"); break;
		case '`': strbuf_addc(out, '\''); break;
		case '[':
		case ']':
		case '\\': strbuf_addf(out, "\\%c", *s); break;
		default: strbuf_addc(out, *s);
		}
}

void github_text_fence(struct strbuf *out, const char *info, const char *text, size_t len)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_TEXT_CLEAN);
	size_t longest = 2;

	visible(&clean, text, len);
	const char *s = strbuf_str(&clean);
	for (size_t i = 0; i < clean.len;) {
		size_t n = s[i] == '`' ? run_of(s, i, clean.len) : 1;
		if (s[i] == '`' && n > longest)
			longest = n;
		i += n;
	}
	for (size_t i = 0; i <= longest; i++)
		strbuf_addc(out, '`');
	for (const char *c = info; c && is_word(*c); c++)
		strbuf_addc(out, *c);
	strbuf_addc(out, '\n');
	add_code(out, s, clean.len);
	if (clean.len > 0 && s[clean.len - 1] != '\n')
		strbuf_addc(out, '\n');
	for (size_t i = 0; i <= longest; i++)
		strbuf_addc(out, '`');
	strbuf_addc(out, '\n');
}
