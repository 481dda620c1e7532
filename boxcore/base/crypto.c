/* SPDX-License-Identifier: MIT */
/* Digests by libcrypto, randomness by the kernel. */
#include "boxcore/base/crypto.h"

#include "boxcore/base/str.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void crypto_sha256(const void *data, size_t len, uint8_t ret_digest[SHA256_SIZE])
{
	unsigned int size = 0;

	if (!EVP_Digest(data, len, ret_digest, &size, EVP_sha256(), NULL) ||
		size != SHA256_SIZE)
		abort();
}

void crypto_sha256_hex(const void *data, size_t len, char ret_hex[SHA256_HEX_SIZE])
{
	uint8_t digest[SHA256_SIZE];

	crypto_sha256(data, len, digest);
	str_hex(digest, sizeof digest, ret_hex);
}

void crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
	uint8_t ret_mac[SHA256_SIZE])
{
	unsigned int size = 0;

	if (!HMAC(EVP_sha256(), key, (int)key_len, data, len, ret_mac, &size) ||
		size != SHA256_SIZE)
		abort();
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

void crypto_random(void *buf, size_t len)
{
	uint8_t *at = buf;

	while (len > 0) {
		ssize_t n = getrandom(at, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			abort();
		at += n;
		len -= (size_t)n;
	}
}

void crypto_random_hex(char *buf, size_t bytes)
{
	uint8_t raw[64];

	if (bytes > sizeof raw)
		abort();
	crypto_random(raw, bytes);
	str_hex(raw, bytes, buf);
}
