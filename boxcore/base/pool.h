/* SPDX-License-Identifier: MIT */
/*
 * Threads for work that blocks: started as they are needed, up to a maximum, with a
 * bounded queue behind them, and ended when they have had nothing to do for a while.
 * Thread-safe.
 */
#ifndef BOXCORE_BASE_POOL_H
#define BOXCORE_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct pool;

/* `name` is a constant; `stack` bytes for each thread.  `waiting` 0: refused when every
 * thread is busy. */
struct pool *pool_new(const char *name, size_t threads, size_t waiting, size_t stack);
/* Runs fn(arg) on a thread of the pool; false when the queue is full. */
bool pool_submit(struct pool *pool, void (*fn)(void *arg), void *arg);
/* Given and not ended yet, waiting ones too. */
size_t pool_load(struct pool *pool);
/* Runs what is queued, ends the threads. */
void pool_free(struct pool *pool);

#endif
