/* SPDX-License-Identifier: MIT */
/*
 * A log becomes lines, the lines become fewer, and of what is left the part around the first
 * failure is taken.
 */
#include "service/task/mend_log.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/secret.h"
#include "boxcore/base/str.h"
#include "service/task/check_text.h"

#include <string.h>
#include <strings.h>

#define LINE_MAX_BYTES 1000 /* of one line that is shown */
#define BEFORE_LINES 12     /* shown before the first line that looks like a failure */
#define NOTE_MAX 64         /* bytes of "[... 123 lines are left out here ...]" */

struct line {
	const char *text;
	size_t len;
	size_t times;
	bool opens; /* a step of GitHub Actions begins here */
};

struct lines {
	struct line *rows;
	size_t count, room;
};

static void lines_release(struct lines *lines)
{
	free(lines->rows);
}
DEFINE_CLEANUP(lines, struct lines, lines_release(value))

/* ---- one line of the raw log ----------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "2024-05-01T12:00:00.1234567Z ": how GitHub Actions begins each line. */
static size_t timestamp_len(const char *s, size_t len)
{
	static const char form[] = "0000-00-00T00:00:00";
	size_t i = sizeof form - 1;

	if (len < sizeof form)
		return 0;
	for (size_t k = 0; k < i; k++)
		if (form[k] == '0' ? !is_digit(s[k]) : s[k] != form[k])
			return 0;
	if (s[i] == '.')
		for (i++; i < len && is_digit(s[i]);)
			i++;
	if (i >= len || s[i] != 'Z')
		return 0;
	i++;
	return i < len && s[i] == ' ' ? i + 1 : i;
}

static bool begins(const char *s, size_t len, const char *word)
{
	size_t n = strlen(word);

	return len >= n && memcmp(s, word, n) == 0;
}

/* What a terminal would show at the end: the part behind the last return of the carriage. */
static size_t overwritten(const char *s, size_t len)
{
	while (len > 0 && s[len - 1] == '\r')
		len--;
	for (size_t i = len; i > 0; i--)
		if (s[i - 1] == '\r')
			return i;
	return 0;
}

/* Markers of groups and commands are for the viewer of the log; the word OPENS stays at the
 * front of a step for the search and is taken away again. */
#define OPENS '\001'
static void add_line(struct strbuf *out, const char *s, size_t len)
{
	static const char *const dropped[] = {
		"##[endgroup]", "##[debug]", "::endgroup::", "::debug"};
	static const char *const opening[] = {"##[group]", "::group::"};
	size_t skip;

	if (begins(s, len, "\xef\xbb\xbf")) {
		s += 3;
		len -= 3;
	}
	skip = timestamp_len(s, len);
	s += skip;
	len -= skip;
	skip = overwritten(s, len);
	s += skip;
	len -= skip;
	for (size_t i = 0; i < ARRAY_LEN(dropped); i++)
		if (begins(s, len, dropped[i]))
			return;
	for (size_t i = 0; i < ARRAY_LEN(opening); i++)
		if (begins(s, len, opening[i])) {
			strbuf_addc(out, OPENS);
			s += strlen(opening[i]);
			len -= strlen(opening[i]);
			break;
		}
	if (begins(s, len, "[command]")) {
		s += strlen("[command]");
		len -= strlen("[command]");
	}
	for (size_t i = 0; i < len;) {
		if (s[i] == '\033') {
			i += check_escape_len(s + i, len - i);
			continue;
		}
		if (s[i] == '\t' || ((unsigned char)s[i] >= 0x20 && s[i] != 0x7f))
			strbuf_addc(out, s[i]);
		i++;
	}
	strbuf_addc(out, '\n');
}

static void make_plain(const char *log, size_t len, struct strbuf *out)
{
	CLEANUP(strbuf) struct strbuf visible = STRBUF_INIT(2 * len + 2);
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(6 * len + 16);

	for (size_t at = 0; at < len;) {
		const char *end = memchr(log + at, '\n', len - at);
		size_t n = end ? (size_t)(end - log) - at : len - at;

		add_line(&visible, log + at, n);
		at += n + 1;
	}
	str_clean_utf8(&clean, strbuf_str(&visible), visible.len, true);
	/* Before anything is cut: half a secret is not known. */
	secret_redact(out, strbuf_str(&clean), clean.len);
}

/* ---- fewer lines ----------------------------------------------------------------------- */

/* The same but for its numbers: "12% [==>  ]" and "13% [===> ]". */
static bool same_progress(const struct line *a, const struct line *b)
{
	size_t i = 0, k = 0;

	if (!memchr(a->text, '%', a->len) || !memchr(b->text, '%', b->len))
		return false;
	for (;;) {
		while (i < a->len && strchr("0123456789. =>#-", a->text[i]))
			i++;
		while (k < b->len && strchr("0123456789. =>#-", b->text[k]))
			k++;
		if (i == a->len || k == b->len)
			return i == a->len && k == b->len;
		if (a->text[i++] != b->text[k++])
			return false;
	}
}

static void keep(struct lines *lines, const char *text, size_t len)
{
	bool opens = len > 0 && text[0] == OPENS;
	struct line *last = lines->count ? &lines->rows[lines->count - 1] : NULL;
	struct line line = {
		.text = text + opens, .len = len - opens, .times = 1, .opens = opens};

	while (line.len > 0 &&
		(line.text[line.len - 1] == ' ' || line.text[line.len - 1] == '\t'))
		line.len--;
	if (line.len == 0 && (!last || last->len == 0))
		return;
	if (last && last->len == line.len &&
		memcmp(last->text, line.text, line.len) == 0) {
		last->times++;
		return;
	}
	if (last && same_progress(last, &line)) {
		*last = line;
		return;
	}
	if (lines->count == lines->room) {
		lines->room = lines->room ? lines->room * 2 : 256;
		lines->rows = mem_grow(lines->rows, lines->room, sizeof *lines->rows);
	}
	lines->rows[lines->count++] = line;
}

static void split(const struct strbuf *text, struct lines *ret)
{
	for (size_t at = 0; at < text->len;) {
		const char *end = memchr(text->data + at, '\n', text->len - at);
		size_t n = end ? (size_t)(end - text->data) - at : text->len - at;

		keep(ret, text->data + at, n);
		at += n + 1;
	}
}

/* ---- where it failed ------------------------------------------------------------------- */

static bool holds(const struct line *line, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= line->len; i++)
		if (strncasecmp(line->text + i, word, n) == 0)
			return true;
	return false;
}

static bool looks_failed(const struct line *line)
{
	static const char *const words[] = {"error:", "error[", "error ",
		"fatal:", "failed", "failure", "fail:", "fail ", "exception", "traceback",
		"panic", "assert", "not ok", "undefined ", "cannot ", "no such file",
		"not found", "expected"};
	static const char *const harmless[] = {"0 failed", "0 errors", "0 failures",
		"fail 0", "failed: 0", "failures: 0"};

	for (size_t i = 0; i < ARRAY_LEN(harmless); i++)
		if (holds(line, harmless[i]))
			return false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (holds(line, words[i]))
			return true;
	return false;
}

/* The first line that looks like a failure, and the line where the log says that it failed
 * (its last one, if it does not say so). */
static void find_failure(const struct lines *lines, size_t *ret_first, size_t *ret_end)
{
	size_t end = lines->count, begin = 0;

	for (size_t i = 0; i < lines->count && end == lines->count; i++)
		if (begins(lines->rows[i].text, lines->rows[i].len, "##[error]"))
			end = i;
	if (end < lines->count)
		for (size_t i = end; i > 0 && begin == 0; i--)
			begin = lines->rows[i - 1].opens ? i - 1 : 0;
	*ret_end = end < lines->count ? end : lines->count - 1;
	*ret_first = *ret_end;
	for (size_t i = begin; i < *ret_end && *ret_first == *ret_end; i++)
		if (looks_failed(&lines->rows[i]))
			*ret_first = i;
}

/* ---- what is shown --------------------------------------------------------------------- */

static size_t cost(const struct line *line)
{
	size_t len = line->len < LINE_MAX_BYTES ? line->len : LINE_MAX_BYTES + 4;

	return len + 1 + (line->times > 1 ? 40 : 0);
}

static void show(const struct line *line, struct strbuf *out)
{
	if (line->len <= LINE_MAX_BYTES) {
		strbuf_add(out, line->text, line->len);
	} else {
		strbuf_add(out, line->text, str_utf8_cut(line->text, LINE_MAX_BYTES));
		strbuf_adds(out, " ...");
	}
	if (line->times > 1 && line->len > 0)
		strbuf_addf(out, "  [%zu times]", line->times);
	strbuf_addc(out, '\n');
}

static void show_range(
	const struct lines *lines, size_t *at, size_t from, size_t to, struct strbuf *out)
{
	if (from < *at)
		from = *at;
	if (from > *at && from < to)
		strbuf_addf(out, "[... %zu lines are left out here ...]\n", from - *at);
	for (size_t i = from; i < to; i++)
		show(&lines->rows[i], out);
	if (from < to)
		*at = to;
}

/* From `from` on as many lines as fit into *budget; one behind the last. */
static size_t forward(const struct lines *lines, size_t from, size_t to, size_t *budget)
{
	while (from < to && cost(&lines->rows[from]) <= *budget)
		*budget -= cost(&lines->rows[from++]);
	return from;
}

static size_t backward(const struct lines *lines, size_t from, size_t to, size_t *budget)
{
	while (to > from && cost(&lines->rows[to - 1]) <= *budget)
		*budget -= cost(&lines->rows[--to]);
	return to;
}

/* Half of the room is for the first failure and what follows it, half for what stands before
 * the end; what is left over shows what came after. */
static void take_part(const struct lines *lines, size_t max, struct strbuf *out)
{
	size_t first, end, at = 0;

	find_failure(lines, &first, &end);
	size_t begin = first > BEFORE_LINES ? first - BEFORE_LINES : 0;
	size_t room = max > 4 * NOTE_MAX ? max - 4 * NOTE_MAX : 0;
	size_t head = room / 2;
	size_t head_end = forward(lines, begin, end + 1, &head);
	size_t tail = room - room / 2 + head;
	size_t tail_begin = backward(lines, head_end, end + 1, &tail);
	size_t after = forward(lines, end + 1, lines->count, &tail);
	show_range(lines, &at, begin, head_end, out);
	show_range(lines, &at, tail_begin, after, out);
	if (at < lines->count)
		strbuf_addf(out, "[... %zu lines are left out here ...]\n",
			lines->count - at);
}

void mend_log_clean(const char *log, size_t len, size_t max, struct strbuf *out)
{
	CLEANUP(strbuf) struct strbuf plain = STRBUF_INIT(12 * len + 64);
	CLEANUP(lines) struct lines lines = {0};
	size_t all = 0;

	make_plain(log, len, &plain);
	split(&plain, &lines);
	while (lines.count > 0 && lines.rows[lines.count - 1].len == 0)
		lines.count--;
	for (size_t i = 0; i < lines.count; i++)
		all += cost(&lines.rows[i]);
	if (lines.count == 0)
		return;
	size_t before = out->len;
	if (all > max)
		take_part(&lines, max, out);
	else
		for (size_t i = 0; i < lines.count; i++)
			show(&lines.rows[i], out);
	if (out->len - before > max) { /* so little room that not even the notes fit */
		out->len = before + str_utf8_cut(out->data + before, max);
		out->data[out->len] = '\0';
	}
}
