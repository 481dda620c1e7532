/* SPDX-License-Identifier: MIT */
/*
 * Every verb against the stand-in, which holds each call against GitHub's own description.
 * tests/standin/verbs.test.mjs starts both; alone, without the stand-in, this is skipped.
 */
#include "service/github/github.h"

#include "boxcore/base/json.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/net/http_client.h"
#include "service/github/text.h"
#include "tests/lib/standin_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void who_we_are(void **state)
{
	struct github_app app = {0};
	int64_t installation = 0;
	struct err err = {0};

	NEED_STANDIN;
	OK(github_app_self(gh, &app, NULL, &err));
	assert_string_equal(app.bot.login, "boxwright[bot]");
	assert_true(app.bot.bot);
	OK(github_installation_find(gh, "octocat", "sample", &installation, NULL, &err));
	assert_int_equal(installation, repo.installation_id);
	assert_int_equal(github_installation_find(
				 gh, "octocat", "none", &installation, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void repository_people_and_issue(void **state)
{
	struct github_repo_info info = {0};
	CLEANUP(github_issue) struct github_issue issue = {0};
	enum github_role role = GITHUB_ROLE_NONE;
	struct err err = {0};

	NEED_STANDIN;
	OK(github_repo_get(gh, &repo, &info, NULL, &err));
	assert_string_equal(info.name, "sample");
	assert_true(info.private_);
	assert_true(str_starts(info.clone_url, getenv("STANDIN_URL")));
	struct github_repo named = repo;
	named.id = 0;
	OK(github_repo_get(gh, &named, &info, NULL, &err));
	assert_int_equal(info.id, repo.id);
	OK(github_issue_get(gh, &repo, 1, &issue, NULL, &err));
	assert_string_equal(issue.title, "Bug");
	assert_true(issue.open && !issue.pull_request);
	OK(github_role_get(gh, &repo, "maintainer", 0, &role, NULL, &err));
	assert_int_equal(role, GITHUB_ROLE_MAINTAIN);
	OK(github_role_get(gh, &repo, "stranger", 0, &role, NULL, &err));
	assert_int_equal(role, GITHUB_ROLE_NONE);
	OK(github_role_get(gh, &repo, "nobody-at-all", 0, &role, NULL, &err));
	assert_int_equal(role, GITHUB_ROLE_NONE);
}

static void a_lost_answer_is_found_again(void **state)
{
	struct github_app app = {0};
	struct github_marker marker = {
		.repo_id = repo.id, .number = 1, .task = "41", .kind = "status"};
	char line[GITHUB_MARKER_SIZE];
	int64_t ids[8];
	size_t count = 0;
	struct err err = {0};

	NEED_STANDIN;
	assert_true(github_marker(&marker, "key", 3, line));
	CLEANUP(mem) char *body = mem_printf("Working on it.\n\n%s", line);
	OK(github_app_self(gh, &app, NULL, &err));
	standin_fault("{\"kind\":\"lost\",\"op\":\"issues/create-comment\"}");
	assert_int_equal(github_comment_create(gh, &repo, 1, body, NULL, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	OK(github_comment_find(
		gh, &repo, 1, 0, app.bot.id, line, ids, 8, &count, NULL, &err));
	assert_int_equal(count, 1);
	OK(github_comment_update(gh, &repo, ids[0], "Done.", NULL, &err));
	OK(github_comment_react(gh, &repo, ids[0], "eyes", NULL, &err));
	OK(github_comment_react(gh, &repo, ids[0], "eyes", NULL, &err));
	OK(github_issue_react(gh, &repo, 1, "rocket", NULL, &err));
	OK(github_comment_delete(gh, &repo, ids[0], NULL, &err));
	OK(github_comment_delete(gh, &repo, ids[0], NULL, &err));
}

static void many_comments(void **state)
{
	struct github_app app = {0};
	int64_t ids[200];
	size_t count = 0;
	struct err err = {0};

	NEED_STANDIN;
	OK(github_app_self(gh, &app, NULL, &err));
	/* verbs.test.mjs wrote 205 by people on issue 2. */
	CLEANUP(github_comment) struct github_comment last = {0};
	OK(github_comment_create(gh, &repo, 2, "the mark", &last, NULL, &err));
	OK(github_comment_find(
		gh, &repo, 2, 0, app.bot.id, "the mark", ids, 200, &count, NULL, &err));
	assert_int_equal(count, 1);
	assert_int_equal(ids[0], last.id);
}

static void pull_requests(void **state)
{
	struct github_pull_new what = {.title = "Repair it",
		.body = "Fixes #1",
		.head = "fix",
		.base = "main",
		.draft = true};
	struct github_pull pull = {0};
	struct github_pull again = {0};
	bool adopted = false;
	const char *const labels[] = {"automation"};
	struct err err = {0};

	NEED_STANDIN;
	assert_int_equal(github_pull_find(gh, &repo, "fix", &pull, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	standin_fault("{\"kind\":\"lost\",\"op\":\"pulls/create\"}");
	assert_int_equal(
		github_pull_create(gh, &repo, &what, &pull, &adopted, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	OK(github_pull_find(gh, &repo, "fix", &pull, NULL, &err));
	OK(github_pull_create(gh, &repo, &what, &again, &adopted, NULL, &err));
	assert_true(adopted);
	assert_int_equal(again.number, pull.number);
	assert_true(again.draft && again.open && !again.merged);
	assert_int_equal(again.head_repo_id, repo.id);
	OK(github_pull_update(gh, &repo, pull.number, "New title", NULL, NULL, &err));
	OK(github_labels_add(gh, &repo, pull.number, labels, 1, NULL, &err));
	OK(github_pull_get(gh, &repo, pull.number, &again, NULL, &err));
	assert_string_equal(again.head_ref, "fix");
	what.head = "nowhere";
	assert_int_equal(
		github_pull_create(gh, &repo, &what, &pull, NULL, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
}

static void tokens(void **state)
{
	CLEANUP(secret) struct secret token = {0};
	struct github_repo foreign = repo;
	struct err err = {0};

	NEED_STANDIN;
	OK(github_token(gh, &repo, GITHUB_PUBLISH, &token, NULL, &err));
	assert_true(token.len > 400);
	OK(github_token_revoke(gh, &token, NULL, &err));
	OK(github_token_revoke(gh, &token, NULL, &err));
	foreign.id = 999999;
	assert_int_equal(
		github_token(gh, &foreign, GITHUB_CLONE, &token, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
}

static void limits_and_failures(void **state)
{
	CLEANUP(github_issue) struct github_issue issue = {0};
	struct err err = {0};

	NEED_STANDIN;
	standin_fault("{\"kind\":\"status\",\"status\":502,\"html\":true,\"op\":\"issues/"
		      "get\"}");
	assert_int_equal(github_issue_get(gh, &repo, 1, &issue, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	standin_fault("{\"kind\":\"truncate\",\"op\":\"issues/get\"}");
	assert_int_equal(github_issue_get(gh, &repo, 1, &issue, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	standin_fault("{\"kind\":\"reset\",\"op\":\"issues/get\"}");
	assert_int_equal(github_issue_get(gh, &repo, 1, &issue, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	OK(github_issue_get(gh, &repo, 1, &issue, NULL, &err));
	/* Last, since nothing is sent for this installation afterwards. */
	standin_fault(
		"{\"kind\":\"secondary\",\"retry_after\":40,\"op\":\"issues/get\"}");
	github_issue_release(&issue);
	assert_int_equal(github_issue_get(gh, &repo, 1, &issue, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_int_equal(err.retry_after_s, 40);
}

static void missed_deliveries(void **state)
{
	struct github_delivery list[10];
	char cursor[GITHUB_CURSOR_SIZE] = "";
	size_t count = 0;
	struct err err = {0};

	NEED_STANDIN;
	OK(github_deliveries(gh, true, cursor, list, 10, &count, NULL, &err));
	assert_int_equal(count, 1); /* verbs.test.mjs had it fail */
	assert_false(list[0].ok);
	OK(github_redeliver(gh, list[0].id, NULL, &err));
}

int main(void)
{
	struct err err = {0};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_we_are),
		cmocka_unit_test(repository_people_and_issue),
		cmocka_unit_test(a_lost_answer_is_found_again),
		cmocka_unit_test(many_comments),
		cmocka_unit_test(pull_requests),
		cmocka_unit_test(tokens),
		cmocka_unit_test(missed_deliveries),
		cmocka_unit_test(limits_and_failures),
	};

	if (http_global_init(&err) < 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, standin_setup, standin_teardown);
	http_global_cleanup();
	return failed;
}
