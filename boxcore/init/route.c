/* SPDX-License-Identifier: MIT */
/*
 * Routes of the box, by rtnetlink, whose structures are written out here because musl has
 * no kernel headers.
 */
#include "boxcore/init/init.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct netlink_addr {
	uint16_t family, pad;
	uint32_t pid, groups;
};

struct attr {
	uint16_t len, type;
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
	uint8_t attrs[64];
};

struct ack {
	uint32_t len;
	uint16_t type, flags;
	uint32_t seq, pid;
	int32_t error;
	uint8_t rest[1024];
};

enum {
	NL_ROUTE = 0,         /* NETLINK_ROUTE */
	NL_ERROR = 2,         /* NLMSG_ERROR */
	NL_NEW_ROUTE = 24,    /* RTM_NEWROUTE */
	NL_DEL_ROUTE = 25,    /* RTM_DELROUTE */
	NL_PUT = 0x505,       /* REQUEST | ACK | REPLACE | CREATE */
	NL_TAKE = 0x005,      /* REQUEST | ACK */
	NL_TABLE_MAIN = 254,  /* RT_TABLE_MAIN */
	NL_TABLE_LOCAL = 255, /* RT_TABLE_LOCAL: looked into before all others */
	NL_PROTO_STATIC = 4,  /* RTPROT_STATIC */
	NL_UNICAST = 1,       /* RTN_UNICAST */
	NL_LOCAL = 2,         /* RTN_LOCAL */
	NL_UNREACHABLE = 7,   /* RTN_UNREACHABLE */
	NL_SCOPE_HOST = 254,  /* RT_SCOPE_HOST */
	NL_ONLINK = 4,        /* RTNH_F_ONLINK */
	NL_DST = 1,           /* RTA_DST */
	NL_OIF = 4,           /* RTA_OIF */
	NL_GATEWAY = 5,       /* RTA_GATEWAY */
	NL_PREFSRC = 7,       /* RTA_PREFSRC */
};

static void start(struct route_request *request, int type, int flags)
{
	*request = (struct route_request){
		.len = offsetof(struct route_request, attrs),
		.type = (uint16_t)type,
		.flags = (uint16_t)flags,
		.route = {.family = AF_INET,
			.table = NL_TABLE_MAIN,
			.protocol = NL_PROTO_STATIC},
	};
}

/* All that is added here is 4 or 16 bytes long. */
static void add(struct route_request *request, int type, const void *data, size_t len)
{
	struct attr attr = {.len = (uint16_t)(sizeof attr + len), .type = (uint16_t)type};
	uint8_t *at = (uint8_t *)request + request->len;

	memcpy(at, &attr, sizeof attr);
	memcpy(at + sizeof attr, data, len);
	request->len += attr.len;
}

/* 0, or -1 with errno: the kernel's answer. */
static int exchange(struct route_request *request)
{
	struct netlink_addr kernel = {.family = AF_NETLINK};
	struct ack ack = {.error = -EPROTO};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NL_ROUTE);

	if (fd < 0)
		return -1;
	int rc = connect(fd, (void *)&kernel, sizeof kernel);
	if (rc == 0)
		rc = send(fd, request, request->len, 0) < 0 ? -1 : 0;
	if (rc == 0) { /* the kernel has answered within send() */
		ssize_t n = recv(fd, &ack, sizeof ack, 0);

		if (n < (ssize_t)offsetof(struct ack, rest) || ack.type != NL_ERROR)
			ack.error = -EPROTO;
		errno = -ack.error;
		rc = ack.error == 0 ? 0 : -1;
	}
	int errnum = errno;
	close(fd);
	errno = errnum;
	return rc;
}

/* "10.0.0.0/8" or an address alone, into the request; false when it is neither. */
static bool add_cidr(struct route_request *request, const char *text)
{
	char address[64];
	uint8_t dst[16];
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
	if (inet_pton(six ? AF_INET6 : AF_INET, address, dst) != 1)
		return false;
	for (unsigned long bit = bits; bit < most; bit++) /* the kernel wants zeros */
		dst[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
	request->route.family = six ? AF_INET6 : AF_INET;
	request->route.dst_len = (uint8_t)bits;
	add(request, NL_DST, dst, most / 8);
	return true;
}

int route_unreachable(const char *cidr, bool on)
{
	struct route_request request;

	start(&request, on ? NL_NEW_ROUTE : NL_DEL_ROUTE, on ? NL_PUT : NL_TAKE);
	request.route.type = NL_UNREACHABLE;
	if (!add_cidr(&request, cidr)) {
		errno = EINVAL;
		return -1;
	}
	if (exchange(&request) == 0 || (!on && errno == ESRCH))
		return 0;
	/* A box without IPv6 needs no route for it. */
	bool no_ipv6 = errno == EOPNOTSUPP || errno == EAFNOSUPPORT ||
		       errno == EPROTONOSUPPORT || errno == EACCES || errno == ENODEV;
	return request.route.family == AF_INET6 && no_ipv6 ? 0 : -1;
}

int route_all_local(bool on)
{
	struct route_request request;
	uint32_t lo = if_nametoindex("lo"), source = htonl(INADDR_LOOPBACK);

	start(&request, on ? NL_NEW_ROUTE : NL_DEL_ROUTE, on ? NL_PUT : NL_TAKE);
	request.route.table = NL_TABLE_LOCAL;
	request.route.type = NL_LOCAL;
	request.route.scope = NL_SCOPE_HOST;
	add(&request, NL_OIF, &lo, sizeof lo);
	add(&request, NL_PREFSRC, &source, sizeof source);
	if (exchange(&request) == 0)
		return 0;
	return !on && errno == ESRCH ? 0 : -1; /* there was none */
}

int route_default(uint32_t gateway, uint32_t interface)
{
	struct route_request request;

	start(&request, NL_NEW_ROUTE, NL_PUT);
	request.route.type = NL_UNICAST;
	/* The gateway's own net may be unreachable as a destination. */
	request.route.flags = NL_ONLINK;
	add(&request, NL_GATEWAY, &gateway, sizeof gateway);
	add(&request, NL_OIF, &interface, sizeof interface);
	return exchange(&request);
}
