/* SPDX-License-Identifier: MIT */
/*
 * The box's network, set up before anything else runs and changed while it runs.
 *
 * ALL: routes make the given ranges unreachable while the default route goes on (its next
 * hop was resolved when it was made).  GATED: the packet rules of nft.c are there first,
 * then every address is the box's own (a route in the table that is looked into before all
 * others), then the interfaces go down.  So there is no moment at which a packet leaves
 * that neither mode would let out, and nothing but loopback is left.
 */
#include "boxcore/init/init.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CIDRS_MAX 256
#define CIDR_SIZE 64
#define INTERFACES_MAX 8

static bool is_set;
static bool is_gated;

/* What was made unreachable. */
static struct {
	char text[CIDRS_MAX][CIDR_SIZE];
	uint32_t count;
} closed;

/* What was up before the box was gated, and its way out. */
static struct {
	char names[INTERFACES_MAX][IF_NAMESIZE];
	size_t count;
	uint32_t gateway; /* network byte order; 0: none */
	char gateway_interface[IF_NAMESIZE];
} before;

bool net_is_set(void)
{
	return is_set;
}

bool net_is_gated(void)
{
	return is_gated;
}

/* ---- interfaces ------------------------------------------------------------------------ */

static int interface_set(int fd, const char *name, bool up)
{
	struct ifreq request = {0};

	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return -1;
	if (!(request.ifr_flags & IFF_UP) == !up)
		return 0;
	request.ifr_flags = (short)(request.ifr_flags ^ IFF_UP);
	return ioctl(fd, SIOCSIFFLAGS, &request);
}

static bool interface_is_up(int fd, const char *name)
{
	struct ifreq request = {0};

	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
	return ioctl(fd, SIOCGIFFLAGS, &request) == 0 && request.ifr_flags & IFF_UP;
}

static int loopback_up(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	int rc = interface_set(fd, "lo", true);
	int errnum = errno;
	close(fd);
	errno = errnum;
	return rc;
}

/* The default route: "eth0 00000000 010012AC 0003 ... 00000000 ...", numbers as they lie
 * in memory. */
static void note_gateway(void)
{
	char line[256], name[IF_NAMESIZE];
	unsigned long destination, address;
	unsigned flags;
	FILE *file = fopen("/proc/net/route", "re");

	while (file && fgets(line, sizeof line, file)) {
		/* allowed: bounded word */
		if (sscanf(line, "%15s %lx %lx %x", name, &destination, &address,
			    &flags) == 4 &&
			destination == 0 && flags & 2) {
			before.gateway = (uint32_t)address;
			memcpy(before.gateway_interface, name, sizeof name);
		}
	}
	if (file)
		fclose(file);
}

/* The addresses of the box itself, host byte order. */
static size_t own_addresses(int fd, uint32_t *own, size_t most)
{
	struct ifreq requests[INTERFACES_MAX + 1] = {0};
	struct ifconf list = {.ifc_len = sizeof requests, .ifc_req = requests};
	size_t count = 0;

	if (ioctl(fd, SIOCGIFCONF, &list) < 0)
		return 0;
	for (size_t i = 0; i < (size_t)list.ifc_len / sizeof *requests; i++) {
		struct sockaddr_in in;

		memcpy(&in, &requests[i].ifr_addr, sizeof in);
		uint32_t address = ntohl(in.sin_addr.s_addr);
		if (address >> 24 != 127 && count < most)
			own[count++] = address;
	}
	return count;
}

static int interfaces_down(int fd)
{
	struct if_nameindex *all = if_nameindex();

	if (!all)
		return -1;
	before.count = 0;
	for (struct if_nameindex *at = all; at->if_name; at++) {
		if (strcmp(at->if_name, "lo") == 0 || !interface_is_up(fd, at->if_name))
			continue;
		if (before.count == INTERFACES_MAX ||
			interface_set(fd, at->if_name, false) < 0) {
			if_freenameindex(all);
			return -1;
		}
		memcpy(before.names[before.count++], at->if_name,
			strlen(at->if_name) + 1);
	}
	if_freenameindex(all);
	return 0;
}

static int interfaces_up(int fd)
{
	for (size_t i = 0; i < before.count; i++)
		if (interface_set(fd, before.names[i], true) < 0)
			return -1;
	if (before.gateway && route_default(before.gateway,
				      if_nametoindex(before.gateway_interface)) < 0)
		return -1;
	before.count = 0;
	before.gateway = 0;
	return 0;
}

/* ---- the gate -------------------------------------------------------------------------- */

static int close_for_gate(int fd)
{
	int rc = route_all_local(true);

	/* Whatever failed: as closed as can be. */
	if (interfaces_down(fd) < 0)
		return -1;
	/* Judged like any other destination now.  (A route in the main table would win over a
	 * wider one in the local table, for the kernel looks them up as one.) */
	for (uint32_t i = 0; i < closed.count; i++)
		if (route_unreachable(closed.text[i], false) < 0)
			rc = -1;
	closed.count = 0;
	return rc;
}

static void set_gated(uint32_t stream, int fd)
{
	struct nft_gate gate = {0};

	if (is_gated) {
		out_reply(stream, NULL, 0);
		return;
	}
	is_set = false; /* until all of it stands, nothing is started */
	gate.own_count = own_addresses(fd, gate.own, sizeof gate.own / sizeof *gate.own);
	note_gateway();
	if (gate_open(&gate.tcp_port, &gate.dns_port) < 0) {
		out_fail_errno(stream, errno, "open the gate's ports in the box");
		return;
	}
	int nft = nft_gate(&gate), errnum = errno;
	if (close_for_gate(fd) < 0) {
		out_fail_errno(stream, errno, "take the box's interface down");
		return;
	}
	if (nft < 0) {
		out_fail(stream, PROTO_FAIL_INTERNAL,
			"the kernel of the engine's host refuses the packet rules that a "
			"network policy needs (%s): it must have nf_tables with nat "
			"(CONFIG_NF_TABLES, NF_TABLES_IPV4, NFT_NAT; modprobe nf_tables "
			"nft_nat nft_chain_nat)",
			strerror(errnum));
		return;
	}
	cut_connections();
	is_set = is_gated = true;
	out_reply(stream, NULL, 0);
}

/* The unreachable ranges stand already. */
static int leave_gate(int fd)
{
	if (interfaces_up(fd) < 0 || route_all_local(false) < 0 || nft_clear() < 0)
		return -1;
	tcp_end_gated();
	gate_close();
	is_gated = false;
	return 0;
}

/* ---- the request ----------------------------------------------------------------------- */

static void set_all(uint32_t stream, struct wire *wire, uint32_t count, int fd)
{
	closed.count = 0;
	for (uint32_t i = 0; i < count; i++) {
		char *cidr = closed.text[i];

		wire_string(wire, cidr, CIDR_SIZE);
		if (wire->bad || route_unreachable(cidr, true) < 0) {
			out_fail(stream,
				wire->bad ? PROTO_FAIL_INPUT : fail_of_errno(errno),
				"route for %s: %s", cidr,
				strerror(wire->bad ? EINVAL : errno));
			return;
		}
		closed.count = i + 1;
	}
	if ((is_gated || before.count > 0) && leave_gate(fd) < 0) {
		out_fail_errno(stream, errno, "bring the box's interface up");
		return;
	}
	is_set = true;
	out_reply(stream, NULL, 0);
}

void net_setup(uint32_t stream, struct wire *wire)
{
	uint8_t mode = wire_u8(wire);
	uint32_t count = wire_u32(wire);

	if (wire->bad || count > CIDRS_MAX || mode > PROTO_NETWORK_GATED) {
		out_fail(stream, PROTO_FAIL_INPUT, "malformed request for the network");
		return;
	}
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || loopback_up() < 0) {
		out_fail_errno(stream, errno, "bring up loopback");
		if (fd >= 0)
			close(fd);
		return;
	}
	if (mode == PROTO_NETWORK_GATED)
		set_gated(stream, fd);
	else
		set_all(stream, wire, count, fd);
	close(fd);
}
