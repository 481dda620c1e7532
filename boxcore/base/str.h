/* SPDX-License-Identifier: MIT */
/*
 * Small helpers on C strings: comparison, numbers, hex, base64, UTF-8.
 *
 * Nothing here allocates except where a strbuf is given.  Lengths are bytes.
 */
#ifndef BOXCORE_BASE_STR_H
#define BOXCORE_BASE_STR_H

#include "boxcore/base/err.h"
#include "boxcore/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool str_eq(const char *a, const char *b);        /* NULL equals only NULL */
bool str_eq_nocase(const char *a, const char *b); /* ASCII letters only */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
bool str_empty(const char *s); /* NULL or "" */

/* Copies with cutting; returns false when it did not fit.  The sanctioned strcpy. */
bool str_copy(char *dst, size_t size, const char *src);

/* The whole string must be a decimal number in [min, max]; no sign for u64, no spaces. */
bool str_to_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret);
bool str_to_i64(const char *s, int64_t min, int64_t max, int64_t *ret);
bool str_to_double(const char *s, double min, double max, double *ret);

/* Reading along: what stands at *at, which moves behind it; false and unmoved when that is
 * something else.  A number is digits alone, from 0 to max. */
bool str_take(const char **at, const char *word);
bool str_take_i64(const char **at, int64_t max, int64_t *ret);

/* "90", "90s", "30m", "6h", "2d" -> seconds; "512", "64k", "8m", "2g" -> bytes. */
bool str_to_seconds(const char *s, int64_t *ret);
bool str_to_bytes(const char *s, int64_t *ret);

void str_hex(const void *data, size_t len, char *ret_hex); /* 2 * len + 1 bytes */
bool str_unhex(
	const char *hex, size_t len, void *ret_data); /* len hex digits, either case */

void str_base64(struct strbuf *sb, const void *data, size_t len);
/* Strict: alphabet, padding, no white space.  false on anything else, sb may have grown. */
bool str_unbase64(struct strbuf *sb, const char *text, size_t len);
void str_base64url(struct strbuf *sb, const void *data, size_t len); /* no padding */

bool str_is_utf8(const char *s, size_t len); /* no surrogates, no overlong forms */
/* Appends with U+FFFD for each byte that is not UTF-8 and, unless keep_control, for
 * control characters other than \n and \t. */
void str_clean_utf8(struct strbuf *sb, const char *s, size_t len, bool keep_control);
/* Largest n <= len that does not cut a character; reads only s[0] to s[len - 1]. */
size_t str_utf8_cut(const char *s, size_t len);

/* Percent-encoding of everything but A-Za-z0-9-._~ (and / when keep_slash). */
void str_url_encode(struct strbuf *sb, const char *s, bool keep_slash);
/* Decodes in place once; false for a bad escape or %00.  `plus` turns + into a space. */
bool str_url_decode(char *s, bool plus);

#endif
