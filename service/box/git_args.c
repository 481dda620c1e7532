/* SPDX-License-Identifier: MIT */
/* What callers say of git: none of it becomes an option of a command. */
#include "service/box/git-internal.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

#include <string.h>

int git_arg(const json_t *args, const char *member, size_t max, bool lines,
	const char **ret, struct err *err)
{
	const json_t *value = json_object_get(args, member);
	const char *text = json_string_value(value);

	*ret = NULL;
	if (!value || json_is_null(value))
		return 0;
	if (!text)
		return err_set(err, ERR_INPUT, "`%s` must be text", member);
	if (json_string_length(value) > max)
		return err_set(
			err, ERR_LIMIT, "`%s` has more than %zu bytes", member, max);
	for (size_t i = 0; i < json_string_length(value); i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= ' ' ? c == 0x7f
			     : !lines || (c != '\n' && c != '\t' && c != '\r'))
			return err_set(
				err, ERR_INPUT, "`%s` holds a control character", member);
	}
	*ret = text;
	return 0;
}

/* The rules of git's own check-ref-format for a branch, and no option. */
static bool is_branch(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || name[0] == '-' || name[0] == '/' || name[len - 1] == '/' ||
		name[len - 1] == '.' || str_eq(name, "HEAD") || str_eq(name, "@") ||
		strpbrk(name, " ~^:?*[\\") || strstr(name, "..") || strstr(name, "//") ||
		strstr(name, "@{") || strstr(name, "/.") || name[0] == '.')
		return false;
	for (const char *part = name; part; part = strchr(part, '/')) {
		part += *part == '/';
		size_t n = strcspn(part, "/");

		if (n >= 5 && strncmp(part + n - 5, ".lock", 5) == 0)
			return false;
	}
	return true;
}

int git_arg_branch(
	const json_t *args, const char *member, const char **ret, struct err *err)
{
	if (git_arg(args, member, LIMIT_GIT_NAME, false, ret, err) < 0)
		return -1;
	if (str_empty(*ret))
		*ret = NULL;
	if (*ret && !is_branch(*ret))
		return err_set(
			err, ERR_INPUT, "`%s` is no name that a branch can have", member);
	return 0;
}
