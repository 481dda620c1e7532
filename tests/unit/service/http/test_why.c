/* SPDX-License-Identifier: MIT */
/* service/http/why*.c: words for each reason, addresses, the story of a delivery. */
#include "service/http/why.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "webhooks/trigger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static void test_each_reason_is_known(void **state)
{
	static const char *const others[] = {"not_ours", "waiting_already",
		"refused_role", "refused_off", "refused_bot", "refused_own",
		"refused_closed", "refused_archived", "refused_limit", "failed_config"};
	size_t count = 0;

	(void)state;
	for (const struct trigger_reason *r = trigger_reasons; r->word; r++, count++)
		if (!why_known(r->word))
			fail_msg("%s: what is to be done next?", r->word);
	assert_true(count > 20);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		assert_true(why_known(others[i]));
	assert_false(why_known("no such word"));
	assert_null(why_next("no such word"));
	assert_null(why_next("event_unused"));
	assert_non_null(why_next("no_command"));
	assert_non_null(strstr(why_next("failed_whatever"), "retry"));
}

static void test_addresses(void **state)
{
	static const struct {
		const char *asked, *looked_for; /* NULL: none */
	} table[] = {
		{"https://github.com/o/n/issues/1#issuecomment-5",
			"https://github.com/o/n/issues/1#issuecomment-5"},
		{"https://github.com/o/n/issues/1?a=b#issuecomment-5",
			"https://github.com/o/n/issues/1#issuecomment-5"},
		{"https://github.com/o/n/issues/1?a=b",
			"https://github.com/o/n/issues/1"},
		{"https://github.com/o/n/issues/1/", "https://github.com/o/n/issues/1"},
		{"https://github.com/o/n/issues/1#", "https://github.com/o/n/issues/1"},
		{"https://github.com/o/n/pull/2/files#r33",
			"https://github.com/o/n/pull/2#discussion_r33"},
		{"https://github.com/o/n/pull/2/changes/#discussion_r33",
			"https://github.com/o/n/pull/2#discussion_r33"},
		{"https://github.com/o/n/pull/2/checks", "https://github.com/o/n/pull/2"},
		{"https://github.com/o/n/pull/2#report",
			"https://github.com/o/n/pull/2#report"},
		{"github.com/o/n/pull/2", NULL},
		{"ftp://github.com/o/n/pull/2", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_PATH);

		assert_int_equal(
			why_url(&out, table[i].asked), table[i].looked_for != NULL);
		if (table[i].looked_for)
			assert_string_equal(strbuf_str(&out), table[i].looked_for);
	}
}

static void test_repositories(void **state)
{
	char owner[128], name[128];
	CLEANUP(mem) char *lengthy = mem_printf("https://h/%0200d/n", 0);

	(void)state;
	assert_true(why_repository("https://github.com/o/n.x/issues/1#y", owner, name));
	assert_string_equal(owner, "o");
	assert_string_equal(name, "n.x");
	assert_true(why_repository("http://h:1/o/n", owner, name));
	assert_false(why_repository("https://github.com/o", owner, name));
	assert_false(why_repository("https://github.com/o/", owner, name));
	assert_false(why_repository("https://", owner, name));
	assert_false(why_repository("o/n", owner, name));
	assert_false(why_repository(lengthy, owner, name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_reason_is_known),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_repositories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
