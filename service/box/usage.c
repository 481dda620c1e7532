/* SPDX-License-Identifier: MIT */
/* Logs of boxes, and what accounts have used. */
#include "service/box/boxes-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/parts.h"
#include "service/store/store_account.h"
#include "service/store/store_box_log.h"

#include <string.h>

#define DAYS 90
#define DAY_S (24 * 3600)
#define DAY_SIZE 11 /* "2026-01-31" */
#define MIB_PER_GIB 1024.0
#define MONTH_S (30.0 * DAY_S)

int boxes_logs(struct boxes *boxes, const struct box_caller *who, const char *box,
	int64_t offset, int64_t limit, json_t **ret, struct err *err)
{
	CLEANUP(store_box) struct store_box row = {0};
	CLEANUP(store_box_logs) struct store_box_logs lines = {0};

	if (boxes_find(boxes, who, box, &row, err) < 0 ||
		store_box_log_list(
			boxes->options.store, row.id, offset, limit, &lines, err) < 0)
		return -1;
	json_t *logs = json_array();
	for (size_t i = 0; i < lines.count; i++) {
		const struct store_box_log *line = &lines.rows[i];
		json_t *o = json_object();

		json_put(o, "timestamp", json_integer(line->at_ms / 1000));
		json_put(o, "level", json_str(line->level));
		json_put(o, "source", json_str(line->source));
		json_put(o, "message", json_str(line->message));
		json_array_append_new(logs, o);
	}
	*ret = json_object();
	json_put(*ret, "logs", logs);
	return 0;
}

/* ---- usage ----------------------------------------------------------------------------- */

static double storage_usd(const struct boxes *boxes, int64_t mb_s)
{
	return (double)mb_s / MIB_PER_GIB / MONTH_S *
	       boxes->options.config->box_price_storage_gb_month;
}

static json_t *usage_json(const struct boxes *boxes, const struct store_usage *usage)
{
	double storage = storage_usd(boxes, usage->storage_mb_s);
	json_t *o = json_object();

	json_put(o, "cpu_ns", json_integer(usage->cpu_us * 1000));
	json_put(o, "storage_gb_hours",
		json_real((double)usage->storage_mb_s / MIB_PER_GIB / 3600.0));
	json_put(o, "runs", json_integer(usage->runs));
	json_put(o, "input_tokens", json_integer(usage->tokens_in));
	json_put(o, "output_tokens", json_integer(usage->tokens_out));
	json_put(o, "compute_cost_usd", json_real(usage->compute_usd));
	json_put(o, "storage_cost_usd", json_real(storage));
	json_put(o, "token_cost_usd", json_real(usage->tokens_usd));
	json_put(o, "cost_usd",
		json_real(usage->compute_usd + storage + usage->tokens_usd));
	return o;
}

static json_t *box_usage_json(struct boxes *boxes, const struct store_box *row)
{
	struct active_counts counts = active_look(boxes->active, row->id);
	json_t *o = json_object();

	json_put(o, "id", json_str(row->id));
	json_put(o, "name", json_str(row->name));
	json_put(o, "status", json_str(box_status(row, &counts)));
	json_put(o, "size", json_str(row->size));
	json_put(o, "cpu_ns", json_integer(row->cpu_us * 1000));
	json_put(o, "run_cpu_ns", json_integer(row->run_cpu_us * 1000));
	json_put(o, "memory_peak_bytes", json_integer(row->memory_peak));
	json_put(o, "disk_bytes", json_integer(row->disk_bytes));
	json_put(o, "input_tokens", json_integer(row->tokens_in));
	json_put(o, "output_tokens", json_integer(row->tokens_out));
	json_put(o, "compute_cost_usd", json_real(row->compute_usd));
	json_put(o, "token_cost_usd", json_real(row->tokens_usd));
	json_put(o, "cost_usd", json_real(row->compute_usd + row->tokens_usd));
	json_put(o, "created_at", json_integer(row->created_ms / 1000));
	return o;
}

static void day_of(int64_t wall_s, char ret_day[CLOCK_ISO_SIZE])
{
	clock_iso(wall_s, ret_day, CLOCK_ISO_SIZE);
	ret_day[DAY_SIZE - 1] = '\0';
}

static int put_days(struct boxes *boxes, const struct box_caller *who, json_t *answer,
	struct err *err)
{
	CLEANUP(store_usages) struct store_usages rows = {0};
	struct store_usage total = {0};
	char first[CLOCK_ISO_SIZE], last[CLOCK_ISO_SIZE];

	day_of(clock_wall_s() - (int64_t)(DAYS - 1) * DAY_S, first);
	day_of(clock_wall_s(), last);
	if (store_account_usage_list(
		    boxes->options.store, who->account, first, last, &rows, err) < 0)
		return -1;
	json_t *days = json_array();
	for (size_t i = 0; i < rows.count; i++) {
		const struct store_usage *row = &rows.rows[i];
		json_t *day = usage_json(boxes, row);

		json_put(day, "day", json_str(row->day));
		json_array_append_new(days, day);
		total.cpu_us += row->cpu_us;
		total.storage_mb_s += row->storage_mb_s;
		total.runs += row->runs;
		total.tokens_in += row->tokens_in;
		total.tokens_out += row->tokens_out;
		total.compute_usd += row->compute_usd;
		total.tokens_usd += row->tokens_usd;
	}
	json_put(answer, "days", days);
	json_put(answer, "total", usage_json(boxes, &total));
	return 0;
}

/* The meters of the boxes that run, now: who asks wants the present figure. */
static void read_meters(
	struct boxes *boxes, const struct store_boxes *rows, struct cancel *cancel)
{
	for (size_t i = 0; i < rows->count && !cancel_fired(cancel); i++) {
		if (rows->rows[i].state == STORE_BOX_READY)
			boxes_meter(boxes, rows->rows[i].id, cancel);
	}
}

int boxes_usage(struct boxes *boxes, const struct box_caller *who, json_t **ret,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(store_boxes) struct store_boxes before = {0};
	CLEANUP(store_boxes) struct store_boxes rows = {0};
	CLEANUP(json) json_t *answer = json_object();
	json_t *list = json_array();

	json_put(answer, "boxes", list);
	if (store_box_list(boxes->options.store, who->account, &before, err) < 0)
		return -1;
	read_meters(boxes, &before, cancel);
	if (store_box_list(boxes->options.store, who->account, &rows, err) < 0)
		return -1;
	for (size_t i = 0; i < rows.count; i++) {
		if (rows.rows[i].state != STORE_BOX_DELETING)
			json_array_append_new(list, box_usage_json(boxes, &rows.rows[i]));
	}
	if (put_days(boxes, who, answer, err) < 0)
		return -1;
	*ret = TAKE(answer);
	return 0;
}
