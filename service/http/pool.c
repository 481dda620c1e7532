/* SPDX-License-Identifier: MIT */
/* Handler threads with a bounded queue; see pool.h. */
#include "service/http/pool.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/thread.h"

struct job {
	void (*fn)(void *arg);
	void *arg;
};

struct pool {
	struct lock lock;
	struct cond work;
	struct job *queue; /* a ring of `waiting` places */
	size_t first, queued, waiting;
	pthread_t *threads;
	size_t started, most, idle;
	bool stop;
};

static void *pool_run(void *arg)
{
	struct pool *pool = arg;

	for (;;) {
		struct job job;
		lock_take(&pool->lock);
		pool->idle++;
		while (pool->queued == 0 && !pool->stop)
			cond_wait(&pool->work, &pool->lock);
		pool->idle--;
		if (pool->queued == 0) {
			lock_give(&pool->lock);
			return NULL;
		}
		job = pool->queue[pool->first];
		pool->first = (pool->first + 1) % pool->waiting;
		pool->queued--;
		lock_give(&pool->lock);
		job.fn(job.arg);
	}
}

struct pool *pool_new(size_t threads, size_t waiting)
{
	struct pool *pool = mem_zalloc(sizeof(*pool));

	lock_init(&pool->lock);
	cond_init(&pool->work);
	pool->queue = mem_array(waiting, sizeof(*pool->queue));
	pool->waiting = waiting;
	pool->threads = mem_array(threads, sizeof(*pool->threads));
	pool->most = threads;
	return pool;
}

/* With the lock held: one more thread when all are busy.  That none can be started is
 * bearable as long as there is one. */
static bool pool_grow(struct pool *pool)
{
	struct err ignored = {0};

	if (pool->idle > pool->queued || pool->started == pool->most)
		return true;
	if (thread_start(&pool->threads[pool->started], "http-handler", pool_run, pool,
		    &ignored) == 0)
		pool->started++;
	return pool->started > 0;
}

bool pool_submit(struct pool *pool, void (*fn)(void *arg), void *arg)
{
	LOCKED(&pool->lock);

	if (pool->stop || pool->queued == pool->waiting || !pool_grow(pool))
		return false;
	pool->queue[(pool->first + pool->queued) % pool->waiting] = (struct job){fn, arg};
	pool->queued++;
	cond_wake_one(&pool->work);
	return true;
}

void pool_free(struct pool *pool)
{
	if (!pool)
		return;
	lock_take(&pool->lock);
	pool->stop = true;
	cond_wake_all(&pool->work);
	lock_give(&pool->lock);
	for (size_t i = 0; i < pool->started; i++)
		thread_join(pool->threads[i]);
	lock_release(&pool->lock);
	cond_release(&pool->work);
	free(pool->queue);
	free(pool->threads);
	free(pool);
}
