/* SPDX-License-Identifier: MIT */
/* One call of the box API; see box_call.h. */
#include "service/http/box_call.h"

#include <string.h>

int box_call_open(struct box_call *call, struct request *request)
{
	memset(call, 0, sizeof(*call));
	call->request = request;
	call->boxes = request_app(request)->boxes;
	call->who = request_caller(request);
	call->cancel = request_cancel(request);
	if (request_param_count(request) > 0)
		call->box = request_param(request, 0);
	if (call->boxes)
		return 0;
	reply_header(request, "Retry-After", "5");
	reply_error(request, 503, "no_engine",
		"There are no boxes here: no Docker Engine is connected.");
	return -1;
}

int box_call_begin(struct box_call *call, struct request *request)
{
	if (box_call_open(call, request))
		return -1;
	call->body = request_json_take(request, &call->err);
	if (call->body)
		return 0;
	reply_err(request, &call->err);
	return -1;
}

void box_call_drop(struct box_call *call)
{
	json_decref(call->body);
	json_decref(call->answer);
	call->body = call->answer = NULL;
}

void box_call_end(struct box_call *call, int status, int rc)
{
	json_t *answer = call->answer;

	call->answer = NULL;
	json_decref(call->body);
	call->body = NULL;
	if (rc == 0) {
		reply_json(call->request, status, answer ? answer : json_object());
		return;
	}
	json_decref(answer);
	reply_err(call->request, &call->err);
}
