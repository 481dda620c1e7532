/* SPDX-License-Identifier: MIT */
/*
 * Digests, random bytes, constant-time comparison and sealed texts, over OpenSSL's
 * libcrypto (this file and crypto.c are its only users).  Thread-safe.
 */
#ifndef BOXCORE_BASE_CRYPTO_H
#define BOXCORE_BASE_CRYPTO_H

#include "boxcore/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32
#define SHA256_HEX_SIZE 65 /* with the NUL */

void crypto_sha256(const void *data, size_t len, uint8_t ret_digest[SHA256_SIZE]);
#define SHA1_SIZE 20
/* For the handshake of WebSockets alone, which asks for it: no protection of anything. */
void crypto_sha1(const void *data, size_t len, uint8_t ret_digest[SHA1_SIZE]);
void crypto_sha256_hex(const void *data, size_t len, char ret_hex[SHA256_HEX_SIZE]);
void crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
	uint8_t ret_mac[SHA256_SIZE]);

/* Takes the same time whatever the contents. */
bool crypto_equal(const void *a, const void *b, size_t len);

/* Fills with random bytes from the kernel; ends the process if there are none. */
void crypto_random(void *buf, size_t len);

/* `bytes` random bytes in lower-case hex, NUL-terminated: needs 2 * bytes + 1. */
void crypto_random_hex(char *buf, size_t bytes);

/* ---- sealed texts --------------------------------------------------------------------- */

#define CRYPTO_KEY_SIZE 32
#define CRYPTO_SEAL_PREFIX "s1." /* names the form: a later one is another */

/* Encrypts with AES-256-GCM and a random nonce: printable text that only the key opens, and
 * only unchanged.  The caller frees it.  A key may seal 2^32 texts. */
char *crypto_seal(const uint8_t key[CRYPTO_KEY_SIZE], const void *data, size_t len);

/* What was sealed, with a NUL behind that is not counted; the caller wipes (mem_wipe) and
 * frees it.  NULL and ERR_INPUT for text of no form that is known, ERR_DENIED when the key is
 * another or the text was changed. */
char *crypto_open(const uint8_t key[CRYPTO_KEY_SIZE], const char *sealed, size_t *ret_len,
	struct err *err);

#endif
