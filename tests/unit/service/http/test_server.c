/* SPDX-License-Identifier: MIT */
/* service/http/server.c over real sockets, with routes of the test's own. */
#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "service/http/request.h"
#include "service/http/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
	WAIT_MS = 10000,
	HEAD_MS = 400,
	BODY_MS = 400,
	IDLE_MS = 600,
	BIG = 16 * 1024 * 1024 /* more than two sockets hold */
};

/* ---- routes ------------------------------------------------------------------------------ */

static atomic_int events_given, sources_closed, pipe_failures;
static atomic_bool more_events, under_way;
static struct cancel *gate; /* fires to let handle_slow go */

static void handle_echo(struct request *request)
{
	size_t len;
	const char *body = request_body(request, &len);

	reply_text(request, 200, "text/plain", body, len);
}

static void handle_param(struct request *request)
{
	const char *query = request_query(request, "q");

	reply_error(request, 200, "none", "%s|%s", request_param(request, 0),
		query ? query : "-");
}

struct later {
	struct request *request;
	pthread_t thread;
};

static void *answer_later(void *arg)
{
	struct later *later = arg;
	struct err err = {0};

	cancel_sleep(NULL, 20, &err);
	reply_text(later->request, 202, "text/plain", "later", 5);
	pthread_detach(later->thread);
	free(later);
	return NULL;
}

static void handle_later(struct request *request)
{
	struct later *later = mem_zalloc(sizeof(*later));
	struct err err = {0};

	later->request = request;
	reply_later(request);
	assert_int_equal(
		thread_start(&later->thread, "later", answer_later, later, &err), 0);
}

/* Answers before its own thread has left the handler. */
static void handle_at_once(struct request *request)
{
	reply_later(request);
	reply_text(request, 202, "text/plain", "at once", 7);
}

static void handle_slow(struct request *request)
{
	struct err err = {0};

	if (cancel_sleep(gate, WAIT_MS, &err) == 0)
		reply_text(request, 500, "text/plain", "gate", 4);
	else
		reply_text(request, 200, "text/plain", "slow", 4);
}

static void handle_until_stop(struct request *request)
{
	struct err err = {0};

	atomic_store(&under_way, true);
	if (cancel_sleep(request_cancel(request), WAIT_MS, &err))
		reply_err(request, &err);
	else
		reply_text(request, 500, "text/plain", "late", 4);
}

static void handle_fail(struct request *request)
{
	struct err err = {0};

	err_set(&err, ERR_CONFLICT, "Somebody was first.");
	reply_err(request, &err);
}

static void handle_pipe(struct request *request)
{
	CLEANUP(mem) char *block = mem_alloc(64 * 1024);
	struct err err = {0};

	memset(block, 'x', 64 * 1024);
	reply_pipe_open(request, "text/event-stream", -1);
	for (int sent = 0; sent < BIG; sent += 64 * 1024)
		if (reply_pipe_write(request, block, 64 * 1024, &err)) {
			atomic_fetch_add(&pipe_failures, 1);
			reply_pipe_close(request, NULL, 0);
			return;
		}
	reply_pipe_close(request, "THE END", 7);
}

static int source_next(void *arg, struct strbuf *out)
{
	int *left = arg;

	if (!atomic_load(&more_events))
		return 0;
	if (*left == 0)
		return -1;
	(*left)--;
	strbuf_addf(out, "data: %d\n\n", atomic_fetch_add(&events_given, 1));
	return 0;
}

static void source_close(void *arg)
{
	free(arg);
	atomic_fetch_add(&sources_closed, 1);
}

static void handle_events(struct request *request)
{
	int three = 3;
	struct stream_source source = {
		source_next, source_close, mem_dup(&three, sizeof(three))};

	reply_events(request, &source);
}

#define R(method, path, fn, access, thread, max)                                         \
	{                                                                                \
		method, path, fn, access, thread, max, NULL, "for the test"              \
	}

static const struct route routes[] = {
	R("POST", "/echo", handle_echo, ACCESS_NONE, ROUTE_INLINE, 26 * LIMIT_MIB),
	R("POST", "/handler", handle_echo, ACCESS_NONE, ROUTE_HANDLER, LIMIT_MIB),
	R("GET", "/param/:x", handle_param, ACCESS_NONE, ROUTE_HANDLER, 0),
	R("GET", "/later", handle_later, ACCESS_NONE, ROUTE_INLINE, 0),
	R("GET", "/at-once", handle_at_once, ACCESS_NONE, ROUTE_INLINE, 0),
	R("GET", "/slow", handle_slow, ACCESS_NONE, ROUTE_HANDLER, 0),
	R("GET", "/until-stop", handle_until_stop, ACCESS_NONE, ROUTE_HANDLER, 0),
	R("GET", "/fail", handle_fail, ACCESS_NONE, ROUTE_HANDLER, 0),
	R("GET", "/pipe", handle_pipe, ACCESS_NONE, ROUTE_HANDLER, 0),
	R("GET", "/events", handle_events, ACCESS_NONE, ROUTE_HANDLER, 0),
	R("GET", "/key", handle_at_once, ACCESS_KEY, ROUTE_INLINE, 0),
	R(NULL, NULL, NULL, ACCESS_NONE, ROUTE_INLINE, 0),
};

/* ---- a client ---------------------------------------------------------------------------- */

static struct server *server;
static struct http_app app;

static int dial(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)server_port(server)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void put(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
		if (n <= 0)
			return; /* the answer tells */
		data += n;
		len -= (size_t)n;
	}
}

/* Reads until `until` is in the text (NULL: to the end of the connection). */
static void get(int fd, struct strbuf *in, const char *until)
{
	int64_t end = clock_mono_ms() + WAIT_MS;

	while (!until || !strstr(strbuf_str(in), until)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = end - clock_mono_ms();
		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			fail_msg("nothing more came after: %.200s", strbuf_str(in));
		char *room = strbuf_room(in, 65536);
		ssize_t n = recv(fd, room, 65536, 0);
		strbuf_grown(in, n > 0 ? (size_t)n : 0);
		if (n > 0)
			room[n] = '\0';
		if (n <= 0) {
			if (until)
				fail_msg("it ended after: %.200s", strbuf_str(in));
			return;
		}
	}
}

/* Sends, reads to the end, gives the status; -1 when none came. */
static int ask_raw(const char *data, size_t len, struct strbuf *in)
{
	int fd = dial();
	int status = -1;

	put(fd, data, len);
	get(fd, in, NULL);
	close(fd);
	if (in->len > 12 && str_starts(in->data, "HTTP/1.1 "))
		status = atoi(in->data + 9);
	return status;
}

#define CLOSE "Connection: close\r\n"
#define HEAD(line) line " HTTP/1.1\r\nHost: localhost\r\n"

static int ask(const char *text, struct strbuf *in)
{
	return ask_raw(text, strlen(text), in);
}

static void expect(const char *text, int status, const char *part)
{
	CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(64 * LIMIT_MIB);
	int got = ask(text, &in);

	if (got != status || !strstr(strbuf_str(&in), part))
		fail_msg("%s: %d, %s", text, got, strbuf_str(&in));
}

static int start(const struct server_options *options)
{
	struct err err = {0};

	gate = cancel_new(NULL);
	atomic_store(&more_events, true);
	if (server_start(&server, options, routes, &app, &err))
		fail_msg("%s", err.text);
	return 0;
}

static int setup(void **state)
{
	struct server_options options = {.port = -1,
		.head_ms = HEAD_MS,
		.body_ms = BODY_MS,
		.idle_ms = IDLE_MS,
		.ping_ms = 100};

	(void)state;
	return start(&options);
}

/* With the deadlines of service, for what is large and not late. */
static int setup_patient(void **state)
{
	struct server_options options = {.port = -1};

	(void)state;
	return start(&options);
}

static int teardown(void **state)
{
	(void)state;
	server_stop(server);
	server = NULL;
	cancel_free(gate);
	return 0;
}

/* ---- answers ----------------------------------------------------------------------------- */

static void test_each_way_to_answer(void **state)
{
	(void)state;
	expect(HEAD("POST /echo") CLOSE "Content-Length: 5\r\n\r\nhello", 200,
		"\r\n\r\nhello");
	expect(HEAD("POST /handler") CLOSE "Content-Length: 5\r\n\r\nhello", 200,
		"\r\n\r\nhello");
	expect(HEAD("POST /echo") CLOSE "Content-Length: 0\r\n\r\n", 200,
		"Content-Length: 0");
	expect(HEAD("GET /later") CLOSE "\r\n", 202, "later");
	expect(HEAD("GET /at-once") CLOSE "\r\n", 202, "at once");
	expect(HEAD("GET /param/a%20b?q=1%262") CLOSE "\r\n", 200, "a b|1&2");
	expect(HEAD("GET /fail") CLOSE "\r\n", 409,
		"{\"error\":\"Somebody was first.\",\"code\":\"conflict\"}");
}

static void test_refusals(void **state)
{
	(void)state;
	expect(HEAD("GET /nothing") CLOSE "\r\n", 404, "not_found");
	expect(HEAD("GET /echo") CLOSE "\r\n", 405, "Allow: POST");
	expect(HEAD("DELETE /echo") CLOSE "\r\n", 405, "Allow: POST");
	expect(HEAD("POST /echo") CLOSE "\r\n", 411, "Content-Length");
	expect(HEAD("POST /echo") CLOSE "Content-Length: 27262977\r\n\r\n", 413,
		"too_large");
	expect(HEAD("GET /later") CLOSE "Content-Length: 1\r\n\r\nx", 413,
		"takes no body");
	expect(HEAD("GET /a%00b") "\r\n", 400, "malformed");
	expect(HEAD("GET /later/../later") "\r\n", 400, "malformed");
	expect("GET /later HTTP/1.1\r\n\r\n", 400, "");
}

/* What libmicrohttpd 0.9.75 by itself lets through. */
static void test_hostile_heads(void **state)
{
	static const char nul_value[] = HEAD("GET /later") "X-A: a\0b\r\nX-B: c\r\n\r\n";
	static const char nul_last[] = HEAD("GET /later") "X-A: a\0b\r\n\r\n";
	static const char nul_name[] = HEAD("GET /later") "X-A\0b: a\r\nX-B: c\r\n\r\n";
	static const char nul_target[] =
		"GET /later\0x HTTP/1.1\r\nHost: localhost\r\n\r\n";
	static const struct {
		const char *bytes;
		size_t len;
	} heads[] = {
#define H(text) {text, sizeof(text) - 1}
		H(nul_value),
		H(nul_last),
		H(nul_name),
		H(nul_target),
		H(HEAD("GET /later") "X-A: a\r\n folded\r\n\r\n"),
		H(HEAD("GET /later") "X-A: a\r\n\tfolded\r\nX-B: c\r\n\r\n"),
		H("GET /later HTTP/1.1\nHost: localhost\n\n"),
		H("GET /later HTTP/1.1\r\nHost: localhost\nX-A: b\r\n\r\n"),
		H(HEAD("GET /later") "X-A: a\rb\r\n\r\n"),
		H(HEAD("GET /later") "X-A : a\r\n\r\n"),
		H(HEAD("GET /later") "Host: other\r\n\r\n"),
		H(HEAD("GET  /later") "\r\n"),
		H("GET /later  HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		H("GET /later x HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		H("GET /later HTTP/1.1\r\n\r\n"),
		H("GET /later HTTP/1.0\r\n\r\n"),
		H("GET\t/later HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		H("GET http://evil/later HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		H("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		H(HEAD("POST /echo") "Content-Length: 3\r\nContent-Length: "
				     "30\r\n\r\nabc"),
		H(HEAD("POST /echo") "Content-Length: 3\r\nTransfer-Encoding: "
				     "chunked\r\n\r\nabc"),
		H(HEAD("POST /echo") "Transfer-Encoding: xchunked\r\n\r\nabc"),
		H(HEAD("POST /echo") "Transfer-Encoding : chunked\r\nContent-Length: "
				     "3\r\n\r\n"),
#undef H
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(LIMIT_MIB);
		int status = ask_raw(heads[i].bytes, heads[i].len, &in);
		if (status != 400)
			fail_msg("head %zu: %d, %s", i, status, strbuf_str(&in));
	}
}

static void test_ordinary_heads_pass(void **state)
{
	(void)state;
	expect(HEAD("GET /later") "Accept: */*\r\nX-Empty:\r\nX-Blank: \r\nX-Tail: a \r\n"
				  "X-Pad:   b\r\nX-Tight:c\r\nCookie: a=b; c=d\r\n" CLOSE
				  "\r\n",
		202, "later");
	expect(HEAD("GET /later") CLOSE "X-Last:\r\n\r\n", 202, "later");
}

static void test_a_kept_connection_serves_on(void **state)
{
	CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(fd) int fd = dial();

	(void)state;
	for (int i = 0; i < 50; i++) {
		static const char post[] =
			HEAD("POST /echo") "Content-Length: 3\r\n\r\nabc";
		strbuf_reset(&in);
		put(fd, post, sizeof(post) - 1);
		get(fd, &in, "\r\n\r\nabc");
		strbuf_reset(&in);
		put(fd, HEAD("GET /at-once") "\r\n", strlen(HEAD("GET /at-once") "\r\n"));
		get(fd, &in, "at once");
		/* A small refused body is read to its end, and the connection stays. */
		static const char lost[] =
			HEAD("POST /nothing") "Content-Length: 3\r\n\r\nabc";
		strbuf_reset(&in);
		put(fd, lost, sizeof(lost) - 1);
		get(fd, &in, "not_found\"}");
	}
}

static void test_two_requests_in_one_packet(void **state)
{
	(void)state;
	expect(HEAD("POST /echo") "Content-Length: 3\r\n\r\nabc" HEAD("GET /later") CLOSE
		"\r\n",
		200, "later");
}

static void test_a_large_body(void **state)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(64 * LIMIT_MIB);
	CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(64 * LIMIT_MIB);
	size_t size = 25 * LIMIT_MIB, head;

	(void)state;
	strbuf_addf(&text, HEAD("POST /echo") CLOSE "Content-Length: %zu\r\n\r\n", size);
	head = text.len;
	memset(strbuf_room(&text, size), 'y', size);
	strbuf_grown(&text, size);
	assert_int_equal(ask_raw(text.data, text.len, &in), 200);
	assert_true(in.len > size);
	assert_memory_equal(in.data + in.len - size, text.data + head, size);
}

/* ---- deadlines --------------------------------------------------------------------------- */

static void test_slow_senders_are_cut(void **state)
{
	static const char *const starts[] = {
		"",
		"GET /la",
		HEAD("GET /later"),
		HEAD("POST /echo") "Content-Length: 10\r\n\r\nabc",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(LIMIT_MIB);
		int64_t start = clock_mono_ms();
		assert_int_equal(ask(starts[i], &in), 408);
		assert_in_range(clock_mono_ms() - start, HEAD_MS - 50, HEAD_MS * 4);
		assert_non_null(strstr(in.data, "\r\n\r\n{\"error\":"));
		assert_int_equal(in.data[in.len - 1], '\n');
	}
}

/* One byte now and then is no silence, and does not help. */
static void test_a_trickle_is_cut(void **state)
{
	CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(fd) int fd = dial();
	int64_t start = clock_mono_ms();
	struct err err = {0};

	(void)state;
	for (const char *at = HEAD("GET /later"); *at; at++) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (poll(&p, 1, 0) > 0)
			break;
		put(fd, at, 1);
		cancel_sleep(NULL, 50, &err);
	}
	get(fd, &in, NULL);
	assert_non_null(strstr(strbuf_str(&in), "408"));
	assert_true(clock_mono_ms() - start < HEAD_MS * 4);
}

static void test_an_idle_connection_ends(void **state)
{
	CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(fd) int fd = dial();
	int64_t start = clock_mono_ms();

	(void)state;
	put(fd, HEAD("GET /later") "\r\n", strlen(HEAD("GET /later") "\r\n"));
	get(fd, &in, NULL);
	assert_null(strstr(in.data, "408"));
	assert_in_range(clock_mono_ms() - start, IDLE_MS, IDLE_MS + HEAD_MS * 4);
}

static void test_work_has_no_deadline(void **state)
{
	CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(fd) int fd = dial();
	struct err err = {0};

	(void)state;
	put(fd, HEAD("GET /slow") CLOSE "\r\n", strlen(HEAD("GET /slow") CLOSE "\r\n"));
	cancel_sleep(NULL, HEAD_MS + BODY_MS + IDLE_MS, &err);
	cancel_fire(gate, "go");
	get(fd, &in, NULL);
	assert_non_null(strstr(in.data, "slow"));
}

static void test_slow_clients_harm_nobody(void **state)
{
	enum { SLOW = 200 };
	int fds[SLOW];

	(void)state;
	for (int i = 0; i < SLOW; i++) {
		fds[i] = dial();
		put(fds[i], "POST /echo HTTP/1.1\r\nHo", 23);
	}
	for (int i = 0; i < 20; i++) {
		int64_t start = clock_mono_ms();
		expect(HEAD("GET /at-once") CLOSE "\r\n", 202, "at once");
		assert_true(clock_mono_ms() - start < 1000);
	}
	for (int i = 0; i < SLOW; i++)
		close(fds[i]);
}

/* ---- streams ----------------------------------------------------------------------------- */

static void test_a_pipe_to_a_slow_reader(void **state)
{
	CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(64 * LIMIT_MIB);
	CLEANUP(fd) int fd = dial();
	struct err err = {0};
	size_t count = 0;

	(void)state;
	put(fd, HEAD("GET /pipe") CLOSE "\r\n", strlen(HEAD("GET /pipe") CLOSE "\r\n"));
	cancel_sleep(NULL, 300, &err);
	get(fd, &in, NULL);
	for (size_t i = 0; i < in.len; i++)
		count += in.data[i] == 'x';
	assert_in_range(count, BIG, BIG + 16); /* the head has one in a header's name */
	/* The last words are a chunk of their own. */
	assert_non_null(strstr(in.data + in.len - 40, "\r\n7\r\nTHE END\r\n0\r\n\r\n"));
}

static void test_a_pipe_whose_reader_goes(void **state)
{
	int fd = dial(), before = atomic_load(&pipe_failures);
	int64_t end = clock_mono_ms() + WAIT_MS;
	struct err err = {0};
	char some[1000];

	(void)state;
	put(fd, HEAD("GET /pipe") "\r\n", strlen(HEAD("GET /pipe") "\r\n"));
	assert_true(recv(fd, some, sizeof(some), 0) > 0);
	close(fd);
	while (atomic_load(&pipe_failures) == before && clock_mono_ms() < end)
		cancel_sleep(NULL, 5, &err);
	assert_int_equal(atomic_load(&pipe_failures), before + 1);
}

static void test_events_come_and_end(void **state)
{
	CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(fd) int fd = dial();
	int closed = atomic_load(&sources_closed);
	int64_t end = clock_mono_ms() + WAIT_MS;
	struct err err = {0};

	(void)state;
	atomic_store(&more_events, false);
	put(fd, HEAD("GET /events") CLOSE "\r\n",
		strlen(HEAD("GET /events") CLOSE "\r\n"));
	get(fd, &in, ": ping\n\n");
	assert_null(strstr(in.data, "data:"));
	atomic_store(&more_events, true);
	for (int i = 0; i < 4; i++) {
		server_wake(server);
		cancel_sleep(NULL, 30, &err);
	}
	get(fd, &in, NULL);
	assert_non_null(strstr(in.data, "text/event-stream"));
	assert_non_null(strstr(in.data, "data: 2\n\n"));
	assert_non_null(strstr(in.data, "\r\n0\r\n\r\n"));
	while (atomic_load(&sources_closed) == closed && clock_mono_ms() < end)
		cancel_sleep(NULL, 5, &err);
	assert_int_equal(atomic_load(&sources_closed), closed + 1);
}

static void test_dead_clients_of_streams_are_found(void **state)
{
	enum { STREAMS = 50 };
	int fds[STREAMS], closed = atomic_load(&sources_closed);
	int64_t end;
	struct server_counts counts;
	struct err err = {0};

	(void)state;
	atomic_store(&more_events, false);
	for (int i = 0; i < STREAMS; i++) {
		CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(LIMIT_MIB);
		fds[i] = dial();
		put(fds[i], HEAD("GET /events") "\r\n",
			strlen(HEAD("GET /events") "\r\n"));
		get(fds[i], &in, ": ping\n\n");
	}
	server_counts(server, &counts);
	assert_int_equal(counts.streams, STREAMS);
	for (int i = 0; i < STREAMS; i++)
		close(fds[i]);
	end = clock_mono_ms() + WAIT_MS;
	while (atomic_load(&sources_closed) < closed + STREAMS && clock_mono_ms() < end)
		cancel_sleep(NULL, 20, &err);
	assert_int_equal(atomic_load(&sources_closed), closed + STREAMS);
}

/* ---- stopping ---------------------------------------------------------------------------- */

static void test_stop_ends_what_is_under_way(void **state)
{
	CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(fd) int waiting = dial();
	CLEANUP(fd) int stream = dial();
	CLEANUP(fd) int idle = dial();
	int64_t start = clock_mono_ms();
	struct err err = {0};

	(void)state;
	atomic_store(&more_events, false);
	put(stream, HEAD("GET /events") "\r\n", strlen(HEAD("GET /events") "\r\n"));
	get(stream, &in, ": ping");
	put(waiting, HEAD("GET /until-stop") "\r\n",
		strlen(HEAD("GET /until-stop") "\r\n"));
	put(idle, "GET /la", 7);
	while (!atomic_load(&under_way) && clock_mono_ms() < start + WAIT_MS)
		cancel_sleep(NULL, 5, &err);
	start = clock_mono_ms();
	server_stop(server);
	server = NULL;
	assert_true(clock_mono_ms() - start < 5000);
	strbuf_reset(&in);
	get(waiting, &in, NULL);
	if (!strstr(strbuf_str(&in), "503"))
		fail_msg("no 503: %s", strbuf_str(&in));
	assert_non_null(strstr(strbuf_str(&in), "the service is stopping"));
}

/* ---- access ------------------------------------------------------------------------------ */

static void test_only_this_machine_without_a_key(void **state)
{
	(void)state;
	expect(HEAD("GET /key") CLOSE "\r\n", 202, "at once");
	expect("GET /key HTTP/1.1\r\nHost: 127.0.0.1:7331\r\n" CLOSE "\r\n", 202,
		"at once");
	expect("GET /key HTTP/1.1\r\nHost: [::1]:7331\r\n" CLOSE "\r\n", 202, "at once");
	expect("GET /key HTTP/1.1\r\nHost: 127.0.0.1:7331\r\n"
	       "Origin: http://127.0.0.1:7331\r\n" CLOSE "\r\n",
		202, "at once");
	expect("GET /key HTTP/1.1\r\nHost: evil.example\r\n" CLOSE "\r\n", 401, "key");
	expect("GET /key HTTP/1.1\r\nHost: localhost.evil.example\r\n" CLOSE "\r\n", 401,
		"key");
	expect("GET /key HTTP/1.1\r\nHost: 128.0.0.1\r\n" CLOSE "\r\n", 401, "key");
	expect("GET /key HTTP/1.1\r\nHost: [::1]evil\r\n" CLOSE "\r\n", 401, "key");
	expect(HEAD("GET /key") "Origin: https://evil.example\r\n" CLOSE "\r\n", 401,
		"key");
	/* What a box serves at its public URL is a page of loopback too, and hostile. */
	expect("GET /key HTTP/1.1\r\nHost: 127.0.0.1:7331\r\n"
	       "Origin: http://127.0.0.1:7400\r\n" CLOSE "\r\n",
		401, "key");
	expect(HEAD("GET /key") "Origin: http://localhost:3000\r\n" CLOSE "\r\n", 401,
		"key");
	expect(HEAD("GET /key") "Origin: null\r\n" CLOSE "\r\n", 401, "key");
	expect(HEAD("GET /key") "X-Forwarded-For: 1.2.3.4\r\n" CLOSE "\r\n", 401, "key");
}

static void test_a_key_when_there_is_one(void **state)
{
	struct secret keys[2] = {0};
	struct http_app with_keys = {.keys = keys, .key_count = 2};
	struct server_options options = {.port = -1, .address = "0.0.0.0"};
	struct server *open_server = server;
	struct err err = {0};

	(void)state;
	secret_set(&keys[0], "box_first-key", 13);
	secret_set(&keys[1], "box_second-key", 14);
	assert_int_equal(server_start(&server, &options, routes, &with_keys, &err), 0);
	expect(HEAD("GET /key") CLOSE "\r\n", 401, "Invalid box API key");
	expect(HEAD("GET /key") "X-Box-Api-Key: box_first-ke\r\n" CLOSE "\r\n", 401,
		"key");
	expect(HEAD("GET /key") "X-Box-Api-Key:\r\n" CLOSE "\r\n", 401, "key");
	expect(HEAD("GET /key") "X-Box-Api-Key: box_first-key\r\n" CLOSE "\r\n", 202,
		"once");
	expect(HEAD("GET /key") "X-Box-Api-Key: box_second-key\r\n" CLOSE "\r\n", 202,
		"once");
	expect(HEAD("GET /key") "Authorization: bearer box_second-key\r\n" CLOSE "\r\n",
		202, "once");
	expect(HEAD("GET /key") "Authorization: Basic box_second-key\r\n" CLOSE "\r\n",
		401, "key");
	server_stop(server);
	server = open_server;
	secret_release(&keys[0]);
	secret_release(&keys[1]);
}

static void test_no_key_no_open_address(void **state)
{
	static const char *const addresses[] = {"0.0.0.0", "::", "10.0.0.1", "localhost"};
	struct server *other = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		struct server_options options = {.port = -1, .address = addresses[i]};
		struct err err = {0};
		assert_int_equal(server_start(&other, &options, routes, &app, &err), -1);
		assert_int_equal(err.kind, ERR_DENIED);
	}
}

static void test_a_taken_port_is_told(void **state)
{
	struct server_options options = {.port = server_port(server)};
	struct server *other = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(server_start(&other, &options, routes, &app, &err), -1);
	assert_non_null(strstr(err.text, "is it running already"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_each_way_to_answer),
		T(test_refusals),
		T(test_hostile_heads),
		T(test_ordinary_heads_pass),
		T(test_a_kept_connection_serves_on),
		T(test_two_requests_in_one_packet),
		cmocka_unit_test_setup_teardown(
			test_a_large_body, setup_patient, teardown),
		T(test_slow_senders_are_cut),
		T(test_a_trickle_is_cut),
		T(test_an_idle_connection_ends),
		T(test_work_has_no_deadline),
		T(test_slow_clients_harm_nobody),
		T(test_a_pipe_to_a_slow_reader),
		T(test_a_pipe_whose_reader_goes),
		T(test_events_come_and_end),
		T(test_dead_clients_of_streams_are_found),
		T(test_stop_ends_what_is_under_way),
		T(test_only_this_machine_without_a_key),
		T(test_a_key_when_there_is_one),
		T(test_no_key_no_open_address),
		T(test_a_taken_port_is_told),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
