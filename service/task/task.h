/* SPDX-License-Identifier: MIT */
/*
 * A task's way from a claimed row to its pull request.
 *
 * A task is a row with a step.  task_run() walks the steps from where the row stands, in
 * straight-line code on the worker's own thread:
 *
 *	gate     may this person ask for this?  say that we saw it
 *	prepare  mirror, prepared snapshot, a box with the newest commit
 *	work     the agent's run in the box, each event stored as it comes
 *	collect  the changed objects out of the box, checked and rebuilt
 *	verify   the repository's checks on that, in a second box; maybe back to work
 *	publish  commit, push with a lease, pull request
 *	report   progress comment, answers, reaction; the box is paused
 *
 * This is the way of `fix`; which steps another verb goes through stands in a table (task.c).
 * Each step may be begun again at any time: the process may die at any line.  What a step
 * does to the outside is an effect with a row of its own, looked up before it is made again
 * (effects.h).  How the task ends is decided once (the effect "outcome"), by the step that
 * finds out; report says so on GitHub and finishes the row.
 *
 * An error's kind decides what follows: ERR_TRANSIENT puts the task back into the queue
 * with a growing wait (retry.h) until its attempts are used up; ERR_CANCELLED by a person
 * ends it as cancelled, by the service's stop puts it back uncounted; every other kind ends
 * it as failed, with the error's text as the reason for people.
 */
#ifndef SERVICE_TASK_TASK_H
#define SERVICE_TASK_TASK_H

#include "boxcore/boxcore.h"
#include "service/config/config.h"
#include "service/github/github.h"
#include "service/relay/relay.h"
#include "service/repo/repo.h"
#include "service/store/store_conversation.h"
#include "service/store/store_task.h"

#define TASK_MARKER_KEY_SIZE 32

/* What every task works with.  Made by service/app, shared by all workers; nothing in it
 * changes while tasks run. */
struct jobs;
struct task_env {
	const struct config *config;
	const char *slug; /* of the App, as GitHub tells it */
	struct store *store;
	struct github *github;
	struct repos *repos;
	struct relay *relay;
	struct boxcore *core;
	struct jobs *jobs;   /* scheduled maintenance */
	struct cancel *stop; /* fires when the service stops */
	/* Makes the hidden markers in our comments unforgeable; kept in the store. */
	char marker_key[TASK_MARKER_KEY_SIZE];
};

/* Runs a claimed task until it ends or goes back into the queue; the row's lease is given
 * up either way, if need be by waiting for a store that can write.  `cancel` is the task's own,
 * child of env->stop; a person's cancel fires it.  Logs what happened. */
void task_run(struct task_env *env, struct store_task *task, struct cancel *cancel);

/* Answers requests about a lane (cancel, status, help, retry, unknown verbs) that stand in
 * the store.  Returns how many were handled. */
int task_commands_run(struct task_env *env, const char *lease, struct cancel *cancel);

/* A new task with the same request as an ended one. */
int task_again(struct task_env *env, int64_t task, const char *by, int64_t *ret_id,
	struct cancel *cancel, struct err *err);

/* The steps that tasks of a verb go through, by their place; NULL behind the last. */
const char *task_step_at(const char *verb, size_t i);

/* What the name of the box ends with in which a task's result is checked. */
#define TASK_CHECK_BOX "-check"

/* The task that a box works for, by its name (task-41, prep-41, task-41-check); 0 for any
 * other box, also for a conversation's.  Pure. */
int64_t task_of_box(const char *box);

/* An issue or pull request was closed: box and images of its conversation go, the row is
 * closed.  What runs in its lane has to be cancelled before.  Missing things are fine, so it
 * may be repeated. */
int task_conversation_close(struct task_env *env,
	const struct store_conversation *conversation, struct cancel *cancel,
	struct err *err);

/* The conversation that a box is of, by its name (conv-7); 0 for any other box.  Pure. */
int64_t task_box_conversation(const char *box);

/* The task whose log is the box's: its own, or the newest of its conversation.  0: none. */
int64_t task_box_log(struct store *store, const char *box);

/* Removes boxes that no running task owns, prepared repositories that nobody used for
 * `unused_ms`, and mirrors that nobody used for a month.  For the janitor. */
void task_clean(struct task_env *env, int64_t unused_ms, struct cancel *cancel);

#endif
