/* SPDX-License-Identifier: MIT */
/* A client of HTTP for tests; see http_talk.h. */
#include "tests/lib/http_talk.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_MS = 10000, ROOM = 65536 };

int talk_dial(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

void talk_put(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		at += n;
		len -= (size_t)n;
	}
}

void talk_say(int fd, const char *text)
{
	talk_put(fd, text, strlen(text));
}

void talk_hear(int fd, struct strbuf *in, const char *until)
{
	int64_t end = clock_mono_ms() + WAIT_MS;

	while (!until || !strstr(strbuf_str(in), until)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = end - clock_mono_ms();
		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			fail_msg("nothing more came after: %.200s", strbuf_str(in));
		char *room = strbuf_room(in, ROOM);
		assert_non_null(room);
		ssize_t n = recv(fd, room, ROOM, 0);
		strbuf_grown(in, n > 0 ? (size_t)n : 0);
		if (n > 0)
			continue;
		if (until)
			fail_msg("it ended after: %.200s", strbuf_str(in));
		return;
	}
}

int talk_ask(int port, const char *text, struct strbuf *in)
{
	int fd = talk_dial(port);

	talk_say(fd, text);
	talk_hear(fd, in, NULL);
	close(fd);
	return str_starts(strbuf_str(in), "HTTP/1.1 ") ? atoi(in->data + 9) : -1;
}
