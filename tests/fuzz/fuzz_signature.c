/* SPDX-License-Identifier: MIT */
/*
 * The signature of a delivery: the first line of the input is the header, the rest the
 * body.  Nothing passes but the one right header.
 */
#include "boxcore/base/crypto.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "webhooks/signature.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct secret secrets[SIGNATURE_SECRETS_MAX];
	const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
	size_t head = line ? (size_t)(line - data) : size;
	size_t skip = line ? head + 1 : size;
	CLEANUP(mem) char *header = mem_strndup((const char *)data, head);
	const uint8_t *body = data + skip;
	char right[8 + 2 * SHA256_SIZE] = "sha256=";
	uint8_t mac[SHA256_SIZE];

	if (!secret_is_set(&secrets[0])) {
		secret_set(&secrets[0], "the first secret", 16);
		secret_set(&secrets[1], "the second secret", 17);
	}
	enum signature_result result = signature_check(
		header, NULL, body, size - skip, secrets, SIGNATURE_SECRETS_MAX);
	bool fits = false;
	for (size_t i = 0; i < SIGNATURE_SECRETS_MAX; i++) {
		crypto_hmac_sha256(
			secrets[i].value, secrets[i].len, body, size - skip, mac);
		str_hex(mac, sizeof(mac), right + 7);
		fits = fits || strcmp(header, right) == 0;
	}
	if (fits != (result == SIGNATURE_OK))
		abort();
	/* Signed by us it must pass. */
	if (signature_check(right, NULL, body, size - skip, secrets,
		    SIGNATURE_SECRETS_MAX) != SIGNATURE_OK)
		abort();
	return 0;
}
