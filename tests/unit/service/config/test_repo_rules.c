/* SPDX-License-Identifier: MIT */
/* service/config/repo_config*.c: who may, limits of a day, two files, places of errors. */
#include "service/config/repo_config.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/config/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static struct config service;

static int set_up(void **state)
{
	(void)state;
	config_defaults(&service);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	config_release(&service);
	return 0;
}

static int merge(
	struct repo_config *ret, const char *owner, const char *own, struct err *err)
{
	struct repo_config_source under = {
		"me/.github:" REPO_CONFIG_PATH, owner, owner ? strlen(owner) : 0};
	struct repo_config_source over = {REPO_CONFIG_PATH, own, own ? strlen(own) : 0};

	repo_config_release(ret);
	return repo_config_merge(ret, &service, &under, &over, err);
}

static void need(struct repo_config *ret, const char *owner, const char *own)
{
	struct err err = {0};

	if (merge(ret, owner, own, &err) < 0)
		fail_msg("%s", err.text);
}

static void put(char **at, const char *word)
{
	free(*at);
	*at = mem_strdup(word);
}

/* Of rules that cannot be read nobody may conclude more than they could have said. */
static void test_locked_rules_are_for_admins(void **state)
{
	static const char *const verbs[] = {"fix", "ask", "plan", "approve", "cancel",
		"retry", "budget", "status", "help", "dashboard", "what"};
	CLEANUP(repo_config) struct repo_config rc = {0};

	(void)state;
	need(&rc, "version: 1\nallow: {outsiders: [ask], undo: nobody}",
		"version: 1\nallow: {fix: read}");
	assert_null(rc.broken);
	assert_true(repo_config_outsider_may(&rc, "ask"));
	settings_list_add(&rc.bots, "77", 2);
	repo_config_lock(&rc, "line 4");
	assert_string_equal(rc.broken, "line 4");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		assert_string_equal(repo_config_role(&rc, verbs[i]), "admin");
	assert_string_equal(repo_config_role(&rc, "undo"), "nobody");
	assert_false(repo_config_outsider_may(&rc, "ask"));
	assert_false(repo_config_bot_may(&rc, 77));
}

static void test_roles_when_nobody_says(void **state)
{
	static const struct {
		const char *verb, *role;
	} expected[] = {{"fix", "write"}, {"ask", "read"}, {"plan", "write"},
		{"review", "write"}, {"test", "write"}, {"rebase", "write"},
		{"undo", "write"}, {"approve", "write"}, {"reject", "write"},
		{"budget", "write"}, {"cancel", "write"}, {"retry", "write"},
		{"dashboard", "write"}, {"status", "read"}, {"help", "read"},
		{"unknown", "read"}, {"repair", "write"}, {"what is that", "write"}};
	CLEANUP(repo_config) struct repo_config rc = {0};

	(void)state;
	need(&rc, NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(expected); i++)
		assert_string_equal(
			repo_config_role(&rc, expected[i].verb), expected[i].role);
	assert_false(repo_config_outsider_may(&rc, "ask"));
	assert_false(repo_config_bot_may(&rc, 1));
	assert_int_equal(rc.runs_per_day, service.limits_runs_per_day);
	assert_true(rc.repair_checks && rc.repair_conflicts && rc.check_run);
	assert_int_equal(rc.repair_tries, 3);
}

static void test_roles_go_up_only(void **state)
{
	CLEANUP(repo_config) struct repo_config rc = {0};

	(void)state;
	need(&rc, NULL,
		"version: 1\nallow: {fix: admin, plan: read, ask: triage, help: read, "
		"undo: nobody, approve: maintain, budget: write}\n");
	assert_string_equal(repo_config_role(&rc, "fix"), "admin");
	assert_string_equal(repo_config_role(&rc, "plan"), "write"); /* the floor */
	assert_string_equal(repo_config_role(&rc, "ask"), "triage");
	assert_string_equal(repo_config_role(&rc, "undo"), "nobody");
	assert_string_equal(repo_config_role(&rc, "reject"), "maintain");
	assert_string_equal(repo_config_role(&rc, "budget"), "write");
	put(&service.allow_change, "admin");
	put(&service.allow_read, "triage");
	need(&rc, NULL, "version: 1\nallow: {fix: write, ask: write, status: read}\n");
	assert_string_equal(repo_config_role(&rc, "fix"), "admin");
	assert_string_equal(repo_config_role(&rc, "budget"), "admin");
	assert_string_equal(repo_config_role(&rc, "ask"), "write");
	assert_string_equal(repo_config_role(&rc, "status"), "triage");
}

static void test_outsiders_and_bots(void **state)
{
	static const char text[] =
		"version: 1\nallow: {outsiders: [ask, help], bots: [7, \"8\"]}\n";
	CLEANUP(repo_config) struct repo_config rc = {0};

	(void)state;
	settings_list_add(&service.github_allow_bots, "8", 1);
	settings_list_add(&service.github_allow_bots, "9", 1);
	need(&rc, NULL, "version: 1\n");
	assert_true(repo_config_bot_may(&rc, 8) && repo_config_bot_may(&rc, 9));
	need(&rc, NULL, text);
	assert_true(repo_config_outsider_may(&rc, "ask"));
	assert_true(repo_config_outsider_may(&rc, "unknown"));
	assert_false(repo_config_outsider_may(&rc, "status"));
	assert_false(repo_config_bot_may(&rc, 7)); /* the service lets it not in */
	assert_true(repo_config_bot_may(&rc, 8));
	assert_false(repo_config_bot_may(&rc, 9));
	service.allow_outsiders = false;
	need(&rc, NULL, text);
	assert_false(repo_config_outsider_may(&rc, "ask"));
}

static void test_a_days_limits_go_down_only(void **state)
{
	CLEANUP(repo_config) struct repo_config rc = {0};

	(void)state;
	service.limits_runs_per_day = 5;
	service.limits_runs_per_person_day = 0;
	service.limits_cost_usd_per_day = 2;
	need(&rc, NULL,
		"version: 1\nlimits: {runs_per_day: 9, runs_per_person_day: 3, "
		"cost_usd_per_day: 1.5, cost_usd_per_person_day: 9000}\n"
		"repair: {tries: 9, checks: false}\n");
	assert_int_equal(rc.runs_per_day, 5);
	assert_int_equal(rc.runs_per_person_day, 3);
	assert_true(rc.cost_usd_per_day < 1.6);
	assert_true(rc.cost_usd_per_person_day <= service.limits_cost_usd_per_person_day);
	assert_int_equal(rc.repair_tries, service.repair_tries);
	assert_false(rc.repair_checks);
}

static void test_the_repository_is_above_its_owner(void **state)
{
	static const char owner[] =
		"version: 1\nimage: base/of:all\nsetup: [make deps]\ncheck: [make test]\n"
		"agent: {harness: codex, model: big}\nlimits: {minutes: 5, files: 7}\n"
		"allow: {fix: admin, outsiders: [ask]}\ncheck_run: false\n"
		"pr: {labels: [a, b]}\n";
	CLEANUP(repo_config) struct repo_config rc = {0};

	(void)state;
	need(&rc, owner, NULL);
	assert_true(rc.present);
	assert_string_equal(rc.image, "base/of:all");
	assert_string_equal(repo_config_role(&rc, "fix"), "admin");
	need(&rc, owner,
		"version: 1\nruntime: node\ncheck: [npm test]\nlimits: {minutes: 20}\n"
		"allow: {fix: write, outsiders: []}\npr: {labels: [c]}\n");
	assert_string_equal(rc.image, "boxwright/node"); /* image and runtime are one */
	assert_int_equal(rc.setup.count, 1);
	assert_string_equal(rc.setup.items[0], "make deps");
	assert_int_equal(rc.check.count, 1); /* lists replace */
	assert_string_equal(rc.check.items[0], "npm test");
	assert_string_equal(rc.harness, "codex");
	assert_string_equal(rc.model, "big");
	assert_int_equal(rc.minutes, 20); /* its own word, not the lower of the two */
	assert_int_equal(rc.files, 7);
	assert_string_equal(repo_config_role(&rc, "fix"), "write");
	assert_false(repo_config_outsider_may(&rc, "ask"));
	assert_false(rc.check_run);
	assert_int_equal(rc.labels.count, 1);
	/* A model of the owner's agent means nothing to another one. */
	need(&rc, owner, "version: 1\nagent: {harness: claude-code}\n");
	assert_string_equal(rc.model, "");
	need(&rc, owner, "version: 1\nagent: {model: small}\n");
	assert_string_equal(rc.harness, "codex");
	assert_string_equal(rc.model, "small");
}

static void test_errors_name_their_file(void **state)
{
	CLEANUP(repo_config) struct repo_config rc = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(merge(&rc, "version: 1\nx: 1\n", "version: 1\n", &err), -1);
	assert_string_equal(
		err.text, "me/.github:.github/boxwright.yml:2:1: unknown key 'x'");
	assert_int_equal(
		merge(&rc, "version: 1\n", "version: 1\nallow: {fix: king}\n", &err), -1);
	assert_true(str_starts(err.text, ".github/boxwright.yml:2:14: allow.fix: must be "
					 "one of: read, triage"));
	/* custom of one file with the command of the other is whole */
	need(&rc, "version: 1\nagent: {harness: custom, command: [x]}\n",
		"version: 1\nagent: {harness: custom}\n");
	assert_string_equal(rc.command.items[0], "x");
	assert_int_equal(merge(&rc, "version: 1\nagent: {harness: custom}\n",
				 "version: 1\n", &err),
		-1);
	assert_true(str_starts(err.text, "me/.github:"));
}

static void test_wrong_words(void **state)
{
	static const char *const wrong[] = {"allow: {fix: \"\"}", "allow: {dance: read}",
		"allow: {outsiders: [fix]}", "allow: {outsiders: ask}",
		"allow: {bots: [dependabot]}", "allow: {bots: [0]}",
		"allow: {bots: [-1]}", "limits: {runs_per_day: 0}",
		"limits: {cost_usd_per_day: 0}", "repair: {tries: 21}",
		"repair: {checks: yes}", "check_run: 1", "runtime: \"\"", "allow: [fix]"};
	CLEANUP(repo_config) struct repo_config rc = {0};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		CLEANUP(mem) char *text = mem_printf("version: 1\n%s\n", wrong[i]);

		if (merge(&rc, NULL, text, &err) == 0)
			fail_msg("accepted: %s", wrong[i]);
		assert_int_equal(err.kind, ERR_INPUT);
	}
}

static void test_the_place_of_an_error(void **state)
{
	static const char name[] = REPO_CONFIG_PATH;
	const char *text;
	int line = 0, column = 0;

	(void)state;
	assert_true(repo_config_error_place(
		REPO_CONFIG_PATH ":3:14: allow.fix: bad", name, &line, &column, &text));
	assert_int_equal(line, 3);
	assert_int_equal(column, 14);
	assert_string_equal(text, "allow.fix: bad");
	assert_true(repo_config_error_place(REPO_CONFIG_PATH
		":3:14: schedules: line 5, column 9: a job needs name",
		name, &line, &column, &text));
	assert_int_equal(line, 5);
	assert_int_equal(column, 9);
	assert_false(
		repo_config_error_place("other:3:14: x", name, &line, &column, &text));
	assert_false(repo_config_error_place(
		REPO_CONFIG_PATH ": byte 9: x", name, &line, &column, &text));
	assert_false(repo_config_error_place(name, name, &line, &column, &text));
	/* What the parser says has a place in each case. */
	CLEANUP(repo_config) struct repo_config rc = {0};
	struct err err = {0};
	assert_int_equal(merge(&rc, NULL, "check: [x]\n", &err), -1);
	assert_true(repo_config_error_place(err.text, name, &line, &column, &text));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_locked_rules_are_for_admins),
		TEST(test_roles_when_nobody_says),
		TEST(test_roles_go_up_only),
		TEST(test_outsiders_and_bots),
		TEST(test_a_days_limits_go_down_only),
		TEST(test_the_repository_is_above_its_owner),
		TEST(test_errors_name_their_file),
		TEST(test_wrong_words),
		TEST(test_the_place_of_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
