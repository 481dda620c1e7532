/* SPDX-License-Identifier: MIT */
/* /v2/box/{id}/snapshots and /v2/box/snapshots: the files of boxes, kept. */
#include "service/http/box_call.h"

void handle_snapshot_create(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 201,
			boxes_snapshot(call.boxes, call.who, call.box, call.body,
				&call.answer, call.cancel, &call.err));
}

void handle_snapshot_list(struct request *request)
{
	struct box_call call;

	if (box_call_open(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_snapshot_list(
				call.boxes, call.who, call.box, &call.answer, &call.err));
}

void handle_snapshot_delete(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_snapshot_delete(call.boxes, call.who, call.box,
				request_param(request, 1), call.cancel, &call.err));
}

void handle_snapshot_delete_many(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_snapshot_delete_many(call.boxes, call.who, call.body,
				&call.answer, call.cancel, &call.err));
}
