/* SPDX-License-Identifier: MIT */
/* service/http/openapi.json and the table in routes.c say the same. */
#include "boxcore/base/json.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/strbuf.h"
#include "service/http/assets.h"
#include "service/http/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <ctype.h>
#include <string.h>

static json_t *doc;

static int setup(void **state)
{
	struct err err = {0};
	size_t len;
	const char *text = assets_openapi(&len);

	(void)state;
	assert_int_equal(text[len], '\0');
	doc = json_parse_strict(text, len, &err);
	if (!doc)
		fail_msg("%s", err.text);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	json_decref(doc);
	return 0;
}

static bool is_method(const char *word)
{
	static const char *const methods[] = {"get", "put", "post", "delete", "patch"};

	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (str_eq(word, methods[i]))
			return true;
	return false;
}

/* Parameters are named otherwise in the two; their places count. */
static char *plain(const char *path)
{
	struct strbuf out = STRBUF_INIT(1024);

	for (const char *at = path; *at;) {
		bool tail = at[0] == '*' || (at[0] == '{' && strchr(at, '*') &&
						    strchr(at, '*') < strchr(at, '}'));
		if (*at == ':' || *at == '{' || *at == '*') {
			strbuf_adds(&out, tail ? "{*}" : "{}");
			at += strcspn(at, "/");
		} else {
			strbuf_addc(&out, *at++);
		}
	}
	return strbuf_take(&out);
}

static const struct route *route_of(const char *method, const char *path)
{
	CLEANUP(mem) char *wanted = plain(path);

	for (const struct route *r = http_routes; r->method; r++) {
		CLEANUP(mem) char *pattern = plain(r->pattern);
		if (str_eq_nocase(r->method, method) && str_eq(pattern, wanted))
			return r;
	}
	return NULL;
}

static const json_t *operation_of(const struct route *route)
{
	CLEANUP(mem) char *wanted = plain(route->pattern);
	const char *path, *method;
	json_t *item, *operation;

	json_object_foreach (json_object_get(doc, "paths"), path, item) {
		CLEANUP(mem) char *pattern = plain(path);
		if (!str_eq(pattern, wanted))
			continue;
		json_object_foreach (item, method, operation)
			if (str_eq_nocase(method, route->method))
				return operation;
	}
	return NULL;
}

static void test_every_route_is_described(void **state)
{
	(void)state;
	for (const struct route *r = http_routes; r->method; r++)
		if (!operation_of(r))
			fail_msg("%s %s is not in openapi.json", r->method, r->pattern);
}

static void test_every_operation_is_served(void **state)
{
	const char *path, *method;
	json_t *item, *operation;

	(void)state;
	json_object_foreach (json_object_get(doc, "paths"), path, item)
		json_object_foreach (item, method, operation)
			if (is_method(method) && !route_of(method, path))
				fail_msg("%s %s is in openapi.json alone", method, path);
}

/* Bodies and keys are the same on both sides. */
static void test_bodies_and_keys(void **state)
{
	(void)state;
	for (const struct route *r = http_routes; r->method; r++) {
		const json_t *o = operation_of(r);
		bool open = json_object_get(o, "security") != NULL;
		bool keyed = r->access == ACCESS_KEY || r->access == ACCESS_OPERATOR;
		if (json_object_get(o, "requestBody") && r->body_max == 0)
			fail_msg("%s %s takes no body", r->method, r->pattern);
		if (!json_object_get(o, "requestBody") && r->body_max > 0)
			fail_msg("%s %s takes a body", r->method, r->pattern);
		if (open == keyed)
			fail_msg("security of %s %s", r->method, r->pattern);
	}
}

/* Each {name} of a path is described, and nothing else as of the path. */
static void test_parameters_of_paths(void **state)
{
	const char *path;
	json_t *item;

	(void)state;
	json_object_foreach (json_object_get(doc, "paths"), path, item) {
		const json_t *all = json_object_get(item, "parameters");
		size_t names = 0, i;
		json_t *one;
		for (const char *at = path; (at = strchr(at, '{')); at++)
			names++;
		assert_int_equal(json_array_size(all), names);
		json_array_foreach (all, i, one) {
			CLEANUP(mem)
			char *name = mem_printf("{%s}", json_or_string(one, "name", ""));
			if (!strstr(path, name))
				fail_msg("%s has no %s", path, name);
		}
	}
}

/* Names of operations are words and stand once; each answers something. */
static void test_operations(void **state)
{
	CLEANUP(json) json_t *seen = json_object();
	const char *path, *method;
	json_t *item, *o;

	(void)state;
	json_object_foreach (json_object_get(doc, "paths"), path, item)
		json_object_foreach (item, method, o) {
			if (!is_method(method))
				continue;
			const char *id = json_or_string(o, "operationId", "");
			if (!isalpha((unsigned char)id[0]) || json_object_get(seen, id))
				fail_msg("operationId of %s %s", method, path);
			json_put(seen, id, json_true());
			if (!json_or_string(o, "summary", NULL) ||
				json_object_size(json_object_get(o, "responses")) < 2 ||
				!json_at(o, "responses.default"))
				fail_msg("%s %s is not whole", method, path);
		}
}

/* Every reference leads somewhere. */
static void check_refs(const json_t *at)
{
	static const char base[] = "#/components/";
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_array(at))
		json_array_foreach (at, i, value)
			check_refs(value);
	json_object_foreach ((json_t *)(uintptr_t)at, key, value) {
		if (!str_eq(key, "$ref")) {
			check_refs(value);
			continue;
		}
		const char *ref = json_string_value(value);
		assert_non_null(ref);
		assert_true(str_starts(ref, base));
		CLEANUP(mem)
		char *to = mem_printf("components.%s", ref + sizeof(base) - 1);
		*strchr(to, '/') = '.';
		if (!json_at(doc, to))
			fail_msg("%s leads nowhere", ref);
	}
}

static void test_references(void **state)
{
	(void)state;
	check_refs(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_route_is_described),
		cmocka_unit_test(test_every_operation_is_served),
		cmocka_unit_test(test_bodies_and_keys),
		cmocka_unit_test(test_parameters_of_paths),
		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_references),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
