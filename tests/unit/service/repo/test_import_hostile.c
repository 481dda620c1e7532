/* SPDX-License-Identifier: MIT */
/* Hostile results: trees made by hand, broken packs, protected paths, limits. */
#include "tests/lib/repo_world.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/file.h"
#include "boxcore/base/limits.h"
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

#define OBJECTS_MAX 6000

/* A box that writes objects by hand and sends those that it likes. */
static struct {
	struct world w;
	char *repo;
	struct strbuf names; /* of all objects made for one attempt, a line each */
	char blob[REPO_OID_SIZE];
	char readme[REPO_OID_SIZE]; /* the base's */
} forger;

static void made(const char *oid)
{
	strbuf_addf(&forger.names, "%s\n", oid);
}

static void make_object(
	const char *type, const void *data, size_t len, char ret[REPO_OID_SIZE])
{
	const char *argv[] = {
		"hash-object", "-t", type, "-w", "--literally", "--stdin", NULL};
	struct git_io io = {.folder = forger.repo, .input = data, .input_len = len};
	char *out = NULL;
	size_t n;

	assert_int_equal(git_pipe(&io, argv, &out, &n), 0);
	out[40] = '\0';
	str_copy(ret, REPO_OID_SIZE, out);
	made(ret);
	free(out);
}

static void make_blob(const void *data, size_t len, char ret[REPO_OID_SIZE])
{
	make_object("blob", len ? data : "", len, ret);
}

struct ent {
	const char *mode;
	const char *name;
	size_t len; /* 0: strlen(name) */
	const char *oid;
};

static int canonical(const void *x, const void *y)
{
	const struct ent *a = x, *b = y;
	char left[512] = {0}, right[512] = {0};

	memcpy(left, a->name, a->len);
	memcpy(right, b->name, b->len);
	if (str_eq(a->mode, "40000"))
		left[a->len] = '/';
	if (str_eq(b->mode, "40000"))
		right[b->len] = '/';
	return memcmp(left, right, sizeof left);
}

static void make_tree_as_is(const struct ent *ents, size_t n, char ret[REPO_OID_SIZE])
{
	CLEANUP(strbuf) struct strbuf raw = STRBUF_INIT(64 * LIMIT_MIB);

	for (size_t i = 0; i < n; i++) {
		unsigned char oid[20];
		assert_true(str_unhex(ents[i].oid, 40, oid));
		strbuf_adds(&raw, ents[i].mode);
		strbuf_addc(&raw, ' ');
		strbuf_add(&raw, ents[i].name,
			ents[i].len ? ents[i].len : strlen(ents[i].name));
		strbuf_addc(&raw, '\0');
		strbuf_add(&raw, oid, 20);
	}
	make_object("tree", strbuf_str(&raw), raw.len, ret);
}

static void make_tree(const struct ent *ents, size_t n, char ret[REPO_OID_SIZE])
{
	struct ent *copy = mem_array(n + 1, sizeof *copy);

	memcpy(copy, ents, n * sizeof *ents);
	for (size_t i = 0; i < n; i++)
		copy[i].len = copy[i].len ? copy[i].len : strlen(copy[i].name);
	qsort(copy, n, sizeof *copy, canonical);
	make_tree_as_is(copy, n, ret);
	free(copy);
}

/* A pack of everything made since the last attempt. */
static char *make_pack(void)
{
	const char *argv[] = {"pack-objects", "-q", "--stdout", NULL};
	struct git_io io = {.folder = forger.repo,
		.input = strbuf_str(&forger.names),
		.input_len = forger.names.len};
	char *out = NULL, *path = mem_printf("%s/forged.pack", forger.w.dir);
	struct err err = {0};
	size_t n;

	assert_int_equal(git_pipe(&io, argv, &out, &n), 0);
	assert_int_equal(file_write(path, out, n, 0600, &err), 0);
	free(out);
	return path;
}

static int import(const char *tree, const struct repo_policy *policy, struct err *err)
{
	CLEANUP(repo_result) struct repo_result result = {0};
	CLEANUP(mem) char *pack = make_pack();

	*err = (struct err){0};
	int rc = repo_import(forger.w.repos, WORLD_ID, forger.w.base, pack, tree, policy,
		&result, NULL, err);
	strbuf_reset(&forger.names);
	return rc;
}

static int attempts;
static char forged_blob[REPO_OID_SIZE]; /* one of those that were refused */

static void refused(
	const char *label, const char *tree, enum err_kind kind, const char *words)
{
	/* The base's own workflow is not in these trees. */
	struct repo_policy policy = {
		.allow = (const char *[]){".github/workflows/ci.yml"}, .nallow = 1};
	struct err err;
	int rc = import(tree, &policy, &err);

	attempts++;
	if (rc == 0 || err.kind != kind || !strstr(err.text, words))
		print_error("%s: %s: %s\n", label,
			rc == 0 ? "accepted" : err_kind_name(err.kind), err.text);
	assert_int_equal(rc, -1);
	assert_int_equal(err.kind, kind);
	assert_non_null(strstr(err.text, words));
	assert_true(str_is_utf8(err.text, strlen(err.text)));
	for (const char *at = err.text; *at; at++)
		assert_true((unsigned char)*at >= 0x20);
}

static int start(void **state)
{
	(void)state;
	world_start(&forger.w, NULL);
	strbuf_init(&forger.names, 64 * LIMIT_MIB);
	/* The base has names that would be refused if they were new. */
	put_text(forger.w.seed, "odd/a\\b", "x\n");
	put_text(forger.w.seed, "odd/Clash", "x\n");
	put_text(forger.w.seed, "odd/clash", "y\n");
	put_link(forger.w.seed, "odd/out", "/etc/passwd");
	put_text(forger.w.seed, ".github/workflows/ci.yml", "on: push\n");
	world_commit(&forger.w, "odd", forger.w.base);
	world_update(&forger.w, NULL);
	forger.repo = mem_printf("%s/forger", forger.w.dir);
	free(git_run(NULL, "init", "-q", forger.repo, NULL));
	CLEANUP(mem) char *spec = mem_printf("%s:README.md", forger.w.base);
	CLEANUP(mem) char *oid = git_run(forger.w.seed, "rev-parse", spec, NULL);
	str_copy(forger.readme, sizeof forger.readme, oid);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	world_stop(&forger.w);
	strbuf_release(&forger.names);
	free(forger.repo);
	return 0;
}

/* ---- names ---- */

static void hostile_names(void **state)
{
	static const struct {
		const char *name;
		const char *words;
	} table[] = {
		{".git", "spelling of .git"},
		{".GIT", "spelling of .git"},
		{".Git", "spelling of .git"},
		{".git ", "spelling of .git"},
		{".git.", "spelling of .git"},
		{".git . .", "spelling of .git"},
		{".git::$INDEX_ALLOCATION", "spelling of .git"},
		{".git:config", "spelling of .git"},
		{"git~1", "spelling of .git"},
		{"GIT~1", "spelling of .git"},
		{"git~2", "spelling of .git"},
		{".g\u200cit", "spelling of .git"},
		{".gi\u200dt", "spelling of .git"},
		{"\ufeff.git", "spelling of .git"},
		{".git\u200e", "spelling of .git"},
		{".gitmodules ", "spelling of .gitmodules"},
		{".gitmodules:x", "spelling of .gitmodules"},
		{"GITMOD~1", "spelling of .gitmodules"},
		{"gi7eba~1", "spelling of .gitmodules"},
		{"..", "dot name"},
		{".", "dot name"},
		{"a\\b", "backslash"},
		{"a\\.git\\config", "backslash"},
		{"..\\..\\x", "backslash"},
		{"C:\\x", "backslash"},
		{"a\nb", "control character"},
		{"a\rb", "control character"},
		{"a\tb", "control character"},
		{"\x1b[31mred", "control character"},
		{"a\x7f", "control character"},
		{"a\xc2\x85", "control character"},
		{"\xff", "UTF-8"},
		{"\xc0\xaf", "UTF-8"},
		{"\xed\xa0\x80", "UTF-8"},
		{"\xf4\x90\x80\x80", "UTF-8"},
		{"cut\xe2\x82", "UTF-8"},
		{"dot.", "ends in a dot"},
		{"...", "ends in a dot"},
		{"space ", "ends in a space"},
		{"a\u202etxt.exe", "invisible"},
		{"a\u2066b", "invisible"},
		{"a\u200bb", "invisible"},
		{"a\u00adb", "invisible"},
		{"a\U000e0041b", "invisible"},
		{"a/b", "slash"},
		{"/abs", "slash"},
		{"../x", "slash"},
		{"a/../../x", "slash"},
	};
	char blob[REPO_OID_SIZE], tree[REPO_OID_SIZE], top[REPO_OID_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		make_blob("x\n", 2, blob);
		struct ent ents[] = {{"100644", "README.md", 0, forger.readme},
			{"100644", table[i].name, 0, blob}};
		make_tree(ents, 2, tree);
		refused(table[i].name, tree, ERR_INPUT, table[i].words);
		/* The same in a folder, and as a folder; the error names the way. */
		make_blob("x\n", 2, blob);
		make_tree(&ents[1], 1, tree);
		struct ent sub = {"40000", "sub", 0, tree};
		make_tree(&sub, 1, top);
		refused(table[i].name, top, ERR_INPUT, "\"sub/");
	}
	char name[300];
	memset(name, 'n', sizeof name);
	make_blob("x\n", 2, blob);
	struct ent longer = {"100644", name, 256, blob};
	make_tree(&longer, 1, tree);
	refused("256 bytes", tree, ERR_INPUT, "longer than 255 bytes");
}

static void clashing_names(void **state)
{
	static const char *const pairs[][2] = {
		{"F", "f"},
		{"README.md", "readme.md"},
		{"caf\u00e9", "cafe\u0301"},
		{"\u00c9", "e\u0301"},
		{"\u017f", "s"},
		{"\u212a", "k"},
		{"stra\u00dfe", "STRASSE"},
		{"\ufb01x", "fix"},
		{"\u03a3", "\u03c2"},
		{"\u1100\u1161", "\uac00"},
		{"a\u0323\u0307", "a\u0307\u0323"},
		{"\u0410", "\u0430"},
	};
	char blob[REPO_OID_SIZE], tree[REPO_OID_SIZE], sub[REPO_OID_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		make_blob("x\n", 2, blob);
		struct ent ents[] = {{"100644", pairs[i][0], 0, blob},
			{"100644", pairs[i][1], 0, blob}};
		make_tree(ents, 2, tree);
		refused(pairs[i][0], tree, ERR_INPUT, "is the same file as");
	}
	make_blob("x\n", 2, blob);
	struct ent file = {"100644", "x", 0, blob};
	make_tree(&file, 1, sub);
	struct ent ents[] = {{"40000", "Src", 0, sub}, {"100644", "src", 0, blob}};
	make_tree(ents, 2, tree);
	refused("folder and file", tree, ERR_INPUT, "is the same file as");
}

/* ---- modes and structure ---- */

static void hostile_modes(void **state)
{
	static const char *const modes[] = {"100664", "100600", "100777", "0100644",
		"100000", "120777", "40755", "040000", "140000", "60000", "1", "0",
		"7777777", "", "abc", "10064x", "-1", " 100644", "+100644"};
	char blob[REPO_OID_SIZE], tree[REPO_OID_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		make_blob("x\n", 2, blob);
		struct ent ent = {modes[i], "victim", 0, blob};
		make_tree_as_is(&ent, 1, tree);
		refused(modes[i], tree, ERR_INPUT, "entry 1 of a tree");
	}
	make_blob("x\n", 2, blob);
	struct ent submodule = {"160000", "module", 0, blob};
	make_tree(&submodule, 1, tree);
	refused("submodule", tree, ERR_INPUT, "\"module\" is a submodule");
}

static void hostile_structure(void **state)
{
	char blob[REPO_OID_SIZE], tree[REPO_OID_SIZE], sub[REPO_OID_SIZE],
		commit[REPO_OID_SIZE];
	const char *nowhere = "1111111111111111111111111111111111111111";

	(void)state;
	make_blob("x\n", 2, blob);
	struct ent unsorted[] = {{"100644", "b", 0, blob}, {"100644", "a", 0, blob}};
	make_tree_as_is(unsorted, 2, tree);
	refused("unsorted", tree, ERR_INPUT, "out of order");
	make_blob("x\n", 2, blob);
	struct ent twice[] = {{"100644", "a", 0, blob}, {"100644", "a", 0, blob}};
	make_tree_as_is(twice, 2, tree);
	refused("twice", tree, ERR_INPUT, "out of order");
	make_blob("x\n", 2, blob);
	struct ent inner = {"100644", "x", 0, blob};
	make_tree(&inner, 1, sub);
	struct ent both[] = {{"100644", "a", 0, blob}, {"100644", "a.b", 0, blob},
		{"40000", "a", 0, sub}};
	make_tree_as_is(both, 3, tree);
	refused("file and folder", tree, ERR_INPUT, "stands twice");
	make_blob("x\n", 2, blob);
	make_tree(&inner, 1, sub);
	struct ent folder_first[] = {{"40000", "a", 0, sub}, {"100644", "a.b", 0, blob}};
	make_tree_as_is(folder_first, 2, tree);
	refused("folder sorted as a file", tree, ERR_INPUT, "out of order");
	struct ent missing = {"100644", "ghost", 0, nowhere};
	make_tree(&missing, 1, tree);
	refused("missing blob", tree, ERR_INPUT, "ghost");
	struct ent missing_tree = {"40000", "ghost", 0, nowhere};
	make_tree(&missing_tree, 1, tree);
	refused("missing tree", tree, ERR_INPUT, "ghost");
	make_blob("x\n", 2, blob);
	struct ent blob_as_tree = {"40000", "liar", 0, blob};
	make_tree(&blob_as_tree, 1, tree);
	refused("blob as folder", tree, ERR_INPUT, "liar");
	make_tree(&inner, 1, sub);
	make_blob("x\n", 2, blob);
	struct ent tree_as_blob = {"100644", "liar", 0, sub};
	make_tree(&tree_as_blob, 1, tree);
	refused("folder as file", tree, ERR_INPUT, "liar");
	make_object("commit", "tree x\n", 7, commit);
	struct ent commit_as_blob = {"100644", "liar", 0, commit};
	make_tree(&commit_as_blob, 1, tree);
	refused("commit as file", tree, ERR_INPUT, "liar");
	make_tree_as_is(NULL, 0, sub);
	struct ent empty = {"40000", "void", 0, sub};
	make_tree(&empty, 1, tree);
	refused("empty folder", tree, ERR_INPUT, "void");
	make_object("tree", "100644 cut\0abc", 14, tree);
	refused("cut", tree, ERR_INPUT, "cut");
	make_object("tree", "100644 no end", 13, tree);
	refused("no end", tree, ERR_INPUT, "without end");
	make_object("tree",
		"100644 \0"
		"12345678901234567890",
		28, tree);
	refused("empty name", tree, ERR_INPUT, "empty name");
	make_blob("x\n", 2, blob);
	refused("a blob as the result", blob, ERR_INPUT, "not a tree");
	make_blob("x\n", 2, blob);
	refused("nothing as the result", nowhere, ERR_INPUT, "missing");
	refused("no object name", "xyz", ERR_INPUT, "not the name of a git object");
}

/* ---- links ---- */

static void hostile_links(void **state)
{
	static const struct {
		const char *target;
		size_t len;
		const char *words;
	} table[] = {
		{"/etc/passwd", 0, "absolute"},
		{"/", 0, "absolute"},
		{"//x", 0, "absolute"},
		{"..", 0, "out of the tree"},
		{"../x", 0, "out of the tree"},
		{"./../x", 0, "out of the tree"},
		{"../../../../etc/passwd", 0, "out of the tree"},
		{"a/../../x", 0, "behind a name"},
		{"a/../x", 0, "behind a name"},
		{".git/config", 0, "refused"},
		{"a/.GIT/config", 0, "refused"},
		{".g\u200cit/hooks", 0, "refused"},
		{"a\\b", 0, "refused"},
		{"a\nb", 0, "refused"},
		{"a\xff", 0, "refused"},
		{"a\0b", 3, "NUL"},
		{"", 0, "nowhere"},
	};
	static const char *const files[] = {
		".gitmodules", ".gitattributes", ".gitignore", ".GitIgnore", ".mailmap"};
	char blob[REPO_OID_SIZE], tree[REPO_OID_SIZE], top[REPO_OID_SIZE];
	char endless[5000];
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		make_blob(table[i].target,
			table[i].len ? table[i].len : strlen(table[i].target), blob);
		struct ent ent = {"120000", "link", 0, blob};
		if (str_eq(table[i].target, "../x"))
			str_copy(forged_blob, sizeof forged_blob, blob);
		make_tree(&ent, 1, tree);
		refused(table[i].target, tree, ERR_INPUT, table[i].words);
	}
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		make_blob("x", 1, blob);
		struct ent ent = {"120000", files[i], 0, blob};
		make_tree(&ent, 1, tree);
		refused(files[i], tree, ERR_INPUT, "may not be a symlink");
	}
	memset(endless, 'e', sizeof endless);
	make_blob(endless, sizeof endless, blob);
	struct ent ent = {"120000", "link", 0, blob};
	make_tree(&ent, 1, tree);
	refused("endless", tree, ERR_LIMIT, "link");
	/* One folder down, one step up is inside and two are not. */
	make_blob("../README.md", 12, blob);
	make_tree(&ent, 1, tree);
	struct ent sub = {"40000", "sub", 0, tree};
	make_tree(&sub, 1, top);
	struct repo_policy all = {.allow = (const char *[]){"**"}, .nallow = 1};
	assert_int_equal(import(top, &all, &err), 0);
	make_blob("../../README.md", 15, blob);
	make_tree(&ent, 1, tree);
	make_tree(&sub, 1, top);
	attempts++;
	assert_int_equal(import(top, &all, &err), -1);
	assert_non_null(strstr(err.text, "\"sub/link\" points out of the tree"));
}

/* ---- what the base had may stay ---- */

static void old_sins_of_the_base_may_stay(void **state)
{
	struct world *w = &forger.w;
	CLEANUP(repo_result) struct repo_result result = {0};
	CLEANUP(mem) char *pack = NULL;
	char tree[REPO_OID_SIZE];
	struct err err = {0};

	(void)state;
	world_box(w, w->base);
	put_text(w->box, "odd/new.txt", "new beside odd names\n");
	put_text(w->box, "odd/clash", "changed\n");
	world_collect(w, w->box, w->base, tree, &pack);
	if (repo_import(w->repos, WORLD_ID, w->base, pack, tree, NULL, &result, NULL,
		    &err) < 0)
		print_error("%s\n", err.text);
	assert_int_equal(err.kind, ERR_NONE);
	assert_int_equal(result.nchanges, 2);
	/* But a changed entry is judged anew. */
	free(pack);
	put_text(w->box, "odd/a\\b", "changed\n");
	world_collect(w, w->box, w->base, tree, &pack);
	assert_int_equal(repo_import(w->repos, WORLD_ID, w->base, pack, tree, NULL,
				 &result, NULL, &err),
		-1);
	assert_non_null(strstr(err.text, "odd/a\\b"));
}

/* ---- protected paths ---- */

static void protected_paths(void **state)
{
	static const char *const paths[] = {".github/workflows/x.yml",
		".GitHub/Workflows/x.yml", ".github/workflows/sub/x.yml",
		".github/workflows", ".github/actions/a/action.yml", "action.yml",
		"deep/er/action.yaml", "ACTION.YML", ".github/dependabot.yml",
		"CODEOWNERS", "codeowners", ".github/CODEOWNERS", "docs/CODEOWNERS",
		".github/boxwright.yml", ".gitmodules", "sub/.gitmodules",
		".gitlab-ci.yml", "Jenkinsfile", "ci/Jenkinsfile", ".circleci/config.yml",
		".pre-commit-config.yaml", ".husky/pre-commit", ".vscode/tasks.json",
		".devcontainer/devcontainer.json", ".devcontainer.json", ".envrc",
		"AGENTS.md", "pkg/AGENTS.md", "CLAUDE.md", "a/b/c/claude.md", "GEMINI.md",
		".github/copilot-instructions.md", ".claude/settings.json",
		".codex/config.toml", ".cursor/rules/x", ".mcp.json",
		".buildkite/pipeline.yml", "azure-pipelines.yml",
		"bitbucket-pipelines.yml", ".travis.yml"};
	char blob[REPO_OID_SIZE], oid[REPO_OID_SIZE];
	size_t seen = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		CLEANUP(mem) char *path = mem_strdup(paths[i]);
		const char *mode = "100644";
		char *slash;
		make_blob("x\n", 2, blob);
		str_copy(oid, sizeof oid, blob);
		while ((slash = strrchr(path, '/')) != NULL) {
			struct ent ent = {mode, slash + 1, 0, oid};
			char tree[REPO_OID_SIZE];
			make_tree(&ent, 1, tree);
			str_copy(oid, sizeof oid, tree);
			mode = "40000";
			*slash = '\0';
		}
		struct ent ents[] = {
			{mode, path, 0, oid}, {"100644", "README.md", 0, forger.readme}};
		char top[REPO_OID_SIZE];
		make_tree(ents, 2, top);
		seen++;
		refused(paths[i], top, ERR_DENIED, paths[i]);
	}
	assert_in_range(seen, 40, 100);
}

static void policy_in_a_real_box(void **state)
{
	static const struct {
		const char *path;
		const char *words; /* NULL: allowed */
	} table[] = {
		{".github/workflows/new.yml", ".github/workflows/new.yml"},
		{".github/workflows/ci.yml", ".github/workflows/ci.yml"},
		{".github/ISSUE_TEMPLATE.md", NULL},
		{"secret/plan.txt", "secret/plan.txt"},
		{"AGENTS.md", NULL}, /* allowed below */
		{"src/AGENTS.md", "src/AGENTS.md"},
		{"workflows/x.yml", NULL},
	};
	struct world *w = &forger.w;
	struct repo_policy policy = {
		.protect = (const char *[]){"secret/"},
		.nprotect = 1,
		.allow = (const char *[]){"/AGENTS.md"},
		.nallow = 1,
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		CLEANUP(repo_result) struct repo_result result = {0};
		CLEANUP(mem) char *pack = NULL;
		char tree[REPO_OID_SIZE];
		free(git_run(w->box, "reset", "-q", "--hard", NULL));
		free(git_run(w->box, "clean", "-q", "-ffdx", NULL));
		put_text(w->box, table[i].path, "x\n");
		world_collect(w, w->box, w->base, tree, &pack);
		err = (struct err){0};
		int rc = repo_import(w->repos, WORLD_ID, w->base, pack, tree, &policy,
			&result, NULL, &err);
		if ((rc == 0) != (table[i].words == NULL))
			print_error("%s: %s\n", table[i].path, err.text);
		assert_int_equal(rc, table[i].words ? -1 : 0);
		assert_int_equal(err.kind, table[i].words ? ERR_DENIED : ERR_NONE);
		if (table[i].words)
			assert_non_null(strstr(err.text, table[i].words));
	}
	/* Deleting and renaming a protected file, too. */
	for (int i = 0; i < 2; i++) {
		CLEANUP(repo_result) struct repo_result result = {0};
		CLEANUP(mem) char *pack = NULL;
		char tree[REPO_OID_SIZE];
		free(git_run(w->box, "reset", "-q", "--hard", NULL));
		if (i == 0)
			free(git_run(
				w->box, "rm", "-q", ".github/workflows/ci.yml", NULL));
		else
			free(git_run(w->box, "mv", ".github/workflows/ci.yml", "ci.yml",
				NULL));
		world_collect(w, w->box, w->base, tree, &pack);
		assert_int_equal(repo_import(w->repos, WORLD_ID, w->base, pack, tree,
					 &policy, &result, NULL, &err),
			-1);
		assert_int_equal(err.kind, ERR_DENIED);
	}
	const char *bad[] = {"", "a\nb"};
	for (size_t i = 0; i < 2; i++) {
		struct repo_result result = {0};
		struct repo_policy wrong = {.protect = &bad[i], .nprotect = 1};
		assert_int_equal(repo_import(w->repos, WORLD_ID, w->base, "/none",
					 w->base, &wrong, &result, NULL, &err),
			-1);
		assert_int_equal(err.kind, ERR_INPUT);
	}
}

static void a_clone_inside_the_work_tree_is_named(void **state)
{
	struct world *w = &forger.w;
	CLEANUP(repo_result) struct repo_result result = {0};
	CLEANUP(mem) char *pack = NULL;
	CLEANUP(mem) char *inner = mem_printf("%s/vendor/lib", w->box);
	char tree[REPO_OID_SIZE];
	struct err err = {0};

	(void)state;
	free(git_run(w->box, "reset", "-q", "--hard", NULL));
	free(git_run(w->box, "clean", "-q", "-ffdx", NULL));
	free(git_run(NULL, "clone", "-q", w->bare, inner, NULL));
	world_collect(w, w->box, w->base, tree, &pack);
	assert_int_equal(repo_import(w->repos, WORLD_ID, w->base, pack, tree, NULL,
				 &result, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, "\"vendor/lib\" is a submodule"));
	free(git_run(w->box, "clean", "-q", "-ffdx", NULL));
}

/* ---- limits ---- */

static void limits(void **state)
{
	struct ent *many = mem_array(OBJECTS_MAX, sizeof *many);
	char blob[REPO_OID_SIZE], tree[REPO_OID_SIZE];

	(void)state;
	make_blob("x\n", 2, blob);
	for (size_t i = 0; i < OBJECTS_MAX; i++)
		many[i] = (struct ent){"100644", mem_printf("f%05zu", i), 0, blob};
	make_tree(many, 5001, tree);
	refused("5,001 files", tree, ERR_LIMIT, "5000 files");
	for (size_t i = 0; i < OBJECTS_MAX; i++)
		free((void *)(uintptr_t)many[i].name);
	free(many);

	make_blob("x\n", 2, blob);
	struct ent leaf = {"100644", "x", 0, blob};
	make_tree(&leaf, 1, tree);
	for (int i = 0; i < 101; i++) {
		struct ent ent = {"40000", "d", 0, tree};
		char up[REPO_OID_SIZE];
		make_tree(&ent, 1, up);
		str_copy(tree, sizeof tree, up);
	}
	refused("101 folders", tree, ERR_LIMIT, "100 folders deep");

	/* 10 to the power of 10 files out of eleven objects. */
	make_blob("x\n", 2, blob);
	struct ent bomb[10];
	char names[10][2] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
	for (size_t i = 0; i < 10; i++)
		bomb[i] = (struct ent){"100644", names[i], 0, blob};
	make_tree(bomb, 10, tree);
	for (int level = 0; level < 9; level++) {
		char up[REPO_OID_SIZE];
		for (size_t i = 0; i < 10; i++)
			bomb[i] = (struct ent){"40000", names[i], 0, tree};
		make_tree(bomb, 10, up);
		str_copy(tree, sizeof tree, up);
	}
	refused("tree bomb", tree, ERR_LIMIT, "5000 files");

	char *zeros = mem_zalloc(LIMIT_RESULT_BLOB + 1);
	make_blob(zeros, LIMIT_RESULT_BLOB + 1, blob);
	struct ent big = {"100644", "big.bin", 0, blob};
	make_tree(&big, 1, tree);
	refused("50 MiB and one", tree, ERR_LIMIT, "\"big.bin\" is larger than 50 MiB");
	free(zeros);
	/* A small delta that becomes twice that size. */
	size_t large = 2 * LIMIT_RESULT_BLOB + 4096;
	zeros = mem_zalloc(large);
	make_blob(zeros, large - 1, blob);
	zeros[7] = 'x';
	make_blob(zeros, large, blob);
	make_tree(&big, 1, tree);
	refused("a delta of 100 MiB", tree, ERR_LIMIT,
		"\"big.bin\" is larger than 50 MiB");
	free(zeros);
}

/* ---- packs ---- */

static int import_bytes(const void *data, size_t len, const char *tree, struct err *err)
{
	CLEANUP(repo_result) struct repo_result result = {0};
	CLEANUP(mem) char *path = mem_printf("%s/bytes.pack", forger.w.dir);

	*err = (struct err){0};
	assert_int_equal(file_write(path, data, len, 0600, err), 0);
	return repo_import(forger.w.repos, WORLD_ID, forger.w.base, path, tree, NULL,
		&result, NULL, err);
}

static void broken_packs(void **state)
{
	struct world *w = &forger.w;
	CLEANUP(mem) char *path = NULL;
	CLEANUP(strbuf) struct strbuf good = STRBUF_INIT(LIMIT_MIB);
	char tree[REPO_OID_SIZE];
	struct err err = {0};
	int refusals = 0;

	(void)state;
	free(git_run(w->box, "reset", "-q", "--hard", NULL));
	put_text(w->box, "README.md",
		"# Demo\n\nSomething else, so that there is a delta.\n");
	put_text(w->box, "src/main.c", "int main(void)\n{\n\treturn 42;\n}\n");
	put_text(w->box, "other.txt", "other\n");
	world_collect(w, w->box, w->base, tree, &path);
	assert_int_equal(file_read(&good, path, &err), 0);
	CLEANUP(mem) unsigned char *bytes = mem_dup(good.data, good.len + 64);
	/* Cut at many places. */
	for (size_t len = 0; len < good.len; len += 1 + good.len / 25) {
		assert_int_equal(import_bytes(good.data, len, tree, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
		refusals++;
	}
	/* One bit at many places. */
	for (size_t at = 0; at < good.len; at += 1 + good.len / 40) {
		bytes[at] ^= (unsigned char)(1 << (at % 8));
		int rc = import_bytes(bytes, good.len, tree, &err);
		if (rc == 0 || (err.kind != ERR_INPUT && err.kind != ERR_LIMIT))
			print_error("bit at %zu: %d %s\n", at, rc, err.text);
		assert_int_equal(rc, -1);
		assert_true(err.kind == ERR_INPUT || err.kind == ERR_LIMIT);
		bytes[at] ^= (unsigned char)(1 << (at % 8));
		refusals++;
	}
	/* Noise behind a right head, a count that lies, other files. */
	for (int i = 0; i < 10; i++) {
		crypto_random(bytes + 12, good.len - 12);
		assert_int_equal(import_bytes(bytes, good.len, tree, &err), -1);
		refusals++;
	}
	assert_int_equal(
		import_bytes("PACK\0\0\0\2\xff\xff\xff\xff", 12, tree, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_int_equal(import_bytes("PACK\0\0\0\3\0\0\0\1", 12, tree, &err), -1);
	assert_int_equal(import_bytes("#!/bin/sh\nid\n", 13, tree, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	/* And the good one is still good. */
	assert_int_equal(import_bytes(good.data, good.len, tree, &err), 0);
	print_message("%d broken packs refused\n", refusals + 3);
}

static void what_is_no_file(void **state)
{
	static const char *const paths[] = {
		"/dev/zero", "/tmp", "/none", "/proc/self/fd/0"};
	struct repo_result result = {0};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		err = (struct err){0};
		assert_int_equal(
			repo_import(forger.w.repos, WORLD_ID, forger.w.base, paths[i],
				"1111111111111111111111111111111111111111", NULL, &result,
				NULL, &err),
			-1);
	}
}

static void a_huge_sparse_pack(void **state)
{
	CLEANUP(mem) char *path = mem_printf("%s/huge.pack", forger.w.dir);
	struct repo_result result = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(file_write(path, "PACK", 4, 0600, &err), 0);
	assert_int_equal(truncate(path, 3LL << 30), 0);
	assert_int_equal(repo_import(forger.w.repos, WORLD_ID, forger.w.base, path,
				 "1111111111111111111111111111111111111111", NULL,
				 &result, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_LIMIT);
}

static void nothing_of_it_is_in_the_mirror(void **state)
{
	CLEANUP(mem)
	char *mirror = mem_printf("%s/mirrors/%d.git", forger.w.state, WORLD_ID);
	CLEANUP(mem) char *tmp = mem_printf("%s/git-tmp", forger.w.state);
	char *out = NULL;

	(void)state;
	free(git_run(mirror, "fsck", "--full", "--no-dangling", NULL));
	int status = git_try(mirror, &out, "cat-file", "-e",
		"84b8fb0e3e9e5bd8e0a5bbc8d33ae7f0c2a8be58", NULL);
	free(out);
	assert_int_not_equal(status, 0);
	assert_int_equal(rmdir(tmp), 0); /* empty: every throw-away store is gone */
	mkdir(tmp, 0700);
	print_message("%d hostile results refused by name\n", attempts);
	assert_in_range(attempts, 60, 1000);
}

static int run(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_names),
		cmocka_unit_test(clashing_names),
		cmocka_unit_test(hostile_modes),
		cmocka_unit_test(hostile_structure),
		cmocka_unit_test(hostile_links),
		cmocka_unit_test(old_sins_of_the_base_may_stay),
		cmocka_unit_test(protected_paths),
		cmocka_unit_test(policy_in_a_real_box),
		cmocka_unit_test(a_clone_inside_the_work_tree_is_named),
		cmocka_unit_test(limits),
		cmocka_unit_test(broken_packs),
		cmocka_unit_test(what_is_no_file),
		cmocka_unit_test(a_huge_sparse_pack),
		cmocka_unit_test(nothing_of_it_is_in_the_mirror),
	};

	return cmocka_run_group_tests(tests, start, stop);
}

WORLD_MAIN(run)
