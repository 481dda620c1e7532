/* SPDX-License-Identifier: MIT */
/*
 * Wake, pause and delete.
 *
 * Each is done by one who has seized the box, reads the row anew, changes the container and
 * then the row.  Once begun none is given up because its caller went away: a change that is
 * half done is worse than one that nobody waits for.  If the process dies in between, the
 * row says what to do at the next start (boxes.c) or look (tick.c).
 */
#include "service/box/boxes-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/parts.h"

#include <string.h>

#define USABLE (STORE_BOX_IN(STORE_BOX_READY) | STORE_BOX_IN(STORE_BOX_PAUSED))

/* The row as it is now that we have the box; ERR_NOT_FOUND when it is being deleted. */
static int read_again(
	struct boxes *boxes, const char *id, struct store_box *row, struct err *err)
{
	CLEANUP(mem) char *name = mem_strdup(id); /* may stand in the row */

	store_box_release(row);
	*row = (struct store_box){0};
	if (store_box_get(boxes->options.store, name, row, err) < 0)
		return -1;
	if (row->state == STORE_BOX_DELETING)
		return err_set(err, ERR_NOT_FOUND, "there is no box %s", name);
	return 0;
}

/* ---- wake ------------------------------------------------------------------------------ */

/* A container that went away by other hands is the end of its box. */
static int note_lost(
	struct boxes *boxes, const struct store_box *row, const struct err *why)
{
	struct store_box_move move = {
		.from = USABLE,
		.to = STORE_BOX_ERROR,
		.error = "its container is gone from the Engine",
		.now_ms = clock_wall_ms(),
	};
	struct err ignored = {0};

	if (why->kind != ERR_NOT_FOUND)
		return -1;
	boxes_log(boxes, row->id, "error", "system", "%s", move.error);
	return store_box_set_state(
		boxes->options.store, row->id, &move, boxes->stop, &ignored);
}

static int start_again(struct boxes *boxes, struct store_box *row, const char *why,
	struct cancel *cancel, struct err *err)
{
	char reason[128];
	struct store_box_move move = {
		.from = STORE_BOX_IN(STORE_BOX_PAUSED),
		.to = STORE_BOX_READY,
		.wake_reason = reason,
	};

	if (box_apply_network(boxes, row, cancel, err) < 0 ||
		box_resume(boxes->options.core, row->id, cancel, err) < 0) {
		note_lost(boxes, row, err);
		return -1;
	}
	/* The row has to know this boot before anybody looks: another one is a restart. */
	boxes_meter(boxes, row->id, cancel);
	str_copy(reason, sizeof reason, why);
	move.now_ms = clock_wall_ms();
	if (store_box_set_state(boxes->options.store, row->id, &move, boxes->stop, err) <
		0)
		return -1;
	boxes_log(boxes, row->id, "info", "system", "woken by: %s", reason);
	row->state = STORE_BOX_READY;
	free(row->wake_reason);
	row->wake_reason = mem_strdup(reason);
	row->active_ms = move.now_ms;
	box_init_start(boxes, row);
	return 0;
}

static int wake_seized(struct boxes *boxes, struct store_box *row, const char *why,
	struct cancel *cancel, struct err *err)
{
	if (box_is_of_task(row->id))
		return box_resume(boxes->options.core, row->id, cancel, err);
	if (read_again(boxes, row->id, row, err) < 0)
		return -1;
	switch (row->state) {
	case STORE_BOX_READY: return 0;
	case STORE_BOX_PAUSED: return start_again(boxes, row, why, cancel, err);
	case STORE_BOX_CREATING:
	case STORE_BOX_ERROR:
	case STORE_BOX_DELETING: break;
	}
	return err_set(err, ERR_CONFLICT, "box %s cannot be woken: its status is %s",
		row->id, store_box_state_name(row->state));
}

int box_wake(struct boxes *boxes, struct store_box *row, const char *why, bool hold,
	bool run, struct cancel *cancel, struct err *err)
{
	char id[64];

	str_copy(id, sizeof id, row->id);
	if (active_seize(boxes->active, id, false, cancel, err) < 0)
		return -1;
	int rc = wake_seized(boxes, row, why, cancel, err);
	if (rc == 0 && hold)
		active_yield_to_hold(boxes->active, id, run);
	else
		active_yield(boxes->active, id);
	return rc;
}

int boxes_resume(struct boxes *boxes, const struct box_caller *who, const char *box,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(box_work) struct box_work work = {0};

	if (boxes_may_write(who, err) < 0)
		return -1;
	return box_work_begin(
		boxes, who, box, BOX_WORK_QUIET, "resume by the API", &work, cancel, err);
}

/* ---- pause ----------------------------------------------------------------------------- */

static int stop_container(
	struct boxes *boxes, const char *id, const char *reason, struct err *err)
{
	struct box_stats stats = {0};

	if (boxes_running_count(boxes, id) > 0)
		drives_end_box(boxes, id, reason, boxes->stop);
	if (box_pause_stats(boxes->options.core, id, &stats, boxes->stop, err) < 0)
		return -1;
	box_meter_note(boxes, id, &stats);
	return 0;
}

static int sleep_seized(struct boxes *boxes, struct store_box *row, const char *reason,
	int64_t since_ms, struct err *err)
{
	struct store_box_move move = {
		.from = STORE_BOX_IN(STORE_BOX_READY),
		.to = STORE_BOX_PAUSED,
		.pause_reason = reason,
	};

	if (row->state == STORE_BOX_PAUSED)
		return 0;
	if (row->state != STORE_BOX_READY)
		return err_set(err, ERR_CONFLICT,
			"box %s cannot be paused: its status is %s", row->id,
			store_box_state_name(row->state));
	if (row->keep_alive)
		return err_set(err, ERR_CONFLICT,
			"box %s was made with keep_alive and is never paused", row->id);
	if (since_ms > 0 && row->active_ms > since_ms)
		return err_set(err, ERR_CONFLICT, "box %s was used just now", row->id);
	if (stop_container(boxes, row->id, reason, err) < 0) {
		note_lost(boxes, row, err);
		return -1;
	}
	move.now_ms = clock_wall_ms();
	if (store_box_set_state(boxes->options.store, row->id, &move, boxes->stop, err) <
		0)
		return -1;
	boxes_log(boxes, row->id, "info", "system", "paused: %s", reason);
	return 0;
}

int box_put_to_sleep(struct boxes *boxes, const char *id, const char *reason, bool idle,
	int64_t since_ms, struct err *err)
{
	CLEANUP(store_box) struct store_box row = {0};

	if (active_seize(boxes->active, id, idle, boxes->stop, err) < 0)
		return -1;
	int rc = read_again(boxes, id, &row, err);
	if (rc == 0)
		rc = sleep_seized(boxes, &row, reason, since_ms, err);
	active_yield(boxes->active, id);
	return rc;
}

int boxes_pause(struct boxes *boxes, const struct box_caller *who, const char *box,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(store_box) struct store_box row = {0};

	if (boxes_may_write(who, err) < 0 || boxes_find(boxes, who, box, &row, err) < 0)
		return -1;
	if (box_is_of_task(row.id))
		return err_set(err, ERR_CONFLICT,
			"box %s belongs to a task and lives as long as it does", row.id);
	if (cancel_check(cancel, err) < 0)
		return -1;
	return box_put_to_sleep(boxes, row.id, "asked by the API", false, 0, err);
}

void box_found_stopped(struct boxes *boxes, const char *id)
{
	struct box_info info = {0};
	struct err err = {0};
	const char *reason = "its container was stopped";
	struct store_box_move move = {
		.from = STORE_BOX_IN(STORE_BOX_READY),
		.to = STORE_BOX_PAUSED,
	};

	if (active_seize(boxes->active, id, true, boxes->stop, &err) < 0)
		return;
	if (box_get(boxes->options.core, id, &info, boxes->stop, &err) == 0 &&
		info.state == BOX_RUNNING) {
		active_yield(boxes->active, id);
		return;
	}
	if (info.end == BOX_END_MEMORY)
		reason = "it ran out of memory";
	else if (info.end == BOX_END_KILLED)
		reason = "the Engine or the machine was stopped";
	move.pause_reason = reason;
	move.now_ms = clock_wall_ms();
	if (err.kind == ERR_NOT_FOUND) {
		struct store_box row = {.id = info.id};

		str_copy(info.id, sizeof info.id, id);
		note_lost(boxes, &row, &err);
	} else if (err.kind == ERR_NONE && store_box_set_state(boxes->options.store, id,
						   &move, boxes->stop, &err) == 0) {
		boxes_log(boxes, id, "warn", "system",
			"paused: %s; it wakes with the next work", reason);
	}
	active_yield(boxes->active, id);
}
