/* SPDX-License-Identifier: MIT */
/*
 * Branch names of ours: made from an issue, checked wherever one comes in.  Pure.
 */
#ifndef SERVICE_REPO_BRANCH_H
#define SERVICE_REPO_BRANCH_H

#include "boxcore/base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define BRANCH_SIZE 101 /* 100 bytes and the NUL */

/*
 * "<prefix>/issue-12-fix-the-parser-k3x9": kind is "issue", "pr", "job"; the slug is made
 * of at most 40 bytes of [a-z0-9-] out of the title, which is hostile text, and left out
 * when nothing of it remains; id is ours ([A-Za-z0-9]+, at most 16 of it used) and makes
 * the name unique.  prefix NULL: "boxwright".  The same input gives the same name.
 */
void branch_make(char ret[BRANCH_SIZE], const char *prefix, const char *kind,
	int64_t number, const char *title, const char *id);

/* Our strict form: [A-Za-z0-9][A-Za-z0-9/_.-]*, at most 100 bytes, no "..", "//",
 * ".lock", no component that begins or ends with a dot, no slash or dot at the end. */
bool branch_is_ours(const char *name);

/* Any name that git accepts as refs/heads/<name>, at most 255 bytes: for branches of a
 * forge (people name them).  No control character, space, ~^:?*[\, "..", "@{", ".lock",
 * leading dash. */
bool branch_is_valid(const char *name);

#endif
