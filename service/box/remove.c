/* SPDX-License-Identifier: MIT */
/*
 * The end of boxes.
 *
 * First the row says that the box is being deleted, so that nobody finds it any more; then
 * container and row go.  What fails in between is made good by the next round (tick.c).
 */
#include "service/box/boxes-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/parts.h"

#define LAST_READING_MS 2000

/* What it used up to its end belongs to the account. */
static void settle(struct boxes *boxes, const struct store_box *row)
{
	CLEANUP(cancel) struct cancel *patience = cancel_new(boxes->stop);
	struct box_stats stats = {0};
	struct err ignored = {0};

	cancel_deadline(patience, LAST_READING_MS, "the time for a last reading");
	if (row->boot &&
		box_stats(boxes->options.core, row->id, &stats, patience, &ignored) == 0)
		box_meter_note(boxes, row->id, &stats);
	if (row->disk_ms > 0)
		store_box_set_disk(
			boxes->options.store, row->id, row->disk_bytes, clock_wall_ms());
}

static int remove_seized(struct boxes *boxes, const char *id, struct err *err)
{
	CLEANUP(store_box) struct store_box row = {0};
	struct err missing = {0};

	if (store_box_get(boxes->options.store, id, &row, &missing) < 0) {
		if (missing.kind == ERR_NOT_FOUND)
			return 0;
		*err = missing;
		return -1;
	}
	if (boxes_running_count(boxes, id) > 0)
		drives_end_box(boxes, id, "the box was deleted", boxes->stop);
	settle(boxes, &row);
	if (box_delete(boxes->options.core, id, boxes->stop, err) < 0)
		return -1;
	if (row.snapshot_id)
		snapshot_image_drop(boxes, row.image, 1, 0);
	if (store_box_delete(boxes->options.store, id, boxes->stop, err) < 0)
		return -1;
	if (row.snapshot_id)
		snapshot_image_drop(boxes, row.image, 0, 0);
	return 0;
}

int box_remove(struct boxes *boxes, const char *id, struct err *err)
{
	if (active_seize(boxes->active, id, false, boxes->stop, err) < 0)
		return -1;
	int rc = remove_seized(boxes, id, err);
	active_yield(boxes->active, id);
	return rc;
}

/* From here on nobody finds it; what fails afterwards is made good by the next round. */
int box_condemn(struct boxes *boxes, const char *id, struct err *err)
{
	struct store_box_move move = {
		.from = STORE_BOX_ANY,
		.to = STORE_BOX_DELETING,
		.now_ms = clock_wall_ms(),
	};

	if (store_box_set_state(boxes->options.store, id, &move, boxes->stop, err) < 0)
		return -1;
	making_stop(boxes, id);
	return 0;
}

int boxes_delete(struct boxes *boxes, const struct box_caller *who, const char *box,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(store_box) struct store_box row = {0};

	if (boxes_may_write(who, err) < 0 || cancel_check(cancel, err) < 0 ||
		boxes_find(boxes, who, box, &row, err) < 0)
		return -1;
	if (box_is_of_task(row.id))
		return box_delete(boxes->options.core, row.id, cancel, err);
	if (box_condemn(boxes, row.id, err) < 0)
		return -1;
	return box_remove(boxes, row.id, err);
}

/* ---- delete many ----------------------------------------------------------------------- */

/* Deletions side by side; who asked waits for the last. */
struct removal {
	struct boxes *boxes;
	struct lock lock;
	struct cond changed;
	int left;
	struct err err; /* the first one's */
};

struct removal_part {
	struct removal *removal;
	char id[64];
};

static void remove_part(void *arg)
{
	struct removal_part *part = arg;
	struct removal *removal = part->removal;
	struct err err = {0};

	box_remove(removal->boxes, part->id, &err);
	free(part);
	LOCKED(&removal->lock);
	if (err.kind != ERR_NONE && removal->err.kind == ERR_NONE)
		removal->err = err;
	removal->left--;
	cond_wake_all(&removal->changed);
}

static void remove_aside(struct removal *removal, const char *id)
{
	struct removal_part *part = mem_zalloc(sizeof *part);
	struct err err = {0};

	part->removal = removal;
	str_copy(part->id, sizeof part->id, id);
	lock_take(&removal->lock);
	removal->left++;
	lock_give(&removal->lock);
	if (crew_run(removal->boxes->crew, CREW_KEEP, remove_part, part, &err) < 0)
		remove_part(part);
}

static int wait_for_all(struct removal *removal, struct err *err)
{
	lock_take(&removal->lock);
	while (removal->left > 0)
		cond_wait(&removal->changed, &removal->lock);
	lock_give(&removal->lock);
	cond_release(&removal->changed);
	lock_release(&removal->lock);
	if (removal->err.kind == ERR_NONE)
		return 0;
	*err = removal->err;
	return -1;
}

int boxes_delete_many(struct boxes *boxes, const struct box_caller *who,
	const json_t *body, json_t **ret, struct cancel *cancel, struct err *err)
{
	struct removal removal = {.boxes = boxes};
	const json_t *ids = json_object_get(body, "ids");
	int64_t deleted = 0;

	if (boxes_may_write(who, err) < 0 || remove_read_ids(ids, err) < 0)
		return -1;
	lock_init(&removal.lock);
	cond_init(&removal.changed);
	for (size_t i = 0; i < json_array_size(ids) && !cancel_fired(cancel); i++) {
		CLEANUP(store_box) struct store_box row = {0};
		struct err missing = {0};

		if (boxes_find(boxes, who, json_string_value(json_array_get(ids, i)),
			    &row, &missing) < 0 ||
			box_is_of_task(row.id) ||
			box_condemn(boxes, row.id, &missing) < 0)
			continue;
		remove_aside(&removal, row.id);
		deleted++;
	}
	if (wait_for_all(&removal, err) < 0)
		return -1;
	*ret = json_pack("{s:I}", "deleted", (json_int_t)deleted);
	return 0;
}

int remove_read_ids(const json_t *ids, struct err *err)
{
	if (!json_is_array(ids))
		return err_set(err, ERR_INPUT, "`ids` must be a list of texts");
	if (json_array_size(ids) > LIMIT_BOX_IDS)
		return err_set(
			err, ERR_LIMIT, "`ids` has more than %d entries", LIMIT_BOX_IDS);
	for (size_t i = 0; i < json_array_size(ids); i++) {
		if (!json_is_string(json_array_get(ids, i)))
			return err_set(err, ERR_INPUT, "`ids` must be a list of texts");
	}
	return 0;
}
