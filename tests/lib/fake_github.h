/* SPDX-License-Identifier: MIT */
/*
 * A scripted GitHub on a real socket: mints tokens, remembers the last request of each
 * kind, and answers every other call with what the test has queued or set.
 */
#ifndef TESTS_LIB_FAKE_GITHUB_H
#define TESTS_LIB_FAKE_GITHUB_H

#include "boxcore/base/thread.h"
#include "tests/lib/peer.h"

#include <stdbool.h>
#include <stdint.h>

struct fake_github {
	struct peer *peer;
	struct lock lock; /* of all that follows */
	int mints;
	int requests; /* without mints */
	int revocations;
	int64_t life_s; /* of a token */
	int64_t skew_s; /* our Date is this far ahead */
	int no_grant; /* this many mints are refused: permissions that were not granted */
	bool strict_jwt; /* 401 for a JWT that is not valid by our clock */
	char mint_body[1024];
	char mint_auth[4096];
	char method[16];
	char target[1024];
	char auth[4096];
	char etag[256]; /* If-None-Match */
	char body[8192];
	char revoked[4096];
	char token_prefix[64]; /* "ghs_tok" */
	/* What the calls get, first one first; the last stays. */
	struct fake_answer {
		int status;
		const char *headers; /* "name: value\r\n"...; may be NULL */
		const char *body;    /* NULL: the connection is cut instead */
	} answers[40];
	int nanswers;
	int used;
};

/* Owned by the caller; everything zeroed, then started. */
void fake_github_start(struct fake_github *fake);
void fake_github_stop(struct fake_github *fake);
void fake_github_url(const struct fake_github *fake, char *buf, size_t size);

/* From now on: these answers (status 0 ends the list). */
void fake_github_answers(struct fake_github *fake, const struct fake_answer *answers);
void fake_github_answer(
	struct fake_github *fake, int status, const char *headers, const char *body);
int fake_github_requests(struct fake_github *fake);
int fake_github_mints(struct fake_github *fake);

#endif
