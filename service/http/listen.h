/* SPDX-License-Identifier: MIT */
/*
 * The listening socket and addresses as text.  Thread-safe.
 */
#ifndef SERVICE_HTTP_LISTEN_H
#define SERVICE_HTTP_LISTEN_H

#include "boxcore/base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* A non-blocking listening socket of a numeric address, or -1; port -1: any free one. */
int listen_open(const char *address, int port, int *ret_port, struct err *err);
bool listen_is_loopback(const char *address);
/* `wanted`, or less where this process may not have so many descriptors. */
unsigned listen_connections(unsigned wanted);

#endif
