/* SPDX-License-Identifier: MIT */
/* Requests of an HTTP/1 connection: where each begins, its Host; what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "boxcore/base/mem.h"
#include "boxcore/base/strbuf.h"
#include "boxcore/egress/requests.h"

#include <stdlib.h>
#include <string.h>

/* Feeds `text` in parts of `part` bytes; the hosts that were judged, "a,b,"; "BAD" at the
 * end where it was refused.  What was passed goes to `passed`. */
static void scan(
	const char *text, size_t part, struct strbuf *hosts, struct strbuf *passed)
{
	struct requests requests = {0};
	CLEANUP(strbuf) struct strbuf held = STRBUF_INIT(LIMIT_MIB);
	size_t len = strlen(text);

	for (size_t at = 0; at < len; at += part) {
		enum requests_result result = REQUESTS_JUDGE;

		strbuf_add(&held, text + at, len - at < part ? len - at : part);
		while (result == REQUESTS_JUDGE) {
			size_t pass = 0;
			uint8_t *copy = mem_dup(held.data, held.len);

			result = requests_scan(&requests, copy, held.len, &pass);
			free(copy);
			assert_true(pass <= held.len);
			strbuf_add(passed, held.data, pass);
			memmove(held.data, held.data + pass, held.len - pass);
			held.len -= pass;
			if (result == REQUESTS_JUDGE)
				strbuf_addf(hosts, "%s,", requests.host);
			else if (result == REQUESTS_BAD) {
				strbuf_adds(hosts, "BAD");
				return;
			} else if (held.len == 0) {
				break;
			}
		}
	}
}

static void expect(const char *text, const char *want)
{
	static const size_t parts[] = {1, 2, 7, 100000};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		CLEANUP(strbuf)
		struct strbuf hosts = STRBUF_INIT(65536), passed = STRBUF_INIT(LIMIT_MIB);

		scan(text, parts[i], &hosts, &passed);
		if (strcmp(strbuf_str(&hosts), want) != 0)
			fail_msg("`%s`\nin parts of %zu: %s, not %s", text, parts[i],
				strbuf_str(&hosts), want);
		/* All of what is fine goes on, unchanged. */
		if (!strstr(want, "BAD"))
			assert_string_equal(strbuf_str(&passed), text);
		strbuf_release(&passed);
	}
}

#define GET(host) "GET / HTTP/1.1\r\nHost: " host "\r\n\r\n"

static void test_hosts(void **state)
{
	(void)state;
	expect(GET("a.example"), "a.example,");
	expect(GET("A.Example.:8080"), "a.example,");
	expect(GET("a.example") GET("b.example"), "a.example,b.example,");
	expect("GET / HTTP/1.0\r\n\r\n", ",");
	expect(GET("[::1]:80"), ",");
	expect("GET http://a.example/x HTTP/1.1\r\nhost:a.example\r\n\r\n", "a.example,");
	expect("OPTIONS * HTTP/1.1\r\nX: y\r\nHost:\ta.example\t\r\n\r\n", "a.example,");
}

static void test_bodies(void **state)
{
	(void)state;
	expect("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 26\r\n\r\n"
	       "GET / HTTP/1.1\r\nHost: no\r\n" GET("b"),
		"a,b,");
	expect("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	       "5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n" GET("b"),
		"a,b,");
	expect("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	       "0\r\nTrailer: x\r\n\r\n" GET("b"),
		"a,b,");
	expect("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" GET("b"),
		"a,b,");
}

static void test_refused(void **state)
{
	static const char *const bad[] = {"GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\nHost: a\n\nxx\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n Host: b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
		"GET / HTTP/1.1\r\nX: y\nHost: b\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nX: y\rHost: b\r\nHost: a\r\n\r\n",
		"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "GET  HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / x HTTP/1.1\r\nHost: a\r\n\r\n",
		"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http://a@b/ HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: "
		"2\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1,1\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: "
		"99999999999999999999\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
		"Transfer-Encoding: chunked\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
		"Transfer-Encoding: chunked\r\n\r\n",
		"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		expect(bad[i], "BAD");
#define CHUNKED "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	expect(CHUNKED "x\r\n", "a,BAD");
	expect(CHUNKED "\r\n", "a,BAD");
	expect(CHUNKED "5 \r\n", "a,BAD");
	expect(CHUNKED "-1\r\n", "a,BAD");
	expect(CHUNKED "fffffffffffffffff\r\n", "a,BAD");
	expect(CHUNKED "5\nhello\r\n", "a,BAD");
	expect(GET("a") "nonsense\r\n\r\n", "a,BAD");
}

static void test_endless_head(void **state)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_MIB);

	(void)state;
	strbuf_adds(&text, "GET / HTTP/1.1\r\nHost: a\r\n");
	while (text.len < LIMIT_EGRESS_HEAD)
		strbuf_adds(&text, "X: 0123456789012345678901234567890123456789\r\n");
	struct requests requests = {0};
	size_t pass = 0;
	assert_int_equal(requests_scan(&requests, (uint8_t *)text.data,
				 LIMIT_EGRESS_HEAD - 1, &pass),
		REQUESTS_MORE);
	assert_int_equal(
		requests_scan(&requests, (uint8_t *)text.data, LIMIT_EGRESS_HEAD, &pass),
		REQUESTS_BAD);
}

#define UPGRADE                                                                          \
	"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: "                \
	"Upgrade\r\n\r\n"

/* What follows a request to switch waits for the answer. */
static void test_upgrade(void **state)
{
	static const char granted[] = "HTTP/1.1 101 Switching\r\n",
			  not [] = "HTTP/1.1 200 OK";
	static const char text[] = UPGRADE "\x81\x05hello";
	const uint8_t *data = (const uint8_t *)text;
	size_t head = sizeof UPGRADE - 1, pass = 0;

	(void)state;
	for (int yes = 0; yes < 2; yes++) {
		struct requests requests = {0};

		assert_int_equal(requests_scan(&requests, data, sizeof text - 1, &pass),
			REQUESTS_JUDGE);
		assert_int_equal(requests_scan(&requests, data, sizeof text - 1, &pass),
			REQUESTS_MORE);
		assert_int_equal(pass, head);
		assert_int_equal(
			requests_scan(&requests, data + head, 7, &pass), REQUESTS_MORE);
		assert_int_equal(pass, 0);
		requests_answered(&requests, (const uint8_t *)(yes ? granted : not ),
			yes ? sizeof granted - 1 : sizeof not -1);
		assert_int_equal(
			requests_scan(&requests, data + head, 7, &pass), REQUESTS_MORE);
		assert_int_equal(pass, yes ? 7 : 0); /* else the half of a next head */
	}
	expect(GET("a") UPGRADE, "a,BAD"); /* not the first: its answer is not known */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_endless_head),
		cmocka_unit_test(test_upgrade),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
