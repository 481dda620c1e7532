/* SPDX-License-Identifier: MIT */
/* Accounts: variables of new boxes, and what was used by day. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"
#include "service/store/store_account.h"

/* ---- variables ------------------------------------------------------------------------- */

struct putting {
	const char *account;
	const struct store_env *envs;
	size_t count;
};

int store_account_env_list(
	struct store *store, const char *account, struct store_envs *ret, struct err *err)
{
	void *rows = NULL;

	if (store_read_page(store, QUERY(STMT_ENV_LIST, V_TEXT(account)), &table_env,
		    SIZE_MAX, &rows, &ret->count, err) < 0)
		return -1;
	ret->rows = rows;
	return 0;
}

static int too_many(struct err *err)
{
	return err_set(
		err, ERR_QUOTA, "an account has at most %d variables", LIMIT_ACCOUNT_ENV);
}

static int put(struct conn *conn, const char *account, const struct store_env *env,
	struct err *err)
{
	if (str_empty(env->name))
		return err_set(err, ERR_INPUT, "variable: the name is missing");
	return query_run(conn,
		       QUERY(STMT_ENV_PUT, V_TEXT(account), V_TEXT(env->name),
			       V_TEXT(env->sealed), V_INT(env->updated_ms)),
		       err) < 0
		       ? -1
		       : 0;
}

static int check_room(struct conn *conn, const struct putting *putting, struct err *err)
{
	CLEANUP(stmt)
	struct stmt q = query_use(conn, QUERY(STMT_ENV_COUNT, V_TEXT(putting->account),
						V_TEXT(putting->envs->name)));

	if (stmt_step(&q, err) < 0)
		return -1;
	return stmt_get_int(&q) >= LIMIT_ACCOUNT_ENV ? too_many(err) : 0;
}

static int run_put(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	const struct putting *putting = arg;

	(void)store;
	if (check_room(conn, putting, err) < 0)
		return -1;
	return put(conn, putting->account, putting->envs, err);
}

int store_account_env_put(struct store *store, const char *account,
	const struct store_env *env, struct cancel *cancel, struct err *err)
{
	struct putting putting = {account, env, 1};

	return store_write(store, run_put, &putting, cancel, err);
}

static int run_replace(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	const struct putting *putting = arg;

	(void)store;
	if (query_run(conn, QUERY(STMT_ENV_DELETE_ALL, V_TEXT(putting->account)), err) <
		0)
		return -1;
	for (size_t i = 0; i < putting->count; i++)
		if (put(conn, putting->account, &putting->envs[i], err) < 0)
			return -1;
	return 0;
}

int store_account_env_replace(struct store *store, const char *account,
	const struct store_env *envs, size_t count, struct cancel *cancel,
	struct err *err)
{
	struct putting putting = {account, envs, count};

	if (count > LIMIT_ACCOUNT_ENV)
		return too_many(err);
	return store_write(store, run_replace, &putting, cancel, err);
}

int store_account_env_delete(struct store *store, const char *account, const char *name,
	struct cancel *cancel, struct err *err)
{
	return store_update_one(store,
		QUERY(STMT_ENV_DELETE, V_TEXT(account), V_TEXT(name)), "variable", cancel,
		err);
}

/* ---- usage ----------------------------------------------------------------------------- */

int account_usage_insert(struct conn *conn, const char *account,
	const struct store_usage *add, int64_t now_ms, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_USAGE_ADD);

	row_bind(&q, &table_usage_added, add);
	stmt_text(&q, account);
	stmt_int(&q, now_ms);
	return stmt_run(&q, err) < 0 ? -1 : 0;
}

void store_account_usage_add(struct store *store, const char *account,
	const struct store_usage *add, int64_t now_ms)
{
	store_update_later(store,
		QUERY(STMT_USAGE_ADD, V_INT(add->cpu_us), V_INT(add->storage_mb_s),
			V_INT(add->runs), V_INT(add->tokens_in), V_INT(add->tokens_out),
			V_REAL(add->compute_usd), V_REAL(add->tokens_usd),
			V_TEXT(account), V_INT(now_ms)),
		"note what an account used");
}

int store_account_usage_list(struct store *store, const char *account, const char *first,
	const char *last, struct store_usages *ret, struct err *err)
{
	void *rows = NULL;

	if (store_read_page(store,
		    QUERY(STMT_USAGE_LIST, V_TEXT(account), V_TEXT(first), V_TEXT(last)),
		    &table_usage, SIZE_MAX, &rows, &ret->count, err) < 0)
		return -1;
	ret->rows = rows;
	return 0;
}
