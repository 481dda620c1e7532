/* SPDX-License-Identifier: MIT */
/* Mirrors over real smart HTTP: clone, fetch, refusals, silence, damage. */
#include "tests/lib/repo_world.h"

#include "service/repo/net.h"
#include "service/repo/net_status.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/crypto.h"
#include "boxcore/base/file.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int setup(void **state)
{
	struct world *w = mem_zalloc(sizeof *w);

	world_start(w, NULL);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_stop(*state);
	free(*state);
	return 0;
}

static int update(struct world *w, const char *branch, struct repo_mirror *ret,
	struct cancel *cancel, struct err *err)
{
	*err = (struct err){0};
	return repo_mirror_update(
		w->repos, &w->remote, branch, NULL, NULL, ret, cancel, err);
}

static void expect(struct world *w, enum err_kind kind, const char *words)
{
	struct repo_mirror m;
	struct err err;

	assert_int_equal(update(w, NULL, &m, NULL, &err), -1);
	if (err.kind != kind || !strstr(err.text, words))
		print_error("got %s: %s\n", err_kind_name(err.kind), err.text);
	assert_int_equal(err.kind, kind);
	assert_non_null(strstr(err.text, words));
	assert_null(strstr(err.text, WORLD_TOKEN));
}

/* ---- the good way ---- */

struct seen {
	int calls;
	int64_t bytes;
};

static void on_progress(void *arg, int64_t bytes, int64_t objects, int64_t total)
{
	struct seen *seen = arg;

	seen->calls++;
	seen->bytes = bytes;
	assert_true(objects <= total);
}

static void clone_then_nothing_new_then_one_commit(void **state)
{
	struct world *w = *state;
	struct repo_mirror m;
	struct seen seen = {0};
	struct err err = {0};
	char next[REPO_OID_SIZE];

	assert_int_equal(repo_mirror_update(w->repos, &w->remote, NULL, on_progress,
				 &seen, &m, NULL, &err),
		0);
	assert_string_equal(m.branch, "main");
	assert_string_equal(m.commit, w->base);
	assert_true(m.cloned && m.changed);
	assert_int_equal(m.received_objects, 7); /* 1 commit, 2 trees, 4 blobs */
	assert_true(m.received_bytes > 0 && m.mirror_bytes > m.received_bytes);
	assert_true(seen.calls >= 1 && seen.bytes > 0);
	world_update(w, &m);
	assert_false(m.cloned || m.changed);
	assert_int_equal(m.received_objects, 0);
	put_text(w->seed, "new.txt", "new\n");
	world_commit(w, "second", next);
	world_update(w, &m);
	assert_true(m.changed && !m.cloned);
	assert_string_equal(m.commit, next);
	assert_int_equal(m.received_objects, 3);
	assert_int_equal(git_server_refused(w->server), 0);
}

static void branches_by_name_and_in_each_others_way(void **state)
{
	struct world *w = *state;
	struct repo_mirror m;
	struct err err;

	free(git_run(w->bare, "branch", "feature", w->base, NULL));
	assert_int_equal(update(w, "feature", &m, NULL, &err), 0);
	assert_string_equal(m.branch, "feature");
	free(git_run(w->bare, "branch", "-D", "feature", NULL));
	free(git_run(w->bare, "branch", "feature/deep", w->base, NULL));
	assert_int_equal(update(w, "feature/deep", &m, NULL, &err), 0);
	assert_false(m.cloned);
	free(git_run(w->bare, "update-ref", "refs/pull/12/head", w->base, NULL));
	assert_int_equal(update(w, "refs/pull/12/head", &m, NULL, &err), 0);
	assert_string_equal(m.branch, "refs/pull/12/head");
	assert_int_equal(update(w, "feature", &m, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(update(w, "a..b", &m, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
}

static void a_rewritten_branch_is_followed(void **state)
{
	struct world *w = *state;
	struct repo_mirror m;
	char next[REPO_OID_SIZE];

	world_commit(w, "gone tomorrow", next);
	world_update(w, &m);
	assert_string_equal(m.commit, next);
	free(git_run(w->bare, "update-ref", "refs/heads/main", w->base, NULL));
	world_update(w, &m);
	assert_true(m.changed);
	assert_string_equal(m.commit, w->base);
}

static void an_empty_repository_says_so(void **state)
{
	struct world *w = *state;
	CLEANUP(mem) char *bare = mem_printf("%s/empty.git", w->root);
	CLEANUP(mem) char *url = git_server_url(w->server, "empty.git");

	free(git_run(NULL, "init", "-q", "--bare", bare, NULL));
	w->remote.url = url;
	expect(w, ERR_NOT_FOUND, "empty");
}

static void ls_remote(void **state)
{
	struct world *w = *state;
	char oid[REPO_OID_SIZE];
	struct err err = {0};

	assert_int_equal(
		repo_remote_ref(w->repos, &w->remote, "refs/heads/main", oid, NULL, &err),
		0);
	assert_string_equal(oid, w->base);
	assert_int_equal(
		repo_remote_ref(w->repos, &w->remote, "refs/heads/none", oid, NULL, &err),
		0);
	assert_string_equal(oid, REPO_OID_ZERO);
}

/* ---- refusals ---- */

static void no_token_and_a_wrong_one(void **state)
{
	struct world *w = *state;
	CLEANUP(secret) struct secret wrong = {0};

	w->remote.token = NULL;
	expect(w, ERR_TRANSIENT, "401");
	assert_int_equal(
		git_server_requests(w->server), 1); /* asked once, not 15 times */
	secret_set(&wrong, "ghs_wrong000000000000", 21);
	w->remote.token = &wrong;
	expect(w, ERR_TRANSIENT, "Bad credentials");
	assert_int_equal(git_server_refused(w->server), 2);
}

static void answers_that_are_not_git(void **state)
{
	static const struct {
		enum git_fault fault;
		enum err_kind kind;
		const char *words;
	} table[] = {
		{GIT_FAULT_REDIRECT, ERR_TRANSIENT, "elsewhere.example"},
		{GIT_FAULT_FORBIDDEN, ERR_DENIED, "Resource not accessible"},
		{GIT_FAULT_BUSY, ERR_TRANSIENT, "503"},
		{GIT_FAULT_HTML, ERR_INTERNAL, "not git's"},
		{GIT_FAULT_GARBAGE, ERR_TRANSIENT, "connect to the forge"},
		{GIT_FAULT_CUT, ERR_TRANSIENT, "connect to the forge"},
	};
	struct world *w = *state;
	struct repo_mirror m;
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		git_server_fault(w->server, table[i].fault, NULL, 0);
		expect(w, table[i].kind, table[i].words);
	}
	git_server_fault(w->server, GIT_FAULT_BUSY, NULL, 1);
	assert_int_equal(update(w, NULL, &m, NULL, &err), -1);
	assert_int_equal(err.retry_after_s, 7);
	world_update(w, &m); /* and nothing is left of it */
	assert_string_equal(m.commit, w->base);
}

static void a_repository_that_is_not_there(void **state)
{
	struct world *w = *state;
	CLEANUP(mem) char *url = git_server_url(w->server, "none.git");

	w->remote.url = url;
	expect(w, ERR_NOT_FOUND, "no such repository");
}

static void urls(void **state)
{
	static const char *const bad[] = {"", "ftp://h/x", "git@github.com:o/r.git",
		"file:///etc", "/etc", "http://github.com/o/r.git", "https://user@h/x",
		"https://u:p@h/x", "https://h", "https:///x", "https://h/a b",
		"https://h/x?y", "https://h/x#y", "https://h/\nx",
		"http://127.0.0.1.evil.example/x", "http://127.0.0.1:80a/x",
		"http://localhost.evil/x", "--upload-pack=x", "ssh://h/x",
		"ext::sh -c id"};
	static const char *const good[] = {"https://github.com/o/r.git",
		"http://127.0.0.1:8080/r.git", "http://localhost/r", "http://[::1]:1/r"};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		err = (struct err){0};
		if (net_check_url(bad[i], true, &err) == 0)
			print_error("accepted: %s\n", bad[i]);
		assert_int_equal(err.kind, ERR_INPUT);
	}
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(net_check_url(good[i], true, &err), 0);
	assert_int_equal(net_check_url(good[1], false, &err), -1);
}

static void statuses(void **state)
{
	static const struct {
		int status;
		enum err_kind kind;
	} table[] = {{301, ERR_TRANSIENT}, {401, ERR_TRANSIENT}, {403, ERR_DENIED},
		{404, ERR_NOT_FOUND}, {410, ERR_NOT_FOUND}, {413, ERR_LIMIT},
		{418, ERR_INTERNAL}, {429, ERR_TRANSIENT}, {500, ERR_TRANSIENT},
		{502, ERR_TRANSIENT}};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		net_status_error(table[i].status, "https://u:pw@h:1/x?token=y", 0,
			"\x1b[31mno\nsecond", &err);
		assert_int_equal(err.kind, table[i].kind);
		assert_null(strstr(err.text, "pw"));
		assert_null(strstr(err.text, "token="));
		assert_null(strchr(err.text, '\x1b'));
		assert_null(strstr(err.text, "second"));
	}
	net_status_error(403, "", 30, "", &err);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_int_equal(err.retry_after_s, 30);
}

/* ---- silence and cancel ---- */

static void impatient(struct repos_options *options)
{
	options->silence_ms = 700;
}

static void a_black_hole_ends_by_itself(void **state)
{
	struct world w;
	int64_t start;

	(void)state;
	world_start(&w, impatient);
	git_server_fault(w.server, GIT_FAULT_SILENT, NULL, 0);
	start = clock_mono_ms();
	expect(&w, ERR_TRANSIENT, "700 ms");
	assert_in_range(clock_mono_ms() - start, 600, 5000);
	git_server_fault(w.server, GIT_FAULT_STALL, "git-upload-pack", 0);
	expect(&w, ERR_TRANSIENT, "700 ms");
	world_stop(&w);
}

struct fire {
	struct cancel *cancel;
	struct git_server *server;
	int64_t at_ms;
};

static void *fire_when_asked(void *arg)
{
	struct fire *f = arg;

	while (git_server_requests(f->server) == 0)
		usleep(2000); /* a poll of the test's own server, nothing is hidden by it */
	f->at_ms = clock_mono_ms();
	cancel_fire(f->cancel, "cancelled by @octocat");
	return NULL;
}

/* peer_request() counts only what it has read, so SILENT requests are counted by
 * connections: STALL answers half first. */
static void a_cancel_kills_at_once(void **state)
{
	struct world *w = *state;
	CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);
	struct fire fire = {.cancel = cancel, .server = w->server};
	struct repo_mirror m;
	struct err err = {0};
	pthread_t thread;

	git_server_fault(w->server, GIT_FAULT_STALL, NULL, 0);
	assert_int_equal(thread_start(&thread, "fire", fire_when_asked, &fire, &err), 0);
	assert_int_equal(update(w, NULL, &m, cancel, &err), -1);
	int64_t took = clock_mono_ms() - fire.at_ms;
	thread_join(thread);
	assert_int_equal(err.kind, ERR_CANCELLED);
	assert_non_null(strstr(err.text, "octocat"));
	print_message("cancel to return: %lld ms\n", (long long)took);
	assert_in_range(took, 0, 200);
	git_server_fault(w->server, GIT_FAULT_NONE, NULL, 0);
	world_update(w, &m);
}

static void hurried(struct repos_options *options)
{
	options->fetch_ms = 800;
}

static void the_whole_call_has_a_limit(void **state)
{
	struct world w;

	(void)state;
	world_start(&w, hurried);
	git_server_fault(w.server, GIT_FAULT_SILENT, NULL, 0);
	expect(&w, ERR_TRANSIENT, "time limit");
	world_stop(&w);
}

static void narrow(struct repos_options *options)
{
	options->fetch_bytes = 200000;
}

static void an_oversized_answer_is_a_limit(void **state)
{
	struct world w;
	char *noise = mem_alloc(1000000);

	(void)state;
	world_start(&w, narrow);
	crypto_random(noise, 1000000); /* does not shrink */
	put_file(w.seed, "noise", noise, 1000000, 0644);
	free(noise);
	world_commit(&w, "noise", NULL);
	expect(&w, ERR_LIMIT, "200000");
	git_server_fault(w.server, GIT_FAULT_FLOOD, "info/refs", 0);
	expect(&w, ERR_TRANSIENT, "connect to the forge");
	world_stop(&w);
}

/* ---- damage ---- */

static char *first_pack(struct world *w)
{
	CLEANUP(mem)
	char *folder = mem_printf("%s/mirrors/%d.git/objects/pack", w->state, WORLD_ID);
	DIR *dir = opendir(folder);
	char *found = NULL;

	assert_non_null(dir);
	for (struct dirent *e; !found && (e = readdir(dir)) != NULL;)
		if (str_ends(e->d_name, ".pack"))
			found = mem_printf("%s/%s", folder, e->d_name);
	closedir(dir);
	assert_non_null(found);
	chmod(found, 0644);
	return found;
}

static void flip(const char *path, off_t at)
{
	CLEANUP(fd) int fd = open(path, O_RDWR | O_CLOEXEC);
	unsigned char byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x40;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

static void a_flipped_bit_on_the_wire_is_refused(void **state)
{
	struct world *w = *state;
	struct repo_mirror m;
	struct err err;

	git_server_fault(w->server, GIT_FAULT_FLIP, "/git-upload-pack", 1);
	assert_int_equal(update(w, NULL, &m, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	world_update(w, &m);
	assert_string_equal(m.commit, w->base);
}

static void a_cut_pack_clones_anew(void **state)
{
	struct world *w = *state;
	struct repo_mirror m;

	world_update(w, NULL);
	CLEANUP(mem) char *pack = first_pack(w);
	assert_int_equal(truncate(pack, 100), 0);
	world_update(w, &m);
	assert_true(m.cloned);
	assert_string_equal(m.commit, w->base);
}

static void a_missing_pack_clones_anew(void **state)
{
	struct world *w = *state;
	struct repo_mirror m;

	world_update(w, NULL);
	CLEANUP(mem) char *pack = first_pack(w);
	unlink(pack);
	world_update(w, &m);
	assert_true(m.cloned);
}

/* Damage in the middle is found by whoever reads it, and mended by the next update. */
static void a_rotten_pack_is_marked_by_a_reader(void **state)
{
	struct world *w = *state;
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(4096);
	struct repo_mirror m;
	struct err err = {0};
	struct stat st;

	world_update(w, NULL);
	CLEANUP(mem) char *pack = first_pack(w);
	assert_int_equal(stat(pack, &st), 0);
	for (off_t at = 12; at < st.st_size - 20; at++)
		flip(pack, at);
	assert_int_equal(repo_file_read(w->repos, WORLD_ID, w->base, "README.md", 4096,
				 &text, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_non_null(strstr(err.text, "cloned anew"));
	world_update(w, &m);
	assert_true(m.cloned);
	assert_int_equal(repo_file_read(w->repos, WORLD_ID, w->base, "README.md", 4096,
				 &text, NULL, &err),
		0);
	assert_string_equal(strbuf_str(&text), "# Demo\n\nHello.\n");
}

static void a_mirror_with_broken_files_clones_anew(void **state)
{
	struct world *w = *state;
	CLEANUP(mem)
	char *config = mem_printf("%s/mirrors/%d.git/config", w->state, WORLD_ID);
	CLEANUP(mem)
	char *head = mem_printf("%s/mirrors/%d.git/HEAD", w->state, WORLD_ID);
	struct repo_mirror m;
	struct err err = {0};

	world_update(w, NULL);
	assert_int_equal(file_write(config, "[[[ no\n", 7, 0600, &err), 0);
	world_update(w, &m);
	assert_true(m.cloned);
	assert_int_equal(unlink(head), 0);
	world_update(w, &m);
	assert_true(m.cloned);
	world_update(w, &m);
	assert_false(m.cloned);
}

/* Killed again and again at different moments; after that the mirror is as good as new. */
static void killed_in_the_middle_it_stays_usable(void **state)
{
	struct world *w = *state;
	struct repo_mirror m;
	struct err err;
	char oid[REPO_OID_SIZE];
	int cancelled = 0;

	for (int i = 0; i < 400; i++) {
		CLEANUP(mem) char *name = mem_printf("d%d/f%d.txt", i % 20, i);
		CLEANUP(mem) char *text = mem_printf("file %d\n%0200d\n", i, i * 7919);
		put_text(w->seed, name, text);
	}
	world_commit(w, "many", oid);
	for (int i = 0; i < 25; i++) {
		CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);
		cancel_deadline(cancel, 8 + 4 * i, "a short life");
		cancelled += update(w, NULL, &m, cancel, &err) < 0;
		if (i % 8 == 7)
			world_commit(w, "one more", oid);
	}
	assert_true(cancelled > 2);
	world_update(w, &m);
	assert_string_equal(m.commit, oid);
	CLEANUP(mem) char *mirror = mem_printf("%s/mirrors/%d.git", w->state, WORLD_ID);
	free(git_run(mirror, "fsck", "--full", "--strict", NULL));
	CLEANUP(mem) char *left = mem_printf("%s/objects/pack", mirror);
	DIR *dir = opendir(left);
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		assert_true(e->d_name[0] == '.' || str_starts(e->d_name, "pack-"));
	closedir(dir);
}

/* As a killed writer leaves it: refs that are locked, a pack and an object half written. */
static void leftovers_are_cleared(void **state)
{
	static const char *const files[] = {"config.lock", "HEAD.lock",
		"packed-refs.lock", "objects/ab/tmp_object_git2_x",
		"objects/pack/pack_git2_x",
		"objects/pack/pack-0000000000000000000000000000000000000000.pack"};
	struct world *w = *state;
	CLEANUP(mem) char *mirror = mem_printf("%s/mirrors/%d.git", w->state, WORLD_ID);
	CLEANUP(mem) char *refs = mem_printf("%s/refs/mirror", mirror);
	struct repo_mirror m;
	char next[REPO_OID_SIZE];

	world_update(w, NULL);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		put_text(mirror, files[i], "half");
	DIR *dir = opendir(refs);
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		CLEANUP(mem) char *name = mem_printf("refs/mirror/%s.lock", e->d_name);
		if (e->d_name[0] != '.' && !str_ends(e->d_name, ".lock"))
			put_text(mirror, name, "");
	}
	closedir(dir);
	world_commit(w, "next", next);
	world_update(w, &m);
	assert_false(m.cloned);
	assert_string_equal(m.commit, next);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		CLEANUP(mem) char *path = mem_printf("%s/%s", mirror, files[i]);
		assert_false(file_exists(path));
	}
}

/* ---- many packs, many callers ---- */

static void many_fetches_do_not_make_many_packs(void **state)
{
	struct world *w = *state;
	struct repo_mirror m = {0};
	char oid[REPO_OID_SIZE];
	int most = 0;

	for (int i = 0; i < 40; i++) {
		CLEANUP(mem) char *text = mem_printf("change %d\n", i);
		put_text(w->seed, "log.txt", text);
		world_commit(w, text, oid);
		world_update(w, &m);
		most = m.packs > most ? m.packs : most;
	}
	assert_string_equal(m.commit, oid);
	assert_true(most <= 32);
	assert_true(m.packs < 20);
	CLEANUP(mem) char *mirror = mem_printf("%s/mirrors/%d.git", w->state, WORLD_ID);
	free(git_run(mirror, "fsck", "--full", "--strict", NULL));
	CLEANUP(mem) char *count = git_run(mirror, "rev-list", "--count", oid, NULL);
	assert_string_equal(count, "41");
}

static void *update_often(void *arg)
{
	struct world *w = arg;

	for (int i = 0; i < 5; i++)
		world_update(w, NULL);
	return NULL;
}

static void callers_side_by_side(void **state)
{
	struct world *w = *state;
	pthread_t threads[4];
	struct err err = {0};

	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(
			thread_start(&threads[i], "update", update_often, w, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		thread_join(threads[i]);
	CLEANUP(mem) char *mirror = mem_printf("%s/mirrors/%d.git", w->state, WORLD_ID);
	free(git_run(mirror, "fsck", "--full", "--strict", NULL));
}

static void a_dropped_mirror_is_gone(void **state)
{
	struct world *w = *state;
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(4096);
	struct err err = {0};

	world_update(w, NULL);
	assert_int_equal(repo_mirror_drop(w->repos, WORLD_ID, NULL, &err), 0);
	assert_int_equal(repo_mirror_drop(w->repos, WORLD_ID, NULL, &err), 0);
	assert_int_equal(repo_file_read(w->repos, WORLD_ID, w->base, "README.md", 4096,
				 &text, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void idle_mirrors_are_found(void **state)
{
	struct world *w = *state;
	CLEANUP(mem) char *lock = mem_printf("%s/mirrors/%d.lock", w->state, WORLD_ID);
	CLEANUP(mem)
	char *packs = mem_printf("%s/mirrors/%d.git/objects/pack", w->state, WORLD_ID);
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	struct err err = {0};
	int64_t ids[2] = {0};
	size_t count;

	world_update(w, NULL);
	assert_int_equal(utimensat(AT_FDCWD, lock, old, 0), 0);
	/* An older version left the lock as it was made, whatever came since. */
	assert_int_equal(repo_mirrors_idle(w->repos, 1001, ids, 2, &count, &err), 0);
	assert_int_equal(count, 0);
	assert_int_equal(utimensat(AT_FDCWD, packs, old, 0), 0);
	assert_int_equal(repo_mirrors_idle(w->repos, 1000, ids, 2, &count, &err), 0);
	assert_int_equal(count, 0);
	assert_int_equal(repo_mirrors_idle(w->repos, 1001, ids, 2, &count, &err), 0);
	assert_int_equal(count, 1);
	assert_int_equal(ids[0], WORLD_ID);
	world_update(w, NULL); /* even when there is nothing new */
	assert_int_equal(repo_mirrors_idle(w->repos, 1001, ids, 2, &count, &err), 0);
	assert_int_equal(count, 0);
	/* What has no mirror is not listed for ever. */
	assert_int_equal(repo_mirror_drop(w->repos, WORLD_ID, NULL, &err), 0);
	assert_int_equal(utimensat(AT_FDCWD, lock, old, 0), 0);
	assert_int_equal(repo_mirrors_idle(w->repos, 1001, ids, 2, &count, &err), 0);
	assert_int_equal(count, 0);
}

static int run(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		IN_WORLD(clone_then_nothing_new_then_one_commit),
		IN_WORLD(branches_by_name_and_in_each_others_way),
		IN_WORLD(a_rewritten_branch_is_followed),
		IN_WORLD(an_empty_repository_says_so),
		IN_WORLD(ls_remote),
		IN_WORLD(no_token_and_a_wrong_one),
		IN_WORLD(answers_that_are_not_git),
		IN_WORLD(a_repository_that_is_not_there),
		cmocka_unit_test(urls),
		cmocka_unit_test(statuses),
		cmocka_unit_test(a_black_hole_ends_by_itself),
		IN_WORLD(a_cancel_kills_at_once),
		cmocka_unit_test(the_whole_call_has_a_limit),
		cmocka_unit_test(an_oversized_answer_is_a_limit),
		IN_WORLD(a_flipped_bit_on_the_wire_is_refused),
		IN_WORLD(a_cut_pack_clones_anew),
		IN_WORLD(a_missing_pack_clones_anew),
		IN_WORLD(a_rotten_pack_is_marked_by_a_reader),
		IN_WORLD(a_mirror_with_broken_files_clones_anew),
		IN_WORLD(killed_in_the_middle_it_stays_usable),
		IN_WORLD(leftovers_are_cleared),
		IN_WORLD(many_fetches_do_not_make_many_packs),
		IN_WORLD(callers_side_by_side),
		IN_WORLD(a_dropped_mirror_is_gone),
		IN_WORLD(idle_mirrors_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

WORLD_MAIN(run)
