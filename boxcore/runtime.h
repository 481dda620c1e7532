/* SPDX-License-Identifier: MIT */
/*
 * The languages that a box can be made for.
 *
 * A pure table.  Every runtime is the agents image (deploy/images), which has Node, Python
 * and the agent programs in it, and perhaps further Debian packages on top; such an image is
 * built on first use by image_ensure() (boxcore.h) from one Dockerfile that is compiled in.
 * All of it is constant and may be used from any thread.
 */
#ifndef BOXCORE_RUNTIME_H
#define BOXCORE_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>

#define RUNTIME_BASE "boxwright/agents:latest"

struct runtime {
	const char *name;     /* "golang" */
	const char *packages; /* Debian's, space-separated; "": the base is enough */
	const char *check;    /* a command whose first word must be there: "go version" */
};

/* "node", "python", "golang", "ruby", "rust", and each with "-alpine" behind, which is the
 * same row: boxes are Debian.  NULL: there is none of that name. */
const struct runtime *runtime_find(const char *name);
/* The name asks for Alpine and gets Debian: worth a line in the log. */
bool runtime_is_substitute(const char *name);
/* The i-th of the table, NULL behind the last: for lists and messages. */
const struct runtime *runtime_at(size_t i);

/* The Dockerfile of a runtime (deploy/images/runtime.Dockerfile): takes the build arguments
 * FROM and PACKAGES. */
const char *runtime_dockerfile(size_t *ret_len);

#endif
