/* SPDX-License-Identifier: MIT */
/* Hostile names and links. */
#include "service/repo/tree_rules.h"

#include "service/repo/fold.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

#include <stdint.h>
#include <string.h>

#define NAME_MAX_BYTES 255 /* of Linux, and of every other file system that counts */

/* Format characters: they show nothing, or turn the direction of what is shown. */
static bool is_invisible(int32_t cp)
{
	static const int32_t ranges[][2] = {
		{0xad, 0xad},
		{0x34f, 0x34f},
		{0x61c, 0x61c},
		{0x115f, 0x1160},
		{0x17b4, 0x17b5},
		{0x180b, 0x180f},
		{0x200b, 0x200f},
		{0x2028, 0x202e},
		{0x2060, 0x206f},
		{0x3164, 0x3164},
		{0xfe00, 0xfe0e}, /* fe0f is part of ordinary emoji */
		{0xfeff, 0xfeff},
		{0xffa0, 0xffa0},
		{0xfff0, 0xfffb},
		{0xe0000, 0xe0fff},
	};

	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		if (cp >= ranges[i][0] && cp <= ranges[i][1])
			return true;
	return false;
}

static const char *characters_refused(const char *name, size_t len)
{
	for (size_t at = 0, used; at < len; at += used) {
		int32_t cp = fold_decode(name + at, len - at, &used);
		if (cp < 0)
			return "is not valid UTF-8";
		if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
			return "holds a control character";
		if (cp == '\\')
			return "holds a backslash";
		if (cp == '/')
			return "holds a slash";
		if (is_invisible(cp))
			return "holds an invisible character";
	}
	return NULL;
}

/* The name as NTFS sees it: up to a stream's colon, without dots and spaces at the end.
 */
static size_t ntfs_len(const char *s, size_t len)
{
	const char *colon = memchr(s, ':', len);

	if (colon)
		len = (size_t)(colon - s);
	while (len > 0 && (s[len - 1] == '.' || s[len - 1] == ' '))
		len--;
	return len;
}

static bool is_short_name(const char *s, size_t len, const char *stem)
{
	size_t n = strlen(stem);

	return len == n + 2 && memcmp(s, stem, n) == 0 && s[n] == '~' &&
	       s[n + 1] >= '0' && s[n + 1] <= '9';
}

static const char *git_refused(const char *name, size_t len)
{
	CLEANUP(strbuf) struct strbuf folded = STRBUF_INIT(8 * NAME_MAX_BYTES);

	fold_add(&folded, name, len);
	const char *s = strbuf_str(&folded);
	size_t n = ntfs_len(s, folded.len);
	if (n == 4 && memcmp(s, ".git", 4) == 0)
		return "is a spelling of .git";
	if (is_short_name(s, n, "git"))
		return "is a spelling of .git";
	if (is_short_name(s, n, "gitmod") || is_short_name(s, n, "gi7eba"))
		return "is a spelling of .gitmodules";
	if (n != folded.len && n == 11 && memcmp(s, ".gitmodules", 11) == 0)
		return "is a spelling of .gitmodules";
	return NULL;
}

const char *tree_name_refused(const char *name, size_t len)
{
	const char *why;

	if (len == 0)
		return "is empty";
	if (len > NAME_MAX_BYTES)
		return "is longer than 255 bytes";
	if (len <= 2 && memcmp(name, "..", len) == 0)
		return "is a dot name";
	if ((why = git_refused(name, len)) || (why = characters_refused(name, len)))
		return why;
	if (name[len - 1] == '.')
		return "ends in a dot";
	if (name[len - 1] == ' ')
		return "ends in a space";
	return NULL;
}

bool tree_name_must_be_file(const char *name, size_t len)
{
	static const char *const files[] = {
		".gitmodules", ".gitattributes", ".gitignore", ".mailmap"};
	CLEANUP(strbuf) struct strbuf folded = STRBUF_INIT(8 * NAME_MAX_BYTES);

	fold_add(&folded, name, len);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		if (str_eq(strbuf_str(&folded), files[i]))
			return true;
	return false;
}

const char *tree_link_refused(const char *target, size_t len, size_t depth)
{
	bool climbing = true;
	size_t ups = 0;

	if (len == 0)
		return "points nowhere";
	if (len >= LIMIT_PATH)
		return "has a target longer than 4095 bytes";
	if (target[0] == '/')
		return "points to an absolute path";
	if (memchr(target, 0, len))
		return "has a NUL in its target";
	for (size_t at = 0; at < len;) {
		const char *slash = memchr(target + at, '/', len - at);
		size_t n = slash ? (size_t)(slash - target) - at : len - at;
		const char *part = target + at;
		at += n + 1;
		if (n == 0 || (n == 1 && part[0] == '.'))
			continue;
		if (n == 2 && memcmp(part, "..", 2) == 0) {
			if (!climbing)
				return "climbs with .. behind a name";
			if (++ups > depth)
				return "points out of the tree";
			continue;
		}
		climbing = false;
		if (tree_name_refused(part, n))
			return "points to a name that is refused";
	}
	return NULL;
}
