/* SPDX-License-Identifier: MIT */
/* /v2/box: the life of boxes, and what they have logged. */
#include "service/http/box_call.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "service/store/store_event.h"
#include "service/task/task.h"

static int create(struct box_call *call, bool from_snapshot)
{
	return boxes_create(call->boxes, call->who, call->body, from_snapshot,
		&call->answer, call->cancel, &call->err);
}

void handle_box_create(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 201, create(&call, false));
}

void handle_box_restore(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 201, create(&call, true));
}

void handle_box_list(struct request *request)
{
	struct box_call call;

	if (box_call_open(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_list(call.boxes, call.who, request_query(request, "label"),
				&call.answer, &call.err));
}

void handle_box_get(struct request *request)
{
	struct box_call call;

	if (box_call_open(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_get(
				call.boxes, call.who, call.box, &call.answer, &call.err));
}

void handle_box_status(struct request *request)
{
	struct box_call call;

	if (box_call_open(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_status(
				call.boxes, call.who, call.box, &call.answer, &call.err));
}

void handle_box_pause(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_pause(
				call.boxes, call.who, call.box, call.cancel, &call.err));
}

void handle_box_resume(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_resume(
				call.boxes, call.who, call.box, call.cancel, &call.err));
}

void handle_box_delete(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_delete(
				call.boxes, call.who, call.box, call.cancel, &call.err));
}

void handle_box_delete_many(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_delete_many(call.boxes, call.who, call.body, &call.answer,
				call.cancel, &call.err));
}

static json_t *event_line(const struct store_event *event)
{
	bool agent = !str_eq(event->kind, "error") && !str_eq(event->kind, "prepare") &&
		     !str_eq(event->kind, "collect") && !str_eq(event->kind, "publish");
	json_t *o = json_object();

	json_put(o, "timestamp", json_integer(event->at_ms / 1000));
	json_put(o, "level", json_str(str_eq(event->kind, "error") ? "error" : "info"));
	json_put(o, "source", json_str(agent ? "agent" : "system"));
	json_put(o, "message", json_str(event->text));
	return o;
}

/* The log of a task's box is that of the task, also when the box itself is gone. */
static int task_logs(struct box_call *call, int64_t task, int64_t offset, int64_t limit)
{
	CLEANUP(store_events) struct store_events events = {0};
	int most = limit < STORE_PAGE_MAX ? (int)limit : STORE_PAGE_MAX;

	if (store_events_read(request_app(call->request)->store, task, offset, most,
		    &events, &call->err))
		return -1;
	json_t *lines = json_array();
	for (size_t i = 0; i < events.count; i++)
		json_array_append_new(lines, event_line(&events.rows[i]));
	call->answer = json_object();
	json_put(call->answer, "logs", lines);
	return 0;
}

static int logs(struct box_call *call)
{
	int64_t task =
		call->who->operator
			? task_box_log(request_app(call->request)->store, call->box)
			: 0;
	int64_t offset, limit;

	if (request_query_int(
		    call->request, "offset", 0, INT64_MAX, 0, &offset, &call->err) ||
		request_query_int(call->request, "limit", 1, LIMIT_BOX_LOG_ROWS,
			LIMIT_BOX_LOG_ROWS, &limit, &call->err))
		return -1;
	if (task > 0)
		return task_logs(call, task, offset, limit);
	return boxes_logs(call->boxes, call->who, call->box, offset, limit, &call->answer,
		&call->err);
}

void handle_box_logs(struct request *request)
{
	struct box_call call;

	if (box_call_open(&call, request) == 0)
		box_call_end(&call, 200, logs(&call));
}

/* Known to later clients, and not built. */
void handle_box_unbuilt(struct request *request)
{
	reply_error(request, 501, "not_supported",
		"Browsers in boxes and recordings are not supported by this server.");
}
