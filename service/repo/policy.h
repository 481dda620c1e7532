/* SPDX-License-Identifier: MIT */
/*
 * Which paths a box's work may touch.
 *
 * Some files run with more rights than the agent has (workflows), decide who reviews
 * (CODEOWNERS), or steer the next agent (AGENTS.md).  A result that adds, changes,
 * renames or deletes one is refused.  Pure functions, thread-safe.
 *
 * A pattern is compared with the whole path, component by component, without regard to
 * case, Unicode form and invisible characters (fold.h): `*` is any run of characters but
 * a slash, `?` one of them, `**` any number of components; a slash at the end means the
 * folder and all below it; a slash at the front is ignored.  At most REPO_PATTERN_MAX
 * bytes and REPO_PATTERNS_MAX patterns in each list.
 */
#ifndef SERVICE_REPO_POLICY_H
#define SERVICE_REPO_POLICY_H

#include "boxcore/base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define REPO_PATTERN_MAX 256
#define REPO_PATTERNS_MAX 256

struct repo_policy {
	const char *const *protect; /* further protected patterns */
	size_t nprotect;
	const char *const *allow; /* lifts protection, also of the built-in list */
	size_t nallow;
};

/* The built-in list, NULL-terminated. */
extern const char *const repo_policy_default[];

bool repo_pattern_match(const char *pattern, const char *path); /* for tests */

/* ERR_INPUT naming the pattern that is too long, empty or holds a control character. */
int repo_policy_check(const struct repo_policy *policy, struct err *err);

/* The pattern that protects the path, or NULL.  `.git` variants are no matter of policy:
 * they are always refused.  NULL policy: the built-in list alone. */
const char *repo_policy_protects(const struct repo_policy *policy, const char *path);

#endif
