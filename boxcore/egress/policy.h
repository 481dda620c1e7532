/* SPDX-License-Identifier: MIT */
/*
 * Whom a gated box may reach: the lists of a policy, read once, and the addresses that no
 * list opens.  Pure code.
 *
 * Names are compared in small letters without a last dot.  "*.example.com" is every name
 * below example.com, not itself.  Addresses: refused for good, then denied, then allowed.
 */
#ifndef BOXCORE_EGRESS_POLICY_H
#define BOXCORE_EGRESS_POLICY_H

#include "boxcore/base/err.h"
#include "boxcore/base/limits.h"
#include "boxcore/boxcore.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An IPv4 address is kept as IPv6 maps it (::ffff:a.b.c.d), so there is one form of each. */
struct egress_address {
	uint8_t bytes[16];
};
#define EGRESS_ADDRESS_TEXT 46
bool egress_address_parse(const char *text, struct egress_address *ret_address);
void egress_address_print(
	const struct egress_address *address, char ret_text[EGRESS_ADDRESS_TEXT]);
struct egress_address egress_address_v4(uint32_t host_order);
bool egress_address_is_v4(const struct egress_address *address);

/* IPv4 ranges that are nobody's outside: private, link-local, metadata, multicast, ... */
struct egress_range {
	uint32_t address; /* host byte order */
	int bits;
};
extern const struct egress_range egress_refused_v4[];
extern const size_t egress_refused_v4_count;

/* Why nobody reaches it whatever a policy says, or NULL.  `host` are this machine's own. */
const char *egress_address_refused(const struct egress_address *address,
	const struct egress_address *host, size_t host_count);

/* A name as it is compared: false when it is none (empty, too long, other characters). */
bool egress_name_normalize(
	const char *text, size_t len, char ret_name[LIMIT_EGRESS_NAME + 1]);

/* Counted: egress_policy_drop() of the last owner frees.  Any thread. */
struct egress_policy;
int egress_policy_new(struct egress_policy **ret_policy, const struct box_policy *policy,
	struct err *err);
struct egress_policy *egress_policy_take(struct egress_policy *policy);
void egress_policy_drop(struct egress_policy *policy); /* NULL is fine */
DEFINE_CLEANUP(egress_policy, struct egress_policy *, egress_policy_drop(*value))

bool egress_policy_has_name(const struct egress_policy *policy, const char *name);
bool egress_policy_has_cidrs(const struct egress_policy *policy); /* allowed ones */
bool egress_policy_allows(
	const struct egress_policy *policy, const struct egress_address *address);
bool egress_policy_denies(
	const struct egress_policy *policy, const struct egress_address *address);
bool egress_policy_equal(const struct egress_policy *a, const struct egress_policy *b);

#endif
