/* SPDX-License-Identifier: MIT */
/*
 * What callers entrusted to us, sealed for the rows, and the variables of a box.
 *
 * The key stands in a file of the state folder and not in the database, so that a copy of
 * the database alone tells nothing.
 */
#include "service/box/boxes-internal.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/file.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/parts.h"

#include <string.h>

#define KEY_FILE "box.key"

int seal_open(struct boxes *boxes, struct err *err)
{
	CLEANUP(mem) char *path = mem_printf("%s/" KEY_FILE, boxes->options.state_dir);
	CLEANUP(strbuf) struct strbuf hex = STRBUF_INIT(CRYPTO_KEY_SIZE * 2 + 1);

	if (!file_exists(path)) {
		char fresh[CRYPTO_KEY_SIZE * 2 + 1];

		crypto_random_hex(fresh, CRYPTO_KEY_SIZE);
		int rc = file_write(path, fresh, sizeof fresh - 1, 0600, err);
		mem_wipe(fresh, sizeof fresh);
		if (rc < 0)
			return err_wrap(err, "the key that seals callers' secrets");
	}
	if (file_read(&hex, path, err) < 0)
		return err_wrap(err, "the key that seals callers' secrets");
	bool fits = hex.len >= CRYPTO_KEY_SIZE * 2 &&
		    str_unhex(hex.data, (size_t)CRYPTO_KEY_SIZE * 2, boxes->seal_key);
	mem_wipe(hex.data, hex.len);
	if (!fits)
		return err_set(err, ERR_INPUT,
			"%s is damaged: it has to hold %d hexadecimal digits; put the "
			"original back, for secrets of the boxes are sealed with it",
			path, CRYPTO_KEY_SIZE * 2);
	return 0;
}

char *boxes_seal(struct boxes *boxes, const json_t *secrets)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_TEXT_CLEAN);
	struct err err = {0};

	if (json_object_size(secrets) == 0)
		return mem_strdup("");
	if (json_print(&text, secrets, &err) < 0)
		return NULL;
	char *sealed = crypto_seal(boxes->seal_key, text.data, text.len);
	mem_wipe(text.data, text.len);
	return sealed;
}

json_t *boxes_unseal(struct boxes *boxes, const char *sealed, struct err *err)
{
	struct err why = {0};
	size_t len = 0;

	if (str_empty(sealed))
		return json_object();
	char *text = crypto_open(boxes->seal_key, sealed, &len, &why);
	if (!text) {
		err_set(err, ERR_INTERNAL,
			"the secrets of the box cannot be opened (%s): is " KEY_FILE
			" of the state folder the one that sealed them?",
			why.text);
		return NULL;
	}
	json_t *secrets = json_parse(text, len, err);
	mem_wipe(text, len);
	free(text);
	if (secrets && !json_is_object(secrets)) {
		json_decref(secrets);
		err_set(err, ERR_INTERNAL, "the secrets of the box are no object");
		return NULL;
	}
	return secrets;
}

static char *put(char *at, const char *text, size_t len)
{
	memcpy(at, text, len);
	return at + len;
}

char **boxes_env_list(const json_t *env)
{
	size_t count = json_object_size(env), bytes = 0, i = 0;
	const char *name = NULL;
	json_t *value = NULL;
	json_t *object = (json_t *)(uintptr_t)env; /* jansson's loop wants it so */

	json_object_foreach (object, name, value)
		bytes += strlen(name) + json_string_length(value) + 2;
	char **list = mem_zalloc((count + 1) * sizeof *list + bytes);
	char *at = (char *)(list + count + 1);
	json_object_foreach (object, name, value) {
		list[i++] = at;
		at = put(at, name, strlen(name));
		*at++ = '=';
		if (json_is_string(value))
			at = put(at, json_string_value(value), json_string_length(value));
		*at++ = '\0';
	}
	return list;
}

/* ---- checks ---------------------------------------------------------------------------- */

static bool env_name_is_blocked(const char *name)
{
	static const char *const blocked[] = {
		"PATH", "HOME", "LD_PRELOAD", "LD_LIBRARY_PATH", "NODE_OPTIONS"};

	for (size_t i = 0; i < ARRAY_LEN(blocked); i++) {
		if (str_eq(name, blocked[i]))
			return true;
	}
	return false;
}

int env_check_name(const char *name, const char *member, struct err *err)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	static const char more[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
	size_t len = strlen(name);

	if (len == 0 || len > LIMIT_BOX_WORD || !strchr(letters, name[0]) ||
		strspn(name, more) != len)
		return err_set(err, ERR_INPUT,
			"`%s`: \"%.80s\" is no name of a variable: 1 to %d letters, "
			"digits "
			"and _, no digit first",
			member, name, LIMIT_BOX_WORD);
	if (env_name_is_blocked(name))
		return err_set(err, ERR_INPUT,
			"`%s`: %s cannot be set; a box needs its own (so are PATH, HOME, "
			"LD_PRELOAD, LD_LIBRARY_PATH and NODE_OPTIONS)",
			member, name);
	return 0;
}

int env_check_value(
	const char *name, const json_t *value, const char *member, struct err *err)
{
	const char *text = json_string_value(value);

	if (!text || strlen(text) != json_string_length(value))
		return err_set(err, ERR_INPUT,
			"`%s`: the value of %.80s must be a text without NUL", member,
			name);
	if (json_string_length(value) > LIMIT_BOX_ENV)
		return err_set(err, ERR_LIMIT,
			"`%s`: the value of %.80s has more than %lu bytes", member, name,
			LIMIT_BOX_ENV);
	return 0;
}

int boxes_env_check(const json_t *env, const char *member, struct err *err)
{
	const char *name = NULL;
	json_t *value = NULL;
	size_t sum = 0;
	json_t *object = (json_t *)(uintptr_t)env;

	if (!env || json_is_null(env))
		return 0;
	if (!json_is_object(env))
		return err_set(err, ERR_INPUT,
			"`%s` must be an object of names and texts", member);
	if (json_object_size(env) > LIMIT_BOX_ENVS)
		return err_set(err, ERR_LIMIT, "`%s` has more than %d variables", member,
			LIMIT_BOX_ENVS);
	json_object_foreach (object, name, value) {
		if (env_check_name(name, member, err) < 0 ||
			env_check_value(name, value, member, err) < 0)
			return -1;
		sum += strlen(name) + json_string_length(value) + 2;
	}
	if (sum > LIMIT_BOX_ENV_SUM)
		return err_set(err, ERR_LIMIT, "`%s` has more than %lu bytes together",
			member, LIMIT_BOX_ENV_SUM);
	return 0;
}
