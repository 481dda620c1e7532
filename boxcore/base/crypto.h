/* SPDX-License-Identifier: MIT */
/*
 * Digests, random bytes and constant-time comparison, over OpenSSL's libcrypto (this file
 * and crypto.c are its only users).  Thread-safe.
 */
#ifndef BOXCORE_BASE_CRYPTO_H
#define BOXCORE_BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32
#define SHA256_HEX_SIZE 65 /* with the NUL */

void crypto_sha256(const void *data, size_t len, uint8_t ret_digest[SHA256_SIZE]);
void crypto_sha256_hex(const void *data, size_t len, char ret_hex[SHA256_HEX_SIZE]);
void crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
	uint8_t ret_mac[SHA256_SIZE]);

/* Takes the same time whatever the contents. */
bool crypto_equal(const void *a, const void *b, size_t len);

/* Fills with random bytes from the kernel; ends the process if there are none. */
void crypto_random(void *buf, size_t len);

/* `bytes` random bytes in lower-case hex, NUL-terminated: needs 2 * bytes + 1. */
void crypto_random_hex(char *buf, size_t bytes);

#endif
