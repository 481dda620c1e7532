/* SPDX-License-Identifier: MIT */
/* Runs, files and connections through a real container: what embedders rely on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "boxcore/base/clock.h"
#include "boxcore/base/file.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "tests/lib/real_box.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BOX "runs"

static struct boxcore *core;

static __thread struct err failed;
#define E (&failed)
#define OK(call)                                                                         \
	do {                                                                             \
		if ((call) < 0)                                                          \
			fail_msg("%s:%d: %s", __FILE__, __LINE__, failed.text);          \
	} while (0)

static int setup(void **state)
{
	(void)state;
	core = real_core_open();
	real_box(core, BOX, BOX_NETWORK_TUNNEL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	real_core_close(core);
	return 0;
}

static struct run *start(const struct run_spec *spec)
{
	struct run *run = NULL;

	OK(run_start(core, BOX, spec, &run, NULL, E));
	return run;
}

static struct run *start_kept(const char *id, const char *script)
{
	const char *argv[] = {"sh", "-c", script, NULL};
	struct run_spec spec = {.id = id, .argv = argv, .keep = true};

	return start(&spec);
}

/* Reads to the exit; stdout into out (may be NULL). */
static struct run_event finish(struct run *run, struct strbuf *out)
{
	struct run_event event;

	do {
		OK(run_read(run, &event, NULL, E));
		if (out && event.kind == RUN_STDOUT)
			strbuf_add(out, event.data, event.len);
	} while (event.kind != RUN_EXIT);
	return event;
}

static void test_output_and_codes(void **state)
{
	const char *argv[] = {"sh", "-c", "echo out; echo err >&2; cat; exit 3", NULL};
	struct run_spec spec = {.argv = argv};
	struct run_result result = {
		.out = STRBUF_INIT(LIMIT_MIB), .err_out = STRBUF_INIT(LIMIT_MIB)};

	(void)state;
	OK(run_capture(core, BOX, &spec, "input", 5, &result, NULL, E));
	assert_string_equal(strbuf_str(&result.out), "out\ninput");
	assert_string_equal(strbuf_str(&result.err_out), "err\n");
	assert_int_equal(result.exit_code, 3);
	run_result_release(&result);
	char out[64];
	assert_int_equal(
		real_sh(core, BOX, false, "cd ~; id -un; pwd", out, sizeof out), 0);
	assert_string_equal(out, "boxuser\n/home/boxuser\n");
	assert_int_equal(real_sh(core, BOX, true, "id -un", out, sizeof out), 0);
	assert_string_equal(out, "root\n");
	assert_int_equal(
		real_sh(core, BOX, false, "kill -SEGV $$", NULL, 0), 128 + SIGSEGV);
	const char *missing[] = {"no-such-program", NULL};
	spec.argv = missing;
	struct run *run = NULL;
	assert_int_equal(run_start(core, BOX, &spec, &run, NULL, E), -1);
	assert_int_equal(failed.kind, ERR_NOT_FOUND);
}

static void test_terminal(void **state)
{
	const char *argv[] = {
		"sh", "-c", "tty; stty size; read x; stty size; echo got:$x", NULL};
	struct run_spec spec = {.argv = argv, .pty = true, .rows = 40, .cols = 120};
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_MIB);
	struct run *run = start(&spec);
	struct run_event event;

	(void)state;
	while (!strstr(strbuf_str(&out), "40 120")) {
		OK(run_read(run, &event, NULL, E));
		assert_int_equal(event.kind, RUN_STDOUT);
		strbuf_add(&out, event.data, event.len);
	}
	OK(run_resize(run, 11, 22, E));
	OK(run_write(run, "word\n", 5, NULL, E));
	assert_int_equal(finish(run, &out).exit_code, 0);
	assert_non_null(strstr(strbuf_str(&out), "/dev/pts/"));
	assert_non_null(strstr(strbuf_str(&out), "11 22"));
	assert_non_null(strstr(strbuf_str(&out), "got:word"));
	run_close(run);
}

/* The whole service goes and comes back, several times, in the middle of the output. */
static void test_attach_after_reopening(void **state)
{
	struct run *run = start_kept("again", "seq 1 300000; sleep 0.5; echo end");
	CLEANUP(strbuf) struct strbuf got = STRBUF_INIT(16 * LIMIT_MIB);
	struct run_event event = {.kind = RUN_STDOUT};

	(void)state;
	for (int restarts = 0; restarts < 4; restarts++) {
		for (int i = 0; i < 5 && event.kind != RUN_EXIT; i++) {
			OK(run_read(run, &event, NULL, E));
			strbuf_add(&got, event.data, event.len);
		}
		run_ack(run, event.offset);
		uint64_t offset = event.offset;
		run_close(run);
		boxcore_close(core);
		core = real_core_open();
		OK(run_attach(core, BOX, "again", offset, &run, NULL, E));
		event.kind = RUN_STDOUT;
	}
	assert_int_equal(finish(run, &got).exit_code, 0);
	run_close(run);
	CLEANUP(strbuf) struct strbuf expected = STRBUF_INIT(16 * LIMIT_MIB);
	for (int i = 1; i <= 300000; i++)
		strbuf_addf(&expected, "%d\n", i);
	strbuf_adds(&expected, "end\n");
	assert_int_equal(got.len, expected.len);
	assert_memory_equal(got.data, expected.data, got.len);
	OK(run_forget(core, BOX, "again", NULL, E));
}

static void test_background_child(void **state)
{
	int64_t begin = clock_mono_ms();
	char out[64];

	(void)state;
	assert_int_equal(
		real_sh(core, BOX, false,
			"(until test -e /tmp/go; do sleep 0.05; done; seq 1 100000; "
			"touch /tmp/lived) & echo started",
			out, sizeof out),
		0);
	assert_string_equal(out, "started\n");
	/* It was not waited for, or we would not be here. */
	assert_int_equal(real_sh(core, BOX, false, "touch /tmp/go", NULL, 0), 0);
	while (real_sh(core, BOX, false, "test -e /tmp/lived", NULL, 0) != 0)
		assert_true(clock_mono_ms() - begin < 60000);
}

static void test_slow_beside_fast(void **state)
{
	const char *argv[] = {"cat", "/dev/zero", NULL};
	struct run_spec spec = {.argv = argv};
	struct run *slow = start(&spec);
	char out[16];

	(void)state;
	for (int i = 0; i < 20; i++)
		assert_int_equal(
			real_sh(core, BOX, false, "echo quick", out, sizeof out), 0);
	assert_string_equal(out, "quick\n");
	run_close(slow);
}

static void test_stop_sweeps_sessions(void **state)
{
	struct run *run =
		start_kept("sweep", "setsid sh -c 'env -i sleep 7791 &'; trap '' INT "
				    "TERM; while :; do sleep 7792; done");
	const char *count =
		"for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$f; echo; done "
		"2>/dev/null | grep -cx 'sleep 779[12] '";

	(void)state;
	char out[16];
	do
		real_sh(core, BOX, true, count, out, sizeof out);
	while (!str_eq(out, "2\n"));
	OK(run_stop(core, BOX, "sweep", 100, NULL, E));
	assert_int_equal(finish(run, NULL).signal, SIGKILL);
	assert_int_equal(real_sh(core, BOX, true, count, out, sizeof out), 1);
	assert_string_equal(out, "0\n");
	run_close(run);
	OK(run_forget(core, BOX, "sweep", NULL, E));
}

/* ---- files ----------------------------------------------------------------------------- */

static int gather(void *arg, const void *data, size_t len, struct err *err)
{
	(void)err;
	strbuf_add(arg, data, len);
	return 0;
}

static void test_files(void **state)
{
	static const char *const paths[] = {"/workspace/home/a",
		"/workspace/home/new dir/b c", "/workspace/home/\xc3\xa4\n\"'$(x)",
		"/tmp/bin"};
	char *data = mem_alloc(LIMIT_MIB);

	(void)state;
	for (size_t i = 0; i < LIMIT_MIB; i++)
		data[i] = (char)(i * 2654435761u >> 11);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		CLEANUP(strbuf) struct strbuf got = STRBUF_INIT(2 * LIMIT_MIB);
		struct file_info info;

		OK(box_file_put(core, BOX, paths[i], 0600, data, LIMIT_MIB, NULL, E));
		OK(box_file_read(core, BOX, paths[i], 0, -1, gather, &got, NULL, E));
		assert_int_equal(got.len, LIMIT_MIB);
		assert_memory_equal(got.data, data, LIMIT_MIB);
		OK(box_file_stat(core, BOX, paths[i], &info, NULL, E));
		assert_int_equal(info.size, LIMIT_MIB);
		assert_string_equal(info.path, paths[i]);
		file_info_release(&info);
	}
	free(data);
	OK(box_file_remove(core, BOX, "/workspace/home/new dir", true, NULL, E));
	struct file_info info;
	assert_int_equal(box_file_stat(core, BOX, paths[1], &info, NULL, E), -1);
	assert_int_equal(failed.kind, ERR_NOT_FOUND);
	assert_int_equal(box_file_put(core, BOX, "/etc/shadow", 0, "x", 1, NULL, E), -1);
	assert_int_equal(failed.kind, ERR_DENIED);
}

/* ---- connections ----------------------------------------------------------------------- */

static void *echo_thread(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char buf[65536];
	struct err err = {0};
	ssize_t n;

	while ((n = recv(fd, buf, sizeof buf, 0)) > 0)
		file_write_all(fd, buf, (size_t)n, &err);
	close(fd);
	return NULL;
}

static void on_accept(void *arg, const char *box, int fd)
{
	pthread_t thread;
	struct err err = {0};

	(void)arg;
	assert_string_equal(box, BOX);
	if (thread_start(&thread, "echo", echo_thread, (void *)(intptr_t)fd, &err) == 0)
		pthread_detach(thread);
}

/* Out of the box to a handler of ours, which answers from behind box_listen(); and into the
 * box, where a listener of ours is again the echo: both ways through one program. */
static void test_connections(void **state)
{
	const char *text = "the same bytes come back";
	char got[64] = "";
	int fd = -1;

	(void)state;
	OK(box_listen(core, BOX, 4100, on_accept, NULL, NULL, E));
	OK(box_connect(core, BOX, 4100, &fd, NULL, E));
	OK(file_write_all(fd, text, strlen(text), E));
	shutdown(fd, SHUT_WR);
	assert_int_equal(recv(fd, got, sizeof got, MSG_WAITALL), (ssize_t)strlen(text));
	assert_string_equal(got, text);
	close(fd);
	box_unlisten(core, BOX, 4100);
	assert_int_equal(box_connect(core, BOX, 4100, &fd, NULL, E), -1);
	assert_int_equal(failed.kind, ERR_TRANSIENT);
}

/* The group's own counter: also of those whose parent never waited, and who are no run's. */
static void test_stats(void **state)
{
	static const char burn[] = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
	CLEANUP(mem)
	char *away = mem_printf("(setsid sh -c '%s; : > /tmp/burnt' &)", burn);
	struct box_stats before, after, last, anew;

	(void)state;
	OK(box_stats(core, BOX, &before, NULL, E));
	assert_int_equal(strlen(before.boot), 32);
	assert_int_equal(real_sh(core, BOX, false, burn, NULL, 0), 0);
	OK(box_stats(core, BOX, &after, NULL, E));
	assert_true(after.cpu_us > before.cpu_us + 10000);
	assert_true(
		after.memory_bytes > 0 && after.memory_peak_bytes >= after.memory_bytes);
	assert_true(after.processes >= 1);
	before = after;
	assert_int_equal(real_sh(core, BOX, false, away, NULL, 0), 0);
	assert_int_equal(
		real_sh(core, BOX, false,
			"while [ ! -e /tmp/burnt ]; do sleep 0.02; done", NULL, 0),
		0);
	OK(box_stats(core, BOX, &after, NULL, E));
	assert_true(after.cpu_us > before.cpu_us + 10000);
	assert_string_equal(after.boot, before.boot);
	/* The sum over lives: the last of one, and another name for the next. */
	OK(box_pause_stats(core, BOX, &last, NULL, E));
	assert_string_equal(last.boot, before.boot);
	assert_true(last.cpu_us >= after.cpu_us);
	assert_int_equal(box_stats(core, BOX, &anew, NULL, E), -1);
	assert_int_equal(failed.kind, ERR_CONFLICT);
	OK(box_resume(core, BOX, NULL, E));
	OK(box_stats(core, BOX, &anew, NULL, E));
	assert_string_not_equal(anew.boot, last.boot);
	assert_true(anew.cpu_us < last.cpu_us);
	OK(box_pause(core, BOX, NULL, E));
	OK(box_pause_stats(core, BOX, &last, NULL, E)); /* it does not run */
	assert_string_equal(last.boot, "");
	OK(box_resume(core, BOX, NULL, E));
}

/* An idle box, or one whose processes end when they are told to, stops at once. */
static void begin_pause(void)
{
	int64_t begin = clock_mono_ms(), took;

	OK(box_pause(core, BOX, NULL, E));
	took = clock_mono_ms() - begin;
	print_message("             pause: %lld ms\n", (long long)took);
	assert_true(took < 1500);
}

/* A pattern that does not match the search itself: "slee[p] 1". */
static bool alive(const char *pattern)
{
	CLEANUP(mem) char *script = mem_printf("pgrep -f '%s' >/dev/null", pattern);

	return real_sh(core, BOX, true, script, NULL, 0) == 0;
}

/* `node server.js &`, kept or not: the command ends with its own process, what it left lives
 * on when the run is forgotten, and ends with the box. */
static void test_left_behind(void **state)
{
	(void)state;
	for (int keep = 0; keep < 2; keep++) {
		const char *argv[] = {"sh", "-c",
			"(while :; do echo tick; sleep 0.4217; done) & echo up; exit 3",
			NULL};
		struct run_spec spec = {.argv = argv, .keep = keep};
		struct run_event event = {.kind = RUN_STDOUT};
		CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(4096);
		struct run *run = start(&spec);

		for (;;) {
			OK(run_read(run, &event, NULL, E));
			if (event.kind == RUN_EXIT)
				break;
			strbuf_add(&out, event.data, event.len);
		}
		assert_int_equal(event.exit_code, 3);
		assert_non_null(strstr(strbuf_str(&out), "up\n"));
		assert_true(event.peak_bytes > 0);
		run_done(run);
		assert_true(alive("slee[p] 0.4217"));
	}
	begin_pause();
	OK(box_resume(core, BOX, NULL, E));
	assert_false(alive("slee[p] 0.4217"));
}

static void test_kept_runs_are_listed(void **state)
{
	struct run *one = start_kept("one", "echo out; exit 7");
	struct run *two = start_kept("two", "sleep 600");
	struct run_event event = {.kind = RUN_STDOUT};
	struct run_info *infos = NULL;
	struct box_info box;
	size_t count = 0;

	(void)state;
	while (event.kind != RUN_EXIT)
		OK(run_read(one, &event, NULL, E));
	OK(run_list(core, BOX, &infos, &count, NULL, E));
	assert_int_equal(count, 2);
	assert_string_equal(infos[0].id, "one");
	assert_true(infos[0].exited);
	assert_int_equal(infos[0].exit_code, 7);
	assert_int_equal(infos[0].end, event.offset);
	assert_string_equal(infos[1].id, "two");
	assert_false(infos[1].exited);
	free(infos);
	run_done(one);
	run_close(two);
	OK(run_list(core, BOX, &infos, &count, NULL, E));
	assert_int_equal(count, 1);
	free(infos);
	/* A paused box has no runs, and asking does not wake it. */
	OK(box_pause(core, BOX, NULL, E));
	assert_int_equal(run_list(core, BOX, &infos, &count, NULL, E), -1);
	assert_int_equal(failed.kind, ERR_CONFLICT);
	assert_int_equal(run_attach(core, BOX, "two", 0, &two, NULL, E), -1);
	assert_int_equal(failed.kind, ERR_NOT_FOUND);
	assert_int_equal(run_stop(core, BOX, "two", 100, NULL, E), -1);
	assert_int_equal(failed.kind, ERR_NOT_FOUND);
	OK(box_get(core, BOX, &box, NULL, E));
	assert_int_equal(box.state, BOX_PAUSED);
	assert_int_equal(box.end, BOX_END_PAUSED);
	OK(box_resume(core, BOX, NULL, E));
	OK(run_list(core, BOX, &infos, &count, NULL, E));
	assert_int_equal(count, 0);
	free(infos);
}

/* Output that is taken goes away as it is; what nobody takes lies in the box's disk until
 * somebody does.  Nothing is lost either way. */
static void test_much_kept_output(void **state)
{
	static const size_t all = 300UL << 20;
	int64_t disk = 0, begin = clock_mono_ms();
	struct run *run = start_kept("much", "head -c 314572800 /dev/zero");
	struct run_event event = {.kind = RUN_STDOUT};
	struct box_stats stats;
	size_t sum = 0;

	(void)state;
	for (; event.kind != RUN_EXIT; sum += event.len) {
		OK(run_read(run, &event, NULL, E));
		run_ack(run, event.offset);
	}
	assert_int_equal(sum, all);
	print_message("             kept output: %.0f MB/s\n",
		(double)all / 1000 / (double)(clock_mono_ms() - begin));
	OK(box_stats(core, BOX, &stats, NULL, E));
	OK(box_disk(core, BOX, &disk, NULL, E));
	assert_true(disk < 8 << 20);
	run_done(run);
	run = start_kept("later", "head -c 104857600 /dev/zero; echo end >&2");
	while (real_sh(core, BOX, true, "pgrep -x head >/dev/null", NULL, 0) == 0)
		continue; /* it ends though nobody reads */
	event.kind = RUN_STDOUT;
	for (sum = 0; event.kind != RUN_EXIT; sum += event.len)
		OK(run_read(run, &event, NULL, E));
	assert_int_equal(sum, (100UL << 20) + 4);
	run_done(run);
}

/* Pause ends all processes in good order, and does not wait for nothing. */
static void test_orderly_stop(void **state)
{
	struct run *run =
		start_kept("term", "trap 'echo bye > /workspace/home/bye; exit 0' TERM; "
				   "echo up; while :; do sleep 0.05; done");
	struct run_event event;
	int64_t begin;

	(void)state;
	OK(run_read(run, &event, NULL, E));
	run_close(run);
	begin = clock_mono_ms();
	OK(box_pause(core, BOX, NULL, E));
	assert_true(clock_mono_ms() - begin < 4500);
	assert_int_equal(real_sh(core, BOX, false,
				 "test \"$(cat /workspace/home/bye)\" = bye", NULL, 0),
		0);
	assert_int_equal(run_attach(core, BOX, "term", 0, &run, NULL, E), -1);
	assert_int_equal(failed.kind, ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output_and_codes),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_attach_after_reopening),
		cmocka_unit_test(test_background_child),
		cmocka_unit_test(test_slow_beside_fast),
		cmocka_unit_test(test_stop_sweeps_sessions),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_stats),
		cmocka_unit_test(test_left_behind),
		cmocka_unit_test(test_kept_runs_are_listed),
		cmocka_unit_test(test_much_kept_output),
		cmocka_unit_test(test_orderly_stop),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
