/* SPDX-License-Identifier: MIT */
/* The listening socket; see listen.h. */
#include "service/http/listen.h"

#include "boxcore/base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

enum { BACKLOG = 511, DESCRIPTORS_KEPT = 256, CONNECTIONS_MIN = 64 };

union any_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static bool parse(const char *text, int port, union any_address *ret, socklen_t *ret_len)
{
	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &ret->v4.sin_addr) == 1) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = htons((uint16_t)port);
		*ret_len = sizeof(ret->v4);
		return true;
	}
	if (inet_pton(AF_INET6, text, &ret->v6.sin6_addr) == 1) {
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = htons((uint16_t)port);
		*ret_len = sizeof(ret->v6);
		return true;
	}
	return false;
}

bool listen_is_loopback(const char *address)
{
	union any_address a;
	socklen_t len;

	if (!parse(address, 0, &a, &len))
		return false;
	if (a.any.sa_family == AF_INET)
		return ntohl(a.v4.sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&a.v6.sin6_addr);
}

static int bound_port(int fd, int *ret_port, struct err *err)
{
	union any_address a = {0};
	socklen_t len = sizeof(a);

	if (getsockname(fd, &a.any, &len) < 0)
		return err_errno(err, errno, "The listening socket's port is not known");
	*ret_port = ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
	return 0;
}

int listen_open(const char *address, int port, int *ret_port, struct err *err)
{
	CLEANUP(fd) int fd = -1;
	union any_address a;
	socklen_t len;
	int on = 1;

	if (port > UINT16_MAX || port < -1)
		return err_set(
			err, ERR_INPUT, "The port %d is not between 1 and 65535", port);
	if (!parse(address, port < 0 ? 0 : port, &a, &len))
		return err_set(err, ERR_INPUT,
			"The address to listen on must be numeric, like 127.0.0.1 or "
			"::1; "
			"\"%s\" is not",
			address);
	fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(err, errno, "A socket cannot be made");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		bind(fd, &a.any, len) < 0 || listen(fd, BACKLOG) < 0)
		return err_errno(err, errno,
			"The service cannot listen on %s port %d (is it running already, "
			"or another program there?)",
			address, port);
	if (bound_port(fd, ret_port, err))
		return -1;
	return take_fd(&fd);
}

unsigned listen_connections(unsigned wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return wanted;
	rlim_t room = limit.rlim_cur > DESCRIPTORS_KEPT + CONNECTIONS_MIN
			      ? limit.rlim_cur - DESCRIPTORS_KEPT
			      : CONNECTIONS_MIN;
	return room < wanted ? (unsigned)room : wanted;
}
