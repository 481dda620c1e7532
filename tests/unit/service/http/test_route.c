/* SPDX-License-Identifier: MIT */
/* service/http/route.c and the table in routes.c. */
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/http/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static void nothing(struct request *request)
{
	(void)request;
}

#define ROUTE(method, pattern)                                                           \
	{                                                                                \
		method, pattern, nothing, ACCESS_NONE, ROUTE_INLINE, 0, NULL, "x"        \
	}

static const struct route routes[] = {
	ROUTE("GET", "/"),
	ROUTE("GET", "/a"),
	ROUTE("POST", "/a"),
	ROUTE("GET", "/a/:id"),
	ROUTE("DELETE", "/a/:id"),
	ROUTE("GET", "/a/:id/b/:name"),
	ROUTE("GET", "/a/all/c"),
	ROUTE("POST", "/a/made"),
	ROUTE("DELETE", "/a/:id/tail/*rest"),
	ROUTE("GET", "/a/:id/tail/one"),
	{NULL, NULL, NULL, ACCESS_NONE, ROUTE_INLINE, 0, NULL, NULL},
};

static const struct {
	const char *method, *path;
	const char *pattern; /* NULL: none */
	const char *allow;
} cases[] = {
	{"GET", "/", "/", ""},
	{"GET", "/a", "/a", ""},
	{"POST", "/a", "/a", ""},
	{"DELETE", "/a", NULL, "GET, POST"},
	{"get", "/a", NULL, "GET, POST"},
	{"GET", "/a/17", "/a/:id", ""},
	{"POST", "/a/17", NULL, "GET, DELETE"},
	{"GET", "/a/17/b/x", "/a/:id/b/:name", ""},
	{"GET", "/a/all/c", "/a/all/c", ""},
	{"GET", "/a/17/b", NULL, ""},
	{"GET", "/a/17/b/x/y", NULL, ""},
	{"GET", "/b", NULL, ""},
	{"GET", "/A", NULL, ""},
	{"GET", "/aa", NULL, ""},
	{"POST", "/", NULL, "GET"},
	/* A fixed part wins over a parameter, whatever the method. */
	{"POST", "/a/made", "/a/made", ""},
	{"GET", "/a/made", NULL, "POST"},
	{"DELETE", "/a/made", NULL, "POST"},
	{"DELETE", "/a/17/tail/x", "/a/:id/tail/*rest", ""},
	{"DELETE", "/a/17/tail/x/y/z", "/a/:id/tail/*rest", ""},
	{"DELETE", "/a/17/tail", NULL, ""},
	{"GET", "/a/17/tail/one", "/a/:id/tail/one", ""},
	{"DELETE", "/a/17/tail/one", NULL, "GET"},
	{"GET", "/a/17/tail/two", NULL, "DELETE"},
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(target) struct target t = {0};
		CLEANUP(strbuf) struct strbuf allow = STRBUF_INIT(LIMIT_LOG_LINE);
		struct err err = {0};
		assert_int_equal(
			target_parse(&t, cases[i].path, strlen(cases[i].path), &err), 0);
		struct route_found f = route_match(routes, cases[i].method, &t, &allow);
		if (!str_eq(f.route ? f.route->pattern : NULL, cases[i].pattern) ||
			!str_eq(strbuf_str(&allow), cases[i].allow))
			fail_msg("%s %s: %s, allow '%s'", cases[i].method, cases[i].path,
				f.route ? f.route->pattern : "none", strbuf_str(&allow));
	}
}

static void test_params_in_order(void **state)
{
	CLEANUP(target) struct target t = {0};
	CLEANUP(strbuf) struct strbuf allow = STRBUF_INIT(LIMIT_LOG_LINE);
	struct err err = {0};

	(void)state;
	assert_int_equal(target_parse(&t, "/a/17/b/x%20y", 13, &err), 0);
	struct route_found f = route_match(routes, "GET", &t, &allow);
	assert_int_equal(f.param_count, 2);
	assert_string_equal(f.params[0], "17");
	assert_string_equal(f.params[1], "x y");
}

static void test_the_tail(void **state)
{
	CLEANUP(target) struct target t = {0};
	CLEANUP(strbuf) struct strbuf allow = STRBUF_INIT(LIMIT_LOG_LINE);
	struct err err = {0};

	(void)state;
	assert_int_equal(target_parse(&t, "/a/17/tail/x/y%20z/%3A", 22, &err), 0);
	struct route_found f = route_match(routes, "DELETE", &t, &allow);
	assert_int_equal(f.param_count, 1);
	assert_int_equal(f.tail, 3);
	CLEANUP(mem) char *tail = target_tail(&t, f.tail);
	assert_string_equal(tail, "x/y z/:");
}

/* The service's own table: nothing twice, everything said, and open only what must be. */
static void test_the_services_table(void **state)
{
	static const char *const open[] = {
		"/hooks/github", "/healthz", "/v1/version", "/openapi.json"};

	(void)state;
	for (const struct route *r = http_routes; r->method; r++) {
		bool is_open = false;
		for (size_t i = 0; i < ARRAY_LEN(open); i++)
			is_open = is_open || str_eq(r->pattern, open[i]);
		bool keyed = r->access == ACCESS_KEY || r->access == ACCESS_OPERATOR;
		if (is_open == keyed)
			fail_msg("access of %s %s", r->method, r->pattern);
		assert_non_null(r->handle);
		assert_false(str_empty(r->sentence));
		assert_true(!str_eq(r->method, "GET") || r->body_max == 0);
		/* What is not of boxes is the operator's alone. */
		if (str_starts(r->pattern, "/v1/tasks") ||
			str_eq(r->pattern, "/metrics") ||
			str_starts(r->pattern, "/v1/deliveries"))
			assert_int_equal(r->access, ACCESS_OPERATOR);
		for (const struct route *other = http_routes; other < r; other++)
			if (str_eq(r->method, other->method) &&
				str_eq(r->pattern, other->pattern))
				fail_msg("twice: %s %s", r->method, r->pattern);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_params_in_order),
		cmocka_unit_test(test_the_tail),
		cmocka_unit_test(test_the_services_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
