/* SPDX-License-Identifier: MIT */
/* Each verb of reviews, checks, files and issues before each way in which GitHub can fail. */
#include "service/github/github.h"

#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/net/http_client.h"
#include "tests/lib/github_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef int (*verb_fn)(
	struct github *gh, const struct github_repo *repo, struct err *err);

#define VERB(name, call)                                                                 \
	static int name(                                                                 \
		struct github *gh, const struct github_repo *repo, struct err *err)      \
	{                                                                                \
		CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(1000);                   \
		char url[GITHUB_URL_SIZE];                                               \
		int64_t id = 0;                                                          \
		(void)url;                                                               \
		(void)id;                                                                \
		int rc = (call);                                                         \
		assert_int_equal(rc < 0 ? out.len : 0, 0);                               \
		return rc;                                                               \
	}

static const struct github_check_new check = {
	.name = "B", .head = "abc", .external_id = "t", .status = "queued"};

static int review_comments(
	struct github *gh, const struct github_repo *repo, struct err *err)
{
	CLEANUP(github_review_comments) struct github_review_comments list = {0};
	int rc = github_review_comments_get(gh, repo, 3, 4, &list, NULL, err);

	assert_int_equal(rc < 0 ? list.count : 0, 0);
	return rc;
}

static int checks(struct github *gh, const struct github_repo *repo, struct err *err)
{
	CLEANUP(github_checks) struct github_checks list = {0};
	int rc = github_checks_get(gh, repo, "abc", &list, NULL, err);

	assert_int_equal(rc < 0 ? list.count : 0, 0);
	return rc;
}

static int mergeable(struct github *gh, const struct github_repo *repo, struct err *err)
{
	enum github_mergeable can;

	return github_pull_mergeable(gh, repo, 3, &can, NULL, err);
}

static int head(struct github *gh, const struct github_repo *repo, struct err *err)
{
	char oid[GITHUB_OID_SIZE];

	return github_branch_head(gh, repo, "main", oid, NULL, err);
}

static int installation(
	struct github *gh, const struct github_repo *repo, struct err *err)
{
	struct github_repo_info list[3];
	size_t count = 9;
	int rc = github_installation_repos(
		gh, repo->installation_id, 1, list, 3, &count, NULL, err);

	assert_int_equal(rc < 0 ? count : 0, 0);
	return rc;
}

VERB(review, github_review_create(
		     gh, repo, 3, "abc", "COMMENT", "b", NULL, &id, url, NULL, err))
VERB(review_find, github_review_find(gh, repo, 3, 5, "m", &id, NULL, err))
VERB(reply, github_review_reply(gh, repo, 3, 4, "b", &id, NULL, err))
VERB(reply_find, github_review_reply_find(gh, repo, 3, 5, "m", &id, NULL, err))
VERB(react, github_review_comment_react(gh, repo, 4, "eyes", NULL, err))
VERB(diff, github_pull_diff(gh, repo, 3, 1000, &out, NULL, err))
VERB(close_, github_pull_close(gh, repo, 3, NULL, err))
VERB(check_create, github_check_create(gh, repo, &check, &id, NULL, err))
VERB(check_update, github_check_update(gh, repo, 4, &check, NULL, err))
VERB(check_find, github_check_find(gh, repo, "abc", "B", "t", &id, NULL, err))
VERB(annotations, github_check_annotations(gh, repo, 4, 1000, &out, NULL, err))
VERB(job_log, github_job_log(gh, repo, 4, 1000, &out, NULL, err))
VERB(file, github_file_get(gh, repo, "a/b", NULL, 1000, &out, NULL, err))
VERB(issue, github_issue_create(gh, repo, "t", "b", &id, NULL, err))
VERB(issue_update, github_issue_update(gh, repo, 3, NULL, NULL, "closed", NULL, err))

static const struct verb {
	const char *name;
	verb_fn call;
	bool blind;     /* reads nothing of a success */
	bool gone_fine; /* what is not there is fine */
	bool raw;       /* not JSON */
} verbs[] = {
	{"review", review, false, false, false},
	{"review_find", review_find, false, false, false},
	{"review_comments", review_comments, false, false, false},
	{"reply", reply, false, false, false},
	{"reply_find", reply_find, false, false, false},
	{"react", react, true, false, false},
	{"diff", diff, true, false, true},
	{"close", close_, true, false, false},
	{"mergeable", mergeable, true, false, false},
	{"check_create", check_create, false, false, false},
	{"check_update", check_update, true, false, false},
	{"check_find", check_find, false, false, false},
	{"checks", checks, false, false, false},
	{"annotations", annotations, false, false, false},
	{"job_log", job_log, false, false, false},
	{"file", file, false, false, false},
	{"head", head, false, false, false},
	{"issue", issue, false, false, false},
	{"issue_update", issue_update, true, false, false},
	{"installation", installation, false, false, false},
};

static void expect(struct github_world *world, const struct verb *verb, int status,
	const char *body, enum err_kind kind)
{
	struct err err = {0};

	fake_github_answer(&world->fake, status, NULL, body);
	int rc = verb->call(world->gh, &world->repo, &err);
	if (rc == 0 ? kind != ERR_NONE : err.kind != kind)
		fail_msg("%s, %d %s: %s instead of %s: %s", verb->name, status, body,
			err_kind_name(err.kind), err_kind_name(kind), err.text);
	if (rc < 0 && err.text[0] == '\0')
		fail_msg("%s: no words", verb->name);
}

static void each_refusal_has_its_kind(void **state)
{
	struct github_world *world = *state;

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		const struct verb *verb = &verbs[i];
		enum err_kind gone = verb->gone_fine ? ERR_NONE : ERR_NOT_FOUND;

		expect(world, verb, 404, "{\"message\":\"Not Found\"}", gone);
		expect(world, verb, 410, "{\"message\":\"Gone\"}", gone);
		expect(world, verb, 403,
			"{\"message\":\"Resource not accessible by integration\"}",
			ERR_DENIED);
		expect(world, verb, 422, "{\"message\":\"Validation Failed\"}",
			ERR_INPUT);
		expect(world, verb, 409, "{\"message\":\"Conflict\"}", ERR_CONFLICT);
		expect(world, verb, 502, "<html>Unicorn</html>", ERR_TRANSIENT);
		expect(world, verb, 204, NULL, ERR_TRANSIENT); /* cut */
	}
}

static void nonsense_is_told_as_such(void **state)
{
	struct github_world *world = *state;

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		const struct verb *verb = &verbs[i];
		enum err_kind kind = verb->blind ? ERR_NONE : ERR_INTERNAL;

		expect(world, verb, 200, "{}", kind);
		expect(world, verb, 200, "{\"id\":\"4\",\"number\":-3,\"user\":7}", kind);
		if (verb->raw)
			continue;
		expect(world, verb, 200, "{\"id\": 1", ERR_TRANSIENT);
		expect(world, verb, 200, "\"text\"", ERR_TRANSIENT);
	}
}

static void items_of_lists_are_checked_each(void **state)
{
	struct github_world *world = *state;
	static const char *const items[] = {"7", "null", "{}", "\"x\"",
		"{\"id\":0,\"user\":" FAKE_USER ",\"body\":\"m\"}",
		"{\"id\":1,\"user\":{\"id\":\"x\"},\"body\":\"m\"}"};

	for (size_t i = 0; i < ARRAY_LEN(items); i++) {
		CLEANUP(mem) char *list = mem_printf("[%s]", items[i]);
		CLEANUP(mem)
		char *runs = mem_printf("{\"check_runs\":[%s]}", items[i]);
		CLEANUP(mem)
		char *repos = mem_printf("{\"repositories\":[%s]}", items[i]);
		struct err err = {0};

		fake_github_answer(&world->fake, 200, NULL, list);
		assert_int_equal(review_comments(world->gh, &world->repo, &err), -1);
		fake_github_answer(&world->fake, 200, NULL, runs);
		assert_int_equal(checks(world->gh, &world->repo, &err), -1);
		assert_int_equal(err.kind, ERR_INTERNAL);
		fake_github_answer(&world->fake, 200, NULL, repos);
		assert_int_equal(installation(world->gh, &world->repo, &err), -1);
		assert_int_equal(err.kind, ERR_INTERNAL);
		/* Those that only look for one: either not it, or nonsense. */
		fake_github_answer(&world->fake, 200, NULL, list);
		assert_int_equal(review_find(world->gh, &world->repo, &err), -1);
		assert_true(err.kind == ERR_INTERNAL || err.kind == ERR_NOT_FOUND);
	}
}

/* An installation from before the App asked for checks. */
static void what_was_not_granted_is_denied(void **state)
{
	struct github_world *world = *state;
	struct err err = {0};

	world->fake.no_grant = 3;
	assert_int_equal(check_create(world->gh, &world->repo, &err), -1);
	assert_int_equal(err.kind, ERR_DENIED);
	assert_int_equal(checks(world->gh, &world->repo, &err), -1);
	assert_int_equal(err.kind, ERR_DENIED);
	assert_non_null(strstr(world->fake.mint_body, "{\"checks\":\"write\"}"));
	assert_int_equal(job_log(world->gh, &world->repo, &err), -1);
	assert_int_equal(err.kind, ERR_DENIED);
	assert_non_null(strstr(world->fake.mint_body, "{\"actions\":\"read\"}"));
	assert_int_equal(fake_github_requests(&world->fake), 0);
}

int main(void)
{
	struct err err = {0};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_refusal_has_its_kind,
			github_world_setup, github_world_teardown),
		cmocka_unit_test_setup_teardown(nonsense_is_told_as_such,
			github_world_setup, github_world_teardown),
		cmocka_unit_test_setup_teardown(items_of_lists_are_checked_each,
			github_world_setup, github_world_teardown),
		cmocka_unit_test_setup_teardown(what_was_not_granted_is_denied,
			github_world_setup, github_world_teardown),
	};

	if (http_global_init(&err) < 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_global_cleanup();
	return failed;
}
