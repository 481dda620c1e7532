/* SPDX-License-Identifier: MIT */
/* Structured answers: JSON out of what agents write, and what does not keep to a schema. */
#include "service/box/agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static json_t *parse(const char *text)
{
	struct err err = {0};
	json_t *json = json_parse(text, strlen(text), &err);

	if (!json)
		fail_msg("%s", err.text);
	return json;
}

static void expect(const char *schema_text, const char *answer, const char *want)
{
	CLEANUP(json) json_t *schema = parse(schema_text);
	struct err err = {0};
	CLEANUP(mem) char *got = agent_schema_answer(answer, schema, &err);

	if (!want) {
		assert_null(got);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_true(err.text[0] != '\0');
		return;
	}
	if (!got)
		fail_msg("%s: %s", answer, err.text);
	assert_string_equal(got, want);
}

#define PERSON                                                                           \
	"{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"age\":{"  \
	"\"type\":\"integer\"}},\"required\":[\"name\",\"age\"]}"

static void answers(void **state)
{
	(void)state;
	expect(PERSON, "{\"name\":\"A\",\"age\":3}", "{\"name\":\"A\",\"age\":3}");
	expect(PERSON, "  {\"name\": \"A\", \"age\": 3}\n", "{\"name\":\"A\",\"age\":3}");
	expect(PERSON, "```json\n{\"name\":\"A\",\"age\":3}\n```",
		"{\"name\":\"A\",\"age\":3}");
	expect(PERSON, "Here it is:\n```\n{\"name\":\"A\",\"age\":3}\n```\nDone.",
		"{\"name\":\"A\",\"age\":3}");
	expect(PERSON, "The answer is {\"name\":\"A\",\"age\":3}.",
		"{\"name\":\"A\",\"age\":3}");
	expect("{\"type\":\"string\"}", "\"word\"", "\"word\"");
	expect("{\"type\":\"array\",\"items\":{\"type\":\"number\"}}", "[1,2.5]",
		"[1,2.5]");
	expect("{}", "null", "null");
}

static void refusals(void **state)
{
	(void)state;
	expect(PERSON, "", NULL);
	expect(PERSON, "I cannot do that.", NULL);
	expect(PERSON, "{\"name\":\"A\"}", NULL);
	expect(PERSON, "{\"name\":\"A\",\"age\":\"3\"}", NULL);
	expect(PERSON, "[]", NULL);
	expect(PERSON, "```json\n{\"name\":\"A\",\n```", NULL);
	expect(PERSON, "{\"name\":\"A\",\"age\":3}, {\"name\":\"B\",\"age\":4}", NULL);
	expect("{\"type\":\"array\",\"items\":{\"type\":\"number\"}}", "[1,\"2\"]", NULL);
	expect("{\"enum\":[\"a\",\"b\"]}", "\"c\"", NULL);
	expect("{\"const\":1}", "2", NULL);
	expect("{\"type\":[\"string\",\"null\"]}", "1", NULL);
	expect("{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "1", NULL);
	expect("{\"type\":\"object\",\"additionalProperties\":false}", "{\"a\":1}", NULL);
}

static void references(void **state)
{
	static const char tree[] =
		"{\"$ref\":\"#/$defs/node\",\"$defs\":{\"node\":{\"type\":\"object\","
		"\"required\":[\"v\"],\"properties\":{\"v\":{\"type\":\"integer\"},"
		"\"next\":{\"$ref\":\"#/$defs/node\"}}}}}";

	(void)state;
	expect(tree, "{\"v\":1,\"next\":{\"v\":2}}", "{\"v\":1,\"next\":{\"v\":2}}");
	expect(tree, "{\"v\":1,\"next\":{\"v\":\"2\"}}", NULL);
	expect("{\"$ref\":\"https://elsewhere/x\"}", "1",
		"1"); /* not known: allows all */
}

/* A schema that refers to itself twice would be walked 2^64 times. */
static void hostile_schema_ends(void **state)
{
	int64_t before = clock_mono_ms();

	(void)state;
	expect("{\"allOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}", "1", "1");
	assert_true(clock_mono_ms() - before < 5000);
}

static void the_place_is_named(void **state)
{
	CLEANUP(json)
	json_t *schema =
		parse("{\"properties\":{\"list\":{\"items\":{\"required\":[\"id\"]}}}}");
	CLEANUP(json) json_t *value = parse("{\"list\":[{\"id\":1},{}]}");
	struct err err = {0};

	(void)state;
	assert_int_equal(agent_schema_check(value, schema, &err), -1);
	assert_non_null(strstr(err.text, "list.1"));
	assert_non_null(strstr(err.text, "\"id\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(refusals),
		cmocka_unit_test(references),
		cmocka_unit_test(hostile_schema_ends),
		cmocka_unit_test(the_place_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
