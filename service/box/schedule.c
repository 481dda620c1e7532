/* SPDX-License-Identifier: MIT */
/* Schedules as JSON: what a body asks for, and what is shown of a row. */
#include "service/box/schedule.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/drive.h"
#include "service/schedule/cron.h"

#include <string.h>

static json_t *keep(const json_t *value)
{
	return json_incref((json_t *)(uintptr_t)value);
}

static bool is_given(const json_t *value)
{
	return value && !json_is_null(value);
}

static const char *plain(const json_t *value)
{
	const char *text = json_string_value(value);

	return text && strlen(text) == json_string_length(value) ? text : NULL;
}

/* ---- what is asked for ----------------------------------------------------------------- */

static int read_type(const json_t *body, struct schedule_wish *wish, struct err *err)
{
	const char *type = plain(json_object_get(body, "type"));

	if (str_eq(type, "exec"))
		wish->type = STORE_SCHEDULE_EXEC;
	else if (str_eq(type, "prompt"))
		wish->type = STORE_SCHEDULE_PROMPT;
	else
		return err_set(err, ERR_INPUT, "`type` must be \"exec\" or \"prompt\"");
	return 0;
}

static int read_cron(
	const json_t *body, int64_t now_ms, struct schedule_wish *wish, struct err *err)
{
	const char *text = plain(json_object_get(body, "cron"));
	struct cron cron;

	if (!text)
		return err_set(err, ERR_INPUT, "`cron` must be a string of five fields");
	if (cron_parse(&cron, text, err) < 0)
		return err_wrap(err, "`cron`");
	wish->cron = mem_strdup(text);
	wish->next_ms = cron_next(&cron, now_ms / 1000) * 1000;
	return 0;
}

static int read_command(const json_t *body, struct schedule_wish *wish, struct err *err)
{
	const json_t *command = json_object_get(body, "command");
	size_t i, total = 0;
	json_t *word;

	if (json_array_size(command) == 0)
		return err_set(err, ERR_INPUT,
			"`command` must be a list of strings, the program first");
	json_array_foreach (command, i, word) {
		const char *text = plain(word);

		if (!text || (i == 0 && !*text))
			return err_set(err, ERR_INPUT,
				"`command[%zu]` must be a string without a NUL", i);
		total += json_string_length(word) + 8;
	}
	if (total > LIMIT_STORE_TEXT / 4)
		return err_set(err, ERR_LIMIT, "`command` must have at most %lu bytes",
			LIMIT_STORE_TEXT / 4);
	json_put(wish->detail, "command", keep(command));
	return 0;
}

static int read_prompt(const json_t *body, struct schedule_wish *wish, struct err *err)
{
	const json_t *prompt = json_object_get(body, "prompt");
	const json_t *model = json_object_get(body, "model");
	const json_t *options = json_object_get(body, "agent_options");
	const json_t *timeout = json_object_get(body, "timeout");

	if (str_empty(plain(prompt)))
		return err_set(
			err, ERR_INPUT, "`prompt` must be a text that is not empty");
	if (json_string_length(prompt) > LIMIT_STORE_TEXT / 4)
		return err_set(err, ERR_LIMIT, "`prompt` must have at most %lu bytes",
			LIMIT_STORE_TEXT / 4);
	json_put(wish->detail, "prompt", keep(prompt));
	if (is_given(model)) {
		if (!plain(model) || json_string_length(model) > LIMIT_BOX_WORD)
			return err_set(err, ERR_INPUT,
				"`model` must be a text of at most %d bytes",
				LIMIT_BOX_WORD);
		json_put(wish->detail, "model", keep(model));
	}
	if (is_given(options)) {
		if (!json_is_object(options))
			return err_set(
				err, ERR_INPUT, "`agent_options` must be an object");
		json_put(wish->detail, "agent_options", keep(options));
	}
	if (is_given(timeout)) {
		if (!json_is_integer(timeout) || json_integer_value(timeout) < 1 ||
			json_integer_value(timeout) > LIMIT_BOX_TIMEOUT_MS)
			return err_set(err, ERR_INPUT,
				"`timeout` must be a number of milliseconds from 1 to %d",
				LIMIT_BOX_TIMEOUT_MS);
		json_put(wish->detail, "timeout", keep(timeout));
	}
	return 0;
}

static int read_webhook(const json_t *body, struct schedule_wish *wish, struct err *err)
{
	const json_t *url = json_object_get(body, "webhook_url");
	const json_t *headers = json_object_get(body, "webhook_headers");

	if (!is_given(url) && is_given(headers) && json_object_size(headers) > 0)
		return err_set(err, ERR_INPUT,
			"`webhook_headers` needs a `webhook_url` to be sent to");
	if (!is_given(url))
		return 0;
	if (webhook_check(plain(url), headers, "webhook_url", err) < 0)
		return -1;
	json_put(wish->detail, "webhook_url", keep(url));
	if (is_given(headers))
		wish->headers = keep(headers);
	return 0;
}

static int read_folder(const json_t *body, struct schedule_wish *wish, struct err *err)
{
	const json_t *folder = json_object_get(body, "folder");

	if (is_given(folder) && !plain(folder))
		return err_set(err, ERR_INPUT, "`folder` must be a string without a NUL");
	CLEANUP(mem) char *path = boxes_path(plain(folder), "folder", err);
	if (!path)
		return -1;
	json_put(wish->detail, "folder", json_str(path));
	return 0;
}

int schedule_read(
	const json_t *body, int64_t now_ms, struct schedule_wish *ret, struct err *err)
{
	CLEANUP(schedule_wish) struct schedule_wish wish = {.detail = json_object()};
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_STORE_TEXT / 2);

	if (!json_is_object(body))
		return err_set(err, ERR_INPUT, "the body must be an object");
	if (read_type(body, &wish, err) < 0 || read_cron(body, now_ms, &wish, err) < 0)
		return -1;
	if ((wish.type == STORE_SCHEDULE_EXEC ? read_command(body, &wish, err)
					      : read_prompt(body, &wish, err)) < 0)
		return -1;
	if (read_folder(body, &wish, err) < 0 || read_webhook(body, &wish, err) < 0)
		return -1;
	if (json_print(&text, wish.detail, err) < 0)
		return err_wrap(err, "the schedule");
	*ret = wish;
	wish = (struct schedule_wish){0};
	return 0;
}

void schedule_wish_release(struct schedule_wish *wish)
{
	free(wish->cron);
	json_decref(wish->detail);
	json_decref(wish->headers);
	*wish = (struct schedule_wish){0};
}

/* ---- what is shown --------------------------------------------------------------------- */

json_t *schedule_json(const struct store_box_schedule *row, const json_t *headers)
{
	struct err ignored = {0};
	CLEANUP(json)
	json_t *detail = json_parse(row->detail, strlen(row->detail), &ignored);
	json_t *json = json_object();

	json_put(json, "id", json_str(row->id));
	json_put(json, "box_id", json_str(row->box_id));
	json_put(json, "customer_id", json_str(row->account));
	json_put(json, "type", json_str(store_schedule_type_name(row->type)));
	json_put(json, "cron", json_str(row->cron));
	json_object_update_missing(json, detail);
	json_put(json, "status", json_str(store_schedule_state_name(row->state)));
	if (headers)
		json_put(json, "webhook_headers", keep(headers));
	if (row->last_run_ms)
		json_put(json, "last_run_at", json_integer(row->last_run_ms / 1000));
	if (row->last_status)
		json_put(json, "last_run_status", json_str(row->last_status));
	if (row->last_run_id)
		json_put(json, "last_run_id", json_str(row->last_run_id));
	json_put(json, "total_runs", json_integer(row->total_runs));
	json_put(json, "total_failures", json_integer(row->total_failures));
	json_put(json, "created_at", json_integer(row->created_ms / 1000));
	json_put(json, "updated_at", json_integer(row->updated_ms / 1000));
	return json;
}

json_t *schedule_merge(const json_t *present, const json_t *body)
{
	static const char *const members[] = {"cron", "command", "prompt", "folder",
		"model", "agent_options", "timeout", "webhook_url", "webhook_headers"};
	json_t *merged = json_object();

	json_put(merged, "type", keep(json_object_get(present, "type")));
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		const json_t *value = json_object_get(body, members[i]);

		if (!value)
			value = json_object_get(present, members[i]);
		if (value)
			json_put(merged, members[i], keep(value));
	}
	/* Headers without an address mean nothing any more. */
	if (!is_given(json_object_get(merged, "webhook_url")))
		json_object_del(merged, "webhook_headers");
	return merged;
}
