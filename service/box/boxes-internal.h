/* SPDX-License-Identifier: MIT */
/*
 * What the files of service/box share; service/preview may include it too, nobody else.
 *
 * Work in a box is a struct box_work: it finds the row, wakes the box, and holds it awake
 * until it is released.  A box with work in it is "running" and is not paused by itself.
 */
#ifndef SERVICE_BOX_BOXES_INTERNAL_H
#define SERVICE_BOX_BOXES_INTERNAL_H

#include "boxcore/base/secret.h"
#include "boxcore/base/thread.h"
#include "service/box/boxes.h"
#include "service/store/store_box.h"

struct boxes_active; /* table of boxes with work in them (work.c) */
struct crew;         /* threads of ours (crew.c) */
struct catalog;      /* sizes and runtimes on offer (catalog.c) */
struct makings;      /* containers that are being made (making.c) */
struct ticker;       /* what is periodic (tick.c) */
struct key_cache;    /* keys that were asked for (keys.c) */
struct drives;       /* runs that are driven now (drive.c) */

struct boxes {
	struct boxes_options options;
	struct cancel *stop; /* child of options.stop; boxes_close() fires it */
	struct boxes_active *active;
	struct crew *crew;
	struct catalog *catalog;
	struct makings *makings;
	struct ticker *ticker;
	struct key_cache *keys;
	struct drives *drives;
	uint8_t seal_key[32];
	int host_cpus; /* of the Engine; 0: not known */
	int64_t host_memory;
};

/* ---- finding (find.c) ------------------------------------------------------------------ */

/* By id, then by name, within the account.  For the operator a box of a task, which has no
 * row, is made up: row.id is the task's box, row.agent is NULL. */
int boxes_find(struct boxes *boxes, const struct box_caller *who, const char *box,
	struct store_box *ret, struct err *err);
/* ERR_DENIED for a key that may only look. */
int boxes_may_write(const struct box_caller *who, struct err *err);

/* ---- work (work.c) --------------------------------------------------------------------- */

enum box_work_kind {
	BOX_WORK_RUN,   /* counts as "running" on the wire */
	BOX_WORK_QUIET, /* files, git status, previews: keeps it awake, stays "idle" */
};

struct box_work {
	struct boxes *boxes;
	struct store_box row;
	enum box_work_kind kind;
	bool held;
};

/* Finds, checks that it is usable (ERR_CONFLICT while it is being made or broken, naming the
 * state), wakes it when paused, notes the activity.  Zeroed work may be released. */
int box_work_begin(struct boxes *boxes, const struct box_caller *who, const char *box,
	enum box_work_kind kind, const char *why, struct box_work *ret_work,
	struct cancel *cancel, struct err *err);
void box_work_release(struct box_work *work); /* notes the activity's end; never blocks */
DEFINE_CLEANUP(box_work, struct box_work, box_work_release(value))

int boxes_running_count(struct boxes *boxes, const char *box_id); /* BOX_WORK_RUN now */
/* Of either kind; for tests. */
int boxes_held_count(struct boxes *boxes, const char *box_id);

/* ---- what a box was entrusted with (seal.c) -------------------------------------------- */

/* AES-256-GCM with the key of the state folder; "" seals nothing. */
char *boxes_seal(struct boxes *boxes, const json_t *secrets);
/* The object, an empty one for ""; ERR_INTERNAL when the key does not fit. */
json_t *boxes_unseal(struct boxes *boxes, const char *sealed, struct err *err);
/* "K=V" of env in it, NULL-ended, one allocation; free() it. */
char **boxes_env_list(const json_t *env);
/* ERR_INPUT for names that are none, and for PATH, HOME, LD_PRELOAD, LD_LIBRARY_PATH,
 * NODE_OPTIONS; too many or too long is ERR_LIMIT. */
int boxes_env_check(const json_t *env, const char *member, struct err *err);

/* ---- what agents need of it (env.c) ---- */

/* The box's own env over what the service sets; of row.sealed.  A new reference. */
json_t *boxes_env(struct boxes *boxes, const struct store_box *row, struct err *err);
/* The key that the box's agent shall use with `provider` ("anthropic", "openai"): the box's
 * own, or the account's for STORED_KEY; it stays unset when the service's own is meant.
 * ERR_UNABLE: STORED_KEY, and the account has none. */
int boxes_agent_key(struct boxes *boxes, const struct store_box *row,
	const char *provider, struct secret *ret_key, struct err *err);

/* ---- log and meter --------------------------------------------------------------------- */

/* A line of the box's log, redacted and cut; queued, never waits (log.c). */
void boxes_log(struct boxes *boxes, const char *box_id, const char *level,
	const char *source, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Reads the box's counters and adds what is new to the rows (meter.c).  Before a pause, at
 * the end of a run, every now and then. */
void boxes_meter(struct boxes *boxes, const char *box_id, struct cancel *cancel);
double boxes_compute_usd(const struct boxes *boxes, int64_t cpu_us);

/* ---- paths ----------------------------------------------------------------------------- */

#define BOX_HOME "/workspace/home"
/* Absolute, normalised; relative ones lie below BOX_HOME; NULL is BOX_HOME.  free() it;
 * NULL and ERR_INPUT naming `member` for NUL, or more than LIMIT_PATH bytes. */
char *boxes_path(const char *path, const char *member, struct err *err);

/* ---- runs (drive.c), used by schedules and recovery ------------------------------------ */

struct box_drive;
int drives_open(struct boxes *boxes, struct err *err);
void drives_close(struct boxes *boxes); /* all threads have ended */
void drives_recover(struct boxes *boxes);
/* Webhooks that are due; schedules.  By boxes_tick(). */
void webhooks_tick(struct boxes *boxes, int64_t now_ms, struct cancel *cancel);
void schedules_tick(struct boxes *boxes, int64_t now_ms, struct cancel *cancel);
/* Ends the box's runs before it is paused or deleted, with that reason in their rows. */
void drives_end_box(struct boxes *boxes, const char *box_id, const char *reason,
	struct cancel *cancel);

#endif
