/* SPDX-License-Identifier: MIT */
/* Runs as the API shows them, and their cancel. */
#include "service/box/drive.h"
#include "service/store/store_task.h" /* STORE_PAGE_MAX */

#include <string.h>

#define CANCEL_WAIT_MS 4000 /* an agent writes its last line; then it is killed */

/* ---- JSON ------------------------------------------------------------------------------ */

static void put_agent(json_t *json, const struct store_box_run *run)
{
	if (run->model)
		json_put(json, "model", json_str(run->model));
	if (run->output)
		json_put(json, "output", json_str(run->output));
	json_put(json, "cached_input_tokens", json_integer(run->tokens_cached));
	json_put(json, "memory_peak_bytes", json_integer(run->memory_peak));
	if (run->session_id)
		json_put(json, "session_id", json_str(run->session_id));
}

/* Exactly the keys of the contract: clients compare them. */
static json_t *run_json(const struct store_box_run *run)
{
	json_t *json = json_object();
	bool running = run->state == STORE_BOX_RUN_RUNNING;
	int64_t end_ms = run->completed_ms ? run->completed_ms : clock_wall_ms();
	int64_t took = end_ms - run->created_ms;

	json_put(json, "id", json_str(run->id));
	json_put(json, "box_id", json_str(run->box_id));
	json_put(json, "customer_id", json_str(run->account));
	json_put(json, "type", json_str(store_box_run_type_name(run->type)));
	json_put(json, "status", json_str(store_box_run_state_name(run->state)));
	json_put(json, "prompt", json_str(run->prompt));
	json_put(json, "input_tokens", json_integer(run->tokens_in));
	json_put(json, "output_tokens", json_integer(run->tokens_out));
	json_put(json, "cpu_ns", json_integer(run->cpu_us * 1000));
	json_put(json, "cost_usd", json_real(run->compute_usd + run->tokens_usd));
	json_put(json, "compute_cost_usd", json_real(run->compute_usd));
	json_put(json, "duration_ms", json_integer(took > 0 ? took : 0));
	json_put(json, "created_at", json_integer(run->created_ms / 1000));
	if (!running)
		json_put(json, "completed_at", json_integer(end_ms / 1000));
	if (run->type == STORE_BOX_RUN_AGENT)
		put_agent(json, run);
	if (run->schedule_id)
		json_put(json, "schedule_id", json_str(run->schedule_id));
	if (run->error && !running)
		json_put(json, "error_message", json_str(run->error));
	return json;
}

/* ---- lists ----------------------------------------------------------------------------- */

static bool has_row(const struct store_box_runs *list, const char *id)
{
	for (size_t i = 0; i < list->count; i++)
		if (str_eq(list->rows[i].id, id))
			return true;
	return false;
}

/* Rows that are on their way to the disk stand in the table of drives, newest first. */
int boxes_runs(struct boxes *boxes, const struct box_caller *who, const char *box,
	json_t **ret, struct err *err)
{
	CLEANUP(store_box) struct store_box row = {0};
	CLEANUP(store_box_runs) struct store_box_runs driven = {0};
	CLEANUP(store_box_runs) struct store_box_runs stored = {0};

	if (boxes_find(boxes, who, box, &row, err) < 0)
		return -1;
	drives_rows(boxes, row.id, &driven);
	if (store_box_run_list(
		    boxes->options.store, row.id, STORE_PAGE_MAX, &stored, err) < 0)
		return -1;
	json_t *list = json_array();
	for (size_t i = 0; i < driven.count; i++)
		if (!has_row(&stored, driven.rows[i].id))
			json_array_append_new(list, run_json(&driven.rows[i]));
	for (size_t i = 0; i < stored.count; i++)
		json_array_append_new(list, run_json(&stored.rows[i]));
	*ret = json_object();
	json_put(*ret, "runs", list);
	return 0;
}

static int find_run(struct boxes *boxes, const char *box_id, const char *run,
	struct store_box_run *ret, struct err *err)
{
	CLEANUP(store_box_runs) struct store_box_runs driven = {0};

	drives_rows(boxes, box_id, &driven);
	if (store_box_run_get(boxes->options.store, box_id, run, ret, err) == 0)
		return 0;
	for (size_t i = 0; err->kind == ERR_NOT_FOUND && i < driven.count; i++) {
		if (!str_eq(driven.rows[i].id, run))
			continue;
		drive_copy_row(ret, &driven.rows[i]);
		return 0;
	}
	return -1;
}

int boxes_run_get(struct boxes *boxes, const struct box_caller *who, const char *box,
	const char *run, json_t **ret, struct err *err)
{
	CLEANUP(store_box) struct store_box row = {0};
	CLEANUP(store_box_run) struct store_box_run found = {0};

	if (boxes_find(boxes, who, box, &row, err) < 0 ||
		find_run(boxes, row.id, run, &found, err) < 0)
		return -1;
	*ret = run_json(&found);
	return 0;
}

/* ---- cancel ---------------------------------------------------------------------------- */

/* A running row that nobody drives: its end was not stored, or it is not taken up yet. */
static int cancel_row(struct boxes *boxes, const struct store_box_run *run,
	struct cancel *cancel, struct err *err)
{
	struct err ignored = {0};
	bool was;

	run_signal(boxes->options.core, run->box_id, run->id, 9, cancel, &ignored);
	return store_box_run_cancel(boxes->options.store, run->id, "cancelled by the API",
		clock_wall_ms(), &was, cancel, err);
}

int boxes_run_cancel(struct boxes *boxes, const struct box_caller *who, const char *box,
	const char *run, struct cancel *cancel, struct err *err)
{
	CLEANUP(store_box) struct store_box row = {0};
	CLEANUP(store_box_run) struct store_box_run found = {0};
	size_t count = 0;

	if (boxes_may_write(who, err) < 0 || boxes_find(boxes, who, box, &row, err) < 0 ||
		find_run(boxes, row.id, run, &found, err) < 0)
		return -1;
	if (found.state != STORE_BOX_RUN_RUNNING)
		return 0;
	drives_stop(boxes, row.id, found.id, STORE_BOX_RUN_CANCELLED,
		"cancelled by the API", CANCEL_WAIT_MS, cancel, &count);
	return count ? 0 : cancel_row(boxes, &found, cancel, err);
}
