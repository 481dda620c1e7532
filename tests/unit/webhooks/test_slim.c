/* SPDX-License-Identifier: MIT */
/* webhooks/slim.c: what is left out, and that the copy is JSON exactly when the text is. */
#include "boxcore/base/json.h"
#include "boxcore/base/mem.h"
#include "webhooks/slim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *slim(const char *text, size_t len)
{
	char *exact = mem_alloc(len + 1); /* of its own: an overrun is seen by ASan */
	size_t n = slim_json(exact, text, len);

	exact[n] = '\0';
	return exact;
}

/* With " for '. */
static char *quoted(const char *text)
{
	char *copy = mem_strdup(text);

	for (char *at = copy; *at; at++)
		if (*at == '\'')
			*at = '"';
	return copy;
}

static void test_left_out(void **state)
{
	static const struct {
		const char *text, *slim;
	} texts[] = {
		{"{'a_url':'x','b':1}", "{'b':1}"},
		{"{'b':1,'a_url':'x','c_url':'y','d':2}", "{'d':2}"},
		{"[{'a_url':'x','b':1},{'a_url':'','c':{}}]", "[{'b':1},{'c':{}}]"},
		{"{'o':{'a_url':'{x,[','b':1}}", "{'o':{'b':1}}"},
		{"{'a':true,'b':false,'c':null,'d':0,'e':-12,'f':123456789012345678,'':''"
		 ",'z':1}",
			"{'z':1}"},
		/* what stays: what is read, the last, and all that is not plain */
		{"{'html_url':'x','clone_url':'y','id':1,'private':true,'z':1}", NULL},
		{"{'pull_request_review_id':1,'latest_check_runs_count':1,'z':1}", NULL},
		{"{'ids':1,'Id':1,'i':1,'z':1}", "{'z':1}"},
		{"{'o':{},'l':[],'z':1}", NULL},
		{"{'id':1,'a_url':'x'}", NULL},
		{"{'a_url':'\\u0000','b':1}", NULL},
		{"{'a_url':'\xff','b':1}", NULL},
		{"{'a_url':'\n','b':1}", NULL},
		{"{'a_url' :'x','b':1}", NULL},
		{"{'a_url': 'x','b':1}", NULL},
		{"{'a_url':'x' ,'b':1}", NULL},
		{"{'a_url':'x', 'b':1}", NULL},
		{"{'x\\'_url':'x','b':1}", NULL},
		{"{'body':'{\\'a_url\\':\\'x\\',\\'','b':1}", NULL},
		{"{'a':1234567890123456789,'b':1}", NULL},
		{"{'a':1.5,'b':1}", NULL},
		{"{'a':1e3,'b':1}", NULL},
		/* what is no JSON stays none */
		{"{'a':01,'b':1}", NULL},
		{"{'a':-,'b':1}", NULL},
		{"{'a':+1,'b':1}", NULL},
		{"{'a':truex,'b':1}", NULL},
		{"{'a':tru,'b':1}", NULL},
		{"{'a':,'b':1}", NULL},
		{"{'a_url':'x',}", NULL},
		{"['a_url':'x','b']", NULL},
		{"{'o':'a_url':'x','b':1}", NULL},
		{"{'a_url':'x','", "{'"},
		{"{,'a_url':'x','b':1}", "{,'b':1}"},
		{"'a_url':'x','b':1", NULL},
		{"", NULL},
		{"{'", NULL},
		{"{'a\\", NULL},
		{"{'a':", NULL},
		{"{'a':1", NULL},
		{"{'a':1,", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		char *text = quoted(texts[i].text);
		char *wanted = quoted(texts[i].slim ? texts[i].slim : texts[i].text);
		char *got = slim(text, strlen(text));
		assert_string_equal(got, wanted);
		free(got);
		free(wanted);
		free(text);
	}
}

static bool parses(const char *text, size_t len)
{
	struct err err = {0};
	json_t *json = json_parse(text, len, &err);

	json_decref(json);
	return json != NULL;
}

/* Texts of the pieces that matter, in any order, some of them JSON. */
static void test_agrees_with_the_parser(void **state)
{
	static const char *const pieces[] = {"{", "}", "[", "]", ",", ":",
		"\"a_url\":\"x\",", "\"a_url\":\"x\"", "\"b\":1", "\"b\":1,",
		"\"t\":true,", "\"n\":-0,", "\"id\":7,", "\"n\":01,", "\"w\":nul,",
		"\"html_url\":\"\",", "\"", "\\", " ", "\"o\":{", "\"l\":[", "{}", "1",
		"\"s\"", "\"a_url\":\"\\u0000\","};
	int good = 0, dropped = 0;

	(void)state;
	srandom(7);
	for (int i = 0; i < 200000; i++) {
		char text[512] = "{";
		for (long n = random() % 8; n >= 0; n--)
			strcat(text, pieces[(size_t)random() %
					     (sizeof pieces / sizeof *pieces)]);
		strcat(text, i % 2 ? "\"z\":1}" : "}");
		size_t len = strlen(text);
		char *got = slim(text, len);
		bool expected = parses(text, len);
		if (parses(got, strlen(got)) != expected)
			fail_msg("%s became %s", text, got);
		good += expected;
		dropped += expected && strlen(got) < len;
		free(got);
	}
	assert_true(good > 500 && dropped > 50);
}

static void test_depth(void **state)
{
	char text[2 * JSON_DEPTH_MAX + 8], to[sizeof text];

	(void)state;
	memset(text, '[', sizeof text);
	assert_int_equal(slim_json(to, text, JSON_DEPTH_MAX + 1), JSON_DEPTH_MAX + 1);
	assert_int_equal(slim_json(to, text, JSON_DEPTH_MAX + 2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_agrees_with_the_parser),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
