/* SPDX-License-Identifier: MIT */
/* Worker threads and the table of what they are doing. */
#define LOG_MODULE "workers"
#include "service/app/workers.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/thread.h"

#include <pthread.h>
#include <stdio.h>

#define LOOK_MS 5000   /* between two looks without a hint */
#define FAILED_MS 1000 /* after the store could not be asked */

struct worker {
	struct workers *all;
	pthread_t thread;
	char lease[96];
	/* While a task runs; under all->lock */
	int64_t task_id;
	struct cancel *cancel;
};

struct workers {
	struct task_env *env;
	struct lock lock;
	struct cond wake;
	uint64_t hints;         /* counts wake-ups, so that none is lost between looks */
	uint64_t command_hints; /* likewise for the commands' thread */
	int count, started;
	bool commands_started;
	pthread_t commands_thread;
	char commands_lease[96];
	struct cancel_watch on_stop;
	struct worker *workers;
};

static void wake_all(void *arg)
{
	struct workers *all = arg;

	LOCKED(&all->lock);
	all->hints++;
	all->command_hints++;
	cond_wake_all(&all->wake);
}

/* Holds the lock while firing, so that the worker cannot free the cancel meanwhile: firing
 * only wakes those who wait and calls nothing of ours. */
static void fire(struct workers *all, int64_t task_id, const char *reason)
{
	LOCKED(&all->lock);
	for (int i = 0; i < all->count; i++)
		if (all->workers[i].cancel && all->workers[i].task_id == task_id)
			cancel_fire(all->workers[i].cancel, reason);
}

void workers_on_change(void *arg, const struct store_change *change)
{
	struct workers *all = arg;

	switch (change->kind) {
	case STORE_CHANGE_TASK_CANCEL:
		fire(all, change->task_id, "a person asked to stop it");
		return;
	case STORE_CHANGE_TASK_READY:
	case STORE_CHANGE_TASK_STATE:
	case STORE_CHANGE_COMMAND_READY: wake_all(all); return;
	case STORE_CHANGE_TASK_EVENTS: return;
	}
}

void workers_check_cancels(struct workers *all)
{
	for (int i = 0; i < all->count; i++) {
		struct worker *worker = &all->workers[i];
		struct store_task look = {.lease = worker->lease};
		CLEANUP(mem) char *reason = NULL;
		bool go_on = true;
		struct err err = {0};

		lock_take(&all->lock);
		look.id = worker->cancel ? worker->task_id : 0;
		lock_give(&all->lock);
		if (look.id &&
			store_task_check(all->env->store, &look, &go_on, &reason, &err) ==
				0 &&
			!go_on)
			fire(all, look.id, reason ? reason : "its lease is lost");
	}
}

static void work_on(struct worker *worker, struct store_task *task)
{
	struct workers *all = worker->all;
	struct cancel *cancel = cancel_new(all->env->stop);

	lock_take(&all->lock);
	worker->task_id = task->id;
	worker->cancel = cancel;
	lock_give(&all->lock);
	task_run(all->env, task, cancel);
	lock_take(&all->lock);
	worker->cancel = NULL;
	lock_give(&all->lock);
	cancel_free(cancel);
}

/* Until a hint newer than `seen`, or for `ms`. */
static void wait_for_hint(
	struct workers *all, const uint64_t *hints, uint64_t seen, int64_t ms)
{
	LOCKED(&all->lock);
	if (*hints == seen && !cancel_fired(all->env->stop))
		cond_wait_ms(&all->wake, &all->lock, ms);
}

static int64_t until_next(struct workers *all)
{
	struct err err = {0};
	int64_t due = -1;

	if (store_task_next_due(all->env->store, &due, &err) < 0 || due < 0)
		return LOOK_MS;
	int64_t wait = due - clock_wall_ms();
	/* Due but not claimed: its lane is busy, and its end will be a hint. */
	return wait <= 0 || wait > LOOK_MS ? LOOK_MS : wait;
}

static uint64_t read_hints(struct workers *all, const uint64_t *hints)
{
	LOCKED(&all->lock);
	return *hints;
}

static void *worker_main(void *arg)
{
	struct worker *worker = arg;
	struct workers *all = worker->all;

	while (!cancel_fired(all->env->stop)) {
		uint64_t seen = read_hints(all, &all->hints);
		CLEANUP(store_task) struct store_task task = {0};
		struct err err = {0};
		int found = store_task_claim(all->env->store, worker->lease,
			clock_wall_ms(), &task, all->env->stop, &err);

		if (found > 0) {
			work_on(worker, &task);
			continue;
		}
		if (found < 0 && err.kind != ERR_CANCELLED)
			log_error("no task can be claimed: %s", err.text);
		wait_for_hint(
			all, &all->hints, seen, found < 0 ? FAILED_MS : until_next(all));
	}
	return NULL;
}

static void *commands_main(void *arg)
{
	struct workers *all = arg;

	while (!cancel_fired(all->env->stop)) {
		uint64_t seen = read_hints(all, &all->command_hints);

		task_commands_run(all->env, all->commands_lease, all->env->stop);
		wait_for_hint(all, &all->command_hints, seen, LOOK_MS);
	}
	return NULL;
}

struct workers *workers_new(struct task_env *env, const char *instance, int count)
{
	struct workers *all = mem_zalloc(sizeof *all);

	all->env = env;
	all->count = count;
	all->workers = mem_array((size_t)count, sizeof *all->workers);
	lock_init(&all->lock);
	cond_init(&all->wake);
	cancel_watch(env->stop, &all->on_stop, wake_all, all);
	for (int i = 0; i < count; i++) {
		all->workers[i].all = all;
		snprintf(all->workers[i].lease, sizeof all->workers->lease, "%.64s:%d",
			instance, i);
	}
	snprintf(all->commands_lease, sizeof all->commands_lease, "%.64s:commands",
		instance);
	return all;
}

int workers_start(struct workers *all, struct err *err)
{
	for (; all->started < all->count; all->started++) {
		struct worker *worker = &all->workers[all->started];
		char name[16];

		snprintf(name, sizeof name, "worker-%d", all->started & 0xff);
		if (thread_start(&worker->thread, name, worker_main, worker, err) < 0)
			return -1;
	}
	if (thread_start(&all->commands_thread, "commands", commands_main, all, err) < 0)
		return -1;
	all->commands_started = true;
	return 0;
}

void workers_stop(struct workers *all)
{
	if (!all)
		return;
	for (int i = 0; i < all->started; i++)
		thread_join(all->workers[i].thread);
	if (all->commands_started)
		thread_join(all->commands_thread);
	all->started = 0;
	all->commands_started = false;
}

void workers_free(struct workers *all)
{
	if (!all)
		return;
	workers_stop(all);
	cancel_unwatch(&all->on_stop);
	cond_release(&all->wake);
	lock_release(&all->lock);
	free(all->workers);
	free(all);
}
