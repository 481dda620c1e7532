/* SPDX-License-Identifier: MIT */
/*
 * Git inside a box: the repository in, the result out.
 *
 * Everything is done by the box's own git, each command an argv as repo.h tells; packs move
 * over the link.  What comes out is a claim of the box and goes to repo_import().  All
 * functions block and may be called from any thread.
 */
#ifndef SERVICE_TASK_BOX_GIT_H
#define SERVICE_TASK_BOX_GIT_H

#include "boxcore/boxcore.h"
#include "service/repo/repo.h"

struct box_git {
	struct boxcore *core;
	const char *box;
	const char *dir; /* absolute, of the work tree */
};

/* Makes the repository in an empty folder from a whole pack (repo_pack() with have NULL) and
 * checks `commit` out as `branch`. */
int box_git_create(const struct box_git *git, const char *branch, const char *commit,
	const char *pack_file, const struct repo_pack *pack, struct cancel *cancel,
	struct err *err);

/* Brings a restored box to `commit`; the pack holds what is newer (objects may be 0). */
int box_git_update(const struct box_git *git, const char *branch, const char *commit,
	const char *pack_file, const struct repo_pack *pack, struct cancel *cancel,
	struct err *err);

/* Likewise for a box that was worked in: whatever was left half done (changed, new and staged
 * files, a merge, locks) goes; what git ignores stays. */
int box_git_renew(const struct box_git *git, const char *branch, const char *commit,
	const char *pack_file, const struct repo_pack *pack, struct cancel *cancel,
	struct err *err);

/* Writes the objects that the work tree has beyond `base` to pack_file and tells the tree. */
int box_git_collect(const struct box_git *git, const char *base, const char *pack_file,
	char ret_tree[REPO_OID_SIZE], struct cancel *cancel, struct err *err);

#endif
