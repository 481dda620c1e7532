/* SPDX-License-Identifier: MIT */
/* Growing buffers: doubling up to a maximum, then a sticky failure. */
#include "boxcore/base/strbuf.h"

#include "boxcore/base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

void strbuf_init(struct strbuf *sb, size_t max)
{
	*sb = (struct strbuf)STRBUF_INIT(max);
}

void strbuf_release(struct strbuf *sb)
{
	free(sb->data);
	*sb = (struct strbuf)STRBUF_INIT(sb->max);
}

void strbuf_reset(struct strbuf *sb)
{
	sb->len = 0;
	sb->failed = false;
	if (sb->data)
		sb->data[0] = '\0';
}

char *strbuf_room(struct strbuf *sb, size_t more)
{
	if (sb->failed || more > sb->max || sb->len > sb->max - more) {
		sb->failed = true;
		return NULL;
	}
	size_t need = sb->len + more + 1;
	if (need > sb->cap) {
		/* Doubling, so that byte after byte costs little; max bounds it. */
		size_t cap = sb->cap ? sb->cap : 64;
		while (cap < need)
			cap = cap > SIZE_MAX / 2 ? need : cap * 2;
		if (cap > sb->max && sb->max < SIZE_MAX)
			cap = sb->max + 1;
		sb->data = mem_grow(sb->data, cap, 1);
		sb->cap = cap;
	}
	return sb->data + sb->len;
}

void strbuf_grown(struct strbuf *sb, size_t written)
{
	sb->len += written;
	sb->data[sb->len] = '\0';
}

void strbuf_add(struct strbuf *sb, const void *data, size_t len)
{
	char *room = strbuf_room(sb, len);

	if (!room)
		return;
	if (len)
		memcpy(room, data, len);
	strbuf_grown(sb, len);
}

void strbuf_adds(struct strbuf *sb, const char *s)
{
	strbuf_add(sb, s, strlen(s));
}

void strbuf_addc(struct strbuf *sb, char c)
{
	strbuf_add(sb, &c, 1);
}

void strbuf_vaddf(struct strbuf *sb, const char *fmt, va_list ap)
{
	char *text = mem_vprintf(fmt, ap);

	strbuf_adds(sb, text);
	free(text);
}

void strbuf_addf(struct strbuf *sb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(sb, fmt, ap);
	va_end(ap);
}

void strbuf_consume(struct strbuf *sb, size_t n)
{
	if (n == 0)
		return;
	memmove(sb->data, sb->data + n, sb->len - n);
	sb->len -= n;
	sb->data[sb->len] = '\0';
}

const char *strbuf_str(const struct strbuf *sb)
{
	return sb->data ? sb->data : "";
}

char *strbuf_take(struct strbuf *sb)
{
	char *data = sb->data ? TAKE(sb->data) : mem_strdup("");

	strbuf_release(sb);
	return data;
}

int strbuf_check(const struct strbuf *sb, const char *what, struct err *err)
{
	if (!sb->failed)
		return 0;
	return err_set(err, ERR_LIMIT, "%s is larger than the limit of %zu bytes", what,
		sb->max);
}
