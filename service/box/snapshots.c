/* SPDX-License-Identifier: MIT */
/*
 * Snapshots: rows, and the images that they stand for.
 *
 * The row comes before the image and goes after it.  The image is named by the row's id, so
 * a restart tells whether a snapshot that was being made came to be.  An image goes when no
 * row of a snapshot and no box stands on it any more.
 */
#define LOG_MODULE "boxes"
#include "service/box/boxes-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/crypto.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/asked.h"
#include "service/box/parts.h"

#include <stdio.h>
#include <string.h>

#define TAG_PREFIX "boxwright-snap:" /* and the row's id */
#define TAG_SIZE 96

static const char *status_word(enum store_snapshot_state state)
{
	return state == STORE_SNAPSHOT_DELETING ? "deleted"
						: store_snapshot_state_name(state);
}

static json_t *snapshot_json(const struct store_box_snapshot *row)
{
	json_t *o = json_object();

	json_put(o, "id", json_str(row->id));
	json_put(o, "name", json_str(row->name));
	json_put(o, "box_id", json_str(row->box_id));
	json_put(o, "customer_id", json_str(row->account));
	json_put(o, "size_bytes", json_integer(row->size_bytes));
	json_put(o, "status", json_str(status_word(row->state)));
	json_put(o, "created_at", json_integer(row->created_ms / 1000));
	if (row->error)
		json_put(o, "error", json_str(row->error));
	return o;
}

static void tag_of(const char *id, char ret_tag[TAG_SIZE])
{
	snprintf(ret_tag, TAG_SIZE, TAG_PREFIX "%s", id);
}

void snapshot_image_drop(
	struct boxes *boxes, const char *image, int64_t own_boxes, int64_t own_snapshots)
{
	int64_t nboxes = 0, nsnapshots = 0;
	struct err err = {0};

	if (str_empty(image) ||
		store_image_used(
			boxes->options.store, image, &nboxes, &nsnapshots, &err) < 0 ||
		nboxes > own_boxes || nsnapshots > own_snapshots)
		return;
	if (snapshot_delete(boxes->options.core, image, boxes->stop, &err) < 0)
		log_debug("image %s stays: %s", image, err.text);
}

/* ---- making one ------------------------------------------------------------------------ */

/* One snapshot on its way; its caller waits a while. */
struct shot {
	struct boxes *boxes;
	char id[64], box[64];
	struct lock lock;
	struct cond changed;
	int shares;
	bool done;
};

static void drop_share(struct shot *shot)
{
	lock_take(&shot->lock);
	bool last = --shot->shares == 0;
	lock_give(&shot->lock);
	if (!last)
		return;
	cond_release(&shot->changed);
	lock_release(&shot->lock);
	free(shot);
}

/* What it holds over the image that its runtime starts from, which all boxes share: what the
 * box has changed, and what the snapshot held that the box was restored from. */
static int64_t own_size(struct shot *shot, int64_t image_size)
{
	struct boxes *boxes = shot->boxes;
	CLEANUP(store_box) struct store_box row = {0};
	CLEANUP(store_box_snapshot) struct store_box_snapshot parent = {0};
	struct err ignored = {0};
	int64_t changed = 0;

	if (box_disk(boxes->options.core, shot->box, &changed, boxes->stop, &ignored) <
			0 ||
		store_box_get(boxes->options.store, shot->box, &row, &ignored) < 0)
		return image_size;
	if (row.snapshot_id)
		store_box_snapshot_get(boxes->options.store, row.account, row.snapshot_id,
			&parent, &ignored);
	return changed + parent.size_bytes;
}

static void note_end(struct shot *shot, int rc, const struct snapshot_info *info,
	const struct err *why)
{
	struct boxes *boxes = shot->boxes;
	struct err err = {0};

	int64_t size = rc < 0 ? 0 : own_size(shot, info->size_bytes);

	if (rc < 0) {
		if (cancel_fired(boxes->stop))
			return; /* the next start looks what came of it */
		boxes_log(boxes, shot->box, "error", "system", "snapshot %s failed: %s",
			shot->id, why->text);
		store_box_snapshot_set_state(boxes->options.store, shot->id,
			STORE_SNAPSHOT_IN(STORE_SNAPSHOT_CREATING), STORE_SNAPSHOT_ERROR,
			why->text, boxes->stop, &err);
		return;
	}
	if (store_box_snapshot_set_ready(boxes->options.store, shot->id, info->image,
		    size, boxes->stop, &err) < 0)
		snapshot_image_drop(
			boxes, info->image, 0, 0); /* it was deleted meanwhile */
	else
		boxes_log(boxes, shot->box, "info", "system",
			"snapshot %s is ready, %.1f MB over its image", shot->id,
			(double)size / 1e6);
}

static void shot_main(void *arg)
{
	struct shot *shot = arg;
	struct boxes *boxes = shot->boxes;
	struct snapshot_info info = {0};
	char tag[TAG_SIZE];
	struct err err = {0};
	int rc = -1;

	tag_of(shot->id, tag);
	/* Held, it is not put to sleep by itself; a box that sleeps is not woken for it. */
	if (active_hold(boxes->active, shot->box, false, boxes->stop, &err) == 0) {
		rc = box_snapshot(
			boxes->options.core, shot->box, tag, &info, boxes->stop, &err);
		active_release(boxes->active, shot->box, false, clock_wall_ms());
	}
	note_end(shot, rc, &info, &err);
	lock_take(&shot->lock);
	shot->done = true;
	cond_wake_all(&shot->changed);
	lock_give(&shot->lock);
	drop_share(shot);
}

/* What the box has that its snapshot keeps: no token, no schedule, no init command. */
static char *sealed_for_snapshot(
	struct boxes *boxes, const struct store_box *row, struct err *err)
{
	CLEANUP(json) json_t *secrets = boxes_unseal(boxes, row->sealed, err);

	if (!secrets)
		return NULL;
	json_object_del(secrets, "github_token");
	return boxes_seal(boxes, secrets);
}

static int add_row(struct boxes *boxes, const struct store_box *box, const char *id,
	char *name, struct cancel *cancel, struct err *err)
{
	CLEANUP(mem) char *sealed = sealed_for_snapshot(boxes, box, err);
	CLEANUP(mem) char *own_id = mem_strdup(id);
	char none[] = "";

	if (!sealed)
		return -1;
	struct store_box_snapshot row = {
		.id = own_id,
		.account = box->account,
		.box_id = box->id,
		.name = name,
		.state = STORE_SNAPSHOT_CREATING,
		.image = none,
		.runtime = box->runtime,
		.agent = box->agent,
		.model = box->model,
		.runner = box->runner,
		.skills = box->skills,
		.mcp = box->mcp,
		.git_name = box->git_name,
		.git_email = box->git_email,
		.sealed = sealed,
		.created_ms = clock_wall_ms(),
	};
	return store_box_snapshot_add(boxes->options.store, &row, cancel, err);
}

static void wait_for(struct shot *shot, struct cancel *cancel)
{
	int64_t until = clock_mono_ms() + LIMIT_BOX_CREATE_MS;

	LOCKED(&shot->lock);
	while (!shot->done && clock_mono_ms() < until && !cancel_fired(cancel))
		cond_wait_ms(&shot->changed, &shot->lock, 200);
}

static int start(struct boxes *boxes, const char *id, const char *box,
	struct cancel *cancel, struct err *err)
{
	struct shot *shot = mem_zalloc(sizeof *shot);

	shot->boxes = boxes;
	str_copy(shot->id, sizeof shot->id, id);
	str_copy(shot->box, sizeof shot->box, box);
	lock_init(&shot->lock);
	cond_init(&shot->changed);
	shot->shares = 2;
	if (crew_run(boxes->crew, CREW_KEEP, shot_main, shot, err) < 0) {
		drop_share(shot);
		drop_share(shot);
		store_box_snapshot_delete(
			boxes->options.store, id, cancel, &(struct err){0});
		return -1;
	}
	wait_for(shot, cancel);
	drop_share(shot);
	return 0;
}

int boxes_snapshot(struct boxes *boxes, const struct box_caller *who, const char *box,
	const json_t *body, json_t **ret, struct cancel *cancel, struct err *err)
{
	CLEANUP(store_box) struct store_box row = {0};
	CLEANUP(store_box_snapshot) struct store_box_snapshot snapshot = {0};
	CLEANUP(mem) char *name = NULL;
	char id[32] = "snap-";

	if (boxes_may_write(who, err) < 0 || boxes_find(boxes, who, box, &row, err) < 0 ||
		asked_text(body, "name", LIMIT_BOX_WORD, &name, err) < 0)
		return -1;
	if (str_empty(name))
		return err_set(err, ERR_INPUT, "`name` is missing: a text for people");
	if (box_is_of_task(row.id) ||
		(row.state != STORE_BOX_READY && row.state != STORE_BOX_PAUSED))
		return err_set(err, ERR_CONFLICT,
			"a snapshot needs a box that is idle, running or paused");
	crypto_random_hex(id + strlen(id), 8);
	if (add_row(boxes, &row, id, name, cancel, err) < 0 ||
		start(boxes, id, row.id, cancel, err) < 0 ||
		store_box_snapshot_get(
			boxes->options.store, who->account, id, &snapshot, err) < 0)
		return -1;
	*ret = snapshot_json(&snapshot);
	return 0;
}

/* ---- looking --------------------------------------------------------------------------- */

int boxes_snapshot_list(struct boxes *boxes, const struct box_caller *who,
	const char *box, json_t **ret, struct err *err)
{
	CLEANUP(store_box) struct store_box row = {0};
	CLEANUP(store_box_snapshots) struct store_box_snapshots rows = {0};
	struct err missing = {0};
	const char *id = box;

	/* The snapshots of a box that is gone are still those of its id. */
	if (box && boxes_find(boxes, who, box, &row, &missing) == 0)
		id = row.id;
	else if (box && missing.kind != ERR_NOT_FOUND) {
		*err = missing;
		return -1;
	}
	if (store_box_snapshot_list(boxes->options.store, who->account, id, &rows, err) <
		0)
		return -1;
	if (missing.kind == ERR_NOT_FOUND && rows.count == 0) {
		*err = missing;
		return -1;
	}
	json_t *list = json_array();
	for (size_t i = 0; i < rows.count; i++) {
		if (rows.rows[i].state != STORE_SNAPSHOT_DELETING)
			json_array_append_new(list, snapshot_json(&rows.rows[i]));
	}
	*ret = json_object();
	json_put(*ret, "snapshots", list);
	return 0;
}

/* ---- deleting -------------------------------------------------------------------------- */

/* The image goes while its row still says so, for a restart would not find it otherwise; and
 * once more without the row, for two that stand on one image may go side by side. */
static int remove_one(struct boxes *boxes, const struct store_box_snapshot *row,
	struct cancel *cancel, struct err *err)
{
	if (store_box_snapshot_set_state(boxes->options.store, row->id,
		    STORE_SNAPSHOT_ANY, STORE_SNAPSHOT_DELETING, NULL, cancel, err) < 0)
		return -1;
	snapshot_image_drop(boxes, row->image, 0, 1);
	if (store_box_snapshot_delete(boxes->options.store, row->id, boxes->stop, err) <
		0)
		return -1;
	snapshot_image_drop(boxes, row->image, 0, 0);
	return 0;
}

int boxes_snapshot_delete(struct boxes *boxes, const struct box_caller *who,
	const char *box, const char *snapshot, struct cancel *cancel, struct err *err)
{
	CLEANUP(store_box_snapshot) struct store_box_snapshot row = {0};
	CLEANUP(store_box) struct store_box found = {0};
	struct err missing = {0};

	if (boxes_may_write(who, err) < 0 ||
		store_box_snapshot_get(
			boxes->options.store, who->account, snapshot, &row, err) < 0)
		return -1;
	if (boxes_find(boxes, who, box, &found, &missing) == 0)
		box = found.id;
	if (!str_eq(row.box_id, box) || row.state == STORE_SNAPSHOT_DELETING)
		return err_set(err, ERR_NOT_FOUND, "box %.80s has no snapshot %.80s", box,
			snapshot);
	return remove_one(boxes, &row, cancel, err);
}

static bool is_among(const json_t *ids, const char *id)
{
	for (size_t i = 0; i < json_array_size(ids); i++) {
		if (str_eq(json_string_value(json_array_get(ids, i)), id))
			return true;
	}
	return false;
}

int boxes_snapshot_delete_many(struct boxes *boxes, const struct box_caller *who,
	const json_t *body, json_t **ret, struct cancel *cancel, struct err *err)
{
	CLEANUP(store_box_snapshots) struct store_box_snapshots rows = {0};
	const json_t *ids = json_object_get(body, "ids");
	int64_t deleted = 0;

	if (boxes_may_write(who, err) < 0 || (ids && remove_read_ids(ids, err) < 0) ||
		store_box_snapshot_list(
			boxes->options.store, who->account, NULL, &rows, err) < 0)
		return -1;
	for (size_t i = 0; i < rows.count; i++) {
		if (rows.rows[i].state == STORE_SNAPSHOT_DELETING ||
			(ids && !is_among(ids, rows.rows[i].id)))
			continue;
		if (remove_one(boxes, &rows.rows[i], cancel, err) < 0)
			return -1;
		deleted++;
	}
	*ret = json_object();
	json_put(*ret, "deleted", json_integer(deleted));
	return 0;
}

/* ---- after a restart ------------------------------------------------------------------- */

void snapshot_recover(struct boxes *boxes, const struct store_box_snapshot *row)
{
	struct snapshot_info info = {0};
	char tag[TAG_SIZE];
	struct err err = {0};

	if (row->state == STORE_SNAPSHOT_DELETING) {
		remove_one(boxes, row, boxes->stop, &err);
		return;
	}
	tag_of(row->id, tag);
	if (snapshot_find(boxes->options.core, tag, &info, boxes->stop, &err) == 0)
		store_box_snapshot_set_ready(boxes->options.store, row->id, info.image,
			info.size_bytes, boxes->stop, &err);
	else if (err.kind == ERR_NOT_FOUND)
		store_box_snapshot_set_state(boxes->options.store, row->id,
			STORE_SNAPSHOT_IN(STORE_SNAPSHOT_CREATING), STORE_SNAPSHOT_ERROR,
			"the service was stopped while it was made", boxes->stop, &err);
}
