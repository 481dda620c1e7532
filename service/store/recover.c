/* SPDX-License-Identifier: MIT */
/* At start: what a former process was doing is free again. */
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"

#include <string.h>

struct recover {
	const char *instance;
	int64_t now_ms;
	int64_t worst; /* most crashes of a task that ran: those with as many are blamed */
	struct store_recovered found;
};

/* Counts the tasks that come back and tells of each; one that has ended may have been the
 * last that another waits for. */
static int recover_tasks(struct store *store, struct conn *conn, struct stmt *q,
	enum store_change_kind change, int64_t *ret, struct err *err)
{
	int rc;

	while ((rc = stmt_step(q, err)) > 0) {
		int64_t id = stmt_get_int(q);

		(*ret)++;
		store_note(store, change, id);
		if (task_wake_parent(store, conn, id, err) < 0)
			return -1;
	}
	return rc;
}

static int recover_failed(
	struct store *store, struct conn *conn, struct recover *recover, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_TASK_RECOVER_FAIL);

	stmt_text(&q, recover->instance);
	stmt_int(&q, recover->now_ms);
	stmt_int(&q, STORE_CRASHES_MAX);
	return recover_tasks(
		store, conn, &q, STORE_CHANGE_TASK_STATE, &recover->found.failed, err);
}

static int find_worst(struct conn *conn, struct recover *recover, struct err *err)
{
	CLEANUP(stmt)
	struct stmt q = query_use(
		conn, QUERY(STMT_TASK_RECOVER_WORST, V_TEXT(recover->instance)));

	if (stmt_step(&q, err) <= 0)
		return -1;
	recover->worst = stmt_get_int(&q);
	return 0;
}

static int recover_ready(
	struct store *store, struct conn *conn, struct recover *recover, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_TASK_RECOVER_READY);

	stmt_text(&q, recover->instance);
	stmt_int(&q, recover->now_ms);
	stmt_int(&q, recover->worst);
	return recover_tasks(
		store, conn, &q, STORE_CHANGE_TASK_READY, &recover->found.ready, err);
}

static int recover_commands(struct conn *conn, struct recover *recover, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_COMMAND_RECOVER);

	stmt_text(&q, recover->instance);
	stmt_int(&q, recover->now_ms);
	int rows = stmt_run(&q, err);
	if (rows < 0)
		return -1;
	recover->found.commands = rows;
	return 0;
}

static int run_recover(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct recover *recover = arg;

	if (find_worst(conn, recover, err) < 0 ||
		recover_failed(store, conn, recover, err) < 0 ||
		recover_ready(store, conn, recover, err) < 0)
		return -1;
	return recover_commands(conn, recover, err);
}

int store_recover(struct store *store, const char *instance, int64_t now_ms,
	struct store_recovered *ret, struct cancel *cancel, struct err *err)
{
	struct recover recover = {.instance = instance, .now_ms = now_ms};

	if (str_empty(instance))
		return err_set(err, ERR_INPUT, "recover: instance is missing");
	if (store_write(store, run_recover, &recover, cancel, err) < 0)
		return -1;
	*ret = recover.found;
	return 0;
}
