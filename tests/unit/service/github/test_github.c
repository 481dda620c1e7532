/* SPDX-License-Identifier: MIT */
/* Credentials, limits and hostile answers: the client against a scripted GitHub. */
#include "service/github/github.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/net/http_client.h"
#include "tests/lib/github_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- a clock that a case can move ------------------------------------------ */

static _Atomic int64_t moved_s;

static int64_t mono_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000000 + ts.tv_nsec / 1000 + moved_s * 1000000;
}

static int64_t wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000 + moved_s * 1000;
}

static int setup(void **state)
{
	moved_s = 0;
	return github_world_setup(state);
}

/* One read of an issue; the kind of its error, ERR_NONE when it went well. */
static enum err_kind read_issue(struct github_world *world, struct err *err)
{
	CLEANUP(github_issue) struct github_issue issue = {0};

	*err = (struct err){0};
	if (github_issue_get(world->gh, &world->repo, 3, &issue, NULL, err) == 0)
		return ERR_NONE;
	assert_int_not_equal(err->kind, ERR_NONE);
	return err->kind;
}

/* ---- tokens ---------------------------------------------------------------- */

static void a_token_is_narrow_and_kept(void **state)
{
	struct github_world *world = *state;
	struct err err = {0};

	fake_github_answer(&world->fake, 200, NULL, FAKE_ISSUE);
	for (int i = 0; i < 3; i++)
		assert_int_equal(read_issue(world, &err), ERR_NONE);
	assert_int_equal(fake_github_mints(&world->fake), 1);
	assert_string_equal(world->fake.mint_body,
		"{\"repository_ids\":[9],\"permissions\":{\"metadata\":\"read\","
		"\"issues\":\"read\",\"pull_requests\":\"read\"}}");
	assert_string_equal(world->fake.auth, "Bearer ghs_tok-0123456789-1");
	assert_string_equal(world->fake.target, "/repos/octocat/hello/issues/3");
}

static void each_purpose_and_repository_has_its_own(void **state)
{
	struct github_world *world = *state;
	struct github_repo other = world->repo;
	struct err err = {0};
	CLEANUP(secret) struct secret token = {0};

	other.id = 10;
	assert_int_equal(
		github_token(world->gh, &world->repo, GITHUB_CLONE, &token, NULL, &err),
		0);
	assert_non_null(strstr(world->fake.mint_body, "{\"contents\":\"read\"}"));
	assert_int_equal(
		github_token(world->gh, &world->repo, GITHUB_COMMENT, &token, NULL, &err),
		0);
	assert_int_equal(
		github_token(world->gh, &other, GITHUB_COMMENT, &token, NULL, &err), 0);
	assert_string_equal(token.value, "ghs_tok-0123456789-3");
	assert_int_equal(
		github_token(world->gh, &world->repo, GITHUB_COMMENT, &token, NULL, &err),
		0);
	assert_string_equal(token.value, "ghs_tok-0123456789-2");
	github_token_forget(world->gh, 7);
	assert_int_equal(
		github_token(world->gh, &world->repo, GITHUB_COMMENT, &token, NULL, &err),
		0);
	assert_string_equal(token.value, "ghs_tok-0123456789-4");
}

static void a_publishing_token_is_new_each_time_and_revoked(void **state)
{
	struct github_world *world = *state;
	struct err err = {0};
	CLEANUP(secret) struct secret one = {0};
	CLEANUP(secret) struct secret two = {0};

	assert_int_equal(
		github_token(world->gh, &world->repo, GITHUB_PUBLISH, &one, NULL, &err),
		0);
	assert_int_equal(
		github_token(world->gh, &world->repo, GITHUB_PUBLISH, &two, NULL, &err),
		0);
	assert_string_not_equal(one.value, two.value);
	assert_int_equal(github_token_revoke(world->gh, &one, NULL, &err), 0);
	assert_string_equal(world->fake.revoked, "Bearer ghs_tok-0123456789-1");
}

static void a_token_is_renewed_five_minutes_before_its_end(void **state)
{
	struct github_world *world = *state;
	struct err err = {0};

	fake_github_answer(&world->fake, 200, NULL, FAKE_ISSUE);
	assert_int_equal(read_issue(world, &err), ERR_NONE);
	moved_s = 3600 - 300 - 2;
	assert_int_equal(read_issue(world, &err), ERR_NONE);
	assert_int_equal(fake_github_mints(&world->fake), 1);
	moved_s = 3600 - 300 + 2;
	assert_int_equal(read_issue(world, &err), ERR_NONE);
	assert_int_equal(fake_github_mints(&world->fake), 2);
}

static void a_wrong_clock_of_ours_does_not_matter(void **state)
{
	struct github_world *world = *state;
	struct err err = {0};

	fake_github_answer(&world->fake, 200, NULL, FAKE_ISSUE);
	world->fake.strict_jwt = true;
	world->fake.skew_s = -7200; /* our iat is in GitHub's future */
	assert_int_equal(read_issue(world, &err), ERR_NONE);
	world->fake.skew_s = 86400; /* and long past */
	github_token_forget(world->gh, 7);
	assert_int_equal(read_issue(world, &err), ERR_NONE);
	/* The life of a token is counted by GitHub's clock. */
	assert_int_equal(read_issue(world, &err), ERR_NONE);
	assert_int_equal(fake_github_mints(&world->fake), 2);
}

static void a_refused_token_is_renewed_once(void **state)
{
	struct github_world *world = *state;
	struct err err = {0};
	const struct fake_answer once[] = {
		{401, NULL, "{\"message\":\"Bad credentials\"}"}, {200, NULL, FAKE_ISSUE},
		{0, NULL, NULL}};

	fake_github_answers(&world->fake, once);
	assert_int_equal(read_issue(world, &err), ERR_NONE);
	assert_int_equal(fake_github_mints(&world->fake), 2);
	fake_github_answer(&world->fake, 401, NULL, "{\"message\":\"Bad credentials\"}");
	assert_int_equal(read_issue(world, &err), ERR_DENIED);
	assert_int_equal(fake_github_requests(&world->fake), 4);
}

static void a_token_that_would_forge_a_header_is_refused(void **state)
{
	struct github_world *world = *state;
	struct err err = {0};

	fake_github_answer(&world->fake, 200, NULL, FAKE_ISSUE);
	str_copy(world->fake.token_prefix, sizeof world->fake.token_prefix,
		"ghs_a\\r\\nX-Evil: 1");
	assert_int_equal(read_issue(world, &err), ERR_INTERNAL);
	assert_int_equal(fake_github_requests(&world->fake), 0);
}

static void keys_that_cannot_sign(void **state)
{
	static const char *const bad[] = {"", "garbage",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		/* an EC key is no RSA key */
		"-----BEGIN EC PRIVATE KEY-----\n"
		"MHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04fSeQ6tF1aY/PuoAoGCCqGSM49\n"
		"AwEHoUQDQgAEPR3tU2Fta9ktY+6P9G0cWO+0kETA6SFs38GecTyudlHz6xvCdz8q\n"
		"EKTcWGekdmdDPsHloRNtsiCa697B2O9IFA==\n"
		"-----END EC PRIVATE KEY-----\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CLEANUP(github) struct github *gh = NULL;
		CLEANUP(secret) struct secret key = {0};
		struct err err = {0};

		secret_set(&key, bad[i], strlen(bad[i]));
		struct github_options options = {.app_id = 1, .private_key = &key};
		assert_int_equal(github_new(&gh, &options, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
	}
}

static void addresses_that_are_refused(void **state)
{
	static const char *const bad[] = {
		"http://api.github.com", "ftp://x", "", "https://x/?a=b", "https://x y"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CLEANUP(github) struct github *gh = NULL;
		struct err err = {0};
		struct github_options options = {
			.app_id = 1, .private_key = test_rsa_key(), .api_url = bad[i]};

		assert_int_equal(github_new(&gh, &options, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
	}
}

/* ---- answers --------------------------------------------------------------- */

static void every_refusal_has_its_kind(void **state)
{
	struct github_world *world = *state;
	static const struct {
		int status;
		const char *headers;
		const char *body;
		enum err_kind kind;
		int wait;
	} cases[] = {
		{400, NULL, "{\"message\":\"Problems parsing JSON\"}", ERR_INPUT, 0},
		{403, NULL, "{\"message\":\"Resource not accessible by integration\"}",
			ERR_DENIED, 0},
		{404, NULL, "{\"message\":\"Not Found\"}", ERR_NOT_FOUND, 0},
		{410, NULL, "{}", ERR_NOT_FOUND, 0}, {409, NULL, "{}", ERR_CONFLICT, 0},
		{422, NULL,
			"{\"message\":\"Validation Failed\",\"errors\":[{\"resource\":"
			"\"Issue\",\"field\":\"title\",\"code\":\"missing\"},\"plain\"]}",
			ERR_INPUT, 0},
		{451, NULL, "{}", ERR_DENIED, 0},
		{500, NULL, "<html>no</html>", ERR_TRANSIENT, 0},
		{502, NULL, "<!DOCTYPE html>", ERR_TRANSIENT, 0},
		{503, "Retry-After: 9\r\n", "", ERR_TRANSIENT, 9},
		{429, NULL, "{}", ERR_TRANSIENT, 60},
		{403, "Retry-After: 7\r\n",
			"{\"message\":\"You have exceeded a secondary "
			"rate limit.\"}",
			ERR_TRANSIENT, 7},
		{403, NULL, "{\"message\":\"You have exceeded a secondary rate limit.\"}",
			ERR_TRANSIENT, 60},
		{403, "Retry-After: 99999999\r\n", "{}", ERR_TRANSIENT, 6 * 3600},
		{403, "Retry-After: -5\r\n", "{}", ERR_DENIED, 0},
		{200, NULL, "{\"id\":", ERR_TRANSIENT, 0},
		{200, NULL, "[]", ERR_INTERNAL, 0},
		{200, NULL, "{\"id\":0,\"number\":3}", ERR_INTERNAL, 0},
		{200, NULL, "", ERR_INTERNAL, 0},
		{1, NULL, NULL, ERR_TRANSIENT, 0}, /* cut */
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};

		github_world_options(world, (struct github_options){0});
		fake_github_answer(
			&world->fake, cases[i].status, cases[i].headers, cases[i].body);
		enum err_kind kind = read_issue(world, &err);
		if (kind != cases[i].kind || err.retry_after_s != cases[i].wait)
			fail_msg("case %zu (%d): kind %s wait %d: %s", i, cases[i].status,
				err_kind_name(kind), err.retry_after_s, err.text);
		assert_non_null(strstr(err.text, "issue 3"));
	}
}

static void the_words_of_github_are_told_without_secrets(void **state)
{
	struct github_world *world = *state;
	char body[4096];
	struct err err = {0};

	fake_github_answer(&world->fake, 200, NULL, FAKE_ISSUE);
	assert_int_equal(read_issue(world, &err), ERR_NONE);
	snprintf(body, sizeof body,
		"{\"message\":\"token ghs_tok-0123456789-1 may not\\u0007\\nx%0*d\"}",
		2000, 7);
	fake_github_answer(&world->fake, 403, NULL, body);
	assert_int_equal(read_issue(world, &err), ERR_DENIED);
	assert_null(strstr(err.text, "0123456789"));
	assert_non_null(strstr(err.text, "token *** may not"));
	assert_null(strchr(err.text, '\n'));
	assert_null(strchr(err.text, '\a'));
	assert_true(strlen(err.text) < 400);
}

static void nothing_is_sent_before_the_time_that_github_named(void **state)
{
	struct github_world *world = *state;
	char headers[128];
	struct err err = {0};

	fake_github_answer(&world->fake, 403, "Retry-After: 30\r\n", "{}");
	assert_int_equal(read_issue(world, &err), ERR_TRANSIENT);
	int sent = fake_github_requests(&world->fake);
	moved_s = 27;
	assert_int_equal(read_issue(world, &err), ERR_TRANSIENT);
	assert_in_range(err.retry_after_s, 1, 4);
	assert_int_equal(fake_github_requests(&world->fake), sent);
	moved_s = 31;
	fake_github_answer(&world->fake, 200, NULL, FAKE_ISSUE);
	assert_int_equal(read_issue(world, &err), ERR_NONE);

	/* The last call that is left still counts as answered. */
	snprintf(headers, sizeof headers,
		"X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: %lld\r\n",
		(long long)(clock_wall_s() + 60));
	fake_github_answer(&world->fake, 200, headers, FAKE_ISSUE);
	assert_int_equal(read_issue(world, &err), ERR_NONE);
	sent = fake_github_requests(&world->fake);
	assert_int_equal(read_issue(world, &err), ERR_TRANSIENT);
	assert_in_range(err.retry_after_s, 50, 62);
	assert_int_equal(fake_github_requests(&world->fake), sent);
	/* Another installation is not concerned. */
	world->repo.installation_id = 8;
	fake_github_answer(&world->fake, 200, NULL, FAKE_ISSUE);
	assert_int_equal(read_issue(world, &err), ERR_NONE);
}

static void an_oversized_answer(void **state)
{
	struct github_world *world = *state;
	struct err err = {0};
	size_t size = LIMIT_GITHUB_ANSWER + 100;
	CLEANUP(mem) char *body = mem_alloc(size + 1);

	memset(body, ' ', size);
	body[size] = '\0';
	fake_github_answer(&world->fake, 200, NULL, body);
	assert_int_equal(read_issue(world, &err), ERR_LIMIT);
}

static void a_renamed_repository_is_followed_inside_the_api_only(void **state)
{
	struct github_world *world = *state;
	char inside[256];
	struct err err = {0};
	struct fake_answer answers[] = {
		{301, inside, "{}"}, {200, NULL, FAKE_ISSUE}, {0, NULL, NULL}};

	snprintf(inside, sizeof inside,
		"Location: http://127.0.0.1:%u/repositories/9/issues/3\r\n",
		(unsigned)peer_port(world->fake.peer));
	fake_github_answers(&world->fake, answers);
	assert_int_equal(read_issue(world, &err), ERR_NONE);
	assert_string_equal(world->fake.target, "/repositories/9/issues/3");
	fake_github_answer(&world->fake, 301, inside, "{}"); /* for ever */
	assert_int_equal(read_issue(world, &err), ERR_INTERNAL);
	fake_github_answer(
		&world->fake, 301, "Location: http://127.0.0.2/repositories/9\r\n", "{}");
	int sent = fake_github_requests(&world->fake);
	assert_int_equal(read_issue(world, &err), ERR_INTERNAL);
	assert_int_equal(fake_github_requests(&world->fake), sent + 1);
}

static void names_cannot_leave_their_place_in_a_path(void **state)
{
	struct github_world *world = *state;
	struct err err = {0};

	fake_github_answer(&world->fake, 200, NULL, FAKE_ISSUE);
	world->repo.owner = "a/../../b";
	world->repo.name = "x?y=z#\r\nHost: evil %2f\xc3\xa9";
	assert_int_equal(read_issue(world, &err), ERR_NONE);
	assert_string_equal(world->fake.target,
		"/repos/a%2F..%2F..%2Fb/x%3Fy%3Dz%23%0D%0AHost%3A%20evil%20%252f%C3%A9"
		"/issues/3");
	world->repo.owner = "..";
	assert_int_equal(read_issue(world, &err), ERR_INPUT);
	world->repo.owner = NULL;
	assert_int_equal(read_issue(world, &err), ERR_INPUT);
}

static void a_user_agent_cannot_forge_headers(void **state)
{
	struct github_world *world = *state;
	struct err err = {0};

	github_world_options(
		world, (struct github_options){.user_agent = "x\r\nX-Evil: 1"});
	fake_github_answer(&world->fake, 200, NULL, FAKE_ISSUE);
	assert_int_equal(read_issue(world, &err), ERR_INPUT);
	assert_int_equal(fake_github_mints(&world->fake), 0);
}

static void people_s_text_is_cleaned(void **state)
{
	struct github_world *world = *state;
	CLEANUP(github_issue) struct github_issue issue = {0};
	struct err err = {0};

	fake_github_answer(&world->fake, 200, NULL,
		"{\"id\":1,\"number\":3,\"title\":\"a\\u0000b\\u001b[0m\",\"body\":null,"
		"\"user\":null,\"state\":\"closed\",\"locked\":true,"
		"\"pull_request\":{},\"html_url\":\"https://x\"}");
	assert_int_equal(
		github_issue_get(world->gh, &world->repo, 3, &issue, NULL, &err), 0);
	assert_string_equal(issue.title, "a\xef\xbf\xbd"
					 "b\xef\xbf\xbd[0m");
	assert_string_equal(issue.body, "");
	assert_string_equal(issue.author.login, "ghost");
	assert_int_equal(issue.author.id, 0);
	assert_false(issue.open);
	assert_true(issue.locked && issue.pull_request);
}

/* ---- threads and cancel ---------------------------------------------------- */

static void *fire_soon(void *arg)
{
	struct err err = {0};

	cancel_sleep(NULL, 50, &err);
	cancel_fire(arg, "enough");
	return NULL;
}

static void hang(void *arg, struct peer *peer, int fd)
{
	(void)arg, (void)peer;
	peer_hang(fd);
}

static void a_stuck_call_ends_with_its_cancel(void **state)
{
	struct github_world *world = *state;
	struct peer *peer = peer_start(NULL, hang, NULL);
	struct cancel *cancel = cancel_new(NULL);
	char url[64];
	pthread_t thread;
	struct err err = {0};
	CLEANUP(secret) struct secret token = {0};

	snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)peer_port(peer));
	github_world_options(world, (struct github_options){.api_url = url});
	assert_int_equal(thread_start(&thread, "fire", fire_soon, cancel, &err), 0);
	assert_int_equal(
		github_token(world->gh, &world->repo, GITHUB_CLONE, &token, cancel, &err),
		-1);
	assert_int_equal(err.kind, ERR_CANCELLED);
	thread_join(thread);
	peer_stop(peer);
	cancel_free(cancel);
}

static void *reader(void *arg)
{
	struct github_world *world = arg;
	struct err err = {0};

	for (int i = 0; i < 20; i++)
		if (read_issue(world, &err) != ERR_NONE)
			abort();
	return NULL;
}

static void many_threads_share_one_client(void **state)
{
	struct github_world *world = *state;
	pthread_t threads[16];
	struct err err = {0};

	fake_github_answer(&world->fake, 200, NULL, FAKE_ISSUE);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(
			thread_start(&threads[i], "reader", reader, world, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		thread_join(threads[i]);
	assert_int_equal(fake_github_requests(&world->fake), 320);
	/* Ten at a time, each connection kept. */
	assert_in_range(peer_connections(world->fake.peer), 1, 10);
}

int main(void)
{
	struct err err = {0};
#define T(f) cmocka_unit_test_setup_teardown(f, setup, github_world_teardown)
	const struct CMUnitTest tests[] = {
		T(a_token_is_narrow_and_kept),
		T(each_purpose_and_repository_has_its_own),
		T(a_publishing_token_is_new_each_time_and_revoked),
		T(a_token_is_renewed_five_minutes_before_its_end),
		T(a_wrong_clock_of_ours_does_not_matter),
		T(a_refused_token_is_renewed_once),
		T(a_token_that_would_forge_a_header_is_refused),
		T(keys_that_cannot_sign),
		T(addresses_that_are_refused),
		T(every_refusal_has_its_kind),
		T(the_words_of_github_are_told_without_secrets),
		T(nothing_is_sent_before_the_time_that_github_named),
		T(an_oversized_answer),
		T(a_renamed_repository_is_followed_inside_the_api_only),
		T(names_cannot_leave_their_place_in_a_path),
		T(a_user_agent_cannot_forge_headers),
		T(people_s_text_is_cleaned),
		T(a_stuck_call_ends_with_its_cancel),
		T(many_threads_share_one_client),
	};

	clock_set_source(mono_us, wall_ms);
	if (http_global_init(&err) < 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_global_cleanup();
	return failed;
}
