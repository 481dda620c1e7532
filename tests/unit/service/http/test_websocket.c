/* SPDX-License-Identifier: MIT */
/* service/http/websocket.c: frames byte by byte, rules kept and broken. */
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/http/websocket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

enum { MAX = 70000 };

/* A client's frame: masked, with the shortest length unless `wide` says otherwise. */
static void add_frame(
	struct strbuf *out, uint8_t first, const void *data, size_t len, size_t wide)
{
	static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
	const uint8_t *bytes = data;
	size_t extra = wide ? wide : len < 126 ? 0 : len < 65536 ? 2 : 8;

	strbuf_addc(out, (char)first);
	strbuf_addc(out, (char)(0x80 | (extra == 0 ? len : extra == 2 ? 126 : 127)));
	for (size_t i = 0; i < extra; i++)
		strbuf_addc(out, (char)((uint64_t)len >> 8 * (extra - 1 - i)));
	strbuf_add(out, mask, 4);
	for (size_t i = 0; i < len; i++)
		strbuf_addc(out, (char)(bytes[i] ^ mask[i & 3]));
}

/* "1:text;9:ping;" for what came, and "!1002" for a fault. */
static char *take(const struct strbuf *in, size_t piece)
{
	struct strbuf out = STRBUF_INIT(LIMIT_MIB);
	struct websocket ws;
	int rc = 0;

	websocket_init(&ws, MAX);
	for (size_t at = 0; at < in->len && rc >= 0;) {
		struct websocket_event event;
		size_t n = in->len - at < piece ? in->len - at : piece, used;
		rc = websocket_take(&ws, in->data + at, n, &used, &event);
		assert_true(used <= n);
		assert_true(rc != 0 || used == n);
		at += used;
		if (rc > 0)
			strbuf_addf(&out, "%d:%.*s;", (int)event.kind,
				event.len > 100 ? 0 : (int)event.len, event.text);
		if (rc > 0 && event.len > 100)
			strbuf_addf(&out, "(%zu)", event.len);
	}
	if (rc < 0)
		strbuf_addf(&out, "!%d", (int)ws.fault);
	websocket_release(&ws);
	return strbuf_take(&out);
}

static void expect(const struct strbuf *in, const char *wanted)
{
	static const size_t pieces[] = {1, 2, 3, 7, 100000};

	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		CLEANUP(mem) char *got = take(in, pieces[i]);
		if (!str_eq(got, wanted))
			fail_msg("wanted %s, got %s in pieces of %zu", wanted, got,
				pieces[i]);
	}
}

static void one(
	uint8_t first, const char *data, size_t len, size_t wide, const char *wanted)
{
	CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(LIMIT_MIB);

	add_frame(&in, first, data, len, wide);
	expect(&in, wanted);
}

static void test_accept(void **state)
{
	char accept[WEBSOCKET_ACCEPT_SIZE];

	(void)state;
	/* The example of RFC 6455. */
	assert_true(websocket_accept("dGhlIHNhbXBsZSBub25jZQ==", accept));
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	assert_false(websocket_accept(NULL, accept));
	assert_false(websocket_accept("", accept));
	assert_false(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=", accept));
	assert_false(websocket_accept("dGhlIHNhbXBsZSBub25jZQ===", accept));
	assert_false(websocket_accept("!GhlIHNhbXBsZSBub25jZQ==", accept));
	assert_false(websocket_accept("dGhlIHNhbXBsZSBub25jZQAA", accept));
}

static void test_messages(void **state)
{
	CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(mem) char *large = mem_alloc(MAX);

	(void)state;
	memset(large, 'x', MAX);
	add_frame(&in, 0x81, "hello", 5, 0);
	add_frame(&in, 0x81, "", 0, 0);
	add_frame(&in, 0x89, "ping", 4, 0);
	/* A ping may stand between the pieces of a message. */
	add_frame(&in, 0x01, "a\xc3", 2, 0);
	add_frame(&in, 0x8a, "", 0, 0);
	add_frame(&in, 0x00, "\xa9", 1, 0);
	add_frame(&in, 0x80, "b", 1, 0);
	add_frame(&in, 0x81, large, 126, 0);
	add_frame(&in, 0x81, large, 65535, 0);
	add_frame(&in, 0x81, large, MAX, 0);
	add_frame(&in, 0x88, "\x03\xe8", 2, 0);
	expect(&in, "1:hello;1:;9:ping;10:;1:a\xc3\xa9"
		    "b;1:;(126)1:;(65535)1:;(70000)8:\x03\xe8;");
}

static void test_broken_rules(void **state)
{
	CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(mem) char *large = mem_alloc(MAX + 1);

	(void)state;
	memset(large, 'x', MAX + 1);
	strbuf_add(&in, "\x81\x01x", 3); /* not masked */
	expect(&in, "!1002");
	one(0xc1, "x", 1, 0, "!1002"); /* an extension nobody asked for */
	one(0x82, "x", 1, 0, "!1003"); /* binary */
	one(0x83, "x", 1, 0, "!1002");
	one(0x8b, "x", 1, 0, "!1002");
	one(0x80, "x", 1, 0, "!1002");     /* goes on with nothing */
	one(0x09, "x", 1, 0, "!1002");     /* a control frame in pieces */
	one(0x89, large, 126, 0, "!1002"); /* and a large one */
	one(0x81, "x", 1, 2, "!1002");     /* lengths that could be shorter */
	one(0x81, large, 65535, 8, "!1002");
	one(0x81, large, MAX + 1, 0, "!1009");
	one(0x81, "\xff", 1, 0, "!1007");
	one(0x81, "\xed\xa0\x80", 3, 0, "!1007");
	one(0x88, "\x03", 1, 0, "!1002");
	one(0x88, "\x03\xed", 2, 0, "!1002"); /* 1005 is never sent */
	one(0x88, "\x03\xe8\xff", 3, 0, "!1002");
	strbuf_reset(&in);
	add_frame(&in, 0x01, large, 60000, 0);
	add_frame(&in, 0x80, large, 20000, 0); /* too large together */
	expect(&in, "!1009");
	strbuf_reset(&in);
	add_frame(&in, 0x01, "a", 1, 0);
	add_frame(&in, 0x81, "b", 1, 0); /* a message within one */
	expect(&in, "!1002");
	strbuf_reset(&in);
	strbuf_add(
		&in, "\x81\xff\x80\0\0\0\0\0\0\0", 10); /* length with its highest bit */
	strbuf_add(&in, "abcd", 4);
	expect(&in, "!1002");
}

static void test_frames_out(void **state)
{
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(mem) char *large = mem_alloc(MAX);

	(void)state;
	memset(large, 'x', MAX);
	websocket_put(&out, WEBSOCKET_TEXT, "hi", 2);
	assert_memory_equal(out.data, "\x81\x02hi", 4);
	strbuf_reset(&out);
	websocket_put(&out, WEBSOCKET_TEXT, large, 126);
	assert_memory_equal(out.data, "\x81\x7e\0\x7e", 4);
	assert_int_equal(out.len, 4 + 126);
	strbuf_reset(&out);
	websocket_put(&out, WEBSOCKET_TEXT, large, 65536);
	assert_memory_equal(out.data, "\x81\x7f\0\0\0\0\0\1\0\0", 10);
	assert_int_equal(out.len, 10 + 65536);
	strbuf_reset(&out);
	websocket_put_close(&out, WEBSOCKET_SIZE, "too large");
	assert_memory_equal(out.data, "\x88\x0b\x03\xf1too large", 13);
	strbuf_reset(&out);
	large[200] = '\0';
	websocket_put_close(&out, WEBSOCKET_NORMAL, large);
	assert_int_equal(out.len, 127);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_broken_rules),
		cmocka_unit_test(test_frames_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
