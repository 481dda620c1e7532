/* SPDX-License-Identifier: MIT */
/*
 * The git relay between a box that lies and a GitHub that fails, on real sockets.  Every byte
 * that the box ever receives is searched for the token.
 */
#include "service/relay/git_relay.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "boxcore/net/http_client.h"
#include "tests/lib/peer.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TOKEN "ghp_canary0123456789"
#define BASIC "eC1hY2Nlc3MtdG9rZW46Z2hwX2NhbmFyeTAxMjM0NTY3ODk="

enum mode { GOOD, REFUSE, FORBID, MISS, MOVE, ECHO_TOKEN, CUT, HANG, PAGE };

struct world {
	struct peer *peer;
	_Atomic enum mode mode;
	struct secret token;
	struct git_relay *relay;
	struct cancel *cancel;
	struct lock lock;
	char head[8192], target[1024];
	size_t body_len;
	unsigned body_sum;
	_Atomic int asked;
};

/* ---- GitHub ---------------------------------------------------------------------------- */

static bool provide(struct world *world, int fd)
{
	static const char good[] =
		"HTTP/1.1 200 OK\r\nContent-Type: "
		"application/x-git-upload-pack-advertisement\r\n"
		"Set-Cookie: session=" TOKEN "\r\nX-Token: " TOKEN "\r\n"
		"Cache-Control: no-cache\r\n";

	switch (world->mode) {
	case GOOD:
		peer_printf(fd, "%sTransfer-Encoding: chunked\r\n\r\n", good);
		return peer_printf(fd, "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
	case REFUSE: return peer_answer(fd, 401, "text/plain", "bad " TOKEN);
	case FORBID: return peer_answer(fd, 403, "text/plain", "no " TOKEN);
	case MISS: return peer_answer(fd, 404, "text/plain", "what?");
	case MOVE:
		return peer_printf(fd, "HTTP/1.1 301 Moved\r\nLocation: "
				       "http://evil.example/" TOKEN "\r\n"
				       "Content-Length: 2\r\n\r\nno");
	case ECHO_TOKEN: return peer_answer(fd, 500, "text/plain", TOKEN " " BASIC);
	case CUT:
		peer_printf(
			fd, "%sTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", good);
		return false;
	case HANG: peer_hang(fd); return false;
	case PAGE: return peer_answer(fd, 200, "text/html", "<html>");
	}
	return false;
}

static void on_connection(void *arg, struct peer *peer, int fd)
{
	struct world *world = arg;

	(void)peer;
	for (;;) {
		CLEANUP(peer_request) struct peer_request request = {0};
		if (!peer_request(fd, &request))
			return;
		lock_take(&world->lock);
		world->asked++;
		str_copy(world->head, sizeof world->head, request.head);
		str_copy(world->target, sizeof world->target, request.target);
		world->body_len = request.body_len;
		world->body_sum = 0;
		for (size_t i = 0; i < request.body_len; i++)
			world->body_sum =
				world->body_sum * 31 + (unsigned char)request.body[i];
		lock_give(&world->lock);
		if (!provide(world, fd))
			return;
	}
}

/* ---- the box --------------------------------------------------------------------------- */

static int dial(struct world *world)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	git_relay_accept(world->relay, "box", pair[1]);
	return pair[0];
}

/* Until the connection ends, or `until` stands in it (NULL: never). */
static char *hear(int fd, const char *until)
{
	CLEANUP(strbuf) struct strbuf got = STRBUF_INIT(64 * LIMIT_MIB);
	char buf[65536];
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	while (poll(&pfd, 1, 20000) > 0) {
		ssize_t n = recv(fd, buf, sizeof buf, 0);

		if (n <= 0)
			break;
		strbuf_add(&got, buf, (size_t)n);
		if (until && strstr(strbuf_str(&got), until))
			break;
	}
	assert_null(strstr(strbuf_str(&got), TOKEN));
	assert_null(strstr(strbuf_str(&got), BASIC));
	return strbuf_take(&got);
}

static void say(int fd, const char *text)
{
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return; /* a refusal may come before all was said */
}

/* One request on a connection of its own; what came. */
static char *ask(struct world *world, const char *text)
{
	int fd = dial(world);

	say(fd, text);
	shutdown(fd, SHUT_WR);
	char *got = hear(fd, NULL);
	close(fd);
	return got;
}

static int status_of(const char *answer)
{
	return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : 0;
}

static void expect(struct world *world, int status, const char *text)
{
	CLEANUP(mem) char *got = ask(world, text);

	if (status_of(got) != status)
		fail_msg("%s\ngave %s", text, got);
}

#define REFS "/o/r.git/info/refs?service=git-upload-pack"
#define GET(target) "GET " target " HTTP/1.1\r\nHost: x\r\n\r\n"

/* ---- worlds ---------------------------------------------------------------------------- */

static void relay_make(struct world *world, bool push)
{
	char url[64];

	snprintf(url, sizeof url, "http://127.0.0.1:%d", peer_port(world->peer));
	struct git_relay_spec spec = {
		.web_url = url,
		.owner = "o",
		.name = "r",
		.token = &world->token,
		.push = push,
		.plain_http = true,
		.cancel = world->cancel,
	};
	world->relay = git_relay_new(&spec);
}

static int setup(void **state)
{
	struct world *world = mem_zalloc(sizeof *world);

	lock_init(&world->lock);
	world->cancel = cancel_new(NULL);
	secret_set(&world->token, TOKEN, strlen(TOKEN));
	world->peer = peer_start(NULL, on_connection, world);
	relay_make(world, false);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	git_relay_free(world->relay);
	peer_stop(world->peer);
	secret_release(&world->token);
	cancel_free(world->cancel);
	lock_release(&world->lock);
	free(world);
	return 0;
}

/* ---- cases ----------------------------------------------------------------------------- */

static void test_what_passes(void **state)
{
	struct world *world = *state;
	int fd = dial(world);

	/* Two requests on one connection; nothing of the box's own credentials goes out. */
	for (int i = 0; i < 2; i++) {
		say(fd, "GET " REFS " HTTP/1.1\r\nHost: 127.0.0.1:7333\r\n"
			"User-Agent: git/2.39\r\nAccept: */*\r\nGit-Protocol: "
			"version=2\r\n"
			"Authorization: Basic b3duOm93bg==\r\nCookie: a=b\r\n"
			"X-Forwarded-For: 1.2.3.4\r\nAccept-Encoding: gzip\r\n\r\n");
		CLEANUP(mem) char *got = hear(fd, "0\r\n\r\n");
		if (status_of(got) != 200 || !strstr(got, "5\r\nhello\r\n"))
			fail_msg("request %d gave %s", i, got);
		assert_non_null(strstr(got, "x-git-upload-pack-advertisement"));
		assert_null(strcasestr(got, "cookie"));
		assert_null(strcasestr(got, "x-token"));
	}
	close(fd);
	LOCKED(&world->lock);
	assert_string_equal(world->target, REFS);
	assert_non_null(strcasestr(world->head, "authorization: Basic " BASIC "\r\n"));
	assert_non_null(strcasestr(world->head, "git-protocol: version=2\r\n"));
	assert_null(strstr(world->head, "b3duOm93bg=="));
	assert_null(strcasestr(world->head, "cookie"));
	assert_null(strcasestr(world->head, "x-forwarded"));
	assert_null(strcasestr(world->head, "gzip"));
}

static void test_spellings(void **state)
{
	struct world *world = *state;

	expect(world, 200, GET("/o/r/info/refs?service=git-upload-pack"));
	assert_string_equal(world->target, REFS);
	expect(world, 200, GET("/O/R.GIT/info/refs?service=git-upload-pack"));
	assert_string_equal(world->target, REFS);
}

static void test_what_does_not_pass(void **state)
{
	struct world *world = *state;
	static const struct {
		int status;
		const char *text;
	} cases[] = {
		{403, GET("/o/other.git/info/refs?service=git-upload-pack")},
		{403, GET("/o/r-other/info/refs?service=git-upload-pack")},
		{403, GET("/other/r.git/info/refs?service=git-upload-pack")},
		{403, GET("/o/r.git.git/info/refs?service=git-upload-pack")},
		{403, GET("//o/r.git/info/refs?service=git-upload-pack")},
		{403, GET("/o/%72.git/info/refs?service=git-upload-pack")},
		{403, GET("/o/x/../r.git/info/refs?service=git-upload-pack")},
		{404, GET("/o/r.git/../other.git/info/refs?service=git-upload-pack")},
		{404, GET("/o/r.git/info/refs")},
		{404, GET("/o/r.git/info/refs?service=git-upload-pack&x=1")},
		{404, GET("/o/r.git/info/refs?service=git-upload-archive")},
		{404, GET("/o/r.git/HEAD")},
		{404, GET("/o/r.git/objects/info/packs")},
		{404, GET("/o/r.git/info/lfs/objects/batch")},
		{404, GET("/o/r.git/git-upload-pack")},
		{403, GET("/")},
		{400, GET("http://evil.example/o/r.git/info/"
			  "refs?service=git-upload-pack")},
		/* Writing is not what this command does. */
		{403, GET("/o/r.git/info/refs?service=git-receive-pack")},
		{403, "POST /o/r.git/git-receive-pack HTTP/1.1\r\nHost: x\r\n"
		      "Content-Length: 4\r\n\r\n0000"},
		/* Two readings of one request. */
		{400, "GET " REFS " HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"},
		{400, "GET " REFS " HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"},
		{400, "POST /o/r.git/git-upload-pack HTTP/1.1\r\nHost: x\r\n"
		      "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0000"},
		{415, "POST /o/r.git/git-upload-pack HTTP/1.1\r\nHost: x\r\n"
		      "Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx"},
		{505, "GET " REFS " HTTP/1.0\r\nHost: x\r\n\r\n"},
		{404, "PUT " REFS " HTTP/1.1\r\nHost: x\r\n\r\n"},
		{400, "nonsense\r\n\r\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		expect(world, cases[i].status, cases[i].text);
	assert_int_equal(world->asked, 0);
	CLEANUP(mem) char *long_head = mem_zalloc(2 * LIMIT_RELAY_HEAD);
	memset(long_head, 'a', 2 * LIMIT_RELAY_HEAD - 1);
	expect(world, 431, long_head);
}

/* A body of any length goes through in pieces, announced or in chunks. */
static void test_bodies(void **state)
{
	struct world *world = *state;
	size_t len = 9 * LIMIT_MIB + 5;
	CLEANUP(mem) char *data = mem_alloc(len);
	unsigned sum = 0;
	char head[200];

	git_relay_free(world->relay);
	relay_make(world, true);
	for (size_t i = 0; i < len; i++) {
		data[i] = (char)(i * 7 >> 3);
		sum = sum * 31 + (unsigned char)data[i];
	}
	for (int chunked = 0; chunked < 2; chunked++) {
		int fd = dial(world);
		int n = snprintf(head, sizeof head,
			"POST /o/r.git/git-receive-pack HTTP/1.1\r\nHost: x\r\n"
			"Content-Type: application/x-git-receive-pack-request\r\n"
			"Expect: 100-continue\r\n");
		n += chunked ? snprintf(head + n, sizeof head - (size_t)n,
				       "Transfer-Encoding: chunked\r\n\r\n")
			     : snprintf(head + n, sizeof head - (size_t)n,
				       "Content-Length: %zu\r\n\r\n", len);
		say(fd, head);
		CLEANUP(mem) char *go = hear(fd, "\r\n\r\n");
		assert_int_equal(status_of(go), 100);
		for (size_t at = 0; at < len;) {
			size_t part = len - at < 100000 ? len - at : 100000;

			n = snprintf(head, sizeof head, "%zx\r\n", part);
			if (chunked)
				say(fd, head);
			assert_true(peer_write(fd, data + at, part));
			if (chunked)
				say(fd, "\r\n");
			at += part;
		}
		if (chunked)
			say(fd, "0\r\n\r\n");
		CLEANUP(mem) char *got = hear(fd, "0\r\n\r\n");
		assert_int_equal(status_of(got), 200);
		lock_take(&world->lock);
		assert_int_equal(world->body_len, len);
		assert_int_equal(world->body_sum, sum);
		lock_give(&world->lock);
		/* And the connection goes on. */
		say(fd, GET(REFS));
		CLEANUP(mem) char *next = hear(fd, "0\r\n\r\n");
		assert_int_equal(status_of(next), 200);
		close(fd);
		expect(world, 200,
			"POST /o/r.git/git-receive-pack HTTP/1.1\r\nHost: x\r\n"
			"Content-Length: 4\r\n\r\n0000");
		assert_int_equal(world->body_len, 4);
	}
}

static void test_body_is_the_same(void **state)
{
	struct world *world = *state;
	char body[20000], request[22000];
	unsigned sum = 0;

	for (size_t i = 0; i < sizeof body; i++) {
		body[i] = (char)('a' + i % 23);
		sum = sum * 31 + (unsigned char)body[i];
	}
	int n = snprintf(request, sizeof request,
		"POST /o/r/git-upload-pack HTTP/1.1\r\nHost: x\r\nContent-Encoding: "
		"gzip\r\n"
		"Content-Length: %zu\r\n\r\n%.*s",
		sizeof body, (int)sizeof body, body);
	assert_true((size_t)n < sizeof request);
	expect(world, 200, request);
	LOCKED(&world->lock);
	assert_int_equal(world->body_len, sizeof body);
	assert_int_equal(world->body_sum, sum);
	assert_non_null(strcasestr(world->head, "content-encoding: gzip"));
}

static void test_refusals_of_github(void **state)
{
	struct world *world = *state;
	static const struct {
		enum mode mode;
		int status, refused;
		const char *text;
	} cases[] = {{REFUSE, 403, 401, "does not know the token"},
		{FORBID, 403, 403, "may not read o/r"},
		{MISS, 404, 404, "no repository o/r"}, {MOVE, 404, 301, "has moved"},
		{ECHO_TOKEN, 502, 500, "status 500"}, {PAGE, 502, 500, "not git's"}};

	assert_int_equal(git_relay_refused(world->relay), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		world->mode = cases[i].mode;
		CLEANUP(mem) char *got = ask(world, GET(REFS));
		if (status_of(got) != cases[i].status || !strstr(got, cases[i].text))
			fail_msg("case %zu: %s", i, got);
		assert_int_equal(git_relay_refused(world->relay), cases[i].refused);
		assert_null(strcasestr(got, "www-authenticate"));
		assert_null(strcasestr(got, "evil.example"));
	}
}

static void test_cut_answer(void **state)
{
	struct world *world = *state;

	world->mode = CUT;
	CLEANUP(mem) char *got = ask(world, GET(REFS));
	assert_non_null(strstr(got, "5\r\nhello\r\n"));
	assert_null(strstr(got, "0\r\n\r\n")); /* the box sees that it is cut */
	peer_stop(TAKE(world->peer));
	world->peer = peer_start(NULL, on_connection, world);
	world->mode = GOOD;
	/* Nobody answers at the old port. */
	CLEANUP(mem) char *none = ask(world, GET(REFS));
	assert_true(status_of(none) >= 502);
}

static void test_half_a_body(void **state)
{
	struct world *world = *state;

	CLEANUP(mem)
	char *got = ask(world, "POST /o/r.git/git-upload-pack HTTP/1.1\r\nHost: x\r\n"
			       "Content-Length: 100\r\n\r\nhalf");
	assert_true(status_of(got) == 0 || status_of(got) >= 400);
	CLEANUP(mem)
	char *bad = ask(world, "POST /o/r.git/git-upload-pack HTTP/1.1\r\nHost: x\r\n"
			       "Transfer-Encoding: chunked\r\n\r\nzz\r\n");
	assert_true(status_of(bad) == 0 || status_of(bad) >= 400);
}

/* More connections than are allowed are closed; a cancel ends them all at once. */
static void test_many_and_the_end(void **state)
{
	struct world *world = *state;
	int fds[LIMIT_GIT_RELAY_CONNECTIONS + 1];
	char byte;

	world->mode = HANG;
	for (int i = 0; i < LIMIT_GIT_RELAY_CONNECTIONS; i++) {
		fds[i] = dial(world);
		say(fds[i], GET(REFS));
	}
	fds[LIMIT_GIT_RELAY_CONNECTIONS] = dial(world);
	assert_int_equal(recv(fds[LIMIT_GIT_RELAY_CONNECTIONS], &byte, 1, 0), 0);
	while (world->asked < LIMIT_GIT_RELAY_CONNECTIONS)
		usleep(1000);
	int64_t began = clock_mono_ms();
	cancel_fire(world->cancel, "the command was ended");
	for (int i = 0; i < LIMIT_GIT_RELAY_CONNECTIONS; i++)
		free(hear(fds[i], NULL));
	git_relay_free(TAKE(world->relay));
	assert_true(clock_mono_ms() - began < 5000);
	for (int i = 0; i <= LIMIT_GIT_RELAY_CONNECTIONS; i++)
		close(fds[i]);
}

/* Places are given again. */
static void test_places(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 5 * LIMIT_GIT_RELAY_CONNECTIONS; i++)
		expect(world, 200, GET(REFS));
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_what_passes),
		CASE(test_spellings),
		CASE(test_what_does_not_pass),
		CASE(test_bodies),
		CASE(test_body_is_the_same),
		CASE(test_refusals_of_github),
		CASE(test_cut_answer),
		CASE(test_half_a_body),
		CASE(test_many_and_the_end),
		CASE(test_places),
	};
	struct err err = {0};

	if (http_global_init(&err) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
