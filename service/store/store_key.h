/* SPDX-License-Identifier: MIT */
/*
 * Keys of the API that were made while the service runs; those of api_keys_file are the
 * operator's and stand in no row.  A key itself is never stored, only its SHA-256.
 * See store.h for errors, memory and threads.
 */
#ifndef SERVICE_STORE_STORE_KEY_H
#define SERVICE_STORE_STORE_KEY_H

#include "service/store/store.h"

#define STORE_KEY_SCOPES(X)                                                              \
	X(FULL, "full")                                                                  \
	X(READ, "read")

enum store_key_scope {
#define X(name, word) STORE_KEY_##name,
	STORE_KEY_SCOPES(X)
#undef X
};

const char *store_key_scope_name(enum store_key_scope scope);

struct store_key {
	char *id, *account, *name;
	char *hash; /* SHA-256 in hex */
	char *hint; /* last characters, for people */
	enum store_key_scope scope;
	int64_t created_ms, used_ms, revoked_ms; /* 0: never */
};

void store_key_release(struct store_key *key);
DEFINE_CLEANUP(store_key, struct store_key, store_key_release(value))

struct store_keys {
	struct store_key *rows;
	size_t count;
};
void store_keys_release(struct store_keys *list);
DEFINE_CLEANUP(store_keys, struct store_keys, store_keys_release(value))

int store_key_add(struct store *store, const struct store_key *key, struct cancel *cancel,
	struct err *err);
/* Oldest first, revoked ones too; account NULL: of all accounts. */
int store_key_list(struct store *store, const char *account, struct store_keys *ret,
	struct err *err);
/* ERR_NOT_FOUND also for a revoked one. */
int store_key_find(
	struct store *store, const char *hash, struct store_key *ret, struct err *err);
/* used_ms, when that is a minute or more later.  Only queues; call it once a minute. */
void store_key_touch(struct store *store, const char *id, int64_t now_ms);
/* account NULL: of any.  ERR_NOT_FOUND when none is left to revoke. */
int store_key_revoke(struct store *store, const char *account, const char *id,
	int64_t now_ms, struct cancel *cancel, struct err *err);

#endif
