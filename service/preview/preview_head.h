/* SPDX-License-Identifier: MIT */
/*
 * Heads of requests and answers that pass a public URL.  Pure functions over bytes; both
 * sides are hostile: the visitor, and the box that answers.
 */
#ifndef SERVICE_PREVIEW_PREVIEW_HEAD_H
#define SERVICE_PREVIEW_PREVIEW_HEAD_H

#include "boxcore/base/strbuf.h"
#include "service/relay/head.h"

#include <stdbool.h>

/* What an Authorization header brings; digests in lower-case hex of SHA-256, "" for none. */
struct preview_claim {
	char token[65];    /* of a bearer token */
	char password[65]; /* of the password, when the user is "user" */
};
void preview_claim_read(const struct relay_head *head, struct preview_claim *ret_claim);

/* "sweet-shark-26021-3000.preview.example.com" below `domain` (without scheme, port or
 * slash): the box and the port.  false for everything else. */
#define PREVIEW_BOX_SIZE 64
bool preview_host_split(struct slice host, const char *domain,
	char ret_box[PREVIEW_BOX_SIZE], int *ret_port);

/* Appends the head that goes to the box: as it came, but without hop-by-hop headers and
 * without Authorization when that opened the door, with Connection: close (or the upgrade
 * that was asked for) and what a reverse proxy tells. */
void preview_request_head(struct strbuf *out, const struct relay_head *head,
	bool drop_authorization, const char *peer);

/* The box's answer: its head of `len` bytes (relay_head_length()), rewritten so that the
 * connection ends with it.  Returns the status, or 0 when it is no HTTP/1 answer; 101 is
 * passed as it is.  Interim answers (100 to 199) are appended as they are. */
int preview_answer_head(struct strbuf *out, const char *data, size_t len);

#endif
