/* SPDX-License-Identifier: MIT */
/* webhooks/delivery.c: the header set, field by field. */
#include "boxcore/base/cleanup.h"
#include "boxcore/base/str.h"
#include "webhooks/delivery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#define GUID "72d3162e-cc78-11e3-81ab-4c9367dc0958"

static void test_a_delivery_of_githubs_passes(void **state)
{
	struct delivery_headers headers = {
		.id = GUID,
		.event = "issue_comment",
		.target_type = "integration",
		.target_id = "4242",
	};
	struct delivery delivery;
	struct err err = {0};

	(void)state;
	assert_int_equal(delivery_parse(&headers, &delivery, &err), 0);
	assert_string_equal(delivery.id, GUID);
	assert_string_equal(delivery.event, "issue_comment");
	assert_int_equal(delivery.target_id, 4242);
}

static void test_only_an_apps_target_counts(void **state)
{
	struct delivery_headers headers = {
		GUID, "projects_v2_item", "repository", "99", NULL};
	struct delivery delivery;
	struct err err = {0};

	(void)state;
	assert_int_equal(delivery_parse(&headers, &delivery, &err), 0);
	assert_int_equal(delivery.target_id, 0);
}

static void test_faults_name_the_header(void **state)
{
	static const struct {
		struct delivery_headers headers;
		const char *named;
	} faults[] = {
		{{NULL, "push", NULL, NULL, NULL}, "X-GitHub-Delivery"},
		{{"", "push", NULL, NULL, NULL}, "X-GitHub-Delivery"},
		{{"1234567", "push", NULL, NULL, NULL}, "X-GitHub-Delivery"},
		{{"../../etc/passwd", "push", NULL, NULL, NULL}, "X-GitHub-Delivery"},
		{{"72d3162e cc78", "push", NULL, NULL, NULL}, "X-GitHub-Delivery"},
		{{"00000000000000000000000000000000000000000000000000000000000000000",
			 "push", NULL, NULL, NULL},
			"X-GitHub-Delivery"},
		{{GUID, NULL, NULL, NULL, NULL}, "X-GitHub-Event"},
		{{GUID, "", NULL, NULL, NULL}, "X-GitHub-Event"},
		{{GUID, "Push", NULL, NULL, NULL}, "X-GitHub-Event"},
		{{GUID, "push;ls", NULL, NULL, NULL}, "X-GitHub-Event"},
		{{GUID, "p\xc3\xbcsh", NULL, NULL, NULL}, "X-GitHub-Event"},
		{{GUID, "push", "integration", "x", NULL}, "Target-ID"},
		{{GUID, "push", "integration", "-1", NULL}, "Target-ID"},
		{{GUID, "push", "integration", "0", NULL}, "Target-ID"},
		{{GUID, "push", "integration", "9223372036854775808", NULL}, "Target-ID"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct delivery delivery;
		struct err err = {0};
		assert_int_equal(delivery_parse(&faults[i].headers, &delivery, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
		if (!strstr(err.text, faults[i].named))
			fail_msg("%s does not name %s", err.text, faults[i].named);
	}
}

static void test_content_types(void **state)
{
	static const struct {
		const char *type;
		enum delivery_content content;
	} types[] = {
		{"application/json", DELIVERY_JSON},
		{"Application/JSON", DELIVERY_JSON},
		{"application/json; charset=utf-8", DELIVERY_JSON},
		{"application/json;charset=\"UTF-8\" ", DELIVERY_JSON},
		{"application/json;", DELIVERY_JSON},
		{"application/json; charset=latin1", DELIVERY_OTHER},
		{"application/jsonp", DELIVERY_OTHER},
		{"application/json, text/plain", DELIVERY_OTHER},
		{"text/json", DELIVERY_OTHER},
		{"", DELIVERY_OTHER},
		{NULL, DELIVERY_OTHER},
		{"application/x-www-form-urlencoded", DELIVERY_FORM},
		{"application/x-www-form-urlencoded; charset=utf-8", DELIVERY_FORM},
		{"multipart/form-data; boundary=x", DELIVERY_OTHER},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (delivery_content(types[i].type) != types[i].content)
			fail_msg("%s", types[i].type ? types[i].type : "(none)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_delivery_of_githubs_passes),
		cmocka_unit_test(test_only_an_apps_target_counts),
		cmocka_unit_test(test_faults_name_the_header),
		cmocka_unit_test(test_content_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
