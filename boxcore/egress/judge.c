/* SPDX-License-Identifier: MIT */
/* May a connection be made. */
#include "boxcore/egress/judge.h"

#include "boxcore/base/str.h"

static enum judge no(const char **ret_reason, const char *reason)
{
	*ret_reason = reason;
	return JUDGE_NO;
}

enum judge judge_target(const struct egress_policy *policy,
	const struct egress_target *target, const char *said, const char **ret_reason)
{
	bool other = said[0] && !str_eq(said, target->name);

	*ret_reason = NULL;
	if (!target->name[0]) {
		/* What it says of itself proves nothing: the address is where it goes. */
		if (egress_policy_allows(policy, &target->address))
			return JUDGE_ADDRESS;
		return no(ret_reason, "the policy does not list its address");
	}
	if (egress_policy_has_name(policy, target->name)) {
		if (other && !egress_policy_has_name(policy, said))
			return no(ret_reason, "it names another server, which the policy "
					      "does not list");
		return JUDGE_NAME;
	}
	if (!egress_policy_has_cidrs(policy))
		return no(ret_reason, "the policy does not list its name");
	if (other)
		return no(ret_reason, "it names another server than it asked for");
	return JUDGE_CIDR;
}

const char *judge_address(const struct egress_policy *policy, enum judge judge,
	const struct egress_address *address, const struct egress_host *host)
{
	const char *refused =
		egress_address_refused(address, host->addresses, host->count);

	if (refused)
		return refused;
	if (egress_policy_denies(policy, address))
		return "the policy denies its address";
	if (judge != JUDGE_NAME && !egress_policy_allows(policy, address))
		return "the policy lists neither its name nor its address";
	return NULL;
}
