/* SPDX-License-Identifier: MIT */
/* Differences of two trees: as a list of changes, and as text. */
#ifndef SERVICE_REPO_DIFF_H
#define SERVICE_REPO_DIFF_H

#include "boxcore/base/err.h"
#include "boxcore/base/json.h"
#include "boxcore/base/strbuf.h"

#include <git2.h>

/* With renames found, bounded in time.  Returns libgit2's code. */
int diff_trees(git_diff **ret, git_repository *repo, git_tree *from, git_tree *to);

/* Unified text, made valid UTF-8, at most max bytes and a line about the rest. */
int diff_text(struct strbuf *out, git_diff *diff, size_t max);

/* {"changes": [...], "added": n, "deleted": n} into `result`. */
int diff_changes(json_t *result, git_diff *diff);

#endif
