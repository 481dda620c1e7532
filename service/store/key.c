/* SPDX-License-Identifier: MIT */
/* Keys of the API. */
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"
#include "service/store/store_key.h"

static int run_add(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_KEY_ADD);

	(void)store;
	row_bind(&q, &table_key, arg);
	return stmt_run(&q, err) < 0 ? -1 : 0;
}

int store_key_add(struct store *store, const struct store_key *key, struct cancel *cancel,
	struct err *err)
{
	struct store_key row = *key; /* borrows */

	if (str_empty(key->id) || str_empty(key->account) || str_empty(key->hash))
		return err_set(err, ERR_INPUT, "key: id, account or hash is missing");
	return store_write(store, run_add, &row, cancel, err);
}

int store_key_list(
	struct store *store, const char *account, struct store_keys *ret, struct err *err)
{
	struct query all = {.statement = STMT_KEY_LIST_ALL};
	void *rows = NULL;

	if (store_read_page(store, account ? QUERY(STMT_KEY_LIST, V_TEXT(account)) : &all,
		    &table_key, SIZE_MAX, &rows, &ret->count, err) < 0)
		return -1;
	ret->rows = rows;
	return 0;
}

int store_key_find(
	struct store *store, const char *hash, struct store_key *ret, struct err *err)
{
	return store_read_row(
		store, QUERY(STMT_KEY_FIND, V_TEXT(hash)), &table_key, ret, "key", err);
}

void store_key_touch(struct store *store, const char *id, int64_t now_ms)
{
	store_update_later(store, QUERY(STMT_KEY_TOUCH, V_INT(now_ms), V_TEXT(id)),
		"note the use of a key");
}

int store_key_revoke(struct store *store, const char *account, const char *id,
	int64_t now_ms, struct cancel *cancel, struct err *err)
{
	return store_update_one(store,
		QUERY(STMT_KEY_REVOKE, V_INT(now_ms), V_TEXT(id), V_OPT(account)), "key",
		cancel, err);
}
