/* SPDX-License-Identifier: MIT */
/* Reviews, diffs, checks, logs, files and issues: what is sent, and what is made of answers. */
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

#define SENT(method_, target_)                                                           \
	do {                                                                             \
		assert_string_equal(world->fake.method, method_);                        \
		assert_string_equal(world->fake.target, target_);                        \
	} while (0)

#define OK(call) assert_int_equal(call, 0)
#define BAD(call, kind_)                                                                 \
	do {                                                                             \
		err = (struct err){0};                                                   \
		assert_int_equal(call, -1);                                              \
		assert_int_equal(err.kind, kind_);                                       \
	} while (0)

/* ---- reviews ---------------------------------------------------------------------------- */

static void a_review_is_one_call(void **state)
{
	struct github_world *world = *state;
	char path[] = "a b.c";
	char text[] = "why?\n\"so\"";
	struct github_review_comment rows[] = {
		{.path = path, .line = 9, .start = 7, .left = true, .body = text},
		{.path = path, .line = 9, .start = 9, .body = text}};
	struct github_review_comments list = {.rows = rows, .count = 2};
	char url[GITHUB_URL_SIZE];
	int64_t id = 0;
	struct err err = {0};

	fake_github_answer(
		&world->fake, 200, NULL, "{\"id\":12,\"html_url\":\"https://x/r\"}");
	OK(github_review_create(world->gh, &world->repo, 3, "abc", "COMMENT", "all",
		&list, &id, url, NULL, &err));
	SENT("POST", "/repos/octocat/hello/pulls/3/reviews");
	assert_string_equal(world->fake.body,
		"{\"comments\":[{\"path\":\"a "
		"b.c\",\"line\":9,\"side\":\"LEFT\",\"start_line\":7,\"start_side\":"
		"\"LEFT\",\"body\":\"why?\\n\\\"so\\\"\"},{\"path\":\"a "
		"b.c\",\"line\":9,\"side\":\"RIGHT\",\"body\":\"why?\\n\\\"so\\\"\"}],"
		"\"commit_id\":\"abc\",\"event\":\"COMMENT\",\"body\":\"all\"}");
	assert_int_equal(id, 12);
	assert_string_equal(url, "https://x/r");
	int before = fake_github_requests(&world->fake);
	rows[0].line = 0;
	BAD(github_review_create(world->gh, &world->repo, 3, "abc", "COMMENT", "all",
		    &list, &id, url, NULL, &err),
		ERR_INPUT);
	list.count = GITHUB_REVIEW_COMMENTS_MAX + 1;
	BAD(github_review_create(world->gh, &world->repo, 3, "abc", "COMMENT", "all",
		    &list, &id, url, NULL, &err),
		ERR_LIMIT);
	assert_int_equal(fake_github_requests(&world->fake), before);
}

#define INLINE_OF(id, rest)                                                              \
	"{\"id\":" #id ",\"user\":" FAKE_USER ",\"path\":\"p\",\"body\":\"b\"," rest "}"

static void places_of_comments_are_read_in_all_forms(void **state)
{
	struct github_world *world = *state;
	CLEANUP(github_review_comments) struct github_review_comments list = {0};
	struct err err = {0};

	fake_github_answer(&world->fake, 200, NULL,
		"[" INLINE_OF(1, "\"line\":9,\"start_line\":7,\"side\":\"LEFT\"")
		/* outdated */
		"," INLINE_OF(2, "\"line\":null,\"start_line\":7,\"position\":null")
		/* left out: the hunk tells */
		"," INLINE_OF(3,
			"\"position\":4,\"diff_hunk\":\"@@ -10,4 +20,5 @@ f()\\n "
			"a\\n-b\\n+c\\n+d\"") "," INLINE_OF(4,
			"\"position\":2,\"diff_hunk\":\"@@ -1 +1 @@\\n-a\"")
		/* nonsense is no line */
		"," INLINE_OF(
			5, "\"position\":2,\"diff_hunk\":\"@@ nothing\"") "," INLINE_OF(6,
			"\"line\":-5,\"start_line\":9,\"in_reply_to_id\":1") "]");
	OK(github_review_comments_get(world->gh, &world->repo, 3, 4, &list, NULL, &err));
	SENT("GET", "/repos/octocat/hello/pulls/3/reviews/4/comments?per_page=100");
	assert_int_equal(list.count, 6);
	const struct {
		int64_t line, start;
		bool left;
	} want[] = {{9, 7, true}, {0, 0, false}, {22, 0, false}, {1, 0, true},
		{0, 0, false}, {0, 0, false}};
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		assert_int_equal(list.rows[i].line, want[i].line);
		assert_int_equal(list.rows[i].start, want[i].start);
		assert_int_equal(list.rows[i].left, want[i].left);
	}
	assert_int_equal(list.rows[5].in_reply_to, 1);
}

static void answers_in_threads(void **state)
{
	struct github_world *world = *state;
	int64_t id = 0;
	struct err err = {0};

	fake_github_answer(&world->fake, 201, NULL, "{\"id\":31}");
	OK(github_review_reply(world->gh, &world->repo, 3, 30, "since", &id, NULL, &err));
	SENT("POST", "/repos/octocat/hello/pulls/3/comments/30/replies");
	assert_string_equal(world->fake.body, "{\"body\":\"since\"}");
	assert_int_equal(id, 31);
	/* By a person with our marker, then ours. */
	fake_github_answer(&world->fake, 200, NULL,
		"[{\"id\":1,\"user\":" FAKE_USER ",\"body\":\"<m>\"},"
		"{\"id\":2,\"user\":{\"id\":6,\"login\":\"b[bot]\"},\"body\":null},"
		"{\"id\":3,\"user\":{\"id\":6,\"login\":\"b[bot]\"},\"body\":\"x "
		"<m>\"}]");
	OK(github_review_reply_find(
		world->gh, &world->repo, 3, 6, "<m>", &id, NULL, &err));
	assert_int_equal(id, 3);
	OK(github_review_find(world->gh, &world->repo, 3, 6, "<m>", &id, NULL, &err));
	assert_int_equal(id, 3);
	BAD(github_review_find(world->gh, &world->repo, 3, 7, "<m>", &id, NULL, &err),
		ERR_NOT_FOUND);
	BAD(github_review_find(world->gh, &world->repo, 3, 0, "<m>", &id, NULL, &err),
		ERR_INPUT);
	BAD(github_review_find(world->gh, &world->repo, 3, 6, "", &id, NULL, &err),
		ERR_INPUT);
	fake_github_answer(&world->fake, 200, NULL, "{\"id\":1}");
	OK(github_review_comment_react(world->gh, &world->repo, 30, "eyes", NULL, &err));
	SENT("POST", "/repos/octocat/hello/pulls/comments/30/reactions");
}

static void a_diff_is_taken_as_it_is(void **state)
{
	struct github_world *world = *state;
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(100000);
	CLEANUP(mem) char *large = mem_alloc(70001);
	struct err err = {0};

	strbuf_adds(&out, "before ");
	fake_github_answer(&world->fake, 200, NULL, "diff --git a/x b/x\n\xff\n");
	OK(github_pull_diff(world->gh, &world->repo, 3, 100, &out, NULL, &err));
	assert_string_equal(out.data, "before diff --git a/x b/x\n\xff\n");
	SENT("GET", "/repos/octocat/hello/pulls/3");
	memset(large, 'd', 70000);
	large[70000] = '\0';
	fake_github_answer(&world->fake, 200, NULL, large);
	BAD(github_pull_diff(world->gh, &world->repo, 3, 100, &out, NULL, &err),
		ERR_LIMIT);
	BAD(github_pull_diff(world->gh, &world->repo, 3, 69999, &out, NULL, &err),
		ERR_LIMIT);
	assert_int_equal(out.len, 28);
	OK(github_pull_diff(world->gh, &world->repo, 3, 70000, &out, NULL, &err));
	fake_github_answer(&world->fake, 406, NULL,
		"{\"message\":\"Sorry, the diff exceeded the maximum number of lines "
		"(20000)\"}");
	BAD(github_pull_diff(world->gh, &world->repo, 3, 100, &out, NULL, &err),
		ERR_LIMIT);
	assert_non_null(strstr(err.text, "20000"));
}

static void mergeable_in_three_ways(void **state)
{
	struct github_world *world = *state;
	static const struct {
		const char *body;
		enum github_mergeable want;
	} cases[] = {{"{\"mergeable\":true}", GITHUB_MERGEABLE_CLEAN},
		{"{\"mergeable\":false}", GITHUB_MERGEABLE_CONFLICT},
		{"{\"mergeable\":null}", GITHUB_MERGEABLE_UNKNOWN},
		{"{\"mergeable\":\"yes\"}", GITHUB_MERGEABLE_UNKNOWN},
		{"{}", GITHUB_MERGEABLE_UNKNOWN}};
	struct err err = {0};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum github_mergeable can = GITHUB_MERGEABLE_CLEAN;

		fake_github_answer(&world->fake, 200, NULL, cases[i].body);
		OK(github_pull_mergeable(world->gh, &world->repo, 3, &can, NULL, &err));
		assert_int_equal(can, cases[i].want);
	}
	OK(github_pull_close(world->gh, &world->repo, 3, NULL, &err));
	SENT("PATCH", "/repos/octocat/hello/pulls/3");
	assert_string_equal(world->fake.body, "{\"state\":\"closed\"}");
}

/* ---- checks ----------------------------------------------------------------------------- */

static void a_check_run_is_sent_whole(void **state)
{
	struct github_world *world = *state;
	struct github_annotation places[] = {{.path = "a.yml",
		.message = "unknown key",
		.title = "bad",
		.line = 3,
		.column = 5,
		.failure = true}};
	struct github_check_new what = {.name = "Boxwright",
		.head = "abc",
		.external_id = "task-1",
		.status = "completed",
		.conclusion = "failure",
		.details_url = "https://x/1",
		.title = "T",
		.summary = "S",
		.buttons = {{"Stop", "Stops it", "stop"}},
		.nbuttons = 1,
		.annotations = places,
		.nannotations = 1};
	int64_t id = 0;
	struct err err = {0};

	fake_github_answer(&world->fake, 201, NULL, "{\"id\":44}");
	OK(github_check_create(world->gh, &world->repo, &what, &id, NULL, &err));
	SENT("POST", "/repos/octocat/hello/check-runs");
	assert_int_equal(id, 44);
	assert_string_equal(world->fake.body,
		"{\"name\":\"Boxwright\",\"status\":\"completed\",\"conclusion\":"
		"\"failure\",\"details_url\":\"https://x/1\",\"output\":{\"title\":\"T\","
		"\"summary\":\"S\",\"annotations\":[{\"path\":\"a.yml\",\"start_line\":3,"
		"\"end_line\":3,\"start_column\":5,\"end_column\":5,\"annotation_level\":"
		"\"failure\",\"message\":\"unknown "
		"key\",\"title\":\"bad\"}]},\"actions\":"
		"[{\"label\":\"Stop\",\"description\":\"Stops it\",\"identifier\":"
		"\"stop\"}],\"head_sha\":\"abc\",\"external_id\":\"task-1\"}");
	OK(github_check_update(world->gh, &world->repo, 44, &what, NULL, &err));
	SENT("PATCH", "/repos/octocat/hello/check-runs/44");
	assert_null(strstr(world->fake.body, "head_sha"));
	int before = fake_github_requests(&world->fake);
	what.conclusion = NULL;
	BAD(github_check_create(world->gh, &world->repo, &what, &id, NULL, &err),
		ERR_INPUT);
	what.status = "queued";
	what.nannotations = GITHUB_ANNOTATIONS_MAX + 1;
	BAD(github_check_create(world->gh, &world->repo, &what, &id, NULL, &err),
		ERR_LIMIT);
	what.nannotations = 0;
	what.nbuttons = GITHUB_BUTTONS_MAX + 1;
	BAD(github_check_create(world->gh, &world->repo, &what, &id, NULL, &err),
		ERR_LIMIT);
	assert_int_equal(fake_github_requests(&world->fake), before);
}

static void long_texts_of_checks_are_cut_and_clean(void **state)
{
	struct github_world *world = *state;
	CLEANUP(mem) char *large = mem_alloc(90001);
	CLEANUP(secret) struct secret key = {0};
	struct github_check_new what = {
		.name = "B", .head = "abc", .status = "queued", .summary = large};
	int64_t id = 0;
	struct err err = {0};

	memset(large, 'x', 90000);
	large[90000] = '\0';
	memcpy(large, "sk-canary-0123456789", 20);
	secret_set(&key, "sk-canary-0123456789", 20);
	fake_github_answer(&world->fake, 201, NULL, "{\"id\":44}");
	OK(github_check_create(world->gh, &world->repo, &what, &id, NULL, &err));
	assert_null(strstr(world->fake.body, "canary"));
}

#define RUN_OF(id, name, app, rest)                                                      \
	"{\"id\":" #id ",\"name\":\"" name "\",\"html_url\":\"https://x/" #id            \
	"\",\"app\":{\"id\":" #app ",\"slug\":\"s" #app "\"}" rest "}"

static void the_newest_of_each_name_without_ours(void **state)
{
	struct github_world *world = *state;
	CLEANUP(github_checks) struct github_checks list = {0};
	int64_t id = 0;
	struct err err = {0};

	fake_github_answer(&world->fake, 200, NULL,
		"{\"total_count\":5,\"check_runs\":[" RUN_OF(5, "unit", 9,
			",\"conclusion\":\"failure\",\"output\":{\"title\":\"T\","
			"\"summary\":"
			"null,\"text\":\"X\"}") "," RUN_OF(3, "unit", 9,
			",\"conclusion\":\"success\"") "," RUN_OF(4, "unit", 10,
			",\"conclusion\":null") "," RUN_OF(6, "Boxwright", 4242,
			",\"external_id\":\"task-1\"") "," RUN_OF(7, "unit", 10,
			"") "]}");
	OK(github_checks_get(world->gh, &world->repo, "abc", &list, NULL, &err));
	SENT("GET",
		"/repos/octocat/hello/commits/abc/check-runs?per_page=100&filter=latest");
	assert_int_equal(list.count, 2);
	assert_int_equal(list.rows[0].id, 5);
	assert_string_equal(list.rows[0].conclusion, "failure");
	assert_string_equal(list.rows[0].output, "T\n\nX");
	assert_int_equal(list.rows[1].id, 7);
	assert_string_equal(list.rows[1].conclusion, "");
	OK(github_check_find(
		world->gh, &world->repo, "abc", "Boxwright", "task-1", &id, NULL, &err));
	assert_int_equal(id, 6);
	/* Another App's with our number is not ours. */
	fake_github_answer(&world->fake, 200, NULL,
		"{\"check_runs\":[" RUN_OF(
			6, "Boxwright", 9, ",\"external_id\":\"task-1\"") "]}");
	BAD(github_check_find(world->gh, &world->repo, "abc", "Boxwright", "task-1", &id,
		    NULL, &err),
		ERR_NOT_FOUND);
	BAD(github_check_find(
		    world->gh, &world->repo, "", "B", "task-1", &id, NULL, &err),
		ERR_INPUT);
}

static void annotations_become_lines(void **state)
{
	struct github_world *world = *state;
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(1000);
	struct err err = {0};
	static const char body[] =
		"[{\"path\":\"a\",\"start_line\":2,\"annotation_level\":\"warning\","
		"\"message\":\"w\"},{\"path\":\"a\",\"start_line\":3,\"annotation_"
		"level\":"
		"\"failure\",\"message\":\"m\\u0000\xc3\xa4\"},{\"path\":\"b\",\"start_"
		"line\":4,"
		"\"annotation_level\":\"failure\",\"message\":\"n\"}]";

	fake_github_answer(&world->fake, 200, NULL, body);
	OK(github_check_annotations(world->gh, &world->repo, 5, 1000, &out, NULL, &err));
	assert_true(str_starts(out.data, "a:3: m"));
	assert_true(str_ends(out.data, "\nb:4: n\n"));
	strbuf_reset(&out);
	OK(github_check_annotations(world->gh, &world->repo, 5, 4, &out, NULL, &err));
	assert_string_equal(out.data, "a:3:");
}

/* ---- logs of jobs ----------------------------------------------------------------------- */

/* A storage elsewhere: counts credentials that it should not have seen. */
struct storage {
	struct peer *peer;
	struct lock lock;
	int status;
	const char *location; /* with 302 */
	size_t length;
	int credentials;
	int requests;
};

static void serve_log(void *arg, struct peer *peer, int fd)
{
	struct storage *storage = arg;
	struct peer_request r;

	(void)peer;
	while (peer_request(fd, &r)) {
		CLEANUP(peer_request) struct peer_request request = r;
		char auth[100];
		LOCKED(&storage->lock);

		storage->requests++;
		storage->credentials +=
			peer_header(&request, "authorization", auth, sizeof auth);
		peer_printf(fd, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n",
			storage->status, storage->length);
		if (storage->location)
			peer_printf(fd, "Location: %s\r\n", storage->location);
		peer_printf(fd, "\r\n");
		for (size_t i = 0; i < storage->length; i += 100)
			if (!peer_printf(fd, "%099zu\n", i / 100))
				return;
	}
}

static void answer_with(
	struct storage *storage, int status, size_t length, const char *location)
{
	LOCKED(&storage->lock);
	storage->status = status;
	storage->length = length;
	storage->location = location;
}

static void start_storage(struct storage *storage)
{
	*storage = (struct storage){.status = 200};
	lock_init(&storage->lock);
	storage->peer = peer_start(NULL, serve_log, storage);
}

static void send_to(
	struct github_world *world, const char *url, char *header, size_t size)
{
	snprintf(header, size, "Location: %s\r\n", url);
	fake_github_answer(&world->fake, 302, header, "");
}

static void the_end_of_a_log_without_our_token(void **state)
{
	struct github_world *world = *state;
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(100000);
	struct storage storage;
	char header[300];
	char url[200];
	struct err err = {0};

	start_storage(&storage);
	snprintf(url, sizeof url, "http://127.0.0.1:%u/log?sig=1",
		(unsigned)peer_port(storage.peer));
	send_to(world, url, header, sizeof header);
	answer_with(&storage, 200, 5000000, NULL);
	OK(github_job_log(world->gh, &world->repo, 8, 250, &out, NULL, &err));
	SENT("GET", "/repos/octocat/hello/actions/jobs/8/logs");
	assert_int_equal(out.len, 250);
	/* Lines of 100 bytes, numbered: a half, the last but one, the last. */
	assert_true(str_ends(out.data, "0049999\n"));
	assert_non_null(strstr(out.data, "0049998\n"));
	assert_int_equal(strcspn(out.data, "\n"), 49);
	strbuf_reset(&out);
	answer_with(&storage, 200, 200, NULL);
	OK(github_job_log(world->gh, &world->repo, 8, 90000, &out, NULL, &err));
	assert_int_equal(out.len, 200);
	strbuf_reset(&out);
	answer_with(&storage, 200, 0, NULL);
	OK(github_job_log(world->gh, &world->repo, 8, 90000, &out, NULL, &err));
	assert_int_equal(out.len, 0);
	peer_stop(storage.peer);
	assert_int_equal(storage.credentials, 0);
	assert_int_equal(storage.requests, 3);
	lock_release(&storage.lock);
}

static void a_storage_that_fails(void **state)
{
	struct github_world *world = *state;
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(100000);
	static const struct {
		int status;
		enum err_kind kind;
	} cases[] = {{404, ERR_NOT_FOUND}, {410, ERR_NOT_FOUND}, {403, ERR_NOT_FOUND},
		{500, ERR_TRANSIENT}, {429, ERR_TRANSIENT}, {204, ERR_INTERNAL},
		{401, ERR_INTERNAL}};
	struct storage storage;
	char header[300];
	char url[200];
	struct err err = {0};

	start_storage(&storage);
	snprintf(url, sizeof url, "http://127.0.0.1:%u/log",
		(unsigned)peer_port(storage.peer));
	send_to(world, url, header, sizeof header);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		answer_with(&storage, cases[i].status, 0, NULL);
		BAD(github_job_log(world->gh, &world->repo, 8, 250, &out, NULL, &err),
			cases[i].kind);
	}
	/* In a circle. */
	answer_with(&storage, 302, 0, url);
	BAD(github_job_log(world->gh, &world->repo, 8, 250, &out, NULL, &err),
		ERR_INTERNAL);
	assert_int_equal(out.len, 0);
	/* Nowhere, and to what is no web address. */
	send_to(world, "http://127.0.0.1:1/x", header, sizeof header);
	BAD(github_job_log(world->gh, &world->repo, 8, 250, &out, NULL, &err),
		ERR_TRANSIENT);
	send_to(world, "file:///etc/passwd", header, sizeof header);
	BAD(github_job_log(world->gh, &world->repo, 8, 250, &out, NULL, &err),
		ERR_INTERNAL);
	fake_github_answer(&world->fake, 302, NULL, "");
	BAD(github_job_log(world->gh, &world->repo, 8, 250, &out, NULL, &err),
		ERR_INTERNAL);
	peer_stop(storage.peer);
	assert_int_equal(storage.credentials, 0);
	lock_release(&storage.lock);
}

/* ---- files, branches, issues ------------------------------------------------------------ */

static void files_and_what_is_none(void **state)
{
	struct github_world *world = *state;
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(1000);
	struct err err = {0};
	static const char *const climbing[] = {
		"", "/a", "a/", "a//b", "../a", "a/../b", ".", "a/.", ".."};

	fake_github_answer(&world->fake, 200, NULL,
		"{\"type\":\"file\",\"encoding\":\"base64\",\"size\":5,\"content\":"
		"\"aGVs\\n"
		"bG8=\\n\"}");
	OK(github_file_get(world->gh, &world->repo, ".github/a b.yml", "heads/ä&x", 5,
		&out, NULL, &err));
	assert_string_equal(out.data, "hello");
	SENT("GET", "/repos/octocat/hello/contents/.github/a%20b.yml"
		    "?ref=heads%2F%C3%A4%26x");
	BAD(github_file_get(world->gh, &world->repo, "a", NULL, 4, &out, NULL, &err),
		ERR_LIMIT);
	/* Its size is a lie. */
	fake_github_answer(&world->fake, 200, NULL,
		"{\"type\":\"file\",\"encoding\":\"base64\",\"size\":1,\"content\":"
		"\"aGVs\\n"
		"bG8=\\n\"}");
	BAD(github_file_get(world->gh, &world->repo, "a", NULL, 4, &out, NULL, &err),
		ERR_LIMIT);
	fake_github_answer(&world->fake, 200, NULL,
		"{\"type\":\"file\",\"encoding\":\"none\",\"size\":3,\"content\":\"\"}");
	BAD(github_file_get(world->gh, &world->repo, "a", NULL, 4, &out, NULL, &err),
		ERR_LIMIT);
	fake_github_answer(&world->fake, 200, NULL,
		"{\"type\":\"file\",\"encoding\":\"base64\",\"size\":3,\"content\":\"!!"
		"\"}");
	BAD(github_file_get(world->gh, &world->repo, "a", NULL, 4, &out, NULL, &err),
		ERR_INTERNAL);
	fake_github_answer(&world->fake, 200, NULL, "{\"type\":\"symlink\",\"size\":3}");
	BAD(github_file_get(world->gh, &world->repo, "a", NULL, 4, &out, NULL, &err),
		ERR_NOT_FOUND);
	fake_github_answer(&world->fake, 200, NULL, "[{\"type\":\"file\"}]");
	BAD(github_file_get(world->gh, &world->repo, "a", NULL, 4, &out, NULL, &err),
		ERR_NOT_FOUND);
	for (size_t i = 0; i < ARRAY_LEN(climbing); i++)
		BAD(github_file_get(world->gh, &world->repo, climbing[i], NULL, 4, &out,
			    NULL, &err),
			ERR_INPUT);
	assert_int_equal(out.len, 5);
}

static void branches(void **state)
{
	struct github_world *world = *state;
	char oid[GITHUB_OID_SIZE];
	struct err err = {0};
	static const char *const climbing[] = {"", "..", "a/../b", "/a", "a//b", "a/./b"};

	fake_github_answer(&world->fake, 200, NULL, "{\"object\":{\"sha\":\"abc\"}}");
	OK(github_branch_head(world->gh, &world->repo, "a/b", oid, NULL, &err));
	SENT("GET", "/repos/octocat/hello/git/ref/heads/a/b");
	assert_string_equal(oid, "abc");
	for (size_t i = 0; i < ARRAY_LEN(climbing); i++)
		BAD(github_branch_head(
			    world->gh, &world->repo, climbing[i], oid, NULL, &err),
			ERR_INPUT);
}

static void issues_of_ours(void **state)
{
	struct github_world *world = *state;
	int64_t number = 0;
	struct err err = {0};
#define BOT "{\"id\":6,\"login\":\"boxwright[bot]\",\"type\":\"Bot\"}"
#define ISSUE_OF(number, state, rest)                                                    \
	"{\"number\":" #number ",\"state\":\"" state "\",\"user\":" BOT                  \
	",\"body\":\"<m>\"" rest "}"
	const struct fake_answer answers[] = {
		{200, NULL, "{\"id\":4242,\"slug\":\"boxwright\"}"}, {200, NULL, BOT},
		{200, NULL,
			"[" ISSUE_OF(9, "open", ",\"pull_request\":{}") "," ISSUE_OF(
				8, "closed", "") "," ISSUE_OF(4, "open",
				"") "," ISSUE_OF(2, "open", "") "]"},
		{0, NULL, NULL}};

	fake_github_answers(&world->fake, answers);
	OK(github_issue_find(world->gh, &world->repo, 6, "<m>", &number, NULL, &err));
	SENT("GET", "/repos/octocat/hello/issues?state=all&sort=created&direction=desc&"
		    "per_page=100&creator=boxwright%5Bbot%5D");
	assert_int_equal(number, 4); /* the open one, no pull request */
	fake_github_answer(&world->fake, 200, NULL, "[" ISSUE_OF(8, "closed", "") "]");
	OK(github_issue_find(world->gh, &world->repo, 6, "<m>", &number, NULL, &err));
	assert_int_equal(number, 8);
	fake_github_answer(&world->fake, 200, NULL, "[]");
	BAD(github_issue_find(world->gh, &world->repo, 6, "<m>", &number, NULL, &err),
		ERR_NOT_FOUND);
	fake_github_answer(&world->fake, 201, NULL, "{\"number\":12}");
	OK(github_issue_create(world->gh, &world->repo, "T", "B", &number, NULL, &err));
	assert_int_equal(number, 12);
	assert_string_equal(world->fake.body, "{\"title\":\"T\",\"body\":\"B\"}");
	OK(github_issue_update(
		world->gh, &world->repo, 12, NULL, "C", "open", NULL, &err));
	SENT("PATCH", "/repos/octocat/hello/issues/12");
	assert_string_equal(world->fake.body, "{\"body\":\"C\",\"state\":\"open\"}");
}

/* GitHub is asked each time; only what it tells again is spared. */
static void what_has_not_changed_is_remembered(void **state)
{
	struct github_world *world = *state;
	enum github_role role = GITHUB_ROLE_NONE;
	struct github_repo elsewhere = world->repo;
	struct err err = {0};
#define ROLE_OF(level)                                                                   \
	"{\"permission\":\"" level "\",\"role_name\":\"" level "\",\"user\":" FAKE_USER  \
	"}"

	fake_github_answer(&world->fake, 200, "ETag: W/\"one\"\r\n", ROLE_OF("write"));
	OK(github_role_get(world->gh, &world->repo, "mona", 5, &role, NULL, &err));
	assert_string_equal(world->fake.etag, "");
	fake_github_answer(&world->fake, 304, NULL, "");
	role = GITHUB_ROLE_NONE;
	OK(github_role_get(world->gh, &world->repo, "mona", 5, &role, NULL, &err));
	assert_int_equal(role, GITHUB_ROLE_WRITE);
	assert_string_equal(world->fake.etag, "W/\"one\"");
	assert_int_equal(fake_github_requests(&world->fake), 2);
	/* It changed: no more than that from now on. */
	fake_github_answer(&world->fake, 200, "ETag: W/\"two\"\r\n", ROLE_OF("read"));
	OK(github_role_get(world->gh, &world->repo, "mona", 5, &role, NULL, &err));
	assert_int_equal(role, GITHUB_ROLE_READ);
	fake_github_answer(&world->fake, 404, NULL, "{}");
	OK(github_role_get(world->gh, &world->repo, "mona", 5, &role, NULL, &err));
	assert_int_equal(role, GITHUB_ROLE_NONE);
	assert_string_equal(world->fake.etag, "W/\"two\"");
	/* Another installation, another person: nothing is known of them. */
	fake_github_answer(&world->fake, 304, NULL, "");
	elsewhere.installation_id = 8;
	BAD(github_role_get(world->gh, &elsewhere, "mona", 5, &role, NULL, &err),
		ERR_INTERNAL);
	assert_string_equal(world->fake.etag, "");
	BAD(github_role_get(world->gh, &world->repo, "lisa", 5, &role, NULL, &err),
		ERR_INTERNAL);
	assert_int_equal(role, GITHUB_ROLE_NONE);
}

static void repositories_of_an_installation(void **state)
{
	struct github_world *world = *state;
	struct github_repo_info list[2];
	size_t count = 0;
	struct err err = {0};
#define REPO_OF(id)                                                                      \
	"{\"id\":" #id ",\"name\":\"n\",\"owner\":{\"login\":\"o\"},\"default_branch\":" \
	"\"main\",\"clone_url\":\"https://x/n.git\",\"html_url\":\"https://x/n\"}"

	fake_github_answer(&world->fake, 200, NULL,
		"{\"repositories\":[" REPO_OF(1) "," REPO_OF(2) "," REPO_OF(3) "]}");
	OK(github_installation_repos(world->gh, 7, 2, list, 2, &count, NULL, &err));
	SENT("GET", "/installation/repositories?per_page=2&page=2");
	assert_int_equal(count, 2);
	assert_int_equal(list[1].id, 2);
	assert_string_equal(
		world->fake.mint_body, "{\"permissions\":{\"metadata\":\"read\"}}");
	BAD(github_installation_repos(world->gh, 7, 1, list, 101, &count, NULL, &err),
		ERR_INPUT);
	BAD(github_installation_repos(world->gh, 7, 0, list, 2, &count, NULL, &err),
		ERR_INPUT);
}

#define CASE(name)                                                                       \
	cmocka_unit_test_setup_teardown(name, github_world_setup, github_world_teardown)

int main(void)
{
	struct err err = {0};
	const struct CMUnitTest tests[] = {
		CASE(a_review_is_one_call),
		CASE(places_of_comments_are_read_in_all_forms),
		CASE(answers_in_threads),
		CASE(a_diff_is_taken_as_it_is),
		CASE(mergeable_in_three_ways),
		CASE(a_check_run_is_sent_whole),
		CASE(long_texts_of_checks_are_cut_and_clean),
		CASE(the_newest_of_each_name_without_ours),
		CASE(annotations_become_lines),
		CASE(the_end_of_a_log_without_our_token),
		CASE(a_storage_that_fails),
		CASE(files_and_what_is_none),
		CASE(branches),
		CASE(issues_of_ours),
		CASE(what_has_not_changed_is_remembered),
		CASE(repositories_of_an_installation),
	};

	if (http_global_init(&err) < 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_global_cleanup();
	return failed;
}
