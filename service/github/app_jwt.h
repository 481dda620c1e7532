/* SPDX-License-Identifier: MIT */
/*
 * The App's own signature: a JWT by RS256, valid ten minutes, which GitHub takes where
 * the App speaks for itself (app_jwt.c is the only user of libjwt).  Thread-safe.
 */
#ifndef SERVICE_GITHUB_APP_JWT_H
#define SERVICE_GITHUB_APP_JWT_H

#include "boxcore/base/err.h"
#include "boxcore/base/secret.h"

#include <stdint.h>

/* `now_s` is GitHub's idea of the time.  ERR_INPUT when the key cannot sign. */
int app_jwt_make(struct secret *ret_jwt, int64_t app_id, const struct secret *pem,
	int64_t now_s, struct err *err);

#endif
