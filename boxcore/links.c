/* SPDX-License-Identifier: MIT */
/*
 * The table of links and the gates.
 *
 * An entry is current (new callers get it) or not (lost or dropped: it waits for its last
 * pin).  link_close() and the questions to a link are asked with no lock held.
 */
#include "boxcore/boxcore-internal.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/link/link.h"
#include "boxcore/networks-internal.h"
#include "boxcore/tunnel-internal.h"

#include <string.h>

struct link_entry {
	char box[64];
	struct link *link;
	int pins;
	bool current;
	struct link_entry *next;
};

struct gate {
	char box[64];
	struct gate *next;
};

struct tunnels *core_tunnels(struct boxcore *core)
{
	return core->tunnels;
}

/* ---- gates ----------------------------------------------------------------------------- */

static bool try_locked(struct boxcore *core, const char *box)
{
	lock_assert_held(&core->lock);
	for (struct gate *gate = core->gates; gate; gate = gate->next) {
		if (str_eq(gate->box, box))
			return false;
	}
	struct gate *gate = mem_zalloc(sizeof *gate);
	str_copy(gate->box, sizeof gate->box, box);
	gate->next = core->gates;
	core->gates = gate;
	return true;
}

bool core_gate_try(struct boxcore *core, const char *box)
{
	LOCKED(&core->lock);
	return try_locked(core, box);
}

static void wake_all(void *arg)
{
	struct boxcore *core = arg;

	LOCKED(&core->lock); /* or the wake could fall between a waiter's check and its wait */
	cond_wake_all(&core->changed);
}

static int wait_in_line(
	struct boxcore *core, const char *box, struct cancel *cancel, struct err *err)
{
	for (;;) {
		if (cancel_check(cancel, err) < 0)
			return -1;
		/* Asked before the lock is taken, for a cancel has locks of its own. */
		int64_t wait = cancel_remaining_ms(cancel, 60000);
		LOCKED(&core->lock);
		if (try_locked(core, box))
			return 0;
		cond_wait_ms(&core->changed, &core->lock, wait);
	}
}

int core_gate_enter(
	struct boxcore *core, const char *box, struct cancel *cancel, struct err *err)
{
	struct cancel_watch watch;

	cancel_watch(cancel, &watch, wake_all, core);
	int rc = wait_in_line(core, box, cancel, err);
	cancel_unwatch(&watch);
	return rc;
}

void core_gate_leave(struct boxcore *core, const char *box)
{
	LOCKED(&core->lock);
	for (struct gate **at = &core->gates; *at; at = &(*at)->next) {
		struct gate *gate = *at;
		if (str_eq(gate->box, box)) {
			*at = gate->next;
			free(gate);
			break;
		}
	}
	cond_wake_all(&core->changed);
}

/* ---- the table ------------------------------------------------------------------------- */

/* The box's current entry, pinned, or NULL. */
static struct link_entry *pin(struct boxcore *core, const char *box)
{
	LOCKED(&core->lock);
	for (struct link_entry *entry = core->links; entry; entry = entry->next) {
		if (entry->current && str_eq(entry->box, box)) {
			entry->pins++;
			return entry;
		}
	}
	return NULL;
}

static void unlist(struct boxcore *core, struct link_entry *entry)
{
	lock_assert_held(&core->lock);
	for (struct link_entry **at = &core->links; *at; at = &(*at)->next) {
		if (*at == entry) {
			*at = entry->next;
			return;
		}
	}
}

static void close_entry(struct boxcore *core, struct link_entry *entry)
{
	tunnel_detach(core, entry->box, entry->link);
	networks_detach(core, entry->link);
	link_close(entry->link);
	free(entry);
}

/* Gives a pin back; the last one of an entry that is not current any more closes it. */
static void unpin(struct boxcore *core, struct link_entry *entry, bool keep_current)
{
	bool last = false;

	lock_take(&core->lock);
	entry->pins--;
	if (!keep_current)
		entry->current = false;
	last = entry->pins == 0 && !entry->current;
	if (last)
		unlist(core, entry);
	lock_give(&core->lock);
	if (last)
		close_entry(core, entry);
}

void core_link_put(struct boxcore *core, struct link *link)
{
	struct link_entry *entry = NULL;

	lock_take(&core->lock);
	for (entry = core->links; entry && entry->link != link; entry = entry->next)
		continue;
	lock_give(&core->lock);
	if (!entry)
		abort(); /* put twice */
	unpin(core, entry, true);
}

/* The box's link if it lives. */
static struct link *pin_living(struct boxcore *core, const char *box)
{
	for (;;) {
		struct link_entry *entry = pin(core, box);
		if (!entry)
			return NULL;
		if (!link_lost(entry->link))
			return entry->link;
		unpin(core, entry, false);
	}
}

struct link *core_link_living(struct boxcore *core, const char *box)
{
	return pin_living(core, box);
}

static void insert(struct boxcore *core, const char *box, struct link *link)
{
	struct link_entry *entry = mem_zalloc(sizeof *entry);

	str_copy(entry->box, sizeof entry->box, box);
	entry->link = link;
	entry->pins = 1;
	entry->current = true;
	LOCKED(&core->lock);
	entry->next = core->links;
	core->links = entry;
}

int core_link_attach(struct boxcore *core, const char *box, bool wake,
	struct link **ret_link, struct cancel *cancel, struct err *err)
{
	struct link *link = pin_living(core, box);

	if (!link) {
		if (box_attach(core, box, wake, &link, cancel, err) < 0)
			return -1;
		insert(core, box, link);
	}
	*ret_link = link;
	return 0;
}

int core_link_get(struct boxcore *core, const char *box, bool wake,
	struct link **ret_link, struct cancel *cancel, struct err *err)
{
	if (core_check_id(box, "a box's id", err) < 0)
		return -1;
	*ret_link = pin_living(core, box);
	if (*ret_link)
		return 0;
	if (core_gate_enter(core, box, cancel, err) < 0)
		return -1;
	int rc = core_link_attach(core, box, wake, ret_link, cancel, err);
	core_gate_leave(core, box);
	return rc;
}

void core_link_drop(struct boxcore *core, const char *box, const char *reason)
{
	struct link_entry *entry = pin(core, box);

	if (!entry)
		return;
	link_fail(entry->link, reason);
	unpin(core, entry, false);
}

void core_links_close(struct boxcore *core)
{
	while (core->links) { /* nobody else is left */
		struct link_entry *entry = core->links;
		core->links = entry->next;
		close_entry(core, entry);
	}
}
