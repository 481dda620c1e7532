/* SPDX-License-Identifier: MIT */
/*
 * What is forgotten after a time: deliveries, and the events of tasks that have ended.
 *
 * The store remembers in memory up to which task it has emptied all, by the time of their
 * end; after a restart it looks at each once more, which finds nothing.
 */
#include "service/store/store-internal.h"

struct prune {
	int64_t before_ms;
	int left;                 /* rows that may still go */
	bool more;                /* it was not looked at all */
	int64_t done_ms, done_id; /* the last task that was emptied */
};

static int prune_deliveries(struct conn *conn, struct prune *prune, struct err *err)
{
	int rows = query_run(conn,
		QUERY(STMT_PRUNE_DELIVERIES, V_INT(prune->before_ms), V_INT(prune->left)),
		err);

	if (rows < 0)
		return -1;
	prune->left -= rows;
	return 0;
}

/* The next task by its end.  1: there is one. */
static int next_task(struct conn *conn, const struct prune *prune, int64_t *ret_ms,
	int64_t *ret_id, struct err *err)
{
	CLEANUP(stmt)
	struct stmt q =
		query_use(conn, QUERY(STMT_PRUNE_TASK, V_INT(prune->before_ms),
					V_INT(prune->done_ms), V_INT(prune->done_id)));
	int rc = stmt_step(&q, err);

	if (rc > 0) {
		*ret_ms = stmt_get_int(&q);
		*ret_id = stmt_get_int(&q);
	}
	return rc;
}

/* A task that has no events costs two look-ups: so many of them at a time. */
#define TASKS_MAX 1000

static int prune_events(struct conn *conn, struct prune *prune, struct err *err)
{
	for (int i = 0; i < TASKS_MAX && prune->left > 0; i++) {
		int64_t ms = 0, id = 0;
		int rc = next_task(conn, prune, &ms, &id, err);
		int rows;

		if (rc <= 0) {
			prune->more = false;
			return rc;
		}
		rows = query_run(conn,
			QUERY(STMT_PRUNE_EVENTS, V_INT(id), V_INT(prune->left)), err);
		if (rows < 0)
			return -1;
		prune->left -= rows;
		if (prune->left == 0)
			return 0; /* it may have more */
		prune->done_ms = ms;
		prune->done_id = id;
	}
	return 0;
}

static int run_prune(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct prune *prune = arg;

	(void)store;
	if (prune_deliveries(conn, prune, err) < 0)
		return -1;
	return prune_events(conn, prune, err);
}

int store_prune(struct store *store, int64_t before_ms, int limit, int *ret_rows,
	bool *ret_more, struct cancel *cancel, struct err *err)
{
	int most = page_limit(limit, 200);
	struct prune prune = {.before_ms = before_ms, .left = most, .more = true};

	{
		LOCKED(&store->queue_lock);
		prune.done_ms = store->pruned_ms;
		prune.done_id = store->pruned_id;
	}
	if (store_write(store, run_prune, &prune, cancel, err) < 0)
		return -1;
	{
		LOCKED(&store->queue_lock);
		store->pruned_ms = prune.done_ms;
		store->pruned_id = prune.done_id;
	}
	*ret_rows = most - prune.left;
	*ret_more = prune.more;
	return 0;
}
