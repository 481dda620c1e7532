/* SPDX-License-Identifier: MIT */
/*
 * What the lifecycle's files (boxes, create, lifecycle, config, env, snapshots, meter, usage,
 * keys) share among themselves; the other files of this folder need boxes-internal.h only.
 */
#ifndef SERVICE_BOX_PARTS_H
#define SERVICE_BOX_PARTS_H

#include "service/box/active.h"
#include "service/box/boxes-internal.h"
#include "service/box/crew.h"
#include "service/store/store_box_snapshot.h"

/* ---- seal.c, env.c --------------------------------------------------------------------- */

int seal_open(struct boxes *boxes, struct err *err); /* the key */
int env_check_name(const char *name, const char *member, struct err *err);
int env_check_value(
	const char *name, const json_t *value, const char *member, struct err *err);
/* The account's variables as an object; a new reference. */
json_t *env_of_account(struct boxes *boxes, const char *account, struct err *err);

/* ---- find.c ---------------------------------------------------------------------------- */

bool box_is_of_task(
	const char *id); /* task-41, prep-41, conv-7: no row of ours stands for it */

/* ---- lifecycle.c: changes of state, each by one who seized the box ----------------------- */

/* Makes a box that was paused ready; one that is ready by now is fine.  The row is read
 * again.  With `hold` it is held when this returns 0. */
int box_wake(struct boxes *boxes, struct store_box *row, const char *why, bool hold,
	bool run, struct cancel *cancel, struct err *err);
/* `idle`: only while nobody works in it, and only if nothing was noted after since_ms: else
 * ERR_CONFLICT. */
int box_put_to_sleep(struct boxes *boxes, const char *id, const char *reason, bool idle,
	int64_t since_ms, struct err *err);
/* A ready row whose container does not run: it becomes paused, with the reason. */
void box_found_stopped(struct boxes *boxes, const char *id);

/* ---- remove.c -------------------------------------------------------------------------- */

/* Of a row that is `deleting` already: ends its runs, removes container and row. */
int box_remove(struct boxes *boxes, const char *id, struct err *err);
/* The box is deleted now: nobody finds it any more.  box_remove() does the work. */
int box_condemn(struct boxes *boxes, const char *id, struct err *err);
/* A list of at most LIMIT_BOX_IDS texts. */
int remove_read_ids(const json_t *ids, struct err *err);

/* ---- network.c ------------------------------------------------------------------------- */

/* A policy with the lists that it points to. */
struct network {
	struct box_policy policy;
	const char **lists[3]; /* borrowed texts of the JSON */
};
void network_release(struct network *network);
DEFINE_CLEANUP(network, struct network, network_release(value))
/* What a client wrote ({mode, allowed_domains?, ...}), checked; NULL: allow-all.  The texts
 * are the JSON's. */
int network_read(const json_t *json, struct network *ret, struct err *err);
/* The text for a row: only what was set. */
char *network_text(const json_t *json);
/* Tells boxcore the policy of the row: in each process once, before the box is started.  By
 * one who has seized the box. */
int box_apply_network(struct boxes *boxes, const struct store_box *row,
	struct cancel *cancel, struct err *err);

/* The same after a change of the row, or a restart of ours; seizes the box. */
int box_renew_network(struct boxes *boxes, const char *id, struct err *err);

/* ---- meter.c --------------------------------------------------------------------------- */

void box_meter_note(struct boxes *boxes, const char *id, const struct box_stats *stats);

/* ---- snapshots.c ----------------------------------------------------------------------- */

/* Removes the image unless more rows than those, which are going, stand on it. */
void snapshot_image_drop(
	struct boxes *boxes, const char *image, int64_t own_boxes, int64_t own_snapshots);
/* Finishes or gives up one that a former process left. */
void snapshot_recover(struct boxes *boxes, const struct store_box_snapshot *row);

/* ---- keys.c ---------------------------------------------------------------------------- */

struct key_cache *key_cache_new(void);
void key_cache_free(struct key_cache *cache);

/* ---- making.c -------------------------------------------------------------------------- */

/* Ends the making of a box, if it is being made. */
void making_stop(struct boxes *boxes, const char *id);

/* ---- box_json.c ------------------------------------------------------------------------ */

/* The state in the words of the API. */
const char *box_status(const struct store_box *row, const struct active_counts *counts);
json_t *box_json(struct boxes *boxes, const struct store_box *row);

/* ---- config.c -------------------------------------------------------------------------- */

/* What the images of ours say. */
#define BOX_GIT_NAME "Upstash Box"
#define BOX_GIT_EMAIL "box@upstash.com"
/* Writes them into the box's global git configuration; "" and NULL are left alone. */
int box_set_git_identity(struct boxes *boxes, const char *id, const char *name,
	const char *email, struct cancel *cancel, struct err *err);

/* ---- tick.c ---------------------------------------------------------------------------- */

struct ticker;
struct ticker *ticker_new(void);
void ticker_free(struct ticker *ticker);
/* Containers of this instance that no row and no task knows are removed. */
void tick_orphans(struct boxes *boxes);

/* ---- init.c ---------------------------------------------------------------------------- */

/* Starts the init command of a box that was just started, if it has one. */
void box_init_start(struct boxes *boxes, const struct store_box *row);
/* Takes up the one that a former process started, if it still runs. */
void box_init_recover(struct boxes *boxes, const struct store_box *row);

#endif
