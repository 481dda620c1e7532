/* SPDX-License-Identifier: MIT */
/*
 * What the link itself costs: a command and a stream over a socket pair, no engine.  The
 * limits are ten times what a slow machine needs: they catch a lost wake-up or a copy too
 * many, not a busy neighbour.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "tests/lib/init_box.h"

#include <stdio.h>
#include <stdlib.h>

#define COMMANDS 300
#define STREAM_BYTES (256L * 1024 * 1024)
#define COMMAND_MAX_US 50000
#define STREAM_MIN_MB_S 5

static int by_value(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

static void bench_commands(struct boxcore *core, bool keep)
{
	const char *argv[] = {"true", NULL};
	struct run_spec spec = {.argv = argv, .cwd = "/", .keep = keep};
	static int64_t us[COMMANDS];

	for (int i = 0; i < COMMANDS; i++) {
		struct run_result result = {
			.out = STRBUF_INIT(1024), .err_out = STRBUF_INIT(1024)};
		struct err err = {0};
		int64_t start = clock_mono_us();

		if (run_capture(core, "test", &spec, NULL, 0, &result, NULL, &err) < 0)
			fail_msg("%s", err.text);
		us[i] = clock_mono_us() - start;
		run_result_release(&result);
	}
	qsort(us, COMMANDS, sizeof *us, by_value);
	printf("true%s: p50 %lld us, p99 %lld us\n", keep ? " (kept)" : "",
		(long long)us[COMMANDS / 2], (long long)us[COMMANDS * 99 / 100]);
	assert_true(us[COMMANDS / 2] < COMMAND_MAX_US);
}

static void bench_stream(struct boxcore *core, bool keep)
{
	const char *argv[] = {"sh", "-c", "head -c 268435456 /dev/zero", NULL};
	struct run_spec spec = {.argv = argv, .cwd = "/", .root = true, .keep = keep};
	struct run_event event = {.kind = RUN_STDOUT};
	struct run *run = NULL;
	struct err err = {0};
	int64_t start = clock_mono_us();
	size_t sum = 0;

	if (run_start(core, "test", &spec, &run, NULL, &err) < 0)
		fail_msg("%s", err.text);
	while (event.kind != RUN_EXIT) {
		if (run_read(run, &event, NULL, &err) < 0)
			fail_msg("%s", err.text);
		sum += event.len;
		if (keep)
			run_ack(run, event.offset);
	}
	assert_int_equal(sum, STREAM_BYTES);
	run_close(run);
	double mb_s = (double)sum / (double)(clock_mono_us() - start);
	printf("stream%s: %.0f MB/s\n", keep ? " (kept)" : "", mb_s);
	assert_true(mb_s > STREAM_MIN_MB_S);
}

static void test_speed(void **state)
{
	struct fake_core *fake = init_box_possible() ? fake_core_new() : NULL;

	(void)state;
	if (!fake)
		skip();
	bench_commands(fake_core(fake), false);
	bench_commands(fake_core(fake), true);
	bench_stream(fake_core(fake), false);
	bench_stream(fake_core(fake), true);
	fake_core_free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_speed)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
