/* SPDX-License-Identifier: MIT */
/* Threads with a bounded queue; see pool.h. */
#include "boxcore/base/pool.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/thread.h"

struct job {
	void (*fn)(void *arg);
	void *arg;
};

struct pool {
	struct lock lock;
	struct cond work, ended;
	const char *name;
	size_t stack;
	struct job *queue; /* a ring of most + waiting places */
	size_t first, queued, places;
	size_t started, most, busy;
	bool stop;
};

/* With the lock held: false when there is nothing to do any more. */
static bool pool_take(struct pool *pool, struct job *ret)
{
	while (pool->queued == 0) {
		if (pool->stop)
			return false;
		if (!cond_wait_ms(&pool->work, &pool->lock, LIMIT_POOL_IDLE_MS) &&
			pool->queued == 0)
			return false;
	}
	*ret = pool->queue[pool->first];
	pool->first = (pool->first + 1) % pool->places;
	pool->queued--;
	return true;
}

static void *pool_run(void *arg)
{
	struct pool *pool = arg;
	struct job job;

	lock_take(&pool->lock);
	while (pool_take(pool, &job)) {
		pool->busy++;
		lock_give(&pool->lock);
		job.fn(job.arg);
		lock_take(&pool->lock);
		pool->busy--;
	}
	pool->started--;
	cond_wake_all(&pool->ended);
	lock_give(&pool->lock);
	return NULL;
}

struct pool *pool_new(const char *name, size_t threads, size_t waiting, size_t stack)
{
	struct pool *pool = mem_zalloc(sizeof(*pool));

	lock_init(&pool->lock);
	cond_init(&pool->work);
	cond_init(&pool->ended);
	pool->name = name;
	pool->stack = stack;
	pool->most = threads;
	pool->places = threads + waiting;
	pool->queue = mem_array(pool->places, sizeof(*pool->queue));
	return pool;
}

/* With the lock held: one more thread when none is free for what is queued.  That none can
 * be started is bearable as long as there is one. */
static bool pool_grow(struct pool *pool)
{
	struct err ignored = {0};

	if (pool->started - pool->busy > pool->queued || pool->started == pool->most)
		return true;
	if (thread_start_detached(pool->name, pool->stack, pool_run, pool, &ignored) == 0)
		pool->started++;
	return pool->started > 0;
}

bool pool_submit(struct pool *pool, void (*fn)(void *arg), void *arg)
{
	LOCKED(&pool->lock);

	if (pool->stop || pool->queued + pool->busy >= pool->places || !pool_grow(pool))
		return false;
	pool->queue[(pool->first + pool->queued) % pool->places] = (struct job){fn, arg};
	pool->queued++;
	cond_wake_one(&pool->work);
	return true;
}

size_t pool_load(struct pool *pool)
{
	LOCKED(&pool->lock);
	return pool->queued + pool->busy;
}

void pool_free(struct pool *pool)
{
	if (!pool)
		return;
	lock_take(&pool->lock);
	pool->stop = true;
	cond_wake_all(&pool->work);
	while (pool->started > 0)
		cond_wait(&pool->ended, &pool->lock);
	lock_give(&pool->lock);
	lock_release(&pool->lock);
	cond_release(&pool->work);
	cond_release(&pool->ended);
	free(pool->queue);
	free(pool);
}
