/* SPDX-License-Identifier: MIT */
/*
 * May a connection be made: the policy, where it was to go, and what it said of itself.
 * Pure code.
 */
#ifndef BOXCORE_EGRESS_JUDGE_H
#define BOXCORE_EGRESS_JUDGE_H

#include "boxcore/egress/policy.h"

struct egress_target {
	char name[LIMIT_EGRESS_NAME + 1]; /* normalized; "": the address alone */
	struct egress_address address;    /* without a name */
	uint16_t port;
};

enum judge {
	JUDGE_NO,
	JUDGE_ADDRESS, /* to target->address */
	JUDGE_NAME,    /* to any address of the name that is neither refused nor denied */
	JUDGE_CIDR,    /* to those addresses of the name that the policy lists */
};
/* said: the server name of a TLS hello or the Host of a request; "": none.  *ret_reason
 * says why not. */
enum judge judge_target(const struct egress_policy *policy,
	const struct egress_target *target, const char *said, const char **ret_reason);

/* This machine's addresses, which no box reaches. */
struct egress_host {
	const struct egress_address *addresses;
	size_t count;
};
/* May this address be connected to under that judgement (not JUDGE_NO)?  NULL, or why not. */
const char *judge_address(const struct egress_policy *policy, enum judge judge,
	const struct egress_address *address, const struct egress_host *host);

#endif
