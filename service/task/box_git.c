/* SPDX-License-Identifier: MIT */
/* Git inside a box: argv after argv, packs on standard input and output. */
#include "service/task/box_git.h"

#include "boxcore/base/file.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { ARGV_MAX = 40 };

/* The agent's configuration is not obeyed; neither are hooks, filters of the system, nor
 * anything that would wait for a person. */
static const char *const settings[] = {"core.hooksPath=/dev/null", "core.fsmonitor=false",
	"core.fileMode=true", "core.symlinks=true", "core.sparseCheckout=false",
	"core.excludesFile=/dev/null", "core.autocrlf=false", "core.safecrlf=false",
	"gc.auto=0", "advice.addEmbeddedRepo=false"};

#define INDEX_FILE "/tmp/boxwright-index"

/* A file of the host as memory, so that a large pack needs no copy. */
struct mapping {
	void *data;
	size_t len;
};

static void mapping_release(struct mapping *m)
{
	if (m->data)
		munmap(m->data, m->len);
	*m = (struct mapping){0};
}
DEFINE_CLEANUP(mapping, struct mapping, mapping_release(value))

static int mapping_open(struct mapping *ret, const char *path, struct err *err)
{
	CLEANUP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, errno, "open %s", path);
	if (st.st_size == 0)
		return 0;
	ret->data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (ret->data == MAP_FAILED) {
		ret->data = NULL;
		return err_errno(err, errno, "map %s", path);
	}
	ret->len = (size_t)st.st_size;
	return 0;
}

/* Runs one git command to its end; a status other than 0 is an error with git's words. */
static int git_run(const struct box_git *git, const char *const *args,
	const char *const *env, const void *input, size_t input_len, struct strbuf *out,
	struct cancel *cancel, struct err *err)
{
	const char *argv[ARGV_MAX + 1];
	CLEANUP(run_result)
	struct run_result result = {
		.out = STRBUF_INIT(out ? out->max : LIMIT_GIT_TALK),
		.err_out = STRBUF_INIT(LIMIT_GIT_TALK),
	};
	size_t n = 0;

	argv[n++] = "git";
	for (; *args && n < ARGV_MAX; args++)
		argv[n++] = *args;
	argv[n] = NULL;
	struct run_spec spec = {
		.argv = argv, .env = env, .cwd = "/", .stdin_open = input != NULL};
	if (run_capture(git->core, git->box, &spec, input, input_len, &result, cancel,
		    err) < 0)
		return err_wrap(err, "git in the box");
	if (result.exit_code != 0)
		return err_set(err, ERR_INPUT, "git in the box ended with %d: %.300s",
			result.exit_code, strbuf_str(&result.err_out));
	if (out)
		strbuf_add(out, strbuf_str(&result.out), result.out.len);
	return 0;
}

#define GIT(...) ((const char *const[]){__VA_ARGS__, NULL})

/* `git -c ... -c ... WORD...`, as the beginning of an argv. */
static void collect_argv(const char **argv, const char *const *words)
{
	size_t n = 0;

	argv[n++] = "git";
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		argv[n++] = "-c";
		argv[n++] = settings[i];
	}
	for (; *words && n < ARGV_MAX; words++)
		argv[n++] = *words;
	argv[n] = NULL;
}

/* Objects in, branch to the commit, work tree to the branch. */
static int git_load(const struct box_git *git, const char *ref, const char *commit,
	const char *pack_file, const struct repo_pack *pack, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(mapping) struct mapping map = {0};

	if (pack->objects > 0) {
		if (mapping_open(&map, pack_file, err) < 0)
			return -1;
		if (git_run(git,
			    GIT("-C", git->dir, "index-pack", "--stdin", "--fix-thin"),
			    NULL, map.data, map.len, NULL, cancel, err) < 0)
			return -1;
	}
	if (git_run(git, GIT("-C", git->dir, "update-ref", ref, commit), NULL, NULL, 0,
		    NULL, cancel, err) < 0)
		return -1;
	return git_run(git, GIT("-C", git->dir, "reset", "-q", "--hard"), NULL, NULL, 0,
		NULL, cancel, err);
}

int box_git_create(const struct box_git *git, const char *branch, const char *commit,
	const char *pack_file, const struct repo_pack *pack, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(mem) char *ref = mem_printf("refs/heads/%s", branch);

	if (git_run(git, GIT("init", "-q", git->dir), NULL, NULL, 0, NULL, cancel, err) <
			0 ||
		git_run(git, GIT("-C", git->dir, "symbolic-ref", "HEAD", ref), NULL, NULL,
			0, NULL, cancel, err) < 0)
		return -1;
	if (pack->shallow && *pack->shallow) {
		CLEANUP(mem) char *path = mem_printf("%s/.git/shallow", git->dir);
		if (box_file_put(git->core, git->box, path, 0644, pack->shallow,
			    strlen(pack->shallow), cancel, err) < 0)
			return -1;
	}
	return git_load(git, ref, commit, pack_file, pack, cancel, err);
}

int box_git_update(const struct box_git *git, const char *branch, const char *commit,
	const char *pack_file, const struct repo_pack *pack, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(mem) char *ref = mem_printf("refs/heads/%s", branch);

	if (git_run(git, GIT("-C", git->dir, "symbolic-ref", "HEAD", ref), NULL, NULL, 0,
		    NULL, cancel, err) < 0)
		return -1;
	return git_load(git, ref, commit, pack_file, pack, cancel, err);
}

/* Of a killed git, and of what somebody had begun: nobody is at work in the box now. */
static const char *const leftovers[] = {"index.lock", "HEAD.lock", "config.lock",
	"shallow.lock", "MERGE_HEAD", "MERGE_MSG", "CHERRY_PICK_HEAD", "REVERT_HEAD",
	"rebase-merge", "rebase-apply", "sequencer", "hooks", "info/attributes",
	"info/sparse-checkout"};

int box_git_renew(const struct box_git *git, const char *branch, const char *commit,
	const char *pack_file, const struct repo_pack *pack, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(mem) char *lock = mem_printf("refs/heads/%s.lock", branch);
	const char *const words[] = {"-C", git->dir, "clean", "-ffdq", NULL};
	const char *argv[ARGV_MAX + 1];

	for (size_t i = 0; i <= ARRAY_LEN(leftovers); i++) {
		CLEANUP(mem)
		char *path = mem_printf("%s/.git/%s", git->dir,
			i < ARRAY_LEN(leftovers) ? leftovers[i] : lock);
		struct err missing = {0};

		box_file_remove(git->core, git->box, path, true, cancel, &missing);
	}
	if (box_git_update(git, branch, commit, pack_file, pack, cancel, err) < 0)
		return -1;
	collect_argv(argv, words);
	return git_run(git, argv + 1, NULL, NULL, 0, NULL, cancel, err);
}

/* ---- out ---- */

/* Standard output of a command into a file of the host, at most LIMIT_RESULT_PACK. */
static int git_to_file(const struct box_git *git, const char *const *argv,
	const char *const *env, const char *input, const char *file,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(run) struct run *run = NULL;
	CLEANUP(strbuf) struct strbuf talk = STRBUF_INIT(LIMIT_GIT_TALK);
	CLEANUP(fd)
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	size_t total = 0;
	struct run_spec spec = {.argv = argv, .env = env, .cwd = "/", .stdin_open = true};

	if (fd < 0)
		return err_errno(err, errno, "create %s", file);
	if (run_start(git->core, git->box, &spec, &run, cancel, err) < 0 ||
		run_write(run, input, strlen(input), cancel, err) < 0 ||
		run_close_stdin(run, cancel, err) < 0)
		return -1;
	for (;;) {
		struct run_event event;

		if (run_read(run, &event, cancel, err) < 0)
			return -1;
		if (event.kind == RUN_EXIT && event.exit_code != 0)
			return err_set(err, ERR_INPUT,
				"git pack-objects in the box ended with %d: %.300s",
				event.exit_code, strbuf_str(&talk));
		if (event.kind == RUN_EXIT)
			return 0;
		if (event.kind == RUN_STDERR) {
			if (talk.len + event.len <= talk.max)
				strbuf_add(&talk, event.data, event.len);
			continue;
		}
		total += event.len;
		if (total > LIMIT_RESULT_PACK)
			return err_set(err, ERR_LIMIT,
				"the change is larger than the limit of %lu MiB",
				LIMIT_RESULT_PACK / LIMIT_MIB);
		if (file_write_all(fd, event.data, event.len, err) < 0)
			return err_wrap(err, "%s", file);
	}
}

int box_git_collect(const struct box_git *git, const char *base, const char *pack_file,
	char ret_tree[REPO_OID_SIZE], struct cancel *cancel, struct err *err)
{
	const char *argv[ARGV_MAX + 1];
	CLEANUP(mem) char *git_dir = mem_printf("GIT_DIR=%s/.git", git->dir);
	CLEANUP(mem) char *work_tree = mem_printf("GIT_WORK_TREE=%s", git->dir);
	const char *const env[] = {git_dir, work_tree, "GIT_INDEX_FILE=" INDEX_FILE,
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_ATTR_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_NO_REPLACE_OBJECTS=1", "LC_ALL=C", NULL};
	CLEANUP(strbuf) struct strbuf tree = STRBUF_INIT(LIMIT_GIT_TALK);
	struct err missing = {0};
	const char *const steps[][6] = {
		{"-C", git->dir, "read-tree", base},
		{"-C", git->dir, "add", "-A", "--", "."},
		{"-C", git->dir, "write-tree"},
	};

	box_file_remove(git->core, git->box, INDEX_FILE, false, cancel, &missing);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		const char *words[7] = {0};
		memcpy(words, steps[i], sizeof steps[i]);
		collect_argv(argv, words);
		if (git_run(git, argv + 1, env, NULL, 0, &tree, cancel, err) < 0)
			return -1;
	}
	if (tree.len != REPO_OID_SIZE || tree.data[REPO_OID_SIZE - 1] != '\n')
		return err_set(err, ERR_INPUT, "git write-tree in the box gave no tree");
	tree.data[REPO_OID_SIZE - 1] = '\0';
	CLEANUP(mem) char *revs = mem_printf("%s\n^%s\n", tree.data, base);
	collect_argv(
		argv, GIT("-C", git->dir, "pack-objects", "--revs", "--stdout", "-q"));
	if (git_to_file(git, argv, env, revs, pack_file, cancel, err) < 0)
		return -1;
	memcpy(ret_tree, tree.data, REPO_OID_SIZE);
	return 0;
}
