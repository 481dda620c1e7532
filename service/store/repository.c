/* SPDX-License-Identifier: MIT */
/* Repositories that the App is installed on. */
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"
#include "service/store/store_job.h"

int store_repository_put(struct store *store, int64_t repo_id, int64_t installation_id,
	const char *owner, const char *repo, const char *state, struct cancel *cancel,
	struct err *err)
{
	return store_update(store,
		       QUERY(STMT_REPOSITORY_PUT, V_INT(repo_id), V_INT(installation_id),
			       V_TEXT(owner), V_TEXT(repo), V_TEXT(state)),
		       cancel, err) < 0
		       ? -1
		       : 0;
}

int store_repository_get(struct store *store, int64_t repo_id,
	struct store_repository *ret, struct err *err)
{
	return store_read_row(store, QUERY(STMT_REPOSITORY_GET, V_INT(repo_id)),
		&table_repository, ret, "repository", err);
}

int store_repository_find(struct store *store, const char *owner, const char *repo,
	struct store_repository *ret, struct err *err)
{
	return store_read_row(store,
		QUERY(STMT_REPOSITORY_FIND, V_TEXT(owner), V_TEXT(repo)),
		&table_repository, ret, "repository", err);
}

static int read_rows(struct store *store, const struct query *query,
	struct store_repositories *ret, struct err *err)
{
	void *rows = NULL;

	if (store_read_page(store, query, &table_repository, SIZE_MAX, &rows, &ret->count,
		    err) < 0)
		return -1;
	ret->rows = rows;
	return 0;
}

int store_repository_list(struct store *store, int64_t installation_id, int limit,
	struct store_repositories *ret, struct err *err)
{
	int64_t most = page_limit(limit, 50);

	if (installation_id)
		return read_rows(store,
			QUERY(STMT_REPOSITORY_LIST, V_INT(installation_id), V_INT(most)),
			ret, err);
	return read_rows(
		store, QUERY(STMT_REPOSITORY_LIST_LOOKED, V_INT(most)), ret, err);
}

int store_repository_looked(struct store *store, int64_t repo_id, const char *rules_oid,
	int64_t now_ms, struct cancel *cancel, struct err *err)
{
	return store_update_one(store,
		QUERY(STMT_REPOSITORY_LOOKED, V_OPT(rules_oid), V_INT(now_ms),
			V_INT(repo_id)),
		"repository", cancel, err);
}

int store_repository_dashboard(struct store *store, int64_t repo_id, int64_t number,
	const char *hash, struct cancel *cancel, struct err *err)
{
	return store_update_one(store,
		QUERY(STMT_REPOSITORY_DASHBOARD, V_INT(number), V_OPT(hash),
			V_INT(repo_id)),
		"repository", cancel, err);
}
