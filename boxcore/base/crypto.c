/* SPDX-License-Identifier: MIT */
/* Digests and ciphers by libcrypto, randomness by the kernel. */
#include "boxcore/base/crypto.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/strbuf.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void crypto_sha256(const void *data, size_t len, uint8_t ret_digest[SHA256_SIZE])
{
	unsigned int size = 0;

	if (!EVP_Digest(data, len, ret_digest, &size, EVP_sha256(), NULL) ||
		size != SHA256_SIZE)
		abort();
}

void crypto_sha1(const void *data, size_t len, uint8_t ret_digest[SHA1_SIZE])
{
	unsigned int size = 0;

	if (!EVP_Digest(data, len, ret_digest, &size, EVP_sha1(), NULL) ||
		size != SHA1_SIZE)
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

/* ---- sealed texts: prefix, base64 of nonce, ciphertext and tag ------------------------- */

#define NONCE_SIZE 12
#define TAG_SIZE 16

char *crypto_seal(const uint8_t key[CRYPTO_KEY_SIZE], const void *data, size_t len)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(SIZE_MAX / 2);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t *raw = mem_alloc(NONCE_SIZE + len + TAG_SIZE);
	uint8_t *cipher = raw + NONCE_SIZE;
	int n = 0;

	crypto_random(raw, NONCE_SIZE);
	if (!ctx || len > INT_MAX ||
		!EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, raw) ||
		!EVP_EncryptUpdate(ctx, cipher, &n, data, (int)len) || (size_t)n != len ||
		!EVP_EncryptFinal_ex(ctx, cipher + len, &n) ||
		!EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, cipher + len))
		abort();
	EVP_CIPHER_CTX_free(ctx);
	strbuf_adds(&text, CRYPTO_SEAL_PREFIX);
	str_base64(&text, raw, NONCE_SIZE + len + TAG_SIZE);
	free(raw);
	return strbuf_take(&text);
}

/* True when the tag fits; `plain` has room for len bytes. */
static bool decrypt(const uint8_t *key, const uint8_t *raw, size_t len, uint8_t *plain)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	const uint8_t *cipher = raw + NONCE_SIZE;
	uint8_t tag[TAG_SIZE];
	bool fits;
	int n = 0;

	memcpy(tag, cipher + len, TAG_SIZE);
	if (!ctx || !EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, raw) ||
		!EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, tag))
		abort();
	fits = EVP_DecryptUpdate(ctx, plain, &n, cipher, (int)len) &&
	       EVP_DecryptFinal_ex(ctx, plain + len, &n) > 0;
	EVP_CIPHER_CTX_free(ctx);
	return fits;
}

char *crypto_open(const uint8_t key[CRYPTO_KEY_SIZE], const char *sealed, size_t *ret_len,
	struct err *err)
{
	CLEANUP(strbuf) struct strbuf raw = STRBUF_INIT(INT_MAX);
	const char *text;
	uint8_t *plain;
	size_t len;

	if (!str_starts(sealed, CRYPTO_SEAL_PREFIX)) {
		err_set(err, ERR_INPUT,
			"sealed text: of no form that this program knows");
		return NULL;
	}
	text = sealed + strlen(CRYPTO_SEAL_PREFIX);
	if (!str_unbase64(&raw, text, strlen(text)) || raw.len < NONCE_SIZE + TAG_SIZE) {
		err_set(err, ERR_INPUT, "sealed text: damaged");
		return NULL;
	}
	len = raw.len - NONCE_SIZE - TAG_SIZE;
	plain = mem_alloc(len + 1);
	if (!decrypt(key, (const uint8_t *)raw.data, len, plain)) {
		mem_wipe(plain, len);
		free(plain);
		err_set(err, ERR_DENIED,
			"sealed text: the key is another one, or the text was changed");
		return NULL;
	}
	plain[len] = '\0';
	*ret_len = len;
	return (char *)plain;
}
