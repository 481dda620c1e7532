/* SPDX-License-Identifier: MIT */
/*
 * The box's network, set up once before anything else runs: loopback up, and for a box
 * with an interface, routes that make the given ranges unreachable while the default
 * route goes on (its next hop was resolved when it was made).  By rtnetlink, whose
 * structures are written out here because musl has no kernel headers.
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

struct netlink_addr {
	uint16_t family, pad;
	uint32_t pid, groups;
};

struct route_request {
	uint32_t len;
	uint16_t type, flags;
	uint32_t seq, pid;
	struct {
		uint8_t family, dst_len, src_len, tos;
		uint8_t table, protocol, scope, type;
		uint32_t flags;
	} route;
	struct {
		uint16_t len, type;
	} attr;
	uint8_t dst[16];
};

struct ack {
	uint32_t len;
	uint16_t type, flags;
	uint32_t seq, pid;
	int32_t error;
	uint8_t rest[1024];
};

enum {
	NL_ROUTE = 0,        /* NETLINK_ROUTE */
	NL_ERROR = 2,        /* NLMSG_ERROR */
	NL_NEW_ROUTE = 24,   /* RTM_NEWROUTE */
	NL_FLAGS = 0x505,    /* REQUEST | ACK | REPLACE | CREATE */
	NL_TABLE_MAIN = 254, /* RT_TABLE_MAIN */
	NL_PROTO_STATIC = 4, /* RTPROT_STATIC */
	NL_UNREACHABLE = 7,  /* RTN_UNREACHABLE */
	NL_DST = 1,          /* RTA_DST */
};

static bool is_set;

bool net_is_set(void)
{
	return is_set;
}

static int loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	int rc = ioctl(fd, SIOCGIFFLAGS, &request);
	if (rc == 0 && !(request.ifr_flags & IFF_UP)) {
		request.ifr_flags |= IFF_UP;
		rc = ioctl(fd, SIOCSIFFLAGS, &request);
	}
	int errnum = errno;
	close(fd);
	errno = errnum;
	return rc;
}

/* "10.0.0.0/8" or an address alone; false when it is neither. */
static bool parse_cidr(const char *text, struct route_request *request)
{
	char address[64];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);

	if (len >= sizeof address)
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	bool six = strchr(address, ':');
	unsigned long most = six ? 128 : 32, bits = most;
	if (slash) {
		char *end;

		bits = strtoul(slash + 1, &end, 10);
		if (*end || end == slash + 1 || bits > most || bits == 0)
			return false;
	}
	request->route.family = six ? AF_INET6 : AF_INET;
	request->route.dst_len = (uint8_t)bits;
	request->attr.len = (uint16_t)(sizeof request->attr + most / 8);
	return inet_pton(six ? AF_INET6 : AF_INET, address, request->dst) == 1;
}

/* Host bits must be zero for the kernel. */
static void mask(struct route_request *request)
{
	for (unsigned bit = request->route.dst_len; bit < 128; bit++)
		request->dst[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
}

/* 0, or -1 with errno: the kernel's answer. */
static int exchange(int fd, struct route_request *request)
{
	struct ack ack;

	request->len =
		(uint32_t)(offsetof(struct route_request, attr) + request->attr.len);
	if (send(fd, request, request->len, 0) < 0)
		return -1;
	ssize_t n = recv(fd, &ack, sizeof ack, 0); /* the kernel answers within send() */
	if (n < (ssize_t)offsetof(struct ack, rest) || ack.type != NL_ERROR) {
		errno = EPROTO;
		return -1;
	}
	errno = -ack.error;
	return ack.error == 0 ? 0 : -1;
}

static int unreachable(int fd, const char *cidr)
{
	struct route_request request = {
		.type = NL_NEW_ROUTE,
		.flags = NL_FLAGS,
		.route = {.table = NL_TABLE_MAIN,
			.protocol = NL_PROTO_STATIC,
			.type = NL_UNREACHABLE},
		.attr = {.type = NL_DST},
	};

	errno = EINVAL;
	if (!parse_cidr(cidr, &request))
		return -1;
	mask(&request);
	if (exchange(fd, &request) == 0)
		return 0;
	/* A box without IPv6 needs no route for it. */
	bool no_ipv6 = errno == EOPNOTSUPP || errno == EAFNOSUPPORT ||
		       errno == EPROTONOSUPPORT || errno == EACCES || errno == ENODEV;
	return request.route.family == AF_INET6 && no_ipv6 ? 0 : -1;
}

void net_setup(uint32_t stream, struct wire *wire)
{
	struct netlink_addr kernel = {.family = AF_NETLINK};
	uint8_t mode = wire_u8(wire);
	uint32_t count = wire_u32(wire);
	char cidr[64];

	if (wire->bad || count > CIDRS_MAX || mode > PROTO_NETWORK_TUNNEL) {
		out_fail(stream, PROTO_FAIL_INPUT, "malformed request for the network");
		return;
	}
	if (loopback_up() < 0) {
		out_fail_errno(stream, errno, "bring up loopback");
		return;
	}
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NL_ROUTE);
	if (fd < 0 || connect(fd, (void *)&kernel, sizeof kernel) < 0) {
		out_fail_errno(stream, errno, "open rtnetlink");
		if (fd >= 0)
			close(fd);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		wire_string(wire, cidr, sizeof cidr);
		if (wire->bad || unreachable(fd, cidr) < 0) {
			out_fail(stream,
				wire->bad ? PROTO_FAIL_INPUT : fail_of_errno(errno),
				"route for %s: %s", cidr,
				strerror(wire->bad ? EINVAL : errno));
			close(fd);
			return;
		}
	}
	close(fd);
	is_set = true;
	out_reply(stream, NULL, 0);
}
