/* SPDX-License-Identifier: MIT */
/*
 * Locks and threads, thin over pthreads.
 *
 * Every lock is a leaf: none is held while another module is called.  A lock knows its
 * owner in debug builds; lock_assert_held() ends the process when the rule is broken.
 *
 *	static struct lock table_lock = LOCK_INIT;
 *	LOCKED(&table_lock);        -- until the end of the scope
 */
#ifndef BOXCORE_BASE_THREAD_H
#define BOXCORE_BASE_THREAD_H

#include "boxcore/base/cleanup.h"
#include "boxcore/base/err.h"

#include <pthread.h>
#include <stdint.h>

struct lock {
	pthread_mutex_t mutex;
	pthread_t owner; /* meaningful while held is 1 */
	int held;
};

#define LOCK_INIT                                                                        \
	{                                                                                \
		.mutex = PTHREAD_MUTEX_INITIALIZER                                       \
	}

void lock_init(struct lock *lock);
void lock_release(struct lock *lock); /* destroys; must not be held */
void lock_take(struct lock *lock);
void lock_give(struct lock *lock);
void lock_assert_held(struct lock *lock);

DEFINE_CLEANUP(locked, struct lock *, if (*value) lock_give(*value))
static inline struct lock *lock_take_scoped(struct lock *lock)
{
	lock_take(lock);
	return lock;
}
#define LOCKED_NAME2(line) locked_##line
#define LOCKED_NAME(line) LOCKED_NAME2(line)
#define LOCKED(which)                                                                    \
	CLEANUP(locked)                                                                  \
	__attribute__((unused)) struct lock *LOCKED_NAME(__LINE__) =                     \
		lock_take_scoped(which)

/* A condition on the monotonic clock. */
struct cond {
	pthread_cond_t cond;
};

void cond_init(struct cond *cond);
void cond_release(struct cond *cond);
void cond_wait(struct cond *cond, struct lock *lock);
/* Returns false when the wait ended by time.  timeout_ms < 0 waits for ever. */
int cond_wait_ms(struct cond *cond, struct lock *lock, int64_t timeout_ms);
void cond_wake_one(struct cond *cond);
void cond_wake_all(struct cond *cond);

/* Starts a named thread (name at most 15 bytes, seen in `top -H`).  All signals are
 * blocked in it; main alone handles signals. */
int thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *), void *arg,
	struct err *err);
/* The same with a stack of its own size (0: the system's), and nobody joins it: its end is
 * told by what it does last. */
int thread_start_detached(
	const char *name, size_t stack, void *(*run)(void *), void *arg, struct err *err);
void thread_join(pthread_t thread);

#endif
