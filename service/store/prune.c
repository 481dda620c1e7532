/* SPDX-License-Identifier: MIT */
/*
 * What is forgotten after a time: deliveries, commands, closed conversations, tasks that have
 * ended with their events, steps and effects, and who was told of a limit by one of them.
 *
 * The store remembers in memory up to which task it has looked at all, by the time of their
 * end.  Those that stayed are looked at again a day later and after a restart.
 */
#include "service/store/store-internal.h"

#include "boxcore/base/clock.h"

struct prune {
	int64_t before_ms;
	int left;                 /* rows that may still go */
	bool more;                /* it was not looked at all */
	int64_t done_ms, done_id; /* the last task that was emptied */
};

/* Runs a statement that deletes, and counts what went. */
static int prune_by(struct conn *conn, struct prune *prune, const struct query *query,
	struct err *err)
{
	int rows = query_run(conn, query, err);

	if (rows < 0)
		return -1;
	prune->left = rows < prune->left ? prune->left - rows : 0;
	return 0;
}

/* Rows that stand for themselves, by their age. */
static int prune_old(struct conn *conn, struct prune *prune, struct err *err)
{
	static const enum stmt_id statements[] = {STMT_PRUNE_DELIVERIES,
		STMT_PRUNE_COMMAND_EFFECTS, STMT_PRUNE_COMMANDS, STMT_PRUNE_CONVERSATIONS,
		STMT_PRUNE_LIMITS};

	for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++)
		if (prune_by(conn, prune,
			    QUERY(statements[i], V_INT(prune->before_ms),
				    V_INT(prune->left)),
			    err) < 0)
			return -1;
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

/* A task that has nothing costs a few look-ups: so many of them at a time. */
#define TASKS_MAX 1000

/* Steps and effects of a task are few: they go at once.  0 in prune->left: it may have more
 * events, or its row is still there. */
static int prune_task(struct conn *conn, struct prune *prune, int64_t id, struct err *err)
{
	if (prune_by(conn, prune, QUERY(STMT_PRUNE_STEPS, V_INT(id)), err) < 0 ||
		prune_by(conn, prune, QUERY(STMT_PRUNE_EFFECTS, V_INT(id)), err) < 0)
		return -1;
	if (prune->left == 0)
		return 0;
	if (prune_by(conn, prune, QUERY(STMT_PRUNE_EVENTS, V_INT(id), V_INT(prune->left)),
		    err) < 0)
		return -1;
	return prune->left == 0
		       ? 0
		       : prune_by(conn, prune, QUERY(STMT_PRUNE_ROW, V_INT(id)), err);
}

static int prune_tasks(struct conn *conn, struct prune *prune, struct err *err)
{
	for (int i = 0; i < TASKS_MAX && prune->left > 0; i++) {
		int64_t ms = 0, id = 0;
		int rc = next_task(conn, prune, &ms, &id, err);

		if (rc <= 0) {
			prune->more = false;
			return rc;
		}
		if (prune_task(conn, prune, id, err) < 0)
			return -1;
		if (prune->left == 0)
			return 0;
		prune->done_ms = ms;
		prune->done_id = id;
	}
	return 0;
}

static int run_prune(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct prune *prune = arg;

	(void)store;
	if (prune_old(conn, prune, err) < 0)
		return -1;
	return prune_tasks(conn, prune, err);
}

int store_prune(struct store *store, int64_t before_ms, int limit, int *ret_rows,
	bool *ret_more, struct cancel *cancel, struct err *err)
{
	int most = page_limit(limit, 200);
	struct prune prune = {.before_ms = before_ms, .left = most, .more = true};

	{
		LOCKED(&store->queue_lock);
		if (before_ms - store->pruned_from_ms >= CLOCK_DAY_MS) {
			store->pruned_from_ms = before_ms;
			store->pruned_ms = store->pruned_id = 0;
		}
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
