/* SPDX-License-Identifier: MIT */
/*
 * Boxes as a product: the box API's meaning, without its transport.
 *
 * boxcore knows containers; this folder knows whose a box is, what was asked of it, what it
 * has cost, and when it may sleep.  Rows of the store are the truth; what is held in memory
 * (who works in a box now) is lost with the process and found again in the rows and boxes.
 *
 * Every verb takes the caller.  An object of another account is ERR_NOT_FOUND, as if it did
 * not exist.  `box` is a box's id or its name.  Verbs read the request's JSON themselves and
 * answer JSON in the contract's words, so a handler is a line; unknown members are ignored,
 * malformed ones are ERR_INPUT naming the member and its limit.  `ret` belongs to the caller.
 *
 * Work wakes a paused box; looking (get, list, status, logs, runs) never does, and never
 * counts as activity.  All verbs are thread-safe and block as long as their cancel allows.
 */
#ifndef SERVICE_BOX_BOXES_H
#define SERVICE_BOX_BOXES_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/err.h"
#include "boxcore/base/json.h"
#include "boxcore/boxcore.h"
#include "service/config/config.h"
#include "service/relay/relay.h"
#include "service/store/store.h"

#include <stdbool.h>
#include <stdint.h>

struct github;
struct boxes;

struct boxes_options {
	const struct config *config; /* all borrowed until boxes_close() */
	struct store *store;
	struct boxcore *core;
	struct relay *relay;
	struct github *github; /* for pull requests with a caller's token; may be NULL */
	const char
		*state_dir;  /* the key that seals callers' secrets is made there once */
	struct cancel *stop; /* the service's */
};

/* Opens, and begins to take up what a former process left: boxes that were being made or
 * deleted, runs that still run.  boxes_close() detaches from all runs; they go on. */
int boxes_open(
	struct boxes **ret_boxes, const struct boxes_options *options, struct err *err);
void boxes_close(struct boxes *boxes); /* NULL is fine */
DEFINE_CLEANUP(boxes, struct boxes *, boxes_close(*value))

/* One round of all that is periodic: idle boxes are paused, expired ones deleted, schedules
 * fired, meters read, due webhooks sent.  For the janitor, every few seconds; what takes
 * long is done on threads of our own. */
void boxes_tick(struct boxes *boxes, int64_t now_ms, struct cancel *cancel);

/* The account of a caller without a key of a row: the keys of api_keys_file and programs of
 * this machine.  Only it sees the boxes of tasks (task-41). */
#define BOX_OPERATOR "operator"

struct box_caller {
	const char *account;
	bool write; /* false: a key that may only look; verbs that change are ERR_DENIED */
	bool operator; /* may see boxes of tasks, and manage keys */
};

/* ---- lifecycle ------------------------------------------------------------------------- */

/* `from_snapshot`: the body has snapshot_id.  Returns when the box is usable, or after 20 s
 * with status "creating". */
int boxes_create(struct boxes *boxes, const struct box_caller *who, const json_t *body,
	bool from_snapshot, json_t **ret, struct cancel *cancel, struct err *err);
/* A bare array, newest first; label NULL: all. */
int boxes_list(struct boxes *boxes, const struct box_caller *who, const char *label,
	json_t **ret, struct err *err);
int boxes_get(struct boxes *boxes, const struct box_caller *who, const char *box,
	json_t **ret, struct err *err);
int boxes_status(struct boxes *boxes, const struct box_caller *who, const char *box,
	json_t **ret, struct err *err);
int boxes_pause(struct boxes *boxes, const struct box_caller *who, const char *box,
	struct cancel *cancel, struct err *err);
int boxes_resume(struct boxes *boxes, const struct box_caller *who, const char *box,
	struct cancel *cancel, struct err *err);
/* From every state, also while it is being made. */
int boxes_delete(struct boxes *boxes, const struct box_caller *who, const char *box,
	struct cancel *cancel, struct err *err);
/* {"ids": [...]}; names are fine; those that do not exist are passed over.  {deleted: n} */
int boxes_delete_many(struct boxes *boxes, const struct box_caller *who,
	const json_t *body, json_t **ret, struct cancel *cancel, struct err *err);
/* {logs: [...]}, oldest first. */
int boxes_logs(struct boxes *boxes, const struct box_caller *who, const char *box,
	int64_t offset, int64_t limit, json_t **ret, struct err *err);
/* What the account has used: {boxes: [...], days: [...], total: {...}}. */
int boxes_usage(struct boxes *boxes, const struct box_caller *who, json_t **ret,
	struct cancel *cancel, struct err *err);

/* ---- configuration --------------------------------------------------------------------- */

/* Sub-resources by their path below /v2/box/{id}/: "startup", "config/model",
 * "config/custom-runner", "config/network-policy", "config/git", "git-config",
 * "config/skills", "config/labels".  `method` is GET, PUT, POST or DELETE; `tail` is what
 * follows the path (a label, owner/repo/name), or NULL.  The answer is never NULL. */
int boxes_config(struct boxes *boxes, const struct box_caller *who, const char *box,
	const char *method, const char *path, const char *tail, const json_t *body,
	json_t **ret, struct cancel *cancel, struct err *err);

/* The account's variables: GET all (masked), PUT all (name NULL) or one, DELETE one. */
int boxes_account_env(struct boxes *boxes, const struct box_caller *who,
	const char *method, const char *name, const json_t *body, json_t **ret,
	struct cancel *cancel, struct err *err);

/* The account's keys for agents with agent_api_key STORED_KEY; `provider` is "anthropic" or
 * "openai".  GET {credentials: {anthropic: "sk-a...6789"}} (provider NULL), PUT {api_key},
 * DELETE. */
int boxes_account_key(struct boxes *boxes, const struct box_caller *who,
	const char *method, const char *provider, const json_t *body, json_t **ret,
	struct cancel *cancel, struct err *err);

/* ---- snapshots ------------------------------------------------------------------------- */

int boxes_snapshot(struct boxes *boxes, const struct box_caller *who, const char *box,
	const json_t *body, json_t **ret, struct cancel *cancel, struct err *err);
/* `box` NULL: all of the account.  {snapshots: [...]} */
int boxes_snapshot_list(struct boxes *boxes, const struct box_caller *who,
	const char *box, json_t **ret, struct err *err);
/* The box may be gone: then it is its former id. */
int boxes_snapshot_delete(struct boxes *boxes, const struct box_caller *who,
	const char *box, const char *snapshot, struct cancel *cancel, struct err *err);
/* {} all of the account, {"ids": [...]} some.  {deleted: n} */
int boxes_snapshot_delete_many(struct boxes *boxes, const struct box_caller *who,
	const json_t *body, json_t **ret, struct cancel *cancel, struct err *err);

#endif
