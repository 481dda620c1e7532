/* SPDX-License-Identifier: MIT */
/* Every kind of change goes from a box to the forge bit by bit, made and judged by real git. */
#include "tests/lib/repo_world.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/crypto.h"
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

static const char *box; /* the work tree that the kinds below change */

static void text(const char *path, const char *content)
{
	put_text(box, path, content);
}

static void bytes(const char *path, const void *data, size_t len)
{
	put_file(box, path, data, len, 0644);
}

static void gone(const char *path)
{
	CLEANUP(mem) char *full = mem_printf("%s/%s", box, path);

	assert_int_equal(unlink(full), 0);
}

static void moved(const char *from, const char *to)
{
	CLEANUP(mem) char *a = mem_printf("%s/%s", box, from);
	CLEANUP(mem) char *b = mem_printf("%s/%s", box, to);

	assert_int_equal(rename(a, b), 0);
}

static void mode(const char *path, mode_t bits)
{
	CLEANUP(mem) char *full = mem_printf("%s/%s", box, path);

	assert_int_equal(chmod(full, bits), 0);
}

/* ---- the base that they change ---- */

static void fill_base(struct world *w)
{
	char long_text[20000];

	for (size_t i = 0; i < sizeof long_text; i++)
		long_text[i] = i % 40 == 39 ? '\n' : (char)('a' + i / 40 % 26);
	put_file(w->seed, "long.txt", long_text, sizeof long_text, 0644);
	put_file(w->seed, "empty.txt", "", 0, 0644);
	put_file(w->seed, "data.bin", "\0\1\2\3\0\xff", 6, 0644);
	put_text(w->seed, "folder/one.txt", "one\n");
	put_text(w->seed, "folder/two.txt", "two\n");
	put_text(w->seed, "folder/deep/three.txt", "three\n");
	put_text(w->seed, "crlf.txt", "a\r\nb\r\n");
	put_text(w->seed, "with space.txt", "space\n");
	put_link(w->seed, "link", "README.md");
}

/* ---- kinds ---- */

static void add(void)
{
	text("new.txt", "new\n");
}
static void edit(void)
{
	text("README.md", "# Demo\n\nHello, world.\n");
}
static void delete (void)
{
	gone("src/util.c");
}
static void rename_file(void)
{
	moved("long.txt", "src/renamed.txt");
}
static void rename_and_edit(void)
{
	CLEANUP(mem) char *full = mem_printf("%s/renamed.txt", box);

	moved("long.txt", "renamed.txt");
	FILE *f = fopen(full, "a");
	fputs("one more line\n", f);
	fclose(f);
}
static void executable(void)
{
	mode("src/main.c", 0755);
}
static void not_executable(void)
{
	mode("run.sh", 0644);
}
static void edit_and_mode(void)
{
	text("src/main.c", "int main(void) { return 1; }\n");
	mode("src/main.c", 0755);
}
static void link_new(void)
{
	put_link(box, "src/to-readme", "../README.md");
}
static void link_to_folder(void)
{
	put_link(box, "l", "src");
}
static void link_dangling(void)
{
	put_link(box, "dangling", "not/there.txt");
}
static void link_elsewhere(void)
{
	gone("link");
	put_link(box, "link", "src/main.c");
}
static void link_to_file(void)
{
	gone("link");
	text("link", "a file now\n");
}
static void file_to_link(void)
{
	gone("README.md");
	put_link(box, "README.md", "src/main.c");
}
static void binary(void)
{
	bytes("pic.bin", "\x89PNG\0\0\1\2\xff\xfe", 10);
}
static void binary_edit(void)
{
	bytes("data.bin", "\0\1\2\4\0\xff\0", 7);
}
static void binary_late_nul(void)
{
	char data[30000];

	memset(data, 'x', sizeof data);
	data[20000] = '\0';
	bytes("late.bin", data, sizeof data);
}
static void not_utf8(void)
{
	bytes("latin1.txt", "caf\xe9\n", 5);
}
static void empty_new(void)
{
	bytes("nothing", "", 0);
}
static void empty_new_with_space(void)
{
	bytes("no thing", "", 0);
}
static void empty_deleted(void)
{
	gone("empty.txt");
}
static void empty_filled(void)
{
	text("empty.txt", "full\n");
}
static void emptied(void)
{
	bytes("README.md", "", 0);
}
static void name_with_spaces(void)
{
	text("a b/c d e.txt", "x\n");
}
static void rename_with_space(void)
{
	moved("with space.txt", "with  two.txt");
}
static void mode_with_space(void)
{
	mode("with space.txt", 0755);
}
static void name_non_ascii(void)
{
	text("\xc3\xa9t\xc3\xa9/\xe6\x97\xa5\xe6\x9c\xac.txt", "x\n");
}
static void name_emoji(void)
{
	text("\xf0\x9f\x9a\x80.md", "x\n");
}
static void name_quotes(void)
{
	text("it's \"quoted\" $(id) `id`;&|<>*?.txt", "x\n");
}
static void name_dash(void)
{
	text("-rf", "x\n");
}
static void name_long(void)
{
	char name[256];

	memset(name, 'n', 255);
	name[255] = '\0';
	text(name, "x\n");
}
static void no_last_newline(void)
{
	text("README.md", "# Demo\n\nHello.");
}
static void crlf(void)
{
	text("dos.txt", "a\r\nb\r\n");
}
static void deep(void)
{
	text("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/x", "x\n");
}
static void file_to_folder(void)
{
	gone("README.md");
	text("README.md/inside.txt", "x\n");
}
static void folder_to_file(void)
{
	gone("src/main.c");
	gone("src/util.c");
	CLEANUP(mem) char *full = mem_printf("%s/src", box);
	assert_int_equal(rmdir(full), 0);
	text("src", "a file\n");
}
static void folder_gone(void)
{
	free(git_run(box, "rm", "-q", "-r", "folder", NULL));
}
static void dotfiles(void)
{
	text(".editorconfig", "root = true\n");
	text(".config/x", "x\n");
	text(".gitignore", "*.o\n");
	text(".gitattributes", "*.txt text=auto\n*.bin -text\n");
}
static void copy(void)
{
	text("copy.c", "int main(void)\n{\n\treturn 0;\n}\n");
}
static void case_only(void)
{
	moved("README.md", "readme.md");
}
static void five_megabytes(void)
{
	char *data = mem_alloc(5 << 20);

	crypto_random(data, 5 << 20);
	bytes("big.bin", data, 5 << 20);
	free(data);
}
static void two_thousand_files(void)
{
	for (int i = 0; i < 2000; i++) {
		CLEANUP(mem) char *name = mem_printf("gen/%02d/file-%04d.txt", i % 40, i);
		CLEANUP(mem) char *content = mem_printf("file %d\nof many\n", i);
		text(name, content);
	}
}
static void all_at_once(void)
{
	add();
	rename_and_edit();
	executable();
	link_new();
	binary();
	empty_new();
	name_non_ascii();
	folder_gone();
}

static const struct kind {
	const char *name;
	void (*make)(void);
	size_t changes;
	enum repo_status status; /* of the first change */
	int64_t added;           /* lines of all; -1: not looked at */
	int64_t deleted;
} kinds[] = {
	{"add", add, 1, REPO_ADDED, 1, 0},
	{"edit", edit, 1, REPO_MODIFIED, 1, 1},
	{"delete", delete, 1, REPO_DELETED, 0, 4},
	{"rename", rename_file, 1, REPO_RENAMED, 0, 0},
	{"rename and edit", rename_and_edit, 1, REPO_RENAMED, 1, 0},
	{"executable", executable, 1, REPO_MODE, 0, 0},
	{"not executable", not_executable, 1, REPO_MODE, 0, 0},
	{"edit and mode", edit_and_mode, 1, REPO_MODIFIED, 1, 4},
	{"link", link_new, 1, REPO_ADDED, 1, 0},
	{"link to a folder", link_to_folder, 1, REPO_ADDED, 1, 0},
	{"dangling link", link_dangling, 1, REPO_ADDED, 1, 0},
	{"link elsewhere", link_elsewhere, 1, REPO_MODIFIED, 1, 1},
	{"link to file", link_to_file, 1, REPO_MODE, -1, -1},
	{"file to link", file_to_link, 1, REPO_MODE, -1, -1},
	{"binary", binary, 1, REPO_ADDED, 0, 0},
	{"binary edit", binary_edit, 1, REPO_MODIFIED, 0, 0},
	{"NUL after 20,000 bytes", binary_late_nul, 1, REPO_ADDED, -1, 0},
	{"not UTF-8", not_utf8, 1, REPO_ADDED, 1, 0},
	{"empty", empty_new, 1, REPO_ADDED, 0, 0},
	{"empty with a space", empty_new_with_space, 1, REPO_ADDED, 0, 0},
	{"empty deleted", empty_deleted, 1, REPO_DELETED, 0, 0},
	{"empty filled", empty_filled, 1, REPO_MODIFIED, 1, 0},
	{"emptied", emptied, 1, REPO_MODIFIED, 0, 3},
	{"spaces", name_with_spaces, 1, REPO_ADDED, 1, 0},
	{"rename with spaces", rename_with_space, 1, REPO_RENAMED, 0, 0},
	{"mode with a space", mode_with_space, 1, REPO_MODE, 0, 0},
	{"non-ASCII", name_non_ascii, 1, REPO_ADDED, 1, 0},
	{"emoji", name_emoji, 1, REPO_ADDED, 1, 0},
	{"quotes", name_quotes, 1, REPO_ADDED, 1, 0},
	{"dash", name_dash, 1, REPO_ADDED, 1, 0},
	{"255 bytes", name_long, 1, REPO_ADDED, 1, 0},
	{"no newline at the end", no_last_newline, 1, REPO_MODIFIED, 1, 1},
	{"CRLF", crlf, 1, REPO_ADDED, 2, 0},
	{"20 folders deep", deep, 1, REPO_ADDED, 1, 0},
	{"file to folder", file_to_folder, 2, REPO_DELETED, -1, -1},
	{"folder to file", folder_to_file, 3, REPO_ADDED, -1, -1},
	{"folder gone", folder_gone, 3, REPO_DELETED, 0, 3},
	{"dotfiles", dotfiles, 4, REPO_ADDED, 5, 0},
	{"copy", copy, 1, REPO_ADDED, 4, 0},
	{"case of a name", case_only, 1, REPO_RENAMED, 0, 0},
	{"5 MiB", five_megabytes, 1, REPO_ADDED, 0, 0},
	{"2,000 files", two_thousand_files, 2000, REPO_ADDED, 4000, 0},
	{"all at once", all_at_once, 10, REPO_DELETED, -1, -1},
};

/* Everything below a tree, with modes, names, object names and sizes. */
static char *listing(const char *folder, const char *tree)
{
	return git_run(
		folder, "ls-tree", "-r", "-t", "-l", "-z", "--full-tree", tree, NULL);
}

/* The content of all files, as an archive's digest. */
static char *sums(const char *folder, const char *commit)
{
	const char *argv[] = {"archive", "--format=tar", commit, NULL};
	struct git_io io = {.folder = folder};
	char *out = NULL, *hex = mem_alloc(SHA256_HEX_SIZE);
	size_t len;

	assert_int_equal(git_pipe(&io, argv, &out, &len), 0);
	crypto_sha256_hex(out, len, hex);
	free(out);
	return hex;
}

static void go_through(struct world *w, const struct kind *kind, const char *base)
{
	CLEANUP(repo_result) struct repo_result result = {0};
	CLEANUP(mem) char *pack = NULL;
	CLEANUP(mem)
	char *branch = mem_printf("boxwright/kind-%zu", (size_t)(kind - kinds));
	char tree[REPO_OID_SIZE], commit[REPO_OID_SIZE];
	struct repo_pushed pushed;
	struct err err = {0};

	free(git_run(w->box, "reset", "-q", "--hard", base, NULL));
	free(git_run(w->box, "clean", "-q", "-ffdx", NULL));
	kind->make();
	world_collect(w, w->box, base, tree, &pack);
	int64_t start = clock_mono_ms();
	if (repo_import(w->repos, WORLD_ID, base, pack, tree, NULL, &result, NULL, &err) <
		0)
		print_error("%s: %s\n", kind->name, err.text);
	if (kind->changes > 1000)
		print_message("import of %zu files: %lld ms\n", kind->changes,
			(long long)(clock_mono_ms() - start));
	assert_int_equal(err.kind, ERR_NONE);
	if (result.nchanges != kind->changes || result.changes[0].status != kind->status)
		print_error("%s: %zu changes, first %s %s\n", kind->name, result.nchanges,
			result.changes[0].path,
			repo_status_name(result.changes[0].status));
	assert_int_equal(result.nchanges, kind->changes);
	assert_int_equal(result.changes[0].status, kind->status);
	assert_false(result.no_change);
	if (kind->added >= 0)
		assert_int_equal(result.added, kind->added);
	if (kind->deleted >= 0)
		assert_int_equal(result.deleted, kind->deleted);
	struct repo_commit c = {
		.repo_id = WORLD_ID,
		.task = "t1",
		.base = base,
		.tree = tree,
		.author_name = "Test", /* as git_tool.c */
		.author_email = "test@example.com",
		.time_s = 1700000000,
		.message = kind->name,
	};
	struct repo_push push = {
		.remote = &w->remote,
		.branch = branch,
		.commit = commit,
		.expected = REPO_OID_ZERO,
	};
	assert_int_equal(repo_commit(w->repos, &c, commit, NULL, &err), 0);
	if (repo_push(w->repos, &push, &pushed, NULL, &err) < 0)
		print_error("%s: %s\n", kind->name, err.text);
	assert_int_equal(err.kind, ERR_NONE);
	CLEANUP(mem) char *there = listing(w->bare, commit);
	CLEANUP(mem) char *here = listing(w->box, tree);
	assert_string_equal(there, here);
	/* The content, not only the names: the box makes the same commit of its own objects. */
	CLEANUP(mem)
	char *own =
		git_run(w->box, "commit-tree", "-p", base, "-m", kind->name, tree, NULL);
	assert_string_equal(own, commit);
	CLEANUP(mem) char *a = sums(w->bare, commit);
	CLEANUP(mem) char *b = sums(w->box, own);
	assert_string_equal(a, b);
}

static void every_kind_arrives_bit_by_bit(void **state)
{
	struct world w;
	char base[REPO_OID_SIZE];

	(void)state;
	world_start(&w, NULL);
	fill_base(&w);
	world_commit(&w, "base", base);
	world_update(&w, NULL);
	world_box(&w, base);
	box = w.box;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		go_through(&w, &kinds[i], base);
	free(git_run(w.bare, "fsck", "--full", "--strict", NULL));
	CLEANUP(mem) char *mirror = mem_printf("%s/mirrors/%d.git", w.state, WORLD_ID);
	free(git_run(mirror, "fsck", "--full", "--strict", "--no-dangling", NULL));
	print_message("%zu kinds\n", ARRAY_LEN(kinds));
	world_stop(&w);
}

static void nothing_changed(void **state)
{
	struct world w;
	CLEANUP(repo_result) struct repo_result result = {0};
	CLEANUP(mem) char *pack = NULL;
	char tree[REPO_OID_SIZE];
	struct err err = {0};

	(void)state;
	world_start(&w, NULL);
	world_update(&w, NULL);
	world_box(&w, w.base);
	world_collect(&w, w.box, w.base, tree, &pack);
	assert_int_equal(repo_import(w.repos, WORLD_ID, w.base, pack, tree, NULL, &result,
				 NULL, &err),
		0);
	assert_true(result.no_change);
	assert_int_equal(result.nchanges, 0);
	world_stop(&w);
}

/* A revert to a former state brings no objects at all: the pack is empty. */
static void an_old_state_comes_back(void **state)
{
	struct world w;
	CLEANUP(repo_result) struct repo_result result = {0};
	CLEANUP(mem) char *pack = NULL;
	char tree[REPO_OID_SIZE], second[REPO_OID_SIZE];
	struct err err = {0};

	(void)state;
	world_start(&w, NULL);
	put_text(w.seed, "README.md", "changed\n");
	world_commit(&w, "second", second);
	world_update(&w, NULL);
	world_box(&w, second);
	put_text(w.box, "README.md", "# Demo\n\nHello.\n");
	world_collect(&w, w.box, second, tree, &pack);
	assert_int_equal(repo_import(w.repos, WORLD_ID, second, pack, tree, NULL, &result,
				 NULL, &err),
		0);
	assert_int_equal(result.nchanges, 1);
	assert_false(result.no_change);
	world_stop(&w);
}

static int run(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_arrives_bit_by_bit),
		cmocka_unit_test(nothing_changed),
		cmocka_unit_test(an_old_state_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

WORLD_MAIN(run)
