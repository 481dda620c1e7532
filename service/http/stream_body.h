/* SPDX-License-Identifier: MIT */
/*
 * A body on its way from the server's thread to the handler that reads it, through a ring of
 * bounded size.  The connection is suspended while the ring is full.
 *
 * The server's thread puts, the handler takes and answers; the lock within orders the two,
 * since either side may end first: the client by going away, the handler by an early answer,
 * after which the rest of the body is dropped.
 */
#ifndef SERVICE_HTTP_STREAM_BODY_H
#define SERVICE_HTTP_STREAM_BODY_H

#include "service/http/internal.h"

struct stream_body;

struct stream_body *stream_body_new(struct request *request);
void stream_body_free(struct stream_body *body); /* NULL is fine */

/* The server's thread: takes what there is room for and suspends when that is not all.
 * Returns how much was taken or dropped. */
size_t stream_body_put(struct stream_body *body, const char *data, size_t len);
/* The server's thread: all has come.  True when the answer stands already; else the
 * connection is suspended until it does. */
bool stream_body_finish(struct stream_body *body);
/* The server's thread: the connection is no more. */
void stream_body_gone(struct stream_body *body);

/* The handler: the answer stands; nothing more is read. */
void stream_body_answered(struct stream_body *body);

#endif
