/* SPDX-License-Identifier: MIT */
/* The packs of a mirror: counting, cleaning up after a killed child, checking, merging. */
#ifndef SERVICE_REPO_PACKS_H
#define SERVICE_REPO_PACKS_H

#include "boxcore/base/err.h"

#include <git2.h>

#include <stdint.h>

/* How many packs, and the bytes of all files beside them. */
int packs_measure(
	const char *mirror, int *ret_packs, int64_t *ret_bytes, struct err *err);

/* Removes what a killed child left: only under the write lock. */
int packs_clean(const char *mirror, struct err *err);

/* ERR_INTERNAL when a pack and its index do not belong together, or one is missing or cut.
 * Costs some reads a pack; bytes that changed in the middle are found when they are used
 * (every object read is hashed). */
int packs_check(const char *mirror, struct err *err);

/* Makes one pack of all but the largest; nothing is lost, reachable or not.  Only under the
 * write lock; `repo` must not be used afterwards. */
int packs_merge(git_repository *repo, const char *mirror, struct err *err);

#endif
