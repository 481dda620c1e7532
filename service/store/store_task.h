/* SPDX-License-Identifier: MIT */
/*
 * Tasks: the queue and its rows.
 *
 * A task is ready, running, done, failed, cancelled or refused.  A ready task whose
 * run_at_ms has come is claimed by a worker with a lease ("<instance>:<worker>"), when no
 * task of its lane is running.  Each write of the worker is fenced by the lease:
 * ERR_CONFLICT "lease lost" means that the task is somebody else's now and the worker must
 * drop it.  A worker owns its row: it changes fields, and store_task_save() writes them.
 *
 * See store.h for errors, memory and threads.
 */
#ifndef SERVICE_STORE_STORE_TASK_H
#define SERVICE_STORE_STORE_TASK_H

#include "service/store/store.h"

/* The one list of states: enum, CHECK in the table, names in the log. */
#define STORE_TASK_STATES(X)                                                             \
	X(READY, "ready")                                                                \
	X(RUNNING, "running")                                                            \
	X(DONE, "done")                                                                  \
	X(FAILED, "failed")                                                              \
	X(CANCELLED, "cancelled")                                                        \
	X(REFUSED, "refused")

enum store_task_state {
#define X(name, word) STORE_TASK_##name,
	STORE_TASK_STATES(X)
#undef X
};

const char *store_task_state_name(enum store_task_state state);
bool store_task_state_parse(const char *word, enum store_task_state *ret);
/* Neither ready nor running: it stays so but for store_task_retry(). */
bool store_task_state_ended(enum store_task_state state);

/* What a trigger makes; all borrowed.  NULL text is stored as "". */
struct store_task_new {
	const char *lane; /* not empty: one running task of it at a time */
	const char *verb; /* "fix" */
	const char *text; /* what the person asked for */
	int64_t repo_id, installation_id;
	const char *owner, *repo;
	int64_t number;
	bool is_pull;
	const char *title, *issue_body; /* as the webhook carried them, frozen */
	const char *issue_author_login;
	int64_t requester_id;
	const char *requester_login;
	int64_t comment_id; /* 0: none */
	const char *comment_url;
	const char *trigger_kind; /* "comment", "label", ... */
	const char *default_branch;
	const char *about; /* JSON, see STORE_ABOUT below; NULL: "" */
	int64_t attempts;  /* of `fix x3`; 0 and 1: one */
	int64_t parent_id; /* of an attempt; 0: none */
	int64_t job_id;    /* 0: none */
	const char *step;  /* the first one; NULL: "" */
	int64_t run_at_ms; /* 0: now */
	int64_t now_ms;    /* created_ms */
};

/*
 * STORE_ABOUT: what the trigger was about, in `about` of a task or command: one JSON object
 * of at most LIMIT_TASK_ABOUT bytes, all keys optional:
 *
 *	"path", "line", "side", "hunk"   place of a review comment; "in_reply_to" its thread's id
 *	"review"      id of a submitted review; "review_state": "changes_requested", ...
 *	"head", "branch"  commit and branch that an event spoke of
 *	"check"       {"kind": "check_run"|"check_suite"|"workflow_run", "id", "name", "url",
 *	              "app", "conclusion", "external_id" of our own}
 *	"step"        of `retry from <step>`; "amount" of `budget +<amount>`, in dollars
 *	"button"      identifier of a check run's button
 *	"plan"        true: the approved plan of the conversation is to be carried out;
 *	              "rejected" true: it was rejected, and another one is to be made
 *	"command"     id of the command that made the task
 *	"ticked"      names of the jobs whose boxes a person ticked on the dashboard
 *	"repositories" [{"id","owner","name"}], "removed" likewise, of installation events
 *	"more"        true: there are repositories that are not in the list
 *	"all"         true: the whole installation went, or is suspended
 *	"before"      commit of the branch before a push; "rules" false: it touched no
 *	              boxwright.yml
 *	"merged"      of a closed pull request
 */

/* A whole row.  Strings are never NULL in a row that the store filled, but for those
 * marked (null). */
struct store_task {
	/* Fixed when it was made */
	int64_t id;
	char *lane, *verb, *text;
	int64_t repo_id, installation_id;
	char *owner, *repo;
	int64_t number;
	bool is_pull;
	char *title, *issue_body, *issue_author_login;
	int64_t requester_id;
	char *requester_login;
	int64_t comment_id;
	char *comment_url, *trigger_kind;
	char *about;       /* JSON, see STORE_ABOUT; "" */
	int64_t attempts;  /* 1 unless several attempts were asked for */
	int64_t parent_id; /* the task that this is an attempt of; 0: none */
	int64_t job_id;    /* 0: none */
	char *delivery_id; /* (null): made by hand */
	int64_t created_ms;

	/* Changed by verbs alone; store_task_save() does not write these */
	enum store_task_state state;
	char *lease; /* (null) unless running */
	int64_t run_at_ms;
	int64_t attempt;     /* claims so far, this one included */
	int64_t crashes;     /* in the present step */
	char *cancel_reason; /* (null): nobody asked to stop it */
	char *last_error;    /* (null); why it was released last */
	int64_t started_ms;  /* first claim; 0: none yet */
	int64_t finished_ms; /* 0: not finished */
	int64_t tokens_in, tokens_out, tokens_cached; /* store_events_append() */
	double cost_usd;                              /* likewise */
	char *outcome_code;                           /* (null) until finished */
	char *outcome;                                /* (null); a sentence */
	int64_t conversation_id; /* store_conversation_open(); 0: none yet */
	int64_t taken_by;        /* the task that took its request up; 0: none */
	bool waits; /* for its attempts: its lane is held though nobody works on it */

	/* The worker's facts: change by store_set(), write by store_task_save() */
	char *step; /* another step sets crashes back to 0 */
	char *default_branch;
	char *base_oid; /* (null), as all below but the numbers; parent of the new commit */
	char *head_oid; /* where the branch must stand to be moved; NULL: must not exist */
	char *rules_oid; /* commit whose configuration and AGENTS.md count */
	char *target;    /* branch that the pull request is merged into */
	char *image;
	char *prepared_key;
	char *box_id;
	char *run_id;
	int64_t run_offset; /* also moved by store_events_append() */
	char *run_state;    /* what the agent's reader knows there; likewise */
	char *harness;
	char *model;
	char *session_id;
	char *tree_oid;
	char *commit_oid;
	char *branch;
	int64_t pr_number; /* 0: none */
	char *pr_url;
	int64_t comment_status_id; /* of the progress comment; 0: none */
	int64_t files, added, deleted;
	char *summary;
};

void store_task_release(struct store_task *task); /* the row's memory; see _put_back */
DEFINE_CLEANUP(store_task, struct store_task, store_task_release(value))

/* Replaces a string of a row by a copy; NULL is kept as NULL. */
void store_set(char **field, const char *value);

struct store_tasks {
	struct store_task *rows;
	size_t count;
};
void store_tasks_release(struct store_tasks *list);
DEFINE_CLEANUP(store_tasks, struct store_tasks, store_tasks_release(value))

/* The request of a task as that of a new one, in the same lane; borrows the row's strings. */
struct store_task_new store_task_like(const struct store_task *task, int64_t now_ms);

/* ---- making and finding ---------------------------------------------------------------- */

/* Without a delivery: the CLI and the API.  Triggers use store_delivery_add(). */
int store_task_add(struct store *store, const struct store_task_new *task,
	int64_t *ret_id, struct cancel *cancel, struct err *err);

int store_task_get(
	struct store *store, int64_t id, struct store_task *ret, struct err *err);

struct store_task_filter {
	const char *state;        /* word; NULL: all */
	const char *lane;         /* NULL: all */
	const char *outcome_code; /* NULL: all; with state "failed" only */
	int64_t job_id;           /* 0: all; at most one of lane, outcome_code, job_id */
	int64_t before_id;        /* page on: only smaller ids; 0: from the newest */
	int limit;                /* 1 to STORE_PAGE_MAX; 0: 50 */
};
#define STORE_PAGE_MAX 500

/* Newest first. */
int store_task_list(struct store *store, const struct store_task_filter *filter,
	struct store_tasks *ret, struct err *err);

/* The lane's unfinished tasks (ready, running), oldest first, at most STORE_PAGE_MAX. */
int store_lane_tasks(
	struct store *store, const char *lane, struct store_tasks *ret, struct err *err);

/* When the next ready task is due: -1 for none.  Lanes are not looked at. */
int store_task_next_due(struct store *store, int64_t *ret_run_at_ms, struct err *err);

/* ---- the worker's verbs ---------------------------------------------------------------- */

/* The next due task whose lane is idle: 1 and the row, 0 for none, -1.  What a lane has begun
 * and put back comes before what it has not: a box and a session are not shared by turns.
 * Repositories with fewer running tasks go first, then the longest due.  Of tasks that crashed
 * STORE_CRASHES_SUSPECT times in their step one runs at a time.  A row with
 * cancel_reason was asked to stop before it was put back. */
int store_task_claim(struct store *store, const char *lease, int64_t now_ms,
	struct store_task *ret, struct cancel *cancel, struct err *err);

/* Writes the worker's facts.  Also reads back cancel_reason and crashes into the row. */
int store_task_save(struct store *store, struct store_task *task, struct cancel *cancel,
	struct err *err);

/* True when the lease still holds and nobody asked to stop: a cheap look for a worker
 * that polls.  ret_reason (may be NULL) gets the cancel_reason; free() it. */
int store_task_check(struct store *store, const struct store_task *task, bool *ret_go_on,
	char **ret_reason, struct err *err);

/* Ends the task: state is done, failed, cancelled or refused.  The worker's facts are
 * saved too.  The row is brought up to date. */
int store_task_finish(struct store *store, struct store_task *task,
	enum store_task_state state, const char *outcome_code, const char *outcome,
	int64_t now_ms, struct cancel *cancel, struct err *err);

/* Back to ready, to be claimed at run_at_ms (at once if a stop was asked), facts saved.
 * `error` (NULL: none) becomes last_error.  With count_attempt false the claim is not
 * counted: for a service that stops. */
int store_task_put_back(struct store *store, struct store_task *task, int64_t run_at_ms,
	bool count_attempt, const char *error, struct cancel *cancel, struct err *err);

/* ---- several attempts ------------------------------------------------------------------ */

#define STORE_ATTEMPTS_MAX 5

/* Adds `count` attempts of the task (lane "<lane>#<i>", parent_id, attempts 1, step "gate",
 * else as the task) unless there are some already, and puts the task back with waits set and
 * no time of its own: when the last attempt has ended it becomes due, before all else of its
 * lane.  Attempts begin with its default_branch, base_oid, head_oid, rules_oid, target and
 * conversation_id (which they do not open: store_conversation_open() refuses an attempt).
 * Fenced by its lease; while it waits, no other task of its lane is claimed.  It is put back
 * to be claimed at once when a stop was asked (then no attempts are made) or when there are
 * attempts and all have ended. */
int store_task_split(struct store *store, struct store_task *task, int64_t count,
	int64_t now_ms, struct cancel *cancel, struct err *err);
/* The attempts of a task, in order. */
int store_task_attempts(
	struct store *store, int64_t parent_id, struct store_tasks *ret, struct err *err);

/* ---- how much was used ------------------------------------------------------------------ */

struct store_used {
	/* Tasks made: each is one request, whoever carried it out; attempts and what was refused
	 * are none. */
	int64_t runs;
	double cost_usd;
};
/* By one person (requester_id, in all repositories; 0 is nobody) and in one repository, of
 * tasks made at or after since_ms, without the task `but_id`.  Runs are those of tasks with
 * smaller ids than but_id alone (0: all), so that tasks that wait side by side do not shut
 * each other out; money is that of all. */
int store_task_used(struct store *store, int64_t requester_id, int64_t repo_id,
	int64_t since_ms, int64_t but_id, struct store_used *ret_person,
	struct store_used *ret_repo, struct err *err);

/* ---- a person's verbs ------------------------------------------------------------------ */

enum store_cancelled {
	STORE_CANCEL_DONE,  /* was not begun: cancelled now */
	STORE_CANCEL_ASKED, /* a worker has to stop it; one that is ready is due at once */
	STORE_CANCEL_LATE,  /* had ended already: nothing changed */
};

/* `reason`: "cancelled by @octocat".  The first reason stays.  A task that waits for its
 * attempts waits no longer: those of them that are ready end now, those that run are asked to
 * stop, and it is due at once, so that its worker says so.  ERR_NOT_FOUND. */
int store_task_cancel(struct store *store, int64_t id, const char *reason, int64_t now_ms,
	enum store_cancelled *ret, struct cancel *cancel, struct err *err);

/* A failed, cancelled or refused task becomes ready again: facts stay, outcome, attempts,
 * crashes and cancel_reason are cleared, and so are the effects of its end: outcome, and, unless
 * `step` is behind them, undo point and checks.  Its answer stands outside and stays as a row of
 * slot "answer-N", so that the next is told apart from it.  `step` (NULL: as it is) is where it
 * goes on; `command` (0: none) is noted as an effect "retry" of that command.
 * Attempts go with their task: if none of them is done, all begin anew and it waits for them,
 * to go on at its gate.  ERR_CONFLICT in any other state, and for an attempt. */
int store_task_retry(struct store *store, int64_t id, const char *step, int64_t command,
	int64_t now_ms, struct cancel *cancel, struct err *err);

#endif
