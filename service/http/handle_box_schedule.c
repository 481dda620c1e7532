/* SPDX-License-Identifier: MIT */
/* /v2/box/{id}/schedules: what a box does by the clock. */
#include "service/http/box_call.h"

#include "service/box/box_schedule.h"

void handle_schedule_create(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 201,
			boxes_schedule_create(call.boxes, call.who, call.box, call.body,
				&call.answer, call.cancel, &call.err));
}

void handle_schedule_list(struct request *request)
{
	struct box_call call;

	if (box_call_open(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_schedule_list(
				call.boxes, call.who, call.box, &call.answer, &call.err));
}

void handle_schedule_get(struct request *request)
{
	struct box_call call;

	if (box_call_open(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_schedule_get(call.boxes, call.who, call.box,
				request_param(request, 1), &call.answer, &call.err));
}

void handle_schedule_change(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_schedule_change(call.boxes, call.who, call.box,
				request_param(request, 1), call.body, &call.answer,
				call.cancel, &call.err));
}

static int set_paused(struct box_call *call, bool yes)
{
	return boxes_schedule_pause(call->boxes, call->who, call->box,
		request_param(call->request, 1), yes, call->cancel, &call->err);
}

void handle_schedule_pause(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 200, set_paused(&call, true));
}

void handle_schedule_resume(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 200, set_paused(&call, false));
}

void handle_schedule_delete(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 200,
			boxes_schedule_delete(call.boxes, call.who, call.box,
				request_param(request, 1), call.cancel, &call.err));
}
