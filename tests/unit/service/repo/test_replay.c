/* SPDX-License-Identifier: MIT */
/* A change on another base: clean, in conflict in every way, and whose commits it holds. */
#include "tests/lib/repo_world.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OURS "test@example.com" /* the address that git_tool commits with */

struct scene {
	struct world w;
	char change[REPO_OID_SIZE]; /* on a branch from the world's base */
	char onto[REPO_OID_SIZE];   /* main, later */
};

static int setup(void **state)
{
	struct scene *s = mem_zalloc(sizeof *s);

	world_start(&s->w, NULL);
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

static void keep_head(struct scene *s, char ret[REPO_OID_SIZE])
{
	CLEANUP(mem) char *oid = git_run(s->w.seed, "rev-parse", "HEAD", NULL);

	str_copy(ret, REPO_OID_SIZE, oid);
}

static void commit(struct scene *s, const char *author)
{
	CLEANUP(mem)
	char *who = mem_printf("--author=%s", author ? author : "x <" OURS ">");

	free(git_run(s->w.seed, "add", "-A", NULL));
	free(git_run(s->w.seed, "commit", "-q", "--allow-empty", who, "-m", "c", NULL));
}

static void begin_change(struct scene *s)
{
	free(git_run(s->w.seed, "checkout", "-q", "-B", "change", s->w.base, NULL));
}

/* The change is what was committed since begin_change(); both are in the mirror after. */
static void begin_onto(struct scene *s)
{
	keep_head(s, s->change);
	free(git_run(s->w.seed, "push", "-q", "-f", s->w.bare, "HEAD:refs/heads/change",
		NULL));
	free(git_run(s->w.seed, "checkout", "-q", "-B", "main", s->w.base, NULL));
}

static void end_onto(struct scene *s)
{
	struct repo_mirror mirror;
	struct err err = {0};

	commit(s, NULL);
	keep_head(s, s->onto);
	free(git_run(
		s->w.seed, "push", "-q", "-f", s->w.bare, "HEAD:refs/heads/main", NULL));
	world_update(&s->w, NULL);
	assert_int_equal(repo_mirror_update(s->w.repos, &s->w.remote, "change", NULL,
				 NULL, &mirror, NULL, &err),
		0);
}

static void replay(struct scene *s, struct repo_replayed *ret)
{
	struct repo_replay what = {.repo_id = WORLD_ID,
		.onto = s->onto,
		.change = s->change,
		.own_email = OURS};
	struct err err = {0};

	if (repo_replay(s->w.repos, &what, ret, NULL, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(ret->base, s->w.base);
}

/* A file of the merged tree, from the mirror, by way of a commit. */
static char *merged(struct scene *s, const struct repo_replayed *r, const char *path)
{
	CLEANUP(mem)
	char *mirror = mem_printf("%s/mirrors/%d.git", s->w.state, WORLD_ID);
	CLEANUP(mem) char *spec = mem_printf("%s:%s", r->tree, path);

	return git_run(mirror, "show", spec, NULL);
}

static char *names(struct scene *s, const struct repo_replayed *r)
{
	CLEANUP(mem)
	char *mirror = mem_printf("%s/mirrors/%d.git", s->w.state, WORLD_ID);

	return git_run(mirror, "ls-tree", "-r", "--name-only", r->tree, NULL);
}

static void without_a_conflict_it_is_gits_own_merge(void **state)
{
	struct scene *s = *state;
	CLEANUP(repo_replayed) struct repo_replayed r = {0};

	begin_change(s);
	put_text(s->w.seed, "src/util.c", "int twice(int x)\n{\n\treturn x + x;\n}\n");
	commit(s, NULL);
	put_text(s->w.seed, "new.txt", "new\n");
	commit(s, NULL);
	begin_onto(s);
	put_text(s->w.seed, "README.md", "# Demo\n\nHello, world.\n");
	free(git_run(s->w.seed, "mv", "src/main.c", "src/start.c", NULL));
	end_onto(s);
	replay(s, &r);
	assert_true(r.clean);
	assert_false(r.empty || r.up_to_date);
	assert_string_equal(r.conflicts, "");
	assert_int_equal(r.commits, 2);
	assert_string_equal(r.person_commit, "");
	free(git_run(s->w.seed, "merge", "-q", "--no-edit", "change", NULL));
	CLEANUP(mem)
	char *expected = git_run(s->w.seed, "rev-parse", "HEAD^{tree}", NULL);
	assert_string_equal(r.tree, expected);
}

static void lines_that_conflict_stand_between_markers(void **state)
{
	struct scene *s = *state;
	CLEANUP(repo_replayed) struct repo_replayed r = {0};

	begin_change(s);
	put_text(s->w.seed, "src/util.c", "int twice(int x)\n{\n\treturn x + x;\n}\n");
	put_text(s->w.seed, "both.txt", "mine\n");
	commit(s, NULL);
	begin_onto(s);
	put_text(s->w.seed, "src/util.c", "int twice(int x)\n{\n\treturn x << 1;\n}\n");
	put_text(s->w.seed, "both.txt", "theirs\n");
	end_onto(s);
	replay(s, &r);
	assert_false(r.clean);
	assert_int_equal(r.nconflicts, 2);
	assert_string_equal(r.conflicts, "both.txt: added on both sides\n"
					 "src/util.c: changed on both sides\n");
	CLEANUP(mem) char *text = merged(s, &r, "src/util.c");
	assert_string_equal(text, "int twice(int x)\n{\n<<<<<<< the new base\n"
				  "\treturn x << 1;\n=======\n\treturn x + x;\n"
				  ">>>>>>> this pull request\n}");
}

static void what_has_no_lines_is_listed_and_kept(void **state)
{
	struct scene *s = *state;
	CLEANUP(repo_replayed) struct repo_replayed r = {0};

	begin_change(s);
	put_file(s->w.seed, "image", "a\0change", 8, 0644);
	put_text(s->w.seed, "README.md", "changed\n");
	free(git_run(s->w.seed, "rm", "-q", "src/util.c", NULL));
	put_text(s->w.seed, "place", "a file\n");
	commit(s, NULL);
	begin_onto(s);
	put_file(s->w.seed, "image", "a\0base", 6, 0644);
	free(git_run(s->w.seed, "rm", "-q", "README.md", NULL));
	put_text(s->w.seed, "src/util.c", "int twice(int x)\n{\n\treturn x << 1;\n}\n");
	put_text(s->w.seed, "place/below.txt", "a folder\n");
	end_onto(s);
	replay(s, &r);
	assert_false(r.clean);
	print_message("%s", r.conflicts);
	CLEANUP(mem) char *readme = merged(s, &r, "README.md");
	assert_string_equal(readme, "changed");
	CLEANUP(mem) char *util = merged(s, &r, "src/util.c");
	assert_non_null(strstr(util, "x << 1"));
	CLEANUP(mem) char *list = names(s, &r);
	assert_non_null(strstr(list, "place/below.txt"));
	assert_non_null(strstr(list, "place.conflict"));
	assert_non_null(strstr(r.conflicts, "README.md: deleted in the new base"));
	assert_non_null(strstr(r.conflicts, "src/util.c: changed in the new base"));
	assert_non_null(strstr(r.conflicts, "image: no text on both sides"));
}

static void a_persons_commit_is_told(void **state)
{
	struct scene *s = *state;
	CLEANUP(repo_replayed) struct repo_replayed r = {0};
	char person[REPO_OID_SIZE];

	begin_change(s);
	put_text(s->w.seed, "a.txt", "a\n");
	commit(s, NULL);
	put_text(s->w.seed, "b.txt", "b\n");
	commit(s, "Octo \x01"
		  "Cat <octo@example.invalid>");
	keep_head(s, person);
	put_text(s->w.seed, "c.txt", "c\n");
	commit(s, NULL);
	begin_onto(s);
	put_text(s->w.seed, "README.md", "other\n");
	end_onto(s);
	replay(s, &r);
	assert_true(r.clean);
	assert_int_equal(r.commits, 3);
	assert_string_equal(r.person_commit, person);
	assert_non_null(strstr(r.person, "Octo"));
	assert_null(strchr(r.person, '\x01'));
}

static void nothing_left_and_nothing_new(void **state)
{
	struct scene *s = *state;
	CLEANUP(repo_replayed) struct repo_replayed r = {0};
	CLEANUP(repo_replayed) struct repo_replayed again = {0};

	begin_change(s);
	put_text(s->w.seed, "a.txt", "a\n");
	commit(s, NULL);
	begin_onto(s);
	put_text(s->w.seed, "a.txt", "a\n"); /* somebody did the same */
	put_text(s->w.seed, "b.txt", "b\n");
	end_onto(s);
	replay(s, &r);
	assert_true(r.clean && r.empty && !r.up_to_date);
	str_copy(s->onto, sizeof s->onto, s->w.base);
	replay(s, &again);
	assert_true(again.up_to_date && again.clean && !again.empty);
}

static void histories_of_their_own(void **state)
{
	struct scene *s = *state;
	struct repo_replayed r = {0};
	struct err err = {0};

	free(git_run(s->w.seed, "checkout", "-q", "--orphan", "alone", NULL));
	commit(s, NULL);
	begin_onto(s);
	end_onto(s);
	struct repo_replay what = {
		.repo_id = WORLD_ID, .onto = s->onto, .change = s->change};
	assert_int_equal(repo_replay(s->w.repos, &what, &r, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	what.change = "0123456789012345678901234567890123456789";
	assert_int_equal(repo_replay(s->w.repos, &what, &r, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	what.change = "main; rm -rf /";
	assert_int_equal(repo_replay(s->w.repos, &what, &r, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
}

static void a_commit_may_have_two_parents(void **state)
{
	struct scene *s = *state;
	CLEANUP(repo_replayed) struct repo_replayed r = {0};
	struct err err = {0};
	char oid[REPO_OID_SIZE], again[REPO_OID_SIZE];

	begin_change(s);
	put_text(s->w.seed, "a.txt", "a\n");
	commit(s, NULL);
	begin_onto(s);
	put_text(s->w.seed, "b.txt", "b\n");
	end_onto(s);
	replay(s, &r);
	struct repo_commit c = {.repo_id = WORLD_ID,
		.task = "7",
		.base = s->change,
		.merge = s->onto,
		.tree = r.tree,
		.author_name = "bot",
		.author_email = "bot@example.invalid",
		.time_s = 1700000000,
		.message = "Merge"};
	assert_int_equal(repo_commit(s->w.repos, &c, oid, NULL, &err), 0);
	assert_int_equal(repo_commit(s->w.repos, &c, again, NULL, &err), 0);
	assert_string_equal(oid, again);
	CLEANUP(mem)
	char *mirror = mem_printf("%s/mirrors/%d.git", s->w.state, WORLD_ID);
	CLEANUP(mem)
	char *parents = git_run(mirror, "log", "-1", "--format=%P", oid, NULL);
	CLEANUP(mem) char *expected = mem_printf("%s %s", s->change, s->onto);
	assert_string_equal(parents, expected);
}

/* What a check box gets: from the snapshot's base to a commit that is no child of it. */
static void a_pack_goes_to_a_commit_beside(void **state)
{
	struct scene *s = *state;
	CLEANUP(repo_pack) struct repo_pack pack = {0};
	CLEANUP(mem) char *file = mem_printf("%s/beside.pack", s->w.dir);
	static const char *const index[] = {"index-pack", "--stdin", "--fix-thin", NULL};
	struct err err = {0};

	begin_change(s);
	put_text(s->w.seed, "a.txt", "a\n");
	commit(s, NULL);
	begin_onto(s);
	put_text(s->w.seed, "b.txt", "b\n");
	end_onto(s);
	world_box(&s->w, s->onto);
	assert_int_equal(repo_pack(s->w.repos, WORLD_ID, s->change, s->onto, file, 0,
				 &pack, NULL, &err),
		0);
	assert_int_equal(pack.commits, 1);
	CLEANUP(strbuf) struct strbuf bytes = STRBUF_INIT(1 << 20);
	CLEANUP(mem) char *out = NULL;
	size_t len;
	FILE *f = fopen(file, "rb");
	char *room = strbuf_room(&bytes, 1 << 16);
	strbuf_grown(&bytes, fread(room, 1, 1 << 16, f));
	fclose(f);
	struct git_io io = {
		.folder = s->w.box, .input = bytes.data, .input_len = bytes.len};
	assert_int_equal(git_pipe(&io, index, &out, &len), 0);
	free(git_run(s->w.box, "update-ref", "refs/heads/main", s->change, NULL));
	free(git_run(s->w.box, "reset", "-q", "--hard", NULL));
	CLEANUP(mem) char *status = git_run(s->w.box, "status", "--short", NULL);
	assert_string_equal(status, "");
	CLEANUP(mem) char *sound = git_run(s->w.box, "fsck", "--connectivity-only", NULL);
	CLEANUP(mem) char *list = git_run(s->w.box, "ls-files", NULL);
	assert_non_null(strstr(list, "a.txt"));
	assert_null(strstr(list, "b.txt"));
}

static int run(void)
{
#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		IN_SCENE(without_a_conflict_it_is_gits_own_merge),
		IN_SCENE(lines_that_conflict_stand_between_markers),
		IN_SCENE(what_has_no_lines_is_listed_and_kept),
		IN_SCENE(a_persons_commit_is_told),
		IN_SCENE(nothing_left_and_nothing_new),
		IN_SCENE(histories_of_their_own),
		IN_SCENE(a_commit_may_have_two_parents),
		IN_SCENE(a_pack_goes_to_a_commit_beside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

WORLD_MAIN(run)
