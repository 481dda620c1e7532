/* SPDX-License-Identifier: MIT */
/*
 * The gate: connections that gated boxes make, judged and carried by the host.
 *
 * One thread moves the bytes of all; a few look names up, which may take its time.  A
 * connection is taken with egress_accept(), its first bytes are read (a TLS hello, the head
 * of an HTTP request; a silent client is judged by its destination after
 * LIMIT_EGRESS_FIRST_MS), and it is refused or connected to an address that was judged too:
 * an address that a name leads to is judged after it was looked up, and that very address is
 * connected to.  A refused TLS connection is cut behind its hello, a refused HTTP request
 * answered with 403.
 *
 * All functions are thread-safe.  Memory is bounded: LIMIT_EGRESS_TOTAL connections, each
 * with what lies in its buffers.
 */
#ifndef BOXCORE_EGRESS_EGRESS_H
#define BOXCORE_EGRESS_EGRESS_H

#include "boxcore/egress/judge.h"

struct egress;

struct egress_options {
	void (*on_verdict)(
		void *arg, const char *box, const struct egress_verdict *verdict);
	void *arg;
};

int egress_new(struct egress **ret_egress, const struct egress_options *options,
	struct err *err);
void egress_free(struct egress *egress); /* cuts all; NULL is fine */
DEFINE_CLEANUP(egress, struct egress *, egress_free(*value))

/* The policy of a box from now on.  Returns when what was open under another one is cut.
 * NULL: all is cut and nothing let through (the box is gone, or is not gated any more). */
void egress_set(struct egress *egress, const char *box, struct egress_policy *policy);

/* Takes over fd, the box's end; does not block.  A box without a policy is refused. */
void egress_accept(struct egress *egress, const char *box, int fd,
	const struct egress_target *target);

int egress_open_connections(struct egress *egress);

/* For tests alone, which have no outside: that name leads to this address and port of this
 * machine, which is let through if the policy lists the name; with port 0 the address is
 * judged like any that a name leads to. */
void egress_pretend(
	struct egress *egress, const char *name, const char *address, uint16_t port);

#endif
