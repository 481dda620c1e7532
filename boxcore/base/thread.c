/* SPDX-License-Identifier: MIT */
/* Locks that know their owner, conditions on the monotonic clock, named threads. */
#include "boxcore/base/thread.h"

#include "boxcore/base/mem.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

static void must(int rc)
{
	if (rc != 0)
		abort();
}

void lock_init(struct lock *lock)
{
	*lock = (struct lock)LOCK_INIT;
}

void lock_release(struct lock *lock)
{
	must(pthread_mutex_destroy(&lock->mutex));
}

void lock_take(struct lock *lock)
{
	must(pthread_mutex_lock(&lock->mutex));
	lock->owner = pthread_self();
	lock->held = 1;
}

void lock_give(struct lock *lock)
{
	lock->held = 0;
	must(pthread_mutex_unlock(&lock->mutex));
}

void lock_assert_held(struct lock *lock)
{
	if (!lock->held || !pthread_equal(lock->owner, pthread_self()))
		abort();
}

void cond_init(struct cond *cond)
{
	pthread_condattr_t attr;

	must(pthread_condattr_init(&attr));
	must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
	must(pthread_cond_init(&cond->cond, &attr));
	must(pthread_condattr_destroy(&attr));
}

void cond_release(struct cond *cond)
{
	must(pthread_cond_destroy(&cond->cond));
}

void cond_wait(struct cond *cond, struct lock *lock)
{
	lock->held = 0;
	must(pthread_cond_wait(&cond->cond, &lock->mutex));
	lock->owner = pthread_self();
	lock->held = 1;
}

int cond_wait_ms(struct cond *cond, struct lock *lock, int64_t timeout_ms)
{
	struct timespec until;

	if (timeout_ms < 0) {
		cond_wait(cond, lock);
		return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	lock->held = 0;
	int rc = pthread_cond_timedwait(&cond->cond, &lock->mutex, &until);
	lock->owner = pthread_self();
	lock->held = 1;
	return rc == 0;
}

void cond_wake_one(struct cond *cond)
{
	must(pthread_cond_signal(&cond->cond));
}

void cond_wake_all(struct cond *cond)
{
	must(pthread_cond_broadcast(&cond->cond));
}

struct named {
	const char *name;
	void *(*run)(void *);
	void *arg;
};

static void *run_named(void *arg)
{
	struct named named = *(struct named *)arg;

	free(arg);
	pthread_setname_np(pthread_self(), named.name);
	return named.run(named.arg);
}

int thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *), void *arg,
	struct err *err)
{
	sigset_t all, old;

	sigfillset(&all);
	must(pthread_sigmask(SIG_SETMASK, &all, &old));
	int rc = pthread_create(ret_thread, NULL, run, arg);
	must(pthread_sigmask(SIG_SETMASK, &old, NULL));
	if (rc != 0)
		return err_errno(err, rc, "start thread %s", name);
	pthread_setname_np(*ret_thread, name);
	return 0;
}

int thread_start_detached(
	const char *name, size_t stack, void *(*run)(void *), void *arg, struct err *err)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;

	must(pthread_attr_init(&attr));
	if (stack > 0)
		must(pthread_attr_setstacksize(&attr, stack));
	must(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED));
	sigfillset(&all);
	must(pthread_sigmask(SIG_SETMASK, &all, &old));
	/* Only it may name itself: it may be gone before we could. */
	struct named *named = mem_zalloc(sizeof(*named));
	*named = (struct named){name, run, arg};
	int rc = pthread_create(&thread, &attr, run_named, named);
	must(pthread_sigmask(SIG_SETMASK, &old, NULL));
	must(pthread_attr_destroy(&attr));
	if (rc == 0)
		return 0;
	free(named);
	return err_errno(err, rc, "start thread %s", name);
}

void thread_join(pthread_t thread)
{
	must(pthread_join(thread, NULL));
}
