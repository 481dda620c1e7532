/* SPDX-License-Identifier: MIT */
/* Lending of HTTP clients: the one used last is lent first, its connection is warm. */
#include "service/github/pool.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/thread.h"

enum { WAIT_MS = 2000 };

struct pool {
	struct http_peer peer;
	char *ca_file;
	struct lock lock;
	struct cond given;
	struct http_client **idle;
	int nidle;
	int lent;
	int most;
};

struct pool *client_pool_new(const struct http_peer *peer, int most)
{
	struct pool *pool = mem_zalloc(sizeof *pool);

	pool->ca_file = mem_strdup(peer->ca_file);
	pool->peer = (struct http_peer){
		.ca_file = pool->ca_file, .plain_http = peer->plain_http};
	pool->most = most;
	pool->idle = mem_array((size_t)most, sizeof(struct http_client *));
	lock_init(&pool->lock);
	cond_init(&pool->given);
	return pool;
}

void client_pool_free(struct pool *pool)
{
	if (!pool)
		return;
	while (pool->nidle > 0)
		http_client_free(pool->idle[--pool->nidle]);
	cond_release(&pool->given);
	lock_release(&pool->lock);
	free(pool->idle);
	free(pool->ca_file);
	free(pool);
}

static void on_cancel(void *arg)
{
	struct pool *pool = arg;
	LOCKED(&pool->lock);

	cond_wake_all(&pool->given);
}

/* Waits until a client may be lent; false when it took too long or the cancel fired. */
static bool wait_free(struct pool *pool, struct cancel *cancel)
{
	int64_t until = clock_mono_ms() + WAIT_MS;

	while (pool->lent >= pool->most) {
		int64_t left = cancel_remaining_ms(cancel, until - clock_mono_ms());
		if (left <= 0 || cancel_fired(cancel))
			return false;
		cond_wait_ms(&pool->given, &pool->lock, left);
	}
	return true;
}

struct http_client *pool_take(struct pool *pool, struct cancel *cancel, struct err *err)
{
	struct http_client *client = NULL;
	struct cancel_watch watch = {0};
	bool free_one = false;

	cancel_watch(cancel, &watch, on_cancel, pool);
	{
		LOCKED(&pool->lock);
		free_one = wait_free(pool, cancel);
		if (free_one) {
			pool->lent++;
			if (pool->nidle > 0)
				client = pool->idle[--pool->nidle];
		}
	}
	cancel_unwatch(&watch);
	if (!free_one) {
		if (cancel_check(cancel, err) < 0)
			return NULL;
		err_set(err, ERR_TRANSIENT, "all %d connections to GitHub are busy",
			pool->most);
		return NULL;
	}
	return client ? client : http_client_new(&pool->peer);
}

void pool_give(struct pool *pool, struct http_client *client)
{
	LOCKED(&pool->lock);
	pool->lent--;
	pool->idle[pool->nidle++] = client;
	cond_wake_one(&pool->given);
}
