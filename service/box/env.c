/* SPDX-License-Identifier: MIT */
/* Variables of accounts and boxes, and the keys that agents use. */
#include "service/box/boxes-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/asked.h"
#include "service/box/parts.h"
#include "service/store/store_account.h"

#include <string.h>

#define VALUE "value" /* of a sealed variable */
/* Stored keys are rows of the same table; no variable has a name like this. */
#define KEY_PREFIX "agent-key:"
#define MASK_SHOWN 4

static const char *const providers[] = {"anthropic", "openai"};

/* ---- of boxes -------------------------------------------------------------------------- */

json_t *boxes_env(struct boxes *boxes, const struct store_box *row, struct err *err)
{
	CLEANUP(json) json_t *secrets = boxes_unseal(boxes, row->sealed, err);
	json_t *env = json_object_get(secrets, "env");

	if (!secrets)
		return NULL;
	return env ? json_incref(env) : json_object();
}

/* ---- of accounts ----------------------------------------------------------------------- */

static char *seal_value(struct boxes *boxes, const char *value)
{
	CLEANUP(json) json_t *object = json_object();

	json_put(object, VALUE, json_str(value));
	return boxes_seal(boxes, object);
}

static json_t *unseal_value(struct boxes *boxes, const char *sealed, struct err *err)
{
	CLEANUP(json) json_t *object = boxes_unseal(boxes, sealed, err);
	json_t *value = json_object_get(object, VALUE);

	if (!object)
		return NULL;
	return value ? json_incref(value) : json_string("");
}

static json_t *read_account(
	struct boxes *boxes, const char *account, bool keys, struct err *err)
{
	CLEANUP(store_envs) struct store_envs rows = {0};
	CLEANUP(json) json_t *env = json_object();

	if (store_account_env_list(boxes->options.store, account, &rows, err) < 0)
		return NULL;
	for (size_t i = 0; i < rows.count; i++) {
		const struct store_env *row = &rows.rows[i];
		bool key = str_starts(row->name, KEY_PREFIX);

		if (key != keys)
			continue;
		json_t *value = unseal_value(boxes, row->sealed, err);
		if (!value)
			return NULL;
		json_put(env, key ? row->name + strlen(KEY_PREFIX) : row->name, value);
	}
	return TAKE(env);
}

json_t *env_of_account(struct boxes *boxes, const char *account, struct err *err)
{
	return read_account(boxes, account, false, err);
}

/* "sk-a****": enough to tell which one it is. */
static json_t *masked(const json_t *value)
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);
	char shown[MASK_SHOWN + 1] = "";

	if (len >= (size_t)MASK_SHOWN * 4)
		memcpy(shown, text, str_utf8_cut(text, MASK_SHOWN));
	CLEANUP(mem) char *mask = mem_printf("%s****", shown);
	return json_str(mask);
}

static json_t *masked_all(json_t *env)
{
	json_t *all = json_object(), *value = NULL;
	const char *name = NULL;

	json_object_foreach (env, name, value)
		json_put(all, name, masked(value));
	return all;
}

static int env_list(
	struct boxes *boxes, const char *account, json_t **ret, struct err *err)
{
	CLEANUP(json) json_t *env = read_account(boxes, account, false, err);

	if (!env)
		return -1;
	*ret = json_object();
	json_put(*ret, "env_vars", masked_all(env));
	return 0;
}

/* All variables are replaced; the keys of agents stay. */
static int env_replace(struct boxes *boxes, const char *account, const json_t *body,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(store_envs) struct store_envs old = {0};
	CLEANUP(store_envs) struct store_envs rows = {0};
	json_t *env = json_object_get(body, "env_vars"), *value = NULL;
	const char *name = NULL;
	size_t room = json_object_size(env);
	int64_t now = clock_wall_ms();

	if (!json_is_object(env))
		return err_set(err, ERR_INPUT,
			"`env_vars` must be an object of names and texts");
	if (boxes_env_check(env, "env_vars", err) < 0 ||
		store_account_env_list(boxes->options.store, account, &old, err) < 0)
		return -1;
	rows.rows = mem_array(room + old.count + 1, sizeof *rows.rows);
	json_object_foreach (env, name, value)
		rows.rows[rows.count++] = (struct store_env){mem_strdup(name),
			seal_value(boxes, json_string_value(value)), now};
	for (size_t i = 0; i < old.count; i++) {
		const struct store_env *row = &old.rows[i];

		if (str_starts(row->name, KEY_PREFIX))
			rows.rows[rows.count++] =
				(struct store_env){mem_strdup(row->name),
					mem_strdup(row->sealed), row->updated_ms};
	}
	return store_account_env_replace(
		boxes->options.store, account, rows.rows, rows.count, cancel, err);
}

static int put_value(struct boxes *boxes, const char *account, const char *name,
	const char *value, struct cancel *cancel, struct err *err)
{
	CLEANUP(mem) char *sealed = seal_value(boxes, value);
	CLEANUP(mem) char *copy = mem_strdup(name);
	struct store_env row = {copy, sealed, clock_wall_ms()};

	return store_account_env_put(boxes->options.store, account, &row, cancel, err);
}

static int env_put(struct boxes *boxes, const char *account, const char *name,
	const json_t *body, struct cancel *cancel, struct err *err)
{
	const json_t *value = json_object_get(body, "value");

	if (env_check_name(name, "name", err) < 0 ||
		env_check_value(name, value, "value", err) < 0)
		return -1;
	return put_value(boxes, account, name, json_string_value(value), cancel, err);
}

static int env_delete(struct boxes *boxes, const char *account, const char *name,
	struct cancel *cancel, struct err *err)
{
	struct err why = {0};

	if (!str_starts(name, KEY_PREFIX) &&
		store_account_env_delete(
			boxes->options.store, account, name, cancel, &why) == 0)
		return 0;
	if (why.kind == ERR_NONE || why.kind == ERR_NOT_FOUND)
		return err_set(
			err, ERR_NOT_FOUND, "the account has no variable %.80s", name);
	*err = why;
	return -1;
}

int boxes_account_env(struct boxes *boxes, const struct box_caller *who,
	const char *method, const char *name, const json_t *body, json_t **ret,
	struct cancel *cancel, struct err *err)
{
	int rc;

	if (str_eq(method, "GET") && !name)
		return env_list(boxes, who->account, ret, err);
	if (boxes_may_write(who, err) < 0)
		return -1;
	if (str_eq(method, "PUT"))
		rc = name ? env_put(boxes, who->account, name, body, cancel, err)
			  : env_replace(boxes, who->account, body, cancel, err);
	else if (str_eq(method, "DELETE") && name)
		rc = env_delete(boxes, who->account, name, cancel, err);
	else
		return err_set(err, ERR_INPUT, "%s is no verb of variables", method);
	if (rc == 0)
		*ret = json_object();
	return rc;
}

/* ---- keys of agents -------------------------------------------------------------------- */

static bool is_provider(const char *provider)
{
	for (size_t i = 0; i < ARRAY_LEN(providers); i++) {
		if (str_eq(provider, providers[i]))
			return true;
	}
	return false;
}

int boxes_account_key(struct boxes *boxes, const struct box_caller *who,
	const char *method, const char *provider, const json_t *body, json_t **ret,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(mem) char *name = mem_printf(KEY_PREFIX "%s", provider ? provider : "");
	CLEANUP(mem) char *key = NULL;

	if (str_eq(method, "GET") && !provider) {
		CLEANUP(json) json_t *keys = read_account(boxes, who->account, true, err);
		if (!keys)
			return -1;
		*ret = json_object();
		json_put(*ret, "credentials", masked_all(keys));
		return 0;
	}
	if (boxes_may_write(who, err) < 0)
		return -1;
	if (!is_provider(provider))
		return err_set(err, ERR_INPUT,
			"the provider of a key must be anthropic or openai");
	if (str_eq(method, "PUT")) {
		if (asked_text(body, "api_key", LIMIT_PATH, &key, err) < 0)
			return -1;
		if (str_empty(key))
			return err_set(err, ERR_INPUT, "`api_key` is missing");
		if (put_value(boxes, who->account, name, key, cancel, err) < 0)
			return -1;
	} else if (str_eq(method, "DELETE")) {
		if (store_account_env_delete(
			    boxes->options.store, who->account, name, cancel, err) < 0)
			return err_wrap(err, "the account's key for %s", provider);
	} else {
		return err_set(err, ERR_INPUT, "%s is no verb of keys", method);
	}
	*ret = json_object();
	return 0;
}

int boxes_agent_key(struct boxes *boxes, const struct store_box *row,
	const char *provider, struct secret *ret_key, struct err *err)
{
	CLEANUP(json) json_t *secrets = boxes_unseal(boxes, row->sealed, err);
	CLEANUP(json) json_t *stored = NULL;
	const char *key = json_string_value(json_object_get(secrets, "agent_key"));

	if (!secrets)
		return -1;
	if (str_empty(key))
		return 0;
	if (str_eq(key, AGENT_KEY_STORED)) {
		stored = read_account(boxes, row->account, true, err);
		if (!stored)
			return -1;
		key = json_string_value(json_object_get(stored, provider));
		if (str_empty(key))
			return err_set(err, ERR_UNABLE,
				"the agent shall use the account's stored key for %s, "
				"and "
				"there is none: store one with PUT "
				"/v2/box/agent-credentials/%s, or make the box with "
				"another "
				"agent_api_key",
				provider, provider);
	}
	secret_set(ret_key, key, strlen(key));
	return 0;
}
