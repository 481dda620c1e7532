/* SPDX-License-Identifier: MIT */
/* Long requests by account; see shares.h. */
#include "service/http/shares.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"

#include <stdlib.h>

/* An account that has some under way: never more of them than threads. */
struct share {
	struct share *next;
	char *account;
	size_t count;
};

struct shares {
	struct lock lock;
	size_t most;
	struct share *list;
};

struct shares *shares_new(size_t most)
{
	struct shares *shares = mem_zalloc(sizeof *shares);

	lock_init(&shares->lock);
	shares->most = most > 0 ? most : 1;
	return shares;
}

void shares_free(struct shares *shares)
{
	if (!shares)
		return;
	while (shares->list) {
		struct share *share = shares->list;

		shares->list = share->next;
		free(share->account);
		free(share);
	}
	lock_release(&shares->lock);
	free(shares);
}

/* With the lock held: where the account's stands, or the end. */
static struct share **find(struct shares *shares, const char *account)
{
	struct share **at = &shares->list;

	while (*at && !str_eq((*at)->account, account))
		at = &(*at)->next;
	return at;
}

bool shares_take(struct shares *shares, const char *account)
{
	LOCKED(&shares->lock);
	struct share **at = find(shares, account);

	if (!*at) {
		*at = mem_zalloc(sizeof **at);
		(*at)->account = mem_strdup(account);
	}
	if ((*at)->count >= shares->most)
		return false;
	(*at)->count++;
	return true;
}

void shares_give(struct shares *shares, const char *account)
{
	LOCKED(&shares->lock);
	struct share **at = find(shares, account), *share = *at;

	if (!share || --share->count > 0)
		return;
	*at = share->next;
	free(share->account);
	free(share);
}
