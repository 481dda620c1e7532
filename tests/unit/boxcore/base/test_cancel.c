/* SPDX-License-Identifier: MIT */
/* Cancels, clocks, locks and threads: firing, parents, deadlines, watches, races. */
#include "boxcore/base/cancel.h"
#include "boxcore/base/clock.h"
#include "boxcore/base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>

DEFINE_CLEANUP(pipe_ends, int, if (*value >= 0) close(*value))

static void null_never_fires(void **state)
{
	struct err err = {0};

	(void)state;
	cancel_fire(NULL, "x");
	cancel_deadline(NULL, 1, "x");
	assert_false(cancel_fired(NULL));
	assert_int_equal(cancel_check(NULL, &err), 0);
	assert_int_equal(cancel_remaining_ms(NULL, 5), 5);
	assert_int_equal(cancel_remaining_ms(NULL, -1), -1);
	assert_int_equal(cancel_fd(NULL), -1);
	assert_int_equal(cancel_sleep(NULL, 1, &err), 0);
	cancel_free(NULL);
	struct cancel_watch watch;
	cancel_watch(NULL, &watch, NULL, NULL);
	cancel_unwatch(&watch);
}

static void the_first_reason_stays(void **state)
{
	CLEANUP(cancel) struct cancel *c = cancel_new(NULL);
	struct err err = {0};

	(void)state;
	assert_int_equal(cancel_check(c, &err), 0);
	cancel_fire(c, "cancelled by @octocat");
	cancel_fire(c, "another");
	assert_int_equal(cancel_check(c, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELLED);
	assert_string_equal(err.text, "cancelled by @octocat");
	assert_true(cancel_fired(c));
	struct pollfd fd = {.fd = cancel_fd(c), .events = POLLIN};
	assert_int_equal(poll(&fd, 1, 0), 1);
}

static void a_parent_reaches_all_below(void **state)
{
	CLEANUP(cancel) struct cancel *top = cancel_new(NULL);
	CLEANUP(cancel) struct cancel *middle = cancel_new(top);
	CLEANUP(cancel) struct cancel *below = cancel_new(middle);
	CLEANUP(cancel) struct cancel *other = cancel_new(NULL);
	struct err err = {0};

	(void)state;
	cancel_fire(top, "shutdown");
	assert_int_equal(cancel_check(below, &err), -1);
	assert_string_equal(err.text, "shutdown");
	struct pollfd fd = {.fd = cancel_fd(below), .events = POLLIN};
	assert_int_equal(poll(&fd, 1, 0), 1);
	assert_false(cancel_fired(other));
	CLEANUP(cancel) struct cancel *late = cancel_new(top);
	assert_true(cancel_fired(late));
	fd.fd = cancel_fd(late);
	assert_int_equal(poll(&fd, 1, 0), 1);
}

static void a_child_does_not_reach_its_parent(void **state)
{
	CLEANUP(cancel) struct cancel *top = cancel_new(NULL);
	CLEANUP(cancel) struct cancel *below = cancel_new(top);

	(void)state;
	cancel_fire(below, "x");
	assert_false(cancel_fired(top));
}

static int64_t fake_us;
static int64_t fake_mono(void)
{
	return fake_us;
}
static int64_t fake_wall(void)
{
	return 1700000000123;
}

static void deadlines_on_a_replaced_clock(void **state)
{
	CLEANUP(cancel) struct cancel *top = cancel_new(NULL);
	CLEANUP(cancel) struct cancel *below = cancel_new(top);
	struct err err = {0};

	(void)state;
	fake_us = 1000000;
	clock_set_source(fake_mono, NULL);
	cancel_deadline(top, 100, "the task's limit");
	cancel_deadline(below, 500, "the step's limit");
	assert_int_equal(cancel_remaining_ms(below, -1), 100);
	assert_int_equal(cancel_remaining_ms(below, 50), 50);
	fake_us += 99 * 1000;
	assert_false(cancel_fired(below));
	fake_us += 1000;
	assert_int_equal(cancel_check(below, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_string_equal(err.text, "the task's limit has passed");
	assert_int_equal(cancel_remaining_ms(below, -1), 0);
	cancel_deadline(top, 0, NULL);
	assert_false(cancel_fired(below));
	assert_int_equal(cancel_remaining_ms(top, -1), -1);
	clock_set_source(NULL, NULL);
}

static void clocks(void **state)
{
	char buf[CLOCK_ISO_SIZE];

	(void)state;
	int64_t before = clock_mono_us();
	assert_true(clock_mono_us() >= before);
	assert_true(clock_mono_ms() >= before / 1000);
	assert_true(clock_wall_s() > 1700000000);
	clock_set_source(fake_mono, fake_wall);
	fake_us = 12345678;
	assert_int_equal(clock_mono_us(), 12345678);
	assert_int_equal(clock_mono_ms(), 12345);
	assert_int_equal(clock_wall_ms(), 1700000000123);
	assert_int_equal(clock_wall_s(), 1700000000);
	clock_set_source(NULL, NULL);
	assert_string_equal(clock_iso(0, buf, sizeof buf), "1970-01-01T00:00:00Z");
	assert_string_equal(
		clock_iso(1763843701, buf, sizeof buf), "2025-11-22T20:35:01Z");
	assert_string_equal(clock_iso(1763843701, buf, 5), "");
}

static void sleeping_ends_by_time_or_cancel_or_deadline(void **state)
{
	CLEANUP(cancel) struct cancel *c = cancel_new(NULL);
	struct err err = {0};

	(void)state;
	int64_t start = clock_mono_ms();
	assert_int_equal(cancel_sleep(c, 20, &err), 0);
	assert_true(clock_mono_ms() - start >= 20);
	cancel_deadline(c, 20, "limit");
	assert_int_equal(cancel_sleep(c, 60000, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	cancel_fire(c, "now");
	assert_int_equal(cancel_sleep(c, 60000, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELLED);
	assert_int_equal(cancel_sleep(c, -1, &err), -1);
}

static void polling(void **state)
{
	CLEANUP(cancel) struct cancel *c = cancel_new(NULL);
	struct err err = {0};
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	CLEANUP(pipe_ends) int in = ends[0];
	CLEANUP(pipe_ends) int out = ends[1];
	struct pollfd fd = {.fd = in, .events = POLLIN, .revents = POLLERR};
	assert_int_equal(cancel_poll(c, &fd, 1, 0, &err), 0);
	assert_int_equal(fd.revents, 0); /* nothing stale */
	assert_int_equal(write(out, "x", 1), 1);
	assert_int_equal(cancel_poll(c, &fd, 1, -1, &err), 1);
	assert_int_equal(fd.revents, POLLIN);
	cancel_fire(c, "x");
	assert_int_equal(cancel_poll(c, &fd, 1, -1, &err), -1);
	assert_int_equal(fd.revents, 0);
}

static void *fire_soon(void *arg)
{
	struct err err = {0};

	cancel_sleep(NULL, 20, &err);
	cancel_fire(arg, "from another thread");
	return NULL;
}

static void a_waiting_thread_is_woken_at_once(void **state)
{
	CLEANUP(cancel) struct cancel *top = cancel_new(NULL);
	CLEANUP(cancel) struct cancel *below = cancel_new(top);
	struct err err = {0};
	pthread_t thread;

	(void)state;
	assert_int_equal(thread_start(&thread, "fire", fire_soon, top, &err), 0);
	int64_t start = clock_mono_ms();
	assert_int_equal(cancel_sleep(below, 60000, &err), -1);
	assert_true(clock_mono_ms() - start < 10000);
	assert_string_equal(err.text, "from another thread");
	thread_join(thread);
}

static void count_up(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

static void watches_run_once_each(void **state)
{
	CLEANUP(cancel) struct cancel *c = cancel_new(NULL);
	struct cancel_watch a, b, off, late;
	atomic_int n = 0, other = 0;

	(void)state;
	cancel_watch(c, &a, count_up, &n);
	cancel_watch(c, &b, count_up, &n);
	cancel_watch(c, &off, count_up, &other);
	cancel_unwatch(&off);
	cancel_fire(c, "x");
	cancel_fire(c, "x");
	assert_int_equal(n, 2);
	assert_int_equal(other, 0);
	cancel_watch(c, &late, count_up, &n);
	assert_int_equal(n, 3);
	cancel_unwatch(&a);
	cancel_unwatch(&b);
	cancel_unwatch(&late);
	cancel_unwatch(&late); /* twice is fine */
}

static void fire_other(void *arg)
{
	cancel_fire(arg, "from a watch");
}

static void a_watch_may_fire_another_cancel(void **state)
{
	CLEANUP(cancel) struct cancel *a = cancel_new(NULL);
	CLEANUP(cancel) struct cancel *b = cancel_new(NULL);
	struct cancel_watch watch;

	(void)state;
	cancel_watch(a, &watch, fire_other, b);
	cancel_fire(a, "x");
	assert_true(cancel_fired(b));
	cancel_unwatch(&watch);
}

/* Two threads fire while others come and go: nothing is lost, nothing runs after
 * cancel_unwatch().  Also for the eyes of ThreadSanitizer. */
struct race {
	struct cancel *top;
	atomic_int go;
};

static void *race_fire(void *arg)
{
	struct race *race = arg;

	while (!atomic_load(&race->go))
		;
	cancel_fire(race->top, "race");
	return NULL;
}

static void *race_children(void *arg)
{
	struct race *race = arg;
	struct err err = {0};

	while (!atomic_load(&race->go))
		;
	for (int i = 0; i < 20; i++) {
		struct cancel *c = cancel_new(race->top);
		struct cancel_watch watch;
		atomic_int n = 0;
		cancel_watch(c, &watch, count_up, &n);
		cancel_check(c, &err);
		cancel_unwatch(&watch);
		int seen = n;
		cancel_free(c);
		if (seen > 1 || seen != n)
			abort();
	}
	return NULL;
}

static void firing_races_with_children_and_watches(void **state)
{
	(void)state;
	for (int round = 0; round < 50; round++) {
		struct race race = {.top = cancel_new(NULL)};
		struct err err = {0};
		pthread_t threads[4];
		for (int i = 0; i < 4; i++)
			assert_int_equal(
				thread_start(&threads[i], "race",
					i < 2 ? race_fire : race_children, &race, &err),
				0);
		atomic_store(&race.go, 1);
		for (int i = 0; i < 4; i++)
			thread_join(threads[i]);
		assert_true(cancel_fired(race.top));
		cancel_free(race.top);
	}
}

static struct lock counter_lock = LOCK_INIT;
static int counter;

static void *count_locked(void *arg)
{
	(void)arg;
	for (int i = 0; i < 10000; i++) {
		LOCKED(&counter_lock);
		lock_assert_held(&counter_lock);
		counter++;
	}
	return NULL;
}

static void locks_exclude(void **state)
{
	pthread_t threads[4];
	struct err err = {0};

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(
			thread_start(&threads[i], "count", count_locked, NULL, &err), 0);
	for (int i = 0; i < 4; i++)
		thread_join(threads[i]);
	assert_int_equal(counter, 40000);
}

static void a_lock_that_is_not_held_ends_the_process(void **state)
{
	int status = 0;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		lock_assert_held(&counter_lock);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static struct {
	struct lock lock;
	struct cond cond;
	bool ready;
} gate = {.lock = LOCK_INIT};

static void *open_gate(void *arg)
{
	sigset_t now;

	(void)arg;
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	if (!sigismember(&now, SIGTERM))
		abort(); /* main alone handles signals */
	LOCKED(&gate.lock);
	gate.ready = true;
	cond_wake_all(&gate.cond);
	return NULL;
}

static void conditions_wake_and_time_out(void **state)
{
	struct err err = {0};
	pthread_t thread;

	(void)state;
	cond_init(&gate.cond);
	{
		LOCKED(&gate.lock);
		int64_t start = clock_mono_ms();
		assert_false(cond_wait_ms(&gate.cond, &gate.lock, 20));
		assert_true(clock_mono_ms() - start >= 19);
		lock_assert_held(&gate.lock);
	}
	assert_int_equal(thread_start(&thread, "gate", open_gate, NULL, &err), 0);
	{
		LOCKED(&gate.lock);
		while (!gate.ready)
			assert_true(cond_wait_ms(&gate.cond, &gate.lock, 10000));
		assert_true(gate.ready);
	}
	thread_join(thread);
	cond_release(&gate.cond);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_never_fires),
		cmocka_unit_test(the_first_reason_stays),
		cmocka_unit_test(a_parent_reaches_all_below),
		cmocka_unit_test(a_child_does_not_reach_its_parent),
		cmocka_unit_test(deadlines_on_a_replaced_clock),
		cmocka_unit_test(clocks),
		cmocka_unit_test(sleeping_ends_by_time_or_cancel_or_deadline),
		cmocka_unit_test(polling),
		cmocka_unit_test(a_waiting_thread_is_woken_at_once),
		cmocka_unit_test(watches_run_once_each),
		cmocka_unit_test(a_watch_may_fire_another_cancel),
		cmocka_unit_test(firing_races_with_children_and_watches),
		cmocka_unit_test(locks_exclude),
		cmocka_unit_test(a_lock_that_is_not_held_ends_the_process),
		cmocka_unit_test(conditions_wake_and_time_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
