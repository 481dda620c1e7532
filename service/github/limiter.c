/* SPDX-License-Identifier: MIT */
/* Accounts of installations: a ring of the last changes and a bucket of points. */
#include "service/github/limiter.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/thread.h"

#include <string.h>

enum {
	/* GitHub's secondary limit is 900 points a minute.  Full bucket and a minute of
	 * refill together stay below it. */
	MINUTE_MS = 60000,
	POINTS_FULL = 150,
	POINTS_PER_S = 12,
	POINTS_READ = 1,
	POINTS_CHANGE = 5,
	/* More accounts than this: the one used longest ago makes room.  What it had
	 * counted is forgotten, GitHub still counts. */
	ACCOUNTS_MAX = 1024,
	QUEUE_MAX = 64,  /* changes that wait in order; more come again */
	SPARE_FULL = 20, /* edits of progress in a row before their share is paced */
	POLL_MIN_MS = 2,
};

struct account {
	int64_t installation;
	int64_t used_ms;
	int64_t blocked_until;
	int64_t points_milli; /* thousandths of a point that are left */
	int64_t refilled_ms;
	int64_t *changes;         /* ring of the times of the last per_hour changes */
	int64_t count;            /* changes ever */
	bool busy;                /* a change is under way */
	int64_t queue[QUEUE_MAX]; /* tickets, first one first */
	int nqueue;
	double spare; /* edits of progress that are left */
	int64_t spared_ms;
};

struct limiter {
	struct limiter_rules rules;
	struct lock lock;
	struct account *accounts;
	size_t naccounts;
	int64_t tickets; /* given out ever */
};

struct limiter *limiter_new(const struct limiter_rules *rules)
{
	struct limiter *limiter = mem_zalloc(sizeof *limiter);

	limiter->rules = *rules;
	if (limiter->rules.per_hour > LIMITER_HOUR_MAX)
		limiter->rules.per_hour = LIMITER_HOUR_MAX;
	if (limiter->rules.per_minute > limiter->rules.per_hour)
		limiter->rules.per_minute = limiter->rules.per_hour;
	if (limiter->rules.minute_ms <= 0)
		limiter->rules.minute_ms = MINUTE_MS;
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
			.refilled_ms = now,
			.spare = SPARE_FULL,
			.spared_ms = now};
		if (limiter->rules.gap_ms > 0)
			account->changes = mem_array(
				(size_t)limiter->rules.per_hour, sizeof(int64_t));
	}
	if (now > account->used_ms)
		account->used_ms = now;
	return account;
}

/* How long until the n-th last change is `window` old; 0 when it is or never was. */
static int64_t window_wait(const struct limiter *limiter, const struct account *account,
	int64_t n, int64_t window, int64_t now)
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

/* The account's points by now. */
static int64_t points_wait(const struct limiter *limiter, struct account *account,
	int64_t need_milli, int64_t now)
{
	int64_t minute = limiter->rules.minute_ms;

	account->points_milli +=
		(now - account->refilled_ms) * POINTS_PER_S * MINUTE_MS / minute;
	account->refilled_ms = now;
	if (account->points_milli > POINTS_FULL * 1000)
		account->points_milli = POINTS_FULL * 1000;
	if (account->points_milli >= need_milli)
		return 0;
	return (need_milli - account->points_milli) * minute / MINUTE_MS / POINTS_PER_S +
	       1;
}

/* How long the limits forbid one; whose turn it is does not count here. */
static int64_t rules_wait(
	const struct limiter *limiter, struct account *account, bool change, int64_t now)
{
	const struct limiter_rules *rules = &limiter->rules;
	int64_t points = (change ? POINTS_CHANGE : POINTS_READ) * 1000;
	int64_t wait = points_wait(limiter, account, points, now);

	if (!change)
		return wait;
	wait = longer(wait, window_wait(limiter, account, 1, rules->gap_ms, now));
	wait = longer(wait,
		window_wait(limiter, account, rules->per_minute, rules->minute_ms, now));
	return longer(wait, window_wait(limiter, account, rules->per_hour,
				    60 * rules->minute_ms, now));
}

static int place_of(const struct account *account, int64_t ticket)
{
	for (int i = 0; i < account->nqueue; i++)
		if (account->queue[i] == ticket)
			return i;
	return -1;
}

static void leave(struct account *account, int64_t ticket)
{
	int at = place_of(account, ticket);

	if (at < 0)
		return;
	account->nqueue--;
	memmove(&account->queue[at], &account->queue[at + 1],
		(size_t)(account->nqueue - at) * sizeof account->queue[0]);
}

/* How many changes go first; the turn stands in the queue from now on, if there is room. */
static int stand(
	struct limiter *limiter, struct account *account, struct limiter_turn *turn)
{
	if (turn->ticket == 0)
		turn->ticket = ++limiter->tickets;
	int at = place_of(account, turn->ticket);
	if (at >= 0 || account->nqueue == QUEUE_MAX)
		return at >= 0 ? at : QUEUE_MAX;
	account->queue[account->nqueue++] = turn->ticket;
	return account->nqueue - 1;
}

int64_t limiter_wait(struct limiter *limiter, int64_t installation,
	struct limiter_turn *turn, int64_t now_ms)
{
	LOCKED(&limiter->lock);
	struct account *account = account_of(limiter, installation, now_ms);
	const struct limiter_rules *rules = &limiter->rules;

	turn->queued = false;
	if (account->blocked_until > now_ms)
		return account->blocked_until - now_ms;
	if (rules->gap_ms <= 0)
		return 0;
	int64_t wait = rules_wait(limiter, account, turn->change, now_ms);
	if (turn->change) {
		int before = stand(limiter, account, turn);

		turn->queued = wait <= rules->gap_ms && (before > 0 || account->busy);
		if (before > 0)
			wait = longer(wait, before * rules->gap_ms);
		if (before == 0 && account->busy)
			wait = longer(wait, POLL_MIN_MS);
	}
	if (wait > 0)
		return wait;
	account->points_milli -= (turn->change ? POINTS_CHANGE : POINTS_READ) * 1000;
	if (turn->change) {
		leave(account, turn->ticket);
		turn->going = account->busy = true;
		account->changes[account->count++ % rules->per_hour] = now_ms;
	}
	return 0;
}

void limiter_done(struct limiter *limiter, int64_t installation,
	struct limiter_turn *turn, int64_t now_ms)
{
	if (!turn->change || turn->ticket == 0)
		return;
	LOCKED(&limiter->lock);
	struct account *account = account_of(limiter, installation, now_ms);

	leave(account, turn->ticket);
	if (turn->going && account->count > 0) {
		account->busy = false;
		account->changes[(account->count - 1) % limiter->rules.per_hour] = now_ms;
	}
	*turn = (struct limiter_turn){.change = true};
}

/* The last quarter is for what must be said. */
static int64_t share(int of)
{
	return longer((int64_t)of * 3 / 4, 1);
}

int64_t limiter_closed(struct limiter *limiter, int64_t installation, int64_t now_ms)
{
	LOCKED(&limiter->lock);
	struct account *account = account_of(limiter, installation, now_ms);

	if (account->blocked_until > now_ms)
		return account->blocked_until - now_ms;
	if (limiter->rules.gap_ms <= 0)
		return 0;
	return longer(rules_wait(limiter, account, true, now_ms),
		window_wait(limiter, account, share(limiter->rules.per_hour),
			60 * limiter->rules.minute_ms, now_ms));
}

bool limiter_spare(struct limiter *limiter, int64_t installation, int64_t now_ms)
{
	LOCKED(&limiter->lock);
	struct account *account = account_of(limiter, installation, now_ms);
	const struct limiter_rules *rules = &limiter->rules;
	int64_t hour = 60 * rules->minute_ms;

	if (account->blocked_until > now_ms)
		return false;
	if (rules->gap_ms <= 0)
		return true;
	account->spare += (double)(now_ms - account->spared_ms) * rules->per_hour / 2 /
			  (double)hour;
	account->spared_ms = now_ms;
	if (account->spare > SPARE_FULL)
		account->spare = SPARE_FULL;
	if (account->spare < 1 || account->nqueue > 0 || account->busy)
		return false;
	if (window_wait(limiter, account, share(rules->per_minute), rules->minute_ms,
		    now_ms) > 0 ||
		window_wait(limiter, account, share(rules->per_hour), hour, now_ms) > 0)
		return false;
	account->spare -= 1;
	return true;
}

void limiter_block(
	struct limiter *limiter, int64_t installation, int64_t wait_ms, int64_t now_ms)
{
	LOCKED(&limiter->lock);
	struct account *account = account_of(limiter, installation, now_ms);

	if (now_ms + wait_ms > account->blocked_until)
		account->blocked_until = now_ms + wait_ms;
}
