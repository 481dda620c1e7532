/* SPDX-License-Identifier: MIT */
/* webhooks/json_shape.c: grammar, and agreement with the real parser. */
#include "boxcore/base/json.h"
#include "boxcore/base/mem.h"
#include "webhooks/json_shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static void test_grammar(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} texts[] = {
		{"{}", true},
		{" {\"a\" : [ ] } \r\n", true},
		{"{\"a\":[1,-0,0.5,1e9,1E-9,1e+9,true,false,null,\"\\u00e9\\n\"]}", true},
		{"{\"a\":{\"b\":{\"c\":[[],{}]}},\"d\":1}", true},
		{"{\"a\\u0000b\":1}", true},
		{"{\"a\":99999999999999999999999999}", true},
		{"{\"a\":1e400}", true},
		{"{\"a\":\"\\ud800\"}", true},
		{"", false},
		{" ", false},
		{"[]", false},
		{"null", false},
		{"1", false},
		{"\"x\"", false},
		{"{", false},
		{"}", false},
		{"{]", false},
		{"{\"a\"}", false},
		{"{\"a\":}", false},
		{"{\"a\":1,}", false},
		{"{,}", false},
		{"{a:1}", false},
		{"{'a':1}", false},
		{"{\"a\":01}", false},
		{"{\"a\":1.}", false},
		{"{\"a\":.5}", false},
		{"{\"a\":+1}", false},
		{"{\"a\":1e}", false},
		{"{\"a\":-}", false},
		{"{\"a\":NaN}", false},
		{"{\"a\":tru}", false},
		{"{\"a\":[1,]}", false},
		{"{\"a\":[1}", false},
		{"{\"a\":[1]]", false},
		{"{\"a\":{\"b\":1}", false},
		{"{\"a\":1} x", false},
		{"{\"a\":1}{}", false},
		{"{\"a\":\"\\x\"}", false},
		{"{\"a\":\"\\u12g4\"}", false},
		{"{\"a\":\"\n\"}", false},
		{"{\"a\":\"\xff\"}", false},
		{"\xef\xbb\xbf{}", false},
		{"{\"a\":\"", false},
		{"{\"a\":\"\\", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (json_shape_is_object(texts[i].text, strlen(texts[i].text)) !=
			texts[i].good)
			fail_msg("wrong for %s", texts[i].text);
}

/* Every cut of a good document is refused, by us and by the parser. */
static void test_every_prefix_is_refused(void **state)
{
	static const char text[] = "{\"action\":\"created\",\"n\":[1.5e3,{\"x\":null}],"
				   "\"t\":\"a\\u0041\\\"\"}";

	(void)state;
	assert_true(json_shape_is_object(text, strlen(text)));
	for (size_t n = 0; n < strlen(text); n++) {
		struct err err = {0};
		CLEANUP(json) json_t *json = json_parse(text, n, &err);
		assert_false(json_shape_is_object(text, n));
		assert_null(json);
	}
}

static void test_deep_nesting_is_only_memory(void **state)
{
	size_t depth = 3 * 1000 * 1000;
	CLEANUP(mem) char *text = mem_alloc(2 * depth + 6);

	(void)state;
	memcpy(text, "{\"a\":", 5);
	memset(text + 5, '[', depth);
	memset(text + 5 + depth, ']', depth);
	text[5 + 2 * depth] = '}';
	assert_true(json_shape_is_object(text, 2 * depth + 6));
	assert_false(json_shape_is_object(text, 2 * depth + 5));
	text[5 + depth] = '}';
	assert_false(json_shape_is_object(text, 2 * depth + 6));
}

static void test_a_nul_byte_is_no_json(void **state)
{
	(void)state;
	assert_false(json_shape_is_object("{\"a\":\"x\0y\"}", 11));
	assert_false(json_shape_is_object("{}\0", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grammar),
		cmocka_unit_test(test_every_prefix_is_refused),
		cmocka_unit_test(test_deep_nesting_is_only_memory),
		cmocka_unit_test(test_a_nul_byte_is_no_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
