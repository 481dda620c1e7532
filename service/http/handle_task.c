/* SPDX-License-Identifier: MIT */
/* /v1/tasks: looking at tasks, following them, stopping and repeating them. */
#include "service/http/handlers.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/http/rows.h"

#include <string.h>

enum { PAGE = 50, EVENT_PAGE = 100 };

/* ---- looking ----------------------------------------------------------------------------- */

static int read_filter(
	const struct request *request, struct store_task_filter *filter, struct err *err)
{
	enum store_task_state state;
	int64_t limit = 0;

	filter->state = request_query(request, "state");
	filter->lane = request_query(request, "lane");
	if (filter->state && !store_task_state_parse(filter->state, &state))
		return err_set(
			err, ERR_INPUT, "There is no state \"%.20s\"", filter->state);
	if (request_query_int(request, "limit", 1, STORE_PAGE_MAX, PAGE, &limit, err) ||
		request_query_int(
			request, "before", 1, INT64_MAX, 0, &filter->before_id, err))
		return -1;
	filter->limit = (int)limit;
	return 0;
}

void handle_task_list(struct request *request)
{
	CLEANUP(store_tasks) struct store_tasks tasks = {0};
	struct store_task_filter filter = {0};
	struct err err = {0};

	if (read_filter(request, &filter, &err) ||
		store_task_list(request_app(request)->store, &filter, &tasks, &err)) {
		reply_err(request, &err);
		return;
	}
	json_t *list = json_array();
	for (size_t i = 0; i < tasks.count; i++)
		json_array_append_new(list, row_task(&tasks.rows[i]));
	json_t *body = json_object();
	json_put(body, "tasks", list);
	reply_json(request, 200, body);
}

static int task_json(struct store *store, int64_t id, json_t **ret, struct err *err)
{
	CLEANUP(store_task) struct store_task task = {0};
	CLEANUP(store_steps) struct store_steps steps = {0};
	CLEANUP(store_effects) struct store_effects effects = {0};

	if (store_task_get(store, id, &task, err) ||
		store_step_list(store, id, &steps, err) ||
		store_effect_list(store, id, &effects, err))
		return -1;
	json_t *step_list = json_array(), *effect_list = json_array();
	for (size_t i = 0; i < steps.count; i++)
		json_array_append_new(step_list, row_step(&steps.rows[i]));
	for (size_t i = 0; i < effects.count; i++)
		json_array_append_new(effect_list, row_effect(&effects.rows[i]));
	*ret = row_task(&task);
	json_put(*ret, "steps", step_list);
	json_put(*ret, "effects", effect_list);
	return 0;
}

static void reply_task(struct request *request, int status, int64_t id)
{
	struct err err = {0};
	json_t *body = NULL;

	if (task_json(request_app(request)->store, id, &body, &err))
		reply_err(request, &err);
	else
		reply_json(request, status, body);
}

void handle_task_get(struct request *request)
{
	struct err err = {0};
	int64_t id;

	if (request_param_id(request, 0, &id, &err))
		reply_err(request, &err);
	else
		reply_task(request, 200, id);
}

/* ---- events ------------------------------------------------------------------------------ */

static void reply_page(struct request *request, int64_t id, int64_t after)
{
	CLEANUP(store_events) struct store_events events = {0};
	struct store *store = request_app(request)->store;
	struct err err = {0};
	int64_t limit;

	if (request_query_int(
		    request, "limit", 1, STORE_PAGE_MAX, EVENT_PAGE, &limit, &err) ||
		store_events_read(store, id, after, (int)limit, &events, &err)) {
		reply_err(request, &err);
		return;
	}
	json_t *list = json_array();
	for (size_t i = 0; i < events.count; i++)
		json_array_append_new(list, row_event(&events.rows[i]));
	json_t *body = json_object();
	json_put(body, "events", list);
	reply_json(request, 200, body);
}

/* A task's events as they come, up to its end. */
struct follow {
	struct store *store;
	int64_t task, after;
};

static void add_event(struct strbuf *out, const char *id, const char *kind, json_t *data)
{
	struct err ignored = {0};

	if (id)
		strbuf_addf(out, "id: %s\n", id);
	if (kind)
		strbuf_addf(out, "event: %s\n", kind);
	strbuf_adds(out, "data: ");
	json_print(out, data, &ignored); /* a failure sticks to out */
	strbuf_adds(out, "\n\n");
	json_decref(data);
}

static void add_end(struct strbuf *out, const struct store_task *task)
{
	json_t *data = json_object();

	json_put(data, "state", json_str(store_task_state_name(task->state)));
	json_put(data, "outcome", json_str(task->outcome));
	json_put(data, "pr_url", json_str(task->pr_url));
	add_event(out, NULL, "end", data);
}

static int follow_next(void *arg, struct strbuf *out)
{
	CLEANUP(store_task) struct store_task task = {0};
	CLEANUP(store_events) struct store_events events = {0};
	struct follow *follow = arg;
	struct err err = {0};
	char id[24];

	/* The state first: what was appended before the end is seen after it. */
	if (store_task_get(follow->store, follow->task, &task, &err) ||
		store_events_read(follow->store, follow->task, follow->after, EVENT_PAGE,
			&events, &err))
		return err.kind == ERR_TRANSIENT ? 0 : -1;
	for (size_t i = 0; i < events.count && out->len < LIMIT_HTTP_STREAM_ROOM; i++) {
		snprintf(id, sizeof(id), "%lld", (long long)events.rows[i].seq);
		add_event(out, id, NULL, row_event(&events.rows[i]));
		follow->after = events.rows[i].seq;
	}
	if (events.count > 0 || !store_task_state_ended(task.state))
		return 0;
	add_end(out, &task);
	return -1;
}

static void follow_close(void *arg)
{
	free(arg);
}

static void reply_follow(struct request *request, int64_t id, int64_t after)
{
	CLEANUP(store_task) struct store_task task = {0};
	struct store *store = request_app(request)->store;
	const char *seen = request_header(request, "Last-Event-ID");
	struct err err = {0};

	if (store_task_get(store, id, &task, &err)) {
		reply_err(request, &err);
		return;
	}
	if (seen && !str_to_i64(seen, 0, INT64_MAX, &after)) {
		reply_error(request, 400, "input", "Last-Event-ID must be a number.");
		return;
	}
	struct follow *follow = mem_zalloc(sizeof(*follow));
	*follow = (struct follow){.store = store, .task = id, .after = after};
	struct stream_source source = {follow_next, follow_close, follow};
	reply_events(request, &source);
}

void handle_task_events(struct request *request)
{
	const char *accept = request_header(request, "Accept");
	struct err err = {0};
	int64_t id, after;

	if (request_param_id(request, 0, &id, &err) ||
		request_query_int(request, "after", 0, INT64_MAX, 0, &after, &err))
		reply_err(request, &err);
	else if (accept && strstr(accept, "text/event-stream"))
		reply_follow(request, id, after);
	else
		reply_page(request, id, after);
}

/* ---- stopping and repeating -------------------------------------------------------------- */

static int cancel_task(
	struct request *request, int64_t id, const char *reason, struct err *err)
{
	const struct http_app *app = request_app(request);
	enum store_cancelled done;

	if (app->task_cancel)
		return app->task_cancel(
			app->arg, id, reason, request_cancel(request), err);
	return store_task_cancel(app->store, id, reason, clock_wall_ms(), &done,
		request_cancel(request), err);
}

/* "cancelled over the API: <the caller's reason>" */
static int read_reason(struct request *request, struct strbuf *reason, struct err *err)
{
	CLEANUP(json) json_t *body = request_json(request, err);

	if (!body)
		return -1;
	const json_t *text = json_at(body, "reason");
	if (text && !json_is_string(text))
		return err_set(err, ERR_INPUT, "`reason` must be a string");
	strbuf_adds(reason, "cancelled over the API");
	if (text && json_string_length(text) > 0) {
		strbuf_adds(reason, ": ");
		str_clean_utf8(
			reason, json_string_value(text), json_string_length(text), false);
	}
	return strbuf_check(reason, "`reason`", err);
}

void handle_task_cancel(struct request *request)
{
	CLEANUP(strbuf) struct strbuf reason = STRBUF_INIT(LIMIT_EVENT_TITLE);
	struct err err = {0};
	int64_t id;

	if (request_param_id(request, 0, &id, &err) ||
		read_reason(request, &reason, &err) ||
		cancel_task(request, id, strbuf_str(&reason), &err))
		reply_err(request, &err);
	else
		reply_task(request, 200, id);
}

void handle_task_retry(struct request *request)
{
	const struct http_app *app = request_app(request);
	struct err err = {0};
	int64_t id, fresh;

	if (!app->task_retry)
		reply_error(request, 501, "not_supported",
			"this server does not retry tasks");
	else if (request_param_id(request, 0, &id, &err) ||
		 app->task_retry(app->arg, id, &fresh, request_cancel(request), &err))
		reply_err(request, &err);
	else
		reply_task(request, 201, fresh);
}
