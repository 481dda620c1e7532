/* SPDX-License-Identifier: MIT */
/* Checks the HMAC of a delivery; see signature.h. */
#include "webhooks/signature.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/str.h"

#include <stdbool.h>
#include <string.h>

#define PREFIX "sha256="
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define DIGITS ((size_t)2 * SHA256_SIZE)

static bool is_lower_hex(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool digit = s[i] >= '0' && s[i] <= '9';
		bool letter = s[i] >= 'a' && s[i] <= 'f';
		if (!digit && !letter)
			return false;
	}
	return true;
}

static bool read_header(const char *header, uint8_t ret_mac[SHA256_SIZE])
{
	if (strlen(header) != PREFIX_LEN + DIGITS || !str_starts(header, PREFIX))
		return false;
	if (!is_lower_hex(header + PREFIX_LEN, DIGITS))
		return false;
	return str_unhex(header + PREFIX_LEN, DIGITS, ret_mac);
}

enum signature_result signature_check(const char *sha256, const char *sha1,
	const void *body, size_t len, const struct secret *secrets, size_t count)
{
	uint8_t claimed[SHA256_SIZE], ours[SHA256_SIZE];
	bool fits = false;

	if (!sha256)
		return sha1 ? SIGNATURE_SHA1_ONLY : SIGNATURE_MISSING;
	if (!read_header(sha256, claimed))
		return SIGNATURE_MALFORMED;
	/* All secrets are tried, whichever fits: the time tells nothing. */
	for (size_t i = 0; i < count; i++) {
		if (!secret_is_set(&secrets[i]))
			continue;
		crypto_hmac_sha256(secrets[i].value, secrets[i].len, body, len, ours);
		bool same = crypto_equal(claimed, ours, SHA256_SIZE);
		fits = fits || same;
	}
	return fits ? SIGNATURE_OK : SIGNATURE_WRONG;
}

const char *signature_sentence(enum signature_result result)
{
	switch (result) {
	case SIGNATURE_OK: return "The signature is right.";
	case SIGNATURE_MISSING:
		return "The delivery is not signed: set a webhook secret in the App's "
		       "settings, so that GitHub sends X-Hub-Signature-256.";
	case SIGNATURE_SHA1_ONLY:
		return "The delivery is signed with SHA-1 only; X-Hub-Signature-256 is "
		       "needed.";
	case SIGNATURE_MALFORMED:
		return "X-Hub-Signature-256 must be sha256= followed by 64 lower-case "
		       "hex digits.";
	case SIGNATURE_WRONG:
		return "The signature does not fit: the webhook secret here and in the "
		       "App's settings must be the same.";
	}
	return "";
}

const char *signature_word(enum signature_result result)
{
	switch (result) {
	case SIGNATURE_OK: return "ok";
	case SIGNATURE_MISSING: return "signature_missing";
	case SIGNATURE_SHA1_ONLY: return "signature_sha1";
	case SIGNATURE_MALFORMED: return "signature_malformed";
	case SIGNATURE_WRONG: return "signature_wrong";
	}
	return "";
}
