/* SPDX-License-Identifier: MIT */
/*
 * The requests of a plain HTTP/1 connection, so that each can be judged by its Host, not
 * only the first.  Pure code over hostile bytes; strict, since what two readers may
 * understand in two ways would be judged as one and served as the other: one Host, one
 * length, no folded lines, no bare line ends.
 *
 * The caller keeps what was not passed yet and calls again with it and more behind.
 */
#ifndef BOXCORE_EGRESS_REQUESTS_H
#define BOXCORE_EGRESS_REQUESTS_H

#include "boxcore/base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct requests {
	enum {
		REQUESTS_HEAD,
		REQUESTS_BODY,
		REQUESTS_CHUNK,      /* the line of its size */
		REQUESTS_CHUNK_DATA, /* with the line end behind */
		REQUESTS_TRAILER,
		REQUESTS_SWITCHING, /* an upgrade was asked for: waits for the answer */
		REQUESTS_RAW,       /* and granted: bytes of another protocol */
	} state;
	uint64_t left;   /* of the body or chunk */
	bool head_known; /* that of the request at hand was given out to be judged */
	int count;
	char host[LIMIT_EGRESS_NAME +
		  1]; /* normalized, without port; "" where there is none */
};

enum requests_result {
	REQUESTS_MORE,  /* *ret_pass bytes may go on, for the rest more is needed */
	REQUESTS_JUDGE, /* the same, and a head begins behind them: judge `host`, then call
	                   again with these bytes */
	REQUESTS_BAD,   /* no HTTP that is let through */
};
enum requests_result requests_scan(
	struct requests *requests, const uint8_t *data, size_t len, size_t *ret_pass);
/* The first bytes that the server said: an upgrade is granted by them, or was not. */
void requests_answered(struct requests *requests, const uint8_t *data, size_t len);

#endif
