/* SPDX-License-Identifier: MIT */
/*
 * All that is periodic.
 *
 * A round only looks at rows and hands out work; what takes long is done on the crew, one
 * look at a time: a look at boxes that lasts longer than its interval is not started again.
 */
#define LOG_MODULE "boxes"
#include "service/box/boxes-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/parts.h"
#include "service/store/store_account.h"

#include <stdio.h>
#include <string.h>

#define MINUTE_MS 60000
#define FLUSH_MS 5000        /* activity is written down */
#define LOOK_MS 15000        /* meters, and boxes that stopped by themselves */
#define DISK_MS 600000       /* disks are measured */
#define ORPHANS_MS 600000    /* containers of nobody */
#define AGAIN_MS 30000       /* deletions that failed */
#define STORAGE_MS MINUTE_MS /* snapshots are counted */
#define PAGE 200
#define BUSY_SHARE 0.01 /* of one processor: a box that uses more is not idle */
#define STORAGE_KEY "box_storage_ms"
#define MIB (1 << 20)

/* One kind of look, at most one at a time. */
struct look {
	struct boxes *boxes;
	void (*fn)(struct boxes *boxes);
	int64_t every_ms, next_ms;
	bool under_way;
};

enum { LOOK_METERS, LOOK_DISKS, LOOK_LEFT, LOOK_ORPHANS, LOOK_STORAGE, LOOKS };

struct reading {
	char box[64], boot[40];
	int64_t cpu_us, at_ms;
};

struct ticker {
	int64_t flush_ms; /* when activity goes to the rows again; of boxes_tick() alone */
	struct lock lock; /* of the looks */
	struct look looks[LOOKS];
	/* The last reading of each box that ran then; of the look at meters alone. */
	struct reading *readings;
	size_t nreadings;
};

/* ---- meters, and boxes that stopped by themselves --------------------------------------- */

static const struct reading *last_reading(
	const struct ticker *ticker, const char *box, const char *boot)
{
	for (size_t i = 0; i < ticker->nreadings; i++) {
		if (str_eq(ticker->readings[i].box, box))
			return str_eq(ticker->readings[i].boot, boot)
				       ? &ticker->readings[i]
				       : NULL;
	}
	return NULL;
}

static bool is_busy(const struct reading *before, const struct reading *now)
{
	int64_t used_us = now->cpu_us - (before ? before->cpu_us : 0);
	int64_t past_ms = now->at_ms - (before ? before->at_ms : 0);

	return before && past_ms > 0 &&
	       (double)used_us > BUSY_SHARE * 1000.0 * (double)past_ms;
}

/* It had stopped, and somebody's work started it again before we saw it. */
static void note_restart(struct boxes *boxes, const char *id)
{
	CLEANUP(store_box) struct store_box row = {0};
	struct box_stats stats = {0};
	struct err err = {0};

	if (active_seize(boxes->active, id, true, boxes->stop, &err) < 0)
		return; /* the next look sees it too */
	if (store_box_get(boxes->options.store, id, &row, &err) == 0 &&
		row.state == STORE_BOX_READY &&
		box_stats(boxes->options.core, id, &stats, boxes->stop, &err) == 0) {
		if (row.boot && !str_eq(row.boot, stats.boot)) {
			boxes_log(boxes, id, "warn", "system",
				"the box had stopped by itself and was started again");
			box_init_start(boxes, &row);
		}
		box_meter_note(boxes, id, &stats);
	}
	active_yield(boxes->active, id);
}

static void look_at_one(
	struct boxes *boxes, const struct store_box *row, struct reading *reading)
{
	struct box_stats stats = {0};
	struct err err = {0};

	if (box_stats(boxes->options.core, row->id, &stats, boxes->stop, &err) < 0) {
		if (err.kind == ERR_CONFLICT || err.kind == ERR_NOT_FOUND)
			box_found_stopped(boxes, row->id);
		return;
	}
	if (row->boot && !str_eq(row->boot, stats.boot)) {
		note_restart(boxes, row->id);
		return;
	}
	str_copy(reading->box, sizeof reading->box, row->id);
	str_copy(reading->boot, sizeof reading->boot, stats.boot);
	reading->cpu_us = stats.cpu_us;
	reading->at_ms = clock_mono_ms();
	if (is_busy(last_reading(boxes->ticker, row->id, stats.boot), reading))
		active_note(boxes->active, row->id, clock_wall_ms());
	box_meter_note(boxes, row->id, &stats);
}

static void look_at_meters(struct boxes *boxes)
{
	struct ticker *ticker = boxes->ticker;
	CLEANUP(store_boxes) struct store_boxes rows = {0};
	size_t kept = 0;
	struct err err = {0};

	if (store_box_list_in(
		    boxes->options.store, STORE_BOX_IN(STORE_BOX_READY), &rows, &err) < 0)
		return;
	struct reading *readings =
		mem_array(rows.count ? rows.count : 1, sizeof *readings);
	for (size_t i = 0; i < rows.count && !cancel_fired(boxes->stop); i++) {
		look_at_one(boxes, &rows.rows[i], &readings[kept]);
		if (readings[kept].box[0])
			kept++;
	}
	free(ticker->readings);
	ticker->readings = readings;
	ticker->nreadings = kept;
}

/* ---- disks ----------------------------------------------------------------------------- */

static void look_at_disks(struct boxes *boxes)
{
	CLEANUP(store_boxes) struct store_boxes rows = {0};
	struct err err = {0};

	if (store_box_list_in(boxes->options.store,
		    STORE_BOX_IN(STORE_BOX_READY) | STORE_BOX_IN(STORE_BOX_PAUSED), &rows,
		    &err) < 0)
		return;
	for (size_t i = 0; i < rows.count && !cancel_fired(boxes->stop); i++) {
		const struct store_box *row = &rows.rows[i];
		int64_t bytes = row->disk_bytes;

		/* What sleeps does not grow. */
		if ((row->state == STORE_BOX_READY || row->disk_ms == 0 ||
			    row->disk_ms < row->active_ms) &&
			box_disk(boxes->options.core, row->id, &bytes, boxes->stop,
				&err) < 0)
			continue;
		store_box_set_disk(boxes->options.store, row->id, bytes, clock_wall_ms());
	}
}

/* ---- snapshots' storage ---------------------------------------------------------------- */

static int64_t last_counted(struct boxes *boxes, int64_t now_ms)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(64);
	struct err ignored = {0};
	int64_t last_ms;

	if (store_setting_get(boxes->options.store, STORAGE_KEY, &text, &ignored) < 0 ||
		!str_to_i64(strbuf_str(&text), 0, now_ms, &last_ms))
		return now_ms;
	return last_ms;
}

/* The time is put down first: a crash in between loses a minute and counts none twice. */
static void count_storage(struct boxes *boxes)
{
	CLEANUP(store_box_snapshots) struct store_box_snapshots rows = {0};
	int64_t now = clock_wall_ms(), last = last_counted(boxes, now);
	char text[32];
	struct err err = {0};

	snprintf(text, sizeof text, "%lld", (long long)now);
	if (store_box_snapshot_list_in(boxes->options.store,
		    STORE_SNAPSHOT_IN(STORE_SNAPSHOT_READY), &rows, &err) < 0 ||
		store_setting_put(
			boxes->options.store, STORAGE_KEY, text, boxes->stop, &err) < 0)
		return;
	for (size_t i = 0; i < rows.count; i++) {
		struct store_usage add = {
			.storage_mb_s = (int64_t)((double)rows.rows[i].size_bytes / MIB *
						  (double)(now - last) / 1000.0),
		};
		store_account_usage_add(
			boxes->options.store, rows.rows[i].account, &add, now);
	}
}

/* ---- what was left ---------------------------------------------------------------------- */

static void look_at_left(struct boxes *boxes)
{
	CLEANUP(store_boxes) struct store_boxes rows = {0};
	struct err err = {0};

	if (store_box_list_in(boxes->options.store, STORE_BOX_IN(STORE_BOX_DELETING),
		    &rows, &err) < 0)
		return;
	for (size_t i = 0; i < rows.count && !cancel_fired(boxes->stop); i++) {
		if (box_remove(boxes, rows.rows[i].id, &err) < 0)
			log_debug("box %s cannot be deleted: %s", rows.rows[i].id,
				err.text);
	}
}

/* A row comes before its container and goes after it, so a container without one is no
 * box's any more.  (Those of tasks are task_clean()'s.) */
void tick_orphans(struct boxes *boxes)
{
	CLEANUP(mem) struct box_info *infos = NULL;
	size_t count = 0;
	struct err err = {0};

	if (box_list(boxes->options.core, &infos, &count, boxes->stop, &err) < 0)
		return;
	for (size_t i = 0; i < count && !cancel_fired(boxes->stop); i++) {
		CLEANUP(store_box) struct store_box row = {0};
		struct err missing = {0};

		if (box_is_of_task(infos[i].id) ||
			store_box_get(
				boxes->options.store, infos[i].id, &row, &missing) == 0 ||
			missing.kind != ERR_NOT_FOUND)
			continue;
		if (box_delete(boxes->options.core, infos[i].id, boxes->stop, &missing) ==
			0)
			log_info("deleted box=%s, nobody knows it", infos[i].id);
	}
}

/* ---- idle and expired boxes ------------------------------------------------------------ */

struct sleepy {
	struct boxes *boxes;
	char id[64];
	int64_t before_ms;
	int64_t minutes;
};

static void put_one_to_sleep(void *arg)
{
	CLEANUP(mem) struct sleepy *sleepy = arg;
	char reason[64];
	struct err err = {0};

	snprintf(reason, sizeof reason, "idle for %lld minute%s",
		(long long)sleepy->minutes, sleepy->minutes == 1 ? "" : "s");
	if (box_put_to_sleep(sleepy->boxes, sleepy->id, reason, true, sleepy->before_ms,
		    &err) < 0 &&
		err.kind != ERR_CONFLICT && err.kind != ERR_NOT_FOUND)
		log_warn("box %s cannot be paused: %s", sleepy->id, err.text);
}

static void pause_idle(struct boxes *boxes, int64_t now_ms)
{
	CLEANUP(store_boxes) struct store_boxes rows = {0};
	int64_t minutes = boxes->options.config->box_idle_pause_minutes;
	int64_t before = now_ms - minutes * MINUTE_MS;
	struct err err = {0};

	if (minutes == 0 ||
		store_box_list_idle(boxes->options.store, before, PAGE, &rows, &err) < 0)
		return;
	for (size_t i = 0; i < rows.count; i++) {
		struct active_counts counts = active_look(boxes->active, rows.rows[i].id);

		if (counts.runs + counts.quiet > 0 || counts.seized ||
			counts.active_ms > before)
			continue;
		struct sleepy *sleepy = mem_zalloc(sizeof *sleepy);
		*sleepy = (struct sleepy){
			.boxes = boxes, .before_ms = before, .minutes = minutes};
		str_copy(sleepy->id, sizeof sleepy->id, rows.rows[i].id);
		if (crew_run(boxes->crew, CREW_KEEP, put_one_to_sleep, sleepy, &err) < 0)
			free(sleepy);
	}
}

static void remove_one(void *arg)
{
	CLEANUP(mem) struct sleepy *expired = arg;
	struct err err = {0};

	if (box_remove(expired->boxes, expired->id, &err) < 0)
		log_debug("box %s cannot be deleted: %s", expired->id, err.text);
}

static void delete_expired(struct boxes *boxes, int64_t now_ms)
{
	CLEANUP(store_boxes) struct store_boxes rows = {0};
	struct err err = {0};

	if (store_box_list_expired(boxes->options.store, now_ms, PAGE, &rows, &err) < 0)
		return;
	for (size_t i = 0; i < rows.count; i++) {
		struct sleepy *expired = mem_zalloc(sizeof *expired);

		expired->boxes = boxes;
		str_copy(expired->id, sizeof expired->id, rows.rows[i].id);
		log_info("box=%s has expired", expired->id);
		if (box_condemn(boxes, expired->id, &err) < 0 ||
			crew_run(boxes->crew, CREW_KEEP, remove_one, expired, &err) < 0)
			free(expired);
	}
}

/* ---- rounds ---------------------------------------------------------------------------- */

static void note_active(void *arg, const char *box, int64_t active_ms)
{
	struct boxes *boxes = arg;

	if (!box_is_of_task(box))
		store_box_touch(boxes->options.store, box, active_ms);
}

static void look_main(void *arg)
{
	struct look *look = arg;
	struct ticker *ticker = look->boxes->ticker;

	look->fn(look->boxes);
	LOCKED(&ticker->lock);
	look->under_way = false;
}

static void start_looks(struct boxes *boxes, int64_t mono_ms)
{
	struct ticker *ticker = boxes->ticker;
	struct err ignored = {0};

	for (int i = 0; i < LOOKS; i++) {
		struct look *look = &ticker->looks[i];

		lock_take(&ticker->lock);
		bool due = !look->under_way && mono_ms >= look->next_ms;
		if (due) {
			look->boxes = boxes;
			look->under_way = true;
			look->next_ms = mono_ms + look->every_ms;
		}
		lock_give(&ticker->lock);
		if (due &&
			crew_run(boxes->crew, CREW_KEEP, look_main, look, &ignored) < 0) {
			LOCKED(&ticker->lock);
			look->under_way = false;
		}
	}
}

void boxes_tick(struct boxes *boxes, int64_t now_ms, struct cancel *cancel)
{
	int64_t mono_ms = clock_mono_ms();

	if (mono_ms >= boxes->ticker->flush_ms) {
		active_flush(boxes->active, now_ms, note_active, boxes);
		boxes->ticker->flush_ms = mono_ms + FLUSH_MS;
	}
	start_looks(boxes, mono_ms);
	delete_expired(boxes, now_ms);
	pause_idle(boxes, now_ms);
	webhooks_tick(boxes, now_ms, cancel);
	schedules_tick(boxes, now_ms, cancel);
}

struct ticker *ticker_new(void)
{
	struct ticker *ticker = mem_zalloc(sizeof *ticker);
	static const struct {
		void (*fn)(struct boxes *boxes);
		int64_t every_ms, first_ms;
	} kinds[LOOKS] = {
		[LOOK_METERS] = {look_at_meters, LOOK_MS, 0},
		[LOOK_DISKS] = {look_at_disks, DISK_MS, MINUTE_MS},
		[LOOK_LEFT] = {look_at_left, AGAIN_MS, AGAIN_MS},
		[LOOK_ORPHANS] = {tick_orphans, ORPHANS_MS, ORPHANS_MS},
		[LOOK_STORAGE] = {count_storage, STORAGE_MS, 0},
	};

	lock_init(&ticker->lock);
	for (int i = 0; i < LOOKS; i++) {
		ticker->looks[i].fn = kinds[i].fn;
		ticker->looks[i].every_ms = kinds[i].every_ms;
		ticker->looks[i].next_ms = clock_mono_ms() + kinds[i].first_ms;
	}
	return ticker;
}

void ticker_free(struct ticker *ticker)
{
	if (!ticker)
		return;
	free(ticker->readings);
	lock_release(&ticker->lock);
	free(ticker);
}
