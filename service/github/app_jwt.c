/* SPDX-License-Identifier: MIT */
/* The one use of libjwt: signing.  Nothing is ever decoded or verified with it. */
#include "service/github/app_jwt.h"

#include "boxcore/base/mem.h"

#include <jwt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BACKDATED_S = 60, /* GitHub refuses an iat in its future: clocks differ */
	VALID_S = 540,    /* and an exp more than 600 s ahead */
};

DEFINE_CLEANUP(jwt, jwt_t *, if (*value) jwt_free(*value))

int app_jwt_make(struct secret *ret_jwt, int64_t app_id, const struct secret *pem,
	int64_t now_s, struct err *err)
{
	CLEANUP(jwt) jwt_t *jwt = NULL;
	char issuer[24];

	if (!secret_is_set(pem) || pem->len > INT_MAX)
		return err_set(err, ERR_INPUT, "the App's private key is missing");
	if (jwt_new(&jwt) != 0)
		return err_set(err, ERR_INTERNAL, "libjwt cannot make a token");
	snprintf(issuer, sizeof issuer, "%lld", (long long)app_id);
	if (jwt_add_grant_int(jwt, "iat", (long)(now_s - BACKDATED_S)) != 0 ||
		jwt_add_grant_int(jwt, "exp", (long)(now_s + VALID_S)) != 0 ||
		jwt_add_grant(jwt, "iss", issuer) != 0)
		return err_set(err, ERR_INTERNAL, "libjwt refuses the App's claims");
	/* Any bytes are accepted as a key here; a bad one shows when it signs. */
	if (jwt_set_alg(jwt, JWT_ALG_RS256, (const unsigned char *)pem->value,
		    (int)pem->len) != 0)
		return err_set(err, ERR_INPUT, "the App's private key is no RSA key");
	char *text = jwt_encode_str(jwt);
	if (!text)
		return err_set(err, ERR_INPUT,
			"the App's private key cannot sign; it must be the RSA key in "
			"PEM form that GitHub gave for the App");
	secret_set(ret_jwt, text, strlen(text));
	mem_wipe(text, strlen(text));
	free(text);
	return 0;
}
