/* SPDX-License-Identifier: MIT */
/*
 * A YAML document as a small tree that remembers where everything stood.
 *
 * Read from libyaml's events (this file's .c is its only includer) and bounded: size by
 * LIMIT_CONFIG, depth and count of nodes by the numbers below.  Anchors, aliases, tags,
 * several documents, keys that are no plain text and keys that stand twice are refused.
 * Pure and thread-safe.
 */
#ifndef SERVICE_CONFIG_YAML_TREE_H
#define SERVICE_CONFIG_YAML_TREE_H

#include "boxcore/base/cleanup.h"
#include "boxcore/base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define YAML_DEPTH_MAX 8
#define YAML_NODES_MAX 4000

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	int line, column; /* from 1 */
	char *text;       /* YAML_TEXT: NUL-terminated, holds no other NUL */
	bool quoted;      /* YAML_TEXT: in quotes or as a block, so it is text for sure */
	struct yaml_node *children; /* YAML_LIST: items; YAML_MAP: key, value, ... */
	size_t count, capacity;
};

/* *ret is NULL for an empty document.  Errors begin with "name:line:column: ". */
int yaml_tree_read(struct yaml_node **ret, const char *name, const char *text, size_t len,
	struct err *err);
void yaml_tree_free(struct yaml_node *node); /* NULL is fine */
DEFINE_CLEANUP(yaml_tree, struct yaml_node *, yaml_tree_free(*value))

#endif
