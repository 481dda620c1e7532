/* SPDX-License-Identifier: MIT */
/* A box in the words of the API; from its row and what is held in memory alone. */
#include "service/box/boxes-internal.h"

#include "boxcore/base/str.h"
#include "service/box/parts.h"

#include <string.h>

#define MINUTE_MS 60000

const char *box_status(const struct store_box *row, const struct active_counts *counts)
{
	switch (row->state) {
	case STORE_BOX_CREATING: return "creating";
	case STORE_BOX_READY: return counts->runs > 0 ? "running" : "idle";
	case STORE_BOX_PAUSED: return "paused";
	case STORE_BOX_ERROR: return "error";
	case STORE_BOX_DELETING: break;
	}
	return "deleted";
}

/* A column of ours; what cannot be read is left out. */
static json_t *parsed(const char *text)
{
	struct err ignored = {0};

	return str_empty(text) ? NULL : json_parse(text, strlen(text), &ignored);
}

static void put_parsed(json_t *o, const char *key, const char *text)
{
	json_t *value = parsed(text);

	if (value)
		json_put(o, key, value);
}

static void put_text(json_t *o, const char *key, const char *text)
{
	if (!str_empty(text))
		json_put(o, key, json_str(text));
}

static void put_agent(json_t *o, const struct store_box *row)
{
	if (!row->agent)
		return;
	json_put(o, "agent", json_str(row->agent));
	/* Clients take the agent for absent without a model. */
	json_put(o, "model", json_str(str_empty(row->model) ? "default" : row->model));
	put_text(o, "session_id", row->session_id);
}

static void put_figures(json_t *o, const struct store_box *row)
{
	json_put(o, "total_input_tokens", json_integer(row->tokens_in));
	json_put(o, "total_output_tokens", json_integer(row->tokens_out));
	json_put(o, "total_prompts", json_integer(row->prompts));
	json_put(o, "total_cpu_ns", json_integer(row->cpu_us * 1000));
	json_put(o, "total_compute_cost_usd", json_real(row->compute_usd));
	json_put(o, "total_token_cost_usd", json_real(row->tokens_usd));
	json_put(o, "memory_peak_bytes", json_integer(row->memory_peak));
	json_put(o, "disk_bytes", json_integer(row->disk_bytes));
}

/* Why it is as it is, and for how long. */
static void put_reasons(struct boxes *boxes, json_t *o, const struct store_box *row,
	const struct active_counts *counts)
{
	int64_t active_ms =
		counts->active_ms > row->active_ms ? counts->active_ms : row->active_ms;
	int64_t idle_minutes = boxes->options.config->box_idle_pause_minutes;

	json_put(o, "last_activity_at", json_integer(active_ms / 1000));
	if (row->state == STORE_BOX_PAUSED)
		put_text(o, "pause_reason", row->pause_reason);
	if (row->state == STORE_BOX_ERROR)
		put_text(o, "error", row->error);
	if (row->state != STORE_BOX_READY)
		return;
	put_text(o, "wake_reason", row->wake_reason);
	if (counts->runs + counts->quiet > 0)
		return;
	json_put(o, "idle_since", json_integer(active_ms / 1000));
	if (!row->keep_alive && idle_minutes > 0)
		json_put(o, "pauses_at",
			json_integer((active_ms + idle_minutes * MINUTE_MS) / 1000));
}

json_t *box_json(struct boxes *boxes, const struct store_box *row)
{
	struct active_counts counts = active_look(boxes->active, row->id);
	json_t *o = json_object();

	json_put(o, "id", json_str(row->id));
	put_text(o, "name", row->name);
	json_put(o, "customer_id", json_str(row->account));
	json_put(o, "status", json_str(box_status(row, &counts)));
	json_put(o, "runtime", json_str(row->runtime));
	json_put(o, "size", json_str(row->size));
	json_put(o, "keep_alive", json_boolean(row->keep_alive));
	put_parsed(o, "labels", row->labels);
	put_parsed(o, "network_policy", row->network);
	put_parsed(o, "enabled_skills", row->skills);
	put_agent(o, row);
	json_put(o, "ephemeral", json_boolean(row->ephemeral));
	if (row->expires_ms > 0)
		json_put(o, "expires_at", json_integer(row->expires_ms / 1000));
	put_text(o, "snapshot_id", row->snapshot_id);
	put_figures(o, row);
	put_reasons(boxes, o, row, &counts);
	json_put(o, "created_at", json_integer(row->created_ms / 1000));
	json_put(o, "updated_at", json_integer(row->updated_ms / 1000));
	return o;
}

/* ---- looking --------------------------------------------------------------------------- */

int boxes_get(struct boxes *boxes, const struct box_caller *who, const char *box,
	json_t **ret, struct err *err)
{
	CLEANUP(store_box) struct store_box row = {0};

	if (boxes_find(boxes, who, box, &row, err) < 0)
		return -1;
	*ret = box_json(boxes, &row);
	return 0;
}

int boxes_status(struct boxes *boxes, const struct box_caller *who, const char *box,
	json_t **ret, struct err *err)
{
	CLEANUP(store_box) struct store_box row = {0};

	if (boxes_find(boxes, who, box, &row, err) < 0)
		return -1;
	struct active_counts counts = active_look(boxes->active, row.id);
	*ret = json_object();
	json_put(*ret, "status", json_str(box_status(&row, &counts)));
	return 0;
}

static bool has_label(const struct store_box *row, const char *label)
{
	CLEANUP(json) json_t *labels = parsed(row->labels);

	for (size_t i = 0; i < json_array_size(labels); i++) {
		if (str_eq(json_string_value(json_array_get(labels, i)), label))
			return true;
	}
	return false;
}

int boxes_list(struct boxes *boxes, const struct box_caller *who, const char *label,
	json_t **ret, struct err *err)
{
	CLEANUP(store_boxes) struct store_boxes list = {0};

	if (store_box_list(boxes->options.store, who->account, &list, err) < 0)
		return -1;
	json_t *array = json_array();
	for (size_t i = 0; i < list.count; i++) {
		if (list.rows[i].state == STORE_BOX_DELETING ||
			(label && !has_label(&list.rows[i], label)))
			continue;
		json_array_append_new(array, box_json(boxes, &list.rows[i]));
	}
	*ret = array;
	return 0;
}
