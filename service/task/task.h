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
 *	publish  commit, push with a lease, pull request
 *	report   progress comment, answer, reaction; the box goes
 *
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
#include "service/github/github.h"
#include "service/relay/relay.h"
#include "service/repo/repo.h"
#include "service/store/store_task.h"

#define TASK_MARKER_KEY_SIZE 32

/* What the operator decided; strings are borrowed for as long as the env lives. */
struct task_settings {
	const char *state_dir;
	const char *slug;           /* of the App */
	const char *image;          /* of boxes, when the repository names none */
	const char *harness;        /* likewise */
	const char *model;          /* or NULL: the program's own */
	const char *const *command; /* of the custom harness, NULL-ended; may be NULL */
	const char *branch_prefix;  /* NULL: "boxwright" */
	const char *service_url;    /* for links in comments; NULL: none */
	bool draft;                 /* pull requests start as drafts */
	bool network;               /* boxes reach out (BOX_NETWORK_ALL) */
	bool plain_http;            /* clone URLs may be http:// on loopback: tests */
	double cpus;                /* of a task's box; 0: boxcore's default */
	int64_t memory_bytes;
	int64_t task_ms;         /* a task's whole work step */
	int64_t silence_ms;      /* of the agent */
	int64_t setup_ms;        /* all set-up commands together */
	int64_t budget_microusd; /* of a task; 0: none */
	int attempts;            /* of a step that meets transient errors */
	int64_t retry_ms;        /* first wait after one; doubles up to an hour */
	int64_t comment_gap_ms;  /* between two edits of the progress comment */
	char marker_key[TASK_MARKER_KEY_SIZE];
};

/* What every task works with.  Made by service/app, shared by all workers. */
struct task_env {
	struct store *store;
	struct github *github;
	struct repos *repos;
	struct relay *relay;
	struct boxcore *core;
	struct task_settings settings;
	struct cancel *stop; /* fires when the service stops */
};

/* Runs a claimed task until it ends or goes back into the queue; the row's lease is given
 * up either way.  `cancel` is the task's own, child of env->stop; a person's cancel fires
 * it.  Logs what happened. */
void task_run(struct task_env *env, struct store_task *task, struct cancel *cancel);

/* Answers requests about a lane (cancel, status, help, retry, unknown verbs) that stand in
 * the store.  Returns how many were handled. */
int task_commands_run(struct task_env *env, const char *lease, struct cancel *cancel);

/* A new task with the same request as an ended one. */
int task_again(struct task_env *env, int64_t task, const char *by, int64_t *ret_id,
	struct cancel *cancel, struct err *err);

/* Removes boxes that no running task owns, and prepared repositories that nobody used for
 * `unused_ms`.  For the janitor. */
void task_clean(struct task_env *env, int64_t unused_ms, struct cancel *cancel);

#endif
