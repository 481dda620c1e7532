/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a git tree object, as a list.
 *
 * Strict reading accepts exactly what git itself writes: canonical modes, canonical
 * order, no empty name, no name twice.  Loose reading accepts what old repositories hold
 * (zero-padded or odd modes) and is for the base only.  Names point into the given bytes.
 * Pure.
 */
#ifndef SERVICE_REPO_TREE_PARSE_H
#define SERVICE_REPO_TREE_PARSE_H

#include "boxcore/base/cleanup.h"
#include "boxcore/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREE_OID_RAW 20

#define TREE_MODE_DIR 040000U
#define TREE_MODE_FILE 0100644U
#define TREE_MODE_EXEC 0100755U
#define TREE_MODE_LINK 0120000U
#define TREE_MODE_SUBMODULE 0160000U

struct tree_entry {
	unsigned mode;
	const char *name; /* not NUL-terminated by itself: use name_len */
	size_t name_len;
	const uint8_t *oid;
};

struct tree_list {
	struct tree_entry *entries;
	size_t n;
};
void tree_list_release(struct tree_list *list);
DEFINE_CLEANUP(tree_list, struct tree_list, tree_list_release(value))

/* ERR_INPUT tells the number of the entry and what is wrong with it. */
int tree_parse(const void *data, size_t len, bool strict, struct tree_list *ret,
	struct err *err);

/* By plain bytes of the name, for merging two lists; the parsed order has folders as
 * "x/". */
void tree_sort_by_name(struct tree_list *list);
int tree_name_compare(const struct tree_entry *a, const struct tree_entry *b);

#endif
