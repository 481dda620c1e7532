/* SPDX-License-Identifier: MIT */
/*
 * An agent's Markdown, made harmless for GitHub.
 *
 * Code blocks are treated like all other text: whether GitHub takes a line for code depends
 * on lists and quotes around it, and a wrong guess would let a mention through.  The price
 * is an invisible character in some quoted code.
 */
#include "prompts/published.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/secret.h"
#include "boxcore/base/str.h"
#include "prompts/untrusted.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define ZERO_WIDTH "\xe2\x80\x8b"

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* #12, GH-12 or a link to an issue soon behind a closing word makes it close. */
static bool reference_follows(const char *p, const char *end)
{
	size_t left = (size_t)(end - p) < 160 ? (size_t)(end - p) : 160;

	for (size_t i = 0; i + 1 < left; i++) {
		if (p[i] == '#' && isdigit((unsigned char)p[i + 1]))
			return true;
		if ((p[i] == 'G' || p[i] == 'g') && i + 3 < left && p[i + 2] == '-' &&
			isdigit((unsigned char)p[i + 3]))
			return true;
		if (p[i] == '/' && (strncmp(p + i, "/issues/", 8) == 0 ||
					   strncmp(p + i, "/pull/", 6) == 0))
			return true;
	}
	return false;
}

static bool is_closing_word(const char *start, const char *p, const char *end)
{
	static const char *const words[] = {"close", "closes", "closed", "fix", "fixes",
		"fixed", "resolve", "resolves", "resolved"};
	size_t n = 0;

	if (p > start && is_word(p[-1]))
		return false;
	while (p + n < end && n < 9 && isalpha((unsigned char)p[n]))
		n++;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strlen(words[i]) == n && strncasecmp(p, words[i], n) == 0)
			return reference_follows(p + n, end);
	}
	return false;
}

/* Appends the character at p, broken where it would do something. */
static void add_harmless(
	struct strbuf *out, const char *start, const char *p, const char *end)
{
	char next = p + 1 < end ? p[1] : '\0';

	if (*p == '!' && next == '[')
		return; /* an image becomes a link */
	strbuf_addc(out, *p);
	if (*p == '@' && (is_word(next)))
		strbuf_adds(out, ZERO_WIDTH);
	else if (*p == '<' && (isalpha((unsigned char)next) || next == '/' ||
				      next == '!' || next == '?'))
		strbuf_adds(out, ZERO_WIDTH);
	else if (strchr("cfrCFR", *p) && is_closing_word(start, p, end))
		strbuf_adds(out, ZERO_WIDTH);
}

/* The fence that is open at the end of text: "```" or longer; NULL for none. */
static const char *open_fence(const char *text, size_t len, size_t *ret_len)
{
	const char *fence = NULL;
	size_t fence_len = 0;

	for (size_t at = 0; at < len;) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t line_end = end ? (size_t)(end - text) : len;
		size_t p = at + strspn(text + at, " \t");
		size_t n = p < line_end ? strspn(text + p, "`") : 0;
		if (p < line_end && n == 0)
			n = strspn(text + p, "~");
		if (n >= 3 && !fence) {
			fence = text + p;
			fence_len = n;
		} else if (fence && n >= fence_len && text[p] == *fence) {
			fence = NULL;
		}
		at = line_end + 1;
	}
	*ret_len = fence_len;
	return fence;
}

/* Ends text behind its last whole line that fits. */
static void cut_lines(struct strbuf *text, size_t most)
{
	size_t keep = str_utf8_cut(text->data, most);
	size_t fence_len = 0;

	for (size_t i = keep; i > keep / 2; i--) {
		if (text->data[i - 1] == '\n') {
			keep = i;
			break;
		}
	}
	text->len = keep;
	text->data[keep] = '\0';
	const char *fence = open_fence(text->data, text->len, &fence_len);
	char mark = fence ? *fence : '\0';
	if (text->len && text->data[text->len - 1] != '\n')
		strbuf_addc(text, '\n');
	for (size_t i = 0; mark && i < fence_len; i++)
		strbuf_addc(text, mark);
	strbuf_adds(text, mark ? "\n\n*(The rest was cut off.)*\n"
			       : "\n*(The rest was cut off.)*\n");
}

void prompt_clean_published(struct strbuf *out, const char *text, size_t len, size_t most)
{
	CLEANUP(strbuf) struct strbuf redacted = STRBUF_INIT(LIMIT_TEXT_CLEAN);
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_TEXT_CLEAN);
	CLEANUP(strbuf) struct strbuf harmless = STRBUF_INIT(LIMIT_TEXT_CLEAN);
	/* More than fits ever is not looked at; breaking triples a text at most. */
	size_t look = len < LIMIT_TEXT_CLEAN / 8 ? len : LIMIT_TEXT_CLEAN / 8;

	/* Cleaned first: a secret with an invisible character in it is one afterwards. */
	prompt_clean_untrusted(&clean, text, look);
	secret_redact(&redacted, strbuf_str(&clean), clean.len);
	const char *start = strbuf_str(&redacted);
	const char *end = start + redacted.len;
	for (const char *p = start; p < end; p++)
		add_harmless(&harmless, start, p, end);
	if (harmless.len > most)
		cut_lines(&harmless, most);
	strbuf_add(out, strbuf_str(&harmless), harmless.len);
}

static size_t longest_run(const char *text, size_t len, char c)
{
	size_t most = 0;
	size_t run = 0;

	for (size_t i = 0; i < len; i++) {
		run = text[i] == c ? run + 1 : 0;
		if (run > most)
			most = run;
	}
	return most;
}

void prompt_fence(struct strbuf *out, const char *language, const char *text, size_t len,
	size_t most)
{
	CLEANUP(strbuf) struct strbuf redacted = STRBUF_INIT(LIMIT_TEXT_CLEAN);
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_TEXT_CLEAN);
	size_t look = len < LIMIT_TEXT_CLEAN / 8 ? len : LIMIT_TEXT_CLEAN / 8;

	prompt_clean_untrusted(&clean, text + (len - look), look);
	secret_redact(&redacted, strbuf_str(&clean), clean.len);
	const char *from = strbuf_str(&redacted);
	size_t left = redacted.len;
	bool cut = left > most;
	if (cut) {
		from += left - most;
		left = most;
		const char *line = memchr(from, '\n', left);
		size_t skip = line ? (size_t)(line - from) + 1 : 0;
		while (!line && skip < left && ((unsigned char)from[skip] & 0xc0) == 0x80)
			skip++;
		from += skip;
		left -= skip;
	}
	size_t ticks = longest_run(from, left, '`') + 1;
	CLEANUP(strbuf) struct strbuf fence = STRBUF_INIT(LIMIT_TEXT_CLEAN);
	for (size_t i = 0; i < (ticks < 3 ? 3 : ticks); i++)
		strbuf_addc(&fence, '`');
	strbuf_addf(out, "%s%s\n%s", fence.data, language, cut ? "...\n" : "");
	strbuf_add(out, from, left);
	strbuf_addf(
		out, "%s%s\n", left && from[left - 1] != '\n' ? "\n" : "", fence.data);
}
