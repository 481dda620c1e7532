/* SPDX-License-Identifier: MIT */
/*
 * Steps: when each step of a task began and how it ended, for people and for `task show`.
 *
 * Nothing is decided by these rows; where a task goes on stands in its own row.  See
 * store.h for errors, memory and threads.
 */
#ifndef SERVICE_STORE_STORE_STEP_H
#define SERVICE_STORE_STORE_STEP_H

#include "service/store/store_task.h"

#define STORE_STEP_STATES(X)                                                             \
	X(RUNNING, "running")                                                            \
	X(DONE, "done")                                                                  \
	X(FAILED, "failed")

enum store_step_state {
#define X(name, word) STORE_STEP_##name,
	STORE_STEP_STATES(X)
#undef X
};

const char *store_step_state_name(enum store_step_state state);

struct store_step {
	int64_t task_id;
	int64_t seq; /* from 1, in order of beginning */
	char *name;
	int64_t attempt; /* the task's at that time */
	enum store_step_state state;
	int64_t started_ms;
	int64_t finished_ms; /* 0: running, or its service died */
	char *detail;        /* "" or a sentence */
};

struct store_steps {
	struct store_step *rows;
	size_t count;
};
void store_steps_release(struct store_steps *list);
DEFINE_CLEANUP(store_steps, struct store_steps, store_steps_release(value))

/* Saves the task with step = name and makes the step's row, in one transaction fenced by
 * the lease.  Rows of the task that were left running by a crash become failed. */
int store_step_begin(struct store *store, struct store_task *task, const char *name,
	int64_t now_ms, int64_t *ret_seq, struct cancel *cancel, struct err *err);

/* Ends the row and saves the task, in one transaction fenced by the lease.  `next` (NULL:
 * none) becomes the task's step. */
int store_step_end(struct store *store, struct store_task *task, int64_t seq, bool ok,
	const char *detail, const char *next, int64_t now_ms, struct cancel *cancel,
	struct err *err);

/* In order; at most STORE_PAGE_MAX, the newest ones. */
int store_step_list(
	struct store *store, int64_t task_id, struct store_steps *ret, struct err *err);

#endif
