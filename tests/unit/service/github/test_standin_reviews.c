/* SPDX-License-Identifier: MIT */
/*
 * Reviews, checks, files and issues against the stand-in, which holds each call against
 * GitHub's own description.  tests/standin/verbs.test.mjs starts both.
 */
#include "service/github/github.h"

#include "boxcore/base/json.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/net/http_client.h"
#include "tests/lib/standin_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define REPO "\"repo\":\"octocat/sample\""

static struct github_app app;
static int64_t number; /* of a pull request by a person: file "b" is new, three lines */
static char head[GITHUB_OID_SIZE];

static void someone_opens_a_pull_request(void **state)
{
	struct err err = {0};

	NEED_STANDIN;
	OK(github_app_self(gh, &app, NULL, &err));
	json_decref(standin_act("commit", "{" REPO ",\"branch\":\"people\",\"files\":"
					  "{\"b\":\"one\\ntwo\\nthree\\n\"}}"));
	CLEANUP(json)
	json_t *made = standin_act("pull", "{" REPO ",\"head\":\"people\"}");
	number = json_or_int(made, "number", 0);
	OK(github_branch_head(gh, &repo, "people", head, NULL, &err));
	assert_int_equal(strlen(head), 40);
	assert_int_equal(
		github_branch_head(gh, &repo, "no/branch", head, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	OK(github_branch_head(gh, &repo, "people", head, NULL, &err));
}

static void the_diff_is_text(void **state)
{
	CLEANUP(strbuf) struct strbuf diff = STRBUF_INIT(10000);
	CLEANUP(strbuf) struct strbuf small = STRBUF_INIT(10000);
	struct err err = {0};

	NEED_STANDIN;
	OK(github_pull_diff(gh, &repo, number, 10000, &diff, NULL, &err));
	assert_non_null(strstr(diff.data, "@@ -0,0 +1,3 @@\n+one\n+two\n+three\n"));
	assert_int_equal(github_pull_diff(gh, &repo, number, 20, &small, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_int_equal(small.len, 0);
}

static void a_review_with_places(void **state)
{
	char path[] = "b";
	char texts[2][16] = {"why two?", "all of it"};
	struct github_review_comment rows[] = {
		{.path = path, .line = 2, .body = texts[0]},
		{.path = path, .line = 3, .start = 1, .body = texts[1]}};
	struct github_review_comments list = {.rows = rows, .count = 2};
	CLEANUP(github_review_comments) struct github_review_comments back = {0};
	char url[GITHUB_URL_SIZE];
	int64_t id = 0;
	int64_t found = 0;
	int64_t reply = 0;
	struct err err = {0};

	NEED_STANDIN;
	OK(github_review_create(gh, &repo, number, head, "REQUEST_CHANGES",
		"It is.\n\n<!-- rm -->", &list, &id, url, NULL, &err));
	assert_true(id > 0 && strstr(url, "#pullrequestreview-"));
	OK(github_review_find(
		gh, &repo, number, app.bot.id, "<!-- rm -->", &found, NULL, &err));
	assert_int_equal(found, id);
	assert_int_equal(github_review_find(gh, &repo, number, app.bot.id, "<!-- xx -->",
				 &found, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	OK(github_review_comments_get(gh, &repo, number, id, &back, NULL, &err));
	assert_int_equal(back.count, 2);
	assert_string_equal(back.rows[0].path, "b");
	assert_string_equal(back.rows[0].body, "why two?");
	assert_int_equal(back.rows[0].line, 2);
	assert_int_equal(back.rows[1].line, 3);
	assert_int_equal(back.rows[0].author.id, app.bot.id);
	assert_non_null(strstr(back.rows[0].hunk, "+two"));
	OK(github_review_reply(gh, &repo, number, back.rows[0].id, "since <!-- r1 -->",
		&reply, NULL, &err));
	OK(github_review_reply_find(
		gh, &repo, number, app.bot.id, "<!-- r1 -->", &found, NULL, &err));
	assert_int_equal(found, reply);
	OK(github_review_comment_react(gh, &repo, back.rows[0].id, "eyes", NULL, &err));
	OK(github_review_comment_react(gh, &repo, back.rows[0].id, "eyes", NULL, &err));
	assert_int_equal(
		github_review_comment_react(gh, &repo, 99, "eyes", NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	/* One place that is not in the diff: nothing of it is taken. */
	rows[1].line = 9;
	assert_int_equal(github_review_create(gh, &repo, number, head, "COMMENT", "x",
				 &list, &id, url, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_INPUT);
}

static void checks_of_ours(void **state)
{
	struct github_annotation places[] = {{.path = "b",
		.message = "wrong",
		.line = 2,
		.column = 3,
		.failure = true}};
	struct github_check_new what = {.name = "Boxwright",
		.head = head,
		.external_id = "task-7",
		.status = "in_progress",
		.title = "Working",
		.summary = "on it",
		.buttons = {{"Stop", "Stops this run", "stop"}},
		.nbuttons = 1,
		.annotations = places,
		.nannotations = 1};
	CLEANUP(github_checks) struct github_checks others = {0};
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(1000);
	int64_t id = 0;
	int64_t found = 0;
	struct err err = {0};

	NEED_STANDIN;
	OK(github_check_create(gh, &repo, &what, &id, NULL, &err));
	what.status = "completed";
	what.conclusion = "success";
	OK(github_check_update(gh, &repo, id, &what, NULL, &err));
	OK(github_check_find(gh, &repo, head, "Boxwright", "task-7", &found, NULL, &err));
	assert_int_equal(found, id);
	assert_int_equal(github_check_find(gh, &repo, head, "Boxwright", "task-8", &found,
				 NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	OK(github_check_annotations(gh, &repo, id, 1000, &text, NULL, &err));
	assert_string_equal(strbuf_str(&text), "b:2: wrong\nb:2: wrong\n");
	OK(github_checks_get(gh, &repo, head, &others, NULL, &err));
	assert_int_equal(others.count, 0);
}

static void checks_of_others_and_their_logs(void **state)
{
	CLEANUP(github_checks) struct github_checks list = {0};
	CLEANUP(strbuf) struct strbuf log = STRBUF_INIT(1000);
	struct err err = {0};

	NEED_STANDIN;
	CLEANUP(mem)
	char *run = mem_printf("{" REPO
			       ",\"number\":%lld,\"name\":\"unit\",\"deliver\":false,"
			       "\"log\":\"first\\nlast\\n\",\"conclusion\":\"failure\","
			       "\"output\":{\"title\":\"T\",\"summary\":\"S\"}}",
		(long long)number);
	CLEANUP(mem)
	char *lint = mem_printf("{" REPO
				",\"number\":%lld,\"name\":\"lint\",\"deliver\":false,"
				"\"app\":\"linter\",\"conclusion\":\"success\"}",
		(long long)number);
	json_decref(standin_act("checkRun", run));
	json_decref(standin_act("checkRun", run));
	json_decref(standin_act("checkRun", lint));
	OK(github_checks_get(gh, &repo, head, &list, NULL, &err));
	assert_int_equal(list.count, 2);
	assert_string_equal(list.rows[0].name, "lint");
	assert_false(list.rows[0].actions);
	assert_string_equal(list.rows[1].conclusion, "failure");
	assert_string_equal(list.rows[1].output, "T\n\nS");
	assert_true(list.rows[1].actions);
	OK(github_job_log(gh, &repo, list.rows[1].id, 6, &log, NULL, &err));
	assert_string_equal(strbuf_str(&log), "\nlast\n");
	assert_int_equal(
		github_job_log(gh, &repo, list.rows[0].id, 6, &log, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void files(void **state)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(1000);
	struct err err = {0};

	NEED_STANDIN;
	OK(github_file_get(gh, &repo, "b", "people", 100, &text, NULL, &err));
	assert_string_equal(strbuf_str(&text), "one\ntwo\nthree\n");
	assert_int_equal(
		github_file_get(gh, &repo, "b", NULL, 100, &text, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(
		github_file_get(gh, &repo, "b", "people", 5, &text, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
}

static void issues(void **state)
{
	int64_t made = 0;
	int64_t found = 0;
	struct err err = {0};

	NEED_STANDIN;
	assert_int_equal(github_issue_find(gh, &repo, app.bot.id, "<!-- dash -->", &found,
				 NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	OK(github_issue_create(gh, &repo, "Jobs", "<!-- dash -->", &made, NULL, &err));
	OK(github_issue_find(gh, &repo, app.bot.id, "<!-- dash -->", &found, NULL, &err));
	assert_int_equal(found, made);
	OK(github_issue_update(
		gh, &repo, made, NULL, "<!-- dash --> 2", "closed", NULL, &err));
	OK(github_issue_find(
		gh, &repo, app.bot.id, "<!-- dash --> 2", &found, NULL, &err));
	assert_int_equal(found, made);
}

static void mergeable_closed_deleted(void **state)
{
	enum github_mergeable can = GITHUB_MERGEABLE_UNKNOWN;
	struct github_pull pull = {0};
	struct err err = {0};

	NEED_STANDIN;
	OK(github_pull_mergeable(gh, &repo, number, &can, NULL, &err));
	assert_int_equal(can, GITHUB_MERGEABLE_CLEAN);
	json_decref(standin_act("commit",
		"{" REPO ",\"branch\":\"main\",\"files\":{\"b\":\"other\\n\"}}"));
	OK(github_pull_mergeable(gh, &repo, number, &can, NULL, &err));
	assert_int_equal(can, GITHUB_MERGEABLE_CONFLICT);
	OK(github_pull_close(gh, &repo, number, NULL, &err));
	OK(github_pull_close(gh, &repo, number, NULL, &err));
	OK(github_pull_get(gh, &repo, number, &pull, NULL, &err));
	assert_false(pull.open);
}

static void an_installation(void **state)
{
	struct github_repo_info list[2];
	size_t count = 0;
	struct err err = {0};

	NEED_STANDIN;
	OK(github_installation_repos(
		gh, repo.installation_id, 1, list, 2, &count, NULL, &err));
	assert_int_equal(count, 1);
	assert_int_equal(list[0].id, repo.id);
	OK(github_installation_repos(
		gh, repo.installation_id, 2, list, 2, &count, NULL, &err));
	assert_int_equal(count, 0);
}

int main(void)
{
	struct err err = {0};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(someone_opens_a_pull_request),
		cmocka_unit_test(the_diff_is_text),
		cmocka_unit_test(a_review_with_places),
		cmocka_unit_test(checks_of_ours),
		cmocka_unit_test(checks_of_others_and_their_logs),
		cmocka_unit_test(files),
		cmocka_unit_test(issues),
		cmocka_unit_test(mergeable_closed_deleted),
		cmocka_unit_test(an_installation),
	};

	if (http_global_init(&err) < 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, standin_setup, standin_teardown);
	http_global_cleanup();
	return failed;
}
