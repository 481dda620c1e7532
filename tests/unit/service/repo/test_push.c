/* SPDX-License-Identifier: MIT */
/* Commits and pushes over real smart HTTP: the lease, races, refusals. */
#include "tests/lib/repo_world.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/file.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BRANCH "boxwright/issue-1-x-abc"

struct scene {
	struct world w;
	char tree[REPO_OID_SIZE];
	char commit[REPO_OID_SIZE];
	char other[REPO_OID_SIZE]; /* a commit that only the forge has */
};

static struct repo_commit template(struct scene *s)
{
	return (struct repo_commit){
		.repo_id = WORLD_ID,
		.task = "task_1",
		.base = s->w.base,
		.tree = s->tree,
		.author_name = "boxwright[bot]",
		.author_email = "1+boxwright[bot]@users.noreply.github.com",
		.time_s = 1700000000,
		.message = "fix: the parser\n\nIt failed.\n\n",
	};
}

static int setup(void **state)
{
	struct scene *s = mem_zalloc(sizeof *s);
	struct world *w = &s->w;
	CLEANUP(repo_result) struct repo_result result = {0};
	CLEANUP(mem) char *pack = NULL;
	struct err err = {0};

	world_start(w, NULL);
	world_update(w, NULL);
	world_box(w, w->base);
	put_text(w->box, "fixed.txt", "fixed\n");
	world_collect(w, w->box, w->base, s->tree, &pack);
	assert_int_equal(repo_import(w->repos, WORLD_ID, w->base, pack, s->tree, NULL,
				 &result, NULL, &err),
		0);
	struct repo_commit c = template(s);
	assert_int_equal(repo_commit(w->repos, &c, s->commit, NULL, &err), 0);
	CLEANUP(mem) char *spec = mem_printf("%s^{tree}", w->base);
	CLEANUP(mem)
	char *other = git_run(
		w->bare, "commit-tree", "-p", w->base, "-m", "someone else", spec, NULL);
	str_copy(s->other, sizeof s->other, other);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	world_stop(&s->w);
	free(s);
	return 0;
}

static int push(struct scene *s, const char *commit, const char *expected,
	struct repo_pushed *pushed, struct err *err)
{
	struct repo_push p = {
		.remote = &s->w.remote,
		.commit = commit,
		.branch = BRANCH,
		.expected = expected,
	};

	*err = (struct err){0};
	return repo_push(s->w.repos, &p, pushed, NULL, err);
}

static void stands_at(struct scene *s, const char *oid)
{
	char *out = NULL;

	git_try(s->w.bare, &out, "rev-parse", "--verify", "-q", "refs/heads/" BRANCH,
		NULL);
	assert_string_equal(out, oid);
	free(out);
}

/* ---- the commit ---- */

static void the_same_input_makes_the_same_commit(void **state)
{
	struct scene *s = *state;
	struct repo_trailer trailers[] = {
		{"Co-authored-by", "Octo Cat <1+octocat@users.noreply.github.com>"},
		{"Task", "http://127.0.0.1/tasks/1"},
	};
	struct repo_commit c = template(s);
	char a[REPO_OID_SIZE], b[REPO_OID_SIZE];
	struct err err = {0};

	c.trailers = trailers;
	c.ntrailers = 2;
	assert_int_equal(repo_commit(s->w.repos, &c, a, NULL, &err), 0);
	assert_int_equal(repo_commit(s->w.repos, &c, b, NULL, &err), 0);
	assert_string_equal(a, b);
	CLEANUP(mem) char *mirror = mem_printf("%s/mirrors/%d.git", s->w.state, WORLD_ID);
	CLEANUP(mem) char *raw = git_run(mirror, "cat-file", "commit", a, NULL);
	CLEANUP(mem)
	char *want = mem_printf(
		"tree %s\nparent %s\n"
		"author boxwright[bot] <1+boxwright[bot]@users.noreply.github.com> "
		"1700000000 +0000\n"
		"committer boxwright[bot] <1+boxwright[bot]@users.noreply.github.com> "
		"1700000000 "
		"+0000\n\nfix: the parser\n\nIt failed.\n\n"
		"Co-authored-by: Octo Cat <1+octocat@users.noreply.github.com>\n"
		"Task: http://127.0.0.1/tasks/1",
		s->tree, s->w.base);
	assert_string_equal(raw, want);
	CLEANUP(mem)
	char *ref = git_run(mirror, "rev-parse", "refs/boxwright/task_1", NULL);
	assert_string_equal(ref, a);
	c.time_s++;
	assert_int_equal(repo_commit(s->w.repos, &c, b, NULL, &err), 0);
	assert_string_not_equal(a, b);
}

static void commits_that_are_refused(void **state)
{
	struct scene *s = *state;
	struct repo_trailer evil = {
		"Co-authored-by", "x <y>\nSigned-off-by: root <root@x>"};
	struct repo_trailer colon = {"A: b", "x"};
	struct repo_commit table[12];
	char oid[REPO_OID_SIZE];
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		table[i] = template(s);
	table[0].task = "../../heads/main";
	table[1].task = "";
	table[2].author_name = "a <b>";
	table[3].author_email = "a\nb";
	table[4].message = " \n\n";
	table[5].message = "bad \xff";
	table[6].trailers = &evil;
	table[6].ntrailers = 1;
	table[7].trailers = &colon;
	table[7].ntrailers = 1;
	table[8].base = "HEAD";
	table[9].tree = s->w.base;
	table[10].author_name = "";
	table[11].time_s = -1;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		err = (struct err){0};
		int rc = repo_commit(s->w.repos, &table[i], oid, NULL, &err);
		if (rc == 0 || err.kind != ERR_INPUT)
			print_error("%zu: %d %s\n", i, rc, err.text);
		assert_int_equal(rc, -1);
		assert_int_equal(err.kind, ERR_INPUT);
	}
	struct repo_commit none = template(s);
	none.base = "1111111111111111111111111111111111111111";
	assert_int_equal(repo_commit(s->w.repos, &none, oid, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

/* ---- the push ---- */

static void create_repeat_update(void **state)
{
	struct scene *s = *state;
	struct repo_pushed pushed;
	struct err err;
	char second[REPO_OID_SIZE];
	struct repo_commit c = template(s);

	assert_int_equal(push(s, s->commit, REPO_OID_ZERO, &pushed, &err), 0);
	assert_false(pushed.already);
	assert_string_equal(pushed.found, REPO_OID_ZERO);
	stands_at(s, s->commit);
	/* The answer was lost: the same call again finds its own work. */
	assert_int_equal(push(s, s->commit, REPO_OID_ZERO, &pushed, &err), 0);
	assert_true(pushed.already);
	c.time_s++;
	assert_int_equal(repo_commit(s->w.repos, &c, second, NULL, &err), 0);
	assert_int_equal(push(s, second, s->commit, &pushed, &err), 0);
	stands_at(s, second);
}

static void a_branch_that_stands_elsewhere_is_left_alone(void **state)
{
	struct scene *s = *state;
	struct repo_pushed pushed;
	struct err err;

	free(git_run(s->w.bare, "update-ref", "refs/heads/" BRANCH, s->other, NULL));
	assert_int_equal(push(s, s->commit, REPO_OID_ZERO, &pushed, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_string_equal(pushed.found, s->other);
	assert_int_equal(push(s, s->commit, s->w.base, &pushed, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	stands_at(s, s->other);
	/* With the right expectation it is overwritten, though the mirror has no such
	 * commit. */
	assert_int_equal(push(s, s->commit, s->other, &pushed, &err), 0);
	stands_at(s, s->commit);
	assert_int_equal(push(s, s->w.base, s->other, &pushed, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
}

static void move_branch(void *arg)
{
	struct scene *s = arg;

	free(git_run(s->w.bare, "update-ref", "refs/heads/" BRANCH, s->other, NULL));
}

/* The ref moves after our look at the list and before the server works: its own comparison
 * must catch that. */
static void races_are_lost_on_the_server(void **state)
{
	struct scene *s = *state;
	struct repo_pushed pushed;
	struct err err;

	git_server_before_push(s->w.server, move_branch, s);
	assert_int_equal(push(s, s->commit, REPO_OID_ZERO, &pushed, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_string_equal(pushed.found, s->other);
	stands_at(s, s->other);
	free(git_run(s->w.bare, "update-ref", "refs/heads/" BRANCH, s->w.base, NULL));
	assert_int_equal(push(s, s->commit, s->w.base, &pushed, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	stands_at(s, s->other);
}

/* A branch goes as it moves: from where it is expected alone, compared again by the server. */
static void a_branch_is_deleted_by_lease(void **state)
{
	struct scene *s = *state;
	struct repo_pushed pushed;
	struct err err;

	assert_int_equal(push(s, s->commit, REPO_OID_ZERO, &pushed, &err), 0);
	assert_int_equal(push(s, REPO_OID_ZERO, s->w.base, &pushed, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_string_equal(pushed.found, s->commit);
	git_server_before_push(s->w.server, move_branch, s);
	assert_int_equal(push(s, REPO_OID_ZERO, s->commit, &pushed, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	stands_at(s, s->other);
	git_server_before_push(s->w.server, NULL, NULL);
	assert_int_equal(push(s, REPO_OID_ZERO, s->other, &pushed, &err), 0);
	assert_false(pushed.already);
	stands_at(s, "");
	assert_int_equal(push(s, REPO_OID_ZERO, s->other, &pushed, &err), 0);
	assert_true(pushed.already);
}

static void hook(struct scene *s, const char *name, const char *script)
{
	CLEANUP(mem) char *path = mem_printf("hooks/%s", name);

	put_file(s->w.bare, path, script, strlen(script), 0755);
}

static void the_servers_refusal_is_told(void **state)
{
	struct scene *s = *state;
	struct repo_pushed pushed;
	struct err err;

	hook(s, "pre-receive",
		"#!/bin/sh\n"
		"printf 'error: GH013: Repository rule violations found for "
		"refs/heads/x.\\n' >&2\n"
		"printf '\\n- Push cannot contain secrets\\033[31m\\n------\\n' "
		">&2\nexit 1\n");
	assert_int_equal(push(s, s->commit, REPO_OID_ZERO, &pushed, &err), -1);
	assert_int_equal(err.kind, ERR_DENIED);
	assert_non_null(strstr(err.text, "GH013: Repository rule violations"));
	assert_non_null(strstr(err.text, "Push cannot contain secrets"));
	assert_null(strchr(err.text, '\x1b'));
	assert_null(strchr(err.text, '\n'));
	hook(s, "pre-receive", "#!/bin/sh\nexit 0\n");
	hook(s, "update",
		"#!/bin/sh\necho 'refusing to allow a GitHub App to create or update "
		"workflow "
		"without `workflows` permission' >&2\nexit 1\n");
	assert_int_equal(push(s, s->commit, REPO_OID_ZERO, &pushed, &err), -1);
	assert_int_equal(err.kind, ERR_DENIED);
	assert_non_null(strstr(err.text, "workflows"));
	assert_non_null(strstr(err.text, "hook declined"));
	stands_at(s, "");
}

static void the_network_fails_at_every_point(void **state)
{
	static const struct {
		enum git_fault fault;
		const char *where;
		enum err_kind kind;
	} table[] = {
		{GIT_FAULT_BUSY, "info/refs", ERR_TRANSIENT},
		{GIT_FAULT_BUSY, "/git-receive-pack", ERR_TRANSIENT},
		{GIT_FAULT_CUT, "info/refs", ERR_TRANSIENT},
		{GIT_FAULT_FORBIDDEN, "info/refs", ERR_DENIED},
		{GIT_FAULT_FORBIDDEN, "/git-receive-pack", ERR_DENIED},
		{GIT_FAULT_REDIRECT, "info/refs", ERR_TRANSIENT},
		{GIT_FAULT_REDIRECT, "/git-receive-pack", ERR_TRANSIENT},
	};
	struct scene *s = *state;
	struct repo_pushed pushed;
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		git_server_fault(s->w.server, table[i].fault, table[i].where, 0);
		assert_int_equal(push(s, s->commit, REPO_OID_ZERO, &pushed, &err), -1);
		if (err.kind != table[i].kind)
			print_error("%zu: %s\n", i, err.text);
		assert_int_equal(err.kind, table[i].kind);
		assert_null(strstr(err.text, WORLD_TOKEN));
		stands_at(s, "");
	}
	git_server_fault(s->w.server, GIT_FAULT_NONE, NULL, 0);
	assert_int_equal(push(s, s->commit, REPO_OID_ZERO, &pushed, &err), 0);
}

/* The server did the work and its answer is lost: either the call finds out by itself or says
 * that it does not know; the next one knows. */
static void an_answer_that_is_lost(void **state)
{
	struct scene *s = *state;
	struct repo_pushed pushed;
	struct err err;

	git_server_fault(s->w.server, GIT_FAULT_CUT, "/git-receive-pack", 1);
	int rc = push(s, s->commit, REPO_OID_ZERO, &pushed, &err);
	assert_true(rc == 0 || err.kind == ERR_TRANSIENT);
	stands_at(s, s->commit);
	assert_int_equal(push(s, s->commit, REPO_OID_ZERO, &pushed, &err), 0);
	assert_true(pushed.already);
}

static void bad_requests(void **state)
{
	static const char *const names[] = {"", "-x", "a b", "a..b", "a.lock", "/a", "a/",
		"a\nb", "a~1", "a:b", "@{x", "a\\b", "HEAD^", "x\x7f"};
	struct scene *s = *state;
	struct repo_pushed pushed;
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct repo_push p = {.remote = &s->w.remote,
			.commit = s->commit,
			.branch = names[i],
			.expected = REPO_OID_ZERO};
		err = (struct err){0};
		assert_int_equal(repo_push(s->w.repos, &p, &pushed, NULL, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
	}
	assert_int_equal(push(s, "1111111111111111111111111111111111111111",
				 REPO_OID_ZERO, &pushed, &err),
		-1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(push(s, s->commit, "none", &pushed, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
}

/* The forge has moved on beyond what the mirror knows: only our commit is sent, not all of
 * history. */
static void a_forge_that_moved_on_gets_a_small_pack(void **state)
{
	struct scene *s = *state;
	struct repo_pushed pushed;
	struct err err;
	struct repo_commit c = template(s);
	char noise[200000], base[REPO_OID_SIZE], commit[REPO_OID_SIZE];

	crypto_random(noise, sizeof noise);
	put_file(s->w.seed, "noise", noise, sizeof noise, 0644);
	world_commit(&s->w, "noise", base);
	world_update(&s->w, NULL);
	c.base = base;
	assert_int_equal(repo_commit(s->w.repos, &c, commit, NULL, &err), 0);
	free(git_run(s->w.seed, "rm", "-q", "noise", NULL));
	world_commit(&s->w, "no noise", NULL);
	size_t before = git_server_received(s->w.server);
	assert_int_equal(push(s, commit, REPO_OID_ZERO, &pushed, &err), 0);
	size_t sent = git_server_received(s->w.server) - before;
	print_message("%zu bytes were sent\n", sent);
	assert_in_range(sent, 1, 10000);
}

static int run(void)
{
#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		IN_SCENE(the_same_input_makes_the_same_commit),
		IN_SCENE(commits_that_are_refused),
		IN_SCENE(create_repeat_update),
		IN_SCENE(a_branch_that_stands_elsewhere_is_left_alone),
		IN_SCENE(races_are_lost_on_the_server),
		IN_SCENE(a_branch_is_deleted_by_lease),
		IN_SCENE(the_servers_refusal_is_told),
		IN_SCENE(the_network_fails_at_every_point),
		IN_SCENE(an_answer_that_is_lost),
		IN_SCENE(bad_requests),
		IN_SCENE(a_forge_that_moved_on_gets_a_small_pack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

WORLD_MAIN(run)
