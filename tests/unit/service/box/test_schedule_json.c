/* SPDX-License-Identifier: MIT */
/* What a schedule may ask for, what is shown of it, and what a change means. */
#include "service/box/drive.h"
#include "service/box/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS 1767225600000 /* 2026-01-01T00:00:00Z */

static json_t *parse(const char *text)
{
	struct err err = {0};
	json_t *json = json_parse(text, strlen(text), &err);

	if (!json)
		fail_msg("%s: %s", text, err.text);
	return json;
}

static void refused(const char *text, const char *member)
{
	CLEANUP(json) json_t *body = parse(text);
	CLEANUP(schedule_wish) struct schedule_wish wish = {0};
	struct err err = {0};

	if (schedule_read(body, NOW_MS, &wish, &err) == 0)
		fail_msg("%s is taken", text);
	assert_true(err.kind == ERR_INPUT || err.kind == ERR_LIMIT);
	if (!strstr(err.text, member))
		fail_msg("%s: \"%s\" does not name %s", text, err.text, member);
}

static void what_is_wrong_is_named(void **state)
{
	(void)state;
	refused("{}", "`type`");
	refused("{\"type\":\"shell\"}", "`type`");
	refused("{\"type\":\"exec\",\"command\":[\"a\"]}", "`cron`");
	refused("{\"type\":\"exec\",\"cron\":\"* * * *\",\"command\":[\"a\"]}", "`cron`");
	refused("{\"type\":\"exec\",\"cron\":\"* * * * *\"}", "`command`");
	refused("{\"type\":\"exec\",\"cron\":\"* * * * *\",\"command\":[]}", "`command`");
	refused("{\"type\":\"exec\",\"cron\":\"* * * * *\",\"command\":[\"\"]}",
		"`command[0]`");
	refused("{\"type\":\"exec\",\"cron\":\"* * * * *\",\"command\":[\"a\",1]}",
		"`command[1]`");
	refused("{\"type\":\"exec\",\"cron\":\"* * * * *\",\"command\":[\"a\\u0000b\"]}",
		"`command[0]`");
	refused("{\"type\":\"exec\",\"cron\":\"* * * * "
		"*\",\"command\":[\"a\"],\"folder\":7}",
		"`folder`");
	refused("{\"type\":\"exec\",\"cron\":\"* * * * *\",\"command\":[\"a\"],"
		"\"webhook_url\":\"ftp://x\"}",
		"`webhook_url`");
	refused("{\"type\":\"exec\",\"cron\":\"* * * * *\",\"command\":[\"a\"],"
		"\"webhook_headers\":{\"a\":\"b\"}}",
		"`webhook_headers`");
	refused("{\"type\":\"prompt\",\"cron\":\"* * * * *\"}", "`prompt`");
	refused("{\"type\":\"prompt\",\"cron\":\"* * * * "
		"*\",\"prompt\":\"x\",\"model\":1}",
		"`model`");
	refused("{\"type\":\"prompt\",\"cron\":\"* * * * *\",\"prompt\":\"x\","
		"\"timeout\":0}",
		"`timeout`");
	refused("{\"type\":\"prompt\",\"cron\":\"* * * * *\",\"prompt\":\"x\","
		"\"agent_options\":[]}",
		"`agent_options`");
}

static void wanted(const char *text, struct schedule_wish *wish)
{
	CLEANUP(json) json_t *body = parse(text);
	struct err err = {0};

	if (schedule_read(body, NOW_MS, wish, &err) < 0)
		fail_msg("%s: %s", text, err.text);
}

static void what_is_asked_is_kept(void **state)
{
	CLEANUP(schedule_wish) struct schedule_wish wish = {0};

	(void)state;
	wanted("{\"type\":\"exec\",\"cron\":\"*/5 * * * *\",\"command\":[\"echo\",\"a "
	       "b\"],"
	       "\"folder\":\"/workspace/home/./x\",\"webhook_url\":\"https://h/p\","
	       "\"webhook_headers\":{\"X-A\":\"1\"},\"unknown\":1}",
		&wish);
	CLEANUP(json)
	json_t *want = parse("{\"command\":[\"echo\",\"a b\"],\"folder\":"
			     "\"/workspace/home/x\",\"webhook_url\":\"https://h/p\"}");
	assert_true(json_equal(wish.detail, want));
	assert_int_equal(wish.next_ms, NOW_MS + 300000);
	assert_string_equal(json_or_string(wish.headers, "X-A", ""), "1");
}

static void never_is_zero(void **state)
{
	CLEANUP(schedule_wish) struct schedule_wish wish = {0};

	(void)state;
	wanted("{\"type\":\"prompt\",\"cron\":\"0 0 30 2 *\",\"prompt\":\"x\"}", &wish);
	assert_int_equal(wish.next_ms, 0);
}

static char s_id[] = "sch-1", s_box[] = "box", s_account[] = "a", s_cron[] = "* * * * *",
	    s_detail[] = "{\"prompt\":\"p\",\"folder\":\"/f\",\"id\":\"forged\"}";

/* Members of the detail never stand over the row's own. */
static void the_row_is_shown(void **state)
{
	struct store_box_schedule row = {.id = s_id,
		.box_id = s_box,
		.account = s_account,
		.type = STORE_SCHEDULE_PROMPT,
		.state = STORE_SCHEDULE_PAUSED,
		.cron = s_cron,
		.detail = s_detail,
		.created_ms = 1500,
		.updated_ms = 2500};
	CLEANUP(json) json_t *shown = schedule_json(&row, NULL);
	CLEANUP(json)
	json_t *want = parse(
		"{\"id\":\"sch-1\",\"box_id\":\"box\",\"customer_id\":\"a\",\"type\":"
		"\"prompt\",\"cron\":\"* * * * *\",\"prompt\":\"p\",\"folder\":\"/f\","
		"\"status\":\"paused\",\"total_runs\":0,\"total_failures\":0,"
		"\"created_at\":1,\"updated_at\":2}");

	(void)state;
	assert_true(json_equal(shown, want));
}

static void a_change_is_laid_over(void **state)
{
	CLEANUP(json)
	json_t *present =
		parse("{\"type\":\"exec\",\"cron\":\"1 * * * *\",\"command\":[\"a\"],"
		      "\"webhook_url\":\"http://h\",\"webhook_headers\":{\"a\":\"b\"},"
		      "\"total_runs\":7}");
	CLEANUP(json)
	json_t *body = parse(
		"{\"cron\":\"2 * * * *\",\"type\":\"prompt\",\"webhook_url\":null}");
	CLEANUP(json) json_t *merged = schedule_merge(present, body);
	CLEANUP(json)
	json_t *want =
		parse("{\"type\":\"exec\",\"cron\":\"2 * * * *\",\"command\":[\"a\"],"
		      "\"webhook_url\":null}");

	(void)state;
	assert_true(json_equal(merged, want));
}

static void url(const char *text, bool good)
{
	struct err err = {0};

	if ((webhook_check(text, NULL, "webhook", &err) == 0) != good)
		fail_msg("%s", text);
}

static void header(const char *text, bool good)
{
	CLEANUP(json) json_t *headers = parse(text);
	struct err err = {0};

	if ((webhook_check("http://h", headers, "webhook", &err) == 0) != good)
		fail_msg("%s", text);
}

static void webhooks(void **state)
{
	(void)state;
	url("http://127.0.0.1:8080/x?y=1", true);
	url("https://example.org", true);
	url("", false);
	url(NULL, false);
	url("http://", false);
	url("http:///x", false);
	url("file:///etc/passwd", false);
	url("gopher://h", false);
	url("http://user:word@h/", false);
	url("http://h/a b", false);
	url("http://h/\r\nX: y", false);
	header("{\"X-Token\":\"abc\",\"Authorization\":\"Bearer x\"}", true);
	header("{\"Host\":\"elsewhere\"}", false);
	header("{\"content-length\":\"5\"}", false);
	header("{\"Transfer-Encoding\":\"chunked\"}", false);
	header("{\"a b\":\"c\"}", false);
	header("{\"a\":\"b\\r\\nc: d\"}", false);
	header("{\"a\":\"b\\u0000\"}", false);
	header("{\"a\":1}", false);
	header("[]", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(what_is_asked_is_kept),
		cmocka_unit_test(never_is_zero),
		cmocka_unit_test(the_row_is_shown),
		cmocka_unit_test(a_change_is_laid_over),
		cmocka_unit_test(webhooks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
