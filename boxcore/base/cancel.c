/* SPDX-License-Identifier: MIT */
/* Cancels: an eventfd for those who poll, watches for those who wait elsewhere. */
#include "boxcore/base/cancel.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

struct cancel {
	struct lock lock;
	struct cond idle; /* a watch has stopped running */
	struct cancel *parent;
	struct cancel_watch to_parent;
	struct cancel_watch *watches; /* not yet called */
	int event;
	bool fired;
	char reason[200];
	int64_t deadline_ms; /* 0: none; on clock_mono_ms() */
	char deadline_what[120];
};

static void fire_from_parent(void *arg)
{
	struct cancel *c = arg;
	struct err why = {0};

	cancel_check(c->parent, &why);
	cancel_fire(c, why.text);
}

struct cancel *cancel_new(struct cancel *parent)
{
	struct cancel *c = mem_zalloc(sizeof *c);

	lock_init(&c->lock);
	cond_init(&c->idle);
	c->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->event < 0)
		abort(); /* out of descriptors: as out of memory */
	c->parent = parent;
	if (parent)
		cancel_watch(parent, &c->to_parent, fire_from_parent, c);
	return c;
}

void cancel_free(struct cancel *c)
{
	if (!c)
		return;
	if (c->parent)
		cancel_unwatch(&c->to_parent);
	close(c->event);
	cond_release(&c->idle);
	lock_release(&c->lock);
	free(c);
}

/* Runs one watch with the lock dropped; taken off the list before, so that it runs once.
 */
static void run_watch(struct cancel *c, struct cancel_watch *watch)
{
	watch->running = true;
	lock_give(&c->lock);
	watch->fn(watch->arg);
	lock_take(&c->lock);
	watch->running = false;
	cond_wake_all(&c->idle);
}

void cancel_fire(struct cancel *c, const char *reason)
{
	if (!c)
		return;
	LOCKED(&c->lock);
	if (c->fired)
		return;
	c->fired = true;
	str_copy(c->reason, sizeof c->reason, reason ? reason : "cancelled");
	eventfd_write(c->event, 1);
	while (c->watches) {
		struct cancel_watch *watch = c->watches;

		c->watches = watch->next;
		run_watch(c, watch);
	}
}

void cancel_deadline(struct cancel *c, int64_t ms, const char *what)
{
	if (!c)
		return;
	LOCKED(&c->lock);
	c->deadline_ms = ms > 0 ? clock_mono_ms() + ms : 0;
	str_copy(c->deadline_what, sizeof c->deadline_what, what ? what : "the deadline");
}

int cancel_check(struct cancel *c, struct err *err)
{
	for (; c; c = c->parent) {
		LOCKED(&c->lock);
		if (c->fired)
			return err_set(err, ERR_CANCELLED, "%s", c->reason);
		if (c->deadline_ms && clock_mono_ms() >= c->deadline_ms)
			return err_set(
				err, ERR_TRANSIENT, "%s has passed", c->deadline_what);
	}
	return 0;
}

bool cancel_fired(struct cancel *c)
{
	struct err ignored = {0};

	return cancel_check(c, &ignored) < 0;
}

int64_t cancel_remaining_ms(struct cancel *c, int64_t most)
{
	int64_t least = most;

	for (; c; c = c->parent) {
		LOCKED(&c->lock);
		if (!c->deadline_ms)
			continue;
		int64_t left = c->deadline_ms - clock_mono_ms();
		if (left < 0)
			left = 0;
		if (least < 0 || left < least)
			least = left;
	}
	return least;
}

int cancel_fd(struct cancel *c)
{
	return c ? c->event : -1;
}

int cancel_poll(struct cancel *c, struct pollfd *fds, int nfds, int64_t timeout_ms,
	struct err *err)
{
	struct pollfd all[CANCEL_POLL_MAX + 1];
	int64_t until = timeout_ms < 0 ? -1 : clock_mono_ms() + timeout_ms;

	if (nfds > CANCEL_POLL_MAX)
		abort();
	for (int i = 0; i < nfds; i++)
		fds[i].revents = 0; /* also when it ends by time or cancel */
	for (;;) {
		if (cancel_check(c, err) < 0)
			return -1;
		int64_t left = until < 0 ? -1 : until - clock_mono_ms();
		if (until >= 0 && left < 0)
			left = 0;
		left = cancel_remaining_ms(c, left);
		if (nfds > 0)
			memcpy(all, fds, sizeof *fds * (size_t)nfds);
		all[nfds] = (struct pollfd){.fd = cancel_fd(c), .events = POLLIN};
		int n = poll(all, (nfds_t)nfds + 1, left > 3600000 ? 3600000 : (int)left);
		if (n < 0 && errno != EINTR)
			return err_errno(err, errno, "poll");
		if (n <= 0) {
			if (until >= 0 && clock_mono_ms() >= until &&
				cancel_check(c, err) == 0)
				return 0;
			continue;
		}
		if (nfds > 0)
			memcpy(fds, all, sizeof *fds * (size_t)nfds);
		if (n > (all[nfds].revents != 0))
			return n - (all[nfds].revents != 0);
	}
}

int cancel_sleep(struct cancel *c, int64_t ms, struct err *err)
{
	return cancel_poll(c, NULL, 0, ms, err);
}

void cancel_watch(
	struct cancel *c, struct cancel_watch *watch, void (*fn)(void *), void *arg)
{
	*watch = (struct cancel_watch){.fn = fn, .arg = arg, .owner = c};
	if (!c)
		return;
	LOCKED(&c->lock);
	if (c->fired) {
		run_watch(c, watch);
		return;
	}
	watch->next = c->watches;
	c->watches = watch;
}

void cancel_unwatch(struct cancel_watch *watch)
{
	struct cancel *c = watch->owner;

	if (!c)
		return;
	LOCKED(&c->lock);
	for (struct cancel_watch **at = &c->watches; *at; at = &(*at)->next) {
		if (*at == watch) {
			*at = watch->next;
			break;
		}
	}
	while (watch->running)
		cond_wait(&c->idle, &c->lock);
	watch->owner = NULL;
}
