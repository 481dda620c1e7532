/* SPDX-License-Identifier: MIT */
/* Work in a box: it is found, woken, and held awake. */
#include "service/box/boxes-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/parts.h"

#include <string.h>

static int refuse_state(const struct store_box *row, struct err *err)
{
	const char *name = row->name ? row->name : row->id;

	switch (row->state) {
	case STORE_BOX_CREATING:
		return err_set(err, ERR_CONFLICT,
			"box %s is still being made (its status is creating)", name);
	case STORE_BOX_ERROR:
		return err_set(err, ERR_CONFLICT,
			"box %s cannot be used (its status is error): %s", name,
			row->error ? row->error : "no reason is known");
	case STORE_BOX_DELETING:
		return err_set(err, ERR_NOT_FOUND, "there is no box %s", name);
	case STORE_BOX_READY:
	case STORE_BOX_PAUSED: break;
	}
	return 0;
}

/* Holds the box of `row`, which is usable.  1: what the row says may be old by now. */
static int hold_once(struct boxes *boxes, const struct box_caller *who, bool run,
	const char *why, uint64_t turns, struct store_box *row, struct cancel *cancel,
	struct err *err)
{
	if (row->state == STORE_BOX_PAUSED) {
		if (!who->write)
			return err_set(err, ERR_DENIED,
				"box %s is paused, and a key that may only look does not "
				"wake it",
				row->name ? row->name : row->id);
		return box_wake(boxes, row, why, true, run, cancel, err);
	}
	if (active_hold(boxes->active, row->id, run, cancel, err) < 0)
		return -1;
	if (active_turns(boxes->active) == turns)
		return 0;
	active_release(boxes->active, row->id, run, clock_wall_ms());
	return 1;
}

int box_work_begin(struct boxes *boxes, const struct box_caller *who, const char *box,
	enum box_work_kind kind, const char *why, struct box_work *ret_work,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(store_box) struct store_box row = {0};
	int rc;

	do {
		uint64_t turns = active_turns(boxes->active);

		if (cancel_check(cancel, err) < 0 ||
			boxes_find(boxes, who, box, &row, err) < 0 ||
			refuse_state(&row, err) < 0)
			return -1;
		rc = hold_once(
			boxes, who, kind == BOX_WORK_RUN, why, turns, &row, cancel, err);
	} while (rc == 1);
	if (rc < 0)
		return -1;
	*ret_work =
		(struct box_work){.boxes = boxes, .row = row, .kind = kind, .held = true};
	memset(&row, 0, sizeof row);
	return 0;
}

void box_work_release(struct box_work *work)
{
	if (work->held)
		active_release(work->boxes->active, work->row.id,
			work->kind == BOX_WORK_RUN, clock_wall_ms());
	store_box_release(&work->row);
	*work = (struct box_work){0};
}

int boxes_running_count(struct boxes *boxes, const char *box_id)
{
	return active_look(boxes->active, box_id).runs;
}

int boxes_held_count(struct boxes *boxes, const char *box_id)
{
	struct active_counts counts = active_look(boxes->active, box_id);

	return counts.runs + counts.quiet;
}
