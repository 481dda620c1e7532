/* SPDX-License-Identifier: MIT */
/* Settings: small facts by name. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"

#include <string.h>

struct setting {
	const char *key, *value;
	char *now;
};

static int check(const char *key, const char *value, struct err *err)
{
	if (str_empty(key) || strlen(key) > 128)
		return err_set(err, ERR_INPUT, "setting: key must have 1 to 128 bytes");
	if (!value || strlen(value) > LIMIT_STORE_SETTING)
		return err_set(err, ERR_LIMIT, "setting %s: value over %lu bytes", key,
			LIMIT_STORE_SETTING);
	return 0;
}

static int write_value(struct conn *conn, enum stmt_id id, const struct setting *setting,
	struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, id);

	stmt_text(&q, setting->key);
	stmt_text(&q, setting->value);
	return stmt_run(&q, err);
}

static int read_value(
	struct conn *conn, const char *key, char **ret_value, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(conn, STMT_SETTING_GET);
	int rc;

	stmt_text(&q, key);
	rc = stmt_step(&q, err);
	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, "no setting %s", key);
	if (rc < 0)
		return -1;
	*ret_value = stmt_get_text(&q);
	return 0;
}

static int run_put(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	(void)store;
	return write_value(conn, STMT_SETTING_PUT, arg, err) < 0 ? -1 : 0;
}

int store_setting_put(struct store *store, const char *key, const char *value,
	struct cancel *cancel, struct err *err)
{
	struct setting setting = {key, value, NULL};

	if (check(key, value, err) < 0)
		return -1;
	return store_write(store, run_put, &setting, cancel, err);
}

static int run_once(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	struct setting *setting = arg;

	(void)store;
	if (write_value(conn, STMT_SETTING_ONCE, setting, err) < 0)
		return -1;
	return read_value(conn, setting->key, &setting->now, err);
}

int store_setting_once(struct store *store, const char *key, const char *value,
	struct strbuf *ret_value, struct cancel *cancel, struct err *err)
{
	struct setting setting = {key, value, NULL};
	int rc;

	if (check(key, value, err) < 0)
		return -1;
	rc = store_write(store, run_once, &setting, cancel, err);
	if (rc == 0) {
		strbuf_adds(ret_value, setting.now);
		rc = strbuf_check(ret_value, key, err);
	}
	free(setting.now);
	return rc;
}

int store_setting_get(
	struct store *store, const char *key, struct strbuf *ret_value, struct err *err)
{
	CLEANUP(reader) struct reader reader = {store, reader_take(store, err)};
	CLEANUP(mem) char *value = NULL;

	if (!reader.conn || check(key, "", err) < 0 ||
		read_value(reader.conn, key, &value, err) < 0)
		return -1;
	strbuf_adds(ret_value, value);
	return strbuf_check(ret_value, key, err);
}
