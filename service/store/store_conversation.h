/* SPDX-License-Identifier: MIT */
/*
 * Conversations: what the tasks of one issue, pull request or maintenance job share.
 *
 * A conversation has one box, paused between runs, one agent's session, one branch and one
 * pull request.  The first task of a lane makes it (store_conversation_open()), every later
 * one goes on with it.  A comment on the pull request that came out of an issue belongs to
 * the conversation: store_delivery_add() puts it in that lane, in its own
 * transaction.
 *
 * Whoever runs the lane's task owns the row: the fields marked "task's" are written by
 * store_conversation_save(), fenced by that task's lease.  All else changes by verbs.  See
 * store.h for errors, memory and threads.
 */
#ifndef SERVICE_STORE_STORE_CONVERSATION_H
#define SERVICE_STORE_STORE_CONVERSATION_H

#include "service/store/store_task.h"

/* Strings are never NULL but for those marked (null). */
struct store_conversation {
	int64_t id;
	char *lane;
	int64_t repo_id;
	int64_t number; /* where it began; 0: a job's */
	bool is_pull;
	char *state; /* "open", "closed" */
	int64_t created_ms, used_ms;

	/* The task's */
	int64_t pr_number;     /* 0: none */
	char *pr_url;          /* (null) */
	bool ours;             /* the service opened that pull request */
	char *branch;          /* (null) of the pull request */
	char *target;          /* (null) the branch it is to be merged into */
	char *base_oid;        /* (null) the commit of target that the work began from */
	char *head_oid;        /* (null) where we left the branch; NULL: never pushed */
	char *box_id;          /* (null) there is none */
	char *box_oid;         /* (null) HEAD of its work tree */
	char *prepared_key;    /* (null) */
	char *image;           /* (null) */
	char *harness;         /* (null) */
	char *session_id;      /* (null) */
	char *undo_image;      /* (null) snapshot of the box before the last run */
	char *undo_oid;        /* (null) the branch then; NULL: there was none */
	char *undo_session_id; /* (null) */
	int64_t undo_task_id;  /* the task that undo takes back; 0: nothing to undo */

	/* By verbs alone */
	char *plan;       /* (null) */
	char *plan_state; /* "none", "waiting", "approved", "rejected" */
	int64_t plan_task_id;
	int64_t repairs; /* in a row, without a person's word between */
	bool repairs_off;
	double budget_usd; /* added by `budget +` */
};

void store_conversation_release(struct store_conversation *row);
DEFINE_CLEANUP(
	store_conversation, struct store_conversation, store_conversation_release(value))

struct store_conversations {
	struct store_conversation *rows;
	size_t count;
};
void store_conversations_release(struct store_conversations *list);
DEFINE_CLEANUP(store_conversations, struct store_conversations,
	store_conversations_release(value))

/* The conversation of the task's lane, made if there is none, open again if it was closed;
 * used_ms is now, and the task's conversation_id is set in the same transaction, fenced by
 * its lease.  A pull request's task finds a conversation by its number too, and changes to
 * its lane: ERR_TRANSIENT while another task is at work there.  An attempt has no
 * conversation (ERR_INTERNAL). */
int store_conversation_open(struct store *store, struct store_task *task, int64_t now_ms,
	struct store_conversation *ret, struct cancel *cancel, struct err *err);

/* Writes the task's fields and used_ms, and the task's facts too (store_task_save()), in
 * one transaction fenced by the task's lease.  A pull request has one conversation: the one
 * whose task opened it (ours) takes it from another; else pr_number is 0 after the call. */
int store_conversation_save(struct store *store, struct store_conversation *row,
	struct store_task *task, int64_t now_ms, struct cancel *cancel, struct err *err);

/* ERR_NOT_FOUND. */
int store_conversation_get(
	struct store *store, int64_t id, struct store_conversation *ret, struct err *err);
/* By the number of the issue where it began or of its pull request; ERR_NOT_FOUND. */
int store_conversation_find(struct store *store, int64_t repo_id, int64_t number,
	struct store_conversation *ret, struct err *err);
/* Open ones with a pull request into `target`, newest first, at most STORE_PAGE_MAX. */
int store_conversation_list_target(struct store *store, int64_t repo_id,
	const char *target, struct store_conversations *ret, struct err *err);
/* Those that have a box and were not used since, oldest first, at most `limit`; none whose
 * lane has a running task. */
int store_conversation_list_idle(struct store *store, int64_t before_ms, int limit,
	struct store_conversations *ret, struct err *err);

/* Sets plan, its state and its task.  `plan` NULL leaves the text. */
int store_conversation_plan(struct store *store, int64_t id, const char *plan,
	const char *plan_state, int64_t task_id, struct cancel *cancel, struct err *err);
/* repairs := n (-1: one more); *ret (may be NULL) is the number after it. */
int store_conversation_repairs(struct store *store, int64_t id, int64_t n, int64_t *ret,
	struct cancel *cancel, struct err *err);
int store_conversation_repairs_off(struct store *store, int64_t id, bool off,
	struct cancel *cancel, struct err *err);
int store_conversation_budget(struct store *store, int64_t id, double add_usd,
	double *ret_usd, struct cancel *cancel, struct err *err);
/* closed: the box and the undo image are given up by the caller, who has removed them
 * before; their fields and the session's become NULL. */
int store_conversation_close(
	struct store *store, int64_t id, struct cancel *cancel, struct err *err);
/* The box (and image for undo) is gone, by the janitor; nothing when a task of the lane
 * runs: ERR_CONFLICT. */
int store_conversation_forget_box(
	struct store *store, int64_t id, struct cancel *cancel, struct err *err);

/* ---- a comment during a run ------------------------------------------------------------ */

/* Moves the lane's oldest ready task of verb "fix" that was never begun (no attempts, no
 * parent) to done with
 * outcome "taken_up", taken_by = task->id, fenced by task's lease: 1 and its row (as the
 * running task's further request), 0 when there is none, -1. */
int store_task_take_up(struct store *store, const struct store_task *task, int64_t now_ms,
	struct store_task *ret, struct cancel *cancel, struct err *err);
/* All that the task took up, oldest first. */
int store_task_taken(
	struct store *store, int64_t task_id, struct store_tasks *ret, struct err *err);

#endif
