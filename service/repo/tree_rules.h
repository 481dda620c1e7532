/* SPDX-License-Identifier: MIT */
/*
 * Which names and links may stand in a tree that comes out of a box.
 *
 * Refused are names that some git client somewhere would act upon outside the work tree
 * (`.git` in all its spellings on HFS+ and NTFS, backslash, dots), and names that
 * deceive a person who reads the diff (control and invisible characters, bad UTF-8, a dot
 * or space at the end).  Pure.
 */
#ifndef SERVICE_REPO_TREE_RULES_H
#define SERVICE_REPO_TREE_RULES_H

#include <stdbool.h>
#include <stddef.h>

/* Why one component is refused ("is a spelling of .git"), or NULL. */
const char *tree_name_refused(const char *name, size_t len);

/*
 * Why a symlink's target is refused, or NULL.  A link must be relative and stay inside:
 * `..` only at the front and no more of them than the link has folders above it (`depth`:
 * 0 in the root), so that it cannot climb through another link; each name by the rules
 * above.
 */
const char *tree_link_refused(const char *target, size_t len, size_t depth);

/* Files that git reads by itself and that therefore may not be symlinks. */
bool tree_name_must_be_file(const char *name, size_t len);

#endif
