/* SPDX-License-Identifier: MIT */
/* Accounts of installations: a ring of the last changes and a bucket of points. */
#include "service/github/limiter.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/thread.h"

#include <string.h>

enum {
	/* GitHub's secondary limit is 900 points a minute.  Full bucket and a minute of
	 * refill together stay below it. */
	POINTS_FULL = 150,
	POINTS_PER_S = 12,
	POINTS_READ = 1,
	POINTS_CHANGE = 5,
	/* More accounts than this: the one used longest ago makes room.  What it had
	 * counted is forgotten, GitHub still counts. */
	ACCOUNTS_MAX = 1024,
};

struct account {
	int64_t installation;
	int64_t used_ms;
	int64_t blocked_until;
	int64_t points_milli; /* thousandths of a point that are left */
	int64_t refilled_ms;
	int64_t *changes; /* ring of the times of the last per_hour changes */
	int64_t count;    /* changes ever */
};

struct limiter {
	struct limiter_rules rules;
	struct lock lock;
	struct account *accounts;
	size_t naccounts;
};

struct limiter *limiter_new(const struct limiter_rules *rules)
{
	struct limiter *limiter = mem_zalloc(sizeof *limiter);

	limiter->rules = *rules;
	if (limiter->rules.per_hour > LIMITER_HOUR_MAX)
		limiter->rules.per_hour = LIMITER_HOUR_MAX;
	if (limiter->rules.per_minute > limiter->rules.per_hour)
		limiter->rules.per_minute = limiter->rules.per_hour;
	lock_init(&limiter->lock);
	return limiter;
}

void limiter_free(struct limiter *limiter)
{
	if (!limiter)
		return;
	for (size_t i = 0; i < limiter->naccounts; i++)
		free(limiter->accounts[i].changes);
	free(limiter->accounts);
	lock_release(&limiter->lock);
	free(limiter);
}

static struct account *account_room(struct limiter *limiter)
{
	if (limiter->naccounts < ACCOUNTS_MAX) {
		limiter->accounts = mem_grow(limiter->accounts, limiter->naccounts + 1,
			sizeof *limiter->accounts);
		return &limiter->accounts[limiter->naccounts++];
	}
	struct account *oldest = &limiter->accounts[0];
	for (size_t i = 1; i < limiter->naccounts; i++)
		if (limiter->accounts[i].used_ms < oldest->used_ms)
			oldest = &limiter->accounts[i];
	free(oldest->changes);
	return oldest;
}

static struct account *account_of(
	struct limiter *limiter, int64_t installation, int64_t now)
{
	struct account *account = NULL;

	lock_assert_held(&limiter->lock);
	for (size_t i = 0; i < limiter->naccounts && !account; i++)
		if (limiter->accounts[i].installation == installation)
			account = &limiter->accounts[i];
	if (!account) {
		account = account_room(limiter);
		*account = (struct account){.installation = installation,
			.points_milli = POINTS_FULL * 1000,
			.refilled_ms = now};
		if (limiter->rules.gap_ms > 0)
			account->changes = mem_array(
				(size_t)limiter->rules.per_hour, sizeof(int64_t));
	}
	account->used_ms = now;
	return account;
}

/* How long until the n-th last change is `window` old; 0 when it is or never was. */
static int64_t window_wait(const struct limiter *limiter, const struct account *account,
	int n, int64_t window, int64_t now)
{
	if (n <= 0 || account->count < n)
		return 0;
	int64_t then = account->changes[(account->count - n) % limiter->rules.per_hour];
	return then + window > now ? then + window - now : 0;
}

static int64_t longer(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t points_wait(struct account *account, int64_t need_milli, int64_t now)
{
	account->points_milli += (now - account->refilled_ms) * POINTS_PER_S;
	account->refilled_ms = now;
	if (account->points_milli > POINTS_FULL * 1000)
		account->points_milli = POINTS_FULL * 1000;
	if (account->points_milli >= need_milli)
		return 0;
	return (need_milli - account->points_milli) / POINTS_PER_S + 1;
}

int64_t limiter_wait(
	struct limiter *limiter, int64_t installation, bool change, int64_t now_ms)
{
	LOCKED(&limiter->lock);
	struct account *account = account_of(limiter, installation, now_ms);
	const struct limiter_rules *rules = &limiter->rules;

	if (account->blocked_until > now_ms)
		return account->blocked_until - now_ms;
	if (rules->gap_ms <= 0)
		return 0;
	int64_t points = (change ? POINTS_CHANGE : POINTS_READ) * 1000;
	int64_t wait = points_wait(account, points, now_ms);
	if (change) {
		wait = longer(
			wait, window_wait(limiter, account, 1, rules->gap_ms, now_ms));
		wait = longer(wait, window_wait(limiter, account, rules->per_minute,
					    60 * 1000, now_ms));
		wait = longer(wait, window_wait(limiter, account, rules->per_hour,
					    3600 * 1000, now_ms));
	}
	if (wait > 0)
		return wait;
	account->points_milli -= points;
	if (change)
		account->changes[account->count++ % rules->per_hour] = now_ms;
	return 0;
}

void limiter_block(
	struct limiter *limiter, int64_t installation, int64_t wait_ms, int64_t now_ms)
{
	LOCKED(&limiter->lock);
	struct account *account = account_of(limiter, installation, now_ms);

	if (now_ms + wait_ms > account->blocked_until)
		account->blocked_until = now_ms + wait_ms;
}
