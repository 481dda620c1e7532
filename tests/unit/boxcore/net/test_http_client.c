/* SPDX-License-Identifier: MIT */
/* The HTTP client against peers that misbehave. */
#include "boxcore/net/http_client.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "tests/lib/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct peer *peer;
	struct http_client *client;
	struct http_answer answer;
	struct err err;
	atomic_int vanishing; /* requests that the peer took */
	char url[128];
};

/* The peer answers by the path that is asked for. */
static void handle(void *arg, struct peer *peer, int fd)
{
	struct peer_request r;

	struct fixture *f = arg;
	int requests = 0;

	(void)peer;
	while (peer_request(fd, &r)) {
		CLEANUP(peer_request) struct peer_request request = r;
		const char *path = request.target;

		if (str_eq(path, "/hello")) {
			peer_printf(fd, "HTTP/1.1 200 OK\r\nX-Thing: one\r\nX-Empty:\r\n"
					"Content-Length: 5\r\n\r\nhello");
		} else if (str_eq(path, "/early-hints")) {
			peer_printf(fd,
				"HTTP/1.1 103 Early Hints\r\nX-Thing: early\r\n\r\n"
				"HTTP/1.1 404 No\r\nX-Thing: late\r\n"
				"Content-Length: 4\r\n\r\ngone");
		} else if (str_eq(path, "/hang")) {
			peer_hang(fd);
		} else if (str_eq(path, "/cut")) {
			peer_printf(
				fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly");
			return;
		} else if (str_eq(path, "/second-vanishes")) {
			atomic_fetch_add(&f->vanishing, 1);
			if (requests++ > 0)
				return;
			peer_answer(fd, 200, "text/plain", "first");
		} else if (str_eq(path, "/cut-head")) {
			peer_printf(fd, "HTTP/1.1 200 OK\r\nX-Th");
			return;
		} else if (str_eq(path, "/lying-short")) {
			peer_printf(
				fd, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef");
			return;
		} else if (str_eq(path, "/large-announced")) {
			peer_printf(fd,
				"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n");
			peer_hang(fd);
		} else if (str_eq(path, "/large-chunked")) {
			peer_printf(fd, "HTTP/1.1 200 OK\r\n"
					"Transfer-Encoding: chunked\r\n\r\n");
			while (peer_printf(fd, "8\r\n12345678\r\n"))
				continue;
		} else if (str_eq(path, "/large-head")) {
			peer_printf(fd, "HTTP/1.1 200 OK\r\n");
			while (peer_printf(fd, "X-A: %0200d\r\n", 1))
				continue;
		} else if (str_eq(path, "/redirect")) {
			peer_printf(fd, "HTTP/1.1 302 Found\r\nLocation: /hello\r\n"
					"Content-Length: 0\r\n\r\n");
		} else if (str_eq(path, "/garbage")) {
			peer_printf(fd, "220 smtp.example ESMTP\r\n");
			return;
		} else if (str_eq(path, "/drip")) { /* never silent for long */
			peer_printf(fd, "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n");
			for (int i = 0; i < 30 && peer_write(fd, "x", 1); i++)
				usleep(20000);
		} else if (str_eq(path, "/echo")) {
			peer_answer(fd, 200, "text/plain", request.body);
		} else if (str_eq(path, "/head")) {
			peer_answer(fd, 200, "text/plain", request.head);
		} else if (str_eq(path, "/refuse")) {
			peer_answer(fd, 422, "text/plain", "because");
		}
	}
}

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof *f);
	struct http_peer peer = {.plain_http = true};

	f->peer = peer_start(NULL, handle, f);
	f->client = http_client_new(&peer);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	http_client_free(f->client);
	http_answer_release(&f->answer);
	peer_stop(f->peer);
	free(f);
	return 0;
}

static const char *url(struct fixture *f, const char *path)
{
	snprintf(
		f->url, sizeof f->url, "http://127.0.0.1:%u%s", peer_port(f->peer), path);
	return f->url;
}

static int perform(struct fixture *f, struct http_request *request, struct cancel *cancel)
{
	http_answer_release(&f->answer);
	f->err = (struct err){0};
	return http_perform(f->client, request, &f->answer, cancel, &f->err);
}

static int get(struct fixture *f, const char *path)
{
	struct http_request request = {.method = "GET",
		.url = url(f, path),
		.max_body = 1000,
		.silence_ms = 200};

	return perform(f, &request, NULL);
}

static void answers_with_body_and_headers(void **state)
{
	struct fixture *f = *state;
	char value[16], small[3];

	assert_int_equal(get(f, "/hello"), 0);
	assert_int_equal(f->answer.status, 200);
	assert_string_equal(strbuf_str(&f->answer.body), "hello");
	assert_true(http_answer_header(&f->answer, "x-thing", value, sizeof value));
	assert_string_equal(value, "one");
	assert_true(http_answer_header(&f->answer, "x-empty", value, sizeof value));
	assert_string_equal(value, "");
	assert_false(http_answer_header(&f->answer, "x-thin", value, sizeof value));
	assert_false(http_answer_header(&f->answer, "x-thing", small, sizeof small));
}

static void keeps_its_connection(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 5; i++)
		assert_int_equal(get(f, "/hello"), 0);
	assert_int_equal(peer_connections(f->peer), 1);
}

static void interim_answers_are_skipped(void **state)
{
	struct fixture *f = *state;
	char value[16];

	assert_int_equal(get(f, "/early-hints"), 0);
	assert_int_equal(f->answer.status, 404);
	assert_true(http_answer_header(&f->answer, "x-thing", value, sizeof value));
	assert_string_equal(value, "late");
}

static void redirect_is_an_answer(void **state)
{
	struct fixture *f = *state;
	char value[16];

	assert_int_equal(get(f, "/redirect"), 0);
	assert_int_equal(f->answer.status, 302);
	assert_true(http_answer_header(&f->answer, "location", value, sizeof value));
	assert_int_equal(f->answer.body.len, 0);
}

static void broken_answers_are_transient(void **state)
{
	static const char *const paths[] = {"/cut", "/cut-head", "/garbage"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		assert_int_equal(get(f, paths[i]), -1);
		assert_int_equal(f->err.kind, ERR_TRANSIENT);
		assert_non_null(strstr(f->err.text, "127.0.0.1"));
		assert_null(strstr(
			f->err.text, paths[i])); /* a path may hold what is private */
	}
}

static void a_cut_body_still_tells_the_status(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(get(f, "/cut"), -1);
	assert_int_equal(f->answer.status, 200);
	assert_string_equal(strbuf_str(&f->answer.body), "only");
}

static void more_than_announced_is_not_read(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(get(f, "/lying-short"), 0);
	assert_string_equal(strbuf_str(&f->answer.body), "abc");
	assert_int_equal(get(f, "/hello"), 0); /* the rest is no answer to the next */
	assert_string_equal(strbuf_str(&f->answer.body), "hello");
}

static void too_large_is_a_limit(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(get(f, "/large-announced"), -1);
	assert_int_equal(f->err.kind, ERR_LIMIT);
	assert_int_equal(get(f, "/large-chunked"), -1);
	assert_int_equal(f->err.kind, ERR_LIMIT);
	assert_non_null(strstr(f->err.text, "larger than 1000 bytes"));
	assert_true(f->answer.body.len <= 1000);
	assert_int_equal(get(f, "/large-head"), -1);
	assert_int_equal(f->err.kind, ERR_LIMIT);
}

static void no_body_accepted_by_default(void **state)
{
	struct fixture *f = *state;
	struct http_request request = {.method = "GET", .url = url(f, "/hello")};

	assert_int_equal(perform(f, &request, NULL), -1);
	assert_int_equal(f->err.kind, ERR_LIMIT);
}

static void silence_ends_a_call(void **state)
{
	struct fixture *f = *state;
	int64_t start = clock_mono_ms();

	assert_int_equal(get(f, "/hang"), -1);
	assert_int_equal(f->err.kind, ERR_TRANSIENT);
	assert_non_null(strstr(f->err.text, "200 ms"));
	assert_in_range(clock_mono_ms() - start, 190, 2000);
}

static void slow_but_not_silent_is_fine(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(get(f, "/drip"), 0); /* 600 ms, silent for 20 at most */
	assert_int_equal(f->answer.body.len, 30);
}

static void total_ends_a_call_that_is_not_silent(void **state)
{
	struct fixture *f = *state;
	struct http_request request = {.method = "GET",
		.url = url(f, "/drip"),
		.max_body = 100,
		.total_ms = 150};
	int64_t start = clock_mono_ms();

	assert_int_equal(perform(f, &request, NULL), -1);
	assert_int_equal(f->err.kind, ERR_TRANSIENT);
	assert_in_range(clock_mono_ms() - start, 140, 550);
}

static void deadline_of_the_cancel_counts(void **state)
{
	struct fixture *f = *state;
	CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);
	struct http_request request = {.method = "GET", .url = url(f, "/hang")};
	int64_t start = clock_mono_ms();

	cancel_deadline(cancel, 100, "the test's patience");
	assert_int_equal(perform(f, &request, cancel), -1);
	assert_int_equal(f->err.kind, ERR_TRANSIENT);
	assert_non_null(strstr(f->err.text, "the test's patience has passed"));
	assert_in_range(clock_mono_ms() - start, 95, 1000);
}

struct firing {
	struct cancel *cancel;
	int64_t fired_us;
};

static void *fire_later(void *arg)
{
	struct firing *firing = arg;

	usleep(100000);
	firing->fired_us = clock_mono_us();
	cancel_fire(firing->cancel, "cancelled by @octocat");
	return NULL;
}

static void cancel_from_another_thread_is_quick(void **state)
{
	struct fixture *f = *state;
	struct http_request request = {.method = "GET", .url = url(f, "/hang")};
	int64_t best = INT64_MAX;

	for (int i = 0; i < 5; i++) {
		CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);
		struct firing firing = {.cancel = cancel};
		pthread_t thread;
		struct err err = {0};

		assert_int_equal(
			thread_start(&thread, "fire", fire_later, &firing, &err), 0);
		assert_int_equal(perform(f, &request, cancel), -1);
		int64_t ended = clock_mono_us();
		thread_join(thread);
		assert_int_equal(f->err.kind, ERR_CANCELLED);
		assert_non_null(strstr(f->err.text, "cancelled by @octocat"));
		if (ended - firing.fired_us < best)
			best = ended - firing.fired_us;
	}
	print_message("cancel to return: best of 5 %lld us\n", (long long)best);
	assert_in_range(best, 0, 5000);
}

static void fired_cancel_sends_nothing(void **state)
{
	struct fixture *f = *state;
	CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);
	struct http_request request = {.method = "GET", .url = url(f, "/hello")};

	cancel_fire(cancel, "stop");
	assert_int_equal(perform(f, &request, cancel), -1);
	assert_int_equal(f->err.kind, ERR_CANCELLED);
	assert_int_equal(peer_connections(f->peer), 0);
}

/* ---- requests -------------------------------------------------------------------------- */

static void headers_and_secrets_are_sent(void **state)
{
	struct fixture *f = *state;
	CLEANUP(secret) struct secret token = {0};
	struct http_header headers[] = {
		{.name = "Authorization", .value = "Bearer ", .secret = &token},
		{.name = "X-Empty", .value = ""},
	};
	struct http_request request = {.method = "DELETE",
		.url = url(f, "/head"),
		.headers = headers,
		.nheaders = ARRAY_LEN(headers),
		.max_body = 4000};

	secret_set(&token, "t0p-secret-value", 16);
	assert_int_equal(perform(f, &request, NULL), 0);
	const char *head = strbuf_str(&f->answer.body);
	assert_true(str_starts(head, "DELETE /head HTTP/1.1\r\n"));
	assert_non_null(strstr(head, "\r\nAuthorization: Bearer t0p-secret-value\r\n"));
	assert_non_null(strstr(head, "\r\nX-Empty:"));
	assert_non_null(strstr(head, "\r\nUser-Agent: boxwright\r\n"));
	assert_null(strstr(head, "Expect"));
	assert_null(strstr(head, "Content-Type"));
}

static void injection_is_refused(void **state)
{
	struct fixture *f = *state;
	CLEANUP(secret) struct secret torn = {0};
	struct http_header bad[] = {
		{.name = "X-A", .value = "a\r\nX-B: b"},
		{.name = "X-A", .value = "a\nb"},
		{.name = "X-A: b\r\nX-C", .value = "a"},
		{.name = "", .value = "a"},
		{.name = "X A", .value = "a"},
		{.name = "X-A", .secret = &torn},
	};
	struct http_request request = {
		.method = "GET", .url = url(f, "/hello"), .nheaders = 1};

	secret_set(&torn, "before\nafter!", 13);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		request.headers = &bad[i];
		assert_int_equal(perform(f, &request, NULL), -1);
		assert_int_equal(f->err.kind, ERR_INPUT);
	}
	request.nheaders = 0;
	request.url = url(f, "/hello\r\nX-A: b");
	assert_int_equal(perform(f, &request, NULL), -1);
	assert_int_equal(f->err.kind, ERR_INPUT);
	request.url = url(f, "/hello");
	request.method = "GET / HTTP/1.1\r\n";
	assert_int_equal(perform(f, &request, NULL), -1);
	assert_int_equal(f->err.kind, ERR_INPUT);
	assert_int_equal(peer_connections(f->peer), 0);
}

static void plain_http_needs_permission(void **state)
{
	struct fixture *f = *state;
	CLEANUP(http_client) struct http_client *client = http_client_new(NULL);
	struct http_request request = {
		.method = "GET", .url = url(f, "/hello"), .max_body = 100};

	assert_int_equal(http_perform(client, &request, &f->answer, NULL, &f->err), -1);
	assert_int_equal(f->err.kind, ERR_INPUT);
	request.url = "file:///etc/hostname";
	assert_int_equal(perform(f, &request, NULL), -1);
	assert_int_equal(f->err.kind, ERR_INPUT);
	assert_int_equal(peer_connections(f->peer), 0);
}

static void body_is_sent_whole(void **state)
{
	struct fixture *f = *state;
	size_t len = 3000000;
	CLEANUP(mem) char *body = mem_alloc(len);
	struct http_request request = {.method = "PUT",
		.url = url(f, "/echo"),
		.body = body,
		.body_len = len,
		.max_body = len};

	memset(body, 'b', len);
	assert_int_equal(perform(f, &request, NULL), 0);
	assert_int_equal(f->answer.body.len, len);
	assert_memory_equal(f->answer.body.data, body, len);
}

static void empty_post_has_a_length(void **state)
{
	struct fixture *f = *state;
	struct http_request request = {
		.method = "POST", .url = url(f, "/head"), .max_body = 4000};

	assert_int_equal(perform(f, &request, NULL), 0);
	assert_non_null(strstr(strbuf_str(&f->answer.body), "Content-Length: 0\r\n"));
}

struct bytes {
	size_t left;
	bool fails;
};

static ssize_t give(void *arg, void *buf, size_t size, struct err *err)
{
	struct bytes *bytes = arg;
	size_t n = bytes->left < size ? bytes->left : size;

	if (bytes->fails && bytes->left < 1000)
		return err_set(err, ERR_NOT_FOUND, "the source is dry");
	memset(buf, 's', n);
	bytes->left -= n;
	return (ssize_t)n;
}

static void source_is_streamed(void **state)
{
	struct fixture *f = *state;
	struct bytes bytes = {.left = 200000};
	struct http_request request = {.method = "PUT",
		.url = url(f, "/echo"),
		.source = give,
		.source_arg = &bytes,
		.max_body = 200000};

	assert_int_equal(perform(f, &request, NULL), 0); /* chunked */
	assert_int_equal(f->answer.body.len, 200000);
	bytes.left = 100000;
	request.source_len = 100000;
	assert_int_equal(perform(f, &request, NULL), 0);
	assert_int_equal(f->answer.body.len, 100000);
	bytes.left = 100000; /* less than announced */
	request.source_len = 100001;
	assert_int_equal(perform(f, &request, NULL), -1);
	assert_int_equal(f->err.kind, ERR_INTERNAL);
	bytes = (struct bytes){.left = 1500, .fails = true};
	request.source_len = 0;
	bytes.left = 900;
	assert_int_equal(perform(f, &request, NULL), -1);
	assert_int_equal(f->err.kind, ERR_NOT_FOUND);
	assert_string_equal(f->err.text, "the source is dry");
}

static int take(void *arg, const void *data, size_t len, struct err *err)
{
	size_t *taken = arg;

	(void)data;
	*taken += len;
	return *taken > 100 ? err_set(err, ERR_CONFLICT, "enough") : 0;
}

static void sink_takes_the_body_but_not_a_refusal(void **state)
{
	struct fixture *f = *state;
	size_t taken = 0;
	struct http_request request = {.method = "GET",
		.url = url(f, "/hello"),
		.sink = take,
		.sink_arg = &taken,
		.max_body = SIZE_MAX};

	assert_int_equal(perform(f, &request, NULL), 0);
	assert_int_equal(taken, 5);
	assert_int_equal(f->answer.body.len, 0);
	request.url = url(f, "/refuse");
	assert_int_equal(perform(f, &request, NULL), 0);
	assert_int_equal(taken, 5);
	assert_string_equal(strbuf_str(&f->answer.body), "because");
	request.sink_errors = true;
	assert_int_equal(perform(f, &request, NULL), 0);
	assert_int_equal(taken, 12);
	request.url = url(f, "/large-chunked");
	assert_int_equal(perform(f, &request, NULL), -1);
	assert_string_equal(f->err.text, "enough");
}

/* The peer takes the second request of a connection and hangs up: it may have had its effect.
 * curl would send it again. */
static void post_is_not_sent_twice(void **state)
{
	struct fixture *f = *state;
	struct http_request post = {
		.method = "POST", .url = url(f, "/second-vanishes"), .max_body = 100};

	assert_int_equal(perform(f, &post, NULL), 0);
	assert_int_equal(perform(f, &post, NULL), -1);
	assert_int_equal(f->err.kind, ERR_TRANSIENT);
	assert_non_null(strstr(f->err.text, "lost before an answer"));
	assert_int_equal(atomic_load(&f->vanishing), 2);
	assert_int_equal(perform(f, &post, NULL), 0);
	/* What may be repeated is. */
	assert_int_equal(get(f, "/second-vanishes"), 0);
	assert_int_equal(atomic_load(&f->vanishing), 5);
}

static void nobody_listens(void **state)
{
	struct fixture *f = *state;
	struct http_request request = {
		.method = "GET", .url = "http://127.0.0.1:1/", .max_body = 10};

	assert_int_equal(perform(f, &request, NULL), -1);
	assert_int_equal(f->err.kind, ERR_TRANSIENT);
	assert_int_equal(f->answer.status, 0);
}

static const char *refuse_loopback(const struct sockaddr *address)
{
	return address->sa_family == AF_INET ? "not there" : NULL;
}

static const char *refuse_nothing(const struct sockaddr *address)
{
	(void)address;
	return NULL;
}

/* An address is judged when it is connected to, whatever name led there; and the
 * environment's proxy does not go there instead. */
static void addresses_can_be_refused(void **state)
{
	struct fixture *f = *state;
	struct http_peer no = {.plain_http = true, .refuse = refuse_loopback};
	struct http_peer yes = {.plain_http = true, .refuse = refuse_nothing};
	CLEANUP(http_client) struct http_client *shut = http_client_new(&no);
	CLEANUP(http_client) struct http_client *open = http_client_new(&yes);
	struct http_request request = {
		.method = "GET", .url = url(f, "/hello"), .max_body = 10};
	struct http_answer answer = {0};
	struct err err = {0};

	assert_int_equal(http_perform(shut, &request, &answer, NULL, &err), -1);
	http_answer_release(&answer);
	assert_int_equal(err.kind, ERR_DENIED);
	assert_non_null(strstr(err.text, "not there"));
	assert_int_equal(http_perform(open, &request, &answer, NULL, &err), 0);
	assert_int_equal(answer.status, 200);
	http_answer_release(&answer);
}

static void over_a_unix_socket(void **state)
{
	char path[] = "/tmp/boxwright-test-http.sock";
	struct http_peer where = {.unix_socket = path, .plain_http = true};
	struct http_request request = {
		.method = "GET", .url = "http://engine/hello", .max_body = 10};
	struct http_answer answer;
	struct err err = {0};

	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1/", 1); /* must not matter */
	struct peer *peer = peer_start(path, handle, NULL);
	CLEANUP(http_client) struct http_client *client = http_client_new(&where);
	assert_int_equal(http_perform(client, &request, &answer, NULL, &err), 0);
	assert_int_equal(answer.status, 200);
	http_answer_release(&answer);
	peer_stop(peer);
	assert_int_equal(http_perform(client, &request, &answer, NULL, &err), -1);
	assert_non_null(strstr(err.text, path));
	http_answer_release(&answer);
	unsetenv("http_proxy");
}

int main(void)
{
	struct err err = {0};
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(answers_with_body_and_headers),
		T(keeps_its_connection),
		T(interim_answers_are_skipped),
		T(redirect_is_an_answer),
		T(broken_answers_are_transient),
		T(a_cut_body_still_tells_the_status),
		T(more_than_announced_is_not_read),
		T(too_large_is_a_limit),
		T(no_body_accepted_by_default),
		T(silence_ends_a_call),
		T(slow_but_not_silent_is_fine),
		T(total_ends_a_call_that_is_not_silent),
		T(deadline_of_the_cancel_counts),
		T(cancel_from_another_thread_is_quick),
		T(fired_cancel_sends_nothing),
		T(headers_and_secrets_are_sent),
		T(injection_is_refused),
		T(plain_http_needs_permission),
		T(body_is_sent_whole),
		T(empty_post_has_a_length),
		T(source_is_streamed),
		T(sink_takes_the_body_but_not_a_refusal),
		T(post_is_not_sent_twice),
		T(nobody_listens),
		T(addresses_can_be_refused),
		cmocka_unit_test(over_a_unix_socket),
	};

	if (http_global_init(&err) < 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_global_cleanup();
	return failed;
}
