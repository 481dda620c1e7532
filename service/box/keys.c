/* SPDX-License-Identifier: MIT */
/* Keys of the API. */
#include "service/box/box_keys.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/crypto.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/asked.h"
#include "service/box/parts.h"
#include "service/store/store_key.h"

#include <string.h>

#define PREFIX "box_"
#define RANDOM_BYTES 32 /* 43 characters */
#define HINT 4
#define CACHE_MAX 1024
#define TOUCH_MS 60000

/* ---- what was asked for lately --------------------------------------------------------- */

struct cached {
	char hash[SHA256_HEX_SIZE];
	struct box_key_owner owner;
	int64_t touched_ms; /* in the row, on the monotonic clock */
};

struct key_cache {
	struct lock lock;
	uint64_t
		generation; /* grows when keys change: what was read before is not kept */
	struct cached *keys;
	size_t count, next;
};

struct key_cache *key_cache_new(void)
{
	struct key_cache *cache = mem_zalloc(sizeof *cache);

	lock_init(&cache->lock);
	cache->keys = mem_array(CACHE_MAX, sizeof *cache->keys);
	return cache;
}

void key_cache_free(struct key_cache *cache)
{
	if (!cache)
		return;
	lock_release(&cache->lock);
	free(cache->keys);
	free(cache);
}

static void forget_all(struct key_cache *cache)
{
	LOCKED(&cache->lock);
	cache->generation++;
	cache->count = cache->next = 0;
}

/* The table's order tells nothing of a hash, so comparing as text gives nothing away. */
static bool look_up(struct key_cache *cache, const char *hash, struct box_key_owner *ret,
	bool *ret_touch, uint64_t *ret_generation)
{
	int64_t now = clock_mono_ms();

	LOCKED(&cache->lock);
	*ret_generation = cache->generation;
	for (size_t i = 0; i < cache->count; i++) {
		struct cached *key = &cache->keys[i];

		if (!str_eq(key->hash, hash))
			continue;
		*ret = key->owner;
		*ret_touch = now - key->touched_ms >= TOUCH_MS;
		if (*ret_touch)
			key->touched_ms = now;
		return true;
	}
	return false;
}

static void remember(struct key_cache *cache, const char *hash,
	const struct box_key_owner *owner, uint64_t generation)
{
	LOCKED(&cache->lock);
	if (cache->generation != generation)
		return;
	struct cached *key = &cache->keys[cache->next];
	cache->next = (cache->next + 1) % CACHE_MAX;
	if (cache->count < CACHE_MAX)
		cache->count++;
	str_copy(key->hash, sizeof key->hash, hash);
	key->owner = *owner;
	key->touched_ms = clock_mono_ms();
}

int boxes_key_owner(struct boxes *boxes, const char *sha256_hex,
	struct box_key_owner *ret, struct err *err)
{
	CLEANUP(store_key) struct store_key row = {0};
	struct err missing = {0};
	uint64_t generation;
	bool touch = false;

	if (look_up(boxes->keys, sha256_hex, ret, &touch, &generation)) {
		if (touch)
			store_key_touch(
				boxes->options.store, ret->key_id, clock_wall_ms());
		return 0;
	}
	if (store_key_find(boxes->options.store, sha256_hex, &row, &missing) < 0) {
		if (missing.kind == ERR_NOT_FOUND)
			return err_set(err, ERR_DENIED, "Invalid box API key");
		*err = missing;
		return -1;
	}
	struct box_key_owner owner = {.write = row.scope == STORE_KEY_FULL};
	if (!str_copy(owner.account, sizeof owner.account, row.account) ||
		!str_copy(owner.key_id, sizeof owner.key_id, row.id))
		return err_set(err, ERR_INTERNAL, "the row of a key is damaged");
	remember(boxes->keys, sha256_hex, &owner, generation);
	store_key_touch(boxes->options.store, owner.key_id, clock_wall_ms());
	*ret = owner;
	return 0;
}

/* ---- managing them --------------------------------------------------------------------- */

static json_t *key_json(const struct store_key *row)
{
	json_t *o = json_object();

	json_put(o, "id", json_str(row->id));
	json_put(o, "name", json_str(row->name));
	json_put(o, "account", json_str(row->account));
	json_put(o, "scope", json_str(store_key_scope_name(row->scope)));
	json_put(o, "hint", json_str(row->hint));
	json_put(o, "created_at", json_integer(row->created_ms / 1000));
	if (row->used_ms > 0)
		json_put(o, "used_at", json_integer(row->used_ms / 1000));
	if (row->revoked_ms > 0)
		json_put(o, "revoked_at", json_integer(row->revoked_ms / 1000));
	return o;
}

static int read_scope(const char *text, enum store_key_scope *ret, struct err *err)
{
	*ret = STORE_KEY_FULL;
	if (!text || str_eq(text, "full"))
		return 0;
	*ret = STORE_KEY_READ;
	if (str_eq(text, "read"))
		return 0;
	return err_set(err, ERR_INPUT, "`scope` must be full or read");
}

static int check_account(
	const struct box_caller *who, const char *account, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
	size_t len = strlen(account);

	if (!who->operator&& !str_eq(account, who->account))
		return err_set(err, ERR_DENIED,
			"only the operator makes keys of other accounts");
	if (len == 0 || len > LIMIT_BOX_NAME || strspn(account, allowed) != len)
		return err_set(err, ERR_INPUT,
			"`account` must have 1 to %d characters of a-z, 0-9, '-', '_' "
			"and "
			"'.'",
			LIMIT_BOX_NAME);
	return 0;
}

static int check_count(struct boxes *boxes, const char *account, struct err *err)
{
	CLEANUP(store_keys) struct store_keys rows = {0};
	size_t living = 0;

	if (store_key_list(boxes->options.store, account, &rows, err) < 0)
		return -1;
	for (size_t i = 0; i < rows.count; i++)
		living += rows.rows[i].revoked_ms == 0;
	if (living < LIMIT_BOX_KEYS)
		return 0;
	return err_set(err, ERR_QUOTA, "the account has %d keys; revoke one first",
		LIMIT_BOX_KEYS);
}

static int add_key(struct boxes *boxes, struct store_key *row, json_t **ret,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf key = STRBUF_INIT(128);
	uint8_t bits[RANDOM_BYTES];
	char hash[SHA256_HEX_SIZE];

	crypto_random(bits, sizeof bits);
	strbuf_adds(&key, PREFIX);
	str_base64url(&key, bits, sizeof bits);
	mem_wipe(bits, sizeof bits);
	crypto_sha256_hex(key.data, key.len, hash);
	row->id = mem_printf("key-%.12s", hash);
	row->hash = mem_strdup(hash);
	row->hint = mem_strdup(key.data + key.len - HINT);
	row->created_ms = clock_wall_ms();
	if (store_key_add(boxes->options.store, row, cancel, err) < 0)
		return -1;
	forget_all(boxes->keys);
	*ret = key_json(row);
	json_put(*ret, "key", json_str(key.data));
	mem_wipe(key.data, key.len);
	return 0;
}

int boxes_key_create(struct boxes *boxes, const struct box_caller *who,
	const json_t *body, json_t **ret, struct cancel *cancel, struct err *err)
{
	CLEANUP(store_key) struct store_key row = {0};
	CLEANUP(mem) char *scope = NULL;

	if (boxes_may_write(who, err) < 0 ||
		asked_text(body, "name", LIMIT_BOX_WORD, &row.name, err) < 0 ||
		asked_text(body, "scope", LIMIT_BOX_WORD, &scope, err) < 0 ||
		asked_text(body, "account", LIMIT_BOX_WORD, &row.account, err) < 0 ||
		read_scope(scope, &row.scope, err) < 0)
		return -1;
	if (str_empty(row.name))
		return err_set(err, ERR_INPUT, "`name` is missing: what the key is for");
	if (!row.account)
		row.account = mem_strdup(who->account);
	if (check_account(who, row.account, err) < 0 ||
		check_count(boxes, row.account, err) < 0)
		return -1;
	return add_key(boxes, &row, ret, cancel, err);
}

int boxes_key_list(
	struct boxes *boxes, const struct box_caller *who, json_t **ret, struct err *err)
{
	CLEANUP(store_keys) struct store_keys rows = {0};

	if (boxes_may_write(who, err) < 0 ||
		store_key_list(boxes->options.store, who->operator? NULL : who->account,
			&rows, err) < 0)
		return -1;
	json_t *keys = json_array();
	for (size_t i = 0; i < rows.count; i++)
		json_array_append_new(keys, key_json(&rows.rows[i]));
	*ret = json_object();
	json_put(*ret, "keys", keys);
	return 0;
}

/* Whose it is; also for a revoked one. */
static int find_key(struct boxes *boxes, const struct box_caller *who, const char *id,
	bool *ret_living, struct err *err)
{
	CLEANUP(store_keys) struct store_keys rows = {0};

	if (store_key_list(boxes->options.store, who->operator? NULL : who->account,
		    &rows, err) < 0)
		return -1;
	for (size_t i = 0; i < rows.count; i++) {
		if (str_eq(rows.rows[i].id, id)) {
			*ret_living = rows.rows[i].revoked_ms == 0;
			return 0;
		}
	}
	return err_set(err, ERR_NOT_FOUND, "there is no key %.80s", id);
}

int boxes_key_revoke(struct boxes *boxes, const struct box_caller *who, const char *key,
	struct cancel *cancel, struct err *err)
{
	bool living = false;

	if (boxes_may_write(who, err) < 0 || find_key(boxes, who, key, &living, err) < 0)
		return -1;
	if (living && store_key_revoke(boxes->options.store, NULL, key, clock_wall_ms(),
			      cancel, err) < 0)
		return -1;
	forget_all(boxes->keys);
	return 0;
}
