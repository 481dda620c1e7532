/* SPDX-License-Identifier: MIT */
/* service/http/guard.c: each hostile form of a head, and the plain ones. */
#include "boxcore/base/cleanup.h"
#include "service/http/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define HEADERS 4

struct header {
	const char *name, *value;
	size_t value_len; /* 0: the string's */
};

static const struct {
	const char *method;
	struct header headers[HEADERS];
	int status;
} cases[] = {
	{"GET", {{"Host", "h", 0}}, 0},
	{"GET", {{"host", "h:1", 0}, {"X-Any", "", 0}, {"x-any", "\xc3\xa9 \t;", 0}}, 0},
	{"POST", {{"Host", "h", 0}, {"Content-Length", "0", 0}}, 0},
	{"POST", {{"Host", "h", 0}, {"CONTENT-LENGTH", "12", 0}}, 0},
	{"DELETE", {{"Host", "h", 0}}, 0},
	{"GET", {{"X", "y", 0}}, 400},
	{"GET", {{"Host", "", 0}}, 400},
	{"GET", {{"Host", "h", 0}, {"Host", "h", 0}}, 400},
	{"GET", {{"Host", "h", 0}, {"hOST", "i", 0}}, 400},
	{"POST", {{"Host", "h", 0}}, 411},
	{"PUT", {{"Host", "h", 0}}, 411},
	{"PATCH", {{"Host", "h", 0}}, 411},
	{"POST", {{"Host", "h", 0}, {"Transfer-Encoding", "chunked", 0}}, 411},
	{"GET", {{"Host", "h", 0}, {"Transfer-Encoding", "chunked", 0}}, 411},
	{"POST", {{"Host", "h", 0}, {"Transfer-Encoding", "xchunked", 0}}, 400},
	{"POST", {{"Host", "h", 0}, {"Transfer-Encoding", "gzip", 0}}, 400},
	{"POST", {{"Host", "h", 0}, {"Transfer-Encoding", "chunked, identity", 0}}, 400},
	{"POST",
		{{"Host", "h", 0}, {"Transfer-Encoding", "chunked", 0},
			{"Content-Length", "3", 0}},
		400},
	{"POST",
		{{"Host", "h", 0}, {"Transfer-Encoding", "chunked", 0},
			{"Transfer-Encoding", "identity", 0}},
		400},
	{"POST",
		{{"Host", "h", 0}, {"Content-Length", "3", 0},
			{"Content-Length", "30", 0}},
		400},
	{"POST",
		{{"Host", "h", 0}, {"Content-Length", "3", 0},
			{"Content-Length", "3", 0}},
		400},
	{"POST", {{"Host", "h", 0}, {"Content-Length", "-1", 0}}, 400},
	{"POST", {{"Host", "h", 0}, {"Content-Length", "+3", 0}}, 400},
	{"POST", {{"Host", "h", 0}, {"Content-Length", "0x3", 0}}, 400},
	{"POST", {{"Host", "h", 0}, {"Content-Length", "3, 3", 0}}, 400},
	{"POST", {{"Host", "h", 0}, {"Content-Length", "3 ", 0}}, 400},
	{"POST", {{"Host", "h", 0}, {"Content-Length", "", 0}}, 400},
	{"POST", {{"Host", "h", 0}, {"Content-Length", "9223372036854775808", 0}}, 400},
	{"POST", {{"Host", "h", 0}, {"Content-Length", "00000000000000000000000003", 0}},
		400},
	{"GET", {{"Host", "h", 0}, {"X", "a\nb", 0}}, 400},
	{"GET", {{"Host", "h", 0}, {"X", "a\rb", 0}}, 400},
	{"GET", {{"Host", "h", 0}, {"X", "a\0b", 3}}, 400},
	{"GET", {{"Host", "h", 0}, {"X", "a\x01", 0}}, 400},
	{"GET", {{"Host", "h", 0}, {"X", "a\x7f", 0}}, 400},
	{"GET", {{"Host", "h", 0}, {"Transfer-Encoding ", "chunked", 0}}, 400},
	{"GET", {{"Host", "h", 0}, {"X Y", "z", 0}}, 400},
	{"GET", {{"Host", "h", 0}, {"X\t", "z", 0}}, 400},
	{"GET", {{"Host", "h", 0}, {"", "z", 0}}, 400},
	{"GET", {{"Host", "h", 0}, {"X\xc3\xa9", "z", 0}}, 400},
	{"GET", {{"Host", "h", 0}, {"Authorization", "a", 0}, {"authorization", "b", 0}},
		400},
	{"GET", {{"Host", "h", 0}, {"X-Box-Api-Key", "a", 0}, {"x-box-api-key", "a", 0}},
		400},
	{"GET",
		{{"Host", "h", 0}, {"X-Hub-Signature-256", "a", 0},
			{"X-Hub-Signature-256", "b", 0}},
		400},
	{"GET",
		{{"Host", "h", 0}, {"X-GitHub-Event", "a", 0},
			{"X-GitHub-Event", "b", 0}},
		400},
	{"GET", {{"Host", "h", 0}, {"Content-Type", "a", 0}, {"Content-Type", "b", 0}},
		400},
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct guard guard = GUARD_INIT;
		for (size_t k = 0; k < HEADERS && cases[i].headers[k].name; k++) {
			const struct header *h = &cases[i].headers[k];
			guard_header(&guard, h->name, strlen(h->name), h->value,
				h->value_len ? h->value_len : strlen(h->value));
		}
		int status = guard_finish(&guard, cases[i].method, "HTTP/1.1");
		if (status != cases[i].status)
			fail_msg("case %zu: %d, %s", i, status, guard.err.text);
		assert_int_equal(status == 0, guard.err.kind == ERR_NONE);
	}
}

static void test_the_length_is_told(void **state)
{
	struct guard guard = GUARD_INIT;

	(void)state;
	assert_int_equal(guard.content_length, -1);
	guard_header(&guard, "Host", 4, "h", 1);
	guard_header(&guard, "Content-Length", 14, "26214400", 8);
	assert_int_equal(guard_finish(&guard, "POST", "HTTP/1.1"), 0);
	assert_int_equal(guard.content_length, 26214400);
}

static void test_versions(void **state)
{
	static const char *const others[] = {
		"HTTP/1.9", "HTTP/2.0", "HTTP/0.9", "http/1.1", "HTTP/1.1x", ""};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct guard guard = GUARD_INIT;
		guard_header(&guard, "Host", 4, "h", 1);
		assert_int_equal(guard_finish(&guard, "GET", others[i]), 505);
	}
}

static void test_too_many_headers(void **state)
{
	struct guard guard = GUARD_INIT;
	char name[16];

	(void)state;
	guard_header(&guard, "Host", 4, "h", 1);
	for (int i = 0; i < GUARD_HEADERS_MAX; i++) {
		snprintf(name, sizeof(name), "X-%d", i);
		guard_header(&guard, name, strlen(name), "v", 1);
	}
	assert_int_equal(guard_finish(&guard, "GET", "HTTP/1.1"), 431);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_the_length_is_told),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_too_many_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
