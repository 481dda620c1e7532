/* SPDX-License-Identifier: MIT */
/* The line of those who want a container started. */
#include "boxcore/boxcore-internal.h"

#include "boxcore/base/limits.h"

struct start_waiter {
	struct start_waiter *next;
};

static void join(struct boxcore *core, struct start_waiter *self)
{
	LOCKED(&core->lock);
	struct start_waiter **tail = &core->starts;
	while (*tail)
		tail = &(*tail)->next;
	*tail = self;
}

static void step_out_locked(struct boxcore *core, struct start_waiter *self)
{
	lock_assert_held(&core->lock);
	for (struct start_waiter **at = &core->starts; *at; at = &(*at)->next) {
		if (*at == self) {
			*at = self->next;
			break;
		}
	}
	cond_wake_all(&core->changed);
}

static void wake_all(void *arg)
{
	struct boxcore *core = arg;

	LOCKED(&core->lock); /* or the wake could fall between a waiter's check and its wait */
	cond_wake_all(&core->changed);
}

static int wait_for_turn(struct boxcore *core, struct start_waiter *self,
	struct cancel *cancel, struct err *err)
{
	for (;;) {
		int rc = cancel_check(cancel, err);
		/* Asked before the lock is taken, for a cancel has locks of its own. */
		int64_t wait = cancel_remaining_ms(cancel, 60000);
		LOCKED(&core->lock);
		if (rc < 0 ||
			(core->starts == self && core->starting < LIMIT_BOX_STARTS)) {
			step_out_locked(core, self);
			core->starting += rc == 0;
			return rc;
		}
		cond_wait_ms(&core->changed, &core->lock, wait);
	}
}

int core_starts_enter(struct boxcore *core, struct cancel *cancel, struct err *err)
{
	struct start_waiter self = {0};
	struct cancel_watch watch;

	join(core, &self);
	cancel_watch(cancel, &watch, wake_all, core);
	int rc = wait_for_turn(core, &self, cancel, err);
	cancel_unwatch(&watch);
	return rc;
}

void core_starts_leave(struct boxcore *core)
{
	LOCKED(&core->lock);
	core->starting--;
	cond_wake_all(&core->changed);
}
