/* SPDX-License-Identifier: MIT */
/*
 * Holding a claimed tree against a base: everything that differs must be allowed.
 *
 * Walks both trees side by side.  Where an entry is the same in both (mode and object)
 * nothing below it is looked at.  Everything else is parsed strictly, named, counted and
 * judged: names and links (tree_rules.h), modes, siblings that some file system takes for
 * one (fold.h), protected paths (policy.h), LIMIT_RESULT_*.  The first offence ends the
 * walk; the error names the entry.
 *
 * Objects come from a source, so that this runs on a git object store in the child and on
 * plain bytes under a fuzzer.  Pure besides that.
 */
#ifndef SERVICE_REPO_TREE_CHECK_H
#define SERVICE_REPO_TREE_CHECK_H

#include "service/repo/policy.h"
#include "service/repo/tree_parse.h"

#include "boxcore/base/strbuf.h"

/* Each returns 0, or -1 with err: ERR_INPUT when the object is missing or of another
 * type. */
struct tree_source {
	void *arg;
	/* The content of a tree or (of a symlink) blob; bounded by ret's maximum. */
	int (*tree)(void *arg, const uint8_t *oid, struct strbuf *ret, struct err *err);
	int (*blob)(void *arg, const uint8_t *oid, struct strbuf *ret, struct err *err);
	int (*blob_size)(void *arg, const uint8_t *oid, int64_t *ret, struct err *err);
	/* A tree that differs has been parsed: build it again from the list and compare.
	 */
	int (*rebuild)(void *arg, const uint8_t *oid, const struct tree_list *list,
		struct err *err);
	/* An object that the result needs and the base does not have at this path. */
	int (*take)(void *arg, const uint8_t *oid, struct err *err);
};

struct tree_totals {
	size_t files;   /* changed, added, deleted; a rename counts twice */
	size_t entries; /* looked at */
	int64_t bytes;  /* of new blobs */
};

/* base NULL: there is nothing yet. */
int tree_check(const struct tree_source *source, const uint8_t *base, const uint8_t *tree,
	const struct repo_policy *policy, struct tree_totals *ret, struct err *err);

/* A name for an error text: control characters and bad UTF-8 replaced, cut at 200 bytes.
 */
#define TREE_SHOWN_SIZE 256
const char *tree_show(const char *name, size_t len, char ret[TREE_SHOWN_SIZE]);

#endif
