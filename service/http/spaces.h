/* SPDX-License-Identifier: MIT */
/*
 * A JSON answer that may take longer than its client waits: after LIMIT_HTTP_QUIET_MS the
 * head is sent, and then a space now and then, which JSON allows before its value.  Node's
 * fetch gives up after five minutes without a head, or without a byte.  One thread.
 */
#ifndef SERVICE_HTTP_SPACES_H
#define SERVICE_HTTP_SPACES_H

#include "service/box/box_run.h"
#include "service/http/request.h"

struct spaces {
	struct request *request;
	bool open; /* the head is gone: the status is 200 for good */
};

/* To pump a drive with: output is thrown away. */
struct box_sink spaces_sink(struct spaces *spaces);
/* The answer, 200; takes the body. */
void spaces_reply(struct spaces *spaces, json_t *body);

#endif
