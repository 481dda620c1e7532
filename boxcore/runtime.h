/* SPDX-License-Identifier: MIT */
/*
 * The languages that a box can be made for.
 *
 * A pure table.  Every runtime is the agents image (deploy/images), which has Node, Python,
 * the agent programs and what runs TypeScript in it; node and python are that image itself,
 * the others have one more language on top.  Such an image is built on first use by
 * image_ensure() (boxcore.h) from one Dockerfile that is compiled in.  All of it is constant
 * and may be used from any thread.
 *
 * Where things are in every runtime: `/opt/runner/run FILE` runs JavaScript and TypeScript
 * by the end of the file's name (`import`, `require` and a top-level await all work);
 * python3 is in PATH.
 */
#ifndef BOXCORE_RUNTIME_H
#define BOXCORE_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>

#define RUNTIME_BASE "boxwright/agents:latest"
#define RUNTIME_RUNNER "/opt/runner/run"

struct runtime {
	const char *name;         /* "golang" */
	bool own_image;           /* else the base serves as it is */
	const char *const *check; /* argv that tells its version, NULL-ended */
};

/* "node", "python", "golang", "ruby", "rust", and each with "-alpine" behind, which is the
 * same row: boxes are Debian.  NULL: there is none of that name. */
const struct runtime *runtime_find(const char *name);
/* The name asks for Alpine and gets Debian: worth a line in the log. */
bool runtime_is_substitute(const char *name);
/* The i-th of the table, NULL behind the last: for lists and messages. */
const struct runtime *runtime_at(size_t i);

/* The Dockerfile of runtimes with an image of their own (deploy/images/runtime.Dockerfile):
 * takes the build arguments FROM and RUNTIME. */
const char *runtime_dockerfile(size_t *ret_len);

#endif
