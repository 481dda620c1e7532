/* SPDX-License-Identifier: MIT */
/*
 * The first bytes of a connection: is it TLS, and to which server; is it plain HTTP.  Pure
 * code over hostile bytes: called again with all bytes from the start as more come, reads
 * nothing beyond them, gives up at LIMIT_EGRESS_HELLO.
 */
#ifndef BOXCORE_EGRESS_HELLO_H
#define BOXCORE_EGRESS_HELLO_H

#include "boxcore/base/limits.h"

#include <stddef.h>
#include <stdint.h>

enum hello {
	HELLO_MORE,  /* cannot be told yet */
	HELLO_TLS,   /* a whole hello; the name, normalized, or "" where it has none */
	HELLO_HTTP,  /* a method of HTTP/1: see requests.h */
	HELLO_OTHER, /* anything else */
	HELLO_BAD,   /* begins like TLS and is malformed, or names no host */
};
enum hello hello_read(
	const uint8_t *data, size_t len, char ret_name[LIMIT_EGRESS_NAME + 1]);

#endif
