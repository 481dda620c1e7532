/* SPDX-License-Identifier: MIT */
/* Buffers: the sticky maximum, growth, taking, consuming; and mem.h below them. */
#include "boxcore/base/mem.h"
#include "boxcore/base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void an_empty_buffer_is_a_string(void **state)
{
	CLEANUP(strbuf) struct strbuf sb = STRBUF_INIT(10);

	(void)state;
	assert_string_equal(strbuf_str(&sb), "");
	strbuf_consume(&sb, 0);
	CLEANUP(mem) char *taken = strbuf_take(&sb);
	assert_string_equal(taken, "");
}

static void appends_and_formats(void **state)
{
	CLEANUP(strbuf) struct strbuf sb = STRBUF_INIT(100);

	(void)state;
	strbuf_adds(&sb, "a");
	strbuf_addc(&sb, 'b');
	strbuf_addf(&sb, "-%d-%s", 42, "x");
	strbuf_add(&sb, "\0y", 2);
	assert_int_equal(sb.len, 9);
	assert_memory_equal(sb.data, "ab-42-x\0y", 10);
	assert_false(strbuf_failed(&sb));
}

static void exactly_the_maximum_fits(void **state)
{
	CLEANUP(strbuf) struct strbuf sb = STRBUF_INIT(5);
	struct err err = {0};

	(void)state;
	strbuf_adds(&sb, "12345");
	assert_int_equal(strbuf_check(&sb, "text", &err), 0);
	assert_int_equal(err.kind, ERR_NONE);
	strbuf_adds(&sb, "");
	assert_false(strbuf_failed(&sb));
	strbuf_addc(&sb, '6');
	assert_int_equal(strbuf_check(&sb, "the text", &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_string_equal(err.text, "the text is larger than the limit of 5 bytes");
	assert_string_equal(strbuf_str(&sb), "12345");
}

static void failure_sticks_until_reset(void **state)
{
	CLEANUP(strbuf) struct strbuf sb = STRBUF_INIT(5);

	(void)state;
	strbuf_adds(&sb, "123456");
	assert_true(strbuf_failed(&sb));
	strbuf_addc(&sb, '1'); /* would fit, but text with a hole is worse than none */
	assert_int_equal(sb.len, 0);
	assert_null(strbuf_room(&sb, 1));
	strbuf_reset(&sb);
	strbuf_addc(&sb, '1');
	assert_string_equal(strbuf_str(&sb), "1");
}

static void sizes_that_overflow_are_refused(void **state)
{
	CLEANUP(strbuf) struct strbuf sb = STRBUF_INIT(100);

	(void)state;
	strbuf_adds(&sb, "x");
	assert_null(strbuf_room(&sb, SIZE_MAX));
	strbuf_reset(&sb);
	strbuf_adds(&sb, "x");
	assert_null(strbuf_room(&sb, SIZE_MAX - 1));
}

static void byte_after_byte_grows_by_doubling(void **state)
{
	CLEANUP(strbuf) struct strbuf sb = STRBUF_INIT(1 << 20);
	int grown = 0;
	size_t cap = 0;

	(void)state;
	for (int i = 0; i < 1 << 20; i++) {
		strbuf_addc(&sb, 'x');
		grown += sb.cap != cap;
		cap = sb.cap;
	}
	assert_false(strbuf_failed(&sb));
	assert_true(grown < 20);
	assert_true(sb.cap <= (1 << 20) + 1);
}

static void room_and_grown_and_consume(void **state)
{
	CLEANUP(strbuf) struct strbuf sb = STRBUF_INIT(100);

	(void)state;
	char *room = strbuf_room(&sb, 50);
	memcpy(room, "hello world", 11);
	strbuf_grown(&sb, 11);
	assert_string_equal(strbuf_str(&sb), "hello world");
	strbuf_consume(&sb, 6);
	assert_string_equal(strbuf_str(&sb), "world");
	strbuf_consume(&sb, 5);
	assert_int_equal(sb.len, 0);
	assert_string_equal(strbuf_str(&sb), "");
}

static void take_leaves_an_empty_buffer(void **state)
{
	struct strbuf sb;

	(void)state;
	strbuf_init(&sb, 10);
	strbuf_adds(&sb, "abc");
	CLEANUP(mem) char *taken = strbuf_take(&sb);
	assert_string_equal(taken, "abc");
	assert_null(sb.data);
	assert_int_equal(sb.max, 10);
	strbuf_adds(&sb, "d");
	assert_string_equal(strbuf_str(&sb), "d");
	strbuf_release(&sb);
	strbuf_release(&sb);
}

static void mem_of_size_zero_is_memory(void **state)
{
	(void)state;
	CLEANUP(mem) void *a = mem_alloc(0);
	CLEANUP(mem) void *b = mem_array(0, 8);
	CLEANUP(mem) void *c = mem_dup("", 0);
	CLEANUP(mem) void *d = mem_grow(NULL, 0, 8);
	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
	assert_non_null(d);
	assert_null(mem_strdup(NULL));
	CLEANUP(mem) char *cut = mem_strndup("abcdef", 3);
	assert_string_equal(cut, "abc");
	CLEANUP(mem) char *whole = mem_strndup("abc", 10);
	assert_string_equal(whole, "abc");
	CLEANUP(mem) char *printed = mem_printf("%s/%d", "a", 7);
	assert_string_equal(printed, "a/7");
}

static void zalloc_is_zero_and_wipe_wipes(void **state)
{
	CLEANUP(mem) char *p = mem_zalloc(64);
	static const char zeros[64];

	(void)state;
	assert_memory_equal(p, zeros, 64);
	memset(p, 'x', 64);
	mem_wipe(p, 64);
	assert_memory_equal(p, zeros, 64);
	mem_wipe(NULL, 0);
}

/* Runs fn in a child; returns the signal that ended it. */
static int signal_of(void (*fn)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		const struct rlimit no_core = {0, 0};

		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGABRT, SIG_DFL);
		if (!freopen("/dev/null", "w", stderr))
			_exit(99);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static void overflow_array(void)
{
	free(mem_array(SIZE_MAX / 2, 4));
}

static void overflow_grow(void)
{
	free(mem_grow(NULL, SIZE_MAX / 2, 4));
}

static void an_overflowing_product_ends_the_process(void **state)
{
	(void)state;
	assert_int_equal(signal_of(overflow_array), SIGABRT);
	assert_int_equal(signal_of(overflow_grow), SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_buffer_is_a_string),
		cmocka_unit_test(appends_and_formats),
		cmocka_unit_test(exactly_the_maximum_fits),
		cmocka_unit_test(failure_sticks_until_reset),
		cmocka_unit_test(sizes_that_overflow_are_refused),
		cmocka_unit_test(byte_after_byte_grows_by_doubling),
		cmocka_unit_test(room_and_grown_and_consume),
		cmocka_unit_test(take_leaves_an_empty_buffer),
		cmocka_unit_test(mem_of_size_zero_is_memory),
		cmocka_unit_test(zalloc_is_zero_and_wipe_wipes),
		cmocka_unit_test(an_overflowing_product_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
