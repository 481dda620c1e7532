/* SPDX-License-Identifier: MIT */
/*
 * The store: every row that the service must not lose, in one SQLite database.
 *
 * Rows are the truth; what is kept in memory is a hint.  Each function here is one
 * transaction, so none is ever held over a network call.  All writes go through one thread
 * with the only writing connection, which gathers what waits into one commit (group commit:
 * one fsync for many callers); reads use connections of their own.  All functions are
 * thread-safe and block; strings given are copied, structures returned belong to the caller
 * and have a _release.
 *
 * Errors: ERR_NOT_FOUND, ERR_CONFLICT (a lease that is no longer ours, a state that does not
 * fit), ERR_TRANSIENT (disk full, I/O error: works again when the disk does), ERR_INPUT.
 */
#ifndef SERVICE_STORE_STORE_H
#define SERVICE_STORE_STORE_H

#include "boxcore/base/cleanup.h"
#include "boxcore/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/* What changed, told after the commit on the writer's thread: a hint that may be lost.  The
 * callback must not call the store and must return at once. */
enum store_change {
	STORE_CHANGE_TASK_READY,  /* id: a task that may be claimed */
	STORE_CHANGE_TASK_CANCEL, /* id: a running task that is asked to stop */
	STORE_TASK_CHANGED,       /* id: state, step, events */
	STORE_REQUEST,            /* id: a lane's request to be handled */
};
typedef void (*store_on_change)(void *arg, enum store_change what, int64_t id);

/* Opens or makes <state_dir>/boxwright.db, brings it to the newest schema, starts the
 * writer.  Refuses a newer schema, a network file system, and a folder that another process
 * has open. */
int store_open(struct store **ret_store, const char *state_dir, struct err *err);
/* Finishes what is queued.  NULL is fine. */
void store_close(struct store *store);
DEFINE_CLEANUP(store, struct store *, store_close(*value))

/* Set once, before other threads use the store. */
void store_set_on_change(struct store *store, store_on_change fn, void *arg);

/* 0 when the database answers. */
int store_check(struct store *store, struct err *err);
/* A consistent copy while the service runs. */
int store_backup(struct store *store, const char *path, struct err *err);

/* ---- settings: small values that the service makes for itself ----------------------------- */

/* Gives the value of `key`; when there is none, stores `fresh` first.  free() it. */
int store_setting(struct store *store, const char *key, const char *fresh,
	char **ret_value, struct err *err);

/* ---- tasks --------------------------------------------------------------------------------- */

enum task_state {
	TASK_READY,     /* waits for a worker, not before run_at_ms */
	TASK_RUNNING,   /* a worker has the lease */
	TASK_DONE,      /* pull request, or nothing to change */
	TASK_FAILED,    /* given up; outcome says why */
	TASK_CANCELLED, /* a person stopped it */
	TASK_REFUSED,   /* the requester may not, or the repository does not want it */
};
const char *task_state_name(enum task_state state); /* "ready", ... */
bool task_state_parse(const char *name, enum task_state *ret);
bool task_state_ended(enum task_state state);

/* What a delivery asks for; all strings may be NULL. */
struct task_new {
	const char *lane; /* at most one task of a lane runs at a time */
	const char *verb; /* "fix" */
	const char
		*text; /* the request, frozen as it was signed; at most LIMIT_TASK_TEXT */
	const char *trigger; /* "comment", "mention", "label" */
	int64_t installation_id;
	int64_t repo_id;
	const char *owner, *repo, *default_branch, *clone_url;
	int64_t number;
	bool is_pull;
	const char *title, *issue_body, *issue_author;
	int64_t requester_id;
	const char *requester;
	int64_t comment_id; /* 0: the issue itself */
	const char *delivery_id;
};

/* A row.  The first group never changes; the second is the worker's, saved by
 * store_task_save(); the third is the store's.  Strings are never NULL ("" for none). */
struct task {
	int64_t id;
	char *lane, *verb, *text, *trigger;
	int64_t installation_id, repo_id;
	char *owner, *repo, *default_branch, *clone_url;
	int64_t number;
	bool is_pull;
	char *title, *issue_body, *issue_author;
	int64_t requester_id;
	char *requester;
	int64_t comment_id;
	char *delivery_id;
	int64_t created_ms;

	char *step; /* the step to do next, or being done: "gate", "prepare", ... */
	char *branch_base; /* the branch that is worked against */
	char *base_oid, *image, *prepared_key;
	char *box_id;             /* "" when there is none */
	char *run_id, *run_state; /* run_state: agent_reader_save() */
	int64_t run_offset;
	char *harness, *model, *session_id;
	char *tree_oid, *commit_oid, *branch;
	int64_t pr_number;
	char *pr_url;
	int64_t status_comment_id;
	int64_t files, added, deleted;
	int64_t tokens_in, tokens_out, tokens_cached, cost_microusd;
	char *summary;      /* the agent's last word */
	char *outcome_code; /* "pull_request", "no_change", "cancelled", ...; "" while open */
	char *outcome;      /* a sentence for people */

	enum task_state state;
	char *lease;
	int64_t run_at_ms, started_ms, finished_ms;
	int attempt;         /* times that this step was begun */
	int crashes;         /* times that the service died while this step ran */
	char *cancel_reason; /* "" unless a person asked to stop */
};
void task_release(struct task *task);
DEFINE_CLEANUP(task, struct task, task_release(value))
/* Replaces a string member: task_set(&task->branch, "x").  NULL gives "". */
void task_set(char **member, const char *value);

int store_task_add(struct store *store, const struct task_new *what, int64_t *ret_id,
	struct err *err);
int store_task_get(struct store *store, int64_t id, struct task *ret, struct err *err);

struct task_filter {
	int state;        /* an enum task_state, or -1 */
	const char *lane; /* or NULL */
	int64_t repo_id;  /* or 0 */
	int64_t before;   /* ids below this one; 0: from the newest */
	int limit;        /* 1 to 200 */
};
/* Newest first; texts (text, issue_body, summary, run_state) are left out.  Release each,
 * free() the array. */
int store_task_list(struct store *store, const struct task_filter *filter,
	struct task **ret_tasks, size_t *ret_count, struct err *err);

/* Takes the next ready task that is due and whose lane has none running; sets it running
 * with `lease` and counts the attempt.  *ret_found tells whether there was one. */
int store_task_claim(struct store *store, const char *lease, int64_t now_ms,
	struct task *ret, bool *ret_found, struct err *err);
/* When the next ready task becomes due, or -1. */
int store_task_next_due(struct store *store, int64_t *ret_ms, struct err *err);

/* The worker's group of a running task.  ERR_CONFLICT "lease lost" when task->lease does
 * not hold it any more: stop, write nothing further. */
int store_task_save(struct store *store, const struct task *task, struct err *err);
/* Saves, sets `step` as the next one, and attempt and crashes to 0. */
int store_task_advance(
	struct store *store, struct task *task, const char *step, struct err *err);
/* Saves and ends the task; the lease is given up. */
int store_task_finish(
	struct store *store, struct task *task, enum task_state state, struct err *err);
/* Saves and puts it back: ready from run_at_ms on; attempt stays. */
int store_task_release(
	struct store *store, struct task *task, int64_t run_at_ms, struct err *err);

/* A ready task is made due now with the reason (its worker ends it properly), a running one
 * gets the reason and its worker a hint; an ended one is ERR_CONFLICT. */
int store_task_cancel(
	struct store *store, int64_t id, const char *reason, struct err *err);
/* A new task like an ended one (same request, fresh facts); ERR_CONFLICT otherwise. */
int store_task_again(
	struct store *store, int64_t id, int64_t *ret_new_id, struct err *err);

/* At start: running tasks of an earlier process are ready again, crashes + 1. */
int store_recover(struct store *store, int64_t *ret_count, struct err *err);

/* ---- steps --------------------------------------------------------------------------------- */

struct step {
	int64_t seq;
	char *name, *state, *detail; /* state: running, done, failed */
	int64_t started_ms, finished_ms;
};
void steps_free(struct step *steps, size_t count);
/* A step still `running` is ended as failed ("interrupted") first. */
int store_step_begin(struct store *store, int64_t task, const char *name,
	int64_t *ret_seq, struct err *err);
int store_step_end(struct store *store, int64_t task, int64_t seq, bool ok,
	const char *detail, struct err *err);
int store_step_list(struct store *store, int64_t task, struct step **ret_steps,
	size_t *ret_count, struct err *err);

/* ---- effects ------------------------------------------------------------------------------- */

enum effect_state { EFFECT_PLANNED, EFFECT_SENT, EFFECT_DONE, EFFECT_REFUSED };
const char *effect_state_name(enum effect_state state);

/* Something outside that must happen once.  (task, kind, slot) names it. */
struct effect {
	char *kind,
		*slot; /* "comment" "status", "reaction" "eyes", "push" "", "pull" "" */
	enum effect_state state;
	char *want;      /* what makes it the same: a branch, a text's hash */
	char *remote_id; /* as GitHub names it, once done */
	char *error;
	int64_t sent_ms; /* of the first sending */
};
void effect_release(struct effect *effect);
DEFINE_CLEANUP(effect, struct effect, effect_release(value))
void effects_free(struct effect *effects, size_t count);

/* Plans the effect if it is new, and gives the row as it stands: DONE means that it has
 * happened; SENT that it may have: look before doing it again. */
int store_effect_plan(struct store *store, int64_t task, const char *kind,
	const char *slot, const char *want, struct effect *ret, struct err *err);
/* Just before it is sent.  ERR_CONFLICT when the task's lease is lost. */
int store_effect_sent(struct store *store, const struct task *task, const char *kind,
	const char *slot, struct err *err);
int store_effect_done(struct store *store, int64_t task, const char *kind,
	const char *slot, const char *remote_id, struct err *err);
int store_effect_refused(struct store *store, int64_t task, const char *kind,
	const char *slot, const char *error, struct err *err);
int store_effect_list(struct store *store, int64_t task, struct effect **ret_effects,
	size_t *ret_count, struct err *err);

/* ---- events: what a task did, line by line ------------------------------------------------ */

struct task_event {
	int64_t seq; /* from 1, without gaps within a task */
	int64_t at_ms;
	char *kind; /* "step", "text", "tool", "output", "error", ... */
	char *text; /* at most LIMIT_AGENT_EVENT bytes */
};
void task_events_free(struct task_event *events, size_t count);

/* Appends events (kind and text are read) and saves the task's own group in the same
 * transaction: a run that is taken up at task->run_offset has neither gap nor repeat. */
int store_events_append(struct store *store, const struct task *task,
	const struct task_event *events, size_t count, struct err *err);
int store_events_read(struct store *store, int64_t task, int64_t after_seq, int limit,
	struct task_event **ret_events, size_t *ret_count, struct err *err);

/* ---- usage: model calls of a task, told by the relay -------------------------------------- */

/* Adds to the task's tokens and cost, whoever holds the lease. */
int store_usage_add(struct store *store, int64_t task, int64_t in, int64_t out,
	int64_t cached, int64_t cost_microusd, struct err *err);

/* ---- deliveries ---------------------------------------------------------------------------- */

struct delivery_new {
	const char *id, *event, *action;
	const void *body; /* exact bytes; stored compressed */
	size_t body_len;
	const char *state;  /* "task", "request", "ignored", "unparsed" */
	const char *reason; /* a machine word */
	const char *sentence;
	const struct task_new *task;       /* NULL: none */
	const struct request_new *request; /* NULL: none */
};

/* A request about a lane: cancel, status, help, retry, unknown. */
struct request_new {
	const char *lane, *verb, *text;
	int64_t installation_id, repo_id;
	const char *owner, *repo;
	int64_t number;
	int64_t comment_id;
	int64_t requester_id;
	const char *requester;
};

struct delivery_result {
	bool duplicate;  /* this id is stored already; nothing was changed */
	int64_t task_id; /* 0: none */
};

/* Delivery and what follows from it in one transaction. */
int store_delivery_add(struct store *store, const struct delivery_new *what,
	struct delivery_result *ret, struct err *err);
/* The same without waiting: `done` is called on the writer's thread after the commit, with
 * err NULL on success; it must return at once.  ERR_TRANSIENT at once when too much waits. */
typedef void (*store_delivery_done)(
	void *arg, const struct delivery_result *result, const struct err *err);
int store_delivery_add_async(struct store *store, const struct delivery_new *what,
	store_delivery_done done, void *arg, struct err *err);

struct delivery_row {
	char *id, *event, *action, *state, *reason, *sentence;
	int64_t received_ms, task_id;
	char *body; /* only with_body */
	size_t body_len;
};
void delivery_row_release(struct delivery_row *row);
DEFINE_CLEANUP(delivery_row, struct delivery_row, delivery_row_release(value))
int store_delivery_get(struct store *store, const char *id, bool with_body,
	struct delivery_row *ret, struct err *err);

/* ---- requests ------------------------------------------------------------------------------ */

struct request_row {
	int64_t id;
	char *lane, *verb, *text, *owner, *repo, *requester, *delivery_id;
	int64_t installation_id, repo_id, number, comment_id, requester_id;
	int attempt;
};
void request_row_release(struct request_row *row);
DEFINE_CLEANUP(request_row, struct request_row, request_row_release(value))
/* The oldest open request that is due; counts the attempt and hides it for 60 s. */
int store_request_take(struct store *store, int64_t now_ms, struct request_row *ret,
	bool *ret_found, struct err *err);
int store_request_done(
	struct store *store, int64_t id, const char *outcome, struct err *err);
int store_request_later(
	struct store *store, int64_t id, int64_t run_at_ms, struct err *err);

/* ---- prepared repositories ----------------------------------------------------------------- */

struct prepared {
	char *key; /* of (repository, base commit, set-up, image digest) */
	int64_t repo_id;
	char *base_oid, *image, *setup_hash;
	char *snapshot; /* the image to restore from */
	int64_t size_bytes;
	int layers;
	int64_t created_ms, used_ms;
};
void prepared_release(struct prepared *prepared);
DEFINE_CLEANUP(prepared, struct prepared, prepared_release(value))
int store_prepared_put(
	struct store *store, const struct prepared *prepared, struct err *err);
/* The exact one, else ERR_NOT_FOUND; marks it used. */
int store_prepared_get(
	struct store *store, const char *key, struct prepared *ret, struct err *err);
/* The newest with the same repository, image and set-up; marks it used. */
int store_prepared_newest(struct store *store, int64_t repo_id, const char *image,
	const char *setup_hash, struct prepared *ret, struct err *err);
int store_prepared_delete(struct store *store, const char *key, struct err *err);
/* Not used since `used_before_ms`, oldest first, at most 100. */
int store_prepared_old(struct store *store, int64_t used_before_ms,
	struct prepared **ret_prepared, size_t *ret_count, struct err *err);
void prepareds_free(struct prepared *prepared, size_t count);

/* ---- counts -------------------------------------------------------------------------------- */

struct store_counts {
	int64_t tasks[6]; /* by enum task_state */
	int64_t deliveries;
	int64_t requests_open;
	int64_t commits; /* since open */
	int64_t jobs;    /* in them: jobs / commits is the batch */
};
int store_counts(struct store *store, struct store_counts *ret, struct err *err);

#endif
