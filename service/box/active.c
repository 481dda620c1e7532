/* SPDX-License-Identifier: MIT */
/* The table of boxes with work in them. */
#include "service/box/active.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"

#include <string.h>

#define BUCKETS 1024 /* of some thousand boxes */

struct entry {
	char box[64];
	int runs, quiet;
	int waiting; /* for it to be yielded */
	bool seized;
	int64_t active_ms;
	struct entry *next;
};

struct boxes_active {
	struct lock lock;
	struct cond yielded;
	uint64_t turns;
	struct entry *buckets[BUCKETS];
};

struct boxes_active *active_new(void)
{
	struct boxes_active *active = mem_zalloc(sizeof *active);

	lock_init(&active->lock);
	cond_init(&active->yielded);
	return active;
}

void active_free(struct boxes_active *active)
{
	if (!active)
		return;
	for (int i = 0; i < BUCKETS; i++) {
		while (active->buckets[i]) {
			struct entry *next = active->buckets[i]->next;
			free(active->buckets[i]);
			active->buckets[i] = next;
		}
	}
	cond_release(&active->yielded);
	lock_release(&active->lock);
	free(active);
}

static struct entry **place(struct boxes_active *active, const char *box)
{
	uint32_t hash = 2166136261U;

	for (const char *c = box; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619U;
	struct entry **at = &active->buckets[hash % BUCKETS];
	while (*at && !str_eq((*at)->box, box))
		at = &(*at)->next;
	return at;
}

static struct entry *need(struct boxes_active *active, const char *box)
{
	struct entry **at = place(active, box);

	if (!*at) {
		*at = mem_zalloc(sizeof **at);
		str_copy((*at)->box, sizeof(*at)->box, box);
	}
	return *at;
}

static bool is_idle(const struct entry *entry)
{
	return entry->runs + entry->quiet == 0;
}

/* Forgets an entry that says nothing. */
static void prune(struct boxes_active *active, const char *box)
{
	struct entry **at = place(active, box), *entry = *at;

	if (!entry || !is_idle(entry) || entry->waiting || entry->seized ||
		entry->active_ms)
		return;
	*at = entry->next;
	free(entry);
}

uint64_t active_turns(struct boxes_active *active)
{
	LOCKED(&active->lock);
	return active->turns;
}

static void on_cancel(void *arg)
{
	struct boxes_active *active = arg;

	LOCKED(&active->lock);
	cond_wake_all(&active->yielded);
}

/* Returns with the lock taken, and the entry unless the wait was cancelled. */
static struct entry *lock_free_entry(struct boxes_active *active, const char *box,
	struct cancel *cancel, struct err *err)
{
	lock_take(&active->lock);
	struct entry *entry = need(active, box);
	while (entry->seized) {
		if (cancel_check(cancel, err) < 0) {
			prune(active, box);
			return NULL;
		}
		entry->waiting++;
		cond_wait_ms(
			&active->yielded, &active->lock, cancel_remaining_ms(cancel, -1));
		entry->waiting--;
	}
	return entry;
}

static void add(struct entry *entry, bool run)
{
	if (run)
		entry->runs++;
	else
		entry->quiet++;
}

int active_hold(struct boxes_active *active, const char *box, bool run,
	struct cancel *cancel, struct err *err)
{
	struct cancel_watch watch = {0};

	cancel_watch(cancel, &watch, on_cancel, active);
	struct entry *entry = lock_free_entry(active, box, cancel, err);
	if (entry)
		add(entry, run);
	lock_give(&active->lock);
	cancel_unwatch(&watch);
	return entry ? 0 : -1;
}

void active_release(
	struct boxes_active *active, const char *box, bool run, int64_t now_ms)
{
	LOCKED(&active->lock);
	struct entry *entry = need(active, box);
	if (run)
		entry->runs--;
	else
		entry->quiet--;
	entry->active_ms = now_ms;
}

int active_seize(struct boxes_active *active, const char *box, bool idle,
	struct cancel *cancel, struct err *err)
{
	struct cancel_watch watch = {0};
	int rc = -1;

	cancel_watch(cancel, &watch, on_cancel, active);
	struct entry *entry = lock_free_entry(active, box, cancel, err);
	if (entry && idle && !is_idle(entry)) {
		err_set(err, ERR_CONFLICT, "there is work in box %s", box);
	} else if (entry) {
		entry->seized = true;
		active->turns++;
		rc = 0;
	}
	lock_give(&active->lock);
	cancel_unwatch(&watch);
	return rc;
}

static void yield(struct boxes_active *active, struct entry *entry)
{
	entry->seized = false;
	active->turns++;
	cond_wake_all(&active->yielded);
}

void active_yield(struct boxes_active *active, const char *box)
{
	LOCKED(&active->lock);
	yield(active, need(active, box));
	prune(active, box);
}

void active_yield_to_hold(struct boxes_active *active, const char *box, bool run)
{
	LOCKED(&active->lock);
	struct entry *entry = need(active, box);
	add(entry, run);
	yield(active, entry);
}

void active_note(struct boxes_active *active, const char *box, int64_t now_ms)
{
	LOCKED(&active->lock);
	need(active, box)->active_ms = now_ms;
}

struct active_counts active_look(struct boxes_active *active, const char *box)
{
	LOCKED(&active->lock);
	const struct entry *entry = *place(active, box);
	if (!entry)
		return (struct active_counts){0};
	return (struct active_counts){
		entry->runs, entry->quiet, entry->seized, entry->active_ms};
}

/* What active_flush() found, so that nothing is called with the lock held. */
struct found {
	char box[64];
	int64_t active_ms;
};

static size_t collect(struct boxes_active *active, int64_t now_ms, struct found **ret)
{
	struct found *all = NULL;
	size_t count = 0, room = 0;

	LOCKED(&active->lock);
	for (int i = 0; i < BUCKETS; i++) {
		for (struct entry *e = active->buckets[i], *next; e; e = next) {
			next = e->next;
			if (!is_idle(e))
				e->active_ms = now_ms;
			if (!e->active_ms)
				continue;
			if (count == room) {
				room = room ? 2 * room : 64;
				all = mem_grow(all, room, sizeof *all);
			}
			str_copy(all[count].box, sizeof all[count].box, e->box);
			all[count++].active_ms = e->active_ms;
			e->active_ms = 0;
			prune(active, all[count - 1].box);
		}
	}
	*ret = all;
	return count;
}

void active_flush(struct boxes_active *active, int64_t now_ms,
	void (*fn)(void *arg, const char *box, int64_t active_ms), void *arg)
{
	CLEANUP(mem) struct found *all = NULL;
	size_t count = collect(active, now_ms, &all);

	for (size_t i = 0; i < count; i++)
		fn(arg, all[i].box, all[i].active_ms);
}
