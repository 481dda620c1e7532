/* SPDX-License-Identifier: MIT */
/* Each verb: what it sends, what it makes of the answer, and what it does when an answer
 * was lost. */
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

static void sent(struct github_world *world, const char *method, const char *target)
{
	assert_string_equal(world->fake.method, method);
	assert_string_equal(world->fake.target, target);
}

/* ---- comments -------------------------------------------------------------- */

static void a_comment_is_made_changed_and_deleted(void **state)
{
	struct github_world *world = *state;
	CLEANUP(github_comment) struct github_comment comment = {0};
	struct err err = {0};

	fake_github_answer(&world->fake, 201, NULL, FAKE_COMMENT);
	assert_int_equal(github_comment_create(world->gh, &world->repo, 3, "a \"b\"\n",
				 &comment, NULL, &err),
		0);
	sent(world, "POST", "/repos/octocat/hello/issues/3/comments");
	assert_string_equal(world->fake.body, "{\"body\":\"a \\\"b\\\"\\n\"}");
	assert_int_equal(comment.id, 77);
	assert_int_equal(comment.created_s, 1795379701);
	assert_string_equal(comment.author.login, "mona");
	fake_github_answer(&world->fake, 200, NULL, FAKE_COMMENT);
	assert_int_equal(
		github_comment_update(world->gh, &world->repo, 77, "c", NULL, &err), 0);
	sent(world, "PATCH", "/repos/octocat/hello/issues/comments/77");
	fake_github_answer(&world->fake, 204, NULL, "");
	assert_int_equal(
		github_comment_delete(world->gh, &world->repo, 77, NULL, &err), 0);
	fake_github_answer(&world->fake, 404, NULL, "{}");
	assert_int_equal(
		github_comment_delete(world->gh, &world->repo, 77, NULL, &err), 0);
	fake_github_answer(&world->fake, 403, NULL, "{}");
	assert_int_equal(
		github_comment_delete(world->gh, &world->repo, 77, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_DENIED);
}

static void no_secret_leaves_in_a_comment(void **state)
{
	struct github_world *world = *state;
	CLEANUP(secret) struct secret key = {0};
	CLEANUP(mem) char *large = mem_alloc(LIMIT_COMMENT + 2);
	struct err err = {0};

	secret_set(&key, "sk-canary-0123456789", 20);
	fake_github_answer(&world->fake, 201, NULL, FAKE_COMMENT);
	assert_int_equal(github_comment_create(world->gh, &world->repo, 3,
				 "it is sk-canary-0123456789, "
				 "c2stY2FuYXJ5LTAxMjM0NTY3ODk=\xff",
				 NULL, NULL, &err),
		0);
	assert_null(strstr(world->fake.body, "canary"));
	assert_null(strstr(world->fake.body, "c2stY2FuYXJ5LTAxMjM0"));
	memset(large, 'a', LIMIT_COMMENT + 1);
	large[LIMIT_COMMENT + 1] = '\0';
	assert_int_equal(github_comment_create(
				 world->gh, &world->repo, 3, large, NULL, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_LIMIT);
}

/* A next page inside our API, in GitHub's words. */
static char *next_link(struct github_world *world, const char *where)
{
	return mem_printf(
		"Link: <http://127.0.0.1:%u/repositories/9/prev>; rel=\"prev\", "
		"<%s/repositories/9/issues/3/comments?page=2>; rel=\"next\"\r\n",
		(unsigned)peer_port(world->fake.peer), where);
}

static void comments_are_found_over_pages(void **state)
{
	struct github_world *world = *state;
	char url[64];
	int64_t ids[4] = {0};
	size_t count = 0;
	struct err err = {0};

	fake_github_url(&world->fake, url, sizeof url);
	CLEANUP(mem) char *link = next_link(world, url);
	const struct fake_answer pages[] = {
		{200, link,
			"[" FAKE_COMMENT_OF(
				1, FAKE_USER, "<!-- m -->") "," FAKE_COMMENT_OF(2,
				"{\"login\":\"b[bot]\",\"id\":6,\"type\":\"Bot\"}",
				"x <!-- m -->") "]"},
		{200, NULL,
			"[" FAKE_COMMENT_OF(3, "{\"login\":\"b[bot]\",\"id\":6}",
				"y") "," FAKE_COMMENT_OF(4,
				"{\"login\":\"b[bot]\",\"id\":6}", "<!-- m -->") "]"},
		{0, NULL, NULL}};
	fake_github_answers(&world->fake, pages);
	assert_int_equal(github_comment_find(world->gh, &world->repo, 3, 1795379701, 6,
				 "<!-- m -->", ids, 4, &count, NULL, &err),
		0);
	assert_int_equal(count, 2);
	assert_int_equal(ids[0], 2);
	assert_int_equal(ids[1], 4);
	sent(world, "GET", "/repositories/9/issues/3/comments?page=2");
	/* At most as many as there is room for. */
	fake_github_answers(&world->fake, pages);
	assert_int_equal(github_comment_find(world->gh, &world->repo, 3, 0, 6,
				 "<!-- m -->", ids, 1, &count, NULL, &err),
		0);
	assert_int_equal(count, 1);
	sent(world, "GET", "/repos/octocat/hello/issues/3/comments?per_page=100");
	assert_int_equal(github_comment_find(world->gh, &world->repo, 3, 0, 0,
				 "<!-- m -->", ids, 1, &count, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_INPUT);
}

static void pages_do_not_lead_elsewhere_and_end(void **state)
{
	struct github_world *world = *state;
	char url[64];
	int64_t id = 0;
	size_t count = 0;
	struct err err = {0};

	CLEANUP(mem) char *elsewhere = next_link(world, "http://127.0.0.1.evil.example");
	fake_github_answer(&world->fake, 200, elsewhere, "[]");
	assert_int_equal(github_comment_find(world->gh, &world->repo, 3, 0, 6, "m", &id,
				 1, &count, NULL, &err),
		0);
	assert_int_equal(fake_github_requests(&world->fake), 1);
	fake_github_url(&world->fake, url, sizeof url);
	CLEANUP(mem) char *circle = next_link(world, url);
	fake_github_answer(&world->fake, 200, circle, "[]");
	assert_int_equal(github_comment_find(world->gh, &world->repo, 3, 0, 6, "m", &id,
				 1, &count, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_int_equal(fake_github_requests(&world->fake), 1 + GITHUB_PAGES_MAX);
}

static void reactions_and_labels(void **state)
{
	struct github_world *world = *state;
	const char *const labels[] = {"a", "b c"};
	struct err err = {0};

	fake_github_answer(&world->fake, 200, NULL, "{\"id\":1}"); /* was there */
	assert_int_equal(
		github_comment_react(world->gh, &world->repo, 77, "eyes", NULL, &err), 0);
	sent(world, "POST", "/repos/octocat/hello/issues/comments/77/reactions");
	assert_string_equal(world->fake.body, "{\"content\":\"eyes\"}");
	fake_github_answer(&world->fake, 201, NULL, "{\"id\":1}");
	assert_int_equal(
		github_issue_react(world->gh, &world->repo, 3, "+1", NULL, &err), 0);
	sent(world, "POST", "/repos/octocat/hello/issues/3/reactions");
	fake_github_answer(&world->fake, 200, NULL, "[]");
	assert_int_equal(
		github_labels_add(world->gh, &world->repo, 3, labels, 2, NULL, &err), 0);
	assert_string_equal(world->fake.body, "{\"labels\":[\"a\",\"b c\"]}");
}

/* ---- people and repositories ------------------------------------------------ */

static void roles(void **state)
{
	struct github_world *world = *state;
	static const struct {
		int status;
		const char *permission, *role;
		enum github_role want;
	} cases[] = {
		{200, "admin", "admin", GITHUB_ROLE_ADMIN},
		{200, "write", "maintain", GITHUB_ROLE_MAINTAIN},
		{200, "write", "write", GITHUB_ROLE_WRITE},
		{200, "read", "triage", GITHUB_ROLE_TRIAGE},
		{200, "read", "read", GITHUB_ROLE_READ},
		{200, "read", "release-manager", GITHUB_ROLE_READ}, /* a custom role */
		{200, "read", "admin", GITHUB_ROLE_READ}, /* so named by somebody */
		{200, "none", "maintain", GITHUB_ROLE_NONE},
		{404, "", "", GITHUB_ROLE_NONE},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum github_role role = GITHUB_ROLE_ADMIN;
		struct err err = {0};
		CLEANUP(mem)
		char *body = mem_printf("{\"permission\":\"%s\",\"role_name\":\"%s\","
					"\"user\":" FAKE_USER "}",
			cases[i].permission, cases[i].role);

		fake_github_answer(&world->fake, cases[i].status, NULL, body);
		assert_int_equal(github_role_get(world->gh, &world->repo, "Mona", 5,
					 &role, NULL, &err),
			0);
		assert_int_equal(role, cases[i].want);
	}
}

static void a_role_is_denied_in_doubt(void **state)
{
	struct github_world *world = *state;
	static const struct {
		int status;
		const char *body;
		const char *login;
		int64_t id;
		enum err_kind kind;
	} cases[] = {
		{200, "{\"permission\":\"admin\",\"user\":" FAKE_USER "}", "mona", 6,
			ERR_DENIED},
		{200, "{\"permission\":\"admin\",\"user\":" FAKE_USER "}", "lisa", 5,
			ERR_DENIED},
		{200, "{\"permission\":\"root\",\"user\":" FAKE_USER "}", "mona", 5,
			ERR_INTERNAL},
		{200, "{\"permission\":\"admin\",\"user\":null}", "ghost", 5, ERR_DENIED},
		{500, "{}", "mona", 5, ERR_TRANSIENT},
		{403, "{}", "mona", 5, ERR_DENIED},
		{200, "{}", "", 5, ERR_INPUT},
		{200, "{}", "..", 5, ERR_INPUT},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum github_role role = GITHUB_ROLE_ADMIN;
		struct err err = {0};

		fake_github_answer(&world->fake, cases[i].status, NULL, cases[i].body);
		assert_int_equal(github_role_get(world->gh, &world->repo, cases[i].login,
					 cases[i].id, &role, NULL, &err),
			-1);
		assert_int_equal(err.kind, cases[i].kind);
		assert_int_equal(role, GITHUB_ROLE_NONE);
	}
}

#define FAKE_REPO(id)                                                                    \
	"{\"id\":" #id ",\"name\":\"hello\",\"owner\":{\"login\":\"octocat\"},"          \
	"\"default_branch\":\"main\",\"clone_url\":\"https://x/h.git\","                 \
	"\"html_url\":\"https://x/h\",\"private\":false,\"size\":12}"

static void a_repository_by_id_and_by_name(void **state)
{
	struct github_world *world = *state;
	struct github_repo_info info = {0};
	struct github_repo named = {
		.installation_id = 7, .owner = "octocat", .name = "hello"};
	struct err err = {0};

	fake_github_answer(&world->fake, 200, NULL, FAKE_REPO(9));
	assert_int_equal(github_repo_get(world->gh, &world->repo, &info, NULL, &err), 0);
	sent(world, "GET", "/repositories/9");
	assert_string_equal(info.default_branch, "main");
	assert_false(info.private_);
	assert_int_equal(github_repo_get(world->gh, &named, &info, NULL, &err), 0);
	sent(world, "GET", "/repos/octocat/hello");
	assert_non_null(strstr(world->fake.mint_body, "\"repositories\":[\"hello\"]"));
	fake_github_answer(&world->fake, 200, NULL, FAKE_REPO(10));
	assert_int_equal(github_repo_get(world->gh, &world->repo, &info, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INTERNAL);
}

static void the_app_itself_is_asked_once(void **state)
{
	struct github_world *world = *state;
	struct github_app app = {0};
	struct err err = {0};
	const struct fake_answer answers[] = {
		{200, NULL, "{\"id\":4242,\"slug\":\"box-wright\"}"},
		{200, NULL, "{\"id\":99,\"login\":\"box-wright[bot]\",\"type\":\"Bot\"}"},
		{0, NULL, NULL}};

	fake_github_answers(&world->fake, answers);
	for (int i = 0; i < 2; i++)
		assert_int_equal(github_app_self(world->gh, &app, NULL, &err), 0);
	assert_int_equal(fake_github_requests(&world->fake), 2);
	sent(world, "GET", "/users/box-wright%5Bbot%5D");
	assert_string_equal(world->fake.auth, "");
	assert_int_equal(app.bot.id, 99);
	assert_true(app.bot.bot);
}

static void a_bot_that_nobody_may_see(void **state)
{
	struct github_world *world = *state;
	struct github_app app = {0};
	struct err err = {0};
	const struct fake_answer answers[] = {{200, NULL, "{\"id\":4242,\"slug\":\"b\"}"},
		{401, NULL, "{\"message\":\"Must authenticate\"}"},
		{200, NULL, "[{\"id\":7}]"},
		{200, NULL, "{\"id\":99,\"login\":\"b[bot]\",\"type\":\"Bot\"}"},
		{0, NULL, NULL}};
	const struct fake_answer other[] = {
		{200, NULL, "{\"id\":4243,\"slug\":\"b\"}"}, {0, NULL, NULL}};

	fake_github_answers(&world->fake, answers);
	assert_int_equal(github_app_self(world->gh, &app, NULL, &err), 0);
	assert_string_equal(world->fake.auth, "Bearer ghs_tok-0123456789-1");
	github_world_options(world, (struct github_options){0});
	fake_github_answers(&world->fake, other);
	assert_int_equal(github_app_self(world->gh, &app, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INTERNAL);
}

/* ---- pull requests ---------------------------------------------------------- */

static const struct github_pull_new fresh = {.title = "T",
	.body = "B",
	.head = "boxwright/1-x",
	.base = "main",
	.draft = true};

static void a_pull_request_is_found_by_its_head_alone(void **state)
{
	struct github_world *world = *state;
	struct github_pull pull = {0};
	struct err err = {0};

	/* A fork's, another branch's, an older closed one, then the open one. */
	fake_github_answer(&world->fake, 200, NULL,
		"[" FAKE_PULL_OF(1, "open", "boxwright/1-x", 8, "main") "," FAKE_PULL_OF(
			2, "open", "main", 9, "main") "," FAKE_PULL_OF(3, "closed",
			"boxwright/1-x", 9, "main") "," FAKE_PULL_OF(4, "open",
			"boxwright/1-x", 9, "main") "]");
	assert_int_equal(github_pull_find(world->gh, &world->repo, "boxwright/1-x", &pull,
				 NULL, &err),
		0);
	assert_int_equal(pull.number, 4);
	assert_string_equal(pull.title, "P4");
	sent(world, "GET",
		"/repos/octocat/hello/pulls?state=all&sort=created&direction=desc"
		"&per_page=100&head=octocat%3Aboxwright%2F1-x");
	fake_github_answer(&world->fake, 200, NULL,
		"[" FAKE_PULL_OF(
			3, "closed", "boxwright/1-x", 9, "main") "," FAKE_PULL_OF(2,
			"closed", "boxwright/1-x", 9, "main") "]");
	assert_int_equal(github_pull_find(world->gh, &world->repo, "boxwright/1-x", &pull,
				 NULL, &err),
		0);
	assert_int_equal(pull.number, 3);
	assert_false(pull.open);
	fake_github_answer(&world->fake, 200, NULL, "[]");
	assert_int_equal(github_pull_find(world->gh, &world->repo, "boxwright/1-x", &pull,
				 NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void a_pull_request_is_opened(void **state)
{
	struct github_world *world = *state;
	struct github_pull pull = {0};
	bool adopted = true;
	struct err err = {0};

	fake_github_answer(&world->fake, 201, NULL,
		FAKE_PULL_OF(5, "open", "boxwright/1-x", 9, "main"));
	assert_int_equal(github_pull_create(world->gh, &world->repo, &fresh, &pull,
				 &adopted, NULL, &err),
		0);
	assert_false(adopted);
	assert_int_equal(pull.number, 5);
	assert_string_equal(world->fake.body,
		"{\"title\":\"T\",\"body\":\"B\",\"head\":\"boxwright/1-x\","
		"\"base\":\"main\",\"draft\":true}");
	fake_github_answer(&world->fake, 200, NULL, "{}");
	assert_int_equal(
		github_pull_update(world->gh, &world->repo, 5, NULL, "new", NULL, &err),
		0);
	sent(world, "PATCH", "/repos/octocat/hello/pulls/5");
	assert_string_equal(world->fake.body, "{\"body\":\"new\"}");
}

#define EXISTS                                                                           \
	"{\"message\":\"Validation Failed\",\"errors\":[{\"resource\":\"PullRequest\","  \
	"\"code\":\"custom\",\"message\":\"A pull request already exists for "           \
	"octocat:boxwright/1-x.\"}]}"

static void one_that_is_open_already_is_adopted(void **state)
{
	struct github_world *world = *state;
	struct github_pull pull = {0};
	bool adopted = false;
	struct err err = {0};
	const struct fake_answer there[] = {{422, NULL, EXISTS},
		{200, NULL, "[" FAKE_PULL_OF(4, "open", "boxwright/1-x", 9, "main") "]"},
		{0, NULL, NULL}};
	const struct fake_answer gone[] = {
		{422, NULL, EXISTS}, {200, NULL, "[]"}, {0, NULL, NULL}};

	fake_github_answers(&world->fake, there);
	assert_int_equal(github_pull_create(world->gh, &world->repo, &fresh, &pull,
				 &adopted, NULL, &err),
		0);
	assert_true(adopted);
	assert_int_equal(pull.number, 4);
	fake_github_answers(&world->fake, gone);
	assert_int_equal(github_pull_create(world->gh, &world->repo, &fresh, &pull,
				 &adopted, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	fake_github_answer(&world->fake, 422, NULL,
		"{\"message\":\"Validation Failed\",\"errors\":[{\"message\":\"No "
		"commits "
		"between main and x\"}]}");
	assert_int_equal(github_pull_create(world->gh, &world->repo, &fresh, &pull,
				 &adopted, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, "No commits between"));
}

static void without_drafts_it_is_an_ordinary_one(void **state)
{
	struct github_world *world = *state;
	struct github_pull pull = {0};
	struct err err = {0};
	const struct fake_answer answers[] = {
		{422, NULL,
			"{\"message\":\"Draft pull requests are not supported in this "
			"repository.\"}"},
		{201, NULL, FAKE_PULL_OF(5, "open", "boxwright/1-x", 9, "main")},
		{0, NULL, NULL}};

	fake_github_answers(&world->fake, answers);
	assert_int_equal(github_pull_create(world->gh, &world->repo, &fresh, &pull, NULL,
				 NULL, &err),
		0);
	assert_non_null(strstr(world->fake.body, "\"draft\":false"));
}

/* ---- deliveries ------------------------------------------------------------- */

static void deliveries_by_pages(void **state)
{
	struct github_world *world = *state;
	struct github_delivery list[2];
	char cursor[GITHUB_CURSOR_SIZE] = "";
	char url[64];
	size_t count = 0;
	struct err err = {0};

	fake_github_url(&world->fake, url, sizeof url);
	CLEANUP(mem)
	char *link =
		mem_printf("Link: <%s/app/hook/deliveries?per_page=2&cursor=v1_%%2B9>; "
			   "rel=\"next\"\r\n",
			url);
	fake_github_answer(&world->fake, 200, link,
		"[{\"id\":1,\"guid\":\"g\",\"event\":\"push\",\"delivered_at\":"
		"\"2026-11-22T20:35:01.123Z\",\"status_code\":500,\"redelivery\":true},"
		"{\"id\":2,\"guid\":\"h\",\"event\":\"ping\",\"delivered_at\":"
		"\"2026-11-22T20:35:01Z\",\"status_code\":202}]");
	assert_int_equal(
		github_deliveries(world->gh, true, cursor, list, 2, &count, NULL, &err),
		0);
	assert_int_equal(count, 2);
	assert_true(list[0].redelivery && !list[0].ok && list[1].ok);
	assert_int_equal(list[0].delivered_s, 1795379701);
	assert_string_equal(cursor, "v1_+9");
	fake_github_answer(&world->fake, 200, NULL, "[]");
	assert_int_equal(
		github_deliveries(world->gh, true, cursor, list, 2, &count, NULL, &err),
		0);
	sent(world, "GET",
		"/app/hook/deliveries?per_page=2&status=failure&cursor=v1_%2B9");
	assert_string_equal(cursor, "");
	fake_github_answer(&world->fake, 202, NULL, "{}");
	assert_int_equal(github_redeliver(world->gh, 1, NULL, &err), 0);
	sent(world, "POST", "/app/hook/deliveries/1/attempts");
}

static void changes_are_spaced_and_never_wait_long(void **state)
{
	struct github_world *world = *state;
	struct err err = {0};

	github_world_options(world,
		(struct github_options){.write_gap_ms = 60000, .writes_per_minute = 60});
	fake_github_answer(&world->fake, 201, NULL, FAKE_COMMENT);
	assert_int_equal(
		github_comment_create(world->gh, &world->repo, 3, "x", NULL, NULL, &err),
		0);
	assert_int_equal(
		github_comment_create(world->gh, &world->repo, 3, "x", NULL, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_in_range(err.retry_after_s, 55, 60);
	assert_int_equal(fake_github_requests(&world->fake), 1);
}

int main(void)
{
	struct err err = {0};
#define T(f) cmocka_unit_test_setup_teardown(f, github_world_setup, github_world_teardown)
	const struct CMUnitTest tests[] = {
		T(a_comment_is_made_changed_and_deleted),
		T(no_secret_leaves_in_a_comment),
		T(comments_are_found_over_pages),
		T(pages_do_not_lead_elsewhere_and_end),
		T(reactions_and_labels),
		T(roles),
		T(a_role_is_denied_in_doubt),
		T(a_repository_by_id_and_by_name),
		T(the_app_itself_is_asked_once),
		T(a_bot_that_nobody_may_see),
		T(a_pull_request_is_found_by_its_head_alone),
		T(a_pull_request_is_opened),
		T(one_that_is_open_already_is_adopted),
		T(without_drafts_it_is_an_ordinary_one),
		T(deliveries_by_pages),
		T(changes_are_spaced_and_never_wait_long),
	};

	if (http_global_init(&err) < 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_global_cleanup();
	return failed;
}
