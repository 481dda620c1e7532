/* SPDX-License-Identifier: MIT */
/* Reading a run to its end: over lost links, a sink that goes away, a timeout. */
#include "service/box/drive.h"

#include <signal.h>
#include <string.h>

#define LINK_RETRIES 12   /* in a row, without a byte between: about half a minute */
#define LINK_WAIT_MS 4000 /* longest wait before one */
#define ACK_BYTES (256 * LIMIT_KIB) /* output is let go in pieces of this size */
#define CLEAN_MS 5000               /* for what is done after a run */
#define EXIT_TIMEOUT 124

/* ---- the sink -------------------------------------------------------------------------- */

void drive_sink_start(struct drive_sink *to, const struct box_sink *sink)
{
	*to = (struct drive_sink){
		.sink = sink, .gone = !sink, .last_ms = clock_mono_ms()};
}

void drive_sink_write(struct drive_sink *to, bool err_out, const void *data, size_t len)
{
	to->last_ms = clock_mono_ms();
	if (to->gone || !to->sink->write || len == 0)
		return;
	if (to->sink->write(to->sink->arg, err_out, data, len) < 0)
		to->gone = true;
}

static void sink_silent(struct drive_sink *to)
{
	to->last_ms = clock_mono_ms();
	if (!to->gone && to->sink->silent(to->sink->arg) < 0)
		to->gone = true;
}

/* When silence is to be told; 0: never. */
static int64_t silence_at(const struct drive_sink *to)
{
	if (to->gone || !to->sink->silent || to->sink->silence_ms <= 0)
		return 0;
	return to->last_ms + to->sink->silence_ms;
}

/* ---- reading --------------------------------------------------------------------------- */

static int64_t earliest(int64_t a, int64_t b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

/* Makes the link again and takes the run up behind what was read. */
static int take_up(struct box_drive *drive, int try, struct err *err)
{
	int64_t wait = 100L << (try < 6 ? try : 6);
	struct err why = {0};

	run_close(TAKE(drive->run));
	cancel_deadline(drive->wait, 0, NULL);
	if (cancel_sleep(drive->wait, wait < LINK_WAIT_MS ? wait : LINK_WAIT_MS, err) < 0)
		return -1;
	cancel_deadline(drive->wait, 30000, "the limit for reaching the box");
	if (run_attach(drive->boxes->options.core, drive->row.box_id, drive->name,
		    drive->offset, &drive->run, drive->wait, &why) == 0)
		return 0;
	*err = why;
	return -1;
}

enum drive_read drive_read(struct box_drive *drive, struct drive_sink *sink,
	struct run_event *ret_event, struct err *err)
{
	for (int tries = 0;;) {
		int64_t silent = silence_at(sink);
		int64_t until = earliest(silent, drive->timeout_at);
		int64_t left = until - clock_mono_ms();

		cancel_deadline(
			drive->wait, until ? (left > 0 ? left : 1) : 0, "silence");
		if (drive->run &&
			run_read(drive->run, ret_event, drive->wait, err) == 0) {
			drive->offset = ret_event->offset;
			*err = (struct err){0};
			return DRIVE_EVENT;
		}
		if (cancel_fired(drive->boxes->stop))
			return DRIVE_STOPPING;
		int64_t now = clock_mono_ms();
		if (drive->timeout_at && now >= drive->timeout_at) {
			drive->timeout_at = 0;
			return DRIVE_TIMEOUT;
		}
		if (silent && now >= silent) {
			sink_silent(sink);
			continue;
		}
		if (cancel_fired(drive->wait))
			continue; /* the clock was a hair early */
		if (drive->run && err->kind != ERR_TRANSIENT)
			return DRIVE_LOST;
		do {
			if (cancel_fired(drive->boxes->stop))
				return DRIVE_STOPPING;
			if (tries == LINK_RETRIES)
				return DRIVE_LOST;
		} while (take_up(drive, tries++, err) < 0 && err->kind == ERR_TRANSIENT);
		if (cancel_fired(drive->boxes->stop))
			return DRIVE_STOPPING;
		if (!drive->run)
			return DRIVE_LOST;
	}
}

/* What was read up to drive->offset is not asked for again. */
static void drive_ack(struct box_drive *drive)
{
	if (drive->offset - drive->acked < ACK_BYTES || !drive->run)
		return;
	run_ack(drive->run, drive->offset);
	drive->acked = drive->offset;
}

void drive_kill(struct box_drive *drive, int64_t grace_ms)
{
	CLEANUP(cancel) struct cancel *limit = cancel_new(drive->boxes->stop);
	struct err ignored = {0};

	cancel_deadline(limit, grace_ms * 2 + CLEAN_MS, "the limit for ending a run");
	if (grace_ms == 0)
		run_signal(drive->boxes->options.core, drive->row.box_id, drive->name,
			SIGKILL, limit, &ignored);
	else
		run_stop(drive->boxes->options.core, drive->row.box_id, drive->name,
			grace_ms, limit, &ignored);
}

int drive_start(struct box_drive *drive, const struct run_spec *spec,
	struct cancel *cancel, struct err *err)
{
	struct boxcore *core = drive->boxes->options.core;
	struct run_spec named = *spec;

	named.id = drive->name;
	if (run_start(core, drive->row.box_id, &named, &drive->run, cancel, err) == 0)
		return 0;
	struct err again = {0};
	/* The link may have been lost between the request and its answer. */
	if (err->kind != ERR_TRANSIENT || !spec->keep || cancel_fired(cancel) ||
		run_attach(core, drive->row.box_id, drive->name, 0, &drive->run, cancel,
			&again) < 0)
		return -1;
	return 0;
}

/* ---- commands -------------------------------------------------------------------------- */

static void say(struct drive_sink *sink, const char *text)
{
	drive_sink_write(sink, true, text, strlen(text));
}

static void on_timeout(struct box_drive *drive, struct drive_sink *sink)
{
	CLEANUP(mem)
	char *text = mem_printf("boxwright: stopped after its timeout of %lld ms\n",
		(long long)drive->timeout_ms);

	drive->timed_out = true;
	say(sink, text);
	drive_kill(drive, 0);
}

static void remove_temp(struct box_drive *drive)
{
	CLEANUP(cancel) struct cancel *limit = NULL;
	struct err ignored = {0};

	if (!drive->temp_file || (!drive->timed_out && !drive_was_ended(drive)))
		return; /* the run does it by itself */
	limit = cancel_new(drive->boxes->stop);
	cancel_deadline(limit, CLEAN_MS, "the limit for removing a file");
	box_file_remove(drive->boxes->options.core, drive->row.box_id, drive->temp_file,
		false, limit, &ignored);
}

/* Reads to the end; false when the service stops. */
static bool shell_follow(
	struct box_drive *drive, struct drive_sink *sink, struct box_run_end *end)
{
	struct err err = {0};

	for (;;) {
		struct run_event event;
		enum drive_read how = drive_read(drive, sink, &event, &err);

		if (how == DRIVE_STOPPING)
			return false;
		if (how == DRIVE_TIMEOUT) {
			on_timeout(drive, sink);
			continue;
		}
		if (how == DRIVE_LOST ||
			(event.kind == RUN_EXIT && event.exit_code < 0)) {
			if (how == DRIVE_LOST) /* who is told so is right */
				drive_kill(drive, 0);
			end->failed = true;
			snprintf(end->error, sizeof end->error,
				"the command ended with its box: %.440s",
				how == DRIVE_LOST ? err.text : "the box was stopped");
			return true;
		}
		if (event.kind == RUN_EXIT) {
			end->exit_code =
				drive->timed_out ? EXIT_TIMEOUT : event.exit_code;
			end->cpu_us = event.cpu_us;
			end->memory_peak = event.peak_bytes;
			return true;
		}
		drive_sink_write(sink, event.kind == RUN_STDERR, event.data, event.len);
		drive_ack(drive);
	}
}

static void drive_pump_shell(
	struct box_drive *drive, const struct box_sink *sink, struct box_run_end *end)
{
	struct drive_sink to;
	bool finished = true;

	drive_sink_start(&to, sink);
	if (drive->preset_exit > 0) {
		say(&to, drive->preset_text);
		end->exit_code = drive->preset_exit;
	} else {
		finished = shell_follow(drive, &to, end);
	}
	if (!finished) {
		end->failed = true;
		snprintf(end->error, sizeof end->error,
			"the service is stopping; the command goes on in its box");
		return;
	}
	remove_temp(drive);
	struct store_box_run_end row = {
		.state = end->failed || end->exit_code ? STORE_BOX_RUN_FAILED
						       : STORE_BOX_RUN_COMPLETED,
		.exit_code = end->failed ? -1 : end->exit_code,
		.error = end->failed ? end->error : NULL,
		.cpu_us = end->cpu_us,
		.memory_peak = end->memory_peak,
	};
	drive_settle(drive, &row);
}

void box_drive_pump(
	struct box_drive *drive, const struct box_sink *sink, struct box_run_end *ret_end)
{
	CLEANUP(drive) struct box_drive *own = drive;

	*ret_end = (struct box_run_end){.exit_code = -1};
	if (own->kind == DRIVE_AGENT)
		agent_pump(own, sink, ret_end);
	else
		drive_pump_shell(own, sink, ret_end);
	drive_unlist(own);
}
