/* SPDX-License-Identifier: MIT */
/* String helpers without surprises: whole-string numbers, strict base64, UTF-8. */
#include "boxcore/base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool str_eq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool str_eq_nocase(const char *a, const char *b)
{
	return a == b || (a && b && strcasecmp(a, b) == 0);
}

bool str_starts(const char *s, const char *prefix)
{
	return s && strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = s ? strlen(s) : 0;
	size_t m = strlen(suffix);

	return s && n >= m && memcmp(s + n - m, suffix, m) == 0;
}

bool str_empty(const char *s)
{
	return !s || !*s;
}

bool str_copy(char *dst, size_t size, const char *src)
{
	size_t len = strlen(src);

	if (size == 0)
		return false;
	if (len >= size) {
		size_t cut = str_utf8_cut(src, size - 1);
		memcpy(dst, src, cut);
		dst[cut] = '\0';
		return false;
	}
	memcpy(dst, src, len + 1);
	return true;
}

bool str_to_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
	char *end;

	if (!s || !isdigit((unsigned char)*s))
		return false;
	errno = 0;
	unsigned long long value = strtoull(s, &end, 10);
	if (errno || *end || value < min || value > max)
		return false;
	*ret = value;
	return true;
}

bool str_to_i64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	char *end;

	if (!s || !(isdigit((unsigned char)*s) ||
			  (*s == '-' && isdigit((unsigned char)s[1]))))
		return false;
	errno = 0;
	long long value = strtoll(s, &end, 10);
	if (errno || *end || value < min || value > max)
		return false;
	*ret = value;
	return true;
}

bool str_take(const char **at, const char *word)
{
	if (!str_starts(*at, word))
		return false;
	*at += strlen(word);
	return true;
}

bool str_take_i64(const char **at, int64_t max, int64_t *ret)
{
	char *end;

	if (!isdigit((unsigned char)**at))
		return false;
	errno = 0;
	long long value = strtoll(*at, &end, 10);
	if (errno || value > max)
		return false;
	*at = end;
	*ret = value;
	return true;
}

bool str_to_double(const char *s, double min, double max, double *ret)
{
	char *end;

	/* strtod() alone would take "0x1p3", "inf" and "nan". */
	if (!s || !*s || s[strspn(s, "0123456789.eE+-")] || *s == '+')
		return false;
	errno = 0;
	double value = strtod(s, &end);
	if (errno || *end || !(value >= min && value <= max))
		return false;
	*ret = value;
	return true;
}

static bool scaled(const char *s, const char *units, const int64_t *factors, int64_t *ret)
{
	char *end;

	if (!s || !isdigit((unsigned char)*s))
		return false;
	errno = 0;
	long long value = strtoll(s, &end, 10);
	if (errno)
		return false;
	int64_t factor = 1;
	if (*end) {
		const char *unit = strchr(units, tolower((unsigned char)*end));
		if (!unit || end[1])
			return false;
		factor = factors[unit - units];
	}
	return !__builtin_mul_overflow(value, factor, ret);
}

bool str_to_seconds(const char *s, int64_t *ret)
{
	static const int64_t factors[] = {1, 60, 3600, 86400};

	return scaled(s, "smhd", factors, ret);
}

bool str_to_bytes(const char *s, int64_t *ret)
{
	static const int64_t factors[] = {1LL << 10, 1LL << 20, 1LL << 30};

	return scaled(s, "kmg", factors, ret);
}

void str_hex(const void *data, size_t len, char *ret_hex)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++) {
		ret_hex[2 * i] = digits[bytes[i] >> 4];
		ret_hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret_hex[2 * len] = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool str_unhex(const char *hex, size_t len, void *ret_data)
{
	uint8_t *bytes = ret_data;

	if (len % 2)
		return false;
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_value(hex[i]);
		int low = high < 0 ? -1 : hex_value(hex[i + 1]);
		if (low < 0)
			return false;
		bytes[i / 2] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static void base64_with(
	struct strbuf *sb, const uint8_t *in, size_t len, const char *tail, bool pad)
{
	char digits[65] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

	digits[62] = tail[0];
	digits[63] = tail[1];
	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t v = (uint32_t)in[i] << 16;
		if (n > 1)
			v |= (uint32_t)in[i + 1] << 8;
		if (n > 2)
			v |= in[i + 2];
		char out[4] = {digits[v >> 18], digits[v >> 12 & 63],
			n > 1 ? digits[v >> 6 & 63] : '=', n > 2 ? digits[v & 63] : '='};
		strbuf_add(sb, out, pad ? 4 : n + 1);
	}
}

void str_base64(struct strbuf *sb, const void *data, size_t len)
{
	base64_with(sb, data, len, "+/", true);
}

void str_base64url(struct strbuf *sb, const void *data, size_t len)
{
	base64_with(sb, data, len, "-_", false);
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

bool str_unbase64(struct strbuf *sb, const char *text, size_t len)
{
	if (len % 4)
		return false;
	for (size_t i = 0; i < len; i += 4) {
		size_t n = 4;
		uint32_t v = 0;
		if (i + 4 == len && text[i + 3] == '=')
			n = text[i + 2] == '=' ? 2 : 3;
		for (size_t k = 0; k < 4; k++) {
			int d = k < n ? base64_value(text[i + k]) : 0;
			if (d < 0)
				return false;
			v = v << 6 | (uint32_t)d;
		}
		if ((n == 2 && (v & 0xffff)) || (n == 3 && (v & 0xff)))
			return false;
		char out[3] = {(char)(v >> 16), (char)(v >> 8), (char)v};
		strbuf_add(sb, out, n - 1);
	}
	return !strbuf_failed(sb);
}

/* Length of the character at s, or 0 when the bytes are not UTF-8. */
static size_t utf8_char(const unsigned char *s, size_t len)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n;
	uint32_t c;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf) {
		n = 2;
		c = s[0] & 0x1f;
	} else if ((s[0] & 0xf0) == 0xe0) {
		n = 3;
		c = s[0] & 0x0f;
	} else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		n = 4;
		c = s[0] & 0x07;
	} else {
		return 0;
	}
	if (n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return n;
}

bool str_is_utf8(const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = utf8_char((const unsigned char *)s + i, len - i);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

static bool is_control(const unsigned char *s, size_t n)
{
	if (n == 1)
		return (s[0] < 0x20 && s[0] != '\n' && s[0] != '\t') || s[0] == 0x7f;
	return n == 2 && s[0] == 0xc2 && s[1] < 0xa0; /* C1 */
}

void str_clean_utf8(struct strbuf *sb, const char *s, size_t len, bool keep_control)
{
	const unsigned char *bytes = (const unsigned char *)s;

	for (size_t i = 0; i < len;) {
		size_t n = utf8_char(bytes + i, len - i);
		if (n == 0 || (!keep_control && is_control(bytes + i, n)))
			strbuf_adds(sb, "\xef\xbf\xbd");
		else
			strbuf_add(sb, s + i, n);
		i += n ? n : 1;
	}
}

size_t str_utf8_cut(const char *s, size_t len)
{
	size_t start = len;

	/* Back to the first byte of the last character; does it end before len? */
	while (start > 0 && len - start < 3 &&
		((unsigned char)s[start - 1] & 0xc0) == 0x80)
		start--;
	if (start == 0)
		return len;
	unsigned char first = (unsigned char)s[start - 1];
	size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
	return len - (start - 1) < size ? start - 1 : len;
}

void str_url_encode(struct strbuf *sb, const char *s, bool keep_slash)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (isalnum(c) || strchr("-._~", c) || (keep_slash && c == '/'))
			strbuf_addc(sb, *s);
		else
			strbuf_addf(sb, "%%%02X", c);
	}
}

bool str_url_decode(char *s, bool plus)
{
	char *out = s;

	for (; *s; s++) {
		if (*s == '%') {
			int high = hex_value(s[1]);
			int low = high < 0 ? -1 : hex_value(s[2]);
			if (low < 0 || (high == 0 && low == 0))
				return false;
			*out++ = (char)(high << 4 | low);
			s += 2;
		} else {
			*out++ = plus && *s == '+' ? ' ' : *s;
		}
	}
	*out = '\0';
	return true;
}
