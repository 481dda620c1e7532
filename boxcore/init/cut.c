/* SPDX-License-Identifier: MIT */
/*
 * Ends the box's TCP connections to elsewhere, by the kernel's own table of sockets
 * (sock_diag).  Their programs see ECONNABORTED at once, also those that only wait to read.
 */
#include "boxcore/init/init.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	NL_SOCK_DIAG = 4,
	NL_ERROR = 2,
	NL_DONE = 3,
	BY_FAMILY = 20,
	DESTROY = 21,
	NL_REQUEST = 1,
	NL_ACK = 4,
	NL_DUMP = 0x300,
	TCP = 6,
	STATE_LISTEN = 10,
};

struct socket_id {
	uint16_t sport, dport; /* network byte order, as all of it */
	uint32_t src[4], dst[4];
	uint32_t interface;
	uint32_t cookie[2];
};

struct request {
	uint32_t len;
	uint16_t type, flags;
	uint32_t seq, pid;
	uint8_t family, protocol, extensions, pad;
	uint32_t states;
	struct socket_id id;
};

/* One socket of the kernel's answer. */
struct found {
	uint8_t family, state, timer, retransmits;
	struct socket_id id;
};

/* An IPv4 destination, also one that is written as IPv6; false: another. */
static bool is_loopback(const struct found *found)
{
	const uint8_t *dst = (const uint8_t *)found->id.dst;
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	static const uint8_t own[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

	if (found->family == AF_INET)
		return dst[0] == 127;
	if (memcmp(dst, mapped, sizeof mapped) == 0)
		return dst[12] == 127;
	return memcmp(dst, own, sizeof own) == 0;
}

static void destroy(int fd, const struct found *found)
{
	struct request request = {.len = sizeof request,
		.type = DESTROY,
		.flags = NL_REQUEST | NL_ACK,
		.family = found->family,
		.protocol = TCP,
		.states = ~0U,
		.id = found->id};
	uint8_t ack[512];

	/* What it says does not matter: the socket may have ended by itself, and where the
	 * kernel was built without this the connection stalls, for its interface is down. */
	if (send(fd, &request, sizeof request, 0) > 0)
		recv(fd, ack, sizeof ack, MSG_DONTWAIT);
}

/* The sockets of one part of an answer; true at the end of all. */
static bool read_part(int to, const uint8_t *buf, size_t len)
{
	while (len >= 16) {
		uint32_t size;
		uint16_t type;
		struct found found;

		memcpy(&size, buf, sizeof size);
		memcpy(&type, buf + 4, sizeof type);
		if (type == NL_DONE || type == NL_ERROR || size < 16 || size > len)
			return true;
		if (size >= 16 + sizeof found) {
			memcpy(&found, buf + 16, sizeof found);
			if (found.state != STATE_LISTEN && !is_loopback(&found))
				destroy(to, &found);
		}
		size = (size + 3) & ~3U;
		if (size > len)
			return true;
		buf += size;
		len -= size;
	}
	return false;
}

static int diag_socket(void)
{
	struct {
		uint16_t family, pad;
		uint32_t pid, groups;
	} kernel = {.family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NL_SOCK_DIAG);

	if (fd >= 0 && connect(fd, (void *)&kernel, sizeof kernel) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void cut_family(int from, int to, uint8_t family)
{
	struct request request = {.len = sizeof request,
		.type = BY_FAMILY,
		.flags = NL_REQUEST | NL_DUMP,
		.family = family,
		.protocol = TCP,
		.states = ~(1U << STATE_LISTEN)};
	size_t size = 64 * LIMIT_KIB;
	uint8_t *buf = init_alloc(size);
	ssize_t n;

	if (send(from, &request, sizeof request, 0) > 0)
		while ((n = recv(from, buf, size, 0)) > 0 &&
			!read_part(to, buf, (size_t)n))
			continue;
	free(buf);
}

void cut_connections(void)
{
	int from = diag_socket(), to = diag_socket();

	if (from >= 0 && to >= 0) {
		cut_family(from, to, AF_INET);
		cut_family(from, to, AF_INET6);
	}
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
}
