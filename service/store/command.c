/* SPDX-License-Identifier: MIT */
/* Commands for a lane: take, finish, put back. */
#include "service/store/store_command.h"

#include "boxcore/base/str.h"
#include "service/store/store-internal.h"

#include <string.h>

int command_new_check(const struct store_command_new *command, struct err *err)
{
	if (str_empty(command->lane))
		return err_set(err, ERR_INPUT, "command: lane is missing");
	if (command->about && strlen(command->about) > LIMIT_TASK_ABOUT)
		return err_set(err, ERR_LIMIT, "command: about has more than %lu bytes",
			LIMIT_TASK_ABOUT);
	return 0;
}

int command_insert(struct store *store, struct conn *conn,
	const struct store_command_new *command, const char *delivery_id, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_COMMAND_ADD);

	row_bind(&q, &table_command_given, command);
	stmt_text(&q, delivery_id);
	stmt_int(&q, command->now_ms);
	stmt_int(&q, command->now_ms);
	if (stmt_run(&q, err) < 0)
		return -1;
	store_note(store, STORE_CHANGE_COMMAND_READY, 0);
	return 0;
}

struct take {
	const char *lease;
	int64_t now_ms;
	struct store_command row;
};

static int run_take(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct take *take = arg;
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_COMMAND_TAKE);
	int rc;

	(void)store;
	stmt_int(&q, take->now_ms);
	stmt_text(&q, take->lease);
	rc = stmt_step(&q, err);
	if (rc <= 0)
		return rc;
	if (row_read(&q, &table_command, &take->row, err) < 0 || stmt_run(&q, err) < 0)
		return -1;
	return 1;
}

int store_command_take(struct store *store, const char *lease, int64_t now_ms,
	struct store_command *ret, struct cancel *cancel, struct err *err)
{
	struct take take = {.lease = lease, .now_ms = now_ms};
	int rc;

	if (str_empty(lease))
		return err_set(err, ERR_INPUT, "command: lease is missing");
	rc = store_write(store, run_take, &take, cancel, err);
	if (rc == 1)
		*ret = take.row;
	else
		store_command_release(&take.row);
	return rc;
}

struct end {
	const struct store_command *command;
	enum stmt_id statement;
	bool ok;
	const char *text;
	int64_t at_ms;
	bool counted; /* put back: it was an attempt */
};

static int run_end(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct end *end = arg;
	CLEANUP(stmt) struct stmt q = stmt_use(conn, end->statement);
	int rows;

	if (end->statement == STMT_COMMAND_FINISH)
		stmt_text(&q, end->ok ? "done" : "failed");
	stmt_optional(&q, end->text);
	stmt_int(&q, end->at_ms);
	if (end->statement == STMT_COMMAND_PUT_BACK)
		stmt_int(&q, end->counted ? 0 : 1);
	stmt_int(&q, end->command->id);
	stmt_text(&q, end->command->lease);
	rows = stmt_run(&q, err);
	if (rows < 0)
		return -1;
	if (rows == 0)
		return err_set(err, ERR_CONFLICT, "command %lld: lease lost",
			(long long)end->command->id);
	if (end->statement == STMT_COMMAND_PUT_BACK)
		store_note(store, STORE_CHANGE_COMMAND_READY, 0);
	return 0;
}

int store_command_finish(struct store *store, const struct store_command *command,
	bool ok, const char *outcome, int64_t now_ms, struct cancel *cancel,
	struct err *err)
{
	struct end end = {command, STMT_COMMAND_FINISH, ok, outcome, now_ms, true};

	return store_write(store, run_end, &end, cancel, err);
}

int store_command_put_back(struct store *store, const struct store_command *command,
	int64_t run_at_ms, bool counted, const char *error, struct cancel *cancel,
	struct err *err)
{
	struct end end = {
		command, STMT_COMMAND_PUT_BACK, false, error, run_at_ms, counted};

	return store_write(store, run_end, &end, cancel, err);
}

int store_command_asked_again(struct store *store, const struct store_command *command,
	int64_t *ret_id, struct err *err)
{
	CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};

	if (!reader.conn)
		return -1;
	CLEANUP(stmt)
	struct stmt q = query_use(reader.conn,
		QUERY(STMT_COMMAND_ASKED_AGAIN, V_TEXT(command->lane), V_INT(command->id),
			V_TEXT(command->verb), V_INT(command->requester_id),
			V_INT(command->number), V_TEXT(command->about)));
	int rc = stmt_step(&q, err);
	if (rc > 0)
		*ret_id = stmt_get_int(&q);
	return rc;
}

int store_command_get(
	struct store *store, int64_t id, struct store_command *ret, struct err *err)
{
	CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};
	CLEANUP(store_command) struct store_command row = {0};
	int rc;

	if (!reader.conn)
		return -1;
	CLEANUP(stmt) struct stmt q = stmt_use(reader.conn, STMT_COMMAND_GET);
	stmt_int(&q, id);
	rc = stmt_step(&q, err);
	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, "no command %lld", (long long)id);
	if (rc < 0 || row_read(&q, &table_command, &row, err) < 0)
		return -1;
	*ret = row;
	memset(&row, 0, sizeof row);
	return 0;
}
