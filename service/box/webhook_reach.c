/* SPDX-License-Identifier: MIT */
/*
 * Where a webhook may go.  It leaves this machine from inside its network, so an account that
 * may name any address would reach what only the service can: its own API on loopback, the
 * metadata of a cloud, the neighbours.
 */
#include "service/box/drive.h"

#include "boxcore/egress/policy.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

#define HOST_MAX 256

static bool read_address(const struct sockaddr *from, struct egress_address *ret)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (from->sa_family == AF_INET) {
		memcpy(&in, from, sizeof in);
		*ret = egress_address_v4(ntohl(in.sin_addr.s_addr));
		return true;
	}
	if (from->sa_family != AF_INET6)
		return false;
	memcpy(&in6, from, sizeof in6);
	memcpy(ret->bytes, &in6.sin6_addr, sizeof ret->bytes);
	return true;
}

const char *webhook_refuse(const struct sockaddr *address)
{
	struct egress_address host[HOST_MAX], to;
	struct ifaddrs *all = NULL;
	size_t count = 0;

	if (!read_address(address, &to))
		return "it is no address of the internet";
	if (getifaddrs(&all) < 0)
		return "the addresses of this host are not known now";
	for (struct ifaddrs *at = all; at && count < HOST_MAX; at = at->ifa_next)
		if (at->ifa_addr && read_address(at->ifa_addr, &host[count]))
			count++;
	freeifaddrs(all);
	return egress_address_refused(&to, host, count);
}

bool webhook_goes_anywhere(const struct boxes *boxes, const char *account)
{
	const char *who = boxes->options.config->box_webhook_private;

	return str_eq(who, "all") ||
	       (str_eq(who, "operator") && str_eq(account, BOX_OPERATOR));
}
