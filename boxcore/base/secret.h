/* SPDX-License-Identifier: MIT */
/*
 * Values that must never be shown.
 *
 * A key or token lives in a `struct secret`, never in a plain string: there is no way to
 * print it by accident, and its memory is wiped.  Every secret that is set is remembered
 * by secret_redact(), which each sink (log, stored output, comment) passes its text
 * through, so that a value that got into foreign text still does not leave: the value
 * itself, its base64 (wherever in the encoded text it stands), its URL-encoded form and
 * its form in JSON become "***".
 *
 * Thread-safe.  Secrets shorter than 8 bytes are not redacted (they would match
 * anything).
 */
#ifndef BOXCORE_BASE_SECRET_H
#define BOXCORE_BASE_SECRET_H

#include "boxcore/base/cleanup.h"
#include "boxcore/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

struct secret {
	char *value; /* NUL-terminated; read it only where it is sent */
	size_t len;
};

void secret_set(struct secret *s, const char *value, size_t len); /* copies, registers */
void secret_copy(struct secret *dst, const struct secret *src);
void secret_release(struct secret *s); /* wipes, frees, unregisters; zeroed is fine */
bool secret_is_set(const struct secret *s);
DEFINE_CLEANUP(secret, struct secret, secret_release(value))

/* Reads a file of at most LIMIT_SECRET bytes; one trailing newline is cut. */
int secret_read_file(struct secret *s, const char *path, struct err *err);

/* Appends text to out with every known secret replaced by ***. */
void secret_redact(struct strbuf *out, const char *text, size_t len);

#endif
