/* SPDX-License-Identifier: MIT */
/*
 * The gate without boxes: a socket pair stands for a box's connection, the outside is a
 * listener of the test that the gate takes for a name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "boxcore/egress/egress.h"
#include "tests/lib/peer.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct egress *egress;
static struct peer *echo, *greeter, *web;
static atomic_int told;
static char last_reason[200];

static void serve_echo(void *arg, struct peer *peer, int fd)
{
	static __thread char buf[65536];
	ssize_t n;

	(void)arg;
	(void)peer;
	while ((n = recv(fd, buf, sizeof buf, 0)) > 0)
		if (!peer_write(fd, buf, (size_t)n))
			return;
}

static void serve_greeting(void *arg, struct peer *peer, int fd)
{
	(void)arg;
	(void)peer;
	peer_printf(fd, "220 hello\r\n");
	serve_echo(NULL, NULL, fd);
}

static void serve_web(void *arg, struct peer *peer, int fd)
{
	struct peer_request request;

	(void)arg;
	(void)peer;
	while (peer_request(fd, &request)) {
		peer_answer(fd, 200, "text/plain", request.target);
		peer_request_release(&request);
	}
}

/* On the gate's thread; read after the connection has ended. */
static void on_verdict(void *arg, const char *box, const struct egress_verdict *verdict)
{
	(void)arg;
	(void)box;
	str_copy(last_reason, sizeof last_reason, verdict->reason);
	atomic_fetch_add(&told, 1);
}

static struct egress_policy *policy_of(const char *const *names, const char *const *cidrs)
{
	struct box_policy policy = {.mode = BOX_NETWORK_GATED,
		.allowed_domains = names,
		.allowed_cidrs = cidrs};
	struct egress_policy *made = NULL;
	struct err err = {0};

	if (egress_policy_new(&made, &policy, &err) < 0)
		fail_msg("%s", err.text);
	return made;
}

static void set(const char *box, const char *const *names, const char *const *cidrs)
{
	CLEANUP(egress_policy) struct egress_policy *policy = policy_of(names, cidrs);

	egress_set(egress, box, policy);
}

static const char *const names[] = {"echo.example", "greeter.example", "web.example",
	"shut.example", "nowhere.invalid", "inner.example", NULL};

static int setup(void **state)
{
	struct egress_options options = {.on_verdict = on_verdict};
	struct err err = {0};

	(void)state;
	if (egress_new(&egress, &options, &err) < 0)
		fail_msg("%s", err.text);
	echo = peer_start(NULL, serve_echo, NULL);
	greeter = peer_start(NULL, serve_greeting, NULL);
	web = peer_start(NULL, serve_web, NULL);
	egress_pretend(egress, "echo.example", "127.0.0.1", peer_port(echo));
	egress_pretend(egress, "greeter.example", "127.0.0.1", peer_port(greeter));
	egress_pretend(egress, "web.example", "127.0.0.1", peer_port(web));
	egress_pretend(egress, "shut.example", "127.0.0.1", 1);
	egress_pretend(egress, "inner.example", "192.168.7.7", 0);
	set("box", names, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	egress_free(TAKE(egress));
	peer_stop(echo);
	peer_stop(greeter);
	peer_stop(web);
	return 0;
}

/* ---- a client -------------------------------------------------------------------------- */

/* Another one each time, or a verdict would be the same again, which is not told. */
static uint16_t port = 1000;

static int connect_to(const char *box, const char *name, const char *address)
{
	struct egress_target target = {.port = port};
	struct timeval patience = {.tv_sec = 15};
	int fds[2];

	str_copy(target.name, sizeof target.name, name);
	if (address)
		assert_true(egress_address_parse(address, &target.address));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	egress_accept(egress, box, fds[1], &target);
	return fds[0];
}

static void say(int fd, const char *text)
{
	assert_int_equal(
		send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* All until the end; "?" when it does not come. */
static const char *hear(int fd)
{
	static char text[4096];
	size_t len = 0;
	ssize_t n;

	while ((n = recv(fd, text + len, sizeof text - 1 - len, 0)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	return n < 0 && errno == EAGAIN ? "?" : text;
}

static void hears(int fd, const char *want)
{
	char got[512] = "";
	size_t len = 0;

	while (len < strlen(want)) {
		ssize_t n = recv(fd, got + len, strlen(want) - len, 0);

		assert_true(n > 0);
		len += (size_t)n;
	}
	assert_string_equal(got, want);
}

static void wait_until_none(void)
{
	int64_t until = clock_mono_ms() + 10000;

	while (egress_open_connections(egress) > 0) {
		assert_true(clock_mono_ms() < until);
		poll(NULL, 0, 5);
	}
}

/* ---- carrying -------------------------------------------------------------------------- */

static void test_both_ways(void **state)
{
	(void)state;
	int fd = connect_to("box", "echo.example", NULL);
	say(fd, "hello");
	hears(fd, "hello");
	say(fd, "again");
	hears(fd, "again");
	shutdown(fd, SHUT_WR);
	assert_string_equal(hear(fd), "");
	close(fd);
	wait_until_none();
}

static void test_server_speaks_first(void **state)
{
	(void)state;
	int64_t start = clock_mono_ms();
	int fd = connect_to("box", "greeter.example", NULL);
	hears(fd, "220 hello\r\n");
	assert_true(clock_mono_ms() - start < 5000);
	say(fd, "GET / is no request here"); /* for the server has spoken */
	hears(fd, "GET / is no request here");
	close(fd);
	wait_until_none();
}

#define BULK (8 << 20)

static void *write_bulk(void *arg)
{
	int fd = *(int *)arg;

	for (size_t i = 0; i < BULK; i += 4096) {
		uint8_t part[4096];

		for (size_t k = 0; k < sizeof part; k++)
			part[k] = (uint8_t)((i + k) * 7 + (i >> 12));
		if (!peer_write(fd, part, sizeof part))
			break; /* the reader will miss it */
	}
	shutdown(fd, SHUT_WR);
	return NULL;
}

static void test_much_both_ways(void **state)
{
	struct err err = {0};
	pthread_t writer;

	(void)state;
	int fd = connect_to("box", "echo.example", NULL);
	assert_int_equal(thread_start(&writer, "writer", write_bulk, &fd, &err), 0);
	size_t at = 0;
	for (;;) {
		uint8_t buf[30000];
		ssize_t n = recv(fd, buf, sizeof buf, 0);

		if (n <= 0)
			break;
		for (ssize_t k = 0; k < n; k++, at++) {
			size_t i = at & ~(size_t)4095;

			if (buf[k] != (uint8_t)(at * 7 + (i >> 12)))
				fail_msg("byte %zu", at);
		}
		if (at % 7 == 0)
			poll(NULL, 0, 1); /* a slow reader now and then */
	}
	assert_int_equal(at, BULK);
	thread_join(writer);
	close(fd);
	wait_until_none();
}

static void test_nobody_listens(void **state)
{
	(void)state;
	int fd = connect_to("box", "shut.example", NULL);
	say(fd, "hello");
	assert_string_equal(hear(fd), "");
	close(fd);
	wait_until_none();
}

/* ---- refusing -------------------------------------------------------------------------- */

static void refused(const char *box, const char *name, const char *address,
	const char *first, const char *reason)
{
	port++;
	int fd = connect_to(box, name, address);

	if (first)
		say(fd, first);
	const char *answer = hear(fd);
	if (first && str_starts(first, "GET "))
		assert_true(str_starts(answer, "HTTP/1.1 403 "));
	else
		assert_string_equal(answer, "");
	close(fd);
	wait_until_none();
	if (!strstr(last_reason, reason))
		fail_msg("%s %s: %s", name, address ? address : "", last_reason);
}

static void test_refused(void **state)
{
	static const char *const all[] = {"0.0.0.0/0", "::/0", NULL};

	(void)state;
	refused("box", "evil.example", NULL, NULL, "does not list its name");
	refused("box", "evil.example", NULL, "hello", "does not list its name");
	refused("box", "web.example", NULL,
		"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "names another server");
	refused("box", "web.example", NULL, "GET / HTTP/1.1\r\n\r\n", "malformed");
	refused("box", "web.example", NULL, "\x16\x03\x01\x01\x01\x02\x01\x01",
		"malformed");
	refused("box", "", "1.2.3.4", "hello", "does not list its address");
	/* A listed name that leads into the house. */
	refused("box", "inner.example", NULL, "hello", "private");
	refused("box", "nowhere.invalid", NULL, "hello", "leads to no address");
	set("wide", NULL, all);
	refused("wide", "", "127.0.0.1", "hello", "address of this host");
	refused("wide", "", "10.0.0.1", "hello", "private");
	refused("wide", "", "169.254.169.254", NULL, "private");
	refused("wide", "inner.example", NULL, "hello", "private");
	egress_set(egress, "wide", NULL);
}

static void test_box_without_policy(void **state)
{
	(void)state;
	int fd = connect_to("stranger", "echo.example", NULL);
	assert_string_equal(hear(fd), "");
	close(fd);
	assert_int_equal(egress_open_connections(egress), 0);
}

static void test_late_first_bytes_are_judged(void **state)
{
	(void)state;
	int fd = connect_to("box", "echo.example", NULL);
	poll(NULL, 0,
		LIMIT_EGRESS_FIRST_MS + 300); /* connected meanwhile, for it is listed */
	say(fd, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
	assert_string_equal(hear(fd), "");
	close(fd);
	wait_until_none();
	assert_non_null(strstr(last_reason, "names another server"));
}

static void test_half_a_request_goes_nowhere(void **state)
{
	(void)state;
	int fd = connect_to("box", "echo.example", NULL);
	say(fd, "GET / HTTP/1.1\r\nHost: echo.example\r\n\r\nGET /half");
	hears(fd, "GET / HTTP/1.1\r\nHost: echo.example\r\n\r\n");
	shutdown(fd, SHUT_WR);
	assert_string_equal(hear(fd), "");
	close(fd);
	wait_until_none();
}

/* ---- bounds and changes ---------------------------------------------------------------- */

static void test_connections_are_bounded(void **state)
{
	static int fds[LIMIT_EGRESS_CONNECTIONS];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = connect_to("box", "evil.example", NULL);
	int one_more = connect_to("box", "echo.example", NULL);
	assert_string_equal(hear(one_more), "");
	close(one_more);
	set("other", names, NULL); /* another box is not held up */
	int other = connect_to("other", "echo.example", NULL);
	say(other, "hello");
	hears(other, "hello");
	close(other);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	wait_until_none();
	egress_set(egress, "other", NULL);
}

static void test_another_policy_cuts(void **state)
{
	static const char *const fewer[] = {"echo.example", NULL};

	(void)state;
	int fd = connect_to("box", "echo.example", NULL);
	say(fd, "hello");
	hears(fd, "hello");
	set("box", names, NULL); /* the same */
	say(fd, "hello");
	hears(fd, "hello");
	set("box", fewer, NULL);
	assert_int_equal(egress_open_connections(egress), 0);
	assert_string_equal(hear(fd), "");
	close(fd);
	set("box", names, NULL);
}

static void test_not_told_again(void **state)
{
	(void)state;
	int before = atomic_load(&told);
	for (int i = 0; i < 20; i++) {
		int fd = connect_to("box", "twice.example", NULL);

		say(fd, "hello");
		hear(fd);
		close(fd);
	}
	wait_until_none();
	assert_int_equal(atomic_load(&told), before + 1);
	set("noisy", names, NULL);
	before = atomic_load(&told);
	for (int i = 0; i < LIMIT_EGRESS_TOLD + 20; i++) {
		char name[40];

		snprintf(name, sizeof name, "n%d.example", i);
		refused("noisy", name, NULL, "hello", "");
	}
	assert_int_equal(atomic_load(&told), before + LIMIT_EGRESS_TOLD);
	egress_set(egress, "noisy", NULL);
}

static void test_ends_with_open_connections(void **state)
{
	int fds[20];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = connect_to(
			"box", i % 2 ? "echo.example" : "nowhere.invalid", NULL);
		if (i % 3)
			say(fds[i], "hello");
	}
	teardown(NULL);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	setup(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_server_speaks_first),
		cmocka_unit_test(test_much_both_ways),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_box_without_policy),
		cmocka_unit_test(test_late_first_bytes_are_judged),
		cmocka_unit_test(test_half_a_request_goes_nowhere),
		cmocka_unit_test(test_connections_are_bounded),
		cmocka_unit_test(test_another_policy_cuts),
		cmocka_unit_test(test_not_told_again),
		cmocka_unit_test(test_ends_with_open_connections),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
