/* SPDX-License-Identifier: MIT */
/* Opening and closing of fenced code blocks, and cutting text without leaving one open. */
#include "service/github/fence.h"

#include "boxcore/base/str.h"
#include "service/github/text.h"

#include <string.h>

static size_t spaces_at(const char *line, size_t len)
{
	size_t n = 0;

	while (n < len && line[n] == ' ')
		n++;
	return n;
}

static size_t run_at(const char *line, size_t at, size_t len)
{
	size_t n = 0;

	if (at >= len || (line[at] != '`' && line[at] != '~'))
		return 0;
	while (at + n < len && line[at + n] == line[at])
		n++;
	return n;
}

void fence_open(struct fence *fence, const char *line, size_t len, size_t indent)
{
	size_t at = spaces_at(line, len);
	size_t run = run_at(line, at, len);

	if (at > indent || run < 3)
		return;
	/* "```a```" is a code span, not a fence. */
	if (line[at] == '`' && memchr(line + at + run, '`', len - at - run))
		return;
	*fence = (struct fence){.c = line[at], .len = run};
}

void fence_close(struct fence *fence, const char *line, size_t len)
{
	size_t at = spaces_at(line, len);
	size_t run = run_at(line, at, len);

	if (at > 3 || run < fence->len || line[at] != fence->c)
		return;
	for (size_t i = at + run; i < len; i++)
		if (line[i] != ' ' && line[i] != '\t')
			return;
	fence->len = 0;
}

void fence_end(struct fence *fence, struct strbuf *out)
{
	if (fence->len == 0)
		return;
	if (out->len > 0 && out->data[out->len - 1] != '\n')
		strbuf_addc(out, '\n');
	for (size_t i = 0; i < fence->len; i++)
		strbuf_addc(out, fence->c);
	strbuf_addc(out, '\n');
	fence->len = 0;
}

/* ---- cutting --------------------------------------------------------------- */

#define DETAILS_OPEN "<details"
#define DETAILS_CLOSE "</details>"
#define COMMENT_OPEN "<!--"
#define COMMENT_CLOSE "-->"

/* What is open behind the first bytes of a text. */
struct state {
	struct fence fence;
	size_t details;
	bool comment;
	size_t comment_at;
};

static bool here(const char *s, size_t i, size_t end, const char *word)
{
	size_t n = strlen(word);

	return end - i >= n && memcmp(s + i, word, n) == 0;
}

static void html_line(struct state *state, const char *s, size_t start, size_t end)
{
	for (size_t i = start; i < end; i++) {
		if (state->comment) {
			if (here(s, i, end, COMMENT_CLOSE))
				state->comment = false;
		} else if (here(s, i, end, COMMENT_OPEN)) {
			state->comment = true;
			state->comment_at = i;
		} else if (here(s, i, end, DETAILS_OPEN)) {
			state->details++;
		} else if (here(s, i, end, DETAILS_CLOSE) && state->details > 0) {
			state->details--;
		}
	}
}

static struct state state_at(const char *s, size_t len)
{
	struct state state = {0};

	for (size_t start = 0; start < len;) {
		const char *newline = memchr(s + start, '\n', len - start);
		size_t end = newline ? (size_t)(newline - s) : len;
		bool inside = state.fence.len > 0;

		if (inside)
			fence_close(&state.fence, s + start, end - start);
		else if (!state.comment)
			fence_open(&state.fence, s + start, end - start, 3);
		if (!inside && state.fence.len == 0)
			html_line(&state, s, start, end);
		start = end + 1;
	}
	return state;
}

/* The end of a line near n, or n at a character. */
static size_t good_cut(const char *s, size_t n)
{
	enum { NEAR = 400 };
	size_t low = n > NEAR ? n - NEAR : 0;

	for (size_t i = n; i > low; i--)
		if (s[i - 1] == '\n')
			return i;
	n = str_utf8_cut(s, n);
	/* Not inside "&lt;" either. */
	for (size_t i = 1; i <= 8 && i <= n; i++)
		if (s[n - i] == '&')
			return n - i;
	return n;
}

static size_t closing_len(const struct state *state)
{
	size_t fence = state->fence.len ? state->fence.len + 2 : 0;

	return fence + state->details * (strlen(DETAILS_CLOSE) + 1);
}

bool github_text_cut(struct strbuf *text, size_t max, const char *notice)
{
	size_t notice_len = notice ? strlen(notice) + 2 : 0;
	struct state state = {0};

	if (text->len <= max)
		return false;
	if (notice_len >= max) {
		notice = NULL;
		notice_len = 0;
	}
	size_t n = good_cut(text->data, max - notice_len);
	while (n > 0) {
		state = state_at(text->data, n);
		size_t whole = n + closing_len(&state) + notice_len;
		if (!state.comment && whole <= max)
			break;
		size_t less = state.comment ? n - state.comment_at : whole - max;
		n = good_cut(text->data, n > less ? n - less : 0);
	}
	if (n == 0)
		state = (struct state){0};
	text->len = n;
	text->data[n] = '\0';
	fence_end(&state.fence, text);
	for (size_t i = 0; i < state.details; i++)
		strbuf_adds(text, "\n" DETAILS_CLOSE);
	if (notice) {
		strbuf_adds(text, "\n\n");
		strbuf_adds(text, notice);
	}
	return true;
}
