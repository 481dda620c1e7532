/* SPDX-License-Identifier: MIT */
/* Address arithmetic: the refused ranges, cut around the resolvers. */
#include "boxcore/netpolicy.h"

#include "boxcore/base/file.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/egress/policy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

struct cidr {
	uint32_t addr;
	int bits;
};

/* All that is routed, private or link-local. */
static const char *const refused6[] = {"2000::/3", "fc00::/7", "fe80::/10"};

#define CIDRS_MAX (NETPOLICY_ADDRS + 32 * NETPOLICY_RESOLVERS + 32)
#define CIDR_TEXT 20

struct list {
	struct cidr items[CIDRS_MAX];
	size_t count;
};

static uint32_t mask(int bits)
{
	return bits == 0 ? 0 : ~(uint32_t)0 << (32 - bits);
}

static bool contains(struct cidr range, uint32_t addr)
{
	return (addr & mask(range.bits)) == range.addr;
}

static void add(struct list *list, struct cidr item)
{
	for (size_t i = 0; i < list->count; i++) {
		struct cidr have = list->items[i];
		if (have.addr == item.addr && have.bits == item.bits)
			return;
	}
	if (list->count == CIDRS_MAX)
		abort(); /* sized for all that can come */
	list->items[list->count++] = item;
}

/* Adds the range without `hole`: the other half of each step down to it. */
static void add_around(
	struct list *list, struct cidr range, const uint32_t *holes, size_t nholes)
{
	size_t inside = 0;

	while (inside < nholes && !contains(range, holes[inside]))
		inside++;
	if (inside == nholes) {
		add(list, range);
		return;
	}
	if (range.bits == 32)
		return;
	struct cidr low = {range.addr, range.bits + 1};
	struct cidr high = {range.addr | (1U << (31 - range.bits)), range.bits + 1};
	add_around(list, low, holes, nholes);
	add_around(list, high, holes, nholes);
}

static bool parse_addr(const char *text, uint32_t *ret)
{
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1)
		return false;
	*ret = ntohl(in.s_addr);
	return true;
}

static bool parse_cidr(const char *text, struct cidr *ret)
{
	char addr[64];
	uint64_t bits = 0;
	const char *slash = strchr(text, '/');

	if (!slash || (size_t)(slash - text) >= sizeof addr ||
		!str_to_u64(slash + 1, 0, 32, &bits))
		return false;
	memcpy(addr, text, (size_t)(slash - text));
	addr[slash - text] = '\0';
	if (!parse_addr(addr, &ret->addr))
		return false;
	ret->bits = (int)bits;
	ret->addr &= mask(ret->bits);
	return true;
}

static void print_addr(char *buf, size_t size, uint32_t addr)
{
	snprintf(buf, size, "%u.%u.%u.%u", addr >> 24, addr >> 16 & 255, addr >> 8 & 255,
		addr & 255);
}

static char **print_list(const struct list *list)
{
	size_t count = list->count + ARRAY_LEN(refused6);
	size_t pointers = (count + 1) * sizeof(char *);
	char **result = mem_zalloc(pointers + list->count * CIDR_TEXT);
	char *text = (char *)(result + count + 1);

	for (size_t i = 0; i < ARRAY_LEN(refused6); i++)
		result[list->count + i] = (char *)(uintptr_t)refused6[i];
	for (size_t i = 0; i < list->count; i++) {
		char addr[16];
		print_addr(addr, sizeof addr, list->items[i].addr);
		snprintf(text, CIDR_TEXT, "%s/%d", addr, list->items[i].bits);
		result[i] = text;
		text += CIDR_TEXT;
	}
	return result;
}

char **netpolicy_cidrs(
	const struct netpolicy *policy, const char *subnet, const char *gateway)
{
	CLEANUP(mem) struct list *list = mem_zalloc(sizeof *list);
	struct cidr own;
	uint32_t addr = 0;

	for (size_t i = 0; i < egress_refused_v4_count; i++) {
		struct cidr range = {
			egress_refused_v4[i].address, egress_refused_v4[i].bits};

		if (range.addr != 0x7f000000) /* loopback is the box's own */
			add_around(list, range, policy->resolvers, policy->nresolvers);
	}
	for (size_t i = 0; i < policy->nhost; i++)
		add(list, (struct cidr){policy->host[i], 32});
	if (parse_cidr(subnet, &own))
		add(list, own); /* the other boxes; more special than 172.16.0.0/12 */
	if (parse_addr(gateway, &addr))
		add(list, (struct cidr){addr, 32});
	return print_list(list);
}

/* ---- this host ------------------------------------------------------------------------- */

static bool is_host(const struct netpolicy *policy, uint32_t addr)
{
	for (size_t i = 0; i < policy->nhost; i++) {
		if (policy->host[i] == addr)
			return true;
	}
	return false;
}

static void read_nameserver(struct netpolicy *policy, const char *text)
{
	char word[64];
	uint32_t addr = 0;

	/* allowed: bounded word */
	if (sscanf(text, "nameserver %63s", word) != 1 || !parse_addr(word, &addr))
		return;
	if (addr >> 24 == 127 || addr == 0)
		policy->resolver_local = true;
	else if (is_host(policy, addr))
		policy->resolver_refused = true;
	else if (policy->nresolvers < NETPOLICY_RESOLVERS)
		policy->resolvers[policy->nresolvers++] = addr;
}

void netpolicy_read_resolvers(struct netpolicy *policy, const char *text)
{
	while (*text) {
		char line[256];
		size_t n = strcspn(text, "\n");
		snprintf(line, sizeof line, "%.*s", (int)(n < 255 ? n : 255), text);
		read_nameserver(policy, line);
		text += n + (text[n] == '\n');
	}
}

static int read_hosts(struct netpolicy *policy, struct err *err)
{
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) < 0)
		return err_errno(err, errno, "list the host's addresses");
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct sockaddr_in in;
		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET)
			continue;
		memcpy(&in, i->ifa_addr, sizeof in);
		uint32_t addr = ntohl(in.sin_addr.s_addr);
		if (addr >> 24 == 127 || is_host(policy, addr))
			continue;
		if (policy->nhost == NETPOLICY_ADDRS) {
			freeifaddrs(all);
			return err_set(err, ERR_LIMIT,
				"this host has more than %d addresses; boxes with a "
				"network cannot be kept from all of them",
				NETPOLICY_ADDRS);
		}
		policy->host[policy->nhost++] = addr;
	}
	freeifaddrs(all);
	return 0;
}

static void read_file(struct netpolicy *policy, const char *path)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(64 * LIMIT_KIB);
	struct err ignored = {0};

	if (file_read(&text, path, &ignored) == 0)
		netpolicy_read_resolvers(policy, strbuf_str(&text));
}

int netpolicy_gather(struct netpolicy *ret_policy, bool local, struct err *err)
{
	struct netpolicy policy = {0};

	if (local) {
		if (read_hosts(&policy, err) < 0)
			return -1;
		read_file(&policy, "/etc/resolv.conf");
		/* systemd-resolved's stub listens on loopback; behind it stand real ones. */
		if (policy.nresolvers == 0 && policy.resolver_local)
			read_file(&policy, "/run/systemd/resolve/resolv.conf");
	}
	*ret_policy = policy;
	return 0;
}

void netpolicy_dns(const struct netpolicy *policy,
	char buf[NETPOLICY_RESOLVERS][NETPOLICY_DNS_SIZE], size_t *ret_count)
{
	*ret_count = policy->nresolvers;
	for (size_t i = 0; i < policy->nresolvers; i++)
		print_addr(buf[i], NETPOLICY_DNS_SIZE, policy->resolvers[i]);
	/* A resolver on the host's loopback is asked by the engine, outside the box.  Where
	 * there is none that a box may reach, public ones are better than none. */
	if (policy->nresolvers == 0 && !policy->resolver_local) {
		str_copy(buf[0], NETPOLICY_DNS_SIZE, "1.1.1.1");
		str_copy(buf[1], NETPOLICY_DNS_SIZE, "8.8.8.8");
		*ret_count = 2;
	}
}
