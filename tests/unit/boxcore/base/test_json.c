/* SPDX-License-Identifier: MIT */
/* JSON: hostile documents, missing against zero, text of any bytes. */
#include "boxcore/base/json.h"

#include "boxcore/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static json_t *parsed(const char *text)
{
	struct err err = {0};
	json_t *json = json_parse(text, strlen(text), &err);

	if (!json)
		fail_msg("%s: %s", text, err.text);
	return json;
}

static void refused(const char *text, size_t len)
{
	struct err err = {0};
	CLEANUP(json) json_t *json = json_parse(text, len, &err);

	if (json)
		fail_msg("accepted: %.40s", text);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_true(strlen(err.text) > 10);
}

static void documents_that_are_none(void **state)
{
	static const char *const bad[] = {"", " ", "null", "1", "\"a\"", "{", "[1,]",
		"{\"a\":1,}", "{\"a\" 1}", "{a:1}", "{\"a\":01}", "{\"a\":1} x",
		"{\"a\":\"\xff\"}", "{\"a\":\"\\ud800\"}", "{\"a\":NaN}",
		"{\"a\":\"\n\"}", "{\"a\":9223372036854775808}", "{\"a\":1e999}",
		"[\"\\u0000", "\xef\xbb\xbf{}", "{'a':1}", "// c\n{}"};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refused(bad[i], strlen(bad[i]));
	refused("{}\0", 3);
}

static void the_error_names_the_place(void **state)
{
	struct err err = {0};

	(void)state;
	assert_null(json_parse("{\n \"a\": x}", 10, &err));
	assert_non_null(strstr(err.text, "line 2"));
}

static void nesting_is_bounded_before_the_parser(void **state)
{
	size_t n = 5 * 1000 * 1000;
	CLEANUP(mem) char *deep = mem_alloc(n);
	struct err err = {0};

	(void)state;
	memset(deep, '[', n);
	refused(deep, n);
	for (size_t i = 0; i + 5 < n; i += 5) /* {"a": */
		memcpy(deep + i, "{\"a\":", 5);
	refused(deep, n);

	char edge[2 * JSON_DEPTH_MAX + 2];
	for (int extra = 0; extra < 2; extra++) {
		size_t depth = JSON_DEPTH_MAX + (size_t)extra;
		memset(edge, '[', depth);
		memset(edge + depth, ']', depth);
		CLEANUP(json) json_t *json = json_parse(edge, 2 * depth, &err);
		assert_int_equal(json != NULL, extra == 0);
	}
	/* Brackets inside text do not count, also behind escapes. */
	memset(deep, '[', 1000);
	memcpy(deep, "[\"\\\"", 4);
	memcpy(deep + 998, "\"]", 2);
	CLEANUP(json) json_t *text = json_parse(deep, 1000, &err);
	assert_non_null(text);
}

static void a_raw_nul_is_no_json(void **state)
{
	static const char after_a_number[] = "{\"a\":5\0}", in_text[] = "\"a\0b\"";
	struct err err = {0};

	(void)state;
	assert_null(json_parse(after_a_number, sizeof after_a_number - 1, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_null(json_parse(in_text, sizeof in_text - 1, &err));
}

static void an_escaped_nul_is_text(void **state)
{
	CLEANUP(json) json_t *json = parsed("{\"body\":\"a\\u0000b\"}");
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(100);
	struct err err = {0};

	(void)state;
	assert_int_equal(json_string_length(json_at(json, "body")), 3);
	assert_memory_equal(json_string_value(json_at(json, "body")), "a\0b", 4);
	assert_int_equal(json_print(&out, json, &err), 0);
	assert_string_equal(strbuf_str(&out), "{\"body\":\"a\\u0000b\"}");
}

static void missing_is_not_zero(void **state)
{
	CLEANUP(json)
	json_t *json = parsed(
		"{\"zero\":0,\"null\":null,\"text\":\"\",\"no\":false,\"real\":1.0,"
		"\"a\":{\"b\":{\"c\":7}},\"list\":[1]}");
	struct err err = {0};
	int64_t n = 99;

	(void)state;
	assert_int_equal(json_need_int(json, "zero", 0, 10, &n, &err), 0);
	assert_int_equal(n, 0);
	n = 99;
	static const char *const absent[] = {"nothing", "null", "text", "no", "real", "a",
		"list", "list.0", "a.b.c.d", "zero.x", ""};
	for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
		assert_int_equal(json_need_int(json, absent[i], 0, 10, &n, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_non_null(strstr(err.text, absent[i]));
		assert_int_equal(n, 99);
		assert_int_equal(json_or_int(json, absent[i], -5), -5);
	}
	assert_int_equal(json_need_int(json, "a.b.c", 7, 7, &n, &err), 0);
	assert_int_equal(n, 7);
	assert_int_equal(json_need_int(json, "a.b.c", 8, 9, &n, &err), -1);
	assert_non_null(strstr(err.text, "outside 8 to 9"));
	assert_int_equal(json_need_id(json, "zero", &n, &err), -1);
	assert_string_equal(json_need_string(json, "text", &err), "");
	assert_null(json_need_string(json, "zero", &err));
	assert_string_equal(json_or_string(json, "null", "else"), "else");
	assert_false(json_or_bool(json, "no", true));
	assert_true(json_or_bool(json, "null", true));
	assert_true(json_or_real(json, "zero", 5.0) <= 0.0);
	assert_true(json_or_real(json, "text", 5.0) >= 5.0);
}

static void wrong_shapes_and_long_paths_are_missing(void **state)
{
	CLEANUP(json) json_t *list = parsed("[{\"a\":1}]");
	CLEANUP(json)
	json_t *deep = parsed("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
			      "{\"a\":{\"a\":1}}}}}}}}}");
	char part[100];

	(void)state;
	assert_null(json_at(list, "a"));
	assert_null(json_at(NULL, "a"));
	assert_non_null(json_at(deep, "a.a.a.a.a.a.a.a"));
	assert_null(json_at(deep, "a.a.a.a.a.a.a.a.a")); /* nine parts */
	memset(part, 'x', sizeof part);
	part[sizeof part - 1] = '\0';
	assert_null(json_at(deep, part));
	assert_null(json_at(deep, "a..a"));
}

static void doubled_members(void **state)
{
	const char *text = "{\"a\":1,\"a\":2}";
	struct err err = {0};
	CLEANUP(json) json_t *json = parsed(text);

	(void)state;
	assert_int_equal(json_or_int(json, "a", 0), 2);
	assert_null(json_parse_strict(text, strlen(text), &err));
	assert_int_equal(err.kind, ERR_INPUT);
}

static void text_of_any_bytes(void **state)
{
	CLEANUP(json) json_t *json = json_object();
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(200);
	struct err err = {0};

	(void)state;
	json_put(json, "t", json_text("a\xff\0b", 4));
	json_put(json, "none", json_str(NULL));
	json_put(json, "k\xff", json_str("v"));
	assert_int_equal(json_print(&out, json, &err), 0);
	assert_string_equal(strbuf_str(&out), "{\"t\":\"a\xef\xbf\xbd\\u0000b\",\"none\":"
					      "null,\"k\xef\xbf\xbd\":\"v\"}");
}

static void printing_is_bounded(void **state)
{
	CLEANUP(json) json_t *json = parsed("{\"a\":\"0123456789\"}");
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(10);
	struct err err = {0};

	(void)state;
	assert_int_equal(json_print(&out, json, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_that_are_none),
		cmocka_unit_test(the_error_names_the_place),
		cmocka_unit_test(nesting_is_bounded_before_the_parser),
		cmocka_unit_test(a_raw_nul_is_no_json),
		cmocka_unit_test(an_escaped_nul_is_text),
		cmocka_unit_test(missing_is_not_zero),
		cmocka_unit_test(wrong_shapes_and_long_paths_are_missing),
		cmocka_unit_test(doubled_members),
		cmocka_unit_test(text_of_any_bytes),
		cmocka_unit_test(printing_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
