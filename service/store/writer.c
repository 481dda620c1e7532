/* SPDX-License-Identifier: MIT */
/*
 * The store's thread: takes what has queued up, writes it in one transaction, and tells
 * everybody after the commit.
 *
 * There is no waiting for a batch to fill: while the disk is busy with one commit, the
 * next batch gathers by itself.  Only when all that is queued is lazy (nobody waits for
 * it), it is left for STORE_LAZY_MS to share a commit with somebody who does.
 */
#include "service/store/store-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"

#define LOG_MODULE "store"
#include "boxcore/base/log.h"

/* A batch holds up the answer to its first member. */
#define BATCH_MAX 256
/* More than this and listeners miss some: they are hints. */
#define CHANGES_MAX 4096

/* ---- the queue, under queue_lock ------------------------------------------------------ */

static void queue_push(struct store *store, struct job *job)
{
	bool first = !store->queue_head;

	job->next = NULL;
	*store->queue_tail = job;
	store->queue_tail = &job->next;
	store->queue_bytes += job->bytes;
	store->queued++;
	store->urgent += !job->lazy;
	if (job->lazy)
		job->due_ms = clock_mono_ms() + STORE_LAZY_MS;
	if (first || !job->lazy || store->queued >= BATCH_MAX)
		cond_wake_one(&store->queue_work);
}

/* How long the writer may sleep over what is queued; 0: not at all, -1: for ever. */
static int64_t queue_sleep_ms(struct store *store)
{
	int64_t left;

	if (store->stopping)
		return 0;
	if (!store->queue_head)
		return -1;
	if (store->urgent > 0 || store->queued >= BATCH_MAX)
		return 0;
	left = store->queue_head->due_ms - clock_mono_ms();
	return left > 0 ? left : 0;
}

static struct job *queue_pop(struct store *store)
{
	struct job *job = store->queue_head;

	store->queue_head = job->next;
	if (!store->queue_head)
		store->queue_tail = &store->queue_head;
	store->queue_bytes -= job->bytes;
	store->queued--;
	store->urgent -= !job->lazy;
	job->state = JOB_RUNNING;
	job->next = NULL;
	return job;
}

/* Takes a waiting job out of the middle. */
static void queue_remove(struct store *store, struct job *job)
{
	struct job **at = &store->queue_head;

	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
	if (store->queue_tail == &job->next)
		store->queue_tail = at;
	store->queue_bytes -= job->bytes;
	store->queued--;
	store->urgent -= !job->lazy;
	job->state = JOB_FINISHED;
	job->rc = -1;
}

/* What is to be written by one transaction. */
static struct job *queue_batch(struct store *store, int64_t *ret_count)
{
	struct job *first = queue_pop(store);
	struct job *last = first;

	*ret_count = 1;
	while (store->queue_head && *ret_count < BATCH_MAX) {
		last->next = queue_pop(store);
		last = last->next;
		(*ret_count)++;
	}
	return first;
}

/* ---- one batch, on the store's thread ------------------------------------------------- */

static int simple(struct store *store, enum stmt_id id, struct err *err)
{
	CLEANUP(stmt) struct stmt q = stmt_use(&store->writer, id);

	return stmt_run(&q, err) < 0 ? -1 : 0;
}

static bool in_transaction(struct store *store)
{
	return !sqlite3_get_autocommit(store->writer.db);
}

/* Runs a job in its savepoint.  Returns -1 when the whole transaction is gone. */
static int run_job(struct store *store, struct job *job, struct err *err)
{
	size_t changes = store->nchanges;

	if (simple(store, STMT_SAVE, err) < 0)
		return -1;
	job->rc = job->run(store, &store->writer, job->arg, &job->err);
	if (job->rc < 0) {
		store->nchanges = changes;
		/* SQLite undoes all by itself when the disk is full, for one. */
		if (!in_transaction(store)) {
			*err = job->err;
			return -1;
		}
		if (simple(store, STMT_SAVE_UNDO, err) < 0)
			return -1;
	}
	return simple(store, STMT_SAVE_KEEP, err);
}

static int run_transaction(struct store *store, struct job *batch, struct err *err)
{
	if (simple(store, STMT_BEGIN, err) < 0)
		return -1;
	for (struct job *job = batch; job; job = job->next)
		if (run_job(store, job, err) < 0)
			return -1;
	return simple(store, STMT_COMMIT, err);
}

static void run_batch(struct store *store, struct job *batch)
{
	struct err err = {0};

	store->nchanges = 0;
	if (run_transaction(store, batch, &err) == 0)
		return;
	store->nchanges = 0;
	if (in_transaction(store)) {
		struct err ignored = {0};
		simple(store, STMT_ROLLBACK, &ignored);
	}
	log_debug("transaction lost: %s", err.text);
	for (struct job *job = batch; job; job = job->next) {
		if (job->rc < 0 && job->err.kind != ERR_NONE)
			continue; /* its own mistake */
		job->rc = -1;
		job->err = err;
	}
	LOCKED(&store->queue_lock);
	store->failed++;
}

static void tell_listeners(struct store *store)
{
	for (size_t i = 0; i < store->nchanges; i++)
		for (size_t l = 0; l < store->nlisteners; l++)
			store->listeners[l].fn(
				store->listeners[l].arg, &store->changes[i]);
	store->nchanges = 0;
}

/* A blocking job's memory is gone as soon as its waiter has seen JOB_FINISHED. */
static void finish_batch(struct store *store, struct job *batch)
{
	while (batch) {
		struct job *job = batch;

		batch = job->next;
		if (job->done) {
			job->done(job);
			continue;
		}
		LOCKED(&store->queue_lock);
		job->state = JOB_FINISHED;
		cond_wake_one(&job->finished);
	}
}

static void *writer_main(void *arg)
{
	struct store *store = arg;

	for (;;) {
		struct job *batch;
		int64_t count;
		{
			int64_t sleep_ms;
			LOCKED(&store->queue_lock);
			while ((sleep_ms = queue_sleep_ms(store)) != 0)
				cond_wait_ms(
					&store->queue_work, &store->queue_lock, sleep_ms);
			if (!store->queue_head)
				return NULL;
			batch = queue_batch(store, &count);
			store->jobs += count;
			store->batches++;
			if (count > store->batch_max)
				store->batch_max = count;
		}
		run_batch(store, batch);
		finish_batch(store, batch);
		tell_listeners(store);
	}
}

void store_note(struct store *store, enum store_change_kind kind, int64_t task_id)
{
	if (!store->nlisteners || store->nchanges == CHANGES_MAX)
		return;
	if (store->nchanges == store->changes_cap) {
		store->changes_cap = store->changes_cap ? store->changes_cap * 2 : 64;
		store->changes = mem_grow(
			store->changes, store->changes_cap, sizeof *store->changes);
	}
	store->changes[store->nchanges++] =
		(struct store_change){.kind = kind, .task_id = task_id};
}

/* ---- callers -------------------------------------------------------------------------- */

struct waiting {
	struct store *store;
	struct job *job;
};

static void on_cancel(void *arg)
{
	struct waiting *waiting = arg;

	LOCKED(&waiting->store->queue_lock);
	if (waiting->job->state != JOB_QUEUED)
		return; /* it is being written: its end is near */
	queue_remove(waiting->store, waiting->job);
	cond_wake_one(&waiting->job->finished);
}

/* Waits until the job has ended; after `left_ms` (< 0: never) takes it out of the queue
 * if it still waits there. */
static void wait_finished(struct store *store, struct job *job, int64_t left_ms)
{
	LOCKED(&store->queue_lock);
	while (job->state != JOB_FINISHED) {
		if (job->state == JOB_QUEUED && left_ms >= 0) {
			if (cond_wait_ms(&job->finished, &store->queue_lock, left_ms))
				continue;
			left_ms = -1;
			if (job->state == JOB_QUEUED)
				queue_remove(store, job);
			continue;
		}
		cond_wait(&job->finished, &store->queue_lock);
	}
}

static int submit(
	struct store *store, struct job *job, struct cancel *cancel, struct err *err)
{
	struct waiting waiting = {store, job};
	struct cancel_watch watch = {0};
	int64_t left_ms;

	if (cancel_check(cancel, err) < 0)
		return -1;
	left_ms = cancel_remaining_ms(cancel, -1);
	cond_init(&job->finished);
	{
		LOCKED(&store->queue_lock);
		queue_push(store, job);
	}
	cancel_watch(cancel, &watch, on_cancel, &waiting);
	wait_finished(store, job, left_ms);
	cancel_unwatch(&watch);
	cond_release(&job->finished);
	if (job->rc >= 0)
		return job->rc;
	if (job->err.kind != ERR_NONE)
		*err = job->err;
	else if (cancel_check(cancel, err) == 0) /* the deadline is the only way here */
		return err_set(err, ERR_TRANSIENT, "store: the deadline has passed");
	return -1;
}

int store_write(
	struct store *store, job_fn fn, void *arg, struct cancel *cancel, struct err *err)
{
	struct job job = {.run = fn, .arg = arg};

	return submit(store, &job, cancel, err);
}

int store_write_async(struct store *store, struct job *job, struct err *err)
{
	LOCKED(&store->queue_lock);
	if (store->queue_bytes + job->bytes > LIMIT_STORE_QUEUE_BYTES)
		return err_set(err, ERR_TRANSIENT,
			"store: more than %lu bytes wait for the disk",
			LIMIT_STORE_QUEUE_BYTES);
	queue_push(store, job);
	return 0;
}

int writer_start(struct store *store, struct err *err)
{
	if (thread_start(&store->thread, "store", writer_main, store, err) < 0)
		return -1;
	store->running = true;
	return 0;
}

void writer_stop(struct store *store)
{
	if (!store->running)
		return;
	{
		LOCKED(&store->queue_lock);
		store->stopping = true;
		cond_wake_all(&store->queue_work);
	}
	thread_join(store->thread);
	store->running = false;
}
