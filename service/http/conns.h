/* SPDX-License-Identifier: MIT */
/*
 * The table of connections and their deadlines.
 *
 * libmicrohttpd's own timeout is one of silence; here each phase of a connection has an
 * absolute end.  A thread of the table's own cuts what is late: it answers 408 where a
 * request is under way, and shuts the socket down, which the library then finds.  The
 * socket itself is closed by the library alone, after conns_remove().  Thread-safe.
 */
#ifndef SERVICE_HTTP_CONNS_H
#define SERVICE_HTTP_CONNS_H

#include "boxcore/base/err.h"

#include <stdint.h>

struct conns;
struct conn;

enum conn_phase {
	CONN_HEAD,  /* a first or further head is on its way */
	CONN_BODY,  /* a body is on its way */
	CONN_WORK,  /* ours to answer: no deadline */
	CONN_REPLY, /* the answer is on its way to the client */
	CONN_IDLE,  /* kept, nothing under way */
	CONN_PHASES,
};

/* `limits` are milliseconds for each phase; 0: none. */
struct conns *conns_new(const int64_t limits[CONN_PHASES], struct err *err);
void conns_free(struct conns *conns); /* all connections must be gone */

struct conn *conns_add(struct conns *conns, int fd); /* in phase HEAD */
void conns_remove(struct conns *conns, struct conn *conn);
/* A new phase starts its deadline. */
void conns_phase(struct conns *conns, struct conn *conn, enum conn_phase phase);
int conn_fd(const struct conn *conn);

unsigned conns_count(struct conns *conns);
uint64_t conns_late(struct conns *conns); /* cut by a deadline so far */

#endif
