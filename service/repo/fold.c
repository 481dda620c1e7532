/* SPDX-License-Identifier: MIT */
/* The folded form of a name. */
#include "service/repo/fold.h"

#include "service/repo/fold_table.h"

#include "boxcore/base/str.h"

#include <stdbool.h>
#include <stdlib.h>

#define RUN_MAX 32 /* marks on one character; more are sorted in pieces */

int32_t fold_decode(const char *text, size_t len, size_t *ret_used)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	int32_t cp = n == 1 ? s[0] : s[0] & (0xff >> (n + 1));

	*ret_used = 1;
	if (n > len || !str_is_utf8(text, n))
		return -1;
	for (size_t i = 1; i < n; i++)
		cp = (cp << 6) | (s[i] & 0x3f);
	*ret_used = n;
	return cp;
}

static void encode(struct strbuf *out, uint32_t cp)
{
	if (cp < 0x80) {
		strbuf_addc(out, (char)cp);
	} else if (cp < 0x800) {
		strbuf_addc(out, (char)(0xc0 | (cp >> 6)));
		strbuf_addc(out, (char)(0x80 | (cp & 0x3f)));
	} else if (cp < 0x10000) {
		strbuf_addc(out, (char)(0xe0 | (cp >> 12)));
		strbuf_addc(out, (char)(0x80 | ((cp >> 6) & 0x3f)));
		strbuf_addc(out, (char)(0x80 | (cp & 0x3f)));
	} else {
		strbuf_addc(out, (char)(0xf0 | (cp >> 18)));
		strbuf_addc(out, (char)(0x80 | ((cp >> 12) & 0x3f)));
		strbuf_addc(out, (char)(0x80 | ((cp >> 6) & 0x3f)));
		strbuf_addc(out, (char)(0x80 | (cp & 0x3f)));
	}
}

static int by_from(const void *key, const void *row)
{
	uint32_t cp = *(const uint32_t *)key;
	uint32_t from = ((const struct fold_row *)row)->from;

	return cp < from ? -1 : cp > from;
}

static int by_range(const void *key, const void *range)
{
	uint32_t cp = *(const uint32_t *)key;
	const uint32_t *r = range;

	return cp < r[0] ? -1 : cp > r[1];
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

struct folder {
	struct strbuf *out;
	uint32_t marks[RUN_MAX];
	size_t nmarks;
};

static void flush_marks(struct folder *f)
{
	qsort(f->marks, f->nmarks, sizeof f->marks[0], by_value);
	for (size_t i = 0; i < f->nmarks; i++)
		encode(f->out, f->marks[i]);
	f->nmarks = 0;
}

static void put(struct folder *f, uint32_t cp)
{
	bool mark = cp >= 0x300 &&
		    bsearch(&cp, fold_marks, fold_nmarks, sizeof fold_marks[0], by_range);

	if (!mark || f->nmarks == RUN_MAX)
		flush_marks(f);
	if (mark)
		f->marks[f->nmarks++] = cp;
	else
		encode(f->out, cp);
}

/* Hangul syllables decompose by arithmetic (Unicode, section 3.12). */
static void put_hangul(struct folder *f, uint32_t cp)
{
	uint32_t s = cp - 0xac00;

	put(f, 0x1100 + s / 588);
	put(f, 0x1161 + s % 588 / 28);
	if (s % 28)
		put(f, 0x11a7 + s % 28);
}

static void fold_one(struct folder *f, uint32_t cp)
{
	const struct fold_row *row;

	if (cp < 0x80) {
		put(f, cp >= 'A' && cp <= 'Z' ? cp + 32 : cp);
		return;
	}
	if (cp >= 0xac00 && cp <= 0xd7a3) {
		put_hangul(f, cp);
		return;
	}
	row = bsearch(&cp, fold_rows, fold_nrows, sizeof *row, by_from);
	if (!row) {
		put(f, cp);
		return;
	}
	for (size_t i = 0; i < 4 && row->to[i]; i++)
		put(f, row->to[i]);
}

void fold_add(struct strbuf *out, const char *text, size_t len)
{
	struct folder f = {.out = out};

	for (size_t at = 0, used; at < len; at += used) {
		int32_t cp = fold_decode(text + at, len - at, &used);
		if (cp >= 0) {
			fold_one(&f, (uint32_t)cp);
			continue;
		}
		flush_marks(&f);
		strbuf_addc(out, text[at]);
	}
	flush_marks(&f);
}
