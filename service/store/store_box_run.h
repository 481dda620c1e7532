/* SPDX-License-Identifier: MIT */
/*
 * Runs of boxes: commands and prompts, from their start to the box's end.
 *
 * A run is running until it is finished or cancelled, and it is settled when what it used
 * has been written down: store_box_run_finish() does that once, for a running and for a
 * cancelled one.  Those that are not settled are what a restarted service takes up.
 * See store.h for errors, memory and threads, store_box.h for verbs that only queue.
 */
#ifndef SERVICE_STORE_STORE_BOX_RUN_H
#define SERVICE_STORE_STORE_BOX_RUN_H

#include "service/store/store.h"

#define STORE_BOX_RUN_TYPES(X)                                                           \
	X(SHELL, "shell")                                                                \
	X(AGENT, "agent")

#define STORE_BOX_RUN_STATES(X)                                                          \
	X(RUNNING, "running")                                                            \
	X(COMPLETED, "completed")                                                        \
	X(FAILED, "failed")                                                              \
	X(CANCELLED, "cancelled")                                                        \
	X(SKIPPED, "skipped") /* a schedule's, which was never started */

#define STORE_WEBHOOK_STATES(X)                                                          \
	X(NONE, "")                                                                      \
	X(DUE, "due")                                                                    \
	X(SENT, "sent")                                                                  \
	X(FAILED, "failed")

#define X(name, word) STORE_BOX_RUN_##name,
enum store_box_run_type { STORE_BOX_RUN_TYPES(X) };
enum store_box_run_state { STORE_BOX_RUN_STATES(X) };
#undef X
#define X(name, word) STORE_WEBHOOK_##name,
enum store_webhook_state { STORE_WEBHOOK_STATES(X) };
#undef X

const char *store_box_run_type_name(enum store_box_run_type type);
const char *store_box_run_state_name(enum store_box_run_state state);

struct store_box_run {
	char *id, *box_id, *account;
	enum store_box_run_type type;
	enum store_box_run_state state;
	char *schedule_id; /* or NULL */
	char *prompt; /* or the command, joined by spaces; cut at LIMIT_BOX_RUN_PROMPT */
	char *model;  /* or NULL */
	char *output; /* of an agent, or NULL */
	char *error;  /* or NULL */
	char *session_id;  /* or NULL */
	int64_t exit_code; /* -1 until there is one */
	int64_t tokens_in, tokens_out, tokens_cached;
	double tokens_usd, compute_usd;
	int64_t cpu_us, memory_peak;
	/* To take it up after a restart */
	char *detail;   /* JSON: what the driver needs to know; NULL counts as "{}" */
	int64_t offset; /* of the run's spool */
	char *reader;   /* saved agent reader, or NULL */
	bool settled;   /* store_box_run_finish() was done */
	/* The webhook */
	char *sealed; /* where it goes, or NULL */
	enum store_webhook_state webhook_state;
	int64_t webhook_at_ms, webhook_tries;
	int64_t created_ms, completed_ms; /* 0: not yet */
};

void store_box_run_release(struct store_box_run *run);
DEFINE_CLEANUP(store_box_run, struct store_box_run, store_box_run_release(value))

struct store_box_runs {
	struct store_box_run *rows;
	size_t count;
};
void store_box_runs_release(struct store_box_runs *list);
DEFINE_CLEANUP(store_box_runs, struct store_box_runs, store_box_runs_release(value))

/* Adds a running run; of the row only id, box_id, account, type, schedule_id, prompt,
 * model, session_id, detail, sealed and created_ms are read.  ERR_NOT_FOUND when the box
 * has no row or is being deleted (a task's box has no row, and so no runs). */
int store_box_run_add(struct store *store, const struct store_box_run *run,
	struct cancel *cancel, struct err *err);
/* The same, only queued: a run that ends soon is written with its end in one commit. */
void store_box_run_add_async(struct store *store, const struct store_box_run *run);

/* Adds one that was never started: state `skipped`, settled, with the error. */
int store_box_run_add_skipped(struct store *store, const struct store_box_run *run,
	const char *error, struct cancel *cancel, struct err *err);

/* How far a run's output was read.  NULL: stays as it is.  ERR_CONFLICT once settled. */
int store_box_run_progress(struct store *store, const char *id, int64_t offset,
	const char *reader, const char *session_id, struct cancel *cancel,
	struct err *err);

struct store_box_run_end {
	enum store_box_run_state state; /* a cancelled run stays cancelled */
	int64_t exit_code;
	/* Made valid UTF-8 and cut at LIMIT_BOX_RUN_OUTPUT; NULL for none.  The error of a
	 * cancelled run stays. */
	const char *output, *error;
	const char *session_id; /* NULL: stays as it is; else the box's too */
	int64_t tokens_in, tokens_out, tokens_cached;
	double tokens_usd;
	double compute_usd; /* of cpu_us, for the run's row; the box's comes from its meter */
	int64_t cpu_us, memory_peak;
	bool webhook; /* it is due, now */
	int64_t completed_ms;
};

/* Settles a run, and adds what it used to the box (run_cpu_us, tokens, tokens_usd, one
 * prompt for an agent's) and to the account's usage of that UTC day, in one transaction.
 * ERR_CONFLICT when it is settled already: exactly one caller does it.  Forgets `reader`.
 * ERR_NOT_FOUND when it is gone with its box. */
int store_box_run_finish(struct store *store, const char *id,
	const struct store_box_run_end *end, struct cancel *cancel, struct err *err);

/* Running -> cancelled, with the reason; not settled by that.  *ret_was: it was running. */
int store_box_run_cancel(struct store *store, const char *id, const char *reason,
	int64_t now_ms, bool *ret_was, struct cancel *cancel, struct err *err);

int store_box_run_get(struct store *store, const char *box_id, const char *id,
	struct store_box_run *ret, struct err *err); /* ERR_NOT_FOUND */
/* Newest first; limit 1 to STORE_PAGE_MAX, 0: 100.  Ends early, but not empty, when it
 * holds LIMIT_STORE_PAGE_BYTES. */
int store_box_run_list(struct store *store, const char *box_id, int limit,
	struct store_box_runs *ret, struct err *err);
/* Those that are not settled; box_id NULL: of all boxes. */
int store_box_run_list_open(struct store *store, const char *box_id,
	struct store_box_runs *ret, struct err *err);

/* ---- webhooks ------------------------------------------------------------------------- */

/* Due at now_ms, earliest first; limit 1 to 500. */
int store_box_run_list_webhooks(struct store *store, int64_t now_ms, int limit,
	struct store_box_runs *ret, struct err *err);
/* After a try: SENT, FAILED, or DUE again at `at_ms`.  webhook_tries + 1. */
int store_box_run_set_webhook(struct store *store, const char *id,
	enum store_webhook_state state, int64_t at_ms, struct cancel *cancel,
	struct err *err);

#endif
