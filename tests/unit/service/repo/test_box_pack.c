/* SPDX-License-Identifier: MIT */
/* Into the box: packs that real git takes, files and diffs read from the mirror. */
#include "tests/lib/repo_world.h"

#include "boxcore/base/clock.h"
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

struct scene {
	struct world w;
	char *file;
	char merge[REPO_OID_SIZE];
};

/* Ten commits and a merge. */
static int setup(void **state)
{
	struct scene *s = mem_zalloc(sizeof *s);
	struct world *w = &s->w;

	world_start(w, NULL);
	s->file = mem_printf("%s/x.pack", w->dir);
	for (int i = 0; i < 9; i++) {
		CLEANUP(mem) char *text = mem_printf("line %d\n", i);
		put_text(w->seed, i % 2 ? "log/odd.txt" : "log/even.txt", text);
		world_commit(w, text, NULL);
	}
	free(git_run(w->seed, "checkout", "-q", "-b", "side", w->base, NULL));
	put_text(w->seed, "side.txt", "side\n");
	free(git_run(w->seed, "add", "-A", NULL));
	free(git_run(w->seed, "commit", "-q", "-m", "side", NULL));
	free(git_run(w->seed, "checkout", "-q", "-", "--", NULL));
	free(git_run(w->seed, "merge", "-q", "--no-ff", "-m", "merge", "side", NULL));
	world_commit(w, "last", s->merge);
	world_update(w, NULL);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	world_stop(&s->w);
	free(s->file);
	free(s);
	return 0;
}

static void take_in(struct scene *s)
{
	static const char *const argv[] = {"index-pack", "--stdin", "--fix-thin", NULL};
	CLEANUP(strbuf) struct strbuf bytes = STRBUF_INIT(1UL << 28);
	CLEANUP(mem) char *out = NULL;
	struct err err = {0};
	size_t len;

	assert_int_equal(file_read(&bytes, s->file, &err), 0);
	struct git_io io = {
		.folder = s->w.box, .input = bytes.data, .input_len = bytes.len};
	assert_int_equal(git_pipe(&io, argv, &out, &len), 0);
}

static void the_whole_history(void **state)
{
	struct scene *s = *state;
	struct world *w = &s->w;

	world_box(w, s->merge);
	free(git_run(w->box, "fsck", "--full", "--strict", NULL));
	CLEANUP(mem) char *here = git_run(w->box, "log", "--format=%H %s", NULL);
	CLEANUP(mem)
	char *there = git_run(w->bare, "log", "--format=%H %s", "main", NULL);
	assert_string_equal(here, there);
	CLEANUP(mem) char *status = git_run(w->box, "status", "--porcelain", NULL);
	assert_string_equal(status, "");
	CLEANUP(mem) char *remotes = git_run(w->box, "remote", NULL);
	assert_string_equal(remotes, "");
}

static void newer_commits_to_an_older_box(void **state)
{
	struct scene *s = *state;
	struct world *w = &s->w;
	CLEANUP(repo_pack) struct repo_pack all = {0};
	CLEANUP(repo_pack) struct repo_pack few = {0};
	CLEANUP(repo_pack) struct repo_pack none = {0};
	char oid[REPO_OID_SIZE];
	struct err err = {0};

	world_box(w, s->merge);
	put_text(w->seed, "log/even.txt", "newest\n");
	world_commit(w, "newest", oid);
	world_update(w, NULL);
	assert_int_equal(
		repo_pack(w->repos, WORLD_ID, oid, NULL, s->file, 0, &all, NULL, &err),
		0);
	assert_int_equal(all.commits, 14);
	assert_int_equal(repo_pack(w->repos, WORLD_ID, oid, s->merge, s->file, 0, &few,
				 NULL, &err),
		0);
	assert_int_equal(few.commits, 1);
	assert_int_equal(few.objects, 4); /* commit, two trees, blob */
	assert_true(few.bytes < all.bytes);
	struct stat st;
	assert_int_equal(stat(s->file, &st), 0);
	assert_int_equal(st.st_size, few.bytes);
	assert_string_equal(few.shallow, "");
	take_in(s);
	free(git_run(w->box, "update-ref", "refs/heads/main", oid, NULL));
	free(git_run(w->box, "reset", "-q", "--hard", NULL));
	free(git_run(w->box, "fsck", "--full", "--strict", NULL));
	assert_int_equal(
		repo_pack(w->repos, WORLD_ID, oid, oid, s->file, 0, &none, NULL, &err),
		0);
	assert_int_equal(none.objects, 0);
	assert_int_equal(none.commits, 0);
}

static void too_much_history_is_cut(void **state)
{
	struct scene *s = *state;
	struct world *w = &s->w;
	CLEANUP(repo_pack) struct repo_pack pack = {0};
	CLEANUP(mem) char *shallow = mem_printf("%s/.git/shallow", w->box);
	struct err err = {0};

	assert_int_equal(repo_pack(w->repos, WORLD_ID, s->merge, NULL, s->file, 3, &pack,
				 NULL, &err),
		0);
	assert_int_equal(pack.commits, 3);
	assert_true(strlen(pack.shallow) >= 41);
	free(git_run(NULL, "init", "-q", w->box, NULL));
	free(git_run(w->box, "symbolic-ref", "HEAD", "refs/heads/main", NULL));
	assert_int_equal(
		file_write(shallow, pack.shallow, strlen(pack.shallow), 0644, &err), 0);
	take_in(s);
	free(git_run(w->box, "update-ref", "refs/heads/main", s->merge, NULL));
	free(git_run(w->box, "reset", "-q", "--hard", NULL));
	free(git_run(w->box, "fsck", "--full", "--strict", NULL));
	CLEANUP(mem) char *count = git_run(w->box, "rev-list", "--count", "HEAD", NULL);
	assert_in_range(strtol(count, NULL, 10), 1, 3);
	CLEANUP(mem) char *tree = git_run(w->box, "rev-parse", "HEAD^{tree}", NULL);
	CLEANUP(mem) char *want = git_run(w->bare, "rev-parse", "main^{tree}", NULL);
	assert_string_equal(tree, want);
}

static void packs_that_cannot_be(void **state)
{
	struct scene *s = *state;
	struct repo_pack pack;
	struct err err = {0};
	const char *none = "1111111111111111111111111111111111111111";

	assert_int_equal(repo_pack(s->w.repos, WORLD_ID, none, NULL, s->file, 0, &pack,
				 NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(repo_pack(s->w.repos, WORLD_ID, s->merge, none, s->file, 0,
				 &pack, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(
		repo_pack(s->w.repos, 1, s->merge, NULL, s->file, 0, &pack, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(repo_pack(s->w.repos, WORLD_ID, "main", NULL, s->file, 0, &pack,
				 NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_int_equal(repo_pack(s->w.repos, WORLD_ID, s->merge, NULL, "/nonexistent/x",
				 0, &pack, NULL, &err),
		-1);
}

static void files_of_a_commit(void **state)
{
	struct scene *s = *state;
	struct world *w = &s->w;
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(1024);
	struct err err = {0};
	char oid[REPO_OID_SIZE];
	static const struct {
		const char *path;
		enum err_kind kind;
	} bad[] = {
		{"none", ERR_NOT_FOUND},
		{"src/none", ERR_NOT_FOUND},
		{"src", ERR_INPUT},
		{"link", ERR_INPUT},
		{"README.md/x", ERR_NOT_FOUND},
		{"big", ERR_LIMIT},
		{"../README.md", ERR_NOT_FOUND},
		{"link/x", ERR_NOT_FOUND},
	};

	put_link(w->seed, "link", "README.md");
	put_file(w->seed, "nul.bin", "a\0b", 3, 0644);
	put_text(w->seed, "big", "0123456789");
	world_commit(w, "more", oid);
	world_update(w, NULL);
	assert_int_equal(repo_file_read(w->repos, WORLD_ID, oid, "src/main.c", 1024,
				 &text, NULL, &err),
		0);
	assert_string_equal(strbuf_str(&text), "int main(void)\n{\n\treturn 0;\n}\n");
	strbuf_reset(&text);
	assert_int_equal(repo_file_read(w->repos, WORLD_ID, oid, "nul.bin", 1024, &text,
				 NULL, &err),
		0);
	assert_int_equal(text.len, 3);
	assert_memory_equal(text.data, "a\0b", 3);
	assert_int_equal(
		repo_file_read(w->repos, WORLD_ID, oid, "big", 10, &text, NULL, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		err = (struct err){0};
		int rc = repo_file_read(
			w->repos, WORLD_ID, oid, bad[i].path, 9, &text, NULL, &err);
		if (rc == 0 || err.kind != bad[i].kind)
			print_error("%s: %d %s\n", bad[i].path, rc, err.text);
		assert_int_equal(rc, -1);
		assert_int_equal(err.kind, bad[i].kind);
	}
}

static void diffs_for_people(void **state)
{
	struct scene *s = *state;
	struct world *w = &s->w;
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(1 << 20);
	struct err err = {0};
	char oid[REPO_OID_SIZE];

	put_text(w->seed, "README.md", "# Demo\n\nHello \x1b[31mred\xff.\n");
	put_file(w->seed, "pic.bin", "\0\1\2", 3, 0644);
	for (int i = 0; i < 50; i++) {
		CLEANUP(mem) char *name = mem_printf("many/%d.txt", i);
		put_text(w->seed, name, "some lines\nof text\n");
	}
	world_commit(w, "more", oid);
	world_update(w, NULL);
	assert_int_equal(repo_diff_text(w->repos, WORLD_ID, s->merge, oid, 100000, &text,
				 NULL, &err),
		0);
	assert_non_null(
		strstr(text.data, "-Hello.\n+Hello \xef\xbf\xbd[31mred\xef\xbf\xbd.\n"));
	assert_non_null(strstr(text.data, "Binary files"));
	assert_non_null(strstr(text.data, "many/49.txt"));
	assert_true(str_is_utf8(text.data, text.len));
	strbuf_reset(&text);
	assert_int_equal(repo_diff_text(w->repos, WORLD_ID, s->merge, oid, 2000, &text,
				 NULL, &err),
		0);
	assert_in_range(text.len, 1000, 2100);
	assert_non_null(strstr(text.data, "of 52 files are left out"));
	strbuf_reset(&text);
	assert_int_equal(
		repo_diff_text(w->repos, WORLD_ID, oid, oid, 2000, &text, NULL, &err), 0);
	assert_int_equal(text.len, 0);
}

/* What a middling repository costs. */
static void five_thousand_files(void **state)
{
	struct scene *s = *state;
	struct world *w = &s->w;
	CLEANUP(repo_pack) struct repo_pack pack = {0};
	struct repo_mirror m;
	struct err err = {0};
	char oid[REPO_OID_SIZE];

	for (int i = 0; i < 5000; i++) {
		CLEANUP(mem)
		char *name = mem_printf("m%02d/s%d/file%d.c", i % 50, i % 7, i);
		CLEANUP(mem)
		char *text = mem_printf(
			"int f%d(int x)\n{\n\treturn x * %d;\n}\n", i, i * 7919);
		put_text(w->seed, name, text);
	}
	world_commit(w, "five thousand", oid);
	int64_t begin = clock_mono_ms();
	assert_int_equal(repo_mirror_drop(w->repos, WORLD_ID, NULL, &err), 0);
	world_update(w, &m);
	int64_t cloned = clock_mono_ms();
	world_update(w, &m);
	int64_t fetched = clock_mono_ms();
	assert_int_equal(
		repo_pack(w->repos, WORLD_ID, oid, NULL, s->file, 0, &pack, NULL, &err),
		0);
	print_message("5,000 files: clone %lld ms, nothing new %lld ms, pack %lld ms "
		      "(%lld objects, %lld bytes)\n",
		(long long)(cloned - begin), (long long)(fetched - cloned),
		(long long)(clock_mono_ms() - fetched), (long long)pack.objects,
		(long long)pack.bytes);
	assert_true(pack.objects > 5000);
}

static int run(void)
{
#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		IN_SCENE(the_whole_history),
		IN_SCENE(newer_commits_to_an_older_box),
		IN_SCENE(too_much_history_is_cut),
		IN_SCENE(packs_that_cannot_be),
		IN_SCENE(files_of_a_commit),
		IN_SCENE(diffs_for_people),
		IN_SCENE(five_thousand_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

WORLD_MAIN(run)
