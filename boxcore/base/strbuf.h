/* SPDX-License-Identifier: MIT */
/*
 * A growing byte buffer with a maximum and a failure that sticks.
 *
 * Append freely, check once: after the maximum is passed nothing more is appended and
 * strbuf_failed() stays true.  The bytes are always followed by a NUL that is not
 *counted, so `data` may be used as a C string when it holds none.  Not shared between
 *threads.
 *
 *	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_PROMPT);
 */
#ifndef BOXCORE_BASE_STRBUF_H
#define BOXCORE_BASE_STRBUF_H

#include "boxcore/base/cleanup.h"
#include "boxcore/base/err.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct strbuf {
	char *data; /* never NULL after the first append; use strbuf_str() to be sure */
	size_t len; /* bytes, without the NUL */
	size_t cap;
	size_t max; /* largest len; a name from limits.h */
	bool failed;
};

#define STRBUF_INIT(limit)                                                               \
	{                                                                                \
		.max = (limit)                                                           \
	}

void strbuf_init(struct strbuf *sb, size_t max);
void strbuf_release(struct strbuf *sb); /* frees, keeps max; zeroed state is fine */
void strbuf_reset(struct strbuf *sb);   /* empty again, memory kept, failure cleared */
DEFINE_CLEANUP(strbuf, struct strbuf, strbuf_release(value))

void strbuf_add(struct strbuf *sb, const void *data, size_t len);
void strbuf_adds(struct strbuf *sb, const char *s);
void strbuf_addc(struct strbuf *sb, char c);
void strbuf_addf(struct strbuf *sb, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void strbuf_vaddf(struct strbuf *sb, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* Makes room for `more` bytes and returns where they go, or NULL when that passes the
 * maximum (sticky).  Follow with strbuf_grown(). */
char *strbuf_room(struct strbuf *sb, size_t more);
void strbuf_grown(struct strbuf *sb, size_t written);

/* Drops the first n bytes (n <= len). */
void strbuf_consume(struct strbuf *sb, size_t n);

const char *strbuf_str(const struct strbuf *sb); /* "" when empty; borrowed */
char *strbuf_take(struct strbuf *sb);            /* the caller frees; sb is empty then */

static inline bool strbuf_failed(const struct strbuf *sb)
{
	return sb->failed;
}

/* 0, or ERR_LIMIT naming `what` and the maximum. */
int strbuf_check(const struct strbuf *sb, const char *what, struct err *err);

#endif
