/* SPDX-License-Identifier: MIT */
/*
 * Inside service/github: what an answer that is no success means.  Tells rate limits from
 * missing permissions, takes the time to wait from the headers, and makes the error text
 * from GitHub's own words, bounded, cleaned and without secrets.
 */
#ifndef SERVICE_GITHUB_REFUSE_H
#define SERVICE_GITHUB_REFUSE_H

#include "boxcore/net/http_client.h"
#include "service/github/call.h"

/* Always returns -1.  now_s is GitHub's clock. */
int refuse_error(const struct http_answer *answer, struct reply *reply, int64_t now_s,
	struct err *err);

/* Seconds for which nothing should be sent, from the headers of any answer; 0: none. */
int refuse_wait_s(const struct http_answer *answer, int64_t now_s);

#endif
