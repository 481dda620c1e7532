/* SPDX-License-Identifier: MIT */
/* /v2/box: the life of boxes, and what they have logged. */
#include "service/http/box_call.h"
#include "boxcore/base/limits.h"
#include "service/store/store.h"

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

static int logs(struct box_call *call)
{
	int64_t offset, limit;

	if (request_query_int(
		    call->request, "offset", 0, INT64_MAX, 0, &offset, &call->err) ||
		request_query_int(call->request, "limit", 1, LIMIT_BOX_LOG_ROWS,
			LIMIT_BOX_LOG_ROWS, &limit, &call->err))
		return -1;
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
