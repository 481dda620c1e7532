/* SPDX-License-Identifier: MIT */
/*
 * What belongs to an account and not to one of its boxes: variables that new boxes get,
 * and what was used, by UTC day.  Accounts have no rows of their own.
 * See store.h for errors, memory and threads.
 */
#ifndef SERVICE_STORE_STORE_ACCOUNT_H
#define SERVICE_STORE_STORE_ACCOUNT_H

#include "service/store/store.h"

/* ---- variables ------------------------------------------------------------------------ */

struct store_env {
	char *name;
	char *sealed;
	int64_t updated_ms;
};

struct store_envs {
	struct store_env *rows;
	size_t count;
};
void store_envs_release(struct store_envs *list);
DEFINE_CLEANUP(store_envs, struct store_envs, store_envs_release(value))

/* By name, all. */
int store_account_env_list(struct store *store, const char *account,
	struct store_envs *ret, struct err *err);
/* At most LIMIT_ACCOUNT_ENV of them: ERR_QUOTA. */
int store_account_env_put(struct store *store, const char *account,
	const struct store_env *env, struct cancel *cancel, struct err *err);
/* All at once: what is not in the list goes. */
int store_account_env_replace(struct store *store, const char *account,
	const struct store_env *envs, size_t count, struct cancel *cancel,
	struct err *err);
int store_account_env_delete(struct store *store, const char *account, const char *name,
	struct cancel *cancel, struct err *err); /* ERR_NOT_FOUND */

/* ---- usage ---------------------------------------------------------------------------- */

struct store_usage {
	char *day; /* "2026-01-31", UTC */
	int64_t cpu_us, storage_mb_s, runs, tokens_in, tokens_out;
	double compute_usd, tokens_usd;
};

struct store_usages {
	struct store_usage *rows;
	size_t count;
};
void store_usages_release(struct store_usages *list);
DEFINE_CLEANUP(store_usages, struct store_usages, store_usages_release(value))

/* Adds what no box's verb adds (storage of snapshots), to the day of now_ms; `day` is not
 * read.  Only queues. */
void store_account_usage_add(struct store *store, const char *account,
	const struct store_usage *add, int64_t now_ms);
/* Days from first to last, both included ("2026-01-01"), oldest first; a day without use
 * has no row. */
int store_account_usage_list(struct store *store, const char *account, const char *first,
	const char *last, struct store_usages *ret, struct err *err);

#endif
