/* SPDX-License-Identifier: MIT */
/*
 * Taking up what a former process left: runs that still run are driven to their end, those
 * that ended with their box are told so, and what no row knows is ended.
 */
#include "service/box/drive.h"

#include "boxcore/base/log.h"

#include <string.h>

static void settle_lost(struct boxes *boxes, struct store_box_run *run, const char *why)
{
	struct err err = {0};
	struct store_box_run_end end = {
		.state = STORE_BOX_RUN_FAILED,
		.exit_code = -1,
		.error = why,
		.webhook = run->sealed != NULL,
		.completed_ms = clock_wall_ms(),
	};

	boxes_log(boxes, run->box_id, "error", "system", "run %s: %s", run->id, why);
	if (store_box_run_finish(boxes->options.store, run->id, &end, NULL, &err) < 0 &&
		err.kind != ERR_NOT_FOUND && err.kind != ERR_CONFLICT)
		log_line(LOG_WARN, "runs", "the end of run %s is not stored: %s", run->id,
			err.text);
}

/* Where to go on reading a command: nobody has its output any more, the end is enough. */
static uint64_t end_of(const struct run_info *infos, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(infos[i].id, name))
			return infos[i].end;
	return 0;
}

/* The time that is left of what the run was given. */
static void restore_limits(struct box_drive *drive)
{
	const char *text = drive->row.detail ? drive->row.detail : "{}";
	struct err ignored = {0};
	CLEANUP(json) json_t *detail = json_parse(text, strlen(text), &ignored);
	int64_t timeout = json_or_int(detail, "timeout", 0);
	int64_t left = drive->row.created_ms + timeout - clock_wall_ms();

	drive->temp_file = mem_strdup(json_or_string(detail, "file", NULL));
	if (timeout <= 0)
		return;
	drive->timeout_ms = timeout;
	if (left > timeout) /* the clock was set back */
		left = timeout;
	drive->timeout_at = clock_mono_ms() + (left > 0 ? left : 1);
}

/* An Engine that is not there yet is no end of the run: the pump goes on trying. */
static int attach(struct box_drive *drive, const struct run_info *infos, size_t count,
	struct err *err)
{
	CLEANUP(cancel) struct cancel *limit = cancel_new(drive->boxes->stop);

	restore_limits(drive);
	if (drive->kind == DRIVE_AGENT && agent_recover(drive, err) < 0)
		return -1;
	if (drive->kind == DRIVE_SHELL)
		drive->offset = drive->acked = end_of(infos, count, drive->name);
	cancel_deadline(limit, 30000, "the limit for reaching the box");
	if (run_attach(drive->boxes->options.core, drive->row.box_id, drive->name,
		    drive->offset, &drive->run, limit, err) == 0)
		return 0;
	if (err->kind != ERR_TRANSIENT || cancel_fired(drive->boxes->stop))
		return -1;
	*err = (struct err){0};
	return 0;
}

static void pump_alone(struct box_drive *drive)
{
	struct box_run_end end;

	box_drive_pump(drive, NULL, &end);
}

/* A row cancelled meanwhile keeps that state; it only has to be settled. */
static void take_up(struct boxes *boxes, struct store_box_run *row,
	const struct run_info *infos, size_t count)
{
	struct box_caller who = {.account = row->account, .write = true};
	CLEANUP(box_work) struct box_work work = {0};
	struct err err = {0};
	CLEANUP(store_box) struct store_box box = {0};

	if (store_box_get(boxes->options.store, row->box_id, &box, &err) < 0)
		return;
	if (box.state != STORE_BOX_READY ||
		box_work_begin(boxes, &who, row->box_id, BOX_WORK_RUN,
			"a run that was taken up", &work, boxes->stop, &err) < 0) {
		if (!cancel_fired(boxes->stop))
			settle_lost(boxes, row, "the box was stopped");
		return;
	}
	bool agent = row->type == STORE_BOX_RUN_AGENT;
	CLEANUP(drive)
	struct box_drive *drive =
		drive_new(boxes, agent ? DRIVE_AGENT : DRIVE_SHELL, &work);
	store_box_run_release(&drive->row);
	drive->row = *row;
	*row = (struct store_box_run){0};
	str_copy(drive->name, sizeof drive->name, drive->row.id);
	drive->started = true;
	if (drive_list(drive, &err) < 0)
		return;
	if (attach(drive, infos, count, &err) < 0) {
		if (!cancel_fired(boxes->stop))
			settle_lost(boxes, &drive->row,
				err.kind == ERR_NOT_FOUND
					? "the box was stopped, or the service was while "
					  "it started the run"
					: err.text);
		drive_unlist(drive);
		return;
	}
	if (drive->row.state == STORE_BOX_RUN_CANCELLED)
		drive_kill(drive, 0);
	struct box_drive *given = TAKE(drive);
	if (drive_thread(given, pump_alone, &err) < 0) {
		log_line(LOG_WARN, "runs", "run %s is not taken up: %s", given->row.id,
			err.text);
		drive_unlist(given);
		drive_unref(given);
	}
}

static bool is_known(
	const struct store_box_runs *rows, const char *box_id, const char *name)
{
	for (size_t i = 0; i < rows->count; i++) {
		const char *id = rows->rows[i].id;

		if (id && str_eq(rows->rows[i].box_id, box_id) && str_starts(name, id) &&
			(!name[strlen(id)] || str_eq(name + strlen(id), "-2")))
			return true;
	}
	return false;
}

/* Runs of ours that no row knows: the service died between the box's yes and the commit, or
 * between the commit of the end and the box's forgetting. */
static void end_unknown(struct boxes *boxes, const struct store_box_runs *rows,
	const char *box_id, const struct run_info *infos, size_t count)
{
	struct err ignored = {0};

	for (size_t i = 0; i < count; i++) {
		if (!str_starts(infos[i].id, "run-") ||
			drives_have(boxes, box_id, infos[i].id) ||
			is_known(rows, box_id, infos[i].id))
			continue;
		if (!infos[i].exited)
			run_stop(boxes->options.core, box_id, infos[i].id, 0, boxes->stop,
				&ignored);
		run_forget(
			boxes->options.core, box_id, infos[i].id, boxes->stop, &ignored);
	}
}

/* One box at a time, each with one list of its runs. */
static void recover_box(
	struct boxes *boxes, struct store_box_runs *rows, const char *box_id)
{
	CLEANUP(cancel) struct cancel *limit = cancel_new(boxes->stop);
	CLEANUP(mem) struct run_info *infos = NULL;
	size_t count = 0;
	struct err ignored = {0};

	cancel_deadline(limit, 30000, "the limit for reaching the box");
	if (run_list(boxes->options.core, box_id, &infos, &count, limit, &ignored) < 0)
		count = 0;
	end_unknown(boxes, rows, box_id, infos, count);
	for (size_t i = 0; i < rows->count && !cancel_fired(boxes->stop); i++) {
		struct store_box_run *row = &rows->rows[i];

		if (row->id && str_eq(row->box_id, box_id) &&
			row->created_ms < drives_opened_ms(boxes) &&
			!drives_have(boxes, box_id, row->id))
			take_up(boxes, row, infos, count);
	}
}

static void recover(struct boxes *boxes, void *arg)
{
	CLEANUP(store_box_runs) struct store_box_runs rows = {0};
	CLEANUP(store_boxes) struct store_boxes list = {0};
	struct err err = {0};

	(void)arg;
	if (store_box_run_list_open(boxes->options.store, NULL, &rows, &err) < 0 ||
		store_box_list_in(boxes->options.store,
			STORE_BOX_IN(STORE_BOX_READY) | STORE_BOX_IN(STORE_BOX_PAUSED) |
				STORE_BOX_IN(STORE_BOX_ERROR) |
				STORE_BOX_IN(STORE_BOX_DELETING) |
				STORE_BOX_IN(STORE_BOX_CREATING),
			&list, &err) < 0) {
		log_line(LOG_ERROR, "runs", "runs are not taken up: %s", err.text);
		return;
	}
	for (size_t i = 0; i < list.count && !cancel_fired(boxes->stop); i++) {
		bool any = false;

		for (size_t k = 0; k < rows.count && !any; k++)
			any = str_eq(rows.rows[k].box_id, list.rows[i].id);
		if (any || list.rows[i].state == STORE_BOX_READY)
			recover_box(boxes, &rows, list.rows[i].id);
	}
}

void drives_recover(struct boxes *boxes)
{
	struct err err = {0};

	if (drives_spawn(boxes, false, recover, NULL, &err) < 0)
		log_line(LOG_ERROR, "runs", "runs are not taken up: %s", err.text);
}
