/* SPDX-License-Identifier: MIT */
/*
 * What the box API asks of the server: bodies that are read while they come, threads for what
 * takes long, answers of a known size, other protocols, pages of other origins.
 */
#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/http/request.h"
#include "service/http/server.h"
#include "tests/lib/http_talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

enum { WAIT_MS = 10000, BODY_MS = 400, LONG = 2, PIPE = 3 * 1024 * 1024 };

static struct server *server;
static struct cancel *gate;
static atomic_int inside, failed_reads, ended_upgrades;

/* ---- routes ------------------------------------------------------------------------------ */

static uint32_t sum_of(uint32_t sum, const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum = sum * 31 + data[i];
	return sum;
}

/* Reads all of it, slowly at first when asked to. */
static void handle_upload(struct request *request)
{
	CLEANUP(mem) unsigned char *buf = mem_alloc(50000);
	struct err err = {0};
	uint32_t sum = 0;
	size_t size = 0;
	ssize_t n;

	if (request_query(request, "wait"))
		cancel_sleep(NULL, 2 * BODY_MS, &err);
	while ((n = request_body_read(request, buf, 50000, &err)) > 0) {
		sum = sum_of(sum, buf, (size_t)n);
		size += (size_t)n;
	}
	if (n < 0) {
		atomic_fetch_add(&failed_reads, 1);
		reply_err(request, &err);
		return;
	}
	reply_error(request, 200, "sum", "%zu bytes, sum %u", size, sum);
}

static void handle_refuse(struct request *request)
{
	char buf[100];
	struct err err = {0};

	if (request_query(request, "some"))
		request_body_read(request, buf, sizeof(buf), &err);
	reply_error(request, 409, "conflict", "Not now.");
}

static void handle_wait(struct request *request)
{
	struct cancel *both = cancel_new(request_cancel(request));
	struct err err = {0};

	atomic_fetch_add(&inside, 1);
	while (!cancel_fired(gate) && cancel_sleep(both, 5, &err) == 0)
		;
	atomic_fetch_sub(&inside, 1);
	cancel_free(both);
	reply_text(request, 200, "text/plain", "waited", 6);
}

static void handle_short(struct request *request)
{
	reply_text(request, 200, "text/plain", "short", 5);
}

static void handle_sized(struct request *request)
{
	CLEANUP(mem) char *block = mem_alloc(64 * 1024);
	struct err err = {0};

	memset(block, 'x', 64 * 1024);
	reply_pipe_open(request, "application/octet-stream", PIPE);
	for (size_t sent = 0; sent < PIPE; sent += 64 * 1024) {
		if (request_query(request, "cut") && sent > PIPE / 2) {
			reply_pipe_cut(request);
			return;
		}
		reply_pipe_write(request, block, 64 * 1024, &err);
	}
	reply_pipe_close(request, NULL, 0);
}

/* Says in capital letters what it hears. */
static void handle_upgrade(struct request *request)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_MIB);
	struct err err = {0};
	char buf[256];
	int fd;

	if (reply_upgrade(request, "capitals", &fd, &text, &err))
		return;
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		for (size_t i = 0; i < text.len; i++)
			if (text.data[i] >= 'a')
				text.data[i] = (char)(text.data[i] - 32);
		talk_put(fd, strbuf_str(&text), text.len);
		strbuf_reset(&text);
		if (cancel_poll(request_cancel(request), &p, 1, WAIT_MS, &err) <= 0)
			break;
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		if (n <= 0)
			break;
		strbuf_add(&text, buf, (size_t)n);
	}
	atomic_fetch_add(&ended_upgrades, 1);
	reply_upgrade_end(request);
}

#define R(method, path, fn, access, thread, max)                                         \
	{                                                                                \
		method, path, fn, access, thread, max, NULL, "for the test"              \
	}

static const struct route routes[] = {
	R("POST", "/upload", handle_upload, ACCESS_NONE, ROUTE_STREAMED, 64 * LIMIT_MIB),
	R("POST", "/refuse", handle_refuse, ACCESS_NONE, ROUTE_STREAMED, 64 * LIMIT_MIB),
	R("GET", "/wait", handle_wait, ACCESS_NONE, ROUTE_LONG, 0),
	R("GET", "/short", handle_short, ACCESS_NONE, ROUTE_HANDLER, 0),
	R("GET", "/sized", handle_sized, ACCESS_NONE, ROUTE_LONG, 0),
	R("GET", "/upgrade", handle_upgrade, ACCESS_NONE, ROUTE_LONG, 0),
	R("GET", "/key", handle_short, ACCESS_KEY, ROUTE_HANDLER, 0),
	R("POST", "/key", handle_short, ACCESS_KEY, ROUTE_HANDLER, LIMIT_KIB),
	R(NULL, NULL, NULL, ACCESS_NONE, ROUTE_INLINE, 0),
};

/* ---- the server -------------------------------------------------------------------------- */

#define CLOSE "Connection: close\r\n"
#define HEAD(line) line " HTTP/1.1\r\nHost: localhost\r\n"

static void start_with(const struct http_app *app)
{
	struct server_options options = {.port = -1,
		.head_ms = BODY_MS,
		.body_ms = BODY_MS,
		.long_handlers = LONG};
	struct err err = {0};

	if (server_start(&server, &options, routes, app, &err))
		fail_msg("%s", err.text);
}

static int setup(void **state)
{
	static const struct http_app app;

	(void)state;
	gate = cancel_new(NULL);
	atomic_store(&failed_reads, 0);
	start_with(&app);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cancel_fire(gate, "go");
	server_stop(server);
	server = NULL;
	cancel_free(gate);
	return 0;
}

/* The room of a request that was answered is given back a moment later, so one that is to be
 * let in asks again. */
static void expect(const char *text, int status, const char *part)
{
	CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(LIMIT_MIB);
	int64_t end = clock_mono_ms() + WAIT_MS;
	int got = talk_ask(server_port(server), text, &in);

	while (got == 429 && status == 200 && clock_mono_ms() < end) {
		strbuf_reset(&in);
		got = talk_ask(server_port(server), text, &in);
	}
	if (got != status || !strstr(strbuf_str(&in), part))
		fail_msg("%s: %d, %s", text, got, strbuf_str(&in));
}

static void until(atomic_int *value, int wanted)
{
	int64_t end = clock_mono_ms() + WAIT_MS;
	struct err err = {0};

	while (atomic_load(value) != wanted && clock_mono_ms() < end)
		cancel_sleep(NULL, 2, &err);
	assert_int_equal(atomic_load(value), wanted);
}

static unsigned char *noise(size_t size)
{
	unsigned char *data = mem_alloc(size);
	uint32_t x = 1;

	for (size_t i = 0; i < size; i++) {
		x = x * 1103515245 + 12345;
		data[i] = (unsigned char)(x >> 16);
	}
	return data;
}

static void say_head(int fd, const char *line, size_t size)
{
	CLEANUP(mem)
	char *head = mem_printf(
		"%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n", line,
		size);

	talk_say(fd, head);
}

/* ---- bodies that come while they are read ------------------------------------------------ */

static void test_an_upload_comes_whole(void **state)
{
	enum { SIZE = 20 * 1000 * 1000 + 7 };
	CLEANUP(mem) unsigned char *data = noise(SIZE);
	CLEANUP(fd) int fd = talk_dial(server_port(server));

	(void)state;
	/* Twice on one connection; the first time longer than a body's time, since the handler
	 * is late and not the client. */
	for (int i = 0; i < 2; i++) {
		CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(LIMIT_MIB);
		CLEANUP(mem)
		char *answer =
			mem_printf("%d bytes, sum %u", SIZE, sum_of(0, data, SIZE));
		say_head(fd, i == 0 ? "POST /upload?wait=1" : "POST /upload", SIZE);
		talk_put(fd, data, SIZE);
		talk_hear(fd, &in, answer);
	}
}

static void test_small_and_empty_uploads(void **state)
{
	(void)state;
	expect(HEAD("POST /upload") CLOSE "Content-Length: 0\r\n\r\n", 200, "0 bytes");
	expect(HEAD("POST /upload") CLOSE "Content-Length: 3\r\n\r\nabc", 200, "3 bytes");
	expect(HEAD("POST /upload") CLOSE "\r\n", 411, "Content-Length");
	expect(HEAD("POST /upload") CLOSE "Content-Length: 67108865\r\n\r\n", 413,
		"67108864");
}

/* The answer stands before the body does: the rest is read and dropped, and the connection
 * serves on. */
static void test_an_early_answer(void **state)
{
	enum { SIZE = 5 * 1000 * 1000 };
	static const char *const lines[] = {"POST /refuse", "POST /refuse?some=1"};
	CLEANUP(mem) unsigned char *data = noise(SIZE);
	CLEANUP(fd) int fd = talk_dial(server_port(server));

	(void)state;
	for (int i = 0; i < 6; i++) {
		CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(LIMIT_MIB);
		say_head(fd, lines[i % 2], SIZE);
		talk_put(fd, data, SIZE);
		talk_hear(fd, &in, "Not now.");
		assert_true(str_starts(strbuf_str(&in), "HTTP/1.1 409"));
		talk_say(fd, HEAD("GET /short") "\r\n");
		talk_hear(fd, &in, "short");
	}
}

static void test_a_client_that_leaves_amid_its_body(void **state)
{
	CLEANUP(mem) unsigned char *data = noise(100000);

	(void)state;
	for (int i = 0; i < 10; i++) {
		int fd = talk_dial(server_port(server));
		say_head(fd, i % 2 ? "POST /upload?wait=1" : "POST /upload", 1000000);
		talk_put(fd, data, 100000);
		close(fd);
		until(&failed_reads, i + 1);
	}
	expect(HEAD("GET /short") CLOSE "\r\n", 200, "short");
}

/* Each step has its time, so what is slow and moves is not late. */
static void test_a_slow_body_and_a_late_one(void **state)
{
	enum { STEP = 300 * 1024, STEPS = 5 };
	CLEANUP(mem) unsigned char *data = noise(STEP);
	CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(fd) int slow = talk_dial(server_port(server));
	struct err err = {0};

	(void)state;
	say_head(slow, "POST /upload", (size_t)STEP * STEPS);
	for (int i = 0; i < STEPS; i++) {
		talk_put(slow, data, STEP);
		cancel_sleep(NULL, BODY_MS / 2, &err);
	}
	talk_hear(slow, &in, "1536000 bytes");
	strbuf_reset(&in);
	CLEANUP(fd) int late = talk_dial(server_port(server));
	say_head(late, "POST /upload", STEP);
	talk_put(late, data, 1000);
	talk_hear(late, &in, NULL);
	assert_true(str_starts(strbuf_str(&in), "HTTP/1.1 408"));
	until(&failed_reads, 1);
}

static void test_stop_amid_an_upload(void **state)
{
	CLEANUP(mem) unsigned char *data = noise(100000);
	CLEANUP(fd) int fd = talk_dial(server_port(server));
	int64_t start;

	(void)state;
	say_head(fd, "POST /upload", 1000000);
	talk_put(fd, data, 100000);
	expect(HEAD("GET /short") CLOSE "\r\n", 200, "short");
	start = clock_mono_ms();
	server_stop(server);
	server = NULL;
	assert_true(clock_mono_ms() - start < 5000);
	assert_int_equal(atomic_load(&failed_reads), 1);
}

/* ---- threads ----------------------------------------------------------------------------- */

static void test_long_requests_shut_no_short_one_out(void **state)
{
	int fds[LONG];

	(void)state;
	for (int i = 0; i < LONG; i++) {
		fds[i] = talk_dial(server_port(server));
		talk_say(fds[i], HEAD("GET /wait") CLOSE "\r\n");
	}
	until(&inside, LONG);
	expect(HEAD("GET /wait") CLOSE "\r\n", 429, "2 commands, streams and other long");
	expect(HEAD("POST /upload") CLOSE "Content-Length: 3\r\n\r\nabc", 429, "busy");
	expect(HEAD("GET /short") CLOSE "\r\n", 200, "short");
	cancel_fire(gate, "go");
	for (int i = 0; i < LONG; i++) {
		CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(LIMIT_MIB);
		talk_hear(fds[i], &in, "waited");
		close(fds[i]);
	}
	expect(HEAD("GET /wait") CLOSE "\r\n", 200, "waited");
}

/* ---- answers of a known size ------------------------------------------------------------- */

static void test_a_sized_answer(void **state)
{
	CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(8 * LIMIT_MIB);

	(void)state;
	/* The connection ends with it, and says so. */
	assert_int_equal(
		talk_ask(server_port(server), HEAD("GET /sized") "\r\n", &in), 200);
	char *body = strstr(in.data, "\r\n\r\n") + 4;
	*strstr(in.data, "\r\n\r\n") = '\0';
	assert_non_null(strstr(in.data, "Content-Length: 3145728"));
	assert_non_null(strstr(in.data, "Connection: close"));
	assert_null(strstr(in.data, "chunked"));
	assert_int_equal((size_t)(in.data + in.len - body), PIPE);
	strbuf_reset(&in);
	talk_ask(server_port(server), HEAD("GET /sized?cut=1") "\r\n", &in);
	body = strstr(in.data, "\r\n\r\n") + 4;
	assert_true((size_t)(in.data + in.len - body) < PIPE);
}

/* ---- another protocol -------------------------------------------------------------------- */

static void test_an_upgrade(void **state)
{
	CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(fd) int fd = talk_dial(server_port(server));
	int before = atomic_load(&ended_upgrades);

	(void)state;
	/* With the first bytes of the new protocol right behind the head. */
	talk_say(fd, HEAD("GET /upgrade") "Connection: Upgrade\r\nUpgrade: "
					  "capitals\r\n\r\nearly");
	talk_hear(fd, &in, "EARLY");
	assert_true(str_starts(strbuf_str(&in), "HTTP/1.1 101"));
	assert_non_null(strstr(strbuf_str(&in), "Upgrade: capitals"));
	talk_say(fd, " hello");
	talk_hear(fd, &in, " HELLO");
	shutdown(fd, SHUT_WR);
	talk_hear(fd, &in, NULL);
	until(&ended_upgrades, before + 1);
}

static void test_stop_ends_upgrades(void **state)
{
	CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(fd) int fd = talk_dial(server_port(server));
	int64_t start;

	(void)state;
	talk_say(fd,
		HEAD("GET /upgrade") "Connection: Upgrade\r\nUpgrade: capitals\r\n\r\n");
	talk_hear(fd, &in, "101");
	start = clock_mono_ms();
	server_stop(server);
	server = NULL;
	assert_true(clock_mono_ms() - start < 5000);
	talk_hear(fd, &in, NULL);
}

/* ---- pages of other origins -------------------------------------------------------------- */

#define PREFLIGHT(origin)                                                                \
	HEAD("OPTIONS /key")                                                             \
	CLOSE "Origin: " origin "\r\nAccess-Control-Request-Method: POST\r\n\r\n"

static void with_origins(const char *const *origins, size_t count, void (*check)(void))
{
	struct secret key = {0};
	struct http_app app = {.keys = &key,
		.key_count = 1,
		.cors_origins = origins,
		.cors_count = count};
	struct server *plain = server;

	secret_set(&key, "box_key", 7);
	start_with(&app);
	check();
	server_stop(server);
	server = plain;
	secret_release(&key);
}

static void check_named(void)
{
	CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(LIMIT_MIB);

	expect(PREFLIGHT("https://app.example"), 204,
		"Access-Control-Allow-Origin: https://app.example\r\n");
	expect(PREFLIGHT("https://app.example"), 204, "X-Box-Api-Key");
	expect(PREFLIGHT("https://evil.example"), 405, "Allow: GET, POST");
	expect(HEAD("GET /key") CLOSE "Origin: https://app.example\r\nX-Box-Api-Key: "
				      "box_key\r\n\r\n",
		200, "Access-Control-Allow-Origin: https://app.example\r\n");
	/* A refusal is readable to the page too. */
	expect(HEAD("GET /key") CLOSE "Origin: https://app.example\r\n\r\n", 401,
		"Access-Control-Allow-Origin: https://app.example\r\n");
	talk_ask(server_port(server),
		HEAD("GET /key") CLOSE "Origin: https://evil.example\r\nX-Box-Api-Key: "
				       "box_key\r\n\r\n",
		&in);
	assert_null(strstr(strbuf_str(&in), "Access-Control"));
	assert_non_null(strstr(strbuf_str(&in), "Vary: Origin"));
}

static void check_all(void)
{
	expect(PREFLIGHT("https://any.example"), 204,
		"Access-Control-Allow-Origin: *\r\n");
	expect(PREFLIGHT("\t"), 204,
		"Allow-Origin: *\r\n"); /* the setting's word, not its own */
}

static void test_origins(void **state)
{
	static const char *const named[] = {
		"https://other.example", "https://app.example"};
	static const char *const all[] = {"*"};

	(void)state;
	expect(PREFLIGHT("https://app.example"), 405, "Allow: GET, POST");
	with_origins(named, 2, check_named);
	with_origins(all, 1, check_all);
}

/* Without keys "*" opens nothing; an origin by its name does. */
static void test_origins_without_keys(void **state)
{
	static const char *const origins[] = {"*", "https://app.example"};
	static const struct http_app app = {.cors_origins = origins, .cors_count = 2};
	struct server *plain = server;

	(void)state;
	start_with(&app);
	expect(HEAD("GET /key") CLOSE "Origin: https://evil.example\r\n\r\n", 401, "key");
	expect(HEAD("GET /key") CLOSE "Origin: https://app.example\r\n\r\n", 200,
		"short");
	server_stop(server);
	server = plain;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_an_upload_comes_whole),
		T(test_small_and_empty_uploads),
		T(test_an_early_answer),
		T(test_a_client_that_leaves_amid_its_body),
		T(test_a_slow_body_and_a_late_one),
		T(test_stop_amid_an_upload),
		T(test_long_requests_shut_no_short_one_out),
		T(test_a_sized_answer),
		T(test_an_upgrade),
		T(test_stop_ends_upgrades),
		T(test_origins),
		T(test_origins_without_keys),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
