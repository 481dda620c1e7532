/* SPDX-License-Identifier: MIT */
/* Branch names: made from hostile titles, checked. */
#include "service/repo/branch.h"

#include "boxcore/base/str.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define SLUG_MAX 40
#define ID_MAX 16

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Lower-case letters and digits, one dash for any run of others, none at the ends. */
static void slug(char *ret, size_t max, const char *title)
{
	size_t n = 0;

	for (; title && *title && n < max; title++) {
		if (is_alnum(*title))
			ret[n++] = (char)tolower((unsigned char)*title);
		else if (n > 0 && ret[n - 1] != '-')
			ret[n++] = '-';
	}
	while (n > 0 && ret[n - 1] == '-')
		n--;
	ret[n] = '\0';
}

static void only_alnum(char *ret, size_t max, const char *text)
{
	size_t n = 0;

	for (; text && *text && n < max; text++)
		if (is_alnum(*text))
			ret[n++] = *text;
	ret[n] = '\0';
}

void branch_make(char ret[BRANCH_SIZE], const char *prefix, const char *kind,
	int64_t number, const char *title, const char *id)
{
	char words[SLUG_MAX + 1], tail[ID_MAX + 1], what[9];
	const char *before = prefix ? prefix : "boxwright";

	slug(words, SLUG_MAX, title);
	only_alnum(tail, ID_MAX, id);
	only_alnum(what, sizeof what - 1, kind);
	if (!branch_is_ours(before) || strlen(before) > 24)
		before = "boxwright";
	snprintf(ret, BRANCH_SIZE, "%s/%s-%lld%s%s%s%s", before, what, (long long)number,
		*words ? "-" : "", words, *tail ? "-" : "", tail);
}

/* Rules that hold for every name: no empty component, none with a dot in front, none that
 * ends in .lock. */
static bool components_valid(const char *name)
{
	for (const char *at = name;;) {
		size_t n = strcspn(at, "/");
		if (n == 0 || at[0] == '.')
			return false;
		if (n >= 5 && strncasecmp(at + n - 5, ".lock", 5) == 0)
			return false;
		if (at[n] == '\0')
			return true;
		at += n + 1;
	}
}

bool branch_is_ours(const char *name)
{
	size_t len = name ? strlen(name) : 0;

	if (len == 0 || len >= BRANCH_SIZE || !is_alnum(name[0]))
		return false;
	for (const char *at = name; *at; at++) {
		if (!is_alnum(*at) && !strchr("/_.-", *at))
			return false;
		if (*at == '.' && (at[1] == '.' || at[1] == '/' || at[1] == '\0'))
			return false;
	}
	return components_valid(name);
}

bool branch_is_valid(const char *name)
{
	size_t len = name ? strlen(name) : 0;

	if (len == 0 || len > 255 || name[0] == '-' || name[len - 1] == '.')
		return false;
	if (!str_is_utf8(name, len) || strstr(name, "..") || strstr(name, "@{") ||
		str_eq(name, "@"))
		return false;
	for (const char *at = name; *at; at++)
		if ((unsigned char)*at <= 0x20 || *at == 0x7f || strchr("~^:?*[\\", *at))
			return false;
	return components_valid(name);
}
