/* SPDX-License-Identifier: MIT */
/*
 * Which addresses a box with a network may not reach, and who resolves names for it.
 *
 * Refused are the host (each address it has, and the bridge's own), the other boxes, private
 * and link-local ranges with the clouds' metadata services, and what is no unicast address.
 * boxinit makes each a blackhole route before anything else runs.  A resolver that lies in a
 * private range is the one thing let through there: the ranges are cut around it, so that
 * ordinary longest-prefix routing does it and no exception is needed in the box.  A resolver
 * that is the host itself is not let through.
 *
 * IPv6 is off in the box network; should it be on all the same, all of it is refused.  Pure
 * but for netpolicy_gather(), which reads the host's interfaces and resolv.conf.
 */
#ifndef BOXCORE_NETPOLICY_H
#define BOXCORE_NETPOLICY_H

#include "boxcore/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETPOLICY_ADDRS 128   /* of a host; boxinit takes 256 ranges in all */
#define NETPOLICY_RESOLVERS 3 /* as many as resolv.conf can use */

struct netpolicy {
	uint32_t host[NETPOLICY_ADDRS]; /* host byte order */
	size_t nhost;
	uint32_t resolvers[NETPOLICY_RESOLVERS];
	size_t nresolvers;
	bool resolver_refused; /* one was the host itself */
	bool resolver_local;   /* one listens on the host's loopback only */
};

/* Reads this host; for an engine elsewhere nothing is known and `local` is false. */
int netpolicy_gather(struct netpolicy *ret_policy, bool local, struct err *err);
/* The lines of a resolv.conf, against policy->host. */
void netpolicy_read_resolvers(struct netpolicy *policy, const char *text);

/* "10.0.0.0/8", ... NULL-ended, in one allocation: free() it.  subnet and gateway are the
 * bridge's ("172.18.0.0/16", "172.18.0.1"; may be empty). */
char **netpolicy_cidrs(
	const struct netpolicy *policy, const char *subnet, const char *gateway);

/* What the box's resolv.conf should name, NULL-ended; empty: what the engine itself finds.
 * Points into `buf`. */
#define NETPOLICY_DNS_SIZE 64
void netpolicy_dns(const struct netpolicy *policy,
	char buf[NETPOLICY_RESOLVERS][NETPOLICY_DNS_SIZE], size_t *ret_count);

#endif
