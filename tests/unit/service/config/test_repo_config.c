/* SPDX-License-Identifier: MIT */
/* service/config/repo_config.c: a repository's file over the service's settings. */
#include "service/config/repo_config.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

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

static int parse(struct repo_config *ret, const char *text, struct err *err)
{
	repo_config_release(ret);
	return repo_config_parse(ret, &service, text, text ? strlen(text) : 0, err);
}

static void test_no_file_is_the_services_settings(void **state)
{
	CLEANUP(repo_config) struct repo_config rc = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(parse(&rc, NULL, &err), 0);
	assert_false(rc.present);
	assert_string_equal(rc.image, service.box_image);
	assert_string_equal(rc.harness, "claude-code");
	assert_int_equal(rc.minutes, 60);
	assert_true(rc.draft);
	assert_int_equal(rc.setup.count, 0);
	assert_string_equal(rc.branch_prefix, "boxwright/");
}

static void test_everything_that_can_be_said(void **state)
{
	static const char text[] = "version: 1\n"
				   "image: ghcr.io/me/ci:1@sha256:0123\n"
				   "setup:\n"
				   "  - npm ci\n"
				   "  - |\n"
				   "    make deps\n"
				   "    make more\n"
				   "check: [npm test]\n"
				   "check_required: true\n"
				   "agent:\n"
				   "  harness: custom\n"
				   "  model: gpt-5\n"
				   "  command: [node, agent.js]\n"
				   "limits: {minutes: 30, cost_usd: 2.5, files: 100}\n"
				   "pr:\n"
				   "  draft: false\n"
				   "  labels: [bot, help wanted]\n"
				   "  branch_prefix: bots/box-\n"
				   "protect: [\"infra/**\", \"*.lock\"]\n";
	CLEANUP(repo_config) struct repo_config rc = {0};
	struct err err = {0};

	(void)state;
	if (parse(&rc, text, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(rc.present);
	assert_string_equal(rc.image, "ghcr.io/me/ci:1@sha256:0123");
	assert_null(rc.runtime);
	assert_int_equal(rc.setup.count, 2);
	assert_string_equal(rc.setup.items[1], "make deps\nmake more\n");
	assert_string_equal(rc.check.items[0], "npm test");
	assert_true(rc.check_required);
	assert_string_equal(rc.harness, "custom");
	assert_string_equal(rc.model, "gpt-5");
	assert_string_equal(rc.command.items[1], "agent.js");
	assert_null(rc.command.items[2]);
	assert_int_equal(rc.minutes, 30);
	assert_true(rc.cost_usd > 2.49 && rc.cost_usd < 2.51);
	assert_int_equal(rc.files, 100);
	assert_false(rc.draft);
	assert_string_equal(rc.labels.items[1], "help wanted");
	assert_string_equal(rc.branch_prefix, "bots/box-");
	assert_string_equal(rc.protect.items[0], "infra/**");
}

static void test_limits_go_down_only(void **state)
{
	CLEANUP(repo_config) struct repo_config rc = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(parse(&rc,
				 "version: 1\nlimits: {minutes: 600, cost_usd: 900, "
				 "files: 5000}\n",
				 &err),
		0);
	assert_int_equal(rc.minutes, service.task_minutes);
	assert_int_equal(rc.files, service.task_files);
	assert_true(rc.cost_usd <= service.task_cost_usd);
	service.task_cost_usd = 0; /* no limit: the repository's counts */
	assert_int_equal(parse(&rc, "version: 1\nlimits: {cost_usd: 900}\n", &err), 0);
	assert_true(rc.cost_usd > 899);
}

static void test_another_agent_has_no_model_of_ours(void **state)
{
	CLEANUP(repo_config) struct repo_config rc = {0};
	struct err err = {0};

	(void)state;
	free(service.agent_model);
	service.agent_model = mem_strdup("opus");
	assert_int_equal(parse(&rc, "version: 1\n", &err), 0);
	assert_string_equal(rc.model, "opus");
	assert_int_equal(parse(&rc, "version: 1\nagent: {harness: codex}\n", &err), 0);
	assert_string_equal(rc.model, "");
	assert_int_equal(
		parse(&rc, "version: 1\nagent: {harness: claude-code}\n", &err), 0);
	assert_string_equal(rc.model, "opus");
}

static void test_a_runtime_names_our_image(void **state)
{
	CLEANUP(repo_config) struct repo_config rc = {0};
	struct err err = {0};

	(void)state;
	service.box_repository_images = false; /* ours is allowed all the same */
	assert_int_equal(parse(&rc, "version: 1\nruntime: python\n", &err), 0);
	assert_string_equal(rc.runtime, "python");
	assert_string_equal(rc.image, "boxwright/python");
}

static void test_faults_can_be_shown_to_their_author(void **state)
{
	static const struct {
		const char *text;
		const char *error;
	} faults[] = {
		{"setup: [a]\n", ".github/boxwright.yml:1:1: version is missing"},
		{"", ".github/boxwright.yml:1:1: version is missing"},
		{"version: 2\n",
			".github/boxwright.yml:1:10: version: must be a whole number "
			"from 1 to 1"},
		{"version: 1\nsteup: [a]\n",
			".github/boxwright.yml:2:1: unknown key 'steup'"},
		{"version: 1\nagent: {modle: x}\n",
			".github/boxwright.yml:2:9: unknown key 'agent.modle'"},
		{"version: 1\nsetup: npm ci\n",
			".github/boxwright.yml:2:8: setup: must be a list of at most 50"},
		{"version: 1\nsetup: [\"a\\0b\"]\n", ".github/boxwright.yml:2:9: a NUL"},
		{"version: 1\nsetup: [\"a\\x1bb\"]\n",
			".github/boxwright.yml:2:8: setup: line 2: an item must be"},
		{"version: 1\nimage: \"a b\"\n",
			".github/boxwright.yml:2:8: image: must be the name of an image"},
		{"version: 1\nimage: --privileged\n",
			".github/boxwright.yml:2:8: image:"},
		{"version: 1\nimage: a\nruntime: node\n",
			".github/boxwright.yml:3:1: runtime: stands beside image"},
		{"version: 1\nruntime: perl\n",
			".github/boxwright.yml:2:10: runtime: must be one of: node, "
			"python"},
		{"version: 1\nagent: {harness: custom}\n",
			".github/boxwright.yml:2:9: agent.harness: custom needs"},
		{"version: 1\nlimits: {minutes: 0}\n",
			".github/boxwright.yml:2:19: limits.minutes: must be a whole"},
		{"version: 1\npr: {branch_prefix: refs//x}\n",
			".github/boxwright.yml:2:21: pr.branch_prefix: must be the"},
		{"a: &a [x]\nb: *a\n", ".github/boxwright.yml:1:4: anchors"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		CLEANUP(repo_config) struct repo_config rc = {0};
		struct err err = {0};

		if (parse(&rc, faults[i].text, &err) == 0)
			fail_msg("accepted: %s", faults[i].text);
		if (!str_starts(err.text, faults[i].error))
			fail_msg("%s -> %s", faults[i].text, err.text);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_null(rc.image);
	}
}

static void test_images_can_be_forbidden(void **state)
{
	CLEANUP(repo_config) struct repo_config rc = {0};
	struct err err = {0};

	(void)state;
	service.box_repository_images = false;
	assert_int_equal(parse(&rc, "version: 1\nimage: evil\n", &err), -1);
	assert_non_null(strstr(err.text, "lets no repository name an image"));
}

static void test_a_bomb_is_small(void **state)
{
	CLEANUP(repo_config) struct repo_config rc = {0};
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_CONFIG);
	struct err err = {0};

	(void)state;
	/* As large as may be, of the form that costs libyaml most. */
	strbuf_adds(&text, "a: ");
	while (text.len < LIMIT_CONFIG - 1)
		strbuf_addc(&text, '[');
	assert_int_equal(repo_config_parse(&rc, &service, text.data, text.len, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_non_null(strstr(err.text, "nested more than 8 deep"));
}

static void hash_of(const char *text, const char *image, char hex[SHA256_HEX_SIZE])
{
	CLEANUP(repo_config) struct repo_config rc = {0};
	struct err err = {0};

	if (parse(&rc, text, &err) < 0)
		fail_msg("%s", err.text);
	repo_config_setup_hash(&rc, image, hex);
}

static void test_the_setup_hash_follows_the_setup(void **state)
{
	char a[SHA256_HEX_SIZE], b[SHA256_HEX_SIZE];

	(void)state;
	hash_of("version: 1\nsetup: [x, yz]\n", "i", a);
	hash_of("setup:\n- x\n- \"yz\"\nversion: 1\ncheck: [q]\n", "i", b);
	assert_string_equal(a, b); /* how it is written does not matter */
	hash_of("version: 1\nsetup: [xy, z]\n", "i", b);
	assert_string_not_equal(a, b);
	hash_of("version: 1\nsetup: [yz, x]\n", "i", b);
	assert_string_not_equal(a, b);
	hash_of("version: 1\nsetup: [x, yz]\n", "j", b);
	assert_string_not_equal(a, b);
	/* Stored keys depend on it: a change of the form must be noticed. */
	hash_of("version: 1\n", "boxwright/base", a);
	assert_string_equal(
		a, "7d598b47362c3641c3d32cc21f8412518ce0f0a73d146ad8cc3acfc1df0c2dc0");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_file_is_the_services_settings),
		TEST(test_everything_that_can_be_said),
		TEST(test_limits_go_down_only),
		TEST(test_another_agent_has_no_model_of_ours),
		TEST(test_a_runtime_names_our_image),
		TEST(test_faults_can_be_shown_to_their_author),
		TEST(test_images_can_be_forbidden),
		TEST(test_a_bomb_is_small),
		TEST(test_the_setup_hash_follows_the_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
