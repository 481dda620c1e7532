/* SPDX-License-Identifier: MIT */
/* A git child that crashes, hangs, lies or eats: an error of one call, and no more. */
#include "tests/lib/repo_world.h"

#include "service/repo/child.h"
#include "service/repo/wire.h"
#include "service/repo/worker.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/file.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN "ghs_childtoken0123456789"

/* ---- the children: chosen by the name that they are started under ---- */

static struct err ignored;

static void answer(char type, const char *text)
{
	wire_write(1, (enum wire_type)type, text, strlen(text), &ignored);
}

__attribute__((noreturn)) static int child_crash(void)
{
	abort();
}
static int child_fault(void)
{
	raise(SIGSEGV);
	return 0;
}
static int child_silent(void)
{
	return 0;
}
static int child_status(void)
{
	dprintf(2, "I am\x1b[31m unwell\n");
	return 3;
}
static int child_noise(void)
{
	return write(1, "hello, this is no frame", 23) < 0;
}
static int child_cut(void)
{
	return write(1, "R\xff\0\0\0{\"a\":", 10) < 0;
}
static int child_huge(void)
{
	return write(1, "R\xff\xff\xff\xff{", 6) < 0;
}
static int child_no_json(void)
{
	answer('R', "{broken");
	return 0;
}
static int child_array(void)
{
	answer('R', "[]");
	return 0;
}
static int child_data(void)
{
	answer('D', "unasked");
	return 0;
}
static int child_kind(void)
{
	answer('E', "{\"kind\":99,\"text\":\"x\"}");
	return 0;
}
static int child_refuse(void)
{
	answer('E', "{\"kind\":2,\"text\":\"no "
		    "%s%n\",\"retry_after\":9,\"result\":{\"found\":\"x\"}}");
	return 0;
}
static int child_twice(void)
{
	answer('R', "{}");
	answer('R', "{}");
	return 0;
}
static int child_good_then_bad(void)
{
	answer('R', "{}");
	return 4;
}
static int child_good(void)
{
	answer('P', "{\"bytes\":5}");
	answer('R', "{\"fine\":true}");
	return 0;
}
__attribute__((noreturn)) static int child_hang(void)
{
	signal(SIGTERM, SIG_IGN);
	for (;;)
		pause();
}
static int child_stay(void)
{
	answer('R', "{}");
	return child_hang();
}
__attribute__((noreturn)) static int child_loop(void)
{
	for (volatile unsigned long n = 0;; n++)
		continue;
}
__attribute__((noreturn)) static int child_flood(void)
{
	for (;;)
		answer('P', "{\"bytes\":1}");
}
static int child_flood_errors(void)
{
	char block[4096];

	memset(block, 'e', sizeof block);
	for (int i = 0; i < 5000; i++)
		if (write(2, block, sizeof block) < 0)
			return 1;
	answer('R', "{}");
	return 0;
}
__attribute__((noreturn)) static int child_eat(void)
{
	for (;;)
		memset(mem_alloc(32 << 20), 1, 32 << 20);
}
static int child_write(void)
{
	char block[4096] = {0};
	CLEANUP(fd) int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	while (write(fd, block, sizeof block) > 0)
		continue;
	dprintf(2, "%s", strerror(errno));
	return 5;
}
static int child_orphan(void)
{
	if (fork() == 0)
		return child_hang();
	return child_hang();
}

/* Everything that it can see goes into its last words. */
static int child_look(void)
{
	static const char *const files[] = {"/proc/self/environ", "/proc/self/cmdline"};
	char block[4096];
	int fds = 0;

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		int fd = open(files[i], O_RDONLY | O_CLOEXEC);
		ssize_t n = read(fd, block, sizeof block);
		for (ssize_t k = 0; k < n; k++)
			block[k] = block[k] ? block[k] : ' ';
		close(fd);
		dprintf(2, "%.*s|", (int)n, block);
	}
	for (int fd = 3; fd < 1000; fd++)
		fds += fcntl(fd, F_GETFD) >= 0;
	struct rlimit core;
	getrlimit(RLIMIT_CORE, &core);
	sigset_t blocked;
	sigprocmask(SIG_SETMASK, NULL, &blocked);
	dprintf(2, "fds=%d core=%d term=%d leader=%d", fds, (int)core.rlim_cur,
		sigismember(&blocked, SIGTERM), getpgid(0) == getpid());
	return 6;
}

static const struct {
	const char *name;
	int (*run)(void);
} children[] = {
	{"crash", child_crash},
	{"fault", child_fault},
	{"silent", child_silent},
	{"status", child_status},
	{"noise", child_noise},
	{"cut", child_cut},
	{"huge", child_huge},
	{"no-json", child_no_json},
	{"array", child_array},
	{"data", child_data},
	{"kind", child_kind},
	{"refuse", child_refuse},
	{"twice", child_twice},
	{"good-then-bad", child_good_then_bad},
	{"good", child_good},
	{"hang", child_hang},
	{"stay", child_stay},
	{"loop", child_loop},
	{"flood", child_flood},
	{"flood-errors", child_flood_errors},
	{"eat", child_eat},
	{"write", child_write},
	{"orphan", child_orphan},
	{"look", child_look},
};

/* ---- the parent ---- */

static char folder[64];

static int start(void **state)
{
	(void)state;
	str_copy(folder, sizeof folder, "/tmp/boxwright-child-XXXXXX");
	assert_non_null(mkdtemp(folder));
	char self[LIMIT_PATH] = {0};
	assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
	for (size_t i = 0; i < ARRAY_LEN(children); i++) {
		CLEANUP(mem) char *link = mem_printf("%s/%s", folder, children[i].name);
		assert_int_equal(symlink(self, link), 0);
	}
	return 0;
}

static int stop(void **state)
{
	struct err err = {0};

	(void)state;
	return file_remove_tree(folder, &err);
}

static int seen_progress;

static void on_progress(void *arg, const json_t *json)
{
	(void)arg;
	seen_progress += (int)json_or_int(json, "bytes", 0);
}

static int call_as(const char *name, int64_t limit_ms, json_t **ret,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(mem) char *program = mem_printf("%s/%s", folder, name);
	CLEANUP(json) json_t *request = json_object();
	CLEANUP(secret) struct secret token = {0};
	struct child_call call = {
		.program = program,
		.verb = name,
		.request = request,
		.token = &token,
		.limit_ms = limit_ms,
		.memory = 512 * LIMIT_MIB,
		.file_bytes = LIMIT_MIB,
		.cpu_s = 1,
		.progress = on_progress,
	};

	secret_set(&token, TOKEN, strlen(TOKEN));
	*err = (struct err){0};
	return child_run(&call, ret, cancel, err);
}

static void fails(const char *name, enum err_kind kind, const char *words)
{
	CLEANUP(json) json_t *result = NULL;
	struct err err;

	assert_int_equal(call_as(name, 20000, &result, NULL, &err), -1);
	if (err.kind != kind || !strstr(err.text, words))
		print_error("%s: %s: %s\n", name, err_kind_name(err.kind), err.text);
	assert_int_equal(err.kind, kind);
	assert_non_null(strstr(err.text, words));
	assert_null(strchr(err.text, '\x1b'));
}

/* One that runs from our folder, or 0. */
static int64_t process_of_ours(void)
{
	DIR *proc = opendir("/proc");
	int64_t found = 0, pid;

	for (struct dirent *e; !found && (e = readdir(proc)) != NULL;) {
		char line[512] = {0};
		CLEANUP(mem) char *path = mem_printf("/proc/%s/cmdline", e->d_name);
		CLEANUP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && read(fd, line, sizeof line - 1) > 0 &&
			str_starts(line, folder) &&
			str_to_i64(e->d_name, 1, INT64_MAX, &pid))
			found = pid;
	}
	closedir(proc);
	return found;
}

/* The leak sanitizer looks at a process from a second one, which is killed with it but is
 * nobody's child to wait for: it may take a moment to go. */
static void no_process_is_left(void)
{
	int64_t until = clock_mono_ms() + 5000, pid;
	struct err err = {0};

	while ((pid = process_of_ours()) != 0) {
		if (clock_mono_ms() > until)
			fail_msg("left behind: %lld", (long long)pid);
		cancel_sleep(NULL, 10, &err);
	}
}

static void ends_without_an_answer(void **state)
{
	(void)state;
	fails("crash", ERR_INTERNAL, "signal");
	fails("silent", ERR_INTERNAL, "no answer");
	fails("status", ERR_INTERNAL, "status 3");
	fails("status", ERR_INTERNAL, "unwell");
	fails("good-then-bad", ERR_INTERNAL, "status 4");
	no_process_is_left();
}

/* A sanitizer catches the signal and exits with words of its own. */
static void a_fault(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(call_as("fault", 20000, NULL, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INTERNAL);
	assert_non_null(strstr(err.text, "git fault"));
}

static void lies(void **state)
{
	(void)state;
	fails("noise", ERR_INTERNAL, "no frame");
	fails("huge", ERR_INTERNAL, "no frame");
	fails("cut", ERR_INTERNAL, "no answer");
	fails("no-json", ERR_INTERNAL, "");
	fails("array", ERR_INTERNAL, "out of place");
	fails("data", ERR_INTERNAL, "");
	fails("kind", ERR_INPUT, "kind");
	fails("twice", ERR_INTERNAL, "after its answer");
	no_process_is_left();
}

static void an_error_keeps_its_kind_and_result(void **state)
{
	CLEANUP(json) json_t *result = NULL;
	struct err err;

	(void)state;
	assert_int_equal(call_as("refuse", 20000, &result, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_DENIED);
	assert_string_equal(err.text, "no %s%n");
	assert_int_equal(err.retry_after_s, 9);
	assert_string_equal(json_or_string(result, "found", ""), "x");
}

static void a_good_one(void **state)
{
	CLEANUP(json) json_t *result = NULL;
	struct err err;

	(void)state;
	seen_progress = 0;
	assert_int_equal(call_as("good", 20000, &result, NULL, &err), 0);
	assert_true(json_or_bool(result, "fine", false));
	assert_int_equal(seen_progress, 5);
	assert_int_equal(call_as("flood-errors", 20000, NULL, NULL, &err), 0);
}

static void hanging_ends_by_the_limit(void **state)
{
	static const char *const names[] = {"hang", "stay", "orphan", "flood"};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		int64_t begin = clock_mono_ms();
		assert_int_equal(call_as(names[i], 300, NULL, NULL, &err), -1);
		assert_int_equal(err.kind, ERR_TRANSIENT);
		assert_non_null(strstr(err.text, "time limit"));
		assert_in_range(clock_mono_ms() - begin, 300, 3000);
	}
	no_process_is_left();
}

struct firing {
	struct cancel *cancel;
	int64_t at_us;
};

static void *fire(void *arg)
{
	struct firing *f = arg;

	usleep(100000); /* any moment will do: the child hangs for ever */
	f->at_us = clock_mono_us();
	cancel_fire(f->cancel, "cancelled by a test");
	return NULL;
}

static void a_cancel_is_a_kill(void **state)
{
	CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);
	struct firing f = {.cancel = cancel};
	struct err err = {0};
	pthread_t thread;

	(void)state;
	assert_int_equal(thread_start(&thread, "fire", fire, &f, &err), 0);
	assert_int_equal(call_as("orphan", 20000, NULL, cancel, &err), -1);
	int64_t took = clock_mono_us() - f.at_us;
	thread_join(thread);
	assert_int_equal(err.kind, ERR_CANCELLED);
	print_message("cancel to return: %lld us\n", (long long)took);
	assert_in_range(took, 0, 100000);
	no_process_is_left();
	/* And one that has fired before starts nothing. */
	assert_int_equal(call_as("good", 20000, NULL, cancel, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELLED);
}

static void limits_hold(void **state)
{
	(void)state;
	fails("loop", ERR_LIMIT, "1 s of CPU time");
	fails("write", ERR_INTERNAL, "File too large");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	fails("eat", ERR_INTERNAL, "died of signal 6");
#endif
}

static void it_sees_nothing_of_ours(void **state)
{
	CLEANUP(json) json_t *result = NULL;
	CLEANUP(fd) int open_one = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
	struct err err;

	(void)state;
	setenv("BOXWRIGHT_SECRET_CANARY", "canary-value", 1);
	assert_int_equal(call_as("look", 20000, &result, NULL, &err), -1);
	unsetenv("BOXWRIGHT_SECRET_CANARY");
	assert_null(strstr(err.text, "canary"));
	assert_null(strstr(err.text, TOKEN));
	assert_non_null(strstr(err.text, "git-worker"));
	assert_non_null(strstr(err.text, "fds=0 core=0 term=0 leader=1"));
}

static void a_program_that_is_not_there(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(call_as("none", 20000, NULL, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INTERNAL);
	assert_non_null(strstr(err.text, "status 127"));
}

/* The real one, given what no caller sends. */
static void the_real_child_refuses_nonsense(void **state)
{
	static const char *const requests[] = {"{}",
		"{\"verb\":\"none\",\"state\":\"/tmp\"}", "{\"verb\":5}",
		"{\"verb\":\"pack\",\"state\":\"/nonexistent\"}",
		"{\"verb\":\"import\",\"state\":\"/tmp\",\"base\":\"x\"}", "[]", "null"};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		CLEANUP(json)
		json_t *request = json_parse(requests[i], strlen(requests[i]), &err);
		struct child_call call = {
			.verb = "nonsense",
			.request = request ? request : json_null(),
			.limit_ms = 20000,
			.memory = LIMIT_REPO_MEMORY,
			.file_bytes = LIMIT_MIB,
			.cpu_s = 10,
		};
		err = (struct err){0};
		assert_int_equal(child_run(&call, NULL, NULL, &err), -1);
		assert_true(err.kind == ERR_INPUT || err.kind == ERR_INTERNAL);
	}
}

static int run(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_without_an_answer),
		cmocka_unit_test(a_fault),
		cmocka_unit_test(lies),
		cmocka_unit_test(an_error_keeps_its_kind_and_result),
		cmocka_unit_test(a_good_one),
		cmocka_unit_test(hanging_ends_by_the_limit),
		cmocka_unit_test(a_cancel_is_a_kill),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(it_sees_nothing_of_ours),
		cmocka_unit_test(a_program_that_is_not_there),
		cmocka_unit_test(the_real_child_refuses_nonsense),
	};

	return cmocka_run_group_tests(tests, start, stop);
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];

	for (size_t i = 0; argc == 2 && i < ARRAY_LEN(children); i++)
		if (str_eq(argv[1], REPO_WORKER_VERB) && str_eq(name, children[i].name))
			return children[i].run();
	return world_main(argc, argv, run);
}
