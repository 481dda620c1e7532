/* SPDX-License-Identifier: MIT */
/* /v2/box/{id}/git/...: git in a box. */
#include "service/http/box_call.h"

#include "service/box/box_git.h"

#include <string.h>

/* The pattern's last word; the arguments are the body's members or the query's. */
static int git(struct box_call *call)
{
	const char *verb = strrchr(request_pattern(call->request), '/') + 1;

	if (strcmp(request_method(call->request), "GET") == 0) {
		json_decref(call->body);
		call->body = request_query_json(call->request);
	}
	return boxes_git(call->boxes, call->who, call->box, verb, call->body,
		&call->answer, call->cancel, &call->err);
}

void handle_box_git(struct request *request)
{
	struct box_call call;

	if (box_call_begin(&call, request) == 0)
		box_call_end(&call, 200, git(&call));
}
