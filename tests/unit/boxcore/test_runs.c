/* SPDX-License-Identifier: MIT */
/* Runs in a real boxinit: output, exits, input, terminals, signals, offsets, restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "tests/lib/init_box.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct fake_core *fake;
static struct boxcore *core;

static int setup(void **state)
{
	(void)state;
	if (!init_box_possible())
		return -1;
	fake = fake_core_new();
	core = fake_core(fake);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (fake)
		fake_core_free(fake);
	fake = NULL;
	return 0;
}

/* The call's last argument is E. */
static __thread struct err failed;
#define E (&failed)
#define OK(call)                                                                         \
	do {                                                                             \
		if ((call) < 0)                                                          \
			fail_msg("%s:%d: %s", __FILE__, __LINE__, failed.text);          \
	} while (0)

static struct run_result run_sh(const char *script, bool root, const char *input)
{
	const char *argv[] = {"sh", "-c", script, NULL};
	struct run_spec spec = {.argv = argv, .cwd = "/", .root = root};
	struct run_result result = {
		.out = STRBUF_INIT(4 * LIMIT_MIB), .err_out = STRBUF_INIT(LIMIT_MIB)};

	OK(run_capture(
		core, "test", &spec, input, input ? strlen(input) : 0, &result, NULL, E));
	return result;
}

static void expect_sh(
	const char *script, bool root, const char *out, const char *err_out, int code)
{
	struct run_result result = run_sh(script, root, NULL);

	if (out)
		assert_string_equal(strbuf_str(&result.out), out);
	assert_string_equal(strbuf_str(&result.err_out), err_out);
	assert_int_equal(result.exit_code, code);
	run_result_release(&result);
}

static void test_output_and_codes(void **state)
{
	(void)state;
	expect_sh("echo out; echo err >&2; exit 7", true, "out\n", "err\n", 7);
	expect_sh("kill -9 $$", true, "", "", 128 + 9);
	expect_sh("kill -TERM $$", true, "", "", 128 + 15);
	expect_sh("id -u", true, "0\n", "", 0);
	expect_sh("id -u; id -g", false, "1000\n1000\n", "", 0);
	expect_sh("pwd; test -n \"$HOME$USER$SHELL\" && cat", false, "/\n", "", 0);
}

static void test_failure_to_start(void **state)
{
	const char *argv[] = {"no-such-program", NULL};
	struct run_spec spec = {.argv = argv, .cwd = "/"};
	struct run *run = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(run_start(core, "test", &spec, &run, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	argv[0] = "/etc/passwd";
	assert_int_equal(run_start(core, "test", &spec, &run, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_DENIED);
	argv[0] = "true";
	spec.cwd = "/no/such/folder";
	assert_int_equal(run_start(core, "test", &spec, &run, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "folder"));
}

static void test_rights(void **state)
{
	(void)state;
	/* NET_ADMIN (12), SETPCAP (8), SYS_ADMIN (21), SYS_PTRACE (19) are gone for good. */
	expect_sh("set -- $(grep CapBnd /proc/self/status); echo $(( 0x$2 & "
		  "(1<<12|1<<8|1<<21|1<<19) ))",
		true, "0\n", "", 0);
	expect_sh("set -- $(grep CapInh /proc/self/status); echo $2", true,
		"0000000000000000\n", "", 0);
	expect_sh("grep -c . /proc/1/environ 2>/dev/null || echo refused", false,
		"refused\n", "", 0);
	expect_sh("kill -9 1 2>/dev/null || echo refused", false, "refused\n", "", 0);
	expect_sh("kill -9 1; kill -TERM $PPID; echo alive", true, "alive\n", "", 0);
	expect_sh("ls /proc/self/fd | wc -l", true, "4\n", "", 0);
	/* Signals are as a program expects them. */
	expect_sh("grep -E 'Sig(Blk|Ign)' /proc/self/status | cut -f2 | sort -u", true,
		"0000000000000000\n", "", 0);
}

/* Input and output of several MiB at once: neither side may wait for the other. */
static void test_large_both_ways(void **state)
{
	size_t len = 8 * LIMIT_MIB;
	char *input = mem_alloc(len);
	const char *argv[] = {"cat", NULL};
	struct run_spec spec = {.argv = argv, .cwd = "/"};
	struct run_result result = {
		.out = STRBUF_INIT(len), .err_out = STRBUF_INIT(LIMIT_MIB)};

	(void)state;
	for (size_t i = 0; i < len; i++)
		input[i] = (char)(i * 31 >> 3);
	OK(run_capture(core, "test", &spec, input, len, &result, NULL, E));
	assert_int_equal(result.out.len, len);
	assert_memory_equal(result.out.data, input, len);
	run_result_release(&result);
	free(input);
}

static void test_background_child(void **state)
{
	int64_t start = clock_mono_ms();

	(void)state;
	expect_sh("(sleep 0.3; head -c 200000 /dev/zero; sleep "
		  "5) & "
		  "echo $$",
		true, NULL, "", 0);
	assert_true(clock_mono_ms() - start < 2000);
}

/* ---- kept runs ------------------------------------------------------------------------- */

static struct run *start_kept(const char *id, const char *script)
{
	const char *argv[] = {"sh", "-c", script, NULL};
	struct run_spec spec = {
		.id = id, .argv = argv, .cwd = "/", .root = true, .keep = true};
	struct run *run = NULL;

	OK(run_start(core, "test", &spec, &run, NULL, E));
	return run;
}

/* Reads `seq` output up to the exit or `most` events, checking each number's turn. */
struct counter {
	uint64_t offset;
	long next;
	char part[32];
	size_t part_len;
	bool exited;
};

static void count_bytes(struct counter *counter, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] != '\n') {
			assert_true(counter->part_len < sizeof counter->part - 1);
			counter->part[counter->part_len++] = data[i];
			continue;
		}
		counter->part[counter->part_len] = '\0';
		counter->part_len = 0;
		assert_int_equal(strtol(counter->part, NULL, 10), counter->next);
		counter->next++;
	}
}

static void count_run(struct counter *counter, struct run *run, int most, bool ack)
{
	while (most-- > 0 && !counter->exited) {
		struct run_event event;

		OK(run_read(run, &event, NULL, E));
		assert_true(event.offset >= counter->offset);
		counter->offset = event.offset;
		if (event.kind == RUN_EXIT) {
			counter->exited = true;
			assert_int_equal(event.exit_code, 0);
		} else {
			count_bytes(counter, event.data, event.len);
			if (ack)
				run_ack(run, event.offset);
		}
	}
}

/* The host dies in the middle of the run, again and again, also in the middle of a frame. */
static void test_restart_in_mid_run(void **state)
{
	static const char half[40] = "\x42\x58\x77\x31 the beginning of something";
	struct run *run = start_kept("count", "seq 0 1000000");
	struct counter counter = {0};
	int restarts = 0;

	(void)state;
	while (!counter.exited) {
		count_run(&counter, run, 7 + restarts % 5, restarts % 2);
		run_close(run);
		fake_core_lose_link(fake);
		ssize_t torn = restarts % 40;
		assert_int_equal(
			send(fake_core_box(fake)->fd, half, (size_t)torn, 0), torn);
		OK(run_attach(core, "test", "count", counter.offset, &run, NULL, E));
		restarts++;
	}
	assert_int_equal(counter.next, 1000001);
	assert_true(restarts > 5);
	/* The exit is told again to whoever asks again. */
	struct run_event event;
	OK(run_read(run, &event, NULL, E));
	assert_int_equal(event.kind, RUN_EXIT);
	run_close(run);
	OK(run_forget(core, "test", "count", NULL, E));
	struct err err = {0};
	assert_int_equal(run_attach(core, "test", "count", 0, &run, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void test_offsets(void **state)
{
	struct run *run = start_kept(
		"off", "echo one; sleep 0.1; echo two >&2; sleep 0.1; echo three");
	struct run_event event;
	uint64_t after_one, after_two;
	struct err err = {0};

	(void)state;
	OK(run_read(run, &event, NULL, E));
	assert_int_equal(event.kind, RUN_STDOUT);
	after_one = event.offset;
	OK(run_read(run, &event, NULL, E));
	assert_int_equal(event.kind, RUN_STDERR);
	assert_memory_equal(event.data, "two\n", 4);
	after_two = event.offset;
	run_close(run);
	/* Two readers at once, each at its place. */
	struct run *second = NULL;
	OK(run_attach(core, "test", "off", 0, &run, NULL, E));
	OK(run_attach(core, "test", "off", after_one, &second, NULL, E));
	OK(run_read(second, &event, NULL, E));
	assert_memory_equal(event.data, "two\n", 4);
	OK(run_read(run, &event, NULL, E));
	assert_memory_equal(event.data, "one\n", 4);
	run_close(second);
	run_ack(run, after_two);
	run_close(run);
	assert_int_equal(
		run_attach(core, "test", "off", after_one, &run, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_int_equal(
		run_attach(core, "test", "off", after_two + 1, &run, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	OK(run_attach(core, "test", "off", after_two, &run, NULL, E));
	OK(run_read(run, &event, NULL, E));
	assert_memory_equal(event.data, "three\n", 6);
	OK(run_read(run, &event, NULL, E));
	assert_int_equal(event.kind, RUN_EXIT);
	run_close(run);
	/* The same id once more. */
	const char *argv[] = {"true", NULL};
	struct run_spec spec = {.id = "off", .argv = argv, .cwd = "/", .keep = true};
	assert_int_equal(run_start(core, "test", &spec, &run, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	OK(run_forget(core, "test", "off", NULL, E));
}

/* ---- signals and stop ------------------------------------------------------------------ */

static bool alive(const char *marker)
{
	char script[200];

	snprintf(script, sizeof script,
		/* Whole command lines: the scripts that start them contain their text. */
		"for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$f; echo; done "
		"2>/dev/null "
		"| grep -cx 'sleep %s '",
		marker);
	struct run_result result = run_sh(script, true, NULL);
	bool found = !str_eq(strbuf_str(&result.out), "0\n");
	run_result_release(&result);
	return found;
}

/* A process in a session of its own whose parent has died and whose environment is empty. */
static void test_stop_sweeps(void **state)
{
	struct run *run = start_kept("sweep",
		"setsid sh -c 'env -i sleep 7771 & exit' & "
		"trap '' INT TERM; sleep 7772 & sleep 7772; sleep 7772");

	(void)state;
	while (!alive("7771") || !alive("7772"))
		usleep(1000);
	OK(run_stop(core, "test", "sweep", 50, NULL, E));
	assert_false(alive("7771"));
	assert_false(alive("7772"));
	struct run_event event;
	do
		OK(run_read(run, &event, NULL, E));
	while (event.kind != RUN_EXIT);
	assert_int_equal(event.signal, SIGKILL);
	run_close(run);
	OK(run_stop(core, "test", "sweep", 50, NULL, E)); /* again is fine */
	OK(run_forget(core, "test", "sweep", NULL, E));
}

static void test_signal(void **state)
{
	struct run *run = start_kept("sig", "trap 'echo got; exit 3' USR1; echo ready; "
					    "while :; do sleep 0.01; done");
	struct run_event event;

	(void)state;
	OK(run_read(run, &event, NULL, E));
	OK(run_signal(core, "test", "sig", SIGUSR1, NULL, E));
	do
		OK(run_read(run, &event, NULL, E));
	while (event.kind != RUN_EXIT);
	/* sleep died of it or sh took its trap; either way it has ended by our signal. */
	assert_true(event.exit_code == 3 || event.exit_code == 128 + SIGUSR1);
	run_close(run);
	OK(run_forget(core, "test", "sig", NULL, E));
}

/* A run without keep dies with its reader. */
static void test_not_kept(void **state)
{
	const char *argv[] = {"sh", "-c", "setsid sleep 7773 & sleep 7773", NULL};
	struct run_spec spec = {.argv = argv, .cwd = "/"};
	struct run *run = NULL;

	(void)state;
	OK(run_start(core, "test", &spec, &run, NULL, E));
	while (!alive("7773"))
		usleep(1000);
	run_close(run);
	while (alive("7773"))
		usleep(1000);
	OK(run_start(core, "test", &spec, &run, NULL, E));
	run_close(run);
	fake_core_lose_link(fake);
	while (alive("7773"))
		usleep(1000);
}

/* ---- terminals ------------------------------------------------------------------------- */

static void read_until(struct run *run, struct strbuf *text, const char *wanted)
{
	while (!strstr(strbuf_str(text), wanted)) {
		struct run_event event;

		OK(run_read(run, &event, NULL, E));
		if (event.kind == RUN_EXIT)
			fail_msg("no %s in %s", wanted, strbuf_str(text));
		strbuf_add(text, event.data, event.len);
	}
}

static void test_pty(void **state)
{
	const char *argv[] = {"sh", "-c",
		"tty; stty size; read line; echo got:$line; read w; stty size; cat",
		NULL};
	struct run_spec spec = {
		.argv = argv, .cwd = "/", .pty = true, .rows = 33, .cols = 101};
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_MIB);
	struct run *run = NULL;

	(void)state;
	OK(run_start(core, "test", &spec, &run, NULL, E));
	read_until(run, &text, "33 101");
	assert_non_null(strstr(strbuf_str(&text), "/dev/pts/"));
	OK(run_write(run, "hello\n", 6, NULL, E));
	read_until(run, &text, "got:hello");
	OK(run_resize(run, 50, 132, E));
	OK(run_write(run, "\n", 1, NULL, E));
	read_until(run, &text, "50 132");
	/* Once by the terminal's echo, once by cat, which runs by then; ^C ends it. */
	OK(run_write(run, "again\n", 6, NULL, E));
	read_until(run, &text, "again\r\nagain\r\n");
	OK(run_write(run, "\x03", 1, NULL, E));
	struct run_event event;
	do
		OK(run_read(run, &event, NULL, E));
	while (event.kind != RUN_EXIT);
	assert_int_equal(event.exit_code, 128 + SIGINT);
	run_close(run);
}

static void test_pty_all_output(void **state)
{
	const char *argv[] = {"sh", "-c", "stty -opost; seq 1 20000", NULL};
	struct run_spec spec = {.argv = argv, .cwd = "/", .pty = true};
	struct run *run = NULL;
	struct counter counter = {.next = 1};

	(void)state;
	OK(run_start(core, "test", &spec, &run, NULL, E));
	count_run(&counter, run, INT32_MAX, false);
	assert_int_equal(counter.next, 20001);
	run_close(run);
}

/* ---- cancel, slow readers, many -------------------------------------------------------- */

static void *fire_soon(void *arg)
{
	usleep(20000);
	cancel_fire(arg, "enough");
	return NULL;
}

static void test_cancel(void **state)
{
	CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);
	struct run *run = start_kept("wait", "sleep 7774");
	struct run_event event;
	struct err err = {0};
	pthread_t thread;

	(void)state;
	OK(thread_start(&thread, "fire", fire_soon, cancel, E));
	assert_int_equal(run_read(run, &event, cancel, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELLED);
	thread_join(thread);
	run_close(run);
	OK(run_stop(core, "test", "wait", 0, NULL, E));
	OK(run_forget(core, "test", "wait", NULL, E));
}

/* Nobody reads the first; the second must flow all the same. */
static void test_slow_beside_fast(void **state)
{
	const char *argv[] = {"cat", "/dev/zero", NULL};
	struct run_spec spec = {.argv = argv, .cwd = "/"};
	struct run *slow = NULL;

	(void)state;
	OK(run_start(core, "test", &spec, &slow, NULL, E));
	usleep(50000); /* until it is stuck; sooner only makes the test easier */
	for (int i = 0; i < 20; i++)
		expect_sh("echo quick", false, "quick\n", "", 0);
	struct run_result result = run_sh("head -c 4000000 /dev/zero", false, NULL);
	assert_int_equal(result.out.len, 4000000);
	run_result_release(&result);
	run_close(slow);
}

static void *many_commands(void *arg)
{
	for (int i = 0; i < 50; i++) {
		char script[64], expected[64];

		snprintf(script, sizeof script, "echo %d-%d; exit %d", *(int *)arg, i, i);
		snprintf(expected, sizeof expected, "%d-%d\n", *(int *)arg, i);
		expect_sh(script, false, expected, "", i);
	}
	return NULL;
}

static void test_many_at_once(void **state)
{
	pthread_t threads[4];
	int numbers[4] = {0, 1, 2, 3};

	(void)state;
	for (int i = 0; i < 4; i++)
		OK(thread_start(&threads[i], "many", many_commands, &numbers[i], E));
	for (int i = 0; i < 4; i++)
		thread_join(threads[i]);
}

static void test_long_arguments(void **state)
{
	size_t len = 120000;
	char program[] = "printf", format[] = "%s%s%s";
	char *args[6] = {program, format, NULL, NULL, NULL, NULL};
	struct run_spec spec = {.argv = (const char *const *)args, .cwd = "/"};
	struct run_result result = {
		.out = STRBUF_INIT(LIMIT_MIB), .err_out = STRBUF_INIT(LIMIT_MIB)};

	(void)state;
	for (int i = 2; i < 5; i++) {
		args[i] = mem_alloc(len + 1);
		memset(args[i], 'a' + i, len);
		args[i][len] = '\0';
	}
	OK(run_capture(core, "test", &spec, NULL, 0, &result, NULL, E));
	assert_int_equal(result.out.len, 3 * len);
	assert_int_equal(result.out.data[2 * len], 'a' + 4);
	run_result_release(&result);
	for (int i = 2; i < 5; i++)
		free(args[i]);
}

static void test_stats(void **state)
{
	struct box_stats stats;

	(void)state;
	OK(box_stats(core, "test", &stats, NULL, E));
	assert_true(stats.cpu_us >= 0 && stats.memory_bytes >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output_and_codes),
		cmocka_unit_test(test_failure_to_start),
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_large_both_ways),
		cmocka_unit_test(test_background_child),
		cmocka_unit_test(test_restart_in_mid_run),
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_stop_sweeps),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_not_kept),
		cmocka_unit_test(test_pty),
		cmocka_unit_test(test_pty_all_output),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_slow_beside_fast),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_long_arguments),
		cmocka_unit_test(test_stats),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
