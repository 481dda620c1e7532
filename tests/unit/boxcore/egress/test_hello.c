/* SPDX-License-Identifier: MIT */
/* The first bytes of a connection: hellos whole, cut anywhere, malformed; methods. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "boxcore/base/mem.h"
#include "boxcore/base/strbuf.h"
#include "boxcore/egress/hello.h"

#include <stdlib.h>
#include <string.h>

static char name[LIMIT_EGRESS_NAME + 1];

/* ---- making hellos --------------------------------------------------------------------- */

static void add_u(struct strbuf *sb, size_t value, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--) {
		uint8_t byte = (uint8_t)(value >> (8 * i));

		strbuf_add(sb, &byte, 1);
	}
}

static void add_counted(struct strbuf *sb, const struct strbuf *inner, int bytes)
{
	add_u(sb, inner->len, bytes);
	strbuf_add(sb, inner->data, inner->len);
}

static void add_extension(struct strbuf *sb, unsigned type, const struct strbuf *body)
{
	add_u(sb, type, 2);
	add_counted(sb, body, 2);
}

static void add_server_name(struct strbuf *sb, const char *text)
{
	CLEANUP(strbuf) struct strbuf list = STRBUF_INIT(4096), body = STRBUF_INIT(4096);

	add_u(&list, 0, 1);
	add_u(&list, strlen(text), 2);
	strbuf_adds(&list, text);
	add_counted(&body, &list, 2);
	add_extension(sb, 0, &body);
	strbuf_release(&list);
}

/* The handshake message, with these extensions and one of `padding` bytes before them. */
static struct strbuf handshake(const struct strbuf *extensions, size_t padding)
{
	struct strbuf body = STRBUF_INIT(65536), all = STRBUF_INIT(65536),
		      list = STRBUF_INIT(65536), pad = STRBUF_INIT(65536);

	for (size_t i = 0; i < padding; i++)
		add_u(&pad, 0, 1);
	if (padding > 0)
		add_extension(&list, 21, &pad);
	strbuf_add(&list, extensions->data, extensions->len);
	add_u(&body, 0x0303, 2);
	for (int i = 0; i < 32; i++)
		add_u(&body, 7, 1);
	add_u(&body, 0, 1);
	add_u(&body, 2, 2);
	add_u(&body, 0x1301, 2);
	add_u(&body, 1, 1);
	add_u(&body, 0, 1);
	add_counted(&body, &list, 2);
	add_u(&all, 1, 1);
	add_counted(&all, &body, 3);
	strbuf_release(&body);
	strbuf_release(&list);
	strbuf_release(&pad);
	return all;
}

static struct strbuf records(const struct strbuf *message, size_t part)
{
	struct strbuf all = STRBUF_INIT(4 * LIMIT_MIB);

	for (size_t at = 0; at < message->len; at += part) {
		size_t n = message->len - at < part ? message->len - at : part;

		add_u(&all, 22, 1);
		add_u(&all, 0x0301, 2);
		add_u(&all, n, 2);
		strbuf_add(&all, message->data + at, n);
	}
	return all;
}

static struct strbuf hello_for(const char *server, size_t padding, size_t part)
{
	CLEANUP(strbuf) struct strbuf extensions = STRBUF_INIT(65536);

	if (server)
		add_server_name(&extensions, server);
	struct strbuf message = handshake(&extensions, padding);
	struct strbuf all = records(&message, part);
	strbuf_release(&message);
	return all;
}

/* From a copy of just that size, so that reading beyond it is seen by the sanitizer. */
static enum hello read_exactly(const void *data, size_t len)
{
	uint8_t *copy = mem_dup(data, len);
	enum hello result = hello_read(copy, len, name);

	free(copy);
	return result;
}

static enum hello read_all(struct strbuf all)
{
	enum hello result = read_exactly(all.data, all.len);

	strbuf_release(&all);
	return result;
}

/* ---- TLS ------------------------------------------------------------------------------- */

static void test_name(void **state)
{
	(void)state;
	assert_int_equal(read_all(hello_for("WWW.Example.com.", 0, 16384)), HELLO_TLS);
	assert_string_equal(name, "www.example.com");
	assert_int_equal(read_all(hello_for(NULL, 0, 16384)), HELLO_TLS);
	assert_string_equal(name, "");
}

static void test_cut_anywhere(void **state)
{
	static const size_t parts[] = {1, 3, 4, 5, 50, 16384};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		CLEANUP(strbuf)
		struct strbuf all = hello_for("www.example.com", 300, parts[i]);

		for (size_t len = 0; len < all.len; len++)
			if (read_exactly(all.data, len) != HELLO_MORE)
				fail_msg("parts of %zu, %zu bytes", parts[i], len);
		assert_int_equal(read_exactly(all.data, all.len), HELLO_TLS);
		assert_string_equal(name, "www.example.com");
		/* What follows is not looked at. */
		strbuf_adds(&all, "more");
		assert_int_equal(read_exactly(all.data, all.len), HELLO_TLS);
	}
}

static void test_too_large(void **state)
{
	(void)state;
	assert_int_equal(read_all(hello_for("a.example", 12000, 16384)), HELLO_TLS);
	assert_int_equal(read_all(hello_for("a.example", 30000, 16384)), HELLO_BAD);
	/* One that never ends is not waited for. */
	CLEANUP(strbuf) struct strbuf all = hello_for("a.example", 17000, 1);
	assert_int_equal(read_exactly(all.data, LIMIT_EGRESS_HELLO), HELLO_BAD);
}

static void test_names_that_are_none(void **state)
{
	static const char *const names[] = {
		"", ".", "a b.example", "a..b", "a/b", "*.a", "[::1]", "\xff.example"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (read_all(hello_for(names[i], 0, 16384)) != HELLO_BAD)
			fail_msg("`%s`", names[i]);
		assert_string_equal(name, "");
	}
}

static void test_two_names(void **state)
{
	CLEANUP(strbuf) struct strbuf extensions = STRBUF_INIT(65536);

	(void)state;
	add_server_name(&extensions, "good.example");
	add_server_name(&extensions, "evil.example");
	struct strbuf message = handshake(&extensions, 0);
	assert_int_equal(read_all(records(&message, 16384)), HELLO_BAD);
	strbuf_release(&message);
}

/* Each byte replaced: never more than the bytes there, never a name that is not one. */
static void test_spoilt(void **state)
{
	CLEANUP(strbuf) struct strbuf all = hello_for("good.example", 0, 40);

	(void)state;
	for (size_t i = 0; i < all.len; i++) {
		char was = all.data[i];

		for (int value = 0; value < 256; value += 5) {
			all.data[i] = (char)value;
			enum hello result = read_exactly(all.data, all.len);
			assert_true(result == HELLO_TLS || name[0] == '\0');
		}
		all.data[i] = was;
	}
}

/* ---- others ---------------------------------------------------------------------------- */

static void test_others(void **state)
{
	static const struct {
		const char *text;
		enum hello want;
	} cases[] = {{"", HELLO_MORE}, {"G", HELLO_MORE}, {"GET", HELLO_MORE},
		{"GET ", HELLO_HTTP}, {"GETX", HELLO_OTHER}, {"get /", HELLO_OTHER},
		{"POST / HTTP/1.1\r\n", HELLO_HTTP}, {"P", HELLO_MORE},
		{"PRI * HTTP/2.0\r\n", HELLO_HTTP}, {"SSH-2.0-x", HELLO_OTHER},
		{"\x16", HELLO_MORE}, {"\x16\x04", HELLO_OTHER}, {"\x16\x03", HELLO_MORE},
		{"\x17\x03\x03", HELLO_OTHER}, {"\x80\x2e\x01", HELLO_OTHER}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (read_exactly(cases[i].text, strlen(cases[i].text)) != cases[i].want)
			fail_msg("%s", cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_names_that_are_none),
		cmocka_unit_test(test_two_names),
		cmocka_unit_test(test_spoilt),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
