/* SPDX-License-Identifier: MIT */
/* What an HTTP answer of a forge means when it is not a 200.  Pure. */
#ifndef SERVICE_REPO_NET_STATUS_H
#define SERVICE_REPO_NET_STATUS_H

#include "boxcore/base/err.h"

/* `location`: of a redirect, may be "".  Always -1.  What a fresh token (401) or the repository's
 * new name (3xx) may cure is ERR_TRANSIENT: the caller asks for both before it tries again. */
int net_status_error(int status, const char *location, int retry_after_s,
	const char *body, struct err *err);

#endif
