/* SPDX-License-Identifier: MIT */
/*
 * Schedules: their verbs, and the firing.
 *
 * A slot is taken in its row before anything is done for it, so it fires at most once; after
 * a time in which nobody looked only the last one missed does.
 */
#include "service/box/box_schedule.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/log.h"
#include "service/box/drive.h"
#include "service/box/schedule.h"
#include "service/schedule/cron.h"

#include <string.h>

#define DUE_AT_ONCE 100

/* ---- rows ------------------------------------------------------------------------------ */

static json_t *headers_of(
	struct boxes *boxes, const struct store_box_schedule *row, struct err *err)
{
	if (str_empty(row->sealed))
		return NULL;
	CLEANUP(json) json_t *sealed = boxes_unseal(boxes, row->sealed, err);
	return json_incref(json_object_get(sealed, "headers"));
}

static json_t *show(struct boxes *boxes, const struct store_box_schedule *row)
{
	struct err ignored = {
		0}; /* of another key: the headers are lost, the rest is not */
	CLEANUP(json) json_t *headers = headers_of(boxes, row, &ignored);

	return schedule_json(row, headers);
}

/* Who may only look is told that there are headers, not what was entrusted in them. */
static json_t *show_to(struct boxes *boxes, const struct box_caller *who,
	const struct store_box_schedule *row)
{
	json_t *json = show(boxes, row);
	const char *name;
	json_t *value;

	if (!who->write)
		json_object_foreach (
			json_object_get(json, "webhook_headers"), name, value)
			json_string_set(value, "***");
	return json;
}

/* What a wish makes of a row. */
static int take_wish(struct boxes *boxes, struct store_box_schedule *row,
	const struct schedule_wish *wish, struct err *err)
{
	CLEANUP(strbuf) struct strbuf detail = STRBUF_INIT(LIMIT_STORE_TEXT / 2);

	if (json_print(&detail, wish->detail, err) < 0)
		return -1;
	free(row->cron);
	free(row->detail);
	free(row->sealed);
	row->sealed = NULL;
	row->type = wish->type;
	row->cron = mem_strdup(wish->cron);
	row->detail = strbuf_take(&detail);
	row->next_ms = wish->next_ms;
	if (wish->headers) {
		CLEANUP(json) json_t *kept = json_object();

		json_put(kept, "headers", json_incref(wish->headers));
		row->sealed = boxes_seal(boxes, kept);
	}
	return 0;
}

/* The box, of the caller's account, and its schedule. */
static int find(struct boxes *boxes, const struct box_caller *who, const char *box,
	const char *schedule, struct store_box_schedule *ret, struct err *err)
{
	CLEANUP(store_box) struct store_box row = {0};

	if (boxes_find(boxes, who, box, &row, err) < 0)
		return -1;
	return store_box_schedule_get(boxes->options.store, row.id, schedule, ret, err);
}

/* ---- verbs ----------------------------------------------------------------------------- */

int boxes_schedule_create(struct boxes *boxes, const struct box_caller *who,
	const char *box, const json_t *body, json_t **ret, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(store_box) struct store_box found = {0};
	CLEANUP(schedule_wish) struct schedule_wish wish = {0};
	CLEANUP(store_box_schedule) struct store_box_schedule row = {0};
	int64_t now_ms = clock_wall_ms();
	char id[40] = "sch-";

	if (boxes_may_write(who, err) < 0 ||
		schedule_read(body, now_ms, &wish, err) < 0 ||
		boxes_find(boxes, who, box, &found, err) < 0)
		return -1;
	crypto_random_hex(id + 4, 10);
	row.id = mem_strdup(id);
	row.box_id = mem_strdup(found.id);
	row.account = mem_strdup(found.account);
	row.state = STORE_SCHEDULE_ACTIVE;
	row.created_ms = row.updated_ms = now_ms;
	if (take_wish(boxes, &row, &wish, err) < 0 ||
		store_box_schedule_add(boxes->options.store, &row, cancel, err) < 0)
		return -1;
	boxes_log(boxes, row.box_id, "info", "system", "schedule %s is made: %s", row.id,
		row.cron);
	*ret = show(boxes, &row);
	return 0;
}

int boxes_schedule_list(struct boxes *boxes, const struct box_caller *who,
	const char *box, json_t **ret, struct err *err)
{
	CLEANUP(store_box) struct store_box row = {0};
	CLEANUP(store_box_schedules) struct store_box_schedules list = {0};

	if (boxes_find(boxes, who, box, &row, err) < 0 ||
		store_box_schedule_list(boxes->options.store, row.id, &list, err) < 0)
		return -1;
	*ret = json_array();
	for (size_t i = 0; i < list.count; i++)
		json_array_append_new(*ret, show_to(boxes, who, &list.rows[i]));
	return 0;
}

int boxes_schedule_get(struct boxes *boxes, const struct box_caller *who, const char *box,
	const char *schedule, json_t **ret, struct err *err)
{
	CLEANUP(store_box_schedule) struct store_box_schedule row = {0};

	if (find(boxes, who, box, schedule, &row, err) < 0)
		return -1;
	*ret = show_to(boxes, who, &row);
	return 0;
}

static int64_t next_slot(const char *text, int64_t now_ms)
{
	struct err ignored = {0};
	struct cron cron;

	return cron_parse(&cron, text, &ignored) == 0
		       ? cron_next(&cron, now_ms / 1000) * 1000
		       : 0;
}

static int set_state(struct boxes *boxes, const struct store_box_schedule *row,
	bool pause, struct cancel *cancel, struct err *err)
{
	int64_t now_ms = clock_wall_ms();

	return store_box_schedule_set_state(boxes->options.store, row->id,
		pause ? STORE_SCHEDULE_PAUSED : STORE_SCHEDULE_ACTIVE,
		next_slot(row->cron, now_ms), now_ms, cancel, err);
}

int boxes_schedule_pause(struct boxes *boxes, const struct box_caller *who,
	const char *box, const char *schedule, bool pause, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(store_box_schedule) struct store_box_schedule row = {0};

	if (boxes_may_write(who, err) < 0 ||
		find(boxes, who, box, schedule, &row, err) < 0)
		return -1;
	return set_state(boxes, &row, pause, cancel, err);
}

/* `status` beside the members that schedule_merge() knows. */
static int change_state(struct boxes *boxes, struct store_box_schedule *row,
	const json_t *body, struct cancel *cancel, struct err *err)
{
	const json_t *status = json_object_get(body, "status");
	const char *word = json_string_value(status);

	if (!status || json_is_null(status))
		return 0;
	if (!str_eq(word, "active") && !str_eq(word, "paused"))
		return err_set(
			err, ERR_INPUT, "`status` must be \"active\" or \"paused\"");
	bool pause = str_eq(word, "paused");
	if ((row->state == STORE_SCHEDULE_PAUSED) == pause)
		return 0;
	if (set_state(boxes, row, pause, cancel, err) < 0)
		return -1;
	row->state = pause ? STORE_SCHEDULE_PAUSED : STORE_SCHEDULE_ACTIVE;
	return 0;
}

int boxes_schedule_change(struct boxes *boxes, const struct box_caller *who,
	const char *box, const char *schedule, const json_t *body, json_t **ret,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(store_box_schedule) struct store_box_schedule row = {0};
	CLEANUP(schedule_wish) struct schedule_wish wish = {0};

	if (!json_is_object(body))
		return err_set(err, ERR_INPUT, "the body must be an object");
	if (boxes_may_write(who, err) < 0 ||
		find(boxes, who, box, schedule, &row, err) < 0)
		return -1;
	CLEANUP(json) json_t *headers = headers_of(boxes, &row, err);
	CLEANUP(json) json_t *present = schedule_json(&row, headers);
	CLEANUP(json) json_t *merged = schedule_merge(present, body);
	row.updated_ms = clock_wall_ms();
	if (schedule_read(merged, row.updated_ms, &wish, err) < 0 ||
		take_wish(boxes, &row, &wish, err) < 0 ||
		change_state(boxes, &row, body, cancel, err) < 0 ||
		store_box_schedule_change(boxes->options.store, &row, cancel, err) < 0)
		return -1;
	*ret = show(boxes, &row);
	return 0;
}

int boxes_schedule_delete(struct boxes *boxes, const struct box_caller *who,
	const char *box, const char *schedule, struct cancel *cancel, struct err *err)
{
	CLEANUP(store_box_schedule) struct store_box_schedule row = {0};

	if (boxes_may_write(who, err) < 0 ||
		find(boxes, who, box, schedule, &row, err) < 0)
		return -1;
	return store_box_schedule_delete(
		boxes->options.store, row.box_id, row.id, cancel, err);
}

/* ---- firing ---------------------------------------------------------------------------- */

struct firing {
	struct store_box_schedule row;
	int64_t slot_ms;
};

static void firing_free(struct firing *firing)
{
	store_box_schedule_release(&firing->row);
	free(firing);
}

/* A slot for which nothing is run stands in the list of runs with its reason. */
static void skip(struct boxes *boxes, const struct firing *firing, const char *why)
{
	const struct store_box_schedule *row = &firing->row;
	CLEANUP(store_box_run) struct store_box_run run = {0};
	struct err err = {0};
	char id[40] = "run-";

	crypto_random_hex(id + 4, 10);
	run.id = mem_strdup(id);
	run.box_id = mem_strdup(row->box_id);
	run.account = mem_strdup(row->account);
	run.type = row->type == STORE_SCHEDULE_EXEC ? STORE_BOX_RUN_SHELL
						    : STORE_BOX_RUN_AGENT;
	run.schedule_id = mem_strdup(row->id);
	run.prompt = mem_printf("(%s)", row->cron);
	run.created_ms = clock_wall_ms();
	boxes_log(boxes, row->box_id, "warn", "system", "schedule %s is skipped: %s",
		row->id, why);
	if (store_box_run_add_skipped(boxes->options.store, &run, why, NULL, &err) < 0 ||
		store_box_schedule_ran(boxes->options.store, row->id, run.id, "skipped",
			run.created_ms, NULL, &err) < 0)
		log_line(LOG_WARN, "schedules", "%s: %s", row->id, err.text);
}

/* The body of the run that the schedule stands for. */
static json_t *body_of(
	struct boxes *boxes, const struct store_box_schedule *row, struct err *err)
{
	json_t *body = json_parse(row->detail, strlen(row->detail), err);
	if (!body)
		return NULL;
	CLEANUP(json) json_t *headers = headers_of(boxes, row, err);
	json_t *url = json_object_get(body, "webhook_url");

	if (url) {
		json_t *hook = json_object();

		json_put(hook, "url", json_incref(url));
		if (headers)
			json_put(hook, "headers", json_incref(headers));
		json_put(body, "webhook", hook);
	}
	return body;
}

static int begin(struct boxes *boxes, const struct firing *firing,
	struct box_drive **ret_drive, struct err *err)
{
	const struct store_box_schedule *row = &firing->row;
	struct box_caller who = {.account = row->account, .write = true};
	CLEANUP(json) json_t *body = body_of(boxes, row, err);
	CLEANUP(box_work) struct box_work work = {0};

	if (!body || box_work_begin(boxes, &who, row->box_id, BOX_WORK_RUN, "a schedule",
			     &work, boxes->stop, err) < 0)
		return -1;
	if (row->type == STORE_SCHEDULE_EXEC)
		return exec_begin(boxes, &work, BOX_RUN_EXEC, body, row->id, ret_drive,
			boxes->stop, err);
	const char *model = json_or_string(body, "model", NULL);
	if (model) {
		free(work.row.model);
		work.row.model = mem_strdup(model);
	}
	return agent_begin(
		boxes, &work, body, NULL, 0, row->id, ret_drive, boxes->stop, err);
}

static void fire(struct boxes *boxes, void *arg)
{
	struct firing *firing = arg;
	struct box_drive *drive = NULL;
	struct box_run_end end;
	struct err err = {0};

	if (drives_has_schedule(boxes, firing->row.id))
		skip(boxes, firing, "its last run has not ended");
	else if (begin(boxes, firing, &drive, &err) == 0)
		box_drive_pump(drive, NULL, &end);
	else if (!cancel_fired(boxes->stop))
		skip(boxes, firing, err.text);
	firing_free(firing);
}

static void fire_one(struct boxes *boxes, struct store_box_schedule *row, int64_t now_ms,
	struct cancel *cancel)
{
	struct firing *firing;
	struct err err = {0};
	int64_t slot_ms = row->next_ms;

	if (store_box_schedule_fired(boxes->options.store, row->id, slot_ms,
		    next_slot(row->cron, now_ms), cancel, &err) < 0) {
		if (err.kind != ERR_CONFLICT && err.kind != ERR_NOT_FOUND)
			log_line(LOG_WARN, "schedules", "%s: %s", row->id, err.text);
		return;
	}
	firing = mem_zalloc(sizeof *firing);
	*firing = (struct firing){.row = *row, .slot_ms = slot_ms};
	*row = (struct store_box_schedule){0};
	if (drives_spawn(boxes, true, fire, firing, &err) == 0)
		return;
	skip(boxes, firing, err.text);
	firing_free(firing);
}

void schedules_tick(struct boxes *boxes, int64_t now_ms, struct cancel *cancel)
{
	CLEANUP(store_box_schedules) struct store_box_schedules due = {0};
	struct err err = {0};

	if (store_box_schedule_due(
		    boxes->options.store, now_ms, DUE_AT_ONCE, &due, &err) < 0) {
		log_line(LOG_WARN, "schedules", "%s", err.text);
		return;
	}
	for (size_t i = 0; i < due.count && !cancel_fired(cancel); i++)
		fire_one(boxes, &due.rows[i], now_ms, cancel);
}
