/* SPDX-License-Identifier: MIT */
/* Upgraded connections: plain, over TLS, refused, cut, hanging. */
#include "boxcore/net/http_client.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/file.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "tests/lib/peer.h"
#include "tests/lib/tls_peer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SOCKET "/tmp/boxwright-test-upgrade.sock"

static void echo(int fd)
{
	char buf[65536];

	for (ssize_t n; (n = read(fd, buf, sizeof buf)) > 0;)
		peer_write(fd, buf, (size_t)n);
}

static void handle(void *arg, struct peer *peer, int fd)
{
	CLEANUP(peer_request) struct peer_request request = {0};

	(void)arg, (void)peer;
	if (!peer_request(fd, &request))
		return;
	if (str_eq(request.target, "/echo?stream=1")) {
		char value[16];
		bool asked = peer_header(&request, "Upgrade", value, sizeof value) &&
			     str_eq(value, "tcp");
		/* The first bytes come in one piece with the head. */
		peer_printf(fd,
			"HTTP/1.1 %s\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
			"early",
			asked ? "101 UPGRADED" : "200 OK");
		echo(fd);
	} else if (str_eq(request.target, "/missing")) {
		peer_answer(fd, 404, "application/json",
			"{\"message\":\"No such container\"}");
	} else if (str_eq(request.target, "/odd")) {
		peer_answer(fd, 500, "text/plain", "} { not json");
	} else if (str_eq(request.target, "/cut")) {
		peer_printf(fd, "HTTP/1.1 101 UP");
	} else if (str_eq(request.target, "/endless")) {
		while (peer_printf(fd, "X-A: b\r\n"))
			continue;
	} else {
		peer_hang(fd);
	}
}

static int upgrade(const char *url, struct http_duplex **ret, int64_t silence_ms,
	struct cancel *cancel, struct err *err)
{
	struct http_peer where = {.unix_socket = SOCKET, .plain_http = true};
	struct http_request request = {
		.method = "POST", .url = url, .silence_ms = silence_ms};

	return http_upgrade(&where, &request, ret, cancel, err);
}

/* Reads exactly len bytes, waiting by poll() as a link does. */
static void read_all(struct http_duplex *duplex, char *buf, size_t len)
{
	while (len > 0) {
		ssize_t n = http_duplex_read(duplex, buf, len);
		if (n > 0) {
			buf += n;
			len -= (size_t)n;
			continue;
		}
		assert_int_equal(n, -1);
		assert_int_equal(errno, EAGAIN);
		struct pollfd pfd = {.fd = http_duplex_fd(duplex), .events = POLLIN};
		assert_int_equal(poll(&pfd, 1, 5000), 1);
	}
}

/* Sends 2 MB and reads them back meanwhile: neither side may wait for the other. */
static void check_echo(struct http_duplex *duplex)
{
	size_t len = 2000000, sent = 0, got = 0;
	CLEANUP(mem) char *out = mem_alloc(len);
	CLEANUP(mem) char *in = mem_alloc(len);
	char early[5];

	read_all(duplex, early, 5);
	assert_memory_equal(early, "early", 5);
	for (size_t i = 0; i < len; i++)
		out[i] = (char)(i * 31 >> 3);
	while (got < len) {
		struct pollfd pfd = {.fd = http_duplex_fd(duplex),
			.events = (short)(POLLIN | (sent < len ? POLLOUT : 0))};
		assert_true(poll(&pfd, 1, 5000) > 0);
		ssize_t n = 0;
		if (sent < len)
			n = http_duplex_write(duplex, out + sent, len - sent);
		if (n > 0)
			sent += (size_t)n;
		while (got < len &&
			(n = http_duplex_read(duplex, in + got, len - got)) > 0)
			got += (size_t)n;
		assert_true(n != 0 || got == len);
	}
	assert_memory_equal(in, out, len);
}

static void bytes_go_both_ways(void **state)
{
	CLEANUP(http_duplex) struct http_duplex *duplex = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(
		upgrade("http://engine/echo?stream=1", &duplex, 0, NULL, &err), 0);
	check_echo(duplex);
}

static void end_and_cut_are_told(void **state)
{
	CLEANUP(http_duplex) struct http_duplex *duplex = NULL;
	struct err err = {0};
	char buf[16];

	(void)state;
	struct peer *peer = peer_start("/tmp/boxwright-test-upgrade2.sock", handle, NULL);
	struct http_peer where = {
		.unix_socket = "/tmp/boxwright-test-upgrade2.sock", .plain_http = true};
	struct http_request request = {
		.method = "POST", .url = "http://engine/echo?stream=1"};
	assert_int_equal(http_upgrade(&where, &request, &duplex, NULL, &err), 0);
	read_all(duplex, buf, 5);
	peer_stop(peer);
	assert_int_equal(http_duplex_read(duplex, buf, sizeof buf), 0);
	assert_int_equal(http_duplex_write(duplex, buf, sizeof buf), -1);
	assert_int_equal(errno, EPIPE);
}

static void refusals_keep_status_and_message(void **state)
{
	CLEANUP(http_duplex) struct http_duplex *duplex = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(upgrade("http://engine/missing", &duplex, 0, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "answered 404: No such container"));
	assert_int_equal(upgrade("http://engine/odd", &duplex, 0, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_int_equal(upgrade("http://engine/cut", &duplex, 0, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_int_equal(upgrade("http://engine/endless", &duplex, 0, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_null(duplex);
}

static void *fire(void *arg)
{
	usleep(100000);
	cancel_fire(arg, "stop");
	return NULL;
}

static void a_hanging_peer_is_left(void **state)
{
	CLEANUP(http_duplex) struct http_duplex *duplex = NULL;
	CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);
	struct err err = {0};
	pthread_t thread;

	(void)state;
	assert_int_equal(upgrade("http://engine/hang", &duplex, 100, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_int_equal(thread_start(&thread, "fire", fire, cancel, &err), 0);
	assert_int_equal(upgrade("http://engine/hang", &duplex, 60000, cancel, &err), -1);
	thread_join(thread);
	assert_int_equal(err.kind, ERR_CANCELLED);
}

static void over_tls(void **state)
{
	CLEANUP(http_duplex) struct http_duplex *duplex = NULL;
	struct err err = {0};
	char url[64];

	(void)state;
	struct peer *plain = peer_start(NULL, handle, NULL);
	struct tls_peer *tls = tls_peer_start(peer_port(plain));
	snprintf(url, sizeof url, "https://localhost:%u/echo?stream=1",
		tls_peer_port(tls));
	struct http_peer where = {.ca_file = tls_peer_file(tls, "ca.pem"),
		.cert_file = tls_peer_file(tls, "cert.pem"),
		.key_file = tls_peer_file(tls, "key.pem")};
	struct http_request request = {.method = "POST", .url = url};

	assert_int_equal(http_upgrade(&where, &request, &duplex, NULL, &err), 0);
	check_echo(duplex);

	/* Without a certificate of our own, and without trust, there is no connection. */
	struct http_duplex *none = NULL;
	where.cert_file = where.key_file = NULL;
	assert_int_equal(http_upgrade(&where, &request, &none, NULL, &err), -1);
	where.ca_file = NULL;
	assert_int_equal(http_upgrade(&where, &request, &none, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_DENIED);
	http_duplex_free(TAKE(duplex));
	tls_peer_stop(tls);
	peer_stop(plain);
}

static int group_setup(void **state)
{
	*state = peer_start(SOCKET, handle, NULL);
	return 0;
}

static int group_teardown(void **state)
{
	peer_stop(*state);
	return 0;
}

int main(void)
{
	struct err err = {0};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_go_both_ways),
		cmocka_unit_test(end_and_cut_are_told),
		cmocka_unit_test(refusals_keep_status_and_message),
		cmocka_unit_test(a_hanging_peer_is_left),
		cmocka_unit_test(over_tls),
	};

	if (http_global_init(&err) < 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, group_setup, group_teardown);
	http_global_cleanup();
	return failed;
}
