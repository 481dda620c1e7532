/* SPDX-License-Identifier: MIT */
/* Files that are compiled in.  Constant, each followed by a NUL that is not counted. */
#ifndef SERVICE_HTTP_ASSETS_H
#define SERVICE_HTTP_ASSETS_H

#include <stddef.h>

const char *assets_openapi(size_t *ret_len);

#endif
