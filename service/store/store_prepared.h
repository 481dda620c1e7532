/* SPDX-License-Identifier: MIT */
/*
 * Prepared repositories: which snapshot stands for which repository, base commit, image
 * and setup.
 *
 * See store.h for errors, memory and threads.
 */
#ifndef SERVICE_STORE_STORE_PREPARED_H
#define SERVICE_STORE_STORE_PREPARED_H

#include "service/store/store.h"

#define STORE_PREPARED_STATES(X)                                                         \
	X(BUILDING, "building")                                                          \
	X(READY, "ready")                                                                \
	X(FAILED, "failed")

enum store_prepared_state {
#define X(name, word) STORE_PREPARED_##name,
	STORE_PREPARED_STATES(X)
#undef X
};

struct store_prepared {
	char *key;
	int64_t repo_id;
	char *base_oid, *image, *setup_hash;
	char *snapshot_image; /* "" until ready */
	enum store_prepared_state state;
	int64_t size_bytes, layers;
	int64_t created_ms, used_ms;
};

void store_prepared_release(struct store_prepared *prepared);
DEFINE_CLEANUP(store_prepared, struct store_prepared, store_prepared_release(value))

struct store_prepared_rows {
	struct store_prepared *rows;
	size_t count;
};
void store_prepared_rows_release(struct store_prepared_rows *list);
DEFINE_CLEANUP(store_prepared_rows, struct store_prepared_rows,
	store_prepared_rows_release(value))

/* Makes or replaces the row of prepared->key.  The strings are borrowed, NULL counts as
 * "". */
int store_prepared_put(struct store *store, const struct store_prepared *prepared,
	struct cancel *cancel, struct err *err);

int store_prepared_get(struct store *store, const char *key, struct store_prepared *ret,
	struct err *err); /* ERR_NOT_FOUND */

/* The newest ready one of any base commit: ERR_NOT_FOUND when there is none. */
int store_prepared_newest(struct store *store, int64_t repo_id, const char *image,
	const char *setup_hash, struct store_prepared *ret, struct err *err);

/* Sets used_ms; a missing key is fine. */
int store_prepared_touch(struct store *store, const char *key, int64_t now_ms,
	struct cancel *cancel, struct err *err);

/* Those not used since, longest unused first, whatever their state; limit 1 to 500. */
int store_prepared_list_old(struct store *store, int64_t used_before_ms, int limit,
	struct store_prepared_rows *ret, struct err *err);

/* A missing key is fine. */
int store_prepared_delete(
	struct store *store, const char *key, struct cancel *cancel, struct err *err);

#endif
