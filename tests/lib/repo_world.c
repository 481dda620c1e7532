/* SPDX-License-Identifier: MIT */
/* The world of the repository's tests. */
#include "tests/lib/repo_world.h"

#include "service/repo/worker.h"

#include "boxcore/base/file.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void die(const char *what, const struct err *err)
{
	fprintf(stderr, "world: %s: %s\n", what, err ? err->text : "failed");
	abort();
}

void world_start(struct world *w, void (*tweak)(struct repos_options *options))
{
	struct repos_options options = {.plain_http = true, .silence_ms = 20000};
	struct err err = {0};

	memset(w, 0, sizeof *w);
	str_copy(w->dir, sizeof w->dir, "/tmp/boxwright-repo-XXXXXX");
	if (!mkdtemp(w->dir))
		die("mkdtemp", NULL);
	w->root = mem_printf("%s/forge", w->dir);
	w->bare = mem_printf("%s/r.git", w->root);
	w->seed = mem_printf("%s/seed", w->dir);
	w->state = mem_printf("%s/state", w->dir);
	w->box = mem_printf("%s/box", w->dir);
	free(git_run(NULL, "init", "-q", "--bare", w->bare, NULL));
	free(git_run(NULL, "init", "-q", w->seed, NULL));
	/* A collection in the background would work on while the tests commit and clean up. */
	free(git_run(w->bare, "config", "gc.auto", "0", NULL));
	free(git_run(w->seed, "config", "gc.auto", "0", NULL));
	put_text(w->seed, "README.md", "# Demo\n\nHello.\n");
	put_text(w->seed, "src/main.c", "int main(void)\n{\n\treturn 0;\n}\n");
	put_text(w->seed, "src/util.c", "int twice(int x)\n{\n\treturn 2 * x;\n}\n");
	put_file(w->seed, "run.sh", "#!/bin/sh\necho hi\n", 18, 0755);
	world_commit(w, "first", w->base);
	w->server = git_server_start(w->root, WORLD_TOKEN);
	w->url = git_server_url(w->server, "r.git");
	secret_set(&w->token, WORLD_TOKEN, strlen(WORLD_TOKEN));
	w->remote = (struct repo_remote){
		.repo_id = WORLD_ID, .url = w->url, .token = &w->token};
	options.state_dir = w->state;
	if (tweak)
		tweak(&options);
	w->repos = repos_new(&options, &err);
	if (!w->repos)
		die("repos_new", &err);
}

void world_stop(struct world *w)
{
	struct err err = {0};
	char **texts[] = {&w->root, &w->bare, &w->seed, &w->state, &w->box, &w->url};

	repos_free(w->repos);
	git_server_stop(w->server);
	secret_release(&w->token);
	if (file_remove_tree(w->dir, &err) < 0)
		die("remove", &err);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(*texts[i]);
}

void world_commit(struct world *w, const char *message, char ret[REPO_OID_SIZE])
{
	free(git_run(w->seed, "add", "-A", NULL));
	free(git_run(w->seed, "commit", "-q", "--allow-empty", "-m", message, NULL));
	free(git_run(w->seed, "push", "-q", w->bare, "HEAD:refs/heads/main", NULL));
	CLEANUP(mem) char *oid = git_run(w->seed, "rev-parse", "HEAD", NULL);
	if (ret)
		str_copy(ret, REPO_OID_SIZE, oid);
}

void world_update(struct world *w, struct repo_mirror *ret)
{
	struct repo_mirror mirror;
	struct err err = {0};

	if (repo_mirror_update(
		    w->repos, &w->remote, NULL, NULL, NULL, &mirror, NULL, &err) < 0)
		die("update", &err);
	if (ret)
		*ret = mirror;
}

static void feed(const char *folder, const char *file, const char *const *argv)
{
	CLEANUP(strbuf) struct strbuf pack = STRBUF_INIT(1UL << 30);
	CLEANUP(mem) char *out = NULL;
	struct err err = {0};
	size_t len;

	if (file_read(&pack, file, &err) < 0)
		die("read", &err);
	struct git_io io = {.folder = folder, .input = pack.data, .input_len = pack.len};
	if (git_pipe(&io, argv, &out, &len) != 0)
		die(argv[0], NULL);
}

void world_box(struct world *w, const char *commit)
{
	static const char *const index[] = {"index-pack", "--stdin", "--fix-thin", NULL};
	CLEANUP(repo_pack) struct repo_pack pack = {0};
	CLEANUP(mem) char *file = mem_printf("%s/in.pack", w->dir);
	struct err err = {0};

	if (repo_pack(w->repos, WORLD_ID, commit, NULL, file, 0, &pack, NULL, &err) < 0)
		die("pack", &err);
	free(git_run(NULL, "init", "-q", w->box, NULL));
	free(git_run(w->box, "symbolic-ref", "HEAD", "refs/heads/main", NULL));
	feed(w->box, file, index);
	free(git_run(w->box, "update-ref", "refs/heads/main", commit, NULL));
	free(git_run(w->box, "reset", "-q", "--hard", NULL));
}

static char *collect_step(const char *const *env, const void *input, size_t input_len,
	const char *const *command, size_t *ret_len)
{
	static const char *const before[] = {"-c", "core.hooksPath=/dev/null", "-c",
		"core.fsmonitor=false", "-c", "core.fileMode=true", "-c",
		"core.symlinks=true", "-c", "core.sparseCheckout=false", "-c",
		"core.excludesFile=/dev/null", "-c", "core.autocrlf=false", "-c",
		"core.safecrlf=false", "-c", "gc.auto=0", "-c",
		"advice.addEmbeddedRepo=false"};
	const char *argv[48] = {0};
	struct git_io io = {.input = input, .input_len = input_len, .env = env};
	char *out = NULL;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(before); i++)
		argv[n++] = before[i];
	for (size_t i = 0; command[i]; i++)
		argv[n++] = command[i];
	if (git_pipe(&io, argv, &out, ret_len) != 0)
		die(command[0], NULL);
	return out;
}

void world_collect(struct world *w, const char *folder, const char *base,
	char ret_tree[REPO_OID_SIZE], char **ret_pack)
{
	CLEANUP(mem) char *dir = mem_printf("GIT_DIR=%s/.git", folder);
	CLEANUP(mem) char *tree_env = mem_printf("GIT_WORK_TREE=%s", folder);
	CLEANUP(mem) char *index_file = mem_printf("%s/index", w->dir);
	CLEANUP(mem) char *index_env = mem_printf("GIT_INDEX_FILE=%s", index_file);
	const char *env[] = {dir, tree_env, index_env, "GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0", "GIT_NO_REPLACE_OBJECTS=1", NULL};
	const char *read_tree[] = {"read-tree", base, NULL};
	const char *add[] = {"add", "-A", "--", folder, NULL};
	const char *write_tree[] = {"write-tree", NULL};
	const char *pack[] = {"pack-objects", "--revs", "--stdout", "-q", NULL};
	struct err err = {0};
	size_t len;

	unlink(index_file);
	free(collect_step(env, NULL, 0, read_tree, &len));
	free(collect_step(env, NULL, 0, add, &len));
	CLEANUP(mem) char *tree = collect_step(env, NULL, 0, write_tree, &len);
	tree[40] = '\0';
	str_copy(ret_tree, REPO_OID_SIZE, tree);
	CLEANUP(mem) char *revs = mem_printf("%s\n^%s\n", tree, base);
	CLEANUP(mem) char *bytes = collect_step(env, revs, strlen(revs), pack, &len);
	*ret_pack = mem_printf("%s/out.pack", w->dir);
	if (file_write(*ret_pack, bytes, len, 0600, &err) < 0)
		die("write", &err);
}

int world_main(int argc, char **argv, int (*tests)(void))
{
	if (argc == 2 && str_eq(argv[1], REPO_WORKER_VERB))
		return repo_worker_main(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	return tests();
}
