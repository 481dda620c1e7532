/* SPDX-License-Identifier: MIT */
/* Scheduled jobs out of YAML: a whole one, each refusal with its place, the operator's. */
#include "boxcore/base/str.h"
#include "service/config/repo_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse(struct repo_config *ret, const char *jobs, struct err *err)
{
	CLEANUP(config) struct config service = {0};
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(100000);

	config_defaults(&service);
	strbuf_addf(&text, "version: 1\nschedules:\n%s", jobs);
	return repo_config_parse(ret, &service, strbuf_str(&text), text.len, err);
}

static void test_whole(void **state)
{
	CLEANUP(repo_config) struct repo_config rc = {0};
	struct err err = {0};

	(void)state;
	if (parse(&rc,
		    "- name: tidy-up\n"
		    "  when: weekly on monday around 6:00\n"
		    "  timezone: Europe/Berlin\n"
		    "  run: [npm ci, \"npm run tidy\\nnpm test\"]\n"
		    "  title: Tidy the code\n"
		    "  labels: [chore, bot]\n"
		    "  minutes: 20\n"
		    "- {name: x, when: '0 6 * * 1', scatter: true, prompt: Do it., "
		    "enabled: false,\n"
		    "   harness: codex, model: small, cost_usd: 1.5}\n"
		    "- {name: c, when: daily, use: codemod, with: {change: a to b, "
		    "paths: src}}\n",
		    &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(rc.schedules.count, 3);
	const struct config_schedule *job = rc.schedules.items;
	assert_string_equal(job[0].name, "tidy-up");
	assert_string_equal(job[0].timezone, "Europe/Berlin");
	assert_int_equal(job[0].nrun, 2);
	assert_string_equal(job[0].run[1], "npm run tidy\nnpm test");
	assert_string_equal(job[0].title, "Tidy the code");
	assert_int_equal(job[0].nlabels, 2);
	assert_int_equal(job[0].minutes, 20);
	assert_true(job[0].enabled && !job[0].scatter && !job[0].prompt && !job[0].use);
	assert_string_equal(job[1].prompt, "Do it.");
	assert_string_equal(job[1].timezone, "UTC");
	assert_true(!job[1].enabled && job[1].scatter && job[1].cost_usd == 1.5);
	assert_string_equal(job[1].harness, "codex");
	assert_string_equal(job[2].use, "codemod");
	assert_int_equal(job[2].noptions, 2);
	assert_true(rc.dashboard);
	assert_int_equal(rc.open_prs, REPO_CONFIG_OPEN_PRS);
}

static void test_refused(void **state)
{
	static const struct {
		const char *yaml, *place, *why;
	} rows[] = {
		{"- x\n", "line 3, column 3", "a job must be"},
		{"- {name: A, when: daily, run: x}\n", "line 3, column 10",
			"name must be"},
		{"- {name: -a, when: daily, run: x}\n", "column 10", "name must be"},
		{"- {when: daily, run: x}\n", "column 3", "needs name and when"},
		{"- {name: a, run: x}\n", "column 3", "needs name and when"},
		{"- {name: a, when: daily}\n", "column 3", "exactly one of"},
		{"- {name: a, when: daily, run: x, prompt: y}\n", "column 3",
			"exactly one of"},
		{"- {name: a, when: daily, run: []}\n", "column 31", "a list of 1 to 50"},
		{"- {name: a, when: daily, run: [[x]]}\n", "column 32",
			"run must be a text"},
		{"- name: a\n  when: sometimes\n", "line 4, column 9", "says no time"},
		{"- {name: a, when: '*/5 * * * *', run: x}\n", "column 19",
			"least distance"},
		{"- {name: a, when: '*/30 * * * *', scatter: true, run: x}\n", "column 3",
			"scatter chooses"},
		{"- {name: a, when: daily, timezone: Mars, run: x}\n", "column 36",
			"there is no time zone 'Mars'"},
		{"- {name: a, when: daily, run: x, colour: red}\n", "column 42",
			"'colour' is no part of a job"},
		{"- {name: a, when: daily, use: magic}\n", "column 3",
			"no ready job 'magic'"},
		{"- {name: a, when: daily, use: codemod}\n", "column 3",
			"needs `with: {change: ...}`"},
		{"- {name: a, when: daily, use: format, with: {colour: red}}\n",
			"column 3", "knows no other options"},
		{"- {name: a, when: daily, run: x, with: {command: y}}\n", "column 3",
			"belongs to a ready job"},
		{"- {name: a, when: daily, run: x, repository: o/r}\n", "column 3",
			"it is this one"},
		{"- {name: a, when: daily, run: x, enabled: 'true'}\n", "column 43",
			"true or false"},
		{"- {name: a, when: daily, run: x, minutes: 0}\n", "column 43",
			"minutes must be"},
		{"- {name: a, when: daily, run: x}\n- {name: a, when: daily, run: y}\n",
			"line 4", "a job a already"},
		{"  name: a\n", "line 3", "must be a list"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(repo_config) struct repo_config rc = {0};
		struct err err = {0};

		if (parse(&rc, rows[i].yaml, &err) == 0)
			fail_msg("taken: %s", rows[i].yaml);
		assert_int_equal(err.kind, ERR_INPUT);
		if (!strstr(err.text, rows[i].place) || !strstr(err.text, rows[i].why) ||
			!strstr(err.text, "schedules"))
			fail_msg("%s: %s", rows[i].yaml, err.text);
	}
}

static void test_too_many(void **state)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(100000);
	struct err err = {0};

	(void)state;
	for (int i = 0; i <= SCHEDULES_MAX; i++) {
		CLEANUP(repo_config) struct repo_config rc = {0};
		int rc_of;

		strbuf_addf(&text, "- {name: j%d, when: daily, run: x}\n", i);
		rc_of = parse(&rc, strbuf_str(&text), &err);
		assert_int_equal(rc_of, i < SCHEDULES_MAX ? 0 : -1);
	}
	assert_non_null(strstr(err.text, "at most 50 jobs"));
}

static void test_operator(void **state)
{
	static const struct {
		const char *yaml, *why;
	} rows[] = {
		{"- {name: a, when: daily, run: x}\n", "needs its repository"},
		{"- {name: a, when: daily, run: x, repository: o}\n", "owner/name"},
		{"- {name: a, when: daily, run: x, repository: '*/*'}\n", "owner/name"},
		{"- {name: a, when: daily, run: x, repository: o/r/s}\n", "owner/name"},
		{"- {name: a, when: daily, run: x, repository: o/r}\n"
		 "- {name: a, when: daily, run: y, repository: O/R}\n",
			"already"},
		{"- {name: a, when: daily, run: x, repository: o/r}\n"
		 "- {name: a, when: daily, run: y, repository: 'o/*'}\n",
			NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(config) struct config config = {0};
		CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(10000);
		struct err err = {0};

		strbuf_addf(&text, "jobs:\n%s", rows[i].yaml);
		int rc =
			config_parse(&config, "x.yml", strbuf_str(&text), text.len, &err);
		assert_int_equal(rc, rows[i].why ? -1 : 0);
		if (rows[i].why && !strstr(err.text, rows[i].why))
			fail_msg("%s: %s", rows[i].yaml, err.text);
		if (!rows[i].why)
			assert_string_equal(config.jobs.items[1].repository, "o/*");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_operator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
