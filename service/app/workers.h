/* SPDX-License-Identifier: MIT */
/*
 * The workers: a fixed number of threads, each walking one task at a time, and one that
 * answers requests about lanes.
 *
 * A worker sleeps until a task becomes due or the store says that something changed; it
 * looks by itself every few seconds too, since a wake-up is only a hint.
 */
#ifndef SERVICE_APP_WORKERS_H
#define SERVICE_APP_WORKERS_H

#include "service/store/store.h"
#include "service/task/task.h"

struct workers;

/* `env` is borrowed; its `store` and `stop` are set already.  `instance` begins the leases.
 * No thread runs before workers_start(); hints are taken from now on. */
struct workers *workers_new(struct task_env *env, const char *instance, int count);
/* When all of env is there.  After a failure workers_free() is still needed. */
int workers_start(struct workers *workers, struct err *err);
/* Joins all threads; env->stop must have fired.  Hints may still come.  NULL is fine. */
void workers_stop(struct workers *workers);
/* After the store is closed: until then it gives hints.  NULL is fine. */
void workers_free(struct workers *workers);

/* A store_change_fn: wakes a worker, or fires the cancel of a running task. */
void workers_on_change(void *workers, const struct store_change *change);

/* Looks at every running task whether a stop was asked; for the janitor. */
void workers_check_cancels(struct workers *workers);

#endif
