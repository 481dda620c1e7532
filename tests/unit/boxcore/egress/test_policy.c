/* SPDX-License-Identifier: MIT */
/* The lists of a policy, the addresses that none opens, the judgement of a connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "boxcore/base/mem.h"
#include "boxcore/egress/judge.h"

#include <stdlib.h>
#include <string.h>

static struct egress_policy *make(
	const char *const *names, const char *const *allowed, const char *const *denied)
{
	struct box_policy policy = {.mode = BOX_NETWORK_GATED,
		.allowed_domains = names,
		.allowed_cidrs = allowed,
		.denied_cidrs = denied};
	struct egress_policy *made = NULL;
	struct err err = {0};

	if (egress_policy_new(&made, &policy, &err) < 0)
		fail_msg("%s", err.text);
	return made;
}

static void refused(const struct box_policy *policy, enum err_kind kind, const char *text)
{
	struct egress_policy *made = NULL;
	struct err err = {0};

	assert_int_equal(egress_policy_new(&made, policy, &err), -1);
	assert_int_equal(err.kind, kind);
	if (!strstr(err.text, text))
		fail_msg("`%s` is not in: %s", text, err.text);
}

static struct egress_address address(const char *text)
{
	struct egress_address result;

	if (!egress_address_parse(text, &result))
		fail_msg("%s", text);
	return result;
}

/* ---- names ----------------------------------------------------------------------------- */

static void test_names(void **state)
{
	static const char *const list[] = {
		"Example.COM.", "*.below.example", "a_b.x-y.example", "host", NULL};
	static const struct {
		const char *name;
		bool want;
	} cases[] = {{"example.com", true}, {"www.example.com", false},
		{"xexample.com", false}, {"example.com.evil", false}, {"com", false},
		{"below.example", false}, {"a.below.example", true},
		{"a.b.below.example", true}, {"xbelow.example", false},
		{"a_b.x-y.example", true}, {"host", true}, {"example", false}};
	CLEANUP(egress_policy) struct egress_policy *policy = make(list, NULL, NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (egress_policy_has_name(policy, cases[i].name) != cases[i].want)
			fail_msg("%s", cases[i].name);
}

static void test_no_names(void **state)
{
	CLEANUP(egress_policy) struct egress_policy *policy = make(NULL, NULL, NULL);
	struct egress_address any = address("1.1.1.1");

	(void)state;
	assert_false(egress_policy_has_name(policy, "example.com"));
	assert_false(egress_policy_allows(policy, &any));
	assert_false(egress_policy_denies(policy, &any));
}

static void test_normalize(void **state)
{
	static const char *const bad[] = {"", ".", "..", ".a", "a..b", "a b", "a/b",
		"\xc3\xa4.de", "a:80", "*.a", "a.."};
	char name[LIMIT_EGRESS_NAME + 1], longest[300];

	(void)state;
	assert_true(egress_name_normalize("WWW.Example.com.", 16, name));
	assert_string_equal(name, "www.example.com");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (egress_name_normalize(bad[i], strlen(bad[i]), name))
			fail_msg("`%s`", bad[i]);
	memset(longest, 'a', sizeof longest);
	assert_false(egress_name_normalize(longest, 64, name));
	assert_true(egress_name_normalize(longest, 63, name));
	for (size_t i = 50; i < sizeof longest; i += 51)
		longest[i] = '.';
	assert_true(egress_name_normalize(longest, 253, name));
	assert_false(egress_name_normalize(longest, 255, name));
	assert_false(egress_name_normalize("a\0b", 3, name));
}

static void test_entries_that_are_none(void **state)
{
	static const char *const names[] = {"", "*", "*.", "*.*.a", "a.*.b", "1.2.3.4",
		"::1", "https://a.example", "a.example/x", "a b", "10.0.0.0/8"};
	static const char *const ranges[] = {"", "a.example", "1.2.3", "1.2.3.4/33",
		"1.2.3.4/", "1.2.3.4/-1", "::/129", "1.2.3.4/8x", "/8", "1.2.3.4/8/8",
		"01.2.3.4/8"};
	const char *list[2] = {NULL, NULL};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		list[0] = names[i];
		refused(&(struct box_policy){.mode = BOX_NETWORK_GATED,
				.allowed_domains = list},
			ERR_INPUT, "allowed_domains: `");
	}
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		list[0] = ranges[i];
		refused(&(struct box_policy){.mode = BOX_NETWORK_GATED,
				.allowed_cidrs = list},
			ERR_INPUT, "allowed_cidrs: `");
		refused(&(struct box_policy){.mode = BOX_NETWORK_GATED,
				.denied_cidrs = list},
			ERR_INPUT, "denied_cidrs: `");
	}
}

static void test_too_many(void **state)
{
	const char *list[LIMIT_EGRESS_RULES + 2] = {NULL};
	struct egress_policy *made = NULL;
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < LIMIT_EGRESS_RULES; i++)
		list[i] = "a.example";
	struct box_policy policy = {.mode = BOX_NETWORK_GATED, .allowed_domains = list};
	assert_int_equal(egress_policy_new(&made, &policy, &err), 0);
	egress_policy_drop(made);
	list[LIMIT_EGRESS_RULES] = "a.example";
	refused(&policy, ERR_LIMIT, "allowed_domains has more than 256");
}

/* ---- addresses ------------------------------------------------------------------------- */

static void test_ranges(void **state)
{
	static const char *const allowed[] = {
		"203.0.113.77/25", "8.8.8.8", "2606:4700::/32", NULL};
	static const char *const denied[] = {"203.0.113.64/26", NULL};
	static const struct {
		const char *text;
		bool allowed, denied;
	} cases[] = {{"203.0.113.0", true, false}, {"203.0.113.127", true, true},
		{"203.0.113.128", false, false}, {"203.0.112.255", false, false},
		{"8.8.8.8", true, false}, {"8.8.8.9", false, false},
		{"2606:4700::1", true, false}, {"2606:4701::1", false, false},
		{"::ffff:8.8.8.8", true, false}, {"::8.8.8.8", false, false}};
	CLEANUP(egress_policy) struct egress_policy *policy = make(NULL, allowed, denied);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct egress_address at = address(cases[i].text);

		if (egress_policy_allows(policy, &at) != cases[i].allowed ||
			egress_policy_denies(policy, &at) != cases[i].denied)
			fail_msg("%s", cases[i].text);
	}
}

static void test_never(void **state)
{
	static const char *const never[] = {"0.0.0.0", "0.1.2.3", "10.0.0.1",
		"100.64.0.1", "100.127.255.255", "127.0.0.1", "127.9.9.9",
		"169.254.169.254", "168.63.129.16", "172.16.0.1", "172.31.255.255",
		"192.0.0.192", "192.168.255.1", "198.18.0.1", "198.19.255.255",
		"224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "::", "::1",
		"::ffff:10.0.0.1", "::ffff:127.0.0.1", "::10.0.0.1", "fe80::1", "fc00::1",
		"fd00:ec2::254", "ff02::1", "64:ff9b::a00:1", "2002:a00:1::1", "2001::1",
		"2001:db8::1", "100::1", "9.9.9.9"};
	static const char *const fine[] = {"1.1.1.1", "9.9.9.10", "100.63.255.255",
		"100.128.0.1", "172.15.255.255", "172.32.0.1", "198.20.0.1", "11.0.0.1",
		"126.255.255.255", "128.0.0.1", "168.63.129.17", "223.255.255.255",
		"2606:4700:4700::1111", "2a00:1450::1"};
	struct egress_address host = address("9.9.9.9");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(never); i++) {
		struct egress_address at = address(never[i]);

		if (!egress_address_refused(&at, &host, 1))
			fail_msg("%s", never[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(fine); i++) {
		struct egress_address at = address(fine[i]);

		if (egress_address_refused(&at, &host, 1))
			fail_msg("%s", fine[i]);
	}
}

static void test_print(void **state)
{
	static const char *const texts[] = {
		"1.2.3.4", "255.255.255.255", "2606:4700::1", "::1"};
	char text[EGRESS_ADDRESS_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct egress_address at = address(texts[i]);

		egress_address_print(&at, text);
		assert_string_equal(text, texts[i]);
	}
}

/* ---- judgement ------------------------------------------------------------------------- */

static enum judge judge(const struct egress_policy *policy, const char *name,
	const char *at, const char *said)
{
	struct egress_target target = {.port = 443};
	const char *reason = "unset";

	strcpy(target.name, name); /* allowed: the test's own short names */
	if (at)
		target.address = address(at);
	enum judge result = judge_target(policy, &target, said, &reason);
	assert_true((result == JUDGE_NO) == (reason != NULL));
	return result;
}

static void test_judge_by_names(void **state)
{
	static const char *const names[] = {"a.example", "b.example", NULL};
	CLEANUP(egress_policy) struct egress_policy *policy = make(names, NULL, NULL);

	(void)state;
	assert_int_equal(judge(policy, "a.example", NULL, ""), JUDGE_NAME);
	assert_int_equal(judge(policy, "a.example", NULL, "a.example"), JUDGE_NAME);
	assert_int_equal(judge(policy, "a.example", NULL, "b.example"), JUDGE_NAME);
	assert_int_equal(judge(policy, "a.example", NULL, "evil.example"), JUDGE_NO);
	assert_int_equal(judge(policy, "evil.example", NULL, "a.example"), JUDGE_NO);
	assert_int_equal(judge(policy, "evil.example", NULL, ""), JUDGE_NO);
	assert_int_equal(judge(policy, "", "1.2.3.4", "a.example"), JUDGE_NO);
}

static void test_judge_by_ranges(void **state)
{
	static const char *const names[] = {"a.example", NULL};
	static const char *const allowed[] = {"1.2.3.0/24", "10.0.0.0/8", NULL};
	static const char *const denied[] = {"1.2.3.9", NULL};
	CLEANUP(egress_policy)
	struct egress_policy *policy = make(names, allowed, denied);
	struct egress_host host = {NULL, 0};
	struct egress_address listed = address("1.2.3.4"), other = address("1.2.4.4"),
			      bad = address("1.2.3.9"), inner = address("10.0.0.1");

	(void)state;
	assert_int_equal(judge(policy, "", "1.2.3.4", "any.example"), JUDGE_ADDRESS);
	assert_int_equal(judge(policy, "", "1.2.4.4", ""), JUDGE_NO);
	assert_int_equal(judge(policy, "x.example", NULL, ""), JUDGE_CIDR);
	assert_int_equal(judge(policy, "x.example", NULL, "y.example"), JUDGE_NO);
	assert_null(judge_address(policy, JUDGE_NAME, &other, &host));
	assert_null(judge_address(policy, JUDGE_CIDR, &listed, &host));
	assert_non_null(judge_address(policy, JUDGE_CIDR, &other, &host));
	/* Denied and refused for good come first, however it is allowed. */
	for (enum judge by = JUDGE_ADDRESS; by <= JUDGE_CIDR; by++) {
		assert_non_null(judge_address(policy, by, &bad, &host));
		assert_non_null(judge_address(policy, by, &inner, &host));
	}
}

static void test_equal(void **state)
{
	static const char *const ab[] = {"a", "b", NULL}, *const ba[] = {"b", "a", NULL},
				 *const a[] = {"a", NULL};
	static const char *const ten[] = {"11.0.0.0/8", NULL};
	CLEANUP(egress_policy) struct egress_policy *one = make(ab, ten, NULL);
	CLEANUP(egress_policy) struct egress_policy *two = make(ba, ten, NULL);
	CLEANUP(egress_policy) struct egress_policy *three = make(a, ten, NULL);
	CLEANUP(egress_policy) struct egress_policy *four = make(ab, NULL, ten);

	(void)state;
	assert_true(egress_policy_equal(one, two));
	assert_false(egress_policy_equal(one, three));
	assert_false(egress_policy_equal(one, four));
	assert_false(egress_policy_equal(one, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_no_names),
		cmocka_unit_test(test_normalize),
		cmocka_unit_test(test_entries_that_are_none),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_never),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_judge_by_names),
		cmocka_unit_test(test_judge_by_ranges),
		cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
