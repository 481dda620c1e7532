/* SPDX-License-Identifier: MIT */
/* Paths of a box as clients write them, made absolute and plain. */
#include "service/box/boxes-internal.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <string.h>

/* Adds the parts of `path` to the absolute path in `out`, which ends in no slash. */
static void add_parts(struct strbuf *out, const char *path)
{
	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && path[0] == '.' && path[1] == '.') {
			while (out->len > 0 && out->data[out->len - 1] != '/')
				out->len--;
			if (out->len > 0)
				out->data[--out->len] = '\0';
		} else if (len > 0 && !(len == 1 && path[0] == '.')) {
			strbuf_addc(out, '/');
			strbuf_add(out, path, len);
		}
		path += len;
		path += strspn(path, "/");
	}
}

char *boxes_path(const char *path, const char *member, struct err *err)
{
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_PATH);

	if (path && strlen(path) > LIMIT_PATH) {
		err_set(err, ERR_INPUT, "`%s` must be a path of at most %d bytes", member,
			LIMIT_PATH);
		return NULL;
	}
	if (str_empty(path) || path[0] != '/')
		add_parts(&out, BOX_HOME);
	if (path)
		add_parts(&out, path);
	if (out.len == 0)
		strbuf_addc(&out, '/');
	if (strbuf_failed(&out)) {
		err_set(err, ERR_INPUT,
			"`%s` must be a path of at most %d bytes with " BOX_HOME
			" before it",
			member, LIMIT_PATH);
		return NULL;
	}
	return strbuf_take(&out);
}
