/* SPDX-License-Identifier: MIT */
/*
 * Read-only connections: a few, lent out one verb at a time.
 *
 * A reader that stays open keeps the write-ahead log from being reset, so every use has a
 * time limit (see on_progress in stmts.c) and no connection is held between verbs.
 */
#include "service/store/store-internal.h"

#include "boxcore/base/clock.h"

int readers_open(struct store *store, struct err *err)
{
	for (int i = 0; i < READERS_COUNT; i++) {
		struct conn *conn = &store->readers[i];

		if (conn_open(conn, store->path, false, err) < 0 ||
			conn_prepare(conn, READERS, err) < 0)
			return -1;
		conn->next_free = store->reader_head;
		store->reader_head = conn;
	}
	return 0;
}

void readers_close(struct store *store)
{
	for (int i = 0; i < READERS_COUNT; i++)
		conn_close(&store->readers[i]);
}

struct conn *reader_take(struct store *store, struct err *err)
{
	int64_t until = clock_mono_ms() + 2 * LIMIT_STORE_READ_MS;
	struct conn *conn;

	LOCKED(&store->readers_lock);
	while (!store->reader_head) {
		int64_t left = until - clock_mono_ms();

		if (left <= 0) {
			err_set(err, ERR_TRANSIENT, "store: all readers are busy");
			return NULL;
		}
		cond_wait_ms(&store->readers_free, &store->readers_lock, left);
	}
	conn = store->reader_head;
	store->reader_head = conn->next_free;
	conn->until_ms = clock_mono_ms() + LIMIT_STORE_READ_MS;
	return conn;
}

void reader_give(struct store *store, struct conn *conn)
{
	LOCKED(&store->readers_lock);
	conn->next_free = store->reader_head;
	store->reader_head = conn;
	cond_wake_one(&store->readers_free);
}
