/* SPDX-License-Identifier: MIT */
/*
 * Which lines of a pull request can carry a comment: a unified diff read for its places
 * alone.  Internal to service/task.
 *
 * The diff comes from GitHub and holds what a stranger wrote.  Its text never counts for its
 * structure: the lines of a hunk are counted off as its head says, so a removed line
 * "-- a/x" is no file.  Pure and thread-safe; memory grows with the number of hunks.
 */
#ifndef SERVICE_TASK_REVIEW_DIFF_H
#define SERVICE_TASK_REVIEW_DIFF_H

#include "boxcore/base/cleanup.h"
#include "boxcore/base/err.h"
#include "boxcore/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All lines of a hunk on the new side, changed ones and those around them: GitHub takes a
 * comment on each, and on several of the same hunk. */
struct diff_hunk {
	int64_t first, last;
};

struct diff_file {
	char *path; /* after the change; of a removed file, before it */
	int64_t added, removed;
	struct diff_hunk *hunks; /* none: binary, renamed only, removed */
	size_t nhunks;
};

struct diff {
	struct diff_file *files;
	size_t count;
	bool broken; /* it ended in something that is no diff; what came before counts */
};
#define DIFF_FILES_MAX 5000  /* GitHub shows 3,000 */
#define DIFF_HUNKS_MAX 50000 /* of all files; GitHub shows 20,000 lines */

void diff_release(struct diff *diff); /* zeroed is fine */
DEFINE_CLEANUP(diff, struct diff, diff_release(value))

/* Never fails: what cannot be read is left out, and `broken` set. */
void diff_parse(const char *text, size_t len, struct diff *ret);

/* Whether a comment can stand there.  `start` 0: one line; else the first of several. */
bool diff_has(const struct diff *diff, const char *path, int64_t start, int64_t line);

/* Appends "path (+3 -1)" lines for an agent, at most `most` files. */
void diff_list(const struct diff *diff, size_t most, struct strbuf *out);

/* As JSON for a row, and back (ERR_INPUT). */
int diff_print(const struct diff *diff, struct strbuf *out, struct err *err);
int diff_load(const char *json, struct diff *ret, struct err *err);

#endif
