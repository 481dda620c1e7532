/* SPDX-License-Identifier: MIT */
/* Refused ranges: every address is asked, none is read off by eye. */
#include "boxcore/netpolicy.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static uint32_t addr(const char *text)
{
	struct in_addr in;

	assert_int_equal(inet_pton(AF_INET, text, &in), 1);
	return ntohl(in.s_addr);
}

/* Would the routes stop a packet to this address? */
static bool stops(char *const *cidrs, const char *text)
{
	for (; *cidrs; cidrs++) {
		char net[64];
		unsigned bits = 0;
		if (strchr(*cidrs, ':'))
			continue;
		assert_int_equal(sscanf(*cidrs, "%63[^/]/%u", net, &bits), 2);
		uint32_t mask = bits ? ~(uint32_t)0 << (32 - bits) : 0;
		assert_int_equal(addr(net) & ~mask, 0); /* the kernel demands it */
		if ((addr(text) & mask) == addr(net))
			return true;
	}
	return false;
}

static size_t count(char *const *cidrs)
{
	size_t n = 0;

	while (cidrs[n])
		n++;
	return n;
}

static void private_and_special_ranges_are_stopped(void **state)
{
	static const char *const stopped[] = {"0.0.0.1", "10.0.0.0", "10.255.255.255",
		"100.64.0.1", "100.127.255.255", "168.63.129.16", "169.254.169.254",
		"172.16.0.1", "172.31.255.255", "192.0.0.1", "192.168.0.1",
		"192.168.255.255", "198.18.0.1", "198.19.255.255", "224.0.0.1",
		"239.1.1.1", "240.0.0.1", "255.255.255.255"};
	static const char *const open[] = {"1.1.1.1", "9.255.255.255", "11.0.0.0",
		"100.63.255.255", "100.128.0.0", "127.0.0.1", "127.0.0.11",
		"169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
		"192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
		"198.20.0.0", "223.255.255.255"};
	struct netpolicy policy = {0};
	CLEANUP(mem) char **cidrs = netpolicy_cidrs(&policy, "", "");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(stopped); i++)
		assert_true(stops(cidrs, stopped[i]));
	for (size_t i = 0; i < ARRAY_LEN(open); i++)
		assert_false(stops(cidrs, open[i]));
}

static void host_gateway_and_own_subnet_are_stopped(void **state)
{
	struct netpolicy policy = {
		.host = {addr("203.0.113.7"), addr("192.0.2.2")}, .nhost = 2};
	CLEANUP(mem)
	char **cidrs = netpolicy_cidrs(&policy, "203.0.112.64/26", "203.0.112.65");
	bool subnet = false, gateway = false;

	(void)state;
	assert_true(stops(cidrs, "203.0.113.7"));
	assert_false(stops(cidrs, "203.0.113.8"));
	assert_true(stops(cidrs, "192.0.2.2"));
	assert_true(stops(cidrs, "203.0.112.100"));
	assert_false(stops(cidrs, "203.0.112.128"));
	/* The subnet itself must be there as it is: it replaces the connected route. */
	for (size_t i = 0; cidrs[i]; i++) {
		subnet |= str_eq(cidrs[i], "203.0.112.64/26");
		gateway |= str_eq(cidrs[i], "203.0.112.65/32");
	}
	assert_true(subnet);
	assert_true(gateway);
}

static void ranges_are_cut_around_resolvers_only(void **state)
{
	struct netpolicy policy = {.resolvers = {addr("10.255.255.53"), addr("10.0.0.0"),
					   addr("192.168.1.1")},
		.nresolvers = 3};
	CLEANUP(mem)
	char **cidrs = netpolicy_cidrs(&policy, "172.18.0.0/16", "172.18.0.1");
	char text[16];

	(void)state;
	assert_false(stops(cidrs, "10.255.255.53"));
	assert_true(stops(cidrs, "10.255.255.52"));
	assert_true(stops(cidrs, "10.255.255.54"));
	assert_false(stops(cidrs, "10.0.0.0"));
	assert_true(stops(cidrs, "10.0.0.1"));
	assert_false(stops(cidrs, "192.168.1.1"));
	for (unsigned i = 0; i < 256; i++) { /* all neighbours of one of them */
		snprintf(text, sizeof text, "192.168.1.%u", i);
		assert_int_equal(stops(cidrs, text), i != 1);
	}
	assert_true(count(cidrs) <= 128);
}

static void the_most_fits_into_what_boxinit_takes(void **state)
{
	struct netpolicy policy = {.nhost = NETPOLICY_ADDRS, .nresolvers = 3};

	(void)state;
	for (size_t i = 0; i < NETPOLICY_ADDRS; i++)
		policy.host[i] = addr("203.0.113.0") + (uint32_t)i * 2;
	policy.resolvers[0] = addr("10.0.0.53");
	policy.resolvers[1] = addr("10.255.0.53");
	policy.resolvers[2] = addr("10.128.0.53");
	CLEANUP(mem)
	char **cidrs = netpolicy_cidrs(&policy, "172.18.0.0/16", "172.18.0.1");
	assert_true(count(cidrs) <= 256);
}

static void resolvers_are_read(void **state)
{
	struct netpolicy policy = {.host = {addr("192.168.1.10")}, .nhost = 1};
	char dns[NETPOLICY_RESOLVERS][NETPOLICY_DNS_SIZE];
	size_t n = 0;

	(void)state;
	netpolicy_read_resolvers(&policy, "# nameserver 9.9.9.9\n"
					  "search example.com\n"
					  "nameserver 127.0.0.53\n"
					  "nameserver 192.168.1.10\n"
					  "nameserver fd00::1\n"
					  "nameserver 10.0.0.2 # ours\n"
					  "nameserver\t8.8.4.4\n"
					  "nameserver 1.2.3\n"
					  "nameserver 10.0.0.3\nnameserver 10.0.0.4");
	netpolicy_dns(&policy, dns, &n);
	assert_int_equal(n, 3); /* as many as a resolv.conf may have */
	assert_string_equal(dns[0], "10.0.0.2");
	assert_string_equal(dns[1], "8.8.4.4");
	assert_string_equal(dns[2], "10.0.0.3");
	assert_true(policy.resolver_local);
	assert_true(policy.resolver_refused);
}

static void names_are_resolved_somehow(void **state)
{
	struct netpolicy none = {0}, host = {.host = {addr("10.1.1.1")}, .nhost = 1};
	struct netpolicy stub = {0};
	char dns[NETPOLICY_RESOLVERS][NETPOLICY_DNS_SIZE];
	size_t n = 99;

	(void)state;
	netpolicy_read_resolvers(&stub, "nameserver 127.0.0.53\n");
	netpolicy_dns(&stub, dns, &n);
	assert_int_equal(n, 0); /* the engine asks it, outside the box */
	netpolicy_read_resolvers(&host, "nameserver 10.1.1.1\n");
	netpolicy_dns(&host, dns, &n);
	assert_int_equal(n, 2); /* the host is out of reach: public ones */
	netpolicy_dns(&none, dns, &n);
	assert_int_equal(n, 2);
}

static void this_host_can_be_read(void **state)
{
	struct netpolicy policy;
	struct err err = {0};

	(void)state;
	assert_int_equal(netpolicy_gather(&policy, true, &err), 0);
	for (size_t i = 0; i < policy.nhost; i++)
		assert_true(policy.host[i] >> 24 != 127);
	assert_int_equal(netpolicy_gather(&policy, false, &err), 0);
	assert_int_equal(policy.nhost, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(private_and_special_ranges_are_stopped),
		cmocka_unit_test(host_gateway_and_own_subnet_are_stopped),
		cmocka_unit_test(ranges_are_cut_around_resolvers_only),
		cmocka_unit_test(the_most_fits_into_what_boxinit_takes),
		cmocka_unit_test(resolvers_are_read),
		cmocka_unit_test(names_are_resolved_somehow),
		cmocka_unit_test(this_host_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
