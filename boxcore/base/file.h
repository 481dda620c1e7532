/* SPDX-License-Identifier: MIT */
/*
 * Whole files of the host, bounded and without races.  Not for files of a box
 * (boxcore.h). Regular files only: a FIFO or device is refused instead of waited for.
 */
#ifndef BOXCORE_BASE_FILE_H
#define BOXCORE_BASE_FILE_H

#include "boxcore/base/err.h"
#include "boxcore/base/strbuf.h"

#include <stdbool.h>
#include <sys/types.h>

/* Appends the whole file; ERR_LIMIT when it is larger than sb's maximum. */
int file_read(struct strbuf *sb, const char *path, struct err *err);

/* Writes beside, fsyncs, renames over: readers see the old or the new file, also after a
 * power loss. */
int file_write(
	const char *path, const void *data, size_t len, mode_t mode, struct err *err);

/* Makes the folder and its parents; an existing folder is fine. */
int file_mkdirs(const char *path, mode_t mode, struct err *err);

/* Removes a folder with all that is in it; never follows a link.  Missing is fine. */
int file_remove_tree(const char *path, struct err *err);

bool file_exists(const char *path);

/* Writes all bytes to a blocking descriptor, over short writes and EINTR. */
int file_write_all(int fd, const void *data, size_t len, struct err *err);

#endif
