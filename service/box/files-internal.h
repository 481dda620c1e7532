/* SPDX-License-Identifier: MIT */
/* What files.c, files_list.c and files_stream.c share. */
#ifndef SERVICE_BOX_FILES_INTERNAL_H
#define SERVICE_BOX_FILES_INTERNAL_H

#include "boxcore/base/err.h"
#include "boxcore/base/json.h"

/* As boxes_path(), but there must be one.  free() it. */
char *files_path(const char *path, const char *member, struct err *err);
/* That of a path.  free() it. */
char *files_path_of(const json_t *args, const char *member, struct err *err);

#endif
