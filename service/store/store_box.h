/* SPDX-License-Identifier: MIT */
/*
 * Boxes of the box API: what was asked for, what became of it, what it has used.
 *
 * A row is changed by narrow verbs, each of which writes only its own columns, so that
 * two callers who change different things do not undo each other.  Verbs of a box that
 * does not exist are ERR_NOT_FOUND.  See store.h for errors, memory and threads.
 *
 * The verbs without a `cancel` only queue: they never wait and do not fail for the caller.
 * What they queue is written soon (some milliseconds), in order with everything else the
 * same thread asks for; store_on_lost() hears of failures.  store_close() writes what is
 * queued.
 */
#ifndef SERVICE_STORE_STORE_BOX_H
#define SERVICE_STORE_STORE_BOX_H

#include "service/store/store.h"

#define STORE_BOX_STATES(X)                                                              \
	X(CREATING, "creating")                                                          \
	X(READY, "ready")                                                                \
	X(PAUSED, "paused")                                                              \
	X(ERROR, "error")                                                                \
	X(DELETING, "deleting")

enum store_box_state {
#define X(name, word) STORE_BOX_##name,
	STORE_BOX_STATES(X)
#undef X
};

const char *store_box_state_name(enum store_box_state state);

/* Sets of states: STORE_BOX_IN(STORE_BOX_READY) | STORE_BOX_IN(STORE_BOX_PAUSED). */
#define STORE_BOX_IN(state) (1U << (state))
#define STORE_BOX_ANY 0x1fU

struct store_box {
	char *id, *account;
	char *name; /* or NULL; unique within the account */
	enum store_box_state state;
	char *error; /* or NULL */
	/* As asked for */
	char *runtime;
	char *image;       /* what it is made of: a reference, or a snapshot's image */
	char *snapshot_id; /* the one it was restored from, or NULL */
	char *size;
	bool keep_alive, ephemeral;
	int64_t expires_ms; /* 0: never */
	char *labels;       /* JSON list */
	char *network;      /* JSON: the policy as the client gave it */
	char *init_command; /* "" for none */
	char *git_name, *git_email;
	/* The agent; NULL: none */
	char *agent, *model;
	char *runner;     /* JSON, or NULL */
	char *skills;     /* JSON list */
	char *mcp;        /* JSON list */
	char *session_id; /* or NULL */
	char *sealed;     /* "" for nothing */
	/* Why it is as it is; NULL when it never was */
	char *pause_reason, *wake_reason;
	int64_t active_ms; /* last work, or the end of it */
	/* Metering */
	char *boot; /* or NULL */
	int64_t boot_cpu_us, cpu_us, run_cpu_us, memory_peak;
	int64_t disk_bytes, disk_ms;
	int64_t tokens_in, tokens_out, tokens_cached, prompts;
	double tokens_usd, compute_usd;
	int64_t created_ms, updated_ms;
};

void store_box_release(struct store_box *box);
DEFINE_CLEANUP(store_box, struct store_box, store_box_release(value))

struct store_boxes {
	struct store_box *rows;
	size_t count;
};
void store_boxes_release(struct store_boxes *list);
DEFINE_CLEANUP(store_boxes, struct store_boxes, store_boxes_release(value))

/* ---- making and finding --------------------------------------------------------------- */

/* Adds the row with its state; metering columns begin at 0.  NULL counts as "" (JSON
 * lists: "[]") where a column may not be NULL.  A name that another box of the account has
 * is ERR_CONFLICT, naming it; so is a name that is another one's id, and an id that is
 * another one's name: both are looked up in the same place. */
int store_box_add(struct store *store, const struct store_box *box, struct cancel *cancel,
	struct err *err);

int store_box_get(struct store *store, const char *id, struct store_box *ret,
	struct err *err); /* of any account */
/* By id, then by name. */
int store_box_find(struct store *store, const char *account, const char *id_or_name,
	struct store_box *ret, struct err *err);
/* Newest first, all of them, those in state `deleting` too. */
int store_box_list(struct store *store, const char *account, struct store_boxes *ret,
	struct err *err);
/* Of all accounts, those in one of the states, in no order. */
int store_box_list_in(
	struct store *store, unsigned states, struct store_boxes *ret, struct err *err);
/* Ready, not keep_alive, active_ms < before_ms: longest idle first; limit 1 to 500. */
int store_box_list_idle(struct store *store, int64_t before_ms, int limit,
	struct store_boxes *ret, struct err *err);
/* expires_ms <= now_ms and not `deleting`: earliest first; limit 1 to 500. */
int store_box_list_expired(struct store *store, int64_t now_ms, int limit,
	struct store_boxes *ret, struct err *err);
/* `account` NULL: of all. */
int store_box_count(struct store *store, const char *account, unsigned states,
	int64_t *ret, struct err *err);

/* ---- state ---------------------------------------------------------------------------- */

struct store_box_move {
	unsigned from; /* states it may be in: STORE_BOX_IN(...), or STORE_BOX_ANY */
	enum store_box_state to;
	const char *error;        /* NULL: none (any more) */
	const char *pause_reason; /* NULL: stays as it is */
	const char *wake_reason;  /* NULL: stays as it is */
	/* With to == STORE_BOX_PAUSED: not when work was noted after it (0: never mind). */
	int64_t unless_active_after_ms;
	int64_t now_ms;
};

/* ERR_CONFLICT, naming the state, when it is in none of `from`, or was active.  A box that
 * becomes ready counts as active now. */
int store_box_set_state(struct store *store, const char *id,
	const struct store_box_move *move, struct cancel *cancel, struct err *err);

/* ---- configuration -------------------------------------------------------------------- */

/* Each sets updated_ms to now_ms.  `labels`, `skills`, `mcp`: JSON lists. */
int store_box_set_labels(struct store *store, const char *id, const char *labels,
	int64_t now_ms, struct cancel *cancel, struct err *err);
int store_box_set_network(struct store *store, const char *id, const char *network,
	int64_t now_ms, struct cancel *cancel, struct err *err);
int store_box_set_init(struct store *store, const char *id, const char *init_command,
	int64_t now_ms, struct cancel *cancel, struct err *err);
int store_box_set_skills(struct store *store, const char *id, const char *skills,
	int64_t now_ms, struct cancel *cancel, struct err *err);
int store_box_set_sealed(struct store *store, const char *id, const char *sealed,
	int64_t now_ms, struct cancel *cancel, struct err *err);
/* NULL: stays as it is. */
int store_box_set_git(struct store *store, const char *id, const char *name,
	const char *email, int64_t now_ms, struct cancel *cancel, struct err *err);
/* All three as given, NULL for none. */
int store_box_set_agent(struct store *store, const char *id, const char *agent,
	const char *model, const char *runner, int64_t now_ms, struct cancel *cancel,
	struct err *err);

/* ---- activity and metering ------------------------------------------------------------ */

/* active_ms becomes the later of both.  Only queues. */
void store_box_touch(struct store *store, const char *id, int64_t active_ms);

struct store_box_meter {
	const char *boot;    /* of the present start */
	int64_t boot_cpu_us; /* the counter of this boot, as it was read */
	int64_t memory_peak; /* the row keeps the highest */
	double usd_per_cpu_us;
	int64_t now_ms;
};
/* What the counter has grown by since the row last saw this boot (all of it for a new
 * boot) is added to the box's cpu_us and compute_usd and to the account's usage of that
 * UTC day, in one transaction; readings may come twice or late.  Only queues. */
void store_box_meter(
	struct store *store, const char *id, const struct store_box_meter *meter);
/* The disk was `bytes` at `now_ms`; since the last measurement it counts as it was then:
 * MiB times seconds, added to the account's usage.  Only queues. */
void store_box_set_disk(
	struct store *store, const char *id, int64_t bytes, int64_t now_ms);
/* Tokens are added by store_box_run_finish(). */

/* ---- the end -------------------------------------------------------------------------- */

/* Removes the row with the box's runs, log, schedules and previews; snapshots stay.  The
 * row goes last, in one transaction with what still hangs on it: long lists are shortened
 * before in transactions of their own, so be in state `deleting`.  A missing one is fine. */
int store_box_delete(
	struct store *store, const char *id, struct cancel *cancel, struct err *err);

#endif
