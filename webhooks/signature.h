/* SPDX-License-Identifier: MIT */
/*
 * Is a delivery really from GitHub?  HMAC-SHA256 over the exact bytes of the body.
 *
 * Pure: no I/O, no clock, no log; thread-safe.  Only the form that GitHub sends is taken:
 * "sha256=" and 64 lower-case hex digits.  A SHA-1 signature alone proves nothing any
 * more and is refused.  Up to SIGNATURE_SECRETS_MAX secrets are tried, so that a secret
 * can be changed without losing a delivery; the time taken does not depend on which one
 * fits, or where the first wrong digit stands.
 */
#ifndef WEBHOOKS_SIGNATURE_H
#define WEBHOOKS_SIGNATURE_H

#include "boxcore/base/secret.h"

#include <stddef.h>

#define SIGNATURE_SECRETS_MAX 2

enum signature_result {
	SIGNATURE_OK,
	SIGNATURE_MISSING,   /* no X-Hub-Signature-256, and no X-Hub-Signature either */
	SIGNATURE_SHA1_ONLY, /* the old header alone */
	SIGNATURE_MALFORMED, /* not sha256= and 64 lower-case hex digits */
	SIGNATURE_WRONG,     /* fits no secret; also when no secret is set */
};

/* `sha256` and `sha1` are the values of X-Hub-Signature-256 and X-Hub-Signature, NULL
 * when absent; the latter is only told apart, never checked.  Secrets that are not set
 * are passed over. */
enum signature_result signature_check(const char *sha256, const char *sha1,
	const void *body, size_t len, const struct secret *secrets, size_t count);

/* A sentence for the answer: tells what to do, never what was expected. */
const char *signature_sentence(enum signature_result result);
/* "signature_missing", ...: the answer's `code`. */
const char *signature_word(enum signature_result result);

#endif
