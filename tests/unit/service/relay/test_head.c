/* SPDX-License-Identifier: MIT */
/* Requests that two readers could understand in two ways are refused. */
#include "service/relay/head.h"

#include "boxcore/base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define HOST "Host: x\r\n"

static int parse(const char *text, struct relay_head *head, struct err *err)
{
	return relay_head_parse(text, strlen(text), head, err);
}

static void a_plain_request_is_understood(void **state)
{
	struct relay_head head;
	struct err err = {0};

	(void)state;
	assert_int_equal(
		parse("POST /v1/messages?beta=true HTTP/1.1\r\nhost: 127.0.0.1:1\r\n"
		      "X-Thing: \t a b \t\r\nConnection: keep-alive, Close\r\n"
		      "Content-Length: 12\r\nExpect: 100-continue\r\n\r\n",
			&head, &err),
		0);
	assert_true(slice_eq(head.method, "POST"));
	assert_true(slice_eq(head.path, "/v1/messages"));
	assert_true(slice_eq(head.query, "beta=true"));
	assert_true(slice_eq(*relay_head_find(&head, "x-thing"), "a b"));
	assert_int_equal(head.content_length, 12);
	assert_true(head.close && head.expect_continue && !head.chunked && !head.upgrade);
}

static void doubtful_requests_are_refused(void **state)
{
	static const struct {
		const char *text;
		int status;
	} cases[] = {
		{"GET / HTTP/1.1\r\n\r\n", 400}, /* no Host */
		{"GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400},
		{"GET / HTTP/1.0\r\n" HOST "\r\n", 505},
		{"GET / HTTP/2.0\r\n" HOST "\r\n", 505},
		{"GET / http/1.1\r\n" HOST "\r\n", 400},
		{"GET /\r\n" HOST "\r\n", 400},
		{"GET  / HTTP/1.1\r\n" HOST "\r\n", 400},
		{"GET / x HTTP/1.1\r\n" HOST "\r\n", 400},
		{"\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 400},
		{"GET / HTTP/1.1 \r\n" HOST "\r\n", 400},
		{"G@T / HTTP/1.1\r\n" HOST "\r\n", 400},
		{"GET http://evil/ HTTP/1.1\r\n" HOST "\r\n", 400},
		{"CONNECT evil:443 HTTP/1.1\r\n" HOST "\r\n", 400},
		{"GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400},
		{"GET /%2 HTTP/1.1\r\n" HOST "\r\n", 400},
		{"GET /a?b=%g0 HTTP/1.1\r\n" HOST "\r\n", 400},
		{"GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n", 400},
		{"GET / HTTP/1.1\nHost: x\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n" HOST " folded\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n" HOST "A: b\r\n\tfolded\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n" HOST "A: \x01\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n" HOST "A\x80: b\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\n" HOST
		 "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
			400},
		{"POST / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\n" HOST "Content-Length: 0x1\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\n" HOST "Content-Length: \r\n\r\n", 400},
		{"POST / HTTP/1.1\r\n" HOST
		 "Content-Length: 18446744073709551617\r\n\r\n",
			400},
		{"POST / HTTP/1.1\r\n" HOST
		 "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
			400},
		{"POST / HTTP/1.1\r\n" HOST
		 "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
			400},
		{"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n",
			501},
		{"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \x0b"
		 "chunked\r\n\r\n",
			400},
		{"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", 501},
		{"POST / HTTP/1.1\r\n" HOST "Expect: 200-ok\r\n\r\n", 417},
		{"GET / HTTP/1.1\r\n" HOST "\r\nGET /next", 400},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct relay_head head;
		struct err err = {0};
		int status = parse(cases[i].text, &head, &err);
		if (status != cases[i].status)
			fail_msg("case %zu: %d, not %d", i, status, cases[i].status);
		assert_string_not_equal(err.text, "");
	}
	struct relay_head head;
	struct err err = {0};
	assert_int_equal(
		relay_head_parse("GET / HTTP/1.1\r\nHost: \0\r\n\r\n", 27, &head, &err),
		400);
}

static void headers_are_counted(void **state)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_RELAY_HEAD);
	struct relay_head head;
	struct err err = {0};

	(void)state;
	strbuf_adds(&text, "GET / HTTP/1.1\r\nHost: x\r\n");
	for (int i = 1; i < LIMIT_RELAY_HEADERS; i++)
		strbuf_adds(&text, "A: b\r\n");
	size_t fine = text.len;
	strbuf_adds(&text, "\r\n");
	assert_int_equal(parse(text.data, &head, &err), 0);
	assert_null(relay_head_find(&head, "a")); /* not the only one */
	text.len = fine;
	strbuf_adds(&text, "A: b\r\n\r\n");
	assert_int_equal(parse(text.data, &head, &err), 431);
}

static int unchunk(const char *text, size_t piece, struct strbuf *out, size_t *used)
{
	struct relay_chunks chunks = {0};
	struct err err = {0};
	size_t len = strlen(text);
	int rc = 0;

	*used = 0;
	while (rc == 0 && *used < len) {
		size_t n = len - *used < piece ? len - *used : piece;
		size_t taken = 0;
		rc = relay_chunks_feed(&chunks, text + *used, n, &taken, out, &err);
		*used += taken;
	}
	return rc;
}

static void chunks_in_pieces(void **state)
{
	static const char text[] = "5\r\nhello\r\n00A\r\n, 10 bytes\r\n0\r\n\r\nNEXT";

	(void)state;
	for (size_t piece = 1; piece < 40; piece++) {
		CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(100);
		size_t used;
		assert_int_equal(unchunk(text, piece, &out, &used), 1);
		assert_string_equal(out.data, "hello, 10 bytes");
		assert_string_equal(text + used, "NEXT");
	}
}

static void bad_chunks_are_refused(void **state)
{
	static const char *const cases[] = {"\r\n", "x\r\n", "5;ext=1\r\nhello\r\n",
		"5 \r\n", "5\nhello", "5\r\nhello!\r\n", "5\r\nhelloX", "+5\r\n",
		"0x5\r\n", "000000005\r\nhello", "0\r\nTrailer: x\r\n\r\n", "0\r\n\n",
		"-1\r\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(100);
		size_t used;
		if (unchunk(cases[i], 100, &out, &used) != -1)
			fail_msg("case %zu was taken", i);
	}
	CLEANUP(strbuf) struct strbuf small = STRBUF_INIT(4);
	size_t used;
	assert_int_equal(unchunk("5\r\nhello\r\n0\r\n\r\n", 100, &small, &used), -1);
	assert_true(strbuf_failed(&small));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_request_is_understood),
		cmocka_unit_test(doubtful_requests_are_refused),
		cmocka_unit_test(headers_are_counted),
		cmocka_unit_test(chunks_in_pieces),
		cmocka_unit_test(bad_chunks_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
